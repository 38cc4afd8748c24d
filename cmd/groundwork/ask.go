package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"

	"github.com/spf13/cobra"
)

// asking holds the flags that say who asks.
type asking struct{ name, groups string }

func (q *asking) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.name, "as", "", "ask as this person instead of the home's owner")
	cmd.Flags().StringVar(&q.groups, "groups", "", `the person's groups: GROUP,GROUP ("" for none)`)
}

func (q *asking) asker(cmd *cobra.Command) knowledge.Asker {
	if !cmd.Flags().Changed("as") && !cmd.Flags().Changed("groups") {
		return knowledge.Asker{Owner: true}
	}
	name := q.name
	if name == "" {
		name = "somebody"
	}
	return knowledge.Asker{Name: name, Groups: knowledge.ParseGroups(q.groups)}
}

func (a *app) searchCommand() *cobra.Command {
	var who asking
	var top int
	var leg string
	cmd := &cobra.Command{
		Use:     "search QUERY",
		Short:   "the passages that match",
		Example: "  groundwork search hotel limit\n  groundwork search --top 3 --as ann --groups people-team \"pay band level 4\"",
		Args:    words("a QUERY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if top < 1 || top > 1000 {
				return fault.New(fault.Input, fmt.Sprintf("search: --top %d is out of range", top), "1 to 1000")
			}
			query := strings.Join(args, " ")
			return a.reading(cmd.Context(), func(store *sqlite.Store) error {
				r, err := retrieval.Find(cmd.Context(), store.View(who.asker(cmd)), retrieval.Search{Question: query, Top: top, Depth: max(top, 100), Leg: leg})
				if err != nil {
					return err
				}
				if a.asJSON {
					a.json(map[string]any{"query": query, "took_ms": ms(r.Took), "hits": hitsJSON(r.Found)})
				} else {
					a.printFound(r.Found)
				}
				if len(r.Found) == 0 {
					a.note("nothing found for %q\n  next: other words, or groundwork status to see what is indexed", query)
					return result(4)
				}
				return nil
			})
		},
	}
	who.flags(cmd)
	cmd.Flags().IntVar(&top, "top", 10, "how many passages")
	cmd.Flags().StringVar(&leg, "leg", retrieval.Fused, "words, meaning or fused")
	return cmd
}

func (a *app) askCommand() *cobra.Command {
	var who asking
	var model string
	cmd := &cobra.Command{
		Use:   "ask QUESTION",
		Short: "an answer in which every sentence can be opened",
		Long: `Answer a question out of what the asker may read. Without a language model
the answer is quotes, each with a pointer that groundwork open takes. When no
page answers, it says so and shows the nearest passages (exit code 4).`,
		Example: "  groundwork ask \"how many days of leave are there?\"\n  groundwork ask --as ann --groups people-team \"what is the pay band for level 4?\"",
		Args:    words("a QUESTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			question := knowledge.Question{Text: strings.Join(args, " "), Model: model}
			return a.reading(cmd.Context(), func(store *sqlite.Store) error {
				answer, err := writer(store.View(who.asker(cmd))).Answer(cmd.Context(), question, nil)
				if err != nil {
					return err
				}
				if a.asJSON {
					a.json(answerJSON(answer))
				} else {
					a.printAnswer(answer)
				}
				if !answer.Answered {
					return result(4)
				}
				return nil
			})
		},
	}
	who.flags(cmd)
	cmd.Flags().StringVar(&model, "model", "none", "a configured model, or none to quote")
	return cmd
}

