package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"groundwork/internal/db"
	"groundwork/internal/fault"
	"groundwork/internal/handover"
	"groundwork/knowledge"
	"groundwork/knowledge/retrieval"
	"groundwork/knowledge/sqlite"
	"groundwork/model"
	"groundwork/server"

	"github.com/spf13/cobra"
)

// grace is what work under way gets when the server stops.
const grace = 10 * time.Second

func (a *app) serveCommand() *cobra.Command {
	var address string
	var open bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "answer questions in a browser, and as JSON over HTTP",
		Long: `Serve a page at / and JSON below /v1/ until Ctrl-C, for this machine alone.
Who wants in brings the home's token: open the printed link once, or send
"Authorization: Bearer" with the text of the file token in the home. Delete that
file and start again for another token. While it runs, add, sync, readers and
other commands that write are handed to it and work as always.`,
		Example: "  groundwork serve\n  groundwork serve --addr 127.0.0.1:0 --open",
		Args:    exactly(0, "nothing"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.serve(cmd.Context(), address, open)
		},
	}
	cmd.Flags().StringVar(&address, "addr", "127.0.0.1:7474", "where to listen; port 0 takes a free one")
	cmd.Flags().BoolVar(&open, "open", false, "open the page in a browser")
	return cmd
}

func (a *app) serve(ctx context.Context, address string, open bool) (err error) {
	if err := loopback(address); err != nil {
		return err
	}
	home, err := a.homeDir()
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, home, sqlite.Schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	token, err := homeToken(home)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fault.Wrap(fault.Busy, err, "serve", "choose another --addr; port 0 takes a free one")
	}
	defer l.Close()
	if at, ok := l.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() { // a name may mean anything
		return beyond(address)
	}
	commands, place, err := handover.Listen(home)
	if err != nil {
		return err
	}
	defer commands.Close()
	if err := d.Announce(place); err != nil {
		return err
	}

	store := sqlite.New(d)
	a.former = new(former)
	if _, err := a.embedder(); err != nil { // every question would fail by it
		return err
	}
	at := l.Addr().String()
	_, port, _ := net.SplitHostPort(at)
	s := rooms(store.View, func(ctx context.Context) (model.Embedder, error) { return a.questioner(ctx, store) })
	s.Token, s.Hosts, s.Stop = token, hosts(at, port), grace
	link := "http://" + at + "/?token=" + token
	if a.asJSON {
		a.json(map[string]string{"address": "http://" + at, "link": link})
	} else {
		fmt.Fprintf(a.out, "Groundwork answers at http://%s\n  open once in your browser: %s\n", at, link)
		a.note("Ctrl-C stops it.")
	}
	if open {
		if err := browse(home, link); err != nil {
			a.note("groundwork: no browser could be started (%v)\n  next: open the link yourself", err)
		}
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	waiting := make(chan struct{}, 1) // something may have to be encoded
	later := func() {
		select {
		case waiting <- struct{}{}:
		default: // it is known already
		}
	}
	ended := make(chan error, 1)
	go func() {
		ended <- handover.Serve(ctx, commands, token, grace, func(ctx context.Context, c handover.Command, out, errOut io.Writer) int {
			return (&app{in: strings.NewReader(""), out: out, err: errOut, dir: c.Dir, store: store, opened: home, embeds: a.embeds, later: later}).run(ctx, c.Args)
		})
	}()
	background := make(chan struct{})
	go func() {
		defer close(background)
		for {
			var again <-chan time.Time
			if err := a.encode(ctx, store); err != nil && ctx.Err() == nil {
				a.note("groundwork: %s\n  next: it is tried again in a minute", err)
				again = time.After(time.Minute)
			}
			select {
			case <-ctx.Done():
				return
			case <-waiting:
			case <-again:
			}
		}
	}()
	err = s.Serve(ctx, l)
	stop()
	<-background
	if last := <-ended; err == nil && !errors.Is(last, net.ErrClosed) {
		err = last
	}
	if err == nil {
		a.note("stopped")
	}
	return err
}

