package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	"groundwork/model"
)

// The access suite. Nothing of a page that an asker may not read comes out of
// any exit: no word of it, and no trace of it in a rank, a score, a count, a
// frequency, a refusal or an error. So each probe asks twice: the collection
// itself, and a second one that was built of nothing but the pages this asker
// may read (by readable, the oracle). The two must say exactly the same, and no
// word planted in another page may stand in it.

// probe is one thing that somebody asks for. An exit takes what it needs of it.
type probe struct {
	question string
	document knowledge.DocumentID
	citation knowledge.Citation
	passages []string // by name, as in side
	filter   knowledge.Filter
	top      int
	leg      string
	token    string // brought to the server; "none" for no header
	host     string // named to the server
	cited    string // a page with pointers and their quotes, brought along
	file     string // where it stands
}

// letIn reports whether the server's door has to open.
func (p probe) letIn() bool { return p.token == doorToken && p.host == doorHost }

// exit is one way out of the collection. says returns all that the asker gets to
// see of it, without what may differ between two collections that look alike to
// the asker: numbers of passages and documents, and times taken.
type exit struct {
	name string
	says func(context.Context, *side, probe) string
}

// parts are the exits within the program. A new one is added to parts, web or
// commands.
var parts = []exit{
	{"Legs", func(ctx context.Context, s *side, p probe) string {
		legs, err := s.view.Legs(ctx, knowledge.Query{Stems: term.Stems(p.question), Words: term.Words(p.question), Top: p.top})
		var b strings.Builder
		for i, hits := range [][]knowledge.Hit{legs.Passages, legs.Titles, legs.Words, legs.Meaning} {
			for _, h := range hits {
				fmt.Fprintf(&b, "leg %d: %s of %s %v\n", i, s.passages[h.Passage], s.document[h.Document], h.Score)
			}
		}
		return b.String() + said(map[string]any{"visible": legs.Visible, "known": legs.Known}, err)
	}},
	{"Legs by meaning", func(ctx context.Context, s *side, p probe) string {
		q := knowledge.Query{Vector: bagOf(p.question), Mark: bagMark, Top: p.top}
		if len(p.question)%2 == 0 { // beside words
			q.Stems, q.Words = term.Stems(p.question), term.Words(p.question)
		}
		legs, err := s.view.Legs(ctx, q)
		var b strings.Builder
		for _, h := range slices.Concat(legs.Meaning, legs.Passages) {
			fmt.Fprintf(&b, "%s of %s %v\n", s.passages[h.Passage], s.document[h.Document], h.Score)
		}
		return b.String() + said(map[string]any{"visible": legs.Visible, "encoded": legs.Encoded, "known": legs.Known}, err)
	}},
	{"Passages", func(ctx context.Context, s *side, p probe) string {
		ids := []knowledge.PassageID{0, -1, 1 << 40}
		for i, name := range p.passages {
			id, ok := s.ids[name]
			if !ok { // not in this collection: a number that was never given
				id = knowledge.PassageID(1<<41 + i)
			}
			ids = append(ids, id)
		}
		found, err := s.view.Passages(ctx, ids)
		for i := range found {
			found[i].ID = 0
		}
		return said(found, err)
	}},
	{"Document", func(ctx context.Context, s *side, p probe) string { return said2(s.view.Document(ctx, p.document)) }},
	{"Open", func(ctx context.Context, s *side, p probe) string { return said2(s.view.Open(ctx, p.citation)) }},
	{"Documents", func(ctx context.Context, s *side, p probe) string { return said2(s.view.Documents(ctx, p.filter)) }},
	{"Find", func(ctx context.Context, s *side, p probe) string {
		r, err := retrieval.Find(ctx, s.view, retrieval.Search{Question: p.question, Top: p.top, Leg: p.leg})
		r.Took, r.Found = 0, unnumbered(r.Found)
		return said(r, err)
	}},
	{"Answer", func(ctx context.Context, s *side, p probe) string {
		var emitted []knowledge.Part
		a, err := writer(s.view, bag{}).Answer(ctx, knowledge.Question{Text: p.question}, func(part knowledge.Part) {
			if part.Step != nil {
				part.Step.Took = 0
			}
			emitted = append(emitted, part)
		})
		a.Spent.Took, a.Nearest = 0, unnumbered(a.Nearest)
		for i := range a.Steps {
			a.Steps[i].Took = 0
		}
		return said(map[string]any{"answer": a, "emitted": emitted}, err)
	}},
}

