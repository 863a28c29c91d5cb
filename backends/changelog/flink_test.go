package changelog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/changelog"
	"github.com/ckpt-tool/ckpt/backends/heap"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// snapshot is what one checkpoint of a changelog holds.
type snapshot struct {
	files   statedump.Files
	content *metadata.Checkpoint
}

func load(tb testing.TB, o testdata.StateOracle) *snapshot {
	tb.Helper()
	s, files := statedump.Open(tb, storage.New(storage.Settings{}).Open, o.Dir, backends.Options{})
	return &snapshot{files, s.Checkpoint}
}

// slot is the changelog of one sub-task.
type slot struct {
	operator *metadata.OperatorState
	handle   *metadata.ChangelogHandle
	origin   backends.Origin
}

func (s *snapshot) slots() []slot {
	var all []slot
	for i := range s.content.Operators {
		op := &s.content.Operators[i]
		for _, sub := range op.Subtasks {
			if h, ok := sub.ManagedKeyed.(*metadata.ChangelogHandle); ok {
				all = append(all, slot{op, h, backends.Origin{
					Operator: op.ID, Subtask: sub.Index, MaxParallelism: op.MaxParallelism, Range: h.Range,
				}})
			}
		}
	}
	return all
}

// open opens what a sub-task has, with what it materialized.
func (s *snapshot) open(tb testing.TB, at slot, opts *backends.Options) *changelog.Reader {
	tb.Helper()
	var under []backends.Reader
	for _, m := range at.handle.Materialized {
		if m == nil || m.KeyGroups().Last < at.origin.Range.First || m.KeyGroups().First > at.origin.Range.Last {
			continue
		}
		r, err := materialized(tb.Context(), s.files, m, at.origin, opts)
		if err != nil {
			tb.Fatal(err)
		}
		under = append(under, r)
	}
	r, err := changelog.Open(tb.Context(), s.files, at.handle, under, at.origin, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func materialized(ctx context.Context, files backends.Files, m metadata.KeyedHandle, o backends.Origin, opts *backends.Options) (backends.Reader, error) {
	switch m := m.(type) {
	case *metadata.IncrementalHandle:
		return rocksdb.Open(ctx, files, m, o, opts)
	case *metadata.KeyGroupsHandle:
		if canonical, err := savepoint.Is(ctx, files, m, o, opts); err != nil || canonical {
			return savepoint.Open(ctx, files, m, o, opts)
		}
		return heap.Open(ctx, files, m, o, opts)
	}
	return nil, fmt.Errorf("%s", m.Class())
}

// expected are the checkpoints whose state is known.
func expected(tb testing.TB) []testdata.StateOracle {
	tb.Helper()
	all := testdata.StateOracles(tb)
	return slices.DeleteFunc(all, func(o testdata.StateOracle) bool { return !o.Expected })
}

// TestStateOfFlink: the entries of every checkpoint are those that follow from the input of its job. That holds for
// key groups one by one as well, and with hardly any memory.
func TestStateOfFlink(t *testing.T) {
	oracles := expected(t)
	if len(oracles) < 6 {
		t.Fatalf("%d checkpoints", len(oracles))
	}
	for _, o := range oracles {
		t.Run(o.Case+"/"+o.Name, func(t *testing.T) {
			t.Parallel()
			s := load(t, o)
			want := s.expectedLines(t, o)
			for _, how := range []string{"at once", "by key groups", "by halves of the memory"} {
				compare(t, how, s.lines(t, how), want)
			}
		})
	}
}

// lines are all keyed entries, each as a line of its own.
func (s *snapshot) lines(t *testing.T, how string) []string {
	t.Helper()
	var lines []string
	for _, at := range s.slots() {
		opts := &backends.Options{Verify: true, Hints: map[string]string{
			"key:" + metadata.OperatorIDOf("totals").String(): "Long", // the log does not tell it
		}}
		if how == "by halves of the memory" {
			opts.Memory = 1 << 20
		}
		opts.Kryo = backends.KryoOf(s.content.Version)
		r := s.open(t, at, opts)
		names := map[string]bool{}
		for _, st := range r.States() {
			if names[st.Name] {
				t.Errorf("%q is there twice", st.Name)
			}
			names[st.Name] = true
		}
		ranges := []metadata.KeyGroupRange{at.origin.Range}
		if how == "by key groups" {
			ranges = nil
			for g := at.origin.Range.First; g <= at.origin.Range.Last; g++ {
				ranges = append(ranges, metadata.KeyGroupRange{First: g, Last: g})
			}
		}
		for _, rng := range ranges {
			last := rng.First
			for e, err := range r.Entries(t.Context(), backends.Everything(rng)) {
				if err != nil {
					t.Error(err)
					continue
				}
				if e.KeyGroup < last || e.KeyGroup > rng.Last || !slices.Contains(r.States(), e.State) {
					t.Errorf("an entry of %q in key group %d of %v, behind %d", e.State.Name, e.KeyGroup, rng, last)
				}
				last = e.KeyGroup
				lines = append(lines, line(t, &e))
			}
		}
	}
	return lines
}

// line shows an entry.
func line(tb testing.TB, e *backends.Entry) string {
	tb.Helper()
	l := map[string]any{"op": e.State.Operator.String(), "state": e.State.Name, "kind": e.State.Kind.String(), "kg": e.KeyGroup}
	put := func(name string, t backends.Type, b []byte) {
		text, n, err := t.AppendJSON(nil, b)
		if err != nil || n != len(b) {
			tb.Errorf("the %s of %q: %d of %d bytes: %v", name, e.State.Name, n, len(b), err)
		}
		l[name] = json.RawMessage(text)
	}
	put("key", e.State.Key, e.Key)
	if !strings.Contains(e.State.Namespace.String(), "Void") {
		put("namespace", e.State.Namespace, e.Namespace)
	}
	value := e.State.Value
	if ttl, ok := value.(*types.TTL); ok {
		value = ttl.Inner
	}
	switch {
	case e.State.Kind == backends.Timer:
		l["ts"] = e.Time
	case e.Null:
		l["value"] = nil
	case e.State.Kind == backends.List:
		l["value"] = elements(tb, e)
	case e.State.Kind != backends.Aggregating: // the dumps have the result of the function
		b := e.Value
		if e.State.TTL {
			b = b[8:]
		}
		put("value", value, b)
	}
	if e.State.Kind == backends.Map {
		put("mapKey", e.State.MapKey, e.MapKey)
	}
	text, err := json.Marshal(l)
	if err != nil {
		tb.Fatal(err)
	}
	return normal(tb, text)
}

// elements are those of a list.
func elements(tb testing.TB, e *backends.Entry) (list []json.RawMessage) {
	b := e.Value
	if !e.Joined {
		b = b[4:]
	}
	for len(b) > 0 {
		text, n, err := e.State.Value.AppendJSON(nil, b)
		if err != nil {
			tb.Fatal(err)
		}
		list = append(list, text)
		b = b[n:]
		if e.Joined && len(b) > 0 {
			b = b[1:]
		}
	}
	return list
}

// expectedLines are the keyed entries of a dump, in the form of line. Of windows the dump lists each timer of a key for
// each of them: those are right that fire when their window ends.
func (s *snapshot) expectedLines(tb testing.TB, o testdata.StateOracle) []string {
	tb.Helper()
	var lines []string
	for _, text := range o.Entries(tb) {
		var timer struct {
			Namespace string
			TS        int64
		}
		if _, end, ok := strings.Cut(timerWindow(text, &timer), ","); ok && end != fmt.Sprintf("%d)", timer.TS+1) {
			continue
		}
		lines = append(lines, normal(tb, text))
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "kg:") })
	// One operator has no uid: it is the one that no other can be.
	for _, at := range s.slots() {
		id := at.operator.ID.String()
		if slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "op:"+id) }) {
			continue
		}
		for i := range lines {
			lines[i] = strings.Replace(lines[i], "op:"+metadata.OperatorIDOf("tuple").String(), "op:"+id, 1)
		}
	}
	return lines
}

