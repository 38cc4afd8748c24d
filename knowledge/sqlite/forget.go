package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// Forgetting has three parts: one transaction that deletes and leaves
// tombstones, the overwriting, and a search for what may be left.
//
// secure_delete overwrites deleted cells and pages, but where SQLite moves cells
// between pages (balancing) it leaves the old copies in the free part of a page,
// out of its sight: of 19,000 deleted words in collections of 600 small
// documents 12 were still in the file. VACUUM builds the file anew out of what
// is there, so that nothing else can be in it; the checkpoint then overwrites the
// old file and empties the write-ahead log. Until both are done the tombstones
// are marked as not overwritten, which an interruption does not lose.

// Forget deletes what is selected; see knowledge.Collection.
func (s *Store) Forget(ctx context.Context, what knowledge.Selector, at time.Time) (knowledge.Proof, error) {
	var p knowledge.Proof
	words := newFinder()
	doing := "forget " + what.String()
	err := s.write(ctx, doing, func(tx *sql.Tx) error {
		paths, known, err := s.delete(ctx, tx, what, at, &p, words)
		if err != nil {
			return err
		}
		places := placesOf(what, paths)
		if p.Tombstones, err = tombstones(ctx, tx, what, places); err != nil {
			return err
		}
		if !known && len(p.Tombstones) == 0 {
			return fault.New(fault.Missing, doing+": there is no such source or file", "groundwork status --files lists them")
		}
		if what.Path != "" {
			// The same as the next sync will say, which then has nothing to write.
			owner, err := readersID(ctx, tx, knowledge.Readers{})
			if err != nil {
				return err
			}
			why := knowledge.Forgotten(p.Tombstones)
			for _, path := range paths {
				if _, err := tx.ExecContext(ctx, `UPDATE ledger SET state = ?, reason = ?, origin = zeroblob(32), version = zeroblob(32), tries = 0, moved_from = '', readers = ? WHERE source = ? AND path = ?`,
					string(knowledge.Excluded), why(knowledge.ID(what.Source, path), knowledge.Hash{}), owner, what.Source, path); err != nil {
					return err
				}
			}
		}
		// The names of groups may be the document's own words.
		if _, err := tx.ExecContext(ctx, `DELETE FROM readers WHERE id NOT IN (SELECT readers FROM document UNION ALL SELECT readers FROM ledger)`); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE tombstone SET overwritten = 0 WHERE `+kept, hash(what.Source), what.Path, places)
		return err
	})
	if err != nil {
		return p, err
	}
	s.vectors.forget()
	if p.Rest, err = s.Overwrite(ctx); err != nil || p.Rest != "" {
		return p, err
	}
	return p, s.search(ctx, words, &p)
}

// kept admits the tombstones of a selection: ?1 is the hash of its source, ?2 its
// path, ?3 what placesOf returns.
const kept = `source = ?1 AND (?2 = '' OR hex(place) IN (SELECT value FROM json_each(?3)))`

// placesOf lists the places of a selection and of the files below it, as JSON.
func placesOf(what knowledge.Selector, paths []string) string {
	places := []string{fmt.Sprintf("%X", hash(what.String()))}
	for _, p := range paths {
		places = append(places, fmt.Sprintf("%X", hash(string(knowledge.ID(what.Source, p)))))
	}
	return `["` + strings.Join(places, `","`) + `"]`
}

// inside admits the rows of the ledger that a selection names: ?1 is its source,
// ?2 its path. See knowledge.Selector.Selects.
const inside = `source = ?1 AND (?2 = '' OR path = ?2 OR substr(path, 1, length(?2) + 2) = ?2 || '!/')`

func hash(s string) []byte {
	h := knowledge.HashOf([]byte(s))
	return h[:]
}

// delete is Forget's transaction, without what the ledger keeps: paths are the
// entries that were selected. known is false when neither a source nor an entry
// is.
func (s *Store) delete(ctx context.Context, tx *sql.Tx, what knowledge.Selector, at time.Time, p *knowledge.Proof, words *finder) (paths []string, known bool, err error) {
	type entry struct {
		path, state string
		origin      []byte
	}
	var entries []entry
	rows, err := tx.QueryContext(ctx, `SELECT path, state, origin FROM ledger WHERE `+inside, what.Source, what.Path)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.path, &e.state, &e.origin); err != nil {
			return nil, false, err
		}
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, false, err
	}
	index, texts := &wordIndex{q: tx}, &wordingsOf{tx: tx}
	for _, e := range entries {
		paths = append(paths, e.path)
		id := knowledge.ID(what.Source, e.path)
		var text []byte
		var passages int
		err := tx.QueryRowContext(ctx, `SELECT text, (SELECT count(*) FROM passage WHERE document = n) FROM document WHERE id = ?`, string(id)).Scan(&text, &passages)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, false, err
		}
		if err == nil {
			p.Documents++
			p.Passages += passages
			words.add(text)
			if err := deleteDocument(ctx, tx, index, texts, id); err != nil {
				return nil, false, err
			}
		}
		// Only bytes whose words were read are kept away elsewhere: not, say, every empty file.
		origin := e.origin
		if state := knowledge.Outcome(e.state); state != knowledge.Indexed && state != knowledge.HeldBack {
			origin = make([]byte, 32)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO tombstone VALUES(?,?,?,?,0) ON CONFLICT DO NOTHING`, hash(string(id)), hash(what.Source), origin, stamp(at)); err != nil {
			return nil, false, err
		}
	}
	if err := texts.tidy(ctx); err != nil {
		return nil, false, err
	}
	p.Stretches = len(words.found)
	if p.Copies, err = copies(ctx, tx); err != nil {
		return nil, false, err
	}
	known = len(entries) > 0
	if what.Path == "" {
		r, err := tx.ExecContext(ctx, `DELETE FROM source WHERE name = ?`, what.Source)
		if err != nil {
			return nil, false, err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return nil, false, err
		}
		known = known || n > 0
		if _, err := tx.ExecContext(ctx, `DELETE FROM ledger WHERE source = ?`, what.Source); err != nil {
			return nil, false, err
		}
	}
	return paths, known, nil
}

