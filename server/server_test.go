package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/sqlite"
	"groundwork/server"
)

const token = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// serve starts a server over an empty store in which answer decides; end stops
// it and returns how it ended.
func serve(t *testing.T, s server.Server, answer func(ctx context.Context, q string, emit func(knowledge.Part)) (knowledge.Answer, error)) (address string, end func() error) {
	t.Helper()
	d, err := db.Open(t.Context(), t.TempDir(), sqlite.Schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Token, s.Hosts, s.View = token, []string{l.Addr().String()}, sqlite.New(d).View
	s.Answer = func(ctx context.Context, _ knowledge.View, q knowledge.Question, emit func(knowledge.Part)) (knowledge.Answer, error) {
		if emit == nil {
			emit = func(knowledge.Part) {}
		}
		return answer(ctx, q.Text, emit)
	}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	return l.Addr().String(), func() error {
		stop()
		return <-ended
	}
}

func post(t *testing.T, address, accept string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+"/v1/ask", strings.NewReader(`{"question":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", accept)
	return http.DefaultTransport.RoundTrip(r)
}

func TestStatusOfEachKind(t *testing.T) {
	kind := fault.Internal
	address, _ := serve(t, server.Server{}, func(context.Context, string, func(knowledge.Part)) (knowledge.Answer, error) {
		return knowledge.Answer{}, fault.New(kind, "it went wrong", "do something else")
	})
	for k, want := range map[fault.Kind]int{fault.Internal: 500, fault.Input: 400, fault.Missing: 404, fault.Denied: 404, fault.Budget: 429, fault.Busy: 429, fault.Upstream: 502} {
		kind = k
		for _, accept := range []string{"application/json", "text/event-stream"} {
			reply, err := post(t, address, accept)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(reply.Body)
			if err = errors.Join(err, reply.Body.Close()); err != nil {
				t.Fatal(err)
			}
			if reply.StatusCode != want || (want == 429) != (reply.Header.Get("Retry-After") != "") || !strings.Contains(string(body), k.String()) || !strings.Contains(string(body), "do something else") {
				t.Errorf("kind %v, %s: status %d, %v\n%s", k, accept, reply.StatusCode, reply.Header, body)
			}
		}
	}
}

// Sentences are sent when they come, an error behind them as an event, and who
// is too much is told when to come back.
func TestStreamAndPlaces(t *testing.T) {
	next := make(chan error)
	address, _ := serve(t, server.Server{Answers: 1, Wait: 50 * time.Millisecond}, func(ctx context.Context, q string, emit func(knowledge.Part)) (knowledge.Answer, error) {
		emit(knowledge.Part{Step: &knowledge.Step{Tool: "search", Found: 1}})
		for i := 0; ; i++ {
			select {
			case err := <-next:
				if err != nil {
					return knowledge.Answer{}, err
				}
			case <-ctx.Done():
				return knowledge.Answer{}, ctx.Err()
			}
			emit(knowledge.Part{Sentence: &knowledge.Sentence{Text: fmt.Sprintf("line\none %d", i)}})
		}
	})
	reply, err := post(t, address, "text/event-stream")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	lines := bufio.NewReader(reply.Body)
	want := func(event, data string) {
		t.Helper()
		var got [3]string
		for i := range got {
			var err error
			if got[i], err = lines.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if got[0] != "event: "+event+"\n" || !strings.HasPrefix(got[1], "data: {") || !strings.Contains(got[1], data) || got[2] != "\n" {
			t.Errorf("got %q, want event %s with %s", got, event, data)
		}
	}
	want("step", `"tool":"search"`)
	next <- nil
	want("sentence", `"text":"line\none 0"`)
	next <- nil
	want("sentence", `"text":"line\none 1"`)
	other, err := post(t, address, "application/json")
	if err != nil {
		t.Fatal(err)
	}
	other.Body.Close()
	if other.StatusCode != 429 || other.Header.Get("Retry-After") == "" {
		t.Errorf("the second at a time: %d %v", other.StatusCode, other.Header)
	}
	next <- fault.New(fault.Upstream, "the model went away", "ask again")
	want("error", `"kind":"upstream"`)
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

// A server that stops lets what is under way end, but not for ever.
func TestStopCutsOff(t *testing.T) {
	begun, done := make(chan bool), make(chan error, 1)
	address, end := serve(t, server.Server{Stop: 100 * time.Millisecond}, func(ctx context.Context, _ string, _ func(knowledge.Part)) (knowledge.Answer, error) {
		begun <- true
		<-ctx.Done()
		done <- ctx.Err()
		return knowledge.Answer{}, ctx.Err()
	})
	asked := make(chan error, 1)
	go func() {
		reply, err := post(t, address, "application/json")
		if err == nil {
			err = reply.Body.Close()
		}
		asked <- err
	}()
	<-begun
	began := time.Now()
	if err := end(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(began); took < 100*time.Millisecond || took > 3*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the answer's context: %v", err)
	}
	<-asked
}

// Without a token nobody gets in, not even with an empty one.
func TestNoTokenLetsNobodyIn(t *testing.T) {
	h := (&server.Server{Hosts: []string{"127.0.0.1:1"}}).Handler()
	for _, set := range []func(*http.Request){
		func(*http.Request) {},
		func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "groundwork-1"}) },
		func(r *http.Request) { r.URL.RawQuery = "token=" },
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1:1/", nil)
		set(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%v: %d", r.Header, w.Code)
		}
	}
}

// A link on another site's page leads in by a page of ours, since a redirect
// would lose the cookie.
func TestLinkFromElsewhere(t *testing.T) {
	h := (&server.Server{Token: token, Hosts: []string{"127.0.0.1:1"}}).Handler()
	r := httptest.NewRequest("GET", "http://127.0.0.1:1/?token="+token, nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Set-Cookie") == "" || !strings.Contains(w.Body.String(), `content="0;url=/"`) || strings.Contains(w.Body.String(), token) {
		t.Errorf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
}
