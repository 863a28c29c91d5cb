package prune

import (
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// Names of files are random. Where two files have one, the second is a copy of the first,
// or the first under another name of its storage: an alias, a mount, a link. Which of them
// a snapshot means is a guess then, so that none goes as long as a snapshot that stays uses
// any.

// holdTwins keeps files that have the name of one that is used.
func (p *planner) holdTwins(users *tally) {
	count := 0
	for _, f := range p.fates {
		if f == going {
			count++
		}
	}
	names := make([]uint64, 0, count)
	p.eachFile(func(t *layout.Tree, f layout.FileID) {
		if p.fates[t.Object(f)] == going && t.Files.Random(f) {
			names = append(names, t.Files.NameHash(f))
		}
	})
	slices.Sort(names)
	used := map[uint64]bool{}
	p.eachFile(func(t *layout.Tree, f layout.FileID) {
		if id := t.Object(f); users.free(id) || !t.Files.Random(f) {
			return
		}
		if h := t.Files.NameHash(f); len(names) > 0 {
			if _, twin := slices.BinarySearch(names, h); twin {
				used[h] = true
			}
		}
	})
	if len(used) > 0 {
		p.keepItems(func(id layout.ObjectID) bool {
			t, f := p.Graph.Object(id)
			return t.Files.Random(f) && used[t.Files.NameHash(f)]
		})
	}
}

func (p *planner) eachFile(do func(*layout.Tree, layout.FileID)) {
	for _, t := range p.Graph.Trees {
		for f := range layout.FileID(t.Files.Len()) {
			do(t, f)
		}
	}
}

// keepItems takes files out of all batches.
func (p *planner) keepItems(twin func(layout.ObjectID) bool) {
	keep := func(it Item) bool {
		if !twin(it.Object) {
			return false
		}
		p.holdFile(it.Object, GuardElsewhere)
		return true
	}
	for _, j := range p.list {
		for k := range j.batch.Snapshots {
			r := &j.batch.Snapshots[k]
			r.Files = slices.DeleteFunc(r.Files, keep)
		}
		j.batch.Shared = slices.DeleteFunc(j.batch.Shared, keep)
		j.batch.Orphans = slices.DeleteFunc(j.batch.Orphans, keep)
	}
}
