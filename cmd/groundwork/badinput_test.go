//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"groundwork/internal/db"
	"groundwork/knowledge/sqlite"
)

// These tests run the program as users do: a process of its own, built without cgo.

// binary is the built program, in a folder of its own that anybody may enter.
type binary struct {
	path string
	dir  string // where it runs
	home string
	uid  uint32 // as whom; 0: as this test
}

// nobody may do nothing that is not allowed to everybody.
const nobody = 65534

// buildBinary builds the program for a group of tests.
func buildBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(openDir(t), "groundwork")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// openDir returns a temporary folder that everybody may enter, the way to it as well.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func newBinary(t *testing.T, path string) binary {
	t.Helper()
	dir := openDir(t)
	return binary{path: path, dir: dir, home: filepath.Join(dir, "home")}
}

// asNobody lets the program run as nobody, which owns its folder, when this test
// is root, for whom everything is allowed.
func (p binary) asNobody(t *testing.T) binary {
	t.Helper()
	if os.Geteuid() == 0 {
		p.uid = nobody
		if err := os.Chown(p.dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p binary) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"GROUNDWORK_HOME=" + p.home, "HOME=" + p.dir, "PATH=" + os.Getenv("PATH")}
	if p.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.uid}}
	}
	return cmd
}

// outcome is how a run of the program ended.
type outcome struct {
	*testing.T
	args        []string
	code        int // -1: by a signal
	out, err    string
	took        time.Duration
	memoryBytes int64 // at its peak
}

// running is a run that has not ended.
type running struct {
	*testing.T
	cmd      *exec.Cmd
	out, err bytes.Buffer
	began    time.Time
}

func (p binary) start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{T: t, cmd: p.command(args...), began: time.Now()}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *running) wait() outcome {
	r.Helper()
	var exit *exec.ExitError
	if err := r.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	}
	o := outcome{T: r.T, args: r.cmd.Args[1:], code: r.cmd.ProcessState.ExitCode(), out: r.out.String(), err: r.err.String(), took: time.Since(r.began)}
	if u, ok := r.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.memoryBytes = u.Maxrss
		if runtime.GOOS == "linux" {
			o.memoryBytes *= 1024
		}
	}
	return o
}

func (p binary) run(t *testing.T, args ...string) outcome {
	t.Helper()
	return p.start(t, args...).wait()
}

// ok wants success and each of these texts in what is printed.
func (o outcome) ok(shown ...string) outcome {
	o.Helper()
	if o.code != 0 {
		o.Fatalf("%q ended with %d:\n%s%s", o.args, o.code, o.out, o.err)
	}
	for _, s := range shown {
		if !strings.Contains(o.out, s) {
			o.Errorf("%q does not say %q:\n%s%s", o.args, s, o.out, o.err)
		}
	}
	return o
}

var lineAndNext = regexp.MustCompile(`^groundwork: [^\n]+\n(  next: [^\n]+\n)$`)

// fails wants this exit code, nothing on stdout, and on stderr one line with
// these texts and the next move.
func (o outcome) fails(code int, shown ...string) outcome {
	o.Helper()
	if o.code != code {
		o.Errorf("%q ended with %d, not %d", o.args, o.code, code)
	}
	if o.out != "" || !lineAndNext.MatchString(o.err) {
		o.Errorf("%q: want one line and the next move, got stdout\n%sand stderr\n%s", o.args, o.out, o.err)
	}
	for _, s := range shown {
		if !strings.Contains(o.err, s) {
			o.Errorf("%q does not say %q:\n%s", o.args, s, o.err)
		}
	}
	return o
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pages writes n pages; page i says "wordI".
func pages(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("f%04d.md", i)),
			fmt.Sprintf("# Page %d\n\nThe word of this page is word%d.\n\n%s\n", i, i, strings.Repeat("Some other words stand here. ", 10)))
	}
}

// earlier takes a page in, of which whole later wants to know.
func (p binary) earlier(t *testing.T) {
	t.Helper()
	writeFile(t, filepath.Join(p.dir, "earlier", "hotels.md"), "# Hotels\n\nThe limit for a hotel night is 140 EUR.\n")
	if p.uid != 0 {
		if err := os.Chown(filepath.Join(p.dir, "earlier"), int(p.uid), int(p.uid)); err != nil {
			t.Fatal(err)
		}
	}
	p.run(t, "add", "earlier").ok()
}

