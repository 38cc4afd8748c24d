// Package answer writes the answer to a question and shows only what was checked.
//
// Without a language model it quotes: the short stretches of the best passages
// that come nearest to the question by meaning, or without an encoder hold most of
// its words, each with its citation, which is checked against the document as it
// is now before it is shown. When it is not sure enough, it refuses and shows the
// nearest passages.
package answer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/model"
)

// How many passages are looked at, and how many stretches shown at most.
// doc/bench/answers.md says what each costs.
const (
	rankedPassages = 8
	mostStretches  = 3
)

// DefaultThreshold is the confidence by words from which an answer is shown; chosen
// on the tuning half of the natural questions.
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
	// Embed turns stretches of passages into vectors, of the model that made the
	// Ranking's; it must not send them where their source does not let them go. nil
	// chooses stretches by words alone.
	Embed func(ctx context.Context, texts []string) ([][]float32, model.Spent, error)
	Mix   Mix // of that model; the zero value weighs the confidence by words alone
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
	passages := rankedPassages
	ranking, err := w.Retrieve(ctx, q.Text, passages)
	if err != nil {
		return a, err
	}
	step := knowledge.Step{Tool: "search", Input: q.Text, Found: len(ranking.Found), Took: ranking.Took}
	a.Steps = append(a.Steps, step)
	emit(knowledge.Part{Step: &step})

	a.Spent = ranking.Spent
	a.Warnings = append(a.Warnings, ranking.Warnings...)

	want := read(q.Text, ranking)
	docs := documents{view: w.View, byID: map[knowledge.DocumentID]*knowledge.Document{}}
	weighed, err := w.weigh(ctx, want, ranking, docs)
	if err != nil {
		return a, err
	}
	a.Confidence, a.Grade = weighed.confidence, weighed.grade
	a.Spent.Add(weighed.spent)
	a.Warnings = append(a.Warnings, weighed.warnings...)
	var picked []stretch
	if a.Grade == knowledge.Answers {
		picked = choose(weighed.candidates, mostStretches, weighed.further)
	}
	picked, a.Conflicts, err = want.versions(ctx, picked, weighed, w.Mix, docs)
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
		if a.Grade == knowledge.Answers { // what it would have shown is no more
			a.Grade = knowledge.NotFound
		}
		a.Conflicts = nil
		a.Nearest = want.nearest(ranking, weighed)
		a.Refusal = refusal(want, ranking, a.Grade, len(a.Nearest))
	}
	a.Spent.Took = time.Since(began)
	return a, nil
}

// weighed is what speaks for an answer.
type weighed struct {
	confidence float64
	grade      knowledge.Grade
	candidates []stretch // best first
	readings   []reading // with their vectors; none by words
	further    func(picked []stretch, s stretch) bool
	byMeaning  bool
	spent      model.Spent
	warnings   []string
}

// weigh chooses the stretches and says how sure it is of them, by meaning where it
// can and else by words.
func (w Writer) weigh(ctx context.Context, want want, r knowledge.Ranking, docs documents) (weighed, error) {
	x := weighed{confidence: want.confidence(r), further: furtherByWords}
	nearest := 0.
	if w.Embed != nil && r.Vector != nil && len(r.Found) > 0 && want.total > 0 {
		readings, err := want.readings(ctx, r, docs)
		if err != nil {
			return x, err
		}
		nearest, x.spent, err = w.compare(ctx, readings, r.Vector)
		switch {
		case err == nil:
			x.candidates, x.readings, x.further, x.byMeaning = want.stretches(readings), readings, furtherByMeaning, true
		case ctx.Err() != nil:
			return x, err
		default:
			x.warnings = append(x.warnings, "quoted by words only: the encoder failed: "+err.Error())
		}
	}
	if !x.byMeaning {
		var err error
		if x.candidates, err = w.candidates(ctx, want, r, docs); err != nil {
			return x, err
		}
	}
	answers, maybe := DefaultThreshold, math.Inf(1)
	if x.byMeaning && w.Mix != (Mix{}) {
		x.confidence, answers, maybe = w.Mix.of(x.confidence, nearest, r), w.Mix.Answer, w.Mix.Maybe
	}
	switch {
	case x.confidence >= answers:
		x.grade = knowledge.Answers
	case x.confidence >= maybe:
		x.grade = knowledge.MayAnswer
	default:
		x.grade = knowledge.NotFound
	}
	return x, nil
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

// furtherByWords lets a stretch stand beside those picked that covers enough of the
// question and is not much worse than the first.
func furtherByWords(picked []stretch, s stretch) bool {
	return s.coverage >= furtherCoverage && s.score >= .6*picked[0].score
}

// choose takes the stretches to show: the best, and further ones, at most n. The
// same text on another page is folded into the first that says it; a part of what
// is said already is left out.
func choose(candidates []stretch, n int, further func(picked []stretch, s stretch) bool) []stretch {
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
		if len(picked) == n || len(picked) > 0 && !further(picked, s) {
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

// nearest returns the first passages. Found by words alone it leaves out those
// that hold no word of the question: what its grammar ("how many") finds would be
// noise. Of an answer by meaning the passages come first whose stretches are best.
func (w want) nearest(r knowledge.Ranking, x weighed) []knowledge.Found {
	var near []knowledge.Found
	if x.byMeaning {
		for _, c := range x.candidates {
			near = append(near, *c.found)
		}
	}
	for _, f := range r.Found {
		if slices.ContainsFunc(near, func(n knowledge.Found) bool { return n.ID == f.ID }) {
			continue
		}
		if x.byMeaning || w.coverage(append([]string{f.Title, f.Text, f.Document.Path()}, f.Heading...)...) > 0 {
			near = append(near, f)
		}
	}
	return near[:min(len(near), 5)]
}

// refusal says why there is no answer, in one sentence.
func refusal(w want, r knowledge.Ranking, grade knowledge.Grade, nearest int) string {
	switch {
	case r.Visible == 0:
		return "Nothing that you may read is indexed here yet."
	case w.total == 0:
		return "The question has no word to search by; name what it is about."
	case nearest == 0:
		return "No page that you may read holds any of the question's words."
	case grade == knowledge.MayAnswer:
		return "No page clearly answers this; the passages below may."
	}
	return fmt.Sprintf("No page that you may read answers this; the nearest %s below.", plural(nearest, "passage is", "passages are"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf("%d %s", n, many)
}