func (a *app) openCommand() *cobra.Command {
	var who asking
	cmd := &cobra.Command{
		Use:     "open POINTER",
		Short:   "a cited span in its surroundings",
		Example: "  groundwork open handbook/leave.md@3f2a91c0#1200-1288",
		Args:    exactly(1, "a POINTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := knowledge.ParsePointer(args[0])
			if err != nil {
				return err
			}
			return a.reading(cmd.Context(), func(store *sqlite.Store) error {
				e, err := store.View(who.asker(cmd)).Open(cmd.Context(), knowledge.Citation{Pointer: p})
				if err != nil {
					return err
				}
				if e.State == knowledge.Gone {
					return fault.New(fault.Missing, "open "+args[0]+": no such document, or not for you", "groundwork search finds what you may read")
				}
				return a.printExcerpt(e)
			})
		},
	}
	who.flags(cmd)
	return cmd
}

func (a *app) printExcerpt(e knowledge.Excerpt) error {
	d := e.Document
	holds := e.State == knowledge.Holds
	from, to := surroundings(d.Text, e.Start, e.End)
	if a.asJSON {
		out := map[string]any{"pointer": e.Citation.Pointer.String(), "state": e.State, "document": d.ID, "source": d.ID.Source(), "path": d.ID.Path(),
			"version": d.Version, "title": d.Title, "heading": orEmpty(e.Heading), "place": e.Place, "date": day(d.Date())}
		if holds {
			out["start"], out["end"], out["text"] = e.Start, e.End, d.Text[e.Start:e.End]
			out["before"], out["after"] = d.Text[from:e.Start], d.Text[e.End:to]
		}
		a.json(out)
	} else {
		fmt.Fprintf(a.out, "%s\n", a.bold(strings.Join(append([]string{d.Title}, e.Heading...), " > ")))
		fmt.Fprintf(a.out, "%s%s, %s\n\n", d.ID, comma(e.Place), dated(d))
		if holds {
			fmt.Fprintf(a.out, "%s%s%s\n", d.Text[from:e.Start], a.mark(d.Text[e.Start:e.End]), d.Text[e.End:to])
		}
	}
	if !holds {
		a.note("groundwork: the document has changed since (its version is %s now)\n  next: groundwork search finds the passage of today", d.Version.Short())
		return result(7)
	}
	return nil
}

// surroundings widens a span to whole lines and some 300 bytes on each side.
func surroundings(text string, start, end int) (int, int) {
	const around = 300
	from := max(0, start-around)
	if i := strings.LastIndexByte(text[:from], '\n'); from > 0 {
		from = i + 1
	}
	to := min(len(text), end+around)
	if i := strings.IndexByte(text[to:], '\n'); i >= 0 {
		to += i
	} else {
		to = len(text)
	}
	return from, to
}

// JSON of the contract.

type citationJSON struct {
	Pointer  string               `json:"pointer"`
	Document knowledge.DocumentID `json:"document"`
	Source   string               `json:"source"`
	Path     string               `json:"path"`
	Version  string               `json:"version"`
	Start    int                  `json:"start"`
	End      int                  `json:"end"`
	Place    string               `json:"place"`
	Quote    string               `json:"quote"`
	Title    string               `json:"title"`
	Heading  []string             `json:"heading"`
	State    knowledge.State      `json:"state"`
	Date     string               `json:"date"`
	Before   string               `json:"before"`
	After    string               `json:"after"`
}

func citeJSON(c knowledge.Cited) citationJSON {
	return citationJSON{c.Pointer.String(), c.Document, c.Document.Source(), c.Document.Path(), c.Version, c.Start, c.End,
		c.Place, c.Quote, c.Title, orEmpty(c.Heading), c.State, day(c.Date), c.Before, c.After}
}

