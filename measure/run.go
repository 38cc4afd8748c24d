package measure

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"groundwork/internal/fault"
)

// NewID names a run by its instrument and its beginning, to the microsecond:
// "exam-20261125-131502.123456".
func NewID(kind string, at time.Time) string {
	return kind + "-" + at.UTC().Format("20060102-150405.000000")
}

// safeID is what may stand in a run's file name: no separators, no leading dot.
var safeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Path returns where the home keeps a file of a run: runs/<id><extension>.
// Fault: Input for an id that cannot be one.
func Path(home, id, extension string) (string, error) {
	if !safeID.MatchString(id) {
		return "", fault.New(fault.Input, "run "+id+": that is not a run's id", "the ids are the file names in "+filepath.Join(home, "runs"))
	}
	return filepath.Join(home, "runs", id+extension), nil
}

// Write keeps the run as runs/<id>.json in the home. Faults: Input when the id
// cannot be a file name, is taken, or the home cannot be written; Internal for
// a figure that is not a number.
func Write(home string, r Run) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Internal, err, "write run "+r.ID, "")
	}
	return WriteFile(home, r.ID, ".json", append(data, '\n'))
}

// WriteFile keeps something that belongs to a run beside it, as
// runs/<id><extension>: whole or not at all, and for its owner alone (0600).
// Faults: as Write.
func WriteFile(home, id, extension string, data []byte) (err error) {
	path, err := Path(home, id, extension)
	if err != nil {
		return err
	}
	const next = "check the permissions and the space of the home, or choose another with --home"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fault.Wrap(fault.Input, err, "write run "+id, next)
	}
	if _, err := os.Lstat(path); err == nil {
		return fault.New(fault.Input, "write run "+id+": it is there already", "runs are never overwritten; measure again")
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".run-*") // 0600
	if err == nil {
		_, err = temp.Write(data)
		err = errors.Join(err, temp.Sync(), temp.Close())
		if err == nil {
			err = os.Rename(temp.Name(), path)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(temp.Name()))
		}
	}
	if err != nil {
		return fault.Wrap(fault.Input, err, "write run "+id, next)
	}
	return nil
}

// Read returns a run of the home. Faults: Missing when there is none with the
// id, Input when the id or the file is malformed.
func Read(home, id string) (Run, error) {
	var r Run
	path, err := Path(home, id, ".json")
	if err != nil {
		return r, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return r, fault.New(fault.Missing, "read run "+id+": there is no such run", "the runs are in "+filepath.Dir(path))
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.ID != id {
		err = errors.New("the file holds the run " + r.ID)
	}
	if err != nil {
		return Run{}, fault.Wrap(fault.Input, err, "read run "+id, "measure again")
	}
	return r, nil
}
