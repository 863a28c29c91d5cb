package layout

import (
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Scope says to whom bytes belong. A listing tells it by the directory in which a
// file lies, and a _metadata by the handle; who uses a file is another question, which
// only all _metadata together answer (Flink: CheckpointedStateScope, and more).
type Scope uint8

// The scopes.
const (
	Other     Scope = iota // nothing of Flink's
	Exclusive              // one snapshot's alone
	Shared                 // of any number of snapshots of a job
	TaskOwned              // of the tasks, until no snapshot refers to it
	Changelog              // dstl; shared as well
	Inline                 // within _metadata
)

var scopeNames = [...]string{"OTHER", "EXCLUSIVE", "SHARED", "TASKOWNED", "CHANGELOG", "INLINE"}

// String is the scope in capitals, as Flink writes it.
func (s Scope) String() string { return scopeNames[s] }

// ScopeOf tells who owns what h refers to; p is where it stands. The list of an
// incremental handle decides, not the directory: RocksDB's private files lie in
// shared/ and still belong to their checkpoint.
func ScopeOf(p metadata.Place, h metadata.StreamHandle) Scope {
	switch h := h.(type) {
	case *metadata.InlineHandle, *metadata.EmptySegmentHandle:
		return Inline
	case *metadata.RelativeFileHandle:
		return Exclusive
	case *metadata.KeyGroupsHandle:
		return ScopeOf(p, h.Delegate)
	case *metadata.SegmentHandle:
		if h.Scope == metadata.Shared {
			return Shared
		}
		return Exclusive
	case *metadata.FileHandle:
		return FileScope(p.Role, DirScope(dirOf(h.Path.String())))
	}
	return Exclusive
}

func dirOf(p string) string { return p[:max(0, strings.LastIndexByte(p, '/'))] }

// FileScope is ScopeOf for a file that is named by an absolute path and lies in a
// directory of the scope dir.
func FileScope(role metadata.Role, dir Scope) Scope {
	switch {
	case dir == TaskOwned:
		return TaskOwned
	case role == metadata.SharedFile || role == metadata.ChangelogLog:
		return Shared
	case role == metadata.PrivateFile || role == metadata.MetaState || dir == Other:
		return Exclusive
	}
	return Shared
}

// DirScope tells by its path what a directory is: shared, taskowned, dstl or one for
// file merging below these; Other where it is none of them.
func DirScope(dir string) Scope {
	for range 2 {
		i := strings.LastIndexByte(dir, '/')
		switch dir[i+1:] {
		case TaskOwnedName:
			return TaskOwned
		case SharedName:
			return Shared
		case ChangelogName:
			return Changelog
		}
		dir = dir[:max(0, i)]
	}
	return Other
}

// PathOf is the path of the file that h refers to as it stands in _metadata, "" where
// h refers to none.
func PathOf(h metadata.StreamHandle) (p string, relative bool) {
	switch h := h.(type) {
	case *metadata.RelativeFileHandle:
		return h.Path.String(), true
	case *metadata.FileHandle:
		return h.Path.String(), false
	case *metadata.SegmentHandle:
		return h.Path.String(), false
	case *metadata.KeyGroupsHandle:
		return PathOf(h.Delegate)
	}
	return "", false
}

// JobOf is the job whose directory is the nearest above p.
func JobOf(p string) (JobID, bool) {
	elements := strings.Split(ParsePlace(p).Path, "/")
	for _, e := range slices.Backward(elements[:len(elements)-1]) {
		if id, err := ParseJobID(e); err == nil {
			return id, true
		}
	}
	return JobID{}, false
}
