package changelog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// overlay is what the log says of a state in one key group. What it does not tell of is as materialized.
type overlay struct {
	lost *backends.Error // why the log's changes, and with them the state, cannot be known
	kind backends.Kind
	slot int
	done bool // all of it was given
	told bool // that entries are not known, because what was materialized of them is not

	// cells are of states that have one value, or list, for key and namespace; tables of maps.
	// They and timers are in the order in which the log names them first.
	cells  ordered[*cell]
	tables ordered[*table]
	timers ordered[*timer]
	ready  bool // the needs of the cells are counted
}

// ordered are values by a key, in the order of their coming.
type ordered[V any] struct {
	at  map[string]int
	all []V
}

// get is the value of the key, made by create where there is none.
func (o *ordered[V]) get(key []byte, create func() V) V {
	if i, ok := o.at[string(key)]; ok {
		return o.all[i]
	}
	if o.at == nil {
		o.at = map[string]int{}
	}
	o.at[string(key)] = len(o.all)
	o.all = append(o.all, create())
	return o.all[len(o.all)-1]
}

// find is the value of the key, if there is one.
func (o *ordered[V]) find(key []byte) (v V, ok bool) {
	if i, ok := o.at[string(key)]; ok {
		return o.all[i], true
	}
	return v, false
}

// cell is what the log says of key and namespace: the pieces that make it up, in their order. A
// list is all of them; of any other state at most one may exist.
type cell struct {
	name   []byte // key and namespace
	keys   int    // how long the key is
	state  *backends.State
	pieces []piece
	done   bool
	needs  int      // how often cells refer to what was materialized of this one
	room   [1]piece // nearly always, that is all
}

// piece is bytes of the log, or what was materialized of a cell.
type piece struct {
	base  []byte // the cell; nil of bytes of the log
	state *backends.State
	data  []byte
	one   bool // data is one element of a list, not a whole one
}

// table is what the log says of a map.
type table struct {
	name    []byte
	keys    int
	state   *backends.State
	cleared bool // nothing of what was materialized is left
	rows    ordered[*row]
}

// row is what the log says last of a key in a map.
type row struct {
	key, value []byte
	state      *backends.State
	null, gone bool
}

// timer is what the log says last of a timer.
type timer struct {
	element []byte
	state   *backends.State
	gone    bool
}

// lose forgets what the log says, because a part of it cannot be read.
func (o *overlay) lose(c *change, err error) {
	e := c.fail("%v", err)
	var told *backends.Error
	var opaque *backends.OpaqueError
	var wrong *backends.TypeError
	switch {
	case errors.As(err, &told):
		*e = *told
		e.State, e.KeyGroup = c.name(), c.keyGroup
	case errors.As(err, &opaque):
		e.Err, e.Hint = opaque, opaque.Hint
	case errors.As(err, &wrong):
		e.Err = wrong
	}
	e.Passed = true
	*o = overlay{lost: e, kind: o.kind, slot: o.slot}
}

// exact checks that b is one value of t, as far as that can be told.
func exact(t backends.Type, b []byte) error {
	n, err := t.Size(b)
	var opaque *backends.OpaqueError
	switch {
	case errors.As(err, &opaque):
		return nil
	case err != nil:
		return err
	case n != len(b):
		return &backends.TypeError{Type: t.String(), Offset: n, Message: fmt.Sprintf("%d bytes are left over behind a value", len(b)-n)}
	}
	return nil
}

// apply takes a change into the overlay. only is the one key wanted, or nil.
func (o *overlay) apply(c *change, only []byte) error {
	kind := c.l.state.Kind
	if o.kind != backends.UnknownKind && o.kind != kind {
		return fmt.Errorf("the log has the state as %s and as %s", o.kind, kind)
	}
	o.kind = kind
	switch kind {
	case backends.Value, backends.Reducing, backends.Aggregating, backends.List:
		return o.cell(c)
	case backends.Map:
		return o.table(c)
	case backends.Timer:
		return o.timer(c, only)
	}
	return errors.New("a change of a state whose kind its metadata does not tell")
}

// errOperation tells of an operation that Flink does not know of such a state.
func (c *change) errOperation() error {
	return fmt.Errorf("operation %d on a state of kind %s", c.op, c.l.state.Kind)
}

// cellOf is the cell of key and namespace, which at first is as materialized.
func (o *overlay) cellOf(name []byte, keys int, st *backends.State) *cell {
	return o.cells.get(name, func() *cell {
		c := &cell{name: name, keys: keys, state: st, room: [1]piece{{base: name}}}
		c.pieces = c.room[:]
		return c
	})
}

func (o *overlay) cell(c *change) error {
	st := c.l.state
	at := o.cellOf(c.cell, c.keys, st)
	list := st.Kind == backends.List
	switch {
	case c.op == opClear:
		at.pieces = nil
		return exactly(c.rest, 0)
	case c.op == opSet || c.op == opSetInternal:
		at.pieces = append(at.pieces[:0], piece{state: st, data: c.rest})
		return exactList(c.l.meta.Value, list, c.rest)
	case c.op == opMerge && st.Kind != backends.Value:
		return o.merge(c, at)
	case c.op == opAdd && list:
		at.pieces = append(at.pieces, piece{state: st, data: c.rest})
		return exactList(c.l.meta.Value, list, c.rest)
	case c.op == opAddElement && list:
		at.pieces = append(at.pieces, piece{state: st, data: c.rest, one: true})
		return exact(st.Value, c.rest)
	}
	return c.errOperation()
}

