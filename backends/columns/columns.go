// Package columns lays entries of one state out as rows of typed columns, for CSV and Parquet files.
//
//	key_group    int            of keyed state
//	key          by its type
//	namespace    by its type    where it is not that of no window; a window is namespace.start and namespace.end
//	map_key      by its type    of a map or broadcast state
//	value        by its type    not of timers; of a list a list
//	last_access  milliseconds   where there is a TTL; of a list a list
//	ts           milliseconds   of timers
//	service      text           of timers
//
// Tuples, POJOs, case classes and rows are taken apart, one level: value.f0, value.name. Of a row value.rowKind tells the
// kind, and of a class with subclasses value.@other has what a subclass adds. What is deeper, and maps, are JSON, in the
// words of `ckpt state cat`.
//
// An entry comes as snapshot.Printer prints it. What does not fit its column is an error, never another value.
package columns

import (
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/line"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// Column is a column of a Table.
type Column struct {
	Name  string
	Shape types.Shape
	// Millis is whether the numbers of an IntForm of 64 bits are milliseconds since 1970.
	Millis bool
}

// Table is the columns of a state.
type Table struct {
	Columns []Column
	groups  []group
}

// group is a field of an entry, and the columns that it fills.
type group struct {
	field string // of the line
	shape types.Shape
	first int // column
	n     int
	text  bool // what is no string stands in a string: a namespace
}

// Of makes the columns of a state, of which sub-tasks have these descriptions. Where they have different types,
// what they differ in is JSON.
func Of(states []*backends.State) *Table {
	t := &Table{}
	st := states[0]
	if st.Kind.Keyed() {
		t.plain("kg", Column{Name: "key_group", Shape: types.Shape{Form: types.IntForm, Bits: 32}})
	}
	t.typed("key", "key", states, func(st *backends.State) backends.Type { return st.Key })
	t.typed("namespace", "namespace", states, func(st *backends.State) backends.Type {
		if types.IsVoid(st.Namespace) {
			return nil
		}
		return st.Namespace
	})
	t.typed("mapKey", "map_key", states, func(st *backends.State) backends.Type { return st.MapKey })
	if st.Kind == backends.Timer {
		t.plain("ts", millis("ts"))
		t.plain("service", Column{Name: "service", Shape: types.Shape{Form: types.TextForm}})
		return t
	}
	t.value(states)
	t.tellApart()
	return t
}

// tellApart changes names that occur twice: a row may have a column rowKind of its own.
func (t *Table) tellApart() {
	seen := map[string]bool{}
	for i := range t.Columns {
		c := &t.Columns[i]
		for seen[c.Name] {
			c.Name += "_"
		}
		seen[c.Name] = true
	}
}

func millis(name string) Column {
	return Column{Name: name, Shape: types.Shape{Form: types.IntForm, Bits: 64}, Millis: true}
}

// value adds the columns of the value.
func (t *Table) value(states []*backends.State) {
	list := states[0].Kind == backends.List
	inner := func(st *backends.State) backends.Type {
		if ttl, ok := st.Value.(*types.TTL); ok {
			return ttl.Inner
		}
		return st.Value
	}
	if list {
		shape := common(states, inner)
		t.plain("value", Column{Name: "value", Shape: types.Shape{Form: types.ListForm, Element: &shape}})
	} else {
		t.typed("value", "value", states, inner)
		if inner(states[0]) == nil {
			t.plain("value", Column{Name: "value", Shape: types.Shape{}})
		}
	}
	for _, st := range states {
		if !st.TTL {
			continue
		}
		access := millis("last_access")
		if list {
			element := access.Shape
			access.Shape = types.Shape{Form: types.ListForm, Element: &element}
		}
		t.plain("lastAccess", access)
		break
	}
}

// common is the shape that all states have of what of takes from them.
func common(states []*backends.State, of func(*backends.State) backends.Type) types.Shape {
	first := of(states[0])
	for _, st := range states {
		other := of(st)
		if first == nil || other == nil || other.String() != first.String() {
			return types.Shape{}
		}
	}
	return types.ShapeOf(first)
}

// typed adds the columns of a field that has a type.
func (t *Table) typed(field, name string, states []*backends.State, of func(*backends.State) backends.Type) {
	missing := true
	for _, st := range states {
		missing = missing && of(st) == nil
	}
	if missing {
		return
	}
	g := group{field: field, shape: common(states, of), first: len(t.Columns), text: field == "namespace"}
	switch g.shape.Form {
	case types.WindowForm:
		t.Columns = append(t.Columns, millis(name+".start"), millis(name+".end"))
	case types.TupleForm, types.ObjectForm, types.RowForm:
		t.parts(&g, name)
	default:
		t.Columns = append(t.Columns, Column{Name: name, Shape: g.shape})
	}
	g.n = len(t.Columns) - g.first
	t.groups = append(t.groups, g)
}

// parts adds the columns of what has fields.
func (t *Table) parts(g *group, name string) {
	if g.shape.Form == types.RowForm {
		t.Columns = append(t.Columns, Column{Name: name + ".rowKind", Shape: types.Shape{Form: types.TextForm}})
	}
	for _, f := range g.shape.Fields {
		t.Columns = append(t.Columns, Column{Name: name + "." + f.Name, Shape: f.Shape})
	}
	if g.shape.Open {
		t.Columns = append(t.Columns, Column{Name: name + ".@other"})
	}
}

// plain adds a field that is one column.
func (t *Table) plain(field string, c Column) {
	t.groups = append(t.groups, group{field: field, first: len(t.Columns), n: 1})
	t.Columns = append(t.Columns, c)
}

// Cells gives the JSON of each column of an entry, nil where it is null. cells, which has room for all columns, is
// reused.
func (t *Table) Cells(entry []byte, cells [][]byte) error {
	clear(cells)
	for name, value := range line.Fields(entry) {
		for i := range t.groups {
			g := &t.groups[i]
			if g.field != name {
				continue
			}
			if g.text && !isText(g.shape.Form) {
				value = []byte(line.Text(value))
			}
			if err := g.fill(value, cells[g.first:g.first+g.n]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// isText tells whether values of the form are strings in JSON.
func isText(f types.Form) bool {
	switch f {
	case types.TextForm, types.BytesForm, types.DecimalForm, types.DateForm, types.TimeForm, types.DateTimeForm, types.InstantForm, types.WindowForm, types.AnyForm:
		return true
	}
	return false
}

var errFields = errors.New("it has other fields than its type")

// fill takes a value apart into its columns.
func (g *group) fill(value []byte, cells [][]byte) error {
	if isNull(value) {
		return nil
	}
	switch g.shape.Form {
	case types.TupleForm:
		return fillArray(value, cells)
	case types.RowForm:
		cells[0] = line.Field(value, "rowKind")
		return fillArray(line.Field(value, "fields"), cells[1:])
	case types.ObjectForm:
		return g.fillObject(value, cells)
	case types.WindowForm:
		return fillWindow(value, cells)
	}
	cells[0] = value
	return nil
}

func isNull(value []byte) bool { return len(value) == 4 && string(value) == "null" }

func fillArray(array []byte, cells [][]byte) error {
	i := 0
	for e := range line.Elements(array) {
		if i == len(cells) {
			return errFields
		}
		if !isNull(e) {
			cells[i] = e
		}
		i++
	}
	if i < len(cells) {
		return errFields
	}
	return nil
}

func (g *group) fillObject(object []byte, cells [][]byte) error {
	var others []byte
	at := 0
	for name, value := range line.Fields(object) {
		i := g.find(name, at)
		switch {
		case i >= 0:
			at = i + 1
			if !isNull(value) {
				cells[i] = value
			}
		case g.shape.Open:
			others = appendMember(others, name, value)
		default:
			return errFields
		}
	}
	if others != nil {
		cells[len(cells)-1] = append(others, '}')
	}
	return nil
}

// find is the number of the named field, which is most often the next one.
func (g *group) find(name string, next int) int {
	fields := g.shape.Fields
	if next < len(fields) && fields[next].Name == name {
		return next
	}
	for i := range fields {
		if fields[i].Name == name {
			return i
		}
	}
	return -1
}

func appendMember(dst []byte, name string, value []byte) []byte {
	if dst == nil {
		dst = append(dst, '{')
	} else {
		dst = append(dst, ',')
	}
	dst = types.AppendString(dst, name)
	return append(append(dst, ':'), value...)
}

// fillWindow takes "[start,end)" apart.
func fillWindow(window []byte, cells [][]byte) error {
	n := len(window)
	if n < 7 || string(window[:2]) != `"[` || string(window[n-2:]) != `)"` {
		return errFields
	}
	inner := window[2 : n-2]
	for i, c := range inner {
		if c == ',' {
			cells[0], cells[1] = inner[:i], inner[i+1:]
			return nil
		}
	}
	return errFields
}
