//go:build unix

package text

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/readingtest"
)

// TestPathological reads what makes parsers slow or deep: time stays linear and
// the stack small. With GROUNDWORK_LONG=1 each input has 5 MB instead of 200 kB.
func TestPathological(t *testing.T) {
	size, allowed, slowest := 200<<10, 3*time.Second, time.Duration(0)
	if os.Getenv("GROUNDWORK_LONG") == "1" {
		size = 5 << 20
	}
	rep := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var nested, ticks strings.Builder
	for i := 0; nested.Len() < size; i++ {
		nested.WriteString(strings.Repeat(" ", 2*(i%400)) + "- item\n")
	}
	var stairs strings.Builder
	for i := 0; stairs.Len() < size; i++ {
		stairs.WriteString(strings.Repeat(" ", i) + "a\n\n")
	}
	for i := 1; ticks.Len() < size; i++ {
		ticks.WriteString(strings.Repeat("`", i) + "<")
	}
	for name, in := range map[string]string{
		"brackets.md":       rep("["),
		"pairs.md":          rep("[]("),
		"images.md":         rep("![["),
		"definitions.md":    rep("[a]: b\n"),
		"bad refs.md":       rep("[a\n"),
		"stars.md":          rep("*"),
		"star words.md":     rep("*a_ "),
		"ticks.md":          ticks.String(),
		"nested list.md":    nested.String(),
		"list on a line.md": rep("- "),
		"numbers.md":        rep("1. "),
		"quotes.md":         rep(">"),
		"quote lines.md":    rep(strings.Repeat("> ", 300) + "a\n"),
		"quote items.md":    rep("> - "),
		"fences.md":         rep("```\n"),
		"hashes.md":         rep("#"),
		"equals.md":         rep("a\n===\n"),
		"dashes.md":         rep("-\n"),
		"setext.md":         rep("a\n") + "===",
		"pipes.md":          strings.Repeat("|", size/4) + "\n" + strings.Repeat("|-", size/8) + "|\n" + strings.Repeat("a\n", size/4),
		"tables.md":         rep("a|b\n-|-\n"),
		"tags.md":           rep("<div>\n\n"),
		"comments.md":       rep("<!-- "),
		"open comments.md":  rep("a <!--\n\n"),
		"closed.md":         rep("a <!-- b --> "),
		"data.md":           rep("[](data: "),
		"link titles.md":    rep("[](a \""),
		"link blanks.md":    "[](" + rep(" "),
		"verbs.md":          rep("it replaces [x] "),
		"verb links.md":     rep("replaces [x](a.md), "),
		"front.md":          "---\n" + rep("a: [") + "\n---\nx",
		"dates.md":          rep("Date: "),
		"entities.md":       rep("&"),
		"backslash.md":      rep("\\"),
		"blank lines.md":    rep("a\n\n"),
		"spaces.md":         rep(" ") + "a",
		"tabs.md":           rep("\ta\n"),
		"divs.html":         rep("<div>"),
		"spans.html":        rep("<span>a"),
		"formatting.html":   rep("<b><i><p>a"),
		"attributes.html":   "<p " + rep("a=1 ") + ">x",
		"b attributes.html": rep("<b x=1><p>"),
		"lists.html":        rep("<ul><li>"),
		"tables.html":       rep("<table><tr><td>"),
		"rows.html":         rep("<tr><td>a"),
		"cells.html":        "<table><tr>" + rep("<td>"),
		"links.html":        rep("<a href=x>a"),
		"unclosed.html":     rep("<a "),
		"less.html":         rep("<"),
		"closers.html":      rep("</"),
		"ends.html":         rep("</div>"),
		"comments.html":     rep("<!--"),
		"titles.html":       rep("<title>a</title>"),
		"open titles.html":  rep("<title>"),
		"scripts.html":      rep("<script><!--<script>"),
		"hidden.html":       rep("<p hidden>a"),
		"frames.html":       rep(`<iframe srcdoc="<p>a"></iframe>`),
		"srcdoc.html":       rep(`<iframe srcdoc="&lt;iframe srcdoc=`),
		"entities.html":     rep("&amp;&bad;&#1"),
		"meta.html":         rep("<meta charset"),
		"pre.html":          "<pre>" + rep("a\n"),
		"breaks.html":       rep("a<br>"),
		"verbs.html":        rep("it replaces <a href=x>x</a> "),
		"one line.txt":      rep("a"),
		"lines.txt":         rep("a\n"),
		"items.txt":         rep("- a\n"),
		"capitals.txt":      rep("ABC\n\n"),
		"verbs.txt":         rep("it replaces a.md "),
		"paths.txt":         "replaces " + rep("a/"),
		"dots.txt":          "replaces " + rep("a."),
		"marks.txt":         "a" + rep("\u0308"),
		"mixed marks.txt":   rep("a\u0327\u0308"),
		"bytes.txt":         rep("\xe9\xff"),
		"kanji.txt":         rep("\x82\xa0\x88\x9f"),
		"invalid.txt":       "ü" + rep("\xff"),
		"escapes.txt":       rep("\x1b$B\x1b(B"),
		"utf-16.txt":        "\xff\xfe" + rep("a\x00"),
		"bars.txt":          rep("|>*_ "),
		"quotes.csv":        rep("\""),
		"open quotes.csv":   rep("\"a,\n"),
		"quote pairs.csv":   rep("\"\","),
		"commas.csv":        rep(","),
		"lines.csv":         rep("a\n"),
		"cells.csv":         rep("a,b\n"),
		"stairs.py":         stairs.String(),
		"blank lines.go":    rep("a\n\n"),
		"brackets.json":     rep("[\n\n"),
		"one line.json":     rep("[1]"),
		"groups.rtf":        `{\rtf1` + rep("{}"),
		"open groups.rtf":   `{\rtf1` + rep("{"),
		"words.rtf":         `{\rtf1` + rep(`\b`),
		"notes.rtf":         `{\rtf1` + rep(`{\footnote a}`),
		"nested notes.rtf":  `{\rtf1` + rep(`{\footnote a`),
		"cells.rtf":         `{\rtf1` + rep(`a\cell `),
		"rows.rtf":          `{\rtf1` + rep(`a\cell\row`),
		"unicode.rtf":       `{\rtf1` + rep(`\u99 \u-10240 `),
		"fonts.rtf":         `{\rtf1` + rep(`{\fonttbl{\f1\fcharset128 ;}}\f1\'93\f0\'93`),
		"styles.rtf":        `{\rtf1{\stylesheet` + rep(`\s1 heading 1;`),
		"items.rtf":         `{\rtf1` + rep(`{\listtext 1}a\par`),
		"headers.eml":       rep("a: b\n"),
		"folds.eml":         "Subject:" + rep("\n b"),
		"encoded.eml":       "Subject: " + rep("=?utf-8?q?a?= "),
		"params.eml":        "Content-Type: a; " + rep("a=b; "),
		"boundaries.eml":    "Content-Type: multipart/mixed; boundary=b\n\n" + rep("--b\n"),
		"nested.eml":        rep("Content-Type: multipart/mixed; boundary=b\n\n--b\n"),
		"escapes.eml":       "Content-Transfer-Encoding: quoted-printable\n\n" + rep("=4"),
		"base64.eml":        "Content-Transfer-Encoding: base64\n\n" + rep("A"),
		"from.mbox":         rep("From a 00:00\n\n"),
		"lists.ipynb":       rep("["),
		"cells.ipynb":       `{"cells":[{}` + rep(`,{"source":["a"]}`) + `]}`,
		"outputs.ipynb":     `{"cells":[{"cell_type":"code","outputs":[{}` + rep(`,{"text":"a"}`) + `]}]}`,
	} {
		begun := spent(t)
		r := Read(name, []byte(in))
		took := spent(t) - begun
		if took > allowed {
			t.Errorf("%s: took %v", name, took)
		}
		slowest = max(slowest, took)
		readingtest.Sound(t, name, r)
	}
	t.Logf("the slowest of %d bytes took %v", size, slowest)
}

