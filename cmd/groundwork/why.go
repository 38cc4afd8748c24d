package main

import (
	"fmt"
	"slices"
	"strings"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	look "groundwork/server/page"

	"github.com/spf13/cobra"
)

func (a *app) whyCommand() *cobra.Command {
	var who asking
	cmd := &cobra.Command{
		Use:   "why QUERY SOURCE/PATH|FILE",
		Short: "why a search finds a document, or does not",
		Long: `Say for a query and a document: whether it is indexed, whether the asker may
read it, at which rank and raw score its best passage stands in each leg, which
words of the query it holds and how many passages hold them, at which rank it
stands in the end, and what stands first instead. This is for the keeper of the
home: it also tells of documents that the asker may not read.`,
		Example: "  groundwork why \"hotel limit\" handbook/travel/hotel-limits.md\n  groundwork why --as ann --groups \"\" \"pay band\" handbook/people/pay-bands.md",
		Args:    exactly(2, "a QUERY and a document"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reading(cmd.Context(), func(store *sqlite.Store) error {
				asker := who.asker(cmd)
				x, err := a.why(cmd, store, asker, args[0], args[1])
				if err != nil {
					return err
				}
				if a.asJSON {
					a.json(x)
				} else {
					a.printWhy(x)
				}
				return nil
			})
		},
	}
	who.flags(cmd)
	return cmd
}

// reasons is what why says, as JSON shows it.
type reasons struct {
	Query    string               `json:"query"`
	Document knowledge.DocumentID `json:"document"`
	State    knowledge.Outcome    `json:"state"` // of the ledger
	Reason   string               `json:"reason"`
	Readers  string               `json:"readers"` // "all", groups, or "" for the owner alone
	MayRead  bool                 `json:"may_read"`
	Visible  int                  `json:"visible"` // passages the asker may see
	Terms    []termHeld           `json:"terms"`
	Legs     map[string]legPlace  `json:"legs"`  // each leg in which the document stands
	Fused    *legPlace            `json:"fused"` // nil: not among the results
	First    *legPlace            `json:"first"` // what stands first; nil: nothing is found
	Verdict  string               `json:"verdict"`
}

// termHeld is one stem of the query.
type termHeld struct {
	Stem     string `json:"stem"`
	Held     bool   `json:"held"`     // by the document's text or title
	Passages int    `json:"passages"` // of those the asker may see that hold it
}

// legPlace is where a passage stands.
type legPlace struct {
	Rank    int     `json:"rank"` // from 1
	Of      int     `json:"of,omitempty"`
	Score   float64 `json:"score"`
	Pointer string  `json:"pointer"`
	Title   string  `json:"title"`
}

