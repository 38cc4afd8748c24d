package answer

import (
	"cmp"
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// versions puts the newer of two versions in the place of the older and reports
// both, and reports pages that say different things of the same. A page whose
// other version the asker may not read is treated as if it had none.
func (w want) versions(ctx context.Context, picked []stretch, x weighed, m Mix, docs documents) ([]stretch, []knowledge.Conflict, error) {
	r := reporter{}
	var kept []stretch
	for _, s := range picked {
		newest, err := w.newest(ctx, s, docs)
		if err != nil {
			return nil, nil, err
		}
		if newest.doc != s.doc {
			if err := r.add(knowledge.Replaced, newest, s); err != nil {
				return nil, nil, err
			}
		}
		for _, id := range newest.doc.Replaces {
			older, err := docs.open(ctx, id)
			if err != nil {
				return nil, nil, err
			}
			if older == nil || older == s.doc {
				continue
			}
			if o, ok := w.bestStretch(older, nil, 0, len(older.Text), newest.doc.Text[newest.start:newest.end]); ok && o.coverage >= ofReplaced*newest.coverage {
				if err := r.add(knowledge.Replaced, newest, o); err != nil {
					return nil, nil, err
				}
			}
		}
		if !slices.ContainsFunc(kept, func(k stretch) bool { return k.doc == newest.doc && k.start < newest.end && newest.start < k.end }) {
			kept = append(kept, newest)
		}
	}
	for _, s := range kept {
		for _, c := range x.candidates {
			if c.doc == s.doc || r.knows(c.doc.ID) {
				continue
			}
			if slices.Contains(c.doc.Replaced, s.doc.ID) {
				if err := r.add(knowledge.Replaced, s, c); err != nil {
					return nil, nil, err
				}
				continue
			}
			one := s
			if x.byMeaning { // words compare what words choose
				if t, ok := w.bestStretch(s.doc, s.found, 0, len(s.doc.Text), ""); ok {
					one = t
				}
			}
			newer, older, ok := w.contradict(one, c)
			if !ok && x.byMeaning && m.Same > 0 {
				newer, older, ok = m.contradict(w, s, c, x.readings)
			}
			if !ok {
				continue
			}
			if err := r.add(knowledge.Contradiction, newer, older); err != nil {
				return nil, nil, err
			}
		}
	}
	return kept, r.conflicts, nil
}

// contradict looks in the page of another candidate for a stretch that says
// something different of the same, and returns the newer and the older.
func (w want) contradict(s, c stretch) (newer, older stretch, ok bool) {
	like, ok := w.bestStretch(c.doc, c.found, 0, len(c.doc.Text), s.doc.Text[s.start:s.end])
	if !ok || !w.differ(s, like) {
		return s, like, false
	}
	newer, older = byAge(s, like)
	return newer, older, true
}

// byAge returns two stretches, that of the newer page first.
func byAge(a, b stretch) (newer, older stretch) {
	if n, o := stated(a.doc), stated(b.doc); o.After(n) || o.Equal(n) && olden.MatchString(a.doc.ID.Path()) && !olden.MatchString(b.doc.ID.Path()) {
		return b, a
	}
	return a, b
}

// contradict compares what the pages of two stretches say to the question unit by
// unit: where the unit that is nearest in the other page speaks of the same and
// differs, the pages contradict each other.
func (m Mix) contradict(w want, s, c stretch, readings []reading) (newer, older stretch, ok bool) {
	same, anew := sameSubjects(s.doc, c.doc)
	if !same {
		return s, c, false
	}
	says := m.Says
	if !anew && undated(s.doc.Title) == undated(c.doc.Title) {
		says = 0 // two of one page: that they differ counts wherever they do
	}
	others := said(c.doc, readings, says)
	most := m.Same
	for _, a := range said(s.doc, readings, says) {
		var b say
		nearest := 0.
		for _, x := range others {
			if cos := dot(a.vector, x.vector); cos > nearest {
				b, nearest = x, cos
			}
		}
		if nearest >= most && w.unitsDiffer(a, b, anew) {
			most, ok = nearest, true
			newer, older = byAge(a.stretch, b.stretch)
		}
	}
	return newer, older, ok
}

// say is a unit of a page that says something to the question.
type say struct {
	stretch
	text   string // without dates
	around string // its paragraph, item or row
	vector []float32
}

// said returns the units of a page's readings whose cosine with the question is at
// least says.
func said(d *knowledge.Document, readings []reading, says float64) []say {
	var all []say
	for _, x := range readings {
		for i, p := range x.parts {
			if x.doc != d || p.vector == nil || p.cosine < says {
				continue
			}
			u := x.units[i]
			b := d.Blocks[u.block]
			all = append(all, say{stretch{doc: d, found: x.found, start: u.start, end: u.end}, withoutDates(d.Text[u.start:u.end]), d.Text[b.Start:b.End], p.vector})
		}
	}
	return all
}

// unitsDiffer reports whether two units that speak of the same differ: in a number,
// in whether they allow it, or in whom they name where a person is asked for. In
// pages that are much alike the units must be so too, and may differ in any name
// and any denial.
func (w want) unitsDiffer(a, b say, anew bool) bool {
	near := similarity(a.text, b.text)
	counts, denies := anew || near >= sameUnits, anew || near >= alikeUnits
	switch {
	case counts && valuesDiffer(a.text, b.text):
		return !scopesDiffer(a.around, b.around)
	case counts && (w.person || !anew) && namesDiffer(a.text, b.text):
		return true
	}
	return denies && (stance(a.text)*stance(b.text) < 0 || !anew && no.MatchString(a.text) != no.MatchString(b.text))
}

var (
	denial    = regexp.MustCompile(`(?i)\b(?:(?:not|no longer|never)(?: \pL+)? (?:allowed|permitted|let)|(?:may|can|must) (?:not|never|no longer)|cannot|forbidden|prohibited|banned)\b`)
	allowance = regexp.MustCompile(`(?i)\b(?:allowed|permitted|may|can|are let|is let|free to)\b`)
)

// stance is -1 where a text first forbids something, 1 where it first allows
// something, else 0.
func stance(text string) int {
	text = strings.ReplaceAll(text, "*", "")
	d, a := denial.FindStringIndex(text), allowance.FindStringIndex(text)
	switch {
	case d != nil && (a == nil || d[0] <= a[0]):
		return -1
	case a != nil:
		return 1
	}
	return 0
}

// Similarity of two units of pages that are much alike, from which they differ if
// the one denies what the other does not, and if they count or name differently.
const (
	alikeUnits = .3
	sameUnits  = .6
)

// sameSubjects reports whether two pages may speak of the same, as far as their
// words say, and whether one would be the other worded anew: then they have few
// words in common, and that each has its own says nothing.
func sameSubjects(a, b *knowledge.Document) (same, anew bool) {
	ta, tb := undated(a.Title), undated(b.Title)
	titles := similarity(ta, tb)
	two := parallel(term.Stems(ta), term.Stems(tb))
	anew = similarity(a.Text, b.Text) < samePage
	switch {
	case titles < sameSubject && (links(a, b) || links(b, a)), siblings(a.ID.Path(), b.ID.Path()), fieldsDiffer(a, b), counterparts(a, b), two && !anew:
		return false, anew
	case anew && !two && titles < 1:
		return true, anew
	}
	return !subjects(a, b), anew
}

// parallel reports whether two titles begin or end alike and go on differently, as
// those of two things of a kind do: "Guarantee on watches", "Guarantee on repairs".
func parallel(a, b []string) bool {
	n := min(len(a), len(b))
	front, back := 0, 0
	for front < n && a[front] == b[front] {
		front++
	}
	for back < n-front && a[len(a)-1-back] == b[len(b)-1-back] {
		back++
	}
	return front+back > 0 && front+back < n
}

func dot(a, b []float32) float64 {
	sum := 0.
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// reporter gathers conflicts, each pair of documents once.
type reporter struct{ conflicts []knowledge.Conflict }

func (r *reporter) add(kind knowledge.ConflictKind, newer, older stretch) error {
	n, err := newer.cite(newer.start, newer.end)
	if err != nil {
		return err
	}
	o, err := older.cite(older.start, older.end)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(r.conflicts, func(c knowledge.Conflict) bool {
		return c.Newer.Document == n.Document && c.Older.Document == o.Document
	}) {
		r.conflicts = append(r.conflicts, knowledge.Conflict{Kind: kind, Newer: n, Older: o})
	}
	return nil
}

func (r *reporter) knows(id knowledge.DocumentID) bool {
	return slices.ContainsFunc(r.conflicts, func(c knowledge.Conflict) bool { return c.Older.Document == id || c.Newer.Document == id })
}

// newest follows "replaces" from the stretch's document to the newest version
// the asker may read, and finds the stretch there; s itself when there is none.
func (w want) newest(ctx context.Context, s stretch, docs documents) (stretch, error) {
	seen := map[knowledge.DocumentID]bool{}
	for !seen[s.doc.ID] {
		seen[s.doc.ID] = true
		newer, err := docs.view.Documents(ctx, knowledge.Filter{Replaces: s.doc.ID})
		if err != nil {
			return s, err
		}
		ids := slices.Clone(s.doc.Replaced)
		for _, n := range newer {
			ids = append(ids, n.ID)
		}
		for _, id := range ids {
			d, err := docs.open(ctx, id)
			if err != nil {
				return s, err
			}
			if d == nil || seen[d.ID] {
				continue
			}
			if t, ok := w.bestStretch(d, nil, 0, len(d.Text), s.doc.Text[s.start:s.end]); ok && t.coverage >= ofReplaced*s.coverage {
				t.score = s.score
				s = t
				break
			}
		}
	}
	return s, nil
}

// Bounds for calling two pages versions of one rule; chosen on the pairs of
// testdata/pairs/dev.jsonl and dev2.jsonl, reported on test.jsonl (doc/bench/answers.md).
const (
	sameSubject  = .5  // similarity of titles, or ...
	samePage     = .35 // ... of whole pages, from which their stretches are compared
	ofReplaced   = .4  // share of the one's coverage that the other must reach where a page says that it replaces
	sameSentence = .2  // similarity of the stretches where only these are alike
)

// differ reports whether two stretches of different pages speak of the same and
// say different things of it. Pages about different subjects (two machines, two
// countries, summer and winter) do not differ, however alike they look, nor do
// pages that link to each other as companions.
func (w want) differ(a, b stretch) bool {
	ta, tb := a.doc.Text[a.start:a.end], b.doc.Text[b.start:b.end]
	if a.coverage < .5 || b.coverage < .6*a.coverage || similarity(ta, tb) < sameSentence || subjects(a.doc, b.doc) {
		return false
	}
	if similarity(undated(a.doc.Title), undated(b.doc.Title)) < sameSubject &&
		(links(a.doc, b.doc) || links(b.doc, a.doc) || similarity(a.doc.Text, b.doc.Text) < samePage) {
		return false
	}
	if valuesDiffer(ta, tb) {
		return !scopesDiffer(ta, tb)
	}
	return forbids(ta) != forbids(tb) || namesDiffer(ta, tb)
}

// links reports whether a links to b: companions name each other.
func links(a, b *knowledge.Document) bool {
	return strings.Contains(a.Text, "("+path.Base(b.ID.Path())) || strings.Contains(a.Text, "/"+path.Base(b.ID.Path())+")")
}

var (
	yearOrVersion = regexp.MustCompile(`(?i)\b((19|20)\d\d|v(ersion)?\.? ?\d+|rev(ision)?\.? ?\w{1,2}|new|old|current|draft|updated)\b`)
	dateLine      = regexp.MustCompile(`(?im)^.{0,60}\b(19|20)\d\d\b.{0,30}$`)
)

// undated drops years and words for versions from a title.
func undated(title string) string { return yearOrVersion.ReplaceAllString(title, " ") }

// subjects reports whether each page speaks of something that the other does
// not, in its title or path and text, or again and again: then they are about
// different things.
func subjects(a, b *knowledge.Document) bool {
	if siblings(a.ID.Path(), b.ID.Path()) || fieldsDiffer(a, b) {
		return true
	}
	sa, sb := bodyStems(a), bodyStems(b)
	own := func(d *knowledge.Document, mine, other map[string]int) bool {
		name := strings.TrimSuffix(d.ID.Path(), path.Ext(d.ID.Path()))
		for _, t := range term.Tokens(d.Title + "\n" + name) {
			if t.Stem != "" && !t.Grammar() && mine[t.Stem] > 0 && other[t.Stem] == 0 {
				return true
			}
		}
		for stem, n := range mine {
			if n >= manyTimes && other[stem] == 0 && (stem[0] < '0' || stem[0] > '9') {
				return true
			}
		}
		return false
	}
	if own(a, sa, sb) && own(b, sb, sa) {
		return true
	}
	return counterparts(a, b)
}

// counterparts reports whether the one page has a word where the other has its
// opposite.
func counterparts(a, b *knowledge.Document) bool {
	sa, sb := bodyStems(a), bodyStems(b)
	for _, t := range []struct {
		doc   *knowledge.Document
		stems map[string]int
	}{{a, sa}, {b, sb}} {
		for _, s := range term.Stems(t.doc.Title) {
			t.stems[s]++
		}
	}
	for _, pair := range opposites {
		x, y := pair[0], pair[1]
		if sa[x] > 0 && sb[x] == 0 && sb[y] > 0 && sa[y] == 0 || sa[y] > 0 && sb[y] == 0 && sb[x] > 0 && sa[x] == 0 {
			return true
		}
	}
	return false
}

// manyTimes is how often a page must use a word that the other page never uses
// for it to count as what the page is about.
const manyTimes = 4

// bodyStems counts the stems of a page's text without title line, front matter
// and short lines that bear a date.
func bodyStems(d *knowledge.Document) map[string]int {
	stems := map[string]int{}
	for _, b := range d.Blocks {
		if b.Kind == knowledge.Heading {
			continue
		}
		for _, s := range term.Stems(dateLine.ReplaceAllString(d.Text[b.Start:b.End], "")) {
			stems[s]++
		}
	}
	return stems
}

// opposites are stems of which a page has one where its counterpart has the other.
var opposites = [][2]string{
	{"incom", "outgo"}, {"inbound", "outbound"}, {"inland", "abroad"}, {"domest", "abroad"}, {"domest", "foreign"}, {"domest", "intern"},
	{"summer", "winter"}, {"hardwar", "softwar"}, {"indoor", "outdoor"}, {"import", "export"}, {"buy", "sell"}, {"north", "south"},
	{"east", "west"}, {"traine", "employe"}, {"apprentic", "employe"}, {"extern", "intern"}, {"weekday", "weekend"}, {"new", "used"}, {"forecast", "result"}, {"plan", "result"},
}

// numberWords are numbers written out, with their values as digits.
var numberWords = map[string]string{
	"one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
	"eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
	"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "hundred": "100",
	"first": "1", "second": "2", "third": "3", "fourth": "4", "fifth": "5", "tenth": "10", "half": "0.5", "once": "1", "twice": "2",
}

var (
	number   = regexp.MustCompile(`\d+(?:[.,:]\d+)*`)
	eachTime = regexp.MustCompile(`(?i)\b(?:every|each) ((?:second|minute|hour|day|week|month|quarter|year)\b)`)
	counted  = regexp.MustCompile(`(?i)\bnumber of (\pL+)`)
	ends     = regexp.MustCompile(`^[.!?](?:\s|$)`)
)

// values returns the numbers of a text by the stem that follows each ("day",
// "euro"), which says what they count.
func values(text string) map[string][]string {
	text = strings.ReplaceAll(text, "*", "")
	type value struct {
		end  int
		name string
	}
	var found []value
	for _, m := range number.FindAllStringIndex(text, -1) {
		found = append(found, value{m[1], strings.ReplaceAll(text[m[0]:m[1]], ",", "")})
	}
	tokens := term.Tokens(text)
	for _, t := range tokens {
		if n, ok := numberWords[t.Word]; ok {
			found = append(found, value{t.End, n})
		}
	}
	for _, at := range eachTime.FindAllStringSubmatchIndex(text, -1) {
		found = append(found, value{at[2], "1"}) // the unit follows
	}
	m := map[string][]string{}
	for _, v := range found {
		if all := counted.FindAllStringSubmatch(text[:v.end], -1); len(all) > 0 && ends.MatchString(text[v.end:]) {
			for _, stem := range term.Stems(all[len(all)-1][1]) {
				m[stem] = append(m[stem], v.name)
			}
			continue
		}
		for _, t := range tokens {
			if _, isNumber := numberWords[t.Word]; t.Start >= v.end && !isNumber && (t.Word[0] < '0' || t.Word[0] > '9') && t.Stem != "" {
				m[t.Stem] = append(m[t.Stem], v.name)
				break
			}
		}
	}
	return m
}

// lacks reports whether something of a is not in b.
func lacks(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return !slices.Contains(b, x) })
}

