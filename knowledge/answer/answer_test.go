package answer_test

import (
	"context"
	"path"
	"slices"
	"strings"
	"testing"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/answer"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/text"
)

// collection makes a store of pages: path to Markdown.
func collection(t *testing.T, pages map[string]string) *sqlite.Store {
	t.Helper()
	d, err := db.Open(t.Context(), t.TempDir(), sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	s := sqlite.New(d)
	for p, body := range pages {
		put(t, s, p, body)
	}
	return s
}

func put(t *testing.T, s *sqlite.Store, p, body string) {
	t.Helper()
	r := text.Read(p, []byte(body))
	doc := knowledge.Document{ID: knowledge.ID("h", p), Version: knowledge.HashOf([]byte(r.Text)), Title: r.Title, Text: r.Text, Blocks: r.Blocks, Dated: r.Dated,
		Readers: knowledge.Readers{Everyone: true}}
	if r.Readers != nil {
		doc.Readers = *r.Readers
	}
	for _, older := range r.Replaces {
		doc.Replaces = append(doc.Replaces, knowledge.ID("h", path.Join(path.Dir(p), older)))
	}
	for _, newer := range r.Replaced {
		doc.Replaced = append(doc.Replaced, knowledge.ID("h", path.Join(path.Dir(p), newer)))
	}
	if err := s.Apply(t.Context(), knowledge.Change{Document: &doc, Passages: passage.Cut(doc),
		Entry: knowledge.Entry{Source: "h", Path: p, State: knowledge.Indexed, Version: doc.Version, Readers: doc.Readers}}); err != nil {
		t.Fatal(err)
	}
}

func writer(s *sqlite.Store, asker knowledge.Asker) answer.Writer {
	view := s.View(asker)
	return answer.Writer{View: view, Retrieve: func(ctx context.Context, question string, top int) (knowledge.Ranking, error) {
		return retrieval.Find(ctx, view, retrieval.Search{Question: question, Top: top})
	}}
}

func ask(t *testing.T, s *sqlite.Store, asker knowledge.Asker, question string) knowledge.Answer {
	t.Helper()
	var parts []knowledge.Sentence
	a, err := writer(s, asker).Answer(t.Context(), knowledge.Question{Text: question}, func(p knowledge.Part) {
		if p.Sentence != nil {
			parts = append(parts, *p.Sentence)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) != len(a.Sentences) {
		t.Errorf("%d sentences were emitted, the answer has %d", len(parts), len(a.Sentences))
	}
	for _, s := range a.Sentences {
		for _, c := range s.Citations {
			if c.State != knowledge.Holds || c.Quote == "" {
				t.Errorf("shown with state %s: %q", c.State, c.Quote)
			}
		}
	}
	return a
}

var lena = knowledge.Asker{Name: "lena"}

const (
	oldLimit = "---\ntitle: Hotel limits 2023\ndate: 2023-02-01\n---\n# Hotel limits 2023\n\nA hotel may cost 110 euro a night.\n"
	newLimit = "---\ntitle: Hotel limits\ndate: 2026-01-15\n---\n# Hotel limits\n\nThis page replaces [Hotel limits 2023](hotel-2023.md).\n\nA hotel may cost 135 euro a night.\n"
)

func TestNewerRuleAnswers(t *testing.T) {
	s := collection(t, map[string]string{"travel/hotel-2023.md": oldLimit, "travel/hotel.md": newLimit, "travel/train.md": "# Trains\n\nSecond class.\n"})
	a := ask(t, s, lena, "what may a hotel cost a night?")
	if !a.Answered || !strings.Contains(a.Sentences[0].Text, "135 euro") {
		t.Fatalf("answered %v: %+v", a.Answered, a.Sentences)
	}
	if slices.ContainsFunc(a.Sentences, func(s knowledge.Sentence) bool { return strings.Contains(s.Text, "110") }) {
		t.Error("the replaced rule is shown as an answer")
	}
	if len(a.Conflicts) != 1 || a.Conflicts[0].Kind != knowledge.Replaced || !strings.Contains(a.Conflicts[0].Older.Quote, "110 euro") || a.Conflicts[0].Older.Date.Year() != 2023 {
		t.Errorf("conflicts: %+v", a.Conflicts)
	}
}

// Who may not read the newer rule gets the older one, as if there were no other.
func TestNewerRuleForOthersOnly(t *testing.T) {
	hidden := strings.Replace(newLimit, "title:", "readers: [board]\ntitle:", 1)
	s := collection(t, map[string]string{"travel/hotel-2023.md": oldLimit, "travel/hotel.md": hidden, "travel/train.md": "# Trains\n\nSecond class.\n"})
	a := ask(t, s, lena, "what may a hotel cost a night?")
	if !a.Answered || !strings.Contains(a.Sentences[0].Text, "110 euro") || len(a.Conflicts) != 0 {
		t.Errorf("lena: %v %+v %+v", a.Answered, a.Sentences, a.Conflicts)
	}
	a = ask(t, s, knowledge.Asker{Name: "bo", Groups: []knowledge.Group{"board"}}, "what may a hotel cost a night?")
	if !a.Answered || !strings.Contains(a.Sentences[0].Text, "135 euro") || len(a.Conflicts) != 1 {
		t.Errorf("board: %+v %+v", a.Sentences, a.Conflicts)
	}
}

func TestRowWithItsHead(t *testing.T) {
	s := collection(t, map[string]string{"pay.md": "# Pay bands\n\nBy level.\n\n| Level | From | Middle |\n|---|---|---|\n| 1 | 29,400 | 31,200 |\n| 2 | 33,000 | 36,300 |\n| 3 | 38,900 | 43,800 |\n| 4 | 47,300 | 54,100 |\n",
		"other.md": "# Other\n\nSome other page about levels of noise.\n"})
	a := ask(t, s, lena, "what is the pay band for level 4?")
	if !a.Answered || !strings.Contains(a.Sentences[0].Text, "54,100") || !strings.Contains(a.Sentences[0].Text, "| Level | From | Middle |") || strings.Contains(a.Sentences[0].Text, "36,300") {
		t.Errorf("%+v", a.Sentences)
	}
}

func TestRefusals(t *testing.T) {
	s := collection(t, map[string]string{"a.md": "# Passwords\n\nA password has 14 characters.\n", "b.md": "# Guests\n\nGuests sign the register at gate 1.\n"})
	a := ask(t, s, lena, "what is the wifi password for the football stadium?")
	if a.Answered || a.Refusal == "" || len(a.Nearest) == 0 || len(a.Sentences) != 0 || len(a.Conflicts) != 0 {
		t.Errorf("%+v", a)
	}
	if a := ask(t, s, lena, "zzz qqq"); a.Answered || a.Refusal != "No page that you may read holds any of the question's words." {
		t.Errorf("%+v", a)
	}
	if a := ask(t, s, lena, "how many moons does Jupiter have?"); a.Answered || len(a.Nearest) != 0 || a.Refusal != "No page that you may read holds any of the question's words." {
		t.Errorf("found by grammar alone: %+v", a)
	}
	if a := ask(t, s, knowledge.Asker{}, "how long is a password?"); a.Answered || a.Refusal != "Nothing that you may read is indexed here yet." {
		t.Errorf("nobody: %+v", a)
	}
	if _, err := writer(s, lena).Answer(t.Context(), knowledge.Question{Text: " "}, nil); fault.KindOf(err) != fault.Input {
		t.Errorf("empty question: %v", err)
	}
	if _, err := writer(s, lena).Answer(t.Context(), knowledge.Question{Text: "x", Model: "big"}, nil); fault.KindOf(err) != fault.Missing {
		t.Errorf("unknown model: %v", err)
	}
}

// The same text on several pages is one sentence that names them all, but never
// a page the asker may not read.
func TestCopiesAreFolded(t *testing.T) {
	const page = "# Doors\n\nDoors of the cold store stay open for 15 minutes at most.\n"
	s := collection(t, map[string]string{"a/doors.md": page, "b/doors.md": page, "c/doors.md": "---\nreaders: [board]\n---\n" + page, "d.md": "# Trains\n\nSecond class.\n"})
	for _, x := range []struct {
		asker knowledge.Asker
		also  int
	}{{lena, 1}, {knowledge.Asker{Name: "bo", Groups: []knowledge.Group{"board"}}, 2}} {
		a := ask(t, s, x.asker, "how long may doors of the cold store stay open?")
		if len(a.Sentences) != 1 || len(a.Sentences[0].Also) != x.also || len(a.Conflicts) != 0 {
			t.Errorf("%s: %+v", x.asker.Name, a.Sentences)
		}
		for _, s := range a.Sentences {
			for _, c := range s.Also {
				if c.State != knowledge.Holds || c.Quote != s.Text || c.Document == s.Citations[0].Document {
					t.Errorf("also: %+v", c)
				}
			}
		}
	}
}

// A page that changes between search and answer is never quoted as it was.
func TestChangedMeanwhile(t *testing.T) {
	s := collection(t, map[string]string{"leave.md": "# Leave\n\nEverybody has 28 days of leave.\n", "b.md": "# Guests\n\nGuests sign.\n"})
	w := writer(s, lena)
	find := w.Retrieve
	w.Retrieve = func(ctx context.Context, question string, top int) (knowledge.Ranking, error) {
		r, err := find(ctx, question, top)
		put(t, s, "leave.md", "# Leave\n\nEverybody has 30 days of leave.\n")
		return r, err
	}
	a, err := w.Answer(t.Context(), knowledge.Question{Text: "how many days of leave?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.Answered {
		t.Errorf("answered from a version that is no more: %+v", a.Sentences)
	}
}
