package collectiontest

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// near is how far the score of a hit by meaning may be from the cosine in double
// precision: vectors are kept in 16 bits a value or more.
const near = 1e-4

// Marks of the samples' vectors and their lengths: one that no kernel likes and one
// that all do.
func marks() []kind { return []kind{{"odd@1", 5}, {"even@1", 64}, {"even@2", 64}} }

type kind struct {
	mark   string
	length int
}

// vectorOf makes the vector of a mark for a text: always the same, of any length
// above zero.
func vectorOf(mark string, length int, key knowledge.Hash) []float32 {
	seed := knowledge.HashOf(append([]byte(mark), key[:]...))
	r := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:]), binary.LittleEndian.Uint64(seed[8:])))
	v := make([]float32, length)
	for i := range v {
		v[i] = float32(r.NormFloat64() * float64(1+seed[16]))
	}
	return v
}

// encode gives all of waiting their vectors.
func encode(mark string, length int, waiting []knowledge.Unencoded) []knowledge.Vector {
	var list []knowledge.Vector
	for _, u := range waiting {
		list = append(list, knowledge.Vector{Key: u.Key, Values: vectorOf(mark, length, u.Key)})
	}
	return list
}

func unencoded(ctx context.Context, f *findings, c knowledge.Collection, mark string) []knowledge.Unencoded {
	list, err := c.Unencoded(ctx, mark, nil, 0, all)
	f.ok("Unencoded", err)
	return list
}

func waitingTexts(list []knowledge.Unencoded) []string {
	var all []string
	for _, u := range list {
		all = append(all, u.Text)
	}
	return all
}

// vectorCounts checks what Vectors and Marks say of one mark.
func vectorCounts(ctx context.Context, f *findings, c knowledge.Collection, when, mark string, have, waiting, vectors int) {
	h, w, err := c.Vectors(ctx, mark, nil)
	f.ok("Vectors", err)
	m, err := c.Marks(ctx)
	f.ok("Marks", err)
	if n, there := m[mark]; h != have || w != waiting || n != vectors || there != (vectors > 0) {
		f.addf("%s: %d passages have a vector, %d wait, %d vectors (%v); want %d, %d, %d", when, h, w, n, there, have, waiting, vectors)
	}
}

// encodedAs checks what models get of passages.
func encodedAs(ctx context.Context, c knowledge.Collection, f *findings) {
	twice := change(knowledge.Document{ID: "s/a", Title: "Teil Urlaub", Text: "Vor allem\nTeil Urlaub\nPunkt Reise\nIn Tagen\nTeil Ende\nSchluss", Readers: everyone()})
	bare := change(knowledge.Document{ID: "s/b", Text: "Ohne Titel", Readers: only("g1")})
	f.ok("Apply", c.Apply(ctx, twice, bare))
	list := unencoded(ctx, f, c, "m")
	f.same("Unencoded", []string{"Teil Urlaub\nVor allem", "Teil Urlaub\nPunkt Reise\nIn Tagen", "Teil Urlaub\nTeil Ende\nSchluss", "Ohne Titel"}, waitingTexts(list))
	for i, u := range list {
		if u.Key != hash(u.Text) || i > 0 && list[i-1].Passage >= u.Passage {
			f.addf("Unencoded: %+v", list)
		}
	}
	found, err := c.View(owner()).Passages(ctx, []knowledge.PassageID{list[0].Passage, list[len(list)-1].Passage})
	f.ok("Passages", err)
	for _, p := range found {
		if !slices.ContainsFunc(list, func(u knowledge.Unencoded) bool {
			return u.Passage == p.ID && u.Text == p.Encoded() && u.Key == p.Key()
		}) {
			f.addf("passage %d is not the one that waits: %+v", p.ID, list)
		}
	}

	// In parts, and of some sources only.
	part, err := c.Unencoded(ctx, "m", nil, list[0].Passage, 2)
	f.ok("Unencoded", err)
	f.same("Unencoded, two after the first", list[1:3], part)
	for _, n := range []int{0, 1} {
		part, err = c.Unencoded(ctx, "m", nil, list[3].Passage-knowledge.PassageID(n), all)
		f.ok("Unencoded", err)
		f.same("Unencoded at the end", list[4-n:], part)
	}
	f.ok("Apply", c.Apply(ctx, put("t/c", everyone(), "drüben"), put("s/d", everyone(), "hier"), put("T/c", everyone(), "auch drüben")))
	asked := map[string]bool{}
	part, err = c.Unencoded(ctx, "m", func(o knowledge.Origin) bool { asked[o.Name] = true; return o.Name == "t" }, 0, all)
	f.ok("Unencoded", err)
	f.same("Unencoded of one source", []string{everywhere + "\ndrüben"}, waitingTexts(part))
	f.same("sources asked about", map[string]bool{"s": true, "t": true, "T": true}, asked)
	have, waiting, err := c.Vectors(ctx, "m", func(o knowledge.Origin) bool { return o.Name == "t" })
	f.ok("Vectors", err)
	f.same("Vectors of one source", []int{0, 1}, []int{have, waiting})
	part, err = c.Unencoded(ctx, "m", func(knowledge.Origin) bool { return false }, 0, all)
	f.ok("Unencoded", err)
	f.same("Unencoded of no source", []knowledge.Unencoded(nil), part)
}

