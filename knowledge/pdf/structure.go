package pdf

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// removed is what furniture left out.
type removed struct {
	lines        []string
	dropped, all int // characters
}

var digits = regexp.MustCompile(`[0-9]+`)

var pageNumber = regexp.MustCompile(`(?i)^[-–—\[(| ]*((page|seite|p\.|pag\.|página|сторінка)? ?(#|[ivxlc]+)( ?(/|of|von|de|из) ?#)?)[-–—\])|. ]*$`)

// furniture takes off the pages the headers, footers and page numbers: what
// repeats at the same height in the margins of three pages or more. The first
// appearance of a header stays, page numbers go. A page is never emptied.
func furniture(pages [][]*line) (out removed) {
	type spot struct {
		key    string
		height int
	}
	spotOf := func(l *line) spot {
		return spot{strings.Join(strings.Fields(digits.ReplaceAllString(l.text(), "#")), " "), int(math.Round(l.base / 4))}
	}
	const (
		edge   = 4   // lines at each end that are looked at
		margin = 0.1 // of a page's height, at each end
	)
	ends := func(i int) [][]*line {
		byHeight := slices.Clone(pages[i])
		slices.SortStableFunc(byHeight, func(a, b *line) int { return cmp.Compare(b.base, a.base) })
		var ends [2][]*line
		for _, l := range byHeight[:min(edge, len(byHeight))] {
			if l.base > l.page.top-margin*(l.page.top-l.page.bottom) {
				ends[0] = append(ends[0], l)
			}
		}
		slices.Reverse(byHeight)
		for _, l := range byHeight[:min(edge, len(byHeight))] {
			if l.base < l.page.bottom+margin*(l.page.top-l.page.bottom) {
				ends[1] = append(ends[1], l)
			}
		}
		return ends[:]
	}
	counts, paged := map[spot]int{}, map[[2]int]int{}
	// counting returns by how much a number at the ends of a line differs from the page.
	counting := func(i int, l *line) (at [][2]int) {
		fields := strings.Fields(l.text())
		for _, f := range slices.Compact([]string{fields[0], fields[len(fields)-1]}) {
			if n, err := strconv.Atoi(f); err == nil && n < 100_000 {
				at = append(at, [2]int{int(math.Round(l.base / 4)), n - i})
			}
		}
		return at
	}
	for i := range pages {
		seen := map[spot]bool{}
		for _, end := range ends(i) {
			for _, l := range end {
				if s := spotOf(l); !seen[s] {
					seen[s] = true
					counts[s]++
				}
				for _, at := range counting(i, l) {
					paged[at]++
				}
			}
		}
	}
	often := func(s spot) int {
		return counts[s] + counts[spot{s.key, s.height - 1}] + counts[spot{s.key, s.height + 1}]
	}
	first := map[string]bool{}
	for i, lines := range pages {
		drop := map[*line]bool{}
		for _, end := range ends(i) {
			for _, l := range end {
				s := spotOf(l)
				counted := slices.ContainsFunc(counting(i, l), func(at [2]int) bool { return paged[at] > 2 })
				number := counted || pageNumber.MatchString(s.key)
				if n := often(s); n < 3 && !number || n < 2 && !counted {
					break
				}
				key := s.key
				if counted {
					key = fmt.Sprint(s.height) // the chapter beside the number changes
				}
				if first[key] || pageNumber.MatchString(s.key) {
					drop[l] = true
				}
				first[key], l.margin = true, true
			}
		}
		if len(drop) == len(lines) {
			clear(drop)
		}
		for _, l := range lines {
			out.all += l.glyphs
			if drop[l] {
				out.lines = append(out.lines, l.text())
				out.dropped += l.glyphs
			}
		}
		pages[i] = slices.DeleteFunc(lines, func(l *line) bool { return drop[l] })
	}
	return out
}

// look is what headings of one rank share.
type look struct {
	size int // half points
	bold bool
}

