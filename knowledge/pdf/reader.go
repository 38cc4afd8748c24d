// Package pdf reads the words, blocks and places out of PDF files.
//
// The engine is PDFium, compiled to WebAssembly: it runs in a sandbox without
// files, network and programs, with a wall around its memory, and each file gets
// an instance of its own. What it returns are characters with their places on the
// page; lines, columns, paragraphs, headings and tables are made of them here.
package pdf

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/tetratelabs/wazero"

	"groundwork/internal/fault"
	"groundwork/knowledge"
)

// Version names this reader in a document's recipe; it changes whenever the same
// file would give another text, title or block.
const Version = "pdf/1"

// What is read of one file at most.
const (
	maxPages   = 5_000
	maxText    = 16 << 20              // bytes of text
	maxOutline = 20_000                // bookmarks
	maxTime    = 10 * time.Second      // until a file is given up, and
	perPage    = 50 * time.Millisecond // more for each page that was read
	maxBroken  = 3                     // pages that break the engine
)

// Reader reads PDF files, several at once. It starts its engine with the first
// file: that takes 0.1 s where the compiled engine lies in the cache, else some
// seconds of one core.
type Reader struct {
	// Limit is the time that one file may take; 0 takes 10 s. A file of many pages
	// may take 50 ms more for each page that has been read.
	Limit time.Duration
	// Unstoppable makes the engine about four times faster, and deaf while it is
	// within one of its functions: only for a process that somebody else ends when
	// the time is up. It is looked at when the first file is read.
	Unstoppable bool

	cacheDir string
	mu       sync.Mutex
	pool     pdfium.Pool
	cache    wazero.CompilationCache
	failed   error
	closed   bool
}

// New returns a reader that keeps its compiled engine (40 MB) below cacheDir, which
// it creates for this user alone: what lies there is run. With "" the engine is
// compiled anew each time. The error is of kind Internal.
func New(cacheDir string) (*Reader, error) {
	if cacheDir != "" {
		if err := os.MkdirAll(cacheDir, 0o700); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "make a folder for the PDF engine", "name a cache folder that can be written")
		}
	}
	return &Reader{cacheDir: cacheDir}, nil
}

// Close gives the engine's memory back. No Read may be under way. The error is of
// kind Internal.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.pool == nil {
		return nil
	}
	err := r.pool.Close()
	if r.cache != nil {
		err = errors.Join(err, r.cache.Close(context.Background()))
	}
	r.pool = nil
	return err
}

// Is reports whether data begins as PDF files do: with "%PDF-" among its first
// 1,024 bytes.
func Is(data []byte) bool {
	return bytes.Contains(data[:min(len(data), 1024+4)], []byte("%PDF-"))
}

func (r *Reader) engines() (pdfium.Pool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, fault.New(fault.Internal, "read a PDF file: the reader is closed", "")
	case r.pool == nil && r.failed == nil:
		r.pool, r.cache, r.failed = compile(r.cacheDir, max(2, runtime.GOMAXPROCS(0)), !r.Unstoppable)
	}
	return r.pool, r.failed
}

// Read returns what stands in the file. State is Indexed when there are words;
// Empty when there are none, as in a scan; NeedsPassword; Damaged when the engine
// cannot make sense of it; TooLarge when it needs more memory or time than one
// file may have; Waiting when the engine does not start or ctx ends. Blocks are in
// reading order, places are pages ("p. 12", "p. iv" where the file numbers its
// pages so), Parts are the attachments. What a reader of the pages does not see is
// left out and counted in a warning.
func (r *Reader) Read(ctx context.Context, name string, data []byte) (reading knowledge.Reading) {
	defer func() {
		// One file that breaks the reader must not stop the others.
		if v := recover(); v != nil {
			reading = knowledge.Reading{State: knowledge.Damaged, Reason: fmt.Sprintf("it broke the reader: %v", v)}
		}
		reading.Format = "pdf"
	}()
	if !Is(data) {
		return knowledge.Reading{State: knowledge.Damaged, Reason: "it does not begin as a PDF file does"}
	}
	pool, err := r.engines()
	if err != nil {
		return knowledge.Reading{State: knowledge.Waiting, Reason: fmt.Sprintf("the PDF engine did not start: %v", err)}
	}
	f := file{data: data, limit: cmp.Or(r.Limit, maxTime)}
	defer f.close()
	state, reason := f.read(ctx, pool)
	switch {
	case ctx.Err() != nil:
		return knowledge.Reading{State: knowledge.Waiting, Reason: "reading was stopped"}
	case state != "":
		return knowledge.Reading{State: state, Reason: reason}
	}
	return f.reading(strings.TrimSuffix(path.Base(name), path.Ext(name)))
}

// file is a PDF file while it is read.
type file struct {
	data  []byte
	limit time.Duration
	*engine
	doc      uint64
	pages    int // in the file
	sheets   []sheet
	labels   []string
	title    string
	lang     string
	outline  []bookmark
	parts    []knowledge.Inner
	left     removed
	warnings []string
}

// bookmark is an entry of the outline.
type bookmark struct {
	title string
	level int // from 1
	page  int // from 0; -1 when it leads elsewhere
}

