package flinkconf

import "strings"

// renamed are Flink's keys with their older spellings, in the order in which they count.
var renamed = [][]string{
	{"state.backend.type", "state.backend"},
	{"execution.checkpointing.storage", "state.checkpoint-storage"},
	{"execution.checkpointing.dir", "state.checkpoints.dir", "state.backend.fs.checkpointdir"},
	{"execution.checkpointing.savepoint-dir", "state.savepoints.dir", "savepoints.state.backend.fs.dir"},
	{"execution.checkpointing.create-subdir", "state.checkpoints.create-subdir"},
	{"execution.checkpointing.num-retained", "state.checkpoints.num-retained"},
	{"execution.checkpointing.cleaner.parallel-mode", "state.checkpoint.cleaner.parallel-mode"},
	{"execution.checkpointing.incremental", "state.backend.incremental"},
	{"execution.checkpointing.data-inline-threshold", "state.storage.fs.memory-threshold", "state.backend.fs.memory-threshold"},
	{"execution.checkpointing.write-buffer-size", "state.storage.fs.write-buffer-size", "state.backend.fs.write-buffer-size"},
	{"execution.checkpointing.externalized-checkpoint-retention"},
	{"execution.checkpointing.local-backup.enabled", "execution.state-recovery.from-local", "state.backend.local-recovery"},
	{"execution.checkpointing.local-backup.dirs", "taskmanager.state.local.root-dirs"},
	{"execution.state-recovery.without-channel-state.checkpoint-id", "execution.checkpointing.recover-without-channel-state.checkpoint-id"},
	{"execution.checkpointing.unaligned.enabled", "execution.checkpointing.unaligned"},
	{"execution.checkpointing.unaligned.max-subtasks-per-channel-state-file"},
	{"execution.checkpointing.file-merging.enabled"},
	{"execution.checkpointing.file-merging.across-checkpoint-boundary"},
	{"execution.checkpointing.file-merging.max-file-size"},
	{"execution.checkpointing.file-merging.pool-blocking"},
	{"execution.checkpointing.file-merging.max-subtasks-per-file"},
	{"execution.checkpointing.file-merging.max-space-amplification"},
	{"execution.state-recovery.path", "execution.savepoint.path"},
	{"execution.state-recovery.claim-mode", "execution.savepoint-restore-mode"},
	{"execution.state-recovery.ignore-unclaimed-state", "execution.savepoint.ignore-unclaimed-state"},
	{"execution.checkpointing.snapshot-compression"},
	{"web.checkpoints.history", "jobmanager.web.checkpoints.history"},
	{"execution.buffer-timeout.interval", "execution.buffer-timeout"},
	{"restart-strategy.type", "restart-strategy"},
}

// moved are groups of keys that were renamed as a whole. The first prefix that fits
// counts.
var moved = [][]string{
	{"state.changelog.dstl.dfs.", "dstl.dfs."},
	{"state.changelog.", "state.backend.changelog."},
	// What Flink hands on to its two clients of S3, which know these prefixes.
	{"s3.", "s3a.", "fs.s3a.", "presto.s3."},
}

// mirrored are the ends of keys of S3 that Flink takes in two forms.
var mirrored = [][]string{
	{"access-key", "access.key"},
	{"secret-key", "secret.key"},
	{"path.style.access", "path-style-access"},
}

// known has each spelling with all of its key.
var known = index(renamed)

func index(groups [][]string) map[string][]string {
	all := map[string][]string{}
	for _, group := range groups {
		for _, key := range group {
			all[key] = group
		}
	}
	return all
}

// Spellings are the names of a key in the order in which they count, itself among them.
func Spellings(key string) []string {
	if group, ok := known[key]; ok {
		return group
	}
	for _, prefixes := range moved {
		for _, prefix := range prefixes {
			if rest, ok := strings.CutPrefix(key, prefix); ok {
				return combine(prefixes, mirror(rest))
			}
		}
	}
	return []string{key}
}

// mirror is both forms of the end of a key.
func mirror(rest string) []string {
	for _, forms := range mirrored {
		for _, form := range forms {
			if rest == form {
				return forms
			}
		}
	}
	return []string{rest}
}

func combine(prefixes, ends []string) (keys []string) {
	for _, prefix := range prefixes {
		for _, end := range ends {
			keys = append(keys, prefix+end)
		}
	}
	return keys
}
