package office

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/readingtest"
	"groundwork/knowledge/text"
)

// zipped packs names and contents, given in turn.
func zipped(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rels writes relations as "id kind target".
func rels(lines ...string) string {
	var b strings.Builder
	b.WriteString(`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`)
	for _, l := range lines {
		f := strings.Fields(l)
		fmt.Fprintf(&b, `<Relationship Id="%s" Type="http://example.org/relationships/%s" Target="%s"/>`, f[0], f[1], f[2])
	}
	return b.String() + "</Relationships>"
}

// reading reads what must be a document of an office program, by name or content.
func reading(t testing.TB, name string, data []byte) knowledge.Reading {
	t.Helper()
	r, mine := Read(name, data, text.Read)
	if !mine {
		t.Errorf("%s: it was not taken", name)
	}
	return r
}

func want(t *testing.T, r knowledge.Reading, blocks ...string) {
	t.Helper()
	readingtest.Sound(t, r.Format, r)
	if diff := cmp.Diff(blocks, readingtest.Show(r)); diff != "" {
		t.Errorf("state %s (%s)\n%s", r.State, r.Reason, diff)
	}
}

const docxMain = `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="w" xmlns:r="r" xmlns:mc="mc"><w:body>%s</w:body></w:document>`

// docx packs a body with styles, lists, notes, a header and comments.
func docx(t testing.TB, body string) []byte {
	return zipped(t,
		"_rels/.rels", rels("r1 officeDocument word/document.xml", "r2 core-properties docProps/core.xml"),
		"docProps/core.xml", `<cp xmlns:dc="dc"><dc:title>Microsoft Word - draft.doc</dc:title></cp>`,
		"word/document.xml", fmt.Sprintf(docxMain, body),
		"word/_rels/document.xml.rels", rels("s styles styles.xml", "n numbering numbering.xml", "f footnotes footnotes.xml", "h header header1.xml", "h2 header header2.xml", "c comments comments.xml", "e package embeddings/inner.docx"),
		"word/styles.xml", `<w:styles><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style><w:style w:styleId="Own"><w:name w:val="Chapter"/><w:basedOn w:val="berschrift1"/></w:style>
			<w:style w:styleId="TOC1"><w:name w:val="toc 1"/></w:style><w:style w:styleId="Ghost"><w:name w:val="Ghost"/><w:rPr><w:vanish/></w:rPr></w:style><w:style w:styleId="Pre"><w:name w:val="HTML Preformatted"/></w:style></w:styles>`,
		"word/numbering.xml", `<w:numbering><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>
			<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl></w:abstractNum>
			<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num></w:numbering>`,
		"word/footnotes.xml", `<w:footnotes><w:footnote w:type="separator" w:id="0"><w:p><w:r><w:t>---</w:t></w:r></w:p></w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>At low water.</w:t></w:r></w:p></w:footnote></w:footnotes>`,
		"word/header1.xml", `<w:hdr><w:p><w:r><w:t>INTERNAL ONLY</w:t></w:r></w:p><w:p><w:r><w:t>Page 3</w:t></w:r></w:p></w:hdr>`,
		"word/header2.xml", `<w:hdr><w:p><w:r><w:t>Page </w:t></w:r><w:r><w:t>2</w:t></w:r></w:p></w:hdr>`,
		"word/comments.xml", `<w:comments><w:comment><w:p><w:r><w:t>Is this so?</w:t></w:r></w:p></w:comment></w:comments>`,
		"word/embeddings/inner.docx", "PK")
}

func wp(props, s string) string {
	return "<w:p><w:pPr>" + props + "</w:pPr><w:r><w:t>" + s + "</w:t></w:r></w:p>"
}

func TestDOCX(t *testing.T) {
	numbered := func(list, depth int, s string) string {
		return wp(fmt.Sprintf(`<w:numPr><w:ilvl w:val="%d"/><w:numId w:val="%d"/></w:numPr>`, depth, list), s)
	}
	cell := func(props, s string) string {
		return "<w:tc><w:tcPr>" + props + "</w:tcPr>" + wp("", s) + "</w:tc>"
	}
	r := reading(t, "the-locks.docx", docx(t, strings.Join([]string{
		wp(`<w:pStyle w:val="TOC1"/>`, "Locks 3"),
		wp(`<w:pStyle w:val="Own"/>`, "Locks"),
		wp(`<w:outlineLvl w:val="2"/>`, "Gates"),
		`<w:p><w:r><w:t>Depth </w:t></w:r><w:r><w:t>s</w:t><w:footnoteReference w:id="2"/></w:r><w:r><w:tab/><w:t>vary.</w:t></w:r></w:p>`,
		`<w:p><w:r><w:t xml:space="preserve">We pay </w:t></w:r><w:del><w:r><w:delText>ninety</w:delText><w:t>ninety</w:t></w:r></w:del><w:ins><w:r><w:t>eighty</w:t></w:r></w:ins><w:r><w:instrText>PAGE \* X</w:instrText><w:t> crowns.</w:t></w:r></w:p>`,
		`<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:rPr><w:color w:val="FFFFFF"/></w:rPr><w:t>white</w:t></w:r><w:r><w:rPr><w:color w:val="FFFFFF"/><w:shd w:fill="000000"/></w:rPr><w:t>sign</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> seen</w:t></w:r></w:p>`,
		wp(`<w:pStyle w:val="Ghost"/>`, "ghost"),
		numbered(1, 0, "first"), numbered(1, 1, "below"), numbered(1, 1, "again"), numbered(1, 0, "second"), numbered(2, 0, "bullet"), numbered(3, 0, "seventh"),
		wp(`<w:pStyle w:val="Pre"/>`, "if x"), wp(`<w:pStyle w:val="Pre"/>`, "  y"),
		`<w:p><w:r><w:t>Beside a box.</w:t></w:r><w:r><mc:AlternateContent><mc:Choice><w:drawing><w:txbxContent>` + wp("", "In the box.") + `</w:txbxContent></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>` + wp("", "In the box.") + `</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>`,
		`<w:tbl><w:tblPr><w:tblLook w:val="04A0"/></w:tblPr>`,
		`<w:tr>` + cell("", "Gate") + cell("", "Width") + cell("", "Note") + `</w:tr>`,
		`<w:tr>` + cell(`<w:vMerge w:val="restart"/>`, "North") + cell(`<w:gridSpan w:val="2"/>`, "9 | 10") + `</w:tr>`,
		`<w:tr>` + cell(`<w:vMerge/>`, "") + cell("", "11") + cell("", "new") + `</w:tr>`,
		`<w:tr><w:trPr><w:del/></w:trPr>` + cell("", "gone") + cell("", "gone") + `</w:tr>`,
		`</w:tbl>`,
		`<w:tbl><w:tr>` + cell("", "A frame of one cell.") + `</w:tr></w:tbl>`,
		`<w:sdt><w:sdtPr><w:alias w:val="x"/></w:sdtPr><w:sdtContent>` + wp("", "In a control.") + `</w:sdtContent></w:sdt>`,
	}, "")))
	want(t, r,
		"heading 1: Locks", "heading 3: Gates", "paragraph: Depth s\tvary.", "paragraph: At low water.", "paragraph: We pay eighty crowns.", "paragraph: sign seen",
		"item 1: 1. first", "item 2: 1.a) below", "item 2: 1.b) again", "item 1: 2. second", "item 1: bullet", "item 1: 7. seventh",
		"code: if x\n  y", "paragraph: Beside a box.", "paragraph: In the box.",
		"row 1: | Gate | Width | Note |", `row: | North | 9 \| 10 |  |`, "row: | North | 11 | new |",
		"paragraph: A frame of one cell.", "paragraph: In a control.", "paragraph: INTERNAL ONLY | Page 3")
	if r.Title != "Locks" || r.Format != "docx" {
		t.Errorf("title %q, format %q", r.Title, r.Format)
	}
	if diff := cmp.Diff([]string{"left out review comments (1)", "it holds tracked changes; they were read as if all were accepted", "left out hidden text (16 characters)"}, r.Warnings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]knowledge.Inner{{Name: "word/embeddings/inner.docx", Bytes: []byte("PK")}}, r.Parts); diff != "" {
		t.Error(diff)
	}
}