func (f *file) warn(format string, args ...any) {
	f.warnings = append(f.warnings, fmt.Sprintf(format, args...))
}

func (f *file) close() {
	if f.engine != nil {
		f.engine.close()
	}
}

// start gets an instance of the engine, in place of the one before.
func (f *file) start(ctx context.Context, pool pdfium.Pool) (knowledge.Outcome, string) {
	f.close()
	var err error
	if f.engine, err = start(ctx, pool); err != nil {
		f.engine = nil
		return knowledge.Waiting, fmt.Sprintf("the PDF engine did not start: %v", err)
	}
	return "", ""
}

// again starts over after a failure.
func (f *file) again(ctx context.Context, pool pdfium.Pool) (knowledge.Outcome, string) {
	if state, reason := f.start(ctx, pool); state != "" {
		return state, reason
	}
	return f.open(ctx)
}

// open opens the document.
func (f *file) open(ctx context.Context) (knowledge.Outcome, string) {
	at := f.put(ctx, f.data)
	if at == 0 {
		return knowledge.TooLarge, fmt.Sprintf("its %d MB do not fit into the memory that one file may have", len(f.data)>>20)
	}
	f.doc = f.call(ctx, "FPDF_LoadMemDocument64", at, uint64(len(f.data)), 0)
	if f.err != nil {
		return f.broken(ctx)
	}
	if f.doc == 0 {
		switch f.number(ctx, "FPDF_GetLastError") {
		case 4:
			return knowledge.NeedsPassword, "it is locked with a password"
		case 5:
			return knowledge.NeedsPassword, "it is encrypted in a way that this program does not know"
		case 3:
			return knowledge.Damaged, "its structure is broken: no table of its parts can be found or rebuilt"
		}
		return knowledge.Damaged, "it cannot be opened as a PDF file"
	}
	return "", ""
}

// broken says why a call failed.
func (f *file) broken(ctx context.Context) (knowledge.Outcome, string) {
	switch {
	case ctx.Err() != nil:
		return knowledge.TooLarge, "reading it took longer than one file may take"
	case f.mod.Memory() != nil && f.mod.Memory().Size() > (wall<<16)/4: // where the next step does not fit, the engine ends itself
		return knowledge.TooLarge, fmt.Sprintf("reading it takes more than the %d MB of memory that one file may have", wall>>4)
	}
	return knowledge.Damaged, "it broke the PDF engine"
}

// read takes everything off the file; a state means that nothing was.
func (f *file) read(ctx context.Context, pool pdfium.Pool) (knowledge.Outcome, string) {
	if state, reason := f.start(ctx, pool); state != "" {
		return state, reason
	}
	// Waiting for an engine is not the file's fault.
	start := time.Now()
	until := func(pages int) (context.Context, context.CancelFunc) {
		return context.WithDeadline(ctx, start.Add(f.limit+time.Duration(pages)*perPage))
	}
	inner, cancel := until(0)
	defer cancel()
	if state, reason := f.open(inner); state != "" {
		return state, reason
	}
	f.about(inner)
	if f.err != nil {
		if inner.Err() != nil {
			return f.broken(inner)
		}
		// The properties may break the engine where the pages do not.
		if state, reason := f.again(inner, pool); state != "" {
			return state, reason
		}
	}
	f.pages = f.number(inner, "FPDF_GetPageCount", f.doc)
	if f.pages <= 0 {
		return knowledge.Damaged, "it has no pages"
	}
	var missing, broke []string
	var state knowledge.Outcome // of the last page that broke the engine
	var reason string
	size, words, late := 0, false, false
	for i := range min(f.pages, maxPages) {
		inner, cancel := until(i)
		s, label, ok := f.page(inner, i)
		late = inner.Err() != nil
		again := knowledge.Outcome("")
		switch {
		case late:
			state, reason = f.broken(inner)
		case f.err != nil:
			state, reason = f.broken(inner)
			if broke = append(broke, fmt.Sprint(i+1)); len(broke) < maxBroken {
				again, _ = f.again(inner, pool)
			} else {
				again = state
			}
		case !ok:
			missing = append(missing, fmt.Sprint(i+1))
		}
		cancel()
		if late {
			break
		}
		f.sheets, f.labels = append(f.sheets, s), append(f.labels, label)
		size += len(s.glyphs)
		words = words || len(s.glyphs) > 0
		if again != "" || size > maxText || !words && len(missing) > 100 {
			break // a page tree may promise a million pages that it does not hold
		}
	}
	switch {
	case ctx.Err() != nil:
		return knowledge.Waiting, "reading was stopped"
	case words:
	case len(broke) > 0, late:
		return state, reason
	case len(missing) == len(f.sheets):
		return knowledge.Damaged, "none of its pages can be opened"
	}
	if len(f.sheets) < f.pages {
		f.warn("only the first %d of %d pages were read", len(f.sheets), f.pages)
	}
	if late {
		f.warn("the time for one file was up")
	}
	if len(missing) > 0 {
		f.warn("%s could not be opened and %s left out", pageList(missing), were(len(missing)))
	}
	if len(broke) > 0 {
		f.warn("%s broke the PDF engine and %s left out", pageList(broke), were(len(broke)))
	}
	return "", ""
}

