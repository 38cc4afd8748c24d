package collectiontest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

func TestMemory(t *testing.T) {
	TestCollection(t, func(*testing.T) knowledge.Collection { return new(Memory) })
}

func TestMemoryIndex(t *testing.T) {
	TestIndex(t, func(*testing.T) knowledge.Index { return new(MemoryIndex) })
}

// TestBM25 holds the oracle's ranking to another program's scores: bm25s 0.3.16
// (Python), BM25(method="lucene", k1=0.9, b=0.4, dtype="float64").
func TestBM25(t *testing.T) {
	var units []unit
	for i, text := range []string{"ofen heiss ofen", "ofen kalt", "eis kalt kalt wasser salz"} {
		terms := strings.Fields(text)
		units = append(units, unit{knowledge.Hit{Document: int64(i)}, int64(i), terms, float64(len(terms))})
	}
	for query, want := range map[string][3]float64{
		"ofen":      {0.3282148248922735, 0.26765582531078336, 0},
		"kalt":      {0, 0.26765582531078336, 0.30519716184788026},
		"ofen kalt": {0.3282148248922735, 0.5353116506215667, 0.30519716184788026},
		"kalt kalt": {0, 0.5353116506215667, 0.6103943236957605},
		"salz ofen": {0.3282148248922735, 0.26765582531078336, 0.47155252548640686},
	} {
		var got [3]float64
		for _, h := range bm25(units, strings.Fields(query), all) {
			got[h.Document] = h.Score
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-12 {
				t.Errorf("%s: scores %v, want %v", query, got, want)
				break
			}
		}
	}
}

// TestTrialReaches holds the random operations to come by everything that they
// are there to compare.
func TestTrialReaches(t *testing.T) {
	for seed := range uint64(3) {
		var f findings
		trial := randomCollection(t.Context(), new(Memory), seed+1, 60, &f)
		f.report(t)
		for _, s := range []knowledge.State{knowledge.Holds, knowledge.Moved, knowledge.Changed, knowledge.Gone} {
			if trial.states[s] == 0 {
				t.Errorf("seed %d: no citation was opened that %s", seed+1, s)
			}
		}
		past := strings.Join(trial.past, "\n")
		for _, what := range []string{"put (", "keep the entry", "vanish", "SetReaders", "with a passage", "PutVectors", "DropVectors"} {
			if !strings.Contains(past, what) {
				t.Errorf("seed %d: no step says %q", seed+1, what)
			}
		}
	}
}

// mutant is a Memory with one rule broken; what is nil is as it should be.
type mutant struct {
	*Memory
	apply      func(context.Context, *Memory, []knowledge.Change) error
	view       func(*Memory, knowledge.Asker) mutantView
	ledger     func(*Memory, []knowledge.Entry) []knowledge.Entry
	narrow     bool // the ledger by Filter.Replaces
	setReaders func(m *Memory, source string, per func(knowledge.DocumentID) knowledge.Readers) error
	forget     func(*Memory, knowledge.Selector) (knowledge.Proof, error)
	readmit    func(*Memory, knowledge.Selector) (int, error)
	unencoded  func(m *Memory, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, n int) []knowledge.Unencoded
	put        func(m *Memory, mark string, vectors []knowledge.Vector) error
	vectors    func(m *Memory, mark string, admits func(knowledge.Origin) bool) (have, waiting int)
	drop       func(m *Memory, mark string) error
}

type mutantView struct {
	knowledge.View // as it should be
	legs           func(knowledge.Query) knowledge.Legs
	passages       func([]knowledge.PassageID) []knowledge.Passage
	document       func(knowledge.DocumentID) (knowledge.Document, error)
	open           func(knowledge.Citation) knowledge.Excerpt
	documents      func(knowledge.Filter) []knowledge.Summary
}

func (m mutant) Apply(ctx context.Context, changes ...knowledge.Change) error {
	if m.apply != nil {
		return m.apply(ctx, m.Memory, slices.Clone(changes))
	}
	return m.Memory.Apply(ctx, changes...)
}

func (m mutant) View(asker knowledge.Asker) knowledge.View {
	if m.view == nil {
		return m.Memory.View(asker)
	}
	v := m.view(m.Memory, asker)
	if v.View == nil {
		v.View = m.Memory.View(asker)
	}
	return v
}

