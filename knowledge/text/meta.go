package text

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
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
		m.title = draft.Tidy(html.UnescapeString(first))
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
	d, ok := draft.ParseDate(s)
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