// timerWindow is the window of a timer in a dump, or "".
func timerWindow(text []byte, to any) string {
	if !bytes.Contains(text, []byte(`"kind":"timer"`)) || json.Unmarshal(text, to) != nil {
		return ""
	}
	i := bytes.Index(text, []byte(`"namespace":"[`))
	if i < 0 {
		return ""
	}
	rest := text[i+len(`"namespace":"`):]
	return string(rest[:bytes.IndexByte(rest, '"')])
}

// normal brings a line of JSON into one form.
func normal(tb testing.TB, text []byte) string {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var l map[string]any
	if err := d.Decode(&l); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	if op := l["op"].(string); len(op) != 32 {
		l["op"] = metadata.OperatorIDOf(op).String()
	}
	name := l["state"].(string)
	if i := strings.Index(name, "_timer_state/"); i >= 0 {
		name = "_" + strings.SplitN(name[i+len("_timer_state/"):], "_", 2)[0] + "_timer"
	}
	l["state"] = name
	l["kind"] = strings.TrimSuffix(l["kind"].(string), "-ttl")
	if l["kind"] == "aggregating" {
		delete(l, "value")
	}
	// The sub-tasks of the source race for the order of a list, so dumps have sorted it.
	if list, ok := l["value"].([]any); ok && l["kind"] == "list" {
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(plain(a), plain(b)) })
	}
	return plain(l)
}

func plain(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 2 && v["start"] != nil && v["end"] != nil {
			return fmt.Sprintf("[%v,%v)", v["start"], v["end"])
		}
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(k + ":" + plain(v[k]) + ";")
		}
		if len(v) == 0 {
			return "[]"
		}
		return "{" + b.String() + "}"
	case []any:
		var b strings.Builder
		if m := pairs(v); m != nil {
			return plain(m)
		}
		for _, e := range v {
			b.WriteString(plain(e) + ",")
		}
		return "[" + b.String() + "]"
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return strconv.FormatFloat(float64(float32(f)), 'g', -1, 32)
		}
		return v.String()
	}
	return fmt.Sprint(v)
}

// pairs is the map that a list of pairs stands for, or nil.
func pairs(list []any) map[string]any {
	m := map[string]any{}
	for _, e := range list {
		pair, _ := e.([]any)
		if len(pair) != 2 {
			return nil
		}
		k, ok := pair[0].(string)
		if !ok {
			return nil
		}
		m[k] = pair[1]
	}
	if len(m) < len(list) || len(m) == 0 {
		return nil
	}
	return m
}

func compare(t *testing.T, how string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	bad := 0
	for i, j := 0, 0; (i < len(got) || j < len(want)) && bad < 8; {
		switch {
		case j == len(want) || i < len(got) && got[i] < want[j]:
			t.Errorf("%s: too much: %s", how, got[i])
			i, bad = i+1, bad+1
		case i == len(got) || got[i] > want[j]:
			t.Errorf("%s: missing: %s", how, want[j])
			j, bad = j+1, bad+1
		default:
			i, j = i+1, j+1
		}
	}
}
