package pdf

import (
	"context"
	"math"
	"regexp"
)

var (
	boldName = regexp.MustCompile(`(?i)bold|black|heavy|semib|demi|CMBX|SFBX|LMRomanBold`)
	monoName = regexp.MustCompile(`(?i)courier|mono|consol|menlo|typewriter|CMTT|SFTT|lucidacons`)
)

// box is a rectangle in points, y upwards.
type box struct{ left, bottom, right, top float64 }

func (b box) has(x, y float64) bool {
	return x >= b.left && x <= b.right && y >= b.bottom && y <= b.top
}

func (b box) area() float64 {
	return max(0, b.right-b.left) * max(0, b.top-b.bottom)
}

// within is the part of b that lies in o.
func (b box) within(o box) box {
	return box{max(b.left, o.left), max(b.bottom, o.bottom), min(b.right, o.right), min(b.top, o.top)}
}

// matrix is a PDF transformation: x' = ax + cy + e, y' = bx + dy + f.
type matrix [6]float64

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// after is m applied to what n gives.
func (m matrix) after(n matrix) (r matrix) {
	r[0], r[1] = m[0]*n[0]+m[2]*n[1], m[1]*n[0]+m[3]*n[1]
	r[2], r[3] = m[0]*n[2]+m[2]*n[3], m[1]*n[2]+m[3]*n[3]
	r[4], r[5] = m.apply(n[4], n[5])
	return r
}

func (m matrix) box(b box) box {
	r := box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, c := range [4][2]float64{{b.left, b.bottom}, {b.left, b.top}, {b.right, b.bottom}, {b.right, b.top}} {
		x, y := m.apply(c[0], c[1])
		r = box{min(r.left, x), min(r.bottom, y), max(r.right, x), max(r.top, y)}
	}
	return r
}

// ways in which text can be there without being seen.
type hiding int

const (
	shown hiding = iota
	invisible
	camouflaged
	tiny
	outside
	covered
)

var hidings = []string{"", "drawn invisibly", "in the colour of its background", "too small to read", "beyond the edge of the page", "covered by a drawing"}

// style is what the characters of one text object share.
type style struct {
	size  float64 // points, as drawn
	x, y  float64 // of the first character's origin; all stand on one line with it
	turn  int     // direction of writing in degrees, 0 to 359
	bold  bool
	mono  bool
	seen  hiding // shown, invisible, camouflaged or tiny, before the place of each character is looked at
	color [3]int
	order int // place in the order of drawing
}

// glyph is one character on a page.
type glyph struct {
	r     rune
	box   box
	style *style // nil for the blanks and line ends that the engine infers
}

// painted is a picture or a filled shape.
type painted struct {
	box    box
	order  int
	image  bool
	opaque bool // a plain rectangle without transparency that nothing clips
	color  [3]int
}

// sheet is what stands on one page.
type sheet struct {
	bounds   box
	glyphs   []glyph
	pictures float64 // share of the page under pictures, 0 to 1
	layer    int     // characters of an invisible layer over a picture, as text recognition makes it; they are among glyphs
	hidden   [covered + 1]int
	notes    []string // what annotations and form fields say
}

const (
	maxObjects = 50_000
	maxPainted = 10_000
	maxGlyphs  = 200_000
	maxNesting = 8
)

// The numbers of the engine's interface (fpdf_edit.h, fpdf_annot.h).
const (
	objText, objPath, objImage, objShading, objForm = 1, 2, 3, 4, 5
	annotText, annotFree, annotWidget               = 1, 3, 20
	valueString                                     = 3
)

// read takes the characters off one page.
func (e *engine) read(ctx context.Context, page uint64) (s sheet) {
	s.bounds = box{0, 0, 612, 792}
	if e.call(ctx, "FPDF_GetPageBoundingBox", page, e.scratch) != 0 {
		f := e.float32s(4) // left, top, right, bottom
		if b := (box{f[0], f[3], f[2], f[1]}); b.area() > 1 {
			s.bounds = b
		}
	}
	scene := e.scene(ctx, page)
	for _, p := range scene.painted {
		if p.image {
			s.pictures += p.box.within(s.bounds).area() / s.bounds.area()
		}
	}
	s.pictures = min(1, s.pictures)
	tp := e.call(ctx, "FPDFText_LoadPage", page)
	if tp == 0 {
		return s
	}
	n := min(e.number(ctx, "FPDFText_CountChars", tp), maxGlyphs)
	styles := map[uint64]*style{}
	s.glyphs = make([]glyph, 0, max(0, n))
	q := e.scratch
	for i := range uint64(max(0, n)) {
		if e.err != nil {
			return s
		}
		g := glyph{r: rune(uint32(e.call(ctx, "FPDFText_GetUnicode", tp, i)))}
		if g.r == '\r' || g.r == '\n' {
			s.glyphs = append(s.glyphs, glyph{r: '\n'})
			continue
		}
		object := e.call(ctx, "FPDFText_GetTextObject", tp, i)
		if object == 0 {
			s.glyphs = append(s.glyphs, g)
			continue
		}
		st := styles[object]
		if st == nil {
			st = e.style(ctx, tp, i, object, s.bounds)
			st.order = scene.order[object]
			styles[object] = st
		}
		g.style = st
		e.call(ctx, "FPDFText_GetCharBox", tp, i, q, q+8, q+16, q+24)
		v := e.float64s(4) // left, right, bottom, top
		g.box = box{v[0], v[2], v[1], v[3]}
		if why := scene.sight(&g, &s); why != shown {
			if g.r > ' ' {
				s.hidden[why]++
			}
			continue
		}
		s.glyphs = append(s.glyphs, g)
	}
	e.call(ctx, "FPDFText_ClosePage", tp)
	s.notes = e.notes(ctx, page)
	return s
}

