package answer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/model"
)

// Mix turns three signals into a confidence: 1/(1+exp(-x)), where x is Base plus
// each signal times its weight, and says what follows from it. The weights belong
// to one encoder, because its cosines are not another's. The zero Mix means that
// an encoder was not measured: the confidence is by words alone then.
type Mix struct {
	Base    float64
	Words   float64 // of the confidence by words
	Nearest float64 // of the cosine of the question and the nearest unit
	Apart   float64 // of Ranking.Apart
	Usual   float64 // mean of Ranking.Apart, at which it is taken in a small collection at least
	Answer  float64 // confidence from which the answer is shown
	Maybe   float64 // confidence from which the nearest passages may be it
	Same    float64 // cosine of two units from which they may speak of the same; 0: not known
	Says    float64 // cosine of a unit and the question from which the unit says something to it
}

// MixOf returns what was measured for the encoder that a mark names, else the zero
// Mix. The weights come from TestFitConfidence in cmd/groundwork, on the tuning
// half of the natural questions, Same and Says from the open pairs of versions;
// doc/bench/answers.md has the figures.
func MixOf(mark string) Mix {
	switch name, _, _ := strings.Cut(mark, "@"); name {
	case "bge-small-en-v1.5":
		return Mix{Base: -12.52, Words: 4.13, Nearest: 13.71, Apart: 13.56, Usual: .13, Answer: .45, Maybe: .2, Same: .69, Says: .65}
	case "all-MiniLM-L6-v2", "all-MiniLM-L6-v2-int8":
		return Mix{Base: -6.93, Words: 4.25, Nearest: 8.68, Apart: 4.30, Usual: .24, Answer: .45, Maybe: .2}
	}
	return Mix{}
}

// of returns the confidence of an answer out of a ranking.
func (m Mix) of(words, nearest float64, r knowledge.Ranking) float64 {
	apart := r.Apart
	if r.Encoded < smallCollection {
		apart = max(apart, m.Usual)
	}
	return 1 / (1 + math.Exp(-(m.Base + m.Words*words + m.Nearest*nearest + m.Apart*apart)))
}

// smallCollection is how many passages Ranking.Apart needs to say something: with
// fewer, none stand far enough below the first.
const smallCollection = 60

// What is encoded for one answer: units of so many passages, and so many bytes of
// them, which costs about 0.1 s of one core. More of either brought next to
// nothing (doc/bench/answers.md).
const (
	comparedPassages = 5
	comparedBytes    = 3500
)

// What the parts of a unit's score weigh beside its nearness, which is 1 for the
// unit that is nearest to the question by cosine and 0 for the farthest; chosen on
// the tuning half of the natural questions.
const (
	byWords        = .2 // the score by words, as a share of the question's weight
	byRank         = .5 // the passage's score, as a share of the first one's
	inSameBlock    = .1 // for a neighbour out of the same paragraph or item
	behind         = .05
	leading        = .3  // for the line that leads into a list
	nextShare      = .5  // of the best unit's nearness and words that a neighbour must have
	inOutcome      = .2  // under a heading like "Outcome", where is asked what came of something
	firstOfOutcome = 1.  // the first unit there
	ofFirst        = .75 // of the first stretch's score that a second or third must have
)

// part is one unit of a passage of the ranking.
type part struct {
	text   string  // as it is encoded
	words  float64 // score by words
	before float64 // score without the encoder: the best are encoded
	near   float64
	came   float64   // how surely it says what came of something, where that is asked
	vector []float32 // none when it was not encoded
	cosine float64   // of vector and the question's
}

// reading is a passage of the ranking, unit by unit.
type reading struct {
	found *knowledge.Found
	doc   *knowledge.Document
	share float64 // of the passage's score in the first one's
	units []unit
	parts []part
}

// readings reads the first passages unit by unit. A unit is encoded behind its
// title and headings and below the head row of its table: a sentence alone does
// not say what it is about.
func (w want) readings(ctx context.Context, r knowledge.Ranking, docs documents) ([]reading, error) {
	var all []reading
	for i := range r.Found[:min(len(r.Found), comparedPassages)] {
		f := &r.Found[i]
		d, err := docs.open(ctx, f.Document)
		if err != nil {
			return nil, err
		}
		if d == nil || d.Version != f.Version {
			continue // changed since the search
		}
		x := reading{found: f, doc: d, share: f.Score / max(r.Found[0].Score, 1e-9), units: unitsOf(*d, f.Start, f.End)}
		path := append([]string{d.Title}, f.Heading...)
		for k, u := range x.units {
			alone := knowledge.Passage{Title: f.Title, Heading: f.Heading, Text: d.Text[u.start:u.end]}
			if u.kind == knowledge.Row {
				if h := headOf(d.Blocks, u); h[1] > 0 {
					alone.Text = d.Text[h[0]:h[1]] + "\n" + alone.Text
				}
			}
			came := 0.
			if n := len(f.Heading); w.outcome && n > 0 && outcomes[strings.ToLower(f.Heading[n-1])] {
				if came = inOutcome; k == 0 && u.kind != knowledge.Row { // such sections begin with it
					came = firstOfOutcome
				}
			}
			words := w.unitScore(d, x.units, k, path, "") / max(w.total, 1e-9)
			x.parts = append(x.parts, part{text: alone.Encoded(), words: words, before: byWords*words + byRank*x.share + came, came: came})
		}
		all = append(all, x)
	}
	return all, nil
}