// bagOf is a small encoder: each word adds to one of 64 values, by its hash.
func bagOf(text string) []float32 {
	v := make([]float32, 64)
	for _, w := range term.Words(text) {
		v[knowledge.HashOf([]byte(w))[0]%64]++
	}
	return v
}

const bagMark = "bag@1"

// bag is that encoder as a model.Embedder.
type bag struct{}

func (bag) Mark() string        { return bagMark }
func (bag) Dimensions() int     { return 64 }
func (bag) Languages() []string { return nil }
func (bag) Host() string        { return "" }

func (bag) Embed(_ context.Context, _ model.Purpose, texts []string) (vectors [][]float32, _ model.Spent, _ error) {
	for _, t := range texts {
		vectors = append(vectors, bagOf(t))
	}
	return vectors, model.Spent{}, nil
}

// encodeMost gives most passages of a store their vectors: always the same ones.
func encodeMost(t *testing.T, store *sqlite.Store) {
	t.Helper()
	waiting, err := store.Unencoded(t.Context(), bagMark, nil, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []knowledge.Vector
	for _, u := range waiting {
		if u.Key[0]%5 > 0 {
			vectors = append(vectors, knowledge.Vector{Key: u.Key, Values: bagOf(u.Text)})
		}
	}
	if err := store.PutVectors(t.Context(), bagMark, vectors); err != nil {
		t.Fatal(err)
	}
}

// web are the exits over HTTP.
var web = []exit{
	{"HTTP /v1/search", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "GET", "/v1/search?"+url.Values{"q": {p.question}, "top": {fmt.Sprint(p.top)}, "leg": {p.leg}}.Encode(), nil, "")
	}},
	{"HTTP /v1/ask", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "POST", "/v1/ask", map[string]string{"question": p.question}, "")
	}},
	{"HTTP /v1/ask as a stream", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "POST", "/v1/ask", map[string]string{"question": p.question}, "text/event-stream")
	}},
	{"HTTP /v1/documents", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "GET", "/v1/documents?"+url.Values{"source": {p.filter.Source}}.Encode(), nil, "")
	}},
	{"HTTP /v1/open", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "GET", "/v1/open?"+url.Values{"pointer": {p.citation.Pointer.String()}}.Encode(), nil, "")
	}},
	{"HTTP /", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "GET", "/?"+url.Values{"q": {p.question}}.Encode(), nil, "")
	}},
	{"HTTP / as a stream", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "GET", "/?"+url.Values{"q": {p.question}}.Encode(), nil, "text/event-stream")
	}},
	{"HTTP /open", func(ctx context.Context, s *side, p probe) string {
		return request(ctx, s, p, "GET", "/open?"+url.Values{"pointer": {p.citation.Pointer.String()}, "q": {p.question}}.Encode(), nil, "")
	}},
}

// The door's secret and its name.
const (
	doorToken = "the token of this door, which nobody can guess: 7f1c"
	doorHost  = "127.0.0.1:7474"
)