// valuesDiffer reports whether two texts count the same and reach other numbers.
func valuesDiffer(a, b string) bool {
	va, vb := values(a), values(b)
	for unit, xs := range va {
		ys, ok := vb[unit]
		if ok && lacks(xs, ys) && lacks(ys, xs) {
			return true
		}
	}
	return false
}

var (
	no  = regexp.MustCompile(`(?i)\b(not|no longer|never|nobody|forbidden|prohibited|without exception|cannot|must not)\b`)
	yes = regexp.MustCompile(`(?i)\b(allowed|permitted|may|can|free to)\b`)
)

// forbids reports whether a text says no.
func forbids(text string) bool {
	return no.MatchString(text) && (yes.MatchString(text) || strings.Contains(strings.ToLower(text), "forbidden"))
}

var (
	capitalised = regexp.MustCompile(`[a-z,:*] \**([A-Z][a-z]{2,})`)
	scope       = regexp.MustCompile(`(?i)\b(january|february|march|april|june|july|august|september|october|november|december|(?:mon|tues|wednes|thurs|fri|satur|sun)days|\w+day to \w+day|weekdays?|weekends?|(?:first|second|third|fourth|fifth) (?:floor|quarter|shift|class|level|half)|in (?:19|20)\d\d)\b`)
)

