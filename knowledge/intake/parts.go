package intake

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"groundwork/knowledge"
)

// A file inside a file has the path "<path>!/<name>" in the ledger and in its
// DocumentID, and the readers of the file it is in. It is read when that file
// is; what became of it is written before what became of that file.

// Bounds of what is read inside one file of a source.
const (
	mostParts = 20_000
	mostBytes = 256 << 20
	deepest   = 3 // files in files in files
)

// kept is what is known before a sync.
type kept struct {
	ledger    map[string]knowledge.Entry
	listed    map[string]bool     // paths that the source has now
	parts     map[string][]string // by path of a listed file: the entries of what is in it, ordered
	forgotten func(knowledge.DocumentID, knowledge.Hash) string
	large     chan struct{} // of files with files in them one is in memory at a time
}

func newKept(ledger map[string]knowledge.Entry, listing knowledge.Listing, forgotten func(knowledge.DocumentID, knowledge.Hash) string) kept {
	k := kept{ledger: ledger, listed: map[string]bool{}, parts: map[string][]string{}, forgotten: forgotten}
	for _, f := range listing.Files {
		k.listed[f.Path] = true
	}
	for p := range ledger {
		if c := container(p, k.lists); c != "" && !k.listed[p] {
			k.parts[c] = append(k.parts[c], p)
		}
	}
	for _, paths := range k.parts {
		slices.Sort(paths)
	}
	return k
}

func (k kept) lists(path string) bool { return k.listed[path] }

// container returns the outermost file that the file at path is in; "" for a
// file of its own. A folder may be called "x!" too, so is says what is a file.
func container(path string, is func(string) bool) string {
	for at := 0; ; at++ {
		i := strings.Index(path[at:], "!/")
		if i < 0 {
			return ""
		}
		if at += i; is(path[:at]) {
			return path[:at]
		}
	}
}

// below returns the entries of what is in the file at path, itself a listed file
// or in one.
func (k kept) below(path string) []string {
	all := k.parts[path]
	if all == nil {
		all = k.parts[container(path, k.lists)]
	}
	from, _ := slices.BinarySearch(all, path+"!/")
	to, _ := slices.BinarySearch(all, path+"!0") // "0" is the sign after "/"
	return all[from:to]
}

// unchanged is the result of a file that stays as it is, with what is in it.
func (k kept) unchanged(old knowledge.Entry) result {
	res := result{unchanged: true, change: knowledge.Change{Entry: old}}
	for _, p := range k.below(old.Path) {
		res.parts = append(res.parts, result{unchanged: true, change: knowledge.Change{Entry: k.ledger[p]}})
	}
	return res
}

// without is the result of a file of which nothing is read. What was forgotten
// in it keeps its entry if the file itself was: by these it is lifted again.
func (k kept) without(e knowledge.Entry) result {
	var res result
	if e.State == knowledge.Excluded {
		for _, p := range k.below(e.Path) {
			if k.ledger[p].State == knowledge.Excluded {
				res.parts = append(res.parts, result{unchanged: true, change: knowledge.Change{Entry: k.ledger[p]}})
			}
		}
	}
	res.lost = k.lostFrom(e.Path, res.parts)
	return res
}

// lostFrom returns the entries below path that are none of the parts.
func (k kept) lostFrom(path string, parts []result) (paths []string) {
	there := map[string]bool{}
	for _, p := range parts {
		there[p.change.Entry.Path] = true
	}
	for _, p := range k.below(path) {
		if !there[p] {
			paths = append(paths, p)
		}
	}
	return paths
}

// readmitted reports whether something in the file was kept away and no longer
// is.
func (k kept) readmitted(source, path string) bool {
	for _, p := range k.below(path) {
		if e := k.ledger[p]; e.State == knowledge.Excluded && k.forgotten(knowledge.ID(source, p), e.Origin) == "" {
			return true
		}
	}
	return false
}

// parts reads what is in one file of a source.
type parts struct {
	in    Intake
	kept  kept
	files int // that may still be read
	bytes int64
}

// of returns what became of the files in t, each after those in it.
func (p *parts) of(ctx context.Context, origin knowledge.Origin, t taken, asked *knowledge.Readers, depth int) (all []result) {
	e := t.change.Entry
	p.files -= len(t.inner)
	p.bytes -= t.size()
	origin.Readers = e.Readers // those of the file around
	// An archive has no document of its own: what the file around it asks for holds on.
	if d := t.change.Document; d != nil && d.Asked != nil {
		asked = d.Asked
	}
	for i, inner := range t.inner {
		t.inner[i].Bytes = nil // they need not wait in memory for the others
		if ctx.Err() != nil {
			return all
		}
		path := e.Path + "!/" + inner.Name
		if p.kept.listed[path] {
			continue // a file in a folder that is called like this one
		}
		all = append(all, p.part(ctx, origin, path, inner, e, asked, depth)...)
	}
	return all
}