// copies lists the documents whose bytes a tombstone has just named, and takes
// them out of the tombstone: a document that is there is not forgotten.
func copies(ctx context.Context, tx *sql.Tx) ([]knowledge.DocumentID, error) {
	ids, err := column[string](ctx, tx, `SELECT id FROM document WHERE origin IN (SELECT origin FROM tombstone WHERE origin <> zeroblob(32)) ORDER BY id`)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var all []knowledge.DocumentID
	for _, id := range ids {
		all = append(all, knowledge.DocumentID(id))
	}
	_, err = tx.ExecContext(ctx, `UPDATE tombstone SET origin = zeroblob(32) WHERE origin IN (SELECT origin FROM document)`)
	return all, err
}

// tombstones lists those of a selection, ordered by place; the zero Selector
// takes all.
func tombstones(ctx context.Context, q querier, what knowledge.Selector, places string) ([]knowledge.Tombstone, error) {
	where := kept
	if what == (knowledge.Selector{}) {
		where = `?1 <> '' AND ?2 = '' AND ?3 = ''`
	}
	rows, err := q.QueryContext(ctx, `SELECT source, place, origin, at FROM tombstone WHERE `+where+` ORDER BY place`, hash(what.Source), what.Path, places)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []knowledge.Tombstone
	for rows.Next() {
		var t knowledge.Tombstone
		var source, place, origin []byte
		var at int64
		if err := rows.Scan(&source, &place, &origin, &at); err != nil {
			return nil, err
		}
		copy(t.Source[:], source)
		copy(t.Place[:], place)
		copy(t.Origin[:], origin)
		t.At = unstamp(at)
		all = append(all, t)
	}
	return all, rows.Err()
}

// Tombstones lists all tombstones, ordered by Place.
func (s *Store) Tombstones(ctx context.Context) ([]knowledge.Tombstone, error) {
	all, err := tombstones(ctx, s.db.Read, knowledge.Selector{}, "")
	return all, db.Explain(err, "list what was forgotten")
}

