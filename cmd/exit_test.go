package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
)

func TestWorst(t *testing.T) {
	order := []Code{Terminated, Interrupted, Usage, Refused, Failed, Unreadable, Incompatible, Findings, NotFound, OK}
	for i, a := range order {
		for _, b := range order[i:] {
			if got := worst(a, b); got != a {
				t.Errorf("worst(%d, %d) = %d, want %d", a, b, got, a)
			}
			if got := worst(b, a, OK); got != a {
				t.Errorf("worst(%d, %d, 0) = %d, want %d", b, a, got, a)
			}
		}
	}
	if got := worst(); got != OK {
		t.Errorf("worst() = %d", got)
	}
	if got := worst(Unreadable, 2); got != Failed {
		t.Errorf("a code outside the table counts as %d, want %d", got, Failed)
	}
}

func TestTableOfErrors(t *testing.T) {
	broken := &metadata.Error{Kind: metadata.Corrupt, Offset: 77, Message: "short", Hint: "restore a copy"}
	denied := &fs.PathError{Op: "open", Path: "/d/_metadata", Err: fs.ErrPermission}
	for name, test := range map[string]struct {
		err    error
		code   Code
		path   string
		hint   string
		offset int64
	}{
		"anything":             {err: errors.New("x"), code: Failed},
		"corrupt":              {err: broken, code: Unreadable, hint: "restore a copy", offset: 77},
		"corrupt, wrapped":     {err: fmt.Errorf("reading: %w", broken), code: Unreadable, hint: "restore a copy", offset: 77},
		"corrupt, with path":   {err: &layout.NotCheckpointError{Path: "s3://b/chk-1", Message: "m", Err: broken}, code: Unreadable, path: "s3://b/chk-1", hint: "restore a copy", offset: 77},
		"no checkpoint":        {err: &layout.NotCheckpointError{Path: "/x", Message: "m", Hint: "h"}, code: Unreadable, path: "/x", hint: "h"},
		"not found":            {err: &layout.NotFoundError{Path: "/x", Message: "m", Hint: "h"}, code: NotFound, path: "/x", hint: "h"},
		"ambiguous":            {err: &layout.AmbiguousError{Path: "/x", Message: "m", Hint: "h"}, code: Usage, path: "/x", hint: "h"},
		"unknown scheme":       {err: &storage.SchemeError{URL: "x://y", Scheme: "x"}, code: Usage, path: "x://y", hint: (&storage.SchemeError{Scheme: "x"}).ErrHint()},
		"permission":           {err: fmt.Errorf("scanning: %w", denied), code: Failed, path: "/d/_metadata", hint: "run ckpt as a user who may read it"},
		"usage":                {err: usagef("do that", "wrong"), code: Usage, hint: "do that"},
		"cancelled":            {err: fmt.Errorf("listing: %w", context.Canceled), code: Failed},
		"name not there":       {err: &notFoundError{"m", "/x"}, code: NotFound, path: "/x"},
		"worst of two":         {err: errors.Join(broken, denied), code: Failed, path: "/d/_metadata", hint: "run ckpt as a user who may read it"},
		"worst, the other way": {err: errors.Join(denied, broken), code: Failed, path: "/d/_metadata", hint: "run ckpt as a user who may read it"},
		"known and unknown":    {err: fmt.Errorf("%w: %w", errors.New("x"), broken), code: Unreadable, hint: "restore a copy", offset: 77},
	} {
		t.Run(name, func(t *testing.T) {
			e := entryOf(test.err)
			if e.code != test.code || e.silent {
				t.Errorf("code %d (silent %t), want %d", e.code, e.silent, test.code)
			}
			if got := pathOf(test.err); got != test.path {
				t.Errorf("path %q, want %q", got, test.path)
			}
			if got := hintOf(test.err, e); got != test.hint {
				t.Errorf("hint %q, want %q", got, test.hint)
			}
			if got := e.offset; (got == nil) != (test.offset == 0) || got != nil && *got != test.offset {
				t.Errorf("offset %v, want %d", got, test.offset)
			}
		})
	}
}

// A command may say all in its output and exit with a code alone.
func TestStatusIsSilent(t *testing.T) {
	if status(OK) != nil {
		t.Error("status(OK) is an error")
	}
	r := runWith(t, t.Context(), status(Findings))
	if r.code != Findings || r.err != "" {
		t.Errorf("code %d, stderr %q", r.code, r.err)
	}
}

