package sqlite

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"

	"groundwork/knowledge"
)

// field is what one asker may see of one field: the units, their lengths, and
// the statistics over exactly those.
type field struct {
	first  map[int64]int // block -> index of its first unit in the slices below
	length []float64     // in terms; 0 for units that are not there or not visible
	unit   []unitRef
	n      int     // visible units
	total  float64 // their lengths together
}

type unitRef struct {
	passage  knowledge.PassageID
	document int64
}

// Legs ranks what the asker may see; statistics come from that alone.
func (x *wordIndex) Legs(ctx context.Context, asker knowledge.Asker, query knowledge.Query) (knowledge.Legs, error) {
	var legs knowledge.Legs
	allowed, err := x.allowed(ctx, asker)
	if err != nil {
		return legs, err
	}
	top := query.Top
	if top <= 0 {
		top = 100
	}
	ps, err := x.passageField(ctx, allowed)
	if err != nil || ps.n == 0 { // nothing to see, whoever the readers of other documents are
		return legs, err
	}
	titles, words, err := x.documentFields(ctx, allowed)
	if err != nil {
		return legs, err
	}
	legs.Visible = ps.n
	known := make(map[string]int, len(query.Stems))
	if legs.Passages, err = x.rank(ctx, inPassage, ps, query.Stems, top, known); err != nil {
		return legs, err
	}
	legs.Known = known
	if legs.Titles, err = x.rank(ctx, inTitle, titles, query.Stems, top, nil); err != nil {
		return legs, err
	}
	legs.Words, err = x.rank(ctx, inWords, words, query.Words, top, nil)
	return legs, err
}

// allowed returns the numbers of the sets of readers that the asker is among.
func (x *wordIndex) allowed(ctx context.Context, asker knowledge.Asker) (map[uint32]bool, error) {
	allowed := map[uint32]bool{}
	rows, err := x.q.QueryContext(ctx, `SELECT id, value FROM readers`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id uint32
		var value []byte
		if err := rows.Scan(&id, &value); err != nil {
			return nil, err
		}
		var r knowledge.Readers
		if err := json.Unmarshal(value, &r); err != nil {
			return nil, err
		}
		if asker.MayRead(r) { // access: the index
			allowed[id] = true
		}
	}
	return allowed, rows.Err()
}

func (f *field) open(block int64) int {
	if f.first == nil {
		f.first = map[int64]int{}
	}
	at := len(f.length)
	f.first[block] = at
	f.length = append(f.length, make([]float64, blockSize)...)
	f.unit = append(f.unit, make([]unitRef, blockSize)...)
	return at
}

func (f *field) see(at int, length uint32, ref unitRef) {
	f.length[at] = float64(length)
	f.unit[at] = ref
	f.n++
	f.total += float64(length)
}

func (x *wordIndex) passageField(ctx context.Context, allowed map[uint32]bool) (*field, error) {
	f := &field{}
	err := x.blocks(ctx, `SELECT block, data FROM unit WHERE field = ?`, passages, func(block int64, data []byte) bool {
		at := f.open(block)
		for i := 0; (i+1)*passageUnit <= len(data); i++ {
			u := data[i*passageUnit:]
			doc := binary.LittleEndian.Uint32(u)
			if doc != 0 && allowed[binary.LittleEndian.Uint32(u[4:])] { // access: passages ranked
				f.see(at+i, binary.LittleEndian.Uint32(u[8:]), unitRef{knowledge.PassageID(block<<blockBits | int64(i)), int64(doc)})
			}
		}
		return true
	})
	return f, err
}

func (x *wordIndex) documentFields(ctx context.Context, allowed map[uint32]bool) (titles, words *field, err error) {
	titles, words = &field{}, &field{}
	err = x.blocks(ctx, `SELECT block, data FROM unit WHERE field = ?`, documents, func(block int64, data []byte) bool {
		at := titles.open(block)
		words.open(block)
		for i := 0; (i+1)*documentUnit <= len(data); i++ {
			u := data[i*documentUnit:]
			passage := binary.LittleEndian.Uint64(u)
			if passage == 0 || !allowed[binary.LittleEndian.Uint32(u[8:])] { // access: documents ranked
				continue
			}
			ref := unitRef{knowledge.PassageID(passage), block<<blockBits | int64(i)}
			titles.see(at+i, binary.LittleEndian.Uint32(u[12:]), ref)
			words.see(at+i, binary.LittleEndian.Uint32(u[16:]), ref)
		}
		return true
	})
	return titles, words, err
}

