package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/screening"
	"groundwork/knowledge/source"
	"groundwork/knowledge/sqlite"

	"github.com/spf13/cobra"
)

func (a *app) statusCommand() *cobra.Command {
	var files bool
	cmd := &cobra.Command{
		Use:     "status [SOURCE|SOURCE/PATH|FILE]",
		Short:   "what became of each file, and why",
		Long:    "Show how many files are indexed and which are not, with the reason. With --files every file; with a path that file alone.",
		Example: "  groundwork status\n  groundwork status --files handbook --json",
		Args:    atMost(1, "a source or a file, or nothing"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reading(cmd.Context(), func(store *sqlite.Store) error {
				sources, err := store.Sources(cmd.Context())
				if err != nil {
					return err
				}
				var filter knowledge.Filter
				if len(args) == 1 {
					if filter, err = a.named(sources, args[0]); err != nil {
						return err
					}
				}
				entries, err := entriesOf(cmd.Context(), store, filter)
				if err == nil && len(entries) == 0 && filter.Path != "" && !strings.HasSuffix(filter.Path, "/") {
					filter.Path += "/" // perhaps a folder
					entries, err = entriesOf(cmd.Context(), store, filter)
				}
				if err != nil {
					return err
				}
				counts := map[knowledge.Outcome]int{}
				for _, e := range entries {
					counts[e.State]++
				}
				if filter.Path != "" && len(entries) == 0 {
					return fault.New(fault.Missing, "status: "+args[0]+" is not in the ledger", "groundwork sync takes in new files")
				}
				size, err := store.Counts(cmd.Context())
				if err != nil {
					return err
				}
				if filter != (knowledge.Filter{}) {
					documents, err := store.View(knowledge.Asker{Owner: true}).Documents(cmd.Context(), filter) // access: keeper
					if err != nil {
						return err
					}
					size.Documents, size.Passages = len(documents), 0
					for _, d := range documents {
						size.Passages += d.Passages
					}
					sources = slices.DeleteFunc(sources, func(o knowledge.Origin) bool { return o.Name != filter.Source })
				}
				search := a.searchState(cmd.Context(), store)
				files = files || filter.Path != ""
				if a.asJSON {
					a.statusJSON(sources, entries, counts, size, search, files)
					return nil
				}
				fmt.Fprintf(a.out, "%d documents, %d passages; %s\n", size.Documents, size.Passages, states(counts))
				fmt.Fprintln(a.out, "search: "+search.text())
				for _, o := range sources {
					fmt.Fprintf(a.out, "%s: %s, readers: %s\n", o.Name, visible(o.Location), readersText(o.Readers))
				}
				printed := 0
				for _, e := range entries {
					if !files && (e.State == knowledge.Indexed && e.Reason == "" || e.State == knowledge.Excluded) {
						continue
					}
					if printed++; printed > 40 && !files {
						a.note("... and more: groundwork status --files")
						break
					}
					line := fmt.Sprintf("  %-12s %s/%s", e.State, e.Source, e.Path)
					if e.Reason != "" {
						line += ": " + e.Reason
					}
					if e.MovedFrom != "" {
						line += " (was " + e.MovedFrom + ")"
					}
					if e.Tries > 0 {
						line += fmt.Sprintf(" (tries: %d)", e.Tries)
					}
					fmt.Fprintln(a.out, visible(line))
				}
				if len(sources) == 0 && len(entries) == 0 {
					a.note("nothing is indexed yet\n  next: groundwork add DIR")
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&files, "files", false, "list every file")
	return cmd
}

// entriesOf gathers the entries that the filter admits.
func entriesOf(ctx context.Context, store *sqlite.Store, filter knowledge.Filter) ([]knowledge.Entry, error) {
	var entries []knowledge.Entry
	for e, err := range store.Ledger(ctx, filter) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (a *app) statusJSON(sources []knowledge.Origin, entries []knowledge.Entry, counts map[knowledge.Outcome]int, size sqlite.Counts, search searchState, files bool) {
	if sources == nil {
		sources = []knowledge.Origin{}
	}
	out := map[string]any{"documents": size.Documents, "passages": size.Passages, "vectors": search.have, "waiting": search.waiting, "encoder": search.mark, "states": counts, "sources": sources, "bytes": size.Bytes}
	if files {
		lines := []map[string]any{}
		for _, e := range entries {
			version := ""
			if !e.Version.IsZero() {
				version = e.Version.String()
			}
			lines = append(lines, map[string]any{"source": e.Source, "path": e.Path, "state": e.State, "reason": e.Reason, "version": version,
				"at": e.At.Format(time.RFC3339), "tries": e.Tries, "moved_from": e.MovedFrom, "size": e.Size})
		}
		out["files"] = lines
	}
	a.json(out)
}

// named reads SOURCE, SOURCE/PATH or a file's path on disk.
func (a *app) named(sources []knowledge.Origin, arg string) (knowledge.Filter, error) {
	name, path, _ := strings.Cut(filepath.ToSlash(arg), "/")
	for _, o := range sources {
		if o.Name == name {
			return knowledge.Filter{Source: name, Path: path}, nil
		}
	}
	if abs, err := a.abs(arg); err == nil {
		for _, o := range sources {
			if abs == o.Location {
				return knowledge.Filter{Source: o.Name}, nil
			}
			if rel, err := filepath.Rel(o.Location, abs); err == nil && filepath.IsLocal(rel) {
				return knowledge.Filter{Source: o.Name, Path: filepath.ToSlash(rel)}, nil
			}
		}
	}
	return knowledge.Filter{}, fault.New(fault.Missing, "status: no source and no file of a source is called "+arg, "groundwork sources lists the sources")
}

func (a *app) readCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "read FILE",
		Short:   "the words of a file, as the collection would see them",
		Example: "  groundwork read ./handbook/leave.md",
		Args:    exactly(1, "a FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			began := time.Now()
			abs, err := a.abs(args[0])
			if err != nil {
				return fault.Wrap(fault.Input, err, "read "+args[0], "")
			}
			info, err := os.Stat(abs)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return fault.New(fault.Missing, "read "+args[0]+": there is no such file", "check the path")
			case err != nil:
				return fault.Wrap(fault.Input, err, "read "+args[0], "check the path and its permissions")
			case info.IsDir():
				return fault.New(fault.Input, "read "+args[0]+": this is a folder", "groundwork add reads folders")
			}
			content, err := source.Folder{Root: filepath.Dir(abs)}.Read(cmd.Context(), filepath.Base(abs), 50<<20)
			if err != nil {
				return err
			}
			reading := knowledge.Reading{State: content.State, Reason: content.Reason}
			if content.State == "" {
				reader, err := newFileReader()
				if err != nil {
					return err
				}
				reading = reader.read(filepath.Base(abs), content.Bytes)
				if err := reader.close(); err != nil {
					return err
				}
			}
			screen := screening.New()
			where, found := reading.Text, slices.Concat(screen.Path(filepath.Base(abs)), screen.Text(reading.Text))
			if len(found) == 0 {
				where, found = "", screen.Text(reading.Names())
			}
			if len(found) > 0 {
				reading.Warnings = append(reading.Warnings, "a collection would hold this file back: "+screening.Reason(found, where))
				a.note("note: %s", reading.Warnings[len(reading.Warnings)-1])
			}
			state := string(reading.State)
			if reading.State == knowledge.Indexed {
				state = "text"
			}
			if a.asJSON {
				places := reading.Places
				if places == nil {
					places = []knowledge.Place{}
				}
				type placeJSON struct {
					Start int    `json:"start"`
					Name  string `json:"name"`
				}
				named := []placeJSON{}
				for _, p := range places {
					named = append(named, placeJSON{p.Start, p.Name})
				}
				a.json(map[string]any{"state": state, "reason": reading.Reason, "format": reading.Format, "title": reading.Title, "text": reading.Text,
					"places": named, "warnings": orEmpty(reading.Warnings), "took_ms": ms(time.Since(began))})
			} else if state == "text" {
				fmt.Fprintln(a.out, reading.Text)
			}
			if state != "text" {
				a.note("groundwork: read %s: %s: %s", args[0], state, cmp.Or(reading.Reason, "no text"))
				return result(4)
			}
			return nil
		},
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "which Groundwork this is",
		Example: "  groundwork version",
		Args:    exactly(0, "nothing"),
		RunE: func(*cobra.Command, []string) error {
			if a.asJSON {
				a.json(map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "recipe": recipe})
				return nil
			}
			fmt.Fprintf(a.out, "groundwork %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
