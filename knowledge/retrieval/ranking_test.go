package retrieval_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groundwork/internal/db"
	"groundwork/knowledge"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/text"
	"groundwork/sample"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the rankings as they are now")

// store holds the sample handbook, without screening.
func store(t *testing.T) *sqlite.Store {
	t.Helper()
	d, err := db.Open(t.Context(), t.TempDir(), sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	s := sqlite.New(d)
	var changes []knowledge.Change
	err = fs.WalkDir(sample.Handbook, "handbook", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sample.Handbook, path)
		if err != nil {
			return err
		}
		_, rel, _ := strings.Cut(path, "/")
		r := text.Read(rel, data)
		doc := knowledge.Document{ID: knowledge.ID("handbook", rel), Version: knowledge.HashOf([]byte(r.Text)), Title: r.Title, Text: r.Text, Blocks: r.Blocks,
			Dated: r.Dated, Readers: knowledge.Readers{Everyone: true}}
		changes = append(changes, knowledge.Change{Document: &doc, Passages: passage.Cut(doc),
			Entry: knowledge.Entry{Source: "handbook", Path: rel, State: knowledge.Indexed, Version: doc.Version, Readers: doc.Readers}})
		return nil
	})
	if err == nil {
		err = s.Apply(t.Context(), changes...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRanking compares each question's ranking with a file that a person can
// read as a diff, and the ranks of the wanted pages with rank_stats.txt. After a
// change that is meant: go test ./knowledge/retrieval -update
func TestRanking(t *testing.T) {
	view := store(t).View(knowledge.Asker{Name: "lena"})
	data, err := os.ReadFile("testdata/questions.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var stats strings.Builder
	n, first, five, reciprocal := 0, 0, 0, 0.
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		question, wanted, _ := strings.Cut(line, "\t")
		r, err := retrieval.Find(t.Context(), view, retrieval.Search{Question: question, Top: 10})
		if err != nil {
			t.Fatal(err)
		}
		n++
		var b strings.Builder
		fmt.Fprintf(&b, "%s\nwanted: %s\n\n", question, wanted)
		rank, pages := 0, map[string]bool{}
		for i, f := range r.Found {
			pages[f.Document.Path()] = true
			mark := "  "
			if f.Document.Path() == wanted {
				mark = "->"
				if rank == 0 {
					rank = len(pages)
				}
			}
			fmt.Fprintf(&b, "%s %2d  %.3f  %s  %s\n      %s\n", mark, i+1, f.Score, f.Document.Path(), strings.Join(f.Heading, " > "), legs(f.Legs))
		}
		if rank == 1 {
			first++
		}
		if rank > 0 && rank <= 5 {
			five++
		}
		if rank > 0 {
			reciprocal += 1 / float64(rank)
		}
		fmt.Fprintf(&stats, "%2d  %s\n", rank, question)
		compare(t, filepath.Join("testdata/ranking", name(question)+".txt"), b.String())
	}
	fmt.Fprintf(&stats, "\n%d questions: page first %d, among five %d, MRR %.3f\n", n, first, five, reciprocal/float64(n))
	compare(t, "testdata/rank_stats.txt", stats.String())
}

func legs(placed map[string]knowledge.Placed) string {
	var parts []string
	for _, leg := range []string{"words", "titles", "documents", "meaning"} {
		if p, ok := placed[leg]; ok {
			parts = append(parts, fmt.Sprintf("%s %d (%.2f)", leg, p.Rank, p.Score))
		}
	}
	return strings.Join(parts, ", ")
}

func name(question string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(question))[:min(len(question), 40)], "-")
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (go test ./knowledge/retrieval -update writes it anew):\n%s", file, diff)
	}
}