func answerJSON(x knowledge.Answer) map[string]any {
	sentences := []map[string]any{}
	for _, s := range x.Sentences {
		citations := []citationJSON{}
		for _, c := range s.Citations {
			citations = append(citations, citeJSON(c))
		}
		marks := s.Marks
		if marks == nil {
			marks = [][2]int{}
		}
		sentences = append(sentences, map[string]any{"text": s.Text, "support": s.Support, "citations": citations, "marks": marks})
	}
	conflicts := []map[string]any{}
	for _, c := range x.Conflicts {
		conflicts = append(conflicts, map[string]any{"kind": c.Kind, "newer": citeJSON(c.Newer), "older": citeJSON(c.Older)})
	}
	steps := []map[string]any{}
	for _, s := range x.Steps {
		steps = append(steps, map[string]any{"tool": s.Tool, "input": s.Input, "found": s.Found, "took_ms": ms(s.Took)})
	}
	return map[string]any{
		"question": x.Question, "answered": x.Answered, "refusal": x.Refusal, "sentences": sentences, "nearest": hitsJSON(x.Nearest),
		"conflicts": conflicts, "steps": steps, "warnings": orEmpty(x.Warnings),
		"spent": map[string]any{"input_tokens": x.Spent.InputTokens, "output_tokens": x.Spent.OutputTokens, "usd": x.Spent.USD, "took_ms": ms(x.Spent.Took), "host": x.Spent.Host},
	}
}

func hitsJSON(found []knowledge.Found) []map[string]any {
	hits := []map[string]any{}
	for _, f := range found {
		legs := map[string]any{}
		for name, p := range f.Legs {
			legs[name] = map[string]any{"rank": p.Rank, "score": p.Score}
		}
		hits = append(hits, map[string]any{"document": f.Document, "source": f.Document.Source(), "path": f.Document.Path(), "version": f.Version,
			"title": f.Title, "heading": orEmpty(f.Heading), "place": f.Place, "start": f.Start, "end": f.End, "text": f.Text, "score": f.Score, "legs": legs,
			"pointer": pointer(f.Passage)})
	}
	return hits
}

func pointer(p knowledge.Passage) string {
	return knowledge.Pointer{Document: p.Document, Version: p.Version.Short(), Start: p.Start, End: p.End}.String()
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// day is a date as people write it in tables; "" for an unknown one.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02")
}

// For people.

func (a *app) colour() bool { return terminal(a.out) && os.Getenv("NO_COLOR") == "" }

func (a *app) bold(s string) string {
	if !a.colour() {
		return s
	}
	return "\033[1m" + s + "\033[0m"
}

// mark shows the cited span: bold on a terminal, between signs elsewhere.
func (a *app) mark(s string) string {
	if a.colour() {
		return "\033[1;7m" + s + "\033[0m"
	}
	return "»" + s + "«"
}

func comma(place string) string {
	if place == "" {
		return ""
	}
	return ", " + place
}

// dated tells what kind of date it is.
func dated(d knowledge.Document) string {
	if !d.Dated.IsZero() {
		return "dated " + day(d.Dated)
	}
	return "file of " + day(d.Modified)
}

func citedDate(c knowledge.Cited) string {
	if c.Dated {
		return "dated " + day(c.Date)
	}
	return "file of " + day(c.Date)
}

func (a *app) printAnswer(x knowledge.Answer) {
	for i, s := range x.Sentences {
		fmt.Fprintf(a.out, "%d. %s\n", i+1, indent(a.marked(s.Text, s.Marks)))
		for _, c := range s.Citations {
			where := strings.Join(append([]string{c.Title}, c.Heading...), " > ")
			fmt.Fprintf(a.out, "   [%s%s, %s]\n   %s\n", where, comma(c.Place), citedDate(c), c.Pointer)
		}
		for _, k := range x.Conflicts {
			if slices.ContainsFunc(s.Citations, func(c knowledge.Cited) bool { return c.Document == k.Newer.Document || c.Document == k.Older.Document }) && !shown(x.Sentences[:i], k) {
				a.printConflict(k)
			}
		}
		fmt.Fprintln(a.out)
	}
	if !x.Answered {
		fmt.Fprintln(a.out, x.Refusal)
		if len(x.Nearest) > 0 {
			fmt.Fprintln(a.out)
			a.printFound(x.Nearest)
		}
	}
	for _, w := range x.Warnings {
		fmt.Fprintln(a.out, "note: "+w)
	}
	if x.Answered {
		a.note("Quoted, not written: no language model was used. Open a source: groundwork open POINTER")
	}
}

