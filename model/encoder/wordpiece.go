package encoder

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"groundwork/internal/fault"
)

// wordPiece cuts texts into the tokens of BERT's uncased vocabulary (Devlin and
// others 2018; the greedy longest match is that of Wu and others 2016), with the
// same result as the tokenizers library from the same tokenizer.json.
//
// Two things the reference does are left out, since they cannot be seen through
// this vocabulary: it puts the marks that it keeps in canonical order, and knows
// newer capitals than Go. No token has such a character; their words are unknown
// either way.
type wordPiece struct {
	starts, rests       map[string]int32 // tokens that start a word; those that go on, without ##
	longest             int              // bytes of the longest
	special             []specialToken   // recognised as written, before anything else
	unknown, first, end int32            // [UNK], [CLS], [SEP]
}

type specialToken struct {
	text string
	id   int32
}

// mostChars is the length in characters above which a word is unknown unseen.
const mostChars = 100

// tokenizerFile is what we read of a tokenizer.json, its vocabulary apart. Its
// truncation and padding are not read: the caller says how many tokens there may be.
type tokenizerFile struct {
	AddedTokens []struct {
		ID         int32
		Content    string
		SingleWord bool `json:"single_word"`
		LStrip     bool
		RStrip     bool
		Normalized bool
	} `json:"added_tokens"`
	Normalizer struct {
		Type               string
		CleanText          bool  `json:"clean_text"`
		HandleChineseChars bool  `json:"handle_chinese_chars"`
		StripAccents       *bool `json:"strip_accents"`
		Lowercase          bool
	}
	PreTokenizer struct{ Type string } `json:"pre_tokenizer"`
	Model        struct {
		Type     string
		Unknown  string `json:"unk_token"`
		Prefix   string `json:"continuing_subword_prefix"`
		MaxChars int    `json:"max_input_chars_per_word"`
	}
}

// readWordPiece reads a tokenizer.json of the tokenizers library. One that asks
// for anything else than BERT's uncased WordPiece is a fault of kind Input.
func readWordPiece(data []byte) (*wordPiece, error) {
	v, err := parseWordPiece(string(data))
	if err != nil {
		return nil, fault.Wrap(fault.Input, err, "read the tokenizer of an encoder", "get the model's files again")
	}
	return v, nil
}

func parseWordPiece(data string) (*wordPiece, error) {
	v := &wordPiece{starts: make(map[string]int32, 1<<15), rests: make(map[string]int32, 1<<13)}
	// The vocabulary is nearly all of the file. encoding/json takes five times as
	// long for it, and a first question waits for this.
	before, after, ok := strings.Cut(data, `"vocab":`)
	if !ok {
		return nil, errors.New("it has no vocabulary")
	}
	after, err := v.readVocabulary(after)
	if err != nil {
		return nil, err
	}
	var f tokenizerFile
	if err := json.Unmarshal([]byte(before+`"vocab":{}`+after), &f); err != nil {
		return nil, err
	}
	return v, v.check(&f)
}

