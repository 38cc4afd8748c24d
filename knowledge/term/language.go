package term

import (
	"strings"
	"unicode"
)

// Language guesses the language of a question from its script and its grammar
// words: a BCP 47 primary tag, or "" where neither tells. A few words are enough;
// names and technical words alone are not.
func Language(text string) string {
	letters, kana := 0, 0
	script := map[string]int{}
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		letters++
		if unicode.In(r, unicode.Hiragana, unicode.Katakana) {
			kana++
		}
		for _, s := range scripts {
			if unicode.Is(s.table, r) {
				script[s.tag]++
			}
		}
	}
	for _, s := range scripts {
		if n := script[s.tag]; n*4 < letters || n == 0 { // a foreign name in a question does not make its language
			continue
		}
		if s.tag == "zh" && kana > 0 {
			return "ja"
		}
		return s.tag
	}
	best, most, tied := "", 0, false
	for _, l := range grammars {
		n := 0
		for w := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
			if strings.Contains(l.words, " "+w+" ") {
				n++
			}
		}
		switch {
		case n > most:
			best, most, tied = l.tag, n, false
		case n == most && n > 0 && best != "en":
			tied = true
		}
	}
	if tied {
		return ""
	}
	return best
}

// scripts that tell a language, or stand for the most used one.
var scripts = []struct {
	tag   string
	table *unicode.RangeTable
}{
	{"ja", unicode.Hiragana}, {"ja", unicode.Katakana}, {"zh", unicode.Han}, {"ko", unicode.Hangul}, {"ru", unicode.Cyrillic},
	{"el", unicode.Greek}, {"ar", unicode.Arabic}, {"he", unicode.Hebrew}, {"hi", unicode.Devanagari}, {"th", unicode.Thai},
}

// grammars are the grammar words of languages in Latin letters, English first: it
// wins a tie.
var grammars = []struct{ tag, words string }{
	{"en", " the a an of to in on for with from at by and or not no is are was were be been do does did has have had can could should would will must may what which who whom whose when where why how my our your we you they i it its this that these those there if than then any per many much long often "},
	{"de", " der die das den dem des ein eine einen einem einer und oder nicht kein keine ist sind war wird werden wurde hat haben habe hatte kann können darf muss müssen soll was welche welcher welches wer wem wen wann wo wohin warum wie viel viele lange oft mein meine unser unsere ich wir sie man es im in am an auf aus bei für mit nach von vom zu zum zur über unter um bis pro gibt wenn dass auch noch "},
	{"fr", " le la les un une des du de et ou pas ne est sont était a ont peut doit que qui quoi quel quelle quels quelles quand où pourquoi comment combien mon ma mes notre nos je nous vous il elle on ce cette ces dans sur pour avec par au aux en si "},
	{"es", " el la los las un una unos unas de del y o no es son era fue ha han puede debe que qué quién cuál cuáles cuándo dónde cómo cuánto cuántos cuántas mi nuestro nuestra yo nosotros se este esta estos en por para con al si hay "},
	{"it", " il lo la i gli le un uno una di del della dei e o non è sono era ha hanno può deve che chi quale quali quando dove perché come quanto quanti mio nostro io noi si questo questa in per con al alla da se "},
	{"pt", " o a os as um uma de do da dos das e ou não é são era foi tem pode deve que quem qual quais quando onde como quanto quantos meu nosso eu nós se este esta em no na por para com ao "},
	{"nl", " de het een van en of niet geen is zijn was wordt heeft hebben kan moet mag wat welke wie wanneer waar waarom hoe veel mijn ons onze ik wij we je men dit dat deze die in op aan bij voor met naar uit om tot per als er "},
}
