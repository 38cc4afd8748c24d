package knowledge

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"
)

// Query is a question as the legs take it: analysed by knowledge/term.
type Query struct {
	Stems  []string  // stemmed terms, for passages and titles
	Words  []string  // unstemmed terms, for whole documents
	Vector []float32 // of the question, of any length but 0; nil asks for the legs by words alone
	Mark   string    // names the model that made Vector; only its vectors are compared with it
	Top    int       // hits wanted per leg; 0 gives 100
}

// Hit is one scored passage of one leg: numbers, never text.
type Hit struct {
	Passage  PassageID
	Document int64   // the collection's number of the document; equal for passages of one document
	Score    float64 // the leg's own raw score; the higher, the better
}

// Legs holds each leg's ranking, best first. Legs over whole documents name the
// document's first passage.
type Legs struct {
	Passages []Hit          // stems in passages, BM25
	Titles   []Hit          // stems in title and path, BM25
	Words    []Hit          // unstemmed words in whole documents, BM25
	Meaning  []Hit          // cosine with Query.Vector, -1 to 1; empty without one
	Visible  int            // passages the asker may see
	Encoded  int            // of them, those with a vector of Query.Mark; 0 for a query without a vector
	Bare     []PassageID    // of them, those without, in order; nil for a query without a vector, and where none has one
	Known    map[string]int // per stem of the query: visible passages that hold it
}

// Excerpt is a cited span in its surroundings.
type Excerpt struct {
	Citation Citation
	State    State
	Start    int // where the span stands now; meaningless unless Holds or Moved
	End      int
	Document Document // what the asker may see of the document: all of it
	Heading  []string
	Place    string
}

// Summary is a document without its words.
type Summary struct {
	ID       DocumentID
	Version  Hash
	Title    string
	Modified time.Time
	Dated    time.Time
	Replaces []DocumentID
	Asked    *Readers // as in Document
	Readers  Readers
	Passages int
}

// Filter narrows a listing. Its zero value admits everything the asker may see.
type Filter struct {
	Source string // only this source
	Path   string // only this path, or the paths below it when it ends in "/"
	// Replaces admits only documents that say they replace this one; it does not
	// narrow a Ledger.
	Replaces DocumentID
}

// View is the collection as one asker may see it: the only way to text. A denied
// document and a missing one are alike in every answer, error and count.
type View interface {
	// Legs ranks passages. The filter acts before ranking: document frequencies,
	// lengths and counts come from what the asker may see and nothing else.
	Legs(context.Context, Query) (Legs, error)
	// Passages returns the passages in the order asked for; denied and missing
	// ones are left out alike.
	Passages(context.Context, []PassageID) ([]Passage, error)
	// Document returns a document with its text, or a fault of kind Missing.
	Document(context.Context, DocumentID) (Document, error)
	// Open returns a cited span in its surroundings, with its state; what is
	// gone or denied has state Gone and no text.
	Open(context.Context, Citation) (Excerpt, error)
	// Documents lists what the asker may see, ordered by ID.
	Documents(context.Context, Filter) ([]Summary, error)
}

// Outcome says what became of a file.
type Outcome string

// The outcomes of reading a file, as status prints them.
const (
	Indexed       Outcome = "indexed"
	HeldBack      Outcome = "held back"
	NeedsPassword Outcome = "needs password"
	Damaged       Outcome = "damaged"
	Unsupported   Outcome = "unsupported"
	TooLarge      Outcome = "too large"
	Empty         Outcome = "empty"
	Excluded      Outcome = "excluded"
	Waiting       Outcome = "waiting"
)

// Entry is one line of the ledger: what became of one file, and why.
type Entry struct {
	Source    string
	Path      string
	State     Outcome
	Reason    string    // in plain words; never a value that screening found
	Origin    Hash      // of the bytes read; zero when they were not
	Version   Hash      // of the text; zero unless Indexed
	Recipe    string    // that led to State
	Size      int64     // bytes
	Modified  time.Time // of the file
	At        time.Time // when State was last established
	Tries     int       // failed tries since the file last changed
	MovedFrom string    // the path this file had before; "" if it did not move
	Readers   Readers   // who may know of this entry
}

