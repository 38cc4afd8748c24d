package collectiontest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"groundwork/knowledge"
	"groundwork/knowledge/term"
)

// Who asks. Names of groups that begin alike and differ in case alone are traps
// for a store that compares them loosely.
func owner() knowledge.Asker  { return knowledge.Asker{Name: "owner", Owner: true} }
func nobody() knowledge.Asker { return knowledge.Asker{} }
func member(groups ...knowledge.Group) knowledge.Asker {
	return knowledge.Asker{Name: "ann", Groups: groups}
}

func askers() []knowledge.Asker {
	return []knowledge.Asker{
		owner(), nobody(), member(), member("g1"), member("g2"), member("g1", "g2"), member("g10", "G1", ""),
		{Groups: []knowledge.Group{"g1"}}, // without a name: nobody
	}
}

func everyone() knowledge.Readers { return knowledge.Readers{Everyone: true} }
func only(groups ...knowledge.Group) knowledge.Readers {
	return knowledge.Readers{Groups: groups}
}

// everywhere stands in the title of every sample document, so that a query for
// it lists every passage an asker may see.
const everywhere = "allhier"

// all is a bound on hits that no sample reaches.
const all = 10000

func query(text string, top int) knowledge.Query {
	return knowledge.Query{Stems: term.Stems(text), Words: term.Words(text), Top: top}
}

// change cuts d into passages and returns the change that puts it: each line is
// a block; one that begins with "Teil " or "Punkt " is a heading of the first or
// second level, any other that is not blank a paragraph and a passage. Of d, ID,
// Title and Text must be set; Version, Blocks and Places are filled in.
func change(d knowledge.Document) knowledge.Change {
	d.Version = knowledge.HashOf([]byte(d.Text))
	d.Blocks, d.Places = nil, nil
	var passages []knowledge.Passage
	var part, above []string
	start := 0
	for i, line := range strings.SplitAfter(d.Text, "\n") {
		end := start + len(strings.TrimSuffix(line, "\n"))
		text := d.Text[start:end]
		if i%3 == 0 && text != "" {
			d.Places = append(d.Places, knowledge.Place{Start: start, Name: fmt.Sprintf("p. %d", i/3+1)})
		}
		block := knowledge.Block{Start: start, End: end}
		switch {
		case strings.TrimSpace(text) == "":
		case strings.HasPrefix(text, "Teil "):
			block.Kind, block.Level = knowledge.Heading, 1
			d.Blocks = append(d.Blocks, block)
			part, above = []string{text}, []string{text}
		case strings.HasPrefix(text, "Punkt "):
			block.Kind, block.Level = knowledge.Heading, 2
			d.Blocks = append(d.Blocks, block)
			above = append(slices.Clone(part), text)
		default:
			d.Blocks = append(d.Blocks, block)
			passages = append(passages, knowledge.Passage{
				ID:       1, // the collection assigns another
				Document: d.ID, Version: d.Version, Title: d.Title, Heading: above,
				Place: knowledge.PlaceAt(d.Places, start), Start: start, End: end, Text: text,
				Modified: d.Modified, Dated: d.Dated,
			})
		}
		start += len(line)
	}
	return knowledge.Change{Document: &d, Passages: passages, Entry: knowledge.Entry{
		Source: d.ID.Source(), Path: d.ID.Path(), State: knowledge.Indexed,
		Origin: d.Origin, Version: d.Version, Recipe: d.Recipe, Size: int64(len(d.Text)),
		Modified: d.Modified, At: time.Date(2025, 3, 4, 5, 6, 7, 89000, time.UTC), Readers: d.Readers,
	}}
}

// put is change for a document of a few lines.
func put(id knowledge.DocumentID, readers knowledge.Readers, lines ...string) knowledge.Change {
	text := strings.Join(lines, "\n")
	return change(knowledge.Document{
		ID: id, Title: everywhere, Text: text, Readers: readers, Recipe: "r1", Origin: knowledge.HashOf([]byte("<" + text + ">")),
	})
}

// kept is the change that leaves an entry without a document.
func kept(id knowledge.DocumentID, state knowledge.Outcome, readers knowledge.Readers) knowledge.Change {
	return knowledge.Change{Entry: knowledge.Entry{
		Source: id.Source(), Path: id.Path(), State: state, Reason: "because of " + string(state),
		At: time.Date(2025, 4, 5, 6, 7, 8, 0, time.UTC), Readers: readers,
	}}
}

