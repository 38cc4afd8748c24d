//go:build amd64 || arm64

package vec

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

func boundsBy32(kernel func(x *float32, n int) (low, high float32)) func([]float32) (low, high float32) {
	return func(x []float32) (low, high float32) {
		whole := len(x) &^ 31
		if whole == 0 {
			return boundsPortable(x)
		}
		low, high = kernel(&x[0], whole)
		if whole < len(x) {
			l, h := boundsPortable(x[whole:])
			low, high = min(low, l), max(high, h)
		}
		return low, high
	}
}

func quantizeBy32(kernel func(dst *uint8, x *float32, rows, n, stride int, scale float32, zero int32)) func([]uint8, []float32, int, int, float32, uint8) {
	return func(dst []uint8, x []float32, n, stride int, scale float32, zero uint8) {
		rows, whole := len(x)/n, n
		if rows == 1 {
			whole = n &^ 31
		} else if n%32 != 0 {
			whole = 0
		}
		if whole > 0 {
			_ = dst[(rows-1)*stride+whole-1]
			kernel(&dst[0], &x[0], rows, whole, stride, scale, int32(zero))
		}
		if whole < n {
			quantizePortable(dst[whole:], x[whole:], n-whole, stride, scale, zero)
		}
	}
}

func geluBy8(kernel func(x *float32, n int)) func([]float32) {
	return func(x []float32) {
		whole := len(x) &^ 7
		if whole > 0 {
			kernel(&x[0], whole)
		}
		geluPortable(x[whole:])
	}
}

func normBy16(kernel func(dst, x, y, gain, bias *float32, rows, n int, epsilon float32)) func(dst, x, y, gain, bias []float32, epsilon float32) {
	return func(dst, x, y, gain, bias []float32, epsilon float32) {
		n := len(gain)
		if n%16 != 0 {
			normPortable(dst, x, y, gain, bias, epsilon)
			return
		}
		kernel(&dst[0], &x[0], &y[0], &gain[0], &bias[0], len(dst)/n, n, epsilon)
	}
}

func transposeBy(kernel func(dst, src *float32, rows, columns, dstStride, srcStride int)) func([]float32, int, []float32, int, int, int) {
	return func(dst []float32, dstStride int, src []float32, srcStride, rows, columns int) {
		kernel(&dst[0], &src[0], rows, columns, dstStride*4, srcStride*4)
	}
}

func softmaxBy(kernel func(x *float32, rows, n, stride int)) func([]float32, int, int) {
	return func(x []float32, n, stride int) { kernel(&x[0], len(x)/stride, n, stride) }
}
