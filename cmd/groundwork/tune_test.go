package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"testing"

	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	"groundwork/measure/exam"
	"groundwork/measure/judged"
)

// tuning is one judged query with its legs, so that weights can be tried quickly.
type tuning struct {
	set       int
	legs      knowledge.Legs
	documents map[knowledge.PassageID]string
	relevant  map[string]int
	excluded  map[string]bool
}

// TestTuneWeights tries weights of the legs on the even half of the judged
// queries, never on the odd one: GROUNDWORK_TUNE names a home for the sets'
// stores. doc/bench/retrieval.md holds what came of it.
func TestTuneWeights(t *testing.T) {
	home := os.Getenv("GROUNDWORK_TUNE")
	if home == "" {
		t.Skip("a tool, not a test: GROUNDWORK_TUNE=HOME runs it")
	}
	sets := []string{"scifact", "sourcegraph_handbook", "18f_handbook"}
	var queries []tuning
	for i, name := range sets {
		queries = append(queries, tuningQueries(t, home, i, name)...)
	}
	type line struct {
		text string
		mean float64
	}
	var lines []line
	for _, p := range []float64{.3, .4, .5} {
		for _, titles := range []float64{.15, .25, .35} {
			for _, words := range []float64{.1, .2, .3} {
				for _, second := range []float64{0, .15, .3} {
					w := retrieval.Weights{Passages: p, Titles: titles, Words: words, Second: second}
					var sum, n [3]float64
					for _, q := range queries {
						sum[q.set] += q.ndcg(w)
						n[q.set]++
					}
					l := line{mean: (sum[0]/n[0] + sum[1]/n[1] + sum[2]/n[2]) / 3}
					l.text = fmt.Sprintf("%+v  scifact %.4f  sourcegraph %.4f  18f %.4f  mean of sets %.4f", w, sum[0]/n[0], sum[1]/n[1], sum[2]/n[2], l.mean)
					lines = append(lines, l)
				}
			}
		}
	}
	slices.SortFunc(lines, func(a, b line) int { return -cmp.Compare(a.mean, b.mean) })
	for _, l := range lines {
		t.Log(l.text)
	}
}

func tuningQueries(t *testing.T, home string, i int, name string) []tuning {
	t.Helper()
	set, err := judged.Read("../../../shared/data/judged/" + name)
	if err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	a := &app{quiet: true, out: os.Stderr, err: os.Stderr}
	d, err := a.examStore(t.Context(), home, set, false)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	view := sqlite.New(d).View(knowledge.Asker{Owner: true})
	var all []tuning
	for _, q := range set.Queries {
		if exam.HalfOf(q.ID) != exam.Even {
			continue
		}
		legs, err := view.Legs(t.Context(), knowledge.Query{Stems: term.Content(q.Text), Words: term.Words(q.Text)})
		if err != nil {
			t.Fatal(err)
		}
		x := tuning{set: i, legs: legs, documents: map[knowledge.PassageID]string{}, relevant: set.Relevant[q.ID], excluded: set.Excluded[q.ID]}
		var ids []knowledge.PassageID
		for _, hits := range [][]knowledge.Hit{legs.Passages, legs.Titles, legs.Words} {
			for _, h := range hits {
				ids = append(ids, h.Passage)
			}
		}
		passages, err := view.Passages(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range passages {
			x.documents[p.ID] = p.Document.Path()
		}
		all = append(all, x)
	}
	return all
}

func (q tuning) ndcg(w retrieval.Weights) float64 {
	var ranking []judged.Ranked
	seen := map[string]bool{}
	for _, r := range retrieval.Fuse(q.legs, w) {
		if d := q.documents[r.Passage]; !seen[d] {
			seen[d] = true
			ranking = append(ranking, judged.Ranked{Document: d, Score: r.Score})
		}
	}
	return judged.NDCG(judged.Without(ranking, q.excluded), q.relevant, 10)
}
