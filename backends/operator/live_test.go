package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// restored is the live state of a real handle.
func restored(t *testing.T, h *handletest.Handle, whole bool) (backends.Operator, error) {
	t.Helper()
	c := &backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{h.Operator}, Files: h.Files(), Options: h.Options}
	if whole {
		c.Whole = c.Restored
	}
	return Open(t.Context(), c)
}

// snapshot takes one.
func snapshot(t *testing.T, o backends.Operator) (*metadata.OperatorStateHandle, *handletest.Streams) {
	t.Helper()
	s := &handletest.Streams{}
	run, err := o.Snapshot(&backends.SnapshotRequest{Streams: s})
	if err != nil {
		t.Fatal(err)
	}
	h, err := run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range s.Names() {
		if scope := s.Scope(name); scope != metadata.Exclusive {
			t.Errorf("%s is %s", name, scope)
		}
	}
	return h, s
}

// contents are the entries by state, with the mode and the bytes of each.
func contents(t *testing.T, files backends.Files, h *metadata.OperatorStateHandle, opts backends.Options) []string {
	t.Helper()
	opts.Verify = true
	r, err := OpenReader(t.Context(), files, h, backends.Origin{}, &opts)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range h.States {
		all = append(all, fmt.Sprintf("%s %s: %d", m.Name, m.Mode, len(m.Offsets)))
	}
	for e, err := range r.Entries(t.Context(), backends.Selection{}) {
		var opaque *backends.OpaqueError
		if err != nil && !errors.As(err, &opaque) {
			t.Error(err)
		}
		if err == nil {
			all = append(all, fmt.Sprintf("%s %s %s %x %x %x", e.State.Name, e.State.Kind, e.State.Value, e.State.Raw, e.MapKey, e.Value))
		}
	}
	slices.Sort(all)
	return all
}

// ask registers all states of a handle as they are.
func ask(t *testing.T, o backends.Operator, h *handletest.Handle) (n int) {
	t.Helper()
	r, err := OpenReader(t.Context(), h.Files(), h.Operator, h.Origin, &h.Options)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range r.States() {
		d := &backends.OperatorDescriptor{Name: st.Name, MapKey: st.MapKey, Value: st.Value}
		if st.Kind == backends.Broadcast {
			b, err := o.Broadcast(d)
			if err != nil {
				t.Errorf("%s: %v", h.Name, err)
				continue
			}
			for e := range b.Entries() {
				if v, ok, err := b.Get(e.Key); err != nil || !ok || fmt.Sprint(v) != fmt.Sprint(e.Value) {
					t.Errorf("%v: %v, %v", e.Key, v, err)
				}
				if err := b.Put(e.Key, e.Value); err != nil {
					t.Error(err)
				}
				n++
			}
			continue
		}
		get := o.List
		if st.Kind == backends.Union {
			get = o.Union
		}
		l, err := get(d)
		var opaque *backends.OpaqueError
		if errors.As(err, &opaque) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", h.Name, err)
			continue
		}
		vs := l.Get()
		if err := l.Update(vs); err != nil {
			t.Errorf("%s: %s: %v", h.Name, st.Name, err)
		}
		n += len(vs)
	}
	return n
}

