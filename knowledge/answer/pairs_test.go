package answer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"groundwork/knowledge"
	"groundwork/knowledge/answer"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
	"groundwork/model/encoder"
)

// pair is two pages that replace each other or only look alike.
type pair struct {
	ID, Kind, Question string
	A, B               struct{ Path, Text string }
	Newer              string
}

func pairs(t *testing.T, file string) []pair {
	t.Helper()
	f, err := os.Open("testdata/pairs/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []pair
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var p pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// told asks the pair's question and reports whether the answer treats the pages
// rightly: of two versions the newer is shown beside the older, pages that only
// look alike are not called versions of each other. Without an encoder by words.
func told(t *testing.T, p pair, e model.Embedder) (bool, knowledge.Answer) {
	t.Helper()
	s := collection(t, map[string]string{p.A.Path: p.A.Text, p.B.Path: p.B.Text})
	w := writer(s, lena)
	if e != nil {
		encodePages(t, s, e)
		w = encoding(w, e)
	}
	a, err := w.Answer(t.Context(), knowledge.Question{Text: p.Question}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Kind == "alike" {
		return len(a.Conflicts) == 0, a
	}
	newer := p.A.Path
	if p.Newer == "b" {
		newer = p.B.Path
	}
	return len(a.Conflicts) > 0 && a.Conflicts[0].Newer.Document.Path() == newer, a
}

// encodePages gives every passage its vector.
func encodePages(t *testing.T, s *sqlite.Store, e model.Embedder) {
	t.Helper()
	waiting, err := s.Unencoded(t.Context(), e.Mark(), nil, 0, 100000)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, u := range waiting {
		texts = append(texts, u.Text)
	}
	vectors, _, err := e.Embed(t.Context(), model.Passage, texts)
	if err != nil {
		t.Fatal(err)
	}
	put := make([]knowledge.Vector, len(waiting))
	for i, u := range waiting {
		put[i] = knowledge.Vector{Key: u.Key, Values: vectors[i]}
	}
	if err := s.PutVectors(t.Context(), e.Mark(), put); err != nil {
		t.Fatal(err)
	}
}

// encoding is the writer w by meaning.
func encoding(w answer.Writer, e model.Embedder) answer.Writer {
	w.Mix = answer.MixOf(e.Mark())
	w.Embed = func(ctx context.Context, texts []string) ([][]float32, model.Spent, error) {
		return e.Embed(ctx, model.Passage, texts)
	}
	w.Retrieve = func(ctx context.Context, question string, top int) (knowledge.Ranking, error) {
		return retrieval.Find(ctx, w.View, retrieval.Search{Question: question, Top: top, Encoder: retrieval.Encoder{
			Mark: e.Mark(), Languages: e.Languages(), Embed: func(ctx context.Context, question string) ([]float32, model.Spent, error) {
				vectors, spent, err := e.Embed(ctx, model.Question, []string{question})
				if err != nil {
					return nil, spent, err
				}
				return vectors[0], spent, nil
			}}})
	}
	return w
}

// defaultEncoder is the default model, out of GROUNDWORK_MODELS or the cache.
func defaultEncoder(t *testing.T) model.Embedder {
	t.Helper()
	folder := os.Getenv("GROUNDWORK_MODELS")
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("NOT RUN: versions by meaning: there is no cache folder to look for a model in: %v", err)
		}
		folder = filepath.Join(cache, "groundwork", "models")
	}
	d := encoder.Known()[0]
	weights, err := os.ReadFile(filepath.Join(folder, d.File))
	if err != nil {
		t.Skipf("NOT RUN: versions by meaning: the model is not there: %v", err)
	}
	tokenizer, err := os.ReadFile(filepath.Join(folder, d.Tokenizer))
	if err != nil {
		t.Skipf("NOT RUN: versions by meaning: the model's tokenizer is not there: %v", err)
	}
	e, err := encoder.Open(d, weights, tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	e.Threads = runtime.GOMAXPROCS(0)
	return e
}

// floor is how many pairs of a file are told apart at least.
type floor struct {
	file             string
	versions, alikes int
}

// tellApart holds the pairs of files against their floors.
func tellApart(t *testing.T, e model.Embedder, floors []floor) {
	t.Helper()
	for _, x := range floors {
		right, all := map[string]int{}, map[string]int{}
		for _, p := range pairs(t, x.file) {
			all[p.Kind]++
			if x.file != "test.jsonl" && os.Getenv("DBG") != "" {
				println("PAIR", p.ID, p.Question)
			}
			ok, a := told(t, p, e)
			if ok {
				right[p.Kind]++
			} else if x.file != "test.jsonl" && os.Getenv("VERBOSE") != "" {
				t.Logf("%s: %s | newer %s | %s %+v %+v", p.ID, p.Question, p.Newer, a.Grade, a.Sentences, a.Conflicts)
			}
		}
		t.Logf("%s: %d of %d versions and %d of %d look-alikes told apart", x.file, right["replaced"], all["replaced"], right["alike"], all["alike"])
		if right["replaced"] < x.versions || right["alike"] < x.alikes {
			t.Errorf("%s: fewer than %d and %d", x.file, x.versions, x.alikes)
		}
	}
}

// TestPairs: pairs of versions, and pairs that only look alike, told apart by
// words. The pairs of dev.jsonl and dev2.jsonl were looked at while this was
// written, those of test.jsonl were not. Three versions of each twenty are worded
// anew, which words alone do not see (doc/bench/answers.md). The floors are what
// holds now.
func TestPairs(t *testing.T) {
	tellApart(t, nil, []floor{{"dev.jsonl", 17, 20}, {"dev2.jsonl", 20, 25}, {"test.jsonl", 14, 18}})
}

// TestPairsByMeaning is TestPairs with the default model. The floors are a little
// below what holds: 17 and 18 of 20; 20 and 20 of dev.jsonl; 24 and 25 of dev2.jsonl.
func TestPairsByMeaning(t *testing.T) {
	tellApart(t, defaultEncoder(t), []floor{{"test.jsonl", 16, 17}})
}

func TestPairsByMeaningReal(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: encodes 85 pairs of pages: make test-real")
	}
	tellApart(t, defaultEncoder(t), []floor{{"dev.jsonl", 19, 19}, {"dev2.jsonl", 23, 24}})
}

// Two pages with hardly a word in common contradict each other when the units that
// answer are near to each other and to the question, and count differently.
func TestWordedAnew(t *testing.T) {
	older := "# Vacation of the staff\n\nIn force since 4 May 2021\n\nEmployees at Brindle receive a vacation of 28 days each calendar year.\n"
	newer := "# Time off, in short\n\nOffice news, 2 June 2025\n\nYou may be on holiday for 30 days before December ends.\n"
	const question = "how many days off?"
	measured := answer.Mix{Base: 10, Answer: .5, Same: .9, Says: .8}
	with := func(same, says float64) answer.Mix {
		m := measured
		m.Same, m.Says = same, says
		return m
	}
	for _, x := range []struct {
		name, newer string
		mix         answer.Mix
		conflicts   int
	}{
		{"other numbers", newer, measured, 1},
		{"the same numbers", strings.Replace(newer, "30", "28", 1), measured, 0},
		{"companions", strings.Replace(newer, "You may", "See [staff](vacation.md). You may", 1), measured, 0},
		{"far from each other", newer, with(1.1, .8), 0},
		{"far from the question", newer, with(.9, 1.1), 0},
		{"an encoder that was not measured", newer, with(0, 0), 0},
	} {
		s := collection(t, map[string]string{"vacation.md": older, "news/off.md": x.newer})
		var texts []string
		w := byMeaning(s, lena, &texts)
		w.Mix = x.mix
		a, err := w.Answer(t.Context(), knowledge.Question{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Conflicts) != x.conflicts {
			t.Errorf("%s: %+v", x.name, a.Conflicts)
			continue
		}
		for _, c := range a.Conflicts {
			if c.Kind != knowledge.Contradiction || !strings.Contains(c.Newer.Quote, "30 days") || !strings.Contains(c.Older.Quote, "28 days") {
				t.Errorf("%s: %+v", x.name, c)
			}
		}
	}
}
