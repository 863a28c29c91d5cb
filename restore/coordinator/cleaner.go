package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// CheckpointsCleaner deletes snapshots (Flink: CheckpointsCleaner), in an Executor:
//
//	completed   `_metadata`; exclusive and private files; the directory, if it is empty; shared files that nobody uses any more
//	aborted     `_metadata`, if the attempt to write it may have left one; files; the directory with all that is in it
//	late answer its files, but for those that somebody uses; the directory, if it is empty
//
// `_metadata` is always first, so that no snapshot that can be found lacks a file. (Flink deletes it along with the files, in parallel mode.)
// Where it cannot be deleted nothing else is. What fails is logged, kept in mind, and tried once more when the job ends.
type CheckpointsCleaner struct {
	access     checkpoints.Access
	executor   Executor
	registry   *SharedStateRegistry
	sequential bool
	ctx        context.Context
	log        *slog.Logger
	changed    func() // is called without any lock when a cleaning has ended

	mu       sync.Mutex
	cleaning int
	held     []*CompletedCheckpoint
	failed   []*cleaning
}

// cleaning is the deletion of one snapshot, or what is left to do of it.
type cleaning struct {
	id       int64
	name     string
	pointer  string // of the directory whose `_metadata` goes first; "" for none
	release  bool   // the registry then says which files
	all      bool   // shared files go along with the others, before the directory
	files    []stateFile
	dir      func(context.Context) error // or nil
	shared   []stateFile
	err      error
	kept     error // why nothing may be deleted; nil: it may
	ordered  bool
	finished func()
}

// NewCheckpointsCleaner is a cleaner of one job's storage. sequential is whether files are deleted one after another
// (execution.checkpointing.cleaner.parallel-mode: false).
func NewCheckpointsCleaner(ctx context.Context, access checkpoints.Access, e Executor, r *SharedStateRegistry, sequential bool, log *slog.Logger) *CheckpointsCleaner {
	return &CheckpointsCleaner{access: access, executor: e, registry: r, sequential: sequential, ctx: ctx, log: log, changed: func() {}}
}

// NumberOfCheckpointsToClean is how many deletions are under way.
func (c *CheckpointsCleaner) NumberOfCheckpointsToClean() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cleaning
}

// Left names what could not be deleted, with the errors.
func (c *CheckpointsCleaner) Left() []Leftover {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Leftover
	for _, f := range c.failed {
		l := Leftover{Checkpoint: f.id, Pointer: f.pointer, Err: f.err}
		for _, s := range slices.Concat(f.files, f.shared) {
			l.Files = append(l.Files, s.key)
		}
		if f.release {
			l.Files = c.registry.uses(f.id)
		}
		out = append(out, l)
	}
	return out
}

// Leftover is what could not be deleted of a snapshot.
type Leftover struct {
	Checkpoint int64
	// Pointer is the directory whose `_metadata` could not be deleted, for which all files of the checkpoint are left; "" for none.
	Pointer string
	Files   []string // URLs; some may be used by others
	Err     error
}

// subsumed takes care of a snapshot that the store has dropped and the registry been told of.
func (c *CheckpointsCleaner) subsumed(cc *CompletedCheckpoint) {
	if !cc.DiscardOnSubsume() {
		c.registry.release(cc.ID)
		return
	}
	// Failure story 4: a claimed native savepoint has tables in its own directory that the job goes on to use. It stays whole until
	// the last of them is out of use.
	if cc.claimed {
		c.mu.Lock()
		c.held = append(c.held, cc)
		c.mu.Unlock()
		c.recheck()
		return
	}
	c.submit(c.completed(cc, c.sequential))
}

// recheck deletes claimed snapshots that nobody uses any more.
func (c *CheckpointsCleaner) recheck() {
	c.mu.Lock()
	var free []*CompletedCheckpoint
	c.held = slices.DeleteFunc(c.held, func(cc *CompletedCheckpoint) bool {
		if c.registry.holds(cc.ID) {
			return false
		}
		free = append(free, cc)
		return true
	})
	c.mu.Unlock()
	for _, cc := range free {
		c.submit(c.completed(cc, c.sequential))
	}
}

func (c *CheckpointsCleaner) completed(cc *CompletedCheckpoint, ordered bool) *cleaning {
	w := &cleaning{id: cc.ID, name: cc.String(), pointer: cc.ExternalPointer, release: true, ordered: ordered}
	if p := cc.ExternalPointer; p != "" {
		w.dir = func(ctx context.Context) error { return c.access.RemoveDir(ctx, p) }
	}
	return w
}

// submit runs w in the executor.
func (c *CheckpointsCleaner) submit(w *cleaning) {
	c.mu.Lock()
	c.cleaning++
	c.mu.Unlock()
	c.executor.Execute(func() { c.run(w) })
}

// delete deletes files that are nobody's.
func (c *CheckpointsCleaner) delete(id int64, name string, files []stateFile, dir func(context.Context) error) {
	if len(files) > 0 || dir != nil {
		c.submit(&cleaning{id: id, name: name, files: files, dir: dir, ordered: c.sequential})
	}
}

