package main

import (
	"context"
	"os"
	"testing"

	"groundwork/knowledge"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	"groundwork/measure/exam"
	"groundwork/measure/judged"
)

// without is a view of a collection from which some documents are taken out,
// document frequencies included.
type without struct {
	knowledge.View
	documents map[int64]bool
	passages  int
	holding   map[string]int // of their passages, per stem of the question
}

func (w without) Legs(ctx context.Context, q knowledge.Query) (knowledge.Legs, error) {
	q.Top = 100 + len(w.documents)*20
	l, err := w.View.Legs(ctx, q)
	keep := func(hits []knowledge.Hit) []knowledge.Hit {
		var kept []knowledge.Hit
		for _, h := range hits {
			if !w.documents[h.Document] && len(kept) < 100 {
				kept = append(kept, h)
			}
		}
		return kept
	}
	l.Passages, l.Titles, l.Words = keep(l.Passages), keep(l.Titles), keep(l.Words)
	for stem, n := range w.holding {
		l.Known[stem] -= n
	}
	l.Visible -= w.passages
	return l, err
}

// TestRefusal asks each judged question twice: once with the pages that answer
// it in the collection, once without them (and without those that link there).
func TestRefusal(t *testing.T) {
	if os.Getenv("GROUNDWORK_LONG") == "" {
		t.Skip("NOT RUN: judged questions with and without their pages; GROUNDWORK_LONG=1 runs it")
	}
	for _, name := range []string{"sourcegraph_handbook", "18f_handbook"} {
		set, err := judged.Read("../../../shared/data/judged/" + name)
		if err != nil {
			t.Skipf("NOT RUN: %v", err)
		}
		a := &app{quiet: true, out: os.Stderr, err: os.Stderr}
		d, err := a.examStore(t.Context(), t.TempDir(), set, false)
		if err != nil {
			t.Fatal(err)
		}
		view := sqlite.New(d).View(knowledge.Asker{Owner: true})
		halves := map[exam.Half]*scored{exam.Even: {}, exam.Odd: {}}
		for _, q := range set.Queries {
			s := halves[exam.HalfOf(q.ID)]
			for _, answerable := range []bool{true, false} {
				v := knowledge.View(view)
				if !answerable {
					v = takeOut(t, view, set, q)
				}
				x, err := writer(v).Answer(t.Context(), knowledge.Question{Text: q.Text}, nil)
				if err != nil {
					t.Fatal(err)
				}
				s.confidence = append(s.confidence, confident{x.Confidence, answerable, q.ID})
			}
		}
		for _, half := range []exam.Half{exam.Even, exam.Odd} {
			s := halves[half]
			low, high := s.interval()
			t.Logf("%s, %s half: %d questions asked twice, AUROC %.3f [%.3f, %.3f]", name, half, len(s.confidence)/2, auroc(s.confidence), low, high)
			s.curve(t)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// takeOut makes the view without the pages that are judged right, and without
// those the set excludes because they name the page in the question's words.
func takeOut(t *testing.T, view knowledge.View, set judged.Set, q judged.Query) without {
	t.Helper()
	ctx := t.Context()
	w := without{View: view, documents: map[int64]bool{}, holding: map[string]int{}}
	stems := term.Content(q.Text)
	legs, err := view.Legs(ctx, knowledge.Query{Stems: stems, Words: term.Words(q.Text), Top: 2000})
	if err != nil {
		t.Fatal(err)
	}
	for _, hits := range [][]knowledge.Hit{legs.Passages, legs.Titles, legs.Words} {
		for _, h := range hits {
			if w.documents[h.Document] {
				continue
			}
			ps, err := view.Passages(ctx, []knowledge.PassageID{h.Passage})
			if err != nil || len(ps) != 1 {
				t.Fatal(len(ps), err)
			}
			if p := ps[0].Document.Path(); set.Relevant[q.ID][p] > 0 || set.Excluded[q.ID][p] {
				w.documents[h.Document] = true
			}
		}
	}
	var ids []knowledge.PassageID
	for _, h := range legs.Passages {
		if w.documents[h.Document] {
			ids = append(ids, h.Passage)
		}
	}
	passages, err := view.Passages(ctx, ids)
	if err != nil {
		t.Fatal(err)
	}
	w.passages = len(passages)
	for _, p := range passages {
		has := map[string]bool{}
		text := p.Title + "\n" + p.Text
		for _, h := range p.Heading {
			text += "\n" + h
		}
		for _, s := range term.Stems(text) {
			has[s] = true
		}
		for _, s := range stems {
			if has[s] {
				w.holding[s]++
				has[s] = false // a stem that stands twice in the question counts once
			}
		}
	}
	return w
}
