package ha

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// versions are those of testdata/flink-ha.
var versions = []string{"1.20.0", "2.2.0"}

func fixture(tb testing.TB, elements ...string) string {
	return filepath.Join(append([]string{testdata.Root(tb), "flink-ha"}, elements...)...)
}

func open(tb testing.TB, url string) layout.Store {
	tb.Helper()
	store, err := storage.New(storage.Settings{}).Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { store.Close() })
	return store
}

// TestReadFlink holds what is read of files that Flink wrote against the _metadata of
// the same checkpoints: no file that it references may be missing, and none be too many.
func TestReadFlink(t *testing.T) {
	for _, version := range versions {
		s, err := Read(t.Context(), open(t, fixture(t, version, "storage")))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Checkpoints) != 4 || len(s.Live) != 1 || len(s.Results) != 4 || s.Unknown != 0 {
			t.Errorf("%s: %d checkpoints, %d jobs, %d results, %d unknown", version, len(s.Checkpoints), len(s.Live), len(s.Results), s.Unknown)
		}
		for _, c := range s.Checkpoints {
			if !strings.HasSuffix(c.Pointer, "/"+c.Job.String()+"/"+layout.CheckpointID(c.ID).Dir()) || !c.HasJob {
				t.Errorf("%s: job %s, id %d, pointer %s", c.File, c.Job, c.ID, c.Pointer)
			}
			if diff := cmp.Diff(referenced(t, version, c), c.Paths); diff != "" {
				t.Errorf("%s: -_metadata +%s\n%s", version, c.File, diff)
			}
		}
		if live := s.Live[0]; !live.HasJob || live.Restored != "" || !slices.ContainsFunc(s.Checkpoints, func(c Checkpoint) bool { return c.Job == live.Job }) {
			t.Errorf("%s: live: %+v", version, live)
		}
	}
}

