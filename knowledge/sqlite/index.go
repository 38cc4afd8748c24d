package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// The word index. Two tables, no word in either:
//
//	posting(term, block, data)  term: the field in 2 bits, 62 bits of the term's SHA-256;
//	                            data: two bytes a posting, local number << 7 | frequency
//	unit(field, block, data)    what scoring must know of each passage or document
//
// A block is 512 consecutive passages or documents, so a document changes only
// the rows of its own terms in its own blocks, and a query reads one row per
// term and block. SQLite's FTS5 is not used: its bm25() counts over all rows,
// those the asker may not see included, and it keeps words in the file after a
// deletion (cases/0001).
const (
	blockBits = 9
	blockSize = 1 << blockBits
	maxTF     = 127
)

// Fields of posting and unit.
const (
	inPassage byte = iota // stems of passages; units are passages
	inTitle               // stems of title and path; units are documents
	inWords               // unstemmed words; units are documents
)

// BM25's parameters (Robertson and Zaragoza 2009, eq. 3.15), as the reference
// run of the judged sets has them.
const (
	bm25K1 = 0.9
	bm25B  = 0.4
)

// wordIndex implements knowledge.Index over an open transaction. Postings are
// gathered and written by flush.
type wordIndex struct {
	q       querier
	pending map[postingKey][]uint16
	hashes  map[string]int64 // of terms seen in this transaction
}

var _ knowledge.Index = (*wordIndex)(nil)

type postingKey struct{ term, block int64 }

// hashTerm names a term in the index.
func (x *wordIndex) hashTerm(field byte, t string) int64 {
	key := string(rune(field)) + t
	if h, ok := x.hashes[key]; ok {
		return h
	}
	sum := sha256.Sum256([]byte(key))
	h := int64(binary.BigEndian.Uint64(sum[:])&^3 | uint64(field))
	if x.hashes == nil {
		x.hashes = map[string]int64{}
	}
	x.hashes[key] = h
	return h
}

// Fields of unit. A passage's entry: document, readers, length in stems. A
// document's entry: first passage, readers, length of title and of all words.
// The forward row, one a document, lists its passages and postings.
const (
	passages  = 0
	documents = 1
	forward   = 2

	passageUnit  = 12
	documentUnit = 20
)

// entryOf analyses a document for the index.
func entryOf(n int64, d *knowledge.Document, passages []knowledge.Passage) knowledge.IndexEntry {
	e := knowledge.IndexEntry{Document: n, Readers: d.Readers, Title: term.Stems(d.Title + "\n" + d.ID.Path())}
	e.Words = term.Words(d.Title)
	for _, p := range passages {
		e.Words = append(e.Words, term.Words(p.Text)...)
		e.Passages = append(e.Passages, knowledge.IndexPassage{ID: p.ID,
			Stems: term.Stems(d.Title + "\n" + strings.Join(p.Heading, "\n") + "\n" + p.Text)})
	}
	return e
}

// Put adds a document that is not there yet.
func (x *wordIndex) Put(ctx context.Context, e knowledge.IndexEntry) error {
	tx, ok := x.q.(*sql.Tx)
	if !ok {
		return fault.New(fault.Internal, "the word index is written within a transaction only", "")
	}
	readers, err := readersID(ctx, tx, e.Readers)
	if err != nil {
		return err
	}
	if err := x.put(ctx, e, readers); err != nil {
		return err
	}
	return x.flush(ctx)
}

