package layout_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
)

// TestBlobs: what handles of each kind refer to is read at any place, wherever the tree lies now.
func TestBlobs(t *testing.T) {
	const job = "0123456789abcdef0123456789abcdef"
	root := t.TempDir()
	write := func(name, data string) {
		t.Helper()
		p := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("cp/"+job+"/chk-1/_metadata", "meta")
	write("cp/"+job+"/chk-1/own", "0123456789")
	write("cp/"+job+"/shared/common", "abcdefghij")
	write("elsewhere/file", "other")
	target := &layout.Target{Dir: job + "/chk-1", Metadata: job + "/chk-1/_metadata"}
	open := storage.New(storage.Settings{}).Open
	var err error
	if target.Store, err = open(t.Context(), filepath.Join(root, "cp")); err != nil {
		t.Fatal(err)
	}
	defer target.Store.Close()
	maps := []layout.Mapping{{Old: "s3://gone", New: layout.Canonical(filepath.Join(root, "elsewhere"))}}
	blobs := layout.NewBlobs(t.Context(), open, target, maps)
	defer blobs.Close()
	shared := metadata.NewUTF("file:/old/place/" + job + "/shared/common")
	for name, c := range map[string]struct {
		handle metadata.StreamHandle
		size   int64
		want   string // from byte 2 on
	}{
		"inline":   {&metadata.InlineHandle{Data: []byte("within")}, 6, "thin"},
		"relative": {&metadata.RelativeFileHandle{Path: "own", Size: 10}, 10, "23456789"},
		"tail":     {&metadata.FileHandle{Path: shared, Size: 10}, 10, "cdefghij"},
		"segment":  {&metadata.SegmentHandle{Path: shared, Start: 3, Size: 4}, 4, "fg"},
		"measured": {&metadata.FileHandle{Path: shared, Size: -1}, 10, "cdefghij"},
		"mapped":   {&metadata.FileHandle{Path: "s3://gone/file", Size: 5}, 5, "her"},
		"outside":  {&metadata.FileHandle{Path: metadata.NewUTF(filepath.Join(root, "elsewhere", "file")), Size: 5}, 5, "her"},
		"groups":   {&metadata.KeyGroupsHandle{Delegate: &metadata.InlineHandle{Data: []byte("within")}}, 6, "thin"},
		"empty":    {&metadata.EmptySegmentHandle{}, 0, ""},
	} {
		b, err := blobs.Open(t.Context(), c.handle)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := make([]byte, 20)
		n, err := b.ReadAt(got, 2)
		if string(got[:n]) != c.want || !errors.Is(err, io.EOF) || b.Size() != c.size {
			t.Errorf("%s: %q of %d, %v", name, got[:n], b.Size(), err)
		}
	}
	for name, h := range map[string]metadata.StreamHandle{
		"missing":    &metadata.RelativeFileHandle{Path: "gone", Size: 3},
		"escaping":   &metadata.RelativeFileHandle{Path: "../../own", Size: 3},
		"shorter":    &metadata.RelativeFileHandle{Path: "own", Size: 30},
		"no tree":    &metadata.FileHandle{Path: "file:/nowhere/at/all", Size: 30},
		"unmeasured": &metadata.RelativeFileHandle{Path: "gone", Size: -1},
	} {
		b, err := blobs.Open(t.Context(), h)
		if err == nil {
			_, err = b.ReadAt(make([]byte, 30), 0)
		}
		var file *layout.FileError
		var no *layout.NotCheckpointError
		if !errors.As(err, &file) && !errors.As(err, &no) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "missing" && !errors.Is(err, fs.ErrNotExist) || name == "shorter" && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