// sharedVectors lets the same text stand in several documents and come again.
func sharedVectors(ctx context.Context, c knowledge.Collection, f *findings) {
	const mark, length = "even@1", 64
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins", "gleich"), put("s/b", only("g1"), "gleich", "gleich"), put("s/empty", everyone())))
	waiting := unencoded(ctx, f, c, mark)
	f.same("Unencoded", []string{everywhere + "\neins", everywhere + "\ngleich"}, waitingTexts(waiting))
	vectorCounts(ctx, f, c, "at first", mark, 0, 4, 0)
	f.ok("PutVectors", c.PutVectors(ctx, mark, encode(mark, length, waiting[1:])))
	vectorCounts(ctx, f, c, "one encoded", mark, 3, 1, 1)
	f.same("Unencoded", waiting[:1], unencoded(ctx, f, c, mark))
	f.ok("PutVectors", c.PutVectors(ctx, mark, append(encode(mark, length, waiting), knowledge.Vector{Key: hash("nobody's"), Values: make([]float32, length)})))
	vectorCounts(ctx, f, c, "all encoded", mark, 4, 0, 2)
	f.same("Unencoded", []knowledge.Unencoded(nil), unencoded(ctx, f, c, mark))
	f.ok("PutVectors of none", c.PutVectors(ctx, "other", nil))
	f.ok("PutVectors that all are nobody's", c.PutVectors(ctx, "other", []knowledge.Vector{{Key: hash("nobody's"), Values: []float32{1}}}))
	vectorCounts(ctx, f, c, "of a mark without vectors", "other", 0, 4, 0)
	f.ok("PutVectors of another length then", c.PutVectors(ctx, "other", []knowledge.Vector{{Key: waiting[0].Key, Values: []float32{1, 2}}}))
	vectorCounts(ctx, f, c, "of that mark", "other", 1, 3, 1)

	// What is put again keeps the first vector.
	v := c.View(owner())
	q := knowledge.Query{Mark: mark, Vector: vectorOf(mark, length, waiting[0].Key)}
	before := legs(ctx, f, v, q)
	f.ok("PutVectors", c.PutVectors(ctx, mark, []knowledge.Vector{{Key: waiting[0].Key, Values: vectorOf("another", length, waiting[0].Key)}}))
	f.same("Legs", before, legs(ctx, f, v, q))

	// A document that is stored anew, or moves, keeps those of its texts.
	f.ok("Apply", c.Apply(ctx, put("s/a", only("g2"), "davor", "eins", "gleich"), vanished("s/b")))
	vectorCounts(ctx, f, c, "stored anew", mark, 2, 1, 2)
	f.ok("Apply", c.Apply(ctx, vanished("s/a"), put("s/moved", everyone(), "eins", "dahinter")))
	vectorCounts(ctx, f, c, "moved", mark, 1, 1, 1)
	f.same("Unencoded", []string{everywhere + "\ndahinter"}, waitingTexts(unencoded(ctx, f, c, mark)))
	f.ok("Apply", c.Apply(ctx, put("s/b", everyone(), "gleich")))
	f.same("what comes back waits again", []string{everywhere + "\ndahinter", everywhere + "\ngleich"}, waitingTexts(unencoded(ctx, f, c, mark)))
	f.ok("Apply", c.Apply(ctx, vanished("s/b"), kept("s/moved", knowledge.HeldBack, everyone())))
	vectorCounts(ctx, f, c, "all gone", mark, 0, 0, 0)

	// And what is forgotten leaves none.
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins", "zwei"), put("s/b", everyone(), "zwei")))
	f.ok("PutVectors", c.PutVectors(ctx, mark, encode(mark, length, unencoded(ctx, f, c, mark))))
	vectorCounts(ctx, f, c, "before Forget", mark, 3, 0, 2)
	_, err := c.Forget(ctx, knowledge.Selector{Source: "s", Path: "a"}, noon)
	f.ok("Forget", err)
	vectorCounts(ctx, f, c, "after Forget", mark, 1, 0, 1)
	_, err = c.Forget(ctx, knowledge.Selector{Source: "s"}, noon)
	f.ok("Forget", err)
	vectorCounts(ctx, f, c, "after Forget of the source", mark, 0, 0, 0)
}

