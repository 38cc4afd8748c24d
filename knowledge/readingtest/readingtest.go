// Package readingtest is the conformance test of every reader of files, and what
// the readers' tests share.
package readingtest

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// Sound checks what every reading promises: the text and title are normalised,
// blocks, places and parts keep to the rules of knowledge.Reading, State has a
// Reason where it needs one, and no parser was broken. name is that of the file.
func Sound(t testing.TB, name string, r knowledge.Reading) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf(name+": "+format, args...)
	}
	if strings.HasPrefix(r.Reason, draft.BrokeReader) {
		fail("%s", r.Reason)
	}
	switch r.State {
	case knowledge.Indexed:
		if len(r.Blocks) == 0 && len(r.Parts) == 0 || r.Reason != "" {
			fail("indexed with %d blocks, reason %q", len(r.Blocks), r.Reason)
		}
	case knowledge.Empty, knowledge.Damaged, knowledge.Unsupported, knowledge.NeedsPassword, knowledge.TooLarge:
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
	names := map[string]bool{}
	for _, p := range r.Parts {
		if p.Name == "" || names[p.Name] || strings.HasPrefix(p.Name, "/") || strings.Contains("/"+p.Name+"/", "/../") || strings.Contains(p.Name, "!/") || !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, unicode.IsControl) {
			fail("part %q", p.Name)
		}
		names[p.Name] = true
		if p.State != "" && (p.Bytes != nil || p.Reason == "") {
			fail("part %q is %s with %d bytes, reason %q", p.Name, p.State, len(p.Bytes), p.Reason)
		}
	}
	at := -1
	for _, p := range r.Places {
		if p.Start <= at || p.Start > len(r.Text) || p.Name == "" {
			fail("place %q at %d after %d", p.Name, p.Start, at)
		}
		at = p.Start
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

// Words joins the blocks of a reading, a line end behind each.
func Words(r knowledge.Reading) string {
	var b strings.Builder
	for _, k := range r.Blocks {
		b.WriteString(r.Text[k.Start:k.End])
		b.WriteString("\n")
	}
	return b.String()
}

// Show writes blocks as "kind level: words".
func Show(r knowledge.Reading) []string {
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

// Fold makes texts comparable: in NFKC, without invisible signs, one blank between
// words.
func Fold(s string) string {
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
