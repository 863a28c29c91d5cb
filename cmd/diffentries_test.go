package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

// With --entries, each form of output tells of the same changes.
func TestDiffEntries(t *testing.T) {
	_, chk := pinned(t, "2.2.0/rocksdb-incremental-small")
	a, b := chk[0], chk[len(chk)-1]
	var report diffReport
	ckpt(t, "diff", a, b, "--entries", "-o", "json", "--limit", "3").want(t, OK).decode(t, &report)
	var changes int64
	differ := map[string]bool{}
	for _, s := range report.Entries.States {
		n := s.Added + s.Removed + s.Changed
		changes += n
		if n > 0 {
			differ[s.Operator+" "+s.State] = true
		}
		if timer := s.Kind == "timer"; timer != (s.Service != nil) || timer && !strings.HasSuffix(s.State, "_timer") {
			t.Errorf("%+v", s)
		}
	}
	if changes < 4 || len(report.Entries.Changes) != 3 || report.Entries.More != changes-3 {
		t.Fatalf("%d changes, %d shown, %d more", changes, len(report.Entries.Changes), report.Entries.More)
	}
	stream := linesOf(ckpt(t, "diff", a, b, "--entries", "-o", "json", "--stream").want(t, OK).out)
	if int64(len(stream)) != changes || strings.Contains(strings.Join(stream, ""), `"state":"_timer_state/`) {
		t.Errorf("%d lines of %d changes", len(stream), changes)
	}
	rows := linesOf(ckpt(t, "diff", a, b, "--entries", "-o", "tsv").want(t, OK).out)
	for _, row := range rows {
		if cells := strings.Split(row, "\t"); len(cells) != 8 || !differ[cells[0]+" "+cells[1]] {
			t.Error(row)
		}
	}
	if len(rows) != len(differ) {
		t.Errorf("%d rows of %d states", len(rows), len(differ))
	}
	if r := ckpt(t, "diff", a, a, "--entries", "-o", "tsv", "--exit-code").want(t, OK); r.out != "" {
		t.Error(r.out)
	}
	ckpt(t, "diff", a, b, "--entries", "-o", "tsv", "--exit-code").want(t, Findings)
}

// A table fits a terminal, and shows the first changes below it.
func TestDiffEntriesTable(t *testing.T) {
	root, chk := pinned(t, "2.2.0/rocksdb-incremental-small")
	r := call{terminal: true, width: 80}.run(t, "diff", chk[0], chk[len(chk)-1], "--entries", "--limit", "4", "--color", "never").want(t, OK)
	shown := 0
	for l := range strings.Lines(r.out) {
		l = strings.TrimSuffix(l, "\n")
		if n := len([]rune(l)); n > 80 && !strings.Contains(l, root) {
			t.Errorf("%d columns: %s", n, l)
		}
		for _, what := range []string{"added   ", "removed ", "changed "} {
			if strings.HasPrefix(l, what) {
				shown++
			}
		}
	}
	if shown != 4 || !strings.Contains(r.out, "more entries differ") || strings.Contains(r.out, "_timer_state/") || strings.Contains(r.out, "UNREAD") {
		t.Error(r.out)
	}
}

func TestDiffEntriesChoice(t *testing.T) {
	_, chk := pinned(t, "2.2.0/rocksdb-incremental-small")
	a, b := chk[0], chk[len(chk)-1]
	states := func(flags ...string) []string {
		var report diffReport
		ckpt(t, append([]string{"diff", a, b, "--entries", "-o", "json"}, flags...)...).want(t, OK).decode(t, &report)
		var names []string
		for _, s := range report.Entries.States {
			names = append(names, s.Operator+" "+s.State)
		}
		return names
	}
	all := states()
	op, state, _ := strings.Cut(all[len(all)-1], " ")
	for name, c := range map[string]struct {
		flags []string
		want  func(string) bool
	}{
		"operator": {[]string{"--operator", op}, func(s string) bool { return strings.HasPrefix(s, op+" ") }},
		"state":    {[]string{"--state", state}, func(s string) bool { return strings.HasSuffix(s, " "+state) }},
		"timers":   {[]string{"--state", "_*_timer"}, func(s string) bool { return strings.HasSuffix(s, "_timer") }},
		"memory":   {[]string{"--memory", "1M"}, func(string) bool { return true }},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !c.want(s) })
		if got := states(c.flags...); len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
	for flags, c := range map[string]struct {
		code Code
		say  string
	}{
		"--limit 3":                   {Usage, "--limit is for --entries"},
		"--memory 1G":                 {Usage, "--memory is for --entries"},
		"--operator x":                {Usage, "--operator is for --entries"},
		"--state x":                   {Usage, "--state is for --entries"},
		"--stream -o json":            {Usage, "--stream is for --entries"},
		"--entries --memory 1":        {Usage, "too little"},
		"--entries --limit -1":        {Usage, "--limit"},
		"--entries --state= ":         {Usage, "--state is empty"},
		"--entries --operator nix":    {NotFound, "no operator has the uid"},
		"--entries --state nix":       {NotFound, `neither side has a state "nix"`},
		"--entries --uids nix -o tsv": {OK, "warning: --uids: no operator has the id that this hashes to: nix"},
	} {
		if r := ckpt(t, append([]string{"diff", a, b}, strings.Fields(flags)...)...); r.code != c.code || !strings.Contains(r.err, c.say) {
			t.Errorf("%s: exit code %d: %s", flags, r.code, r.err)
		}
	}
}

