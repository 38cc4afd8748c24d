package text

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge"
	"groundwork/knowledge/readingtest"
)

const (
	bookContainer = `<container><rootfiles><rootfile full-path="o/p%20q.opf"/></rootfiles></container>`
	bookPackage   = `<?xml version="1.0"?><!DOCTYPE package [<!ENTITY a "aaaa">]><package><metadata xmlns:dc="d"><dc:title>Field notes</dc:title><dc:language>de</dc:language></metadata>
<manifest><item id="n" href="nav.xhtml" properties="nav"/><item id="c1" href="c%201.xhtml"/><item id="c2" href="../c2.xhtml"/><item id="c3" href="c3.xhtml"/></manifest>
<spine><itemref idref="n"/><itemref idref="c2"/><itemref idref="c1"/><itemref idref="gone"/><itemref idref="c3"/></spine></package>`
)

func bookFile(t testing.TB, files ...any) []byte {
	return zipFile(t, append([]any{"mimetype", "application/epub+zip", "META-INF/container.xml", strings.ReplaceAll(bookContainer, "%20", " "), "o/p q.opf", bookPackage}, files...)...)
}

func TestEPUB(t *testing.T) {
	c1, c2, c3 := "<html><title>Field notes</title><body><h1>Tides</h1><p>low<br/>water</p><ul><li>a</li><li>b</li></ul></body></html>", "<html><title>Hooks</title><p>Spare&nbsp;hooks", "<p>end"
	r := Read("a.epub", bookFile(t, "o/nav.xhtml", "<nav><a>Tides</a></nav>", "o/c 1.xhtml", c1, "c2.xhtml", c2, "o/c3.xhtml", c3))
	readingtest.Sound(t, "a.epub", r)
	if d := cmp.Diff([]string{"paragraph: Spare hooks", "heading 1: Tides", "paragraph: low\nwater", "item 1: a", "item 1: b", "paragraph: end"}, readingtest.Show(r)); d != "" || r.Title != "Field notes" || r.Lang != "de" || len(r.Warnings) > 0 {
		t.Errorf("title %q, language %q, %q, blocks (-want +got):\n%s", r.Title, r.Lang, r.Warnings, d)
	}
	if d := cmp.Diff([]string{"Hooks: Spare hooks", "Tides: Tides", "chapter 3: end"}, placed(r)); d != "" {
		t.Errorf("places (-want +got):\n%s", d)
	}
	rights := func(method string) string {
		return `<encryption><EncryptedData><EncryptionMethod Algorithm="` + method + `"/><CipherReference URI="o/c%201.xhtml"/></EncryptedData><EncryptedData><EncryptionMethod Algorithm="` + method + `"/><CipherReference URI="c2.xhtml"/></EncryptedData></encryption>`
	}
	for name, c := range map[string]struct {
		in     []byte
		state  knowledge.Outcome
		blocks int
		about  string
	}{
		"a chapter is missing": {bookFile(t, "o/c 1.xhtml", c1, "o/c3.xhtml", c3), knowledge.Indexed, 5, "1 of 3 chapters are missing"},
		"all are missing":      {bookFile(t), knowledge.Damaged, 0, "3 of 3 chapters are missing"},
		"locked":               {bookFile(t, "o/c 1.xhtml", "\x01", "c2.xhtml", "\x02", "META-INF/encryption.xml", rights("aes")), knowledge.NeedsPassword, 0, "copy protection"},
		"partly locked":        {bookFile(t, "o/c 1.xhtml", "\x01", "c2.xhtml", "\x02", "o/c3.xhtml", c3, "META-INF/encryption.xml", rights("aes")), knowledge.Indexed, 1, "2 of 3 chapters are locked"},
		"only fonts locked":    {bookFile(t, "o/c 1.xhtml", c1, "c2.xhtml", c2, "o/c3.xhtml", c3, "META-INF/encryption.xml", rights("http://www.idpf.org/2008/embedding")), knowledge.Indexed, 6, ""},
		"no container":         {zipFile(t, "o/p q.opf", bookPackage, "o/c 1.xhtml", c1), knowledge.Indexed, 4, ""},
		"no package":           {zipFile(t, "a", "b"), knowledge.Damaged, 0, "package document"},
		"no book":              {[]byte("words"), knowledge.Damaged, 0, "no EPUB"},
		"pictures only":        {bookFile(t, "o/c 1.xhtml", "<img/>", "c2.xhtml", "", "o/c3.xhtml", ""), knowledge.Empty, 0, "no words"},
		"large":                {bookFile(t, "c2.xhtml", strings.Repeat(" ", 65<<20)), knowledge.TooLarge, 0, "unpacks"},
	} {
		r := Read("a.epub", c.in)
		readingtest.Sound(t, name, r)
		if r.State != c.state || len(r.Blocks) != c.blocks || !strings.Contains(r.Reason+strings.Join(r.Warnings, "; "), c.about) {
			t.Errorf("%s: %s, %d blocks, %q, %q", name, r.State, len(r.Blocks), r.Reason, r.Warnings)
		}
	}
}

