package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/collectiontest"
)

func openStore(t *testing.T) (*Store, string) {
	t.Helper()
	home := t.TempDir()
	d, err := db.Open(t.Context(), home, Schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(d), home
}

func TestCollection(t *testing.T) {
	collectiontest.TestCollection(t, func(t *testing.T) knowledge.Collection {
		s, _ := openStore(t)
		return s
	})
}

// apart is a collection whose writer is one store and whose readers another, as
// two processes are: what the second has in memory must never be of another
// moment than what it reads.
type apart struct {
	*Store
	reader *Store
}

func (a apart) View(asker knowledge.Asker) knowledge.View { return a.reader.View(asker) }

func TestCollectionReadApart(t *testing.T) {
	collectiontest.TestCollection(t, func(t *testing.T) knowledge.Collection {
		s, home := openStore(t)
		d, err := db.OpenReader(t.Context(), home, Schema)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
		return apart{s, New(d)}
	})
}

// inTransaction runs each call of the word index in a transaction of its own.
type inTransaction struct{ s *Store }

func (x inTransaction) do(ctx context.Context, f func(*wordIndex) error) error {
	return x.s.write(ctx, "test", func(tx *sql.Tx) error { return f(&wordIndex{q: tx}) })
}

func (x inTransaction) Put(ctx context.Context, e knowledge.IndexEntry) error {
	return x.do(ctx, func(w *wordIndex) error { return w.Put(ctx, e) })
}

func (x inTransaction) Delete(ctx context.Context, document int64) error {
	return x.do(ctx, func(w *wordIndex) error { return w.Delete(ctx, document) })
}

func (x inTransaction) Legs(ctx context.Context, a knowledge.Asker, q knowledge.Query) (legs knowledge.Legs, err error) {
	err = x.do(ctx, func(w *wordIndex) error { legs, err = w.Legs(ctx, a, q); return err })
	return legs, err
}

func (x inTransaction) Scan(ctx context.Context) iter.Seq2[knowledge.PassageID, error] {
	return (&wordIndex{q: x.s.db.Read}).Scan(ctx)
}

func TestZeroViewSeesNothing(t *testing.T) {
	s, _ := openStore(t)
	put(t, s, "a.md", "alpha beta")
	var v View
	if legs, err := v.Legs(t.Context(), knowledge.Query{Stems: []string{"alpha"}}); err != nil || legs.Visible != 0 || len(legs.Passages) != 0 {
		t.Errorf("Legs: %+v, %v", legs, err)
	}
	if _, err := v.Document(t.Context(), "s/a.md"); fault.KindOf(err) != fault.Missing {
		t.Errorf("Document: %v", err)
	}
	if d, err := v.Documents(t.Context(), knowledge.Filter{}); err != nil || len(d) != 0 {
		t.Errorf("Documents: %v, %v", d, err)
	}
}

func put(t *testing.T, s *Store, path, text string) {
	t.Helper()
	d := knowledge.Document{ID: knowledge.ID("s", path), Version: knowledge.HashOf([]byte(text)), Title: "T", Text: text, Readers: knowledge.Readers{Everyone: true}}
	err := s.Apply(t.Context(), knowledge.Change{
		Entry:    knowledge.Entry{Source: "s", Path: path, State: knowledge.Indexed, Version: d.Version, Readers: d.Readers},
		Document: &d, Passages: []knowledge.Passage{{Start: 0, End: len(text), Text: text}}})
	if err != nil {
		t.Fatal(err)
	}
}

// What is deleted is nowhere in the home, searched as bytes.
func TestDeletedWordsLeaveTheFile(t *testing.T) {
	s, home := openStore(t)
	const word = "quetzalcoatlus"
	put(t, s, "keep.md", strings.Repeat("some other words stay here. ", 400))
	put(t, s, "gone.md", strings.Repeat(word+" is a word that must go. ", 2000))
	put(t, s, "more.md", strings.Repeat("still more words stay. ", 400))
	if n := filesWith(t, home, word); n == 0 {
		t.Fatal("the word is not in the home before the deletion: the test shows nothing")
	}
	if err := s.Apply(t.Context(), knowledge.Change{Entry: knowledge.Entry{Source: "s", Path: "gone.md"}, Vanished: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Write.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		t.Fatal(err)
	}
	if n := filesWith(t, home, word); n != 0 {
		t.Errorf("%d files still hold the deleted word", n)
	}
	if wrong, err := s.Integrity(t.Context()); err != nil || len(wrong) > 0 {
		t.Error(wrong, err)
	}
}

func filesWith(t *testing.T, home, word string) int {
	t.Helper()
	n := 0
	files, err := filepath.Glob(filepath.Join(home, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), word) {
			n++
		}
	}
	return n
}

// No word of any text stands in the index's tables.
func TestIndexHoldsNoWords(t *testing.T) {
	s, _ := openStore(t)
	put(t, s, "a.md", "quetzalcoatlus")
	for _, q := range []string{`SELECT data FROM posting`, `SELECT data FROM unit`} {
		rows, err := column[[]byte](t.Context(), s.db.Read, q)
		if err != nil || len(rows) == 0 {
			t.Fatal(q, len(rows), err)
		}
		for _, r := range rows {
			if strings.Contains(string(r), "quetzal") {
				t.Errorf("%s holds the word", q)
			}
		}
	}
}

func TestNewerStoreIsRefused(t *testing.T) {
	s, home := openStore(t)
	if _, err := s.db.Write.ExecContext(t.Context(), `UPDATE schema_version SET version = 99`); err != nil {
		t.Fatal(err)
	}
	_, err := db.OpenReader(t.Context(), home, Schema)
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Input || !strings.Contains(f.Message, "newer") || f.Next == "" {
		t.Errorf("got %v", err)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, b := range unpackBlocks(data) {
			_ = b.Kind.String()
		}
		again := unpackBlocks(packBlocks(unpackBlocks(data)))
		if len(again) != len(unpackBlocks(data)) {
			t.Fatal("packing loses blocks")
		}
	})
}

func TestIndex(t *testing.T) {
	collectiontest.TestIndex(t, func(t *testing.T) knowledge.Index {
		s, _ := openStore(t)
		return inTransaction{s}
	})
}
