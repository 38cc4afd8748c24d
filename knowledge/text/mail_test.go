package text

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"groundwork/knowledge"
	"groundwork/knowledge/draft"
	"groundwork/knowledge/readingtest"
)

// named writes parts as "name: bytes".
func named(r knowledge.Reading) []string {
	var out []string
	for _, p := range r.Parts {
		s := p.Name + ": " + string(p.Bytes)
		if p.State != "" {
			s = p.Name + ": " + string(p.State)
		}
		out = append(out, s)
	}
	return out
}

func TestMail(t *testing.T) {
	head := "From: Ada <ada@example.com>\nSubject: Plan\n"
	seen := "paragraph: From: Ada <ada@example.com>\nSubject: Plan"
	multi := func(kind string, parts ...string) string {
		return head + "Content-Type: multipart/" + kind + "; boundary=\"b \"\n\npreamble\n--b \n" + strings.Join(parts, "\n--b \n") + "\n--b --\nepilogue"
	}
	for name, c := range map[string]struct {
		in     string
		blocks []string
		parts  []string
	}{
		"plain":             {head + "\nWords.\n\n> quoted\n", []string{seen, "paragraph: Words.", "paragraph: > quoted"}, nil},
		"quoted-printable":  {head + "Content-Transfer-Encoding: Quoted-Printable\nContent-Type: text/plain; charset=iso-8859-1\n\nF=FCr =\nalle =XY\n", []string{seen, "paragraph: Für alle =XY"}, nil},
		"base64":            {head + "Content-Transfer-Encoding: base64\nContent-Type: text/plain; charset=utf-8\n\nRsO8\ncg=\n", []string{seen, "paragraph: Für"}, nil},
		"alternatives":      {multi("alternative", "Content-Type: text/html\n\n<p>words <b>bold</b>", "Content-Type: text/plain\n\nwords plain"), []string{seen, "paragraph: words plain"}, nil},
		"an empty plain":    {multi("alternative", "Content-Type: text/plain\n\n \n", "Content-Type: text/html\n\n<h1>head</h1><p>words"), []string{seen, "heading 1: head", "paragraph: words"}, nil},
		"attachments":       {multi("mixed", "\nwords", "Content-Type: text/plain; name=a.txt\n\none", "Content-Disposition: attachment; filename*=utf-8''Pl%C3%A4ne.csv\n\ntwo", "Content-Disposition: attachment; filename=\"../../a.txt\"\n\nthree", "Content-Type: application/pdf\n\nfour"), []string{seen, "paragraph: words"}, []string{"a.txt: one", "Pläne.csv: two", "..-..-a.txt: three", "part.pdf: four"}},
		"a mail in it":      {multi("mixed", "\nsee", "Content-Type: message/rfc822\n\nSubject: In/ner\n\nwords"), []string{seen, "paragraph: see"}, []string{"In-ner.eml: Subject: In/ner\n\nwords"}},
		"pictures":          {multi("related", "Content-Type: text/html\n\n<p>see", "Content-Type: image/png; name=logo.png\nContent-ID: <1>\n\nx"), []string{seen, "paragraph: see"}, nil},
		"no last boundary":  {strings.TrimSuffix(multi("mixed", "\nwords", "Content-Disposition: attachment; filename=a\n\ncut"), "\n--b --\nepilogue"), []string{seen, "paragraph: words"}, []string{"a: cut"}},
		"no boundary":       {head + "Content-Type: multipart/mixed\n\nwords", []string{seen, "paragraph: words"}, nil},
		"no empty line":     {head + "The words begin at once.\nand go on: so", []string{seen, "paragraph: The words begin at once.\nand go on: so"}, nil},
		"a broken line":     {"From: Ada <ada@example.com>\nnot a header\nSubject: Plan\n\nwords", []string{seen, "paragraph: words"}, nil},
		"folded":            {"From: Ada\n <ada@example.com>\nSubject: =?utf-8?q?Pl?=\n =?utf-8?b?YW4=?=\n\nwords", []string{seen, "paragraph: words"}, nil},
		"a separator first": {"From ada Tue Jan  2 08:00:00 2024\n" + head + "\nwords", []string{seen, "paragraph: words"}, nil},
	} {
		r := Read("a.eml", []byte(c.in))
		readingtest.Sound(t, name, r)
		if d := cmp.Diff(c.blocks, readingtest.Show(r)); d != "" || r.Title != "Plan" {
			t.Errorf("%s: title %q, blocks (-want +got):\n%s", name, r.Title, d)
		}
		if d := cmp.Diff(c.parts, named(r)); d != "" {
			t.Errorf("%s: parts (-want +got):\n%s", name, d)
		}
		if crlf := Read("a.eml", []byte(strings.ReplaceAll(c.in, "\n", "\r\n"))); !cmp.Equal(readingtest.Show(crlf), readingtest.Show(r)) {
			t.Errorf("%s: with CRLF %q", name, readingtest.Show(crlf))
		}
	}
	r := Read("a.eml", []byte("Date: Tue, 02 Jan 2024 08:00:00 +0100\nFrom: a@example.com\nTo: b@example.com\nCc: c@example.com\n\nwords"))
	if !r.Dated.Equal(time.Date(2024, 1, 2, 7, 0, 0, 0, time.UTC)) || r.Title != "a" || !strings.HasPrefix(r.Text, "From: a@example.com\nTo: b@example.com\nCc: c@example.com\nDate: Tue, 02 Jan 2024 08:00:00 +0100\n\nwords") {
		t.Errorf("%v %q %q", r.Dated, r.Title, r.Text)
	}
	if r := Read("mail.txt", []byte(head+"\nwords")); r.Format != "mail" {
		t.Errorf("a mail named .txt is %s", r.Format)
	}
	if r := Read("memo.txt", []byte("From: the yard\nSubject: Hooks\n\nwords")); r.Format != "text" {
		t.Errorf("a memo is %s", r.Format)
	}
	many := multi("mixed", strings.Split(strings.Repeat("\nx,", 1500), ",")...)
	if r := Read("a.eml", []byte(many)); len(r.Blocks) > 1001 || len(r.Warnings) != 1 {
		t.Errorf("%d blocks, %q", len(r.Blocks), r.Warnings)
	}
}

