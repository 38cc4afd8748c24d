// Package sqlite keeps the collection: documents, readers, ledger, and the word
// index derived from them.
//
// It is the store of record for one home: one file, one writer, any number of
// readers. A change to a document, its passages, its postings and its ledger
// entry is one transaction. What is deleted is overwritten (secure_delete), but
// for rests that only Forget removes (forget.go).
//
// Tables: source, readers (each distinct set of readers once), document,
// passage, ledger, tombstone; the index is posting and unit, described in
// index.go; vectors are wording, mark and vector, described in
// vectors.go.
package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// Schema is the tables of this package, for db.Open.
var Schema = db.Schema{Owner: "knowledge", Steps: []string{`
CREATE TABLE source(
	name TEXT PRIMARY KEY, kind TEXT NOT NULL, location TEXT NOT NULL,
	readers TEXT NOT NULL, models TEXT NOT NULL, synced INTEGER NOT NULL) STRICT;
CREATE TABLE readers(id INTEGER PRIMARY KEY AUTOINCREMENT, value TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE document(
	n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, readers INTEGER NOT NULL,
	origin BLOB NOT NULL, version BLOB NOT NULL, recipe TEXT NOT NULL, title TEXT NOT NULL, lang TEXT NOT NULL,
	modified INTEGER NOT NULL, dated INTEGER NOT NULL, asked TEXT NOT NULL,
	blocks BLOB NOT NULL, places TEXT NOT NULL, text BLOB NOT NULL) STRICT;
CREATE TABLE passage(
	id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL, "start" INTEGER NOT NULL, "end" INTEGER NOT NULL,
	heading TEXT NOT NULL, place TEXT NOT NULL) STRICT;
CREATE INDEX passage_document ON passage(document);
CREATE TABLE replacing(document INTEGER NOT NULL, older TEXT NOT NULL, newer TEXT NOT NULL) STRICT; -- one of the two is ''
CREATE INDEX replacing_document ON replacing(document);
CREATE INDEX replacing_older ON replacing(older);
CREATE TABLE ledger(
	source TEXT NOT NULL, path TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
	origin BLOB NOT NULL, version BLOB NOT NULL, recipe TEXT NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
	at INTEGER NOT NULL, tries INTEGER NOT NULL, moved_from TEXT NOT NULL, readers INTEGER NOT NULL,
	PRIMARY KEY(source, path)) STRICT, WITHOUT ROWID;
CREATE TABLE posting(term INTEGER NOT NULL, block INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(term, block)) STRICT, WITHOUT ROWID;
CREATE TABLE unit(field INTEGER NOT NULL, block INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(field, block)) STRICT, WITHOUT ROWID;
`, `
CREATE TABLE tombstone(
	place BLOB PRIMARY KEY, source BLOB NOT NULL, origin BLOB NOT NULL, at INTEGER NOT NULL,
	overwritten INTEGER NOT NULL) STRICT, WITHOUT ROWID; -- 0: the words may still stand in free parts of the file
`, `
ALTER TABLE passage ADD COLUMN wording INTEGER NOT NULL DEFAULT 0; -- 0: not named yet, in a home of before
CREATE INDEX passage_wording ON passage(wording);
CREATE TABLE wording(n INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE mark(n INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, length INTEGER NOT NULL) STRICT;
CREATE TABLE vector(
	n INTEGER PRIMARY KEY AUTOINCREMENT, mark INTEGER NOT NULL, wording INTEGER NOT NULL,
	scale REAL NOT NULL, coarse BLOB NOT NULL, fine BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX vector_wording ON vector(wording, mark);
`}}

// Store is the collection in one home. It implements knowledge.Collection.
type Store struct {
	db      *db.DB
	vectors memory
}

var _ knowledge.Collection = (*Store)(nil)

// New returns the collection of an open home; d stays the caller's to close.
func New(d *db.DB) *Store { return &Store{db: d} }

