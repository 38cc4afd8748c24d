package main

import (
	"cmp"
	"context"
	"math"
	"os"
	"slices"
	"testing"

	"groundwork/knowledge"
	"groundwork/knowledge/answer"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	"groundwork/measure/exam"
	"groundwork/measure/judged"
	"groundwork/model"
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
	top := cmp.Or(q.Top, 100)
	q.Top = top + len(w.documents)*20
	l, err := w.View.Legs(ctx, q)
	keep := func(hits []knowledge.Hit) []knowledge.Hit {
		var kept []knowledge.Hit
		for _, h := range hits {
			if !w.documents[h.Document] && len(kept) < top {
				kept = append(kept, h)
			}
		}
		return kept
	}
	l.Passages, l.Titles, l.Words, l.Meaning = keep(l.Passages), keep(l.Titles), keep(l.Words), keep(l.Meaning)
	for stem, n := range w.holding {
		if _, asked := l.Known[stem]; asked {
			l.Known[stem] -= n
		}
	}
	l.Visible -= w.passages
	l.Encoded = max(0, l.Encoded-w.passages)
	return l, err
}

// TestRefusal asks each judged question twice: once with the pages that answer
// it in the collection, once without them (and without those that link there); by
// words, and by meaning where there is a model.
func TestRefusal(t *testing.T) {
	if os.Getenv("GROUNDWORK_LONG") == "" {
		t.Skip("NOT RUN: judged questions with and without their pages; GROUNDWORK_LONG=1 runs it")
	}
	home := cmp.Or(os.Getenv("GROUNDWORK_TUNE"), t.TempDir())
	e := naturalEncoder(t)
	for _, name := range []string{"sourcegraph_handbook", "18f_handbook"} {
		set, err := judged.Read("../../../shared/data/judged/" + name)
		if err != nil {
			t.Skipf("NOT RUN: %v", err)
		}
		words := refusals(t, home, set, nil)
		if e == nil {
			t.Log("NOT RUN by meaning: no model in the binary, in GROUNDWORK_MODELS or in the cache")
			continue
		}
		meaning := refusals(t, home, set, e)
		for _, half := range []exam.Half{exam.Even, exam.Odd} {
			w, m := words[half], meaning[half]
			low, high := m.interval()
			t.Logf("%s, %s half: %d questions asked twice, AUROC by words %.3f, by meaning %.3f [%.3f, %.3f]", name, half, m.n, auroc(w.confidence), auroc(m.confidence), low, high)
			for _, g := range []knowledge.Grade{knowledge.Answers, knowledge.MayAnswer, knowledge.NotFound} {
				t.Logf("  %s by meaning: %d with their pages, %d without", g, m.grades[g].right, m.grades[g].nowhere)
			}
			m.curve(t, *w)
			if auroc(m.confidence) < auroc(w.confidence) {
				t.Errorf("%s, %s half: meaning tells them apart worse than words", name, half)
			}
		}
	}
}

