package text

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge"
	"groundwork/knowledge/readingtest"
)

func TestHTMLBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		text string
		want []string
	}{
		"paragraphs": {"<title>T</title><h1>One</h1>\n<p>a  b\n<b>c</b>d &amp; &eacute;&nbsp;e<br>f<p>g<div>h</div>i", "One\n\na b cd & é e\nf\n\ng\n\nh\n\ni",
			[]string{"heading 1: One", "paragraph: a b cd & é e\nf", "paragraph: g", "paragraph: h", "paragraph: i"}},
		"double breaks": {"a<br><br>b<br>\n<br/>c", "a\n\nb\n\nc", []string{"paragraph: a", "paragraph: b", "paragraph: c"}},
		"lists": {"<ul><li>a<li><p>b</p><p>own</p><ol><li>c <i>d</i></ol>tail<li></ul><dl><dt>t<dd>d</dl>", "a\nb\n\nown\n\nc d\n\ntail\n\nt\nd",
			[]string{"item 1: a", "item 1: b", "paragraph: own", "item 2: c d", "paragraph: tail", "item 1: t", "item 1: d"}},
		"table": {"<table><caption>Cap</caption><thead><tr><td>a<td>b</thead><tr><th>x</th><td><p>y</p><p>z</p></td><tr><td>1<td>2</table><table><tr><th>h<th>i<tr><td>one cell</table>",
			"Cap\n\na | b\nx | y z\n1 | 2\n\nh | i\n\none cell",
			[]string{"paragraph: Cap", "row 1: a | b", "row: x | y z", "row: 1 | 2", "row 1: h | i", "paragraph: one cell"}},
		"layout table": {"<table><tr><td>menu<td><h2>Head</h2><p>text<table><tr><td>1<td>2</table>after</table>", "menu\n\nHead\n\ntext\n\n1 | 2\n\nafter",
			[]string{"paragraph: menu", "heading 2: Head", "paragraph: text", "row: 1 | 2", "paragraph: after"}},
		"pre":      {"<pre>\n  a\n    b <b>c</b>\n\n</pre>d", "  a\n    b c\n\nd", []string{"code:   a\n    b c", "paragraph: d"}},
		"links":    {`<p>see <a href="x.html">the page</a>, <a>here</a>`, "see the page, here", []string{"paragraph: see the page, here"}},
		"no text":  {"<style>s</style><script>s('<p>')</script><noscript>n</noscript><template>t</template><svg><title>s</title><text>s</text></svg><nav>n</nav><select><option>o</select>p<!-- c -->q", "pq", []string{"paragraph: pq"}},
		"rims":     {"<header><h1>site</h1></header><aside>a</aside><main><header><h2>H</h2></header><p>p<footer>f</footer><nav>n</nav></main><footer>foot</footer>", "H\n\np\n\nf", []string{"heading 2: H", "paragraph: p", "paragraph: f"}},
		"open rim": {"<header>site<main>p</main>", "p", []string{"paragraph: p"}},
		"all rims": {"<header>site</header><nav>n</nav>", "site\n\nn", []string{"paragraph: site", "paragraph: n"}},
		"hidden": {`a<p hidden>no<p>b</p><div style="color:red; DISPLAY : none !important"><div>no</div>no</div>c<span aria-hidden=true>no</span><i style="visibility:hidden">no</i>d<p style="font-size:0">no</p><p style="font-size:0.8em">e</p><input hidden>f<p hidden="until-found">g`,
			"a\n\nb\n\ncd\n\ne\n\nf\n\ng", []string{"paragraph: a", "paragraph: b", "paragraph: cd", "paragraph: e", "paragraph: f", "paragraph: g"}},
		"hidden item":    {"<ul><li hidden>no<li>a<li hidden>no<ul><li>no</ul>no</ul>b", "a\n\nb", []string{"item 1: a", "paragraph: b"}},
		"hidden cell":    {"<table><tr><td>a<td hidden>no<td>b<tr hidden><td>no<tr><td>c<td>d</table>", "a | b\nc | d", []string{"row: a | b", "row: c | d"}},
		"nested hidden":  {"<section hidden><section>no</section>no</section>a", "a", []string{"paragraph: a"}},
		"heading inside": {"<p>a<h2><a href=x>b<br>c</a> <div>d</div></h2>e", "a\n\nb c d\n\ne", []string{"paragraph: a", "heading 2: b c d", "paragraph: e"}},
		"unclosed":       {"<p>a <b>b <i>c</p><p>d", "a b c\n\nd", []string{"paragraph: a b c", "paragraph: d"}},
		"cut off":        {"<p>a <a href='x", "a", []string{"paragraph: a"}},
		"iframe":         {`a<iframe srcdoc="<p>in<iframe srcdoc='deeper'></iframe></p>">old</iframe>b`, "a\n\nin\n\nb", []string{"paragraph: a", "paragraph: in", "paragraph: b"}},
		"combining":      {"<p>e<b>&#769;</b>", "é", []string{"paragraph: é"}},
		"controls":       {"<p>a&#7;b&#xFEFF;c&#13;d", "a bc d", []string{"paragraph: a bc d"}},
	} {
		r := Read("a.html", []byte(c.in))
		readingtest.Sound(t, name, r)
		if diff := cmp.Diff(c.want, readingtest.Show(r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if r.Text != c.text {
			t.Errorf("%s: text %q, want %q", name, r.Text, c.text)
		}
	}
}

func TestHTMLMeta(t *testing.T) {
	r := Read("a.html", []byte(`<html lang="de"><head><title> A
		page </title><title>Second</title><meta property="article:published_time" content="2026-03-12T10:00:00Z"><meta name="DCTERMS.modified" content="2026-04-01">`+
		`</head><body><h1>Head</h1><p hidden>two words</p>Date: 2028-01-01`))
	if r.Title != "A page" || r.Lang != "de" || !r.Dated.Equal(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)) || r.Format != "html" {
		t.Errorf("title %q, lang %q, dated %v, format %q", r.Title, r.Lang, r.Dated, r.Format)
	}
	if diff := cmp.Diff([]string{"left out hidden text (8 characters)"}, r.Warnings); diff != "" {
		t.Error(diff)
	}
	for in, want := range map[string]string{
		"<h2>Two</h2><h1>One</h1>x": "One", "<h2>Two</h2>x": "Two", "<title> </title>x": "my page", "<svg><title>icon</title></svg>x": "my page", "<title>a &amp; b</title>x": "a & b",
	} {
		if r := Read("d/my-page.html", []byte(in)); r.Title != want {
			t.Errorf("%q: title %q, want %q", in, r.Title, want)
		}
	}
	r = Read("a.xhtml", []byte(`<?xml version="1.0" encoding="utf-8"?><html xml:lang="fr"><head><title/><script src="x"/></head><body><div hidden="hidden"/><p>un</p><![CDATA[ <deux> ]]></body></html>`))
	if r.Text != "un\n\n<deux>" || r.Lang != "fr" {
		t.Errorf("XHTML: %q, %q", r.Text, r.Lang)
	}
	if r := Read("a.html", []byte("<div id=app></div><script src=x></script>")); r.State != knowledge.Empty || !strings.Contains(r.Reason, "script") {
		t.Errorf("a shell: %s, %q", r.State, r.Reason)
	}
	if r := Read("a.txt", []byte("<!DOCTYPE html>\n<p>a")); r.Format != "html" || r.Text != "a" {
		t.Errorf("HTML named .txt: %s, %q", r.Format, r.Text)
	}
}
