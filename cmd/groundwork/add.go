package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/sqlite"
	"groundwork/server"

	"github.com/spf13/cobra"
)

func (a *app) addCommand() *cobra.Command {
	var name, readers, models string
	var wordsFirst bool
	cmd := &cobra.Command{
		Use:   "add PATH...",
		Short: "make a source of a folder and index it",
		Long: `Make a source of each folder and index what is in it. Files that look
sensitive are held back: groundwork status says which and why. Without
--readers the source is for the home's owner only. Adding a folder again
brings it up to date.`,
		Example: "  groundwork add ./handbook --readers all\n  groundwork add ./payroll --name pay --readers people-team,board",
		Args:    words("at least one PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"none", "local", "any"}, models) {
				return fault.New(fault.Input, "add: --models "+models+" is not a choice", "none, local or any")
			}
			if name != "" && len(args) > 1 {
				return fault.New(fault.Input, "add: --name names one source, but there are several paths", "add them one by one")
			}
			if name != "" && name != cleanName(name) {
				return fault.New(fault.Input, fmt.Sprintf("add: --name %q has signs that pointers cannot carry", name), "for example --name "+cleanName(name))
			}
			var locations []string
			for _, arg := range args {
				location, err := a.locate(arg)
				if err != nil {
					return err
				}
				locations = append(locations, location)
			}
			return a.writing(cmd.Context(), func(store *sqlite.Store) error {
				var reports []intake.Report
				for _, location := range locations {
					o, err := a.origin(cmd.Context(), store, location, name)
					if err != nil {
						return err
					}
					r, err := readersOf(readers)
					if err != nil {
						return err
					}
					if o.Synced.IsZero() || cmd.Flags().Changed("readers") {
						if err := a.setReaders(cmd.Context(), store, o, r); err != nil { // access: readers of a source added again
							return err
						}
						if before := readersText(o.Readers); !o.Synced.IsZero() && before != readersText(r) {
							a.note("%s: readers were %s, are now %s", o.Name, visible(before), visible(readersText(r)))
						}
						o.Readers = r
					}
					if o.Models == "" || cmd.Flags().Changed("models") {
						o.Models = models
					}
					report, err := a.take(cmd.Context(), store, o, false)
					if err != nil {
						return err
					}
					reports = append(reports, report)
				}
				return a.taken(cmd.Context(), store, reports, `groundwork ask "..."`, wordsFirst)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the source's name (default: the folder's)")
	cmd.Flags().StringVar(&readers, "readers", "", `who may read it: "all" or GROUP,GROUP (default: the owner only)`)
	cmd.Flags().StringVar(&models, "models", "local", "which models outside this process may see its passages: none, local (this machine or network) or any")
	cmd.Flags().BoolVar(&wordsFirst, "words", false, wordsOnly)
	return cmd
}

const wordsOnly = "do not wait for the vectors: they follow at the next add or sync, or while groundwork serve runs"

// taken prints what was taken in, and encodes it unless only the words are waited for.
func (a *app) taken(ctx context.Context, store *sqlite.Store, reports []intake.Report, next string, wordsFirst bool) error {
	if !a.asJSON {
		a.reports(reports)
	}
	if !wordsFirst || a.later != nil { // the server does not let anybody wait
		if err := a.encode(ctx, store); err != nil {
			return err
		}
	}
	if a.asJSON {
		a.reports(reports)
	} else if next != "" {
		a.note("Next: %s", next)
	}
	return nil
}

// take stores the source first, so that an interrupted sync can go on, and syncs it.
func (a *app) take(ctx context.Context, store *sqlite.Store, o knowledge.Origin, acceptLoss bool) (intake.Report, error) {
	if err := store.PutSource(ctx, o); err != nil {
		return intake.Report{}, err
	}
	return a.sync(ctx, store, o, acceptLoss)
}

// locate returns the absolute path of what is to be added; it must be there.
func (a *app) locate(arg string) (string, error) {
	if strings.Contains(arg, "://") {
		return "", fault.New(fault.Input, "add "+arg+": addresses cannot be read yet", "add a folder")
	}
	location, err := a.abs(arg)
	if err == nil {
		_, err = os.Stat(location)
	}
	if errors.Is(err, os.ErrNotExist) {
		return "", fault.New(fault.Missing, "add "+arg+": there is no such file or folder", "check the path")
	}
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "add "+arg, "check the path and its permissions")
	}
	return location, nil
}

