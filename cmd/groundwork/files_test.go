package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/knowledge"
	"groundwork/knowledge/readingtest"
)

const shared = "../../../shared/data"

// readElsewhere are the formats that a server of its own would read.
var readElsewhere = map[string]bool{"doc": true, "xls": true, "ppt": true, "msg": true}

// archives are the formats that hold files.
var archives = map[string]bool{"zip": true, "tar": true, "gz": true}

// holds reports whether words stand in the blocks of a reading, or in those of a
// file inside it.
func holds(reader fileReader, r knowledge.Reading, words string, depth int) bool {
	if strings.Contains(readingtest.Fold(r.Text), readingtest.Fold(words)) && strings.Contains(readingtest.Fold(readingtest.Words(r)), readingtest.Fold(words)) {
		return true
	}
	return depth > 0 && slices.ContainsFunc(r.Parts, func(p knowledge.Inner) bool { return holds(reader, reader.read(p.Name, p.Bytes), words, depth-1) })
}

// formatTally counts the files of one format.
type formatTally struct {
	good, goodRight, bad, badRight, words, wordsRight int
	slowest                                           time.Duration
}

func (a *formatTally) add(b formatTally) {
	a.good += b.good
	a.goodRight += b.goodRight
	a.bad += b.bad
	a.badRight += b.badRight
	a.words += b.words
	a.wordsRight += b.wordsRight
	a.slowest = max(a.slowest, b.slowest)
}

// testReader is the reader of a test.
func testReader(t *testing.T) fileReader {
	t.Helper()
	r, err := newFileReader()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// TestFiles reads the files of the shared set in every format but PDF, whose
// package has a test of its own, and those that nobody reads. It holds state, words and time against what
// files.tsv expects, and logs a table.
func TestFiles(t *testing.T) {
	tsv, err := os.ReadFile(filepath.Join(shared, "files/files.tsv"))
	if err != nil {
		t.Skip("NOT RUN: the shared test files are not here: " + err.Error())
	}
	reader := testReader(t)
	counts := map[string]*formatTally{}
	var all formatTally
	for line := range strings.Lines(string(tsv)) {
		row := strings.Split(line, "\t")
		p, format, kind, expected, contains := row[0], row[1], row[2], row[3], row[5]
		switch {
		case kind != "good" && kind != "bad":
			continue // the head
		case format == "pdf":
			continue // read in a package of its own
		}
		data, err := os.ReadFile(filepath.Join(shared, "files", p))
		if err != nil {
			t.Fatal(err)
		}
		var one formatTally
		begun := time.Now()
		r := reader.read(p, data)
		one.slowest = time.Since(begun)
		if one.slowest > 10*time.Second {
			t.Errorf("%s: took %v", p, one.slowest)
		}
		readingtest.Sound(t, p, r)
		got := string(r.State)
		if r.State == knowledge.Indexed || r.State == knowledge.Empty {
			got = "text"
		}
		if archives[format] && len(r.Parts) > 0 {
			got = "unsupported" // as files.tsv calls what is opened for its parts
		}
		right := strings.Contains("|"+expected+"|", "|"+got+"|") || readElsewhere[format] && r.State == knowledge.Unsupported
		if !right {
			t.Logf("%s: %s (%s), want %s", p, r.State, r.Reason, expected)
		}
		n := 0
		if right {
			n = 1
		}
		if kind == "good" {
			one.good, one.goodRight = 1, n
		} else {
			one.bad, one.badRight = 1, n
		}
		if contains != "" && got == "text" {
			one.words = 1
			if holds(reader, r, contains, 3) {
				one.wordsRight = 1
			} else {
				t.Logf("%s: no block holds %q; text begins %q", p, contains, r.Text[:min(200, len(r.Text))])
			}
		}
		if readElsewhere[format] {
			format += " *"
		} else {
			all.add(one)
		}
		if counts[format] == nil {
			counts[format] = &formatTally{}
		}
		counts[format].add(one)
	}
	t.Logf("%-8s %12s %12s %12s %9s", "format", "good", "bad", "words", "slowest")
	show := func(format string, n formatTally) {
		t.Logf("%-8s %6d/%5d %6d/%5d %6d/%5d %6d ms", format, n.goodRight, n.good, n.badRight, n.bad, n.wordsRight, n.words, n.slowest.Milliseconds())
	}
	for _, format := range slices.Sorted(maps.Keys(counts)) {
		show(format, *counts[format])
	}
	show("all", all)
	t.Log("* unsupported here counts as right: a server of its own would read these; they are not among all")
	if all.good < 300 || all.bad < 150 || all.words < 200 {
		t.Errorf("only %d good files, %d bad ones, %d with words", all.good, all.bad, all.words)
	}
	if 100*all.goodRight < 98*all.good || 100*all.badRight < 98*all.bad || 100*all.wordsRight < 97*all.words {
		t.Error("too few files are read as expected")
	}
}
