// Package passage cuts a document into passages.
//
// A passage is a run of blocks under one heading, at most Words words long.
// Tables, list items and code are cut only where one of them alone is longer.
// Headings open a new passage and are kept as its heading path, not as its text;
// a heading with nothing below it is a passage of its own, so that no word of a
// document is lost to search. A heading longer than a passage is cut like text.
package passage

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// Version names the rules of this package, for a document's Recipe.
const Version = "passage/2"

// Words is how many words a passage holds at most.
const Words = 180

// Cut returns the passages of d in order: they do not overlap, and each Text is
// d.Text[Start:End]. IDs are left to the collection.
func Cut(d knowledge.Document) []knowledge.Passage {
	c := cutter{doc: d}
	for _, b := range d.Blocks {
		n := words(d.Text[b.Start:b.End])
		long := n > Words || b.End-b.Start > maxBytes
		if b.Kind == knowledge.Heading && !long {
			c.flush()
			c.heading(b)
			continue
		}
		c.bare = nil
		if long {
			c.flush()
			c.split(b)
			continue
		}
		if c.words > 0 && b.End-c.start <= maxBytes && !hidden(d.Text[c.end:b.Start]) {
			// Counted with the signs between the blocks.
			if joined := c.words + words(d.Text[c.end:b.End]); joined <= Words {
				c.end, c.words = b.End, joined
				continue
			}
		}
		c.flush()
		c.start, c.end, c.words = b.Start, b.End, n
	}
	c.flush()
	c.lonely()
	return c.passages
}

type cutter struct {
	doc      knowledge.Document
	path     []string // headings above, outermost first
	levels   []int    // their levels
	bare     *knowledge.Block
	barePath []string
	start    int
	end      int
	words    int
	passages []knowledge.Passage
}

// heading moves to a new section.
func (c *cutter) heading(b knowledge.Block) {
	if c.bare != nil && c.bare.Level >= b.Level {
		c.lonely()
	}
	for len(c.levels) > 0 && c.levels[len(c.levels)-1] >= b.Level {
		c.levels = c.levels[:len(c.levels)-1]
		c.path = c.path[:len(c.path)-1]
	}
	name := Heading(c.doc.Text[b.Start:b.End])
	if len(c.path) == 0 && name == c.doc.Title {
		c.bare, c.barePath = &b, nil
		return // the title is said already
	}
	c.levels = append(c.levels, b.Level)
	c.path = append(slices.Clip(c.path), name)
	c.bare, c.barePath = &b, c.path[:len(c.path)-1]
}

// lonely adds the heading that nothing stood below.
func (c *cutter) lonely() {
	if c.bare == nil {
		return
	}
	c.add(c.bare.Start, c.bare.End, c.barePath)
	c.bare = nil
}

func (c *cutter) flush() {
	if c.words > 0 {
		c.add(c.start, c.end, c.path)
	}
	c.words = 0
}

// split cuts a block that is too long: at sentences, else lines, else words.
func (c *cutter) split(b knowledge.Block) {
	text := c.doc.Text
	var pieces []term.Span
	for _, s := range term.Sentences(text[b.Start:b.End]) {
		pieces = append(pieces, divide(text, b.Start+s.Start, b.Start+s.End)...)
	}
	start, end, n := 0, 0, 0
	for _, p := range pieces {
		w := words(text[p.Start:p.End])
		if n > 0 && (n+w > Words || p.End-start > maxBytes) {
			c.add(start, end, c.path)
			n = 0
		}
		if n == 0 {
			start = p.Start
		}
		end = p.End
		n += w
	}
	if n > 0 {
		c.add(start, end, c.path)
	}
}

// divide cuts text[start:end] into pieces of at most Words words and maxBytes
// bytes: at line ends first, then anywhere between words, then between runes.
func divide(text string, start, end int) []term.Span {
	if words(text[start:end]) <= Words && end-start <= maxBytes {
		return []term.Span{{Start: start, End: end}}
	}
	var pieces []term.Span
	at, lastLine, lastGap, n := start, -1, -1, 0
	inWord := false
	for i := start; i < end; {
		r, size := utf8.DecodeRuneInString(text[i:end])
		space := unicode.IsSpace(r)
		if !space && !inWord {
			n++
		}
		if space && inWord {
			lastGap = i
		}
		if r == '\n' {
			lastLine = i
		}
		inWord = !space
		if n > Words || i+size-at > maxBytes {
			cut := i
			if lastLine > at {
				cut = lastLine
			} else if lastGap > at {
				cut = lastGap
			}
			if cut > at {
				pieces = appendTrimmed(pieces, text, at, cut)
				at, lastLine, lastGap, inWord = cut, -1, -1, false
				n = 0
				i = cut
				continue
			}
		}
		i += size
	}
	return appendTrimmed(pieces, text, at, end)
}

// maxBytes bounds a passage of text without blanks (Japanese, base64): some
// twenty bytes count as a word there.
const maxBytes = 20 * Words

// hidden reports whether the stretch between two blocks holds more than the
// signs of lists, quotes and tables: a comment, say, which no passage may show.
func hidden(gap string) bool {
	return strings.ContainsFunc(gap, func(r rune) bool {
		return !unicode.IsSpace(r) && !strings.ContainsRune("0123456789.)-+*>|:=#~`\\", r)
	})
}

func appendTrimmed(pieces []term.Span, text string, start, end int) []term.Span {
	s := strings.TrimRightFunc(text[start:end], unicode.IsSpace)
	end = start + len(s)
	start = end - len(strings.TrimLeftFunc(s, unicode.IsSpace))
	if start < end {
		pieces = append(pieces, term.Span{Start: start, End: end})
	}
	return pieces
}

func (c *cutter) add(start, end int, path []string) {
	c.passages = append(c.passages, knowledge.Passage{
		Document: c.doc.ID, Version: c.doc.Version, Title: c.doc.Title,
		Heading: slices.Clone(path), Place: knowledge.PlaceAt(c.doc.Places, start),
		Start: start, End: end, Text: c.doc.Text[start:end],
		Modified: c.doc.Modified, Dated: c.doc.Dated,
	})
}

// words counts runs between white space.
func words(s string) int {
	n, in := 0, false
	for _, r := range s {
		space := unicode.IsSpace(r)
		if !space && !in {
			n++
		}
		in = !space
	}
	return n
}

// Heading returns a heading without its markup, on one line: number signs,
// underline, emphasis, trailing {#anchor}.
func Heading(text string) string {
	fields := strings.Fields(text)
	if len(fields) > 1 && len(fields[0]) <= 6 && strings.Trim(fields[0], "#") == "" {
		fields = fields[1:]
	}
	if n := len(fields) - 1; n > 0 && (strings.Trim(fields[n], "#") == "" || strings.Trim(fields[n], "=") == "" || strings.Trim(fields[n], "-") == "") {
		fields = fields[:n]
	}
	line := strings.Join(fields, " ")
	if i := strings.LastIndex(line, "{#"); i > 0 && strings.HasSuffix(line, "}") {
		line = strings.TrimSpace(line[:i])
	}
	return strings.TrimSpace(strings.Trim(line, "*_"))
}
