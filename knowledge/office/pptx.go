package office

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// readPPTX reads a deck (ECMA-376 part 1, chapter 19): its slides in the order in
// which they are shown, each with its title first and its notes last. What stands
// on every slide, and on the masters, comes once at the end. Hidden slides,
// hidden shapes and comments are left out.
func (o *office) readPPTX(m *markup, main, stem string) (knowledge.Reading, error) {
	rels := o.relations(main)
	var slides []relation
	err := m.each(func(e xml.StartElement) error {
		if e.Name.Local != "sldIdLst" {
			return nil
		}
		return m.each(func(e xml.StartElement) error {
			if r, ok := related(rels, reference(e)); ok && e.Name.Local == "sldId" {
				slides = append(slides, r)
			}
			return nil
		})
	})
	if err != nil {
		return knowledge.Reading{}, err
	}
	var d draft.Draft
	first := "" // title of a slide
	var rims []portion
	var masters []string // in the order of the slides
	seen := map[string]bool{}
	broken, hidden, comments := 0, 0, 0
	for i, r := range slides {
		s := slide{office: o, rels: o.relations(r.target)}
		read := false
		err := o.part(r.target, func(m *markup, root xml.StartElement) error {
			s.concealed = no(attribute(root, "show"))
			if err := m.each(s.shape(m)); err != nil {
				return err
			}
			read = true
			return nil
		})
		if err != nil {
			return knowledge.Reading{}, err
		}
		if !read {
			broken++
		}
		if s.concealed {
			hidden++
			continue
		}
		notes := slide{office: o, notes: true}
		for _, r := range s.rels {
			if r.outside {
				continue
			}
			var err error
			switch r.kind {
			case "notesSlide":
				notes.rels = o.relations(r.target)
				err = o.part(r.target, func(m *markup, _ xml.StartElement) error { return m.each(notes.shape(m)) })
			case "slideLayout":
				if !seen[r.target] {
					seen[r.target] = true
					masters = append(masters, r.target)
				}
			case "comments":
				var n int
				n, err = o.count(r.target, "cm")
				comments += n
			}
			if err != nil {
				return knowledge.Reading{}, err
			}
		}
		place := fmt.Sprintf("slide %d", i+1)
		first = cmp.Or(first, s.title)
		if s.title == "" && len(s.body)+len(notes.body) > 0 {
			s.title, s.level = fmt.Sprintf("Slide %d", i+1), 2
		}
		addAll(&d, []portion{{kind: knowledge.Heading, level: s.level, text: s.title, place: place}})
		addAll(&d, s.body)
		if len(notes.body) > 0 {
			d.At(place + ", notes")
			addAll(&d, notes.body)
		}
		rims = append(rims, s.rims...)
		if err := o.embed(s.rels); err != nil {
			return knowledge.Reading{}, err
		}
	}
	for i := 0; i < len(masters); i++ { // layouts, then the masters they name
		s := slide{office: o, fixed: true, rels: o.relations(masters[i])}
		if err := o.part(masters[i], func(m *markup, _ xml.StartElement) error { return m.each(s.shape(m)) }); err != nil {
			return knowledge.Reading{}, err
		}
		for _, r := range s.rels {
			if r.kind == "slideMaster" && !r.outside && !seen[r.target] {
				seen[r.target] = true
				masters = append(masters, r.target)
			}
		}
		rims = append(rims, s.body...)
	}
	if len(rims) > 0 {
		d.At("all slides")
	}
	for _, p := range rims {
		o.rim(&d, []portion{p})
	}
	if hidden > 0 {
		o.warn("left out hidden slides (%d)", hidden)
	}
	if comments > 0 {
		o.warn("left out review comments (%d)", comments)
	}
	title, lang := o.property()
	title = cmp.Or(title, first, stem) // and not "Slide 1"
	r := o.finish(&d, title, stem)
	r.Lang = lang
	if len(slides) > 0 && broken == len(slides) {
		r = knowledge.Reading{State: knowledge.Damaged, Reason: "none of its slides can be read", Warnings: r.Warnings}
	}
	return r, nil
}

// slide is one slide, notes page, layout or master.
type slide struct {
	*office
	rels      []relation
	fixed     bool // a layout or master: what fills it on the slides is not its own
	notes     bool // a notes page: its body is no list
	concealed bool

	title string
	level int
	body  []portion
	rims  []portion // footers
}