// part decides what becomes of one file inside the file around; the result of
// that file is the last.
func (p *parts) part(ctx context.Context, origin knowledge.Origin, path string, inner knowledge.Inner, around knowledge.Entry, asked *knowledge.Readers, depth int) []result {
	in, k := p.in, p.kept
	e := knowledge.Entry{Source: origin.Name, Path: path, Size: int64(len(inner.Bytes)), Modified: inner.Modified, Recipe: in.Recipe, At: in.now(), Readers: origin.Readers}
	if e.Modified.IsZero() {
		e.Modified = around.Modified
	}
	if inner.State == "" {
		e.Origin = knowledge.HashOf(inner.Bytes)
	}
	old, known := k.ledger[path]
	fail := func(state knowledge.Outcome, reason string) []result {
		e.State, e.Reason, e.Version = state, reason, knowledge.Hash{}
		if state == knowledge.Damaged {
			e.Tries = 1
		}
		all := k.without(e).parts
		res := result{change: knowledge.Change{Entry: e}}
		if known && old.Recipe == e.Recipe && old.State == state && old.Origin == e.Origin && old.Reason == reason {
			res = result{unchanged: true, change: knowledge.Change{Entry: old}}
		}
		return append(all, res)
	}
	id := knowledge.ID(origin.Name, path)
	if why := k.forgotten(id, knowledge.Hash{}); why != "" {
		e.Origin = knowledge.Hash{} // as Forget leaves it
		return fail(knowledge.Excluded, why)
	}
	if found := in.ScreenPath(path); len(found) > 0 {
		return fail(knowledge.HeldBack, in.Explain(found, path)+" (its path says so; the file was not opened)")
	}
	switch {
	case around.State == knowledge.HeldBack:
		return fail(knowledge.HeldBack, "the file that it is in is held back")
	case inner.State != "":
		return fail(inner.State, inner.Reason)
	case e.Size > in.limit():
		return fail(knowledge.TooLarge, fmt.Sprintf("it has more than %d MB", in.limit()>>20))
	}
	why := k.forgotten(id, e.Origin)
	if why == "" && known && old.Origin == e.Origin && old.Recipe == e.Recipe && sameReaders(old.Readers, e.Readers) && settled(old.State) && !k.readmitted(origin.Name, path) {
		res := k.unchanged(old)
		return append(res.parts, result{unchanged: true, change: res.change})
	}
	t := in.words(origin, e, inner.Bytes, why, asked)
	if e = t.change.Entry; e.State == knowledge.Excluded {
		t.inner = nil
	}
	var left string
	switch {
	case len(t.inner) == 0:
	case depth == deepest:
		left = fmt.Sprintf("what is in it was not read: it is %d files deep", deepest)
	case p.files < len(t.inner) || p.bytes < t.size():
		left = "what is in it was not read: with it there would be too much in the file around"
	}
	if left != "" {
		t.inner = nil
		if d := t.change.Document; d != nil && d.Text == "" {
			return fail(knowledge.TooLarge, left)
		}
		e.Reason = strings.TrimPrefix(e.Reason+"; "+left, "; ")
		t.change.Entry = e
	}
	if t.change.Document == nil && len(t.inner) == 0 {
		return fail(e.State, e.Reason)
	}
	all := p.of(ctx, origin, t, asked, depth+1)
	res := result{change: t.change}
	if known && stays(old, e) {
		res = result{unchanged: true, change: knowledge.Change{Entry: old}}
	}
	return append(all, res)
}

// stays reports whether an entry says what the entry before said.
func stays(old, e knowledge.Entry) bool {
	return old.Origin == e.Origin && old.Version == e.Version && old.Recipe == e.Recipe && old.State == e.State && old.Reason == e.Reason && sameReaders(old.Readers, e.Readers)
}

// settled reports whether a part that stays as it is need not be read again: its
// state came from its bytes alone.
func settled(state knowledge.Outcome) bool {
	switch state {
	case knowledge.Indexed, knowledge.Empty, knowledge.Unsupported, knowledge.Damaged, knowledge.NeedsPassword:
		return true
	}
	return false
}

func sameReaders(a, b knowledge.Readers) bool {
	return a.Everyone == b.Everyone && slices.Equal(a.Groups, b.Groups)
}
