package text

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
)

// Bounds of a mail.
const (
	deepestMail  = 50       // multiparts within each other
	mostPieces   = 1000     // parts of all multiparts
	longestLine  = 2000     // bytes of a header that are shown
	longestField = 64 << 10 // bytes of a header that are read
)

// readMail reads a mail (RFC 5322 and 2045) and what most mail programs accept
// as one: lines that are no header, boundaries that are missing, wrong
// encodings. Its first block are the headers that people see. Attachments and
// mails inside it are parts.
func readMail(data []byte, stem string) knowledge.Reading {
	m := mail{names: draft.InnerNames{}}
	e := splitMail(data)
	if !slices.ContainsFunc(e.fields, func(f [2]string) bool { return mailHead.MatchString(f[0] + ":") }) {
		decoded, encoding, _ := draft.Decode(data, "")
		if state, reason := draft.NotText(data, decoded, encoding); reason != "" {
			return knowledge.Reading{State: state, Reason: reason}
		}
	}
	bodies := m.walk(e, 0, false)
	var d draft.Draft
	var lines []string
	for _, name := range []string{"From", "To", "Cc", "Date", "Subject"} {
		if v := e.text(name); v != "" {
			if len(v) > longestLine {
				v = v[:draft.RuneEnd(v, longestLine)] + " …"
			}
			lines = append(lines, name+": "+v)
		}
	}
	d.Add(knowledge.Paragraph, 0, 0, strings.Join(lines, "\n"))
	lang := ""
	for _, b := range bodies {
		var r knowledge.Reading
		if b.html {
			r = readHTML(draft.Tidy(b.text), stem, false)
			lang = r.Lang
		} else {
			r = readPlain(draft.Tidy(b.text), stem)
		}
		d.Take(r)
		m.warnings = append(m.warnings, r.Warnings...)
	}
	r := d.Reading(e.text("Subject"), stem)
	r.Lang, r.Parts, r.Dated = lang, m.parts, e.date()
	if r.State == knowledge.Empty && len(r.Parts) > 0 {
		r.State, r.Reason = knowledge.Indexed, ""
	}
	if m.pictures > 0 {
		m.warnings = append(m.warnings, fmt.Sprintf("left out pictures that its text shows (%d)", m.pictures))
	}
	r.Warnings = append(r.Warnings, m.warnings...)
	return r
}

// entity is a mail or a part of one: headers and what follows them.
type entity struct {
	fields [][2]string // name and raw value, unfolded
	body   []byte
}

// splitMail parts the headers from the body.
func splitMail(data []byte) entity {
	var e entity
	first := true
	for len(data) > 0 {
		line, rest := cutLine(data)
		blank := len(bytes.TrimSpace(line)) == 0
		name, value, ok := headerLine(line)
		switch {
		case blank && len(line) == 0:
			e.body = rest
			return e
		case first && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))): // a mailbox's separator
		case line[0] == ' ' || line[0] == '\t':
			if n := len(e.fields) - 1; n >= 0 && !blank && len(e.fields[n][1]) < longestField {
				e.fields[n][1] += " " + string(bytes.TrimSpace(line))
			} else if blank && n >= 0 {
				e.body = rest
				return e
			}
		case ok:
			e.fields = append(e.fields, [2]string{name, value})
		default:
			next, _ := cutLine(rest)
			if _, _, more := headerLine(next); len(e.fields) == 0 || !more {
				e.body = data // whoever wrote it forgot the empty line
				return e
			}
		}
		first, data = false, rest
	}
	return e
}

// cutLine returns the first line without its end, and the rest.
func cutLine(data []byte) (line, rest []byte) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return bytes.TrimSuffix(data, []byte("\r")), nil
	}
	return bytes.TrimSuffix(data[:i], []byte("\r")), data[i+1:]
}

func headerLine(line []byte) (name, value string, ok bool) {
	before, after, found := bytes.Cut(line, []byte(":"))
	before = bytes.TrimRight(before, " \t")
	if !found || len(before) == 0 || len(before) > 80 {
		return "", "", false
	}
	for _, c := range before {
		if c <= ' ' || c >= 0x7f {
			return "", "", false
		}
	}
	return string(before), string(bytes.TrimSpace(after)), true
}

