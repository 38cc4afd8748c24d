package office

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html/charset"

	"groundwork/knowledge/draft"
)

// Bounds of the markup of one file.
const (
	maxElements = 4 << 20 // in all parts that are read
	maxNesting  = 400
)

var (
	errElements = fmt.Errorf("%w: more than %d elements", draft.ErrTooLarge, maxElements)
	errNesting  = fmt.Errorf("its elements are nested deeper than %d", maxNesting)
	errEntities = errors.New("it declares entities of its own, which are not followed")
)

// markup reads the XML of one part from its start to its end, element by element,
// and never holds a tree of it. Names keep the prefix that the part gives them.
type markup struct {
	d    *xml.Decoder
	open []xml.Name
	left *int // elements that may still be read in this file
}

func newMarkup(data []byte, left *int) *markup {
	wide := bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) || bytes.HasPrefix(data, []byte("<\x00")) || bytes.HasPrefix(data, []byte("\x00<"))
	if wide {
		s, _, _ := draft.Decode(data, "")
		data = []byte(s)
	}
	m := &markup{d: xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")))), left: left}
	m.d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		if wide {
			return r, nil
		}
		return charset.NewReaderLabel(label, r)
	}
	return m
}

// next returns the next start, end or text.
func (m *markup) next() (xml.Token, error) {
	for {
		t, err := m.d.RawToken()
		if err == io.EOF && len(m.open) > 0 {
			err = io.ErrUnexpectedEOF
		}
		var broken *xml.SyntaxError
		if errors.As(err, &broken) { // its message may hold words of the file
			err = fmt.Errorf("its XML is not well-formed (line %d)", broken.Line)
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if *m.left--; *m.left < 0 {
				return nil, errElements
			}
			if len(m.open) == maxNesting {
				return nil, errNesting
			}
			m.open = append(m.open, t.Name)
			return t, nil
		case xml.EndElement:
			if len(m.open) == 0 || m.open[len(m.open)-1] != t.Name {
				return nil, errors.New("its XML is not well-formed: an element ends that is not open")
			}
			m.open = m.open[:len(m.open)-1]
			return t, nil
		case xml.CharData:
			return t, nil
		case xml.Directive:
			if bytes.IndexByte(t, '[') >= 0 {
				return nil, errEntities
			}
		}
	}
}

// root returns the first element.
func (m *markup) root() (xml.StartElement, error) {
	for {
		t, err := m.next()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		if e, ok := t.(xml.StartElement); ok {
			return e, nil
		}
	}
}

// each calls do for the elements right inside the open one, to its end. do reads
// what is in its element with each or text; what it leaves is passed over.
func (m *markup) each(do func(e xml.StartElement) error) error { return m.mixed(do, nil) }

// mixed is each with the words between the elements.
func (m *markup) mixed(do func(e xml.StartElement) error, words func(s string)) error {
	depth := len(m.open)
	for {
		t, err := m.next()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if err := do(t); err != nil {
				return err
			}
			for len(m.open) > depth {
				if _, err := m.next(); err != nil {
					return err
				}
			}
		case xml.EndElement:
			return nil
		case xml.CharData:
			if words != nil {
				words(string(t))
			}
		}
	}
}

// text returns all words inside the open element, to its end.
func (m *markup) text() (string, error) {
	var b strings.Builder
	err := m.words(&b)
	return b.String(), err
}

func (m *markup) words(b *strings.Builder) error {
	return m.mixed(func(xml.StartElement) error { return m.words(b) }, func(s string) { b.WriteString(s) })
}

// alternate reads one of several forms of the same: the first choice, or the
// fallback where there is none.
func (m *markup) alternate(do func(e xml.StartElement) error) error {
	chosen := false
	return m.each(func(xml.StartElement) error {
		if chosen {
			return nil
		}
		chosen = true
		return m.each(do)
	})
}

// attribute returns the value of an attribute, whatever its prefix; one without a
// prefix comes first.
func attribute(e xml.StartElement, name string) string {
	value := ""
	for _, a := range e.Attr {
		if a.Name.Local == name {
			if a.Name.Space == "" {
				return a.Value
			}
			value = a.Value
		}
	}
	return value
}

// reference returns the id by which an element names another part.
func reference(e xml.StartElement) string {
	for _, a := range e.Attr {
		if a.Name.Local == "id" && a.Name.Space != "" {
			return a.Value
		}
	}
	return ""
}

// flag reports whether an element without a value, or with one that says yes,
// switches something on.
func flag(e xml.StartElement) bool { return !no(attribute(e, "val")) }

func no(s string) bool { return s == "0" || s == "false" || s == "off" || s == "none" }

func yes(s string) bool { return s == "1" || s == "true" || s == "on" }
