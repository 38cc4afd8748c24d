package retrieval_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	"groundwork/model"
)

// bag counts words by their hash: enough to see what is done with vectors, not
// how good they are.
func bag(text string) []float32 {
	v := make([]float32, 128)
	for _, w := range term.Stems(text) {
		v[knowledge.HashOf([]byte(w))[0]%128]++
	}
	return v
}

func bagEncoder() retrieval.Encoder {
	return retrieval.Encoder{Mark: "bag@1", Languages: []string{"en"}, Embed: func(_ context.Context, q string) ([]float32, model.Spent, error) {
		return bag(q), model.Spent{InputTokens: 1}, nil
	}}
}

// encode gives the first share of the passages their vectors.
func encode(t *testing.T, s *sqlite.Store, share float64) {
	t.Helper()
	waiting, err := s.Unencoded(t.Context(), "bag@1", nil, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []knowledge.Vector
	for _, u := range waiting[:int(share*float64(len(waiting)))] {
		vectors = append(vectors, knowledge.Vector{Key: u.Key, Values: bag(u.Text)})
	}
	if err := s.PutVectors(t.Context(), "bag@1", vectors); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, view knowledge.View, s retrieval.Search) knowledge.Ranking {
	t.Helper()
	r, err := retrieval.Find(t.Context(), view, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func order(r knowledge.Ranking) string {
	var b strings.Builder
	for _, f := range r.Found {
		b.WriteString(string(f.Document) + " ")
	}
	return b.String()
}

func TestMeaningJoinsWords(t *testing.T) {
	s := store(t)
	view := s.View(knowledge.Asker{Name: "lena"})
	const question = "How much may a hotel cost?"
	words := find(t, view, retrieval.Search{Question: question})
	if len(words.Warnings) > 0 || words.Vector != nil {
		t.Errorf("without an encoder: warnings %v, vector %v", words.Warnings, words.Vector)
	}

	before := find(t, view, retrieval.Search{Question: question, Encoder: bagEncoder()})
	if order(before) != order(words) {
		t.Error("an encoder of which there are no vectors changed the ranking")
	}
	if len(before.Warnings) != 1 || !strings.Contains(before.Warnings[0], "not encoded yet") {
		t.Errorf("no vectors yet: warnings %q", before.Warnings)
	}

	encode(t, s, .5)
	half := find(t, view, retrieval.Search{Question: question, Encoder: bagEncoder()})
	if len(half.Warnings) != 1 || !strings.Contains(half.Warnings[0], "are not encoded yet") || half.Encoded == 0 || half.Encoded >= half.Visible {
		t.Errorf("half encoded: %d of %d, warnings %q", half.Encoded, half.Visible, half.Warnings)
	}

	encode(t, s, 1)
	fused := find(t, view, retrieval.Search{Question: question, Encoder: bagEncoder()})
	if len(fused.Warnings) > 0 || fused.Encoded != fused.Visible || fused.Visible != words.Visible || fused.Spent.InputTokens != 1 {
		t.Errorf("all encoded: %d of %d, warnings %q, spent %v", fused.Encoded, fused.Visible, fused.Warnings, fused.Spent)
	}
	if order(fused) == order(words) {
		t.Error("the vectors changed nothing")
	}
	if p, ok := fused.Found[0].Legs[retrieval.Meaning]; !ok || p.Rank == 0 || p.Score <= 0 || p.Score > 1 {
		t.Errorf("the first passage's place by meaning: %+v", p)
	}
	alone := find(t, view, retrieval.Search{Question: question, Encoder: bagEncoder(), Leg: retrieval.Meaning, Top: 5})
	for i, f := range alone.Found {
		if f.Legs[retrieval.Meaning].Rank == 0 || len(f.Legs) != 1 || i > 0 && f.Score > alone.Found[i-1].Score {
			t.Errorf("by meaning alone, %d: %+v, score %v", i, f.Legs, f.Score)
		}
	}
	if w := find(t, view, retrieval.Search{Question: question, Encoder: bagEncoder(), Leg: retrieval.Words}); order(w) != order(words) || w.Vector != nil {
		t.Error("by words alone the vectors took part")
	}
}

func TestMeaningGivesWay(t *testing.T) {
	s := store(t)
	encode(t, s, 1)
	view := s.View(knowledge.Asker{Name: "lena"})
	for question, language := range map[string]string{"Was darf ein Hotel kosten?": "de", "ホテルはいくらまでですか": "ja"} {
		r := find(t, view, retrieval.Search{Question: question, Encoder: bagEncoder()})
		if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "("+language+")") || r.Vector != nil {
			t.Errorf("%s: warnings %q", question, r.Warnings)
		}
		any := bagEncoder()
		any.Languages = nil
		if r := find(t, view, retrieval.Search{Question: question, Encoder: any}); len(r.Warnings) > 0 || r.Vector == nil {
			t.Errorf("%s by an encoder of all languages: warnings %q", question, r.Warnings)
		}
	}

	broken := bagEncoder()
	broken.Embed = func(context.Context, string) ([]float32, model.Spent, error) {
		return nil, model.Spent{}, fault.New(fault.Upstream, "embed: the server is down", "")
	}
	r := find(t, view, retrieval.Search{Question: "hotel limit", Encoder: broken})
	if len(r.Found) == 0 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "the server is down") {
		t.Errorf("with a broken encoder: %d found, warnings %q", len(r.Found), r.Warnings)
	}
	if _, err := retrieval.Find(t.Context(), view, retrieval.Search{Question: "hotel limit", Encoder: broken, Leg: retrieval.Meaning}); fault.KindOf(err) != fault.Upstream {
		t.Errorf("by meaning alone with a broken encoder: %v", err)
	}
	if _, err := retrieval.Find(t.Context(), view, retrieval.Search{Question: "hotel limit", Leg: retrieval.Meaning}); fault.KindOf(err) != fault.Missing {
		t.Errorf("by meaning alone without an encoder: %v", err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	broken.Embed = func(ctx context.Context, _ string) ([]float32, model.Spent, error) {
		return nil, model.Spent{}, ctx.Err()
	}
	if _, err := retrieval.Find(ended, view, retrieval.Search{Question: "hotel limit", Encoder: broken}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
