package knowledge

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge/term"
)

// tracked is a text under edit with a span that is followed through every edit
// by arithmetic alone: it knows what was done, and never looks for the quote.
type tracked struct {
	text       string
	start, end int
	touched    bool // the span's own bytes were altered, removed or grown together with a word
	gone       bool // the document was deleted or renamed
	copied     bool // the quote was copied elsewhere by an edit
	cut        bool // the span was removed whole
}

// replace puts with in the place of text[a:b].
func (t *tracked) replace(a, b int, with string) {
	if t.text[a:b] == with {
		return
	}
	t.text = t.text[:a] + with + t.text[b:]
	grown := len(with) - (b - a)
	switch {
	case b <= t.start:
		t.start, t.end = t.start+grown, t.end+grown
	case a >= t.end:
	default:
		t.touched = true
		t.cut = t.cut || a <= t.start && b >= t.end
		t.end = max(t.start, t.end+grown)
	}
	t.start, t.end = min(t.start, len(t.text)), min(t.end, len(t.text))
}

// move cuts text[a:b] and puts it in at to, which lies outside of it.
func (t *tracked) move(a, b, to int) {
	piece := t.text[a:b]
	if a <= t.start && b >= t.end {
		inside := t.start - a
		length := t.end - t.start
		t.text = t.text[:a] + t.text[b:]
		if to >= b {
			to -= b - a
		}
		t.text = t.text[:to] + piece + t.text[to:]
		t.start = to + inside
		t.end = t.start + length
		return
	}
	if to > t.start && to < t.end || a < t.end && b > t.start {
		return // would tear the span: another edit does that
	}
	t.replace(a, b, "")
	if to >= b {
		to -= b - a
	}
	t.replace(to, to, piece)
}

// paragraphs returns the stretches between blank lines, the blank line included.
func paragraphs(text string) (spans [][2]int) {
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.Index(text[at:], "\n\n"); i >= 0 {
			end = at + i + 2
		}
		spans = append(spans, [2]int{at, end})
		at = end
	}
	return spans
}

// editor makes random edits.
type editor struct {
	*rand.Rand
	pages []string // to take foreign paragraphs from
}

func (r editor) paragraph(text string) [2]int {
	ps := paragraphs(text)
	return ps[r.IntN(len(ps))]
}

func (r editor) foreign() string {
	page := r.pages[r.IntN(len(r.pages))]
	p := r.paragraph(page)
	return strings.TrimSpace(page[p[0]:p[1]]) + "\n\n"
}

// elsewhere returns a paragraph that does not touch the span.
func (r editor) elsewhere(t *tracked) ([2]int, bool) {
	for range 20 {
		if p := r.paragraph(t.text); p[1] <= t.start || p[0] >= t.end {
			return p, true
		}
	}
	return [2]int{}, false
}

// words returns the words of text as byte ranges.
func words(text string) (spans [][2]int) {
	start := -1
	for i, c := range text {
		in := unicode.IsLetter(c) || unicode.IsDigit(c)
		if in && start < 0 {
			start = i
		}
		if !in && start >= 0 {
			spans, start = append(spans, [2]int{start, i}), -1
		}
	}
	if start >= 0 {
		spans = append(spans, [2]int{start, len(text)})
	}
	return spans
}

// another changes a word: a digit in it, or the whole word.
func (r editor) another(word string) string {
	if i := strings.IndexFunc(word, func(c rune) bool { return c >= '0' && c <= '9' }); i >= 0 {
		return word[:i] + string('0'+(word[i]-'0'+1+byte(r.IntN(8)))%10) + word[i+1:]
	}
	if r.IntN(2) == 0 {
		c, n := utf8.DecodeRuneInString(word)
		if c == 'x' {
			return "y" + word[n:]
		}
		return "x" + word[n:]
	}
	return []string{"never", "always", "seven", "Thursday"}[r.IntN(4)] + word[len(word)-1:] + "s"
}

// near changes a word in text[from:to].
func (r editor) near(t *tracked, from, to int) {
	from, to = max(0, from), min(len(t.text), to)
	for from < to && !utf8.RuneStart(t.text[from]) {
		from++
	}
	if ws := words(t.text[from:to]); len(ws) > 0 {
		w := ws[r.IntN(len(ws))]
		t.replace(from+w[0], from+w[1], r.another(t.text[from+w[0]:from+w[1]]))
	}
}

// edits are the kinds of edit, in the order of the table.
var edits = []string{"paragraph elsewhere", "line nearby", "paragraph moved", "quote altered", "quote deleted", "quote copied elsewhere", "document deleted",
	"document renamed", "white space around", "word beside", "grown at the edge", "edit near a repeated quote", "a repeated quote altered", "several at once"}

