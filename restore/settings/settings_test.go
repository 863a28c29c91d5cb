package settings

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// conf is "key: value" for each argument.
func conf(lines ...string) *flinkconf.Config {
	c := &flinkconf.Config{}
	for _, l := range lines {
		key, value, _ := strings.Cut(l, ": ")
		c.Set(key, value)
	}
	return c
}

// TestBackends is the table of docs/run.md.
func TestBackends(t *testing.T) {
	const dir = "execution.checkpointing.dir: /c"
	for _, c := range []struct {
		conf    string // of the key state.backend.type, unless it has a colon
		backend Backend
		without string // storage without a directory, "" for an error
		with    string
	}{
		{"", HashMap, "jobmanager", "filesystem"},
		{"hashmap", HashMap, "jobmanager", "filesystem"},
		{"HashMap", HashMap, "jobmanager", "filesystem"},
		{"pebble", Pebble, "jobmanager", "filesystem"},
		{"rocksdb", Pebble, "jobmanager", "filesystem"},
		{"filesystem", HashMap, "jobmanager", "filesystem"},
		{"jobmanager", HashMap, "jobmanager", "jobmanager"},
		{"MemoryStateBackend", HashMap, "jobmanager", "jobmanager"},
		{"org.apache.flink.runtime.state.memory.MemoryStateBackendFactory", HashMap, "jobmanager", "jobmanager"},
		{"FsStateBackend", HashMap, "", "filesystem"},
		{"org.apache.flink.runtime.state.filesystem.FsStateBackendFactory", HashMap, "", "filesystem"},
		{"RocksDBStateBackend", Pebble, "", "filesystem"},
		{"org.apache.flink.contrib.streaming.state.RocksDBStateBackendFactory", Pebble, "", "filesystem"},
		{"org.apache.flink.contrib.streaming.state.EmbeddedRocksDBStateBackendFactory", Pebble, "jobmanager", "filesystem"},
		{"org.apache.flink.state.rocksdb.EmbeddedRocksDBStateBackendFactory", Pebble, "jobmanager", "filesystem"},
		{"org.apache.flink.runtime.state.hashmap.HashMapStateBackendFactory", HashMap, "jobmanager", "filesystem"},
		{"state.backend: rocksdb", Pebble, "jobmanager", "filesystem"},
		{"execution.checkpointing.storage: jobmanager", HashMap, "jobmanager", "jobmanager"},
		{"execution.checkpointing.storage: filesystem", HashMap, "", "filesystem"},
		{"state.checkpoint-storage: filesystem", HashMap, "", "filesystem"},
		{"execution.checkpointing.storage: mine", HashMap, "mine", "mine"},
	} {
		line := c.conf
		if !strings.Contains(line, ": ") && line != "" {
			line = "state.backend.type: " + line
		}
		for _, with := range []bool{false, true} {
			lines, want := []string{line}, c.without
			if with {
				lines, want = append(lines, dir), c.with
			}
			s, err := Load(Layers{Configuration: conf(lines...)})
			if (err != nil) != (want == "") {
				t.Errorf("%v: %v", lines, err)
			} else if err == nil && (s.Backend != c.backend || s.Storage != want) {
				t.Errorf("%v: %s on %s", lines, s.Backend, s.Storage)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for line, want := range map[string]string{
		"state.backend.type: forst":                                           "ForSt",
		"state.backend.type: changelog":                                       "layer",
		"state.backend.type: com.example.Backend":                             "no such state backend",
		"execution.checkpointing.unaligned: true":                             "aligned",
		"state.backend.changelog.enabled: true":                               "changelog",
		"execution.checkpointing.snapshot-compression: true":                  "uncompressed",
		"taskmanager.memory.managed.fraction: 0.4":                            "managed.size",
		"taskmanager.memory.managed.consumer-weights: A:1":                    "Pebble's",
		"taskmanager.memory.managed.size: 0":                                  "no memory",
		"state.backend.rocksdb.memory.managed: false":                         "fixed-per-tm",
		"execution.checkpointing.data-inline-threshold: 2mb":                  "1 MB",
		"execution.checkpointing.interval: often":                             "often",
		"execution.checkpointing.mode: SOMETIMES":                             "EXACTLY_ONCE",
		"execution.checkpointing.num-retained: 0":                             "from 1 on",
		"execution.checkpointing.externalized-checkpoint-retention: KEEP":     "RETAIN_ON_CANCELLATION",
		"execution.state-recovery.claim-mode: MINE":                           "NO_CLAIM",
		"restart-strategy.type: hope":                                         "fixed-delay",
		"restart-strategy.exponential-delay.jitter-factor: x":                 "number",
		"restart-strategy.exponential-delay.backoff-multiplier: 1,5":          "number",
		"restart-strategy.exponential-delay.initial-backoff: ever":            "ever",
		"state.backend.async: perhaps":                                        "perhaps",
		"execution.checkpointing.timeout: 0":                                  "above 0",
		"state.backend.rocksdb.localdir: /a,/b":                               "one directory",
		"state.backend.rocksdb.memory.fixed-per-slot: 0":                      "no memory",
		"restart-strategy.exponential-delay.backoff-multiplier: 1":            "above 1",
		"restart-strategy.failure-rate.max-failures-per-interval: 0":          "from 1 on",
		"restart-strategy.failure-rate.failure-rate-interval: 0 ms":           "above 0",
		"restart-strategy.exponential-delay.jitter-factor: 1.5":               "0 to 1",
		"restart-strategy.exponential-delay.initial-backoff: 2 min":           "no more than",
		"restart-strategy.exponential-delay.max-backoff: 0":                   "above 0",
		"restart-strategy.exponential-delay.attempts-before-reset-backoff: 0": "from 1 on",
	} {
		lines := []string{line}
		for _, strategy := range []string{"exponential-delay", "failure-rate"} {
			if strings.HasPrefix(line, "restart-strategy."+strategy) {
				lines = append(lines, "restart-strategy.type: "+strategy)
			}
		}
		if _, err := Load(Layers{Application: conf(lines...)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	var e *Error
	if _, err := Load(Layers{Application: conf("state.backend.type: forst")}); !errors.As(err, &e) || e.Key != "state.backend.type" {
		t.Errorf("%v", err)
	}
}

func TestLoad(t *testing.T) {
	s, err := Load(Layers{
		Application: conf("execution.checkpointing.interval: 200ms", "state.backend: jobmanager", "execution.savepoint-restore-mode: claim"),
		Configuration: conf("execution.checkpointing.interval: 1 min", "state.checkpoints.dir: s3://b/c", "state.backend.fs.memory-threshold: 1kb",
			"execution.checkpointing.externalized-checkpoint-retention: DELETE_ON_CANCELLATION", "execution.checkpointing.mode: at_least_once",
			"taskmanager.memory.managed.size: 1g", "state.backend.rocksdb.timer-service.factory: heap", "state.backend.rocksdb.localdir: /l",
			"execution.buffer-timeout: 5", "parallelism.default: 3", "state.checkpoints.num-retained: 4", "execution.savepoint.ignore-unclaimed-state: true",
			"execution.checkpointing.prefer-checkpoint-for-recovery: true", "state.backend.async: false", "state.checkpoint.cleaner.parallel-mode: false",
			"execution.checkpointing.file-merging.enabled: true", "unknown.key: 1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := s.Checkpointing
	if c.Interval != 200*time.Millisecond || c.Mode != coordinator.AtLeastOnce || c.Retention != coordinator.RetainOnFailure || c.NumRetained != 4 || !c.SequentialCleaning || !c.PreferCheckpoint {
		t.Errorf("%+v", c)
	}
	if s.Backend != HashMap || s.Storage != "jobmanager" || s.Dir != "s3://b/c" || s.Threshold != 1024 || s.Memory != 1<<30 || !s.HeapTimers ||
		s.LocalDir != "/l" || s.BufferTimeout != 5*time.Millisecond || s.Parallelism != 3 || s.ClaimMode != restore.Claim || !s.AllowNonRestored {
		t.Errorf("%+v", s)
	}
	for _, want := range []string{"state.backend.type: jobmanager", "state.backend.async", "file-merging"} {
		if !strings.Contains(strings.Join(s.Warnings, "\n"), want) {
			t.Errorf("no warning of %s in %q", want, s.Warnings)
		}
	}
	if s, err = Load(Layers{}); err != nil || s.Memory != DefaultMemory || s.Threshold != 20<<10 || s.Incremental || len(s.Warnings) > 0 {
		t.Errorf("%+v: %v", s, err)
	}
}

func TestKnown(t *testing.T) {
	for key, want := range map[string]bool{"state.backend": true, "execution.checkpointing.interval": true, "restart-strategy": true, "execution.checkpointing.intervall": false} {
		if Known(key) != want {
			t.Errorf("%s: %v", key, !want)
		}
	}
	for _, key := range Keys() {
		if !Known(key) {
			t.Errorf("%s is not known", key)
		}
	}
}

func TestRestart(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  engine.RestartStrategy
	}{
		{nil, engine.NoRestart{}},
		{[]string{"restart-strategy: off"}, engine.NoRestart{}},
		{[]string{"restart-strategy: none", "execution.checkpointing.interval: 1s"}, engine.NoRestart{}},
		{[]string{"restart-strategy: fixed-delay"}, &engine.FixedDelay{Attempts: 1, Delay: time.Second}},
		{[]string{"restart-strategy.type: fixeddelay", "restart-strategy.fixed-delay.attempts: 7", "restart-strategy.fixed-delay.delay: 10 ms"},
			&engine.FixedDelay{Attempts: 7, Delay: 10 * time.Millisecond}},
		{[]string{"restart-strategy.type: failure-rate", "restart-strategy.failure-rate.max-failures-per-interval: 3"},
			&engine.FailureRate{Max: 3, Interval: time.Minute, Delay: time.Second}},
	} {
		s, err := Load(Layers{Configuration: conf(c.lines...)})
		if err != nil || !reflect.DeepEqual(s.Restart, c.want) {
			t.Errorf("%v: %v: %v", c.lines, s.Restart, err)
		}
	}
	s, err := Load(Layers{Configuration: conf("execution.checkpointing.interval: 1s", "restart-strategy.exponential-delay.max-backoff: 7s")})
	e, ok := s.Restart.(*engine.ExponentialDelay)
	if err != nil || !ok || e.Max != 7*time.Second || e.Initial != time.Second {
		t.Errorf("%v: %v", s.Restart, err)
	}
}

// Which memory is Pebble's is as in Flink: that of the slot, then managed memory, then that of the TaskManager.
func TestMemory(t *testing.T) {
	const slot, machine, managed, off = "state.backend.rocksdb.memory.fixed-per-slot: 3m", "state.backend.rocksdb.memory.fixed-per-tm: 5m",
		"taskmanager.memory.managed.size: 7m", "state.backend.rocksdb.memory.managed: false"
	for _, c := range []struct {
		lines []string
		want  int64
	}{
		{nil, DefaultMemory},
		{[]string{managed}, 7 << 20},
		{[]string{slot}, 3 << 20},
		{[]string{slot, managed, machine}, 3 << 20},
		{[]string{slot, machine, off}, 3 << 20},
		{[]string{managed, machine}, 7 << 20},
		{[]string{machine}, DefaultMemory},
		{[]string{machine, managed, off}, 5 << 20},
	} {
		s, err := Load(Layers{Configuration: conf(c.lines...)})
		if err != nil || s.Memory != c.want {
			t.Errorf("%v: %d bytes, want %d: %v", c.lines, s.Memory, c.want, err)
		}
	}
}

// Checkpoints that are not to be incremental are full ones where there are incremental ones.
func TestIncremental(t *testing.T) {
	for _, c := range []struct {
		lines []string
		full  bool
	}{
		{nil, false},
		{[]string{"state.backend.incremental: false"}, false},
		{[]string{"state.backend: pebble"}, false},
		{[]string{"state.backend: pebble", "execution.checkpointing.incremental: true"}, false},
		{[]string{"state.backend: rocksdb", "state.backend.incremental: false"}, true},
	} {
		s, err := Load(Layers{Configuration: conf(c.lines...)})
		if err != nil || s.Checkpointing.Full != c.full || strings.Contains(strings.Join(s.Warnings, " "), "uploads all tables") != c.full {
			t.Errorf("%v: full %v, %q: %v", c.lines, s.Checkpointing.Full, s.Warnings, err)
		}
	}
}
