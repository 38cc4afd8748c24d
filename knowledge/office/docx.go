package office

import (
	"encoding/xml"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// word reads a DOCX (ECMA-376 part 1, chapter 17): the main part in its order,
// text boxes, charts and footnotes behind the paragraph that they hang on, the
// lines of headers and footers once at the end. Tracked changes count as made;
// comments and the table of contents are left out.
type word struct {
	*office
	rels    []relation // of the part that is being read
	styles  map[string]wordStyle
	lists   numbering
	notes   map[string][]portion // "footnote 2"
	due     []portion            // notes and drawings that follow the block that is being read
	tables  int                  // open tables
	ground  bool                 // the page or the box may have another ground than white
	changed bool                 // there are tracked changes
}

type wordStyle struct {
	name   string
	based  string
	format wordFormat
}

// wordFormat is what a style or a paragraph states; a nil pointer is nothing.
type wordFormat struct {
	outline *int    // 0 to 8 for headings, 9 for none
	list    *string // id of the numbering, "0" for none
	depth   *int    // in it, from 0
	hidden  *bool
	white   *bool // white letters
	shaded  *bool // on another ground than white
}

func (f *wordFormat) under(g wordFormat) {
	for _, p := range []struct{ to, from **int }{{&f.outline, &g.outline}, {&f.depth, &g.depth}} {
		if *p.to == nil {
			*p.to = *p.from
		}
	}
	for _, p := range []struct{ to, from **bool }{{&f.hidden, &g.hidden}, {&f.white, &g.white}, {&f.shaded, &g.shaded}} {
		if *p.to == nil {
			*p.to = *p.from
		}
	}
	if f.list == nil {
		f.list = g.list
	}
}

func (o *office) readDOCX(m *markup, main, stem string) (knowledge.Reading, error) {
	w := &word{office: o, rels: o.relations(main), styles: map[string]wordStyle{}, notes: map[string][]portion{}}
	rels := w.rels
	for _, r := range rels {
		if r.outside {
			continue
		}
		var err error
		switch r.kind {
		case "styles":
			err = o.part(r.target, w.readStyles)
		case "numbering":
			err = o.part(r.target, w.lists.read)
		case "comments":
			var n int
			if n, err = o.count(r.target, "comment"); n > 0 {
				o.warn("left out review comments (%d)", n)
			}
		}
		if err != nil {
			return knowledge.Reading{}, err
		}
	}
	for _, r := range rels {
		if r.outside || r.kind != "footnotes" && r.kind != "endnotes" {
			continue
		}
		w.rels = o.relations(r.target)
		if err := o.part(r.target, w.readNotes); err != nil {
			return knowledge.Reading{}, err
		}
	}
	w.rels = rels
	var body []portion
	err := m.each(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "background":
			w.ground = true
		case "body":
			body, err = w.blocks(m, nil)
		}
		return err
	})
	if err != nil {
		return knowledge.Reading{}, err
	}
	var d draft.Draft
	addAll(&d, body)
	for _, kind := range []string{"header", "footer"} {
		for _, r := range rels {
			if r.kind != kind || r.outside {
				continue
			}
			w.rels = o.relations(r.target)
			err := o.part(r.target, func(m *markup, _ xml.StartElement) error {
				line, err := w.blocks(m, nil)
				o.rim(&d, line)
				return err
			})
			if err != nil {
				return knowledge.Reading{}, err
			}
		}
	}
	if w.changed {
		o.warn("it holds tracked changes; they were read as if all were accepted")
	}
	title, lang := o.property()
	if err := o.embed(rels); err != nil {
		return knowledge.Reading{}, err
	}
	r := o.finish(&d, title, stem)
	r.Lang = lang
	return r, nil
}

// pageNumber is what a header or footer holds that says nothing.
var pageNumber = regexp.MustCompile(`(?i)^(?:page|seite|página|pagina|side)?[\s\d/.|-]*(?:(?:of|von|de|di|/)[\s\d]*)?$`)

// rim adds what stands at the head or foot of all pages or slides: one line of
// it, once. Marks that keep a document in the house stand there.
func (o *office) rim(d *draft.Draft, portions []portion) {
	var line []string
	for _, p := range portions {
		for _, s := range append(p.cells, p.text) {
			if s = strings.Join(strings.Fields(draft.Tidy(s)), " "); strings.ContainsFunc(s, unicode.IsLetter) && !slices.Contains(line, s) {
				line = append(line, s)
			}
		}
	}
	if s := strings.Join(line, " | "); !pageNumber.MatchString(s) && !slices.Contains(o.rims, s) {
		o.rims = append(o.rims, s)
		d.Add(knowledge.Paragraph, 0, 0, s)
	}
}

