package pdf

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a stretch of characters on one line without a wide gap. Its places are
// in the coordinates of its direction of writing: x along the line, y upwards.
type piece struct {
	text                    string
	left, right, base, size float64
	glyphs, bold, mono, rtl int // characters, and how many of them are so
	dense                   int // characters of a script without blanks between words
}

func (p *piece) bottom() float64 { return p.base - 0.2*p.size }
func (p *piece) top() float64    { return p.base + 0.75*p.size }

// line is what stands at one height of a column: one cell, or several where wide
// gaps part them.
type line struct {
	cells                   []piece
	left, right, base, size float64
	glyphs, bold, mono, rtl int
	column                  *column
	edge                    float64 // how far to the right the lines of its paragraph reach
	heading                 int     // level; 0 for none
	row, head               bool    // of a table; its head row
	page                    box     // in the coordinates of the line
	margin                  bool    // a header or footer that repeats on other pages
}

// column is a stretch of lines that share their edges.
type column struct {
	left, right float64
	lead        float64 // usual distance of two base lines, in sizes of the letters; 0 when it is not known
}

func (l *line) isBold() bool { return l.bold*10 >= l.glyphs*9 }
func (l *line) isMono() bool { return l.mono*10 >= l.glyphs*9 }

func (l *line) text() string {
	if len(l.cells) == 1 {
		return l.cells[0].text
	}
	var b strings.Builder
	for i, c := range l.cells {
		switch {
		case i == 0:
		case l.row || l.gap(i) > wide*l.size && !bullet.MatchString(l.cells[0].text+" x"):
			b.WriteByte('\t')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(c.text)
	}
	return b.String()
}

// wide is a gap, in sizes of the letters, that no justified line has.
const wide = 2.5

// gap is the blank space before a cell that is not the first.
func (l *line) gap(i int) float64 {
	return max(l.cells[i].left-l.cells[i-1].right, l.cells[i-1].left-l.cells[i].right)
}

// lines puts the characters of a page into reading order, the main direction of
// writing first.
func (s *sheet) lines() (all []*line) {
	groups := s.pieces()
	turns := make([]int, 0, len(groups))
	weight := map[int]int{}
	for turn, ps := range groups {
		turns = append(turns, turn)
		for _, p := range ps {
			weight[turn] += p.glyphs
		}
	}
	slices.SortFunc(turns, func(a, b int) int {
		return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b))
	})
	for _, turn := range turns {
		lines := ordered(groups[turn], 0)
		for _, l := range lines {
			l.page = rotation(turn).box(s.bounds)
		}
		all = append(all, lines...)
	}
	return all
}

// rotation turns what is written at an angle into the horizontal.
func rotation(degrees int) matrix {
	sin, cos := math.Sincos(float64(degrees) * math.Pi / 180)
	return matrix{cos, -sin, sin, cos, 0, 0}
}

// pieces cuts the characters into stretches, by direction of writing. The order of
// the characters is the engine's, which has put letters of right-to-left scripts
// into the order of reading and blanks between words.
func (s *sheet) pieces() map[int][]*piece {
	s.vertical()
	groups := map[int][]*piece{}
	var p *piece
	var text strings.Builder
	var turn int
	var last struct{ left, right, base float64 }
	blank, votes := false, 0
	end := func() {
		if p != nil {
			p.text = strings.Join(strings.Fields(text.String()), " ")
			if p.text != "" {
				groups[turn] = append(groups[turn], p)
			}
		}
		p, blank = nil, false
		text.Reset()
	}
	rotate := rotation(0)
	for i := range s.glyphs {
		g := &s.glyphs[i]
		if g.r == '\n' {
			end()
			continue
		}
		r := g.r
		if r == 2 || r == 0xFFFE || r == 0xAD {
			r = '\u00AD' // a hyphen that the engine, or the writer, takes for one that may be left out
		}
		if r == ' ' || unicode.IsSpace(r) {
			blank = true
			continue
		}
		if g.style == nil {
			if p != nil && r == '\u00AD' {
				text.WriteRune(r)
			}
			continue
		}
		if p == nil || g.style.turn != turn {
			end()
			turn = g.style.turn
			rotate = rotation(turn)
		}
		x, y := rotate.apply(g.style.x, g.style.y)
		b := rotate.box(g.box)
		if b.right <= b.left {
			b.left, b.right = x, x+0.1*g.style.size
		}
		size := g.style.size
		if p != nil {
			gap := b.left - last.right
			if back := last.left - b.right; back > gap {
				gap = back
			}
			overlap := b.left < last.right && b.right > last.left
			if math.Abs(y-last.base) > 0.6*max(size, p.size) || gap > 1.2*max(size, p.size, 0.8*(b.right-b.left)) || overlap && gap < -1.5*size {
				end()
			}
		}
		if p == nil {
			p, votes = &piece{left: b.left, right: b.right, base: y, size: size}, 0
		}
		if blank {
			text.WriteByte(' ')
			blank = false
		}
		if r = letter(r); r >= 0 {
			text.WriteRune(r)
		}
		p.left, p.right = min(p.left, b.left), max(p.right, b.right)
		// The size of most letters is the line's, whatever a mark or an initial has.
		if size == p.size {
			votes++
		} else if votes--; votes < 0 {
			p.size, p.base, votes = size, y, 1
		}
		p.glyphs++
		if g.style.bold {
			p.bold++
		}
		if g.style.mono {
			p.mono++
		}
		if rightToLeft(r) {
			p.rtl++
		}
		if dense(r) {
			p.dense++
		}
		last.left, last.right, last.base = b.left, b.right, y
	}
	end()
	return groups
}

