package pebble

import (
	"context"
	"errors"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/metadata"
)

// TestTypesOfHandles: a state that two sub-tasks had with other types is refused, whichever way their handles are read.
func TestTypesOfHandles(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	void := handletest.Type(t, "VoidNamespace")
	half := func(groups metadata.KeyGroupRange, value string, form backends.SnapshotForm) backends.RestoredHandle {
		s := openStore(t, b, testConfig(t, st, groups))
		table, err := s.Table(&backends.Meta{Name: "state", Kind: backends.Value, Namespace: void, Value: handletest.Type(t, value)})
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Put(groups.First, testKey(groups.First, 1), nil, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		return restorable(st, take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st, Form: form}))
	}
	for _, form := range []backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm} {
		for _, other := range []string{"Long", "Double"} {
			c := testConfig(t, st, testGroups)
			c.Restored = []backends.RestoredHandle{
				half(metadata.KeyGroupRange{First: 0, Last: 7}, "Long", backends.NativeForm), half(metadata.KeyGroupRange{First: 8, Last: 15}, other, form),
			}
			s, err := b.OpenStore(context.Background(), c)
			var incompatible *backends.IncompatibleError
			switch {
			case other != "Long" && !errors.As(err, &incompatible):
				t.Errorf("%v with Long and %s: %v", form, other, err)
			case other == "Long" && err != nil:
				t.Error(err)
			}
			if err == nil {
				s.Close()
			}
		}
	}
}

// restorable is a handle to restore, with what reads it if it is canonical.
func restorable(st *storage, k metadata.KeyedHandle) backends.RestoredHandle {
	r := backends.RestoredHandle{Handle: k}
	if h, ok := k.(*metadata.KeyGroupsHandle); ok {
		r.Open = func(ctx context.Context) (backends.Reader, error) {
			return savepoint.Open(ctx, st, h, backends.Origin{MaxParallelism: testParallelism, Range: h.Range}, &backends.Options{})
		}
	}
	return r
}
