package vec

// Block is the number of rows that [Path.Multiply] computes at once: few enough that
// the scores of attention stay in the first cache.
const Block = 12

// Transpose sets dst[c*dstStride+r] = src[r*srcStride+c] for r < rows and
// c < columns, which are multiples of 8.
func (p *Path) Transpose(dst []float32, dstStride int, src []float32, srcStride, rows, columns int) {
	if rows == 0 || columns == 0 {
		return
	}
	if rows%8 != 0 || columns%8 != 0 || rows > dstStride || columns > srcStride {
		panic("vec: Transpose needs multiples of 8 that fit the strides")
	}
	_, _ = dst[(columns-1)*dstStride+rows-1], src[(rows-1)*srcStride+columns-1]
	p.transpose(dst, dstStride, src, srcStride, rows, columns)
}

// Multiply sets c to by * a·b for [Block] rows of a, inner values each, and b of
// inner x columns; columns is a multiple of 32, and rows start their stride apart:
//
//	c[r*cStride+o] = by * Σ_k a[r*aStride+k] * b[k*bStride+o], k < inner
//
// The paths agree within by times 1e-6 of Σ|a·b|.
func (p *Path) Multiply(c []float32, cStride int, a []float32, aStride int, b []float32, bStride, inner, columns int, by float32) {
	if inner < 1 || columns < 1 || columns%32 != 0 || columns > cStride || inner > aStride || columns > bStride {
		panic("vec: Multiply needs columns in 32s and rows that fit the strides")
	}
	_, _, _ = c[(Block-1)*cStride+columns-1], a[(Block-1)*aStride+inner-1], b[(inner-1)*bStride+columns-1]
	p.multiply(multiply{
		c: c, a: a, b: b, inner: inner, columns: columns,
		cStride: cStride * 4, aStride: aStride * 4, bStride: bStride * 4, by: by,
	})
}

// multiply is one call of a kernel. The assembly knows the offsets of its fields.
type multiply struct {
	c, a, b                   []float32
	inner, columns            int
	cStride, aStride, bStride int // in bytes
	by                        float32
}

// Softmax sets the first n values v of each row of x to 2^v divided by the sum of
// the row's 2^v. Rows start stride values apart; what they hold from n up to the next
// multiple of 16 is lost. The paths agree within 1e-5 of each value and 1e-30.
func (p *Path) Softmax(x []float32, n, stride int) {
	if n < 1 || (n+15)/16*16 > stride || len(x)%stride != 0 {
		panic("vec: Softmax needs whole rows with room for a multiple of 16")
	}
	for step := max(1, callFloats/stride) * stride; len(x) > 0; {
		m := min(step, len(x))
		p.softmax(x[:m], n, stride)
		x = x[m:]
	}
}
