// Package retrieval finds the passages a question needs.
//
// It asks the asker's View by words and by vector at the same time, fuses the
// legs by a weighted sum of their min-max scores, and reads the best passages
// back through the View, which checks each against the record.
package retrieval

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/term"
	"groundwork/model"
)

// Weights of the legs in the fused score. They were chosen on the judged
// queries whose id hashes even; doc/bench/retrieval.md has the figures.
type Weights struct {
	Passages float64 // stems in passages
	Titles   float64 // stems in title and path
	Words    float64 // unstemmed words in whole documents
	Meaning  float64 // vectors of passages
	Overlap  float64 // stems that question and title share, of those that either has (Jaccard index)
	Second   float64 // share of Passages and of Meaning that the best other passage of the same document has, 0 to 1
}

// ByWords is what the product uses where there are no vectors, Default where
// there are.
var (
	ByWords = Weights{Passages: .4, Titles: .15, Words: .2, Overlap: .2, Second: .3}
	Default = Weights{Passages: .25, Titles: .2, Words: .15, Meaning: .5, Overlap: .2, Second: .25}
)

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
	Depth    int     // hits taken from each leg; 0 gives 100, of Meaning 200
	Weights  Weights // the zero value takes Default or ByWords, and for Meaning the cosine alone
	Encoder  Encoder // its zero value finds by words alone
}

// Encoder makes the vector of a question.
type Encoder struct {
	Embed     func(ctx context.Context, question string) ([]float32, model.Spent, error)
	Mark      string   // names the model: only its vectors are compared
	Languages []string // BCP 47 primary tags it reads; nil says any
}

// reads reports whether the encoder reads the question's language; where the
// language cannot be told, it does.
func (e Encoder) reads(question string) (bool, string) {
	l := term.Language(question)
	return e.Languages == nil || l == "" || slices.Contains(e.Languages, l), l
}

// Find ranks the passages that the view's asker may see. Without an encoder, for
// a language that it does not read, where it fails, and where nothing is encoded
// yet, it ranks by words and says so among the warnings. Faults: Input for an
// unknown leg; for the leg by meaning alone Missing without an encoder and
// whatever the encoder's fault is.
func Find(ctx context.Context, view knowledge.View, s Search) (knowledge.Ranking, error) {
	began := time.Now()
	switch s.Leg {
	case "", Fused, Words:
	case Meaning:
		if s.Encoder.Embed == nil {
			return knowledge.Ranking{}, fault.New(fault.Missing, "search by meaning: there is no encoder here", "groundwork model get adds one; or search by words: --leg words")
		}
	default:
		return knowledge.Ranking{}, fault.New(fault.Input, "search by leg "+s.Leg+": no such leg", "the legs are words, meaning and fused")
	}
	legs, r, err := s.legs(ctx, view)
	if err != nil {
		return r, err
	}
	weights := Default
	switch {
	case s.Leg == Meaning:
		weights = Weights{Meaning: 1}
	case len(legs.Meaning) == 0:
		weights = ByWords
	}
	weights = cmp.Or(s.Weights, weights)
	ranked := Fuse(legs, weights)
	top := cmp.Or(s.Top, 10)
	if n := max(top, reread); len(ranked) > n {
		ranked = ranked[:n]
	}
	if r.Found, err = read(ctx, view, ranked); err != nil {
		return knowledge.Ranking{}, err
	}
	if s.Leg != Meaning {
		byTitle(s.Question, r.Found[:min(len(r.Found), reread)], weights.Overlap)
	}
	r.Found = r.Found[:min(len(r.Found), top)]
	r.Took = time.Since(began)
	return r, nil
}

// reread is how many of the best passages are read and compared by their titles.
const reread = 100

