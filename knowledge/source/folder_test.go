//go:build unix

package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

var _ knowledge.Source = Folder{}

const limit = 50 << 20

// write makes a file and the folders above it.
func write(t *testing.T, root, name, content string) {
	t.Helper()
	p := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lines shows a listing as "path state reason".
func lines(l knowledge.Listing) []string {
	var out []string
	for _, f := range l.Files {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Path, f.State, f.Reason)))
	}
	return out
}

func list(t *testing.T, f Folder) knowledge.Listing {
	t.Helper()
	l, err := f.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(l.Files, func(a, b knowledge.Listed) int { return strings.Compare(a.Path, b.Path) }) {
		t.Errorf("not ordered by path: %q", lines(l))
	}
	return l
}

func kind(t *testing.T, err error, want fault.Kind) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != want {
		t.Errorf("error %v: want a fault of kind %v", err, want)
	}
}

func TestSourceList(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, root, "b/two.md", "two")
	write(t, root, "b.md", "b")
	write(t, root, "b/c/three.md", "three")
	write(t, root, ".hidden.md", "x")
	write(t, root, ".git/config", "x")
	write(t, root, "b/.env", "x")
	write(t, root, "node_modules/p/readme.md", "x")
	write(t, root, "real%FF.md", "x")
	write(t, outside, "o.md", "outside")
	for link, target := range map[string]string{"in.md": "b.md", "folder": "b", "out.md": filepath.Join(outside, "o.md"), "nowhere": "gone", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		".git/ excluded hidden folder",
		".hidden.md excluded hidden file",
		"b.md",
		"b/.env excluded hidden file",
		"b/c/three.md",
		"b/two.md",
		"folder excluded a symbolic link to a place inside the folder, which is listed there",
		"in.md excluded a symbolic link to a place inside the folder, which is listed there",
		"loop excluded a symbolic link that leads nowhere",
		"node_modules/ excluded node_modules holds installed packages",
		"nowhere excluded a symbolic link that leads nowhere",
		"out.md excluded a symbolic link to a place outside the folder; links are not followed",
		"real%FF.md",
	}
	if runtime.GOOS == "linux" {
		write(t, root, "bad\xff.md", "x")
		write(t, root, "d\xe4r/x.md", "x")
		write(t, root, "real\xff.md", "x") // would be listed under the name of a file that is there
		if err := syscall.Mkfifo(filepath.Join(root, "pipe.md"), 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := net.Listen("unix", filepath.Join(root, "s.md"))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		want = append(want, "bad%FF.md excluded its name is not UTF-8", "d%E4r/ excluded its name is not UTF-8",
			"pipe.md excluded not a regular file but a named pipe", "s.md excluded not a regular file but a socket")
		slices.Sort(want)
	}
	l := list(t, Folder{root})
	if diff := cmp.Diff(want, lines(l)); diff != "" {
		t.Error(diff)
	}
	if !l.Complete || l.Reason != "" {
		t.Errorf("complete %v, reason %q", l.Complete, l.Reason)
	}
	info, err := os.Stat(filepath.Join(root, "b/two.md"))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(l.Files, func(f knowledge.Listed) bool { return f.Path == "b/two.md" })
	if f := l.Files[i]; f.Size != 3 || !f.Modified.Equal(info.ModTime()) {
		t.Errorf("b/two.md: size %d, modified %v", f.Size, f.Modified)
	}
}

func TestSourceOddNames(t *testing.T) {
	root := t.TempDir()
	names := []string{"name with blanks.md", " leading.md", "-dash.md", "#1.md", "a@b.md", "100%.md", "%41.md", "new\nline.md",
		"back\\slash.md", "nfc-\u00fc.md", "nfd-u\u0308.md", "日本.md", "x/~tmp", "a'\"`$(b).md", strings.Repeat("n", 250) + ".md",
		strings.Repeat("deep/", 60) + "x.md"}
	for _, n := range names {
		write(t, root, n, "content of "+n)
	}
	l := list(t, Folder{root})
	slices.Sort(names)
	if diff := cmp.Diff(names, lines(l)); diff != "" {
		// lines trims, so compare the paths themselves
		var paths []string
		for _, f := range l.Files {
			paths = append(paths, f.Path)
		}
		if diff := cmp.Diff(names, paths); diff != "" {
			t.Error(diff)
		}
	}
	for _, n := range names {
		c, err := Folder{root}.Read(t.Context(), n, limit)
		if err != nil || string(c.Bytes) != "content of "+n || c.State != "" || c.Path != n {
			t.Errorf("read %q: %q, state %q, %v", n, c.Bytes, c.State, err)
		}
	}
}

