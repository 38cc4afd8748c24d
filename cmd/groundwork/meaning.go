package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/answer"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
)

// questioner returns who encodes the questions to a collection; nil when there is
// no encoder. While the embedder's vectors are still to come, a model in this
// process of which there are more serves on.
func (a *app) questioner(ctx context.Context, store *sqlite.Store) (model.Embedder, error) {
	e, err := a.embedder()
	if err != nil || e == nil {
		return e, err
	}
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	var marks map[string]int
	for _, m := range models(filepath.Join(home, modelsFolder)) {
		if m.load == nil || m.Mark() == e.Mark() {
			continue
		}
		if marks == nil {
			if marks, err = store.Marks(ctx); err != nil {
				return nil, err
			}
		}
		if marks[m.Mark()] > marks[e.Mark()] {
			return a.former.keep(&local{known: m, threads: 1}), nil
		}
	}
	return e, nil
}

// former keeps models that are on their way out, so that a server opens each once.
// A nil one keeps nothing.
type former struct {
	mu   sync.Mutex
	open map[string]*local
}

func (f *former) keep(l *local) *local {
	if f == nil {
		return l
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[string]*local{}
	}
	if f.open[l.Mark()] == nil {
		f.open[l.Mark()] = l
	}
	return f.open[l.Mark()]
}

// asEncoder is an embedder as retrieval takes it; of nil the zero value.
func asEncoder(e model.Embedder) retrieval.Encoder {
	if e == nil {
		return retrieval.Encoder{}
	}
	return retrieval.Encoder{Mark: e.Mark(), Languages: e.Languages(), Embed: func(ctx context.Context, question string) ([]float32, model.Spent, error) {
		vectors, spent, err := e.Embed(ctx, model.Question, []string{question})
		if err != nil {
			return nil, spent, err
		}
		return vectors[0], spent, nil
	}}
}

// find is the retrieval of one asker.
func find(view knowledge.View, e model.Embedder) func(context.Context, string, int) (knowledge.Ranking, error) {
	return func(ctx context.Context, question string, top int) (knowledge.Ranking, error) {
		return retrieval.Find(ctx, view, retrieval.Search{Question: question, Top: top, Encoder: asEncoder(e)})
	}
}

// writer is the answer writer of one asker.
func writer(view knowledge.View, e model.Embedder) answer.Writer {
	w := answer.Writer{View: view, Retrieve: find(view, e)}
	if e != nil && e.Host() == "" { // to another machine passages go only as their source has it
		w.Mix = answer.MixOf(e.Mark())
		w.Embed = func(ctx context.Context, texts []string) ([][]float32, model.Spent, error) {
			return e.Embed(ctx, model.Passage, texts)
		}
	}
	return w
}

// encode gives the passages that have none a vector, and drops those of models
// that are not used any more once all are there.
func (a *app) encode(ctx context.Context, store *sqlite.Store) error {
	e, err := a.embedder()
	if err != nil || e == nil {
		return err
	}
	if a.later != nil {
		a.later()
		a.note("The server encodes what waits; until then it is found by words.")
		return nil
	}
	began := time.Now()
	progress := a.counting("encoding: passage")
	spent, err := intake.Encode(ctx, store, e, admits(e), progress)
	a.endProgress()
	if spent.InputTokens > 0 { // also what an interruption has cost
		a.note("encoded by %s: %d tokens in %v%s", e.Mark(), spent.InputTokens, time.Since(began).Round(10*time.Millisecond), price(spent))
	}
	if err != nil {
		return err
	}
	// What may not go to this encoder keeps the vectors that it has.
	have, waiting, err := store.Vectors(ctx, e.Mark(), nil)
	if err != nil || waiting > 0 || have == 0 {
		return err
	}
	marks, err := store.Marks(ctx)
	if err != nil {
		return err
	}
	for mark := range marks {
		if mark != e.Mark() {
			if err := store.DropVectors(ctx, mark); err != nil {
				return err
			}
		}
	}
	return nil
}

func price(s model.Spent) string {
	if s.USD == 0 {
		return ""
	}
	return fmt.Sprintf(", %.4f USD, by %s", s.USD, s.Host)
}

// admits says which sources' passages may go to the embedder: all to one in this
// process, else as each source's setting of models has it.
func admits(e model.Embedder) func(knowledge.Origin) bool {
	host := e.Host()
	if host == "" {
		return nil
	}
	return func(o knowledge.Origin) bool {
		return o.Models == "any" || o.Models != "none" && near(host)
	}
}

// near reports whether a host is on this machine or its network, going by its
// name or address alone.
func near(host string) bool {
	if at, err := netip.ParseAddrPort(host); err == nil {
		host = at.Addr().String()
	} else if name, _, ok := strings.Cut(host, ":"); ok && strings.Count(host, ":") == 1 {
		host = name
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// searchState is what a collection can be searched by.
type searchState struct {
	mark          string // of the encoder; "" when there is none
	have, waiting int    // passages with a vector of it, and without
	barred        int    // passages that may not go to it
	wrong         error  // why it cannot be told
}

func (a *app) searchState(ctx context.Context, store *sqlite.Store) (s searchState) {
	e, err := a.embedder()
	if err != nil || e == nil {
		return searchState{wrong: err}
	}
	s.mark = e.Mark()
	if s.have, s.waiting, s.wrong = store.Vectors(ctx, s.mark, admits(e)); s.wrong == nil {
		var all int
		_, all, s.wrong = store.Vectors(ctx, s.mark, nil)
		s.barred = all - s.waiting
	}
	return s
}

func (s searchState) text() string {
	switch {
	case s.wrong != nil:
		return "by words only: " + s.wrong.Error()
	case s.mark == "":
		return "by words only; there is no encoder here: groundwork model get adds one"
	case s.have == 0 && s.waiting == 0 && s.barred > 0:
		return "by words only: no source lets its passages go to the encoder " + s.mark + " (--models)"
	}
	text := "by words and by meaning (" + s.mark + ")"
	if s.waiting > 0 {
		text += fmt.Sprintf("; %d passages wait for their vectors: groundwork sync goes on", s.waiting)
	}
	if s.barred > 0 {
		text += fmt.Sprintf("; %d passages may not go there (--models)", s.barred)
	}
	return text
}

// checkEncoder is what doctor says of the encoder.
func (a *app) checkEncoder() check {
	e, err := a.embedder()
	switch {
	case err != nil:
		var f *fault.Error
		if errors.As(err, &f) {
			return check{"search", "red", f.Message, f.Next}
		}
		return check{"search", "red", err.Error(), ""}
	case e == nil:
		return check{"search", "warn", "by words only: there is no encoder here", "groundwork model get FILE adds one"}
	}
	where := "in this process"
	if e.Host() != "" {
		where = "questions go to " + e.Host() + ", and passages of the sources whose --models lets them"
	}
	return check{"search", "ok", "by words and by meaning: " + e.Mark() + ", " + where, ""}
}
