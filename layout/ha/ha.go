// Package ha reads what Flink's high-availability services and its JobResultStore
// keep in a file system: which checkpoints a JobManager would restore after a failure,
// which jobs it would start again, and which have ended for good.
//
// The services for ZooKeeper and for Kubernetes write the same files; what they keep
// elsewhere are but pointers to these.
//
//	{high-availability.storageDir}/
//	  {high-availability.cluster-id}/           absent up to Flink 1.8
//	    completedCheckpoint{12 hex digits}      CompletedCheckpoint, as a Java object stream
//	    submittedJobGraph{12 hex digits}        JobGraph (SubmittedJobGraph up to 1.8)
//	    submittedExecutionPlan{12 hex digits}   StreamGraph or JobGraph, from 2.0 on
//	    blob/…                                  jars and the like
//	    {job-id}/job-events/events.{n}          of batch jobs, from 1.20 on
//	  job-result-store/{cluster-id}/            or {job-result-store.storage-path}/, from 1.15 on
//	    {job-id}_DIRTY.json                     ended, what it left is being cleaned up
//	    {job-id}.json                           ended and cleaned up; mostly deleted at once
//
// A checkpoint that cannot be read is an error, and never left out: it may be one that
// a job is about to be restored from.
package ha

import (
	"context"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// Storage is what a directory holds. Each list is sorted by File.
type Storage struct {
	Checkpoints []Checkpoint
	Live        []PersistedJob
	Results     []Result
	Known       int // further files and directories that Flink makes, such as blobs
	Unknown     int // files with names that are none of Flink's
}

// Empty tells whether there is nothing of Flink's.
func (s *Storage) Empty() bool {
	return len(s.Checkpoints)+len(s.Live)+len(s.Results)+s.Known == 0
}

// Checkpoint is a checkpoint that a JobManager would restore after a failure
// (CompletedCheckpoint).
type Checkpoint struct {
	File   string // its key below the store's root
	Job    layout.JobID
	HasJob bool
	ID     int64
	// Pointer is the external pointer: its directory, as a URL. It is "" for one that
	// lies in this file alone (JobManagerCheckpointStorage).
	Pointer string
	// Paths are all absolute paths and URLs in the object, Pointer among them: each is of
	// a file or directory that must stay. Names of state that is inline are left out.
	Paths []string
}

// PersistedJob is a job that a JobManager would start again after a failure (ExecutionPlan).
type PersistedJob struct {
	File     string
	Job      layout.JobID
	HasJob   bool   // false where the plan cannot be read: some job is live
	Restored string // the snapshot that it was submitted with, "" where there is none
}

// Result is an entry of the JobResultStore: a job that has ended for good.
type Result struct {
	File   string
	Job    layout.JobID
	Status string // SUCCEEDED, FAILED, CANCELED or UNKNOWN (ApplicationStatus)
	Dirty  bool   // what the job left is still being cleaned up
}

// Error is a directory, or a file in it, that cannot be read as Flink's.
type Error struct {
	URL     string
	Message string
	Hint    string
	Err     error // behind it, may be nil
}

// Error implements error.
func (e *Error) Error() string { return e.URL + ": " + e.Message }

// Unwrap gives the error behind it.
func (e *Error) Unwrap() error { return e.Err }

// ErrPath is the directory or file.
func (e *Error) ErrPath() string { return e.URL }

// ErrHint is what to do about it.
func (e *Error) ErrHint() string { return e.Hint }

// Read reads all that lies below the root of store, of whichever clusters.
//
// Flink writes and deletes these files as it goes: where one vanishes or is not whole
// yet, all is read again, a few times. So the result is of a moment at which nothing
// was missing; what a JobManager writes later is newer than all of it.
func Read(ctx context.Context, store layout.Store) (*Storage, error) {
	r := reader{store: store, pause: settling}
	return r.settle(ctx)
}

// Dirs are the directories that Read has to look into, by Flink's configuration: that
// of high availability, and the JobResultStore's where it lies elsewhere. Flink makes
// the second one with the first result, so that it need not be there. The cluster's id is
// not asked for, as the directories of other clusters count as well.
func Dirs(conf func(key string) (string, bool)) []string {
	var dirs []string
	for _, key := range []string{"high-availability.storageDir", "high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"} {
		if dir, ok := conf(key); ok && strings.TrimSpace(dir) != "" {
			dirs = append(dirs, dir)
			break
		}
	}
	results, ok := conf("job-result-store.storage-path")
	if !ok || len(dirs) == 0 || strings.TrimSpace(results) == "" || within(results, dirs[0]) {
		return dirs
	}
	return append(dirs, results)
}

// within is whether url is dir or lies below it.
func within(url, dir string) bool {
	url, dir = layout.Canonical(url), layout.Canonical(dir)
	return url == dir || strings.HasPrefix(url, strings.TrimSuffix(dir, "/")+"/")
}