var calendar = regexp.MustCompile(`(?i)^(` + monthNames + `|(mon|tues|wednes|thurs|fri|satur|sun)days?)$`)

// names returns the capitalised words behind other words, in lower case, without
// days and months.
func names(text string) []string {
	var all []string
	for _, m := range capitalised.FindAllStringSubmatch(text, -1) {
		if !calendar.MatchString(m[1]) {
			all = append(all, strings.ToLower(m[1]))
		}
	}
	return all
}

// namesDiffer reports whether each text names somebody that the other does not.
func namesDiffer(a, b string) bool {
	return lacks(names(a), strings.Fields(strings.ToLower(plainWords(b)))) && lacks(names(b), strings.Fields(strings.ToLower(plainWords(a))))
}

var notWords = regexp.MustCompile(`[^\pL\pN]+`)

func plainWords(s string) string { return notWords.ReplaceAllString(s, " ") }

// scopesDiffer reports whether two texts whose numbers differ say for what they
// hold, and say it differently: other days, months, floors, quarters, or names.
func scopesDiffer(a, b string) bool {
	sa, sb := scope.FindAllString(strings.ToLower(a), -1), scope.FindAllString(strings.ToLower(b), -1)
	return lacks(sa, sb) && lacks(sb, sa) || namesDiffer(a, b)
}