// whole wants the store to be whole, and what was there earlier to answer.
func (p binary) whole(t *testing.T) {
	t.Helper()
	if o := p.run(t, "doctor"); !strings.Contains(o.out, "ok    store: ") || !strings.Contains(o.out, ", whole") {
		t.Errorf("doctor says:\n%s%s", o.out, o.err)
	}
	p.run(t, "ask", "what is the limit for a hotel night?").ok("140 EUR")
}

// ledger is status --files --json.
type ledger struct {
	Documents, Passages int
	States              map[string]int
	Files               []struct {
		Source, Path, State, Reason string
		Tries                       int
	}
}

func (p binary) ledger(t *testing.T) (l ledger) {
	t.Helper()
	o := p.run(t, "status", "--files", "--json").ok()
	if err := json.Unmarshal([]byte(o.out), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// complete wants exactly pages 0 to n-1 of docs, and the earlier page.
func (p binary) complete(t *testing.T, n int) {
	t.Helper()
	l := p.ledger(t)
	paths := map[string]bool{}
	for _, f := range l.Files {
		if f.State != "indexed" {
			t.Errorf("%s is %s: %s", f.Path, f.State, f.Reason)
		}
		paths[f.Path] = true
	}
	if len(paths) != n+1 || len(l.Files) != n+1 || l.Documents != n+1 || l.Passages != n+1 {
		t.Errorf("want %d files once each, there are %d entries, %d paths, %d documents, %d passages", n+1, len(l.Files), len(paths), l.Documents, l.Passages)
	}
	for _, i := range []int{0, n / 2, n - 1} {
		o := p.run(t, "search", "--json", fmt.Sprintf("word%d", i)).ok()
		if found := strings.Count(o.out, `"document": "docs/`); found != 1 || !strings.Contains(o.out, fmt.Sprintf("f%04d.md", i)) {
			t.Errorf("word%d is found %d times", i, found)
		}
	}
}

// writingNow waits until the process holds the home's lock.
func (r *running) writingNow(p binary) {
	r.Helper()
	for range 2000 {
		if b, err := os.ReadFile(filepath.Join(p.home, "lock")); err == nil && string(b) == fmt.Sprint(r.cmd.Process.Pid) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.Fatal("it does not begin to write")
}

func TestBadInput(t *testing.T) {
	path := buildBinary(t)

	t.Run("a missing folder", func(t *testing.T) {
		p := newBinary(t, path)
		p.earlier(t)
		p.run(t, "add", "nowhere").fails(3, "nowhere", "no such file or folder")
		p.run(t, "sync", "nowhere").fails(3, "nowhere")
		if err := os.Rename(filepath.Join(p.dir, "earlier"), filepath.Join(p.dir, "away")); err != nil {
			t.Fatal(err)
		}
		p.run(t, "sync").fails(3, "earlier", "it is not there")
		p.whole(t)
	})

	t.Run("a file of 2 GB", func(t *testing.T) {
		p := newBinary(t, path)
		p.earlier(t)
		writeFile(t, filepath.Join(p.dir, "docs", "big.md"), "")
		writeFile(t, filepath.Join(p.dir, "docs", "small.md"), "small")
		if err := os.Truncate(filepath.Join(p.dir, "docs", "big.md"), 2<<30); err != nil {
			t.Fatal(err)
		}
		for _, o := range []outcome{p.run(t, "add", "docs").ok("1 too large"), p.run(t, "sync").ok()} {
			if o.took > 2*time.Second || o.memoryBytes > 200e6 {
				t.Errorf("%q took %v and %d MB", o.args, o.took, o.memoryBytes/1e6)
			}
		}
		p.run(t, "status").ok("too large    docs/big.md", "2 GB", "the limit is 50 MB")
		o := p.run(t, "read", "docs/big.md")
		if o.code != 4 || !strings.Contains(o.err, "too large") || o.memoryBytes > 200e6 {
			t.Errorf("read ends with %d and %d MB: %s", o.code, o.memoryBytes/1e6, o.err)
		}
		p.whole(t)
	})

	t.Run("a folder that vanishes while it is read", func(t *testing.T) {
		slow(t)
		const n = 1000
		for range 5 {
			p := newBinary(t, path)
			p.earlier(t)
			docs := filepath.Join(p.dir, "docs")
			pages(t, docs, n)
			r := p.start(t, "add", "docs")
			r.writingNow(p)
			time.Sleep(time.Duration(30+rand.IntN(100)) * time.Millisecond)
			if err := os.Rename(docs, docs+"-away"); err != nil {
				t.Fatal(err)
			}
			o := r.wait()
			if o.code == 0 {
				continue // it was faster
			}
			o.fails(3, "docs", "it is not there")
			p.whole(t)
			before := p.ledger(t)
			p.run(t, "sync", "docs").fails(3, "docs", "it is not there")
			if after := p.ledger(t); after.Documents != before.Documents {
				t.Errorf("%d documents before, %d after", before.Documents, after.Documents)
			}
			if err := os.Rename(docs+"-away", docs); err != nil {
				t.Fatal(err)
			}
			p.run(t, "sync").ok()
			p.complete(t, n)
			return
		}
		t.Error("the folder could not be taken away in time")
	})

	t.Run("a store of a newer version", func(t *testing.T) {
		p := newBinary(t, path)
		p.earlier(t)
		newer := sqlite.Schema
		newer.Steps = append(newer.Steps[:len(newer.Steps):len(newer.Steps)], "SELECT 1")
		d, err := db.Open(t.Context(), p.home, newer)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(filepath.Join(p.home, db.File))
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"ask", "hotel?"}, {"sync"}, {"add", "earlier"}, {"status"}} {
			p.run(t, args...).fails(2, "a newer Groundwork wrote them", "use that version")
		}
		if o := p.run(t, "doctor"); o.code != 7 || !strings.Contains(o.out, "newer") {
			t.Errorf("doctor ends with %d:\n%s", o.code, o.out)
		}
		after, err := os.ReadFile(filepath.Join(p.home, db.File))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, after) {
			t.Error("the newer store was written to")
		}
	})

	t.Run("a store that is none", func(t *testing.T) {
		p := newBinary(t, path)
		p.earlier(t)
		name := filepath.Join(p.home, db.File)
		good, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, content := range map[string][]byte{
			"foreign": []byte(strings.Repeat("not a database. ", 1000)), "cut short": good[:len(good)/2/8192*8192],
		} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
			p.run(t, "ask", "hotel?").fails(2, "not a whole Groundwork store")
			if o := p.run(t, "doctor"); o.code != 7 {
				t.Errorf("%s: doctor ends with %d:\n%s", what, o.code, o.out)
			}
		}
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
		p.whole(t)
	})

	t.Run("a second writer", func(t *testing.T) {
		slow(t)
		p := newBinary(t, path)
		p.earlier(t)
		pages(t, filepath.Join(p.dir, "docs"), 1500)
		r := p.start(t, "add", "docs")
		r.writingNow(p)
		pid := fmt.Sprintf("process %d is writing there", r.cmd.Process.Pid)
		p.run(t, "sync").fails(5, pid)
		o := p.run(t, "--json", "readers", "earlier", "set", "all")
		if o.code != 5 || !strings.Contains(o.out, `"kind": "busy"`) || !strings.Contains(o.out, pid) {
			t.Errorf("readers set ends with %d: %s", o.code, o.out)
		}
		p.whole(t) // readers go on
		r.wait().ok()
		p.complete(t, 1500)
	})

	t.Run("errors as JSON", func(t *testing.T) {
		p := newBinary(t, path)
		p.run(t, "status", "a", "b").fails(2)
		for _, c := range []struct {
			args, kind string
			code       int
		}{
			{"ask hotel", "missing", 3},
			{"add nowhere", "missing", 3},
			{"add", "input", 2},
			{"add https://example.org/", "input", 2},
			{"add . --models smell", "input", 2},
			{"frobnicate", "input", 2},
			{"search --frob x", "input", 2},
			{"search --top many x", "input", 2},
			{"status a b", "input", 2},
			{"open nonsense", "input", 2},
			{"sync", "missing", 3},
			{"readers a b", "input", 2},
		} {
			for _, args := range [][]string{append([]string{"--json"}, strings.Fields(c.args)...), append(strings.Fields(c.args), "--json")} {
				o := p.run(t, args...)
				var v struct {
					Error struct{ Kind, Message, Next string }
				}
				d := json.NewDecoder(strings.NewReader(o.out))
				d.DisallowUnknownFields()
				if err := d.Decode(&v); err != nil {
					t.Errorf("%q: stdout is no error in JSON: %v\n%s%s", args, err, o.out, o.err)
					continue
				}
				if _, err := d.Token(); err != io.EOF {
					t.Errorf("%q: more than one value on stdout:\n%s", args, o.out)
				}
				if o.code != c.code || v.Error.Kind != c.kind || v.Error.Message == "" || v.Error.Next == "" || strings.Contains(v.Error.Message, "\n") || o.err != "" {
					t.Errorf("%q ends with %d, %+v, stderr %q", args, o.code, v.Error, o.err)
				}
			}
		}
	})

	t.Run("hostile names", func(t *testing.T) {
		p := newBinary(t, path)
		p.earlier(t)
		names := []string{"line\nbreak.md", "\x1b[31mred\x1b[0m.md", "\x1b]0;title\x07.md", "a#b@c%20d.md", "100%.md", "[link](there).md", "__init__.md", "back`tick.md",
			"right\u202eto left.md", "c1\u009bcode.md", "quote\"'.md", "\r.md", "ü ß 日本.md", " blank .md", "a@12345678#1-2"}
		for i, name := range names {
			writeFile(t, filepath.Join(p.dir, "docs", name), fmt.Sprintf("The word of this page is hostile%d.\n", i))
		}
		writeFile(t, filepath.Join(p.dir, "docs", "sub\x1b[2J", "secret\nplan.md"), "password: Hunter2-Zanzibar!\n")
		writeFile(t, filepath.Join(p.dir, "docs", "sub\x1b[2J", "picture\x1b.png"), "1")
		clean := func(o outcome) outcome {
			t.Helper()
			if i := strings.IndexFunc(o.out+o.err, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && r != '\u3000' }); i >= 0 {
				t.Errorf("%q prints raw control characters: %q", o.args, (o.out + o.err)[max(0, i-40):min(len(o.out+o.err), i+40)])
			}
			return o
		}
		clean(p.run(t, "add", "docs").ok(fmt.Sprintf("%d indexed", len(names))))
		status := clean(p.run(t, "status", "--files").ok("docs/a#b@c%20d.md", "docs/[link](there).md", "docs/__init__.md", "docs/back`tick.md", `docs/line\nbreak.md`, `docs/\x1b[31mred\x1b[0m.md`))
		for _, line := range strings.Split(strings.TrimSpace(status.out), "\n")[4:] {
			if !strings.HasPrefix(line, "  indexed ") && !strings.HasPrefix(line, "  held back ") && !strings.HasPrefix(line, "  unsupported ") {
				t.Errorf("a name has broken the line: %q", line)
			}
		}
		clean(p.run(t, "doctor"))
		clean(p.run(t, "sources"))
		for i, name := range names {
			o := p.run(t, "--json", "ask", fmt.Sprintf("what is hostile%d?", i)).ok()
			var answer struct {
				Sentences []struct {
					Citations []struct{ Pointer, Path string }
				}
			}
			if err := json.Unmarshal([]byte(o.out), &answer); err != nil || len(answer.Sentences) == 0 || len(answer.Sentences[0].Citations) == 0 {
				t.Errorf("%q is not cited: %v\n%s", name, err, o.out)
				continue
			}
			c := answer.Sentences[0].Citations[0]
			if c.Path != name {
				t.Errorf("%q is cited as %q", name, c.Path)
			}
			people := p.run(t, "ask", fmt.Sprintf("what is hostile%d?", i)).ok(c.Pointer)
			for _, r := range people.out {
				if r != '\n' && unicode.IsControl(r) {
					t.Errorf("ask prints the control character %q of the name %q", r, name)
					break
				}
			}
			p.run(t, "open", c.Pointer).ok(fmt.Sprintf("hostile%d", i))
			p.run(t, "status", "docs/"+name).ok()
		}
		p.whole(t)
	})
}

