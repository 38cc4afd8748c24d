package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/screening"
	"groundwork/knowledge/source"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
)

// readable is the whole rule of who may read what, in plain strings. It is the
// oracle of the access suite and shares no code with the product. source and own
// are lists of groups, "all", or "" for the owner alone; a page that asks for no
// readers of its own has "all".
func readable(owner bool, name string, groups []string, source, own string) bool {
	if owner {
		return true
	}
	if name == "" {
		return false
	}
	if source == "all" && own == "all" {
		return true
	}
	admits := func(list, group string) bool {
		return list == "all" || slices.Contains(strings.Split(list, ","), group)
	}
	for _, g := range groups {
		if g != "" && admits(source, g) && admits(own, g) {
			return true
		}
	}
	return false
}

// person is one asker as the suite knows it.
type person struct {
	what  string          // for messages
	asker knowledge.Asker // as the program's parts take it
	zero  bool            // the zero View rather than a view of asker
	flags []string        // the same on the command line; nil when it cannot be said there
}

func (p person) readable(source, own string) bool {
	var groups []string
	for _, g := range p.asker.Groups {
		groups = append(groups, string(g))
	}
	return readable(p.asker.Owner, p.asker.Name, groups, source, own)
}

// named is somebody whom sign-in or --as names; flag is --groups as typed.
func named(what, name, flag string, groups ...knowledge.Group) person {
	return person{what: what, asker: knowledge.Asker{Name: name, Groups: groups}, flags: []string{"--as", name, "--groups", flag}}
}

func people() []person {
	return []person{
		named("one group", "ann", "g1", "g1"),
		named("two groups", "bob", "g1,g2", "g1", "g2"),
		{what: "nobody", asker: knowledge.Asker{}},
		named("no groups", "eve", ""),
		{what: "the zero View", zero: true},
		{what: "a group without a name", asker: knowledge.Asker{Groups: []knowledge.Group{"g1"}}},
		named("another group", "cat", "g3", "g3"),
		{what: "the owner", asker: knowledge.Asker{Owner: true}, flags: []string{}},
		named("all groups", "dan", "g1,g2,g3,g4", "g1", "g2", "g3", "g4"),
		named("an unknown group", "fay", "g9", "g9"),
		named("another case", "gus", "G1", "G1"),
		named("a longer name", "hal", "g1x,g22", "g1x", "g22"),
		named("a shorter name", "ida", "g", "g"),
		{what: "groups without a name on the command line", asker: knowledge.Asker{Name: "somebody", Groups: []knowledge.Group{"g2"}}, flags: []string{"--groups", "g2"}},
		{what: "--groups \"\" alone", asker: knowledge.Asker{Name: "somebody"}, flags: []string{"--groups", ""}},
		{what: "--as alone", asker: knowledge.Asker{Name: "g1"}, flags: []string{"--as", "g1"}},
		{what: "--as \"\"", asker: knowledge.Asker{Name: "somebody", Groups: []knowledge.Group{"g4"}}, flags: []string{"--as", "", "--groups=g4"}},
		named("blanks around groups", "joe", " g2 ,, g4", "g2", "g4"),
		{what: "blanks inside the group", asker: knowledge.Asker{Name: "kim", Groups: []knowledge.Group{" g1", "g1 "}}},
		{what: "groups in one name", asker: knowledge.Asker{Name: "lea", Groups: []knowledge.Group{"g1,g2", "g2,g4"}}},
		{what: "a group called nothing", asker: knowledge.Asker{Name: "max", Groups: []knowledge.Group{""}}},
		named("a group called all", "nat", "all", "all"),
		named("a group called owner", "owner", "owner,somebody", "owner", "somebody"),
	}
}

// sourceReaders are what a source may be given, as readers set takes it.
var sourceReaders = []string{"all", "all", "", "g1", "g1,g2", "g2,g4", "g3", "G1", "g1x,g3", "g1,g2,g3,g4"}

// ownReaders are lines of front matter with what they mean.
var ownReaders = []struct{ lines, means string }{
	{"readers: all", "all"}, {"readers: [all]", "all"}, {"readers: [g1, all]", "all"},
	{"readers: g1", "g1"}, {"readers: g2", "g2"}, {"readers: [g1, g2]", "g1,g2"}, {"readers: g1,g3", "g1,g3"},
	{"readers:\n  - g2\n  - g4", "g2,g4"}, {"readers: ' g1 '", "g1"}, {"Readers: g4", "g4"},
	{"readers: G1", "G1"}, {"readers: g1x", "g1x"}, {"readers: g", "g"}, {"readers: g1 g2", "g1 g2"},
	{"readers:", ""}, {"readers: []", ""}, {"readers: \"\"", ""}, {"readers: {g1: yes}", ""}, {"readers: [g1, [g2]]", ""},
	{"readers: [g1, g2]\nReaders: [g2, g3]", "g2"}, {"readers: g1\nREADERS: g2", ""},
	{"note: \"not closed\nreaders: [g1, g4]", "g1,g4"},
}

