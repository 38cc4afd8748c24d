//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// chromium finds the browser or says that the test was not run.
func chromium(t *testing.T) string {
	t.Helper()
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: the pages in a browser need GROUNDWORK_REAL=1 (make test-real)")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the pages in a browser: %v; make test-real installs it on Debian", err)
	}
	return path
}

// TestRealPages looks at the pages in Chromium: light and dark, wide and narrow,
// with and without the script. The pictures go to the folder GROUNDWORK_PICTURES.
//
// A browser that makes a picture and ends brings no cookie from before, so a
// proxy of the test's brings the token for it.
func TestRealPages(t *testing.T) {
	browser := chromium(t)
	p := newBinary(t, buildBinary(t))
	p.run(t, "add", handbook(t), "--readers", "all").ok()
	writeFile(t, filepath.Join(p.dir, "hostile", "x.md"), "# <img src=x onerror=alert(1)> \u202eturned\n\nThe zebra crossing is <script>document.title='broken'</script> painted "+strings.Repeat("extremely", 300)+" white.\n")
	p.run(t, "add", "hostile").ok()
	s := p.serve(t)

	// The door opens for a real browser, by the link and by the file of --open.
	if dom := inBrowser(t, browser, s.link, "--dump-dom"); !strings.Contains(dom, "documents for you") {
		t.Errorf("the link leads to:\n%s", dom)
	}
	file := filepath.Join(t.TempDir(), "open.html")
	if err := replaceFile(file, openPage(s.link)); err != nil {
		t.Fatal(err)
	}
	if dom := inBrowser(t, browser, "file://"+file, "--dump-dom", "--virtual-time-budget=3000"); !strings.Contains(dom, "documents for you") {
		t.Errorf("the file of --open leads to:\n%s", dom)
	}

	front := newFront(t, s)
	pictures := os.Getenv("GROUNDWORK_PICTURES")
	if pictures == "" {
		pictures = t.TempDir()
	}
	ask := func(q string) string { return "/?q=" + url.QueryEscape(q) }
	q := "what is the hotel limit per night?"
	var x answered
	if err := json.Unmarshal([]byte(p.run(t, "ask", "--json", q).out), &x); err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{
		"empty":    front.address + "/",
		"answer":   front.address + ask(q),
		"table":    front.address + ask("what is the pay band for level 4?"),
		"refusal":  front.address + ask("how many moons does Jupiter have?"),
		"source":   front.address + "/open?pointer=" + url.QueryEscape(x.Sentences[0].Citations[0].Pointer) + "&q=" + url.QueryEscape(q),
		"missing":  front.address + "/open?pointer=" + url.QueryEscape("handbook/none.md@0480d2b7#1-2"),
		"hostile":  front.address + ask("how is the zebra crossing painted?"),
		"stranger": s.address + "/", // without the token
	} {
		for _, width := range []int{1280, 375} {
			for _, scheme := range []string{"light", "dark"} {
				if name != "answer" && (width == 375) != (scheme == "dark") {
					continue // each way of looking is seen, without every pair
				}
				picture := filepath.Join(pictures, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
				inBrowser(t, browser, address, "--screenshot="+picture, fmt.Sprintf("--window-size=%d,900", width),
					"--blink-settings=preferredColorScheme="+map[string]string{"light": "1", "dark": "0"}[scheme])
				ground := corner(t, picture)
				if light := ground > 0x8000; light != (scheme == "light") {
					t.Errorf("%s: the ground has brightness %#x", picture, ground)
				}
			}
		}
		if name != "hostile" && name != "table" {
			continue
		}
		if dom := inBrowser(t, browser, address, "--dump-dom", "--window-size=375,900"); !strings.Contains(dom, `data-over="0"`) || !strings.Contains(dom, "</main>") || strings.Contains(dom, "broken</title>") || strings.Contains(dom, "\u202e") {
			t.Errorf("%s:\n%s", name, dom)
		}
	}

	// The script shows, in the end, what the page without it shows.
	whole := inBrowser(t, browser, front.address+ask(q), "--dump-dom")
	front.asks.Store(&q)
	live := inBrowser(t, browser, front.address+"/", "--dump-dom")
	if n := front.streams.Load(); n != 1 {
		t.Errorf("the script made %d streams, not 1", n)
	}
	if a, b := article(t, whole), article(t, live); a != b || !strings.Contains(a, "135 euro") {
		t.Errorf("the live answer differs from the loaded one:\n%s\n--\n%s", b, a)
	}
	if !strings.Contains(live, "Complete: ") || !strings.Contains(live, "<title>"+q) {
		t.Errorf("the page does not say that the answer is complete:\n%s", live)
	}
}

// front stands before the server and brings the token. It lets the page note by
// how many pixels it is too wide. When asks holds a question, the page's script puts it into the box and sends it.
type front struct {
	address string
	asks    atomic.Pointer[string]
	streams atomic.Int64
}

func newFront(t *testing.T, s *serving) *front {
	t.Helper()
	target, err := url.Parse(s.address)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{}
	proxy := &httputil.ReverseProxy{FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Authorization", "Bearer "+s.token)
			if r.In.Header.Get("Accept") == "text/event-stream" {
				f.streams.Add(1)
			}
		},
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Path == "/ask.js" {
				script, err := io.ReadAll(r.Body)
				script = append(script, "\nconst whole = document.documentElement;\nwhole.dataset.over = whole.scrollWidth - whole.clientWidth;\n"...)
				if q := f.asks.Load(); q != nil {
					script = fmt.Appendf(script, "\nbox.value = %q;\nform.requestSubmit();\nconst wait = new Image();\nwait.src = \"/wait\";\ndocument.body.append(wait);\n", *q)
				}
				r.Body = io.NopCloser(bytes.NewReader(script))
				r.ContentLength = int64(len(script))
				r.Header.Set("Content-Length", fmt.Sprint(len(script)))
				return err
			}
			return nil
		}}
	rooms := http.NewServeMux()
	rooms.Handle("/", proxy)
	rooms.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) { // the browser is done when all pictures are there
		time.Sleep(2 * time.Second)
		http.Redirect(w, r, "/icon.svg", http.StatusSeeOther)
	})
	server := httptest.NewServer(rooms)
	t.Cleanup(server.Close)
	f.address = server.URL
	return f
}

// inBrowser opens an address in a fresh browser and returns what that prints. A page
// about which the browser complains, for example to its content rules, is a fault.
func inBrowser(t *testing.T, browser, address string, args ...string) string {
	t.Helper()
	args = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir()}, args...)
	cmd := exec.CommandContext(t.Context(), browser, append(args, address)...)
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, log.String())
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "CONSOLE") && !strings.Contains(line, "the server responded with a status of 40") {
			t.Errorf("%s: the browser complains: %s", address, line)
		}
	}
	return out.String()
}

// article returns the answer's part of a page.
func article(t *testing.T, dom string) string {
	t.Helper()
	_, rest, _ := strings.Cut(dom, "<article>")
	inner, _, ok := strings.Cut(rest, "</article>")
	if !ok {
		t.Errorf("no article:\n%s", dom)
	}
	return inner
}

// corner returns the brightness of the picture's lower left corner, 0 to 0xffff.
func corner(t *testing.T, name string) uint32 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, _ := img.At(img.Bounds().Min.X+4, img.Bounds().Max.Y-4).RGBA()
	return (r + g + b) / 3
}
