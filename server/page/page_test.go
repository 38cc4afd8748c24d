package page_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/server/page"

	"github.com/google/go-cmp/cmp"
)

// hostile is what a document may say: markup, controls, direction overrides.
const hostile = "<script>alert(1)</script>\u202e\x1b[31m\"'><img src=x onerror=alert(2)>\u2066{{.}}\x01\x02"

// Nothing that a document says becomes markup, on any page.
func TestHostileText(t *testing.T) {
	cited := knowledge.Cited{Citation: knowledge.Citation{Pointer: knowledge.Pointer{Document: "s/" + hostile, Version: "01234567", Start: 1, End: 9}, Quote: hostile},
		Title: hostile, Heading: []string{hostile}, Place: hostile, State: knowledge.Holds}
	found := knowledge.Found{Passage: knowledge.Passage{Document: "s/" + hostile, Title: hostile, Heading: []string{hostile}, Place: hostile, Text: hostile}}
	a := knowledge.Answer{Question: hostile, Answered: true, Refusal: hostile, Warnings: []string{hostile}, Nearest: []knowledge.Found{found},
		Sentences: []knowledge.Sentence{{Text: hostile, Support: knowledge.Quoted, Citations: []knowledge.Cited{cited}, Marks: [][2]int{{0, 8}}}},
		Conflicts: []knowledge.Conflict{{Kind: knowledge.Contradiction, Newer: cited, Older: cited}}}
	refused := a
	refused.Answered, refused.Sentences, refused.Conflicts = false, nil, nil
	d := knowledge.Document{ID: "s/" + hostile, Title: hostile, Text: hostile}
	for name, write := range map[string]func(*strings.Builder) error{
		"answer":  func(b *strings.Builder) error { return page.Answer(b, a) },
		"refusal": func(b *strings.Builder) error { return page.Answer(b, refused) },
		"excerpt": func(b *strings.Builder) error {
			return page.Excerpt(b, knowledge.Excerpt{State: knowledge.Holds, Start: 0, End: len(hostile), Document: d, Heading: []string{hostile}, Place: hostile, Citation: cited.Citation}, hostile)
		},
		"changed": func(b *strings.Builder) error {
			return page.Excerpt(b, knowledge.Excerpt{State: knowledge.Changed, Document: d, Citation: cited.Citation}, hostile)
		},
		"problem": func(b *strings.Builder) error {
			return page.Problem(b, "There is a problem", hostile, hostile, hostile)
		},
		"piece": func(b *strings.Builder) error {
			s, err := page.NewStream(hostile).Sentence(a.Sentences[0])
			b.WriteString(s)
			return err
		},
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		s := b.String()
		if strings.Contains(s, "<script>") || strings.Contains(s, "<img") || !strings.Contains(s, "alert(1)") {
			t.Errorf("%s:\n%s", name, s)
		}
		for _, r := range s {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u202e' || r == '\u2066' {
				t.Errorf("%s holds %U", name, r)
			}
		}
	}
}

