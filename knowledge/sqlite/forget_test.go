package sqlite

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// written is one document with words that stand in no other.
type written struct {
	change knowledge.Change
	words  []string
}

// compose makes a document of about size bytes for a path. Its own words stand
// in its title, its heading, its readers and all over its text.
func compose(r *rand.Rand, path string, size int) written {
	word := func() string {
		b := make([]byte, 14)
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return string(b)
	}
	w := written{words: []string{word(), word(), word(), word()}}
	var text strings.Builder
	text.WriteString(w.words[0])
	for text.Len() < size {
		if text.Len() > len(w.words)*size/40 {
			w.words = append(w.words, word())
			text.WriteString(" " + w.words[len(w.words)-1])
		}
		fmt.Fprintf(&text, " word%d", r.IntN(500))
	}
	d := knowledge.Document{ID: knowledge.ID("s", path), Version: knowledge.HashOf([]byte(text.String())), Origin: knowledge.HashOf([]byte(path + text.String())),
		Title: "T " + w.words[1], Text: text.String(), Readers: knowledge.Readers{Groups: []knowledge.Group{knowledge.Group(w.words[3])}}}
	var passages []knowledge.Passage
	for at := 0; at < len(d.Text); at += 2000 {
		end := min(at+2000, len(d.Text))
		passages = append(passages, knowledge.Passage{Start: at, End: end, Text: d.Text[at:end], Heading: []string{"H " + w.words[2]}})
	}
	// What is made of the words goes with them: the first passage's key, and the
	// planes of its vector.
	first := knowledge.Passage{Title: d.Title, Heading: passages[0].Heading, Text: passages[0].Text}
	key := first.Key()
	_, coarse, fine, _ := quantise(noise(key))
	w.words = append(w.words, string(key[:]), string(asBytes(coarse)), string(asBytes(fine)))
	w.change = knowledge.Change{Document: &d, Passages: passages,
		Entry: knowledge.Entry{Source: "s", Path: path, State: knowledge.Indexed, Reason: w.words[1], Origin: d.Origin, Version: d.Version, Readers: d.Readers}}
	return w
}

