package collectiontest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"groundwork/knowledge"
)

// TestIndex holds an index to the rules of knowledge.Index. open returns an
// empty one each time; what it opens it closes with t.Cleanup. With -short there
// are fewer random operations. An index is told numbers from 1 to a million.
func TestIndex(t *testing.T, open func(t *testing.T) knowledge.Index) {
	for _, c := range indexCases() {
		t.Run(c.name, func(t *testing.T) {
			var f findings
			c.check(t.Context(), open(t), &f)
			f.report(t)
		})
	}
	steps := 100
	if testing.Short() {
		steps = 40
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("random operations, seed %d", seed), func(t *testing.T) {
			var f findings
			randomIndex(t.Context(), open(t), seed, steps, &f)
			f.report(t)
		})
	}
}

// indexCase is one rule, checked on an empty index.
type indexCase struct {
	name  string
	check func(context.Context, knowledge.Index, *findings)
}

func indexCases() []indexCase {
	return []indexCase{
		{"an empty index", emptyIndex},
		{"who may see", indexReaders},
		{"deleted documents", indexDelete},
		{"hits and ties", indexHits},
		{"terms are taken as they are", indexTerms},
		{"counts and lengths", indexBounds},
	}
}

// indexed is an index entry with one passage a line; title and words are those
// of the lines.
func indexed(document int64, first knowledge.PassageID, readers knowledge.Readers, lines ...string) knowledge.IndexEntry {
	e := knowledge.IndexEntry{Document: document, Readers: readers}
	for i, line := range lines {
		terms := strings.Fields(line)
		e.Words = append(e.Words, terms...)
		e.Passages = append(e.Passages, knowledge.IndexPassage{ID: first + knowledge.PassageID(i), Stems: terms})
		if i == 0 {
			e.Title = terms
		}
	}
	return e
}

// asked is a query for the same terms in every leg.
func asked(terms string, top int) knowledge.Query {
	return knowledge.Query{Stems: strings.Fields(terms), Words: strings.Fields(terms), Top: top}
}

func scan(ctx context.Context, f *findings, x knowledge.Index) []knowledge.PassageID {
	var list []knowledge.PassageID
	for id, err := range x.Scan(ctx) {
		if !f.ok("Scan", err) {
			break
		}
		list = append(list, id)
	}
	return list
}

func indexLegs(ctx context.Context, f *findings, x knowledge.Index, asker knowledge.Asker, q knowledge.Query) knowledge.Legs {
	l, err := x.Legs(ctx, asker, q)
	f.ok("Legs", err)
	return l
}

func emptyIndex(ctx context.Context, x knowledge.Index, f *findings) {
	f.same("Scan", []knowledge.PassageID(nil), scan(ctx, f, x))
	f.ok("Delete of what is not there", x.Delete(ctx, 7))
	for _, asker := range askers() {
		if l := indexLegs(ctx, f, x, asker, asked("ofen", 0)); l.Visible+len(l.Passages)+len(l.Titles)+len(l.Words)+l.Known["ofen"] > 0 {
			f.addf("Legs of an empty index: %+v", l)
		}
	}
}