// raw returns a header's value as it stands, of several the first.
func (e entity) raw(name string) string {
	for _, f := range e.fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// text returns a header's value decoded (RFC 2047) and on one line.
func (e entity) text(name string) string { return decodeWords(e.raw(name)) }

func decodeWords(s string) string {
	if !utf8.ValidString(s) {
		s, _, _ = draft.Decode([]byte(s), "")
	}
	words := mime.WordDecoder{CharsetReader: func(label string, in io.Reader) (io.Reader, error) {
		return charset.NewReaderLabel(label, in)
	}}
	if decoded, err := words.DecodeHeader(s); err == nil {
		s = decoded
	}
	return strings.Join(strings.Fields(draft.Tidy(strings.ToValidUTF8(s, "\uFFFD"))), " ")
}

// date returns what the header Date says; zero when it says nothing sound.
func (e entity) date() time.Time {
	t, err := netmail.ParseDate(e.raw("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

var looseParam = regexp.MustCompile(`(?i)([a-z0-9*-]+)\s*=\s*(?:"([^"]*)"?|([^;\s]+))`)

// param reads "value; name=value" headers, broken ones too.
func (e entity) param(header string) (value string, params map[string]string) {
	s := e.raw(header)
	value, params, err := mime.ParseMediaType(s)
	if err == nil {
		return value, params
	}
	value, rest, _ := strings.Cut(s, ";")
	params = map[string]string{}
	for _, m := range looseParam.FindAllStringSubmatch(rest, 100) {
		if name := strings.ToLower(m[1]); params[name] == "" {
			params[name] = m[2] + m[3]
		}
	}
	return strings.ToLower(strings.TrimSpace(value)), params
}

// mail is a mail as far as it is read.
type mail struct {
	parts    []knowledge.Inner
	names    draft.InnerNames
	pieces   int
	pictures int
	warnings []string
}

// body is a piece of the text that people see.
type body struct {
	html bool
	text string
}

// walk returns the bodies of e in order and keeps its attachments as parts. Of
// alternatives it takes the plain one. related: e stands in a multipart whose
// parts refer to each other.
func (m *mail) walk(e entity, depth int, related bool) []body {
	kind, params := e.param("Content-Type")
	if boundary := params["boundary"]; strings.HasPrefix(kind, "multipart/") && boundary != "" {
		if depth == deepestMail {
			m.warn(fmt.Sprintf("its parts nest deeper than %d; what is deeper was not read", deepestMail))
			return nil
		}
		var all, best []body
		for _, piece := range pieces(e.body, boundary) {
			if m.pieces++; m.pieces > mostPieces {
				m.warn(fmt.Sprintf("it has more than %d parts; the others were not read", mostPieces))
				break
			}
			bodies := m.walk(splitMail(piece), depth+1, related || kind == "multipart/related")
			all = append(all, bodies...)
			if better(bodies, best) {
				best = bodies
			}
		}
		switch {
		case kind == "multipart/alternative":
			return best
		case kind == "multipart/encrypted":
			m.warn("its text is encrypted")
		}
		return all
	}
	content, fine := decodeBody(e.body, e.raw("Content-Transfer-Encoding"))
	if !fine {
		m.warn("a part is not encoded as it says")
	}
	disposition, more := e.param("Content-Disposition")
	name := decodeWords(more["filename"])
	if name == "" {
		name = decodeWords(params["name"])
	}
	isText := kind == "" || kind == "text" || kind == "text/plain" || kind == "text/html" || strings.HasPrefix(kind, "message/delivery") || strings.HasPrefix(kind, "multipart/")
	switch {
	case kind == "message/rfc822" || kind == "message/global":
		if name == "" || !strings.Contains(name, ".") {
			name = mailName(splitMail(content))
		}
	case isText && disposition != "attachment" && name == "":
		s, encoding, _ := draft.Decode(content, cmp.Or(params["charset"], declared(content)))
		if _, reason := draft.NotText(content, s, encoding); reason != "" {
			m.warn("a part that should be text was left out: " + reason)
			return nil
		}
		return []body{{kind == "text/html" || draft.StartsHTML(s), s}}
	case strings.HasPrefix(kind, "image/") && disposition != "attachment" && (related || e.raw("Content-ID") != ""):
		m.pictures++
		return nil
	case name == "":
		name = "part" + extensionOf(kind)
	}
	if kind == "application/pkcs7-mime" || kind == "application/x-pkcs7-mime" {
		m.warn("its text is encrypted or signed as a whole")
	}
	m.parts = append(m.parts, knowledge.Inner{Name: m.names.Clean(strings.ReplaceAll(name, "/", "-")), Bytes: content, Modified: e.date()})
	return nil
}

func (m *mail) warn(s string) {
	if !slices.Contains(m.warnings, s) {
		m.warnings = append(m.warnings, s)
	}
}

// better reports whether bodies a are to be preferred to b: plain words, else
// any words, else what comes first.
func better(a, b []body) bool {
	worth := func(bodies []body) int {
		n := 0
		for _, x := range bodies {
			switch {
			case strings.TrimSpace(x.text) == "":
			case x.html:
				n = max(n, 1)
			default:
				n = 2
			}
		}
		return n
	}
	return worth(a) > worth(b)
}

// pieces cuts the body of a multipart at its boundary lines; one without any is
// one piece without headers.
func pieces(data []byte, boundary string) (all [][]byte) {
	mark := []byte("--" + boundary)
	start := -1
	for at := 0; at < len(data); {
		line, rest := cutLine(data[at:])
		next := len(data) - len(rest)
		if after, ok := bytes.CutPrefix(line, mark); ok {
			after = bytes.TrimRight(after, " \t")
			if last := string(after) == "--"; last || len(after) == 0 {
				if start >= 0 {
					all = append(all, withoutEnd(data[start:at]))
				}
				if start = next; last {
					return all
				}
			}
		}
		at = next
	}
	switch {
	case start >= 0:
		all = append(all, data[start:])
	case len(all) == 0:
		all = [][]byte{append([]byte("\n"), data...)}
	}
	return all
}

// withoutEnd drops the line end that belongs to the boundary behind it.
func withoutEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// decodeBody undoes a transfer encoding as far as it goes; fine is false when
// something did not fit.
func decodeBody(data []byte, encoding string) (decoded []byte, fine bool) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		signs := make([]byte, 0, len(data))
		fine = true
		for _, c := range data {
			switch {
			case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
				signs = append(signs, c)
			case c != '=' && c > ' ':
				fine = false
			}
		}
		if len(signs)%4 == 1 {
			signs, fine = signs[:len(signs)-1], false
		}
		n, err := base64.RawStdEncoding.Decode(signs, signs)
		return signs[:n], fine && err == nil
	case "quoted-printable":
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(data)))
		if err != nil { // whatever is no escape stands for itself
			return looseQuoted(data), false
		}
		return decoded, true
	}
	return data, true
}

