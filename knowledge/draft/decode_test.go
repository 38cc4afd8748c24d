package draft

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

func units(s string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

func wide(s string, order binary.AppendByteOrder) []byte {
	var b []byte
	for _, r := range s {
		b = order.AppendUint32(b, uint32(r))
	}
	return b
}

func encoded(t *testing.T, e encoding.Encoding, s string) []byte {
	t.Helper()
	b, err := e.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecode(t *testing.T) {
	const german = "Der Kran am Dock wird geprüft. Größe und Höhe stehen im Anhang."
	const emoji = "crane 🏗 and hook, nothing else"
	le, be := binary.LittleEndian, binary.BigEndian
	latin1 := func(s string) []byte { return encoded(t, charmap.Windows1252, s) }
	for name, c := range map[string]struct {
		data []byte
		hint string
		want string
		enc  string
	}{
		"empty":            {nil, "", "", "utf-8"},
		"ascii":            {[]byte("words"), "", "words", "utf-8"},
		"utf-8":            {[]byte(german), "", german, "utf-8"},
		"utf-8 with mark":  {[]byte("\uFEFF" + german), "", german, "utf-8"},
		"utf-16le mark":    {append([]byte("\xFF\xFE"), units(emoji, le)...), "", emoji, "utf-16le"},
		"utf-16be mark":    {append([]byte("\xFE\xFF"), units(emoji, be)...), "", emoji, "utf-16be"},
		"utf-16le no mark": {units(german, le), "", german, "utf-16le"},
		"utf-16be no mark": {units(german, be), "", german, "utf-16be"},
		"utf-16le short":   {units("hi", le), "", "hi", "utf-16le"},
		"utf-16le odd":     {append(units("hello", le), 'x'), "", "hello", "utf-16le"},
		"utf-32le mark":    {append([]byte("\xFF\xFE\x00\x00"), wide(emoji, le)...), "", emoji, "utf-32le"},
		"utf-32be mark":    {append([]byte("\x00\x00\xFE\xFF"), wide(emoji, be)...), "", emoji, "utf-32be"},
		"utf-32 too large": {append([]byte("\xFF\xFE\x00\x00"), "\xFF\xFF\xFF\x7F"...), "", "\uFFFD", "utf-32le"},
		"latin-1":          {latin1(german), "", german, "windows-1252"},
		"declared":         {encoded(t, charmap.Windows1251, "да"), "windows-1251", "да", "windows-1251"},
		"declared latin-1": {latin1("Größe"), "ISO-8859-1", "Größe", "windows-1252"},
		"utf-8 wins":       {[]byte(german), "iso-8859-1", german, "utf-8"},
		"declared wrongly": {latin1(german), "utf-8", german, "windows-1252"},
		"declared utf-16":  {latin1(german), "utf-16", german, "windows-1252"},
		"unknown label":    {latin1(german), "nonsense", german, "windows-1252"},
		"broken utf-8":     {[]byte("Größe \xff Höhe"), "", "Größe \uFFFD Höhe", "utf-8"},

		"french":     {latin1("La grue est révisée toutes les neuf semaines. Où ça ? À côté."), "", "La grue est révisée toutes les neuf semaines. Où ça ? À côté.", "windows-1252"},
		"spanish":    {latin1("¿Cuándo revisan la grúa? Mañana por la mañana, según el plan."), "", "¿Cuándo revisan la grúa? Mañana por la mañana, según el plan.", "windows-1252"},
		"swedish":    {latin1("Kranen på kaj sju ses över var nionde vecka, även om åskan går."), "", "Kranen på kaj sju ses över var nionde vecka, även om åskan går.", "windows-1252"},
		"portuguese": {latin1("A inspeção não será adiada; os guindastes estão prontos."), "", "A inspeção não será adiada; os guindastes estão prontos.", "windows-1252"},
		"one sign":   {latin1("5 €"), "", "5 €", "windows-1252"},
		"capitals":   {latin1("ÄNDERUNG DER GRÖSSE: ÜBERPRÜFUNG FÄLLIG, ÖLSTÄNDE MESSEN"), "", "ÄNDERUNG DER GRÖSSE: ÜBERPRÜFUNG FÄLLIG, ÖLSTÄNDE MESSEN", "windows-1252"},
		"quotes":     {latin1("“Hooks” – the keeper’s words… and “more”"), "", "“Hooks” – the keeper’s words… and “more”", "windows-1252"},
	} {
		got, enc, _ := Decode(c.data, c.hint)
		if got != c.want || enc != c.enc {
			t.Errorf("%s: %q as %s, want %q as %s", name, got, enc, c.want, c.enc)
		}
	}
}

// TestDecodeGuess encodes sentences in what nothing declares and wants them back.
func TestDecodeGuess(t *testing.T) {
	const russian = "Кран на седьмом причале проверяют каждые девять недель. Запасные крюки лежат в синем шкафу."
	for name, c := range map[string]struct {
		e encoding.Encoding
		s string
	}{
		"shift_jis":    {japanese.ShiftJIS, "七番埠頭のクレーンは九週間ごとに点検する。"},
		"euc-jp":       {japanese.EUCJP, "七番埠頭のクレーンは九週間ごとに点検する。"},
		"iso-2022-jp":  {japanese.ISO2022JP, "七番埠頭のクレーンは九週間ごとに点検する。"},
		"gb18030":      {simplifiedchinese.GB18030, "七号码头的起重机每九周检修一次。备用吊钩放在潮位仪后面的蓝色柜子里。"},
		"big5":         {traditionalchinese.Big5, "七號碼頭的起重機每九週檢修一次。備用吊鉤放在藍色櫃子裡。"},
		"euc-kr":       {korean.EUCKR, "일곱 번째 부두의 크레인은 구 주마다 점검한다."},
		"windows-1251": {charmap.Windows1251, russian},
		"koi8-r":       {charmap.KOI8R, russian},
		"ibm866":       {charmap.CodePage866, russian},
		"iso-8859-7":   {charmap.ISO8859_7, "Ο γερανός ελέγχεται κάθε εννέα εβδομάδες."},
		"windows-1255": {charmap.Windows1255, "המנוף נבדק כל תשעה שבועות."},
		"windows-1256": {charmap.Windows1256, "تفحص الرافعة كل تسعة أسابيع."},
		"windows-1250": {charmap.Windows1250, "Jeřáb v přístavu se kontroluje každý devátý týden."},
		"macintosh":    {charmap.Macintosh, "La grue est révisée toutes les neuf semaines. Où ça ?"},
	} {
		for _, s := range []string{c.s, strings.Repeat(c.s+"\n", 3000)} { // longer than the sample
			got, enc, doubt := Decode(encoded(t, c.e, s), "")
			if got != s || enc != name {
				t.Errorf("%s: read as %s: %.80q", name, enc, got)
			}
			if doubt == "" && name != "iso-2022-jp" {
				t.Errorf("%s: a guess without a warning", name)
			}
		}
	}
}

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb\rc\nd\r\r\ne":          "a\nb\nc\nd\n\ne",
		"\uFEFFmark \uFEFFinside":      "mark inside",
		"nfd u\u0308ber":               "nfd über",
		"\x1b[31mred\x07\tbell\x00\f.": " [31mred \tbell  .",
		"c1 \u0085\u009f del \x7f":     "c1    del  ",
		"u\uFEFF\u0308":                "ü",
		"invoice\u202Etxt.exe\u202D":   "invoicetxt.exe",
		"plain\U000E0069\U000E0067":    "plain",
		"zero\u200bwidth soft\u00adhy": "zero\u200bwidth soft\u00adhy",
	} {
		if got := Normalise([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
