package passage_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/text"

	"github.com/google/go-cmp/cmp"
)

// words writes n words of a sentence without end.
func words(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "w%d", i)
	}
	return b.String()
}

// sentences writes n sentences of k words each.
func sentences(n, k int) string {
	return strings.TrimSuffix(strings.Repeat("S"+words(k)+". ", n), " ")
}

func lines(n int, line string) string {
	return strings.TrimSuffix(strings.Repeat(line+"\n", n), "\n")
}

// document reads a Markdown page with the real reader.
func document(t *testing.T, page string) knowledge.Document {
	t.Helper()
	r := text.Read("page.md", []byte(page))
	if r.State != knowledge.Indexed {
		t.Fatalf("the page was read as %s: %s", r.State, r.Reason)
	}
	return knowledge.Document{ID: "handbook/page.md", Version: knowledge.HashOf([]byte(r.Text)), Title: r.Title, Text: r.Text, Blocks: r.Blocks, Places: r.Places}
}

// shown is a passage as "heading > path: text", long texts by their ends.
func shown(p knowledge.Passage) string {
	s := p.Text
	if len(s) > 60 {
		s = s[:12] + "..." + s[len(s)-12:]
	}
	return strings.Join(p.Heading, " > ") + ": " + s
}

func TestCut(t *testing.T) {
	long := words(100)
	for _, c := range []struct {
		name, page string
		want       []string
	}{
		{"a heading opens a passage and is its path, not its text",
			"# Leave\n\nIntro.\n\n## Days\n\nThirty.\n\n### Part time\n\nFifteen.\n\n## Sick\n\nCall.\n",
			[]string{": Intro.", "Days: Thirty.", "Days > Part time: Fifteen.", "Sick: Call."}},
		{"a first heading that is not the title stays in the path",
			"---\ntitle: Holidays\n---\n# Leave\n\nIntro.\n\n## Days\n\nThirty.\n",
			[]string{"Leave: Intro.", "Leave > Days: Thirty."}},
		{"the title is said once, however often it is a heading of its own",
			"# Leave\n\n## Leave\n\nThirty.\n\n## Sick\n\n### Leave\n\nNone.\n",
			[]string{": Thirty.", "Sick > Leave: None."}},
		{"levels may be skipped and return",
			"# T\n\n#### Deep\n\nA.\n\n## Higher\n\nB.\n\n#### Deep\n\nC.\n",
			[]string{"Deep: A.", "Higher: B.", "Higher > Deep: C."}},
		{"a lonely heading is a passage",
			"# T\n\n## One\n\n## Two\n\n### Three\n\n## Four\n\nText.\n\n## Five\n",
			[]string{": One", "Two: Three", "Four: Text.", ": Five"}},
		{"the title alone",
			"# Only a title\n",
			[]string{": Only a title"}},
		{"paragraphs that fit are one passage",
			"# T\n\nOne.\n\nTwo.\n",
			[]string{": One.\n\nTwo."}},
		{"paragraphs that do not fit together are two",
			"# T\n\n" + long + "\n\n" + long + "\n",
			[]string{": w0 w1 w2 w3 ... w97 w98 w99", ": w0 w1 w2 w3 ... w97 w98 w99"}},
		{"a list that fits is not cut",
			"# T\n\n- one\n- two\n  - three\n",
			[]string{": one\n- two\n  - three"}},
		{"a table that fits is not cut",
			"# T\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n",
			[]string{": | a | b |\n|---|:-:|\n| 1 | 2 |"}},
		{"code that does not fit beside the paragraph moves as a whole",
			"# T\n\n" + long + "\n\n```go\nx := 1 // " + words(90) + "\n```\n",
			[]string{": w0 w1 w2 w3 ... w97 w98 w99", ": ```go\nx := 1... w88 w89\n```"}},
		{"an item that does not fit moves as a whole",
			"# T\n\n- " + long + "\n- " + long + "\n",
			[]string{": w0 w1 w2 w3 ... w97 w98 w99", ": w0 w1 w2 w3 ... w97 w98 w99"}},
		{"a comment is in no passage",
			"# T\n\nOne.\n\n<!-- hidden words -->\n\nTwo.\n",
			[]string{": One.", ": Two."}},
		{"signs of markup lose nothing",
			"# Languages\n\n## C#\n\nA.\n\n## F# {#f}\n\nB.\n\n## *Now*\n\nC.\n\nTwo\nlines\n---\n\nD.\n",
			[]string{"C#: A.", "F#: B.", "Now: C.", "Two lines: D."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := document(t, c.page)
			var got []string
			for _, p := range passage.Cut(d) {
				got = append(got, shown(p))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("passages (-want +got):\n%s", diff)
			}
			checkCut(t, d)
		})
	}
}

