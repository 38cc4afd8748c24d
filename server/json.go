package server

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/server/page"
)

// The JSON of the contract, alike on the command line and over HTTP. Fields may
// be added, none renamed.

// WriteJSON writes one indented value.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// CitationJSON is a citation of an answer.
type CitationJSON struct {
	Pointer  string               `json:"pointer"`
	Document knowledge.DocumentID `json:"document"`
	Source   string               `json:"source"`
	Path     string               `json:"path"`
	Version  string               `json:"version"`
	Start    int                  `json:"start"`
	End      int                  `json:"end"`
	Place    string               `json:"place"`
	Quote    string               `json:"quote"`
	Title    string               `json:"title"`
	Heading  []string             `json:"heading"`
	State    knowledge.State      `json:"state"`
	Date     string               `json:"date"`
	Before   string               `json:"before"`
	After    string               `json:"after"`
}

func citationJSON(c knowledge.Cited) CitationJSON {
	return CitationJSON{c.Pointer.String(), c.Document, c.Document.Source(), c.Document.Path(), c.Version, c.Start, c.End,
		c.Place, c.Quote, c.Title, orEmpty(c.Heading), c.State, page.Day(c.Date), c.Before, c.After}
}

func sentenceJSON(s knowledge.Sentence) map[string]any {
	citations := []CitationJSON{}
	for _, c := range s.Citations {
		citations = append(citations, citationJSON(c))
	}
	also := []CitationJSON{}
	for _, c := range s.Also {
		also = append(also, citationJSON(c))
	}
	marks := s.Marks
	if marks == nil {
		marks = [][2]int{}
	}
	return map[string]any{"text": s.Text, "support": s.Support, "citations": citations, "also": also, "marks": marks}
}

func stepJSON(s knowledge.Step) map[string]any {
	return map[string]any{"tool": s.Tool, "input": s.Input, "found": s.Found, "took_ms": ms(s.Took)}
}

// AnswerJSON is the value of ask.
func AnswerJSON(x knowledge.Answer) map[string]any {
	sentences := []map[string]any{}
	for _, s := range x.Sentences {
		sentences = append(sentences, sentenceJSON(s))
	}
	conflicts := []map[string]any{}
	for _, c := range x.Conflicts {
		conflicts = append(conflicts, map[string]any{"kind": c.Kind, "newer": citationJSON(c.Newer), "older": citationJSON(c.Older)})
	}
	steps := []map[string]any{}
	for _, s := range x.Steps {
		steps = append(steps, stepJSON(s))
	}
	return map[string]any{
		"question": x.Question, "answered": x.Answered, "grade": x.Grade, "refusal": x.Refusal, "sentences": sentences, "nearest": hitsJSON(x.Nearest),
		"conflicts": conflicts, "steps": steps, "warnings": orEmpty(x.Warnings),
		"spent": map[string]any{"input_tokens": x.Spent.InputTokens, "output_tokens": x.Spent.OutputTokens, "usd": x.Spent.USD, "took_ms": ms(x.Spent.Took), "host": x.Spent.Host},
	}
}

// SearchJSON is the value of search.
func SearchJSON(query string, r knowledge.Ranking) map[string]any {
	return map[string]any{"query": query, "took_ms": ms(r.Took), "hits": hitsJSON(r.Found)}
}

func hitsJSON(found []knowledge.Found) []map[string]any {
	hits := []map[string]any{}
	for _, f := range found {
		legs := map[string]any{}
		for name, p := range f.Legs {
			legs[name] = map[string]any{"rank": p.Rank, "score": p.Score}
		}
		hits = append(hits, map[string]any{"document": f.Document, "source": f.Document.Source(), "path": f.Document.Path(), "version": f.Version,
			"title": f.Title, "heading": orEmpty(f.Heading), "place": f.Place, "start": f.Start, "end": f.End, "text": f.Text, "score": f.Score, "legs": legs,
			"pointer": page.PointerOf(f.Passage)})
	}
	return hits
}

// Around is how many bytes open shows before and after a span, at least.
const Around = 300

// ExcerptJSON is the value of open; the span and its surroundings are there
// only when the citation holds.
func ExcerptJSON(e knowledge.Excerpt) map[string]any {
	d := e.Document
	out := map[string]any{"pointer": e.Citation.Pointer.String(), "state": e.State, "document": d.ID, "source": d.ID.Source(), "path": d.ID.Path(),
		"version": d.Version, "title": d.Title, "heading": orEmpty(e.Heading), "place": e.Place, "date": page.Day(d.Date())}
	if e.State == knowledge.Holds {
		from, to := page.Surroundings(d.Text, e.Start, e.End, Around)
		out["start"], out["end"], out["text"] = e.Start, e.End, d.Text[e.Start:e.End]
		out["before"], out["after"] = d.Text[from:e.Start], d.Text[e.End:to]
	}
	return out
}

func documentsJSON(documents []knowledge.Summary) map[string]any {
	out := []map[string]any{}
	for _, d := range documents {
		date := d.Modified
		if !d.Dated.IsZero() {
			date = d.Dated
		}
		out = append(out, map[string]any{"document": d.ID, "source": d.ID.Source(), "path": d.ID.Path(), "version": d.Version,
			"title": d.Title, "date": page.Day(date), "readers": d.Readers.String(), "passages": d.Passages})
	}
	return map[string]any{"documents": out}
}

// faultOf returns err as a fault.
func faultOf(err error) *fault.Error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	return &fault.Error{Kind: fault.KindOf(err), Message: err.Error(), Err: err}
}

// ErrorJSON is the value of an error.
func ErrorJSON(err error) map[string]any {
	f := faultOf(err)
	return map[string]any{"error": map[string]string{"kind": f.Kind.String(), "message": f.Message, "next": f.Next}}
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
