package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// near compares values with their portable twins.
func near(t *testing.T, what string, got, want []float32, within func(i int) float64) {
	t.Helper()
	for i := range want {
		if !(math.Abs(float64(got[i])-float64(want[i])) <= within(i)) {
			t.Fatalf("%s: value %d is %v, portable %v", what, i, got[i], want[i])
		}
	}
}

func TestQuantize(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	cases := map[string][]float32{
		"zeros": make([]float32, 70), "one": {3}, "positive": {1, 2, 3}, "negative": {-1, -2, -3},
		"tiny": {1e-42, -1e-42, 3e-43}, "large": {3e38, -1, 5},
	}
	for _, n := range []int{1, 31, 32, 33, 384, callFloats + 65} {
		for _, shift := range []float32{0, 7, -7} {
			x := floats(r, n)
			for i := range x {
				x[i] += shift
			}
			cases[string(rune('a'+len(cases)))] = x
		}
	}
	// Every value on the edge between two steps, and its neighbours.
	for _, scale := range []float32{1, 0.1, 0.037, 1.0 / 3, 0.99999994} {
		x := []float32{-127 * scale, 128 * scale}
		for i := -127; i < 128; i++ {
			edge := (float32(i) + 0.5) * scale
			x = append(x, edge, math.Nextafter32(edge, 1000), math.Nextafter32(edge, -1000))
		}
		cases[string(rune('a'+len(cases)))] = x
	}
	eachPath(t, func(t *testing.T, p, twin *Path) {
		for name, x := range cases {
			got, want := Bytes{Data: make([]uint8, len(x))}, Bytes{Data: make([]uint8, len(x))}
			p.Quantize(&got, x)
			twin.Quantize(&want, x)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-portable +%s):\n%s", name, p.Name, diff)
			}
		}
	})
}

// The example of the operator's definition, and ties to even.
func TestPortableQuantize(t *testing.T) {
	for _, c := range []struct {
		x    []float32
		want Bytes
	}{
		{[]float32{0, 2, -3, -2.5, 1.34, 0.5}, Bytes{[]uint8{153, 255, 0, 26, 221, 179}, 5.0 / 255, 153}},
		{[]float32{-1, -2.1, -1.3, -2.5, -3.34, -4}, Bytes{[]uint8{191, 121, 172, 96, 42, 0}, 4.0 / 255, 255}},
		{[]float32{0, 0}, Bytes{[]uint8{0, 0}, 1, 0}},
		{[]float32{255, 0.5, 1.5, 2.5}, Bytes{[]uint8{255, 0, 2, 2}, 1, 0}},
	} {
		got := Bytes{Data: make([]uint8, len(c.x))}
		portable().Quantize(&got, c.x)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v: (-want +got)\n%s", c.x, diff)
		}
	}
}

func TestGelu(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	x := append(floats(r, 1001), 0, -100, 100, 5.3, -5.3, 1e30, -1e30, 1e-40)
	for v := float32(-7); v < 7; v += 0.001 {
		x = append(x, v)
	}
	x = append(x, floats(r, callFloats)...)
	want := append([]float32{}, x...)
	portable().Gelu(want)
	eachPath(t, func(t *testing.T, p, _ *Path) {
		for _, n := range []int{0, 1, 7, 8, 9, len(x)} {
			got := append([]float32{}, x[:n]...)
			p.Gelu(got)
			near(t, p.Name, got, want[:n], func(i int) float64 { return 2e-6 * max(1, math.Abs(float64(x[i]))) })
		}
	})
}

func TestNorm(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	eachPath(t, func(t *testing.T, p, twin *Path) {
		for _, n := range []int{1, 15, 16, 17, 384, 768} {
			for _, rows := range []int{0, 1, 3, callFloats/n + 2} {
				x, y, gain, bias := floats(r, rows*n), floats(r, rows*n), floats(r, n), floats(r, n)
				for i := range x {
					x[i] = x[i]*40 + 3
				}
				got, want := make([]float32, rows*n), make([]float32, rows*n)
				p.Norm(got, x, y, gain, bias, 1e-12)
				twin.Norm(want, x, y, gain, bias, 1e-12)
				near(t, p.Name, got, want, func(i int) float64 {
					return 1e-5 * (math.Abs(float64(want[i]-bias[i%n])) + math.Abs(float64(gain[i%n])))
				})
				p.Norm(x, x, y, gain, bias, 1e-12)
				if diff := cmp.Diff(got, x); diff != "" {
					t.Fatalf("%s in place, %d rows of %d:\n%s", p.Name, rows, n, diff)
				}
			}
		}
	})
}

func TestSoftmax(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	eachPath(t, func(t *testing.T, p, twin *Path) {
		for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 24, 25, 31, 32, 33, 188, 512} {
			for _, spread := range []float32{0, 1, 10, 1000} {
				stride := (n+15)/16*16 + 16
				rows := 5
				if n == 33 {
					rows += callFloats / stride
				}
				got := floats(r, rows*stride)
				for i := range got {
					got[i] *= spread
					if i%stride >= n {
						got[i] = float32(math.NaN())
					}
				}
				want := append([]float32{}, got...)
				p.Softmax(got, n, stride)
				twin.Softmax(want, n, stride)
				for row := 0; row < len(got); row += stride {
					near(t, p.Name, got[row:row+n], want[row:row+n], func(i int) float64 { return 1e-5*float64(want[row+i]) + 1e-30 })
				}
				for i := (n + 15) / 16 * 16; i < stride; i++ {
					if !math.IsNaN(float64(got[i])) {
						t.Fatalf("%s: value %d behind a row of %d was written", p.Name, i, n)
					}
				}
			}
		}
	})
}

