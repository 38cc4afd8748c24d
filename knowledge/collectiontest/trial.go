package collectiontest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// trial does the same random operations to the oracle and to another collection.
type trial struct {
	random
	want *Memory
	got  knowledge.Collection
	*findings
	past      []string                                  // what was done, for whoever reads the findings
	life      map[knowledge.DocumentID]int              // how often the document was put
	ever      []knowledge.PassageID                     // the keys of spots, in the order they were seen
	spots     map[knowledge.PassageID]string            // every passage ever seen, by its spot
	numbers   map[string]knowledge.PassageID            // the reverse of spots
	keys      map[knowledge.PassageID]knowledge.Hash    // of every passage ever seen
	live      map[knowledge.PassageID]knowledge.Passage // the passages that are there now
	citations []knowledge.Citation
	states    map[knowledge.State]int // of the citations opened
}

// randomCollection does steps random operations to an empty collection and
// compares it with the oracle after each.
func randomCollection(ctx context.Context, c knowledge.Collection, seed uint64, steps int, f *findings) *trial {
	t := &trial{
		random: newRandom(seed), want: new(Memory), got: c, findings: f,
		life: map[knowledge.DocumentID]int{}, spots: map[knowledge.PassageID]string{},
		numbers: map[string]knowledge.PassageID{}, keys: map[knowledge.PassageID]knowledge.Hash{}, states: map[knowledge.State]int{},
	}
	for i := range steps {
		t.step(ctx)
		if i%4 == 3 {
			t.forget(ctx)
		}
		if i%3 > 0 {
			t.vectors(ctx)
		}
		t.compare(ctx)
		if len(*f) > 0 {
			f.addf("seed %d, after step %d; the last steps were:\n\t%s", seed, i+1, strings.Join(t.past[max(0, len(t.past)-5):], "\n\t"))
			return t
		}
	}
	return t
}

func (t *trial) did(format string, args ...any) {
	t.past = append(t.past, fmt.Sprintf(format, args...))
}

func (t *trial) step(ctx context.Context) {
	switch t.IntN(10) {
	case 0:
		t.setReaders(ctx)
	case 1:
		t.mustFail(ctx)
	case 2, 3, 4:
		changes := make([]knowledge.Change, 2+t.IntN(3))
		for i := range changes {
			changes[i] = t.change()
		}
		t.apply(ctx, changes)
	default:
		t.apply(ctx, []knowledge.Change{t.change()})
	}
}

func (t *trial) change() knowledge.Change {
	id := pick(t.random, files())
	switch t.IntN(6) {
	case 0:
		return kept(id, pick(t.random, []knowledge.Outcome{knowledge.HeldBack, knowledge.Damaged, knowledge.Waiting}), t.readers())
	case 1:
		return vanished(id)
	}
	return t.putFile(id)
}

func (t *trial) putFile(id knowledge.DocumentID) knowledge.Change {
	var old *knowledge.Document
	if r, ok := t.want.contents().documents[id]; ok {
		old = &r.document
	}
	c := t.random.put(id, old)
	if t.oneIn(4) {
		c.Entry.MovedFrom = "elsewhere.md"
		c.Entry.Tries = t.IntN(4)
	}
	return c
}

func describe(changes []knowledge.Change) string {
	var list []string
	for _, c := range changes {
		what := "keep the entry of"
		switch {
		case c.Vanished:
			what = "vanish"
		case c.Document != nil:
			what = fmt.Sprintf("put (%d passages, readers %q)", len(c.Passages), c.Document.Readers)
		}
		list = append(list, fmt.Sprintf("%s %s/%s", what, c.Entry.Source, c.Entry.Path))
	}
	return strings.Join(list, ", ")
}

func (t *trial) apply(ctx context.Context, changes []knowledge.Change) {
	t.did("Apply: %s", describe(changes))
	t.ok("Apply to the oracle", t.want.Apply(ctx, changes...))
	t.ok("Apply", t.got.Apply(ctx, changes...))
	for _, c := range changes {
		if c.Document != nil {
			t.life[c.Document.ID]++
			t.cite(*c.Document)
		}
	}
}

