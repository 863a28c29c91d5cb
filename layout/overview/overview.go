// Package overview sums up one checkpoint for a person: what it is, who can have
// written it, what its operators hold and where that lies, and what is unusual. It
// reads _metadata as a stream and never holds more than one sub-task of it.
package overview

import (
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Overview is what is worth knowing of a checkpoint.
type Overview struct {
	Version    int32
	ID         int64
	Properties *metadata.Properties // nil below version 4
	Writers    metadata.Releases    // that can have written it
	Readers    metadata.Releases    // that can read it

	MasterStates int
	Operators    []Operator // the biggest first
	Sizes        metadata.Sizes
	Bytes        Bytes
	Canonical    bool // holds keyed state of a canonical savepoint

	Refs      Refs
	OtherJobs map[layout.JobID]Part // files of other jobs, by job
	Findings  []metadata.Finding
}

// Operator is one operator.
type Operator struct {
	Name, UID                   string // "" where _metadata has none
	ID                          metadata.OperatorID
	Parallelism, MaxParallelism int32
	FullyFinished               bool
	Subtasks, Finished          int // entries of sub-tasks, and how many of them had finished
	Sizes                       metadata.Sizes
	Bytes                       Bytes
	Refs                        int // references to files
	Kinds                       Kinds
	Rows                        []Subtask // only if asked for
}

// Subtask is one sub-task of an operator.
type Subtask struct {
	Index     int32
	Finished  bool
	KeyGroups metadata.KeyGroupRange // of its managed keyed state
	HasGroups bool
	Sizes     metadata.Sizes
	Bytes     Bytes
	Refs      int
	Kinds     Kinds
	States    []string // names of its operator states
}

// Stream is one stream handle, and where what it refers to lies.
type Stream struct {
	metadata.Place
	Handle   metadata.StreamHandle
	Scope    layout.Scope
	Bytes    int64           // that count at this place
	Path     string          // as it stands in _metadata, "" where there is no file
	Relative bool            // Path is relative to the checkpoint's directory
	Location layout.Location // of the file; zero where there is none
}

// Options say what is told besides the sums.
type Options struct {
	Rows    func(*metadata.OperatorState) bool // of which operators to list the sub-tasks; nil: of none
	Streams func(*Stream) error                // is told of every stream handle; may be nil
}

// Bytes are sizes of state by where it lies. Their sum is Flink's state size, as long
// as changelogs have files for what they say they hold. What several handles name
// counts several times.
type Bytes struct {
	Inline    int64 // in _metadata itself
	Exclusive int64 // files of this checkpoint alone
	Shared    int64 // files that the job's other checkpoints may use, changelog included
	TaskOwned int64
	Elsewhere int64 // files of another job, or of none and outside of the tree
}

// Total is the sum.
func (b Bytes) Total() int64 { return b.Inline + b.Exclusive + b.Shared + b.TaskOwned + b.Elsewhere }

// Add adds o to b.
func (b *Bytes) Add(o Bytes) {
	b.Inline += o.Inline
	b.Exclusive += o.Exclusive
	b.Shared += o.Shared
	b.TaskOwned += o.TaskOwned
	b.Elsewhere += o.Elsewhere
}

// Part is a number of references and the bytes behind them.
type Part struct {
	Refs  int
	Bytes int64
}

func (p *Part) add(n int64) { p.Refs++; p.Bytes += n }

// Refs are the references to files, by what they mean for whoever moves the checkpoint.
type Refs struct {
	All      Part
	Absolute Part   // by absolute path: a copy of the directory still points to the old place
	Beside   Part   // to files that do not lie in the checkpoint's own directory
	Outside  Part   // to files that are not found below the tree
	Example  string // path of one of these
	Unasked  Part   // to files outside of the tree that were not looked for: there are too many places
	ByTail   Part   // to files that are to be looked for below the tree, by the end of their path
	Mapped   Part   // to files that a mapping finds
	Merging  int    // operator states with managed directories of file merging, absolute as well
}

// SelfContained tells whether all that the checkpoint refers to lies in its own directory.
func (o *Overview) SelfContained() bool { return o.Refs.Beside.Refs == 0 && o.Refs.Merging == 0 }

// Relocatable tells whether the checkpoint's directory can be copied elsewhere and
// restored there: it is self-contained, and by relative paths.
func (o *Overview) Relocatable() bool { return o.SelfContained() && o.Refs.Absolute.Refs == 0 }

// Kinds are the kinds of state that an operator holds, as bits.
type Kinds uint16

// The kinds.
const (
	OperatorState Kinds = 1 << iota // list, union, broadcast
	RawOperatorState
	KeyGroups        // one stream with offsets by key group: heap, or a full checkpoint of any backend
	Canonical        // the same in a canonical savepoint
	Incremental      // the files of a RocksDB or ForSt database
	Changelog        // a materialized state and the changes since
	RawKeyedState    // by key group, in a form that only the operator knows
	ChannelState     // in-flight data
	CoordinatorState // of a source or sink
	MergedFiles      // some of it lies in files that several states share
)

var kindNames = [...]string{"operator", "raw-operator", "key-groups", "canonical", "incremental", "changelog", "raw-keyed",
	"channel", "coordinator", "merged-files"}

// Names are short names of the kinds.
func (k Kinds) Names() []string {
	names := []string{}
	for i, n := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}
