package text

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	gtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"golang.org/x/net/html"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// deepest is how deep lists and quotes may nest; what is deeper is read as the
// words of the innermost. The parser looks at every open level on each line.
const deepest = 100

// readMarkdown reads a Markdown file whose text is normalised: Text is the
// whole of it, so that every span stands in the file itself.
func readMarkdown(t, stem string) knowledge.Reading {
	r := knowledge.Reading{Text: t}
	m := frontMatter(t)
	m.apply(&r)
	pieces, pc, tooDeep := markdownPieces(t, m.end)
	if tooDeep {
		r.Warnings = append(r.Warnings, fmt.Sprintf("lists or quotes nest deeper than %d; what is deeper is read as plain words", deepest))
	}
	var left int
	r.Blocks, left = carve(t, pieces)
	if left > 0 {
		r.Warnings = append(r.Warnings, draft.HiddenWarning(left))
	}
	r.Title = markdownTitle(m.title, r, stem)
	if r.Dated.IsZero() {
		r.Dated = draft.StatedDate(t, r.Blocks, m.end)
	}
	r.Replaces = append(r.Replaces, replaces(t, r.Blocks, markdownLinks(pc))...)
	r.Replaces = distinct(r.Replaces)
	r.Replaced = distinct(append(r.Replaced, successors(t, r.Blocks, markdownLinks(pc))...))
	return r
}

// piece is a block as the parser sees it, before hidden text is carved out.
type piece struct {
	knowledge.Block
	raw bool // HTML
}

// bounded is a block parser that opens nothing below the deepest level.
type bounded struct {
	parser.BlockParser
	reached *bool
}

func (b bounded) Open(parent ast.Node, reader gtext.Reader, pc parser.Context) (ast.Node, parser.State) {
	if len(pc.OpenedBlocks()) >= deepest {
		*b.reached = true
		return nil, parser.NoChildren
	}
	return b.BlockParser.Open(parent, reader, pc)
}

// definitions takes link definitions out of paragraphs, but not out of enormous
// ones: the time grows with the square of the lines.
type definitions struct{ parser.ParagraphTransformer }

func (d definitions) Transform(node *ast.Paragraph, reader gtext.Reader, pc parser.Context) {
	if node.Lines().Len() <= 1000 {
		d.ParagraphTransformer.Transform(node, reader, pc)
	}
}

// markdownPieces cuts t[from:] into blocks. No inline parser is used: blocks do
// not depend on them, and some inputs make them slow.
func markdownPieces(t string, from int) (pieces []piece, pc parser.Context, tooDeep bool) {
	p := parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(bounded{parser.NewListParser(), &tooDeep}, 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(bounded{parser.NewBlockquoteParser(), &tooDeep}, 800),
			util.Prioritized(parser.NewHTMLBlockParser(), 900),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithParagraphTransformers(util.Prioritized(definitions{parser.LinkReferenceParagraphTransformer}, 100)),
	)
	pc = parser.NewContext()
	source := []byte(t[from:])
	w := markdownWalk{source: source, from: from}
	w.children(p.Parse(gtext.NewReader(source), parser.WithContext(pc)), 0, 0)
	return w.pieces, pc, tooDeep
}

type markdownWalk struct {
	source []byte
	from   int
	pieces []piece
}

func (w *markdownWalk) add(kind knowledge.BlockKind, level, start, end int, raw bool) {
	w.pieces = append(w.pieces, piece{knowledge.Block{Start: w.from + start, End: w.from + end, Kind: kind, Level: level}, raw})
}

// children walks the nodes below n. depth counts lists around them; fresh is the
// level of the list item whose first words are still to come, or 0.
func (w *markdownWalk) children(n ast.Node, depth, fresh int) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		var start, end int
		if c.Type() == ast.TypeBlock && c.Lines() != nil && c.Lines().Len() > 0 {
			start, end = c.Lines().At(0).Start, c.Lines().At(c.Lines().Len()-1).Stop
		}
		switch c := c.(type) {
		case *ast.List:
			for item := c.FirstChild(); item != nil; item = item.NextSibling() {
				w.children(item, depth+1, depth+1)
			}
			fresh = 0
		case *ast.Blockquote:
			w.children(c, depth, 0)
		case *ast.Heading:
			switch rows := tableAt(w.source, c.Lines()); {
			case rows >= 0: // a table above a rule looks like an underlined heading
				w.table(c.Lines(), rows)
			case depth > 0:
				w.words(c, depth, fresh, start, end)
				fresh = 0
			default:
				if m := headingID.FindIndex(w.source[start:end]); m != nil {
					end = start + m[0]
				}
				w.add(knowledge.Heading, c.Level, start, end, false)
			}
		case *ast.Paragraph, *ast.TextBlock:
			if rows := tableAt(w.source, c.Lines()); rows >= 0 {
				if rows > 0 {
					w.words(c, depth, fresh, start, c.Lines().At(rows-1).Stop)
				}
				w.table(c.Lines(), rows)
			} else {
				w.words(c, depth, fresh, start, end)
			}
			fresh = 0
		case *ast.FencedCodeBlock:
			if c.Lines().Len() > 0 && len(bytes.TrimSpace(w.source[start:end])) > 0 {
				w.add(knowledge.Code, 0, c.Pos(), closingFence(w.source, end), false)
			}
		case *ast.CodeBlock:
			start = bytes.LastIndexByte(w.source[:start], '\n') + 1
			w.add(knowledge.Code, 0, start, end, false)
		case *ast.HTMLBlock:
			if c.HasClosure() {
				end = max(end, c.ClosureLine.Stop)
				if c.Lines().Len() == 0 {
					start = c.ClosureLine.Start
				}
			}
			w.add(knowledge.Paragraph, 0, start, end, true)
		}
	}
}