// querier is a transaction or a pool of connections.
type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// write runs f in one transaction of the writer.
func (s *Store) write(ctx context.Context, doing string, f func(*sql.Tx) error) error {
	if s.db.Write == nil {
		return fault.New(fault.Internal, doing+": the store was opened for reading", "")
	}
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return db.Explain(err, doing)
	}
	if err := f(tx); err != nil {
		if rb := tx.Rollback(); rb != nil && !errors.Is(rb, sql.ErrTxDone) {
			err = errors.Join(err, rb)
		}
		return db.Explain(err, doing)
	}
	return db.Explain(tx.Commit(), doing)
}

// read runs f in one read transaction, so that everything it sees is of one moment.
func (s *Store) read(ctx context.Context, doing string, f func(*sql.Tx) error) error {
	tx, err := s.db.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return db.Explain(err, doing)
	}
	err = f(tx)
	if rb := tx.Rollback(); err == nil && rb != nil && !errors.Is(rb, sql.ErrTxDone) {
		err = rb
	}
	return db.Explain(err, doing)
}

// Apply carries out the changes in one transaction: all or none.
func (s *Store) Apply(ctx context.Context, changes ...knowledge.Change) error {
	return s.write(ctx, "store", func(tx *sql.Tx) error {
		words, texts := &wordIndex{q: tx}, &wordingsOf{tx: tx}
		for i := range changes {
			if err := apply(ctx, tx, words, texts, &changes[i]); err != nil {
				return fmt.Errorf("%s/%s: %w", changes[i].Entry.Source, changes[i].Entry.Path, err)
			}
		}
		if err := words.flush(ctx); err != nil {
			return err
		}
		return texts.tidy(ctx)
	})
}

func apply(ctx context.Context, tx *sql.Tx, words *wordIndex, texts *wordingsOf, c *knowledge.Change) error {
	e := &c.Entry
	if err := deleteDocument(ctx, tx, words, texts, knowledge.ID(e.Source, e.Path)); err != nil {
		return err
	}
	if c.Vanished {
		_, err := tx.ExecContext(ctx, `DELETE FROM ledger WHERE source = ? AND path = ?`, e.Source, e.Path)
		return err
	}
	readers, err := readersID(ctx, tx, e.Readers)
	if err != nil {
		return err
	}
	if c.Document != nil {
		if err := insertDocument(ctx, tx, words, texts, c); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO ledger VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		e.Source, e.Path, string(e.State), e.Reason, e.Origin[:], e.Version[:], e.Recipe, e.Size, stamp(e.Modified), stamp(e.At), e.Tries, e.MovedFrom, readers)
	return err
}

func deleteDocument(ctx context.Context, tx *sql.Tx, words *wordIndex, texts *wordingsOf, id knowledge.DocumentID) error {
	var n int64
	err := tx.QueryRowContext(ctx, `SELECT n FROM document WHERE id = ?`, string(id)).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := words.Delete(ctx, n); err != nil {
		return err
	}
	if err := texts.drop(ctx, n); err != nil {
		return err
	}
	for _, table := range []string{"passage", "replacing"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE document = ?`, n); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM document WHERE n = ?`, n)
	return err
}

