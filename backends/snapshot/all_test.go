package snapshot_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// tally counts what became of the slots of many snapshots.
type tally struct{ slots, fine, opaque, unknown, missing, entries atomic.Int64 }

// TestAllSnapshots: whatever Flink wrote, from 1.8 on, is read to its end: each slot decodes, or is reported as one of
// Kryo's or of a serializer that only the job knows, or its files are not there.
func TestAllSnapshots(t *testing.T) {
	var n tally
	t.Run("all", func(t *testing.T) {
		roots := []string{filepath.Join(testdata.Root(t), "flink")}
		if dir := testdata.Fixtures(t); dir != "" {
			roots = append(roots, dir)
		}
		for _, root := range roots {
			for _, s := range testdata.Snapshots(t, root) {
				t.Run(s.Name, func(t *testing.T) {
					t.Parallel()
					n.read(t, s.Dir)
				})
			}
		}
	})
	t.Logf("%d slots: %d fine, %d with values of Kryo's or the like, %d with a serializer that is not known, %d without their files; %d entries",
		n.slots.Load(), n.fine.Load(), n.opaque.Load(), n.unknown.Load(), n.missing.Load(), n.entries.Load())
	if n.slots.Load() < 500 || n.fine.Load() < n.slots.Load()*9/10 {
		t.Error("fewer than expected")
	}
}

// read reads all of the snapshot in dir.
func (n *tally) read(t *testing.T, dir string) {
	s := open(t, dir, backends.Options{Verify: true, Hints: hints})
	if d := s.Doubts(); len(d) > 0 {
		t.Errorf("doubts: %+v", d)
	}
	p := s.Printer()
	var text []byte
	for _, h := range s.Handles {
		n.slots.Add(1)
		worst := &n.fine
		for e, err := range h.Whole().Entries(t.Context(), nil) {
			if err == nil {
				n.entries.Add(1)
				text, err = p.Append(text[:0], &e)
			}
			if err == nil {
				continue
			}
			var opaque *backends.OpaqueError
			var snap *types.SnapshotError
			switch {
			case errors.Is(err, fs.ErrNotExist):
				worst = &n.missing
			case errors.As(err, &opaque):
				worst = &n.opaque
			case errors.As(err, &snap) && snap.Unknown:
				worst = &n.unknown
			default:
				t.Errorf("%s, sub-task %d, %v: %v", s.Name(h.Operator.ID), h.Subtask.Index, h.Slot, err)
			}
		}
		worst.Add(1)
	}
}

// TestSiblingKey: a log that does not tell of which type its keys are is read with the type that another sub-task tells.
func TestSiblingKey(t *testing.T) {
	oracles := testdata.StateOracles(t)
	i := slices.IndexFunc(oracles, func(o testdata.StateOracle) bool { return o.Case == "2.2.0/changelog-hashmap-materialized" })
	s := open(t, oracles[i].Dir, backends.Options{})
	read := 0
	for i := range s.Handles {
		h := s.Handles[i]
		c, ok := h.Subtask.ManagedKeyed.(*metadata.ChangelogHandle)
		if !ok || h.Slot != metadata.ManagedKeyed || h.Subtask.Index != 1 || len(c.NonMaterialized) == 0 {
			continue
		}
		c.Materialized = nil
		for e, err := range h.Whole().Entries(t.Context(), nil) {
			if err != nil {
				t.Fatalf("%s: %v", s.Name(h.Operator.ID), err)
			}
			if e.State.Kind != backends.Timer && e.State.Key != nil && len(e.Key) > 0 {
				read++
			}
		}
	}
	if read == 0 {
		t.Error("nothing was read")
	}
}

// TestDoubts: key groups that are not those of the sub-task are told of.
func TestDoubts(t *testing.T) {
	for name, spoil := range map[string]func(o *metadata.OperatorState, k *metadata.IncrementalHandle){
		"another range":           func(_ *metadata.OperatorState, k *metadata.IncrementalHandle) { k.Range.First++ },
		"no range":                func(_ *metadata.OperatorState, k *metadata.IncrementalHandle) { k.Range.Last = k.Range.First - 1 },
		"another max parallelism": func(o *metadata.OperatorState, _ *metadata.IncrementalHandle) { o.MaxParallelism = 1 << 14 },
		"an impossible one":       func(o *metadata.OperatorState, _ *metadata.IncrementalHandle) { o.MaxParallelism = 1<<31 - 1 },
	} {
		oracles := testdata.StateOracles(t)
		i := slices.IndexFunc(oracles, func(o testdata.StateOracle) bool { return o.Case == "2.2.0/rocksdb-incremental-small" })
		s := open(t, oracles[i].Dir, backends.Options{})
		for i := range s.Handles {
			if k, ok := s.Handles[i].Subtask.ManagedKeyed.(*metadata.IncrementalHandle); ok {
				spoil(s.Handles[i].Operator, k)
				break
			}
		}
		if len(s.Doubts()) == 0 {
			t.Errorf("%s: no doubt", name)
		}
	}
}
