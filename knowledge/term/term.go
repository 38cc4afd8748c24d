// Package term cuts text into sentences and searchable terms, alike for
// documents and questions.
//
// A token is a run of letters and digits, lower-cased and without accents. Its
// stem is what English inflection leaves (Snowball "english", Porter's second
// stemmer). Identifiers count whole and in parts: sales_daily_v2 gives
// sales_daily_v2, sales, daily and v2. Scripts without blanks between words
// (Han, Kana, Hangul) give overlapping pairs of signs.
package term

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
	"golang.org/x/text/unicode/norm"
)

// Version names the rules of this package: another value means that stored
// terms were made by other rules and must be made again.
const Version = "term/2"

// maxTerm bounds a term's length in bytes; what is longer (a pasted key, base64)
// is cut, alike in documents and questions.
const maxTerm = 64

// Token is one searchable term of a text.
type Token struct {
	Start, End int    // bytes of the text it stands for
	Word       string // lower case, without accents
	Stem       string // Word without its English inflection; "" for one of the Stop words
	Part       bool   // a part of an identifier whose whole is a token too
}

// isStop holds Lucene's default English set: too frequent to tell passages apart.
func isStop(w string) bool {
	switch w {
	case "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
		"no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they",
		"this", "to", "was", "will", "with":
		return true
	}
	return false
}

// Tokens returns the tokens of text in order; a whole identifier stands before
// its parts.
func Tokens(text string) []Token {
	c := cutter{text: text, env: snowballstem.NewEnv(""), tokens: make([]Token, 0, len(text)/6+1)}
	c.cut()
	return c.tokens
}

// Stems returns the stems of text in order, stop words left out.
func Stems(text string) []string {
	tokens := Tokens(text)
	stems := make([]string, 0, len(tokens))
	for _, t := range tokens {
		if t.Stem != "" {
			stems = append(stems, t.Stem)
		}
	}
	return stems
}

// Words returns the unstemmed terms of text in order, stop words included.
func Words(text string) []string {
	tokens := Tokens(text)
	words := make([]string, len(tokens))
	for i, t := range tokens {
		words[i] = t.Word
	}
	return words
}

type cutter struct {
	text   string
	env    *snowballstem.Env
	tokens []Token
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
}

// unspaced reports whether r belongs to a script written without blanks.
func unspaced(r rune) bool {
	return r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r == 'ー'
}

func joins(b byte) bool { return b == '.' || b == '_' || b == '-' }

func (c *cutter) cut() {
	for i := 0; i < len(c.text); {
		r, n := rune(c.text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(c.text[i:])
		}
		switch {
		case unspaced(r):
			i = c.pairs(i)
		case inWord(r):
			i = c.word(i)
		default:
			i += n
		}
	}
}

// pairs adds the overlapping pairs of a run of unspaced signs, or the sign
// itself where it stands alone.
func (c *cutter) pairs(start int) int {
	var at []int
	i := start
	for i < len(c.text) {
		r, n := utf8.DecodeRuneInString(c.text[i:])
		if !unspaced(r) {
			break
		}
		at = append(at, i)
		i += n
	}
	at = append(at, i)
	if len(at) == 2 {
		c.add(start, i, false)
	}
	for k := 0; k+2 < len(at); k++ {
		c.add(at[k], at[k+2], false)
	}
	return i
}

// word adds the token that starts at start: a plain word, or an identifier with
// its parts. It returns where it ends.
func (c *cutter) word(start int) int {
	end := c.run(start)
	parts := []int{start, end}
	whole := end
	for whole < len(c.text) && joins(c.text[whole]) {
		next := whole + 1
		for next < len(c.text) && joins(c.text[next]) {
			next++
		}
		if next > whole+1 && !strings.Contains(c.text[whole:next], "_") {
			break // an ellipsis or a dash, not a joint
		}
		e := c.run(next)
		if e == next {
			break
		}
		parts = append(parts, next, e)
		whole = e
	}
	if len(parts) > 2 {
		c.add(start, whole, false)
	}
	for k := 0; k < len(parts); k += 2 {
		c.add(parts[k], parts[k+1], len(parts) > 2)
	}
	return whole
}

// run returns where the letters and digits from i end; an apostrophe between
// letters belongs to the word.
func (c *cutter) run(i int) int {
	start := i
	for i < len(c.text) {
		r, n := utf8.DecodeRuneInString(c.text[i:])
		if inWord(r) && !unspaced(r) {
			i += n
			continue
		}
		if (r == '\'' || r == '’') && i > start && i+n < len(c.text) {
			if next, _ := utf8.DecodeRuneInString(c.text[i+n:]); unicode.IsLetter(next) && !unspaced(next) {
				i += n
				continue
			}
		}
		break
	}
	return i
}

func (c *cutter) add(start, end int, part bool) {
	w := fold(c.text[start:end])
	if w == "" {
		return
	}
	t := Token{Start: start, End: end, Word: w, Part: part}
	if !isStop(w) {
		t.Stem = c.stem(w)
	}
	c.tokens = append(c.tokens, t)
}

// stem leaves alone what is not an English word: digits, identifiers, other scripts.
func (c *cutter) stem(w string) string {
	if len(w) < 3 {
		return w
	}
	for i := 0; i < len(w); i++ {
		if w[i] < 'a' || w[i] > 'z' {
			return w
		}
	}
	if base, ok := irregular[w]; ok {
		w = base
	}
	c.env.SetCurrent(w)
	english.Stem(c.env)
	return c.env.Current()
}

// fold lower-cases, drops accents of Latin, Greek and Cyrillic letters, a
// possessive 's and other apostrophes, and bounds the length.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	w := strings.ToLower(s)
	if !ascii {
		var b strings.Builder
		for _, r := range norm.NFKD.String(w) {
			if r >= 0x300 && r <= 0x36f {
				continue
			}
			switch r {
			case 'ß':
				b.WriteString("ss")
			case 'ø':
				b.WriteByte('o')
			case 'æ':
				b.WriteString("ae")
			case '’':
				b.WriteByte('\'')
			default:
				b.WriteRune(r)
			}
		}
		w = norm.NFC.String(b.String())
	}
	if strings.IndexByte(w, '\'') >= 0 {
		w = strings.TrimSuffix(w, "'s")
		w = strings.ReplaceAll(w, "'", "")
	}
	if len(w) > maxTerm {
		cut := maxTerm
		for !utf8.RuneStart(w[cut]) {
			cut--
		}
		w = w[:cut]
	}
	return w
}
