package main

import (
	"os"
	"slices"
	"testing"

	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/measure"
	"groundwork/measure/exam"
	"groundwork/measure/judged"
	"groundwork/model"
)

// TestRealMeaning measures search and answers with the real encoder. They share
// it, because their collections share most of their texts and each is encoded once.
// GROUNDWORK_TUNE=HOME keeps the vectors there.
func TestRealMeaning(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: quality of search and answers with a real model: make test-real runs it")
	}
	e := naturalEncoder(t)
	if e == nil {
		t.Skip("NOT RUN: quality of search and answers: no model in the binary, in GROUNDWORK_MODELS or in the cache")
	}
	t.Run("judged", func(t *testing.T) { realJudged(t, e) })
	t.Run("natural", func(t *testing.T) { realNatural(t, e) })
	t.Run("languages", func(t *testing.T) { realLanguages(t, e) })
}

// realJudged measures search on the judged sets by words, by meaning and by both.
// The floors are a little below what holds; doc/bench/retrieval.md has the figures.
func realJudged(t *testing.T, e model.Embedder) {
	home := os.Getenv("GROUNDWORK_TUNE")
	if home == "" {
		home = t.TempDir()
	}
	var fused, words []float64 // of all questions
	for _, s := range []struct {
		name  string
		floor float64 // of nDCG@10 on the odd half
	}{{"scifact", .735}, {"sourcegraph_handbook", .825}, {"18f_handbook", .86}} {
		if s.name == "scifact" && os.Getenv("GROUNDWORK_LONG") == "" {
			t.Log("NOT RUN: scifact, and the mean of all questions: GROUNDWORK_LONG=1 runs them")
			continue
		}
		set, err := judged.Read("../../../shared/data/judged/" + s.name)
		if err != nil {
			t.Skipf("NOT RUN: quality of search: %v", err)
		}
		d, err := (&app{quiet: true, out: os.Stderr, err: os.Stderr}).examStore(t.Context(), home, set, false, e)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		legs := map[string]float64{}
		for _, leg := range []string{retrieval.Words, retrieval.Meaning, retrieval.Fused} {
			graded, err := exam.Exam{Set: set, Half: exam.All, Search: documentSearch(sqlite.New(d).View(knowledge.Asker{Owner: true}), leg, e)}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			mean := func(half exam.Half, metric string) float64 {
				var values []float64
				for _, g := range graded {
					if half == exam.All || exam.HalfOf(g.Query.ID) == half {
						values = append(values, g.Scores[metric])
					}
				}
				return measure.Mean(values)
			}
			legs[leg] = mean(exam.All, exam.NDCG10)
			odd, recall := mean(exam.Odd, exam.NDCG10), mean(exam.Odd, exam.Recall100)
			t.Logf("%-20s %-8s nDCG@10 all %.4f even %.4f odd %.4f; recall@100 all %.4f odd %.4f", s.name, leg,
				legs[leg], mean(exam.Even, exam.NDCG10), odd, mean(exam.All, exam.Recall100), recall)
			for _, g := range graded {
				switch leg {
				case retrieval.Words:
					words = append(words, g.Scores[exam.NDCG10])
				case retrieval.Fused:
					fused = append(fused, g.Scores[exam.NDCG10])
				}
			}
			if leg == retrieval.Fused && (odd < s.floor || recall < .968) {
				t.Errorf("%s: nDCG@10 %.4f on the odd half, the floor is %.3f; recall@100 %.4f, the floor is .968", s.name, odd, s.floor, recall)
			}
		}
		if legs[retrieval.Fused] < slices.Max([]float64{legs[retrieval.Words], legs[retrieval.Meaning]}) {
			t.Errorf("%s: fused is below its better leg: %v", s.name, legs)
		}
	}
	gain, low, high := measure.PairedBootstrap(fused, words, measure.Resamples, examSeed)
	t.Logf("%d questions: fused %.4f, by words %.4f, gain %+.4f [%+.4f, %+.4f]", len(fused), measure.Mean(fused), measure.Mean(words), gain, low, high)
	if os.Getenv("GROUNDWORK_LONG") != "" && measure.Mean(fused) < .81 || gain < .02 || low < .01 {
		t.Error("below the floors: mean .81, gain .02, its interval above .01")
	}
}
