package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/sqlite"

	"github.com/spf13/cobra"
)

// check is one line of the doctor's report.
type check struct {
	Name   string `json:"name"`
	State  string `json:"state"` // ok, warn or red
	Detail string `json:"detail"`
	Next   string `json:"next"`
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "is all in place?",
		Long:    "Check the home, the store's integrity, the sources and what this build can do. A red check gives exit code 7.",
		Example: "  groundwork doctor",
		Args:    exactly(0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks, err := a.examine(cmd.Context())
			if err != nil {
				return err
			}
			red := false
			for _, c := range checks {
				red = red || c.State == "red"
				if !a.asJSON {
					fmt.Fprintf(a.out, "%-4s  %s: %s\n", c.State, c.Name, c.Detail)
					if c.Next != "" {
						fmt.Fprintf(a.out, "      next: %s\n", c.Next)
					}
				}
			}
			if a.asJSON {
				a.json(map[string]any{"checks": checks})
			}
			if red {
				return result(7)
			}
			return nil
		},
	}
}

func (a *app) examine(ctx context.Context) ([]check, error) {
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	checks := []check{
		{"program", "ok", "version " + version, ""},
		a.checkEncoder(),
		{"models", "warn", "none: answers are quotes", ""},
	}
	info, err := os.Stat(home)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return append(checks, check{"home", "warn", home + " is not there yet", "groundwork add DIR makes it"}), nil
	case err != nil:
		return append(checks, check{"home", "red", err.Error(), "choose another with --home"}), nil
	case !info.IsDir():
		return append(checks, check{"home", "red", home + " is not a folder", "choose another with --home"}), nil
	case info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/':
		checks = append(checks, check{"home", "warn", home + " can be entered by others on this machine", "chmod 700 " + home})
	default:
		checks = append(checks, check{"home", "ok", home, ""})
	}
	err = a.reading(ctx, func(store *sqlite.Store) error {
		wrong, err := store.Integrity(ctx)
		if err != nil {
			return err
		}
		size, err := store.Counts(ctx)
		if err != nil {
			return err
		}
		c := check{"store", "ok", fmt.Sprintf("%d documents, %d passages, %.1f MB, whole", size.Documents, size.Passages, float64(size.Bytes)/1e6), ""}
		if len(wrong) > 0 {
			c = check{"store", "red", strings.Join(wrong[:min(3, len(wrong))], "; "), "move " + filepath.Join(home, db.File) + " away and add the sources again"}
		}
		checks = append(checks, c)
		unfinished, err := store.Unfinished(ctx)
		if err != nil {
			return err
		}
		if unfinished > 0 {
			checks = append(checks, check{"forgotten", "red", fmt.Sprintf("words of %d forgotten files may still be below the home", unfinished), stopReaders})
		}
		sources, err := store.Sources(ctx)
		if err != nil {
			return err
		}
		for _, o := range sources {
			c := check{"source " + o.Name, "ok", o.Location + ", readers: " + readersText(o.Readers), ""}
			if _, err := os.Stat(o.Location); err != nil {
				c.State, c.Detail, c.Next = "red", o.Location+" cannot be reached", "make it reachable again; nothing is deleted meanwhile"
			}
			checks = append(checks, c)
		}
		waiting := 0
		for e, err := range store.Ledger(ctx, knowledge.Filter{}) {
			if err != nil {
				return err
			}
			if e.State == knowledge.Waiting || e.State == knowledge.Damaged {
				waiting++
			}
		}
		if waiting > 0 {
			checks = append(checks, check{"files", "warn", fmt.Sprintf("%d could not be read", waiting), "groundwork status says which and why"})
		}
		return nil
	})
	if fault.KindOf(err) == fault.Missing && err != nil {
		checks = append(checks, check{"store", "warn", "nothing is indexed yet", "groundwork add DIR"})
		err = nil
	} else if err != nil {
		var f *fault.Error
		if !errors.As(err, &f) {
			return nil, err
		}
		checks = append(checks, check{"store", "red", f.Message, f.Next})
	}
	return checks, nil
}
