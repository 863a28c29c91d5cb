package entrydiff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// sameLetters tells whether a and b are of the same bytes in whatever order, as two texts of one map are.
func sameLetters(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	var n [256]int
	for i := range a {
		n[a[i]]++
		n[b[i]]--
	}
	return n == [256]int{}
}

// sameSettled tells whether two values are equal but for the order of the maps within them: these are written in the
// order of a hash table, which a restore changes.
func sameSettled(a, b *backends.Entry) bool {
	x, ok := settledElements(a)
	if !ok {
		return false
	}
	y, ok := settledElements(b)
	return ok && reflect.DeepEqual(x, y)
}

// settledElements are the values of e, with the maps within them in order.
func settledElements(e *backends.Entry) ([]any, bool) {
	if e.State.Kind != backends.List {
		v, _, err := e.State.Value.Decode(e.Value)
		return []any{settle(v)}, err == nil
	}
	var all []any
	for b, err := range snapshot.Elements(e) {
		if err != nil {
			return nil, false
		}
		v, _, err := e.State.Value.Decode(b)
		if err != nil {
			return nil, false
		}
		all = append(all, settle(v))
	}
	return all, true
}

// settle brings the pairs of each map within v into order.
func settle(v any) any {
	switch v := v.(type) {
	case types.Pairs:
		for i := range v {
			v[i].Key, v[i].Value = settle(v[i].Key), settle(v[i].Value)
		}
		slices.SortStableFunc(v, func(a, b types.Pair) int {
			return bytes.Compare(order(a.Key), order(b.Key))
		})
	case []any:
		for i := range v {
			v[i] = settle(v[i])
		}
	case *types.Record:
		for i := range v.Fields {
			v.Fields[i] = settle(v.Fields[i])
		}
	case *types.Object:
		for i := range v.Fields {
			v.Fields[i].Value = settle(v.Fields[i].Value)
		}
	case types.Side:
		v.Value = settle(v.Value)
		return v
	}
	return v
}

// order is what keys of one map are sorted by.
func order(key any) []byte {
	text, err := json.Marshal(key)
	if err != nil { // NaN, which is one key of a map at most
		return fmt.Append(nil, key)
	}
	return text
}
