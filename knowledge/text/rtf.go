package text

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// deepestRTF is how deep groups may nest.
const deepestRTF = 20000

// readRTF reads a Rich Text Format file (Microsoft's specification 1.9.1): its
// body with footnotes, comments and text boxes; not its headers, footers,
// pictures and hidden text.
func readRTF(data []byte, stem string) knowledge.Reading {
	data = bytes.TrimLeft(data, "\xEF\xBB\xBF \t\r\n")
	if !draft.StartsRTF(data) {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it does not begin as RTF"}
	}
	p := rtf{data: data, fonts: map[int]encoding.Encoding{}, headings: map[int]int{}, whole: charmap.Windows1252}
	p.group.fallback, p.words = 1, &strings.Builder{}
	if reason := p.read(); reason != "" {
		return knowledge.Reading{State: knowledge.Damaged, Reason: reason}
	}
	for len(p.asides) > 0 {
		p.endAside()
	}
	p.group.to, p.inTable = toBody, false
	p.paragraph()
	r := p.draft.Reading(p.title.String(), stem)
	if p.hidden > 0 {
		r.Warnings = append(r.Warnings, draft.HiddenWarning(p.hidden))
	}
	if len(p.groups) > 0 {
		r.Warnings = append(r.Warnings, "it is cut off: groups in it are not closed")
	}
	return r
}

// destination is where the text of a group goes.
type destination uint8

const (
	toBody destination = iota
	toNowhere
	toFonts
	toStyles
	toInfo // whose groups alone have text
	toTitle
	toMark // of a list item
)

// rtfGroup is what a group inherits and ends with it.
type rtfGroup struct {
	to       destination
	hidden   bool
	font     int
	fallback int // signs that stand behind \u for readers without Unicode
	style    int // that is being described, in toStyles
}

// rtfParagraph is a paragraph as far as it is read.
type rtfParagraph struct {
	words   *strings.Builder
	listed  bool
	level   int // of the list item, from 0
	heading int // 1 to 6, or 0
	inTable bool
	depth   int // of the group that interrupts it
}

// rtf is an RTF file as far as it is read.
type rtf struct {
	data   []byte
	at     int
	groups []rtfGroup // those around group
	group  rtfGroup
	star   bool // \* was read: the next word may be unknown
	opens  bool // nothing but \* has been read in the group

	whole    encoding.Encoding // of text without a font of its own
	fonts    map[int]encoding.Encoding
	headings map[int]int // by style: level
	title    strings.Builder
	name     strings.Builder // of a style

	bytes  []byte // of a code page, not decoded yet
	page   encoding.Encoding
	high   rune // first half of a surrogate pair
	skip   int  // signs to leave out behind \u
	hidden int  // characters left out
	noise  int  // bytes that no text has

	rtfParagraph
	asides []rtfParagraph  // paragraphs that a footnote, comment or text box interrupts
	notes  []string        // what stands beside the paragraph
	mark   strings.Builder // of the list item
	cells  []string
	table  int
	lists  int
	last   knowledge.BlockKind // of the last block

	draft draft.Draft
}

// read works through the file; reason says why it cannot be read.
func (p *rtf) read() (reason string) {
	for p.at < len(p.data) {
		c := p.data[p.at]
		p.at++
		switch c {
		case '{':
			p.flush()
			if len(p.groups) >= deepestRTF {
				return fmt.Sprintf("its groups nest deeper than %d", deepestRTF)
			}
			p.groups = append(p.groups, p.group)
			p.opens, p.star, p.skip = true, false, 0
			continue
		case '}':
			p.flush()
			p.skip = 0
			n := len(p.groups) - 1
			if n < 0 {
				return p.sound()
			}
			if k := len(p.asides) - 1; k >= 0 && p.asides[k].depth == len(p.groups) {
				p.endAside()
			}
			p.group, p.groups = p.groups[n], p.groups[:n]
			if n == 0 {
				return p.sound() // what follows is no part of it
			}
		case '\\':
			p.control()
			continue
		case '\r', '\n':
			continue
		default:
			if c < ' ' && c != '\t' {
				p.noise++
			}
			p.byte(c)
		}
		p.opens, p.star = false, false
	}
	p.flush()
	return p.sound()
}

// sound says what the file is instead of text.
func (p *rtf) sound() string {
	if p.noise > 8 && p.noise > p.at/50 {
		return "it holds binary data where text should be"
	}
	return ""
}

