package answer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/answer"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
)

// concepts are what the encoder of these tests knows: words of one line mean the
// same. It shows the mechanics, not quality.
var concepts = []string{"leave holiday vacation off", "days many number 28", "wages salary paid pay", "sick ill cold", "doctor note certificate", "hotel room"}

func encoded(text string) []float32 {
	v := make([]float32, len(concepts)+1)
	v[len(concepts)] = .2
	for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789", r) }) {
		for i, c := range concepts {
			if slices.Contains(strings.Fields(c), w) {
				v[i]++
			}
		}
	}
	sum := 0.
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// byMeaning is a writer that finds every passage, in the order of its number, and
// knows the vector of the question. texts receives what it encodes.
func byMeaning(s *sqlite.Store, asker knowledge.Asker, texts *[]string) answer.Writer {
	w := writer(s, asker)
	words := w.Retrieve
	w.Retrieve = func(ctx context.Context, question string, top int) (knowledge.Ranking, error) {
		r, err := words(ctx, question, top)
		if err != nil {
			return r, err
		}
		ids := make([]knowledge.PassageID, 100)
		for i := range ids {
			ids[i] = knowledge.PassageID(i + 1)
		}
		passages, err := w.View.Passages(ctx, ids)
		r.Found = nil
		for i, p := range passages[:min(len(passages), top)] {
			r.Found = append(r.Found, knowledge.Found{Passage: p, Score: 1 - float64(i)/100})
		}
		r.Vector, r.Encoded, r.Apart = encoded(question), len(passages), .2
		r.Warnings = []string{"3 of 9 passages are not encoded yet and were found by words only"}
		r.Spent = model.Spent{InputTokens: 5}
		return r, err
	}
	w.Embed = func(_ context.Context, some []string) ([][]float32, model.Spent, error) {
		*texts = append(*texts, some...)
		var vectors [][]float32
		for _, text := range some {
			vectors = append(vectors, encoded(text))
		}
		return vectors, model.Spent{InputTokens: 10 * len(some)}, nil
	}
	w.Mix = answer.Mix{Base: -10, Nearest: 20, Answer: .5, Maybe: .1}
	return w
}

var absence = map[string]string{
	"absence.md": "# Absence\n\nTell your lead before nine. Everybody may be on vacation for 28 days. The form is in the portal.\n\n## Illness\n\nFrom the third day bring a certificate.\n",
	"portal.md":  "# Portal\n\nHow the form of the portal is filled in: many forms, one portal.\n",
}