var headingID = regexp.MustCompile(`\s*\{[#.:][^{}]*\}\s*$`)

func (w *markdownWalk) words(n ast.Node, depth, fresh, start, end int) {
	if fresh > 0 {
		w.add(knowledge.Item, fresh, start, end, false)
		return
	}
	w.add(knowledge.Paragraph, 0, start, end, false)
}

// closingFence returns where the line after end stops, if it closes a fence.
func closingFence(source []byte, end int) int {
	line := source[end:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	if s := strings.TrimLeft(string(line[:min(len(line), 4*deepest)]), " \t>"); strings.HasPrefix(s, "```") || strings.HasPrefix(s, "~~~") {
		return end + len(line)
	}
	return end
}

// tableAt returns the index of the head row of the table that lines hold, or -1:
// a row above a row of dashes, with no more cells than that. (The parser's own extension
// makes a node for every cell that could be, however many.)
func tableAt(source []byte, lines *gtext.Segments) int {
	for i := 1; lines != nil && i < lines.Len(); i++ {
		at := lines.At(i)
		rule := bytes.TrimSpace(at.Value(source))
		if n := dashes(rule); n > 0 {
			above := lines.At(i - 1)
			if cells(bytes.TrimSpace(above.Value(source))) <= n {
				return i - 1
			}
			return -1
		}
	}
	return -1
}

// dashes counts the cells of a row that rules off a table's head, 0 for others.
func dashes(row []byte) int {
	if len(bytes.Trim(row, "-")) == 0 || len(bytes.Trim(row, "-|: \t")) > 0 {
		return 0
	}
	n := 0
	for cell := range bytes.SplitSeq(bytes.TrimSuffix(bytes.TrimPrefix(row, []byte("|")), []byte("|")), []byte("|")) {
		cell = bytes.TrimSpace(cell)
		cell = bytes.TrimSuffix(bytes.TrimPrefix(cell, []byte(":")), []byte(":"))
		if len(cell) == 0 || len(bytes.Trim(cell, "-")) > 0 {
			return 0
		}
		n++
	}
	return n
}

func cells(row []byte) int {
	n := 1
	row = bytes.TrimSuffix(bytes.TrimPrefix(row, []byte("|")), []byte("|"))
	for i, c := range row {
		if c == '|' && (i == 0 || row[i-1] != '\\') {
			n++
		}
	}
	return n
}

func (w *markdownWalk) table(lines *gtext.Segments, head int) {
	for i := head; i < lines.Len(); i++ {
		level := 0
		switch i {
		case head:
			level = 1
		case head + 1:
			continue // the rule
		}
		w.add(knowledge.Row, level, lines.At(i).Start, lines.At(i).Stop, false)
	}
}

// carve turns pieces into blocks without hidden text: comments, scripts,
// elements that are not displayed, pictures written out as data. It returns how
// many characters of elements that are not displayed it left out.
func carve(t string, pieces []piece) ([]knowledge.Block, int) {
	o := outline{text: t}
	left, until := 0, 0 // until: where a comment that began in an earlier piece ends
	var h concealed
	for _, p := range pieces {
		start := max(p.Start, until)
		if start >= p.End {
			continue
		}
		s := t[start:p.End]
		if p.Kind == knowledge.Code {
			if h.depth > 0 {
				left += printable(s)
			} else {
				o.add(p.Kind, p.Level, start, p.End)
			}
			continue
		}
		if h.depth == 0 && !strings.Contains(s, "<") {
			o.addWords(p, start, p.End)
			continue
		}
		inherited := h.depth > 0
		markup := s
		if !p.raw {
			markup = maskCode(s)
		}
		z := html.NewTokenizer(strings.NewReader(markup))
		at, from, words := 0, 0, false // the visible stretch from holds words
		show := func(to int) {
			if words || !p.raw && h.depth == 0 {
				o.addWords(p, start+from, start+to)
			}
			words = false
		}
	tokens:
		for {
			kind := z.Next()
			begin := at
			at += len(z.Raw())
			switch kind {
			case html.ErrorToken:
				break tokens
			case html.TextToken:
				if h.depth == 0 {
					words = words || strings.TrimSpace(s[begin:at]) != ""
				} else if h.counted {
					left += printable(s[begin:at])
				}
			case html.CommentToken, html.DoctypeToken:
				if !strings.HasSuffix(s[begin:at], ">") {
					if !p.raw {
						words = words || h.depth == 0
						break tokens // it does not end here, so it is no comment
					}
					until = len(t)
					if i := strings.Index(t[start+begin:], "-->"); i >= 0 {
						until = start + begin + i + 3
					}
				}
				if h.depth == 0 {
					show(begin)
					from = at
				}
			case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
				was := h.depth
				h.see(z, kind)
				if was == 0 && h.depth > 0 {
					show(begin)
				}
				if h.depth > 0 || was > 0 {
					from = at
				}
			}
		}
		if h.depth == 0 {
			show(len(s))
		}
		if !p.raw && !inherited {
			h = concealed{} // its paragraph ends, and the element with it
		}
	}
	return o.blocks, left
}

// addWords adds a piece's stretch but for pictures that are written out as data.
func (o *outline) addWords(p piece, start, end int) {
	s := o.text[start:end]
	if strings.Contains(s, "](data:") {
		for _, m := range dataPicture.FindAllStringIndex(s, -1) {
			o.add(p.Kind, p.Level, start, end-len(s)+m[0])
			start = end - len(s) + m[1]
		}
	}
	o.add(p.Kind, p.Level, start, end)
}

var dataPicture = regexp.MustCompile(`!?\[[^\]\n]{0,200}\]\(data:[^)\s]+\)`)

// printable counts the runes that are not blanks.
func printable(s string) int {
	n := 0
	for _, r := range s {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// maskCode returns s with what stands in code spans made harmless, byte for byte.
func maskCode(s string) string {
	type run struct{ start, n int }
	var runs []run
	places := map[int][]int{} // by length, indices into runs
	for i := 0; i < len(s); {
		if s[i] != '`' {
			i++
			continue
		}
		n := 1
		for i+n < len(s) && s[i+n] == '`' {
			n++
		}
		places[n] = append(places[n], len(runs))
		runs = append(runs, run{i, n})
		i += n
	}
	if len(runs) < 2 {
		return s
	}
	b := []byte(s)
	for i := 0; i < len(runs); i++ {
		same := places[runs[i].n]
		for len(same) > 0 && same[0] <= i {
			same = same[1:]
		}
		places[runs[i].n] = same
		if len(same) == 0 || runs[i].start > 0 && s[runs[i].start-1] == '\\' {
			continue
		}
		for k := runs[i].start; k < runs[same[0]].start; k++ {
			b[k] = 'x'
		}
		i = same[0]
	}
	return string(b)
}

// markdownTitle chooses the title: as front matter says, else the first heading
// of level 1, else the first heading, else the file's name.
func markdownTitle(stated string, r knowledge.Reading, stem string) string {
	if stated = draft.OneLine(stated); stated != "" {
		return stated
	}
	first := ""
	for _, b := range r.Blocks {
		if b.Kind != knowledge.Heading || b.Level != 1 && first != "" {
			continue
		}
		title := inlineText(r.Text[b.Start:b.End])
		if title == "" {
			continue
		}
		if b.Level == 1 {
			return title
		}
		first = title
	}
	if first != "" {
		return first
	}
	return stem
}

// inlineText returns a line of Markdown without its markup.
func inlineText(s string) string {
	source := []byte(draft.Cut(strings.Join(strings.Fields(s), " "), 1000))
	root := goldmark.New(goldmark.WithExtensions(extension.Strikethrough)).Parser().Parse(gtext.NewReader(append([]byte("# "), source...)))
	source = append([]byte("# "), source...)
	var b strings.Builder
	code := false
	ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.CodeSpan:
			code = entering
		case *ast.Text:
			if v := n.Segment.Value(source); entering && code {
				b.Write(v)
			} else if entering {
				b.WriteString(html.UnescapeString(string(util.UnescapePunctuations(v))))
			}
		case *ast.AutoLink:
			if entering {
				b.Write(n.Label(source))
			}
		case *ast.Image:
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return draft.OneLine(draft.Tidy(b.String()))
}

var markdownLink = regexp.MustCompile(`\[([^\[\]]*)\](?:\(\s*(<[^<>\n]+>|[^()\s]+(?:\([^()\s]*\)[^()\s]*)?)(?:\s+(?:"[^"\n]*"|'[^'\n]*'|\([^()\n]*\)))?\s*\)|\[([^\[\]]*)\])?`)

// markdownLinks finds the links in a stretch of a Markdown text.
func markdownLinks(pc parser.Context) func(start, end int, s string) []link {
	return func(start, end int, s string) []link {
		var links []link
		if !strings.Contains(s, "[") {
			return nil
		}
		for _, m := range markdownLink.FindAllStringSubmatchIndex(s, -1) {
			l := link{start: start + m[0], end: start + m[1]}
			switch {
			case m[4] >= 0:
				l.target = strings.Trim(s[m[4]:m[5]], "<>")
			default:
				label := s[m[2]:m[3]]
				if m[6] >= 0 && m[6] < m[7] {
					label = s[m[6]:m[7]]
				}
				ref, ok := pc.Reference(util.ToLinkReference([]byte(label)))
				if !ok {
					continue
				}
				l.target = string(ref.Destination())
			}
			links = append(links, l)
		}
		return links
	}
}
