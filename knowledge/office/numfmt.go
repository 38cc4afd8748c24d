package office

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// numberFormat returns a number format that files name by number only (ECMA-376
// part 1, 18.8.30). Those that follow the reader's country are written in a form
// that every country reads alike.
func numberFormat(id int) string {
	switch {
	case id == 14 || id >= 27 && id <= 31 || id == 36 || id >= 50 && id <= 54 || id == 57 || id == 58:
		return "yyyy-mm-dd"
	case id >= 32 && id <= 35 || id == 55 || id == 56:
		return "h:mm:ss"
	}
	return map[int]string{
		1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
		15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm",
		37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)",
		41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
	}[id]
}

// sign is one sign of a number format.
type sign struct {
	kind byte // one of 0 # ? . , % / E @, a letter of a date, 'A' for AM/PM, '[' for elapsed time, '"' for words
	text string
}

// shown writes a stored number as a spreadsheet shows it under a number format;
// what the format does not tell, such as a fraction's denominator, is written
// plainly. since1904 is the calendar of old Macintosh files.
func shown(stored, format string, since1904 bool) string {
	v, err := strconv.ParseFloat(strings.TrimSpace(stored), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return stored
	}
	if len(format) > 255 { // no program writes longer ones
		format = ""
	}
	signs, negated := section(format, v)
	has := func(kinds string) bool {
		for _, s := range signs {
			if strings.IndexByte(kinds, s.kind) >= 0 {
				return true
			}
		}
		return false
	}
	switch {
	case has("ymdhsA["):
		if s, ok := shownDate(v, signs, since1904); ok {
			return s
		}
		return plainNumber(stored, v)
	case has("G@/"): // General, text, fractions
		s := plainNumber(stored, v)
		before, behind := around(signs)
		return strings.TrimSpace(before + s + behind)
	case !has("0#?"):
		before, _ := around(signs)
		if before == "" && strings.TrimSpace(strings.ReplaceAll(format, ";", "")) == "" && strings.Contains(format, ";") {
			return "" // ";;;" shows nothing
		}
		if before == "" {
			return plainNumber(stored, v)
		}
		return before
	}
	if negated {
		v, stored = math.Abs(v), strings.TrimPrefix(strings.TrimSpace(stored), "-")
	}
	return shownNumber(stored, v, signs)
}

// around returns the words before and behind the digits of a format.
func around(signs []sign) (before, behind string) {
	seen := false
	for _, s := range signs {
		switch {
		case s.kind != '"':
			seen = true
		case seen:
			behind += s.text
		default:
			before += s.text
		}
	}
	return before, behind
}

// plainNumber writes a number with at most 15 digits; whole ones keep all they
// have.
func plainNumber(stored string, v float64) string {
	stored = strings.TrimSpace(stored)
	if whole(stored) {
		return stored
	}
	s := strconv.FormatFloat(v, 'g', 15, 64)
	if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1e21 && (math.Abs(f) >= 1e-6 || f == 0) {
		s = strconv.FormatFloat(f, 'f', -1, 64)
	}
	return s
}

