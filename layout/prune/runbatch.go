package prune

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// atOnce is how many files a store is given to delete in one call.
const atOnce = 10_000

// entry is one file of a batch.
type entry struct {
	object  layout.ObjectID
	removal int32 // which of the batch's removals it is of, -1 for none
	why     Why
	meta    bool // it is the _metadata of the removal
	shared  bool
	told    bool // what has become of it
	gone    bool
	ours    bool // it is gone because this run deleted it
	untried bool // the execution ended before
	open    bool // it should have gone, and did not: the next run may end it
}

// batch is the execution of one Batch.
type batch struct {
	*run
	*Batch
	entries []entry
	index   map[layout.ObjectID]int32 // into entries
	tags    map[int32]string          // of entries, where the store has any
	left    []string                  // of each removal, why it stays; "" where it goes
	all     string                    // why all stays
	number  int                       // of the batch
	later   []int                     // snapshots of later batches
	first   int                       // number of the first file in the trash
	journal *layout.Object            // nil where there is none
	record  *layout.Object            // what of it is done, nil where nothing is
	// announced are the snapshots of the journal.
	announced []int
	dirsTold  map[Dir]bool
}

func (r *run) newBatch(number int) *batch {
	copied := r.plan.Batches[number]
	of := &copied
	of.Shared = slices.Concat(of.Shared, r.due(of))
	b := &batch{run: r, Batch: of, number: number, index: map[layout.ObjectID]int32{}, tags: map[int32]string{}, left: make([]string, len(of.Snapshots)), first: r.moved, dirsTold: map[Dir]bool{}}
	shared := len(of.Shared)
	for i, it := range of.items() {
		e := entry{object: it.Object, removal: int32(i), why: it.Why}
		if i < 0 {
			e.shared = shared > 0
			shared--
		} else if n := &r.plan.Graph.Nodes[of.Snapshots[i].Node]; n.Metadata != nil {
			t, f := r.plan.Graph.Object(it.Object)
			e.meta = t == n.Tree && t.Files.Key(f) == n.Metadata.Key
		}
		b.index[it.Object] = int32(len(b.entries))
		b.entries = append(b.entries, e)
	}
	return b
}

// execute deletes a batch. Its error, a *StoppedError or that of ctx, ends the execution.
func (b *batch) execute(ctx context.Context) error {
	if b.depart(); b.all != "" {
		return nil
	}
	err := b.announce(ctx)
	if err == nil {
		err = b.ask(ctx)
	}
	if err == nil && b.all == "" {
		err = b.remove(ctx)
	}
	return cmp.Or(err, b.finish(ctx))
}

// ask looks last, right before anything goes, for what has come since, and for what is not
// there any more.
func (b *batch) ask(ctx context.Context) error {
	if err := b.refresh(ctx); err != nil {
		return err
	}
	why, err := b.world(ctx, b.Batch)
	if err != nil {
		return err
	}
	b.all = cmp.Or(b.all, why)
	if b.depart(); b.all != "" {
		return nil
	}
	if err := b.look(ctx); err != nil {
		return err
	}
	if err := b.refresh(ctx); err != nil { // unless the look was short
		return err
	}
	b.depart()
	return nil
}

// depart lets the removals leave that must not go any more.
func (b *batch) depart() {
	if b.all == "" {
		b.all = b.alive(b.Batch)
	}
	for i := range b.Snapshots {
		switch s := &b.Snapshots[i]; {
		case b.left[i] != "":
		case b.all != "":
			b.left[i] = b.all
		case b.dropped[s.Node] != "":
			b.left[i] = b.dropped[s.Node]
		default:
			b.left[i] = b.unsound(i)
		}
	}
}

// unsound tells why a removal cannot be what was planned, or is claimed by now in a part.
func (b *batch) unsound(i int) string {
	s := &b.Snapshots[i]
	n := &b.plan.Graph.Nodes[s.Node]
	if why := b.ledger.inUseAt(n.URL()); why != "" {
		return why
	}
	if n.Metadata != nil && (len(s.Files) == 0 || !b.entries[b.index[s.Files[0].Object]].meta) {
		return "its _metadata cannot be deleted first"
	}
	for _, it := range s.Files {
		t, f := b.plan.Graph.Object(it.Object)
		if by, ok := b.ledger.claimed[layout.Join(t.Root, t.Files.Key(f))]; ok {
			return "a file of it is claimed by now: " + by
		}
		if len(b.ledger.names) > 0 && t.Files.Random(f) && b.ledger.names[t.Files.Name(f)] {
			return "a file of its name is used or claimed by now"
		}
	}
	return ""
}

// remove deletes in the order of Flink: each _metadata, then what is the snapshots' own,
// their directories, what several of them used, and what nothing uses. Its error ends the
// execution.
func (b *batch) remove(ctx context.Context) error {
	b.later = b.coming()
	b.delete(ctx, func(e *entry) bool { return e.meta && b.left[e.removal] == "" })
	for i := range b.Snapshots {
		b.settle(i)
	}
	if err := b.writeRecord(ctx); err != nil {
		return err
	}
	if err := b.askAgain(ctx); err != nil {
		return err
	}
	b.delete(ctx, func(e *entry) bool { return e.removal >= 0 && b.left[e.removal] == "" })
	b.removeDirs(ctx, b.ownDirs())
	for _, shared := range []bool{true, false} {
		if err := b.refresh(ctx); err != nil {
			return err
		}
		b.depart()
		b.delete(ctx, func(e *entry) bool { return e.removal < 0 && e.shared == shared && b.all == "" })
	}
	if b.all == "" {
		b.removeDirs(ctx, b.Dirs)
		b.removeDirs(ctx, b.dueDirs())
	}
	return ctx.Err()
}

