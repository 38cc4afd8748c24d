// Package handover hands a command line to the process that holds the home, and
// brings back what it prints and its exit code.
//
// The two talk over a unix socket in the home, which only its owner can enter;
// on Windows over a port of this machine. Each connection carries one command:
// a Command as JSON one way, pieces of output as JSON the other way. Whoever
// closes the sending side, or goes away, cancels the command.
package handover

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"groundwork/internal/fault"
)

// Command is what is handed over.
type Command struct {
	Token string   // the home's; without it nothing is run
	Args  []string // without the program's name
	Dir   string   // absolute: relative paths in Args start here
	Out   bool     // stdout is a terminal
	Err   bool     // stderr is a terminal
}

// piece is a part of a command's output; exactly one field is set.
type piece struct {
	Out  []byte `json:",omitempty"`
	Err  []byte `json:",omitempty"`
	Code *int   `json:",omitempty"`
}

// pathLimit is the longest path that a unix socket can have everywhere, in bytes.
const pathLimit = 100

// Listen opens the place where the holder of home takes commands. The address
// says to Send where it is. Closing the listener removes it.
func Listen(home string) (l net.Listener, address string, err error) {
	if runtime.GOOS == "windows" {
		l, err = net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, "", fault.Wrap(fault.Internal, err, "open a port for other commands", "")
		}
		return l, "tcp:" + l.Addr().String(), nil
	}
	path := filepath.Join(home, "socket")
	made := ""
	if len(path) > pathLimit {
		if made, err = os.MkdirTemp("", "groundwork-"); err != nil { // only its owner may enter it
			return nil, "", fault.Wrap(fault.Budget, err, "make a folder for a socket", "set TMPDIR to a folder with some space")
		}
		path = filepath.Join(made, "socket")
	} else if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // left behind by a holder that was killed
		return nil, "", fault.Wrap(fault.Input, err, "make a socket at "+path, "remove what is there")
	}
	if l, err = net.Listen("unix", path); err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, "", fault.Wrap(fault.Input, err, "make a socket at "+path, "choose a --home with a shorter path, on a disk of this machine")
	}
	return &listener{l, made}, "unix:" + path, nil
}

type listener struct {
	net.Listener
	made string // a temporary folder to remove; "" for none
}

func (l *listener) Close() error {
	err := l.Listener.Close()
	if l.made != "" {
		err = errors.Join(err, os.RemoveAll(l.made))
	}
	return err
}

// Serve runs the commands that come, one at a time, until ctx ends; then it
// closes l. A command under way at that time has grace to end before its own
// context does.
func Serve(ctx context.Context, l net.Listener, token string, grace time.Duration, run func(ctx context.Context, c Command, out, errOut io.Writer) int) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var running sync.WaitGroup
	closed := make(chan error, 1)
	go func() {
		<-ctx.Done()
		closed <- l.Close()
	}()
	turn := make(chan struct{}, 1)
	for ctx.Err() == nil {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() == nil {
				time.Sleep(50 * time.Millisecond) // too many open files, for example
			}
			continue
		}
		running.Go(func() { serve(ctx, work, conn, token, turn, run) })
	}
	late := time.AfterFunc(grace, cut)
	defer late.Stop()
	running.Wait()
	return <-closed
}

// serve runs the command of one connection. stopping ends when the holder stops:
// what has not begun by then does not begin.
func serve(stopping, work context.Context, conn net.Conn, token string, turn chan struct{}, run func(context.Context, Command, io.Writer, io.Writer) int) {
	defer conn.Close()
	work, cancel := context.WithCancel(work)
	defer cancel()
	var c Command
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	d := json.NewDecoder(io.LimitReader(conn, 1<<20))
	if err := d.Decode(&c); err != nil || subtle.ConstantTimeCompare([]byte(c.Token), []byte(token)) != 1 || token == "" {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	gone := make(chan struct{})
	go func() { // nothing more comes but the end
		_, _ = io.Copy(io.Discard, conn)
		cancel()
		close(gone)
	}()
	defer func() {
		_ = conn.Close()
		<-gone
	}()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-work.Done():
		return
	case <-stopping.Done():
		return
	}
	s := &sender{enc: json.NewEncoder(conn), conn: conn}
	code := run(work, c, output{s, c.Out, func(p []byte) piece { return piece{Out: p} }}, output{s, c.Err, func(p []byte) piece { return piece{Err: p} }})
	s.send(piece{Code: &code})
}

// sender sends pieces; a command may print from several goroutines.
type sender struct {
	mu   sync.Mutex
	enc  *json.Encoder
	conn net.Conn
}

func (s *sender) send(p piece) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(30 * time.Second)) // who stopped reading does not hold up the holder
	_ = s.enc.Encode(p)                                           // who is gone has cancelled the command already
}

// output is stdout or stderr of a command that was handed over.
type output struct {
	to       *sender
	terminal bool
	piece    func([]byte) piece
}

func (o output) Write(p []byte) (int, error) {
	o.to.send(o.piece(p))
	return len(p), nil
}

// Terminal reports whether what is written ends on a person's screen.
func (o output) Terminal() bool { return o.terminal }

// Send hands c over to the holder at address, copies what it prints, and returns
// its exit code. When ctx ends the command is cancelled, and what it then says
// still comes. A fault of kind Busy says that the holder does not take it.
func Send(ctx context.Context, address string, c Command, out, errOut io.Writer) (int, error) {
	network, place, _ := strings.Cut(address, ":")
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, place)
	if err != nil {
		return 0, fault.Wrap(fault.Busy, err, "reach the process that holds the home", "try again in a moment")
	}
	defer conn.Close()
	if err := json.NewEncoder(conn).Encode(c); err != nil {
		return 0, fault.Wrap(fault.Busy, err, "reach the process that holds the home", "try again in a moment")
	}
	stop := context.AfterFunc(ctx, func() {
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	defer stop()
	d := json.NewDecoder(conn)
	for {
		var p piece
		if err := d.Decode(&p); err != nil {
			return 0, fault.New(fault.Busy, "the process that holds the home went away before the command was done", "run it again; what was stored is whole")
		}
		switch {
		case p.Code != nil:
			return *p.Code, nil
		case p.Err != nil:
			_, err = errOut.Write(p.Err)
		default:
			_, err = out.Write(p.Out)
		}
		if err != nil {
			return 0, fault.Wrap(fault.Input, err, "print", "")
		}
	}
}
