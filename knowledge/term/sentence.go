package term

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Span is the stretch text[Start:End], in bytes.
type Span struct{ Start, End int }

// Sentences cuts a paragraph into sentences: spans in order, without the white
// space between them; together they hold every other byte of text. A sentence
// ends at . ! ? or an ellipsis before white space (unless an abbreviation, an
// initial or a number's dot stands there or the next word is lower-case), at
// 。！？, and at a blank line.
func Sentences(text string) []Span {
	var spans []Span
	start := 0
	flush := func(end int) {
		s, e := trim(text, start, end)
		if s < e {
			spans = append(spans, Span{s, e})
		}
		start = end
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		next := i + n
		switch r {
		case '。', '！', '？':
			flush(next)
		case '\n':
			if blankLine(text, next) {
				flush(next)
			}
		case '.', '!', '?', '…':
			end := closing(text, next)
			if ends(text, start, i, end, r) {
				flush(end)
				next = end
			}
		}
		i = next
	}
	flush(len(text))
	return spans
}

func trim(text string, start, end int) (int, int) {
	s := strings.TrimRightFunc(text[start:end], unicode.IsSpace)
	end = start + len(s)
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	return end - len(s), end
}

func blankLine(text string, i int) bool {
	for ; i < len(text); i++ {
		switch text[i] {
		case '\n':
			return true
		case ' ', '\t':
		default:
			return false
		}
	}
	return false
}

// closing skips further end marks, quotes, brackets and emphasis after one.
func closing(text string, i int) int {
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !strings.ContainsRune(".!?…\"'”’)]*_", r) {
			break
		}
		i += n
	}
	return i
}

func ends(text string, start, dot, end int, mark rune) bool {
	if end >= len(text) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(text[end:])
	if !unicode.IsSpace(r) {
		return false
	}
	rest := strings.TrimLeftFunc(text[end:], unicode.IsSpace)
	next, _ := utf8.DecodeRuneInString(rest)
	if unicode.IsLower(next) {
		return false
	}
	if mark != '.' {
		return true
	}
	before := text[start:dot]
	word := before[strings.LastIndexFunc(before, func(r rune) bool { return unicode.IsSpace(r) || r == '(' })+1:]
	if utf8.RuneCountInString(word) == 1 && word >= "A" && word != "I" {
		return false // an initial
	}
	if strings.Trim(word, "0123456789") == "" && word != "" && strings.TrimSpace(before) == word {
		return false // the number of a list item
	}
	switch strings.ToLower(strings.Trim(word, "*_\"'“")) {
	case "e.g", "i.e", "eg", "ie", "mr", "mrs", "ms", "dr", "prof", "st", "vs", "no", "nr", "approx", "fig", "cf", "inc", "ltd", "z.b", "bzw", "ca", "d.h":
		return false
	}
	return true
}
