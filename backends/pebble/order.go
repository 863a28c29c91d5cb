package pebble

import "slices"

// order is the refs of one state's records by their keys, for states that are walked in order: maps and timers.
type order struct {
	runs [][]ref // none of them empty
	key  func(ref) []byte
}

const runLen = 512 // refs at most

// seek is the place of the first record not below key.
func (o *order) seek(key []byte) (run, at int) {
	run, found := slices.BinarySearchFunc(o.runs, key, func(r []ref, key []byte) int { return compare(o.key(r[0]), key) })
	if found {
		return run, 0
	}
	if run == 0 {
		return 0, 0
	}
	at, _ = slices.BinarySearchFunc(o.runs[run-1], key, func(r ref, key []byte) int { return compare(o.key(r), key) })
	if at == len(o.runs[run-1]) {
		return run, 0
	}
	return run - 1, at
}

// get is the record at a place; 0 at the end.
func (o *order) get(run, at int) ref {
	if run >= len(o.runs) {
		return 0
	}
	return o.runs[run][at]
}

// next is the place behind one.
func (o *order) next(run, at int) (int, int) {
	if at+1 < len(o.runs[run]) {
		return run, at + 1
	}
	return run + 1, 0
}

// add adds a record whose key is not there.
func (o *order) add(r ref) {
	run, at := o.seek(o.key(r))
	if at == 0 && run > 0 { // behind the end of the one before
		run--
		at = len(o.runs[run])
	}
	if len(o.runs) == 0 {
		o.runs = append(o.runs, make([]ref, 0, runLen))
	}
	o.runs[run] = slices.Insert(o.runs[run], at, r)
	if n := len(o.runs[run]); n == runLen {
		half := append(make([]ref, 0, runLen), o.runs[run][n/2:]...)
		o.runs[run] = o.runs[run][:n/2]
		o.runs = slices.Insert(o.runs, run+1, half)
	}
}

// move makes the place of one record that of another with the same key.
func (o *order) move(from, to ref) {
	run, at := o.seek(o.key(from))
	o.runs[run][at] = to
}

// remove takes out a record that is there.
func (o *order) remove(r ref) {
	run, at := o.seek(o.key(r))
	if o.runs[run] = slices.Delete(o.runs[run], at, at+1); len(o.runs[run]) == 0 {
		o.runs = slices.Delete(o.runs, run, run+1)
	}
}
