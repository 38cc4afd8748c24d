// Package office reads the words, blocks and places out of documents of office
// programs: DOCX, PPTX, XLSX, ODT, ODS and ODP. Of others it says what they are.
package office

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf16"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// office is a packed document of an office program that is being read.
type office struct {
	*draft.Pack
	page     Page
	left     int      // elements that may still be read
	spans    int      // empty cells that stand for wide ones
	groups   int      // of rows and items given out
	hidden   int      // characters that are not displayed
	rims     []string // lines at the head or foot of pages
	warnings []string
	inner    []knowledge.Inner
	embedded []string // parts that are in inner or could not be
	names    draft.InnerNames
}

// portion is a block that is not yet part of a text.
type portion struct {
	kind  knowledge.BlockKind
	level int
	group int
	text  string
	cells []string // of a row, instead of text
	place string   // "" for that of the portion before
}

// addAll appends portions.
func addAll(d *draft.Draft, portions []portion) {
	for _, p := range portions {
		if p.place != "" {
			d.At(p.place)
		}
		if p.kind == knowledge.Row {
			d.Row(p.group, p.level > 0, slices.Clone(p.cells))
		} else {
			d.Add(p.kind, p.level, p.group, p.text)
		}
	}
}

func (o *office) group() int {
	o.groups++
	return o.groups
}

func (o *office) warn(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(o.warnings, s) {
		o.warnings = append(o.warnings, s)
	}
}

// finish makes the reading of what was read.
func (o *office) finish(d *draft.Draft, title, stem string) knowledge.Reading {
	r := d.Reading(title, stem)
	if o.hidden > 0 {
		o.warnings = append(o.warnings, draft.HiddenWarning(o.hidden))
	}
	r.Warnings = append(r.Warnings, o.warnings...)
	if r.Parts = o.inner; len(r.Parts) > 0 && r.State == knowledge.Empty {
		r.State, r.Reason = knowledge.Indexed, ""
	}
	return r
}

// Version names this reader in a document's recipe; it changes whenever the same
// file would give another text, title or block.
const Version = "office/1"

// endings are the formats that the names of files say.
var endings = map[string]string{
	".docx": "docx", ".docm": "docx", ".dotx": "docx", ".dotm": "docx", ".pptx": "pptx", ".pptm": "pptx", ".ppsx": "pptx", ".ppsm": "pptx", ".potx": "pptx",
	".xlsx": "xlsx", ".xlsm": "xlsx", ".xltx": "xlsx", ".xltm": "xlsx", ".xlsb": "xlsb", ".odt": "odt", ".ott": "odt", ".ods": "ods", ".ots": "ods", ".odp": "odp", ".otp": "odp",
	".doc": "doc", ".dot": "doc", ".xls": "xls", ".xlt": "xls", ".ppt": "ppt", ".pps": "ppt", ".msg": "msg",
}

// Page reads a page of HTML, RTF or plain text, whose name says which.
type Page func(p string, data []byte) knowledge.Reading

// Read returns what stands in a document of an office program: one by what is in
// it, whatever its name p says, or one by its name. mine is false, and r nothing,
// when it is neither. State is Indexed when there are words or files in it, Empty
// when there are none, Unsupported when no reader knows the format, NeedsPassword
// when it is encrypted, TooLarge when it unpacks to too much, Damaged when the
// bytes are not what the name says. page reads what office programs save under
// these names without packing it, and pages inside documents.
func Read(p string, data []byte, page Page) (r knowledge.Reading, mine bool) {
	defer draft.Guard(&r)
	stem, ext := draft.SplitName(p)
	format := endings[ext]
	mine = true // when it breaks the reader too
	damaged := func(reason string) (knowledge.Reading, bool) {
		return knowledge.Reading{State: knowledge.Damaged, Format: format, Reason: reason}, true
	}
	as := func(ending string) (knowledge.Reading, bool) {
		return page(strings.TrimSuffix(p, p[len(p)-len(ext):])+ending, data), true
	}
	switch {
	case bytes.HasPrefix(data, []byte(oleStart)):
		return readOLE(data), true
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		r, ok, err := readPacked(data, stem, page)
		switch {
		case ok:
			return r, true
		case format == "":
			return knowledge.Reading{}, false
		case err != nil:
			return refused(format, err), true
		}
		return damaged("it is a ZIP file, but there is no document of an office program in it")
	case format == "":
		return r, false
	case draft.StartsRTF(data): // as .doc, often
		return as(".rtf")
	case len(data) == 0:
		return damaged("there is nothing in it, not even the start of a document")
	}
	decoded, encoding, _ := draft.Decode(data[:min(len(data), 4096)], "")
	if _, reason := draft.NotText(data, decoded, encoding); reason == "" {
		switch {
		case draft.StartsHTML(decoded):
			return as(".html")
		case format == "xls":
			return as(".csv")
		}
	}
	return damaged("it is not what its name says: it does not begin like a document of an office program")
}