// Readmit lifts tombstones; see knowledge.Collection.
func (s *Store) Readmit(ctx context.Context, what knowledge.Selector) (lifted int, err error) {
	doing := "lift what keeps " + what.String() + " away"
	err = s.write(ctx, doing, func(tx *sql.Tx) error {
		paths, err := column[string](ctx, tx, `SELECT path FROM ledger WHERE `+inside, what.Source, what.Path)
		if err != nil {
			return err
		}
		// Tombstones of other places stay, without the bytes that may come in again.
		args := []any{hash(what.Source), what.Path, placesOf(what, paths), what.Source}
		r, err := tx.ExecContext(ctx, `UPDATE tombstone SET origin = zeroblob(32) WHERE NOT (`+kept+`) AND origin <> zeroblob(32) AND origin IN (
			SELECT origin FROM tombstone WHERE `+kept+` UNION ALL
			SELECT origin FROM ledger WHERE `+strings.ReplaceAll(inside, "?1", "?4")+` AND state = 'excluded')`, args...)
		if err != nil {
			return err
		}
		others, err := r.RowsAffected()
		if err != nil {
			return err
		}
		r, err = tx.ExecContext(ctx, `DELETE FROM tombstone WHERE `+kept, args[:3]...)
		if err != nil {
			return err
		}
		own, err := r.RowsAffected()
		if err == nil && own+others == 0 {
			return fault.New(fault.Missing, doing+": nothing does", "groundwork status --files says what became of each file")
		}
		lifted = int(own + others)
		return err
	})
	return lifted, err
}

// cameBack lists documents that a tombstone should have kept away.
func cameBack(ctx context.Context, tx *sql.Tx) ([]string, error) {
	all, err := tombstones(ctx, tx, knowledge.Selector{}, "")
	if err != nil || len(all) == 0 {
		return nil, err
	}
	forgotten := knowledge.Forgotten(all)
	rows, err := tx.QueryContext(ctx, `SELECT id, origin FROM document`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var wrong []string
	for rows.Next() {
		var id string
		var bytes []byte
		if err := rows.Scan(&id, &bytes); err != nil {
			return nil, err
		}
		var origin knowledge.Hash
		copy(origin[:], bytes)
		if forgotten(knowledge.DocumentID(id), origin) != "" {
			wrong = append(wrong, "forgotten, but there: "+id)
		}
	}
	return wrong, rows.Err()
}

// Unfinished counts tombstones of documents whose words may still stand in free
// parts of the file, because Forget was interrupted or a reader held them.
func (s *Store) Unfinished(ctx context.Context) (int, error) {
	var n int
	err := s.db.Read.QueryRowContext(ctx, `SELECT count(*) FROM tombstone WHERE overwritten = 0`).Scan(&n)
	return n, db.Explain(err, "count what is not overwritten")
}

// Overwrite removes from the files what no table holds, if anything forgotten
// may be among it. It takes as long as writing the database anew. rest says why
// it could not be done now: a reader holds an older state for longer than the
// busy timeout of internal/db.
func (s *Store) Overwrite(ctx context.Context) (rest string, err error) {
	const doing = "overwrite what was forgotten"
	if n, err := s.Unfinished(ctx); err != nil || n == 0 {
		return "", err
	}
	if s.db.Write == nil {
		return "", fault.New(fault.Internal, doing+": the store was opened for reading", "")
	}
	conn, err := s.db.Write.Conn(ctx)
	if err != nil {
		return "", db.Explain(err, doing)
	}
	defer conn.Close()
	exec := func(statements ...string) error {
		for _, q := range statements {
			if _, err := conn.ExecContext(ctx, q); err != nil {
				return db.Explain(err, doing)
			}
		}
		return nil
	}
	emptied := func() (bool, error) {
		var busy, frames, done int
		err := conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &done)
		return busy == 0, db.Explain(err, doing)
	}
	const held = "another process reads an older state and has not let go of it; the words may still be in the files below the home"
	if ok, err := emptied(); err != nil || !ok { // before VACUUM, which would lengthen a log that cannot be emptied
		return held, err
	}
	// A file keeps the memory bounded. It is gone from its folder as soon as it is
	// open, and holds what stays, never what was forgotten.
	err = exec(`PRAGMA temp_store = FILE`, `VACUUM`)
	if back := exec(`PRAGMA temp_store = MEMORY`); err == nil {
		err = back
	}
	if err != nil {
		return "", err
	}
	if ok, err := emptied(); err != nil || !ok {
		return held, err
	}
	if err := exec(`UPDATE tombstone SET overwritten = 1 WHERE overwritten = 0`); err != nil {
		return "", err
	}
	_, err = emptied() // it holds no words; a reader may keep it
	return "", err
}

