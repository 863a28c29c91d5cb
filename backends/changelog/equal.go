package changelog

import (
	"reflect"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// same tells whether the bytes of both mean the same.
func same(a, b *backends.State) bool {
	return a.TTL == b.TTL && a.V2 == b.V2 && matches(a, b) && equal(a.Value, b.Value)
}

// matches tells whether equal keys of both are equal bytes, and the kinds are one.
func matches(a, b *backends.State) bool {
	return a.Kind == b.Kind && equal(a.Key, b.Key) && equal(a.Namespace, b.Namespace) && equal(a.MapKey, b.MapKey)
}

// equal tells whether two types were made of the same snapshot.
func equal(a, b backends.Type) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.String() == b.String() && a.Class() == b.Class() &&
		deepEqual(reflect.ValueOf(a), reflect.ValueOf(b), map[[2]uintptr]bool{})
}

// deepEqual is reflect.DeepEqual, but that functions are equal which are the same, and that what
// a lock guards is passed over: it is found out while values are read, and no part of a snapshot. So are the bytes of snapshots,
// which may differ where what they say does not.
func deepEqual(a, b reflect.Value, seen map[[2]uintptr]bool) bool {
	if a.IsValid() != b.IsValid() || !a.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return false
	}
	switch a.Kind() {
	case reflect.Func:
		return a.Pointer() == b.Pointer()
	case reflect.Pointer:
		pair := [2]uintptr{a.Pointer(), b.Pointer()}
		if pair[0] == pair[1] || seen[pair] {
			return true
		}
		seen[pair] = true
		return deepEqual(a.Elem(), b.Elem(), seen)
	case reflect.Interface:
		return deepEqual(a.Elem(), b.Elem(), seen)
	case reflect.Struct:
		if guarded(a.Type()) || a.Type() == reflect.TypeFor[types.Source]() {
			return true
		}
		for i := range a.NumField() {
			if !deepEqual(a.Field(i), b.Field(i), seen) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !deepEqual(a.Index(i), b.Index(i), seen) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !deepEqual(a.MapIndex(k), v, seen) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// guarded tells whether a lock is among the fields of a struct.
func guarded(t reflect.Type) bool {
	for i := range t.NumField() {
		if path := t.Field(i).Type.PkgPath(); path == "sync" || path == "sync/atomic" {
			return true
		}
	}
	return false
}
