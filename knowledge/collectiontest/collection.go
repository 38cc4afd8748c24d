package collectiontest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// TestCollection holds a collection to the rules of knowledge.Collection and
// knowledge.View. open returns an empty one each time; what it opens it closes
// with t.Cleanup. With -short there are fewer random operations.
func TestCollection(t *testing.T, open func(t *testing.T) knowledge.Collection) {
	for _, c := range collectionCases() {
		t.Run(c.name, func(t *testing.T) {
			var f findings
			c.check(t.Context(), open(t), &f)
			f.report(t)
		})
	}
	seeds, steps := []uint64{1, 2}, 100
	if testing.Short() {
		seeds, steps = seeds[:1], 40
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("random operations, seed %d", seed), func(t *testing.T) {
			var f findings
			randomCollection(t.Context(), open(t), seed, steps, &f)
			f.report(t)
		})
	}
}

// collectionCase is one rule, checked on an empty collection.
type collectionCase struct {
	name  string
	check func(context.Context, knowledge.Collection, *findings)
}

func collectionCases() []collectionCase {
	return []collectionCase{
		{"an empty collection", emptyCollection},
		{"what is put comes back", comesBack},
		{"Apply is all or nothing", allOrNothing},
		{"a document is replaced whole", replacedWhole},
		{"an entry without a document", entryAlone},
		{"what vanished", vanishedWhole},
		{"readers", readersAdmit},
		{"SetReaders", setReaders},
		{"denied and missing are alike", deniedIsMissing},
		{"passages in the order asked for", orderOfPassages},
		{"citations", citations},
		{"filters and order", filtersAndOrder},
		{"replaced documents", replacedDocuments},
		{"statistics of what is visible", statistics},
		{"ranking", ranking},
		{"reads beside writes", readsBesideWrites},
		{"what is forgotten", forgottenWhole},
		{"what is forgotten with the file that it is in", forgottenWithin},
		{"what a model gets of a passage", encodedAs},
		{"vectors of the same text", sharedVectors},
		{"vectors that are none", badVectors},
		{"ranking by meaning", byMeaning},
		{"the nearest of many", nearestOfMany},
	}
}

func ids(list []knowledge.Summary) []knowledge.DocumentID {
	var all []knowledge.DocumentID
	for _, s := range list {
		all = append(all, s.ID)
	}
	return all
}

func documents(ctx context.Context, f *findings, v knowledge.View, filter knowledge.Filter) []knowledge.DocumentID {
	list, err := v.Documents(ctx, filter)
	f.ok("Documents", err)
	return ids(list)
}

func legs(ctx context.Context, f *findings, v knowledge.View, q knowledge.Query) knowledge.Legs {
	l, err := v.Legs(ctx, q)
	f.ok("Legs", err)
	return l
}

// texts returns the texts of the passages a view shows, in order of their IDs.
func texts(ctx context.Context, f *findings, v knowledge.View) []string {
	passages, err := v.Passages(ctx, listed(ctx, f, v))
	f.ok("Passages", err)
	var all []string
	for _, p := range passages {
		all = append(all, p.Text)
	}
	return all
}

func emptyCollection(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply of nothing", c.Apply(ctx))
	f.ok("Apply of a file that vanished before it was seen", c.Apply(ctx, vanished("s/a.md")))
	for _, asker := range askers() {
		v := c.View(asker)
		f.same("Documents", []knowledge.DocumentID(nil), documents(ctx, f, v, knowledge.Filter{}))
		f.same("passages", []string(nil), texts(ctx, f, v))
		if l := legs(ctx, f, v, query("anything", 0)); l.Visible+len(l.Passages)+len(l.Titles)+len(l.Words)+l.Known["anyth"] > 0 {
			f.addf("Legs of an empty collection: %+v", l)
		}
	}
	entries, err := ledger(ctx, c, knowledge.Filter{})
	f.ok("Ledger", err)
	f.same("Ledger", []knowledge.Entry(nil), entries)
}

func comesBack(ctx context.Context, c knowledge.Collection, f *findings) {
	change := change(knowledge.Document{
		ID: "s/größe/a b@c#1.md", Origin: knowledge.HashOf([]byte("bytes")), Recipe: "r1+screen2", Title: everywhere + ": Größe 休暇", Lang: "de",
		Text:     "Vorwort\nTeil Größe\nErste Straße\n\n  eingerückt \nPunkt 休暇\n休暇を申請する 🙂\nTeil Zwei\nSchluss",
		Modified: time.Date(2024, 2, 29, 23, 59, 59, 999_999_000, time.UTC), Dated: time.Date(1848, 3, 18, 0, 0, 0, 0, time.UTC),
		Asked: &knowledge.Readers{Groups: []knowledge.Group{"g1", "g2", "g3"}}, Readers: only("g1", "g2"),
	})
	change.Entry.Reason, change.Entry.Tries, change.Entry.MovedFrom, change.Entry.Size = "two pages are blank", 2, "old/a.md", 1<<40
	if !f.ok("Apply", c.Apply(ctx, change)) {
		return
	}
	v := c.View(member("g2"))
	want := *change.Document
	d, err := v.Document(ctx, want.ID)
	f.ok("Document", err)
	f.same("Document", want, d)
	list, err := v.Documents(ctx, knowledge.Filter{})
	f.ok("Documents", err)
	f.same("Documents", []knowledge.Summary{{ID: want.ID, Version: want.Version, Title: want.Title, Modified: want.Modified,
		Dated: want.Dated, Asked: want.Asked, Readers: want.Readers, Passages: 5}}, list)
	numbers := listed(ctx, f, v)
	passages, err := v.Passages(ctx, numbers)
	f.ok("Passages", err)
	if len(passages) != 5 || len(numbers) != 5 {
		f.addf("%d passages, want 5", len(passages))
		return
	}
	for i := range change.Passages {
		change.Passages[i].ID = numbers[i]
	}
	f.same("Passages", change.Passages, passages)
	for _, p := range passages {
		if d.Text[p.Start:p.End] != p.Text {
			f.addf("passage %d-%d is not the text it points to: %q", p.Start, p.End, p.Text)
		}
	}
	entries, err := ledger(ctx, c, knowledge.Filter{})
	f.ok("Ledger", err)
	f.same("Ledger", []knowledge.Entry{change.Entry}, entries)

	// What the caller does with its own values afterwards is its own business.
	change.Document.Readers.Groups[0] = "g9"
	change.Document.Asked.Groups[0] = "g9"
	change.Document.Blocks[0].End = 1
	change.Passages[1].Heading[0] = "another"
	again, err := v.Document(ctx, want.ID)
	f.ok("Document", err)
	f.same("Document after the caller changed its own", d, again)
}