// sheet is one file of the world: a page.
type sheet struct {
	source, path string
	raw          string
	own          string // the readers it asks for; "all" when it does not ask
}

func (p sheet) id() knowledge.DocumentID { return knowledge.ID(p.source, p.path) }

// world is a random collection that lives: folders, the home that keeps them,
// and what the suite knows of both.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	dir     string
	home    string
	readers map[string]string // by source
	pages   map[knowledge.DocumentID]sheet
	serial  int                             // of canaries and of files' times
	words   []string                        // canaries ever planted
	targets []knowledge.DocumentID          // that other pages name
	gone    map[knowledge.DocumentID]string // what pages said that are no longer there
}

// Every page has canaries, words of its own, in each part that could come out.
// No stemming changes them.
var canary = regexp.MustCompile(`zq[a-z]{4}x`)

func (w *world) canary() string {
	w.serial++
	n, word := w.serial, []byte("zqaaaax")
	for i := len(word) - 2; n > 0; i, n = i-1, n/26 {
		word[i] = 'a' + byte(n%26)
	}
	w.words = append(w.words, string(word))
	return string(word)
}

func pick[T any](rng *rand.Rand, all []T) T { return all[rng.IntN(len(all))] }

// subjects are few, and pages of one subject say different numbers, so that
// pages compete, replace and contradict each other.
var subjects = [][2]string{
	{"travel", "The hotel limit is %d euro per night."}, {"leave", "Employees get %d days of leave each year."},
	{"pay", "The pay band for level 4 begins at %d euro."}, {"remote work", "Remote work is allowed on %d days a month."},
	{"cold store", "The cold store is kept at %d degrees."}, {"cleaning", "Filling machines are cleaned every %d hours."},
	{"orders", "An order above %d euro needs a second signature."}, {"visitors", "Visitors must not enter the mixing hall before %d minutes have passed."},
}

var fillers = strings.Fields(`hotel night limit euro leave days year pay band level remote work allowed cold store degrees machine filling
	cleaned hours order signature visitor hall mixing rule manager approve team budget summer winter flavour recipe sugar water supplier
	invoice receipt train flight overtime shift driver truck pallet`)

func (w *world) sentence() string {
	if w.rng.IntN(3) == 0 {
		return fmt.Sprintf(pick(w.rng, subjects)[1], 1+w.rng.IntN(90))
	}
	var words []string
	for range 4 + w.rng.IntN(9) {
		words = append(words, pick(w.rng, fillers))
	}
	words[0] = strings.ToUpper(words[0][:1]) + words[0][1:]
	return strings.Join(words, " ") + "."
}

// text writes a page. Every passage holds the word "page", by its title.
func (w *world) text(source string) (raw, own string) {
	subject := pick(w.rng, subjects)
	front := []string{"owner: " + w.canary()}
	own = "all"
	if w.rng.IntN(2) == 0 {
		o := pick(w.rng, ownReaders)
		front, own = append(front, o.lines), o.means
	}
	title := "The " + subject[0] + " page " + w.canary()
	if w.rng.IntN(4) == 0 {
		front = append(front, "title: "+title)
	}
	if w.rng.IntN(3) == 0 {
		front = append(front, fmt.Sprintf("date: 20%02d-0%d-11", 15+w.rng.IntN(10), 1+w.rng.IntN(9)))
	}
	var body strings.Builder
	fmt.Fprintf(&body, "# %s\n\n%s %s About %s.\n\n", title, fmt.Sprintf(subject[1], 1+w.rng.IntN(90)), w.sentence(), w.canary())
	for _, form := range []string{"replaces: %s", "replaced-by: [%s]", "body"} {
		target := w.target(source, subject[0])
		switch {
		case w.rng.IntN(4) > 0 || target == "":
		case form == "body":
			fmt.Fprintf(&body, "This page replaces [the older one](/%s).\n\n", target)
		default:
			front = append(front, fmt.Sprintf(form, "/"+target))
		}
	}
	for range w.rng.IntN(3) {
		fmt.Fprintf(&body, "## %s %s\n\n", pick(w.rng, fillers), w.canary())
		for range 1 + w.rng.IntN(4) {
			body.WriteString(w.sentence() + " ")
		}
		body.WriteString(w.canary() + ".\n\n")
	}
	return "---\n" + strings.Join(front, "\n") + "\n---\n" + body.String(), own
}

