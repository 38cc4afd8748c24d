// Package collectiontest is the conformance test of every collection and index,
// with a slow, obviously right one as oracle.
//
// Memory is a knowledge.Collection and MemoryIndex a knowledge.Index made of
// maps and linear scans. TestCollection and TestIndex hold another one to the
// same rules: first by cases written by hand, one for each rule, then by doing
// the same random operations to both and comparing what every asker sees.
package collectiontest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// Memory is a collection in memory, slow and obviously right. Its zero value is
// empty and ready; any number of goroutines may use it.
type Memory struct {
	mu  sync.RWMutex
	now contents
}

// contents is replaced whole by every write, so that a read sees whole changes only.
type contents struct {
	documents    map[knowledge.DocumentID]record
	entries      map[file]knowledge.Entry
	tombstones   []knowledge.Tombstone
	vectors      map[string]vectors // by mark
	lastPassage  knowledge.PassageID
	lastDocument int64
}

type file struct{ source, path string }

type record struct {
	document knowledge.Document
	passages []knowledge.Passage
	keys     []knowledge.Hash // of passages
	terms    knowledge.IndexEntry
}

func (m *Memory) contents() contents {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.now
}

// Apply carries out the changes in order: all, or none and an error of kind
// Input when a change contradicts itself or a passage is not a span of its
// document.
func (m *Memory) Apply(_ context.Context, changes ...knowledge.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.now
	next.documents = maps.Clone(m.now.documents)
	next.entries = maps.Clone(m.now.entries)
	if next.documents == nil {
		next.documents = map[knowledge.DocumentID]record{}
		next.entries = map[file]knowledge.Entry{}
	}
	for _, c := range changes {
		if err := next.apply(c); err != nil {
			return err
		}
	}
	m.now = next.tidy()
	return nil
}

func (n *contents) apply(c knowledge.Change) error {
	at := file{c.Entry.Source, c.Entry.Path}
	id := knowledge.ID(at.source, at.path)
	if why := contradiction(c); why != "" {
		return fault.New(fault.Input, fmt.Sprintf("apply %s: %s", id, why), "cut the document again")
	}
	delete(n.documents, id)
	delete(n.entries, at)
	if c.Vanished {
		return nil
	}
	n.entries[at] = cloneEntry(c.Entry)
	if c.Document == nil {
		return nil
	}
	n.lastDocument++
	r := record{document: cloneDocument(*c.Document), passages: slices.Clone(c.Passages)}
	r.terms = knowledge.IndexEntry{
		Document: n.lastDocument,
		Readers:  r.document.Readers,
		Title:    term.Stems(r.document.Title + "\n" + id.Path()),
	}
	words := r.document.Title
	for i := range r.passages {
		n.lastPassage++
		p := &r.passages[i]
		p.ID = n.lastPassage
		p.Heading = slices.Clone(p.Heading)
		r.keys = append(r.keys, p.Key())
		words += "\n" + p.Text
		r.terms.Passages = append(r.terms.Passages, knowledge.IndexPassage{
			ID:    p.ID,
			Stems: term.Stems(p.Title + "\n" + strings.Join(p.Heading, "\n") + "\n" + p.Text),
		})
	}
	r.terms.Words = term.Words(words)
	n.documents[id] = r
	return nil
}

// contradiction says why a change cannot be carried out, or "".
func contradiction(c knowledge.Change) string {
	d := c.Document
	if d == nil {
		if len(c.Passages) > 0 {
			return "passages without a document"
		}
		return ""
	}
	if c.Vanished {
		return "a vanished file with a document"
	}
	if d.ID != knowledge.ID(c.Entry.Source, c.Entry.Path) {
		return fmt.Sprintf("its document is %s", d.ID)
	}
	for _, p := range c.Passages {
		switch {
		case p.Start < 0 || p.End < p.Start || p.End > len(d.Text):
			return fmt.Sprintf("passage %d-%d lies outside the text", p.Start, p.End)
		case !boundary(d.Text, p.Start) || !boundary(d.Text, p.End):
			return fmt.Sprintf("passage %d-%d cuts a sign", p.Start, p.End)
		case p.Text != d.Text[p.Start:p.End] || p.Document != d.ID || p.Version != d.Version:
			return fmt.Sprintf("passage %d-%d is of another text", p.Start, p.End)
		}
	}
	return ""
}

func boundary(s string, i int) bool { return i == len(s) || utf8.RuneStart(s[i]) }

// View returns what the asker may see; it follows the collection as it changes.
func (m *Memory) View(asker knowledge.Asker) knowledge.View { return view{m, asker} }

