// Package local runs the engine on this machine: it brings the settings of a job together with state backends, storage and
// the readers of every format. Who writes jobs in Go begins here:
//
//	m, err := local.New(settings, local.World{Mutable: open})   // hashmap or Pebble, files or memory, as settings say
//	defer m.Close()
//	result, err := engine.Run(ctx, job, *m.Config())
//
// It is the only room besides cmd where the engine meets concrete state backends.
package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/settings"
)

// World is what a run needs of the outside.
type World struct {
	// Mutable opens the directories of checkpoints.
	Mutable layout.OpenMutable
	Log     *slog.Logger // nil: none
	// Storages are kinds of storage of one's own, by the names that execution.checkpointing.storage may have. Setting answers what they ask of the
	// configuration; nil: nothing is set.
	Storages checkpoints.Registry
	Setting  checkpoints.Setting
}

// Machine is what one run has on this machine. It is to be closed when the run is over.
type Machine struct {
	config  engine.Config
	closers []io.Closer
}

// New makes what the settings ask for.
func New(s *settings.Settings, w World) (*Machine, error) {
	m := &Machine{}
	dir, err := m.directory(s.LocalDir)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	setting := w.Setting
	if setting == nil {
		setting = func(string) (string, bool) { return "", false }
	}
	storage, err := storages(s, w).Open(s.Storage, setting)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.config = engine.Config{
		Checkpointing: s.Checkpointing,
		StateBackend:  m.stateBackend(s),
		Storage:       storage,
		Restart:       s.Restart,
		BufferTimeout: s.BufferTimeout,
		LocalDir:      dir,
		LocalRecovery: s.LocalRecovery,
		Log:           w.Log,
		OpenKeyed: func(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, files, h, o, backends.Options{Kryo: m.kryo()})
		},
		OpenOperator: func(ctx context.Context, c *backends.OperatorConfig) (backends.Operator, error) {
			c.Options.Kryo = m.kryo()
			return operator.Open(ctx, c)
		},
		OpenState: func(store backends.Store, c *backends.StoreConfig) (backends.Keyed, error) {
			return keyed.New(store, c, timers(s))
		},
	}
	return m, nil
}

// Config is what the engine runs with. What it begins with (Restore) is for the caller to set.
func (m *Machine) Config() *engine.Config { return &m.config }

// Close gives back what the run had, and deletes its local files.
func (m *Machine) Close() error {
	var errs []error
	for i := len(m.closers) - 1; i >= 0; i-- {
		errs = append(errs, m.closers[i].Close())
	}
	m.closers = nil
	return errors.Join(errs...)
}

// kryo is that of the Flink that wrote what the run begins with.
func (m *Machine) kryo() backends.Kryo {
	if r := m.config.Restore; r != nil {
		return backends.KryoOf(r.Checkpoint.Version)
	}
	return backends.Kryo5
}

// directory makes a fresh directory for the files of the run, below base or where the machine has temporary files.
func (m *Machine) directory(base string) (string, error) {
	if base != "" {
		if err := os.MkdirAll(base, 0o755); err != nil {
			return "", err
		}
	}
	dir, err := os.MkdirTemp(base, "ckpt-run-")
	if err != nil {
		return "", err
	}
	m.closers = append(m.closers, files(dir))
	return filepath.Abs(dir)
}

// files is a directory that goes with the run.
type files string

// Close implements io.Closer.
func (d files) Close() error { return os.RemoveAll(string(d)) }

func (m *Machine) stateBackend(s *settings.Settings) engine.StateBackend {
	if s.Backend == settings.Pebble {
		b := pebble.New(pebble.Options{Memory: s.Memory})
		m.closers = append(m.closers, b)
		return engine.StateBackend{Name: string(settings.Pebble), Open: b.OpenStore, NeedsDir: true}
	}
	return engine.StateBackend{Name: string(settings.HashMap), Open: hashmap.OpenStore}
}

// timers are kept in the store where the state backend is to hold more than fits into memory.
func timers(s *settings.Settings) keyed.Option {
	if s.Backend == settings.Pebble && !s.HeapTimers {
		return keyed.WithTimerService(keyed.InStore)
	}
	return keyed.WithTimerService(keyed.InMemory)
}

// storages are Flink's two, and those of the world.
func storages(s *settings.Settings, w World) checkpoints.Registry {
	return append(checkpoints.Registry{
		{Names: []string{"filesystem"}, New: func(checkpoints.Setting) (checkpoints.Storage, error) {
			return &checkpoints.FileSystem{Mutable: w.Mutable, Dir: s.Dir, SavepointDir: s.SavepointDir, Threshold: s.Threshold, WriteBuffer: s.WriteBuffer, NoSubdir: s.NoSubdir}, nil
		}},
		{Names: []string{"jobmanager"}, New: func(checkpoints.Setting) (checkpoints.Storage, error) {
			return &checkpoints.JobManager{Mutable: w.Mutable, Dir: s.Dir, SavepointDir: s.SavepointDir, MaxStateSize: s.MaxStateSize, NoSubdir: s.NoSubdir}, nil
		}},
	}, w.Storages...)
}
