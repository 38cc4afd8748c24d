package main

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write doc/cli.md anew")

// TestCLIPage keeps doc/cli.md equal to what the commands say of themselves.
func TestCLIPage(t *testing.T) {
	a := &app{}
	root := a.root()
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten by the program itself: `go test ./cmd/groundwork -run CLIPage -update`.\n\nEvery command takes these flags, before or after it:\n\n")
	flags(&b, root.PersistentFlags())
	for _, c := range root.Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		describe(t, &b, c)
	}
	const page = "../../doc/cli.md"
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("doc/cli.md is not what the commands say; write it with -update:\n%s", diff)
	}
}

func describe(t *testing.T, b *strings.Builder, c *cobra.Command) {
	if c.Short == "" || c.Example == "" {
		t.Errorf("%s has no sentence or no example", c.CommandPath())
	}
	b.WriteString("\n## " + strings.TrimSuffix(c.UseLine(), " [flags]") + "\n\n")
	text := c.Long
	if text == "" {
		text = strings.ToUpper(c.Short[:1]) + c.Short[1:] + "."
	}
	b.WriteString(text + "\n\n```text\n" + c.Example + "\n```\n")
	if c.LocalFlags().HasAvailableFlags() {
		b.WriteString("\n")
		flags(b, c.LocalFlags())
	}
	for _, c := range c.Commands() {
		describe(t, b, c)
	}
}

func flags(b *strings.Builder, f *pflag.FlagSet) {
	f.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name += ", -" + f.Shorthand
		}
		b.WriteString("- `" + name + "`: " + f.Usage)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			b.WriteString(" (default " + f.DefValue + ")")
		}
		b.WriteString("\n")
	})
}