// run takes w as far as it goes.
func (c *CheckpointsCleaner) run(w *cleaning) {
	if w.err = w.kept; w.err != nil {
		c.done(w)
		return
	}
	if w.pointer != "" {
		// Failure story 5: `_metadata` cannot be deleted. Its snapshot is still found, so all its files stay, and those that it
		// shares with others stay in use.
		if err := c.access.DiscardMetadata(c.ctx, w.pointer); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.err = fmt.Errorf("%s/_metadata: %w", w.pointer, err)
			c.done(w)
			return
		}
		w.pointer = ""
	}
	if w.release {
		w.release = false
		for _, f := range c.registry.release(w.id) {
			if f.shared && !w.all && !f.inside() {
				w.shared = append(w.shared, f)
				continue
			}
			w.files = append(w.files, f)
		}
	}
	c.each(w, &w.files, func() {
		c.removeDir(w)
		c.each(w, &w.shared, func() { c.done(w) })
	})
}

// parallelDeletes is how many files of one snapshot are deleted at a time: a snapshot may have thousands, and each takes a connection or a thread.
const parallelDeletes = 16

// each deletes the files of a list, leaves in it those that could not be deleted, and goes on with next.
func (c *CheckpointsCleaner) each(w *cleaning, list *[]stateFile, next func()) {
	files := *list
	errs := make([]error, len(files))
	one := func(i int) { errs[i] = c.discard(&files[i]) }
	last := func() {
		var left []stateFile
		for i := range files {
			if errs[i] != nil {
				left = append(left, files[i])
			}
		}
		*list = left
		w.err = errors.Join(w.err, errors.Join(errs...))
		next()
	}
	if w.ordered || len(files) < 2 {
		for i := range files {
			one(i)
		}
		last()
		return
	}
	var begun, working atomic.Int64
	workers := min(len(files), parallelDeletes)
	working.Store(int64(workers))
	for range workers {
		c.executor.Execute(func() {
			for i := begun.Add(1) - 1; i < int64(len(files)); i = begun.Add(1) - 1 {
				one(int(i))
			}
			if working.Add(-1) == 0 {
				last()
			}
		})
	}
}

func (c *CheckpointsCleaner) discard(f *stateFile) error {
	err := c.access.Discard(c.ctx, f.handle, f.dir)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("%s: %w", f.key, err)
}

func (c *CheckpointsCleaner) removeDir(w *cleaning) {
	if w.dir == nil {
		return
	}
	if err := w.dir(c.ctx); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.err = errors.Join(w.err, fmt.Errorf("directory: %w", err))
		return
	}
	w.dir = nil
}

// dispose deletes the directory of a checkpoint that has failed, and whose own `_metadata` is not there.
//
// Failure story 18: another job that writes to the same directory has completed a checkpoint there meanwhile. It stays as it is.
func (c *CheckpointsCleaner) dispose(loc checkpoints.Location) func(context.Context) error {
	return func(ctx context.Context) error {
		if loc.Exclusive() != "" {
			_, err := c.metadata(loc.Exclusive(), 1)
			if err == nil {
				c.log.Warn("the directory of a failed checkpoint holds a complete one of another job", "dir", loc.Exclusive())
				return nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return loc.Dispose(ctx)
	}
}

// metadata reads the first n bytes of the `_metadata` of a directory, fewer where there are no more.
func (c *CheckpointsCleaner) metadata(dir string, n int) ([]byte, error) {
	url := layout.Join(layout.Canonical(dir), layout.MetadataName)
	blob, err := c.access.Files().Open(c.ctx, &metadata.FileHandle{Path: metadata.NewUTF(url), Size: int64(n)})
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	data := make([]byte, n)
	got, err := blob.ReadAt(data, 0)
	if got > 0 {
		err = nil
	}
	return data[:got], err
}

// done ends a cleaning, and keeps in mind what is left of it.
func (c *CheckpointsCleaner) done(w *cleaning) {
	c.mu.Lock()
	if w.err != nil {
		c.failed = append(c.failed, w)
	}
	c.mu.Unlock()
	if w.err != nil {
		c.log.Warn("could not delete all of a checkpoint", "checkpoint", w.name, "err", w.err)
	}
	c.recheck() // what it used may free a snapshot that was held back
	if f := w.finished; f != nil {
		w.finished = nil
		f()
	}
	c.mu.Lock()
	c.cleaning--
	c.mu.Unlock()
	c.changed()
}

// retry tries once more what failed.
func (c *CheckpointsCleaner) retry() {
	c.mu.Lock()
	failed := c.failed
	c.failed = nil
	c.mu.Unlock()
	for _, w := range failed {
		c.submit(w)
	}
}

// inOrder deletes snapshots one after another, each in the strict order.
func (c *CheckpointsCleaner) inOrder(list []*CompletedCheckpoint) {
	if len(list) == 0 {
		return
	}
	w := c.completed(list[0], true)
	w.finished = func() { c.inOrder(list[1:]) }
	c.submit(w)
}