// mustFail applies changes of which one has a passage that is no span of its text.
func (t *trial) mustFail(ctx context.Context) {
	changes := []knowledge.Change{t.change(), t.change(), t.change()}
	bad := t.putFile(pick(t.random, files()))
	for len(bad.Passages) == 0 {
		bad = t.putFile(pick(t.random, files()))
	}
	p := &bad.Passages[t.IntN(len(bad.Passages))]
	switch t.IntN(3) {
	case 0:
		p.End = len(bad.Document.Text) + 1
	case 1:
		p.Start = -1
	case 2:
		p.Start, p.End = p.End, p.Start
	}
	changes[t.IntN(3)] = bad
	t.did("Apply with a passage %d-%d of a text of %d bytes: %s", p.Start, p.End, len(bad.Document.Text), describe(changes))
	if t.want.Apply(ctx, changes...) == nil || t.got.Apply(ctx, changes...) == nil {
		t.addf("Apply accepts a passage %d-%d of a text of %d bytes", p.Start, p.End, len(bad.Document.Text))
	}
}

func (t *trial) setReaders(ctx context.Context) {
	source := pick(t.random, files()).Source()
	readers := t.readers()
	each := map[knowledge.DocumentID]knowledge.Readers{}
	for _, id := range files() {
		each[id] = readers.Narrow(t.readers())
	}
	t.did("SetReaders of %s to %q", source, readers)
	per := func(id knowledge.DocumentID) knowledge.Readers { return each[id] }
	t.ok("SetReaders of the oracle", t.want.SetReaders(ctx, source, readers, per))
	t.ok("SetReaders", t.got.SetReaders(ctx, source, readers, per))
}

// forget forgets a document or a source, and may lift what keeps it away.
func (t *trial) forget(ctx context.Context) {
	id := pick(t.random, append(files(), "s/never"))
	what := knowledge.Selector{Source: id.Source(), Path: id.Path()}
	if t.oneIn(4) {
		what.Path = ""
	}
	t.did("Forget %s", what)
	want, wantErr := t.want.Forget(ctx, what, noon)
	got, err := t.got.Forget(ctx, what, noon)
	t.same("Forget: error", fault.KindOf(wantErr), fault.KindOf(err))
	t.same("Forget", want, knowledge.Proof{Documents: got.Documents, Passages: got.Passages, Tombstones: got.Tombstones, Copies: got.Copies, Found: got.Found, Rest: got.Rest})
	if t.oneIn(2) {
		t.did("Readmit %s", what)
		want, wantErr := t.want.Readmit(ctx, what)
		got, err := t.got.Readmit(ctx, what)
		t.same("Readmit: error", fault.KindOf(wantErr), fault.KindOf(err))
		t.same("Readmit", want, got)
	}
	left, _ := t.want.Tombstones(ctx)
	have, err := t.got.Tombstones(ctx)
	t.ok("Tombstones", err)
	t.same("Tombstones", left, have)
}

// cite keeps citations of d, true ones and crooked ones, to be opened later.
func (t *trial) cite(d knowledge.Document) {
	edge := func() int {
		at := t.IntN(len(d.Text) + 1)
		for !boundary(d.Text, at) {
			at--
		}
		return at
	}
	for range 2 {
		start, end := edge(), edge()
		c, err := knowledge.Cite(d, min(start, end), max(start, end))
		if !t.ok("cite", err) {
			return
		}
		switch t.IntN(8) {
		case 0:
			c.Quote, c.Before, c.After = "", "", ""
		case 1:
			c.Version = knowledge.HashOf(nil).Short()
		case 2:
			c.Document = pick(t.random, append(files(), "s/never"))
		case 3:
			c.End += len(d.Text)
		}
		t.citations = append(t.citations, c)
	}
	t.citations = t.citations[max(0, len(t.citations)-60):]
}

// spot names a passage across collections.
func spot(p knowledge.Passage) string { return fmt.Sprintf("%s %d-%d", p.Document, p.Start, p.End) }

func (t *trial) compare(ctx context.Context) {
	t.compareRecord(ctx)
	t.compareVectors(ctx)
	for _, f := range []knowledge.Filter{{}, pick(t.random, filters())} {
		want, _ := ledger(ctx, t.want, f)
		got, err := ledger(ctx, t.got, f)
		t.ok("Ledger", err)
		t.same(fmt.Sprintf("Ledger(%+v)", f), want, got)
	}
	asked := t.sentence(4) + pick(t.random, []string{"", "", " " + everywhere, " unheardof"})
	for _, asker := range askers() {
		if len(*t.findings) > 0 {
			return
		}
		t.compareView(ctx, asker, asked)
	}
}

