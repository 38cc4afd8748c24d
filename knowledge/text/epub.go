package text

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html/charset"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// readEPUB reads a book's chapters in the order of its spine (EPUB 3.3 and 2);
// their places are their titles.
func readEPUB(data []byte, stem string) knowledge.Reading {
	p, err := draft.OpenPack(data)
	if errors.Is(err, draft.ErrTooLarge) {
		return knowledge.Reading{State: knowledge.TooLarge, Reason: err.Error()}
	}
	if err != nil {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it is no EPUB, or cut off: " + err.Error()}
	}
	b, err := openBook(p)
	if err != nil {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it is no EPUB: " + err.Error()}
	}
	var d draft.Draft
	var warnings []string
	locked, missing, broken, chapter := 0, 0, 0, 0
	for _, item := range b.spine {
		if d.Full {
			break
		}
		if b.locked[item] {
			locked++
			continue
		}
		content, err := p.Read(item)
		switch {
		case errors.Is(err, draft.ErrTooLarge):
			return knowledge.Reading{State: knowledge.TooLarge, Reason: err.Error()}
		case errors.Is(err, draft.ErrLocked):
			locked++
			continue
		case errors.Is(err, draft.ErrNoPart):
			missing++
			continue
		case err != nil:
			broken++
			continue
		}
		chapter++
		s, _, _ := draft.Decode(content, declared(content))
		r := readHTML(draft.Tidy(s), "", true)
		d.At(chapterName(r, b.title, chapter))
		d.Take(r)
		warnings = append(warnings, r.Warnings...)
	}
	for _, w := range []struct {
		n    int
		what string
	}{{locked, "are locked by copy protection"}, {missing, "are missing"}, {broken, "are damaged"}} {
		if w.n > 0 {
			warnings = append(warnings, fmt.Sprintf("%d of %d chapters %s", w.n, len(b.spine), w.what))
		}
	}
	r := d.Reading(b.title, stem)
	if len(r.Blocks) == 0 && locked > 0 {
		return knowledge.Reading{State: knowledge.NeedsPassword, Reason: "its chapters are locked by copy protection"}
	}
	if len(r.Blocks) == 0 && missing+broken > 0 {
		return knowledge.Reading{State: knowledge.Damaged, Reason: strings.Join(warnings, "; ")}
	}
	r.Lang = b.lang
	r.Warnings = append(r.Warnings, distinct(warnings)...)
	return r
}

// chapterName is what people call a chapter: its first heading, else a title
// that is not the whole book's, else its number.
func chapterName(r knowledge.Reading, book string, number int) string {
	for _, b := range r.Blocks {
		if b.Kind == knowledge.Heading {
			return draft.Cut(draft.OneLine(r.Text[b.Start:b.End]), shortLine)
		}
	}
	if r.Title != "" && r.Title != draft.OneLine(draft.Tidy(book)) {
		return draft.Cut(r.Title, shortLine)
	}
	return fmt.Sprintf("chapter %d", number)
}

// book is what an EPUB's package document says.
type book struct {
	title  string
	lang   string
	spine  []string        // names of the chapters' parts, in order
	locked map[string]bool // parts that are encrypted
}

func openBook(p *draft.Pack) (book, error) {
	b := book{locked: map[string]bool{}}
	name := ""
	if container, err := p.Read("META-INF/container.xml"); err == nil {
		eachElement(container, func(e xml.StartElement, _ string) {
			if e.Name.Local == "rootfile" && name == "" {
				name = attr(e, "full-path")
			}
		})
	}
	if !p.Has(name) || name == "" {
		for _, n := range p.Names { // the container is missing, or points nowhere
			if strings.EqualFold(path.Ext(n), ".opf") {
				name = n
				break
			}
		}
	}
	opf, err := p.Read(name)
	if err != nil {
		return b, fmt.Errorf("its package document: %w", err)
	}
	inside := func(href string) string {
		if u, err := url.PathUnescape(href); err == nil {
			href = u
		}
		href, _, _ = strings.Cut(href, "#")
		return draft.PartName(path.Join(path.Dir(name), href))
	}
	items := map[string]string{}
	var order []string
	eachElement(opf, func(e xml.StartElement, words string) {
		switch e.Name.Local {
		case "title":
			if b.title == "" {
				b.title = words
			}
		case "language":
			if b.lang == "" {
				b.lang = words
			}
		case "item":
			if !strings.Contains(" "+attr(e, "properties")+" ", " nav ") {
				items[attr(e, "id")] = inside(attr(e, "href"))
			}
		case "itemref":
			order = append(order, attr(e, "idref"))
		}
	})
	for _, id := range order {
		if item := items[id]; item != "" && len(b.spine) < draft.MaxNames {
			b.spine = append(b.spine, item)
		}
	}
	if rights, err := p.Read("META-INF/encryption.xml"); err == nil {
		method := ""
		eachElement(rights, func(e xml.StartElement, _ string) {
			switch e.Name.Local {
			case "EncryptionMethod":
				method = attr(e, "Algorithm")
			case "CipherReference":
				if !strings.Contains(method, "idpf.org/2008/embedding") && !strings.Contains(method, "ns.adobe.com/pdf/enc") { // which hide fonts alone
					if u, err := url.PathUnescape(attr(e, "URI")); err == nil {
						b.locked[draft.PartName(u)] = true
					}
				}
			}
		})
	}
	if len(b.spine) == 0 {
		return b, errors.New("it names no chapters")
	}
	return b, nil
}

// eachElement calls f for the elements of an XML file with the words directly
// within them, as they end, those without words too; it stops where the file is
// broken. No entity is resolved.
func eachElement(data []byte, f func(e xml.StartElement, words string)) {
	x := xml.NewDecoder(bytes.NewReader(data))
	x.Strict = false
	x.CharsetReader = func(label string, in io.Reader) (io.Reader, error) { return charset.NewReaderLabel(label, in) }
	var open xml.StartElement
	var words strings.Builder
	flush := func() {
		if open.Name.Local != "" {
			f(open, strings.TrimSpace(words.String()))
		}
		open = xml.StartElement{}
		words.Reset()
	}
	for {
		token, err := x.RawToken()
		if err != nil {
			flush()
			return
		}
		switch t := token.(type) {
		case xml.StartElement:
			flush()
			open = t.Copy()
		case xml.CharData:
			words.Write(t)
		case xml.EndElement:
			flush()
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