// badVectors are refused, and with them all of their call.
func badVectors(ctx context.Context, c knowledge.Collection, f *findings) {
	f.ok("Apply", c.Apply(ctx, put("s/a", everyone(), "eins", "zwei", "drei")))
	waiting := unencoded(ctx, f, c, "m")
	f.ok("PutVectors", c.PutVectors(ctx, "m", []knowledge.Vector{{Key: waiting[0].Key, Values: []float32{3, 4}}}))
	for what, values := range map[string][]float32{
		"a shorter vector": {1}, "a longer one": {1, 2, 3}, "an empty one": {}, "one that is not there": nil,
		"one with no number": {1, float32(math.NaN())}, "an infinite one": {float32(math.Inf(1)), 1},
	} {
		for _, list := range [][]knowledge.Vector{
			{{Key: waiting[1].Key, Values: []float32{1, 0}}, {Key: waiting[2].Key, Values: values}},
			{{Key: waiting[2].Key, Values: values}, {Key: waiting[1].Key, Values: []float32{1, 0}}},
		} {
			if err := c.PutVectors(ctx, "m", list); err == nil || fault.KindOf(err) != fault.Input {
				f.addf("PutVectors of %s: error %v, want one of kind Input", what, err)
			}
			vectorCounts(ctx, f, c, "after "+what, "m", 1, 2, 1)
		}
	}
	if err := c.PutVectors(ctx, "new", []knowledge.Vector{{Key: waiting[0].Key}}); err == nil {
		f.addf("PutVectors of an empty vector is no error")
	}
	vectorCounts(ctx, f, c, "of a mark that was refused", "new", 0, 3, 0)

	// A vector of length zero is like none, and like itself.
	f.ok("PutVectors", c.PutVectors(ctx, "m", []knowledge.Vector{{Key: waiting[1].Key, Values: []float32{0, 0}}}))
	v := c.View(member())
	score := func(what string, q []float32, want ...float64) {
		l := legs(ctx, f, v, knowledge.Query{Mark: "m", Vector: q})
		var got []float64
		for _, h := range l.Meaning {
			got = append(got, math.Round(h.Score*1e3)/1e3)
		}
		f.same("scores of "+what, want, got)
	}
	score("a vector", []float32{30, 40}, 1, 0)
	score("its opposite", []float32{-3, -4}, 0, -1)
	score("one beside it", []float32{-0.4, 0.3}, 0, 0)
	score("none", []float32{0, 0}, 0, 0)
	for _, q := range [][]float32{{1}, {1, 2, 3}, {1, float32(math.NaN())}} {
		if l, err := v.Legs(ctx, knowledge.Query{Mark: "m", Vector: q}); err == nil || fault.KindOf(err) != fault.Input {
			f.addf("Legs with the vector %v: %+v, error %v, want one of kind Input", q, l, err)
		}
	}
}