// style looks up what the characters of a text object share; i is one of them.
func (e *engine) style(ctx context.Context, tp, i, object uint64, page box) *style {
	st := &style{size: math.Float64frombits(e.bits(ctx, "FPDFText_GetFontSize", tp, i))}
	q := e.scratch
	if e.call(ctx, "FPDFText_GetMatrix", tp, i, q) != 0 {
		m := e.float32s(6)
		st.size *= math.Hypot(m[2], m[3])
		st.turn = (int(math.Round(math.Atan2(m[1], m[0])*180/math.Pi)) + 360) % 360
	}
	st.size = math.Abs(st.size)
	e.call(ctx, "FPDFText_GetCharOrigin", tp, i, q, q+8)
	v := e.float64s(2)
	st.x, st.y = v[0], v[1]
	st.bold = e.number(ctx, "FPDFText_GetFontWeight", tp, i) >= 600
	name := e.fontName(ctx, tp, i, st)
	st.bold = st.bold || boldName.MatchString(name)
	st.mono = st.mono || monoName.MatchString(name)
	mode := e.number(ctx, "FPDFTextObj_GetTextRenderMode", object)
	color := "FPDFText_GetFillColor"
	if mode == 1 || mode == 5 {
		color = "FPDFText_GetStrokeColor"
	}
	alpha := 255
	if e.call(ctx, color, tp, i, q, q+4, q+8, q+12) != 0 {
		v := e.ints(4)
		st.color, alpha = [3]int(v[:3]), v[3]
	}
	switch {
	case mode == 3 || mode == 7 || alpha < 8:
		st.seen = invisible
	case st.size < min(2, 0.002*max(page.right-page.left, page.top-page.bottom)):
		st.seen = tiny
	case min(st.color[0], st.color[1], st.color[2]) > 249:
		st.seen = camouflaged
	}
	return st
}

// fontName returns the name of a character's font and notes whether it is of
// fixed width.
func (e *engine) fontName(ctx context.Context, tp, i uint64, st *style) string {
	q := e.scratch
	n := e.number(ctx, "FPDFText_GetFontInfo", tp, i, q, 200, q+200)
	flags := e.bytes(q+200, 4)
	st.mono = flags[0]&1 != 0
	if n <= 1 || n > 200 {
		return ""
	}
	return string(e.bytes(q, n-1))
}

// scene is what is painted on a page besides text.
type scene struct {
	painted []painted
	order   map[uint64]int // of each text object
	left    int            // objects that may still be looked at
}

func (e *engine) scene(ctx context.Context, page uint64) *scene {
	s := &scene{order: map[uint64]int{}, left: maxObjects}
	e.paint(ctx, s, "FPDFPage_CountObjects", "FPDFPage_GetObject", page, matrix{1, 0, 0, 1, 0, 0}, 0)
	return s
}

func (e *engine) paint(ctx context.Context, s *scene, count, get string, parent uint64, m matrix, depth int) {
	q := e.scratch
	for i := range max(0, e.number(ctx, count, parent)) {
		if s.left--; s.left < 0 || e.err != nil {
			return
		}
		o := e.call(ctx, get, parent, uint64(i))
		if o == 0 {
			continue
		}
		order := maxObjects - s.left
		kind := e.number(ctx, "FPDFPageObj_GetType", o)
		switch kind {
		case objText:
			s.order[o] = order
			continue
		case objForm:
			if depth < maxNesting && e.call(ctx, "FPDFPageObj_GetMatrix", o, q) != 0 {
				e.paint(ctx, s, "FPDFFormObj_CountObjects", "FPDFFormObj_GetObject", o, m.after(matrix(e.float32s(6))), depth+1)
			}
			continue
		}
		p := painted{order: order, image: kind == objImage}
		thick := 0.0
		if kind == objPath {
			color := "FPDFPageObj_GetFillColor"
			e.call(ctx, "FPDFPath_GetDrawMode", o, q, q+4)
			if e.ints(1)[0] == 0 {
				// An outline only: a thick line may be what white letters stand on.
				e.call(ctx, "FPDFPageObj_GetStrokeWidth", o, q)
				if thick = e.float32s(1)[0]; thick < 3 {
					continue
				}
				color = "FPDFPageObj_GetStrokeColor"
			}
			e.call(ctx, color, o, q, q+4, q+8, q+12)
			v := e.ints(4)
			if v[3] < 32 {
				continue
			}
			p.color = [3]int(v[:3])
			if thick == 0 && v[3] > 250 && e.number(ctx, "FPDFPath_CountSegments", o) <= 6 && e.call(ctx, "FPDFPageObj_HasTransparency", o) == 0 {
				clip := e.call(ctx, "FPDFPageObj_GetClipPath", o)
				p.opaque = (clip == 0 || e.number(ctx, "FPDFClipPath_CountPaths", clip) <= 0) && e.rectangle(ctx, o)
			}
		}
		if e.call(ctx, "FPDFPageObj_GetBounds", o, q, q+4, q+8, q+12) == 0 {
			continue
		}
		v := e.float32s(4) // left, bottom, right, top
		p.box = m.box(box{v[0] - thick/2, v[1] - thick/2, v[2] + thick/2, v[3] + thick/2})
		if p.box.area() > 20 && len(s.painted) < maxPainted {
			s.painted = append(s.painted, p)
		}
	}
}