func TestNearestByMeaning(t *testing.T) {
	s := collection(t, absence)
	var texts []string
	const question = "how many holidays: days off, in the portal form?"
	a, err := byMeaning(s, lena, &texts).Answer(t.Context(), knowledge.Question{Text: question}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.Grade != knowledge.Answers || !a.Answered || !strings.Contains(a.Sentences[0].Text, "28 days") || a.Sentences[0].Citations[0].State != knowledge.Holds {
		t.Errorf("%s %v: %+v", a.Grade, a.Confidence, a.Sentences)
	}
	if !slices.Contains(texts, "Absence\nEverybody may be on vacation for 28 days.") {
		t.Errorf("no unit is encoded behind its title: %q", texts)
	}
	if !slices.Contains(texts, "Absence\nIllness\nFrom the third day bring a certificate.") {
		t.Errorf("no unit is encoded behind its heading: %q", texts)
	}
	if a.Spent.InputTokens != 5+10*len(texts) || len(a.Warnings) != 1 || !strings.HasPrefix(a.Warnings[0], "3 of 9") {
		t.Errorf("spent %+v, warnings %q", a.Spent, a.Warnings)
	}
	if b := ask(t, s, lena, question); b.Answered && strings.Contains(b.Sentences[0].Text, "28 days") {
		t.Error("words find it too: this shows nothing about meaning")
	}
}

// The same question comes to each grade as the thresholds are moved past its confidence.
func TestGrades(t *testing.T) {
	s := collection(t, absence)
	var texts []string
	w := byMeaning(s, lena, &texts)
	for _, x := range []struct {
		answer, maybe float64
		grade         knowledge.Grade
		refusal       string
	}{
		{0, 0, knowledge.Answers, ""},
		{1, 0, knowledge.MayAnswer, "No page clearly answers this; the passages below may."},
		{1, 1, knowledge.NotFound, "No page that you may read answers this; the nearest 3 passages are below."},
	} {
		w.Mix.Answer, w.Mix.Maybe = x.answer, x.maybe
		a, err := w.Answer(t.Context(), knowledge.Question{Text: "when do I bring a doctor's note?"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Grade != x.grade || a.Answered != (x.grade == knowledge.Answers) || a.Refusal != x.refusal || a.Answered != (len(a.Sentences) > 0) {
			t.Errorf("%s: %+v", x.grade, a)
		}
		if !a.Answered && (len(a.Nearest) != 3 || !strings.Contains(a.Nearest[0].Text, "certificate")) {
			t.Errorf("%s: the passage whose stretch is nearest does not stand first: %+v", x.grade, a.Nearest)
		}
	}
}

// inOrderOfWords finds what words find.
func inOrderOfWords(w answer.Writer, s *sqlite.Store) answer.Writer {
	find, words := w.Retrieve, writer(s, lena).Retrieve
	w.Retrieve = func(ctx context.Context, question string, top int) (knowledge.Ranking, error) {
		r, err := find(ctx, question, top)
		if err != nil {
			return r, err
		}
		byWords, err := words(ctx, question, top)
		r.Found = byWords.Found
		return r, err
	}
	return w
}

func TestWithoutWhatMeaningNeeds(t *testing.T) {
	s := collection(t, absence)
	const question = "how long is the form in the portal?"
	want := ask(t, s, lena, question)
	var texts []string
	for name, change := range map[string]func(*answer.Writer){
		"the encoder fails": func(w *answer.Writer) {
			w.Embed = func(context.Context, []string) ([][]float32, model.Spent, error) {
				return nil, model.Spent{}, errors.New("out of order")
			}
		},
		"vectors of another length": func(w *answer.Writer) {
			w.Embed = func(_ context.Context, some []string) ([][]float32, model.Spent, error) {
				return make([][]float32, len(some)), model.Spent{}, nil
			}
		},
		"a question without a vector": func(w *answer.Writer) {
			find := w.Retrieve
			w.Retrieve = func(ctx context.Context, question string, top int) (knowledge.Ranking, error) {
				r, err := find(ctx, question, top)
				r.Vector = nil
				return r, err
			}
		},
		"no encoder": func(w *answer.Writer) { w.Embed = nil },
	} {
		w := inOrderOfWords(byMeaning(s, lena, &texts), s)
		change(&w)
		a, err := w.Answer(t.Context(), knowledge.Question{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Confidence != want.Confidence || a.Grade != want.Grade || len(a.Sentences) != len(want.Sentences) || len(a.Sentences) > 0 && a.Sentences[0].Text != want.Sentences[0].Text {
			t.Errorf("%s: not answered as by words: %+v\n%+v", name, a, want)
		}
		failed := strings.HasPrefix(name, "the encoder") || strings.HasPrefix(name, "vectors")
		if got := strings.Contains(strings.Join(a.Warnings, ";"), "quoted by words only: the encoder failed"); got != failed {
			t.Errorf("%s: warnings %q", name, a.Warnings)
		}
	}
	if len(texts) > 0 {
		t.Errorf("encoded in vain: %q", texts)
	}
	w := inOrderOfWords(byMeaning(s, lena, &texts), s)
	w.Mix = answer.Mix{}
	a, err := w.Answer(t.Context(), knowledge.Question{Text: question}, nil)
	if err != nil || a.Confidence != want.Confidence {
		t.Errorf("an encoder that was not measured: confidence %v, by words %v, %v", a.Confidence, want.Confidence, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.Embed = func(ctx context.Context, _ []string) ([][]float32, model.Spent, error) {
		cancel()
		return nil, model.Spent{}, fault.Wrap(fault.Budget, ctx.Err(), "encode", "")
	}
	if _, err := w.Answer(ctx, knowledge.Question{Text: question}, nil); fault.KindOf(err) != fault.Budget {
		t.Errorf("cancelled: %v", err)
	}
}

// However long the pages, what is encoded and what is shown stays short, and no
// text is encoded twice.
func TestBoundsByMeaning(t *testing.T) {
	pages := map[string]string{}
	for p := range 9 {
		var b strings.Builder
		fmt.Fprintf(&b, "# Page %d\n\nThe same on every page.\n", p)
		for i := range 40 {
			fmt.Fprintf(&b, "\nHoliday and vacation rule %d of page %d takes quite a number of words to say what it wants to say about days off.\n", i, p)
		}
		pages[fmt.Sprintf("%d.md", p)] = b.String()
	}
	var texts []string
	w := byMeaning(collection(t, pages), lena, &texts)
	w.Mix.Answer = 0
	a, err := w.Answer(t.Context(), knowledge.Question{Text: "how many days off for a holiday?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	words, bytes := 0, 0
	for _, s := range a.Sentences {
		words += len(strings.Fields(s.Text))
	}
	for i, text := range texts {
		bytes += len(text)
		if slices.Contains(texts[:i], text) {
			t.Errorf("encoded twice: %q", text)
		}
	}
	if words == 0 || words > 120 || len(a.Sentences) > 3 {
		t.Errorf("%d words in %d sentences shown", words, len(a.Sentences))
	}
	if bytes < 2000 || bytes > 3500 {
		t.Errorf("%d bytes encoded", bytes)
	}
}

func TestRowByMeaning(t *testing.T) {
	s := collection(t, map[string]string{"pay.md": "# Bands\n\n| Level | Wages |\n|---|---|\n| hotel | 31 |\n| doctor | 36 |\n| other | 54 |\n"})
	var texts []string
	w := byMeaning(s, lena, &texts)
	w.Mix.Answer = 0
	a, err := w.Answer(t.Context(), knowledge.Question{Text: "salary with a certificate"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(texts, "Bands\n| Level | Wages |\n| doctor | 36 |") {
		t.Errorf("no row is encoded below its head: %q", texts)
	}
	if !a.Answered || !strings.Contains(a.Sentences[0].Text, "36") || !strings.Contains(a.Sentences[0].Text, "| Level | Wages |") {
		t.Errorf("%+v", a.Sentences)
	}
}

// A measured encoder has weights and two thresholds in order; another has none.
func TestMixOf(t *testing.T) {
	if m := answer.MixOf("bge-small-en-v1.5@6c9c6101"); m.Maybe <= 0 || m.Answer <= m.Maybe || m.Answer >= 1 || m.Nearest <= 0 {
		t.Errorf("%+v", m)
	}
	if m := answer.MixOf("text-embedding-9@host"); m != (answer.Mix{}) {
		t.Errorf("%+v", m)
	}
}
