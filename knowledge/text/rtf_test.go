package text

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge"
	"groundwork/knowledge/readingtest"
)

func TestRTF(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"paragraphs":         {`{\rtf1\ansi one\par two\line three\par}`, []string{"paragraph: one", "paragraph: two\nthree"}},
		"code pages":         {`{\rtf1\ansi\ansicpg1250 za\'bf\'f3\'b3\'e6{\f1  \'bf}}`, []string{"paragraph: zażółć ż"}},
		"a font's own":       {`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}}\f0 caf\'e9 \f1\'d3\'e2 \f2\'93\'fa\'96\'7b\par}`, []string{"paragraph: café Ув 日本"}},
		"unicode":            {`{\rtf1\ansi\uc1 \u8364? 5 na\u239\'efve \uc2\u24180\'94\'4e! \uc0\u228 x}`, []string{"paragraph: € 5 naïve 年! äx"}},
		"surrogates":         {`{\rtf1\u-10240?\u-8398? \u-10240? \u-9216?x}`, []string{"paragraph: \U00010332 \uFFFD \uFFFDx"}},
		"signs":              {`{\rtf1 a\emdash b\~c\_d\-e \{x\} \lquote y\rquote  \bullet\tab z}`, []string{"paragraph: a—b\u00A0c-de {x} ‘y’ •\tz"}},
		"styles":             {`{\rtf1{\stylesheet{\s0 Normal;}{\s1\b heading 1;}{\s7\outlinelevel1 Own;}}\pard\s1 Top\par\pard\s7 Sub\par\pard\s0 text\par\pard\outlinelevel2 Third\par}`, []string{"heading 1: Top", "heading 2: Sub", "paragraph: text", "heading 3: Third"}},
		"lists":              {`{\rtf1\pard{\listtext\pard\plain 1.\tab}\ls1\ilvl0 one\par{\listtext 2.\tab}\ilvl1 two\par\pard{\pntext\'B7\tab}three\par\pard four\par}`, []string{"item 1: 1. one", "item 2: 2. two", "item 1: three", "paragraph: four"}},
		"a table":            {`{\rtf1 before\par\trowd\cellx1\pard\intbl a\cell b\par c\cell\row\trowd\pard\intbl d\cell e|f\cell\row\pard after\par}`, []string{"paragraph: before", "row: | a | b c |", `row: | d | e\|f |`, "paragraph: after"}},
		"a footnote":         {`{\rtf1\pard one{\footnote\pard\plain aside\par more} two\par three\par}`, []string{"paragraph: one two", "paragraph: aside\nmore", "paragraph: three"}},
		"what nobody reads":  {`{\rtf1{\info{\title The title}{\author Ann}}{\header\pard head\par}{\*\unknown x}{\pict 00ff}{\field{\*\fldinst HYPERLINK "x"}{\fldrslt link}} {\shptxt in a box} end}`, []string{"paragraph: link  end", "paragraph: in a box"}},
		"binary data":        {"{\\rtf1 a{\\pict\\bin5 }}}}}}b}", []string{"paragraph: ab"}},
		"what follows it":    {`{\rtf1 a}b}}}`, []string{"paragraph: a"}},
		"a star that is odd": {`{\rtf1 {\i0\*\cs7 words}}`, []string{"paragraph: words"}},
	} {
		r := Read("a.rtf", []byte(c.in))
		readingtest.Sound(t, name, r)
		if d := cmp.Diff(c.want, readingtest.Show(r)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	r := Read("some notice.doc", []byte(`{\rtf1{\info{\title The  title}}a{\v hidden words}{\deleted gone}\par`))
	if r.Title != "The title" || r.Format != "rtf" || r.Text != "a" || strings.Join(r.Warnings, "; ") != "left out hidden text (15 characters); it is cut off: groups in it are not closed" {
		t.Errorf("%+v", r)
	}
	for in, want := range map[string]knowledge.Outcome{"": knowledge.Damaged, "{\\rtf1}": knowledge.Empty, "text": knowledge.Damaged, strings.Repeat("{", 100): knowledge.Damaged,
		"{\\rtf1" + strings.Repeat("{a", 30000): knowledge.Damaged, "{\\rtf1 " + strings.Repeat("\x01\x02\x8d\x0e", 400): knowledge.Damaged} {
		if r := Read("a.rtf", []byte(in)); r.State != want || r.Reason == "" {
			t.Errorf("%.20q: %s, %q", in, r.State, r.Reason)
		}
	}
}

func FuzzRTF(f *testing.F) {
	fuzzBytes(f, "a.rtf", `{\rtf1\ansi\ansicpg932{\fonttbl{\f1\fcharset128 A;}}\f1\'93\'fa\u-10240?\u-8398?{\footnote a}\par\trowd\intbl b\cell\row}`,
		`{\rtf1{\stylesheet{\s1 heading 1;}}\s1 a\par{\listtext 1.}b\par{\*\shpinst{\sp{\sn a}}{\shptxt c}}\bin3 }}}`, `{\rtf1\uc9\u1`, `{\rtf1 \'`, `{\rtf1\bin-5 \u99999999999 \fcharset`)
}
