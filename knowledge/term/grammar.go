package term

import "strings"

// Grammar reports whether the token is a word that makes a sentence a question
// or stands for whoever asks ("how", "many", "does", "my"): it says nothing
// about what is asked. Documents keep such words; questions are searched
// without them.
func (t Token) Grammar() bool { return grammar[t.Word] }

// Content returns the stems of a question's words without its grammar; all its
// stems when nothing else is left.
func Content(question string) []string {
	var content, all []string
	for _, t := range Tokens(question) {
		if t.Stem == "" {
			continue
		}
		all = append(all, t.Stem)
		if !t.Grammar() {
			content = append(content, t.Stem)
		}
	}
	if len(content) == 0 {
		return all
	}
	return content
}

// grammar is read only.
var grammar = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(`what which who whom whose when where why how do does did done doing can could may
		might must shall should would will have has had having am was were been being i me my mine we us our ours you
		your yours he she him her his they them it its anybody anyone somebody someone everybody everyone nobody
		anything something nothing else already ever yet still just also really please tell say know find get got give
		need want like about any some all from so than too very there here up out off over under again more most much
		many long whether while during before after between because until whats whos wheres hows im dont doesnt cant
		ive id isnt arent one ones thing things way let make makes made take takes use used if`) {
		m[w] = true
	}
	return m
}()
