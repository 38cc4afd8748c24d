package screening

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"groundwork/knowledge"
)

// rule is one row of the table of what is looked for in text.
type rule struct {
	id    string // stands in findings; never reused for something else
	kind  string // what was found; several rules may find the same kind
	class knowledge.Class
	about string   // one sentence for people
	keys  []string // lower case; the rule looks only where one of them stands
	match matcher
	// Examples. In a text of found, «» stand around what the rule must find,
	// exactly that and nothing else; in a text of clean it must find nothing.
	// Values are put together from pieces so that no code host takes the source
	// for a leak.
	found, clean []string
}

// span is a stretch of text in bytes.
type span struct{ start, end int }

// matcher looks around one keyword and returns the stretch that must not leave.
type matcher func(text string, key span) (span, bool)

// widened moves both ends outwards to rune boundaries.
func (s span) widened(text string) span {
	for s.start > 0 && !utf8.RuneStart(text[s.start]) {
		s.start--
	}
	for s.end < len(text) && !utf8.RuneStart(text[s.end]) {
		s.end++
	}
	return s
}

// reach bounds how many bytes from its keyword a token may end, so that one
// endless line costs no more than many short ones.
const reach = 4096

// shape matches a token of fixed form that begins with the keyword. expr is
// anchored there; what its first group matched is the finding, or everything
// when it has no group. The token must not be part of a longer word, must not
// be a sample value, and must pass all checks.
func shape(expr string, checks ...func(string) bool) matcher {
	re := regexp.MustCompile(`^(?:` + expr + `)`)
	return func(text string, key span) (span, bool) {
		if !fresh(text, key.start) {
			return span{}, false
		}
		m := re.FindStringSubmatchIndex(text[key.start:min(len(text), key.start+reach)])
		if m == nil {
			return span{}, false
		}
		at := span{key.start + m[0], key.start + m[1]}
		if len(m) > 2 {
			at = span{key.start + m[2], key.start + m[3]}
		}
		if at.end < len(text) && wordByte(text[at.end]) {
			return span{}, false
		}
		value := text[at.start:at.end]
		if sample(value) {
			return span{}, false
		}
		for _, check := range checks {
			if !check(value) {
				return span{}, false
			}
		}
		return at, true
	}
}

// within is the part of text from before bytes ahead of the keyword to after
// bytes behind it, cut at its ends without regard to runes.
func within(text string, key span, before, after int) (part string, offset int) {
	from := max(0, key.start-before)
	return text[from:min(len(text), key.end+after)], from
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// fresh reports whether a token may begin at i: nothing of a word stands before
// it. The letter of an escape (\n, %3D) is no word.
func fresh(text string, i int) bool {
	if i == 0 || !wordByte(text[i-1]) {
		return true
	}
	if i >= 2 && text[i-2] == '\\' && strings.IndexByte("nrt", text[i-1]) >= 0 {
		return true
	}
	return i >= 3 && text[i-3] == '%' && hexByte(text[i-2]) && hexByte(text[i-1])
}

func hexByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
