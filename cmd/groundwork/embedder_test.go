package main

import (
	"testing"

	"groundwork/model/artefact"
	"groundwork/model/encoder"
)

// cachedModel returns the folder that make build keeps models in, and the default
// model in it.
func cachedModel(t testing.TB) (folder string, d encoder.Description) {
	t.Helper()
	folder, err := artefact.Cache()
	if err != nil {
		t.Skip("NOT RUN: ", err)
	}
	d = encoder.Known()[0]
	if !artefact.Present(folder, d) {
		t.Skip("NOT RUN: the model is not in " + folder + "; make build fetches it")
	}
	return folder, d
}

// BenchmarkOpen is what the first question of a process pays for the model.
func BenchmarkOpen(b *testing.B) {
	folder, d := cachedModel(b)
	for b.Loop() {
		weights, tokenizer, err := artefact.Load(folder, d)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := encoder.Open(d, weights, tokenizer); err != nil {
			b.Fatal(err)
		}
	}
}