// byMeaning ranks by the vectors of one mark, for each asker what that one may see.
func byMeaning(ctx context.Context, c knowledge.Collection, f *findings) {
	kinds := map[knowledge.DocumentID]knowledge.Readers{
		"s/owner": {}, "s/all": everyone(), "s/g1": only("g1"), "s/g2": only("g2"), "s/g10": only("g10"), "s/both": only("g1", "g2"), "s/G1": only("G1"),
	}
	var changes []knowledge.Change
	for id, r := range kinds {
		changes = append(changes, put(id, r, "gemeinsam", "von "+string(id), "unkodiert "+string(id)))
	}
	f.ok("Apply", c.Apply(ctx, changes...))
	for _, k := range marks() {
		mark, length := k.mark, k.length
		waiting := unencoded(ctx, f, c, mark)
		waiting = slices.DeleteFunc(waiting, func(u knowledge.Unencoded) bool { return strings.Contains(u.Text, "unkodiert") })
		f.ok("PutVectors", c.PutVectors(ctx, mark, encode(mark, length, waiting)))
	}
	look := func(when string) {
		for _, k := range marks() {
			mark, length := k.mark, k.length
			for _, asker := range askers() {
				what := fmt.Sprintf("%s, %s as %+v", when, mark, asker)
				v := c.View(asker)
				var want []placed
				q := knowledge.Query{Mark: mark, Vector: vectorOf("question of "+mark, length, hash(when))}
				may := map[knowledge.PassageID]knowledge.Passage{}
				passages, err := v.Passages(ctx, listed(ctx, f, v))
				f.ok("Passages", err)
				for _, p := range passages {
					may[p.ID] = p
					if !strings.Contains(p.Text, "unkodiert") {
						want = append(want, placed{name: spot(p), score: cosine(q.Vector, vectorOf(mark, length, p.Key()))})
					}
				}
				l := legs(ctx, f, v, q)
				var got []placed
				for _, h := range l.Meaning {
					got = append(got, placed{spot(may[h.Passage]), int64(h.Passage), h.Score})
				}
				f.ranking(what, near, want, got)
				if l.Visible != len(may) || l.Encoded != len(want) || len(l.Passages)+len(l.Titles)+len(l.Words)+len(l.Known) > 0 {
					f.addf("%s: %d visible of %d, %d encoded of %d: %+v", what, l.Visible, len(may), l.Encoded, len(want), l)
				}
				// Beside words, or without them, each leg is what it is alone.
				words := legs(ctx, f, v, query("gemeinsam owner", 0))
				both := query("gemeinsam owner", 0)
				both.Mark, both.Vector = q.Mark, q.Vector
				words.Meaning, words.Encoded, words.Bare = l.Meaning, l.Encoded, l.Bare
				f.same(what+" beside words", words, legs(ctx, f, v, both))
				for n := 1; n < 4; n++ {
					q.Top = n
					f.top(fmt.Sprintf("%s, top %d", what, n), n, l, legs(ctx, f, v, q))
				}
				q.Top, q.Mark = 0, "never"
				f.same(what+": a mark without vectors", knowledge.Legs{Visible: l.Visible}, legs(ctx, f, v, q))
			}
		}
	}
	look("at first")
	f.ok("SetReaders", c.SetReaders(ctx, "s", everyone(), func(id knowledge.DocumentID) knowledge.Readers {
		return map[bool]knowledge.Readers{true: only("g2"), false: only("g1")}[id < "s/both"]
	}))
	look("after SetReaders")
	f.ok("Apply", c.Apply(ctx, put("s/all", only("g2"), "gemeinsam", "unkodiert"), vanished("s/g1"), put("s/new", everyone(), "unkodiert", "gemeinsam")))
	look("after documents changed")
	f.ok("DropVectors", c.DropVectors(ctx, "odd@1"))
	f.ok("DropVectors again", c.DropVectors(ctx, "odd@1"))
	l := legs(ctx, f, c.View(owner()), knowledge.Query{Mark: "odd@1", Vector: make([]float32, 5)})
	if len(l.Meaning) > 0 || l.Encoded != 0 {
		f.addf("Legs of a mark that was dropped: %+v", l)
	}
	vectorCounts(ctx, f, c, "of a mark that was dropped", "odd@1", 0, l.Visible, 0)
	f.ok("PutVectors", c.PutVectors(ctx, "odd@1", encode("odd@1", 5, slices.DeleteFunc(unencoded(ctx, f, c, "odd@1"), func(u knowledge.Unencoded) bool { return strings.Contains(u.Text, "unkodiert") }))))
	look("after a mark came again")
}

