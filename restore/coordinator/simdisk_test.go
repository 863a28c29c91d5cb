package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// disk is a storage in memory with faults. It fails the simulation at once where a `_metadata` lacks a file.
type disk struct {
	w       *world
	faulty  float64 // of each operation
	cursed  float64 // share of files that can never be deleted
	foreign float64 // of another job that writes to the same directory

	data    map[string]bool            // files
	metas   map[string]*simMeta        // `_metadata` by directory
	users   map[string]map[string]bool // files -> directories whose `_metadata` name them
	stuck   map[string]bool            // cannot be deleted
	ours    map[string]bool            // files that tasks of the job wrote
	left    map[string]bool            // what a task could not delete
	written map[int64]int              // how often a `_metadata` of a checkpoint was written
	shifty  map[string]bool            // snapshots that may lose files: older ones of the job whose latest was claimed
	sacred  map[string]bool            // what nobody may delete
	next    int
}

type simMeta struct {
	id                 int64
	data               []byte
	savepoint, foreign bool
}

func newDisk(w *world) *disk {
	d := &disk{w: w, data: map[string]bool{}, metas: map[string]*simMeta{}, users: map[string]map[string]bool{}, stuck: map[string]bool{}}
	d.ours, d.left, d.written, d.shifty, d.sacred = map[string]bool{}, map[string]bool{}, map[int64]int{}, map[string]bool{}, map[string]bool{}
	d.faulty = []float64{0, 0, .02, .15}[w.rng.IntN(4)]
	d.foreign = .01
	d.cursed = []float64{0, 0, .02}[w.rng.IntN(3)]
	return d
}

var errDisk = errors.New("the disk is on fire")

// trouble is whether an operation fails, and whether it does its work all the same.
func (d *disk) trouble() (fails, works bool) {
	d.w.pause()
	if !d.w.chance(d.faulty) {
		return false, true
	}
	return true, d.w.chance(.4)
}

// create writes a file of a task.
func (d *disk) create(dir string) (string, error) {
	fails, works := d.trouble()
	d.next++
	path := fmt.Sprintf("%s/f%d", dir, d.next)
	if works {
		d.data[path], d.ours[path] = true, true
		if d.w.chance(d.cursed) {
			d.stuck[path] = true
		}
	}
	d.w.pause()
	if fails {
		return path, errDisk
	}
	return path, nil
}

// remove deletes a file.
func (d *disk) remove(path string) error {
	fails, works := d.trouble()
	if d.stuck[path] {
		fails, works = true, false
	}
	if works && d.data[path] {
		d.w.log("deleted %s", path)
		if d.sacred[path] {
			d.w.fail("%s was deleted, and is not the job's", path)
		}
		for dir := range d.users[path] {
			if !d.shifty[dir] {
				d.w.fail("%s was deleted, and %s/_metadata needs it", path, dir)
			}
		}
		delete(d.data, path)
	}
	d.w.pause()
	if fails {
		return errDisk
	}
	return nil
}

// complete writes a `_metadata`.
func (d *disk) complete(dir string, m *metadata.Checkpoint, savepoint, foreign bool) {
	data, err := metadata.Encode(m)
	if err != nil {
		d.w.fail("encode: %v", err)
	}
	d.metas[dir] = &simMeta{id: m.ID, data: data, savepoint: savepoint, foreign: foreign}
	for f := range filesOf(dir, m) {
		if !d.data[f] {
			d.w.fail("%s/_metadata is complete without %s", dir, f)
		}
		if d.users[f] == nil {
			d.users[f] = map[string]bool{}
		}
		d.users[f][dir] = true
	}
	if !foreign {
		d.w.log("wrote %s/_metadata", dir)
		if d.written[m.ID]++; d.written[m.ID] > 1 {
			d.w.fail("checkpoint %d is complete twice", m.ID)
		}
	}
}

// filesOf are the files that a snapshot names, found in another way than the coordinator's.
func filesOf(dir string, m *metadata.Checkpoint) map[string]bool {
	files := map[string]bool{}
	for _, h := range m.Walk() {
		switch h := h.(type) {
		case *metadata.FileHandle:
			files[layout.Canonical(h.Path.String())] = true
		case *metadata.RelativeFileHandle:
			files[dir+"/"+h.Path.String()] = true
		}
	}
	return files
}

// simLocation implements checkpoints.Location and backends.Streams.
type simLocation struct {
	d         *disk
	dir       string
	id        int64
	savepoint bool
}

func (l *simLocation) Streams() backends.Streams { return nil }
func (l *simLocation) Exclusive() string         { return l.dir }

func (l *simLocation) Complete(ctx context.Context, m *metadata.Checkpoint) (string, int64, error) {
	d := l.d
	fails, works := d.trouble()
	for i := d.w.rng.IntN(6); i > 0 && ctx.Err() == nil; i-- {
		d.w.pause() // slow
	}
	if ctx.Err() != nil {
		fails, works = true, d.w.chance(.5)
	}
	if d.metas[l.dir] != nil {
		return "", 0, fs.ErrExist
	}
	if !l.savepoint && d.w.chance(d.foreign) && works {
		d.foreignJob(l.dir, l.id)
		return "", 0, fs.ErrExist
	}
	if works {
		d.complete(l.dir, m, l.savepoint, false)
	}
	d.w.pause()
	switch {
	case fails && works && d.w.chance(.5):
		return "", 0, fmt.Errorf("tried twice: %w", fs.ErrExist)
	case fails:
		return "", 0, errDisk
	}
	return l.dir, int64(len(d.metas[l.dir].data)), nil
}

