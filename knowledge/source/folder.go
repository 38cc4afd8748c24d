// Package source lists the files of a folder and reads them.
//
// What a source cannot read it lists with the reason, so that every file of the
// folder can be accounted for.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// Folder is a folder of the file system, or a single file. It is a
// knowledge.Source; it never follows a symbolic link below Root.
//
// Listed as Excluded, with the reason: hidden files and folders (their names
// begin with a dot), folders named node_modules, symbolic links, whatever is not
// a regular file, and names that are not UTF-8 (their bytes appear as %XX). An
// excluded folder is one entry whose path ends in "/"; nothing below it is
// listed. All other paths are the bytes of the names on disk. So is a folder
// that holds a file named HomeFile: a home keeps what screening has not seen.
type Folder struct {
	Root string // path of the folder or of one file; a symbolic link here is followed
}

// HomeFile is the file that tells a home of this program from other folders.
const HomeFile = "groundwork.db"

const (
	readTries = 3
	readPause = 100 * time.Millisecond
)

// place opens the folder that holds the files; only is the one file's name when
// Root is a file. The error is of kind Missing when Root is not there.
func (f Folder) place() (root *os.Root, only string, err error) {
	if f.Root == "" {
		return nil, "", fault.New(fault.Input, "open a folder: no path is given", "name a folder or a file")
	}
	dir, err := filepath.EvalSymlinks(f.Root)
	if err != nil {
		return nil, "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, "", err
	}
	if !info.IsDir() {
		dir, only = filepath.Split(dir)
	}
	root, err = os.OpenRoot(filepath.Clean(dir))
	return root, only, err
}

// List returns all files below Root. A Root that is not there gives a fault of
// kind Missing, an ended context one of kind Budget; what cannot be read makes
// the listing incomplete.
func (f Folder) List(ctx context.Context) (knowledge.Listing, error) {
	doing := fmt.Sprintf("list folder %q", f.Root)
	root, only, err := f.place()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return knowledge.Listing{}, fault.New(fault.Missing, doing+": it is not there", "correct the path, or attach the disk that it is on")
	case errors.Is(err, fs.ErrPermission):
		return knowledge.Listing{Reason: unreadable("the folder", err)}, nil
	case err != nil:
		return knowledge.Listing{}, fault.Wrap(fault.Upstream, err, doing, "check that the path is a readable folder or file")
	}
	defer root.Close()
	w := walk{root: root}
	if only != "" {
		w.entry(only, nil)
	} else {
		w.folder(ctx, ".")
	}
	if err := ctx.Err(); err != nil {
		return knowledge.Listing{}, fault.Wrap(fault.Budget, err, doing, "list it again")
	}
	if w.home || only == HomeFile {
		return knowledge.Listing{}, fault.New(fault.Input, doing+": it is a home of Groundwork, which never reads itself", "name a folder of documents")
	}
	// What was listed counts only if it is still what Root names.
	then, err1 := root.Stat(".")
	now, err2 := os.Stat(root.Name())
	if err1 != nil || err2 != nil || !os.SameFile(then, now) {
		w.missed("the folder was removed or replaced while it was listed")
	}
	slices.SortFunc(w.files, func(a, b knowledge.Listed) int {
		// A quoted name can equal a real one; the real file comes first and stays.
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.State), string(b.State)))
	})
	w.files = slices.CompactFunc(w.files, func(a, b knowledge.Listed) bool { return a.Path == b.Path })
	return knowledge.Listing{Files: w.files, Complete: w.reason == "", Reason: w.reason}, nil
}

// walk collects a listing.
type walk struct {
	root   *os.Root
	files  []knowledge.Listed
	reason string // the first thing that could not be listed
	home   bool   // the root is a home
}

func (w *walk) missed(reason string) {
	if w.reason == "" {
		w.reason = reason
	}
}

func (w *walk) folder(ctx context.Context, dir string) {
	if ctx.Err() != nil {
		return
	}
	file, err := w.root.Open(filepath.FromSlash(dir))
	var entries []fs.DirEntry
	if err == nil {
		entries, err = file.ReadDir(-1)
		file.Close()
	}
	if err != nil {
		w.missed(unreadable(fmt.Sprintf("folder %q", dir), err))
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == HomeFile }) {
		if dir == "." {
			w.home = true
		} else {
			w.files = append(w.files, knowledge.Listed{Path: quote(dir) + "/", State: knowledge.Excluded, Reason: "a home of Groundwork, which never reads itself"})
		}
		return
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if w.entry(p, e) {
			w.folder(ctx, p)
		}
	}
}

// entry lists one name, or reports that it is a folder to descend into. A nil e
// stands for the root itself, whose name excludes nothing.
func (w *walk) entry(p string, e fs.DirEntry) (descend bool) {
	info, err := w.root.Lstat(filepath.FromSlash(p))
	if err != nil {
		switch {
		case e == nil || e.IsDir():
			w.missed(unreadable(fmt.Sprintf("folder %q", p), err))
		case !errors.Is(err, fs.ErrNotExist):
			w.missed(unreadable(fmt.Sprintf("%q", p), err))
		}
		return false
	}
	f := knowledge.Listed{Path: quote(p), Size: info.Size(), Modified: info.ModTime()}
	if info.IsDir() {
		f.Path += "/"
		f.Size = 0
	}
	name := path.Base(p)
	switch {
	case f.Path != p && f.Path != p+"/":
		f.Reason = "its name is not UTF-8"
	case e != nil && strings.HasPrefix(name, "."):
		f.Reason = "hidden " + noun(info.Mode())
	case info.IsDir() && name == "node_modules":
		f.Reason = "node_modules holds installed packages"
	case info.IsDir():
		return true
	case info.Mode()&fs.ModeSymlink != 0:
		f.Reason = w.link(p)
	case !info.Mode().IsRegular():
		f.Reason = "not a regular file but a " + noun(info.Mode())
	}
	if f.Reason != "" {
		f.State = knowledge.Excluded
	}
	w.files = append(w.files, f)
	return false
}

