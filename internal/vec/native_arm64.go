package vec

import "golang.org/x/sys/cpu"

// native returns the paths in assembly that this processor can take, the fastest first.
func native() []*Path {
	if !cpu.ARM64.HasASIMDDP {
		return nil
	}
	return []*Path{{
		Name:      "neon",
		dots:      dotsBy(dotsNEON, 32),
		product:   productNEON,
		bounds:    boundsBy32(boundsNEON),
		quantize:  quantizeBy32(quantizeNEON),
		gelu:      geluBy8(geluNEON),
		norm:      normBy16(normNEON),
		transpose: transposeBy(transposeNEON),
		multiply:  multiplyNEON,
		softmax:   softmaxBy(softmaxNEON),
	}}
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

// boundsNEON returns the least and greatest of n values, a multiple of 16 above 0.
//
//go:noescape
func boundsNEON(x *float32, n int) (low, high float32)

// quantizeNEON quantizes rows of n values, a multiple of 16, both above 0.
//
//go:noescape
func quantizeNEON(dst *uint8, x *float32, rows, n, stride int, scale float32, zero int32)

// geluNEON takes n values, a multiple of 4 above 0.
//
//go:noescape
func geluNEON(x *float32, n int)

// normNEON takes rows > 0 of n values, a multiple of 16 above 0.
//
//go:noescape
func normNEON(dst, x, y, gain, bias *float32, rows, n int, epsilon float32)

// transposeNEON takes rows and columns in fours above 0; strides are in bytes.
//
//go:noescape
func transposeNEON(dst, src *float32, rows, columns, dstStride, srcStride int)

// multiplyNEON runs one call of Multiply.
//
//go:noescape
func multiplyNEON(p multiply)

// softmaxNEON takes rows > 0 of n > 0 values, stride apart.
//
//go:noescape
func softmaxNEON(x *float32, rows, n, stride int)