func (m mutant) Ledger(ctx context.Context, f knowledge.Filter) iter.Seq2[knowledge.Entry, error] {
	if m.narrow && f.Replaces != "" {
		return func(func(knowledge.Entry, error) bool) {}
	}
	if m.ledger == nil {
		return m.Memory.Ledger(ctx, f)
	}
	list, _ := ledger(ctx, m.Memory, f)
	return func(yield func(knowledge.Entry, error) bool) {
		for _, e := range m.ledger(m.Memory, list) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m mutant) SetReaders(ctx context.Context, source string, readers knowledge.Readers, per func(knowledge.DocumentID) knowledge.Readers) error {
	if m.setReaders != nil {
		return m.setReaders(m.Memory, source, per)
	}
	return m.Memory.SetReaders(ctx, source, readers, per)
}

func (m mutant) Forget(ctx context.Context, what knowledge.Selector, at time.Time) (knowledge.Proof, error) {
	if m.forget != nil {
		return m.forget(m.Memory, what)
	}
	return m.Memory.Forget(ctx, what, at)
}

func (m mutant) Readmit(ctx context.Context, what knowledge.Selector) (int, error) {
	if m.readmit != nil {
		return m.readmit(m.Memory, what)
	}
	return m.Memory.Readmit(ctx, what)
}

func (m mutant) Unencoded(ctx context.Context, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, n int) ([]knowledge.Unencoded, error) {
	if m.unencoded != nil {
		return m.unencoded(m.Memory, mark, admits, after, n), nil
	}
	return m.Memory.Unencoded(ctx, mark, admits, after, n)
}

func (m mutant) PutVectors(ctx context.Context, mark string, vectors []knowledge.Vector) error {
	if m.put != nil {
		return m.put(m.Memory, mark, vectors)
	}
	return m.Memory.PutVectors(ctx, mark, vectors)
}

func (m mutant) Vectors(ctx context.Context, mark string, admits func(knowledge.Origin) bool) (have, waiting int, err error) {
	if m.vectors != nil {
		have, waiting = m.vectors(m.Memory, mark, admits)
		return have, waiting, nil
	}
	return m.Memory.Vectors(ctx, mark, admits)
}

func (m mutant) DropVectors(ctx context.Context, mark string) error {
	if m.drop != nil {
		return m.drop(m.Memory, mark)
	}
	return m.Memory.DropVectors(ctx, mark)
}

func (v mutantView) Legs(ctx context.Context, q knowledge.Query) (knowledge.Legs, error) {
	if v.legs != nil {
		return v.legs(q), nil
	}
	return v.View.Legs(ctx, q)
}

func (v mutantView) Passages(ctx context.Context, ids []knowledge.PassageID) ([]knowledge.Passage, error) {
	if v.passages != nil {
		return v.passages(ids), nil
	}
	return v.View.Passages(ctx, ids)
}

func (v mutantView) Document(ctx context.Context, id knowledge.DocumentID) (knowledge.Document, error) {
	if v.document != nil {
		return v.document(id)
	}
	return v.View.Document(ctx, id)
}

func (v mutantView) Open(ctx context.Context, c knowledge.Citation) (knowledge.Excerpt, error) {
	if v.open != nil {
		return v.open(c), nil
	}
	return v.View.Open(ctx, c)
}

func (v mutantView) Documents(ctx context.Context, f knowledge.Filter) ([]knowledge.Summary, error) {
	if v.documents != nil {
		return v.documents(f), nil
	}
	return v.View.Documents(ctx, f)
}

// must drops an error that Memory never returns.
func must[T any](v T, _ error) T { return v }

func squares(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum
}

// onHits changes the hits of every leg.
func onHits(l knowledge.Legs, change func([]knowledge.Hit) []knowledge.Hit) knowledge.Legs {
	l.Passages, l.Titles, l.Words = change(l.Passages), change(l.Titles), change(l.Words)
	return l
}

// byHandOnly marks mutants that only a case written by hand can catch, because
// the random operations do not run into them.
const byHandOnly = true

type planted struct {
	rule   string
	byHand bool
	mutant mutant
}

func mutants(ctx context.Context) []planted {
	viewOf := func(f func(m *Memory, asker knowledge.Asker, v *mutantView)) mutant {
		return mutant{view: func(m *Memory, asker knowledge.Asker) mutantView {
			v := mutantView{View: m.View(asker)}
			f(m, asker, &v)
			return v
		}}
	}
	oneByOne := func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
		for _, c := range changes {
			if err := m.Apply(ctx, c); err != nil {
				return err
			}
		}
		return nil
	}
	ever := map[*Memory]map[knowledge.PassageID]knowledge.Passage{}
	first := map[*Memory]*Memory{}

	return []planted{
		{"readers are ignored", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) { v.View = m.View(owner()) })},
		{"nobody is everyone", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			if asker.Name == "" && !asker.Owner {
				v.View = m.View(member())
			}
		})},
		{"groups are compared without case", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			for _, g := range asker.Groups {
				asker.Groups = append(asker.Groups, knowledge.Group(strings.ToLower(string(g))))
			}
			v.View = m.View(asker)
		})},
		{"statistics come from all passages", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				top := cmp.Or(q.Top, anyTop)
				q.Top = all
				every := onHits(must(m.View(owner()).Legs(ctx, q)), func(hits []knowledge.Hit) []knowledge.Hit {
					hits = slices.DeleteFunc(hits, func(h knowledge.Hit) bool {
						return len(must(own.Passages(ctx, []knowledge.PassageID{h.Passage}))) == 0
					})
					return hits[:min(top, len(hits))]
				})
				every.Visible, every.Known = l.Visible, l.Known
				return every
			}
		})},
		{"Known counts all passages", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				l.Known = must(m.View(owner()).Legs(ctx, q)).Known
				return l
			}
		})},
		{"Visible counts all passages", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				l.Visible = must(m.View(owner()).Legs(ctx, q)).Visible
				return l
			}
		})},
		{"a term that stands twice in a query counts once", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				q.Stems, q.Words = slices.Compact(slices.Sorted(slices.Values(q.Stems))), slices.Compact(slices.Sorted(slices.Values(q.Words)))
				return must(own.Legs(ctx, q))
			}
		})},
		{"ties go by descending number", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				return onHits(must(own.Legs(ctx, q)), func(hits []knowledge.Hit) []knowledge.Hit {
					slices.Reverse(hits)
					slices.SortStableFunc(hits, func(a, b knowledge.Hit) int { return cmp.Compare(b.Score, a.Score) })
					return hits
				})
			}
		})},
		{"Top is ignored", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				q.Top = all
				return must(own.Legs(ctx, q))
			}
		})},
		{"a query without Top is not bounded", byHandOnly, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				if q.Top == 0 {
					q.Top = all
				}
				return must(own.Legs(ctx, q))
			}
		})},
		{"whole documents name another passage than the first", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				for _, r := range m.contents().documents {
					for _, hits := range [][]knowledge.Hit{l.Titles, l.Words} {
						for i := range hits {
							if hits[i].Document == r.terms.Document {
								hits[i].Passage = r.passages[len(r.passages)-1].ID
							}
						}
					}
				}
				return l
			}
		})},
		{"hits number passages instead of documents", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				return onHits(must(own.Legs(ctx, q)), func(hits []knowledge.Hit) []knowledge.Hit {
					for i := range hits {
						hits[i].Document = int64(hits[i].Passage)
					}
					return hits
				})
			}
		})},
		{"Passages ignores readers", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			v.passages = func(ids []knowledge.PassageID) []knowledge.Passage {
				return must(m.View(owner()).Passages(ctx, ids))
			}
		})},
		{"a missing passage comes back empty", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.passages = func(ids []knowledge.PassageID) []knowledge.Passage {
				var list []knowledge.Passage
				for _, id := range ids {
					p := append(must(own.Passages(ctx, []knowledge.PassageID{id})), knowledge.Passage{ID: id})
					list = append(list, p[0])
				}
				return list
			}
		})},
		{"Passages answers in its own order", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.passages = func(ids []knowledge.PassageID) []knowledge.Passage {
				return must(own.Passages(ctx, slices.Sorted(slices.Values(ids))))
			}
		})},
		{"passages of what was replaced stay", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.passages = func(ids []knowledge.PassageID) []knowledge.Passage {
				if ever[m] == nil {
					ever[m] = map[knowledge.PassageID]knowledge.Passage{}
				}
				var list []knowledge.Passage
				for _, id := range ids {
					if got := must(own.Passages(ctx, []knowledge.PassageID{id})); len(got) > 0 {
						ever[m][id] = got[0]
					}
					if p, ok := ever[m][id]; ok {
						list = append(list, p)
					}
				}
				return list
			}
		})},
		{"Document ignores readers", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			v.document = func(id knowledge.DocumentID) (knowledge.Document, error) { return m.View(owner()).Document(ctx, id) }
		})},
		{"the error for what is denied has another kind", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.document = func(id knowledge.DocumentID) (knowledge.Document, error) {
				d, err := own.Document(ctx, id)
				if _, there := m.contents().documents[id]; err != nil && there {
					err = fault.New(fault.Denied, err.(*fault.Error).Message, err.(*fault.Error).Next)
				}
				return d, err
			}
		})},
		{"the error for what is denied has another text", byHandOnly, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.document = func(id knowledge.DocumentID) (knowledge.Document, error) {
				d, err := own.Document(ctx, id)
				if _, there := m.contents().documents[id]; err != nil && there {
					err = fault.Wrap(fault.Missing, err, "look it up", "")
				}
				return d, err
			}
		})},
		{"the document comes beside the error", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.document = func(id knowledge.DocumentID) (knowledge.Document, error) {
				d, err := own.Document(ctx, id)
				if err != nil {
					d = must(m.View(owner()).Document(ctx, id))
				}
				return d, err
			}
		})},
		{"times are kept to the second", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.document = func(id knowledge.DocumentID) (knowledge.Document, error) {
				d, err := own.Document(ctx, id)
				d.Modified = d.Modified.Truncate(time.Second)
				return d, err
			}
		})},
		{"Open shows what is denied", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			v.open = func(c knowledge.Citation) knowledge.Excerpt { return must(m.View(owner()).Open(ctx, c)) }
		})},
		{"Open says Gone and shows the text all the same", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.open = func(c knowledge.Citation) knowledge.Excerpt {
				x := must(own.Open(ctx, c))
				if x.State == knowledge.Gone {
					x.Document = must(m.View(owner()).Open(ctx, c)).Document
				}
				return x
			}
		})},
		{"Open calls what has moved changed", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.open = func(c knowledge.Citation) knowledge.Excerpt {
				x := must(own.Open(ctx, c))
				if x.State == knowledge.Moved {
					x.State = knowledge.Changed
				}
				return x
			}
		})},
		{"Open returns the old place", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.open = func(c knowledge.Citation) knowledge.Excerpt {
				x := must(own.Open(ctx, c))
				x.Start, x.End = c.Start, c.End
				return x
			}
		})},
		{"Documents ignores its filter", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.documents = func(knowledge.Filter) []knowledge.Summary { return must(own.Documents(ctx, knowledge.Filter{})) }
		})},
		{"Documents takes every path for a head", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.documents = func(f knowledge.Filter) []knowledge.Summary {
				return slices.DeleteFunc(must(own.Documents(ctx, knowledge.Filter{Source: f.Source})), func(s knowledge.Summary) bool {
					return !strings.HasPrefix(s.ID.Path(), f.Path)
				})
			}
		})},
		{"Documents lists denied documents without their titles", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			v.documents = func(f knowledge.Filter) []knowledge.Summary {
				list := must(m.View(owner()).Documents(ctx, f))
				for i := range list {
					if !asker.MayRead(list[i].Readers) {
						list[i] = knowledge.Summary{ID: list[i].ID}
					}
				}
				return list
			}
		})},
		{"Replaces names denied documents", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			own := v.View
			v.documents = func(f knowledge.Filter) []knowledge.Summary {
				list := must(own.Documents(ctx, f))
				for i := range list {
					list[i].Replaces = m.contents().documents[list[i].ID].document.Replaces
				}
				return list
			}
		})},
		{"a filter tells that a denied document is there", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			own := v.View
			v.documents = func(f knowledge.Filter) []knowledge.Summary {
				list := must(own.Documents(ctx, knowledge.Filter{Source: f.Source, Path: f.Path}))
				return slices.DeleteFunc(list, func(s knowledge.Summary) bool {
					return f.Replaces != "" && !slices.Contains(m.contents().documents[s.ID].document.Replaces, f.Replaces)
				})
			}
		})},
		{"what a document asks for is forgotten", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.document = func(id knowledge.DocumentID) (knowledge.Document, error) {
				d, err := own.Document(ctx, id)
				d.Asked = nil
				return d, err
			}
		})},
		{"the ledger is narrowed by what documents replace", false, mutant{narrow: true}},
		{"Apply is not atomic", false, mutant{apply: oneByOne}},
		{"readers see half a change", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			if err := (&Memory{now: m.contents()}).Apply(ctx, changes...); err != nil {
				return err
			}
			for _, c := range changes {
				time.Sleep(time.Millisecond)
				if err := m.Apply(ctx, c); err != nil {
					return err
				}
			}
			return nil
		}}},
		{"Apply takes any passage", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			for i := range changes {
				changes[i].Passages = slices.DeleteFunc(slices.Clone(changes[i].Passages), func(p knowledge.Passage) bool {
					return contradiction(knowledge.Change{Entry: changes[i].Entry, Document: changes[i].Document, Passages: []knowledge.Passage{p}}) != ""
				})
			}
			return m.Apply(ctx, changes...)
		}}},
		{"numbers of passages are used again", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			return retry(ctx, m, changes, func(now *contents) {
				now.lastPassage = 0
				for id, r := range now.documents {
					for _, p := range r.passages {
						if !slices.ContainsFunc(changes, func(c knowledge.Change) bool { return knowledge.ID(c.Entry.Source, c.Entry.Path) == id }) {
							now.lastPassage = max(now.lastPassage, p.ID)
						}
					}
				}
			})
		}}},
		{"a document without a successor stays", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			for i, c := range changes {
				if r, ok := m.contents().documents[knowledge.ID(c.Entry.Source, c.Entry.Path)]; ok && c.Document == nil && !c.Vanished {
					changes[i].Document, changes[i].Passages = &r.document, r.passages
				}
			}
			return m.Apply(ctx, changes...)
		}}},
		{"entries of vanished files stay", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			for i := range changes {
				changes[i].Vanished = false
			}
			return m.Apply(ctx, changes...)
		}}},
		{"entries without a document are not kept", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			for i := range changes {
				changes[i].Vanished = changes[i].Document == nil
			}
			return m.Apply(ctx, changes...)
		}}},
		{"the ledger goes by ID", false, mutant{ledger: func(_ *Memory, list []knowledge.Entry) []knowledge.Entry {
			slices.SortFunc(list, func(a, b knowledge.Entry) int {
				return strings.Compare(string(knowledge.ID(a.Source, a.Path)), string(knowledge.ID(b.Source, b.Path)))
			})
			return list
		}}},
		{"the ledger forgets where a file was", false, mutant{ledger: func(_ *Memory, list []knowledge.Entry) []knowledge.Entry {
			for i := range list {
				list[i].MovedFrom = ""
			}
			return list
		}}},
		{"the ledger lists documents only", false, mutant{ledger: func(_ *Memory, list []knowledge.Entry) []knowledge.Entry {
			return slices.DeleteFunc(list, func(e knowledge.Entry) bool { return e.State != knowledge.Indexed })
		}}},
		{"SetReaders does nothing", false, mutant{setReaders: func(*Memory, string, func(knowledge.DocumentID) knowledge.Readers) error { return nil }}},
		{"SetReaders forgets the ledger", false, mutant{setReaders: func(m *Memory, source string, per func(knowledge.DocumentID) knowledge.Readers) error {
			entries := m.now.entries
			err := m.SetReaders(ctx, source, knowledge.Readers{}, per)
			m.now.entries = entries
			return err
		}}},
		{"SetReaders compares sources without case", false, mutant{setReaders: func(m *Memory, source string, per func(knowledge.DocumentID) knowledge.Readers) error {
			return errors.Join(m.SetReaders(ctx, source, knowledge.Readers{}, per), m.SetReaders(ctx, strings.ToUpper(source), knowledge.Readers{}, per))
		}}},
		{"SetReaders puts the documents again", false, mutant{setReaders: func(m *Memory, source string, per func(knowledge.DocumentID) knowledge.Readers) error {
			for id, r := range m.contents().documents {
				if id.Source() == source {
					e := m.now.entries[file{source, id.Path()}]
					if err := m.Apply(ctx, knowledge.Change{Entry: e, Document: &r.document, Passages: r.passages}); err != nil {
						return err
					}
				}
			}
			return m.SetReaders(ctx, source, knowledge.Readers{}, per)
		}}},
		{"Forget leaves no tombstone", false, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			p, err := m.Forget(ctx, what, noon)
			m.now.tombstones = nil
			return p, err
		}}},
		{"Forget leaves the documents", false, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			documents := m.now.documents
			p, err := m.Forget(ctx, what, noon)
			m.now.documents = documents
			return p, err
		}}},
		{"Forget leaves the entries as they are", false, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			entries := m.now.entries
			p, err := m.Forget(ctx, what, noon)
			m.now.entries = entries
			return p, err
		}}},
		{"Forget takes every path for a head", false, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			for at := range m.contents().entries {
				if at.source == what.Source && at.path != what.Path && strings.HasPrefix(at.path, what.Path) {
					_ = must(m.Forget(ctx, knowledge.Selector{Source: at.source, Path: at.path}, noon))
				}
			}
			return m.Forget(ctx, what, noon)
		}}},
		{"Forget leaves what is in a file", true, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			documents := m.now.documents
			p, err := m.Forget(ctx, what, noon)
			next := maps.Clone(m.now.documents)
			for id, r := range documents {
				if what.Path != "" && strings.HasPrefix(string(id), what.String()+"!/") {
					next[id] = r
				}
			}
			m.now.documents = next
			return p, err
		}}},
		{"the bytes of what was forgotten are not kept away", false, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			p, err := m.Forget(ctx, what, noon)
			for _, list := range [][]knowledge.Tombstone{p.Tombstones, m.now.tombstones} {
				for i := range list {
					list[i].Origin = knowledge.Hash{}
				}
			}
			return p, err
		}}},
		{"Forget keeps away what another document has", false, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			p, err := m.Forget(ctx, what, noon)
			p.Copies = nil
			return p, err
		}}},
		{"Readmit lifts nothing", false, mutant{readmit: func(m *Memory, what knowledge.Selector) (int, error) {
			return (&Memory{now: m.contents()}).Readmit(ctx, what)
		}}},
		{"Readmit lifts everything", false, mutant{readmit: func(m *Memory, what knowledge.Selector) (int, error) {
			n, err := m.Readmit(ctx, what)
			if err == nil {
				m.now.tombstones = nil
			}
			return n, err
		}}},
		{"readers are ignored by meaning", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				l.Meaning = must(m.View(owner()).Legs(ctx, q)).Meaning
				return l
			}
		})},
		{"readers are asked about the nearest only", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				l.Meaning = slices.DeleteFunc(must(m.View(owner()).Legs(ctx, q)).Meaning, func(h knowledge.Hit) bool {
					return len(must(own.Passages(ctx, []knowledge.PassageID{h.Passage}))) == 0
				})
				return l
			}
		})},
		{"Encoded counts all passages", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				l.Encoded = must(m.View(owner()).Legs(ctx, q)).Encoded
				return l
			}
		})},
		{"Encoded counts vectors of any mark", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				for _, k := range marks() {
					if len(q.Vector) > 0 && l.Encoded == 0 {
						l.Encoded = must(own.Legs(ctx, knowledge.Query{Mark: k.mark, Vector: make([]float32, k.length)})).Encoded
					}
				}
				return l
			}
		})},
		{"marks are mixed", false, viewOf(func(m *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				if q.Mark == "even@2" {
					q.Mark = "even@1"
				}
				return must(own.Legs(ctx, q))
			}
		})},
		{"a vector leaves out the words", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				if len(q.Vector) > 0 {
					q.Stems, q.Words = nil, nil
				}
				return must(own.Legs(ctx, q))
			}
		})},
		{"Visible is left out without words", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				if len(q.Vector) > 0 && len(q.Stems) == 0 {
					l.Visible = l.Encoded
				}
				return l
			}
		})},
		{"scores are inner products", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				for i := range l.Meaning {
					l.Meaning[i].Score *= math.Sqrt(squares(q.Vector))
				}
				return l
			}
		})},
		{"what is unlike is no hit", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				l.Meaning = slices.DeleteFunc(l.Meaning, func(h knowledge.Hit) bool { return h.Score <= 0 })
				return l
			}
		})},
		{"Top is ignored by meaning", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				q.Top = all
				l.Meaning = must(own.Legs(ctx, q)).Meaning
				return l
			}
		})},
		{"a text ties with itself in any order", false, viewOf(func(_ *Memory, _ knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				slices.Reverse(l.Meaning)
				slices.SortStableFunc(l.Meaning, func(a, b knowledge.Hit) int { return cmp.Compare(b.Score, a.Score) })
				return l
			}
		})},
		{"vectors in memory are those of the first question", false, viewOf(func(m *Memory, asker knowledge.Asker, v *mutantView) {
			own := v.View
			v.legs = func(q knowledge.Query) knowledge.Legs {
				l := must(own.Legs(ctx, q))
				if len(q.Vector) == 0 {
					return l
				}
				if first[m] == nil {
					first[m] = &Memory{now: m.contents()}
				}
				old, err := first[m].View(asker).Legs(ctx, q)
				if err == nil {
					l.Meaning, l.Encoded = old.Meaning, old.Encoded
				}
				return l
			}
		})},
		{"a document that is stored anew loses its vectors", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			return retry(ctx, m, changes, func(now *contents) {
				for _, c := range changes {
					id := knowledge.ID(c.Entry.Source, c.Entry.Path)
					now.documents = maps.Clone(now.documents)
					delete(now.documents, id)
				}
				*now = now.tidy()
			})
		}}},
		{"vectors of what is gone stay", false, mutant{apply: func(ctx context.Context, m *Memory, changes []knowledge.Change) error {
			before := m.contents().vectors
			err := m.Apply(ctx, changes...)
			for mark, all := range before {
				for key, v := range all {
					m.now.vectors[mark][key] = v
				}
			}
			return err
		}}},
		{"Forget leaves vectors", false, mutant{forget: func(m *Memory, what knowledge.Selector) (knowledge.Proof, error) {
			before := m.contents().vectors
			p, err := m.Forget(ctx, what, noon)
			m.now.vectors = before
			return p, err
		}}},
		{"Unencoded lists a text twice", false, mutant{unencoded: func(m *Memory, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, n int) []knowledge.Unencoded {
			var list []knowledge.Unencoded
			for _, p := range m.contents().passages() {
				if _, have := m.contents().vectors[mark][p.key]; !have && p.ID > after && admitted(admits, p.Passage) && len(list) < n {
					list = append(list, knowledge.Unencoded{Passage: p.ID, Key: p.key, Text: p.Encoded()})
				}
			}
			return list
		}}},
		{"Unencoded lists what is encoded", false, mutant{unencoded: func(m *Memory, _ string, admits func(knowledge.Origin) bool, after knowledge.PassageID, n int) []knowledge.Unencoded {
			return must(m.Unencoded(ctx, "never", admits, after, n))
		}}},
		{"Unencoded asks about no source", false, mutant{unencoded: func(m *Memory, mark string, _ func(knowledge.Origin) bool, after knowledge.PassageID, n int) []knowledge.Unencoded {
			return must(m.Unencoded(ctx, mark, nil, after, n))
		}}},
		{"Unencoded begins at the first passage", false, mutant{unencoded: func(m *Memory, mark string, admits func(knowledge.Origin) bool, _ knowledge.PassageID, n int) []knowledge.Unencoded {
			return must(m.Unencoded(ctx, mark, admits, 0, n))
		}}},
		{"Unencoded is not bounded", false, mutant{unencoded: func(m *Memory, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, _ int) []knowledge.Unencoded {
			return must(m.Unencoded(ctx, mark, admits, after, all))
		}}},
		{"Unencoded gives the text alone", false, mutant{unencoded: func(m *Memory, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, n int) []knowledge.Unencoded {
			list := must(m.Unencoded(ctx, mark, admits, after, n))
			for i := range list {
				list[i].Text = list[i].Text[strings.LastIndex(list[i].Text, "\n")+1:]
			}
			return list
		}}},
		{"PutVectors is not atomic", byHandOnly, mutant{put: func(m *Memory, mark string, vectors []knowledge.Vector) error {
			for _, v := range vectors {
				if err := m.PutVectors(ctx, mark, []knowledge.Vector{v}); err != nil {
					return err
				}
			}
			return nil
		}}},
		{"PutVectors replaces a vector", byHandOnly, mutant{put: func(m *Memory, mark string, vectors []knowledge.Vector) error {
			err := m.PutVectors(ctx, mark, vectors)
			for _, v := range vectors {
				if _, have := m.now.vectors[mark][v.Key]; have && err == nil {
					m.now.vectors[mark][v.Key] = slices.Clone(v.Values)
				}
			}
			return err
		}}},
		{"PutVectors keeps what no passage has", false, mutant{put: func(m *Memory, mark string, vectors []knowledge.Vector) error {
			err := m.PutVectors(ctx, mark, vectors)
			for _, v := range vectors {
				if err == nil {
					m.now.vectors[mark][v.Key] = slices.Clone(v.Values)
				}
			}
			return err
		}}},
		{"PutVectors takes any length", byHandOnly, mutant{put: func(m *Memory, mark string, vectors []knowledge.Vector) error {
			length := 0
			for _, v := range m.contents().vectors[mark] {
				length = len(v)
			}
			vectors = slices.Clone(vectors)
			for i := range vectors {
				if length > 0 {
					vectors[i].Values = slices.Grow(slices.Clone(vectors[i].Values), length)[:length]
				}
			}
			return m.PutVectors(ctx, mark, vectors)
		}}},
		{"Vectors counts vectors", false, mutant{vectors: func(m *Memory, mark string, admits func(knowledge.Origin) bool) (have, waiting int) {
			_, waiting, _ = m.Vectors(ctx, mark, admits)
			return len(m.contents().vectors[mark]), waiting
		}}},
		{"Vectors counts what may not be encoded", false, mutant{vectors: func(m *Memory, mark string, _ func(knowledge.Origin) bool) (have, waiting int) {
			have, waiting, _ = m.Vectors(ctx, mark, nil)
			return have, waiting
		}}},
		{"DropVectors does nothing", false, mutant{drop: func(*Memory, string) error { return nil }}},
		{"DropVectors drops all marks", false, mutant{drop: func(m *Memory, _ string) error {
			m.now.vectors = nil
			return nil
		}}},
		{"SetReaders leaves the index alone", false, mutant{setReaders: func(m *Memory, source string, per func(knowledge.DocumentID) knowledge.Readers) error {
			return m.SetReaders(ctx, source, knowledge.Readers{}, per)
		}, view: func(m *Memory, asker knowledge.Asker) mutantView {
			return mutantView{legs: func(q knowledge.Query) knowledge.Legs {
				stale := &Memory{now: m.contents()}
				for at, e := range stale.now.entries {
					_ = stale.SetReaders(ctx, at.source, e.Readers, func(knowledge.DocumentID) knowledge.Readers { return everyone() })
				}
				return must(stale.View(asker).Legs(ctx, q))
			}}
		}}},
	}
}

