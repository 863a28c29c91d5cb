package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// machine is the clock, the executor and the tasks of a real job, upon real files.
type machine struct {
	t       *testing.T
	c       *CheckpointCoordinator
	work    sync.WaitGroup
	mu      sync.Mutex
	base    map[TaskID]metadata.StreamHandle // of the latest completed checkpoint
	written map[TaskID]map[int64]metadata.StreamHandle
	taken   atomic.Int64
}

func (m *machine) Now() time.Time { return time.Now() }
func (m *machine) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}
func (m *machine) Execute(f func()) { m.work.Go(f) }

func (m *machine) Trigger(t TaskID, meta CheckpointMetaData, o CheckpointOptions, s backends.Streams) {
	m.mu.Lock()
	base := m.base[t]
	m.mu.Unlock()
	m.work.Go(func() {
		if err := m.snapshot(t, meta.ID, o, s, base); err != nil {
			m.c.ReceiveDecline(&Decline{Task: t, Checkpoint: meta.ID, Reason: err}, "here")
		}
	})
}

func (m *machine) snapshot(t TaskID, id int64, o CheckpointOptions, s backends.Streams, base metadata.StreamHandle) error {
	write := func(scope metadata.Scope) (metadata.StreamHandle, error) {
		w, err := s.Create(context.Background(), scope)
		if err != nil {
			return nil, err
		}
		_, _ = fmt.Fprintf(w, "%v of %d", t, id)
		return w.CloseAndHandle()
	}
	scope := metadata.Shared
	if o.Type.IsSavepoint() {
		scope = metadata.Exclusive
	}
	shared, err := write(scope)
	if err != nil {
		return err
	}
	meta, err := write(metadata.Exclusive)
	if err != nil { // the checkpoint was aborted, and its directory goes
		return errors.Join(err, s.Discard(context.Background(), shared))
	}
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, CheckpointID: id, BackendID: "00000000-0000-0000-0000-000000000000", HandleID: "h",
		Range: groups(m.c, t), Meta: meta, Shared: []metadata.NamedFile{{Name: "n", File: shared}}}
	if base != nil && o.Type == Checkpoint {
		h.Shared = append(h.Shared, metadata.NamedFile{Name: "o", File: base})
	}
	m.mu.Lock()
	m.written[t][id] = shared
	m.mu.Unlock()
	_, err = m.c.ReceiveAcknowledge(&Acknowledge{Task: t, Checkpoint: id, States: map[metadata.OperatorID]metadata.SubtaskState{t.Vertex: {ManagedKeyed: h}}}, "here")
	return err
}

func (m *machine) Completed(t TaskID, id int64, _ time.Time, _ int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.base[t] = m.written[t][id]
	clear(m.written[t])
	m.taken.Add(1)
}

func (m *machine) Aborted(TaskID, int64, int64) {}

// TestRealFiles runs a job upon a directory, with all the goroutines that there are, and looks at what stays.
func TestRealFiles(t *testing.T) {
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprint("kept ", kept), func(t *testing.T) {
			dir := t.TempDir()
			s := &checkpoints.FileSystem{Dir: dir, SavepointDir: dir + "/savepoints", Mutable: func(ctx context.Context, url string) (layout.MutableStore, error) {
				return storage.New(storage.Settings{}).OpenMutable(ctx, url)
			}}
			access, err := s.Access(context.Background(), layout.JobID{1})
			if err != nil {
				t.Fatal(err)
			}
			defer access.Close()
			m := &machine{t: t, base: map[TaskID]metadata.StreamHandle{}, written: map[TaskID]map[int64]metadata.StreamHandle{}}
			config := Config{Interval: 2 * time.Millisecond, MaxConcurrent: 2, NumRetained: 2, Retention: RetainOnCancellation, TolerableFailures: -1}
			m.c, err = New(Options{Config: config, Job: layout.JobID{1}, Vertices: []Vertex{vertex(1, 2), vertex(2, 3)}, Access: access, Gateway: m, Clock: m, Executor: m})
			if err != nil {
				t.Fatal(err)
			}
			status := Canceled
			if !kept {
				status = Finished
			}
			savepoint, report := m.run(t, status)
			for _, c := range append(report.Retained, savepoint) {
				m.check(t, c)
			}
			if len(report.Left) > 0 || (len(report.Retained) == 2) != kept || m.c.o.Store.Len() != 0 {
				t.Errorf("%+v", report)
			}
			m.leftovers(t, dir, append(report.Retained, savepoint))
		})
	}
}