// Ledger lists the entries that the filter admits, ordered by source and path;
// it never fails.
func (m *Memory) Ledger(_ context.Context, f knowledge.Filter) iter.Seq2[knowledge.Entry, error] {
	var list []knowledge.Entry
	for at, e := range m.contents().entries {
		if admits(f, at.source, at.path) {
			list = append(list, cloneEntry(e))
		}
	}
	slices.SortFunc(list, func(a, b knowledge.Entry) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Path, b.Path))
	})
	return func(yield func(knowledge.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// SetReaders gives the source's documents and entries the readers that per
// returns for them; readers alone are kept nowhere, since nothing can ask for
// them. It never fails.
func (m *Memory) SetReaders(_ context.Context, source string, _ knowledge.Readers, per func(knowledge.DocumentID) knowledge.Readers) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.documents = maps.Clone(m.now.documents)
	m.now.entries = maps.Clone(m.now.entries)
	for at, e := range m.now.entries {
		if at.source == source {
			e.Readers = per(knowledge.ID(at.source, at.path))
			m.now.entries[at] = cloneEntry(e)
		}
	}
	for id, r := range m.now.documents {
		if id.Source() == source {
			r.document.Readers = per(id)
			r.document = cloneDocument(r.document)
			r.terms.Readers = r.document.Readers
			m.now.documents[id] = r
		}
	}
	return nil
}

// Forget deletes what is selected; it has no files to search.
func (m *Memory) Forget(_ context.Context, what knowledge.Selector, at time.Time) (knowledge.Proof, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.now
	next.documents, next.entries, next.tombstones = maps.Clone(m.now.documents), maps.Clone(m.now.entries), slices.Clone(m.now.tombstones)
	var p knowledge.Proof
	for where, e := range m.now.entries {
		if !what.Selects(where.source, where.path) {
			continue
		}
		id := knowledge.ID(where.source, where.path)
		t := knowledge.Tombstone{Source: hash(where.source), Place: hash(string(id)), At: at}
		if e.State == knowledge.Indexed || e.State == knowledge.HeldBack {
			t.Origin = e.Origin
		}
		if !slices.ContainsFunc(next.tombstones, func(old knowledge.Tombstone) bool { return old.Place == t.Place }) {
			next.tombstones = append(next.tombstones, t)
		}
		if r, ok := next.documents[id]; ok {
			p.Documents++
			p.Passages += len(r.passages)
			delete(next.documents, id)
		}
		delete(next.entries, where)
	}
	for id, r := range next.documents {
		for i, t := range next.tombstones {
			if t.Origin == r.document.Origin && !t.Origin.IsZero() {
				next.tombstones[i].Origin = knowledge.Hash{}
				p.Copies = append(p.Copies, id)
			}
		}
	}
	slices.Sort(p.Copies)
	p.Copies = slices.Compact(p.Copies)
	slices.SortFunc(next.tombstones, byPlace)
	mine := m.now.keeps(what)
	for _, t := range next.tombstones {
		if mine(t) {
			p.Tombstones = append(p.Tombstones, t)
		}
	}
	if len(p.Tombstones) == 0 {
		return p, fault.New(fault.Missing, fmt.Sprintf("forget %s: not there", what), "list what is there")
	}
	for where, e := range m.now.entries {
		if what.Path == "" || !what.Selects(where.source, where.path) {
			continue
		}
		id := knowledge.ID(where.source, where.path)
		for _, t := range p.Tombstones {
			if t.Place == hash(string(id)) {
				e.Reason = t.Reason(id)
			}
		}
		e.State = knowledge.Excluded
		e.Origin, e.Version, e.Tries, e.MovedFrom = knowledge.Hash{}, knowledge.Hash{}, 0, ""
		e.Readers = knowledge.Readers{}
		next.entries[where] = e
	}
	m.now = next.tidy()
	return p, nil
}

// Readmit lifts tombstones.
func (m *Memory) Readmit(_ context.Context, what knowledge.Selector) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine := m.now.keeps(what)
	free := map[knowledge.Hash]bool{}
	for _, t := range m.now.tombstones {
		free[t.Origin] = free[t.Origin] || mine(t)
	}
	for at, e := range m.now.entries {
		free[e.Origin] = free[e.Origin] || what.Selects(at.source, at.path) && e.State == knowledge.Excluded
	}
	lifted := 0
	var left []knowledge.Tombstone
	for _, t := range m.now.tombstones {
		switch {
		case mine(t):
			lifted++
			continue
		case free[t.Origin] && !t.Origin.IsZero():
			lifted++
			t.Origin = knowledge.Hash{}
		}
		left = append(left, t)
	}
	if lifted == 0 {
		return 0, fault.New(fault.Missing, fmt.Sprintf("readmit %s: nothing keeps it away", what), "list the tombstones")
	}
	m.now.tombstones = left
	return lifted, nil
}

// Tombstones lists all of them, ordered by Place; it never fails.
func (m *Memory) Tombstones(context.Context) ([]knowledge.Tombstone, error) {
	return slices.Clone(m.contents().tombstones), nil
}

func hash(s string) knowledge.Hash { return knowledge.HashOf([]byte(s)) }