// Ctrl-C, a supervisor's SIGTERM and kill -9 at any moment leave the store
// whole, and sync goes on to what an undisturbed run gives.
func TestInterrupted(t *testing.T) {
	slow(t)
	path := buildBinary(t)
	for _, c := range []struct {
		name    string
		signals []syscall.Signal
	}{
		{"asked to end", []syscall.Signal{syscall.SIGINT, syscall.SIGINT, syscall.SIGTERM}},
		{"killed", []syscall.Signal{syscall.SIGKILL}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const n, wanted = 2000, 20
			random := rand.New(rand.NewPCG(3, 4))
			interrupted, writing, homes, inHome := 0, 0, 0, 0
			p := newBinary(t, path)
			docs := filepath.Join(p.dir, "docs")
			pages(t, docs, n)
			for round := 0; interrupted < wanted; round++ {
				if round == 4*wanted {
					t.Fatalf("only %d of %d runs could be interrupted", interrupted, round)
				}
				if inHome == 0 {
					homes++
					p.home = filepath.Join(p.dir, fmt.Sprint("home", homes))
					p.earlier(t)
				}
				inHome++
				s := c.signals[round%len(c.signals)]
				r := p.start(t, "add", "docs")
				r.writingNow(p)
				time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
				if err := r.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Fatal(err)
				}
				o := r.wait()
				wal, err := os.Stat(filepath.Join(p.home, db.File+"-wal"))
				switch {
				case o.code == 0:
				case s == syscall.SIGKILL:
					interrupted++
					if err == nil && wal.Size() > 0 {
						writing++
					}
				default:
					o.fails(5, "interrupted", "goes on")
					if o.took > 10*time.Second {
						t.Errorf("it took %v to end", o.took)
					}
					interrupted++
				}
				p.whole(t)
				if o.code == 0 || inHome == 4 || interrupted == wanted {
					if s := p.run(t, "sources").ok(); !strings.Contains(s.out, "docs  ") { // never got so far
						p.run(t, "add", "docs").ok()
					}
					p.run(t, "sync").ok()
					p.complete(t, n)
					p.run(t, "sync").ok(fmt.Sprintf("%d unchanged", n))
					p.whole(t)
					inHome = 0
				}
			}
			t.Logf("%d runs interrupted in %d homes, %d of them killed while the write-ahead log was in use", interrupted, homes, writing)
		})
	}
}

