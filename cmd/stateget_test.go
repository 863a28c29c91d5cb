package cmd

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Whatever key there is, get finds what cat shows of it, and nothing else.
func TestStateGet(t *testing.T) {
	for name, tree := range stateTrees {
		dir := oracleOf(t, tree).Dir
		byKey := map[[2]string][]string{} // state, key
		for _, l := range linesOf(ckpt(t, "state", "cat", dir).want(t, OK).out) {
			var entry struct {
				State string
				Key   json.RawMessage
			}
			if err := json.Unmarshal([]byte(l), &entry); err != nil {
				t.Fatal(err)
			}
			if entry.Key != nil {
				id := [2]string{entry.State, string(entry.Key)}
				byKey[id] = append(byKey[id], l)
			}
		}
		ids := slices.SortedFunc(maps.Keys(byKey), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
		for i := 0; i < len(ids); i += 1 + len(ids)/12 {
			id := ids[i]
			r := ckpt(t, "state", "get", dir, "--state", id[0], "--key", id[1])
			if got := linesOf(r.out); r.code != OK || !slices.Equal(got, byKey[id]) {
				t.Errorf("%s: %s: exit code %d, %d entries, not %d: %s", name, id, r.code, len(got), len(byKey[id]), r.err)
			}
			if got := linesOf(ckpt(t, "state", "cat", dir, "--state", id[0], "--key", id[1]).out); !slices.Equal(got, byKey[id]) {
				t.Errorf("%s: cat of %s: %d entries, not %d", name, id, len(got), len(byKey[id]))
			}
		}
	}
}

func TestStateGetChoice(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb"]).Dir
	var m struct {
		State  string
		Key    json.RawMessage
		MapKey json.RawMessage
	}
	for _, l := range linesOf(ckpt(t, "state", "cat", dir, "--where", `kind == "map"`, "--limit", "1").want(t, OK).out) {
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"state", "get", dir, "--state", m.State, "--key", string(m.Key)}
	r := ckpt(t, append(args, "--map-key", string(m.MapKey))...).want(t, OK)
	if len(linesOf(r.out)) != 1 {
		t.Error(r.out)
	}
	ckpt(t, append(args, "--map-key", "never-seen")...).want(t, NotFound)
	r = ckpt(t, append(args, "--namespace", "[0,1)")...).want(t, NotFound)
	if !strings.Contains(r.err, "there is nothing for the key") || !strings.Contains(r.err, "namespace [0,1)") {
		t.Error(r.err)
	}
	r = ckpt(t, "state", "get", dir, "--state", "total", "--key", "ann").want(t, Usage)
	if !strings.Contains(r.err, "the key ann is no Long") {
		t.Error(r.err)
	}
	ckpt(t, "state", "get", dir, "--state", "total", "--key", "-987654321").want(t, NotFound)
	ckpt(t, "state", "get", dir, "--state", "total", "--key", "28000084", "--key-group", "12").want(t, NotFound)
	ckpt(t, "state", "get", dir, "--state", "total", "--key", "28000084", "--key-group", "11-12").want(t, OK)
}

// Where the hash code of a key is the job's own affair, all key groups are searched, and -v says so.
func TestStateGetAnyGroup(t *testing.T) {
	dir := oracleOf(t, stateTrees["canonical"]).Dir
	r := ckpt(t, "state", "get", dir, "--state", "tm", "--key", `{"bucket":5,"kind":null}`, "-v").want(t, OK)
	if !strings.Contains(r.out, `"key":{"bucket":5,"kind":null}`) || !strings.Contains(r.err, "all key groups are searched") {
		t.Errorf("%s%s", r.out, r.err)
	}
}
