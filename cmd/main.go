package cmd

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// grace is how long a command may take to stop after the first signal, unless it has a job to
// cancel. What still hangs then, in a system call that nothing can interrupt, is left behind.
const grace = 900 * time.Millisecond

// Main runs ckpt as this process was called and returns its exit code.
func Main() int {
	// Most of what is allocated is read once and dropped. As the collector waits until
	// the heap has doubled, 8 MB that nobody touches, and that therefore take no memory,
	// make it run less often while the heap is small: inspect is a sixth faster.
	ballast := make([]byte, 8<<20)
	defer runtime.KeepAlive(ballast)
	// Without this, the runtime ends the process when a pipe breaks, and the
	// exit code would be the shell's to choose.
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return int(supervise(systemEnv(), signals))
}

// supervise runs the command line of env. The first signal cancels it, and a
// second one, or the end of grace, returns at once.
func supervise(env *Env, signals <-chan os.Signal) Code {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan Code, 1)
	go func() { done <- Run(ctx, env) }()

	select {
	case code := <-done:
		return code
	case sig := <-signals:
		stopped := &signalError{signal: sig}
		cancel(stopped)
		patience, first := time.After(env.patience()), time.Now()
		for {
			select {
			case code := <-done:
				return code
			case <-signals:
				if time.Since(first) < echo {
					continue
				}
			case <-patience:
			}
			return stopped.code()
		}
	}
}

// echo is within which time of the first signal another one is the same: timeout(1) signals its child, and then its process group with the child
// in it.
const echo = 50 * time.Millisecond

// signalError is the cause of a context that a signal cancelled.
type signalError struct{ signal os.Signal }

// Error implements error.
func (e *signalError) Error() string {
	if e.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

func (e *signalError) code() Code {
	if e.signal == syscall.SIGTERM {
		return Terminated
	}
	return Interrupted
}
