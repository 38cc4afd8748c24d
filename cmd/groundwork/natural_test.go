package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groundwork/internal/db"
	"groundwork/knowledge"
	"groundwork/knowledge/sqlite"
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
func naturalStore(t *testing.T, name string) *sqlite.Store {
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
	return store
}

// scored is what became of the natural questions.
type scored struct {
	n, first, five, facts, factsFive, answered, nowhere, refused int
	words                                                        int
	confidence                                                   []confident
}

type confident struct {
	value      float64
	answerable bool
	id         string
}

func naturalScore(t *testing.T, ctx context.Context, dir, name, half string, s *scored) {
	store := naturalStore(t, name)
	verbose := os.Getenv("VERBOSE") != ""
	view := store.View(knowledge.Asker{Owner: true})
	for _, q := range naturalQuestions(t, dir, name, half) {
		ranking, err := find(view)(ctx, q.Question, 20)
		if err != nil {
			t.Fatal(err)
		}
		x, err := writer(view).Answer(ctx, knowledge.Question{Text: q.Question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.confidence = append(s.confidence, confident{x.Confidence, len(q.Pages) > 0, q.ID})
		if len(q.Pages) == 0 {
			s.nowhere++
			if !x.Answered {
				s.refused++
			}
			continue
		}
		s.n++
		if x.Answered {
			s.answered++
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
			t.Logf("%s rank %d facts %v/%v conf %.2f words %d: %s | %v\n    %s", q.ID, rank+1, has(shown), has(five), x.Confidence, words, q.Question, q.Facts, clip(shown, 700))
		}
	}
}

func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

func (s scored) String() string {
	return fmt.Sprintf("%d questions: right page first %d, among five %d; all facts shown within 120 words %d, in five passages %d; answered %d; %.0f words shown on average; %d of %d nowhere questions refused; AUROC %.3f",
		s.n, s.first, s.five, s.facts, s.factsFive, s.answered, float64(s.words)/float64(max(s.n, 1)), s.refused, s.nowhere, auroc(s.confidence))
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

// natural puts one half of a set of questions and scores what comes.
func natural(t *testing.T, dir, half string) scored {
	t.Helper()
	var total scored
	for _, name := range []string{"handbook", "18f", "sample"} {
		naturalScore(t, t.Context(), dir, name, half, &total)
	}
	return total
}

func TestNaturalTuning(t *testing.T) {
	if os.Getenv("GROUNDWORK_TUNE") == "" {
		t.Skip("a tool, not a test: GROUNDWORK_TUNE=HOME runs it")
	}
	t.Log(natural(t, "natural", "tune"))
}

// TestNaturalQuestions reports the half that nothing was tuned on, and the
// oblique questions beside it. The floors are a little below what holds now.
func TestNaturalQuestions(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: natural questions")
	}
	s := natural(t, "natural", "report")
	low, high := s.interval()
	t.Logf("natural, reported half: %s [%.3f, %.3f]", s, low, high)
	s.curve(t)
	o := natural(t, "oblique", "report")
	t.Logf("oblique, same half: %s", o)
	if s.n != 60 || s.five < 48 || s.first < 36 || auroc(s.confidence) < .75 {
		t.Error("below the floors: 60 questions, 36 first, 48 among five, AUROC .75")
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

// curve prints the risk-coverage curve: from each confidence, the share of the
// answerable questions that is answered, and of the others that is refused.
func (s scored) curve(t *testing.T) {
	t.Helper()
	for th := .2; th < .5; th += .02 {
		var yes, no, answered, refused float64
		for _, c := range s.confidence {
			if c.answerable {
				yes++
				if c.value >= th {
					answered++
				}
			} else {
				no++
				if c.value < th {
					refused++
				}
			}
		}
		t.Logf("  from %.2f: answered %.2f, refused %.2f; of what is answered %.2f has a page", th, answered/yes, refused/no, answered/(answered+no-refused))
	}
}
