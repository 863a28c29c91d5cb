package cmd

import (
	"slices"
	"time"
)

// duRow is a line of TSV. What does not apply to its kind is empty.
type duRow struct {
	kind, root, path string
	job              *string
	id               *int64
	state            string
	modified         *time.Time
	of               [duNumbers]*int64
}

// The columns of numbers.
const (
	duFiles = iota
	duBytes
	duLogical
	duExclusive
	duShared
	duUnique
	duInline
	duElsewhere
	duReferenced
	duOrphaned
	duInFlight
	duUnknown
	duNumbers
)

func (r *duRow) cells(env *Env) []cell {
	when := text("")
	if r.modified != nil {
		when = env.age(*r.modified)
	}
	cells := []cell{text(r.kind), text(r.root), text(r.path), optional(r.job), optionalNumber(r.id), text(r.state), when}
	for _, n := range r.of {
		cells = append(cells, optionalNumber(n))
	}
	return cells
}

func (r *duRow) sums(s *duSums) {
	r.of[duFiles], r.of[duBytes] = &s.Files, &s.Bytes
	r.of[duReferenced], r.of[duOrphaned], r.of[duInFlight], r.of[duUnknown] = &s.Referenced, &s.Orphan, &s.InFlight, &s.Unknown
}

func (r *duRow) size(s *duSize) {
	r.of[duFiles], r.of[duBytes] = &s.Files, &s.Physical
	r.of[duLogical], r.of[duInline], r.of[duUnique] = &s.Recorded, &s.Inline, &s.Unique
}

// printTSV writes a line for each thing; the first column says what it is.
func (d *diskUsage) printTSV(r *duReport) error {
	t := d.env.newTable(make([]column, 7+duNumbers)...)
	for _, row := range r.rows() {
		if err := t.row(row.cells(d.env)...); err != nil {
			return err
		}
	}
	for id := range d.orphans {
		o := d.orphan(id)
		row := duRow{kind: "orphan", root: o.Root, path: o.Path, modified: o.Modified}
		row.of[duFiles], row.of[duBytes] = new(int64(1)), &o.Bytes
		if err := t.row(row.cells(d.env)...); err != nil {
			return err
		}
	}
	return t.close()
}

// rows are the lines of all but the orphans.
func (r *duReport) rows() []duRow {
	var rows []duRow
	for _, root := range r.allRoots() {
		row := duRow{kind: "root", path: root.Path}
		row.sums(&root.duSums)
		rows = append(rows, row)
	}
	for _, j := range r.Jobs {
		row := duRow{kind: "job", root: j.Root, job: j.Job}
		row.sums(&j.duSums)
		row.of[duUnique] = &j.Unique
		rows = append(rows, row)
	}
	for i := range r.Checkpoints {
		rows = append(rows, r.Checkpoints[i].row())
	}
	for i := range r.Operators {
		rows = append(rows, r.Operators[i].rows()...)
	}
	return slices.Concat(rows, r.IfDeleted.rows())
}

func (c *duCheckpoint) row() duRow {
	row := duRow{kind: c.Kind, root: c.Root, path: c.Path, job: c.Job, id: c.ID, state: c.State, modified: c.Modified}
	row.of[duFiles], row.of[duBytes] = c.Files, c.Physical
	row.of[duLogical], row.of[duExclusive], row.of[duShared], row.of[duUnique] = c.Logical, c.Exclusive, c.Shared, c.Unique
	row.of[duInline], row.of[duElsewhere] = c.Inline, c.Elsewhere
	return row
}

// rows are an operator, its slots with their states, and its sub-tasks.
func (o *duOperator) rows() []duRow {
	line := func(kind, state string, id *int64, size *duSize) duRow {
		row := duRow{kind: kind, path: o.label, state: state, id: id}
		row.size(size)
		return row
	}
	rows := []duRow{line("operator", "", nil, &o.duSize)}
	for i := range o.Slots {
		s := &o.Slots[i]
		rows = append(rows, line("slot", s.Slot, nil, &s.duSize))
		for j := range s.States {
			row := duRow{kind: "state", path: o.label, state: s.States[j].Name}
			row.of[duLogical] = &s.States[j].Bytes
			rows = append(rows, row)
		}
	}
	for i := range o.Subtasks {
		rows = append(rows, line("subtask", "", new(int64(o.Subtasks[i].Subtask)), &o.Subtasks[i].duSize))
	}
	return rows
}

// rows are what is freed and what is kept, and who keeps it.
func (x *duDeletion) rows() []duRow {
	if x == nil {
		return nil
	}
	line := func(kind string, name duName, files, bytes *int64) duRow {
		row := duRow{kind: kind, root: name.Root, path: name.Path, job: name.Job, id: name.ID}
		row.of[duFiles], row.of[duBytes] = files, bytes
		return row
	}
	rows := []duRow{line("freed", duName{}, &x.Files, &x.Bytes), line("kept", duName{}, &x.KeptFiles, &x.KeptBytes)}
	for i := range x.HeldBy {
		h := &x.HeldBy[i]
		rows = append(rows, line("holder", h.duName, &h.Files, &h.Bytes))
	}
	return rows
}
