package encoder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"groundwork/internal/fault"
)

// readONNX reads the weights out of an ONNX file of the BERT family after
// dynamic quantisation to 8 bits, as onnxruntime's quantiser writes it. Parameters
// in float32 keep BERT's names there; matrices are found by what is computed with
// them: y = Add(bias, Mul(Cast(MatMulInteger(x, W)), Mul(scale of x, scale of W))).
// The 8-bit data of the result alias data, which must not change afterwards.
// A file that is cut, or holds another model, is a fault of kind Input.
func readONNX(data []byte) (*Weights, error) {
	g, err := parseONNX(data)
	var w *Weights
	if err == nil {
		w, err = g.weights()
	}
	if err != nil {
		return nil, fault.Wrap(fault.Input, err, "read the weights of an encoder (ONNX)", "get the model's file again")
	}
	return w, nil
}

// weights gives the matrices their names and makes Weights of all tensors.
func (g *onnxGraph) weights() (*Weights, error) {
	n, err := layers(g.tensors)
	if err != nil {
		return nil, err
	}
	for i := range n {
		for name := range new(Layer).matrices() {
			if err := g.nameMatrix(layerPrefix + strconv.Itoa(i) + "." + name); err != nil {
				return nil, err
			}
		}
	}
	epsilon, err := g.epsilon()
	if err != nil {
		return nil, err
	}
	heads, err := g.heads()
	if err != nil {
		return nil, err
	}
	return parameters(g.tensors, heads, epsilon)
}

// nameMatrix finds the matrix whose bias is name.bias.
func (g *onnxGraph) nameMatrix(name string) error {
	lost := fmt.Errorf("the matrix of %q is not computed as expected", name+".bias")
	product, err := g.biased(name)
	if err != nil {
		return err
	}
	scaled := g.made[product]
	if !scaled.is("Mul", 2) {
		return lost
	}
	cast, scales := g.made[scaled.in[0]], g.made[scaled.in[1]]
	if !cast.is("Cast", 1) || !scales.is("Mul", 2) {
		return lost
	}
	multiply := g.made[cast.in[0]]
	if !multiply.is("MatMulInteger", 4) {
		return lost
	}
	for suffix, from := range map[string]string{quantised: multiply.in[1], scale: scales.in[1], zeroPoint: multiply.in[3]} {
		t, ok := g.tensors[from]
		if !ok {
			return lost
		}
		g.tensors[name+".weight"+suffix] = t
	}
	return nil
}

// biased names what name.bias is added to.
func (g *onnxGraph) biased(name string) (string, error) {
	for _, n := range g.uses[name+".bias"] {
		if n.is("Add", 2) {
			if n.in[0] == name+".bias" {
				return n.in[1], nil
			}
			return n.in[0], nil
		}
	}
	return "", fmt.Errorf("tensor %q is missing or not added to anything", name+".bias")
}

// epsilon is what the first norm adds to the variance:
// Mul(gain, Div(x - mean, Sqrt(Add(variance, epsilon)))).
func (g *onnxGraph) epsilon() (float32, error) {
	for _, gain := range g.uses["embeddings.LayerNorm.weight"] {
		if !gain.is("Mul", 2) {
			continue
		}
		div := g.made[gain.in[0]]
		if !div.is("Div", 2) {
			continue
		}
		root := g.made[div.in[1]]
		if !root.is("Sqrt", 1) {
			continue
		}
		add := g.made[root.in[0]]
		if !add.is("Add", 2) {
			continue
		}
		if value, err := readFloats(g.constants, add.in[1]); err == nil && len(value) == 1 {
			return value[0], nil
		}
	}
	return 0, errors.New("the epsilon of its norms is not where it is expected")
}

// heads is how many pieces the first query is cut into:
// Reshape(query, Concat(texts, tokens, heads, length of each)).
func (g *onnxGraph) heads() (int, error) {
	for _, add := range g.uses[layerPrefix+"0.attention.self.query.bias"] {
		for _, reshape := range g.uses[add.out] {
			if !reshape.is("Reshape", 2) {
				continue
			}
			shape := g.made[reshape.in[1]]
			if !shape.is("Concat", 4) {
				continue
			}
			if t := g.constants[shape.in[2]]; len(t.data) == 8 {
				if n := binary.LittleEndian.Uint64(t.data); n > 0 && n < 1<<16 {
					return int(n), nil
				}
			}
		}
	}
	return 0, errors.New("the number of its heads is not where it is expected")
}

// onnxGraph is what we need of an ONNX graph.
type onnxGraph struct {
	tensors   map[string]tensor      // initializers
	constants map[string]tensor      // values of Constant nodes, by their output
	made      map[string]*onnxNode   // by the output
	uses      map[string][]*onnxNode // by each input
}

type onnxNode struct {
	op  string
	in  []string
	out string // the first; the nodes we look at have one
}

// is may be asked of a node that is not there.
func (n *onnxNode) is(op string, inputs int) bool {
	return n != nil && n.op == op && len(n.in) == inputs
}