// vertical finds the texts that run down the page and says that they are turned, so
// that everything after can take them for lines.
func (s *sheet) vertical() {
	steps := map[*style]int{}
	for i := 1; i < len(s.glyphs); i++ {
		a, b := &s.glyphs[i-1], &s.glyphs[i]
		if a.style == nil || a.style != b.style || !dense(a.r) || !dense(b.r) {
			continue
		}
		if down := a.box.top - b.box.top; math.Abs(a.box.left+a.box.right-b.box.left-b.box.right) < 0.6*a.style.size && down > 0.5*a.style.size && down < 2*a.style.size {
			steps[a.style]++
		} else {
			steps[a.style]--
		}
	}
	for st, n := range steps {
		if n > 0 && st.turn == 0 {
			st.turn = 270
		}
	}
}

func rightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8FF || r >= 0xFB1D && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFC
}

// dense reports whether a script has no blanks between words.
func dense(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFFEF
}

const maxColumns = 6 // depth of columns in columns

// ordered puts pieces into the order of reading: columns of prose one after the
// other, everything else line by line.
func ordered(ps []*piece, depth int) []*line {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b *piece) int {
		return cmp.Or(cmp.Compare(b.base, a.base), cmp.Compare(a.left, b.left))
	})
	split, ok := gutter(ps)
	if !ok || depth == maxColumns {
		return rows(ps)
	}
	var out []*line
	var rest []*piece
	flush := func() {
		out = append(out, ordered(rest, depth+1)...)
		rest = nil
	}
	for _, b := range split {
		if !b.prose {
			rest = append(rest, b.all...)
			continue
		}
		flush()
		first, second := b.left, b.right
		if mostlyRightToLeft(b.all) {
			first, second = second, first
		}
		out = append(out, ordered(first, depth+1)...)
		out = append(out, ordered(second, depth+1)...)
	}
	flush()
	return out
}

func mostlyRightToLeft(ps []*piece) bool {
	n, rtl := 0, 0
	for _, p := range ps {
		n, rtl = n+p.glyphs, rtl+p.rtl
	}
	return rtl*2 > n
}

// band is a stretch of a page between two pieces that cross the gutter.
type band struct {
	all, left, right []*piece
	prose            bool // two columns of prose, not the cells of a table
}

// gutter looks for the blank stripe that parts most of the page into two columns
// of prose, and cuts the page into bands along it. ps is sorted from the top.
func gutter(ps []*piece) (best []band, found bool) {
	if len(ps) < 4 {
		return nil, false
	}
	sizes := make([]float64, len(ps))
	starts := map[int]int{}
	leftmost := math.Inf(1)
	for i, p := range ps {
		sizes[i] = p.size
		starts[int(math.Round(p.left/3))]++
		leftmost = min(leftmost, p.left)
	}
	slices.Sort(sizes)
	median := sizes[len(sizes)/2]
	candidates := make([]int, 0, len(starts))
	for at, n := range starts {
		if n+starts[at-1]+starts[at+1] >= 2 && float64(at)*3 > leftmost+6*median {
			candidates = append(candidates, at)
		}
	}
	slices.SortFunc(candidates, func(a, b int) int {
		return cmp.Or(cmp.Compare(starts[b], starts[a]), cmp.Compare(a, b))
	})
	most := 0
	for _, at := range candidates[:min(len(candidates), 24)] {
		x := float64(at)*3 - 4.5
		bands, score := cut(ps, x, 0.5*median)
		if score > most {
			best, most = bands, score
		}
	}
	return best, most > 0
}

