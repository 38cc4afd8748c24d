package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// trecEval scores a run file by trec_eval. A question without a line counts as
// 0; recip_rank is taken over each ranking's first ten, in trec_eval's own order.
const trecEval = `
import json, sys
import numpy, pytrec_eval

def word(s):
    return s.replace("%", "%25").replace(" ", "%20")

qrels, run = {}, {}
for line in list(open(sys.argv[1]))[1:]:
    q, d, grade = line.rstrip("\n").split("\t")
    qrels.setdefault(word(q), {})[word(d)] = int(grade)
for line in open(sys.argv[2]):
    q, _, d, _, score, _ = line.split()
    run.setdefault(q, {})[d] = float(score)
ten = {q: dict(sorted(r.items(), key=lambda x: (numpy.float32(x[1]), x[0]), reverse=True)[:10]) for q, r in run.items()}
found = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut_10", "recall_10", "recall_100"}).evaluate(run)
first = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(ten)
mean = lambda results, name: sum(r[name] for r in results.values()) / len(qrels)
print(json.dumps({"ndcg@10": mean(found, "ndcg_cut_10"), "recall@10": mean(found, "recall_10"),
                  "recall@100": mean(found, "recall_100"), "mrr@10": mean(first, "recip_rank"), "queries": len(qrels)}))
`

// The figures of exam are those that trec_eval computes from the run it writes.
func TestRealExamAgreesWithTrecEval(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: compares exam with pytrec_eval, which make test-real installs")
	}
	dir := t.TempDir()
	python := filepath.Join(dir, "venv", "bin", "python")
	for _, args := range [][]string{
		{"python3", "-m", "venv", filepath.Join(dir, "venv")},
		{python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:", "pytrec_eval-terrier==0.5.11"},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("pytrec_eval cannot be had: %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	for _, set := range []string{"scifact", "sourcegraph_handbook", "18f_handbook"} {
		t.Run(set, func(t *testing.T) {
			folder := filepath.Join("../../../shared/data/judged", set)
			if _, err := os.Stat(folder); err != nil {
				t.Skipf("NOT RUN: the judged set is not there: %v", err)
			}
			file := filepath.Join(dir, set+".trec")
			var out, notes bytes.Buffer
			if code := run(t.Context(), []string{"--home", filepath.Join(dir, "home"), "--json", "exam", folder, "--run", file}, strings.NewReader(""), &out, io.MultiWriter(&notes, os.Stderr)); code != 0 {
				t.Fatalf("exit code %d: %s%s", code, &out, &notes)
			}
			var ours struct {
				Queries int
				Metrics map[string]struct{ Value float64 }
			}
			if err := json.Unmarshal(out.Bytes(), &ours); err != nil {
				t.Fatal(err)
			}
			answer, err := exec.CommandContext(t.Context(), python, "-c", trecEval, filepath.Join(folder, "qrels.tsv"), file).Output()
			if err != nil {
				t.Fatal(err)
			}
			var theirs map[string]float64
			if err := json.Unmarshal(answer, &theirs); err != nil {
				t.Fatal(err)
			}
			if int(theirs["queries"]) != ours.Queries || len(ours.Metrics) != 4 {
				t.Errorf("%d questions and %d metrics, trec_eval has %v questions", ours.Queries, len(ours.Metrics), theirs["queries"])
			}
			for metric, m := range ours.Metrics {
				want, ok := theirs[metric]
				if !ok || math.Abs(m.Value-want) > 0.00005 {
					t.Errorf("%s: exam says %.6f, trec_eval %.6f", metric, m.Value, want)
				}
				t.Logf("%s: exam %.6f, trec_eval %.6f", metric, m.Value, want)
			}
		})
	}
}
