// Package page is the common look of all pages.
//
// It turns values of the vocabulary into HTML that reads without scripts. Every
// word of a document goes through Clean and html/template's escaping, so no
// document can add markup. The style sheet, the script and the icon are Files.
package page

import (
	"embed"
	"html/template"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"groundwork/knowledge"
)

// Files holds style.css, ask.js and icon.svg.
//
//go:embed style.css ask.js icon.svg
var Files embed.FS

//go:embed *.html
var sources embed.FS

var look = template.Must(template.ParseFS(sources, "*.html"))

// Empty writes the page that waits for a question. documents is how many the
// asker may read.
func Empty(w io.Writer, documents int) error {
	return look.ExecuteTemplate(w, "ask.html", map[string]any{"Title": "Groundwork", "Question": "", "Documents": documents})
}

// Answer writes the page of a question and its answer.
func Answer(w io.Writer, a knowledge.Answer) error {
	v := NewStream(a.Question).answer(a)
	return look.ExecuteTemplate(w, "ask.html", map[string]any{"Title": v.Question + " - Groundwork", "Question": v.Question, "Answer": v})
}

// Problem writes the page of an error: what happened, and the next move.
// question is kept in the box; "" shows no box.
func Problem(w io.Writer, title, message, next, question string) error {
	return look.ExecuteTemplate(w, "problem.html", map[string]any{"Title": title, "Message": begun(message), "Next": begun(next), "Question": Clean(question)})
}

// begun writes a text as sentences begin.
func begun(s string) string {
	if s == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(s)
	return Clean(string(unicode.ToUpper(r)) + s[n:])
}

// Excerpt writes the page of a cited span in its surroundings. question leads
// back to the answer; "" does not.
func Excerpt(w io.Writer, e knowledge.Excerpt, question string) error {
	d := e.Document
	v := map[string]any{
		"Title": Clean(d.Title), "Where": where(d.Title, e.Heading, ""), "Document": Clean(string(d.ID)), "Place": Clean(e.Place),
		"Date": Dated(d.Date(), !d.Dated.IsZero()), "State": e.State, "Pointer": e.Citation.Pointer.String(), "Question": Clean(question),
		"Version": d.Version.Short(),
	}
	if e.State == knowledge.Holds {
		from, to := Surroundings(d.Text, e.Start, e.End, 1500)
		v["Before"], v["Span"], v["After"] = Clean(d.Text[from:e.Start]), Clean(d.Text[e.Start:e.End]), Clean(d.Text[e.End:to])
		v["Cut"], v["More"] = from > 0, to < len(d.Text)
	}
	return look.ExecuteTemplate(w, "open.html", v)
}

// Stream renders the pieces of one answer as they come, numbering its citations
// through: one number per pointer.
type Stream struct {
	question string
	numbers  map[string]int
}

// NewStream returns the Stream of a question.
func NewStream(question string) *Stream {
	return &Stream{question: Clean(question), numbers: map[string]int{}}
}

// Sentence returns a sentence as a piece of HTML.
func (s *Stream) Sentence(x knowledge.Sentence) (string, error) {
	return render("sentence", s.sentence(x))
}

// Answer returns the whole answer as HTML; the sentences in it look as Sentence
// showed them.
func (s *Stream) Answer(a knowledge.Answer) (string, error) { return render("answer", s.answer(a)) }

func render(name string, v any) (string, error) {
	var b strings.Builder
	err := look.ExecuteTemplate(&b, name, v)
	return b.String(), err
}

// What the templates read. Every string in it is clean.
type (
	answerView struct {
		Question  string
		Answered  bool
		Refusal   string
		Sentences []sentenceView
		Nearest   []citedView
		May       bool // Nearest may be the answer
		Warnings  []string
		Quoted    bool // all of it is word for word
	}
	sentenceView struct {
		Says      words
		Support   string
		Citations []citedView
		Conflicts []conflictView
	}
	citedView struct {
		Number                         int
		Where, Date, Pointer, Question string
		Quote                          words
	}
	// words are the pieces of a text, or the rows of a table.
	words struct {
		Pieces []Piece
		Rows   [][][]Piece
	}
	conflictView struct {
		Replaced     bool
		Newer, Older citedView
	}
)

func wordsOf(text string, marks [][2]int) words {
	pieces := Pieces(text, marks)
	return words{pieces, Rows(pieces)}
}

func (s *Stream) cited(c knowledge.Cited) citedView {
	pointer := c.Pointer.String()
	if s.numbers[pointer] == 0 {
		s.numbers[pointer] = len(s.numbers) + 1
	}
	return citedView{s.numbers[pointer], where(c.Title, c.Heading, c.Place), Dated(c.Date, c.Dated), pointer, s.question, wordsOf(c.Quote, nil)}
}

func (s *Stream) sentence(x knowledge.Sentence) sentenceView {
	v := sentenceView{Says: wordsOf(x.Text, x.Marks), Support: "checked against its source"}
	if x.Support == knowledge.Quoted {
		v.Support = "word for word"
	}
	for _, c := range x.Citations {
		v.Citations = append(v.Citations, s.cited(c))
	}
	return v
}

func (s *Stream) answer(a knowledge.Answer) answerView {
	v := answerView{Question: s.question, Answered: a.Answered, Refusal: Clean(a.Refusal), Quoted: true}
	for _, x := range a.Sentences {
		v.Sentences = append(v.Sentences, s.sentence(x))
		v.Quoted = v.Quoted && x.Support == knowledge.Quoted
	}
	for _, k := range a.Conflicts { // each stands once, below the first sentence that it is about
		for i, x := range a.Sentences {
			if about(x, k) {
				v.Sentences[i].Conflicts = append(v.Sentences[i].Conflicts, conflictView{k.Kind == knowledge.Replaced, s.cited(k.Newer), s.cited(k.Older)})
				break
			}
		}
	}
	v.May = a.Grade == knowledge.MayAnswer
	for i, f := range a.Nearest {
		v.Nearest = append(v.Nearest, citedView{i + 1, where(f.Title, f.Heading, f.Place), Dated(f.Date(), !f.Dated.IsZero()), PointerOf(f.Passage), s.question, wordsOf(f.Text, nil)})
	}
	for _, w := range a.Warnings {
		v.Warnings = append(v.Warnings, Clean(w))
	}
	return v
}

// about reports whether a sentence cites one of the two documents.
func about(x knowledge.Sentence, k knowledge.Conflict) bool {
	for _, c := range x.Citations {
		if c.Document == k.Newer.Document || c.Document == k.Older.Document {
			return true
		}
	}
	return false
}

// where names a spot as people do: title, headings, place.
func where(title string, heading []string, place string) string {
	s := strings.Join(append([]string{title}, heading...), " › ")
	if place != "" {
		s += ", " + place
	}
	return Clean(s)
}
