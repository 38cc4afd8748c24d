package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"groundwork/internal/fault"
	"groundwork/model/openai"

	"go.yaml.in/yaml/v3"
)

// configFile is the name of the settings inside the home.
const configFile = "config.yaml"

// config are the settings of the configuration file; its zero value is that of
// an empty file.
type config struct {
	Encoder encoderConfig `yaml:"encoder"`
	file    string        // where it was read; "" when there is none
}

// encoderConfig says who turns texts into vectors: a model in this process, or
// with a URL a server.
type encoderConfig struct {
	Model   string `yaml:"model"`
	Threads int    `yaml:"threads"`

	URL           string  `yaml:"url"`
	KeyEnv        string  `yaml:"key_env"`
	KeyFile       string  `yaml:"key_file"` // relative to the folder of the configuration file
	Dimensions    int     `yaml:"dimensions"`
	USDPerMillion float64 `yaml:"usd_per_million_tokens"`
	Question      string  `yaml:"question_prefix"`
	Passage       string  `yaml:"passage_prefix"`
}

// config reads the configuration file: that of --config, else the home's when it
// has one.
func (a *app) config() (config, error) {
	file := a.configFile
	if file == "" {
		home, err := a.homeDir()
		if err != nil {
			return config{}, err
		}
		file = filepath.Join(home, configFile)
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			return config{}, nil
		}
	}
	file, err := a.abs(file)
	if err != nil {
		return config{}, err
	}
	content, err := readSmall(file, 1<<20)
	if errors.Is(err, os.ErrNotExist) {
		return config{}, fault.New(fault.Missing, "read the configuration "+file+": there is no such file", "check --config")
	}
	if err != nil {
		return config{}, fault.Wrap(fault.Input, err, "read the configuration "+file, "check the file and its permissions")
	}
	c := config{file: file}
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) { // EOF: nothing in it
		return config{}, c.wrong(explainYAML(err))
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return config{}, c.wrong("it holds more than one document")
	}
	return c, c.Encoder.check(c)
}

// check says what in the settings does not go together.
func (e encoderConfig) check(c config) error {
	remote := []struct {
		name  string
		given bool
	}{
		{"key_env", e.KeyEnv != ""}, {"key_file", e.KeyFile != ""}, {"dimensions", e.Dimensions != 0},
		{"usd_per_million_tokens", e.USDPerMillion != 0}, {"question_prefix", e.Question != ""}, {"passage_prefix", e.Passage != ""},
	}
	for _, r := range remote {
		if e.URL == "" && r.given {
			return c.wrong("encoder: " + r.name + " goes with url, and there is none")
		}
	}
	switch {
	case e.Threads < 0 || e.Threads > 1024:
		return c.wrong(fmt.Sprintf("encoder: %d threads cannot be", e.Threads))
	case e.URL != "" && e.Threads != 0:
		return c.wrong("encoder: threads is for a model in this process, and url names a server")
	case e.URL != "" && e.Model == "":
		return c.wrong("encoder: url wants a model, as the server names it")
	case e.KeyEnv != "" && e.KeyFile != "":
		return c.wrong("encoder: key_env and key_file are one too many")
	case e.KeyEnv != "" && !environmentName.MatchString(e.KeyEnv): // its value may be the key itself: not shown
		return c.wrong("encoder: key_env is no name of an environment variable; the key itself never stands in this file")
	}
	return nil
}

var environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

func (c config) wrong(what string) error {
	return fault.New(fault.Input, "configuration "+c.file+": "+what, "the settings are in doc/configuration.md")
}

// unknownField is how the YAML reader names a setting that does not exist.
var unknownField = regexp.MustCompile(`line (\d+): field (.+) not found in type .*`)

// explainYAML tells what is wrong with a file without Go's type names.
func explainYAML(err error) string {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) || len(wrong.Errors) == 0 {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	first := wrong.Errors[0]
	if m := unknownField.FindStringSubmatch(first); m != nil {
		what := fmt.Sprintf("line %s: no setting is called %s", m[1], m[2])
		if strings.Contains(strings.ToLower(m[2]), "key") {
			what += "; the key itself never stands in this file: name an environment variable by key_env, or a file by key_file"
		}
		return what
	}
	return first
}

// key reads the key of the encoder's server, "" when none is configured.
func (c config) key() (openai.Key, error) {
	var text string
	switch e := c.Encoder; {
	case e.KeyEnv != "":
		if text = strings.TrimSpace(os.Getenv(e.KeyEnv)); text == "" {
			return openai.Key{}, fault.New(fault.Input, "the key for "+e.Model+": the environment variable "+e.KeyEnv+" is not set", "set it, or change key_env in "+c.file)
		}
	case e.KeyFile != "":
		name := e.KeyFile
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(c.file), name)
		}
		content, err := readSmall(name, 16<<10)
		if err != nil {
			return openai.Key{}, fault.Wrap(fault.Input, err, "the key for "+e.Model, "check key_file in "+c.file)
		}
		if text = strings.TrimSpace(string(content)); text == "" {
			return openai.Key{}, fault.New(fault.Input, "the key for "+e.Model+": "+name+" is empty", "put the key into it")
		}
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return openai.Key{}, fault.New(fault.Input, "the key for "+c.Encoder.Model+" has signs that no key has", "one line of printable signs")
	}
	return openai.NewKey(text), nil
}

// readSmall reads a file of at most limit bytes.
func readSmall(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return content, err
}