// search looks for the words below the home, but not in cache/: it holds stores
// of judged sets, which are nobody's documents and can have gigabytes.
func (s *Store) search(ctx context.Context, words *finder, p *knowledge.Proof) error {
	const doing = "search for what was forgotten"
	found := map[string][]uint64{}
	err := filepath.WalkDir(s.db.Home, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // of a process that just ended
			return nil
		}
		if err == nil && e.IsDir() && path == filepath.Join(s.db.Home, "cache") {
			return fs.SkipDir
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		err = s.db.Look(path, func(r io.Reader) error {
			n, err := io.Copy(words.begin(), r)
			p.Files++
			p.Bytes += n
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if here := words.take(); len(here) > 0 {
			found[path] = here
		}
		return errors.Join(err, ctx.Err())
	})
	if err != nil || len(found) == 0 {
		if err != nil {
			err = fault.Wrap(fault.Input, err, doing, "make the files below the home readable")
		}
		return err
	}
	// Other documents may say the same.
	err = s.read(ctx, doing, func(tx *sql.Tx) error { return eachValue(ctx, tx, words) })
	if err != nil {
		return err
	}
	theirs := map[uint64]bool{}
	for _, h := range words.take() {
		theirs[h] = true
	}
	for path, here := range found {
		for _, h := range here {
			if !theirs[h] {
				p.Found = append(p.Found, path)
				break
			}
		}
	}
	slices.Sort(p.Found)
	return nil
}

// eachValue hands every text and blob of every table to words.
func eachValue(ctx context.Context, tx *sql.Tx, words *finder) error {
	tables, err := column[string](ctx, tx, `SELECT name FROM sqlite_master WHERE type = 'table' UNION ALL SELECT 'sqlite_master'`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := func() error {
			rows, err := tx.QueryContext(ctx, fmt.Sprintf(`SELECT * FROM %q`, table))
			if err != nil {
				return err
			}
			defer rows.Close()
			names, err := rows.Columns()
			if err != nil {
				return err
			}
			values, at := make([]sql.RawBytes, len(names)), make([]any, len(names))
			for i := range values {
				at[i] = &values[i]
			}
			for rows.Next() {
				if err := rows.Scan(at...); err != nil {
					return err
				}
				for _, v := range values {
					words.begin().Write(v)
				}
			}
			return rows.Err()
		}(); err != nil {
			return err
		}
	}
	return nil
}

// stretch is the length of the pieces of a text that are searched for, stride
// the distance of their beginnings, both in bytes: whatever keeps 280 bytes of a
// text in a row is found.
const (
	stretch = 24
	stride  = 256
)

// finder finds stretches of texts in streams of bytes, whole files at the speed
// of reading: by a hash that rolls along (Karp and Rabin 1987). It keeps hashes,
// never the texts.
type finder struct {
	found  map[uint64]bool // by hash of each stretch that was added
	filter [1 << 14]uint64 // a bit for each of them: most bytes need no look at found
	last   [stretch]byte   // a ring
	n      int             // bytes so far
	sum    uint64
	gone   uint64 // factor of the byte that leaves the ring
}

const factor = 0x9e3779b97f4a7c15

func newFinder() *finder {
	f := &finder{found: map[uint64]bool{}, gone: 1}
	for range stretch {
		f.gone *= factor
	}
	return f
}

// add takes a text whose stretches are to be found; one shorter than a stretch
// has none.
func (f *finder) add(text []byte) {
	if len(text) < stretch {
		return
	}
	for at := 0; ; at += stride {
		at = min(at, len(text)-stretch)
		var h uint64
		for _, c := range text[at : at+stretch] {
			h = h*factor + uint64(c) + 1
		}
		f.found[h] = false
		f.filter[h>>50] |= 1 << (h >> 44 & 63)
		if at == len(text)-stretch {
			return
		}
	}
}

// begin starts a new stream.
func (f *finder) begin() *finder {
	f.n, f.sum, f.last = 0, 0, [stretch]byte{}
	return f
}

// Write takes the next bytes of the stream; it never fails.
func (f *finder) Write(p []byte) (int, error) {
	for _, c := range p {
		at := f.n % stretch
		f.sum = f.sum*factor + uint64(c) + 1
		if f.n >= stretch {
			f.sum -= (uint64(f.last[at]) + 1) * f.gone
		}
		f.last[at] = c
		f.n++
		if f.filter[f.sum>>50]&(1<<(f.sum>>44&63)) != 0 && f.n >= stretch {
			if _, wanted := f.found[f.sum]; wanted {
				f.found[f.sum] = true
			}
		}
	}
	return len(p), nil
}

// take returns what was found since the last call.
func (f *finder) take() []uint64 {
	var all []uint64
	for h, found := range f.found {
		if found {
			all, f.found[h] = append(all, h), false
		}
	}
	return all
}
