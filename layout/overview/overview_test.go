package overview_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/overview"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// build sums up the snapshot in dir.
func build(t *testing.T, dir string) *overview.Overview {
	t.Helper()
	ctx := context.Background()
	target, err := layout.Find(ctx, storage.Open, dir, layout.FindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Store.Close()
	data, err := os.ReadFile(filepath.Join(dir, "_metadata"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := overview.Build(bytes.NewReader(data), int64(len(data)), target.URL(), layout.NewLocator(ctx, storage.Open, target, nil).Locate, overview.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// snapshots are all real checkpoints at hand.
func snapshots(t *testing.T) []testdata.Snapshot {
	all := testdata.Snapshots(t, filepath.Join(testdata.Root(t), "flink"))
	if dir := testdata.Fixtures(t); dir != "" {
		all = append(all, testdata.Snapshots(t, dir)...)
	}
	return all
}

// TestSums: wherever the bytes lie, together they are Flink's state size.
func TestSums(t *testing.T) {
	for _, s := range snapshots(t) {
		o := build(t, s.Dir)
		if o.Bytes.Total() != o.Sizes.State {
			t.Errorf("%s: %+v do not make %d", s.Name, o.Bytes, o.Sizes.State)
		}
		if o.Bytes.Elsewhere != 0 && len(o.OtherJobs) == 0 {
			t.Errorf("%s: %d bytes elsewhere: %s", s.Name, o.Bytes.Elsewhere, o.Refs.Example)
		}
		if len(o.Findings) > 0 {
			t.Errorf("%s: %v", s.Name, o.Findings)
		}
		if p := o.Properties; p != nil && p.Type.IsSavepoint() && !o.Relocatable() {
			t.Errorf("%s: a savepoint is not relocatable: %+v", s.Name, o.Refs)
		}
	}
}

// TestWriters: the release that wrote a file is among those that are said to have.
func TestWriters(t *testing.T) {
	for _, s := range snapshots(t) {
		o := build(t, s.Dir)
		if strings.HasSuffix(s.Name, "Keyed-flink1.16") {
			continue // by a snapshot build of 1.16, which still wrote version 3
		}
		var wrote metadata.Release
		if _, err := parseRelease(s.Version, &wrote); err != nil {
			t.Fatalf("%s: %v", s.Version, err)
		}
		for _, r := range []metadata.Releases{o.Writers, o.Readers} {
			if before(wrote, r.First) || before(r.Last, wrote) {
				t.Errorf("%s: Flink %s wrote it, not one of %s", s.Name, wrote, r)
			}
		}
	}
}

func parseRelease(s string, r *metadata.Release) (int, error) {
	return fmt.Sscanf(s, "%d.%d", &r.Major, &r.Minor)
}

func before(a, b metadata.Release) bool {
	return a.Major < b.Major || a.Major == b.Major && a.Minor < b.Minor
}

// TestClaimed: after a claim, checkpoints refer to files of the job before.
func TestClaimed(t *testing.T) {
	tree := testdata.Tree(t, "2.0.0/rescale-claim")
	dirs, err := filepath.Glob(filepath.Join(tree, "*", "chk-*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	claimed := 0
	for _, dir := range dirs {
		o := build(t, dir)
		if len(o.OtherJobs) > 0 {
			claimed++
			if o.SelfContained() || o.Bytes.Elsewhere == 0 || o.Refs.ByTail.Refs == 0 {
				t.Errorf("%s: %+v", dir, o.Refs)
			}
		}
	}
	if claimed == 0 || claimed == len(dirs) {
		t.Errorf("%d of %d checkpoints refer to another job", claimed, len(dirs))
	}
}

// TestAlone: a chk-N that was copied without its job's other files.
func TestAlone(t *testing.T) {
	tree := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	dirs, err := filepath.Glob(filepath.Join(tree, "*", "chk-*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	alone := filepath.Join(t.TempDir(), "chk-9")
	if err := os.Rename(dirs[0], alone); err != nil {
		t.Fatal(err)
	}
	o := build(t, alone)
	if o.Refs.Outside.Refs == 0 || o.Bytes.Elsewhere == 0 || o.Refs.Example == "" || o.Relocatable() {
		t.Errorf("%+v", o.Refs)
	}
}
