package sqlite_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/knowledge"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
	"groundwork/model/encoder"
)

// realVectors returns what the default model makes of the handbook's passages and of
// 600 questions about it. They are kept in the folder that GROUNDWORK_VECTORS names,
// since making them takes minutes.
func realVectors(t *testing.T) (passages, questions [][]float32) {
	t.Helper()
	var texts []string
	for _, d := range handbookDocuments(t) {
		for _, p := range passage.Cut(d) {
			texts = append(texts, p.Encoded())
		}
	}
	return embedded(t, model.Passage, texts), realQuestions(t)
}

func realQuestions(t *testing.T) [][]float32 {
	t.Helper()
	return embedded(t, model.Question, handbookQueries(t)[:600])
}

func embedded(t *testing.T, purpose model.Purpose, texts []string) [][]float32 {
	t.Helper()
	d := encoder.Known()[0]
	file := filepath.Join(os.Getenv("GROUNDWORK_VECTORS"), knowledge.HashOf([]byte(fmt.Sprint(d.Mark(), purpose, texts))).Short()+".f32")
	data, err := os.ReadFile(file)
	if err != nil {
		folder := os.Getenv("GROUNDWORK_MODELS")
		if folder == "" {
			cache, err := os.UserCacheDir()
			if err != nil {
				t.Fatal(err)
			}
			folder = filepath.Join(cache, "groundwork", "models")
		}
		weights, err1 := os.ReadFile(filepath.Join(folder, d.File))
		tokenizer, err2 := os.ReadFile(filepath.Join(folder, d.Tokenizer))
		if err1 != nil || err2 != nil {
			t.Skipf("NOT RUN: the model's files are not there: %v", errors.Join(err1, err2))
		}
		e, err := encoder.Open(d, weights, tokenizer)
		if err != nil {
			t.Fatal(err)
		}
		vectors, spent, err := e.Embed(t.Context(), purpose, texts)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d texts encoded in %s, %d tokens", len(texts), spent.Took.Round(time.Second), spent.InputTokens)
		data = nil
		for _, v := range vectors {
			for _, x := range v {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
			}
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	length := len(data) / 4 / len(texts)
	all := make([][]float32, len(texts))
	for i := range all {
		all[i] = make([]float32, length)
		for k := range all[i] {
			all[i][k] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*(i*length+k):]))
		}
	}
	return all
}

// noisy adds noise of the given length to a vector of unit length.
func noisy(r *rand.Rand, v []float32, length float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = x + float32(r.NormFloat64()*length/math.Sqrt(float64(len(v))))
	}
	return out
}

