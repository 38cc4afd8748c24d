package intake_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
)

// hashing is a model whose vectors are made of the hash of a text. It counts.
type hashing struct {
	mark   string
	before func(ctx context.Context, texts []string) error // of each call; may be nil
	mu     sync.Mutex
	seen   map[string]int // by text: how often it was encoded
	calls  [][]string
}

const hashed = 32 // values of a vector

func (h *hashing) Mark() string        { return h.mark }
func (h *hashing) Dimensions() int     { return hashed }
func (h *hashing) Languages() []string { return nil }
func (h *hashing) Host() string        { return "" }

func (h *hashing) Embed(ctx context.Context, purpose model.Purpose, texts []string) ([][]float32, model.Spent, error) {
	if h.before != nil {
		if err := h.before(ctx, texts); err != nil {
			return nil, model.Spent{InputTokens: 1}, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, slices.Clone(texts))
	var all [][]float32
	for _, t := range texts {
		if h.seen == nil {
			h.seen = map[string]int{}
		}
		h.seen[t]++
		all = append(all, hashVector(h.mark, t))
	}
	return all, model.Spent{InputTokens: len(texts)}, nil
}

func hashVector(mark, text string) []float32 {
	seed := knowledge.HashOf([]byte(mark + "\n" + text))
	r := rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:]), 1))
	v := make([]float32, hashed)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// twice lists what was encoded more than once.
func (h *hashing) twice() []string {
	var all []string
	for t, n := range h.seen {
		if n > 1 {
			all = append(all, t)
		}
	}
	return all
}

