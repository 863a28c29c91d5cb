package keyed_test

import (
	"encoding/binary"
	"iter"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// flat is a store of one table, which allocates for new keys only.
type flat struct {
	metas []*backends.Meta
	rows  map[string][]byte
}

func (s *flat) Table(m *backends.Meta) (backends.Table, error) {
	s.metas = append(s.metas, m)
	return s, nil
}
func (s *flat) Metas() []*backends.Meta { return s.metas }
func (s *flat) Ordered() bool           { return false }
func (s *flat) MemoryUse() int64        { return 0 }
func (s *flat) Snapshot(*backends.SnapshotRequest) (backends.SnapshotFunc, error) {
	return nil, nil
}
func (s *flat) CheckpointCompleted(int64) {}
func (s *flat) CheckpointAborted(int64)   {}
func (s *flat) Close() error              { return nil }

func (s *flat) Get(_ int32, key, _ []byte) ([]byte, bool, error) {
	v, ok := s.rows[string(key)]
	return v, ok, nil
}

func (s *flat) Put(_ int32, key, sub, value []byte) error {
	if v := s.rows[string(key)]; len(v) == len(value) {
		copy(v, value)
		return nil
	}
	s.rows[string(key)] = append([]byte{}, value...)
	return nil
}

func (s *flat) Delete(_ int32, key, _ []byte) error               { delete(s.rows, string(key)); return nil }
func (s *flat) Append(kg int32, key, element []byte) error        { return s.Put(kg, key, nil, element) }
func (s *flat) Clear(kg int32, key []byte) error                  { return s.Delete(kg, key, nil) }
func (s *flat) Subs(int32, []byte) iter.Seq2[backends.Row, error] { return s.none }
func (s *flat) All(metadata.KeyGroupRange) iter.Seq2[backends.Row, error] {
	return s.none
}
func (s *flat) none(func(backends.Row, error) bool) {}

// open makes a backend with keys of a type.
func open(tb testing.TB, s backends.Store, c backends.StoreConfig, options ...keyed.Option) backends.Keyed {
	tb.Helper()
	if c.MaxParallelism == 0 {
		c.MaxParallelism = 128
	}
	c.KeyGroups = keygroups.All(c.MaxParallelism)
	if c.Key == nil {
		c.Key = spec("String")
	}
	k, err := keyed.New(s, &c, options...)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func spec(s string) backends.Type {
	t, err := types.ParseSpec(s)
	if err != nil {
		panic(err)
	}
	return t
}

// count is the running count of a key: what a job does with each record.
func count(k backends.Keyed, s backends.ValueState, key []byte, kg int32, buf []byte) error {
	if err := k.SetCurrentKeyBytes(key, kg); err != nil {
		return err
	}
	b, err := s.Bytes()
	if err != nil {
		return err
	}
	n := uint64(0)
	if b != nil {
		n = binary.BigEndian.Uint64(b)
	}
	return s.UpdateBytes(binary.BigEndian.AppendUint64(buf[:0], n+1))
}

// encodedKeys are texts and their key groups.
func encodedKeys(tb testing.TB, n int) (keys [][]byte, groups []int32) {
	text := spec("String")
	for i := range n {
		v := string(rune('a'+i%26)) + time.Duration(i).String()
		b, err := text.Encode(nil, v)
		if err != nil {
			tb.Fatal(err)
		}
		code, _ := text.Hash(v)
		keys, groups = append(keys, b), append(groups, keygroups.Of(code, 128))
	}
	return keys, groups
}

// TestNoAllocation: neither values with a life of their own nor windows nor timers that are there allocate on the paths of bytes.
func TestNoAllocation(t *testing.T) {
	keys, groups := encodedKeys(t, 100)
	for name, d := range map[string]*backends.Descriptor{
		"a value":               {Name: "s", Kind: backends.Value, Value: spec("Long")},
		"a value of a window":   {Name: "s", Kind: backends.Value, Value: spec("Long"), Namespace: spec("TimeWindow")},
		"a value with its life": {Name: "s", Kind: backends.Value, Value: spec("Long"), TTL: &backends.TTLConfig{TTL: time.Hour, OnRead: true}},
	} {
		k := open(t, &flat{rows: map[string][]byte{}}, backends.StoreConfig{Now: func() int64 { return 1 }})
		state, err := k.State(d)
		if err != nil {
			t.Fatal(err)
		}
		s, window, buf := state.(backends.ValueState), make([]byte, 16), make([]byte, 0, 8)
		timers, err := k.Timers("t", spec("TimeWindow"))
		if err != nil {
			t.Fatal(err)
		}
		once := func() {
			for i := range keys {
				if d.Namespace != nil {
					if err := s.SetNamespaceBytes(window); err != nil {
						t.Fatal(err)
					}
				}
				if err := count(k, s, keys[i], groups[i], buf); err != nil {
					t.Fatal(err)
				}
				if _, err := timers.Add(backends.TimerEntry{Time: 7, Key: keys[i], Namespace: window, KeyGroup: groups[i]}); err != nil {
					t.Fatal(err)
				}
			}
		}
		once()
		if n := testing.AllocsPerRun(10, once); n > 0 {
			t.Errorf("%s: %v allocations for 100 records", name, n)
		}
	}
}

func BenchmarkCount(b *testing.B) {
	keys, groups := encodedKeys(b, 1000) // few, so that it is this package that is measured
	k := open(b, &flat{rows: map[string][]byte{}}, backends.StoreConfig{})
	state, err := k.State(&backends.Descriptor{Name: "s", Kind: backends.Value, Value: spec("Long")})
	if err != nil {
		b.Fatal(err)
	}
	s, buf := state.(backends.ValueState), make([]byte, 0, 8)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i * 7919 % len(keys)
		if err := count(k, s, keys[at], groups[at], buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTimers(b *testing.B) {
	keys, groups := encodedKeys(b, 100_000)
	k := open(b, &flat{rows: map[string][]byte{}}, backends.StoreConfig{})
	q, err := k.Timers("t", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at := i % len(keys)
		if _, err := q.Add(backends.TimerEntry{Time: int64(i / len(keys)), Key: keys[at], KeyGroup: groups[at]}); err != nil {
			b.Fatal(err)
		}
		if i >= len(keys) {
			if _, _, err := q.Poll(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