// exactly checks that n bytes are left.
func exactly(b []byte, n int) error {
	if len(b) != n {
		return fmt.Errorf("%d bytes are left over behind a change", len(b)-n)
	}
	return nil
}

// exactList is exact, and checks that a list has its count where its elements are not known.
func exactList(t backends.Type, list bool, b []byte) error {
	if list && (len(b) < 4 || b[0] >= 0x80) {
		return errors.New("a list without the count of its elements")
	}
	return exact(t, b)
}

// merge is MERGE_NS: the pieces of the sources go behind those of the target.
func (o *overlay) merge(c *change, scope *cell) error {
	space := c.l.state.Namespace
	key := c.cell[:c.keys]
	next := func() ([]byte, error) {
		n, err := space.Size(c.rest)
		if err != nil {
			return nil, fmt.Errorf("the namespace of a change: %w", err)
		}
		name := append(append(make([]byte, 0, len(key)+n), key...), c.rest[:n]...)
		c.rest = c.rest[n:]
		return name, nil
	}
	name, err := next()
	if err != nil {
		return err
	}
	target := o.cellOf(name, len(key), scope.state)
	if len(c.rest) < 4 {
		return backends.ErrShort
	}
	n := int32(binary.BigEndian.Uint32(c.rest))
	c.rest = c.rest[4:]
	var moved []piece
	for ; n > 0; n-- {
		if name, err = next(); err != nil {
			return err
		}
		source := o.cellOf(name, len(key), scope.state)
		moved = append(moved, source.pieces...)
		source.pieces = nil
	}
	target.pieces = append(target.pieces[:len(target.pieces):len(target.pieces)], moved...)
	return exactly(c.rest, 0)
}

func (o *overlay) table(c *change) error {
	st := c.l.state
	t := o.tables.get(c.cell, func() *table { return &table{name: c.cell, keys: c.keys, state: st} })
	switch c.op {
	case opClear:
		t.cleared, t.rows = true, ordered[*row]{}
		return exactly(c.rest, 0)
	case opAdd:
		return t.addAll(c)
	case opAddElement, opAddOrUpdate:
		n, err := st.MapKey.Size(c.rest)
		if err != nil {
			return fmt.Errorf("the key within a map: %w", err)
		}
		t.put(row{key: c.rest[:n], value: c.rest[n:], state: st})
		return exact(st.Value, c.rest[n:])
	case opRemoveElement:
		t.put(row{key: c.rest, state: st, gone: true})
		return exact(st.MapKey, c.rest)
	}
	return c.errOperation()
}

func (t *table) put(r row) {
	*t.rows.get(r.key, func() *row { return new(row) }) = r
}

// addAll puts the rows of a map as MapSerializer writes it.
func (t *table) addAll(c *change) error {
	st := c.l.state
	if len(c.rest) < 4 {
		return backends.ErrShort
	}
	count := int32(binary.BigEndian.Uint32(c.rest))
	c.rest = c.rest[4:]
	for ; count > 0; count-- {
		n, err := st.MapKey.Size(c.rest)
		if err != nil {
			return fmt.Errorf("the key within a map: %w", err)
		}
		if n == len(c.rest) || c.rest[n] > 1 {
			return errors.New("a key within a map without a flag that tells whether its value is null")
		}
		r := row{key: c.rest[:n], state: st, null: c.rest[n] == 1}
		c.rest = c.rest[n+1:]
		if !r.null {
			m, err := st.Value.Size(c.rest)
			if err != nil {
				return fmt.Errorf("the value within a map: %w", err)
			}
			r.value, c.rest = c.rest[:m], c.rest[m:]
		}
		t.put(r)
	}
	return exactly(c.rest, 0)
}

// timer takes the changes of timers, of only the key only if it is not nil.
func (o *overlay) timer(c *change, only []byte) error {
	st, element := c.l.state, c.l.meta.Value
	count := int32(1)
	switch c.op {
	case opAddElement:
		if len(c.rest) < 4 {
			return backends.ErrShort
		}
		count = int32(binary.BigEndian.Uint32(c.rest))
		c.rest = c.rest[4:]
	case opRemoveElement:
	default:
		return c.errOperation()
	}
	for ; count > 0; count-- {
		n, err := element.Size(c.rest)
		if err != nil {
			return fmt.Errorf("a timer: %w", err)
		}
		e := c.rest[:n]
		c.rest = c.rest[n:]
		if only != nil && !isOf(st, e, only) {
			continue
		}
		*o.timers.get(e, func() *timer { return new(timer) }) = timer{element: e, state: st, gone: c.op == opRemoveElement}
	}
	return exactly(c.rest, 0)
}

// isOf tells whether a timer is one of the key.
func isOf(st *backends.State, element, key []byte) bool {
	if st.Key == nil {
		return true
	}
	const time = 8
	return len(element) >= time+len(key) && string(element[time:time+len(key)]) == string(key)
}
