package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestWrap(t *testing.T) {
	disk := errors.New("disk full")
	for _, c := range []struct {
		err  error
		want string
		kind Kind
	}{
		{Wrap(Input, disk, "read a.md", "free some space"), "read a.md: disk full; free some space", Input},
		{Wrap(Internal, New(Missing, "there is no a.md", "look"), "read", ""), "read: there is no a.md; look", Missing},
		{Wrap(Internal, New(Missing, "read: there is no a.md", ""), "read", "look"), "read: there is no a.md; look", Missing}, // said once
		{Wrap(Internal, New(Missing, "reading failed", ""), "read", ""), "read: reading failed", Missing},
		{fmt.Errorf("outside: %w", New(Busy, "taken", "wait")), "outside: taken; wait", Busy},
	} {
		if c.err.Error() != c.want || KindOf(c.err) != c.kind {
			t.Errorf("%q of kind %s, want %q of kind %s", c.err, KindOf(c.err), c.want, c.kind)
		}
	}
	if !errors.Is(Wrap(Input, disk, "read", ""), disk) {
		t.Error("the cause is lost")
	}
}

func TestKindOf(t *testing.T) {
	for err, want := range map[error]Kind{context.Canceled: Budget, context.DeadlineExceeded: Budget, errors.New("x"): Internal} {
		if got := KindOf(err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
	if Denied.String() != Missing.String() {
		t.Error("denied must read like missing")
	}
}
