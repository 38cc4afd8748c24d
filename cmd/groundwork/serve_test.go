//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/server"

	"github.com/google/go-cmp/cmp"
)

// serving is a groundwork serve in a process of its own.
type serving struct {
	*testing.T
	cmd           *exec.Cmd
	address, link string
	token         string
	out           *bufio.Reader
	err           bytes.Buffer
}

// serve starts groundwork serve and waits until it takes requests.
func (p binary) serve(t *testing.T) *serving {
	t.Helper()
	s := &serving{T: t, cmd: p.command("serve", "--json", "--addr", "127.0.0.1:0")}
	s.cmd.Dir = "/" // not where the commands are given
	pipe, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = &s.err
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	s.out = bufio.NewReader(pipe)
	var began struct{ Address, Link string }
	if err := json.NewDecoder(s.out).Decode(&began); err != nil {
		_ = s.cmd.Wait()
		t.Fatalf("serve does not begin: %v\n%s", err, s.err.String())
	}
	s.address, s.link = began.Address, began.Link
	_, s.token, _ = strings.Cut(s.link, "token=")
	return s
}

// stop asks it to stop and wants it to end well.
func (s *serving) stop() {
	s.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.Fatal(err)
	}
	s.ended()
}

func (s *serving) ended() {
	s.Helper()
	if _, err := io.Copy(io.Discard, s.out); err != nil {
		s.Error(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.Errorf("serve: %v\n%s", err, s.err.String())
	}
}

// request makes a request that brings the token.
func (s *serving) request(method, path, body string) *http.Request {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.address+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	return r
}

// do sends a request and returns its status and body.
func (s *serving) do(r *http.Request) (*http.Response, string) {
	s.Helper()
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		s.Fatal(err)
	}
	return reply, string(b)
}

// get wants this status and returns the body.
func (s *serving) get(status int, method, path, body string) string {
	s.Helper()
	reply, text := s.do(s.request(method, path, body))
	if reply.StatusCode != status {
		s.Errorf("%s %s: status %d, not %d:\n%s", method, path, reply.StatusCode, status, text)
	}
	return text
}

