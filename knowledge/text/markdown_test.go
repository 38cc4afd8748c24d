package text

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	gtext "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/readingtest"
)

func TestMarkdownBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"headings": {"# One #\n\n## Two [a](b.md) {#two}\n\nThree\n===\n\nFour\nlines\n---\n\n#\n\n####### seven\n",
			[]string{"heading 1: One", "heading 2: Two [a](b.md)", "heading 1: Three", "heading 2: Four\nlines", "paragraph: ####### seven"}},
		"paragraphs": {"a\nb\n\n   c  \n\n***\n\nd\\\ne", []string{"paragraph: a\nb", "paragraph: c", "paragraph: d\\\ne"}},
		"items": {"- one\n  more\n- two\n  - deep *one*\n    1. deeper\n  - deep two\n\n  own again\n- \n\n1. first\n\n   second paragraph\n2) other list",
			[]string{"item 1: one\n  more", "item 1: two", "item 2: deep *one*", "item 3: deeper", "item 2: deep two", "paragraph: own again", "item 1: first", "paragraph: second paragraph", "item 1: other list"}},
		"tasks": {"- [ ] open\n- [x] ~~done~~", []string{"item 1: [ ] open", "item 1: [x] ~~done~~"}},
		"table": {"Before\n\n| a | b |\n|---|:-:|\n| 1 | 2\\|3 |\n| 4 |\nafter\n\nend",
			[]string{"paragraph: Before", "row 1: | a | b |", "row: | 1 | 2\\|3 |", "row: | 4 |", "row: after", "paragraph: end"}},
		"table below words": {"words\na | b\n--|--\n1 | 2", []string{"paragraph: words", "row 1: a | b", "row: 1 | 2"}},
		"no table":          {"a | b | c\n-|-\n\nx\n-|- text", []string{"paragraph: a | b | c\n-|-", "paragraph: x\n-|- text"}},
		"table and rule":    {"a | b\n--|--\n1 | 2\n---\nend", []string{"row 1: a | b", "row: 1 | 2", "paragraph: end"}},
		"code": {"```go\nx := 1\n\ny\n```\n\n    indented\n      more\n\n~~~\n~~~\n\n```\nopen <!-- stays -->",
			[]string{"code: ```go\nx := 1\n\ny\n```", "code:     indented\n      more", "code: ```\nopen <!-- stays -->"}},
		"code in item": {"- run\n  ```\n  make\n  ```\n", []string{"item 1: run", "code: ```\n  make\n  ```"}},
		"quote":        {"> said\n> more\n>\n> - item\n>\n> # head\n\nend", []string{"paragraph: said\n> more", "item 1: item", "heading 1: head", "paragraph: end"}},
		"html":         {"<div>\nwords <b>here</b>\n</div>\n\n<br/>\n\n<p align=center>\n</p>\n\nend", []string{"paragraph: <div>\nwords <b>here</b>\n</div>", "paragraph: end"}},
		"comments": {"a <!-- no --> b\n\n<!-- no\n\nno -->\n\nc `<!-- yes -->` <!-- no\nno --> d\n\n<div>\nin <!-- no\n\nno\n\n- no --> still\n\nend",
			[]string{"paragraph: a", "paragraph: b", "paragraph: c `<!-- yes -->`", "paragraph: d", "paragraph: <div>\nin", "item 1: still", "paragraph: end"}},
		"open comment": {"a <!-- b\n\nc", []string{"paragraph: a <!-- b", "paragraph: c"}},
		"hidden": {"a <span style=\"display: none\">no <b>no</b></span> b\n\n<div hidden>\n\nno\n\n```\nno\n```\n\n<div>no</div>\n</div>\n\nend `<p hidden>`\n\n<script>\nno\n</script>\n\n<style>no</style>\n\nx",
			[]string{"paragraph: a", "paragraph: b", "paragraph: end `<p hidden>`", "paragraph: x"}},
		"autolinks":    {"see <https://a.example/> and 1 < 2", []string{"paragraph: see <https://a.example/> and 1 < 2"}},
		"definitions":  {"[a]: b.md \"title\"\n[c]: <d e.md>\n\nend [a]", []string{"paragraph: end [a]"}},
		"data":         {"a ![x](data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP) b", []string{"paragraph: a", "paragraph: b"}},
		"front matter": {"---\nsummary: x\n---\na\n", []string{"paragraph: a"}},
		"toml":         {"+++\ntitle = 'x'\n+++\na\n", []string{"paragraph: a"}},
		"rules":        {"---\n\nno front matter\n\n---\n\nb\n", []string{"paragraph: no front matter", "paragraph: b"}},
		"never closed": {"---\ntitle: x\n\nall of it", []string{"heading 2: title: x", "paragraph: all of it"}},
	} {
		r := Read("a.md", []byte(c.in))
		readingtest.Sound(t, name, r)
		if name == "never closed" {
			c.want = []string{"paragraph: title: x", "paragraph: all of it"}
		}
		if diff := cmp.Diff(c.want, readingtest.Show(r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if r.Text != c.in {
			t.Errorf("%s: the text is not the file", name)
		}
	}
}

func TestMarkdownTitle(t *testing.T) {
	for in, want := range map[string]string{
		"---\ntitle: \"  From   front matter \"\n---\n# Heading": "From front matter",
		"## Second\n\n# First *one*":                             "First one",
		"## Second\n\nwords":                                     "Second",
		"words":                                                  "leave policy 2025",
		"# [Leave](a.md) & `code *x*` ~~old~~ &amp; \\* {#id}":   "Leave & code *x* old & *",
		"# ![logo](a.png)\n\n## Handbook":                        "Handbook",
		"# <b>Bold</b> <https://a.example>":                      "Bold https://a.example",
		"<!-- # hidden -->\n\n# Shown":                           "Shown",
		"Two\nlines\n===":                                        "Two lines",
	} {
		if r := Read("x/leave-policy_2025.md", []byte(in)); r.Title != want {
			t.Errorf("%q: title %q, want %q", in, r.Title, want)
		}
	}
}

func TestMarkdownWarnsOfHiddenText(t *testing.T) {
	r := Read("a.md", []byte("a <span hidden>do evil</span>"))
	if diff := cmp.Diff([]string{"left out hidden text (6 characters)"}, r.Warnings); diff != "" {
		t.Error(diff)
	}
	if r := Read("a.md", []byte("a <!-- remark --> b")); len(r.Warnings) != 0 {
		t.Errorf("a comment: %q", r.Warnings)
	}
}

func TestFrontMatter(t *testing.T) {
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	hr := &knowledge.Readers{Groups: []knowledge.Group{"hr", "legal"}}
	owner := &knowledge.Readers{}
	for in, want := range map[string]meta{
		"title: T\nlang: de-CH":  {title: "T", lang: "de-CH"},
		"title: T\nlanguage: en": {title: "T", lang: "en"},
		"date: 2026-03-12":       {changed: day(2026, 3, 12)},
		"date: 2026-03-12\nupdated: 2026-04-01\nlast-reviewed: 2027-01-01": {changed: day(2026, 4, 1), checked: day(2027, 1, 1)},
		"last_updated: 2 January 2006":                                     {changed: day(2006, 1, 2)},
		"Last Reviewed: January 2, 2006":                                   {checked: day(2006, 1, 2)},
		"as_of: 2026-03-12T23:30:00-02:00":                                 {checked: time.Date(2026, 3, 13, 1, 30, 0, 0, time.UTC)},
		"replaces: old/leave.md":                                           {replaces: []string{"old/leave.md"}},
		"replaces:\n  - a.md\n  - ../b%20c.md#top\n  - https://x/y":        {replaces: []string{"a.md", "../b c.md"}},
		"readers: [legal, hr]":                                             {readers: hr},
		"readers: hr, legal":                                               {readers: hr},
		"readers:\n- hr\n- legal":                                          {readers: hr},
		"readers: all":                                                     {readers: &knowledge.Readers{Everyone: true}},
		"readers: [hr, all]":                                               {readers: &knowledge.Readers{Everyone: true}},
		"x: &r [hr, legal]\nreaders: *r":                                   {readers: hr},
		"readers: [hr, legal]\nReaders: all":                               {readers: hr},
		"title: A: broken: title\nreaders: [hr, legal]\ndate: 2026-03-12\nreplaces:\n  - a.md": {
			title: "A: broken: title", readers: hr, changed: day(2026, 3, 12), replaces: []string{"a.md"}, warnings: []string{"the front matter is not valid YAML; it was read line by line"}},
		"readers: {hr: true}": {readers: owner, warnings: []string{"the readers in the front matter are neither a list nor names; only the owner may read this"}},
		"readers:":            {readers: owner, warnings: []string{"the readers in the front matter are neither a list nor names; only the owner may read this"}},
		"date: soon":          {warnings: []string{"the front matter's date is not a date that can be read"}},
		"date: 2026-02-31":    {warnings: []string{"the front matter's date is not a date that can be read"}},
		"":                    {},
		"# only a comment":    {},
	} {
		got := frontMatter("---\n" + in + "\n---\nwords")
		if got.end == 0 {
			t.Errorf("%q: no front matter", in)
		}
		want.end = got.end
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(meta{})); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
	got := frontMatter("+++\ntitle = \"T\"\ndate = 2026-03-12\nreaders = [\"hr\", \"legal\"]\n[extra]\ntitle = \"no\"\n+++\n")
	if diff := cmp.Diff(meta{end: got.end, title: "T", changed: day(2026, 3, 12), readers: hr}, got, cmp.AllowUnexported(meta{})); diff != "" || got.end == 0 {
		t.Errorf("TOML: %s", diff)
	}
	for _, in := range []string{"", "words", "--- \nwords\n--", "---", "---\n\nwords here\n\n---\n", "---\n- a\n---\n", "----\na: b\n----\n", "\n---\na: b\n---\n", "+++\nwords\n+++\n"} {
		if m := frontMatter(in); m.end != 0 {
			t.Errorf("%q: front matter of %d bytes", in, m.end)
		}
	}
	r := Read("a.md", []byte("---\ndate: 2026-03-12\nlast-reviewed: 2027-01-01\n---\nDate: 2028-01-01"))
	if !r.Dated.Equal(day(2026, 3, 12)) {
		t.Errorf("date before review and prose: %v", r.Dated)
	}
}

func TestStatedDate(t *testing.T) {
	want := time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)
	for _, in := range []string{
		"Date: 2026-03-12", "**Date:** 2026-03-12", "| Date | 12 March 2026 |\n|--|--|", "*Last reviewed: 12 March 2026*", "Last updated on March 12th, 2026.",
		"Effective from 12 Mar 2026, all staff", "As of March 12, 2026, crane", "Stand: 12.03.2026", "Stand: 12. März 2026", "> Updated: 2026/03/12",
		"# Leave\n\nPolicy of the yard. Effective from 12 March 2026.", "Valid from 12th of March 2026", "- Revised: 2026-03-12T10:00",
	} {
		if r := Read("a.md", []byte(in)); !r.Dated.Equal(want) {
			t.Errorf("%q: %v", in, r.Dated)
		}
		if r := Read("a.txt", []byte(in)); !r.Dated.Equal(want) {
			t.Errorf("plain %q: %v", in, r.Dated)
		}
		if r := Read("a.html", []byte("<p>"+in)); !r.Dated.Equal(want) && !strings.Contains(in, "|") {
			t.Errorf("html %q: %v", in, r.Dated)
		}
	}
	for _, in := range []string{
		"Next review: 12 March 2026", "Founded on 12 March 2026", "Date: to be fixed, not before 2026-03-12", "the crane as of 2026", "Date: 31.02.2026", "Date: 12 Marvellous 2026",
		"```\nDate: 2026-03-12\n```", strings.Repeat("words ", 120) + "\n\nDate: 2026-03-12", "Candidate: 2026-03-12",
	} {
		if r := Read("a.md", []byte(in)); !r.Dated.IsZero() {
			t.Errorf("%q: %v", in, r.Dated)
		}
	}
}

