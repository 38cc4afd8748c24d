package screening

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"groundwork/knowledge"
)

// planted is a text of ../shared/data/screening with what is to be found in it.
type planted struct {
	ID, Group, Text string
	Labels          []struct {
		Start, End int
		Kind       string
	}
}

// reported says whether a kind belongs to the half that is for reporting: rules
// are written looking at the other half only.
func reported(kind string) bool { return sha256.Sum256([]byte(kind))[0]%2 == 1 }

// formless are the secrets without a published form.
var formless = strings.Fields(`password_in_prose password_assignment credential_file generic_api_key access_code card_pin recovery_code
	wifi_password encoded_password totp_secret`)

// classOf returns under which heading a label is counted. Personal data are not
// looked for yet.
func classOf(kind string) string {
	switch {
	case strings.HasPrefix(kind, "marking_"):
		return "marking"
	case slices.Contains(formless, kind):
		return "secret without form"
	}
	return "secret of fixed form"
}

func TestPlanted(t *testing.T) {
	file, err := os.Open("../../../shared/data/screening/screening.jsonl")
	if err != nil {
		t.Skipf("NOT RUN: the planted texts are not here: %v", err)
	}
	defer file.Close()
	var texts []planted
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	personal := map[string]bool{}
	for lines.Scan() {
		var p planted
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, p)
		if p.Group == "personal" {
			for _, l := range p.Labels {
				personal[l.Kind] = true
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}

	type tally struct{ found, covered, of int }
	kinds, halves := map[string]*tally{}, map[string]*tally{}
	clean, alarms, groups := 0, 0, map[string]int{}
	s := New()
	for _, p := range texts {
		findings := s.Text(p.Text)
		if strings.HasPrefix(p.Group, "clean:") {
			clean++
			if len(findings) > 0 {
				alarms++
				groups[p.Group]++
				if !reported(p.Group) {
					t.Logf("alarm in %s %s: %+v in %q", p.ID, p.Group, findings, p.Text)
				}
			}
			continue
		}
		for _, l := range p.Labels {
			if personal[l.Kind] {
				continue
			}
			class := classOf(l.Kind)
			half := "tuned"
			if reported(l.Kind) {
				half = "reported"
			}
			sum := halves[class+", "+half]
			if sum == nil {
				sum = &tally{}
				halves[class+", "+half] = sum
			}
			kind := kinds[l.Kind]
			if kind == nil {
				kind = &tally{}
				kinds[l.Kind] = kind
			}
			want := knowledge.Secret
			if class == "marking" {
				want = knowledge.Marking
			}
			found, covered := false, make([]bool, l.End-l.Start)
			for _, g := range findings {
				if g.Class == want && g.Start < l.End && l.Start < g.End {
					found = true
				}
				for i := max(g.Start, l.Start); i < min(g.End, l.End); i++ {
					covered[i-l.Start] = true
				}
			}
			for _, n := range []*tally{sum, kind} {
				n.of++
				if found {
					n.found++
				}
				if !slices.Contains(covered, false) {
					n.covered++
				}
			}
			if half == "tuned" && (!found || slices.Contains(covered, false)) {
				t.Logf("missed or cut short in %s: %s %q of %.120q: %+v", p.ID, l.Kind, p.Text[l.Start:l.End], p.Text, findings)
			}
		}
	}
	var report []string
	for name, n := range halves {
		report = append(report, fmt.Sprintf("%-32s found %d, covered %d of %d", name, n.found, n.covered, n.of))
	}
	for kind, n := range kinds {
		if n.covered < n.of {
			report = append(report, fmt.Sprintf("kind %-27s found %d, covered %d of %d (reported %v)", kind, n.found, n.covered, n.of, reported(kind)))
		}
	}
	slices.Sort(report)
	t.Logf("\n%s\nclean texts with an alarm: %d of %d %v", strings.Join(report, "\n"), alarms, clean, groups)

	floor := func(name string, least float64) {
		n := halves[name]
		if n == nil || float64(n.found) < least*float64(n.of) {
			t.Errorf("%s: found %+v, want at least %.2f", name, n, least)
		}
	}
	floor("secret of fixed form, reported", 0.95)
	floor("secret of fixed form, tuned", 0.95)
	if alarms*20 > clean || clean == 0 {
		t.Errorf("alarms in %d of %d clean texts, want at most 5 %%", alarms, clean)
	}
	// What holds now; a change that finds less must say why.
	floor("marking, tuned", 0.9)
	floor("marking, reported", 0.8)
	floor("secret without form, tuned", 0.7)
	for _, group := range []string{"clean:doc_example", "clean:uuid", "clean:git_hash"} {
		if groups[group] > 0 {
			t.Errorf("%d alarms in %s, want none", groups[group], group)
		}
	}
}