func insertDocument(ctx context.Context, tx *sql.Tx, words *wordIndex, texts *wordingsOf, c *knowledge.Change) error {
	d := c.Document
	if d.ID != knowledge.ID(c.Entry.Source, c.Entry.Path) {
		return fault.New(fault.Internal, fmt.Sprintf("document %s under the entry %s/%s", d.ID, c.Entry.Source, c.Entry.Path), "")
	}
	readers, err := readersID(ctx, tx, d.Readers) // access: stored with its readers
	if err != nil {
		return err
	}
	places, err := json.Marshal(d.Places)
	if err != nil {
		return err
	}
	asked, err := json.Marshal(d.Asked)
	if err != nil {
		return err
	}
	r, err := tx.ExecContext(ctx, `INSERT INTO document(id, readers, origin, version, recipe, title, lang, modified, dated, asked, blocks, places, text)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		string(d.ID), readers, d.Origin[:], d.Version[:], d.Recipe, d.Title, d.Lang, stamp(d.Modified), stamp(d.Dated), string(asked),
		packBlocks(d.Blocks), string(places), []byte(d.Text))
	if err != nil {
		return err
	}
	n, err := r.LastInsertId()
	if err != nil {
		return err
	}
	for _, older := range d.Replaces {
		if _, err := tx.ExecContext(ctx, `INSERT INTO replacing VALUES(?, ?, '')`, n, string(older)); err != nil {
			return err
		}
	}
	for _, newer := range d.Replaced {
		if _, err := tx.ExecContext(ctx, `INSERT INTO replacing VALUES(?, '', ?)`, n, string(newer)); err != nil {
			return err
		}
	}
	stored := make([]knowledge.Passage, len(c.Passages))
	ids, numbers := make([]int64, len(c.Passages)), make([]int64, len(c.Passages))
	for i, p := range c.Passages {
		if p.Start < 0 || p.Start >= p.End || p.End > len(d.Text) || p.Text != d.Text[p.Start:p.End] {
			return fault.New(fault.Internal, fmt.Sprintf("passage %d-%d is not the text of %s there", p.Start, p.End, d.ID), "")
		}
		heading, err := json.Marshal(p.Heading)
		if err != nil {
			return err
		}
		p.Title = d.Title
		if numbers[i], err = texts.number(ctx, p.Key()); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `INSERT INTO passage(document, "start", "end", heading, place, wording) VALUES(?,?,?,?,?,?)`,
			n, p.Start, p.End, string(heading), p.Place, numbers[i])
		if err != nil {
			return err
		}
		if ids[i], err = r.LastInsertId(); err != nil {
			return err
		}
		p.ID = knowledge.PassageID(ids[i])
		stored[i] = p
	}
	if err := texts.set(ctx, ids, numbers); err != nil {
		return err
	}
	return words.put(ctx, entryOf(n, d, stored), readers)
}

// SetReaders changes who may read a source and each of its documents and
// entries; versions and passages stay.
func (s *Store) SetReaders(ctx context.Context, source string, readers knowledge.Readers, per func(knowledge.DocumentID) knowledge.Readers) error {
	return s.write(ctx, "set the readers of "+source, func(tx *sql.Tx) error {
		value, err := json.Marshal(readers)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE source SET readers = ? WHERE name = ?`, string(value), source); err != nil {
			return err
		}
		paths, err := column[string](ctx, tx, `SELECT path FROM ledger WHERE source = ?`, source)
		if err != nil {
			return err
		}
		words := &wordIndex{q: tx}
		for _, path := range paths {
			id := knowledge.ID(source, path)
			r, err := readersID(ctx, tx, per(id))
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `UPDATE ledger SET readers = ? WHERE source = ? AND path = ?`, r, source, path); err != nil {
				return err
			}
			var n int64
			err = tx.QueryRowContext(ctx, `UPDATE document SET readers = ? WHERE id = ? RETURNING n`, r, string(id)).Scan(&n) // access: new readers in the record
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil {
				err = words.setReaders(ctx, n, r) // access: new readers in the index
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// column reads the one column of a query.
func column[T any](ctx context.Context, q querier, query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// readersID returns the number of a set of readers, which is stored once.
func readersID(ctx context.Context, tx *sql.Tx, r knowledge.Readers) (int64, error) {
	value, err := json.Marshal(r)
	if err != nil {
		return 0, err
	}
	var id int64
	err = tx.QueryRowContext(ctx, `SELECT id FROM readers WHERE value = ?`, string(value)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, `INSERT INTO readers(value) VALUES(?) RETURNING id`, string(value)).Scan(&id)
	}
	return id, err
}

// Ledger lists entries ordered by source and path.
func (s *Store) Ledger(ctx context.Context, f knowledge.Filter) iter.Seq2[knowledge.Entry, error] {
	return func(yield func(knowledge.Entry, error) bool) {
		rows, err := s.db.Read.QueryContext(ctx, `SELECT l.source, l.path, l.state, l.reason, l.origin, l.version, l.recipe, l.size, l.modified, l.at, l.tries, l.moved_from, r.value
			FROM ledger l JOIN readers r ON r.id = l.readers
			WHERE (?1 = '' OR l.source = ?1) ORDER BY l.source, l.path`, f.Source)
		if err != nil {
			yield(knowledge.Entry{}, db.Explain(err, "read the ledger"))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var e knowledge.Entry
			var origin, version []byte
			var modified, at int64
			var state, readers string
			err := rows.Scan(&e.Source, &e.Path, &state, &e.Reason, &origin, &version, &e.Recipe, &e.Size, &modified, &at, &e.Tries, &e.MovedFrom, &readers)
			if err == nil {
				err = json.Unmarshal([]byte(readers), &e.Readers)
			}
			if err != nil {
				yield(knowledge.Entry{}, db.Explain(err, "read the ledger"))
				return
			}
			e.State = knowledge.Outcome(state)
			copy(e.Origin[:], origin)
			copy(e.Version[:], version)
			e.Modified, e.At = unstamp(modified), unstamp(at)
			if !matches(f, e.Source, e.Path) {
				continue
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(knowledge.Entry{}, db.Explain(err, "read the ledger"))
		}
	}
}

func matches(f knowledge.Filter, source, path string) bool {
	return (f.Source == "" || f.Source == source) &&
		(f.Path == "" || f.Path == path || strings.HasSuffix(f.Path, "/") && strings.HasPrefix(path, f.Path))
}

// Sources lists the sources by name.
func (s *Store) Sources(ctx context.Context) ([]knowledge.Origin, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT name, kind, location, readers, models, synced FROM source ORDER BY name`)
	if err != nil {
		return nil, db.Explain(err, "list the sources")
	}
	defer rows.Close()
	var all []knowledge.Origin
	for rows.Next() {
		var o knowledge.Origin
		var readers string
		var synced int64
		if err := rows.Scan(&o.Name, &o.Kind, &o.Location, &readers, &o.Models, &synced); err != nil {
			return nil, db.Explain(err, "list the sources")
		}
		if err := json.Unmarshal([]byte(readers), &o.Readers); err != nil {
			return nil, db.Explain(err, "list the sources")
		}
		o.Synced = unstamp(synced)
		all = append(all, o)
	}
	return all, db.Explain(rows.Err(), "list the sources")
}

// PutSource adds a source or replaces what is known of it.
func (s *Store) PutSource(ctx context.Context, o knowledge.Origin) error {
	return s.write(ctx, "store the source "+o.Name, func(tx *sql.Tx) error {
		readers, err := json.Marshal(o.Readers)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO source VALUES(?,?,?,?,?,?)`, o.Name, o.Kind, o.Location, string(readers), o.Models, stamp(o.Synced))
		return err
	})
}