// keeps returns whether a tombstone keeps away what is selected.
func (c contents) keeps(what knowledge.Selector) func(knowledge.Tombstone) bool {
	places := map[knowledge.Hash]bool{hash(what.String()): what.Path != ""}
	for at := range c.entries {
		if what.Selects(at.source, at.path) {
			places[hash(string(knowledge.ID(at.source, at.path)))] = true
		}
	}
	return func(t knowledge.Tombstone) bool {
		return places[t.Place] || what.Path == "" && t.Source == hash(what.Source)
	}
}

func byPlace(a, b knowledge.Tombstone) int { return bytes.Compare(a.Place[:], b.Place[:]) }

// admits leaves f.Replaces to the caller, since an entry replaces nothing.
func admits(f knowledge.Filter, source, path string) bool {
	if f.Source != "" && f.Source != source {
		return false
	}
	if strings.HasSuffix(f.Path, "/") {
		return strings.HasPrefix(path, f.Path)
	}
	return f.Path == "" || f.Path == path
}

// view holds nothing but the asker: every answer is worked out anew.
type view struct {
	of    *Memory
	asker knowledge.Asker
}

// visible returns the records that the asker may read, ordered by ID, with the
// documents they replace narrowed to those that the asker may read.
func (v view) visible() []record {
	may := map[knowledge.DocumentID]record{}
	for id, r := range v.of.contents().documents {
		if v.asker.MayRead(r.document.Readers) {
			may[id] = r
		}
	}
	var list []record
	for _, id := range slices.Sorted(maps.Keys(may)) {
		r := may[id]
		r.document = cloneDocument(r.document)
		r.document.Replaces = slices.DeleteFunc(r.document.Replaces, func(other knowledge.DocumentID) bool {
			_, ok := may[other]
			return !ok
		})
		list = append(list, r)
	}
	return list
}

func (v view) Legs(_ context.Context, q knowledge.Query) (knowledge.Legs, error) {
	v.of = &Memory{now: v.of.contents()} // all of one moment
	var entries []knowledge.IndexEntry
	visible := v.visible()
	for _, r := range visible {
		entries = append(entries, r.terms)
	}
	legs := rank(entries, q)
	return legs, v.of.now.meaning(visible, q, &legs)
}

func (v view) Passages(_ context.Context, ids []knowledge.PassageID) ([]knowledge.Passage, error) {
	var list []knowledge.Passage
	visible := v.visible()
	for _, id := range ids {
		for _, r := range visible {
			for _, p := range r.passages {
				if p.ID == id {
					p.Heading = slices.Clone(p.Heading)
					list = append(list, p)
				}
			}
		}
	}
	return list, nil
}

func (v view) find(id knowledge.DocumentID) (r record, ok bool) {
	for _, r := range v.visible() {
		if r.document.ID == id {
			return r, true
		}
	}
	return record{}, false
}

func (v view) Document(_ context.Context, id knowledge.DocumentID) (knowledge.Document, error) {
	r, ok := v.find(id)
	if !ok {
		return knowledge.Document{}, fault.New(fault.Missing, fmt.Sprintf("read %s: no such document", id), "list the documents that are there")
	}
	return r.document, nil
}

func (v view) Open(_ context.Context, c knowledge.Citation) (knowledge.Excerpt, error) {
	r, _ := v.find(c.Document)
	x := knowledge.Excerpt{Citation: c, Document: r.document}
	x.State, x.Start, x.End = c.Find(r.document)
	if x.State == knowledge.Holds || x.State == knowledge.Moved {
		x.Place = knowledge.PlaceAt(r.document.Places, x.Start)
		for _, p := range r.passages {
			if p.Start <= x.Start && x.Start < p.End {
				x.Heading = slices.Clone(p.Heading)
				break
			}
		}
	}
	return x, nil
}

func (v view) Documents(_ context.Context, f knowledge.Filter) ([]knowledge.Summary, error) {
	var list []knowledge.Summary
	for _, r := range v.visible() {
		d := r.document
		if admits(f, d.ID.Source(), d.ID.Path()) && (f.Replaces == "" || slices.Contains(d.Replaces, f.Replaces)) {
			list = append(list, knowledge.Summary{
				ID: d.ID, Version: d.Version, Title: d.Title, Modified: d.Modified, Dated: d.Dated,
				Replaces: d.Replaces, Asked: d.Asked, Readers: d.Readers, Passages: len(r.passages),
			})
		}
	}
	return list, nil
}

// What goes in and what comes out shares no memory with what is kept.

func cloneDocument(d knowledge.Document) knowledge.Document {
	d.Blocks = slices.Clone(d.Blocks)
	d.Places = slices.Clone(d.Places)
	d.Replaces = slices.Clone(d.Replaces)
	d.Readers.Groups = slices.Clone(d.Readers.Groups)
	if d.Asked != nil {
		d.Asked = &knowledge.Readers{Everyone: d.Asked.Everyone, Groups: slices.Clone(d.Asked.Groups)}
	}
	return d
}

func cloneEntry(e knowledge.Entry) knowledge.Entry {
	e.Readers.Groups = slices.Clone(e.Readers.Groups)
	return e
}
