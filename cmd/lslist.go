package cmd

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// lsReport is the JSON of `ckpt ls`.
type lsReport struct {
	Schema  string    `json:"schema"`
	Root    string    `json:"root"`
	Entries []lsEntry `json:"entries"`
	Errors  []lsError `json:"errors,omitempty"`
}

// lsError is a directory that could not be listed.
type lsError struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// lsEntry is one checkpoint or savepoint. Null stands for what is not known.
type lsEntry struct {
	Path            string     `json:"path"` // below the root, "." for the root itself
	Job             *string    `json:"job"`
	ID              *int64     `json:"id"`
	Kind            string     `json:"kind"`
	State           string     `json:"state"`
	Reason          string     `json:"reason"`
	MetadataVersion *int32     `json:"metadataVersion"`
	Modified        *time.Time `json:"modified"`
	Bytes           *int64     `json:"bytes"`

	KindFrom          string `json:"kindFrom"` // "metadata" or "name"
	MetadataBytes     *int64 `json:"metadataBytes"`
	CheckpointedBytes *int64 `json:"checkpointedBytes"` // what this one wrote itself, by Flink's count
	DirectoryFiles    *int   `json:"directoryFiles"`
	DirectoryBytes    *int64 `json:"directoryBytes"` // entropy included
	EntropyDirs       int    `json:"entropyDirectories,omitempty"`
}

// newLsEntry is e for people and scripts. It keeps nothing of e itself: there may be
// very many.
func newLsEntry(e layout.Entry) lsEntry {
	l := lsEntry{
		Path: e.Dir, Job: orNull(e.JobName()), Kind: string(e.Kind), State: string(e.State), Reason: e.Reason,
		KindFrom: "name", EntropyDirs: len(e.Entropy),
	}
	if l.Path == "" {
		l.Path = "."
	}
	if e.HasID {
		l.ID = new(e.ID)
	}
	if m := e.Modified().UTC(); !m.IsZero() {
		l.Modified = new(m)
	}
	if e.KindKnown {
		l.KindFrom = "metadata"
	}
	if e.Snapshot.Err == nil { // else no more than a part of the directory is known
		l.Bytes, l.DirectoryBytes, l.DirectoryFiles = new(e.Bytes), new(e.Bytes), new(e.Files)
	}
	if e.Metadata != nil && e.Metadata.Type == layout.TypeFile {
		l.MetadataBytes = new(e.Metadata.Size)
	}
	if s := e.Summary; s != nil {
		l.MetadataVersion, l.Bytes, l.CheckpointedBytes = new(s.Version), new(s.Sizes.State), new(s.Sizes.Checkpointed)
	}
	return l
}

// listing is one run of `ckpt ls`.
type listing struct {
	env       *Env
	opts      *lsOptions
	inv       *layout.Inventory
	snapshots []layout.Snapshot
	verified  []layout.Entry // with --verify, one for each snapshot
	codes     []Code         // what the states come to
	unread    []error
	damaged   bool // something is
	tally     tally
}

// print reads all _metadata and writes what they say.
func (l *listing) print(ctx context.Context, store layout.Store) error {
	if l.opts.stream {
		w := l.env.newLineWriter()
		return l.each(ctx, store, func(e lsEntry) error { return w.write(e) })
	}
	p := l.env.startProgress("reading _metadata below "+l.inv.Root, "checkpoints")
	entries := make([]lsEntry, 0, len(l.snapshots))
	err := l.each(ctx, store, func(e lsEntry) error {
		entries = append(entries, e)
		p.of(len(entries), len(l.snapshots))
		return nil
	})
	p.stop()
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, l.opts.compare)
	if l.env.Output == JSON {
		return l.env.writeJSON(lsReport{Schema: "ckpt.ls/v1", Root: l.inv.Root, Entries: entries, Errors: l.errors()})
	}
	return l.printTable(entries)
}

// each gives the entries that are asked for one by one, and remembers what all mean for
// the exit code.
func (l *listing) each(ctx context.Context, store layout.Store, give func(lsEntry) error) error {
	for e, err := range l.entries(ctx, store) {
		if err != nil {
			return err
		}
		switch e.State {
		case layout.Corrupt, layout.Unsupported, layout.Damaged:
			l.codes = append(l.codes, Findings)
		case layout.Unreadable:
			if e.Err != e.Snapshot.Err { // else the inventory has it
				l.unread = append(l.unread, e.Err)
			}
		}
		if e.State == layout.Damaged {
			l.damaged = true
		}
		l.tally.see(&e)
		if shown := newLsEntry(e); l.opts.shows(&shown) {
			if err := give(shown); err != nil {
				return err
			}
		}
	}
	return nil
}

// entries are those that were verified, or that are assessed now.
func (l *listing) entries(ctx context.Context, store layout.Store) iter.Seq2[layout.Entry, error] {
	if !l.opts.verify {
		return layout.Assess(ctx, store, l.snapshots, layout.AssessOptions{Now: l.env.Now()})
	}
	return func(yield func(layout.Entry, error) bool) {
		for _, e := range l.verified {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// compare orders as --sort says.
func (o *lsOptions) compare(a, b lsEntry) int {
	order := cmp.Or(o.first(a, b), compareEntries(a, b))
	if o.reverse {
		return -order
	}
	return order
}

func (o *lsOptions) first(a, b lsEntry) int {
	switch o.sort {
	case "path":
		return strings.Compare(a.Path, b.Path)
	case "id":
		return compareNull(a.ID, b.ID)
	case "age":
		return descending(unix(a.Modified), unix(b.Modified))
	case "size":
		return descending(a.Bytes, b.Bytes)
	}
	return 0
}

func unix(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	return new(t.UnixNano())
}

// descending has the largest first, and still last what is not known.
func descending(a, b *int64) int {
	if a == nil || b == nil {
		return compareNull(a, b)
	}
	return cmp.Compare(*b, *a)
}

// compareEntries orders by job, then id; what is not known comes last.
func compareEntries(a, b lsEntry) int {
	return cmp.Or(compareNull(a.Job, b.Job), compareNull(a.ID, b.ID), strings.Compare(a.Path, b.Path))
}

func compareNull[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(*a, *b)
}

func (l *listing) errors() []lsError {
	var errs []lsError
	for _, err := range l.inv.Errors {
		errs = append(errs, lsError{Path: pathOf(err), Message: err.Error()})
	}
	return errs
}

// verdict is the error to end with: what could not be read counts for more than what
// was found broken.
func (l *listing) verdict() error {
	failed := slices.Concat(l.inv.Errors, l.unread)
	if n := len(failed); n > 0 {
		for _, err := range failed[1:] {
			if l.env.Output != JSON { // which has them all, and one object on stderr
				l.env.Log.Warn(err.Error())
			}
		}
		if n == 1 {
			return fmt.Errorf("could not check everything: %w", failed[0])
		}
		return fmt.Errorf("could not check everything: %d could not be read, the first: %w", n, failed[0])
	}
	if len(l.codes) > 0 && len(l.snapshots) == 1 && !l.damaged {
		return status(Unreadable)
	}
	return status(worst(l.codes...))
}
