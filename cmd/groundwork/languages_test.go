package main

import (
	"bufio"
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
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
)

// realLanguages asks German and Japanese questions over pages in those languages:
// an encoder that reads English must not hurt.
func realLanguages(t *testing.T, e model.Embedder) {
	for _, language := range []string{"de", "ja"} {
		dir, err := filepath.Abs("testdata/languages/" + language)
		if err != nil {
			t.Fatal(err)
		}
		home := t.TempDir()
		d, err := db.Open(t.Context(), home, sqlite.Schema)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		store := sqlite.New(d)
		a := &app{home: home, quiet: true, out: os.Stderr, err: os.Stderr, embeds: func() (model.Embedder, error) { return e, nil }}
		o := knowledge.Origin{Name: "pages", Kind: "folder", Location: filepath.Join(dir, "pages"), Readers: knowledge.Readers{Everyone: true}, Models: "local"}
		report, err := a.take(t.Context(), store, o, false)
		if err != nil {
			t.Fatal(err)
		}
		if report.States[knowledge.Indexed] != 30 {
			t.Fatalf("%s: %v", language, report.States)
		}
		if err := a.encode(t.Context(), store); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, "questions.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		n, off := 0, 0
		mrr := map[string]float64{}
		for lines := bufio.NewScanner(f); lines.Scan(); n++ {
			var q struct{ Text, Page string }
			if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
				t.Fatal(err)
			}
			for _, leg := range []string{retrieval.Words, retrieval.Fused, retrieval.Meaning} {
				r, err := retrieval.Find(t.Context(), store.View(knowledge.Asker{Name: "lena"}), retrieval.Search{Question: q.Text, Leg: leg, Encoder: asEncoder(e)})
				if err != nil {
					t.Fatal(err)
				}
				if rank := slices.IndexFunc(r.Found, func(f knowledge.Found) bool { return f.Document.Path() == q.Page }); rank >= 0 {
					mrr[leg] += 1 / float64(rank+1)
				}
				if leg == retrieval.Fused && len(r.Warnings) == 1 && strings.Contains(r.Warnings[0], "does not read this language") {
					off++
				}
			}
		}
		t.Logf("%s: %d questions, MRR by words %.3f, fused %.3f, by meaning alone %.3f; meaning off and said so for %d", language, n,
			mrr[retrieval.Words]/float64(n), mrr[retrieval.Fused]/float64(n), mrr[retrieval.Meaning]/float64(n), off)
		if n != 20 || mrr[retrieval.Fused] < mrr[retrieval.Words] || off < 18 {
			t.Errorf("%s: of 20 questions meaning is off for %d, and the fused MRR is below that of words", language, off)
		}
	}
}

// TestLanguagesAreFrozen: the pages and questions are those that were written
// before anything was tried on them.
func TestLanguagesAreFrozen(t *testing.T) {
	sums, err := os.Open("testdata/languages/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	defer sums.Close()
	n := 0
	for lines := bufio.NewScanner(sums); lines.Scan(); n++ {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		data, err := os.ReadFile(filepath.Join("testdata/languages", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != want {
			t.Errorf("%s has changed since it was frozen", name)
		}
	}
	if n != 63 {
		t.Errorf("%d files, want 63", n)
	}
}