func (w *word) readStyles(m *markup, _ xml.StartElement) error {
	return m.each(func(e xml.StartElement) error {
		if e.Name.Local != "style" {
			return nil
		}
		id, s := attribute(e, "styleId"), wordStyle{}
		err := m.each(func(e xml.StartElement) error {
			switch e.Name.Local {
			case "name":
				s.name = strings.ToLower(attribute(e, "val"))
			case "basedOn":
				s.based = attribute(e, "val")
			case "pPr":
				return m.each(func(e xml.StartElement) error { return s.format.paragraph(m, e) })
			case "rPr":
				return m.each(func(e xml.StartElement) error { s.format.run(e); return nil })
			}
			return nil
		})
		if level, ok := strings.CutPrefix(s.name, "heading "); ok && s.format.outline == nil {
			if n, err := strconv.Atoi(level); err == nil && n > 0 {
				n--
				s.format.outline = &n
			}
		}
		w.styles[id] = s
		return err
	})
}

// paragraph notes one property of a paragraph.
func (f *wordFormat) paragraph(m *markup, e xml.StartElement) error {
	switch e.Name.Local {
	case "outlineLvl":
		if n, err := strconv.Atoi(attribute(e, "val")); err == nil {
			f.outline = &n
		}
	case "shd":
		f.shaded = new(bool)
		*f.shaded = shaded(e)
	case "numPr":
		return m.each(func(e xml.StartElement) error {
			v := attribute(e, "val")
			switch e.Name.Local {
			case "ilvl":
				n, _ := strconv.Atoi(v)
				n = min(max(n, 0), 8)
				f.depth = &n
			case "numId":
				f.list = &v
			}
			return nil
		})
	}
	return nil
}

// run notes one property of letters.
func (f *wordFormat) run(e xml.StartElement) {
	set := func(p **bool, v bool) { *p = &v }
	switch e.Name.Local {
	case "vanish", "webHidden":
		if e.Name.Local == "vanish" {
			set(&f.hidden, flag(e))
		}
	case "sz": // half points
		if n, err := strconv.Atoi(attribute(e, "val")); err == nil && n <= 3 {
			set(&f.hidden, true)
		}
	case "color":
		set(&f.white, strings.EqualFold(attribute(e, "val"), "FFFFFF"))
	case "shd":
		set(&f.shaded, shaded(e))
	case "highlight":
		set(&f.shaded, attribute(e, "val") != "none" && attribute(e, "val") != "white")
	}
}

func shaded(e xml.StartElement) bool {
	fill, pattern := strings.ToUpper(attribute(e, "fill")), attribute(e, "val")
	return fill != "" && fill != "AUTO" && fill != "FFFFFF" || pattern != "" && pattern != "clear" && pattern != "nil" || attribute(e, "themeFill") != ""
}

// style returns the names of a style and what it is based on, nearest first, and
// what they state.
func (w *word) style(id string) (names []string, f wordFormat) {
	for range 20 {
		s, ok := w.styles[id]
		if !ok {
			break
		}
		names = append(names, s.name)
		f.under(s.format)
		id = s.based
	}
	return names, f
}

func (w *word) readNotes(m *markup, _ xml.StartElement) error {
	return m.each(func(e xml.StartElement) error {
		if kind := attribute(e, "type"); kind != "" && kind != "normal" {
			return nil // the line between text and notes
		}
		ps, err := w.blocks(m, nil)
		w.notes[e.Name.Local+" "+attribute(e, "id")] = ps
		return err
	})
}

// blocks reads paragraphs and tables to the end of the open element. Where that is
// a cell, what it states of itself is noted there.
func (w *word) blocks(m *markup, cell *gridCell) ([]portion, error) {
	var all []portion
	flush := func() {
		if w.tables == 0 {
			all, w.due = append(all, w.due...), nil
		}
	}
	var block func(e xml.StartElement) error
	block = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "p":
			p, around, err := w.paragraph(m)
			if n := len(all); n > 0 && p.kind == knowledge.Code && all[n-1].kind == knowledge.Code && len(w.due) == 0 {
				all[n-1].text += "\n" + p.text
			} else if p.text != "" {
				all = append(all, p)
			}
			all = append(all, around...)
			flush()
			return err
		case "tbl":
			rows, err := w.table(m)
			all = append(all, rows...)
			flush()
			return err
		case "tcPr":
			if cell == nil {
				return nil
			}
			return m.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "vMerge":
					cell.goesOn = attribute(e, "val") != "restart"
				case "gridSpan":
					cell.span = span(attribute(e, "val"))
				}
				return nil
			})
		case "altChunk":
			if r, ok := related(w.rels, reference(e)); ok {
				all = append(all, w.chunk(r.target)...)
			}
		case "AlternateContent":
			return m.alternate(block)
		case "del", "moveFrom":
			w.changed = true
		case "ins", "moveTo":
			w.changed = true
			return m.each(block)
		case "sdt", "sdtContent", "customXml", "smartTag", "txbxContent", "bodyPr", "lstStyle":
			return m.each(block)
		}
		return nil
	}
	err := m.each(block)
	return all, err
}