func TestCutLongBlocks(t *testing.T) {
	paragraph := func(s string) knowledge.Document {
		return knowledge.Document{Title: "T", Text: s, Blocks: []knowledge.Block{{End: len(s)}}}
	}
	for _, c := range []struct {
		name string
		text string
		want []int // words per passage; bytes where a passage is one word
		ends string
	}{
		{"exactly a passage", words(passage.Words), []int{180}, ""},
		{"at sentences", sentences(4, 70), []int{140, 140}, "."},
		{"a sentence alone is never cut where it fits", sentences(3, 100), []int{100, 100, 100}, "."},
		{"at lines", lines(5, words(80)), []int{160, 160, 80}, "w79"},
		{"at words", words(400), []int{180, 180, 40}, ""},
		{"a first line that is short", "one\n" + words(300), []int{1, 180, 120}, ""},
		{"without blanks", strings.Repeat("あ", 2000), []int{3600, 2400}, ""},
		{"without blanks, at sentences", strings.Repeat("日本語の文章はこうです。", 200), []int{3600, 3600}, "。"},
		{"a long word between others", "see " + strings.Repeat("x", 4000) + " there", []int{1, 3599, 2}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := paragraph(c.text)
			var got []int
			for _, p := range passage.Cut(d) {
				n := len(strings.Fields(p.Text))
				if n == 1 && p.End-p.Start > 100 {
					n = p.End - p.Start
				}
				got = append(got, n)
				if !strings.HasSuffix(p.Text, c.ends) {
					t.Errorf("a passage ends with %q, not with %q", p.Text[max(0, len(p.Text)-20):], c.ends)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("sizes (-want +got):\n%s", diff)
			}
			checkCut(t, d)
		})
	}
}

// A heading of any length may not be repeated in every passage below it.
func TestCutLongHeading(t *testing.T) {
	d := document(t, "# T\n\n## "+words(1000)+"\n\nBelow.\n\n## "+strings.Repeat("x", 5000)+"\n\nBelow too.\n")
	checkCut(t, d)
	for _, p := range passage.Cut(d) {
		if n := len(strings.Join(p.Heading, "")); n > 20*passage.Words {
			t.Errorf("a passage has %d bytes of headings", n)
		}
	}
}

func TestCutCarriesTheDocument(t *testing.T) {
	d := document(t, "# T\n\nOne.\n\n## Two\n\nThree.\n")
	d.Places = []knowledge.Place{{Start: 0, Name: "p. 1"}, {Start: strings.Index(d.Text, "Three"), Name: "p. 2"}}
	got := passage.Cut(d)
	if len(got) != 2 {
		t.Fatalf("%d passages", len(got))
	}
	at := strings.Index(d.Text, "Three.")
	want := knowledge.Passage{Document: d.ID, Version: d.Version, Title: "T", Heading: []string{"Two"}, Place: "p. 2", Start: at, End: at + 6, Text: "Three."}
	if diff := cmp.Diff(want, got[1]); diff != "" {
		t.Errorf("passage (-want +got):\n%s", diff)
	}
	if got[0].Place != "p. 1" || got[0].Heading != nil {
		t.Errorf("the first passage: %+v", got[0])
	}
	if p := passage.Cut(knowledge.Document{}); p != nil {
		t.Errorf("passages of an empty document: %v", p)
	}
}

