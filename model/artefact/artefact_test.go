package artefact

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"groundwork/internal/fault"
	"groundwork/model/encoder"
)

// known is an invented model of two small files.
var known = []encoder.Description{
	{Name: "other", File: "other.onnx", SHA256: sum("other"), Tokenizer: "other-tokenizer.json", TokenizerSHA256: sum("words")},
	{Name: "small", File: "small.onnx", SHA256: sum("weights"), Tokenizer: "small-tokenizer.json", TokenizerSHA256: sum("words")},
	{Name: "full", File: "full.safetensors", SHA256: sum("-"), Tokenizer: "full-tokenizer.json", TokenizerSHA256: sum("words"), Package: encoder.Package{Float32: sum("in float32")}},
}

func sum(text string) string {
	s := sha256.Sum256([]byte(text))
	return hex.EncodeToString(s[:])
}

// files writes files into a new folder; a name that ends in .zip gets an archive
// of "name=content" lines.
func files(t *testing.T, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range contents {
		data := []byte(content)
		if strings.HasSuffix(name, ".zip") {
			var b bytes.Buffer
			w := zip.NewWriter(&b)
			for line := range strings.Lines(content) {
				name, content, _ := strings.Cut(strings.TrimSpace(line), "=")
				e, err := w.Create(name)
				if err == nil {
					_, err = e.Write([]byte(content))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			data = b.Bytes()
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTake(t *testing.T) {
	for _, c := range []struct {
		name, from string
		files      map[string]string
		want       string // of the fault; "" for the model "small"
	}{
		{"beside its own tokenizer", "a.onnx", map[string]string{"a.onnx": "weights", "small-tokenizer.json": "words"}, ""},
		{"beside a tokenizer.json", "a.onnx", map[string]string{"a.onnx": "weights", "tokenizer.json": "words"}, ""},
		{"beside one that is right and one that is wrong", "a.onnx", map[string]string{"a.onnx": "weights", "tokenizer.json": "wrong", "other-tokenizer.json": "words"}, ""},
		{"an archive", "a.zip", map[string]string{"a.zip": "x/y/model.onnx=weights\nx/tokenizer.json=words\nREADME=read me"}, ""},
		{"an archive by another name", "a.whl", map[string]string{"a.whl": ""}, "a.whl: EOF; name its .onnx"},
		{"an archive that also holds another tokenizer", "a.zip", map[string]string{"a.zip": "a/tokenizer.json=wrong\nmodel.onnx=weights\nb/tokenizer.json=words"}, ""},
		{"an archive that climbs out", "a.zip", map[string]string{"a.zip": "../../../model.onnx=weights\n/tokenizer.json=words"}, ""},
		{"no tokenizer", "a.onnx", map[string]string{"a.onnx": "weights"}, "its tokenizer (SHA-256 " + sum("words") + ") is missing; put small-tokenizer.json beside it"},
		{"another tokenizer", "a.onnx", map[string]string{"a.onnx": "weights", "tokenizer.json": "wrong"}, "is missing"},
		{"other weights", "a.onnx", map[string]string{"a.onnx": "changed", "tokenizer.json": "words"}, "is no known model: it holds a.onnx " + sum("changed")},
		{"weights in float32 that are none", "a.zip", map[string]string{"a.zip": "model.safetensors=in float32\ntokenizer.json=words"}, "quantise full: "},
		{"an archive of nothing", "a.zip", map[string]string{"a.zip": "README=read me"}, "it holds nothing that could be a model"},
		{"a folder", ".", map[string]string{"a.onnx": "weights"}, "name its .onnx"},
		{"nothing", "b.onnx", nil, "there is no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "a", "models")
			var done, total int64
			d, err := Take(t.Context(), filepath.Join(files(t, c.files), c.from), folder, known, func(d, t int64) { done, total = d, t })
			var left []string
			entries, _ := os.ReadDir(folder)
			for _, e := range entries {
				left = append(left, e.Name())
			}
			if c.want != "" {
				var f *fault.Error
				if !errors.As(err, &f) || f.Kind != fault.Input && f.Kind != fault.Missing || f.Next == "" || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v; want %q", err, c.want)
				}
				if len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
				return
			}
			if err != nil || d.Name != "small" || fmt.Sprint(left) != "[small-tokenizer.json small.onnx]" || done != total || total == 0 {
				t.Fatalf("%+v, %v, left %v, progress %d of %d", d, err, left, done, total)
			}
			weights, tokenizer, err := Load(folder, d)
			if string(weights) != "weights" || string(tokenizer) != "words" || err != nil || !Present(folder, d) {
				t.Errorf("loaded %q, %q, %v", weights, tokenizer, err)
			}
		})
	}
}

// An entry that unpacks to more than any model has is not unpacked.
func TestTakeIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bomb.zip")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	e, err := w.Create("model.onnx")
	zeros := make([]byte, 1<<20)
	for n := 0; n <= largest && err == nil; n += len(zeros) {
		_, err = e.Write(zeros)
	}
	if err != nil || w.Close() != nil || f.Close() != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if _, err := Take(t.Context(), name, folder, known, nil); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "more than 256 MB") {
		t.Error(err)
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTakeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	folder := t.TempDir()
	from := filepath.Join(files(t, map[string]string{"a.onnx": "weights", "tokenizer.json": "words"}), "a.onnx")
	if _, err := Take(ctx, from, folder, known, func(int64, int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLoadChecks(t *testing.T) {
	folder := files(t, map[string]string{"small.onnx": "weights", "small-tokenizer.json": "changed"})
	if _, _, err := Load(folder, known[1]); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "small-tokenizer.json: its SHA-256 is not") {
		t.Error(err)
	}
	if _, _, err := Load(folder, known[0]); fault.KindOf(err) != fault.Missing || Present(folder, known[0]) {
		t.Error(err)
	}
}