func TestMailbox(t *testing.T) {
	r := Read("a.mbox", []byte("From ada Tue Jan  2 08:00:00 2024\nSubject: One: two?\n\nwords\n>From here\n>>From there\n\nFrom here on it is text.\n\nFrom bo Tue Jan  2 08:00:00 2024\n\nno headers\n"))
	readingtest.Sound(t, "a.mbox", r)
	if d := cmp.Diff([]string{"0001 One- two-.eml: Subject: One: two?\n\nwords\nFrom here\n>From there\n\nFrom here on it is text.\n\n", "0002 mail.eml: \nno headers\n"}, named(r)); d != "" || r.State != knowledge.Indexed || r.Title != "a" {
		t.Errorf("%s, title %q, parts (-want +got):\n%s", r.State, r.Title, d)
	}
	for in, want := range map[string]knowledge.Outcome{"": knowledge.Empty, "\n\n": knowledge.Empty, "words": knowledge.Damaged} {
		if r := Read("a.mbox", []byte(in)); r.State != want || r.Reason == "" {
			t.Errorf("%q: %s, %q", in, r.State, r.Reason)
		}
	}
	var many strings.Builder
	for i := range draft.MaxNames + 1 {
		fmt.Fprintf(&many, "From a Tue Jan  2 08:00:00 2024\n\n%d\n\n", i)
	}
	if r := Read("a.mbox", []byte(many.String())); r.State != knowledge.TooLarge || len(r.Parts) > 0 {
		t.Errorf("%d mails: %s", draft.MaxNames+1, r.State)
	}
}

func FuzzMail(f *testing.F) {
	fuzzBytes(f, "a.eml", "From: a@b\nSubject: =?utf-8?q?x?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: text/html\n\n<p>x\n--b\nContent-Disposition: attachment; filename=\"a/../b\"\nContent-Transfer-Encoding: base64\n\nAAA=\n--b--\n",
		"a: b\n c\nd\n\n=", "Content-Type: multipart/alternative; boundary=\"\n\n--\n--\n", "Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n", "Content-Transfer-Encoding: quoted-printable\n\n=4=\n=41=zz")
}

func FuzzMailbox(f *testing.F) {
	fuzzBytes(f, "a.mbox", "From a 08:00\nSubject: ../x\n\nb\n\nFrom c 09:00\n\n>From d", "From  1:1\n")
}