// control reads what follows a backslash.
func (p *rtf) control() {
	if p.at == len(p.data) {
		return
	}
	c := p.data[p.at]
	if c < 'A' || c > 'z' || c > 'Z' && c < 'a' {
		p.at++
		p.symbol(c)
		return
	}
	start := p.at
	for p.at < len(p.data) && (p.data[p.at]|0x20 >= 'a' && p.data[p.at]|0x20 <= 'z') && p.at-start < 40 {
		p.at++
	}
	word := string(p.data[start:p.at])
	number := p.at
	if p.at < len(p.data) && p.data[p.at] == '-' {
		p.at++
	}
	for p.at < len(p.data) && p.data[p.at] >= '0' && p.data[p.at] <= '9' && p.at-number < 12 {
		p.at++
	}
	value, err := strconv.Atoi(string(p.data[number:p.at]))
	if p.at < len(p.data) && p.data[p.at] == ' ' {
		p.at++
	}
	star, opens := p.star, p.opens
	p.star, p.opens = false, false
	p.word(word, value, err == nil, star, opens)
}

func (p *rtf) symbol(c byte) {
	switch c {
	case '*':
		p.star = p.opens // elsewhere it means nothing
		return
	case '\'':
		v, err := strconv.ParseUint(string(p.data[p.at:min(p.at+2, len(p.data))]), 16, 8)
		if err != nil {
			break
		}
		p.at += 2
		p.byte(byte(v))
	case '\\', '{', '}':
		p.byte(c)
	case '~', '_', '-', '|', ':':
		switch {
		case p.skip > 0:
			p.skip--
		case c == '~':
			p.rune('\u00A0')
		case c == '_':
			p.rune('-')
		}
	case '\r', '\n':
		p.paragraph()
	case '\t':
		p.rune('\t')
	}
	p.star, p.opens = false, false
}

var (
	// Groups whose text nobody reads; those that \* announces are left out too,
	// but for the ones in readable.
	unreadable = set("colortbl filetbl listtable listoverridetable revtbl rsidtbl pict objdata objclass objname fldinst header headerl headerr headerf footer footerl footerr footerf ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn xe tc tcn rxe txe bkmkstart bkmkend themedata colorschememapping datastore latentstyles generator mmathPr sp shprslt nonshppict template private atnid atnauthor atntime atndate atnref atnicn atnparent pgptbl pnseclvl pn blipuid picprop xmlnstbl author operator keywords subject doccomm company manager category comment ud")
	readable   = set("shppict shpinst annotation shptxt nesttableprops dptxbxtext")
	rtfSigns   = map[string]rune{"emdash": '—', "endash": '–', "lquote": '‘', "rquote": '’', "ldblquote": '“', "rdblquote": '”', "bullet": '•', "tab": '\t', "emspace": ' ', "enspace": ' ', "qmspace": ' ', "line": '\n', "softline": '\n', "nestcell": '\t'}
	// By the number of a font's character set: the label of its code page.
	rtfCharsets = map[int]string{0: "windows-1252", 77: "macintosh", 128: "shift_jis", 129: "euc-kr", 130: "euc-kr", 134: "gbk", 136: "big5", 161: "windows-1253", 162: "windows-1254", 163: "windows-1258", 177: "windows-1255", 178: "windows-1256", 186: "windows-1257", 204: "windows-1251", 222: "windows-874", 238: "windows-1250"}
	headingName = regexp.MustCompile(`(?i)^\s*(?:heading|überschrift|titre|título) ([1-6])\b`)
)

// codePage returns the encoding of a Windows code page; nil when it is not known.
func codePage(n int) encoding.Encoding {
	label := fmt.Sprintf("windows-%d", n)
	switch n {
	case 437:
		return charmap.CodePage437
	case 850:
		return charmap.CodePage850
	case 852:
		return charmap.CodePage852
	case 866:
		return charmap.CodePage866
	case 932:
		label = "shift_jis"
	case 936:
		label = "gbk"
	case 949:
		label = "euc-kr"
	case 950:
		label = "big5"
	case 10000:
		label = "macintosh"
	case 65001:
		label = "utf-8"
	}
	e, _ := charset.Lookup(label)
	return e
}

