package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// rewrite disables one check: old, on the marked line, becomes new.
type rewrite struct{ old, new string }

// single are the places where it is decided who may read what. Each stands in
// the source as a line that ends in "// access: NAME"; the rewrites break it, one
// at a time. TestEachAccessCheck finds the lines by reading the source, so a line
// without a rewrite, and a rewrite without its line, are found too.
var single = map[string][]rewrite{
	// knowledge/document.go: the rule
	"the owner": {{`case a.Owner:`, `case true:`}},
	"nobody":    {{`case a.Name == "":`, `case false:`}},
	"everyone":  {{`case r.Everyone:`, `case true:`}},
	"groups": {
		{`slices.Contains(r.Groups, g)`, `slices.Contains(r.Groups, g) || len(r.Groups) > 0`},
		{`slices.Contains(r.Groups, g)`, `slices.ContainsFunc(r.Groups, func(o Group) bool { return strings.EqualFold(string(o), string(g)) })`},
		{`slices.Contains(r.Groups, g)`, `slices.ContainsFunc(r.Groups, func(o Group) bool { return strings.HasPrefix(string(o), string(g)) })`},
		{`slices.Contains(r.Groups, g)`, `slices.ContainsFunc(r.Groups, func(o Group) bool { return strings.HasPrefix(string(g), string(o)) })`},
		{`slices.Contains(r.Groups, g)`, `slices.Contains(r.Groups, Group(strings.TrimSpace(string(g))))`},
	},
	"no empty group":     {{`name != ""`, `true`}},
	"the page narrows":   {{`return by`, `return r`}},
	"the source narrows": {{`return r`, `return by`}},
	"both narrow":        {{`slices.Contains(by.Groups, g)`, `true`}, {`slices.Contains(by.Groups, g)`, `len(by.Groups) > 0`}},
	// knowledge/text/meta.go: the readers a page asks for
	"front matter":           {{`knowledge.ParseReaders(strings.Join(values, ","))`, `knowledge.Readers{Everyone: true}`}},
	"front matter for all":   {{`slices.Contains(asked.Groups, "all")`, `slices.Contains(asked.Groups, "all") || len(asked.Groups) > 0`}},
	"front matter by a slip": {{`!ok || len(values) == 0`, `false`}},
	"front matter twice":     {{`m.readers.Narrow(asked)`, `asked`}},
	// knowledge/intake, knowledge/sqlite: what is stored
	"taken in for the source's readers": {{`Readers: origin.Readers`, `Readers: knowledge.Readers{Everyone: true}`}},
	"taken in for the page's readers":   {{`d.Readers.Narrow(*d.Asked)`, `d.Readers`}},
	"stored with its readers":           {{`d.Readers`, `knowledge.Readers{Everyone: true}`}},
	// a change of readers
	"readers set":                     {{`a.setReaders(cmd.Context(), store, o, o.Readers)`, `error(nil)`}},
	"readers of a source added again": {{`a.setReaders(cmd.Context(), store, o, r)`, `error(nil)`}},
	"readers set stay narrowed":       {{`readers.Narrow(own)`, `readers.Narrow(knowledge.Readers{Everyone: own.Everyone || true})`}},
	"new readers in the record":       {{`SET readers = ?`, `SET readers = coalesce(readers, ?)`}},
	"new readers in the index":        {{`err = words.setReaders(ctx, n, r)`, `words.q = nil`}},
	"new readers of passages":         {{`change(passages, id, 4)`, `change(passages, id*0, 4)`}},
	"new readers of documents":        {{`change(documents, document, 8)`, `nil`}},
	// knowledge/sqlite/view.go: the way to text
	"the record":                    {{`v.asker.MayRead(r)`, `v.asker.MayRead(r) || true`}},
	"passages":                      {{`!may`, `!may && false`}},
	"document":                      {{`|| !may`, `|| !may && false`}},
	"named documents":               {{`may {`, `may || true {`}},
	"open":                          {{`v.document(`, `View{v.store, knowledge.Asker{Owner: true}}.document(`}},
	"the zero View opens":           {{`v.store == nil`, `false`}},
	"who replaces":                  {{`f.Replaces != ""`, `false`}},
	"documents":                     {{`!v.asker.MayRead(s.Readers)`, `false`}},
	"the zero View ranks":           {{`v.store == nil`, `false`}},
	"the zero View reads passages":  {{`v.store == nil`, `false`}},
	"the zero View reads documents": {{`v.store == nil`, `false`}},
	"the zero View lists":           {{`v.store == nil`, `false`}},
	// knowledge/sqlite/rank.go: what is ranked and counted
	"the index": {{`asker.MayRead(r)`, `true`}},
	"passages ranked": {
		{`&& allowed[binary.LittleEndian.Uint32(u[4:])]`, ``},
		{`if doc`, `if doc != 0 && !allowed[binary.LittleEndian.Uint32(u[4:])] { f.n++ }; if doc`},
		{`if doc`, `if doc != 0 && !allowed[binary.LittleEndian.Uint32(u[4:])] { f.total += float64(binary.LittleEndian.Uint32(u[8:])) }; if doc`},
	},
	"documents ranked": {
		{`|| !allowed[binary.LittleEndian.Uint32(u[8:])]`, ``},
		{`if passage`, `if passage != 0 && !allowed[binary.LittleEndian.Uint32(u[8:])] { titles.see(at+i, binary.LittleEndian.Uint32(u[12:]), unitRef{knowledge.PassageID(passage), block<<blockBits | int64(i)}) }; if passage`},
		{`if passage`, `if passage != 0 && !allowed[binary.LittleEndian.Uint32(u[8:])] { words.see(at+i, binary.LittleEndian.Uint32(u[16:]), unitRef{knowledge.PassageID(passage), block<<blockBits | int64(i)}) }; if passage`},
		{`if passage`, `if passage != 0 && !allowed[binary.LittleEndian.Uint32(u[8:])] { titles.n++ }; if passage`},
		{`if passage`, `if passage != 0 && !allowed[binary.LittleEndian.Uint32(u[8:])] { words.total += float64(binary.LittleEndian.Uint32(u[16:])) }; if passage`},
	},
	"document frequencies": {{`f.unit[at].document != 0`, `at >= 0`}},
	// knowledge/sqlite/meaning.go: what is scored and counted
	"scored by meaning": {
		{`!may`, `!may && false`},
		{`if document`, `if document != 0 && !may { n++ }; if document`},
	},
	"scored for its readers": {{`allowed[r]`, `may || allowed[r]`}},
	// cmd/groundwork/ask.go: who asks
	"the owner on the command line": {
		{`!cmd.Flags().Changed("as") && `, ``},
		{` && !cmd.Flags().Changed("groups")`, ``},
	},
	"search as the asker": {{`store.View(who.asker(cmd))`, `store.View(knowledge.Asker{Owner: true})`}},
	"ask as the asker":    {{`store.View(who.asker(cmd))`, `store.View(knowledge.Asker{Owner: true})`}},
	"verify as the asker": {{`store.View(who.asker(cmd))`, `store.View(knowledge.Asker{Owner: true})`}},
	"open as the asker":   {{`store.View(who.asker(cmd))`, `store.View(knowledge.Asker{Owner: true})`}},
	// server/door.go: who comes in at all
	"the host":  {{`!slices.Contains(s.Hosts, strings.ToLower(r.Host))`, `!slices.Contains(s.Hosts, strings.ToLower(r.Host)) && len(s.Hosts) == 0`}},
	"the token": {{`!s.knows(r)`, `false`}},
	"the right token": {
		{`s.Token != "" && `, ``},
		{`subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) == 1`, `subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) <= 1`},
	},
	// The keeper's own: commands for whoever can enter the home, and the server,
	// which lets in its owner alone. Nothing to break.
	"keeper": nil,
}