func allOrNothing(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins", "zwei"), kept("s/held", knowledge.HeldBack, everyone())))
	v := c.View(owner())
	numbers := listed(ctx, f, v)
	before, _ := ledger(ctx, c, knowledge.Filter{})
	scores := legs(ctx, f, v, query("zwei "+everywhere, 0))

	bad := func(spoil func(*knowledge.Change)) knowledge.Change {
		c := put("s/b", everyone(), "drei", "größer vier")
		spoil(&c)
		return c
	}
	for what, wrong := range map[string]knowledge.Change{
		"ends behind the text":     bad(func(c *knowledge.Change) { c.Passages[1].End++ }),
		"starts before the text":   bad(func(c *knowledge.Change) { c.Passages[0].Start = -1 }),
		"ends before it starts":    bad(func(c *knowledge.Change) { c.Passages[1].Start, c.Passages[1].End = 6, 5 }),
		"lies behind the text":     bad(func(c *knowledge.Change) { c.Passages[1].Start, c.Passages[1].End = 90, 95 }),
		"has another text":         bad(func(c *knowledge.Change) { c.Passages[0].Text = "four" }),
		"is under another's entry": bad(func(c *knowledge.Change) { c.Entry.Path = "c" }),
	} {
		good := []knowledge.Change{put("s/a", only("g1"), "neu"), put("s/new", everyone(), "neu"), vanished("s/held")}
		for at := range 3 {
			if c.Apply(ctx, slices.Insert(slices.Clone(good), at, wrong)...) == nil {
				f.addf("Apply accepts a document of which a passage %s", what)
			}
			f.same("documents after Apply failed: one "+what, []knowledge.DocumentID{"s/a"}, documents(ctx, f, v, knowledge.Filter{}))
			f.same("passages after Apply failed: one "+what, numbers, listed(ctx, f, v))
			f.same("their texts", []string{"eins", "zwei"}, texts(ctx, f, v))
			f.same("Legs after Apply failed: one "+what, scores, legs(ctx, f, v, query("zwei "+everywhere, 0)))
			after, _ := ledger(ctx, c, knowledge.Filter{})
			f.same("Ledger after Apply failed: one "+what, before, after)
		}
	}
}

func replacedWhole(ctx context.Context, c knowledge.Collection, f *findings) {
	v := c.View(owner())
	used := map[knowledge.PassageID]int{}
	for round, lines := range [][]string{{"eins", "zwei", "drei"}, {"eins", "zwei", "drei"}, {"zwei"}, {}, {"eins", "vier"}} {
		if !f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), lines...))) {
			return
		}
		f.same("passages", lines, texts(ctx, f, v))
		for _, id := range listed(ctx, f, v) {
			if was, ok := used[id]; ok {
				f.addf("passage number %d of round %d is used again in round %d", id, was, round)
			}
			used[id] = round
		}
		gone := slices.DeleteFunc(slices.Sorted(maps.Keys(used)), func(id knowledge.PassageID) bool { return used[id] == round })
		old, err := v.Passages(ctx, gone)
		f.ok("Passages", err)
		f.same("passages of what was replaced", []knowledge.Passage(nil), old)
		f.same("Documents", []knowledge.DocumentID{"s/a"}, documents(ctx, f, v, knowledge.Filter{}))
		if l := legs(ctx, f, v, query("drei", 0)); len(l.Passages) != strings.Count(strings.Join(lines, " "), "drei") || l.Visible != len(lines) {
			f.addf("round %d: %d passages with a word of the first (of %d visible)", round, len(l.Passages), l.Visible)
		}
	}
	d, err := v.Document(ctx, "s/a")
	f.ok("Document", err)
	f.same("the text", "eins\nvier", d.Text)
	entries, _ := ledger(ctx, c, knowledge.Filter{})
	f.same("Ledger", []knowledge.Entry{put("s/a", everyone(), "eins", "vier").Entry}, entries)

	// Changes of one Apply follow one another.
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "fünf"), vanished("s/a"), put("s/a", everyone(), "sechs"), put("s/a", everyone(), "sieben")))
	f.same("passages of the last of four changes", []string{"sieben"}, texts(ctx, f, v))
}

func entryAlone(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins"), put("s/b", everyone(), "zwei")))
	v := c.View(owner())
	before := listed(ctx, f, v)
	change := kept("s/a", knowledge.HeldBack, only("g1"))
	f.ok("Apply", c.Apply(ctx, change))
	f.same("Documents", []knowledge.DocumentID{"s/b"}, documents(ctx, f, v, knowledge.Filter{}))
	f.same("passages", []string{"zwei"}, texts(ctx, f, v))
	after := listed(ctx, f, v)
	if len(after) != 1 || !slices.Contains(before, after[0]) {
		f.addf("the other document's passage has number %v now, it was one of %v", after, before)
	}
	_, err := v.Document(ctx, "s/a")
	f.missing("Document", err)
	entries, _ := ledger(ctx, c, knowledge.Filter{Path: "a"})
	f.same("Ledger", []knowledge.Entry{change.Entry}, entries)
}