func indexReaders(ctx context.Context, x knowledge.Index, f *findings) {
	kinds := []knowledge.Readers{{}, everyone(), only("g1"), only("g2"), only("g10"), only("g1", "g2"), only("G1")}
	for i, r := range kinds {
		n := int64(i + 1)
		f.ok("Put", x.Put(ctx, indexed(n, knowledge.PassageID(10*n), r, "ofen heiss", "ofen "+strings.Repeat("lang ", i+1))))
	}
	for _, asker := range askers() {
		var want []knowledge.PassageID
		for i, r := range kinds {
			if asker.MayRead(r) {
				want = append(want, knowledge.PassageID(10*(i+1)), knowledge.PassageID(10*(i+1)+1))
			}
		}
		l := indexLegs(ctx, f, x, asker, asked("ofen", 0))
		var got []knowledge.PassageID
		for _, h := range l.Passages {
			got = append(got, h.Passage)
		}
		slices.Sort(got)
		f.same(fmt.Sprintf("hits of %+v", asker), want, got)
		if l.Visible != len(want) || l.Known["ofen"] != len(want) || len(l.Titles) != len(want)/2 || len(l.Words) != len(want)/2 {
			f.addf("as %+v, who may see %d passages: %+v", asker, len(want), l)
		}
	}
	// The scores of the one document that a member of none may see are those of a
	// collection of one: five terms in two passages.
	one := math.Log(1 + 0.5/2.5)
	for _, h := range indexLegs(ctx, f, x, member(), asked("ofen", 0)).Passages {
		length := map[knowledge.PassageID]float64{20: 2, 21: 3}[h.Passage]
		if want := one / (1 + 0.9*(0.6+0.4*length/2.5)); !(math.Abs(h.Score-want) <= 1e-9) {
			f.addf("passage %d has score %.12f, want %.12f: statistics come from what is visible", h.Passage, h.Score, want)
		}
	}
}

func indexDelete(ctx context.Context, x knowledge.Index, f *findings) {
	a, b, c := indexed(3, 30, everyone(), "ofen", "kalt"), indexed(1, 90, everyone(), "ofen eis"), indexed(2, 10, everyone(), "eis", "eis kalt", "salz")
	for _, e := range []knowledge.IndexEntry{a, b, c} {
		f.ok("Put", x.Put(ctx, e))
	}
	q := asked("ofen eis kalt salz", 0)
	f.same("Scan", []knowledge.PassageID{10, 11, 12, 30, 31, 90}, scan(ctx, f, x))
	for range x.Scan(ctx) {
		break // whoever stops reading leaves nothing locked
	}
	before := indexLegs(ctx, f, x, member(), q)
	f.ok("Delete", x.Delete(ctx, 2))
	f.ok("Delete again", x.Delete(ctx, 2))
	f.same("Scan after Delete", []knowledge.PassageID{30, 31, 90}, scan(ctx, f, x))
	l := indexLegs(ctx, f, x, member(), q)
	if l.Visible != 3 || l.Known["salz"] != 0 || l.Known["eis"] != 1 || len(l.Passages) != 3 || len(l.Words) != 2 || len(l.Titles) != 2 {
		f.addf("Legs after Delete: %+v", l)
	}
	f.ok("Put again", x.Put(ctx, c))
	f.same("Legs once it is back", before, indexLegs(ctx, f, x, member(), q))
	f.same("Scan once it is back", []knowledge.PassageID{10, 11, 12, 30, 31, 90}, scan(ctx, f, x))
	for n := range int64(3) {
		f.ok("Delete", x.Delete(ctx, n+1))
	}
	f.same("Scan once all is deleted", []knowledge.PassageID(nil), scan(ctx, f, x))
	if l := indexLegs(ctx, f, x, owner(), q); l.Visible+len(l.Passages)+len(l.Titles)+len(l.Words) > 0 {
		f.addf("Legs once all is deleted: %+v", l)
	}
}

