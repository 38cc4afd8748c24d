package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	module   = "groundwork"
	tableDoc = "ARCHITECTURE.md"
	free     = -1 // the storey "-": plumbing that everybody may import
)

// repository is what the checks look at: the Go files on disk, by folder, and
// the table of packages.
type repository struct {
	root     string
	fset     *token.FileSet
	packages map[string][]file // by folder relative to root, with forward slashes
	rows     map[string]row    // by the same
	broken   []string          // violations met while reading
}

// file is one Go file.
type file struct {
	name   string // relative to root
	test   bool
	lines  int
	syntax *ast.File
}

// row is one line of the table of packages.
type row struct {
	line    int
	storey  int
	modules []string // third-party modules that the package may import
}

func (r row) String() string {
	if r.storey == free {
		return "storey -"
	}
	return fmt.Sprintf("storey %d", r.storey)
}

// read parses the table and every Go file below root, whatever its build tags.
func read(root string) (*repository, error) {
	r := &repository{root: root, fset: token.NewFileSet(), packages: map[string][]file{}}
	table, err := os.ReadFile(filepath.Join(root, tableDoc))
	if err != nil {
		return nil, err
	}
	r.rows = r.readTable(string(table))
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "." {
				return nil
			}
			_, nested := os.Stat(filepath.Join(name, "go.mod"))
			if nested == nil || strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") ||
				d.Name() == "testdata" || rel == "bin" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(r.fset, rel, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			r.broken = append(r.broken, err.Error()+"; make it compile")
			return nil
		}
		folder := path.Dir(rel)
		r.packages[folder] = append(r.packages[folder], file{
			name: rel, test: strings.HasSuffix(rel, "_test.go"),
			lines: strings.Count(string(src), "\n"), syntax: syntax,
		})
		return nil
	})
	return r, err
}

// readTable finds the table whose head begins with "storey".
func (r *repository) readTable(markdown string) map[string]row {
	rows := map[string]row{}
	inside := false
	for i, line := range strings.Split(markdown, "\n") {
		bad := func(why string) {
			r.broken = append(r.broken, fmt.Sprintf("%s:%d: %s; a row reads | 2 | `knowledge/passage` | its one sentence | modules |", tableDoc, i+1, why))
		}
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for k := range cells {
			cells[k] = strings.TrimSpace(cells[k])
		}
		if cells[0] == "storey" {
			inside = true
			continue
		}
		if !inside || strings.Trim(line, "|-: ") == "" {
			continue
		}
		if len(cells) != 4 {
			bad(fmt.Sprintf("the row has %d columns, not 4", len(cells)))
			continue
		}
		name := strings.Trim(cells[1], "`")
		entry := row{line: i + 1, storey: free}
		if cells[0] != "-" {
			storey, err := strconv.Atoi(cells[0])
			if err != nil || storey < 0 {
				bad(fmt.Sprintf("storey %q is neither a number nor -", cells[0]))
			}
			entry.storey = storey
		} else if !strings.HasPrefix(name, "internal/") {
			bad(name + " has storey -, which is for internal/ alone")
		}
		if cells[2] == "" {
			bad(name + " has no sentence")
		}
		if _, twice := rows[name]; twice {
			bad(name + " has two rows")
		}
		for m := range strings.SplitSeq(cells[3], ",") {
			if m = strings.Trim(m, "` "); m != "" {
				entry.modules = append(entry.modules, m)
			}
		}
		rows[name] = entry
	}
	if len(rows) == 0 {
		r.broken = append(r.broken, tableDoc+":1: no table of packages; its head reads | storey | package | its one sentence | third-party modules it may import |")
	}
	return rows
}

// folders lists the packages in a fixed order.
func (r *repository) folders() []string { return slices.Sorted(maps.Keys(r.packages)) }

// code returns the files of a folder that are not tests.
func (r *repository) code(folder string) []file {
	return slices.DeleteFunc(slices.Clone(r.packages[folder]), func(f file) bool { return f.test })
}

// at returns "file:line: " for a place in a Go file.
func (r *repository) at(p token.Pos) string {
	pos := r.fset.Position(p)
	return fmt.Sprintf("%s:%d: ", pos.Filename, pos.Line)
}
