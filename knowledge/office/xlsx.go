package office

import (
	"encoding/xml"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// maxSharedStrings bounds the strings that the cells of a workbook share.
const maxSharedStrings = 2 << 20

// workbook reads an XLSX (ECMA-376 part 1, chapter 18). A cell holds what the program
// last showed there; nothing is calculated and no outside data are asked for.
// Hidden sheets, rows and columns are left out, but for rows that a filter hides
// and groups that are folded. Comments are left out too.
type workbook struct {
	*office
	strings   []string
	formats   []string // by style of a cell
	since1904 bool
	concealed struct{ sheets, rows, columns, comments int }
}

func (o *office) readXLSX(m *markup, main, stem string) (knowledge.Reading, error) {
	b := &workbook{office: o}
	rels := o.relations(main)
	type sheet struct {
		name string
		part string
	}
	var sheets []sheet
	missing := 0
	err := m.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "workbookPr":
			b.since1904 = yes(attribute(e, "date1904"))
		case "sheets":
			return m.each(func(e xml.StartElement) error {
				r, ok := related(rels, reference(e))
				name := strings.TrimSpace(draft.Tidy(attribute(e, "name")))
				switch state := attribute(e, "state"); {
				case state == "hidden" || state == "veryHidden":
					b.concealed.sheets++
				case !ok:
					missing++
				case r.kind == "worksheet":
					sheets = append(sheets, sheet{strings.Join(strings.Fields(name), " "), r.target})
				} // sheets that are only a chart, and macros of old, have no cells
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return knowledge.Reading{}, err
	}
	for _, r := range rels {
		if r.outside {
			continue
		}
		var err error
		switch r.kind {
		case "sharedStrings":
			err = o.part(r.target, b.readStrings)
		case "styles":
			err = o.part(r.target, b.readFormats)
		}
		if err != nil {
			return knowledge.Reading{}, err
		}
	}
	var d draft.Draft
	broken := missing
	for _, s := range sheets {
		w := worksheet{workbook: b, hides: map[int]bool{}}
		read := false
		err := o.part(s.part, func(m *markup, _ xml.StartElement) error {
			err := m.each(w.read(m))
			if w.full = w.full || errors.Is(err, errElements); w.full {
				err = nil
			}
			read = err == nil
			return err
		})
		if err != nil {
			return knowledge.Reading{}, err
		}
		if !read {
			broken++
		}
		addSheet(&d, o, s.name, w.rows)
		if w.full {
			o.warn("it holds more cells than can be read; the rest of %q and the sheets behind it were left out", s.name)
			break
		}
		if err := b.beside(&d, s.name, s.part); err != nil {
			return knowledge.Reading{}, err
		}
		for _, line := range w.rims {
			o.rim(&d, []portion{{text: line}})
		}
	}
	for _, left := range []struct {
		what string
		n    int
	}{{"sheets", b.concealed.sheets}, {"rows", b.concealed.rows}, {"columns", b.concealed.columns}} {
		if left.n > 0 {
			o.warn("left out hidden %s (%d)", left.what, left.n)
		}
	}
	if n := b.concealed.comments; n > 0 {
		o.warn("left out comments on cells (%d)", n)
	}
	if missing > 0 {
		o.warn("the parts of %d of its sheets are missing", missing)
	}
	title, lang := o.property()
	if title == "" {
		title = stem // the name of a sheet says less
	}
	r := o.finish(&d, title, stem)
	r.Lang = lang
	if broken > 0 && broken == len(sheets)+missing {
		r = knowledge.Reading{State: knowledge.Damaged, Reason: "none of its sheets can be read", Warnings: r.Warnings}
	}
	return r, nil
}

// beside reads what lies on a sheet or beside it: text boxes, documents in it,
// and how many comments there are.
func (b *workbook) beside(d *draft.Draft, name, part string) error {
	rels := b.relations(part)
	for _, r := range rels {
		if r.outside {
			continue
		}
		var err error
		switch r.kind {
		case "drawing":
			err = b.drawings(d, name, r.target)
		case "comments", "threadedComment":
			err = b.part(r.target, func(m *markup, _ xml.StartElement) error {
				return m.each(func(e xml.StartElement) error {
					if e.Name.Local != "commentList" {
						return nil
					}
					return m.each(func(xml.StartElement) error { b.concealed.comments++; return nil })
				})
			})
		}
		if err != nil {
			return err
		}
	}
	return b.embed(rels)
}

// drawings reads the text boxes and diagrams that lie on a sheet. Charts show
// what stands in cells and are passed over.
func (b *workbook) drawings(d *draft.Draft, name, part string) error {
	rels := b.relations(part)
	var all []portion
	err := b.part(part, func(m *markup, _ xml.StartElement) error {
		var walk func(e xml.StartElement) error
		walk = func(e xml.StartElement) (err error) {
			var ps []portion
			switch e.Name.Local {
			case "txBody":
				ps, err = b.drawn(m)
			case "relIds":
				if r, ok := related(rels, attribute(e, "dm")); ok {
					ps, err = b.drawing(r.target)
				}
			case "AlternateContent":
				return m.alternate(walk)
			default:
				return m.each(walk)
			}
			all = append(all, ps...)
			return err
		}
		return m.each(walk)
	})
	for i := range all {
		all[i].kind, all[i].level, all[i].group, all[i].place = knowledge.Paragraph, 0, 0, name
	}
	addAll(d, all)
	return err
}

func (b *workbook) readStrings(m *markup, _ xml.StartElement) error {
	size := 0
	return m.each(func(e xml.StartElement) error {
		if e.Name.Local != "si" {
			return nil
		}
		s, err := richText(m)
		if size += len(s); size > draft.MaxPart || len(b.strings) == maxSharedStrings {
			return draft.ErrTooLarge
		}
		b.strings = append(b.strings, s)
		return err
	})
}

// richText reads the words of a cell without the readings beside them.
func richText(m *markup) (string, error) {
	var b strings.Builder
	var walk func(e xml.StartElement) error
	walk = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "t":
			s, err := m.text()
			b.WriteString(unescape(s))
			return err
		case "r":
			return m.each(walk)
		}
		return nil
	}
	err := m.each(walk)
	return b.String(), err
}