// TestLiveReal: the operator state that Flink wrote is in the next snapshot byte for byte, whether the job asks for it or not.
func TestLiveReal(t *testing.T) {
	counts := map[string]int{}
	for _, h := range managed(t) {
		if _, err := OpenReader(t.Context(), h.Files(), h.Operator, h.Origin, &h.Options); opaque(err) {
			counts["unknown header"]++
			if _, err := restored(t, &h, true); !opaque(err) {
				t.Errorf("%s: %v", h.Name, err)
			}
			continue
		}
		o, err := restored(t, &h, true)
		if err != nil {
			t.Errorf("%s: %v", h.Name, err)
			continue
		}
		want := contents(t, h.Files(), h.Operator, h.Options)
		again, files := snapshot(t, o)
		if again == nil {
			if len(h.Operator.States) > 0 {
				t.Errorf("%s: no snapshot", h.Name)
			}
			counts["nothing"]++
			continue
		}
		if got := contents(t, files, again, h.Options); !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nnot\n%s", h.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		counts["carried on"]++
		if n := ask(t, o, &h); n > 0 {
			counts["values"] += n
			again, files = snapshot(t, o)
			if got := contents(t, files, again, h.Options); !slices.Equal(got, want) {
				t.Errorf("%s, asked for:\n%s\nnot\n%s", h.Name, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		if _, err := restored(t, &h, false); opaque(err) {
			counts["unknown without whole"]++
		} else if err != nil {
			t.Errorf("%s: %v", h.Name, err)
		}
	}
	t.Log(counts)
	if counts["carried on"] < 50 || counts["values"] < 500 {
		t.Error("too few")
	}
}

func describeOf(name, key, value string, tb testing.TB) *backends.OperatorDescriptor {
	d := &backends.OperatorDescriptor{Name: name, Value: handletest.Type(tb, value)}
	if key != "" {
		d.MapKey = handletest.Type(tb, key)
	}
	return d
}

func open(t *testing.T, c backends.OperatorConfig) backends.Operator {
	t.Helper()
	o, err := Open(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// filled is a state of three names, and its snapshot.
func filled(t *testing.T) (backends.Operator, *metadata.OperatorStateHandle, *handletest.Streams) {
	t.Helper()
	o := open(t, backends.OperatorConfig{})
	list, err := o.List(describeOf("offsets", "", "Tuple<String, Long>", t))
	if err != nil {
		t.Fatal(err)
	}
	union, err := o.Union(describeOf("all", "", "Long", t))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := o.Broadcast(describeOf("rules", "String", "List<Long>", t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(5) {
		if err := errors.Join(list.Add([]any{fmt.Sprint("s", i), i}), union.Add(i), rules.Put(fmt.Sprint("r", i), []any{i, i})); err != nil {
			t.Fatal(err)
		}
	}
	h, files := snapshot(t, o)
	return o, h, files
}

// TestLive restores what it wrote, a part of the list only.
func TestLive(t *testing.T) {
	_, h, files := filled(t)
	if len(h.States) != 3 || h.States[0].Mode != metadata.SplitDistribute || h.States[1].Mode != metadata.Union || h.States[2].Mode != metadata.Broadcast {
		t.Fatal(h.States)
	}
	for _, whole := range [][]*metadata.OperatorStateHandle{nil, {h}} {
		dealt := *h
		dealt.States = slices.Clone(h.States)
		dealt.States[0].Offsets = []int64{h.States[0].Offsets[3], h.States[0].Offsets[1]}
		o := open(t, backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{&dealt}, Whole: whole, Files: files})
		if got := fmt.Sprint(o.Names(), o.BroadcastNames()); got != "[offsets all] [rules]" {
			t.Error(got)
		}
		list, err := o.List(describeOf("offsets", "", "Tuple<String, Long>", t))
		if err != nil || fmt.Sprint(list.Get()) != "[[s3 3] [s1 1]]" {
			t.Errorf("%v: %v", list, err)
		}
		union, err := o.Union(describeOf("all", "", "Long", t))
		if err != nil || fmt.Sprint(union.Get()) != "[0 1 2 3 4]" {
			t.Errorf("%v: %v", union, err)
		}
		rules, err := o.Broadcast(describeOf("rules", "String", "List<Long>", t))
		if err != nil {
			t.Fatal(err)
		}
		if v, ok, err := rules.Get("r4"); fmt.Sprint(v, ok, err) != "[4 4] true <nil>" {
			t.Error(v, ok, err)
		}
	}
}

// TestLiveMerged: the handles of several sub-tasks are one state.
func TestLiveMerged(t *testing.T) {
	_, h, files := filled(t)
	o := open(t, backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{h, nil, {}, h}, Files: files})
	again, more := snapshot(t, o)
	for i, n := range []int{10, 10, 1} {
		if got := len(again.States[i].Offsets); got != n {
			t.Errorf("%s: %d offsets", again.States[i].Name, got)
		}
	}
	if n := len(contents(t, more, again, backends.Options{})); n != 3+10+10+5 {
		t.Error(n)
	}
	second := open(t, backends.OperatorConfig{Subtask: 1, Restored: []*metadata.OperatorStateHandle{h, h}, Files: files})
	if again, _ := snapshot(t, second); len(again.States[1].Offsets) != 0 || len(again.States[0].Offsets) != 10 {
		t.Error("a union that nobody asks for is written by all sub-tasks")
	}
}

// opaqueStream is a stream of a list and a map of a class that nobody knows, and its handle.
func opaqueStream(t *testing.T) (*metadata.OperatorStateHandle, handletest.Files) {
	t.Helper()
	long, err := types.AppendVersioned(nil, handletest.Type(t, "Long"))
	if err != nil {
		t.Fatal(err)
	}
	// A composite snapshot that adds nothing can be passed over.
	snapshot := slices.Concat([]byte("\x00\x00\x00\x02\x00\x0acom.x.Mine\x00\x00\x00\x03\x00\x0d\xe7\x04\x00\x00\x00\x01\x00\x14\x57\xfd\x00\x00\x00\x01\x00\x00\x00\x01"), long)
	mine, _, err := types.ReadSnapshot(snapshot, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := schema.AppendOperator(nil, []*backends.Meta{{Name: "list", Kind: backends.OperatorList, Value: mine}},
		[]*backends.Meta{{Name: "map", Kind: backends.Broadcast, MapKey: handletest.Type(t, "Long"), Value: mine}}, false)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(len(data))
	h := &metadata.OperatorStateHandle{Delegate: &metadata.InlineHandle{}, States: []metadata.OperatorStateMeta{
		{Name: "list", Offsets: []int64{at, at + 3, at + 5}}, {Name: "map", Mode: metadata.Broadcast, Offsets: []int64{at + 9}},
	}}
	data = append(data, "onetofour\x00\x00\x00\x02 some map"...)
	return h, handletest.Files{Blob: &handletest.Blob{Data: data, Path: "file"}}
}

// TestLiveOpaque: elements that nobody can decode are carried on byte for byte, wherever they are dealt out to; but only if it is
// known where they end, and never to a job that wants them to be something else.
func TestLiveOpaque(t *testing.T) {
	h, files := opaqueStream(t)
	dealt := *h
	dealt.States = []metadata.OperatorStateMeta{{Name: "list", Offsets: []int64{h.States[0].Offsets[1]}}, h.States[1]}
	c := backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{&dealt}, Whole: []*metadata.OperatorStateHandle{h}, Files: files}
	o := open(t, c)
	again, written := snapshot(t, o)
	blob, err := written.Open(t.Context(), again.Delegate)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(blob.(*handletest.Blob).Data[again.States[0].Offsets[0]:]); got != "to\x00\x00\x00\x02 some map" || len(again.States[0].Offsets) != 1 {
		t.Errorf("%q, %v", got, again.States)
	}
	var wrong *backends.IncompatibleError
	if _, err := o.List(describeOf("list", "", "Long", t)); !errors.As(err, &wrong) {
		t.Error(err)
	}
	c.Whole = nil
	if _, err := Open(t.Context(), &c); !opaque(err) {
		t.Errorf("nothing tells where the element ends: %v", err)
	}
}

// TestLiveFlips: no byte of a stream that is changed makes more than an error, or another value.
func TestLiveFlips(t *testing.T) {
	_, h, files := filled(t)
	blob, err := files.Open(t.Context(), h.Delegate)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i := range blob.(*handletest.Blob).Data {
		bad := bytes.Clone(blob.(*handletest.Blob).Data)
		bad[i] ^= 0xff >> (i % 8)
		c := backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{h}, Files: handletest.Files{Blob: &handletest.Blob{Data: bad}}}
		if i%2 == 0 {
			c.Whole = c.Restored
		}
		o, err := Open(t.Context(), &c)
		if err == nil {
			_, err = o.List(describeOf("offsets", "", "Tuple<String, Long>", t))
		}
		if err != nil {
			failed++
		}
	}
	if failed < 100 {
		t.Errorf("%d changes are found", failed)
	}
}

// TestLiveIncompatible: another type, kind or mode is refused.
func TestLiveIncompatible(t *testing.T) {
	o, h, files := filled(t)
	for name, o := range map[string]backends.Operator{"registered": o, "restored": open(t, backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{h}, Files: files})} {
		for i, get := range []func() (any, error){
			func() (any, error) { return o.List(describeOf("offsets", "", "Tuple<String, Integer>", t)) },
			func() (any, error) { return o.Union(describeOf("offsets", "", "Tuple<String, Long>", t)) },
			func() (any, error) { return o.List(describeOf("all", "", "Long", t)) },
			func() (any, error) { return o.Broadcast(describeOf("rules", "String", "Long", t)) },
			func() (any, error) { return o.Broadcast(describeOf("rules", "Long", "List<Long>", t)) },
		} {
			var wrong *backends.IncompatibleError
			if _, err := get(); !errors.As(err, &wrong) || wrong.Was == wrong.Want {
				t.Errorf("%s, %d: %v", name, i, err)
			}
		}
	}
	if _, err := o.List(&backends.OperatorDescriptor{Name: "x"}); err == nil {
		t.Error("a list of no type")
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if _, err := o.Snapshot(&backends.SnapshotRequest{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// TestLiveNames: a list and a map of one name are refused, in whichever order they come: a handle tells states by nothing but their names,
// so that one of them would be lost.
func TestLiveNames(t *testing.T) {
	o, h, files := filled(t)
	var wrong *backends.IncompatibleError
	for name, o := range map[string]backends.Operator{"registered": o, "restored": open(t, backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{h}, Files: files})} {
		if _, err := o.Broadcast(describeOf("offsets", "String", "Long", t)); !errors.As(err, &wrong) {
			t.Errorf("%s: a map beside a list: %v", name, err)
		}
		if _, err := o.List(describeOf("rules", "", "Long", t)); !errors.As(err, &wrong) {
			t.Errorf("%s: a list beside a map: %v", name, err)
		}
	}
	maps := open(t, backends.OperatorConfig{})
	if _, err := maps.Broadcast(describeOf("offsets", "String", "Long", t)); err != nil {
		t.Fatal(err)
	}
	more, written := snapshot(t, maps)
	blob, err := written.Open(t.Context(), more.Delegate)
	if err != nil {
		t.Fatal(err)
	}
	more.Delegate = &metadata.InlineHandle{Data: blob.(*handletest.Blob).Data}
	c := backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{h, more}, Files: files}
	if _, err := Open(t.Context(), &c); !errors.As(err, &wrong) {
		t.Errorf("a list in one sub-task and a map in another: %v", err)
	}
}

// avro is a type whose name tells of the record alone.
func avro(t *testing.T, field string) backends.Type {
	t.Helper()
	utf := func(b []byte, s string) []byte { return append(append(b, byte(len(s)>>8), byte(len(s))), s...) }
	b := append(utf(nil, "org.apache.flink.formats.avro.typeutils.AvroSerializerSnapshot"), 0, 0, 0, 1)
	typ, _, err := types.ReadVersioned(utf(b, `{"type":"record","name":"R","fields":[{"name":"x","type":"`+field+`"}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// TestLiveSchema: a type of the same name whose values lie otherwise is refused.
func TestLiveSchema(t *testing.T) {
	o := open(t, backends.OperatorConfig{})
	if _, err := o.List(&backends.OperatorDescriptor{Name: "l", Value: avro(t, "long")}); err != nil {
		t.Fatal(err)
	}
	h, files := snapshot(t, o)
	o = open(t, backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{h}, Files: files})
	var wrong *backends.IncompatibleError
	if _, err := o.List(&backends.OperatorDescriptor{Name: "l", Value: avro(t, "double")}); !errors.As(err, &wrong) || wrong.Was == wrong.Want {
		t.Error(err)
	}
	if _, err := o.List(&backends.OperatorDescriptor{Name: "l", Value: avro(t, "long")}); err != nil {
		t.Error(err)
	}
}

// TestReadable: no more is taken of one element than can be read again.
func TestReadable(t *testing.T) {
	for n, want := range map[int]error{0: nil, math.MaxInt32: nil, math.MaxInt32 + 1: backends.ErrTooLarge} {
		if err := readable(n); err != want {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestLiveNothing: elements without bytes are kept, but where nothing tells which of several is the one with bytes.
func TestLiveNothing(t *testing.T) {
	o := open(t, backends.OperatorConfig{})
	first, err := o.List(describeOf("first", "", "NullValue", t))
	if err != nil {
		t.Fatal(err)
	}
	second, err := o.List(describeOf("second", "", "Long", t))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.Add(nil), first.Add(nil)); err != nil {
		t.Fatal(err)
	}
	again := func() (backends.Operator, error) {
		h, files := snapshot(t, o)
		slices.Reverse(h.States) // Flink writes them in any order
		all := []*metadata.OperatorStateHandle{h}
		return Open(t.Context(), &backends.OperatorConfig{Restored: all, Whole: all, Files: files})
	}
	restored, err := again()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := restored.List(describeOf("first", "", "NullValue", t)); err != nil || len(l.Get()) != 2 {
		t.Error(l, err)
	}
	if err := second.Add(int64(7)); err != nil {
		t.Fatal(err)
	}
	if _, err := again(); err == nil || !strings.Contains(err.Error(), "nothing tells which") {
		t.Error(err)
	}
}

// TestLiveFrozen: a snapshot is of the moment when it was begun.
func TestLiveFrozen(t *testing.T) {
	o, h, files := filled(t)
	want := contents(t, files, h, backends.Options{})
	s := &handletest.Streams{}
	run, err := o.Snapshot(&backends.SnapshotRequest{Streams: s})
	if err != nil {
		t.Fatal(err)
	}
	list, _ := o.List(describeOf("offsets", "", "Tuple<String, Long>", t))
	union, _ := o.Union(describeOf("all", "", "Long", t))
	rules, _ := o.Broadcast(describeOf("rules", "String", "List<Long>", t))
	if err := errors.Join(list.Add([]any{"new", int64(1)}), union.Update([]any{int64(9)}), rules.Remove("r0"), rules.Put("r1", []any{}), rules.Put("z", []any{})); err != nil {
		t.Fatal(err)
	}
	if err := union.Update([]any{int64(1), "no number"}); err == nil || fmt.Sprint(union.Get()) != "[9]" {
		t.Error(union.Get(), err)
	}
	if ok, err := rules.Contains("r0"); ok || err != nil {
		t.Error(ok, err)
	}
	if err := errors.Join(rules.Remove("r4"), rules.Remove("r4"), rules.Remove("z")); err != nil {
		t.Error(err)
	}
	var left []string
	for e, err := range rules.Entries() {
		left = append(left, fmt.Sprintln(e.Key, e.Value, err))
	}
	slices.Sort(left)
	if got := strings.Join(left, ""); got != "r1 [] <nil>\nr2 [2 2] <nil>\nr3 [3 3] <nil>\n" {
		t.Error(got)
	}
	rules.Clear()
	list.Clear()
	again, err := run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s, again, backends.Options{}); !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

// TestLiveFails: what cannot be read or written is an error, and leaves no file.
func TestLiveFails(t *testing.T) {
	o, h, files := filled(t)
	blob, err := files.Open(t.Context(), h.Delegate)
	if err != nil {
		t.Fatal(err)
	}
	data := blob.(*handletest.Blob).Data
	for name, change := range map[string]func(h *metadata.OperatorStateHandle, b []byte) []byte{
		"cut off":    func(_ *metadata.OperatorStateHandle, b []byte) []byte { return b[:len(b)-1] },
		"no element": func(h *metadata.OperatorStateHandle, b []byte) []byte { h.States[0].Offsets = []int64{3}; return b },
		"far beyond": func(h *metadata.OperatorStateHandle, b []byte) []byte {
			h.States[0].Offsets = []int64{math.MaxInt64}
			return b
		},
		"no state": func(h *metadata.OperatorStateHandle, b []byte) []byte { h.States[1].Name = "other"; return b },
		"map":      func(h *metadata.OperatorStateHandle, b []byte) []byte { b[h.States[2].Offsets[0]] = 0xff; return b },
	} {
		for _, whole := range []bool{true, false} {
			bad := *h
			bad.States = slices.Clone(h.States)
			b := change(&bad, bytes.Clone(data))
			c := backends.OperatorConfig{Restored: []*metadata.OperatorStateHandle{&bad}, Files: handletest.Files{Blob: &handletest.Blob{Data: b}}}
			if whole {
				c.Whole = c.Restored
			}
			if o, err := Open(t.Context(), &c); err == nil {
				list, err := o.List(describeOf("offsets", "", "Tuple<String, Long>", t))
				if err == nil {
					t.Errorf("%s: %v", name, list)
				}
			}
		}
	}
	s := &handletest.Streams{}
	run, err := o.Snapshot(&backends.SnapshotRequest{Streams: s})
	if err != nil {
		t.Fatal(err)
	}
	for _, fails := range []handletest.Op{handletest.Create, handletest.Write, handletest.End} {
		s.SetFault(func(op handletest.Op, _ string) error {
			if op == fails {
				return errors.New("full")
			}
			return nil
		})
		if h, err := run(t.Context()); h != nil || err == nil || len(s.Names())+s.Unended() > 0 {
			t.Errorf("%s: %v, %v, %v", fails, h, err, s.Names())
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if h, err := run(ended); h != nil || !errors.Is(err, context.Canceled) {
		t.Error(h, err)
	}
}

// BenchmarkBroadcastGet: a lookup in broadcast state, as each record does one.
func BenchmarkBroadcastGet(b *testing.B) {
	o, err := Open(b.Context(), &backends.OperatorConfig{})
	if err != nil {
		b.Fatal(err)
	}
	rules, err := o.Broadcast(describeOf("rules", "String", "Long", b))
	if err != nil {
		b.Fatal(err)
	}
	keys := make([]any, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("key-", i)
		if err := rules.Put(keys[i], int64(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, ok, err := rules.Get(keys[i%len(keys)]); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
