package backendtest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
	"pgregory.net/rapid"
)

// testModel does random things to keyed state and to a model, and holds what they give against each other: each result, each
// snapshot, and what is restored of it.
func (s *suite) testModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRandom(s, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"":         r.holds,
			"clock":    r.clock,
			"value":    r.value,
			"list":     r.list,
			"map":      r.mapping,
			"add":      r.adding,
			"clear":    r.clear,
			"timer":    r.timer,
			"poll":     r.poll,
			"keys":     r.keys,
			"begin":    r.begin,
			"finish":   r.finish,
			"restore":  r.restore,
			"rescale":  r.rescale,
			"value 2":  r.value, // what happens more often
			"list 2":   r.list,
			"map 2":    r.mapping,
			"adding 2": r.adding,
			"timer 2":  r.timer,
		})
		r.ss.end()
	})
}

// random is one run.
type random struct {
	s     *suite
	t     *rapid.T
	ss    *session
	m     *model
	p     place
	ds    []*backends.Descriptor
	under []underWay // snapshots
	done  []taken
}

// underWay is a snapshot whose asynchronous part has not run, and what it must hold.
type underWay struct {
	id  int64
	run backends.SnapshotFunc
	m   *model
}

// taken is a snapshot to begin with.
type taken struct {
	handles []metadata.KeyedHandle
	m       *model
}

// descriptors are a state of each kind in each kind of namespace, half of them with a time to live.
func descriptors(rt *rapid.T) []*backends.Descriptor {
	var ds []*backends.Descriptor
	namespaces := []backends.Type{nil, parse("TimeWindow"), parse("String")}
	for i := range 10 {
		d := &backends.Descriptor{Kind: backends.Value + backends.Kind(i%5), Value: parse("String"), Namespace: namespaces[i%3]}
		if d.Name = fmt.Sprint(d.Kind, " ", i/5); i >= 5 {
			d.TTL = &backends.TTLConfig{TTL: 10 * time.Millisecond, OnRead: rapid.Bool().Draw(rt, "on read"), ReturnExpired: rapid.Bool().Draw(rt, "return expired")}
		}
		switch d.Kind {
		case backends.Map:
			d.MapKey = parse("String")
		case backends.Reducing:
			d.Reduce = concat
		case backends.Aggregating:
			d.Aggregate, d.Value = mean{}, parse("Tuple<Long, Long>")
		}
		ds = append(ds, d)
	}
	return ds
}

func newRandom(s *suite, rt *rapid.T) *random {
	r := &random{s: s, t: rt, ds: descriptors(rt)}
	r.p = place{max: rapid.SampledFrom([]int32{1, 2, 128, 129, 32768}).Draw(rt, "max parallelism")}
	r.p.timers = rapid.SampledFrom([]keyed.TimerService{keyed.InMemory, keyed.InStore}).Draw(rt, "timers")
	r.m = newModel(r.p.max, parse("String"), r.ds)
	r.p.now = func() int64 { return r.m.now }
	r.ss = s.open(rt, r.p)
	return r
}

// text draws few and short ones, so that they meet again.
var text3 = rapid.SampledFrom([]string{"", "a", "b", "c,", "ab"})

func (r *random) namespace(d *backends.Descriptor) any {
	switch text(d.Namespace) {
	case "":
		return nil
	case "TimeWindow":
		return types.Window{Start: rapid.Int64Range(0, 2).Draw(r.t, "start"), End: 9}
	}
	return text3.Draw(r.t, "namespace")
}

// pick draws a state of some kinds, and a key and a namespace of it.
func pick[S backends.KeyedState](r *random, kinds ...backends.Kind) (S, *modelState, *cell) {
	d := rapid.SampledFrom(slices.DeleteFunc(slices.Clone(r.ds), func(d *backends.Descriptor) bool { return !slices.Contains(kinds, d.Kind) })).Draw(r.t, "state")
	key, namespace := text3.Draw(r.t, "key"), r.namespace(d)
	r.ss.key(key)
	s := r.m.states[d.Name]
	return state[S](r.ss, namespace, d), s, r.m.at(s, key, namespace)
}

func (r *random) equal(what string, got, want any) {
	r.t.Helper()
	if !reflect.DeepEqual(got, want) {
		r.t.Fatalf("%s: %v, not %v", what, got, want)
	}
}

// holds is what must be true at all times.
func (r *random) holds(*rapid.T) {
	if n := r.s.streams.Unended(); n > 0 {
		r.t.Fatalf("%d streams are open", n)
	}
}

func (r *random) clock(*rapid.T) { r.m.now += rapid.Int64Range(1, 6).Draw(r.t, "milliseconds") }

