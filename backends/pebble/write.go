package pebble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// work writes epochs one after the other until the store closes.
func (s *Store) work() {
	for {
		j, ok := s.queue.next()
		if !ok {
			return
		}
		err := s.health()
		if err == nil {
			err = s.orFail("writing changes", func() error { return s.write(j.frozen) })
		}
		if j.snapshot == nil {
			continue
		}
		if err == nil { // before anything newer comes into Pebble
			err = s.takeFor(j.snapshot)
		}
		j.snapshot.made(err)
	}
}

// takeFor is take, of which an error is that of the snapshot, and a panic that of the store.
func (s *Store) takeFor(n *snapshot) (err error) {
	if failed := s.orFail("a checkpoint of Pebble", func() error { err = n.take(s.db); return nil }); failed != nil {
		return failed
	}
	return err
}

// orFail calls f, without which the store is of no use. A panic of it is an error.
func (s *Store) orFail(what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: %v", what, p)
		}
		if err != nil {
			s.fail(err)
			err = s.health()
		}
	}()
	return f()
}

// write makes tables of an epoch, and gives them to Pebble at once.
func (s *Store) write(f frozen) error {
	w := newTableWriter(s)
	err := w.records(sortRefs(f.refs, f.mems), f.mems)
	if err = errors.Join(err, w.finish()); err != nil {
		w.discard()
		return err
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := w.ingest(); err != nil {
		return err
	}
	s.written.Store(f.epoch)
	return s.health()
}

// tableWriter writes sorted records to tables: each of one state, and not too large.
type tableWriter struct {
	s     *Store
	w     *sstable.Writer
	paths []string
	size  int
	state [2]byte
}

const tableSize = 48 << 20 // of records

func newTableWriter(s *Store) *tableWriter { return &tableWriter{s: s} }

// yieldEvery is after how many records who processes others gets a turn.
const yieldEvery = 512

// records writes all of an epoch.
func (w *tableWriter) records(sorted []sortable, mems [][]byte) error {
	for i, v := range sorted {
		if i%yieldEvery == 0 {
			runtime.Gosched()
		}
		b := record(slotOf(mems, v.ref))
		key := b.key()
		if err := w.at(key, b.size()); err != nil {
			return err
		}
		if err := w.record(b, key); err != nil {
			return err
		}
	}
	return nil
}

func (w *tableWriter) record(b record, key []byte) error {
	switch b.kind() {
	case deleteKind:
		return w.w.Delete(key)
	case mergeKind:
		return w.w.Merge(key, b.value())
	}
	return w.w.Set(key, b.value())
}

// at makes sure that there is a table for the key.
func (w *tableWriter) at(key []byte, size int) error {
	state := [2]byte(key)
	if w.w != nil && (w.size >= tableSize || w.state != state) {
		if err := w.finish(); err != nil {
			return err
		}
	}
	if w.w == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	w.state = state
	w.size += size
	return nil
}

func (w *tableWriter) begin() error {
	if err := w.s.health(); err != nil {
		return err
	}
	path := w.s.path(fmt.Sprintf("%06d.new", w.s.serial.Add(1)))
	f, err := w.s.options.FS.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w.paths, w.size = append(w.paths, path), 0
	w.w = sstable.NewWriter(objstorageprovider.NewFileWritable(f), w.s.options.MakeWriterOptions(0, w.s.db.TableFormat()))
	return nil
}

// finish ends the table under way.
func (w *tableWriter) finish() error {
	if w.w == nil {
		return nil
	}
	err := w.w.Close()
	w.w = nil
	return err
}

// ingest makes the tables part of the database.
func (w *tableWriter) ingest() error {
	if len(w.paths) == 0 {
		return nil
	}
	err := w.s.db.Ingest(context.Background(), w.paths)
	if err != nil {
		w.discard()
	}
	return err
}

func (w *tableWriter) discard() {
	for _, p := range w.paths {
		os.Remove(p)
	}
}

// deleteRanges deletes all keys in the ranges, which are sorted and apart.
func (s *Store) deleteRanges(ranges []pebble.KeyRange) error {
	if len(ranges) == 0 {
		return nil
	}
	w := newTableWriter(s)
	err := w.begin()
	for _, r := range ranges {
		if err == nil {
			err = w.w.DeleteRange(r.Start, r.End)
		}
	}
	if w.w != nil {
		err = errors.Join(err, w.finish())
	}
	if err != nil {
		w.discard()
		return err
	}
	return w.ingest()
}
