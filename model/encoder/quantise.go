package encoder

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"groundwork/internal/fault"
)

// Quantise makes 8 bits of the float32 weights of a model of the BERT family: a
// safetensors file in, one that Open reads out, always the same bytes for the same
// file. Matrices become int8 of -64 to 64 with one scale an output column, tables
// uint8 around 128 with one scale; value = scale * whole number, nearest, so an
// error is half a scale at most. The range is the one of onnxruntime's quantiser
// with reduce_range: sums of two products with uint8 then fit 16 bits. A file that
// is cut, or holds another model, is a fault of kind Input.
func Quantise(safetensors []byte) ([]byte, error) {
	out, err := quantise(safetensors)
	if err != nil {
		return nil, fault.Wrap(fault.Input, err, "make 8 bits of the weights of an encoder (safetensors)", "get the model's file again")
	}
	return out, nil
}

func quantise(safetensors []byte) ([]byte, error) {
	in, err := parseSafetensors(safetensors)
	if err != nil {
		return nil, err
	}
	n, err := layers(in)
	if err != nil {
		return nil, err
	}
	var matrices []string
	keep := []string{"embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias"}
	for i := range n {
		prefix, layer := layerPrefix+strconv.Itoa(i)+".", new(Layer)
		for name := range layer.matrices() {
			matrices = append(matrices, prefix+name+".weight")
			keep = append(keep, prefix+name+".bias")
		}
		for name := range layer.norms() {
			keep = append(keep, prefix+name+".weight", prefix+name+".bias")
		}
	}
	out := map[string]tensor{}
	for _, name := range keep {
		if out[name], err = find(in, name, kindFloat32); err != nil {
			return nil, err
		}
	}
	for name := range new(Weights).tables() {
		if err := quantiseTable(out, in, name+".weight"); err != nil {
			return nil, err
		}
	}
	for _, name := range matrices {
		if err := quantiseMatrix(out, in, name); err != nil {
			return nil, err
		}
	}
	// Any head count divides what one head divides: shapes are what is checked.
	if _, err := parameters(out, 1, bertEpsilon); err != nil {
		return nil, err
	}
	return writeSafetensors(out), nil
}

// pair returns a tensor of float32 with two dimensions.
func pair(in map[string]tensor, name string) (values []float32, rows, columns int, err error) {
	if values, err = readFloats(in, name); err != nil {
		return nil, 0, 0, err
	}
	dims := in[name].dims
	if len(dims) != 2 || len(values) == 0 {
		return nil, 0, 0, fmt.Errorf("tensor %q has dimensions %v", name, dims)
	}
	return values, dims[0], dims[1], nil
}

func quantiseTable(out, in map[string]tensor, name string) error {
	values, rows, columns, err := pair(in, name)
	if err != nil {
		return err
	}
	step := scaleOf(values, 127)
	data := make([]byte, len(values))
	for i, v := range values {
		data[i] = byte(128 + nearest(v, step))
	}
	out[name+quantised] = tensor{kindUint8, []int{rows, columns}, data}
	out[name+scale] = tensor{kindFloat32, nil, floatBytes([]float32{step})}
	out[name+zeroPoint] = tensor{kindUint8, nil, []byte{128}}
	return nil
}

// quantiseMatrix turns the matrix too: PyTorch keeps a row for each output.
func quantiseMatrix(out, in map[string]tensor, name string) error {
	values, outputs, inputs, err := pair(in, name)
	if err != nil {
		return err
	}
	data, steps := make([]byte, len(values)), make([]float32, outputs)
	for o := range outputs {
		row := values[o*inputs : (o+1)*inputs]
		steps[o] = scaleOf(row, 64)
		for i, v := range row {
			data[i*outputs+o] = byte(int8(nearest(v, steps[o])))
		}
	}
	out[name+quantised] = tensor{kindInt8, []int{inputs, outputs}, data}
	out[name+scale] = tensor{kindFloat32, []int{outputs}, floatBytes(steps)}
	out[name+zeroPoint] = tensor{kindInt8, []int{outputs}, make([]byte, outputs)}
	return nil
}

// scaleOf makes the largest value most steps from 0.
func scaleOf(values []float32, most float32) float32 {
	largest := float32(0)
	for _, v := range values {
		largest = max(largest, v, -v)
	}
	if step := largest / most; step > 0 {
		return step
	}
	return 1
}

// nearest is the whole number of steps nearest to v, halves to even.
func nearest(v, step float32) int {
	return int(math.RoundToEven(float64(v) / float64(step)))
}

func floatBytes(values []float32) []byte {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return data
}
