package judged

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"groundwork/internal/fault"
)

// small is a sound set.
func small() map[string]string {
	return map[string]string{
		"corpus.jsonl":  "{\"_id\":\"a.md\",\"title\":\"A\",\"text\":\"alpha\"}\n{\"_id\":\"b c\",\"title\":\"\",\"text\":\"beta\"}\r\n\n{\"_id\":\"d\",\"title\":\"D\",\"text\":\"\"}\n",
		"queries.jsonl": "{\"_id\":\"1\",\"text\":\"one\",\"kind\":\"words\"}\n{\"_id\":\"2\",\"text\":\"two\"}\n{\"_id\":\"3\",\"text\":\"three\"}\n",
		"qrels.tsv":     "query-id\tcorpus-id\tscore\n1\ta.md\t1\n1\tb c\t0\n2\tb c\t3\n",
		"exclude.tsv":   "query-id\tcorpus-id\n1\td\n",
	}
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRead(t *testing.T) {
	want := Set{
		Name:      "small",
		Documents: []Document{{"a.md", "A", "alpha"}, {"b c", "", "beta"}, {"d", "D", ""}},
		Queries:   []Query{{"1", "one", "words"}, {"2", "two", ""}},
		Unjudged:  1,
		Relevant:  map[string]map[string]int{"1": {"a.md": 1}, "2": {"b c": 3}},
		Excluded:  map[string]map[string]bool{"1": {"d": true}},
	}
	got, err := Read(folder(t, small()))
	if err != nil {
		t.Fatal(err)
	}
	plain := got
	got.Corpus, got.Data = "", ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	packed := small()
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, err = w.Write([]byte(packed["corpus.jsonl"]))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	delete(packed, "corpus.jsonl")
	packed["corpus.jsonl.gz"] = gz.String()
	got, err = Read(folder(t, packed))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, got); diff != "" {
		t.Errorf("packed is not as unpacked (-unpacked +packed)\n%s", diff)
	}

	for _, name := range []string{"corpus.jsonl", "queries.jsonl", "qrels.tsv", "exclude.tsv"} {
		other := small()
		other[name] += "\n"
		got, err = Read(folder(t, other))
		if err != nil {
			t.Fatal(err)
		}
		if got.Data == plain.Data || (got.Corpus == plain.Corpus) != (name != "corpus.jsonl") {
			t.Errorf("%s changed: data %s, corpus %s", name, got.Data, got.Corpus)
		}
	}
}