func vanishedWhole(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins"), put("s/b", everyone(), "zwei"), kept("s/c", knowledge.Damaged, everyone())))
	v := c.View(owner())
	before := listed(ctx, f, v)
	moved := put("s/d", everyone(), "zwei")
	moved.Entry.MovedFrom = "b"
	f.ok("Apply", c.Apply(ctx, vanished("s/b"), vanished("s/c"), moved))
	f.same("Documents", []knowledge.DocumentID{"s/a", "s/d"}, documents(ctx, f, v, knowledge.Filter{}))
	entries, _ := ledger(ctx, c, knowledge.Filter{})
	f.same("Ledger", []knowledge.Entry{put("s/a", everyone(), "eins").Entry, moved.Entry}, entries)
	_, err := v.Document(ctx, "s/b")
	f.missing("Document", err)
	now := listed(ctx, f, v)
	if fresh := slices.DeleteFunc(slices.Clone(now), func(id knowledge.PassageID) bool { return slices.Contains(before, id) }); len(now) != 2 || len(fresh) != 1 {
		f.addf("passages %v after %v: the number of what vanished is used again", now, before)
	}
	if l := legs(ctx, f, v, query("zwei", 0)); len(l.Passages) != 1 || len(l.Words) != 1 || l.Visible != 2 || l.Known["zwei"] != 1 {
		f.addf("Legs knows what vanished: %+v", l)
	}
}

// readersAdmit shows each asker a document of every kind of readers.
func readersAdmit(ctx context.Context, c knowledge.Collection, f *findings) {
	kinds := map[knowledge.DocumentID]knowledge.Readers{
		"s/owner": {}, "s/all": everyone(), "s/g1": only("g1"), "s/g2": only("g2"), "s/g10": only("g10"), "s/both": only("g1", "g2"), "s/G1": only("G1"),
	}
	var changes []knowledge.Change
	for id, r := range kinds {
		changes = append(changes, put(id, r, "inhalt von "+id.Path()))
	}
	f.ok("Apply", c.Apply(ctx, changes...))
	every := listed(ctx, f, c.View(owner()))
	for _, asker := range askers() {
		v := c.View(asker)
		var want []knowledge.DocumentID
		for _, id := range slices.Sorted(maps.Keys(kinds)) {
			cited, err := knowledge.Cite(*put(id, everyone(), "inhalt von "+id.Path()).Document, 0, 6)
			f.ok("cite", err)
			d, err := v.Document(ctx, id)
			x, openErr := v.Open(ctx, cited)
			f.ok("Open", openErr)
			if asker.MayRead(kinds[id]) {
				want = append(want, id)
				f.ok("Document", err)
				f.same("text", "inhalt von "+id.Path(), d.Text)
				f.same("state", knowledge.Holds, x.State)
				continue
			}
			f.missing(fmt.Sprintf("Document(%s) as %+v", id, asker), err)
			if x.State != knowledge.Gone || d.Text+x.Document.Text+x.Document.Title != "" {
				f.addf("%+v opens %s: %+v", asker, id, x)
			}
		}
		f.same(fmt.Sprintf("Documents as %+v", asker), want, documents(ctx, f, v, knowledge.Filter{}))
		passages, err := v.Passages(ctx, every)
		f.ok("Passages", err)
		var got []knowledge.DocumentID
		for _, p := range passages {
			got = append(got, p.Document)
		}
		slices.Sort(got)
		f.same(fmt.Sprintf("passages as %+v", asker), want, got)
		l := legs(ctx, f, v, query("inhalt", 0))
		if n := len(want); l.Visible != n || len(l.Passages) != n || len(l.Words) != n || l.Known["inhalt"] != n {
			f.addf("as %+v: Legs ranks %d passages and %d documents of %d, with %d known, want %d", asker, len(l.Passages), len(l.Words), l.Visible, l.Known["inhalt"], n)
		}
		if l = legs(ctx, f, v, query(everywhere, 0)); len(l.Titles) != len(want) {
			f.addf("as %+v: Legs ranks %d titles, want %d", asker, len(l.Titles), len(want))
		}
	}
}

func setReaders(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins"), put("s/b", everyone(), "zwei"), kept("s/c", knowledge.HeldBack, everyone()),
		put("s_2/a", everyone(), "drei"), put("S/a", everyone(), "vier"), put("s/s/a", everyone(), "fünf")))
	v := c.View(owner())
	numbers := listed(ctx, f, v)
	before, err := v.Documents(ctx, knowledge.Filter{})
	f.ok("Documents", err)
	entries, _ := ledger(ctx, c, knowledge.Filter{})

	per := func(id knowledge.DocumentID) knowledge.Readers {
		if id == "s/b" {
			return knowledge.Readers{}
		}
		return only("g1")
	}
	f.ok("SetReaders", c.SetReaders(ctx, "s", only("g1"), per))
	for i := range before {
		if before[i].ID.Source() == "s" {
			before[i].Readers = per(before[i].ID)
		}
	}
	for i := range entries {
		if entries[i].Source == "s" {
			entries[i].Readers = per(knowledge.ID("s", entries[i].Path))
		}
	}
	after, err := v.Documents(ctx, knowledge.Filter{})
	f.ok("Documents", err)
	f.same("Documents after SetReaders", before, after)
	f.same("passage numbers after SetReaders", numbers, listed(ctx, f, v))
	kept, _ := ledger(ctx, c, knowledge.Filter{})
	f.same("Ledger after SetReaders", entries, kept)
	d, err := v.Document(ctx, "s/a")
	f.ok("Document", err)
	f.same("readers of a document", only("g1"), d.Readers)

	f.same("Documents as a member of g1", []knowledge.DocumentID{"S/a", "s/a", "s/s/a", "s_2/a"}, documents(ctx, f, c.View(member("g1")), knowledge.Filter{}))
	stranger := c.View(member())
	f.same("Documents as a member of none", []knowledge.DocumentID{"S/a", "s_2/a"}, documents(ctx, f, stranger, knowledge.Filter{}))
	if l := legs(ctx, f, stranger, query("eins drei", 0)); l.Visible != 2 || len(l.Passages) != 1 || len(l.Words) != 1 {
		f.addf("Legs as a member of none after SetReaders: %+v", l)
	}
	f.ok("SetReaders", c.SetReaders(ctx, "s", everyone(), func(knowledge.DocumentID) knowledge.Readers { return everyone() }))
	f.same("Documents once all may read", ids(before), documents(ctx, f, stranger, knowledge.Filter{}))
	f.same("passage numbers once all may read", numbers, listed(ctx, f, stranger))
}

