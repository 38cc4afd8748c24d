package encoder

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// tensor is one named array of a model's file; data aliases the file.
type tensor struct {
	kind kind
	dims []int  // none for a single value
	data []byte // row-major, little-endian
}

// kind is the type of a tensor's values.
type kind int

const (
	kindOther kind = iota
	kindFloat32
	kindInt8
	kindUint8
)

func (k kind) bytes() int {
	switch k {
	case kindFloat32:
		return 4
	case kindInt8, kindUint8:
		return 1
	}
	return 0
}

// size is how many bytes a tensor of these dimensions has, or -1 where that is
// more than any file we read holds.
func (k kind) size(dims []int) int {
	const most = 1 << 31
	n := k.bytes()
	for _, d := range dims {
		if d < 0 || d > most || n*d > most {
			return -1
		}
		n *= d
	}
	return n
}

// Both readers bring their file into the names of BERT's own parameters; those
// in 8 bits are three tensors each.
const (
	quantised = "_quantized"
	scale     = "_scale"
	zeroPoint = "_zero_point"

	layerPrefix = "encoder.layer."
)

// matrices and norms of a layer, by the names they have in a file.
func (l *Layer) matrices() map[string]*Matrix {
	return map[string]*Matrix{
		"attention.self.query":   &l.Query,
		"attention.self.key":     &l.Key,
		"attention.self.value":   &l.Value,
		"attention.output.dense": &l.Output,
		"intermediate.dense":     &l.Up,
		"output.dense":           &l.Down,
	}
}

func (l *Layer) norms() map[string]*Norm {
	return map[string]*Norm{
		"attention.output.LayerNorm": &l.OutputNorm,
		"output.LayerNorm":           &l.DownNorm,
	}
}

func (w *Weights) tables() map[string]*Table {
	return map[string]*Table{
		"embeddings.word_embeddings":       &w.Words,
		"embeddings.position_embeddings":   &w.Positions,
		"embeddings.token_type_embeddings": &w.Types,
	}
}

// layers counts the layers that the names speak of.
func layers[V any](named map[string]V) (int, error) {
	n := 0
	for name := range named {
		rest, ok := strings.CutPrefix(name, layerPrefix)
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(rest, ".")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= 1000 {
			return 0, fmt.Errorf("tensor %.80q is of no layer", name)
		}
		n = max(n, i+1)
	}
	if n == 0 {
		return 0, fmt.Errorf("it has no layers of the BERT family")
	}
	return n, nil
}

