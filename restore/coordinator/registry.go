package coordinator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// SharedStateRegistry knows which snapshots use which file (Flink: SharedStateRegistryImpl): pending checkpoints by what was
// acknowledged so far, completed ones, and the one that the job was restored from. Files are told apart by their path. Unlike Flink,
// which keeps the first and last user of shared files, it keeps all users of all files: what nobody uses can go, no sooner and no
// later, and an answer that comes too late cannot take a file along that somebody uses.
type SharedStateRegistry struct {
	mu     sync.Mutex
	files  map[string]*registered
	used   map[int64][]*registered // by user
	live   map[int64]bool          // pending checkpoints
	waits  map[int64][]int64       // for a snapshot that was dropped: the checkpoints that were pending then
	tombs  map[string]bool         // files deleted of late
	buried []string                // the same, in a ring
	next   int
}

// claim is who may delete a file.
type claim uint8

const (
	owned     claim = iota // the job
	unclaimed              // nobody: LEGACY
	foreign                // nobody, and no checkpoint may refer to it: NO_CLAIM
)

// registered is one file.
type registered struct {
	stateFile
	claim     claim
	createdBy int64
	lastUsed  int64
	users     []int64
	awaits    []int64 // pending checkpoints that began before the last of its users was dropped: they may refer to it
}

// tombstones is how many deleted files are remembered, to tell a task that refers to one.
const tombstones = 1 << 14

// NewSharedStateRegistry is an empty registry.
func NewSharedStateRegistry() *SharedStateRegistry {
	return &SharedStateRegistry{
		files: map[string]*registered{}, used: map[int64][]*registered{}, live: map[int64]bool{},
		waits: map[int64][]int64{}, tombs: map[string]bool{},
	}
}

// Users gives the first and the latest snapshot that used a file, by its URL (Flink: SharedStateEntry).
func (r *SharedStateRegistry) Users(url string) (createdBy, lastUsed int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.files[url]
	if !ok {
		return 0, 0, false
	}
	return e.createdBy, e.lastUsed, true
}

// Len is how many files are known.
func (r *SharedStateRegistry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.files)
}

// begin says that checkpoint id is pending.
func (r *SharedStateRegistry) begin(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[id] = true
}

// end says that checkpoint id is pending no more, and gives the files that only it could have come to use.
func (r *SharedStateRegistry) end(id int64) []stateFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, id)
	is := func(w int64) bool { return w == id }
	for dropped, w := range r.waits {
		if i := slices.Index(w, id); i >= 0 {
			r.waits[dropped] = slices.DeleteFunc(slices.Clone(w), is)
		}
	}
	var free []stateFile
	for _, e := range r.files {
		if len(e.awaits) == 0 {
			continue
		}
		e.awaits = slices.DeleteFunc(e.awaits, is)
		free = r.bury(e, free)
	}
	sortFiles(free)
	return free
}

// restored registers the files of the snapshot that the job begins with.
func (r *SharedStateRegistry) restored(id int64, files []stateFile, c claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.use(id, files, c)
}

// acknowledged registers what a task answered for checkpoint id. Nothing is registered where an error says that the answer
// refers to what it must not.
func (r *SharedStateRegistry) acknowledged(id int64, files []stateFile, savepoint bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range files {
		f := &files[i]
		e := r.files[f.key]
		switch {
		// Failure story 1: a task has missed that a checkpoint was subsumed or aborted, and builds upon a file of it that is
		// deleted. The checkpoint would be complete by its looks, and not restore.
		case r.tombs[f.key]:
			return fmt.Errorf("%s was deleted before: the task builds upon a checkpoint that is gone", f.key)
		// Failure story 2: the user is free to delete the snapshot that the job was restored from with NO_CLAIM.
		case e != nil && e.claim == foreign:
			return fmt.Errorf("%s belongs to the snapshot that the job was restored from with NO_CLAIM", f.key)
		// Failure story 3: a savepoint outlives the files of the job.
		case savepoint && e != nil && (len(e.users) != 1 || e.users[0] != id):
			return fmt.Errorf("%s is used by checkpoints, and a savepoint must have files of its own", f.key)
		}
	}
	r.use(id, files, owned)
	return nil
}

func (r *SharedStateRegistry) use(id int64, files []stateFile, c claim) {
	for i := range files {
		e := r.files[files[i].key]
		if e == nil {
			e = &registered{stateFile: files[i], claim: c, createdBy: id}
			r.files[e.key] = e
		}
		e.shared = e.shared || files[i].shared
		e.lastUsed = max(e.lastUsed, id)
		if !slices.Contains(e.users, id) {
			e.users = append(e.users, id)
			r.used[id] = append(r.used[id], e)
		}
	}
}

// drop says that a completed snapshot counts no more, and is to be released some time: checkpoints that are pending now may
// yet refer to its files, later ones not, as their tasks have heard of a later completed one.
func (r *SharedStateRegistry) drop(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits[id] = slices.Sorted(maps.Keys(r.live))
}

// release ends the use of all files by a snapshot, and gives those to delete now. What pending checkpoints may refer to, which is only
// shared files, comes from end.
func (r *SharedStateRegistry) release(id int64) []stateFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	var free []stateFile
	for _, e := range r.used[id] {
		e.users = slices.DeleteFunc(e.users, func(u int64) bool { return u == id })
		for _, w := range r.waits[id] {
			if e.shared && !slices.Contains(e.awaits, w) {
				e.awaits = append(e.awaits, w)
			}
		}
		free = r.bury(e, free)
	}
	delete(r.used, id)
	delete(r.waits, id)
	return free
}

// bury appends e to free if nobody uses it. From then on no answer may refer to it.
func (r *SharedStateRegistry) bury(e *registered, free []stateFile) []stateFile {
	if len(e.users) > 0 || len(e.awaits) > 0 || e.claim != owned {
		return free
	}
	delete(r.files, e.key)
	r.entomb(e.key)
	return append(free, e.stateFile)
}

func (r *SharedStateRegistry) entomb(key string) {
	if len(r.buried) < tombstones {
		r.buried = append(r.buried, key)
	} else {
		delete(r.tombs, r.buried[r.next])
		r.buried[r.next] = key
		r.next = (r.next + 1) % tombstones
	}
	r.tombs[key] = true
}

// forget ends the use of all files by a savepoint without deleting any: they are the user's.
func (r *SharedStateRegistry) forget(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.used[id] {
		e.users = slices.DeleteFunc(e.users, func(u int64) bool { return u == id })
		if len(e.users) == 0 && len(e.awaits) == 0 && e.claim == owned {
			delete(r.files, e.key)
		}
	}
	delete(r.used, id)
}

// strangers are those of files that no snapshot uses: what an answer brought that nobody wants. From then on no answer may refer to them.
func (r *SharedStateRegistry) strangers(files []stateFile) []stateFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []stateFile
	for _, f := range files {
		if r.files[f.key] == nil {
			r.entomb(f.key)
			out = append(out, f)
		}
	}
	return out
}

// uses are the files of a snapshot.
func (r *SharedStateRegistry) uses(id int64) (files []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.used[id] {
		files = append(files, e.key)
	}
	return files
}

// holds is whether files in a snapshot's own directory are used by others, or may yet be.
func (r *SharedStateRegistry) holds(id int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.used[id] {
		if e.inside() && (len(e.users) > 1 || e.shared && len(r.waits[id]) > 0) {
			return true
		}
	}
	return false
}

func sortFiles(files []stateFile) {
	slices.SortFunc(files, func(a, b stateFile) int { return cmp.Compare(a.key, b.key) })
}