func TestSourceRoot(t *testing.T) {
	root := t.TempDir()
	write(t, root, ".docs/a.md", "a")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(root, ".docs"), link); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]Folder{
		"hidden root":    {filepath.Join(root, ".docs")},
		"trailing slash": {filepath.Join(root, ".docs") + "/"},
		"symbolic link":  {link},
		"one file":       {filepath.Join(root, ".docs/a.md")},
		"file by a link": {filepath.Join(link, "a.md")},
	} {
		if diff := cmp.Diff([]string{"a.md"}, lines(list(t, f))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if c, err := f.Read(t.Context(), "a.md", limit); err != nil || string(c.Bytes) != "a" {
			t.Errorf("%s: read %q, %v", name, c.Bytes, err)
		}
	}
	write(t, root, ".docs/b.md", "b")
	_, err := Folder{filepath.Join(root, ".docs/a.md")}.Read(t.Context(), "b.md", limit)
	kind(t, err, fault.Missing)

	if l := list(t, Folder{t.TempDir()}); !l.Complete || len(l.Files) != 0 {
		t.Errorf("an empty folder: %+v", l)
	}
	gone := Folder{filepath.Join(root, "gone")}
	_, err = gone.List(t.Context())
	kind(t, err, fault.Missing)
	_, err = gone.Read(t.Context(), "a.md", limit)
	kind(t, err, fault.Missing)
	_, err = Folder{}.List(t.Context())
	kind(t, err, fault.Input)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Folder{root}.List(ended)
	kind(t, err, fault.Budget)
}

