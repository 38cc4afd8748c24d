package vec

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// emulator finds qemu, which make test-real installs, or says that the test was not run.
func emulator(t *testing.T) string {
	t.Helper()
	if os.Getenv("GROUNDWORK_REAL") == "" {
		t.Skip("NOT RUN: the kernels of arm64 in an emulator need GROUNDWORK_REAL=1 (make test-real)")
	}
	const name = "qemu-aarch64"
	path, missing := exec.LookPath(name)
	if missing == nil {
		return path
	}
	t.Skipf("NOT RUN: the kernels of arm64: %v; qemu-user has it", missing)
	return ""
}

// The tests of the kernels and of the encoder's forward pass hold on arm64, by an
// emulator: on a processor that has the dot product and on one that has not.
func TestRealNEON(t *testing.T) {
	qemu := emulator(t)
	for _, c := range []struct{ folder, tests, cpu, says string }{
		{".", ".", "max", "--- PASS: TestMul/neon"},
		{".", ".", "cortex-a53", "NOT RUN: this processor has no path but the portable one"},
		{"../../model/encoder", "^TestForward$", "max", "--- PASS: TestForward"},
		{"../../model/encoder", "^TestForward$", "cortex-a53", "--- PASS: TestForward"},
	} {
		t.Run(filepath.Base(c.folder)+"/"+c.cpu, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "arm64.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", file, ".")
			build.Dir = c.folder
			build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			run := exec.CommandContext(t.Context(), qemu, "-cpu", c.cpu, file, "-test.v", "-test.run", c.tests)
			run.Dir = c.folder
			run.Env = append(os.Environ(), "GROUNDWORK_REAL=")
			out, err := run.CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.says) {
				t.Fatalf("%v; expected %q in:\n%s", err, c.says, out)
			}
		})
	}
}
