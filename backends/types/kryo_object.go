package types

import (
	"math"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
)

// object reads a class and an object of it.
func (r *kryoReader) object() (any, error) {
	class, err := r.class()
	if err != nil || class == "" {
		return nil, err
	}
	return r.ofClass(class, false)
}

// class reads a class whose objects follow; "" is that of null.
func (r *kryoReader) class() (string, error) {
	at := r.at
	c, null, err := r.anyClass()
	if err != nil || null {
		return "", err
	}
	if c.custom || r.k.custom[c.name] || r.k.defaults && !slices.Contains(kryoPrimitives[:], c.name) {
		return "", r.k.opaque(c.name, at)
	}
	return c.name, nil
}

// anyClass reads a class. One that is registered by a number that nobody knows has no name.
func (r *kryoReader) anyClass() (c kryoClass, null bool, err error) {
	id, err := r.varint()
	switch {
	case err != nil || id == 0:
		return c, true, err
	case id == 1:
		c.name, err = r.className()
		return c, false, err
	case id-2 < len(kryoPrimitives):
		return kryoClass{name: kryoPrimitives[id-2]}, false, nil
	case id-2 >= firstFlinkID && id-2 < firstOwnID:
		return kryoClass{name: kryoFlink[id-2-firstFlinkID]}, false, nil
	}
	c, ok := r.k.ids[id-2]
	c.custom = c.custom || !ok
	return c, false, nil
}

func (r *kryoReader) className() (string, error) {
	i, err := r.varint()
	if err != nil {
		return "", err
	}
	if i < len(r.names) {
		return r.names[i], nil
	}
	if i > len(r.names) {
		return "", r.bad("there is no class name %d", i)
	}
	name := r.usual()
	if name == "" {
		if name, _, err = r.text(true); err != nil {
			return "", err
		}
	}
	if name == "" {
		return "", r.bad("a class has no name")
	}
	r.names = append(r.names, name)
	return name, nil
}

// kryoNames are the classes of collections and maps, by their names as Kryo writes them.
var kryoNames = func() map[string]string {
	names := map[string]string{}
	for _, classes := range []map[string]bool{kryoCollections, kryoMaps} {
		for c := range classes {
			last := len(c) - 1
			names[c[:last]+string([]byte{c[last] | 0x80})] = c
		}
	}
	return names
}()

// usual reads the name of a collection or a map, which is "" if the text is another.
func (r *kryoReader) usual() string {
	const longest = 40
	for i, c := range r.b[r.at:min(len(r.b), r.at+longest)] {
		if c&0x80 != 0 {
			name := kryoNames[string(r.b[r.at:r.at+i+1])]
			if name != "" {
				r.at += i + 1
			}
			return name
		}
	}
	return ""
}

// wrapper tells the classes that Kryo does not refer to.
func wrapper(class string) bool {
	for i, c := range kryoPrimitives {
		if c == class {
			return i != 1
		}
	}
	return false
}

// ofClass reads an object of a known class, which maybeNull says may be null.
func (r *kryoReader) ofClass(class string, maybeNull bool) (any, error) {
	if r.depth++; r.depth > maxKryoDepth {
		return nil, r.bad("objects lie more than %d deep within each other", maxKryoDepth)
	}
	defer func() { r.depth-- }()
	if wrapper(class) {
		if !maybeNull {
			return r.primitive(class)
		}
		if there, err := r.varint(); err != nil || there == 0 {
			return nil, err
		}
		return r.primitive(class)
	}
	ref, err := r.varint()
	switch {
	case err != nil || ref == 0:
		return nil, err
	case ref > 1:
		return r.reference(ref - 2)
	}
	id := r.count
	r.count++
	if r.keep {
		r.objects = append(r.objects, pending{})
	}
	v, err := r.body(class)
	if err == nil && r.keep {
		r.objects[id] = v
	}
	return v, err
}

// reference is an object that was read before. One that holds itself is legal, but there is no JSON of it.
func (r *kryoReader) reference(id int) (any, error) {
	if id >= r.count {
		return nil, r.bad("there is no object %d", id)
	}
	if !r.keep {
		return nil, nil
	}
	if _, ok := r.objects[id].(pending); ok {
		return nil, r.k.endless(r.at)
	}
	return r.objects[id], nil
}

func (r *kryoReader) primitive(class string) (any, error) {
	switch class {
	case "java.lang.Integer":
		v, err := r.zigzag(32)
		return int32(v), err
	case "java.lang.Long":
		v, err := r.zigzag(64)
		return v, err
	case "java.lang.Float":
		v, err := r.fixed(4)
		return math.Float32frombits(uint32(v)), err
	case "java.lang.Double":
		v, err := r.fixed(8)
		return math.Float64frombits(v), err
	case "java.lang.Short":
		v, err := r.fixed(2)
		return int16(v), err
	case "java.lang.Character":
		v, err := r.fixed(2)
		return Char(v), err
	case "java.lang.Byte":
		v, err := r.u8()
		return int8(v), err
	}
	v, err := r.u8()
	if v > 1 {
		err = r.bad("a boolean is %d", v)
	}
	return v == 1, err
}

// kryoCollections are the classes that lie as collections; those of true begin with a comparator.
var kryoCollections = map[string]bool{"java.util.ArrayList": false, "java.util.LinkedList": false, "java.util.HashSet": false,
	"java.util.LinkedHashSet": false, "java.util.Vector": false, "java.util.ArrayDeque": false, "java.util.TreeSet": true}

// kryoMaps are the classes that lie as maps.
var kryoMaps = map[string]bool{"java.util.HashMap": false, "java.util.LinkedHashMap": false, "java.util.TreeMap": true,
	"java.util.Hashtable": false, "java.util.concurrent.ConcurrentHashMap": false}

func (r *kryoReader) body(class string) (any, error) {
	switch class {
	case "java.lang.String", "java.lang.StringBuilder", "java.lang.StringBuffer":
		s, null, err := r.text(r.keep)
		if null {
			return nil, err
		}
		return s, err
	case "java.math.BigInteger":
		v, err := r.integer()
		if v == nil {
			return nil, err
		}
		return v, err
	case "java.math.BigDecimal":
		return r.decimal()
	case "java.util.Date":
		v, err := r.more(0, 0, 64)
		return fromMillis(int64(v)), err
	case "java.util.BitSet":
		return r.bitSet()
	case "java.util.Optional":
		v, err := r.object()
		return Side{"optional", v}, err
	case "java.util.Collections$EmptyList", "java.util.Collections$EmptySet":
		return []any{}, nil
	case "java.util.Collections$EmptyMap":
		return Pairs{}, nil
	case "java.util.Collections$SingletonList", "java.util.Collections$SingletonSet":
		v, err := r.object()
		return []any{v}, err
	case "java.util.Collections$SingletonMap":
		p, err := r.pair()
		return Pairs{p}, err
	}
	if sorted, ok := kryoMaps[class]; ok {
		return r.pairs(sorted)
	}
	sorted, ok := kryoCollections[class]
	asList := class == kryoFlink[0]
	switch {
	case !ok && !asList:
	case r.k.version == backends.Kryo5:
		return r.collection5(sorted)
	case asList:
		return r.asList()
	default:
		return r.collection(sorted)
	}
	return nil, r.k.opaque(class, r.at)
}

// comparator passes the null that is there for the natural order.
func (r *kryoReader) comparator(sorted bool) error {
	if !sorted {
		return nil
	}
	at := r.at
	class, err := r.class()
	if err == nil && class != "" {
		err = r.k.opaque(class, at)
	}
	return err
}