// parameters makes Weights of the tensors of a file and checks that nothing is
// missing, of another shape or type than its neighbours ask for, out of range or
// not a number.
func parameters(tensors map[string]tensor, heads int, epsilon float32) (*Weights, error) {
	n, err := layers(tensors)
	if err != nil {
		return nil, err
	}
	w := &Weights{Heads: heads, Epsilon: epsilon, Layers: make([]Layer, n)}
	tables := w.tables()
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if *tables[name], err = readTable(tensors, name+".weight"); err != nil {
			return nil, err
		}
	}
	w.Hidden = w.Words.Columns
	if w.Positions.Columns != w.Hidden || w.Types.Columns != w.Hidden {
		return nil, fmt.Errorf("its embedding tables are %d, %d and %d wide", w.Hidden, w.Positions.Columns, w.Types.Columns)
	}
	if heads <= 0 || w.Hidden%heads != 0 {
		return nil, fmt.Errorf("%d heads do not share %d columns", heads, w.Hidden)
	}
	if !(epsilon > 0 && epsilon < 1) {
		return nil, fmt.Errorf("the epsilon of its norms is %v", epsilon)
	}
	if w.Norm, err = readNorm(tensors, "embeddings.LayerNorm", w.Hidden); err != nil {
		return nil, err
	}
	first := tensors[layerPrefix+"0.intermediate.dense.bias"]
	if len(first.dims) != 1 {
		return nil, fmt.Errorf("tensor %q is missing or no list", layerPrefix+"0.intermediate.dense.bias")
	}
	w.Inner = first.dims[0]
	for i := range w.Layers {
		prefix := layerPrefix + strconv.Itoa(i) + "."
		matrices := w.Layers[i].matrices()
		for _, name := range slices.Sorted(maps.Keys(matrices)) {
			in, out := w.Hidden, w.Hidden
			switch name {
			case "intermediate.dense":
				out = w.Inner
			case "output.dense":
				in = w.Inner
			}
			if *matrices[name], err = readMatrix(tensors, prefix+name, in, out); err != nil {
				return nil, err
			}
		}
		norms := w.Layers[i].norms()
		for _, name := range slices.Sorted(maps.Keys(norms)) {
			if *norms[name], err = readNorm(tensors, prefix+name, w.Hidden); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// find returns a tensor of the kind; of the dimensions too when any are given.
func find(tensors map[string]tensor, name string, k kind, dims ...int) (tensor, error) {
	t, ok := tensors[name]
	switch {
	case !ok:
		return t, fmt.Errorf("tensor %q is missing", name)
	case t.kind != k:
		return t, fmt.Errorf("tensor %q has values of the wrong type", name)
	case dims != nil && !slices.Equal(t.dims, dims):
		return t, fmt.Errorf("tensor %q has dimensions %v, not %v", name, t.dims, dims)
	case len(t.data) != k.size(t.dims):
		return t, fmt.Errorf("tensor %q has %d bytes for dimensions %v", name, len(t.data), t.dims)
	}
	return t, nil
}

func readTable(tensors map[string]tensor, name string) (Table, error) {
	t, err := find(tensors, name+quantised, kindUint8)
	if err != nil {
		return Table{}, err
	}
	if len(t.dims) != 2 || t.dims[0] == 0 || t.dims[1] == 0 {
		return Table{}, fmt.Errorf("tensor %q is no table: dimensions %v", name+quantised, t.dims)
	}
	s, err := readFloats(tensors, name+scale)
	if err != nil {
		return Table{}, err
	}
	zero, err := find(tensors, name+zeroPoint, kindUint8, []int{}...)
	if err != nil {
		return Table{}, err
	}
	if len(s) != 1 || len(zero.data) != 1 {
		return Table{}, fmt.Errorf("tensor %q has not one scale and one zero point", name+quantised)
	}
	return Table{Rows: t.dims[0], Columns: t.dims[1], Data: t.data, Scale: s[0], Zero: zero.data[0]}, nil
}

func readMatrix(tensors map[string]tensor, name string, in, out int) (Matrix, error) {
	weight := name + ".weight"
	t, err := find(tensors, weight+quantised, kindInt8, in, out)
	if err != nil {
		return Matrix{}, err
	}
	if !small(t.data) {
		return Matrix{}, fmt.Errorf("tensor %q has values beyond -64 to 64", weight+quantised)
	}
	zero, err := find(tensors, weight+zeroPoint, kindInt8, out)
	if err != nil {
		return Matrix{}, err
	}
	if slices.ContainsFunc(zero.data, func(z byte) bool { return z != 0 }) {
		return Matrix{}, fmt.Errorf("tensor %q has a zero point that is not 0", weight+quantised)
	}
	m := Matrix{In: in, Out: out, Data: signed(t.data)}
	if m.Scale, err = readFloats(tensors, weight+scale, out); err != nil {
		return Matrix{}, err
	}
	m.Bias, err = readFloats(tensors, name+".bias", out)
	return m, err
}

func readNorm(tensors map[string]tensor, name string, columns int) (Norm, error) {
	gain, err := readFloats(tensors, name+".weight", columns)
	if err != nil {
		return Norm{}, err
	}
	bias, err := readFloats(tensors, name+".bias", columns)
	return Norm{Gain: gain, Bias: bias}, err
}

// readFloats copies a tensor of float32: in the file they stand at any address.
func readFloats(tensors map[string]tensor, name string, dims ...int) ([]float32, error) {
	t, err := find(tensors, name, kindFloat32, dims...)
	if err != nil {
		return nil, err
	}
	values := make([]float32, len(t.data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:]))
		if v := float64(values[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("tensor %q has a value that is no number", name)
		}
	}
	return values, nil
}

// small says whether every byte, read as int8, is in -64 to 64. It looks at
// eight at once: it runs over all weights before the first question is answered.
func small(data []byte) bool {
	const (
		high = 0x8080808080808080
		low  = 0x7f7f7f7f7f7f7f7f
		half = 0x4040404040404040
	)
	bad := uint64(0)
	for ; len(data) >= 8; data = data[8:] {
		w := binary.LittleEndian.Uint64(data)
		shifted := ((w & low) + half) ^ (w & high) // +64 in each byte: good are 0 to 128
		bad |= shifted & ((shifted & low) + low)   // the high bit with any other
	}
	if bad&high != 0 {
		return false
	}
	for _, b := range data {
		if v := int8(b); v < -64 || v > 64 {
			return false
		}
	}
	return true
}

// signed reads the same bytes as int8.
func signed(data []byte) []int8 {
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(data))), len(data))
}