// nearestOfMany compares the best of more passages than are scored one by one.
func nearestOfMany(ctx context.Context, c knowledge.Collection, f *findings) {
	const mark, length = "long@1", 384
	var changes []knowledge.Change
	for i := range 40 {
		var lines []string
		for k := range 20 {
			lines = append(lines, fmt.Sprintf("zeile %d", i*20+k))
		}
		lines = append(lines, "gemeinsam")
		changes = append(changes, put(knowledge.DocumentID(fmt.Sprintf("s/%02d", i)), []knowledge.Readers{everyone(), only("g1"), {}}[i%3], lines...))
	}
	f.ok("Apply", c.Apply(ctx, changes[:20]...))
	f.ok("PutVectors", c.PutVectors(ctx, mark, encode(mark, length, unencoded(ctx, f, c, mark))))
	legs(ctx, f, c.View(owner()), knowledge.Query{Mark: mark, Vector: vectorOf("q", length, hash("q"))}) // whoever keeps something must bring it up to date
	f.ok("Apply", c.Apply(ctx, append(changes[20:], vanished("s/00"), vanished("s/03"), vanished("s/07"))...))
	f.ok("PutVectors", c.PutVectors(ctx, mark, encode(mark, length, unencoded(ctx, f, c, mark))))
	made := map[knowledge.Hash][]float32{}
	for round, asker := range []knowledge.Asker{owner(), member(), member("g1"), nobody(), owner()} {
		v := c.View(asker)
		q := knowledge.Query{Mark: mark, Vector: vectorOf("q", length, hash(fmt.Sprint(round))), Top: 10}
		passages, err := v.Passages(ctx, listed(ctx, f, v))
		f.ok("Passages", err)
		var want, got []placed
		for _, p := range passages {
			key := p.Key()
			if made[key] == nil {
				made[key] = vectorOf(mark, length, key)
			}
			want = append(want, placed{fmt.Sprint(p.ID), int64(p.ID), cosine(q.Vector, made[key])})
		}
		slices.SortFunc(want, func(a, b placed) int { return cmp.Or(-cmp.Compare(a.score, b.score), cmp.Compare(a.tie, b.tie)) })
		want = want[:min(q.Top, len(want))]
		l := legs(ctx, f, v, q)
		for _, h := range l.Meaning {
			got = append(got, placed{fmt.Sprint(h.Passage), int64(h.Passage), h.Score})
		}
		f.ranking(fmt.Sprintf("the best ten of %d as %+v", len(passages), asker), near, want, got)
		if l.Visible != len(passages) || l.Encoded != len(passages) {
			f.addf("as %+v: %d visible, %d encoded, want %d", asker, l.Visible, l.Encoded, len(passages))
		}
	}
}

// vectors does something with vectors to both collections.
func (t *trial) vectors(ctx context.Context) {
	k := pick(t.random, append(marks(), marks()[1]))
	mark := k.mark
	if t.oneIn(12) {
		t.did("DropVectors of %s", mark)
		t.ok("DropVectors of the oracle", t.want.DropVectors(ctx, mark))
		t.ok("DropVectors", t.got.DropVectors(ctx, mark))
		return
	}
	waiting, err := t.got.Unencoded(ctx, mark, nil, 0, 1+t.IntN(20))
	t.ok("Unencoded", err)
	waiting = slices.DeleteFunc(waiting, func(knowledge.Unencoded) bool { return t.oneIn(4) })
	list := encode(mark, k.length, waiting)
	if len(t.ever) > 0 && t.oneIn(2) { // of a text that is there no more, or encoded already
		key := t.keys[pick(t.random, t.ever)]
		list = append(list, knowledge.Vector{Key: key, Values: vectorOf(mark, k.length, key)})
	}
	t.did("PutVectors of %s: %d", mark, len(list))
	t.ok("PutVectors to the oracle", t.want.PutVectors(ctx, mark, list))
	t.ok("PutVectors", t.got.PutVectors(ctx, mark, list))
}

// compareVectors compares what waits for vectors and what has them.
func (t *trial) compareVectors(ctx context.Context) {
	want, _ := t.want.Marks(ctx)
	got, err := t.got.Marks(ctx)
	t.ok("Marks", err)
	t.same("Marks", want, got)
	admits := func(o knowledge.Origin) bool { return o.Name != "s_2" }
	if t.oneIn(2) {
		admits = nil
	}
	for _, k := range marks() {
		mark := k.mark
		have, waiting, _ := t.want.Vectors(ctx, mark, admits)
		gotHave, gotWaiting, err := t.got.Vectors(ctx, mark, admits)
		t.ok("Vectors", err)
		t.same("Vectors of "+mark, []int{have, waiting}, []int{gotHave, gotWaiting})

		var after knowledge.PassageID
		if t.oneIn(2) && len(t.ever) > 0 {
			after = pick(t.random, t.ever)
		}
		n := 1 + t.IntN(40)
		var list []knowledge.Unencoded
		listed := map[knowledge.Hash]bool{}
		ids := make([]knowledge.PassageID, 0, len(t.live))
		for id := range t.live {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			p, key := t.live[id], t.keys[id]
			_, encoded := t.want.contents().vectors[mark][key]
			if !encoded && id > after && !listed[key] && admitted(admits, p) && len(list) < n {
				listed[key] = true
				list = append(list, knowledge.Unencoded{Passage: id, Key: key, Text: p.Encoded()})
			}
		}
		waits, err := t.got.Unencoded(ctx, mark, admits, after, n)
		t.ok("Unencoded", err)
		t.same(fmt.Sprintf("Unencoded(%s, after %d, %d)", mark, after, n), list, waits)
	}
}