// why asks for the ranking twice: to its end, for the places in the legs, and
// as search and ask have it, for the place in the end.
func (a *app) why(cmd *cobra.Command, store *sqlite.Store, asker knowledge.Asker, query, document string) (reasons, error) {
	x := reasons{Query: query, Terms: []termHeld{}, Legs: map[string]legPlace{}}
	ctx := cmd.Context()
	if strings.TrimSpace(query) == "" {
		return x, fault.New(fault.Input, "why: the query is empty", firstExample(cmd))
	}
	sources, err := store.Sources(ctx)
	if err != nil {
		return x, err
	}
	filter, err := a.named(sources, document)
	if err != nil {
		return x, err
	}
	if filter.Path == "" || strings.HasSuffix(filter.Path, "/") {
		return x, fault.New(fault.Input, "why: "+document+" is a source, not a document", firstExample(cmd))
	}
	x.Document = knowledge.ID(filter.Source, filter.Path)
	for e, err := range store.Ledger(ctx, filter) {
		if err != nil {
			return x, err
		}
		x.State, x.Reason = e.State, e.Reason
	}
	if x.State == "" {
		return x, fault.New(fault.Missing, "why: "+document+" is not in the ledger", "groundwork sync takes in new files")
	}
	if x.State != knowledge.Indexed {
		x.Verdict = "It is not indexed: " + string(x.State) + "."
		return x, nil
	}
	d, err := store.View(knowledge.Asker{Owner: true}).Document(ctx, x.Document) // access: keeper
	if err != nil {
		return x, err
	}
	x.Readers, x.MayRead = d.Readers.String(), asker.MayRead(d.Readers) // access: keeper
	view := store.View(asker)                                           // access: keeper
	e, err := a.questioner(ctx, store)
	if err != nil {
		return x, err
	}
	deep, err := retrieval.Find(ctx, view, retrieval.Search{Question: query, Top: 1 << 30, Depth: 1 << 30, Encoder: asEncoder(e)})
	if err != nil {
		return x, err
	}
	shown, err := retrieval.Find(ctx, view, retrieval.Search{Question: query, Top: 1000, Encoder: asEncoder(e)})
	if err != nil {
		return x, err
	}
	x.Visible = deep.Visible
	held := term.Stems(d.Title + " " + d.ID.Path() + " " + d.Text)
	for _, stem := range slices.Compact(slices.Sorted(slices.Values(term.Content(query)))) {
		x.Terms = append(x.Terms, termHeld{stem, slices.Contains(held, stem), deep.Known[stem]})
	}
	of := map[string]int{}
	for _, f := range deep.Found {
		for leg, p := range f.Legs {
			of[leg] = max(of[leg], p.Rank)
			if best, ok := x.Legs[leg]; f.Document == x.Document && (!ok || p.Rank < best.Rank) {
				x.Legs[leg] = legPlace{p.Rank, 0, p.Score, look.PointerOf(f.Passage), f.Title}
			}
		}
	}
	for leg, place := range x.Legs {
		place.Of = of[leg]
		x.Legs[leg] = place
	}
	for i, f := range shown.Found {
		place := legPlace{i + 1, len(shown.Found), f.Score, look.PointerOf(f.Passage), f.Title}
		if i == 0 {
			x.First = &place
		}
		if f.Document == x.Document {
			x.Fused = &place
			break
		}
	}
	x.Verdict = x.verdict()
	return x, nil
}

// verdict says the first thing that keeps the document from standing first.
func (x reasons) verdict() string {
	held := slices.ContainsFunc(x.Terms, func(t termHeld) bool { return t.Held })
	switch {
	case !x.MayRead:
		return "The asker may not read it."
	case len(x.Terms) == 0:
		return "The query has no word to search by."
	case !held && len(x.Legs) == 0:
		return "It holds no word of the query."
	case x.Fused == nil:
		return "It is too far down in every leg, so it is not among the results."
	case x.Fused.Rank == 1:
		return "It stands first."
	}
	return fmt.Sprintf("It stands at rank %d of %d.", x.Fused.Rank, x.Fused.Of)
}

func (a *app) printWhy(x reasons) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", x.Document, x.Verdict)
	if x.Reason != "" {
		fmt.Fprintf(&b, "  ledger: %s: %s\n", x.State, x.Reason)
	} else {
		fmt.Fprintf(&b, "  ledger: %s\n", x.State)
	}
	if x.State == knowledge.Indexed {
		fmt.Fprintf(&b, "  readers: %s; the asker may read it: %s\n", readersText(knowledge.ParseReaders(x.Readers)), yes(x.MayRead))
	}
	for _, t := range x.Terms {
		holds := "holds it"
		if !t.Held {
			holds = "does not hold it"
		}
		fmt.Fprintf(&b, "  %-16s %s; in %d of %d passages\n", t.Stem, holds, t.Passages, x.Visible)
	}
	if x.MayRead {
		for _, leg := range []string{"words", "titles", "documents", "meaning"} {
			if p, ok := x.Legs[leg]; ok {
				fmt.Fprintf(&b, "  leg %-12s rank %d of %d, score %.3f, %s\n", leg, p.Rank, p.Of, p.Score, p.Pointer)
			} else if leg != "meaning" {
				fmt.Fprintf(&b, "  leg %-12s not in it\n", leg)
			}
		}
		if x.Fused != nil {
			fmt.Fprintf(&b, "  fused            rank %d of %d, score %.3f, %s\n", x.Fused.Rank, x.Fused.Of, x.Fused.Score, x.Fused.Pointer)
		}
	}
	if x.First != nil && (x.Fused == nil || x.Fused.Rank > 1) {
		fmt.Fprintf(&b, "  first            score %.3f, %s, %s\n", x.First.Score, x.First.Pointer, x.First.Title)
	}
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(a.out, visible(strings.TrimSuffix(line, "\n")))
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
