package layout

import (
	"cmp"
	"slices"
)

// inventory says what each directory is. Directories come after those that contain
// them, so one pass suffices.
func (t *tree) inventory() *Inventory {
	inv := t.inv
	var homes []*JobDir
	var snapshots []*Snapshot
	for _, n := range t.nodes {
		snapshot, home := n.classify()
		if snapshot != nil {
			snapshots = append(snapshots, snapshot)
		}
		if home != nil {
			homes = append(homes, home)
		}
		n.count()
	}
	snapshots = t.joinEntropy(homes, snapshots)
	for _, s := range snapshots {
		inv.Snapshots = append(inv.Snapshots, *s)
	}
	slices.SortFunc(inv.Snapshots, compareSnapshots)
	for _, h := range homes {
		inv.JobDirs = append(inv.JobDirs, *h)
	}
	slices.SortFunc(inv.JobDirs, func(a, b JobDir) int { return cmp.Compare(a.Dir, b.Dir) })
	if inv.Files != nil {
		inv.Files.nodes, inv.Files.byKey = t.nodes, t.byKey
	}
	return inv
}

// classify finds the job, area and owner of a directory, and returns what it is
// itself: a snapshot, the directory of a job, both or neither.
func (n *node) classify() (*Snapshot, *JobDir) {
	id, err := ParseJobID(n.name)
	isJob := err == nil
	switch {
	case isJob:
		n.job = &id
	case n.parent != nil:
		n.job, n.area, n.owner, n.home = n.parent.job, n.parent.area, n.parent.owner, n.parent.home
	}
	snapshot := n.snapshot()
	if snapshot != nil {
		n.area, n.owner = SnapshotArea, snapshot
	} else if !isJob && n.parent != nil {
		n.below()
	}
	if !isJob && (!n.holdsCheckpoints || n.area != OtherArea) {
		return snapshot, nil
	}
	n.home = &JobDir{Dir: n.key, HasJob: n.job != nil}
	if n.job != nil {
		n.home.Job = *n.job
	}
	return snapshot, n.home
}

// snapshot is not nil where the directory is that of a checkpoint or savepoint.
func (n *node) snapshot() *Snapshot {
	number, numbered := ParseCheckpointDir(n.name)
	_, savepoint := ParseSavepointName(n.name)
	if !numbered && !savepoint && n.meta == nil {
		return nil
	}
	s := &Snapshot{
		Dir: n.key, Name: n.name, Number: number, Numbered: numbered,
		Metadata: n.meta, Pending: n.pending, Err: n.err,
	}
	if n.job != nil {
		s.Job, s.HasJob = *n.job, true
	}
	return s
}

// below recognises the directories that Flink makes beside chk-N. Elsewhere their
// names mean nothing.
func (n *node) below() {
	home := n.parent.home
	if home != nil && home.Dir == n.parent.key {
		switch n.name {
		case SharedName:
			n.area, n.owner, home.Shared = SharedArea, nil, true
		case TaskOwnedName:
			n.area, n.owner, home.TaskOwned = TaskOwnedArea, nil, true
		case ChangelogName:
			n.area, n.owner, home.Changelog = ChangelogArea, nil, true
		}
		return
	}
	if n.area == SharedArea || n.area == TaskOwnedArea {
		if name, ok := ParseMergingName(n.name); ok {
			home.Merging = append(home.Merging, MergingDir{Dir: n.key, Name: name})
		}
	}
}

// count adds the directory's own files to the snapshot in which it lies.
func (n *node) count() {
	if n.owner == nil {
		return
	}
	n.owner.Files += n.files
	n.owner.Bytes += n.bytes
	n.owner.Newest = later(later(n.owner.Newest, n.modified), n.newest)
}
