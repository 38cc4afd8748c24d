//go:build !encoder

package builtin

// Files returns the name of the built-in model, its weights and its tokenizer,
// which are not to be changed; all empty when there is none.
func Files() (name string, parameters, vocabulary []byte) { return "", nil, nil }