func (x *wordIndex) put(ctx context.Context, e knowledge.IndexEntry, readers int64) error {
	if len(e.Passages) == 0 {
		return nil
	}
	keys := map[postingKey]bool{}
	add := func(field byte, unit int64, terms []string) {
		tf := map[string]int{}
		for _, t := range terms {
			tf[t]++
		}
		for t, n := range tf {
			key := postingKey{x.hashTerm(field, t), unit >> blockBits}
			if x.pending == nil {
				x.pending = map[postingKey][]uint16{}
			}
			x.pending[key] = append(x.pending[key], uint16(unit&(blockSize-1))<<7|uint16(min(n, maxTF)))
			keys[key] = true
		}
	}
	add(inTitle, e.Document, e.Title)
	add(inWords, e.Document, e.Words)
	unit := make([]byte, documentUnit)
	binary.LittleEndian.PutUint64(unit, uint64(e.Passages[0].ID))
	binary.LittleEndian.PutUint32(unit[8:], uint32(readers))
	binary.LittleEndian.PutUint32(unit[12:], uint32(len(e.Title)))
	binary.LittleEndian.PutUint32(unit[16:], uint32(len(e.Words)))
	if err := x.setUnit(ctx, documents, e.Document, unit); err != nil {
		return err
	}
	for _, p := range e.Passages {
		add(inPassage, int64(p.ID), p.Stems)
		unit := make([]byte, passageUnit)
		binary.LittleEndian.PutUint32(unit, uint32(e.Document))
		binary.LittleEndian.PutUint32(unit[4:], uint32(readers))
		binary.LittleEndian.PutUint32(unit[8:], uint32(min(len(p.Stems), math.MaxUint16)))
		if err := x.setUnit(ctx, passages, int64(p.ID), unit); err != nil {
			return err
		}
	}
	// What Delete must find again, whatever rules made the terms.
	packed := binary.AppendUvarint(nil, uint64(len(e.Passages)))
	for _, p := range e.Passages {
		packed = binary.AppendUvarint(packed, uint64(p.ID))
	}
	for _, key := range slices.SortedFunc(maps.Keys(keys), comparePostings) {
		packed = binary.BigEndian.AppendUint64(packed, uint64(key.term))
		packed = binary.AppendUvarint(packed, uint64(key.block))
	}
	_, err := x.q.ExecContext(ctx, `INSERT INTO unit VALUES(?, ?, ?)`, forward, e.Document, packed)
	return err
}

func comparePostings(a, b postingKey) int {
	return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.block, b.block))
}

