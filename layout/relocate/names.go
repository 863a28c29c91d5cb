package relocate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// join is a key below another one, which may be "".
func join(dir, key string) string { return path.Join(dir, key) }

// derivedName is a name such as Flink gives, a UUID, that depends on nothing but what the
// file holds: a copy that goes on later finds its files.
func derivedName(u unit) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "ckpt copy\n%s\n%d\n%d\n", u.source, u.offset, u.size))
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x80 // version 8: by a rule of one's own
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	s := hex.EncodeToString(id)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// snapshotDir is where a snapshot lies below the root of its tree: {job-id}/chk-N, or the
// directory's own name where no job encloses it.
func snapshotDir(url string) string {
	p := layout.ParsePlace(url).Path
	if tail, ok := jobTail(p); ok {
		return tail
	}
	return path.Base(p)
}

// tail is where a file or directory that an absolute path names lies below the root of
// its tree. Where no job, savepoint or scope tells, it is beside the snapshot's.
func tail(p string) string {
	p = layout.ParsePlace(layout.Canonical(p)).Path
	if t, ok := jobTail(p); ok {
		return t
	}
	elements := strings.Split(strings.Trim(p, "/"), "/")
	for i := len(elements) - 2; i >= 0; i-- {
		if isAnchor(elements[i]) {
			return strings.Join(elements[i:], "/")
		}
	}
	return strings.Join(elements[max(0, len(elements)-2):], "/")
}

// jobTail is the part of a path from the nearest job id above its end on.
func jobTail(p string) (string, bool) {
	elements := strings.Split(strings.Trim(p, "/"), "/")
	for i := len(elements) - 2; i >= 0; i-- {
		if _, err := layout.ParseJobID(elements[i]); err == nil {
			return strings.Join(elements[i:], "/"), true
		}
	}
	return "", false
}

// isAnchor tells whether a directory of this name lies at the top of a tree without
// directories of jobs.
func isAnchor(name string) bool {
	switch name {
	case layout.SharedName, layout.TaskOwnedName, layout.ChangelogName:
		return true
	}
	_, savepoint := layout.ParseSavepointName(name)
	_, checkpoint := layout.ParseCheckpointDir(name)
	return savepoint || checkpoint
}

// reserved tells whether a file of the copy must not have this name.
func reserved(name string) bool {
	_, pending := layout.ParsePendingMetadata(name)
	return pending || name == layout.MetadataName || layout.IsCopyMarker(name)
}
