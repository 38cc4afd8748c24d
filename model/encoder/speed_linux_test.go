package encoder

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"groundwork/internal/vec"
)

// threadTime is what this thread has computed so far; other programs on the same
// processor lengthen it less than they lengthen a clock on the wall.
func threadTime(t *testing.T) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(1, &u); err != nil { // RUSAGE_THREAD
		t.Fatal(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// TestRealSpeed prints the table of doc/bench/encoder/README.md: texts to unit
// vectors, tokens included, one thread, against onnxruntime in interleaved rounds.
func TestRealSpeed(t *testing.T) {
	if os.Getenv("GROUNDWORK_LONG") == "" || os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: speed beside onnxruntime needs GROUNDWORK_LONG=1 and GROUNDWORK_REAL=1 (make check-long), and a quiet machine")
	}
	const perRound = 16
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, d := range measured() {
		y := newYardstick(t, d)
		tokenizer, w := load(t, d)
		fmt.Println(d.Name, runtime.Version(), y.program)

		for _, kind := range []struct {
			name           string
			tokens, rounds int
			least          float64 // times as fast as onnxruntime
		}{{"query", 21, 40, 1.5}, {"passage", 188, 6, 1.3}, {"longest", 512, 2, 1.3}} {
			texts := textsOf(t, tokenizer, kind.tokens, perRound)
			type way struct {
				name string
				run  func() reply
				took []reply
			}
			var ways []*way
			for _, p := range vec.Paths() {
				if p.Name == "portable" {
					continue
				}
				n := newNetworkFor(p, w)
				ids, out := make([][]int32, perRound), make([][]float32, perRound)
				for i := range out {
					out[i] = make([]float32, w.Hidden)
				}
				for _, size := range []int{1, perRound} {
					ways = append(ways, &way{name: fmt.Sprintf("%s, %d at a time", p.Name, size), run: func() reply {
						cpu, wall := threadTime(t), time.Now()
						for first := 0; first < perRound; first += size {
							for i := first; i < first+size; i++ {
								ids[i] = tokenizer.encode(texts[i], ids[i][:0], d.MaxTokens)
							}
							n.encodeAll(ids[first:first+size], d.Pooling, out[first:first+size])
						}
						return reply{CPU: threadTime(t) - cpu, Wall: time.Since(wall).Seconds()}
					}})
				}
			}
			if len(ways) == 0 {
				t.Skip("NOT RUN: this processor has no path but the portable one")
			}
			for _, size := range []int{1, perRound} {
				ways = append(ways, &way{name: fmt.Sprintf("onnxruntime, %d at a time", size), run: func() reply {
					return y.ask(t, map[string]any{"texts": texts, "batch": size})
				}})
			}
			for range kind.rounds + 1 {
				for _, w := range ways {
					w.took = append(w.took, w.run())
				}
			}
			figure := func(w *way, of func(reply) float64, at func(n int) int) float64 {
				var all []float64
				for _, r := range w.took[1:] { // the first warms up
					all = append(all, of(r)/perRound*1000)
				}
				slices.Sort(all)
				return all[at(len(all))]
			}
			cpu, wall := func(r reply) float64 { return r.CPU }, func(r reply) float64 { return r.Wall }
			median, least := func(n int) int { return n / 2 }, func(int) int { return 0 }
			// best is the faster way of two: one at a time, all at a time.
			best := func(name string) *way {
				i := slices.IndexFunc(ways, func(w *way) bool { return strings.HasPrefix(w.name, name) })
				if figure(ways[i+1], cpu, median) < figure(ways[i], cpu, median) {
					i++
				}
				return ways[i]
			}
			theirs := best("onnxruntime")
			times := func(w *way, at func(int) int) float64 { return figure(theirs, cpu, at) / figure(w, cpu, at) }
			for _, w := range ways {
				fmt.Printf("| %s | %s, %d | %s | %.2f | %.2f | %.2f | %.2f | %.2f |\n", d.Name, kind.name, kind.tokens, w.name,
					figure(w, cpu, median), figure(w, cpu, least), figure(w, wall, least), times(w, median), times(w, least))
			}
			if fastest := vec.Best().Name; fastest == "vnni" {
				// Other programs only add to what a round takes, so the least counts.
				if r := times(best("vnni"), least); r < kind.least {
					t.Errorf("%s, %s: %.2f times as fast as onnxruntime, want %.1f", d.Name, kind.name, r, kind.least)
				}
				if r := figure(best("vnni"), cpu, least) / figure(best("avx2"), cpu, least); r < 0.45 { // .5 for bge; the short texts of MiniLM are at .48
					t.Errorf("%s, %s: the path avx2 has %.2f of the speed of vnni, want .45", d.Name, kind.name, r)
				}
			}
		}
	}
}

// textsOf cuts passages of the judged sets to n texts of this many tokens or a few less.
func textsOf(t *testing.T, tokenizer *wordPiece, tokens, n int) (texts []string) {
	var words []string
	for _, d := range sets(t)[2].Documents {
		words = append(words, strings.Fields(d.Text)...)
		if len(words) > 600*n {
			break
		}
	}
	for ; len(texts) < n; words = words[600:] {
		k := 1
		for len(tokenizer.encode(strings.Join(words[:k+1], " "), nil, 600)) <= tokens {
			k++
		}
		texts = append(texts, strings.Join(words[:k], " "))
	}
	return texts
}
