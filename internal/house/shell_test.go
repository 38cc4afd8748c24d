package house

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// block is one fenced piece of a document.
type block struct {
	line int    // of its fence, from 1
	info string // what follows the fence: "sh", "sh norun", "text", ""
	text string
}

// blocks finds the fenced pieces of a Markdown text.
func blocks(markdown string) (found []block) {
	var open *block
	for i, line := range strings.Split(markdown, "\n") {
		info, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open == nil:
			open = &block{line: i + 1, info: strings.TrimSpace(info)}
		case fence:
			found = append(found, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return found
}

// split takes from a block what cannot run inside a test: fetching the
// repository, entering it, and make, whose targets are returned. The binary
// that make leaves in bin/ is the one on the PATH.
func split(text string) (script string, targets []string) {
	cloned := false
	for line := range strings.Lines(text) {
		var kept []string
		for part := range strings.SplitSeq(strings.TrimRight(line, "\n"), "&&") {
			bare, _, _ := strings.Cut(strings.TrimSpace(part), " #")
			words := strings.Fields(bare)
			switch {
			case len(words) > 1 && words[0] == "git" && words[1] == "clone":
				cloned = true
			case cloned && len(words) > 0 && words[0] == "cd":
				cloned = false
			case len(words) > 0 && words[0] == "make":
				for _, w := range words[1:] {
					if !strings.Contains(w, "=") && !strings.HasPrefix(w, "-") {
						targets = append(targets, w)
					}
				}
			default:
				kept = append(kept, part)
			}
		}
		script += inBin.ReplaceAllString(strings.Join(kept, "&&"), "${1}groundwork") + "\n"
	}
	return script, targets
}

var (
	inBin  = regexp.MustCompile(`(^|[\s(|;])(?:\./)?bin/groundwork\b`)
	target = regexp.MustCompile(`(?m)^([A-Za-z][\w-]*)[ \t]*:(?:[^=]|$)`)
)

// makeTargets lists what a Makefile can make.
func makeTargets(makefile string) (names []string) {
	for _, m := range target.FindAllStringSubmatch(makefile, -1) {
		names = append(names, m[1])
	}
	return names
}

// runDocument runs the sh blocks of one document in order, in one home, from
// the repository's root. After a block that fails the rest would fail as well,
// so it stops there.
func runDocument(ctx context.Context, dir, name string, targets, env []string) (found []string) {
	markdown, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return []string{fmt.Sprintf("%s:1: %v; write it", name, err)}
	}
	for _, b := range blocks(string(markdown)) {
		where := fmt.Sprintf("%s:%d: ", name, b.line)
		language, _, _ := strings.Cut(b.info, " ")
		if slices.Contains([]string{"bash", "shell", "console", "zsh"}, language) {
			found = append(found, where+"a block of "+language+" is never run; write ```sh, or ```sh norun when it cannot be")
		}
		if b.info != "sh" {
			continue
		}
		script, wanted := split(b.text)
		for _, w := range wanted {
			if !slices.Contains(targets, w) {
				found = append(found, fmt.Sprintf("%smake %s: the Makefile has no such target; name one of %s", where, w, strings.Join(targets, ", ")))
			}
		}
		if strings.TrimSpace(script) == "" {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
		cmd := exec.CommandContext(limited, "bash", "-eu", "-o", "pipefail", "-c", script)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		cmd.WaitDelay = 5 * time.Second
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			return append(found, fmt.Sprintf("%sthe block fails (%v); mend it, or mark it ```sh norun\n%s\n%s", where, err, script, out))
		}
	}
	return found
}

func TestShellBlocks(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("NOT RUN: the shell lines of the documents need bash")
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", dir+string(filepath.Separator), "./cmd/groundwork")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program that the documents use: %v\n%s", err, out)
	}
	names := []string{"README.md"}
	for _, pattern := range []string{"*.md", "doc/*.md"} {
		more, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range more {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, rel)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			env := []string{
				"PATH=" + dir + string(filepath.ListSeparator) + os.Getenv("PATH"),
				"GROUNDWORK_HOME=" + filepath.Join(t.TempDir(), "home"),
			}
			for _, v := range runDocument(t.Context(), root, name, makeTargets(string(makefile)), env) {
				t.Error(v)
			}
		})
	}
}

func TestShellBlocksCanBeRed(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("NOT RUN: the shell lines of the documents need bash")
	}
	targets := makeTargets("VERSION := 1\n.PHONY: build\nbuild: x\n\tgo build\ntest-real:\n")
	if diff := cmp.Diff([]string{"build", "test-real"}, targets); diff != "" {
		t.Fatal(diff)
	}
	for _, c := range []struct{ name, text, want string }{
		{"sound", "```sh\ngit clone somewhere && cd somewhere\nmake build # a minute\ntest \"$PLACE\" = here\n```\n```sh norun\nfalse\n```\n```text\nfalse\n```\n", ""},
		{"fails", "\n```sh\ntrue\n```\n```sh\nfalse\ntrue\n```\n", "doc.md:5: the block fails (exit status 1)"},
		{"a variable that is not set", "```sh\necho $nobody_set_this\n```\n", "doc.md:1: the block fails"},
		{"a pipe that breaks early", "```sh\nfalse | cat\n```\n", "doc.md:1: the block fails"},
		{"no such target", "```sh\nmake build && make everything\n```\n", "doc.md:1: make everything: the Makefile has no such target; name one of build, test-real"},
		{"a block that escapes", "```bash\ntrue\n```\n", "doc.md:1: a block of bash is never run"},
		{"a clone does not hide what follows", "```sh\ngit clone x\ncd x\nfalse\n```\n", "doc.md:1: the block fails"},
		{"the binary in bin is the one on the PATH", "```sh\nbin/groundwork demo\n```\n", "groundwork demo\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := write(t, map[string]string{"doc.md": c.text})
			got := strings.Join(runDocument(t.Context(), dir, "doc.md", targets, []string{"PLACE=here", "PATH=/usr/bin:/bin"}), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want it to contain %q", got, c.want)
			}
			if strings.Contains(got, "bin/groundwork") {
				t.Errorf("the script names bin/groundwork, which a test does not have: %q", got)
			}
		})
	}
}
