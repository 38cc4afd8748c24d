package encoder

import (
	"math"
	"sync"

	"groundwork/internal/vec"
)

// network is an encoder whose matrices are packed for one path of vec. Several
// goroutines may use it.
type network struct {
	path    *vec.Path
	weights *Weights // the matrices in it are not needed any more
	layers  []packed
	scratch sync.Pool // of *scratch
}

// packed are the matrices of one layer.
type packed struct {
	query, key, value, output, up, down *vec.Matrix
}

// newNetwork packs the weights for the fastest path of this processor. Hidden is a
// multiple of Heads, and Hidden/Heads one of 32.
func newNetwork(w *Weights) *network { return newNetworkFor(vec.Best(), w) }

func newNetworkFor(p *vec.Path, w *Weights) *network {
	n := &network{path: p, weights: w}
	n.scratch.New = func() any { return new(scratch) }
	n.layers = make([]packed, len(w.Layers))
	var all sync.WaitGroup // a first question waits for this
	for i, l := range w.Layers {
		all.Go(func() {
			n.layers[i] = packed{
				query: pack(p, l.Query), key: pack(p, l.Key), value: pack(p, l.Value),
				output: pack(p, l.Output), up: pack(p, l.Up), down: pack(p, l.Down),
			}
		})
	}
	all.Wait()
	return n
}

func pack(p *vec.Path, m Matrix) *vec.Matrix { return p.Pack(m.In, m.Out, m.Data, m.Scale, m.Bias) }

// scratch is what texts need on their way; its buffers grow to the longest. The rows
// of all texts follow each other; some more make whole blocks of the last one, and
// what those hold is never used.
type scratch struct {
	rows                 []int       // of each text
	hidden, sum, context []float32   // rows x Hidden: the state, what is added to it, what attention finds
	query, key, value    []float32   // the same
	keys                 []float32   // Hidden x wide: the keys of a text, a column a token
	scores               []float32   // vec.Block x wide
	inner                []float32   // rows x Inner
	bytes, innerBytes    []uint8     // rows x Hidden or Inner
	x, first, y          []vec.Bytes // blocks of bytes, of the first token alone, of innerBytes
}

// resize makes room for texts.
func (s *scratch) resize(w *Weights, texts [][]int32) {
	all, longest := 0, 0
	s.rows = s.rows[:0]
	for _, ids := range texts {
		s.rows = append(s.rows, len(ids))
		all, longest = all+len(ids), max(longest, len(ids))
	}
	for _, part := range []*[]float32{&s.hidden, &s.sum, &s.context, &s.query, &s.key, &s.value} {
		*part = room(*part, (all+vec.Block)*w.Hidden)
	}
	s.keys = room(s.keys, w.Hidden*wide(longest))
	s.scores = room(s.scores, vec.Block*wide(longest))
	s.inner = room(s.inner, all*w.Inner)
	s.bytes = room(s.bytes, all*w.Hidden)
	s.innerBytes = room(s.innerBytes, all*w.Inner)
}

// room returns s with n values, which are any.
func room[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// wide is the length of a row of scores: whole tiles of a product.
func wide(tokens int) int { return (tokens + 31) / 32 * 32 }

// unit gives v length 1.
func unit(v []float32) {
	var squares float64
	for _, x := range v {
		squares += float64(x) * float64(x)
	}
	if squares == 0 {
		return
	}
	by := float32(1 / math.Sqrt(squares))
	for i := range v {
		v[i] *= by
	}
}
