package types

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// Map is the type of maps: an i32 count, and for each entry its key, a byte that is 1 if the value is null, and the
// value unless it is (Flink: MapSerializer). In JSON it is an object if its keys are strings, else a list of pairs.
type Map struct {
	named
	Key, Value backends.Type
	texts      bool // the keys are strings
}

// NewMap makes the type of the maps from a key to a value.
func NewMap(key, value backends.Type, class string) *Map {
	texts := isText(key)
	if n, ok := key.(*nullable); ok {
		texts = isText(n.inner)
	}
	return &Map{named{name: "Map<" + key.String() + ", " + value.String() + ">", class: class}, key, value, texts}
}

// Width implements backends.Type.
func (t *Map) Width() int { return -1 }

// Size implements backends.Type.
func (t *Map) Size(b []byte) (int, error) {
	c, err := t.counted(b)
	if err != nil {
		return 0, err
	}
	for c.left > 0 {
		n, err := t.Key.Size(b[c.at:])
		if err != nil {
			return 0, within(err, c.at)
		}
		null, at, err := absent.null(&t.named, b, c.at+n)
		if err != nil {
			return 0, err
		}
		if !null {
			if n, err = t.Value.Size(b[at:]); err != nil {
				return 0, within(err, at)
			}
			at += n
		}
		if err := c.passed(at); err != nil {
			return 0, err
		}
	}
	return c.at, nil
}

// AppendJSON implements backends.Type.
func (t *Map) AppendJSON(dst, b []byte) ([]byte, int, error) {
	c, err := t.counted(b)
	if err != nil {
		return dst, 0, err
	}
	from := len(dst)
	object := t.texts && t.allNamed(b, c)
	dst = append(dst, "[{"[b2i(object)])
	for first := true; c.left > 0; first = false {
		if !first {
			dst = append(dst, ',')
		}
		n := 0
		if dst, n, err = t.appendEntry(dst, b[c.at:], object); err != nil {
			return dst[:from], 0, within(err, c.at)
		}
		if err := c.passed(c.at + n); err != nil {
			return dst[:from], 0, err
		}
	}
	return append(dst, "]}"[b2i(object)]), c.at, nil
}

// allNamed tells that no key is null: no member of an object could be named so. What is wrong with the bytes
// is for others to find.
func (t *Map) allNamed(b []byte, c counter) bool {
	for c.left > 0 && c.at < len(b) {
		if t.nullKey(b[c.at:]) {
			return false
		}
		n, err := t.Key.Size(b[c.at:])
		if err != nil {
			return true
		}
		null, at, err := absent.null(&t.named, b, c.at+n)
		if err != nil {
			return true
		}
		if n = 0; !null {
			if n, err = t.Value.Size(b[at:]); err != nil {
				return true
			}
		}
		c.left--
		c.at = at + n
	}
	return true
}

// nullKey tells whether the key at the beginning of b is null.
func (t *Map) nullKey(b []byte) bool {
	if _, ok := t.Key.(*nullable); ok {
		return b[0] != 0 || len(b) > 1 && b[1] == 0
	}
	return b[0] == 0
}

func isText(t backends.Type) bool {
	_, ok := t.(*stringText)
	return ok
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (t *Map) appendEntry(dst, b []byte, object bool) ([]byte, int, error) {
	if !object {
		dst = append(dst, '[')
	}
	dst, n, err := t.Key.AppendJSON(dst, b)
	if err != nil {
		return dst, 0, err
	}
	dst = append(dst, ",:"[b2i(object)])
	null, at, err := absent.null(&t.named, b, n)
	if err != nil {
		return dst, 0, err
	}
	n = 0
	if null {
		dst = append(dst, "null"...)
	} else if dst, n, err = t.Value.AppendJSON(dst, b[at:]); err != nil {
		return dst, 0, within(err, at)
	}
	if !object {
		dst = append(dst, ']')
	}
	return dst, at + n, nil
}

// Decode implements backends.Type.
func (t *Map) Decode(b []byte) (any, int, error) {
	c, err := t.counted(b)
	if err != nil {
		return nil, 0, err
	}
	all := Pairs{}
	for c.left > 0 {
		key, n, err := t.Key.Decode(b[c.at:])
		if err != nil {
			return nil, 0, within(err, c.at)
		}
		null, at, err := absent.null(&t.named, b, c.at+n)
		if err != nil {
			return nil, 0, err
		}
		var value any
		if n = 0; !null {
			if value, n, err = t.Value.Decode(b[at:]); err != nil {
				return nil, 0, within(err, at)
			}
		}
		all = append(all, Pair{key, value})
		if err := c.passed(at + n); err != nil {
			return nil, 0, err
		}
	}
	return all, c.at, nil
}

// Encode implements backends.Type. A value that is null is written by its flag, even where its type has a null.
func (t *Map) Encode(dst []byte, v any) ([]byte, error) {
	all, ok := v.(Pairs)
	if !ok {
		return dst, t.notA(v)
	}
	from := len(dst)
	dst = putInt(dst, int32(len(all)))
	for i, p := range all {
		var err error
		if dst, err = t.Key.Encode(dst, p.Key); err != nil {
			return dst[:from], fmt.Errorf("key %d: %w", i, err)
		}
		dst = absent.put(dst, p.Value == nil)
		if p.Value == nil {
			continue
		}
		if dst, err = t.Value.Encode(dst, p.Value); err != nil {
			return dst[:from], fmt.Errorf("value %d: %w", i, err)
		}
	}
	return dst, nil
}

// FromJSON implements backends.Type.
func (t *Map) FromJSON(json []byte) (any, error) {
	all := Pairs{}
	entries, err := entriesOf(json, t.texts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	for i, e := range entries {
		var p Pair
		if p.Key, err = t.Key.FromJSON(e[0]); err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		if !isNull(e[1]) {
			if p.Value, err = t.Value.FromJSON(e[1]); err != nil {
				return nil, fmt.Errorf("value %d: %w", i, err)
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// entriesOf splits the JSON of a map: a list of pairs, or an object if its keys are texts.
func entriesOf(json []byte, texts bool) ([][2][]byte, error) {
	var all [][2][]byte
	if b := trim(json); texts && len(b) > 0 && b[0] == '{' {
		list, err := members(json)
		for _, m := range list {
			all = append(all, [2][]byte{appendQuoted(nil, m.name), m.value})
		}
		return all, err
	}
	items, err := elements(json)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		pair, err := elements(item)
		if err != nil || len(pair) != 2 {
			return nil, wanted("a list of a key and a value", item)
		}
		all = append(all, [2][]byte{pair[0], pair[1]})
	}
	return all, nil
}

// Hash implements backends.Type.
func (t *Map) Hash(v any) (int32, bool) {
	all, ok := v.(Pairs)
	var sum int32
	for _, p := range all {
		k, known := hashOf(t.Key, p.Key)
		h, also := hashOf(t.Value, p.Value)
		ok = ok && known && also
		sum += k ^ h
	}
	return sum, ok
}
