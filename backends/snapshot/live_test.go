//go:build live

package snapshot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// TestFlinkReadsWritten: state that was read and written again, keyed state in the canonical form and operator state, is to Flink's
// State Processor API what the original was. The snapshots of serializers are made of the types alone, wherever they can be.
func TestFlinkReadsWritten(t *testing.T) {
	for _, version := range []string{"2.2.0", "1.20.0"} {
		t.Run(version, func(t *testing.T) {
			scratch := t.TempDir()
			var list strings.Builder
			want, of := map[string][]string{}, map[string]string{}
			for _, o := range testdata.StateOracles(t) {
				pipeline, max := job(t, o)
				if o.Version != version || o.Expected || o.TruthFrom != "" || pipeline != "small" && pipeline != "rich" {
					continue
				}
				dir := filepath.Join(scratch, fmt.Sprint(len(want)))
				if !copied(t, o.Dir, dir) {
					continue
				}
				out := dir + ".jsonl"
				backend := []string{"hashmap", "rocksdb"}[len(want)%2]
				of[out] = backend + " " + o.Case + " " + o.Name
				fmt.Fprintf(&list, "%s\t%s\t%s\t%s\t%d\n", dir, out, backend, pipeline, max)
				for _, line := range o.Entries(t) {
					want[out] = append(want[out], string(line))
				}
			}
			file := filepath.Join(scratch, "list")
			if err := os.WriteFile(file, []byte(list.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			said, err := exec.Command(filepath.Join(testdata.Root(t), "generator", "fx.sh"), "StateDump", version, scratch, file).CombinedOutput()
			t.Logf("%d snapshots\n%s", len(want), said)
			if err != nil || len(want) < 3 {
				t.Fatal(err)
			}
			for out, lines := range want {
				data, err := os.ReadFile(out)
				if err != nil {
					t.Error(err)
					continue
				}
				got := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
				slices.Sort(got)
				slices.Sort(lines)
				if strings.HasPrefix(of[out], "rocksdb") { // with which that API may read a key twice, also of what Flink wrote itself
					got, lines = slices.Compact(got), slices.Compact(lines)
				}
				if !slices.Equal(got, lines) {
					t.Errorf("%s: %d lines, not %d", of[out], len(got), len(lines))
				}
			}
		})
	}
}

// job is which job wrote a snapshot.
func job(t *testing.T, o testdata.StateOracle) (pipeline string, maxParallelism int) {
	t.Helper()
	var notes struct {
		Jobs []struct {
			Pipeline       string
			MaxParallelism int
		}
	}
	name, _, _ := strings.Cut(filepath.Base(o.Case), ".after")
	data, err := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(filepath.Dir(o.Oracle))), filepath.Dir(o.Case), name+".case.json"))
	if err != nil {
		data, err = os.ReadFile(filepath.Join(testdata.Root(t), "flink", filepath.Dir(o.Case), name+".case.json"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &notes); err != nil || len(notes.Jobs) == 0 {
		t.Fatal(o.Case, err)
	}
	return notes.Jobs[0].Pipeline, notes.Jobs[0].MaxParallelism
}

// copied writes a checkpoint with all managed state written again, all of it within its _metadata. It is false where
// something in it cannot be written.
func copied(t *testing.T, from, to string) bool {
	t.Helper()
	c, files := decoded(t, from)
	opts := backends.Options{Hints: hints, Kryo: backends.KryoOf(c.Version)}
	for i := range c.Operators {
		op := &c.Operators[i]
		for j := range op.Subtasks {
			s := &op.Subtasks[j]
			if s.RawKeyed != nil || len(s.InputChannels)+len(s.OutputChannels) > 0 {
				return false
			}
			if s.ManagedOperator != nil {
				s.ManagedOperator = operatorAgain(t, files, s, opts)
			}
			if s.ManagedKeyed != nil {
				o := backends.Origin{Operator: op.ID, Subtask: s.Index, MaxParallelism: op.MaxParallelism, Range: s.ManagedKeyed.KeyGroups()}
				h := keyedAgain(t, files, s.ManagedKeyed, o, opts)
				if h == nil {
					return false
				}
				s.ManagedKeyed = h
			}
		}
	}
	data, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "_metadata"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	return true
}

const within = 1 << 30

func operatorAgain(t *testing.T, files backends.Files, s *metadata.SubtaskState, opts backends.Options) *metadata.OperatorStateHandle {
	t.Helper()
	handles := []*metadata.OperatorStateHandle{s.ManagedOperator}
	o, err := operator.Open(t.Context(), &backends.OperatorConfig{Subtask: 0, Restored: handles, Whole: handles, Files: files, Options: opts})
	if err != nil {
		t.Fatal(err)
	}
	run, err := o.Snapshot(&backends.SnapshotRequest{Streams: &handletest.Streams{Inline: within}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func keyedAgain(t *testing.T, files backends.Files, k metadata.KeyedHandle, o backends.Origin, opts backends.Options) metadata.KeyedHandle {
	t.Helper()
	r, err := snapshot.OpenKeyed(t.Context(), files, k, o, opts)
	if err != nil {
		return nil
	}
	defer r.Close()
	all, whole, err := gather(t.Context(), r, o)
	if err != nil || !whole {
		return nil
	}
	c := all.config(o)
	for _, m := range c.Metas {
		if made := *m; alone(t, &made) {
			*m = made
		}
	}
	if key := byHand(c.Key); key != nil {
		c.Key, c.KeyRaw = key, nil
	}
	out, _ := (&handletest.Streams{Inline: within}).Create(t.Context(), metadata.Exclusive)
	h, err := savepoint.Write(t.Context(), out, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// alone makes a meta of nothing but the names of its types; false where they are not enough.
func alone(t *testing.T, m *backends.Meta) bool {
	t.Helper()
	m.Raw = nil
	for _, part := range []*backends.Type{&m.Namespace, &m.MapKey, &m.Value} {
		if *part == nil {
			continue
		}
		if *part = byHand(*part); *part == nil {
			return false
		}
	}
	return m.Kind != backends.Timer && m.Kind != backends.UnknownKind
}

// byHand is a type as somebody describes it; nil where that does not give the same layout, or Flink has no serializer for it.
func byHand(typ backends.Type) backends.Type {
	made, err := types.ParseSpec(typ.String())
	if err != nil || made.String() != typ.String() {
		return nil
	}
	if _, err := types.AppendSnapshot(nil, made); err != nil || bytes.Contains([]byte(typ.String()), []byte("Kryo")) {
		return nil
	}
	return made
}