// run takes checkpoints for a while, with trouble, and a savepoint.
func (m *machine) run(t *testing.T, status JobStatus) (*CompletedCheckpoint, *ShutdownReport) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for attempt := range int32(3) {
		var tasks []TaskID
		for _, v := range m.c.o.Vertices {
			for n := range v.Parallelism {
				tasks = append(tasks, TaskID{v.ID, n, attempt})
			}
		}
		restored, err := m.c.RestoreLatestCheckpointedStateToAll(tasks, attempt > 0).Await(ctx)
		if err != nil || (restored == nil) != (attempt == 0) {
			t.Fatal(restored, err)
		}
		m.mu.Lock()
		for _, id := range tasks {
			m.written[id] = map[int64]metadata.StreamHandle{}
		}
		m.mu.Unlock()
		m.c.SetTasks(tasks)
		if err := m.c.StartCheckpointScheduler(); err != nil {
			t.Fatal(err)
		}
		for want := m.taken.Load() + 200; m.taken.Load() < want && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
		if attempt < 2 {
			m.c.TaskFailed(tasks[0], errDisk)
		}
	}
	savepoint, err := m.c.Trigger(Savepoint, "").Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m.c.StopCheckpointScheduler()
	m.work.Wait() // the tasks end
	report, err := m.c.Shutdown(status).Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	m.work.Wait()
	return savepoint, report
}

// check reads a `_metadata` and looks for its files.
func (m *machine) check(t *testing.T, c *CompletedCheckpoint) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(c.ExternalPointer, "_metadata"))
	if err != nil {
		t.Fatal(err)
	}
	meta, err := metadata.Decode(data)
	if err != nil || meta.ID != c.ID || len(meta.Operators) != 2 || meta.Operators[1].UID != "u2" || !meta.Properties.Understood {
		t.Fatalf("%+v, %v", meta, err)
	}
	for f := range filesOf(c.ExternalPointer, meta) {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// leftovers are files that no snapshot names.
func (m *machine) leftovers(t *testing.T, dir string, kept []*CompletedCheckpoint) {
	named := map[string]bool{}
	for _, c := range kept {
		named[filepath.Join(c.ExternalPointer, "_metadata")] = true
		for _, f := range c.files() {
			named[f.key] = true
		}
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !named[p] {
			t.Errorf("%s is left", strings.TrimPrefix(p, dir))
		}
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "chk-") && !named[filepath.Join(p, "_metadata")] {
			t.Errorf("the directory %s is left", p)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A `_metadata` that is there is told from one's own upon real files, too, where paths become relative.
func TestRealMetadataThatIsThere(t *testing.T) {
	s := &checkpoints.FileSystem{Dir: t.TempDir(), Mutable: func(ctx context.Context, url string) (layout.MutableStore, error) {
		return storage.New(storage.Settings{}).OpenMutable(ctx, url)
	}}
	access, err := s.Access(context.Background(), layout.JobID{1})
	if err != nil {
		t.Fatal(err)
	}
	defer access.Close()
	r := newRig(t, Config{}, func(o *Options) { o.Access = access })
	loc, err := access.Location(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	file := &metadata.OperatorStateHandle{Delegate: &metadata.FileHandle{Path: metadata.UTF(loc.Exclusive() + "/x"), Size: 1}}
	m := &metadata.Checkpoint{Version: 5, ID: 1, Properties: PropertiesForCheckpoint(NeverRetain, Checkpoint).Metadata(),
		Operators: []metadata.OperatorState{{ID: metadata.OperatorID{1}, Parallelism: 1, MaxParallelism: 1, Subtasks: []metadata.SubtaskState{{ManagedOperator: file}}}}}
	p := &PendingCheckpoint{id: 1, loc: loc}
	if _, _, err := r.c.whose(p, m, fs.ErrExist); !errors.Is(err, errUnclear) {
		t.Errorf("not there: %v", err)
	}
	if err := r.c.o.Cleaner.dispose(loc)(context.Background()); err != nil {
		t.Errorf("dispose of nothing: %v", err)
	}
	if _, _, err := loc.Complete(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	if pointer, n, err := r.c.whose(p, m, fs.ErrExist); err != nil || pointer != loc.Exclusive() || n == 0 {
		t.Errorf("its own: %q, %d, %v", pointer, n, err)
	}
	m.ID = 2
	if _, _, err := r.c.whose(p, m, fs.ErrExist); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another's: %v", err)
	}
	if err := r.c.o.Cleaner.dispose(loc)(context.Background()); err != nil {
		t.Errorf("dispose: %v", err)
	}
	if _, err := os.Stat(filepath.Join(loc.Exclusive(), "_metadata")); err != nil {
		t.Errorf("another's is gone: %v", err)
	}
}