// Counts are the sizes of the collection.
type Counts struct {
	Documents, Passages int
	Bytes               int64 // of the database file
}

// Counts returns the sizes of the whole collection: for its keeper, not for askers.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := s.db.Read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM document), (SELECT count(*) FROM passage),
		(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)`).Scan(&c.Documents, &c.Passages, &c.Bytes)
	return c, db.Explain(err, "count in "+filepath.Join(s.db.Home, db.File))
}

// Integrity returns what SQLite's integrity check and the agreement of index
// and record find wrong: nothing, normally.
func (s *Store) Integrity(ctx context.Context) ([]string, error) {
	var wrong []string
	err := s.read(ctx, "check the store", func(tx *sql.Tx) error {
		lines, err := column[string](ctx, tx, `PRAGMA integrity_check`)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if l != "ok" {
				wrong = append(wrong, l)
			}
		}
		for _, q := range []struct{ name, query string }{
			{"documents without an indexed entry", `SELECT id FROM document WHERE NOT EXISTS (SELECT 1 FROM ledger WHERE source || '/' || path = id AND state = 'indexed' AND ledger.version = document.version)`},
			{"indexed entries without a document", `SELECT source || '/' || path FROM ledger WHERE state = 'indexed' AND source || '/' || path NOT IN (SELECT id FROM document)`},
			{"passages without a document", `SELECT CAST(id AS TEXT) FROM passage WHERE document NOT IN (SELECT n FROM document)`},
			{"passages without the text that is encoded", `SELECT CAST(id AS TEXT) FROM passage WHERE wording <> 0 AND wording NOT IN (SELECT n FROM wording)`},
			{"encoded texts without a passage", `SELECT CAST(n AS TEXT) FROM wording WHERE n NOT IN (SELECT wording FROM passage)`},
			{"vectors without a text", `SELECT CAST(n AS TEXT) FROM vector WHERE wording NOT IN (SELECT n FROM wording)`},
			{"vectors without a mark, or of another length", `SELECT CAST(v.n AS TEXT) FROM vector v LEFT JOIN mark m ON m.n = v.mark WHERE m.n IS NULL OR length(v.coarse) <> m.length OR length(v.fine) <> m.length`},
		} {
			ids, err := column[string](ctx, tx, q.query)
			if err != nil {
				return err
			}
			for _, id := range ids {
				wrong = append(wrong, q.name+": "+id)
			}
		}
		back, err := cameBack(ctx, tx)
		if err != nil {
			return err
		}
		texts, err := (&wordingsOf{tx: tx}).check(ctx)
		if err != nil {
			return err
		}
		wrong = append(append(wrong, back...), texts...)
		inRecord, err := column[int64](ctx, tx, `SELECT id FROM passage ORDER BY id`)
		if err != nil {
			return err
		}
		i := 0
		for id, err := range (&wordIndex{q: tx}).Scan(ctx) {
			if err != nil {
				return err
			}
			if i >= len(inRecord) || inRecord[i] != int64(id) {
				wrong = append(wrong, fmt.Sprintf("index and record differ at passage %d", id))
				return nil
			}
			i++
		}
		if i != len(inRecord) {
			wrong = append(wrong, fmt.Sprintf("the index has %d of %d passages", i, len(inRecord)))
		}
		return nil
	})
	return wrong, err
}

// stamp stores a time in microseconds since 1970; the zero time is 0.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func unstamp(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// packBlocks stores blocks as varints: gap to the last end, length, kind*8+level.
func packBlocks(blocks []knowledge.Block) []byte {
	out := []byte{}
	at := 0
	for _, b := range blocks {
		out = binary.AppendUvarint(out, uint64(b.Start-at))
		out = binary.AppendUvarint(out, uint64(b.End-b.Start))
		out = binary.AppendUvarint(out, uint64(b.Level)<<3|uint64(b.Kind))
		at = b.End
	}
	return out
}

func unpackBlocks(data []byte) []knowledge.Block {
	var blocks []knowledge.Block
	at := 0
	next := func() int {
		v, n := binary.Uvarint(data)
		data = data[max(n, 1):]
		return int(v)
	}
	for len(data) > 0 {
		var b knowledge.Block
		b.Start = at + next()
		if len(data) == 0 {
			break
		}
		b.End = b.Start + next()
		if len(data) == 0 {
			break
		}
		k := next()
		b.Kind, b.Level = knowledge.BlockKind(k&7), k>>3
		at = b.End
		blocks = append(blocks, b)
	}
	return blocks
}