// referenced is what must stay for c, by its _metadata.
func referenced(t *testing.T, version string, c Checkpoint) []string {
	t.Helper()
	data, err := os.ReadFile(fixture(t, version, "metadata", c.Job.String(), layout.CheckpointID(c.ID).Dir()))
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := metadata.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{c.Pointer, c.Pointer + "/_metadata"}
	for _, h := range decoded.Walk() {
		switch h := h.(type) {
		case *metadata.FileHandle:
			all = append(all, h.Path.String())
		case *metadata.RelativeFileHandle:
			all = append(all, c.Pointer+"/"+h.Path.String())
		case *metadata.SegmentHandle:
			all = append(all, h.Path.String())
		case *metadata.OperatorStateHandle:
			if h.Merging != nil {
				all = append(all, h.Merging.TaskOwned.String(), h.Merging.Shared.String())
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestReadBucket reads the same out of an object store, which has no directories.
func TestReadBucket(t *testing.T) {
	local := fixture(t, "2.2.0", "storage")
	want, err := Read(t.Context(), open(t, local))
	if err != nil {
		t.Fatal(err)
	}
	want.Known-- // the directory of the results
	memory := &storage.Memory{}
	err = fs.WalkDir(os.DirFS(local), ".", func(key string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(local, filepath.FromSlash(key)))
		memory.Put("b", "flink/ha/"+key, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.Registry{memory.Driver()}.Open(t.Context(), "mem://b/flink/ha")
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	got, err := Read(t.Context(), store)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestResultsFlink(t *testing.T) {
	for _, version := range versions {
		s, err := Read(t.Context(), open(t, fixture(t, version, "storage", "job-result-store")))
		if err != nil {
			t.Fatal(err)
		}
		jobs := map[string]layout.JobID{}
		for _, r := range s.Results {
			name := r.Status
			if r.Dirty {
				name += " dirty"
			}
			jobs[name] = r.Job
			if !strings.HasPrefix(r.File, "ckpt/"+r.Job.String()) {
				t.Errorf("%s is of job %s", r.File, r.Job)
			}
		}
		if len(jobs) != 4 || jobs["CANCELED"] != jobs["CANCELED dirty"] {
			t.Errorf("%s: %v", version, jobs)
		}
		for _, status := range []string{"SUCCEEDED", "FAILED", "CANCELED", "CANCELED dirty"} {
			if jobs[status] == (layout.JobID{}) {
				t.Errorf("%s: no job with %s", version, status)
			}
		}
	}
}

func TestDirs(t *testing.T) {
	for name, c := range map[string]struct {
		conf map[string]string
		want []string
	}{
		"nothing":             {nil, nil},
		"results only":        {map[string]string{"job-result-store.storage-path": "/r"}, nil},
		"empty":               {map[string]string{"high-availability.storageDir": " "}, nil},
		"current":             {map[string]string{"high-availability.storageDir": "s3://b/ha"}, []string{"s3://b/ha"}},
		"current before old":  {map[string]string{"high-availability.storageDir": "/new", "recovery.zookeeper.storageDir": "/old"}, []string{"/new"}},
		"ZooKeeper's":         {map[string]string{"high-availability.zookeeper.storageDir": "/zk"}, []string{"/zk"}},
		"oldest":              {map[string]string{"recovery.zookeeper.storageDir": "/old"}, []string{"/old"}},
		"results elsewhere":   {map[string]string{"high-availability.storageDir": "/ha", "job-result-store.storage-path": "/har"}, []string{"/ha", "/har"}},
		"results below":       {map[string]string{"high-availability.storageDir": "file:///ha/", "job-result-store.storage-path": "file:/ha/results"}, []string{"file:///ha/"}},
		"results in the same": {map[string]string{"high-availability.storageDir": "s3a://b/ha", "job-result-store.storage-path": "s3://b/ha/"}, []string{"s3a://b/ha"}},
	} {
		got := Dirs(func(key string) (string, bool) { v, ok := c.conf[key]; return v, ok })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	const job = "00000000000000000000000000000000"
	for key, want := range map[string]kind{
		"ckpt/completedCheckpoint0c03639fc970":             kindCheckpoint,
		"completedCheckpoint0c03639fc970":                  kindCheckpoint,
		"ckpt/submittedJobGraph198400c503f5":               kindPlan,
		"ckpt/submittedExecutionPlan00de6019661b":          kindPlan,
		"job-result-store/ckpt/" + job + ".json":           kindResult,
		job + "_DIRTY.json":                                kindResult,
		"job-result-store/ckpt/other.json":                 kindUnknown,
		"ckpt/blob/job_" + job + "/blob_p-x":               kindKnown,
		"ckpt/blob/no_job/anything":                        kindKnown,
		"ckpt/" + job + "/job-events/events.0":             kindKnown,
		"README":                                           kindUnknown,
		"blob":                                             kindUnknown,
		"ckpt/blob/job_x/completedCheckpoint0c03639fc970":  kindCheckpoint,
		"job-result-store/ckpt/" + job + "_DIRTY.json.crc": kindUnknown,
	} {
		if got := kindOf(key); got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
}

// readAt is Read without its pauses.
func readAt(ctx context.Context, store layout.Store) (*Storage, error) {
	r := reader{store: store}
	return r.settle(ctx)
}

// TestEmpty: a directory that Flink has never used is told from one without jobs.
func TestEmpty(t *testing.T) {
	for name, empty := range map[string]bool{
		"":                              true,
		"README":                        true,
		"lost+found/":                   true,
		"c/blob/":                       false,
		"c/blob/job_x/blob_p-1":         false,
		"job-result-store/c/":           false,
		"job-result-store/c/other.json": false,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path+"x"), 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "" && !strings.HasSuffix(name, "/") {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if name != "" && strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Read(t.Context(), open(t, dir))
		if err != nil || s.Empty() != empty {
			t.Errorf("%q: %+v, %v", name, s, err)
		}
	}
}
