package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// stream sends server-sent events.
type stream struct {
	w     http.ResponseWriter
	began bool
}

func newStream(w http.ResponseWriter) *stream { return &stream{w: w} }

// wantsStream reports whether the asker takes events.
func wantsStream(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// json sends an event with one JSON value on one line.
func (s *stream) json(event string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	return s.send(event, strings.TrimSuffix(b.String(), "\n"))
}

// send sends an event with a text of any number of lines, at once.
func (s *stream) send(event, data string) error {
	if !s.began {
		s.began = true
		s.w.Header().Set("Content-Type", "text/event-stream")
		s.w.Header().Set("X-Accel-Buffering", "no")
	}
	c := http.NewResponseController(s.w)
	if err := c.SetWriteDeadline(time.Now().Add(30 * time.Second)); err != nil { // per event: an answer may take longer than any one of its parts
		return err
	}
	// A carriage return would end a line of the event as well.
	data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)
	if _, err := s.w.Write([]byte("event: " + event + "\ndata: " + strings.ReplaceAll(data, "\n", "\ndata: ") + "\n\n")); err != nil {
		return err
	}
	return c.Flush()
}
