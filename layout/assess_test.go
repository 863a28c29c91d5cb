package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// written is the _metadata of a checkpoint or savepoint.
func written(t *testing.T, id int64, savepoint bool) []byte {
	t.Helper()
	kind := metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}
	if savepoint {
		kind = metadata.SnapshotType{Class: "SavepointType", Name: "Savepoint", Sharing: "NO_SHARING", Format: "CANONICAL", Action: "NONE"}
	}
	b, err := metadata.Encode(&metadata.Checkpoint{Version: 6, ID: id, Properties: &metadata.Properties{Type: kind}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put writes a file of that age into a test tree.
func (s *fsStore) put(key string, data []byte, age time.Duration) {
	s.FS.(fstest.MapFS)[expand([]string{key})[0]] = &fstest.MapFile{Data: data, ModTime: now.Add(-age)}
}

func assessed(t *testing.T, s *fsStore) []Entry {
	t.Helper()
	var entries []Entry
	for e, err := range Assess(t.Context(), s, scan(t, s).Snapshots, AssessOptions{Now: now}) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

func TestAssess(t *testing.T) {
	s := newTestTree(expand([]string{"A/chk-4/x", "A/chk-5/_metadata", "A/chk-6/_metadata/x", "A/chk-7/_metadata@", "A/chk-8/_metadata", "sp/a/x"})...)
	s.put("A/chk-1/_metadata", written(t, 1, false), time.Hour)
	s.put("A/chk-2/_metadata", written(t, 9, false), time.Hour)
	s.put("A/chk-3/_metadata", written(t, 3, true), time.Hour)
	s.put("A/chk-9/x", nil, time.Minute)
	s.put("sp/renamed/_metadata", written(t, 12, false), time.Hour)
	s.put("sp/savepoint-0dabe5-06ac01f92faa/_metadata", written(t, 11, true), time.Hour)
	s.put("A/chk-10/_metadata", written(t, 10, false), time.Hour)
	s.opened = map[string]error{jobA + "/chk-10/_metadata": fs.ErrNotExist, jobA + "/chk-8/_metadata": fs.ErrPermission, jobA + "/chk-7/_metadata": fs.ErrNotExist}
	var got []string
	for _, e := range assessed(t, s) {
		got = append(got, fmt.Sprintf("%s %s %v %d %v: %s %s", strings.TrimPrefix(e.Dir, jobA+"/"), e.Kind, e.KindKnown, e.ID, e.HasID, e.State, e.Reason))
		if failed := e.State == Corrupt || e.State == Unreadable || e.State == Unsupported; (e.Err != nil) != failed {
			t.Errorf("%s is %s, with the error %v", e.Dir, e.State, e.Err)
		}
		if (e.Summary != nil) != (e.State == Complete) {
			t.Errorf("%s is %s, with the summary %v", e.Dir, e.State, e.Summary)
		}
	}
	want := []string{
		"chk-1 checkpoint true 1 true: complete ",
		"chk-2 checkpoint true 9 true: complete the directory is named chk-2, but its _metadata is of checkpoint 9",
		"chk-3 savepoint true 3 true: complete ",
		"chk-4 checkpoint false 4 true: incomplete no _metadata, 1 file; last change 24 h ago",
		"chk-5 checkpoint false 5 true: corrupt wrong magic",
		"chk-6 checkpoint false 6 true: corrupt _metadata is not a regular file but a directory",
		"chk-7 checkpoint false 7 true: unreadable could not check: a symbolic link to what does not exist",
		"chk-8 checkpoint false 8 true: unreadable could not check: permission denied",
		"chk-9 checkpoint false 9 true: in-progress no _metadata, 1 file; last change 1 min ago, within 15 min",
		"chk-10 checkpoint false 10 true: incomplete its _metadata was deleted while it was read, 1 file; last change 1 h ago",
		"sp/renamed checkpoint true 12 true: complete ",
		"sp/savepoint-0dabe5-06ac01f92faa savepoint true 11 true: complete ",
	}
	if i := strings.Index(got[4], "corrupt "); i > 0 { // metadata words it
		got[4] = got[4][:i] + "corrupt wrong magic"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAssessEntropy(t *testing.T) {
	s := newTestTree(expand([]string{"xK2f/cp/A/chk-1/x", "p0Zq/cp/A/chk-1/x", "xK2f/cp/A/chk-2/x"})...)
	s.put("cp/A/chk-1/_metadata", written(t, 1, false), time.Hour)
	entries := assessed(t, s)
	if len(entries) != 2 || entries[0].State != Complete || entries[0].Reason != "" || len(entries[0].Entropy) != 2 {
		t.Fatalf("%+v", entries)
	}
	want := "no _metadata, 1 file; last change 24 h ago; its data lies in directories of entropy (1), such as xK2f/cp/" + jobA + "/chk-2"
	if e := entries[1]; e.State != Incomplete || e.Reason != want {
		t.Errorf("%s: %s", e.State, e.Reason)
	}
}

// Entries come in the order of the snapshots, however many are read at a time.
func TestAssessOrder(t *testing.T) {
	s := newTestTree("x")
	for i := range 700 {
		s.put(fmt.Sprintf("chk-%d/_metadata", i), written(t, int64(i), false), time.Hour)
	}
	for i, e := range assessed(t, s) {
		if e.ID != int64(i) || e.State != Complete {
			t.Fatalf("entry %d is %s: %s", i, e.Dir, e.State)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	for _, err := range Assess(ctx, s, scan(t, s).Snapshots, AssessOptions{Now: now, Workers: 2}) {
		if seen++; err != nil {
			if !errors.Is(err, context.Canceled) || seen > 100 {
				t.Errorf("after %d: %v", seen, err)
			}
			return
		}
		cancel()
	}
	t.Error("a cancelled run came to its end")
}

// realStore is a directory as a Store.
func realStore(dir string) *fsStore { return &fsStore{FS: os.DirFS(dir), url: dir} }

// roots are where real trees lie.
func roots(t *testing.T) []string {
	all := []string{filepath.Join(testdata.Root(t), "flink")}
	if more := testdata.Fixtures(t); more != "" {
		all = append(all, more)
	}
	return all
}

// All that Flink wrote is complete, under the id that Flink's own loader reads.
func TestAssessRealTrees(t *testing.T) {
	for _, root := range roots(t) {
		oracles := make(map[string]string)
		for _, snapshot := range testdata.Snapshots(t, root) {
			oracles[snapshot.Name] = snapshot.Oracle
		}
		found := 0
		for _, e := range assessed(t, realStore(root)) {
			if e.State == Incomplete || e.State == InProgress {
				if e.Metadata != nil {
					t.Errorf("%s: %s", e.Dir, e.Reason)
				}
				continue
			}
			if e.State != Complete || e.Reason != "" {
				t.Errorf("%s: %s %s", e.Dir, e.State, e.Reason)
				continue
			}
			if e.Numbered != (e.Kind == Checkpoint) && e.KindKnown && !strings.Contains(e.Dir, "-checkpoint") {
				t.Errorf("%s is a %s", e.Dir, e.Kind)
			}
			if oracle := oracles[e.Dir]; oracle != "" {
				found++
				checkOracleID(t, oracle, e)
			}
		}
		if found != len(oracles) {
			t.Errorf("%s: %d of %d snapshots found", root, found, len(oracles))
		}
	}
}

func checkOracleID(t *testing.T, oracle string, e Entry) {
	t.Helper()
	data, err := os.ReadFile(oracle)
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ CheckpointID int64 }
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	if want.CheckpointID == 0 || want.CheckpointID != e.ID {
		t.Errorf("%s: id %d, but Flink's loader reads %d", e.Dir, e.ID, want.CheckpointID)
	}
}

// What is broken is called so, and nothing else is.
func TestAssessBad(t *testing.T) {
	want := map[string]State{"version-1": Unsupported, "version-7": Unsupported}
	entries := assessed(t, realStore(filepath.Join(testdata.Root(t), "bad")))
	if len(entries) < 15 {
		t.Fatalf("%d entries", len(entries))
	}
	for _, e := range entries {
		state := want[e.Dir]
		if state == "" {
			state = Corrupt
		}
		if e.State != state || e.Reason == "" || e.Err == nil {
			t.Errorf("%s is %s (%s), want %s", e.Dir, e.State, e.Reason, state)
		}
	}
}