// deniedIsMissing asks for the same document while it is denied and once it is no more.
func deniedIsMissing(ctx context.Context, c knowledge.Collection, f *findings) {
	denied := put("s/geheim", only("g1"), "ein geheimnis", "noch eines")
	f.ok("Apply", c.Apply(ctx, denied, put("s/a", everyone(), "eins")))
	cited, err := knowledge.Cite(*denied.Document, 4, 13)
	f.ok("cite", err)
	numbers := listed(ctx, f, c.View(owner()))

	type seen struct {
		Error    string
		Kind     fault.Kind
		Document knowledge.Document
		Excerpt  knowledge.Excerpt
		Passages []knowledge.Passage
		Legs     knowledge.Legs
		Listed   []knowledge.Summary
	}
	look := func(asker knowledge.Asker) seen {
		v := c.View(asker)
		var s seen
		var err error
		if s.Document, err = v.Document(ctx, "s/geheim"); err == nil {
			f.addf("%+v reads what is denied or missing", asker)
		} else {
			s.Error, s.Kind = err.Error(), fault.KindOf(err)
		}
		f.missing("Document", err)
		s.Excerpt, err = v.Open(ctx, cited)
		f.ok("Open", err)
		s.Passages, err = v.Passages(ctx, numbers)
		f.ok("Passages", err)
		s.Legs = legs(ctx, f, v, query("geheimnis eins", 0))
		s.Listed, err = v.Documents(ctx, knowledge.Filter{Path: "geheim"})
		f.ok("Documents", err)
		return s
	}
	who := []knowledge.Asker{nobody(), member(), member("g2")}
	var whileDenied []seen
	for _, asker := range who {
		whileDenied = append(whileDenied, look(asker))
	}
	f.ok("Apply", c.Apply(ctx, vanished("s/geheim")))
	for i, asker := range who {
		s := look(asker)
		f.same(fmt.Sprintf("what %+v sees of a document that is not there, against one that is denied", asker), s, whileDenied[i])
		if s.Excerpt.State != knowledge.Gone || s.Excerpt.Document.Text != "" {
			f.addf("Open of what is missing: %+v", s.Excerpt)
		}
	}
}

func orderOfPassages(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins", "zwei"), put("s/b", only("g1"), "drei"), put("s/c", everyone(), "vier")))
	numbers := map[string]knowledge.PassageID{}
	all, err := c.View(owner()).Passages(ctx, listed(ctx, f, c.View(owner())))
	f.ok("Passages", err)
	for _, p := range all {
		numbers[p.Text] = p.ID
	}
	asked := []knowledge.PassageID{numbers["vier"], 1 << 50, numbers["eins"], numbers["drei"], -7, numbers["zwei"], 0}
	for _, want := range []struct {
		asker knowledge.Asker
		texts []string
	}{
		{owner(), []string{"vier", "eins", "drei", "zwei"}},
		{member("g1"), []string{"vier", "eins", "drei", "zwei"}},
		{member("g2"), []string{"vier", "eins", "zwei"}},
		{nobody(), nil},
	} {
		passages, err := c.View(want.asker).Passages(ctx, asked)
		f.ok("Passages", err)
		var got []string
		for _, p := range passages {
			got = append(got, p.Text)
		}
		f.same(fmt.Sprintf("Passages(vier, missing, eins, drei, missing, zwei, missing) as %+v", want.asker), want.texts, got)
	}
	none, err := c.View(owner()).Passages(ctx, nil)
	f.ok("Passages of none", err)
	f.same("Passages of none", []knowledge.Passage(nil), none)
}

