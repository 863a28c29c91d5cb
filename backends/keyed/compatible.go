package keyed

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// flinkPackage begins the classes of Flink's own serializers, which have moved between its packages and kept their simple names.
const flinkPackage = "org.apache.flink."

// Same tells whether two types have the same layout and meaning, so that what was written as one may be read as the
// other. A type that a job made by hand has no class, and is held against the layout alone.
func Same(a, b backends.Type) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.String() == b.String() && sameClass(a.Class(), b.Class()) && sameSchema(a, b)
}

// sameSchema holds the schemas of Avro types, whose names tell of the record alone, against each other.
func sameSchema(a, b backends.Type) bool {
	if !strings.Contains(a.String(), "Avro<") {
		return true
	}
	x, err := types.AppendSnapshot(nil, a)
	y, also := types.AppendSnapshot(nil, b)
	return err == nil && also == nil && bytes.Equal(x, y)
}

func sameClass(a, b string) bool {
	if a == b || a == "" || b == "" {
		return true
	}
	return strings.HasPrefix(a, flinkPackage) && strings.HasPrefix(b, flinkPackage) && simpleName(a) == simpleName(b)
}

func simpleName(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

// checkKey holds the type of keys against that which was restored.
func checkKey(c *backends.StoreConfig) error {
	if c.KeyRaw == nil {
		return nil
	}
	was, n, err := types.ReadSnapshot(c.KeyRaw, nil)
	if err != nil {
		return fmt.Errorf("the restored type of keys: %w", err)
	}
	if n != len(c.KeyRaw) {
		return fmt.Errorf("the restored type of keys: %d bytes follow the snapshot of its serializer", len(c.KeyRaw)-n)
	}
	if !Same(was, c.Key) {
		return &backends.IncompatibleError{State: "of the operator", Was: "keyed by " + typeName(was), Want: "keys of " + typeName(c.Key)}
	}
	return nil
}

// check holds a state that is there against what the job wants of it.
func check(was, want *backends.Meta) error {
	if was.Kind == want.Kind && was.TTL == want.TTL && Same(was.Namespace, want.Namespace) && Same(was.MapKey, want.MapKey) &&
		Same(was.Value, want.Value) {
		return nil
	}
	e := &backends.IncompatibleError{State: want.Name, Was: describe(was, false), Want: describe(want, false)}
	if e.Was == e.Want { // the names are the same, the classes are not
		e.Was, e.Want = describe(was, true), describe(want, true)
	}
	return e
}

// describe names kind and types: "map of String to Long in TimeWindow".
func describe(m *backends.Meta, classes bool) string {
	name := func(t backends.Type) string {
		if classes && t != nil && t.Class() != "" {
			return typeName(t) + " (" + t.Class() + ")"
		}
		return typeName(t)
	}
	s := m.Kind.String()
	if m.MapKey != nil {
		s += " of " + name(m.MapKey) + " to " + name(m.Value)
	} else if m.Value != nil {
		s += " of " + name(m.Value)
	}
	if m.Namespace != nil && !types.IsVoid(m.Namespace) {
		s += " in " + name(m.Namespace)
	}
	return s
}

func typeName(t backends.Type) string {
	if t == nil {
		return "nothing known"
	}
	return t.String()
}