// compareRecord learns which passages are there, by the owner's eyes, and
// checks that their IDs are neither used twice nor changed without need.
func (t *trial) compareRecord(ctx context.Context) {
	v := t.got.View(owner())
	ids := listed(ctx, t.findings, v)
	passages, err := v.Passages(ctx, ids)
	t.ok("Passages", err)
	t.live = map[knowledge.PassageID]knowledge.Passage{}
	texts := map[knowledge.DocumentID]string{}
	for _, p := range passages {
		t.live[p.ID] = p
		life := fmt.Sprintf("%s, put for the %d. time", spot(p), t.life[p.Document])
		if was, ok := t.spots[p.ID]; ok && was != life {
			t.addf("passage number %d is used twice: for %s and for %s", p.ID, was, life)
		}
		if id, ok := t.numbers[life]; ok && id != p.ID {
			t.addf("passage %s had number %d and has %d now, though its document was not put again", life, id, p.ID)
		}
		if _, ok := t.spots[p.ID]; !ok {
			t.ever = append(t.ever, p.ID)
			t.keys[p.ID] = p.Key()
		}
		t.spots[p.ID] = life
		t.numbers[life] = p.ID
		text, ok := texts[p.Document]
		if !ok {
			d, err := v.Document(ctx, p.Document)
			t.ok("Document", err)
			text, texts[p.Document] = d.Text, d.Text
		}
		if p.Start < 0 || p.End < p.Start || p.End > len(text) || text[p.Start:p.End] != p.Text {
			t.addf("passage %s is not the text it points to: %q", spot(p), p.Text)
		}
	}
	if n := len(rankAll(t.want, owner()).Passages); len(t.live) != n {
		t.addf("the owner sees %d passages, want %d", len(t.live), n)
	}
}

// listed returns the passages that a view shows, by the word they all hold.
func listed(ctx context.Context, f *findings, v knowledge.View) []knowledge.PassageID {
	legs, err := v.Legs(ctx, query(everywhere, all))
	f.ok("Legs", err)
	var ids []knowledge.PassageID
	for _, h := range legs.Passages {
		ids = append(ids, h.Passage)
	}
	slices.Sort(ids)
	return ids
}

func rankAll(m *Memory, asker knowledge.Asker) knowledge.Legs {
	var entries []knowledge.IndexEntry
	for _, r := range (view{m, asker}).visible() {
		entries = append(entries, r.terms)
	}
	return rank(entries, query(everywhere, all))
}

