// Package model says what a language model must do for us: so far, embed texts
// and report what that cost.
//
// It is a vocabulary: the models themselves are in the packages below it
// (model/encoder inside the binary, model/openai over HTTP) and import it, never
// each other.
package model

import (
	"context"
	"time"
)

// Purpose tells an Embedder what a text is: many read questions and passages
// differently.
type Purpose int

// The purposes of a text.
const (
	Passage  Purpose = iota // to be found
	Question                // to find by
)

// Embedder turns texts into vectors of unit length. The inner product of two
// vectors of the same mark, -1 to 1, says how alike their texts are. It may be
// called from several goroutines.
type Embedder interface {
	// Mark names the model and its weights, like "bge-small-en-v1.5@6c9c6101".
	// Vectors of different marks are never compared.
	Mark() string
	// Dimensions is the length of a vector; 0 while it is not known yet.
	Dimensions() int
	// Languages are the BCP 47 primary tags the model reads; nil says any.
	Languages() []string
	// Host names who receives the texts: "" when they stay in this process.
	Host() string
	// Embed returns one vector a text, in order. Faults: Upstream and Budget for
	// a model behind a network; Input for a text it cannot take.
	Embed(ctx context.Context, purpose Purpose, texts []string) ([][]float32, Spent, error)
}

// Spent is what calls of a model cost.
type Spent struct {
	InputTokens, OutputTokens int
	USD                       float64 // 0 where the price is not known
	Took                      time.Duration
	Host                      string // that received the texts; "" when none did
}

// Add adds what another call cost.
func (s *Spent) Add(o Spent) {
	s.InputTokens += o.InputTokens
	s.OutputTokens += o.OutputTokens
	s.USD += o.USD
	s.Took += o.Took
	if o.Host != "" {
		s.Host = o.Host
	}
}