func (r *random) value(*rapid.T) {
	v, s, c := pick[backends.ValueState](r, backends.Value)
	switch rapid.IntRange(0, 2).Draw(r.t, "what") {
	case 0:
		got, err := v.Value()
		ok(r.t, err)
		r.equal("value", got, r.m.read(s.d, c))
	case 1:
		text := text3.Draw(r.t, "value")
		ok(r.t, v.Update(text))
		c.list = []aged{{text, r.m.now}}
	case 2:
		ok(r.t, v.Update(nil))
		c.list = nil
	}
}

func (r *random) list(*rapid.T) {
	l, s, c := pick[backends.ListState](r, backends.List)
	values := rapid.SliceOfN(text3, 0, 3).Draw(r.t, "values")
	var vs []any
	var as []aged
	for _, v := range values {
		vs, as = append(vs, v), append(as, aged{v, r.m.now})
	}
	switch rapid.IntRange(0, 3).Draw(r.t, "what") {
	case 0:
		got, err := l.Get()
		ok(r.t, err)
		r.equal("list", got, r.m.readList(s.d, c))
	case 1:
		ok(r.t, l.Update(vs))
		c.list = as
	case 2:
		ok(r.t, l.AddAll(vs))
		c.list = append(c.list, as...)
	case 3:
		for i, v := range vs {
			ok(r.t, l.Add(v))
			c.list = append(c.list, as[i])
		}
	}
}

func (r *random) mapping(*rapid.T) {
	m, s, c := pick[backends.MapState](r, backends.Map)
	key := text3.Draw(r.t, "key within")
	encoded := string(encode(s.d.MapKey, key))
	switch rapid.IntRange(0, 4).Draw(r.t, "what") {
	case 0:
		got, there, err := m.Get(key)
		ok(r.t, err)
		want, wanted := r.m.readEntry(s.d, c, encoded)
		r.equal("value in a map", []any{got, there}, []any{want, wanted})
	case 1:
		var value any = text3.Draw(r.t, "value")
		if s.d.TTL == nil && rapid.Bool().Draw(r.t, "null") {
			value = nil
		}
		ok(r.t, m.Put(key, value))
		c.m[encoded] = aged{value, r.m.now}
	case 2:
		ok(r.t, m.Remove(key))
		delete(c.m, encoded)
	case 3:
		empty, err := m.IsEmpty()
		ok(r.t, err)
		r.equal("empty", empty, len(c.m) == 0)
	case 4:
		r.entries(m, s, c)
	}
}

func (r *random) entries(m backends.MapState, s *modelState, c *cell) {
	got, want := map[string]any{}, map[string]any{}
	for e, err := range m.Entries() {
		ok(r.t, err)
		got[string(encode(s.d.MapKey, e.Key))] = e.Value
	}
	for _, k := range slices.Collect(maps.Keys(c.m)) {
		if v, there := r.m.readEntry(s.d, c, k); there {
			want[k] = v
		}
	}
	r.equal("map", got, want)
}

func (r *random) adding(*rapid.T) {
	a, s, c := pick[backends.AppendingState](r, backends.Reducing, backends.Aggregating)
	switch rapid.IntRange(0, 2).Draw(r.t, "what") {
	case 0:
		got, err := a.Get()
		ok(r.t, err)
		want := r.m.read(s.d, c)
		if want != nil && s.d.Kind == backends.Aggregating {
			want, _ = s.d.Aggregate.Result(want)
		}
		r.equal("result", got, want)
	case 1:
		acc := r.m.live(s.d, c)
		var v any = text3.Draw(r.t, "value")
		if s.d.Kind == backends.Aggregating {
			v = rapid.Int64Range(0, 9).Draw(r.t, "number")
			if acc == nil {
				acc = s.d.Aggregate.Create()
			}
			acc, _ = s.d.Aggregate.Add(acc, v)
		} else {
			acc = union(s.d, acc, v)
		}
		ok(r.t, a.Add(v))
		c.list = []aged{{acc, r.m.now}}
	case 2:
		target, sources := r.namespace(s.d), []any{}
		for range rapid.IntRange(0, 3).Draw(r.t, "sources") {
			sources = append(sources, r.namespace(s.d))
		}
		key, err := r.ss.CurrentKey()
		ok(r.t, err)
		ok(r.t, a.Merge(target, sources))
		r.m.merge(s, key, target, sources)
	}
}

func (r *random) clear(*rapid.T) {
	s, _, c := pick[backends.KeyedState](r, backends.Value, backends.List, backends.Map, backends.Reducing, backends.Aggregating)
	ok(r.t, s.Clear())
	*c = cell{m: map[string]aged{}}
}

func (r *random) queue() backends.TimerQueue {
	q, err := r.ss.Timers("t", parse("String"))
	ok(r.t, err)
	return q
}