var (
	marked  = regexp.MustCompile(`// access: (.+)$`)
	decides = regexp.MustCompile(`\.MayRead\(|\.may\(|\ballowed\[.*\{$|\.Narrow\(|\.View\(|Asker\{Owner`)
	aside   = regexp.MustCompile(`^\s*(//|func )`)
)

// place is one marked line.
type place struct {
	file string // absolute
	line int    // from 0
}

// places finds the marked lines of the source, and what seems to decide about
// access without a mark.
func places(t *testing.T) (found map[string]place, unmarked []string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	found = map[string]place{}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == ".git" || d.Name() == "collectiontest"): // the last is an oracle of its own
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		lines := strings.Split(string(data), "\n")
		for i, line := range lines {
			at := place{name, i}
			m := marked.FindStringSubmatch(line)
			near := slices.ContainsFunc(lines[max(0, i-1):min(len(lines), i+3)], marked.MatchString) // the decision may stand a line or two below
			switch {
			case m == nil && decides.MatchString(line) && !aside.MatchString(line) && !near:
				unmarked = append(unmarked, fmt.Sprintf("%s:%d: %s", name, i+1, strings.TrimSpace(line)))
			case m == nil:
			case found[m[1]].file != "" && m[1] != "keeper":
				t.Errorf("%s:%d: the name %q stands twice", name, i+1, m[1])
			default:
				found[m[1]] = at
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, unmarked
}

// TestAccessChecksAreNamed compares the marks in the source with the table.
func TestAccessChecksAreNamed(t *testing.T) {
	found, unmarked := places(t)
	for _, u := range unmarked {
		t.Errorf("%s\n\tseems to decide who may read; end the line with \"// access: NAME\" and say in the table single how to break it", u)
	}
	for name, at := range found {
		if _, ok := single[name]; !ok {
			t.Errorf("%s:%d: the check %q has no rewrite in the table single", at.file, at.line+1, name)
		}
	}
	for name := range single {
		if found[name].file == "" {
			t.Errorf("no line of the source is marked \"// access: %s\"", name)
		}
	}
}

// TestEachAccessCheck disables the checks one by one, each in a copy of its file
// that only the compiler sees, and runs TestAccess against it: it must fail. By
// default two checks are tried, with GROUNDWORK_LONG=1 all, and with
// GROUNDWORK_ACCESS=NAME that one.
func TestEachAccessCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN: disabling single access checks; go test without -short tries two, GROUNDWORK_LONG=1 all")
	}
	found, _ := places(t)
	names := []string{"document frequencies", "passages"}
	if os.Getenv("GROUNDWORK_LONG") != "" {
		names = slices.Sorted(maps.Keys(single))
		names = slices.DeleteFunc(names, func(name string) bool { return single[name] == nil })
	}
	if only := os.Getenv("GROUNDWORK_ACCESS"); only != "" { // one check, by name
		names = []string{only}
	}
	red, all := 0, 0
	for _, name := range names {
		for _, r := range single[name] {
			all++
			why, ok := withoutCheck(t, found[name], r)
			if ok {
				red++
				t.Logf("red    %s: %s -> %s\n%s", name, r.old, r.new, why)
			} else {
				t.Errorf("GREEN  %s: %s -> %s\n%s", name, r.old, r.new, why)
			}
		}
	}
	t.Logf("%d single changes to %d checks, %d red", all, len(names), red)
}

