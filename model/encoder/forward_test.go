package encoder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"groundwork/internal/vec"
)

// randomWeights make a small encoder in which every parameter matters.
func randomWeights(r *rand.Rand, layers int) *Weights {
	const hidden, heads, inner = 64, 2, 192
	values := func(n int, mean, spread float64) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(mean + spread*r.NormFloat64())
		}
		return s
	}
	matrix := func(in, out int) Matrix {
		m := Matrix{In: in, Out: out, Data: make([]int8, in*out), Scale: values(out, 0.006, 0.001), Bias: values(out, 0, 0.3)}
		for i := range m.Data {
			m.Data[i] = int8(r.IntN(129) - 64)
		}
		return m
	}
	table := func(rows int) Table {
		t := Table{Rows: rows, Columns: hidden, Data: make([]uint8, rows*hidden), Scale: 0.011, Zero: 126}
		for i := range t.Data {
			t.Data[i] = uint8(r.Uint32())
		}
		return t
	}
	norm := func() Norm { return Norm{values(hidden, 1, 0.2), values(hidden, 0, 0.3)} }
	w := &Weights{
		Hidden: hidden, Heads: heads, Inner: inner, Epsilon: 1e-12,
		Words: table(50), Positions: table(70), Types: table(2), Norm: norm(),
	}
	for range layers {
		w.Layers = append(w.Layers, Layer{
			Query: matrix(hidden, hidden), Key: matrix(hidden, hidden), Value: matrix(hidden, hidden), Output: matrix(hidden, hidden),
			OutputNorm: norm(), Up: matrix(hidden, inner), Down: matrix(inner, hidden), DownNorm: norm(),
		})
	}
	return w
}

// plain is the forward pass once more, in float64 and as plainly as can be.
func plain(w *Weights, ids []int32, pool pooling) []float64 {
	norm := func(x [][]float64, n Norm) {
		for _, row := range x {
			var mean, variance float64
			for _, v := range row {
				mean += v / float64(len(row))
			}
			for _, v := range row {
				variance += (v - mean) * (v - mean) / float64(len(row))
			}
			for i, v := range row {
				row[i] = (v-mean)/math.Sqrt(variance+float64(w.Epsilon))*float64(n.Gain[i]) + float64(n.Bias[i])
			}
		}
	}
	// quantized is what x is after quantisation to 8 bits, without integers.
	quantized := func(x [][]float64) [][]float64 {
		low, high := 0.0, 0.0
		for _, row := range x {
			low, high = min(low, slices.Min(row)), max(high, slices.Max(row))
		}
		scale := (high - low) / 255
		zero := math.RoundToEven(-low / scale)
		q := make([][]float64, len(x))
		for r, row := range x {
			for _, v := range row {
				q[r] = append(q[r], (max(0, min(255, math.RoundToEven(v/scale)+zero))-zero)*scale)
			}
		}
		return q
	}
	times := func(x [][]float64, m Matrix) [][]float64 {
		y := make([][]float64, len(x))
		for r, row := range x {
			y[r] = make([]float64, m.Out)
			for o := range m.Out {
				for i, v := range row {
					y[r][o] += v * float64(m.Data[i*m.Out+o]) * float64(m.Scale[o])
				}
				y[r][o] += float64(m.Bias[o])
			}
		}
		return y
	}
	add := func(x, y [][]float64) {
		for r := range x {
			for i := range x[r] {
				x[r][i] += y[r][i]
			}
		}
	}
	x := make([][]float64, len(ids))
	for t, id := range ids {
		for k := range w.Hidden {
			at := func(table Table, row int) float64 {
				return (float64(table.Data[row*w.Hidden+k]) - float64(table.Zero)) * float64(table.Scale)
			}
			x[t] = append(x[t], at(w.Words, int(id))+at(w.Positions, t)+at(w.Types, 0))
		}
	}
	norm(x, w.Norm)
	for i, l := range w.Layers {
		d := w.Hidden / w.Heads
		in := quantized(x)
		query, key, value := times(in, l.Query), times(in, l.Key), times(in, l.Value)
		if i == len(w.Layers)-1 && pool == poolCLS {
			x, query = x[:1], query[:1]
		}
		context := make([][]float64, len(x))
		for r := range x {
			context[r] = make([]float64, w.Hidden)
			for h := 0; h < w.Hidden; h += d {
				weights, sum := make([]float64, len(ids)), 0.0
				for c := range ids {
					var score float64
					for k := h; k < h+d; k++ {
						score += query[r][k] * key[c][k]
					}
					weights[c] = math.Exp(score / math.Sqrt(float64(d)))
					sum += weights[c]
				}
				for c := range ids {
					for k := h; k < h+d; k++ {
						context[r][k] += weights[c] / sum * value[c][k]
					}
				}
			}
		}
		add(x, times(quantized(context), l.Output))
		norm(x, l.OutputNorm)
		inner := times(quantized(x), l.Up)
		for _, row := range inner {
			for i, v := range row {
				row[i] = v / 2 * (1 + math.Erf(v/math.Sqrt2))
			}
		}
		add(x, times(quantized(inner), l.Down))
		norm(x, l.DownNorm)
	}
	out := slices.Clone(x[0])
	if pool == poolMean {
		for _, row := range x[1:] {
			for k, v := range row {
				out[k] += v
			}
		}
	}
	var squares float64
	for _, v := range out {
		squares += v * v
	}
	for k := range out {
		out[k] /= math.Sqrt(squares)
	}
	return out
}

