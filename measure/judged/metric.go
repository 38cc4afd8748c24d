package judged

import (
	"maps"
	"math"
	"slices"
)

// Ranked is a document of a ranking; the higher the score, the better.
type Ranked struct {
	Document string
	Score    float64
}

// Without returns the ranking without what is excluded and without repetitions
// of a document, in order: what may be scored.
func Without(ranking []Ranked, excluded map[string]bool) []Ranked {
	seen := make(map[string]bool, len(ranking))
	kept := make([]Ranked, 0, len(ranking))
	for _, r := range ranking {
		if !excluded[r.Document] && !seen[r.Document] {
			seen[r.Document] = true
			kept = append(kept, r)
		}
	}
	return kept
}

// NDCG returns the normalised discounted cumulative gain of the first k: the
// sum of grade / log2(rank + 1), divided by the same sum over the best possible
// ranking (Järvelin and Kekäläinen 2002, with trec_eval's discount and gain).
// Where every grade is 1 the gains are binary. From 0 to 1; 0 when nothing is
// relevant.
func NDCG(ranking []Ranked, relevant map[string]int, k int) float64 {
	discount := func(i int) float64 { return 1 / math.Log2(float64(i+2)) }
	gained := 0.0
	for i, r := range ranking[:min(k, len(ranking))] {
		gained += float64(relevant[r.Document]) * discount(i)
	}
	best := 0.0
	ideal := slices.Sorted(maps.Values(relevant))
	slices.Reverse(ideal)
	for i, grade := range ideal[:min(k, len(ideal))] {
		best += float64(grade) * discount(i)
	}
	if best == 0 {
		return 0
	}
	return gained / best
}

// Recall returns the share of the relevant documents that stand among the first
// k. From 0 to 1; 0 when nothing is relevant.
func Recall(ranking []Ranked, relevant map[string]int, k int) float64 {
	if len(relevant) == 0 {
		return 0
	}
	found := 0
	for _, r := range ranking[:min(k, len(ranking))] {
		if relevant[r.Document] > 0 {
			found++
		}
	}
	return float64(found) / float64(len(relevant))
}

// ReciprocalRank returns 1 / rank of the first relevant document among the
// first k, 0 when none is. Its mean over queries is MRR@k.
func ReciprocalRank(ranking []Ranked, relevant map[string]int, k int) float64 {
	for i, r := range ranking[:min(k, len(ranking))] {
		if relevant[r.Document] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}