// chunk reads a page that stands inside the document.
func (w *word) chunk(name string) (all []portion) {
	data, err := w.Read(name)
	lower := strings.ToLower(name)
	if err != nil || !strings.HasSuffix(lower, "htm") && !strings.HasSuffix(lower, "html") && !strings.HasSuffix(lower, "txt") {
		w.warn("a part of it could not be read: %s", name)
		return nil
	}
	r := w.page(name, data)
	group := w.group()
	for _, b := range r.Blocks {
		p := portion{kind: b.Kind, level: b.Level, group: group, text: r.Text[b.Start:b.End]}
		if b.Kind == knowledge.Row {
			p.cells = strings.Split(strings.Trim(p.text, "| "), " | ")
		}
		all = append(all, p)
	}
	return all
}

// paragraph reads one paragraph; around are the text boxes, charts and tables in
// it.
func (w *word) paragraph(m *markup) (p portion, around []portion, err error) {
	var b strings.Builder
	var own wordFormat
	style, above := "", wordFormat{}
	hiddenAt := w.hidden
	write := func(s string, f wordFormat) {
		f.under(own)
		f.under(above)
		yes := func(p *bool) bool { return p != nil && *p }
		if yes(f.hidden) || yes(f.white) && !yes(f.shaded) && w.tables == 0 && !w.ground {
			w.hidden += utf8.RuneCountInString(strings.TrimSpace(s))
			return
		}
		b.WriteString(s)
	}
	boxes := func() error {
		// A box has lines and a ground of its own, and stands in no table.
		tables, ground := w.tables, w.ground
		w.ground = true
		ps, err := w.blocks(m, nil)
		w.tables, w.ground = tables, ground
		around = append(around, ps...)
		return err
	}
	var format wordFormat // of the run
	var inline func(e xml.StartElement) error
	inline = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "pPr":
			return m.each(func(e xml.StartElement) error {
				if e.Name.Local == "pStyle" {
					style = attribute(e, "val")
					_, above = w.style(style)
				}
				return own.paragraph(m, e)
			})
		case "r":
			outer := format
			defer func() { format = outer }()
			format = wordFormat{}
			return m.each(inline)
		case "rPr":
			var named wordFormat
			err := m.each(func(e xml.StartElement) error {
				if e.Name.Local == "rStyle" {
					_, named = w.style(attribute(e, "val"))
				}
				format.run(e)
				return nil
			})
			format.under(named)
			return err
		case "t":
			s, err := m.text()
			write(s, format)
			return err
		case "tab", "ptab":
			write("\t", format)
		case "br", "cr":
			write("\n", format)
		case "noBreakHyphen":
			write("-", format)
		case "sym":
			write(symbol(e), format)
		case "textpath": // letters as a drawing: what is written across the page
			if s := attribute(e, "string"); s != "" {
				around = append(around, portion{text: s})
			}
		case "checkBox":
			ticked := false
			err := m.each(func(e xml.StartElement) error {
				if e.Name.Local == "checked" || e.Name.Local == "default" && !ticked {
					ticked = flag(e)
				}
				return nil
			})
			write(map[bool]string{true: "☒ ", false: "☐ "}[ticked], format)
			return err
		case "footnoteReference", "endnoteReference":
			note := w.notes[strings.TrimSuffix(e.Name.Local, "Reference")+" "+attribute(e, "id")]
			w.due = append(w.due, note...)
		case "del", "moveFrom":
			w.changed = true
		case "ins", "moveTo":
			w.changed = true
			return m.each(inline)
		case "AlternateContent":
			return m.alternate(inline)
		case "ruby": // the reading beside it is left out
			return m.each(func(e xml.StartElement) error {
				if e.Name.Local == "rubyBase" {
					return m.each(inline)
				}
				return nil
			})
		case "txbxContent", "txBody":
			return boxes()
		case "tbl":
			rows, err := w.table(m)
			around = append(around, rows...)
			return err
		case "p":
			q, more, err := w.paragraph(m)
			if q.text != "" {
				around = append(around, q)
			}
			around = append(around, more...)
			return err
		case "oMath":
			s, err := formula(m)
			write(s, format)
			return err
		case "chart", "relIds":
			id := reference(e)
			if e.Name.Local == "relIds" {
				id = attribute(e, "dm")
			}
			if r, ok := related(w.rels, id); ok {
				ps, err := w.drawing(r.target)
				around = append(around, ps...)
				return err
			}
		case "instrText", "delText", "delInstrText", "fldData", "sdtPr", "sectPr", "rubyPr":
		default:
			return m.each(inline)
		}
		return nil
	}
	if err := m.each(inline); err != nil {
		return p, around, err
	}
	names, _ := w.style(style)
	own.under(above)
	p = portion{text: strings.TrimRight(b.String(), " \t\n")}
	if strings.TrimSpace(p.text) == "" {
		p.text = ""
	}
	label := ""
	listed := own.list != nil && *own.list != "0"
	if listed && (p.text != "" || w.hidden == hiddenAt) {
		depth := 0
		if own.depth != nil {
			depth = *own.depth
		}
		if label = w.lists.label(*own.list, depth); label != "" && p.text != "" {
			p.text = label + " " + p.text
		}
		p.kind, p.level, p.group = knowledge.Item, depth+1, -1
	}
	first := ""
	if len(names) > 0 {
		first = names[0]
	}
	switch {
	case first == "title":
		p.kind, p.level, p.group = knowledge.Heading, 1, 0
	case own.outline != nil && *own.outline >= 0 && *own.outline < 9 && len(p.text) < longestHeading:
		p.kind, p.level, p.group = knowledge.Heading, min(*own.outline+1, 6), 0
	case strings.HasPrefix(first, "toc ") && len(first) == 5, first == "table of figures":
		p.text = "" // headings with page numbers
	case !listed && slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "preformatted") || strings.Contains(n, "code") }):
		p.kind, p.level, p.group = knowledge.Code, 0, 0
	}
	if p.kind == knowledge.Heading {
		p.text = strings.Join(strings.Fields(p.text), " ")
	}
	return p, around, nil
}