// Field numbers of onnx.proto (https://github.com/onnx/onnx, onnx/onnx.proto).
const (
	modelGraph = 7

	graphNode        = 1
	graphInitializer = 5

	nodeInput     = 1
	nodeOutput    = 2
	nodeOp        = 4
	nodeAttribute = 5

	attributeTensor = 5

	tensorDims     = 1
	tensorType     = 2
	tensorFloats   = 4
	tensorInts     = 5
	tensorName     = 8
	tensorRaw      = 9
	tensorLocation = 14

	typeFloat32 = 1
	typeUint8   = 2
	typeInt8    = 3
)

// What a file may hold at most: about ten times what the models we know have.
const (
	mostParts  = 20_000
	mostInputs = 64
	mostDims   = 8
)

func parseONNX(data []byte) (*onnxGraph, error) {
	g := &onnxGraph{tensors: map[string]tensor{}, constants: map[string]tensor{}, made: map[string]*onnxNode{}, uses: map[string][]*onnxNode{}}
	parts := 0
	err := fields(data, func(number protowire.Number, graph []byte, _ uint64) error {
		if number != modelGraph {
			return nil
		}
		return fields(graph, func(number protowire.Number, part []byte, _ uint64) error {
			if number != graphNode && number != graphInitializer {
				return nil
			}
			if parts++; parts > mostParts {
				return fmt.Errorf("it has more than %d parts", mostParts)
			}
			if number == graphNode {
				return g.addNode(part)
			}
			name, t, err := parseTensor(part)
			if err != nil {
				return err
			}
			if _, twice := g.tensors[name]; twice {
				return fmt.Errorf("tensor %.80q is there twice", name)
			}
			g.tensors[name] = t
			return nil
		})
	})
	return g, err
}

func (g *onnxGraph) addNode(data []byte) error {
	n := &onnxNode{}
	var constant tensor
	err := fields(data, func(number protowire.Number, part []byte, _ uint64) error {
		switch number {
		case nodeInput:
			if n.in = append(n.in, string(part)); len(n.in) > mostInputs {
				return fmt.Errorf("a node has more than %d inputs", mostInputs)
			}
		case nodeOutput:
			if n.out == "" {
				n.out = string(part)
			}
		case nodeOp:
			n.op = string(part)
		case nodeAttribute:
			return fields(part, func(number protowire.Number, part []byte, _ uint64) (err error) {
				if number == attributeTensor {
					_, constant, err = parseTensor(part)
				}
				return err
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n.op == "Constant" {
		g.constants[n.out] = constant
		return nil
	}
	if _, twice := g.made[n.out]; twice {
		return fmt.Errorf("%.80q is computed twice", n.out)
	}
	g.made[n.out] = n
	for _, in := range n.in {
		g.uses[in] = append(g.uses[in], n)
	}
	return nil
}

// parseTensor returns a tensor and its name. Values stand either in one piece or,
// where they are few, each as a number.
func parseTensor(data []byte) (string, tensor, error) {
	var t tensor
	var name string
	var raw, packed, ints []byte
	err := fields(data, func(number protowire.Number, part []byte, value uint64) error {
		switch number {
		case tensorDims:
			if part == nil {
				part = protowire.AppendVarint(nil, value)
			}
			for len(part) > 0 {
				d, n := protowire.ConsumeVarint(part)
				if n < 0 || d > 1<<31 || len(t.dims) == mostDims {
					return errors.New("a tensor has impossible dimensions")
				}
				t.dims = append(t.dims, int(d))
				part = part[n:]
			}
		case tensorType:
			switch value {
			case typeFloat32:
				t.kind = kindFloat32
			case typeUint8:
				t.kind = kindUint8
			case typeInt8:
				t.kind = kindInt8
			}
		case tensorFloats:
			packed = part
		case tensorInts:
			ints = part
		case tensorName:
			name = string(part)
		case tensorRaw:
			raw = part
		case tensorLocation:
			if value != 0 {
				return errors.New("a tensor's values are in another file")
			}
		}
		return nil
	})
	if err != nil {
		return "", t, err
	}
	switch {
	case raw != nil:
		t.data = raw
	case t.kind == kindFloat32:
		t.data = packed
	case t.kind == kindInt8 || t.kind == kindUint8:
		t.data = make([]byte, 0, len(ints))
		for len(ints) > 0 {
			v, n := protowire.ConsumeVarint(ints)
			low, high := int64(-128), int64(127)
			if t.kind == kindUint8 {
				low, high = 0, 255
			}
			if n < 0 || int64(v) < low || int64(v) > high {
				return "", t, fmt.Errorf("tensor %.80q has impossible values", name)
			}
			t.data = append(t.data, byte(v))
			ints = ints[n:]
		}
	}
	return name, t, nil
}

// fields calls visit for each field of a protocol buffer message
// (https://protobuf.dev/programming-guides/encoding): with its bytes, never nil,
// or with its number.
func fields(data []byte, visit func(number protowire.Number, part []byte, value uint64) error) error {
	for len(data) > 0 {
		number, wire, n := protowire.ConsumeTag(data)
		if n < 0 {
			return errors.New("it is cut or damaged")
		}
		data = data[n:]
		var part []byte
		var value uint64
		switch wire {
		case protowire.BytesType:
			part, n = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(data)
		default:
			n = protowire.ConsumeFieldValue(number, wire, data)
		}
		if n < 0 {
			return errors.New("it is cut or damaged")
		}
		if err := visit(number, part, value); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
