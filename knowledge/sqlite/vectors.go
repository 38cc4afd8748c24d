package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// Vectors. Three tables:
//
//	wording(n, key)     each distinct text that a model gets of passages, by its hash
//	mark(n, name, ...)  each model of which there are vectors
//	vector(n, mark, wording, scale, coarse, fine)
//
// A passage names its wording, in the record and, for reading 512 at once, in the
// table unit. A vector belongs to a wording, so the same text is encoded once
// wherever it stands and however often its document is stored anew; it goes with
// the wording's last passage. Value i of a vector of unit length is
// scale * (coarse[i] + fine[i]/254): coarse alone is scanned, in memory, and fine
// is read for the few best (doc/bench/vectors.md). Numbers are never used twice,
// so a vector in memory can be gone from the file but never be another's.

// wordings is a field of the table unit: 4 bytes a passage, its wording.
const (
	wordings    = 3
	wordingUnit = 4
)

// wordingsOf keeps wordings in step with the passages of one transaction.
type wordingsOf struct {
	tx   *sql.Tx
	left map[int64]bool // wordings that lost a passage
}

// number returns the wording of a passage's text.
func (w *wordingsOf) number(ctx context.Context, key knowledge.Hash) (n int64, err error) {
	err = w.tx.QueryRowContext(ctx, `INSERT INTO wording(key) VALUES(?) ON CONFLICT DO UPDATE SET key = key RETURNING n`, key[:]).Scan(&n)
	return n, err
}

