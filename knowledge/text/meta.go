package text

import (
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"groundwork/knowledge"
)

// meta is what a file says about itself before its text begins.
type meta struct {
	end      int // where the text begins; 0 when there is no front matter
	title    string
	lang     string
	changed  time.Time // by date, updated
	checked  time.Time // by last-reviewed, as-of
	replaces []string
	replaced []string
	readers  *knowledge.Readers
	warnings []string
}

func (m meta) apply(r *knowledge.Reading) {
	r.Lang, r.Replaces, r.Replaced, r.Readers, r.Dated = m.lang, m.replaces, m.replaced, m.readers, m.changed
	if r.Dated.IsZero() {
		r.Dated = m.checked
	}
	r.Warnings = append(r.Warnings, m.warnings...)
}

const longestFrontMatter = 64 << 10 // bytes

var keyLine = regexp.MustCompile(`(?m)^[A-Za-z][\w -]*\s*[:=](?:\s|$)`)

// frontMatter reads YAML between lines of three dashes, or TOML between lines of
// three plus signs, at the very start of a text. What is broken is read line by
// line; a stretch without any key is no front matter.
func frontMatter(t string) meta {
	mark, rest, _ := strings.Cut(t, "\n")
	if mark = strings.TrimRight(mark, " \t"); mark != "---" && mark != "+++" {
		return meta{}
	}
	begin := len(t) - len(rest)
	body, end := "", -1
	for at := begin; at < len(t) && at-begin <= longestFrontMatter; {
		line, _, _ := strings.Cut(t[at:], "\n")
		next := min(at+len(line)+1, len(t))
		if l := strings.TrimRight(line, " \t"); l == mark || l == "..." && mark == "---" {
			body, end = t[begin:at], next
			break
		}
		at = next
	}
	if end < 0 {
		return meta{}
	}
	m := meta{end: end}
	if mark == "+++" {
		if !keyLine.MatchString(body) {
			return meta{}
		}
		m.lines(body, "=")
		return m
	}
	var doc yaml.Node
	err := yaml.Unmarshal([]byte(body), &doc)
	switch {
	case err == nil && strings.TrimSpace(body) == "":
	case err == nil && len(doc.Content) == 0 && !keyLine.MatchString(body): // comments
	case err == nil && len(doc.Content) == 1 && doc.Content[0].Kind == yaml.MappingNode:
		pairs := doc.Content[0].Content
		for i := 0; i+1 < len(pairs); i += 2 {
			values, ok := scalars(pairs[i+1])
			m.set(pairs[i].Value, values, ok)
		}
	case keyLine.MatchString(body):
		m.warnings = append(m.warnings, "the front matter is not valid YAML; it was read line by line")
		m.lines(body, ":")
	default:
		return meta{}
	}
	return m
}

// scalars returns a node's value, or its list of values.
func scalars(n *yaml.Node) (values []string, ok bool) {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, true
	case n.Kind == yaml.ScalarNode:
		return []string{n.Value}, true
	case n.Kind != yaml.SequenceNode:
		return nil, false
	}
	ok = true
	for _, c := range n.Content {
		if c.Kind != yaml.ScalarNode {
			ok = false
			continue
		}
		values = append(values, c.Value)
	}
	return values, ok
}

// lines reads "key: value", "key: [a, b]" and lists of "- value" below a key.
func (m *meta) lines(body, sign string) {
	key, values := "", []string(nil)
	done := func() {
		if key != "" {
			m.set(key, values, true)
		}
		key, values = "", nil
	}
	for line := range strings.SplitSeq(body, "\n") {
		k, v, found := strings.Cut(line, sign)
		trimmed := strings.TrimSpace(line)
		switch {
		case sign == "=" && strings.HasPrefix(trimmed, "["):
			done()
			return // a section of its own
		case strings.HasPrefix(trimmed, "- "):
			values = append(values, unquote(trimmed[2:]))
		case found && k != "" && !unicode.IsSpace(rune(k[0])):
			done()
			key = k
			if v = strings.TrimSpace(v); strings.HasPrefix(v, "[") {
				for part := range strings.SplitSeq(strings.Trim(v, "[]"), ",") {
					values = append(values, unquote(part))
				}
			} else if v != "" {
				values = append(values, unquote(v))
			}
		}
	}
	done()
}

