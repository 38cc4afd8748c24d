package text

import (
	"fmt"
	"slices"
	"strings"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// Bounds of a table in plain text.
const (
	longestCell = 64 << 10 // bytes of a quoted cell; a quote that is not closed by then is a sign like any other
	sampleRows  = 30       // from which the delimiter is told
	headWithin  = 10       // rows that may stand above the head row
)

// readTable reads comma-separated values and their kin (RFC 4180, with other
// delimiters and with mistakes): a row is a block, and its place the line it
// begins in.
func readTable(t, stem string) knowledge.Reading {
	line := 1
	delimiter := byte(0)
	if rest, ok := strings.CutPrefix(t, "sep="); ok && len(rest) > 1 && rest[1] == '\n' { // as spreadsheets write it
		delimiter, t, line = rest[0], rest[2:], 2
	}
	if delimiter == 0 {
		delimiter = delimiterOf(t)
	}
	var d draft.Draft
	var above []tableLine // rows that wait until it is known whether a head row follows
	write := func(headed bool) {
		for i, row := range above {
			d.At(fmt.Sprintf("line %d", row.number))
			d.Row(1, headed && i == len(above)-1, row.cells)
		}
		above = nil
	}
	decided := false
	for len(t) > 0 && !d.Full {
		cells, n := tableRow(t, delimiter)
		above = append(above, tableLine{line, cells})
		headed := !decided && heads(cells)
		if decided = decided || headed || len(above) == headWithin; decided {
			write(headed)
		}
		line += strings.Count(t[:n], "\n")
		t = t[n:]
	}
	write(false)
	return d.Reading("", stem)
}

type tableLine struct {
	number int
	cells  []string
}

// heads reports whether a row may be the names of columns: words in most cells,
// figures in none.
func heads(cells []string) bool {
	named := 0
	for _, c := range cells {
		c = strings.TrimSpace(c)
		if c == "" {
			continue
		}
		if strings.Trim(c, "0123456789.,+-%:/ ") == "" {
			return false
		}
		named++
	}
	return named > 0 && 2*named > len(cells)
}

// delimiterOf returns the sign that cuts the first rows into the same number of
// cells most often; a comma when none does.
func delimiterOf(t string) byte {
	best, bestScore := byte(','), 0.
	for _, sign := range []byte{',', ';', '\t', '|'} {
		counts, rest := map[int]int{}, t
		rows := 0
		for ; rows < sampleRows && len(rest) > 0; rows++ {
			cells, n := tableRow(rest, sign)
			counts[len(cells)]++
			rest = rest[n:]
		}
		for cells, n := range counts {
			if score := float64(n)/float64(rows) + float64(min(cells, 100))/10000; cells > 1 && score > bestScore {
				best, bestScore = sign, score
			}
		}
	}
	return best
}

// tableRow cuts the first row off t; n is its length with the line end.
func tableRow(t string, delimiter byte) (cells []string, n int) {
	stops := string([]byte{delimiter, '\n'})
	for {
		var cell string
		quoted := false
		if n < len(t) && t[n] == '"' {
			var took int
			if cell, took, quoted = quotedCell(t[n:]); quoted {
				n += took
			}
		}
		end := strings.IndexAny(t[n:], stops)
		if end < 0 {
			end = len(t) - n
		}
		cells = append(cells, cell+t[n:n+end])
		n += end
		if n == len(t) {
			return cells, n
		}
		n++
		if t[n-1] == '\n' {
			return cells, n
		}
	}
}

// quotedCell reads a cell that begins with a quote; ok is false when nothing
// closes it.
func quotedCell(t string) (cell string, n int, ok bool) {
	t = t[:min(len(t), longestCell)]
	var b strings.Builder
	for n = 1; ; {
		i := strings.IndexByte(t[n:], '"')
		if i < 0 {
			return "", 0, false
		}
		b.WriteString(t[n : n+i])
		n += i + 1
		if n == len(t) || t[n] != '"' {
			return b.String(), n, true
		}
		b.WriteByte('"')
		n++
	}
}

// longCode is how many lines of code stand in one block although they could be
// cut.
const longCode = 60

// readCode reads source code and data: its text is the normalised file, a block
// is a function or what else stands between empty lines, and its place the line
// it begins in.
func readCode(t, name string) knowledge.Reading {
	r := knowledge.Reading{Text: t, Title: draft.OneLine(draft.Tidy(strings.ToValidUTF8(name, "\uFFFD")))}
	var lines []codeLine
	for at := 0; at < len(t); {
		end := len(t)
		if i := strings.IndexByte(t[at:], '\n'); i >= 0 {
			end = at + i
		}
		words := strings.TrimLeft(t[at:end], " \t")
		lines = append(lines, codeLine{start: at, end: end, indent: end - at - len(words), blank: strings.TrimSpace(words) == "", closes: words != "" && strings.IndexByte("})]", words[0]) >= 0})
		at = end + 1
	}
	o := outline{text: t}
	number, at := 1, 0
	for _, c := range codeChunks(lines, true) {
		before := len(o.blocks)
		o.add(knowledge.Code, 0, lines[c[0]].start, lines[c[1]-1].end)
		for _, b := range o.blocks[before:] {
			number += strings.Count(t[at:b.Start], "\n")
			at = b.Start
			r.Places = append(r.Places, knowledge.Place{Start: b.Start, Name: fmt.Sprintf("line %d", number)})
		}
	}
	r.Blocks = o.blocks
	return r
}

type codeLine struct {
	start, end, indent int
	blank, closes      bool
}

// codeChunks cuts lines where after an empty line one stands as far left as any
// that does; a chunk that is still long is cut again where fewer indented lines
// begin. Chunks are returned as first line and the line behind the last.
func codeChunks(lines []codeLine, always bool) (chunks [][2]int) {
	type span struct {
		from, to int
		always   bool
	}
	for todo := []span{{0, len(lines), always}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		least, cuts := -1, []int(nil)
		if s.always || s.to-s.from > longCode {
			for i := s.from + 1; i < s.to; i++ {
				l := lines[i]
				if l.blank || l.closes || !lines[i-1].blank {
					continue
				}
				switch {
				case least < 0 || l.indent < least:
					least, cuts = l.indent, []int{i}
				case l.indent == least:
					cuts = append(cuts, i)
				}
			}
		}
		if len(cuts) == 0 {
			if s.from < s.to {
				chunks = append(chunks, [2]int{s.from, s.to})
			}
			continue
		}
		to := s.to
		for _, c := range slices.Backward(cuts) {
			todo = append(todo, span{c, to, false})
			to = c
		}
		todo = append(todo, span{s.from, to, false})
	}
	return chunks
}
