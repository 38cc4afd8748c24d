// Package answer writes the answer to a question and shows only what was checked.
//
// Without a language model it quotes: the short stretches of the best passages
// that hold most of the question, each with its citation, which is checked
// against the document as it is now before it is shown. When too little of the
// question is found, it refuses and shows the nearest passages.
package answer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// Settings of the quoting answer. doc/bench/answers.md says what each costs.
type Settings struct {
	Passages  int     // looked at for stretches; 0 gives 8
	Stretches int     // shown at most; 0 gives 3
	Threshold float64 // confidence below which the answer is a refusal; 0 takes DefaultThreshold
}

// DefaultThreshold is the confidence from which an answer is shown; chosen on
// the tuning half of the natural questions.
const DefaultThreshold = .3

// forUnknown is what the share of unknown words takes from the confidence; chosen
// on the same half.
const forUnknown = .3

// furtherCoverage is the share of the question's weight that a second or third
// stretch must hold with its headings.
const furtherCoverage = .5

// Writer writes answers for one asker.
type Writer struct {
	View     knowledge.View
	Retrieve func(ctx context.Context, question string, top int) (knowledge.Ranking, error)
	Settings Settings
}

// Answer answers q. emit, when not nil, receives each step and each checked
// sentence as it comes; the returned Answer equals their sum. Faults: Input for
// an empty question, Missing for a model that is not configured.
func (w Writer) Answer(ctx context.Context, q knowledge.Question, emit func(knowledge.Part)) (knowledge.Answer, error) {
	began := time.Now()
	a := knowledge.Answer{Question: q.Text}
	if emit == nil {
		emit = func(knowledge.Part) {}
	}
	if strings.TrimSpace(q.Text) == "" {
		return a, fault.New(fault.Input, "ask: the question is empty", `groundwork ask "how many days of leave are there?"`)
	}
	if q.Model != "" && q.Model != "none" {
		return a, fault.New(fault.Missing, "ask with the model "+q.Model+": this build knows no models yet", "ask without one: --model none")
	}
	passages := cmp.Or(w.Settings.Passages, 8)
	ranking, err := w.Retrieve(ctx, q.Text, passages)
	if err != nil {
		return a, err
	}
	step := knowledge.Step{Tool: "search", Input: q.Text, Found: len(ranking.Found), Took: ranking.Took}
	a.Steps = append(a.Steps, step)
	emit(knowledge.Part{Step: &step})

	want := read(q.Text, ranking)
	docs := documents{view: w.View, byID: map[knowledge.DocumentID]*knowledge.Document{}}
	candidates, err := w.candidates(ctx, want, ranking, docs)
	if err != nil {
		return a, err
	}
	a.Confidence = want.confidence(ranking)
	var picked []stretch
	if a.Confidence >= cmp.Or(w.Settings.Threshold, DefaultThreshold) {
		picked = choose(candidates, cmp.Or(w.Settings.Stretches, 3))
	}
	picked, a.Conflicts, err = want.versions(ctx, picked, candidates, docs)
	if err != nil {
		return a, err
	}
	for _, s := range picked {
		sentence, ok, err := want.quote(s)
		if err != nil {
			return a, err
		}
		if !ok {
			a.Warnings = append(a.Warnings, "a passage changed while the answer was written and was left out")
			continue
		}
		a.Sentences = append(a.Sentences, sentence)
		emit(knowledge.Part{Sentence: &sentence})
	}
	a.Answered = len(a.Sentences) > 0
	if !a.Answered {
		a.Conflicts = nil
		a.Nearest = want.nearest(ranking)
		a.Refusal = refusal(want, ranking, len(a.Nearest))
	}
	a.Spent.Took = time.Since(began)
	return a, nil
}

// documents opens each document once.
type documents struct {
	view knowledge.View
	byID map[knowledge.DocumentID]*knowledge.Document
}

// open returns a document, nil when it is not there or not for this asker.
func (d documents) open(ctx context.Context, id knowledge.DocumentID) (*knowledge.Document, error) {
	if doc, ok := d.byID[id]; ok {
		return doc, nil
	}
	doc, err := d.view.Document(ctx, id)
	if err != nil {
		if fault.KindOf(err) == fault.Missing {
			d.byID[id] = nil
			return nil, nil
		}
		return nil, err
	}
	d.byID[id] = &doc
	return &doc, nil
}

// candidates finds the best stretch of each passage, best first.
func (w Writer) candidates(ctx context.Context, want want, r knowledge.Ranking, docs documents) ([]stretch, error) {
	var all []stretch
	for i := range r.Found {
		f := &r.Found[i]
		d, err := docs.open(ctx, f.Document)
		if err != nil {
			return nil, err
		}
		if d == nil || d.Version != f.Version {
			continue // changed since the search
		}
		s, ok := want.bestStretch(d, f, f.Start, f.End, "")
		if !ok {
			continue
		}
		s.score = .6*s.score + .4*f.Score/max(r.Found[0].Score, 1e-9)
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return -cmp.Compare(a.score, b.score) })
	return all, nil
}

