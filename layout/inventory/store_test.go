package inventory_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/inventory"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// A report that misses nothing gives what a listing does, of all trees of Flink.
func TestEqualsListing(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(testdata.Root(t), "flink", "2.2.0", "*"))
	if err != nil || len(dirs) < 5 {
		t.Fatalf("%d trees: %v", len(dirs), err)
	}
	for _, format := range []string{"CSV", "Parquet"} {
		w := newWorld()
		w.format = format
		for _, dir := range dirs {
			if filepath.Ext(dir) != ".json" {
				w.putTree(t, "cp/"+filepath.Base(dir)+"/", dir)
			}
		}
		for _, root := range []string{"mem://flink/cp", "mem://flink"} {
			want, err := keys(t, w.openLive(t, root, nil), "")
			if err != nil || len(want) < 50 {
				t.Fatalf("%d keys: %v", len(want), err)
			}
			got, err := keys(t, w.store(t, root, nil), "")
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s of %s: %v\n%s", format, root, err, diff)
			}
		}
	}
}

// Only what lies beside checkpoints comes from the report: not versions of old, not what
// is newer than the report or elsewhere in the bucket, nor what is gone with its directory.
func TestWhatCounts(t *testing.T) {
	for _, format := range []string{"CSV", "Parquet"} {
		t.Run(format, func(t *testing.T) {
			w := newWorld()
			w.format = format
			job := "cp/" + jobID
			w.put(job+"/chk-7/_metadata", "m")
			w.put(job+"/shared/a b+c%20ü", "1")
			w.put(job+"/shared/job_"+jobID+"_op_x/merged", "12")
			w.put(job+"/taskowned/t", "123")
			w.put(job+"/dstl/d", "1234")
			w.put("cp/shared/"+jobID+"/chk-1/_metadata", "m") // not beside checkpoints
			w.put("cp/shared/"+jobID+"/shared/s", "1")
			w.put("other/"+jobID+"/shared/x", "1")
			w.memory.Put(bucket, job+"/chk-7/new", nil)
			w.memory.Put(bucket, job+"/shared/new", nil) // not in the report
			w.note("cp/ffffffffffffffffffffffffffffffff/shared/gone", 5)
			w.note(job+"/shared/gone", 6)
			w.note(job+"/shared/", 0)
			w.rows = append(w.rows,
				listed{bucket: bucket, key: job + "/shared/version", size: 7, modified: w.created, notLatest: true},
				listed{bucket: bucket, key: job + "/shared/deleted", modified: w.created, deleted: true},
				listed{bucket: bucket, key: job + "/shared/younger", size: 7, modified: w.created.Add(time.Second)})
			s := w.store(t, "mem://flink/cp", nil)
			got, err := keys(t, s, "")
			want := []string{
				jobID + "/chk-7/_metadata", jobID + "/chk-7/new", jobID + "/dstl/d", jobID + "/shared/a b+c%20ü", jobID + "/shared/gone",
				jobID + "/shared/job_" + jobID + "_op_x/merged", jobID + "/taskowned/t",
				"shared/" + jobID + "/chk-1/_metadata", "shared/" + jobID + "/shared/s",
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
			if _, err := s.Stat(t.Context(), jobID+"/shared/gone"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what is gone is there: %v", err)
			}
			if got, err := keys(t, s, jobID); err != nil || !slices.Contains(got, jobID+"/shared/new") || slices.Contains(got, jobID+"/shared/gone") {
				t.Errorf("a part of the tree is not live: %v %v", got, err)
			}
		})
	}
}

// What a row tells of an object is what a listing would.
func TestObject(t *testing.T) {
	for _, format := range []string{"CSV", "Parquet"} {
		w := newWorld()
		w.format = format
		w.put(jobID+"/chk-7/_metadata", "m")
		w.put(jobID+"/shared/s", "12345")
		w.put(jobID+"/shared//odd", "12")
		var file, odd layout.Object
		for o, err := range w.store(t, "mem://flink", nil).List(t.Context(), "") {
			switch {
			case err != nil:
				t.Fatal(err)
			case o.Key == jobID+"/shared/s":
				file = o
			case o.Key == jobID+"/shared//odd":
				odd = o
			}
		}
		want := layout.Object{Key: jobID + "/shared/s", Size: 5, Modified: w.created.Add(-2 * time.Hour).UTC(), Tag: `"d41d8cd98f00b204e9800998ecf8427e"`}
		if diff := cmp.Diff(want, file); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
		if odd.Type != layout.TypeSpecial || odd.Size != 2 {
			t.Errorf("%s: no path, but %+v", format, odd)
		}
	}
}

// sharing writes a checkpoint that names n files in shared/.
func sharing(t *testing.T, w *world, id, n int) (files []string) {
	t.Helper()
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, CheckpointID: int64(id), Range: metadata.KeyGroupRange{Last: 7}, BackendID: "b", HandleID: "h",
		Meta: &metadata.InlineHandle{Name: "m", Data: []byte("m")}}
	for i := range n {
		file := fmt.Sprintf("%08x-0000-4000-8000-%012x", id, i)
		files = append(files, "cp/"+jobID+"/shared/"+file)
		h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(fmt.Sprintf("%06d.sst", i)),
			File: &metadata.FileHandle{Path: metadata.UTF("mem://flink/cp/" + jobID + "/shared/" + file), Size: 4}})
	}
	data, err := metadata.Encode(&metadata.Checkpoint{Version: metadata.Version4, ID: int64(id), Operators: []metadata.OperatorState{{
		ID: metadata.OperatorIDOf("op"), Parallelism: 1, MaxParallelism: 8, Subtasks: []metadata.SubtaskState{{ManagedKeyed: h}}}},
		Properties: &metadata.Properties{Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}})
	if err != nil {
		t.Fatal(err)
	}
	w.put(fmt.Sprintf("cp/%s/chk-%d/_metadata", jobID, id), string(data))
	return files
}