var (
	sequence = regexp.MustCompile(`^(.*?)(?:[-_ ]?\d{1,4}|(?:^|[-_ ])[a-z])$`)
	versions = regexp.MustCompile(`(?i)(v|ver|version|rev|revision|issue|edition|draft)[-_. ]?(\d+|[a-z])$|(19|20)\d\d`)
	olden    = regexp.MustCompile(`(?i)\b(archived?|old|former|legacy|(19|20)\d\d|obsolete|superseded)\b`)
)

// siblings reports whether two paths name parallel things: the same file name in
// folders side by side, or names that differ in a running number or letter that
// is no year and no version.
func siblings(a, b string) bool {
	na, nb := strings.ToLower(strings.TrimSuffix(path.Base(a), path.Ext(a))), strings.ToLower(strings.TrimSuffix(path.Base(b), path.Ext(b)))
	da, db := path.Dir(a), path.Dir(b)
	if na == nb {
		return da != db && !olden.MatchString(da) && !olden.MatchString(db) && !strings.HasPrefix(da+"/", db+"/") && !strings.HasPrefix(db+"/", da+"/")
	}
	if da != db || versions.MatchString(na) || versions.MatchString(nb) {
		return false
	}
	sa, sb := sequence.FindStringSubmatch(na), sequence.FindStringSubmatch(nb)
	return sa != nil && sb != nil && sa[1] == sb[1]
}

