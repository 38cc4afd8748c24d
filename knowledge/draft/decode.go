package draft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// Decode returns the characters of data, the name of the encoding they were in, and
// what is doubtful about them, "" for nothing. A byte order mark decides first, then zero bytes where UTF-16 has them,
// valid UTF-8, hint (the label of a declared encoding, "" when none is), and at
// last what the bytes look like; without any sign it is windows-1252, which
// covers Latin-1. What fits no character becomes U+FFFD.
func Decode(data []byte, hint string) (text, name, doubt string) {
	switch {
	case bytes.HasPrefix(data, []byte("\xEF\xBB\xBF")):
		return fromUTF8(data[3:])
	case bytes.HasPrefix(data, []byte("\xFF\xFE\x00\x00")) && len(data)%4 == 0:
		return fromUTF32(data[4:], binary.LittleEndian), "utf-32le", ""
	case bytes.HasPrefix(data, []byte("\x00\x00\xFE\xFF")):
		return fromUTF32(data[4:], binary.BigEndian), "utf-32be", ""
	case bytes.HasPrefix(data, []byte("\xFF\xFE")):
		return fromUTF16(data[2:], binary.LittleEndian), "utf-16le", ""
	case bytes.HasPrefix(data, []byte("\xFE\xFF")):
		return fromUTF16(data[2:], binary.BigEndian), "utf-16be", ""
	}
	even, odd, pairs := 0, 0, len(data)/2
	for i, c := range data {
		if c == 0 {
			if i%2 == 0 {
				even++
			} else {
				odd++
			}
		}
	}
	switch {
	case pairs >= 2 && odd*5 > pairs*2 && even*20 <= pairs:
		return fromUTF16(data, binary.LittleEndian), "utf-16le", ""
	case pairs >= 2 && even*5 > pairs*2 && odd*20 <= pairs:
		return fromUTF16(data, binary.BigEndian), "utf-16be", ""
	}
	if bytes.Contains(data, []byte("\x1B$")) && bytes.Contains(data, []byte("\x1B(")) {
		if s, ok := try(japanese.ISO2022JP, data); ok {
			return s, "iso-2022-jp", ""
		}
	}
	if utf8.Valid(data) {
		return string(data), "utf-8", ""
	}
	// An encoding that is declared and does not fit is a mistake in the file.
	if e, name := charset.Lookup(hint); e != nil && name != "utf-8" && !strings.HasPrefix(name, "utf-16") && name != "replacement" {
		if s, err := e.NewDecoder().Bytes(data); err == nil && bytes.Count(s, []byte("\uFFFD"))*100 <= len(s) {
			return string(s), name, ""
		}
	}
	if good, bad := sequences(data); good > 0 && good >= bad {
		return fromUTF8(data)
	}
	name, e := guess(data)
	s, _ := e.NewDecoder().Bytes(data)
	return string(s), name, "nothing says which encoding the file has; it was read as " + name
}

func fromUTF8(data []byte) (text, name, doubt string) {
	if utf8.Valid(data) {
		return string(data), "utf-8", ""
	}
	_, bad := sequences(data)
	return string(bytes.ToValidUTF8(data, []byte("\uFFFD"))), "utf-8", fmt.Sprintf("%d bytes are not valid UTF-8", bad)
}

// sequences counts the valid sequences of several bytes and the invalid bytes.
func sequences(data []byte) (good, bad int) {
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		data = data[n:]
	}
	return good, bad
}

func fromUTF16(data []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	return string(utf16.Decode(units))
}

