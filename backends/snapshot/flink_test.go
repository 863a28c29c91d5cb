package snapshot_test

import (
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// hints are what no file tells.
var hints = statedump.Hints

// open opens the snapshot in dir.
func open(tb testing.TB, dir string, opts backends.Options) *snapshot.Snapshot {
	tb.Helper()
	s, _ := statedump.Open(tb, storage.New(storage.Settings{}).Open, dir, opts)
	return s
}

// TestStateOfFlink: every entry of every snapshot is what Flink itself reads there.
func TestStateOfFlink(t *testing.T) {
	oracles := testdata.StateOracles(t)
	if len(oracles) < 20 {
		t.Fatalf("%d dumps", len(oracles))
	}
	for _, o := range oracles {
		t.Run(o.Case+"/"+o.Name, func(t *testing.T) {
			t.Parallel()
			got, lost := statedump.Entries(t, open(t, o.Dir, backends.Options{Verify: true, Hints: hints}))
			if lost != nil && !strings.Contains(o.Case, "kryo") {
				t.Errorf("key groups with entries that nobody can tell apart: %v", lost)
			}
			statedump.Compare(t, o, got, lost)
		})
	}
}
