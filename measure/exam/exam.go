// Package exam measures retrieval and answers against judged questions, per
// model and price.
//
// So far it measures retrieval: Exam.Run puts a set's questions to a search,
// one after the other, and scores what comes back. It knows no search of its
// own: whoever uses it hands one in that ranks documents.
package exam

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"groundwork/internal/fault"
	"groundwork/measure"
	"groundwork/measure/judged"
)

// Depth is how many documents of each ranking are kept and scored.
const Depth = 100

// Half names one half of a set's questions. Settings are chosen on Even and
// reported on Odd, so that a choice is not praised by the questions it was made on.
type Half string

// The halves. All is both.
const (
	All  Half = "all"
	Even Half = "even"
	Odd  Half = "odd"
)

// HalfOf returns the half of a question: Even when the first byte of the
// SHA-256 of its id is even.
func HalfOf(id string) Half {
	if sha256.Sum256([]byte(id))[0]%2 == 0 {
		return Even
	}
	return Odd
}

// Exam is a judged set put to a search.
type Exam struct {
	Set judged.Set
	// Search returns the top documents of a question, best first. Its time is
	// what is reported as latency.
	Search   func(ctx context.Context, query string, top int) ([]judged.Ranked, error)
	Half     Half                  // of the questions; "" takes All
	Progress func(done, total int) // called as questions are done; may be nil
}

// Graded is one question with what was found and how good that is.
type Graded struct {
	Query  judged.Query
	Ranked []judged.Ranked    // at most Depth, without what the set excludes
	Scores map[string]float64 // by metric, as in Metrics
	Took   time.Duration      // of the search; 0 for a ranking read from a file
}

// The metrics of a ranking.
const (
	NDCG10    = "ndcg@10"
	Recall10  = "recall@10"
	Recall100 = "recall@100"
	MRR10     = "mrr@10"
)

// Metrics lists the metrics in the order in which they are shown. For all of
// them higher is better.
var Metrics = []string{NDCG10, Recall10, Recall100, MRR10}

// Run asks each question of the chosen half. Faults: Input for a half that is
// none or holds no question, Budget when ctx ends, and those of Search.
func (e Exam) Run(ctx context.Context) ([]Graded, error) {
	queries, err := Questions(e.Set, e.Half)
	if err != nil {
		return nil, err
	}
	graded := make([]Graded, 0, len(queries))
	for i, q := range queries {
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(fault.Budget, err, "exam "+e.Set.Name, "run it again; what is indexed stays")
		}
		began := time.Now()
		// Excluded documents must not push others out of the kept ones.
		ranking, err := e.Search(ctx, q.Text, Depth+len(e.Set.Excluded[q.ID]))
		took := time.Since(began)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "exam "+e.Set.Name+", question "+q.ID, "")
		}
		g := grade(e.Set, q, ranking)
		g.Took = took
		graded = append(graded, g)
		if e.Progress != nil {
			e.Progress(i+1, len(queries))
		}
	}
	return graded, nil
}

// Questions returns a half of the set's questions, in the set's order. Fault:
// Input for a half that is none or holds no question.
func Questions(set judged.Set, half Half) ([]judged.Query, error) {
	switch half {
	case "", All:
		return set.Queries, nil
	case Even, Odd:
	default:
		return nil, fault.New(fault.Input, fmt.Sprintf("exam %s: no half is called %q", set.Name, half), "the halves are even, odd and all")
	}
	queries := slices.DeleteFunc(slices.Clone(set.Queries), func(q judged.Query) bool { return HalfOf(q.ID) != half })
	if len(queries) == 0 {
		return nil, fault.New(fault.Input, fmt.Sprintf("exam %s: no question is in the half %q", set.Name, half), "take --half all for so small a set")
	}
	return queries, nil
}

func grade(set judged.Set, q judged.Query, ranking []judged.Ranked) Graded {
	ranking = judged.Without(ranking, set.Excluded[q.ID])
	ranking = ranking[:min(len(ranking), Depth)]
	relevant := set.Relevant[q.ID]
	return Graded{Query: q, Ranked: ranking, Scores: map[string]float64{
		NDCG10:    judged.NDCG(ranking, relevant, 10),
		Recall10:  judged.Recall(ranking, relevant, 10),
		Recall100: judged.Recall(ranking, relevant, 100),
		MRR10:     judged.ReciprocalRank(ranking, relevant, 10),
	}}
}

