package text

import (
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// link is a stretch of a text that leads to target.
type link struct {
	start, end int
	target     string
}

const (
	reach     = 60  // characters from the verb to the link it governs
	lookBack  = 200 // bytes of the sentence before the verb
	asSubject = 20  // bytes between a link and the verb that it is the subject of
	mostVerbs = 500 // verbs that are looked at in a document
)

var (
	replacing  = regexp.MustCompile(`(?i)\b(?:replaces|supersedes?|obsoletes|replacement (?:for|of)|takes the place of|(?:instead|in place) of the (?:old|former|previous)|(?:these|they|we)\b[^.!?;\n]{0,40}?\breplace)\b`)
	outdated   = regexp.MustCompile(`(?i)\b(?:(?:is|are|has become) (?:now |hereby |therefore )?(?:out of date|outdated|obsolete|void|withdrawn)|(?:is |are )?no longer (?:applies|apply|valid|in force|holds?)|ceases? to apply|must no longer be used)\b`)
	replacedBy = regexp.MustCompile(`(?i)(?:^|[.!?:*_>\s])(?:(?:this|the) (?:page|document|rule|guide|policy|version|sheet|notice|leaflet|instruction|plan|list|form)\b[^.!?\n]{0,40}\b(?:is|was|has been)\s+|)(?:superseded|replaced|obsoleted) by\b|^\W*(?:out of date|outdated|obsolete|no longer valid)\b[^\n]{0,60}?\b(?:see|on|in|is|use|at)\b`)
	// Words that make of "replaces" a denial, a condition, a plan or a question.
	unreal      = regexp.MustCompile(`(?i)\b(?:not|never|no|none|nor|neither|nothing|nobody|cannot|without|if|unless|until|once|when|whether|before|what|who|partly|partially)\b|n['’]t\b|\b(?:to|may|might|should|would|could|can|must|will|does|do|did|looking for an?|needs? an?)\s+(?:\pL+\s+)?$`)
	sentenceEnd = regexp.MustCompile(`[.!?;](?:[\s*_)"”]|$)|\n\s*\n`)
	aside       = regexp.MustCompile(`(?i)\b(?:see|by|with|according|described|explained|defined|listed|than)\b`)
	joined      = regexp.MustCompile(`^[\s*_"”)]*(?:,|,?\s*and\b|,?\s*or\b|&|,?\s*as well as\b)[\s*_"“(]*(?:the\s+)?$`)
)

// replaces finds the documents that sentences of the text say it replaces: a
// link shortly after a verb of replacing whose subject is this document. links
// returns the links in s, which is t[start:end].
func replaces(t string, blocks []knowledge.Block, links func(start, end int, s string) []link) []string {
	var found []string
	left := mostVerbs
	for _, b := range blocks {
		if b.Kind == knowledge.Code || left == 0 {
			continue
		}
		s := t[b.Start:b.End]
		ls := links(b.Start, b.End, s)
		if len(ls) == 0 {
			continue
		}
		verbs := replacing.FindAllStringIndex(s, left)
		left -= len(verbs)
		ends := outdated.FindAllStringIndex(s, left)
		left -= len(ends)
		for _, v := range verbs {
			found = append(found, governed(s, b.Start, v, ls)...)
		}
		for _, v := range ends {
			found = append(found, ended(s, b.Start, v, ls)...)
		}
	}
	return found
}

// governed returns the targets of the links that the verb at v governs.
func governed(s string, offset int, v []int, ls []link) []string {
	next := sort.Search(len(ls), func(i int) bool { return ls[i].start-offset >= v[1] })
	if next == len(ls) {
		return nil
	}
	from := draft.RuneEnd(s, max(0, v[0]-lookBack))
	if ends := sentenceEnd.FindAllStringIndex(s[from:v[0]], -1); ends != nil {
		from += ends[len(ends)-1][1]
	}
	if unreal.MatchString(s[from:v[0]]) || unreal.MatchString(s[v[0]:v[1]]) {
		return nil
	}
	if next > 0 {
		if end := ls[next-1].end - offset; end > from && v[0]-end <= asSubject && !strings.Contains(s[min(end, v[0]):v[0]], ",") {
			return nil // another document is what replaces
		}
	}
	gap := s[v[1] : ls[next].start-offset]
	if utf8.RuneCountInString(gap) > reach || sentenceEnd.MatchString(gap) || aside.MatchString(gap) || unreal.MatchString(gap) {
		return nil
	}
	var found []string
	end := 0
	for i := next; i < len(ls); i++ {
		if i > next && !joined.MatchString(s[end:max(end, ls[i].start-offset)]) {
			break
		}
		if p := relative(ls[i].target); p != "" {
			found = append(found, p)
		}
		end = ls[i].end - offset
	}
	if m := sentenceEnd.FindString(s[end:draft.RuneEnd(s, end+lookBack)]); strings.HasPrefix(m, "?") {
		return nil
	}
	return found
}

// successors finds the documents that a text says it is replaced by: a link
// shortly after "this page is superseded by", or after "superseded by" at the
// start of a sentence.
func successors(t string, blocks []knowledge.Block, links func(start, end int, s string) []link) []string {
	var found []string
	left := mostVerbs
	for _, b := range blocks {
		if b.Kind == knowledge.Code || left == 0 {
			continue
		}
		s := t[b.Start:b.End]
		verbs := replacedBy.FindAllStringIndex(s, left)
		left -= len(verbs)
		if len(verbs) == 0 {
			continue
		}
		ls := links(b.Start, b.End, s)
		for _, v := range verbs {
			before := strings.TrimRight(s[:v[0]], " \n*_>\"“(")
			said := s[v[0]:v[1]]
			next := sort.Search(len(ls), func(i int) bool { return ls[i].start-b.Start >= v[1] })
			if next == len(ls) || unreal.MatchString(said) || !strings.Contains(strings.ToLower(said), "th") && before != "" && !strings.ContainsAny(before[len(before)-1:], ".!?:") {
				continue
			}
			if gap := s[v[1] : ls[next].start-b.Start]; utf8.RuneCountInString(gap) > reach || sentenceEnd.MatchString(gap) {
				continue
			}
			if p := relative(ls[next].target); p != "" {
				found = append(found, p)
			}
		}
	}
	return distinct(found)
}

// ended returns the target of the link that is the subject of the words at v,
// which say that it holds no longer.
func ended(s string, offset int, v []int, ls []link) []string {
	next := sort.Search(len(ls), func(i int) bool { return ls[i].end-offset > v[0] })
	if next == 0 {
		return nil
	}
	l := ls[next-1]
	gap := s[l.end-offset : v[0]]
	from := draft.RuneEnd(s, max(0, l.start-offset-lookBack))
	before := s[from : l.start-offset]
	if ends := sentenceEnd.FindAllStringIndex(before, -1); ends != nil {
		before = before[ends[len(ends)-1][1]:]
	}
	if len(gap) > asSubject || sentenceEnd.MatchString(gap) || unreal.MatchString(before) {
		return nil
	}
	if p := relative(l.target); p != "" {
		return []string{p}
	}
	return nil
}

var scheme = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]+:|//)`)

// relative returns the path that a link within a source leads to, without
// fragment and query, or "" for addresses elsewhere.
func relative(target string) string {
	target = strings.TrimSpace(target)
	if i := strings.IndexAny(target, "#?"); i >= 0 {
		target = target[:i]
	}
	if target == "" || scheme.MatchString(target) {
		return ""
	}
	if p, err := url.PathUnescape(target); err == nil && utf8.ValidString(p) {
		target = p
	}
	return target
}

// distinct drops later doubles.
func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