// spent returns the processor time of this process: what others do on the
// machine does not count.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestDeepMarkdownIsSaid(t *testing.T) {
	r := Read("a.md", []byte(strings.Repeat("> ", 150)+"deep words"))
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "deeper than 100") || !strings.Contains(readingtest.Words(r), "deep words") {
		t.Errorf("%q, %q", r.Warnings, readingtest.Words(r))
	}
	if r := Read("a.md", []byte(strings.Repeat("> ", 90)+"words")); len(r.Warnings) != 0 {
		t.Errorf("90 levels: %q", r.Warnings)
	}
}

func fuzz(f *testing.F, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := read(name, data)
		readingtest.Sound(t, name, r)
		once := draft.Normalise(data)
		if twice := draft.Normalise([]byte(once)); twice != once {
			t.Errorf("normalised twice %q, once %q", twice, once)
		}
		if !norm.NFC.IsNormalString(once) {
			t.Errorf("not NFC: %q", once)
		}
		if r.State == knowledge.Indexed && r.Format != "html" && r.Text != once {
			t.Errorf("the text is not the normalised file")
		}
		if again := read(name, data); !cmp.Equal(r, again) {
			t.Errorf("a second reading differs")
		}
	})
}

func FuzzMarkdown(f *testing.F) {
	fuzz(f, "a.md", "---\ntitle: x\n---\n# h\n\n- a\n  - b\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n```\nx\n```\n> q <!-- c --> `d`\n\n<div hidden>\n\nx\n</div>",
		"\uFEFFa\r\nb\rc", "a <!-- b\n\n<!-- c", "[a]: b\n[a] replaces [x][a]", "e\u0301\x00\x1b$B", "\xff\xfea\x00", "a|b\n-|-\n1\n===\n", "1) a\n\n   b\n\t c\n", "![x](data:a/b,c)")
}

func FuzzHTML(f *testing.F) {
	fuzz(f, "a.html", "<title>t</title><h1>a</h1><ul><li>b<li hidden>c</ul><table><tr><th>d<td>e<table><tr><td>f</table></table><pre>\n g</pre><a href=x>h</a>",
		"<p>e<b>&#769;</b>&#x338;<td>|<td>&#x338;", "<iframe srcdoc='<p>a'>", "<header>a<nav>b", "<!-- a", "<svg><title>", "<br><br>a<br>", "<pre>a<td>b", "<h1><li>a<h2>b")
}

func FuzzPlain(f *testing.F) {
	fuzz(f, "a.txt", "A\n===\n\n- b\n- c\n\nDDD\n", "a\r\n\r\nb", "\xe9\xe8", "it replaces a.md", "Stand: 12. M\u00e4rz 2026", "\u0308a\u0308", "\x82\xa0")
}