func citations(ctx context.Context, c knowledge.Collection, f *findings) {
	first := put("s/a", only("g1"), "Teil Urlaub", "Es gibt dreißig Tage.", "Der Antrag liegt im Büro.", "Am Ende steht ein langer Satz über ganz andere Dinge.")
	f.ok("Apply", c.Apply(ctx, first))
	at := strings.Index(first.Document.Text, "dreißig")
	cited, err := knowledge.Cite(*first.Document, at, at+len("dreißig Tage"))
	f.ok("cite", err)
	last := strings.Index(first.Document.Text, "langer")
	other, err := knowledge.Cite(*first.Document, last, last+len("langer Satz"))
	f.ok("cite", err)
	bare := cited
	bare.Quote, bare.Before, bare.After = "", "", ""

	check := func(when string, asker knowledge.Asker, cited knowledge.Citation, state knowledge.State, says string) {
		x, err := c.View(asker).Open(ctx, cited)
		if !f.ok("Open", err) {
			return
		}
		if x.State != state {
			f.addf("%s, %q: state %q, want %q", when, cited.Quote, x.State, state)
		}
		f.same(when+": pointer", cited.Pointer, x.Citation.Pointer)
		switch state {
		case knowledge.Gone:
			f.same(when+": document", knowledge.Document{}, x.Document)
			f.same(when+": heading", []string(nil), x.Heading)
			f.same(when+": place", "", x.Place)
			return
		case knowledge.Holds, knowledge.Moved:
			if x.Start < 0 || x.End < x.Start || x.End > len(x.Document.Text) || x.Document.Text[x.Start:x.End] != says {
				f.addf("%s: the excerpt is %d-%d of %q, want %q", when, x.Start, x.End, x.Document.Text, says)
			}
			f.same(when+": place", knowledge.PlaceAt(x.Document.Places, x.Start), x.Place)
			f.same(when+": heading", []string{"Teil Urlaub"}, x.Heading)
		}
		d, err := c.View(asker).Document(ctx, cited.Document)
		f.ok("Document", err)
		f.same(when+": document", d, x.Document)
	}
	for _, who := range []knowledge.Asker{owner(), member("g1")} {
		check("unchanged", who, cited, knowledge.Holds, "dreißig Tage")
		check("unchanged", who, bare, knowledge.Holds, "dreißig Tage")
	}
	for _, who := range []knowledge.Asker{nobody(), member(), member("g2")} {
		check("denied", who, cited, knowledge.Gone, "")
		check("denied", who, bare, knowledge.Gone, "")
	}
	elsewhere := cited
	elsewhere.Document = "s/never"
	check("of no document", owner(), elsewhere, knowledge.Gone, "")

	f.ok("Apply", c.Apply(ctx, put("s/a", only("g1"), "Neu davor.", "Teil Urlaub", "Es gibt dreißig Tage.", "Der Antrag liegt im Büro.", "Am Ende steht nichts.")))
	check("moved", member("g1"), cited, knowledge.Moved, "dreißig Tage")
	check("moved", member("g1"), other, knowledge.Changed, "")
	check("moved", member("g1"), bare, knowledge.Changed, "")
	check("moved", member("g2"), cited, knowledge.Gone, "")
	f.ok("Apply", c.Apply(ctx, put("s/a", only("g1"), "Teil Urlaub", "Es gibt dreißig Tage.", "Der Antrag liegt im Haus.")))
	check("a version in which it stands in its place", member("g1"), cited, knowledge.Holds, "dreißig Tage")
	f.ok("Apply", c.Apply(ctx, put("s/a", only("g1"), "Teil Urlaub", "Es gibt zwanzig Tage.")))
	check("changed", member("g1"), cited, knowledge.Changed, "")
	f.ok("SetReaders", c.SetReaders(ctx, "s", only("g2"), func(knowledge.DocumentID) knowledge.Readers { return only("g2") }))
	check("of other readers", member("g1"), cited, knowledge.Gone, "")
	check("of other readers", member("g2"), cited, knowledge.Changed, "")
	f.ok("Apply", c.Apply(ctx, kept("s/a", knowledge.HeldBack, everyone())))
	check("held back", owner(), cited, knowledge.Gone, "")
}

func filtersAndOrder(ctx context.Context, c knowledge.Collection, f *findings) {
	var changes []knowledge.Change
	for _, id := range files() {
		if id.Path() == "A/b.md" {
			changes = append(changes, kept(id, knowledge.Unsupported, everyone()))
		} else {
			changes = append(changes, put(id, everyone(), "in "+string(id)))
		}
	}
	changes = append(changes, put("s/a/denied.md", only("g1"), "denied"))
	slices.Reverse(changes)
	f.ok("Apply", c.Apply(ctx, changes...))
	// None of these documents replaces another: see replacedDocuments.
	byPath := slices.DeleteFunc(filters(), func(filter knowledge.Filter) bool { return filter.Replaces != "" })
	admits := func(filter knowledge.Filter, e knowledge.Entry) bool {
		below := strings.HasSuffix(filter.Path, "/")
		return (filter.Source == "" || filter.Source == e.Source) &&
			(filter.Path == "" || !below && filter.Path == e.Path || below && strings.HasPrefix(e.Path, filter.Path))
	}
	for _, filter := range byPath {
		var entries []knowledge.Entry
		var seen, all []knowledge.DocumentID
		for _, c := range changes {
			if !admits(filter, c.Entry) {
				continue
			}
			entries = append(entries, c.Entry)
			if c.Document != nil {
				all = append(all, c.Document.ID)
				if c.Document.Readers.Everyone {
					seen = append(seen, c.Document.ID)
				}
			}
		}
		slices.SortFunc(entries, func(a, b knowledge.Entry) int {
			return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Path, b.Path))
		})
		slices.Sort(seen)
		slices.Sort(all)
		f.same(fmt.Sprintf("Documents(%+v)", filter), seen, documents(ctx, f, c.View(member("g2")), filter))
		f.same(fmt.Sprintf("Documents(%+v) as the owner", filter), all, documents(ctx, f, c.View(owner()), filter))
		f.same(fmt.Sprintf("Documents(%+v) as nobody", filter), []knowledge.DocumentID(nil), documents(ctx, f, c.View(nobody()), filter))
		got, err := ledger(ctx, c, filter)
		f.ok("Ledger", err)
		f.same(fmt.Sprintf("Ledger(%+v)", filter), entries, got)
	}
	// Whoever stops reading the ledger leaves nothing locked.
	for range 40 {
		for range c.Ledger(ctx, knowledge.Filter{}) {
			break
		}
	}
	f.ok("Apply after a ledger that was not read to its end", c.Apply(ctx, vanished("s/a.md")))
}