func fromUTF32(data []byte, order binary.ByteOrder) string {
	var b strings.Builder
	for ; len(data) >= 4; data = data[4:] {
		r := rune(utf8.RuneError)
		if v := order.Uint32(data); v <= unicode.MaxRune {
			r = rune(v)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// try decodes and reports whether every byte fitted.
func try(e encoding.Encoding, data []byte) (string, bool) {
	s, err := e.NewDecoder().Bytes(data)
	return string(s), err == nil && !bytes.Contains(s, []byte("\uFFFD"))
}

const sampled = 64 << 10 // bytes that guess looks at

// guess names the encoding that bytes beyond ASCII, which are not UTF-8, look
// most like. It prefers windows-1252 unless the signs are clear.
func guess(data []byte) (string, encoding.Encoding) {
	whole := len(data) <= sampled
	data = data[:min(len(data), sampled)]
	high, inRuns := 0, 0
	for i := 0; i < len(data); {
		n := 0
		for i+n < len(data) && data[i+n] >= 0x80 {
			n++
		}
		high += n
		if n >= 3 {
			inRuns += n
		}
		i += max(n, 1)
	}
	if name, e := guessPairs(data, whole); e != nil {
		return name, e
	}
	// In Latin scripts, letters beyond ASCII stand alone or in pairs; in others whole words are made of them.
	if high >= 16 && inRuns*4 >= high*3 {
		if name, e := best(data, scripts, 70); e != nil {
			return name, e
		}
	}
	if name, e := best(data, latin, 0); e != nil {
		return name, e
	}
	return "windows-1252", charmap.Windows1252
}

// guessPairs tells the encodings in which two bytes make a character, by the
// characters that are common in each language.
func guessPairs(data []byte, whole bool) (string, encoding.Encoding) {
	for _, c := range []struct {
		name   string
		e      encoding.Encoding
		common func(r rune) bool
		share  int // percent of the characters beyond ASCII that must be common
	}{
		{"euc-jp", japanese.EUCJP, kana, 15},
		{"shift_jis", japanese.ShiftJIS, kana, 15},
		{"euc-kr", korean.EUCKR, func(r rune) bool { return unicode.Is(unicode.Hangul, r) }, 90},
		{"gb18030", simplifiedchinese.GB18030, nil, 90},
		{"big5", traditionalchinese.Big5, nil, 90},
		{"shift_jis", japanese.ShiftJIS, nil, 90}, // tables of names have no kana
	} {
		s, ok := "", false
		for drop := range 4 {
			if s, ok = try(c.e, data[:max(0, len(data)-drop)]); ok || whole {
				break // the sample may end within a character
			}
		}
		if !ok {
			continue
		}
		common := c.common
		if common == nil {
			if common = frequentHan(c.e); common == nil {
				continue
			}
		}
		n, hits := 0, 0
		for _, r := range s {
			switch {
			case r < 0x80 || r >= 0x3000 && r <= 0x3003 || r >= 0xFF00 && r <= 0xFF5E: // wide punctuation
			case common(r):
				hits++
				n++
			default:
				n++
			}
		}
		if c.e == japanese.ShiftJIS && c.common == nil && highBytes(data)*10 < n*14 {
			continue // signs of windows-1252, each before a letter, decode too
		}
		if n >= 6 && hits*100 >= n*c.share {
			return c.name, c.e
		}
	}
	return "", nil
}

func kana(r rune) bool { return r >= 0x3041 && r <= 0x30FE }

func highBytes(data []byte) (n int) {
	for _, c := range data {
		if c >= 0x80 {
			n++
		}
	}
	return n
}

// frequentHan admits the characters of a Chinese standard's first level: those
// of daily use come first in it.
func frequentHan(e encoding.Encoding) func(rune) bool {
	lo, hi := byte(0xB0), byte(0xD7) // GB 2312
	switch e {
	case traditionalchinese.Big5:
		lo, hi = 0xA4, 0xC6
	case japanese.ShiftJIS: // JIS X 0208
		lo, hi = 0x88, 0x97
	}
	enc := e.NewEncoder()
	return func(r rune) bool {
		b, err := enc.Bytes([]byte(string(r)))
		return err == nil && len(b) == 2 && b[0] >= lo && b[0] <= hi && (b[1] >= 0xA1 || lo != 0xB0) || lo == 0x88 && kana(r)
	}
}

// look is what text in an encoding of single bytes looks like.
type look struct {
	name     string
	table    *charmap.Charmap
	frequent string // the letters beyond ASCII that are most frequent
	letters  string // others that occur
}

const cyrillic = "бвгджзйпуфхцчшщъыьэюяёіїєґ"

// scripts are told by the frequency of their letters (the ten or so most
// frequent ones of each language, from common knowledge of its spelling).
var scripts = []look{
	{"windows-1251", charmap.Windows1251, "оеаинтсрвлкмд", cyrillic},
	{"koi8-r", charmap.KOI8R, "оеаинтсрвлкмд", cyrillic},
	{"ibm866", charmap.CodePage866, "оеаинтсрвлкмд", cyrillic},
	{"iso-8859-7", charmap.ISO8859_7, "αοιετσνηυρςκπ", "βγδζθλμξφχψωάέήίόύώϊϋ"},
	{"windows-1255", charmap.Windows1255, "יוהלאתרשנמב", "גדזחטךכםןסעףפץצק"},
	{"windows-1256", charmap.Windows1256, "اليمنوتبرعةدسف", "ءآأؤإئثجحخذزشصضطظغقكهىپچژگ،؟"},
}

// latin are told by the letters that occur at all.
var latin = []look{
	{"windows-1252", charmap.Windows1252, "äöüßéèêëàâçîïôûùñóíáúøåæõãœÄÖÜÉÈÀÇØÅÆÑ’‘“”„–—…€§°·«»®©²¿¡ªº", ""},
	{"windows-1250", charmap.Windows1250, "äöüßéáíóúýřěščžůťďňąęłśćźżńőűășţŘŠČŽŁŚŻÉÁÖÜ’‘“”„–—…€§°«»", ""},
	{"macintosh", charmap.Macintosh, "äöüßéèêëàâçîïôûùñóíáúøåæœÄÖÜÉÈÀÇ’‘“”–—…«»°", ""},
}

// best returns the look that fits data best, if it is at least floor percent of
// a perfect fit and clearly better than the first one when floor is 0.
func best(data []byte, looks []look, floor int) (string, encoding.Encoding) {
	var scores []int
	for _, l := range looks {
		weight := map[rune]int{}
		for _, r := range l.letters {
			weight[r] = 2
		}
		for _, r := range l.frequent {
			weight[r] = 4
		}
		score, n := 0, 0
		prev := ' '
		for _, c := range data {
			r := l.table.DecodeByte(c)
			if c >= 0x80 {
				n++
				w := weight[r]
				if low := unicode.ToLower(r); w == 0 && low != r && !unicode.IsLower(prev) {
					w = weight[low] * 3 / 4 // a capital begins a word or follows another
				}
				score += w
			}
			prev = r
		}
		scores = append(scores, score*100/max(1, 4*n))
	}
	at := 0
	for i, s := range scores {
		if s > scores[at] && (floor > 0 || s >= scores[0]+15) {
			at = i
		}
	}
	if scores[at] < floor || floor == 0 && scores[at] < 75 {
		return "", nil
	}
	return looks[at].name, looks[at].table
}