func TestPortableSoftmax(t *testing.T) {
	got := append([]float32{3, 2, 1, 1}, make([]float32, 12)...)
	portable().Softmax(got, 4, 16)
	if diff := cmp.Diff([]float32{0.5, 0.25, 0.125, 0.125}, got[:4]); diff != "" {
		t.Error(diff)
	}
}

func TestTransposeAndMultiply(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	eachPath(t, func(t *testing.T, p, twin *Path) {
		for _, shape := range [][2]int{{8, 8}, {8, 32}, {24, 16}, {192, 32}} {
			rows, columns := shape[0], shape[1]
			src := floats(r, (rows-1)*(columns+5)+columns)
			got, want := make([]float32, columns*(rows+3)), make([]float32, columns*(rows+3))
			p.Transpose(got, rows+3, src, columns+5, rows, columns)
			twin.Transpose(want, rows+3, src, columns+5, rows, columns)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s %v:\n%s", p.Name, shape, diff)
			}
		}
		for _, shape := range [][2]int{{1, 32}, {32, 64}, {31, 96}, {188, 32}, {32, 192}} {
			inner, columns := shape[0], shape[1]
			a, b := floats(r, (Block-1)*(inner+3)+inner), floats(r, (inner-1)*(columns+5)+columns)
			size := func(x []float32) []float32 {
				s := make([]float32, len(x))
				for i := range x {
					s[i] = float32(math.Abs(float64(x[i])))
				}
				return s
			}
			got, want, bound := make([]float32, Block*(columns+1)), make([]float32, Block*(columns+1)), make([]float32, Block*(columns+1))
			p.Multiply(got, columns+1, a, inner+3, b, columns+5, inner, columns, 0.37)
			twin.Multiply(want, columns+1, a, inner+3, b, columns+5, inner, columns, 0.37)
			twin.Multiply(bound, columns+1, size(a), inner+3, size(b), columns+5, inner, columns, 0.37)
			near(t, p.Name, got, want, func(i int) float64 { return 1e-6 * float64(bound[i]) })
		}
	})
}

func TestMulGelu(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, p := range Paths() {
		for _, shape := range [][2]int{{16, 64}, {32, 192}, {5, 7}} {
			in, out := shape[0], shape[1]
			w := signed(r, in*out, 128)
			for i := range w {
				w[i] /= 2
			}
			m := p.Pack(in, out, w, floats(r, out), floats(r, out))
			for _, blocks := range [][]int{{0}, {1}, {7}, {callFloats/panel + 3}, {3, 0, 1, 13}} {
				var x, got, want []Bytes
				all := []float32{}
				for _, rows := range blocks {
					x = append(x, Bytes{Data: unsigned(r, rows*in, 256), Scale: r.Float32() / 1000, Zero: uint8(r.Uint32())})
					got = append(got, Bytes{Data: make([]uint8, rows*out)})
					want = append(want, Bytes{Data: make([]uint8, rows*out)})
					values := make([]float32, rows*out)
					m.Mul(values, x[len(x)-1:])
					all = append(all, values...)
					p.Gelu(values)
					p.Quantize(&want[len(want)-1], values)
				}
				together := make([]float32, len(all))
				m.Mul(together, x)
				if diff := cmp.Diff(all, together); diff != "" {
					t.Fatalf("%s %v, blocks of %v together:\n%s", p.Name, shape, blocks, diff)
				}
				m.MulGelu(got, x, together)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s %v, blocks of %v:\n%s", p.Name, shape, blocks, diff)
				}
			}
		}
	}
}

func BenchmarkFloat(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range Paths() {
		inner, hidden, scores := floats(r, 188*1536), floats(r, 188*384), floats(r, Block*192)
		q := Bytes{Data: make([]uint8, len(inner))}
		c, gain := floats(r, 192*384), floats(r, 384)
		w, v := floats(r, 192*384), floats(r, 192*384)
		for _, k := range []struct {
			name string
			run  func()
		}{
			{"Quantize 188x1536", func() { p.Quantize(&q, inner) }},
			{"Gelu 188x1536", func() { p.Gelu(inner) }},
			{"Gelu 188x64", func() { p.Gelu(inner[:188*64]) }},
			{"Norm 188x384", func() { p.Norm(c[:188*384], hidden, hidden, gain, gain, 1e-12) }},
			{"Softmax 12x188", func() { p.Softmax(scores, 188, 192) }},
			{"Multiply 12x32x192", func() { p.Multiply(scores, 192, w, 384, v, 192, 32, 192, 0.1) }},
			{"Multiply 12x188x32", func() { p.Multiply(c, 384, scores, 192, v, 384, 188, 32, 1) }},
			{"Transpose 192x384", func() { p.Transpose(w, 192, v, 384, 192, 384) }},
		} {
			b.Run(p.Name+"/"+k.name, func(b *testing.B) {
				for b.Loop() {
					k.run()
				}
			})
		}
	}
}
