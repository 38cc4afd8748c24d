// Package pointer finds the pointers in a text and says what became of each.
//
// A pointer outlives edits of its document when its quote stands beside it. In
// JSON that is the object's own quote (or text) with before and after. In
// Markdown, HTML and plain text it is the blockquote right above the pointer,
// the numbered text above it as groundwork ask prints it, or a quoted passage
// before it in the same paragraph. Code blocks count like other text.
package pointer

import (
	"cmp"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"groundwork/knowledge"
)

// Found is one pointer of a text.
type Found struct {
	Citation knowledge.Citation // with the quote beside it, as it is written there; Quote is "" when there is none
	Line     int                // of the text, from 1
	Quoting  Quoting
}

// Quoting says how much the quote beside a pointer can be relied on.
type Quoting int

// The ways in which a quote stands beside its pointer.
const (
	Unquoted Quoting = iota // there is none
	Beside                  // something quoted stands near: it may belong to something else
	Block                   // a blockquote with the pointer under it: the document must say it
	Exact                   // byte for byte, with its surroundings
)

// Verdict is what became of a pointer.
type Verdict struct {
	State knowledge.State
	Now   knowledge.Pointer // where the quote stands now (Holds, Moved); else zero
	Why   string            // of Changed, in plain words
}

// Check compares the pointer with its document as it is now; a zero Document
// means that it is not there, or not for the asker. Quotes of text that is not
// JSON are compared without their Markdown marks and with white space folded.
func (f Found) Check(d knowledge.Document) Verdict {
	c := f.Citation
	if d.ID != c.Document || d.ID == "" {
		return Verdict{State: knowledge.Gone}
	}
	same := strings.HasPrefix(d.Version.String(), c.Version)
	why := "the document has changed and does not say the quote any more"
	if f.Quoting == Beside || f.Quoting == Block {
		quote, _ := fold(c.Quote)
		span := ""
		if c.Start <= c.End && c.End <= len(d.Text) {
			span = d.Text[c.Start:c.End]
		}
		switch {
		case says(span, quote, same):
			c.Quote = span
		case same && f.Quoting == Block:
			return Verdict{State: knowledge.Changed, Why: "the quote above it is not what stands there"}
		case same: // it belongs to something else
			c.Quote = ""
		default:
			exact, copies := find(d.Text, quote)
			if copies > 1 {
				why = "the document has changed and says the quote more than once, but not in the old place"
			}
			if copies != 1 {
				return Verdict{State: knowledge.Changed, Why: why}
			}
			c.Quote = exact
		}
	}
	state, start, end := c.Find(d)
	v := Verdict{State: state}
	switch {
	case state != knowledge.Changed:
		v.Now = knowledge.Pointer{Document: d.ID, Version: d.Version.Short(), Start: start, End: end}
	case same && c.Quote == "":
		v.Why = "the span does not lie in the document"
	case same:
		v.Why = "the quote beside it is not what stands there"
	case c.Quote == "":
		v.Why = "the document has changed and no quote stands beside the pointer"
	default:
		v.Why = why
	}
	return v
}

// says reports whether a span is what a folded quote says, or has it as a part.
func says(span, quote string, part bool) bool {
	const enough = 15 // bytes of a quote that may be a part of the span
	span, _ = fold(span)
	return quote != "" && (span == quote || part && len(quote) >= enough && strings.Contains(span, quote))
}

// find returns the last stretch of text that says a folded quote, and how many do.
func find(text, quote string) (exact string, copies int) {
	if quote == "" {
		return "", 0
	}
	folded, offsets := fold(text)
	for from := 0; ; {
		i := strings.Index(folded[from:], quote)
		if i < 0 {
			return exact, copies
		}
		i += from
		from = i + len(quote)
		last := offsets[from-1]
		_, n := utf8.DecodeRuneInString(text[last:])
		exact = text[offsets[i] : last+n]
		copies++
	}
}

