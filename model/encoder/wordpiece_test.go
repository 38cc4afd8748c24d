package encoder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"groundwork/internal/fault"
)

func realWordPiece(t testing.TB) *wordPiece {
	t.Helper()
	v, err := readWordPiece(modelFile(t, "bge-small-en-v1.5-q-tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const passage = `Reimbursement is paid within 10 working days of the claim's approval. Travellers who book outside the portal must attach the invoice; hotel costs above the city limit (see Appendix B) are refunded only if the head of department has agreed beforehand in writing. Keep receipts for 7 years. For questions write to travel@example.org or ask in the #travel channel. Per-diem rates follow the table of the tax office, re-checked every January; breakfast included in the room price is deducted at 20 %. Mileage with one's own car is 0.30 a kilometre, and the shortest customary route counts. Trips that were cancelled for a reason that lies with the company are reimbursed in full, including non-refundable deposits and visa fees.`

func BenchmarkWordPiece(b *testing.B) {
	v := realWordPiece(b)
	ids := make([]int32, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		ids = v.encode(passage, ids[:0], 512)
	}
	b.ReportMetric(float64(len(ids)), "tokens")
}

func BenchmarkReadWordPiece(b *testing.B) {
	data := modelFile(b, "bge-small-en-v1.5-q-tokenizer.json")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readWordPiece(data); err != nil {
			b.Fatal(err)
		}
	}
}

// allOfUnicode are texts that have every character inside a word and between two.
func allOfUnicode() []string {
	var texts []string
	for first := rune(0); first <= utf8.MaxRune; first += 64 {
		var b []byte
		for r := first; r < first+64; r++ {
			if utf8.ValidRune(r) {
				b = append(utf8.AppendRune(append(b, 'a'), r), "a "...)
				b = append(utf8.AppendRune(b, r), ' ')
			}
		}
		texts = append(texts, string(b))
	}
	return texts
}

func writeIDs(w io.Writer, ids []int32) {
	var line []byte
	for _, id := range ids {
		line = append(strconv.AppendInt(line, int64(id), 10), ' ')
	}
	line[len(line)-1] = '\n'
	w.Write(line)
}

// unicodeHash is over the reference's tokens of allOfUnicode;
// TestRealTokensAreTheReferences finds it again.
const unicodeHash = "937efad23bc10c621d3432381b81bf72c392bd8eb7b21c0b3e1d80bdd8054a04"

func TestAllOfUnicode(t *testing.T) {
	v := realWordPiece(t)
	hash := sha256.New()
	var ids []int32
	for _, text := range allOfUnicode() {
		ids = v.encode(text, ids[:0], 512)
		writeIDs(hash, ids)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != unicodeHash {
		t.Errorf("the tokens of all of Unicode have the hash %s, the reference's %s", got, unicodeHash)
	}
}

// torture makes texts of what tokenizers get wrong.
func torture(v *wordPiece, seed uint64, count int) []string {
	r := rand.New(rand.NewPCG(seed, 5))
	var known []string
	for token := range v.starts {
		known = append(known, token)
	}
	for token := range v.rests {
		known = append(known, token)
	}
	slices.Sort(known)
	from := func(first, last rune) func() string {
		return func() string { return string(first + rune(r.IntN(int(last-first)+1))) }
	}
	repeat := func(f func() string, most int) func() string {
		return func() string {
			s := ""
			for range r.IntN(most + 1) {
				s += f()
			}
			return s
		}
	}
	pick := func(s ...string) func() string { return func() string { return s[r.IntN(len(s))] } }
	word := func() string { return known[r.IntN(len(known))] }
	ascii, letter, mark := from(0, 127), from('a', 'z'), from(0x300, 0x36f)
	pieces := []func() string{
		word, word, word,
		func() string { return strings.ToUpper(word()) },
		pick(" ", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u2003", "\u2028", "\u3000", "\u0085", "\v"),
		pick(".", ",", "-", "'", "\u2019", "...", "\u2014", "\u00ab", "\u3001", "\u00a7", "#", "##", "$", "^", "`", "\u00ac", "\u20ac"),
		pick("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[cls]", "[CLS", "CLS]", "[[SEP]]", "[ MASK ]", "[unused5]", "[\u200bCLS]", "[CLS\u0301]"),
		pick("\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\ufffd", "\x00"),
		pick("\U0001f469\u200d\U0001f4bb", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "1\ufe0f\u20e3"),
		repeat(ascii, 10), repeat(letter, 12), repeat(mark, 4),
		func() string { return letter() + mark() },
		from(0x80, 0x24f), from(0x80, 0x24f), from(0x250, 0x7ff), from(0x370, 0x52f), from(0x1e00, 0x1fff), // Latin, Greek, Cyrillic
		repeat(from(0x590, 0x6ff), 6), repeat(from(0x900, 0xdff), 6), repeat(from(0xe00, 0x10ff), 5), // right to left, Indic, Thai to Georgian
		repeat(from(0xac00, 0xd7a3), 4), repeat(from(0x1100, 0x11ff), 4), // Hangul
		repeat(from(0x4e00, 0x9fff), 4), repeat(from(0x3040, 0x30ff), 5), from(0xf900, 0xfaff), from(0x3400, 0x4dbf), // ideographs, kana
		from(0x20000, 0x2cf00), from(0x2f800, 0x2fa20),
		from(0x2000, 0x2bff), from(0x2e00, 0x303f), from(0xfe00, 0xffff), // signs and forms
		from(0x1d000, 0x1d3ff), from(0x1f000, 0x1faff), from(0xe0000, 0xe01ff),
		from(0x800, 0xd7ff), from(0xe000, 0xffff), from(0x10000, 0x1ffff), from(0x10000, utf8.MaxRune),
		func() string { return strings.Repeat(letter(), 90+r.IntN(20)) },
		func() string { return strings.Repeat(letter()+mark(), 90+r.IntN(20)) },
		func() string { return strings.Repeat(from(0x400, 0x44f)(), 90+r.IntN(20)) },
		func() string { return strings.Repeat("\uac01", 30+r.IntN(10)) }, // three characters each
		func() string { return strings.Repeat("\u00e9", 97+r.IntN(6)) },
	}
	texts := make([]string, count)
	for i := range texts {
		var b strings.Builder
		most := 12
		if i%50 == 0 {
			most = 400
		}
		// A few kinds of piece only, so that they meet often.
		kinds := []func() string{pieces[r.IntN(len(pieces))], pieces[r.IntN(len(pieces))], pieces[r.IntN(len(pieces))], pieces[r.IntN(len(pieces))]}
		for range 1 + r.IntN(most) {
			b.WriteString(kinds[r.IntN(len(kinds))]())
		}
		texts[i] = b.String()
	}
	return texts
}

const tokensScript = `
import sys
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file(sys.argv[2])
tokenizer.no_padding()
tokenizer.enable_truncation(512)
for line in open(sys.argv[1]):
    text = bytes.fromhex(line).decode("utf-8", "replace")
    print(*tokenizer.encode(text).ids)
`

// Tokens are those of the reference: on the lines, titles and whole texts of the
// judged sets and handbooks, on all of Unicode and on torture, for both models.
func TestRealTokensAreTheReferences(t *testing.T) {
	python(t)
	ours := realWordPiece(t)
	seen := map[string]bool{}
	var texts []string
	add := func(all ...string) {
		for _, text := range all {
			if !seen[text] && len(text) < 100_000 {
				seen[text] = true
				texts = append(texts, text)
			}
		}
	}
	for _, set := range sets(t) {
		for _, d := range set.Documents {
			add(d.Title, d.Text)
			add(strings.Split(d.Text, "\n")...)
		}
		for _, q := range set.Queries {
			add(q.Text)
		}
	}
	for _, folder := range []string{"handbook", "handbook18f"} {
		err := filepath.WalkDir(filepath.Join("../../../shared/data", folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			add(strings.SplitAfter(string(data[:min(len(data), 200_000)]), "\n")...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	lines := len(texts)
	add(torture(ours, 1, max(40_000, 110_000-lines))...)
	tortured := len(texts) - lines
	unicode := allOfUnicode()
	texts = append(texts, unicode...)
	t.Logf("%d lines of documents, %d of torture, %d with all of Unicode", lines, tortured, len(unicode))
	if lines+tortured < 100_000 {
		t.Errorf("only %d texts", lines+tortured)
	}
	for _, name := range []string{"bge-small-en-v1.5-q-tokenizer.json", "all-minilm-l6-v2-q-tokenizer.json"} {
		v, err := readWordPiece(modelFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		theirs := bytes.SplitAfter(ask(t, tokensScript, texts, modelPath(t, name)), []byte("\n"))
		if len(theirs) != len(texts)+1 {
			t.Fatalf("%d answers to %d texts", len(theirs), len(texts))
		}
		var ids []int32
		var got bytes.Buffer
		wrong, longest, tokens := 0, 0, 0
		hash := sha256.New()
		for i, text := range texts {
			ids = v.encode(text, ids[:0], 512)
			longest, tokens = max(longest, len(ids)), tokens+len(ids)
			got.Reset()
			writeIDs(&got, ids)
			if i >= len(texts)-len(unicode) {
				hash.Write(theirs[i])
			}
			if !bytes.Equal(got.Bytes(), theirs[i]) {
				if wrong++; wrong < 10 {
					t.Errorf("%s: %.200q\nours   %.300s\ntheirs %.300s", name, text, got.Bytes(), theirs[i])
				}
			}
		}
		t.Logf("%s: %d texts, %d tokens, longest %d, %d wrong", name, len(texts), tokens, longest, wrong)
		if got := hex.EncodeToString(hash.Sum(nil)); got != unicodeHash {
			t.Errorf("the hash of the reference's tokens of all of Unicode is %s", got)
		}
	}
}

func TestReadWordPieceRefuses(t *testing.T) {
	good := string(modelFile(t, "bge-small-en-v1.5-q-tokenizer.json"))
	if _, err := readWordPiece([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{`"lowercase": true`, `"lowercase": false`},
		{`"strip_accents": null`, `"strip_accents": false`},
		{`"BertPreTokenizer"`, `"Whitespace"`},
		{`"unk_token": "[UNK]"`, `"unk_token": "[unk]"`},
		{`"continuing_subword_prefix": "##"`, `"continuing_subword_prefix": ""`},
		{`"max_input_chars_per_word": 100`, `"max_input_chars_per_word": 50`},
		{`"[SEP]": 102`, `"[SOP]": 102`},
		{`"[SEP]": 102`, `"[SEP]": 101`},
		{`"[SEP]": 102`, `"[SEP]": 999999999999999999999`},
		{`"[SEP]": 102`, `"[SEP]": -1`},
		{`"vocab"`, `"words"`},
		{`"normalized": false`, `"normalized": true`},
	} {
		for _, colon := range []string{": ", ":"} { // as some write it
			if from := strings.ReplaceAll(c[0], ": ", colon); strings.Contains(good, from) {
				bad := strings.Replace(good, from, c[1], 1)
				if _, err := readWordPiece([]byte(bad)); fault.KindOf(err) != fault.Input {
					t.Errorf("%s for %s: %v", c[1], from, err)
				}
				c[0] = ""
			}
		}
		if c[0] != "" && strings.Contains(good, c[0]) {
			t.Errorf("%s is not in the file", c[0])
		}
	}
	for at := 0; at < len(good); at = at*9/8 + 1 {
		if _, err := readWordPiece([]byte(good[:at])); fault.KindOf(err) != fault.Input {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
}

// FuzzWordPiece: whatever the text, its tokens are known, framed and few, the same
// every time, and a blank between two texts keeps their tokens apart.
func FuzzWordPiece(f *testing.F) {
	v := realWordPiece(f)
	for _, text := range torture(v, 2, 50) {
		f.Add(text, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		encode := func(text string, most int) []int32 {
			ids := v.encode(text, nil, most)
			if len(ids) < 2 || len(ids) > most || ids[0] != v.first || ids[len(ids)-1] != v.end {
				t.Fatalf("%q: %v", text, ids)
			}
			for _, id := range ids {
				if id < 0 || int(id) >= v.size() {
					t.Fatalf("%q: token %d", text, id)
				}
			}
			if !slices.Equal(ids, v.encode(text, nil, most)) {
				t.Fatalf("%q: not the same twice", text)
			}
			return ids
		}
		const all = 1 << 30
		left, right, both := encode(a, all), encode(b, all), encode(a+" "+b, all)
		if want := slices.Concat(left[:len(left)-1], right[1:]); !slices.Equal(both, want) {
			t.Fatalf("%q and %q: %v, together %v", a, b, want, both)
		}
		if short := encode(a+" "+b, 16); !slices.Equal(short[:len(short)-1], both[:len(short)-1]) || len(short) < min(16, len(both)) {
			t.Fatalf("%q cut: %v of %v", a+" "+b, short, both)
		}
	})
}

// FuzzReadWordPiece: whatever the bytes, an error or a tokenizer that frames a text
// and knows its tokens.
func FuzzReadWordPiece(f *testing.F) {
	f.Add([]byte(`{"added_tokens": [{"id": 2, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
"pre_tokenizer": {"type": "BertPreTokenizer"},
"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
"vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4, "\u00e9": 5, "\"": 6}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := readWordPiece(data)
		if err != nil {
			if v != nil || fault.KindOf(err) != fault.Input {
				t.Fatal(v, err)
			}
			return
		}
		ids := v.encode("ab \" \u00e9 [SEP] b xyz", nil, 512)
		if ids[0] != v.first || ids[len(ids)-1] != v.end || slices.Max(ids) >= int32(v.size()) || slices.Min(ids) < 0 {
			t.Fatal(ids)
		}
	})
}
