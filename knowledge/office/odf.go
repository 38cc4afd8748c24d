package office

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// openDocument returns which kind of OpenDocument file this is: "text",
// "spreadsheet", "presentation" and others.
func (o *office) openDocument() (kind string, ok bool) {
	if o.Has("mimetype") {
		kind, err := o.Read("mimetype")
		if rest, found := strings.CutPrefix(strings.TrimSpace(string(kind)), "application/vnd.oasis.opendocument."); err == nil && found {
			return strings.TrimSuffix(rest, "-template"), true
		}
		return "", false
	}
	if o.Has("content.xml") && o.Has("META-INF/manifest.xml") {
		return "text", true
	}
	return "", false
}

// odf reads an OpenDocument file (ISO/IEC 26300): tracked changes count as made;
// comments, the table of contents and hidden sheets, rows, columns and slides are
// left out; headers and footers come once at the end.
type odf struct {
	*office
	styles   map[string]odfStyle
	due      []portion // notes and frames that follow the block that is being read
	inTable  int
	comments int
	changed  bool
	first    string // title of a slide
}

type odfStyle struct {
	above  string // the style it is based on
	hidden bool
}

func (o *office) readODF(kind, stem string) knowledge.Reading {
	format := map[string]string{"text": "odt", "text-master": "odt", "spreadsheet": "ods", "presentation": "odp"}[kind]
	if format == "" {
		return knowledge.Reading{State: knowledge.Unsupported, Reason: "no reader for an OpenDocument file of the kind " + draft.OneLine(draft.Tidy(kind))}
	}
	manifest, err := o.Read("META-INF/manifest.xml")
	if err == nil && bytes.Contains(manifest, []byte("encryption-data")) {
		return refused(format, draft.ErrLocked)
	}
	content, err := o.Read("content.xml")
	if err != nil {
		return refused(format, err)
	}
	f := &odf{office: o, styles: map[string]odfStyle{}}
	var d draft.Draft
	var masters []portion
	err = cmp.Or(
		f.partIfThere("styles.xml", func(m *markup, _ xml.StartElement) (err error) { masters, err = f.readMasters(m); return err }),
		f.readContent(newMarkup(content, &o.left), &d),
	)
	if err != nil {
		return refused(format, fmt.Errorf("content.xml: %w", err))
	}
	if format == "odp" && len(masters) > 0 {
		d.At("all slides")
	}
	for _, p := range masters {
		o.rim(&d, []portion{p})
	}
	if f.changed {
		o.warn("it holds tracked changes; they were read as if all were accepted")
	}
	if f.comments > 0 {
		o.warn("left out review comments (%d)", f.comments)
	}
	title, lang := o.dublinCore("meta.xml")
	switch format {
	case "ods": // the name of a sheet says less
		title = cmp.Or(title, stem)
	case "odp": // and so does "Slide 1"
		title = cmp.Or(title, f.first, stem)
	}
	r := o.finish(&d, title, stem)
	r.Format, r.Lang = format, lang
	return r
}

func (f *odf) partIfThere(name string, do func(m *markup, root xml.StartElement) error) error {
	if !f.Has(name) {
		return nil
	}
	return f.part(name, do)
}

func qualified(e xml.StartElement) string { return e.Name.Space + ":" + e.Name.Local }

