package types

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// Source is the snapshot that a type was read of, with its class and version; nothing where AppendVersioned gives the same
// bytes without. It says nothing of what the type means.
type Source struct{ raw []byte }

func (s *Source) keep(raw []byte)  { s.raw = raw }
func (s *Source) snapshot() []byte { return s.raw }

// keeper is a type that can be given the snapshot it was read of.
type keeper interface {
	keep(raw []byte)
	snapshot() []byte
}

// remember gives t the bytes it was read of, unless they follow from what it is. They are copied: a header is often read of a
// buffer much larger than itself.
func remember(t backends.Type, raw []byte) {
	k, ok := t.(keeper)
	if !ok {
		return
	}
	k.keep(nil)
	if out, err := AppendVersioned(nil, t); err != nil || !bytes.Equal(out, raw) {
		k.keep(bytes.Clone(raw))
	}
}

// AppendSnapshot appends the snapshot of the serializer of t, as headers hold it: i32 proxy version, and what AppendVersioned
// appends. ReadSnapshot gives the type back.
//
// A type that was read of a snapshot gives the very bytes it was read of, or what Flink writes now in their place. One that was
// made by hand (ParseSpec) gives those of the serializer that Flink itself has for such values. It is a
// *backends.TypeError where there is none, or where it holds what nobody knows: the class of an enum or of the elements of an array.
// The fields of a POJO are said to be declared by its class; Flink looks for them in its superclasses as well.
func AppendSnapshot(dst []byte, t backends.Type) ([]byte, error) {
	out, err := AppendVersioned(putInt(dst, proxyVersion), t)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// AppendVersioned appends the snapshot without the proxy version, as it lies within other snapshots.
func AppendVersioned(dst []byte, t backends.Type) ([]byte, error) {
	w := snapshotWriter{b: dst}
	w.versioned(t)
	if w.err != nil {
		return dst, w.err
	}
	return w.b, nil
}

// snapshotWriter writes snapshots. After an error what it has written is of no use.
type snapshotWriter struct {
	b   []byte
	err error
}

func (w *snapshotWriter) fail(t backends.Type, format string, args ...any) {
	if w.err == nil {
		w.err = &backends.TypeError{Type: t.String(), Message: "no snapshot of a serializer can be written: " + fmt.Sprintf(format, args...)}
	}
}

func (w *snapshotWriter) i32(vs ...int32) {
	for _, v := range vs {
		w.b = putInt(w.b, v)
	}
}

func (w *snapshotWriter) flag(v bool) { w.b = putBool(w.b, v) }

// utf writes a name that belongs to t.
func (w *snapshotWriter) utf(t backends.Type, s string) {
	var err error
	if w.b, err = appendModified(w.b, s); err != nil {
		w.fail(t, "%v", err)
	}
}

// versioned writes one snapshot. Versions, and the outer ones of composites, are those that the classes write in Flink 2.2.
func (w *snapshotWriter) versioned(t backends.Type) {
	if t == nil {
		w.fail(broken, "there is no type")
		return
	}
	if k, ok := t.(keeper); ok && k.snapshot() != nil {
		w.b = append(w.b, k.snapshot()...)
		return
	}
	switch t := t.(type) {
	case *List:
		w.composite(t, baseClasses+"ListSerializerSnapshot", 1, nil, t.Element)
	case *Map:
		w.composite(t, baseClasses+"MapSerializerSnapshot", 1, nil, t.Key, t.Value)
	case *TTL:
		w.composite(t, ttlClass, 2, nil, longType, t.Inner)
	case *Timer:
		w.composite(t, timerClass, 2, nil, t.Key, t.Namespace)
	case *sequence:
		w.sequence(t)
	case *nullable:
		w.nullable(t)
	case *sum:
		w.sum(t)
	case *Row:
		w.composite(t, runtimeClasses+"RowSerializer$RowSerializerSnapshot", 4, func() { w.flag(t.kinds > 0) }, t.Fields...)
	case *product:
		w.tuple(t)
	case *Pojo:
		w.pojo(t)
	case *enum:
		w.enum(t)
	default:
		w.simple(t)
	}
}

// head writes the class, which must be the one of Flink's that is known to write such values, and the version.
func (w *snapshotWriter) head(t backends.Type, class string, version int32) {
	if c := t.Class(); c != "" && c != class {
		w.fail(t, "what stands in that of %s is not known", c)
		return
	}
	w.utf(t, class)
	w.i32(version)
}

// simple writes a snapshot without a body.
func (w *snapshotWriter) simple(t backends.Type) {
	class, ok := simpleClasses[t.String()]
	if !ok {
		w.fail(t, "Flink has no serializer for it")
		return
	}
	w.head(t, class, 3)
}

// composite writes a CompositeTypeSerializerSnapshot; outer writes what the class adds, and may be nil.
func (w *snapshotWriter) composite(t backends.Type, class string, outerVersion int32, outer func(), nested ...backends.Type) {
	w.head(t, class, 3)
	w.i32(compositeMagic, outerVersion)
	if outer != nil {
		outer()
	}
	w.i32(nestedMagic, 1, int32(len(nested)))
	for _, n := range nested {
		if w.err != nil {
			return
		}
		w.versioned(n)
	}
}

func (w *snapshotWriter) sequence(t *sequence) {
	switch {
	case t.flag == absent && strings.HasPrefix(t.name, "Set<"):
		w.composite(t, baseClasses+"SetSerializerSnapshot", 1, nil, t.element)
	case t.flag == present && strings.HasPrefix(t.name, "Array<"):
		class := javaClass(t.element)
		if class == "" {
			w.fail(t, "the Java class of its elements is not known")
		}
		w.composite(t, baseClasses+"GenericArraySerializerSnapshot", 1, func() { w.utf(t, class) }, t.element)
	default:
		w.simple(t)
	}
}

func (w *snapshotWriter) nullable(t *nullable) {
	if t.flag != absent {
		w.simple(t)
		return
	}
	w.composite(t, runtimeClasses+"NullableSerializer$NullableSerializerSnapshot", 2, func() { w.i32(int32(t.padding)) }, t.inner)
}

func (w *snapshotWriter) sum(t *sum) {
	if !strings.HasPrefix(t.name, "Either<") {
		w.simple(t)
		return
	}
	w.composite(t, runtimeClasses+"JavaEitherSerializerSnapshot", 1, nil, t.options[0].t, t.options[1].t)
}

const maxTuple = 25 // fields, of Flink's tuples

func (w *snapshotWriter) tuple(t *product) {
	if t.objects || !strings.HasPrefix(t.name, "Tuple<") {
		w.simple(t)
		return
	}
	if len(t.parts) == 0 || len(t.parts) > maxTuple {
		w.fail(t, "Flink's tuples have up to %d fields", maxTuple)
		return
	}
	fields := make([]backends.Type, len(t.parts))
	for i := range t.parts {
		fields[i] = t.parts[i].t
	}
	w.composite(t, runtimeClasses+"TupleSerializerSnapshot", 2, func() { w.utf(t, javaClass(t)) }, fields...)
}

// pojo writes a PojoSerializerSnapshot, of which pojoBody tells.
func (w *snapshotWriter) pojo(t *Pojo) {
	if len(t.tagged)+len(t.others) > 0 {
		w.fail(t, "its subclasses have snapshots that are not known")
	}
	w.head(t, runtimeClasses+"PojoSerializerSnapshot", 2)
	w.utf(t, t.Of)
	w.optionals(len(t.parts))
	for _, f := range t.parts {
		w.utf(t, f.name)
		w.frame(func() {
			w.utf(t, t.Of)
			w.utf(t, f.name)
		})
		w.frame(func() { w.versioned(f.t) })
	}
	w.optionals(0)
	w.optionals(0)
}

// optionals begins a LinkedOptionalMap of n entries.
func (w *snapshotWriter) optionals(n int) {
	w.b = putLong(w.b, optionalMagic)
	w.i32(int32(n))
}

// frame writes a key or a value of such a map.
func (w *snapshotWriter) frame(write func()) {
	w.flag(true)
	at := len(w.b)
	w.i32(0)
	if write(); w.err == nil {
		binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at-4))
	}
}

func (w *snapshotWriter) enum(t *enum) {
	if t.of == specEnum || t.ids != nil {
		w.fail(t, "the Java class of the enum is not known")
		return
	}
	w.head(t, baseClasses+"EnumSerializer$EnumSerializerSnapshot", 3)
	w.utf(t, t.of)
	w.i32(int32(len(t.names)))
	for _, n := range t.names {
		w.utf(t, n)
	}
}
