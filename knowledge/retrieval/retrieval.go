// Package retrieval finds the passages a question needs.
//
// It asks the asker's View once, fuses the legs by a weighted sum of their
// min-max scores, and reads the best passages back through the View, which
// checks each against the record.
package retrieval

import (
	"cmp"
	"context"
	"slices"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// Weights of the legs in the fused score. They were chosen on the judged
// queries whose id hashes even; doc/bench/retrieval.md has the figures.
type Weights struct {
	Passages float64 // stems in passages
	Titles   float64 // stems in title and path
	Words    float64 // unstemmed words in whole documents
	Second   float64 // share of Passages that the best other passage of the same document has, 0 to 1
}

// Default is what the product uses.
var Default = Weights{Passages: .4, Titles: .15, Words: .2, Second: .3}

// Legs that Find can be limited to.
const (
	Fused   = "fused"
	Words   = "words"
	Meaning = "meaning"
)

// Search is one search for the passages of a question.
type Search struct {
	Question string
	Top      int     // passages wanted; 0 gives 10
	Leg      string  // Fused ("" too), Words or Meaning
	Depth    int     // hits taken from each leg; 0 gives 100
	Weights  Weights // the zero value takes Default
}

// Find ranks the passages that the view's asker may see. Faults: Input for an
// unknown leg, Missing for the leg by meaning where no encoder is.
func Find(ctx context.Context, view knowledge.View, s Search) (knowledge.Ranking, error) {
	began := time.Now()
	switch s.Leg {
	case "", Fused, Words:
	case Meaning:
		return knowledge.Ranking{}, fault.New(fault.Missing, "search by meaning: this build has no encoder", "search by words: --leg words")
	default:
		return knowledge.Ranking{}, fault.New(fault.Input, "search by leg "+s.Leg+": no such leg", "the legs are words, meaning and fused")
	}
	legs, err := view.Legs(ctx, knowledge.Query{Stems: term.Content(s.Question), Words: term.Words(s.Question), Top: s.Depth})
	if err != nil {
		return knowledge.Ranking{}, err
	}
	ranked := Fuse(legs, cmp.Or(s.Weights, Default))
	if top := cmp.Or(s.Top, 10); len(ranked) > top {
		ranked = ranked[:top]
	}
	ids := make([]knowledge.PassageID, len(ranked))
	for i, h := range ranked {
		ids[i] = h.Passage
	}
	passages, err := view.Passages(ctx, ids)
	if err != nil {
		return knowledge.Ranking{}, err
	}
	r := knowledge.Ranking{Visible: legs.Visible, Known: legs.Known}
	at := 0
	for _, h := range ranked { // what the record no longer has is left out
		if at < len(passages) && passages[at].ID == h.Passage {
			r.Found = append(r.Found, knowledge.Found{Passage: passages[at], Score: h.Score, Legs: h.Legs})
			at++
		}
	}
	r.Took = time.Since(began)
	return r, nil
}

// Ranked is a passage with its fused score and its place in each leg.
type Ranked struct {
	knowledge.Hit
	Legs map[string]knowledge.Placed
}

// Fuse adds up the legs: weight times (score - lowest) / (highest - lowest) of
// each leg's hits (convex combination after min-max normalisation, Bruch and
// others 2023). A passage gains from the best other passage of its document. A leg over documents counts for every passage of the document;
// a document found by such a leg alone is stood for by its first passage. Ties
// go to the lower passage number.
func Fuse(legs knowledge.Legs, w Weights) []Ranked {
	byPassage := map[knowledge.PassageID]*Ranked{}
	ofDocument := map[int64][]*Ranked{}
	add := func(h knowledge.Hit) *Ranked {
		r := byPassage[h.Passage]
		if r == nil {
			r = &Ranked{Hit: knowledge.Hit{Passage: h.Passage, Document: h.Document}, Legs: map[string]knowledge.Placed{}}
			byPassage[h.Passage] = r
			ofDocument[h.Document] = append(ofDocument[h.Document], r)
		}
		return r
	}
	norm := normaliser(legs.Passages)
	for i, h := range legs.Passages {
		r := add(h)
		r.Score += w.Passages * (1 - w.Second) * norm(h.Score)
		r.Legs["words"] = knowledge.Placed{Rank: i + 1, Score: h.Score}
	}
	for _, rs := range ofDocument { // in the order of the leg, so the best two come first
		for i, r := range rs {
			other := 0
			if i == 0 {
				other = 1
			}
			if other < len(rs) {
				r.Score += w.Passages * w.Second * norm(rs[other].Legs["words"].Score)
			}
		}
	}
	documents := func(name string, hits []knowledge.Hit, weight float64) {
		norm := normaliser(hits)
		for i, h := range hits {
			if len(ofDocument[h.Document]) == 0 {
				add(h)
			}
			for _, r := range ofDocument[h.Document] {
				r.Score += weight * norm(h.Score)
				r.Legs[name] = knowledge.Placed{Rank: i + 1, Score: h.Score}
			}
		}
	}
	documents("titles", legs.Titles, w.Titles)
	documents("documents", legs.Words, w.Words)
	ranked := make([]Ranked, 0, len(byPassage))
	for _, r := range byPassage {
		ranked = append(ranked, *r)
	}
	slices.SortFunc(ranked, func(a, b Ranked) int {
		return cmp.Or(-cmp.Compare(a.Score, b.Score), cmp.Compare(a.Passage, b.Passage))
	})
	return ranked
}

// normaliser maps a leg's scores to 0 to 1; a leg whose scores are all alike
// gives 1.
func normaliser(hits []knowledge.Hit) func(float64) float64 {
	if len(hits) == 0 {
		return nil
	}
	high, low := hits[0].Score, hits[len(hits)-1].Score
	return func(s float64) float64 {
		if high == low {
			return 1
		}
		return (s - low) / (high - low)
	}
}
