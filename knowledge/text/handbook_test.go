package text

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/readingtest"
)

const shared = "../../../shared/data"

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
			readingtest.Sound(t, p, r)
			if r.Text != draft.Normalise(data) {
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