// shape reads what stands on a slide.
func (s *slide) shape(m *markup) func(e xml.StartElement) error {
	var walk func(e xml.StartElement) error
	walk = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "sp":
			return s.box(m)
		case "graphicFrame":
			return s.frame(m)
		case "AlternateContent":
			return m.alternate(walk)
		case "cSld", "spTree", "grpSp":
			return m.each(walk)
		}
		return nil
	}
	return walk
}

// box reads a shape with words.
func (s *slide) box(m *markup) error {
	kind, filled, hidden := "", false, false // filled: it stands in a place of the layout
	var about func(e xml.StartElement) error
	about = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "cNvPr":
			hidden = yes(attribute(e, "hidden"))
		case "ph":
			kind, filled = cmp.Or(attribute(e, "type"), "body"), true
		}
		return m.each(about)
	}
	var paragraphs []portion
	err := m.each(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "nvSpPr":
			return m.each(about)
		case "txBody", "txbx":
			paragraphs, err = s.drawn(m)
		}
		return err
	})
	if err != nil || len(paragraphs) == 0 || s.fixed && filled {
		return err
	}
	switch {
	case hidden || s.concealed:
		if hidden {
			for _, p := range paragraphs {
				s.hidden += utf8.RuneCountInString(p.text)
			}
		}
	case kind == "title" || kind == "ctrTitle":
		var words []string
		for _, p := range paragraphs {
			words = append(words, strings.Fields(p.text)...)
		}
		s.title = strings.Join(append(strings.Fields(s.title), words...), " ")
		s.level = map[bool]int{true: 1, false: 2}[kind == "ctrTitle"]
	case kind == "dt" || kind == "sldNum":
	case kind == "ftr" || kind == "hdr":
		s.rims = append(s.rims, paragraphs...)
	default:
		for _, p := range paragraphs {
			if (kind == "body" || kind == "obj") && p.group != 0 && !s.notes || p.kind == knowledge.Item {
				p.kind = knowledge.Item
			} else {
				p.level = 0
			}
			if p.kind == knowledge.Paragraph {
				p.group = 0
			}
			s.body = append(s.body, p)
		}
	}
	return nil
}

// frame reads a table, a chart or a diagram.
func (s *slide) frame(m *markup) error {
	hidden := false
	var all []portion
	var walk func(e xml.StartElement) error
	walk = func(e xml.StartElement) (err error) {
		var ps []portion
		switch e.Name.Local {
		case "cNvPr":
			hidden = yes(attribute(e, "hidden"))
		case "tbl":
			ps, err = s.grid(m)
		case "chart", "relIds":
			id := reference(e)
			if e.Name.Local == "relIds" {
				id = attribute(e, "dm")
			}
			if r, ok := related(s.rels, id); ok {
				ps, err = s.drawing(r.target)
			}
		case "AlternateContent":
			return m.alternate(walk)
		default:
			return m.each(walk)
		}
		all = append(all, ps...)
		return err
	}
	if err := m.each(walk); err != nil {
		return err
	}
	for _, p := range all {
		switch {
		case s.concealed:
		case hidden:
			s.hidden += utf8.RuneCountInString(p.text + strings.Join(p.cells, ""))
		default:
			if p.kind == knowledge.Paragraph {
				p.level, p.group = 0, 0
			}
			s.body = append(s.body, p)
		}
	}
	return nil
}

// grid reads a table of DrawingML.
func (s *slide) grid(m *markup) ([]portion, error) {
	var rows [][]gridCell
	firstIsHead := false
	err := m.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "tblPr":
			firstIsHead = yes(attribute(e, "firstRow"))
		case "tr":
			var row []gridCell
			err := m.each(func(e xml.StartElement) error {
				if e.Name.Local != "tc" {
					return nil
				}
				// A cell that another one covers is written, and empty.
				c := gridCell{span: 1, goesOn: yes(attribute(e, "vMerge"))}
				ps, err := s.drawn(m)
				for _, p := range ps {
					if p.kind == knowledge.Paragraph {
						p.level, p.group = 0, 0
					}
					c.portions = append(c.portions, p)
				}
				row = append(row, c)
				return err
			})
			rows = append(rows, row)
			return err
		}
		return nil
	})
	return s.lay(rows, make([]bool, len(rows)), firstIsHead), err
}
