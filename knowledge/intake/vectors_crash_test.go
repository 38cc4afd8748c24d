//go:build unix

package intake_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"groundwork/internal/db"
	"groundwork/knowledge"
	"groundwork/knowledge/intake"
	"groundwork/knowledge/sqlite"
)

// TestEncodeCrash kills a process with SIGKILL while it encodes, at any moment
// and while it stores. Each batch that was done before is in the store, the one in
// flight is there wholly or not at all, and only such a one is encoded again.
//
// Only those rounds count in which the stopped process was within a batch: it had
// begun to encode one and had not yet asked for the next. It was storing when it
// held SQLite's write lock.
func TestEncodeCrash(t *testing.T) {
	rounds := 8
	switch {
	case os.Getenv("GROUNDWORK_LONG") != "":
		rounds = 50
	case testing.Short():
		t.Skip("NOT RUN: kill -9 while encoding; go test without -short runs 8 rounds, GROUNDWORK_LONG=1 50")
	}
	home, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	r := rand.New(rand.NewPCG(uint64(rounds), 3))
	stored := map[string]bool{} // keys of texts whose vectors were in the store
	documents, deaths, inside, storing, lost, ended, encoded := 0, 0, 0, 0, 0, 0, 0
	// look opens the home, which must be whole, and returns what waits.
	look := func(more int) map[string]bool {
		d, err := db.Open(t.Context(), home, sqlite.Schema)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		s := sqlite.New(d)
		if wrong, err := s.Integrity(t.Context()); err != nil || len(wrong) > 0 {
			t.Fatalf("after %d deaths: %q, %v", deaths, wrong, err)
		}
		for range more {
			documents++
			if err := s.Apply(t.Context(), lined(knowledge.DocumentID(fmt.Sprintf("s/%d", documents)), manyLines(documents, 500)...)); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.Unencoded(t.Context(), "hash@1", nil, 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		waits := map[string]bool{}
		for _, u := range list {
			waits[u.Key.String()] = true
		}
		return waits
	}
	waits := look(4)
	for inside < rounds {
		if len(waits) < 300 {
			look(4)
		}
		state, lock := strike(t, r, home, log)
		batches := readBatches(t, log)
		waits = look(0)
		for i, b := range batches {
			n := 0
			for _, key := range b {
				if stored[key] {
					t.Fatalf("after %d deaths a text was encoded that had its vector", deaths)
				}
				if encoded++; !waits[key] {
					n++
				}
			}
			if last := i == len(batches)-1; n != len(b) && (!last || n > 0 || state == "ended") {
				t.Fatalf("after %d deaths, %s: of batch %d of %d %d of %d vectors are there", deaths, state, i+1, len(batches), n, len(b))
			} else if n == 0 {
				lost += len(b)
				continue
			}
			for _, key := range b {
				stored[key] = true
			}
		}
		for key := range waits {
			if stored[key] {
				t.Fatalf("after %d deaths a vector is gone", deaths)
			}
		}
		switch {
		case state == "ended":
			ended++
			continue
		case lock:
			storing++
			fallthrough
		case state == "inside":
			inside++
		}
		deaths++
	}
	s := openHome(t, home)
	m := &hashing{mark: "hash@1"}
	if _, err := intake.Encode(t.Context(), s, m, nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(m.seen) != len(waits) || len(m.twice()) > 0 {
		t.Errorf("at the end %d texts were encoded of %d that waited", len(m.seen), len(waits))
	}
	allThere(t, s, m.mark)
	t.Logf("%d deaths, %d of them inside a batch, %d while storing; %d processes ended first; %d texts encoded, %d of them again after a batch was lost", deaths, inside, storing, ended, encoded+len(m.seen), lost)
	if storing == 0 {
		t.Error("no process died while storing: the test shows too little")
	}
	if encoded+len(m.seen) != len(stored)+len(m.seen)+lost {
		t.Errorf("%d texts were encoded, want the %d stored and the %d lost", encoded, len(stored), lost)
	}
}

// strike starts a process that encodes and kills it: at any moment after it began,
// or when it is storing for the nth time. state is "ended" when it was done first,
// "inside" within a batch, "" between them.
func strike(t *testing.T, r *rand.Rand, home, log string) (state string, lock bool) {
	t.Helper()
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestEncodeProcess$")
	cmd.Env = append(os.Environ(), "ENCODE_HOME="+home, "ENCODE_LOG="+log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	var status syscall.WaitStatus
	var began time.Time
	moment, locks := time.Duration(r.IntN(120))*time.Millisecond, 1<<30
	if r.IntN(2) == 0 {
		moment, locks = time.Minute, 1+r.IntN(40)
	}
	for began.IsZero() || time.Since(began) < moment && locks > 0 {
		if n, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil); err != nil || n == pid {
			if err != nil || status.ExitStatus() != 0 {
				t.Fatalf("the process ended by itself: %d, %v", status.ExitStatus(), err)
			}
			return "ended", false
		}
		if info, err := os.Stat(log); err == nil && info.Size() > 0 && began.IsZero() {
			began = time.Now()
		}
		if !began.IsZero() && writes(home, pid) {
			locks--
		}
		time.Sleep(100 * time.Microsecond)
	}
	// Stopped, it can be looked at: what it does now it does when it dies.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		return "ended", false
	}
	lock = writes(home, pid)
	if data, err := os.ReadFile(log); err != nil {
		t.Fatal(err)
	} else if !strings.HasSuffix(string(data), "fetch\n") {
		state = "inside"
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || !status.Signaled() {
		t.Fatalf("after SIGKILL: %v, %v", status, err)
	}
	return state, lock
}

// writes reports whether the process holds the write lock of the write-ahead log:
// byte 120 of the -shm file (sqlite.org/walformat.html, 2.3).
func writes(home string, pid int) bool {
	f, err := os.OpenFile(filepath.Join(home, db.File+"-shm"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: 120, Len: 1}
	return syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock) == nil && lock.Type == syscall.F_WRLCK && int(lock.Pid) == pid
}

// readBatches returns the keys of each batch that a process had begun to encode.
func readBatches(t *testing.T, log string) [][]string {
	t.Helper()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for line := range strings.Lines(string(data)) {
		if keys, ok := strings.CutPrefix(line, "encode "); ok && strings.HasSuffix(line, "\n") {
			all = append(all, strings.Fields(keys))
		}
	}
	return all
}

// noted writes down when the store is asked for what waits.
type noted struct {
	knowledge.Collection
	log *os.File
}

func (n noted) Unencoded(ctx context.Context, mark string, admits func(knowledge.Origin) bool, after knowledge.PassageID, most int) ([]knowledge.Unencoded, error) {
	if _, err := n.log.WriteString("fetch\n"); err != nil {
		return nil, err
	}
	return n.Collection.Unencoded(ctx, mark, admits, after, most)
}

// TestEncodeProcess is no test: it is the process that TestEncodeCrash kills.
func TestEncodeProcess(t *testing.T) {
	home := os.Getenv("ENCODE_HOME")
	if home == "" {
		t.Skip("runs as another test's process")
	}
	log, err := os.OpenFile(os.Getenv("ENCODE_LOG"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	m := &hashing{mark: "hash@1", before: func(_ context.Context, texts []string) error {
		line := "encode"
		for _, text := range texts {
			line += " " + knowledge.HashOf([]byte(text)).String()
		}
		if _, err := log.WriteString(line + "\n"); err != nil { // written before it is encoded, so none goes uncounted
			return err
		}
		time.Sleep(5 * time.Millisecond)
		return nil
	}}
	if _, err := intake.Encode(t.Context(), noted{openHome(t, home), log}, m, nil, nil); err != nil {
		t.Fatal(err)
	}
	if len(m.twice()) > 0 {
		t.Fatal("a text was encoded twice")
	}
}
