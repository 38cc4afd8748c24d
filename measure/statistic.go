package measure

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Resamples is how often the bootstrap draws where nobody asks otherwise. At
// 10,000 an end of a 95 % interval varies from seed to seed by 0.7 % of the
// interval's width (standard error, normal values).
const Resamples = 10_000

// Bootstrap returns the 95 % percentile interval of the mean of values: the
// 2.5th and 97.5th percentile of the means of resamples that are drawn with
// replacement (Efron and Tibshirani 1993, section 13.3). The same seed gives the
// same interval. No values give 0, 0; one value gives itself twice.
func Bootstrap(values []float64, resamples int, seed uint64) (low, high float64) {
	if len(values) == 0 || resamples < 1 {
		return 0, 0
	}
	// One generator for all resamples; the second half of its seed is fixed.
	r := rand.New(rand.NewPCG(seed, 0))
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range values {
			sum += values[r.IntN(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	slices.Sort(means)
	return percentileSorted(means, 2.5), percentileSorted(means, 97.5)
}

// PairedBootstrap returns the mean of a[i] - b[i] and its 95 % interval by
// Bootstrap over the pairs (Sakai 2006, "Evaluating evaluation metrics based on
// the bootstrap": queries are the unit that is drawn). What makes one query
// harder than another drops out. a and b must have the same length; Compare
// checks it.
func PairedBootstrap(a, b []float64, resamples int, seed uint64) (gain, low, high float64) {
	differences := make([]float64, len(a))
	for i := range a {
		differences[i] = a[i] - b[i]
	}
	low, high = Bootstrap(differences, resamples, seed)
	return Mean(differences), low, high
}

// Mean returns the arithmetic mean, 0 for no values.
func Mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Percentile returns the p-th percentile, p from 0 to 100, with linear
// interpolation between the two nearest values (Hyndman and Fan 1996, type 7,
// numpy's default). values need not be sorted and stay as they are; no values
// give 0.
func Percentile(values []float64, p float64) float64 {
	return percentileSorted(slices.Sorted(slices.Values(values)), p)
}

func percentileSorted(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := p / 100 * float64(len(sorted)-1)
	below := min(max(int(at), 0), len(sorted)-1)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// PercentileInterval returns a 95 % interval of the p-th percentile: the values
// at the ranks n q - 1.96 sqrt(n q (1-q)) and n q + 1.96 sqrt(n q (1-q)), both
// rounded up, q = p/100 (Conover 1999, section 3.2; it assumes no distribution).
// ok is false when one of the ranks lies outside the values: n is too small
// then, and low and high are the percentile itself.
func PercentileInterval(values []float64, p float64) (low, high float64, ok bool) {
	sorted := slices.Sorted(slices.Values(values))
	n, q := float64(len(sorted)), p/100
	spread := 1.96 * math.Sqrt(n*q*(1-q))
	from, to := int(math.Ceil(n*q-spread)), int(math.Ceil(n*q+spread))
	if from < 1 || to > len(sorted) {
		v := percentileSorted(sorted, p)
		return v, v, false
	}
	return sorted[from-1], sorted[to-1], true
}
