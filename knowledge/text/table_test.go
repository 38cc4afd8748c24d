package text

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge"
	"groundwork/knowledge/readingtest"
)

// placed writes where each place starts as "line 3: the block there".
func placed(r knowledge.Reading) []string {
	var out []string
	for _, p := range r.Places {
		line, _, _ := strings.Cut(r.Text[p.Start:], "\n")
		out = append(out, p.Name+": "+line)
	}
	return out
}

func TestTable(t *testing.T) {
	for name, c := range map[string]struct {
		file, in string
		want     []string
	}{
		"commas":           {"a.csv", "id,name\n1,Holm\n2,\"Bo, \"\"B\"\"\"\n", []string{"row 1: | id | name |", "row: | 1 | Holm |", `row: | 2 | Bo, "B" |`}},
		"semicolons":       {"a.csv", "a;b\n1,5;2,5\n1,0;2,0\n", []string{"row 1: | a | b |", "row: | 1,5 | 2,5 |", "row: | 1,0 | 2,0 |"}},
		"tabs":             {"a.tsv", "a\tb\nx, y\tz\n", []string{"row 1: | a | b |", "row: | x, y | z |"}},
		"bars":             {"a.csv", "a|b\nc|d", []string{"row 1: | a | b |", "row: | c | d |"}},
		"it says so":       {"a.csv", "sep=;\na,b;c\n", []string{"row 1: | a,b | c |"}},
		"a bar in a cell":  {"a.csv", "a,b\nx|y,z\n", []string{"row 1: | a | b |", `row: | x\|y | z |`}},
		"lines in a cell":  {"a.csv", "a,b\n\"1\n2\",c\r\nd,e", []string{"row 1: | a | b |", "row: | 1 2 | c |", "row: | d | e |"}},
		"no head row":      {"a.csv", "1,2\n3,4\n", []string{"row: | 1 | 2 |", "row: | 3 | 4 |"}},
		"a title above it": {"a.csv", "Depths,,\n,,\nberth,depth,note\nA1,9,x\n", []string{"row: | Depths |  |  |", "row 1: | berth | depth | note |", "row: | A1 | 9 | x |"}},
		"an open quote":    {"a.csv", "a,b\n\"c,d\ne,f\n", []string{"row 1: | a | b |", `row: | "c | d |`, "row: | e | f |"}},
		"one column":       {"a.csv", "name\nHolm\nBo\n", []string{"row 1: | name |", "row: | Holm |", "row: | Bo |"}},
		"uneven":           {"a.csv", "a,b,c\n1\n1,2,3,4\n", []string{"row 1: | a | b | c |", "row: | 1 |", "row: | 1 | 2 | 3 | 4 |"}},
	} {
		r := Read(c.file, []byte(c.in))
		readingtest.Sound(t, name, r)
		if d := cmp.Diff(c.want, readingtest.Show(r)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	r := Read("x/Berths_and-depths.csv", []byte("a,b\n\n\"1\n2\",c\nd,e\n"))
	if d := cmp.Diff([]string{"line 1: | a | b |", "line 3: | 1 2 | c |", "line 5: | d | e |"}, placed(r)); d != "" || r.Title != "Berths and depths" || r.Format != "table" {
		t.Errorf("title %q, format %s, places (-want +got):\n%s", r.Title, r.Format, d)
	}
}

func TestCode(t *testing.T) {
	in := "// Package a is\n// short.\npackage a\n\nimport \"fmt\"\n\n// F prints.\nfunc F() {\n\tx := 1\n\n\tfmt.Println(x)\n}\n\nvar y = 2\n"
	r := Read("dir/a_b.go", []byte(in))
	readingtest.Sound(t, "a_b.go", r)
	if d := cmp.Diff([]string{"code: // Package a is\n// short.\npackage a", "code: import \"fmt\"", "code: // F prints.\nfunc F() {\n\tx := 1\n\n\tfmt.Println(x)\n}", "code: var y = 2"}, readingtest.Show(r)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"line 1: // Package a is", `line 5: import "fmt"`, "line 7: // F prints.", "line 14: var y = 2"}, placed(r)); d != "" || r.Title != "a_b.go" || r.Text != in {
		t.Errorf("title %q, places (-want +got):\n%s", r.Title, d)
	}
	// A long class is cut at its methods; a method with an empty line is not.
	var b strings.Builder
	b.WriteString("class A:\n    \"\"\"A.\"\"\"\n")
	for i := range 12 {
		fmt.Fprintf(&b, "\n    def m%d(self):\n        a = 1\n\n        b = 2\n        c = 3\n        return %d\n", i, i)
	}
	r = Read("a.py", []byte(b.String()))
	readingtest.Sound(t, "a.py", r)
	if len(r.Blocks) != 13 || !strings.HasPrefix(readingtest.Show(r)[3], "code:     def m2(self):\n        a = 1\n\n        b = 2") {
		t.Errorf("%d blocks: %q", len(r.Blocks), readingtest.Show(r))
	}
	for _, name := range []string{"a.json", "a.yaml", "a.toml", "a.xml", "a.sql", "a.sh"} {
		if r := Read(name, []byte("a: <1>\n")); r.State != knowledge.Indexed || r.Format != "code" || r.Title != name {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func FuzzTable(f *testing.F) {
	fuzzBytes(f, "a.csv", "a,b\n\"1\n2\",\"c\"\"\"\n", "sep=|\na|b", "\"", "a;b\t|,", "\"a\"b,\r\n\r\n", "\xff\xfea\x00,\x00")
}

func FuzzCode(f *testing.F) {
	fuzz(f, "a.go", "a\n\nb\n\n  c\n\n}\n", "\n\n\t\n x", strings.Repeat(" a\n\n", 80)+"b\n\n", "\x00\r\n")
}
