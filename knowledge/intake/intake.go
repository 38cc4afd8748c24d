// Package intake carries files from a source through screening into the
// collection, and keeps the ledger true.
//
// One Sync compares a source's listing with the ledger and handles what
// differs:
//
//	list -> forgotten? leave out -> unchanged? skip -> path rules -> read bytes -> read words -> screen -> passages -> Apply
//
// Files inside a file, attachments say, go the same way (parts.go): each has a
// ledger entry of its own.
//
// It may be interrupted at any moment: each Apply is one transaction, and the
// next Sync goes on from the ledger. Stages are function fields, so that this
// package knows none of them.
package intake

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// MaxTries is how often a damaged file is tried before it waits for a change,
// and up to which failed tries are counted and written at all.
const MaxTries = 3

// Intake is the way of a file into the collection.
type Intake struct {
	Collection knowledge.Collection
	Read       func(path string, data []byte) knowledge.Reading
	ScreenPath func(path string) []knowledge.Finding
	ScreenText func(text string) []knowledge.Finding
	Explain    func(findings []knowledge.Finding, text string) string // the reason for the ledger; never a value
	Cut        func(knowledge.Document) []knowledge.Passage
	Recipe     string                // versions of all stages; a change means "do again"
	Limit      int64                 // bytes a file may have; 0 takes 50 MB
	Now        func() time.Time      // the clock; nil takes the system's
	Progress   func(done, total int) // called as files are done; may be nil
	AcceptLoss bool                  // go on although most of the source has vanished
}

// Report is what one Sync did, in files.
type Report struct {
	Source    string                    `json:"source"`
	New       int                       `json:"new"`
	Changed   int                       `json:"changed"`
	Moved     int                       `json:"moved"`
	Vanished  int                       `json:"vanished"`
	Unchanged int                       `json:"unchanged"`
	Retried   int                       `json:"retried"`  // tried again without success
	States    map[knowledge.Outcome]int `json:"states"`   // of all files of the source, afterwards
	Complete  bool                      `json:"complete"` // the source could list everything
	Warnings  []string                  `json:"warnings"`
	Took      time.Duration             `json:"-"`
}

// Written reports how many entries of the ledger were written.
func (r Report) Written() int { return r.New + r.Changed + r.Moved + r.Vanished + r.Retried }

// Sync brings the collection in line with the source. Faults: Missing when the
// source's place is not there (nothing is deleted then), Input when most of it
// has vanished and AcceptLoss is not set, Budget when ctx has ended.
func (in Intake) Sync(ctx context.Context, origin knowledge.Origin, source knowledge.Source) (Report, error) {
	r, err := in.sync(ctx, origin, source)
	if err != nil && ctx.Err() != nil { // whatever it looked like where it was noticed
		err = &fault.Error{Kind: fault.Budget, Message: "sync " + origin.Name + ": interrupted",
			Next: "what was done so far is stored; groundwork sync goes on", Err: ctx.Err()}
	}
	return r, err
}

