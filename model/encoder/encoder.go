// Package encoder is the text encoder inside the binary: models of the BERT
// family with int8 weights, without cgo.
//
// Known says which models there are; Open makes an Encoder of one's files.
package encoder

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"groundwork/internal/fault"
	"groundwork/model"
)

// Encoder is a model.Embedder that computes in this process.
type Encoder struct {
	// Threads is how many texts are encoded at the same time, 1 when it is less.
	// It is set before the first call.
	Threads int

	description Description
	words       *wordPiece
	network     *network
	dimensions  int
}

var _ model.Embedder = (*Encoder)(nil)

// Open makes an encoder of the two files of a model. It does not hash them: who
// reads them from a disk compares their SHA-256 with the description's. Weights
// must not change afterwards. Files that are damaged or do not belong together are
// a fault of kind Input.
func Open(d Description, weights, tokenizer []byte) (*Encoder, error) {
	words, err := readWordPiece(tokenizer)
	if err != nil {
		return nil, err
	}
	var w *Weights
	if path.Ext(d.File) == ".safetensors" {
		w, err = readSafetensors(weights, d.Heads)
	} else {
		w, err = readONNX(weights)
	}
	if err != nil {
		return nil, err
	}
	if w.Heads != d.Heads || words.size() > w.Words.Rows || d.MaxTokens < 2 || d.MaxTokens > w.Positions.Rows {
		return nil, fault.New(fault.Input, fmt.Sprintf("open the model %s: its weights have %d heads, %d tokens and %d positions, which do not fit %d heads, %d tokens and texts of %d",
			d.Name, w.Heads, w.Words.Rows, w.Positions.Rows, d.Heads, words.size(), d.MaxTokens), "get the model's files again")
	}
	if w.Heads <= 0 || w.Hidden%(32*w.Heads) != 0 {
		return nil, fault.New(fault.Input, fmt.Sprintf("open the model %s: %d values in %d heads; a head must have a multiple of 32", d.Name, w.Hidden, w.Heads), "use a model of groundwork model list")
	}
	return &Encoder{description: d, words: words, network: newNetwork(w), dimensions: w.Hidden}, nil
}

// Mark names the model and its weights.
func (e *Encoder) Mark() string { return e.description.Mark() }

// Dimensions is the length of a vector.
func (e *Encoder) Dimensions() int { return e.dimensions }

// Languages are the BCP 47 primary tags that the model reads.
func (e *Encoder) Languages() []string { return slices.Clone(e.description.Languages) }

// Host is "": no text leaves this process.
func (e *Encoder) Host() string { return "" }

// Texts of at most shortText tokens are encoded fewTexts at a time.
const (
	shortText = 96
	fewTexts  = 16
)

// Embed returns the vectors of texts, in order, each of unit length; a text longer
// than the model takes counts by its beginning. Each is encoded alone, so its
// vector does not depend on the others. When ctx ends, the texts being encoded are
// finished, and the error is its own (kind Budget).
func (e *Encoder) Embed(ctx context.Context, purpose model.Purpose, texts []string) ([][]float32, model.Spent, error) {
	start := time.Now()
	prefix := e.description.PassagePrefix
	if purpose == model.Question {
		prefix = e.description.QuestionPrefix
	}
	ids := make([][]int32, len(texts))
	order := make([]int, len(texts))
	total := 0
	for i, text := range texts {
		ids[i] = e.words.encode(prefix+text, make([]int32, 0, 16+len(text)/4), e.description.MaxTokens)
		order[i] = i
		total += len(ids[i])
	}
	// The longest first: at the end no thread is left alone with a long one.
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(ids[b]), len(ids[a])) })
	values := make([]float32, len(texts)*e.dimensions)
	vectors := make([][]float32, len(texts))
	for i := range vectors {
		vectors[i] = values[i*e.dimensions : (i+1)*e.dimensions : (i+1)*e.dimensions]
	}
	var mu sync.Mutex // of next and tokens
	next, tokens := 0, 0
	// claim takes the next texts: one, or as many short ones as leave enough for
	// the other threads.
	claim := func() []int {
		mu.Lock()
		defer mu.Unlock()
		n := 1
		for left := len(order) - next; n < left/max(1, e.Threads) && n < fewTexts && len(ids[order[next]]) <= shortText; n++ {
		}
		n = min(n, len(order)-next)
		next += n
		return order[next-n : next]
	}
	work := func() {
		group, out := make([][]int32, 0, fewTexts), make([][]float32, 0, fewTexts)
		for ctx.Err() == nil {
			claimed := claim()
			if len(claimed) == 0 {
				return
			}
			group, out = group[:0], out[:0]
			done := 0
			for _, i := range claimed {
				group, out = append(group, ids[i]), append(out, vectors[i])
				done += len(ids[i])
			}
			e.network.encodeAll(group, e.description.Pooling, out)
			mu.Lock()
			tokens += done
			mu.Unlock()
		}
	}
	var others sync.WaitGroup
	for range min(e.Threads, len(texts)) - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
	spent := model.Spent{InputTokens: tokens, Took: time.Since(start)}
	if spent.InputTokens < total {
		return nil, spent, fault.Wrap(fault.Budget, ctx.Err(), fmt.Sprintf("encode %d texts", len(texts)), "")
	}
	return vectors, spent, nil
}
