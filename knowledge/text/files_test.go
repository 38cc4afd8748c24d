package text

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
)

const shared = "../../../shared/data"

// fold makes texts comparable as shared/data/files/README.md says.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == 0xAD || r >= 0x200B && r <= 0x200D || r == 0x2060 || r == 0xFEFF:
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, norm.NFKC.String(s))
	return strings.Join(strings.Fields(s), " ")
}

// TestFiles reads the Markdown, HTML and plain text files of the shared set.
func TestFiles(t *testing.T) {
	tsv, err := os.ReadFile(filepath.Join(shared, "files/files.tsv"))
	if err != nil {
		t.Skip("NOT RUN: the shared test files are not here: " + err.Error())
	}
	read, right, words, wordsRight := 0, 0, 0, 0
	for line := range strings.Lines(string(tsv)) {
		row := strings.Split(line, "\t")
		p, format, expected, contains := row[0], row[1], row[3], row[5]
		if format != "md" && format != "html" && format != "txt" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(shared, "files", p))
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		r := Read(p, data)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("%s: took %v", p, took)
		}
		sound(t, p, r)
		read++
		got := string(r.State)
		if r.State == knowledge.Indexed || r.State == knowledge.Empty {
			got = "text"
		}
		// A name that no reader here knows says so, whatever the content.
		named := formats[strings.ToLower(filepath.Ext(p))] != ""
		if strings.Contains("|"+expected+"|", "|"+got+"|") || !named && r.State == knowledge.Unsupported {
			right++
		} else {
			t.Errorf("%s: %s (%s), want %s", p, r.State, r.Reason, expected)
		}
		if contains == "" || got != "text" {
			continue
		}
		words++
		if strings.Contains(fold(r.Text), fold(contains)) && strings.Contains(fold(passages(r)), fold(contains)) {
			wordsRight++
		} else {
			t.Errorf("%s: no block holds %q; text begins %q", p, contains, r.Text[:runeEnd(r.Text, 200)])
		}
	}
	if read < 100 {
		t.Errorf("only %d files", read)
	}
	t.Logf("%d of %d files with the expected state, %d of %d with the expected words", right, read, wordsRight, words)
}

// passages joins the blocks of a reading.
func passages(r knowledge.Reading) string {
	var b strings.Builder
	for _, k := range r.Blocks {
		b.WriteString(r.Text[k.Start:k.End])
		b.WriteString("\n")
	}
	return b.String()
}

// TestHandbooks reads two real handbooks.
func TestHandbooks(t *testing.T) {
	for dir, want := range map[string]int{"handbook": 889, "handbook18f": 238} {
		pages, indexed, size, blocks := 0, 0, 0, 0
		var took time.Duration
		err := filepath.WalkDir(filepath.Join(shared, dir), func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(p) != ".md" {
				return err
			}
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			begun := time.Now()
			r := Read(p, data)
			took += time.Since(begun)
			sound(t, p, r)
			if r.Text != Normalise(data) {
				t.Errorf("%s: the text is not the normalised file", p)
			}
			pages++
			size += len(data)
			blocks += len(r.Blocks)
			if r.State == knowledge.Indexed {
				indexed++
			} else {
				t.Logf("%s: %s: %s", p, r.State, r.Reason)
			}
			for _, w := range r.Warnings {
				t.Logf("%s: %s", p, w)
			}
			if len(r.Replaces) > 0 || !r.Dated.IsZero() {
				t.Logf("%s: replaces %q, dated %v", p, r.Replaces, r.Dated)
			}
			return nil
		})
		if err != nil {
			t.Skip("NOT RUN: the shared handbooks are not here: " + err.Error())
		}
		t.Logf("%s: %d of %d pages indexed, %d blocks, %.1f MB/s", dir, indexed, pages, blocks, float64(size)/1e6/took.Seconds())
		if pages < want || indexed < pages-10 {
			t.Errorf("%s: %d of %d pages indexed, want %d", dir, indexed, pages, want)
		}
	}
}
