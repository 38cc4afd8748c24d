// Package text reads the words, blocks and places out of a file.
//
// Read is a pure function of a file's name and bytes: it opens nothing and
// follows nothing, whatever the file asks for. Each format has a file of its own.
package text

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"strings"
	"unicode"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// Version names this reader in a document's recipe; it changes whenever the same
// file would give another text, title or block.
const Version = "text/3"

var formats = map[string]string{
	".md": "markdown", ".markdown": "markdown", ".mdx": "markdown",
	".html": "html", ".htm": "html", ".xhtml": "html",
	".txt": "text", ".text": "text", ".log": "text", ".rst": "text", ".adoc": "text", ".org": "text", ".tex": "text", ".vtt": "text", ".srt": "text",
	".rtf": "rtf", ".epub": "epub", ".ipynb": "notebook", ".csv": "table", ".tsv": "table", ".tab": "table",
	".eml": "mail", ".mht": "mail", ".mhtml": "mail", ".mbox": "mailbox", ".mbx": "mailbox",
	".zip": "zip", ".tar": "tar", ".tgz": "gzip", ".gz": "gzip",
}

// code are the endings of programs and data.
var code = set(".go .py .pyi .js .mjs .cjs .ts .tsx .jsx .vue .java .kt .kts .scala .groovy .gradle .clj .c .h .cc .cpp .cxx .hh .hpp .cs .fs .vb .m .swift .rs .zig " +
	".rb .php .pl .pm .lua .r .jl .ex .exs .erl .hs .ml .dart .sh .bash .zsh .fish .ps1 .bat .cmd .awk .sql .s .css .scss .less .tf .proto .graphql .cmake " +
	".mk .patch .diff .json .jsonl .json5 .yaml .yml .toml .xml .xsd .xsl .svg .ini .cfg .conf .properties")

// Read returns what stands in the file: p's extension says which format it has,
// and its bytes where there is no extension. State is Indexed when there are
// words, Empty when there are none, Unsupported when no reader knows the format,
// Damaged when the bytes are not what the name says.
func Read(p string, data []byte) (r knowledge.Reading) {
	defer draft.Guard(&r)
	return read(p, data)
}

func read(p string, data []byte) (r knowledge.Reading) {
	name := path.Base(p)
	stem, ext := draft.SplitName(p)
	named := ext != ""
	format := formats[ext]
	if code[ext] {
		format = "code"
	}
	if !named {
		format = "text"
	}
	if format == "" || format == "text" {
		format = cmp.Or(startsAs(data, named), format)
	}
	if format == "" {
		return knowledge.Reading{State: knowledge.Unsupported, Reason: "no reader for " + ext + " yet"}
	}
	if r, ok := readBytes(format, data, stem, name); ok {
		if r.Format = format; r.State == knowledge.Indexed && r.Title == "" {
			r.Title = stem
		}
		return r
	}
	hint := ""
	if format == "html" {
		hint = declared(data)
	}
	decoded, encoding, doubt := draft.Decode(data, hint)
	if state, reason := draft.NotText(data, decoded, encoding); reason != "" {
		if !named {
			state = knowledge.Unsupported
		}
		return knowledge.Reading{State: state, Format: format, Reason: reason}
	}
	var warnings []string
	if doubt != "" {
		warnings = append(warnings, doubt)
	}
	if strings.IndexByte(decoded, 0) >= 0 {
		warnings = append(warnings, fmt.Sprintf("%d zero bytes were read as blanks", strings.Count(decoded, "\x00")))
	}
	t := draft.Tidy(decoded)
	if format == "text" && draft.StartsHTML(t) {
		format = "html"
	}
	if format == "text" && looksLikeMail(t) {
		r := readMail(data, stem)
		r.Format = "mail"
		return r
	}
	switch format {
	case "markdown":
		r = readMarkdown(t, stem)
	case "html":
		r = readHTML(t, stem, ext == ".xhtml")
	case "table":
		r = readTable(t, stem)
	case "code":
		r = readCode(t, name)
	default:
		r = readPlain(t, stem)
	}
	r.Format = format
	r.Warnings = append(warnings, r.Warnings...)
	if r.State == "" {
		r.State = knowledge.Indexed
		if len(r.Blocks) == 0 {
			r.State, r.Reason = knowledge.Empty, "there are no words in it"
		}
	}
	return r
}

// startsAs returns the format that the first bytes of a file name, whose own name
// says another or none; "" when they name none.
func startsAs(data []byte, named bool) string {
	switch {
	case draft.StartsRTF(data): // as .doc, often
		return "rtf"
	case named:
	case bytes.HasPrefix(data, []byte("\x1F\x8B\x08")):
		return "gzip"
	case len(data) > 512 && string(data[257:262]) == "ustar":
		return "tar"
	case bytes.HasPrefix(data, []byte("PK\x03\x04")) && len(data) > 58 && string(data[30:58]) == "mimetypeapplication/epub+zip":
		return "epub"
	case mailboxLine.Match(data[:min(len(data), 200)]):
		return "mailbox"
	}
	return ""
}

// readBytes reads the formats whose bytes are not the text; ok is false for the
// others.
func readBytes(format string, data []byte, stem, name string) (r knowledge.Reading, ok bool) {
	switch format {
	case "rtf":
		return readRTF(data, stem), true
	case "epub":
		return readEPUB(data, stem), true
	case "notebook":
		return readNotebook(data, stem), true
	case "mail":
		return readMail(data, stem), true
	case "mailbox":
		return readMailbox(data), true
	case "zip":
		return readZip(data), true
	case "tar":
		return readTar(bytes.NewReader(data)), true
	case "gzip":
		return readGzip(data, name), true
	}
	return r, false
}

// outline collects blocks so that they keep the promises of knowledge.Block.
type outline struct {
	text   string
	blocks []knowledge.Block
}

// add appends text[start:end] without the blanks around it, and nothing when
// only blanks are left.
func (o *outline) add(kind knowledge.BlockKind, level, start, end int) {
	if n := len(o.blocks); n > 0 {
		start = max(start, o.blocks[n-1].End)
	}
	end = min(end, len(o.text))
	if start >= end {
		return
	}
	s := o.text[start:end]
	if kind == knowledge.Code {
		// The first line keeps its indentation.
		words := strings.TrimLeftFunc(s, unicode.IsSpace)
		start += strings.LastIndexByte(s[:len(s)-len(words)], '\n') + 1
	} else {
		start += len(s) - len(strings.TrimLeftFunc(s, unicode.IsSpace))
	}
	if start >= end {
		return
	}
	if s = strings.TrimRightFunc(o.text[start:end], unicode.IsSpace); s == "" {
		return
	}
	o.blocks = append(o.blocks, knowledge.Block{Start: start, End: start + len(s), Kind: kind, Level: level})
}