// value returns an attribute by its name with prefix.
func value(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Space+":"+a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// style notes what a style says of visibility.
func (f *odf) style(m *markup, e xml.StartElement) error {
	s := odfStyle{above: value(e, "style:parent-style-name")}
	key := value(e, "style:family") + " " + value(e, "style:name")
	err := m.each(func(e xml.StartElement) error {
		s.hidden = s.hidden || value(e, "text:display") == "none" || qualified(e) == "style:table-properties" && value(e, "table:display") == "false" ||
			value(e, "presentation:visibility") == "hidden"
		return nil
	})
	f.styles[key] = s
	return err
}

// names returns a style and those it is based on, nearest first, and whether what
// it is for is hidden.
func (f *odf) named(family, name string) (names []string, hidden bool) {
	for range 20 {
		if name == "" {
			break
		}
		names = append(names, name)
		s := f.styles[family+" "+name]
		hidden = hidden || s.hidden
		name = s.above
	}
	return names, hidden
}

// readMasters reads styles, and what stands on every page or slide.
func (f *odf) readMasters(m *markup) (rims []portion, err error) {
	err = m.each(func(e xml.StartElement) error {
		switch qualified(e) {
		case "office:styles", "office:automatic-styles":
			return m.each(func(e xml.StartElement) error { return f.style(m, e) })
		case "office:master-styles":
			return m.each(func(e xml.StartElement) error {
				if qualified(e) != "style:master-page" {
					return nil
				}
				return m.each(func(e xml.StartElement) error {
					class := value(e, "presentation:class")
					if value(e, "presentation:placeholder") == "true" || qualified(e) == "presentation:notes" || class != "" && class != "header" && class != "footer" {
						return nil // what the slides fill
					}
					ps, err := f.blocks(m, 0)
					one := portion{}
					for _, p := range ps {
						one.cells = append(one.cells, append(p.cells, p.text)...)
					}
					rims = append(rims, one)
					return err
				})
			})
		}
		return nil
	})
	return rims, err
}

func (f *odf) readContent(m *markup, d *draft.Draft) error {
	if _, err := m.root(); err != nil {
		return err
	}
	return m.each(func(e xml.StartElement) error {
		switch qualified(e) {
		case "office:automatic-styles", "office:styles":
			return m.each(func(e xml.StartElement) error { return f.style(m, e) })
		case "office:body":
			return m.each(func(e xml.StartElement) error {
				switch qualified(e) {
				case "office:spreadsheet":
					return f.sheets(m, d)
				case "office:presentation":
					return f.slides(m, d)
				}
				ps, err := f.blocks(m, 0)
				addAll(d, ps)
				return err
			})
		}
		return nil
	})
}

// blocks reads paragraphs, lists and tables to the end of the open element; depth
// is how many lists are open.
func (f *odf) blocks(m *markup, depth int) ([]portion, error) {
	var all []portion
	flush := func() {
		if f.inTable == 0 {
			all, f.due = append(all, f.due...), nil
		}
	}
	var block func(e xml.StartElement) error
	block = func(e xml.StartElement) error {
		switch qualified(e) {
		case "text:p", "text:h":
			p, around, err := f.paragraph(m, e)
			if p.kind == knowledge.Paragraph && depth > 0 {
				p.kind, p.level, p.group = knowledge.Item, depth, -1
			}
			if n := len(all); n > 0 && p.kind == knowledge.Code && all[n-1].kind == knowledge.Code && len(f.due) == 0 {
				all[n-1].text += "\n" + p.text
			} else if strings.TrimSpace(p.text) != "" {
				all = append(all, p)
			}
			all = append(all, around...)
			flush()
			return err
		case "text:list":
			ps, err := f.blocks(m, depth+1)
			all = append(all, ps...)
			return err
		case "table:table":
			rows, err := f.table(m)
			all = append(all, rows...)
			flush()
			return err
		case "text:tracked-changes":
			f.changed = true
		case "office:annotation":
			f.comments++
		case "text:table-of-content", "text:list-header-style", "svg:title", "svg:desc", "office:forms", "text:sequence-decls", "text:variable-decls", "text:user-field-decls",
			"office:event-listeners", "presentation:notes", "draw:glue-point", "draw:object":
		default:
			return m.each(block)
		}
		return nil
	}
	err := m.each(block)
	return all, err
}

// paragraph reads one paragraph or heading; around are the frames in it.
func (f *odf) paragraph(m *markup, e xml.StartElement) (p portion, around []portion, err error) {
	names, hidden := f.named("paragraph", value(e, "text:style-name"))
	var b strings.Builder
	concealed := 0 // open elements that are not displayed
	if hidden {
		concealed++
	}
	write := func(s string) {
		if concealed > 0 {
			f.hidden += utf8.RuneCountInString(strings.TrimSpace(s))
			return
		}
		b.WriteString(s)
	}
	// White space is one blank, as in XML for print; what is more stands in
	// elements of its own.
	words := func(s string) {
		if strings.TrimSpace(s) == "" && s != "" {
			write(" ")
			return
		}
		folded := strings.Join(strings.Fields(s), " ")
		if strings.TrimLeft(s, " \t\r\n") != s {
			folded = " " + folded
		}
		if strings.TrimRight(s, " \t\r\n") != s {
			folded += " "
		}
		write(folded)
	}
	var inline func(e xml.StartElement) error
	inline = func(e xml.StartElement) error {
		switch qualified(e) {
		case "text:s":
			n, _ := strconv.Atoi(value(e, "text:c"))
			write(strings.Repeat(" ", min(max(n, 1), 100)))
		case "text:tab":
			write("\t")
		case "text:line-break":
			write("\n")
		case "text:span":
			if _, hidden := f.named("text", value(e, "text:style-name")); hidden {
				concealed++
				defer func() { concealed-- }()
			}
			return m.mixed(inline, words)
		case "text:note":
			return m.each(func(e xml.StartElement) error {
				if qualified(e) != "text:note-body" {
					return nil
				}
				outer := f.due
				f.due = nil
				ps, err := f.blocks(m, 0)
				f.due = append(append(outer, ps...), f.due...)
				return err
			})
		case "text:hidden-text", "text:hidden-paragraph", "text:conditional-text":
			if value(e, "text:is-hidden") == "true" || qualified(e) == "text:hidden-text" {
				f.hidden += utf8.RuneCountInString(value(e, "text:string-value"))
				return nil
			}
			return m.mixed(inline, words)
		case "text:ruby":
			return m.each(func(e xml.StartElement) error {
				if qualified(e) == "text:ruby-base" {
					return m.mixed(inline, words)
				}
				return nil
			})
		case "draw:frame", "draw:g", "draw:custom-shape", "draw:rect", "draw:ellipse", "draw:a", "draw:line", "draw:polygon", "draw:caption", "draw:control":
			tables := f.inTable
			f.inTable = 0
			ps, err := f.blocks(m, 0)
			f.inTable = tables
			around = append(around, ps...)
			return err
		case "office:annotation":
			f.comments++
		case "office:annotation-end", "text:script", "text:note-citation", "text:page-number", "presentation:footer", "presentation:header", "presentation:date-time", "svg:title", "svg:desc", "office:binary-data":
		default:
			return m.mixed(inline, words)
		}
		return nil
	}
	err = m.mixed(inline, words)
	p.text = strings.TrimRight(b.String(), " \t\n")
	has := func(part string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.Contains(strings.ToLower(n), part) })
	}
	if qualified(e) == "text:h" && len(p.text) < longestHeading {
		n, _ := strconv.Atoi(value(e, "text:outline-level"))
		p.kind, p.level = knowledge.Heading, min(max(n, 1), 6)
	} else if slices.Contains(names, "Title") {
		p.kind, p.level = knowledge.Heading, 1
	} else if has("preformatted") || has("source_20_code") {
		p.kind = knowledge.Code
	}
	if p.kind == knowledge.Heading {
		p.text = strings.Join(strings.Fields(p.text), " ")
	}
	return p, around, err
}