func sp(kind, s string) string {
	ph := ""
	if kind != "" {
		ph = `<p:ph type="` + kind + `"/>`
	}
	return `<p:sp><p:nvSpPr><p:cNvPr id="1" name="x"/><p:nvPr>` + ph + `</p:nvPr></p:nvSpPr><p:txBody>` + s + `</p:txBody></p:sp>`
}

func ap(props, s string) string {
	return "<a:p><a:pPr" + props + "</a:pPr><a:r><a:t>" + s + "</a:t></a:r></a:p>"
}

func pptx(t testing.TB, first string) []byte {
	slide := func(attr, s string) string {
		return `<p:sld xmlns:p="p" xmlns:a="a"` + attr + `><p:cSld><p:spTree>` + s + `</p:spTree></p:cSld></p:sld>`
	}
	return zipped(t,
		"_rels/.rels", rels("r officeDocument ppt/presentation.xml"),
		"ppt/presentation.xml", `<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="b"/><p:sldId id="257" r:id="a"/><p:sldId id="258" r:id="c"/></p:sldIdLst></p:presentation>`,
		"ppt/_rels/presentation.xml.rels", rels("a slide slides/slide1.xml", "b slide slides/slide2.xml", "c slide slides/slide3.xml"),
		"ppt/slides/slide2.xml", slide("", first),
		"ppt/slides/slide1.xml", slide(` show="0"`, sp("title", ap(">", "Backup"))),
		"ppt/slides/slide3.xml", slide("", sp("", ap(">", "No title here"))+sp("ftr", ap(">", "Yard, internal"))),
		"ppt/slides/_rels/slide2.xml.rels", rels("n notesSlide ../notesSlides/n1.xml", "l slideLayout ../slideLayouts/l1.xml", "g chart ../charts/c1.xml"),
		"ppt/notesSlides/n1.xml", slide("", sp("sldImg", "")+sp("body", ap(">", "Pause here."))+sp("sldNum", ap(">", "1"))),
		"ppt/slideLayouts/l1.xml", slide("", sp("title", ap(">", "Click to edit"))+sp("", ap(">", "CONFIDENTIAL"))),
		"ppt/charts/c1.xml", `<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Lifts</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:f>S!B1</c:f><c:strCache><c:pt idx="0"><c:v>2025</c:v></c:pt></c:strCache></c:strRef></c:tx>
			<c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>North</c:v></c:pt><c:pt idx="1"><c:v>South</c:v></c:pt></c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache><c:formatCode>0.0%</c:formatCode><c:pt idx="0"><c:v>0.125</c:v></c:pt><c:pt idx="1"><c:v>0.5</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>`)
}

