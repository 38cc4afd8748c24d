package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	"groundwork/knowledge/text"
	"groundwork/measure"
	"groundwork/measure/exam"
	"groundwork/measure/judged"
	"groundwork/model"

	"github.com/spf13/cobra"
)

// examSource is the source that a set's documents belong to in its own store.
const examSource = "exam"

// examSeed is the seed of all intervals: two exams of one engine print the same.
const examSeed = 1

// examPlan is what the flags of exam ask for.
type examPlan struct {
	leg, half     string
	run, baseline string // files or ids; "" for none
	fresh, audit  bool
}

func (a *app) examCommand() *cobra.Command {
	var p examPlan
	cmd := &cobra.Command{
		Use:   "exam SET",
		Short: "how well search finds what it should, on judged questions",
		Long: `Put the judged questions of a set to the search of this program and score what
comes back. SET is a folder with corpus.jsonl (or corpus.jsonl.gz),
queries.jsonl, qrels.tsv and, where there is one, exclude.tsv: documents to take
out of a query's ranking before it is scored.

The corpus is indexed into a store of its own in the home's cache folder, which
is used again as long as corpus and program agree; it may be deleted at any
time. So are its vectors, which take some minutes the first time. It is NOT screened: name only sets that hold nothing sensitive. Your
collection is not touched.

A document stands where its best passage stands. Intervals are 95 % bootstrap
intervals over the questions. Choose settings on --half even and report --half
odd: the half of a question is that of the first byte of its id's SHA-256.
Latency is that of the search inside this process, for a whole ranking and not
for ten hits.`,
		Example: "  groundwork exam ./judged/scifact\n  groundwork exam ./judged/scifact --leg words --run words.trec\n  groundwork exam ./judged/scifact --compare words.trec",
		Args:    exactly(1, "a SET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.exam(cmd.Context(), args[0], p)
		},
	}
	cmd.Flags().StringVar(&p.leg, "leg", retrieval.Fused, "words, meaning or fused")
	cmd.Flags().StringVar(&p.half, "half", string(exam.All), "even, odd or all of the questions")
	cmd.Flags().StringVar(&p.run, "run", "", "write the rankings as a TREC run to this file (.gz packs it)")
	cmd.Flags().StringVar(&p.baseline, "compare", "", "compare with an earlier run: its id, or a TREC run's file")
	cmd.Flags().BoolVar(&p.audit, "audit", false, "encode the set once more and say how often the scan of vectors misses an exact neighbour")
	cmd.Flags().BoolVar(&p.fresh, "fresh", false, "index the set again, whatever the cache holds")
	return cmd
}

func (a *app) exam(ctx context.Context, dir string, p examPlan) error {
	e, err := a.embedder()
	if err != nil {
		return err
	}
	if p.audit && e == nil {
		return fault.New(fault.Missing, "exam --audit: there is no encoder here", "groundwork model get FILE adds one")
	}
	// The view that sees nothing tells a wrong leg before anything is indexed.
	leg := retrieval.Search{Leg: p.leg}
	if e != nil {
		leg.Encoder.Embed = func(context.Context, string) ([]float32, model.Spent, error) { return nil, model.Spent{}, nil }
	}
	if _, err := retrieval.Find(ctx, sqlite.View{}, leg); err != nil {
		return err
	}
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	set, err := judged.Read(dir)
	if err != nil {
		return err
	}
	if _, err := exam.Questions(set, exam.Half(p.half)); err != nil {
		return err
	}
	report := examReport{set: set, plan: p}
	if set.Unjudged > 0 {
		report.warnings = append(report.warnings, fmt.Sprintf("queries without a relevant document, left out: %d", set.Unjudged))
	}
	var earlier []exam.Graded
	if p.baseline != "" {
		var absent int
		if earlier, absent, err = readEarlier(home, set, p); err != nil {
			return err
		}
		if absent > 0 {
			report.warnings = append(report.warnings, fmt.Sprintf("questions for which %s has no line, counted as nothing found: %d", p.baseline, absent))
		}
	}
	began := time.Now()
	if err := a.putQuestions(ctx, home, &report); err != nil {
		return err
	}
	report.run = measure.Run{ID: measure.NewID("exam-"+cleanName(set.Name), began), Kind: "exam", Data: set.Data, Tool: "groundwork " + version, Seed: examSeed, At: began}
	if err := report.measure(earlier); err != nil {
		return err
	}
	if err := keepRun(home, report); err != nil {
		return err
	}
	if a.asJSON {
		a.json(report.json())
	} else if err := report.print(a.out); err != nil {
		return err
	}
	a.note("run %s; compare a later one with --compare %s", report.run.ID, report.run.ID)
	return nil
}