// rectangle reports whether a path of few segments runs along the axes only.
func (e *engine) rectangle(ctx context.Context, path uint64) bool {
	q := e.scratch
	var lastX, lastY float64
	for i := range e.number(ctx, "FPDFPath_CountSegments", path) {
		segment := e.call(ctx, "FPDFPath_GetPathSegment", path, uint64(i))
		if segment == 0 || e.call(ctx, "FPDFPathSegment_GetPoint", segment, q, q+4) == 0 ||
			e.number(ctx, "FPDFPathSegment_GetType", segment) == 1 {
			return false
		}
		v := e.float32s(2)
		if i > 0 && math.Abs(v[0]-lastX) > 0.5 && math.Abs(v[1]-lastY) > 0.5 {
			return false
		}
		lastX, lastY = v[0], v[1]
	}
	return true
}

// sight says whether a reader of the page sees the character.
func (s *scene) sight(g *glyph, page *sheet) hiding {
	if g.r <= ' ' {
		return shown
	}
	st := g.style
	x, y := (g.box.left+g.box.right)/2, (g.box.bottom+g.box.top)/2
	if g.box.right <= page.bounds.left || g.box.left >= page.bounds.right ||
		g.box.top <= page.bounds.bottom || g.box.bottom >= page.bounds.top {
		return outside
	}
	if st.seen == invisible {
		// Text recognition lays what it read, invisibly, over the picture it read.
		if page.pictures > 0.5 && s.overPicture(x, y) {
			page.layer++
			return shown
		}
		return invisible
	}
	if st.seen == tiny {
		return tiny
	}
	under, dark := -1, false
	for i := range s.painted {
		p := &s.painted[i]
		if !p.box.has(x, y) {
			continue
		}
		switch {
		case p.order < st.order:
			under = i
			dark = dark || p.image || far(p.color, st.color)
		case p.opaque && p.order > st.order && g.box.within(p.box).area() >= 0.9*g.box.area():
			return covered
		}
	}
	switch {
	case st.seen == camouflaged && !dark:
		return camouflaged
	case under >= 0 && s.painted[under].opaque && !far(s.painted[under].color, st.color):
		return camouflaged
	}
	return shown
}

func (s *scene) overPicture(x, y float64) bool {
	for _, p := range s.painted {
		if p.image && p.box.has(x, y) {
			return true
		}
	}
	return false
}

// far reports whether two colours can be told apart.
func far(a, b [3]int) bool {
	for i := range a {
		if d := a[i] - b[i]; d > 8 || d < -8 {
			return true
		}
	}
	return false
}

// notes returns what the page's notes, free texts and filled fields say.
func (e *engine) notes(ctx context.Context, page uint64) (notes []string) {
	var keys [2]uint64
	for i := range min(2000, max(0, e.number(ctx, "FPDFPage_GetAnnotCount", page))) {
		a := e.call(ctx, "FPDFPage_GetAnnot", page, uint64(i))
		if a == 0 {
			continue
		}
		if keys[0] == 0 {
			keys = [2]uint64{e.put(ctx, []byte("Contents\x00")), e.put(ctx, []byte("V\x00"))}
		}
		const hiddenFlags = 2 | 32 // Hidden, NoView
		key := uint64(0)
		switch e.number(ctx, "FPDFAnnot_GetSubtype", a) {
		case annotText, annotFree:
			key = keys[0]
		case annotWidget:
			key = keys[1]
		}
		// A box that is ticked has a name as its value, not a string.
		if key != 0 && e.number(ctx, "FPDFAnnot_GetFlags", a)&hiddenFlags == 0 &&
			e.number(ctx, "FPDFAnnot_GetValueType", a, key) == valueString {
			if t := e.text(ctx, "FPDFAnnot_GetStringValue", a, key); t != "" {
				notes = append(notes, t)
			}
		}
		e.call(ctx, "FPDFPage_CloseAnnot", a)
	}
	return notes
}
