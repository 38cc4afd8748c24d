//go:build unix

package main

import (
	"bytes"
	be "encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/knowledge"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"

	"github.com/google/go-cmp/cmp"
)

// TestCrash kills the program with SIGKILL while it adds, syncs and forgets. The
// store must open at once, be whole and hold whole documents only; and a sync
// that may end must bring it in line with the files on disk.
//
// A round counts as inside a write when the stopped process held SQLite's write
// lock in the moment before it was killed; torn, when it also left frames of
// the log without the commit that they belong to.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: rounds of kill -9; go test without -short runs 30, GROUNDWORK_LONG=1 500")
	}
	rounds := 30
	if os.Getenv("GROUNDWORK_LONG") != "" {
		rounds = 500
	}
	w := &wreck{T: t, binary: newBinary(t, buildBinary(t)), Rand: rand.New(rand.NewPCG(uint64(rounds), 1)), expected: map[edition]expectation{}, words: map[knowledge.Hash]string{}}
	w.docs = filepath.Join(w.dir, "docs")
	if err := os.Mkdir(w.docs, 0o755); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for w.deaths < rounds && !t.Failed() {
		if w.deaths%25 == 0 && w.fresh != w.deaths { // adding to nothing, and making the tables, are interrupted too
			w.fresh = w.deaths
			if err := os.RemoveAll(w.home); err != nil {
				t.Fatal(err)
			}
		}
		w.edit()
		args := w.choose()
		inside, torn, died := w.strike(args)
		if !died {
			w.survived++
		} else {
			w.deaths++
			w.count(args[0], inside, torn)
		}
		w.reopen(args, false)
		if w.deaths%5 == 4 {
			w.complete()
		}
	}
	w.complete()
	slices.Sort(w.restarts)
	t.Logf("%d rounds died, %d of them inside a write (%d %%), %d with a torn log; %d commands ended before they were struck; at most %d tombstones at once; by command (died, inside, torn): %v",
		w.deaths, w.inside, 100*w.inside/max(1, w.deaths), w.torn, w.survived, w.forgotten, w.by)
	t.Logf("restart: p50 %v, slowest %v; %d whole comparisons; all in %v", w.restarts[len(w.restarts)/2], w.restarts[len(w.restarts)-1], w.completed, time.Since(began).Round(time.Second))
	if 100*w.inside < 40*w.deaths {
		t.Errorf("only %d of %d rounds died inside a write: the test shows too little", w.inside, w.deaths)
	}
	if w.restarts[len(w.restarts)-1] > time.Second {
		t.Errorf("a restart took %v", w.restarts[len(w.restarts)-1])
	}
}

// wreck is a folder of documents and a home whose writers are killed.
type wreck struct {
	*testing.T
	*rand.Rand
	binary
	docs     string
	expected map[edition]expectation   // what the store may hold since the last whole sync
	words    map[knowledge.Hash]string // by the hash of bytes: a word that stands in them alone
	files    int                       // ever made
	fresh    int                       // deaths when the home was last removed

	deaths, inside, torn, survived, completed, forgotten int
	by                                                   map[string][3]int
	restarts                                             []time.Duration
}

// edition is what a file held once.
type edition struct {
	path   string
	origin knowledge.Hash
}

// expectation is the whole document of an edition.
type expectation struct {
	title, text string
	passages    []knowledge.Passage
}

func (w *wreck) count(command string, inside, torn bool) {
	if w.by == nil {
		w.by = map[string][3]int{}
	}
	n := w.by[command]
	n[0]++
	if inside {
		n[1]++
		w.inside++
	}
	if torn {
		n[2]++
		w.torn++
	}
	w.by[command] = n
}