// styles tells headings from text.
type styles struct {
	body  float64 // size of most characters, in points
	mono  bool    // most characters are of fixed width, so that is not the mark of code
	level map[look]int
}

func lookOf(l *line) look { return look{int(math.Round(l.size * 2)), l.isBold()} }

// headings finds the lines that are headings and their levels. The outline, where
// there is one, says which lines are and how deep; sizes and weights say the rest.
func headings(pages [][]*line, outline []bookmark) styles {
	sizes := map[int]int{}
	all, bold, mono := 0, 0, 0
	for _, lines := range pages {
		for _, l := range lines {
			sizes[int(math.Round(l.size*2))] += l.glyphs
			all, mono = all+l.glyphs, mono+l.mono
			bold += l.bold
		}
	}
	st := styles{level: map[look]int{}, mono: mono*2 > all}
	most := 0
	for size, n := range sizes {
		if n > most || n == most && float64(size)/2 < st.body {
			st.body, most = float64(size)/2, n
		}
	}
	boldBody := bold*2 > all

	titles := map[int]map[string]int{} // page, squeezed title: level
	for _, m := range outline {
		if t := squeeze(m.title); t != "" && m.page >= 0 {
			if titles[m.page] == nil {
				titles[m.page] = map[string]int{}
			}
			if _, ok := titles[m.page][t]; !ok && len(titles[m.page]) < 500 {
				titles[m.page][t] = m.level
			}
		}
	}
	outlined := map[look]map[int]int{}
	found := map[look]int{}
	counted := map[look]int{} // the last page on which it was
	for p, lines := range pages {
		for i := 0; i < len(lines); {
			run := runOf(lines[i:])
			text := make([]string, len(run))
			chars := 0
			for j, l := range run {
				text[j] = l.text()
				chars += utf8.RuneCountInString(text[j])
			}
			whole := strings.Join(text, " ")
			lk := lookOf(run[0])
			if run[0].margin {
				i += len(run)
				continue
			}
			if level := inOutline(titles[p], whole); level > 0 {
				for _, l := range run {
					l.heading = level
				}
				if outlined[lk] == nil {
					outlined[lk] = map[int]int{}
				}
				outlined[lk][level]++
				i += len(run)
				continue
			}
			// The heading may look like the text under it.
			for j, l := range run {
				if level := inOutline(titles[p], text[j]); level > 0 && !l.row {
					l.heading = level
				}
			}
			larger := 1.12
			if enumerated.MatchString(whole) && !lk.bold {
				larger = 1.2 // a list is easily set a little larger
			}
			big := run[0].size >= larger*st.body && len(run) <= 4 && chars <= 220
			strong := lk.bold && !boldBody && run[0].size >= 0.95*st.body && len(run) <= 2 && chars <= 120 &&
				!strings.HasSuffix(whole, ".") && !strings.HasSuffix(whole, ",")
			if strong && !big && i+len(run) < len(lines) {
				// The bold words that open a paragraph may fill a line and go on in the next.
				l, next := run[len(run)-1], lines[i+len(run)]
				strong = next.column != l.column || next.bold == 0 || next.isBold() || l.base-next.base > 1.6*l.size
			}
			if (big || strong) && titled(run, whole) {
				for _, l := range run {
					if l.heading == 0 {
						l.heading = -1 // its level follows
					}
				}
				// A cover has many sizes; in a long document a size counts once a page.
				if len(pages) < 6 || counted[lk] != p+1 {
					found[lk]++
					counted[lk] = p + 1
				}
			}
			i += len(run)
		}
	}
	st.rank(found, outlined)
	// Where headings of one look are numbered 1.2 and 1.2.3, the numbers say how deep.
	shallow := map[look]int{}
	for _, lines := range pages {
		for _, l := range lines {
			if n := depth(l); l.heading < 0 && n > 0 && (shallow[lookOf(l)] == 0 || n < shallow[lookOf(l)]) {
				shallow[lookOf(l)] = n
			}
		}
	}
	for _, lines := range pages {
		for _, l := range lines {
			if l.heading < 0 {
				l.heading = min(6, st.level[lookOf(l)]+max(0, depth(l)-shallow[lookOf(l)]))
			}
		}
	}
	raiseFirst(pages)
	return st
}

