package knowledge

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"groundwork/internal/fault"
)

func document(text string) Document {
	return Document{ID: "handbook/leave.md", Version: HashOf([]byte(text)), Text: text}
}

func TestCheck(t *testing.T) {
	const text = "# Leave\n\nEverybody has 28 days of leave a year.\n\nUp to 5 days may be carried over.\n"
	d := document(text)
	start := strings.Index(text, "Everybody")
	c, err := Cite(d, start, start+len("Everybody has 28 days of leave a year."))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		now  Document
		want State
	}{
		{"unchanged", d, Holds},
		{"an edit behind it", document(text + "\nNew.\n"), Holds},
		{"an edit before it", document("Intro.\n\n" + text), Moved},
		{"another number", document(strings.Replace(text, "28", "30", 1)), Changed},
		{"deleted sentence", document(strings.Replace(text, c.Quote, "", 1)), Changed},
		{"not there", Document{}, Gone},
		{"another document", Document{ID: "handbook/other.md", Version: d.Version, Text: text}, Gone},
	} {
		if got := c.Check(x.now); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
}

func TestFindPrefersSurroundings(t *testing.T) {
	text := "Inland: 135 euro a night.\nAbroad: 135 euro a night.\n"
	d := document(text)
	at := strings.LastIndex(text, "135 euro")
	c, err := Cite(d, at, at+len("135 euro"))
	if err != nil {
		t.Fatal(err)
	}
	now := document("Limits of 2026, all 135 euro.\n" + text)
	state, start, _ := c.Find(now)
	if state != Moved || start != strings.LastIndex(now.Text, "135 euro") {
		t.Errorf("found %s at %d, want moved to the line about abroad", state, start)
	}
}

// Equal words elsewhere are not the cited ones, and a quote that has become part
// of a longer word or number does not hold.
func TestFindInDoubt(t *testing.T) {
	const text = "# Limits\n\n| Where | Limit |\n|---|---|\n| inland | 110 euro |\n| abroad | 110 euro |\n\nCarry over 5 days.\n"
	d := document(text)
	for _, x := range []struct {
		name, quote string
		last        bool // the last such words
		old, new    string
		want        State
		at          string // where it stands now
	}{
		{"another figure, the same figure in the next row", "110 euro", false, "| inland | 110", "| inland | 120", Changed, ""},
		{"another figure in the next row", "110 euro", false, "abroad | 110", "abroad | 120", Holds, "110 euro |\n| abroad"},
		{"its row is gone", "110 euro", false, "| inland | 110 euro |\n", "", Changed, ""},
		{"the row before is gone", "110 euro", true, "| inland | 110 euro |\n", "", Moved, "110 euro |\n\nCarry"},
		{"a row between", "110 euro", true, "| abroad", "| on trains | 110 euro |\n| abroad", Moved, "110 euro |\n\nCarry"},
		{"a longer number", "5 days", false, "5 days", "15 days", Changed, ""},
		{"a decimal number", "5 days", false, "5 days", "1.5 days", Changed, ""},
		{"a negative number", "5 days", false, "5 days", "-5 days", Changed, ""},
		{"a longer word", "Carry over 5 day", false, "days.", "daysx.", Changed, ""},
		{"a word before it", "5 days", false, "over 5", "over up to 5", Moved, "5 days."},
		{"white space", "Carry over 5 days.", false, "\n\nCarry", "\n\n\n  Carry", Moved, "Carry"},
	} {
		i := strings.Index(text, x.quote)
		if x.last {
			i = strings.LastIndex(text, x.quote)
		}
		c, err := Cite(d, i, i+len(x.quote))
		if err != nil {
			t.Fatal(err)
		}
		now := document(strings.Replace(text, x.old, x.new, 1))
		state, start, end := c.Find(now)
		if state != x.want || state != Changed && (now.Text[start:end] != x.quote || !strings.HasPrefix(now.Text[start:], x.at)) {
			t.Errorf("%s: %s at %q, want %s", x.name, state, now.Text[start:], x.want)
		}
	}
}