var (
	link = regexp.MustCompile(`!?\[([^\[\]]*)\]\([^()]*\)`)
	rule = regexp.MustCompile(`(?m)^[ \t>]*\|?[ \t|:-]*-{2,}[ \t|:-]*$`)
)

// fold drops what a screen does not show of Markdown (emphasis, bars, targets of
// links, rules) and makes white space one blank. offsets holds, for each byte
// left, where the rune it belongs to starts in s.
func fold(s string) (folded string, offsets []int) {
	dropped := make([]bool, len(s))
	drop := func(from, to int) {
		for i := from; i < to; i++ {
			dropped[i] = true
		}
	}
	for _, m := range link.FindAllStringSubmatchIndex(s, -1) {
		drop(m[0], m[2])
		drop(m[3], m[1])
	}
	for _, m := range rule.FindAllStringIndex(s, -1) {
		drop(m[0], m[1])
	}
	b := make([]byte, 0, len(s))
	pending := false
	for i, r := range s {
		switch {
		case dropped[i]:
		case r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '|':
			pending = true
		case strings.ContainsRune("*_`\\", r) || r < ' ' || r >= 0x7f && r < 0xa0:
		default:
			if pending && len(b) > 0 {
				b, offsets = append(b, ' '), append(offsets, i)
			}
			pending = false
			_, n := utf8.DecodeRuneInString(s[i:])
			for _, c := range []byte(s[i : i+n]) {
				b, offsets = append(b, c), append(offsets, i)
			}
		}
	}
	return string(b), offsets
}

// Find returns the pointers of a text in the order of their lines. name says by
// its ending that the text is HTML; JSON and HTML are known by their beginning too.
func Find(name, text string) []Found {
	var s scan
	start := strings.TrimSpace(text[:min(len(text), 200)])
	switch lower := strings.ToLower(start); {
	case isJSON(text):
		s.json(text, 1)
	case slices.Contains([]string{".html", ".htm", ".xhtml"}, strings.ToLower(path.Ext(name))),
		strings.HasPrefix(lower, "<!doctype html"), strings.HasPrefix(lower, "<html"):
		s.text(htmlLines(text))
	default:
		s.text(linesOf(text, 1, 1))
	}
	slices.SortStableFunc(s.found, func(a, b Found) int { return cmp.Compare(a.Line, b.Line) })
	return s.found
}

// line is one line of a text and its number in the file.
type line struct {
	text string
	n    int
}

// linesOf cuts a text into lines; step is 0 where all lines have one number.
func linesOf(text string, first, step int) []line {
	var lines []line
	for l := range strings.SplitSeq(text, "\n") {
		lines = append(lines, line{strings.TrimSuffix(l, "\r"), first + step*len(lines)})
	}
	return lines
}

type scan struct{ found []Found }

func isJSON(text string) bool {
	text = strings.TrimSpace(text)
	return (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text))
}

// text finds the pointers of running text. Code blocks and lines that are JSON
// are read as that.
func (s *scan) text(lines []line) {
	fenced := -1 // the line of the open fence
	read := 0    // the first line that is not read yet
	for i, l := range lines {
		if trimmed := strings.TrimSpace(l.text); strings.HasPrefix(trimmed, "```") || strings.HasPrefix(trimmed, "~~~") {
			if fenced < 0 {
				fenced = i
				continue
			}
			var block strings.Builder
			for _, inside := range lines[fenced+1 : i] {
				block.WriteString(inside.text + "\n")
			}
			if isJSON(block.String()) {
				s.prose(lines, read, fenced)
				s.json(block.String(), lines[fenced].n+1)
				read = i
			}
			fenced = -1
		} else if strings.HasPrefix(trimmed, "{") && isJSON(l.text) {
			s.prose(lines, read, i)
			s.json(l.text, l.n)
			read = i + 1
		}
	}
	s.prose(lines, read, len(lines))
}