// noise is the vector of a text.
func noise(key knowledge.Hash) []float32 {
	r := rand.New(rand.NewPCG(uint64(key[0])|uint64(key[1])<<8|uint64(key[2])<<16|uint64(key[3])<<24, 1))
	v := make([]float32, 40)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// encodeNoise gives every passage that waits its vector.
func encodeNoise(t *testing.T, s *Store) {
	t.Helper()
	waiting, err := s.Unencoded(t.Context(), "noise", nil, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []knowledge.Vector
	for _, u := range waiting {
		vectors = append(vectors, knowledge.Vector{Key: u.Key, Values: noise(u.Key)})
	}
	if err := s.PutVectors(t.Context(), "noise", vectors); err != nil {
		t.Fatal(err)
	}
}

// below returns the bytes of all files below dir.
func below(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(append(all, 0), data...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func has(data []byte, words []string) int {
	n := 0
	for _, w := range words {
		if bytes.Contains(data, []byte(w)) {
			n++
		}
	}
	return n
}

// Whatever was put, replaced, forgotten and lifted in whatever order: no word of
// any version of a forgotten document stands in any file of the home.
func TestForgottenWordsAreNowhere(t *testing.T) {
	rounds, documents := 1, 100
	switch {
	case os.Getenv("GROUNDWORK_LONG") != "":
		rounds, documents = 20, 200
	case testing.Short():
		documents = 60
	}
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(round)+11, 7)) // without VACUUM the first round finds rests
		s, home := openStore(t)
		ctx := t.Context()
		now := map[string]written{}
		past := map[string][]string{} // by path: words of versions that were replaced
		kept, forgotten, bytesPut := 0, 0, 0
		check := func(gone []string) {
			data := below(t, home)
			if n := has(data, gone); n > 0 {
				t.Fatalf("round %d: %d of %d forgotten words are below the home", round, n, len(gone))
			}
			if kept++; kept%10 == 0 { // the search finds what is there
				for path, w := range now {
					if n := has(data, w.words); 10*n < 9*len(w.words) { // some lie across two pages
						t.Fatalf("round %d: %d of %d words of %s, which is there, are below the home", round, n, len(w.words), path)
					}
				}
			}
		}
		for i := 0; i < documents; { // i counts documents put
			path := fmt.Sprintf("d%02d.md", r.IntN(60))
			switch old, there := now[path]; {
			case there && r.IntN(3) > 0:
				p, err := s.Forget(ctx, knowledge.Selector{Source: "s", Path: path}, time.Now())
				if err != nil || p.Documents != 1 || p.Rest != "" || len(p.Found) > 0 || p.Files < 2 || len(old.change.Document.Text) > stretch && p.Stretches == 0 {
					t.Fatalf("forget %s: %+v, %v", path, p, err)
				}
				delete(now, path)
				forgotten++
				check(append(past[path], old.words...))
				delete(past, path)
				if _, err := s.Readmit(ctx, knowledge.Selector{Source: "s", Path: path}); err != nil {
					t.Fatal(err)
				}
			default: // several at once, as a sync does
				var changes []knowledge.Change
				for range 1 + r.IntN(3) {
					size := 10 << r.IntN(11)
					if i%70 == 69 {
						size = 2 << 20
					}
					w := compose(r, path, size)
					past[path] = append(past[path], now[path].words...)
					now[path] = w
					changes = append(changes, w.change)
					bytesPut += len(w.change.Document.Text)
					i++
					path = fmt.Sprintf("d%02d.md", r.IntN(60))
				}
				if err := s.Apply(ctx, changes...); err != nil {
					t.Fatal(err)
				}
				encodeNoise(t, s)
			}
		}
		var all []string
		for _, path := range slices.Sorted(maps.Keys(now)) {
			all = append(append(all, past[path]...), now[path].words...)
		}
		left := len(now)
		now = nil
		p, err := s.Forget(ctx, knowledge.Selector{Source: "s"}, time.Now())
		if err != nil || p.Documents != left || p.Rest != "" || len(p.Found) > 0 {
			t.Fatalf("forget the source: %d documents of %d, %q, %q, %v", p.Documents, left, p.Rest, p.Found, err)
		}
		check(all)
		if wrong, err := s.Integrity(ctx); err != nil || len(wrong) > 0 {
			t.Fatal(wrong, err)
		}
		for _, table := range []string{"wording", "vector"} {
			if n, err := column[int](ctx, s.db.Read, `SELECT count(*) FROM `+table); err != nil || n[0] != 0 {
				t.Fatalf("%v rows are left in %s, %v", n, table, err)
			}
		}
		t.Logf("round %d: %d documents put (%d bytes), %d forgotten one by one and %d with their source", round, documents, bytesPut, forgotten, left)
	}
}

// A reader in another process that holds an older state keeps the words in the
// files; Forget says so, and what it could not do is done later.
func TestForgetBesideReader(t *testing.T) {
	s, home := openStore(t)
	ctx := t.Context()
	r := rand.New(rand.NewPCG(1, 1))
	w, other := compose(r, "a.md", 30_000), compose(r, "b.md", 3_000)
	if err := s.Apply(ctx, w.change, other.change); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Write.ExecContext(ctx, `PRAGMA busy_timeout = 300`); err != nil { // a test does not wait as long as people do
		t.Fatal(err)
	}
	reader := exec.Command(os.Args[0], "-test.run=^TestReaderProcess$")
	reader.Env = append(os.Environ(), "READER_HOME="+home)
	in, err1 := reader.StdinPipe()
	out, err2 := reader.StdoutPipe()
	if err1 != nil || err2 != nil || reader.Start() != nil {
		t.Fatal("start the reader: ", err1, err2)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "reads 2\n" {
		t.Fatalf("the reader says %q, %v", line, err)
	}
	what := knowledge.Selector{Source: "s", Path: "a.md"}
	p, err := s.Forget(ctx, what, time.Now())
	if err != nil || p.Documents != 1 || p.Rest == "" || p.Files != 0 {
		t.Errorf("beside a reader: %+v, %v", p, err)
	}
	if n, err := s.Unfinished(ctx); n != 1 || err != nil {
		t.Errorf("%d unfinished, %v", n, err)
	}
	if n := has(below(t, home), w.words); n == 0 {
		t.Error("nothing held the words: the test shows nothing")
	}
	if docs, err := s.View(knowledge.Asker{Owner: true}).Documents(ctx, knowledge.Filter{}); len(docs) != 1 || err != nil {
		t.Errorf("whoever asks now sees %v, %v", docs, err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(lines)
	if err = errors.Join(err, reader.Wait()); err != nil {
		t.Errorf("reader: %v %s", err, said)
	}
	if rest, err := s.Overwrite(ctx); rest != "" || err != nil {
		t.Errorf("once the reader is gone: %q, %v", rest, err)
	}
	if n := has(below(t, home), w.words); n != 0 {
		t.Errorf("%d of %d words are still there", n, len(w.words))
	}
	if n, err := s.Unfinished(ctx); n != 0 || err != nil {
		t.Errorf("%d unfinished, %v", n, err)
	}

	// Readers that ask and let go hold nothing up.
	asking, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	d, err := db.OpenReader(ctx, home, Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	go func() {
		for asking.Err() == nil {
			if _, err := New(d).View(knowledge.Asker{Owner: true}).Documents(ctx, knowledge.Filter{}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	p, err = s.Forget(ctx, knowledge.Selector{Source: "s", Path: "b.md"}, time.Now())
	stop()
	if err != nil || p.Rest != "" || has(below(t, home), other.words) != 0 {
		t.Errorf("beside many short readers: %+v, %v", p, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestReaderProcess is no test: it is the other process of TestForgetBesideReader.
func TestReaderProcess(t *testing.T) {
	home := os.Getenv("READER_HOME")
	if home == "" {
		t.Skip("runs as another test's process")
	}
	d, err := db.OpenReader(t.Context(), home, Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tx, err := d.Read.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM document`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("reads %d\n", n)
	if _, err := io.ReadAll(os.Stdin); err != nil {
		t.Fatal(err)
	}
}

// The search of Forget finds what VACUUM did not remove: a file beside the store.
func TestForgetFindsWordsElsewhere(t *testing.T) {
	s, home := openStore(t)
	r := rand.New(rand.NewPCG(3, 1))
	w, same := compose(r, "a.md", 5_000), compose(r, "b.md", 100)
	same.change.Document.Text = w.change.Document.Text[:400] + " and more"
	same.change.Passages = nil
	if err := s.Apply(t.Context(), w.change, same.change); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(home, "runs", "note.txt")
	if err := os.MkdirAll(filepath.Dir(note), 0o700); err != nil {
		t.Fatal(err)
	}
	at := 4 * stride
	if err := os.WriteFile(note, []byte("copied: "+w.change.Document.Text[at:at+stretch]), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := s.Forget(t.Context(), knowledge.Selector{Source: "s", Path: "a.md"}, time.Now())
	if err != nil || !slices.Equal(p.Found, []string{note}) {
		t.Errorf("found %q, want the note alone and not the document that says the same; %v", p.Found, err)
	}
}

// A store of the first version opens for ever: it is brought up to date and
// everything in it is there.
func TestFirstStoreOpens(t *testing.T) {
	f, err := os.Open("testdata/home-1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, db.File), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.OpenReader(t.Context(), home, Schema); fault.KindOf(err) != fault.Input || err == nil {
		t.Errorf("opened for reading before it is brought up to date: %v", err)
	}
	d, err := db.Open(t.Context(), home, Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := New(d)
	if wrong, err := s.Integrity(t.Context()); err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	v := s.View(knowledge.Asker{Name: "ann"})
	docs, err := v.Documents(t.Context(), knowledge.Filter{})
	if err != nil || len(docs) != 3 || docs[1].ID != "docs/leave.md" || docs[1].Title != "Leave" {
		t.Fatalf("%+v, %v", docs, err)
	}
	legs, err := v.Legs(t.Context(), knowledge.Query{Stems: []string{"freezer"}, Words: []string{"freezer"}})
	if err != nil || len(legs.Passages) != 1 || len(legs.Words) != 1 || legs.Visible != 3 {
		t.Errorf("%+v, %v", legs, err)
	}
	// Its passages have no vectors yet, and then have.
	q := knowledge.Query{Mark: "noise", Vector: make([]float32, 40)}
	if legs, err := v.Legs(t.Context(), q); err != nil || legs.Visible != 3 || legs.Encoded != 0 {
		t.Errorf("by meaning: %+v, %v", legs, err)
	}
	if have, waiting, err := s.Vectors(t.Context(), "noise", nil); have != 0 || waiting != 3 || err != nil {
		t.Errorf("%d have a vector, %d wait, %v", have, waiting, err)
	}
	encodeNoise(t, s)
	if legs, err := v.Legs(t.Context(), q); err != nil || legs.Encoded != 3 || len(legs.Meaning) != 3 {
		t.Errorf("by meaning: %+v, %v", legs, err)
	}
	if wrong, err := s.Integrity(t.Context()); err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	if p, err := s.Forget(t.Context(), knowledge.Selector{Source: "docs", Path: "leave.md"}, time.Now()); err != nil || p.Documents != 1 {
		t.Errorf("forget: %+v, %v", p, err)
	}
	if legs, err := v.Legs(t.Context(), q); err != nil || legs.Encoded != 2 {
		t.Errorf("by meaning: %+v, %v", legs, err)
	}
}

// Whatever stands in a stream, in whatever pieces it comes: a stretch is found
// exactly when it is there.
func FuzzFinder(f *testing.F) {
	f.Add([]byte("a text of which a piece is looked for"), []byte("before it "), uint8(3))
	f.Fuzz(func(t *testing.T, text, before []byte, cut uint8) {
		words := newFinder()
		words.add(text)
		stream := append(slices.Clone(before), text...)
		words.begin()
		for at := 0; at < len(stream); at += int(cut) + 1 {
			words.Write(stream[at:min(at+int(cut)+1, len(stream))])
		}
		if n := len(words.take()); n != len(words.found) {
			t.Fatalf("found %d of %d stretches", n, len(words.found))
		}
		if words.begin().Write(before); !bytes.Contains(before, text[:min(stretch, len(text))]) && len(text) < stride && len(words.take()) > 0 {
			t.Fatalf("found in %q what is not there", before)
		}
	})
}
