package text

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// members gathers the files of an archive within bounds: MaxNames files,
// MaxPart bytes each, MaxParts bytes in all.
type members struct {
	parts    []knowledge.Inner
	names    draft.InnerNames
	bytes    int64 // unpacked so far
	hidden   int   // left out: hidden files, and what systems add
	special  int   // left out: links and devices
	tooLarge string
	warnings []string
}

// full reports whether a bound is reached; then the archive is refused whole.
func (m *members) full() bool {
	switch {
	case m.tooLarge != "":
	case len(m.parts) >= draft.MaxNames:
		m.tooLarge = fmt.Sprintf("there are more than %d files in it", draft.MaxNames)
	case m.bytes > draft.MaxParts:
		m.tooLarge = fmt.Sprintf("it unpacks to more than %d MB", draft.MaxParts>>20)
	}
	return m.tooLarge != ""
}

// add keeps a member; its name is cleaned.
func (m *members) add(name string, data []byte, modified time.Time) {
	m.inner(knowledge.Inner{Name: name, Bytes: data, Modified: modified})
}

func (m *members) inner(p knowledge.Inner) {
	if m.full() {
		return
	}
	if m.names == nil {
		m.names = draft.InnerNames{}
	}
	p.Name = m.names.Clean(p.Name)
	m.bytes += int64(len(p.Bytes))
	m.parts = append(m.parts, p)
}

// skips reports whether a member is left out for its name.
func (m *members) skips(name string) bool {
	for segment := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(segment, ".") && strings.Trim(segment, ".") != "" || segment == "__MACOSX" {
			m.hidden++
			return true
		}
	}
	return false
}

// unpack reads a member as far as the bounds allow.
func (m *members) unpack(r io.Reader) (data []byte, tooLarge bool, err error) {
	limit := min(draft.MaxPart, draft.MaxParts-m.bytes)
	data, err = io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(data)) > limit {
		if limit < draft.MaxPart {
			m.bytes = draft.MaxParts + 1 // with this one it is too much
		}
		return nil, true, nil
	}
	return data, false, err
}

func (m *members) reading() knowledge.Reading {
	if m.full() {
		return knowledge.Reading{State: knowledge.TooLarge, Reason: m.tooLarge + "; unpack it and add the folder"}
	}
	r := knowledge.Reading{State: knowledge.Indexed, Parts: m.parts, Warnings: m.warnings}
	if m.hidden > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("left out hidden files (%d)", m.hidden))
	}
	if m.special > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("left out links and devices (%d)", m.special))
	}
	if len(m.parts) == 0 {
		r.State, r.Reason = knowledge.Empty, "there are no files in it"
		if r.Warnings != nil {
			r.Reason, r.Warnings = strings.Join(r.Warnings, "; "), nil
		}
	}
	return r
}

// readZip reads a ZIP file; its members are parts.
func readZip(data []byte) knowledge.Reading {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it is no ZIP file, or cut off: " + err.Error()}
	}
	var m members
	var stated uint64
	for _, f := range z.File {
		if stated += f.UncompressedSize64; len(z.File) > draft.MaxNames || stated > draft.MaxParts {
			m.bytes = draft.MaxParts + 1 // before anything is unpacked
			return m.reading()
		}
	}
	locked := 0
	for _, f := range z.File {
		name := f.Name
		if f.NonUTF8 && !utf8.ValidString(name) {
			name, _ = charmap.CodePage437.NewDecoder().String(name) // PKWARE APPNOTE, appendix D
		}
		name = strings.ReplaceAll(name, `\`, "/")
		if strings.HasSuffix(name, "/") || f.Mode().IsDir() || m.skips(name) {
			continue
		}
		if !f.Mode().IsRegular() {
			m.special++
			continue
		}
		p := knowledge.Inner{Name: name, Modified: f.Modified}
		if f.Flags&1 != 0 {
			locked++
			p.State, p.Reason = knowledge.NeedsPassword, "it is encrypted"
			m.inner(p)
			continue
		}
		r, err := f.Open()
		if err == nil {
			var large bool
			if p.Bytes, large, err = m.unpack(r); large {
				p.State, p.Reason = knowledge.TooLarge, fmt.Sprintf("it unpacks to more than %d MB", draft.MaxPart>>20)
			}
			r.Close()
		}
		switch {
		case errors.Is(err, zip.ErrAlgorithm):
			p.State, p.Reason = knowledge.Unsupported, fmt.Sprintf("it is packed by method %d, which no reader knows", f.Method)
		case err != nil:
			p.State, p.Reason = knowledge.Damaged, "it does not unpack: "+err.Error()
		}
		if p.State != "" {
			p.Bytes = nil
		}
		m.inner(p)
		if m.full() {
			break
		}
	}
	if locked > 0 && locked == len(m.parts) {
		return knowledge.Reading{State: knowledge.NeedsPassword, Reason: "all that is in it is encrypted"}
	}
	return m.reading()
}

// readTar reads a tape archive; its members are parts.
func readTar(r io.Reader) knowledge.Reading {
	var m members
	t := tar.NewReader(r)
	for !m.full() {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			if len(m.parts) == 0 {
				return knowledge.Reading{State: knowledge.Damaged, Reason: "it is no TAR file, or cut off: " + err.Error()}
			}
			m.warnings = append(m.warnings, "it is damaged behind "+m.parts[len(m.parts)-1].Name)
			break
		}
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeGNUSparse:
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		default:
			m.special++
			continue
		}
		if m.skips(h.Name) {
			continue
		}
		p := knowledge.Inner{Name: h.Name, Modified: h.ModTime}
		data, large, err := m.unpack(t)
		switch {
		case large:
			p.State, p.Reason = knowledge.TooLarge, fmt.Sprintf("it has more than %d MB", draft.MaxPart>>20)
		case err != nil:
			p.State, p.Reason = knowledge.Damaged, "the archive is cut off in it"
		default:
			p.Bytes = data
		}
		m.inner(p)
	}
	return m.reading()
}

// readGzip reads a gzip file: what it holds is a part, or the members of the
// tape archive that it holds.
func readGzip(data []byte, name string) knowledge.Reading {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it is no gzip file, or cut off: " + err.Error()}
	}
	defer z.Close()
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, ".tgz") || strings.HasSuffix(lower, ".tar.gz") {
		return readTar(io.LimitReader(z, 2*draft.MaxParts)) // headers and what is left out count too
	}
	var m members
	unpacked, large, err := m.unpack(z)
	if large {
		return knowledge.Reading{State: knowledge.TooLarge, Reason: fmt.Sprintf("it unpacks to more than %d MB", draft.MaxPart>>20)}
	}
	if err != nil && len(unpacked) == 0 {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it does not unpack: " + err.Error()}
	}
	if err != nil {
		m.warnings = append(m.warnings, "it is cut off or damaged; what could be unpacked was read")
	}
	inside := strings.TrimSuffix(name, path.Ext(name))
	if inside == "" || !strings.Contains(inside, ".") && path.Ext(z.Name) != "" {
		inside = path.Base(strings.ReplaceAll(z.Name, `\`, "/"))
	}
	m.add(inside, unpacked, z.ModTime)
	return m.reading()
}