// What needs permissions, mounts or limits of the system.
func TestRealBadInput(t *testing.T) {
	path := buildBinary(t)

	t.Run("an unreadable file", func(t *testing.T) {
		p := newBinary(t, path).asNobody(t)
		p.earlier(t)
		writeFile(t, filepath.Join(p.dir, "docs", "open.md"), "Open words.")
		closed := filepath.Join(p.dir, "docs", "closed.md")
		writeFile(t, closed, "Closed words.")
		if err := os.Chmod(closed, 0); err != nil {
			t.Fatal(err)
		}
		p.run(t, "add", "docs").ok("1 indexed", "1 waiting")
		p.run(t, "status").ok("docs/closed.md", "permission denied")
		for range 5 {
			p.run(t, "sync").ok()
		}
		for _, f := range p.ledger(t).Files {
			if f.Path == "closed.md" && (f.State != "waiting" || f.Tries != 3) {
				t.Errorf("%+v", f)
			}
		}
		p.run(t, "search", "open words").ok("open.md")
		p.whole(t)
		if err := os.Chmod(closed, 0o644); err != nil {
			t.Fatal(err)
		}
		p.run(t, "sync", "docs").ok("1 changed")
		p.run(t, "search", "closed words").ok("closed.md")
	})

	t.Run("an unreadable folder", func(t *testing.T) {
		p := newBinary(t, path).asNobody(t)
		p.earlier(t)
		writeFile(t, filepath.Join(p.dir, "docs", "open.md"), "Open words.")
		sub := filepath.Join(p.dir, "docs", "sub")
		writeFile(t, filepath.Join(sub, "closed.md"), "Closed words.")
		p.run(t, "add", "docs").ok("2 new")
		if err := os.Chmod(sub, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(sub, 0o755); err != nil {
				t.Error(err)
			}
		})
		p.run(t, "sync").ok("nothing was deleted", `folder "sub"`)
		p.run(t, "search", "closed words").ok("closed.md")
		p.whole(t)
	})

	t.Run("a full disk", func(t *testing.T) {
		slow(t)
		p := newBinary(t, path)
		disk := mount(t, filepath.Join(p.dir, "disk"), "tmpfs", "size=3m")
		p.home = filepath.Join(disk, "home")
		p.earlier(t)
		pages(t, filepath.Join(p.dir, "docs"), 3000)
		p.run(t, "add", "docs").fails(5, "the disk")
		p.whole(t)
		p.run(t, "sync").fails(5, "the disk")
		p.whole(t)
		remount(t, disk, "size=200m")
		p.run(t, "sync").ok()
		p.complete(t, 3000)
		p.whole(t)
	})

	t.Run("a disk without room for the home", func(t *testing.T) {
		p := newBinary(t, path)
		disk := mount(t, filepath.Join(p.dir, "disk"), "tmpfs", "size=8k")
		p.home = filepath.Join(disk, "home")
		writeFile(t, filepath.Join(p.dir, "docs", "a.md"), "alpha")
		p.run(t, "add", "docs").fails(5)
		remount(t, disk, "size=20m")
		p.run(t, "add", "docs").ok("1 indexed")
	})

	t.Run("a limit for files", func(t *testing.T) {
		p := newBinary(t, path)
		p.earlier(t)
		pages(t, filepath.Join(p.dir, "docs"), 1000)
		limited := p
		limited.path = filepath.Join(p.dir, "limited")
		if err := os.WriteFile(limited.path, []byte("#!/bin/sh\nulimit -f 600\nexec '"+p.path+"' \"$@\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		limited.run(t, "add", "docs").fails(5, "the disk")
		p.whole(t)
		p.run(t, "sync").ok()
		p.complete(t, 1000)
	})

	t.Run("a home without permission", func(t *testing.T) {
		p := newBinary(t, path).asNobody(t)
		p.earlier(t)
		if err := os.Chmod(p.home, 0o500); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Chmod(p.home, 0o700); err != nil {
				t.Error(err)
			}
		})
		for _, name := range []string{db.File, "lock"} {
			if err := os.Chmod(filepath.Join(p.home, name), 0o400); err != nil {
				t.Fatal(err)
			}
		}
		p.whole(t)
		p.run(t, "add", "earlier").fails(2, "the home cannot be written", "--home")
		p.run(t, "sync").fails(2, "the home cannot be written")
		p.whole(t)
	})

	t.Run("a home that cannot be made", func(t *testing.T) {
		p := newBinary(t, path).asNobody(t)
		p.earlier(t)
		p.home = "/proc/home"
		p.run(t, "add", "earlier").fails(2, "/proc/home", "--home")
		p.run(t, "ask", "hotel?").fails(3, "nothing is indexed here yet")
	})

	t.Run("a home on a disk that is read only", func(t *testing.T) {
		for _, how := range []string{"closed", "killed", "killed, without its index of the log"} {
			t.Run(how, func(t *testing.T) {
				if how != "closed" {
					slow(t)
				}
				p := newBinary(t, path)
				disk := mount(t, filepath.Join(p.dir, "disk"), "tmpfs", "size=50m")
				p.home = filepath.Join(disk, "home")
				p.earlier(t)
				if how != "closed" {
					pages(t, filepath.Join(p.dir, "docs"), 1500)
					r := p.start(t, "add", "docs")
					r.writingNow(p)
					wal := filepath.Join(p.home, db.File+"-wal")
					for i := 0; ; i++ {
						if info, err := os.Stat(wal); err == nil && info.Size() > 200_000 {
							break
						}
						if i == 2000 {
							t.Fatal("it writes no log")
						}
						time.Sleep(2 * time.Millisecond)
					}
					if err := r.cmd.Process.Kill(); err != nil {
						t.Fatal(err)
					}
					if r.wait().code == 0 {
						t.Skip("NOT RUN: it ended before it could be killed")
					}
				}
				if strings.HasPrefix(how, "killed,") {
					if err := os.Remove(filepath.Join(p.home, db.File+"-shm")); err != nil {
						t.Fatal(err)
					}
				}
				remount(t, disk, "ro")
				if strings.HasPrefix(how, "killed,") {
					// The log holds what the file does not, and cannot be read: better no answer than an old one.
					p.run(t, "ask", "what is the limit for a hotel night?").fails(2, "cannot be")
				} else {
					p.whole(t)
				}
				p.run(t, "add", "earlier").fails(2, "the home cannot be written", "--home")
				remount(t, disk, "rw")
				p.run(t, "sync").ok()
				p.whole(t)
			})
		}
	})
}

// slow leaves out of short tests what takes several seconds.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("NOT RUN: it takes seconds, and this is a short test")
	}
}

// mount mounts a file system of this type at a new folder until the test ends.
func mount(t *testing.T, dir, kind, options string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", kind, "-o", options, kind, dir).CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: nothing can be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

func remount(t *testing.T, dir, options string) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,"+options, dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v %s", err, out)
	}
}
