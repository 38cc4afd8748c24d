package term

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestStems(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"Forecasting the forecasts", "forecast forecast"},
		{"How many days of leave?", "how mani day leav"},
		{"sales_daily_v2", "sales_daily_v2 sale daili v2"},
		{"dwh.fact_orders is ORD-2291.", "dwh.fact_orders dwh fact order ord-2291 ord 2291"},
		{"e-mail", "e-mail e mail"},
		{"a 3.5 % rise", "3.5 3 5 rise"},
		{"Zürich's Straße, café", "zurich strass cafe"},
		{"the company’s rules don't", "compani rule dont"},
		{"冷凍庫の温度", "冷凍 凍庫 庫の の温 温度"},
		{"値 and 값이", "値 값이"},
		{"__init__.py", "init__.py init py"},
		{"...---...", ""},
		{"", ""},
	} {
		if got := strings.Join(Stems(c.text), " "); got != c.want {
			t.Errorf("Stems(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestWordsKeepStopWords(t *testing.T) {
	if diff := cmp.Diff([]string{"to", "be", "or", "not", "to", "be"}, Words("To be, or not to be")); diff != "" {
		t.Error(diff)
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"One. Two! Three? Four", []string{"One.", "Two!", "Three?", "Four"}},
		{"See e.g. Berlin. It is 3.5 % of Dr. Frost's lot.", []string{"See e.g. Berlin.", "It is 3.5 % of Dr. Frost's lot."}},
		{"Wrapped\nline. Next\nline.", []string{"Wrapped\nline.", "Next\nline."}},
		{"A para\n\nAnother", []string{"A para", "Another"}},
		{"「温度」は低い。次の文。", []string{"「温度」は低い。", "次の文。"}},
		{"He said \"stop.\" Then left.", []string{"He said \"stop.\"", "Then left."}},
		{"1. First item", []string{"1. First item"}},
		{"version 1.2. is out. ok", []string{"version 1.2. is out. ok"}},
		{"", nil},
	} {
		var got []string
		for _, s := range Sentences(c.text) {
			got = append(got, c.text[s.Start:s.End])
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Sentences(%q): %s", c.text, diff)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("ORD-2291 costs €5 – naïve 冷凍庫 a_b.c")
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, k := range Tokens(s) {
			if k.Start < 0 || k.Start >= k.End || k.End > len(s) {
				t.Fatalf("token %+v lies outside %q", k, s)
			}
			if !k.Part && k.Start < last-len("𠀀") {
				t.Fatalf("token %+v goes back before %d in %q", k, last, s)
			}
			last = max(last, k.Start)
			if k.Word == "" || len(k.Word) > maxTerm {
				t.Fatalf("token %+v: its word is empty or too long", k)
			}
			if utf8.ValidString(s) && !utf8.ValidString(k.Word) {
				t.Fatalf("token %+v of %q is not UTF-8", k, s)
			}
		}
	})
}

// FuzzSentences: together the sentences hold every byte that is not white space.
func FuzzSentences(f *testing.F) {
	f.Add("One. Two\n\nthree 。四")
	f.Fuzz(func(t *testing.T, s string) {
		at := 0
		for _, p := range Sentences(s) {
			if p.Start < at || p.End <= p.Start || p.End > len(s) {
				t.Fatalf("span %+v after %d in %q", p, at, s)
			}
			if strings.TrimSpace(s[at:p.Start]) != "" {
				t.Fatalf("%q left out of %q", s[at:p.Start], s)
			}
			at = p.End
		}
		if strings.TrimSpace(s[at:]) != "" {
			t.Fatalf("%q left out at the end", s[at:])
		}
	})
}
