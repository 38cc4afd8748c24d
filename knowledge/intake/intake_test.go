package intake_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/screening"
	"groundwork/knowledge/source"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/text"

	"github.com/google/go-cmp/cmp"
)

// site is a folder of documents and the home they are taken into, with the real
// parts between them.
type site struct {
	*testing.T
	docs, home string
	db         *db.DB
	store      *sqlite.Store
	intake     intake.Intake
	origin     knowledge.Origin
	source     *watched
}

func newSite(t *testing.T) *site {
	s := &site{T: t, docs: filepath.Join(t.TempDir(), "docs"), home: filepath.Join(t.TempDir(), "home")}
	if err := os.Mkdir(s.docs, 0o755); err != nil {
		t.Fatal(err)
	}
	s.open()
	t.Cleanup(s.close)
	screen := screening.New()
	s.intake = intake.Intake{Collection: s.store, Read: text.Read, ScreenPath: screen.Path, ScreenText: screen.Text,
		Explain: screening.Reason, Cut: passage.Cut, Recipe: "recipe/1"}
	s.origin = knowledge.Origin{Name: "docs", Kind: "folder", Location: s.docs}
	s.source = &watched{Source: source.Folder{Root: s.docs}}
	return s
}

func (s *site) open() {
	s.Helper()
	var err error
	if s.db, err = db.Open(s.Context(), s.home, sqlite.Schema); err != nil {
		s.Fatal(err)
	}
	s.store = sqlite.New(s.db)
	s.intake.Collection = s.store
}

func (s *site) close() {
	s.Helper()
	if s.db == nil {
		return
	}
	if err := s.db.Close(); err != nil {
		s.Error(err)
	}
	s.db = nil
}

// watched counts the reads of a source and lets a test meddle with it.
type watched struct {
	knowledge.Source
	list func(knowledge.Listing) knowledge.Listing // on what was listed
	read func(path string) *knowledge.Content      // before a read; not nil: instead of it

	mu    sync.Mutex
	reads map[string]int
}

func (w *watched) List(ctx context.Context) (knowledge.Listing, error) {
	l, err := w.Source.List(ctx)
	if w.list != nil {
		l = w.list(l)
	}
	return l, err
}

func (w *watched) Read(ctx context.Context, path string, limit int64) (knowledge.Content, error) {
	w.mu.Lock()
	if w.reads == nil {
		w.reads = map[string]int{}
	}
	w.reads[path]++
	w.mu.Unlock()
	if w.read != nil {
		if c := w.read(path); c != nil {
			return *c, nil
		}
	}
	return w.Source.Read(ctx, path, limit)
}

// forget returns the reads since the last call.
func (w *watched) forget() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	reads := w.reads
	w.reads = nil
	return reads
}

var longAgo = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

// write writes a file whose time is long ago; each version has a time of its own.
func (s *site) write(path, content string) {
	s.Helper()
	name := filepath.Join(s.docs, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		s.Fatal(err)
	}
	h := sha256.Sum256([]byte(content))
	s.touch(path, longAgo.Add(time.Duration(h[0])*time.Hour+time.Duration(h[1])*time.Minute))
}

func (s *site) touch(path string, at time.Time) {
	s.Helper()
	if err := os.Chtimes(filepath.Join(s.docs, path), at, at); err != nil {
		s.Fatal(err)
	}
}

func (s *site) remove(paths ...string) {
	s.Helper()
	for _, p := range paths {
		if err := os.Remove(filepath.Join(s.docs, p)); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *site) move(from, to string) {
	s.Helper()
	if err := os.Rename(filepath.Join(s.docs, from), filepath.Join(s.docs, to)); err != nil {
		s.Fatal(err)
	}
}

// sync runs one round and wants these counts: "2 new 1 changed ...".
func (s *site) sync(want string) intake.Report {
	s.Helper()
	r, err := s.intake.Sync(s.Context(), s.origin, s.source)
	if err != nil {
		s.Fatal(err)
	}
	if got := counts(r); got != want {
		s.Errorf("sync did %q, not %q", got, want)
	}
	s.whole()
	total := 0
	for e, err := range s.store.Ledger(s.Context(), knowledge.Filter{}) {
		if err != nil {
			s.Fatal(err)
		}
		r.States[e.State]--
		total++
	}
	for state, n := range r.States {
		if n != 0 {
			s.Errorf("the report has %d more %s files than the ledger", n, state)
		}
	}
	return r
}

func counts(r intake.Report) string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{r.New, "new"}, {r.Changed, "changed"}, {r.Moved, "moved"}, {r.Vanished, "vanished"}, {r.Retried, "retried"}, {r.Unchanged, "unchanged"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprint(c.n, " ", c.what))
		}
	}
	return strings.Join(parts, " ")
}

