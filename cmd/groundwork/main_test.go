package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata/script run this program in processes of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"groundwork": main})
}

func TestScripts(t *testing.T) {
	signal.Ignore(syscall.SIGPIPE)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GROUNDWORK_HOME", e.WorkDir+"/home")
			return os.MkdirAll(e.WorkDir+"/tmp", 0o700)
		},
		Condition: func(c string) (bool, error) { return c == "root" && os.Geteuid() == 0, nil },
	})
}
