package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/testdata"
)

// TestStateGolden holds what people and scripts see.
func TestStateGolden(t *testing.T) {
	for name, c := range map[string]struct {
		tree string
		args []string
	}{
		"state-ls.txt":               {"1.20.0/ds-pojo-ttl-rocksdb", []string{"ls", "-o", "table"}},
		"state-ls-verbose.txt":       {"2.2.0/rocksdb-incremental-small", []string{"ls", "-o", "table", "-v"}},
		"state-ls-count-tsv.txt":     {"2.2.0/rocksdb-incremental-small", []string{"ls", "--count", "-o", "tsv"}},
		"state-ls-json.txt":          {"2.2.0/operator-state-files", []string{"ls", "-o", "json"}},
		"state-ls-sql.txt":           {"2.2.0/sql-types-hashmap", []string{"ls", "-o", "table"}},
		"state-ls-source.txt":        {"2.2.0/kafka-hashmap", []string{"ls", "-o", "table"}},
		"state-ls-channels.txt":      {"2.2.0/unaligned-onefile-per-subtask", []string{"ls", "-o", "table"}},
		"state-cat.txt":              {"1.20.0/ds-pojo-ttl-rocksdb", []string{"cat", "--operator", "ttl", "--limit", "12"}},
		"state-cat-table.txt":        {"1.20.0/ds-pojo-ttl-rocksdb", []string{"cat", "-o", "table", "--operator", "ttl", "--limit", "12"}},
		"state-stats.txt":            {"1.20.0/ds-pojo-ttl-rocksdb", []string{"stats", "-o", "table", "--top", "5"}},
		"state-stats-tsv.txt":        {"1.20.0/ds-pojo-ttl-rocksdb", []string{"stats", "-o", "tsv"}},
		"state-stats-json.txt":       {"1.20.0/ds-pojo-ttl-rocksdb", []string{"stats", "-o", "json", "--operator", "ttl", "--state", "ttlMap", "--top", "2"}},
		"state-stats-subtasks.txt":   {"1.20.0/ds-pojo-ttl-rocksdb", []string{"stats", "-o", "table", "--per", "subtask"}},
		"state-stats-key-groups.txt": {"1.20.0/ds-pojo-ttl-rocksdb", []string{"stats", "-o", "table", "--per", "key-group", "--state", "pet*", "--key-group", "50-99"}},
		"state-stats-keys-tsv.txt":   {"1.20.0/ds-pojo-ttl-rocksdb", []string{"stats", "-o", "tsv", "--per", "key", "--top", "6"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, dir := copied(t, c.tree)
			r := ckpt(t, slices.Concat([]string{"state", c.args[0], dir}, c.args[1:], []string{"--uids", "opstate,bc,src,ttl"})...).want(t, OK)
			if r.err != "" && !strings.HasPrefix(r.err, "ckpt: warning: --uids: ") {
				t.Error(r.err)
			}
			golden(t, name, strings.ReplaceAll(r.out, filepath.Dir(root), "ROOT"))
		})
	}
}

// On a terminal there are blocks and colours.
func TestStateStatsOnTerminal(t *testing.T) {
	_, dir := copied(t, "1.20.0/ds-pojo-ttl-rocksdb")
	r := call{terminal: true, width: 160}.run(t, "state", "stats", dir).want(t, OK)
	if !strings.ContainsAny(r.out, "▁▂▃▄▅▆▇█") || !strings.Contains(r.out, "\x1b[") || strings.Contains(r.out, "@") {
		t.Error(r.out)
	}
	plain := call{terminal: true, width: 160, env: map[string]string{"NO_COLOR": "1"}}.run(t, "state", "stats", dir).want(t, OK)
	if strings.Contains(plain.out, "\x1b[") {
		t.Error(plain.out)
	}
}

