package draft

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
)

// Normalise returns the text in which all offsets of a Markdown or plain text
// document count: decoded as Decode does, line ends "\n", in NFC, control
// characters (C0 but for tab and line feed, DEL, C1) replaced by blanks one to
// one, and without these invisible signs: byte order marks (U+FEFF), direction
// overrides (U+202D, U+202E) and tag characters (U+E0000 to U+E007F).
// Normalising twice is normalising once.
func Normalise(data []byte) string {
	s, _, _ := Decode(data, "")
	return Tidy(s)
}

// Tidy is Normalise for what is decoded already.
func Tidy(s string) string {
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return fate(r) != r }) {
		s = strings.Map(fate, s)
	}
	return norm.NFC.String(s)
}

// fate is what becomes of a rune in Tidy; -1 drops it.
func fate(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || r >= ' ' && r < 0x7F:
		return r
	case r < 0xA0:
		return ' '
	case r == 0xFEFF || r == 0x202D || r == 0x202E || r >= 0xE0000 && r <= 0xE007F:
		return -1
	}
	return r
}

// NotText says what data are instead of text; an empty reason means that they are
// text. decoded and encoding are what Decode made of them.
func NotText(data []byte, decoded, encoding string) (state knowledge.Outcome, reason string) {
	if strings.HasPrefix(encoding, "utf-16") || strings.HasPrefix(encoding, "utf-32") {
		if bad := strings.Count(decoded, "\uFFFD"); bad > 8 && bad > utf8.RuneCountInString(decoded)/100 {
			return knowledge.Damaged, "it is not " + encoding + " as it begins, nor any other text"
		}
		return "", ""
	}
	var zeros, controls, ats, blanks int
	for _, c := range data {
		switch {
		case c == 0:
			zeros++
		case c < 7 || c > 13 && c < ' ' && c != 27: // neither layout nor what terminals are sent
			controls++
		case c == '@':
			ats++
		case c == ' ':
			blanks++
		}
	}
	switch {
	case blanks == 0 && ats > len(data)/10 && len(data) > 64:
		return knowledge.Unsupported, "it looks like EBCDIC text, which no reader knows"
	case controls == 0 && encoding == "utf-8" && zeros <= len(data)/4: // words parted by zero bytes
	case zeros+controls > len(data)/25:
		return knowledge.Damaged, "it holds binary data, not text"
	}
	return "", ""
}

// OneLine folds white space and cuts a title to 200 runes, which fit a list.
func OneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return Cut(s, 200)
}

// Cut shortens s to n runes, at a blank if one is near.
func Cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	end := 0
	for range n {
		_, w := utf8.DecodeRuneInString(s[end:])
		end += w
	}
	if i := strings.LastIndexByte(s[:end], ' '); i > end/2 {
		end = i
	}
	return strings.TrimRightFunc(s[:end], unicode.IsSpace)
}

// RuneEnd returns the last rune boundary of s that is not after byte n.
func RuneEnd(s string, n int) int {
	if n >= len(s) {
		return len(s)
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}

// HiddenWarning says that n characters were left out because readers of the file
// do not see them.
func HiddenWarning(n int) string { return fmt.Sprintf("left out hidden text (%d characters)", n) }

var htmlStart = regexp.MustCompile(`(?i)^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)*<(?:!doctype html|html)\b`)

// StartsHTML reports whether decoded text begins like a page of HTML.
func StartsHTML(s string) bool { return htmlStart.MatchString(s[:min(len(s), 1024)]) }

// StartsRTF reports whether data begins like an RTF file.
func StartsRTF(data []byte) bool { return bytes.HasPrefix(data, []byte(`{\rtf`)) }