// confidence says how sure it is that the ranking holds an answer, 0 to 1: half
// the largest share of the question's weight in one passage with its headings,
// half the share in the first page's title and path, less a part of the share of
// words that no passage holds. Other signals were measured and left out
// (doc/bench/answers.md).
func (w want) confidence(r knowledge.Ranking) float64 {
	if w.total == 0 || len(r.Found) == 0 {
		return 0
	}
	best := 0.
	for _, f := range r.Found {
		best = max(best, w.coverage(append([]string{f.Title, f.Text}, f.Heading...)...))
	}
	unknown := 0.
	for stem, v := range w.weight {
		if r.Known[stem] == 0 {
			unknown += v / w.total
		}
	}
	return max(0, best/2+w.coverage(r.Found[0].Title, r.Found[0].Document.Path())/2-forUnknown*unknown)
}

// choose takes the stretches to show: the best, and further ones that cover
// enough of the question, at most n, none much worse than the best. The same
// text on another page is folded into the first that says it; a part of what is
// said already is left out.
func choose(candidates []stretch, n int) []stretch {
	var picked []stretch
next:
	for _, s := range candidates {
		text := s.doc.Text[s.start:s.end]
		for i := range picked {
			p := &picked[i]
			other := p.doc.Text[p.start:p.end]
			if text == other && s.doc != p.doc && len(p.copies) < mostCopies {
				p.copies = append(p.copies, s)
				continue next
			}
			if strings.Contains(other, text) || strings.Contains(text, other) {
				continue next
			}
		}
		if len(picked) == n || len(picked) > 0 && (s.coverage < furtherCoverage || s.score < .6*picked[0].score) {
			continue
		}
		picked = append(picked, s)
	}
	return picked
}

// mostCopies is how many pages with the same text are named beside the first.
const mostCopies = 5

// quote makes the sentence of a stretch: its exact text, cited and checked. ok
// is false when a citation does not hold.
func (w want) quote(s stretch) (knowledge.Sentence, bool, error) {
	out := knowledge.Sentence{Support: knowledge.Quoted}
	spans := [][2]int{{s.start, s.end}}
	if s.head[1] > 0 && s.head[0] < s.start {
		if between := strings.TrimSpace(s.doc.Text[s.head[1]:s.start]); strings.Trim(between, "|-: \n") == "" {
			spans[0][0] = s.head[0]
		} else {
			spans = append([][2]int{s.head}, spans...)
		}
	}
	for i, span := range spans {
		c, err := s.cite(span[0], span[1])
		if err != nil {
			return out, false, err
		}
		if c.State != knowledge.Holds {
			return out, false, nil
		}
		if i > 0 {
			out.Text += "\n"
		}
		out.Text += c.Quote
		out.Citations = append(out.Citations, c)
	}
	for _, copied := range s.copies {
		c, err := copied.cite(copied.start, copied.end)
		if err != nil {
			return out, false, err
		}
		if c.State == knowledge.Holds {
			out.Also = append(out.Also, c)
		}
	}
	out.Marks = w.marks(out.Text)
	return out, true, nil
}

// cite cites a span of the stretch's document and checks it.
func (s stretch) cite(start, end int) (knowledge.Cited, error) {
	c, err := knowledge.Cite(*s.doc, start, end)
	if err != nil {
		return knowledge.Cited{}, err
	}
	cited := knowledge.Cited{Citation: c, Title: s.doc.Title, Place: knowledge.PlaceAt(s.doc.Places, start),
		Date: s.doc.Date(), Dated: !s.doc.Dated.IsZero(), State: c.Check(*s.doc)}
	if s.found != nil {
		cited.Heading = s.found.Heading
	}
	return cited, nil
}

// nearest returns the first passages that hold a word of the question; those
// found by its grammar alone ("how many") would be noise.
func (w want) nearest(r knowledge.Ranking) []knowledge.Found {
	var near []knowledge.Found
	for _, f := range r.Found {
		if len(near) < 5 && w.coverage(append([]string{f.Title, f.Text, f.Document.Path()}, f.Heading...)...) > 0 {
			near = append(near, f)
		}
	}
	return near
}

// refusal says why there is no answer, in one sentence.
func refusal(w want, r knowledge.Ranking, nearest int) string {
	switch {
	case r.Visible == 0:
		return "Nothing that you may read is indexed here yet."
	case w.total == 0:
		return "The question has no word to search by; name what it is about."
	case nearest == 0:
		return "No page that you may read holds any of the question's words."
	}
	return fmt.Sprintf("No page that you may read answers this; the nearest %s below.", plural(nearest, "passage is", "passages are"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf("%d %s", n, many)
}