func (r *random) timer(*rapid.T) {
	q := r.queue()
	e := r.ss.timer(rapid.Int64Range(-5, 5).Draw(r.t, "time"), text3.Draw(r.t, "key"), encode(parse("String"), text3.Draw(r.t, "namespace")))
	i, there := slices.BinarySearchFunc(r.m.timers, e, compareTimers)
	if rapid.Bool().Draw(r.t, "add") {
		first, err := q.Add(e)
		ok(r.t, err)
		r.equal("another first", first, i == 0 && !there)
		if !there {
			r.m.timers = slices.Insert(r.m.timers, i, e)
		}
		return
	}
	first, err := q.Remove(e)
	ok(r.t, err)
	r.equal("another first", first, i == 0 && there)
	if there {
		r.m.timers = slices.Delete(r.m.timers, i, i+1)
	}
}

func (r *random) poll(*rapid.T) {
	q := r.queue()
	n, err := q.Len()
	ok(r.t, err)
	r.equal("timers", n, len(r.m.timers))
	take := q.Peek
	if rapid.Bool().Draw(r.t, "poll") {
		take = q.Poll
	}
	e, there, err := take()
	ok(r.t, err)
	r.equal("a timer", there, n > 0)
	if there && !equalTimers(e, r.m.timers[0]) {
		r.t.Fatalf("the first timer is %v, not %v", e, r.m.timers[0])
	}
	if m, err := q.Len(); err != nil {
		r.t.Fatal(err)
	} else if m < n {
		r.m.timers = slices.Delete(r.m.timers, 0, 1)
	}
}

func (r *random) keys(*rapid.T) {
	d := rapid.SampledFrom(r.ds).Draw(r.t, "state")
	namespace := r.namespace(d)
	if _, err := r.ss.State(d); err != nil {
		r.t.Fatal(err)
	}
	var got []string
	for k, err := range r.ss.Keys(d.Name, namespace) {
		ok(r.t, err)
		got = append(got, string(encode(r.m.key, k)))
	}
	slices.Sort(got)
	r.equal("keys", got, r.m.keys(r.m.states[d.Name], namespace))
}

func (r *random) begin(*rapid.T) {
	const most = 4
	if len(r.under) < most {
		id, run := r.ss.begin(rapid.SampledFrom(forms).Draw(r.t, "form"))
		r.under = append(r.under, underWay{id, run, r.m.clone()})
	}
}

func (r *random) finish(*rapid.T) {
	if len(r.under) == 0 {
		return
	}
	i := rapid.IntRange(0, len(r.under)-1).Draw(r.t, "snapshot")
	u := r.under[i]
	r.under = slices.Delete(r.under, i, i+1)
	if rapid.IntRange(0, 9).Draw(r.t, "cancel") == 0 {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if result, err := u.run(ctx); err == nil && !result.Empty() {
			r.t.Fatalf("a snapshot that was cancelled has no error")
		}
		r.ss.CheckpointAborted(u.id)
		return
	}
	h := r.ss.finish(u.id, u.run)
	compare(r.t, "snapshot", r.s.dump(r.t, r.p.max, h), u.m.dump())
	r.done = append(r.done, taken{some(h), u.m})
}

func (r *random) restore(*rapid.T) {
	if len(r.done) == 0 {
		return
	}
	d := rapid.SampledFrom(r.done).Draw(r.t, "snapshot")
	for _, u := range r.under {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _ = u.run(ctx)
	}
	r.under = nil
	now := r.m.now
	r.m = d.m.clone()
	r.m.now = now
	r.reopen(d.handles)
}

// reopen begins anew with handles, whose state is that of the model.
func (r *random) reopen(handles []metadata.KeyedHandle) {
	r.ss.end()
	p := r.p
	p.restored = handles
	next := r.ss.next
	r.ss = r.s.open(r.t, p)
	r.ss.next = next
	r.ss.equalDumps(r.t, "restored", r.m.dump())
}

// rescale takes a snapshot, restores it in several sub-tasks, and begins with theirs.
func (r *random) rescale(*rapid.T) {
	draw := func() backends.SnapshotForm { return rapid.SampledFrom(forms).Draw(r.t, "form") }
	for _, u := range r.under {
		r.ss.finish(u.id, u.run)
	}
	r.under = nil
	h := some(r.ss.snapshot(draw()))
	n := min(rapid.Int32Range(1, 4).Draw(r.t, "sub-tasks"), r.p.max)
	var handles []metadata.KeyedHandle
	for i := range n {
		groups := metadata.RangeOf(r.p.max, n, i)
		p := r.p
		p.groups, p.restored = &groups, h
		part := r.s.open(r.t, p)
		handles = append(handles, some(part.snapshot(draw()))...)
		part.end()
	}
	r.reopen(handles)
}
