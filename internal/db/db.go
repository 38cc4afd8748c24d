// Package db opens the home's one database file for one writer and runs the
// migrations each owner hands in.
//
// The home is a folder that only its owner may enter (0700). One process at a
// time may write: it holds the file "lock", which names its process id, and below
// it the address where that process takes commands, if it does. Readers need no
// lock: SQLite's write-ahead log gives each of them whole transactions.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"groundwork/internal/fault"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// File is the database's name inside the home.
const File = "groundwork.db"

// Schema is one owner's tables: Steps[i] brings them from version i to i+1.
// Steps are only ever appended.
type Schema struct {
	Owner string
	Steps []string
}

// DB is an open home.
type DB struct {
	Home  string
	Read  *sql.DB // several connections, read-only
	Write *sql.DB // one connection; nil when opened by OpenReader
	lock  *os.File
	kept  []*os.File // that Look must not close before SQLite is done
}

// Open opens home for writing, makes it when it is not there, and migrates it.
// Faults: Busy when another process writes, Input when the home cannot be
// written or was written by a newer version.
func Open(ctx context.Context, home string, schemas ...Schema) (*DB, error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fault.Wrap(fault.Input, err, "make the home "+home, "choose another with --home")
	}
	lock, err := acquire(filepath.Join(home, "lock"))
	if err != nil {
		return nil, err
	}
	d := &DB{Home: home, lock: lock}
	path := filepath.Join(home, File)
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil { // SQLite would make it readable for others
		return nil, errors.Join(fault.Wrap(fault.Input, err, "the home cannot be written", "change its permissions, or choose another with --home"), d.Close())
	} else if err := f.Close(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	d.Write, err = open(path, "mode=rw&_txlock=immediate&_pragma=page_size(8192)&_pragma=journal_mode(WAL)&_pragma=secure_delete(ON)&_pragma=foreign_keys(ON)&_pragma=cache_size(-32000)", 1)
	if err == nil {
		err = migrate(ctx, d.Write, schemas)
	}
	if err == nil {
		d.Read, err = open(path, "mode=ro&_pragma=query_only(ON)", 4)
	}
	if err != nil {
		return nil, errors.Join(Explain(err, "open "+path), d.Close())
	}
	return d, nil
}

// OpenReader opens home for reading alone, beside any writer. Faults: Missing
// when there is no home yet, Input when a newer version wrote it.
func OpenReader(ctx context.Context, home string, schemas ...Schema) (*DB, error) {
	path := filepath.Join(home, File)
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fault.New(fault.Missing, "open "+path+": nothing is indexed here yet", "groundwork add DIR")
		}
		return nil, fault.Wrap(fault.Input, err, "open "+path, "choose another home with --home")
	}
	options := "mode=ro&_pragma=query_only(ON)"
	if _, err := os.Stat(path + "-shm"); err != nil && !writable(home) {
		if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
			return nil, fault.New(fault.Input, "open "+path+": its write-ahead log cannot be read in a home that cannot be written",
				"make the home writable once, or copy it to where it is")
		}
		options += "&immutable=1" // nobody can be writing either
	}
	read, err := open(path, options, 4)
	if err == nil {
		err = checkVersions(ctx, read, schemas)
	}
	if err != nil {
		if read != nil {
			err = errors.Join(err, read.Close())
		}
		return nil, Explain(err, "open "+path)
	}
	return &DB{Home: home, Read: read}, nil
}

func open(path, options string, connections int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
	d, err := sql.Open("sqlite", u.String()+"?"+options+"&_pragma=busy_timeout(10000)&_pragma=synchronous(NORMAL)&_pragma=temp_store(MEMORY)&_pragma=mmap_size(268435456)")
	if err != nil {
		return nil, err
	}
	d.SetMaxOpenConns(connections)
	d.SetMaxIdleConns(connections)
	return d, nil
}

// writable tries to make a file, since permission bits do not tell of read-only disks.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