func TestFindLinearTime(t *testing.T) {
	for _, piece := range []string{"a", " ", "ab", "a\n"} {
		text := strings.Repeat(piece, 400_000/len(piece))
		c, err := Cite(document(text), 100_000, 100_100)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c.Find(document("x" + text))
		c.Quote += "z"
		c.Find(document("x" + text))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%q took %v", piece, took)
		}
	}
}

// A pointer made up for another quote of the same version must not hold.
func TestSameVersionOtherQuote(t *testing.T) {
	d := document("28 days. 30 days.")
	c := Citation{Pointer: Pointer{Document: d.ID, Version: d.Version.Short(), Start: 0, End: 7}, Quote: "30 days"}
	if got := c.Check(d); got != Changed {
		t.Errorf("got %s, want changed", got)
	}
}

// Citations come from files and networks too: crooked spans are no panic.
func TestCrookedSpans(t *testing.T) {
	d := document("28 days. 30 days.")
	for _, span := range [][2]int{{-1, 3}, {5, 2}, {90, 99}, {17, 17}, {3, 1 << 40}} {
		c := Citation{Pointer: Pointer{Document: d.ID, Version: "00000000", Start: span[0], End: span[1]}, Quote: "40 days", Before: "x"}
		if got := c.Check(d); got != Changed {
			t.Errorf("%v: %s, want changed", span, got)
		}
	}
}

func TestPointerText(t *testing.T) {
	for _, id := range []DocumentID{"handbook/leave.md", "h/a b#c@d%.md", "h/Übersicht – 2026.md", "h/-x\n.md", "h/(1).md", "h/冷凍.txt", "h/\xff.md"} {
		p := Pointer{Document: id, Version: "3f2a91c0", Start: 12, End: 1288}
		s := p.String()
		if strings.ContainsAny(s, " \n()<>\"") {
			t.Errorf("%q has signs that end it in running text", s)
		}
		back, err := ParsePointer(s)
		if err != nil || back != p {
			t.Errorf("%q reads back as %+v, %v", s, back, err)
		}
	}
	for _, bad := range []string{"", "handbook/leave.md", "h/a@3f2a91c0", "h/a@3f2a91c0#5", "h/a@3f2a91c0#9-5", "h/a@zz2a91c0#1-2", "h/a@3f2#1-2", "a@3f2a91c0#1-2", "h/%4@3f2a91c0#1-2"} {
		if _, err := ParsePointer(bad); fault.KindOf(err) != fault.Input || err == nil {
			t.Errorf("ParsePointer(%q): %v, want an input fault", bad, err)
		}
	}
}

