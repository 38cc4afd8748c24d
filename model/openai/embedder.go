// Package openai embeds texts with any server that speaks the OpenAI interface
// over HTTP: OpenAI itself, vLLM, llama.cpp, Ollama and others.
//
// Nothing is taken from the environment: address, model and key come from the
// caller. A key is sent to its server and shown nowhere, not even in an error.
package openai

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"groundwork/internal/fault"
	"groundwork/model"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// Key is what a server wants to see before it answers. The zero value is none.
// Printed in any way, alone or within other values, it does not show itself.
type Key struct{ text *string } // a pointer: what prints unexported fields asks no method

// NewKey returns a key of the text; none when it is empty.
func NewKey(text string) Key {
	if text == "" {
		return Key{}
	}
	return Key{&text}
}

// Format prints a placeholder whatever the verb.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, hidden) }

// MarshalText gives a placeholder, so that no encoder shows the key.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

const hidden = "[key]"

// Config says which server and which model. Zero values of the fields below
// Model stand for what their comments say.
type Config struct {
	URL   string // base address of the interface, like "http://127.0.0.1:8080/v1"
	Model string // as the server names it

	Key           Key           // none is sent when empty
	Dimensions    int           // ask for vectors of this length; 0 takes the length that comes
	USDPerMillion float64       // price of a million tokens
	Question      string        // put before each question, like "query: "
	Passage       string        // put before each passage
	Batch         int           // texts a request, 32
	Timeout       time.Duration // of one attempt, 2 minutes; 15 s at most for a question
	Retries       int           // after the first attempt, 4, for a question 1 at most; negative for none
	MaxDelay      time.Duration // longest wait before a retry, 30 s, for a question 2 s at most; a server that wants more is not waited for
}

// Embedder is a model.Embedder over HTTP. It is safe for use by several
// goroutines.
type Embedder struct {
	config     Config
	host       string
	mark       string
	service    sdk.EmbeddingService
	dimensions atomic.Int64 // learnt from the first answer, then held to
}

var _ model.Embedder = (*Embedder)(nil)

// New returns an Embedder; it does not call the server yet. Fault: Input for an
// address or a setting that cannot be.
func New(c Config) (*Embedder, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fault.New(fault.Input, fmt.Sprintf("embed with model %q: its url is not an address", c.Model), "for example url: http://127.0.0.1:8080/v1")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fault.New(fault.Input, fmt.Sprintf("embed with model %q: its url holds more than an address", c.Model), "give the key by key_env or key_file, and the url up to its path, like https://"+u.Host+"/v1")
	case c.Model == "":
		return nil, fault.New(fault.Input, "embed at "+u.Host+": no model is named", "name it as the server does")
	case c.Dimensions < 0 || c.Dimensions > maxDimensions:
		return nil, fault.New(fault.Input, fmt.Sprintf("embed with model %q: no vector has %d dimensions", c.Model, c.Dimensions), fmt.Sprintf("1 to %d, or leave it out", maxDimensions))
	case c.USDPerMillion < 0 || math.IsNaN(c.USDPerMillion) || math.IsInf(c.USDPerMillion, 0):
		return nil, fault.New(fault.Input, fmt.Sprintf("embed with model %q: a price of %v is none", c.Model, c.USDPerMillion), "US dollars for a million tokens, 0 or more")
	}
	if c.Batch <= 0 {
		c.Batch = 32
	}
	c.Timeout = cmp.Or(c.Timeout, 2*time.Minute)
	c.MaxDelay = cmp.Or(c.MaxDelay, 30*time.Second)
	c.Retries = max(cmp.Or(c.Retries, 4), 0)
	// Whatever changes the vector of a passage changes the mark; the host does not.
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q", c.Model, c.Dimensions, c.Passage))
	e := &Embedder{config: c, host: u.Host, mark: c.Model + "@" + hex.EncodeToString(sum[:4])}
	e.dimensions.Store(int64(c.Dimensions))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if u.Scheme == "http" { // a proxy would read along, and it is not the host that was named
		transport.Proxy = nil
	}
	options := []option.RequestOption{
		option.WithBaseURL(u.String()),
		// A redirect would carry the texts to somebody who was not named.
		option.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}),
	}
	if c.Key.text != nil {
		options = append(options, option.WithAPIKey(*c.Key.text))
	}
	e.service = sdk.NewEmbeddingService(options...) // unlike a client of the SDK it reads no environment variables
	return e, nil
}

// maxDimensions is more than any embedding model known gives.
const maxDimensions = 1 << 16

// Mark is the model's name, "@" and a hash of all that shapes the vector of a
// passage: the name, the dimensions asked for and the prefix.
func (e *Embedder) Mark() string { return e.mark }

// Dimensions is the length of a vector; 0 until the first answer when Config
// asks for none.
func (e *Embedder) Dimensions() int { return int(e.dimensions.Load()) }

