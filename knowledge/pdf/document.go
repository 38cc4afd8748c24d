package pdf

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
)

// reading makes the document out of what was taken off the file.
func (f *file) reading(stem string) knowledge.Reading {
	pages := make([][]*line, len(f.sheets))
	d := &draft{}
	hidden, layers, pictures := [covered + 1]int{}, 0, 0
	for i := range f.sheets {
		s := &f.sheets[i]
		pages[i] = s.lines()
		tables(pages[i])
		for why, n := range s.hidden {
			hidden[why] += n
		}
		if s.layer > 0 {
			layers++
		}
		if s.pictures > 0.2 {
			pictures++
		}
	}
	f.left = furniture(pages)
	style := headings(pages, f.outline)
	words := vocabulary(pages)
	for i, lines := range pages {
		d.page(f.place(i), lines, style, words)
		for _, n := range f.sheets[i].notes {
			d.close()
			d.alone(n)
		}
	}
	d.close()
	f.hiddenWarning(hidden)
	if layers > 0 {
		f.warn("the words of %d pages are what a text recognition program read in a picture of the page", layers)
	}
	if n := len(f.left.lines); n > 0 && f.left.dropped*20 > f.left.all {
		f.warn("%d lines that repeat over the pages (headers, footers, page numbers) were left out", n)
	}
	r := knowledge.Reading{
		State: knowledge.Indexed, Title: f.heading(d, stem), Lang: language(f.lang),
		Text: d.text.String(), Blocks: d.blocks, Places: d.places, Parts: f.parts, Warnings: f.warnings,
	}
	if d.full {
		r.Warnings = append(r.Warnings, fmt.Sprintf("only the first %d MB of its text were read", maxText>>20))
	}
	if len(r.Blocks) == 0 {
		r.State, r.Reason = knowledge.Empty, "there are no words in it"
		r.Text, r.Places = "", nil
		switch {
		case hidden != [covered + 1]int{}:
			r.Reason = "there are no words on it that a reader would see"
		case pictures > 0:
			r.Reason = "its pages are pictures; a text recognition program could read them"
		}
	}
	return r
}

// place is what people call a page.
func (f *file) place(i int) string {
	if f.labels[i] != "" {
		return "p. " + f.labels[i]
	}
	return fmt.Sprintf("p. %d", i+1)
}

func (f *file) hiddenWarning(hidden [covered + 1]int) {
	var kinds []string
	all := 0
	for why, n := range hidden {
		if n > 0 {
			all += n
			kinds = append(kinds, fmt.Sprintf("%d %s", n, hidings[why]))
		}
	}
	if all > 0 {
		f.warn("hidden text was left out: %d characters that a reader does not see (%s)", all, strings.Join(kinds, ", "))
	}
}

// heading chooses the title: what the properties state, the first of the largest
// headings, or the file's name.
func (f *file) heading(d *draft, stem string) string {
	t := oneLine(tidy(f.title))
	if utf8.RuneCountInString(t) > 2 && !madeUp.MatchString(t) && strings.ContainsFunc(t, unicode.IsLetter) {
		return t
	}
	level, title := 7, ""
	for _, b := range d.blocks {
		if title != "" && b.Kind != knowledge.Heading || knowledge.PlaceAt(d.places, b.Start) != f.place(0) {
			break
		}
		t := oneLine(d.text.String()[b.Start:b.End])
		if b.Kind == knowledge.Heading && b.Level < level && !numbered.MatchString(t) && !contents.MatchString(t) {
			level, title = b.Level, t
		}
	}
	if title != "" {
		return title
	}
	t = oneLine(strings.Map(func(r rune) rune {
		if r == '-' || r == '_' {
			return ' '
		}
		return r
	}, tidy(strings.ToValidUTF8(stem, "\uFFFD"))))
	return cmp.Or(t, "untitled")
}

var contents = regexp.MustCompile(`(?i)^(table of )?contents?$|^inhalt(sverzeichnis)?$|^sommaire$|^index$|^abstract$`)

