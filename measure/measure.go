// Package measure holds measured figures, paired comparisons and runs, and says
// whether two figures differ.
//
// It is the vocabulary of the instruments below measure/: each of them writes a
// Run, and whoever shows or compares figures reads Runs alone. statistic.go has
// the intervals, run.go the files.
package measure

import (
	"fmt"
	"time"

	"groundwork/internal/fault"
)

// Better says which direction of a figure is the good one.
type Better string

// The two directions.
const (
	Higher Better = "higher"
	Lower  Better = "lower"
)

// Measurement is one figure with its 95 % interval.
type Measurement struct {
	Subject string  `json:"subject"` // what was measured: "fused", "fused, kind words"
	Metric  string  `json:"metric"`  // the field's own name: "ndcg@10", "latency p95"
	Unit    string  `json:"unit"`    // "ms", "USD"; "" for a share or a score
	Value   float64 `json:"value"`
	Low     float64 `json:"low"` // 95 % interval, with High; equal to Value where N is too small for one
	High    float64 `json:"high"`
	N       int     `json:"n"` // observations behind Value
	Better  Better  `json:"better"`
}

// Verdict says whether two figures differ.
type Verdict string

// The verdicts. NotEnough also covers two figures that are truly alike: no
// amount of data proves that there is no difference.
const (
	IsBetter  Verdict = "better"
	IsWorse   Verdict = "worse"
	NotEnough Verdict = "not enough data"
)

// Comparison is the paired difference of two subjects on the same observations.
type Comparison struct {
	Subject  string  `json:"subject"`
	Baseline string  `json:"baseline"`
	Metric   string  `json:"metric"`
	Gain     float64 `json:"gain"` // mean difference; positive when Subject is better, whatever the metric's direction
	Low      float64 `json:"low"`  // 95 % interval of Gain
	High     float64 `json:"high"`
	N        int     `json:"n"`      // pairs
	Method   string  `json:"method"` // how the interval was made
	Verdict  Verdict `json:"verdict"`
}

// MinPairs is the fewest pairs that get a verdict, because the percentile
// interval of few values is too short: of normal values it holds the mean in
// 90 % of cases at n = 10 and in 93 % at n = 20 (1.96 sqrt((n-1)/n) against
// Student's t).
const MinPairs = 20

// Compare returns the comparison of two series of the same observations: a[i]
// and b[i] belong together. The verdict is better or worse when the 95 %
// interval of the gain excludes 0 and there are at least MinPairs pairs. Fault:
// Input when the series differ in length or are empty.
func Compare(subject, baseline, metric string, better Better, a, b []float64, seed uint64) (Comparison, error) {
	c := Comparison{Subject: subject, Baseline: baseline, Metric: metric, N: len(a), Verdict: NotEnough,
		Method: fmt.Sprintf("paired bootstrap, percentile interval, %d resamples", Resamples)}
	if len(a) == 0 || len(a) != len(b) {
		return c, fault.New(fault.Input, fmt.Sprintf("compare %s with %s on %s: %d and %d observations", subject, baseline, metric, len(a), len(b)), "compare runs over the same questions")
	}
	if better == Lower {
		a, b = b, a
	}
	c.Gain, c.Low, c.High = PairedBootstrap(a, b, Resamples, seed)
	if c.N >= MinPairs {
		switch {
		case c.Low > 0:
			c.Verdict = IsBetter
		case c.High < 0:
			c.Verdict = IsWorse
		}
	}
	return c, nil
}

// Run is one use of an instrument: what was measured, on which data, by what.
type Run struct {
	ID           string        `json:"id"`   // as NewID makes it
	Kind         string        `json:"kind"` // the instrument: "exam"
	Data         string        `json:"data"` // SHA-256 of what was measured on, hexadecimal
	Tool         string        `json:"tool"` // program and version
	Seed         uint64        `json:"seed"` // of everything drawn by chance
	At           time.Time     `json:"at"`   // when it began
	Measurements []Measurement `json:"measurements"`
	Comparisons  []Comparison  `json:"comparisons"`
}
