package answer

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// unit is the smallest stretch that is quoted: a sentence, an item, a row, a
// line of code; never a heading.
type unit struct {
	start, end int
	block      int // index into the document's blocks
	kind       knowledge.BlockKind
	level      int
}

// unitsOf cuts the blocks of d that lie in [start, end) into units.
func unitsOf(d knowledge.Document, start, end int) []unit {
	var units []unit
	for i, b := range d.Blocks {
		from, to := max(b.Start, start), min(b.End, end)
		if from >= to || b.Kind == knowledge.Heading {
			continue
		}
		switch b.Kind {
		case knowledge.Row, knowledge.Code:
			units = append(units, unit{from, to, i, b.Kind, b.Level})
		default:
			for _, s := range term.Sentences(d.Text[from:to]) {
				units = append(units, unit{from + s.Start, from + s.End, i, b.Kind, b.Level})
			}
		}
	}
	return units
}

// stretch is a run of units of one document that may be quoted.
type stretch struct {
	doc      *knowledge.Document
	found    *knowledge.Found // the passage it was found by
	start    int
	end      int
	head     [2]int // the head row of its table, when that stands apart; else 0, 0
	score    float64
	coverage float64   // of the question by stretch, heading path and title
	copies   []stretch // the same text on other pages
}

// Bounds of a stretch, in words: a unit takes its neighbours in while it stays
// below stretchWords.
const stretchWords = 55

// bestStretch picks the stretch of d.Text[from:to] that answers best: the unit
// that holds most of the question's weight, with its neighbours. A row's head,
// the neighbours, the heading path and the title count at a part of their
// weight: they say what a unit is about, not what it says. like, when not empty,
// is a text the stretch should resemble. ok is false when no unit holds anything.
func (w want) bestStretch(d *knowledge.Document, found *knowledge.Found, from, to int, like string) (stretch, bool) {
	units := unitsOf(*d, from, to)
	best, bestScore := -1, 0.
	context := []string{d.Title}
	if found != nil {
		context = append(context, found.Heading...)
	}
	for i := range units {
		if score := w.unitScore(d, units, i, context, like); score > bestScore {
			best, bestScore = i, score
		}
	}
	if best < 0 {
		return stretch{}, false
	}
	s := stretch{doc: d, found: found, start: units[best].start, end: units[best].end, score: bestScore / max(w.total, 1e-9)}
	if units[best].kind == knowledge.Row {
		s.head = headOf(d.Blocks, units[best])
	}
	w.widen(&s, units, best)
	s.coverage = w.coverage(append(context, d.Text[s.start:s.end], d.Text[s.head[0]:s.head[1]])...)
	return s, true
}

// What the parts of a unit's score weigh; chosen on the tuning half of the
// natural questions.
const (
	byHead       = .8 // stems in the head row of the unit's table
	byNeighbour  = .4 // stems in the units before and behind
	byContext    = .4 // stems in title and heading path
	byFigure     = .25
	byName       = .1
	byLikeness   = 1.
	byKey        = .3 // a row whose first cell is asked for
	byOutcome    = .4 // what came of it, where that is asked
	forHeadRow   = .5 // a head row alone says nothing
	forShortUnit = .7 // nor does a paragraph of three words
)

func (w want) unitScore(d *knowledge.Document, units []unit, i int, context []string, like string) float64 {
	u := units[i]
	text := d.Text[u.start:u.end]
	seen := map[string]bool{}
	score := w.meet(text, seen).weight
	if u.kind == knowledge.Row {
		h := headOf(d.Blocks, u)
		score += byHead * w.meet(d.Text[h[0]:h[1]], seen).weight
		if key, _, _ := strings.Cut(strings.Trim(text, "| "), "|"); w.holdsAll(key) {
			score += byKey * w.total
		}
	}
	for _, j := range []int{i - 1, i + 1} {
		if j >= 0 && j < len(units) {
			score += byNeighbour * w.meet(d.Text[units[j].start:units[j].end], seen).weight
		}
	}
	for _, c := range context {
		score += byContext * w.meet(c, seen).weight
	}
	if score == 0 {
		return 0
	}
	if w.outcome && len(context) > 1 && outcomes[strings.ToLower(context[len(context)-1])] {
		score += byOutcome * w.total * w.coverage(context...)
		if i == 0 { // such sections begin with it
			score += byOutcome * w.total
		}
	}
	if w.number && hasFigure(text) {
		score += byFigure * w.total
	}
	if w.person && (strings.Contains(text, "@") || hasName(text)) {
		score += byName * w.total
	}
	if like != "" {
		score += byLikeness * w.total * similarity(text, like)
	}
	if u.kind == knowledge.Row && u.level > 0 {
		score *= forHeadRow
	}
	if u.kind == knowledge.Paragraph && len(strings.Fields(text)) < 4 {
		score *= forShortUnit
	}
	return score
}

