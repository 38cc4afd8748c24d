package encoder

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"groundwork/measure/judged"
)

// modelFile reads a file of a real model, from GROUNDWORK_MODELS or the cache.
func modelFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(modelPath(t, name))
	if err != nil {
		t.Skipf("NOT RUN: the model's file is not there: %v", err)
	}
	return data
}

func modelPath(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("GROUNDWORK_MODELS")
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Skipf("NOT RUN: there is no cache folder to look for %s in: %v", name, err)
		}
		folder = filepath.Join(cache, "groundwork", "models")
	}
	return filepath.Join(folder, name)
}

const reference = "onnxruntime==1.32.0 tokenizers==0.23.3 numpy==2.4.6"

// python returns an interpreter that has the reference: that of GROUNDWORK_PYTHON,
// else one of our own in the cache, made by the first test that needs it.
func python(t *testing.T) string {
	t.Helper()
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: compares with tokenizers and onnxruntime, which make test-real installs")
	}
	if p := os.Getenv("GROUNDWORK_PYTHON"); p != "" {
		return p
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "groundwork", "reference")
	p := filepath.Join(folder, "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", folder},
		append([]string{p, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:"}, strings.Fields(reference)...),
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("the reference cannot be had: %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return p
}

// ask runs a script of the reference over texts and returns what it prints. The
// script finds the texts in hexadecimal, one a line, in the file argv[1].
func ask(t *testing.T, script string, texts []string, args ...string) []byte {
	t.Helper()
	interpreter := python(t)
	file := filepath.Join(t.TempDir(), "texts")
	var hexadecimal bytes.Buffer
	for _, text := range texts {
		fmt.Fprintf(&hexadecimal, "%x\n", text)
	}
	if err := os.WriteFile(file, hexadecimal.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), interpreter, append([]string{"-c", script, file}, args...)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sets are the judged sets.
func sets(t *testing.T) []judged.Set {
	t.Helper()
	var all []judged.Set
	for _, name := range []string{"scifact", "sourcegraph_handbook", "18f_handbook"} {
		folder := filepath.Join("../../../shared/data/judged", name)
		if _, err := os.Stat(folder); err != nil {
			t.Skipf("NOT RUN: the judged set is not there: %v", err)
		}
		set, err := judged.Read(folder)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, set)
	}
	return all
}
