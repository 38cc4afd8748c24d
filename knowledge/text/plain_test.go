package text

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge/readingtest"
)

func TestPlain(t *testing.T) {
	long := strings.Repeat("word ", 30)
	for name, c := range map[string]struct {
		in    string
		title string
		want  []string
	}{
		"paragraphs": {"First line\nsecond line\n\n \t\n  third  \n", "First line", []string{"paragraph: First line\nsecond line", "paragraph: third"}},
		"underlined": {"Crane rules\n===========\nwords\n\nHooks\n-----\n\nmore\n---\n", "Crane rules",
			[]string{"heading 1: Crane rules", "paragraph: words", "heading 2: Hooks", "heading 2: more"}},
		"capitals":   {"GETTING STARTED, 2026\n\nwords\n\nA B\n\nNOT ALONE\nwords\n", "GETTING STARTED, 2026", []string{"heading 2: GETTING STARTED, 2026", "paragraph: words", "paragraph: A B", "paragraph: NOT ALONE\nwords"}},
		"items":      {"Intro:\n- one\n  more\n* two\n\n12. three\n3) four\n-dash\n- \n", "Intro:", []string{"paragraph: Intro:", "item 1: - one\n  more", "item 1: * two", "item 1: 12. three", "item 1: 3) four\n-dash\n-"}},
		"table":      {"Name   Price\n----   -----\nHook   5\n", "Name Price", []string{"paragraph: Name   Price\n----   -----\nHook   5"}},
		"late head":  {"a\n\nb\n\nc\n\nHEADING\n\nd", "a", []string{"paragraph: a", "paragraph: b", "paragraph: c", "heading 2: HEADING", "paragraph: d"}},
		"long line":  {long, strings.TrimSpace(strings.Repeat("word ", 16)), []string{"paragraph: " + strings.TrimSpace(long)}},
		"longest":    {long + long, "my notes", []string{"paragraph: " + strings.TrimSpace(long+long)}},
		"no end":     {"a\n\nb", "a", []string{"paragraph: a", "paragraph: b"}},
		"rule alone": {"-----\n\na", "-----", []string{"paragraph: -----", "paragraph: a"}},
	} {
		r := Read("my_notes.txt", []byte(c.in))
		readingtest.Sound(t, name, r)
		if diff := cmp.Diff(c.want, readingtest.Show(r)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if r.Title != c.title || r.Text != c.in || r.Format != "text" {
			t.Errorf("%s: title %q, format %q, text %q", name, r.Title, r.Format, r.Text)
		}
	}
}
