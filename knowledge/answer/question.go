package answer

import (
	"math"
	"strings"

	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// want is a question as this package reads it: which stems carry it, how much
// each weighs, and what kind of thing would answer.
type want struct {
	weight  map[string]float64 // idf of each content stem among what the asker may see
	total   float64            // of all weights
	number  bool               // an amount, a time or a date is asked for
	person  bool               // a person is asked for
	outcome bool               // what came of something is asked for
}

// fewPassages is how large a collection is taken to be at least, so that in a
// small one a word that every page holds still counts beside one that none does.
const fewPassages = 1000

// read weighs the content stems of a question: idf as BM25 has it, with unknown
// stems weighing most. Words of question grammar weigh nothing.
func read(question string, r knowledge.Ranking) want {
	w := want{weight: map[string]float64{}}
	for _, t := range term.Tokens(question) {
		if t.Stem == "" || t.Grammar() {
			continue
		}
		if _, twice := w.weight[t.Stem]; twice {
			continue
		}
		df, n := float64(r.Known[t.Stem]), float64(max(r.Visible, fewPassages))
		w.weight[t.Stem] = math.Log(1 + (n-df+.5)/(df+.5))
		w.total += w.weight[t.Stem] // in the question's order, so that the same question gives the same sum
	}
	q := " " + strings.ToLower(question) + " "
	for _, s := range []string{"how much", "how many", "how long", "how far", "how fast", "how soon", "how old", "how often", "how early", "how late", "what time", " when ", "which day", "what date", " limit", " cost", "price", "how big", "how high", "how warm", "how cold", "percent"} {
		w.number = w.number || strings.Contains(q, s)
	}
	for _, s := range []string{" who ", " whom ", " whose ", "who's "} {
		w.person = w.person || strings.Contains(q, s)
	}
	for _, s := range []string{" has ", " have ", " did ", " should we ", " shall we ", " tried ", " was ", " were "} {
		w.outcome = w.outcome || strings.Contains(q, s)
	}
	return w
}

// outcomes are the headings under which pages say what came of something.
var outcomes = set(`outcome outcomes result results conclusion conclusions decision decisions recommendation verdict summary findings`)

// holdsAll reports whether every term of text is asked for, and there is one.
func (w want) holdsAll(text string) bool {
	n := 0
	for _, t := range term.Tokens(text) {
		if t.Stem == "" {
			continue
		}
		if _, ok := w.weight[t.Stem]; !ok {
			return false
		}
		n++
	}
	return n > 0
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[strings.ReplaceAll(w, "'", "")] = true
		m[w] = true
	}
	return m
}

// match is how well a stretch of text meets a want.
type match struct {
	weight float64 // of the stems found
	stems  int     // distinct stems found
}

// meet adds up the weights of the distinct wanted stems in text that are not in
// seen; seen receives them.
func (w want) meet(text string, seen map[string]bool) match {
	var m match
	for _, t := range term.Tokens(text) {
		if v, ok := w.weight[t.Stem]; ok && t.Stem != "" && !seen[t.Stem] {
			seen[t.Stem] = true
			m.weight += v
			m.stems++
		}
	}
	return m
}

// coverage is the share of the question's weight that a text holds, 0 to 1.
func (w want) coverage(texts ...string) float64 {
	if w.total == 0 {
		return 0
	}
	seen, sum := map[string]bool{}, 0.
	for _, t := range texts {
		sum += w.meet(t, seen).weight
	}
	return sum / w.total
}

// marks returns where wanted stems stand in text, whole identifiers before parts.
func (w want) marks(text string) [][2]int {
	var all [][2]int
	for _, t := range term.Tokens(text) {
		if _, ok := w.weight[t.Stem]; !ok || t.Stem == "" {
			continue
		}
		if n := len(all); n > 0 && t.Start < all[n-1][1] {
			continue
		}
		all = append(all, [2]int{t.Start, t.End})
	}
	return all
}
