package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groundwork/internal/fault"
	"groundwork/model"

	"github.com/google/go-cmp/cmp"
)

// The answers here have the shapes that the documentation of the interface
// gives; no foreign server is asked.

const testKey = "sk-test-4711-never-shown"

type request struct {
	Model      string
	Input      []string
	Dimensions int
}

// server answers the n-th request, from 1, by the given function.
func server(t *testing.T, answer func(n int, q request, w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q request
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Errorf("the request is no JSON: %v", err)
		}
		answer(int(n.Add(1)), q, w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// entry is one vector of an answer.
func entry(index int, vector ...float64) map[string]any {
	return map[string]any{"object": "embedding", "index": index, "embedding": vector}
}

func send(w http.ResponseWriter, tokens int, entries ...map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": "m", "data": entries,
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}

func embedder(t *testing.T, c Config) *Embedder {
	t.Helper()
	if c.Model == "" {
		c.Model = "m"
	}
	if c.MaxDelay == 0 {
		c.MaxDelay = time.Millisecond
	}
	e, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEmbed(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-of-somebody-else")
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/")
	var seen []request
	url := server(t, func(_ int, q request, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/embeddings" || r.Header.Get("Authorization") != "Bearer "+testKey {
			t.Errorf("asked %s as %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		seen = append(seen, q)
		var entries []map[string]any
		for i := range q.Input { // out of order, and not of unit length
			k := len(q.Input) - 1 - i
			entries = append(entries, entry(k, 3, 4, float64(k)))
		}
		send(w, 10*len(q.Input), entries...)
	})
	e := embedder(t, Config{URL: url + "/v1", Model: "org/m", Key: NewKey(testKey), USDPerMillion: 2, Question: "query: ", Passage: "passage: ", Batch: 2})
	if e.Dimensions() != 0 {
		t.Errorf("knows %d dimensions before the first answer", e.Dimensions())
	}
	vectors, spent, err := e.Embed(t.Context(), model.Passage, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]request{{Model: "org/m", Input: []string{"passage: a", "passage: b"}}, {Model: "org/m", Input: []string{"passage: c"}}}, seen); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	one := float32(1 / math.Sqrt(26))
	want := [][]float32{{.6, .8, 0}, {3 * one, 4 * one, one}, {.6, .8, 0}}
	if diff := cmp.Diff(want, vectors, cmp.Comparer(func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-6 })); diff != "" {
		t.Errorf("vectors (-want +got):\n%s", diff)
	}
	if spent.InputTokens != 30 || math.Abs(spent.USD-60e-6) > 1e-12 || spent.Took <= 0 || "http://"+spent.Host != url || e.Host() != spent.Host {
		t.Errorf("spent %+v", spent)
	}
	if e.Dimensions() != 3 {
		t.Errorf("%d dimensions", e.Dimensions())
	}
	if _, _, err := e.Embed(t.Context(), model.Question, []string{"x"}); err != nil || seen[2].Input[0] != "query: x" {
		t.Errorf("a question went as %q, %v", seen[2].Input, err)
	}
	if v, s, err := e.Embed(t.Context(), model.Passage, nil); len(v) != 0 || err != nil || s.Host != "" {
		t.Errorf("no texts: %v, %+v, %v", v, s, err)
	}
}

func TestNoKeyIsSentUnasked(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-of-somebody-else")
	url := server(t, func(_ int, q request, w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "" {
			t.Errorf("sent %q", got)
		}
		if q.Dimensions != 2 {
			t.Errorf("asked for %d dimensions", q.Dimensions)
		}
		send(w, 1, entry(0, 1, 0))
	})
	if _, _, err := embedder(t, Config{URL: url, Dimensions: 2}).Embed(t.Context(), model.Passage, []string{"a"}); err != nil {
		t.Fatal(err)
	}
}

// A server that is busy, fails or breaks off is asked again; the wait it asks for is kept.
func TestRetries(t *testing.T) {
	url := server(t, func(n int, q request, w http.ResponseWriter, r *http.Request) {
		switch n {
		case 1:
			w.Header().Set("Retry-After", "0")
			http.Error(w, `{"error":{"message":"slow down"}}`, http.StatusTooManyRequests)
		case 2:
			http.Error(w, "oops", http.StatusInternalServerError)
		case 3:
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"object":"list","data":[{"ind`)
		default:
			send(w, 1, entry(0, 1))
		}
	})
	if _, _, err := embedder(t, Config{URL: url, Retries: 3}).Embed(t.Context(), model.Passage, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after   string
		longest time.Duration
		fails   bool
	}{{"1", 5 * time.Second, false}, {"60", 5 * time.Second, true}} {
		url := server(t, func(n int, q request, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.Header().Set("Retry-After", c.after)
				http.Error(w, `{"error":{"message":"slow down"}}`, http.StatusTooManyRequests)
				return
			}
			send(w, 1, entry(0, 1))
		})
		began := time.Now()
		_, _, err := embedder(t, Config{URL: url, MaxDelay: c.longest}).Embed(t.Context(), model.Passage, []string{"a"})
		if took := time.Since(began); (err != nil) != c.fails || !c.fails && took < 900*time.Millisecond || c.fails && took > 900*time.Millisecond {
			t.Errorf("Retry-After %s: %v after %v", c.after, err, took)
		}
	}
}

func TestFaults(t *testing.T) {
	plain := func(status int, body string) func(int, request, http.ResponseWriter, *http.Request) {
		return func(_ int, _ request, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	data := func(entries ...map[string]any) func(int, request, http.ResponseWriter, *http.Request) {
		return func(_ int, _ request, w http.ResponseWriter, _ *http.Request) { send(w, 2, entries...) }
	}
	for _, c := range []struct {
		name   string
		answer func(int, request, http.ResponseWriter, *http.Request)
		want   string // in the text of the fault
	}{
		{"429 to the end", plain(429, `{"error":{"message":"Rate limit reached for requests","type":"requests","code":"rate_limit_exceeded"}}`), "429 Too Many Requests: Rate limit reached for requests; wait"},
		{"500", plain(500, `{"error":{"code":500,"message":"out of slots","type":"server_error"}}`), "500 Internal Server Error: out of slots"},
		{"401 that repeats the key", plain(401, `{"error":{"message":"Incorrect API key provided: `+testKey+`. Mind it."}}`), "401 Unauthorized: Incorrect API key provided: [key]. Mind it.; check the key"},
		{"404 with a plain error", plain(404, `{"error":"model \"m\" not found, try pulling it first"}`), `model "m" not found, try pulling it first`},
		{"400 with a message", plain(400, `{"object":"error","message":"This model's maximum context length is 512 tokens","code":400}`), "maximum context length is 512 tokens"},
		{"422 with a list", plain(422, `{"detail":[{"loc":["body","input"],"msg":"field required"}]}`), "field required"},
		{"502 of a proxy", plain(502, "<html>\n<h1>Bad\x1b[31m Gateway</h1>"+strings.Repeat("x", 5000)), "<html> <h1>Bad [31m Gateway</h1>xxx"},
		{"500 without words", plain(500, ``), "500 Internal Server Error: (nothing)"},
		{"a redirect", func(_ int, _ request, w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://203.0.113.7/v1/embeddings", http.StatusTemporaryRedirect)
		}, "sends us elsewhere (status 307)"},
		{"a page", func(_ int, _ request, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>hello")
		}, "not the JSON of embeddings"},
		{"half of an object", plain(200, `{"object":"list","data":[`), "not the JSON of embeddings"},
		{"another object", plain(200, `{"object":"chat.completion"}`), "sent 0 vectors for 2 texts"},
		{"too few", data(entry(0, 1, 0)), "sent 1 vectors for 2 texts"},
		{"too many", data(entry(0, 1, 0), entry(1, 1, 0), entry(2, 1, 0)), "sent 3 vectors for 2 texts"},
		{"the same twice", data(entry(0, 1, 0), entry(0, 1, 0)), "numbered its vectors wrongly"},
		{"out of range", data(entry(0, 1, 0), entry(2, 1, 0)), "numbered its vectors wrongly"},
		{"two lengths", data(entry(0, 1, 0), entry(1, 1, 0, 0)), "a vector of 3 dimensions where 2 were expected"},
		{"empty", data(entry(0), entry(1)), "a vector of 0 dimensions"},
		{"no direction", data(entry(0, 0, 0), entry(1, 1, 0)), "without a direction"},
		{"cut", func(_ int, _ request, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"object"`)
		}, "breaks off after 9 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := embedder(t, Config{URL: server(t, c.answer), Key: NewKey(testKey), Retries: 1})
			v, spent, err := e.Embed(t.Context(), model.Passage, []string{"a", "b"})
			if err == nil || v != nil || fault.KindOf(err) != fault.Upstream || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, %v of kind %v; want %q", v, err, fault.KindOf(err), c.want)
			}
			if len(err.Error()) > 700 || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("too much is said: %q", err)
			}
			if "http://"+spent.Host != e.config.URL {
				t.Errorf("the texts went to %q", spent.Host)
			}
			for _, s := range []string{err.Error(), fmt.Sprintf("%v %+v %#v %#v", e, e.config, e.config, e), fmt.Sprintf("%q %x", e.config.Key, e.config.Key)} {
				if strings.Contains(s, testKey) {
					t.Errorf("the key is shown: %s", s)
				}
			}
			if shown, _ := json.Marshal(e.config); strings.Contains(string(shown), testKey) {
				t.Errorf("the key is shown: %s", shown)
			}
		})
	}
}

// An answer that never ends is given up at once, and not asked for again.
func TestHugeAnswer(t *testing.T) {
	var asked atomic.Int64
	url := server(t, func(n int, _ request, w http.ResponseWriter, _ *http.Request) {
		asked.Store(int64(n))
		w.Header().Set("Content-Type", "application/json")
		line := []byte(`{"data":"` + strings.Repeat("0", 1<<20))
		for {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	_, _, err := embedder(t, Config{URL: url}).Embed(t.Context(), model.Passage, []string{"a"})
	if fault.KindOf(err) != fault.Upstream || !strings.Contains(err.Error(), "longer than 32 MB") || asked.Load() != 1 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}

func TestSlowServer(t *testing.T) {
	done := make(chan struct{})
	url := server(t, func(_ int, _ request, w http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
		}
	})
	defer close(done)
	_, _, err := embedder(t, Config{URL: url, Timeout: 50 * time.Millisecond}).Embed(t.Context(), model.Passage, []string{"a"})
	if fault.KindOf(err) != fault.Upstream || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("a slow server: %v", err)
	}
	asked := 0
	busy := server(t, func(n int, _ request, w http.ResponseWriter, _ *http.Request) {
		asked = n
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if _, _, err := embedder(t, Config{URL: busy}).Embed(t.Context(), model.Question, []string{"a"}); err == nil || asked != 2 {
		t.Errorf("a question went out %d times: %v", asked, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, _, err := embedder(t, Config{URL: url}).Embed(ctx, model.Passage, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	url := s.URL
	s.Close()
	_, _, err := embedder(t, Config{URL: url, Retries: 1}).Embed(t.Context(), model.Passage, []string{"a"})
	if fault.KindOf(err) != fault.Upstream || !strings.Contains(err.Error(), "see whether the server runs") {
		t.Errorf("nobody there: %v", err)
	}
}

// A model that changes its dimensions under the same name is not trusted.
func TestDimensionsAreHeldTo(t *testing.T) {
	url := server(t, func(n int, _ request, w http.ResponseWriter, _ *http.Request) {
		send(w, 1, entry(0, make([]float64, 2+n)...))
	})
	e := embedder(t, Config{URL: server(t, func(n int, _ request, w http.ResponseWriter, _ *http.Request) {
		send(w, 1, entry(0, []float64{1, 1, 1, 1}[:1+n]...))
	})})
	if _, _, err := e.Embed(t.Context(), model.Passage, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Embed(t.Context(), model.Passage, []string{"a"}); err == nil || !strings.Contains(err.Error(), "3 dimensions where 2 were expected") {
		t.Errorf("a change of dimensions: %v", err)
	}
	if _, _, err := embedder(t, Config{URL: url, Dimensions: 5}).Embed(t.Context(), model.Passage, []string{"a"}); err == nil || !strings.Contains(err.Error(), "3 dimensions where 5 were expected") {
		t.Errorf("other dimensions than asked for: %v", err)
	}
}

func TestMark(t *testing.T) {
	mark := func(c Config) string { return embedder(t, c).Mark() }
	first := mark(Config{URL: "http://a/v1", Model: "m"})
	if name, hash, ok := strings.Cut(first, "@"); !ok || name != "m" || len(hash) != 8 {
		t.Errorf("mark %q", first)
	}
	if mark(Config{URL: "https://b:1/v2", Model: "m", Question: "q: ", USDPerMillion: 1, Key: NewKey("k")}) != first {
		t.Error("host, key, price or the questions' prefix change the mark")
	}
	seen := map[string]bool{first: true}
	for _, c := range []Config{{Model: "n"}, {Model: "m", Dimensions: 8}, {Model: "m", Passage: "p: "}} {
		c.URL = "http://a/v1"
		if m := mark(c); seen[m] {
			t.Errorf("%+v keeps the mark %s", c, m)
		} else {
			seen[m] = true
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{
		{URL: "", Model: "m"}, {URL: "localhost:8080", Model: "m"}, {URL: "ftp://a/v1", Model: "m"}, {URL: "http://", Model: "m"},
		{URL: "http://u:" + testKey + "@a/v1", Model: "m"}, {URL: "http://a/v1?key=" + testKey, Model: "m"}, {URL: "http://a/v1#x", Model: "m"},
		{URL: "http://a/v1"}, {URL: "http://a/v1", Model: "m", Dimensions: -1}, {URL: "http://a/v1", Model: "m", Dimensions: 1 << 20},
		{URL: "http://a/v1", Model: "m", USDPerMillion: math.NaN()}, {URL: "http://a/v1", Model: "m", USDPerMillion: -1},
	} {
		_, err := New(c)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Input || f.Next == "" || strings.Contains(err.Error(), testKey) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestEmptyText(t *testing.T) {
	e := embedder(t, Config{URL: "http://127.0.0.1:1"})
	if _, _, err := e.Embed(t.Context(), model.Passage, []string{" \n"}); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "text 1 of 1 is empty") {
		t.Error(err)
	}
}