// origin finds the source of a location, or makes a new one.
func (a *app) origin(ctx context.Context, store *sqlite.Store, location, name string) (knowledge.Origin, error) {
	sources, err := store.Sources(ctx)
	if err != nil {
		return knowledge.Origin{}, err
	}
	byName := map[string]knowledge.Origin{}
	var here []knowledge.Origin // sources of this very place
	for _, s := range sources {
		if s.Location == location && (name == "" || name == s.Name) {
			here = append(here, s)
		}
		byName[s.Name] = s
	}
	if len(here) > 1 {
		return knowledge.Origin{}, fault.New(fault.Input, fmt.Sprintf("add %s: it is more than one source already: %s and %s", location, here[0].Name, here[1].Name), "say which with --name")
	}
	if len(here) == 1 {
		return here[0], nil
	}
	if name == "" {
		base := cleanName(filepath.Base(location))
		name = base
		for i := 2; byName[name].Name != ""; i++ {
			name = fmt.Sprintf("%s-%d", base, i)
		}
	} else if other, taken := byName[name]; taken {
		return knowledge.Origin{}, fault.New(fault.Input, fmt.Sprintf("add %s: the name %s is taken by %s", location, name, other.Location), "choose another --name")
	}
	return knowledge.Origin{Name: name, Kind: "folder", Location: location}, nil
}

// cleanName makes a source's name out of any text: letters, digits, dot, dash
// and underscore, in lower case.
func cleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-", r) {
			return unicode.ToLower(r)
		}
		return '-'
	}, s)
	if s = strings.Trim(s, "-."); s == "" {
		return "source"
	}
	return s
}

// reportJSON is a report as JSON has it.
type reportJSON struct {
	intake.Report
	TookMs int64 `json:"took_ms"`
}

func reportsJSON(reports []intake.Report) []reportJSON {
	lines := make([]reportJSON, len(reports))
	for i, r := range reports {
		r.Warnings = orEmpty(r.Warnings)
		lines[i] = reportJSON{r, r.Took.Milliseconds()}
	}
	return lines
}

// reports prints what syncs did.
func (a *app) reports(reports []intake.Report) {
	if a.asJSON {
		a.json(map[string]any{"sources": reportsJSON(reports)})
		return
	}
	for _, r := range reports {
		var did []string
		for _, c := range []struct {
			n    int
			what string
		}{{r.New, "new"}, {r.Changed, "changed"}, {r.Moved, "moved"}, {r.Vanished, "vanished"}, {r.Retried, "tried again"}, {r.Unchanged, "unchanged"}} {
			if c.n > 0 {
				did = append(did, fmt.Sprintf("%d %s", c.n, c.what))
			}
		}
		if did == nil {
			did = []string{"no files"}
		}
		fmt.Fprintf(a.out, "%s: %s (%s)\n", r.Source, strings.Join(did, ", "), r.Took.Round(10*time.Millisecond))
		fmt.Fprintf(a.out, "  now %s\n", states(r.States))
		for _, w := range r.Warnings {
			fmt.Fprintf(a.out, "  note: %s\n", visible(w))
		}
		if n := r.States[knowledge.HeldBack]; n > 0 {
			fmt.Fprintf(a.out, "  held back: %d; groundwork status %s says why\n", n, r.Source)
		}
		if n := r.States[knowledge.Excluded]; n > 0 && r.States[knowledge.Indexed] == 0 {
			fmt.Fprintf(a.out, "  nothing is indexed; groundwork status --files %s says why\n", r.Source)
		}
	}
}

// states prints counts by outcome, indexed first.
func states(counts map[knowledge.Outcome]int) string {
	var parts []string
	for _, s := range []knowledge.Outcome{knowledge.Indexed, knowledge.HeldBack, knowledge.NeedsPassword, knowledge.Damaged, knowledge.Unsupported, knowledge.TooLarge, knowledge.Empty, knowledge.Excluded, knowledge.Waiting} {
		if n := counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if parts == nil {
		return "empty"
	}
	return strings.Join(parts, ", ")
}

func (a *app) syncCommand() *cobra.Command {
	var acceptLoss, wordsFirst bool
	cmd := &cobra.Command{
		Use:     "sync [SOURCE...]",
		Short:   "take in what is new, changed, moved or gone",
		Long:    "Bring sources up to date: new, changed, moved and vanished files. Unchanged files are not read again and nothing is written for them.",
		Example: "  groundwork sync\n  groundwork sync handbook",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.writing(cmd.Context(), func(store *sqlite.Store) error {
				sources, err := a.chosen(cmd.Context(), store, args)
				if err != nil {
					return err
				}
				// An earlier forget may have been interrupted; a reader that still holds it up is doctor's to tell.
				if _, err := store.Overwrite(cmd.Context()); err != nil {
					return err
				}
				var reports []intake.Report
				var first error
				for _, o := range sources { // one source that fails does not hold up the others
					report, err := a.sync(cmd.Context(), store, o, acceptLoss)
					switch {
					case err == nil:
						reports = append(reports, report)
					case fault.KindOf(err) == fault.Budget || fault.KindOf(err) == fault.Internal || len(sources) == 1:
						return err
					case first == nil:
						first = err // printed at the end
					default:
						a.note("groundwork: %s", err)
					}
				}
				if first != nil && a.asJSON {
					a.json(map[string]any{"sources": reportsJSON(reports), "error": server.ErrorJSON(first)["error"]})
					return result(exitCode(first))
				}
				if first != nil {
					a.reports(reports)
					return first
				}
				return a.taken(cmd.Context(), store, reports, "", wordsFirst)
			})
		},
	}
	cmd.Flags().BoolVar(&acceptLoss, "accept-loss", false, "go on although more than 20 files, and more than half, of a source are gone")
	cmd.Flags().BoolVar(&wordsFirst, "words", false, wordsOnly)
	return cmd
}

