package storage

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// memory is a backing in a bucket of its own.
type memory struct{ *Memory }

func (m memory) put(_ *testing.T, key, content string) { m.Put("b", "root/"+key, []byte(content)) }

func (m memory) open(t *testing.T, below string) layout.Store {
	t.Helper()
	s, err := Registry{m.Driver()}.Open(t.Context(), "mem://b/root/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (m memory) change(t *testing.T, below string, _ Settings) layout.MutableStore {
	t.Helper()
	s, err := Registry{m.Driver()}.OpenMutable(t.Context(), "mem://b/root/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMemory(t *testing.T) {
	conform(t, func(*testing.T) backing { return memory{&Memory{}} })
	conformChanges(t, func(*testing.T) mutableBacking { return memory{&Memory{}} })
}

// TestMarkers: directories of object stores are known by markers, too, and what is no
// path is told apart.
func TestMarkers(t *testing.T) {
	m := memory{&Memory{}}
	for _, key := range []string{"job/chk-1/", "job/chk-2_$folder$", "job/chk-3_$folder$", "job/chk-3/x", "job/chk-30/x", "job/chk-4/", "job/chk-4/x", "job/a//b"} {
		m.put(t, key, "")
	}
	s := m.open(t, "")
	want := map[string]int64{"job/chk-1": -1, "job/chk-2": -1, "job/chk-3/x": 0, "job/chk-30/x": 0, "job/chk-4/x": 0, "job/a//b": -2}
	if diff := cmp.Diff(want, list(t, s.List(t.Context(), ""))); diff != "" {
		t.Error(diff)
	}
	want = map[string]int64{"job/chk-1": -1, "job/chk-2": -1, "job/chk-3": -1, "job/chk-30": -1, "job/chk-4": -1, "job/a": -1}
	if diff := cmp.Diff(want, list(t, s.Children(t.Context(), "job"))); diff != "" {
		t.Error(diff)
	}
	for _, key := range []string{"job/chk-1", "job/chk-2", "job/chk-3"} {
		if o, err := s.Stat(t.Context(), key); err != nil || o.Type != layout.TypeDir {
			t.Errorf("%s: %+v, %v", key, o, err)
		}
		if got := list(t, s.List(t.Context(), key)); len(got) > 1 {
			t.Errorf("%s: %v", key, got)
		}
	}
}

// TestMarkerTimes: an empty checkpoint is as young as its marker, seen from outside and
// from within.
func TestMarkerTimes(t *testing.T) {
	m := memory{&Memory{}}
	m.put(t, "cp/chk-1/", "")
	m.put(t, "cp/chk-2_$folder$", "")
	for _, dir := range []string{"cp", "cp/chk-1", "cp/chk-2"} {
		inv, err := layout.Scan(t.Context(), m.open(t, dir), layout.ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(inv.Snapshots) == 0 {
			t.Errorf("%s: nothing", dir)
		}
		for _, s := range inv.Snapshots {
			if time.Since(s.Newest) > time.Hour {
				t.Errorf("%s in %s: newest is %v", s.Name, dir, s.Newest)
			}
		}
	}
}

// TestNoMarkers: what has bytes is not taken for a marker.
func TestNoMarkers(t *testing.T) {
	m := memory{&Memory{}}
	m.put(t, "a_$folder$", "123")
	m.put(t, "b/", "123")
	want := map[string]int64{"a_$folder$": 3, "b/": -2}
	if diff := cmp.Diff(want, list(t, m.open(t, "").List(t.Context(), ""))); diff != "" {
		t.Error(diff)
	}
}

// TestMemoryTree: a real tree in a bucket is the same inventory as on disk.
func TestMemoryTree(t *testing.T) {
	m := memory{&Memory{}}
	dir := testdata.Tree(t, "2.2.0/savepoint-and-checkpoints")
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		m.put(t, filepath.ToSlash(rel), string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	inBucket, onDisk := snapshotsIn(t, m.open(t, "")), snapshotsIn(t, directory(dir).open(t, ""))
	if diff := cmp.Diff(onDisk, inBucket); diff != "" || len(onDisk) == 0 {
		t.Errorf("%d snapshots: %s", len(onDisk), diff)
	}
	target, err := layout.Find(t.Context(), Registry{m.Driver()}.Open, "latest:mem://b/root", layout.FindOptions{})
	if err != nil || !strings.HasPrefix(target.URL(), "mem://b/root/") {
		t.Errorf("latest: %+v, %v", target, err)
	}
	if _, err := layout.Find(t.Context(), Registry{m.Driver()}.Open, "mem://b/nothing", layout.FindOptions{}); err == nil {
		t.Error("found what is not there")
	}
}

// snapshotsIn is each snapshot's directory with the number of its files.
func snapshotsIn(t *testing.T, s layout.Store) map[string]int {
	t.Helper()
	inv, err := layout.Scan(t.Context(), s, layout.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, n := range inv.Snapshots {
		found[n.Dir] = n.Files
	}
	return found
}