func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// set takes one pair; ok is false when the value has no form that fits.
func (m *meta) set(key string, values []string, ok bool) {
	key = strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(strings.TrimSpace(key)))
	first := ""
	if len(values) > 0 {
		first = strings.TrimSpace(values[0])
	}
	switch key {
	case "title":
		m.title = tidy(html.UnescapeString(first))
	case "lang", "language":
		m.lang = first
	case "date", "updated", "last-updated":
		m.date(&m.changed, key, first)
	case "last-reviewed", "as-of":
		m.date(&m.checked, key, first)
	case "replaces", "supersedes", "obsoletes":
		m.replaces = append(m.replaces, paths(values)...)
	case "replaced-by", "superseded-by", "obsoleted-by":
		m.replaced = append(m.replaced, paths(values)...)
	case "readers":
		asked := knowledge.ParseReaders(strings.Join(values, ",")) // access: front matter
		if slices.Contains(asked.Groups, "all") {                  // access: front matter for all
			asked = knowledge.Readers{Everyone: true}
		}
		if !ok || len(values) == 0 { // access: front matter by a slip
			// Whoever meant to keep readers out must not have let them in by a slip.
			asked = knowledge.Readers{}
			m.warnings = append(m.warnings, "the readers in the front matter are neither a list nor names; only the owner may read this")
		}
		if m.readers != nil {
			asked = m.readers.Narrow(asked) // access: front matter twice
		}
		m.readers = &asked
	}
}

// paths returns the values that lead to other documents.
func paths(values []string) []string {
	var all []string
	for _, v := range values {
		if p := relative(v); p != "" {
			all = append(all, p)
		}
	}
	return all
}

// date keeps the newest of the dates that say the same.
func (m *meta) date(to *time.Time, key, s string) {
	d, ok := parseDate(s)
	if !ok {
		if s != "" {
			m.warnings = append(m.warnings, "the front matter's "+key+" is not a date that can be read")
		}
		return
	}
	if d.After(*to) {
		*to = d
	}
}

var (
	isoDate    = regexp.MustCompile(`^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ]|\b)`)
	dottedDate = regexp.MustCompile(`^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\b`)
	dayFirst   = regexp.MustCompile(`^(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(\pL{3,9})\.?,?\s+(\d{4})\b`)
	monthFirst = regexp.MustCompile(`^(\pL{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b`)
)

var months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
	"januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "dezember"}

// parseDate reads the date at the start of s, and its time where there is one.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), true
		}
	}
	var y, m, d string
	if p := isoDate.FindStringSubmatch(s); p != nil {
		y, m, d = p[1], p[2], p[3]
	} else if p := dottedDate.FindStringSubmatch(s); p != nil {
		y, m, d = p[3], p[2], p[1]
	} else if p := dayFirst.FindStringSubmatch(s); p != nil {
		y, m, d = p[3], month(p[2]), p[1]
	} else if p := monthFirst.FindStringSubmatch(s); p != nil {
		y, m, d = p[3], month(p[1]), p[2]
	}
	year, _ := strconv.Atoi(y)
	mon, _ := strconv.Atoi(m)
	day, _ := strconv.Atoi(d)
	t := time.Date(year, time.Month(mon), day, 0, 0, 0, 0, time.UTC)
	if year < 1900 || year > 2200 || t.Day() != day || int(t.Month()) != mon {
		return time.Time{}, false
	}
	return t, true
}

// month returns the number of a month's name or of its beginning, or "".
func month(name string) string {
	name = strings.ToLower(name)
	for i, m := range months {
		if strings.HasPrefix(m, name) {
			return strconv.Itoa(i%12 + 1)
		}
	}
	return ""
}

const dateWithin = 600 // bytes at the top of a text where a date speaks for all of it

var dateLabel = regexp.MustCompile(`(?im)(?:^[\s>*_|#(~-]*|[.;|(]\s+)(?:last\s+(?:updated?|reviewed|review|modified|changed|revised|edited)|updated|reviewed|revised|date|dated|datum|stand|as of|as at|valid from|effective(?:\s+(?:from|date|as of))?|in force (?:since|from)|gültig ab)\b[\s*_]*[:|]?[\s*_|]*(?:on\s+)?`)

// statedDate finds a date that the text states of itself near its top.
func statedDate(t string, blocks []knowledge.Block, from int) time.Time {
	for _, b := range blocks {
		if b.Start >= from+dateWithin {
			break
		}
		if b.Kind == knowledge.Code {
			continue
		}
		s := t[b.Start:b.End]
		for _, m := range dateLabel.FindAllStringIndex(s[:runeEnd(s, from+dateWithin-b.Start)], -1) {
			if d, ok := parseDate(s[m[1]:runeEnd(s, m[1]+40)]); ok {
				return d
			}
		}
	}
	return time.Time{}
}

// runeEnd returns the last rune boundary of s that is not after n.
func runeEnd(s string, n int) int {
	if n >= len(s) {
		return len(s)
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}
