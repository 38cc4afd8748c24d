//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRealEmptyRoot answers by words and by meaning in a root folder that holds the
// program and the documents and nothing else: no library, no /proc, no /tmp.
func TestRealEmptyRoot(t *testing.T) {
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: the program alone in an empty root needs GROUNDWORK_REAL=1 (make test-real)")
	}
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: the program alone in an empty root: only root may change the root folder")
	}
	root := t.TempDir()
	flags := exec.Command("go", "run", "./cmd/getmodel")
	flags.Dir, flags.Stderr = "../..", os.Stderr
	printed, err := flags.Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(printed)) == "" {
		t.Skip("NOT RUN: the program alone in an empty root: no model can be built in here")
	}
	file := filepath.Join(root, "groundwork")
	args := append([]string{"build"}, strings.Fields(string(printed))...)
	build := exec.Command("go", append(args, "-o", file, "./cmd/groundwork")...)
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 120e6 {
		t.Errorf("the program has %d bytes", info.Size())
	}
	if err := os.Mkdir(filepath.Join(root, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "docs", "leave.md"), "# Vacation\n\nEverybody has 27 days of paid vacation a year.\n")
	writeFile(t, filepath.Join(root, "docs", "freezer.md"), "# Freezers\n\nThe alarm of a freezer rings at minus 15 degrees.\n")
	run := func(args ...string) string {
		cmd := exec.Command("/groundwork", append([]string{"--home", "/home"}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		cmd.Dir, cmd.Env = "/", []string{}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("add", "/docs")
	if out := run("search", "--leg", "meaning", "--top", "1", "how long may I be on holiday?"); !strings.Contains(out, "27 days") {
		t.Errorf("search by meaning:\n%s", out)
	}
	if out := run("status"); !strings.Contains(out, "by words and by meaning") {
		t.Errorf("status:\n%s", out)
	}
	if out := run("ask", "How many days of vacation are there?"); !strings.Contains(out, "27 days") {
		t.Errorf("ask:\n%s", out)
	}
}