// raiseFirst gives the first heading of a document the level of the second where
// that is higher: titles are not always set in the largest letters.
func raiseFirst(pages [][]*line) {
	var title []*line
	last := 0
	for _, lines := range pages {
		for i, l := range lines {
			switch {
			case l.heading == 0:
			case len(title) == 0, i == last+1 && l.column == title[0].column && lookOf(l) == lookOf(title[0]):
				title, last = append(title, l), i
			default:
				for _, t := range title {
					t.heading = min(t.heading, l.heading)
				}
				return
			}
		}
	}
}

var numbered = regexp.MustCompile(`^(\d{1,3}(\.\d{1,3})*)\.?\s+\p{L}`)

// depth is how many numbers a heading's own number has; 0 for one without.
func depth(l *line) int {
	m := numbered.FindStringSubmatch(l.text())
	if m == nil {
		return 0
	}
	return 1 + strings.Count(m[1], ".")
}

// runOf returns the lines from the first that belong together as a heading would.
func runOf(lines []*line) []*line {
	n := 1
	for n < len(lines) && lookOf(lines[n]) == lookOf(lines[0]) && lines[n].margin == lines[0].margin && lines[n].column == lines[0].column &&
		!lines[n].row && !lines[n-1].row && lines[n-1].base-lines[n].base < 1.6*lines[0].size {
		n++
	}
	return lines[:n]
}

var number = regexp.MustCompile(`^[\p{L}]{0,12} ?[\dIVX]+(\.\d+)*[.:)]?$`)

// titled reports whether lines could be a heading by their words.
func titled(run []*line, whole string) bool {
	for _, l := range run {
		if l.row && len(l.cells) > 2 || len(l.cells) > 1 && !number.MatchString(l.cells[0].text) {
			return false
		}
	}
	letters := 0
	for _, r := range whole {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return letters >= 2 && letters*2 >= utf8.RuneCountInString(whole) && !bullet.MatchString(whole)
}

// squeeze leaves the letters and digits of a title.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(s))
}

// inOutline returns the level of the outline entry that a text is, with or without
// its number; 0 for none.
func inOutline(titles map[string]int, text string) int {
	if len(titles) == 0 {
		return 0
	}
	t := squeeze(text)
	if level := titles[t]; level > 0 {
		return level
	}
	for title, level := range titles {
		if len(title) > 3 && len(t)-len(title) <= 10 && strings.HasSuffix(t, title) ||
			len(t) > 3 && len(title)-len(t) <= 10 && strings.HasSuffix(title, t) && strings.ContainsFunc(title[:len(title)-len(t)], unicode.IsDigit) {
			return level
		}
	}
	return 0
}

// rank gives each look of a heading a level: the outline's where it has one, else
// one by size.
func (st *styles) rank(found map[look]int, outlined map[look]map[int]int) {
	looks := make([]look, 0, len(found)+len(outlined))
	for lk := range found {
		looks = append(looks, lk)
	}
	for lk := range outlined {
		if found[lk] == 0 {
			looks = append(looks, lk)
		}
	}
	slices.SortFunc(looks, func(a, b look) int {
		if a.size == b.size && a.bold != b.bold {
			if a.bold {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.size, a.size)
	})
	level, members := 0, 0
	var last look
	for _, lk := range looks {
		if levels := outlined[lk]; levels != nil {
			most := 0
			for l, n := range levels {
				if n > most || n == most && l < level {
					level, most = l, n
				}
			}
			members = 0
		} else if level == 0 || float64(last.size) > 1.04*float64(lk.size) && (level == 1 || members > 1) {
			// Sizes that occur once, as on a cover, share a level: six are not many.
			level++
			members = 0
		}
		members += found[lk]
		st.level[lk] = min(6, max(1, level))
		last = lk
	}
}
