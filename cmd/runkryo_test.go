package cmd

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const kryoJob = `
name: kryo
max-parallelism: 128
parameters: {backend: pebble, dir: dir}
checkpointing:
  execution.checkpointing: {interval: 1h, dir: "${dir}", externalized-checkpoint-retention: RETAIN_ON_CANCELLATION}
state: {state.backend.type: "${backend}", execution.state-recovery.ignore-unclaimed-state: true}
restart: {restart-strategy.type: none}
sources:
  - {uid: numbers, type: sequence, records: 1000000, rate: 1000, compute: {key: '"key-" + string(n % 10)'}}
operators:
  - {uid: kryo, type: aggregate, input: numbers, key-by: key, aggregates: {count: count()}}
sinks:
  - {uid: sink, type: discard, input: kryo}
`

// TestRunKryo: state that Kryo 2 wrote goes on as it is, from checkpoint to checkpoint, and is never taken for Kryo 5's. Where nobody could read
// it again, the job does not begin.
func TestRunKryo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "kryo.yaml")
	if err := os.WriteFile(file, []byte(kryoJob), 0o600); err != nil {
		t.Fatal(err)
	}
	flink := filepath.Join("..", "testdata", "flink", "1.20.0", "ds-kryo-rocksdb", "cbb21b45a41264a36d7231780e6d073c", "chk-2")
	entries := func(from, state string) []string {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(ckpt(t, "state", "cat", from, "--uids", "kryo", "--state", state).out), "\n")
		slices.Sort(lines)
		return lines
	}
	states := []string{"bits", "any", "opt", "tup", "opaque"}
	want := map[string][]string{}
	for _, s := range states {
		if want[s] = entries(flink, s); len(want[s]) == 0 || want[s][0] == "" {
			t.Fatalf("nothing in state %s", s)
		}
	}
	from := flink
	for range 2 {
		x, _ := startJob(t, file, from, "dir="+filepath.Join(dir, "checkpoints"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		c, err := x.TriggerCheckpoint(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		x.Cancel()
		x.Wait()
		from = c.ExternalPointer
		ckpt(t, "verify", "--level", "content", from).want(t, OK)
		for _, s := range states {
			if got := entries(from, s); !slices.Equal(got, want[s]) {
				t.Errorf("%s: state %s has %d entries, not %d: %.300q, want %.300q", from, s, len(got), len(want[s]), got, want[s])
			}
		}
	}
	r := ckpt(t, "run", file, "-s", flink, "-n", "--set", "backend=hashmap", "--set", "dir="+dir)
	if r.want(t, Incompatible); !strings.Contains(r.err, "nothing tells where the value of fx2.M$Opaque ends") {
		t.Error(r.err)
	}
}
