package collectiontest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// vectors are those of one mark, by key.
type vectors map[knowledge.Hash][]float32

// wording is a passage and the key of what a model gets of it.
type wording struct {
	knowledge.Passage
	key knowledge.Hash
}

// passages returns every passage in order of its number.
func (n contents) passages() []wording {
	var list []wording
	for _, r := range n.documents {
		for i, p := range r.passages {
			list = append(list, wording{p, r.keys[i]})
		}
	}
	slices.SortFunc(list, func(a, b wording) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// tidy returns n without the vectors that no passage has.
func (n contents) tidy() contents {
	used := map[knowledge.Hash]bool{}
	for _, r := range n.documents {
		for _, key := range r.keys {
			used[key] = true
		}
	}
	marks := map[string]vectors{}
	for mark, all := range n.vectors {
		marks[mark] = maps.Clone(all)
		maps.DeleteFunc(marks[mark], func(key knowledge.Hash, _ []float32) bool { return !used[key] })
	}
	n.vectors = marks
	return n
}

func admitted(admits func(knowledge.Origin) bool, p knowledge.Passage) bool {
	return admits == nil || admits(knowledge.Origin{Name: p.Document.Source()})
}

// Unencoded lists passages that have no vector of the mark; it never fails and
// knows sources by name alone.
func (m *Memory) Unencoded(_ context.Context, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, n int) ([]knowledge.Unencoded, error) {
	now := m.contents()
	var list []knowledge.Unencoded
	listed := map[knowledge.Hash]bool{}
	for _, p := range now.passages() {
		if _, have := now.vectors[mark][p.key]; have || listed[p.key] || p.ID <= after || !admitted(admits, p.Passage) || len(list) >= n {
			continue
		}
		listed[p.key] = true
		list = append(list, knowledge.Unencoded{Passage: p.ID, Key: p.key, Text: p.Encoded()})
	}
	return list, nil
}

// PutVectors stores those vectors whose key a passage has.
func (m *Memory) PutVectors(_ context.Context, mark string, list []knowledge.Vector) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.now.tidy() // which copies
	if next.vectors[mark] == nil {
		next.vectors[mark] = vectors{}
	}
	length := 0
	for _, old := range next.vectors[mark] {
		length = len(old)
	}
	for _, v := range list {
		if length == 0 {
			length = len(v.Values)
		}
		if len(v.Values) != length || length == 0 {
			return fault.New(fault.Input, fmt.Sprintf("put vectors of %s: %d values, want %d", mark, len(v.Values), length), "give the model another mark")
		}
		if !finite(v.Values) {
			return fault.New(fault.Input, fmt.Sprintf("put vectors of %s: a value is no finite number", mark), "look at the model")
		}
		if _, have := next.vectors[mark][v.Key]; !have {
			next.vectors[mark][v.Key] = slices.Clone(v.Values)
		}
	}
	m.now = next.tidy()
	return nil
}

// Vectors counts passages with and without a vector of the mark; it never fails.
func (m *Memory) Vectors(_ context.Context, mark string, admits func(knowledge.Origin) bool) (have, waiting int, err error) {
	now := m.contents()
	for _, p := range now.passages() {
		if _, ok := now.vectors[mark][p.key]; ok {
			have++
		} else if admitted(admits, p.Passage) {
			waiting++
		}
	}
	return have, waiting, nil
}

// Marks counts the vectors of each mark; it never fails.
func (m *Memory) Marks(context.Context) (map[string]int, error) {
	marks := map[string]int{}
	for mark, all := range m.contents().vectors {
		if len(all) > 0 {
			marks[mark] = len(all)
		}
	}
	return marks, nil
}

// DropVectors deletes a mark; it never fails.
func (m *Memory) DropVectors(_ context.Context, mark string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.tidy() // which copies
	delete(m.now.vectors, mark)
	return nil
}

// meaning adds the leg by meaning to legs: every visible passage with a vector of
// the query's mark, by the cosine in double precision.
func (n contents) meaning(visible []record, q knowledge.Query, legs *knowledge.Legs) error {
	if len(q.Vector) == 0 {
		return nil
	}
	for _, v := range n.vectors[q.Mark] {
		if len(v) != len(q.Vector) || !finite(q.Vector) {
			return fault.New(fault.Input, fmt.Sprintf("a question of %d values to vectors of %d", len(q.Vector), len(v)), "ask the model of that mark")
		}
	}
	for _, r := range visible {
		for i, p := range r.passages {
			if v, ok := n.vectors[q.Mark][r.keys[i]]; ok {
				legs.Encoded++
				legs.Meaning = append(legs.Meaning, knowledge.Hit{Passage: p.ID, Document: r.terms.Document, Score: cosine(q.Vector, v)})
			} else {
				legs.Bare = append(legs.Bare, p.ID)
			}
		}
	}
	slices.Sort(legs.Bare)
	if legs.Encoded == 0 {
		legs.Bare = nil
	}
	slices.SortFunc(legs.Meaning, func(a, b knowledge.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Passage, b.Passage))
	})
	legs.Meaning = legs.Meaning[:min(cmp.Or(q.Top, anyTop), len(legs.Meaning))]
	return nil
}

func finite(v []float32) bool {
	return !slices.ContainsFunc(v, func(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) })
}

// cosine is 0 for a vector of length zero.
func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return dot / math.Sqrt(aa*bb)
}