func TestReplaces(t *testing.T) {
	for in, want := range map[string][]string{
		"This page replaces [the 2019 rules](old/leave.md#top).":                        {"old/leave.md"},
		"This page **replaces** the [2019 rules](<old rules.md>).":                      {"old rules.md"},
		"It supersedes [x](a%20b.md?raw=1 \"t\").":                                      {"a b.md"},
		"These rules supersede [x](a.md) and [y](b.md).":                                {"a.md", "b.md"},
		"These rules replace the [old ones](a.md).":                                     {"a.md"},
		"This is the replacement for [x](a.md), [y](b.md) and [z][ref].\n\n[ref]: c.md": {"a.md", "b.md", "c.md"},
		"Use this form instead of the old [form](f.md).":                                {"f.md"},
		"- Replaces: [x](a.md)":                                                         {"a.md"},
		"| Replaces | [x](a.md) |\n|--|--|":                                             {"a.md"},
		"Effective from 1 May 2026 this page replaces [x](a.md).":                       {"a.md"},
		"As said in [y](b.md), this page replaces [x](a.md).":                           {"a.md"},
		"This is not a draft; it replaces [x](a.md).":                                   {"a.md"},
		"It applies to all staff and replaces [x](a.md).":                               {"a.md"},
		"Policy No. 12 replaces [x](../a.md).":                                          {"../a.md"},
		"This page replaces [x](a.md). It replaces [x](a.md) wholly.":                   {"a.md"},
		"See [y](b.md). This page replaces [x](a.md).":                                  {"a.md"},

		"This page does not replace [x](a.md).":                                                       nil,
		"This page doesn't replace [x](a.md).":                                                        nil,
		"These rules do not replace [x](a.md).":                                                       nil,
		"This page is replaced by [y](a.md).":                                                         nil,
		"This page was superseded by [y](a.md).":                                                      nil,
		"Nothing replaces [x](a.md).":                                                                 nil,
		"There is no replacement for [x](a.md).":                                                      nil,
		"If a page replaces [x](a.md), say so.":                                                       nil,
		"Until a new page replaces [x](a.md), use it.":                                                nil,
		"What replaces [x](a.md)?":                                                                    nil,
		"It may supersede [x](a.md).":                                                                 nil,
		"We are looking for a replacement for [x](a.md).":                                             nil,
		"[B](b.md) replaces [A](a.md).":                                                               nil,
		"This page replaces nothing. See [x](a.md).":                                                  nil,
		"This page replaces an older one, see [x](a.md).":                                             nil,
		"This page replaces [x](https://example.com/a.md).":                                           nil,
		"This page replaces [x](#above).":                                                             nil,
		"This page replaces `[x](a.md)` hidden <!-- replaces [x](a.md) -->.":                          {"a.md"}, // a code span is shown
		"This page replaces what was said about the use of cranes in the yard by night at [x](a.md).": nil,
		"```\nThis page replaces [x](a.md).\n```":                                                     nil,
		"Irreplaceable [x](a.md).":                                                                    nil,
		"<!-- This page replaces [x](a.md). -->\n\nwords":                                             nil,
	} {
		if r := Read("n.md", []byte(in)); !cmp.Equal(r.Replaces, want) {
			t.Errorf("%q: %q, want %q", in, r.Replaces, want)
		}
	}
	for in, want := range map[string][]string{
		`<p>This page replaces <a href="old.html#x">the old page</a>, <a href=b.html>b</a> and <b><a href=c.html>c</a></b>.`: {"old.html", "b.html", "c.html"},
		`<table><tr><th>Replaces<td><a href="old.html">old</a></table>`:                                                      {"old.html"},
		`<p>This page does not replace <a href="old.html">the old page</a>.`:                                                 nil,
		`<p>This page is replaced by <a href="new.html">the new page</a>.`:                                                   nil,
		`<p><a href="b.html">B</a> replaces <a href="a.html">A</a>.`:                                                         nil,
		`<p>It replaces <a href="mailto:a@b.example">us</a>.`:                                                                nil,
		`<p>It replaces <p><a href="a.html">A</a>.`:                                                                          nil,
		`<p hidden>It replaces <a href="a.html">A</a>.</p>words`:                                                             nil,
	} {
		if r := Read("n.html", []byte(in)); !cmp.Equal(r.Replaces, want) {
			t.Errorf("%q: %q, want %q", in, r.Replaces, want)
		}
	}
	for in, want := range map[string][]string{
		"This page replaces old/leave-2019.txt.":    {"old/leave-2019.txt"},
		"This supersedes a.md and ../b.md.":         {"a.md", "../b.md"},
		"This replaces https://example.com/a.html.": nil,
		"This does not replace a.md.":               nil,
		"It is replaced by a.md.":                   nil,
		"This page replaces the pump at U.S.yard":   nil,
	} {
		if r := Read("n.txt", []byte(in)); !cmp.Equal(r.Replaces, want) {
			t.Errorf("%q: %q, want %q", in, r.Replaces, want)
		}
	}
}

