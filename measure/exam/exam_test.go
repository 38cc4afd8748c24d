package exam

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/internal/fault"
	"groundwork/measure"
	"groundwork/measure/judged"
)

// set has n questions q0, q1, ...; document d<i> alone is relevant to q<i>, and
// d<i+1> is excluded for it.
func set(n int) judged.Set {
	s := judged.Set{Name: "small", Relevant: map[string]map[string]int{}, Excluded: map[string]map[string]bool{}}
	for i := range n {
		q := fmt.Sprintf("q%d", i)
		s.Queries = append(s.Queries, judged.Query{ID: q, Text: fmt.Sprint(i), Kind: []string{"title", "words"}[i%2]})
		s.Relevant[q] = map[string]int{fmt.Sprintf("d%d", i): 1}
		s.Excluded[q] = map[string]bool{fmt.Sprintf("d%d", i+1): true}
	}
	return s
}

// at finds the relevant document of question i at rank(i), and before it the
// excluded one and documents x0, x1, ...; the list is top long.
func at(rank func(i int) int) func(context.Context, string, int) ([]judged.Ranked, error) {
	return func(_ context.Context, query string, top int) ([]judged.Ranked, error) {
		var i int
		if _, err := fmt.Sscan(query, &i); err != nil {
			return nil, err
		}
		found := []judged.Ranked{{Document: fmt.Sprintf("d%d", i+1), Score: 2}}
		for k := 1; len(found) < top; k++ {
			d := fmt.Sprintf("x%d", k)
			if k == rank(i) {
				d = fmt.Sprintf("d%d", i)
			}
			found = append(found, judged.Ranked{Document: d, Score: 1 / float64(k)})
		}
		return found, nil
	}
}

func TestRun(t *testing.T) {
	var seen []int
	e := Exam{Set: set(3), Search: at(func(i int) int { return []int{1, 4, 100}[i] }), Progress: func(done, _ int) { seen = append(seen, done) }}
	graded, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got [][]float64
	for _, g := range graded {
		if len(g.Ranked) != Depth || slices.ContainsFunc(g.Ranked, func(r judged.Ranked) bool { return e.Set.Excluded[g.Query.ID][r.Document] }) {
			t.Errorf("%s: %d documents, or an excluded one", g.Query.ID, len(g.Ranked))
		}
		got = append(got, []float64{g.Scores[NDCG10], g.Scores[Recall10], g.Scores[Recall100], g.Scores[MRR10]})
	}
	// The excluded document stands first and must not count: rank 100 is within 100.
	want := [][]float64{{1, 1, 1, 1}, {1 / math.Log2(5), 1, 1, 0.25}, {0, 0, 1, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ndcg@10, recall@10, recall@100, mrr@10 (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, 2, 3}, seen); diff != "" {
		t.Errorf("progress (-want +got)\n%s", diff)
	}
	m := Measure(graded, "fused", 1)
	if len(m) != 4 || m[1].Metric != Recall10 || m[1].Value != 2/3. || m[1].N != 3 || m[1].Low != 0 || m[1].High != 1 || m[1].Better != measure.Higher {
		t.Errorf("measured %+v", m)
	}
	if Measure(nil, "fused", 1) != nil {
		t.Error("no questions were measured")
	}
}

func TestRunFaults(t *testing.T) {
	broken := errors.New("broken")
	search := func(context.Context, string, int) ([]judged.Ranked, error) { return nil, broken }
	if _, err := (Exam{Set: set(2), Search: search}).Run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("the search's error: %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := (Exam{Set: set(2), Search: search}).Run(ended); fault.KindOf(err) != fault.Budget {
		t.Errorf("ended: %v", err)
	}
	if _, err := (Exam{Set: set(2), Search: search, Half: "third"}).Run(t.Context()); fault.KindOf(err) != fault.Input {
		t.Errorf("no such half: %v", err)
	}
}

// First bytes by sha256sum: q0 34, q1 c7, q2 be, q3 58, q4 11.
func TestHalves(t *testing.T) {
	want := map[string]Half{"q0": Even, "q1": Odd, "q2": Even, "q3": Even, "q4": Odd}
	for id, half := range want {
		if got := HalfOf(id); got != half {
			t.Errorf("%s: got %s, want %s", id, got, half)
		}
	}
	s := set(200)
	even, err := Questions(s, Even)
	if err != nil {
		t.Fatal(err)
	}
	odd, err := Questions(s, Odd)
	if err != nil {
		t.Fatal(err)
	}
	if len(even)+len(odd) != 200 || len(even) < 80 || len(odd) < 80 {
		t.Errorf("%d even and %d odd of 200", len(even), len(odd))
	}
	if len(s.Queries) != 200 {
		t.Error("the set itself was changed")
	}
	if _, err := Questions(set(1), Odd); fault.KindOf(err) != fault.Input { // q0 is even
		t.Errorf("a half without questions: %v", err)
	}
}

func TestParts(t *testing.T) {
	graded, err := Exam{Set: set(5), Search: at(func(int) int { return 1 })}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"title", "words"}, Kinds(graded)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	titles := Where(graded, func(q judged.Query) bool { return q.Kind == "title" })
	if len(titles) != 3 || len(graded) != 5 || graded[1].Query.ID != "q1" {
		t.Errorf("%d titles of %d; second %s", len(titles), len(graded), graded[1].Query.ID)
	}
}

