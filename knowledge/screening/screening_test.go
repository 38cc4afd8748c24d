package screening

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"groundwork/knowledge"

	"github.com/google/go-cmp/cmp"
)

// unmarked takes «» out of an example and returns what stood between them.
func unmarked(t *testing.T, example string) (text string, want span) {
	t.Helper()
	before, rest, ok1 := strings.Cut(example, "«")
	inside, after, ok2 := strings.Cut(rest, "»")
	if !ok1 || !ok2 || inside == "" {
		t.Fatalf("example %q marks nothing", example)
	}
	return before + inside + after, span{len(before), len(before) + len(inside)}
}

func TestRules(t *testing.T) {
	s := New()
	seen := map[string]bool{}
	for i, r := range s.rules {
		t.Run(r.id, func(t *testing.T) {
			if seen[r.id] || r.kind == "" || r.class == "" || !strings.HasSuffix(r.about, ".") || len(r.keys) == 0 || len(r.found) == 0 || len(r.clean) == 0 {
				t.Fatalf("row %d is not complete or not the only one of its name: %+v", i, r)
			}
			seen[r.id] = true
			for _, key := range r.keys {
				if key == "" || key != strings.ToLower(key) {
					t.Errorf("keyword %q is not in lower case", key)
				}
			}
			of := func(text string) (spans []span) {
				for _, m := range s.matches(text) {
					if m.rule == i && !slices.Contains(spans, m.span) {
						spans = append(spans, m.span)
					}
				}
				return spans
			}
			for _, example := range r.found {
				text, want := unmarked(t, example)
				if got := of(text); !slices.Equal(got, []span{want}) {
					t.Errorf("in %q found %v, want %v", text, got, want)
				}
			}
			for _, text := range r.clean {
				for _, got := range of(text) {
					t.Errorf("in clean %q found %q", text, text[got.start:got.end])
				}
			}
		})
	}
	for _, r := range s.paths {
		t.Run(r.id, func(t *testing.T) {
			if seen[r.id] || !strings.HasSuffix(r.about, ".") || len(r.found) == 0 || len(r.clean) == 0 {
				t.Fatalf("row is not complete or not the only one of its name: %+v", r)
			}
			seen[r.id] = true
			for _, example := range r.found {
				file, want := unmarked(t, example)
				got := s.Path(file)
				if diff := cmp.Diff([]knowledge.Finding{{Kind: r.kind, Class: r.class, Start: want.start, End: want.end, Rule: r.id}}, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
			}
			for _, file := range r.clean {
				if got := s.Path(file); len(got) > 0 {
					t.Errorf("clean %s: found %+v", file, got)
				}
			}
		})
	}
}

func TestClean(t *testing.T) {
	s := New()
	for _, text := range []string{
		"", "\n", "password", "password:", "password: ", "://", "eyJ", "-----BEGIN ", "=",
		"AKIA" + "IOSFODNN7EXAMPLE", "api_key: xxxxxxxxxxxxxxxxxxxxxxxx1", "password: ****1234", "password: $DB_PASSWORD1", "password: ${DB_PASSWORD1}", "password: {{ var1 }}",
		"token: <your-api-key-1>", "API_TOKEN=%API_TOKEN1%", "password: ••••••••", "TLP:CLEAR",
	} {
		if got := s.Text(text); got != nil {
			t.Errorf("%q: found %+v", text, got)
		}
	}
	if got := (&Screen{}).Text("password: Kran7Nord!"); got != nil {
		t.Errorf("the zero Screen found %+v", got)
	}
}

// A token behind its name is found by several rules: one finding remains, of the
// most specific, and findings are in order.
func TestOverlap(t *testing.T) {
	token := "gl" + "sa_" + d32 + "_9f3c1e7a"
	text := "CONFIDENTIAL\n\npassword: Kran7Nord!\nGRAFANA_TOKEN=" + token + "\n"
	at := strings.Index(text, token)
	pw := strings.Index(text, "Kran")
	want := []knowledge.Finding{
		{Kind: "marking_confidential", Class: knowledge.Marking, Start: 0, End: 12, Rule: "marking-confidential"},
		{Kind: "password_assignment", Class: knowledge.Secret, Start: pw, End: pw + 10, Rule: "password-setting"},
		{Kind: "grafana_token", Class: knowledge.Secret, Start: at, End: at + len(token), Rule: "grafana-token"},
	}
	if diff := cmp.Diff(want, New().Text(text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReason(t *testing.T) {
	s := New()
	text := strings.Repeat("\n", 13) + "id AK" + "IAQ3XZ7RTBVN5KWM2P\npassword: Kran7Nord!\npassword: Kran8Nord!\nTLP:RED"
	all := s.Text(text)
	for _, test := range []struct {
		findings []knowledge.Finding
		text     string
		want     string
	}{
		{nil, text, ""},
		{all[:1], text, "an AWS access key id in line 14"},
		{all[:2], text, "an AWS access key id in line 14, and 1 more finding: a password"},
		{all, text, "an AWS access key id in line 14, and 3 more findings: 2 × password, a TLP marking"},
		{s.Path("a/id_rsa"), "", "a file that is a private key by its name"},
	} {
		if got := Reason(test.findings, test.text); got != test.want {
			t.Errorf("got  %q\nwant %q", got, test.want)
		}
	}
	for _, r := range s.rules {
		if got := name(r.kind); strings.Contains(got, "_") || got == "" {
			t.Errorf("kind %s has no name for people: %q", r.kind, got)
		}
	}
}

// The keywords found must be those that a search for each of them finds.
func TestKeywords(t *testing.T) {
	rules := []rule{{keys: []string{"he", "she", "hers"}}, {keys: []string{"his", "パス"}}, {keys: []string{"a", "aa", "he"}}}
	k := newKeywords(rules)
	for _, text := range []string{"", "ushers", "USHERS his", "aaaa", "xパスx", "shishe", "\xff\xe3\x83"} {
		type hit struct {
			rule int
			key  span
		}
		got, want := map[hit]int{}, map[hit]int{}
		k.scan(text, func(rule int, key span) { got[hit{rule, key}]++ })
		low := strings.ToLower(text)
		for i, r := range rules {
			for _, word := range r.keys {
				for at := range len(text) {
					if strings.HasPrefix(low[at:], word) {
						want[hit{i, span{at, at + len(word)}}]++
					}
				}
			}
		}
		if text == "\xff\xe3\x83" { // ToLower rewrites what is no UTF-8
			want = map[hit]int{}
		}
		if len(got) != len(want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
		for h, n := range want {
			if got[h] != n {
				t.Errorf("%q: %v found %d times, want %d", text, h, got[h], n)
			}
		}
	}
}

func TestConcurrent(t *testing.T) {
	s := New()
	text := strings.Repeat("password: Kran7Nord!\n", 50)
	want := s.Text(text)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if !slices.Equal(s.Text(text), want) {
				t.Error("findings differ between goroutines")
			}
		})
	}
	group.Wait()
}

func FuzzText(f *testing.F) {
	s := New()
	for _, r := range s.rules {
		for _, example := range r.found {
			f.Add(strings.NewReplacer("«", "", "»", "").Replace(example))
		}
		for _, text := range r.clean {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			text = strings.ToValidUTF8(text, "?")
		}
		found := s.Text(text)
		cut := []byte(text)
		last := map[knowledge.Class]int{}
		for i, g := range found {
			if g.Start < 0 || g.Start >= g.End || g.End > len(text) {
				t.Fatalf("finding %+v does not fit a text of %d bytes", g, len(text))
			}
			if !utf8.RuneStart(text[g.Start]) || g.End < len(text) && !utf8.RuneStart(text[g.End]) {
				t.Fatalf("finding %+v cuts a rune of %q", g, text)
			}
			if i > 0 && found[i-1].Start > g.Start {
				t.Fatalf("findings are not in order: %+v", found)
			}
			if g.Start < last[g.Class] {
				t.Fatalf("findings of one class overlap: %+v", found)
			}
			last[g.Class] = g.End
			copy(cut[g.Start:g.End], bytes.Repeat([]byte(" "), g.End-g.Start))
		}
		for _, again := range s.Text(string(cut)) {
			for _, g := range found {
				if again.Rule == g.Rule && again.Start < g.End && g.Start < again.End {
					t.Fatalf("%q: after the cut, %+v is found again as %+v", text, g, again)
				}
			}
		}
		Reason(found, text)
	})
}

func FuzzPath(f *testing.F) {
	s := New()
	f.Add("a/secrets/id_rsa")
	f.Add("//x//")
	f.Fuzz(func(t *testing.T, file string) {
		last := 0
		for _, g := range s.Path(file) {
			if g.Start < last || g.Start >= g.End || g.End > len(file) || strings.Contains(file[g.Start:g.End], "/") {
				t.Fatalf("%q: %+v", file, g)
			}
			last = g.End
		}
	})
}

// pages returns the Markdown pages of a collection of prose, by path.
func pages(tb testing.TB, folder string) map[string]string {
	tb.Helper()
	root := "../../../shared/data/" + folder
	out := map[string]string{}
	err := filepath.WalkDir(root, func(file string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".md" {
			return err
		}
		b, err := os.ReadFile(file)
		out[strings.TrimPrefix(file, root+"/")] = string(b)
		return err
	})
	if err != nil {
		tb.Skipf("NOT RUN: the pages of %s are not here: %v", folder, err)
	}
	return out
}

// Handbooks talk about passwords, tokens and confidential information all the
// time and hold none: at most one page in a hundred may be held back.
func TestProse(t *testing.T) {
	s := New()
	for _, folder := range []string{"handbook", "handbook18f"} {
		held, all := 0, pages(t, folder)
		for file, text := range all {
			found := append(s.Path(file), s.Text(text)...)
			if len(found) > 0 {
				held++
			}
			for _, g := range s.Path(file) {
				t.Logf("%s/%s: %s %q", folder, file, g.Rule, file[g.Start:g.End])
			}
			for _, g := range s.Text(text) {
				from := strings.LastIndexByte(text[:g.Start], '\n') + 1
				to := g.End + max(0, strings.IndexByte(text[g.End:]+"\n", '\n'))
				t.Logf("%s/%s: %s %q in %.200q", folder, file, g.Rule, text[g.Start:g.End], text[from:to])
			}
		}
		t.Logf("%s: %d of %d pages held back", folder, held, len(all))
		if len(all) == 0 || held*100 > len(all) {
			t.Errorf("%s: %d of %d pages held back, want at most 1 %%", folder, held, len(all))
		}
	}
}

func BenchmarkProse(b *testing.B) {
	var all []string
	size := 0
	for _, text := range pages(b, "handbook") {
		all = append(all, text)
		size += len(text)
	}
	s := New()
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, text := range all {
			s.Text(text)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New()
	}
}