// readVocabulary reads a JSON object of tokens and their numbers, which must be 0
// to n-1, and returns what follows it.
func (v *wordPiece) readVocabulary(s string) (string, error) {
	const most = 1 << 20
	broken := errors.New("its vocabulary is damaged")
	skip := func() {
		for s != "" && (s[0] == ' ' || s[0] == '\n' || s[0] == '\r' || s[0] == '\t') {
			s = s[1:]
		}
	}
	seen := make([]bool, 0, 1<<15)
	skip()
	s, ok := strings.CutPrefix(s, "{")
	for n := 0; ok; n++ {
		skip()
		if s == "" || s[0] != '"' {
			return "", broken
		}
		end := 1
		for ; end < len(s) && s[end] != '"'; end++ {
			if s[end] == '\\' {
				end++
			}
		}
		if end >= len(s) {
			return "", broken
		}
		token := s[1:end]
		if strings.IndexByte(token, '\\') >= 0 {
			var plain string
			if json.Unmarshal([]byte(s[:end+1]), &plain) != nil {
				return "", broken
			}
			token = plain
		}
		s = s[end+1:]
		skip()
		if s, ok = strings.CutPrefix(s, ":"); !ok {
			return "", broken
		}
		skip()
		id, digits := 0, 0
		for ; digits < len(s) && '0' <= s[digits] && s[digits] <= '9' && id < most; digits++ {
			id = 10*id + int(s[digits]-'0')
		}
		if s = s[digits:]; digits == 0 || id >= most {
			return "", broken
		}
		for len(seen) <= id {
			seen = append(seen, false)
		}
		if seen[id] {
			return "", fmt.Errorf("two tokens of its vocabulary have the number %d", id)
		}
		seen[id] = true
		v.longest = max(v.longest, len(token))
		if rest, ok := strings.CutPrefix(token, "##"); ok {
			v.rests[rest] = int32(id)
		} else {
			v.starts[token] = int32(id)
		}
		skip()
		s, ok = strings.CutPrefix(s, ",")
	}
	if slices.Contains(seen, false) || len(v.starts)+len(v.rests) != len(seen) {
		return "", errors.New("its vocabulary has gaps or one token twice")
	}
	if s, ok = strings.CutPrefix(s, "}"); !ok {
		return "", broken
	}
	return s, nil
}

// check compares what a file asks for with what encode does, and takes the
// special tokens out of it.
func (v *wordPiece) check(f *tokenizerFile) error {
	n, m := f.Normalizer, f.Model
	switch {
	case n.Type != "BertNormalizer" || !n.CleanText || !n.HandleChineseChars || !n.Lowercase || n.StripAccents != nil && !*n.StripAccents:
		return errors.New("its texts are not made lower case and cleaned as BERT's are")
	case f.PreTokenizer.Type != "BertPreTokenizer":
		return errors.New("its words are not cut as BERT's are")
	case m.Type != "WordPiece" || m.Unknown != "[UNK]" || m.Prefix != "##" || m.MaxChars != mostChars:
		return errors.New("its model is not BERT's WordPiece")
	}
	for name, id := range map[string]*int32{"[UNK]": &v.unknown, "[CLS]": &v.first, "[SEP]": &v.end} {
		var ok bool
		if *id, ok = v.starts[name]; !ok {
			return fmt.Errorf("its vocabulary lacks %s", name)
		}
	}
	for _, t := range f.AddedTokens {
		id, ok := v.starts[t.Content]
		if !ok || id != t.ID || t.SingleWord || t.LStrip || t.RStrip || t.Normalized || !strings.HasPrefix(t.Content, "[") {
			return fmt.Errorf("its added token %.80q is not like BERT's", t.Content)
		}
		v.special = append(v.special, specialToken{t.Content, t.ID})
	}
	return nil
}

// size is how many tokens there are; their numbers are 0 to size-1.
func (v *wordPiece) size() int { return len(v.starts) + len(v.rests) }

// encode appends the tokens of a text to ids, at most most of them: [CLS] first
// and [SEP] last are counted, what is too much is cut from the end. Bytes that
// are no UTF-8 are dropped, like the replacement character.
func (v *wordPiece) encode(text string, ids []int32, most int) []int32 {
	w := words{v: v, ids: append(ids, v.first)}
	limit := len(ids) + most - 1 // where [SEP] stands at the latest
	for i := 0; i < len(text) && len(w.ids) < limit; {
		c := text[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(text[i:])
			w.rune(r, text[i:i+size])
			i += size
			continue
		}
		i++
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			w.add(rune(c))
		case 'A' <= c && c <= 'Z':
			w.add(rune(c) + 'a' - 'A')
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			w.cut()
		case c < ' ' || c == 0x7f:
		default:
			if c == '[' {
				if t := slices.IndexFunc(v.special, func(t specialToken) bool { return strings.HasPrefix(text[i-1:], t.text) }); t >= 0 {
					w.cut()
					w.ids = append(w.ids, v.special[t].id)
					i += len(v.special[t].text) - 1
					continue
				}
			}
			w.alone(rune(c))
		}
	}
	w.cut()
	return append(w.ids[:min(len(w.ids), limit)], v.end)
}

