package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/sqlite"
	"groundwork/sample"
	"groundwork/server"

	"github.com/spf13/cobra"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "demo",
		Short:   "the story in a minute, on a built-in sample",
		Long:    "Index the built-in sample (the handbook of an invented maker of ice pops) in a temporary folder, ask it some questions, and clean up. Your own home is not touched.",
		Example: "  groundwork demo",
		Args:    exactly(0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.demo(cmd.Context())
		},
	}
}

// scenes is what the demo asks, in the order of its story.
var scenes = []struct {
	title, question string
	asker           knowledge.Asker
}{
	{"Somebody says: let us use generative AI for the forecast. What do we already know?", "has anybody tried generative AI for the forecast?", knowledge.Asker{Name: "lena"}},
	{"A rule that was replaced: the newer one answers, the older one is shown.", "what is the hotel limit per night?", knowledge.Asker{Name: "lena"}},
	{"The same question by two people. First somebody of the people team:", "what is the pay band for level 4?", knowledge.Asker{Name: "ines", Groups: []knowledge.Group{"people-team"}}},
	{"Then somebody who is not:", "what is the pay band for level 4?", knowledge.Asker{Name: "lena"}},
	{"A question that no page answers:", "when does the gym open?", knowledge.Asker{Name: "lena"}},
}

func (a *app) demo(ctx context.Context) (err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "groundwork-demo-")
	if err != nil {
		return fault.Wrap(fault.Budget, err, "make a temporary folder", "set TMPDIR to a folder with some space")
	}
	defer func() {
		if removed := os.RemoveAll(dir); err == nil {
			err = removed
		}
	}()
	folder := filepath.Join(dir, "handbook")
	if err := unpack(sample.Handbook, "handbook", folder); err != nil {
		return fault.Wrap(fault.Budget, err, "unpack the sample", "set TMPDIR to a folder with some space")
	}
	d, err := db.Open(ctx, filepath.Join(dir, "home"), sqlite.Schema)
	if err != nil {
		return err
	}
	defer func() {
		if closed := d.Close(); err == nil {
			err = closed
		}
	}()
	store := sqlite.New(d)
	say := func(format string, args ...any) {
		if !a.asJSON {
			fmt.Fprintf(a.out, format, args...)
		}
	}
	say("The sample: the handbook of an invented maker of ice pops, 80 people. Company, people and figures do not exist.\n\n")
	report, err := a.take(ctx, store, knowledge.Origin{Name: "handbook", Kind: "folder", Location: folder, Readers: knowledge.Readers{Everyone: true}, Models: "local"}, false)
	if err != nil {
		return err
	}
	say("$ groundwork add handbook --readers all\nhandbook: %s (%s)\n", states(report.States), report.Took.Round(time.Millisecond))
	var held []map[string]string
	for e, err := range store.Ledger(ctx, knowledge.Filter{}) {
		if err != nil {
			return err
		}
		if e.State == knowledge.HeldBack {
			say("  held back: %s: %s\n", e.Path, e.Reason)
			held = append(held, map[string]string{"path": e.Path, "reason": e.Reason})
		}
	}
	if err := a.encode(ctx, store); err != nil {
		return err
	}
	var answers []any
	for _, s := range scenes {
		groups := ""
		if len(s.asker.Groups) > 0 {
			groups = " --groups " + string(s.asker.Groups[0])
		}
		say("\n%s\n\n$ groundwork ask --as %s%s %q\n", a.bold("# "+s.title), s.asker.Name, groups, s.question)
		x, err := a.answerFor(ctx, store, s.asker, s.question)
		if err != nil {
			return err
		}
		if a.asJSON {
			answers = append(answers, server.AnswerJSON(x))
		} else {
			quiet := *a
			quiet.quiet = true
			quiet.printAnswer(x)
		}
	}
	if a.asJSON {
		a.json(map[string]any{"held_back": held, "states": report.States, "answers": answers, "took_ms": ms(time.Since(began))})
		return nil
	}
	say("Every line in [brackets] names its source, and every pointer can be opened: groundwork open POINTER\n")
	say("That took %.1f s, without network, service or language model.\n", time.Since(began).Seconds())
	say("Now yours: groundwork add DIR\n")
	return nil
}

// unpack writes an embedded folder to disk.
func unpack(from fs.FS, root, to string) error {
	return fs.WalkDir(from, root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		data, err := fs.ReadFile(from, path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
}