// set writes the wordings of passages, in order of their numbers, into unit; 0
// clears.
func (w *wordingsOf) set(ctx context.Context, passages, numbers []int64) error {
	for at := 0; at < len(passages); {
		block := passages[at] >> blockBits
		var data []byte
		err := w.tx.QueryRowContext(ctx, `SELECT data FROM unit WHERE field = ? AND block = ?`, wordings, block).Scan(&data)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for ; at < len(passages) && passages[at]>>blockBits == block; at++ {
			i := int(passages[at]&(blockSize-1)) * wordingUnit
			if short := i + wordingUnit - len(data); short > 0 {
				data = append(data, make([]byte, short)...)
			}
			binary.LittleEndian.PutUint32(data[i:], uint32(numbers[at]))
		}
		if allZero(data) {
			_, err = w.tx.ExecContext(ctx, `DELETE FROM unit WHERE field = ? AND block = ?`, wordings, block)
		} else {
			_, err = w.tx.ExecContext(ctx, `INSERT OR REPLACE INTO unit VALUES(?,?,?)`, wordings, block, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drop takes a document's passages out, before they are deleted.
func (w *wordingsOf) drop(ctx context.Context, document int64) error {
	passages, err := column[int64](ctx, w.tx, `SELECT id FROM passage WHERE document = ? ORDER BY id`, document)
	if err != nil {
		return err
	}
	numbers, err := column[int64](ctx, w.tx, `SELECT wording FROM passage WHERE document = ? AND wording <> 0`, document)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if w.left == nil {
			w.left = map[int64]bool{}
		}
		w.left[n] = true
	}
	return w.set(ctx, passages, make([]int64, len(passages)))
}

// tidy deletes the wordings that no passage has any more, with their vectors: at
// the end of a transaction, since a document that is stored anew mostly has its
// passages' texts again.
func (w *wordingsOf) tidy(ctx context.Context) error {
	for n := range w.left {
		r, err := w.tx.ExecContext(ctx, `DELETE FROM wording WHERE n = ?1 AND NOT EXISTS (SELECT 1 FROM passage WHERE wording = ?1)`, n)
		if err != nil {
			return err
		}
		gone, err := r.RowsAffected()
		if err != nil {
			return err
		}
		if gone == 0 { // another passage has it
			continue
		}
		if _, err := w.tx.ExecContext(ctx, `DELETE FROM vector WHERE wording = ?`, n); err != nil {
			return err
		}
	}
	clear(w.left)
	return nil
}

// nameWordings gives the passages of a home of before there were wordings theirs.
func (s *Store) nameWordings(ctx context.Context) error {
	const batch = 1000 // others may write in between
	for s.db.Write != nil {
		more, err := column[int64](ctx, s.db.Read, `SELECT id FROM passage WHERE wording = 0 LIMIT 1`)
		if err != nil || len(more) == 0 {
			return err
		}
		err = s.write(ctx, "name the texts of passages", func(tx *sql.Tx) error {
			ids, err := column[int64](ctx, tx, `SELECT id FROM passage WHERE wording = 0 ORDER BY id LIMIT ?`, batch)
			if err != nil {
				return err
			}
			found, err := readPassages(ctx, tx, ids, everyPassage)
			if err != nil {
				return err
			}
			w := &wordingsOf{tx: tx}
			ids = ids[:0]
			var numbers []int64
			for _, p := range found {
				n, err := w.number(ctx, p.Key())
				if err != nil {
					return err
				}
				if _, err := tx.ExecContext(ctx, `UPDATE passage SET wording = ? WHERE id = ?`, n, int64(p.ID)); err != nil {
					return err
				}
				ids, numbers = append(ids, int64(p.ID)), append(numbers, n)
			}
			return w.set(ctx, ids, numbers)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// check returns where record, unit and the texts themselves disagree on the
// wordings of passages.
func (w *wordingsOf) check(ctx context.Context) (wrong []string, err error) {
	inUnit := map[int64]int64{} // by passage
	err = (&wordIndex{q: w.tx}).blocks(ctx, `SELECT block, data FROM unit WHERE field = ?`, wordings, func(block int64, data []byte) bool {
		for i := 0; (i+1)*wordingUnit <= len(data); i++ {
			if n := binary.LittleEndian.Uint32(data[i*wordingUnit:]); n != 0 {
				inUnit[block<<blockBits|int64(i)] = int64(n)
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	ids, err := column[int64](ctx, w.tx, `SELECT id FROM passage WHERE wording <> 0 ORDER BY id`)
	if err != nil {
		return nil, err
	}
	inRecord, err := column[int64](ctx, w.tx, `SELECT wording FROM passage WHERE wording <> 0 ORDER BY id`)
	if err != nil {
		return nil, err
	}
	keys, err := column[[]byte](ctx, w.tx, `SELECT w.key FROM passage p CROSS JOIN wording w ON w.n = p.wording ORDER BY p.id`)
	if err != nil {
		return nil, err
	}
	if len(keys) != len(ids) || len(inUnit) != len(ids) {
		return []string{fmt.Sprintf("of %d passages %d have the text that is encoded, %d in the index", len(ids), len(keys), len(inUnit))}, nil
	}
	for at := 0; at < len(ids); { // in pieces, since texts are long
		end := min(at+1000, len(ids))
		found, err := readPassages(ctx, w.tx, ids[at:end], everyPassage)
		if err != nil {
			return nil, err
		}
		if len(found) != end-at {
			return append(wrong, fmt.Sprintf("%d passages of %d can be read", len(found), end-at)), nil
		}
		for i, p := range found {
			if key := p.Key(); string(key[:]) != string(keys[at+i]) || inUnit[int64(p.ID)] != inRecord[at+i] {
				wrong = append(wrong, fmt.Sprintf("passage %d has another text than the one that is encoded", p.ID))
			}
		}
		at = end
	}
	return wrong, nil
}

// everyPassage is for what the collection does itself, for no asker.
func everyPassage(string) (bool, error) { return true, nil }

// markNumber returns the number of a mark and the length of its vectors; 0 when
// there are none.
func markNumber(ctx context.Context, q querier, mark string) (n int64, length int, err error) {
	err = q.QueryRowContext(ctx, `SELECT n, length FROM mark WHERE name = ?`, mark).Scan(&n, &length)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, length, err
}

// admission asks admits once a source.
func (s *Store) admission(ctx context.Context, admits func(knowledge.Origin) bool) (func(knowledge.DocumentID) bool, error) {
	all, err := s.Sources(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, o := range all {
		known[o.Name] = admits == nil || admits(o)
	}
	return func(id knowledge.DocumentID) bool {
		name := id.Source()
		ok, asked := known[name]
		if !asked {
			ok = admits == nil || admits(knowledge.Origin{Name: name})
			known[name] = ok
		}
		return ok
	}, nil
}

// Unencoded lists passages without a vector; see knowledge.Collection. In a home
// of an older version a passage is listed once a writer has asked.
func (s *Store) Unencoded(ctx context.Context, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, n int) ([]knowledge.Unencoded, error) {
	const doing = "look for what is not encoded"
	if err := s.nameWordings(ctx); err != nil {
		return nil, err
	}
	goes, err := s.admission(ctx, admits)
	if err != nil {
		return nil, err
	}
	var list []knowledge.Unencoded
	err = s.read(ctx, doing, func(tx *sql.Tx) error {
		number, _, err := markNumber(ctx, tx, mark)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT p.id, w.key, d.id FROM passage p CROSS JOIN wording w ON w.n = p.wording CROSS JOIN document d ON d.n = p.document
			WHERE p.id > ? AND NOT EXISTS (SELECT 1 FROM vector v WHERE v.wording = p.wording AND v.mark = ?) ORDER BY p.id`, int64(after), number)
		if err != nil {
			return err
		}
		defer rows.Close()
		var ids []int64
		listed := map[knowledge.Hash]bool{}
		for len(list) < n && rows.Next() {
			var id int64
			var key []byte
			var document knowledge.DocumentID
			if err := rows.Scan(&id, &key, &document); err != nil {
				return err
			}
			u := knowledge.Unencoded{Passage: knowledge.PassageID(id)}
			copy(u.Key[:], key)
			if goes(document) && !listed[u.Key] {
				listed[u.Key] = true
				ids, list = append(ids, id), append(list, u)
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		found, err := readPassages(ctx, tx, ids, everyPassage)
		if err == nil && len(found) != len(list) {
			err = fault.New(fault.Internal, "a passage has no document", "groundwork doctor says more")
		}
		for i, p := range found {
			list[i].Text = p.Encoded()
		}
		return err
	})
	return list, err
}

// PutVectors stores vectors; see knowledge.Collection.
func (s *Store) PutVectors(ctx context.Context, mark string, vectors []knowledge.Vector) error {
	doing := "store vectors of " + mark
	if len(vectors) == 0 {
		return nil
	}
	return s.write(ctx, doing, func(tx *sql.Tx) error {
		number, length, err := markNumber(ctx, tx, mark)
		if err != nil {
			return err
		}
		if number == 0 {
			length = len(vectors[0].Values)
			if err := tx.QueryRowContext(ctx, `INSERT INTO mark(name, length) VALUES(?, ?) RETURNING n`, mark, length).Scan(&number); err != nil {
				return err
			}
		}
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO vector(mark, wording, scale, coarse, fine) SELECT ?, n, ?, ?, ? FROM wording WHERE key = ? ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for _, v := range vectors {
			if len(v.Values) != length || length == 0 {
				return fault.New(fault.Input, fmt.Sprintf("a vector has %d values, the others have %d", len(v.Values), length), "a model of another length needs another mark")
			}
			scale, coarse, fine, ok := quantise(v.Values)
			if !ok {
				return fault.New(fault.Input, "a vector holds a value that is no finite number", "look at what the model returns")
			}
			if _, err := stmt.ExecContext(ctx, number, scale, asBytes(coarse), asBytes(fine), v.Key[:]); err != nil {
				return err
			}
		}
		// A mark without vectors would hold its length against a model of the same name.
		_, err = tx.ExecContext(ctx, `DELETE FROM mark WHERE n = ?1 AND NOT EXISTS (SELECT 1 FROM vector WHERE mark = ?1)`, number)
		return err
	})
}

// Vectors counts passages with and without a vector; see knowledge.Collection.
func (s *Store) Vectors(ctx context.Context, mark string, admits func(knowledge.Origin) bool) (have, waiting int, err error) {
	goes, err := s.admission(ctx, admits)
	if err != nil {
		return 0, 0, err
	}
	err = s.read(ctx, "count vectors", func(tx *sql.Tx) error {
		number, _, err := markNumber(ctx, tx, mark)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT d.id, count(*), count(v.n) FROM passage p CROSS JOIN document d ON d.n = p.document
			LEFT JOIN vector v ON v.wording = p.wording AND v.mark = ? GROUP BY p.document`, number)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id knowledge.DocumentID
			var all, encoded int
			if err := rows.Scan(&id, &all, &encoded); err != nil {
				return err
			}
			have += encoded
			if goes(id) {
				waiting += all - encoded
			}
		}
		return rows.Err()
	})
	return have, waiting, err
}

// Marks counts the vectors of each mark.
func (s *Store) Marks(ctx context.Context) (map[string]int, error) {
	const doing = "list the marks of vectors"
	rows, err := s.db.Read.QueryContext(ctx, `SELECT name, count(*) FROM vector JOIN mark ON mark.n = vector.mark GROUP BY vector.mark`)
	if err != nil {
		return nil, db.Explain(err, doing)
	}
	defer rows.Close()
	marks := map[string]int{}
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return nil, db.Explain(err, doing)
		}
		marks[name] = n
	}
	return marks, db.Explain(rows.Err(), doing)
}

// DropVectors deletes all vectors of a mark.
func (s *Store) DropVectors(ctx context.Context, mark string) error {
	return s.write(ctx, "drop the vectors of "+mark, func(tx *sql.Tx) error {
		number, _, err := markNumber(ctx, tx, mark)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM vector WHERE mark = ?`, number); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM mark WHERE n = ?`, number)
		return err
	})
}

// unitLength returns v at length 1, or zeros for a vector of length 0; ok is false when
// a value is not finite.
func unitLength(v []float32) (u []float64, ok bool) {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, false
	}
	u = make([]float64, len(v))
	if sum > 0 {
		length := math.Sqrt(sum)
		for i, x := range v {
			u[i] = float64(x) / length
		}
	}
	return u, true
}

// fineSteps divide a step of coarse: a rest of half a step is 127 of them.
const fineSteps = 254

// quantise brings v to unit length and into two planes of int8; see vector above.
func quantise(v []float32) (scale float64, coarse, fine []int8, ok bool) {
	u, ok := unitLength(v)
	if !ok {
		return 0, nil, nil, false
	}
	for _, x := range u {
		scale = max(scale, math.Abs(x)/127)
	}
	coarse, fine = make([]int8, len(u)), make([]int8, len(u))
	for i, x := range u {
		if scale > 0 {
			whole := math.Round(x / scale)
			coarse[i], fine[i] = int8(whole), int8(math.Round((x/scale-whole)*fineSteps))
		}
	}
	return scale, coarse, fine, true
}

func asBytes(v []int8) []byte {
	b := make([]byte, len(v))
	for i, x := range v {
		b[i] = byte(x)
	}
	return b
}