var sign = regexp.MustCompile(`(?:LEAK of|DIFFERS:|TOO LITTLE:|panic:|groundwork \[|the owner cannot read|the collection has|the suite met no).{0,110}`)

// withoutCheck runs the suite on a build without one check. ok is true when the
// suite fails; why is what it says.
func withoutCheck(t *testing.T, at place, r rewrite) (why string, ok bool) {
	t.Helper()
	if at.file == "" {
		return "no such line", false
	}
	data, err := os.ReadFile(at.file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	if strings.Count(lines[at.line], r.old) != 1 {
		return "the line does not hold it once: " + lines[at.line], false
	}
	lines[at.line] = strings.Replace(lines[at.line], r.old, r.new, 1)
	dir := t.TempDir()
	broken, overlay := filepath.Join(dir, filepath.Base(at.file)), filepath.Join(dir, "overlay.json")
	paths, err := json.Marshal(map[string]map[string]string{"Replace": {at.file: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{broken: []byte(strings.Join(lines, "\n")), overlay: paths} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-count=1", "-timeout=5m", "-run", "^TestAccess$", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GROUNDWORK_LONG=")
	out, err := cmd.CombinedOutput()
	said := fmt.Sprintf("%s (%s)", sign.FindString(string(out)), time.Since(began).Round(time.Second))
	switch {
	case err == nil:
		return said, false
	case !strings.Contains(string(out), "--- FAIL: TestAccess"):
		return "the build without it does not run: " + string(out), false
	}
	return said, true
}
