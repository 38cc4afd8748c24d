package text

import (
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"groundwork/knowledge"
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
)

var (
	replacing = regexp.MustCompile(`(?i)\b(?:replaces|supersedes?|obsoletes|replacement (?:for|of)|takes the place of|(?:instead|in place) of the (?:old|former|previous)|(?:these|they|we)\b[^.!?;\n]{0,40}?\breplace)\b`)
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
	for _, b := range blocks {
		if b.Kind == knowledge.Code {
			continue
		}
		s := t[b.Start:b.End]
		verbs := replacing.FindAllStringIndex(s, -1)
		if len(verbs) == 0 {
			continue
		}
		ls := links(b.Start, b.End, s)
		for _, v := range verbs {
			found = append(found, governed(s, b.Start, v, ls)...)
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
	from := runeEnd(s, max(0, v[0]-lookBack))
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
	if m := sentenceEnd.FindString(s[end:runeEnd(s, end+lookBack)]); strings.HasPrefix(m, "?") {
		return nil
	}
	return found
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