func cut(ps []*piece, x, gap float64) (bands []band, score int) {
	var b band
	flush := func() {
		if len(b.all) > 0 {
			b.prose = beside(b.left, b.right) && (prose(b.left) && prose(b.right) || apart(merged(b.left), merged(b.right)))
			if b.prose {
				score += len(b.all)
			}
			bands = append(bands, b)
		}
		b = band{}
	}
	crossing := false
	// A line apart at the top or bottom is a header of both columns.
	head, foot := 0, len(ps)
	for head < len(ps)-1 && ps[head].base-ps[head+1].base < 0.5*ps[head].size {
		head++
	}
	if head++; head >= len(ps) || ps[head-1].base-ps[head].base < 1.9*ps[head].size {
		head = 0
	}
	for foot > 1 && ps[foot-2].base-ps[foot-1].base < 0.5*ps[foot-1].size {
		foot--
	}
	if foot--; foot <= 0 || ps[foot-1].base-ps[foot].base < 1.9*ps[foot].size {
		foot = len(ps)
	}
	for i, p := range ps {
		left, right := p.right <= x+4-gap, p.left >= x
		if crosses := !left && !right || i < head || i >= foot; crosses != crossing {
			flush()
			crossing = crosses
		}
		b.all = append(b.all, p)
		if left {
			b.left = append(b.left, p)
		} else if right {
			b.right = append(b.right, p)
		}
	}
	flush()
	return bands, score
}

// prose reports whether pieces look like the lines of a text column: long, and
// most of them about as wide as the column.
func prose(ps []*piece) bool {
	if len(ps) < 2 {
		return false
	}
	widest, heights := 0.0, map[int]bool{}
	for _, p := range ps {
		widest = max(widest, p.right-p.left)
		heights[int(math.Round(p.base/2))] = true
	}
	full := 0
	for _, p := range ps {
		if p.right-p.left > 0.6*widest {
			full++
		}
	}
	return len(heights) >= 2 && meanChars(ps) >= 15 && full*2 >= len(ps)
}

// merged joins what stands at one height. ps is sorted from the top.
func merged(ps []*piece) (lines []*piece) {
	for _, p := range ps {
		if n := len(lines); n > 0 && math.Abs(lines[n-1].base-p.base) < 0.15*p.size {
			last := lines[n-1]
			last.left, last.right, last.dense = min(last.left, p.left), max(last.right, p.right), last.dense+p.dense
			last.text += p.text
			continue
		}
		lines = append(lines, &piece{text: p.text, left: p.left, right: p.right, base: p.base, size: p.size, dense: p.dense})
	}
	return lines
}

// apart reports whether two columns run independently: most lines stand at other
// heights, as the cells of a row never do, or there is a broad stripe between long
// lines, as between two pages on one sheet.
func apart(a, b []*piece) bool {
	if len(a) < 4 || len(b) < 4 || len(a)*len(b) > 250_000 {
		return false
	}
	level, size := 0, 0.0
	right, left := math.Inf(-1), math.Inf(1)
	for _, p := range b {
		left, size = min(left, p.left), max(size, p.size)
	}
	for _, p := range a {
		right, size = max(right, p.right), max(size, p.size)
		if slices.ContainsFunc(b, func(q *piece) bool { return math.Abs(p.base-q.base) < 0.15*p.size }) {
			level++
		}
	}
	fewer, chars := min(len(a), len(b)), min(meanChars(a), meanChars(b))
	return level*3 < fewer && chars >= 12 || left-right > 4*size && level*10 < 8*fewer && chars >= 20
}

// meanChars is the mean length of pieces; a letter of a dense script counts twice.
func meanChars(ps []*piece) (mean float64) {
	for _, p := range ps {
		mean += float64(utf8.RuneCountInString(p.text)+p.dense) / float64(len(ps))
	}
	return mean
}

// beside reports whether two columns stand side by side for the most part.
func beside(a, b []*piece) bool {
	if len(a) < 2 || len(b) < 2 {
		return false
	}
	span := func(ps []*piece) (low, high float64) {
		low, high = math.Inf(1), math.Inf(-1)
		for _, p := range ps {
			low, high = min(low, p.bottom()), max(high, p.top())
		}
		return low, high
	}
	al, ah := span(a)
	bl, bh := span(b)
	return min(ah, bh)-max(al, bl) > 0.5*min(ah-al, bh-bl)
}