// table reads a table on a page or slide.
func (f *odf) table(m *markup) ([]portion, error) {
	f.inTable++
	defer func() { f.inTable-- }()
	var rows [][]gridCell
	var heads []bool
	inHead := false
	var walk func(e xml.StartElement) error
	walk = func(e xml.StartElement) error {
		switch qualified(e) {
		case "table:table-header-rows":
			inHead = true
			defer func() { inHead = false }()
			return m.each(walk)
		case "table:table-row-group", "table:table-rows":
			return m.each(walk)
		case "table:table-row":
			var row []gridCell
			err := m.each(func(e xml.StartElement) (err error) {
				c := gridCell{span: span(value(e, "table:number-columns-repeated")), goesOn: qualified(e) == "table:covered-table-cell"}
				if qualified(e) == "table:table-cell" {
					c.portions, err = f.blocks(m, 0)
				}
				row = append(row, c)
				return err
			})
			rows, heads = append(rows, row), append(heads, inHead)
			return err
		}
		return nil
	}
	err := m.each(walk)
	return f.lay(rows, heads, len(rows) > 1 && !slices.Contains(heads, true)), err
}

// sheets reads the tables of a spreadsheet. A cell's words are those that were
// shown last.
func (f *odf) sheets(m *markup, d *draft.Draft) error {
	left := struct{ sheets, rows, columns int }{}
	err := m.each(func(e xml.StartElement) error {
		if qualified(e) != "table:table" {
			if qualified(e) == "text:tracked-changes" || qualified(e) == "table:tracked-changes" {
				f.changed = true
			}
			return nil
		}
		name := strings.Join(strings.Fields(draft.Tidy(value(e, "table:name"))), " ")
		if _, hidden := f.named("table", value(e, "table:style-name")); hidden {
			left.sheets++
			return nil
		}
		var rows []sheetRow
		var loose []portion
		columns, number, size := 0, 1, 0
		hides := [][2]int{} // columns from and to
		var walk func(e xml.StartElement) error
		walk = func(e xml.StartElement) error {
			switch qualified(e) {
			case "table:table-column":
				n := repeated(e, "table:number-columns-repeated", maxColumns)
				if value(e, "table:visibility") == "collapse" {
					hides = append(hides, [2]int{columns, columns + n})
				}
				columns += n
			case "table:table-row":
				row := sheetRow{number: number}
				number += repeated(e, "table:number-rows-repeated", maxRows)
				if size > draft.MaxText {
					return nil
				}
				column := 0
				err := m.each(func(e xml.StartElement) error {
					n := repeated(e, "table:number-columns-repeated", maxColumns)
					from := column
					column = min(column+n, maxColumns)
					ps, err := f.blocks(m, 0)
					var words []string
					for _, p := range ps {
						words = append(words, p.text)
					}
					kind := value(e, "office:value-type")
					c := sheetCell{text: strings.Join(words, " "), figure: kind != "" && kind != "string"}
					if strings.TrimSpace(c.text) == "" || qualified(e) == "table:covered-table-cell" {
						return err
					}
					for c.column = from; c.column < column && size <= draft.MaxText; c.column++ {
						hidden := slices.ContainsFunc(hides, func(h [2]int) bool { return c.column >= h[0] && c.column < h[1] })
						if !hidden {
							row.cells = append(row.cells, c)
							size += len(c.text) + 3
						} else {
							left.columns++
						}
					}
					return err
				})
				switch {
				case len(row.cells) == 0:
				case value(e, "table:visibility") == "collapse":
					left.rows++
				default:
					rows = append(rows, row) // once, however often it is repeated
				}
				return err
			case "table:shapes", "draw:frame", "draw:custom-shape":
				ps, err := f.blocks(m, 0)
				loose = append(loose, ps...)
				return err
			case "table:table-header-rows", "table:table-rows", "table:table-row-group", "table:table-columns", "table:table-header-columns", "table:table-column-group":
				return m.each(walk)
			case "table:title", "table:desc":
			}
			return nil
		}
		err := m.each(walk)
		addSheet(d, f.office, name, rows)
		d.Full = d.Full || size > draft.MaxText
		for i := range loose {
			loose[i].place = name
		}
		addAll(d, loose)
		return err
	})
	if left.sheets > 0 {
		f.warn("left out hidden sheets (%d)", left.sheets)
	}
	if left.rows > 0 {
		f.warn("left out hidden rows (%d)", left.rows)
	}
	if left.columns > 0 {
		f.warn("left out cells of hidden columns (%d)", left.columns)
	}
	return err
}

