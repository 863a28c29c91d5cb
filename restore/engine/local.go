package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/ckpt-tool/ckpt/metadata"
)

// localStore knows the local copies of snapshots, for a restart in this process (Flink: TaskLocalStateStore).
type localStore struct {
	dir    string
	mu     sync.Mutex
	copies map[int64]map[localKey]metadata.KeyedHandle
}

type localKey struct {
	operator metadata.OperatorID
	subtask  int
}

const localCopies = "localState"

func newLocalStore(dir string) *localStore {
	return &localStore{dir: dir, copies: map[int64]map[localKey]metadata.KeyedHandle{}}
}

func (l *localStore) path(id int64) string {
	return filepath.Join(l.dir, localCopies, fmt.Sprintf("chk_%d", id))
}

func (l *localStore) keep(id int64, subtask int, handles map[metadata.OperatorID]metadata.KeyedHandle) {
	if len(handles) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.copies[id]
	if of == nil {
		of = map[localKey]metadata.KeyedHandle{}
		l.copies[id] = of
	}
	for op, h := range handles {
		of[localKey{op, subtask}] = h
	}
}

// find is the copy of a sub-task's state in a checkpoint, nil for none.
func (l *localStore) find(id int64, op metadata.OperatorID, subtask int) metadata.KeyedHandle {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copies[id][localKey{op, subtask}]
}

// completed drops the copies of checkpoints before id.
func (l *localStore) completed(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for old := range l.copies {
		if old < id {
			l.drop(old)
		}
	}
}

// aborted drops the copies of a checkpoint that was given up.
func (l *localStore) aborted(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop(id)
}

// drop forgets copies, and deletes them. What cannot be deleted goes with the directory when the job ends.
func (l *localStore) drop(id int64) {
	delete(l.copies, id)
	_ = os.RemoveAll(l.path(id))
}