// indexHits gives the documents numbers that run against those of their
// passages, so that a tie of documents is not one of passages.
func indexHits(ctx context.Context, x knowledge.Index, f *findings) {
	for _, e := range []knowledge.IndexEntry{
		indexed(9, 5, everyone(), "ofen warm", "ofen warm"), indexed(4, 700, everyone(), "ofen warm", "ofen warm"), indexed(6, 40, everyone(), "ofen warm", "ofen warm"),
		{Document: 1, Readers: everyone(), Title: []string{"ofen"}, Words: []string{"ofen"}}, // without passages: no leg, no statistic
	} {
		f.ok("Put", x.Put(ctx, e))
	}
	name := func(hits []knowledge.Hit) string {
		var b strings.Builder
		for _, h := range hits {
			fmt.Fprintf(&b, " %d:%d", h.Document, h.Passage)
		}
		return b.String()
	}
	l := indexLegs(ctx, f, x, member(), asked("ofen", 0))
	f.same("passages that tie", " 9:5 9:6 6:40 6:41 4:700 4:701", name(l.Passages))
	f.same("titles that tie", " 4:700 6:40 9:5", name(l.Titles))
	f.same("documents that tie", " 4:700 6:40 9:5", name(l.Words))
	for top := 1; top < 8; top++ {
		f.top(fmt.Sprintf("top %d", top), top, l, indexLegs(ctx, f, x, member(), asked("ofen", top)))
	}
	if l.Visible != 6 || l.Known["ofen"] != 6 {
		f.addf("Legs: %d visible, %d known, want 6 and 6", l.Visible, l.Known["ofen"])
	}
	want := math.Log(1+0.5/6.5) / 1.9
	if len(l.Passages) > 0 && !(math.Abs(l.Passages[0].Score-want) <= 1e-9) {
		f.addf("score %.12f, want %.12f", l.Passages[0].Score, want)
	}
	l = indexLegs(ctx, f, x, member(), knowledge.Query{Stems: []string{"ofen"}})
	f.same("documents for a query of stems", "", name(l.Words))
	l = indexLegs(ctx, f, x, member(), knowledge.Query{Words: []string{"ofen"}})
	f.same("passages and titles for a query of words", "", name(l.Passages)+name(l.Titles))
	f.same("documents for a query of words", " 4:700 6:40 9:5", name(l.Words))
}

func indexTerms(ctx context.Context, x knowledge.Index, f *findings) {
	for i, t := range terms() {
		n := int64(i + 1)
		f.ok("Put", x.Put(ctx, indexed(n, knowledge.PassageID(n), everyone(), t)))
	}
	for i, t := range terms() {
		l := indexLegs(ctx, f, x, member(), asked(t, 0))
		for leg, hits := range map[string][]knowledge.Hit{"passages": l.Passages, "titles": l.Titles, "words": l.Words} {
			if len(hits) != 1 || hits[0].Passage != knowledge.PassageID(i+1) || hits[0].Document != int64(i+1) {
				f.addf("%s with the term %q: %+v, want the one of document %d", leg, t, hits, i+1)
			}
		}
		if l.Known[t] != 1 {
			f.addf("Known[%q] is %d, want 1", t, l.Known[t])
		}
	}
}

func indexBounds(ctx context.Context, x knowledge.Index, f *findings) {
	f.ok("Put", x.Put(ctx, indexed(1, 1, everyone(), strings.Repeat("oft ", 70000), "kurz")))
	average := (65535.0 + 1) / 2
	one := math.Log(2) // 1 + (N - n + 0.5)/(n + 0.5) with N = 2 and n = 1
	for _, want := range []struct {
		term        string
		tf, length  float64
		occurrences string
	}{
		{"oft", 127, 65535, "70000 times, counted as 127, in a passage of 70000 terms, counted as 65535"},
		{"kurz", 1, 1, "once in a passage of one term"},
	} {
		l := indexLegs(ctx, f, x, member(), asked(want.term, 0))
		score := one * want.tf / (want.tf + 0.9*(0.6+0.4*want.length/average))
		if len(l.Passages) != 1 || !(math.Abs(l.Passages[0].Score-score) <= 1e-9) {
			f.addf("a term that stands %s: %+v, want a score of %.12f", want.occurrences, l.Passages, score)
		}
	}
	one = math.Log(1 + 0.5/1.5)
	l := indexLegs(ctx, f, x, member(), asked("kurz kurz", 0))
	if want := 2 * one / 1.9; len(l.Words) != 1 || !(math.Abs(l.Words[0].Score-want) <= 1e-9) {
		f.addf("a term that stands twice in the query: %+v, want a score of %.12f", l.Words, want)
	}
}

