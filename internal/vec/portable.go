package vec

import "math"

// portable is plain Go. It defines what every other path must give.
func portable() *Path {
	return &Path{
		Name:      "portable",
		dots:      dotsPortable,
		bounds:    boundsPortable,
		quantize:  quantizePortable,
		gelu:      geluPortable,
		norm:      normPortable,
		transpose: transposePortable,
		multiply:  multiplyPortable,
		softmax:   softmaxPortable,
	}
}

func dotsPortable(scores []int32, query []int8, rows []int8) {
	d := len(query)
	for i := range scores {
		row := rows[i*d : (i+1)*d]
		var sum int32
		for k, q := range query {
			sum += int32(q) * int32(row[k])
		}
		scores[i] = sum
	}
}

func (m *Matrix) mulPortable(dst []float32, x *Bytes) {
	zero := int32(x.Zero)
	for r := range len(x.Data) / m.In {
		row := x.Data[r*m.In : (r+1)*m.In]
		for o := range m.Out {
			sum := -zero * m.sums[o]
			for i, a := range row {
				sum += int32(a) * int32(m.data[m.at(i, o)])
			}
			// Without the conversions some processors would fuse the two.
			by := float32(x.Scale * m.scale[o])
			dst[r*m.Out+o] = float32(float32(sum)*by) + m.bias[o]
		}
	}
}

func boundsPortable(x []float32) (low, high float32) {
	low, high = x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

func quantizePortable(dst []uint8, x []float32, n, stride int, scale float32, zero uint8) {
	for r := 0; r*n < len(x); r++ {
		for i, v := range x[r*n : (r+1)*n] {
			dst[r*stride+i] = uint8(max(0, min(255, math.RoundToEven(float64(v/scale))+float64(zero))))
		}
	}
}

func geluPortable(x []float32) {
	for i, v := range x {
		x[i] = float32(float64(v) / 2 * (1 + math.Erf(float64(v)/math.Sqrt2)))
	}
}

func normPortable(dst, x, y, gain, bias []float32, epsilon float32) {
	n := len(gain)
	for r := 0; r < len(dst); r += n {
		row := dst[r : r+n]
		var sum, squares float64
		for i := range row {
			row[i] = x[r+i] + y[r+i]
			sum += float64(row[i])
		}
		mean := sum / float64(n)
		for _, v := range row {
			squares += (float64(v) - mean) * (float64(v) - mean)
		}
		by := 1 / math.Sqrt(squares/float64(n)+float64(epsilon))
		for i, v := range row {
			row[i] = float32((float64(v)-mean)*by)*gain[i] + bias[i]
		}
	}
}

func transposePortable(dst []float32, dstStride int, src []float32, srcStride, rows, columns int) {
	for r := range rows {
		for c := range columns {
			dst[c*dstStride+r] = src[r*srcStride+c]
		}
	}
}

func multiplyPortable(p multiply) {
	for r := range Block {
		row := p.c[r*p.cStride/4:][:p.columns]
		clear(row)
		for k, a := range p.a[r*p.aStride/4:][:p.inner] {
			for o, b := range p.b[k*p.bStride/4:][:p.columns] {
				row[o] += a * b
			}
		}
		for o := range row {
			row[o] *= p.by
		}
	}
}

func softmaxPortable(x []float32, n, stride int) {
	for r := 0; r < len(x); r += stride {
		row := x[r : r+n]
		_, high := boundsPortable(row)
		var sum float64
		for _, v := range row {
			sum += math.Exp2(float64(v - high))
		}
		for i, v := range row {
			row[i] = float32(math.Exp2(float64(v-high)) / sum)
		}
	}
}
