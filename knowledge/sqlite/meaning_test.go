package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/knowledge"
)

// What two planes give back is within a rest of a step of the value.
func TestQuantise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 2000 {
		v := make([]float32, 1+r.IntN(400))
		for i := range v {
			v[i] = float32(r.NormFloat64() * math.Pow(10, float64(r.IntN(12)-6)))
		}
		u, _ := unitLength(v)
		scale, coarse, fine, ok := quantise(v)
		if !ok {
			t.Fatal("not finite")
		}
		for i, x := range u {
			if got := scale * (float64(coarse[i]) + float64(fine[i])/fineSteps); math.Abs(got-x) > scale/fineSteps/2*1.0001 {
				t.Fatalf("value %d of %d is %g, want %g: off by %g steps", i, len(v), got, x, (got-x)/scale)
			}
		}
	}
	for _, v := range [][]float32{{math.MaxFloat32, math.MaxFloat32}, {math.SmallestNonzeroFloat32, 0}, {-1}} {
		scale, coarse, _, ok := quantise(v)
		if want, _ := unitLength(v); !ok || math.Abs(scale*float64(coarse[0])-want[0]) > .01 {
			t.Errorf("%v: scale %g, coarse %v, want %v", v, scale, coarse, want)
		}
	}
}

func putLines(t *testing.T, s *Store, path string, readers knowledge.Readers, lines ...string) {
	t.Helper()
	d := knowledge.Document{ID: knowledge.ID("s", path), Title: "T", Readers: readers}
	var passages []knowledge.Passage
	for _, l := range lines {
		passages = append(passages, knowledge.Passage{Start: len(d.Text), End: len(d.Text) + len(l), Text: l})
		d.Text += l
	}
	d.Version = knowledge.HashOf([]byte(d.Text))
	if err := s.Apply(t.Context(), knowledge.Change{Document: &d, Passages: passages,
		Entry: knowledge.Entry{Source: "s", Path: path, State: knowledge.Indexed, Version: d.Version, Readers: d.Readers}}); err != nil {
		t.Fatal(err)
	}
}

