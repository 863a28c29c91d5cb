package cmd

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// warnOfSharing tells, before a claimed checkpoint becomes the job's own, which other ones use its files: those cannot be restored any more once
// the job has deleted the files. They lie in the same directory, or in that of an earlier job, where this one's files are where that one's
// were (claim mode legacy).
func (r *running) warnOfSharing(ctx context.Context) {
	if r.checkpoint == nil || r.claimMode() != restore.Claim {
		return
	}
	shared := sharedFiles(r.checkpoint)
	for _, dir := range jobDirectories(shared) {
		others, err := r.sharers(ctx, dir, shared)
		if err != nil {
			r.env.Log.Warn("whether other checkpoints use files of the claimed one is not known", "dir", dir, "error", err)
		}
		if len(others) > 0 {
			r.env.Log.Warn("other checkpoints use files of the claimed one, and are lost when the job deletes those; --claim-mode no-claim leaves them be",
				"dir", dir, "checkpoints", strings.Join(others, " "))
		}
	}
}

// sharedFiles is the files below shared/ that a checkpoint uses.
func sharedFiles(c *metadata.Checkpoint) map[string]bool {
	files := map[string]bool{}
	for p := range absolutePaths(c) {
		if path.Base(path.Dir(p)) == layout.SharedName {
			files[layout.Canonical(p)] = true
		}
	}
	return files
}

// jobDirectories is where the directories shared/ of the files lie.
func jobDirectories(shared map[string]bool) []string {
	dirs := map[string]bool{}
	for file := range shared {
		dirs[strings.TrimSuffix(file[:strings.LastIndexByte(file, '/')], "/"+layout.SharedName)] = true
	}
	return slices.Sorted(maps.Keys(dirs))
}

// sharers is the names of the complete snapshots in the directory of a job that use one of the files, but for that to begin with.
func (r *running) sharers(ctx context.Context, dir string, shared map[string]bool) (names []string, err error) {
	store, err := r.env.OpenStore(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	own := layout.Canonical(r.target.URL())
	for o, failure := range store.Children(ctx, "") {
		if failure != nil {
			return names, failure
		}
		if o.Type != layout.TypeDir || o.Name() == layout.SharedName || o.Name() == layout.TaskOwnedName {
			continue
		}
		if at := layout.Join(store.URL(), o.Key); at == own || sameLocal(at, own) {
			continue
		}
		c, _, failure := readMetadata(ctx, &layout.Target{Store: store, Dir: o.Key, Metadata: layout.Join(o.Key, layout.MetadataName)})
		switch {
		case errors.Is(failure, fs.ErrNotExist): // not complete, or going just now
		case failure != nil:
			err = failure // the others are told of all the same
		case meet(sharedFiles(c), shared):
			names = append(names, o.Name())
		}
	}
	return names, err
}

func meet(a, b map[string]bool) bool {
	for x := range a {
		if b[x] {
			return true
		}
	}
	return false
}
