package ha

import (
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// The names that Flink gives (ZooKeeperUtils, kubernetes.utils.Constants, BlobUtils,
// FileSystemJobResultStore, FileSystemJobEventStore).
const (
	checkpointPrefix = "completedCheckpoint"
	planPrefix       = "submitted" // submittedJobGraph, submittedExecutionPlan
	blobDir          = "blob"
	resultsDir       = "job-result-store"
	blobPrefix       = "blob_"
	eventsPrefix     = "events."
	resultSuffix     = ".json"
	dirtySuffix      = "_DIRTY.json"
)

// kind is what a file is by its name.
type kind uint8

const (
	kindUnknown    kind = iota
	kindKnown           // Flink's, and nothing that counts here
	kindCheckpoint      // CompletedCheckpoint
	kindPlan            // JobGraph, StreamGraph
	kindResult          // JobResultEntry
)

func kindOf(key string) kind {
	name := path.Base(key)
	_, _, isResult := resultName(name)
	switch {
	case strings.HasPrefix(name, checkpointPrefix):
		return kindCheckpoint
	case strings.HasPrefix(name, planPrefix):
		return kindPlan
	case isResult:
		return kindResult
	case strings.HasPrefix(name, blobPrefix), strings.HasPrefix(name, eventsPrefix), strings.Contains("/"+key, "/"+blobDir+"/"):
		return kindKnown
	}
	return kindUnknown
}

// isDir tells whether a directory is one that Flink makes.
func isDir(key string) bool {
	name := path.Base(key)
	return name == blobDir || name == resultsDir
}

// resultName reads {job-id}.json and {job-id}_DIRTY.json.
func resultName(name string) (job layout.JobID, dirty, ok bool) {
	id, dirty := strings.CutSuffix(name, dirtySuffix)
	if !dirty {
		if id, ok = strings.CutSuffix(name, resultSuffix); !ok {
			return job, false, false
		}
	}
	job, err := layout.ParseJobID(id)
	return job, dirty, err == nil
}
