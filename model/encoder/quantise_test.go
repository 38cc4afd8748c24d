package encoder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"groundwork/internal/fault"
)

// tinyFloats are the float32 weights of a model of two layers with the shapes of
// BERT's, in PyTorch's layout, from a seed.
func tinyFloats() map[string]tensor {
	const hidden, inner, words, positions = 8, 24, 40, 16
	r := rand.New(rand.NewPCG(5, 8))
	tensors := map[string]tensor{}
	add := func(name string, dims ...int) {
		values := make([]float32, kindInt8.size(dims))
		for i := range values {
			values[i] = float32(r.NormFloat64())
		}
		tensors[name] = tensor{kindFloat32, dims, floatBytes(values)}
	}
	add("embeddings.word_embeddings.weight", words, hidden)
	add("embeddings.position_embeddings.weight", positions, hidden)
	add("embeddings.token_type_embeddings.weight", 2, hidden)
	add("embeddings.LayerNorm.weight", hidden)
	add("embeddings.LayerNorm.bias", hidden)
	for i := range 2 {
		layer, prefix := new(Layer), fmt.Sprintf("%s%d.", layerPrefix, i)
		for _, name := range slices.Sorted(maps.Keys(layer.matrices())) {
			in, out := hidden, hidden
			switch name {
			case "intermediate.dense":
				out = inner
			case "output.dense":
				in = inner
			}
			add(prefix+name+".weight", out, in)
			add(prefix+name+".bias", out)
		}
		for _, name := range slices.Sorted(maps.Keys(layer.norms())) {
			add(prefix+name+".weight", hidden)
			add(prefix+name+".bias", hidden)
		}
	}
	return tensors
}

// checkComplete fails unless nothing of w is missing or of another shape.
func checkComplete(t *testing.T, w *Weights) {
	t.Helper()
	check := func(what string, ok bool) {
		if !ok {
			t.Fatalf("incomplete: %s", what)
		}
	}
	check("dimensions", w.Hidden > 0 && w.Heads > 0 && w.Hidden%w.Heads == 0 && w.Epsilon > 0 && len(w.Layers) > 0)
	for name, table := range w.tables() {
		check(name, table.Rows > 0 && table.Columns == w.Hidden && len(table.Data) == table.Rows*table.Columns)
	}
	norms := map[string]*Norm{"embeddings": &w.Norm}
	for i := range w.Layers {
		for name, norm := range w.Layers[i].norms() {
			norms[fmt.Sprint(i, name)] = norm
		}
		for name, m := range w.Layers[i].matrices() {
			in, out := w.Hidden, w.Hidden
			switch name {
			case "intermediate.dense":
				out = w.Inner
			case "output.dense":
				in = w.Inner
			}
			check(name, m.In == in && m.Out == out && len(m.Data) == in*out && len(m.Scale) == out && len(m.Bias) == out)
			check(name, !slices.ContainsFunc(m.Data, func(v int8) bool { return v < -64 || v > 64 }))
		}
	}
	for name, norm := range norms {
		check(name, len(norm.Gain) == w.Hidden && len(norm.Bias) == w.Hidden)
	}
}

// What Quantise writes is within half a step of what it read, turned round.
func TestQuantise(t *testing.T) {
	floats := tinyFloats()
	file, err := Quantise(writeSafetensors(floats))
	if err != nil {
		t.Fatal(err)
	}
	w, err := readSafetensors(file, 2)
	if err != nil {
		t.Fatal(err)
	}
	checkComplete(t, w)
	near := func(what string, got, want, step float32) {
		if math.Abs(float64(got-want)) > float64(step)/2*1.0001 {
			t.Errorf("%s: %v for %v with steps of %v", what, got, want, step)
		}
	}
	for name, table := range w.tables() {
		values, _ := readFloats(floats, name+".weight")
		for i, v := range values {
			near(name, table.value(table.Data[i]), v, table.Scale)
		}
	}
	for i := range w.Layers {
		for name, m := range w.Layers[i].matrices() {
			full := fmt.Sprintf("%s%d.%s", layerPrefix, i, name)
			values, _ := readFloats(floats, full+".weight")
			bias, _ := readFloats(floats, full+".bias")
			if !slices.Equal(m.Bias, bias) {
				t.Errorf("%s: another bias", full)
			}
			for o := range m.Out {
				largest := int8(0)
				for k := range m.In {
					v := m.Data[k*m.Out+o]
					largest = max(largest, v, -v)
					near(full, float32(v)*m.Scale[o], values[o*m.In+k], m.Scale[o])
				}
				if largest != 64 {
					t.Errorf("%s: column %d uses steps up to %d only", full, o, largest)
				}
			}
		}
	}
}

