package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"groundwork/internal/fault"
	"groundwork/internal/vec"
	"groundwork/knowledge"
)

// scanBlock is how many vectors lie in one piece of memory.
const scanBlock = 1024

// scanned is the vectors of one mark in memory, as far as questions needed them.
// A slot is the place of one; slots are in order of the numbers of vectors.
type scanned struct {
	length int
	seen   int64                       // vectors up to this number are here, if they were there
	number []int64                     // by slot
	scale  []float32                   // by slot
	rows   [][]int8                    // coarse, scanBlock slots each
	slots  map[int64]*[blockSize]int32 // by wording >> blockBits: 1 + slot, 0 for none
}

// memory holds what questions by meaning scan. Its lock is taken after a
// transaction is begun, never before.
type memory struct {
	sync.RWMutex
	marks map[int64]*scanned
}

// forget lets go of all vectors.
func (m *memory) forget() {
	m.Lock()
	defer m.Unlock()
	m.marks = nil
}

// load brings mark up to vector number top, the last in the transaction, and
// returns it: it stays readable, under the lock, when it is forgotten meanwhile.
func (m *memory) load(ctx context.Context, tx *sql.Tx, mark int64, length int, top int64) (*scanned, error) {
	m.RLock()
	c := m.marks[mark]
	there := c != nil && c.seen >= top
	m.RUnlock()
	if there {
		return c, nil
	}
	m.Lock()
	defer m.Unlock()
	// Of marks that are gone, and of vectors most of which are, nothing is kept.
	numbers, err := column[int64](ctx, tx, `SELECT n FROM mark`)
	if err != nil {
		return nil, err
	}
	for n := range m.marks {
		if !slices.Contains(numbers, n) {
			delete(m.marks, n)
		}
	}
	var all int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM vector`).Scan(&all); err != nil {
		return nil, err
	}
	c = m.marks[mark]
	if c == nil || len(c.number) > 2*all+scanBlock {
		c = &scanned{length: length, slots: map[int64]*[blockSize]int32{}}
		if m.marks == nil {
			m.marks = map[int64]*scanned{}
		}
		m.marks[mark] = c
	}
	rows, err := tx.QueryContext(ctx, `SELECT n, wording, scale, coarse FROM vector WHERE n > ? AND mark = ? ORDER BY n`, c.seen, mark)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var coarse sql.RawBytes
	for rows.Next() {
		var n, wording int64
		var scale float64
		if err := rows.Scan(&n, &wording, &scale, &coarse); err != nil {
			return nil, err
		}
		if len(coarse) != length {
			return nil, fault.New(fault.Internal, fmt.Sprintf("vector %d has %d values, want %d", n, len(coarse), length), "")
		}
		c.add(n, wording, float32(scale), coarse)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	c.seen = max(c.seen, top)
	return c, nil
}

func (c *scanned) add(n, wording int64, scale float32, coarse []byte) {
	slot := len(c.number)
	if slot%scanBlock == 0 {
		c.rows = append(c.rows, make([]int8, 0, scanBlock*c.length))
	}
	last := len(c.rows) - 1
	at := len(c.rows[last])
	c.rows[last] = c.rows[last][:at+c.length]
	row := c.rows[last][at:]
	for i, b := range coarse {
		row[i] = int8(b)
	}
	c.number, c.scale, c.seen = append(c.number, n), append(c.scale, scale), n
	page := c.slots[wording>>blockBits]
	if page == nil {
		page = new([blockSize]int32)
		c.slots[wording>>blockBits] = page
	}
	page[wording&(blockSize-1)] = int32(slot) + 1
}

// candidate is a passage that the asker may see and that has a vector.
type candidate struct {
	passage        knowledge.PassageID
	document, slot uint32
}

// spare is how many candidates beyond those wanted are scored in full.
const spare = 50

// meaning adds the leg by meaning, and counts, to legs.
func (s *Store) meaning(ctx context.Context, tx *sql.Tx, asker knowledge.Asker, q knowledge.Query, legs *knowledge.Legs) error {
	question, ok := unitLength(q.Vector)
	if !ok {
		return fault.New(fault.Input, "the vector of the question holds a value that is no finite number", "look at what the model returns")
	}
	mark, length, err := markNumber(ctx, tx, q.Mark)
	if err != nil {
		return err
	}
	if mark != 0 && length != len(q.Vector) {
		return fault.New(fault.Input, fmt.Sprintf("the vector of the question has %d values, those of %s have %d", len(q.Vector), q.Mark, length), "a model of another length needs another mark")
	}
	var top sql.NullInt64 // the last vector in this transaction; later ones may be in memory
	if err := tx.QueryRowContext(ctx, `SELECT max(n) FROM vector`).Scan(&top); err != nil {
		return err
	}
	c := &scanned{}
	if mark != 0 {
		if c, err = s.vectors.load(ctx, tx, mark, length, top.Int64); err != nil {
			return err
		}
	}
	s.vectors.RLock()
	defer s.vectors.RUnlock()
	seen, err := c.visible(ctx, tx, asker, top.Int64, legs)
	if err != nil {
		return err
	}
	legs.Encoded = len(seen)
	want := cmp.Or(max(0, q.Top), 100)
	if len(seen) > want+spare {
		seen = c.nearest(question, seen, want+spare)
	}
	fine, err := tx.PrepareContext(ctx, `SELECT scale, coarse, fine FROM vector WHERE n = ?`)
	if err != nil {
		return err
	}
	defer fine.Close()
	hits := best{top: want, worse: worsePassage}
	for _, x := range seen {
		var scale float64
		var coarse, rest []byte
		if err := fine.QueryRowContext(ctx, c.number[x.slot]).Scan(&scale, &coarse, &rest); err != nil {
			return err
		}
		if len(coarse) != length || len(rest) != length {
			return fault.New(fault.Internal, fmt.Sprintf("vector %d is damaged", c.number[x.slot]), "")
		}
		sum := 0.0
		for i, v := range question {
			sum += v * (float64(int8(coarse[i])) + float64(int8(rest[i]))/fineSteps)
		}
		hits.see(knowledge.Hit{Passage: x.passage, Document: int64(x.document), Score: scale * sum})
	}
	legs.Meaning = hits.sorted()
	return nil
}

// visible returns the passages that the asker may see and that have a vector up
// to number top, and notes in legs those that
// the asker may see: how many, and which of them have none.
func (c *scanned) visible(ctx context.Context, tx *sql.Tx, asker knowledge.Asker, top int64, legs *knowledge.Legs) ([]candidate, error) {
	x := &wordIndex{q: tx}
	allowed, err := x.allowed(ctx, asker)
	if err != nil {
		return nil, err
	}
	slots, _ := slices.BinarySearch(c.number, top+1) // those after it are of later transactions
	rows, err := tx.QueryContext(ctx, `SELECT u.block, u.data, w.data FROM unit u LEFT JOIN unit w ON w.field = ? AND w.block = u.block WHERE u.field = ? ORDER BY u.block`, wordings, passages)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seen, n := make([]candidate, 0, slots), 0
	var units, numbers sql.RawBytes
	var readers uint32
	may := allowed[readers]
	for rows.Next() {
		var block int64
		if err := rows.Scan(&block, &units, &numbers); err != nil {
			return nil, err
		}
		var page *[blockSize]int32
		pageOf := int64(-1)
		for i := 0; (i+1)*passageUnit <= len(units); i++ {
			u := units[i*passageUnit:]
			document := binary.LittleEndian.Uint32(u)
			if r := binary.LittleEndian.Uint32(u[4:]); r != readers { // mostly the one before
				readers, may = r, allowed[r] // access: scored for its readers
			}
			if document == 0 || !may { // access: scored by meaning
				continue
			}
			n++
			var wording int64
			if (i+1)*wordingUnit <= len(numbers) {
				wording = int64(binary.LittleEndian.Uint32(numbers[i*wordingUnit:]))
			}
			if wording>>blockBits != pageOf {
				pageOf = wording >> blockBits
				page = c.slots[pageOf]
			}
			slot := -1
			if page != nil {
				slot = int(page[wording&(blockSize-1)]) - 1
			}
			if id := knowledge.PassageID(block<<blockBits | int64(i)); slot >= 0 && slot < slots {
				seen = append(seen, candidate{id, document, uint32(slot)})
			} else if slots > 0 {
				legs.Bare = append(legs.Bare, id)
			}
		}
	}
	legs.Visible = n
	if len(seen) == 0 {
		legs.Bare = nil
	}
	return seen, rows.Err()
}

// nearest returns the top candidates by the coarse planes. Only their rows are
// read, in runs.
func (c *scanned) nearest(question []float64, seen []candidate, top int) []candidate {
	var highest float64
	for _, v := range question {
		highest = max(highest, math.Abs(v))
	}
	query := make([]int8, len(question))
	if highest > 0 {
		for i, v := range question {
			query[i] = int8(math.Round(v / highest * 127))
		}
	}
	slots := len(c.number)
	wanted := make([]bool, slots+1) // the last one ends every run
	for _, x := range seen {
		wanted[x.slot] = true
	}
	dots := make([]int32, slots)
	for at := 0; at < slots; {
		if !wanted[at] {
			at++
			continue
		}
		end, border := at+1, min(slots, at-at%scanBlock+scanBlock)
		for end < border && wanted[end] {
			end++
		}
		first := at % scanBlock
		vec.Dots(dots[at:end], query, c.rows[at/scanBlock][first*c.length:(first+end-at)*c.length])
		at = end
	}
	hits := best{top: top, worse: worsePassage}
	for i, x := range seen {
		hits.see(knowledge.Hit{Passage: x.passage, Document: int64(i), Score: float64(c.scale[x.slot]) * float64(dots[x.slot])})
	}
	near := make([]candidate, len(hits.kept))
	for i, h := range hits.kept {
		near[i] = seen[h.Document]
	}
	return near
}
