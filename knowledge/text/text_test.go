package text

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
)

// sound checks what every reading promises.
func sound(t testing.TB, name string, r knowledge.Reading) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf(name+": "+format, args...)
	}
	if strings.HasPrefix(r.Reason, brokeReader) {
		fail("%s", r.Reason)
	}
	switch r.State {
	case knowledge.Indexed:
		if len(r.Blocks) == 0 || r.Reason != "" {
			fail("indexed with %d blocks, reason %q", len(r.Blocks), r.Reason)
		}
	case knowledge.Empty, knowledge.Damaged, knowledge.Unsupported:
		if len(r.Blocks) != 0 || r.Reason == "" {
			fail("%s with %d blocks, reason %q", r.State, len(r.Blocks), r.Reason)
		}
	default:
		fail("state %q", r.State)
	}
	if r.State == knowledge.Indexed && (strings.TrimSpace(r.Title) == "" || strings.Contains(r.Title, "\n")) {
		fail("title %q", r.Title)
	}
	for what, s := range map[string]string{"text": r.Text, "title": r.Title} {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\uFEFF\x00") || !norm.NFC.IsNormalString(s) {
			fail("the %s is not normalised: %.100q", what, s)
		}
	}
	last := 0
	for i, b := range r.Blocks {
		if b.Start < last || b.End <= b.Start || b.End > len(r.Text) {
			fail("block %d is %d-%d after %d in a text of %d", i, b.Start, b.End, last, len(r.Text))
			return
		}
		s := r.Text[b.Start:b.End]
		if !utf8.ValidString(s) {
			fail("block %d cuts a character: %.60q", i, s)
		}
		if first, _, _ := strings.Cut(s, "\n"); strings.TrimSpace(first) == "" || strings.TrimRightFunc(s, unicode.IsSpace) != s {
			fail("block %d begins or ends with blanks: %.60q", i, s)
		}
		switch b.Kind {
		case knowledge.Heading:
			if b.Level < 1 || b.Level > 6 {
				fail("block %d: heading of level %d", i, b.Level)
			}
		case knowledge.Item:
			if b.Level < 1 {
				fail("block %d: item of level %d", i, b.Level)
			}
		}
		last = b.End
	}
}

// same compares readings.
func same(a, b knowledge.Reading) bool { return cmp.Equal(a, b) }

// show writes blocks as "kind level: words".
func show(r knowledge.Reading) []string {
	var out []string
	for _, b := range r.Blocks {
		line := b.Kind.String()
		if b.Level > 0 {
			line += fmt.Sprintf(" %d", b.Level)
		}
		out = append(out, line+": "+r.Text[b.Start:b.End])
	}
	return out
}
