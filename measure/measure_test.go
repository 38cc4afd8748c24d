package measure

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/internal/fault"
)

// The interval must hold the true mean in about 95 of 100 samples, also for the
// lopsided values that per-query scores are.
func TestBootstrapCoverage(t *testing.T) {
	draws := map[string]struct {
		mean float64
		draw func(*rand.Rand) float64
	}{
		"even":       {0.5, func(r *rand.Rand) float64 { return r.Float64() }},
		"hits":       {0.7, func(r *rand.Rand) float64 { return float64(int(r.Float64() + 0.7)) }},
		"lopsided":   {1, func(r *rand.Rand) float64 { return r.ExpFloat64() }},
		"reciprocal": {(1 + 1/2. + 1/3. + 0) / 4, func(r *rand.Rand) float64 { return []float64{1, 1 / 2., 1 / 3., 0}[r.IntN(4)] }},
	}
	for name, d := range draws {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 7))
			const samples, n = 600, 60
			covered := 0
			for range samples {
				values := make([]float64, n)
				for i := range values {
					values[i] = d.draw(r)
				}
				low, high := Bootstrap(values, 500, r.Uint64())
				if low <= d.mean && d.mean <= high {
					covered++
				}
			}
			if share := float64(covered) / samples; share < 0.91 || share > 0.975 {
				t.Errorf("the 95 %% interval held the mean in %.1f %% of the samples", 100*share)
			}
		})
	}
}

// Of the differences 1, 1, 1, -1 a resample's mean is (4-2k)/4, k ~ B(4, 1/4):
// P(-1) = .0039, P(-1/2) = .0469, P(0) = .2109, P(1/2) = .4219, P(1) = .3164. So
// the 2.5th percentile is -1/2 and the 97.5th is 1.
func TestPairedBootstrapByHand(t *testing.T) {
	gain, low, high := PairedBootstrap([]float64{5, 1, 3, 0}, []float64{4, 0, 2, 1}, 10_000, 1)
	if gain != 0.5 || low != -0.5 || high != 1 {
		t.Errorf("got %v [%v, %v], want 0.5 [-0.5, 1]", gain, low, high)
	}
	// Queries differ by far more than the systems: only pairing sees the gain.
	var a, b []float64
	for i := range 30 {
		b = append(b, float64(i*i))
		a = append(a, float64(i*i)+0.25)
	}
	gain, low, high = PairedBootstrap(a, b, 1000, 1)
	if gain != 0.25 || low != 0.25 || high != 0.25 {
		t.Errorf("constant gain: got %v [%v, %v], want 0.25 thrice", gain, low, high)
	}
}

func TestBootstrapIsTheSameForTheSameSeed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 200)
	for i := range values {
		values[i] = r.Float64()
	}
	low, high := Bootstrap(values, 1000, 42)
	if l, h := Bootstrap(values, 1000, 42); l != low || h != high {
		t.Errorf("seed 42 gave [%v, %v], then [%v, %v]", low, high, l, h)
	}
	if l, h := Bootstrap(values, 1000, 43); l == low && h == high {
		t.Error("another seed gave the same interval: the seed is not used")
	}
	if low >= Mean(values) || high <= Mean(values) {
		t.Errorf("[%v, %v] does not hold the mean %v", low, high, Mean(values))
	}
}

func TestBootstrapOfFewValues(t *testing.T) {
	for _, c := range []struct{ values, want []float64 }{{nil, []float64{0, 0}}, {[]float64{3}, []float64{3, 3}}} {
		low, high := Bootstrap(c.values, 100, 1)
		if diff := cmp.Diff(c.want, []float64{low, high}); diff != "" {
			t.Errorf("%v: (-want +got)\n%s", c.values, diff)
		}
	}
}

func TestBootstrapIsQuick(t *testing.T) {
	values := make([]float64, 1309)
	fastest := time.Hour // of three, because others may use the machine
	for i := 0; i < 3 && fastest > time.Second; i++ {
		began := time.Now()
		Bootstrap(values, 10_000, 1)
		fastest = min(fastest, time.Since(began))
	}
	if fastest > time.Second {
		t.Errorf("1,309 values and 10,000 resamples took %v, want under 1 s", fastest)
	}
}

func TestPercentile(t *testing.T) {
	values := []float64{40, 10, 30, 20} // numpy.percentile 2.4.6 gave what is wanted
	for p, want := range map[float64]float64{0: 10, 25: 17.5, 50: 25, 95: 38.5, 100: 40} {
		if got := Percentile(values, p); math.Abs(got-want) > 1e-12 {
			t.Errorf("p%v: got %v, want %v", p, got, want)
		}
	}
	if values[0] != 40 {
		t.Error("the values were sorted in place")
	}
	if got := Percentile(nil, 50); got != 0 {
		t.Errorf("no values: got %v", got)
	}
}

