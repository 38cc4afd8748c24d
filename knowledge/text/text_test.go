package text

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/unicode/norm"

	"groundwork/knowledge/readingtest"
)

// TestSameWords gives one Markdown document in every encoding and line end and
// wants one and the same reading.
func TestSameWords(t *testing.T) {
	const doc = "---\ntitle: Höhe\n---\n\n# Größe\n\nDer Kran wird geprüft.\n\n- Über alles\n"
	want := Read("a.md", []byte(doc))
	if want.Title != "Höhe" || len(want.Blocks) != 3 || want.Text != doc {
		t.Fatalf("%+v", want)
	}
	crlf := strings.ReplaceAll(doc, "\n", "\r\n")
	const le, be = unicode.LittleEndian, unicode.BigEndian
	encoded := func(e encoding.Encoding, s string) []byte {
		b, err := e.NewEncoder().Bytes([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	units := func(s string, order unicode.Endianness) []byte {
		return encoded(unicode.UTF16(order, unicode.IgnoreBOM), s)
	}
	for name, data := range map[string][]byte{
		"mark":            []byte("\uFEFF" + doc),
		"crlf":            []byte(crlf),
		"mark and crlf":   []byte("\uFEFF" + crlf),
		"cr":              []byte(strings.ReplaceAll(doc, "\n", "\r")),
		"nfd":             norm.NFD.Bytes([]byte(doc)),
		"latin-1":         encoded(charmap.ISO8859_1, doc),
		"utf-16le":        units("\uFEFF"+crlf, le),
		"utf-16be":        units("\uFEFF"+doc, be),
		"utf-16le, bare":  units(doc, le),
		"utf-16be, bare":  units(crlf, be),
		"utf-32le, marks": encoded(utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), "\uFEFF"+doc),
	} {
		got := Read("a.md", data)
		got.Warnings = nil // a guess is said
		if !cmp.Equal(want, got) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
}

func TestBinary(t *testing.T) {
	noise := make([]byte, 4096)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	png := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00"), noise...)
	for name, c := range map[string]struct {
		path  string
		data  []byte
		state string
	}{
		"noise.md":   {"noise.md", noise, "damaged"},
		"noise.txt":  {"noise.txt", noise, "damaged"},
		"noise.html": {"noise.html", noise, "damaged"},
		"bare":       {"program", noise, "unsupported"},
		"png":        {"a.txt", png, "damaged"},
		"zeros":      {"a.txt", make([]byte, 100), "damaged"},
		"picture":    {"a.png", png, "unsupported"},
		"hidden":     {".gitignore", []byte("*.o\n"), "unsupported"},
		"readme":     {"README", []byte("Read me\n"), "indexed"},
		"version":    {"notes v1.2", []byte("Read me\n"), "indexed"},
		"capitals":   {"A.MD", []byte("Read me\n"), "indexed"},
		"zero bytes": {"a.txt", []byte("The\x00 crane\x00 on dock seven"), "indexed"},
		"blank":      {"a.txt", []byte(" \t\n\u00a0\n"), "empty"},
		"nothing":    {"a.html", nil, "empty"},
		"utf-16":     {"a.txt", append([]byte("\xFF\xFE"), noise[:4000]...), "damaged"},
	} {
		r := Read(c.path, c.data)
		readingtest.Sound(t, name, r)
		if string(r.State) != c.state {
			t.Errorf("%s: %s (%s), want %s", name, r.State, r.Reason, c.state)
		}
	}
	if r := Read("a/b.png", png); r.Reason != "no reader for .png yet" {
		t.Errorf("reason %q", r.Reason)
	}
}