// request asks the server. The door lets in the home's owner alone so far, so
// the person stands in for the owner: whoever is let in has that person's view,
// and a probe that must not be let in has the owner's, of which nothing may come
// out.
func request(ctx context.Context, s *side, p probe, method, target string, body any, accept string) string {
	door := rooms(func(a knowledge.Asker) knowledge.View {
		if a.Owner && p.letIn() {
			return s.view
		}
		return s.owner
	}, func(context.Context) (model.Embedder, error) { return bag{}, nil })
	door.Token, door.Hosts = doorToken, []string{doorHost}
	if p.token == "" && p.host == doorHost { // a door without a secret is closed, not open
		door.Token = ""
	}
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return err.Error()
		}
	}
	r := httptest.NewRequestWithContext(ctx, method, target, &sent)
	r.Host = p.host
	if p.token != "none" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := patient{httptest.NewRecorder()}
	door.Handler().ServeHTTP(w, r)
	var headers strings.Builder
	if err := w.Result().Header.Write(&headers); err != nil {
		return err.Error()
	}
	return took.ReplaceAllString(fmt.Sprintf("%d\n%s\n%s", w.Code, headers.String(), w.Body.String()), `"took_ms":-`)
}

// patient is a recorder that takes deadlines, as a connection does.
type patient struct{ *httptest.ResponseRecorder }

func (patient) SetWriteDeadline(time.Time) error { return nil }

// commands are the exits on the command line; who asks is added to args.
var commands = []struct {
	name string
	args func(probe) []string
}{
	{"search", func(p probe) []string { return []string{"search", "--top", fmt.Sprint(p.top), p.question} }},
	{"search --json", func(p probe) []string {
		return []string{"search", "--json", "--top", fmt.Sprint(p.top), "--leg", p.leg, p.question}
	}},
	{"ask", func(p probe) []string { return []string{"ask", p.question} }},
	{"ask --json", func(p probe) []string { return []string{"ask", "--json", p.question} }},
	{"open", func(p probe) []string { return []string{"open", p.citation.Pointer.String()} }},
	{"open --json", func(p probe) []string { return []string{"open", "--json", p.citation.Pointer.String()} }},
	{"ask --markdown", func(p probe) []string { return []string{"ask", "--markdown", p.question} }},
	{"verify", func(p probe) []string { return []string{"verify", p.file} }},
	{"verify --json", func(p probe) []string { return []string{"verify", "--json", p.file} }},
}

func unnumbered(found []knowledge.Found) []knowledge.Found {
	found = slices.Clone(found)
	for i := range found {
		found[i].ID = 0
	}
	return found
}

// said is a value and an error as text.
func said(v any, err error) string {
	out, failed := json.MarshalIndent(v, "", " ")
	if failed != nil {
		return failed.Error()
	}
	if err != nil {
		var f *fault.Error
		errors.As(err, &f)
		return fmt.Sprintf("%s\nfault %s: %+v", out, fault.KindOf(err), f)
	}
	return string(out)
}

func said2[T any](v T, err error) string { return said(v, err) }

var took = regexp.MustCompile(`"took_ms": ?[0-9.e+-]+`)

// commandLine runs one command and returns all it prints and its exit code. A
// spawned one is a process of its own.
func commandLine(ctx context.Context, s *side, spawn bool, args ...string) string {
	args = append([]string{"--home", s.home}, args...)
	var out, errOut bytes.Buffer
	code := 0
	if spawn {
		cmd := exec.CommandContext(ctx, "groundwork", args...)
		cmd.Stdout, cmd.Stderr = &out, &errOut
		err := cmd.Run()
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			code = ended.ExitCode()
		} else if err != nil {
			return "not run: " + err.Error()
		}
	} else {
		code = run(ctx, args, strings.NewReader(""), &out, &errOut)
	}
	text := fmt.Sprintf("%s\nstderr: %s\nexit %d", out.String(), errOut.String(), code)
	return strings.ReplaceAll(took.ReplaceAllString(text, `"took_ms":-`), s.home, "HOME")
}

// questions besides random ones: empty, of grammar alone, of signs.
var oddQuestions = []string{"", "  ", "what is the", "who is it", "?!", "zqnever planted", "page", "the the the", "\x00\xff", "level 4"}