func replacedDocuments(ctx context.Context, c knowledge.Collection, f *findings) {
	newer := put("s/new", everyone(), "neu")
	newer.Document.Replaces = []knowledge.DocumentID{"s/open", "s/secret", "s/never"}
	f.ok("Apply", c.Apply(ctx, newer, put("s/open", everyone(), "alt"), put("s/secret", only("g1"), "alt")))
	cited, err := knowledge.Cite(*newer.Document, 0, 3)
	f.ok("cite", err)
	check := func(when string, asker knowledge.Asker, want ...knowledge.DocumentID) {
		what := fmt.Sprintf("Replaces %s, as %+v", when, asker)
		v := c.View(asker)
		d, err := v.Document(ctx, "s/new")
		f.ok("Document", err)
		f.same(what+": Document", want, d.Replaces)
		x, err := v.Open(ctx, cited)
		f.ok("Open", err)
		f.same(what+": Open", want, x.Document.Replaces)
		for _, filter := range []knowledge.Filter{{}, {Path: "new"}} {
			list, err := v.Documents(ctx, filter)
			f.ok("Documents", err)
			for _, s := range list {
				if s.ID == "s/new" {
					f.same(fmt.Sprintf("%s: Documents(%+v)", what, filter), want, s.Replaces)
				}
			}
		}
		// Nor does a filter tell what the list does not.
		for _, old := range newer.Document.Replaces {
			var found []knowledge.DocumentID
			if slices.Contains(want, old) {
				found = []knowledge.DocumentID{"s/new"}
			}
			filter := knowledge.Filter{Replaces: old}
			f.same(fmt.Sprintf("%s: Documents(%+v)", what, filter), found, documents(ctx, f, v, filter))
		}
	}
	entries, err := ledger(ctx, c, knowledge.Filter{Replaces: "s/never"})
	f.ok("Ledger", err)
	if len(entries) != 3 {
		f.addf("Ledger is narrowed by Replaces to %d entries", len(entries))
	}
	check("at first", owner(), "s/open", "s/secret")
	check("at first", member("g1"), "s/open", "s/secret")
	check("at first", member("g2"), "s/open")
	f.ok("SetReaders", c.SetReaders(ctx, "s", everyone(), func(id knowledge.DocumentID) knowledge.Readers {
		if id == "s/open" {
			return knowledge.Readers{}
		}
		return everyone()
	}))
	check("with other readers", member("g2"), "s/secret")
	f.ok("Apply", c.Apply(ctx, vanished("s/open"), kept("s/secret", knowledge.HeldBack, everyone())))
	check("once they are gone", owner())
}

// statistics compares what an asker sees before and after documents come that
// are not for that asker.
func statistics(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "ofen heiss ofen", "kalt"), put("s/b", everyone(), "ofen eis wasser salz"), put("s/c", everyone(), "nichts davon")))
	v := c.View(member("g2"))
	before := legs(ctx, f, v, query("ofen kalt salz", 0))
	if len(before.Passages) != 3 || len(before.Words) != 2 || before.Visible != 4 || before.Known["ofen"] != 2 {
		f.addf("Legs: %+v", before)
	}
	for i := range 5 {
		f.ok("Apply", c.Apply(ctx, put(knowledge.DocumentID(fmt.Sprintf("s/d%d", i)), only("g1"), "ofen", "salz und ofen und kalt und noch viel mehr")))
	}
	f.same("Legs after documents came that the asker may not read", before, legs(ctx, f, v, query("ofen kalt salz", 0)))
	f.ok("SetReaders", c.SetReaders(ctx, "s", everyone(), func(knowledge.DocumentID) knowledge.Readers { return everyone() }))
	if after := legs(ctx, f, v, query("ofen kalt salz", 0)); after.Visible != 14 || after.Known["ofen"] != 12 {
		f.addf("Legs once all may read: %d visible, %d with a word, want 14 and 12", after.Visible, after.Known["ofen"])
	}
}

func ranking(ctx context.Context, c knowledge.Collection, f *findings) {
	v := c.View(owner())
	// heads returns what the hits name, in alphabetical order: which of two
	// documents has the lower number is the collection's business.
	heads := func(hits []knowledge.Hit) []string {
		numbers := make([]knowledge.PassageID, len(hits))
		for i, h := range hits {
			numbers[i] = h.Passage
		}
		passages, err := v.Passages(ctx, numbers)
		f.ok("Passages", err)
		var all []string
		for _, p := range passages {
			all = append(all, p.Document.Path()+": "+p.Text)
		}
		slices.Sort(all)
		return all
	}
	score := func(what string, hits []knowledge.Hit, want float64) {
		if len(hits) == 0 || !(math.Abs(hits[0].Score-want) <= 1e-9) {
			f.addf("%s: %+v, want a first score of %.12f", what, hits, want)
		}
	}
	// One passage, one document: its length is the average, and tf/(tf+k1) is left.
	f.ok("Apply", c.Apply(ctx, put("s/zimt", everyone(), strings.Repeat("wort ", 200)), put("s/empty", everyone())))
	one := math.Log(1 + 0.5/1.5)
	l := legs(ctx, f, v, query("wort", 0))
	score("a word that stands 200 times counts 127 times", l.Passages, one*127/127.9)
	score("in a document too", l.Words, one*127/127.9)
	l = legs(ctx, f, v, query("wort wort", 0))
	score("a word that stands twice in the query", l.Passages, 2*one*127/127.9)
	f.same("passages with an unknown word", []knowledge.Hit(nil), legs(ctx, f, v, query("unbekannt", 0)).Passages)
	l = legs(ctx, f, v, query("zimt", 0))
	score("a word of the path", l.Titles, one/1.9)
	f.same("passages with a word of the path", []knowledge.Hit(nil), l.Passages)
	f.same("documents with a word of the path", []knowledge.Hit(nil), l.Words)
	if l = legs(ctx, f, v, query("empty", 0)); len(l.Titles) > 0 {
		f.addf("a document without passages is a hit: %+v", l.Titles)
	}
	if l = legs(ctx, f, v, query("and or not the", 0)); l.Visible != 1 || len(l.Passages) > 0 {
		f.addf("a query of stop words: %+v", l)
	}
	if l = legs(ctx, f, v, knowledge.Query{}); l.Visible != 1 || len(l.Passages)+len(l.Titles)+len(l.Words) > 0 {
		f.addf("an empty query: %+v", l)
	}

	// Ties, whole documents, the bound on hits.
	f.ok("Apply", c.Apply(ctx, vanished("s/zimt"), put("s/m", everyone(), "vorher", "gleich hier", "gleich hier"), put("s/c", everyone(), "gleich hier", "vorher", "gleich hier")))
	l = legs(ctx, f, v, query("gleich", 0))
	f.same("ties", []string{"c: gleich hier", "c: gleich hier", "m: gleich hier", "m: gleich hier"}, heads(l.Passages))
	if !slices.IsSortedFunc(l.Passages, func(a, b knowledge.Hit) int { return cmp.Compare(a.Passage, b.Passage) }) {
		f.addf("ties are not in the order of their numbers: %+v", l.Passages)
	}
	f.same("whole documents name their first passage", []string{"c: gleich hier", "m: vorher"}, heads(l.Words))
	f.same("titles too", []string{"c: gleich hier", "m: vorher"}, heads(legs(ctx, f, v, query(everywhere, 0)).Titles))
	documents := map[int64]int{}
	for _, h := range slices.Concat(l.Passages, l.Words) {
		documents[h.Document]++
	}
	if got := slices.Collect(maps.Values(documents)); !slices.Equal(got, []int{3, 3}) {
		f.addf("two documents with two passages each have hits by %d document numbers: %+v and %+v", len(documents), l.Passages, l.Words)
	}
	for _, n := range []int{1, 2, 3, 4, 5} {
		f.top(fmt.Sprintf("top %d", n), n, l, legs(ctx, f, v, query("gleich", n)))
	}
	var many []knowledge.Change
	for i := range 130 {
		many = append(many, put(knowledge.DocumentID(fmt.Sprintf("s/many/%03d", i)), everyone(), "viel"))
	}
	f.ok("Apply", c.Apply(ctx, many...))
	l = legs(ctx, f, v, query("viel "+everywhere, 0))
	if len(l.Passages) != 100 || len(l.Titles) != 100 || len(l.Words) != 100 || l.Known["viel"] != 130 || l.Visible != 136 {
		f.addf("Legs without a bound: %d passages, %d titles, %d documents, %d known, %d visible; want 100, 100, 100, 130, 136",
			len(l.Passages), len(l.Titles), len(l.Words), l.Known["viel"], l.Visible)
	}
	f.top("no bound is 100", 100, legs(ctx, f, v, query("viel "+everywhere, all)), l)
}

