package pointer

import (
	"slices"
	"strings"

	"groundwork/knowledge"

	"golang.org/x/net/html"
)

// parting are the elements that end a line of text.
var parting = []string{"address", "article", "blockquote", "body", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer", "h1", "h2", "h3",
	"h4", "h5", "h6", "head", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "td", "th", "title", "tr", "ul"}

// htmlLines returns the text of a page as lines with their numbers in the file;
// what is in a blockquote begins with ">", and a pointer in an attribute is a
// line of its own.
func htmlLines(page string) []line {
	var lines []line
	var text strings.Builder
	n, from, depth := 1, 1, 0
	flush := func() {
		if t := strings.TrimSpace(text.String()); t != "" {
			if depth > 0 {
				t = "> " + t
			}
			lines = append(lines, line{t, from})
		}
		text.Reset()
		from = n
	}
	z := html.NewTokenizer(strings.NewReader(page))
	for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
		raw := strings.Count(string(z.Raw()), "\n")
		switch token := z.Token(); kind {
		case html.TextToken:
			for i, l := range strings.Split(token.Data, "\n") {
				if i > 0 {
					flush()
					from = n + i
				}
				text.WriteString(l)
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			if slices.Contains(parting, token.Data) {
				if flush(); len(lines) > 0 && lines[len(lines)-1].text != "" {
					lines = append(lines, line{n: n})
				}
			}
			if token.Data == "blockquote" {
				if kind == html.StartTagToken {
					depth++
				} else {
					depth = max(0, depth-1)
				}
			}
			for _, a := range token.Attr {
				if len(knowledge.PointersIn(a.Val)) > 0 {
					lines = append(lines, line{a.Val, n})
				}
			}
		}
		n += raw
		if text.Len() == 0 {
			from = n
		}
	}
	flush()
	return lines
}
