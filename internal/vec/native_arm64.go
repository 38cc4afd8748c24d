package vec

import "golang.org/x/sys/cpu"

// native returns the paths in assembly that this processor can take, the fastest first.
func native() []*Path {
	if !cpu.ARM64.HasASIMDDP {
		return nil
	}
	return []*Path{{
		Name:      "neon",
		dots:      dotsBy32,
		product:   productNEON,
		bounds:    boundsBy16,
		quantize:  quantizeBy16,
		gelu:      geluBy4,
		norm:      normBy16,
		transpose: transposeAll,
		multiply:  multiplyNEON,
		softmax:   softmaxAll,
	}}
}

func dotsBy32(scores []int32, query []int8, rows []int8) {
	d := len(query)
	whole := d &^ 31
	if whole == 0 {
		dotsPortable(scores, query, rows)
		return
	}
	dotsNEON(&scores[0], &query[0], &rows[0], len(scores), d, whole)
	if whole == d {
		return
	}
	for i := range scores {
		row := rows[i*d : (i+1)*d]
		for k := whole; k < d; k++ {
			scores[i] += int32(query[k]) * int32(row[k])
		}
	}
}

// dotsNEON sets scores[i] for n > 0 rows that start stride bytes apart; it reads
// d bytes of each, a multiple of 32 above 0.
//
//go:noescape
func dotsNEON(scores *int32, query, rows *int8, n, stride, d int)

// productNEON runs one call of a product.
//
//go:noescape
func productNEON(p product)

func boundsBy16(x []float32) (low, high float32) {
	whole := len(x) &^ 15
	if whole == 0 {
		return boundsPortable(x)
	}
	low, high = boundsNEON(&x[0], whole)
	if whole < len(x) {
		l, h := boundsPortable(x[whole:])
		low, high = min(low, l), max(high, h)
	}
	return low, high
}

// boundsNEON returns the least and greatest of n values, a multiple of 16 above 0.
//
//go:noescape
func boundsNEON(x *float32, n int) (low, high float32)

func quantizeBy16(dst []uint8, x []float32, n, stride int, scale float32, zero uint8) {
	rows := len(x) / n
	whole := n
	if rows == 1 {
		whole &^= 15
	} else if n%16 != 0 {
		whole = 0
	}
	if whole > 0 {
		_ = dst[(rows-1)*stride+whole-1]
		quantizeNEON(&dst[0], &x[0], rows, whole, stride, scale, int32(zero))
	}
	if whole < n {
		quantizePortable(dst[whole:], x[whole:], n-whole, stride, scale, zero)
	}
}

// quantizeNEON quantizes rows of n values, a multiple of 16, both above 0.
//
//go:noescape
func quantizeNEON(dst *uint8, x *float32, rows, n, stride int, scale float32, zero int32)

func geluBy4(x []float32) {
	whole := len(x) &^ 3
	if whole > 0 {
		geluNEON(&x[0], whole)
	}
	geluPortable(x[whole:])
}

// geluNEON takes n values, a multiple of 4 above 0.
//
//go:noescape
func geluNEON(x *float32, n int)

func normBy16(dst, x, y, gain, bias []float32, epsilon float32) {
	n := len(gain)
	if n%16 != 0 {
		normPortable(dst, x, y, gain, bias, epsilon)
		return
	}
	normNEON(&dst[0], &x[0], &y[0], &gain[0], &bias[0], len(dst)/n, n, epsilon)
}

// normNEON takes rows > 0 of n values, a multiple of 16 above 0.
//
//go:noescape
func normNEON(dst, x, y, gain, bias *float32, rows, n int, epsilon float32)

func transposeAll(dst []float32, dstStride int, src []float32, srcStride, rows, columns int) {
	transposeNEON(&dst[0], &src[0], rows, columns, dstStride*4, srcStride*4)
}

// transposeNEON takes rows and columns in fours above 0; strides are in bytes.
//
//go:noescape
func transposeNEON(dst, src *float32, rows, columns, dstStride, srcStride int)

// multiplyNEON runs one call of Multiply.
//
//go:noescape
func multiplyNEON(p multiply)

func softmaxAll(x []float32, n, stride int) { softmaxNEON(&x[0], len(x)/stride, n, stride) }

// softmaxNEON takes rows > 0 of n > 0 values, stride apart.
//
//go:noescape
func softmaxNEON(x *float32, rows, n, stride int)