// mostAbsent is the share of questions that a run may have no line for: a
// search may find nothing, but a run that lacks more was made on other questions.
const mostAbsent = 0.05

// Grade scores the rankings of a TREC run as Run scores those of a search.
// absent counts the questions without a line: nothing was found for them.
// Fault: Input when more than 5 % are absent.
func Grade(set judged.Set, half Half, rankings map[string][]judged.Ranked, name string) (graded []Graded, absent int, err error) {
	queries, err := Questions(set, half)
	if err != nil {
		return nil, 0, err
	}
	for _, q := range queries {
		if len(rankings[q.ID]) == 0 {
			absent++
		}
		graded = append(graded, grade(set, q, rankings[q.ID]))
	}
	if float64(absent) > mostAbsent*float64(len(queries)) {
		return nil, absent, fault.New(fault.Input, fmt.Sprintf("%s has no line for %d of %d questions", name, absent, len(queries)), "compare runs over the same set and the same --half")
	}
	return graded, absent, nil
}

// Where returns the questions that keep admits.
func Where(graded []Graded, keep func(judged.Query) bool) []Graded {
	return slices.DeleteFunc(slices.Clone(graded), func(g Graded) bool { return !keep(g.Query) })
}

// Kinds lists the set's kinds of question, sorted; empty where it has none.
func Kinds(graded []Graded) []string {
	var kinds []string
	for _, g := range graded {
		if g.Query.Kind != "" {
			kinds = append(kinds, g.Query.Kind)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Measure returns the mean of each metric with its bootstrap interval, in the
// order of Metrics; nil for no questions.
func Measure(graded []Graded, subject string, seed uint64) []measure.Measurement {
	if len(graded) == 0 {
		return nil
	}
	var all []measure.Measurement
	for _, metric := range Metrics {
		values := scores(graded, metric)
		low, high := measure.Bootstrap(values, measure.Resamples, seed)
		all = append(all, measure.Measurement{Subject: subject, Metric: metric, Value: measure.Mean(values), Low: low, High: high, N: len(values), Better: measure.Higher})
	}
	return all
}

// Latency returns the median and the 95th percentile of the searches' times in
// milliseconds, with intervals where there are enough of them.
func Latency(graded []Graded, subject string) (p50, p95 measure.Measurement) {
	took := make([]float64, len(graded))
	for i, g := range graded {
		took[i] = float64(g.Took) / float64(time.Millisecond)
	}
	at := func(p float64) measure.Measurement {
		low, high, _ := measure.PercentileInterval(took, p)
		return measure.Measurement{Subject: subject, Metric: fmt.Sprintf("latency p%g", p), Unit: "ms", Value: measure.Percentile(took, p), Low: low, High: high, N: len(took), Better: measure.Lower}
	}
	return at(50), at(95)
}

// Compare says for each metric whether a is better than b: paired by question,
// both over the same ones. Fault: Input when they are not.
func Compare(a, b []Graded, subject, baseline string, seed uint64) ([]measure.Comparison, error) {
	byID := make(map[string]Graded, len(b))
	for _, g := range b {
		byID[g.Query.ID] = g
	}
	paired := make([]Graded, 0, len(a))
	for _, g := range a {
		if other, ok := byID[g.Query.ID]; ok {
			paired = append(paired, other)
		}
	}
	if len(paired) != len(a) || len(byID) != len(a) {
		return nil, fault.New(fault.Input, fmt.Sprintf("compare %s with %s: %d and %d questions, %d in common", subject, baseline, len(a), len(byID), len(paired)), "compare runs over the same questions")
	}
	var all []measure.Comparison
	for _, metric := range Metrics {
		c, err := measure.Compare(subject, baseline, metric, measure.Higher, scores(a, metric), scores(paired, metric), seed)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func scores(graded []Graded, metric string) []float64 {
	values := make([]float64, len(graded))
	for i, g := range graded {
		values[i] = g.Scores[metric]
	}
	return values
}
