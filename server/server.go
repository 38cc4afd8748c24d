// Package server is the door: it lets in who brings the token, refuses what is
// too much, and answers questions over HTTP, as pages and as JSON.
//
//	/                  a page with a question box; /?q= with the answer
//	/open?pointer=     a cited span in its surroundings
//	/v1/ask            {"question"}; a stream for who accepts text/event-stream
//	/v1/search         q=, top=, leg=, or the same as JSON
//	/v1/documents      what the asker may read
//	/v1/open?pointer=  a cited span, as JSON
//	/healthz, /readyz  without a token
//
// It writes no log of requests: questions tell about those who ask them.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/server/page"
)

// Server answers for one home. Its fields are set before Serve or Handler and
// not changed after.
type Server struct {
	Token string   // who brings it is the home's owner; "" lets nobody in
	Hosts []string // values of the Host header that mean this server, in lower case, with the port
	View  func(knowledge.Asker) knowledge.View
	// Search finds passages; top is 1 to 1000, leg as the command line takes it.
	Search func(ctx context.Context, view knowledge.View, query string, top int, leg string) (knowledge.Ranking, error)
	// Answer answers one question; emit gets its parts in order, from one goroutine.
	Answer func(ctx context.Context, view knowledge.View, q knowledge.Question, emit func(knowledge.Part)) (knowledge.Answer, error)

	Answers int           // answers and searches at one time; 0 gives 8
	Wait    time.Duration // for a place among them, before 429; 0 gives 2 s
	Stop    time.Duration // for answers under way when the server stops; 0 gives 10 s

	places chan struct{}
}

func (s *Server) wait() time.Duration {
	if s.Wait > 0 {
		return s.Wait
	}
	return 2 * time.Second
}

// Handler returns the door with the rooms behind it.
func (s *Server) Handler() http.Handler {
	n := s.Answers
	if n <= 0 {
		n = 8
	}
	s.places = make(chan struct{}, n)
	rooms := http.NewServeMux()
	for pattern, room := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":          s.askPage,
		"GET /open":         s.openPage,
		"GET /v1/search":    s.search,
		"POST /v1/search":   s.search,
		"POST /v1/ask":      s.ask,
		"GET /v1/documents": s.documents,
		"GET /v1/open":      s.open,
		"/":                 nowhere,
	} {
		rooms.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := room(w, r); err != nil {
				fail(w, r, statusOf(faultOf(err).Kind), err)
			}
		})
	}
	return s.door(rooms)
}

// Serve answers on l until ctx ends; then it takes no more requests, gives those
// under way the time of Stop, and cuts off the rest.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	h := &http.Server{
		Handler: s.Handler(), BaseContext: func(net.Listener) context.Context { return work },
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: bodyLimit,
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	select {
	case err := <-ended:
		return fault.Wrap(fault.Internal, err, "listen on "+l.Addr().String(), "")
	case <-ctx.Done():
	}
	stop := s.Stop
	if stop <= 0 {
		stop = 10 * time.Second
	}
	limit, end := context.WithTimeout(work, stop)
	defer end()
	err := h.Shutdown(limit)
	if err != nil { // what is cut off sees its context end and leaves the store
		cut()
		last, end := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer end()
		err = errors.Join(h.Shutdown(last), h.Close())
	}
	<-ended
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // cut off as announced
	}
	return err
}

// asker is who asks: the token makes the owner.
func (s *Server) asker(*http.Request) knowledge.Asker { return knowledge.Asker{Owner: true} } // access: keeper

func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	// A question that any store answers, and that costs nothing.
	if _, err := s.View(knowledge.Asker{}).Document(r.Context(), "ready/ready"); err != nil && fault.KindOf(err) != fault.Missing { // access: keeper
		fail(w, r, http.StatusServiceUnavailable, fault.New(fault.Busy, "the store cannot be read", "groundwork doctor says why"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = WriteJSON(w, map[string]string{"state": "ready"})
}

func nowhere(_ http.ResponseWriter, r *http.Request) error {
	return fault.New(fault.Missing, "there is no "+r.Method+" "+r.URL.Path+" here", "GET /, GET or POST /v1/search, POST /v1/ask, GET /v1/documents, GET /v1/open")
}

// body reads one JSON value, no more and nothing unknown.
func body(r *http.Request, v any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something follows the value")
		}
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.Input, fmt.Sprintf("read the request: it is larger than %d bytes", large.Limit), "ask with fewer words")
	}
	if err != nil {
		return fault.Wrap(fault.Input, err, "read the request as JSON", `send for example {"question": "how many days of leave are there?"}`)
	}
	return nil
}