func (s *site) whole() {
	s.Helper()
	wrong, err := s.store.Integrity(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	if len(wrong) > 0 {
		s.Fatalf("the store is not whole: %q", wrong)
	}
}

// texts returns what the collection holds, by path.
func (s *site) texts() map[string]string {
	s.Helper()
	all := map[string]string{}
	view := s.store.View(knowledge.Asker{Owner: true})
	documents, err := view.Documents(s.Context(), knowledge.Filter{})
	if err != nil {
		s.Fatal(err)
	}
	for _, summary := range documents {
		d, err := view.Document(s.Context(), summary.ID)
		if err != nil {
			s.Fatal(err)
		}
		all[d.ID.Path()] = d.Text
	}
	return all
}

func (s *site) holds(want map[string]string) {
	s.Helper()
	if diff := cmp.Diff(want, s.texts()); diff != "" {
		s.Errorf("documents (-want +got):\n%s", diff)
	}
}

func (s *site) entry(path string) knowledge.Entry {
	s.Helper()
	for e, err := range s.store.Ledger(s.Context(), knowledge.Filter{Source: "docs", Path: path}) {
		if err != nil {
			s.Fatal(err)
		}
		return e
	}
	s.Fatalf("%s is not in the ledger", path)
	return knowledge.Entry{}
}

// bytes returns everything that stands under the home.
func (s *site) bytes() []byte {
	s.Helper()
	var all []byte
	err := filepath.WalkDir(s.home, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(p, "-shm") { // who reads changes the -shm file
			return err
		}
		b, err := os.ReadFile(p)
		all = append(all, b...)
		return err
	})
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// unwritten runs f and wants no byte of the home changed by it.
func (s *site) unwritten(f func()) {
	s.Helper()
	before := sha256.Sum256(s.bytes())
	f()
	if after := sha256.Sum256(s.bytes()); before != after {
		s.Error("something was written")
	}
}

func TestSyncTellsChangesApart(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	s.write("b.md", "beta")
	s.write("sub/c.md", "gamma")
	s.write("d.md", "delta")
	s.sync("4 new")
	s.unwritten(func() { s.sync("4 unchanged") })
	s.source.forget()
	s.unwritten(func() { s.sync("4 unchanged") })
	if reads := s.source.forget(); len(reads) > 0 {
		t.Errorf("unchanged files were read: %v", reads)
	}

	s.write("b.md", "better")
	s.move("sub/c.md", "c.md")
	s.remove("d.md")
	s.write("e.md", "epsilon")
	s.sync("1 new 1 changed 1 moved 1 vanished 1 unchanged")
	s.holds(map[string]string{"a.md": "alpha", "b.md": "better", "c.md": "gamma", "e.md": "epsilon"})
	if from := s.entry("c.md").MovedFrom; from != "sub/c.md" {
		t.Errorf("c.md was moved from %q", from)
	}
	s.write("c.md", "gamma, changed")
	s.sync("1 changed 3 unchanged")
	if from := s.entry("c.md").MovedFrom; from != "sub/c.md" {
		t.Errorf("after a change c.md was moved from %q", from)
	}
}

func TestSyncTouched(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	s.write("b.md", "password: Hunter2-Zanzibar!")
	s.sync("2 new")
	s.touch("a.md", longAgo.Add(time.Minute))
	s.touch("b.md", longAgo.Add(time.Minute))
	s.unwritten(func() { s.sync("2 unchanged") })
	s.touch("a.md", time.Now().Add(time.Hour)) // a clock that was wrong
	s.unwritten(func() { s.sync("2 unchanged") })
	s.write("a.md", "alphe")
	s.sync("1 changed 1 unchanged")
}

func TestSyncMoves(t *testing.T) {
	t.Run("identical files", func(t *testing.T) {
		s := newSite(t)
		s.write("a.md", "the same words")
		s.write("b.md", "the same words")
		s.sync("2 new")
		s.holds(map[string]string{"a.md": "the same words", "b.md": "the same words"})
		s.move("a.md", "c.md")
		s.sync("1 moved 1 unchanged")
		s.holds(map[string]string{"b.md": "the same words", "c.md": "the same words"})
		if from := s.entry("c.md").MovedFrom; from != "a.md" {
			t.Errorf("moved from %q", from)
		}
		s.move("b.md", "e.md")
		s.move("c.md", "d.md")
		s.sync("2 moved")
		if d, e := s.entry("d.md").MovedFrom, s.entry("e.md").MovedFrom; d == e || d+e != "b.mdc.md" && d+e != "c.mdb.md" {
			t.Errorf("moved from %q and %q", d, e)
		}
		s.write("f.md", "the same words")
		s.sync("1 new 2 unchanged")
	})
	t.Run("onto a name that existed", func(t *testing.T) {
		s := newSite(t)
		s.write("a.md", "alpha")
		s.write("b.md", "beta")
		s.sync("2 new")
		s.move("a.md", "b.md")
		s.sync("1 changed 1 vanished")
		s.holds(map[string]string{"b.md": "alpha"})
		if e := s.entry("b.md"); e.MovedFrom != "" {
			t.Errorf("b.md is said to have moved from %q", e.MovedFrom)
		}
	})
	t.Run("two change places", func(t *testing.T) {
		s := newSite(t)
		s.write("a.md", "alpha")
		s.write("b.md", "beta")
		s.sync("2 new")
		s.move("a.md", "x")
		s.move("b.md", "a.md")
		s.move("x", "b.md")
		s.sync("2 changed")
		s.holds(map[string]string{"a.md": "beta", "b.md": "alpha"})
	})
	t.Run("a held-back file", func(t *testing.T) {
		s := newSite(t)
		s.write("a.md", "password: Hunter2-Zanzibar!")
		s.sync("1 new")
		s.move("a.md", "b.md")
		s.sync("1 moved")
		if e := s.entry("b.md"); e.State != knowledge.HeldBack || e.MovedFrom != "a.md" {
			t.Errorf("b.md: %+v", e)
		}
	})
	t.Run("a damaged file that is tried again", func(t *testing.T) {
		s := newSite(t)
		s.write("a.md", strings.Repeat("\x01\x02", 400))
		s.sync("1 new")
		s.move("a.md", "b.md")
		s.sync("1 moved")
		s.sync("1 retried")
		if e := s.entry("b.md"); e.MovedFrom != "a.md" || e.Tries != 2 {
			t.Errorf("b.md: %+v", e)
		}
	})
}

func TestSyncReaders(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	s.write("b.md", "---\nreaders: [board]\n---\nbeta")
	s.sync("2 new")
	before := s.entry("a.md")
	ann, bob := knowledge.Asker{Name: "ann"}, knowledge.Asker{Name: "bob", Groups: []knowledge.Group{"board"}}
	seen := func(a knowledge.Asker) (n int) {
		documents, err := s.store.View(a).Documents(t.Context(), knowledge.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		return len(documents)
	}
	if seen(ann) != 0 || seen(bob) != 0 {
		t.Error("without readers somebody sees something")
	}
	s.origin.Readers = knowledge.Readers{Everyone: true}
	err := s.store.SetReaders(t.Context(), "docs", s.origin.Readers, func(id knowledge.DocumentID) knowledge.Readers {
		if id == "docs/b.md" {
			return s.origin.Readers.Narrow(knowledge.Readers{Groups: []knowledge.Group{"board"}})
		}
		return s.origin.Readers
	})
	if err != nil {
		t.Fatal(err)
	}
	s.source.forget()
	s.unwritten(func() { s.sync("2 unchanged") })
	if reads := s.source.forget(); len(reads) > 0 {
		t.Errorf("changed readers made it read %v", reads)
	}
	after := s.entry("a.md")
	before.Readers = s.origin.Readers
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("entry of a.md (-want +got):\n%s", diff)
	}
	if seen(ann) != 1 || seen(bob) != 2 {
		t.Errorf("ann sees %d and bob %d documents", seen(ann), seen(bob))
	}
	s.write("c.md", "---\nreaders: [board]\n---\ngamma")
	s.sync("1 new 2 unchanged")
	if seen(ann) != 1 || seen(bob) != 3 {
		t.Errorf("with a new page for the board ann sees %d and bob %d documents", seen(ann), seen(bob))
	}
}

func TestSyncRecipe(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	s.write("b.md", "password: Hunter2-Zanzibar!")
	s.write("c.bin", "unsupported")
	s.sync("3 new")
	s.intake.Recipe = "recipe/2"
	s.intake.ScreenText = func(string) []knowledge.Finding { return nil }
	s.sync("3 changed")
	s.holds(map[string]string{"a.md": "alpha", "b.md": "password: Hunter2-Zanzibar!"})
	s.unwritten(func() { s.sync("3 unchanged") })
}

func TestSyncOutcomes(t *testing.T) {
	s := newSite(t)
	s.intake.Limit = 1000
	s.write("a.md", "alpha")
	s.write("big.md", strings.Repeat("x ", 501))
	s.write("blank.md", " \n\t\n")
	s.write("data.bin", "1")
	s.write("binary.txt", strings.Repeat("\x01\x02", 400))
	s.write(".hidden", "1")
	s.write("id_rsa", "1")
	s.write("talks.md", "# Talks\n\nCONFIDENTIAL\n\nAbout zanzibar.")
	r, err := s.intake.Sync(t.Context(), s.origin, s.source)
	if err != nil {
		t.Fatal(err)
	}
	want := map[knowledge.Outcome]int{knowledge.Indexed: 1, knowledge.TooLarge: 1, knowledge.Empty: 1, knowledge.Unsupported: 1,
		knowledge.Damaged: 1, knowledge.Excluded: 1, knowledge.HeldBack: 2}
	if diff := cmp.Diff(want, r.States); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	if n := s.source.forget()["id_rsa"]; n > 0 {
		t.Error("a file that its path holds back was opened")
	}
	for e, err := range s.store.Ledger(t.Context(), knowledge.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.State != knowledge.Indexed && e.Reason == "" {
			t.Errorf("%s is %s without a reason", e.Path, e.State)
		}
	}
}

func TestSyncDamaged(t *testing.T) {
	for _, young := range []bool{false, true} {
		t.Run(fmt.Sprintf("young=%v", young), func(t *testing.T) {
			s := newSite(t)
			now := time.Now()
			s.intake.Now = func() time.Time { return now }
			s.write("bad.md", strings.Repeat("\x01\x02", 400))
			s.write("good.md", "alpha")
			if young {
				s.touch("bad.md", now)
			}
			var written []int
			for round := range 1300 {
				r, err := s.intake.Sync(t.Context(), s.origin, s.source)
				if err != nil {
					t.Fatal(err)
				}
				if r.Written() > 0 {
					written = append(written, round)
				}
				now = now.Add(100 * time.Millisecond)
			}
			reads := s.source.forget()["bad.md"]
			if young { // read once more when its time can be trusted, and until then
				if reads > 30 || len(written) != 4 {
					t.Errorf("read %d times, written in the rounds %v", reads, written)
				}
			} else if reads != intake.MaxTries || !slices.Equal(written, []int{0, 1, 2}) {
				t.Errorf("read %d times, written in the rounds %v", reads, written)
			}
			if e := s.entry("bad.md"); e.State != knowledge.Damaged || e.Tries != intake.MaxTries {
				t.Errorf("bad.md: %+v", e)
			}
			s.write("bad.md", "good again")
			s.sync("1 changed 1 unchanged")
			s.holds(map[string]string{"bad.md": "good again", "good.md": "alpha"})
			if e := s.entry("bad.md"); e.Tries != 0 || e.Reason != "" {
				t.Errorf("bad.md: %+v", e)
			}
		})
	}
}

// What keeps a waiting file from being read is not in the file: when permission
// is given, neither size nor time changes.
func TestSyncWaiting(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	s.source.read = func(string) *knowledge.Content {
		return &knowledge.Content{Listed: knowledge.Listed{State: knowledge.Waiting, Reason: "not readable"}}
	}
	s.sync("1 new")
	s.sync("1 retried")
	s.sync("1 retried")
	for range 3 {
		s.unwritten(func() { s.sync("1 unchanged") })
	}
	if e := s.entry("a.md"); e.State != knowledge.Waiting || e.Tries != intake.MaxTries {
		t.Errorf("a.md: %+v", e)
	}
	s.source.read = nil
	s.sync("1 changed")
	s.holds(map[string]string{"a.md": "alpha"})
}

func TestSyncIncompleteListing(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	s.write("b.md", "beta")
	s.sync("2 new")
	s.remove("b.md")
	s.write("c.md", "beta")
	s.source.list = func(l knowledge.Listing) knowledge.Listing {
		l.Complete, l.Reason = false, "the folder x is not readable"
		return l
	}
	r, err := s.intake.Sync(t.Context(), s.origin, s.source)
	if err != nil {
		t.Fatal(err)
	}
	if got := counts(r); got != "1 new 1 unchanged" || r.Complete || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "folder x") {
		t.Errorf("%s, complete %v, warnings %q", got, r.Complete, r.Warnings)
	}
	s.holds(map[string]string{"a.md": "alpha", "b.md": "beta", "c.md": "beta"})
	s.source.list = nil
	s.sync("1 vanished 2 unchanged")
	s.holds(map[string]string{"a.md": "alpha", "c.md": "beta"})
}