func encodeAll(t *testing.T, s *sqlite.Store, vectors func(i int) []float32) {
	t.Helper()
	i := 0
	for after := knowledge.PassageID(0); ; {
		waiting, err := s.Unencoded(t.Context(), "real", nil, after, 64)
		if err != nil {
			t.Fatal(err)
		}
		if len(waiting) == 0 {
			return
		}
		var list []knowledge.Vector
		for _, u := range waiting {
			list = append(list, knowledge.Vector{Key: u.Key, Values: vectors(i)})
			after = u.Passage
			i++
		}
		if err := s.PutVectors(t.Context(), "real", list); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMeaningSpeed prints what questions by meaning take: the first of a process
// and its memory, and those after it, for askers who may see all, half, a tenth, a
// hundredth and a thousandth; beside somebody who stores vectors, too.
func TestMeaningSpeed(t *testing.T) {
	if os.Getenv("GROUNDWORK_LONG") == "" || os.Getenv("GROUNDWORK_VECTORS") == "" {
		t.Skip("NOT RUN: speed by meaning at 100,000 passages; GROUNDWORK_LONG=1 and GROUNDWORK_VECTORS=DIR run it (doc/bench/vectors.md)")
	}
	real, questions := realVectors(t)
	docs := handbookDocuments(t)
	for _, n := range []int{0, 100_000} {
		home := t.TempDir()
		d, err := db.Open(t.Context(), home, sqlite.Schema)
		if err != nil {
			t.Fatal(err)
		}
		s := sqlite.New(d)
		all := multiply(docs, n)
		for i := range all { // each share of the documents has its group
			all[i].Readers = knowledge.Readers{}
			for _, share := range []int{1000, 100, 10, 2, 1} {
				if i%share == 0 {
					all[i].Readers.Groups = append(all[i].Readers.Groups, knowledge.Group(fmt.Sprint(share)))
				}
			}
			slices.Sort(all[i].Readers.Groups)
		}
		began := time.Now()
		passages := fill(t, s, all)
		t.Logf("%d documents, %d passages: indexed in %s", len(all), passages, time.Since(began).Round(time.Millisecond))
		r := rand.New(rand.NewPCG(5, 5))
		began = time.Now()
		encodeAll(t, s, func(i int) []float32 {
			if i < len(real) {
				return real[i]
			}
			return noisy(r, real[i%len(real)], .3)
		})
		t.Logf("  vectors put in %s", time.Since(began).Round(time.Millisecond))
		began = time.Now()
		have, waiting, err := s.Vectors(t.Context(), "real", nil)
		t.Logf("  counted in %s: %d and %d, %v", time.Since(began).Round(time.Millisecond), have, waiting, err)
		began = time.Now()
		none, err := s.Unencoded(t.Context(), "real", nil, 0, 64)
		t.Logf("  found in %s that %d wait, %v", time.Since(began).Round(time.Millisecond), len(none), err)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		for range 7 {
			cold := exec.Command(os.Args[0], "-test.run=^TestMeaningProcess$", "-test.v")
			cold.Env = append(os.Environ(), "MEANING_HOME="+home)
			out, err := cold.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for line := range strings.Lines(string(out)) {
				if at := strings.Index(line, "  "); strings.Contains(line, ".go:") {
					t.Log(strings.TrimRight(line[at:], "\n"))
				}
			}
		}
		if d, err = db.Open(t.Context(), home, sqlite.Schema); err != nil {
			t.Fatal(err)
		}
		s = sqlite.New(d)
		for _, asker := range []knowledge.Asker{{Owner: true}, {Name: "a", Groups: []knowledge.Group{"2"}}, {Name: "a", Groups: []knowledge.Group{"10"}}, {Name: "a", Groups: []knowledge.Group{"100"}}, {Name: "a", Groups: []knowledge.Group{"1000"}}} {
			ask := func(top int) (took []time.Duration, l knowledge.Legs) {
				for _, q := range questions {
					began := time.Now()
					if l, err = s.View(asker).Legs(t.Context(), knowledge.Query{Mark: "real", Vector: q, Top: top}); err != nil {
						t.Fatal(err)
					}
					took = append(took, time.Since(began))
				}
				return took, l
			}
			for _, top := range []int{10, 100} {
				cpu := cpuNow(t)
				took, l := ask(top)
				cpu = (cpuNow(t) - cpu) / time.Duration(len(took))
				p95 := percentile(took, .95)
				t.Logf("  top %d of %d as %+v: shortest %s, p50 %s, p95 %s, longest %s (%d questions); processor time %s each", top, l.Encoded, asker, took[0], percentile(took, .5), p95, took[len(took)-1], len(took), cpu)
				if cpu > 20*time.Millisecond { // the clock also counts what else the machine does
					t.Error("a question takes more than 20 ms of processor time")
				}
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMeaningProcess is no test: it is the cold process of TestMeaningSpeed.
func TestMeaningProcess(t *testing.T) {
	home := os.Getenv("MEANING_HOME")
	if home == "" {
		t.Skip("runs as another test's process")
	}
	questions := realQuestions(t)
	d, err := db.OpenReader(t.Context(), home, sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := sqlite.New(d)
	owner := knowledge.Asker{Owner: true}
	began := time.Now()
	if _, err := s.View(owner).Legs(t.Context(), knowledge.Query{Stems: []string{"page"}}); err != nil {
		t.Fatal(err)
	}
	words := time.Since(began)
	before, cpu := memoryNow(t), cpuNow(t)
	began = time.Now()
	l, err := s.View(owner).Legs(t.Context(), knowledge.Query{Mark: "real", Vector: questions[0]})
	if err != nil {
		t.Fatal(err)
	}
	first := time.Since(began)
	cpu = cpuNow(t) - cpu
	began = time.Now()
	for _, q := range questions[:50] {
		if _, err := s.View(owner).Legs(t.Context(), knowledge.Query{Mark: "real", Vector: q}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("  cold: words %s, then the first by meaning over %d vectors %s (processor time %s), each of 50 after it %s; RSS %d MB before, %d MB after",
		words.Round(time.Millisecond), l.Encoded, first.Round(time.Millisecond/10), cpu.Round(time.Millisecond/10), (time.Since(began) / 50).Round(time.Millisecond/10), before, memoryNow(t))
}

// cpuNow returns the processor time this process has used.
func cpuNow(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// memoryNow returns the resident memory of this process in MB.
func memoryNow(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}

// TestMeaningRecall compares the ten nearest with those by the vectors as the model
// made them, for askers who may see all, half, a tenth, a hundredth and a
// thousandth of the passages.
func TestMeaningRecall(t *testing.T) {
	if os.Getenv("GROUNDWORK_VECTORS") == "" {
		t.Skip("NOT RUN: recall on real vectors; GROUNDWORK_VECTORS=DIR runs it (doc/bench/vectors.md)")
	}
	real, questions := realVectors(t)
	d, err := db.Open(t.Context(), t.TempDir(), sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := sqlite.New(d)
	r := rand.New(rand.NewPCG(1, 7))
	shares := []int{1, 2, 10, 100, 1000}
	var docs []knowledge.Document
	for i := range real { // a passage each, so that askers see passages by lot
		doc := knowledge.Document{ID: knowledge.ID("h", fmt.Sprint(i)), Title: "t", Text: fmt.Sprint("passage ", i), Blocks: []knowledge.Block{{Start: 0, End: len(fmt.Sprint("passage ", i))}}}
		for _, share := range shares {
			if r.IntN(share) == 0 {
				doc.Readers.Groups = append(doc.Readers.Groups, knowledge.Group(fmt.Sprint(share)))
			}
		}
		slices.Sort(doc.Readers.Groups)
		docs = append(docs, doc)
	}
	fill(t, s, docs)
	vectors := map[knowledge.Hash][]float32{}
	waiting, err := s.Unencoded(t.Context(), "real", nil, 0, 1<<20)
	if err != nil || len(waiting) != len(real) {
		t.Fatal(len(waiting), err)
	}
	var list []knowledge.Vector
	for i, u := range waiting {
		vectors[u.Key] = real[i]
		list = append(list, knowledge.Vector{Key: u.Key, Values: real[i]})
	}
	if err := s.PutVectors(t.Context(), "real", list); err != nil {
		t.Fatal(err)
	}
	for _, share := range shares {
		v := s.View(knowledge.Asker{Name: "a", Groups: []knowledge.Group{knowledge.Group(fmt.Sprint(share))}})
		every, err := v.Legs(t.Context(), knowledge.Query{Mark: "real", Vector: questions[0], Top: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		var ids []knowledge.PassageID
		for _, h := range every.Meaning {
			ids = append(ids, h.Passage)
		}
		passages, err := v.Passages(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		own := make([][]float32, len(passages))
		for i, p := range passages {
			own[i] = vectors[p.Key()]
		}
		found, worst, off := 0, 10, 0.0
		for _, q := range questions {
			exact := map[knowledge.PassageID]float64{}
			var scores []float64
			for i, p := range passages {
				score := dot(q, own[i])
				exact[p.ID] = score
				scores = append(scores, score)
			}
			slices.Sort(scores)
			l, err := v.Legs(t.Context(), knowledge.Query{Mark: "real", Vector: q, Top: 10})
			if err != nil {
				t.Fatal(err)
			}
			n, want := 0, min(10, len(scores))
			for _, h := range l.Meaning {
				off = max(off, math.Abs(h.Score-exact[h.Passage]))
				if exact[h.Passage] >= scores[len(scores)-want] {
					n++
				}
			}
			n += 10 - want
			found, worst = found+n, min(worst, n)
		}
		recall := float64(found) / float64(10*len(questions))
		t.Logf("recall@10 of %d of %d passages: %.5f, worst %d of 10 (%d questions); a score is off by at most %.1e", len(passages), len(real), recall, worst, len(questions), off)
		if recall < .995 {
			t.Error("recall is below 0.995")
		}
	}
}

func dot(a, b []float32) float64 {
	var sum, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		sum, aa, bb = sum+x*y, aa+x*x, bb+y*y
	}
	return sum / math.Sqrt(aa*bb)
}