// rank scores one field's visible units by BM25 and returns the best. known,
// when not nil, receives each term's document frequency among them.
func (x *wordIndex) rank(ctx context.Context, fieldNo byte, f *field, terms []string, top int, known map[string]int) ([]knowledge.Hit, error) {
	if f.n == 0 {
		return nil, nil
	}
	average := f.total / float64(f.n)
	scores := make([]float64, len(f.length))
	type posting struct {
		at int
		tf float64
	}
	type list struct {
		idf      float64
		postings []posting
	}
	lists := map[string]*list{}
	for _, t := range terms {
		l := lists[t]
		if l == nil {
			l = &list{}
			err := x.blocks(ctx, `SELECT block, data FROM posting WHERE term = ?`, x.hashTerm(fieldNo, t), func(block int64, data []byte) bool {
				first, ok := f.first[block]
				for i := 0; ok && i+1 < len(data); i += 2 {
					p := binary.LittleEndian.Uint16(data[i:])
					if at := first + int(p>>7); f.unit[at].document != 0 { // access: document frequencies
						l.postings = append(l.postings, posting{at, float64(p & maxTF)})
					}
				}
				return true
			})
			if err != nil {
				return nil, err
			}
			df := float64(len(l.postings))
			l.idf = math.Log(1 + (float64(f.n)-df+0.5)/(df+0.5))
			lists[t] = l
			if known != nil {
				known[t] = len(l.postings)
			}
		}
		for _, p := range l.postings {
			scores[p.at] += l.idf * p.tf / (p.tf + bm25K1*(1-bm25B+bm25B*f.length[p.at]/average))
		}
	}
	return f.best(scores, top, fieldNo != inPassage), nil
}

// best returns the top units by score, ties by their number.
func (f *field) best(scores []float64, top int, byDocument bool) []knowledge.Hit {
	hits := best{top: top, worse: worsePassage}
	if byDocument {
		hits.worse = worseDocument
	}
	for at, score := range scores {
		if score > 0 {
			hits.see(knowledge.Hit{Passage: f.unit[at].passage, Document: f.unit[at].document, Score: score})
		}
	}
	return hits.sorted()
}

// best keeps the top hits of those it sees: a min-heap by hand, in which the
// worst kept hit stands first.
type best struct {
	top   int
	worse func(a, b knowledge.Hit) bool
	kept  []knowledge.Hit
}

func worsePassage(a, b knowledge.Hit) bool {
	return a.Score < b.Score || a.Score == b.Score && a.Passage > b.Passage
}

func worseDocument(a, b knowledge.Hit) bool {
	return a.Score < b.Score || a.Score == b.Score && a.Document > b.Document
}

func (b *best) see(h knowledge.Hit) {
	if len(b.kept) == b.top && h.Score < b.kept[0].Score { // most, quickly
		return
	}
	b.take(h)
}

func (b *best) take(h knowledge.Hit) {
	kept := b.kept
	if len(kept) < b.top {
		kept = append(kept, h)
		for i := len(kept) - 1; i > 0 && b.worse(kept[i], kept[(i-1)/2]); i = (i - 1) / 2 {
			kept[i], kept[(i-1)/2] = kept[(i-1)/2], kept[i]
		}
		b.kept = kept
		return
	}
	if !b.worse(kept[0], h) {
		return
	}
	kept[0] = h
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(kept) {
			break
		}
		if child+1 < len(kept) && b.worse(kept[child+1], kept[child]) {
			child++
		}
		if !b.worse(kept[child], kept[i]) {
			break
		}
		kept[i], kept[child] = kept[child], kept[i]
		i = child
	}
}

// sorted returns what was kept, best first.
func (b *best) sorted() []knowledge.Hit {
	slices.SortFunc(b.kept, func(x, y knowledge.Hit) int {
		if b.worse(y, x) {
			return -1
		}
		return 1
	})
	return b.kept
}