func TestPPTX(t *testing.T) {
	r := reading(t, "deck.pptx", pptx(t, sp("body", ap(` lvl="0">`, "Hooks")+ap(` lvl="1">`, "Spare")+ap(`><a:buNone/>`, "No bullet"))+sp("dt", ap(">", "1 May"))+sp("ctrTitle", ap(">", "Cranes")+ap(">", "at work"))+
		`<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow="1"/><a:tr><a:tc gridSpan="2"><a:txBody>`+ap(">", "Crane")+`</a:txBody></a:tc><a:tc hMerge="1"><a:txBody/></a:tc><a:tc><a:txBody>`+ap(">", "Load")+`</a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody>`+ap(">", "7")+`</a:txBody></a:tc><a:tc><a:txBody>`+ap(">", "b")+`</a:txBody></a:tc><a:tc><a:txBody>`+ap(">", "9 t")+`</a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>`+
		`<p:graphicFrame><c:chart xmlns:r="r" r:id="g"/></p:graphicFrame>`))
	want(t, r,
		"heading 1: Cranes at work", "item 1: Hooks", "item 2: Spare", "paragraph: No bullet", "row 1: | Crane |  | Load |", "row: | 7 | b | 9 t |",
		"paragraph: Lifts", "row 1: |  | 2025 |", "row: | North | 12.5% |", "row: | South | 50.0% |", "paragraph: Pause here.",
		"heading 2: Slide 3", "paragraph: No title here", "paragraph: Yard, internal", "paragraph: CONFIDENTIAL")
	var places []string
	for _, p := range r.Places {
		line, _, _ := strings.Cut(r.Text[p.Start:], "\n")
		places = append(places, p.Name+": "+line)
	}
	if diff := cmp.Diff([]string{"slide 1: Cranes at work", "slide 1, notes: Pause here.", "slide 3: Slide 3", "all slides: Yard, internal"}, places); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"left out hidden slides (1)"}, r.Warnings); diff != "" || r.Title != "Cranes at work" {
		t.Error(diff, r.Title)
	}
}

