//go:build !amd64 && !arm64

package vec

// native returns the paths in assembly that this processor can take, the fastest first.
func native() []*Path { return nil }
