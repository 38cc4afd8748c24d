package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// vocabulary packages import no third party, whatever the table says.
var vocabulary = []string{"knowledge", "decision", "model", "measure"}

// forTests are the modules that any test file may import.
var forTests = []string{"github.com/google/go-cmp", "github.com/rogpeppe/go-internal"}

// forbidden names say nothing about what a package is for.
var forbidden = []string{"util", "utils", "common", "helper", "helpers", "base", "type", "types",
	"service", "services", "manager", "managers", "handler", "handlers"}

// hosts of package registries; put together here so that this file does not name one.
var hosts = []string{
	"proxy.golang" + ".org", "registry.npmjs" + ".org", "pypi" + ".org", "files.pythonhosted" + ".org",
	"repo1.maven" + ".org", "repo.maven.apache" + ".org", "crates" + ".io", "deb.debian" + ".org",
}

const (
	largeHouse  = 8000 // lines; below it the share of one package says nothing
	largestPart = 20   // percent of all code that one package may hold
	mostImports = 8    // packages of ours that one package may import
)

// check is one rule: it returns what is wrong.
type check struct {
	name string
	run  func(*repository) []string
}

// checks are all rules of the house.
var checks = []check{
	{"table", checkTable},
	{"storeys", checkStoreys},
	{"third parties", checkThirdParties},
	{"comments", checkComments},
	{"sizes", checkSizes},
	{"names", checkNames},
	{"init", checkInit},
	{"hosts", checkHosts},
}

// violations runs every check over the repository at root.
func violations(root string) ([]string, error) {
	r, err := read(root)
	if err != nil {
		return nil, err
	}
	found := r.broken
	for _, c := range checks {
		found = append(found, c.run(r)...)
	}
	return found, nil
}

// checkTable compares the packages on disk with the rows.
func checkTable(r *repository) (found []string) {
	for _, folder := range r.folders() {
		code := r.code(folder)
		if _, ok := r.rows[folder]; !ok && len(code) > 0 {
			found = append(found, fmt.Sprintf("%s:1: package %s has no row in %s; add its storey and its one sentence to the table", code[0].name, folder, tableDoc))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.rows)) {
		if len(r.code(name)) == 0 {
			found = append(found, fmt.Sprintf("%s:%d: no package stands at %s; remove the row or write the package", tableDoc, r.rows[name].line, name))
		}
	}
	return found
}

// ours returns the folder of an import of this module.
func ours(imported string) (folder string, ok bool) {
	if imported == module {
		return ".", true
	}
	return strings.CutPrefix(imported, module+"/")
}

// importsOf lists the imports of a file with their places.
func importsOf(f file) map[string]token.Pos {
	imports := map[string]token.Pos{}
	for _, spec := range f.syntax.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			imports[p] = spec.Pos()
		}
	}
	return imports
}

// checkStoreys lets imports go down only. A test may also use its own storey,
// because real parts in a temporary folder are better than invented ones.
func checkStoreys(r *repository) (found []string) {
	for _, folder := range r.folders() {
		own, ok := r.rows[folder]
		if !ok {
			continue
		}
		for _, f := range r.packages[folder] {
			imports := importsOf(f)
			for _, imported := range slices.Sorted(maps.Keys(imports)) {
				target, isOurs := ours(imported)
				their, known := r.rows[target]
				if !isOurs || !known || target == folder || their.storey == free {
					continue
				}
				where := r.at(imports[imported])
				switch {
				case own.storey == free:
					found = append(found, fmt.Sprintf("%s%s (%v) imports %s (%v); plumbing knows no domain: take a value or a function instead", where, folder, own, target, their))
				case their.storey > own.storey:
					found = append(found, fmt.Sprintf("%s%s (%v) imports %s (%v), which stands higher; move what both need down, or take it as a value or a function", where, folder, own, target, their))
				case their.storey == own.storey && !f.test:
					found = append(found, fmt.Sprintf("%s%s (%v) imports its neighbour %s; take a value or a function and let cmd/groundwork bind it", where, folder, own, target))
				}
			}
		}
	}
	return found
}

// within reports whether the import path lies in one of the modules.
func within(imported string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool {
		return imported == m || strings.HasPrefix(imported, m+"/")
	})
}

// checkThirdParties lets a package import only the modules its row names.
func checkThirdParties(r *repository) (found []string) {
	for _, folder := range r.folders() {
		for _, f := range r.packages[folder] {
			imports := importsOf(f)
			for _, imported := range slices.Sorted(maps.Keys(imports)) {
				where := r.at(imports[imported])
				first, _, _ := strings.Cut(imported, "/")
				_, isOurs := ours(imported)
				switch {
				case imported == "C":
					found = append(found, where+"cgo; the binary is built without it: find a way in Go")
				case isOurs || !strings.Contains(first, "."): // this module or the standard library
				case f.test && within(imported, forTests):
				case slices.Contains(vocabulary, folder):
					found = append(found, fmt.Sprintf("%svocabulary package %s imports %s; vocabulary imports no third party: move the code to the stage that needs it", where, folder, imported))
				case !within(imported, r.rows[folder].modules):
					found = append(found, fmt.Sprintf("%s%s imports %s, which its row in %s does not name; use the package that owns it, or name it there and say why", where, folder, imported, tableDoc))
				}
			}
		}
	}
	return found
}