// target picks a page of the source to link to, of the same subject if it can.
func (w *world) target(source, subject string) string {
	var all, same []sheet
	for _, id := range slices.Sorted(maps.Keys(w.pages)) {
		if p := w.pages[id]; p.source == source {
			all = append(all, p)
			if strings.Contains(p.raw, "# The "+subject+" page") {
				same = append(same, p)
			}
		}
	}
	if len(same) > 0 {
		all = same
	}
	if len(all) == 0 {
		return ""
	}
	p := pick(w.rng, all)
	w.targets = append(w.targets, p.id())
	return p.path
}

// newPath names a file; its name holds a canary too.
func (w *world) newPath() string {
	return pick(w.rng, []string{"", "rules/", "rules/", "old/"}) + "sheet-" + w.canary() + ".md"
}

// put writes a page to its folder.
func (w *world) put(p sheet) {
	w.t.Helper()
	name := filepath.Join(w.dir, p.source, filepath.FromSlash(p.path))
	w.serial++
	at := time.Date(2021, 1, 1, w.serial, 0, 0, 0, time.UTC)
	for _, err := range []error{os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(p.raw), 0o644), os.Chtimes(name, at, at)} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.pages[p.id()] = p
}

func (w *world) remove(p sheet) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, p.source, filepath.FromSlash(p.path))); err != nil {
		w.t.Fatal(err)
	}
	delete(w.pages, p.id())
	w.gone[p.id()] = p.raw
}

// program runs the program on the world's home, as its keeper.
func (w *world) program(args ...string) {
	w.t.Helper()
	var out bytes.Buffer
	if code := run(w.t.Context(), append([]string{"--home", w.home, "-q"}, args...), strings.NewReader(""), &out, &out); code != 0 {
		w.t.Fatalf("groundwork %q: exit %d\n%s", args, code, out.String())
	}
}

func newWorld(t *testing.T, seed uint64, pages int) *world {
	dir := t.TempDir()
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 7)), dir: filepath.Join(dir, "files"), home: filepath.Join(dir, "home"),
		readers: map[string]string{}, pages: map[knowledge.DocumentID]sheet{}, gone: map[knowledge.DocumentID]string{}}
	sources := []string{"handbook", "lab", "payroll"}
	for range pages {
		p := sheet{source: pick(w.rng, sources), path: w.newPath()}
		p.raw, p.own = w.text(p.source)
		w.put(p)
	}
	for i, s := range sources {
		if err := os.MkdirAll(filepath.Join(w.dir, s), 0o755); err != nil {
			t.Fatal(err)
		}
		w.readers[s] = pick(w.rng, sourceReaders)
		if i == 0 { // a world that nobody may read tells little
			w.readers[s] = "all"
		}
		w.program("add", filepath.Join(w.dir, s), "--name", s, "--readers", w.readers[s])
	}
	return w
}

// change lets some things happen to the world.
func (w *world) change() {
	w.t.Helper()
	if w.rng.IntN(3) > 0 { // forgotten, and gone from its folder as well
		p := w.pages[pick(w.rng, slices.Sorted(maps.Keys(w.pages)))]
		w.program("forget", string(p.id()))
		w.remove(p)
	}
	for range 6 + w.rng.IntN(9) {
		s := pick(w.rng, slices.Sorted(maps.Keys(w.readers)))
		p := w.pages[pick(w.rng, slices.Sorted(maps.Keys(w.pages)))]
		switch w.rng.IntN(7) {
		case 0: // readers change, and with them the readers of each page
			w.readers[s] = pick(w.rng, sourceReaders)
			w.program("readers", s, "set", cmp.Or(w.readers[s], "owner"))
		case 1:
			w.readers[s] = pick(w.rng, sourceReaders)
			w.program("add", filepath.Join(w.dir, s), "--readers", w.readers[s])
		case 2: // other words, other readers
			p.raw, p.own = w.text(p.source)
			w.put(p)
		case 3:
			w.remove(p)
		case 4: // moved within its source: the same words under another name
			w.remove(p)
			p.path = w.newPath()
			w.put(p)
		case 5: // moved to another source, perhaps with other readers
			if p.source != s {
				w.remove(p)
				p.source = s
				w.put(p)
			}
		case 6: // a copy, perhaps for other readers
			p.source, p.path = s, w.newPath()
			w.put(p)
		}
	}
	w.program("sync")
}

// side is one collection as one person sees it, with names for its numbers.
type side struct {
	home     string
	view     knowledge.View
	owner    knowledge.View
	passages map[knowledge.PassageID]string // "<document>#<start>"
	document map[int64]string
	ids      map[string]knowledge.PassageID // by name; of the whole collection
}