// rooms is the server with what it needs to answer, but without its door's key.
func rooms(view func(knowledge.Asker) knowledge.View, questioner func(context.Context) (model.Embedder, error)) server.Server {
	return server.Server{View: view,
		Search: func(ctx context.Context, view knowledge.View, query string, top int, leg string) (knowledge.Ranking, error) {
			if leg == retrieval.Words {
				return retrieval.Find(ctx, view, search(query, top, leg, nil))
			}
			e, err := questioner(ctx)
			if err != nil {
				return knowledge.Ranking{}, err
			}
			return retrieval.Find(ctx, view, search(query, top, leg, e))
		},
		Answer: func(ctx context.Context, view knowledge.View, q knowledge.Question, emit func(knowledge.Part)) (knowledge.Answer, error) {
			e, err := questioner(ctx)
			if err != nil {
				return knowledge.Answer{}, err
			}
			return writer(view, e).Answer(ctx, q, emit)
		},
	}
}

// handOver lets the process that holds the home run this command.
func (a *app) handOver(ctx context.Context, home, address string) error {
	dir, err := os.Getwd()
	if err != nil {
		return fault.Wrap(fault.Input, err, "find the folder that you are in", "cd to one that is there")
	}
	token, err := os.ReadFile(filepath.Join(home, "token"))
	if err != nil {
		return fault.Wrap(fault.Busy, err, "reach the process that serves "+home, "stop it and start it again")
	}
	code, err := handover.Send(ctx, address, handover.Command{Token: strings.TrimSpace(string(token)), Args: a.args, Dir: dir, Out: a.colour(), Err: terminal(a.err)}, a.out, a.err)
	if err != nil {
		return err
	}
	return result(code)
}

func beyond(address string) error {
	return fault.New(fault.Input, "serve on "+address+": serving beyond this machine needs sign-in, which is not built yet", "--addr 127.0.0.1:7474")
}

// loopback wants an address that only this machine reaches.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.Wrap(fault.Input, err, "serve on "+address, "--addr 127.0.0.1:7474")
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return beyond(address)
	}
	return nil
}

// hosts lists what a request's Host header may say.
func hosts(at, port string) []string {
	list := []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port, at}
	if port == "80" { // which browsers leave out
		list = append(list, "127.0.0.1", "localhost", "[::1]")
	}
	return list
}

// homeToken returns the secret of the home, 64 hexadecimal digits, and makes it
// when there is none or when others could have read it.
func homeToken(home string) (string, error) {
	path := filepath.Join(home, "token")
	info, err := os.Lstat(path)
	if err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0) {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fault.Wrap(fault.Input, err, "read "+path, "make it readable for you, or delete it")
		}
		if token := strings.TrimSpace(string(text)); len(token) == 64 {
			return token, nil
		}
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // it never fails
	token := hex.EncodeToString(random)
	if err := replaceFile(path, token+"\n"); err != nil {
		return "", fault.Wrap(fault.Budget, err, "write "+path, "free some space on the disk, or check the home's permissions")
	}
	return token, nil
}

// replaceFile puts a file that only its owner may read in the place of path.
func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// browse opens the link in a browser by way of a file that only its owner can
// read: everybody on this machine can read the arguments of a program.
func browse(home, link string) error {
	path := filepath.Join(home, "open.html")
	if err := replaceFile(path, openPage(link)); err != nil {
		return err
	}
	program := []string{"xdg-open", path}
	switch runtime.GOOS {
	case "darwin":
		program = []string{"open", path}
	case "windows":
		program = []string{"rundll32", "url.dll,FileProtocolHandler", path}
	}
	cmd := exec.Command(program[0], program[1:]...)
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release() // it ends when it likes
}

// openPage is a page that goes on to link.
func openPage(link string) string {
	return `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=` + link + `"><title>Groundwork</title><a href="` + link + `">Open Groundwork</a>`
}
