package encoder

import "groundwork/internal/vec"

// mostTokens is how many tokens are computed at once where there are several texts:
// more do not make it faster.
const mostTokens = 512

// encode sets out, of Hidden values, to the vector of unit length of one text. Its
// 1 to Positions.Rows tokens, each below Words.Rows, include the special ones.
func (n *network) encode(ids []int32, pool pooling, out []float32) {
	n.encodeAll([][]int32{ids}, pool, [][]float32{out})
}

// encodeAll sets the vectors of several texts, each to what encode would make of it,
// with the same bits. Short ones are computed some at a time, which is faster.
//
// It computes what the graph of onnxruntime's quantiser computes: activations in 8
// bits before every product with weights, one scale a text; the rest in float32.
// Where the first token's vector is all that is wanted, the last layer computes no
// other, so its scales come from that row alone and are finer.
func (n *network) encodeAll(texts [][]int32, pool pooling, out [][]float32) {
	s := n.scratch.Get().(*scratch)
	defer n.scratch.Put(s)
	for len(texts) > 0 {
		count, tokens := 1, len(texts[0])
		for count < min(len(texts), vec.Together) && tokens+len(texts[count]) <= mostTokens {
			tokens += len(texts[count])
			count++
		}
		n.together(s, texts[:count], pool, out[:count])
		texts, out = texts[count:], out[count:]
	}
}

// together encodes at most vec.Together texts.
func (n *network) together(s *scratch, texts [][]int32, pool pooling, out [][]float32) {
	hidden := n.weights.Hidden
	s.resize(n.weights, texts)
	n.embed(s, texts)
	for i := range n.layers {
		n.layer(s, i, i == len(n.layers)-1 && pool == poolCLS)
	}
	state := s.hidden
	for i, rows := range s.rows {
		vector := out[i][:hidden]
		copy(vector, state)
		if pool == poolMean {
			for t := 1; t < rows; t++ {
				for k, v := range state[t*hidden : (t+1)*hidden] {
					vector[k] += v
				}
			}
		}
		unit(vector)
		state = state[rows*hidden:]
	}
}

// embed looks the tokens up: word + position + segment 0, normalised.
func (n *network) embed(s *scratch, texts [][]int32) {
	w := n.weights
	segment := w.Types.row(0)
	size := 0
	for _, ids := range texts {
		for t, id := range ids {
			word, position := w.Words.row(int(id)), w.Positions.row(t)
			hidden, sum := s.hidden[size:], s.sum[size:]
			for k := range w.Hidden {
				hidden[k] = w.Words.value(word[k]) + w.Types.value(segment[k])
				sum[k] = w.Positions.value(position[k])
			}
			size += w.Hidden
		}
	}
	n.path.Norm(s.hidden[:size], s.hidden[:size], s.sum[:size], w.Norm.Gain, w.Norm.Bias, w.Epsilon)
}

func (t *Table) row(i int) []uint8 { return t.Data[i*t.Columns : (i+1)*t.Columns] }

func (t *Table) value(b uint8) float32 { return float32(int(b)-int(t.Zero)) * t.Scale }

// layer runs layer i over the state of all texts. With first, only the first token of
// each text comes out, and texts have one row from then on.
func (n *network) layer(s *scratch, i int, first bool) {
	w, m := &n.weights.Layers[i], &n.layers[i]
	epsilon := n.weights.Epsilon

	n.quantize(s, s.hidden)
	n.attend(s, m, first)
	all := 0
	for _, rows := range s.rows {
		all += rows
	}
	size := all * n.weights.Hidden
	hidden, sum := s.hidden[:size], s.sum[:size]
	n.quantize(s, s.context)
	m.output.Mul(sum, s.x)
	n.path.Norm(hidden, sum, hidden, w.OutputNorm.Gain, w.OutputNorm.Bias, epsilon)

	n.quantize(s, hidden)
	s.y = s.y[:0]
	at := 0
	for _, rows := range s.rows {
		s.y = append(s.y, vec.Bytes{Data: s.innerBytes[at : at+rows*n.weights.Inner]})
		at += rows * n.weights.Inner
	}
	m.up.MulGelu(s.y, s.x, s.inner[:at])
	m.down.Mul(sum, s.y)
	n.path.Norm(hidden, sum, hidden, w.DownNorm.Gain, w.DownNorm.Bias, epsilon)
}

// quantize sets s.x to the rows of each text in 8 bits.
func (n *network) quantize(s *scratch, values []float32) {
	s.x = s.x[:0]
	at := 0
	for _, rows := range s.rows {
		end := at + rows*n.weights.Hidden
		q := vec.Bytes{Data: s.bytes[at:end]}
		n.path.Quantize(&q, values[at:end])
		s.x = append(s.x, q)
		at = end
	}
}
