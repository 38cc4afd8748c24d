// Package text reads the words, blocks and places out of a file.
//
// Read is a pure function of a file's name and bytes: it opens nothing and
// follows nothing, whatever the file asks for. Each format has a file of its own.
package text

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
)

// Version names this reader in a document's recipe; it changes whenever the same
// file would give another text, title or block.
const Version = "text/2"

var formats = map[string]string{
	".md": "markdown", ".markdown": "markdown", ".mdx": "markdown",
	".html": "html", ".htm": "html", ".xhtml": "html",
	".txt": "text", ".text": "text", ".log": "text", ".rst": "text", ".adoc": "text", ".org": "text",
}

// suffix is what marks a file's kind; "12. March" or "v1.2" have none.
var suffix = regexp.MustCompile(`^\.[a-z0-9_+-]*[a-z][a-z0-9_+-]*$`)

var htmlStart = regexp.MustCompile(`(?i)^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)*<(?:!doctype html|html)\b`)

// Read returns what stands in the file: p's extension says which format it has,
// and its bytes where there is no extension. State is Indexed when there are
// words, Empty when there are none, Unsupported when no reader knows the format,
// Damaged when the bytes are not what the name says.
func Read(p string, data []byte) (r knowledge.Reading) {
	// One file that breaks a parser must not stop the others.
	defer func() {
		if v := recover(); v != nil {
			r = knowledge.Reading{State: knowledge.Damaged, Reason: fmt.Sprintf("%s: %v", brokeReader, v)}
		}
	}()
	return read(p, data)
}

const brokeReader = "it broke the reader"

func read(p string, data []byte) knowledge.Reading {
	name := path.Base(p)
	ext := strings.ToLower(path.Ext(name))
	named := suffix.MatchString(ext)
	format := formats[ext]
	if !named {
		ext, format = "", "text"
	}
	if format == "" {
		return knowledge.Reading{State: knowledge.Unsupported, Reason: "no reader for " + ext + " yet"}
	}
	hint := ""
	if format == "html" {
		hint = declared(data)
	}
	decoded, encoding, doubt := decode(data, hint)
	if state, reason := notText(data, decoded, encoding); reason != "" {
		if !named {
			state = knowledge.Unsupported
		}
		return knowledge.Reading{State: state, Format: format, Reason: reason}
	}
	var warnings []string
	if doubt != "" {
		warnings = append(warnings, doubt)
	}
	if strings.IndexByte(decoded, 0) >= 0 {
		warnings = append(warnings, fmt.Sprintf("%d zero bytes were read as blanks", strings.Count(decoded, "\x00")))
	}
	t := tidy(decoded)
	if format == "text" && htmlStart.MatchString(t[:min(len(t), 1024)]) {
		format = "html"
	}
	stem := plainName(strings.TrimSuffix(name, name[len(name)-len(ext):]))
	var r knowledge.Reading
	switch format {
	case "markdown":
		r = readMarkdown(t, stem)
	case "html":
		r = readHTML(t, stem, ext == ".xhtml")
	default:
		r = readPlain(t, stem)
	}
	r.Format = format
	r.Warnings = append(warnings, r.Warnings...)
	if r.State == "" {
		r.State = knowledge.Indexed
		if len(r.Blocks) == 0 {
			r.State, r.Reason = knowledge.Empty, "there are no words in it"
		}
	}
	return r
}

// plainName turns a file name without extension into a title.
func plainName(stem string) string {
	t := strings.Join(strings.FieldsFunc(tidy(strings.ToValidUTF8(stem, "\uFFFD")), func(r rune) bool {
		return r == '-' || r == '_' || unicode.IsSpace(r)
	}), " ")
	if t == "" {
		return "untitled"
	}
	return t
}

// Normalise returns the text in which all offsets of a Markdown or plain text
// document count: decoded as Decode does, line ends "\n", in NFC, control
// characters (C0 but for tab and line feed, DEL, C1) replaced by blanks one to
// one, and without these invisible signs: byte order marks (U+FEFF), direction
// overrides (U+202D, U+202E) and tag characters (U+E0000 to U+E007F).
// Normalising twice is normalising once.
func Normalise(data []byte) string {
	s, _, _ := decode(data, "")
	return tidy(s)
}

// tidy is Normalise for what is decoded already.
func tidy(s string) string {
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return fate(r) != r }) {
		s = strings.Map(fate, s)
	}
	return norm.NFC.String(s)
}

// fate is what becomes of a rune in tidy; -1 drops it.
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

// notText says what the bytes are instead of text; an empty reason means that
// they are text.
func notText(data []byte, decoded, encoding string) (state knowledge.Outcome, reason string) {
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

// outline collects blocks so that they keep the promises of knowledge.Block.
type outline struct {
	text   string
	blocks []knowledge.Block
}

// add appends text[start:end] without the blanks around it, and nothing when
// only blanks are left.
func (o *outline) add(kind knowledge.BlockKind, level, start, end int) {
	if n := len(o.blocks); n > 0 {
		start = max(start, o.blocks[n-1].End)
	}
	end = min(end, len(o.text))
	if start >= end {
		return
	}
	s := o.text[start:end]
	if kind == knowledge.Code {
		// The first line keeps its indentation.
		words := strings.TrimLeftFunc(s, unicode.IsSpace)
		start += strings.LastIndexByte(s[:len(s)-len(words)], '\n') + 1
	} else {
		start += len(s) - len(strings.TrimLeftFunc(s, unicode.IsSpace))
	}
	if start >= end {
		return
	}
	if s = strings.TrimRightFunc(o.text[start:end], unicode.IsSpace); s == "" {
		return
	}
	o.blocks = append(o.blocks, knowledge.Block{Start: start, End: start + len(s), Kind: kind, Level: level})
}

// oneLine folds white space and cuts a title to a length that fits a list.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return cut(s, 200)
}

// cut shortens s to n runes, at a blank if one is near.
func cut(s string, n int) string {
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