func TestSyncMassDisappearance(t *testing.T) {
	s := newSite(t)
	want := map[string]string{}
	for i := range 45 {
		p := fmt.Sprintf("f%02d.md", i)
		want[p] = fmt.Sprintf("words of file %d", i)
		s.write(p, want[p])
	}
	s.sync("45 new")
	for i := range 23 {
		s.remove(fmt.Sprintf("f%02d.md", i))
	}
	s.unwritten(func() {
		_, err := s.intake.Sync(t.Context(), s.origin, s.source)
		if fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "23 of 45") || !strings.Contains(err.Error(), "--accept-loss") {
			t.Errorf("the error is %v", err)
		}
	})
	s.holds(want)
	s.intake.AcceptLoss = true
	s.sync("23 vanished 22 unchanged")
	if n := len(s.texts()); n != 22 {
		t.Errorf("%d documents are left", n)
	}
	s.intake.AcceptLoss = false
	for i := 23; i < 43; i++ { // 20 of 22: few enough to believe
		s.remove(fmt.Sprintf("f%02d.md", i))
	}
	s.sync("20 vanished 2 unchanged")

	if err := os.RemoveAll(s.docs); err != nil {
		t.Fatal(err)
	}
	s.intake.AcceptLoss = true
	if _, err := s.intake.Sync(t.Context(), s.origin, s.source); fault.KindOf(err) != fault.Missing {
		t.Errorf("the folder is gone, the error is %v", err)
	}
	if n := len(s.texts()); n != 2 {
		t.Errorf("the folder is gone, and %d documents are left", n)
	}
}

