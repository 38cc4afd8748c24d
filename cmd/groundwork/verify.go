package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/pointer"
	"groundwork/knowledge/sqlite"
	look "groundwork/server/page"

	"github.com/spf13/cobra"
)

func (a *app) verifyCommand() *cobra.Command {
	var who asking
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "re-opens every pointer in a page, an answer or a proposal",
		Long: `Re-open every pointer in Markdown, HTML, plain text or the JSON of ask, search
and open, and say what became of it: holds, moved, changed or gone. Exit code 7
says that a pointer is changed or gone.

A pointer whose document has changed is found again by the quote beside it: the
blockquote above it (groundwork ask --markdown writes them so), the text above it
as ask prints it, or a quotation before it in the same paragraph. Without a quote
it holds as long as its document is unchanged.`,
		Example: "  groundwork verify README.md\n  groundwork verify --json answer.json proposal.md",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fault.New(fault.Input, cmd.CommandPath()+": wants at least one FILE", firstExample(cmd))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r := verification{States: map[knowledge.State]int{knowledge.Holds: 0, knowledge.Moved: 0, knowledge.Changed: 0, knowledge.Gone: 0}, Failed: []verified{}, Moved: []verified{}}
			found := map[string][]pointer.Found{}
			for _, name := range args {
				page, err := a.page(name)
				if err != nil {
					return err
				}
				found[name] = pointer.Find(name, page)
				r.Pointers += len(found[name])
			}
			if r.Pointers > 0 {
				err := a.reading(cmd.Context(), func(store *sqlite.Store) error {
					view := store.View(who.asker(cmd)) // access: verify as the asker
					documents := shelf{view: view, byID: map[knowledge.DocumentID]knowledge.Document{}, bySource: map[string][]knowledge.Summary{}}
					for _, name := range args {
						for _, f := range found[name] {
							d, err := documents.of(cmd.Context(), f.Citation.Pointer)
							if err != nil {
								return err
							}
							r.add(name, f, d)
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			if a.asJSON {
				a.json(r)
			} else {
				a.printVerification(r, args)
			}
			if len(r.Failed) > 0 {
				return result(7)
			}
			return nil
		},
	}
	who.flags(cmd)
	return cmd
}

// verification is what verify says, as JSON shows it.
type verification struct {
	Pointers int                     `json:"pointers"`
	States   map[knowledge.State]int `json:"states"`
	Failed   []verified              `json:"failed"`
	Moved    []verified              `json:"moved"`
}

// verified is one pointer that does not hold as it is written.
type verified struct {
	File    string          `json:"file"`
	Line    int             `json:"line"`
	Pointer string          `json:"pointer"`
	State   knowledge.State `json:"state"`
	Now     string          `json:"now,omitempty"` // the pointer to use instead, of a moved one
	Why     string          `json:"why,omitempty"`
}

// add checks one pointer with the document that has its words now, which may
// have another name.
func (r *verification) add(name string, f pointer.Found, d knowledge.Document) {
	v := verified{File: name, Line: f.Line, Pointer: f.Citation.Pointer.String()}
	renamed := d.ID != "" && d.ID != f.Citation.Document
	if renamed {
		f.Citation.Document = d.ID
	}
	verdict := f.Check(d)
	v.State, v.Why = verdict.State, verdict.Why
	if renamed && v.State == knowledge.Holds {
		v.State = knowledge.Moved
	}
	r.States[v.State]++
	switch v.State {
	case knowledge.Moved:
		v.Now = verdict.Now.String()
		r.Moved = append(r.Moved, v)
	case knowledge.Changed, knowledge.Gone:
		r.Failed = append(r.Failed, v)
	}
}

func (a *app) printVerification(r verification, names []string) {
	for _, v := range r.Failed {
		line := fmt.Sprintf("%s:%d: %s: %s", v.File, v.Line, v.Pointer, v.State)
		if v.Why != "" {
			line += " (" + v.Why + ")"
		}
		fmt.Fprintln(a.out, visible(line))
	}
	for _, v := range r.Moved {
		fmt.Fprintln(a.out, visible(fmt.Sprintf("%s:%d: %s: moved, now %s", v.File, v.Line, v.Pointer, v.Now)))
	}
	if r.Pointers == 0 {
		fmt.Fprintln(a.out, visible("no pointers in "+strings.Join(names, ", ")))
		return
	}
	fmt.Fprintf(a.out, "%d pointers: %d hold, %d moved, %d changed, %d gone\n", r.Pointers,
		r.States[knowledge.Holds], r.States[knowledge.Moved], r.States[knowledge.Changed], r.States[knowledge.Gone])
	if len(r.Failed) > 0 {
		a.note("  next: groundwork search finds the passages of today; groundwork ask --markdown writes quotes that can be found again")
	}
}

// mostPage is how large a page is looked at, in bytes.
const mostPage = 50 << 20

// page reads a file that may hold pointers.
func (a *app) page(name string) (string, error) {
	path, err := a.abs(name)
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "verify "+name, "")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fault.New(fault.Missing, "verify "+name+": there is no such file", "check the path")
	case err != nil:
		return "", fault.Wrap(fault.Input, err, "verify "+name, "check the path and its permissions")
	case info.IsDir():
		return "", fault.New(fault.Input, "verify "+name+": this is a folder", "name its files: groundwork verify "+name+"/*.md")
	}
	if !info.Mode().IsRegular() || info.Size() > mostPage {
		return "", fault.New(fault.Input, "verify "+name+": not a regular file of at most 50 MB", "name a page")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fault.Wrap(fault.Input, err, "verify "+name, "check the path and its permissions")
	}
	page, _, _ := draft.Decode(data, "")
	return page, nil
}

// shelf reads each document that pointers name once.
type shelf struct {
	view     knowledge.View
	byID     map[knowledge.DocumentID]knowledge.Document // zero for what is not there
	bySource map[string][]knowledge.Summary
}

// of returns the document a pointer names; when it is not there, the one of the
// same source whose text has the pointer's version: it was renamed. A zero
// Document means that neither is there, or not for the asker.
func (s shelf) of(ctx context.Context, p knowledge.Pointer) (knowledge.Document, error) {
	d, err := s.document(ctx, p.Document)
	if err != nil || d.ID != "" {
		return d, err
	}
	source := p.Document.Source()
	documents, known := s.bySource[source]
	if !known {
		if documents, err = s.view.Documents(ctx, knowledge.Filter{Source: source}); err != nil {
			return d, err
		}
		s.bySource[source] = documents
	}
	for _, summary := range documents {
		if strings.HasPrefix(summary.Version.String(), p.Version) {
			return s.document(ctx, summary.ID)
		}
	}
	return d, nil
}

func (s shelf) document(ctx context.Context, id knowledge.DocumentID) (knowledge.Document, error) {
	d, read := s.byID[id]
	if read {
		return d, nil
	}
	d, err := s.view.Document(ctx, id)
	if fault.KindOf(err) == fault.Missing && err != nil {
		d, err = knowledge.Document{}, nil
	}
	if err == nil {
		s.byID[id] = d
	}
	return d, err
}

// printMarkdown prints an answer as a page that verify can check: each quote
// exact, as a blockquote, with its pointer under it.
func (a *app) printMarkdown(x knowledge.Answer) {
	cite := func(c knowledge.Cited, note string) {
		where := strings.Join(append([]string{c.Title}, c.Heading...), " > ")
		a.quote(c.Quote, fmt.Sprintf("%s%s%s, %s", note, where, comma(c.Place), look.Dated(c.Date, c.Dated)), c.Pointer.String())
	}
	if !x.Answered {
		fmt.Fprintf(a.out, "%s\n\n", x.Refusal)
		for _, f := range x.Nearest {
			where := strings.Join(append([]string{f.Title}, f.Heading...), " > ")
			a.quote(f.Text, "near: "+where+comma(f.Place), look.PointerOf(f.Passage))
		}
	}
	for _, s := range x.Sentences {
		for _, c := range s.Citations {
			cite(c, "")
		}
	}
	for _, k := range x.Conflicts {
		if k.Kind == knowledge.Replaced {
			cite(k.Older, "replaced: ")
			continue
		}
		cite(k.Newer, "pages differ, one says: ")
		cite(k.Older, "pages differ, another says: ")
	}
	for _, w := range x.Warnings {
		fmt.Fprintf(a.out, "Note: %s\n", w)
	}
}

// quote prints a blockquote and its source.
func (a *app) quote(text, source, pointer string) {
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(a.out, strings.TrimRight("> "+line, " "))
	}
	fmt.Fprintf(a.out, "\n- %s: `%s`\n\n", visible(source), pointer)
}
