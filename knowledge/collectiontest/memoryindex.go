package collectiontest

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// Constants of the ranking: BM25 as Lucene computes it, with the k1 and b of
// Anserini's defaults. The count of a term and the length of a passage are bounded
// so that an index may keep them in one byte and two.
const (
	k1        = 0.9
	b         = 0.4
	maxCount  = 127
	maxLength = 65535 // of a passage; a whole document may be longer
	anyTop    = 100   // of a query that names none
)

// MemoryIndex is an index in memory, slow and obviously right. Its zero value is
// empty and ready; any number of goroutines may use it. It keeps no vectors:
// Legs.Meaning is always empty.
type MemoryIndex struct {
	mu      sync.RWMutex
	entries map[int64]knowledge.IndexEntry
}

// Put adds a document; one that is there already is an error of kind Input.
func (m *MemoryIndex) Put(_ context.Context, e knowledge.IndexEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.entries[e.Document]; ok {
		return fault.New(fault.Input, fmt.Sprintf("put document %d: it is there already", e.Document), "delete it first")
	}
	if m.entries == nil {
		m.entries = map[int64]knowledge.IndexEntry{}
	}
	m.entries[e.Document] = e
	return nil
}

// Delete removes a document; it never fails.
func (m *MemoryIndex) Delete(_ context.Context, document int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, document)
	return nil
}

func (m *MemoryIndex) list() []knowledge.IndexEntry {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Collect(maps.Values(m.entries))
}

// Legs ranks what the asker may see; it never fails.
func (m *MemoryIndex) Legs(_ context.Context, asker knowledge.Asker, q knowledge.Query) (knowledge.Legs, error) {
	visible := slices.DeleteFunc(m.list(), func(e knowledge.IndexEntry) bool { return !asker.MayRead(e.Readers) })
	return rank(visible, q), nil
}

// Scan lists the passages in ascending order; it never fails.
func (m *MemoryIndex) Scan(context.Context) iter.Seq2[knowledge.PassageID, error] {
	var ids []knowledge.PassageID
	for _, e := range m.list() {
		for _, p := range e.Passages {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return func(yield func(knowledge.PassageID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// unit is what one leg ranks: a passage or a whole document.
type unit struct {
	hit    knowledge.Hit
	tie    int64 // among equal scores the lower comes first
	terms  []string
	length float64
}

func (u unit) count(t string) float64 {
	n := 0
	for _, own := range u.terms {
		if own == t {
			n++
		}
	}
	return float64(min(n, maxCount))
}

// rank works out the legs from the documents that an asker may see. A document
// without passages is in no leg and in no statistic, since no hit could name it.
func rank(visible []knowledge.IndexEntry, q knowledge.Query) knowledge.Legs {
	var passages, titles, words []unit
	for _, e := range visible {
		if len(e.Passages) == 0 {
			continue
		}
		first := e.Passages[0].ID
		for _, p := range e.Passages {
			first = min(first, p.ID)
			passages = append(passages, unit{knowledge.Hit{Passage: p.ID, Document: e.Document}, int64(p.ID), p.Stems, float64(min(len(p.Stems), maxLength))})
		}
		hit := knowledge.Hit{Passage: first, Document: e.Document}
		titles = append(titles, unit{hit, e.Document, e.Title, float64(len(e.Title))})
		words = append(words, unit{hit, e.Document, e.Words, float64(len(e.Words))})
	}
	known := map[string]int{}
	for _, s := range q.Stems {
		known[s] = holding(passages, s)
	}
	top := cmp.Or(q.Top, anyTop)
	return knowledge.Legs{
		Passages: bm25(passages, q.Stems, top),
		Titles:   bm25(titles, q.Stems, top),
		Words:    bm25(words, q.Words, top),
		Visible:  len(passages),
		Known:    known,
	}
}

func holding(units []unit, t string) int {
	n := 0
	for _, u := range units {
		if u.count(t) > 0 {
			n++
		}
	}
	return n
}

// bm25 ranks units for a query: Robertson and Zaragoza, "The Probabilistic
// Relevance Framework: BM25 and Beyond" (2009), equation 3.15 without the
// constant factor k1+1, and with Lucene's idf, which is never negative. A term
// that stands twice in the query counts twice. What scores nothing is no hit.
func bm25(units []unit, query []string, top int) []knowledge.Hit {
	total := 0.0
	for _, u := range units {
		total += u.length
	}
	average := total / float64(len(units))
	scores := make([]float64, len(units))
	for _, t := range query {
		n := float64(holding(units, t))
		idf := math.Log(1 + (float64(len(units))-n+0.5)/(n+0.5))
		for i, u := range units {
			if tf := u.count(t); tf > 0 {
				scores[i] += idf * tf / (tf + k1*(1-b+b*u.length/average))
			}
		}
	}
	var ranked []unit
	for i, u := range units {
		if u.hit.Score = scores[i]; u.hit.Score > 0 {
			ranked = append(ranked, u)
		}
	}
	slices.SortFunc(ranked, func(x, y unit) int {
		return cmp.Or(cmp.Compare(y.hit.Score, x.hit.Score), cmp.Compare(x.tie, y.tie))
	})
	var hits []knowledge.Hit
	for _, u := range ranked[:min(top, len(ranked))] {
		hits = append(hits, u.hit)
	}
	return hits
}
