package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/office"
	"groundwork/knowledge/passage"
	"groundwork/knowledge/pdf"
	"groundwork/knowledge/screening"
	"groundwork/knowledge/source"
	"groundwork/knowledge/sqlite"
	"groundwork/knowledge/term"
	"groundwork/knowledge/text"
)

// recipe names the versions of all stages that a stored document depends on.
var recipe = strings.Join([]string{text.Version, office.Version, pdf.Version, screening.Version, passage.Version, term.Version}, " ")

// writing opens the home for writing and runs f on its collection. When another
// process holds the home and takes commands, the whole command is handed over to
// it instead.
func (a *app) writing(ctx context.Context, f func(*sqlite.Store) error) error {
	if a.store != nil {
		return f(a.store)
	}
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, home, sqlite.Schema)
	if fault.KindOf(err) == fault.Busy {
		if address := db.Announced(home); address != "" {
			return a.handOver(ctx, home, address)
		}
	}
	if err != nil {
		return err
	}
	err = f(sqlite.New(d))
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}

// reading opens the home for reading, beside any writer, and runs f on its collection.
func (a *app) reading(ctx context.Context, f func(*sqlite.Store) error) error {
	if a.store != nil {
		return f(a.store)
	}
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	d, err := db.OpenReader(ctx, home, sqlite.Schema)
	if err != nil {
		return err
	}
	err = f(sqlite.New(d))
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}

// sync brings one source up to date.
func (a *app) sync(ctx context.Context, store *sqlite.Store, o knowledge.Origin, acceptLoss bool) (report intake.Report, err error) {
	reader, err := newFileReader()
	if err != nil {
		return intake.Report{}, err
	}
	defer func() { err = errors.Join(err, reader.close()) }()
	screen := screening.New()
	in := intake.Intake{
		Collection: store, Read: reader.read, ScreenPath: screen.Path, ScreenText: screen.Text, Explain: screening.Reason,
		Cut: passage.Cut, Recipe: recipe, AcceptLoss: acceptLoss, Progress: a.progress(o.Name),
	}
	report, err = in.Sync(ctx, o, source.Folder{Root: o.Location})
	a.endProgress()
	if err != nil {
		return report, err
	}
	if report.Written() > 0 || o.Synced.IsZero() {
		o.Synced = time.Now()
		err = store.PutSource(ctx, o)
	}
	return report, err
}

// terminal reports whether w is a person's screen.
func terminal(w io.Writer) bool {
	if t, ok := w.(interface{ Terminal() bool }); ok { // of a command that was handed over
		return t.Terminal()
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progress returns a function that shows how far a sync is, on a terminal only.
func (a *app) progress(name string) func(done, total int) {
	if a.quiet || a.asJSON || !terminal(a.err) {
		return nil
	}
	last := time.Time{}
	return func(done, total int) {
		if done < total && time.Since(last) < 100*time.Millisecond {
			return
		}
		last = time.Now()
		fmt.Fprintf(a.err, "\r\033[K%s: %d of %d files", name, done, total)
	}
}

func (a *app) endProgress() {
	if !a.quiet && !a.asJSON && terminal(a.err) {
		fmt.Fprint(a.err, "\r\033[K")
	}
}
