package knowledge

import (
	"time"

	"groundwork/model"
)

// Question is what somebody asks.
type Question struct {
	Text  string
	Model string // a configured model's name; "none" or "" quotes without one
	Steps int    // bound on tool uses; 0 takes the default
}

// Support says how a sentence is known to follow from what it cites.
type Support string

// The kinds of support.
const (
	Quoted  Support = "quoted"  // it is the cited text itself
	Checked Support = "checked" // it was compared with the cited text and follows from it
)

// Cited is a citation as an answer shows it.
type Cited struct {
	Citation
	Title   string
	Heading []string
	Place   string
	Date    time.Time // the document's date
	Dated   bool      // Date is stated by the document itself, not the file's time
	State   State
}

// Sentence is one statement of an answer.
type Sentence struct {
	Text      string
	Support   Support
	Citations []Cited  // at least one
	Also      []Cited  // the same text on other pages the asker may read
	Marks     [][2]int // byte ranges in Text that answer
}

// Found is one passage of a ranking with the scores that placed it.
type Found struct {
	Passage
	Score float64
	Legs  map[string]Placed // by leg: words, titles, documents, meaning
}

// Placed is a passage's place in one leg.
type Placed struct {
	Rank  int // from 1
	Score float64
}

// Ranking is what a search found.
type Ranking struct {
	Found    []Found        // best first
	Visible  int            // passages the asker may see
	Encoded  int            // of them, those that were compared with Vector
	Known    map[string]int // per stem of the question: visible passages that hold it
	Vector   []float32      // of the question; nil where it was found by words alone
	Apart    float64        // how far the best cosine with Vector stands above the mean of ranks 10 to 60; 0 without a Vector
	Warnings []string       // in whole sentences, for whoever asked
	Failed   error          // of the encoder, where its place was taken by words; also among Warnings
	Spent    model.Spent    // by the encoder
	Took     time.Duration
}

// ConflictKind says how two statements stand to each other.
type ConflictKind string

// The kinds of conflict.
const (
	Replaced      ConflictKind = "replaced"      // the newer document says that it replaces the older
	Contradiction ConflictKind = "contradiction" // two documents say different things of the same
)

// Conflict is a pair of statements that do not both hold.
type Conflict struct {
	Kind         ConflictKind
	Newer, Older Cited
}

// Step is one thing that was done to find an answer.
type Step struct {
	Tool  string // search, open, quote
	Input string
	Found int
	Took  time.Duration
}

// Grade says how sure an answer is that the passages hold one.
type Grade string

// The grades of an answer.
const (
	Answers   Grade = "answered"  // it shows what answers
	MayAnswer Grade = "maybe"     // it shows passages only: they may
	NotFound  Grade = "not found" // it shows the nearest passages
)

// Answer is what Groundwork says to a question: sentences with citations, or a
// refusal with the nearest passages.
type Answer struct {
	Question   string
	Answered   bool    // Grade is Answers
	Grade      Grade   // Confidence compared with thresholds; found by words alone it is never MayAnswer
	Confidence float64 // 0 to 1: how sure it is that the passages hold an answer
	Refusal    string  // why not, in a sentence; "" when Answered
	Sentences  []Sentence
	Nearest    []Found // without an answer; those that may be it first
	Conflicts  []Conflict
	Steps      []Step
	Spent      model.Spent // Took is of the whole answer
	Warnings   []string
}

// Part is a piece of an answer as it comes: exactly one field is set.
type Part struct {
	Step     *Step
	Sentence *Sentence
}