// checkCut holds what is true of the passages of every document.
func checkCut(t *testing.T, d knowledge.Document) {
	t.Helper()
	covered := make([]int, len(d.Text))
	at := 0
	for i, p := range passage.Cut(d) {
		if p.Start < at || p.Start >= p.End || p.End > len(d.Text) {
			t.Fatalf("passage %d: span %d-%d after %d of %d", i, p.Start, p.End, at, len(d.Text))
		}
		at = p.End
		if p.Text != d.Text[p.Start:p.End] {
			t.Fatalf("passage %d: its text is not that of its span", i)
		}
		if !utf8.ValidString(p.Text) && utf8.ValidString(d.Text) {
			t.Fatalf("passage %d: %d-%d cuts a rune", i, p.Start, p.End)
		}
		if strings.TrimSpace(p.Text) == "" {
			t.Fatalf("passage %d is blank", i)
		}
		if n := len(strings.Fields(p.Text)); n > passage.Words {
			t.Fatalf("passage %d has %d words", i, n)
		}
		if n := len(p.Text); n > 20*passage.Words {
			t.Fatalf("passage %d has %d bytes", i, n)
		}
		for _, h := range p.Heading {
			if strings.Contains(h, "\n") {
				t.Fatalf("passage %d: heading %q", i, h)
			}
		}
		for k := p.Start; k < p.End; k++ {
			covered[k]++
		}
	}
	inBlock := make([]bool, len(d.Text))
	for _, b := range d.Blocks {
		for i, r := range d.Text[b.Start:b.End] {
			k := b.Start + i
			inBlock[k] = true
			if !unicode.IsSpace(r) && b.Kind != knowledge.Heading && covered[k] != 1 {
				t.Fatalf("byte %d (%q) of a %v is in %d passages", k, r, b.Kind, covered[k])
			}
		}
	}
	for i, r := range d.Text {
		if !inBlock[i] && unicode.IsLetter(r) && covered[i] > 0 {
			t.Fatalf("byte %d (%q) is in no block but in a passage", i, r)
		}
	}
}

// blocks makes a document out of lines: "#" is a heading of that level, "!"
// text in no block, "-" an item, "|" a row, four blanks code, others paragraphs;
// a line that ends in a backslash goes on in the next.
func blocks(s string) knowledge.Document {
	d := knowledge.Document{Title: "title", Text: s}
	start := 0
	for start < len(s) {
		end := start
		for {
			i := strings.IndexByte(s[end:], '\n')
			if i < 0 {
				end = len(s)
				break
			}
			end += i + 1
			if end < 2 || s[end-2] != '\\' {
				break
			}
		}
		b := knowledge.Block{Start: start, End: start + len(strings.TrimRightFunc(s[start:end], unicode.IsSpace))}
		line := s[b.Start:b.End]
		switch {
		case strings.HasPrefix(line, "#"):
			b.Kind, b.Level = knowledge.Heading, min(6, len(line)-len(strings.TrimLeft(line, "#")))
		case strings.HasPrefix(line, "-"):
			b.Kind, b.Level = knowledge.Item, 1
		case strings.HasPrefix(line, "|"):
			b.Kind = knowledge.Row
		case strings.HasPrefix(line, "    "):
			b.Kind = knowledge.Code
		}
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "!") {
			d.Blocks = append(d.Blocks, b)
		}
		start = end
	}
	return d
}

func FuzzCut(f *testing.F) {
	for _, s := range []string{
		"", "# title\none\n## two\n- three\n|four|\n    five\n", "# a\n# b\n## c\n", "one\n!hidden\ntwo\n",
		words(500), sentences(9, 50), lines(300, "- x"), strings.Repeat("あ", 5000), "# " + words(400) + "\nx",
		"a\\\nb\\\nc", lines(200, strings.Repeat("あ", 30)), lines(50, "- "+strings.Repeat("x", 200)), strings.Repeat(" ", 9000) + "x" + strings.Repeat("\t", 9000) + "\\\ny", "a\xff\xfe b", strings.Repeat("e\u0301", 3000),
		strings.Repeat("ab\\\n", 900), strings.Repeat("12345678901234567890123456789012345678。", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkCut(t, blocks(s))
		if utf8.ValidString(s) {
			if r := text.Read("x.md", []byte(s)); r.State == knowledge.Indexed {
				checkCut(t, knowledge.Document{Title: r.Title, Text: r.Text, Blocks: r.Blocks})
			}
		}
	})
}
