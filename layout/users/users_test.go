package users_test

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/users"
	"github.com/ckpt-tool/ckpt/testdata"
)

// question is what a test asks.
type question struct {
	roots []string
	maps  []layout.Mapping
	open  layout.OpenStore
	after time.Duration // how long after the files were written
}

// ask tells of the files at urls.
func (q question) ask(t *testing.T, urls ...string) []users.Answer {
	t.Helper()
	answers, _ := q.look(t, urls...)
	return answers
}

// look is ask, and gives the graph as well.
func (q question) look(t *testing.T, urls ...string) ([]users.Answer, *layout.Graph) {
	t.Helper()
	if q.open == nil {
		q.open = storage.Open
	}
	var trees []*layout.Tree
	for _, root := range q.roots {
		store, err := q.open(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		tree, err := layout.NewTree(t.Context(), store, nil)
		if err != nil {
			t.Fatal(err)
		}
		trees = append(trees, tree)
	}
	f, err := users.New(t.Context(), trees, urls)
	if err != nil {
		t.Fatal(err)
	}
	clock := users.Clock{Now: time.Now().Add(q.after), Grace: layout.DefaultGrace}
	g, err := layout.NewGraph(t.Context(), trees, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: clock.Now, Grace: clock.Grace}, Maps: q.maps, Open: q.open, Observe: f.Observe,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f.Answers(g, clock), g
}

const later = 1000 * time.Hour

// snapshotsOf are the keys of the snapshots that use a file.
func snapshotsOf(a users.Answer) []string {
	var dirs []string
	for _, u := range a.Uses {
		dirs = append(dirs, u.Node.Dir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// Who uses what is what Flink's own loader says, of all files of all trees.
func TestFlink(t *testing.T) {
	files := 0
	for _, tree := range testdata.ReferencedTrees(t) {
		t.Run(tree.Name, func(t *testing.T) { files += checkTree(t, tree.Dir, tree.Refs) })
	}
	if files < 500 {
		t.Errorf("only %d files", files)
	}
}

// checkTree asks for all files of a tree, and tells how many there were.
func checkTree(t *testing.T, tree string, want testdata.Refs) int {
	missing := map[string][]string{}
	for snapshot, keys := range want.Missing {
		for _, key := range keys {
			missing[key] = append(missing[key], snapshot)
		}
	}
	type verdict struct {
		Class     usage.Class
		Exists    bool
		Snapshots []string
	}
	expected, got := map[string]verdict{}, map[string]verdict{}
	for key, snapshots := range want.Referenced {
		expected[key] = verdict{usage.Referenced, true, slices.Sorted(slices.Values(snapshots))}
	}
	for key, snapshots := range missing {
		expected[key] = verdict{usage.Referenced, false, slices.Sorted(slices.Values(snapshots))}
	}
	for _, key := range want.Orphans {
		expected[key] = verdict{usage.Orphan, true, nil}
	}
	keys := slices.Sorted(maps.Keys(expected))
	var urls []string
	for _, key := range keys {
		urls = append(urls, filepath.Join(tree, key))
	}
	for i, a := range (question{roots: []string{tree}, after: later}).ask(t, urls...) {
		got[keys[i]] = verdict{a.Class, a.Exists, snapshotsOf(a)}
	}
	if diff := cmp.Diff(expected, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	all, g := question{roots: []string{tree}, after: later}.look(t, tree)
	account := usage.Account(g, usage.Options{Now: time.Now().Add(later), Grace: layout.DefaultGrace})
	if all[0].Contents != account.Roots[0].Class {
		t.Errorf("all files are %v, by the account %v", all[0].Contents, account.Roots[0].Class)
	}
	for dir, snapshots := range want.DirectoryHandles {
		a := question{roots: []string{tree}, after: later}.ask(t, filepath.Join(tree, dir))[0]
		var managed []string
		for _, n := range a.Managed {
			managed = append(managed, n.Dir)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(snapshots)), slices.Sorted(slices.Values(managed))); diff != "" || a.Class != usage.Referenced {
			t.Errorf("%s is %s: %s", dir, a.Class, diff)
		}
	}
	return len(keys)
}

// tree is a copy of a real one, whose job and files a test knows.
type tree struct {
	root, job string
}

func newTree(t *testing.T) tree {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	chk, err := filepath.Glob(filepath.Join(root, "*", "chk-*"))
	if err != nil || len(chk) < 2 {
		t.Fatal(chk, err)
	}
	return tree{root, filepath.Dir(chk[0])}
}

// latest is the directory of the highest checkpoint.
func (tr tree) latest() string {
	chk, _ := filepath.Glob(filepath.Join(tr.job, "chk-*"))
	return chk[len(chk)-1]
}

const stray = "0f8fad5b-d9cb-469f-a165-70867728950e"

func write(t *testing.T, file string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// What nobody uses is an orphan on evidence only.
func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		file   func(t *testing.T, tr tree) string // makes what is asked for
		after  time.Duration
		class  usage.Class
		gone   bool
		reason string // part of it
	}{
		"an orphan":                       {func(t *testing.T, tr tree) string { return write(t, filepath.Join(tr.job, "shared", stray)) }, later, usage.Orphan, false, "unchanged for 41 days; its name is one that Flink gives"},
		"a young file":                    {func(t *testing.T, tr tree) string { return write(t, filepath.Join(tr.job, "shared", stray)) }, time.Minute, usage.InFlight, false, "nothing refers to it yet, but it changed 1 min ago"},
		"no name of Flink's":              {func(t *testing.T, tr tree) string { return write(t, filepath.Join(tr.job, "shared", "notes.txt")) }, later, usage.Unknown, false, "notes.txt is not a file that Flink has named"},
		"of a checkpoint never completed": {func(t *testing.T, tr tree) string { return write(t, filepath.Join(tr.job, "chk-99", stray)) }, later, usage.Orphan, false, "chk-99, which was never completed"},
		"of one in progress":              {func(t *testing.T, tr tree) string { return write(t, filepath.Join(tr.job, "chk-99", stray)) }, 0, usage.InFlight, false, "chk-99, which is in progress"},
		"in a complete one":               {func(t *testing.T, tr tree) string { return write(t, filepath.Join(tr.latest(), stray)) }, later, usage.Orphan, false, "refers to it"},
		"something is corrupt": {func(t *testing.T, tr tree) string {
			write(t, filepath.Join(tr.job, "chk-99", "_metadata"))
			return write(t, filepath.Join(tr.job, "shared", stray))
		}, later, usage.Unknown, false, "may use it: "},
		"what is corrupt": {func(t *testing.T, tr tree) string { return write(t, filepath.Join(tr.job, "chk-99", "_metadata")) }, later, usage.Unknown, false, "the _metadata of a corrupt checkpoint"},
		"nothing":         {func(_ *testing.T, tr tree) string { return filepath.Join(tr.job, "shared", stray) }, later, usage.Unknown, true, "no such file"},
		"a link": {func(t *testing.T, tr tree) string {
			link := filepath.Join(tr.job, "shared", stray)
			if err := os.Symlink(write(t, filepath.Join(tr.root, "elsewhere")), link); err != nil {
				t.Skip(err)
			}
			return link
		}, later, usage.Unknown, false, "not followed"},
		"a changelog without its job": {func(t *testing.T, tr tree) string {
			return write(t, filepath.Join(tr.root, "0123456789abcdef0123456789abcdef", "dstl", stray))
		}, later, usage.Unknown, false, "no complete checkpoint that could use it lies below"},
		"an empty directory": {func(t *testing.T, tr tree) string {
			dir := filepath.Join(tr.job, "taskowned")
			return mkdir(t, dir)
		}, later, usage.Unknown, false, "there is no file in it"},
		"an empty checkpoint":    {func(t *testing.T, tr tree) string { return mkdir(t, filepath.Join(tr.job, "chk-99")) }, later, usage.Orphan, false, "never completed"},
		"a new empty checkpoint": {func(t *testing.T, tr tree) string { return mkdir(t, filepath.Join(tr.job, "chk-99")) }, 0, usage.InFlight, false, "in progress"},
		"a directory of orphans": {func(t *testing.T, tr tree) string {
			return filepath.Dir(write(t, filepath.Join(tr.job, "chk-99", stray)))
		}, later, usage.Orphan, false, "of a file in it"},
		"somewhere else entirely": {func(*testing.T, tree) string { return "/nowhere/" + stray }, later, usage.Unknown, true, "does not lie below"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			url := c.file(t, tr)
			a := question{roots: []string{tr.root}, after: c.after}.ask(t, url)[0]
			if a.Class != c.class || a.Gone != c.gone || !strings.Contains(a.Reason, c.reason) {
				t.Errorf("%s, gone %v: %s\nwant %s, %q", a.Class, a.Gone, a.Reason, c.class, c.reason)
			}
		})
	}
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What the storage refuses to show may use the file.
func TestUnreadable(t *testing.T) {
	tr := newTree(t)
	file := write(t, filepath.Join(tr.job, "shared", stray))
	q := question{roots: []string{tr.root}, after: later, open: func(ctx context.Context, url string) (layout.Store, error) {
		s, err := storage.Open(ctx, url)
		return &refusing{s, "chk-"}, err
	}}
	a := q.ask(t, file)[0]
	if a.Class != usage.Unknown || len(a.Doubts) == 0 || !strings.Contains(a.Reason, "permission denied") {
		t.Errorf("%s: %s", a.Class, a.Reason)
	}
}

// refusing opens nothing whose key contains what.
type refusing struct {
	layout.Store
	what string
}

func (r *refusing) Open(ctx context.Context, key string) (*layout.Content, error) {
	if strings.Contains(key, r.what) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrPermission}
	}
	return r.Store.Open(ctx, key)
}

// A file whose random name a checkpoint uses at another place may be a copy of what it
// uses; one that is asked for by its old path is found where it lies now.
func TestCopies(t *testing.T) {
	tr := newTree(t)
	shared, err := os.ReadDir(filepath.Join(tr.job, "shared"))
	if err != nil {
		t.Fatal(err)
	}
	name := shared[0].Name()
	file := filepath.Join(tr.job, "shared", name)
	used := question{roots: []string{tr.root}, after: later}.ask(t, file)[0]
	if used.Class != usage.Referenced || len(used.Uses) == 0 {
		t.Fatalf("%s: %s", used.Class, used.Reason)
	}
	old := layout.Canonical(used.Uses[0].Path)
	for _, dir := range []string{old, filepath.Dir(filepath.Dir(old))} {
		a := question{roots: []string{tr.root}, after: later}.ask(t, dir)[0]
		if a.Class != usage.Referenced || a.Within || !a.Exists {
			t.Errorf("%s is %s: %s", dir, a.Class, a.Reason)
		}
		if dir == old && (a.At != file || len(a.Uses) != len(used.Uses)) {
			t.Errorf("%s lies at %s", old, a.At)
		}
	}
	twin := write(t, filepath.Join(tr.root, "0123456789abcdef0123456789abcdef", "shared", name))
	a := question{roots: []string{tr.root}, after: later}.ask(t, twin)[0]
	if a.Class != usage.Orphan || !strings.Contains(a.Reason, "of which this is a copy") {
		t.Errorf("the twin is %s: %s", a.Class, a.Reason)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	a = question{roots: []string{tr.root}, after: later}.ask(t, twin)[0]
	if a.Class != usage.Unknown || !strings.Contains(a.Reason, "uses a file of this random name") {
		t.Errorf("the only one is %s: %s", a.Class, a.Reason)
	}
	// All of a directory that is gone is needed.
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	a = question{roots: []string{tr.root}, after: later}.ask(t, filepath.Dir(file))[0]
	if a.Class != usage.Referenced || a.Exists || len(a.Uses) == 0 {
		t.Errorf("the directory that is gone: %s: %s", a.Class, a.Reason)
	}
}
