package layout

import (
	"cmp"
	"path"
	"slices"
	"time"
)

// Area says by the directory in which a file lies what it belongs to. Who owns the
// file is another question, which only _metadata answers: see [Scope].
type Area uint8

// The areas.
const (
	OtherArea     Area = iota // nothing of Flink's
	SnapshotArea              // the directory of a checkpoint or savepoint
	SharedArea                // shared
	TaskOwnedArea             // taskowned
	ChangelogArea             // dstl
)

// Inventory is what one listing of a tree found.
type Inventory struct {
	Root      string     // URL, canonical
	JobDirs   []JobDir   // by key
	Snapshots []Snapshot // by job, id, key
	Files     *Files     // only if asked for
	Count     int        // of files
	Bytes     int64      // of files
	Skipped   []Object   // symbolic links and special files, not followed
	// SkippedBytes is what Skipped holds: only object stores have keys with bytes that
	// are no paths.
	SkippedBytes int64
	Errors       []error // of directories that could not be listed
}

// JobDir is the directory in which the checkpoints of a job lie (Flink:
// FsCheckpointStorageAccess.checkpointsDirectory), or a job's directory below the
// base path of the changelog. A job may have several.
type JobDir struct {
	Dir       string
	Job       JobID
	HasJob    bool // false with execution.checkpointing.create-subdir=false
	Shared    bool // has the directory shared/
	TaskOwned bool // has taskowned/
	Changelog bool // has dstl/
	Merging   []MergingDir
	EntropyOf string // key of the JobDir that holds the _metadata, "" unless this is entropy
}

// MergingDir is a directory of merged files.
type MergingDir struct {
	Dir  string
	Name MergingName
}

// Snapshot is the directory of a checkpoint or savepoint, as the listing shows it.
type Snapshot struct {
	Dir      string // key, "" where the root is the snapshot
	Name     string // of the directory
	Job      JobID  // nearest enclosing
	HasJob   bool
	Number   CheckpointID // N of chk-N
	Numbered bool         // whether the name is chk-N

	Metadata *Object   // `_metadata` of whatever type, nil where there is none
	Pending  *Object   // `._metadata.inprogress.{uuid}`
	Files    int       // all files, with _metadata
	Bytes    int64     // of these
	Newest   time.Time // latest change of the directory or an entry
	Entropy  []string  // directories of entropy that hold further files of it
	Err      error     // why the directory could not be listed, nil where it was

	pieceOf string // the checkpoint whose directory of entropy this is
}

// JobName is the job id, or "" where there is none.
func (s *Snapshot) JobName() string {
	if !s.HasJob {
		return ""
	}
	return s.Job.String()
}

// JobPrefix is what the snapshot's place or name tells of its job: the whole id,
// its first 6 digits, or "".
func (s *Snapshot) JobPrefix() string {
	if s.HasJob {
		return s.JobName()
	}
	n, _ := ParseSavepointName(s.Name)
	return n.JobPrefix
}

// MetadataKey is where the snapshot's _metadata lies or would lie.
func (s *Snapshot) MetadataKey() string { return path.Join(s.Dir, MetadataName) }

// Jobs are the ids of all jobs that the tree shows, in order.
func (inv *Inventory) Jobs() []JobID {
	var ids []JobID
	for _, d := range inv.JobDirs {
		if d.HasJob {
			ids = append(ids, d.Job)
		}
	}
	for _, s := range inv.Snapshots {
		if s.HasJob {
			ids = append(ids, s.Job)
		}
	}
	slices.SortFunc(ids, func(a, b JobID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// Dirs are the keys of all directories of a job.
func (inv *Inventory) Dirs(job JobID) []string {
	var keys []string
	for _, d := range inv.JobDirs {
		if d.HasJob && d.Job == job {
			keys = append(keys, d.Dir)
		}
	}
	return keys
}

// compareSnapshots orders by job, those without one last, then id, those whose name
// shows none last, then key.
func compareSnapshots(a, b Snapshot) int {
	return cmp.Or(
		-compareBool(a.HasJob, b.HasJob),
		slices.Compare(a.Job[:], b.Job[:]),
		-compareBool(a.Numbered, b.Numbered),
		cmp.Compare(a.Number, b.Number),
		cmp.Compare(a.Dir, b.Dir),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
