package engine

import (
	"errors"

	"github.com/ckpt-tool/ckpt/backends"
)

// ProcessFunc is an Operator made of functions, each called record by record with the record's key as the current one (Flink:
// KeyedProcessFunction). Those that are nil do nothing.
type ProcessFunc struct {
	// OnOpen asks for states and timers.
	OnOpen func(c *Context) error
	// OnRecord handles one record.
	OnRecord func(r Record, out *Output) error
	OnClose  func() error

	context *Context
}

// Record is one record of a batch. The batch must not be emitted: others of its records are still to come.
type Record struct {
	Input int
	Batch *Batch
	Row   int
}

// Value is that of a column, as Batch.Value gives it.
func (r Record) Value(column int) any { return r.Batch.Value(column, r.Row) }

// Time is the event time, NoTime where there is none.
func (r Record) Time() int64 { return r.Batch.Time(r.Row) }

// Open implements Operator.
func (f *ProcessFunc) Open(c *Context) error {
	f.context = c
	if f.OnRecord == nil {
		return errors.New("a ProcessFunc without OnRecord")
	}
	if f.OnOpen == nil {
		return nil
	}
	return f.OnOpen(c)
}

// Process implements Operator.
func (f *ProcessFunc) Process(input int, b *Batch, out *Output) error {
	keyed := f.context.Keyed != nil && len(b.KeyEnds) == b.N
	for i := range b.N {
		if keyed {
			if err := f.context.Keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
				return err
			}
		}
		if err := f.OnRecord(Record{Input: input, Batch: b, Row: i}, out); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Operator.
func (f *ProcessFunc) Close() error {
	if f.OnClose == nil {
		return nil
	}
	return f.OnClose()
}

// Map is an Operator that makes one batch of each batch, which it may change and give back.
type Map func(b *Batch) (*Batch, error)

// Open implements Operator.
func (Map) Open(*Context) error { return nil }

// Process implements Operator.
func (m Map) Process(_ int, b *Batch, out *Output) error {
	result, err := m(b)
	if err != nil || result == nil {
		return err
	}
	return out.Emit(result)
}

// Close implements Operator.
func (Map) Close() error { return nil }

// Discard is a sink that drops all records (Flink: DiscardingSink).
type Discard struct{}

// Open implements Operator.
func (Discard) Open(*Context) error { return nil }

// Process implements Operator.
func (Discard) Process(_ int, b *Batch, _ *Output) error {
	b.Release()
	return nil
}

// Close implements Operator.
func (Discard) Close() error { return nil }

// ValueOf asks for a ValueState outside of windows (Flink: getState).
func ValueOf(c *Context, name string, value backends.Type) (backends.ValueState, error) {
	return partitioned[backends.ValueState](c, &backends.Descriptor{Name: name, Kind: backends.Value, Value: value})
}

// ListOf asks for a ListState outside of windows (Flink: getListState).
func ListOf(c *Context, name string, element backends.Type) (backends.ListState, error) {
	return partitioned[backends.ListState](c, &backends.Descriptor{Name: name, Kind: backends.List, Value: element})
}

// MapOf asks for a MapState outside of windows (Flink: getMapState).
func MapOf(c *Context, name string, key, value backends.Type) (backends.MapState, error) {
	return partitioned[backends.MapState](c, &backends.Descriptor{Name: name, Kind: backends.Map, MapKey: key, Value: value})
}

func partitioned[S backends.KeyedState](c *Context, d *backends.Descriptor) (S, error) {
	var none S
	if c.Keyed == nil {
		return none, errors.New("state " + d.Name + " needs a key: the operator is not behind a hash exchange")
	}
	s, err := c.Keyed.PartitionedState(nil, d)
	if err != nil {
		return none, err
	}
	return s.(S), nil
}