func (r editor) edit(kind string, t *tracked) {
	quote := t.text[t.start:t.end]
	switch kind {
	case "paragraph elsewhere":
		p, ok := r.elsewhere(t)
		switch r.IntN(3) {
		case 0:
			at := 0
			if ok {
				at = p[r.IntN(2)]
			}
			if at > t.start && at < t.end {
				at = 0
			}
			t.replace(at, at, r.foreign())
		case 1:
			if ok {
				t.replace(p[0], p[1], "")
			}
		case 2:
			if ok {
				t.replace(p[0], p[1], r.foreign())
			}
		}
	case "line nearby": // rows and items, which are much alike
		lines := strings.SplitAfter(t.text, "\n")
		at, nearby := 0, [][2]int{}
		for _, l := range lines {
			if end := at + len(l); l != "" && (end <= t.start && end > t.start-300 || at >= t.end && at < t.end+300) {
				nearby = append(nearby, [2]int{at, end})
			}
			at += len(l)
		}
		if len(nearby) == 0 {
			return
		}
		l := nearby[r.IntN(len(nearby))]
		if r.IntN(2) == 0 {
			t.replace(l[0], l[1], "")
		} else {
			was := t.text[l[0]:l[1]]
			t.replace(l[0], l[0], was) // a new line is written after an old one ...
			if t.start >= l[1] {
				r.near(t, l[0], l[1]) // ... with something else in it
			}
		}
	case "paragraph moved":
		from, to := t.start, t.end
		for _, p := range paragraphs(t.text) {
			if p[0] <= t.start && t.start < p[1] {
				from = p[0]
			}
			if p[0] < t.end && t.end <= p[1] {
				to = p[1]
			}
		}
		if p, ok := r.elsewhere(t); ok && (p[0] <= from || p[0] >= to) {
			t.move(from, to, p[0])
		}
	case "quote altered":
		switch r.IntN(3) {
		case 0, 1:
			r.near(t, t.start, t.end)
		case 2: // one sign
			at := t.start + r.IntN(len(quote))
			for !utf8.RuneStart(t.text[at]) {
				at--
			}
			_, n := utf8.DecodeRuneInString(t.text[at:])
			t.replace(at, at+n, []string{"", "q", "7", ";"}[r.IntN(4)])
		}
		if !t.touched {
			t.replace(t.start, t.end, "")
		}
	case "quote deleted":
		from, to := t.start, t.end
		if r.IntN(2) == 0 {
			for _, p := range paragraphs(t.text) {
				if p[0] <= t.start && t.end <= p[1] {
					from, to = p[0], p[1]
				}
			}
		}
		t.replace(from, to, "")
	case "quote copied elsewhere":
		if p, ok := r.elsewhere(t); ok {
			t.copied = true
			switch r.IntN(3) {
			case 0:
				t.replace(p[0], p[0], quote+"\n\n")
			case 1:
				t.replace(p[0], p[0], "As said: "+quote+" That is all.\n\n")
			case 2:
				from, to := max(0, t.start-20), min(len(t.text), t.end+20)
				t.replace(p[0], p[0], strings.ToValidUTF8(t.text[from:to], "")+"\n\n")
			}
		}
	case "document deleted", "document renamed":
		t.gone = true
	case "white space around":
		space := []string{" ", "\n", "\n\n", "  ", "\n   "}[r.IntN(5)]
		at := []int{t.start, t.end}[r.IntN(2)]
		// Only where white space is already: elsewhere it would cut a word in two.
		i := strings.LastIndexAny(t.text[:t.start], " \n")
		j := strings.IndexAny(t.text[t.end:], " \n")
		if at == t.start && i >= 0 {
			if r.IntN(2) == 0 || i+1 == t.start && t.text[i] == '\n' {
				t.replace(i, i, space)
			} else {
				t.replace(i, i+1, space)
			}
		} else if j >= 0 {
			t.replace(t.end+j, t.end+j, space)
		}
	case "word beside":
		if r.IntN(2) == 0 {
			r.near(t, t.start-30, t.start)
		} else {
			r.near(t, t.end, t.end+30)
		}
	case "grown at the edge":
		first, _ := utf8.DecodeRuneInString(quote)
		last, _ := utf8.DecodeLastRuneInString(quote)
		sign := []string{"1", "a", "4"}[r.IntN(3)]
		switch {
		case r.IntN(2) == 0 && (unicode.IsDigit(first) || unicode.IsLetter(first)):
			t.replace(t.start, t.start, sign)
			t.touched = true
		case unicode.IsDigit(last) || unicode.IsLetter(last):
			t.replace(t.end, t.end, sign)
			t.touched = true
		}
	case "edit near a repeated quote", "a repeated quote altered":
		var all []int
		for at := 0; ; {
			i := strings.Index(t.text[at:], quote)
			if i < 0 {
				break
			}
			all = append(all, at+i)
			at += i + len(quote)
		}
		at := all[r.IntN(len(all))]
		switch {
		case kind == "a repeated quote altered":
			if r.IntN(2) == 0 {
				at = t.start
			}
			r.near(t, at, at+len(quote))
		case r.IntN(2) == 0:
			r.near(t, at-30, at)
		default:
			r.near(t, at+len(quote), at+len(quote)+30)
		}
	case "several at once":
		for range 2 + r.IntN(4) {
			if t.touched {
				break
			}
			r.edit([]string{"paragraph elsewhere", "paragraph elsewhere", "paragraph moved", "quote altered", "quote copied elsewhere",
				"white space around", "word beside", "edit near a repeated quote"}[r.IntN(8)], t)
		}
	}
}

