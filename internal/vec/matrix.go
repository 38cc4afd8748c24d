package vec

import (
	"math"
)

// Bytes is a block of activations in 8 bits, by rows of equal length:
// value = (Data - Zero) * Scale.
type Bytes struct {
	Data  []uint8
	Scale float32
	Zero  uint8
}

// Quantize sets q to x as the operator DynamicQuantizeLinear of ONNX does, with
// one scale for all of x: the range is widened to hold 0, its 255 steps are
// (max-min)/255 wide, values are divided by that, rounded half to even, and
// saturate. All zeros have scale 1 here, which gives the same products. q.Data
// must be as long as x; values that are not finite give undefined bytes.
func (p *Path) Quantize(q *Bytes, x []float32) {
	if len(q.Data) != len(x) {
		panic("vec: Quantize needs as many bytes as values")
	}
	q.steps(p.range0(x))
	for data := q.Data; len(x) > 0; {
		n := min(callFloats, len(x))
		p.quantize(data[:n], x[:n], n, n, q.Scale, q.Zero)
		data, x = data[n:], x[n:]
	}
}

// range0 returns the least and greatest of x and 0.
func (p *Path) range0(x []float32) (low, high float32) {
	for len(x) > 0 {
		n := min(callFloats, len(x))
		l, h := p.bounds(x[:n])
		low, high, x = min(low, l), max(high, h), x[n:]
	}
	return low, high
}

// steps divides a range that holds 0.
func (q *Bytes) steps(low, high float32) {
	q.Scale = (high - low) / 255
	if q.Scale == 0 {
		q.Scale = 1
	}
	q.Zero = uint8(max(0, min(255, math.RoundToEven(float64(-low/q.Scale)))))
}

const (
	callFloats = 1 << 16 // values that one call into assembly takes
	callRows   = 252     // rows of a product that one call takes, a multiple of all tiles
	panel      = 64      // columns of a product that one call takes
	group      = 16      // columns that lie together in packed weights
)

// Matrix maps rows of In values in 8 bits to rows of Out float32, packed for one path.
type Matrix struct {
	In, Out int

	path *Path
	// data holds the weights by groups of 16 columns; a group by steps of 4
	// along In; a step by columns, 4 weights each. Filled up with zeros.
	data  []int8
	steps int       // of 4 along In
	sums  []int32   // of the weights of each column, filled up to whole panels
	scale []float32 // the same
	bias  []float32 // the same
	plain bool      // the kernel of the path cannot take it
}

// Pack prepares the matrix W[i][o] = data[i*out+o] * scale[o], i < in, o < out,
// to which bias[o] is added. Every path takes weights of -64 to 64; where some
// are larger, the path "avx2" falls back to plain Go. So does every path where in
// is not a multiple of 16 or out none of 64.
func (p *Path) Pack(in, out int, data []int8, scale, bias []float32) *Matrix {
	if len(data) != in*out || len(scale) != out || len(bias) != out {
		panic("vec: Pack needs in*out weights, out scales and out biases")
	}
	full, steps := (out+panel-1)/panel*panel, (in+3)/4
	m := &Matrix{
		In: in, Out: out, path: p, steps: steps,
		data: make([]int8, full*steps*4), sums: make([]int32, full),
		scale: make([]float32, full), bias: make([]float32, full),
	}
	copy(m.scale, scale)
	copy(m.bias, bias)
	large := false
	for first := 0; first < out; first += group {
		columns := min(group, out-first)
		sums := m.sums[first : first+columns]
		for i := 0; i < in; i++ {
			packed := m.data[m.at(i, first):]
			for c, w := range data[i*out+first : i*out+first+columns] {
				packed[4*c] = w
				sums[c] += int32(w)
				large = large || w < -64 || w > 64
			}
		}
	}
	m.plain = p.product == nil || in%16 != 0 || out%panel != 0 || large && p.smallWeights
	return m
}

// at is the place of a weight in the packed data.
func (m *Matrix) at(i, o int) int {
	return (o/group*m.steps+i/4)*group*4 + o%group*4 + i%4
}