func TestPointersIn(t *testing.T) {
	const p = "handbook/leave.md@3f2a91c0#1200-1288"
	for text, want := range map[string][]string{
		"":                             nil,
		p:                              {p},
		"see:" + p:                     {p},
		"**" + p + ".":                 {p},
		"[x](" + p + ")":               {p},
		`"` + p + `", and ` + p + "2":  {p, p + "2"},
		p + "," + p:                    {p, p},
		p + p:                          {p, p},
		"h/a%20b.md@3f2a91c0#1-2":      {"h/a%20b.md@3f2a91c0#1-2"},
		"ü/Übersicht.md@3f2a91c0#1-2 ": {"ü/Übersicht.md@3f2a91c0#1-2"},
		"h/a/b/c.md@3f2a91c0#1-2-3":    {"h/a/b/c.md@3f2a91c0#1-2"},
		"https://host/a.md@3f2a91c0#1-2 leave.md@3f2a91c0#1-2 h/a@3f2a91c#1-2 h/a@3f2a91c0#1 h/a@3f2a91c0#9-2 h/a@3f2a91c0#": nil,
	} {
		var got []string
		for _, r := range PointersIn(text) {
			got = append(got, text[r[0]:r[1]])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Whatever stands around a pointer that Groundwork writes, it is found, and
// what is found can be read.
func FuzzPointersIn(f *testing.F) {
	f.Add("see ", "leave.md", " and")
	f.Add("@#@#/", "a@b#c/ü\xff", "@3f2a91c0#1-2")
	f.Fuzz(func(t *testing.T, before, path, after string) {
		p := Pointer{Document: ID("h", path), Version: "3f2a91c0", Start: 3, End: 17}
		text := before + " " + p.String() + " " + after
		found := false
		for _, r := range PointersIn(text) {
			got, err := ParsePointer(text[r[0]:r[1]])
			if err != nil {
				t.Fatalf("%q: %v", text[r[0]:r[1]], err)
			}
			found = found || got == p && r[0] == len(before)+1
		}
		if !found {
			t.Fatalf("%q is not found in %q", p, text)
		}
	})
}

func TestPointersInLinearTime(t *testing.T) {
	for _, piece := range []string{"#", "@", "/", "a/@#", "a/b@3f2a91c0#", "@3f2a91c0#1-2", "%", "0", "9-"} {
		began := time.Now()
		text := strings.Repeat(piece, 400_000/len(piece))
		PointersIn("a/" + text + "@3f2a91c0#1-2")
		if took := time.Since(began); took > time.Second {
			t.Errorf("%d bytes of %q took %v", len(text), piece, took)
		}
	}
}

func FuzzPointer(f *testing.F) {
	f.Add("handbook/leave.md@3f2a91c0#1200-1288")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePointer(s)
		if err != nil {
			return
		}
		back, err := ParsePointer(p.String())
		if err != nil || back != p {
			t.Fatalf("%q: %+v is written %q and read back as %+v (%v)", s, p, p.String(), back, err)
		}
	})
}

// Whatever is cited holds at once, and never holds once its own text has changed.
func FuzzCite(f *testing.F) {
	f.Add("Everybody has 28 days.\nUp to 5 — may be carried.", uint64(7))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		if !utf8.ValidString(text) || len(text) < 3 {
			return
		}
		r := rand.New(rand.NewPCG(seed, 1))
		a, b := r.IntN(len(text)), r.IntN(len(text))
		start, end := min(a, b), max(a, b)+1
		d := document(text)
		c, err := Cite(d, start, end)
		if err != nil {
			return
		}
		if c.Check(d) != Holds {
			t.Fatalf("%q[%d:%d] does not hold", text, start, end)
		}
		if len(c.Before) > Context || len(c.After) > Context || !utf8.ValidString(c.Before+c.Quote+c.After) {
			t.Fatalf("context %q %q", c.Before, c.After)
		}
		changed := document(text[:start] + "\x01" + text[end:])
		if state, s, e := c.Find(changed); state == Holds || state == Moved {
			if changed.Text[s:e] != c.Quote {
				t.Fatalf("%s, but %q is not %q", state, changed.Text[s:e], c.Quote)
			}
		}
	})
}

func TestReaders(t *testing.T) {
	all, owner := Readers{Everyone: true}, Readers{}
	people := ParseReaders("people-team")
	for _, x := range []struct {
		asker Asker
		r     Readers
		want  bool
	}{
		{Asker{}, all, false},
		{Asker{Owner: true}, owner, true},
		{Asker{Name: "ann"}, all, true},
		{Asker{Name: "ann"}, people, false},
		{Asker{Name: "ann"}, owner, false},
		{Asker{Name: "ann", Groups: []Group{"people-team"}}, people, true},
		{Asker{Groups: []Group{"people-team"}}, people, false},
	} {
		if got := x.asker.MayRead(x.r); got != x.want {
			t.Errorf("%+v may read %q: %v, want %v", x.asker, x.r, got, x.want)
		}
	}
	for _, x := range []struct{ source, own, want string }{
		{"all", "people-team", "people-team"}, {"a,b", "all", "a,b"}, {"a,b", "b,c", "b"}, {"a", "c", ""}, {"", "all", ""},
	} {
		if got := ParseReaders(x.source).Narrow(ParseReaders(x.own)).String(); got != x.want {
			t.Errorf("%q narrowed by %q: %q, want %q", x.source, x.own, got, x.want)
		}
	}
}

func TestPlaceAt(t *testing.T) {
	places := []Place{{0, "p. 1"}, {100, "p. 2"}}
	for offset, want := range map[int]string{0: "p. 1", 99: "p. 1", 100: "p. 2", 500: "p. 2"} {
		if got := PlaceAt(places, offset); got != want {
			t.Errorf("PlaceAt(%d) = %q, want %q", offset, got, want)
		}
	}
	if got := PlaceAt([]Place{{10, "p. 1"}}, 5); got != "" {
		t.Errorf("before the first place: %q", got)
	}
}