// chosen returns the named sources, all of them when none is named.
func (a *app) chosen(ctx context.Context, store *sqlite.Store, names []string) ([]knowledge.Origin, error) {
	sources, err := store.Sources(ctx)
	if err != nil || len(names) == 0 {
		if err == nil && len(sources) == 0 {
			err = fault.New(fault.Missing, "there are no sources yet", "groundwork add DIR")
		}
		return sources, err
	}
	var chosen []knowledge.Origin
	for _, n := range names {
		i := slices.IndexFunc(sources, func(o knowledge.Origin) bool { return o.Name == n })
		if i < 0 {
			return nil, fault.New(fault.Missing, "no source is called "+n, "groundwork sources lists them")
		}
		chosen = append(chosen, sources[i])
	}
	return chosen, nil
}

func (a *app) sourcesCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "sources",
		Short:   "what has been added, and who may read it",
		Example: "  groundwork sources",
		Args:    exactly(0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.reading(cmd.Context(), func(store *sqlite.Store) error {
				sources, err := store.Sources(cmd.Context())
				if err != nil {
					return err
				}
				if a.asJSON {
					if sources == nil {
						sources = []knowledge.Origin{}
					}
					a.json(map[string]any{"sources": sources})
					return nil
				}
				for _, o := range sources {
					fmt.Fprintf(a.out, "%s  %s\n  readers: %s; models: %s; last change taken in: %s\n", o.Name, visible(o.Location), readersText(o.Readers), o.Models, o.Synced.Local().Format("2006-01-02 15:04"))
				}
				if len(sources) == 0 {
					a.note("no sources yet\n  next: groundwork add DIR")
				}
				return nil
			})
		},
	}
}

// readersOf reads "all", "owner" or GROUP,GROUP. The two words stand alone: a
// group of that name would be taken for everybody, or for the owner.
func readersOf(text string) (knowledge.Readers, error) {
	if text = strings.TrimSpace(text); text == "owner" {
		return knowledge.Readers{}, nil
	}
	r := knowledge.ParseReaders(text)
	for _, word := range []knowledge.Group{"all", "owner"} {
		if slices.Contains(r.Groups, word) {
			return r, fault.New(fault.Input, fmt.Sprintf("readers %q: %q stands alone", text, word), `name groups, or "all", or "owner"`)
		}
	}
	return r, nil
}

func readersText(r knowledge.Readers) string {
	if s := r.String(); s != "" {
		return s
	}
	return "the owner only"
}

func (a *app) readersCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "readers SOURCE [set all|GROUP,GROUP|owner]",
		Short:   "show or change who may read a source",
		Long:    "Show or change who may read a source. A page that names readers of its own (front matter) stays narrower than its source. The change holds from the next question on.",
		Example: "  groundwork readers handbook set all\n  groundwork readers pay set people-team,board\n  groundwork readers pay set owner",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 || len(args) == 3 && args[1] == "set" {
				return nil
			}
			return fault.New(fault.Input, "readers: wants SOURCE, or SOURCE set READERS", firstExample(cmd))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			show := func(o knowledge.Origin) {
				if a.asJSON {
					a.json(map[string]any{"source": o.Name, "readers": o.Readers})
				} else {
					fmt.Fprintf(a.out, "%s: %s\n", o.Name, readersText(o.Readers))
				}
			}
			if len(args) == 1 {
				return a.reading(cmd.Context(), func(store *sqlite.Store) error {
					sources, err := a.chosen(cmd.Context(), store, args)
					if err == nil {
						show(sources[0])
					}
					return err
				})
			}
			return a.writing(cmd.Context(), func(store *sqlite.Store) error {
				sources, err := a.chosen(cmd.Context(), store, args[:1])
				if err != nil {
					return err
				}
				o := sources[0]
				if o.Readers, err = readersOf(args[2]); err != nil {
					return err
				}
				if err := a.setReaders(cmd.Context(), store, o, o.Readers); err != nil { // access: readers set
					return err
				}
				show(o)
				return nil
			})
		},
	}
}

// setReaders gives a source and its documents new readers; a document's own
// wish narrows them.
func (a *app) setReaders(ctx context.Context, store *sqlite.Store, o knowledge.Origin, readers knowledge.Readers) error {
	documents, err := store.View(knowledge.Asker{Owner: true}).Documents(ctx, knowledge.Filter{Source: o.Name}) // access: keeper
	if err != nil {
		return err
	}
	asked := map[knowledge.DocumentID]knowledge.Readers{}
	for _, d := range documents {
		if d.Asked != nil {
			asked[d.ID] = *d.Asked
		}
	}
	return store.SetReaders(ctx, o.Name, readers, func(id knowledge.DocumentID) knowledge.Readers {
		if own, ok := asked[id]; ok {
			return readers.Narrow(own) // access: readers set stay narrowed
		}
		return readers
	})
}
