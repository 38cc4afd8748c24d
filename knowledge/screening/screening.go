// Package screening keeps what is sensitive out of the collection: secrets,
// and documents that are marked as not for everybody. It looks at a file's
// path before the file is opened and at its text after it was read.
//
// What it looks for is a table of rules (tokens.go, credential.go, marking.go,
// path.go). A rule names its keywords; one pass over the text finds them all,
// and only around a keyword does the rule look closer. A new secret is a new
// row with its own examples; the tests run every row against them.
package screening

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"groundwork/knowledge"
)

// Version names this state of the rules. Another Version may find other
// things, so documents screened by an older one are to be screened again.
const Version = "screening/2"

// Screen finds what is sensitive. New makes one; the zero value finds nothing.
// It never changes, so any number of goroutines may use it at the same time.
type Screen struct {
	rules []rule
	keys  keywords
	paths []pathRule
}

// New returns a Screen with all rules.
func New() *Screen {
	s := &Screen{rules: slices.Concat(tokenRules(), credentialRules(), markingRules()), paths: pathRules()}
	s.keys = newKeywords(s.rules)
	return s
}

// Text returns what is sensitive in text, ordered by Start. Start and End are
// byte offsets on rune boundaries, Start < End, and mark the smallest stretch
// that must not leave: the password inside an address, but the whole block of a
// private key. Findings of one class do not overlap: where several rules found
// the same, the stretch covers all they found and bears the name of the most
// specific. It returns nil when nothing was found.
func (s *Screen) Text(text string) []knowledge.Finding {
	return s.findings(s.matches(text))
}

// match is what one rule found; rule is its row in the table.
type match struct {
	rule int
	span
}

// matches returns what each rule found, in no particular order.
func (s *Screen) matches(text string) []match {
	var found []match
	s.keys.scan(text, func(i int, key span) {
		if at, ok := s.rules[i].match(text, key); ok {
			found = append(found, match{i, at.widened(text)})
		}
	})
	return found
}

// findings orders matches and joins those of one class that overlap.
func (s *Screen) findings(found []match) []knowledge.Finding {
	slices.SortFunc(found, func(a, b match) int {
		return cmp.Or(cmp.Compare(s.rules[a.rule].class, s.rules[b.rule].class),
			cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.rule, b.rule))
	})
	var joined []match
	for _, m := range found {
		if n := len(joined) - 1; n >= 0 && m.start < joined[n].end && s.rules[m.rule].class == s.rules[joined[n].rule].class {
			joined[n].end = max(joined[n].end, m.end)
			// Rows are ordered from the most specific to the most general.
			joined[n].rule = min(joined[n].rule, m.rule)
			continue
		}
		joined = append(joined, m)
	}
	var out []knowledge.Finding
	for _, m := range joined {
		r := s.rules[m.rule]
		out = append(out, knowledge.Finding{Kind: r.kind, Class: r.class, Start: m.start, End: m.end, Rule: r.id})
	}
	slices.SortStableFunc(out, func(a, b knowledge.Finding) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// Reason says in one line what was found, for the ledger: the first finding and
// its line in text, then how many of each kind follow. It never holds a found
// value. text is what the findings point into; "" leaves out the line, as for
// the findings of Path. Without findings it returns "".
func Reason(findings []knowledge.Finding, text string) string {
	if len(findings) == 0 {
		return ""
	}
	first := findings[0]
	reason := withArticle(name(first.Kind))
	if first.Start < len(text) {
		reason += fmt.Sprintf(" in line %d", 1+strings.Count(text[:first.Start], "\n"))
	}
	rest := findings[1:]
	if len(rest) == 0 {
		return reason
	}
	var kinds []string
	count := map[string]int{}
	for _, f := range rest {
		if count[f.Kind] == 0 {
			kinds = append(kinds, f.Kind)
		}
		count[f.Kind]++
	}
	var parts []string
	for _, k := range kinds {
		if n := count[k]; n == 1 {
			parts = append(parts, withArticle(name(k)))
		} else {
			parts = append(parts, fmt.Sprintf("%d × %s", n, name(k)))
		}
	}
	more := "findings"
	if len(rest) == 1 {
		more = "finding"
	}
	return fmt.Sprintf("%s, and %d more %s: %s", reason, len(rest), more, strings.Join(parts, ", "))
}

// withArticle puts "a" or "an" before a name, by its sound.
func withArticle(name string) string {
	for _, vowel := range []string{"A", "a", "e", "i", "I", "o", "O", "npm"} {
		if strings.HasPrefix(name, vowel) {
			return "an " + name
		}
	}
	return "a " + name
}
