package rocksdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// handleOf is a database of a real checkpoint.
type handleOf struct {
	name   string
	files  *treeFiles
	handle *metadata.IncrementalHandle
	origin backends.Origin
}

// realHandles gives each database of all trees at hand to f, but those of which files are gone since
// their checkpoint was claimed.
func realHandles(t *testing.T, f func(handleOf)) {
	t.Helper()
	roots := []string{filepath.Join(testdata.Root(t), "flink")}
	if dir := testdata.Fixtures(t); dir != "" {
		for _, sub := range []string{"corpus", "flink", "jobs"} {
			roots = append(roots, filepath.Join(dir, sub))
		}
	}
	handles := 0
	for _, root := range roots {
		for _, s := range testdata.Snapshots(t, root) {
			for _, h := range databasesOf(t, root, s) {
				if gone := h.gone(); gone > 0 {
					if !strings.Contains(s.Name, "claim") {
						t.Errorf("%s: %d files are gone", h.name, gone)
					}
					continue
				}
				handles++
				f(h)
			}
		}
	}
	if handles < 10 {
		t.Fatalf("only %d databases", handles)
	}
	t.Logf("%d databases", handles)
}

func databasesOf(t *testing.T, root string, s testdata.Snapshot) []handleOf {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Dir, "_metadata"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(s.Name, "/")
	files := &treeFiles{dir: s.Dir, tree: filepath.Join(root, filepath.Join(parts[:min(len(parts), 2)]...))}
	var all []handleOf
	for p, h := range c.Walk() {
		if h, ok := h.(*metadata.IncrementalHandle); ok {
			o := backends.Origin{Operator: p.Operator.ID, MaxParallelism: p.Operator.MaxParallelism, Range: h.Range}
			all = append(all, handleOf{fmt.Sprintf("%s, %s, groups %d to %d", s.Name, o.Operator, h.Range.First, h.Range.Last), files, h, o})
		}
	}
	return all
}

func (h *handleOf) gone() (n int) {
	for _, list := range [][]metadata.NamedFile{h.handle.Shared, h.handle.Private} {
		for _, f := range list {
			if b, err := h.files.Open(context.Background(), f.File); err != nil {
				n++
			} else {
				b.Close()
			}
		}
	}
	return n
}

// treeFiles finds what handles refer to in a tree that was moved.
type treeFiles struct{ dir, tree string }

var writtenAt = regexp.MustCompile(`^file:/flink/checkpoint/[^/]+/[^/]+/`)

func (f *treeFiles) Open(_ context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	path, from, size := "", int64(0), int64(-1)
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return blobOf("inline", h.Data), nil
	case *metadata.RelativeFileHandle:
		path = filepath.Join(f.dir, string(h.Path))
	case *metadata.FileHandle:
		path = f.locate(h.Path)
	case *metadata.SegmentHandle:
		path, from, size = f.locate(h.Path), h.Start, h.Size
	default:
		return nil, fmt.Errorf("a %T", h)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	data = data[from:]
	if size >= 0 {
		data = data[:size]
	}
	return blobOf(path, data), nil
}

func (f *treeFiles) locate(path metadata.UTF) string {
	return filepath.Join(f.tree, filepath.FromSlash(writtenAt.ReplaceAllString(string(path), "")))
}

// TestFlinkTables reads all tables that Flink wrote, checks them to the last byte, and holds that a merge of
// them is what a plain reading of all records comes to.
func TestFlinkTables(t *testing.T) {
	tables, keys := 0, 0
	realHandles(t, func(h handleOf) {
		db, err := openDatabase(context.Background(), h.files, h.handle, &backends.Options{})
		if err != nil {
			t.Errorf("%s: %v", h.name, err)
			return
		}
		defer db.close()
		for _, e := range verifyAll(t, db) {
			t.Errorf("%s: %v", h.name, e)
		}
		for _, f := range db.families {
			tables += len(f.tables)
			keys += sameAsPlain(t, h.name, f)
		}
	})
	t.Logf("%d tables, %d keys", tables, keys)
}

// sameAsPlain compares the merge of a family with plainly read records.
func sameAsPlain(t *testing.T, name string, f *family) int {
	t.Helper()
	want := plain(t, f)
	m := f.scan(context.Background(), nil, nil, 0)
	defer m.close()
	n := 0
	for ; m.next(); n++ {
		if v, ok := want[string(m.key)]; !ok || v != string(m.value) {
			t.Fatalf("%s, %s: key %x has value %x, not %x (%v)", name, f.Name, m.key, m.value, v, ok)
		}
	}
	if m.err != nil || n != len(want) {
		t.Fatalf("%s, %s: %d keys, not %d: %v", name, f.Name, n, len(want), m.err)
	}
	return n
}

type plainRecord struct {
	key, value string
	seq        uint64
	kind       Kind
}

// plain reads all records of all tables in the order of their sequence numbers.
func plain(t *testing.T, f *family) map[string]string {
	t.Helper()
	var records []plainRecord
	for _, file := range f.tables {
		table, err := file.acquire()
		if err != nil {
			t.Fatal(err)
		}
		it := table.Iterator(0)
		for it.Next() {
			records = append(records, plainRecord{string(it.UserKey()), string(it.Value()), it.Seq(), it.Kind()})
		}
		if it.Err() != nil {
			t.Fatal(it.Err())
		}
		for _, d := range table.tombstones {
			records = append(records, plainRecord{string(d.start.User), string(d.end.User), d.seq, RangeDeletion})
		}
		file.release()
	}
	slices.SortStableFunc(records, func(a, b plainRecord) int { return int(int64(a.seq) - int64(b.seq)) })
	return replay(records)
}

func replay(records []plainRecord) map[string]string {
	state := map[string]string{}
	for _, r := range records {
		switch r.kind {
		case Put:
			state[r.key] = r.value
		case Merge:
			if old, ok := state[r.key]; ok {
				r.value = old + "," + r.value
			}
			state[r.key] = r.value
		case RangeDeletion:
			for k := range state {
				if k >= r.key && k < r.value {
					delete(state, k)
				}
			}
		default:
			delete(state, r.key)
		}
	}
	return state
}