// A checkpoint that is newer than the report names files that are not in it. They are
// asked for, not missed; and where they are many, not one by one.
func TestNewerThanReport(t *testing.T) {
	for _, c := range []struct {
		files, lost  int
		state        layout.State
		stats, lists int64 // at most, with one list for each directory of the walk
	}{
		{20, 0, layout.Complete, 20, 4},
		{3000, 0, layout.Complete, 0, 5},
		{3000, 1, layout.Damaged, 2, 5},
	} {
		t.Run(fmt.Sprintf("%d files, %d lost", c.files, c.lost), func(t *testing.T) {
			w := newWorld()
			for _, key := range sharing(t, w, 6, 10) {
				w.put(key, "data")
			}
			for i, key := range sharing(t, w, 7, c.files) {
				if i >= c.lost {
					w.memory.Put(bucket, key, []byte("data"))
				}
			}
			plan := &faults.Plan{}
			s := w.store(t, "mem://flink/cp", plan.Wrap)
			tree, err := layout.NewTree(t.Context(), s, nil)
			if err != nil {
				t.Fatal(err)
			}
			g, err := layout.NewGraph(t.Context(), []*layout.Tree{tree}, layout.GraphOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(g.Nodes) != 2 || g.Nodes[0].State != layout.Complete || g.Nodes[1].State != c.state {
				t.Fatalf("%d nodes, the last is %s: %s", len(g.Nodes), g.Nodes[1].State, g.Nodes[1].Reason)
			}
			if got := len(g.Nodes[1].Broken); got != c.lost {
				t.Errorf("%d are missing, want %d", got, c.lost)
			}
			if stats, lists := plan.Stats.Load(), plan.Lists.Load(); stats > c.stats || lists > c.lists {
				t.Errorf("%d times asked and %d times listed, want at most %d and %d", stats, lists, c.stats, c.lists)
			}
		})
	}
}

// The walk lists no shared directory, but every other one.
func TestWalkIsCheap(t *testing.T) {
	w := newWorld()
	for i := range 30 {
		w.put(fmt.Sprintf("cp/%s/chk-%d/_metadata", jobID, i), "m")
	}
	for i := range 500 {
		w.put(fmt.Sprintf("cp/%s/shared/%d/%d", jobID, i, i), "m")
	}
	plan := &faults.Plan{}
	if got, err := keys(t, w.store(t, "mem://flink/cp", plan.Wrap), ""); len(got) != 530 || err != nil {
		t.Fatalf("%d keys: %v", len(got), err)
	}
	if n := plan.Lists.Load(); n != 32 {
		t.Errorf("%d listings, want 32", n)
	}
}

// A checkpoint where none should be is refused: a newer one beside it would not be seen.
func TestCheckpointWithinShared(t *testing.T) {
	for _, key := range []string{"shared/_metadata", "shared/mine/_metadata", "shared/chk-9/x", "shared/savepoint-495d85-0123456789ab/x/y"} {
		w := newWorld()
		w.put(jobID+"/chk-7/_metadata", "m")
		w.put(jobID+"/"+key, "m")
		w.put(jobID+"/"+path.Dir(key)+"/another", "m")
		tree, err := layout.NewTree(t.Context(), w.store(t, "mem://flink", nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(tree.Errors) != 1 || !strings.Contains(tree.Errors[0].Error(), "a checkpoint within shared") {
			t.Errorf("%s: %v", key, tree.Errors)
		}
	}
}

// What fails while the tree is listed is told, and the rest goes on.
func TestLiveFaults(t *testing.T) {
	w := newWorld()
	w.put(jobID+"/chk-7/_metadata", "m")
	w.put(jobID+"/shared/s", "m")
	plan := &faults.Plan{ListErr: errors.New("no page"), ListAfter: 1}
	_, err := layout.NewTree(t.Context(), w.store(t, "mem://flink", plan.Wrap), nil)
	if err != nil {
		t.Fatalf("one failing directory is no failure: %v", err)
	}
	if _, err := layout.NewTree(t.Context(), w.store(t, "mem://flink/nothing", nil), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a root that is not there: %v", err)
	}
	plan = &faults.Plan{ListErr: errors.New("no page")}
	if _, err := layout.NewTree(t.Context(), w.store(t, "mem://flink", plan.Wrap), nil); err == nil {
		t.Error("a root that cannot be listed is none")
	}
}

// Who has seen enough gets no more.
func TestStop(t *testing.T) {
	w := newWorld()
	w.put(jobID+"/chk-7/_metadata", "m")
	for i := range 10 {
		w.put(fmt.Sprintf("%s/shared/%d", jobID, i), "m")
	}
	for _, format := range []string{"CSV", "Parquet"} {
		w.format = format
		s := w.store(t, "mem://flink", nil)
		all := 0
		for range s.List(t.Context(), "") {
			all++
		}
		for enough := 1; enough <= all; enough++ {
			n := 0
			for range s.List(t.Context(), "") {
				if n++; n == enough {
					break
				}
			}
			if n != enough {
				t.Errorf("%d, want %d", n, enough)
			}
		}
	}
}

// A copy of a report is read where it lies.
func TestCopyOfReport(t *testing.T) {
	w := newWorld()
	w.put(jobID+"/chk-7/_metadata", "m")
	w.put(jobID+"/shared/s", "m")
	w.publish(t)
	source, err := w.open(t.Context(), "mem://"+destination+"/"+reportDir)
	if err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]func(key string) string{
		"as it was":  func(key string) string { return key },
		"in one dir": path.Base,
	} {
		copied := &world{}
		manifest := ""
		for o := range source.List(t.Context(), "") {
			data := make([]byte, o.Size)
			c, err := source.Open(t.Context(), o.Key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(data); err != nil {
				t.Fatal(err)
			}
			copied.memory.Put("copy", "of/"+place(o.Key), data)
			if path.Base(o.Key) == "manifest.json" {
				manifest = "mem://copy/of/" + place(o.Key)
			}
		}
		s, _, err := inventory.Open(t.Context(), copied.open, manifest, w.openLive(t, "mem://flink", nil))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := keys(t, s, ""); len(got) != 2 || err != nil {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
}