// draw makes a probe: every part of it is drawn anew, so that the probes of one
// person differ in all of them.
func (w *world) draw(full *side, documents []knowledge.DocumentID, names []string) probe {
	rng := w.rng
	id := pick(rng, documents)
	switch n := rng.IntN(12); {
	case n < 4 && len(w.targets) > 0: // pages that others name
		id = pick(rng, w.targets)
	case n < 5 && len(w.gone) > 0: // pages that were here, or stood under another name
		id = pick(rng, slices.Sorted(maps.Keys(w.gone)))
	}
	p := probe{document: id, top: 1 + rng.IntN(30), leg: pick(rng, []string{"", "fused", "words", "words", "meaning", "title"}), token: doorToken, host: doorHost}
	switch rng.IntN(12) {
	case 0:
		p.token = pick(rng, []string{"", "none", "x", doorToken[1:], doorToken + "1", strings.ToUpper(doorToken)})
	case 1:
		p.host = pick(rng, []string{"elsewhere.example", "127.0.0.1", "localhost:7474", "127.0.0.1:80"})
	}
	if p.top == 1 {
		p.top = rng.IntN(3) * 500 // 0: the default, or out of range
	}
	page, known := w.pages[id]
	if !known { // it was there once
		page.raw = w.gone[id]
	}
	switch n := rng.IntN(12); {
	case n < 5: // words that many pages hold
		for range 1 + rng.IntN(5) {
			p.question += pick(rng, fillers) + " "
		}
	case n < 8: // what a subject's pages say
		p.question = pick(rng, []string{"what is the ", "how many ", "who signs the ", "when is the "}) + strings.ToLower(strings.Split(pick(rng, subjects)[1], "%d")[0]) + "?"
	case n < 9 && page.raw != "": // words of one page, in its own order
		words := strings.Fields(page.raw)
		at := rng.IntN(len(words))
		p.question = strings.Join(words[at:min(len(words), at+1+rng.IntN(6))], " ")
	case n < 11: // a word that one page alone holds, held, gone or never planted
		p.question = pick(rng, w.words) + " " + pick(rng, fillers)
	default:
		p.question = pick(rng, oddQuestions)
	}
	if rng.IntN(20) == 0 {
		p.document += "x"
	}
	p.citation.Pointer = knowledge.Pointer{Document: p.document, Version: fmt.Sprintf("%08x", rng.Uint32()), Start: rng.IntN(400)}
	p.citation.End = p.citation.Start + rng.IntN(200)
	if page.raw != "" && rng.IntN(4) > 0 { // front matter and all: the stored text is what is on disk
		p.citation.Version = knowledge.HashOf([]byte(page.raw)).Short()
		if start := min(p.citation.Start, len(page.raw)-1); rng.IntN(2) == 0 {
			p.citation.Start, p.citation.End = start, min(p.citation.End+1, len(page.raw))
			p.citation.Quote = page.raw[start:p.citation.End]
			p.citation.Before = page.raw[max(0, start-20):start]
		}
	}
	p.cited = fmt.Sprintf("> %s\n\n%s\n", strings.ReplaceAll(p.citation.Quote, "\n", "\n> "), p.citation.Pointer)
	for range rng.IntN(8) {
		p.passages = append(p.passages, pick(rng, names))
	}
	if rng.IntN(3) > 0 {
		p.filter.Replaces = id
	}
	switch rng.IntN(6) {
	case 0:
		p.filter.Source = pick(rng, []string{"handbook", "lab", "payroll", "nosuch"})
	case 1:
		p.filter.Source, p.filter.Path = id.Source(), id.Path()
	case 2:
		p.filter.Path = pick(rng, []string{"rules/", "old/", "rules", "ru"})
	}
	return p
}

// scale is how much the suite does.
type scale struct {
	worlds, states, people, probes, commands, spawnEvery, pages int
}

