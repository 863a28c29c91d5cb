package cmd

import (
	"context"
	"os"
	"path/filepath"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/job"
	"github.com/ckpt-tool/ckpt/restore/settings"
)

// wire brings state backend, storage and engine together: nobody else knows all of them.
func (r *running) wire(context.Context) (*engine.Config, error) {
	dir, err := r.localDir()
	if err != nil {
		return nil, err
	}
	storage, err := r.storage()
	if err != nil {
		return nil, err
	}
	s := r.settings
	return &engine.Config{
		Checkpointing: s.Checkpointing,
		StateBackend:  r.stateBackend(),
		Storage:       storage,
		Restart:       s.Restart,
		BufferTimeout: s.BufferTimeout,
		LocalDir:      dir,
		LocalRecovery: s.LocalRecovery,
		Log:           r.env.Log,
		Restore:       r.restore(),
		OpenKeyed: func(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, files, h, o, backends.Options{Kryo: kryoOf(r.checkpoint)})
		},
		OpenOperator: operator.Open,
		OpenState: func(store backends.Store, c *backends.StoreConfig) (backends.Keyed, error) {
			return keyed.New(store, c)
		},
	}, nil
}

// kryoOf is the Kryo of the Flink that wrote a checkpoint.
func kryoOf(c *metadata.Checkpoint) backends.Kryo {
	if c != nil && c.Version >= metadata.Version5 {
		return backends.Kryo5
	}
	return backends.Kryo2
}

// localDir is a fresh directory for the files of this run.
func (r *running) localDir() (string, error) {
	dir, err := os.MkdirTemp(r.settings.LocalDir, "ckpt-run-")
	if err != nil {
		return "", err
	}
	r.closers = append(r.closers, localFiles(dir))
	return filepath.Abs(dir)
}

// localFiles is a directory of this run's own, which goes with it.
type localFiles string

// Close implements io.Closer.
func (d localFiles) Close() error { return os.RemoveAll(string(d)) }

// stateBackend is where keyed state lives.
func (r *running) stateBackend() engine.StateBackend {
	if r.settings.Backend == settings.Pebble {
		b := pebble.New(pebble.Options{Memory: r.settings.Memory})
		r.closers = append(r.closers, b)
		return engine.StateBackend{Name: string(settings.Pebble), Open: b.OpenStore, NeedsDir: true}
	}
	return engine.StateBackend{Name: string(settings.HashMap), Open: hashmap.OpenStore}
}

// storage is where checkpoints go.
func (r *running) storage() (checkpoints.Storage, error) {
	s := r.settings
	kinds := checkpoints.Registry{
		{Names: []string{"filesystem"}, New: func(checkpoints.Setting) (checkpoints.Storage, error) {
			return &checkpoints.FileSystem{Mutable: r.env.OpenMutable, Dir: s.Dir, SavepointDir: s.SavepointDir, Threshold: s.Threshold, WriteBuffer: s.WriteBuffer, NoSubdir: s.NoSubdir}, nil
		}},
		{Names: []string{"jobmanager"}, New: func(checkpoints.Setting) (checkpoints.Storage, error) {
			return &checkpoints.JobManager{Mutable: r.env.OpenMutable, Dir: s.Dir, SavepointDir: s.SavepointDir, MaxStateSize: s.MaxStateSize, NoSubdir: s.NoSubdir}, nil
		}},
	}
	return kinds.Open(s.Storage, nil)
}

// restore is what the run begins with, nil for nothing.
func (r *running) restore() *engine.Restore {
	if r.target == nil {
		return nil
	}
	return &engine.Restore{
		Checkpoint: r.checkpoint, Pointer: r.target.URL(), Files: &stateFiles{blobs: r.blobs}, ClaimMode: r.claimMode(),
		AllowNonRestored: r.opts.allow || r.settings.AllowNonRestored,
		Savepoint:        r.checkpoint.Properties != nil && r.checkpoint.Properties.Type.IsSavepoint(),
	}
}

// catalog is what a job file may name.
func (r *running) catalog() *job.Catalog {
	return job.Builtin(job.World{
		Open: r.env.OpenStore, OpenMutable: r.env.OpenMutable, In: r.env.In, Out: r.env.Out,
		OnBad: func(err error) { r.env.Log.Warn("a record was left out", "error", err) },
	})
}