// Mul sets dst, rows of Out, to x·W + bias for the rows of In in x, block after
// block; each block has its own scale and zero:
//
//	dst[r][o] = float32(Σ_i (x[r][i] - zero) * w[i][o]) * (x.Scale * scale[o]) + bias[o]
//
// with the sum in exact integers and each float operation rounded once, so all
// paths give the same bits. In is at most 65,536. Weights are fetched once for all
// blocks, which counts while blocks are small.
func (m *Matrix) Mul(dst []float32, x []Bytes) {
	rows := m.rows(x)
	if len(dst) != rows*m.Out {
		panic("vec: Mul needs as many rows of Out values as x has rows")
	}
	if m.plain {
		for i := range x {
			size := len(x[i].Data) / m.In * m.Out
			m.mulPortable(dst[:size], &x[i])
			dst = dst[size:]
		}
		return
	}
	for o := 0; o < m.Out && rows > 0; o += panel {
		m.mulPanel(dst[o:], m.Out, x, o)
	}
}

// rows counts the rows of all blocks.
func (m *Matrix) rows(x []Bytes) (rows int) {
	for i := range x {
		if len(x[i].Data)%m.In != 0 {
			panic("vec: a product needs whole rows of In bytes")
		}
		rows += len(x[i].Data) / m.In
	}
	return rows
}

// mulPanel computes the 64 columns from o on into rows that start stride values apart.
func (m *Matrix) mulPanel(dst []float32, stride int, x []Bytes, o int) {
	at := 0
	for i := range x {
		rows := len(x[i].Data) / m.In
		for first := 0; first < rows; first += callRows {
			n := min(callRows, rows-first)
			_ = dst[at+(n-1)*stride+panel-1]
			m.path.product(product{
				dst: &dst[at], a: &x[i].Data[first*m.In], w: &m.data[o*m.In],
				sums: &m.sums[o], scale: &m.scale[o], bias: &m.bias[o],
				rows: n, in: m.In, stride: stride * 4, zero: -int32(x[i].Zero), by: x[i].Scale,
			})
			at += n * stride
		}
	}
}

// Together is the largest number of blocks that [Matrix.MulGelu] takes.
const Together = 16

// MulGelu sets the blocks of q, rows of Out bytes, to what [Matrix.Mul], [Path.Gelu]
// and [Path.Quantize] would make of the blocks of x one after the other, with the
// same bits. The large values between them are touched while they are still in a
// near cache; buffer has room for them. There are at most [Together] blocks.
func (m *Matrix) MulGelu(q, x []Bytes, buffer []float32) {
	rows := m.rows(x)
	if len(q) != len(x) || len(x) > Together || len(buffer) != rows*m.Out {
		panic("vec: MulGelu needs as many blocks, at most 16, and as many values as it makes bytes")
	}
	for i := range q {
		if len(q[i].Data)*m.In != len(x[i].Data)*m.Out {
			panic("vec: MulGelu needs as many rows of Out bytes as there are of In")
		}
	}
	if m.plain {
		m.Mul(buffer, x)
		for i := range q {
			size := len(q[i].Data)
			m.path.Gelu(buffer[:size])
			m.path.Quantize(&q[i], buffer[:size])
			buffer = buffer[size:]
		}
		return
	}
	// The buffer holds one panel of all rows after the other.
	var low, high [Together]float32
	for o := 0; o < m.Out && rows > 0; o += panel {
		part := buffer[o*rows : (o+panel)*rows]
		m.mulPanel(part, panel, x, o)
		m.path.Gelu(part)
		for i := range q {
			size := len(q[i].Data) / m.Out * panel
			l, h := m.path.range0(part[:size])
			low[i], high[i], part = min(low[i], l), max(high[i], h), part[size:]
		}
	}
	before := 0
	for i := range q {
		q[i].steps(low[i], high[i])
		n := len(q[i].Data) / m.Out
		for o := 0; o < m.Out; o += panel {
			for first := 0; first < n; first += callFloats / panel {
				some := min(callFloats/panel, n-first)
				from := buffer[o*rows+(before+first)*panel:][:some*panel]
				m.path.quantize(q[i].Data[first*m.Out+o:], from, panel, m.Out, q[i].Scale, q[i].Zero)
			}
		}
		before += n
	}
}

// product is one call of a kernel: rows > 0 times one panel of 64 columns.
// The assembly knows the offsets of its fields.
type product struct {
	dst    *float32
	a      *uint8 // rows of in
	w      *int8  // 4 groups of 16 columns
	sums   *int32
	scale  *float32
	bias   *float32
	rows   int
	in     int // a multiple of 16
	stride int // bytes from row to row of dst
	zero   int32
	by     float32
}
