package knowledge

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/internal/fault"
)

// Context is how many bytes before and after a quote a Citation keeps, at most.
const Context = 32

// Pointer names a span of one version of a document. Its text form is
//
//	handbook/leave.md@3f2a91c0#1200-1288
//
// the ID, eight hexadecimal digits of the version, and byte offsets into the
// stored text. Blanks and the signs that end a pointer in running text are
// percent-encoded in the ID.
type Pointer struct {
	Document   DocumentID
	Version    string // eight or more hexadecimal digits of Document.Version
	Start, End int
}

// plain reports whether r may stand unencoded in a pointer's ID.
func plain(r rune) bool {
	return r > ' ' && r != 0x7f && r != utf8.RuneError && !strings.ContainsRune("%#@()<>[]{}\"'`|\\,;", r)
}

// String returns the text form.
func (p Pointer) String() string {
	var b strings.Builder
	for i := 0; i < len(p.Document); {
		r, n := utf8.DecodeRuneInString(string(p.Document[i:]))
		if plain(r) && (r < utf8.RuneSelf || isLetterLike(r)) {
			b.WriteString(string(p.Document[i : i+n]))
		} else {
			for _, c := range []byte(p.Document[i : i+n]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		i += n
	}
	fmt.Fprintf(&b, "@%s#%d-%d", p.Version, p.Start, p.End)
	return b.String()
}

// isLetterLike admits non-ASCII letters, marks and digits; invisible signs and
// exotic blanks are encoded.
func isLetterLike(r rune) bool {
	return strconv.IsPrint(r) && r != 0xa0 && r != 0x3000
}

// ParsePointer reads the text form; the error is of kind Input.
func ParsePointer(s string) (Pointer, error) {
	bad := func(why string) (Pointer, error) {
		return Pointer{}, fault.New(fault.Input, fmt.Sprintf("read pointer %q: %s", s, why),
			"a pointer looks like handbook/leave.md@3f2a91c0#1200-1288")
	}
	hash := strings.LastIndexByte(s, '#')
	if hash < 0 {
		return bad("no #START-END")
	}
	at := strings.LastIndexByte(s[:hash], '@')
	if at < 0 {
		return bad("no @VERSION")
	}
	version := s[at+1 : hash]
	if len(version) < 8 || len(version) > 64 || strings.Trim(version, "0123456789abcdef") != "" {
		return bad("the version is 8 to 64 hexadecimal digits")
	}
	from, to, ok := strings.Cut(s[hash+1:], "-")
	start, err1 := strconv.Atoi(from)
	end, err2 := strconv.Atoi(to)
	if !ok || err1 != nil || err2 != nil || start < 0 || end < start {
		return bad("the span is START-END in bytes")
	}
	id, err := unescape(s[:at])
	if err != nil {
		return bad(err.Error())
	}
	if !strings.Contains(id, "/") {
		return bad("the document is <source>/<path>")
	}
	return Pointer{Document: DocumentID(id), Version: version, Start: start, End: end}, nil
}

// PointersIn returns where pointers stand in running text, in order: byte
// ranges that ParsePointer reads. What stands before a pointer without a blank
// ("see:", "**") is left out of it, and so is an address of the web.
func PointersIn(text string) (ranges [][2]int) {
	last := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '#' {
			continue
		}
		end := i + 1
		dashes := 0
		for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '-' && dashes == 0) {
			if text[end] == '-' {
				dashes++
			}
			end++
		}
		at := i
		for at > last && i-at <= 64 && strings.IndexByte("0123456789abcdef", text[at-1]) >= 0 {
			at--
		}
		if at--; at <= last || text[at] != '@' {
			continue
		}
		start, slash := at, at
		for start > last {
			r, n := utf8.DecodeLastRuneInString(text[last:start])
			if r != '%' && !(plain(r) && isLetterLike(r)) {
				break
			}
			start -= n
			if r == '/' {
				slash = start
			}
		}
		start += len(strings.TrimRightFunc(text[start:slash], sourceSign))
		if start == slash {
			continue
		}
		if _, err := ParsePointer(text[start:end]); err == nil {
			ranges = append(ranges, [2]int{start, end})
			last, i = end, end-1
		}
	}
	return ranges
}

// sourceSign reports whether r may stand in a source's name.
func sourceSign(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_.", r)
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("incomplete %%-sign")
		}
		v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("bad %%-sign %q", s[i:i+3])
		}
		b.WriteByte(byte(v))
		i += 2
	}
	return b.String(), nil
}

// Citation is a pointer to a span with what it said, so that the span can be
// found again in a later version (the W3C's TextQuoteSelector: exact, prefix,
// suffix).
type Citation struct {
	Pointer
	Quote  string // the span's text; "" when only the pointer is known
	Before string // at most Context bytes before it
	After  string // at most Context bytes after it
}

