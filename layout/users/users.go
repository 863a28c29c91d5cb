// Package users tells who uses a file: which snapshots, by which handles, and where
// none does, what the file may be.
//
// The answer is as good as the trees that were looked through: a snapshot elsewhere may
// use the file. Only [usage.Orphan] says that nobody does, and what could not be read
// keeps a file from being one.
package users

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Answer is what is known of one file or directory.
type Answer struct {
	URL       string
	Within    bool // it lies below the root of a tree
	Exists    bool
	At        string // where it lies now, if a snapshot names it by its URL but it lies elsewhere
	Gone      bool   // it does not exist below any root, and no snapshot misses it
	Directory bool
	Size      int64                           // of a file that exists
	Modified  time.Time                       // of one; zero where the storage does not tell
	Contents  [usage.Unknown + 1]usage.Amount // of a directory, the files by their usage.Class

	Uses    []Use          // in the order of the graph's nodes
	Managed []*layout.Node // snapshots that name it, or the directory it lies in, as one of merged files

	Class  usage.Class
	Reason string  // in words
	Doubts []error // what could not be read and may use it; also where others do
	Err    error   // why it could not be looked up
}

// Use is one reference to the file by a snapshot; of a directory, all those of one
// operator that are alike.
type Use struct {
	Node       *layout.Node
	Metadata   bool // the file is the snapshot's _metadata; nothing below is set then
	Operator   metadata.OperatorID
	UID, Name  string // "" where _metadata has none
	Subtask    int32  // -1 where it is of several
	Slot       metadata.Slot
	Role       metadata.Role
	Class      string // of the stream handle, in Flink
	State      string // class of the handle that the stream belongs to, "" where there is none
	File       string // its name within a database, such as 000012.sst
	KeyGroups  *metadata.KeyGroupRange
	Segment    *layout.Segment // the part of a merged file; its Object is not set
	Offset     *int64          // where in a file of a changelog its changes begin
	Scope      layout.Scope
	Path       string // as it stands in _metadata; of a directory, that of the first
	Fault      layout.Fault
	References int

	found layout.Found
}

// Finder looks for the uses of files while a graph is made. It is for one graph.
type Finder struct {
	targets []*target
	byName  map[string][]*target // files
	dirs    []*target
	trees   []*layout.Tree
	sink    sink
}

// target is a file or directory that was asked for.
type target struct {
	url     string
	tree    *layout.Tree // nil where it lies in none
	key     string
	objects []layout.ObjectID // sorted; of a directory, all that lies in it
	link    bool              // it is a symbolic link or another special entry
	dir     bool
	exists  bool
	err     error // why it is not known whether it exists
}

// object is the file itself.
func (t *target) object() (layout.ObjectID, bool) {
	if t.dir || len(t.objects) == 0 {
		return layout.NoObject, false
	}
	return t.objects[0], true
}