func repeated(e xml.StartElement, name string, most int) int {
	n, err := strconv.Atoi(value(e, name))
	if err != nil {
		return 1
	}
	return min(max(n, 1), most)
}

// slides reads the pages of a presentation.
func (f *odf) slides(m *markup, d *draft.Draft) error {
	number, hidden := 0, 0
	var rims []portion
	err := m.each(func(e xml.StartElement) error {
		switch qualified(e) {
		case "presentation:footer-decl", "presentation:header-decl":
			s, err := m.text()
			rims = append(rims, portion{text: s})
			return err
		case "draw:page":
		default:
			return nil
		}
		number++
		_, concealed := f.named("drawing-page", value(e, "draw:style-name"))
		if concealed {
			hidden++
			return nil
		}
		title := portion{kind: knowledge.Heading, level: 2}
		var body, notes []portion
		var walk func(e xml.StartElement) error
		walk = func(e xml.StartElement) error {
			class := value(e, "presentation:class")
			switch {
			case qualified(e) == "presentation:notes":
				return m.each(func(e xml.StartElement) error {
					if value(e, "presentation:class") != "notes" || value(e, "presentation:placeholder") == "true" {
						return nil
					}
					ps, err := f.blocks(m, 0)
					notes = append(notes, ps...)
					return err
				})
			case qualified(e) == "office:annotation":
				f.comments++
				return nil
			case qualified(e) == "office:forms" || value(e, "presentation:placeholder") == "true" || class == "date-time" || class == "page-number":
				return nil
			case qualified(e) == "draw:g":
				return m.each(walk)
			}
			ps, err := f.blocks(m, 0)
			switch class {
			case "title":
				for _, p := range ps {
					title.text = strings.TrimSpace(title.text + " " + strings.Join(strings.Fields(p.text), " "))
				}
			case "header", "footer":
				rims = append(rims, ps...)
			default:
				body = append(body, ps...)
			}
			return err
		}
		if err := m.each(walk); err != nil {
			return err
		}
		place := fmt.Sprintf("slide %d", number)
		title.place = place
		f.first = cmp.Or(f.first, title.text)
		if title.text == "" && len(body)+len(notes) > 0 {
			title.text = fmt.Sprintf("Slide %d", number)
		}
		addAll(d, []portion{title})
		addAll(d, body)
		if len(notes) > 0 {
			d.At(place + ", notes")
			addAll(d, notes)
		}
		return nil
	})
	if len(rims) > 0 {
		d.At("all slides")
	}
	for _, p := range rims {
		f.rim(d, []portion{p})
	}
	if hidden > 0 {
		f.warn("left out hidden slides (%d)", hidden)
	}
	return err
}