// What is in memory does not grow with what was deleted, and is let go of when it
// is forgotten or dropped.
func TestMemoryStaysSmall(t *testing.T) {
	s, _ := openStore(t)
	ask := func() knowledge.Legs {
		l, err := s.View(knowledge.Asker{Owner: true}).Legs(t.Context(), knowledge.Query{Mark: "noise", Vector: noise(knowledge.Hash{1})})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	most := 0
	for round := range 60 {
		var lines []string
		for i := range 50 {
			lines = append(lines, fmt.Sprintf("round %d, line %d", round, i))
		}
		putLines(t, s, "a", knowledge.Readers{}, lines...)
		encodeNoise(t, s)
		if l := ask(); l.Encoded != 50 || len(l.Meaning) != 50 {
			t.Fatalf("round %d: %d encoded, %d hits", round, l.Encoded, len(l.Meaning))
		}
		for _, c := range s.vectors.marks {
			most = max(most, len(c.number))
		}
	}
	if most < 1000 || most > scanBlock+200 {
		t.Errorf("at most %d vectors of 50 were in memory", most)
	}
	if err := s.DropVectors(t.Context(), "noise"); err != nil {
		t.Fatal(err)
	}
	if err := s.PutVectors(t.Context(), "other", []knowledge.Vector{{Key: knowledge.Hash{}, Values: []float32{1}}}); err != nil {
		t.Fatal(err)
	}
	encodeNoise(t, s)
	if l := ask(); l.Encoded != 50 || len(s.vectors.marks) != 1 {
		t.Errorf("after a mark came again: %d encoded, %d marks in memory", l.Encoded, len(s.vectors.marks))
	}
	if _, err := s.Forget(t.Context(), knowledge.Selector{Source: "s"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if len(s.vectors.marks) != 0 {
		t.Error("vectors of what was forgotten are in memory")
	}
}

// A transaction that began before a change sees none of it by meaning either,
// whatever is in memory by then; and one that began after it sees all of it.
func TestMeaningOfOneMoment(t *testing.T) {
	s, home := openStore(t)
	ctx := t.Context()
	all, g1 := knowledge.Readers{Everyone: true}, knowledge.Readers{Groups: []knowledge.Group{"g1"}}
	putLines(t, s, "a", all, "one", "two")
	putLines(t, s, "b", g1, "three")
	encodeNoise(t, s)
	d, err := db.OpenReader(ctx, home, Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	other := New(d)
	legs := func(tx *sql.Tx) (l knowledge.Legs) {
		if err := other.meaning(ctx, tx, knowledge.Asker{Name: "ann"}, knowledge.Query{Mark: "noise", Vector: noise(knowledge.Hash{2})}, &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	begin := func() *sql.Tx {
		tx, err := d.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := column[int](ctx, tx, `SELECT count(*) FROM document`); err != nil { // which fixes its moment
			t.Fatal(err)
		}
		return tx
	}
	check := func(when string, tx *sql.Tx, visible, encoded int) {
		t.Helper()
		if l := legs(tx); l.Visible != visible || l.Encoded != encoded || len(l.Meaning) != encoded {
			t.Errorf("%s: %d visible, %d encoded, %d hits, want %d and %d", when, l.Visible, l.Encoded, len(l.Meaning), visible, encoded)
		}
	}
	before := begin()
	check("at first", before, 2, 2)
	putLines(t, s, "c", all, "four", "two") // "two" has its vector
	between := begin()
	defer between.Rollback()
	check("before", before, 2, 2)
	check("not yet encoded", between, 4, 3)
	encodeNoise(t, s)
	if err := s.SetReaders(ctx, "s", all, func(id knowledge.DocumentID) knowledge.Readers {
		return map[bool]knowledge.Readers{true: g1, false: all}[id == "s/a"]
	}); err != nil {
		t.Fatal(err)
	}
	after := begin()
	defer after.Rollback()
	check("after", after, 3, 3)
	check("between, with later vectors in memory", between, 4, 3)
	check("before, with later vectors in memory", before, 2, 2)
	if err := before.Rollback(); err != nil { // there are four connections
		t.Fatal(err)
	}
	if err := s.DropVectors(ctx, "noise"); err != nil {
		t.Fatal(err)
	}
	dropped := begin()
	defer dropped.Rollback()
	check("dropped", dropped, 3, 0)
	check("before it was dropped", after, 3, 3)
	encodeNoise(t, s)
	check("dropped, with new ones there", dropped, 3, 0)
	again := begin()
	defer again.Rollback()
	check("encoded again", again, 3, 3)
	check("before it was dropped", after, 3, 3)
}

// Questions by many at once, while documents, readers and vectors change: nobody
// gets a hit that the asker may not read, and all counts agree.
func TestMeaningBesideWrites(t *testing.T) {
	s, _ := openStore(t)
	ctx := t.Context()
	all := knowledge.Readers{Everyone: true}
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	putLines(t, s, "still", all, "stays", "stays too")
	encodeNoise(t, s)
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	asked := make([]int, 3)
	for i := range asked {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 2))
			for ; asking.Err() == nil; asked[i]++ {
				v := s.View(knowledge.Asker{Name: "ann"})
				l, err := v.Legs(ctx, knowledge.Query{Mark: "noise", Vector: noise(knowledge.Hash{byte(r.IntN(256))}), Top: 1 + r.IntN(40)})
				if err != nil {
					errs <- err
					return
				}
				// The two that stay, and either all three of the other document or none.
				if l.Visible != 2 && l.Visible != 5 || l.Encoded < 2 || l.Encoded > l.Visible || len(l.Meaning) > l.Encoded {
					errs <- fmt.Errorf("%d visible, %d encoded, %d hits", l.Visible, l.Encoded, len(l.Meaning))
					return
				}
			}
		})
	}
	for i := range rounds {
		readers := []knowledge.Readers{all, {}, {Groups: []knowledge.Group{"g1"}}}[i%3]
		putLines(t, s, "moves", readers, fmt.Sprint("a", i/4), fmt.Sprint("b", i), "c")
		encodeNoise(t, s)
		if i%20 == 19 {
			if err := s.DropVectors(ctx, "other"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Forget(ctx, knowledge.Selector{Source: "s", Path: "moves"}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop()
	wg.Wait()
	select {
	case err := <-errs:
		t.Error(err)
	default:
	}
	t.Logf("%d questions", asked[0]+asked[1]+asked[2])
}
