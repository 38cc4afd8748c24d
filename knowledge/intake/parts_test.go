package intake_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"

	"github.com/google/go-cmp/cmp"
)

// zipped packs files: names and contents in turn.
func zipped(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// mailed makes a mail with attachments: names and contents in turn.
func mailed(text string, files ...string) string {
	var b strings.Builder
	b.WriteString("From: Ada <ada@example.com>\nTo: yard@example.org\nSubject: Plans\nDate: Tue, 02 Jan 2024 08:00:00 +0100\nContent-Type: multipart/mixed; boundary=\"x\"\n\n--x\n\n" + text + "\n")
	for i := 0; i < len(files); i += 2 {
		fmt.Fprintf(&b, "--x\nContent-Type: application/octet-stream; name=%q\nContent-Disposition: attachment; filename=%q\n\n%s\n", files[i], files[i], files[i+1])
	}
	b.WriteString("--x--\n")
	return b.String()
}

// states returns the ledger as "path: state".
func (s *site) states() (all []string) {
	s.Helper()
	for e, err := range s.store.Ledger(s.Context(), knowledge.Filter{}) {
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, e.Path+": "+string(e.State))
		if e.State != knowledge.Indexed && e.Reason == "" {
			s.Errorf("%s is %s without a reason", e.Path, e.State)
		}
	}
	return all
}

func (s *site) ledger(want ...string) {
	s.Helper()
	if d := cmp.Diff(want, s.states()); d != "" {
		s.Errorf("the ledger (-want +got):\n%s", d)
	}
}

