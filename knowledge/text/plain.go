package text

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

var (
	itemMark = regexp.MustCompile(`^\s*(?:[-*•+]|\d{1,4}[.)])\s+\S`)
	underway = regexp.MustCompile(`^(?:={3,}|-{3,})\s*$`)
	barePath = regexp.MustCompile(`[\pL\pN_.~%+/-]*[\pL\pN_~%+-]\.(?:mdx?|markdown|x?html?|txt|text|rst|adoc|org|pdf|docx?|odt|rtf|xlsx?|pptx?)\b`)
)

var dotted = regexp.MustCompile(`\.[a-z]`)

const shortLine = 80 // runes that a heading has at most

// readPlain reads plain text whose text is normalised: paragraphs are parted by
// blank lines, items begin with a mark, headings are underlined or in capitals.
func readPlain(t, stem string) knowledge.Reading {
	r := knowledge.Reading{Text: t}
	o := outline{text: t}
	title := ""
	for at, n := 0, 0; at < len(t); {
		// One paragraph: the lines up to a blank one.
		from := n
		var lines [][2]int
		for at < len(t) {
			end := len(t)
			if i := strings.IndexByte(t[at:], '\n'); i >= 0 {
				end = at + i
			}
			blank := strings.TrimSpace(t[at:end]) == ""
			if !blank {
				lines = append(lines, [2]int{at, end})
			}
			at = min(end+1, len(t))
			n++
			if blank {
				break
			}
		}
		if len(lines) == 0 {
			continue
		}
		first := t[lines[0][0]:lines[0][1]]
		heading := 0
		switch {
		case len(lines) > 1 && short(first) && underway.MatchString(t[lines[1][0]:lines[1][1]]):
			heading = 1
			if t[lines[1][0]] == '-' {
				heading = 2
			}
			o.add(knowledge.Heading, heading, lines[0][0], lines[0][1])
			lines = lines[2:]
		case len(lines) == 1 && short(first) && capitals(first):
			heading = 2
			o.add(knowledge.Heading, heading, lines[0][0], lines[0][1])
			lines = nil
		}
		if heading > 0 && title == "" && from < 5 {
			title = draft.OneLine(first)
		}
		start := -1
		kind, level := knowledge.Paragraph, 0
		for i, l := range lines {
			if itemMark.MatchString(t[l[0]:min(l[1], l[0]+200)]) {
				if start >= 0 {
					o.add(kind, level, start, l[0])
				}
				kind, level, start = knowledge.Item, 1, l[0]
			} else if start < 0 {
				start = l[0]
			}
			if i == len(lines)-1 {
				o.add(kind, level, start, l[1])
			}
		}
	}
	r.Blocks = o.blocks
	r.Title = title
	if title == "" && len(r.Blocks) > 0 {
		line, _, _ := strings.Cut(t[r.Blocks[0].Start:], "\n")
		if utf8.RuneCountInString(line) <= 2*shortLine {
			r.Title = draft.Cut(draft.OneLine(line), shortLine)
		}
	}
	if r.Title == "" {
		r.Title = stem
	}
	r.Dated = draft.StatedDate(t, r.Blocks, 0)
	r.Replaces = distinct(replaces(t, r.Blocks, plainLinks))
	r.Replaced = successors(t, r.Blocks, plainLinks)
	return r
}

func short(line string) bool { return utf8.RuneCountInString(strings.TrimSpace(line)) <= shortLine }

// capitals reports whether a line has letters, at least three, and all of them
// are capitals.
func capitals(line string) bool {
	n := 0
	for _, r := range line {
		switch {
		case unicode.IsUpper(r):
			n++
		case unicode.IsLetter(r):
			return false
		}
	}
	return n >= 3
}

// plainLinks finds names of files.
func plainLinks(start, _ int, s string) []link {
	var links []link
	if !dotted.MatchString(s) {
		return nil // most paragraphs; looking for whole paths takes longer
	}
	for _, m := range barePath.FindAllStringIndex(s, -1) {
		if m[0] > 0 && strings.IndexByte(":@", s[m[0]-1]) >= 0 {
			continue // of an address
		}
		links = append(links, link{start + m[0], start + m[1], s[m[0]:m[1]]})
	}
	return links
}