func ledger(ctx context.Context, c knowledge.Collection, f knowledge.Filter) ([]knowledge.Entry, error) {
	var list []knowledge.Entry
	for e, err := range c.Ledger(ctx, f) {
		if err != nil {
			return list, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (t *trial) compareView(ctx context.Context, asker knowledge.Asker, asked string) {
	as := fmt.Sprintf("as %+v: ", asker)
	oracle := view{t.want, asker}
	visible := oracle.visible()
	v := t.got.View(asker)

	for _, f := range []knowledge.Filter{{}, pick(t.random, filters())} {
		want, _ := oracle.Documents(ctx, f)
		got, err := v.Documents(ctx, f)
		t.ok(as+"Documents", err)
		t.same(fmt.Sprintf("%sDocuments(%+v)", as, f), want, got)
	}

	may := map[string]knowledge.Passage{}
	documents := map[knowledge.DocumentID]knowledge.Document{}
	for _, r := range visible {
		documents[r.document.ID] = r.document
		for _, p := range r.passages {
			may[spot(p)] = p
		}
	}
	t.comparePassages(ctx, as, v, may, asker.Owner)

	for range 3 {
		id := pick(t.random, append(files(), "s/never", "none/a.md", ""))
		d, err := v.Document(ctx, id)
		if want, ok := documents[id]; ok {
			t.ok(as+"Document", err)
			t.same(fmt.Sprintf("%sDocument(%s)", as, id), want, d)
			continue
		}
		t.missing(fmt.Sprintf("%sDocument(%s)", as, id), err)
		t.same(fmt.Sprintf("%sDocument(%s) beside its error", as, id), knowledge.Document{}, d)
	}

	t.compareLegs(ctx, as+fmt.Sprintf("Legs(%q)", asked), v, visible, asked)

	for range min(3, len(t.citations)) {
		c := pick(t.random, t.citations)
		want, _ := oracle.Open(ctx, c)
		got, err := v.Open(ctx, c)
		t.ok(as+"Open", err)
		t.excerpt(fmt.Sprintf("%sOpen(%s)", as, c.Pointer), want, got)
		t.states[want.State]++
	}
}

// comparePassages asks for what is there, what was there and what never was: for
// everything, or for some of it, since this is what takes a database longest.
func (t *trial) comparePassages(ctx context.Context, as string, v knowledge.View, may map[string]knowledge.Passage, everything bool) {
	var ids []knowledge.PassageID
	for id := range t.live {
		ids = append(ids, id, id+1)
	}
	for range min(30, len(t.ever)) {
		ids = append(ids, pick(t.random, t.ever))
	}
	ids = append(ids, 0, -1, 1<<40)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	t.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	if !everything {
		ids = ids[:min(40, len(ids))]
	}

	var want []knowledge.Passage
	for _, id := range ids {
		here, ok := t.live[id]
		if !ok {
			continue
		}
		if p, ok := may[spot(here)]; ok {
			p.ID = id
			want = append(want, p)
		}
	}
	got, err := v.Passages(ctx, ids)
	t.ok(as+"Passages", err)
	t.same(as+"Passages", want, got)
}

func (t *trial) compareLegs(ctx context.Context, what string, v knowledge.View, visible []record, asked string) {
	var entries []knowledge.IndexEntry
	spots := map[knowledge.PassageID]string{}
	for _, r := range visible {
		entries = append(entries, r.terms)
		for _, p := range r.passages {
			spots[p.ID] = spot(p)
		}
	}
	q := query(asked, all)
	switch t.IntN(4) {
	case 0:
		q.Stems, q.Words = nil, nil
		fallthrough
	case 1, 2:
		k := pick(t.random, marks())
		q.Mark, q.Vector = k.mark, vectorOf("question", k.length, hash(asked))
		what += " and a vector of " + q.Mark
	}
	want := rank(entries, q)
	t.want.contents().meaning(visible, q, &want)
	got, err := v.Legs(ctx, q)
	if !t.ok(what, err) {
		return
	}
	t.counts(what, q, want, got)

	// The two collections number documents differently, but one to one.
	documents := map[int64]knowledge.DocumentID{}
	numbers := map[knowledge.DocumentID]int64{}
	theirs := func(hits []knowledge.Hit, whole bool) []placed {
		var list []placed
		for _, h := range hits {
			p, ok := t.live[h.Passage]
			if !ok {
				t.addf("%s: a hit names passage %d, which is not there", what, h.Passage)
				continue
			}
			id, known := documents[h.Document]
			number, numbered := numbers[p.Document]
			if known && id != p.Document || numbered && number != h.Document {
				t.addf("%s: the hit at %s has document number %d, which is %s", what, spot(p), h.Document, id)
			}
			documents[h.Document], numbers[p.Document] = p.Document, h.Document
			tie := int64(h.Passage)
			if whole {
				tie = h.Document
			}
			list = append(list, placed{spot(p), tie, h.Score})
		}
		return list
	}
	ours := func(hits []knowledge.Hit) []placed {
		var list []placed
		for _, h := range hits {
			list = append(list, placed{name: spots[h.Passage], score: h.Score})
		}
		return list
	}
	t.ranking(what+": passages", exact, ours(want.Passages), theirs(got.Passages, false))
	t.ranking(what+": titles", exact, ours(want.Titles), theirs(got.Titles, true))
	t.ranking(what+": words", exact, ours(want.Words), theirs(got.Words, true))
	t.ranking(what+": meaning", near, ours(want.Meaning), theirs(got.Meaning, false))

	q.Top = 1 + t.IntN(6)
	short, err := v.Legs(ctx, q)
	t.ok(what, err)
	t.top(fmt.Sprintf("%s, top %d", what, q.Top), q.Top, got, short)
}

// excerpt compares what Open returns, as far as it is promised: the heading of a
// span that lies in no passage is not, nor is the quote of a bare pointer.
func (f *findings) excerpt(what string, want, got knowledge.Excerpt) {
	if got.State != want.State {
		f.addf("%s: state %q, want %q", what, got.State, want.State)
		return
	}
	f.same(what+": document", want.Document, got.Document)
	f.same(what+": pointer", want.Citation.Pointer, got.Citation.Pointer)
	switch {
	case want.State == knowledge.Gone && got.Citation.Quote+got.Citation.Before+got.Citation.After == "":
		// The asker's own words need not be handed back.
	case want.State == knowledge.Gone || want.Citation.Quote != "":
		f.same(what+": citation", want.Citation, got.Citation)
	}
	switch want.State {
	case knowledge.Holds, knowledge.Moved:
		if got.Start != want.Start || got.End != want.End {
			f.addf("%s: stands at %d-%d, want %d-%d", what, got.Start, got.End, want.Start, want.End)
		}
		f.same(what+": place", want.Place, got.Place)
		if want.Heading != nil {
			f.same(what+": heading", want.Heading, got.Heading)
		}
	case knowledge.Gone:
		if len(got.Heading) > 0 || got.Place != "" {
			f.addf("%s: is gone, but has heading %q and place %q", what, got.Heading, got.Place)
		}
	}
}
