package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
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

const naturalDir = "../../measure/exam/testdata/natural"

// naturalQuestions reads the questions of one collection and keeps the half
// whose ids hash low (to tune) or high (to report).
func naturalQuestions(t *testing.T, name, half string) []asked {
	t.Helper()
	var all []asked
	for _, file := range []string{name + ".jsonl", "nowhere-" + name + ".jsonl"} {
		f, err := os.Open(filepath.Join(naturalDir, file))
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

func naturalScore(t *testing.T, ctx context.Context, name, half string, s *scored) {
	store := naturalStore(t, name)
	verbose := os.Getenv("VERBOSE") != ""
	view := store.View(knowledge.Asker{Owner: true})
	for _, q := range naturalQuestions(t, name, half) {
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

func TestNaturalTuning(t *testing.T) {
	if os.Getenv("GROUNDWORK_TUNE") == "" {
		t.Skip("a tool for tuning: GROUNDWORK_TUNE=1")
	}
	var total scored
	for _, name := range []string{"handbook", "18f", "sample"} {
		t.Run(name, func(t *testing.T) {
			naturalScore(t, t.Context(), name, "tune", &total)
		})
	}
	t.Log(total)
}