// readPacked reads a document of the office programs that write ZIP files: Office
// Open XML and OpenDocument. It reports false when the file is a ZIP file of
// another kind, or none.
func readPacked(data []byte, stem string, page Page) (knowledge.Reading, bool, error) {
	p, err := draft.OpenPack(data)
	if err != nil {
		return knowledge.Reading{}, false, err
	}
	o := &office{Pack: p, page: page, left: maxElements, names: draft.InnerNames{}}
	if kind, ok := o.openDocument(); ok {
		r := o.readODF(kind, stem)
		return r, true, nil
	}
	main, ok := o.mainPart()
	if !ok {
		return knowledge.Reading{}, false, nil
	}
	if strings.HasSuffix(main, ".bin") {
		return knowledge.Reading{State: knowledge.Unsupported, Format: "xlsb", Reason: "no reader for XLSB, the binary form of an Excel workbook; saved as .xlsx it is read"}, true, nil
	}
	content, err := o.Read(main)
	if err != nil {
		return refused("", err), true, nil
	}
	m := newMarkup(content, &o.left)
	root, err := m.root()
	if err != nil {
		return refused("", fmt.Errorf("%s: %w", main, err)), true, nil
	}
	var r knowledge.Reading
	format := ""
	switch root.Name.Local {
	case "document":
		format = "docx"
		r, err = o.readDOCX(m, main, stem)
	case "presentation":
		format = "pptx"
		r, err = o.readPPTX(m, main, stem)
	case "workbook":
		format = "xlsx"
		r, err = o.readXLSX(m, main, stem)
	default:
		return knowledge.Reading{State: knowledge.Unsupported, Reason: "no reader for a packed document of the kind " + draft.OneLine(draft.Tidy(root.Name.Local))}, true, nil
	}
	if err != nil {
		return refused(format, fmt.Errorf("%s: %w", main, err)), true, nil
	}
	r.Format = format
	return r, true, nil
}

// refused says in plain words why a packed file could not be read.
func refused(format string, err error) knowledge.Reading {
	r := knowledge.Reading{State: knowledge.Damaged, Format: format, Reason: "it cannot be unpacked or read: " + err.Error()}
	switch {
	case errors.Is(err, draft.ErrLocked):
		r.State, r.Reason = knowledge.NeedsPassword, "it is encrypted and opens only with its password"
	case errors.Is(err, draft.ErrTooLarge):
		r.State, r.Reason = knowledge.TooLarge, err.Error()
	}
	return r
}

// mainPart returns the part that an Office Open XML file begins with.
func (o *office) mainPart() (string, bool) {
	for _, r := range o.relations("") {
		if r.kind == "officeDocument" && !r.outside {
			return r.target, true
		}
	}
	for _, name := range []string{"word/document.xml", "ppt/presentation.xml", "xl/workbook.xml", "xl/workbook.bin"} {
		if o.Has(name) {
			return name, true
		}
	}
	return "", false
}

// relation leads from one part to another.
type relation struct {
	id, kind string // kind is the last word of its type
	target   string // a part, unless it is outside
	outside  bool
}

// relations returns those of a part in their order, an id once; "" is the file
// as a whole. What cannot be read is none.
func (o *office) relations(part string) []relation {
	data, err := o.Read(path.Join(path.Dir(part), "_rels", path.Base("/"+part)+".rels"))
	if part == "" {
		data, err = o.Read("_rels/.rels")
	}
	if err != nil {
		return nil
	}
	var all []relation
	seen := map[string]bool{}
	m := newMarkup(data, &o.left)
	if _, err := m.root(); err != nil {
		return nil
	}
	_ = m.each(func(e xml.StartElement) error { // what was read before an error is sound
		r := relation{id: attribute(e, "Id"), kind: path.Base(attribute(e, "Type")), target: attribute(e, "Target"), outside: attribute(e, "TargetMode") == "External"}
		if seen[r.id] || r.target == "" {
			return nil
		}
		seen[r.id] = true
		if !r.outside && !strings.HasPrefix(r.target, "/") {
			r.target = path.Join("/", path.Dir(part), r.target)
		}
		if !r.outside {
			r.target = draft.PartName(r.target)
		}
		all = append(all, r)
		return nil
	})
	return all
}

// related returns the part that an id leads to.
func related(all []relation, id string) (relation, bool) {
	i := slices.IndexFunc(all, func(r relation) bool { return r.id == id && !r.outside })
	if i < 0 {
		return relation{}, false
	}
	return all[i], true
}

// part opens another part; do gets it with its first element open. A part that is
// missing or broken is a warning, one that is too much is an error.
func (o *office) part(name string, do func(m *markup, root xml.StartElement) error) error {
	data, err := o.Read(name)
	if err == nil {
		m := newMarkup(data, &o.left)
		var root xml.StartElement
		if root, err = m.root(); err == nil {
			err = do(m, root)
		}
	}
	if err == nil || errors.Is(err, draft.ErrTooLarge) || errors.Is(err, draft.ErrLocked) {
		return err
	}
	o.warn("a part of it could not be read whole: %s: %v", name, strings.TrimSuffix(err.Error(), ": "+name))
	return nil
}

