//go:build encoder

package builtin

import _ "embed"

//go:embed model
var model string

//go:embed weights
var weights []byte

//go:embed tokenizer
var tokenizer []byte

// Files returns the name of the built-in model, its weights and its tokenizer,
// which are not to be changed; all empty when there is none.
func Files() (name string, parameters, vocabulary []byte) { return model, weights, tokenizer }
