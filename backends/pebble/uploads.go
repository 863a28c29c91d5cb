package pebble

import (
	"sync"

	"github.com/ckpt-tool/ckpt/metadata"
)

// upload is a table in the storage of checkpoints.
type upload struct {
	handle metadata.StreamHandle
	size   int64
	sum    uint32
}

// uploads is which tables the checkpoints have (Flink: uploadedSstFiles, lastCompletedCheckpointId). A checkpoint uses those of the last one that is
// known to be complete, and of no other: files of one that was never confirmed may be deleted at any time.
type uploads struct {
	mu   sync.Mutex
	of   map[int64]map[string]upload // by checkpoint and name
	last int64                       // the last completed checkpoint; its tables are in of
}

// usable are the tables that the next checkpoint may use.
func (u *uploads) usable() map[string]upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.of[u.last]
}

// taken notes the tables of a checkpoint, which is not complete yet.
func (u *uploads) taken(id int64, tables map[string]upload) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = map[int64]map[string]upload{}
	}
	u.of[id] = tables
}

// completed makes a checkpoint the one whose tables are used.
func (u *uploads) completed(id int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.of[id]; !known || id < u.last {
		return
	}
	for older := range u.of {
		if older < id {
			delete(u.of, older)
		}
	}
	u.last = id
}

// aborted forgets a checkpoint that will not complete.
func (u *uploads) aborted(id int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if id != u.last {
		delete(u.of, id)
	}
}