// handbook is the sample, in a folder of the test's.
func handbook(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../../sample/handbook")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestServe(t *testing.T) {
	path := buildBinary(t)

	t.Run("the door", func(t *testing.T) {
		p := newBinary(t, path)
		p.run(t, "add", handbook(t), "--readers", "all").ok()
		s := p.serve(t)
		port := s.address[strings.LastIndexByte(s.address, ':')+1:]
		for _, c := range []struct {
			name         string
			status       int
			method, path string
			body         string
			set          func(*http.Request)
		}{
			{"the token", 200, "GET", "/v1/documents", "", nil},
			{"no token", 401, "GET", "/v1/documents", "", func(r *http.Request) { r.Header.Del("Authorization") }},
			{"no token, page", 401, "GET", "/", "", func(r *http.Request) { r.Header.Del("Authorization") }},
			{"no token, question", 401, "POST", "/v1/ask", `{"question":"hotel limit"}`, func(r *http.Request) { r.Header.Del("Authorization") }},
			{"another token", 401, "GET", "/v1/documents", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("0", 64)) }},
			{"an empty token", 401, "GET", "/v1/documents", "", func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }},
			{"a token in an address that does not take it", 401, "GET", "/v1/documents?token=" + s.token, "", func(r *http.Request) { r.Header.Del("Authorization") }},
			{"localhost", 200, "GET", "/v1/documents", "", func(r *http.Request) { r.Host = "localhost:" + port }},
			{"::1", 200, "GET", "/v1/documents", "", func(r *http.Request) { r.Host = "[::1]:" + port }},
			{"another host", 403, "GET", "/v1/documents", "", func(r *http.Request) { r.Host = "evil.example:" + port }},
			{"another port", 403, "GET", "/v1/documents", "", func(r *http.Request) { r.Host = "127.0.0.1:1" }},
			{"a host that begins alike", 403, "GET", "/healthz", "", func(r *http.Request) { r.Host = "127.0.0.1.evil.example:" + port }},
			{"health needs no token", 200, "GET", "/healthz", "", func(r *http.Request) { r.Header.Del("Authorization") }},
			{"ready", 200, "GET", "/readyz", "", func(r *http.Request) { r.Header.Del("Authorization") }},
			{"the style sheet", 200, "GET", "/style.css", "", func(r *http.Request) { r.Header.Del("Authorization") }},
			{"another site's form", 403, "POST", "/v1/ask", `{"question":"hotel limit"}`, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }},
			{"another site's fetch", 403, "POST", "/v1/ask", `{"question":"hotel limit"}`, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
			{"its own page", 200, "POST", "/v1/ask", `{"question":"hotel limit"}`, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-origin") }},
			{"too long", 400, "POST", "/v1/ask", `{"question":"` + strings.Repeat("x", 64<<10) + `"}`, nil},
			{"no JSON", 400, "POST", "/v1/ask", "hotel", nil},
			{"two values", 400, "POST", "/v1/ask", `{"question":"hotel"}{}`, nil},
			{"an unknown field", 400, "POST", "/v1/ask", `{"query":"hotel"}`, nil},
			{"an empty question", 400, "POST", "/v1/ask", `{"question":" "}`, nil},
			{"no such model", 404, "POST", "/v1/ask", `{"question":"hotel","model":"big"}`, nil},
			{"no such leg", 400, "GET", "/v1/search?q=hotel&leg=smell", "", nil},
			{"top", 400, "GET", "/v1/search?q=hotel&top=0", "", nil},
			{"top of JSON", 400, "POST", "/v1/search", `{"query":"hotel","top":0}`, nil},
			{"no query", 400, "GET", "/v1/search", "", nil},
			{"no pointer", 400, "GET", "/v1/open?pointer=x", "", nil},
			{"a document that is not there", 404, "GET", "/v1/open?pointer=" + url.QueryEscape("handbook/none.md@0480d2b7#1-2"), "", nil},
			{"the same as a page", 404, "GET", "/open?pointer=" + url.QueryEscape("handbook/none.md@0480d2b7#1-2"), "", nil},
			{"no such address", 404, "GET", "/v1/nothing", "", nil},
			{"a way that it does not take", 404, "DELETE", "/v1/ask", "", nil},
		} {
			r := s.request(c.method, c.path, c.body)
			if c.set != nil {
				c.set(r)
			}
			reply, body := s.do(r)
			if reply.StatusCode != c.status {
				t.Errorf("%s: status %d, not %d:\n%s", c.name, reply.StatusCode, c.status, body)
			}
			if csp := reply.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") ||
				reply.Header.Get("X-Content-Type-Options") != "nosniff" || reply.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: headers %v", c.name, reply.Header)
			}
			if c.status >= 400 && strings.HasPrefix(c.path, "/v1/") {
				var e struct {
					Error struct{ Kind, Message, Next string }
				}
				if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Kind == "" || e.Error.Message == "" || e.Error.Next == "" {
					t.Errorf("%s: no error of the contract (%v):\n%s", c.name, err, body)
				}
			}
		}

		// The link opens the door for a browser, and the token leaves the address.
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		browser := http.Client{Jar: jar}
		reply, err := browser.Get(s.link)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		if reply.StatusCode != 200 || strings.Contains(reply.Request.URL.String(), s.token) {
			t.Errorf("the link leads to %s with status %d", reply.Request.URL, reply.StatusCode)
		}
		first, body := s.do(func() *http.Request {
			r := s.request("GET", "/?token="+s.token, "")
			r.Header.Del("Authorization")
			return r
		}())
		if c := first.Header.Get("Set-Cookie"); first.StatusCode != 303 || first.Header.Get("Location") != "/" || !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") {
			t.Errorf("the link gives %d %v\n%s", first.StatusCode, first.Header, body)
		}
		if info, err := os.Stat(filepath.Join(p.home, "token")); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the token's file: %v, %v", info.Mode(), err)
		}

		// Others of this machine: neither the token nor the socket is theirs.
		if os.Geteuid() == 0 {
			other := p
			other.uid = nobody
			if o := other.run(t, "readers", "handbook", "set", "owner"); o.code == 0 || strings.Contains(o.out, "handbook") {
				t.Errorf("somebody else changed the readers: %d %s%s", o.code, o.out, o.err)
			}
		}

		second := p.run(t, "serve", "--addr", "127.0.0.1:0")
		second.fails(5, fmt.Sprintf("process %d serves it already", s.cmd.Process.Pid))
		s.stop()
		p.run(t, "serve", "--addr", "0.0.0.0:7474").fails(2, "serving beyond this machine needs sign-in, which is not built yet")
		p.run(t, "serve", "--addr", ":7474").fails(2, "needs sign-in")
		p.run(t, "serve", "--addr", "7474").fails(2, "serve on 7474")
		if p.serve(t).token != s.token {
			t.Error("the token has not stayed the same")
		}
	})

	t.Run("the same answers", func(t *testing.T) {
		p := newBinary(t, path)
		p.run(t, "add", handbook(t), "--readers", "all").ok()
		s := p.serve(t)
		for _, q := range []string{"what is the hotel limit per night?", "has anybody tried generative AI for the forecast?", "what is the wifi password for guests?", "what is the pay band for level 4?", "zzz", "who is called <b>Ann</b> & \"Bo\"?"} {
			want := p.run(t, "ask", "--json", q).out
			asked, err := json.Marshal(map[string]string{"question": q})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(value(t, want), value(t, s.get(200, "POST", "/v1/ask", string(asked)))); diff != "" {
				t.Errorf("%s: command line and server differ:\n%s", q, diff)
			}
			r := s.request("POST", "/v1/ask", string(asked))
			r.Header.Set("Accept", "text/event-stream")
			reply, body := s.do(r)
			if reply.StatusCode != 200 || reply.Header.Get("Content-Type") != "text/event-stream" {
				t.Errorf("%s: a stream of status %d: %v", q, reply.StatusCode, reply.Header)
			}
			sum := map[string][]any{"step": {}, "sentence": {}}
			var last any
			for _, e := range events(t, body) {
				if e.name == "answer" {
					last = value(t, e.data)
				} else {
					sum[e.name] = append(sum[e.name], value(t, e.data))
				}
			}
			if diff := cmp.Diff(value(t, want), last); diff != "" {
				t.Errorf("%s: command line and stream differ:\n%s", q, diff)
			}
			whole := last.(map[string]any)
			if diff := cmp.Diff(map[string][]any{"step": whole["steps"].([]any), "sentence": whole["sentences"].([]any)}, sum); diff != "" {
				t.Errorf("%s: the pieces are not the whole:\n%s", q, diff)
			}

			want = p.run(t, "search", "--json", "--top", "3", q).out
			if diff := cmp.Diff(value(t, want), value(t, s.get(200, "GET", "/v1/search?top=3&q="+url.QueryEscape(q), ""))); diff != "" {
				t.Errorf("search %s: command line and server differ:\n%s", q, diff)
			}
			searched, err := json.Marshal(map[string]any{"query": q, "top": 3, "leg": "words"})
			if err != nil {
				t.Fatal(err)
			}
			want = p.run(t, "search", "--json", "--top", "3", "--leg", "words", q).out
			if diff := cmp.Diff(value(t, want), value(t, s.get(200, "POST", "/v1/search", string(searched)))); diff != "" {
				t.Errorf("search %s: command line and server differ:\n%s", q, diff)
			}

			// The page shows each sentence's citations, and each opens.
			html := s.get(200, "GET", "/?q="+url.QueryEscape(q), "")
			var x answered
			if err := json.Unmarshal([]byte(p.run(t, "ask", "--json", q).out), &x); err != nil {
				t.Fatal(err)
			}
			if strings.Count(html, `<section class="sentence">`) != len(x.Sentences) || strings.Contains(html, "<b>Ann</b>") {
				t.Errorf("%s: the page:\n%s", q, html)
			}
			for _, sentence := range x.Sentences {
				for _, c := range sentence.Citations {
					at := "pointer=" + url.QueryEscape(c.Pointer)
					if !strings.Contains(strings.ToLower(html), strings.ToLower(at)) {
						t.Errorf("%s: the page does not lead to %s", q, at)
					}
					if diff := cmp.Diff(value(t, p.run(t, "open", "--json", c.Pointer).out), value(t, s.get(200, "GET", "/v1/open?"+at, ""))); diff != "" {
						t.Errorf("open %s: command line and server differ:\n%s", c.Pointer, diff)
					}
					page := s.get(200, "GET", "/open?"+at, "")
					if i := strings.Index(page, "<mark"); i < 0 || !strings.Contains(page, `class="tag holds"`) {
						t.Errorf("open %s: nothing is marked:\n%s", c.Pointer, page)
					}
				}
			}
		}
		var list struct{ Documents []struct{ Readers string } }
		if err := json.Unmarshal([]byte(s.get(200, "GET", "/v1/documents", "")), &list); err != nil {
			t.Fatal(err)
		}
		if n := p.ledger(t).Documents; len(list.Documents) != n || n == 0 {
			t.Errorf("%d documents, the ledger has %d", len(list.Documents), n)
		}
		// A stream that cannot begin has the status of its error.
		r := s.request("POST", "/v1/ask", `{"question":""}`)
		r.Header.Set("Accept", "text/event-stream")
		if reply, body := s.do(r); reply.StatusCode != 400 || !strings.HasPrefix(body, "event: error\ndata: {\"error\":{\"kind\":\"input\"") {
			t.Errorf("an empty question as a stream: %d\n%s", reply.StatusCode, body)
		}
	})

	t.Run("it stops when what it has begun is done", func(t *testing.T) {
		p := newBinary(t, path)
		p.run(t, "add", handbook(t), "--readers", "all").ok()
		s := p.serve(t)
		question := `{"question":"what is the hotel limit per night?"}`
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/ask HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\nContent-Length: %d\r\n\r\n%s",
			strings.TrimPrefix(s.address, "http://"), s.token, len(question), question[:10])
		time.Sleep(200 * time.Millisecond) // the request is under way, its question is not whole
		began := time.Now()
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for range 100 { // nobody else gets in any more
			c, err := net.Dial("tcp", strings.TrimPrefix(s.address, "http://"))
			if err != nil {
				break
			}
			c.Close()
			time.Sleep(10 * time.Millisecond)
		}
		if _, err := io.WriteString(conn, question[10:]); err != nil {
			t.Fatal(err)
		}
		reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		if all := events(t, string(body)); reply.StatusCode != 200 || len(all) == 0 || all[len(all)-1].name != "answer" {
			t.Errorf("the answer that was under way: %d\n%s", reply.StatusCode, body)
		}
		s.ended()
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("it took %v to stop", took)
		}
		p.run(t, "sync").ok()
	})

	t.Run("commands are handed over", func(t *testing.T) {
		// What is printed with and without a server is the same.
		alone, p := newBinary(t, path), newBinary(t, path)
		for _, b := range []binary{alone, p} {
			writeFile(t, filepath.Join(b.dir, "docs", "a.md"), "# Alpha\n\nThe pump is checked each Monday.\n")
			writeFile(t, filepath.Join(b.dir, "docs", "key.md"), "# Key\n\npassword = \"Tr0ub4dor&3xyz!\"\n")
			writeFile(t, filepath.Join(b.dir, "more", "b.md"), "# Beta\n\nThe valve is checked each Friday.\n")
			b.run(t, "add", "docs").ok()
		}
		s := p.serve(t)
		took := regexp.MustCompile(`\(\d+m?s\)|"took_ms": \d+|(/[^ "]*)?/TestServe[^ "]*/\d+`)
		for _, args := range [][]string{
			{"add", "more", "--readers", "all"},
			{"--json", "add", "more"},
			{"sync"},
			{"sync", "docs", "--json"},
			{"-q", "sync", "docs"},
			{"readers", "docs", "set", "board,people"},
			{"--json", "readers", "docs", "set", "all"},
			{"readers", "nothing", "set", "all"},
			{"--json", "readers", "nothing", "set", "all"},
			{"sync", "nothing"},
			{"add", "nowhere"},
			{"add", "more", "--name", "docs"},
			{"add", "more", "--models", "maybe"},
			{"sync", "--what"},
		} {
			want, got := alone.run(t, args...), p.run(t, args...)
			if diff := cmp.Diff([]any{want.code, took.ReplaceAllString(want.out, ""), took.ReplaceAllString(want.err, "")},
				[]any{got.code, took.ReplaceAllString(got.out, ""), took.ReplaceAllString(got.err, "")}); diff != "" {
				t.Errorf("%q is not the same under serve:\n%s", args, diff)
			}
		}
		// The server answers out of what has just come in, and for whom.
		if body := s.get(200, "POST", "/v1/ask", `{"question":"when is the valve checked?"}`); !strings.Contains(body, "each Friday") {
			t.Errorf("it does not know what was added:\n%s", body)
		}
		var list struct {
			Documents []struct{ Path, Readers string }
		}
		if err := json.Unmarshal([]byte(s.get(200, "GET", "/v1/documents?source=docs", "")), &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Documents) != 1 || list.Documents[0].Readers != "all" {
			t.Errorf("documents: %+v", list.Documents)
		}
		// forget reads the database's own files; what follows fails when that drops SQLite's locks on them.
		p.run(t, "forget", "more/b.md").ok("found: none")
		if body := s.get(200, "POST", "/v1/ask", `{"question":"when is the valve checked?"}`); strings.Contains(body, "each Friday") {
			t.Errorf("it still knows what was forgotten:\n%s", body)
		}
		p.run(t, "forget", "--undo", "more/b.md").ok()
		// Ctrl-C at the command line ends the command in the server.
		pages(t, filepath.Join(p.dir, "many"), 1500)
		r := p.start(t, "add", "many")
		for range 1000 {
			if n := p.ledger(t).States["indexed"]; n > 10 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		o := r.wait()
		o.fails(5, "interrupted")
		n := p.ledger(t).States["indexed"]
		time.Sleep(300 * time.Millisecond)
		if later := p.ledger(t).States["indexed"]; later != n || n < 10 || n >= 1500 {
			t.Errorf("%d files after the interrupt, %d later", n, later)
		}
		p.run(t, "sync", "many").ok("now 1500 indexed")
		// A server that is killed leaves nothing that stands in the way.
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = s.cmd.Wait() // killed, as wanted
		p.run(t, "sync").ok("1500 indexed")
		s = p.serve(t)
		p.run(t, "sync").ok("1500 indexed")
		s.stop()
		p.run(t, "sync").ok("1500 indexed")

		// A home whose path is too long for a socket.
		p.home = filepath.Join(p.dir, strings.Repeat("long/", 25), "home")
		s = p.serve(t)
		p.run(t, "add", "more").ok("1 new")
		s.get(200, "GET", "/v1/search?q=valve", "")
		s.stop()
	})

	t.Run("askers while documents change", func(t *testing.T) {
		slow(t)
		askersWhileChanging(t, newBinary(t, path))
	})
}

