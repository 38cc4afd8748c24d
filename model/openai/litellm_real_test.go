package openai

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groundwork/internal/fault"
	"groundwork/model"
)

// liteLLM returns the proxy on PATH, else one of our own in the cache, made by the
// first test that needs it.
func liteLLM(t *testing.T) string {
	t.Helper()
	if program, err := exec.LookPath("litellm"); err == nil {
		return program
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "groundwork", "litellm")
	program := filepath.Join(folder, "bin", "litellm")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	for _, args := range [][]string{
		{"python3", "-m", "venv", folder},
		{filepath.Join(folder, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "litellm[proxy]==1.108.7"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("NOT RUN: litellm[proxy] 1.108.7 (730 MB) cannot be installed: %v: %.300s", err, out)
		}
	}
	return program
}

// TestRealLiteLLM asks a server that is not ours: the proxy of LiteLLM, which
// checks the request, calls the embeddings of a small server here, and writes
// answers and errors in its own way.
func TestRealLiteLLM(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: needs GROUNDWORK_REAL=1")
	}
	program := liteLLM(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q request
		if json.NewDecoder(r.Body).Decode(&q) != nil { // it also looks who is there
			http.NotFound(w, r)
			return
		}
		var entries []map[string]any
		for i, text := range q.Input {
			if text == "too much" {
				http.Error(w, `{"error":{"message":"the quota is used up"}}`, http.StatusTooManyRequests)
				return
			}
			entries = append(entries, entry(i, float64(len(text)), 1))
		}
		send(w, 7*len(q.Input), entries...)
	}))
	defer backend.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
model_list:
  - model_name: big
    litellm_params: {model: openai/inner, api_base: %q, api_key: none}
general_settings: {master_key: %s}
litellm_settings: {num_retries: 0}
`, backend.URL+"/v1", testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	proxy := exec.Command(program, "--config", config, "--host", "127.0.0.1", "--port", port, "--telemetry", "False")
	proxy.Env = append(os.Environ(), "HOME="+dir, "LITELLM_LOCAL_MODEL_COST_MAP=True")
	proxy.Stdout, proxy.Stderr = log, log
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		proxy.Process.Kill()
		proxy.Wait()
	}()
	url := "http://127.0.0.1:" + port
	for began := time.Now(); ; time.Sleep(time.Second / 2) {
		if answer, err := http.Get(url + "/health/liveliness"); err == nil {
			answer.Body.Close()
			break
		}
		if time.Since(began) > 2*time.Minute {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("litellm does not answer: %s", said)
		}
	}

	e := embedder(t, Config{URL: url + "/v1", Model: "big", Key: NewKey(testKey), Batch: 2, USDPerMillion: 1})
	vectors, spent, err := e.Embed(t.Context(), model.Passage, []string{"a", "bb", "ccc"})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors {
		if len(v) != 2 || math.Abs(float64(v[0]/v[1])-float64(i+1)) > 1e-5 {
			t.Errorf("vector %d: %v", i, v)
		}
	}
	if spent.InputTokens != 21 || math.Abs(spent.USD-21e-6) > 1e-12 {
		t.Errorf("spent %+v", spent)
	}
	for _, c := range []struct {
		model, key, text string
		want             string
	}{
		{"nothing", testKey, "a", "Invalid model name"},
		{"big", "sk-wrong", "a", "it answered 4"},
		{"big", "", "a", "it answered "},
		{"big", testKey, "too much", "the quota is used up"},
	} {
		_, _, err := embedder(t, Config{URL: url + "/v1", Model: c.model, Key: NewKey(c.key), Retries: 1}).Embed(t.Context(), model.Passage, []string{c.text})
		if fault.KindOf(err) != fault.Upstream || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), testKey) {
			t.Errorf("%+v: %v", c, err)
		}
		t.Log(err)
	}
}
