package settings

import (
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/flinkconf"
)

// keys are all that Load reads, by their current spelling.
var keys = []string{
	"parallelism.default", "pipeline.max-parallelism", "execution.buffer-timeout.interval",
	"state.backend.type", "state.backend.async", "state.backend.rocksdb.localdir", "state.backend.rocksdb.timer-service.factory",
	"state.backend.rocksdb.memory.managed", "state.backend.rocksdb.memory.fixed-per-tm", "state.backend.rocksdb.memory.fixed-per-slot",
	"taskmanager.memory.managed.size", "taskmanager.memory.managed.fraction", "taskmanager.memory.managed.consumer-weights",
	"state.changelog.enabled",
	"execution.checkpointing.storage", "execution.checkpointing.dir", "execution.checkpointing.savepoint-dir", "execution.checkpointing.create-subdir",
	"execution.checkpointing.data-inline-threshold", "execution.checkpointing.write-buffer-size", "execution.checkpointing.incremental",
	"execution.checkpointing.interval", "execution.checkpointing.timeout", "execution.checkpointing.min-pause",
	"execution.checkpointing.max-concurrent-checkpoints", "execution.checkpointing.tolerable-failed-checkpoints", "execution.checkpointing.num-retained",
	"execution.checkpointing.cleaner.parallel-mode", "execution.checkpointing.prefer-checkpoint-for-recovery", "execution.checkpointing.mode",
	"execution.checkpointing.externalized-checkpoint-retention", "execution.checkpointing.unaligned.enabled", "execution.checkpointing.snapshot-compression",
	"execution.checkpointing.file-merging.enabled", "execution.checkpointing.local-backup.enabled",
	"execution.state-recovery.path", "execution.state-recovery.claim-mode", "execution.state-recovery.ignore-unclaimed-state",
	"restart-strategy.type",
	"restart-strategy.fixed-delay.attempts", "restart-strategy.fixed-delay.delay",
	"restart-strategy.failure-rate.max-failures-per-interval", "restart-strategy.failure-rate.failure-rate-interval", "restart-strategy.failure-rate.delay",
	"restart-strategy.exponential-delay.initial-backoff", "restart-strategy.exponential-delay.max-backoff", "restart-strategy.exponential-delay.backoff-multiplier",
	"restart-strategy.exponential-delay.reset-backoff-threshold", "restart-strategy.exponential-delay.jitter-factor",
	"restart-strategy.exponential-delay.attempts-before-reset-backoff",
}

// Keys are the keys that have a meaning for the engine, in their current spelling, sorted.
func Keys() []string { return slices.Sorted(slices.Values(keys)) }

// Known tells whether a key has a meaning for the engine, in any of its spellings.
func Known(key string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return slices.Contains(flinkconf.Spellings(k), key) })
}

// unsupported goes through what the engine does not do.
func (r *reader) unsupported() {
	for _, no := range []struct{ key, why string }{
		{"execution.checkpointing.unaligned.enabled", "the engine takes aligned checkpoints only"},
		{"state.changelog.enabled", "the engine writes no changelog"},
		{"execution.checkpointing.snapshot-compression", "the engine writes uncompressed snapshots only"},
	} {
		if r.bool(no.key, false) {
			r.refuse(no.key, "%s", no.why)
		}
	}
	if r.bool("execution.checkpointing.file-merging.enabled", false) {
		r.warn("execution.checkpointing.file-merging.enabled: files are not merged")
	}
	if v, ok := r.Lookup("state.backend.async"); ok {
		if strings.EqualFold(v, "false") {
			r.warn("state.backend.async: false: snapshots are written beside the processing all the same")
		}
		r.bool("state.backend.async", true)
	}
}