// value decodes JSON and forgets how long things took.
func value(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatalf("not one JSON value: %v\n%s", err, s)
	}
	var forget func(any)
	forget = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "took_ms")
			for x := range maps.Values(v) {
				forget(x)
			}
		case []any:
			for _, x := range v {
				forget(x)
			}
		}
	}
	forget(v)
	return v
}

type event struct{ name, data string }

// events reads server-sent events as the standard says.
func events(t *testing.T, body string) (all []event) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		var e event
		for line := range strings.SplitSeq(part, "\n") {
			field, v, _ := strings.Cut(line, ": ")
			switch field {
			case "event":
				e.name = v
			case "data":
				e.data += v + "\n"
			default:
				t.Fatalf("no line of an event: %q", line)
			}
		}
		e.data = strings.TrimSuffix(e.data, "\n")
		all = append(all, e)
	}
	return all
}

// gauges are the documents that change: every sentence of gauge k carries the
// number of its round.
var gauges = []string{"amber", "birch", "cedar", "delta", "ember", "flint", "grove", "heron", "iris", "jade"}

func gaugePage(k, round int) string {
	name := gauges[k]
	return fmt.Sprintf("# Gauge %[1]s\n\nThe pressure of gauge %[1]s is %[2]d bar.\n\nOperators of gauge %[1]s note a temperature of %[2]d degrees.\n\n## Alarm\n\nThe alarm of gauge %[1]s rings above %[2]d bar.\n\n## Care\n\n%[3]s\n\nThe filter of gauge %[1]s is changed after %[2]d days.\n",
		name, round, strings.Repeat(fmt.Sprintf("Gauge %s was looked after %d times. ", name, round), round%7+1))
}

