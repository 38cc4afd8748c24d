package encoder

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"groundwork/internal/fault"
)

func TestReadONNX(t *testing.T) {
	for _, c := range []struct {
		file   string
		layers int
		// the first values of some tensors, read by the onnx package for Python
		words       [3]uint8
		wordScale   float32
		query, down [3]int8
		queryScale  float32
		queryBias   float32
	}{
		{"bge-small-en-v1.5-q.onnx", 12, [3]uint8{126, 128, 127}, 0.01130515, [3]int8{-60, 6, -19}, [3]int8{1, 9, -6}, 0.00406647, -0.15991211},
		{"all-minilm-l6-v2-q.onnx", 6, [3]uint8{126, 128, 126}, 0.00823059, [3]int8{-39, 9, -13}, [3]int8{5, 4, -15}, 0.00377962, -0.17370753},
	} {
		t.Run(c.file, func(t *testing.T) {
			w, err := readONNX(modelFile(t, c.file))
			if err != nil {
				t.Fatal(err)
			}
			if w.Hidden != 384 || w.Heads != 12 || w.Inner != 1536 || w.Epsilon != 1e-12 || len(w.Layers) != c.layers ||
				w.Words.Rows != 30522 || w.Positions.Rows != 512 || w.Types.Rows != 2 || w.Words.Zero != 128 {
				t.Errorf("dimensions: %d %d %d %g, %d layers", w.Hidden, w.Heads, w.Inner, w.Epsilon, len(w.Layers))
			}
			near := func(got, want float32) bool { return got > want-1e-7 && got < want+1e-7 }
			l := w.Layers[0]
			if [3]uint8(w.Words.Data) != c.words || !near(w.Words.Scale, c.wordScale) || [3]int8(l.Query.Data) != c.query ||
				[3]int8(l.Down.Data) != c.down || !near(l.Query.Scale[0], c.queryScale) || !near(l.Query.Bias[0], c.queryBias) {
				t.Errorf("values: %v %v %v %v %v %v", w.Words.Data[:3], w.Words.Scale, l.Query.Data[:3], l.Down.Data[:3], l.Query.Scale[0], l.Query.Bias[0])
			}
		})
	}
}

func BenchmarkReadONNX(b *testing.B) {
	data := modelFile(b, "bge-small-en-v1.5-q.onnx")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readONNX(data); err != nil {
			b.Fatal(err)
		}
	}
}

// A cut file is a fault of kind Input, wherever it is cut.
func TestReadONNXCut(t *testing.T) {
	data := modelFile(t, "all-minilm-l6-v2-q.onnx")
	for at := 0; at < len(data); at = at*9/8 + 1 {
		if _, err := readONNX(data[:at]); fault.KindOf(err) != fault.Input {
			t.Fatalf("cut at %d of %d: %v", at, len(data), err)
		}
	}
}

func TestSmall(t *testing.T) {
	for b := range 256 {
		want := int8(b) >= -64 && int8(b) <= 64
		for length := 1; length <= 20; length++ {
			for at := range length {
				data := []byte(strings.Repeat("\x40", length))
				data[at] = byte(b)
				if small(data) != want {
					t.Fatalf("%d at %d of %d: %v", int8(b), at, length, !want)
				}
			}
		}
	}
}

// graphWriter writes an ONNX file of tensors and nodes.
type graphWriter struct{ graph []byte }

func field(to []byte, number protowire.Number, part []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), part)
}

func number(to []byte, n protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(to, n, protowire.VarintType), value)
}

func (g *graphWriter) node(op, out string, in ...string) string {
	var b []byte
	for _, name := range in {
		b = field(b, nodeInput, []byte(name))
	}
	b = field(field(b, nodeOutput, []byte(out)), nodeOp, []byte(op))
	g.graph = field(g.graph, graphNode, b)
	return out
}

func tensorBytes(name string, t tensor) []byte {
	var b []byte
	for _, d := range t.dims {
		b = number(b, tensorDims, uint64(d))
	}
	types := map[kind]uint64{kindFloat32: typeFloat32, kindInt8: typeInt8, kindUint8: typeUint8, kindOther: 7}
	b = field(number(b, tensorType, types[t.kind]), tensorName, []byte(name))
	switch {
	case strings.HasSuffix(name, scale): // as the quantiser writes what is short
		return field(b, tensorFloats, t.data)
	case strings.HasSuffix(name, zeroPoint):
		var ints []byte
		for _, v := range t.data {
			ints = protowire.AppendVarint(ints, uint64(v))
		}
		return field(b, tensorInts, ints)
	}
	return field(b, tensorRaw, t.data)
}

func (g *graphWriter) constant(out string, t tensor) string {
	b := field(field(nil, nodeOutput, []byte(out)), nodeOp, []byte("Constant"))
	b = field(b, nodeAttribute, field(nil, attributeTensor, tensorBytes("", t)))
	g.graph = field(g.graph, graphNode, b)
	return out
}