// flush writes the gathered postings, in key order.
func (x *wordIndex) flush(ctx context.Context) error {
	if len(x.pending) == 0 {
		return nil
	}
	tx, ok := x.q.(*sql.Tx)
	if !ok {
		return fault.New(fault.Internal, "the word index is written within a transaction only", "")
	}
	// Numbers only grow within a block, so new postings are appended.
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO posting VALUES(?,?,?) ON CONFLICT DO UPDATE SET data = CAST(data || excluded.data AS BLOB)`)
	if err != nil {
		return err
	}
	defer stmt.Close()
	for _, key := range slices.SortedFunc(maps.Keys(x.pending), comparePostings) {
		list := x.pending[key]
		slices.Sort(list)
		data := make([]byte, 0, 2*len(list))
		for _, p := range list {
			data = binary.LittleEndian.AppendUint16(data, p)
		}
		if _, err := stmt.ExecContext(ctx, key.term, key.block, data); err != nil {
			return err
		}
	}
	clear(x.pending)
	return nil
}

// unitSize is the size of an entry by field of the table unit.
func unitSize(field int) int {
	if field == passages {
		return passageUnit
	}
	return documentUnit
}

// setUnit writes one entry of a block; an empty entry clears it, and a block
// without entries is dropped.
func (x *wordIndex) setUnit(ctx context.Context, field int, unit int64, entry []byte) error {
	block, at := unit>>blockBits, int(unit&(blockSize-1))*unitSize(field)
	var data []byte
	err := x.q.QueryRowContext(ctx, `SELECT data FROM unit WHERE field = ? AND block = ?`, field, block).Scan(&data)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	for len(data) < at+unitSize(field) {
		data = append(data, make([]byte, unitSize(field))...)
	}
	clear(data[at : at+unitSize(field)])
	copy(data[at:], entry)
	if allZero(data) {
		_, err = x.q.ExecContext(ctx, `DELETE FROM unit WHERE field = ? AND block = ?`, field, block)
	} else {
		_, err = x.q.ExecContext(ctx, `INSERT OR REPLACE INTO unit VALUES(?,?,?)`, field, block, data)
	}
	return err
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// contents returns the passages and postings a document put into the index.
func (x *wordIndex) contents(ctx context.Context, document int64) (ids map[int64]bool, keys []postingKey, err error) {
	var packed []byte
	err = x.q.QueryRowContext(ctx, `SELECT data FROM unit WHERE field = ? AND block = ?`, forward, document).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	damaged := fault.New(fault.Internal, fmt.Sprintf("the index entry of document %d is damaged", document), "")
	next := func() (int64, bool) {
		v, n := binary.Uvarint(packed)
		packed = packed[max(n, 0):]
		return int64(v), n > 0
	}
	count, ok := next()
	ids = map[int64]bool{}
	for ; ok && count > 0; count-- {
		var id int64
		id, ok = next()
		ids[id] = true
	}
	for ok && len(packed) > 8 {
		key := postingKey{term: int64(binary.BigEndian.Uint64(packed))}
		packed = packed[8:]
		key.block, ok = next()
		keys = append(keys, key)
	}
	if !ok || len(packed) > 0 {
		return nil, nil, damaged
	}
	return ids, keys, nil
}

// Delete removes a document; one that is not there is no error.
func (x *wordIndex) Delete(ctx context.Context, document int64) error {
	if err := x.flush(ctx); err != nil {
		return err
	}
	ids, keys, err := x.contents(ctx, document)
	if err != nil || ids == nil {
		return err
	}
	for _, key := range keys {
		var data []byte
		if err := x.q.QueryRowContext(ctx, `SELECT data FROM posting WHERE term = ? AND block = ?`, key.term, key.block).Scan(&data); err != nil {
			return fmt.Errorf("posting of document %d: %w", document, err)
		}
		kept := data[:0]
		for i := 0; i+1 < len(data); i += 2 {
			unit := key.block<<blockBits | int64(binary.LittleEndian.Uint16(data[i:])>>7)
			mine := unit == document
			if byte(key.term&3) == inPassage {
				mine = ids[unit]
			}
			if !mine {
				kept = append(kept, data[i], data[i+1])
			}
		}
		if len(kept) == 0 {
			_, err = x.q.ExecContext(ctx, `DELETE FROM posting WHERE term = ? AND block = ?`, key.term, key.block)
		} else {
			_, err = x.q.ExecContext(ctx, `UPDATE posting SET data = ? WHERE term = ? AND block = ?`, kept, key.term, key.block)
		}
		if err != nil {
			return err
		}
	}
	for id := range ids {
		if err := x.setUnit(ctx, passages, id, nil); err != nil {
			return err
		}
	}
	if err := x.setUnit(ctx, documents, document, nil); err != nil {
		return err
	}
	_, err = x.q.ExecContext(ctx, `DELETE FROM unit WHERE field = ? AND block = ?`, forward, document)
	return err
}

// setReaders changes who may see a document and its passages.
func (x *wordIndex) setReaders(ctx context.Context, document, readers int64) error {
	ids, _, err := x.contents(ctx, document)
	if err != nil {
		return err
	}
	change := func(field int, unit int64, at int) error {
		var data []byte
		err := x.q.QueryRowContext(ctx, `SELECT data FROM unit WHERE field = ? AND block = ?`, field, unit>>blockBits).Scan(&data)
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint32(data[int(unit&(blockSize-1))*unitSize(field)+at:], uint32(readers))
		_, err = x.q.ExecContext(ctx, `UPDATE unit SET data = ? WHERE field = ? AND block = ?`, data, field, unit>>blockBits)
		return err
	}
	for id := range ids {
		if err := change(passages, id, 4); err != nil { // access: new readers of passages
			return err
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return change(documents, document, 8) // access: new readers of documents
}

// Scan lists the passages that are in the index, in order.
func (x *wordIndex) Scan(ctx context.Context) iter.Seq2[knowledge.PassageID, error] {
	return func(yield func(knowledge.PassageID, error) bool) {
		err := x.blocks(ctx, `SELECT block, data FROM unit WHERE field = ? ORDER BY block`, passages, func(block int64, data []byte) bool {
			for i := 0; (i+1)*passageUnit <= len(data); i++ {
				if !allZero(data[i*passageUnit:(i+1)*passageUnit]) && !yield(knowledge.PassageID(block<<blockBits|int64(i)), nil) {
					return false
				}
			}
			return true
		})
		if err != nil {
			yield(0, err)
		}
	}
}

// blocks hands each (block, data) row of a query to f until it returns false.
// data is valid during the call only.
func (x *wordIndex) blocks(ctx context.Context, query string, arg any, f func(block int64, data []byte) bool) error {
	rows, err := x.q.QueryContext(ctx, query, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var block int64
		var data sql.RawBytes
		if err := rows.Scan(&block, &data); err != nil {
			return err
		}
		if !f(block, data) {
			return nil
		}
	}
	return rows.Err()
}