// prose finds the pointers of lines[from:to] with the quotes beside them.
func (s *scan) prose(lines []line, from, to int) {
	for i := from; i < to; i++ {
		l := lines[i]
		ranges := knowledge.PointersIn(l.text)
		for k, r := range ranges {
			p, err := knowledge.ParsePointer(l.text[r[0]:r[1]])
			if err != nil {
				continue // PointersIn promises that there is none
			}
			f := Found{Citation: knowledge.Citation{Pointer: p}, Line: l.n}
			if last := len(s.found) - 1; last >= 0 && s.found[last].Citation.Pointer == p && l.n-s.found[last].Line <= 1 {
				f.Citation.Quote, f.Quoting = s.found[last].Citation.Quote, s.found[last].Quoting // a link and its target
			} else if k == 0 {
				f.Citation.Quote, f.Quoting = quoteAbove(lines[from:i], l.text[:r[0]])
			} else if q := lastQuoted(l.text[ranges[k-1][1]:r[0]]); q != "" {
				f.Citation.Quote, f.Quoting = q, Beside
			}
			s.found = append(s.found, f)
		}
	}
}

// farthest is how many lines above a pointer its quote may begin.
const farthest = 80

// quoteAbove finds the quote of a pointer that stands behind before, under the
// lines above.
func quoteAbove(above []line, before string) (string, Quoting) {
	above = above[max(0, len(above)-farthest):]
	for i := len(above) - 1; i >= 0; i-- { // what stands above another pointer belongs to that one
		if len(knowledge.PointersIn(above[i].text)) > 0 {
			above = above[i+1:]
			break
		}
	}
	if q := blockquote(above, before); q != "" {
		return q, Block
	}
	if strings.TrimSpace(before) == "" {
		if q := printed(above, len(before)); q != "" {
			return q, Beside
		}
	}
	i := len(above)
	for i > 0 && strings.TrimSpace(above[i-1].text) != "" {
		i--
	}
	var paragraph strings.Builder
	for _, l := range above[i:] {
		paragraph.WriteString(l.text + "\n")
	}
	if q := lastQuoted(paragraph.String() + before); q != "" {
		return q, Beside
	}
	return "", Unquoted
}

// blockquote returns the blockquote right above, or "". The pointer's line must
// look like a source: an item, a dash, brackets, or the pointer alone; and it may
// be the last of the blockquote itself.
func blockquote(above []line, before string) string {
	before = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(before), ">"))
	if before != "" && !strings.ContainsAny(before[:1], "-*[(`") && !strings.HasPrefix(before, "—") && !strings.HasPrefix(before, "–") {
		return ""
	}
	to := len(above)
	if to > 0 && strings.TrimSpace(above[to-1].text) == "" {
		to--
	}
	from := to
	for from > 0 && strings.HasPrefix(strings.TrimSpace(above[from-1].text), ">") {
		from--
	}
	var quote []string
	for _, l := range above[from:to] {
		inside := strings.TrimPrefix(strings.TrimSpace(l.text), ">")
		quote = append(quote, strings.TrimPrefix(inside, " "))
	}
	return strings.TrimSpace(strings.Join(quote, "\n"))
}

var number = regexp.MustCompile(`^\s*\d{1,4}\. `)

// printed returns the quote of groundwork's own output, or "": the numbered text
// above "[Title, date]" and the pointer, the text under a numbered title, or the
// text under "... says:". indent is how far the pointer is indented.
func printed(above []line, indent int) string {
	head := -1 // the line with title and date
	for i := len(above) - 1; i >= 0; i-- {
		l := above[i].text
		trimmed := strings.TrimSpace(l)
		switch {
		case i == len(above)-1 && strings.HasPrefix(trimmed, "[") && strings.HasSuffix(trimmed, "]"):
			head = i
		case head < 0 && (strings.HasSuffix(trimmed, " said:") || strings.HasSuffix(trimmed, " says:")):
			return whole(strings.TrimPrefix(join(above[i+1:]), "| "))
		case number.MatchString(l) && len(l)-len(strings.TrimLeft(l, " ")) == indent-3:
			first := number.ReplaceAllString(l, "")
			if head >= 0 {
				return whole(first + "\n" + join(above[i+1:head]))
			}
			return whole(join(above[i+1:])) // a hit of search, under its title
		}
	}
	return ""
}