func TestErrorForms(t *testing.T) {
	err := &layout.NotCheckpointError{Path: "/x\x1b[2J", Message: "broken\x1b[31m", Err: &metadata.Error{Offset: 9, Hint: "h"}}
	r := runWith(t, t.Context(), err)
	if want := "ckpt: /x\\x1b[2J: broken\\x1b[31m\nhint: h\n"; r.err != want {
		t.Errorf("text:\n%q, want\n%q", r.err, want)
	}

	r = runWith(t, t.Context(), err, "-o", "json")
	got := r.decodeError(t)
	if got.Code != Unreadable || got.Path != err.Path || *got.Offset != 9 || got.Hint != "h" || got.Message != err.Error() {
		t.Errorf("json: %s", r.err)
	}
	if strings.Count(r.err, "\n") != 1 || strings.Contains(r.err, "\x1b") {
		t.Errorf("want one line without control characters: %q", r.err)
	}

	r = runWith(t, t.Context(), err, "--log-format", "json")
	for _, part := range []string{`"level":"ERROR"`, `"code":5`, `"offset":9`, `"hint":"h"`, `"path":`} {
		if !strings.Contains(r.err, part) {
			t.Errorf("log: %s lacks %s", r.err, part)
		}
	}
}

// runWith runs the conclusion of a command that returned err.
func runWith(t *testing.T, ctx context.Context, err error, args ...string) result {
	t.Helper()
	var out, msg strings.Builder
	env := call{}.world(args)
	env.Out, env.Err = &out, &msg
	guarded := &guardedWriter{w: env.Out}
	root := newRoot(env)
	if e := root.ParseFlags(args); e != nil {
		t.Fatal(e)
	}
	if e := root.PersistentPreRunE(root, nil); e != nil {
		t.Fatal(e)
	}
	return result{env.conclude(ctx, guarded, err), out.String(), msg.String()}
}

func TestSignalBeatsTheError(t *testing.T) {
	for sig, want := range map[os.Signal]Code{os.Interrupt: 130, syscall.SIGTERM: 143} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(&signalError{sig})
		if r := runWith(t, ctx, fmt.Errorf("listing: %w", ctx.Err())); r.code != want {
			t.Errorf("%v: code %d, want %d", sig, r.code, want)
		}
		if r := runWith(t, ctx, status(Findings)); r.code != want {
			t.Errorf("%v: findings of an interrupted run: code %d, want %d", sig, r.code, want)
		}
		if r := runWith(t, ctx, nil); r.code != OK {
			t.Errorf("%v: a command that was done already: code %d", sig, r.code)
		}
	}
}

// stubbornReader keeps a command busy that does not look at its context.
type stubbornReader struct{ entered chan struct{} }

func (s stubbornReader) Read([]byte) (int, error) {
	close(s.entered)
	select {}
}

func TestSupervise(t *testing.T) {
	for name, test := range map[string]struct {
		signals []os.Signal
		want    Code
	}{
		"nothing heeds the signal": {[]os.Signal{os.Interrupt}, Interrupted},
		"terminated":               {[]os.Signal{syscall.SIGTERM}, Terminated},
		"the second ends at once":  {[]os.Signal{syscall.SIGTERM, os.Interrupt}, Terminated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := stubbornReader{make(chan struct{})}
			env := call{}.world([]string{"uid", "-"})
			env.In, env.Out, env.Err = in, io.Discard, io.Discard
			signals := make(chan os.Signal, 2)
			done := make(chan Code)
			go func() { done <- supervise(env, signals) }()
			<-in.entered
			for _, s := range test.signals {
				signals <- s
			}
			if got := <-done; got != test.want {
				t.Errorf("code %d, want %d", got, test.want)
			}
		})
	}
}

// failingWriter fails after some bytes.
type failingWriter struct {
	left int
	err  error
}

func (f *failingWriter) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, f.err
	}
	f.left -= len(p)
	return len(p), nil
}

func TestOutputThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want Code
		said string
	}{
		"closed pipe": {&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}, OK, ""},
		"full disk":   {&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}, Failed, "no space left"},
	} {
		for _, args := range [][]string{{"version"}, {"version", "-o", "json"}, {"--help"}, {"completion", "zsh"}, {"uid", "a", "-o", "table"}} {
			var msg strings.Builder
			env := call{}.world(args)
			env.Out, env.Err = &failingWriter{10, test.err}, &msg
			if got := Run(t.Context(), env); got != test.want {
				t.Errorf("%s, %v: code %d, want %d", name, args, got, test.want)
			}
			if !strings.Contains(msg.String(), test.said) || test.said == "" && msg.Len() > 0 {
				t.Errorf("%s, %v: stderr %q", name, args, msg.String())
			}
		}
	}
}
