// Package draft makes a document's text out of pieces, normalised and bounded, and
// opens packed files.
//
// It is what the readers of files share: the text that they build, its dates and
// titles, and the names and bounds of what is packed.
package draft

import (
	"fmt"
	"strings"
	"unicode"

	"groundwork/knowledge"
)

// MaxText bounds the text of one document, in bytes.
const MaxText = 16 << 20

// Draft makes a document's text out of pieces, for formats whose bytes are not
// the text: blocks are parted by an empty line, those of one list or table by a
// line end. Pieces are normalised, so offsets count in the text as it is stored.
type Draft struct {
	text   strings.Builder
	blocks []knowledge.Block
	places []knowledge.Place
	kind   knowledge.BlockKind
	group  int    // of the last block; 0 for none
	place  string // of what comes next; "" when it has been noted
	Full   bool   // MaxText is reached, or the reader has enough: nothing more is taken
}

// At says what people call the place where the next block starts: "p. 12". Only
// the last name before a block counts.
func (d *Draft) At(place string) { d.place = place }

// Add appends a block of the words s, which it normalises; nothing when they are
// blank or MaxText is reached. level is that of knowledge.Block. Blocks of the same
// kind and group, other than 0, stand together.
func (d *Draft) Add(kind knowledge.BlockKind, level, group int, s string) {
	s = Tidy(s)
	if kind == knowledge.Code {
		s = strings.TrimRightFunc(strings.TrimLeft(s, "\n"), unicode.IsSpace)
	} else {
		s = strings.TrimSpace(s)
	}
	if strings.TrimSpace(s) == "" || d.Full {
		return
	}
	if d.text.Len()+len(s) > MaxText {
		d.Full = true
		return
	}
	if len(d.blocks) > 0 {
		if group != 0 && group == d.group && kind == d.kind {
			d.text.WriteString("\n")
		} else {
			d.text.WriteString("\n\n")
		}
	}
	start := d.text.Len()
	if d.place != "" {
		d.places = append(d.places, knowledge.Place{Start: start, Name: d.place})
		d.place = ""
	}
	d.text.WriteString(s)
	d.blocks = append(d.blocks, knowledge.Block{Start: start, End: d.text.Len(), Kind: kind, Level: level})
	d.kind, d.group = kind, group
}

// Row appends a row of a table as "| a | b |"; one of empty cells is left out.
// Rows of the same table, a number other than 0, stand together. head marks the
// row that names the columns. The cells are changed.
func (d *Draft) Row(table int, head bool, cells []string) {
	empty := true
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(strings.Join(strings.Fields(Tidy(c)), " "), "|", "\\|")
		empty = empty && cells[i] == ""
	}
	if empty {
		return
	}
	level := 0
	if head {
		level = 1
	}
	d.Add(knowledge.Row, level, table, "| "+strings.Join(cells, " | ")+" |")
}

// Reading finishes the document: State is Indexed, or Empty when there are no
// blocks. title is what its properties state; where they state nothing it is the
// first heading, else stem. Dated is what the text states near its top.
func (d *Draft) Reading(title, stem string) knowledge.Reading {
	r := knowledge.Reading{State: knowledge.Indexed, Title: OneLine(Tidy(title)), Text: d.text.String(), Blocks: d.blocks, Places: d.places}
	for _, b := range r.Blocks {
		if r.Title == "" && b.Kind == knowledge.Heading {
			r.Title = OneLine(r.Text[b.Start:b.End])
		}
	}
	if r.Title == "" {
		r.Title = stem
	}
	r.Dated = StatedDate(r.Text, r.Blocks, 0)
	if len(r.Blocks) == 0 {
		r.State, r.Reason = knowledge.Empty, "there are no words in it"
	}
	if d.Full {
		r.Warnings = append(r.Warnings, fmt.Sprintf("only the first %d MB of its text were read", MaxText>>20))
	}
	return r
}

// Take appends the blocks of another reading; those on lines without an empty
// one between them stay together.
func (d *Draft) Take(r knowledge.Reading) {
	group := 0
	for i, b := range r.Blocks {
		if i == 0 || strings.Count(r.Text[r.Blocks[i-1].End:b.Start], "\n") != 1 {
			group = len(d.blocks) + 1<<20 // of its own
		}
		d.Add(b.Kind, b.Level, group, r.Text[b.Start:b.End])
	}
}

// Guard is deferred by a reader, as it stands: one file that breaks a parser must
// not stop the others. It makes *r a damaged file, whose reason begins with
// BrokeReader.
func Guard(r *knowledge.Reading) {
	if v := recover(); v != nil {
		*r = knowledge.Reading{State: knowledge.Damaged, Reason: fmt.Sprintf("%s: %v", BrokeReader, v)}
	}
}

// BrokeReader begins the reason of a file that made a reader panic.
const BrokeReader = "it broke the reader"
