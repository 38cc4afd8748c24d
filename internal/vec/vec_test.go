package vec

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// eachPath runs a test for every path but the portable one, which it is compared with.
func eachPath(t *testing.T, test func(t *testing.T, p, twin *Path)) {
	paths := Paths()
	twin := paths[len(paths)-1]
	if len(paths) == 1 {
		t.Skip("NOT RUN: this processor has no path but the portable one, which defines the results")
	}
	for _, p := range paths[:len(paths)-1] {
		t.Run(p.Name, func(t *testing.T) { test(t, p, twin) })
	}
}

// bytes returns n signed bytes: random ones, or one value everywhere.
func signed(r *rand.Rand, n int, fill int) []int8 {
	s := make([]int8, n)
	for i := range s {
		if s[i] = int8(fill); fill > 127 {
			s[i] = int8(r.Uint32())
		}
	}
	return s
}

func TestDots(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const random = 128
	eachPath(t, func(t *testing.T, p, twin *Path) {
		for _, d := range []int{1, 3, 15, 16, 17, 63, 64, 65, 100, 128, 384, 1000, 1536} {
			for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 33} {
				for _, fill := range []int{random, -128, 127, 0} {
					query, rows := signed(r, d, fill), signed(r, n*d, fill)
					got, want := make([]int32, n), make([]int32, n)
					p.Dots(got, query, rows)
					twin.Dots(want, query, rows)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("d=%d n=%d fill=%d (-portable +%s):\n%s", d, n, fill, p.Name, diff)
					}
				}
			}
		}
		query, rows := signed(r, 384, random), signed(r, 3*callBytes, random)
		got, want := make([]int32, len(rows)/384), make([]int32, len(rows)/384)
		p.Dots(got, query, rows)
		twin.Dots(want, query, rows)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("many rows (-portable +%s):\n%s", p.Name, diff)
		}
	})
}

func TestPortableDots(t *testing.T) {
	scores := []int32{9, 9, 9}
	portable().Dots(scores, []int8{-128, 127}, []int8{-128, 127, 1, 0, 0, -1})
	if diff := cmp.Diff([]int32{128*128 + 127*127, -128, -127}, scores); diff != "" {
		t.Error(diff)
	}
	portable().Dots(scores, nil, nil)
	if diff := cmp.Diff([]int32{0, 0, 0}, scores); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkDots(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const n, d = 100_000, 384
	query, rows, scores := signed(r, d, 128), signed(r, n*d, 128), make([]int32, n)
	for _, p := range Paths() {
		b.Run(fmt.Sprintf("%s/%dx%d", p.Name, n, d), func(b *testing.B) {
			for b.Loop() {
				p.Dots(scores, query, rows)
			}
		})
	}
}

// unsigned returns n unsigned bytes: random ones, or one value everywhere.
func unsigned(r *rand.Rand, n int, fill int) []uint8 {
	s := make([]uint8, n)
	for i := range s {
		if s[i] = uint8(fill); fill > 255 {
			s[i] = uint8(r.Uint32())
		}
	}
	return s
}

// floats returns n values of a normal distribution.
func floats(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

func TestMul(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	eachPath(t, func(t *testing.T, p, twin *Path) {
		for _, shape := range [][2]int{{16, 64}, {384, 384}, {48, 128}, {64, 192}, {5, 7}, {16, 65}, {20, 64}} {
			in, out := shape[0], shape[1]
			for _, rows := range []int{0, 1, 2, 3, 4, 5, 6, 7, 11, 13, 21, callRows + 3} {
				for _, fill := range []struct{ a, w, limit int }{{256, 128, 64}, {255, 64, 64}, {255, -64, 64}, {256, 128, 128}, {255, -128, 128}, {0, 0, 64}} {
					if rows*in*out > 1<<22 && fill.limit != 64 {
						continue
					}
					w := signed(r, in*out, fill.w)
					if fill.limit == 64 {
						for i := range w {
							w[i] = max(-64, min(64, w[i]))
						}
					}
					scale, bias := floats(r, out), floats(r, out)
					x := &Bytes{Data: unsigned(r, rows*in, fill.a), Scale: 0.037, Zero: uint8(r.Uint32())}
					got, want := make([]float32, rows*out), make([]float32, rows*out)
					p.Pack(in, out, w, scale, bias).Mul(got, []Bytes{*x})
					twin.Pack(in, out, w, scale, bias).Mul(want, []Bytes{*x})
					for i := range want {
						if got[i] != want[i] {
							t.Fatalf("%dx%dx%d %+v: value %d is %v, portable %v", rows, in, out, fill, i, got[i], want[i])
						}
					}
				}
			}
		}
	})
}

func BenchmarkMul(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range Paths() {
		for _, rows := range []int{21, 188, 512} {
			for _, shape := range [][2]int{{384, 1152}, {384, 384}, {384, 1536}, {1536, 384}} {
				in, out := shape[0], shape[1]
				if p.Name == "portable" && (rows != 21 || out != 384) {
					continue
				}
				m := p.Pack(in, out, make([]int8, in*out), floats(r, out), floats(r, out))
				x := &Bytes{Data: unsigned(r, rows*in, 256), Scale: 1}
				dst := make([]float32, rows*out)
				b.Run(fmt.Sprintf("%s/%dx%dx%d", p.Name, rows, in, out), func(b *testing.B) {
					for b.Loop() {
						m.Mul(dst, []Bytes{*x})
					}
					b.ReportMetric(float64(rows*in*out)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
				})
			}
		}
	}
}