// retry applies changes to contents that were spoilt beforehand, and leaves
// them alone when that fails.
func retry(ctx context.Context, m *Memory, changes []knowledge.Change, spoil func(*contents)) error {
	spoilt := &Memory{now: m.contents()}
	spoil(&spoilt.now)
	if err := spoilt.Apply(ctx, changes...); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = spoilt.now
	return nil
}

// TestMutants plants one broken rule at a time: the cases written by hand must
// find it, and so must the random operations.
func TestMutants(t *testing.T) {
	for _, p := range mutants(t.Context()) {
		t.Run(p.rule, func(t *testing.T) {
			var found []string
			for _, c := range collectionCases() {
				p.mutant.Memory = new(Memory)
				var f findings
				if c.check(t.Context(), p.mutant, &f); len(f) > 0 {
					found = append(found, c.name)
				}
			}
			if len(found) == 0 {
				t.Error("no case finds it")
			}
			p.mutant.Memory = new(Memory)
			var f findings
			randomCollection(t.Context(), p.mutant, 1, 80, &f)
			if len(f) == 0 && !p.byHand {
				t.Error("the random operations do not find it")
			}
			if len(f) > 0 && p.byHand {
				t.Error("the random operations find it too: it is no longer byHandOnly")
			}
			t.Logf("found by %q and %d times by random operations", found, len(f))
		})
	}
}