// count returns how many elements of that name stand right inside a part's first.
func (o *office) count(name, element string) (int, error) {
	n := 0
	return n, o.part(name, func(m *markup, _ xml.StartElement) error {
		return m.each(func(e xml.StartElement) error {
			if e.Name.Local == element {
				n++
			}
			return nil
		})
	})
}

// embed takes the documents inside a document that the relations name.
func (o *office) embed(all []relation) error {
	for _, r := range all {
		if r.kind != "package" || r.outside || slices.Contains(o.embedded, r.target) {
			continue
		}
		o.embedded = append(o.embedded, r.target)
		data, err := o.Read(r.target)
		switch {
		case errors.Is(err, draft.ErrTooLarge):
			return err
		case err != nil:
			o.warn("a document inside it could not be unpacked: %s", r.target)
		default:
			o.inner = append(o.inner, knowledge.Inner{Name: o.names.Clean(r.target), Bytes: data})
		}
	}
	return nil
}

// property returns what the document's properties state as its title and
// language. Names that programs give by themselves are none.
func (o *office) property() (title, lang string) {
	for _, r := range o.relations("") {
		if r.kind == "core-properties" && !r.outside {
			title, lang = o.dublinCore(r.target)
		}
	}
	return title, lang
}

// dublinCore reads title and language, at whatever depth.
func (o *office) dublinCore(part string) (title, lang string) {
	data, err := o.Read(part)
	if err != nil {
		return "", ""
	}
	m := newMarkup(data, &o.left)
	if _, err := m.root(); err != nil {
		return "", ""
	}
	var walk func(e xml.StartElement) error
	walk = func(e xml.StartElement) (err error) {
		switch {
		case e.Name.Space == "dc" && e.Name.Local == "title":
			title, err = m.text()
		case e.Name.Space == "dc" && e.Name.Local == "language":
			lang, err = m.text()
		default:
			err = m.each(walk)
		}
		return err
	}
	_ = m.each(walk) // what was read before an error is sound
	title = strings.TrimSpace(title)
	lower := strings.ToLower(title)
	for _, made := range []string{"powerpoint presentation", "powerpoint-präsentation", "présentation powerpoint", "presentation", "untitled", "slide 1", "folie 1", "word document"} {
		if lower == made {
			title = ""
		}
	}
	for _, made := range []string{"microsoft word - ", "microsoft powerpoint - ", "microsoft excel - "} {
		if strings.HasPrefix(lower, made) {
			title = ""
		}
	}
	return title, strings.TrimSpace(lang)
}

const oleStart = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

// readOLE says what stands in a compound file, the container of office programs
// before 2007 and of encrypted files after. Source of its layout: [MS-CFB].
func readOLE(data []byte) knowledge.Reading {
	r := knowledge.Reading{State: knowledge.Unsupported}
	names := oleNames(data)
	has := func(name string) bool { return names[strings.ToLower(name)] }
	old := func(format, what string) {
		r.Format = format
		r.Reason = "no reader for " + what + "; an Apache Tika server would read it, and saved in today's format it is read here"
	}
	switch {
	case names == nil:
		r.State, r.Reason = knowledge.Damaged, "it begins like a file of older office programs, but its directory cannot be read"
	case has("EncryptedPackage") && has("\x06DataSpaces") && !has("EncryptionInfo"), has("\x09DRMContent"):
		r.State, r.Reason = knowledge.NeedsPassword, "it is under rights management and opens only for those it was given to"
	case has("EncryptedPackage"), has("EncryptionInfo"):
		r.State, r.Reason = knowledge.NeedsPassword, "it is encrypted and opens only with its password"
	case has("WordDocument"):
		old("doc", "Word documents from before 2007 (.doc)")
	case has("Workbook"), has("Book"):
		old("xls", "Excel workbooks from before 2007 (.xls)")
	case has("PowerPoint Document"):
		old("ppt", "PowerPoint decks from before 2007 (.ppt)")
	case has("__properties_version1.0"):
		old("msg", "Outlook messages (.msg)")
	default:
		r.Reason = "no reader for this kind of compound file; an Apache Tika server may read it"
	}
	return r
}

// oleNames returns the names in a compound file's directory in lower case. It
// looks at every slot of 128 bytes where an entry could be and follows no chain
// of sectors, so a broken or hostile one cannot lead it astray.
func oleNames(data []byte) map[string]bool {
	const slot = 128
	names, root := map[string]bool{}, false
	for at := 512; at+slot <= len(data); at += slot {
		e := data[at : at+slot]
		size := int(binary.LittleEndian.Uint16(e[64:]))
		if size < 2 || size > 64 || size%2 != 0 || e[66] == 0 || e[66] > 5 || e[67] > 1 || len(bytes.Trim(e[size:64], "\x00")) > 0 {
			continue
		}
		if e[66] == 5 { // whatever it is called
			root = true
			continue
		}
		units := make([]uint16, size/2)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(e[2*i:])
		}
		if units[len(units)-1] != 0 || slices.Contains(units[:len(units)-1], 0) {
			continue
		}
		names[strings.ToLower(string(utf16.Decode(units[:len(units)-1])))] = true
	}
	if !root {
		return nil
	}
	return names
}
