package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"groundwork/internal/db"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/source"
	"groundwork/server"
)

// program runs the program's own run function and decodes its one JSON value.
func program(t *testing.T, home string, v any, args ...string) int {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(t.Context(), append([]string{"--home", home, "--json"}, args...), strings.NewReader(""), &out, &errOut)
	if v != nil {
		if err := json.Unmarshal(out.Bytes(), v); err != nil {
			t.Fatalf("%v: not one JSON value: %v\n%s%s", args, err, out.String(), errOut.String())
		}
	}
	return code
}

// answered is what a test reads of the answer's JSON.
type answered struct {
	Answered  bool
	Sentences []struct {
		Text      string
		Support   string
		Citations []server.CitationJSON
	}
	Nearest []struct {
		Pointer, Text string
		Start, End    int
		Path          string
	}
}

// opened is what a test reads of open's JSON.
type opened struct {
	State, Text string
	Start, End  int
}

// stands checks that every citation of an answer opens, holds and stands in the
// file itself after the stated normalisation. It returns how many it checked.
func stands(t *testing.T, home, folder string, x answered) int {
	t.Helper()
	n := 0
	for _, s := range x.Sentences {
		if len(s.Citations) == 0 {
			t.Errorf("a sentence without a citation: %q", s.Text)
		}
		joined := ""
		for i, c := range s.Citations {
			if i > 0 {
				joined += "\n"
			}
			joined += c.Quote
			var o opened
			if code := program(t, home, &o, "open", c.Pointer); code != 0 || o.State != "holds" || o.Text != c.Quote {
				t.Errorf("open %s: exit %d, %s, %q; want %q", c.Pointer, code, o.State, o.Text, c.Quote)
			}
			data, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(c.Path)))
			if err != nil {
				t.Fatal(err)
			}
			if ext := filepath.Ext(c.Path); ext == ".md" || ext == ".txt" {
				if whole := draft.Normalise(data); c.End > len(whole) || whole[c.Start:c.End] != c.Quote {
					t.Errorf("%s: the file does not say %q there", c.Pointer, c.Quote)
				}
			} else if flat := strings.Join(strings.Fields(testReader(t).read(c.Path, data).Text), " "); !strings.Contains(flat, strings.Join(strings.Fields(c.Quote), " ")) {
				t.Errorf("%s: the file does not say %q", c.Pointer, c.Quote)
			}
			n++
		}
		if s.Support != "quoted" || s.Text != joined {
			t.Errorf("a %s sentence %q is not its quotes %q", s.Support, s.Text, joined)
		}
	}
	return n
}

// 300 judged questions: every citation opens and holds, in the store and in the file.
func TestCitationsOfJudgedQuestions(t *testing.T) {
	folder, err := filepath.Abs("../../../shared/data/handbook")
	if err != nil {
		t.Fatal(err)
	}
	queries, err := os.ReadFile("../../../shared/data/judged/sourcegraph_handbook/queries.jsonl")
	if err != nil {
		t.Skipf("NOT RUN: citations of 300 judged questions: %v", err)
	}
	if testing.Short() {
		t.Skip("NOT RUN with -short: citations of 300 judged questions")
	}
	home := t.TempDir()
	if code := program(t, home, nil, "add", folder, "--name", "handbook"); code != 0 {
		t.Fatalf("add: exit %d", code)
	}
	asked, answers, citations, nearest := 0, 0, 0, 0
	for line := range strings.Lines(string(queries)) {
		if asked++; asked > 300 {
			break
		}
		var q struct{ Text string }
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		var x answered
		code := program(t, home, &x, "ask", "--model", "none", q.Text)
		if code != 0 && code != 4 || x.Answered != (code == 0) || x.Answered != (len(x.Sentences) > 0) {
			t.Errorf("%q: exit %d, answered %v, %d sentences", q.Text, code, x.Answered, len(x.Sentences))
		}
		if x.Answered {
			answers++
		}
		citations += stands(t, home, folder, x)
		for _, h := range x.Nearest {
			var o opened
			if program(t, home, &o, "open", h.Pointer); o.State != "holds" || o.Text != h.Text {
				t.Errorf("nearest %s: %s", h.Pointer, o.State)
			}
			nearest++
		}
	}
	t.Logf("300 questions: %d answered, %d citations and %d nearest passages opened and held", answers, citations, nearest)
	if answers < 150 || citations < answers {
		t.Errorf("only %d answers and %d citations: the test shows too little", answers, citations)
	}
}

// The stated normalisations: byte order marks, line ends, composed letters, encodings.
func TestCitationsOfEncodings(t *testing.T) {
	const body = "# Cold store\n\nThe cold store in Zürich is kept at −25 °C — always.\n\nDoors stay open for 15 minutes at most.\n"
	latin := strings.NewReplacer("−", "-", "—", "-").Replace(body)
	folder, home := t.TempDir(), t.TempDir()
	utf16le := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(body)) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	utf16be := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(body)) {
		utf16be = append(utf16be, byte(u>>8), byte(u))
	}
	var latin1 []byte
	for _, r := range latin {
		latin1 = append(latin1, byte(r))
	}
	files := map[string][]byte{
		"bom.md":     append([]byte("\xef\xbb\xbf"), body...),
		"crlf.md":    []byte(strings.ReplaceAll(body, "\n", "\r\n")),
		"cr.txt":     []byte(strings.ReplaceAll(body, "\n", "\r")),
		"nfd.md":     []byte(strings.ReplaceAll(body, "ü", "u\u0308")),
		"latin1.md":  latin1,
		"utf16le.md": utf16le,
		"utf16be.md": utf16be,
		"page.html":  []byte("<title>Cold store</title><h1>Cold store</h1><p>The cold store in Z&uuml;rich is\n kept at &minus;25&nbsp;&deg;C &mdash; always.</p><p>Doors stay open for <b>15 minutes</b> at most.</p>"),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code := program(t, home, nil, "add", folder, "--name", "f"); code != 0 {
		t.Fatalf("add: exit %d", code)
	}
	var hits struct {
		Hits []struct{ Path, Text string }
	}
	program(t, home, &hits, "search", "--top", "50", "cold store Zürich doors minutes")
	seen := map[string]bool{}
	for _, h := range hits.Hits {
		if strings.Contains(h.Text, "Zürich") {
			seen[h.Path] = true
		}
	}
	for name := range files {
		if !seen[name] {
			t.Errorf("%s: its words are not found", name)
		}
		one, oneHome := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(one, name), files[name], 0o600); err != nil {
			t.Fatal(err)
		}
		program(t, oneHome, nil, "add", one, "--name", "f")
		var x answered
		if code := program(t, oneHome, &x, "ask", "how long may doors of the cold store in Zürich stay open?"); code != 0 {
			t.Errorf("%s: not answered (exit %d)", name, code)
			continue
		}
		if stands(t, oneHome, one, x) == 0 {
			t.Errorf("%s: nothing was cited", name)
		}
	}
}

// A source tells a home by the file that internal/db keeps in it.
func TestHomeFile(t *testing.T) {
	if source.HomeFile != db.File {
		t.Errorf("source looks for %s, the store is %s", source.HomeFile, db.File)
	}
}
