package vec

import (
	"math/rand/v2"
	"syscall"
	"testing"
	"unsafe"
)

// edge returns a copy of s that ends where memory ends: one step further is a fault.
func edge[T any](t *testing.T, s []T) []T {
	t.Helper()
	if len(s) == 0 {
		return s
	}
	size, page := len(s)*int(unsafe.Sizeof(s[0])), syscall.Getpagesize()
	end := (size + page - 1) / page * page
	memory, err := syscall.Mmap(-1, 0, end+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(memory) })
	if err := syscall.Mprotect(memory[end:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	copied := unsafe.Slice((*T)(unsafe.Pointer(&memory[end-size])), len(s))
	copy(copied, s)
	return copied
}

// No kernel touches anything behind what it is given. A fault ends the test binary.
func TestEdges(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	eachPath(t, func(t *testing.T, p, _ *Path) {
		for rows := 1; rows < 14; rows++ {
			for _, d := range []int{1, 15, 16, 31, 32, 33, 64, 100} {
				p.Dots(edge(t, make([]int32, rows)), edge(t, signed(r, d, 1)), edge(t, signed(r, rows*d, 1)))
			}
			m := p.Pack(32, 128, signed(r, 32*128, 1), floats(r, 128), floats(r, 128))
			m.data, m.sums, m.scale, m.bias = edge(t, m.data), edge(t, m.sums), edge(t, m.scale), edge(t, m.bias)
			x := []Bytes{{Data: edge(t, unsigned(r, rows*32, 256)), Scale: 1}}
			m.Mul(edge(t, make([]float32, rows*128)), x)
			m.MulGelu([]Bytes{{Data: edge(t, make([]uint8, rows*128))}}, x, edge(t, make([]float32, rows*128)))
			for _, n := range []int{1, 16, 32, 48} {
				v := edge(t, floats(r, rows*n))
				p.Norm(edge(t, v), v, edge(t, v), edge(t, floats(r, n)), edge(t, floats(r, n)), 1)
			}
		}
		for n := 1; n < 70; n++ {
			v := edge(t, floats(r, n))
			p.Quantize(&Bytes{Data: edge(t, make([]uint8, n))}, v)
			p.Gelu(v)
			stride := (n + 15) / 16 * 16
			p.Softmax(edge(t, floats(r, 3*stride)), n, stride)
		}
		for _, shape := range [][2]int{{1, 32}, {3, 32}, {4, 64}, {33, 96}} {
			inner, columns := shape[0], shape[1]
			p.Multiply(edge(t, make([]float32, Block*columns)), columns, edge(t, floats(r, Block*inner)), inner, edge(t, floats(r, inner*columns)), columns, inner, columns, 1)
			p.Transpose(edge(t, make([]float32, 8*columns)), 8, edge(t, floats(r, 8*columns)), columns, 8, columns)
		}
	})
}
