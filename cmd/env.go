package cmd

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// Env is everything that a command knows of the outside world, so that a test
// can run the whole command line in its own process.
type Env struct {
	Args      []string // of the command line, without the program's name
	In        io.Reader
	Out, Err  io.Writer
	LookupEnv func(name string) (string, bool)
	Now       func() time.Time
	// Storage gives what opens the tree at a URL. Commands use OpenStore, which Run
	// makes of it.
	Storage   func(storage.Settings) layout.OpenStore
	OpenStore layout.OpenStore
	// Mutable gives what opens a tree for changes. Commands that were told to change
	// something use OpenMutable, which Run makes of it.
	Mutable     func(storage.Settings) layout.OpenMutable
	OpenMutable layout.OpenMutable
	// Concurrency is how many requests, or files, may be under way at a time; 0 where Run
	// did not settle it.
	Concurrency int
	// Flink tells the value of a key of Flink's configuration; nil where none was named.
	Flink func(key string) (string, bool)
	// FlinkConf is that configuration as a whole, and defined what -D says of it.
	FlinkConf *flinkconf.Config
	defined   []keyValue
	// cancelTime is how long a command that has been interrupted may take to end, in nanoseconds; 0 stands for grace.
	cancelTime *atomic.Int64

	// Whether the three streams are terminals.
	InTerminal, OutTerminal, ErrTerminal bool
	// Width gives the columns of the terminal, 0 where they are not known.
	Width func() int

	// What the global flags come to. Run fills them in before a command starts.
	Output             Format
	Verbose, Quiet     bool
	Progress           bool // whether to draw progress on Err
	ColorOut, ColorErr bool
	Log                *slog.Logger // messages to people, on Err

	jsonLog bool
}

// systemEnv is the world of this process.
func systemEnv() *Env {
	return &Env{
		Args:        os.Args[1:],
		In:          os.Stdin,
		Out:         os.Stdout,
		Err:         os.Stderr,
		LookupEnv:   os.LookupEnv,
		Now:         time.Now,
		Storage:     func(s storage.Settings) layout.OpenStore { return storage.New(s).Open },
		Mutable:     func(s storage.Settings) layout.OpenMutable { return storage.New(s).OpenMutable },
		InTerminal:  isTerminal(os.Stdin),
		OutTerminal: isTerminal(os.Stdout),
		ErrTerminal: isTerminal(os.Stderr),
		Width:       terminalWidth,
		cancelTime:  new(atomic.Int64),
	}
}

// cancelGrace is how long a job may take to be cancelled.
const cancelGrace = 30 * time.Second

// letCancel gives the command the time that it takes to cancel a job.
func (e *Env) letCancel() {
	if e.cancelTime != nil {
		e.cancelTime.Store(int64(cancelGrace))
	}
}

// patience is how long the command may go on after the first signal.
func (e *Env) patience() time.Duration {
	if e.cancelTime != nil && e.cancelTime.Load() > 0 {
		return time.Duration(e.cancelTime.Load())
	}
	return grace
}

func isTerminal(f *os.File) bool {
	return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd())
}

// terminalWidth prefers what the user says over what the terminal says.
func terminalWidth() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	for _, f := range []*os.File{os.Stdout, os.Stderr} { // whichever is one
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
}

// Getenv is the value of an environment variable, "" where it is not set.
func (e *Env) Getenv(name string) string {
	v, _ := e.LookupEnv(name)
	return v
}

// guardedWriter remembers the first error of the writer below it, so that a
// full disk is not taken for success where a command does not look.
type guardedWriter struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (g *guardedWriter) Write(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.w.Write(p)
	if err != nil {
		g.err = &outputError{err}
		return n, g.err
	}
	return n, nil
}

// outputError is a failure to write the command's own output.
type outputError struct{ err error }

// Error implements error.
func (e *outputError) Error() string { return "writing the output: " + e.err.Error() }

// Unwrap gives the error of the writer.
func (e *outputError) Unwrap() error { return e.err }

// closed tells whether the reader of the output has gone, as `| head` does.
func (e *outputError) closed() bool {
	return errors.Is(e.err, syscall.EPIPE) || errors.Is(e.err, io.ErrClosedPipe)
}