// page reads one page, from 0. It is not ok where the page cannot be opened.
func (f *file) page(ctx context.Context, i int) (s sheet, label string, ok bool) {
	label = f.label(ctx, i)
	page := f.call(ctx, "FPDF_LoadPage", f.doc, uint64(i))
	if page == 0 {
		return s, label, false
	}
	s = f.engine.read(ctx, page)
	f.call(ctx, "FPDF_ClosePage", page)
	return s, label, true
}

func were(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// pageList writes "page 7", "pages 7, 8" or "12 pages (the first is 7)".
func pageList(pages []string) string {
	switch {
	case len(pages) == 1:
		return "page " + pages[0]
	case len(pages) <= 10:
		return "pages " + strings.Join(pages, ", ")
	}
	return fmt.Sprintf("%d pages (the first is %s)", len(pages), pages[0])
}

// label is what the file itself calls a page; "" when it does not say.
func (f *file) label(ctx context.Context, page int) string {
	l := strings.Join(strings.Fields(tidy(f.text(ctx, "FPDF_GetPageLabel", f.doc, uint64(page)))), " ")
	if len(l) > 24 {
		return ""
	}
	return l
}

// about takes the properties, the outline and the attachments.
func (f *file) about(ctx context.Context) {
	if key := f.put(ctx, []byte("Title\x00")); key != 0 {
		f.title = f.text(ctx, "FPDF_GetMetaText", f.doc, key)
	}
	f.lang = f.text(ctx, "FPDFCatalog_GetLanguage", f.doc)
	if form := f.number(ctx, "FPDF_GetFormType", f.doc); form == 2 {
		f.warn("it is a dynamic form (XFA): only what its pages show without one was read")
	}
	seen := map[uint64]bool{}
	f.marks(ctx, 0, 1, seen)
	f.attachments(ctx)
}

// marks walks the outline below parent; an outline may run in circles.
func (f *file) marks(ctx context.Context, parent uint64, level int, seen map[uint64]bool) {
	for b := f.call(ctx, "FPDFBookmark_GetFirstChild", f.doc, parent); b != 0 && !seen[b] && len(seen) < maxOutline && f.err == nil; {
		seen[b] = true
		m := bookmark{title: oneLine(tidy(f.text(ctx, "FPDFBookmark_GetTitle", b))), level: level, page: -1}
		dest := f.call(ctx, "FPDFBookmark_GetDest", f.doc, b)
		if dest == 0 {
			if action := f.call(ctx, "FPDFBookmark_GetAction", b); action != 0 {
				dest = f.call(ctx, "FPDFAction_GetDest", f.doc, action)
			}
		}
		if dest != 0 {
			m.page = f.number(ctx, "FPDFDest_GetDestPageIndex", f.doc, dest)
		}
		f.outline = append(f.outline, m)
		if level < 20 {
			f.marks(ctx, b, level+1, seen)
		}
		b = f.call(ctx, "FPDFBookmark_GetNextSibling", f.doc, b)
	}
}

const (
	maxAttachments    = 1000
	maxAttachmentSize = 64 << 20 // bytes, of all together
)

// attachments takes the files that are attached to the document.
func (f *file) attachments(ctx context.Context) {
	n, left, lost := f.number(ctx, "FPDFDoc_GetAttachmentCount", f.doc), maxAttachmentSize, 0
	names := map[string]bool{}
	for i := range min(max(0, n), maxAttachments) {
		a := f.call(ctx, "FPDFDoc_GetAttachment", f.doc, uint64(i))
		if a == 0 || f.err != nil {
			lost++
			continue
		}
		q := f.scratch
		ok := f.call(ctx, "FPDFAttachment_GetFile", a, 0, 0, q)
		size := f.ints(1)[0]
		if ok == 0 || size <= 0 || size > left {
			lost++
			continue
		}
		p := f.call(ctx, "malloc", uint64(size))
		if p == 0 || f.call(ctx, "FPDFAttachment_GetFile", a, p, uint64(size), q) == 0 {
			lost++
			continue
		}
		left -= size
		name := innerName(f.text(ctx, "FPDFAttachment_GetName", a), i+1, names)
		f.parts = append(f.parts, knowledge.Inner{Name: name, Bytes: bytes.Clone(f.bytes(p, size))})
		f.call(ctx, "free", p)
	}
	if lost += max(0, n-maxAttachments); lost > 0 {
		f.warn("%d of its %d attachments could not be taken out", lost, n)
	}
}

// innerName makes a stated name safe and unique.
func innerName(stated string, n int, taken map[string]bool) string {
	name := path.Base("/" + strings.ReplaceAll(oneLine(tidy(stated)), "\\", "/"))
	if name == "/" || name == "." || name == ".." {
		name = fmt.Sprintf("attachment %d", n)
	}
	for taken[name] {
		name = fmt.Sprintf("%d %s", n, name)
	}
	taken[name] = true
	return name
}
