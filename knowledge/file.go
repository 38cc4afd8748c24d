package knowledge

import (
	"context"
	"strings"
	"time"
)

// Listed is one file as a source lists it, without its bytes.
type Listed struct {
	Path     string // relative to the source, forward slashes, as the source spells it
	Size     int64  // bytes
	Modified time.Time
	State    Outcome // "" to read it; Excluded or Waiting when the source already knows that it cannot be read
	Reason   string  // for State, in plain words
}

// Listing is everything a source has.
type Listing struct {
	Files    []Listed // ordered by Path, no path twice
	Complete bool     // false: parts could not be listed, so nothing may be deleted for being absent
	Reason   string   // why it is not complete
}

// Source lists files and reads them. A source whose place is not there returns
// a fault of kind Missing from List.
type Source interface {
	List(context.Context) (Listing, error)
	// Read returns the bytes of one file, at most limit of them. A file that is
	// larger has state TooLarge, one that keeps changing while it is read or
	// cannot be opened has state Waiting; neither is an error.
	Read(ctx context.Context, path string, limit int64) (Content, error)
}

// Content is a file with its bytes, or the state that says why there are none.
type Content struct {
	Listed
	Bytes []byte
}

// Reading is what a reader got out of a file: its words, or why there are none.
type Reading struct {
	State    Outcome // Indexed when there is text; else NeedsPassword, Damaged, Unsupported, TooLarge or Empty
	Reason   string  // for State, in plain words
	Format   string  // "markdown", "html", "text"
	Title    string
	Lang     string
	Text     string
	Blocks   []Block
	Places   []Place
	Dated    time.Time // the date the document states of itself
	Replaces []string  // paths, relative to the document's folder, of documents it says it replaces
	Replaced []string  // likewise, of documents it says it is replaced by
	Readers  *Readers  // the readers that the document itself asks for; nil when it does not
	Parts    []Inner   // files inside it, such as attachments: each is read as a file of its own
	Warnings []string
}

// Names returns what of a reading is kept beside its text and does not stand in
// it: the title and the names of places, a line each. It is screened as the text is.
func (r Reading) Names() string {
	var b strings.Builder
	add := func(s string) {
		if s != "" && !strings.Contains(r.Text, s) {
			b.WriteString(s + "\n")
		}
	}
	add(r.Title)
	for _, p := range r.Places {
		add(p.Name)
	}
	return b.String()
}

// Inner is a file inside a file. Its path is that of the file around it, "!/" and
// Name.
type Inner struct {
	Name     string // relative, forward slashes, without ".."; unique within the file
	Bytes    []byte
	Modified time.Time // zero when it is not stated
	State    Outcome   // "" to read it; NeedsPassword, Damaged, Unsupported or TooLarge when its bytes could not be had
	Reason   string    // for State, in plain words
}

// Class says what sort of sensitive thing was found.
type Class string

// The classes of finding.
const (
	Secret   Class = "secret"
	Personal Class = "personal"
	Marking  Class = "marking"
)

// Finding is one sensitive stretch: Start and End are byte offsets. The found
// value itself is never carried along.
type Finding struct {
	Kind  string `json:"kind"`
	Class Class  `json:"class"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	Rule  string `json:"rule"`
}
