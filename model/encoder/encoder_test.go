package encoder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"groundwork/internal/fault"
	"groundwork/measure/judged"
	"groundwork/model"
)

// open makes the encoder of a known model.
func open(t testing.TB, name string) *Encoder {
	t.Helper()
	for _, d := range Known() {
		if d.Name != name {
			continue
		}
		e, err := Open(d, modelFile(t, d.File), modelFile(t, d.Tokenizer))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	t.Fatalf("%s is not known", name)
	return nil
}

// someTexts are passages and questions of the judged sets, drawn by a seed:
// stretches of 20 to 180 words, and for each five one question.
func someTexts(t *testing.T, count int) (passages, questions []string) {
	t.Helper()
	var documents []judged.Document
	var queries []judged.Query
	for _, set := range sets(t) {
		documents = append(documents, set.Documents...)
		queries = append(queries, set.Queries...)
	}
	r := rand.New(rand.NewPCG(5, 2000))
	for len(passages)+len(questions) < count {
		if len(questions)*5 < len(passages) {
			questions = append(questions, queries[r.IntN(len(queries))].Text)
			continue
		}
		d := documents[r.IntN(len(documents))]
		words := strings.Fields(d.Text)
		if len(words) < 20 {
			continue
		}
		length := min(len(words), 20+r.IntN(161))
		at := r.IntN(len(words) - length + 1)
		passages = append(passages, d.Title+"\n"+strings.Join(words[at:at+length], " "))
	}
	return passages, questions
}

// embedAll returns the vectors of passages, then of questions.
func embedAll(t *testing.T, e *Encoder, passages, questions []string) [][]float32 {
	t.Helper()
	var all [][]float32
	for purpose, texts := range map[model.Purpose][]string{model.Passage: passages, model.Question: questions} {
		vectors, _, err := e.Embed(t.Context(), purpose, texts)
		if err != nil {
			t.Fatal(err)
		}
		if purpose == model.Passage {
			all = append(vectors, all...)
		} else {
			all = append(all, vectors...)
		}
	}
	return all
}

const vectorsScript = `
import sys
import numpy, onnxruntime
from tokenizers import Tokenizer

_, texts, model, tokens, pooling, level = sys.argv
tokenizer = Tokenizer.from_file(tokens)
tokenizer.no_padding()
tokenizer.enable_truncation(512)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
if level == "none":
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
for line in open(texts):
    ids = numpy.array([tokenizer.encode(bytes.fromhex(line).decode()).ids], dtype=numpy.int64)
    feed = {"input_ids": ids, "attention_mask": numpy.ones_like(ids), "token_type_ids": numpy.zeros_like(ids)}
    hidden = session.run(None, feed)[0][0]
    vector = hidden[0] if pooling == "cls" else hidden.mean(axis=0)
    vector = vector / numpy.linalg.norm(vector)
    sys.stdout.buffer.write(vector.astype("<f4").tobytes())
`

// referenceVectors are those of onnxruntime on a file of the model, with "all" or
// "none" of its optimisations.
func referenceVectors(t *testing.T, d Description, file, optimisations string, passages, questions []string) [][]float32 {
	t.Helper()
	modelFile(t, file) // or skip
	var texts []string
	for _, p := range passages {
		texts = append(texts, d.PassagePrefix+p)
	}
	for _, q := range questions {
		texts = append(texts, d.QuestionPrefix+q)
	}
	pool := map[pooling]string{poolCLS: "cls", poolMean: "mean"}[d.Pooling]
	return vectorsFrom(t, ask(t, vectorsScript, texts, modelPath(t, file), modelPath(t, d.Tokenizer), pool, optimisations), len(texts))
}

func vectorsFrom(t *testing.T, data []byte, count int) [][]float32 {
	t.Helper()
	vectors := make([][]float32, count)
	for i := range vectors {
		vectors[i] = make([]float32, len(data)/4/count)
	}
	r := bytes.NewReader(data)
	for _, v := range vectors {
		if err := binary.Read(r, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	return vectors
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// compare says how alike vectors of the same texts are.
func compare(ours, theirs [][]float32) (least, percent1, median float64) {
	cosines := make([]float64, len(ours))
	for i := range ours {
		cosines[i] = cosine(ours[i], theirs[i])
	}
	sort.Float64s(cosines)
	return cosines[0], cosines[len(cosines)/100], cosines[len(cosines)/2]
}

// Vectors are those of onnxruntime on the same file, as far as they are its own.
// Rounding to 8 bits before every product makes the model chaotic: the last bit of
// a float decides about a whole step, and after some layers two right programs
// differ as much as their steps. So the yardstick is onnxruntime with all its
// optimisations against itself with none, and both against the model in float32
// (for MiniLM in TestRealQuantisedModel).
func TestRealVectorsAreTheReferences(t *testing.T) {
	python(t)
	all, some := 300, 150 // some of them, for what is slow
	if os.Getenv("GROUNDWORK_LONG") != "" {
		all, some = 2000, 400
	}
	passages, questions := someTexts(t, all)
	for _, d := range Known() {
		if strings.HasSuffix(d.File, ".safetensors") {
			continue // onnxruntime does not read it
		}
		t.Run(d.Name, func(t *testing.T) {
			ours := embedAll(t, open(t, d.Name), passages, questions)
			theirs := referenceVectors(t, d, d.File, "all", passages, questions)
			plain := referenceVectors(t, d, d.File, "none", passages[:some], nil)
			report := func(name string, a, b [][]float32) (least, percent1, median float64) {
				least, percent1, median = compare(a, b)
				t.Logf("%s, %d texts: least %.6f, percentile 1 %.6f, median %.6f", name, len(b), least, percent1, median)
				return least, percent1, median
			}
			report("ours with onnxruntime", ours, theirs)
			_, ourPercent, ourMedian := report("the same", ours[:some], theirs[:some])
			_, theirPercent, theirMedian := report("onnxruntime with itself, not optimised", theirs[:some], plain)
			if 1-ourPercent > 2*(1-theirPercent) || 1-ourMedian > 3*(1-theirMedian) {
				t.Error("ours is much farther from onnxruntime than that is from itself")
			}
			if d.Name != "bge-small-en-v1.5" {
				return
			}
			exact := referenceVectors(t, d, "bge-small-en-v1.5.onnx", "all", passages, questions)
			least, ourPercent, ourMedian := report("ours with float32", ours, exact)
			_, theirPercent, theirMedian = report("onnxruntime with float32", theirs, exact)
			if least < 0.98 || ourPercent < theirPercent-0.001 || ourMedian < theirMedian-0.0005 {
				t.Error("ours is farther from float32 than onnxruntime is")
			}
		})
	}
}

func TestEmbed(t *testing.T) {
	e := open(t, "all-MiniLM-L6-v2")
	texts := strings.SplitAfter(passage, ". ")
	texts = append(texts, "", strings.Repeat("many words ", 400), "\xff\xfe", "[MASK]")
	one, spent, err := e.Embed(t.Context(), model.Passage, texts)
	if err != nil {
		t.Fatal(err)
	}
	tokens := 0
	for i, text := range texts {
		tokens += len(e.words.encode(text, nil, e.description.MaxTokens))
		if n := cosine(one[i], one[i]); len(one[i]) != e.Dimensions() || math.IsNaN(n) {
			t.Errorf("%q: %d values, %v", text, len(one[i]), n)
		}
		norm := 0.0
		for _, x := range one[i] {
			norm += float64(x) * float64(x)
		}
		if math.Abs(norm-1) > 1e-5 {
			t.Errorf("%q: the vector's length is the root of %v", text, norm)
		}
	}
	if spent.InputTokens != tokens || spent.Took <= 0 || spent.Host != "" || spent.USD != 0 {
		t.Errorf("spent %+v for %d tokens", spent, tokens)
	}
	// Neither company nor threads change a vector.
	e.Threads = 3
	many, _, err := e.Embed(t.Context(), model.Passage, texts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		alone, _, err := e.Embed(t.Context(), model.Passage, texts[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one[i], many[i]) || !slices.Equal(one[i], alone[0]) {
			t.Errorf("%q: another vector in other company", texts[i])
		}
	}
	if none, spent, err := e.Embed(t.Context(), model.Question, nil); err != nil || len(none) != 0 || spent.InputTokens != 0 {
		t.Errorf("no texts: %v %+v %v", none, spent, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, spent, err := e.Embed(ctx, model.Passage, texts); fault.KindOf(err) != fault.Budget || !errors.Is(err, context.Canceled) || spent.InputTokens != 0 {
		t.Errorf("after the end: %+v %v", spent, err)
	}
}

// A question is read as a question: the model's prefix is put before it.
func TestEmbedPrefix(t *testing.T) {
	e := open(t, "bge-small-en-v1.5")
	const text = "how many days of leave do I have?"
	question, _, err := e.Embed(t.Context(), model.Question, []string{text})
	if err != nil {
		t.Fatal(err)
	}
	passages, _, err := e.Embed(t.Context(), model.Passage, []string{text, "Represent this sentence for searching relevant passages: " + text})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(question[0], passages[0]) || !slices.Equal(question[0], passages[1]) {
		t.Error("the prefix is not put before a question alone")
	}
}

func TestOpenRefuses(t *testing.T) {
	d := Known()[1]
	weights, tokenizer := modelFile(t, d.File), modelFile(t, d.Tokenizer)
	for name, c := range map[string]struct {
		change             func(*Description)
		weights, tokenizer []byte
	}{
		"heads":        {func(d *Description) { d.Heads = 6 }, weights, tokenizer},
		"tokens":       {func(d *Description) { d.MaxTokens = 513 }, weights, tokenizer},
		"no weights":   {func(*Description) {}, nil, tokenizer},
		"no tokenizer": {func(*Description) {}, weights, nil},
		"swapped":      {func(*Description) {}, tokenizer, weights},
		"other format": {func(d *Description) { d.File = "x.safetensors" }, weights, tokenizer},
	} {
		d := d
		c.change(&d)
		if e, err := Open(d, c.weights, c.tokenizer); e != nil || fault.KindOf(err) != fault.Input || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKnown(t *testing.T) {
	if got := Known()[0].Mark(); got != "bge-small-en-v1.5@6c9c6101" {
		t.Errorf("mark %s", got)
	}
	names, marks := map[string]bool{}, map[string]bool{}
	for _, d := range Known() {
		if names[d.Name] || marks[d.Mark()] {
			t.Errorf("%s is there twice", d.Name)
		}
		names[d.Name], marks[d.Mark()] = true, true
	}
}

// The files in the cache are those that are described.
func TestKnownFiles(t *testing.T) {
	for _, d := range Known() {
		t.Run(d.Name, func(t *testing.T) {
			for name, want := range map[string]string{d.File: d.SHA256, d.Tokenizer: d.TokenizerSHA256} {
				if sum := sha256.Sum256(modelFile(t, name)); hex.EncodeToString(sum[:]) != want {
					t.Errorf("%s has the SHA-256 %x", name, sum)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	d := Known()[0]
	weights, tokenizer := modelFile(b, d.File), modelFile(b, d.Tokenizer)
	for b.Loop() {
		if _, err := Open(d, weights, tokenizer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEmbed(b *testing.B) {
	for _, d := range Known() {
		if _, err := os.Stat(modelPath(b, d.File)); err != nil {
			continue
		}
		e := open(b, d.Name)
		for _, text := range []string{"how many days of parental leave does a part time employee have?", passage} {
			b.Run(fmt.Sprintf("%s/%d", d.Name, len(e.words.encode(text, nil, e.description.MaxTokens))), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := e.Embed(b.Context(), model.Passage, []string{text}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