// read returns the ranked passages with their text; what the record no longer has
// is left out.
func read(ctx context.Context, view knowledge.View, ranked []Ranked) ([]knowledge.Found, error) {
	ids := make([]knowledge.PassageID, len(ranked))
	for i, h := range ranked {
		ids[i] = h.Passage
	}
	passages, err := view.Passages(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make([]knowledge.Found, 0, len(passages))
	for _, h := range ranked {
		if n := len(found); n < len(passages) && passages[n].ID == h.Passage {
			found = append(found, knowledge.Found{Passage: passages[n], Score: h.Score, Legs: h.Legs})
		}
	}
	return found, nil
}

// byTitle adds to each passage's score what its title has in common with the
// question, and ranks them anew.
func byTitle(question string, found []knowledge.Found, weight float64) {
	asked := set(term.Content(question))
	overlap := map[string]float64{}
	for i := range found {
		f := &found[i]
		share, met := overlap[f.Title]
		if !met {
			title := set(term.Content(f.Title))
			both := 0
			for stem := range title {
				if asked[stem] {
					both++
				}
			}
			share = float64(both) / float64(max(1, len(asked)+len(title)-both))
			overlap[f.Title] = share
		}
		f.Score += weight * share
	}
	slices.SortStableFunc(found, func(a, b knowledge.Found) int { return -cmp.Compare(a.Score, b.Score) })
}

func set(stems []string) map[string]bool {
	m := make(map[string]bool, len(stems))
	for _, s := range stems {
		m[s] = true
	}
	return m
}

// legs asks the view by words and, beside it, by the question's vector.
func (s Search) legs(ctx context.Context, view knowledge.View) (knowledge.Legs, knowledge.Ranking, error) {
	var r knowledge.Ranking
	var byMeaning knowledge.Legs
	var failed error
	done := make(chan struct{})
	byVector := s.Encoder.Embed != nil && s.Leg != Words
	if byVector && s.Leg != Meaning {
		reads, language := s.Encoder.reads(s.Question)
		if !reads {
			byVector = false
			r.Warnings = append(r.Warnings, "found by words only: the encoder here does not read this language ("+language+")")
		}
	}
	go func() {
		defer close(done)
		if !byVector {
			return
		}
		if r.Vector, r.Spent, failed = s.Encoder.Embed(ctx, s.Question); failed == nil {
			byMeaning, failed = view.Legs(ctx, knowledge.Query{Vector: r.Vector, Mark: s.Encoder.Mark, Top: cmp.Or(s.Depth, 200)})
		}
	}()
	var legs knowledge.Legs
	var err error
	if s.Leg != Meaning {
		legs, err = view.Legs(ctx, knowledge.Query{Stems: term.Content(s.Question), Words: term.Words(s.Question), Top: s.Depth})
	}
	<-done
	switch {
	case err != nil:
		return legs, r, err
	case failed != nil && (s.Leg == Meaning || ctx.Err() != nil):
		return legs, r, failed
	case failed != nil:
		r.Vector, r.Failed = nil, failed
		r.Warnings = append(r.Warnings, "found by words only: the encoder failed: "+failed.Error())
	case s.Leg == Meaning:
		legs.Visible = byMeaning.Visible
	}
	r.Visible, r.Known, r.Encoded = legs.Visible, legs.Known, byMeaning.Encoded
	legs.Meaning, legs.Bare = byMeaning.Meaning, byMeaning.Bare
	r.Apart = apart(byMeaning.Meaning)
	switch missing := byMeaning.Visible - byMeaning.Encoded; {
	case !byVector || failed != nil || missing <= 0:
	case byMeaning.Encoded == 0:
		r.Warnings = append(r.Warnings, "found by words only: the passages are not encoded yet; groundwork sync goes on with that")
	default:
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d of %d passages are not encoded yet and were found by words only", missing, byMeaning.Visible))
	}
	return legs, r, nil
}

// Ranked is a passage with its fused score and its place in each leg.
type Ranked struct {
	knowledge.Hit
	Legs map[string]knowledge.Placed
}

// Fuse adds up the legs: weight times (score - lowest) / (highest - lowest) of
// each leg's hits (convex combination after min-max normalisation, Bruch and
// others 2023). In the legs over passages a passage gains from the best other
// passage of its document. A leg over documents counts for every passage of the
// document; a document found by such a leg alone is stood for by its first
// passage. Ties go to the lower passage number.
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
	passages := func(name string, hits []knowledge.Hit, weight float64) {
		norm := normaliser(hits)
		best := map[int64][2]float64{} // of a document: the best and second best
		for i, h := range hits {
			r := add(h)
			r.Score += weight * (1 - w.Second) * norm(h.Score)
			r.Legs[name] = knowledge.Placed{Rank: i + 1, Score: h.Score}
			if b, met := best[h.Document]; !met {
				best[h.Document] = [2]float64{norm(h.Score), 0}
			} else if b[1] == 0 {
				best[h.Document] = [2]float64{b[0], norm(h.Score)}
			}
		}
		first := map[int64]bool{}
		for _, h := range hits {
			other := 0
			if !first[h.Document] {
				first[h.Document], other = true, 1
			}
			byPassage[h.Passage].Score += weight * w.Second * best[h.Document][other]
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
	passages("words", legs.Passages, w.Passages)
	passages("meaning", legs.Meaning, w.Meaning)
	documents("titles", legs.Titles, w.Titles)
	documents("documents", legs.Words, w.Words)
	// A passage that has no vector yet is measured by the legs that it can stand in.
	if rest := w.Passages + w.Titles + w.Words; w.Meaning > 0 && rest > 0 {
		for _, id := range legs.Bare {
			if r := byPassage[id]; r != nil {
				r.Score *= (rest + w.Meaning) / rest
			}
		}
	}
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

// apart is how far the best cosine stands above the mean of those at ranks 10 to
// 60, or of the last where there are fewer. A question that has a page here stands
// out; one that has none comes equally near to many.
func apart(hits []knowledge.Hit) float64 {
	if len(hits) == 0 {
		return 0
	}
	rest := hits[min(9, len(hits)-1):min(60, len(hits))]
	sum := 0.
	for _, h := range rest {
		sum += h.Score
	}
	return hits[0].Score - sum/float64(len(rest))
}