// Cite returns the citation of d.Text[start:end]. Offsets must lie in the text
// and on rune boundaries; otherwise the error is of kind Internal.
func Cite(d Document, start, end int) (Citation, error) {
	t := d.Text
	if start < 0 || end < start || end > len(t) || !boundary(t, start) || !boundary(t, end) {
		return Citation{}, fault.New(fault.Internal, fmt.Sprintf("cite %s: span %d-%d does not fit its text", d.ID, start, end), "")
	}
	from := max(0, start-Context)
	for !boundary(t, from) {
		from++
	}
	to := min(len(t), end+Context)
	for !boundary(t, to) {
		to--
	}
	return Citation{
		Pointer: Pointer{Document: d.ID, Version: d.Version.Short(), Start: start, End: end},
		Quote:   t[start:end], Before: t[from:start], After: t[end:to],
	}, nil
}

func boundary(s string, i int) bool { return i == len(s) || utf8.RuneStart(s[i]) }

// State says what became of a cited span.
type State string

// The states of a citation.
const (
	Holds   State = "holds"   // the span says exactly what was quoted
	Moved   State = "moved"   // the quote stands elsewhere in the document
	Changed State = "changed" // the document is there, the quote is not
	Gone    State = "gone"    // the document is not there, or not for this asker
)

// Check says whether the citation still holds in d, which is the document as it
// is now; a zero Document means it is not there. Without a Quote only an
// unchanged version can hold. Check is pure.
func (c Citation) Check(d Document) State {
	state, _, _ := c.Find(d)
	return state
}

// Find is Check that also returns where the quote stands now (Holds, Moved), or
// the stretch that stands between its old surroundings (Changed; 0, 0 when they
// are not found either). Equal words elsewhere are not the quote: in another
// version its surroundings must speak for a place, or the quote must be long
// and stand there alone. In doubt it is Changed. doc/bench/verify.md has the
// figures.
func (c Citation) Find(d Document) (state State, start, end int) {
	if d.ID != c.Document || d.ID == "" {
		return Gone, 0, 0
	}
	sameVersion := strings.HasPrefix(d.Version.String(), c.Version)
	if c.Start < 0 || c.Start > c.End {
		return Changed, 0, 0 // a crooked pointer never pointed at anything
	}
	fits := c.End <= len(d.Text) && boundary(d.Text, c.Start) && boundary(d.Text, c.End)
	switch {
	case c.Quote == "" && sameVersion && fits && c.Start < c.End, c.Quote != "" && sameVersion && fits && d.Text[c.Start:c.End] == c.Quote:
		return Holds, c.Start, c.End
	case c.Quote == "" || sameVersion: // with a quote: the pointer never pointed at it
		return Changed, 0, 0
	}
	at, copies, trust := c.best(d.Text)
	if trust != certain {
		// What stands in the old place now says more than equal words elsewhere,
		// unless it is the quote with something new beside it.
		s, e, ok := c.between(d.Text)
		switch {
		case ok && s < e && (copies == 0 || at >= e || at+len(c.Quote) <= s):
			return Changed, s, e
		case ok && s == e && trust == likely:
			copies = 0 // its surroundings have closed: what is surrounded like it is another
		}
	}
	if copies == 0 || trust == doubtful && (copies > 1 || len(c.Quote) < longQuote && !c.wholeLines(d.Text, at)) {
		return Changed, 0, 0
	}
	if at == c.Start {
		return Holds, at, at + len(c.Quote)
	}
	return Moved, at, at + len(c.Quote)
}

// longQuote is how many bytes a quote has at least whose only equal is taken for
// it without its surroundings; whole lines may be shorter.
const longQuote = 16

// wholeLines reports whether the occurrence at i is lines of their own, as the
// quote was.
func (c Citation) wholeLines(text string, i int) bool {
	alone := func(before, after string) bool {
		return (before == "" || strings.HasSuffix(before, "\n")) && (after == "" || strings.HasPrefix(after, "\n"))
	}
	return alone(c.Before, c.After) && alone(text[:i], text[i+len(c.Quote):])
}

// How sure it is that an occurrence is the cited one.
const (
	doubtful = iota // too little of its surroundings is left
	likely          // one side of them is whole
	certain         // both are
)

// best returns the occurrence of the quote whose surroundings match best, ties
// to the nearest, and how many occurrences there are.
func (c Citation) best(text string) (at, copies, trust int) {
	alone := signs(c.Before)+signs(c.After) == 0 // only the quote is known
	bestScore := -1
	for from := 0; from <= len(text)-len(c.Quote) && copies < mostCopies; {
		i := strings.Index(text[from:], c.Quote)
		if i < 0 {
			break
		}
		i += from
		from = i + 1
		if !c.uncut(text, i) {
			continue
		}
		copies++
		b, beforeWhole := matching(text[:i], c.Before, true)
		a, afterWhole := matching(text[i+len(c.Quote):], c.After, false)
		score, sure := a+b, doubtful
		switch {
		case alone:
			if i == c.Start {
				sure = likely
			}
		case beforeWhole && afterWhole:
			sure = certain
			score += 2 * Context
		case beforeWhole && b >= enough, afterWhole && a >= enough, a+b >= 2*enough:
			sure = likely
		}
		if sure == likely && i == c.Start {
			score += Context // it has not even moved: only the whole surroundings elsewhere say more
		}
		if score > bestScore || score == bestScore && distance(i, c.Start) < distance(at, c.Start) {
			at, bestScore, trust = i, score, sure
		}
	}
	return at, copies, trust
}