// noon is when the samples are forgotten.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// tombstone is the one of a file of which was known what put leaves behind.
func tombstone(c knowledge.Change) knowledge.Tombstone {
	return knowledge.Tombstone{Source: hash(c.Entry.Source), Place: hash(c.Entry.Source + "/" + c.Entry.Path), Origin: c.Entry.Origin, At: noon}
}

func forgottenWhole(ctx context.Context, c knowledge.Collection, f *findings) {
	a, b, copied := put("s/a", only("g1"), "eins", "zwei"), put("s/b", everyone(), "drei"), put("t/copy", everyone(), "drei")
	held, empty := kept("s/held", knowledge.HeldBack, everyone()), kept("s/empty", knowledge.Empty, everyone())
	held.Entry.Origin, empty.Entry.Origin = hash("held"), hash("")
	a.Entry.MovedFrom, a.Entry.Tries = "secret name", 1
	f.ok("Apply", c.Apply(ctx, a, b, copied, held, empty, put("S/a", everyone(), "vier"), put("s2/b", everyone(), "fünf")))
	v := c.View(owner())
	cited, err := knowledge.Cite(*a.Document, 0, 4)
	f.ok("cite", err)
	forget := func(s string, want knowledge.Proof) {
		p, err := c.Forget(ctx, knowledge.ParseSelector(s), noon)
		f.ok("Forget "+s, err)
		f.same("Forget "+s, want, knowledge.Proof{Documents: p.Documents, Passages: p.Passages, Tombstones: p.Tombstones, Copies: p.Copies, Found: p.Found, Rest: p.Rest})
	}
	forget("s/a", knowledge.Proof{Documents: 1, Passages: 2, Tombstones: []knowledge.Tombstone{tombstone(a)}})
	forget("s/a", knowledge.Proof{Tombstones: []knowledge.Tombstone{tombstone(a)}})
	f.same("Documents", []knowledge.DocumentID{"S/a", "s/b", "s2/b", "t/copy"}, documents(ctx, f, v, knowledge.Filter{}))
	if l := legs(ctx, f, v, query("eins", 0)); len(l.Passages)+len(l.Words) > 0 || l.Visible != 4 {
		f.addf("Legs knows what was forgotten: %+v", l)
	}
	x, err := v.Open(ctx, cited)
	f.ok("Open", err)
	f.same("state of what cites it", knowledge.Gone, x.State)
	f.same("what it shows", knowledge.Document{}, x.Document)
	entry := a.Entry
	entry.State, entry.Reason = knowledge.Excluded, "forgotten on 2026-11-25; groundwork forget --undo s/a lifts it"
	entry.Origin, entry.Version, entry.MovedFrom, entry.Tries = knowledge.Hash{}, knowledge.Hash{}, "", 0
	entry.Readers = knowledge.Readers{}
	entries, _ := ledger(ctx, c, knowledge.Filter{Path: "a", Source: "s"})
	f.same("Ledger", []knowledge.Entry{entry}, entries)

	all := func(want ...knowledge.Tombstone) {
		slices.SortFunc(want, byPlace)
		got, err := c.Tombstones(ctx)
		f.ok("Tombstones", err)
		f.same("Tombstones", want, got)
	}
	// A document with the same bytes stays, and its bytes are not kept away.
	lone, none := tombstone(b), tombstone(empty)
	lone.Origin, none.Origin = knowledge.Hash{}, knowledge.Hash{}
	want := []knowledge.Tombstone{tombstone(a), lone, tombstone(held), none}
	slices.SortFunc(want, byPlace)
	forget("s", knowledge.Proof{Documents: 1, Passages: 1, Tombstones: want, Copies: []knowledge.DocumentID{"t/copy"}})
	f.same("Documents", []knowledge.DocumentID{"S/a", "s2/b", "t/copy"}, documents(ctx, f, v, knowledge.Filter{}))
	entries, _ = ledger(ctx, c, knowledge.Filter{Source: "s"})
	f.same("Ledger of a source that was forgotten", []knowledge.Entry(nil), entries)
	forget("s", knowledge.Proof{Tombstones: want})
	all(want...)
	for _, s := range []string{"never", "s/never", "t/a"} {
		_, err = c.Forget(ctx, knowledge.ParseSelector(s), noon)
		f.missing("Forget "+s, err)
		_, err = c.Readmit(ctx, knowledge.ParseSelector(s))
		f.missing("Readmit "+s, err)
	}

	// The bytes come in under another path once they are lifted there.
	other := kept("t/other", knowledge.Excluded, everyone())
	other.Entry.Origin = a.Entry.Origin
	f.ok("Apply", c.Apply(ctx, other))
	readmit := func(s string, want int) {
		n, err := c.Readmit(ctx, knowledge.ParseSelector(s))
		f.ok("Readmit "+s, err)
		f.same("Readmit "+s, want, n)
	}
	readmit("t/other", 1)
	bare := tombstone(a)
	bare.Origin = knowledge.Hash{}
	all(bare, lone, tombstone(held), none)
	readmit("s/held", 1)
	all(bare, lone, none)
	readmit("s", 3)
	all()
	f.ok("Apply", c.Apply(ctx, a))
	f.same("Documents", []knowledge.DocumentID{"S/a", "s/a", "s2/b", "t/copy"}, documents(ctx, f, v, knowledge.Filter{}))
}