// found returns the paths of the documents that hold a word.
func (s *site) found(word string) (paths []string) {
	s.Helper()
	for p, text := range s.texts() {
		if strings.Contains(text, word) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

func TestPartsAreFiles(t *testing.T) {
	s := newSite(t)
	s.write("note.md", "alpha")
	s.write("plans.zip", zipped(t, "a.md", "beta", "sub/b.txt", "gamma", "../c.md", "delta", "bad.md", strings.Repeat("\x01\x02", 400), "x.bin", "?"))
	s.write("post/letter.eml", mailed("epsilon", "d.md", "zeta", "more.zip", zipped(t, "e.md", "eta")))
	s.sync("11 new")
	s.ledger("note.md: indexed", "plans.zip: indexed", "plans.zip!/a.md: indexed", "plans.zip!/bad.md: damaged", "plans.zip!/c.md: indexed",
		"plans.zip!/sub/b.txt: indexed", "plans.zip!/x.bin: unsupported",
		"post/letter.eml: indexed", "post/letter.eml!/d.md: indexed", "post/letter.eml!/more.zip: indexed", "post/letter.eml!/more.zip!/e.md: indexed")
	for word, path := range map[string]string{"beta": "plans.zip!/a.md", "epsilon": "post/letter.eml", "zeta": "post/letter.eml!/d.md", "eta": "post/letter.eml!/more.zip!/e.md"} {
		if got := s.found(word); !slices.Contains(got, path) {
			t.Errorf("%q is in %q, not in %s", word, got, path)
		}
	}
	s.unwritten(func() { s.sync("11 unchanged") })
	s.source.forget()
	s.touch("plans.zip", longAgo.Add(time.Minute)) // read, but the same
	s.unwritten(func() { s.sync("11 unchanged") })
	if reads := s.source.forget(); len(reads) != 1 {
		t.Errorf("read %v", reads)
	}

	// One changes, one is renamed, one goes, one comes.
	s.write("plans.zip", zipped(t, "a.md", "better", "sub/c.txt", "gamma", "../c.md", "delta", "bad.md", strings.Repeat("\x01\x02", 400), "new.md", "theta"))
	s.sync("1 new 2 changed 1 moved 1 vanished 7 unchanged") // the file around changes too
	if from := s.entry("plans.zip!/sub/c.txt").MovedFrom; from != "plans.zip!/sub/b.txt" {
		t.Errorf("moved from %q", from)
	}
	s.ledger("note.md: indexed", "plans.zip: indexed", "plans.zip!/a.md: indexed", "plans.zip!/bad.md: damaged", "plans.zip!/c.md: indexed",
		"plans.zip!/new.md: indexed", "plans.zip!/sub/c.txt: indexed",
		"post/letter.eml: indexed", "post/letter.eml!/d.md: indexed", "post/letter.eml!/more.zip: indexed", "post/letter.eml!/more.zip!/e.md: indexed")

	// With the file around everything moves, and everything goes.
	s.move("post/letter.eml", "letter.eml")
	s.sync("4 moved 7 unchanged")
	if from := s.entry("letter.eml!/more.zip!/e.md").MovedFrom; from != "post/letter.eml!/more.zip!/e.md" {
		t.Errorf("moved from %q", from)
	}
	s.remove("letter.eml")
	s.sync("4 vanished 7 unchanged")
	s.write("plans.zip", "no archive")
	s.sync("1 changed 5 vanished 1 unchanged")
	s.ledger("note.md: indexed", "plans.zip: damaged")
	if got := s.found("gamma"); got != nil {
		t.Errorf("gamma is still in %q", got)
	}
}

// A file that is out of an archive is the same file.
func TestPartsUnpacked(t *testing.T) {
	s := newSite(t)
	s.write("a.zip", zipped(t, "a.md", "alpha", "b.md", "beta"))
	s.sync("3 new")
	s.remove("a.zip")
	s.write("a.md", "alpha")
	s.write("b.md", "beta")
	s.sync("2 moved 1 vanished")
	s.holds(map[string]string{"a.md": "alpha", "b.md": "beta"})
}

// A real folder may be called like an archive.
func TestPartsBesideAFolder(t *testing.T) {
	s := newSite(t)
	s.write("a.zip", zipped(t, "x.md", "inside", "y.md", "inside too"))
	s.write("a.zip!/x.md", "outside")
	s.write("b!/c.md", "alone")
	s.sync("4 new")
	s.holds(map[string]string{"a.zip": "", "a.zip!/x.md": "outside", "a.zip!/y.md": "inside too", "b!/c.md": "alone"})
	s.unwritten(func() { s.sync("4 unchanged") })
	s.remove("a.zip!/x.md", "b!/c.md")
	s.write("a.zip", zipped(t, "x.md", "inside again", "y.md", "inside too"))
	s.sync("2 changed 1 vanished 1 unchanged")
	s.holds(map[string]string{"a.zip": "", "a.zip!/x.md": "inside again", "a.zip!/y.md": "inside too"})
}

func TestPartsHeldBack(t *testing.T) {
	s := newSite(t)
	secret := "password: Hunter2-Zanzibar!"
	s.write("a.zip", zipped(t, "ok.md", "alpha", "bad.md", secret, "id_rsa", "beta"))
	s.write("b.eml", mailed("gamma", "ok.md", "delta", "in.zip", zipped(t, "deep.md", "epsilon")))
	s.sync("8 new")
	s.ledger("a.zip: indexed", "a.zip!/bad.md: held back", "a.zip!/id_rsa: held back", "a.zip!/ok.md: indexed",
		"b.eml: indexed", "b.eml!/in.zip: indexed", "b.eml!/in.zip!/deep.md: indexed", "b.eml!/ok.md: indexed")
	s.write("b.eml", mailed("gamma "+secret, "ok.md", "delta", "in.zip", zipped(t, "deep.md", "epsilon")))
	s.sync("3 changed 1 vanished 4 unchanged")
	s.ledger("a.zip: indexed", "a.zip!/bad.md: held back", "a.zip!/id_rsa: held back", "a.zip!/ok.md: indexed",
		"b.eml: held back", "b.eml!/in.zip: held back", "b.eml!/ok.md: held back")
	if why := s.entry("b.eml!/ok.md").Reason; !strings.Contains(why, "file that it is in") {
		t.Errorf("the reason is %q", why)
	}
	for _, word := range []string{"Hunter2", "gamma", "delta", "epsilon"} {
		if p := s.found(word); p != nil {
			t.Errorf("%q is in %q", word, p)
		}
	}
	s.unwritten(func() { s.sync("7 unchanged") })
	s.write("b.eml", mailed("gamma", "ok.md", "delta", "in.zip", zipped(t, "deep.md", "epsilon")))
	s.sync("1 new 3 changed 4 unchanged")
	if p := s.found("epsilon"); len(p) != 1 {
		t.Errorf("epsilon is in %q", p)
	}
	// By its path: it isn't opened.
	s.move("a.zip", "secrets.kdbx.zip")
	s.intake.ScreenPath = func(p string) []knowledge.Finding {
		if strings.Contains(p, "kdbx") {
			return []knowledge.Finding{{Kind: "key", Class: knowledge.Secret}}
		}
		return nil
	}
	s.source.forget()
	s.sync("1 new 4 vanished 4 unchanged")
	if s.source.reads["secrets.kdbx.zip"] > 0 {
		t.Error("it was opened")
	}
}

func TestPartsForgotten(t *testing.T) {
	s := newSite(t)
	s.write("a.zip", zipped(t, "x.md", "alpha of old, which nobody may read any more", "y.md", "beta", "in.zip", zipped(t, "z.md", "gamma in the inner one")))
	s.write("copy.zip", zipped(t, "x.md", "alpha of old, which nobody may read any more"))
	s.sync("7 new")
	forget := func(path string, want int) {
		t.Helper()
		p, err := s.store.Forget(t.Context(), knowledge.Selector{Source: "docs", Path: path}, longAgo)
		if err != nil || p.Documents != want || len(p.Found) > 0 {
			t.Fatalf("forget %s: %+v, %v", path, p, err)
		}
		s.whole()
	}
	readmit := func(path string) {
		t.Helper()
		if _, err := s.store.Readmit(t.Context(), knowledge.Selector{Source: "docs", Path: path}); err != nil {
			t.Fatal(err)
		}
	}
	forget("a.zip!/x.md", 1)
	s.unwritten(func() { s.sync("7 unchanged") })
	if p := s.found("alpha"); !slices.Equal(p, []string{"copy.zip!/x.md"}) {
		t.Errorf("alpha is in %q", p)
	}
	// A new version of the file around doesn't bring it back, nor do other bytes there.
	s.write("a.zip", zipped(t, "x.md", "alpha of today", "y.md", "beta", "in.zip", zipped(t, "z.md", "gamma in the inner one")))
	s.sync("1 changed 6 unchanged")
	if p := s.found("alpha of today"); p != nil {
		t.Errorf("it came back: %q", p)
	}
	readmit("a.zip!/x.md")
	s.sync("1 changed 6 unchanged")
	if p := s.found("alpha of today"); len(p) != 1 {
		t.Errorf("it did not come back: %q", p)
	}

	// The words in the inner one go with the outermost, at once.
	forget("a.zip", 5)
	if p := s.found("gamma"); p != nil {
		t.Errorf("gamma is in %q", p)
	}
	if bytes.Contains(s.bytes(), []byte("gamma in the inner one")) {
		t.Error("the words are still in the home's files")
	}
	s.sync("7 unchanged")
	s.move("a.zip", "b.zip") // its bytes stay away elsewhere
	s.write("loose.md", "gamma in the inner one")
	s.sync("2 new 5 vanished 2 unchanged")
	if p := s.found("gamma"); p != nil {
		t.Errorf("gamma is in %q", p)
	}
	s.move("b.zip", "a.zip")
	s.remove("loose.md")
	s.sync("1 new 2 vanished 2 unchanged")
	readmit("a.zip")
	// What was in it had no entries any more by which to lift it; now it has.
	s.sync("3 new 1 changed 2 unchanged")
	readmit("a.zip")
	s.sync("1 new 3 changed 3 unchanged")
	readmit("a.zip!/in.zip")
	s.sync("1 changed 6 unchanged")
	if p := s.found("gamma"); len(p) != 1 {
		t.Errorf("gamma is in %q", p)
	}
}

func TestPartsForgottenAndLifted(t *testing.T) {
	s := newSite(t)
	s.write("a.zip", zipped(t, "x.md", "alpha", "in.zip", zipped(t, "z.md", "gamma")))
	s.sync("4 new")
	if _, err := s.store.Forget(t.Context(), knowledge.Selector{Source: "docs", Path: "a.zip"}, longAgo); err != nil {
		t.Fatal(err)
	}
	s.unwritten(func() { s.sync("4 unchanged") })
	if n, err := s.store.Readmit(t.Context(), knowledge.Selector{Source: "docs", Path: "a.zip"}); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	s.sync("4 changed")
	s.ledger("a.zip: indexed", "a.zip!/in.zip: indexed", "a.zip!/in.zip!/z.md: indexed", "a.zip!/x.md: indexed")
	// Of the inner one alone.
	what := knowledge.Selector{Source: "docs", Path: "a.zip!/in.zip"}
	if p, err := s.store.Forget(t.Context(), what, longAgo); err != nil || p.Documents != 2 {
		t.Fatal(p, err)
	}
	s.unwritten(func() { s.sync("4 unchanged") })
	s.write("a.zip", zipped(t, "x.md", "alpha", "in.zip", zipped(t, "z.md", "gamma", "new.md", "delta")))
	s.sync("1 changed 3 unchanged")
	s.ledger("a.zip: indexed", "a.zip!/in.zip: excluded", "a.zip!/in.zip!/z.md: excluded", "a.zip!/x.md: indexed")
	if _, err := s.store.Readmit(t.Context(), what); err != nil {
		t.Fatal(err)
	}
	s.sync("1 new 2 changed 2 unchanged")
	s.ledger("a.zip: indexed", "a.zip!/in.zip: indexed", "a.zip!/in.zip!/new.md: indexed", "a.zip!/in.zip!/z.md: indexed", "a.zip!/x.md: indexed")
}

func TestPartsDeep(t *testing.T) {
	s := newSite(t)
	inner := zipped(t, "e.md", "five")
	for _, name := range []string{"d", "c", "b", "a"} {
		inner = zipped(t, name+".md", "words of "+name, name+".zip", inner)
	}
	s.write("top.zip", inner)
	s.sync("7 new")
	s.ledger("top.zip: indexed", "top.zip!/a.md: indexed", "top.zip!/a.zip: indexed", "top.zip!/a.zip!/b.md: indexed", "top.zip!/a.zip!/b.zip: indexed",
		"top.zip!/a.zip!/b.zip!/c.md: indexed", "top.zip!/a.zip!/b.zip!/c.zip: too large")
	s.unwritten(func() { s.sync("7 unchanged") })
	s.touch("top.zip", longAgo.Add(time.Minute))
	s.unwritten(func() { s.sync("7 unchanged") })
}

// Many archives that are small and unpack to much are bounded together.
func TestPartsBounded(t *testing.T) {
	s := newSite(t)
	s.intake.Limit = 1 << 20
	var files []string
	large := strings.Repeat("a ", 30<<20)
	packed := zipped(t, "a.txt", large, "b.md", "beta", "c.txt", large)
	for i := range 3 {
		files = append(files, fmt.Sprintf("%d.zip", i), packed)
	}
	files = append(files, "big.txt", strings.Repeat("b ", 1<<20))
	s.write("a.zip", zipped(t, files...))
	s.sync("11 new")
	s.ledger("a.zip: indexed", "a.zip!/0.zip: indexed", "a.zip!/0.zip!/a.txt: too large", "a.zip!/0.zip!/b.md: indexed", "a.zip!/0.zip!/c.txt: too large",
		"a.zip!/1.zip: indexed", "a.zip!/1.zip!/a.txt: too large", "a.zip!/1.zip!/b.md: indexed", "a.zip!/1.zip!/c.txt: too large", "a.zip!/2.zip: too large", "a.zip!/big.txt: too large")
}

func TestPartsReaders(t *testing.T) {
	s := newSite(t)
	s.origin.Readers = knowledge.ParseReaders("staff")
	s.write("a.zip", zipped(t, "a.md", "alpha", "b.md", "---\nreaders: [board]\n---\nbeta", "c.md", "---\nreaders: [all]\n---\ngamma"))
	s.sync("4 new")
	seen := func(groups string) (paths []string) {
		documents, err := s.store.View(knowledge.Asker{Name: "ann", Groups: knowledge.ParseGroups(groups)}).Documents(t.Context(), knowledge.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range documents {
			paths = append(paths, d.ID.Path())
		}
		return paths
	}
	if d := cmp.Diff([]string{"a.zip", "a.zip!/a.md", "a.zip!/c.md"}, seen("staff")); d != "" {
		t.Errorf("staff sees (-want +got):\n%s", d)
	}
	if got := append(seen("board"), seen("")...); got != nil {
		t.Errorf("others see %q", got)
	}
}

// What is in a file has no more readers than the file asks for itself.
func TestPartsReadersOfTheFileAround(t *testing.T) {
	s := newSite(t)
	s.origin.Readers = knowledge.Readers{Everyone: true}
	read := s.intake.Read
	s.intake.Read = func(path string, data []byte) knowledge.Reading {
		r := read(path, data)
		if group, ok := strings.CutPrefix(string(data), "for "); ok {
			asked := knowledge.ParseReaders(group)
			r.Readers = &asked
			r.Parts = []knowledge.Inner{{Name: "a.md", Bytes: []byte("alpha")}, {Name: "b.txt", Bytes: []byte("for staff,cooks")}}
		}
		return r
	}
	seen := func(groups string) (paths string) {
		documents, err := s.store.View(knowledge.Asker{Name: "ann", Groups: knowledge.ParseGroups(groups)}).Documents(t.Context(), knowledge.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range documents {
			paths += d.ID.Path() + " "
		}
		return paths
	}
	s.write("x.txt", "for board,staff")
	s.sync("7 new") // the second part has parts too, as deep as they are read
	if board, staff, cooks := seen("board"), seen("staff"), seen("cooks")+seen(""); board != "x.txt x.txt!/a.md " || len(strings.Fields(staff)) != 7 || cooks != "" {
		t.Errorf("the board sees %q, staff %q, others %q", board, staff, cooks)
	}
	// Wider readers of the source do not pass over that.
	views, err := s.store.View(knowledge.Asker{Owner: true}).Documents(t.Context(), knowledge.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.store.SetReaders(t.Context(), "docs", s.origin.Readers, func(id knowledge.DocumentID) knowledge.Readers {
		for _, d := range views {
			if d.ID == id && d.Asked != nil {
				return s.origin.Readers.Narrow(*d.Asked)
			}
		}
		return s.origin.Readers
	})
	if cooks := seen("cooks"); err != nil || cooks != "" {
		t.Errorf("cooks see %q, %v", cooks, err)
	}
	// The parts stay as they are, but not their readers.
	s.write("x.txt", "for board")
	s.sync("7 changed")
	if board, staff := seen("board"), seen("staff"); board != "x.txt x.txt!/a.md " || staff != "" {
		t.Errorf("then the board sees %q, staff %q", board, staff)
	}
}

func TestPartsOfSourcesThatLoseThem(t *testing.T) {
	s := newSite(t)
	for i := range 3 {
		var files []string
		for j := range 30 {
			files = append(files, fmt.Sprintf("%d.md", j), fmt.Sprintf("words %d of %d", j, i))
		}
		s.write(fmt.Sprintf("%d.zip", i), zipped(t, files...))
	}
	s.sync("93 new")
	// Of three files one is gone: that is not most of the source.
	s.remove("0.zip")
	s.sync("31 vanished 62 unchanged")
	// What an incomplete listing lacks stays, with what is in it.
	s.remove("1.zip")
	s.source.list = func(l knowledge.Listing) knowledge.Listing { l.Complete, l.Reason = false, "why"; return l }
	r, err := s.intake.Sync(t.Context(), s.origin, s.source)
	if err != nil || counts(r) != "31 unchanged" {
		t.Errorf("%s, %v", counts(r), err)
	}
	s.source.list = nil
	s.sync("31 vanished 31 unchanged")
}

// A mail box of mails that were never told apart, and a tape archive in gzip.
func TestPartsOfMailboxAndTape(t *testing.T) {
	s := newSite(t)
	s.write("in.mbox", "From a@example.com Tue Jan  2 08:00:00 2024\nFrom: a@example.com\nSubject: One: a/b\n\nalpha\n\nFrom b@example.com Tue Jan  2 08:00:00 2024\nSubject: Two\n\nbeta\n>From here\n")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range map[string]string{"../../etc/x.md": "gamma", "/abs.md": "delta"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: "link.md", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s.write("t.tar", b.String())
	s.sync("6 new")
	s.ledger("in.mbox: indexed", "in.mbox!/0001 One- a-b.eml: indexed", "in.mbox!/0002 Two.eml: indexed", "t.tar: indexed", "t.tar!/abs.md: indexed", "t.tar!/etc/x.md: indexed")
	if why := s.entry("t.tar").Reason; !strings.Contains(why, "links and devices (1)") {
		t.Errorf("the reason is %q", why)
	}
	if got := s.texts()["in.mbox!/0002 Two.eml"]; got != "Subject: Two\n\nbeta\nFrom here" {
		t.Errorf("the second mail is %q", got)
	}
	// A mail that is deleted moves those behind it.
	s.write("in.mbox", "From b@example.com Tue Jan  2 08:00:00 2024\nSubject: Two\n\nbeta\n>From here\n")
	s.sync("1 changed 1 moved 1 vanished 3 unchanged")
}

// Whatever interrupts it, afterwards one more sync makes all as it is on disk.
func TestPartsCancelled(t *testing.T) {
	s := newSite(t)
	random := rand.New(rand.NewPCG(5, 6))
	disk, cut := map[string]string{}, 0
	content := map[string]map[string]string{}
	write := func(name string) {
		files := content[name]
		if files == nil {
			files = map[string]string{}
			content[name] = files
		}
		for range 40 {
			p := fmt.Sprintf("%d.md", random.IntN(60))
			if files[p] = fmt.Sprintf("words %d", random.Uint32()); random.IntN(3) == 0 {
				delete(files, p)
			}
		}
		var inner, list []string
		for _, p := range slices.Sorted(maps.Keys(files)) {
			list = append(list, p, files[p])
			if random.IntN(2) == 0 {
				inner = append(inner, p, files[p]+" inside")
			}
		}
		s.write(name, zipped(t, append(list, "in.zip", zipped(t, inner...))...))
		maps.DeleteFunc(disk, func(p, _ string) bool { return p == name || strings.HasPrefix(p, name+"!/") })
		disk[name], disk[name+"!/in.zip"] = "", ""
		for i := 0; i < len(list); i += 2 {
			disk[name+"!/"+list[i]] = list[i+1]
		}
		for i := 0; i < len(inner); i += 2 {
			disk[name+"!/in.zip!/"+inner[i]] = inner[i+1]
		}
	}
	rounds := 30
	if testing.Short() {
		rounds = 8
	}
	for round := range rounds {
		for range 3 {
			write(fmt.Sprintf("%d.zip", random.IntN(5)))
		}
		if name := fmt.Sprintf("%d.zip", random.IntN(5)); disk[name+"!/in.zip"] == "" && round%3 == 2 {
			if _, ok := disk[name]; ok {
				s.remove(name)
				maps.DeleteFunc(disk, func(p, _ string) bool { return p == name || strings.HasPrefix(p, name+"!/") })
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(random.IntN(200))*time.Millisecond, cancel)
		_, err := s.intake.Sync(ctx, s.origin, s.source)
		timer.Stop()
		cancel()
		if err != nil {
			if cut++; fault.KindOf(err) != fault.Budget {
				t.Fatal(err)
			}
		}
		s.whole()
		if round%2 == 1 {
			s.intake.AcceptLoss = true
			if _, err := s.intake.Sync(t.Context(), s.origin, s.source); err != nil {
				t.Fatal(err)
			}
			s.holds(disk)
		}
	}
	t.Logf("%d of %d rounds were cut short", cut, rounds)
	if cut < rounds/5 {
		t.Errorf("only %d of %d rounds were cut short", cut, rounds)
	}
}

// The files of the shared set as one source: each gets a state and a reason.
func TestPartsOfSharedFiles(t *testing.T) {
	const shared = "../../../shared/data/files"
	if _, err := os.Stat(shared); err != nil {
		t.Skip("NOT RUN: the shared test files are not here: " + err.Error())
	}
	s := newSite(t)
	n := 0
	for _, pattern := range []string{"eml/*/*", "mbox/*/*", "csv/*/*", "ipynb/*/*", "epub/*/*", "rtf/*/*", "other/*/*", "own/good/*", "own/bad/*/*"} {
		names, err := filepath.Glob(filepath.Join(shared, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			switch filepath.Ext(name) {
			case ".eml", ".mbox", ".csv", ".ipynb", ".epub", ".rtf", ".zip", ".tar", ".gz":
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				rel, err := filepath.Rel(shared, name)
				if err != nil {
					t.Fatal(err)
				}
				s.write(filepath.ToSlash(rel), string(data))
				n++
			}
		}
	}
	begun := time.Now()
	r, err := s.intake.Sync(t.Context(), s.origin, s.source)
	if err != nil {
		t.Fatal(err)
	}
	s.whole()
	s.states()
	t.Logf("%d files in %v: %s; %v", n, time.Since(begun).Round(time.Millisecond), counts(r), r.States)
	again, err := s.intake.Sync(t.Context(), s.origin, s.source) // a damaged file is tried thrice
	if err != nil {
		t.Fatal(err)
	}
	if again.New+again.Changed+again.Moved+again.Vanished > 0 {
		t.Errorf("again: %s", counts(again))
	}
}