func (in Intake) sync(ctx context.Context, origin knowledge.Origin, source knowledge.Source) (Report, error) {
	began := in.now()
	r := Report{Source: origin.Name, States: map[knowledge.Outcome]int{}}
	ledger := map[string]knowledge.Entry{}
	for e, err := range in.Collection.Ledger(ctx, knowledge.Filter{Source: origin.Name}) {
		if err != nil {
			return r, err
		}
		ledger[e.Path] = e
	}
	tombstones, err := in.Collection.Tombstones(ctx)
	if err != nil {
		return r, err
	}
	listing, err := source.List(ctx)
	if err != nil {
		return r, fault.Wrap(fault.Upstream, err, "sync "+origin.Name, "")
	}
	r.Complete = listing.Complete
	if !listing.Complete {
		r.Warnings = append(r.Warnings, "not everything could be listed, so nothing was deleted: "+listing.Reason)
	}
	k := newKept(ledger, listing, knowledge.Forgotten(tombstones))
	vanished, err := in.vanished(k, listing)
	if err != nil {
		return r, fault.Wrap(fault.Input, err, "sync "+origin.Name, "")
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	results := in.handle(ctx, origin, source, listing.Files, k)
	w := writer{in: in, report: &r, ledger: ledger, vanished: newLost(vanished)}
	done, gone := 0, false
	for res := range results {
		gone = gone || res.gone
		if err == nil {
			err = w.take(ctx, res)
		}
		res.done()
		if err != nil {
			stop() // the workers end, the channel drains
			continue
		}
		done++
		if in.Progress != nil {
			in.Progress(done, len(listing.Files))
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && gone { // the files, or all of the source?
		if _, err = source.List(ctx); err != nil {
			err = fault.Wrap(fault.Upstream, err, "sync "+origin.Name, "")
		}
	}
	if err == nil {
		err = w.finish(ctx, origin.Name)
	}
	r.Took = in.now().Sub(began)
	return r, err
}

func (in Intake) now() time.Time {
	if in.Now != nil {
		return in.Now()
	}
	return time.Now()
}

// vanished returns the entries whose files, or the files that they are in, a
// complete listing does not have.
func (in Intake) vanished(k kept, listing knowledge.Listing) (map[string]knowledge.Entry, error) {
	if !listing.Complete {
		return nil, nil
	}
	gone := map[string]knowledge.Entry{}
	known := func(p string) bool { _, ok := k.ledger[p]; return ok }
	files, lost := 0, 0 // of the source itself
	for p, e := range k.ledger {
		own := container(p, known) == ""
		if own {
			files++
		}
		if k.listed[p] || container(p, k.lists) != "" {
			continue
		}
		gone[p] = e
		if own {
			lost++
		}
	}
	if lost > 20 && 2*lost > files && !in.AcceptLoss {
		return nil, fault.New(fault.Input, fmt.Sprintf("%d of %d files are no longer there", lost, files),
			"if that is right, run it again with --accept-loss; nothing was changed")
	}
	return gone, nil
}

// result is what became of one listed file.
type result struct {
	change    knowledge.Change
	unchanged bool
	gone      bool // it vanished after it was listed
	err       error
	parts     []result // of the files in it, each after those in it
	lost      []string // paths of files that are no longer in it
	release   func()   // to be called when it is written; may be nil
}

func (r result) done() {
	if r.release != nil {
		r.release()
	}
}

// handle works through the files on all processors, in any order; the channel
// is closed when all are done or ctx has ended.
func (in Intake) handle(ctx context.Context, origin knowledge.Origin, source knowledge.Source, files []knowledge.Listed, k kept) <-chan result {
	workers := runtime.GOMAXPROCS(0)
	k.large = make(chan struct{}, 1)
	todo := make(chan knowledge.Listed)
	results := make(chan result, 4*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for f := range todo {
				res := in.file(ctx, origin, source, f, k)
				select {
				case results <- res:
				case <-ctx.Done():
					res.done()
				}
			}
		})
	}
	wg.Go(func() {
		defer close(todo)
		for _, f := range files {
			select {
			case todo <- f:
			case <-ctx.Done():
				return
			}
		}
	})
	go func() {
		wg.Wait()
		close(results)
	}()
	return results
}

// racy is how young a file may be, when it is read, for a later change to have
// left its size and time alike.
const racy = 2 * time.Second

// file decides what becomes of one file.
func (in Intake) file(ctx context.Context, origin knowledge.Origin, source knowledge.Source, f knowledge.Listed, k kept) result {
	old, known := k.ledger[f.Path]
	same := known && old.Recipe == in.Recipe && old.Size == f.Size && old.Modified.Equal(f.Modified.Truncate(time.Microsecond))
	retry := known && (old.State == knowledge.Waiting || old.State == knowledge.Damaged) && old.Tries < MaxTries || k.readmitted(origin.Name, f.Path)
	// What keeps a waiting file from being read, its permissions say, does not show in size and time.
	settled := old.State != knowledge.Excluded && old.State != knowledge.Waiting && old.At.Sub(old.Modified) > racy
	if same && !retry && (f.State != "" && f.State == old.State || f.State == "" && settled) {
		return k.unchanged(old)
	}
	e := knowledge.Entry{Source: origin.Name, Path: f.Path, Size: f.Size, Modified: f.Modified, Recipe: in.Recipe, At: in.now(), Readers: origin.Readers}
	fail := func(state knowledge.Outcome, reason string) result {
		e.State, e.Reason = state, reason
		res := k.without(e)
		if state == knowledge.Waiting || state == knowledge.Damaged {
			e.Tries = 1
			if known && old.State == state && old.Origin == e.Origin && same {
				e.Tries = old.Tries + 1
			}
			if e.Tries > MaxTries {
				return k.unchanged(old)
			}
		} else if known && same && old.State == state && old.Origin == e.Origin && old.Reason == reason {
			res.unchanged, res.change.Entry = true, old
			return res
		}
		res.change.Entry = e
		return res
	}
	if f.State != "" {
		return fail(f.State, f.Reason)
	}
	id := knowledge.ID(origin.Name, f.Path)
	if why := k.forgotten(id, knowledge.Hash{}); why != "" {
		return fail(knowledge.Excluded, why)
	}
	if found := in.ScreenPath(f.Path); len(found) > 0 {
		return fail(knowledge.HeldBack, in.Explain(found, f.Path)+" (its path says so; the file was not opened)")
	}
	content, err := source.Read(ctx, f.Path, in.limit())
	switch {
	case fault.KindOf(err) == fault.Missing && err != nil:
		res := k.unchanged(old)
		if !known {
			res = fail(knowledge.Waiting, "it vanished while the folder was read")
		}
		res.gone = true
		return res // what is known of it stays until a listing lacks it
	case err != nil:
		return result{err: err}
	case content.State != "":
		return fail(content.State, content.Reason)
	}
	e.Size, e.Modified = content.Size, content.Modified
	e.Origin = knowledge.HashOf(content.Bytes)
	why := k.forgotten(id, e.Origin)
	if why == "" && known && old.Origin == e.Origin && old.Recipe == in.Recipe && !retry && old.State != knowledge.Excluded {
		res := k.unchanged(old)
		if same && old.State == knowledge.Damaged && e.At.Sub(e.Modified) > racy {
			old.At = e.At // it was read only because it was young then; from now on it can rest
			res.unchanged, res.change.Entry = false, old
		}
		return res
	}
	t := in.words(origin, e, content.Bytes, why, nil)
	res := result{change: t.change}
	if known && stays(old, t.change.Entry) { // only what is in it does not
		res = result{unchanged: true, change: knowledge.Change{Entry: old}}
	}
	if t.change.Document == nil {
		res = fail(t.change.Entry.State, t.change.Entry.Reason)
	}
	if len(t.inner) == 0 || res.change.Entry.State == knowledge.Excluded {
		res.lost = k.lostFrom(e.Path, res.parts)
		return res
	}
	select {
	case k.large <- struct{}{}:
		res.release = func() { <-k.large }
	case <-ctx.Done():
		return result{err: ctx.Err()}
	}
	p := parts{in: in, kept: k, files: mostParts, bytes: mostBytes}
	res.parts = p.of(ctx, origin, t, nil, 1)
	res.lost = k.lostFrom(e.Path, res.parts)
	return res
}

func (in Intake) limit() int64 { return cmp.Or(in.Limit, 50<<20) }

// taken is what the reader and screening made of bytes.
type taken struct {
	change knowledge.Change // with a Document if its state is Indexed
	inner  []knowledge.Inner
}

// size returns the bytes of the files in it.
func (t taken) size() (n int64) {
	for _, i := range t.inner {
		n += int64(len(i.Bytes))
	}
	return n
}

// words reads and screens the bytes of a file, or of a file in one. why says why
// it must stay away, if it must; asked are the readers that the file around it
// asks for.
func (in Intake) words(origin knowledge.Origin, e knowledge.Entry, data []byte, why string, asked *knowledge.Readers) taken {
	words := in.Read(e.Path, data)
	fail := func(state knowledge.Outcome, reason string) taken {
		e.State, e.Reason = state, reason
		return taken{knowledge.Change{Entry: e}, words.Parts}
	}
	if words.State != knowledge.Indexed && why == "" {
		return fail(words.State, words.Reason)
	}
	if found := in.ScreenText(words.Text); len(found) > 0 {
		return fail(knowledge.HeldBack, in.Explain(found, words.Text)) // which says more than that it was forgotten
	}
	if found := in.ScreenText(words.Names()); len(found) > 0 {
		return fail(knowledge.HeldBack, in.Explain(found, "")+", in its title or in the name of a page or sheet")
	}
	if why != "" {
		return fail(knowledge.Excluded, why)
	}
	id := knowledge.ID(origin.Name, e.Path)
	d := knowledge.Document{
		ID: id, Origin: e.Origin, Version: knowledge.HashOf([]byte(words.Text)), Recipe: in.Recipe,
		Title: words.Title, Lang: words.Lang, Text: words.Text, Blocks: words.Blocks, Places: words.Places,
		Modified: e.Modified, Dated: words.Dated, Replaces: resolve(origin.Name, e.Path, words.Replaces), Replaced: resolve(origin.Name, e.Path, words.Replaced),
		Asked: cmp.Or(words.Readers, asked), Readers: origin.Readers, // access: taken in for the source's readers
	}
	if d.Asked != nil {
		d.Readers = d.Readers.Narrow(*d.Asked) // access: taken in for the page's readers
	}
	if asked != nil { // a later change of the source's readers must not pass over what the file around asks for
		readers := d.Readers
		d.Asked = &readers
	}
	e.State, e.Version, e.Readers = knowledge.Indexed, d.Version, d.Readers
	e.Reason = strings.Join(words.Warnings, "; ")
	return taken{knowledge.Change{Entry: e, Document: &d, Passages: in.Cut(d)}, words.Parts}
}

// resolve turns paths relative to a document into document IDs.
func resolve(source, from string, paths []string) []knowledge.DocumentID {
	var ids []knowledge.DocumentID
	for _, p := range paths {
		if strings.HasPrefix(p, "/") {
			p = path.Clean(p)[1:]
		} else {
			p = path.Join(path.Dir(from), p)
		}
		if id := knowledge.ID(source, p); p != from && !strings.HasPrefix(p, "../") && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// writer gathers changes and applies them in batches.
type writer struct {
	in       Intake
	report   *Report
	ledger   map[string]knowledge.Entry
	vanished lost
	batch    []knowledge.Change
	bytes    int
}

// A batch ends at whichever comes first; what an interruption loses is at most
// one batch of work, never a file.
const (
	batchFiles = 64
	batchBytes = 4 << 20
)

// take writes what became of a file: what is no longer in it, then the files in
// it, the file itself at last, so that after an interruption it is read again.
func (w *writer) take(ctx context.Context, res result) error {
	if res.err != nil {
		return res.err
	}
	gone := map[string]knowledge.Entry{}
	for _, p := range res.lost {
		gone[p] = w.ledger[p]
	}
	within, from := newLost(gone), map[string]string{}
	for _, p := range res.parts {
		if e := p.change.Entry; !w.known(e.Path) {
			if old, moved := within.find(e.Origin); moved {
				from[e.Path] = old
			}
		}
	}
	if err := w.remove(ctx, res.change.Entry.Source, within); err != nil {
		return err
	}
	for _, p := range res.parts {
		if err := w.takeOne(ctx, p, from[p.change.Entry.Path]); err != nil {
			return err
		}
	}
	return w.takeOne(ctx, res, "")
}

func (w *writer) known(path string) bool { _, ok := w.ledger[path]; return ok }

// takeOne writes one entry; from is where its file was before, if that is known.
func (w *writer) takeOne(ctx context.Context, res result, from string) error {
	c := res.change
	w.report.States[c.Entry.State]++
	if res.unchanged {
		w.report.Unchanged++
		return nil
	}
	old, known := w.ledger[c.Entry.Path]
	if from == "" && !known {
		from, _ = w.vanished.find(c.Entry.Origin)
	}
	switch {
	case from != "":
		c.Entry.MovedFrom = from
		w.report.Moved++
		w.batch = append(w.batch, knowledge.Change{Entry: knowledge.Entry{Source: c.Entry.Source, Path: from}, Vanished: true})
	case known:
		c.Entry.MovedFrom = old.MovedFrom
		if c.Entry.Tries > 1 {
			w.report.Retried++
		} else {
			w.report.Changed++
		}
	default:
		w.report.New++
	}
	w.batch = append(w.batch, c)
	if c.Document != nil {
		w.bytes += len(c.Document.Text)
	}
	if len(w.batch) >= batchFiles || w.bytes >= batchBytes {
		return w.flush(ctx)
	}
	return nil
}

// lost are entries whose files are gone.
type lost struct {
	paths    map[string]bool
	byOrigin map[knowledge.Hash][]string // in alphabetical order
}

func newLost(entries map[string]knowledge.Entry) lost {
	l := lost{map[string]bool{}, map[knowledge.Hash][]string{}}
	for _, p := range slices.Sorted(maps.Keys(entries)) {
		l.paths[p] = true
		if o := entries[p].Origin; !o.IsZero() {
			l.byOrigin[o] = append(l.byOrigin[o], p)
		}
	}
	return l
}

// find takes out the file that now stands at a new path: the one with the same
// bytes, the alphabetically first of several.
func (l lost) find(origin knowledge.Hash) (path string, found bool) {
	same := l.byOrigin[origin]
	if len(same) == 0 {
		return "", false
	}
	l.byOrigin[origin] = same[1:]
	delete(l.paths, same[0])
	return same[0], true
}

func (w *writer) flush(ctx context.Context) error {
	if len(w.batch) == 0 {
		return nil
	}
	err := w.in.Collection.Apply(ctx, w.batch...)
	w.batch, w.bytes = w.batch[:0], 0
	return err
}

// remove deletes what is gone.
func (w *writer) remove(ctx context.Context, source string, gone lost) error {
	for p := range gone.paths {
		w.batch = append(w.batch, knowledge.Change{Entry: knowledge.Entry{Source: source, Path: p}, Vanished: true})
		w.report.Vanished++
		if len(w.batch) >= batchFiles {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish applies what is left and deletes what has vanished.
func (w *writer) finish(ctx context.Context, source string) error {
	if err := w.remove(ctx, source, w.vanished); err != nil {
		return err
	}
	return w.flush(ctx)
}
