package vec

import "golang.org/x/sys/cpu"

// native returns the paths in assembly that this processor can take, the fastest first.
func native() []*Path {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	avx2 := Path{
		Name:         "avx2",
		dots:         dotsBy(dotsAVX2, 16),
		product:      productAVX2,
		bounds:       boundsBy32,
		quantize:     quantizeBy32,
		gelu:         geluBy8,
		norm:         normBy16,
		transpose:    transposeAll,
		multiply:     multiplyAVX2,
		softmax:      softmaxBy(softmaxAVX2),
		smallWeights: true,
	}
	if !cpu.X86.HasAVX512F || !cpu.X86.HasAVX512BW || !cpu.X86.HasAVX512DQ || !cpu.X86.HasAVX512VL || !cpu.X86.HasAVX512VNNI {
		return []*Path{&avx2}
	}
	vnni := avx2
	vnni.Name, vnni.smallWeights = "vnni", false
	vnni.dots, vnni.product = dotsBy(dotsVNNI, 64), productVNNI
	vnni.multiply, vnni.softmax = multiplyVNNI, softmaxBy(softmaxVNNI)
	return []*Path{&vnni, &avx2}
}

// dotsBy adds to a kernel that takes whole steps of the vectors what is left over.
func dotsBy(kernel func(scores *int32, query, rows *int8, n, stride, d int), step int) func([]int32, []int8, []int8) {
	return func(scores []int32, query []int8, rows []int8) {
		d := len(query)
		whole := d - d%step
		if whole == 0 {
			dotsPortable(scores, query, rows)
			return
		}
		kernel(&scores[0], &query[0], &rows[0], len(scores), d, whole)
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
}

// dotsVNNI sets scores[i] for n > 0 rows that start stride bytes apart; it reads
// d bytes of each, a multiple of 64 above 0.
//
//go:noescape
func dotsVNNI(scores *int32, query, rows *int8, n, stride, d int)

// dotsAVX2 is the same for d a multiple of 16.
//
//go:noescape
func dotsAVX2(scores *int32, query, rows *int8, n, stride, d int)

// productVNNI runs one call of a product.
//
//go:noescape
func productVNNI(p product)

// productAVX2 is the same for weights of -64 to 64.
//
//go:noescape
func productAVX2(p product)

func boundsBy32(x []float32) (low, high float32) {
	whole := len(x) &^ 31
	if whole == 0 {
		return boundsPortable(x)
	}
	low, high = boundsAVX2(&x[0], whole)
	if whole < len(x) {
		l, h := boundsPortable(x[whole:])
		low, high = min(low, l), max(high, h)
	}
	return low, high
}

// boundsAVX2 returns the least and greatest of n values, a multiple of 32 above 0.
//
//go:noescape
func boundsAVX2(x *float32, n int) (low, high float32)

func quantizeBy32(dst []uint8, x []float32, n, stride int, scale float32, zero uint8) {
	rows := len(x) / n
	if rows == 1 {
		whole := n &^ 31
		if whole > 0 {
			quantizeAVX2(&dst[0], &x[0], 1, whole, stride, scale, int32(zero))
		}
		if whole < n {
			quantizePortable(dst[whole:], x[whole:], n-whole, stride, scale, zero)
		}
		return
	}
	if n%32 != 0 {
		quantizePortable(dst, x, n, stride, scale, zero)
		return
	}
	_ = dst[(rows-1)*stride+n-1]
	quantizeAVX2(&dst[0], &x[0], rows, n, stride, scale, int32(zero))
}

// quantizeAVX2 quantizes rows of n values, a multiple of 32, both above 0.
//
//go:noescape
func quantizeAVX2(dst *uint8, x *float32, rows, n, stride int, scale float32, zero int32)

func geluBy8(x []float32) {
	whole := len(x) &^ 7
	if whole > 0 {
		geluAVX2(&x[0], whole)
	}
	geluPortable(x[whole:])
}

// geluAVX2 takes n values, a multiple of 8 above 0.
//
//go:noescape
func geluAVX2(x *float32, n int)

func normBy16(dst, x, y, gain, bias []float32, epsilon float32) {
	n := len(gain)
	if n%16 != 0 {
		normPortable(dst, x, y, gain, bias, epsilon)
		return
	}
	normAVX2(&dst[0], &x[0], &y[0], &gain[0], &bias[0], len(dst)/n, n, epsilon)
}

// normAVX2 takes rows > 0 of n values, a multiple of 16 above 0.
//
//go:noescape
func normAVX2(dst, x, y, gain, bias *float32, rows, n int, epsilon float32)

func transposeAll(dst []float32, dstStride int, src []float32, srcStride, rows, columns int) {
	transposeAVX2(&dst[0], &src[0], rows, columns, dstStride*4, srcStride*4)
}

// transposeAVX2 takes rows and columns in eights above 0; strides are in bytes.
//
//go:noescape
func transposeAVX2(dst, src *float32, rows, columns, dstStride, srcStride int)

// multiplyVNNI and multiplyAVX2 run one call of Multiply.
//
//go:noescape
func multiplyVNNI(p multiply)

//go:noescape
func multiplyAVX2(p multiply)

func softmaxBy(kernel func(x *float32, rows, n, stride int)) func([]float32, int, int) {
	return func(x []float32, n, stride int) { kernel(&x[0], len(x)/stride, n, stride) }
}

// softmaxVNNI and softmaxAVX2 take rows > 0 of n > 0 values, stride apart.
//
//go:noescape
func softmaxVNNI(x *float32, rows, n, stride int)

//go:noescape
func softmaxAVX2(x *float32, rows, n, stride int)
