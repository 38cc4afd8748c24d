package answer

import (
	"context"
	"slices"
	"strings"

	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// versions puts the newer of two versions in the place of the older and reports
// both, and reports pages that say different things of the same. A page whose
// other version the asker may not read is treated as if it had none.
func (w want) versions(ctx context.Context, picked, candidates []stretch, docs documents) ([]stretch, []knowledge.Conflict, error) {
	var kept []stretch
	var conflicts []knowledge.Conflict
	report := func(kind knowledge.ConflictKind, newer, older stretch) error {
		n, err := newer.cite(newer.start, newer.end)
		if err != nil {
			return err
		}
		o, err := older.cite(older.start, older.end)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(conflicts, func(c knowledge.Conflict) bool {
			return c.Newer.Document == n.Document && c.Older.Document == o.Document
		}) {
			conflicts = append(conflicts, knowledge.Conflict{Kind: kind, Newer: n, Older: o})
		}
		return nil
	}
	for _, s := range picked {
		newest, err := w.newest(ctx, s, docs)
		if err != nil {
			return nil, nil, err
		}
		if newest.doc != s.doc {
			if err := report(knowledge.Replaced, newest, s); err != nil {
				return nil, nil, err
			}
		}
		for _, id := range newest.doc.Replaces {
			older, err := docs.open(ctx, id)
			if err != nil {
				return nil, nil, err
			}
			if older == nil || older == s.doc {
				continue
			}
			if o, ok := w.bestStretch(older, nil, 0, len(older.Text), newest.doc.Text[newest.start:newest.end]); ok && o.coverage >= .8*newest.coverage {
				if err := report(knowledge.Replaced, newest, o); err != nil {
					return nil, nil, err
				}
			}
		}
		if !slices.ContainsFunc(kept, func(k stretch) bool { return k.doc == newest.doc && k.start < newest.end && newest.start < k.end }) {
			kept = append(kept, newest)
		}
	}
	for _, s := range kept {
		for _, c := range candidates {
			if c.doc == s.doc || slices.ContainsFunc(conflicts, func(k knowledge.Conflict) bool { return k.Older.Document == c.doc.ID || k.Newer.Document == c.doc.ID }) {
				continue
			}
			if !contradicts(w, s, c) {
				continue
			}
			newer, older := s, c
			if older.doc.Date().After(newer.doc.Date()) {
				newer, older = older, newer
			}
			if err := report(knowledge.Contradiction, newer, older); err != nil {
				return nil, nil, err
			}
		}
	}
	return kept, conflicts, nil
}

// newest follows "replaces" from the stretch's document to the newest version
// the asker may read, and finds the stretch there; s itself when there is none.
func (w want) newest(ctx context.Context, s stretch, docs documents) (stretch, error) {
	seen := map[knowledge.DocumentID]bool{}
	for !seen[s.doc.ID] {
		seen[s.doc.ID] = true
		newer, err := docs.view.Documents(ctx, knowledge.Filter{Replaces: s.doc.ID})
		if err != nil {
			return s, err
		}
		for _, n := range newer {
			d, err := docs.open(ctx, n.ID)
			if err != nil {
				return s, err
			}
			if d == nil || seen[d.ID] {
				continue
			}
			if t, ok := w.bestStretch(d, nil, 0, len(d.Text), s.doc.Text[s.start:s.end]); ok && t.coverage >= .6*s.coverage {
				t.score = s.score
				s = t
				break
			}
		}
	}
	return s, nil
}

// contradicts reports whether two stretches of different documents speak of the
// same and name different figures.
func contradicts(w want, a, b stretch) bool {
	if a.coverage < .6 || b.coverage < .6 {
		return false
	}
	ta, tb := a.doc.Text[a.start:a.end], b.doc.Text[b.start:b.end]
	na, nb := figures(ta), figures(tb)
	if len(na) == 0 || len(nb) == 0 || slices.ContainsFunc(na, func(n string) bool { return slices.Contains(nb, n) }) {
		return false
	}
	return similarity(ta, tb) >= .3 && similarity(subject(a), subject(b)) >= .5
}

func subject(s stretch) string {
	t := s.doc.Title
	if s.found != nil {
		t += " " + strings.Join(s.found.Heading, " ")
	}
	return t
}

// figures returns the terms of text that begin with a digit.
func figures(text string) []string {
	var all []string
	for _, t := range term.Tokens(text) {
		if t.Word[0] >= '0' && t.Word[0] <= '9' && !t.Part {
			all = append(all, t.Word)
		}
	}
	return all
}

// similarity is the Jaccard index of two texts' stems without figures.
func similarity(a, b string) float64 {
	sa, sb := map[string]bool{}, map[string]bool{}
	for _, s := range term.Stems(a) {
		if s[0] < '0' || s[0] > '9' {
			sa[s] = true
		}
	}
	for _, s := range term.Stems(b) {
		if s[0] < '0' || s[0] > '9' {
			sb[s] = true
		}
	}
	both := 0
	for s := range sa {
		if sb[s] {
			both++
		}
	}
	if n := len(sa) + len(sb) - both; n > 0 {
		return float64(both) / float64(n)
	}
	return 0
}
