package knowledge

import (
	"fmt"
	"strconv"
	"strings"
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
// are not found either).
func (c Citation) Find(d Document) (state State, start, end int) {
	if d.ID != c.Document || d.ID == "" {
		return Gone, 0, 0
	}
	sameVersion := strings.HasPrefix(d.Version.String(), c.Version)
	if c.Start < 0 || c.Start > c.End {
		return Changed, 0, 0 // a crooked pointer never pointed at anything
	}
	fits := c.End <= len(d.Text) && boundary(d.Text, c.Start) && boundary(d.Text, c.End)
	if c.Quote == "" {
		if sameVersion && fits && c.Start < c.End {
			return Holds, c.Start, c.End
		}
		return Changed, 0, 0
	}
	if fits && d.Text[c.Start:c.End] == c.Quote && (sameVersion || c.surroundings(d.Text, c.Start) > 0 || strings.Count(d.Text, c.Quote) == 1) {
		return Holds, c.Start, c.End
	}
	if sameVersion {
		return Changed, 0, 0 // the pointer never pointed at its quote
	}
	// The quote elsewhere: the occurrence whose surroundings match best, ties to the nearest.
	best, bestScore := -1, -1
	for at := 0; at <= len(d.Text); {
		i := strings.Index(d.Text[at:], c.Quote)
		if i < 0 {
			break
		}
		at += i
		score := c.surroundings(d.Text, at)
		if score > bestScore || score == bestScore && distance(at, c.Start) < distance(best, c.Start) {
			best, bestScore = at, score
		}
		at++
	}
	if best >= 0 {
		if best == c.Start {
			return Holds, best, best + len(c.Quote)
		}
		return Moved, best, best + len(c.Quote)
	}
	if s, e, ok := c.between(d.Text); ok {
		return Changed, s, e
	}
	return Changed, 0, 0
}

// surroundings counts the bytes around an occurrence at i that match Before and After.
func (c Citation) surroundings(text string, i int) int {
	n := 0
	for k := 1; k <= len(c.Before) && i-k >= 0 && text[i-k] == c.Before[len(c.Before)-k]; k++ {
		n++
	}
	end := i + len(c.Quote)
	for k := 0; k < len(c.After) && end+k < len(text) && text[end+k] == c.After[k]; k++ {
		n++
	}
	return n
}

// between finds what now stands between Before and After, at most three times
// as long as the quote was.
func (c Citation) between(text string) (start, end int, ok bool) {
	if c.Before == "" || c.After == "" {
		return 0, 0, false
	}
	i := strings.Index(text, c.Before)
	if i < 0 {
		return 0, 0, false
	}
	start = i + len(c.Before)
	j := strings.Index(text[start:], c.After)
	if j <= 0 || j > 3*len(c.Quote)+2*Context {
		return 0, 0, false
	}
	return start, start + j, true
}

func distance(a, b int) int {
	if a < b {
		return b - a
	}
	return a - b
}
