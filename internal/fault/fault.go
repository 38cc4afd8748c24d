// Package fault names the seven kinds of error that Groundwork tells apart.
//
// A fault says what was being done, to what, and the next move. The server
// maps kinds to status codes and the command line maps them to exit codes, each
// in one table. A fault is returned or logged, never both; a doubt that does not
// stop the work is a warning in the value, not a fault.
package fault

import (
	"context"
	"errors"
	"strings"
)

// Kind says whose turn it is after an error. The zero value is Internal.
type Kind int

// The seven kinds.
const (
	Internal Kind = iota // a fault of ours
	Input                // what was asked for is malformed or impossible; ask differently
	Missing              // it does not exist
	Denied               // it exists, but not for this asker; shown exactly like Missing
	Budget               // a limit of time, steps or money was reached
	Busy                 // somebody else holds what is needed; try again
	Upstream             // another program or server failed
)

// String returns the name used in JSON; Denied reads "missing" so that nobody
// learns from an error that something exists.
func (k Kind) String() string {
	switch k {
	case Input:
		return "input"
	case Missing, Denied:
		return "missing"
	case Budget:
		return "budget"
	case Busy:
		return "busy"
	case Upstream:
		return "upstream"
	}
	return "internal"
}

// Error is a fault with its kind, its text and the next move.
type Error struct {
	Kind    Kind
	Message string // what was being done, to what, and what went wrong
	Next    string // the next move; may be empty
	Err     error  // the cause; may be nil, never shown twice
}

// Error returns the message, with the next move after a semicolon.
func (e *Error) Error() string {
	if e.Next == "" {
		return e.Message
	}
	return e.Message + "; " + e.Next
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns a fault of the kind; message and next as in Error.
func New(k Kind, message, next string) *Error {
	return &Error{Kind: k, Message: message, Next: next}
}

// Wrap returns a fault with a cause, whose text is appended to message.
// A cause that is a fault already keeps its own kind and next move when next is empty.
func Wrap(k Kind, err error, message, next string) *Error {
	var inner *Error
	if errors.As(err, &inner) {
		if next == "" {
			next = inner.Next
		}
		if !strings.HasPrefix(inner.Message, message+":") { // who failed may have said it already
			message += ": " + inner.Message
		} else {
			message = inner.Message
		}
		return &Error{Kind: inner.Kind, Message: message, Next: next, Err: err}
	}
	return &Error{Kind: k, Message: message + ": " + err.Error(), Next: next, Err: err}
}

// KindOf returns the kind of err: that of the outermost fault in its chain,
// Budget for an ended context, else Internal.
func KindOf(err error) Kind {
	var f *Error
	if errors.As(err, &f) {
		return f.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Budget
	}
	return Internal
}
