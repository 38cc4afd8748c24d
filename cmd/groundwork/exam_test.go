package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/sqlite"
	"groundwork/measure/judged"
)

func TestExamChange(t *testing.T) {
	for _, c := range []struct {
		given    judged.Document
		title    string
		passages []string
	}{
		{judged.Document{ID: "a/leave.md", Title: "Leave  rules", Text: "# Leave\n\nMany days.\n\n## How\n\nAsk."}, "Leave rules", []string{"Many days.", "Ask."}},
		{judged.Document{ID: "4711", Title: "Cells", Text: "# no heading here"}, "Cells", []string{"# no heading here"}},
		{judged.Document{ID: "v1.pdf", Title: "", Text: "Some words."}, "", []string{"Some words."}},
		{judged.Document{ID: "5", Title: "Only a title", Text: " "}, "Only a title", []string{"Only a title"}},
	} {
		change, ok := examChange(c.given)
		if !ok {
			t.Errorf("%s: no words", c.given.ID)
			continue
		}
		var got []string
		for _, p := range change.Passages {
			got = append(got, p.Text)
		}
		if diff := cmp.Diff(c.passages, got); diff != "" {
			t.Errorf("%s: passages (-want +got)\n%s", c.given.ID, diff)
		}
		d := change.Document
		if d.ID != knowledge.DocumentID("exam/"+c.given.ID) || c.title != "" && d.Title != c.title || d.Title == "" || !d.Readers.Everyone {
			t.Errorf("%s: %+v", c.given.ID, d)
		}
	}
	if _, ok := examChange(judged.Document{ID: "6", Text: "\ufeff\n"}); ok {
		t.Error("a document without words was indexed")
	}
}

func TestDocumentSearchFoldsPassages(t *testing.T) {
	set := judged.Set{Name: "fold", Corpus: "fold", Documents: []judged.Document{
		{ID: "long.md", Title: "Long", Text: "# Long\n\n## One\n\nPepper and salt.\n\n## Two\n\nPepper.\n\n## Three\n\nPepper and more pepper with bread."},
		{ID: "short.md", Title: "Short", Text: "# Short\n\nPepper."},
	}}
	a := &app{quiet: true, out: io.Discard, err: io.Discard}
	d, err := a.examStore(t.Context(), t.TempDir(), set, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	search := documentSearch(sqlite.New(d).View(knowledge.Asker{Owner: true}), "", nil)
	found, err := search(t.Context(), "pepper", 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 2 || found[0].Document == found[1].Document || found[0].Score < found[1].Score {
		t.Errorf("found %v, want each document once, best first", found)
	}
	if one, err := search(t.Context(), "pepper", 1); err != nil || len(one) != 1 || one[0] != found[0] {
		t.Errorf("top 1: %v, %v", one, err)
	}
}

// An interrupted indexing is no store; the next exam indexes again.
func TestExamStoreIsWholeOrNot(t *testing.T) {
	home := t.TempDir()
	set := judged.Set{Name: "many", Corpus: "many"}
	for i := range 200 {
		set.Documents = append(set.Documents, judged.Document{ID: fmt.Sprintf("%d.md", i), Text: "Words."})
	}
	var notes bytes.Buffer
	a := &app{out: io.Discard, err: &notes}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := a.examStore(ended, home, set, false, nil); fault.KindOf(err) != fault.Budget {
		t.Fatalf("interrupted at once: %v", err)
	}
	d, err := db.Open(t.Context(), examDir(home, set), sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	change, _ := examChange(set.Documents[0])
	if err := errors.Join(sqlite.New(d).Apply(t.Context(), change), d.Close()); err != nil {
		t.Fatal(err)
	}
	if d, err := openWhole(t.Context(), examDir(home, set)); d != nil || err != nil {
		t.Fatalf("half a store was opened: %v", err)
	}
	for range 2 {
		d, err := a.examStore(t.Context(), home, set, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		counts, err := sqlite.New(d).Counts(t.Context())
		if err != nil || counts.Documents != 200 {
			t.Errorf("%d documents, %v", counts.Documents, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(notes.String(), "200 documents indexed"); n != 1 {
		t.Errorf("indexed %d times after the interruption, want once:\n%s", n, &notes)
	}
	set.Corpus = "other"
	d, err = a.examStore(t.Context(), home, set, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(notes.String(), "200 documents indexed"); n != 2 {
		t.Error("another corpus was not indexed")
	}
}
