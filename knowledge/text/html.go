package text

import (
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// readHTML reads a page whose markup is normalised. It works on the stream of
// tags and builds no tree: a tree of a hostile page can be deeper than a stack
// and a thousand times larger than the page.
func readHTML(t, stem string, xhtml bool) knowledge.Reading {
	p := page{xhtml: xhtml}
	p.read(t)
	p.end()
	if len(p.blocks) == 0 && p.furniture {
		again := page{xhtml: xhtml, whole: true}
		again.read(t)
		again.end()
		if p = again; len(p.blocks) > 0 {
			p.warnings = append(p.warnings, "only navigation, header or footer were found; they were read as the text")
		}
	}
	r := knowledge.Reading{
		Text: p.text.String(), Blocks: p.blocks, Lang: p.lang, Dated: p.dated.changed, Title: draft.OneLine(draft.Tidy(p.title)), Warnings: p.warnings,
	}
	if p.left > 0 {
		r.Warnings = append(r.Warnings, draft.HiddenWarning(p.left))
	}
	if len(r.Blocks) == 0 && p.scripts > 0 {
		r.State, r.Reason = knowledge.Empty, "the page holds no words; a script makes them when it is shown"
	}
	for _, level := range []int{1, 0} {
		for _, b := range r.Blocks {
			if r.Title == "" && b.Kind == knowledge.Heading && (b.Level == level || level == 0) {
				r.Title = draft.OneLine(r.Text[b.Start:b.End])
			}
		}
	}
	if r.Title == "" {
		r.Title = stem
	}
	if r.Dated.IsZero() {
		r.Dated = draft.StatedDate(r.Text, r.Blocks, 0)
	}
	links := func(start, end int, _ string) []link {
		i := sort.Search(len(p.links), func(i int) bool { return p.links[i].start >= start })
		j := sort.Search(len(p.links), func(i int) bool { return p.links[i].start >= end })
		return p.links[i:j]
	}
	r.Replaces = distinct(replaces(r.Text, r.Blocks, links))
	r.Replaced = successors(r.Text, r.Blocks, links)
	return r
}

// page is a page as far as it is read.
type page struct {
	xhtml bool
	whole bool // navigation, headers and footers count as text

	text     strings.Builder
	blocks   []knowledge.Block
	group    int // of the last block
	links    []link
	warnings []string

	title   string
	titled  bool // a title was seen
	inTitle bool
	lang    string
	dated   meta

	buf      []byte // the block that is being read, its white space folded
	pending  bool   // white space is due before the next word
	bufLinks []link
	open     link // the link that is being read, if target is not empty

	skip      skipped
	left      int // hidden characters
	scripts   int
	furniture bool // something was left out as such
	mains     int  // open main and article elements
	heading   int
	pre       bool
	preFirst  bool // the next text is the first of pre
	lists     int
	fresh     int // level of the item whose words are to come
	tables    []table
	groups    int
	framed    bool // within an iframe's page
}

// table is an open table.
type table struct {
	cells, heads int // of the row that is being read
	inHead       bool
	inCell       bool
	group        int
}

// skipped is the element that is left out with all that is in it.
type skipped struct {
	name      string
	depth     int // open elements of that name; 0: nothing is left out
	nest      int // open blocks in it, which could hold an element of that name
	counted   bool
	furniture bool
}

func set(names string) map[string]bool {
	m := map[string]bool{}
	for n := range strings.FieldsSeq(names) {
		m[n] = true
	}
	return m
}

var (
	voids       = set("area base br col embed hr img input link meta param source track wbr")
	noText      = set("script style noscript template svg nav select datalist textarea iframe noembed noframes object canvas audio video")
	rims        = set("header footer aside")
	blockNames  = set("address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol optgroup option p pre section summary table caption tbody td tfoot th thead title tr ul")
	impliedEnds = set("p li dt dd tr td th option thead tbody tfoot")
	dateMetas   = set("date article:published_time article:modified_time dcterms.modified dcterms.date last-modified")
)

func (p *page) read(markup string) {
	z := html.NewTokenizer(strings.NewReader(markup))
	z.AllowCDATA(p.xhtml)
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return
		case html.TextToken:
			switch {
			case p.inTitle:
				if !p.titled {
					p.title += string(z.Text())
				}
			case p.skip.depth > 0:
				if p.skip.counted {
					p.left += printable(string(z.Text()))
				}
			default:
				p.words(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			raw, more := z.TagName()
			name := string(raw)
			if kind == html.EndTagToken {
				p.endTag(name)
				continue
			}
			attrs := attributes(z, more)
			empty := kind == html.SelfClosingTagToken && (p.xhtml || name == "svg")
			if empty {
				z.NextIsNotRawText()
			}
			p.startTag(name, attrs, empty || voids[name])
		}
	}
}

// attributes returns the first attributes of a tag; of doubles the first counts.
func attributes(z *html.Tokenizer, more bool) map[string]string {
	if !more {
		return nil
	}
	attrs := map[string]string{}
	for more {
		var k, v []byte
		if k, v, more = z.TagAttr(); len(attrs) >= 64 {
			break
		}
		if _, double := attrs[string(k)]; !double {
			attrs[string(k)] = string(v)
		}
	}
	return attrs
}

var unseen = regexp.MustCompile(`(?i)(?:^|;)(?:display:none|visibility:hidden|(?:font-size|opacity):0(?:\.0*)?(?:px|pt|em|rem|%)?(?:;|!|$))`)

// concealing reports whether an element with these attributes is not displayed.
func concealing(attrs map[string]string) bool {
	if v, ok := attrs["hidden"]; ok && !strings.EqualFold(v, "until-found") {
		return true
	}
	if strings.EqualFold(attrs["aria-hidden"], "true") {
		return true
	}
	style, ok := attrs["style"]
	return ok && unseen.MatchString(strings.Join(strings.Fields(style), ""))
}

func (p *page) startTag(name string, attrs map[string]string, empty bool) {
	if s := &p.skip; s.depth > 0 {
		sibling := impliedEnds[s.name] && s.nest == 0 && (name == s.name || s.name == "p" && blockNames[name] || (s.name == "td" || s.name == "th" || s.name == "dt" || s.name == "dd") && (name == "td" || name == "th" || name == "tr" || name == "dt" || name == "dd"))
		switch {
		case sibling, s.furniture && (name == "main" || name == "article"):
			*s = skipped{}
		case empty:
			return
		case name == s.name:
			s.depth++
			return
		default:
			if blockNames[name] && !impliedEnds[name] {
				s.nest++
			}
			return
		}
	}
	hidden := concealing(attrs)
	if hidden && !empty || noText[name] && !(p.whole && name == "nav") || rims[name] && p.mains == 0 && !p.whole {
		if name == "script" {
			p.scripts++
		}
		if page := attrs["srcdoc"]; name == "iframe" && page != "" && !hidden && !p.framed {
			p.end()
			p.framed = true
			p.read(draft.Tidy(page))
			p.end()
			p.framed = false
		}
		rim := !hidden && rims[name]
		p.furniture = p.furniture || !hidden && (rim || name == "nav")
		if blockNames[name] {
			p.boundary()
		}
		if !empty {
			p.skip = skipped{name: name, depth: 1, counted: hidden, furniture: rim}
		}
		return
	}
	switch name {
	case "html":
		p.lang = attrs["lang"]
		if p.lang == "" {
			p.lang = attrs["xml:lang"]
		}
	case "meta":
		key := strings.ToLower(attrs["name"] + attrs["property"] + attrs["itemprop"])
		if dateMetas[key] {
			if d, ok := draft.ParseDate(attrs["content"]); ok && d.After(p.dated.changed) {
				p.dated.changed = d
			}
		}
	case "title":
		p.inTitle = !empty
	case "a":
		p.endLink()
		if attrs["href"] != "" {
			p.open = link{start: len(p.buf), target: attrs["href"]}
		}
	case "br":
		p.lineBreak()
	case "h1", "h2", "h3", "h4", "h5", "h6":
		p.end()
		p.heading = int(name[1] - '0')
	case "main", "article":
		p.boundary()
		p.mains++
	case "ul", "ol", "menu", "dir", "dl":
		p.boundary()
		if p.lists++; p.lists == 1 {
			p.groups++
		}
		p.fresh = 0
	case "li", "dt", "dd":
		p.boundary()
		if p.fresh = 0; !p.inCell() {
			p.fresh = max(p.lists, 1)
		}
	case "table":
		p.end()
		p.groups++
		p.fresh = 0
		p.tables = append(p.tables, table{group: p.groups})
	case "tr", "thead", "tbody", "tfoot":
		if t := p.table(); t != nil {
			p.end()
			t.inCell, t.cells, t.heads = false, 0, 0
			if name != "tr" {
				t.inHead = name == "thead"
			}
		}
	case "td", "th":
		if t := p.table(); t != nil {
			if t.cells > 0 {
				p.endLink()
				p.buf = append(p.buf, " | "...)
				p.pending = false
			} else {
				p.end()
			}
			t.cells++
			t.inCell = true
			if name == "th" {
				t.heads++
			}
		} else {
			p.boundary()
		}
	case "pre":
		p.end()
		p.pre, p.preFirst = !empty, true
	default:
		if blockNames[name] {
			p.boundary()
		}
	}
}

func (p *page) endTag(name string) {
	if s := &p.skip; s.depth > 0 {
		switch {
		case name == s.name:
			if s.depth--; s.depth == 0 {
				*s = skipped{}
			}
			return
		case !blockNames[name] || impliedEnds[name] && name != "tr" || !impliedEnds[s.name]:
			return
		case s.nest > 0:
			s.nest--
			return
		}
		*s = skipped{} // what it stood in ends
	}
	switch name {
	case "title":
		p.titled = p.titled || p.inTitle && strings.TrimSpace(p.title) != ""
		p.inTitle = false
	case "a":
		p.endLink()
	case "h1", "h2", "h3", "h4", "h5", "h6", "pre":
		p.end()
		p.heading, p.pre = 0, false
	case "main", "article":
		p.boundary()
		p.mains = max(0, p.mains-1)
	case "ul", "ol", "menu", "dir", "dl":
		p.boundary()
		p.lists = max(0, p.lists-1)
		p.fresh = 0
	case "li", "dt", "dd":
		p.boundary()
		p.fresh = 0
	case "table":
		if len(p.tables) > 0 {
			p.end()
			p.tables = p.tables[:len(p.tables)-1]
		}
	case "tr", "thead", "tbody", "tfoot":
		if t := p.table(); t != nil {
			p.end()
			t.inCell, t.cells, t.heads = false, 0, 0
			t.inHead = t.inHead && name == "tr"
		}
	case "td", "th": // the next cell or row ends it
	default:
		if blockNames[name] {
			p.boundary()
		}
	}
}

// table returns the innermost open table, or nil.
func (p *page) table() *table {
	if len(p.tables) == 0 {
		return nil
	}
	return &p.tables[len(p.tables)-1]
}

func (p *page) inCell() bool {
	t := p.table()
	return t != nil && t.inCell
}

// words adds text to the block that is being read.
func (p *page) words(s string) {
	if p.pre {
		if p.preFirst {
			s = strings.TrimPrefix(s, "\n")
		}
		p.preFirst = false
		p.buf = append(p.buf, s...)
		return
	}
	for len(s) > 0 {
		n := strings.IndexFunc(s, unicode.IsSpace)
		if n < 0 {
			n = len(s)
		}
		if n > 0 {
			if last := len(p.buf) - 1; p.pending && last >= 0 && p.buf[last] != '\n' && p.buf[last] != ' ' {
				p.buf = append(p.buf, ' ')
			}
			p.pending = false
			p.buf = append(p.buf, s[:n]...)
			s = s[n:]
			continue
		}
		p.pending = true
		_, n = utf8.DecodeRuneInString(s)
		s = s[n:]
	}
}

func (p *page) lineBreak() {
	switch last := len(p.buf) - 1; {
	case p.pre:
		p.buf = append(p.buf, '\n')
	case p.inCell() || p.heading > 0:
		p.pending = true
	case last >= 0 && p.buf[last] == '\n':
		p.end() // an empty line parts paragraphs
	case last >= 0:
		p.buf = append(p.buf, '\n')
		p.pending = false
	}
}

func (p *page) endLink() {
	if p.open.target != "" && len(p.buf) > p.open.start {
		p.open.end = len(p.buf)
		p.bufLinks = append(p.bufLinks, p.open)
	}
	p.open = link{}
}

// boundary is where one block ends and another begins; within a table's cell and
// a heading it is a blank.
func (p *page) boundary() {
	if p.pre || p.heading > 0 && len(p.buf) > 0 || p.inCell() {
		p.pending = true
		return
	}
	p.end()
}

// end finishes the block that is being read.
func (p *page) end() {
	target := p.open.target
	p.endLink()
	s, links := string(p.buf), p.bufLinks
	p.buf, p.bufLinks, p.pending = p.buf[:0], nil, false
	p.open.target = target // a link may hold several blocks
	kind, level, group := knowledge.Paragraph, 0, 0
	t := p.table()
	switch {
	case p.pre:
		kind = knowledge.Code
	case p.heading > 0 && p.lists == 0:
		kind, level = knowledge.Heading, p.heading
	case t != nil && t.cells > 1:
		kind, group = knowledge.Row, t.group
		if t.inHead || t.heads == t.cells {
			level = 1
		}
	case p.fresh > 0:
		kind, level, group = knowledge.Item, p.fresh, -p.groups
	}
	if t != nil && t.inCell {
		t.cells, t.heads = 1, 0
	}
	if strings.TrimSpace(s) == "" || kind == knowledge.Row && strings.Trim(s, " |") == "" {
		return
	}
	p.fresh = 0
	if tidied := draft.Tidy(s); tidied != s || !norm.NFC.IsNormalString(s) {
		s, links = tidied, nil // they would point beside their words
	}
	cut := strings.TrimRightFunc(s, unicode.IsSpace)
	lead := len(cut) - len(strings.TrimLeftFunc(cut, unicode.IsSpace))
	if one := strings.Trim(cut, " |"); kind == knowledge.Row && !strings.Contains(one, " | ") {
		// A row with one cell that is not empty lays out a page.
		kind, level, group = knowledge.Paragraph, 0, 0
		lead = strings.Index(cut, one)
		cut = cut[:lead+len(one)]
	}
	if kind == knowledge.Code {
		lead = strings.LastIndexByte(cut[:lead], '\n') + 1
	}
	if s = cut[lead:]; s == "" {
		return
	}
	if n := len(p.blocks); n > 0 {
		if last := p.blocks[n-1].Kind; last == kind && group != 0 && group == p.group {
			p.text.WriteString("\n")
		} else {
			p.text.WriteString("\n\n")
		}
	}
	p.group = group
	at := p.text.Len()
	p.text.WriteString(s)
	p.blocks = append(p.blocks, knowledge.Block{Start: at, End: at + len(s), Kind: kind, Level: level})
	for _, l := range links {
		if l.start >= lead && l.end-lead <= len(s) {
			p.links = append(p.links, link{at + l.start - lead, at + l.end - lead, l.target})
		}
	}
}

// concealed follows the tags of Markdown for an element that is not displayed.
type concealed struct {
	name    string
	depth   int  // open elements of that name; 0: all is displayed
	counted bool // its characters are hidden text, not a script
}

func (h *concealed) see(z *html.Tokenizer, kind html.TokenType) {
	raw, more := z.TagName()
	name := string(raw)
	switch {
	case h.depth > 0 && name == h.name && kind == html.EndTagToken:
		if h.depth--; h.depth == 0 {
			*h = concealed{}
		}
	case h.depth > 0 && name == h.name && kind == html.StartTagToken:
		h.depth++
	case h.depth == 0 && kind == html.StartTagToken && !voids[name]:
		attrs := attributes(z, more)
		switch name {
		case "script", "style", "template":
			*h = concealed{name: name, depth: 1}
		default:
			if concealing(attrs) {
				*h = concealed{name: name, depth: 1, counted: true}
			}
		}
	}
}

var metaCharset = regexp.MustCompile(`(?i)<(?:meta[^>]{1,200}?charset|\?xml[^>]{1,100}?encoding)\s*=\s*["']?\s*([\w.:-]+)`)

// declared returns the encoding that an HTML file says it has, or "".
func declared(data []byte) string {
	m := metaCharset.FindSubmatch(data[:min(len(data), 64<<10)])
	if m == nil {
		return ""
	}
	return string(m[1])
}