var (
	field      = regexp.MustCompile(`(?m)^([A-Za-z][\w -]{0,30}):[ \t]+(\S.{0,60})$`)
	otherField = regexp.MustCompile(`(?i)date|updat|review|valid|effective|version|rev|status|title|owner|author|issue|changed|since|from|until|replace|supersede|tags|readers|approved|contact|as.of|state|stand`)
)

// fieldsDiffer reports whether the front matter of both pages names the same
// thing, such as a site or a machine, differently.
func fieldsDiffer(a, b *knowledge.Document) bool {
	fa, fb := fields(a), fields(b)
	for k, v := range fa {
		if w, ok := fb[k]; ok && v != w {
			return true
		}
	}
	return false
}

func fields(d *knowledge.Document) map[string]string {
	m := map[string]string{}
	if !strings.HasPrefix(d.Text, "---\n") || len(d.Blocks) == 0 {
		return m
	}
	for _, f := range field.FindAllStringSubmatch(d.Text[:d.Blocks[0].Start], -1) {
		if !otherField.MatchString(f[1]) && !year.MatchString(f[2]) {
			m[strings.ToLower(f[1])] = strings.ToLower(strings.TrimSpace(f[2]))
		}
	}
	return m
}

var year = regexp.MustCompile(`\b(19|20)\d\d\b`)

