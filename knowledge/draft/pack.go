package draft

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Bounds of what a packed file may hold.
const (
	MaxPart  = 64 << 20  // bytes of one part, unpacked
	MaxParts = 128 << 20 // bytes of all parts that are read, unpacked
	MaxNames = 20000     // parts in its directory
)

// Errors of a packed file, to be compared with errors.Is.
var (
	ErrTooLarge = errors.New("it unpacks to more than the limit")
	ErrNoPart   = errors.New("a part is missing")
	ErrLocked   = errors.New("it is encrypted")
)

// Pack is a ZIP file whose parts are read one by one, within bounds: DOCX, ODT,
// EPUB and their kin. Nothing is written to a disk and no name is followed.
type Pack struct {
	parts map[string]*zip.File // by cleaned name
	Names []string             // of the parts, cleaned, in the directory's order; not to be changed
	left  int64                // bytes that may still be unpacked
}

// OpenPack reads the directory of a ZIP file. The error is ErrTooLarge for more
// than MaxNames parts, else what archive/zip says of a file that is none.
func OpenPack(data []byte) (*Pack, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, err
	}
	if len(z.File) > MaxNames {
		return nil, fmt.Errorf("%w: %d parts", ErrTooLarge, len(z.File))
	}
	p := &Pack{parts: map[string]*zip.File{}, left: MaxParts}
	for _, f := range z.File {
		name := PartName(f.Name)
		if _, twice := p.parts[name]; !twice { // the first one counts
			p.parts[name] = f
			p.Names = append(p.Names, name)
		}
	}
	return p, nil
}

// PartName is a part's name as parts refer to each other: without a leading slash
// and without "..".
func PartName(name string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
}

// Has reports whether there is a part of that name.
func (p *Pack) Has(name string) bool { return p.parts[PartName(name)] != nil }

// Read returns a part's bytes, at most MaxPart of them and MaxParts of all parts.
// The error is ErrNoPart, ErrLocked, ErrTooLarge, or what the unpacking says.
func (p *Pack) Read(name string) ([]byte, error) {
	f := p.parts[PartName(name)]
	if f == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoPart, name)
	}
	if f.Flags&1 != 0 {
		return nil, ErrLocked
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	limit := min(MaxPart, p.left)
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: %s", ErrTooLarge, name)
	}
	p.left -= int64(len(data))
	return data, err
}