// foreignJob is another job that writes a checkpoint to the same directory.
func (d *disk) foreignJob(dir string, id int64) {
	file := dir + "/foreign"
	d.data[file], d.sacred[file] = true, true
	h := &metadata.OperatorStateHandle{Delegate: &metadata.FileHandle{Path: metadata.UTF(file), Size: 1}}
	d.complete(dir, &metadata.Checkpoint{Version: 3, ID: id, Operators: []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 1,
		Subtasks: []metadata.SubtaskState{{ManagedOperator: h}}}}}, false, true)
}

func (l *simLocation) Dispose(context.Context) error {
	var errs []error
	for _, f := range slices.Sorted(maps.Keys(l.d.data)) {
		if strings.HasPrefix(f, l.dir+"/") {
			errs = append(errs, l.d.remove(f))
		}
	}
	if l.d.metas[l.dir] != nil {
		l.d.w.fail("%s goes with a _metadata in it", l.dir)
	}
	return errors.Join(errs...)
}

// simAccess implements checkpoints.Access.
type simAccess struct{ d *disk }

const jobDir = "/tree/job"

func (a simAccess) Location(_ context.Context, id int64) (checkpoints.Location, error) {
	if fails, _ := a.d.trouble(); fails {
		return nil, errDisk
	}
	dir := fmt.Sprintf("%s/chk-%d", jobDir, id)
	if a.d.metas[dir] != nil {
		return nil, fs.ErrExist
	}
	if a.d.w.job.begun[id] {
		a.d.w.fail("id %d is given twice", id)
	}
	a.d.w.job.begun[id] = true
	return &simLocation{d: a.d, dir: dir, id: id}, nil
}

func (a simAccess) SavepointLocation(_ context.Context, id int64, target string) (checkpoints.Location, error) {
	if fails, _ := a.d.trouble(); fails {
		return nil, errDisk
	}
	if a.d.w.job.begun[id] {
		a.d.w.fail("id %d is given twice", id)
	}
	a.d.w.job.begun[id] = true
	return &simLocation{d: a.d, dir: fmt.Sprintf("/savepoints/savepoint-%d", id), id: id, savepoint: true}, nil
}

func (a simAccess) Files() backends.Files { return simFiles(a) }

type simFiles simAccess

func (f simFiles) Open(_ context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	if fails, _ := f.d.trouble(); fails {
		return nil, errDisk
	}
	path := h.(*metadata.FileHandle)
	dir, _ := strings.CutSuffix(path.Path.String(), "/_metadata")
	m := f.d.metas[dir]
	if m == nil {
		return nil, fs.ErrNotExist
	}
	return simBlob{m.data, path.Size}, nil
}

type simBlob struct {
	data []byte
	size int64
}

func (b simBlob) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, b.data[min(off, int64(len(b.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
func (b simBlob) Close() error  { return nil }
func (b simBlob) Size() int64   { return b.size }
func (b simBlob) Name() string  { return "_metadata" }
func (b simBlob) Offset() int64 { return 0 }

func (a simAccess) Discard(_ context.Context, h metadata.StreamHandle, exclusive string) error {
	switch h := h.(type) {
	case *metadata.FileHandle:
		return a.d.remove(layout.Canonical(h.Path.String()))
	case *metadata.RelativeFileHandle:
		return a.d.remove(exclusive + "/" + h.Path.String())
	}
	return nil
}

func (a simAccess) DiscardMetadata(_ context.Context, pointer string) error {
	fails, works := a.d.trouble()
	if m := a.d.metas[pointer]; works && m != nil {
		a.d.w.log("deleted %s/_metadata", pointer)
		switch {
		case m.foreign, a.d.sacred[pointer]:
			a.d.w.fail("%s/_metadata was deleted, and is not the job's", pointer)
		case pointer == a.d.w.job.initial && a.d.partlyUsed(pointer):
			a.d.w.fail("%s/_metadata was deleted while others use files beside it", pointer)
		case a.d.w.job.inStore(m.id):
			a.d.w.fail("%s/_metadata was deleted, and the job may fall back to it", pointer)
		}
		for _, u := range a.d.users {
			delete(u, pointer)
		}
		delete(a.d.metas, pointer)
	}
	a.d.w.pause()
	if fails {
		return errDisk
	}
	return nil
}

// partlyUsed is whether files of a directory are named by the `_metadata` of another.
func (d *disk) partlyUsed(dir string) bool {
	for f, users := range d.users {
		if strings.HasPrefix(f, dir+"/") && (len(users) > 1 || len(users) == 1 && !users[dir]) {
			return !d.w.job.ended // at the end of the job all of them go
		}
	}
	return false
}

func (a simAccess) RemoveDir(_ context.Context, dir string) error {
	a.d.w.log("deleted %s/", dir)
	if fails, _ := a.d.trouble(); fails {
		return errDisk
	}
	for path := range a.d.data {
		if strings.HasPrefix(path, dir+"/") {
			return errNotEmpty
		}
	}
	return nil
}

var errNotEmpty = errors.New("not empty")

func (a simAccess) CheckAnswer(map[metadata.OperatorID]metadata.SubtaskState) error { return nil }
func (a simAccess) Close() error                                                    { return nil }

var _ checkpoints.Access = simAccess{}