const longestHeading = 400 // bytes

// symbol returns the sign that a symbol font shows, where it is one of the common
// ones.
func symbol(e xml.StartElement) string {
	n, err := strconv.ParseUint(attribute(e, "char"), 16, 16)
	if err != nil {
		return ""
	}
	if !strings.HasPrefix(strings.ToLower(attribute(e, "font")), "wingdings") {
		if n >= 0xF000 {
			return ""
		}
		return string(rune(n))
	}
	switch n & 0xFF {
	case 0xFE, 0xFD, 0x78, 0x53, 0x54:
		return "☒"
	case 0x6F, 0xA8, 0x71, 0x72:
		return "☐"
	case 0xFC:
		return "✓"
	case 0xFB:
		return "✗"
	case 0xE0, 0xE8:
		return "→"
	}
	return ""
}

// table reads a table.
func (w *word) table(m *markup) ([]portion, error) {
	w.tables++
	defer func() { w.tables-- }()
	var rows [][]gridCell
	var heads []bool
	firstIsHead := false
	var rowsOf func(e xml.StartElement) error
	rowsOf = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "tblPr":
			return m.each(func(e xml.StartElement) error {
				if e.Name.Local == "tblLook" {
					look, _ := strconv.ParseUint(attribute(e, "val"), 16, 32)
					firstIsHead = yes(attribute(e, "firstRow")) || attribute(e, "firstRow") == "" && look&0x20 != 0
				}
				return nil
			})
		case "tr":
			cells, head, gone, err := w.row(m)
			if !gone {
				rows, heads = append(rows, cells), append(heads, head)
			}
			return err
		case "sdt", "sdtContent", "customXml", "ins", "moveTo":
			return m.each(rowsOf)
		}
		return nil
	}
	if err := m.each(rowsOf); err != nil {
		return nil, err
	}
	return w.lay(rows, heads, firstIsHead), nil
}

// row reads a table's row; gone when it is deleted.
func (w *word) row(m *markup) (cells []gridCell, head, gone bool, err error) {
	var cellsOf func(e xml.StartElement) error
	cellsOf = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "trPr":
			return m.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "tblHeader":
					head = flag(e)
				case "del":
					gone, w.changed = true, true
				case "gridBefore":
					cells = append(cells, gridCell{span: span(attribute(e, "val"))})
				}
				return nil
			})
		case "tc":
			c := gridCell{span: 1}
			var err error
			c.portions, err = w.blocks(m, &c)
			cells = append(cells, c)
			return err
		case "sdt", "sdtContent", "customXml", "ins", "moveTo":
			return m.each(cellsOf)
		}
		return nil
	}
	err = m.each(cellsOf)
	return cells, head, gone, err
}