// paths lists the files on disk.
func (w *wreck) paths() []string {
	entries, err := os.ReadDir(w.docs)
	if err != nil {
		w.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// write gives a file new content.
func (w *wreck) write(path string) {
	word := make([]byte, 16)
	for i := range word {
		word[i] = byte('a' + w.IntN(26))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Page %s\n\n", word)
	for size := 2000 << w.IntN(5); b.Len() < size; {
		if w.IntN(40) == 0 {
			fmt.Fprintf(&b, "\n\n## Part %s %d\n\n", word, w.IntN(100))
		}
		fmt.Fprintf(&b, "word%d ", w.IntN(3000))
	}
	if err := os.WriteFile(filepath.Join(w.docs, path), []byte(b.String()), 0o644); err != nil {
		w.Fatal(err)
	}
	w.words[knowledge.HashOf([]byte(b.String()))] = string(word)
}

// read returns the hash of a file and remembers what a whole document of it is.
func (w *wreck) read(path string) knowledge.Hash {
	data, err := os.ReadFile(filepath.Join(w.docs, path))
	if err != nil {
		w.Fatal(err)
	}
	v := edition{path, knowledge.HashOf(data)}
	if _, ok := w.expected[v]; !ok {
		r := testReader(w.T).read(path, data)
		if r.State != knowledge.Indexed {
			w.Fatalf("%s is not a document: %s", path, r.State)
		}
		d := knowledge.Document{ID: knowledge.ID("docs", path), Version: knowledge.HashOf([]byte(r.Text)), Title: r.Title, Text: r.Text, Blocks: r.Blocks, Places: r.Places}
		w.expected[v] = expectation{r.Title, r.Text, passage.Cut(d)}
	}
	return v.origin
}

// edit makes, changes, renames and deletes files.
func (w *wreck) edit() {
	old := w.paths()
	for range 50 - min(50, len(old)) {
		w.files++
		w.write(fmt.Sprintf("f%04d.md", w.files))
	}
	for _, path := range old {
		switch w.IntN(50) { // few go, so that no sync asks whether that is right
		case 0:
			w.files++
			if err := os.Rename(filepath.Join(w.docs, path), filepath.Join(w.docs, fmt.Sprintf("f%04d.md", w.files))); err != nil {
				w.Fatal(err)
			}
		case 1:
			if err := os.Remove(filepath.Join(w.docs, path)); err != nil {
				w.Fatal(err)
			}
		case 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15:
			w.write(path)
		}
	}
	for _, path := range w.paths() {
		w.read(path)
	}
}

// choose returns the command that is to be struck.
func (w *wreck) choose() []string {
	var indexed []string
	if d, err := db.OpenReader(w.Context(), w.home, sqlite.Schema); err == nil {
		docs, err := sqlite.New(d).View(knowledge.Asker{Owner: true}).Documents(w.Context(), knowledge.Filter{})
		if err = errors.Join(err, d.Close()); err != nil {
			w.Fatal(err)
		}
		for _, x := range docs {
			indexed = append(indexed, string(x.ID))
		}
	}
	switch n := w.IntN(10); {
	case len(indexed) == 0 || n < 3:
		return []string{"add", "docs"}
	case n < 5:
		return []string{"forget", indexed[w.IntN(len(indexed))]}
	}
	return []string{"sync"}
}

// strike starts the program and kills it: mostly some while after it has begun
// to write, sometimes at any moment. died is false when it ended before that.
func (w *wreck) strike(args []string) (inside, torn, died bool) {
	cmd := w.command(args...)
	if err := cmd.Start(); err != nil {
		w.Fatal(err)
	}
	pid := cmd.Process.Pid
	began := time.Now()
	// At any moment; while the lock is held; while the log grows.
	moment, looks, grows := time.Duration(w.IntN(500))*time.Millisecond, 1<<30, 1<<30
	switch w.IntN(5) {
	case 0, 1:
		moment, looks = time.Minute, 1+w.IntN(1<<w.IntN(10))
	case 2, 3:
		moment, grows = time.Minute, 1+w.IntN(4)
	}
	var status syscall.WaitStatus
	var before int64
	for ; time.Since(began) < moment && looks > 0 && grows > 0; time.Sleep(200 * time.Microsecond) {
		if n, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err != nil || n == pid {
			w.ended(args, status, err)
			return false, false, false
		}
		if w.writing(pid) {
			looks--
		}
		if log, err := os.Stat(filepath.Join(w.home, db.File+"-wal")); err == nil && log.Size() != before {
			if log.Size() > before+100_000 { // a commit writes thousands of pages at once
				grows--
			}
			before = log.Size()
		}
		if grows == 0 {
			break // it is being written now
		}
	}
	// Stopped, it can be looked at: what it holds now it holds when it dies.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		w.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		w.ended(args, status, err)
		return false, false, false
	}
	inside = w.writing(pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		w.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || !status.Signaled() {
		w.Fatalf("%v after SIGKILL: %v, %v", args, status, err)
	}
	if err := cmd.Process.Release(); err != nil {
		w.Fatal(err)
	}
	return inside, inside && w.tornLog(), true
}

func (w *wreck) ended(args []string, status syscall.WaitStatus, err error) {
	if err != nil || status.ExitStatus() != 0 {
		w.Fatalf("%v ended by itself: exit code %d, %v", args, status.ExitStatus(), err)
	}
}

// writing reports whether the process holds the write lock of the write-ahead
// log: byte 120 of the -shm file (sqlite.org/walformat.html, 2.3).
func (w *wreck) writing(pid int) bool {
	f, err := os.OpenFile(filepath.Join(w.home, db.File+"-shm"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 120, Len: 1}
	return syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock) == nil && lock.Type == syscall.F_WRLCK && int(lock.Pid) == pid
}

// tornLog reports whether the log ends in frames of a transaction without its
// commit: a frame's bytes 4 to 7 are zero but in the last of a transaction, and
// bytes 8 to 15 equal the log's salt (sqlite.org/fileformat2.html, 4.1).
func (w *wreck) tornLog() bool {
	log, err := os.ReadFile(filepath.Join(w.home, db.File+"-wal"))
	if err != nil || len(log) < 32 {
		return false
	}
	size := 24 + int(be.BigEndian.Uint32(log[8:]))
	torn := false
	for at := 32; at < len(log); at += size {
		if at+size > len(log) {
			return true // a frame without its end
		}
		if !bytes.Equal(log[at+8:at+16], log[16:24]) {
			break
		}
		torn = be.BigEndian.Uint32(log[at+4:]) == 0
	}
	return torn
}

// open opens the home as a writer and closes it when the test of a round is done.
func (w *wreck) open() (*sqlite.Store, func()) {
	began := time.Now()
	d, err := db.Open(w.Context(), w.home, sqlite.Schema)
	if err != nil {
		w.Fatal(err)
	}
	s := sqlite.New(d)
	if _, err := s.Counts(w.Context()); err != nil {
		w.Fatal(err)
	}
	w.restarts = append(w.restarts, time.Since(began))
	return s, func() {
		if err := d.Close(); err != nil {
			w.Fatal(err)
		}
	}
}

// reopen checks a store after a round: it is whole, and so is each document in
// it; with all, it also is what the folder has.
func (w *wreck) reopen(args []string, all bool) {
	s, closeStore := w.open()
	defer closeStore()
	ctx := w.Context()
	if wrong, err := s.Integrity(ctx); err != nil || len(wrong) > 0 {
		w.Fatalf("after %d deaths, %v: %q, %v", w.deaths, args, wrong, err)
	}
	tombstones, err := s.Tombstones(ctx)
	if err != nil {
		w.Fatal(err)
	}
	w.forgotten = max(w.forgotten, len(tombstones))
	origins, places := map[knowledge.Hash]bool{}, map[knowledge.Hash]bool{}
	for _, t := range tombstones {
		origins[t.Origin], places[t.Place] = true, true
	}
	v := s.View(knowledge.Asker{Owner: true})
	docs, err := v.Documents(ctx, knowledge.Filter{})
	if err != nil {
		w.Fatal(err)
	}
	legs, err := v.Legs(ctx, knowledge.Query{Stems: term.Stems("page"), Top: 1 << 20}) // it stands in every title
	if err != nil {
		w.Fatal(err)
	}
	var numbers []knowledge.PassageID
	for _, h := range legs.Passages {
		numbers = append(numbers, h.Passage)
	}
	slices.Sort(numbers)
	passages, err := v.Passages(ctx, numbers)
	if err != nil {
		w.Fatal(err)
	}
	byDocument := map[knowledge.DocumentID][]knowledge.Passage{}
	for _, p := range passages {
		byDocument[p.Document] = append(byDocument[p.Document], p)
	}
	have := map[string]knowledge.Hash{}
	for _, x := range docs {
		d, err := v.Document(ctx, x.ID)
		if err != nil {
			w.Fatal(err)
		}
		path := d.ID.Path()
		have[path] = d.Origin
		want, ok := w.expected[edition{path, d.Origin}]
		if !ok || want.text != d.Text || want.title != d.Title {
			w.Fatalf("after %d deaths, %v: %s is no whole version of its file", w.deaths, args, d.ID)
		}
		if !slices.EqualFunc(want.passages, byDocument[d.ID], func(a, b knowledge.Passage) bool {
			return a.Start == b.Start && a.End == b.End && a.Text == b.Text && a.Title == b.Title && a.Version == b.Version && slices.Equal(a.Heading, b.Heading)
		}) {
			w.Fatalf("after %d deaths, %v: %s has %d passages; they are not the %d that it is cut into", w.deaths, args, d.ID, len(byDocument[d.ID]), len(want.passages))
		}
		delete(byDocument, d.ID)
	}
	if len(byDocument) > 0 {
		w.Fatalf("passages of no document: %v", byDocument)
	}
	if !all {
		return
	}
	want := map[string]knowledge.Hash{}
	states := map[string]knowledge.Outcome{}
	for _, path := range w.paths() {
		origin := w.read(path)
		if states[path] = knowledge.Excluded; !origins[origin] && !places[knowledge.HashOf([]byte("docs/"+path))] {
			states[path], want[path] = knowledge.Indexed, origin
		}
	}
	if !maps.Equal(want, have) {
		w.Fatalf("after a whole sync the collection is not the folder (-want +got):\n%s", cmp.Diff(want, have))
	}
	got := map[string]knowledge.Outcome{}
	for e, err := range s.Ledger(ctx, knowledge.Filter{}) {
		if err != nil {
			w.Fatal(err)
		}
		got[e.Path] = e.State
	}
	if diff := cmp.Diff(states, got); diff != "" {
		w.Fatalf("after a whole sync the ledger is not the folder (-want +got):\n%s", diff)
	}
	for origin := range origins {
		word := w.words[origin]
		err := filepath.WalkDir(w.home, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if word != "" && bytes.Contains(data, []byte(word)) {
				w.Errorf("a word of a forgotten document is in %s", path)
			}
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	if n, err := s.Unfinished(ctx); n != 0 || err != nil {
		w.Fatalf("after a whole sync words of %d forgotten documents may be there, %v", n, err)
	}
}

// complete lets a sync end and compares the store with the folder; then no word
// of what was forgotten is below the home.
func (w *wreck) complete() {
	out, err := w.command("sync").CombinedOutput()
	if strings.Contains(string(out), "no sources yet") || strings.Contains(string(out), "nothing is indexed") {
		out, err = w.command("add", "docs").CombinedOutput()
	}
	if err != nil {
		w.Fatalf("a whole sync: %v\n%s", err, out)
	}
	clear(w.expected)
	for _, path := range w.paths() {
		w.read(path)
	}
	w.reopen([]string{"a whole sync"}, true)
	w.completed++
}
