package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// lsColumn is a column of `ckpt ls`. TSV has all of them, always in this order.
type lsColumn struct {
	column
	cell  func(*Env, *lsEntry) cell
	shown func([]lsEntry) bool // in a table for people; nil for always
}

var lsColumns = []lsColumn{
	{column: column{title: "PATH", shrink: true}, cell: func(_ *Env, e *lsEntry) cell { return text(e.Path) }},
	{column: column{title: "JOB", shrink: true}, cell: func(_ *Env, e *lsEntry) cell { return optional(e.Job) }, shown: jobIsNews},
	{column: column{title: "ID", right: true}, cell: func(_ *Env, e *lsEntry) cell { return optionalNumber(e.ID) }},
	{column: column{title: "KIND"}, cell: func(_ *Env, e *lsEntry) cell { return text(e.Kind) }},
	{column: column{title: "STATE"}, cell: func(_ *Env, e *lsEntry) cell { return text(e.State).in(stateStyle(e.State)) }},
	{column: column{title: "AGE", right: true}, cell: func(env *Env, e *lsEntry) cell {
		if e.Modified == nil {
			return text("")
		}
		return env.age(*e.Modified)
	}},
	{column: column{title: "SIZE", right: true}, cell: func(env *Env, e *lsEntry) cell {
		if e.Bytes == nil {
			return text("")
		}
		return env.size(*e.Bytes)
	}},
	{column: column{title: "VERSION", right: true}, cell: func(_ *Env, e *lsEntry) cell { return optionalNumber(e.MetadataVersion) }},
	{column: column{title: "REASON"}, cell: func(_ *Env, e *lsEntry) cell { return text(e.Reason) }, shown: never},
}

// never is for what people find below the table, in full.
func never([]lsEntry) bool { return false }

// printTable writes the entries as a table or TSV.
func (l *listing) printTable(entries []lsEntry) error {
	columns := slices.Clone(lsColumns)
	if l.env.Output == Table {
		columns = slices.DeleteFunc(columns, func(c lsColumn) bool { return c.shown != nil && !c.shown(entries) })
	}
	var plain []column
	for _, c := range columns {
		plain = append(plain, c.column)
	}
	t := l.env.newTable(plain...)
	for i := range entries {
		row := make([]cell, 0, len(columns))
		for _, c := range columns {
			row = append(row, c.cell(l.env, &entries[i]))
		}
		if err := t.row(row...); err != nil {
			return err
		}
	}
	if err := t.close(); err != nil || l.env.Output != Table {
		return err
	}
	return l.printReasons(entries)
}

// mostReasons is how many reasons a table is followed by.
const mostReasons = 20

// printReasons says why entries are in their state, where that is not plain from the
// table: an incomplete one just has no _metadata.
func (l *listing) printReasons(entries []lsEntry) error {
	var b strings.Builder
	n := 0
	for _, e := range entries {
		plain := e.State == string(layout.Incomplete) || e.State == string(layout.InProgress)
		if e.Reason == "" || plain && !l.env.Verbose {
			continue
		}
		if n++; n <= mostReasons {
			fmt.Fprintf(&b, "%s: %s\n", escape(e.Path), escape(e.Reason))
		}
	}
	if n > mostReasons {
		fmt.Fprintf(&b, "and %d more: -o json has all reasons\n", n-mostReasons)
	}
	if n == 0 {
		return nil
	}
	_, err := fmt.Fprint(l.env.Out, "\n", b.String())
	return err
}

// jobIsNews tells whether the paths do not show the jobs anyway.
func jobIsNews(entries []lsEntry) bool {
	return slices.ContainsFunc(entries, func(e lsEntry) bool { return e.Job != nil && !strings.Contains(e.Path, *e.Job) })
}

func stateStyle(state string) style {
	switch layout.State(state) {
	case layout.Complete:
		return green
	case layout.InProgress:
		return yellow
	case layout.Incomplete:
		return faint
	}
	return red
}

// optionalNumber is a cell of a number that may be missing.
func optionalNumber[T int32 | int64](n *T) cell {
	if n == nil {
		return text("")
	}
	return number(int64(*n))
}
