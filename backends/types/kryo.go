package types

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// Kryo is the type of values that Kryo wrote, as it does of all classes that Flink knows nothing of (Flink:
// KryoSerializer). Of the JDK's own values and collections the layout is known; a class of the job has one that only
// Kryo and the class know. There is no length, so what follows such a value cannot be found.
//
//	object     varint class: 0 null, 1 by name, else 2 more than the number it is registered with
//	           by name: varint number of the name; the name as text, if it is the next number
//	           reference, but not of Integer, Long and the like: 0 null, 1 an object follows, else 2 more than the number of
//	           an object of the same value; all are counted, the outer ones first
//	           body
//	text       ASCII of 2 characters and more: the last one has 0x80; else 0x80 and its length and 1 in 6 bits, 0x40 if 7 more
//	           follow, and so on; 0 is null; then the units of UTF-16, each as UTF-8 would have it
//
// Numbers below 10 are for String and the primitive types, from 73 for what Flink registers always (Flink:
// FlinkChillPackageRegistrar), from 85 for the type itself and what the job registers. Which Kryo it was decides on the
// bodies: version 5 writes fixed numbers with the lowest byte first, and collections in a form of its own.
type Kryo struct {
	named
	value    string // the Java class that the state was declared with
	version  backends.Kryo
	ids      map[int]kryoClass
	custom   map[string]bool // classes with serializers of their own
	defaults bool            // whether collections may have serializers of their own
}

// kryoClass is a class that is registered by number.
type kryoClass struct {
	name   string
	custom bool
}

const (
	firstFlinkID = 73
	firstOwnID   = 85
)

// kryoPrimitives are the classes of the numbers from 0 on.
var kryoPrimitives = [...]string{"java.lang.Integer", "java.lang.String", "java.lang.Float", "java.lang.Boolean", "java.lang.Byte",
	"java.lang.Character", "java.lang.Short", "java.lang.Long", "java.lang.Double"}

// kryoFlink are the classes of the numbers from firstFlinkID on.
var kryoFlink = [...]string{"java.util.Arrays$ArrayList", "java.util.BitSet", "java.util.PriorityQueue", "java.util.regex.Pattern",
	"java.sql.Date", "java.sql.Time", "java.sql.Timestamp", "java.net.URI", "java.net.InetSocketAddress", "java.util.UUID",
	"java.util.Locale", "java.text.SimpleDateFormat"}

// knows tells whether Kryo has the class registered before the job does.
func (k *Kryo) knows(class string) bool {
	switch class {
	case "int", "float", "boolean", "byte", "char", "short", "long", "double":
		return true
	case "java.lang.Void", "void":
		return k.version == backends.Kryo2
	}
	return slices.Contains(kryoPrimitives[:], class) || slices.Contains(kryoFlink[:], class)
}

// readKryo reads utf class, and as optional maps the registrations, the default serializers, and their classes. A
// registration is utf class, i32 kind: 0 for the serializer that Kryo takes, 1 and 2 for one of the job.
func readKryo(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 2)
	k := &Kryo{value: s.utf(), ids: map[int]kryoClass{}, custom: map[string]bool{}}
	k.named = named{name: "Kryo<" + simpleName(k.value) + ">", class: class}
	if s.reader.opts != nil {
		k.version = s.reader.opts.Kryo
	}
	if t := s.hint(k.value); t != nil {
		s.skipKryo()
		return t
	}
	next := firstOwnID
	s.optionalMap(func(name string, _, value []byte) {
		custom := value == nil
		if value != nil {
			s.within(value, func(in *snapshots) {
				name = in.utf()
				custom = in.i32() != 0
				in.at = len(value)
			})
		}
		next = k.register(name, custom, next)
	})
	for range 2 {
		s.optionalMap(func(name string, _, _ []byte) {
			k.defaults = k.defaults || strings.HasPrefix(name, "java.")
		})
	}
	return k
}

// register gives a class its number, and tells the next one; -1 once they are not known. Kryo keeps the number that a class
// has already. With Scala on the class path its classes have numbers too, which the snapshot does not tell.
func (k *Kryo) register(name string, custom bool, next int) int {
	if custom {
		k.custom[name] = true
	} else if k.knows(name) {
		return next
	}
	if next < 0 || strings.HasPrefix(name, "scala.") {
		return -1
	}
	k.ids[next] = kryoClass{name, custom}
	return next + 1
}

