package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/sqlite"

	"github.com/spf13/cobra"
)

func (a *app) forgetCommand() *cobra.Command {
	var undo, finish bool
	cmd := &cobra.Command{
		Use:   "forget SOURCE|SOURCE/PATH",
		Short: "delete a document or a source everywhere, for good",
		Long: `Delete a document with the files in it, or a source with all its documents, overwrite its words in
the home's files and then look for them there. A tombstone of hashes keeps it
away: a later sync leaves out whatever stands at that path, and the same bytes
under any other. The file on disk is not touched. --undo lifts the tombstone;
the next sync takes the file in again.

When another process reads an older state, the words cannot be overwritten yet:
exit code 5, and --finish (or the next sync) does it. When they are found
somewhere below the home all the same: exit code 7.`,
		Example: "  groundwork forget handbook/people/pay-bands.md\n  groundwork forget handbook\n  groundwork forget --undo handbook/people/pay-bands.md",
		Args: func(cmd *cobra.Command, args []string) error {
			if finish && !undo {
				return exactly(0, "no name with --finish")(cmd, args)
			}
			if finish || len(args) == 1 && strings.Trim(args[0], "/") == "" {
				return fault.New(fault.Input, "forget: wants SOURCE or SOURCE/PATH, or --finish alone", firstExample(cmd))
			}
			return exactly(1, "SOURCE or SOURCE/PATH")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.writing(cmd.Context(), func(store *sqlite.Store) error {
				if finish {
					return a.finish(cmd, store)
				}
				what := knowledge.ParseSelector(args[0])
				if undo {
					n, err := store.Readmit(cmd.Context(), what)
					if err != nil {
						return err
					}
					if a.asJSON {
						a.json(map[string]any{"source": what.Source, "path": what.Path, "lifted": n})
						return nil
					}
					fmt.Fprintf(a.out, "%s may come in again: %d tombstones lifted\n", visible(what.String()), n)
					if what.Path == "" {
						a.note("Next: groundwork add FOLDER --name %s", visible(what.Source))
					} else {
						a.note("Next: groundwork sync")
					}
					return nil
				}
				proof, err := store.Forget(cmd.Context(), what, time.Now())
				if err != nil {
					return err
				}
				return a.printProof(what, proof)
			})
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "lift the tombstone, so that the next sync takes it in again")
	cmd.Flags().BoolVar(&finish, "finish", false, "overwrite what an earlier forget could not")
	return cmd
}

// finish overwrites what an earlier forget left.
func (a *app) finish(cmd *cobra.Command, store *sqlite.Store) error {
	n, err := store.Unfinished(cmd.Context())
	if err != nil {
		return err
	}
	rest, err := store.Overwrite(cmd.Context())
	if err != nil {
		return err
	}
	if rest != "" {
		return fault.New(fault.Busy, "forget: "+rest, stopReaders)
	}
	if a.asJSON {
		a.json(map[string]any{"finished": n})
		return nil
	}
	fmt.Fprintf(a.out, "overwritten: what %d tombstones stand for\n", n)
	return nil
}

const stopReaders = "end the other process that reads this home, then groundwork forget --finish"

// printProof prints what was deleted and what the search found afterwards.
func (a *app) printProof(what knowledge.Selector, p knowledge.Proof) error {
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	code, next := 0, ""
	switch {
	case p.Rest != "":
		code, next = 5, stopReaders
	case len(p.Found) > 0:
		code, next = 7, "delete those files, or the words in them"
	}
	if a.asJSON {
		tombstones := make([]map[string]string, len(p.Tombstones))
		for i, t := range p.Tombstones {
			tombstones[i] = map[string]string{"source": t.Source.String(), "place": t.Place.String(), "origin": t.Origin.String(), "at": t.At.UTC().Format(time.RFC3339)}
		}
		copies := make([]string, len(p.Copies))
		for i, id := range p.Copies {
			copies[i] = string(id)
		}
		a.json(map[string]any{"source": what.Source, "path": what.Path, "documents": p.Documents, "passages": p.Passages, "tombstones": tombstones,
			"copies": copies, "searched": map[string]any{"stretches": p.Stretches, "files": p.Files, "bytes": p.Bytes}, "found": orEmpty(p.Found), "rest": p.Rest, "next": next})
	} else {
		fmt.Fprintf(a.out, "forgotten: %s (%d documents, %d passages)\n", visible(what.String()), p.Documents, p.Passages)
		if p.Documents == 0 {
			fmt.Fprintln(a.out, "  no document of it was in the collection; its place stays out from now on")
		}
		if p.Rest != "" {
			fmt.Fprintf(a.out, "  not overwritten yet: %s\n  next: %s\n", p.Rest, next)
		} else {
			fmt.Fprintf(a.out, "  searched for: %d stretches of the text, byte by byte in %d files (%.1f MB) of %s\n", p.Stretches, p.Files, float64(p.Bytes)/1e6, visible(home))
			if p.Stretches == 0 {
				fmt.Fprintln(a.out, "  nothing of it was long enough to look for")
			} else if len(p.Found) == 0 {
				fmt.Fprintln(a.out, "  found: none")
			}
			for _, f := range p.Found {
				fmt.Fprintf(a.out, "  found in: %s\n", visible(filepath.Clean(f)))
			}
			if next != "" {
				fmt.Fprintf(a.out, "  next: %s\n", next)
			}
		}
		for _, id := range p.Copies {
			fmt.Fprintf(a.out, "  the same bytes stay as: %s\n", visible(string(id)))
		}
		for i, t := range p.Tombstones {
			if i == 5 {
				fmt.Fprintf(a.out, "  and %d more\n", len(p.Tombstones)-i)
				break
			}
			fmt.Fprintf(a.out, "  tombstone: place %s, bytes %s\n", t.Place.Short(), t.Origin.Short())
		}
		a.note("What is on disk is as it was. Syncs, and adding it again, leave it out; groundwork forget --undo %s lifts that.", visible(what.String()))
	}
	if code != 0 {
		return result(code)
	}
	return nil
}