// whole returns a text that was not cut for the screen, else "".
func whole(s string) string {
	if s = strings.TrimSpace(s); strings.HasSuffix(s, " ...") {
		return ""
	}
	return s
}

func join(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimSpace(l.text) + "\n")
	}
	return strings.TrimSpace(b.String())
}

var quoted = regexp.MustCompile(`"[^"]{15,}"|“[^”]{15,}”|„[^“”]{15,}[“”]|»[^«]{15,}«|«[^»]{15,}»`)

// lastQuoted returns the last quoted passage of at least 15 signs, without its
// quotation marks, or "".
func lastQuoted(s string) string {
	all := quoted.FindAllString(s, -1)
	if len(all) == 0 {
		return ""
	}
	q := all[len(all)-1]
	_, first := utf8.DecodeRuneInString(q)
	_, last := utf8.DecodeLastRuneInString(q)
	return q[first : len(q)-last]
}

// json finds the pointers of one valid JSON value that begins in the given line.
func (s *scan) json(text string, first int) {
	r := reader{decoder: json.NewDecoder(strings.NewReader(text)), text: text, line: first, scan: s}
	r.value(nil, "")
}

type reader struct {
	decoder *json.Decoder
	text    string
	at      int // up to here the lines are counted
	line    int
	scan    *scan
}

// fields are the strings of one JSON object that say what a pointer cites.
type fields struct {
	of   map[string]string
	line int // of the pointer
}

// value reads the next value; a string goes to the object it belongs to when
// that has a use for it.
func (r *reader) value(object *fields, key string) {
	token, err := r.decoder.Token()
	if err != nil {
		return
	}
	to := int(r.decoder.InputOffset())
	r.line += strings.Count(r.text[r.at:to], "\n")
	r.at = to
	switch t := token.(type) {
	case json.Delim:
		inside := &fields{of: map[string]string{}}
		for r.decoder.More() {
			name := ""
			if t == '{' {
				token, err := r.decoder.Token()
				if err != nil {
					return
				}
				name, _ = token.(string)
				r.value(inside, name)
			} else {
				r.value(nil, "")
			}
		}
		if _, err := r.decoder.Token(); err != nil {
			return
		}
		r.object(inside)
	case string:
		if object != nil && slices.Contains([]string{"pointer", "quote", "text", "before", "after"}, key) {
			if object.of[key] = t; key == "pointer" {
				object.line = r.line
			}
			return
		}
		r.scan.prose(linesOf(t, r.line, 0), 0, 1+strings.Count(t, "\n"))
	}
}

// object takes the pointer of an object that has one; strings of any other
// object are running text.
func (r *reader) object(f *fields) {
	p, err := knowledge.ParsePointer(f.of["pointer"])
	if err != nil {
		for _, key := range []string{"pointer", "quote", "text", "before", "after"} {
			if t, ok := f.of[key]; ok {
				r.scan.prose(linesOf(t, r.line, 0), 0, 1+strings.Count(t, "\n"))
			}
		}
		return
	}
	found := Found{Citation: knowledge.Citation{Pointer: p, Quote: cmp.Or(f.of["quote"], f.of["text"])}, Line: f.line}
	if found.Citation.Quote != "" {
		found.Quoting = Exact
		before, after := f.of["before"], f.of["after"]
		found.Citation.Before = strings.ToValidUTF8(before[max(0, len(before)-knowledge.Context):], "")
		found.Citation.After = strings.ToValidUTF8(after[:min(len(after), knowledge.Context)], "")
	}
	r.scan.found = append(r.scan.found, found)
}
