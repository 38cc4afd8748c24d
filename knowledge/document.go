// Package knowledge names the things an answer is made of: documents, passages,
// questions, citations, pointers.
//
// It is the vocabulary of line 1 (from documents to answers with citations): the
// stages below knowledge/ import it and never each other. It imports nothing of
// ours but the fault kinds, and nothing from third parties.
//
//	source -> text -> screening -> passage -> Collection -> retrieval -> Answer
//
// The one rule of the house lives here: text reaches an asker only through a
// View, and a statement reaches an asker only with a Citation that Check holds.
package knowledge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DocumentID names a document: "<source>/<path>", the path relative to its
// source and with forward slashes. A rename gives a new ID; the ledger keeps
// MovedFrom.
type DocumentID string

// ID joins a source's name and a path within it.
func ID(source, path string) DocumentID { return DocumentID(source + "/" + path) }

// Source returns the part before the first slash: the name of the source.
func (id DocumentID) Source() string {
	s, _, _ := strings.Cut(string(id), "/")
	return s
}

// Path returns the part after the first slash: the path within the source.
func (id DocumentID) Path() string {
	_, p, _ := strings.Cut(string(id), "/")
	return p
}

// Hash is a SHA-256. The zero value means "not known".
type Hash [sha256.Size]byte

// HashOf returns the SHA-256 of b.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// String returns 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first eight hexadecimal digits, as pointers show them.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// IsZero reports whether the hash is not known.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes 64 hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hexadecimal digits.
func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(h) {
		return fmt.Errorf("hash %q: want 64 hexadecimal digits", b)
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Document is one file's words as the collection keeps them.
type Document struct {
	ID       DocumentID
	Origin   Hash         // of the bytes read
	Version  Hash         // of Text
	Recipe   string       // versions of reader, screening policy and passage rule; a change means "do again"
	Title    string       // one line; never empty for a document with text
	Lang     string       // BCP 47 as the file itself declares it; "" when it does not
	Text     string       // UTF-8, NFC, "\n", no BOM; every offset in the program is a byte offset into it
	Blocks   []Block      // in order, not overlapping; what no block covers is not part of any passage
	Places   []Place      // in order of Start; empty for formats without pages, sheets or slides
	Modified time.Time    // when the file's content was last changed, as the source tells; zero when unknown
	Dated    time.Time    // the date the document states of itself (front matter, "as of"); zero when it states none
	Replaces []DocumentID // documents this one says it replaces
	Replaced []DocumentID // documents this one says it is replaced by
	Asked    *Readers     // the readers the document itself asks for; nil when it does not
	Readers  Readers      // what its source allows, narrowed by Asked; may change without a new Version
}

// Date returns Dated, or Modified where the document states no date.
func (d Document) Date() time.Time {
	if !d.Dated.IsZero() {
		return d.Dated
	}
	return d.Modified
}

// BlockKind says what a block is.
type BlockKind uint8

// The kinds of block.
const (
	Paragraph BlockKind = iota
	Heading
	Item // of a list
	Row  // of a table; Level 1 marks a head row
	Code
)

var blockKinds = []string{"paragraph", "heading", "item", "row", "code"}

// String returns the kind's name.
func (k BlockKind) String() string {
	if int(k) < len(blockKinds) {
		return blockKinds[k]
	}
	return fmt.Sprintf("BlockKind(%d)", k)
}

// Block is one heading, paragraph, list item, table row or piece of code:
// Text[Start:End], without surrounding blank lines.
type Block struct {
	Start, End int
	Kind       BlockKind
	Level      int // of a heading 1 to 6; of an item its depth from 1; of a row 1 for a head row, else 0
}

// Place says what a person calls the spot from Start to the next place:
// "p. 12", "Sheet1!B4", "slide 3".
type Place struct {
	Start int
	Name  string
}

// PlaceAt returns the name of the place that offset lies in, or "".
func PlaceAt(places []Place, offset int) string {
	i, exact := slices.BinarySearchFunc(places, offset, func(p Place, o int) int { return p.Start - o })
	if exact {
		return places[i].Name
	}
	if i == 0 {
		return ""
	}
	return places[i-1].Name
}

// Group is the name of a group of people, as sign-in or --groups gives it.
type Group string

// Readers says who may read a document. Its zero value admits the owner alone.
type Readers struct {
	Everyone bool    `json:"everyone,omitempty"`
	Groups   []Group `json:"groups,omitempty"` // sorted, without doubles; meaningless when Everyone
}

// ParseReaders reads "all", "" (the owner alone) or "group,group".
func ParseReaders(s string) Readers {
	if strings.TrimSpace(s) == "all" {
		return Readers{Everyone: true}
	}
	return Readers{Groups: ParseGroups(s)}
}

// ParseGroups reads "group,group": trimmed, sorted, without empty names and doubles.
func ParseGroups(s string) []Group {
	var groups []Group
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name != "" { // access: no empty group
			groups = append(groups, Group(name))
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// String returns the form that ParseReaders reads.
func (r Readers) String() string {
	if r.Everyone {
		return "all"
	}
	names := make([]string, len(r.Groups))
	for i, g := range r.Groups {
		names[i] = string(g)
	}
	return strings.Join(names, ",")
}

// Narrow returns the readers admitted by both: a document can narrow what its
// source allows, never widen it. Where both name groups, only groups named by
// both are left, which may be fewer people than the true intersection.
func (r Readers) Narrow(by Readers) Readers {
	switch {
	case r.Everyone:
		return by // access: the page narrows
	case by.Everyone:
		return r // access: the source narrows
	}
	var both []Group
	for _, g := range r.Groups {
		if slices.Contains(by.Groups, g) { // access: both narrow
			both = append(both, g)
		}
	}
	return Readers{Groups: both}
}

// Asker is who asks. Its zero value is nobody and may read nothing.
type Asker struct {
	Name   string  // as sign-in or --as gives it
	Groups []Group // the groups the asker belongs to
	Owner  bool    // of the home: reads everything
}

// MayRead reports whether the asker is among the readers.
func (a Asker) MayRead(r Readers) bool {
	switch {
	case a.Owner: // access: the owner
		return true
	case a.Name == "": // access: nobody
		return false
	case r.Everyone: // access: everyone
		return true
	}
	for _, g := range a.Groups {
		if slices.Contains(r.Groups, g) { // access: groups
			return true
		}
	}
	return false
}

// PassageID is the collection's own number of a passage; it is never used twice.
type PassageID int64

// Passage is a stretch of one document: its text is Document.Text[Start:End].
type Passage struct {
	ID         PassageID
	Document   DocumentID
	Version    Hash
	Title      string   // of the document
	Heading    []string // headings above it, outermost first
	Place      string   // where it starts; "" for formats without places
	Start, End int
	Text       string
	Modified   time.Time
	Dated      time.Time // the date the document states of itself; zero when it states none
}

// Date returns Dated, or Modified where the document states no date.
func (p Passage) Date() time.Time {
	if !p.Dated.IsZero() {
		return p.Dated
	}
	return p.Modified
}