// vanished is the change for a file that is no more.
func vanished(id knowledge.DocumentID) knowledge.Change {
	return knowledge.Change{Vanished: true, Entry: knowledge.Entry{Source: id.Source(), Path: id.Path()}}
}

// random makes samples; the same seed makes the same ones.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))} }

// oneIn reports true once in n times.
func (r random) oneIn(n int) bool { return r.IntN(n) == 0 }

func pick[T any](r random, list []T) T { return list[r.IntN(len(list))] }

// words are few, so that they meet often: other scripts, accents, identifiers,
// words of a search engine's query language, words that share a stem or a head.
func words() []string {
	return []string{
		"pay", "payroll", "Größe", "groß", "Straße", "Übung", "naïve", "sales_daily_v2", "v1.2", "休暇", "申請", "日本語",
		"or", "NOT", "near", "running", "runs", "Ärger", "don't", "Ελλάδα", "\"leave\"", "100%", "*", "🙂",
	}
}

func (r random) sentence(most int) string {
	list := make([]string, 1+r.IntN(most))
	for i := range list {
		list[i] = pick(r, words())
	}
	return strings.Join(list, " ")
}

func (r random) line() string {
	switch r.IntN(8) {
	case 0:
		return ""
	case 1:
		return "Teil " + r.sentence(2)
	case 2:
		return "Punkt " + r.sentence(2)
	case 3, 4: // the same in many documents
		return r.sentence(1)
	}
	return r.sentence(9)
}

func (r random) readers() knowledge.Readers {
	return pick(r, []knowledge.Readers{{}, everyone(), only("g1"), only("g2"), only("g1", "g2"), only("g10"), only("G1", "g3")})
}

// time is one to the microsecond, which is what the databases keep.
func (r random) time() time.Time {
	if r.oneIn(4) {
		return time.Time{}
	}
	return time.Date(1900+r.IntN(150), 1, 1+r.IntN(365), 0, 0, r.IntN(86400), 1000*r.IntN(1e6), time.UTC)
}

// files are the documents that random operations deal with: names that differ
// by a wildcard of SQL, by case, or by what follows a common head.
func files() []knowledge.DocumentID {
	var list []knowledge.DocumentID
	for _, source := range []string{"s", "s-2", "S", "s_2"} {
		for _, path := range []string{"a.md", "a/b.md", "a_b/größe.md", "axb/c d.md", "A/b.md"} {
			list = append(list, knowledge.ID(source, path))
		}
	}
	return list
}

func filters() []knowledge.Filter {
	return []knowledge.Filter{
		{}, {Source: "s"}, {Source: "s_2"}, {Source: "none"}, {Path: "a/"}, {Path: "a_b/"}, {Path: "a"}, {Path: "a/b.md"},
		{Source: "S", Path: "a.md"}, {Source: "s-2", Path: "A/"}, {Path: "%/"}, {Path: "/"},
		{Replaces: "s/a.md"}, {Replaces: "s_2/axb/c d.md"}, {Replaces: "s-2/a.md", Source: "s"}, {Replaces: "S/a/b.md", Path: "a/"}, {Replaces: "s/never"},
	}
}

// put makes a change that puts id: anew, or, when old is a document, often with
// a line changed, added or left out.
func (r random) put(id knowledge.DocumentID, old *knowledge.Document) knowledge.Change {
	var lines []string
	title := everywhere + pick(r, []string{"", " " + r.sentence(3)})
	if old != nil && !r.oneIn(3) {
		title = old.Title
		lines = strings.Split(old.Text, "\n")
		at := r.IntN(len(lines))
		switch r.IntN(3) {
		case 0:
			lines[at] = r.line()
		case 1:
			lines = slices.Insert(lines, at, r.line())
		case 2:
			lines = slices.Delete(lines, at, at+1)
		}
	} else {
		for range r.IntN(8) {
			lines = append(lines, r.line())
		}
	}
	d := knowledge.Document{
		ID: id, Title: title, Lang: pick(r, []string{"", "de", "ja"}), Text: strings.Join(lines, "\n"),
		Recipe: pick(r, []string{"r1", "r2"}), Modified: r.time(), Dated: r.time(), Readers: r.readers(),
	}
	d.Origin = knowledge.HashOf([]byte(d.Title + d.Text))
	if r.oneIn(2) {
		asked := r.readers()
		d.Asked = &asked
	}
	for range r.IntN(4) {
		d.Replaces = append(d.Replaces, pick(r, files()))
	}
	return change(d)
}