func TestReadFaults(t *testing.T) {
	const head, short = "query-id\tcorpus-id\tscore\n", "query-id\tcorpus-id\n"
	for _, c := range []struct{ file, content, want string }{
		{"corpus.jsonl", `{"_id":"a","text":"x"}` + "\n" + `{"_id":"a","text":"y"}`, `small/corpus.jsonl:2: the id "a" stands in line 1 already`},
		{"corpus.jsonl", `{"text":"x"}`, `small/corpus.jsonl:1: there is no "_id"`},
		{"corpus.jsonl", `{"_id":"a","text":"  "}`, "small/corpus.jsonl:1: neither title nor text"},
		{"corpus.jsonl", "\n" + `{"_id":"a"`, "small/corpus.jsonl:2: unexpected end of JSON"},
		{"corpus.jsonl", "{\"_id\":\"a\",\"text\":\"\xff\"}", "small/corpus.jsonl:1: it is not UTF-8"},
		{"queries.jsonl", `{"_id":"1"}`, "small/queries.jsonl:1: a query without text"},
		{"queries.jsonl", `{"_id":"1","text":"x"}` + "\n" + `{"_id":"1","text":"x"}`, "small/queries.jsonl:2: the id"},
		{"qrels.tsv", "1\ta.md\t1\n", "small/qrels.tsv:1: the first line must be the head"},
		{"qrels.tsv", head + "1\ta.md\n", "small/qrels.tsv:2: 2 columns, want 3"},
		{"qrels.tsv", head + "9\ta.md\t1\n", `small/qrels.tsv:2: no query has the id "9"`},
		{"qrels.tsv", head + "1\tz\t1\n", `small/qrels.tsv:2: no document has the id "z"`},
		{"qrels.tsv", head + "1\ta.md\t1.5\n", `small/qrels.tsv:2: the score "1.5" is not a whole number`},
		{"qrels.tsv", head + "1\ta.md\t0\n1\ta.md\t1\n", "small/qrels.tsv:3: this pair is judged in line 2 already"},
		{"qrels.tsv", head, "small/qrels.tsv: it names no relevant document"},
		{"exclude.tsv", short + "1\ta.md\n", "small/exclude.tsv:2: a relevant document is excluded"},
		{"exclude.tsv", short + "1\tz\n", `small/exclude.tsv:2: no document has the id "z"`},
		{"exclude.tsv", short + "1\td\t1\n", "small/exclude.tsv:2: 3 columns, want 2"},
	} {
		files := small()
		files[c.file] = c.content
		_, err := Read(folder(t, files))
		if fault.KindOf(err) != fault.Input || !strings.HasPrefix(fmt.Sprint(err), "read "+c.want) {
			t.Errorf("%s %q:\ngot  %v\nwant %s", c.file, c.content, err, c.want)
		}
	}
	for _, name := range []string{"corpus.jsonl", "queries.jsonl", "qrels.tsv"} {
		files := small()
		delete(files, name)
		if _, err := Read(folder(t, files)); fault.KindOf(err) != fault.Missing {
			t.Errorf("without %s: %v", name, err)
		}
	}
	files := small()
	delete(files, "corpus.jsonl")
	files["corpus.jsonl.gz"] = "not packed"
	if _, err := Read(folder(t, files)); fault.KindOf(err) != fault.Input {
		t.Errorf("a broken archive: %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "nothing")); fault.KindOf(err) != fault.Missing {
		t.Errorf("no folder: %v", err)
	}
}

// The judged sets that the figures of this project stand on; their counts are in their README.
func TestReadJudgedSets(t *testing.T) {
	for name, want := range map[string][4]int{
		"scifact":              {5183, 300, 339, 0},
		"sourcegraph_handbook": {880, 800, 829, 1127},
		"18f_handbook":         {238, 209, 209, 235},
	} {
		dir := filepath.Join("../../../shared/data/judged", name)
		if _, err := os.Stat(dir); err != nil {
			t.Skipf("NOT RUN: the judged sets are not there: %v", err)
		}
		s, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := [4]int{len(s.Documents), len(s.Queries), 0, 0}
		for _, r := range s.Relevant {
			got[2] += len(r)
		}
		for _, x := range s.Excluded {
			got[3] += len(x)
		}
		if got != want {
			t.Errorf("%s: got %v, want %v documents, queries, judgements, exclusions", name, got, want)
		}
	}
}

// The figures of another program: testdata/oracle/expected.tsv says which.
func TestScoresAgreeWithTrecEval(t *testing.T) {
	set, err := Read("testdata/oracle")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("testdata/oracle/run.trec")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	run, err := ReadTREC(file, "run.trec")
	if err != nil {
		t.Fatal(err)
	}
	expected, err := os.ReadFile("testdata/oracle/expected.tsv")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(expected)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 5 || fields[0] == "query" {
			continue
		}
		ranking, relevant := run[fields[0]], set.Relevant[fields[0]]
		for i, got := range []float64{NDCG(ranking, relevant, 10), Recall(ranking, relevant, 10), Recall(ranking, relevant, 100), ReciprocalRank(ranking, relevant, 10)} {
			want, err := strconv.ParseFloat(fields[i+1], 64)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got-want) > 1e-7 {
				t.Errorf("query %s, column %d: got %.8f, trec_eval says %.8f", fields[0], i+2, got, want)
			}
		}
		checked++
	}
	if checked != len(set.Queries) {
		t.Errorf("%d of %d queries were checked", checked, len(set.Queries))
	}
}