func TestLatency(t *testing.T) {
	graded := make([]Graded, 101)
	for i := range graded {
		graded[i].Took = time.Duration(i) * time.Millisecond
	}
	p50, p95 := Latency(graded, "fused")
	if p50.Value != 50 || p95.Value != 95 || p95.Metric != "latency p95" || p95.Better != measure.Lower || p95.N != 101 || p95.Low >= 95 || p95.High <= 95 {
		t.Errorf("got %+v and %+v", p50, p95)
	}
}

func TestCompare(t *testing.T) {
	grade := func(n int, rank func(int) int) []Graded {
		graded, err := Exam{Set: set(n), Search: at(rank)}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return graded
	}
	// The ranks differ widely; the better run stands one higher in every third.
	base := grade(60, func(i int) int { return i%8 + 2 })
	up := grade(60, func(i int) int { return i%8 + 2 - max(0, i%3-1) })
	slices.Reverse(up) // pairs go by id, not by place
	got, err := Compare(up, base, "new", "old", 1)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]measure.Verdict{}
	for _, c := range got {
		verdicts[c.Metric] = c.Verdict
		if c.N != 60 || c.Subject != "new" || c.Baseline != "old" {
			t.Errorf("%+v", c)
		}
	}
	want := map[string]measure.Verdict{NDCG10: measure.IsBetter, Recall10: measure.NotEnough, Recall100: measure.NotEnough, MRR10: measure.IsBetter}
	if diff := cmp.Diff(want, verdicts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := Compare(up, base[1:], "new", "old", 1); fault.KindOf(err) != fault.Input {
		t.Errorf("other questions: %v", err)
	}
	if _, err := Compare(up[1:], base, "new", "old", 1); fault.KindOf(err) != fault.Input {
		t.Errorf("fewer questions: %v", err)
	}
}

func TestGradeARun(t *testing.T) {
	s := set(40)
	searched, err := Exam{Set: s, Search: at(func(i int) int { return i%12 + 1 })}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rankings := map[string][]judged.Ranked{}
	for _, g := range searched {
		rankings[g.Query.ID] = g.Ranked
	}
	read, absent, err := Grade(s, All, rankings, "x.trec")
	if err != nil || absent != 0 {
		t.Fatal(absent, err)
	}
	for i := range searched {
		searched[i].Took = 0
	}
	if diff := cmp.Diff(searched, read); diff != "" {
		t.Errorf("(-searched +read)\n%s", diff)
	}
	delete(rankings, "q3")
	delete(rankings, "q5")
	read, absent, err = Grade(s, All, rankings, "x.trec")
	if err != nil || absent != 2 || len(read) != 40 || read[3].Scores[NDCG10] != 0 {
		t.Errorf("two questions without a line: %d, %v", absent, err)
	}
	delete(rankings, "q7")
	if _, _, err = Grade(s, All, rankings, "x.trec"); fault.KindOf(err) != fault.Input {
		t.Errorf("three of forty without a line: %v", err)
	}
}