// word obeys a control word. star: it may be ignored; opens: it is the first of
// its group.
func (p *rtf) word(word string, value int, valued, star, opens bool) {
	on := !valued || value != 0
	if word == "bin" {
		p.at += min(max(value, 0), len(p.data)-p.at)
		return
	}
	if word == "u" {
		p.unicode(value)
		return
	}
	p.flush()
	if p.skip > 0 { // it is one of the signs behind \u
		p.skip--
		return
	}
	if p.group.to == toNowhere {
		return
	}
	if opens || star {
		switch {
		case word == "fonttbl":
			p.group.to = toFonts
			return
		case word == "stylesheet":
			p.group.to = toStyles
			return
		case word == "info":
			p.group.to = toInfo
			return
		case word == "title" && len(p.groups) > 0 && p.groups[len(p.groups)-1].to == toInfo:
			p.group.to = toTitle
			return
		case word == "listtext" || word == "pntext":
			if p.group.to == toBody {
				p.group.to, p.listed = toMark, true
				p.mark.Reset()
			}
			return
		case unreadable[word], star && !readable[word] && p.group.to != toFonts && p.group.to != toStyles:
			p.group.to = toNowhere
			return
		case word == "footnote" || word == "annotation" || word == "shptxt":
			p.aside()
			return
		}
	}
	switch p.group.to {
	case toFonts:
		switch word {
		case "f":
			p.group.font = value
		case "fcharset":
			if e, _ := charset.Lookup(rtfCharsets[value]); e != nil {
				p.fonts[p.group.font] = e
			}
		case "cpg":
			if e := codePage(value); e != nil {
				p.fonts[p.group.font] = e
			}
		}
		return
	case toStyles:
		switch word {
		case "s":
			p.group.style = value
			p.name.Reset()
		case "cs", "ds", "ts": // of characters, sections and tables
			p.group.style = -1
			p.name.Reset()
		case "outlinelevel":
			if value >= 0 && value < 6 && p.group.style > 0 {
				p.headings[p.group.style] = value + 1
			}
		}
		return
	}
	if sign, ok := rtfSigns[word]; ok {
		p.rune(sign)
		return
	}
	if p.group.to == toMark && word != "f" && word != "uc" {
		return // it lays out the mark, not the paragraph
	}
	switch word {
	case "ansicpg", "cpg":
		if e := codePage(value); e != nil && value != 0 {
			p.whole = e
		}
	case "mac":
		p.whole = charmap.Macintosh
	case "pc":
		p.whole = charmap.CodePage437
	case "pca":
		p.whole = charmap.CodePage850
	case "uc":
		p.group.fallback = min(max(value, 0), 100)
	case "f":
		p.group.font = value
	case "v", "deleted":
		p.group.hidden = on
	case "plain":
		p.group.hidden = false
	case "par", "sect", "page", "column":
		p.paragraph()
	case "pard":
		p.heading, p.listed, p.level, p.inTable = 0, false, 0, false
	case "s":
		p.heading = p.headings[value]
	case "outlinelevel":
		p.heading = 0
		if value >= 0 && value < 6 {
			p.heading = value + 1
		}
	case "ls":
		p.listed = p.listed || value > 0
	case "ilvl":
		p.level = min(max(value, 0), 8)
	case "intbl":
		p.inTable = true
	case "cell":
		if len(p.asides) > 0 {
			p.rune('\t')
			return
		}
		p.cells = append(p.cells, p.take())
		p.listed, p.heading = false, 0
	case "trowd":
		if len(p.cells) > 0 && p.words.Len() == 0 && !p.inTable {
			p.endRow()
		}
	case "row":
		if len(p.asides) == 0 {
			p.endRow()
		}
	}
}

// aside begins what stands beside the paragraph; it follows as paragraphs of its
// own.
func (p *rtf) aside() {
	p.rtfParagraph.depth = len(p.groups)
	p.asides = append(p.asides, p.rtfParagraph)
	p.rtfParagraph = rtfParagraph{words: &strings.Builder{}}
}

func (p *rtf) endAside() {
	p.notes = append(p.notes, p.take())
	n := len(p.asides) - 1
	p.rtfParagraph, p.asides = p.asides[n], p.asides[:n]
}

// encoding returns the code page of the text that comes.
func (p *rtf) encoding() encoding.Encoding {
	if e := p.fonts[p.group.font]; e != nil {
		return e
	}
	return p.whole
}