// tinyONNX is an ONNX file of the parameters, in the form of the quantiser's; edit
// may change the tensors, named as there, before they are written.
func tinyONNX(t testing.TB, heads int, edit func(map[string]tensor)) []byte {
	t.Helper()
	file, err := Quantise(writeSafetensors(tinyFloats()))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := parseSafetensors(file)
	if err != nil {
		t.Fatal(err)
	}
	var g graphWriter
	tensors := map[string]tensor{}
	for name, part := range parts {
		for _, suffix := range []string{quantised, scale, zeroPoint} {
			if weight, ok := strings.CutSuffix(name, suffix); ok && strings.HasPrefix(name, layerPrefix) {
				name = "onnx::" + weight + suffix // the quantiser's names say nothing
			}
		}
		tensors[name] = part
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		dense, ok := strings.CutSuffix(name, ".weight"+quantised)
		if !ok || !strings.HasPrefix(name, layerPrefix) {
			continue
		}
		w := "onnx::" + dense + ".weight"
		product := g.node("MatMulInteger", dense+"/product", "x", w+quantised, "x_zero", w+zeroPoint)
		scales := g.node("Mul", dense+"/scales", "x_scale", w+scale)
		scaled := g.node("Mul", dense+"/scaled", g.node("Cast", dense+"/cast", product), scales)
		if strings.HasSuffix(dense, "query") { // both orders occur
			g.node("Add", dense+"/biased", scaled, dense+".bias")
		} else {
			g.node("Add", dense+"/biased", dense+".bias", scaled)
		}
	}
	shape := g.node("Concat", "shape", "texts", "tokens", g.constant("heads", tensor{kindOther, []int{1}, binary.LittleEndian.AppendUint64(nil, uint64(heads))}), "length")
	g.node("Reshape", "cut", layerPrefix+"0.attention.self.query/biased", shape)
	add := g.node("Add", "sum", "variance", g.constant("epsilon", tensor{kindFloat32, nil, floatBytes([]float32{bertEpsilon})}))
	g.node("Mul", "gained", g.node("Div", "ratio", "centred", g.node("Sqrt", "root", add)), "embeddings.LayerNorm.weight")
	if edit != nil {
		edit(tensors)
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		g.graph = field(g.graph, graphInitializer, tensorBytes(name, tensors[name]))
	}
	return field(number(nil, 1, 6), modelGraph, g.graph)
}

// The two formats say the same.
func TestReadTinyONNX(t *testing.T) {
	got, err := readONNX(tinyONNX(t, 2, nil))
	if err != nil {
		t.Fatal(err)
	}
	checkComplete(t, got)
	file, err := Quantise(writeSafetensors(tinyFloats()))
	if err != nil {
		t.Fatal(err)
	}
	want, err := readSafetensors(file, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever is missing or wrong in an ONNX file is a fault of kind Input.
func TestReadONNXRefuses(t *testing.T) {
	refused := func(what string, file []byte) {
		t.Helper()
		if w, err := readONNX(file); w != nil || err == nil || fault.KindOf(err) != fault.Input {
			t.Errorf("%s: %v", what, err)
		}
	}
	whole := tinyONNX(t, 2, nil)
	for at := range whole {
		refused("cut", whole[:at])
	}
	refused("heads that do not fit", tinyONNX(t, 3, nil))
	refused("no heads", tinyONNX(t, 0, nil))
	var names []string
	tinyONNX(t, 2, func(tensors map[string]tensor) { names = slices.Sorted(maps.Keys(tensors)) })
	for _, name := range names {
		for what, change := range map[string]func(*tensor){
			"longer": func(t *tensor) { t.dims = append(t.dims, 2) },
			"short":  func(t *tensor) { t.data = t.data[:len(t.data)-1] },
			"type":   func(t *tensor) { t.kind = (t.kind + 1) % 4 },
		} {
			refused(name+" "+what, tinyONNX(t, 2, func(tensors map[string]tensor) {
				after := tensor{tensors[name].kind, slices.Clone(tensors[name].dims), bytes.Clone(tensors[name].data)}
				change(&after)
				tensors[name] = after
			}))
		}
		refused("without "+name, tinyONNX(t, 2, func(tensors map[string]tensor) { delete(tensors, name) }))
		if strings.HasPrefix(name, "onnx::") && !strings.HasSuffix(name, scale) {
			for at := range 3 {
				refused(name+" too large", tinyONNX(t, 2, func(tensors map[string]tensor) {
					data := bytes.Clone(tensors[name].data)
					data[at*3] = 65
					tensors[name] = tensor{tensors[name].kind, tensors[name].dims, data}
				}))
			}
		}
	}
}

// FuzzReadONNX: whatever the bytes, an error or complete weights.
func FuzzReadONNX(f *testing.F) {
	f.Add(tinyONNX(f, 2, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := readONNX(data)
		if err == nil {
			checkComplete(t, w)
		} else if fault.KindOf(err) != fault.Input {
			t.Fatal(err)
		}
	})
}

// FuzzReadSafetensors: the same, and what Quantise makes can be read.
func FuzzReadSafetensors(f *testing.F) {
	floats := writeSafetensors(tinyFloats())
	file, err := Quantise(floats)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(floats)
	f.Add(file)
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Quantise(data)
		if err != nil {
			if fault.KindOf(err) != fault.Input {
				t.Fatal(err)
			}
			file = data
		}
		w, readErr := readSafetensors(file, 2)
		if readErr == nil {
			checkComplete(t, w)
		} else if fault.KindOf(readErr) != fault.Input || err == nil && w != nil {
			t.Fatal(readErr)
		}
	})
}
