//go:build unix

package cmd

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The real program, stuck in a system call that no context reaches: opening a
// named pipe that nobody writes to.
func TestSignalsEndTheProcess(t *testing.T) {
	for name, test := range map[string]struct {
		signals []syscall.Signal
		code    int
		within  time.Duration
	}{
		"interrupt": {[]syscall.Signal{syscall.SIGINT}, 130, 2 * time.Second},
		"terminate": {[]syscall.Signal{syscall.SIGTERM}, 143, 2 * time.Second},
		"twice":     {[]syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, 130, 700 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fifo := filepath.Join(t.TempDir(), "fifo")
			if err := syscall.Mkfifo(fifo, 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			c := exec.Command("ckpt", "uid", "--candidates", fifo)
			c.Stdout = &out
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			defer c.Process.Kill()
			time.Sleep(500 * time.Millisecond) // until it is stuck; too early would only be a simpler case
			start := time.Now()
			for _, s := range test.signals {
				if err := c.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Millisecond) // two at once may count as one
			}
			err := c.Wait()
			took := time.Since(start)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != test.code {
				t.Errorf("%v, want exit code %d", err, test.code)
			}
			if took > test.within {
				t.Errorf("took %v", took)
			}
			if out.Len() > 0 {
				t.Errorf("stdout: %s", out.String())
			}
		})
	}
}

// A signal that comes twice at once, as from timeout(1), is one: the command has its time to stop.
func TestSignalAndItsEcho(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("ckpt", "uid", "--candidates", fifo)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	time.Sleep(500 * time.Millisecond)
	start := time.Now()
	for range 2 {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	_ = c.Wait()
	if took := time.Since(start); took < grace*2/3 {
		t.Errorf("it took only %v", took)
	}
}

// Startup counts: ckpt is called in loops.
func BenchmarkVersion(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("ckpt", "version").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

// A pipe that is closed from the start, too, ends quietly.
func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	for _, args := range [][]string{{"version"}, {"--help"}, {"completion", "bash"}, {"uid", "a", "-o", "json"}} {
		var msg strings.Builder
		c := exec.Command("ckpt", args...)
		c.Stdout, c.Stderr = w, &msg
		if err := c.Run(); err != nil || msg.Len() > 0 {
			t.Errorf("%v: %v, stderr %q", args, err, msg.String())
		}
	}
}
