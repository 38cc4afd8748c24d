package pdf

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge"
)

const filesDir = "../../../shared/data/files/"

// newReader returns a reader for one test; the compiled engine is kept between runs.
// Short tests take the engine that is four times faster.
func newReader(t testing.TB) *Reader {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	r, err := New(filepath.Join(cache, "groundwork", "pdf"))
	if err != nil {
		t.Fatal(err)
	}
	r.Unstoppable = testing.Short()
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

type sample struct {
	path, kind, special, contains, reference string
	expected                                 []string
}

// samples lists the PDF files of the files data set.
func samples(t testing.TB) (list []sample) {
	t.Helper()
	table, err := os.ReadFile(filesDir + "files.tsv")
	if err != nil {
		t.Skipf("NOT RUN: the files data set is not here: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	for _, line := range lines[1:] {
		row := strings.Split(line, "\t")
		// Files whose name alone says PDF never come to this reader.
		if !strings.HasSuffix(row[0], ".pdf") || row[1] != "pdf" {
			continue
		}
		s := sample{path: row[0], kind: row[2], expected: strings.Split(row[3], "|"), special: row[4], contains: row[5]}
		for _, e := range strings.Fields(row[6]) {
			if strings.HasSuffix(e, ".pdftotext.txt") {
				s.reference = e
			}
		}
		list = append(list, s)
	}
	return list
}

func load(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filesDir + path)
	if err != nil {
		t.Skipf("NOT RUN: the files data set is not here: %v", err)
	}
	return b
}

var invisibleSigns = regexp.MustCompile("[\u00AD\u200B-\u200D\u2060\uFEFF]")

// plainWords is the data set's own rule for comparing.
func plainWords(s string) string {
	return strings.Join(strings.Fields(invisibleSigns.ReplaceAllString(norm.NFKC.String(s), "")), " ")
}

// asExpected reports whether a state is one that the data set allows: a file that
// is taken and has no words counts as text.
func asExpected(state knowledge.Outcome, s sample) bool {
	name := string(state)
	if state == knowledge.Indexed || state == knowledge.Empty && s.contains == "" {
		name = "text"
	}
	return slices.Contains(s.expected, name)
}

func TestFiles(t *testing.T) {
	r := newReader(t)
	count := map[string][2]int{} // kind: as expected, all
	var contained, containing int
	var slowest time.Duration
	var slow string
	r.Read(context.Background(), "warm.pdf", []byte("%PDF-1.4"))
	for _, s := range samples(t) {
		start := time.Now()
		got := r.Read(context.Background(), s.path, load(t, s.path))
		took := time.Since(start)
		if took > slowest {
			slowest, slow = took, s.path
		}
		if allowed := maxTime + time.Duration(len(got.Places))*perPage; took > allowed+2*time.Second {
			t.Errorf("%s took %v, allowed are %v", s.path, took, allowed)
		}
		checkReading(t, s.path, got)
		c := count[s.kind]
		c[1]++
		if asExpected(got.State, s) {
			c[0]++
		} else {
			t.Logf("state: %s: %s (%s), expected %v: %s", s.path, got.State, got.Reason, s.expected, s.special)
		}
		count[s.kind] = c
		if s.kind == "good" && s.contains != "" {
			containing++
			if strings.Contains(plainWords(got.Text), plainWords(s.contains)) {
				contained++
			} else {
				t.Logf("words: %s lacks %q; has %.300q", s.path, s.contains, got.Text)
			}
		}
	}
	share := func(name string, have, all int, least float64) {
		t.Logf("%s: %d of %d", name, have, all)
		if float64(have) < least*float64(all) {
			t.Errorf("%s: %d of %d, want %.0f %%", name, have, all, 100*least)
		}
	}
	share("good files in an expected state", count["good"][0], count["good"][1], 0.98)
	share("bad files in an expected state", count["bad"][0], count["bad"][1], 0.98)
	share("good files with their words", contained, containing, 0.97)
	t.Logf("slowest file: %v, %s", slowest.Round(time.Millisecond), slow)
}

// checkReading holds what every reading promises.
func checkReading(t testing.TB, name string, r knowledge.Reading) {
	t.Helper()
	if r.State != knowledge.Indexed {
		if r.Reason == "" || r.Text != "" || len(r.Blocks) > 0 {
			t.Errorf("%s: %s without a reason, or with text", name, r.State)
		}
		return
	}
	if r.Title == "" || !norm.NFC.IsNormalString(r.Text) || strings.ToValidUTF8(r.Text, "") != r.Text {
		t.Errorf("%s: no title, or text that is not NFC", name)
	}
	end := 0
	for _, b := range r.Blocks {
		if b.Start < end || b.End <= b.Start || b.End > len(r.Text) {
			t.Fatalf("%s: blocks overlap or are empty at %d-%d", name, b.Start, b.End)
		}
		if text := r.Text[b.Start:b.End]; strings.TrimSpace(text) == "" || b.Kind != knowledge.Code && strings.TrimSpace(text) != text {
			t.Errorf("%s: block of blanks: %q", name, text)
		}
		if (b.Kind == knowledge.Heading || b.Kind == knowledge.Item) && (b.Level < 1 || b.Level > 6) {
			t.Errorf("%s: %v of level %d", name, b.Kind, b.Level)
		}
		end = b.End
	}
	last := -1
	for _, p := range r.Places {
		if p.Start <= last && last > 0 || p.Start >= len(r.Text) {
			t.Errorf("%s: places out of order at %d", name, p.Start)
		}
		last = p.Start
	}
}

var word = regexp.MustCompile(`[\p{L}\p{N}_]+`)

func counts(s string) (words map[string]int, all int) {
	words = map[string]int{}
	for _, w := range word.FindAllString(plainWords(s), -1) {
		words[w]++
		all++
	}
	return words, all
}

// overlap returns how many words of a reference a text has, and how many of the
// text's words the reference has, as shares.
func overlap(text, reference string) (recall, precision float64) {
	a, n := counts(text)
	b, m := counts(reference)
	both := 0
	for w, k := range b {
		both += min(k, a[w])
	}
	return float64(both) / float64(max(1, m)), float64(both) / float64(max(1, n))
}

// What repeats as header or number of a page is left out of the document on
// purpose, and pdftotext prints it: for this measure it counts as read.
func TestWordsBesidePdftotext(t *testing.T) {
	r := newReader(t)
	pool, err := r.engines()
	if err != nil {
		t.Fatal(err)
	}
	var all, below int
	var recalls, precisions float64
	for _, s := range samples(t) {
		if s.reference == "" {
			continue
		}
		reference := string(load(t, s.reference))
		f := file{data: load(t, s.path), limit: maxTime}
		if state, reason := f.read(context.Background(), pool); state != "" {
			t.Errorf("%s: %s (%s)", s.path, state, reason)
			continue
		}
		text := f.reading("").Text + "\n" + strings.Join(f.left.lines, "\n")
		f.close()
		recall, precision := overlap(text, reference)
		all++
		recalls, precisions = recalls+recall, precisions+precision
		if recall < 0.97 || precision < 0.97 {
			below++
			t.Errorf("%s: recall %.3f precision %.3f; %s", s.path, recall, precision, difference(text, reference))
		}
	}
	t.Logf("%d of %d files at 0.97 both ways; mean recall %.4f, mean precision %.4f", all-below, all, recalls/float64(all), precisions/float64(all))
}

func difference(text, reference string) string {
	a, _ := counts(text)
	b, _ := counts(reference)
	var lacks, adds []string
	for w, k := range b {
		if k > a[w] {
			lacks = append(lacks, fmt.Sprintf("%s×%d", w, k-a[w]))
		}
	}
	for w, k := range a {
		if k > b[w] {
			adds = append(adds, fmt.Sprintf("%s×%d", w, k-b[w]))
		}
	}
	slices.Sort(lacks)
	slices.Sort(adds)
	return fmt.Sprintf("lacks %.300v; adds %.300v", fmt.Sprint(lacks), fmt.Sprint(adds))
}

// The headings of real files as a person reads them off the pages. In a long file
// these are the first ones.
func TestHeadingsOfRealFiles(t *testing.T) {
	r := newReader(t)
	for path, want := range map[string][]string{
		"pdf/docling/multi_page.pdf": {
			"1 The Evolution of the Word Processor", "1 Pre-Digital Era (19th - Early 20th Century)",
			"1 The Birth of Word Processing (1960s - 1970s)", "1 The Rise of Personal Computers (1980s)",
			"1 The Modern Era (1990s - Present)", "1 Future of Word Processing", "1 Specialized Word Processing Tools",
			"1 Key Features That Changed Word Processing", "1 The Cultural Impact of Word Processors",
			"1 Word Processors in a Post-Digital Era", "1 A Glimpse Into the Future", "",
		},
		"pdf/docling/text_document_01.odt.pdf": {
			"1 Title", "2 Subtitle", "2 heading level 1.0", "3 Heading level 2: A", "3 Heading level 2: B", "",
		},
		"pdf/docling/bookmark_sample.pdf": {
			"1 PART I - DEFINITIONS", "2 1. Interpretation", "2 2. Construction of Terms", "1 PART II - OBLIGATIONS",
			"2 3. Payment Terms", "3 3.1 Payment Schedule", "2 4. Termination", "1 PART III - MISCELLANEOUS", "",
		},
		"pdf/docling/code_and_formula.pdf": {"1 JavaScript Code Example", "1 Formula", ""},
		"pdf/docling/2305.03393v1-pg9.pdf": {"1 5.1 Hyper Parameter Optimization", "1 5.2 Quantitative Results", ""},
		"pdf/pypdf/pdflatex-outline.pdf":   {"1 Contents", "1 1 Foo", "1 2 Bar", "1 3 Baz", "1 4 Foo", "1 5 Bar", "1 6 Baz", "1 7 Foo", "1 8 Bar", "1 9 Baz", ""},
		"pdf/markitdown/test.pdf":          {"1 1 Introduction", ""},
		"pdf/pypdf/GeoTopo-komprimiert.pdf": {
			"1 Einführung in die Geometrie und Topologie", "1 Vorwort", "2 Danksagungen", "2 Was ist Topologie?",
			"2 Erforderliche Vorkenntnisse", "1 Inhaltsverzeichnis", "1 1 Topologische Grundbegriffe", "2 1.1 Topologische Räume",
		},
	} {
		got := r.Read(context.Background(), path, load(t, path))
		var headings []string
		for _, b := range got.Blocks {
			if b.Kind == knowledge.Heading {
				headings = append(headings, fmt.Sprintf("%d %s", b.Level, got.Text[b.Start:b.End]))
			}
		}
		// The empty line stands for the end of the file.
		headings = append(headings, "")
		if n := min(len(headings), len(want)); !slices.Equal(headings[:n], want) {
			t.Errorf("%s: got\n%s\nwant\n%s", path, strings.Join(headings, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Pages a minute on one core, each program over the same files in turns. A process
// of pdftotext is started for each file, as one would; the engine here is started
// once, before.
func TestRealSpeed(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: needs pdftotext; GROUNDWORK_REAL=1 runs it")
	}
	program, err := exec.LookPath("pdftotext")
	if err != nil {
		if out, err := exec.Command("apt-get", "install", "-y", "-q", "poppler-utils").CombinedOutput(); err != nil {
			t.Skipf("NOT RUN: pdftotext cannot be installed: %v %.200s", err, out)
		}
		if program, err = exec.LookPath("pdftotext"); err != nil {
			t.Skip("NOT RUN: no pdftotext here")
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := newReader(t)
	r.Unstoppable = false
	r.Read(context.Background(), "w.pdf", write("", "", []sheetOf{{"", ""}}))
	var paths []string
	var data [][]byte
	pages := 0
	for _, s := range samples(t) {
		if s.kind != "good" || s.contains == "" {
			continue
		}
		b := load(t, s.path)
		got := r.Read(context.Background(), s.path, b)
		if got.State == knowledge.Indexed {
			paths, data, pages = append(paths, filesDir+s.path), append(data, b), pages+len(got.Places)
		}
	}
	fast := newReader(t)
	fast.Unstoppable = true
	fast.Read(context.Background(), "w.pdf", write("", "", []sheetOf{{"", ""}}))
	var ours, quick, theirs []time.Duration
	for range 3 {
		for _, who := range []struct {
			r     *Reader
			times *[]time.Duration
		}{{r, &ours}, {fast, &quick}} {
			start := time.Now()
			for i, b := range data {
				who.r.Read(context.Background(), paths[i], b)
			}
			*who.times = append(*who.times, time.Since(start))
		}
		start := time.Now()
		for _, p := range paths {
			exec.Command(program, p, "-").Run()
		}
		theirs = append(theirs, time.Since(start))
	}
	rate := func(d time.Duration) float64 { return float64(pages) / d.Minutes() }
	best := rate(slices.Min(ours))
	t.Logf("%d files, %d pages with words: here %.0f pages a minute, unstoppable %.0f, pdftotext %.0f (best of 3 rounds in turns, one core)",
		len(paths), pages, best, rate(slices.Min(quick)), rate(slices.Min(theirs)))
	if best < 300 {
		t.Errorf("%.0f pages a minute, want 300", best)
	}
}

// Real files with bytes changed, and cut off.
func TestChangedBytes(t *testing.T) {
	r := newReader(t)
	random := rand.New(rand.NewPCG(1, 2))
	states := map[knowledge.Outcome]int{}
	for i, s := range samples(t) {
		b := slices.Clone(load(t, s.path))
		if i%5 != 0 || len(b) < 100 {
			continue
		}
		for round := range 3 {
			for range 1 + len(b)/2000 {
				b[random.IntN(len(b))] = byte(random.IntN(256))
			}
			if round == 2 {
				b = b[:len(b)/2+random.IntN(len(b)/2)]
			}
			got := r.Read(context.Background(), s.path, b)
			checkReading(t, s.path, got)
			states[got.State]++
		}
	}
	t.Log(states)
}
