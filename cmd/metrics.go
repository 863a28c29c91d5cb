package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
)

// metricsOptions is the flag --metrics-file of commands that cron runs.
type metricsOptions struct {
	metricsFile string
	metrics     *metrics // nil where nobody asks for any
}

// metricsFlag is its name.
const metricsFlag = "metrics-file"

func (o *metricsOptions) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.metricsFile, metricsFlag, "", "write metrics to `FILE`, for the textfile collector of Prometheus' node_exporter")
}

// record runs a command on trees, and then writes what it has measured. It does so
// where the command fails as well: that it fails is what one wants to know.
func (o *metricsOptions) record(ctx context.Context, env *Env, command string, args []string, run func() error) error {
	if o.metricsFile == "" {
		return run()
	}
	o.metrics = newMetrics()
	start := env.Now()
	err := run()
	o.metrics.ran(command, rootsOf(args), env.codeOf(ctx, err), start, env.Now())
	return env.withMetricsError(err, o.metrics.write(o.metricsFile))
}

// rootsOf are the trees that arguments name, as the label root has them.
func rootsOf(args []string) []string {
	var roots []string
	for _, arg := range args {
		root := layout.Canonical(strings.TrimPrefix(arg, "latest:"))
		if abs, err := filepath.Abs(root); err == nil && layout.ParsePlace(root).Scheme == "" {
			root = abs
		}
		roots = append(roots, root)
	}
	return roots
}

// codeOf is the code that conclude will exit with for err.
func (e *Env) codeOf(ctx context.Context, err error) Code {
	if stopped := new(signalError); err != nil && errors.As(context.Cause(ctx), &stopped) {
		return stopped.code()
	}
	failed := new(outputError)
	if out, ok := e.Out.(*guardedWriter); ok && errors.As(out.err, &failed) {
		if failed.closed() {
			return OK
		}
		return Failed
	}
	if err == nil {
		return OK
	}
	return entryOf(err).code
}

// withMetricsError joins the error of a command with that of writing its metrics. The
// worse of the codes counts, and both are told.
func (e *Env) withMetricsError(err, metricsErr error) error {
	switch silent := (err != nil && entryOf(err).silent); {
	case metricsErr == nil:
		return err
	case err == nil || silent && worst(entryOf(err).code, Failed) == Failed:
		return metricsErr
	case silent:
		e.Log.Error(metricsErr.Error())
		return err
	}
	return fmt.Errorf("%w; %w", err, metricsErr)
}

// metricsError is for metrics that could not be written.
type metricsError struct {
	path string
	err  error
}

// Error implements error.
func (e *metricsError) Error() string {
	return "writing metrics to " + e.path + ": " + e.cause().Error()
}

// Unwrap gives what the system says, as an error of the file itself.
func (e *metricsError) Unwrap() error {
	return &fs.PathError{Op: "write", Path: e.path, Err: e.cause()}
}

// cause is what the system says without the name of a temporary file, which helps nobody.
func (e *metricsError) cause() error {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(e.err, &file):
		return file.Err
	case errors.As(e.err, &link):
		return link.Err
	}
	return e.err
}

// ErrPath is the file.
func (e *metricsError) ErrPath() string { return e.path }

// ErrHint says what to do about it.
func (e *metricsError) ErrHint() string {
	return "--metrics-file names a file in a directory that ckpt may write to"
}

// write puts the metrics in place of the file, all at once: the collector may read at any
// time, and takes whatever ends in .prom.
func (m *metrics) write(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".ckpt-metrics-*")
	if err != nil {
		return &metricsError{path, err}
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
			err = &metricsError{path, err}
		}
	}()
	_, err = f.WriteString(m.text())
	if err == nil {
		err = f.Chmod(0o644) // another user collects it
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// ran is what every command measures.
func (m *metrics) ran(command string, roots []string, code Code, start, end time.Time) {
	for _, root := range roots {
		labels := []string{"command", command, "root", root}
		m.gauge("ckpt_last_run_timestamp_seconds", "When the command ended.", seconds(end), labels...)
		m.gauge("ckpt_last_run_duration_seconds", "How long the command took.", end.Sub(start).Seconds(), labels...)
		m.gauge("ckpt_exit_code", "The exit code of the command: 0 is success, see docs/scripting.md.", float64(code), labels...)
	}
}

// seconds is t as Prometheus has times, 0 where there is none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
