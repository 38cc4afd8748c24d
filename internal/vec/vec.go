// Package vec multiplies int8 vectors and matrices, for the encoder and the
// vector scan: assembly chosen at run time, and a portable twin that gives the
// same results everywhere.
package vec

// callBytes bounds what one call into assembly reads: assembly cannot be
// preempted, and 2 MB take less than a millisecond everywhere.
const callBytes = 2 << 20

// Dots sets scores[i] to the inner product of query and row i. The rows lie one
// after the other: row i is rows[i*d:(i+1)*d] with d = len(query). All 256 values
// of an int8 are allowed and the result is exact for d up to 131,071. Any d is
// right; multiples of 64 are fast: 100,000 rows of 384 take about 2 ms on one
// core. It allocates nothing, and other goroutines get their turn at least every
// millisecond, so the whole index may be passed at once or any run of its rows.
//
// It panics unless len(rows) = len(scores) * len(query).
func Dots(scores []int32, query []int8, rows []int8) { best.Dots(scores, query, rows) }

// Dots is [Dots] by this path.
func (p *Path) Dots(scores []int32, query []int8, rows []int8) {
	d := len(query)
	if len(rows) != len(scores)*d {
		panic("vec: Dots needs len(rows) = len(scores) * len(query)")
	}
	if d == 0 {
		clear(scores)
		return
	}
	step := max(1, callBytes/d)
	for len(scores) > 0 {
		n := min(step, len(scores))
		p.dots(scores[:n], query, rows[:n*d])
		scores, rows = scores[n:], rows[n*d:]
	}
}

// Path is one way to compute what this package offers: the instructions of one
// family of processors, or plain Go. Integer results are the same on all paths.
type Path struct {
	// Name is "vnni", "avx2", "neon" or "portable".
	Name string

	// The kernels. They get at least one value; the callers above bound how many.
	dots      func(scores []int32, query []int8, rows []int8)
	product   func(product) // nil: always in plain Go
	bounds    func(x []float32) (low, high float32)
	quantize  func(dst []uint8, x []float32, n, stride int, scale float32, zero uint8) // rows of n, stride apart in dst
	gelu      func(x []float32)
	norm      func(dst, x, y, gain, bias []float32, epsilon float32)
	transpose func(dst []float32, dstStride int, src []float32, srcStride, rows, columns int)
	multiply  func(multiply)
	softmax   func(x []float32, n, stride int)

	// smallWeights says that product takes weights of -64 to 64 only.
	smallWeights bool
}

// best is what this processor does fastest. It never changes.
var best = Best()

// Best returns the fastest path of this processor.
func Best() *Path { return Paths()[0] }

// Paths returns every path that this processor can take, the fastest first. The
// last is always "portable".
func Paths() []*Path { return append(native(), portable()) }
