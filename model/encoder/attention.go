package encoder

import (
	"math"

	"groundwork/internal/vec"
)

// attend sets the context of all texts to what their queries attend to:
// softmax(Q·Kᵀ/√d)·V by heads of d values (Vaswani and others 2017). There is no mask:
// a text is never filled up. With first, only the first token of each text asks, and
// texts have one row from then on.
//
// A block may reach into the rows of the next text, or behind the last. What it writes
// there is overwritten when that text's turn comes.
func (n *network) attend(s *scratch, m *packed, first bool) {
	p, hidden := n.path, n.weights.Hidden
	d := hidden / n.weights.Heads
	by := float32(math.Log2E / math.Sqrt(float64(d))) // the softmax takes powers of 2

	size := 0
	for _, rows := range s.rows {
		size += rows * hidden
	}
	m.key.Mul(s.key[:size], s.x)
	m.value.Mul(s.value[:size], s.x)
	if first {
		s.first = s.first[:0]
		for _, x := range s.x {
			x.Data = x.Data[:hidden]
			s.first = append(s.first, x)
		}
		m.query.Mul(s.query[:len(s.first)*hidden], s.first)
	} else {
		m.query.Mul(s.query[:size], s.x)
	}

	from, to := 0, 0 // of the text's tokens, of its queries
	for i, tokens := range s.rows {
		wide, rows := wide(tokens), tokens
		if first {
			rows = 1
			copy(s.hidden[to:to+hidden], s.hidden[from:])
			s.rows[i] = 1
		}
		p.Transpose(s.keys, wide, s.key[from:], hidden, (tokens+7)/8*8, hidden)
		for h := range n.weights.Heads {
			query, keys, value, context := s.query[to+h*d:], s.keys[h*d*wide:], s.value[from+h*d:], s.context[to+h*d:]
			for r := 0; r < rows; r += vec.Block {
				at := r * hidden
				p.Multiply(s.scores[:vec.Block*wide], wide, query[at:], hidden, keys, wide, d, wide, by)
				p.Softmax(s.scores[:vec.Block*wide], tokens, wide)
				p.Multiply(context[at:], hidden, s.scores, wide, value, hidden, tokens, d, 1)
			}
		}
		from, to = from+tokens*hidden, to+rows*hidden
	}
}