// Languages is nil: the server does not say.
func (e *Embedder) Languages() []string { return nil }

// Host is the server's name and port.
func (e *Embedder) Host() string { return e.host }

// Embed sends the texts in batches, one after the other, and returns vectors of
// unit length. On an error it returns what was spent up to then. Faults: Input
// for an empty text, Upstream with the server's own words.
func (e *Embedder) Embed(ctx context.Context, purpose model.Purpose, texts []string) ([][]float32, model.Spent, error) {
	spent := model.Spent{}
	prefix := e.config.Passage
	patience := patience{e.config.Timeout, e.config.MaxDelay, e.config.Retries}
	if purpose == model.Question { // somebody waits
		prefix = e.config.Question
		patience.limit, patience.delay, patience.retries = min(patience.limit, 15*time.Second), min(patience.delay, 2*time.Second), min(patience.retries, 1)
	}
	vectors := make([][]float32, 0, len(texts))
	for len(vectors) < len(texts) {
		batch := texts[len(vectors):min(len(texts), len(vectors)+e.config.Batch)]
		inputs := make([]string, len(batch))
		for i, t := range batch {
			if inputs[i] = prefix + t; strings.TrimSpace(inputs[i]) == "" {
				return nil, spent, fault.New(fault.Input, fmt.Sprintf("embed with %s: text %d of %d is empty", e.mark, len(vectors)+i+1, len(texts)), "leave it out")
			}
		}
		more, cost, err := e.call(ctx, inputs, patience)
		spent.Add(cost)
		if err != nil {
			return nil, spent, err
		}
		vectors = append(vectors, more...)
	}
	return vectors, spent, nil
}

// patience is how long an attempt may take, how long to wait for the next at most,
// and how many more there are.
type patience struct {
	limit, delay time.Duration
	retries      int
}

// call sends one batch.
func (e *Embedder) call(ctx context.Context, inputs []string, p patience) ([][]float32, model.Spent, error) {
	began := time.Now()
	spent := model.Spent{Host: e.host}
	params := sdk.EmbeddingNewParams{Model: e.config.Model, Input: sdk.EmbeddingNewParamsInputUnion{OfArrayOfStrings: inputs}}
	if e.config.Dimensions > 0 {
		params.Dimensions = sdk.Int(int64(e.config.Dimensions))
	}
	reply := reply{}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	answer, err := e.service.New(within, params, option.WithMiddleware(reply.read(cancel)),
		option.WithRequestTimeout(p.limit), option.WithMaxRetryDelay(p.delay), option.WithMaxRetries(p.retries))
	spent.Took = time.Since(began)
	if ctx.Err() != nil {
		return nil, spent, ctx.Err()
	}
	if err != nil {
		return nil, spent, e.failed(reply, err, p.limit)
	}
	spent.InputTokens = int(answer.Usage.PromptTokens)
	spent.USD = float64(spent.InputTokens) * e.config.USDPerMillion / 1e6
	vectors, err := e.vectors(answer.Data, len(inputs))
	return vectors, spent, err
}

// vectors puts the embeddings in the order of the texts and scales them to unit
// length. A server that sends another number of them, of another length or
// without direction is not trusted.
func (e *Embedder) vectors(data []sdk.Embedding, want int) ([][]float32, error) {
	if len(data) != want {
		return nil, e.wrong(fmt.Sprintf("it sent %d vectors for %d texts", len(data), want))
	}
	vectors := make([][]float32, want)
	for _, d := range data {
		switch {
		case d.Index < 0 || d.Index >= int64(want) || vectors[d.Index] != nil:
			return nil, e.wrong(fmt.Sprintf("it numbered its vectors wrongly (%d of %d)", d.Index, want))
		case len(d.Embedding) == 0 || len(d.Embedding) > maxDimensions:
			return nil, e.wrong(fmt.Sprintf("it sent a vector of %d dimensions", len(d.Embedding)))
		}
		e.dimensions.CompareAndSwap(0, int64(len(d.Embedding)))
		if n := e.Dimensions(); len(d.Embedding) != n {
			return nil, e.wrong(fmt.Sprintf("it sent a vector of %d dimensions where %d were expected", len(d.Embedding), n))
		}
		square := 0.0
		for _, x := range d.Embedding {
			square += x * x
		}
		length := math.Sqrt(square)
		if !(length > 0) || math.IsInf(length, 0) {
			return nil, e.wrong("it sent a vector without a direction")
		}
		v := make([]float32, len(d.Embedding))
		for i, x := range d.Embedding {
			v[i] = float32(x / length)
		}
		vectors[d.Index] = v
	}
	return vectors, nil
}

func (e *Embedder) wrong(what string) error {
	return fault.New(fault.Upstream, fmt.Sprintf("embed with %s at %s: %s", e.config.Model, e.host, what), "check that the server serves this model for embeddings: groundwork model check")
}