var escapes = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescape resolves the form in which a workbook writes signs that XML forbids.
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escapes.ReplaceAllStringFunc(s, func(e string) string {
		n, _ := strconv.ParseUint(e[2:6], 16, 16)
		return string(rune(n))
	})
}

func (b *workbook) readFormats(m *markup, _ xml.StartElement) error {
	own := map[int]string{}
	return m.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "numFmts":
			return m.each(func(e xml.StartElement) error {
				if id, err := strconv.Atoi(attribute(e, "numFmtId")); err == nil {
					own[id] = attribute(e, "formatCode")
				}
				return nil
			})
		case "cellXfs":
			return m.each(func(e xml.StartElement) error {
				id, _ := strconv.Atoi(attribute(e, "numFmtId"))
				code, ok := own[id]
				if !ok {
					code = numberFormat(id)
				}
				b.formats = append(b.formats, code)
				return nil
			})
		}
		return nil
	})
}

// errFull ends the reading of a sheet of which enough was read.
var errFull = errors.New("enough was read")

// worksheet is one sheet as far as it is read.
type worksheet struct {
	*workbook
	rows     []sheetRow
	hides    map[int]bool // columns
	filtered bool
	size     int  // bytes of rows
	full     bool // no more is taken
	rims     []string
}

func (w *worksheet) read(m *markup) func(e xml.StartElement) error {
	return func(e xml.StartElement) error {
		switch e.Name.Local {
		case "sheetPr":
			w.filtered = yes(attribute(e, "filterMode"))
		case "cols":
			return m.each(func(e xml.StartElement) error {
				first, err1 := strconv.Atoi(attribute(e, "min"))
				last, err2 := strconv.Atoi(attribute(e, "max"))
				if err1 == nil && err2 == nil && yes(attribute(e, "hidden")) && attribute(e, "outlineLevel") == "" {
					for c := max(first, 1); c <= min(last, maxColumns); c++ {
						w.hides[c-1] = true
					}
				}
				return nil
			})
		case "sheetData":
			number := 0
			err := m.each(func(e xml.StartElement) error {
				number++
				if n, err := strconv.Atoi(attribute(e, "r")); err == nil && n > 0 && n <= maxRows {
					number = n
				}
				if e.Name.Local != "row" {
					return nil
				}
				row, err := w.row(m, number)
				if len(row.cells) == 0 {
					return err
				}
				if yes(attribute(e, "hidden")) && !w.filtered && (attribute(e, "outlineLevel") == "" || attribute(e, "outlineLevel") == "0") {
					w.concealed.rows++
					return err
				}
				w.rows = append(w.rows, row)
				if w.full = w.size > draft.MaxText; w.full {
					return errFull
				}
				return err
			})
			shownColumns := map[int]bool{}
			for _, r := range w.rows {
				for _, c := range r.cells {
					shownColumns[c.column] = true
				}
			}
			for c := range shownColumns {
				if w.hides[c] {
					w.concealed.columns++
				}
			}
			if len(w.hides) > 0 {
				for i := range w.rows {
					w.rows[i].cells = slices.DeleteFunc(w.rows[i].cells, func(c sheetCell) bool { return w.hides[c.column] })
				}
				w.rows = slices.DeleteFunc(w.rows, func(r sheetRow) bool { return len(r.cells) == 0 })
			}
			slices.SortStableFunc(w.rows, func(a, b sheetRow) int { return a.number - b.number })
			w.rows = slices.CompactFunc(w.rows, func(a, b sheetRow) bool { return a.number == b.number })
			return err
		case "headerFooter":
			return m.each(func(e xml.StartElement) error {
				s, err := m.text()
				w.rims = append(w.rims, rimWords(s))
				return err
			})
		}
		return nil
	}
}

