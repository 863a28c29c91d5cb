package prune

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

const (
	doneSchema = "ckpt.journal.done/v1"
	doneSuffix = ".done" + linesSuffix
)

// doneHeader is the first line of the record of a journal.
type doneHeader struct {
	Schema  string    `json:"schema"`
	Run     string    `json:"run"`
	Created time.Time `json:"created"`
	Files   int       `json:"files"`
}

func (h *doneHeader) schema() (string, string) { return h.Schema, doneSchema }

// doneLine is a _metadata that the run has deleted.
type doneLine struct {
	Metadata string `json:"metadata"`
}

// doneKey is where the record of a journal lies.
func (j Journal) doneKey(run string, batch int) string {
	return path.Join(j.Dir, fmt.Sprintf("%s%s-%d%s", journalPrefix, run, batch, doneSuffix))
}

// enumerate numbers the snapshots that the files of a journal go with.
func (b *batch) enumerate(users *users) map[int]int {
	number := map[int]int{}
	b.announced = nil
	for i := range b.entries {
		if !b.journaled(i, users) {
			continue
		}
		for _, node := range users.of(i) {
			if _, ok := number[node]; !ok {
				number[node] = len(number)
				b.announced = append(b.announced, node)
			}
		}
	}
	return number
}

// metadataOf are the URLs of the _metadata of snapshots.
func (b *batch) metadataOf(nodes []int) []string {
	urls := make([]string, len(nodes))
	for i, node := range nodes {
		n := &b.plan.Graph.Nodes[node]
		urls[i] = layout.Join(n.Tree.Root, n.MetadataKey())
	}
	return urls
}

// recordTime is how long a run that is ended by its user has to say what it has deleted.
const recordTime = 30 * time.Second

// writeRecord says which _metadata this run has deleted, before anything else goes of
// their snapshots. Files of one that goes and is not in a record, since the run was killed
// in between, are orphans as any other.
func (b *batch) writeRecord(ctx context.Context) error {
	if b.journal == nil {
		return nil
	}
	gone := b.metadataOf(slices.DeleteFunc(slices.Clone(b.announced), func(node int) bool { return !b.deleted[node] }))
	if len(gone) == 0 {
		return nil
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	head := doneHeader{Schema: doneSchema, Run: b.out.Run, Created: b.e.Now().UTC(), Files: len(gone)}
	key := b.e.Journal.doneKey(b.out.Run, b.number)
	o, err := createLines(within, b.e.Journal.Store, key, func(put func(any) error) error {
		if err := put(&head); err != nil {
			return err
		}
		for _, url := range gone {
			if err := put(&doneLine{url}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return &StoppedError{Guard: GuardPlan, Path: layout.Join(b.e.Journal.Store.URL(), key), Hint: journalHint, Err: err,
			Message: "what has been deleted cannot be written down, so nothing more is: the rest goes as orphans in time"}
	}
	b.record = &o
	return nil
}