func TestNotebook(t *testing.T) {
	cell := func(kind string, more map[string]any) map[string]any {
		c := map[string]any{"cell_type": kind, "metadata": map[string]any{}}
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	write := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	r := Read("my_book.ipynb", write(map[string]any{"nbformat": 4, "metadata": map[string]any{"kernelspec": map[string]any{"language": "python"}}, "cells": []any{
		cell("markdown", map[string]any{"source": []string{"# Tides\n", "\n", "- a\n", "- b\n"}}),
		cell("code", map[string]any{"source": "\n  x = 1\n\nprint(x)", "outputs": []any{
			map[string]any{"output_type": "stream", "text": []string{"\x1b[31m1\x1b[0m\n", "2\n"}},
			map[string]any{"output_type": "display_data", "data": map[string]any{"image/png": "AAAA", "text/plain": "<Figure>", "application/json": map[string]any{"a": 1}}},
			map[string]any{"output_type": "error", "ename": "ValueError", "evalue": "bad"}}}),
		cell("raw", map[string]any{"source": "raw words"}),
		cell("code", map[string]any{"source": "", "outputs": []any{map[string]any{"text": strings.Repeat("long ", 2000)}}}),
	}}))
	readingtest.Sound(t, "my_book.ipynb", r)
	got := readingtest.Show(r)
	if len(got) != 7 {
		t.Fatalf("%q", got)
	}
	last := got[6]
	if d := cmp.Diff([]string{"heading 1: Tides", "item 1: a", "item 1: b", "code:   x = 1\n\nprint(x)", "code: 1\n2\n\n<Figure>\nValueError: bad", "paragraph: raw words"}, got[:6]); d != "" || r.Title != "Tides" || len(last) > longestOutput+10 {
		t.Errorf("title %q, %d bytes printed, blocks (-want +got):\n%s", r.Title, len(last), d)
	}
	if d := cmp.Diff([]string{"what 1 cells printed was shortened"}, r.Warnings); d != "" {
		t.Error(d)
	}
	var where []string
	for _, p := range r.Places {
		where = append(where, p.Name)
	}
	if d := cmp.Diff([]string{"cell 1", "cell 2", "cell 3", "cell 4"}, where); d != "" {
		t.Errorf("places (-want +got):\n%s", d)
	}
	for in, want := range map[string]knowledge.Outcome{`{"cells":[],"nbformat":4}`: knowledge.Empty, `{"a":1}`: knowledge.Damaged, "": knowledge.Damaged, `{"cells":[`: knowledge.Damaged, strings.Repeat("[", 50000): knowledge.Damaged} {
		if r := Read("a.ipynb", []byte(in)); r.State != want || r.Reason == "" {
			t.Errorf("%.20q: %s, %q", in, r.State, r.Reason)
		}
	}
}

func FuzzEPUB(f *testing.F) {
	fuzzBytes(f, "a.epub", string(bookFile(f, "o/c 1.xhtml", "<p>a", "c2.xhtml", "<h1>b")))
}

func FuzzNotebook(f *testing.F) {
	fuzzBytes(f, "a.ipynb", `{"nbformat":4,"cells":[{"cell_type":"markdown","source":["# a\n","b"]},{"cell_type":"code","source":"x","outputs":[{"text":"y","data":{"text/plain":["z"]}}]}]}`, `{"worksheets":[{"cells":[{"cell_type":"heading","level":9,"source":"a"},{"cell_type":"code","input":"b"}]}]}`)
}
