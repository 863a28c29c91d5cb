package types

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// enum is an i32 number of a constant. Numbers are those of the snapshot, not Java's ordinals (Flink: EnumSerializer);
// Scala's are the ids of the constants (EnumValueSerializer).
type enum struct {
	named
	of    string // Java class
	names []string
	ids   []int32 // nil: 0, 1, 2…
}

// specEnum stands for the class of one that was described by hand.
const specEnum = "Enum"

func newEnum(of string, names []string, ids []int32, class string) *enum {
	list := names
	if ids != nil {
		list = nil
		for i, n := range names {
			list = append(list, n+"="+strconv.Itoa(int(ids[i])))
		}
	}
	return &enum{named{name: "Enum(" + strings.Join(list, ", ") + ")", class: class}, of, names, ids}
}

func (t *enum) at(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, backends.ErrShort
	}
	v := int32(binary.BigEndian.Uint32(b))
	i := int(v)
	if t.ids != nil {
		i = slices.Index(t.ids, v)
	}
	if i < 0 || i >= len(t.names) {
		return 0, t.bad(0, "%s has no constant %d", t.of, v)
	}
	return i, nil
}

// Width implements backends.Type.
func (t *enum) Width() int { return 4 }

// Size implements backends.Type.
func (t *enum) Size(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, backends.ErrShort
	}
	return 4, nil
}

// AppendJSON implements backends.Type.
func (t *enum) AppendJSON(dst, b []byte) ([]byte, int, error) {
	i, err := t.at(b)
	if err != nil {
		return dst, 0, err
	}
	return appendQuoted(dst, t.names[i]), 4, nil
}

// Decode implements backends.Type.
func (t *enum) Decode(b []byte) (any, int, error) {
	i, err := t.at(b)
	if err != nil {
		return nil, 0, err
	}
	return Symbol(t.names[i]), 4, nil
}

// Encode implements backends.Type.
func (t *enum) Encode(dst []byte, v any) ([]byte, error) {
	s, ok := v.(Symbol)
	i := slices.Index(t.names, string(s))
	switch {
	case !ok:
		return dst, t.notA(v)
	case i < 0:
		return dst, t.bad(0, "%s has no constant %q", t.of, string(s))
	case t.ids != nil:
		return putInt(dst, t.ids[i]), nil
	}
	return putInt(dst, int32(i)), nil
}

// FromJSON implements backends.Type.
func (t *enum) FromJSON(json []byte) (any, error) {
	s, err := parseString(json)
	if err != nil || !slices.Contains(t.names, s) {
		return nil, fmt.Errorf("%s: %w", t.of, wanted("one of "+strings.Join(t.names, ", "), json))
	}
	return Symbol(s), nil
}

// Hash implements backends.Type. Constants hash by their address, so Flink refuses them as keys.
func (t *enum) Hash(any) (int32, bool) { return 0, false }

func enumBody(s *snapshots, class string, version int32) backends.Type {
	s.known(class, version, 3, 3)
	of := s.utf()
	names := make([]string, 0, 8)
	for range s.count(2) {
		names = append(names, s.utf())
	}
	return newEnum(of, names, nil, class)
}

func scalaEnumBody(s *snapshots, class string, version int32) backends.Type {
	s.known(class, version, 3, 3)
	of := s.utf()
	var names []string
	ids := []int32{}
	for range s.count(6) {
		names = append(names, s.utf())
		ids = append(ids, s.i32())
	}
	return newEnum(of, names, ids, class)
}
