package prune

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Journal is a directory in which runs say what they are about to delete. It holds a file
// of lines for each batch that is being executed: a header with the _metadata that go, and
// then each file that goes with them, and with which. Once they are gone, a second file
// beside it says which of them it was this run that deleted: they authorise the deletion of
// their files. When a run is killed, the next one knows by both what belongs to no
// checkpoint any more and need not be watched until it is old.
//
// That a _metadata is gone authorises nothing by itself: Flink deletes those that a job has
// claimed, and goes on with their files.
type Journal struct {
	Store layout.MutableStore
	Dir   string // key in Store
}

const (
	journalSchema = "ckpt.journal/v1"
	journalPrefix = "journal-"
	linesSuffix   = ".jsonl"
	journalHint   = "name a directory that can be written to by --journal DIR"
)

// journalHeader is the first line of a journal.
type journalHeader struct {
	Schema  string    `json:"schema"`
	Run     string    `json:"run"`
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	Roots   []string  `json:"roots"`
	// Metadata are the URLs of the _metadata that the files go with.
	Metadata []string `json:"metadata"`
	Files    int      `json:"files"`
}

func (h *journalHeader) schema() (string, string) { return h.Schema, journalSchema }

// journalLine is an entry as it is written.
type journalLine struct {
	URL      string    `json:"url"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	Of       []int     `json:"of"` // the _metadata of the header that used it: all must be gone
}

// key is where the journal of a batch lies.
func (j Journal) key(run string, batch int) string {
	return path.Join(j.Dir, fmt.Sprintf("%s%s-%d%s", journalPrefix, run, batch, linesSuffix))
}

// announce writes down what is about to go, before anything goes.
func (b *batch) announce(ctx context.Context) error {
	users := b.users()
	if err := b.writeJournal(ctx, users); err != nil {
		return err
	}
	if b.e.Trash == nil || !slices.ContainsFunc(b.entries, func(e entry) bool { return !e.told }) {
		return nil
	}
	b.moved += len(b.entries)
	if err := b.e.Trash.announce(ctx, b, users); err != nil {
		return &StoppedError{Guard: GuardPlan, Path: b.e.Trash.Store.URL(), Message: "the trash cannot be written to", Err: err,
			Hint: "name a directory that can be written to by --trash URL"}
	}
	return nil
}

// writeJournal writes the journal of a batch, unless no file in it goes with a snapshot.
func (b *batch) writeJournal(ctx context.Context, users *users) error {
	files := 0
	for i := range b.entries {
		if b.journaled(i, users) {
			files++
		}
	}
	if files == 0 {
		return nil
	}
	head := journalHeader{Schema: journalSchema, Run: b.out.Run, Version: b.e.Version, Created: b.e.Now().UTC(), Roots: b.roots(), Files: files}
	number := b.enumerate(users)
	head.Metadata = b.metadataOf(b.announced)
	o, err := createLines(ctx, b.e.Journal.Store, b.e.Journal.key(b.out.Run, b.number), func(put func(any) error) error {
		if err := put(&head); err != nil {
			return err
		}
		for i := range b.entries {
			if !b.journaled(i, users) {
				continue
			}
			o := b.file(int32(i))
			line := journalLine{URL: b.url(int32(i)), Size: o.Size, Modified: o.Modified.UTC()}
			for _, node := range users.of(i) {
				line.Of = append(line.Of, number[node])
			}
			if err := put(&line); err != nil {
				return err
			}
		}
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &StoppedError{Guard: GuardPlan, Path: b.e.Journal.Store.URL(), Message: "the journal cannot be written, so nothing is deleted", Hint: journalHint, Err: err}
	}
	b.journal = &o
	return b.journalClock(ctx)
}

// journalClock compares the clocks by the time of the journal, which the storage gave it.
func (b *batch) journalClock(ctx context.Context) error {
	if b.journal.Modified.IsZero() {
		return nil // the clock of the store was asked at the beginning, where it has one
	}
	err := b.clock(b.e.Journal.Store.URL(), b.journal.Modified)
	if err == nil {
		return nil
	}
	if failed := deleteOne(ctx, b.e.Journal.Store, *b.journal); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// journaled tells whether a file goes with a snapshot.
func (b *batch) journaled(i int, users *users) bool {
	e := &b.entries[i]
	return !e.told && len(users.of(i)) > 0 && (e.removal < 0 || b.left[e.removal] == "")
}

// roots are the trees that are touched.
func (b *batch) roots() []string {
	var roots []string
	for _, t := range b.plan.Graph.Trees {
		if b.e.Stores[t.Root] != nil {
			roots = append(roots, t.Root)
		}
	}
	return roots
}

// users tells with which snapshots the entries of a batch go.
type users struct {
	*batch
	shared map[int32][]int // nodes, of entries that several may have used
}

// users looks up who has used the shared files: snapshots that go with this batch, or
// have gone before.
func (b *batch) users() *users {
	u := &users{b, map[int32][]int{}}
	for _, s := range b.Snapshots {
		for _, id := range b.plan.Graph.Nodes[s.Node].Objects {
			if i, ok := b.index[id]; ok && b.entries[i].shared {
				u.shared[i] = append(u.shared[i], s.Node)
			}
		}
	}
	for i := range b.entries {
		if e := &b.entries[i]; e.shared && len(u.shared[int32(i)]) < b.plan.Graph.Users(e.object) {
			u.shared[int32(i)] = b.usersBefore(e.object)
		}
	}
	return u
}

// of gives the snapshots of an entry.
func (u *users) of(i int) []int {
	if r := u.entries[i].removal; r >= 0 {
		return []int{u.Snapshots[r].Node}
	}
	return u.shared[int32(i)]
}

// usersBefore are all snapshots of the plan that use a file.
func (b *batch) usersBefore(id layout.ObjectID) (nodes []int) {
	for i := range b.goes {
		if _, ok := slices.BinarySearch(b.plan.Graph.Nodes[i].Objects, id); ok {
			nodes = append(nodes, i)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// finish takes the journal away, unless the next run has something to end. What says that
// it counts goes first.
func (b *batch) finish(ctx context.Context) error {
	if b.journal == nil || ctx.Err() != nil || b.unended() {
		return nil
	}
	for _, o := range []*layout.Object{b.record, b.journal} {
		if o == nil {
			continue
		}
		if err := deleteOne(ctx, b.e.Journal.Store, *o); err != nil {
			return &StoppedError{Guard: GuardPlan, Path: layout.Join(b.e.Journal.Store.URL(), o.Key), Message: "the journal of what is done cannot be deleted", Err: err}
		}
	}
	return nil
}

// unended tells whether a _metadata is gone and something of its snapshot is not that
// should be.
func (b *batch) unended() bool {
	gone, open := false, false
	for i := range b.entries {
		e := &b.entries[i]
		stays := e.told || b.all != "" || e.removal >= 0 && b.left[e.removal] != ""
		gone = gone || e.meta && e.gone
		open = open || !e.meta && (e.open || !stays)
	}
	return gone && open
}

// deleteOne deletes one file of ckpt's own.
func deleteOne(ctx context.Context, store layout.Deleter, o layout.Object) (failed error) {
	store.Delete(ctx, []layout.Object{o}, func(_ int, err error) { failed = err })
	return failed
}