// words collects the characters of a word and cuts it into tokens at its end.
type words struct {
	v      *wordPiece
	ids    []int32
	length int // bytes in word
	chars  int // characters of the word; word holds the first mostChars of them
	word   [mostChars * utf8.UTFMax]byte
}

// rune takes a character beyond ASCII, written as text.
func (w *words) rune(r rune, text string) {
	switch {
	case within(dropped, r):
	case unicode.IsSpace(r):
		w.cut()
	case chinese(r):
		w.cut()
		w.decompose(r, text)
		w.cut()
	default:
		w.decompose(r, text)
	}
}

// decompose takes the parts of a character's canonical decomposition.
func (w *words) decompose(r rune, text string) {
	if 0xac00 <= r && r <= 0xd7a3 { // Hangul syllables, by the arithmetic of Unicode, section 3.12
		s := r - 0xac00
		w.add(0x1100 + s/588)
		w.add(0x1161 + s%588/28)
		if s%28 > 0 {
			w.add(0x11a7 + s%28)
		}
		return
	}
	parts := norm.NFD.PropertiesString(text).Decomposition()
	if parts == nil {
		w.part(r)
	}
	for len(parts) > 0 {
		r, size := utf8.DecodeRune(parts)
		w.part(r)
		parts = parts[size:]
	}
}

func (w *words) part(r rune) {
	if within(marks, r) {
		return
	}
	r = unicode.ToLower(r)
	if r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r)) || within(punctuation, r) {
		w.alone(r)
		return
	}
	w.add(r)
}

func (w *words) add(r rune) {
	if w.chars++; w.chars > mostChars {
		return
	}
	if r < utf8.RuneSelf {
		w.word[w.length] = byte(r)
		w.length++
		return
	}
	w.length += utf8.EncodeRune(w.word[w.length:], r)
}

// alone takes a character that is a word of its own.
func (w *words) alone(r rune) {
	w.cut()
	w.add(r)
	w.cut()
}

// cut ends the word: it becomes the longest tokens that it begins with, one after
// the other, or the unknown token if they do not reach its end.
func (w *words) cut() {
	if w.chars == 0 {
		return
	}
	word, known, before := w.word[:w.length], w.chars <= mostChars, len(w.ids)
	w.length, w.chars = 0, 0
	tokens := w.v.starts
	for len(word) > 0 && known {
		end := min(len(word), w.v.longest)
		for ; end > 0; end-- {
			if id, ok := tokens[string(word[:end])]; ok { // half a character is in no token
				w.ids = append(w.ids, id)
				break
			}
		}
		known = end > 0
		word = word[end:]
		tokens = w.v.rests
	}
	if !known {
		w.ids = append(w.ids[:before], w.v.unknown)
	}
}

// chinese says whether BERT takes the character for a word of its own: the blocks
// of unified and compatibility ideographs, with the reference's gap at U+2B820.
func chinese(r rune) bool {
	return r >= 0x3400 && (r <= 0x4dbf || 0x4e00 <= r && r <= 0x9fff || 0xf900 <= r && r <= 0xfaff ||
		0x20000 <= r && r <= 0x2a6df || 0x2a700 <= r && r <= 0x2b81f || 0x2b920 <= r && r <= 0x2ceaf || 0x2f800 <= r && r <= 0x2fa1f)
}

// within says whether r is in one of the stretches.
func within(stretches []rune, r rune) bool {
	i, found := slices.BinarySearch(stretches, r)
	return found || i%2 == 1
}