// byte takes a sign of the current code page.
func (p *rtf) byte(c byte) {
	if p.skip > 0 {
		p.skip--
		return
	}
	if p.group.to == toNowhere || p.group.to == toInfo {
		return
	}
	if e := p.encoding(); e != p.page {
		p.flush()
		p.page = e
	}
	p.bytes = append(p.bytes, c)
}

// unicode takes a UTF-16 unit, as \u writes it: a signed number of 16 bits.
func (p *rtf) unicode(value int) {
	p.flush()
	if value < 0 {
		value += 1 << 16
	}
	r := rune(value)
	switch {
	case r >= 0xD800 && r < 0xDC00:
		if p.high != 0 {
			p.put('\uFFFD')
		}
		p.high = r
		p.skip = p.group.fallback
		return
	case p.high != 0:
		pair := utf16.DecodeRune(p.high, r)
		if p.high = 0; pair == '\uFFFD' {
			p.put(pair) // for the first half
			p.rune(r)
		} else {
			p.rune(pair)
		}
	default:
		p.rune(r)
	}
	p.skip = p.group.fallback
}

// flush decodes what is waiting.
func (p *rtf) flush() {
	if len(p.bytes) == 0 {
		return
	}
	waiting := p.bytes
	p.bytes = nil
	s, err := p.page.NewDecoder().Bytes(waiting)
	if err != nil {
		s = bytes.ToValidUTF8(waiting, []byte("\uFFFD"))
	}
	for _, r := range string(s) {
		p.rune(r)
	}
	p.bytes = waiting[:0]
}

// rune adds a character, after half a pair that nothing completed.
func (p *rtf) rune(r rune) {
	p.flush()
	if p.high != 0 {
		p.high = 0
		p.put('\uFFFD')
	}
	if r >= 0xD800 && r < 0xE000 || r < 0 || r > 0x10FFFF {
		r = '\uFFFD'
	}
	p.put(r)
}

func (p *rtf) put(r rune) {
	switch {
	case p.group.to == toNowhere:
	case p.group.to == toTitle:
		p.title.WriteRune(r)
	case p.group.to == toStyles:
		if r != ';' {
			p.name.WriteRune(r)
			return
		}
		if m := headingName.FindStringSubmatch(p.name.String()); m != nil && p.group.style > 0 {
			p.headings[p.group.style] = int(m[1][0] - '0')
		}
		p.name.Reset()
	case p.group.to == toMark:
		p.mark.WriteRune(r)
	case p.group.to != toBody:
	case p.group.hidden:
		if r > ' ' {
			p.hidden++
		}
	default:
		p.words.WriteRune(r)
	}
}

// take returns the words of the paragraph or cell and begins the next.
func (p *rtf) take() string {
	p.flush()
	s := p.words.String()
	p.words.Reset()
	return s
}

// paragraph ends one; in a table it is a line of a cell.
func (p *rtf) paragraph() {
	p.flush()
	if p.group.to != toBody {
		return
	}
	if p.inTable || len(p.asides) > 0 {
		p.words.WriteByte('\n')
		return
	}
	p.endRow()
	defer p.endNotes()
	s := p.take()
	mark := strings.TrimSpace(p.mark.String())
	p.mark.Reset()
	if strings.TrimSpace(s) == "" {
		p.last = knowledge.Paragraph
		return
	}
	switch {
	case p.heading > 0:
		p.draft.Add(knowledge.Heading, p.heading, 0, strings.Join(strings.Fields(s), " "))
		p.last = knowledge.Heading
	case p.listed:
		if strings.ContainsAny(mark, "0123456789") { // a bullet says nothing
			s = mark + " " + s
		}
		if p.last != knowledge.Item {
			p.lists++
		}
		p.draft.Add(knowledge.Item, p.level+1, p.lists, s)
		p.last = knowledge.Item
	default:
		p.draft.Add(knowledge.Paragraph, 0, 0, s)
		p.last = knowledge.Paragraph
	}
}

// endRow ends a table's row.
func (p *rtf) endRow() {
	if len(p.cells) == 0 {
		return
	}
	if p.last != knowledge.Row {
		p.table++
	}
	p.draft.Row(p.table, false, p.cells)
	p.cells, p.last = nil, knowledge.Row
}

func (p *rtf) endNotes() {
	for _, note := range p.notes {
		p.draft.Add(knowledge.Paragraph, 0, 0, note)
		p.last = knowledge.Paragraph
	}
	p.notes = nil
}