func openHome(t *testing.T, home string) *sqlite.Store {
	t.Helper()
	d, err := db.Open(t.Context(), home, sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return sqlite.New(d)
}

// lined stores a document with a passage a line.
func lined(id knowledge.DocumentID, lines ...string) knowledge.Change {
	d := knowledge.Document{ID: id, Title: "T", Text: strings.Join(lines, "\n"), Readers: knowledge.Readers{Everyone: true}}
	d.Version = knowledge.HashOf([]byte(d.Text))
	c := knowledge.Change{Document: &d, Entry: knowledge.Entry{Source: id.Source(), Path: id.Path(), State: knowledge.Indexed, Version: d.Version, Readers: d.Readers}}
	at := 0
	for _, l := range lines {
		c.Passages = append(c.Passages, knowledge.Passage{Document: id, Version: d.Version, Title: d.Title, Start: at, End: at + len(l), Text: l})
		at += len(l) + 1
	}
	return c
}

// manyLines are texts of which every tenth stands in all documents.
func manyLines(document, n int) []string {
	var all []string
	for i := range n {
		if i%10 == 0 {
			all = append(all, fmt.Sprintf("shared line %d", i))
		} else {
			all = append(all, fmt.Sprintf("line %d of document %d", i, document))
		}
	}
	return all
}

// allThere checks that every passage has its text's own vector.
func allThere(t *testing.T, s *sqlite.Store, mark string) {
	t.Helper()
	ctx := t.Context()
	have, waiting, err := s.Vectors(ctx, mark, nil)
	if err != nil || waiting != 0 {
		t.Fatalf("%d passages have a vector, %d wait, %v", have, waiting, err)
	}
	if wrong, err := s.Integrity(ctx); err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	v := s.View(knowledge.Asker{Owner: true})
	every, err := v.Legs(ctx, knowledge.Query{Mark: mark, Vector: make([]float32, hashed), Top: 1 << 20})
	if err != nil || every.Encoded != have || every.Visible != have || len(every.Meaning) != have {
		t.Fatalf("%d visible, %d encoded, %d hits, want %d, %v", every.Visible, every.Encoded, len(every.Meaning), have, err)
	}
	var ids []knowledge.PassageID
	for _, h := range every.Meaning {
		ids = append(ids, h.Passage)
	}
	passages, err := v.Passages(ctx, ids)
	if err != nil || len(passages) != have {
		t.Fatal(len(passages), err)
	}
	for i := 0; i < len(passages); i += 1 + len(passages)/50 {
		p := passages[i]
		l, err := v.Legs(ctx, knowledge.Query{Mark: mark, Vector: hashVector(mark, p.Encoded()), Top: 1000})
		if err != nil || len(l.Meaning) == 0 || l.Meaning[0].Score < .9999 || !slices.ContainsFunc(l.Meaning, func(h knowledge.Hit) bool { return h.Passage == p.ID && h.Score > .9999 }) {
			t.Fatalf("passage %d is not the nearest to its own text: %+v, %v", p.ID, l.Meaning[:min(3, len(l.Meaning))], err)
		}
	}
}

func TestEncode(t *testing.T) {
	s, ctx := openHome(t, t.TempDir()), t.Context()
	var changes []knowledge.Change
	for i := range 10 {
		changes = append(changes, lined(knowledge.DocumentID(fmt.Sprintf("s/%d", i)), manyLines(i, 50)...))
	}
	changes = append(changes, lined("long/a", strings.Repeat("x", 60_000), strings.Repeat("y", 60_000), strings.Repeat("z", 200_000), "short"))
	if err := s.Apply(ctx, changes...); err != nil {
		t.Fatal(err)
	}
	m := &hashing{mark: "hash@1"}
	var told [][2]int
	progress := func(done, total int) { told = append(told, [2]int{done, total}) }
	spent, err := intake.Encode(ctx, s, m, func(o knowledge.Origin) bool { return o.Name == "s" }, progress)
	if err != nil || spent.InputTokens != 455 || len(m.seen) != 455 || len(m.twice()) > 0 {
		t.Fatalf("encoded %d of 455 texts, %d twice, %d tokens, %v", len(m.seen), len(m.twice()), spent.InputTokens, err)
	}
	if have, waiting, err := s.Vectors(ctx, m.mark, nil); have != 500 || waiting != 4 || err != nil {
		t.Errorf("%d have, %d wait, %v", have, waiting, err)
	}
	if len(told) != 9 || told[0] != [2]int{64, 500} || told[8] != [2]int{500, 500} || !slices.IsSortedFunc(told, func(a, b [2]int) int { return a[0] - b[0] }) {
		t.Errorf("progress: %v", told)
	}
	if _, err = intake.Encode(ctx, s, m, nil, nil); err != nil || len(m.seen) != 459 || len(m.twice()) > 0 {
		t.Fatalf("then %d of 459, %v", len(m.seen), err)
	}
	for _, c := range m.calls {
		size := len(strings.Join(c, ""))
		if len(c) > 64 || len(c) > 1 && size > 96<<10 {
			t.Errorf("%d texts of %d bytes at once", len(c), size)
		}
	}
	allThere(t, s, m.mark)

	// Nothing is left to do; then one line changes.
	calls := len(m.calls)
	if _, err := intake.Encode(ctx, s, m, nil, nil); err != nil || len(m.calls) != calls {
		t.Errorf("encoded again, %v", err)
	}
	lines := manyLines(3, 50)
	lines[7] = "another line"
	if err := s.Apply(ctx, lined("s/3", lines...)); err != nil {
		t.Fatal(err)
	}
	if _, err := intake.Encode(ctx, s, m, nil, nil); err != nil || len(m.seen) != 460 || len(m.twice()) > 0 {
		t.Errorf("after a line changed: %d texts, %d twice, %v", len(m.seen), len(m.twice()), err)
	}

	// Another model encodes all while the vectors of the first serve.
	next := &hashing{mark: "hash@2", before: func(ctx context.Context, _ []string) error {
		l, err := s.View(knowledge.Asker{Owner: true}).Legs(ctx, knowledge.Query{Mark: "hash@1", Vector: hashVector("hash@1", "T\nshort")})
		if err == nil && (l.Encoded != 504 || l.Meaning[0].Score < .9999) {
			err = fmt.Errorf("%d encoded, the best %+v", l.Encoded, l.Meaning[0])
		}
		return err
	}}
	if _, err := intake.Encode(ctx, s, next, nil, nil); err != nil || len(next.seen) != 459 {
		t.Errorf("another model: %d texts, %v", len(next.seen), err)
	}
	if err := s.DropVectors(ctx, "hash@1"); err != nil {
		t.Fatal(err)
	}
	if marks, err := s.Marks(ctx); err != nil || len(marks) != 1 || marks["hash@2"] != 459 {
		t.Errorf("marks %v, %v", marks, err)
	}
	allThere(t, s, "hash@2")
}

// Whatever ends it, what is done is kept, and the next call goes on.
func TestEncodeStops(t *testing.T) {
	for what, stop := range map[string]struct {
		before func(cancel context.CancelFunc) error
		kind   fault.Kind
	}{
		"the context":       {func(cancel context.CancelFunc) error { cancel(); return context.Canceled }, fault.Budget},
		"a context, late":   {func(cancel context.CancelFunc) error { cancel(); return nil }, fault.Budget},
		"the model":         {func(context.CancelFunc) error { return fault.New(fault.Upstream, "embed: no reply", "try again") }, fault.Upstream},
		"a model in a fog":  {func(context.CancelFunc) error { return errors.New("fog") }, fault.Internal},
		"a limit of money":  {func(context.CancelFunc) error { return fault.New(fault.Budget, "embed: too dear", "pay") }, fault.Budget},
		"a text it refuses": {func(context.CancelFunc) error { return fault.New(fault.Input, "embed: no", "") }, fault.Input},
	} {
		s := openHome(t, t.TempDir())
		if err := s.Apply(t.Context(), lined("s/a", manyLines(1, 300)...)); err != nil {
			t.Fatal(err)
		}
		m := &hashing{mark: "hash@1"}
		ctx, cancel := context.WithCancel(t.Context())
		call := 0
		m.before = func(context.Context, []string) error {
			if call++; call == 3 {
				return stop.before(cancel)
			}
			return nil
		}
		spent, err := intake.Encode(ctx, s, m, nil, nil)
		if err == nil || fault.KindOf(err) != stop.kind || spent.InputTokens < 129 {
			t.Errorf("%s: %v, %d tokens", what, err, spent.InputTokens)
		}
		if have, waiting, err := s.Vectors(t.Context(), m.mark, nil); have != 128 || waiting != 172 || err != nil {
			t.Errorf("%s: %d have, %d wait, %v", what, have, waiting, err)
		}
		if _, err := intake.Encode(t.Context(), s, m, nil, nil); err != nil || len(m.seen) != 300 || len(m.twice()) > 64 {
			t.Errorf("%s: %d texts, %d twice, %v", what, len(m.seen), len(m.twice()), err)
		}
		allThere(t, s, m.mark)
		cancel()
	}
}

// few is a model that leaves out the last vector.
type few struct{ *hashing }

func (f few) Embed(ctx context.Context, p model.Purpose, texts []string) ([][]float32, model.Spent, error) {
	v, spent, err := f.hashing.Embed(ctx, p, texts)
	return v[:len(v)-1], spent, err
}

func TestEncodeCountsVectors(t *testing.T) {
	s := openHome(t, t.TempDir())
	if err := s.Apply(t.Context(), lined("s/a", "one", "two")); err != nil {
		t.Fatal(err)
	}
	if _, err := intake.Encode(t.Context(), s, few{&hashing{mark: "m"}}, nil, nil); fault.KindOf(err) != fault.Upstream {
		t.Errorf("one vector for two texts: %v", err)
	}
}

// Documents come, change and go while it encodes; afterwards nothing is wrong,
// and one more call leaves nothing to do.
func TestEncodeBesideSync(t *testing.T) {
	s, ctx := openHome(t, t.TempDir()), t.Context()
	if err := s.Apply(ctx, lined("s/0", manyLines(0, 300)...)); err != nil {
		t.Fatal(err)
	}
	m := &hashing{mark: "hash@1"}
	var failed error
	var wg sync.WaitGroup
	r := rand.New(rand.NewPCG(3, 4))
	wg.Go(func() {
		for i := range 60 {
			id := knowledge.DocumentID(fmt.Sprintf("s/%d", r.IntN(8)))
			c := lined(id, manyLines(i, 20+r.IntN(60))...)
			if r.IntN(3) == 0 {
				c = knowledge.Change{Vanished: true, Entry: knowledge.Entry{Source: id.Source(), Path: id.Path()}}
			}
			if failed = s.Apply(ctx, c); failed != nil {
				return
			}
		}
	})
	for range 5 {
		if _, err := intake.Encode(ctx, s, m, nil, nil); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
	if _, err := intake.Encode(ctx, s, m, nil, nil); err != nil {
		t.Fatal(err)
	}
	allThere(t, s, m.mark)
}