// shown reports whether a conflict belongs to one of the sentences before.
func shown(before []knowledge.Sentence, k knowledge.Conflict) bool {
	return slices.ContainsFunc(before, func(s knowledge.Sentence) bool {
		return slices.ContainsFunc(s.Citations, func(c knowledge.Cited) bool { return c.Document == k.Newer.Document || c.Document == k.Older.Document })
	})
}

func (a *app) printConflict(k knowledge.Conflict) {
	if k.Kind == knowledge.Replaced {
		fmt.Fprintf(a.out, "   replaces %s (%s), which said:\n   | %s\n   %s\n", k.Older.Title, citedDate(k.Older), indent(plain(k.Older.Quote)), k.Older.Pointer)
		return
	}
	fmt.Fprintf(a.out, "   Pages differ here. %s (%s) says:\n   | %s\n   %s\n", k.Newer.Title, citedDate(k.Newer), indent(plain(k.Newer.Quote)), k.Newer.Pointer)
	fmt.Fprintf(a.out, "   %s (%s) says:\n   | %s\n   %s\n", k.Older.Title, citedDate(k.Older), indent(plain(k.Older.Quote)), k.Older.Pointer)
}

func (a *app) printFound(found []knowledge.Found) {
	for i, f := range found {
		fmt.Fprintf(a.out, "%d. %s\n", i+1, a.bold(strings.Join(append([]string{f.Title}, f.Heading...), " > ")))
		fmt.Fprintf(a.out, "   %s\n", indent(clip(plain(f.Text), 240)))
		fmt.Fprintf(a.out, "   %s%s\n", pointer(f.Passage), comma(f.Place))
	}
}

// marked sets the answering words off, on a terminal.
func (a *app) marked(text string, marks [][2]int) string {
	if !a.colour() {
		return plain(text)
	}
	var b strings.Builder
	at := 0
	for _, m := range marks {
		b.WriteString(text[at:m[0]] + "\x01" + text[m[0]:m[1]] + "\x02")
		at = m[1]
	}
	b.WriteString(text[at:])
	return strings.NewReplacer("\x01", "\033[1m", "\x02", "\033[0m").Replace(plain(b.String()))
}

var (
	markdownLink  = regexp.MustCompile(`!?\[([^\[\]]*)\]\([^()]*\)`)
	markdownEmph  = regexp.MustCompile(`(\*\*|__|` + "`" + `)`)
	markdownRule  = regexp.MustCompile(`(?m)^\s*\|?[\s|:-]*-{2,}[\s|:-]*\|?\s*$\n?`)
	markdownBreak = regexp.MustCompile(`([^\s|])\n\s*([^\s|*#\d-])`)
)

// plain drops the markup of a Markdown quote for the screen; the quote itself,
// in JSON, stays exact. Control characters from documents never reach a terminal.
func plain(s string) string {
	s = markdownLink.ReplaceAllString(s, "$1")
	s = markdownRule.ReplaceAllString(s, "")
	s = markdownEmph.ReplaceAllString(s, "")
	s = markdownBreak.ReplaceAllString(s, "$1 $2")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\x01' && r != '\x02' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
}

func indent(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n   ") }

// clip cuts a text at a word near n bytes.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= n {
		return s
	}
	if i := strings.LastIndexByte(s[:n], ' '); i > n/2 {
		return s[:i] + " ..."
	}
	r := []rune(s)
	return string(r[:min(len(r), n/3)]) + " ..."
}

// answerFor is one question on an open store, for the demo.
func answerFor(ctx context.Context, store *sqlite.Store, asker knowledge.Asker, question string) (knowledge.Answer, error) {
	return writer(store.View(asker)).Answer(ctx, knowledge.Question{Text: question}, nil)
}
