package connectors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// tb is what *testing.T and *rapid.T have in common.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// opState is operator state in memory.
type opState struct {
	backends.Operator
	lists map[string]*listState
}

func newOpState() *opState { return &opState{lists: map[string]*listState{}} }

func (s *opState) list(d *backends.OperatorDescriptor) (backends.OperatorListState, error) {
	l := s.lists[d.Name]
	if l == nil {
		l = new(listState)
		s.lists[d.Name] = l
	}
	l.descriptor = d
	return l, nil
}

func (s *opState) List(d *backends.OperatorDescriptor) (backends.OperatorListState, error) {
	return s.list(d)
}

func (s *opState) Union(d *backends.OperatorDescriptor) (backends.OperatorListState, error) {
	return s.list(d)
}

// listState keeps its values as bytes, as a backend does.
type listState struct {
	descriptor *backends.OperatorDescriptor
	encoded    [][]byte
}

func (l *listState) Get() (vs []any) {
	for _, b := range l.encoded {
		v, n, err := l.descriptor.Value.Decode(b)
		if err != nil || n != len(b) {
			panic(fmt.Sprint(err, n))
		}
		vs = append(vs, v)
	}
	return vs
}

func (l *listState) Add(v any) error {
	b, err := l.descriptor.Value.Encode(nil, v)
	l.encoded = append(l.encoded, b)
	return err
}

func (l *listState) Update(vs []any) error {
	l.encoded = nil
	for _, v := range vs {
		if err := l.Add(v); err != nil {
			return err
		}
	}
	return nil
}

func (l *listState) Clear() { l.encoded = nil }

func (s *opState) snapshot(name string) [][]byte {
	if l := s.lists[name]; l != nil {
		return slices.Clone(l.encoded)
	}
	return nil
}

var quiet = slog.New(slog.DiscardHandler)

// fakeClock is moved by hand.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*fakeTimer
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func newFakeClock() *fakeClock { return &fakeClock{now: time.UnixMilli(1_700_000_000_000)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := len(c.timers)
		c.timers = slices.DeleteFunc(c.timers, func(o *fakeTimer) bool { return o == t })
		return len(c.timers) < n
	}
}

// advance moves the time on, and fires what is due.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []*fakeTimer
	c.timers = slices.DeleteFunc(c.timers, func(t *fakeTimer) bool {
		if t.at.After(c.now) {
			return false
		}
		due = append(due, t)
		return true
	})
	c.mu.Unlock()
	for _, t := range due {
		t.f()
	}
}

func openSplit(t tb, s engine.Source, split engine.Split, position any, clock engine.Clock) engine.SplitReader {
	t.Helper()
	if position != nil { // as state has it
		b, err := s.Position().Encode(nil, position)
		if err != nil {
			t.Fatal(err)
		}
		if position, _, err = s.Position().Decode(b); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.Open(context.Background(), split, position, engine.SourceContext{Parallelism: 1, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// row is a record in one line.
func row(b *engine.Batch, i int) string {
	values := make([]string, len(b.Vectors))
	for c := range values {
		values[c] = fmt.Sprintf("%T:%v", b.Value(c, i), b.Value(c, i))
	}
	return strings.Join(values, "|")
}

func rowsOf(t tb, b *engine.Batch) (all []string) {
	t.Helper()
	for c, v := range b.Vectors {
		n := map[engine.Kind]int{engine.Boolean: len(v.Bools), engine.Long: len(v.Longs), engine.Timestamp: len(v.Longs), engine.Double: len(v.Doubles),
			engine.String: len(v.Strings), engine.Bytes: len(v.Strings)}[b.Schema.Columns[c].Kind]
		if n != b.N || v.Nulls != nil && len(v.Nulls) != b.N {
			t.Fatalf("column %d has %d values and %d nulls of %d records", c, n, len(v.Nulls), b.N)
		}
	}
	for i := range b.N {
		all = append(all, row(b, i))
	}
	return all
}

// read reads one batch; io.EOF and ErrNothingYet come as they are.
func read(t tb, s engine.Source, r engine.SplitReader, n int) ([]string, error) {
	t.Helper()
	b := engine.NewBatch(s.Schema(), n)
	err := r.Read(b, n)
	if b.N > n || b.N > 0 && err != nil || err == nil && b.N == 0 {
		t.Fatalf("%d records of %d, %v", b.N, n, err)
	}
	return rowsOf(t, b), err
}

// rest reads to the end, or until nothing is there.
func rest(t tb, s engine.Source, r engine.SplitReader, n int) (all []string) {
	t.Helper()
	for {
		rows, err := read(t, s, r, n)
		all = append(all, rows...)
		if err == io.EOF || errors.Is(err, engine.ErrNothingYet) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func discover(t tb, s engine.Source) []engine.Split {
	t.Helper()
	splits, err := s.Discover(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, split := range splits {
		if ids[split.ID] || split.Index < 0 {
			t.Fatalf("split %v", split)
		}
		ids[split.ID] = true
	}
	return splits
}

// replay reads each split whole, and then from each position on at which a batch may end: what came before and what comes then are
// all records.
func replay(t *testing.T, s engine.Source) (all []string) {
	t.Helper()
	clock := newFakeClock()
	for _, split := range discover(t, s) {
		r := openSplit(t, s, split, nil, clock)
		whole := rest(t, s, r, 7)
		r.Close()
		all = append(all, whole...)
		r = openSplit(t, s, split, nil, clock)
		for n := 0; ; n++ {
			resumed := openSplit(t, s, split, r.Position(), clock)
			if got := rest(t, s, resumed, 3); !slices.Equal(got, whole[n:]) {
				t.Fatalf("split %s at %v, after %d records: %q, want %q", split.ID, r.Position(), n, got, whole[n:])
			}
			resumed.Close()
			if _, err := read(t, s, r, 1); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		r.Close()
	}
	return all
}

// bucket is a store in memory.
func bucket() (storage.Registry, *storage.Memory) {
	m := new(storage.Memory)
	m.Put("b", "there", nil)
	return storage.Registry{m.Driver()}, m
}

func contents(t tb, open layout.OpenStore, url string) map[string]string {
	t.Helper()
	s, err := open(context.Background(), url)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found := map[string]string{}
	for o, err := range s.List(context.Background(), "") {
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.Type == layout.TypeFile {
			c, err := s.Open(context.Background(), o.Key)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(c.Whole())
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			found[o.Key] = string(text)
		}
	}
	return found
}