// mostCopies bounds the occurrences that are looked at, so that hostile text
// costs no more than honest text.
const mostCopies = 1000

// enough is how many signs of a quote's surroundings speak for a place.
const enough = 8

// uncut reports whether the occurrence at i is not part of a longer word or
// number, unless the quote was part of the same one: "15 days" does not say "5 days".
func (c Citation) uncut(text string, i int) bool {
	j := i + len(c.Quote)
	first, _ := utf8.DecodeRuneInString(c.Quote)
	last, _ := utf8.DecodeLastRuneInString(c.Quote)
	return (!inWord(first) || wordEnd(text[:i]) == wordEnd(c.Before)) && (!inWord(last) || wordStart(text[j:]) == wordStart(c.After))
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// wordStart returns the rest of a word or number that text begins with, at most
// half a Context of it.
func wordStart(text string) string {
	text = text[:min(len(text), Context/2)]
	end := 0
	for i, r := range text {
		if !inWord(r) && !(i+1 < len(text) && (r == '.' || r == ',') && text[i+1] >= '0' && text[i+1] <= '9') {
			break
		}
		end = i + utf8.RuneLen(r)
	}
	return text[:min(end, len(text))]
}

// wordEnd returns the beginning of a word or number that text ends with, a sign
// before it included, at most half a Context of it.
func wordEnd(text string) string {
	text = text[max(0, len(text)-Context/2):]
	start := len(text)
	for start > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:start])
		if !inWord(r) && !strings.ContainsRune(".,-−+", r) {
			break
		}
		start -= n
	}
	return text[start:]
}

// signs counts the bytes that are not white space.
func signs(s string) int {
	n := 0
	for i := range len(s) {
		if !blank(s[i]) {
			n++
		}
	}
	return n
}

func blank(b byte) bool { return b == ' ' || b == '\n' || b == '\t' }

// matching counts the signs of want that text has at its start, or at its end
// when backward, white space aside, and reports whether it has them all. Where
// the document ended or began within want, it must do so again, which counts as
// enough signs.
func matching(text, want string, backward bool) (n int, whole bool) {
	cut := len(text) > 8*Context // more white space than that is no match
	if cut && backward {
		text = text[len(text)-8*Context:]
	} else if cut {
		text = text[:8*Context]
	}
	i, k := 0, 0
	get := func(s string, i int) byte {
		if backward {
			return s[len(s)-1-i]
		}
		return s[i]
	}
	for {
		for i < len(text) && blank(get(text, i)) {
			i++
		}
		for k < len(want) && blank(get(want, k)) {
			k++
		}
		switch {
		case k == len(want) && len(want) > Context-utf8.UTFMax:
			return n, true
		case k == len(want) && i == len(text) && !cut:
			return n + enough, true
		case i == len(text) || k == len(want) || get(text, i) != get(want, k):
			return n, false
		}
		n, i, k = n+1, i+1, k+1
	}
}

// between finds what now stands between Before and After, at most three times
// as long as the quote was; white space aside, nearest to the old place. start
// is end when nothing does.
func (c Citation) between(text string) (start, end int, ok bool) {
	before, after := squeeze(c.Before), squeeze(c.After)
	if before == "" || after == "" {
		return 0, 0, false
	}
	offsets := make([]int, 0, len(text))
	for i := range len(text) {
		if !blank(text[i]) {
			offsets = append(offsets, i)
		}
	}
	squeezed := squeeze(text)
	longest := 3*len(c.Quote) + 2*Context
	for from, sites := 0, 0; ; sites++ {
		i := strings.Index(squeezed[from:], before)
		if i < 0 || sites == mostCopies {
			return start, end, ok
		}
		i += from
		from = i + 1
		s := i + len(before)
		j := strings.Index(squeezed[s:min(len(squeezed), s+longest+len(after))], after)
		if j < 0 {
			continue
		}
		a := offsets[s]
		if !ok || distance(a, c.Start) < distance(start, c.Start) {
			start, end, ok = a, a, true
			if j > 0 {
				end = offsets[s+j-1] + 1
			}
		}
	}
}

// squeeze drops the white space.
func squeeze(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if !blank(s[i]) {
			b = append(b, s[i])
		}
	}
	return string(b)
}

func distance(a, b int) int {
	if a < b {
		return b - a
	}
	return a - b
}