// widen takes neighbours in while the stretch stays short: those that hold more
// of the question, then the sentences around it in the same block, and the line
// that leads into a list.
func (w want) widen(s *stretch, units []unit, best int) {
	text := s.doc.Text
	u := units[best]
	lo, hi := best, best
	for hi-lo < 3 {
		seen := map[string]bool{}
		w.meet(text[s.start:s.end], seen)
		at, gain := -1, -1.
		for _, k := range []int{hi + 1, lo - 1} {
			if k < 0 || k >= len(units) {
				continue
			}
			n := units[k]
			g := w.meet(text[n.start:n.end], maps.Clone(seen)).weight
			from, to := min(s.start, n.start), max(s.end, n.end)
			same := n.block == u.block && u.kind != knowledge.Row
			if g == 0 && !same && !leads(text, units, k, lo) || len(strings.Fields(text[from:to])) > stretchWords || crossesHeading(s.doc.Blocks, from, to) {
				continue
			}
			if g > gain {
				at, gain = k, g
			}
		}
		if at < 0 {
			return
		}
		s.start, s.end = min(s.start, units[at].start), max(s.end, units[at].end)
		lo, hi = min(lo, at), max(hi, at)
	}
}

// crossesHeading reports whether a heading stands between start and end.
func crossesHeading(blocks []knowledge.Block, start, end int) bool {
	i, _ := slices.BinarySearchFunc(blocks, start, func(b knowledge.Block, at int) int { return cmp.Compare(b.End, at+1) })
	for ; i < len(blocks) && blocks[i].Start < end; i++ {
		if blocks[i].Kind == knowledge.Heading {
			return true
		}
	}
	return false
}

// leads reports whether unit at is the line that introduces the list starting at lo.
func leads(text string, units []unit, at, lo int) bool {
	return at == lo-1 && strings.HasSuffix(strings.TrimRight(text[units[at].start:units[at].end], "*_ "), ":")
}

// headOf returns the span of the head row of u's table; 0, 0 when there is none
// or u is it.
func headOf(blocks []knowledge.Block, u unit) [2]int {
	if u.level > 0 {
		return [2]int{}
	}
	i := u.block
	for i > 0 && blocks[i].Level == 0 && blocks[i-1].Kind == knowledge.Row {
		i--
	}
	if blocks[i].Level == 0 || i == u.block {
		return [2]int{}
	}
	return [2]int{blocks[i].Start, blocks[i].End}
}

// hasFigure reports whether a number stands in text that is not the mark of a
// list item.
func hasFigure(text string) bool {
	text = strings.TrimLeft(text, " |*-")
	if dot := strings.IndexByte(text, '.'); dot > 0 && dot < 4 && strings.Trim(text[:dot], "0123456789") == "" && strings.HasPrefix(text[dot+1:], " ") {
		text = text[dot+1:]
	}
	return strings.ContainsAny(text, "0123456789")
}

// hasName reports whether a capitalised word stands behind the first word.
func hasName(text string) bool {
	fields := strings.Fields(text)
	for i, f := range fields {
		if i > 0 && len(f) > 2 && f[0] >= 'A' && f[0] <= 'Z' && f[1] >= 'a' && f[1] <= 'z' {
			return true
		}
	}
	return false
}
