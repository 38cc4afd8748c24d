package intake

import (
	"context"
	"fmt"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/model"
)

// A batch of texts ends at whichever comes first; what an interruption loses is
// at most one batch of a model's work.
const (
	batchTexts  = 64
	encodeBytes = 96 << 10 // about 24,000 tokens
)

// Encode gives every passage that has none a vector by the model: of the sources
// that admits lets go there, nil for all. progress, which may be nil, is called
// after each batch with the passages that have a vector and all that are to have
// one. Documents may be stored and deleted meanwhile; of those stored before it
// looks for the last time none is left out.
//
// What is done when it ends early is stored, and the next call goes on from
// there. Faults: Budget when ctx has ended; what the model and the collection
// return.
func Encode(ctx context.Context, c knowledge.Collection, m model.Embedder, admits func(knowledge.Origin) bool, progress func(done, total int)) (spent model.Spent, err error) {
	defer func() {
		if err != nil && ctx.Err() != nil { // whatever it looked like where it was noticed
			err = &fault.Error{Kind: fault.Budget, Message: "encode passages: interrupted", Next: "what was done so far is stored; groundwork sync goes on", Err: ctx.Err()}
		}
	}()
	mark := m.Mark()
	count := func() (done, total int, err error) {
		have, waiting, err := c.Vectors(ctx, mark, admits)
		return have, have + waiting, err
	}
	done, total, err := count()
	if err != nil {
		return spent, err
	}
	for after := knowledge.PassageID(0); ; {
		waiting, err := c.Unencoded(ctx, mark, admits, after, batchTexts)
		if err != nil {
			return spent, err
		}
		if len(waiting) == 0 {
			if done, total, err = count(); err == nil && progress != nil {
				progress(done, total)
			}
			return spent, err
		}
		var texts []string
		size := 0
		for _, u := range waiting {
			if size += len(u.Text); size > encodeBytes && len(texts) > 0 {
				break
			}
			texts = append(texts, u.Text)
		}
		values, cost, err := m.Embed(ctx, model.Passage, texts)
		spent.Add(cost)
		if err == nil && len(values) != len(texts) {
			err = fault.New(fault.Upstream, fmt.Sprintf("%s returned %d vectors for %d texts", mark, len(values), len(texts)), "")
		}
		if err != nil {
			return spent, fault.Wrap(fault.KindOf(err), err, "encode passages", "")
		}
		vectors := make([]knowledge.Vector, len(texts))
		for i, u := range waiting[:len(texts)] {
			vectors[i] = knowledge.Vector{Key: u.Key, Values: values[i]}
			after = u.Passage
		}
		if err := c.PutVectors(ctx, mark, vectors); err != nil {
			return spent, err
		}
		done += len(vectors)
		total = max(total, done)
		if progress != nil {
			progress(done, total)
		}
	}
}
