package pebble

import (
	"cmp"
	"encoding/binary"
	"runtime"
	"slices"
)

// sortable is a record, and the eight bytes of its key that it is being sorted by.
type sortable struct {
	word uint64
	ref  ref
}

// sortRefs sorts records by their keys, without those that are 0. Most keys differ far behind their beginnings; so it sorts by eight bytes, which it
// keeps at hand, and those that are equal by the next eight.
func sortRefs(refs []ref, mems [][]byte) []sortable {
	s := make([]sortable, 0, len(refs))
	for _, r := range refs {
		if r != 0 {
			s = append(s, sortable{ref: r})
		}
	}
	sortFrom(s, mems, 0)
	return s
}

// deepest is how many bytes are sorted by words: the calls within each other are not to be as many as the longest keys have words.
const deepest = 1 << 10

// sortFrom sorts what is equal in the first depth bytes.
func sortFrom(s []sortable, mems [][]byte, depth int) {
	if len(s) < 2 {
		return
	}
	if depth >= deepest {
		sortWhole(s, mems)
		return
	}
	if len(s) > yieldEvery {
		runtime.Gosched()
	}
	longer := false
	for i := range s {
		key := record(slotOf(mems, s[i].ref)).key()
		s[i].word = wordAt(key, depth)
		longer = longer || len(key) > depth+8
	}
	slices.SortFunc(s, func(a, b sortable) int { return cmp.Compare(a.word, b.word) })
	for from := 0; from < len(s); {
		to := from + 1
		for to < len(s) && s[to].word == s[from].word {
			to++
		}
		if equal := s[from:to]; longer {
			sortFrom(equal, mems, depth+8)
		} else if len(equal) > 1 {
			sortWhole(equal, mems) // all end here, or before: they differ in zeros at their ends
		}
		from = to
	}
}

// sortWhole sorts by whole keys.
func sortWhole(s []sortable, mems [][]byte) {
	slices.SortFunc(s, func(a, b sortable) int {
		return compare(record(slotOf(mems, a.ref)).key(), record(slotOf(mems, b.ref)).key())
	})
}

// wordAt is eight bytes of a key, with zeros behind its end.
func wordAt(key []byte, depth int) uint64 {
	if depth+8 <= len(key) {
		return binary.BigEndian.Uint64(key[depth:])
	}
	var b [8]byte
	if depth < len(key) {
		copy(b[:], key[depth:])
	}
	return binary.BigEndian.Uint64(b[:])
}