func whole(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// section returns the signs of the part of a format that is for v; negated is
// true when that part writes negative numbers in its own way.
func section(format string, v float64) (signs []sign, negated bool) {
	var parts [][]sign
	var limits []func(float64) bool
	var part []sign
	var limit func(float64) bool
	end := func() {
		parts, limits = append(parts, part), append(limits, limit)
		part, limit = nil, nil
	}
	for i := 0; i < len(format); {
		c := format[i]
		n := 1
		switch {
		case c == ';':
			end()
		case c == '"':
			j := strings.IndexByte(format[i+1:], '"')
			if j < 0 {
				j = len(format) - i - 1
			}
			part = append(part, sign{'"', format[i+1 : i+1+j]})
			n = j + 2
		case c == '\\' || c == '_' || c == '*':
			_, w := firstRune(format[i+1:])
			if c == '\\' {
				part = append(part, sign{'"', format[i+1 : i+1+w]})
			}
			n = 1 + w
		case c == '[':
			j := strings.IndexByte(format[i:], ']')
			if j < 0 {
				j = len(format) - i
			}
			in := format[i+1 : i+j]
			switch lower := strings.ToLower(in); {
			case lower != "" && (strings.Trim(lower, "h") == "" || strings.Trim(lower, "m") == "" || strings.Trim(lower, "s") == ""):
				part = append(part, sign{'[', lower})
			case strings.HasPrefix(in, "$"):
				money, _, _ := strings.Cut(in[1:], "-")
				part = append(part, sign{'"', money})
			case strings.HasPrefix(in, "<") || strings.HasPrefix(in, ">") || strings.HasPrefix(in, "="):
				limit = condition(in)
			}
			n = j + 1
		case hasFold(format[i:], "General"):
			part, n = append(part, sign{'G', ""}), 7
		case hasFold(format[i:], "AM/PM"):
			part, n = append(part, sign{'A', ""}), 5
		case hasFold(format[i:], "A/P"):
			part, n = append(part, sign{'A', ""}), 3
		case (c == 'E' || c == 'e') && i+1 < len(format) && (format[i+1] == '+' || format[i+1] == '-'):
			part, n = append(part, sign{'E', format[i+1 : i+2]}), 2
		case strings.IndexByte("yYmMdDhHsSeEgG", c) >= 0:
			for i+n < len(format) && format[i+n]|0x20 == c|0x20 {
				n++
			}
			kind := c | 0x20
			if kind == 'e' {
				kind = 'y'
			}
			if kind != 'g' { // the name of an era
				part = append(part, sign{kind, strings.ToLower(format[i : i+n])})
			}
		case strings.IndexByte("0#?.,%/@", c) >= 0:
			part = append(part, sign{c, string(c)})
		default:
			_, n = firstRune(format[i:])
			part = append(part, sign{'"', format[i : i+n]})
		}
		i += n
	}
	end()
	for i, l := range limits {
		if l != nil && l(v) {
			return parts[i], v < 0 && i > 0
		}
	}
	if limits[0] != nil && len(parts) > 1 {
		return parts[len(parts)-1], false
	}
	switch {
	case len(parts) > 2 && v == 0:
		return parts[2], false
	case len(parts) > 1 && v < 0 && !only(parts[1], '@'):
		return parts[1], true
	}
	return parts[0], false
}

func only(signs []sign, kind byte) bool { return len(signs) == 1 && signs[0].kind == kind }

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func firstRune(s string) (r rune, n int) {
	for i, c := range s {
		if i > 0 {
			return r, i
		}
		r = c
	}
	return r, len(s)
}

// condition reads "<100", ">=1".
func condition(s string) func(float64) bool {
	sign := strings.TrimRight(s, "0123456789.-")
	limit, err := strconv.ParseFloat(s[len(sign):], 64)
	if err != nil {
		return nil
	}
	return func(v float64) bool {
		switch sign {
		case "<":
			return v < limit
		case "<=":
			return v <= limit
		case ">":
			return v > limit
		case ">=":
			return v >= limit
		case "=":
			return v == limit
		}
		return v != limit
	}
}

// shownNumber writes digits where a format has places for them.
func shownNumber(stored string, v float64, signs []sign) string {
	first, last, point, power := -1, -1, -1, -1
	for i, s := range signs {
		switch s.kind {
		case '0', '#', '?':
			if power < 0 {
				if first < 0 {
					first = i
				}
				last = i
			}
		case '.':
			if point < 0 && power < 0 {
				point = i
			}
		case 'E':
			power = i
		}
	}
	if point >= 0 && point > last {
		last = point
	}
	if first < 0 || point >= 0 && point < first {
		first = point
	}
	wholeEnd := last + 1 // behind the last sign of the whole part
	if point >= 0 {
		wholeEnd = point
	}
	grouped, least, most, percent := false, 0, 0, 0
	for i, s := range signs {
		switch {
		case s.kind == '%':
			percent++
		case s.kind == ',' && i > first && i < wholeEnd:
			grouped = true
		case s.kind == ',' && i >= wholeEnd && power < 0 && i > last:
			v /= 1000
			stored = ""
		case power >= 0 && i > power:
		case point >= 0 && i > point && (s.kind == '0' || s.kind == '#' || s.kind == '?'):
			most++
			if s.kind == '0' {
				least = most
			}
		}
	}
	for range min(percent, 3) {
		v *= 100
		stored = ""
	}
	exponent := 0
	if power >= 0 && v != 0 {
		exponent = int(math.Floor(math.Log10(math.Abs(v))))
		v /= math.Pow(10, float64(exponent))
		stored = ""
	}
	most, least = min(most, 30), min(least, 30)
	digits := strconv.FormatFloat(halfUp(v, most), 'f', most, 64)
	if stored = strings.TrimSpace(stored); most == 0 && whole(stored) {
		digits = stored // with all its digits
	}
	minus := ""
	if digits, minus = strings.TrimPrefix(digits, "-"), digits[:len(digits)-len(strings.TrimPrefix(digits, "-"))]; strings.Trim(digits, "0.") == "" {
		minus = ""
	}
	units, parts, _ := strings.Cut(digits, ".")
	for len(parts) > least && strings.HasSuffix(parts, "0") {
		parts = parts[:len(parts)-1]
	}
	units = strings.TrimLeft(units, "0")
	// The places of the whole part take its digits from the right; the first takes
	// what is left.
	fill, written := make([]string, len(signs)), 0
	for i := wholeEnd - 1; i >= first && i >= 0; i-- {
		kind := signs[i].kind
		if kind != '0' && kind != '#' && kind != '?' {
			continue
		}
		take := 1
		if i == first {
			take = max(len(units), 1)
		}
		for range take {
			d := ""
			if len(units) > 0 {
				d, units = units[len(units)-1:], units[:len(units)-1]
			} else if kind == '0' {
				d = "0"
			}
			if d != "" {
				if grouped && written > 0 && written%3 == 0 {
					d += ","
				}
				written++
			}
			fill[i] = d + fill[i]
		}
	}
	var b strings.Builder
	b.WriteString(minus)
	tail := 0
	for i, s := range signs {
		switch s.kind {
		case '"':
			b.WriteString(s.text)
		case '%':
			b.WriteByte('%')
		case '.':
			if i == point && (parts != "" || least > 0) {
				if written == 0 {
					b.WriteByte('0')
				}
				b.WriteByte('.')
			}
		case 'E':
			b.WriteByte('E')
			if exponent < 0 {
				b.WriteByte('-')
			} else if s.text == "+" {
				b.WriteByte('+')
			}
			e := strconv.Itoa(max(exponent, -exponent))
			for width := places(signs[i:]); len(e) < width && len(e) < 4; {
				e = "0" + e
			}
			b.WriteString(e)
		case '0', '#', '?':
			switch {
			case power >= 0 && i > power:
			case point < 0 || i < point:
				b.WriteString(fill[i])
			case tail < len(parts):
				b.WriteByte(parts[tail])
				tail++
			}
		}
	}
	return strings.TrimSpace(b.String())
}

// halfUp rounds to decimals as spreadsheets do: of 15 digits, and 5 away from zero.
func halfUp(v float64, decimals int) float64 {
	scale := math.Pow(10, float64(decimals))
	scaled, err := strconv.ParseFloat(strconv.FormatFloat(v*scale, 'g', 15, 64), 64)
	if err != nil || math.Abs(scaled) >= 1e15 {
		return v
	}
	return math.Round(scaled) / scale
}

func places(signs []sign) int {
	n := 0
	for _, s := range signs {
		if s.kind == '0' {
			n++
		}
	}
	return n
}

// shownDate writes a day number as a date or a time; ok is false when it is
// beyond the calendar of spreadsheets.
func shownDate(v float64, signs []sign, since1904 bool) (string, bool) {
	if v < 0 || v >= 2958466 { // the year 10000
		return "", false
	}
	fraction := 0
	afternoon := false
	for i, s := range signs {
		if s.kind == 's' && i+1 < len(signs) && signs[i+1].kind == '.' {
			fraction = min(places(signs[i+1:]), 3)
		}
		afternoon = afternoon || s.kind == 'A'
	}
	step := math.Pow(10, float64(fraction))
	seconds := math.Round(v*86400*step) / step
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case since1904:
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case v < 60: // spreadsheets have a 29 February 1900, which never was
		epoch = time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)
	}
	whole := math.Floor(seconds)
	t := epoch.AddDate(0, 0, int(whole/86400)).Add(time.Duration(int(whole)%86400) * time.Second)
	ms := int(math.Round((seconds - whole) * 1000))
	var b strings.Builder
	last := byte(0) // of the signs of a date or time
	for i, s := range signs {
		switch s.kind {
		case '"', ',', '/':
			b.WriteString(s.text)
		case '.':
			b.WriteByte('.')
			if last == 's' && fraction > 0 {
				b.WriteString((strconv.Itoa(1000 + ms))[1 : 1+fraction])
			}
		case 'y':
			if len(s.text) == 2 && s.text != "ee" {
				b.WriteString(t.Format("06"))
			} else {
				b.WriteString(t.Format("2006"))
			}
		case 'm':
			minutes := last == 'h' || last == '[' && !strings.Contains(s.text, "mmm")
			for _, n := range signs[i+1:] {
				if n.kind == 's' {
					minutes = minutes || len(s.text) < 3
				}
				if strings.IndexByte("ymdhsA", n.kind) >= 0 {
					break
				}
			}
			switch {
			case minutes && len(s.text) == 1:
				b.WriteString(strconv.Itoa(t.Minute()))
			case minutes:
				b.WriteString(t.Format("04"))
			case len(s.text) == 5:
				b.WriteString(t.Format("Jan")[:1])
			default:
				b.WriteString(t.Format([]string{"1", "01", "Jan", "January"}[min(len(s.text), 4)-1]))
			}
		case 'd':
			b.WriteString(t.Format([]string{"2", "02", "Mon", "Monday"}[min(len(s.text), 4)-1]))
		case 'h':
			h := t.Hour()
			if afternoon {
				h = (h+11)%12 + 1
			}
			b.WriteString(pad(h, len(s.text)))
		case 's':
			b.WriteString(pad(t.Second(), len(s.text)))
		case 'A':
			b.WriteString(t.Format("PM"))
		case '[':
			switch s.text[0] {
			case 'h':
				b.WriteString(pad(int(whole)/3600, len(s.text)))
			case 'm':
				b.WriteString(pad(int(whole)/60, len(s.text)))
			case 's':
				b.WriteString(pad(int(whole), len(s.text)))
			}
		}
		if strings.IndexByte("ymdhs[", s.kind) >= 0 {
			last = s.kind
			if s.kind == '[' {
				last = s.text[0]
			}
		}
	}
	return strings.TrimSpace(b.String()), true
}

func pad(n, width int) string {
	s := strconv.Itoa(n)
	if len(s) < width && width == 2 {
		s = "0" + s
	}
	return s
}
