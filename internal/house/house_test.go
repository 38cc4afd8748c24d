package house

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the repository, seen from this package's folder.
const root = "../.."

func TestHouse(t *testing.T) {
	r, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.broken {
		t.Error(v)
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			for _, v := range c.run(r) {
				t.Error(v)
			}
		})
	}
}

// sound is a small repository without a violation.
var sound = map[string]string{
	tableDoc: "# A house\n\n" +
		"| storey | package | its one sentence | third-party modules it may import |\n|---|---|---|---|\n" +
		"| - | `internal/db` | keeps | `modernc.org/sqlite` |\n" +
		"| 1 | `knowledge` | names | |\n" +
		"| 2 | `knowledge/text` | reads | `github.com/yuin/goldmark`, golang.org/x/net |\n" +
		"| 2 | `knowledge/passage` | cuts | |\n" +
		"| 5 | `cmd/groundwork` | wires | |\n",
	"internal/db/db.go":      "// Package db keeps.\npackage db\n\nimport _ \"modernc.org/sqlite\"\n",
	"knowledge/knowledge.go": "// Package knowledge names.\npackage knowledge\n\n// The kinds.\nconst (\n\tA = 1\n\tB = 2\n)\n",
	"knowledge/text/text.go": "// Package text reads.\npackage text\n\nimport (\n\t_ \"groundwork/internal/db\"\n\t_ \"groundwork/knowledge\"\n\n\t_ \"github.com/yuin/goldmark/ast\"\n)\n",
	// A test may use a neighbour and the modules for tests.
	"knowledge/text/text_test.go":  "package text_test\n\nimport (\n\t_ \"groundwork/knowledge/passage\"\n\t_ \"groundwork/knowledge/text\"\n\n\t_ \"github.com/google/go-cmp/cmp\"\n)\n",
	"knowledge/passage/passage.go": "// Package passage cuts.\npackage passage\n\ntype hidden[T any] struct{}\n\nfunc (hidden[T]) Shown() {}\n",
	"cmd/groundwork/main.go":       "// Groundwork wires.\npackage main\n\nimport (\n\t_ \"groundwork/knowledge/passage\"\n\t_ \"groundwork/knowledge/text\"\n)\n\nfunc Main() {}\n",
	// Neither is part of the house.
	"knowledge/text/testdata/x.go": "package util",
	"doc/bench/go.mod":             "module bench",
	"doc/bench/main.go":            "package main",
}