// What ls and stats count is what cat shows.
func TestStateCounts(t *testing.T) {
	for name, tree := range stateTrees {
		dir := oracleOf(t, tree).Dir
		want := map[string]int64{}
		for _, l := range linesOf(ckpt(t, "state", "cat", dir).want(t, OK).out) {
			var e struct{ Op, State, Kind, Service string }
			if err := json.Unmarshal([]byte(l), &e); err != nil {
				t.Fatal(err)
			}
			want[e.Op+" "+e.State+" "+e.Kind+" "+e.Service]++
		}
		var ls stateList
		ckpt(t, "state", "ls", dir, "--count", "-o", "json").want(t, OK).decode(t, &ls)
		var stats statsReport
		ckpt(t, "state", "stats", dir, "-o", "json").want(t, OK).decode(t, &stats)
		id := func(n stateName) string {
			op, service := n.Operator, ""
			if n.Name != nil {
				op = *n.Name
			}
			if n.UID != nil {
				op = *n.UID
			}
			if n.Service != nil {
				service = *n.Service
			}
			return op + " " + n.State + " " + n.Kind + " " + service
		}
		counted := map[string]int64{}
		for _, s := range ls.States {
			if s.Entries != nil {
				counted[id(s.stateName)] = *s.Entries
			}
		}
		for _, s := range stats.States {
			if s.Kind == "channel" {
				continue
			}
			var groups, subtasks int64
			for _, g := range s.KeyGroups {
				groups += g.Entries
			}
			for _, g := range s.Subtasks {
				subtasks += g.Entries
			}
			keyed := s.Skew.KeyGroups != nil
			if n := want[id(s.stateName)]; *s.Entries != n || counted[id(s.stateName)] != n || subtasks != n || keyed && groups != n {
				t.Errorf("%s: %s: %d entries, stats %d, by sub-task %d, by key group %d, ls %d", name, id(s.stateName), n, *s.Entries, subtasks, groups, counted[id(s.stateName)])
			}
			delete(want, id(s.stateName))
		}
		if len(want) > 0 {
			t.Errorf("%s: not counted: %v", name, want)
		}
	}
}

// Uids that the file does not have come from --uids.
func TestStateUIDs(t *testing.T) {
	o := oracleOf(t, "1.20.0/rocksdb-lz4")
	before := ckpt(t, "state", "ls", o.Dir, "-o", "json").want(t, OK)
	if strings.Contains(before.out, `"uid": "`) {
		t.Fatal("its operators have uids already")
	}
	after := ckpt(t, "state", "ls", o.Dir, "-o", "json", "--uids", "nix,src", "--uids", "other").want(t, OK)
	if !strings.Contains(after.out, `"uid": "src"`) {
		t.Error(after.out)
	}
	if r := ckpt(t, "state", "cat", o.Dir, "--uids", "src", "--operator", "src", "--limit", "1").want(t, OK); !strings.HasPrefix(r.out, `{"op":"src",`) {
		t.Error(r.out)
	}
}

// In-flight data is bytes, and is shown if asked for.
func TestStateChannels(t *testing.T) {
	dir := ""
	for _, s := range testdata.Snapshots(t, filepath.Join(testdata.Root(t), "flink")) {
		if strings.HasPrefix(s.Name, "2.2.0/unaligned-onefile-per-subtask/") {
			dir = s.Dir
		}
	}
	without := linesOf(ckpt(t, "state", "cat", dir).want(t, OK).out)
	with := linesOf(ckpt(t, "state", "cat", dir, "--channels").want(t, OK).out)
	channels := 0
	for _, l := range with {
		if strings.Contains(l, `"kind":"channel"`) && strings.Contains(l, `"value":"hex:`) {
			channels++
		}
	}
	if channels == 0 || channels != len(with)-len(without) {
		t.Errorf("%d entries, %d with channels, %d of these", len(without), len(with), channels)
	}
}

// A header that cannot be read is a row of its own, and the others are there.
func TestStateLsUnreadable(t *testing.T) {
	_, dir := copied(t, stateTrees["heap"])
	file := biggest(t, dir)
	info, err := os.Stat(file)
	succeed(t, err)
	succeed(t, os.WriteFile(file, make([]byte, info.Size()), 0o644))
	r := ckpt(t, "state", "ls", dir, "-o", "json").want(t, Unreadable)
	var ls stateList
	r.decode(t, &ls)
	bad := 0
	for _, s := range ls.States {
		if s.Kind == kindUnreadable {
			bad++
			if s.Reason == nil || s.Bytes == nil || *s.Bytes == 0 {
				t.Errorf("%+v", s)
			}
		}
	}
	if bad != 1 || len(ls.States) < 2 || !strings.Contains(r.err, filepath.Base(file)) {
		t.Errorf("%d of %d: %s", bad, len(ls.States), r.err)
	}
}

// What sub-tasks differ in is told.
func TestStateTypesDiffer(t *testing.T) {
	var merged *typeJSON
	for _, spec := range []string{"Long", "Long", "String", "Double", "String", "VoidNamespace"} {
		typ, err := types.ParseSpec(spec)
		succeed(t, err)
		merged = mergeType(merged, typ)
	}
	merged = mergeType(merged, nil)
	if merged.Type != "Long" || !slices.Equal(merged.Differs, []string{"String", "Double"}) {
		t.Errorf("%+v", merged)
	}
	if c := typeCell(merged); c.exact != "Long | String | Double" {
		t.Error(c.exact)
	}
}
