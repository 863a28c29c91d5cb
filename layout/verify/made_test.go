package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/klauspost/compress/s2"
)

// made writes a checkpoint of one operator, and what else its directory holds.
func made(t *testing.T, files map[string]string, subtasks ...metadata.SubtaskState) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "495d8572c34476e61174bd4e676c9523", "chk-7")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := &metadata.Checkpoint{Version: metadata.Version4, ID: 7, Operators: []metadata.OperatorState{{
		ID: metadata.OperatorIDOf("op"), Parallelism: int32(len(subtasks)), MaxParallelism: 8, Subtasks: subtasks}},
		Properties: &metadata.Properties{Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}}
	data, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	files["_metadata"] = string(data)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func keyed(first, last int32) metadata.KeyedHandle {
	r := metadata.KeyGroupRange{First: first, Last: last}
	return &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: r, Offsets: make([]int64, r.Len()), HandleID: "id",
		Delegate: &metadata.InlineHandle{Name: "x", Data: []byte("data")}}
}

func TestKeyGroups(t *testing.T) {
	for name, c := range map[string]struct {
		ranges [][2]int32
		want   []string
	}{
		"whole":          {[][2]int32{{0, 3}, {4, 7}}, nil},
		"a gap":          {[][2]int32{{0, 3}, {6, 7}}, []string{"error sub", "info no sub-task has state of key groups 4 to 5"}},
		"an overlap":     {[][2]int32{{0, 4}, {4, 7}}, []string{"error sub", "error sub-tasks 0 and 1 both have key groups 4 to 4"}},
		"one within":     {[][2]int32{{0, 7}, {2, 3}}, []string{"error sub", "error sub-tasks 0 and 1 both have key groups 2 to 3"}},
		"nothing at end": {[][2]int32{{0, 3}}, []string{"info no sub-task has state of key groups 4 to 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			var subtasks []metadata.SubtaskState
			for i, r := range c.ranges {
				subtasks = append(subtasks, metadata.SubtaskState{Index: int32(i), ManagedKeyed: keyed(r[0], r[1])})
			}
			r := verifyTree(t, made(t, map[string]string{}, subtasks...), verify.Metadata)
			var got strings.Builder
			for _, f := range r[0].Findings {
				if f.Reason == verify.KeyGroups && f.By != nil {
					got.WriteString(string(f.Severity) + " " + f.Message + "\n")
				}
			}
			for _, want := range c.want {
				if want != "error sub" && !strings.Contains(got.String(), want) {
					t.Errorf("%q is not in\n%s", want, got.String())
				}
			}
			if bad := strings.Contains(strings.Join(c.want, " "), "both"); bad != strings.Contains(got.String(), "both") || c.want == nil && got.Len() > 0 {
				t.Errorf("got\n%s", got.String())
			}
		})
	}
}

// A changelog that is compressed shows its length only to who reads it.
func TestCompressedChangelog(t *testing.T) {
	body := []byte(strings.Repeat("some changes of some keys; ", 10000))
	var packed bytes.Buffer
	packed.WriteByte(1)
	w := s2.NewWriter(&packed, s2.WriterSnappyCompat(), s2.WriterBlockSize(64<<10), s2.WriterConcurrency(1))
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := packed.String()
	file := &metadata.RelativeFileHandle{Path: "log", Size: int64(len(body))}
	absolute := func(root string) *metadata.FileHandle {
		return &metadata.FileHandle{Path: metadata.UTF(root), Size: file.Size}
	}
	handle := func(f metadata.StreamHandle) metadata.SubtaskState {
		return metadata.SubtaskState{ManagedKeyed: &metadata.ChangelogHandle{Tag: metadata.TagChangelogV2, Range: metadata.KeyGroupRange{Last: 7}, HandleID: "a",
			NonMaterialized: []metadata.KeyedHandle{&metadata.ChangelogFileHandle{Tag: metadata.TagChangelogFileV2, Range: metadata.KeyGroupRange{Last: 7},
				Parts: []metadata.ChangelogPart{{File: f}}, Size: 1, HandleID: "b", StorageID: "filesystem"}}}}
	}
	for name, c := range map[string]struct {
		content string
		want    int
	}{
		"whole":     {whole, 0},
		"a byte":    {whole[:len(whole)-1], 1},
		"half":      {whole[:len(whole)/2], 1},
		"grown":     {whole + "x", 1},
		"one frame": {whole[:len(whole)/3], 1},
		"empty":     {"", 1},
		"plain":     {"\x00" + string(body), 0},
		"plain cut": {"\x00" + string(body[1:]), 1},
	} {
		t.Run(name, func(t *testing.T) {
			root := made(t, map[string]string{"log": c.content}, handle(absolute("file:/elsewhere/495d8572c34476e61174bd4e676c9523/chk-7/log")))
			r := verifyTree(t, root, verify.Files)
			if len(r) != 1 || len(r[0].Findings) != c.want || r[0].Err != nil {
				t.Fatalf("%+v", r)
			}
			if c.want > 0 && (r[0].Verdict != verify.Damaged || r[0].Findings[0].Reason != verify.Size) {
				t.Errorf("%+v", r[0].Findings)
			}
		})
	}
}
