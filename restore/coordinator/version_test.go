package coordinator

import (
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// TestVersion: state that goes on byte by byte stays under a version that tells readers of Flink 1, also after the job's own checkpoints.
func TestVersion(t *testing.T) {
	written := func(r *rig, c *CompletedCheckpoint) *metadata.Checkpoint {
		t.Helper()
		m, err := metadata.Decode(r.w.disk.metas[c.ExternalPointer].data)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	r := newRig(t, Config{})
	if m := written(r, r.take(Checkpoint, "a")); m.Version != metadata.Version5 || m.Operators[0].UID == "" {
		t.Errorf("version %d, uid %q", m.Version, m.Operators[0].UID)
	}
	for _, mode := range []restore.ClaimMode{restore.NoClaim, restore.Claim} {
		r = newRig(t, Config{})
		r.initial(mode) // of version 3
		first := written(r, r.take(Checkpoint, "a"))
		r.restore(3)
		second := written(r, r.take(Savepoint, "b"))
		for _, m := range []*metadata.Checkpoint{first, second} {
			if m.Version != metadata.Version4 || m.Operators[0].UID != "" || m.Operators[0].Name != "" || m.Properties == nil {
				t.Errorf("%v: version %d, operator %q %q", mode, m.Version, m.Operators[0].UID, m.Operators[0].Name)
			}
		}
	}
}