// Change is one file's new condition: Apply makes the record, the index and the
// ledger agree with it.
type Change struct {
	Entry    Entry
	Document *Document // nil: whatever was there is deleted, only the entry is kept
	Passages []Passage // of Document; ID is assigned by the collection
	Vanished bool      // the file is no more: the entry goes too
}

// Origin is one source as the collection remembers it.
type Origin struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"`     // "folder"
	Location string    `json:"location"` // absolute path or address
	Readers  Readers   `json:"readers"`
	Models   string    `json:"models"` // none, local or any: where its passages may go
	Synced   time.Time `json:"synced,omitzero"`
}

// Collection is the store of record. Writes come from one writer; reads go on
// beside them and see whole changes only.
type Collection interface {
	// Apply carries out the changes in one transaction: all or none.
	Apply(context.Context, ...Change) error
	// View returns what the asker may see.
	View(Asker) View
	// Ledger lists entries ordered by source and path.
	Ledger(context.Context, Filter) iter.Seq2[Entry, error]
	// SetReaders changes the readers of a source and of its documents, without
	// new versions. per returns the readers of one document.
	SetReaders(ctx context.Context, source string, readers Readers, per func(DocumentID) Readers) error
	// Forget deletes what is selected, leaves a tombstone for each of its files
	// and overwrites what storage still holds of the words. A document's entry
	// stays, excluded and for the owner alone; of a source nothing stays. Doing it again is no error and
	// tries again to overwrite. Missing: it never knew what is selected.
	Forget(ctx context.Context, what Selector, at time.Time) (Proof, error)
	// Readmit lifts the tombstones that keep what is selected away, and returns
	// how many; the next sync brings back what is still on disk. Missing: none does.
	Readmit(context.Context, Selector) (int, error)
	// Tombstones lists all of them, ordered by Place.
	Tombstones(context.Context) ([]Tombstone, error)
	// Unencoded lists, in order of their numbers, the first n passages after the
	// passage after that have no vector of the mark; of passages that are encoded
	// alike only the first. admits says whether passages of a source may go to the
	// model; nil admits all. Of a source that was never told only Name is known.
	Unencoded(ctx context.Context, mark string, admits func(Origin) bool, after PassageID, n int) ([]Unencoded, error)
	// PutVectors stores the vectors of a model in one transaction. One whose key no
	// passage has, or that is there already, is dropped. Input: a vector of another
	// length than the mark has, or with a value that is no finite number.
	PutVectors(ctx context.Context, mark string, vectors []Vector) error
	// Vectors counts the passages that have a vector of the mark, and those that
	// wait for one; admits as in Unencoded.
	Vectors(ctx context.Context, mark string, admits func(Origin) bool) (have, waiting int, err error)
	// Marks returns the marks of which there are vectors, and how many vectors.
	Marks(context.Context) (map[string]int, error)
	// DropVectors deletes all vectors of a mark; none is no error.
	DropVectors(ctx context.Context, mark string) error
}

// Unencoded is a passage that waits for a vector.
type Unencoded struct {
	Passage PassageID
	Key     Hash   // of Text
	Text    string // Passage.Encoded
}

// Vector is what a model made of a text: its values, and the key of the text. The
// collection keeps it as long as a passage has that key, at unit length.
type Vector struct {
	Key    Hash
	Values []float32
}

// Encoded is what a model gets of a passage: the title, the headings (without a
// first one that repeats the title) and the text, each on a line of its own.
func (p Passage) Encoded() string {
	parts := []string{p.Title}
	for i, h := range p.Heading {
		if i > 0 || h != p.Title {
			parts = append(parts, h)
		}
	}
	parts = slices.DeleteFunc(append(parts, p.Text), func(s string) bool { return s == "" })
	return strings.Join(parts, "\n")
}

