package pdf

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groundwork/knowledge"
)

// sheetOf is a page of a test document: its content, and what the page's
// dictionary says besides.
type sheetOf struct{ content, extra string }

// write makes a PDF file: fonts F1 (plain), F2 (bold) and F3 (fixed width), a gray
// picture Im. catalog and info are put into those dictionaries; objects follow the
// pages, numbered from first on.
func write(catalog, info string, pages []sheetOf, objects ...string) []byte {
	all := []string{
		fmt.Sprintf("<< /Type /Catalog /Pages 2 0 R %s >>", catalog),
		"",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
		stream("/Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8", "\x80"),
		fmt.Sprintf("<< %s >>", info),
	}
	var kids []string
	for _, p := range pages {
		n := len(all) + 1
		kids = append(kids, fmt.Sprintf("%d 0 R", n))
		all = append(all, fmt.Sprintf("<< /Type /Page /Parent 2 0 R /Contents %d 0 R %s >>", n+1, p.extra), stream("", p.content))
	}
	all[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R /F2 4 0 R /F3 5 0 R >> /XObject << /Im 6 0 R >> >> >>",
		strings.Join(kids, " "), len(kids))
	all = append(all, objects...)
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	at := make([]int, len(all))
	for i, o := range all {
		at[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(all)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R /Info 7 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(all)+1, start)
	return b.Bytes()
}

func stream(dictionary, content string) string {
	return fmt.Sprintf("<< /Length %d %s >>\nstream\n%s\nendstream", len(content), dictionary, content)
}

// first is the number of the first page's object; its content and the other pages follow.
const first = 8

// at sets one line of text.
func at(font string, size, x, y float64, text string) string {
	return fmt.Sprintf("BT /%s %g Tf %g %g Td (%s) Tj ET\n", font, size, x, y, text)
}

// paragraph sets lines below each other.
func paragraph(x, y float64, lines ...string) (content string) {
	for i, l := range lines {
		content += at("F1", 10, x, y-12*float64(i), l)
	}
	return content
}

// outlineOf writes a reading's blocks, one a line.
func outlineOf(r knowledge.Reading) (lines []string) {
	for _, b := range r.Blocks {
		lines = append(lines, fmt.Sprintf("%v %d %q", b.Kind, b.Level, r.Text[b.Start:b.End]))
	}
	return lines
}

func want(t *testing.T, r knowledge.Reading, lines ...string) {
	t.Helper()
	checkReading(t, t.Name(), r)
	if got := outlineOf(r); !slices.Equal(got, lines) {
		t.Errorf("%s (%s): got\n%s\nwant\n%s", r.State, r.Reason, strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

var ten = []string{
	"The tide gauge at the outer mole is read", "every morning before the first ferry and",
	"every evening after the last one has come", "in, by whoever has the watch, and noted in",
	"the green book that lies beside the gauge.",
}

var other = []string{
	"Spare hooks are kept in the blue cabinet be-", "hind the workshop; the key hangs at the gate",
	"and is signed for. Whoever takes the last of", "them orders twelve more at once and says so",
	"to the harbour office on the same working day.",
}

func TestParagraphsHeadingsLists(t *testing.T) {
	page := at("F2", 20, 72, 770, "Harbour rules") +
		at("F2", 14, 72, 735, "1 Reading the gauge") +
		paragraph(72, 710, ten...) +
		at("F2", 14, 72, 630, "2 Spare parts") +
		paragraph(72, 610, other...) +
		paragraph(72, 540, "\\225 hooks and eyes", "\\225 two ropes of forty metres, kept dry and turned over", "  every month") +
		at("F2", 10, 72, 490, "Who to ask") +
		paragraph(72, 476, ten[:2]...)
	r := newReader(t).Read(context.Background(), "docs/harbour_rules.pdf", write("/Lang (en-GB)", "", []sheetOf{{page, ""}}))
	want(t, r,
		`heading 1 "Harbour rules"`,
		`heading 2 "1 Reading the gauge"`,
		fmt.Sprintf("paragraph 0 %q", strings.Join(ten, " ")),
		`heading 2 "2 Spare parts"`,
		fmt.Sprintf("paragraph 0 %q", strings.Replace(strings.Join(other, " "), "be- ", "be", 1)),
		`item 1 "• hooks and eyes"`,
		`item 1 "• two ropes of forty metres, kept dry and turned over every month"`,
		`heading 3 "Who to ask"`,
		fmt.Sprintf("paragraph 0 %q", strings.Join(ten[:2], " ")),
	)
	if r.Title != "Harbour rules" || r.Lang != "en-GB" || r.Format != "pdf" {
		t.Errorf("title %q, language %q, format %q", r.Title, r.Lang, r.Format)
	}
}

func TestColumnsInOrder(t *testing.T) {
	// The lines are drawn across both columns, as some producers do.
	var page string
	page += at("F2", 16, 200, 790, "Two columns of a page")
	for i := range ten {
		page += paragraph(60, 740-12*float64(i), ten[i]) + paragraph(320, 740-12*float64(i), other[i])
	}
	page += at("F1", 10, 60, 640, "A line over the whole width comes after both of the columns, wherever they end on the page itself.")
	r := newReader(t).Read(context.Background(), "c.pdf", write("", "", []sheetOf{{page, ""}}))
	want(t, r,
		`heading 1 "Two columns of a page"`,
		fmt.Sprintf("paragraph 0 %q", strings.Join(ten, " ")),
		fmt.Sprintf("paragraph 0 %q", strings.Replace(strings.Join(other, " "), "be- ", "be", 1)),
		`paragraph 0 "A line over the whole width comes after both of the columns, wherever they end on the page itself."`,
	)
}

func TestTablesAndCode(t *testing.T) {
	page := paragraph(72, 780, ten...)
	for i, row := range [][3]string{{"Berth", "Length", "Depth"}, {"North", "120 m", "8.5 m"}, {"South", "95 m", "6.0 m"}} {
		for j, cell := range row {
			font := "F1"
			if i == 0 {
				font = "F2"
			}
			page += at(font, 10, 72+150*float64(j), 690-14*float64(i), cell)
		}
	}
	page += at("F3", 10, 72, 600, "if tide > 4 {") + at("F3", 10, 96, 588, "close(gate)") + at("F3", 10, 72, 576, "}")
	r := newReader(t).Read(context.Background(), "c.pdf", write("", "", []sheetOf{{page, ""}}))
	want(t, r,
		fmt.Sprintf("paragraph 0 %q", strings.Join(ten, " ")),
		`row 1 "Berth\tLength\tDepth"`, `row 0 "North\t120 m\t8.5 m"`, `row 0 "South\t95 m\t6.0 m"`,
		`code 0 "if tide > 4 {\n    close(gate)\n}"`,
	)
}

func TestPagesAndFurniture(t *testing.T) {
	var pages []sheetOf
	for i, words := range []string{"First the preface speaks.", "Chapter one begins.", "Chapter one goes on and does not", "end before this page."} {
		pages = append(pages, sheetOf{at("F1", 9, 72, 815, "Harbour handbook, edition 7") + paragraph(72, 600, words) +
			at("F1", 9, 290, 20, fmt.Sprintf("- %d -", i+1)), ""})
	}
	labels := "/PageLabels << /Nums [0 << /S /r >> 1 << /S /D /St 1 >>] >>"
	r := newReader(t).Read(context.Background(), "h.pdf", write(labels, "/Title (The harbour handbook)", pages))
	want(t, r,
		`paragraph 0 "Harbour handbook, edition 7"`,
		`paragraph 0 "First the preface speaks."`,
		`paragraph 0 "Chapter one begins."`,
		`paragraph 0 "Chapter one goes on and does not end before this page."`,
	)
	for words, place := range map[string]string{"preface": "p. i", "begins": "p. 1", "goes": "p. 2", "before": "p. 3"} {
		if got := knowledge.PlaceAt(r.Places, strings.Index(r.Text, words)); got != place {
			t.Errorf("%q stands on %q, want %q", words, got, place)
		}
	}
	if r.Title != "The harbour handbook" {
		t.Errorf("title %q", r.Title)
	}
}

func TestOutlineSaysTheHeadings(t *testing.T) {
	page := at("F1", 10, 72, 780, "2.1 Gates") + paragraph(72, 768, ten...) + at("F1", 10, 72, 690, "Cranes") + paragraph(72, 678, other...)
	entry := func(title, more string) string {
		return fmt.Sprintf("<< /Title (%s) /Dest [%d 0 R /Fit] %s >>", title, first, more)
	}
	// The last entry names itself as its neighbour and child.
	r := newReader(t).Read(context.Background(), "o.pdf", write("/Outlines 10 0 R", "", []sheetOf{{page, ""}},
		"<< /First 11 0 R /Last 11 0 R >>",
		entry("Gates", "/Parent 10 0 R /First 12 0 R /Last 12 0 R"),
		entry("Cranes", "/Parent 11 0 R /First 12 0 R /Next 12 0 R"),
	))
	want(t, r,
		`heading 1 "2.1 Gates"`, fmt.Sprintf("paragraph 0 %q", strings.Join(ten, " ")),
		`heading 2 "Cranes"`, fmt.Sprintf("paragraph 0 %q", strings.Replace(strings.Join(other, " "), "be- ", "be", 1)),
	)
}

func TestTurnedPage(t *testing.T) {
	// The page is turned and so is what is written on it.
	var page string
	for i, l := range ten {
		page += fmt.Sprintf("BT /F1 10 Tf 0 1 -1 0 %d 100 Tm (%s) Tj ET\n", 100+12*i, l)
	}
	r := newReader(t).Read(context.Background(), "t.pdf", write("", "", []sheetOf{{page, "/Rotate 90"}}))
	want(t, r, fmt.Sprintf("paragraph 0 %q", strings.Join(ten, " ")))
}

func TestHiddenText(t *testing.T) {
	page := paragraph(72, 780, "What a reader sees.") +
		"BT 3 Tr /F1 12 Tf 72 740 Td (Invisible words.) Tj 0 Tr ET\n" +
		"BT 1 1 1 rg /F1 12 Tf 72 710 Td (White words.) Tj 0 0 0 rg ET\n" +
		at("F1", 0.5, 72, 680, "Tiny words.") +
		at("F1", 12, 72, -90, "Words below.") +
		at("F1", 12, 72, 640, "Black under black.") + "0 0 0 rg 60 630 200 30 re f\n" +
		"0 0 1 rg 60 580 200 30 re f 0 0 1 rg " + at("F1", 12, 72, 590, "Blue on blue.") +
		"0 0 1 rg 60 530 200 30 re f 1 1 1 rg " + at("F1", 12, 72, 540, "White on blue is seen.") +
		"0 0 0 rg 1 1 1 RG 0.5 w 60 490 200 30 re S " + at("F1", 12, 72, 500, "In a frame is seen.") +
		"0 1 0 RG 20 w 60 460 m 260 460 l S 1 1 1 rg " + at("F1", 12, 72, 455, "On a bar is seen.") + "0 g "
	r := newReader(t).Read(context.Background(), "h.pdf", write("", "", []sheetOf{{page, ""}}))
	checkReading(t, "hidden", r)
	const seen = "What a reader sees. White on blue is seen. In a frame is seen. On a bar is seen."
	if got := plainWords(r.Text); got != seen {
		t.Errorf("read %q", got)
	}
	warning := strings.Join(r.Warnings, " ")
	for _, say := range []string{"15 drawn invisibly", "22 in the colour", "10 too small", "11 beyond the edge", "16 covered"} {
		if !strings.Contains(warning, say) {
			t.Errorf("the warning %q lacks %q", warning, say)
		}
	}
}

func TestScans(t *testing.T) {
	picture := "q 595 0 0 842 0 0 cm /Im Do Q\n"
	r := newReader(t)
	got := r.Read(context.Background(), "s.pdf", write("", "", []sheetOf{{picture, ""}}))
	if got.State != knowledge.Empty || !strings.Contains(got.Reason, "text recognition") {
		t.Errorf("a scan: %s: %s", got.State, got.Reason)
	}
	got = r.Read(context.Background(), "s.pdf", write("", "", []sheetOf{{picture + "3 Tr " + paragraph(72, 700, ten...), ""}}))
	if got.Text != strings.Join(ten, " ") || !strings.Contains(strings.Join(got.Warnings, ""), "text recognition") {
		t.Errorf("a scan with a layer of text: %s %q %q", got.State, got.Text, got.Warnings)
	}
	got = r.Read(context.Background(), "s.pdf", write("", "", []sheetOf{{"", ""}}))
	if got.State != knowledge.Empty || strings.Contains(got.Reason, "text recognition") {
		t.Errorf("an empty page: %s: %s", got.State, got.Reason)
	}
}

func TestNotesFieldsAttachments(t *testing.T) {
	notes := fmt.Sprintf("/Annots [%d 0 R %d 0 R %d 0 R]", first+2, first+3, first+4)
	r := newReader(t).Read(context.Background(), "n.pdf", write(
		fmt.Sprintf("/Names << /EmbeddedFiles << /Names [(a) %d 0 R (b) %d 0 R] >> >>", first+5, first+6), "",
		[]sheetOf{{paragraph(72, 700, "The page."), notes}},
		"<< /Type /Annot /Subtype /Text /Rect [0 0 10 10] /Contents (Ask the pilot.) >>",
		"<< /Type /Annot /Subtype /Widget /FT /Tx /T (n) /Rect [0 0 10 10] /V (Berth nine) >>",
		"<< /Type /Annot /Subtype /Text /Rect [0 0 10 10] /F 2 /Contents (Not shown.) >>",
		fmt.Sprintf("<< /Type /Filespec /F (x) /UF (../../plan.txt) /EF << /F %d 0 R >> >>", first+7),
		fmt.Sprintf("<< /Type /Filespec /F (x) /UF (plan.txt) /EF << /F %d 0 R >> >>", first+7),
		stream("/Type /EmbeddedFile", "the plan"),
	))
	want(t, r, `paragraph 0 "The page."`, `paragraph 0 "Ask the pilot."`, `paragraph 0 "Berth nine"`)
	if len(r.Parts) != 2 || r.Parts[0].Name != "plan.txt" || r.Parts[1].Name == "plan.txt" || string(r.Parts[1].Bytes) != "the plan" {
		t.Errorf("attachments: %v", r.Parts)
	}
}

func TestRefused(t *testing.T) {
	r := newReader(t)
	for path, state := range map[string]knowledge.Outcome{
		"pdf/pdfjs/issue6010_1.pdf": knowledge.NeedsPassword, "pdf/pdfjs/bug1782186.pdf": knowledge.NeedsPassword,
		"own/bad/noise/right_start.pdf": knowledge.Damaged, "own/bad/empty/empty.pdf": knowledge.Damaged,
		"own/bad/bomb/flate.pdf": knowledge.TooLarge, "pdf/docling/ocr_test.pdf": knowledge.Empty,
	} {
		if got := r.Read(context.Background(), path, load(t, path)); got.State != state || got.Reason == "" {
			t.Errorf("%s: %s (%s), want %s", path, got.State, got.Reason, state)
		}
	}
}

// bomb is a page whose content unpacks to n bytes.
func bomb(t testing.TB, n int, fill string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	blanks := bytes.Repeat([]byte(fill), 1<<20/len(fill))
	for range n >> 20 {
		if _, err := w.Write(blanks); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	return write("", "", []sheetOf{
		{paragraph(72, 700, "Before the bomb."), ""},
		{"", fmt.Sprintf("/Contents %d 0 R", first+6)},
		{paragraph(72, 700, "After the bomb."), ""},
	}, stream("/Filter /FlateDecode", b.String()))
}

// One page that needs more memory than the wall allows ends its engine; the other
// pages are read in a new one, and so is the next file.
func TestBombEndsOnlyItsEngine(t *testing.T) {
	r := newReader(t)
	got := r.Read(context.Background(), "b.pdf", bomb(t, 256<<20, " "))
	if got.State != knowledge.Indexed || plainWords(got.Text) != "Before the bomb. After the bomb." ||
		!strings.Contains(strings.Join(got.Warnings, ""), "page 2 broke the PDF engine") {
		t.Errorf("%s (%s): %q %q", got.State, got.Reason, got.Text, got.Warnings)
	}
	next := r.Read(context.Background(), "n.pdf", write("", "", []sheetOf{{paragraph(72, 700, ten...), ""}}))
	want(t, next, fmt.Sprintf("paragraph 0 %q", strings.Join(ten, " ")))
}

func TestTimeIsBounded(t *testing.T) {
	r := newReader(t)
	r.Unstoppable = false
	warm := write("", "", []sheetOf{{paragraph(72, 700, "Warm."), ""}})
	r.Read(context.Background(), "w.pdf", warm)
	r.Limit = 100 * time.Millisecond
	start := time.Now()
	got := r.Read(context.Background(), "b.pdf", bomb(t, 96<<20, "q Q "))
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
	if got.State != knowledge.TooLarge && !strings.Contains(strings.Join(got.Warnings, " "), "the time for one file was up") {
		t.Errorf("%s (%s) %q: no word of the time", got.State, got.Reason, got.Warnings)
	}
	checkReading(t, "slow", got)
	r.Limit = time.Nanosecond
	if got := r.Read(context.Background(), "w.pdf", warm); got.State != knowledge.TooLarge && got.State != knowledge.Waiting {
		t.Errorf("no time at all: %s (%s)", got.State, got.Reason)
	}
	r.Limit = 0
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := r.Read(ctx, "w.pdf", warm); got.State != knowledge.Waiting {
		t.Errorf("a cancelled context: %s", got.State)
	}
	if got := r.Read(context.Background(), "w.pdf", warm); got.Text != "Warm." {
		t.Errorf("afterwards: %s (%s) %q", got.State, got.Reason, got.Text)
	}
}

// The engine is asked to open a file of the disk by its path: it has no disk.
func TestEngineHasNoFiles(t *testing.T) {
	r := newReader(t)
	pool, err := r.engines()
	if err != nil {
		t.Fatal(err)
	}
	data := write("", "", []sheetOf{{paragraph(72, 700, "Secret."), ""}})
	dir := t.TempDir()
	name := filepath.Join(dir, "s.pdf")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	e, err := start(ctx, pool)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for _, p := range []string{name, "/etc/hostname", filepath.ToSlash(name), "s.pdf", "/"} {
		if e.call(ctx, "FPDF_LoadDocument", e.put(ctx, append([]byte(p), 0)), 0) != 0 || e.number(ctx, "FPDF_GetLastError") != 2 || e.err != nil {
			t.Errorf("the engine opened %s, or failed otherwise than by not finding it: %v", p, e.err)
		}
	}
	if e.call(ctx, "FPDF_LoadMemDocument64", e.put(ctx, data), uint64(len(data)), 0) == 0 {
		t.Error("the same file from memory does not open")
	}
	if before := e.mod.Memory().Size(); before > wall<<16 {
		t.Errorf("%d MB of memory", before>>20)
	}
	if _, ok := e.mod.Memory().Grow(wall); ok {
		t.Error("the memory grows beyond the wall")
	}
}

// Tens of thousands of pieces and drawings all over one page.
func TestCrowdedPage(t *testing.T) {
	var page strings.Builder
	seed := uint32(1)
	random := func(n uint32) uint32 {
		seed = seed*1664525 + 1013904223
		return (seed >> 8) % n
	}
	for range 20_000 {
		fmt.Fprintf(&page, "0.%d g %d %d 9 9 re f BT /F1 %d Tf %d %d Td (ab cd) Tj ET\n",
			random(9), random(590), random(830), 4+random(9), random(590), random(830))
	}
	start := time.Now()
	r := newReader(t)
	r.Unstoppable = false
	got := r.Read(context.Background(), "c.pdf", write("", "", []sheetOf{{page.String(), ""}}))
	if took := time.Since(start); took > maxTime+5*time.Second {
		t.Errorf("it took %v", took)
	}
	checkReading(t, "crowded", got)
	t.Logf("%s %s: %d bytes of text, %v", got.State, got.Reason, len(got.Text), time.Since(start))
}

func TestManyAtOnce(t *testing.T) {
	r := newReader(t)
	data := write("", "", []sheetOf{{paragraph(72, 700, ten...), ""}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 3 {
				if got := r.Read(context.Background(), "m.pdf", data); got.Text != strings.Join(ten, " ") {
					t.Errorf("%s (%s): %q", got.State, got.Reason, got.Text)
				}
			}
		})
	}
	wg.Wait()
}

func TestClosed(t *testing.T) {
	r, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := r.Read(context.Background(), "m.pdf", []byte("%PDF-1.7")); got.State != knowledge.Waiting {
		t.Errorf("after Close: %s", got.State)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(write("/Outlines 10 0 R", "/Title (t)", []sheetOf{{paragraph(72, 700, ten...), ""}}, "<< /First 10 0 R >>"))
	f.Add([]byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj trailer<</Root 1 0 R>>"))
	r := newReader(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		checkReading(t, "fuzz", r.Read(context.Background(), "f.pdf", data))
	})
}

// FuzzLayout gives the layout characters at any place, of any size and direction.
func FuzzLayout(f *testing.F) {
	f.Add([]byte("the tide gauge at the outer mole is read"), "1 Gates", uint8(2))
	f.Add([]byte{0, 65, 10, 20, 3, 1, 2, 66, 200, 100, 9, 7}, "a", uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, title string, pages uint8) {
		const letters = "ab-. \u00AD\n•1\tאबあﬁ\uF0B7é\u0301A"
		runes := []rune(letters)
		d := file{sheets: make([]sheet, pages%5+1), title: title, outline: []bookmark{{title, int(pages), 0}}}
		d.labels = make([]string, len(d.sheets))
		for ; len(data) >= 6; data = data[6:] {
			s := &d.sheets[int(data[0])%len(d.sheets)]
			g := glyph{r: runes[int(data[1])%len(runes)]}
			x, y, size := float64(data[2])*2, float64(data[3])*3, float64(data[4]%32)
			g.box = box{x, y, x + size, y + size}
			if data[5]&7 != 0 {
				g.style = &style{size: size, x: x, y: y, turn: 90 * int(data[5]&3), bold: data[5]&8 != 0, mono: data[5]&16 != 0}
			}
			s.glyphs = append(s.glyphs, g)
			s.bounds = box{0, 0, 600, 800}
		}
		checkReading(t, "fuzz", d.reading("stem"))
	})
}