// compare encodes the units that look best without the encoder, says of each how
// near it is to the question, and returns the cosine of the nearest.
func (w Writer) compare(ctx context.Context, readings []reading, question []float32) (float64, model.Spent, error) {
	var order []*part
	for _, x := range readings {
		for i := range x.parts {
			order = append(order, &x.parts[i])
		}
	}
	slices.SortStableFunc(order, func(a, b *part) int { return -cmp.Compare(a.before, b.before) })
	var texts []string
	at := map[string]int{} // of a text among texts: pages repeat themselves
	size := 0
	for _, p := range order {
		if _, met := at[p.text]; met || len(texts) > 0 && size+len(p.text) > comparedBytes {
			continue
		}
		at[p.text] = len(texts)
		texts = append(texts, p.text)
		size += len(p.text)
	}
	if len(texts) == 0 {
		return 0, model.Spent{}, nil
	}
	vectors, spent, err := w.Embed(ctx, texts)
	if err != nil {
		return 0, spent, err
	}
	cosines := make([]float64, len(texts))
	for i, v := range vectors {
		if len(v) != len(question) {
			return 0, spent, fault.New(fault.Internal, fmt.Sprintf("compare passages with the question: the encoder makes vectors of %d values for passages and of %d for questions", len(v), len(question)), "")
		}
		for k, x := range v {
			cosines[i] += float64(x) * float64(question[k])
		}
	}
	nearest, farthest := slices.Max(cosines), slices.Min(cosines)
	for _, p := range order {
		i, ok := at[p.text]
		if !ok {
			continue
		}
		p.vector, p.cosine = vectors[i], cosines[i]
		if nearest > farthest {
			p.near = (cosines[i] - farthest) / (nearest - farthest)
		}
	}
	return nearest, spent, nil
}

// shownWords is how many words an answer shows at most.
const shownWords = 120

// furtherByMeaning lets a stretch stand beside those picked that is not much worse
// than the first, while all of them are short.
func furtherByMeaning(picked []stretch, s stretch) bool {
	words := s.words()
	for _, p := range picked {
		words += p.words()
	}
	return s.score >= ofFirst*picked[0].score && words <= shownWords
}

// words counts the words that a stretch shows.
func (s stretch) words() int {
	return len(strings.Fields(s.doc.Text[s.start:s.end])) + len(strings.Fields(s.doc.Text[s.head[0]:s.head[1]]))
}

// score is what speaks for a unit of the passage, in the passage.
func (x reading) score(i int) float64 {
	return x.parts[i].near + byWords*x.parts[i].words + x.parts[i].came
}

// stretches returns the best stretch of each passage, best first: its best unit,
// with the neighbours that come near it.
func (w want) stretches(readings []reading) []stretch {
	var all []stretch
	for _, x := range readings {
		if len(x.units) == 0 {
			continue
		}
		best := 0
		for i := range x.units {
			if x.score(i) > x.score(best) {
				best = i
			}
		}
		u := x.units[best]
		s := stretch{doc: x.doc, found: x.found, start: u.start, end: u.end, score: x.score(best) + byRank*x.share}
		if u.kind == knowledge.Row {
			s.head = headOf(x.doc.Blocks, u)
		}
		x.widen(&s, best)
		s.coverage = w.coverage(append([]string{x.doc.Title, x.doc.Text[s.start:s.end], x.doc.Text[s.head[0]:s.head[1]]}, x.found.Heading...)...)
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b stretch) int { return -cmp.Compare(a.score, b.score) })
	return all
}

// widen takes in the neighbour that says most, again and again, while the stretch
// stays short and the neighbour comes near enough to the best unit.
func (x reading) widen(s *stretch, best int) {
	text := x.doc.Text
	u := x.units[best]
	head := len(strings.Fields(text[s.head[0]:s.head[1]]))
	lo, hi := best, best
	for {
		at, most := -1, nextShare*x.score(best)
		for _, k := range []int{hi + 1, lo - 1} {
			if k < 0 || k >= len(x.units) {
				continue
			}
			n := x.units[k]
			from, to := min(s.start, n.start), max(s.end, n.end)
			if head+len(strings.Fields(text[from:to])) > stretchWords || crossesHeading(x.doc.Blocks, from, to) {
				continue
			}
			score := x.score(k)
			if n.block == u.block && u.kind != knowledge.Row {
				score += inSameBlock
			}
			if k > hi {
				score += behind
			}
			if leads(text, x.units, k, lo) {
				score += leading
			}
			if score >= most && (at < 0 || score > most) {
				at, most = k, score
			}
		}
		if at < 0 {
			if hi > best && leads(text, x.units, hi, hi+1) { // into a list that is not shown
				s.end = x.units[hi-1].end
			}
			return
		}
		s.start, s.end = min(s.start, x.units[at].start), max(s.end, x.units[at].end)
		lo, hi = min(lo, at), max(hi, at)
	}
}