// cited picks a span as answers cite it, or a repeated one.
func (r editor) cited(text string, repeated bool) (start, end int, ok bool) {
	p := r.paragraph(text)
	body := strings.TrimRight(text[p[0]:p[1]], "\n")
	if strings.TrimSpace(body) == "" {
		return 0, 0, false
	}
	if repeated { // one to four words that stand more than once
		ws := words(body)
		if len(ws) == 0 {
			return 0, 0, false
		}
		i := r.IntN(len(ws))
		j := min(len(ws)-1, i+r.IntN(4))
		start, end = p[0]+ws[i][0], p[0]+ws[j][1]
		return start, end, strings.Count(text, text[start:end]) > 1 && end-start > 3
	}
	switch r.IntN(5) {
	case 0: // the whole paragraph
		return p[0], p[0] + len(body), true
	case 1: // a line: a row, an item, a heading
		lines := strings.Split(body, "\n")
		k := r.IntN(len(lines))
		at := p[0]
		for _, l := range lines[:k] {
			at += len(l) + 1
		}
		return at, at + len(lines[k]), strings.TrimSpace(lines[k]) != ""
	case 2: // a few words
		fields := strings.Fields(body)
		if len(fields) < 3 {
			return 0, 0, false
		}
		i := r.IntN(len(fields) - 2)
		j := min(len(fields)-1, i+2+r.IntN(6))
		at := 0
		for k, f := range fields[:j+1] {
			at += strings.Index(body[at:], f)
			if k == i {
				start = p[0] + at
			}
			at += len(f)
		}
		return start, p[0] + at, true
	default: // one to three sentences
		ss := term.Sentences(body)
		if len(ss) == 0 {
			return 0, 0, false
		}
		i := r.IntN(len(ss))
		j := min(len(ss)-1, i+r.IntN(3))
		return p[0] + ss[i].Start, p[0] + ss[j].End, true
	}
}