var number = regexp.MustCompile(`\d+`)

// askersWhileChanging asks from 20 sides while files change and sync takes them
// in. Each citation is compared with the text that its own number stands for.
func askersWhileChanging(t *testing.T, p binary) {
	duration := 8 * time.Second
	if os.Getenv("GROUNDWORK_LONG") != "" {
		duration = time.Minute
	}
	docs := filepath.Join(p.dir, "gauges")
	rewrite := func(k, round int) {
		name := filepath.Join(docs, gauges[k]+".md")
		writeFile(t, name+".new", gaugePage(k, round))
		if err := os.Rename(name+".new", name); err != nil {
			t.Error(err)
		}
	}
	for k := range gauges {
		rewrite(k, 100)
	}
	p.run(t, "add", "gauges").ok()
	s := p.serve(t)
	until := time.Now().Add(duration)
	var working sync.WaitGroup
	var syncs, answers, sentences, citations, busy atomic.Int64
	var rounds sync.Map
	working.Go(func() {
		for round := 101; time.Now().Before(until); round++ {
			for k := range gauges {
				rewrite(k, round)
			}
			if o := p.run(t, "sync"); o.code != 0 {
				t.Errorf("sync: %d %s%s", o.code, o.out, o.err)
				return
			}
			syncs.Add(1)
		}
	})
	// cited checks one span against the page that its number stands for.
	cited := func(source, path, version string, start, end int, quote string) (round string) {
		numbers := number.FindAllString(quote, -1)
		if len(numbers) == 0 {
			return ""
		}
		for _, n := range numbers {
			if n != numbers[0] {
				t.Errorf("%s: one span mixes %v: %q", path, numbers, quote)
			}
		}
		var n int
		if _, err := fmt.Sscan(numbers[0], &n); err != nil {
			t.Error(err)
		}
		for k, name := range gauges {
			if path != name+".md" {
				continue
			}
			whole := draft.Normalise([]byte(gaugePage(k, n)))
			if end > len(whole) || whole[start:end] != quote || !strings.HasPrefix(knowledge.HashOf([]byte(whole)).String(), version) {
				t.Errorf("%s/%s@%s#%d-%d: round %d does not say %q there", source, path, version, start, end, n, quote)
			}
			return numbers[0]
		}
		t.Errorf("no such page: %s", path)
		return ""
	}
	questions := []string{"what is the pressure of gauge %s?", "above what does the alarm of gauge %s ring?", "after how many days is the filter of gauge %s changed?", "what temperature do operators of gauge %s note?", "does gauge %s have a licence plate?"}
	for side := range 20 {
		working.Go(func() {
			client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}, Timeout: 20 * time.Second}
			for i := side; time.Now().Before(until); i++ {
				q := fmt.Sprintf(questions[i%len(questions)], gauges[i%len(gauges)])
				body, err := json.Marshal(map[string]string{"question": q})
				if err != nil {
					t.Error(err)
					return
				}
				r := s.request("POST", "/v1/ask", string(body))
				if i%3 == 0 {
					r.Header.Set("Accept", "text/event-stream")
				}
				reply, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(reply.Body)
				if err = errors.Join(err, reply.Body.Close()); err != nil {
					t.Error(err)
					return
				}
				if reply.StatusCode == http.StatusTooManyRequests {
					busy.Add(1)
					continue
				}
				if reply.StatusCode != 200 {
					t.Errorf("%s: %d\n%s", q, reply.StatusCode, got)
					return
				}
				if i%3 == 0 {
					all := events(t, string(got))
					got = []byte(all[len(all)-1].data)
				}
				var x struct {
					Answered  bool
					Sentences []struct {
						Text      string
						Citations []server.CitationJSON
					}
					Conflicts []struct{ Newer, Older server.CitationJSON }
					Nearest   []server.CitationJSON // the fields that both have
				}
				if err := json.Unmarshal(got, &x); err != nil {
					t.Errorf("%s: %v\n%s", q, err, got)
					return
				}
				answers.Add(1)
				seen := map[string]string{} // path to version: one answer shows one version of each page
				check := func(c server.CitationJSON, quote string) {
					citations.Add(1)
					round := cited(c.Source, c.Path, c.Version, c.Start, c.End, quote)
					rounds.Store(round, true)
					short := c.Version[:8]
					if before, ok := seen[c.Path]; ok && before != short {
						t.Errorf("%s: the answer mixes versions %s and %s of %s", q, before, short, c.Path)
					}
					seen[c.Path] = short
				}
				for _, sentence := range x.Sentences {
					sentences.Add(1)
					joined := ""
					for _, c := range sentence.Citations {
						if c.State != knowledge.Holds {
							t.Errorf("%s: a citation is %s", q, c.State)
						}
						check(c, c.Quote)
						joined += "\n" + c.Quote
					}
					if sentence.Text != strings.TrimPrefix(joined, "\n") {
						t.Errorf("%s: %q is not its quotes", q, sentence.Text)
					}
				}
				for _, k := range x.Conflicts {
					check(k.Newer, k.Newer.Quote)
					check(k.Older, k.Older.Quote)
				}
				var near struct{ Nearest []struct{ Text string } }
				if err := json.Unmarshal(got, &near); err != nil {
					t.Error(err)
				}
				for i, c := range x.Nearest {
					check(c, near.Nearest[i].Text)
				}
			}
		})
	}
	working.Wait()
	seen := 0
	rounds.Range(func(any, any) bool { seen++; return true })
	t.Logf("%v: %d syncs, %d answers by 20 askers, %d sentences, %d citations checked, %d rounds seen, %d told to come back",
		duration, syncs.Load(), answers.Load(), sentences.Load(), citations.Load(), seen, busy.Load())
	if syncs.Load() < 5 || sentences.Load() < 50 || seen < 5 {
		t.Error("the test shows too little")
	}
	if busy.Load() > answers.Load()/100 {
		t.Errorf("%d askers were turned away", busy.Load())
	}
	s.stop()
	p.run(t, "doctor").ok("whole")
}