// checkComments wants one package comment per package and a doc comment on
// every exported name outside tests and main packages.
func checkComments(r *repository) (found []string) {
	for _, folder := range r.folders() {
		code := r.code(folder)
		var comments []string
		for _, f := range code {
			if f.syntax.Doc.Text() != "" {
				comments = append(comments, r.at(f.syntax.Package))
			}
			if f.syntax.Name.Name == "main" {
				continue
			}
			for _, decl := range f.syntax.Decls {
				found = append(found, r.undocumented(decl)...)
			}
		}
		switch {
		case len(code) > 0 && len(comments) == 0:
			found = append(found, fmt.Sprintf("%s:1: package %s has no package comment; say in one sentence what it is for", code[0].name, folder))
		case len(comments) > 1:
			found = append(found, fmt.Sprintf("%spackage %s has %d package comments; keep one", comments[1], folder, len(comments)))
		}
	}
	return found
}

// undocumented lists the exported names of a declaration that no comment
// explains. Constants and variables may share the comment of their group.
func (r *repository) undocumented(decl ast.Decl) (found []string) {
	missing := func(kind string, name *ast.Ident) {
		found = append(found, fmt.Sprintf("%sexported %s %s has no doc comment; say what it is, its units and ranges, and what nil or zero means", r.at(name.Pos()), kind, name.Name))
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		kind := "function"
		if d.Recv != nil {
			kind = "method"
			if !ast.IsExported(receiver(d.Recv.List[0].Type)) {
				return nil
			}
		}
		if d.Name.IsExported() && d.Doc.Text() == "" {
			missing(kind, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				shared := !d.Lparen.IsValid() && d.Doc.Text() != ""
				if s.Name.IsExported() && s.Doc.Text() == "" && !shared {
					missing("type", s.Name)
				}
			case *ast.ValueSpec:
				if d.Doc.Text() != "" || s.Doc.Text() != "" || s.Comment.Text() != "" {
					continue
				}
				for _, name := range s.Names {
					if name.IsExported() {
						missing(d.Tok.String(), name)
					}
				}
			}
		}
	}
	return found
}

// receiver returns the name of a method's type, without star and type parameters.
func receiver(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// checkSizes looks for a package that swallows the others.
func checkSizes(r *repository) (found []string) {
	lines, total := map[string]int{}, 0
	for _, folder := range r.folders() {
		imported := map[string]bool{}
		for _, f := range r.code(folder) {
			lines[folder] += f.lines
			for p := range importsOf(f) {
				if _, ok := ours(p); ok {
					imported[p] = true
				}
			}
		}
		total += lines[folder]
		if len(imported) > mostImports && !strings.HasPrefix(folder, "cmd/") {
			found = append(found, fmt.Sprintf("%s:1: package %s imports %d of ours, more than %d; take values and functions, or split it", r.code(folder)[0].name, folder, len(imported), mostImports))
		}
	}
	if total <= largeHouse {
		return found
	}
	for _, folder := range r.folders() {
		if lines[folder]*100 > largestPart*total {
			found = append(found, fmt.Sprintf("%s:1: package %s holds %d %% of all code, the limit is %d %%; split it along its ideas", r.code(folder)[0].name, folder, lines[folder]*100/total, largestPart))
		}
	}
	return found
}

// checkNames refuses package names that could hold anything.
func checkNames(r *repository) (found []string) {
	for _, folder := range r.folders() {
		first := r.packages[folder][0]
		parts := strings.Split(folder, "/")
		if name := strings.TrimSuffix(first.syntax.Name.Name, "_test"); !slices.Contains(parts, name) {
			parts = append(parts, name)
		}
		for _, part := range parts {
			if slices.Contains(forbidden, strings.ToLower(part)) {
				found = append(found, fmt.Sprintf("%s:1: package %s is called %s; name it after the thing it is about", first.name, folder, part))
			}
		}
	}
	return found
}

// checkInit refuses work that is done before main.
func checkInit(r *repository) (found []string) {
	for _, folder := range r.folders() {
		for _, f := range r.packages[folder] {
			for _, decl := range f.syntax.Decls {
				if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
					found = append(found, r.at(d.Pos())+"func init works before main knows anything; build the value in a function that its user calls")
				}
			}
		}
	}
	return found
}

// checkHosts reads every file: which registry serves the modules is the
// business of whoever builds, never of this repository.
func checkHosts(r *repository) (found []string) {
	err := filepath.WalkDir(r.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(r.root, name)
		if err != nil {
			return err
		}
		if rel == ".git" || rel == "bin" {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, host := range hosts {
			if i := bytes.Index(content, []byte(host)); i >= 0 {
				line := 1 + bytes.Count(content[:i], []byte("\n"))
				found = append(found, fmt.Sprintf("%s:%d: names the package registry %s; leave the choice of registry to the environment", filepath.ToSlash(rel), line, host))
			}
		}
		return nil
	})
	if err != nil {
		found = append(found, err.Error()+"; make the file readable")
	}
	return found
}