// sideOf reads the numbers of a store through the eyes of its owner.
func sideOf(t *testing.T, home string, store *sqlite.Store) *side {
	t.Helper()
	s := &side{home: home, passages: map[knowledge.PassageID]string{}, document: map[int64]string{}, ids: map[string]knowledge.PassageID{}}
	owner := store.View(knowledge.Asker{Owner: true})
	s.owner = owner
	legs, err := owner.Legs(t.Context(), knowledge.Query{Stems: term.Stems("page"), Top: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range legs.Passages {
		found, err := owner.Passages(t.Context(), []knowledge.PassageID{h.Passage})
		if err != nil || len(found) != 1 {
			t.Fatalf("the owner cannot read passage %d: %d found, %v", h.Passage, len(found), err)
		}
		name := fmt.Sprintf("%s#%d", found[0].Document, found[0].Start)
		s.passages[h.Passage], s.ids[name], s.document[h.Document] = name, h.Passage, string(found[0].Document)
	}
	return s
}

// seenBy returns the side as a person sees it.
func (s *side) seenBy(p person, store *sqlite.Store) *side {
	by := *s
	by.view = store.View(p.asker)
	if p.zero {
		by.view = sqlite.View{}
	}
	return &by
}

// gathered takes what an intake makes of files; the collection below it stays empty.
type gathered struct {
	knowledge.Collection
	changes map[knowledge.DocumentID]knowledge.Change
}

func (g gathered) Apply(_ context.Context, changes ...knowledge.Change) error {
	for _, c := range changes {
		g.changes[knowledge.ID(c.Entry.Source, c.Entry.Path)] = c
	}
	return nil
}

// fresh reads all files anew, apart from the world's home.
func (w *world) fresh() map[knowledge.DocumentID]knowledge.Change {
	w.t.Helper()
	d, err := db.Open(w.t.Context(), w.t.TempDir(), sqlite.Schema)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	g := gathered{Collection: sqlite.New(d), changes: map[knowledge.DocumentID]knowledge.Change{}}
	screen := screening.New()
	in := intake.Intake{Collection: g, Read: testReader(w.t).read, ScreenPath: screen.Path, ScreenText: screen.Text, Explain: screening.Reason, Cut: passage.Cut, Recipe: recipe}
	for s, readers := range w.readers {
		if _, err := in.Sync(w.t.Context(), knowledge.Origin{Name: s, Readers: knowledge.ParseReaders(readers)}, source.Folder{Root: filepath.Join(w.dir, s)}); err != nil {
			w.t.Fatal(err)
		}
	}
	for id := range w.pages {
		if c := g.changes[id]; c.Document == nil {
			w.t.Fatalf("%s has no words: %s %s", id, c.Entry.State, c.Entry.Reason)
		}
	}
	return g.changes
}

// twin builds a second collection that holds only what the person may read, in
// the order in which the first one took it in.
func (w *world) twin(p person, full *side, fresh map[knowledge.DocumentID]knowledge.Change) (*side, map[knowledge.DocumentID]bool, func()) {
	w.t.Helper()
	var changes []knowledge.Change
	may := map[knowledge.DocumentID]bool{}
	for _, n := range slices.Sorted(maps.Keys(full.document)) {
		id := knowledge.DocumentID(full.document[n])
		q, ok := w.pages[id]
		if !ok {
			w.t.Fatalf("%s is in the collection, but its file is gone", id)
		}
		if p.readable(w.readers[q.source], q.own) {
			may[id] = true
			changes = append(changes, fresh[id])
		}
	}
	home, err := os.MkdirTemp(w.dir, "twin-*")
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := db.Open(w.t.Context(), home, sqlite.Schema)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := d.Write.ExecContext(w.t.Context(), `PRAGMA synchronous = OFF`); err != nil { // it lives for a second
		w.t.Fatal(err)
	}
	store := sqlite.New(d)
	if err := store.Apply(w.t.Context(), changes...); err != nil {
		w.t.Fatal(err)
	}
	encodeMost(w.t, store)
	s := sideOf(w.t, home, store).seenBy(p, store)
	seen, err := s.view.Documents(w.t.Context(), knowledge.Filter{})
	if err != nil || len(seen) != len(may) {
		w.t.Fatalf("TOO LITTLE: %s may read %d pages and is shown %d (%v)", p.what, len(may), len(seen), err)
	}
	return s, may, func() {
		if err := d.Close(); err != nil {
			w.t.Error(err)
		}
		if err := os.RemoveAll(home); err != nil {
			w.t.Error(err)
		}
	}
}