func TestPercentileInterval(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(i + 1)
	}
	// 50 -+ 9.8 and 95 -+ 4.27, rounded up.
	for p, want := range map[float64][2]float64{50: {41, 60}, 95: {91, 100}} {
		low, high, ok := PercentileInterval(values, p)
		if got := [2]float64{low, high}; !ok || got != want {
			t.Errorf("p%v: got %v %v, want %v", p, got, ok, want)
		}
	}
	if low, high, ok := PercentileInterval(values[:20], 95); ok || low != high {
		t.Errorf("p95 of 20 values: got [%v, %v] %v, want no interval", low, high, ok)
	}
}

func TestCompare(t *testing.T) {
	series := func(n int, f func(i int) float64) []float64 {
		s := make([]float64, n)
		for i := range s {
			s[i] = f(i)
		}
		return s
	}
	base := series(100, func(i int) float64 { return float64(i%7) / 7 })
	up := series(100, func(i int) float64 { return base[i] + 0.1*float64(i%3) })
	noise := series(100, func(i int) float64 { return base[i] + float64(i%2*2-1) })
	for _, c := range []struct {
		name   string
		a, b   []float64
		better Better
		want   Verdict
	}{
		{"better", up, base, Higher, IsBetter},
		{"worse", base, up, Higher, IsWorse},
		{"lower is better", base, up, Lower, IsBetter},
		{"noise", noise, base, Higher, NotEnough},
		{"alike", base, base, Higher, NotEnough},
		{"too few", up[:MinPairs-1], base[:MinPairs-1], Higher, NotEnough},
		{"just enough", up[:MinPairs], base[:MinPairs], Higher, IsBetter},
	} {
		got, err := Compare("a", "b", "m", c.better, c.a, c.b, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got.Verdict != c.want || got.N != len(c.a) || got.Low > got.Gain || got.High < got.Gain {
			t.Errorf("%s: got %+v, want %s", c.name, got, c.want)
		}
	}
	if _, err := Compare("a", "b", "m", Higher, base, base[1:], 1); fault.KindOf(err) != fault.Input {
		t.Errorf("series of different length: %v", err)
	}
	if _, err := Compare("a", "b", "m", Higher, nil, nil, 1); fault.KindOf(err) != fault.Input {
		t.Errorf("no observations: %v", err)
	}
}

func TestRunIsKept(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	at := time.Date(2026, 11, 25, 13, 15, 2, 123456000, time.UTC)
	want := Run{ID: NewID("exam", at), Kind: "exam", Data: "ab", Tool: "groundwork test", Seed: math.MaxUint64, At: at,
		Measurements: []Measurement{{Subject: "fused", Metric: "ndcg@10", Value: 0.7, Low: 0.6, High: 0.8, N: 3, Better: Higher}},
		Comparisons:  []Comparison{{Subject: "fused", Baseline: "words", Metric: "ndcg@10", Gain: 0.1, Low: -1, High: 1, N: 3, Method: "m", Verdict: NotEnough}}}
	if want.ID != "exam-20261125-131502.123456" {
		t.Errorf("id %s", want.ID)
	}
	if err := Write(home, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(home, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
	entries, err := os.ReadDir(filepath.Join(home, "runs"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("files in runs: %v, %v", entries, err)
	}
	if info, err := entries[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if err := Write(home, want); fault.KindOf(err) != fault.Input {
		t.Errorf("written twice: %v", err)
	}
}

func TestRunFaults(t *testing.T) {
	home := t.TempDir()
	if _, err := Read(home, "exam-1"); fault.KindOf(err) != fault.Missing {
		t.Errorf("no such run: %v", err)
	}
	for _, id := range []string{"", "../secret", ".hidden", "a/b", `a\b`} {
		if _, err := Read(home, id); fault.KindOf(err) != fault.Input {
			t.Errorf("read id %q: %v", id, err)
		}
		if err := Write(home, Run{ID: id}); fault.KindOf(err) != fault.Input {
			t.Errorf("write id %q: %v", id, err)
		}
	}
	if err := Write(home, Run{ID: "x", Measurements: []Measurement{{Value: math.NaN()}}}); err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("a figure that is no number: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(home, "runs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for id, content := range map[string]string{"cut": `{"id":"cut"`, "other": `{"id":"elsewhere"}`} {
		if err := os.WriteFile(filepath.Join(home, "runs", id+".json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(home, id); fault.KindOf(err) != fault.Input || !strings.Contains(err.Error(), "read run "+id) {
			t.Errorf("%s: %v", id, err)
		}
	}
}
