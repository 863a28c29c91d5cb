package cmd

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// progressOf runs three seconds of work with a message in the middle.
func progressOf(t *testing.T, env *Env) string {
	t.Helper()
	var out strings.Builder
	env.Err = &statusLine{w: &out}
	env.Log = newLogger(env.Err, false, 0)
	synctest.Test(t, func(t *testing.T) {
		p := env.startProgress("looking below /a\x1b", "files")
		time.Sleep(time.Second)
		p.set(41)
		p.set(42)
		time.Sleep(time.Second + time.Millisecond)
		env.Log.Info("hello")
		time.Sleep(10 * time.Second)
		p.stop()
		env.Log.Info("done")
	})
	return out.String()
}

func TestProgressOnATerminal(t *testing.T) {
	env := call{terminal: true, width: 60}.world(nil)
	env.Progress = true
	got := progressOf(t, env)
	for _, part := range []string{
		clearLine + `looking below /a\x1b (0s)`,
		clearLine + `looking below /a\x1b: 42 files (1s, 38/s)`,
		clearLine + "ckpt: hello\n" + `looking below /a\x1b: 42 files (2s, 21/s)`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
	if !strings.HasSuffix(got, clearLine+"ckpt: done\n") {
		t.Errorf("the line is not removed: %q", got)
	}
}

func TestProgressWithoutATerminal(t *testing.T) {
	env := call{}.world(nil)
	env.Progress = true
	want := "ckpt: hello\nckpt: looking below /a\\x1b: 42 files (10s, 4/s)\nckpt: done\n"
	if got := progressOf(t, env); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoProgress(t *testing.T) {
	env := call{terminal: true}.world(nil)
	if got := progressOf(t, env); got != "ckpt: hello\nckpt: done\n" {
		t.Errorf("got %q", got)
	}
}

// What is over at once leaves no trace, and a line fits the terminal.
func TestProgressIsModest(t *testing.T) {
	env := call{terminal: true, width: 20}.world(nil)
	env.Progress = true
	var out strings.Builder
	env.Err = &statusLine{w: &out}
	synctest.Test(t, func(*testing.T) {
		p := env.startProgress("quick", "files")
		time.Sleep(progressDelay / 2)
		p.stop()
		if out.Len() > 0 {
			t.Errorf("%q", out.String())
		}
		p = env.startProgress(strings.Repeat("long", 20), "files")
		time.Sleep(time.Second)
		p.stop()
		lines := strings.Split(out.String(), clearLine)
		if got := lines[1]; len([]rune(got)) != 19 {
			t.Errorf("%q", got)
		}
	})
}
