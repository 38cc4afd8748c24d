package page

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"groundwork/knowledge"
)

// Piece is a stretch of a sentence; Marked says that its words answer.
type Piece struct {
	Text   string
	Marked bool
}

// Pieces cuts a sentence at its marks (byte ranges, in order) and drops what
// Plain drops.
func Pieces(text string, marks [][2]int) []Piece {
	const on, off = '\x01', '\x02' // Clean takes them out of what documents say
	var b strings.Builder
	at := 0
	for _, m := range marks {
		b.WriteString(Clean(text[at:m[0]]) + string(on) + Clean(text[m[0]:m[1]]) + string(off))
		at = m[1]
	}
	b.WriteString(Clean(text[at:]))
	var pieces []Piece
	marked := false
	rest := unmarked(b.String())
	for rest != "" {
		i := strings.IndexAny(rest, "\x01\x02")
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			pieces = append(pieces, Piece{rest[:i], marked})
		}
		if i == len(rest) {
			break
		}
		marked, rest = rest[i] == on, rest[i+1:]
	}
	return pieces
}

// Rows lays out pieces that are rows of a table: rows of cells of pieces. It
// returns nil when they are not.
func Rows(pieces []Piece) [][][]Piece {
	rows := [][][]Piece{{nil}}
	for _, p := range pieces {
		for i, line := range strings.Split(p.Text, "\n") {
			if i > 0 {
				rows = append(rows, [][]Piece{nil})
			}
			for k, text := range strings.Split(line, "|") {
				row := &rows[len(rows)-1]
				if k > 0 {
					*row = append(*row, nil)
				}
				if text != "" {
					(*row)[len(*row)-1] = append((*row)[len(*row)-1], Piece{text, p.Marked})
				}
			}
		}
	}
	for i, row := range rows {
		if n := len(row); n < 3 || !blankCell(row[0]) || !blankCell(row[n-1]) {
			return nil // a row begins and ends with a bar
		}
		rows[i] = row[1 : len(row)-1]
	}
	return rows
}

func blankCell(cell []Piece) bool {
	for _, p := range cell {
		if strings.TrimSpace(p.Text) != "" {
			return false
		}
	}
	return true
}

var (
	markdownLink  = regexp.MustCompile(`!?\[([^\[\]]*)\]\([^()]*\)`)
	markdownEmph  = regexp.MustCompile(`(\*\*|__|` + "`" + `)`)
	markdownRule  = regexp.MustCompile(`(?m)^\s*\|?[\s|:-]*-{2,}[\s|:-]*\|?\s*$\n?`)
	markdownBreak = regexp.MustCompile(`([^\s|])\n\s*([^\s|*#\d-])`)
)

// Plain drops the Markdown signs of a quote, and what Clean drops, for people to
// read; the quote itself, in JSON, stays exact.
func Plain(s string) string { return unmarked(Clean(s)) }

func unmarked(s string) string {
	s = markdownLink.ReplaceAllString(s, "$1")
	s = markdownRule.ReplaceAllString(s, "")
	s = markdownEmph.ReplaceAllString(s, "")
	s = markdownBreak.ReplaceAllString(s, "$1 $2")
	return strings.TrimSpace(s)
}

// Clean drops the signs that a screen would obey instead of showing: control
// characters but line ends and tabs, overrides of the writing direction, and
// invisible tags.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r == '\u061c', r == '\u200e', r == '\u200f', r == '\ufeff',
			r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r >= 0xe0000 && r <= 0xe007f:
			return -1
		}
		return r
	}, s)
}

// Surroundings widens the span of a text to whole lines and at least around
// bytes on each side, where there are that many.
func Surroundings(text string, start, end, around int) (from, to int) {
	from = max(0, start-around)
	from = strings.LastIndexByte(text[:from], '\n') + 1
	to = min(len(text), end+around)
	if i := strings.IndexByte(text[to:], '\n'); i >= 0 {
		return from, to + i
	}
	return from, len(text)
}

// Day writes a date as 2026-01-15; "" for an unknown one.
func Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02")
}

// Dated tells a date and what kind it is: one that the document states of
// itself, or its file's.
func Dated(t time.Time, stated bool) string {
	if stated {
		return "dated " + Day(t)
	}
	return "file of " + Day(t)
}

// PointerOf returns the pointer to a passage.
func PointerOf(p knowledge.Passage) string {
	return knowledge.Pointer{Document: p.Document, Version: p.Version.Short(), Start: p.Start, End: p.End}.String()
}
