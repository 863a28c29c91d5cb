package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Kind is whether a snapshot is a checkpoint or a savepoint (Flink: SnapshotType).
type Kind string

// The kinds.
const (
	Checkpoint Kind = "checkpoint"
	Savepoint  Kind = "savepoint"
)

// Entry is a snapshot, and what reading its _metadata showed.
type Entry struct {
	Snapshot
	State  State
	Reason string // why not complete; or, where complete, what is odd
	Err    error  // behind corrupt, unsupported and unreadable
	Kind   Kind
	// KindKnown is false where only the directory's name tells the kind: metadata
	// below version 4 does not, and what was not read cannot.
	KindKnown bool
	ID        int64 // of the checkpoint
	HasID     bool
	Summary   *metadata.Summary // nil unless complete; without Properties
}

// Modified is when the snapshot was completed, or else last changed. It may be zero.
func (e *Entry) Modified() time.Time {
	if e.Metadata != nil {
		return e.Metadata.Modified
	}
	return e.Newest
}

// AssessOptions say how to assess.
type AssessOptions struct {
	Now     time.Time
	Grace   time.Duration // DefaultGrace where 0
	Workers int           // how many _metadata are read at a time; 16 where 0

	// visit gives what is told of the i-th snapshot while its _metadata is read, and what
	// is called where that was read to its end. Any goroutine may call it.
	visit func(i int) (metadata.Visitor, func())
}

// Assess reads the _metadata of each snapshot to its end and yields the entries in
// the order of snapshots. The only error is that of ctx.
func Assess(ctx context.Context, store Opener, snapshots []Snapshot, opts AssessOptions) iter.Seq2[Entry, error] {
	if opts.Workers == 0 {
		opts.Workers = 16
	}
	if opts.Grace == 0 {
		opts.Grace = DefaultGrace
	}
	if opts.visit == nil {
		opts.visit = func(int) (metadata.Visitor, func()) { return metadata.Visitor{}, func() {} }
	}
	return func(yield func(Entry, error) bool) {
		first := 0
		for chunk := range slices.Chunk(snapshots, 16*opts.Workers) {
			entries := assessAll(ctx, store, chunk, first, opts)
			first += len(chunk)
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// assessAll reads several at a time.
func assessAll(ctx context.Context, store Opener, snapshots []Snapshot, first int, opts AssessOptions) []Entry {
	entries := make([]Entry, len(snapshots))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(opts.Workers, len(snapshots)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(snapshots) {
					return
				}
				entries[i] = assess(ctx, store, snapshots[i], first+i, opts)
			}
		})
	}
	wg.Wait()
	return entries
}

// assess gathers the facts of one snapshot and judges them.
func assess(ctx context.Context, store Opener, s Snapshot, i int, opts AssessOptions) Entry {
	e := Entry{Snapshot: s, Kind: Savepoint, ID: int64(s.Number), HasID: s.Numbered}
	if s.Numbered {
		e.Kind = Checkpoint
	}
	if s.Metadata != nil {
		visit, whole := opts.visit(i)
		if e.Summary, e.Err = summarize(ctx, store, *s.Metadata, visit); e.Err == nil {
			whole()
		}
	}
	e.State, e.Reason = Judge(Facts{
		Now: opts.Now, Grace: opts.Grace,
		HasMetadata: s.Metadata != nil, Empty: s.Metadata != nil && s.Metadata.Size == 0, ReadErr: e.Err, ListErr: s.Err,
		Pending: s.Pending != nil, Files: s.Files, Newest: s.Newest,
	})
	if e.State != Complete && len(s.Entropy) > 0 { // its own directory may not even exist
		e.Reason += fmt.Sprintf("; its data lies in directories of entropy (%d), such as %s", len(s.Entropy), s.Entropy[0])
	}
	switch {
	case e.State == InProgress || e.State == Incomplete:
		e.Err = nil
	case e.State == Unreadable && (e.Err == nil || errors.Is(e.Err, fs.ErrNotExist)):
		e.Err = s.Err
	}
	if e.Summary != nil {
		e.fromSummary()
	}
	return e
}

// fromSummary prefers what the _metadata says over what the name says.
func (e *Entry) fromSummary() {
	if savepoint, known := e.Summary.IsSavepoint(); known {
		e.Kind, e.KindKnown = Checkpoint, true
		if savepoint {
			e.Kind = Savepoint
		}
	}
	e.Summary.Properties = nil // they hold on to what was read, and there may be very many entries
	e.ID, e.HasID = e.Summary.ID, true
	if e.Numbered && int64(e.Number) != e.ID {
		e.Reason = fmt.Sprintf("the directory is named %s, but its _metadata is of checkpoint %d", e.Name, e.ID)
	}
}

// summarize reads one _metadata.
func summarize(ctx context.Context, store Opener, o Object, visit metadata.Visitor) (*metadata.Summary, error) {
	switch o.Type {
	case TypeDir:
		return nil, &fs.PathError{Op: "open", Path: o.Key, Err: fmt.Errorf("%w but a directory", ErrNotFile)}
	case TypeSpecial:
		return nil, &fs.PathError{Op: "open", Path: o.Key, Err: fmt.Errorf("%w but a pipe, socket or device", ErrNotFile)}
	}
	content, err := store.Open(ctx, o.Key)
	if o.Type == TypeLink && errors.Is(err, fs.ErrNotExist) {
		return nil, &fs.PathError{Op: "open", Path: o.Key, Err: errors.New("a symbolic link to what does not exist")}
	}
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return metadata.Summarize(content.Whole(), content.Size, visit)
}