func TestSyncRacyChange(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	at := time.Now().Truncate(time.Microsecond)
	s.touch("a.md", at)
	s.sync("1 new")
	s.write("a.md", "aleph")
	s.touch("a.md", at)
	s.sync("1 changed")
	s.holds(map[string]string{"a.md": "aleph"})
}

// A file that is taken away while the folder is read.
func TestSyncVanishingFile(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha")
	s.write("b.md", "beta")
	s.sync("2 new")
	s.write("b.md", "better")
	s.write("c.md", "gamma")
	s.source.read = func(p string) *knowledge.Content {
		s.remove(p)
		return nil
	}
	s.sync("1 new 2 unchanged")
	s.holds(map[string]string{"a.md": "alpha", "b.md": "beta"})
	s.source.read = nil
	s.sync("2 vanished 1 unchanged")
	s.holds(map[string]string{"a.md": "alpha"})
}

// The folder is taken away while it is read: an error, and nothing is lost.
func TestSyncVanishingFolder(t *testing.T) {
	s := newSite(t)
	old, want := map[string]string{}, map[string]string{}
	for i := range 50 {
		p := fmt.Sprintf("f%02d.md", i)
		old[p] = fmt.Sprintf("old words of %d", i)
		want[p] = fmt.Sprintf("new words of %d", i)
		s.write(p, old[p])
	}
	s.sync("50 new")
	for p, content := range want {
		s.write(p, content)
	}
	var once sync.Once
	s.source.read = func(p string) *knowledge.Content {
		if p == "f20.md" {
			once.Do(func() {
				if err := os.Rename(s.docs, s.docs+"-away"); err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	}
	_, err := s.intake.Sync(t.Context(), s.origin, s.source)
	if fault.KindOf(err) != fault.Missing || err == nil {
		t.Errorf("the error is %v", err)
	}
	s.whole()
	for p, got := range s.texts() {
		if got != old[p] && got != want[p] {
			t.Errorf("%s: %q", p, got)
		}
	}
	if n := len(s.texts()); n != 50 {
		t.Errorf("%d of 50 documents are left", n)
	}
	if err := os.Rename(s.docs+"-away", s.docs); err != nil {
		t.Fatal(err)
	}
	if _, err := s.intake.Sync(t.Context(), s.origin, s.source); err != nil {
		t.Fatal(err)
	}
	s.holds(want)
}

func TestSyncHeldBackWordsAreNowhere(t *testing.T) {
	s := newSite(t)
	s.write("open.md", "The word xylophone is open.")
	s.write("later.md", "The word marimba is open, for now.")
	s.write("secret.md", "# Access to zanzibar\n\npassword: Hunter2-Zanzibar!\n")
	s.write("marked.md", "# Talks\n\nCONFIDENTIAL\n\nAbout quetzalcoatl.\n")
	s.write("titled.html", "<title>password: Hunter2-Zanzibar!</title><p>Open words.</p>")
	s.sync("5 new")
	contains := func(word string) bool { return bytes.Contains(bytes.ToLower(s.bytes()), []byte(word)) }
	for _, w := range []string{"xylophone", "marimba"} {
		if !contains(w) {
			t.Fatalf("%q stands nowhere: this test would see nothing", w)
		}
	}
	held := []string{"zanzibar", "hunter2", "quetzalcoatl"}
	for _, w := range held {
		if contains(w) {
			t.Errorf("while it is open, the home holds %q", w)
		}
	}
	s.write("later.md", "The word marimba is not.\n\npassword: Hunter2-Zanzibar!\n")
	s.sync("1 changed 4 unchanged")
	s.close()
	for _, w := range append(held, "marimba") {
		if contains(w) {
			t.Errorf("the closed home holds %q", w)
		}
	}
	if !contains("xylophone") {
		t.Error("the closed home has lost its words")
	}
	s.open()
	s.sync("5 unchanged")
	if e := s.entry("titled.html"); e.State != knowledge.HeldBack || !strings.Contains(e.Reason, "in its title") {
		t.Errorf("a password in a title: %s, %s", e.State, e.Reason)
	}
}

// recorder remembers what Apply has said to be done.
type recorder struct {
	knowledge.Collection
	entries map[string]knowledge.Hash
	applied []int // changes per call
}

func (r *recorder) Apply(ctx context.Context, changes ...knowledge.Change) error {
	err := r.Collection.Apply(ctx, changes...)
	if err == nil {
		r.applied = append(r.applied, len(changes))
		for _, c := range changes {
			if c.Vanished {
				delete(r.entries, c.Entry.Path)
			} else {
				r.entries[c.Entry.Path] = c.Entry.Origin
			}
		}
	}
	return err
}

// What an interruption can lose is one batch.
func TestSyncInBatches(t *testing.T) {
	s := newSite(t)
	rec := &recorder{Collection: s.store, entries: map[string]knowledge.Hash{}}
	s.intake.Collection = rec
	for i := range 150 {
		s.write(fmt.Sprintf("f%03d.md", i), fmt.Sprintf("words of file %d", i))
	}
	s.sync("150 new")
	if diff := cmp.Diff([]int{64, 64, 22}, rec.applied); diff != "" {
		t.Errorf("changes per transaction (-want +got):\n%s", diff)
	}
	rec.applied = nil
	for i := range 3 {
		s.write(fmt.Sprintf("big%d.txt", i), fmt.Sprintf("large %d%send", i, strings.Repeat(" ", 4<<20)))
	}
	s.sync("3 new 150 unchanged")
	if diff := cmp.Diff([]int{1, 1, 1}, rec.applied); diff != "" {
		t.Errorf("changes of 4 MB each per transaction (-want +got):\n%s", diff)
	}
}

func TestSyncCancelled(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	s := newSite(t)
	rec := &recorder{Collection: s.store, entries: map[string]knowledge.Hash{}}
	s.intake.Collection = rec
	random := rand.New(rand.NewPCG(1, 2))
	disk := map[string]string{}
	fresh := func() string {
		return fmt.Sprintf("# Page %d\n\n%s", random.Uint64(), strings.Repeat(fmt.Sprintf("The words of %d. ", random.IntN(50)), random.IntN(40)))
	}
	put := func(p string) {
		disk[p] = fresh()
		s.write(p, disk[p])
	}
	for i := range 120 {
		put(fmt.Sprintf("f%03d.md", i))
	}
	cut, longest := 0, 50*time.Millisecond
	for round := range rounds {
		if round > 0 {
			for range 25 {
				put(fmt.Sprintf("f%03d.md", random.IntN(120)))
			}
			for range 5 {
				if p := fmt.Sprintf("f%03d.md", random.IntN(120)); disk[p] != "" {
					to := fmt.Sprintf("m%d-%d.md", round, random.Uint32())
					s.move(p, to)
					disk[to] = disk[p]
					delete(disk, p)
				}
				if p := fmt.Sprintf("f%03d.md", random.IntN(120)); disk[p] != "" {
					s.remove(p)
					delete(disk, p)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(longest))), cancel)
		_, err := s.intake.Sync(ctx, s.origin, s.source)
		timer.Stop()
		cancel()
		if err != nil {
			cut++
			if fault.KindOf(err) != fault.Budget || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "groundwork sync goes on") {
				t.Fatalf("round %d: the error is of kind %v: %v", round, fault.KindOf(err), err)
			}
		}
		s.whole()
		ledger := map[string]knowledge.Hash{}
		for e, err := range s.store.Ledger(t.Context(), knowledge.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			ledger[e.Path] = e.Origin
		}
		if !maps.Equal(ledger, rec.entries) {
			t.Fatalf("round %d: the store does not hold what was applied (-applied +stored):\n%s", round, cmp.Diff(rec.entries, ledger))
		}
		if len(s.texts()) != len(ledger) {
			t.Fatalf("round %d: %d documents, %d entries", round, len(s.texts()), len(ledger))
		}
		if round%4 == 3 || round == rounds-1 {
			if _, err := s.intake.Sync(t.Context(), s.origin, s.source); err != nil {
				t.Fatal(err)
			}
			s.whole()
			s.holds(disk)
		}
	}
	t.Logf("%d of %d rounds were cut short", cut, rounds)
	if cut < rounds/4 {
		t.Errorf("only %d of %d rounds were cut short", cut, rounds)
	}
}

// What was forgotten stays away, whatever stands at its path now and wherever its
// bytes stand, and the ledger says why; once lifted it comes in again.
func TestForgottenStaysAway(t *testing.T) {
	s := newSite(t)
	s.write("a.md", "alpha of old")
	s.write("b.md", "beta")
	s.sync("2 new")
	what := knowledge.Selector{Source: "docs", Path: "a.md"}
	if p, err := s.store.Forget(t.Context(), what, longAgo); err != nil || p.Documents != 1 {
		t.Fatal(p, err)
	}
	s.source.forget()
	if r := s.sync("2 unchanged"); r.Written() > 0 || s.source.reads["a.md"] > 0 {
		t.Errorf("it is read %d times and %d entries are written", s.source.reads["a.md"], r.Written())
	}
	s.move("a.md", "moved.md")
	s.write("copy.md", "alpha of old")
	s.write("a.md", "alpha of today")
	s.sync("2 new 1 changed 1 unchanged")
	s.sync("4 unchanged")
	reasons := func() (all []string) {
		for e, err := range s.store.Ledger(t.Context(), knowledge.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %s: %s", e.Path, e.State, e.Reason))
		}
		return all
	}
	away := []string{
		"a.md excluded: forgotten on 2026-01-02; groundwork forget --undo docs/a.md lifts it", "b.md indexed: ",
		"copy.md excluded: these bytes were forgotten on 2026-01-02; groundwork forget --undo docs/copy.md lifts it",
		"moved.md excluded: these bytes were forgotten on 2026-01-02; groundwork forget --undo docs/moved.md lifts it",
	}
	if d := cmp.Diff(away, reasons()); d != "" {
		t.Errorf("the ledger (-want +got):\n%s", d)
	}
	what.Path = "copy.md" // its bytes may come in, at any path; what stands at a.md may not
	if n, err := s.store.Readmit(t.Context(), what); n != 1 || err != nil {
		t.Error(n, err)
	}
	s.sync("2 changed 2 unchanged")
	if d := cmp.Diff([]string{away[0], "b.md indexed: ", "copy.md indexed: ", "moved.md indexed: "}, reasons()); d != "" {
		t.Errorf("the ledger after the bytes were lifted (-want +got):\n%s", d)
	}
	what.Path = "a.md"
	if _, err := s.store.Readmit(t.Context(), what); err != nil {
		t.Error(err)
	}
	s.sync("1 changed 3 unchanged")
}