// What could not be compared is no difference, and no equality either.
func TestDiffEntriesUncompared(t *testing.T) {
	_, damaged := copied(t, stateTrees["heap"])
	file := biggest(t, damaged)
	data, err := os.ReadFile(file)
	succeed(t, err)
	data[len(data)-9] ^= 0xff
	succeed(t, os.WriteFile(file, data, 0o644))
	unknown := oracleOf(t, "2.2.0/ds-pojo-ttl-hashmap").Dir
	for name, dir := range map[string]string{"damaged": damaged, "unknown": unknown} {
		for _, flags := range [][]string{nil, {"--exit-code"}} {
			r := ckpt(t, append([]string{"diff", dir, dir, "--entries"}, flags...)...)
			if r.code != Failed || !strings.Contains(r.err, "could not be compared: ") {
				t.Errorf("%s %v: exit code %d: %s", name, flags, r.code, r.err)
			}
		}
	}
	var report diffReport
	ckpt(t, "diff", unknown, unknown, "--entries", "-o", "json").want(t, Failed).decode(t, &report)
	if report.Entries.Undecoded == 0 {
		t.Errorf("%+v", report.Entries)
	}
}

// A max parallelism that cannot be is refused, before anything is sized by it.
func TestMaxParallelism(t *testing.T) {
	for _, tree := range []string{stateTrees["rocksdb"], stateTrees["heap"]} {
		_, dir := copied(t, tree)
		file := filepath.Join(dir, "_metadata")
		data, err := os.ReadFile(file)
		succeed(t, err)
		c, err := metadata.Decode(data)
		succeed(t, err)
		for i := range c.Operators {
			c.Operators[i].MaxParallelism = 1<<31 - 1
			c.Operators[i].Parallelism = 1<<31 - 1
		}
		data, err = metadata.Encode(c)
		succeed(t, err)
		succeed(t, os.WriteFile(file, data, 0o644))
		for _, args := range [][]string{
			{"state", "cat", dir}, {"state", "stats", dir}, {"state", "ls", dir}, {"state", "get", dir, "--state", "*", "--key", "1"},
			{"state", "export", dir, "--to", t.TempDir()}, {"diff", dir, dir, "--entries"},
		} {
			r := ckpt(t, args...)
			if r.code != Unreadable || !strings.Contains(r.err, "has a max parallelism of 2147483647, and Flink's is 1 to 32768") || r.out != "" {
				t.Errorf("%v: exit code %d: %s", args, r.code, r.err)
			}
		}
		ckpt(t, "offsets", dir).want(t, OK)
	}
}

// Operator state alone does not depend on a max parallelism, and takes no memory by it.
func TestMaxParallelismOfLists(t *testing.T) {
	o := &metadata.OperatorState{MaxParallelism: 1<<31 - 1, Parallelism: 1<<31 - 1}
	if n := subtasksOf(o); n != 1<<15 {
		t.Error(n)
	}
	if groups := (&openedState{opts: &stateOptions{}}).groupsOf(o, nil); len(groups) != 1<<15 {
		t.Error(len(groups))
	}
}

// A change for people is one short line.
func TestChangeLine(t *testing.T) {
	for fields, want := range map[string]string{`,"value":7`: "7", "": "", `,"value":7,"lastAccess":5`: `{"value":7,"lastAccess":5}`, `,"value":{"a":[1]}`: `{"a":[1]}`} {
		if got := changeValue([]byte(fields)); got != want {
			t.Errorf("%s: %s", fields, got)
		}
		if !json.Valid(asObject([]byte(fields))) {
			t.Error(fields)
		}
	}
}
