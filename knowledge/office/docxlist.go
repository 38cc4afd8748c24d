package office

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// numbering counts the numbers of lists, headings and clauses, which a DOCX does
// not hold (ECMA-376 part 1, 17.9).
type numbering struct {
	kinds map[string]*[9]listLevel // by abstractNumId
	lists map[string]list          // by numId
}

type list struct {
	kind   string
	starts map[int]int       // levels that begin anew with this list
	levels map[int]listLevel // levels that look otherwise in it
	begun  map[int]bool
}

type listLevel struct {
	format  string
	label   string // "%1.%2."
	start   int
	restart int // the level, from 1, after which it begins anew; -1 for any above, 0 for never
	count   int
	counted bool
}

func (n *numbering) read(m *markup, _ xml.StartElement) error {
	n.kinds, n.lists = map[string]*[9]listLevel{}, map[string]list{}
	return m.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "abstractNum":
			levels := &[9]listLevel{}
			n.kinds[attribute(e, "abstractNumId")] = levels
			return m.each(func(e xml.StartElement) error {
				at, err := strconv.Atoi(attribute(e, "ilvl"))
				if e.Name.Local != "lvl" || err != nil || at < 0 || at > 8 {
					return nil
				}
				levels[at], err = readLevel(m)
				return err
			})
		case "num":
			l := list{starts: map[int]int{}, levels: map[int]listLevel{}, begun: map[int]bool{}}
			id := attribute(e, "numId")
			err := m.each(func(e xml.StartElement) error {
				if e.Name.Local == "abstractNumId" {
					l.kind = attribute(e, "val")
				}
				at, err := strconv.Atoi(attribute(e, "ilvl"))
				if e.Name.Local != "lvlOverride" || err != nil || at < 0 || at > 8 {
					return nil
				}
				return m.each(func(e xml.StartElement) (err error) {
					switch e.Name.Local {
					case "startOverride":
						l.starts[at], _ = strconv.Atoi(attribute(e, "val"))
					case "lvl":
						l.levels[at], err = readLevel(m)
					}
					return err
				})
			})
			n.lists[id] = l
			return err
		}
		return nil
	})
}

func readLevel(m *markup) (listLevel, error) {
	l := listLevel{format: "decimal", restart: -1}
	return l, m.each(func(e xml.StartElement) error {
		v := attribute(e, "val")
		switch e.Name.Local {
		case "start":
			l.start, _ = strconv.Atoi(v)
		case "numFmt":
			l.format = v
		case "lvlText":
			l.label = v
		case "lvlRestart":
			l.restart, _ = strconv.Atoi(v)
		}
		return nil
	})
}

// label counts one more paragraph of a list and returns its number as it is
// shown; "" for a bullet.
func (n *numbering) label(id string, depth int) string {
	l, ok := n.lists[id]
	levels := n.kinds[l.kind]
	if !ok || levels == nil {
		return ""
	}
	at := &levels[depth]
	start, again := l.starts[depth]
	switch {
	case again && !l.begun[depth]:
		at.count = start
	case at.counted:
		at.count++
	default:
		at.count = at.start
	}
	at.counted, l.begun[depth] = true, true
	for i := depth + 1; i < 9; i++ {
		if r := levels[i].restart; r < 0 || r > depth {
			levels[i].counted = false
		}
	}
	look := func(i int) listLevel {
		if other, ok := l.levels[i]; ok {
			return other
		}
		return levels[i]
	}
	format := look(depth).format
	if format == "bullet" || format == "none" {
		return ""
	}
	label := look(depth).label
	for i := range depth + 1 {
		count := levels[i].count
		if !levels[i].counted {
			count = levels[i].start
		}
		label = strings.ReplaceAll(label, "%"+strconv.Itoa(i+1), numeral(look(i).format, count))
	}
	return strings.TrimSpace(label)
}

// numeral writes a number of a list; kinds of numeral that are not known here are
// written in figures.
func numeral(format string, n int) string {
	if n < 1 || n > 3999 {
		return strconv.Itoa(n)
	}
	s := ""
	switch format {
	case "lowerLetter", "upperLetter":
		s = strings.Repeat(string(rune('A'+(n-1)%26)), (n-1)/26+1)
	case "lowerRoman", "upperRoman":
		for _, r := range []struct {
			value int
			sign  string
		}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
			for n >= r.value {
				s += r.sign
				n -= r.value
			}
		}
	case "decimalZero":
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
		return strconv.Itoa(n)
	case "bullet", "none":
		return ""
	default:
		return strconv.Itoa(n)
	}
	if strings.HasPrefix(format, "lower") {
		s = strings.ToLower(s)
	}
	return s
}
