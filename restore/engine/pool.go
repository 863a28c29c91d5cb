package engine

import (
	"sync"
	"unsafe"
)

// pool keeps batches of one schema that nobody uses any more.
type pool struct {
	schema *Schema
	size   int
	spare  sync.Pool
}

func newPool(s *Schema, size int) *pool { return &pool{schema: s, size: size} }

// get is an empty batch that Release brings back.
func (p *pool) get() *Batch {
	if p.schema == nil {
		panic("a sink has no output") // a mistake of the operator, which the task tells as its error
	}
	b, _ := p.spare.Get().(*Batch)
	if b == nil {
		b = NewBatch(p.schema, p.size)
	}
	b.home = p
	return b
}

// Release says that nobody uses the batch any more, nor its slices: its memory may serve for another. Strings that were read from
// it stay good. Who owns a batch may call it, or leave the batch to the garbage collector; passing a batch on is not the end of
// its use.
func (b *Batch) Release() {
	p := b.home
	if p == nil {
		return
	}
	b.home = nil
	if b.Schema != p.schema || len(b.Vectors) != len(p.schema.Columns) || b.shares() {
		return
	}
	b.Reset()
	p.spare.Put(b)
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.N = 0
	if cap(b.Times) > 0 {
		b.spare = b.Times[:0]
	}
	b.Times = nil
	for i := range b.Vectors {
		b.Vectors[i].reset()
	}
	b.dropKeys()
}

func (b *Batch) dropKeys() {
	b.Keys, b.KeyEnds, b.KeyGroups = b.Keys[:0], b.KeyEnds[:0], b.KeyGroups[:0]
}

func (v *Vector) reset() {
	clear(v.Strings) // so that what they point to may go
	v.Bools, v.Longs, v.Doubles, v.Strings, v.Nulls = v.Bools[:0], v.Longs[:0], v.Doubles[:0], v.Strings[:0], nil
}

// shares is whether two columns lie in the same memory, as an operator may have left them. Such a batch cannot be filled again.
func (b *Batch) shares() bool {
	for i := range b.Vectors {
		for k := range i {
			if b.Vectors[i].meets(&b.Vectors[k]) {
				return true
			}
		}
	}
	return false
}

func (v *Vector) meets(o *Vector) bool {
	return sameArray(v.Bools, o.Bools) || sameArray(v.Longs, o.Longs) || sameArray(v.Doubles, o.Doubles) || sameArray(v.Strings, o.Strings)
}

func sameArray[T any](a, b []T) bool {
	return cap(a) > 0 && cap(b) > 0 && unsafe.SliceData(a) == unsafe.SliceData(b)
}

// Clone is a copy that shares nothing with b but the bytes of strings.
func (b *Batch) Clone() *Batch {
	c := *b
	c.home, c.spare = nil, nil
	c.Vectors = make([]Vector, len(b.Vectors))
	for i := range b.Vectors {
		c.Vectors[i] = b.Vectors[i].clone()
	}
	if b.Times != nil {
		c.Times = append([]int64{}, b.Times...)
	}
	c.Keys = append([]byte(nil), b.Keys...)
	c.KeyEnds = append([]int32(nil), b.KeyEnds...)
	c.KeyGroups = append([]int32(nil), b.KeyGroups...)
	return &c
}

func (v *Vector) clone() Vector {
	return Vector{
		Bools:   append([]bool(nil), v.Bools...),
		Longs:   append([]int64(nil), v.Longs...),
		Doubles: append([]float64(nil), v.Doubles...),
		Strings: append([]string(nil), v.Strings...),
		Nulls:   append([]bool(nil), v.Nulls...),
	}
}

// check says what is wrong with a batch that an operator emitted as one of schema s.
func (b *Batch) check(s *Schema) error {
	if b.Schema != s {
		if !b.Schema.Equal(s) {
			return errSchema(b.Schema, s)
		}
	}
	for i := range b.Vectors {
		if n := b.Vectors[i].len(s.Columns[i].Kind); n != b.N {
			return errLength(s.Columns[i].Name, n, b.N)
		}
	}
	if b.Times != nil && len(b.Times) != b.N {
		return errLength("event time", len(b.Times), b.N)
	}
	return nil
}

func (v *Vector) len(k Kind) int {
	switch k {
	case Boolean:
		return len(v.Bools)
	case Long, Timestamp:
		return len(v.Longs)
	case Double:
		return len(v.Doubles)
	}
	return len(v.Strings)
}

// Equal is whether two schemas have the same columns.
func (s *Schema) Equal(o *Schema) bool {
	if s == o {
		return true
	}
	if s == nil || o == nil || len(s.Columns) != len(o.Columns) {
		return false
	}
	for i := range s.Columns {
		if s.Columns[i] != o.Columns[i] {
			return false
		}
	}
	return true
}

// String is the columns as SQL lists them.
func (s *Schema) String() string {
	if s == nil {
		return "()"
	}
	text := "("
	for i, c := range s.Columns {
		if i > 0 {
			text += ", "
		}
		text += c.Name + " " + c.Kind.String()
	}
	return text + ")"
}
