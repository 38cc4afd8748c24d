package judged

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/internal/fault"
)

// WriteTREC writes rankings as a TREC run, one line a document: query, Q0,
// document, rank from 1, score, tag. Blanks in ids and tag are percent-encoded,
// and so is the percent sign. trec_eval ranks by score alone, in 32 bits, and
// breaks ties by document id: a score that would not stand below the one before
// it is written as the next lower number, so that every tool sees this order.
// Errors are those of w.
func WriteTREC(w io.Writer, queries []Query, rankings map[string][]Ranked, tag string) error {
	out := bufio.NewWriter(w)
	for _, q := range queries {
		above := float32(math.Inf(1))
		for i, r := range rankings[q.ID] {
			score := min(float32(r.Score), math.Nextafter32(above, float32(math.Inf(-1))))
			above = score
			fmt.Fprintf(out, "%s Q0 %s %d %s %s\n", encode(q.ID), encode(r.Document), i+1, strconv.FormatFloat(float64(score), 'g', -1, 32), encode(tag))
		}
	}
	return out.Flush()
}

// ReadTREC reads a TREC run: each query's ranking in the order that trec_eval
// gives it, by score in 32 bits, ties by document id, the higher first; the
// ranks in the file count for nothing. name is for faults. Faults: Input for
// what is malformed, with its line.
func ReadTREC(r io.Reader, name string) (map[string][]Ranked, error) {
	rankings := map[string][]Ranked{}
	seen := map[[2]string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	n := 0
	for lines.Scan() {
		n++
		wrong := func(what string) error {
			return fault.New(fault.Input, fmt.Sprintf("read %s:%d: %s", name, n, what), "a TREC run has lines of: query Q0 document rank score tag")
		}
		if !utf8.Valid(lines.Bytes()) {
			return nil, wrong("it is not UTF-8")
		}
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 6 {
			return nil, wrong(fmt.Sprintf("%d columns, want 6", len(fields)))
		}
		score, err := strconv.ParseFloat(fields[4], 32)
		if err != nil || !(math.Abs(score) <= 1e38) { // leaves room for WriteTREC's next lower number
			return nil, wrong(fmt.Sprintf("the score %q is not a number", fields[4]))
		}
		query, document := decode(fields[0]), decode(fields[2])
		if at, twice := seen[[2]string{query, document}]; twice {
			return nil, wrong(fmt.Sprintf("the document stands in line %d already, for the same query", at))
		}
		seen[[2]string{query, document}] = n
		rankings[query] = append(rankings[query], Ranked{document, score})
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Wrap(fault.Input, err, fmt.Sprintf("read %s:%d", name, n+1), "a TREC run has lines of: query Q0 document rank score tag")
	}
	for _, ranking := range rankings {
		slices.SortFunc(ranking, func(a, b Ranked) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(b.Document, a.Document))
		})
	}
	return rankings, nil
}

// encode makes an id one word.
func encode(id string) string {
	var b strings.Builder
	for _, r := range id {
		if r != '%' && !unicode.IsSpace(r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// decode undoes encode; a word that encode cannot have written stays as it is.
func decode(word string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '%' && i+3 <= len(word) {
			if c, err := strconv.ParseUint(word[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(word[i])
	}
	if id := b.String(); utf8.ValidString(id) && encode(id) == word {
		return id
	}
	return word
}
