package office

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// gridCell is a cell of a table on a page or slide.
type gridCell struct {
	portions []portion
	span     int  // columns
	goesOn   bool // the cell above reaches into it
}

// span reads how many columns a cell covers, within reason.
func span(s string) int {
	n, _ := strconv.Atoi(s)
	return min(max(n, 1), 100)
}

const (
	longestRepeat = 100     // bytes of a cell that is said again in the rows it reaches into
	maxSpans      = 1 << 20 // empty cells that stand for wide ones, in a file
)

// lay makes rows of a table's cells. What a cell that reaches over several rows
// says is said in each of them. A row with one cell that is not empty, but for a
// short one below a head row, or with a table in a cell lays out the page: its
// blocks stand for themselves. The first row is the head row when heads says so,
// or when firstIsHead and its cells look like names.
func (o *office) lay(rows [][]gridCell, heads []bool, firstIsHead bool) []portion {
	var all []portion
	var above []string // by column
	headed := false
	group := o.group()
	for i, row := range rows {
		var cells []string
		filled, tables, names := 0, false, true // names: they may be those of columns
		for _, c := range row {
			var words []string
			for _, p := range c.portions {
				tables = tables || p.kind == knowledge.Row
				words = append(words, append(p.cells, p.text)...)
			}
			s := strings.Join(strings.Fields(strings.Join(words, " ")), " ")
			if column := len(cells); c.goesOn && s == "" && column < len(above) && len(above[column]) <= longestRepeat {
				s = above[column]
			}
			if s != "" {
				filled++
			}
			names = names && len(s) <= longestRepeat && !strings.HasSuffix(s, ":")
			cells = append(cells, s)
			for range min(c.span-1, maxSpans-o.spans) {
				cells = append(cells, "")
				o.spans++
			}
		}
		if tables || filled <= 1 && !(headed && filled == 1 && len(strings.Join(cells, "")) <= longestRepeat) {
			for _, c := range row {
				all = append(all, c.portions...)
			}
		} else {
			p := portion{kind: knowledge.Row, group: group, cells: cells}
			if heads[i] || i == 0 && firstIsHead && len(rows) > 1 && names && 2*filled > len(row) {
				p.level = 1
			}
			headed = headed || p.level > 0
			all = append(all, p)
		}
		above = cells
	}
	return all
}

// sheetRow is a row of a spreadsheet with the cells that are not empty.
type sheetRow struct {
	number int // from 1
	cells  []sheetCell
}

type sheetCell struct {
	column int // from 0
	text   string
	figure bool // a number or a date
}

// addSheet appends a sheet: its name as a heading, then its tables, which empty
// rows part. A table's columns are those in which something stands. Lines above
// it with one cell are paragraphs; its first row is the head row when it holds
// words only and names half of the columns.
func addSheet(d *draft.Draft, o *office, name string, rows []sheetRow) {
	if len(rows) == 0 {
		return
	}
	d.At(name)
	d.Add(knowledge.Heading, 1, 0, name)
	var before []int // columns of the table before
	for from := 0; from < len(rows) && !d.Full; {
		to := from + 1
		for to < len(rows) && rows[to].number == rows[to-1].number+1 {
			to++
		}
		columns := map[int]int{}
		var used []int
		for _, r := range rows[from:to] {
			for _, c := range r.cells {
				if _, ok := columns[c.column]; !ok {
					columns[c.column] = 0
					used = append(used, c.column)
				}
			}
		}
		slices.Sort(used)
		for i, c := range used {
			columns[c] = i
		}
		group, title := o.group(), from
		for ; from < to; from++ {
			r := rows[from]
			d.At(placeOf(name, r.cells[0].column, r.number))
			if len(used) == 1 || len(r.cells) == 1 && from == title {
				d.Add(knowledge.Paragraph, 0, 0, r.cells[0].text)
				title++
				continue
			}
			cells := make([]string, len(used))
			head := from == title && from+1 < to && 2*len(r.cells) >= len(used) && !(slices.Equal(before, used) && rows[from].number == rows[max(from, 1)-1].number+2)
			named := 0
			for _, c := range r.cells {
				cells[columns[c.column]] = c.text
				head = head && !c.figure
				if strings.ContainsFunc(c.text, unicode.IsLetter) {
					named++
				}
			}
			head = head && named >= 2
			d.Row(group, head, cells)
		}
		before = used
	}
}

// placeOf is the name of a cell as spreadsheets write it: Sheet1!B4, 'My sheet'!B4.
func placeOf(sheet string, column, row int) string {
	if strings.ContainsFunc(sheet, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' }) {
		sheet = "'" + strings.ReplaceAll(sheet, "'", "''") + "'"
	}
	return fmt.Sprintf("%s!%s%d", sheet, columnName(column), row)
}

// columnName writes column 0 as A and 27 as AB.
func columnName(n int) string {
	name := ""
	for n++; n > 0; n = (n - 1) / 26 {
		name = string(rune('A'+(n-1)%26)) + name
	}
	return name
}
