package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/measure"
	"groundwork/measure/exam"
	"groundwork/measure/judged"
)

// TestTuneWeights tries weights of the legs on the even half of the judged
// queries, never on the odd one, each against what the product uses:
// GROUNDWORK_TUNE names a home for the sets' stores. doc/bench/retrieval.md
// holds what came of it.
func TestTuneWeights(t *testing.T) {
	home := os.Getenv("GROUNDWORK_TUNE")
	if home == "" {
		t.Skip("a tool, not a test: GROUNDWORK_TUNE=HOME runs it")
	}
	e := naturalEncoder(t)
	a := &app{quiet: true, out: os.Stderr, err: os.Stderr}
	var sets []judged.Set
	var views []knowledge.View
	for _, name := range []string{"scifact", "sourcegraph_handbook", "18f_handbook"} {
		set, err := judged.Read("../../../shared/data/judged/" + name)
		if err != nil {
			t.Skipf("NOT RUN: %v", err)
		}
		d, err := a.examStore(t.Context(), home, set, false, e)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		sets, views = append(sets, set), append(views, sqlite.New(d).View(knowledge.Asker{Owner: true}))
	}
	// scores returns nDCG@10 by set.
	scores := func(s retrieval.Search) [][]float64 {
		var all [][]float64
		for i, set := range sets {
			x := exam.Exam{Set: set, Half: exam.Even, Search: func(ctx context.Context, query string, top int) ([]judged.Ranked, error) {
				s := s
				s.Question, s.Top, s.Encoder = query, 100, asEncoder(e)
				r, err := retrieval.Find(ctx, views[i], s)
				return byDocument(r, top), err
			}}
			graded, err := x.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			values := make([]float64, len(graded))
			for k, g := range graded {
				values[k] = g.Scores[exam.NDCG10]
			}
			all = append(all, values)
		}
		return all
	}
	try := func(name string, base [][]float64, s retrieval.Search) [][]float64 {
		x := scores(s)
		var mine, theirs []float64
		line := fmt.Sprintf("%-26s", name)
		for i := range x {
			line += fmt.Sprintf(" %.4f", measure.Mean(x[i]))
			mine = append(mine, x[i]...)
			if base != nil {
				theirs = append(theirs, base[i]...)
			}
		}
		line += fmt.Sprintf("  all %.4f", measure.Mean(mine))
		if base != nil {
			gain, low, high := measure.PairedBootstrap(mine, theirs, measure.Resamples, examSeed)
			line += fmt.Sprintf("  %+.4f [%+.4f, %+.4f]", gain, low, high)
		}
		t.Log(line)
		return x
	}
	vary := func(name string, w retrieval.Weights, leg string) {
		base := try(name, nil, retrieval.Search{Weights: w, Leg: leg})
		for _, v := range []struct {
			name  string
			value *float64
			other []float64
		}{
			{"passages", &w.Passages, []float64{0, .1, .4}}, {"titles", &w.Titles, []float64{0, .1, .3}}, {"words", &w.Words, []float64{0, .1, .3}},
			{"meaning", &w.Meaning, []float64{0, .35, .7}}, {"overlap", &w.Overlap, []float64{0, .1, .2, .3}}, {"second", &w.Second, []float64{0, .15, .4}},
		} {
			if leg == retrieval.Words && v.value == &w.Meaning {
				continue
			}
			was := *v.value
			for _, value := range v.other {
				*v.value = value
				try(fmt.Sprintf("%s %.2f instead of %.2f", v.name, value, was), base, retrieval.Search{Weights: w, Leg: leg})
			}
			*v.value = was
		}
	}
	vary("by words", retrieval.ByWords, retrieval.Words)
	if e == nil {
		t.Log("NOT RUN by meaning: no model in the binary, in GROUNDWORK_MODELS or in the cache")
		return
	}
	words := scores(retrieval.Search{Leg: retrieval.Words})
	try("meaning alone", words, retrieval.Search{Leg: retrieval.Meaning})
	try("fused", words, retrieval.Search{})
	vary("fused", retrieval.Default, retrieval.Fused)
}