func TestEveryCheckCanBeRed(t *testing.T) {
	table := sound[tableDoc]
	var nine, ten strings.Builder
	for i := range 9 {
		fmt.Fprintf(&nine, "import _ \"groundwork/knowledge/p%d\"\n", i)
	}
	for range largeHouse {
		ten.WriteString("// line\n")
	}
	for _, c := range []struct {
		name    string
		changed map[string]string // "" removes the file
		want    []string
	}{
		{"a sound repository", nil, nil},
		{"an upward import",
			map[string]string{"knowledge/up.go": "package knowledge\n\nimport _ \"groundwork/knowledge/text\"\n"},
			[]string{"knowledge/up.go:3: knowledge (storey 1) imports knowledge/text (storey 2), which stands higher; move what both need down, or take it as a value or a function"}},
		{"an upward import in a test",
			map[string]string{"knowledge/up_test.go": "package knowledge\n\nimport _ \"groundwork/knowledge/text\"\n"},
			[]string{"knowledge/up_test.go:3: knowledge (storey 1) imports knowledge/text (storey 2), which stands higher; move what both need down, or take it as a value or a function"}},
		{"a neighbour import",
			map[string]string{"knowledge/passage/near.go": "package passage\n\nimport _ \"groundwork/knowledge/text\"\n"},
			[]string{"knowledge/passage/near.go:3: knowledge/passage (storey 2) imports its neighbour knowledge/text; take a value or a function and let cmd/groundwork bind it"}},
		{"plumbing that knows the domain",
			map[string]string{"internal/db/up.go": "package db\n\nimport _ \"groundwork/knowledge\"\n"},
			[]string{"internal/db/up.go:3: internal/db (storey -) imports knowledge (storey 1); plumbing knows no domain: take a value or a function instead"}},
		{"a package missing from the table",
			map[string]string{"knowledge/answer/answer.go": "// Package answer answers.\npackage answer\n"},
			[]string{"knowledge/answer/answer.go:1: package knowledge/answer has no row in ARCHITECTURE.md; add its storey and its one sentence to the table"}},
		{"a row without a package",
			map[string]string{tableDoc: table + "| 2 | `knowledge/answer` | answers | |\n"},
			[]string{"ARCHITECTURE.md:10: no package stands at knowledge/answer; remove the row or write the package"}},
		{"a row that cannot be read",
			map[string]string{tableDoc: strings.Replace(table, "| 2 | `knowledge/passage`", "| two | `knowledge/passage`", 1) + "| 2 | short |\n"},
			[]string{
				"ARCHITECTURE.md:8: storey \"two\" is neither a number nor -; a row reads | 2 | `knowledge/passage` | its one sentence | modules |",
				"ARCHITECTURE.md:10: the row has 2 columns, not 4; a row reads | 2 | `knowledge/passage` | its one sentence | modules |"}},
		{"storey - outside internal",
			map[string]string{tableDoc: strings.Replace(table, "| 2 | `knowledge/passage`", "| - | `knowledge/passage`", 1)},
			[]string{"ARCHITECTURE.md:8: knowledge/passage has storey -, which is for internal/ alone; a row reads | 2 | `knowledge/passage` | its one sentence | modules |"}},
		{"undocumented exports",
			map[string]string{"knowledge/passage/bare.go": "package passage\n\nfunc Cut() {}\n\ntype T struct{ Field int }\n\nfunc (*T) M() {}\n\nvar V = 1\n\n//go:noinline\nfunc Directive() {}\n"},
			[]string{
				"knowledge/passage/bare.go:3: exported function Cut has no doc comment; say what it is, its units and ranges, and what nil or zero means",
				"knowledge/passage/bare.go:5: exported type T has no doc comment; say what it is, its units and ranges, and what nil or zero means",
				"knowledge/passage/bare.go:7: exported method M has no doc comment; say what it is, its units and ranges, and what nil or zero means",
				"knowledge/passage/bare.go:9: exported var V has no doc comment; say what it is, its units and ranges, and what nil or zero means",
				"knowledge/passage/bare.go:12: exported function Directive has no doc comment; say what it is, its units and ranges, and what nil or zero means"}},
		{"two package comments",
			map[string]string{"knowledge/passage/second.go": "// Package passage cuts again.\npackage passage\n"},
			[]string{"knowledge/passage/second.go:2: package knowledge/passage has 2 package comments; keep one"}},
		{"no package comment",
			map[string]string{"knowledge/passage/passage.go": "package passage\n"},
			[]string{"knowledge/passage/passage.go:1: package knowledge/passage has no package comment; say in one sentence what it is for"}},
		{"a third-party import in the wrong package",
			map[string]string{"knowledge/passage/far.go": "package passage\n\nimport _ \"github.com/yuin/goldmark\"\n"},
			[]string{"knowledge/passage/far.go:3: knowledge/passage imports github.com/yuin/goldmark, which its row in ARCHITECTURE.md does not name; use the package that owns it, or name it there and say why"}},
		{"a module for tests outside tests",
			map[string]string{"knowledge/passage/far.go": "package passage\n\nimport _ \"github.com/google/go-cmp/cmp\"\n"},
			[]string{"knowledge/passage/far.go:3: knowledge/passage imports github.com/google/go-cmp/cmp, which its row in ARCHITECTURE.md does not name; use the package that owns it, or name it there and say why"}},
		{"a third-party import in the vocabulary",
			map[string]string{
				tableDoc:           strings.Replace(table, "names | |", "names | golang.org/x/text |", 1),
				"knowledge/far.go": "package knowledge\n\nimport _ \"golang.org/x/text/unicode/norm\"\n"},
			[]string{"knowledge/far.go:3: vocabulary package knowledge imports golang.org/x/text/unicode/norm; vocabulary imports no third party: move the code to the stage that needs it"}},
		{"cgo",
			map[string]string{"knowledge/passage/c.go": "package passage\n\nimport \"C\"\n"},
			[]string{"knowledge/passage/c.go:3: cgo; the binary is built without it: find a way in Go"}},
		{"an init function",
			map[string]string{"knowledge/passage/early.go": "package passage\n\nfunc init() {}\n"},
			[]string{"knowledge/passage/early.go:3: func init works before main knows anything; build the value in a function that its user calls"}},
		{"a name that could hold anything",
			map[string]string{
				tableDoc:                 table + "| 2 | `knowledge/util` | anything | |\n",
				"knowledge/util/util.go": "// Package util holds anything.\npackage util\n"},
			[]string{"knowledge/util/util.go:1: package knowledge/util is called util; name it after the thing it is about"}},
		{"too many imports of ours",
			map[string]string{"knowledge/passage/wide.go": "package passage\n\n" + nine.String()},
			[]string{"knowledge/passage/passage.go:1: package knowledge/passage imports 9 of ours, more than 8; take values and functions, or split it"}},
		{"one package that holds the house",
			map[string]string{"knowledge/passage/long.go": "package passage\n\n" + ten.String()},
			[]string{"knowledge/passage/long.go:1: package knowledge/passage holds 99 % of all code, the limit is 20 %; split it along its ideas"}},
		{"a registry's host",
			map[string]string{"doc/install.md": "first\nGOPROXY=https://" + hosts[0] + "\n"},
			[]string{"doc/install.md:2: names the package registry " + hosts[0] + "; leave the choice of registry to the environment"}},
		{"a file that does not parse",
			map[string]string{"knowledge/passage/broken.go": "package passage\n\nfunc {\n"},
			[]string{"knowledge/passage/broken.go:3:6: expected 'IDENT', found '{'; make it compile"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := maps.Clone(sound)
			maps.Copy(files, c.changed)
			got, err := violations(write(t, files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// write makes a folder that holds the files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
