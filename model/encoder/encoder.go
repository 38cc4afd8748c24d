// Package encoder is the text encoder inside the binary: models of the BERT
// family with int8 weights, without cgo.
package encoder