// reply writes a JSON value.
func reply(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	_ = WriteJSON(w, v) // it fails only when the asker is gone
	return nil
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	asked := struct {
		Query string `json:"query"`
		Top   *int   `json:"top"`
		Leg   string `json:"leg"`
	}{Leg: r.URL.Query().Get("leg")}
	if asked.Query = r.URL.Query().Get("q"); asked.Query == "" {
		asked.Query = r.URL.Query().Get("query")
	}
	if t := r.URL.Query().Get("top"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil {
			return fault.New(fault.Input, fmt.Sprintf("search: top=%q is no number", t), "1 to 1000")
		}
		asked.Top = &n
	}
	if r.Method == http.MethodPost {
		if err := body(r, &asked); err != nil {
			return err
		}
	}
	top := 10
	if asked.Top != nil {
		top = *asked.Top
	}
	if top < 1 || top > 1000 {
		return fault.New(fault.Input, fmt.Sprintf("search: top %d is out of range", top), "1 to 1000")
	}
	if strings.TrimSpace(asked.Query) == "" {
		return fault.New(fault.Input, "search: wants a query", "/v1/search?q=hotel+limit")
	}
	leave, err := s.place(w, r)
	if err != nil {
		return err
	}
	defer leave()
	found, err := s.Search(r.Context(), s.View(s.asker(r)), asked.Query, top, asked.Leg) // access: keeper
	if err != nil {
		return err
	}
	return reply(w, SearchJSON(asked.Query, found))
}

func (s *Server) ask(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		Question string `json:"question"`
		Model    string `json:"model"`
		Steps    int    `json:"steps"`
	}
	if err := body(r, &asked); err != nil {
		return err
	}
	leave, err := s.place(w, r)
	if err != nil {
		return err
	}
	defer leave()
	q := knowledge.Question{Text: asked.Question, Model: asked.Model, Steps: asked.Steps}
	view := s.View(s.asker(r)) // access: keeper
	if !wantsStream(r) {
		a, err := s.Answer(r.Context(), view, q, nil)
		if err != nil {
			return err
		}
		return reply(w, AnswerJSON(a))
	}
	st := newStream(w)
	a, err := s.Answer(r.Context(), view, q, func(p knowledge.Part) {
		if p.Step != nil {
			_ = st.json("step", stepJSON(*p.Step)) // who is gone ends the context, and so the answer
		}
		if p.Sentence != nil {
			_ = st.json("sentence", sentenceJSON(*p.Sentence))
		}
	})
	switch {
	case err != nil && !st.began:
		return err
	case err != nil:
		_ = st.json("error", ErrorJSON(err))
	default:
		_ = st.json("answer", AnswerJSON(a))
	}
	return nil
}

func (s *Server) documents(w http.ResponseWriter, r *http.Request) error {
	all, err := s.View(s.asker(r)).Documents(r.Context(), knowledge.Filter{Source: r.URL.Query().Get("source")}) // access: keeper
	if err != nil {
		return err
	}
	return reply(w, documentsJSON(all))
}

// opened finds the span that the address names.
func (s *Server) opened(r *http.Request) (knowledge.Excerpt, error) {
	text := r.URL.Query().Get("pointer")
	p, err := knowledge.ParsePointer(text)
	if err != nil {
		return knowledge.Excerpt{}, err
	}
	e, err := s.View(s.asker(r)).Open(r.Context(), knowledge.Citation{Pointer: p}) // access: keeper
	if err == nil && e.State == knowledge.Gone {
		err = fault.New(fault.Missing, "open "+text+": no such document, or not for you", "search finds what you may read")
	}
	return e, err
}

func (s *Server) open(w http.ResponseWriter, r *http.Request) error {
	e, err := s.opened(r)
	if err != nil {
		return err
	}
	return reply(w, ExcerptJSON(e))
}

func (s *Server) openPage(w http.ResponseWriter, r *http.Request) error {
	e, err := s.opened(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return page.Excerpt(w, e, r.URL.Query().Get("q"))
}

func (s *Server) askPage(w http.ResponseWriter, r *http.Request) error {
	question := strings.TrimSpace(r.URL.Query().Get("q"))
	view := s.View(s.asker(r)) // access: keeper
	w.Header().Add("Vary", "Accept")
	if question == "" {
		documents, err := view.Documents(r.Context(), knowledge.Filter{})
		if err != nil {
			return err
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		return page.Empty(w, len(documents))
	}
	leave, err := s.place(w, r)
	if err != nil {
		return err
	}
	defer leave()
	if wantsStream(r) {
		return s.askFragments(w, r, view, question)
	}
	a, err := s.Answer(r.Context(), view, knowledge.Question{Text: question}, nil)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return page.Answer(w, a)
}

// askFragments sends the pieces of the page as they come, for the page's script.
func (s *Server) askFragments(w http.ResponseWriter, r *http.Request, view knowledge.View, question string) error {
	st, look := newStream(w), page.NewStream(question)
	var broken error
	a, err := s.Answer(r.Context(), view, knowledge.Question{Text: question}, func(p knowledge.Part) {
		if p.Step != nil {
			_ = st.send("step", fmt.Sprintf("%d found by %s", p.Step.Found, p.Step.Tool))
		}
		if p.Sentence != nil {
			html, err := look.Sentence(*p.Sentence)
			broken = errors.Join(broken, err)
			_ = st.send("sentence", html)
		}
	})
	html := ""
	if err = errors.Join(err, broken); err == nil {
		html, err = look.Answer(a)
	}
	switch {
	case err != nil && !st.began:
		return err
	case err != nil:
		_ = st.send("error", faultOf(err).Message)
	default:
		_ = st.send("answer", html)
	}
	return nil
}
