package cmd

import (
	"errors"
	"io"
	"sync"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/job"
	"github.com/ckpt-tool/ckpt/restore/local"
)

// wire gives what the engine runs with.
func (r *running) wire() (*engine.Config, error) {
	m, err := local.New(r.settings, local.World{Mutable: r.env.OpenMutable, Log: r.env.Log})
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, m)
	c := m.Config()
	c.Restore = r.restore()
	return c, nil
}

// restore is what the run begins with, nil for nothing.
func (r *running) restore() *engine.Restore {
	if r.target == nil {
		return nil
	}
	return &engine.Restore{
		Checkpoint: r.checkpoint, Pointer: r.target.URL(), Files: &stateFiles{blobs: r.blobs}, ClaimMode: r.claimMode(),
		AllowNonRestored: r.opts.allow || r.settings.AllowNonRestored,
	}
}

// catalog is what a job file may name.
func (r *running) catalog() *job.Catalog {
	return job.Builtin(job.World{
		Open: r.env.OpenStore, OpenMutable: r.env.OpenMutable, In: r.input(), Out: &recordWriter{env: r.env},
		OnBad: func(err error) { r.env.Log.Warn("a record was left out", "error", err) },
	})
}

// recordWriter is standard output for sinks, of which there may be several.
type recordWriter struct {
	env *Env
	mu  sync.Mutex
}

// Write implements io.Writer. What cannot be written once, to a pipe that nobody reads any more or a full disk, is never written: to restart the
// job would only repeat it, without end.
func (w *recordWriter) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if line, ok := w.env.Err.(*statusLine); ok && w.env.OutTerminal && w.env.ErrTerminal {
		n, err = line.above(w.env.Out, p)
	} else {
		n, err = w.env.Out.Write(p)
	}
	if err != nil {
		return n, engine.SuppressRestarts(err)
	}
	return n, nil
}

// input is standard input for a source, unless the job file came from there.
func (r *running) input() io.Reader {
	if r.consumed {
		return refusing{}
	}
	return r.env.In
}

// refusing is standard input that has been read already.
type refusing struct{}

// Read implements io.Reader.
func (refusing) Read([]byte) (int, error) {
	return 0, errors.New("standard input was the job file, so that no source can read it: name a file")
}
