package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"groundwork/internal/fault"
	"groundwork/model"
	"groundwork/model/artefact"
	"groundwork/model/builtin"
	"groundwork/model/encoder"
	"groundwork/model/openai"
)

// embedder returns who turns texts into vectors: the server of the configuration,
// else the model in the binary, else one that groundwork model get put into the
// home. It is nil when there is none: the search is by words only then. Finding it
// is quick and done once a process; a model in this process is read when the first
// text comes.
func (a *app) embedder() (model.Embedder, error) {
	if a.embeds == nil { // of an app that runs no command line
		a.embeds = sync.OnceValues(a.findEmbedder)
	}
	return a.embeds()
}

func (a *app) findEmbedder() (model.Embedder, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if e := c.Encoder; e.URL != "" {
		key, err := c.key()
		if err != nil {
			return nil, err
		}
		remote, err := openai.New(openai.Config{URL: e.URL, Model: e.Model, Key: key, Dimensions: e.Dimensions,
			USDPerMillion: e.USDPerMillion, Question: e.Question, Passage: e.Passage})
		if err != nil {
			return nil, c.wrong(err.Error())
		}
		return remote, nil
	}
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	threads := c.Encoder.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	var names []string
	for _, m := range models(filepath.Join(home, modelsFolder)) {
		if names = append(names, m.Name); (c.Encoder.Model == "" || c.Encoder.Model == m.Name) && m.load != nil {
			return &local{known: m, threads: threads}, nil
		}
	}
	if c.Encoder.Model != "" {
		return nil, fault.New(fault.Missing, fmt.Sprintf("the configuration %s wants the model %s, which is not here", c.file, c.Encoder.Model),
			"groundwork model get FILE; known are "+strings.Join(names, ", "))
	}
	return nil, nil
}

// dimensions are those of every model that is known.
const dimensions = 384

// modelsFolder is where the home keeps models.
const modelsFolder = "models"

// known is a model that can run in this process.
type known struct {
	encoder.Description
	builtIn bool
	load    func() (weights, tokenizer []byte, err error) // nil when it is not here
}

// models lists the models that are known: the built-in one first, the others in
// the order of preference.
func models(folder string) []known {
	var list []known
	name, weights, tokenizer := builtin.Files()
	for _, d := range encoder.Known() {
		m := known{Description: d}
		switch {
		case d.Name == name: // its hash was checked when it was built in
			m.builtIn, m.load = true, func() ([]byte, []byte, error) { return weights, tokenizer, nil }
			list = append([]known{m}, list...)
			continue
		case artefact.Present(folder, d):
			m.load = func() ([]byte, []byte, error) { return artefact.Load(folder, d) }
		}
		list = append(list, m)
	}
	return list
}

// local is a model in this process; it is read when the first text comes.
type local struct {
	known
	threads int
	once    sync.Once
	encoder *encoder.Encoder
	err     error
}

func (l *local) open() (*encoder.Encoder, error) {
	l.once.Do(func() {
		weights, tokenizer, err := l.load()
		if err == nil {
			l.encoder, err = encoder.Open(l.Description, weights, tokenizer)
		}
		if err == nil && l.encoder.Dimensions() != dimensions {
			err = fault.New(fault.Internal, fmt.Sprintf("the model %s has %d dimensions, not %d", l.Name, l.encoder.Dimensions(), dimensions), "")
		}
		if err == nil {
			l.encoder.Threads = l.threads
		}
		l.err = err
	})
	return l.encoder, l.err
}

func (l *local) Dimensions() int     { return dimensions }
func (l *local) Languages() []string { return l.Description.Languages }
func (l *local) Host() string        { return "" }

func (l *local) Embed(ctx context.Context, purpose model.Purpose, texts []string) ([][]float32, model.Spent, error) {
	e, err := l.open()
	if err != nil {
		return nil, model.Spent{}, err
	}
	return e.Embed(ctx, purpose, texts)
}
