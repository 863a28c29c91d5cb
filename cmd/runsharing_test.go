package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// incremental is a checkpoint of one sub-task that uses these files.
func incremental(files ...string) *metadata.Checkpoint {
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, BackendID: "b", HandleID: "h", Range: metadata.KeyGroupRange{First: 0, Last: 127},
		Meta: &metadata.InlineHandle{Name: "m", Data: []byte{1}}}
	for _, f := range files {
		h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.NewUTF(filepath.Base(f)), File: &metadata.FileHandle{Path: metadata.NewUTF(f), Size: 1}})
	}
	return &metadata.Checkpoint{Version: metadata.Version3, Operators: []metadata.OperatorState{{ID: metadata.OperatorIDOf("counts"), Parallelism: 1, MaxParallelism: 128,
		Subtasks: []metadata.SubtaskState{{ManagedKeyed: h}}}}}
}

// TestWarnOfSharing: a checkpoint that is claimed names those that use the same files, in its own job's directory and in that of the job before.
func TestWarnOfSharing(t *testing.T) {
	root := t.TempDir()
	put := func(checkpoint string, data []byte) {
		t.Helper()
		dir := filepath.Join(root, checkpoint)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if data != nil {
			if err := os.WriteFile(filepath.Join(dir, layout.MetadataName), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	uses := func(checkpoint string, files ...string) *metadata.Checkpoint {
		t.Helper()
		for i, f := range files {
			files[i] = filepath.ToSlash(filepath.Join(root, f))
		}
		c := incremental(files...)
		data, err := metadata.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		put(checkpoint, data)
		return c
	}
	uses("new/chk-7", "old/shared/1", "new/shared/3")
	claimed := uses("new/chk-8", "old/shared/1", "old/shared/2", "new/shared/4")
	uses("new/chk-9", "new/shared/5")
	uses("old/chk-3", "old/shared/2")
	uses("old/chk-4", "old/shared/9")
	uses("old/savepoint-0123ab-0123456789ab", "old/shared/1")
	put("old/chk-5", nil)
	begin := func(mode string) string {
		t.Helper()
		env := call{now: time.Now()}.world(nil)
		var said strings.Builder
		env.Err = &said
		env.Log = newLogger(env.Err, false, 0)
		target, err := layout.Find(t.Context(), env.OpenStore, filepath.Join(root, "new", "chk-8"), layout.FindOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer target.Store.Close()
		r := &running{env: env, opts: &runOptions{claim: mode, claimed: true}, target: target, checkpoint: claimed}
		if (r.claimMode() == restore.Claim) != (mode == "claim") {
			t.Fatal(r.claimMode())
		}
		r.warnOfSharing(t.Context())
		return said.String()
	}
	said := strings.Split(strings.TrimSpace(begin("claim")), "\n")
	if len(said) != 2 || !strings.Contains(said[0], "/new checkpoints=chk-7") || !strings.Contains(said[1], `/old checkpoints="chk-3 savepoint-0123ab-0123456789ab"`) {
		t.Errorf("%q", said)
	}
	for _, mode := range []string{"no-claim", "legacy"} {
		if said := begin(mode); said != "" {
			t.Errorf("%s: %q", mode, said)
		}
	}
	put("old/chk-6", []byte("no checkpoint"))
	if said := begin("claim"); !strings.Contains(said, "is not known") || !strings.Contains(said, "chk-6") || !strings.Contains(said, `/old checkpoints="chk-3 savepoint-0123ab-0123456789ab"`) {
		t.Error(said)
	}
}
