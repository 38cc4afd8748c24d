package encoder

// Weights are the parameters of one encoder of the BERT family as its file gives
// them: matrices and embedding tables in 8 bits, the rest in float32.
type Weights struct {
	Hidden    int     // length of a token's vector, 384 for the small models
	Heads     int     // attention heads; Hidden/Heads is the length of each
	Inner     int     // length between the two matrices of a layer's feed-forward part
	Epsilon   float32 // added to the variance by every LayerNorm
	Words     Table   // by token
	Positions Table   // by position, from 0; its rows bound the tokens of a text
	Types     Table   // by segment; only row 0 is used
	Norm      Norm    // of the summed embeddings
	Layers    []Layer
}

// Layer is one transformer layer, post-norm as in Devlin and others 2018.
type Layer struct {
	Query, Key, Value, Output Matrix // attention
	OutputNorm                Norm
	Up, Down                  Matrix // feed-forward: Hidden to Inner, GELU, Inner to Hidden
	DownNorm                  Norm
}

// Matrix maps a row of In values to one of Out values: y = x·W + Bias.
type Matrix struct {
	In, Out int
	Data    []int8    // W quantised, row-major In x Out; |w| <= 64
	Scale   []float32 // of each output column: W[i][o] = Data[i*Out+o] * Scale[o]
	Bias    []float32 // of each output column
}

// Table holds one vector a row: value = (Data - Zero) * Scale.
type Table struct {
	Rows, Columns int
	Data          []uint8 // row-major
	Scale         float32
	Zero          uint8
}

// Norm is the gain and bias of a LayerNorm.
type Norm struct{ Gain, Bias []float32 }