// mutantIndex is a MemoryIndex with one rule broken; what is nil is as it should be.
type mutantIndex struct {
	*MemoryIndex
	put    func(*MemoryIndex, knowledge.IndexEntry) error
	remove func(*MemoryIndex, int64) error
	legs   func(*MemoryIndex, knowledge.Asker, knowledge.Query) knowledge.Legs
	scan   func([]knowledge.PassageID) []knowledge.PassageID
}

func (m mutantIndex) Put(ctx context.Context, e knowledge.IndexEntry) error {
	if m.put != nil {
		return m.put(m.MemoryIndex, e)
	}
	return m.MemoryIndex.Put(ctx, e)
}

func (m mutantIndex) Delete(ctx context.Context, document int64) error {
	if m.remove != nil {
		return m.remove(m.MemoryIndex, document)
	}
	return m.MemoryIndex.Delete(ctx, document)
}

func (m mutantIndex) Legs(ctx context.Context, asker knowledge.Asker, q knowledge.Query) (knowledge.Legs, error) {
	if m.legs != nil {
		return m.legs(m.MemoryIndex, asker, q), nil
	}
	return m.MemoryIndex.Legs(ctx, asker, q)
}

func (m mutantIndex) Scan(ctx context.Context) iter.Seq2[knowledge.PassageID, error] {
	if m.scan == nil {
		return m.MemoryIndex.Scan(ctx)
	}
	var f findings
	list := m.scan(scan(ctx, &f, m.MemoryIndex))
	return func(yield func(knowledge.PassageID, error) bool) {
		for _, id := range list {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// TestIndexMutants is TestMutants for TestIndex.
func TestIndexMutants(t *testing.T) {
	ctx := t.Context()
	for _, p := range []struct {
		rule   string
		byHand bool
		mutant mutantIndex
	}{
		{"the asker is ignored", false, mutantIndex{legs: func(m *MemoryIndex, _ knowledge.Asker, q knowledge.Query) knowledge.Legs {
			return must(m.Legs(ctx, owner(), q))
		}}},
		{"nobody is everyone", false, mutantIndex{legs: func(m *MemoryIndex, asker knowledge.Asker, q knowledge.Query) knowledge.Legs {
			if asker.Name == "" {
				asker.Name = "somebody"
			}
			return must(m.Legs(ctx, asker, q))
		}}},
		{"statistics come from all passages", false, mutantIndex{legs: func(m *MemoryIndex, asker knowledge.Asker, q knowledge.Query) knowledge.Legs {
			own := must(m.Legs(ctx, asker, q))
			top := cmp.Or(q.Top, anyTop)
			q.Top = all
			every := onHits(must(m.Legs(ctx, owner(), q)), func(hits []knowledge.Hit) []knowledge.Hit {
				hits = slices.DeleteFunc(hits, func(h knowledge.Hit) bool { return !asker.MayRead(m.entries[h.Document].Readers) })
				return hits[:min(top, len(hits))]
			})
			every.Visible, every.Known = own.Visible, own.Known
			return every
		}}},
		{"documents tie by their passages", false, mutantIndex{legs: func(m *MemoryIndex, asker knowledge.Asker, q knowledge.Query) knowledge.Legs {
			return onHits(must(m.Legs(ctx, asker, q)), func(hits []knowledge.Hit) []knowledge.Hit {
				slices.SortFunc(hits, func(a, b knowledge.Hit) int {
					return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Passage, b.Passage))
				})
				return hits
			})
		}}},
		{"Top is ignored", false, mutantIndex{legs: func(m *MemoryIndex, asker knowledge.Asker, q knowledge.Query) knowledge.Legs {
			q.Top = all
			return must(m.Legs(ctx, asker, q))
		}}},
		{"a term that stands twice in a query counts once", false, mutantIndex{legs: func(m *MemoryIndex, asker knowledge.Asker, q knowledge.Query) knowledge.Legs {
			q.Stems, q.Words = slices.Compact(slices.Sorted(slices.Values(q.Stems))), slices.Compact(slices.Sorted(slices.Values(q.Words)))
			return must(m.Legs(ctx, asker, q))
		}}},
		{"accents are dropped", false, mutantIndex{put: func(m *MemoryIndex, e knowledge.IndexEntry) error {
			for i := range e.Passages {
				stems := slices.Clone(e.Passages[i].Stems)
				for k, s := range stems {
					stems[k] = strings.ReplaceAll(s, "é", "e")
				}
				e.Passages = slices.Clone(e.Passages)
				e.Passages[i].Stems = stems
			}
			return m.Put(ctx, e)
		}}},
		{"a document without passages is a hit", false, mutantIndex{put: func(m *MemoryIndex, e knowledge.IndexEntry) error {
			if len(e.Passages) == 0 {
				e.Passages = []knowledge.IndexPassage{{}}
			}
			return m.Put(ctx, e)
		}}},
		{"long passages are cut", byHandOnly, mutantIndex{put: func(m *MemoryIndex, e knowledge.IndexEntry) error {
			e.Passages = slices.Clone(e.Passages)
			for i, p := range e.Passages {
				e.Passages[i].Stems = p.Stems[:min(len(p.Stems), 1000)]
			}
			return m.Put(ctx, e)
		}}},
		{"Delete does nothing", false, mutantIndex{
			remove: func(*MemoryIndex, int64) error { return nil },
			put: func(m *MemoryIndex, e knowledge.IndexEntry) error {
				return errors.Join(m.Delete(ctx, e.Document), m.Put(ctx, e))
			},
		}},
		{"Delete of what is not there is an error", byHandOnly, mutantIndex{remove: func(m *MemoryIndex, n int64) error {
			if _, ok := m.entries[n]; !ok {
				return errors.New("not there")
			}
			return m.Delete(ctx, n)
		}}},
		{"Scan is out of order", false, mutantIndex{scan: func(list []knowledge.PassageID) []knowledge.PassageID {
			slices.Reverse(list)
			return list
		}}},
		{"Scan stops early", false, mutantIndex{scan: func(list []knowledge.PassageID) []knowledge.PassageID { return list[:max(0, len(list)-1)] }}},
	} {
		t.Run(p.rule, func(t *testing.T) {
			var found []string
			for _, c := range indexCases() {
				p.mutant.MemoryIndex = new(MemoryIndex)
				var f findings
				if c.check(ctx, p.mutant, &f); len(f) > 0 {
					found = append(found, c.name)
				}
			}
			if len(found) == 0 {
				t.Error("no case finds it")
			}
			p.mutant.MemoryIndex = new(MemoryIndex)
			var f findings
			randomIndex(ctx, p.mutant, 1, 60, &f)
			if len(f) == 0 && !p.byHand {
				t.Error("the random operations do not find it")
			}
			t.Logf("found by %q and %d times by random operations", found, len(f))
		})
	}
}