// Whatever is missing, cut, of another shape or no number is a fault of kind Input.
func TestQuantiseRefuses(t *testing.T) {
	floats := tinyFloats()
	whole := writeSafetensors(floats)
	refused := func(what string, file []byte) {
		t.Helper()
		if out, err := Quantise(file); out != nil || err == nil || fault.KindOf(err) != fault.Input {
			t.Errorf("%s: %d bytes, %v", what, len(out), err)
		}
	}
	for name, before := range floats {
		for what, change := range map[string]func(*tensor){
			"turned": func(t *tensor) { slices.Reverse(t.dims); t.dims = append(t.dims, 1) },
			"longer": func(t *tensor) { t.dims[0]++ },
			"int8":   func(t *tensor) { t.kind = kindInt8 },
			"nan":    func(t *tensor) { copy(t.data, floatBytes([]float32{float32(math.NaN())})) },
			"inf":    func(t *tensor) { copy(t.data[len(t.data)-4:], floatBytes([]float32{float32(math.Inf(-1))})) },
		} {
			after := tensor{before.kind, slices.Clone(before.dims), bytes.Clone(before.data)}
			change(&after)
			floats[name] = after
			refused(name+" "+what, writeSafetensors(floats))
		}
		delete(floats, name)
		refused("without "+name, writeSafetensors(floats))
		floats[name] = before
	}
	for at := range whole {
		refused(fmt.Sprintf("cut at %d", at), whole[:at])
	}
	quantised, err := Quantise(whole)
	if err != nil {
		t.Fatal(err)
	}
	refused("done already", quantised)
	for _, head := range []string{`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, `{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, `[]`, `{"a":1}`, `{`} {
		refused(head, append(append([]byte{byte(len(head)), 0, 0, 0, 0, 0, 0, 0}, head...), 0, 0, 0, 0))
	}
}

// The 8-bit file is the one the description names. Its vectors, and ours of
// onnxruntime's 8-bit file, are as near to those of the float32 weights as those
// that onnxruntime computes.
func TestRealQuantisedModel(t *testing.T) {
	python(t)
	const float32File = "all-minilm-l6-v2.safetensors"
	file, err := Quantise(modelFile(t, float32File))
	if err != nil {
		t.Fatal(err)
	}
	minilm, d := Known()[1], Known()[2]
	sum := sha256.Sum256(file)
	if got := hex.EncodeToString(sum[:]); got != d.SHA256 {
		t.Errorf("Quantise makes a file with the SHA-256 %s, the description says %s", got, d.SHA256)
	}
	e, err := Open(d, file, modelFile(t, minilm.Tokenizer))
	if err != nil {
		t.Fatal(err)
	}
	passages, questions := someTexts(t, 400)
	ours := embedAll(t, e, passages, questions)
	sameFile := embedAll(t, open(t, minilm.Name), passages, questions)
	theirs := referenceVectors(t, minilm, minilm.File, "all", passages, questions)
	texts := slices.Concat(passages, questions)
	exact := vectorsFrom(t, ask(t, floatScript, texts, modelPath(t, float32File), modelPath(t, minilm.Tokenizer)), len(texts))
	_, theirPercent, theirMedian := compare(theirs, exact)
	t.Logf("onnxruntime with float32: percentile 1 %.6f, median %.6f", theirPercent, theirMedian)
	for name, vectors := range map[string][][]float32{"ours with float32": ours, "ours of onnxruntime's file with float32": sameFile} {
		least, percent1, median := compare(vectors, exact)
		t.Logf("%s: least %.6f, percentile 1 %.6f, median %.6f", name, least, percent1, median)
		if least < 0.975 || percent1 < theirPercent-0.001 || median < theirMedian-0.0005 {
			t.Errorf("%s: farther away than onnxruntime's", name)
		}
	}
	least, percent1, median := compare(ours, theirs)
	t.Logf("ours with onnxruntime's: least %.6f, percentile 1 %.6f, median %.6f", least, percent1, median)
	if least < 0.975 {
		t.Error("the two files are not the same model")
	}
}

// floatScript computes the model in float32 by numpy, from the same weights.
const floatScript = `
import json, sys
import numpy as np
from tokenizers import Tokenizer

_, texts, model, tokens = sys.argv
tokenizer = Tokenizer.from_file(tokens)
tokenizer.no_padding()
tokenizer.enable_truncation(512)
data = open(model, "rb").read()
size = int.from_bytes(data[:8], "little")
w = {}
for name, e in json.loads(data[8:8 + size]).items():
    if e.get("dtype") == "F32":
        a, b = e["data_offsets"]
        w[name] = np.frombuffer(data[8 + size + a:8 + size + b], "<f4").reshape(e["shape"])

def norm(x, name):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * w[name + ".weight"] + w[name + ".bias"]

def dense(x, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]

def erf(x):  # Abramowitz and Stegun 7.1.26
    t = 1 / (1 + 0.3275911 * np.abs(x))
    y = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return np.sign(x) * (1 - y * np.exp(-x * x))

layers = 1 + max(int(n.split(".")[2]) for n in w if n.startswith("encoder.layer."))
for line in open(texts):
    ids = tokenizer.encode(bytes.fromhex(line).decode()).ids
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][:len(ids)] + w["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for i in range(layers):
        p = f"encoder.layer.{i}."
        cut = lambda y: y.reshape(len(ids), 12, 32).transpose(1, 0, 2)
        q, k, v = (cut(dense(x, p + "attention.self." + n)) for n in ("query", "key", "value"))
        s = q @ k.transpose(0, 2, 1) / 32 ** 0.5
        s = np.exp(s - s.max(-1, keepdims=True))
        y = (s / s.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), 384)
        x = norm(x + dense(y, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        y = dense(x, p + "intermediate.dense")
        x = norm(x + dense(y * 0.5 * (1 + erf(y / 2 ** 0.5)), p + "output.dense"), p + "output.LayerNorm")
    v = x.mean(0)
    sys.stdout.buffer.write((v / np.linalg.norm(v)).astype("<f4").tobytes())
`
