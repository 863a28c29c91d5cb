package prune_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
)

// yard is a bucket with trees of checkpoints, and a clock of its own.
type yard struct {
	t   *testing.T
	mem *storage.Memory
	reg storage.Registry

	mu    sync.Mutex
	clock time.Time
}

const (
	yardRoot = "mem://bucket/flink"
	jobA     = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" // ended
	jobB     = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	jobC     = "cccccccccccccccccccccccccccccccc"
)

func newYard(t *testing.T) *yard {
	y := &yard{t: t, clock: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	y.mem = &storage.Memory{Now: y.now}
	y.reg = storage.Registry{y.mem.Driver()}
	return y
}

func (y *yard) now() time.Time {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.clock
}

func (y *yard) pass(d time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.clock = y.clock.Add(d)
}

// flinkName is a name as Flink gives them.
func flinkName(s string) string {
	h := fmt.Sprintf("%x", s)
	h = strings.Repeat("0", 32-len(h)) + h
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// shared is the key of a file in shared/.
func shared(job, name string) string { return path.Join("flink", job, "shared", flinkName(name)) }

// own is the key of a file in the directory of a checkpoint.
func own(job string, n int, name string) string {
	return path.Join("flink", job, fmt.Sprintf("chk-%d", n), flinkName(name))
}

func meta(job string, n int) string {
	return path.Join("flink", job, fmt.Sprintf("chk-%d", n), "_metadata")
}

// put stores files of four bytes.
func (y *yard) put(keys ...string) {
	for _, k := range keys {
		y.mem.Put("bucket", k, []byte("data"))
	}
}

// checkpoint stores a _metadata that names files by their keys.
func (y *yard) checkpoint(job string, n int, keys ...string) { y.managing(job, n, "", keys...) }

// managing is checkpoint with a directory of merged files.
func (y *yard) managing(job string, n int, dir string, keys ...string) {
	y.t.Helper()
	c := &metadata.Checkpoint{Version: metadata.Version4, ID: int64(n),
		Properties: &metadata.Properties{Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}}
	o := metadata.OperatorState{ID: metadata.OperatorIDOf("op"), Parallelism: int32(len(keys)), MaxParallelism: 128}
	for i, k := range keys {
		r := metadata.KeyGroupRange{First: int32(i), Last: int32(i)}
		o.Subtasks = append(o.Subtasks, metadata.SubtaskState{Index: int32(i), ManagedKeyed: &metadata.KeyGroupsHandle{
			Tag: metadata.TagKeyGroupsV2, Range: r, Offsets: make([]int64, r.Len()), HandleID: "id",
			Delegate: &metadata.FileHandle{Path: metadata.UTF("mem://bucket/" + k), Size: 4}}})
	}
	if dir != "" {
		o.Subtasks = append(o.Subtasks, metadata.SubtaskState{Index: o.Parallelism, ManagedOperator: &metadata.OperatorStateHandle{
			Delegate: &metadata.SegmentHandle{Path: metadata.UTF("mem://bucket/" + dir + "/" + flinkName("segment")), Size: 4, LogicalFile: "x", Scope: metadata.Exclusive},
			Merging:  &metadata.MergingDirs{Shared: metadata.UTF("mem://bucket/" + dir), TaskOwned: metadata.UTF("mem://bucket/" + dir)}}})
		o.Parallelism++
	}
	c.Operators = []metadata.OperatorState{o}
	data, err := metadata.Encode(c)
	if err != nil {
		y.t.Fatal(err)
	}
	y.mem.Put("bucket", meta(job, n), data)
}

// plant stores the tree of most tests: of job A, chk-1 and chk-2 go and chk-3 stays; of
// job B nothing goes but an orphan.
func (y *yard) plant() {
	y.put(own(jobA, 1, "a1"), own(jobA, 2, "a2"), own(jobA, 3, "a3"), own(jobB, 9, "b9"),
		shared(jobA, "s1"), shared(jobA, "s12"), shared(jobA, "s23"), shared(jobA, "s3"), shared(jobA, "orphan"),
		shared(jobB, "t9"), shared(jobB, "orphan"))
	y.checkpoint(jobA, 1, own(jobA, 1, "a1"), shared(jobA, "s1"), shared(jobA, "s12"))
	y.pass(time.Hour)
	y.checkpoint(jobA, 2, own(jobA, 2, "a2"), shared(jobA, "s12"), shared(jobA, "s23"))
	y.pass(time.Hour)
	y.checkpoint(jobA, 3, own(jobA, 3, "a3"), shared(jobA, "s23"), shared(jobA, "s3"))
	y.checkpoint(jobB, 9, own(jobB, 9, "b9"), shared(jobB, "t9"))
	y.pass(48 * time.Hour)
}

// planted is what is left of it when all is done that the plan says.
func planted() []string {
	keys := []string{meta(jobA, 3), own(jobA, 3, "a3"), shared(jobA, "s23"), shared(jobA, "s3"),
		meta(jobB, 9), own(jobB, 9, "b9"), shared(jobB, "t9")}
	slices.Sort(keys)
	return keys
}

// keys is all that the bucket holds, in order.
func (y *yard) keys() []string { return y.below("") }

func (y *yard) below(dir string) []string {
	y.t.Helper()
	store, err := y.reg.Open(y.t.Context(), "mem://bucket")
	if err != nil {
		y.t.Fatal(err)
	}
	keys := []string{}
	for o, err := range store.List(context.Background(), "") {
		if err != nil {
			y.t.Fatal(err)
		}
		if o.Type == layout.TypeFile && strings.HasPrefix(o.Key, dir) {
			keys = append(keys, o.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// graph is that of a root, read with a store that may be another one than the yard's.
func (y *yard) graph(open layout.OpenStore) *layout.Graph {
	y.t.Helper()
	store, err := open(y.t.Context(), yardRoot)
	if err != nil {
		y.t.Fatal(err)
	}
	tree, err := layout.NewTree(y.t.Context(), store, nil)
	if err != nil {
		y.t.Fatal(err)
	}
	g, err := layout.NewGraph(y.t.Context(), []*layout.Tree{tree}, layout.GraphOptions{Prove: true, Assess: layout.AssessOptions{Now: y.now()}})
	if err != nil {
		y.t.Fatal(err)
	}
	return g
}

// checkWhole fails unless each checkpoint whose _metadata is there has all its files.
func (y *yard) checkWhole() {
	y.t.Helper()
	g := y.graph(y.reg.Open)
	for i := range g.Nodes {
		if n := &g.Nodes[i]; n.Metadata != nil && n.State != layout.Complete {
			y.t.Errorf("%s is %s: %s", n.Dir, n.State, n.Reason)
		}
	}
}

// plan is a naive one: the snapshots that are named go, with what they alone use, which
// the first of them takes; and of orphans those that are named and those that are
// authorised.
func (y *yard) plan(g *layout.Graph, begun []prune.Authorised, goes ...string) *prune.Plan {
	named := func(n *layout.Node) bool { return slices.Contains(goes, path.Join("flink", n.MetadataKey())) }
	using := map[layout.ObjectID]int{}
	for i := range g.Nodes {
		if named(&g.Nodes[i]) {
			for _, id := range g.Nodes[i].Objects {
				using[id]++
			}
		}
	}
	batches := map[string]*prune.Batch{}
	for _, id := range []string{jobA, jobB, jobC} {
		job, _ := layout.ParseJobID(id)
		batches[id] = &prune.Batch{Job: job, HasJob: true}
	}
	taken := map[layout.ObjectID]bool{}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if !named(n) {
			continue
		}
		b := batches[n.Job.String()]
		r := prune.Removal{Node: i, Dirs: []prune.Dir{{Tree: n.Tree, Key: n.Dir}}}
		for _, id := range n.Objects {
			key := strings.TrimPrefix(g.URL(id), yardRoot+"/")
			switch {
			case using[id] < g.Users(id) || taken[id]:
				continue
			case key == n.MetadataKey():
				r.Files = append([]prune.Item{{Object: id}}, r.Files...)
			case strings.HasPrefix(key, n.Dir+"/"):
				r.Files = append(r.Files, prune.Item{Object: id})
			default:
				b.Shared = append(b.Shared, prune.Item{Object: id})
			}
			taken[id] = true
		}
		b.Snapshots = append(b.Snapshots, r)
	}
	for id := range layout.ObjectID(g.Len()) {
		url := g.URL(id)
		key := strings.TrimPrefix(url, "mem://bucket/")
		b := batches[strings.Split(key, "/")[1]]
		switch {
		case g.Users(id) > 0:
		case slices.ContainsFunc(begun, func(f prune.Authorised) bool { return f.URL == url && f.Size == g.Size(id) }):
			b.Orphans = append(b.Orphans, prune.Item{Object: id, Why: prune.AsBegun})
		case slices.Contains(goes, key):
			b.Orphans = append(b.Orphans, prune.Item{Object: id, Why: prune.AsOrphan})
		}
	}
	p := prune.Make(prune.Input{Now: y.now(), Graph: g, World: known()})
	p.Batches, p.Guards = nil, nil
	for _, id := range []string{jobA, jobB, jobC} {
		if b := batches[id]; len(b.Snapshots)+len(b.Orphans) > 0 {
			p.Batches = append(p.Batches, *b)
		}
	}
	return p
}

// known is what is known of the jobs.
func known(claims ...prune.Claim) prune.World {
	w := prune.World{Claims: claims}
	for id, life := range map[string]prune.Life{jobA: prune.Ended, jobB: prune.Live, jobC: prune.Ended} {
		job, _ := layout.ParseJobID(id)
		w.Add(job, prune.JobState{Life: life, Source: "a JobManager"})
	}
	return w
}

// garbage is what goes by the plan of most tests.
func garbage() []string {
	return []string{meta(jobA, 1), meta(jobA, 2), shared(jobA, "orphan"), shared(jobB, "orphan")}
}

// crook is a store that does what a test says.
type crook struct {
	layout.MutableStore
	// before is asked before each change, with its name and key. Its error is that of the
	// change, which is not made then.
	before func(op, key string) error
	after  func(op, key string)
	read   func(op, key string) error
	open   func(key string) bool
	none   bool // CopyFrom is not supported
}

func (c *crook) change(op, key string, do func() error) error {
	if c.before != nil {
		if err := c.before(op, key); err != nil {
			return err
		}
	}
	err := do()
	if c.after != nil {
		c.after(op, key)
	}
	return err
}

func (c *crook) Delete(ctx context.Context, files []layout.Object, done func(int, error)) {
	for i := range files {
		done(i, c.change("delete", files[i].Key, func() (failed error) {
			c.MutableStore.Delete(ctx, files[i:i+1], func(_ int, err error) { failed = err })
			return failed
		}))
	}
}

func (c *crook) RemoveDir(ctx context.Context, dir string) error {
	return c.change("rmdir", dir, func() error { return c.MutableStore.RemoveDir(ctx, dir) })
}

func (c *crook) Create(ctx context.Context, key string, r io.Reader, size int64) (o layout.Object, err error) {
	err = c.change("create", key, func() error { o, err = c.MutableStore.Create(ctx, key, r, size); return err })
	return o, err
}

func (c *crook) Replace(ctx context.Context, key string, data []byte) error {
	return c.change("replace", key, func() error { return c.MutableStore.Replace(ctx, key, data) })
}

func (c *crook) CopyFrom(ctx context.Context, from layout.Store, src layout.Object, key string) (o layout.Object, err error) {
	if c.none {
		return o, errors.ErrUnsupported
	}
	if f, ok := from.(*crook); ok {
		from = f.MutableStore
	}
	err = c.change("copy", key, func() error { o, err = c.MutableStore.CopyFrom(ctx, from, src, key); return err })
	return o, err
}

func (c *crook) reading(op, key string) error {
	if c.read == nil {
		return nil
	}
	return c.read(op, key)
}

func (c *crook) Stat(ctx context.Context, key string) (layout.Object, error) {
	if err := c.reading("stat", key); err != nil {
		return layout.Object{}, err
	}
	return c.MutableStore.Stat(ctx, key)
}

func (c *crook) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	if err := c.reading("children", dir); err != nil {
		return func(yield func(layout.Object, error) bool) { yield(layout.Object{Key: dir}, err) }
	}
	return c.MutableStore.Children(ctx, dir)
}

func (c *crook) Unfinished(_ context.Context, key string) (bool, error) {
	return c.open != nil && c.open(key), nil
}

// crook opens a store that does what the test says.
func (y *yard) crook() *crook {
	y.t.Helper()
	store, err := y.reg.OpenMutable(y.t.Context(), yardRoot)
	if err != nil {
		y.t.Fatal(err)
	}
	return &crook{MutableStore: store}
}

func (c *crook) opener(context.Context, string) (layout.Store, error)             { return c, nil }
func (c *crook) openMutable(context.Context, string) (layout.MutableStore, error) { return c, nil }

// execution is with all in one store.
func (y *yard) execution(c *crook, trash bool) prune.Execution {
	e := prune.Execution{
		Stores: map[string]layout.MutableStore{yardRoot: c}, Journal: prune.Journal{Store: c, Dir: ".ckpt"},
		Now: y.now, Version: "test",
	}
	if trash {
		e.Trash = &prune.Trash{Store: c, Dir: ".ckpt/trash"}
	}
	return e
}

// execute plans and executes, as a run of ckpt does.
func (y *yard) execute(ctx context.Context, c *crook, e prune.Execution, goes ...string) *prune.Executed {
	y.t.Helper()
	journals, err := prune.ReadJournals(y.t.Context(), []prune.Journal{e.Journal})
	if err != nil {
		y.t.Fatal(err)
	}
	for _, j := range journals {
		if j.Err != nil {
			y.t.Error(j.Err)
		}
	}
	g := y.graph(c.opener)
	out, err := y.plan(g, prune.Authorise(y.t.Context(), journals, g), goes...).Execute(ctx, e)
	if err != nil {
		y.t.Fatal(err)
	}
	if out.Stopped == nil {
		if _, err := prune.RetireJournals(y.t.Context(), journals, y.graph(c.opener), y.now()); err != nil {
			y.t.Error(err)
		}
	}
	return out
}