var quotedSign = regexp.MustCompile(`=(?:[0-9A-Fa-f]{2}|[ \t]*\r?\n)`)

func looseQuoted(data []byte) []byte {
	return quotedSign.ReplaceAllFunc(data, func(s []byte) []byte {
		var c byte
		if _, err := fmt.Sscanf(string(s[1:]), "%02x", &c); len(s) != 3 || err != nil {
			return nil
		}
		return []byte{c}
	})
}

// mailName makes a file name of a mail's subject.
func mailName(e entity) string {
	subject := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, draft.Cut(e.text("Subject"), 60))
	if subject = strings.Trim(subject, ". "); subject == "" {
		subject = "mail"
	}
	return subject + ".eml"
}

// extensionOf returns the ending of files of a type; "" when it is not known.
func extensionOf(kind string) string {
	switch kind {
	case "text/calendar":
		return ".ics"
	case "text/csv":
		return ".csv"
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "application/pdf":
		return ".pdf"
	case "image/png":
		return ".png"
	case "image/jpeg":
		return ".jpg"
	case "application/rtf", "text/rtf":
		return ".rtf"
	case "application/zip":
		return ".zip"
	case "application/pkcs7-signature", "application/x-pkcs7-signature":
		return ".p7s"
	case "application/pgp-signature":
		return ".sig"
	}
	return ".bin"
}

var (
	mailHead = regexp.MustCompile(`(?i)^(?:(?:from|to|cc|subject|date|received|return-path|message-id|mime-version|delivered-to|reply-to|x-[\w-]+|content-[\w-]+):|[ \t])`)
	mailFrom = regexp.MustCompile(`(?im)^from:[^\n]*@`)
)

// looksLikeMail reports whether a text begins as a mail does: header lines only,
// with a sender and one more of those that each mail has, then an empty line.
func looksLikeMail(t string) bool {
	head, _, found := strings.Cut(t[:min(len(t), 16<<10)], "\n\n")
	if !found || !mailFrom.MatchString(head) {
		return false
	}
	seen := false
	for line := range strings.SplitSeq(head, "\n") {
		if !mailHead.MatchString(line) {
			return false
		}
		name, _, _ := strings.Cut(strings.ToLower(line), ":")
		seen = seen || name == "subject" || name == "date" || name == "message-id"
	}
	return seen
}

var (
	mailboxLine = regexp.MustCompile(`^From \S.*\d\d:\d\d`)
	quotedFrom  = regexp.MustCompile(`(?m)^>(>*From )`)
)

// readMailbox reads a file of mails, each after a line that begins with "From "
// (RFC 4155, and the quoting of mboxrd): every mail is a part.
func readMailbox(data []byte) knowledge.Reading {
	var box members
	start, blank := -1, true
	take := func(end int) {
		if start < 0 {
			return
		}
		raw := quotedFrom.ReplaceAll(data[start:end], []byte("$1"))
		e := splitMail(raw)
		box.add(fmt.Sprintf("%04d %s", len(box.parts)+1, mailName(e)), raw, e.date())
	}
	for at := 0; at < len(data); {
		line, rest := cutLine(data[at:])
		next := len(data) - len(rest)
		if blank && mailboxLine.Match(line) {
			take(at)
			start = next
		}
		blank = len(bytes.TrimSpace(line)) == 0
		at = next
	}
	take(len(data))
	if start < 0 && len(bytes.TrimSpace(data)) > 0 {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it is no mailbox: no line in it begins a mail"}
	}
	return box.reading()
}
