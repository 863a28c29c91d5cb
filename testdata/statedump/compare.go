package statedump

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// Compare compares ours with the dump of o, as far as the dump goes.
func Compare(tb testing.TB, o testdata.StateOracle, got []Line, lost map[string]bool) {
	tb.Helper()
	want := Dumped(tb, o)
	nameOperators(got, want)
	hasTimers := slices.ContainsFunc(want, func(l Line) bool { return l["kind"] == "timer" })
	ours, theirs := map[string][]Line{}, map[string][]Line{}
	for _, l := range got {
		if l["kind"] == "timer" && !hasTimers {
			continue // the dumps of heap timers beside RocksDB have none
		}
		ours[identity(l)] = append(ours[identity(l)], l)
	}
	for _, l := range want {
		theirs[identity(l)] = append(theirs[identity(l)], l)
	}
	bad := 0
	for _, id := range slices.Sorted(maps.Keys(theirs)) {
		if l := theirs[id][0]; ours[id] == nil && lost[fmt.Sprint(l["op"], " ", l["kg"])] {
			continue
		}
		if d := matchAll(ours[id], theirs[id], o.Expected); d != "" && bad < 5 {
			bad++
			tb.Errorf("%s: %s", id, d)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ours)) {
		if theirs[id] == nil && bad < 10 {
			bad++
			tb.Errorf("%s: not in the dump: %v", id, ours[id][0]["value"])
		}
	}
	if len(want) == 0 {
		tb.Error("an empty dump")
	}
}

// Dumped reads the dump of o, less what is known to be wrong in it: of windows it lists each timer of a
// key for each of its windows.
func Dumped(tb testing.TB, o testdata.StateOracle) []Line {
	tb.Helper()
	var lines []Line
	seen := map[string]bool{}
	for text := range strings.Lines(string(testdata.ReadUnpacked(tb, o.Oracle))) {
		l := Parse(tb, []byte(text))
		if op := l["op"].(string); len(op) != 32 {
			l["op"] = metadata.OperatorIDOf(op).String()
		} else if _, err := metadata.ParseOperatorID(op); err != nil {
			l["op"] = metadata.OperatorIDOf(op).String()
		}
		l["kind"] = strings.TrimSuffix(l["kind"].(string), "-ttl")
		if l["kind"] == "timer" {
			if ns, ok := l["namespace"].(string); ok && strings.HasPrefix(ns, "[") {
				end, _ := strconv.ParseInt(strings.TrimSuffix(ns[strings.IndexByte(ns, ',')+1:], ")"), 10, 64)
				if ts, _ := l["ts"].(json.Number).Int64(); ts != end-1 {
					continue
				}
			}
			if seen[text] {
				continue
			}
			seen[text] = true
		}
		lines = append(lines, l)
	}
	return lines
}

// nameOperators gives operators of the dump that have another name there than their uid the id of the operator with the
// same states.
func nameOperators(got, want []Line) {
	ours, theirs := statesOf(got), statesOf(want)
	for op, states := range theirs {
		if ours[op] != nil {
			continue
		}
		for id, mine := range ours {
			if theirs[id] == nil && maps.Equal(mine, states) {
				for _, l := range want {
					if l["op"] == op {
						l["op"] = id
					}
				}
			}
		}
	}
}

// statesOf are the names of the states of each operator.
func statesOf(lines []Line) map[any]map[any]bool {
	all := map[any]map[any]bool{}
	for _, l := range lines {
		if all[l["op"]] == nil {
			all[l["op"]] = map[any]bool{}
		}
		all[l["op"]][l["state"]] = true
	}
	return all
}
