// Package builtin holds the model that the binary was built with, if it was.
//
// make build names files outside the repository that take the place of model,
// weights and tokenizer in this folder (go build -overlay) and sets the build tag
// encoder. Without the tag the package holds nothing.
package builtin
