package cmd

import (
	"iter"
	"os"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// takesOver refuses to go on using, or to delete, files of a checkpoint that are read elsewhere than where its `_metadata` says: in the copy of a
// tree they are found by their tails, and the paths that the job's checkpoints would take over are those of the original.
func (r *running) takesOver() error {
	mode := r.claimMode()
	if r.checkpoint == nil || mode == restore.NoClaim {
		return nil
	}
	for path := range absolutePaths(r.checkpoint) {
		there, err := r.blobs.Where(path)
		if err != nil {
			return err
		}
		if said := layout.Canonical(path); there != said && !sameLocal(there, said) {
			return usagef("begin with --claim-mode no-claim, or with a copy that ckpt cp --keep-layout makes, whose paths are its own",
				"--claim-mode %s: %s names %s, and that file is read at %s: the job would take over, or delete, the former",
				claimModes[mode], metadataURL(r.target), path, there)
		}
	}
	return nil
}

// absolutePaths are those of the files that a checkpoint uses, as they stand in its `_metadata`, but for those relative to its directory.
func absolutePaths(c *metadata.Checkpoint) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, h := range c.Walk() {
			stream, ok := h.(metadata.StreamHandle)
			if !ok {
				continue
			}
			if p, relative := layout.PathOf(stream); p != "" && !relative && !yield(p) {
				return
			}
		}
	}
}

// sameLocal tells whether two URLs are one file of this machine, as by way of a symbolic link.
func sameLocal(a, b string) bool {
	if !strings.HasPrefix(a, "/") || !strings.HasPrefix(b, "/") {
		return false
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