func TestSourceRead(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a.md", "words")
	write(t, root, "empty.md", "")
	write(t, root, "d/in.md", "inside")
	outside := t.TempDir()
	write(t, outside, "o.md", "outside")
	for link, target := range map[string]string{"in": "a.md", "out": filepath.Join(outside, "o.md"), "up": outside, "dd": "d"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	f := Folder{root}

	c, err := f.Read(t.Context(), "a.md", 5)
	if err != nil || string(c.Bytes) != "words" || c.Size != 5 || c.Modified.IsZero() {
		t.Errorf("a.md: %+v, %v", c, err)
	}
	if c, err = f.Read(t.Context(), "empty.md", 0); err != nil || len(c.Bytes) != 0 || c.State != "" {
		t.Errorf("empty.md: %+v, %v", c, err)
	}
	if c, err = f.Read(t.Context(), "a.md", 4); err != nil || c.State != knowledge.TooLarge || c.Reason != "5 bytes; the limit is 4 bytes" || c.Bytes != nil {
		t.Errorf("a.md with limit 4: %+v, %v", c, err)
	}
	sparse, err := os.Create(filepath.Join(root, "big.md"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sparse.Truncate(2254857830); err != nil { // 2.1 GB that take no room on disk
		t.Fatal(err)
	}
	sparse.Close()
	if c, err = f.Read(t.Context(), "big.md", limit); err != nil || c.State != knowledge.TooLarge || c.Reason != "2.1 GB; the limit is 50 MB" {
		t.Errorf("big.md: %+v, %v", c.Listed, err)
	}
	for _, p := range []string{"in", "out", "up", "up/o.md", "dd/in.md", "d"} {
		if c, err := f.Read(t.Context(), p, limit); err != nil || c.State != knowledge.Excluded || c.Bytes != nil || !strings.HasPrefix(c.Reason, "not a regular file") {
			t.Errorf("%s: %+v, %v", p, c, err)
		}
	}
	for _, p := range []string{"gone.md", "gone/a.md", "a.md/x", "nowhere"} {
		_, err := f.Read(t.Context(), p, limit)
		kind(t, err, fault.Missing)
	}
	for _, p := range []string{"", ".", "..", "../a.md", "/etc/passwd", "d/../../x", "d/../a.md", "a.md/", "./a.md", "a\x00.md"} {
		_, err := f.Read(t.Context(), p, limit)
		kind(t, err, fault.Input)
	}
}

func TestSourceReadsNoPipe(t *testing.T) {
	root := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(root, "pipe.md"), 0o644); err != nil {
		t.Fatal(err)
	}
	done := make(chan knowledge.Content, 1)
	go func() {
		c, _ := Folder{root}.Read(context.Background(), "pipe.md", limit)
		done <- c
	}()
	select {
	case c := <-done:
		if c.State != knowledge.Excluded || c.Reason != "not a regular file but a named pipe" {
			t.Errorf("%+v", c)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("reading a pipe waits for a writer")
	}
}

// TestSourceChangingFile reads what never holds still for certain: the kernel says
// that the file has no bytes, and yet there are some.
func TestSourceChangingFile(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: needs /proc")
	}
	f := Folder{"/proc/self"}
	begun := time.Now()
	c, err := f.Read(t.Context(), "status", limit)
	if err != nil || c.State != knowledge.Waiting || c.Reason != "it changes while it is read; the next sync tries again" || c.Bytes != nil {
		t.Errorf("%+v, %v", c.Listed, err)
	}
	if took := time.Since(begun); took < 2*readPause {
		t.Errorf("gave up after %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), readPause/2)
	defer cancel()
	begun = time.Now()
	_, err = f.Read(ctx, "status", limit)
	kind(t, err, fault.Budget)
	if took := time.Since(begun); took > 10*readPause {
		t.Errorf("an ended context was honoured only after %v", took)
	}
}

// TestSourceGrowingFile appends while it reads: bytes that come are a whole file.
func TestSourceGrowingFile(t *testing.T) {
	root := t.TempDir()
	write(t, root, "log.md", "")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		f, err := os.OpenFile(filepath.Join(root, "log.md"), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		for {
			select {
			case <-stop:
				return
			default:
				f.WriteString("line\n")
			}
		}
	})
	for range 10 {
		c, err := Folder{root}.Read(t.Context(), "log.md", limit)
		if err != nil || c.State == "" && (int64(len(c.Bytes)) != c.Size || len(c.Bytes)%5 != 0) || c.State != "" && c.State != knowledge.Waiting {
			t.Errorf("%d bytes of %+v, %v", len(c.Bytes), c.Listed, err)
		}
	}
	close(stop)
	wg.Wait()
	if c, err := (Folder{root}).Read(t.Context(), "log.md", limit); err != nil || c.State != "" || int64(len(c.Bytes)) != c.Size {
		t.Errorf("once it is quiet: %+v, %v", c.Listed, err)
	}
}

func TestSourceVanishingFolder(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a/x.md", "x")
	r, err := os.OpenRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(root, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "a")); err != nil {
		t.Fatal(err)
	}
	w := walk{root: r}
	if w.entry("a/x.md", files[0]); w.reason != "" || len(w.files) != 0 {
		t.Errorf("a vanished file: reason %q, files %v", w.reason, w.files)
	}
	if w.entry("a", entries[0]); w.reason != `folder "a" vanished while it was listed` {
		t.Errorf("a vanished folder: reason %q", w.reason)
	}
	w = walk{root: r}
	if w.folder(t.Context(), "a"); w.reason != `folder "a" vanished while it was listed` {
		t.Errorf("a folder that vanished before it was opened: reason %q", w.reason)
	}
}

// TestSourceRootVanishes removes the root again and again while it is listed:
// whatever the moment, a complete listing names every file.
func TestSourceRootVanishes(t *testing.T) {
	parent := t.TempDir()
	incomplete := 0
	for round := range 20 {
		root := filepath.Join(parent, fmt.Sprint(round))
		for i := range 60 {
			write(t, root, fmt.Sprintf("d%d/x.md", i), "x")
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			time.Sleep(time.Duration(round) * 60 * time.Microsecond)
			os.Rename(root, root+".away")
			os.RemoveAll(root + ".away")
		})
		l, err := Folder{root}.List(t.Context())
		wg.Wait()
		switch {
		case err != nil:
			kind(t, err, fault.Missing)
		case !l.Complete:
			incomplete++
		case len(l.Files) != 60:
			t.Fatalf("round %d: complete with %d of 60 files", round, len(l.Files))
		}
	}
	t.Logf("%d of 20 listings were incomplete", incomplete)
}

// TestSourcePermissions runs as an unprivileged user, for the owner of the
// system may read everything.
func TestSourcePermissions(t *testing.T) {
	if os.Getuid() == 0 {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestSourcePermissions$", "-test.v")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestSourcePermissions") {
			t.Errorf("as user 65534: %v\n%s", err, out)
		}
		return
	}
	root := t.TempDir()
	for _, n := range []string{"a.md", "closed/x.md", "namesonly/y.md", "locked.md"} {
		write(t, root, n, "words")
	}
	chmod := func(name string, mode fs.FileMode) {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod("locked.md", 0)
	chmod("closed", 0)
	chmod("namesonly", 0o444)
	defer chmod("closed", 0o755)
	defer chmod("namesonly", 0o755)

	l := list(t, Folder{root})
	if l.Complete || !strings.HasPrefix(l.Reason, `folder "closed" is not readable for `) || !strings.HasSuffix(l.Reason, ": permission denied") {
		t.Errorf("complete %v, reason %q", l.Complete, l.Reason)
	}
	var paths []string
	for _, f := range l.Files {
		paths = append(paths, f.Path+" "+string(f.State))
	}
	if diff := cmp.Diff([]string{"a.md ", "locked.md "}, paths); diff != "" {
		t.Error(diff)
	}
	chmod("closed", 0o755)
	if l := list(t, Folder{root}); l.Complete || !strings.HasPrefix(l.Reason, `folder "namesonly" is not readable for `) {
		t.Errorf("names without their files: complete %v, reason %q", l.Complete, l.Reason)
	}
	chmod("closed", 0)
	for _, p := range []string{"locked.md", "closed/x.md", "namesonly/y.md"} {
		c, err := Folder{root}.Read(t.Context(), p, limit)
		if err != nil || c.State != knowledge.Waiting || !strings.HasPrefix(c.Reason, "not readable for ") || !strings.HasSuffix(c.Reason, ": permission denied") {
			t.Errorf("%s: %+v, %v", p, c, err)
		}
	}
	// A root that may not be entered is there, so it is not Missing: nothing may be deleted.
	l, err := Folder{filepath.Join(root, "closed", "deeper")}.List(t.Context())
	if err != nil || l.Complete || l.Reason == "" {
		t.Errorf("below a closed folder: %+v, %v", l, err)
	}
	if l := list(t, Folder{filepath.Join(root, "closed")}); l.Complete || l.Reason == "" {
		t.Errorf("a closed root: %+v", l)
	}
}
