//go:build unix

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEncoding follows vectors from the command line: they come with add, wait
// with --words, go on with the next sync, and follow by themselves while the
// server runs.
func TestEncoding(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: vectors from the command line")
	}
	folder, d := cachedModel(t)
	p := newBinary(t, buildBinary(t))
	p.run(t, "model", "get", filepath.Join(folder, d.File)).ok()
	type state struct {
		Passages, Vectors, Waiting int
		Encoder                    string
	}
	status := func() (s state) {
		t.Helper()
		if err := json.Unmarshal([]byte(p.run(t, "status", "--json").ok().out), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	docs := filepath.Join(p.dir, "docs")
	writeFile(t, filepath.Join(docs, "leave.md"), "# Vacation\n\nEverybody has 27 days of paid vacation a year.\n")
	writeFile(t, filepath.Join(docs, "freezer.md"), "# Freezers\n\nThe alarm of a freezer rings at minus 15 degrees.\n")
	p.run(t, "add", "docs").ok()
	if s := status(); s.Vectors != 2 || s.Waiting != 0 || s.Passages != 2 || s.Encoder != d.Mark() {
		t.Errorf("after add: %+v", s)
	}
	if out := p.run(t, "search", "--leg", "meaning", "--top", "1", "how long may I be on holiday?").ok().out; !strings.Contains(out, "27 days") {
		t.Errorf("by meaning:\n%s", out)
	}
	writeFile(t, filepath.Join(docs, "boots.md"), "# Boots\n\nWinter boots are replaced every second year.\n")
	p.run(t, "sync", "--words").ok()
	if s := status(); s.Vectors != 2 || s.Waiting != 1 {
		t.Errorf("after sync --words: %+v", s)
	}
	if r := p.run(t, "search", "boots").ok(); !strings.Contains(r.out, "Winter boots") || !strings.Contains(r.err, "1 of 3 passages are not encoded yet") {
		t.Errorf("while one waits:\n%s%s", r.out, r.err)
	}
	p.run(t, "sync").ok()
	if s := status(); s.Vectors != 3 || s.Waiting != 0 {
		t.Errorf("after sync: %+v", s)
	}
	p.run(t, "forget", "docs/boots.md").ok()
	if s := status(); s.Vectors != 2 || s.Waiting != 0 {
		t.Errorf("after forget: %+v", s)
	}

	s := p.serve(t)
	writeFile(t, filepath.Join(docs, "gloves.md"), "# Gloves\n\nGloves for the cold store lie in locker 9.\n")
	if r := p.run(t, "sync", "--words").ok(); !strings.Contains(r.err, "The server encodes what waits") {
		t.Errorf("sync beside the server says:\n%s", r.err)
	}
	for until := time.Now().Add(30 * time.Second); status().Waiting > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the server does not encode")
		}
	}
	if _, body := s.do(s.request("GET", "/v1/search?leg=meaning&top=1&q=what+keeps+my+hands+warm", "")); !strings.Contains(body, "locker 9") || !strings.Contains(body, `"meaning"`) {
		t.Errorf("the server by meaning: %s", body)
	}
	s.stop()
}
