package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"groundwork/internal/db"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
	"groundwork/sample"
)

// asked is a natural question, written by somebody who read pages and not this code.
type asked struct {
	ID       string   `json:"id"`
	Question string   `json:"question"`
	Pages    []string `json:"pages"` // none: no page answers
	Facts    []string `json:"facts"`
	Kind     string   `json:"kind"`
}

const questionsDir = "../../measure/exam/testdata"

// naturalQuestions reads the questions of one collection and keeps the half
// whose ids hash low (to tune) or high (to report).
func naturalQuestions(t *testing.T, dir, name, half string) []asked {
	t.Helper()
	var all []asked
	for _, file := range []string{name + ".jsonl", "nowhere-" + name + ".jsonl"} {
		f, err := os.Open(filepath.Join(questionsDir, dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var some []asked
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			var q asked
			if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
				t.Fatal(file, err)
			}
			some = append(some, q)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		hash := func(q asked) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(q.ID))) }
		slices.SortFunc(some, func(a, b asked) int { return strings.Compare(hash(a), hash(b)) })
		middle := len(some) / 2
		if half == "tune" {
			some = some[:middle]
		} else {
			some = some[middle:]
		}
		all = append(all, some...)
	}
	return all
}

// collections are the three places the natural questions are about.
func naturalStore(t *testing.T, name string, e model.Embedder) *sqlite.Store {
	t.Helper()
	home := t.TempDir()
	folder := map[string]string{"handbook": "../../../shared/data/handbook", "18f": "../../../shared/data/handbook18f"}[name]
	if name == "sample" {
		folder = filepath.Join(home, "docs")
		if err := unpack(sample.Handbook, "handbook", folder); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("NOT RUN: natural questions over %s: %v", name, err)
	}
	d, err := db.Open(t.Context(), filepath.Join(home, "home"), sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	store := sqlite.New(d)
	a := &app{quiet: true, out: os.Stderr, err: os.Stderr}
	if _, err := a.take(t.Context(), store, knowledge.Origin{Name: "h", Kind: "folder", Location: folder, Readers: knowledge.Readers{Everyone: true}, Models: "local"}, false); err != nil {
		t.Fatal(err)
	}
	if e != nil {
		if _, err := intake.Encode(t.Context(), store, e, admits(e), func(int, int) {}); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

// remembering is the encoder of these tests: it encodes no text twice.
type remembering struct {
	model.Embedder
	mu    sync.Mutex
	known map[string][]float32
}

func (r *remembering) Embed(ctx context.Context, purpose model.Purpose, texts []string) ([][]float32, model.Spent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := func(text string) string { return fmt.Sprint(purpose, text) }
	var fresh []string
	for _, text := range texts {
		if r.known[key(text)] == nil {
			fresh = append(fresh, text)
		}
	}
	vectors, spent, err := r.Embedder.Embed(ctx, purpose, fresh)
	if err != nil {
		return nil, spent, err
	}
	for i, v := range vectors {
		r.known[key(fresh[i])] = v
	}
	all := make([][]float32, len(texts))
	for i, text := range texts {
		all[i] = r.known[key(text)]
	}
	return all, spent, nil
}

// naturalEncoder is the default model, or the one that GROUNDWORK_MODEL names: in
// the binary, else in the folder GROUNDWORK_MODELS or the cache; nil when it is
// nowhere. With GROUNDWORK_TUNE=HOME what it encodes is kept there.
func naturalEncoder(t *testing.T) model.Embedder {
	t.Helper()
	folder := os.Getenv("GROUNDWORK_MODELS")
	if cache, err := os.UserCacheDir(); folder == "" && err == nil {
		folder = filepath.Join(cache, "groundwork", "models")
	}
	all := models(folder)
	i := max(0, slices.IndexFunc(all, func(m known) bool { return m.Name == os.Getenv("GROUNDWORK_MODEL") }))
	m := all[i]
	if m.load == nil {
		return nil
	}
	r := &remembering{Embedder: &local{known: m, threads: runtime.GOMAXPROCS(0)}, known: map[string][]float32{}}
	home := os.Getenv("GROUNDWORK_TUNE")
	if home == "" {
		return r
	}
	file := filepath.Join(home, "natural-"+m.Mark())
	if f, err := os.Open(file); err == nil {
		if err := gob.NewDecoder(f).Decode(&r.known); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	had := len(r.known)
	t.Cleanup(func() {
		if len(r.known) == had {
			return
		}
		f, err := os.Create(file)
		if err == nil {
			err = errors.Join(gob.NewEncoder(f).Encode(r.known), f.Close())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return r
}

// scored is what became of the natural questions.
type scored struct {
	n, first, five, facts, factsFive, answered, nowhere, refused int
	words                                                        int
	grades                                                       map[knowledge.Grade]*graded
	confidence                                                   []confident
}

func newScored() *scored {
	return &scored{grades: map[knowledge.Grade]*graded{knowledge.Answers: {}, knowledge.MayAnswer: {}, knowledge.NotFound: {}}}
}

// graded is what one grade of answer was right and wrong about.
type graded struct{ right, wrong, nowhere int }

type confident struct {
	value      float64
	answerable bool
	id         string
}

func naturalScore(t *testing.T, ctx context.Context, dir, name, half string, e model.Embedder, s *scored) {
	store := naturalStore(t, name, e)
	verbose := os.Getenv("VERBOSE") != ""
	view := store.View(knowledge.Asker{Owner: true})
	for _, q := range naturalQuestions(t, dir, name, half) {
		ranking, err := find(view, e)(ctx, q.Question, 20)
		if err != nil {
			t.Fatal(err)
		}
		x, err := writer(view, e).Answer(ctx, knowledge.Question{Text: q.Question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.confidence = append(s.confidence, confident{x.Confidence, len(q.Pages) > 0, q.ID})
		grade := s.grades[x.Grade]
		if len(q.Pages) == 0 {
			s.nowhere++
			grade.nowhere++
			if !x.Answered {
				s.refused++
			}
			if verbose {
				t.Logf("%s NOWHERE %s conf %.2f: %s", q.ID, x.Grade, x.Confidence, q.Question)
			}
			continue
		}
		s.n++
		if x.Answered {
			s.answered++
		}
		if slices.ContainsFunc(shownPages(x), func(p string) bool { return slices.Contains(q.Pages, p) }) {
			grade.right++
		} else {
			grade.wrong++
		}
		var pages []string
		var five string
		for i, f := range ranking.Found {
			if !slices.Contains(pages, f.Document.Path()) {
				pages = append(pages, f.Document.Path())
			}
			if i < 5 {
				five += fold(f.Text) + " \n"
			}
		}
		rank := slices.IndexFunc(pages, func(p string) bool { return slices.Contains(q.Pages, p) })
		if rank == 0 {
			s.first++
		}
		if rank >= 0 && rank < 5 {
			s.five++
		}
		shown := ""
		for _, k := range x.Sentences {
			shown += fold(k.Text) + " \n"
		}
		words := len(strings.Fields(shown))
		s.words += words
		has := func(text string) bool {
			return !slices.ContainsFunc(q.Facts, func(f string) bool { return !strings.Contains(text, fold(f)) })
		}
		if has(shown) && words <= 120 {
			s.facts++
		}
		if has(five) {
			s.factsFive++
		}
		if verbose {
			t.Logf("%s rank %d %s facts %v/%v conf %.2f words %d: %s | %v\n    %s", q.ID, rank+1, x.Grade, has(shown), has(five), x.Confidence, words, q.Question, q.Facts, clip(shown, 700))
		}
	}
}

// shownPages are the pages an answer quotes, or those of its nearest passages.
func shownPages(x knowledge.Answer) []string {
	var pages []string
	for _, s := range x.Sentences {
		for _, c := range slices.Concat(s.Citations, s.Also) {
			pages = append(pages, c.Document.Path())
		}
	}
	for _, f := range x.Nearest {
		pages = append(pages, f.Document.Path())
	}
	return pages
}

func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func (s scored) String() string {
	text := fmt.Sprintf("%d questions: right page first %d, among five %d; all facts shown within 120 words %d, in five passages %d; answered %d; %.0f words shown on average; %d of %d nowhere questions refused; AUROC %.3f",
		s.n, s.first, s.five, s.facts, s.factsFive, s.answered, float64(s.words)/float64(max(s.n, 1)), s.refused, s.nowhere, auroc(s.confidence))
	for _, g := range []knowledge.Grade{knowledge.Answers, knowledge.MayAnswer, knowledge.NotFound} {
		text += fmt.Sprintf("; %s: %d with the right page shown, %d without, %d nowhere", g, s.grades[g].right, s.grades[g].wrong, s.grades[g].nowhere)
	}
	return text
}

// auroc is the share of pairs (answerable, not) whose confidences are in order.
func auroc(all []confident) float64 {
	right, pairs := 0., 0.
	for _, a := range all {
		for _, b := range all {
			if a.answerable && !b.answerable {
				pairs++
				switch {
				case a.value > b.value:
					right++
				case a.value == b.value:
					right += .5
				}
			}
		}
	}
	return right / max(pairs, 1)
}

// natural puts one half of a set of questions to some collections, by meaning with
// an encoder, and scores what comes.
func natural(t *testing.T, dir, half string, e model.Embedder, names ...string) scored {
	t.Helper()
	total := newScored()
	for _, name := range names {
		naturalScore(t, t.Context(), dir, name, half, e, total)
	}
	return *total
}

var everywhere = []string{"handbook", "18f", "sample"}

func TestNaturalTuning(t *testing.T) {
	if os.Getenv("GROUNDWORK_TUNE") == "" {
		t.Skip("a tool, not a test: GROUNDWORK_TUNE=HOME runs it")
	}
	words := natural(t, "natural", "tune", nil, everywhere...)
	t.Log("by words: ", words)
	meaning := natural(t, "natural", "tune", naturalEncoder(t), everywhere...)
	t.Log("by meaning: ", meaning)
	meaning.curve(t, words)
}

// TestNaturalQuestions reports the half that nothing was tuned on, and the
// oblique questions beside it, by words; by meaning, where there is a model, those
// about the smallest collection. The floors are a little below what holds now.
func TestNaturalQuestions(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: natural questions")
	}
	s := natural(t, "natural", "report", nil, everywhere...)
	low, high := s.interval()
	t.Logf("by words, natural, reported half: %s [%.3f, %.3f]", s, low, high)
	t.Logf("by words, oblique, same half: %s", natural(t, "oblique", "report", nil, everywhere...))
	if s.n != 60 || s.five < 48 || s.first < 36 || s.facts < 27 || auroc(s.confidence) < .75 {
		t.Error("below the floors: 60 questions, 36 first, 48 among five, 27 facts, AUROC .75")
	}
	e := naturalEncoder(t)
	if e == nil {
		t.Skip("NOT RUN: by meaning: no model in the binary, in GROUNDWORK_MODELS or in the cache")
	}
	s = natural(t, "natural", "report", e, "sample")
	t.Logf("by meaning, the sample alone: %s", s)
	if s.n != 15 || s.five < 13 || s.facts < 8 || auroc(s.confidence) < .8 {
		t.Error("below the floors by meaning: 15 questions, 13 among five, 8 facts, AUROC .8")
	}
}

// realNatural puts all of the reported half by meaning.
func realNatural(t *testing.T, e model.Embedder) {
	words := natural(t, "natural", "report", nil, everywhere...)
	t.Logf("by words, natural, reported half: %s", words)
	s := natural(t, "natural", "report", e, everywhere...)
	low, high := s.interval()
	t.Logf("by meaning, natural, reported half: %s [%.3f, %.3f]", s, low, high)
	s.curve(t, words)
	t.Logf("by meaning, oblique, same half: %s", natural(t, "oblique", "report", e, everywhere...))
	if os.Getenv("GROUNDWORK_MODEL") != "" {
		return // the floors are those of the default model
	}
	if s.n != 60 || s.first < 46 || s.five < 53 || s.facts < 36 || s.factsFive < 49 || auroc(s.confidence) < .88 {
		t.Error("below the floors: 60 questions, 46 first, 53 among five, 36 facts shown, 49 in five passages, AUROC .88")
	}
}

// TestQuestionsAreFrozen: questions that change after something was tuned on
// them measure nothing.
func TestQuestionsAreFrozen(t *testing.T) {
	for _, dir := range []string{"natural", "oblique"} {
		sums, err := os.ReadFile(filepath.Join(questionsDir, dir, "SHA256SUMS"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Fields(string(sums))
		if len(lines) != 12 {
			t.Fatalf("%s: %d words in SHA256SUMS, want 6 files", dir, len(lines))
		}
		for i := 0; i < len(lines); i += 2 {
			data, err := os.ReadFile(filepath.Join(questionsDir, dir, lines[i+1]))
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != lines[i] {
				t.Errorf("%s/%s has changed since it was frozen", dir, lines[i+1])
			}
		}
	}
}

// interval is the 95 % bootstrap interval of the AUROC.
func (s scored) interval() (low, high float64) {
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]float64, 2000)
	for i := range values {
		again := make([]confident, len(s.confidence))
		for k := range again {
			again[k] = s.confidence[r.IntN(len(s.confidence))]
		}
		values[i] = auroc(again)
	}
	slices.Sort(values)
	return values[50], values[1949]
}

// refusedAt is how many of the questions without a page are refused when the
// threshold lies just below that of the nth answerable question, counted from the
// surest.
func (s scored) refusedAt(n int) int {
	var sure []float64
	for _, c := range s.confidence {
		if c.answerable {
			sure = append(sure, c.value)
		}
	}
	slices.Sort(sure)
	threshold := sure[len(sure)-n]
	refused := 0
	for _, c := range s.confidence {
		if !c.answerable && c.value < threshold {
			refused++
		}
	}
	return refused
}

// curve prints the curve of both ways to be sure: where so many of the answerable
// questions are answered, how many of the others are refused.
func (s scored) curve(t *testing.T, words scored) {
	t.Helper()
	above, below := 0, 0
	for n := 1; n <= s.n; n++ {
		now, before := s.refusedAt(n), words.refusedAt(n)
		if now > before {
			above++
		} else if now < before {
			below++
		}
		if n%5 == 0 || n > 50 {
			t.Logf("  %d of %d answered: of %d others refused %d, by words %d", n, s.n, s.nowhere, now, before)
		}
	}
	t.Logf("  of %d working points above the curve by words: %d, below it: %d", s.n, above, below)
}