// TestTablesAsGoldmark compares the table rows with those of goldmark's own
// table extension, over two real handbooks.
func TestTablesAsGoldmark(t *testing.T) {
	oracle := parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(), util.Prioritized(extension.NewTableParagraphTransformer(), 200))...))
	pages, rows := 0, 0
	for _, dir := range []string{"handbook", "handbook18f"} {
		err := filepath.WalkDir(filepath.Join(shared, dir), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(p) != ".md" {
				return err
			}
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			s := draft.Normalise(data)
			from := frontMatter(s).end
			source := []byte(s[from:])
			var want []int
			ast.Walk(oracle.Parse(gtext.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
				if k := n.Kind(); entering && (k == east.KindTableRow || k == east.KindTableHeader) {
					want = append(want, from+n.Pos())
				}
				return ast.WalkContinue, nil
			})
			var got []int
			pieces, _, _ := markdownPieces(s, from)
			for _, k := range pieces {
				if k.Kind == knowledge.Row {
					got = append(got, k.Start)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", p, diff)
			}
			pages++
			rows += len(got)
			return nil
		})
		if err != nil {
			t.Skip("NOT RUN: the shared handbooks are not here: " + err.Error())
		}
	}
	if rows < 500 {
		t.Errorf("only %d rows", rows)
	}
	t.Logf("%d rows of %d pages", rows, pages)
}