// Bounds of a sheet, as the programs have them.
const (
	maxColumns = 16384
	maxRows    = 1 << 20
)

var rimCodes = regexp.MustCompile(`&(?:"[^"]*"|K[0-9A-Fa-f]{6}|K\d\d[+-]\d\d\d|\d+|[A-Za-z])`)

// rimWords takes the codes out of a header or footer for print.
func rimWords(s string) string {
	s = strings.ReplaceAll(s, "&&", "\x01")
	s = rimCodes.ReplaceAllStringFunc(s, func(code string) string {
		if strings.Contains("LCR", code[1:2]) {
			return " | "
		}
		return ""
	})
	return strings.Trim(strings.ReplaceAll(s, "\x01", "&"), " |")
}

// row reads the cells of a row that are not empty.
func (w *worksheet) row(m *markup, number int) (sheetRow, error) {
	row, column := sheetRow{number: number}, -1
	return row, m.each(func(e xml.StartElement) error {
		if e.Name.Local != "c" {
			return nil
		}
		column++
		if n, ok := columnOf(attribute(e, "r")); ok {
			column = n
		}
		c := sheetCell{column: column}
		kind, style := attribute(e, "t"), attribute(e, "s")
		stored := ""
		err := m.each(func(e xml.StartElement) (err error) {
			switch e.Name.Local {
			case "v":
				stored, err = m.text()
			case "is":
				stored, err = richText(m)
			}
			return err
		})
		c.text, c.figure = w.shown(kind, style, stored)
		if strings.TrimSpace(c.text) != "" && column < maxColumns {
			if n := len(row.cells); n > 0 && row.cells[n-1].column >= column {
				return err // columns go up; what comes twice counts once
			}
			row.cells = append(row.cells, c)
			w.size += len(c.text) + 3
		}
		return err
	})
}

// shown returns what a cell shows, and whether that is a figure.
func (w *worksheet) shown(kind, style, stored string) (text string, figure bool) {
	switch kind {
	case "s":
		i, err := strconv.Atoi(strings.TrimSpace(stored))
		if err != nil || i < 0 || i >= len(w.strings) {
			if stored != "" {
				w.warn("cells name a text that the workbook does not hold")
			}
			return "", false
		}
		return w.strings[i], false
	case "inlineStr":
		return stored, false
	case "str":
		return unescape(stored), false
	case "b":
		return map[bool]string{true: "TRUE", false: "FALSE"}[strings.TrimSpace(stored) == "1"], true
	case "e":
		return stored, true
	case "d":
		return strings.TrimSuffix(strings.TrimSuffix(stored, "Z"), "T00:00:00"), true
	}
	if stored == "" || !utf8.ValidString(stored) {
		return "", false
	}
	code := ""
	if i, err := strconv.Atoi(style); err == nil && i >= 0 && i < len(w.formats) {
		code = w.formats[i]
	}
	return shown(stored, code, w.since1904), true
}

// columnOf reads the column of "AB12".
func columnOf(cell string) (int, bool) {
	n := 0
	for i := range len(cell) {
		c := cell[i] &^ 0x20
		if c < 'A' || c > 'Z' {
			return n - 1, i > 0
		}
		if n = n*26 + int(c-'A') + 1; n > maxColumns {
			return 0, false
		}
	}
	return n - 1, n > 0
}
