package settings

import (
	"os"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Settings is what a job runs with.
type Settings struct {
	Parallelism, MaxParallelism int // 0: not set
	Checkpointing               coordinator.Config
	Backend                     Backend
	// Storage is filesystem, jobmanager, or a name for a checkpoints.Registry.
	Storage           string
	Dir, SavepointDir string // URLs, "" where not set
	Threshold         int    // bytes
	WriteBuffer       int    // bytes
	MaxStateSize      int    // bytes a state, in memory
	NoSubdir          bool

	Incremental bool
	// HeapTimers is whether Pebble's timers are kept in memory.
	HeapTimers bool
	// Memory is Pebble's budget for the process, in bytes.
	Memory int64
	// LocalDir is where Pebble keeps its files; "" for a temporary directory.
	LocalDir      string
	LocalRecovery bool

	BufferTimeout time.Duration
	Restart       engine.RestartStrategy

	// What to begin with.
	RestorePath      string
	ClaimMode        restore.ClaimMode
	AllowNonRestored bool

	// Warnings are what the user should know.
	Warnings []string
}

// DefaultMemory is Pebble's budget where none is set.
const DefaultMemory = 512 << 20

// Load reads all settings. The error is of the first that cannot be: an *Error, or one of flinkconf.
func Load(l Layers) (*Settings, error) {
	r := &reader{Layers: &l}
	s := &Settings{
		Parallelism:    r.int("parallelism.default", 0, 0),
		MaxParallelism: r.int("pipeline.max-parallelism", 0, -1),
		Dir:            r.text("execution.checkpointing.dir"),
		SavepointDir:   r.text("execution.checkpointing.savepoint-dir"),
		Threshold:      int(r.bytes("execution.checkpointing.data-inline-threshold", checkpoints.DefaultThreshold)),
		WriteBuffer:    int(r.bytes("execution.checkpointing.write-buffer-size", checkpoints.DefaultWriteBuffer)),
		MaxStateSize:   checkpoints.MaxMemStateSize,
		NoSubdir:       !r.bool("execution.checkpointing.create-subdir", true),
		BufferTimeout:  r.duration("execution.buffer-timeout.interval", 100*time.Millisecond),
		LocalRecovery:  r.bool("execution.checkpointing.local-backup.enabled", false),
		RestorePath:    r.text("execution.state-recovery.path"),
	}
	s.AllowNonRestored = r.bool("execution.state-recovery.ignore-unclaimed-state", false)
	switch r.word("execution.state-recovery.claim-mode", "NO_CLAIM", "CLAIM", "LEGACY") {
	case "CLAIM":
		s.ClaimMode = restore.Claim
	case "LEGACY":
		s.ClaimMode = restore.Legacy
	}
	if s.Threshold > checkpoints.MaxThreshold || s.Threshold < 0 {
		r.refuse("execution.checkpointing.data-inline-threshold", "at most 1 MB")
	}
	s.MaxParallelism = max(s.MaxParallelism, 0)
	if s.BufferTimeout == 0 {
		s.BufferTimeout = time.Nanosecond // 0, which is each millisecond
	}
	b := r.backend()
	s.Backend, s.Storage = b.backend, r.storage(b, s.Dir)
	r.pebble(s)
	s.Checkpointing = r.checkpointing()
	s.Checkpointing.Full = s.Backend == Pebble && !s.Incremental
	s.Restart = r.restart(s.Checkpointing.Interval > 0)
	r.unsupported()
	s.Warnings = r.warnings
	return s, r.err
}

// checkpointing reads how checkpoints are taken.
func (r *reader) checkpointing() coordinator.Config {
	const prefix = "execution.checkpointing."
	c := coordinator.Config{
		Interval:           r.duration(prefix+"interval", 0),
		Timeout:            r.positive(prefix+"timeout", 10*time.Minute),
		MinPause:           r.duration(prefix+"min-pause", 0),
		MaxConcurrent:      r.int(prefix+"max-concurrent-checkpoints", 1, 1),
		TolerableFailures:  r.int(prefix+"tolerable-failed-checkpoints", 0, 0),
		NumRetained:        r.int(prefix+"num-retained", 1, 1),
		SequentialCleaning: !r.bool(prefix+"cleaner.parallel-mode", true),
		PreferCheckpoint:   r.bool(prefix+"prefer-checkpoint-for-recovery", false),
	}
	if r.word(prefix+"mode", "EXACTLY_ONCE", "AT_LEAST_ONCE") == "AT_LEAST_ONCE" {
		c.Mode = coordinator.AtLeastOnce
	}
	switch r.word(prefix+"externalized-checkpoint-retention", "NO_EXTERNALIZED_CHECKPOINTS", "NEVER_RETAIN_AFTER_TERMINATION", "DELETE_ON_CANCELLATION",
		"RETAIN_ON_FAILURE", "RETAIN_ON_CANCELLATION") {
	case "DELETE_ON_CANCELLATION", "RETAIN_ON_FAILURE":
		c.Retention = coordinator.RetainOnFailure
	case "RETAIN_ON_CANCELLATION":
		c.Retention = coordinator.RetainOnCancellation
	}
	return c
}

// pebble reads what belongs to RocksDB, and goes to Pebble.
func (r *reader) pebble(s *Settings) {
	s.Incremental = r.bool("execution.checkpointing.incremental", s.Backend == Pebble)
	s.LocalDir = r.directory("state.backend.rocksdb.localdir")
	s.HeapTimers = r.word("state.backend.rocksdb.timer-service.factory", "ROCKSDB", "HEAP", "PEBBLE") == "HEAP"
	if s.Backend == Pebble && !s.Incremental {
		r.warn("execution.checkpointing.incremental: false: every checkpoint uploads all tables")
	}
	s.Memory = r.memory()
}

// directory is one local directory. Flink takes several, between which it chooses.
func (r *reader) directory(key string) string {
	v := r.text(key)
	if strings.ContainsAny(v, ","+string(os.PathListSeparator)) {
		r.refuse(key, "want the path of one directory")
	}
	return v
}

// memory is the budget of Pebble: Flink's managed memory, which has no size of its own here but the one that is set. As in Flink, memory of a slot
// goes before managed memory, and that before memory of a TaskManager (Flink: RocksDBSharedResourcesFactory).
func (r *reader) memory() int64 {
	const managed, rocks = "taskmanager.memory.managed.", "state.backend.rocksdb.memory."
	_, sized := r.Lookup(managed + "size")
	if _, ok := r.Lookup(managed + "fraction"); ok && !sized {
		r.refuse(managed+"fraction", "there is no TaskManager whose memory it could be a fraction of; set %ssize", managed)
	}
	if _, ok := r.Lookup(managed + "consumer-weights"); ok {
		r.refuse(managed+"consumer-weights", "all managed memory is Pebble's")
	}
	_, slot := r.Lookup(rocks + "fixed-per-slot")
	_, taskManager := r.Lookup(rocks + "fixed-per-tm")
	switch use := r.bool(rocks+"managed", true); {
	case slot:
		return r.budget(rocks + "fixed-per-slot")
	case use:
		return r.budget(managed + "size")
	case taskManager:
		return r.budget(rocks + "fixed-per-tm")
	}
	r.refuse(rocks+"managed", "without a bound memory is not given out; set %ssize, or %sfixed-per-tm", managed, rocks)
	return DefaultMemory
}

// budget is a size of memory for Pebble.
func (r *reader) budget(key string) int64 {
	n := r.bytes(key, DefaultMemory)
	if n <= 0 {
		r.refuse(key, "it leaves Pebble no memory")
	}
	return n
}