// migrate brings every owner's tables to its newest version, each step in its
// own transaction.
func migrate(ctx context.Context, d *sql.DB, schemas []Schema) error {
	if _, err := d.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version(owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT`); err != nil {
		return err
	}
	for _, s := range schemas {
		have, err := version(ctx, d, s)
		if err != nil {
			return err
		}
		for v := have; v < len(s.Steps); v++ {
			tx, err := d.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, s.Steps[v])
			if err == nil {
				_, err = tx.ExecContext(ctx, `INSERT INTO schema_version VALUES(?, ?) ON CONFLICT DO UPDATE SET version = excluded.version`, s.Owner, v+1)
			}
			if err != nil {
				return errors.Join(fmt.Errorf("migrate %s to version %d: %w", s.Owner, v+1, err), tx.Rollback())
			}
			if err := tx.Commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// version returns the stored version of an owner's tables, 0 when there are none.
func version(ctx context.Context, d *sql.DB, s Schema) (int, error) {
	var have int
	err := d.QueryRowContext(ctx, `SELECT version FROM schema_version WHERE owner = ?`, s.Owner).Scan(&have)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err == nil && have > len(s.Steps) {
		return 0, fault.New(fault.Input, fmt.Sprintf("the store's %s tables have version %d, this program knows %d: a newer Groundwork wrote them", s.Owner, have, len(s.Steps)),
			"use that version, or another --home")
	}
	return have, err
}

func checkVersions(ctx context.Context, d *sql.DB, schemas []Schema) error {
	for _, s := range schemas {
		have, err := version(ctx, d, s)
		if err != nil {
			if strings.Contains(err.Error(), "no such table") {
				return fault.New(fault.Missing, "nothing is indexed here yet", "groundwork add DIR")
			}
			return err
		}
		if have < len(s.Steps) {
			return fault.New(fault.Input, fmt.Sprintf("the store's %s tables have version %d, this program needs %d", s.Owner, have, len(s.Steps)),
				"groundwork sync brings the store up to date")
		}
	}
	return nil
}

// Explain turns SQLite's codes into faults that say the next move.
func Explain(err error, doing string) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) && f.Kind != fault.Internal {
		if f != nil {
			return fault.Wrap(f.Kind, f, doing, "")
		}
		return err
	}
	var s *sqlite.Error
	if !errors.As(err, &s) {
		return fault.Wrap(fault.KindOf(err), err, doing, "")
	}
	switch s.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return &fault.Error{Kind: fault.Budget, Message: doing + ": the disk is full", Next: "free some space and run it again; what was stored before is whole", Err: err}
	case sqlite3.SQLITE_IOERR:
		return &fault.Error{Kind: fault.Budget, Message: doing + ": the disk cannot be written or read (" + s.Error() + ")", Next: "check space, quota and health of the disk, then run it again; what was stored before is whole", Err: err}
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return &fault.Error{Kind: fault.Input, Message: doing + ": the home cannot be written", Next: "change its permissions, or choose another with --home", Err: err}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return &fault.Error{Kind: fault.Busy, Message: doing + ": another process holds the store", Next: "try again in a moment", Err: err}
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return &fault.Error{Kind: fault.Input, Message: doing + ": not a whole Groundwork store", Next: "restore a backup, or move the file away and add the sources again", Err: err}
	case sqlite3.SQLITE_INTERRUPT:
		return &fault.Error{Kind: fault.Budget, Message: doing + ": interrupted", Next: "run it again to go on", Err: err}
	}
	return fault.Wrap(fault.Internal, err, doing, "")
}

// Look gives f the bytes of a file of the home. SQLite's locks belong to the
// process: whoever closes any descriptor of a database file drops them all, and
// then another process takes the files for abandoned and cuts them under our
// feet. So a file of the database that Look has opened stays open until Close.
// It must not be called twice at a time.
func (d *DB) Look(path string, f func(io.Reader) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	for _, k := range d.kept {
		if known, err := k.Stat(); err == nil && os.SameFile(info, known) {
			return f(io.NewSectionReader(k, 0, info.Size()))
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(filepath.Base(path), File) || runtime.GOOS == "windows" { // where locks belong to the descriptor
		return errors.Join(f(file), file.Close())
	}
	d.kept = append(d.kept, file)
	return f(file)
}

// Close ends reading and writing and lets the next writer in.
func (d *DB) Close() error {
	var errs []error
	if d.Read != nil {
		errs = append(errs, d.Read.Close())
	}
	if d.Write != nil {
		errs = append(errs, d.Write.Close())
	}
	for _, f := range d.kept {
		errs = append(errs, f.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// acquire takes the writer's lock or says who has it.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Input, err, "the home cannot be written", "change its permissions, or choose another with --home")
	}
	if err := tryLock(f); err != nil {
		holder := make([]byte, 64)
		n, _ := f.Read(holder) // an unreadable lock file still means: taken
		who := "another process"
		first, address, _ := strings.Cut(string(holder[:n]), "\n")
		if pid, err := strconv.Atoi(strings.TrimSpace(first)); err == nil {
			who = fmt.Sprintf("process %d", pid)
		}
		if strings.TrimSpace(address) != "" {
			return nil, errors.Join(fault.New(fault.Busy, "write to "+filepath.Dir(path)+": "+who+" serves it already", "use the server that runs, or stop it"), f.Close())
		}
		return nil, errors.Join(fault.New(fault.Busy, "write to "+filepath.Dir(path)+": "+who+" is writing there", "wait until it is done, or stop it"), f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err != nil {
		return nil, errors.Join(fault.Wrap(fault.Budget, err, "write "+path, "free some space on the disk"), f.Close())
	}
	return f, nil
}

// Announce names in the lock file the address where this process takes commands
// for the home; one line.
func (d *DB) Announce(address string) error {
	text := strconv.Itoa(os.Getpid()) + "\n" + address + "\n"
	if _, err := d.lock.WriteAt([]byte(text), 0); err != nil {
		return fault.Wrap(fault.Budget, err, "write the lock of "+d.Home, "free some space on the disk")
	}
	return nil
}

// Announced returns the address that the lock file of home names, "" when it
// names none. It means something only while the lock is taken.
func Announced(home string) string {
	text, err := os.ReadFile(filepath.Join(home, "lock"))
	if err != nil {
		return ""
	}
	_, address, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(address)
}
