package encoder

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// yardstick is doc/bench/encoder/reference.py on the other end of two pipes.
type yardstick struct {
	in      *json.Encoder
	out     *json.Decoder
	program string // versions
}

type reply struct {
	Versions  string
	CPU, Wall float64
	Vectors   [][]float32
}

// newYardstick starts the reference; it ends with the test.
func newYardstick(t *testing.T, d Description) *yardstick {
	t.Helper()
	command := exec.Command(python(t), "../../doc/bench/encoder/reference.py")
	command.Stderr = os.Stderr
	command.Env = append(os.Environ(), "TOKENIZERS_PARALLELISM=false")
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	y := &yardstick{in: json.NewEncoder(stdin), out: json.NewDecoder(bufio.NewReader(stdout))}
	pool := map[pooling]string{poolCLS: "cls", poolMean: "mean"}[d.Pooling]
	y.program = y.ask(t, map[string]string{"model": modelPath(t, d.File), "tokenizer": modelPath(t, d.Tokenizer), "pool": pool}).Versions
	return y
}

func (y *yardstick) ask(t *testing.T, question any) (r reply) {
	t.Helper()
	if err := y.in.Encode(question); err != nil {
		t.Fatal(err)
	}
	if err := y.out.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// measured are the known models that onnxruntime reads too.
func measured() []Description {
	return slices.DeleteFunc(Known(), func(d Description) bool { return !strings.HasSuffix(d.File, ".onnx") })
}

// load reads a model's files.
func load(t *testing.T, d Description) (*wordPiece, *Weights) {
	t.Helper()
	tokenizer, err := readWordPiece(modelFile(t, d.Tokenizer))
	if err != nil {
		t.Fatal(err)
	}
	w, err := readONNX(modelFile(t, d.File))
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer, w
}

// realTexts are n texts of the judged sets, of 8 to 180 words.
func realTexts(t *testing.T, n int) (texts []string) {
	all := sets(t)
	for i := 0; len(texts) < n; i++ {
		documents := all[i%len(all)].Documents
		words := strings.Fields(documents[i*7919%len(documents)].Text)
		if k := 8 + i*37%173; len(words) >= k {
			texts = append(texts, strings.Join(words[:k], " "))
		}
	}
	return texts
}

// states prints the states of a text before and after every layer.
const states = `
import sys, numpy as np, onnxruntime as ort
o = ort.SessionOptions(); o.intra_op_num_threads = 1
s = ort.InferenceSession(sys.argv[2], o, providers=["CPUExecutionProvider"])
for line in open(sys.argv[1]):
    ids = np.frombuffer(bytes.fromhex(line), dtype="<i4").astype(np.int64)[None]
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    for x in s.run(sys.argv[3:] + ["last_hidden_state"], feed):
        sys.stdout.buffer.write(x[0].astype("<f4").tobytes())
`

// Rounding to 8 bits makes of a difference in the last bit of a float a whole step,
// and more of it in every layer. So each layer starts here where onnxruntime's did,
// and nearly all tokens must come out the same.
func TestRealLayers(t *testing.T) {
	for _, d := range measured() {
		tokenizer, w := load(t, d)
		n := newNetwork(w)
		// Inner values become outputs of the graph: field 7 of the file is the graph,
		// 12 an output, and what follows later is merged.
		names := []string{"/embeddings/LayerNorm/Add_1_output_0"}
		for i := range len(w.Layers) - 1 {
			names = append(names, fmt.Sprintf("/encoder/layer.%d/output/LayerNorm/Add_1_output_0", i))
		}
		bytesField := func(b []byte, field protowire.Number, value []byte) []byte {
			return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), value)
		}
		var outputs []byte
		for _, name := range names {
			float := bytesField(nil, 1, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1))
			outputs = bytesField(outputs, 12, bytesField(bytesField(nil, 1, []byte(name)), 2, float))
		}
		file := filepath.Join(t.TempDir(), "model.onnx")
		if err := os.WriteFile(file, bytesField(modelFile(t, d.File), 7, outputs), 0o600); err != nil {
			t.Fatal(err)
		}
		var texts []string
		var tokens [][]int32
		for _, text := range realTexts(t, 30) {
			ids := tokenizer.encode(text, nil, d.MaxTokens)
			raw, _ := binary.Append(nil, binary.LittleEndian, ids)
			texts, tokens = append(texts, string(raw)), append(tokens, ids)
		}
		answer := bytes.NewReader(ask(t, states, texts, append([]string{file}, names...)...))
		after := make([][]float64, len(w.Layers)+1)
		for _, ids := range tokens {
			s := new(scratch)
			s.resize(w, [][]int32{ids})
			n.embed(s, [][]int32{ids})
			for i := range after {
				want := make([]float32, len(ids)*w.Hidden)
				if err := binary.Read(answer, binary.LittleEndian, want); err != nil {
					t.Fatal(err)
				}
				for r := 0; r < len(want); r += w.Hidden {
					after[i] = append(after[i], cosine(want[r:r+w.Hidden], s.hidden[r:r+w.Hidden]))
				}
				copy(s.hidden, want)
				if i < len(w.Layers) {
					n.layer(s, i, false)
				}
			}
		}
		for i, c := range after {
			slices.Sort(c)
			fmt.Printf("%s, after layer %d, cosine of %d tokens to onnxruntime: least %.6f, 1 %% 1 - %.1g, median 1 - %.1g\n", d.Name, i, len(c), c[0], 1-c[len(c)/100], 1-c[len(c)/2])
			if c[0] < 0.995 || c[len(c)/20] < 1-1e-6 || c[len(c)/2] < 1-1e-12 {
				t.Errorf("%s: layer %d computes something else", d.Name, i)
			}
		}
	}
}