func forgottenWithin(ctx context.Context, c knowledge.Collection, f *findings) {
	box, in, deep := put("s/a", everyone(), "eins"), put("s/a!/b", everyone(), "zwei"), put("s/a!/b!/c", everyone(), "drei")
	f.ok("Apply", c.Apply(ctx, box, in, deep, put("s/ab", everyone(), "vier"), put("s/a!", everyone(), "fünf"), put("t/a!/b", everyone(), "sechs")))
	v := c.View(owner())
	forget := func(s string, documents int, want ...knowledge.Tombstone) {
		slices.SortFunc(want, byPlace)
		p, err := c.Forget(ctx, knowledge.ParseSelector(s), noon)
		f.ok("Forget "+s, err)
		f.same("Forget "+s, knowledge.Proof{Documents: documents, Passages: documents, Tombstones: want}, knowledge.Proof{Documents: p.Documents, Passages: p.Passages, Tombstones: p.Tombstones, Copies: p.Copies})
	}
	forget("s/a!/b!/c", 1, tombstone(deep))
	f.same("Documents", []knowledge.DocumentID{"s/a", "s/a!", "s/a!/b", "s/ab", "t/a!/b"}, documents(ctx, f, v, knowledge.Filter{}))
	forget("s/a", 2, tombstone(box), tombstone(in), tombstone(deep))
	f.same("Documents", []knowledge.DocumentID{"s/a!", "s/ab", "t/a!/b"}, documents(ctx, f, v, knowledge.Filter{}))
	entries, _ := ledger(ctx, c, knowledge.Filter{Source: "s"})
	var reasons []string
	for _, e := range entries {
		if e.State == knowledge.Excluded {
			reasons = append(reasons, e.Reason)
		}
	}
	f.same("reasons", []string{
		"forgotten on 2026-11-25; groundwork forget --undo s/a lifts it", "forgotten on 2026-11-25; groundwork forget --undo s/a!/b lifts it",
		"forgotten on 2026-11-25; groundwork forget --undo s/a!/b!/c lifts it"}, reasons)
	n, err := c.Readmit(ctx, knowledge.ParseSelector("s/a!/b!/c"))
	f.ok("Readmit", err)
	f.same("Readmit of what is in it", 1, n)
	n, err = c.Readmit(ctx, knowledge.ParseSelector("s/a"))
	f.ok("Readmit", err)
	f.same("Readmit of both", 2, n)
}

// readsBesideWrites moves a document to and fro while others read: each must
// see it in one place.
func readsBesideWrites(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "da")))
	f.ok("PutVectors", c.PutVectors(ctx, "m", encode("m", 3, unencoded(ctx, f, c, "m"))))
	byBoth := query("da", 0)
	byBoth.Mark, byBoth.Vector = "m", []float32{1, 2, 3}
	done := make(chan struct{})
	var readers sync.WaitGroup
	seen := make([]findings, 2)
	for i := range seen {
		readers.Go(func() {
			f := &seen[i]
			v := c.View(member())
			for {
				select {
				case <-done:
					return
				default:
				}
				if list := documents(ctx, f, v, knowledge.Filter{}); len(list) != 1 {
					f.addf("half a change is visible: documents %v", list)
				}
				if l := legs(ctx, f, v, byBoth); l.Visible != 1 || l.Encoded != 1 || len(l.Meaning) != 1 || len(l.Passages) != 1 || len(l.Words) != 1 {
					f.addf("half a change is visible: %+v", l)
				}
				if entries, err := ledger(ctx, c, knowledge.Filter{}); f.ok("Ledger", err) && len(entries) != 1 {
					f.addf("half a change is visible: %d entries", len(entries))
				}
				if len(*f) > 0 {
					return
				}
			}
		})
	}
	at, to := knowledge.DocumentID("s/a"), knowledge.DocumentID("s/b")
	for range 30 {
		f.ok("Apply", c.Apply(ctx, vanished(at), put(to, everyone(), "da")))
		at, to = to, at
	}
	close(done)
	readers.Wait()
	for _, s := range seen {
		for _, line := range s {
			f.addf("%s", line)
		}
	}
}