// link says where a symbolic link leads, without opening what is there.
func (w *walk) link(p string) string {
	base, err1 := filepath.EvalSymlinks(w.root.Name())
	target, err2 := filepath.EvalSymlinks(filepath.Join(w.root.Name(), filepath.FromSlash(p)))
	if err1 != nil || err2 != nil {
		return "a symbolic link that leads nowhere"
	}
	if rel, err := filepath.Rel(base, target); err == nil && filepath.IsLocal(rel) {
		return "a symbolic link to a place inside the folder, which is listed there"
	}
	return "a symbolic link to a place outside the folder; links are not followed"
}

// Read returns the bytes of one listed file. A size over limit gives TooLarge; a
// file that keeps changing, or that may not or cannot be read, Waiting; what is
// not a regular file, Excluded. The error is of kind Missing when the file is not
// there, Input when the path is empty or leads out of the folder, Budget when the
// context ends.
func (f Folder) Read(ctx context.Context, p string, limit int64) (knowledge.Content, error) {
	doing := fmt.Sprintf("read %q in folder %q", p, f.Root)
	if p == "" || p == "." || path.Clean(p) != p || !filepath.IsLocal(filepath.FromSlash(p)) || strings.ContainsRune(p, 0) {
		return knowledge.Content{}, fault.New(fault.Input, doing+": this is not a path within the folder", "use a path as the listing shows it")
	}
	missing := fault.New(fault.Missing, doing+": it is not there", "list the folder again")
	root, only, err := f.place()
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && only != "" && only != p:
		if err == nil {
			root.Close()
		}
		return knowledge.Content{}, missing
	case errors.Is(err, fs.ErrPermission):
		return knowledge.Content{Listed: knowledge.Listed{Path: p, State: knowledge.Waiting, Reason: why(err)}}, nil
	case err != nil:
		return knowledge.Content{}, fault.Wrap(fault.Upstream, err, doing, "check that the path is a readable folder or file")
	}
	defer root.Close()
	for try := range readTries {
		if try > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(readPause):
			}
		}
		if err := ctx.Err(); err != nil {
			return knowledge.Content{}, fault.Wrap(fault.Budget, err, doing, "read it again")
		}
		c, steady, err := once(root, p, limit)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
			return knowledge.Content{}, missing
		case err != nil:
			c.Path, c.State, c.Reason, c.Bytes = p, knowledge.Waiting, why(err), nil
			return c, nil
		case steady:
			return c, nil
		}
	}
	return knowledge.Content{Listed: knowledge.Listed{Path: p, State: knowledge.Waiting,
		Reason: "it changes while it is read; the next sync tries again"}}, nil
}

// once reads a file; steady is false when the bytes may be a mixture of two
// versions of it.
func once(root *os.Root, p string, limit int64) (c knowledge.Content, steady bool, err error) {
	c.Path = p
	info, err := plain(root, p)
	if err != nil {
		return c, false, err
	}
	c.Size, c.Modified = info.Size(), info.ModTime()
	switch {
	case !info.Mode().IsRegular():
		c.State, c.Reason = knowledge.Excluded, "not a regular file but a "+noun(info.Mode())
		return c, true, nil
	case info.Size() > limit:
		c.State, c.Reason = knowledge.TooLarge, fmt.Sprintf("%s; the limit is %s", size(info.Size()), size(limit))
		return c, true, nil
	}
	// Not to wait for a writer, should a pipe have taken the file's place just now.
	file, err := root.OpenFile(filepath.FromSlash(p), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return c, false, err
	}
	defer file.Close()
	opened, err := file.Stat()
	if err != nil || !os.SameFile(info, opened) {
		return c, false, err
	}
	b, err := io.ReadAll(io.LimitReader(file, info.Size()+1))
	if err != nil {
		return c, false, err
	}
	after, err := file.Stat()
	if err != nil {
		return c, false, err
	}
	if int64(len(b)) != info.Size() || after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime()) {
		return c, false, nil
	}
	c.Bytes = b
	return c, true, nil
}

// plain is Lstat that does not pass through a symbolic link on the way either:
// it returns the link instead.
func plain(root *os.Root, p string) (info fs.FileInfo, err error) {
	for i, c := range p + "/" {
		if c != '/' {
			continue
		}
		info, err = root.Lstat(filepath.FromSlash(p[:i]))
		if err != nil || info.Mode()&fs.ModeSymlink != 0 {
			return info, err
		}
	}
	return info, nil
}

// quote returns p with the bytes that are not UTF-8 as %XX.
func quote(p string) string {
	if utf8.ValidString(p) {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRuneInString(p[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, "%%%02X", p[i])
		} else {
			b.WriteString(p[i : i+n])
		}
		i += n
	}
	return b.String()
}

func noun(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "file"
	case m.IsDir():
		return "folder"
	case m&fs.ModeSymlink != 0:
		return "symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

func unreadable(what string, err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return what + " vanished while it was listed"
	}
	return what + " is " + why(err)
}

// why says in plain words why something could not be opened.
func why(err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return "not readable: " + err.Error()
	}
	name := "user " + strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return "not readable for " + name + ": permission denied"
}

// size writes a number of bytes for people, a kilobyte being 1024 bytes.
func size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + units[i]
}