// A sentence looks alike when it comes and when it stands; a replaced page is
// shown below the sentence that replaces it, once.
func TestAnswer(t *testing.T) {
	day := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	cite := func(path string, start int) knowledge.Cited {
		return knowledge.Cited{Citation: knowledge.Citation{Pointer: knowledge.Pointer{Document: knowledge.DocumentID("h/" + path), Version: "01234567", Start: start, End: start + 5}, Quote: "was 110"},
			Title: path, Date: day, Dated: true, State: knowledge.Holds}
	}
	a := knowledge.Answer{Question: "how much?", Answered: true, Sentences: []knowledge.Sentence{
		{Text: "**135 euro** a night", Support: knowledge.Quoted, Citations: []knowledge.Cited{cite("a.md", 0)}, Marks: [][2]int{{2, 5}}},
		{Text: "| city | limit |\n|---|---|\n| Rome | 170 |", Support: knowledge.Quoted, Citations: []knowledge.Cited{cite("a.md", 0), cite("b.md", 7)}, Marks: [][2]int{{29, 33}}},
	}, Conflicts: []knowledge.Conflict{{Kind: knowledge.Replaced, Newer: cite("a.md", 0), Older: cite("old.md", 3)}}}
	var b strings.Builder
	if err := page.Answer(&b, a); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	st := page.NewStream(a.Question)
	for i, s := range a.Sentences {
		piece, err := st.Sentence(s)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 { // its conflict is known only at the end
			piece = strings.TrimSuffix(strings.TrimSpace(piece), "</section>")
		}
		if !strings.Contains(whole, strings.TrimSpace(piece)) {
			t.Errorf("sentence %d looks different alone:\n%s\nand in\n%s", i, piece, whole)
		}
	}
	end, err := st.Answer(a)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(whole, strings.TrimSpace(end)) {
		t.Errorf("the end of the stream is not the page's article:\n%s", end)
	}
	for _, want := range []string{`<b>135</b> euro a night`, `<td> city </td>`, `<td> <b>Rome</b> </td>`, `<span class="number">2</span> <bdi>b.md</bdi></a>, dated 2026-01-15`, `pointer=h%2fa.md%4001234567%230-5`} {
		if !strings.Contains(whole, want) {
			t.Errorf("%q is not in\n%s", want, whole)
		}
	}
	if n := strings.Count(whole, "Replaces an older page"); n != 1 {
		t.Errorf("the replaced page is shown %d times", n)
	}
	if n := strings.Count(whole, `<span class="number">1</span>`); n != 2 {
		t.Errorf("one pointer has number 1 in %d places, not 2", n)
	}
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
	}{
		{"| a | b |\n| c | |", "[a][b]/[c][]"},
		{"| a |", "[a]"},
		{"a | b", "none"},
		{"| a | b |\nand more", "none"},
		{"||", "[]"},
		{"", "none"},
	} {
		got := "none"
		if rows := page.Rows(page.Pieces(c.text, nil)); rows != nil {
			got = ""
			for i, row := range rows {
				if i > 0 {
					got += "/"
				}
				for _, cell := range row {
					got += "["
					for _, p := range cell {
						got += strings.TrimSpace(p.Text)
					}
					got += "]"
				}
			}
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestSurroundings(t *testing.T) {
	text := "first\nsecond line\nthird\nfourth"
	from, to := page.Surroundings(text, 6, 12, 0)
	if got := text[from:to]; got != "second line" {
		t.Errorf("%q", got)
	}
	from, to = page.Surroundings(text, 6, 12, 8)
	if got := text[from:to]; got != "first\nsecond line\nthird" {
		t.Errorf("%q", got)
	}
}

func TestPieces(t *testing.T) {
	got := page.Pieces("see [the **page**](x.md) of Rome", [][2]int{{11, 15}, {28, 32}})
	want := []page.Piece{{Text: "see the "}, {Text: "page", Marked: true}, {Text: " of "}, {Text: "Rome", Marked: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever is marked, no word is invented or turned round, and no control sign is left.
func FuzzPieces(f *testing.F) {
	f.Add("135 **euro** per [night](x.md)\n|---|\n| a | b |", 0, 3, 4, 12)
	f.Add(hostile, 1, 2, 3, 4)
	f.Fuzz(func(t *testing.T, text string, a, b, c, d int) {
		text = strings.ToValidUTF8(text, "")
		var marks [][2]int
		at := 0
		for _, m := range [][2]int{{a, b}, {c, d}} {
			if at <= m[0] && m[0] < m[1] && m[1] <= len(text) && utf8.RuneStart(text[m[0]]) && (m[1] == len(text) || utf8.RuneStart(text[m[1]])) {
				marks, at = append(marks, m), m[1]
			}
		}
		rest := text
		for _, p := range page.Pieces(text, marks) {
			if p.Text == "" || page.Clean(p.Text) != p.Text {
				t.Fatalf("piece %q of %q", p.Text, text)
			}
			for _, r := range p.Text {
				if unicode.IsSpace(r) {
					continue
				}
				i := strings.IndexRune(rest, r)
				if i < 0 {
					t.Fatalf("%q is not in order in %q", r, text)
				}
				rest = rest[i+len(string(r)):]
			}
		}
	})
}

// A refusal says in its heading whether the passages below may be the answer.
func TestGradesAreTold(t *testing.T) {
	a := knowledge.Answer{Question: "q", Refusal: "r", Nearest: []knowledge.Found{{Passage: knowledge.Passage{Document: "s/a", Title: "A", Text: "words"}}}}
	for grade, want := range map[knowledge.Grade]string{knowledge.MayAnswer: "<h2>This may be it</h2>", knowledge.NotFound: "<h2>Nearest passages</h2>"} {
		a.Grade = grade
		var b strings.Builder
		if err := page.Answer(&b, a); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: no %s in\n%s", grade, want, b.String())
		}
	}
}