func refusals(t *testing.T, home string, set judged.Set, e model.Embedder) map[exam.Half]*scored {
	t.Helper()
	a := &app{quiet: true, out: os.Stderr, err: os.Stderr}
	d, err := a.examStore(t.Context(), home, set, false, e)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	view := sqlite.New(d).View(knowledge.Asker{Owner: true})
	halves := map[exam.Half]*scored{exam.Even: newScored(), exam.Odd: newScored()}
	for _, q := range set.Queries {
		s := halves[exam.HalfOf(q.ID)]
		s.n++
		for _, answerable := range []bool{true, false} {
			v := knowledge.View(view)
			if !answerable {
				v = takeOut(t, view, e, q.Text, func(path string) bool { return set.Relevant[q.ID][path] > 0 || set.Excluded[q.ID][path] })
			}
			x, err := writer(v, e).Answer(t.Context(), knowledge.Question{Text: q.Text}, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.confidence = append(s.confidence, confident{x.Confidence, answerable, q.ID})
			if answerable {
				s.grades[x.Grade].right++
			} else {
				s.nowhere++
				s.grades[x.Grade].nowhere++
			}
		}
	}
	return halves
}

// takeOut makes the view without the pages of some paths, as far as the question
// finds them.
func takeOut(t *testing.T, view knowledge.View, e model.Embedder, question string, out func(path string) bool) without {
	t.Helper()
	ctx := t.Context()
	w := without{View: view, documents: map[int64]bool{}, holding: map[string]int{}}
	stems := term.Content(question)
	legs, err := view.Legs(ctx, knowledge.Query{Stems: stems, Words: term.Words(question), Top: 2000})
	if err != nil {
		t.Fatal(err)
	}
	found := [][]knowledge.Hit{legs.Passages, legs.Titles, legs.Words}
	if e != nil {
		vectors, _, err := e.Embed(ctx, model.Question, []string{question})
		if err != nil {
			t.Fatal(err)
		}
		byMeaning, err := view.Legs(ctx, knowledge.Query{Vector: vectors[0], Mark: e.Mark(), Top: 2000})
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, byMeaning.Meaning)
	}
	of := map[knowledge.PassageID]int64{} // one passage of each document
	met := map[int64]bool{}
	var firsts []knowledge.PassageID
	for _, h := range slices.Concat(found...) {
		if !met[h.Document] {
			met[h.Document], of[h.Passage] = true, h.Document
			firsts = append(firsts, h.Passage)
		}
	}
	passages, err := view.Passages(ctx, firsts)
	if err != nil || len(passages) != len(firsts) {
		t.Fatal(len(passages), len(firsts), err)
	}
	for _, p := range passages {
		if out(p.Document.Path()) {
			w.documents[of[p.ID]] = true
		}
	}
	var ids []knowledge.PassageID
	for _, h := range legs.Passages {
		if w.documents[h.Document] {
			ids = append(ids, h.Passage)
		}
	}
	if passages, err = view.Passages(ctx, ids); err != nil {
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

// signals are what a confidence by meaning is made of.
type signals struct {
	x          [3]float64 // the confidence by words, the nearest unit's cosine, Ranking.Apart
	answerable bool
	weight     float64
}

// TestFitConfidence prints the weights of an encoder's answer.Mix: a logistic
// regression (ridge, Newton's method) on the tuning half of the natural questions,
// which are put a second time without their pages, and count half then.
func TestFitConfidence(t *testing.T) {
	if os.Getenv("GROUNDWORK_TUNE") == "" {
		t.Skip("a tool, not a test: GROUNDWORK_TUNE=HOME runs it")
	}
	e := naturalEncoder(t)
	if e == nil {
		t.Skip("NOT RUN: no model")
	}
	var all []signals
	for _, name := range everywhere {
		view := naturalStore(t, name, e).View(knowledge.Asker{Owner: true})
		for _, q := range naturalQuestions(t, "natural", name, "tune") {
			all = append(all, signals{signalsOf(t, view, e, q.Question), len(q.Pages) > 0, 1})
			if len(q.Pages) > 0 {
				v := takeOut(t, view, e, q.Question, func(path string) bool { return slices.Contains(q.Pages, path) })
				all = append(all, signals{signalsOf(t, v, e, q.Question), false, .5})
			}
		}
	}
	w := fit(all, 3)
	usual, n := 0., 0.
	for _, s := range all {
		if s.weight == 1 {
			usual, n = usual+s.x[2], n+1
		}
	}
	t.Logf("%s: Mix{Base: %.2f, Words: %.2f, Nearest: %.2f, Apart: %.2f, Usual: %.2f} from %d questions", e.Mark(), w[3], w[0], w[1], w[2], usual/n, len(all))
	for th := .1; th < .9; th += .05 {
		var yes, no, removed int
		for _, s := range all {
			if 1/(1+math.Exp(-s.of(w))) < th {
				continue
			}
			switch {
			case s.answerable:
				yes++
			case s.weight == 1:
				no++
			default:
				removed++
			}
		}
		t.Logf("  from %.2f: %d answerable, %d nowhere, %d without their pages", th, yes, no, removed)
	}
}

func (s signals) of(w [4]float64) float64 {
	return w[0]*s.x[0] + w[1]*s.x[1] + w[2]*s.x[2] + w[3]
}

// signalsOf reads the signals off the confidence of three mixes that each pass one.
func signalsOf(t *testing.T, view knowledge.View, e model.Embedder, question string) (x [3]float64) {
	t.Helper()
	for i, mix := range []answer.Mix{{Words: 1}, {Nearest: 1}, {Apart: 1}} {
		w := writer(view, e)
		w.Mix = mix
		a, err := w.Answer(t.Context(), knowledge.Question{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		x[i] = math.Log(a.Confidence / (1 - a.Confidence))
	}
	return x
}

// fit is a weighted logistic regression on standardised signals with a ridge
// penalty; it returns the weights of the signals as they are, and the base.
func fit(all []signals, ridge float64) (w [4]float64) {
	var mean, deviation [3]float64
	for k := range 3 {
		for _, s := range all {
			mean[k] += s.x[k] / float64(len(all))
		}
		for _, s := range all {
			deviation[k] += (s.x[k] - mean[k]) * (s.x[k] - mean[k]) / float64(len(all))
		}
		deviation[k] = math.Sqrt(deviation[k])
	}
	var b [4]float64
	for range 50 {
		var slope [4]float64
		var curvature [4][5]float64 // the last column is the slope
		for _, s := range all {
			z := [4]float64{3: 1}
			for k := range 3 {
				z[k] = (s.x[k] - mean[k]) / deviation[k]
			}
			p := 1 / (1 + math.Exp(-(z[0]*b[0] + z[1]*b[1] + z[2]*b[2] + b[3])))
			y := 0.
			if s.answerable {
				y = 1
			}
			for i := range 4 {
				slope[i] += s.weight * (p - y) * z[i]
				for k := range 4 {
					curvature[i][k] += s.weight * p * (1 - p) * z[i] * z[k]
				}
			}
		}
		for i := range 4 {
			if i < 3 {
				slope[i] += ridge * b[i]
				curvature[i][i] += ridge
			}
			curvature[i][4] = slope[i]
		}
		for i := range 4 { // Gauss and Jordan; the matrix is positive definite
			for k := range 4 {
				if k == i {
					continue
				}
				f := curvature[k][i] / curvature[i][i]
				for c := i; c < 5; c++ {
					curvature[k][c] -= f * curvature[i][c]
				}
			}
		}
		for i := range 4 {
			b[i] -= curvature[i][4] / curvature[i][i]
		}
	}
	w[3] = b[3]
	for k := range 3 {
		w[k] = b[k] / deviation[k]
		w[3] -= w[k] * mean[k]
	}
	return w
}
