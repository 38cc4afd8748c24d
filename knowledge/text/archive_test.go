package text

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/readingtest"
)

// zipFile packs headers and contents in turn.
func zipFile(t testing.TB, files ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h, ok := files[i].(*zip.FileHeader)
		if !ok {
			h = &zip.FileHeader{Name: files[i].(string), Method: zip.Deflate}
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = io.WriteString(w, files[i+1].(string))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarFile(t testing.TB, files ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h, ok := files[i].(*tar.Header)
		content := files[i+1].(string)
		if !ok {
			h = &tar.Header{Name: files[i].(string), Size: int64(len(content)), Mode: 0o600}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipFile(t testing.TB, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name = name
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArchives(t *testing.T) {
	link := &zip.FileHeader{Name: "link"}
	link.SetMode(0o777 | 1<<27) // fs.ModeSymlink
	locked := &zip.FileHeader{Name: "locked.md", Flags: 1}
	files := []any{"a.md", "alpha", "dir/", "", "dir/b.md", "beta", "../../c.md", "gamma", "/d.md", "delta", `C:\e.md`, "epsilon", "a.md", "again", "__MACOSX/a.md", "x", ".git/config", "x", "x!/y.md", "zeta", "n\x00a\x1bme.md", "eta"}
	want := []string{"a.md: alpha", "dir/b.md: beta", "c.md: gamma", "d.md: delta", "e.md: epsilon", "a (2).md: again", "x_/y.md: zeta", "n a me.md: eta"}
	for name, c := range map[string]struct {
		in    []byte
		parts []string
		state knowledge.Outcome
		about string // in the reason or the warnings
	}{
		"a.zip":         {zipFile(t, append(files, link, "/etc/passwd")...), want, knowledge.Indexed, "left out hidden files (2); left out links and devices (1)"},
		"locked.zip":    {zipFile(t, locked, "secret"), nil, knowledge.NeedsPassword, "encrypted"},
		"partly.zip":    {zipFile(t, locked, "secret", "b.md", "beta"), []string{"locked.md: needs password", "b.md: beta"}, knowledge.Indexed, ""},
		"method.zip":    {bytes.ReplaceAll(zipFile(t, &zip.FileHeader{Name: "x.md", Method: zip.Store}, "xx", "b.md", "beta"), []byte("PK\x01\x02\x14\x00\x14\x00\x08\x00\x00\x00"), []byte("PK\x01\x02\x14\x00\x14\x00\x08\x00\x63\x00")), []string{"x.md: unsupported", "b.md: beta"}, knowledge.Indexed, ""},
		"sum.zip":       {bytes.Replace(zipFile(t, &zip.FileHeader{Name: "x.md", Method: zip.Store}, "words here", "b.md", "beta"), []byte("words here"), []byte("words gone"), 1), []string{"x.md: damaged", "b.md: beta"}, knowledge.Indexed, ""},
		"empty.zip":     {zipFile(t), nil, knowledge.Empty, "no files"},
		"none.zip":      {[]byte("PK\x03\x04 and no more"), nil, knowledge.Damaged, "no ZIP file"},
		"cut.zip":       {zipFile(t, "a.md", strings.Repeat("alpha ", 100))[:60], nil, knowledge.Damaged, "cut off"},
		"large.zip":     {zipFile(t, "a.txt", strings.Repeat(" ", 65<<20), "b.txt", strings.Repeat(" ", 65<<20)), nil, knowledge.TooLarge, "unpack it and add the folder"},
		"one large.zip": {zipFile(t, "a.txt", strings.Repeat(" ", 65<<20), "b.md", "beta"), []string{"a.txt: too large", "b.md: beta"}, knowledge.Indexed, ""},
		"a.tar":         {tarFile(t, "a.md", "alpha", "../../b.md", "beta", "/etc/c.md", "gamma", &tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, "", &tar.Header{Name: "d/", Typeflag: tar.TypeDir}, "", ".h", "x"), []string{"a.md: alpha", "b.md: beta", "etc/c.md: gamma"}, knowledge.Indexed, "left out hidden files (1); left out links and devices (1)"},
		"cut.tar":       {tarFile(t, "a.md", "alpha", "b.md", strings.Repeat("beta", 1000))[:2048], []string{"a.md: alpha", "b.md: damaged"}, knowledge.Indexed, "damaged behind b.md"},
		"none.tar":      {[]byte(strings.Repeat("no archive ", 100)), nil, knowledge.Damaged, "no TAR file"},
		"a.tar.gz":      {gzipFile(t, "", tarFile(t, "a.md", "alpha")), []string{"a.md: alpha"}, knowledge.Indexed, ""},
		"a.tgz":         {gzipFile(t, "", tarFile(t, "a.md", "alpha")), []string{"a.md: alpha"}, knowledge.Indexed, ""},
		"log.txt.gz":    {gzipFile(t, "x", []byte("alpha")), []string{"log.txt: alpha"}, knowledge.Indexed, ""},
		"log.gz":        {gzipFile(t, "../old.txt", []byte("alpha")), []string{"old.txt: alpha"}, knowledge.Indexed, ""},
		"none.gz":       {[]byte("no gzip"), nil, knowledge.Damaged, "no gzip file"},
		"large.gz":      {gzipFile(t, "", bytes.Repeat([]byte(" "), 65<<20)), nil, knowledge.TooLarge, "64 MB"},
		"many.tar.gz":   {gzipFile(t, "", bytes.Repeat(tarFile(t, "a", "")[:512], 20_001)), nil, knowledge.TooLarge, "20000 files"},
	} {
		began := time.Now()
		r := Read(name, c.in)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		readingtest.Sound(t, name, r)
		if d := cmp.Diff(c.parts, named(r)); d != "" || r.State != c.state || !strings.Contains(r.Reason+strings.Join(r.Warnings, "; "), c.about) {
			t.Errorf("%s: %s %q %q, parts (-want +got):\n%s", name, r.State, r.Reason, r.Warnings, d)
		}
	}
	old := Read("cp437.zip", zipFile(t, &zip.FileHeader{Name: "Pl\x84ne.md", NonUTF8: true}, "alpha"))
	if got := named(old); len(got) != 1 || got[0] != "Pläne.md: alpha" {
		t.Errorf("a name in code page 437: %q", got)
	}
	at := time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC)
	if r := Read("a.zip", zipFile(t, &zip.FileHeader{Name: "a.md", Modified: at}, "x")); !r.Parts[0].Modified.Equal(at) {
		t.Errorf("modified %v", r.Parts[0].Modified)
	}
	for in, want := range map[string]string{"tape": "tar", "packed": "gzip"} {
		data := tarFile(t, "a.md", "alpha")
		if in == "packed" {
			data = gzipFile(t, "a.md", []byte("alpha"))
		}
		if r := Read(in, data); r.Format != want || len(r.Parts) != 1 {
			t.Errorf("without an ending: %s, %d parts", r.Format, len(r.Parts))
		}
	}
}

func FuzzZip(f *testing.F) {
	fuzzBytes(f, "a.zip", string(zipFile(f, "a.md", "alpha", "../b!/c", "beta")), "PK\x05\x06"+strings.Repeat("\x00", 18))
}

func FuzzTar(f *testing.F) {
	fuzzBytes(f, "a.tar", string(tarFile(f, "a.md", "alpha", "../b", "beta")))
}

func FuzzGzip(f *testing.F) {
	fuzzBytes(f, "a.tgz", string(gzipFile(f, "x", tarFile(f, "a.md", "alpha"))))
}

// fuzzBytes is fuzz for formats whose bytes are not the text.
func fuzzBytes(f *testing.F, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := read(name, data)
		readingtest.Sound(t, name, r)
		if len(r.Text) > draft.MaxText+len("\n\n") {
			t.Errorf("a text of %d bytes", len(r.Text))
		}
		if again := read(name, data); !cmp.Equal(r, again) {
			t.Errorf("a second reading differs")
		}
	})
}
