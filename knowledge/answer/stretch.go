package answer

import (
	"cmp"
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
	coverage float64 // of the question by stretch, heading path and title
}

// Bounds of a stretch, in words: a unit takes its neighbours in while it stays
// below stretchWords.
const stretchWords = 55

// bestStretch picks the stretch of d.Text[from:to] that answers best: the unit
// that holds most of the question's weight, with its neighbours. The heading
// path and title count at a part of their weight: they say what a page is
// about, not what it says. ok is false when no unit holds any of it.
func (w want) bestStretch(d *knowledge.Document, found *knowledge.Found, from, to int) (stretch, bool) {
	units := unitsOf(*d, from, to)
	best, bestScore := -1, 0.
	context := []string{d.Title}
	if found != nil {
		context = append(context, found.Heading...)
	}
	for i, u := range units {
		text := d.Text[u.start:u.end]
		seen := map[string]bool{}
		own := w.meet(text, seen)
		near := 0.
		for _, j := range []int{i - 1, i + 1} { // what its neighbours add
			if j >= 0 && j < len(units) && d.Text[units[j].start:units[j].end] != "" {
				near += w.meet(d.Text[units[j].start:units[j].end], seen).weight
			}
		}
		for _, c := range context {
			near += w.meet(c, seen).weight
		}
		score := own.weight + .4*near
		if own.stems == 0 && near == 0 {
			continue
		}
		if w.number && strings.ContainsAny(text, "0123456789") {
			score += .25 * w.total * min(1, score/max(w.total, 1e-9)*2)
		}
		if w.person && (strings.Contains(text, "@") || hasName(text)) {
			score += .1 * w.total
		}
		if u.kind == knowledge.Row && u.level > 0 { // a head row alone says nothing
			score *= .5
		}
		if len(strings.Fields(text)) < 4 && u.kind == knowledge.Paragraph {
			score *= .7
		}
		if score > bestScore {
			best, bestScore = i, score
		}
	}
	if best < 0 {
		return stretch{}, false
	}
	s := stretch{doc: d, found: found, start: units[best].start, end: units[best].end, score: bestScore / max(w.total, 1e-9)}
	w.widen(&s, units, best)
	s.coverage = w.coverage(append(context, d.Text[s.start:s.end], d.Text[s.head[0]:s.head[1]])...)
	return s, true
}

// widen takes neighbours in: those that hold more of the question first, else
// the next and then the previous sentence of the same paragraph.
func (w want) widen(s *stretch, units []unit, best int) {
	text := s.doc.Text
	u := units[best]
	if u.kind == knowledge.Row {
		w.addHead(s, u)
	}
	size := func(a, b int) int { return len(strings.Fields(text[a:b])) }
	lo, hi := best, best
	for {
		seen := map[string]bool{}
		w.meet(text[s.start:s.end], seen)
		type side struct {
			at   int
			gain float64
		}
		var sides []side
		for _, at := range []int{hi + 1, lo - 1} {
			if at < 0 || at >= len(units) || units[at].kind != u.kind && units[at].block != u.block && !leads(text, units, at, lo) {
				continue
			}
			from, to := min(s.start, units[at].start), max(s.end, units[at].end)
			if size(from, to) > stretchWords || strings.Contains(text[from:to], "\n#") {
				continue
			}
			again := map[string]bool{}
			for k := range seen {
				again[k] = true
			}
			gain := w.meet(text[units[at].start:units[at].end], again).weight
			if u.kind == knowledge.Row && gain == 0 || units[at].block != u.block && gain == 0 && u.kind == knowledge.Item && !leads(text, units, at, lo) {
				continue
			}
			sides = append(sides, side{at, gain})
		}
		if len(sides) == 0 || hi-lo >= 3 {
			return
		}
		slices.SortStableFunc(sides, func(a, b side) int { return -cmp.Compare(a.gain, b.gain) })
		at := sides[0].at
		s.start, s.end = min(s.start, units[at].start), max(s.end, units[at].end)
		lo, hi = min(lo, at), max(hi, at)
	}
}

// leads reports whether unit at is the line that introduces the list starting at lo.
func leads(text string, units []unit, at, lo int) bool {
	return at == lo-1 && strings.HasSuffix(strings.TrimRight(text[units[at].start:units[at].end], "*_ "), ":")
}

// addHead finds the head row of u's table: as part of the stretch when it
// stands directly above, else apart.
func (w want) addHead(s *stretch, u unit) {
	blocks := s.doc.Blocks
	if u.level > 0 {
		return
	}
	i := u.block
	for i > 0 && blocks[i-1].Kind == knowledge.Row {
		i--
		if blocks[i].Level > 0 {
			break
		}
	}
	if blocks[i].Level == 0 || i == u.block {
		return
	}
	s.head = [2]int{blocks[i].Start, blocks[i].End}
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
