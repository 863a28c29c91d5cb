package cmd

import (
	"errors"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// guardHints are what to do about guards that stop everything, in the words of
// docs/safety.md.
var guardHints = map[prune.Name]string{
	prune.GuardRoot:       "check the path, and whether the disk is mounted",
	prune.GuardListing:    "give ckpt the rights to list (docs/permissions.md); name a root that holds both, or remove the link",
	prune.GuardMetadata:   "ckpt ls tells which; move it away if nobody restores from it, or use a newer ckpt",
	prune.GuardHandle:     "use a newer ckpt",
	prune.GuardReference:  "declare the root by --also-root, or say by --map OLD=NEW where the files are now",
	prune.GuardOtherRoots: "name by --also-root URL where savepoints and other jobs lie, or say --no-other-roots if nothing elsewhere uses files here",
	prune.GuardCluster:    "wait until it is up; correct --flink-url, or leave it out where the cluster is gone for good",
	prune.GuardHA:         "correct --ha-dir, and give ckpt the rights to read it",
	prune.GuardUnsaved:    "wait for its first checkpoint",
	prune.GuardClock:      "set the clock of this machine",
	prune.GuardPlan:       "make the plan anew; name a place for the journal by --journal",
}

// guardOf is the guard that err is of, "" where it is of none.
func guardOf(err error) string {
	var refused *refusedError
	var stopped *prune.StoppedError
	switch {
	case errors.As(err, &refused):
		return string(refused.guard)
	case errors.As(err, &stopped):
		return string(stopped.Guard)
	}
	return ""
}

// pathOfGuard is the first place at which a guard stops everything, as far as it is known.
func (r *pruneRun) pathOfGuard(guard prune.Name) string {
	for i := range r.graph.Nodes {
		n := &r.graph.Nodes[i]
		switch unread := n.State == layout.Corrupt || n.State == layout.Unsupported || n.State == layout.Unreadable; {
		case (guard == prune.GuardMetadata || guard == prune.GuardHandle) && unread:
			return layout.Join(n.Tree.Root, n.MetadataKey())
		case guard == prune.GuardReference && len(n.Strays)+len(n.Broken)+n.Outside.Refs > 0:
			return n.URL()
		}
	}
	return ""
}
