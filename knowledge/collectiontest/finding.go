package collectiontest

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// enough findings say that something is wrong; more would bury the first.
const enough = 12

// findings collects what is wrong with a collection or an index. The checks
// write here and not to a testing.T, so that they can be held to find what is
// planted for them.
type findings []string

func (f *findings) addf(format string, args ...any) {
	if len(*f) < enough {
		*f = append(*f, fmt.Sprintf(format, args...))
	}
}

// same notes a difference; nil and empty slices are the same, and so are two
// times that name one instant.
func (f *findings) same(what string, want, got any) {
	if reflect.DeepEqual(want, got) {
		return // most often, and a hundred times faster than Diff
	}
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		f.addf("%s (-want +got):\n%s", what, d)
	}
}

// ok notes an error where there must be none.
func (f *findings) ok(what string, err error) bool {
	if err != nil {
		f.addf("%s: %v", what, err)
	}
	return err == nil
}

// missing notes an error that is not of kind Missing.
func (f *findings) missing(what string, err error) {
	if err == nil || fault.KindOf(err) != fault.Missing {
		f.addf("%s: got error %v, want one of kind Missing", what, err)
	}
}

func (f findings) report(t *testing.T) {
	t.Helper()
	for _, line := range f {
		t.Error(line)
	}
	if len(f) >= enough {
		t.Errorf("stopped after %d findings", enough)
	}
}

// placed is one hit of a ranking, named so that two collections can be compared.
type placed struct {
	name  string
	tie   int64 // the collection's own number: among equal scores the lower comes first
	score float64
}

// exact is for scores of two implementations that add up the terms of a query in
// another order.
const exact = 1e-9

// ranking compares a whole ranking with the oracle's. Scores are held to within,
// and ties are judged by the scores that the ranking itself gives.
func (f *findings) ranking(what string, within float64, want, got []placed) {
	scores := map[string]float64{}
	for _, w := range want {
		scores[w.name] = w.score
	}
	for i, g := range got {
		w, ok := scores[g.name]
		if !ok {
			f.addf("%s: hit %d is %s (score %g), which the oracle does not have or has once only", what, i+1, g.name, g.score)
			continue
		}
		delete(scores, g.name)
		if !(math.Abs(w-g.score) <= within) {
			f.addf("%s: hit %d, %s, has score %.12f, want %.12f", what, i+1, g.name, g.score, w)
		}
		if i == 0 {
			continue
		}
		if before := got[i-1]; before.score < g.score || before.score == g.score && before.tie >= g.tie {
			f.addf("%s: hit %d, %s (%.12f, number %d), stands before %s (%.12f, number %d)",
				what, i, before.name, before.score, before.tie, g.name, g.score, g.tie)
		}
	}
	if len(scores) > 0 {
		var names []string
		for _, w := range want {
			if _, ok := scores[w.name]; ok {
				names = append(names, fmt.Sprintf("%s (%.12f)", w.name, w.score))
			}
		}
		f.addf("%s: %d hits, want %d; left out: %s", what, len(got), len(want), strings.Join(names, ", "))
	}
}

// counts compares what Legs says beside its rankings.
func (f *findings) counts(what string, q knowledge.Query, want, got knowledge.Legs) {
	if got.Visible != want.Visible {
		f.addf("%s: Visible is %d, want %d", what, got.Visible, want.Visible)
	}
	for _, s := range q.Stems {
		if got.Known[s] != want.Known[s] {
			f.addf("%s: Known[%q] is %d, want %d", what, s, got.Known[s], want.Known[s])
		}
	}
	for s := range got.Known {
		if _, ok := want.Known[s]; !ok {
			f.addf("%s: Known names %q, which the query does not", what, s)
		}
	}
	if got.Encoded != want.Encoded {
		f.addf("%s: Encoded is %d, want %d", what, got.Encoded, want.Encoded)
	}
	if !slices.Equal(got.Bare, want.Bare) {
		f.addf("%s: Bare is %v, want %v", what, got.Bare, want.Bare)
	}
}

// top compares a query that wants n hits with the head of the whole ranking.
func (f *findings) top(what string, n int, whole, short knowledge.Legs) {
	head := func(hits []knowledge.Hit) []knowledge.Hit { return hits[:min(n, len(hits))] }
	f.same(what+": passages", head(whole.Passages), short.Passages)
	f.same(what+": titles", head(whole.Titles), short.Titles)
	f.same(what+": words", head(whole.Words), short.Words)
	f.same(what+": meaning", head(whole.Meaning), short.Meaning)
	if whole.Visible != short.Visible {
		f.addf("%s: Visible is %d, but %d for the whole ranking", what, short.Visible, whole.Visible)
	}
}