// terms are few, so that they meet often: heads of one another, accents, other
// scripts, identifiers, words of a search engine's query language.
func terms() []string {
	return []string{"pay", "payrol", "paye", "resume", "résumé", "休暇", "暇を", "sales_daily_v2", "v1.2", "or", "not", "near", "and", "a", "größe", "grosse", "7", "ελλαδα"}
}

func (r random) terms(most int) []string {
	list := make([]string, r.IntN(most+1))
	for i := range list {
		list[i] = pick(r, terms())
	}
	return list
}

// randomIndex does steps random operations to an empty index and compares it
// with the oracle after each. Numbers of passages are used once, but for a
// document that comes back as it was.
func randomIndex(ctx context.Context, x knowledge.Index, seed uint64, steps int, f *findings) {
	r := newRandom(seed)
	var oracle MemoryIndex
	deleted := map[int64]knowledge.IndexEntry{}
	used := map[int64]bool{}
	next := knowledge.PassageID(1)
	for step := range steps {
		there := slices.Sorted(maps.Keys(oracle.entries))
		var did string
		switch {
		case len(there) > 0 && r.oneIn(3):
			n := pick(r, there)
			did = fmt.Sprintf("delete %d", n)
			deleted[n] = oracle.entries[n]
			f.ok("Delete", oracle.Delete(ctx, n))
			f.ok("Delete", x.Delete(ctx, n))
		case len(deleted) > 0 && r.oneIn(4):
			n := pick(r, slices.Sorted(maps.Keys(deleted)))
			e := deleted[n]
			delete(deleted, n)
			e.Readers = r.readers()
			did = fmt.Sprintf("put %d again", n)
			f.ok("Put", oracle.Put(ctx, e))
			f.ok("Put", x.Put(ctx, e))
		default:
			n := 1 + r.Int64N(3000)
			for used[n] {
				n = 1 + r.Int64N(3000)
			}
			used[n] = true
			e := knowledge.IndexEntry{Document: n, Readers: r.readers(), Title: r.terms(5), Words: r.terms(40)}
			next += knowledge.PassageID(r.IntN(200))
			for range r.IntN(5) {
				e.Passages = append(e.Passages, knowledge.IndexPassage{ID: next, Stems: r.terms(12)})
				next++
			}
			did = fmt.Sprintf("put %d with %d passages", n, len(e.Passages))
			f.ok("Put", oracle.Put(ctx, e))
			f.ok("Put", x.Put(ctx, e))
		}
		f.same("Scan", scan(ctx, f, &oracle), scan(ctx, f, x))
		q := knowledge.Query{Stems: r.terms(4), Words: r.terms(4), Top: all}
		for _, asker := range askers() {
			compareIndex(ctx, f, fmt.Sprintf("as %+v: Legs(%q, %q)", asker, q.Stems, q.Words), &oracle, x, asker, q, 1+r.IntN(5))
		}
		if len(*f) > 0 {
			f.addf("seed %d, after step %d: %s", seed, step+1, did)
			return
		}
	}
}

func compareIndex(ctx context.Context, f *findings, what string, oracle, x knowledge.Index, asker knowledge.Asker, q knowledge.Query, top int) {
	want := indexLegs(ctx, f, oracle, asker, q)
	got := indexLegs(ctx, f, x, asker, q)
	f.counts(what, q, want, got)
	named := func(hits []knowledge.Hit, whole bool) []placed {
		var list []placed
		for _, h := range hits {
			tie := int64(h.Passage)
			if whole {
				tie = h.Document
			}
			list = append(list, placed{fmt.Sprintf("passage %d of %d", h.Passage, h.Document), tie, h.Score})
		}
		return list
	}
	f.ranking(what+": passages", exact, named(want.Passages, false), named(got.Passages, false))
	f.ranking(what+": titles", exact, named(want.Titles, true), named(got.Titles, true))
	f.ranking(what+": words", exact, named(want.Words, true), named(got.Words, true))
	q.Top = top
	f.top(fmt.Sprintf("%s, top %d", what, top), top, got, indexLegs(ctx, f, x, asker, q))
}