// Rounding to 8 bits makes the smallest difference a whole step where a value lies
// on an edge, so a vector is compared by its direction.
func TestForward(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := randomWeights(r, 3)
	for _, p := range vec.Paths() {
		n := newNetworkFor(p, w)
		for _, tokens := range []int{70, 1, 2, 7, 12, 13, 24, 25, 33, 64} {
			ids := make([]int32, tokens)
			for i := range ids {
				ids[i] = int32(r.IntN(w.Words.Rows))
			}
			for _, pool := range []pooling{poolCLS, poolMean} {
				got := make([]float32, w.Hidden)
				n.encode(ids, pool, got)
				var cosine, squares float64
				for k, v := range plain(w, ids, pool) {
					cosine += v * float64(got[k])
					squares += float64(got[k]) * float64(got[k])
				}
				if !(cosine > 0.9999) || math.Abs(squares-1) > 1e-5 {
					t.Errorf("%s, %d tokens, pooling %d: cosine %v, squared length %v", p.Name, tokens, pool, cosine, squares)
				}
			}
		}
	}
}

// A vector must not depend on what the scratch held before.
func TestForwardAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	w := randomWeights(r, 2)
	n := newNetwork(w)
	ids := make([]int32, 70)
	for i := range ids {
		ids[i] = int32(r.IntN(w.Words.Rows))
	}
	first, again, long := make([]float32, w.Hidden), make([]float32, w.Hidden), make([]float32, w.Hidden)
	n.encode(ids[:9], poolMean, first)
	n.encode(ids, poolMean, long)
	n.encode(ids[:9], poolMean, again)
	if !slices.Equal(first, again) {
		t.Error("the same text has another vector after a longer one")
	}
	if allocated := testing.AllocsPerRun(20, func() { n.encode(ids, poolCLS, long) }); allocated >= 1 {
		t.Errorf("%v allocations a text", allocated)
	}
}

// Neither does it depend on the texts beside it.
func TestForwardTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	w := randomWeights(r, 2)
	for _, p := range vec.Paths() {
		n := newNetworkFor(p, w)
		for _, lengths := range [][]int{{}, {3, 1, 2}, {70, 13, 12, 64, 70, 70, 70, 70, 70, 70}, slices.Repeat([]int{5}, 2*vec.Together+1)} {
			var texts [][]int32
			var got [][]float32
			for _, length := range lengths {
				ids := make([]int32, length)
				for i := range ids {
					ids[i] = int32(r.IntN(w.Words.Rows))
				}
				texts, got = append(texts, ids), append(got, make([]float32, w.Hidden))
			}
			for _, pool := range []pooling{poolCLS, poolMean} {
				n.encodeAll(texts, pool, got)
				for i, ids := range texts {
					want := make([]float32, w.Hidden)
					n.encode(ids, pool, want)
					if !slices.Equal(want, got[i]) {
						t.Errorf("%s, pooling %d, lengths %v: text %d has another vector alone", p.Name, pool, lengths, i)
					}
				}
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	w, err := readONNX(modelFile(b, Known()[0].File))
	if err != nil {
		b.Fatal(err)
	}
	out := make([]float32, w.Hidden)
	for _, p := range vec.Paths() {
		n := newNetworkFor(p, w)
		for _, tokens := range []int{21, 188, 512} {
			ids := make([]int32, tokens)
			for i := range ids {
				ids[i] = int32(1000 + 37*i)
			}
			b.Run(fmt.Sprintf("%s/%d", p.Name, tokens), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					n.encode(ids, poolCLS, out)
				}
			})
		}
	}
}
