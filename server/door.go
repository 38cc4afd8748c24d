package server

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/server/page"
)

const (
	bodyLimit   = 64 << 10 // bytes of a request's body
	retryAfter  = "2"      // seconds
	contentRule = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// statusOf maps kinds of fault to status codes. What the door itself refuses
// (no token 401, another host or site 403) has no kind of its own.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Input:
		return http.StatusBadRequest
	case fault.Missing, fault.Denied:
		return http.StatusNotFound
	case fault.Busy, fault.Budget:
		return http.StatusTooManyRequests
	case fault.Upstream:
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// door lets in who may come in: first the look at the Host header, so that a
// name that somebody else points at this machine reaches nothing.
func (s *Server) door(rooms http.Handler) http.Handler {
	sameSite := http.NewCrossOriginProtection()
	sameSite.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fail(w, r, http.StatusForbidden, fault.New(fault.Input, "a page of another site sent this", "send it from a page of this server, or from a program"))
	}))
	inside := sameSite.Handler(rooms)
	open := http.NewServeMux() // what holds no secret
	open.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _ = WriteJSON(w, map[string]string{"state": "ok"}) })
	open.HandleFunc("GET /readyz", s.ready)
	for _, name := range []string{"style.css", "ask.js", "icon.svg"} {
		open.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, page.Files, name)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentRule)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		switch {
		case !slices.Contains(s.Hosts, strings.ToLower(r.Host)): // access: the host
			fail(w, r, http.StatusForbidden, fault.New(fault.Input, fmt.Sprintf("the host %q is not this server", r.Host), "use "+strings.Join(s.Hosts, " or ")))
		case public(open, r):
			open.ServeHTTP(w, r)
		case s.letIn(w, r):
		case !s.knows(r): // access: the token
			h.Set("WWW-Authenticate", "Bearer")
			fail(w, r, http.StatusUnauthorized, fault.New(fault.Input, "not signed in: this server answers who brings its token",
				"open the link that groundwork serve printed, or send Authorization: Bearer with the text of the file token in the home"))
		default:
			inside.ServeHTTP(w, r)
		}
	})
}

func public(open *http.ServeMux, r *http.Request) bool {
	_, pattern := open.Handler(r)
	return pattern != ""
}

// same compares without telling by its time how much was right.
func (s *Server) same(token string) bool {
	return s.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) == 1 // access: the right token
}

// cookie's name holds the port, because browsers keep one jar for all ports of a host.
func cookie(r *http.Request) string {
	return "groundwork-" + r.Host[strings.LastIndexByte(r.Host, ':')+1:]
}

// knows reports whether the request brings the token.
func (s *Server) knows(r *http.Request) bool {
	if kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "Bearer") {
		return s.same(strings.TrimSpace(token))
	}
	c, err := r.Cookie(cookie(r))
	return err == nil && s.same(c.Value)
}

// letIn takes the token from the address into a cookie and reports whether it
// has answered.
func (s *Server) letIn(w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path != "/" || r.Method != http.MethodGet || !s.same(r.URL.Query().Get("token")) {
		return false
	}
	http.SetCookie(w, &http.Cookie{Name: cookie(r), Value: s.Token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		// A browser that follows a link of another site keeps strict cookies back
		// all along a redirect; a page of ours that goes on does not have that past.
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Groundwork</title><a href="/">Go on</a>`))
		return true
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return true
}

// place waits for one of the places in which answers are written.
func (s *Server) place(w http.ResponseWriter, r *http.Request) (leave func(), err error) {
	// An answer may take longer than its request took to come in.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	ctx, end := context.WithTimeout(r.Context(), s.wait())
	defer end()
	select {
	case s.places <- struct{}{}:
		return func() { <-s.places }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Busy, fmt.Sprintf("%d answers are being written already", cap(s.places)), "try again in "+retryAfter+" seconds")
	}
}

// fail answers with an error: JSON below /v1/, a page elsewhere.
func fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
	}
	if wantsStream(r) && strings.HasPrefix(r.URL.Path, "/v1/") {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(status)
		_ = (&stream{w: w, began: true}).json("error", ErrorJSON(err)) // nobody is left to tell
		return
	}
	if strings.HasPrefix(r.URL.Path, "/v1/") || r.URL.Path == "/readyz" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = WriteJSON(w, ErrorJSON(err))
		return
	}
	f := faultOf(err)
	title := map[int]string{http.StatusUnauthorized: "Not signed in", http.StatusNotFound: "Not found", http.StatusTooManyRequests: "Busy"}[status]
	if title == "" {
		title = "There is a problem"
	}
	question := ""
	if status != http.StatusUnauthorized && status != http.StatusForbidden {
		question = r.URL.Query().Get("q")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Problem(w, title, f.Message, f.Next, question)
}
