package backendtest

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// filler writes entries of all kinds, and knows what they are. A generation is what was written at once.
type filler struct {
	ss     *session
	value  backends.ValueState
	list   backends.ListState
	m      backends.MapState
	mean   backends.AppendingState
	concat backends.AppendingState
	timers backends.TimerQueue
}

// The states of a filler. Those of windows are meanOf and concatOf.
var (
	valueOf = &backends.Descriptor{Name: "value", Kind: backends.Value, Value: parse("String")}
	listOf  = &backends.Descriptor{Name: "list", Kind: backends.List, Value: parse("Long")}
	mapOf   = &backends.Descriptor{Name: "map", Kind: backends.Map, MapKey: parse("Integer"), Value: parse("String"), Namespace: parse("String")}
)

func newFiller(ss *session) *filler {
	ss.t.Helper()
	timers, err := ss.Timers("event_filler", parse("TimeWindow"))
	ok(ss.t, err)
	w := types.Window{Start: 0, End: 10}
	return &filler{
		ss, state[backends.ValueState](ss, nil, valueOf), state[backends.ListState](ss, nil, listOf), state[backends.MapState](ss, "ns", mapOf),
		state[backends.AppendingState](ss, w, meanOf), state[backends.AppendingState](ss, w, concatOf), timers,
	}
}

// owns is whether a text is a key of the sub-task.
func (ss *session) owns(key string) bool {
	return ss.config.KeyGroups.Contains(ss.timer(0, key, nil).KeyGroup)
}

// fill changes some of the state of n keys: what a generation writes differs from what all before have written. It deletes too.
func (f *filler) fill(n, generation int) {
	t := f.ss.t
	t.Helper()
	window := make([]byte, 16)
	window[15] = 10
	for i := generation % 3; i < n; i += 1 + generation%2 {
		k := fmt.Sprint("key-", i)
		if !f.ss.owns(k) {
			continue
		}
		f.ss.key(k)
		text := fmt.Sprint(k, " of generation ", generation)
		errs := []error{
			f.value.Update(text), f.list.Add(int64(generation)), f.m.Put(int32(generation), text), f.m.Put(int32(-i), nil),
			f.mean.Add(int64(generation)), f.concat.Add(fmt.Sprint(generation, ",")),
		}
		_, err := f.timers.Add(f.ss.timer(int64(100*generation+i), k, window))
		errs = append(errs, err)
		if (i+generation)%5 == 0 {
			errs = append(errs, f.value.Clear(), f.list.Update([]any{int64(-1)}), f.m.Remove(int32(generation-1)))
		}
		if (i+generation)%11 == 0 {
			errs = append(errs, f.list.Clear(), f.m.Clear(), f.mean.Clear(), f.concat.Clear())
			_, err := f.timers.Remove(f.ss.timer(int64(100*(generation-1)+i), k, window))
			errs = append(errs, err)
		}
		for _, err := range errs {
			ok(t, err)
		}
	}
}

// dump is all that the session has now, by its tables.
func (f *filler) dump() dump { return f.ss.dump() }

// dump reads all tables of the store.
func (ss *session) dump() dump {
	ss.t.Helper()
	d, err := ss.tryDump()
	ok(ss.t, err)
	return d
}

func (ss *session) tryDump() (dump, error) {
	d := dump{}
	for _, m := range ss.store.Metas() {
		table, err := ss.store.Table(m)
		if err != nil {
			return nil, err
		}
		for r, err := range table.All(ss.config.KeyGroups) {
			if err == nil {
				err = d.addRow(ss, m, r)
			}
			if err != nil {
				return nil, fmt.Errorf("state %q: %w", m.Name, err)
			}
		}
	}
	return d, nil
}

// addRow takes a row apart as a reader of a snapshot does.
func (d dump) addRow(ss *session, m *backends.Meta, r backends.Row) error {
	n := len(composite(0, ss.config.MaxParallelism, "")) - 2 // without an empty text and the namespace
	e := backends.Entry{
		KeyGroup: r.KeyGroup, Value: r.Value, MapKey: r.Sub, Joined: true,
		State: &backends.State{Name: m.Name, Kind: m.Kind, Value: m.Value},
	}
	form := backends.NewKeyForm(n, ss.config.Key, m.Namespace, false)
	if m.Kind == backends.Timer {
		form = backends.NewTimerForm(n, ss.config.Key, m.Namespace)
	}
	p, err := form.Split(r.Key)
	if err != nil {
		return err
	}
	e.Key, e.Namespace = p.Key, p.Namespace
	switch {
	case m.Kind == backends.Timer:
		e.Time = backends.TimerTime(r.Key[n:])
	case m.Kind == backends.Map && len(r.Value) == 0:
		return backends.ErrShort
	case m.Kind == backends.Map:
		e.Null, e.Value = r.Value[0] == 1, r.Value[1:]
	}
	return d.add(&e)
}

// equalDumps holds what a session has against want.
func (ss *session) equalDumps(t tester, what string, want dump) {
	t.Helper()
	compare(t, what, ss.dump(), want)
}
