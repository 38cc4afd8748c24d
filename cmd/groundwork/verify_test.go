package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"groundwork/sample"
)

// checked is what a test reads of verify's JSON.
type checked struct {
	Pointers int
	States   map[string]int
	Failed   []struct{ File, Pointer, State, Why string }
	Moved    []struct{ File, Pointer, Now string }
}

// Every pointer in our own documents holds: they cite the sample.
func TestPointersOfOurDocuments(t *testing.T) {
	home := t.TempDir()
	if code := program(t, home, nil, "add", "../../sample/handbook", "--name", "handbook", "--readers", "all"); code != 0 {
		t.Fatalf("add: exit %d", code)
	}
	args := []string{"verify", "../../README.md", "../../ARCHITECTURE.md"}
	for _, pattern := range []string{"../../cases/*.md", "../../doc/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) == 0 {
			t.Fatalf("%s: %v, %v", pattern, more, err)
		}
		args = append(args, more...)
	}
	var x checked
	if code := program(t, home, &x, args...); code != 0 {
		t.Errorf("exit %d: %+v", code, x.Failed)
	}
	if x.Pointers < 3 || x.States["holds"] != x.Pointers {
		t.Errorf("%d pointers, %v: too few, or one has moved", x.Pointers, x.States)
	}
}

// verifiedQuestions are questions of the sample, so that answers have sentences, items, rows and conflicts.
var verifiedQuestions = []string{
	"what is the hotel limit per night?", "has anybody tried generative AI for the forecast?", "how many days of annual leave are there?",
	"what is the pay band for level 4?", "what does the allowance abroad cover?", "what happened to the freezer in July 2025?",
	"who approves an order of 10,800 euro?", "what do I do when the temperature alarm goes?", "how long is parental leave?",
	"when is pay day?", "which tables are in the warehouse?", "when must VPN be used?", "how are returns handled?", "what is the rota for on-call?",
	"what are the allergen rules?", "what did the works council agree?", "label printing incident",
}

// Answers as Markdown, as JSON and as they are printed hold at once, are followed
// when their pages grow, and fail when their words change.
func TestVerifyAnswersAfterEdits(t *testing.T) {
	folder, home, pages := filepath.Join(t.TempDir(), "handbook"), t.TempDir(), t.TempDir()
	if err := unpack(sample.Handbook, "handbook", folder); err != nil {
		t.Fatal(err)
	}
	if code := program(t, home, nil, "add", folder, "--readers", "all"); code != 0 {
		t.Fatalf("add: exit %d", code)
	}
	verify := []string{"verify"}
	for i, q := range verifiedQuestions {
		for ending, flag := range map[string]string{"md": "--markdown", "json": "--json", "txt": "--quiet"} {
			var out, errOut bytes.Buffer
			if code := run(t.Context(), []string{"--home", home, "ask", flag, q}, strings.NewReader(""), &out, &errOut); code != 0 && code != 4 {
				t.Fatalf("ask %q: exit %d: %s", q, code, errOut.String())
			}
			name := filepath.Join(pages, fmt.Sprintf("%02d.%s", i, ending))
			if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			verify = append(verify, name)
		}
	}
	slices.Sort(verify[1:])
	var before checked
	if code := program(t, home, &before, verify...); code != 0 || before.States["holds"] != before.Pointers || before.Pointers < 100 {
		t.Errorf("at once: exit %d, %v of %d, %+v", code, before.States, before.Pointers, before.Failed)
	}

	edit := func(change func(string) string) checked {
		t.Helper()
		err := filepath.WalkDir(folder, func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			return os.WriteFile(name, []byte(change(string(data))), 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		if code := program(t, home, nil, "sync"); code != 0 {
			t.Fatalf("sync: exit %d", code)
		}
		var x checked
		if code := program(t, home, &x, verify...); (code == 7) != (len(x.Failed) > 0) {
			t.Errorf("exit %d with %d failed", code, len(x.Failed))
		}
		return x
	}
	head := regexp.MustCompile(`(?s)^(---\n.*?\n---\n|<!DOCTYPE.*?<body[^>]*>)?`)
	grown := edit(func(s string) string {
		return head.ReplaceAllStringFunc(s, func(h string) string {
			if strings.HasPrefix(h, "<") {
				return h + "\n<p>This page was read through again in autumn.</p>\n"
			}
			return h + "\nThis page was read through again in autumn.\n\n"
		})
	})
	lost := map[string]int{}
	for _, f := range grown.Failed {
		if lost[filepath.Ext(f.File)]++; filepath.Ext(f.File) != ".txt" {
			t.Errorf("%s: %s is not followed: %s (%s)", filepath.Base(f.File), f.Pointer, f.State, f.Why)
		}
	}
	t.Logf("%d pointers; after pages grew at their beginning: %v, not followed: %v", grown.Pointers, grown.States, lost)
	// As printed, a sentence of several citations does not say which words are whose,
	// and a hit is cut for the screen.
	if lost[".txt"]*5 > grown.Pointers/3 {
		t.Errorf("%d pointers of printed answers are not followed", lost[".txt"])
	}
	for _, m := range grown.Moved {
		var o opened
		if code := program(t, home, &o, "open", m.Now); code != 0 || o.State != "holds" {
			t.Errorf("%s, said to be %s now, does not open: exit %d", m.Pointer, m.Now, code)
		}
	}

	words := edit(func(s string) string {
		return strings.NewReplacer("euro", "crowns", " the ", " this ", "days", "weeks", " of ", " from ", "is", "was").Replace(s)
	})
	if words.States["holds"] > 0 || words.States["changed"] < words.Pointers*4/5 {
		t.Errorf("after other words: %v", words.States)
	}
	t.Logf("after other words: %v", words.States)
}
