package draft

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestInnerNames(t *testing.T) {
	n, began := InnerNames{}, time.Now()
	for i := range 20_000 {
		want := "a.md"
		if i > 0 {
			want = fmt.Sprintf("a (%d).md", i+1)
		}
		if got := n.Clean("a.md"); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("20,000 namesakes took %v", took)
	}
	for in, want := range map[string]string{"": "unnamed", "..": "unnamed", "/": "unnamed", "x/../y": "x/y", "a\\b": "a/b", "c:/d": "d", ".x": ".x", "\xff": "\uFFFD", strings.Repeat("ä", 300) + ".pdf": strings.Repeat("ä", 120) + ".pdf"} {
		if got := (InnerNames{}).Clean(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
