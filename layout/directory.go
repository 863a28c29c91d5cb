package layout

import (
	"iter"
	"time"
)

// DirID numbers the directories of a Files, those that contain others before these.
type DirID int32

// NoDir stands for what contains the root.
const NoDir DirID = -1

// Directory is a directory of a listing.
type Directory struct {
	ID     DirID
	Key    string
	Parent DirID
	// Listed is whether the store has it by itself, as a directory or by a marker object,
	// and not only by what lies in it.
	Listed   bool
	Modified time.Time // zero where the store does not tell
	Area     Area
	Job      JobID // the nearest enclosing
	HasJob   bool
	Snapshot string // the directory of the snapshot that encloses it or that it is, where InSnapshot
	// InSnapshot is whether there is one.
	InSnapshot bool
	// Home is whether the directories of checkpoints lie in it.
	Home bool
}

// Dirs are all directories, those that contain others before these. The root comes first.
func (f *Files) Dirs() iter.Seq[Directory] {
	return func(yield func(Directory) bool) {
		for _, n := range f.nodes {
			if !yield(n.directory()) {
				return
			}
		}
	}
}

// Dir is the directory in which a file lies.
func (f *Files) Dir(id FileID) DirID { return DirID(f.rows.at(id).dir) }

// DirCount is how many directories there are.
func (f *Files) DirCount() int { return len(f.nodes) }

func (n *node) directory() Directory {
	d := Directory{ID: DirID(n.number), Key: n.key, Parent: NoDir, Listed: n.listed, Modified: n.modified, Area: n.area}
	if n.parent != nil {
		d.Parent = DirID(n.parent.number)
	}
	if n.job != nil {
		d.Job, d.HasJob = *n.job, true
	}
	if n.owner != nil {
		d.Snapshot, d.InSnapshot = n.owner.Dir, true
		if n.owner.pieceOf != "" {
			d.Snapshot = n.owner.pieceOf
		}
	}
	d.Home = n.home != nil && n.home.Dir == n.key
	return d
}

// DirOf is the directory of a key, NoDir where there is none.
func (f *Files) DirOf(key string) DirID {
	if key == "." {
		key = ""
	}
	if n := f.byKey[key]; n != nil {
		return DirID(n.number)
	}
	return NoDir
}
