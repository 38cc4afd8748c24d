package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"groundwork/internal/fault"

	"github.com/openai/openai-go/v3/option"
)

const (
	maxAnswer = 32 << 20 // bytes of one answer: 32 vectors of 4,096 dimensions take 3
	maxWords  = 300      // bytes of the server's words in an error
)

// reply is what was seen of the last attempt of a call; the SDK alone would lose
// the words of a server that does not write its errors as OpenAI does.
type reply struct {
	status int
	body   []byte // of a status of 300 and more
	length int
	tooBig bool
}

// read reads each answer whole, so that one that breaks off is tried again like
// a broken connection. stop ends the call when an answer is longer than any can be.
func (r *reply) read(stop context.CancelFunc) option.Middleware {
	return func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		*r = reply{}
		res, err := next(req)
		if err != nil {
			return res, err
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
		res.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("the answer breaks off after %d bytes: %w", len(body), err)
		}
		if len(body) > maxAnswer {
			r.tooBig = true
			stop()
			return nil, context.Canceled
		}
		r.status, r.length = res.StatusCode, len(body)
		if res.StatusCode >= 300 {
			r.body = body
		}
		res.Body = io.NopCloser(bytes.NewReader(body))
		return res, nil
	}
}

// failed makes a fault of what the last attempt brought; limit is how long it had.
func (e *Embedder) failed(r reply, err error, limit time.Duration) error {
	what := fmt.Sprintf("embed with %s at %s: ", e.config.Model, e.host)
	switch {
	case r.tooBig:
		return fault.New(fault.Upstream, fmt.Sprintf("%sits answer is longer than %d MB", what, maxAnswer>>20), "check that the url leads to an embedding server")
	case r.status >= 300 && r.status < 400:
		return fault.New(fault.Upstream, fmt.Sprintf("%sit sends us elsewhere (status %d), and texts go only to the host that is named", what, r.status), "put the final address into url")
	case r.status >= 400:
		words := e.hide(serverWords(r.body))
		next := "see the server's log"
		switch r.status {
		case http.StatusUnauthorized, http.StatusForbidden:
			next = "check the key: key_env or key_file in the configuration"
		case http.StatusNotFound:
			next = "check url (it mostly ends in /v1) and model in the configuration"
		case http.StatusTooManyRequests:
			next = "wait a while, or raise the limit at the server"
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			next = "check model and dimensions in the configuration, and how long a text the model takes"
		}
		return fault.New(fault.Upstream, fmt.Sprintf("%sit answered %d %s: %s", what, r.status, http.StatusText(r.status), words), next)
	case errors.Is(err, context.DeadlineExceeded):
		return &fault.Error{Kind: fault.Upstream, Message: fmt.Sprintf("%sno answer within %v", what, limit), Next: "see whether the server is overloaded", Err: err}
	case r.status != 0:
		return fault.New(fault.Upstream, fmt.Sprintf("%sits answer of %d bytes is not the JSON of embeddings: %s", what, r.length, e.hide(brief(err.Error()))), "check url: it mostly ends in /v1")
	}
	return fault.New(fault.Upstream, what+e.hide(brief(err.Error())), "see whether the server runs and can be reached")
}

// serverWords finds what a server says of its error; the servers differ in
// where they put it.
func serverWords(body []byte) string {
	var said struct {
		Error           json.RawMessage
		Detail, Message json.RawMessage
	}
	if json.Unmarshal(body, &said) != nil {
		return brief(string(body))
	}
	for _, place := range []json.RawMessage{said.Error, said.Message, said.Detail} {
		var text string
		var inner struct{ Message string }
		if json.Unmarshal(place, &text) == nil && text != "" {
			return brief(text)
		}
		if json.Unmarshal(place, &inner) == nil && inner.Message != "" {
			return brief(inner.Message)
		}
	}
	return brief(string(body))
}

// brief is the start of a foreign text as one line of printable signs.
func brief(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if s == "" {
		return "(nothing)"
	}
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "") + " ..."
	}
	return s
}

// hide takes the key out of a text; some servers repeat what they were sent.
func (e *Embedder) hide(s string) string {
	if e.config.Key.text == nil {
		return s
	}
	return strings.ReplaceAll(s, *e.config.Key.text, hidden)
}