// pages reads the texts of a folder.
func pages(t *testing.T, folder string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".md", ".txt", ".html"}, filepath.Ext(name)) {
			return err
		}
		data, err := os.ReadFile(name)
		if text := strings.ReplaceAll(string(data), "\r\n", "\n"); utf8.ValidString(text) && len(text) > 400 && len(text) < 100_000 {
			all = append(all, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// surroundedAlike reports whether two places of two texts have the same quote
// and the same Context bytes around it: nobody who keeps only those can tell
// them apart.
func surroundedAlike(a string, i int, b string, j, length int) bool {
	if length > len(a)-i || length > len(b)-j {
		return false
	}
	cut := func(s string, at int) string {
		return s[max(0, at-Context):min(len(s), at+length+Context)]
	}
	return cut(a, i) == cut(b, j) && min(i, Context) == min(j, Context)
}

// undecided reports whether quote and surroundings cannot tell what became of
// the cited span: nobody who kept only those could say it.
func undecided(c Citation, text string, now *tracked, want, got State, gotStart int) bool {
	found := got == Holds || got == Moved
	if found && surroundedAlike(now.text, gotStart, text, c.Start, len(c.Quote)) {
		return true // another place is, byte for byte, what was cited
	}
	switch want {
	case Changed: // a copy stands in its very place, or was made before it was cut: a move
		return found && now.copied && (now.cut || gotStart == c.Start)
	case Holds, Moved: // one of several, and nothing of its surroundings is left
		const near = 8
		before, after := now.text[:now.start], now.text[now.end:]
		return strings.Count(now.text, c.Quote) > 1 && !strings.HasSuffix(before, c.Before[max(0, len(c.Before)-near):]) && !strings.HasPrefix(after, c.After[:min(len(c.After), near)])
	}
	return false
}

// Edits at random: what Find says of a citation against what was done to the page.
func TestFindAfterEdits(t *testing.T) {
	n := 1000
	if os.Getenv("GROUNDWORK_LONG") == "1" {
		n = 20_000
	}
	corpora := []struct {
		name  string
		pages []string
	}{{"sample/handbook", pages(t, "../sample/handbook")}}
	const other = "../../shared/data/handbook"
	if _, err := os.Stat(other); err != nil {
		t.Logf("NOT RUN: edits of the pages in %s: %v", other, err)
	} else {
		corpora = append(corpora, struct {
			name  string
			pages []string
		}{"shared/data/handbook", pages(t, other)})
	}
	for _, corpus := range corpora {
		for _, alone := range []bool{false, true} {
			name := corpus.name + ", quote and surroundings"
			if alone {
				name = corpus.name + ", quote alone"
			}
			t.Run(name, func(t *testing.T) {
				r := editor{rand.New(rand.NewPCG(20, 26)), corpus.pages}
				findAfterEdits(t, r, n, alone)
			})
		}
	}
}

func findAfterEdits(t *testing.T, r editor, n int, alone bool) {
	states := []State{Holds, Moved, Changed, Gone}
	confusion := map[[2]State]int{}
	perKind := map[string][2]int{}
	right, counted, undecidable, lost, falseHolds, elsewhere, inPlace := 0, 0, 0, 0, 0, 0, 0
	for i := 0; i < n; {
		kind := edits[i%len(edits)]
		text := r.pages[r.IntN(len(r.pages))]
		start, end, ok := r.cited(text, strings.Contains(kind, "repeated"))
		if !ok || start >= end {
			continue
		}
		i++
		d := document(text)
		c, err := Cite(d, start, end)
		if err != nil {
			t.Fatal(err)
		}
		if alone {
			c.Before, c.After = "", ""
		}
		now := &tracked{text: text, start: start, end: end}
		r.edit(kind, now)

		want, wantStart, wantEnd := Holds, now.start, now.end
		switch {
		case now.gone:
			want, wantStart, wantEnd = Gone, 0, 0
		case now.touched:
			want, wantStart, wantEnd = Changed, 0, 0
		case now.start != start:
			want = Moved
		}
		if want == Holds || want == Moved { // the oracle checks itself
			if now.text[now.start:now.end] != c.Quote {
				t.Fatalf("%s: the oracle lost the span: %q, not %q", kind, now.text[now.start:now.end], c.Quote)
			}
		}
		after := document(now.text)
		switch {
		case kind == "document deleted":
			after = Document{}
		case kind == "document renamed":
			after.ID = "handbook/renamed.md"
		}
		got, gotStart, gotEnd := c.Find(after)

		same := got == want && (got == Changed || got == Gone || gotStart == wantStart && gotEnd == wantEnd)
		if want != Gone && alone && max(strings.Count(text, c.Quote), strings.Count(now.text, c.Quote)) > 1 ||
			!same && undecided(c, text, now, want, got, gotStart) {
			undecidable++
			if got == Holds && want == Changed {
				inPlace++
			}
			continue
		}
		counted++
		k := perKind[kind]
		k[1]++
		confusion[[2]State{want, got}]++
		if same {
			right++
			k[0]++
		} else {
			if got == Holds && want == Changed {
				falseHolds++
			}
			if got == want {
				elsewhere++
			}
			if lost++; lost <= 3 || got == Holds && want == Changed {
				t.Logf("%s: %s at %d, want %s at %d (was %d)\n  quote %q\n  before %q after %q\n  there now %q", kind, got, gotStart, want, wantStart, start,
					clipped(c.Quote), c.Before, c.After, clipped(now.text[max(0, gotStart-32):min(len(now.text), gotEnd+32)]))
			}
		}
		perKind[kind] = k
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d right (%.2f %%), %d undecidable (%d of them: holds, by a copy in the very place), %d moved to another place than said\n| what was done | holds | moved | changed | gone |\n|---|---|---|---|---|\n", right, counted, 100*float64(right)/float64(counted), undecidable, inPlace, elsewhere)
	for _, want := range states {
		fmt.Fprintf(&b, "| %s |", want)
		for _, got := range states {
			fmt.Fprintf(&b, " %d |", confusion[[2]State{want, got}])
		}
		b.WriteString("\n")
	}
	for _, kind := range edits {
		fmt.Fprintf(&b, "| %s | %d of %d |\n", kind, perKind[kind][0], perKind[kind][1])
	}
	t.Log(b.String())
	bar := .99
	if alone {
		bar = .98 // a short quote without surroundings is not followed
	}
	if float64(right) < bar*float64(counted) {
		t.Errorf("less than %.0f %% right", 100*bar)
	}
	if falseHolds > 0 {
		t.Errorf("%d changed quotes are said to hold", falseHolds)
	}
}

func clipped(s string) string {
	if len(s) > 160 {
		return s[:100] + "..." + s[len(s)-50:]
	}
	return s
}
