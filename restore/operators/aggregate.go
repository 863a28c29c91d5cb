package operators

import (
	"fmt"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// AggregateOptions are of Aggregate.
type AggregateOptions struct {
	Key        []string
	Aggregates []Aggregation
	TTL        time.Duration // after the last record of a key; 0: for ever
}

// Aggregate keeps aggregates of each key, and emits a record for each of its input: the key columns and the aggregates
// with it.
func Aggregate(in *engine.Schema, o AggregateOptions) (*engine.Schema, func() engine.Operator, error) {
	key, err := keyColumns(in, o.Key)
	if err != nil {
		return nil, nil, err
	}
	accs, err := newAccumulators(o.Aggregates)
	if err != nil {
		return nil, nil, err
	}
	typ, err := accs.typ()
	if err != nil {
		return nil, nil, err
	}
	d := &backends.Descriptor{Name: "aggregates", Kind: backends.Value, Value: typ}
	if err := setTTL(d, o.TTL); err != nil {
		return nil, nil, err
	}
	out, err := outputOf(in, key, accs.columns())
	return out, func() engine.Operator { return &aggregate{key: key, accs: accs.fork(), state: d} }, err
}

// keyColumns are the places of the columns of a key.
func keyColumns(in *engine.Schema, names []string) ([]int, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("no key")
	}
	all := make([]int, len(names))
	for i, n := range names {
		if all[i] = in.Index(n); all[i] < 0 {
			return nil, fmt.Errorf("no column %q to divide by", n)
		}
	}
	return all, nil
}

// outputOf is some columns of in, and others.
func outputOf(in *engine.Schema, from []int, others []engine.Column) (*engine.Schema, error) {
	s := &engine.Schema{}
	for _, i := range from {
		s.Columns = append(s.Columns, in.Columns[i])
	}
	s.Columns = append(s.Columns, others...)
	return s, distinct(s)
}

// distinct refuses two columns of one name.
func distinct(s *engine.Schema) error {
	for i, c := range s.Columns {
		if s.Index(c.Name) < i {
			return fmt.Errorf("two columns %q", c.Name)
		}
	}
	return nil
}

type aggregate struct {
	key   []int
	accs  *accumulators
	state *backends.Descriptor
	keyed backends.Keyed
	value backends.ValueState
	acc   []byte // scratch
}

// Open implements engine.Operator.
func (a *aggregate) Open(c *engine.Context) (err error) {
	a.keyed = c.Keyed
	a.value, err = stateOf[backends.ValueState](c, a.state)
	return err
}

// Process implements engine.Operator.
func (a *aggregate) Process(_ int, b *engine.Batch, out *engine.Output) error {
	if err := a.accs.read(b); err != nil {
		return err
	}
	to := out.Batch()
	for c, from := range a.key {
		to.Vectors[c].AppendAll(b.Schema.Columns[from].Kind, &b.Vectors[from])
	}
	to.AppendTimes(b)
	for i := range b.N {
		if err := a.add(b, i); err != nil {
			return err
		}
		if err := a.accs.emit(to, len(a.key), a.acc); err != nil {
			return err
		}
		to.N++
	}
	b.Release()
	return nil
}

// add adds record i to the state of its key, which a.acc is then.
func (a *aggregate) add(b *engine.Batch, i int) error {
	if err := a.keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
		return err
	}
	was, err := a.value.Bytes()
	if err != nil {
		return err
	}
	if was == nil {
		was = a.accs.empty
	}
	if a.acc, err = a.accs.add(a.acc[:0], was, i); err != nil {
		return err
	}
	return a.value.UpdateBytes(a.acc)
}

// Close implements engine.Operator.
func (a *aggregate) Close() error { return nil }
