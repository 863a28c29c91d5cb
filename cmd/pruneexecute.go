package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// execute deletes what the plan says, or less.
func (r *pruneRun) execute(ctx context.Context) error {
	x := &pruneExecution{pruneRun: r, stores: map[string]layout.MutableStore{}}
	defer x.close()
	e, err := x.prepare(ctx)
	if err != nil {
		return err
	}
	total := r.made.Totals.DeleteObjects + r.made.Totals.DeleteDirs
	progress := r.env.startProgress("deleting", "objects")
	done := 0
	e.Observe = func(ev prune.Event) {
		x.mu.Lock()
		defer x.mu.Unlock()
		done++
		progress.of(done, total)
		r.observe(ev)
		r.count(ev)
	}
	r.executed, err = r.made.Execute(ctx, e)
	progress.stop()
	r.tell()
	if err != nil {
		return err
	}
	return x.retire(ctx)
}

// pruneExecution holds what is open for changes.
type pruneExecution struct {
	*pruneRun
	mu     sync.Mutex
	stores map[string]layout.MutableStore // by URL, as it was given and as it is
	all    []layout.MutableStore
}

func (x *pruneExecution) close() {
	for _, s := range x.all {
		s.Close()
	}
}

// open opens a store for changes, each once.
func (x *pruneExecution) open(ctx context.Context, url string) (layout.MutableStore, error) {
	if s := x.stores[layout.Canonical(url)]; s != nil {
		return s, nil
	}
	s, err := x.env.OpenMutable(ctx, url)
	if err != nil {
		return nil, err
	}
	x.stores[s.URL()], x.stores[layout.Canonical(url)] = s, s
	x.all = append(x.all, s)
	return s, nil
}

// prepare opens all that an execution needs.
func (x *pruneExecution) prepare(ctx context.Context) (prune.Execution, error) {
	e := prune.Execution{Stores: map[string]layout.MutableStore{}, Now: x.env.Now, World: x.witnesses.world, Version: readBuild().Version}
	for _, t := range x.graph.Trees {
		if !x.touches(t.Root) {
			continue
		}
		store, err := x.open(ctx, t.Root)
		if err != nil {
			return e, err
		}
		e.Stores[t.Root] = store
	}
	var err error
	if e.Journal, err = x.journal(ctx); err != nil {
		return e, err
	}
	if x.apply.trash != "" {
		store, err := x.open(ctx, x.apply.trash)
		if err != nil {
			return e, err
		}
		e.Trash = &prune.Trash{Store: store}
	}
	return e, nil
}

// journal is where the user says, or below the first root.
func (x *pruneExecution) journal(ctx context.Context) (prune.Journal, error) {
	if url := x.apply.journal; url != "" {
		store, err := x.open(ctx, url)
		return prune.Journal{Store: store}, err
	}
	root := x.firstRoot()
	for _, t := range x.graph.Trees {
		if key, ok := layout.Below(t.Root, root); ok {
			store, err := x.open(ctx, t.Root)
			return prune.Journal{Store: store, Dir: path.Join(key, layout.ToolDirName)}, err
		}
	}
	return prune.Journal{}, fmt.Errorf("no root in which a journal could lie: %w", fs.ErrNotExist)
}

// retire removes the journals of earlier runs whose work is done. One that stays is no
// harm: the next run reads it again.
func (x *pruneExecution) retire(ctx context.Context) error {
	if x.executed.Stopped != nil || len(x.journals) == 0 {
		return nil
	}
	files := x.journals
	for i := range files {
		store, err := x.open(ctx, files[i].Journal.Store.URL())
		if err != nil {
			return err
		}
		files[i].Journal.Store = store
	}
	if _, err := prune.RetireJournals(ctx, files, x.graph, x.env.Now()); err != nil {
		x.env.Log.Warn("a journal of an earlier run could not be removed", "reason", err)
	}
	return nil
}

// observe logs what has become of an object, and keeps what went wrong.
func (r *pruneRun) observe(e prune.Event) {
	attrs := []slog.Attr{slog.String("path", e.URL), slog.String("reason", e.Why.String())}
	if e.Dir {
		attrs = append(attrs, slog.Bool("directory", true))
	} else {
		attrs = append(attrs, slog.Int64("bytes", e.Bytes))
	}
	if e.Err == nil && !e.Left {
		level := slog.LevelDebug
		if r.env.jsonLog {
			level = slog.LevelInfo // a line for each object is what it is asked for
		}
		r.env.Log.LogAttrs(context.Background(), level, "deleted", attrs...)
		return
	}
	r.failures.add(e)
	if !isInterruption(e) {
		r.stayed.add(e)
	}
	if !r.env.eachObject() {
		return // see tell
	}
	level, message := slog.LevelError, "not deleted"
	if e.Left {
		level, message = slog.LevelWarn, "left"
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	r.env.Log.LogAttrs(context.Background(), level, message, attrs...)
}

// mostFailures is how many failures are listed: a million of them say no more.
const mostFailures = 1000

// failures are what could not be deleted.
type failures struct {
	list []failure
	all  int
}

type failure struct {
	Path  string `json:"path"`
	Error string `json:"error"`
	Left  bool   `json:"left"` // not tried, or not what it was
}

func (f *failures) add(e prune.Event) {
	f.all++
	if len(f.list) == mostFailures {
		return
	}
	item := failure{Path: e.URL, Left: e.Left}
	if e.Err != nil {
		item.Error = e.Err.Error()
	}
	f.list = append(f.list, item)
}

// error says what could not be deleted.
func (f *failures) error(x *prune.Executed) error {
	e := &findingsError{message: fmt.Sprintf("%s could not be deleted, or stayed, of %d", plural(x.Failed+x.Left, "object"), x.Objects+x.Dirs+x.Failed+x.Left), hint: "the next run tries again"}
	if len(f.list) > 0 {
		e.path = f.list[0].Path
		e.message += ", the first of them " + f.list[0].Path
		if why := f.list[0].Error; why != "" {
			e.message += ": " + why
		}
	}
	return e
}

// readOnly is a store for whoever wants one that can be changed, and is to change nothing.
type readOnly struct{ layout.Store }

var errReadOnly = errors.New("opened for reading only")

func (s readOnly) refuse(op, key string) error {
	return &fs.PathError{Op: op, Path: layout.Join(s.URL(), key), Err: errReadOnly}
}

// Delete implements layout.Deleter.
func (s readOnly) Delete(_ context.Context, files []layout.Object, done func(int, error)) {
	for i, o := range files {
		done(i, s.refuse("remove", o.Key))
	}
}

// RemoveDir implements layout.Deleter.
func (s readOnly) RemoveDir(_ context.Context, dir string) error { return s.refuse("remove", dir) }

// Create implements layout.Putter.
func (s readOnly) Create(_ context.Context, key string, _ io.Reader, _ int64) (layout.Object, error) {
	return layout.Object{}, s.refuse("create", key)
}

// Replace implements layout.Putter.
func (s readOnly) Replace(_ context.Context, key string, _ []byte) error {
	return s.refuse("create", key)
}

// CopyFrom implements layout.Copier.
func (s readOnly) CopyFrom(_ context.Context, _ layout.Store, _ layout.Object, key string) (layout.Object, error) {
	return layout.Object{}, s.refuse("create", key)
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