var (
	monthNames = "january|february|march|april|may|june|july|august|september|october|november|december"
	dayOf      = regexp.MustCompile(`(?i)\b(\d{1,2})(?:st|nd|rd|th)?\.?(?: of)? (` + monthNames + `),? (\d{4})\b`)
	monthOf    = regexp.MustCompile(`(?i)\b(` + monthNames + `)(?: (\d{1,2})(?:st|nd|rd|th)?,)? (\d{4})\b`)
	isoDay     = regexp.MustCompile(`\b(\d{4})-(\d\d)(?:-(\d\d))?\b`)
)

// withoutDates drops whole dates from a text.
func withoutDates(text string) string {
	for _, form := range []*regexp.Regexp{dayOf, monthOf, isoDay} {
		text = form.ReplaceAllString(text, " ")
	}
	return text
}

// dates returns the dates that stand in text.
func dates(text string) []time.Time {
	var all []time.Time
	add := func(y, m, d string) {
		if t, err := time.Parse("2006-January-2", y+"-"+strings.ToUpper(m[:1])+strings.ToLower(m[1:])+"-"+cmp.Or(d, "1")); err == nil {
			all = append(all, t)
		}
	}
	for _, m := range dayOf.FindAllStringSubmatch(text, -1) {
		add(m[3], m[2], m[1])
	}
	for _, m := range monthOf.FindAllStringSubmatch(text, -1) {
		add(m[3], m[1], m[2])
	}
	for _, m := range isoDay.FindAllStringSubmatch(text, -1) {
		if t, err := time.Parse("2006-01-02", m[1]+"-"+m[2]+"-"+cmp.Or(m[3], "01")); err == nil {
			all = append(all, t)
		}
	}
	return all
}

// stated returns the date by which versions are ordered: the one the document
// states of itself, else the newest in its first or last lines, else the newest
// year in its path, title or first lines, else the file's.
func stated(d *knowledge.Document) time.Time {
	if !d.Dated.IsZero() {
		return d.Dated
	}
	const edge = 400
	head, tail := d.Text[:min(len(d.Text), edge)], d.Text[max(0, len(d.Text)-edge):]
	var newest time.Time
	for _, t := range dates(head + "\n" + tail) {
		if t.After(newest) {
			newest = t
		}
	}
	if !newest.IsZero() {
		return newest
	}
	last := ""
	for _, y := range year.FindAllString(d.Title+" "+plainWords(d.ID.Path())+" "+head+" "+tail, -1) {
		last = max(last, y)
	}
	if t, err := time.Parse("2006", last); err == nil {
		return t
	}
	return d.Modified
}

// similarity is the Jaccard index of two texts' stems without figures.
func similarity(a, b string) float64 {
	sa, sb := map[string]bool{}, map[string]bool{}
	for _, s := range term.Stems(a) {
		if s[0] < '0' || s[0] > '9' {
			sa[s] = true
		}
	}
	for _, s := range term.Stems(b) {
		if s[0] < '0' || s[0] > '9' {
			sb[s] = true
		}
	}
	both := 0
	for s := range sa {
		if sb[s] {
			both++
		}
	}
	if n := len(sa) + len(sb) - both; n > 0 {
		return float64(both) / float64(n)
	}
	return 0
}