func TestNDCGByHand(t *testing.T) {
	relevant := map[string]int{"a": 1, "b": 1}
	// Relevant at ranks 2 and 3: (1/log2(3) + 1/log2(4)) / (1 + 1/log2(3)).
	got := NDCG([]Ranked{{"x", 3}, {"a", 2}, {"b", 1}}, relevant, 10)
	if want := (1/math.Log2(3) + 0.5) / (1 + 1/math.Log2(3)); math.Abs(got-want) > 1e-12 {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := NDCG(nil, relevant, 10); got != 0 {
		t.Errorf("nothing found: %v", got)
	}
	if got := NDCG([]Ranked{{"a", 1}}, nil, 10); got != 0 {
		t.Errorf("nothing relevant: %v", got)
	}
}

func TestWithout(t *testing.T) {
	got := Without([]Ranked{{"a", 4}, {"b", 3}, {"a", 2}, {"c", 1}}, map[string]bool{"b": true})
	if diff := cmp.Diff([]Ranked{{"a", 4}, {"c", 1}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTRECKeepsOrder(t *testing.T) {
	queries := []Query{{ID: "q 1"}, {ID: "none"}, {ID: "2"}}
	rankings := map[string][]Ranked{
		"q 1": {{"a%20b", 0.5}, {"z\u00a0z", 0.5}, {"b c", 0.5 - 1e-12}, {"d", -1}}, // alike in 32 bits
		"2":   {{"d", 1e38}, {"c", 1e38}, {"b", -1e38}},
	}
	var out bytes.Buffer
	if err := WriteTREC(&out, queries, rankings, "fused leg"); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(out.String(), "\n"); first != "q%201 Q0 a%2520b 1 0.5 fused%20leg" {
		t.Errorf("first line %q", first)
	}
	got, err := ReadTREC(&out, "x.trec")
	if err != nil {
		t.Fatal(err)
	}
	for q, want := range rankings {
		if diff := cmp.Diff(order(want), order(got[q])); diff != "" {
			t.Errorf("%s: (-written +read)\n%s", q, diff)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d queries read, want 2", len(got))
	}
}

func order(ranking []Ranked) (ids []string) {
	for _, r := range ranking {
		ids = append(ids, r.Document)
	}
	return ids
}

// trec_eval goes by score, then by id, the higher first; ranks count for nothing.
func TestReadTRECOrder(t *testing.T) {
	run, err := ReadTREC(strings.NewReader("1 Q0 a 1 1.0 t\n1 Q0 b 2 1.0 t\n\n1 Q0 100%sure 3 2 t\n"), "x")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"100%sure", "b", "a"}, order(run["1"])); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for line, want := range map[string]string{
		"1 Q0 a 1 1.0":                   "x:1: 5 columns, want 6",
		"1 Q0 a 1 high t":                `x:1: the score "high" is not a number`,
		"1 Q0 a 1 NaN t":                 `x:1: the score "NaN" is not a number`,
		"1 Q0 a 1 2e38 t":                `x:1: the score "2e38" is not a number`,
		"1 Q0 a 1 1e99 t":                `x:1: the score "1e99" is not a number`,
		"1 Q0 a 1 1 t\n1 Q0 a 2 0.5 t\n": "x:2: the document stands in line 1 already",
	} {
		if _, err := ReadTREC(strings.NewReader(line), "x"); fault.KindOf(err) != fault.Input || !strings.HasPrefix(fmt.Sprint(err), "read "+want) {
			t.Errorf("%q: got %v, want %s", line, err, want)
		}
	}
}

// Whatever is read as a run is written and read again with the same order.
func FuzzReadTREC(f *testing.F) {
	f.Add("1 Q0 a 1 1.0 t\n1 Q0 b%20c 2 1.0 t\n2 Q0 %25 1 -3e4 t\n")
	f.Add("1 Q0 a%2 1 3.4028235e38 t\n1 Q0 b 1 3.4028235e38 t\n")
	f.Fuzz(func(t *testing.T, text string) {
		run, err := ReadTREC(strings.NewReader(text), "x")
		if err != nil {
			return
		}
		var queries []Query
		for q, ranking := range run {
			queries = append(queries, Query{ID: q})
			if !utf8.ValidString(q) || len(ranking) == 0 {
				t.Fatalf("query %q with %d documents", q, len(ranking))
			}
		}
		var out bytes.Buffer
		if err := WriteTREC(&out, queries, run, "t"); err != nil {
			t.Fatal(err)
		}
		again, err := ReadTREC(&out, "x")
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		for q := range run {
			if diff := cmp.Diff(order(run[q]), order(again[q])); diff != "" {
				t.Fatalf("query %q (-first +second)\n%s", q, diff)
			}
		}
	})
}

// Whatever is read as a set keeps its promises.
func FuzzRead(f *testing.F) {
	s := small()
	f.Add(s["corpus.jsonl"], s["queries.jsonl"], s["qrels.tsv"], s["exclude.tsv"])
	f.Fuzz(func(t *testing.T, corpus, queries, qrels, exclude string) {
		set, err := read(fstest.MapFS{
			"corpus.jsonl":  {Data: []byte(corpus)},
			"queries.jsonl": {Data: []byte(queries)},
			"qrels.tsv":     {Data: []byte(qrels)},
			"exclude.tsv":   {Data: []byte(exclude)},
		}, "x")
		if err != nil {
			if fault.KindOf(err) != fault.Input {
				t.Fatalf("not a fault of input: %v", err)
			}
			return
		}
		ids := map[string]bool{}
		for _, d := range set.Documents {
			if d.ID == "" || ids[d.ID] || !utf8.ValidString(d.ID+d.Text) {
				t.Fatalf("document %q", d.ID)
			}
			ids[d.ID] = true
		}
		for _, q := range set.Queries {
			if len(set.Relevant[q.ID]) == 0 {
				t.Fatalf("query %q has nothing relevant", q.ID)
			}
			for d, grade := range set.Relevant[q.ID] {
				if !ids[d] || grade < 1 || set.Excluded[q.ID][d] {
					t.Fatalf("query %q: relevant %q, grade %d", q.ID, d, grade)
				}
			}
		}
	})
}
