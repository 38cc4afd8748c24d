package office

import (
	"cmp"
	"encoding/xml"
	"maps"
	"slices"
	"strconv"
	"strings"

	"groundwork/knowledge"
)

// Bounds of the rows of one chart.
const (
	maxPoints = 2000
	maxSeries = 100
)

// drawing reads a chart or a diagram in a part of its own.
func (o *office) drawing(part string) (all []portion, err error) {
	err = o.part(part, func(m *markup, root xml.StartElement) (err error) {
		if root.Name.Local == "chartSpace" {
			all, err = o.chart(m)
		} else {
			all, err = o.drawn(m)
		}
		for i := range all {
			if all[i].kind == knowledge.Paragraph {
				all[i].level, all[i].group = 0, 0
			}
		}
		return err
	})
	return all, err
}

// drawn reads the paragraphs of DrawingML to the end of the open element,
// wherever they stand.
func (o *office) drawn(m *markup) (all []portion, err error) {
	var walk func(e xml.StartElement) error
	walk = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "p":
			p, err := o.drawnParagraph(m)
			if p.text != "" {
				all = append(all, p)
			}
			return err
		case "AlternateContent":
			return m.alternate(walk)
		}
		return m.each(walk)
	}
	return all, m.each(walk)
}

// drawnParagraph reads a paragraph of DrawingML (ECMA-376 part 1, 21.1.2). Its
// level is that of its list plus 1; its kind is an item when it has a bullet of
// its own and a paragraph when it is told to have none or is told nothing.
func (o *office) drawnParagraph(m *markup) (portion, error) {
	p := portion{group: -1}
	var b strings.Builder
	var inline func(e xml.StartElement) error
	inline = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "pPr":
			p.level, _ = strconv.Atoi(attribute(e, "lvl"))
			p.level = min(max(p.level, 0), 8)
			return m.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "buChar", "buAutoNum", "buBlip":
					p.kind = knowledge.Item
				case "buNone":
					p.group = 0
				}
				return nil
			})
		case "t":
			s, err := m.text()
			b.WriteString(s)
			return err
		case "br":
			b.WriteString("\n")
		case "tab":
			b.WriteString("\t")
		case "oMath":
			s, err := formula(m)
			b.WriteString(s)
			return err
		case "AlternateContent":
			return m.alternate(inline)
		case "rPr", "endParaRPr":
		default:
			return m.each(inline)
		}
		return nil
	}
	err := m.each(inline)
	p.level++
	p.text = strings.TrimSpace(strings.ReplaceAll(b.String(), "\v", "\n"))
	return p, err
}

// series is one line, bar or slice set of a chart.
type series struct {
	name           string
	names, figures map[int]string // by point
}

// chart reads a chart's title, and its figures as the rows of a table
// (ECMA-376 part 1, 21.2).
func (o *office) chart(m *markup) ([]portion, error) {
	var all []portion
	var sets []series
	cache := func(into map[int]string) error {
		code := ""
		var walk func(e xml.StartElement) error
		walk = func(e xml.StartElement) error {
			switch e.Name.Local {
			case "formatCode":
				s, err := m.text()
				code = s
				return err
			case "pt":
				at, err := strconv.Atoi(attribute(e, "idx"))
				if err != nil || at < 0 || at >= maxPoints {
					return nil
				}
				own := cmp.Or(attribute(e, "formatCode"), code)
				return m.each(func(e xml.StartElement) error {
					if e.Name.Local != "v" {
						return nil
					}
					s, err := m.text()
					if own != "" {
						s = shown(s, own, false)
					}
					into[at] = strings.Trim(into[at]+" "+s, " ")
					return err
				})
			}
			return m.each(walk)
		}
		return m.each(walk)
	}
	var walk func(e xml.StartElement) error
	walk = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "title":
			ps, err := o.drawn(m)
			all = append(all, ps...)
			return err
		case "ser":
			s := series{names: map[int]string{}, figures: map[int]string{}}
			err := m.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "tx":
					title := map[int]string{}
					err := cache(title)
					s.name = title[0]
					return err
				case "cat", "xVal":
					return cache(s.names)
				case "val", "yVal":
					return cache(s.figures)
				}
				return nil
			})
			if len(sets) < maxSeries {
				sets = append(sets, s)
			}
			return err
		case "AlternateContent":
			return m.alternate(walk)
		}
		return m.each(walk)
	}
	if err := m.each(walk); err != nil {
		return nil, err
	}
	group := o.group()
	head := portion{kind: knowledge.Row, level: 1, group: group, cells: []string{""}}
	points := map[int]bool{}
	for _, s := range sets {
		head.cells = append(head.cells, s.name)
		for at := range s.figures {
			points[at] = true
		}
	}
	if len(points) > 0 {
		all = append(all, head)
	}
	for _, at := range slices.Sorted(maps.Keys(points)) {
		row := portion{kind: knowledge.Row, group: group, cells: []string{""}}
		for _, s := range sets {
			row.cells[0] = cmp.Or(row.cells[0], s.names[at])
			row.cells = append(row.cells, s.figures[at])
		}
		all = append(all, row)
	}
	return all, nil
}

// formula reads Office Math as a line of signs: fractions as a/b, powers as a^b
// (ECMA-376 part 1, 22.1).
func formula(m *markup) (string, error) {
	var b strings.Builder
	var walk func(e xml.StartElement) error
	within := func(before, behind string) error {
		var outer strings.Builder
		outer, b = b, strings.Builder{}
		err := m.each(walk)
		inner := b.String()
		b = strings.Builder{}
		b.WriteString(outer.String())
		if strings.ContainsAny(inner, "+-−=/ ") && !(strings.HasPrefix(inner, "(") && strings.IndexByte(inner, ')') == len(inner)-1) {
			inner = "(" + inner + ")"
		}
		b.WriteString(before + inner + behind)
		return err
	}
	walk = func(e xml.StartElement) error {
		switch e.Name.Local {
		case "t":
			s, err := m.text()
			b.WriteString(s)
			return err
		case "sSup", "sSub", "sSubSup":
			return m.each(func(e xml.StartElement) error {
				if e.Name.Local == "e" {
					return within("", "")
				}
				return walk(e)
			})
		case "d":
			b.WriteString("(")
			defer b.WriteString(")")
			return m.each(walk)
		case "num":
			return within("", "/")
		case "den":
			return within("", "")
		case "sup":
			return within("^", "")
		case "sub":
			return within("_", "")
		case "deg":
			return within("√", "")
		case "chr":
			b.WriteString(attribute(e, "val"))
		case "del", "instrText", "rPr", "ctrlPr":
		default:
			return m.each(walk)
		}
		return nil
	}
	err := m.each(walk)
	return b.String(), err
}