// rows groups pieces by height, from the top.
func rows(ps []*piece) (lines []*line) {
	col := &column{left: math.Inf(1), right: math.Inf(-1)}
	for i := 0; i < len(ps); {
		row := []*piece{ps[i]}
		lead := ps[i]
		j := i + 1
		for ; j < len(ps); j++ {
			p := ps[j]
			overlap := min(lead.top(), p.top()) - max(lead.bottom(), p.bottom())
			if overlap < 0.5*min(lead.size, p.size) {
				break
			}
			row = append(row, p)
			if p.size > lead.size {
				lead = p
			}
		}
		i = j
		l := newLine(row)
		l.column = col
		col.left, col.right = min(col.left, l.left), max(col.right, l.right)
		lines = append(lines, l)
	}
	var distances []float64
	for i := 1; i < len(lines); i++ {
		if d := lines[i-1].base - lines[i].base; d > 0 && lines[i].size > 0 {
			distances = append(distances, d/lines[i].size)
		}
	}
	if len(distances) > 0 {
		// Short paragraphs may outnumber the lines that go on.
		slices.Sort(distances)
		col.lead = distances[len(distances)/4]
	}
	return lines
}

// newLine joins the pieces of one height; wide gaps part cells.
func newLine(row []*piece) *line {
	rtl := mostlyRightToLeft(row)
	slices.SortStableFunc(row, func(a, b *piece) int {
		if rtl {
			return cmp.Compare(b.right, a.right)
		}
		return cmp.Compare(a.left, b.left)
	})
	l := &line{left: math.Inf(1), right: math.Inf(-1)}
	most := 0
	for _, p := range row {
		l.left, l.right = min(l.left, p.left), max(l.right, p.right)
		l.glyphs, l.bold, l.mono, l.rtl = l.glyphs+p.glyphs, l.bold+p.bold, l.mono+p.mono, l.rtl+p.rtl
		if p.glyphs > most {
			most, l.size, l.base = p.glyphs, p.size, p.base
		}
		if n := len(l.cells); n > 0 {
			c := &l.cells[n-1]
			gap := p.left - c.right
			if rtl {
				gap = c.left - p.right
			}
			if gap <= 1.2*max(p.size, c.size) {
				if gap > 0.12*min(p.size, c.size) || gap < -0.5*p.size {
					c.text += " "
				}
				c.text += p.text
				c.left, c.right = min(c.left, p.left), max(c.right, p.right)
				c.glyphs, c.dense, c.size = c.glyphs+p.glyphs, c.dense+p.dense, max(c.size, p.size)
				continue
			}
		}
		l.cells = append(l.cells, *p)
	}
	return l
}

// tables marks the lines that are rows: several cells, and an edge of a cell after
// the first in line with one of the row above or below.
func tables(lines []*line) {
	aligned := func(a, b *line) bool {
		if len(a.cells) < 2 || len(b.cells) < 2 || len(a.cells)*len(b.cells) > 10_000 || a.base == b.base {
			return false
		}
		near := 0.4 * min(a.size, b.size)
		for _, c := range a.cells[1:] {
			for _, d := range b.cells[1:] {
				if math.Abs(c.left-d.left) < near || math.Abs(c.right-d.right) < near ||
					math.Abs(c.left+c.right-d.left-d.right) < near {
					return true
				}
			}
		}
		return false
	}
	for i := 1; i < len(lines); i++ {
		if lines[i].column == lines[i-1].column && lines[i-1].base-lines[i].base < 4*lines[i].size && aligned(lines[i-1], lines[i]) {
			lines[i-1].row, lines[i].row = true, true
		}
	}
	for _, l := range lines {
		for i := 1; i < len(l.cells) && len(l.cells) > 2; i++ {
			l.row = l.row || l.gap(i) > wide*l.size
		}
	}
	// What stands alone under a cell goes on with it.
	for i := 1; i < len(lines); i++ {
		up, l := lines[i-1], lines[i]
		if !up.row || l.row || len(l.cells) != 1 || l.column != up.column || up.base-l.base > 1.5*l.size {
			continue
		}
		for _, c := range up.cells[min(1, len(up.cells)-1):] {
			if len(up.cells) > 1 && math.Abs(c.left-l.left) < 0.4*l.size {
				l.row = true
			}
		}
	}
	heads(lines)
}

// heads marks the first rows of tables that are bold over rows that are not.
func heads(lines []*line) {
	for i, l := range lines {
		starts := i == 0 || !lines[i-1].row || lines[i-1].column != l.column
		l.head = starts && l.row && l.isBold() && i+1 < len(lines) && lines[i+1].row && !lines[i+1].isBold()
	}
}

// letter is what becomes of a character; -1 drops it.
func letter(r rune) rune {
	switch {
	case r == 0xF0B7 || r == 0xF0A7 || r == 0xF06C || r == 0xF076 || r == 0xF0D8 || r == 0xF0FC:
		return '•' // the bullets of symbol fonts
	case r >= 0xE000 && r <= 0xF8FF, r < ' ', r == 0xFFFF, !utf8.ValidRune(r):
		return -1
	}
	return r
}