func (s scale) String() string {
	return fmt.Sprintf("%d worlds of %d pages in 3 sources, each at %d moments, %d people at each, %d probes of the parts and %d commands for each",
		s.worlds, s.pages, s.states, s.people, s.probes, s.commands)
}

func sizes() scale {
	switch {
	case testing.Short():
		return scale{worlds: 1, states: 2, people: 5, probes: 50, commands: 1, spawnEvery: 5, pages: 60}
	case os.Getenv("GROUNDWORK_LONG") != "":
		return scale{worlds: 25, states: 4, people: 10, probes: 200, commands: 8, spawnEvery: 25, pages: 60}
	}
	return scale{worlds: 2, states: 4, people: 5, probes: 100, commands: 4, spawnEvery: 25, pages: 60}
}

// tally counts what the probes met, so that a suite that asks nothing is seen.
type tally struct {
	sync.Mutex
	exits                                           map[string]int
	probes, commands, spawned, denied               int
	answered, refused, replaced, contradicted, leak int
	compared, filtered                              int // with what the owner gets; and found different
}

func TestAccess(t *testing.T) {
	size := sizes()
	met := &tally{exits: map[string]int{}}
	began := time.Now()
	t.Run("worlds", func(t *testing.T) {
		for i := range size.worlds {
			t.Run(fmt.Sprint(i+1), func(t *testing.T) {
				t.Parallel()
				probeWorld(t, size, i, met)
			})
		}
	})
	for name, n := range map[string]int{"probes about pages that the asker may not read": met.denied, "answers": met.answered, "refusals": met.refused,
		"pages replaced": met.replaced, "contradictions": met.contradicted, "probes to which the owner gets another reply": met.filtered, "commands in a process of their own": met.spawned} {
		if n == 0 && !t.Failed() {
			t.Errorf("the suite met no %s", name)
		}
	}
	t.Logf("%d probes of the parts and %d commands (%d as processes), %d leaks, %s\n%s; exits %v\n"+
		"%d probes named a page that the asker may not read; to %d of %d the owner got another reply; %d answers (%d with a replaced page, %d with a contradiction), %d refusals",
		met.probes, met.commands, met.spawned, met.leak, time.Since(began).Round(time.Second), size, met.exits,
		met.denied, met.filtered, met.compared, met.answered, met.replaced, met.contradicted, met.refused)
}

