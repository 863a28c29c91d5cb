package rocksdb

import (
	"bytes"
	"sort"
)

// run walks the records of tables that follow each other: a level of a column family, or a table of
// level 0.
type run struct {
	m      *merger
	tables []*liveTable // those still to come
	cur    *liveTable
	it     Iterator
	err    error
}

// runsOf splits the tables of a family into runs, each without those that have no key in [lo, hi).
func runsOf(tables []*liveTable, lo, hi []byte) [][]*liveTable {
	var runs [][]*liveTable
	for len(tables) > 0 {
		n := 1
		for tables[0].Level > 0 && n < len(tables) && tables[n].Level == tables[0].Level {
			n++
		}
		if part := overlap(tables[:n], lo, hi); len(part) > 0 {
			runs = append(runs, part)
		}
		tables = tables[n:]
	}
	return runs
}

// overlap gives the tables with keys in [lo, hi), of tables in the order of their keys.
func overlap(tables []*liveTable, lo, hi []byte) []*liveTable {
	if lo != nil {
		tables = tables[sort.Search(len(tables), func(i int) bool { return bytes.Compare(tables[i].Largest.User, lo) >= 0 }):]
	}
	if hi != nil {
		tables = tables[:sort.Search(len(tables), func(i int) bool { return bytes.Compare(tables[i].Smallest.User, hi) >= 0 })]
	}
	return tables
}

// next goes to the next record. It is false at the end, and after an error.
func (r *run) next() bool {
	for {
		if r.cur != nil && r.it.Next() {
			return true
		}
		if r.cur != nil {
			if r.err = r.it.Err(); r.err != nil {
				return false
			}
			r.leave()
		}
		if r.err != nil || len(r.tables) == 0 || !r.enter() {
			return false
		}
	}
}

// enter opens the next table. Its range deletions hold from here on: all records before it have been
// read from this run, and so from the others.
func (r *run) enter() bool {
	t := r.tables[0]
	r.tables = r.tables[1:]
	table, err := t.acquire()
	if err != nil {
		r.err = err
		return false
	}
	r.cur = t
	r.m.learn(table)
	r.m.covers.add(table.tombstones)
	r.it.open(table, r.m.lo, r.m.hi)
	return true
}

func (r *run) leave() {
	if r.cur != nil {
		r.cur.release()
		r.cur = nil
	}
}
