// Command groundwork answers questions out of a team's documents with citations
// that can be opened and checked.
//
// This package reads flags, wires the parts and prints what they say; it decides
// nothing. Each command group has a file: add.go, ask.go, status.go, demo.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unicode"

	"groundwork/internal/fault"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
	"groundwork/server"

	"github.com/spf13/cobra"
)

// version is set by the linker (make build).
var version = "dev"

func main() {
	debug.SetMemoryLimit(512 << 20) // a soft limit: collect harder rather than grow past it
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// app is what every command knows: the flags for all and where to print.
type app struct {
	home       string
	configFile string // of --config
	asJSON     bool
	quiet      bool
	in         io.Reader
	out        io.Writer
	err        io.Writer
	args       []string // as given; a command may have to be handed over
	// A command that another process has handed over to the one that serves:
	dir    string                         // where its relative paths start; "" for this process's own
	store  *sqlite.Store                  // the collection that is open already; nil to open it
	opened string                         // the home of store
	embeds func() (model.Embedder, error) // finds the Embedder, once
	former *former                        // of a process that answers many questions
	later  func()                         // asks the process that serves to encode what waits; nil to do it here
}

// result is an outcome that is no fault but has an exit code of its own: 4
// nothing found, 7 measured and short of the bar. What there is to say has been
// printed.
type result int

func (r result) Error() string { return fmt.Sprintf("exit code %d", int(r)) }

// exitCode maps kinds of fault to exit codes; commands.md is the contract.
func exitCode(err error) int {
	var r result
	switch {
	case err == nil:
		return 0
	case errors.As(err, &r):
		return int(r)
	}
	switch fault.KindOf(err) {
	case fault.Input:
		return 2
	case fault.Missing, fault.Denied:
		return 3
	case fault.Budget, fault.Busy:
		return 5
	case fault.Upstream:
		return 6
	}
	return 1
}

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	return (&app{in: in, out: out, err: errOut}).run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	a.args = args
	if a.embeds == nil {
		a.embeds = sync.OnceValues(a.findEmbedder)
	}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	var r result
	if err == nil || errors.As(err, &r) {
		return exitCode(err)
	}
	a.asJSON = a.asJSON || slices.Contains(args, "--json") // flags behind a wrong one were not read
	var f *fault.Error
	if ctx.Err() != nil && (!errors.As(err, &f) || f.Kind != fault.Budget || f.Next == "") {
		err = &fault.Error{Kind: fault.Budget, Message: "interrupted", Next: "run it again; it goes on from what is stored", Err: err}
	}
	a.fail(err)
	return exitCode(err)
}

// fail prints a fault: one line and the next move, or the JSON of the contract.
func (a *app) fail(err error) {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = &fault.Error{Kind: fault.KindOf(err), Message: err.Error()}
	}
	message := visible(strings.ReplaceAll(strings.TrimSpace(f.Message), "\n", " "))
	if a.asJSON {
		a.json(map[string]any{"error": map[string]string{"kind": f.Kind.String(), "message": message, "next": f.Next}})
		return
	}
	fmt.Fprintln(a.err, "groundwork: "+message)
	if f.Next != "" {
		fmt.Fprintln(a.err, "  next: "+visible(f.Next))
	}
}

// visible shows the signs that a terminal would obey or hide (control
// characters, line ends, direction overrides) as Go writes them.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// atMost wants no more than n arguments.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return exactly(n, what)(cmd, args)
		}
		return nil
	}
}

// json prints one value on stdout.
func (a *app) json(v any) {
	if err := server.WriteJSON(a.out, v); err != nil {
		fmt.Fprintln(a.err, "groundwork: print: "+err.Error())
	}
}

// note prints a line for people beside the result: to stderr, not with -q.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "groundwork",
		Short: "answers questions out of your team's documents; every sentence can be opened and checked",
		Long: `Groundwork answers questions out of your team's documents. Every sentence it
shows is cited, and every citation can be opened and checked. It needs no
network, no service and no language model.

  Begin    groundwork demo              the story in a minute, on a built-in sample
           groundwork doctor            is all in place?
  Bring in groundwork add DIR           read a folder of documents
           groundwork sync              take in what has changed since
  Ask      groundwork ask "QUESTION"    an answer with its sources
           groundwork search WORDS      the passages themselves
  Check    groundwork open POINTER      a cited span in its surroundings
           groundwork status            what became of each file, and why

Next: groundwork demo`,
		Example:       "  groundwork add ./handbook --readers all\n  groundwork ask \"how many days of leave are there?\"",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				next := "groundwork --help lists the commands"
				if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
					next = "did you mean groundwork " + s[0] + "?"
				}
				return fault.New(fault.Input, fmt.Sprintf("no command %q", args[0]), next)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !a.asJSON {
				return cmd.Help()
			}
			commands := []map[string]string{}
			for _, c := range cmd.Commands() {
				if c.IsAvailableCommand() {
					commands = append(commands, map[string]string{"name": c.Name(), "does": c.Short})
				}
			}
			a.json(map[string]any{"commands": commands, "next": "groundwork demo"})
			return nil
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		text, _, _ := strings.Cut(err.Error(), ": strconv.") // Go's own words say nothing more
		return fault.New(fault.Input, text, cmd.CommandPath()+" --help")
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SuggestionsMinimumDistance = 2
	flags := root.PersistentFlags()
	flags.StringVar(&a.home, "home", "", "folder that keeps the collection (default $GROUNDWORK_HOME, else your data folder)")
	flags.StringVar(&a.configFile, "config", "", "file of settings (default config.yaml in the home, where there is one)")
	flags.BoolVar(&a.asJSON, "json", false, "print exactly one JSON value")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notes")
	root.AddCommand(a.addCommand(), a.syncCommand(), a.sourcesCommand(), a.readersCommand(), a.statusCommand(), a.readCommand(),
		a.searchCommand(), a.askCommand(), a.openCommand(), a.verifyCommand(), a.whyCommand(), a.forgetCommand(), a.examCommand(), a.serveCommand(), a.modelCommand(), a.demoCommand(), a.doctorCommand(), a.versionCommand())
	return root
}

// exactly wants n arguments and names them when they are missing.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fault.New(fault.Input, fmt.Sprintf("%s: wants %s, got %d", cmd.Name(), what, len(args)), firstExample(cmd))
		}
		return nil
	}
}

// words wants at least one argument and takes them all as one text.
func words(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(strings.Join(args, " ")) == "" {
			return fault.New(fault.Input, cmd.Name()+": wants "+what, firstExample(cmd))
		}
		return nil
	}
}

func firstExample(cmd *cobra.Command) string {
	line, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	return line
}

// abs returns the absolute form of a path as whoever gave the command means it.
func (a *app) abs(path string) (string, error) {
	if a.dir != "" && !filepath.IsAbs(path) {
		return filepath.Join(a.dir, path), nil
	}
	return filepath.Abs(path)
}

// homeDir returns the folder of the collection.
func (a *app) homeDir() (string, error) {
	if a.store != nil {
		return a.opened, nil
	}
	if a.home != "" {
		return a.abs(a.home)
	}
	if env := os.Getenv("GROUNDWORK_HOME"); env != "" {
		return filepath.Abs(env)
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "find your data folder", "name one with --home DIR")
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(user, "Library", "Application Support", "groundwork"), nil
	case "windows":
		if dir := os.Getenv("LOCALAPPDATA"); dir != "" {
			return filepath.Join(dir, "groundwork"), nil
		}
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "groundwork"), nil
	}
	return filepath.Join(user, ".local", "share", "groundwork"), nil
}
