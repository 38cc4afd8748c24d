package knowledge

import (
	"context"
	"iter"
	"time"
)

// Query is a question as the legs take it: analysed by knowledge/term.
type Query struct {
	Stems  []string  // stemmed terms, for passages and titles
	Words  []string  // unstemmed terms, for whole documents
	Vector []float32 // by the encoder; nil when there is none
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
	Meaning  []Hit          // vectors; empty without an encoder
	Visible  int            // passages the asker may see
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