// Key names what Encoded returns: passages with the same key share their vectors.
func (p Passage) Key() Hash { return HashOf([]byte(p.Encoded())) }

// Selector names what to forget: one document with the files in it, whose paths
// go on with "!/", or with Path "" a whole source.
type Selector struct{ Source, Path string }

// Selects reports whether the file at a path of a source is among what is named.
func (s Selector) Selects(source, path string) bool {
	return source == s.Source && (s.Path == "" || path == s.Path || strings.HasPrefix(path, s.Path+"!/"))
}

// ParseSelector reads "SOURCE" or "SOURCE/PATH".
func ParseSelector(s string) Selector {
	source, path, _ := strings.Cut(s, "/")
	return Selector{source, path}
}

// String returns the form that ParseSelector reads.
func (s Selector) String() string {
	if s.Path == "" {
		return s.Source
	}
	return string(ID(s.Source, s.Path))
}

// Tombstone keeps a forgotten file from coming back. It holds hashes, no names
// and no words.
type Tombstone struct {
	Source Hash      // of the source's name
	Place  Hash      // of the DocumentID: whatever stands there now stays away
	Origin Hash      // of the bytes, which stay away wherever they stand; zero when unknown, lifted, or held by a document that was not forgotten
	At     time.Time // when it was forgotten
}

// Reason says, for the ledger, why the file at id stays away.
func (t Tombstone) Reason(id DocumentID) string {
	subject := ""
	if t.Place != HashOf([]byte(id)) {
		subject = "these bytes were "
	}
	return subject + "forgotten on " + t.At.UTC().Format(time.DateOnly) + "; groundwork forget --undo " + string(id) + " lifts it"
}

// Forgotten returns the judge of files by tombstones: why the file at a place, or
// these bytes anywhere, must stay away; "" when it may come in. An origin that is
// not known yet is zero.
func Forgotten(all []Tombstone) func(DocumentID, Hash) string {
	places, origins := map[Hash]Tombstone{}, map[Hash]Tombstone{}
	for _, t := range all {
		places[t.Place], origins[t.Origin] = t, t
	}
	return func(id DocumentID, origin Hash) string {
		if len(all) == 0 {
			return ""
		}
		t, kept := places[HashOf([]byte(id))]
		if !kept && !origin.IsZero() {
			t, kept = origins[origin]
		}
		if !kept {
			return ""
		}
		return t.Reason(id)
	}
}

// Proof is what Forget did and what it then found when it looked for the words.
type Proof struct {
	Documents  int          // deleted now
	Passages   int          // of them
	Tombstones []Tombstone  // that keep what was selected away, ordered by Place
	Copies     []DocumentID // other documents with the same bytes: they stay, and so do their words
	Stretches  int          // pieces of the deleted texts that were searched for
	Files      int          // searched, byte by byte; 0 for a collection without files
	Bytes      int64        // in them
	Found      []string     // files that still hold such a piece, though no document does
	Rest       string       // why the words could not be overwritten yet; "" when they were
}

// IndexEntry is what an index is told about one document: terms, never text.
type IndexEntry struct {
	Document int64
	Readers  Readers
	Title    []string // stems of title and path
	Words    []string // unstemmed terms of all passages
	Passages []IndexPassage
}

// IndexPassage is one passage's part of IndexEntry.
type IndexPassage struct {
	ID    PassageID
	Stems []string // of title, heading path and text
}

// Index ranks passages by ids, terms and raw scores and holds no text. An Asker
// is its filter; the zero Asker matches nothing.
type Index interface {
	// Put adds a document that is not there yet.
	Put(context.Context, IndexEntry) error
	// Delete removes a document; one that is not there is no error.
	Delete(ctx context.Context, document int64) error
	// Legs ranks what the asker may see; statistics come from that alone.
	Legs(context.Context, Asker, Query) (Legs, error)
	// Scan lists the passages that are in the index, in order.
	Scan(context.Context) iter.Seq2[PassageID, error]
}
