package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
	"groundwork/server"
	look "groundwork/server/page"

	"github.com/spf13/cobra"
)

// asking holds the flags that say who asks.
type asking struct{ name, groups string }

func (q *asking) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&q.name, "as", "", "ask as this person instead of the home's owner")
	cmd.Flags().StringVar(&q.groups, "groups", "", `the person's groups: GROUP,GROUP ("" for none)`)
}

func (q *asking) asker(cmd *cobra.Command) knowledge.Asker {
	if !cmd.Flags().Changed("as") && !cmd.Flags().Changed("groups") { // access: the owner on the command line
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
				var e model.Embedder
				if leg != retrieval.Words {
					var err error
					if e, err = a.questioner(cmd.Context(), store); err != nil {
						return err
					}
				}
				r, err := retrieval.Find(cmd.Context(), store.View(who.asker(cmd)), search(query, top, leg, e)) // access: search as the asker
				if err != nil {
					return err
				}
				for _, w := range r.Warnings {
					a.note("note: %s", visible(w))
				}
				if a.asJSON {
					a.json(server.SearchJSON(query, r))
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

// search is a search for people: as deep as they look.
func search(query string, top int, leg string, e model.Embedder) retrieval.Search {
	depth := 0
	if top > 100 {
		depth = 2 * top
	}
	return retrieval.Search{Question: query, Top: top, Depth: depth, Leg: leg, Encoder: asEncoder(e)}
}

func (a *app) askCommand() *cobra.Command {
	var who asking
	var model string
	var markdown bool
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
				e, err := a.questioner(cmd.Context(), store)
				if err != nil {
					return err
				}
				answer, err := writer(store.View(who.asker(cmd)), e).Answer(cmd.Context(), question, nil) // access: ask as the asker
				if err != nil {
					return err
				}
				if a.asJSON {
					a.json(server.AnswerJSON(answer))
				} else if markdown {
					a.printMarkdown(answer)
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
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print Markdown with exact quotes, for pages that groundwork verify checks")
	return cmd
}

func (a *app) openCommand() *cobra.Command {
	var who asking
	cmd := &cobra.Command{
		Use:     "open POINTER",
		Short:   "a cited span in its surroundings",
		Example: "  groundwork open handbook/travel/hotel-limits.md@0480d2b7#252-380",
		Args:    exactly(1, "a POINTER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := knowledge.ParsePointer(args[0])
			if err != nil {
				return err
			}
			return a.reading(cmd.Context(), func(store *sqlite.Store) error {
				e, err := store.View(who.asker(cmd)).Open(cmd.Context(), knowledge.Citation{Pointer: p}) // access: open as the asker
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
	from, to := look.Surroundings(d.Text, e.Start, e.End, server.Around)
	if a.asJSON {
		a.json(server.ExcerptJSON(e))
	} else {
		fmt.Fprintf(a.out, "%s\n", a.bold(visible(strings.Join(append([]string{d.Title}, e.Heading...), " > "))))
		fmt.Fprintf(a.out, "%s%s, %s\n\n", visible(string(d.ID)), comma(e.Place), look.Dated(d.Date(), !d.Dated.IsZero()))
		if holds {
			fmt.Fprintf(a.out, "%s%s%s\n", look.Clean(d.Text[from:e.Start]), a.mark(look.Clean(d.Text[e.Start:e.End])), look.Clean(d.Text[e.End:to]))
		}
	}
	if !holds {
		why := "the document has changed since (its version is " + d.Version.Short() + " now)"
		if strings.HasPrefix(d.Version.String(), e.Citation.Version) {
			why = fmt.Sprintf("the span does not lie in the document, which has %d bytes", len(d.Text))
		}
		a.note("groundwork: %s\n  next: groundwork search finds the passage of today", why)
		return result(7)
	}
	return nil
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

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

func (a *app) printAnswer(x knowledge.Answer) {
	for i, s := range x.Sentences {
		fmt.Fprintf(a.out, "%d. %s\n", i+1, indent(a.marked(s.Text, s.Marks)))
		for _, c := range s.Citations {
			where := strings.Join(append([]string{c.Title}, c.Heading...), " > ")
			fmt.Fprintf(a.out, "   [%s%s, %s]\n   %s\n", where, comma(c.Place), look.Dated(c.Date, c.Dated), c.Pointer)
		}
		for _, c := range s.Also {
			fmt.Fprintf(a.out, "   also on %s\n   %s\n", c.Title, c.Pointer)
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
		a.note("Quoted, not written: these are the nearest words, found without a language model; read whether they answer. groundwork open POINTER shows one in its surroundings.")
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
		fmt.Fprintf(a.out, "   replaces %s (%s), which said:\n   | %s\n   %s\n", k.Older.Title, look.Dated(k.Older.Date, k.Older.Dated), indent(look.Plain(k.Older.Quote)), k.Older.Pointer)
		return
	}
	fmt.Fprintf(a.out, "   Pages differ here. %s (%s) says:\n   | %s\n   %s\n", k.Newer.Title, look.Dated(k.Newer.Date, k.Newer.Dated), indent(look.Plain(k.Newer.Quote)), k.Newer.Pointer)
	fmt.Fprintf(a.out, "   %s (%s) says:\n   | %s\n   %s\n", k.Older.Title, look.Dated(k.Older.Date, k.Older.Dated), indent(look.Plain(k.Older.Quote)), k.Older.Pointer)
}

func (a *app) printFound(found []knowledge.Found) {
	for i, f := range found {
		fmt.Fprintf(a.out, "%d. %s\n", i+1, a.bold(strings.Join(append([]string{f.Title}, f.Heading...), " > ")))
		fmt.Fprintf(a.out, "   %s\n", indent(clip(look.Plain(f.Text), 240)))
		fmt.Fprintf(a.out, "   %s%s\n", look.PointerOf(f.Passage), comma(f.Place))
	}
}

// marked sets the answering words off, on a terminal.
func (a *app) marked(text string, marks [][2]int) string {
	var b strings.Builder
	for _, p := range look.Pieces(text, marks) {
		if p.Marked {
			b.WriteString(a.bold(p.Text))
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
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
func (a *app) answerFor(ctx context.Context, store *sqlite.Store, asker knowledge.Asker, question string) (knowledge.Answer, error) {
	e, err := a.questioner(ctx, store)
	if err != nil {
		return knowledge.Answer{}, err
	}
	return writer(store.View(asker), e).Answer(ctx, knowledge.Question{Text: question}, nil) // access: keeper
}