func probeWorld(t *testing.T, size scale, number int, met *tally) {
	w := newWorld(t, uint64(number+1), size.pages)
	all := people()
	for state := range size.states {
		if state > 0 {
			w.change()
		}
		writer, err := db.Open(t.Context(), w.home, sqlite.Schema)
		if err != nil {
			t.Fatal(err)
		}
		encodeMost(t, sqlite.New(writer))
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := db.OpenReader(t.Context(), w.home, sqlite.Schema)
		if err != nil {
			t.Fatal(err)
		}
		store := sqlite.New(d)
		full, fresh := sideOf(t, w.home, store), w.fresh()
		if len(full.document) != len(w.pages) {
			t.Fatalf("the collection has %d pages, the folders have %d", len(full.document), len(w.pages))
		}
		for k := range size.people { // everybody has a turn, world after world
			person := all[((number*size.states+state)*size.people+k)%len(all)]
			twin, may, closeTwin := w.twin(person, full, fresh)
			w.ask(size, person, may, full.seenBy(person, store), twin, met)
			closeTwin()
			if t.Failed() {
				break
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
}

// ask puts one person's probes to both collections.
func (w *world) ask(size scale, person person, may map[knowledge.DocumentID]bool, full, twin *side, met *tally) {
	var public strings.Builder // what the asker may read, and so may see again
	for id := range may {
		public.WriteString(w.pages[id].raw + " " + string(id) + "\n")
	}
	allowed := map[string]bool{}
	for _, word := range canary.FindAllString(public.String(), -1) {
		allowed[word] = true
	}
	documents, names := slices.Sorted(maps.Keys(w.pages)), slices.Sorted(maps.Keys(full.ids))
	check := func(name string, p probe, got, want string) {
		met.exits[name]++
		allowed := allowed
		if strings.HasPrefix(name, "HTTP") && !p.letIn() {
			allowed = nil
			if code, _, _ := strings.Cut(got, "\n"); code != "401" && code != "403" {
				w.t.Errorf("LEAK of a reply by %s to nobody: %s", name, got)
			}
		}
		if name == "Documents" && p.filter.Replaces != "" && !may[p.filter.Replaces] && got != "null" {
			w.t.Errorf("LEAK of what replaces %s by %s to %s: %s", p.filter.Replaces, name, person.what, got)
		}
		echo := canary.FindAllString(p.question+string(p.document)+string(p.filter.Replaces)+p.cited, -1)
		for _, word := range canary.FindAllString(got, -1) {
			if !allowed[word] && !slices.Contains(echo, word) {
				met.leak++
				w.t.Errorf("LEAK of %s by %s to %s (%v)\nprobe %+v\n%s", word, name, person.what, person.asker, p, got)
				return
			}
		}
		if got != want {
			met.leak++
			w.t.Errorf("DIFFERS: %s to %s (%v)\nprobe %+v\n%s", name, person.what, person.asker, p, firstDifference(want, got))
		}
	}
	for range size.probes {
		e, p := pick(w.rng, parts), w.draw(full, documents, names)
		if w.rng.IntN(4) == 0 {
			e = pick(w.rng, web)
		}
		got, want := e.says(w.t.Context(), full, p), e.says(w.t.Context(), twin, p)
		byOwner := *full
		byOwner.view = full.owner
		met.Lock()
		met.probes++
		check(e.name, p, got, want)
		if !may[p.document] {
			met.denied++
		}
		if e.name == "Answer" {
			count := func(n *int, sign string) {
				if strings.Contains(got, sign) {
					*n++
				}
			}
			count(&met.answered, `"Answered": true`)
			count(&met.refused, `"Answered": false`)
			count(&met.replaced, `"Kind": "replaced"`)
			count(&met.contradicted, `"Kind": "contradiction"`)
		}
		met.Unlock()
		if w.rng.IntN(10) == 0 {
			differs := e.says(w.t.Context(), &byOwner, p) != got
			met.Lock()
			met.compared++
			if differs {
				met.filtered++
			}
			met.Unlock()
		}
		if w.t.Failed() {
			return
		}
	}
	if person.flags == nil {
		return
	}
	for range size.commands {
		c, p := pick(w.rng, commands), w.draw(full, documents, names)
		if strings.ContainsRune(p.question, 0) { // which no argument can hold
			p.question = "\xff"
		}
		met.Lock()
		met.commands++
		spawn := met.commands%size.spawnEvery == 0
		met.Unlock()
		p.file = filepath.Join(w.dir, "cited.md")
		if err := os.WriteFile(p.file, []byte(p.cited), 0o644); err != nil {
			w.t.Fatal(err)
		}
		args := slices.Concat(c.args(p), person.flags)
		if w.rng.IntN(2) == 0 {
			args = slices.Concat(c.args(p)[:1], person.flags, c.args(p)[1:])
		}
		got, want := commandLine(w.t.Context(), full, spawn, args...), commandLine(w.t.Context(), twin, spawn, args...)
		met.Lock()
		if spawn {
			met.spawned++
		}
		check(c.name, p, got, want)
		met.Unlock()
		if w.t.Failed() {
			return
		}
	}
}

// firstDifference shows two texts from where they part.
func firstDifference(want, got string) string {
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	from := max(0, i-300)
	return fmt.Sprintf("with only what may be read: ...%s\nwith all: ...%s", want[from:min(len(want), i+600)], got[from:min(len(got), i+600)])
}