// madeUp are titles that programs write without being told one.
var madeUp = regexp.MustCompile(`(?i)^(\(?(untitled|anonymous|unspecified)\)?|title|document\d*|no title|microsoft word\b.*|.*\.(docx?|xlsx?|pptx?|pdf|odt|rtf|tex|dvi|indd|qxd|html?|ps|txt))$`)

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$`)

func language(s string) string {
	if s = strings.TrimSpace(s); languageTag.MatchString(s) {
		return s
	}
	return ""
}

// vocabulary counts the words that stand whole within lines; it decides whether a
// hyphen at the end of a line belongs to the word.
func vocabulary(pages [][]*line) map[string]bool {
	words := map[string]bool{}
	for _, lines := range pages {
		for _, l := range lines {
			fields := strings.Fields(l.text())
			for i, w := range fields {
				if i < len(fields)-1 || !strings.HasSuffix(w, "-") {
					words[strings.ToLower(strings.TrimFunc(w, notLetter))] = true
				}
			}
		}
	}
	return words
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

var bullet = regexp.MustCompile(`^([•‣◦▪▫■□●○◆◇➢➤►✓✔❖–—·*]|[-o] )\s*\S`)

var enumerated = regexp.MustCompile(`^(\(?(\d{1,2}|[a-zA-Z]|[ivx]{1,5})[.)]|\(\d{1,3}\))\s+\S`)

// leaders are the dots of a table of contents.
var leaders = regexp.MustCompile(`(\s?[.·…]){5,}\s*`)

// draft makes a document's text. Blocks are parted by an empty line, those of one
// list, table or piece of code by a line end.
type draft struct {
	text    strings.Builder
	blocks  []knowledge.Block
	places  []knowledge.Place
	current strings.Builder // the block that is being written
	kind    knowledge.BlockKind
	level   int
	within  bool              // the block goes on with the list, table or code of the one before
	place   string            // not yet noted
	at      []knowledge.Place // within current
	last    *line             // of current
	indent  float64           // left edge of its lines; of its first one while there is no other
	lines   int               // in it
	full    bool
}

// page writes the lines of a page.
func (d *draft) page(place string, lines []*line, st styles, words map[string]bool) {
	d.place = place
	indents := indentsOf(lines)
	edges(lines)
	for _, l := range lines {
		kind, level := knowledge.Paragraph, 0
		text := leaders.ReplaceAllString(l.text(), " ... ")
		switch {
		case l.heading > 0:
			kind, level = knowledge.Heading, min(6, l.heading)
			text = strings.ReplaceAll(text, "\t", " ")
		case l.row:
			kind = knowledge.Row
			if l.head {
				level = 1
			}
		case l.isMono() && !st.mono:
			kind = knowledge.Code
		case isItem(l, text) && !d.runsOn(l, text):
			kind, level = knowledge.Item, 1
			for _, left := range indents[l.column] {
				if l.left > left+0.8*l.size && level < 6 {
					level++
				}
			}
		}
		joint, goes := d.joint(l, kind, level, text)
		if kind == knowledge.Code {
			text = strings.Repeat(" ", max(0, min(40, int((l.left-l.column.left)/(0.6*l.size))))) + text
		}
		if !goes {
			d.begin(l, kind, level)
			d.write("", text)
		} else {
			d.join(joint, text, words)
			if d.lines++; d.lines == 2 {
				d.indent = l.left
			}
		}
		d.last = l
	}
}

func isItem(l *line, text string) bool {
	return !l.row && l.heading == 0 && (bullet.MatchString(text) || enumerated.MatchString(text) && l.left < l.column.left+6*l.size)
}

// edges finds how far to the right the lines of a paragraph reach.
func edges(lines []*line) {
	for i := 0; i < len(lines); {
		j, edge := i+1, lines[i].right
		for ; j < len(lines); j++ {
			up, l := lines[j-1], lines[j]
			if d := up.base - l.base; l.column != up.column || d <= 0 || d > 1.8*l.size || math.Abs(up.size-l.size) > 0.08*l.size {
				break
			}
			edge = max(edge, l.right)
		}
		for ; i < j; i++ {
			lines[i].edge = edge
		}
	}
}

// runsOn reports whether a line that begins with a number goes on with the sentence
// of the line above.
func (d *draft) runsOn(l *line, text string) bool {
	up := d.last
	if up == nil || up.column != l.column || d.kind != knowledge.Paragraph || bullet.MatchString(text) || math.Abs(up.left-l.left) > 0.5*l.size {
		return false
	}
	end, _ := utf8.DecodeLastRuneInString(d.current.String())
	return !strings.ContainsRune(".!?:;", end) && up.edge-up.right < 3*l.size && up.base-l.base < 1.6*l.size
}

// indentsOf returns the different left edges of each column's list items.
func indentsOf(lines []*line) map[*column][]float64 {
	edges := map[*column][]float64{}
	for _, l := range lines {
		if !isItem(l, l.text()) {
			continue
		}
		known := slices.ContainsFunc(edges[l.column], func(left float64) bool { return math.Abs(left-l.left) <= 0.8*l.size })
		if !known {
			edges[l.column] = append(edges[l.column], l.left)
		}
	}
	return edges
}

// maxBlock is where a block is ended though the text goes on, in bytes.
const maxBlock = 64 << 10

// joint says whether a line goes on with the current block, and after what.
func (d *draft) joint(l *line, kind knowledge.BlockKind, level int, text string) (joint string, goes bool) {
	up := d.last
	if up == nil || d.current.Len() == 0 || d.current.Len() > maxBlock {
		return "", false
	}
	if math.Abs(up.size-l.size) > 0.08*max(up.size, l.size) {
		return "", false
	}
	apart := up.base - l.base
	if up.column != l.column {
		// A sentence that runs into the next column or page.
		end, _ := utf8.DecodeLastRuneInString(d.current.String())
		start, _ := utf8.DecodeRuneInString(text)
		return " ", kind == knowledge.Paragraph && (d.kind == knowledge.Paragraph || d.kind == knowledge.Item) &&
			unicode.IsLower(start) && !strings.ContainsRune(".!?:;", end) && up.isBold() == l.isBold()
	}
	switch kind {
	case knowledge.Heading:
		return " ", d.kind == kind && d.level == level && apart < 1.7*l.size && lookOf(up) == lookOf(l)
	case knowledge.Code:
		return "\n", d.kind == kind && apart < 3*l.size
	case knowledge.Row, knowledge.Item:
		return "", false
	}
	if d.kind != knowledge.Paragraph && d.kind != knowledge.Item {
		return "", false
	}
	end, _ := utf8.DecodeLastRuneInString(d.current.String())
	begin, _ := utf8.DecodeRuneInString(text)
	short := up.edge-up.right > firstWord(l)+0.5*l.size
	lead := l.column.lead * l.size
	switch {
	case apart < -0.5*l.size || apart > max(1.3*lead, 1.1*l.size) || apart > 2.2*l.size && short,
		short && apart > max(1.55*l.size, 1.1*lead),
		up.isBold() != l.isBold() && min(up.glyphs, l.glyphs) > 12,
		d.kind == knowledge.Item && l.left < d.indent-0.3*l.size && (short || !unicode.IsLower(begin)),
		d.kind == knowledge.Paragraph && l.left > d.indent+0.8*l.size && l.left < d.indent+6*l.size && math.Abs(up.left-d.indent) < 0.5*l.size &&
			(d.lines > 1 || strings.ContainsRune(".!?", end)):
		return "", false
	}
	if short && strings.ContainsRune(".!?:;\"”)", end) || leaders.MatchString(up.text()) {
		return "", false
	}
	if short {
		return "\n", true
	}
	return " ", true
}

// firstWord is about the width of a line's first word.
func firstWord(l *line) float64 {
	text := l.cells[0].text
	word, _, _ := strings.Cut(text, " ")
	return (l.cells[0].right - l.cells[0].left) * float64(utf8.RuneCountInString(word)) / float64(max(1, utf8.RuneCountInString(text)))
}

// begin starts a block with a line.
func (d *draft) begin(l *line, kind knowledge.BlockKind, level int) {
	d.close()
	if len(d.blocks) > 0 && kind != knowledge.Heading && kind != knowledge.Paragraph {
		d.within = d.blocks[len(d.blocks)-1].Kind == kind && d.last != nil && (d.last.column != l.column || d.last.base-l.base < 3*l.size)
	}
	d.kind, d.level, d.indent, d.lines = kind, level, l.left, 1
}

// join goes on with the current block. Where that ends in a hyphen, the word is put
// together.
func (d *draft) join(joint, text string, words map[string]bool) {
	current := d.current.String()
	start, _ := utf8.DecodeRuneInString(text)
	end, n := utf8.DecodeLastRuneInString(current)
	switch {
	case strings.ContainsRune("-\u00AD\u2010", end) && len(current) > n && unicode.IsLower(start):
		stump := current[strings.LastIndexAny(current[:len(current)-n], " \n\t")+1 : len(current)-n]
		rest, _, _ := strings.Cut(text, " ")
		stump, rest = strings.TrimFunc(strings.ToLower(stump), notLetter), strings.TrimFunc(strings.ToLower(rest), notLetter)
		if stump != "" && !(words[stump+"-"+rest] && !words[stump+rest]) {
			d.current.Reset()
			d.current.WriteString(current[:len(current)-n])
		}
		joint = ""
	case joint == "\n":
	case strings.ContainsRune("-\u2010", end) && len(current) > n && unicode.IsLetter(start):
		joint = ""
	case dense(start) && dense(end):
		joint = ""
	}
	d.write(joint, text)
}

func (d *draft) write(joint, text string) {
	d.current.WriteString(joint)
	if d.place != "" {
		d.at = append(d.at, knowledge.Place{Start: d.current.Len(), Name: d.place})
		d.place = ""
	}
	d.current.WriteString(text)
}

// alone writes a block of its own.
func (d *draft) alone(text string) {
	d.kind, d.level = knowledge.Paragraph, 0
	d.write("", text)
	d.last = nil
	d.close()
}

// close puts the current block into the text.
func (d *draft) close() {
	s := d.current.String()
	at := d.at
	d.current.Reset()
	d.at = nil
	within := d.within
	d.within = false
	if len(at) > 1 || len(at) == 1 && at[0].Start > 0 {
		// Normalising moves what stands behind: the parts are done one by one.
		var b strings.Builder
		last := 0
		for i := range at {
			b.WriteString(tidy(s[last:at[i].Start]))
			last = at[i].Start
			at[i].Start = b.Len()
		}
		b.WriteString(tidy(s[last:]))
		s = b.String()
	} else {
		s = tidy(s)
	}
	trimmed := strings.TrimRightFunc(s, unicode.IsSpace)
	if d.kind != knowledge.Code {
		trimmed = strings.TrimSpace(s)
	}
	if strings.TrimSpace(trimmed) == "" || d.full {
		if len(at) > 0 {
			d.place = at[len(at)-1].Name
		}
		return
	}
	if d.text.Len()+len(trimmed) > maxText {
		d.full = true
		return
	}
	if len(d.blocks) > 0 {
		if within {
			d.text.WriteString("\n")
		} else {
			d.text.WriteString("\n\n")
		}
	}
	start := d.text.Len()
	for _, p := range at {
		d.places = append(d.places, knowledge.Place{Start: start + min(p.Start, len(trimmed)-1), Name: p.Name})
	}
	d.text.WriteString(trimmed)
	d.blocks = append(d.blocks, knowledge.Block{Start: start, End: d.text.Len(), Kind: d.kind, Level: d.level})
}

// tidy makes text as documents keep it: NFC, ligatures and the shapes of Arabic
// letters as letters, without soft hyphens, direction marks and control signs.
func tidy(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] < utf8.RuneSelf && (s[i] >= ' ' || s[i] == '\n' || s[i] == '\t')
	}
	if plain {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
		case r < ' ' || r >= 0x7F && r < 0xA0 || r == 0xA0 || r == 0x2028 || r == 0x2029:
			r = ' '
		case r == 0xAD, r == 0xFEFF, r == 0x200B, r == 0x200E, r == 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2064, r >= 0x2066 && r <= 0x2069, r >= 0xE0000 && r <= 0xE007F:
			continue
		case r >= 0xFB00 && r <= 0xFDFF, r >= 0xFE70 && r <= 0xFEFC, r >= 0x2E80 && r <= 0x2FDF:
			b.WriteString(norm.NFKC.String(string(r)))
			continue
		}
		b.WriteRune(r)
	}
	return norm.NFC.String(b.String())
}

// oneLine folds white space and cuts a title to a length that fits a list.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	for n := range s {
		if n > 300 {
			return strings.TrimSpace(s[:n])
		}
	}
	return s
}