func (s *snapshots) skipKryo() {
	for range 3 {
		s.optionalMap(func(string, []byte, []byte) {})
	}
}

// readGeneric reads utf class of a serializer that leaves its values to their class (Flink:
// GenericTypeSerializerSnapshot).
func readGeneric(s *snapshots, class string, version int32) backends.Type {
	s.only(class, version, 2)
	value := s.utf()
	if t := s.hint(value); t != nil {
		return t
	}
	return NewOpaque(value, "")
}

// opaque is the error for an object of a class whose layout is not known.
func (k *Kryo) opaque(class string, at int) error {
	if class == "" {
		class = k.value
	}
	return &backends.OpaqueError{Class: class, Offset: at,
		Hint: fmt.Sprintf("Kryo wrote it, and only the job knows how: --type %s=SPEC gives its layout by hand", simpleName(k.value))}
}

// endless is the error for objects that hold themselves, or that repeat others so often that they are too long to be shown.
func (k *Kryo) endless(at int) error {
	return &backends.OpaqueError{Class: k.value, Offset: at, Hint: "its objects refer to each other; only their bytes can be shown"}
}

// Width implements backends.Type.
func (k *Kryo) Width() int { return -1 }

// Size implements backends.Type.
func (k *Kryo) Size(b []byte) (int, error) {
	r := kryoReader{k: k, b: b}
	if err := r.skip(); err != nil {
		return 0, err
	}
	return r.at, nil
}

// AppendJSON implements backends.Type. A map is an object if all its keys are strings, else a list of pairs.
func (k *Kryo) AppendJSON(dst, b []byte) ([]byte, int, error) {
	r := kryoReader{k: k, b: b, keep: true}
	v, err := r.object()
	if err != nil {
		return dst, 0, err
	}
	j := kryoJSON{left: freeKryo + 64*r.at}
	out, ok := j.append(dst, v)
	if !ok {
		return dst, 0, k.endless(0)
	}
	return out, r.at, nil
}

// Decode implements backends.Type. It gives a *Foreign: only its bytes tell the classes of all objects, and which of them are the same.
func (k *Kryo) Decode(b []byte) (any, int, error) {
	r := kryoReader{k: k, b: b, keep: true}
	v, err := r.object()
	if err != nil {
		return nil, 0, err
	}
	return &Foreign{Value: v, Bytes: copied(b[:r.at])}, r.at, nil
}

// Encode implements backends.Type. It takes what Decode and FromJSON give.
func (k *Kryo) Encode(dst []byte, v any) ([]byte, error) {
	f, ok := v.(*Foreign)
	if !ok || f == nil {
		return dst, k.notA(v)
	}
	return append(dst, f.Bytes...), nil
}

// FromJSON implements backends.Type. It takes what AppendOpaque appends: another form does not tell the classes.
func (k *Kryo) FromJSON(json []byte) (any, error) {
	all, err := members(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.name, err)
	}
	for _, m := range all {
		if m.name == opaqueMember {
			return k.fromBytes(m.value)
		}
	}
	return nil, fmt.Errorf("%s: %w", k.name, wanted(`bytes, as {"@class":…,"@bytes":"hex:…"}`, json))
}

// fromBytes reads the bytes of one value, which need not be known.
func (k *Kryo) fromBytes(json []byte) (any, error) {
	b, err := parseHex(json)
	if err != nil {
		return nil, err
	}
	v, n, err := k.Decode(b)
	var opaque *backends.OpaqueError
	switch {
	case errors.As(err, &opaque):
		return &Foreign{Bytes: b}, nil
	case err == nil && n < len(b):
		err = fmt.Errorf("%d bytes are left over", len(b)-n)
	}
	return v, err
}

// Hash implements backends.Type.
func (k *Kryo) Hash(any) (int32, bool) { return 0, false }

const opaqueMember = "@bytes"

// AppendOpaque appends the bytes of a value whose layout is not known, with the class that is known of it. It is for who knows where
// the value ends, because it is framed: {"@class":"com.example.Cart","@bytes":"hex:5701…"}.
func AppendOpaque(dst []byte, class string, b []byte) []byte {
	dst = appendQuoted(append(dst, `{"@class":`...), class)
	dst = append(dst, `,"`+opaqueMember+`":`...)
	return append(appendHex(dst, b), '}')
}