func xlsx(t testing.TB, data string) []byte {
	sheet := func(s string) string { return `<worksheet xmlns:r="r">` + s + `</worksheet>` }
	return zipped(t,
		"_rels/.rels", rels("r officeDocument xl/workbook.xml"),
		"xl/workbook.xml", `<workbook xmlns:r="r"><workbookPr/><sheets><sheet name="Open water" r:id="a"/><sheet name="Wages" state="veryHidden" r:id="b"/><sheet name="Gone" r:id="z"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels", rels("a worksheet worksheets/sheet1.xml", "b worksheet worksheets/sheet2.xml", "s sharedStrings sharedStrings.xml", "t styles styles.xml"),
		"xl/sharedStrings.xml", `<sst><si><t>Crane</t></si><si><r><t>Served_x000A_on</t></r><rPh><t>kana</t></rPh></si></sst>`,
		"xl/styles.xml", `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="d\.m\.yyyy"/><numFmt numFmtId="165" formatCode="#,##0.00\ [$€-407]"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="9"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml", sheet(data),
		"xl/worksheets/sheet2.xml", sheet(`<sheetData><row><c t="inlineStr"><is><t>wages</t></is></c></row></sheetData>`))
}

func TestXLSX(t *testing.T) {
	text := func(at, s string) string { return `<c r="` + at + `" t="inlineStr"><is><t>` + s + `</t></is></c>` }
	r := reading(t, "book.xlsx", xlsx(t, `<cols><col min="5" max="5" hidden="1"/></cols><sheetData>`+
		`<row r="1">`+text("B1", "Cranes of the yard")+`</row>`+
		`<row r="3"><c r="B3" t="s"><v>0</v></c><c r="C3" t="s"><v>1</v></c><c r="D3" t="str"><v>Cost</v></c>`+text("E3", "hidden")+`<c r="XFD3"/></row>`+
		`<row r="4"><c r="B4"><v>7</v></c><c r="C4" s="1"><v>45292</v></c><c r="D4" s="3"><f>1+1</f><v>1234.5</v></c></row>`+
		`<row r="5" hidden="1">`+text("B5", "secret")+`</row>`+
		`<row r="6"><c r="B6"><v>8</v></c><c r="C6" s="2"><v>45293.5</v></c><c r="D6"><f>1/0</f></c></row>`+
		`<row r="7"><c r="B7" t="e"><v>#REF!</v></c><c r="C7" t="b"><v>1</v></c><c r="D7" s="4"><v>0.07</v></c></row>`+
		`<row r="900">`+text("ZZ900", "Far corner")+`</row>`+
		`</sheetData><headerFooter><oddHeader>&amp;L&amp;"Arial,Bold"INTERNAL&amp;RPage &amp;P</oddHeader></headerFooter>`))
	want(t, r,
		"heading 1: Open water", "paragraph: Cranes of the yard", "row 1: | Crane | Served on | Cost |", "row: | 7 | 2024-01-01 | 1,234.50 € |", "row: | 8 | 2.1.2024 |  |", "row: | #REF! | TRUE | 7% |",
		"paragraph: Far corner", "paragraph: INTERNAL | Page")
	places := map[string]string{}
	for _, p := range r.Places {
		places[p.Name], _, _ = strings.Cut(r.Text[p.Start:], "\n")
	}
	for name, line := range map[string]string{"'Open water'!B4": "| 7 | 2024-01-01 | 1,234.50 € |", "'Open water'!ZZ900": "Far corner", "'Open water'!B1": "Cranes of the yard"} {
		if places[name] != line {
			t.Errorf("%s is %q", name, places[name])
		}
	}
	if diff := cmp.Diff([]string{"left out hidden sheets (1)", "left out hidden rows (1)", "left out hidden columns (1)", "the parts of 1 of its sheets are missing"}, r.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestShown(t *testing.T) {
	for _, c := range []struct{ stored, format, want string }{
		{"0.30000000000000004", "", "0.3"}, {"123456789012345678", "General", "123456789012345678"}, {"1E-9", "", "1e-09"}, {"-0.5", "General", "-0.5"},
		{"1599.99", "#,##0.00", "1,599.99"}, {"-1599.99", "$#,##0.00;[Red]($#,##0.00)", "($1,599.99)"}, {"1234567", "#,##0,", "1,235"}, {"198000000", "0.00E+00", "1.98E+08"},
		{"0.025", "0.0%", "2.5%"}, {"0.025", "0%", "3%"}, {"1.005", "0.00", "1.01"}, {"-2.5", "0", "-3"}, {"12345678901234567890", "0", "12345678901234567890"}, {"7", "000", "007"}, {"5551234", "000-0000", "555-1234"}, {"0.5", "#.##", "0.5"}, {"3", "#.##", "3"}, {"-0.001", "0.0", "0.0"},
		{"5", `0 "pcs"`, "5 pcs"}, {"2.5", "# ?/?", "2.5"}, {"0", `0;-0;"none"`, "none"}, {"12", `[>10]"many";"few"`, "many"}, {"2", `[>10]"many";"few"`, "few"}, {"3", ";;;", ""}, {"3", "@", "3"}, {"x", "0.00", "x"},
		{"45292", "yyyy-mm-dd", "2024-01-01"}, {"45292.75", "dd/mm/yyyy hh:mm", "01/01/2024 18:00"}, {"45292.75", "h:mm AM/PM", "6:00 PM"}, {"0.5", "h:mm:ss", "12:00:00"}, {"1.5", "[h]:mm", "36:00"}, {"45292", "[$-F800]dddd, mmmm dd, yyyy", "Monday, January 01, 2024"},
		{"1", "yyyy-mm-dd", "1900-01-01"}, {"61", "yyyy-mm-dd", "1900-03-01"}, {"45292.99999999", "yyyy-mm-dd hh:mm:ss", "2024-01-02 00:00:00"}, {"99999999", "yyyy", "99999999"}, {"45292", "mmm-yy", "Jan-24"}, {"0.000011574", "mm:ss.000", "00:01.000"},
	} {
		if got := shown(c.stored, c.format, false); got != c.want {
			t.Errorf("%s under %q is %q, want %q", c.stored, c.format, got, c.want)
		}
	}
	if got := shown("0", "yyyy-mm-dd", true); got != "1904-01-01" {
		t.Error(got)
	}
}

func odfile(t testing.TB, kind, styles, body string) []byte {
	return zipped(t, "mimetype", "application/vnd.oasis.opendocument."+kind, "META-INF/manifest.xml", "<manifest/>",
		"meta.xml", `<office:document-meta><office:meta><dc:title>Stated title</dc:title><dc:language>de</dc:language></office:meta></office:document-meta>`,
		"styles.xml", `<office:document-styles><office:master-styles><style:master-page><style:footer><text:p>Yard, page <text:page-number>1</text:page-number></text:p></style:footer><draw:frame presentation:class="title"><draw:text-box><text:p>Click</text:p></draw:text-box></draw:frame></style:master-page></office:master-styles></office:document-styles>`,
		"content.xml", `<office:document-content><office:automatic-styles>`+styles+`</office:automatic-styles><office:body><office:`+kind+`>`+body+`</office:`+kind+`></office:body></office:document-content>`)
}

func TestODF(t *testing.T) {
	r := reading(t, "a.odt", odfile(t, "text", `<style:style style:name="G" style:family="text"><style:text-properties text:display="none"/></style:style><style:style style:name="P1" style:family="paragraph" style:parent-style-name="Title"/>`,
		`<text:tracked-changes><text:changed-region><text:deletion><text:p>ninety</text:p></text:deletion></text:changed-region></text:tracked-changes>`+
			`<text:p text:style-name="P1">Locks</text:p><text:h text:outline-level="2">Gates</text:h><text:p>one<text:s text:c="2"/>two<text:tab/>three
			four<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>At low water.</text:p></text:note-body></text:note><text:span text:style-name="G">ghost</text:span><office:annotation><text:p>really?</text:p></office:annotation></text:p>`+
			`<text:list><text:list-item><text:p>a</text:p><text:list><text:list-item><text:p>b</text:p></text:list-item></text:list></text:list-item></text:list>`+
			`<text:p>Box:<draw:frame><draw:text-box><text:p>inside</text:p></draw:text-box></draw:frame></text:p>`+
			`<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Gate</text:p></table:table-cell><table:table-cell><text:p>Width</text:p></table:table-cell></table:table-row></table:table-header-rows><table:table-row><table:table-cell><text:p>North</text:p></table:table-cell><table:table-cell><text:p>9</text:p></table:table-cell></table:table-row></table:table>`))
	want(t, r, "heading 1: Locks", "heading 2: Gates", "paragraph: one  two\tthree four", "paragraph: At low water.", "item 1: a", "item 2: b", "paragraph: Box:", "paragraph: inside",
		"row 1: | Gate | Width |", "row: | North | 9 |", "paragraph: Yard, page")
	if r.Title != "Stated title" || r.Lang != "de" || len(r.Warnings) != 3 {
		t.Errorf("title %q, language %q, warnings %q", r.Title, r.Lang, r.Warnings)
	}

	cell := func(attr, s string) string {
		return `<table:table-cell ` + attr + `><text:p>` + s + `</text:p></table:table-cell>`
	}
	r = reading(t, "a.ods", odfile(t, "spreadsheet", `<style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style>`,
		`<table:table table:name="S"><table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="16384"/></table:table-row><table:table-row><table:table-cell/>`+cell(`office:value-type="string"`, "Year")+cell(`office:value-type="string"`, "Ducks")+`</table:table-row>`+
			`<table:table-row><table:table-cell/>`+cell(`office:value-type="float"`, "2019")+cell(`office:value-type="float"`, "120")+`</table:table-row><table:table-row table:visibility="collapse">`+cell("", "x")+`</table:table-row><table:table-row table:number-rows-repeated="99999999"><table:table-cell/></table:table-row></table:table>`+
			`<table:table table:name="H" table:style-name="ta2"><table:table-row>`+cell("", "hidden")+`</table:table-row></table:table>`))
	want(t, r, "heading 1: S", "row 1: | Year | Ducks |", "row: | 2019 | 120 |", "paragraph: Yard, page")
	if got := knowledge.PlaceAt(r.Places, strings.Index(r.Text, "| 2019")); got != "S!B4" || len(r.Warnings) != 2 {
		t.Errorf("place %q, warnings %q", got, r.Warnings)
	}

	r = reading(t, "a.odp", odfile(t, "presentation", `<style:style style:name="dp2" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>`,
		`<draw:page><draw:frame presentation:class="outline"><draw:text-box><text:list><text:list-item><text:p>Point</text:p></text:list-item></text:list></draw:text-box></draw:frame><draw:frame presentation:class="title"><draw:text-box><text:p>Cranes</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame presentation:class="notes"><draw:text-box><text:p>Pause.</text:p></draw:text-box></draw:frame></presentation:notes></draw:page><draw:page draw:style-name="dp2"><draw:frame><draw:text-box><text:p>backup</text:p></draw:text-box></draw:frame></draw:page>`))
	want(t, r, "heading 2: Cranes", "item 1: Point", "paragraph: Pause.", "paragraph: Yard, page")
	if got := knowledge.PlaceAt(r.Places, strings.Index(r.Text, "Pause")); got != "slide 1, notes" || len(r.Warnings) != 1 {
		t.Errorf("place %q, warnings %q", got, r.Warnings)
	}
}

// compound builds the directory of a compound file; nothing else of it is read.
func compound(names ...string) []byte {
	data := append([]byte(oleStart), make([]byte, 504)...)
	for i, name := range append([]string{"Root Entry"}, names...) {
		e := make([]byte, 128)
		units := append(utf16.Encode([]rune(name)), 0)
		for i, u := range units {
			e[2*i], e[2*i+1] = byte(u), byte(u>>8)
		}
		e[64], e[66] = byte(2*len(units)), 2
		if i == 0 {
			e[66] = 5
		}
		data = append(data, e...)
	}
	return data
}

func TestWhatIsNotReadSaysWhy(t *testing.T) {
	whole := docx(t, wp("", "words"))
	long := fmt.Sprintf(docxMain, strings.Repeat("<w:p/>", maxElements))
	for _, c := range []struct {
		name   string
		data   []byte
		state  knowledge.Outcome
		reason string
	}{
		{"a.docx", compound("EncryptedPackage", "EncryptionInfo"), knowledge.NeedsPassword, "encrypted"},
		{"a.xlsx", compound("ENCRYPTEDPACKAGE", "ENCRYPTIONINFO"), knowledge.NeedsPassword, "encrypted"},
		{"a.doc", compound("\x09DRMContent"), knowledge.NeedsPassword, "rights management"},
		{"a.doc", compound("WordDocument", "1Table"), knowledge.Unsupported, "Tika"},
		{"a.bin", compound("Workbook"), knowledge.Unsupported, ".xls"},
		{"a.ppt", compound("PowerPoint Document"), knowledge.Unsupported, ".ppt"},
		{"a.msg", compound("__properties_version1.0"), knowledge.Unsupported, ".msg"},
		{"a.doc", []byte(oleStart + strings.Repeat("\xA5", 2000)), knowledge.Damaged, "directory"},
		{"a.docx", nil, knowledge.Damaged, "nothing"},
		{"a.docx", whole[:len(whole)/2], knowledge.Damaged, "zip"},
		{"a.docx", zipped(t, "x.txt", "x"), knowledge.Damaged, "no document"},
		{"a.docx", zipped(t, "_rels/.rels", rels("r officeDocument word/document.xml")), knowledge.Damaged, "missing"},
		{"a.docx", []byte("plain words"), knowledge.Damaged, "not what its name says"},
		{"a.docx", zipped(t, "word/document.xml", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`+fmt.Sprintf(docxMain, wp("", "&e;"))), knowledge.Damaged, "entities"},
		{"a.docx", zipped(t, "word/document.xml", "<document><body>"+strings.Repeat("<sdt>", 100000)), knowledge.Damaged, "nested"},
		{"a.docx", zipped(t, "word/document.xml", "<document><body>&hunter2;"), knowledge.Damaged, "not well-formed (line 1)"},
		{"a.docx", zipped(t, "word/document.xml", "<document><body></document>"), knowledge.Damaged, "not open"},
		{"a.docx", zipped(t, "word/document.xml", long), knowledge.TooLarge, "elements"},
		{"a.xlsb", zipped(t, "xl/workbook.bin", "x"), knowledge.Unsupported, "XLSB"},
		{"a.odt", zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml", "<manifest:encryption-data/>", "content.xml", "x"), knowledge.NeedsPassword, "encrypted"},
		{"a.odt", zipped(t, "mimetype", "application/vnd.oasis.opendocument.text"), knowledge.Damaged, "missing"},
		{"a.odg", zipped(t, "mimetype", "application/vnd.oasis.opendocument.graphics"), knowledge.Unsupported, "graphics"},
	} {
		r := reading(t, c.name, c.data)
		readingtest.Sound(t, c.name, r)
		if strings.Contains(r.Reason, "hunter2") {
			t.Errorf("%s: the reason tells what stands in the file: %s", c.name, r.Reason)
		}
		if r.State != c.state || !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%s: %s, %q; want %s, %q", c.name, r.State, r.Reason, c.state, c.reason)
		}
	}
	for _, name := range []string{"a.doc", "a.pdf", "a.zip", "a"} {
		if r := reading(t, name, whole); r.State != knowledge.Indexed || r.Format != "docx" {
			t.Errorf("%s: %s %s", name, r.State, r.Reason)
		}
	}
	if r := reading(t, "a.xls", []byte("<html><p>words</p>")); r.Format != "html" || r.State != knowledge.Indexed {
		t.Errorf("HTML named .xls: %s %s", r.Format, r.State)
	}
}

func TestOthersAreNotTaken(t *testing.T) {
	for name, data := range map[string]string{
		"a.md": "words", "a": "", "a.pdf": "%PDF-1.4", "a.html": "<html>", "a.rtf": `{\rtf1 words}`, "a.zip": string(zipped(t, "x.txt", "x")),
		"a.epub": string(zipped(t, "mimetype", "application/epub+zip")), "b.zip": "PK\x03\x04 and cut off",
	} {
		if r, mine := Read(name, []byte(data), text.Read); mine || r.State != "" {
			t.Errorf("%s was taken: %s, %s", name, r.State, r.Reason)
		}
	}
}

// TestOneBreakStopsNoOther holds a panic to its file.
func TestOneBreakStopsNoOther(t *testing.T) {
	r, mine := Read("a.xls", []byte("a,b"), func(string, []byte) knowledge.Reading { panic("broken") })
	if !mine || r.State != knowledge.Damaged || r.Reason != draft.BrokeReader+": broken" {
		t.Errorf("%v, %s, %q", mine, r.State, r.Reason)
	}
}

// TestWideTables holds memory down where cells say that they are wide or tall.
func TestWideTables(t *testing.T) {
	row := "<w:tr>" + strings.Repeat(`<w:tc><w:tcPr><w:gridSpan w:val="99999999"/><w:vMerge/></w:tcPr>`+wp("", "x")+`</w:tc>`, 20) + "</w:tr>"
	r := reading(t, "a.docx", docx(t, "<w:tbl>"+strings.Repeat(row, 5000)+"</w:tbl>"))
	readingtest.Sound(t, "wide table", r)
	if len(r.Text) > draft.MaxText {
		t.Errorf("%d bytes", len(r.Text))
	}
	cells := `<table:table-cell table:number-columns-repeated="99999999"><text:p>words</text:p></table:table-cell>`
	r = reading(t, "a.ods", odfile(t, "spreadsheet", "", `<table:table table:name="S">`+strings.Repeat("<table:table-row>"+cells+"</table:table-row>", 500)+"</table:table>"))
	readingtest.Sound(t, "wide sheet", r)
	if len(r.Text) > draft.MaxText+1<<20 {
		t.Errorf("%d bytes", len(r.Text))
	}
}

// fuzzOffice fuzzes one part of a document.
func fuzzOffice(f *testing.F, pack func(t testing.TB, s string) []byte, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		data := pack(t, s)
		r := reading(t, name, data)
		readingtest.Sound(t, name, r)
		if len(r.Text) > draft.MaxText+1<<20 {
			t.Errorf("%d bytes of text", len(r.Text))
		}
		if again := reading(t, name, data); !cmp.Equal(r, again) {
			t.Error("a second reading differs")
		}
	})
}

func FuzzDOCX(f *testing.F) {
	fuzzOffice(f, docx, "a.docx", wp(`<w:pStyle w:val="Own"/>`, "a"), `<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="3"/><w:vMerge/></w:tcPr>`+wp("", "b")+`</w:tc><w:tc><w:tbl><w:tr><w:tc>`+wp("", "c")+`</w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>`,
		wp(`<w:numPr><w:ilvl w:val="8"/><w:numId w:val="1"/></w:numPr>`, "d"), `<w:p><w:r><w:txbxContent>`+wp("", "e\u0301")+`</w:txbxContent><w:br/><w:sym w:font="Wingdings" w:char="F0FE"/></w:r><m:oMath><m:f><m:num><m:t>1</m:t></m:num><m:den><m:t>x-1</m:t></m:den></m:f></m:oMath></w:p>`)
}

func FuzzPPTX(f *testing.F) {
	fuzzOffice(f, pptx, "a.pptx", sp("title", ap(">", "a")), sp("body", ap(` lvl="2">`, "b")), `<p:graphicFrame><a:tbl><a:tr><a:tc>`+ap(">", "c")+`</a:tc></a:tr></a:tbl></p:graphicFrame>`, `<p:graphicFrame><c:chart r:id="g"/></p:graphicFrame>`)
}

func FuzzXLSX(f *testing.F) {
	fuzzOffice(f, xlsx, "a.xlsx", `<sheetData><row r="3"><c r="B3" s="3"><v>1234.5</v></c><c t="s"><v>1</v></c></row><row><c r="A1"><v>2</v></c></row></sheetData>`, `<cols><col min="1" max="3" hidden="1"/></cols><sheetData><row r="1"><c t="inlineStr"><is><t>_x000D_a</t></is></c></row></sheetData>`)
}

func FuzzODF(f *testing.F) {
	for _, kind := range []string{"text", "spreadsheet", "presentation"} {
		f.Add(kind, `<text:p>a<text:s text:c="3"/>b</text:p>`)
		f.Add(kind, `<table:table table:name="S"><table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="4"><text:p>a</text:p></table:table-cell></table:table-row></table:table>`)
		f.Add(kind, `<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>t</text:p></draw:text-box></draw:frame></draw:page>`)
	}
	f.Fuzz(func(t *testing.T, kind, s string) {
		r := reading(t, "a.odt", odfile(t, kind, "", s))
		readingtest.Sound(t, "a.odt", r)
		if len(r.Text) > draft.MaxText+1<<20 {
			t.Errorf("%d bytes of text", len(r.Text))
		}
	})
}

func FuzzOLE(f *testing.F) {
	f.Add(compound("EncryptedPackage"))
	f.Fuzz(func(t *testing.T, data []byte) { readingtest.Sound(t, "a.doc", readOLE(data)) })
}

func FuzzShown(f *testing.F) {
	f.Add("0", "[")
	f.Add("45292.5", "yyyy-mm-dd hh:mm:ss.00 AM/PM")
	f.Add("-1234.5", `[<0]"a"#,##0.0?%;0E+0;[h]:mm;@`)
	f.Fuzz(func(t *testing.T, stored, format string) {
		if got := shown(stored, format, false); len(got) > len(stored)+2000 {
			t.Errorf("%s under %q has %d bytes", stored, format, len(got))
		}
	})
}