// askAgain asks who has been restored from a snapshot right before its _metadata went: no
// other job can be by now, and that one needs the files.
func (b *batch) askAgain(ctx context.Context) error {
	if len(b.ownDirs()) == 0 && !slices.ContainsFunc(b.left, func(why string) bool { return why == "" }) {
		return nil
	}
	why, err := b.world(ctx, b.Batch)
	if err != nil {
		return err
	}
	if b.all == "" {
		b.all = why
	}
	b.depart()
	return nil
}

// settle notes whether a snapshot is gone. If its _metadata could not be deleted, all that
// it uses stays, here and in what follows: the ledger still counts it.
func (b *batch) settle(i int) {
	s := &b.Snapshots[i]
	n := &b.plan.Graph.Nodes[s.Node]
	if b.left[i] != "" || n.Metadata == nil {
		return
	}
	meta := &b.entries[b.index[s.Files[0].Object]]
	if !meta.gone {
		b.left[i] = "its _metadata could not be deleted"
		if meta.untried {
			b.left[i] = endedFirst
		}
		b.dropped[s.Node] = b.left[i]
		return
	}
	b.deleted[s.Node] = meta.ours
	b.ledger.count(n, -1)
	b.parted = append(b.parted, s.Node)
	b.seen[nodeKey{n.Tree, n.Dir}] = nil
	delete(b.planned, nodeKey{n.Tree, n.Dir})
}

// ownDirs are the directories of the removals that were not left.
func (b *batch) ownDirs() []Dir {
	var dirs []Dir
	for i := range b.Snapshots {
		if b.left[i] == "" {
			dirs = append(dirs, b.Snapshots[i].Dirs...)
		}
	}
	return dirs
}

// delete deletes the entries that are wanted, and free.
func (b *batch) delete(ctx context.Context, want func(*entry) bool) {
	if ctx.Err() != nil {
		return
	}
	var some []int32
	for i := range b.entries {
		e := &b.entries[i]
		if e.told || !want(e) {
			continue
		}
		why := b.inUse(e)
		if why != "" && b.defers(e) {
			continue
		}
		if why != "" {
			b.leave(int32(i), why)
			continue
		}
		if some = append(some, int32(i)); len(some) == atOnce {
			b.deleteSome(ctx, some)
			some = some[:0]
		}
	}
	b.deleteSome(ctx, some)
}

// inUse tells why an entry must stay. A _metadata is used by its own snapshot.
func (b *batch) inUse(e *entry) string {
	if !e.meta {
		return b.ledger.inUse(e.object)
	}
	if n := &b.plan.Graph.Nodes[b.Snapshots[e.removal].Node]; n.Followed() && b.ledger.users[e.object] > 1 || !n.Followed() && b.ledger.users[e.object] > 0 {
		return "a checkpoint uses it"
	}
	return ""
}

// deleteSome deletes entries, tree by tree.
func (b *batch) deleteSome(ctx context.Context, some []int32) {
	byTree := map[*layout.Tree][]int32{}
	for _, i := range some {
		t, _ := b.plan.Graph.Object(b.entries[i].object)
		byTree[t] = append(byTree[t], i)
	}
	for t, indexes := range byTree {
		files := make([]layout.Object, len(indexes))
		for n, i := range indexes {
			files[n] = b.file(i)
		}
		done := func(n int, err error) { b.done(ctx, indexes[n], err) }
		if b.e.Trash != nil {
			b.e.Trash.move(ctx, b.e.Stores[t.Root], files, func(n int) string { return b.trashKey(indexes[n]) }, done)
			continue
		}
		b.e.Stores[t.Root].Delete(ctx, files, done)
	}
}

// file is an entry as it was listed.
func (b *batch) file(i int32) layout.Object {
	t, f := b.plan.Graph.Object(b.entries[i].object)
	return layout.Object{Key: t.Files.Key(f), Size: t.Files.Size(f), Modified: t.Files.Modified(f), Tag: b.tags[i]}
}

// url is where an entry lies.
func (b *batch) url(i int32) string { return b.plan.Graph.URL(b.entries[i].object) }

// done tells what a store has said of an entry.
func (b *batch) done(ctx context.Context, i int32, err error) {
	switch {
	case err == nil || err == errGone:
		e := &b.entries[i]
		e.told, e.gone, e.ours = true, true, err == nil
		b.tell(Event{URL: b.url(i), Bytes: b.plan.Graph.Size(e.object), Why: e.why})
	case ended(ctx, err):
		b.entries[i].open = true
		b.untried(i)
	case ctx.Err() != nil:
		b.entries[i].open = true
		b.leaveErr(i, err)
	case errors.Is(err, layout.ErrChanged):
		b.leaveErr(i, err)
	default:
		e := &b.entries[i]
		e.told, e.open = true, true
		b.tell(Event{URL: b.url(i), Bytes: b.plan.Graph.Size(e.object), Why: e.why, Err: err})
	}
}

// leave tells that an entry stays.
func (b *batch) leave(i int32, why string) { b.leaveErr(i, errors.New(why)) }

func (b *batch) leaveErr(i int32, err error) {
	e := &b.entries[i]
	e.told = true
	b.tell(Event{URL: b.url(i), Bytes: b.plan.Graph.Size(e.object), Why: e.why, Err: err, Left: true})
}

// errGone is for what somebody else has deleted, as far as it is known.
var errGone = errors.New("it is gone already")
