package handover_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groundwork/internal/fault"
	"groundwork/internal/handover"

	"github.com/google/go-cmp/cmp"
)

// hold takes commands for a new home until the test ends.
func hold(t *testing.T, home string, run func(context.Context, handover.Command, io.Writer, io.Writer) int) (address string, stop func() error) {
	t.Helper()
	l, address, err := handover.Listen(home)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- handover.Serve(ctx, l, "secret", 100*time.Millisecond, run) }()
	t.Cleanup(cancel)
	return address, func() error {
		cancel()
		return <-ended
	}
}

func TestHandover(t *testing.T) {
	long := t.TempDir() + strings.Repeat("/long", 30) // too long for the path of a socket
	for name, home := range map[string]string{"short": t.TempDir(), "long": long} {
		t.Run(name, func(t *testing.T) {
			var got handover.Command
			address, stop := hold(t, home, func(_ context.Context, c handover.Command, out, errOut io.Writer) int {
				got = c
				fmt.Fprint(out, "one\x00two")
				fmt.Fprint(errOut, "note")
				if x, ok := out.(interface{ Terminal() bool }); !ok || !x.Terminal() {
					t.Error("stdout has forgotten that it is a terminal")
				}
				if x, ok := errOut.(interface{ Terminal() bool }); !ok || x.Terminal() {
					t.Error("stderr is no terminal")
				}
				return 7
			})
			want := handover.Command{Token: "secret", Args: []string{"add", "a b", ""}, Dir: "/somewhere", Out: true}
			var out, errOut bytes.Buffer
			code, err := handover.Send(t.Context(), address, want, &out, &errOut)
			if err != nil || code != 7 || out.String() != "one\x00two" || errOut.String() != "note" {
				t.Errorf("%d, %v, %q, %q", code, err, out.String(), errOut.String())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			got = handover.Command{}
			want.Token = "guess"
			if code, err := handover.Send(t.Context(), address, want, &out, &errOut); fault.KindOf(err) != fault.Busy || code != 0 || got.Args != nil {
				t.Errorf("with another token: %d, %v, ran %v", code, err, got.Args)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
			if _, err := handover.Send(t.Context(), address, want, &out, &errOut); fault.KindOf(err) != fault.Busy {
				t.Errorf("after the end: %v", err)
			}
			if left, err := filepath.Glob(filepath.Join(home, "*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// One at a time, and each ends when its sender wants it to.
func TestTurnsAndCancel(t *testing.T) {
	running := make(chan string, 10)
	address, stop := hold(t, t.TempDir(), func(ctx context.Context, c handover.Command, out, _ io.Writer) int {
		running <- c.Args[0]
		<-ctx.Done()
		fmt.Fprint(out, "interrupted")
		return 5
	})
	type end struct {
		code int
		out  string
		err  error
	}
	send := func(name string) (cancel func(), ended chan end) {
		ctx, cancel := context.WithCancel(t.Context())
		ended = make(chan end, 1)
		go func() {
			var out bytes.Buffer
			code, err := handover.Send(ctx, address, handover.Command{Token: "secret", Args: []string{name}}, &out, io.Discard)
			ended <- end{code, out.String(), err}
		}()
		return cancel, ended
	}
	cancelFirst, first := send("first")
	if got := <-running; got != "first" {
		t.Fatal(got)
	}
	_, second := send("second")
	select {
	case got := <-running:
		t.Errorf("%s runs beside the first", got)
	case <-time.After(100 * time.Millisecond):
	}
	cancelFirst()
	if e := <-first; e.code != 5 || e.out != "interrupted" || e.err != nil {
		t.Errorf("the first: %+v", e)
	}
	if got := <-running; got != "second" {
		t.Fatal(got)
	}
	_, third := send("third")
	time.Sleep(50 * time.Millisecond)
	if err := stop(); err != nil { // the second has its grace and is then ended; the third never begins
		t.Error(err)
	}
	if e := <-second; e.code != 5 || e.out != "interrupted" {
		t.Errorf("the second: %+v", e)
	}
	if e := <-third; fault.KindOf(e.err) != fault.Busy {
		t.Errorf("the third: %+v", e)
	}
}

// Whatever else somebody sends is no command, and the next one is served.
func FuzzServe(f *testing.F) {
	f.Add([]byte(`{"Token":"guess","Args":["sync"]}`))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte(`{"Token":["secret"]}`))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- handover.Serve(ctx, l, "secret", 0, func(_ context.Context, c handover.Command, _, _ io.Writer) int {
			if c.Token != "secret" {
				f.Error("it ran without the token")
			}
			return len(c.Args)
		})
	}()
	f.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(data) // it may hang up early
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		code, err := handover.Send(t.Context(), "tcp:"+l.Addr().String(), handover.Command{Token: "secret", Args: []string{"a", "b"}}, io.Discard, io.Discard)
		if err != nil || code != 2 {
			t.Fatalf("the next command: %d, %v", code, err)
		}
	})
}
