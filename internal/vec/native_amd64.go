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
		bounds:       boundsBy32(boundsAVX2),
		quantize:     quantizeBy32(quantizeAVX2),
		gelu:         geluBy8(geluAVX2),
		norm:         normBy16(normAVX2),
		transpose:    transposeBy(transposeAVX2),
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

// boundsAVX2 returns the least and greatest of n values, a multiple of 32 above 0.
//
//go:noescape
func boundsAVX2(x *float32, n int) (low, high float32)

// quantizeAVX2 quantizes rows of n values, a multiple of 32, both above 0.
//
//go:noescape
func quantizeAVX2(dst *uint8, x *float32, rows, n, stride int, scale float32, zero int32)

// geluAVX2 takes n values, a multiple of 8 above 0.
//
//go:noescape
func geluAVX2(x *float32, n int)

// normAVX2 takes rows > 0 of n values, a multiple of 16 above 0.
//
//go:noescape
func normAVX2(dst, x, y, gain, bias *float32, rows, n int, epsilon float32)

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

// softmaxVNNI and softmaxAVX2 take rows > 0 of n > 0 values, stride apart.
//
//go:noescape
func softmaxVNNI(x *float32, rows, n, stride int)

//go:noescape
func softmaxAVX2(x *float32, rows, n, stride int)