// putQuestions puts the questions to the search over the set's corpus.
func (a *app) putQuestions(ctx context.Context, home string, r *examReport) (err error) {
	e, err := a.embedder()
	if err != nil {
		return err
	}
	if r.plan.leg == retrieval.Words && !r.plan.audit {
		e = nil
	}
	d, err := a.examStore(ctx, home, r.set, r.plan.fresh, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	defer a.endProgress()
	store := sqlite.New(d)
	counts, err := store.Counts(ctx)
	if err != nil {
		return err
	}
	if unread := len(r.set.Documents) - counts.Documents; unread > 0 {
		r.warnings = append(r.warnings, fmt.Sprintf("documents without words, which cannot be found: %d", unread))
	}
	if e != nil {
		have, _, err := store.Vectors(ctx, e.Mark(), nil)
		if err != nil {
			return err
		}
		if have == 0 && counts.Passages > 0 {
			return fault.New(fault.Input, "exam "+r.set.Name+": its passages may not go to "+e.Host()+", which is not on this machine or network", "configure an encoder that is, or --leg words")
		}
	}
	r.graded, err = exam.Exam{
		Set: r.set, Half: exam.Half(r.plan.half), Progress: a.counting(r.set.Name + ": question"),
		Search: documentSearch(store.View(knowledge.Asker{Owner: true}), r.plan.leg, e), // access: keeper
	}.Run(ctx)
	if err == nil && r.plan.audit {
		r.audit, err = a.audit(ctx, store, e, r.graded)
	}
	return err
}

// documentSearch ranks documents by their best passage, as one asker sees them.
func documentSearch(view knowledge.View, leg string, e model.Embedder) func(context.Context, string, int) ([]judged.Ranked, error) {
	return func(ctx context.Context, query string, top int) ([]judged.Ranked, error) {
		// Every hit of every leg, at the depth that ask uses: another depth gives
		// other normalised scores, and so measures another engine. It can give
		// fewer documents than wanted; then nothing stands at the later ranks.
		const everything = 1000
		r, err := retrieval.Find(ctx, view, retrieval.Search{Question: query, Leg: leg, Top: everything, Encoder: asEncoder(e)})
		if err != nil {
			return nil, err
		}
		if e != nil && leg != retrieval.Words && r.Vector == nil && r.Failed != nil {
			return nil, r.Failed // figures of another engine would be taken for this one's
		}
		return byDocument(r, top), nil
	}
}

// byDocument ranks documents by their best passage, the first top of them.
func byDocument(r knowledge.Ranking, top int) []judged.Ranked {
	var ranking []judged.Ranked
	seen := map[knowledge.DocumentID]bool{}
	for _, f := range r.Found { // best first, so a document's first passage is its best
		if !seen[f.Document] && len(ranking) < top {
			seen[f.Document] = true
			ranking = append(ranking, judged.Ranked{Document: f.Document.Path(), Score: f.Score})
		}
	}
	return ranking
}

// examStore opens the store that holds the set's corpus and nothing else; the
// corpus is indexed first where that is not done yet.
func (a *app) examStore(ctx context.Context, home string, set judged.Set, fresh bool, e model.Embedder) (*db.DB, error) {
	dir := examDir(home, set)
	doing, next := "index the set "+set.Name, "delete "+dir+" and run it again"
	if fresh {
		if err := os.RemoveAll(dir); err != nil {
			return nil, fault.Wrap(fault.Input, err, doing, next)
		}
	}
	d, err := openWhole(ctx, dir)
	if err != nil {
		return nil, fault.Wrap(fault.Input, err, doing, next)
	}
	if d == nil {
		began := time.Now()
		if err := a.indexSet(ctx, dir, set); err != nil {
			return nil, fault.Wrap(fault.Internal, err, doing, "")
		}
		a.note("%s: %d documents indexed in %v", set.Name, len(set.Documents), time.Since(began).Round(10*time.Millisecond))
		if d, err = openWhole(ctx, dir); err != nil {
			return nil, fault.Wrap(fault.Input, err, doing, next)
		}
		if d == nil {
			return nil, fault.New(fault.Busy, doing+": somebody else deleted it", "run it again")
		}
	}
	if e == nil {
		return d, nil
	}
	return a.encodeSet(ctx, dir, set.Name, d, e)
}

// encodeSet gives the passages of an open store of a set their vectors, where they
// are still to come, and returns the store, open for reading.
func (a *app) encodeSet(ctx context.Context, dir, name string, d *db.DB, e model.Embedder) (*db.DB, error) {
	_, waiting, err := sqlite.New(d).Vectors(ctx, e.Mark(), admits(e))
	if err == nil && waiting == 0 {
		return d, nil
	}
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	w, err := db.Open(ctx, dir, sqlite.Schema)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	_, err = intake.Encode(ctx, sqlite.New(w), e, admits(e), a.counting(name+": encoding passage"))
	a.endProgress()
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	a.note("%s: %d passages encoded in %v", name, waiting, time.Since(began).Round(10*time.Millisecond))
	return db.OpenReader(ctx, dir, sqlite.Schema)
}

// audit compares the scan of the stored vectors with an exact one over vectors
// made anew in float32: how many of the ten nearest passages of each question
// the scan has among its ten.
func (a *app) audit(ctx context.Context, store *sqlite.Store, e model.Embedder, graded []exam.Graded) (*measure.Measurement, error) {
	const nearest, batch = 10, 64
	var exact []auditRow
	defer a.endProgress()
	progress := a.counting("audit: passage")
	for after := knowledge.PassageID(0); ; {
		// Nothing is stored under this mark, so every text is listed once.
		texts, err := store.Unencoded(ctx, "", admits(e), after, batch)
		if err != nil {
			return nil, err
		}
		if len(texts) == 0 {
			break
		}
		words := make([]string, len(texts))
		for i, t := range texts {
			words[i], after = t.Text, t.Passage
		}
		vectors, _, err := e.Embed(ctx, model.Passage, words)
		if err != nil {
			return nil, err
		}
		for i, v := range vectors {
			exact = append(exact, auditRow{texts[i].Key, v, 0})
		}
		progress(len(exact), len(exact))
	}
	view := store.View(knowledge.Asker{Owner: true}) // access: keeper
	values := make([]float64, 0, len(graded))
	for _, g := range graded {
		question, _, err := e.Embed(ctx, model.Question, []string{g.Query.Text})
		if err != nil {
			return nil, err
		}
		for i := range exact {
			exact[i].score = 0
			for k, x := range exact[i].vector {
				exact[i].score += float64(x) * float64(question[0][k])
			}
		}
		best := slices.Clone(exact)
		slices.SortFunc(best, func(x, y auditRow) int { return -cmp.Compare(x.score, y.score) })
		found, err := nearestTexts(ctx, view, knowledge.Query{Vector: question[0], Mark: e.Mark(), Top: 4 * nearest}, nearest)
		if err != nil {
			return nil, err
		}
		met := 0.
		for _, x := range best[:min(nearest, len(best))] {
			if found[x.key] {
				met++
			}
		}
		values = append(values, met/float64(min(nearest, len(best))))
	}
	low, high := measure.Bootstrap(values, measure.Resamples, examSeed)
	return &measure.Measurement{Subject: "scan of vectors", Metric: "recall@10 of the exact scan", Value: measure.Mean(values), Low: low, High: high, N: len(values), Better: measure.Higher}, nil
}

// nearestTexts returns the keys of the first n distinct texts that a search by
// vector finds.
func nearestTexts(ctx context.Context, view knowledge.View, q knowledge.Query, n int) (map[knowledge.Hash]bool, error) {
	legs, err := view.Legs(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := make([]knowledge.PassageID, len(legs.Meaning))
	for i, h := range legs.Meaning {
		ids[i] = h.Passage
	}
	passages, err := view.Passages(ctx, ids)
	keys := map[knowledge.Hash]bool{}
	for _, p := range passages {
		if len(keys) < n {
			keys[p.Key()] = true
		}
	}
	return keys, err
}

// auditRow is one distinct text with its exact vector.
type auditRow struct {
	key    knowledge.Hash
	vector []float32
	score  float64
}

// examDir is where the home keeps the store of a set: another corpus, recipe or
// schema has another place. A sample of the corpus is analysed each time, so
// that a changed rule whose version nobody raised does not meet an old index.
func examDir(home string, set judged.Set) string {
	key := sha256.New()
	fmt.Fprintf(key, "%s %s %d", set.Corpus, recipe, len(sqlite.Schema.Steps))
	for i := 0; i < len(set.Documents); i += 1 + len(set.Documents)/100 {
		change, _ := examChange(set.Documents[i])
		for _, p := range change.Passages {
			fmt.Fprintf(key, "%d %d %q %q %q\n", p.Start, p.End, p.Heading, term.Stems(p.Text), term.Words(p.Text))
		}
	}
	return filepath.Join(home, "cache", "exam", fmt.Sprintf("%x", key.Sum(nil)))
}

// openWhole opens the store in dir for reading; nil when there is none or when
// its indexing was interrupted.
func openWhole(ctx context.Context, dir string) (*db.DB, error) {
	d, err := db.OpenReader(ctx, dir, sqlite.Schema)
	if err != nil {
		if fault.KindOf(err) == fault.Missing {
			return nil, nil
		}
		return nil, err
	}
	sources, err := sqlite.New(d).Sources(ctx)
	if err == nil && len(sources) == 1 {
		return d, nil
	}
	return nil, errors.Join(err, d.Close())
}

// indexSet indexes a set's corpus. The source is stored last: it says that the
// store is whole.
func (a *app) indexSet(ctx context.Context, dir string, set judged.Set) (err error) {
	d, err := db.Open(ctx, dir, sqlite.Schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	defer a.endProgress()
	store, progress := sqlite.New(d), a.counting(set.Name+": document")
	var batch []knowledge.Change
	for i, given := range set.Documents {
		if change, ok := examChange(given); ok {
			batch = append(batch, change)
		}
		if len(batch) == 64 || i == len(set.Documents)-1 {
			if err := store.Apply(ctx, batch...); err != nil {
				return err
			}
			batch = batch[:0]
		}
		progress(i+1, len(set.Documents))
	}
	return store.PutSource(ctx, knowledge.Origin{Name: examSource, Kind: "judged set", Location: set.Name, Readers: knowledge.Readers{Everyone: true}, Models: "local", Synced: time.Now()})
}

// examChange makes a document of the collection out of a set's: read as the file
// that its id names, as plain text where the id names none, under the set's own
// title. ok is false when there are no words in it.
func examChange(given judged.Document) (change knowledge.Change, ok bool) {
	body := given.Text
	if strings.TrimSpace(body) == "" {
		body = given.Title
	}
	r := text.Read(given.ID, []byte(body))
	if r.State != knowledge.Indexed {
		r = text.Read("words.txt", []byte(body))
	}
	if r.State != knowledge.Indexed {
		return change, false
	}
	if title := strings.Join(strings.Fields(given.Title), " "); title != "" {
		r.Title = title
	}
	d := knowledge.Document{
		ID: knowledge.ID(examSource, given.ID), Origin: knowledge.HashOf([]byte(given.Text)), Version: knowledge.HashOf([]byte(r.Text)), Recipe: recipe,
		Title: r.Title, Text: r.Text, Blocks: r.Blocks, Places: r.Places, Readers: knowledge.Readers{Everyone: true},
	}
	e := knowledge.Entry{Source: examSource, Path: given.ID, State: knowledge.Indexed, Origin: d.Origin, Version: d.Version, Recipe: recipe,
		Size: int64(len(given.Text)), At: time.Now(), Readers: d.Readers}
	return knowledge.Change{Entry: e, Document: &d, Passages: passage.Cut(d)}, true
}

// counting shows how far something is, on a terminal only.
func (a *app) counting(what string) func(done, total int) {
	if a.quiet || a.asJSON || !terminal(a.err) {
		return func(int, int) {}
	}
	last := time.Time{}
	return func(done, total int) {
		if done == total || time.Since(last) > 100*time.Millisecond {
			last = time.Now()
			fmt.Fprintf(a.err, "\r\033[K%s %d of %d", what, done, total)
		}
	}
}

// readEarlier scores the run to compare with: a run of this home by its id, else
// a TREC run in a file.
func readEarlier(home string, set judged.Set, p examPlan) (graded []exam.Graded, absent int, err error) {
	path := p.baseline
	if r, err := measure.Read(home, p.baseline); err == nil {
		if r.Kind != "exam" || r.Data != set.Data {
			return nil, 0, fault.New(fault.Input, "compare with run "+r.ID+": it was made on other data than "+set.Name, "compare with a run over the same set")
		}
		if path, err = measure.Path(home, r.ID, ".trec.gz"); err != nil {
			return nil, 0, err
		}
	} else if _, missing := os.Stat(path); missing != nil {
		return nil, 0, fault.New(fault.Missing, "compare with "+p.baseline+": there is no run and no file of that name", "the runs are in "+filepath.Join(home, "runs"))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, fault.Wrap(fault.Input, err, "compare with "+p.baseline, "check its permissions")
	}
	defer file.Close()
	var lines io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if lines, err = gzip.NewReader(file); err != nil {
			return nil, 0, fault.Wrap(fault.Input, err, "read "+path, "name a TREC run")
		}
	}
	rankings, err := judged.ReadTREC(lines, path)
	if err != nil {
		return nil, 0, err
	}
	return exam.Grade(set, exam.Half(p.half), rankings, p.baseline)
}

// keepRun writes the rankings where the plan says, and the run with its
// rankings under the home, so that later runs can be compared with it.
func keepRun(home string, r examReport) error {
	rankings := map[string][]judged.Ranked{}
	for _, g := range r.graded {
		rankings[g.Query.ID] = g.Ranked
	}
	var plain, packed bytes.Buffer
	if err := judged.WriteTREC(&plain, r.set.Queries, rankings, "groundwork-"+r.plan.leg); err != nil {
		return err
	}
	zip := gzip.NewWriter(&packed)
	_, err := zip.Write(plain.Bytes())
	if err = errors.Join(err, zip.Close()); err != nil {
		return err
	}
	if r.plan.run != "" {
		data := plain.Bytes()
		if strings.HasSuffix(r.plan.run, ".gz") {
			data = packed.Bytes()
		}
		if err := os.WriteFile(r.plan.run, data, 0o600); err != nil {
			return fault.Wrap(fault.Input, err, "write the TREC run", "name another file with --run")
		}
	}
	if err := measure.WriteFile(home, r.run.ID, ".trec.gz", packed.Bytes()); err != nil {
		return err
	}
	return measure.Write(home, r.run)
}

// examReport is an exam as it is printed.
type examReport struct {
	set      judged.Set
	plan     examPlan
	graded   []exam.Graded
	run      measure.Run
	whole    examPart
	kinds    []examPart
	halves   []examPart
	p50, p95 measure.Measurement  // of the latency
	audit    *measure.Measurement // nil without one
	warnings []string
}

// examPart is the figures of some of the questions.
type examPart struct {
	name        string // "all", "title", "even"
	n           int
	metrics     []measure.Measurement
	comparisons []measure.Comparison
}

// measure computes all figures; earlier is nil without a comparison.
func (r *examReport) measure(earlier []exam.Graded) error {
	part := func(name, label string, keep func(judged.Query) bool) (examPart, error) {
		graded := exam.Where(r.graded, keep)
		subject := r.plan.leg + label
		x := examPart{name: name, n: len(graded), metrics: exam.Measure(graded, subject, examSeed)}
		r.run.Measurements = append(r.run.Measurements, x.metrics...)
		if earlier != nil && len(graded) > 0 {
			var err error
			if x.comparisons, err = exam.Compare(graded, exam.Where(earlier, keep), subject, r.plan.baseline, examSeed); err != nil {
				return x, err
			}
			r.run.Comparisons = append(r.run.Comparisons, x.comparisons...)
		}
		return x, nil
	}
	label := ""
	if r.plan.half != string(exam.All) {
		label = ", half " + r.plan.half
	}
	var err error
	if r.whole, err = part(r.plan.half, label, func(judged.Query) bool { return true }); err != nil {
		return err
	}
	for _, kind := range exam.Kinds(r.graded) {
		x, err := part(kind, label+", kind "+kind, func(q judged.Query) bool { return q.Kind == kind })
		if err != nil {
			return err
		}
		r.kinds = append(r.kinds, x)
	}
	if label == "" {
		for _, half := range []exam.Half{exam.Even, exam.Odd} {
			x, err := part(string(half), ", half "+string(half), func(q judged.Query) bool { return exam.HalfOf(q.ID) == half })
			if err != nil {
				return err
			}
			r.halves = append(r.halves, x)
		}
	}
	r.p50, r.p95 = exam.Latency(r.graded, r.plan.leg+label)
	r.run.Measurements = append(r.run.Measurements, r.p50, r.p95)
	if r.audit != nil {
		r.run.Measurements = append(r.run.Measurements, *r.audit)
	}
	return nil
}

func (r examReport) json() map[string]any {
	figures := func(x examPart) map[string]any {
		byMetric := map[string]any{}
		for _, m := range x.metrics {
			byMetric[m.Metric] = map[string]any{"value": m.Value, "low": m.Low, "high": m.High, "n": m.N}
		}
		return byMetric
	}
	named := func(parts []examPart) map[string]any {
		byName := map[string]any{}
		for _, x := range parts {
			byName[x.name] = figures(x)
		}
		return byName
	}
	halves := named(r.halves)
	if r.plan.half != string(exam.All) {
		halves[r.plan.half] = figures(r.whole)
	}
	comparisons := r.run.Comparisons
	if comparisons == nil {
		comparisons = []measure.Comparison{}
	}
	out := map[string]any{
		"set": r.set.Name, "documents": len(r.set.Documents), "queries": r.whole.n, "leg": r.plan.leg, "half": r.plan.half,
		"metrics": figures(r.whole), "by_kind": named(r.kinds), "halves": halves,
		"latency_ms":  map[string]any{"p50": r.p50.Value, "p95": r.p95.Value, "n": r.p50.N},
		"comparisons": comparisons, "run": r.run.ID, "warnings": orEmpty(r.warnings),
	}
	if m := r.audit; m != nil {
		out["audit"] = map[string]any{"recall@10": m.Value, "low": m.Low, "high": m.High, "n": m.N}
	}
	return out
}

// print is the report for people.
func (r examReport) print(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d documents, %d questions, leg %s\n\n", r.set.Name, len(r.set.Documents), r.whole.n, r.plan.leg)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tquestions\tnDCG@10\trecall@10\trecall@100\tMRR@10")
	parts := append([]examPart{r.whole}, append(r.kinds, r.halves...)...)
	for _, x := range parts {
		if x.n == 0 {
			continue
		}
		m := x.metrics
		fmt.Fprintf(table, "%s\t%d\t%.4f [%.4f, %.4f]\t%.4f\t%.4f\t%.4f\n", x.name, x.n, m[0].Value, m[0].Low, m[0].High, m[1].Value, m[2].Value, m[3].Value)
	}
	err := table.Flush()
	fmt.Fprintf(w, "\nlatency of a search: median %.1f ms, 95th percentile %.1f ms (%d searches)\n", r.p50.Value, r.p95.Value, r.p50.N)
	if m := r.audit; m != nil {
		fmt.Fprintf(w, "audit: of the ten exact neighbours of a question the scan finds %.4f [%.4f, %.4f] (%d questions)\n", m.Value, m.Low, m.High, m.N)
	}
	if len(r.run.Comparisons) > 0 {
		fmt.Fprintf(w, "\nagainst %s, paired by question\n", r.plan.baseline)
		for _, x := range parts {
			for _, c := range x.comparisons {
				fmt.Fprintf(table, "%s\t%s\t%+.4f [%+.4f, %+.4f]\t%s\n", x.name, c.Metric, c.Gain, c.Low, c.High, c.Verdict)
			}
		}
		err = errors.Join(err, table.Flush())
	}
	for _, warning := range r.warnings {
		fmt.Fprintln(w, "note: "+warning)
	}
	return err
}
