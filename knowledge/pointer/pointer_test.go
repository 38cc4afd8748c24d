package pointer

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"groundwork/knowledge"

	"github.com/google/go-cmp/cmp"
)

const text = `# Hotel limits

135 euro per night anywhere, **170 euro** per night in the
[listed cities](cities.md). Breakfast is included in the figure.

| Where | Limit per night |
|---|---|
| everywhere | 110 euro |
`

func document(text string) knowledge.Document {
	return knowledge.Document{ID: "handbook/limits.md", Version: knowledge.HashOf([]byte(text)), Text: text}
}

// at returns the pointer to a stretch of text.
func at(t *testing.T, stretch string) knowledge.Pointer {
	t.Helper()
	start := strings.Index(text, stretch)
	if start < 0 {
		t.Fatalf("%q is not in the text", stretch)
	}
	return knowledge.Pointer{Document: "handbook/limits.md", Version: document(text).Version.Short(), Start: start, End: start + len(stretch)}
}

func TestCheck(t *testing.T) {
	const sentence = "135 euro per night anywhere, **170 euro** per night in the\n[listed cities](cities.md)."
	p := at(t, sentence)
	rows := at(t, "| Where | Limit per night |\n|---|---|\n| everywhere | 110 euro |")
	longer := document("New: see below.\n\n" + text)
	other := document(strings.Replace(text, "135", "145", 1) + "\nMore.\n")
	elsewhere := document(strings.Replace(text, "110", "120", 1) + "\nMore.\n")
	const ( // what stands beside a pointer
		alone      = "%s"
		block      = "> 135 euro per night anywhere, **170 euro** per night in the\n> [listed cities](cities.md).\n\n- Hotel limits: `%s`\n"
		reflowed   = "> 135 euro per night anywhere, 170 euro\n> per night in the listed cities.\n> — %s\n"
		altered    = "> 150 euro per night anywhere, 170 euro per night in the listed cities.\n\n- %s\n"
		epigraph   = "> Travel far, pay little, and be home before it snows.\n\nWhat holds is said in %s, so book.\n"
		printedAs  = "1. 135 euro per night anywhere, 170 euro per night in the listed cities.\n   [Hotel limits, dated 2026-01-15]\n   %s\n"
		fenced     = "```text\n" + printedAs + "```\n"
		hit        = "   2. Hotel limits\n      135 euro per night anywhere, 170 euro per night in the listed cities.\n      %s\n"
		clippedHit = "2. Hotel limits\n   135 euro per night anywhere, 170 euro per ...\n   %s\n"
		inline     = "The page says \"135 euro per night\nanywhere\" (%s).\n"
		guillemets = "Es heisst »135 euro per night anywhere«: %s\n"
		unrelated  = "$ groundwork ask \"what is the hotel limit per night?\"   $ groundwork open %s\n"
		html       = "<html><blockquote>135 euro per night anywhere, <b>170 euro</b> per night in the <a href='x'>listed cities</a>.</blockquote>\n<p><a href=\"%[1]s\">%[1]s</a></p>"
	)
	for _, x := range []struct {
		name, beside string
		now          knowledge.Document
		want         string // states of all pointers in it
	}{
		{"alone, unchanged", alone, document(text), "holds"},
		{"alone, changed elsewhere", alone, elsewhere, "changed"},
		{"gone", block, knowledge.Document{}, "gone"},
		{"block", block, document(text), "holds"},
		{"block, moved", block, longer, "moved"},
		{"block, changed elsewhere", block, elsewhere, "holds"},
		{"block, changed", block, other, "changed"},
		{"block reflowed", reflowed, document(text), "holds"},
		{"block reflowed, moved", reflowed, longer, "moved"},
		{"block reflowed, changed", reflowed, other, "changed"},
		{"block altered", altered, document(text), "changed"},
		{"a block that belongs to something else", epigraph, document(text), "holds"},
		{"printed", printedAs, document(text), "holds"},
		{"printed, moved", printedAs, longer, "moved"},
		{"printed, changed", printedAs, other, "changed"},
		{"printed in a code block, moved", fenced, longer, "moved"},
		{"a hit, moved", hit, longer, "moved"},
		{"a hit that was cut", clippedHit, longer, "changed"},
		{"a hit that was cut, unchanged", clippedHit, document(text), "holds"},
		{"inline", inline, document(text), "holds"},
		{"inline, moved", inline, longer, "moved"},
		{"inline, changed", inline, other, "changed"},
		{"guillemets, moved", guillemets, longer, "moved"},
		{"unrelated quotation", unrelated, document(text), "holds"},
		{"html", html, document(text), "holds holds"},
		{"html, moved", html, longer, "moved moved"},
		{"html, changed", html, other, "changed changed"},
	} {
		var got []string
		for _, f := range Find("page.md", fmt.Sprintf(x.beside, p)) {
			v := f.Check(x.now)
			got = append(got, string(v.State))
			if intact := v.State == knowledge.Holds || v.State == knowledge.Moved; intact != (v.Now.End > 0) || (v.State == knowledge.Changed) != (v.Why != "") {
				t.Errorf("%s: %+v", x.name, v)
			} else if intact && !strings.HasPrefix(x.now.Text[v.Now.Start:v.Now.End], "135 euro") {
				t.Errorf("%s: stands at %q now", x.name, x.now.Text[v.Now.Start:v.Now.End])
			}
		}
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
	conflict := "1. New.\n   [Hotel limits, dated 2026-01-15]\n   handbook/new.md@3f2a91c0#1-2\n   replaces Old (dated 2023-02-01), which said:\n" +
		"   | | Where | Limit per night |\n   | everywhere | 110 euro |\n   " + rows.String() + "\n"
	found := Find("", conflict)
	if len(found) != 2 || found[1].Check(longer).State != knowledge.Moved || found[1].Check(elsewhere).State != knowledge.Changed {
		t.Errorf("a conflict with rows: %+v", found)
	}
}

func TestJSON(t *testing.T) {
	const quote = "| everywhere | 110 euro |"
	p := at(t, quote)
	answer := fmt.Sprintf(`{
  "question": "see handbook/other.md@3f2a91c0#5-9",
  "sentences": [
    {"text": "x", "citations": [{
      "pointer": %q,
      "quote": %q, "before": "|---|---|\n", "after": "\n"}]}
  ],
  "hits": [{"text": %q, "pointer": %q, "start": 1}],
  "answer": "> 135 euro per night anywhere\n\n- %s"
}`, p, quote, quote, p, at(t, "135 euro per night anywhere"))
	got := Find("x.json", answer)
	want := []Found{
		{Citation: knowledge.Citation{Pointer: knowledge.Pointer{Document: "handbook/other.md", Version: "3f2a91c0", Start: 5, End: 9}}, Line: 2},
		{Citation: knowledge.Citation{Pointer: p, Quote: quote, Before: "|---|---|\n", After: "\n"}, Line: 5, Quoting: Exact},
		{Citation: knowledge.Citation{Pointer: p, Quote: quote}, Line: 8, Quoting: Exact},
		{Citation: knowledge.Citation{Pointer: at(t, "135 euro per night anywhere"), Quote: "135 euro per night anywhere"}, Line: 9, Quoting: Block},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// The same in a code block, and line by line.
	if inside := Find("x.md", "Look:\n\n```json\n"+answer+"\n```\n"); len(inside) != 4 || inside[1].Line != 8 || inside[1].Quoting != Exact {
		t.Errorf("in a code block: %+v", inside)
	}
	flat := strings.ReplaceAll(answer, "\n", " ")
	if lines := Find("x.jsonl", "\n"+flat+"\n"+flat+"\n"); len(lines) != 8 || lines[1].Line != 2 || lines[5].Line != 3 || lines[5].Quoting != Exact {
		t.Errorf("line by line: %+v", lines)
	}
	// Broken JSON is text.
	if broken := Find("x.json", answer[:len(answer)-1]); len(broken) != 4 {
		t.Errorf("broken: %+v", broken)
	}
}

func TestLinesOfHTML(t *testing.T) {
	page := "<!DOCTYPE html>\n<title>x</title>\n<p>one\ntwo <code>h/a&amp;b.md@3f2a91c0#1-2</code>\n</p>\n<ul>\n<li>h/c.md@3f2a91c0#3-4\n</ul>\n"
	var got []string
	for _, f := range Find("", page) {
		got = append(got, fmt.Sprint(f.Line, " ", f.Citation.Document))
	}
	if diff := cmp.Diff([]string{"4 h/a&b.md", "7 h/c.md"}, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever the bytes, nothing panics, and each pointer found is written in the
// text and can be checked.
func FuzzFind(f *testing.F) {
	f.Add("a.md", "> quote\n\n- handbook/limits.md@3f2a91c0#1-20")
	f.Add("a.html", "<blockquote>x<p>handbook/limits.md@3f2a91c0#1-20")
	f.Add("a.json", `{"pointer":"handbook/limits.md@3f2a91c0#1-20","quote":"ü\ud800","before":"\u00fc"}`)
	f.Add("", "```\n{\"pointer\":[\"h/a@00000000#1-2\"]}\n```\n1. x\n   [y]\n   h/a@00000000#1-2")
	d := document(text)
	f.Fuzz(func(t *testing.T, name, s string) {
		lines := 1 + strings.Count(s, "\n")
		for _, x := range Find(name, s) {
			back, err := knowledge.ParsePointer(x.Citation.Pointer.String())
			if err != nil || back != x.Citation.Pointer {
				t.Fatalf("%q: %v", x.Citation.Pointer, err)
			}
			if x.Line < 1 || x.Line > lines {
				t.Fatalf("line %d of %d", x.Line, lines)
			}
			x.Citation.Document = d.ID
			if v := x.Check(d); v.State == knowledge.Gone || v.Now.End > len(d.Text) {
				t.Fatalf("%+v", v)
			}
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add(text)
	f.Add("a | b\n--|--\n**[x](y \"z\")**")
	f.Fuzz(func(t *testing.T, s string) {
		folded, offsets := fold(s)
		if len(offsets) != len(folded) || utf8.ValidString(s) && !utf8.ValidString(folded) {
			t.Fatalf("%q: %q %v", s, folded, offsets)
		}
		for i := 1; i < len(offsets); i++ {
			if offsets[i] < offsets[i-1] || offsets[i] >= len(s) {
				t.Fatalf("%q: %v", s, offsets)
			}
		}
		if exact, copies := find(s, folded); folded != "" && copies < 1 || !strings.Contains(s, exact) {
			t.Fatalf("%q: %q %d", s, exact, copies)
		}
	})
}

func TestLinearTime(t *testing.T) {
	const p = "h/a@3f2a91c0#1-2"
	for _, piece := range []string{"#", "@", "\"", "»", "[", "](", "> ", ">\n", "1. ", "\n", "```\n", "{", "[[", p, p + " ", p + "\n", "x\n" + p + "\n", "<p>", "<blockquote>", "|-", "{\"pointer\":\"" + p + "\"}\n"} {
		began := time.Now()
		for _, name := range []string{"a.md", "a.html", "a.json"} {
			for _, f := range Find(name, strings.Repeat(piece, 300_000/len(piece))+p) {
				_ = f
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%q took %v", piece, took)
		} else if took > time.Second {
			t.Logf("%q took %v", piece, took)
		}
	}
}
