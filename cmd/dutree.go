package cmd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// duColumn is a column of the tree.
type duColumn struct {
	title string
	of    func(*duCheckpoint) *int64
	wide  bool // only where there is room
	some  bool // only where there is anything
}

var duColumns = []duColumn{
	{title: "UNIQUE", of: func(c *duCheckpoint) *int64 { return c.Unique }},
	{title: "EXCLUSIVE", of: func(c *duCheckpoint) *int64 { return c.Exclusive }, wide: true},
	{title: "SHARED", of: func(c *duCheckpoint) *int64 { return c.Shared }},
	{title: "INLINE", of: func(c *duCheckpoint) *int64 { return c.Inline }, wide: true, some: true},
	{title: "LOGICAL", of: func(c *duCheckpoint) *int64 { return c.Logical }},
	{title: "ELSEWHERE", of: func(c *duCheckpoint) *int64 { return c.Elsewhere }, some: true},
}

// roomy is how many columns of a terminal all columns of the tree need.
const roomy = 120

// duBranch is a job and its checkpoints.
type duBranch struct {
	job    *duJob // nil where one checkpoint was named
	leaves []*duCheckpoint
}

// branches are those of a root; the biggest first, or as the jobs are listed.
func (t *duTable) branches(root *duRoot) []*duBranch {
	if t.target != "" {
		return []*duBranch{{leaves: []*duCheckpoint{&t.report.Checkpoints[0]}}}
	}
	var all []*duBranch
	of := map[int]*duBranch{}
	next := 0
	for _, j := range t.used.Jobs {
		if !t.shows(j) {
			continue
		}
		b := &duBranch{job: &t.report.Jobs[next]}
		next++
		if t.trees[j.Tree].URL() == root.Path {
			all = append(all, b)
		}
		for _, n := range j.Nodes {
			of[n] = b
		}
	}
	for i, n := range t.nodes {
		of[n].leaves = append(of[n].leaves, &t.report.Checkpoints[i])
	}
	if t.opts.sort == bySize {
		slices.SortStableFunc(all, func(a, b *duBranch) int { return cmp.Compare(b.job.Bytes, a.job.Bytes) })
	}
	return all
}

// tree lists the jobs of a root and their checkpoints.
func (t *duTable) tree(root *duRoot) error {
	if err := t.flush(); err != nil {
		return err
	}
	branches := t.branches(root)
	if len(branches) == 0 {
		return nil
	}
	columns := t.columns(branches)
	head := []column{{title: "NAME", shrink: true}, {title: "SIZE", right: true}, {}}
	for _, c := range columns {
		head = append(head, column{title: c.title, right: true})
	}
	table := t.env.newTable(append(head, column{title: "AGE", right: true})...)
	for _, b := range branches {
		if err := t.branch(table, columns, root, b); err != nil {
			return err
		}
	}
	return table.close()
}

// columns are those for which there is room and use.
func (t *duTable) columns(branches []*duBranch) []duColumn {
	narrow := t.env.OutTerminal && t.env.Width() > 0 && t.env.Width() < roomy
	empty := func(c duColumn) bool {
		for _, b := range branches {
			for _, l := range b.leaves {
				if n := c.of(l); n != nil && *n > 0 {
					return false
				}
			}
		}
		return true
	}
	return slices.DeleteFunc(slices.Clone(duColumns), func(c duColumn) bool { return c.wide && narrow || c.some && empty(c) })
}

// branch lists a job and its checkpoints, as many as were asked for.
func (t *duTable) branch(table *table, columns []duColumn, root *duRoot, b *duBranch) error {
	whole := root.Bytes
	if b.job != nil {
		whole = b.job.Bytes
		if err := table.row(t.jobCells(columns, root, b.job)...); err != nil {
			return err
		}
	}
	shown := len(b.leaves)
	if t.opts.top > 0 {
		shown = min(shown, t.opts.top)
	}
	for i, c := range b.leaves[:shown] {
		mark := "├ "
		switch {
		case b.job == nil:
			mark = ""
		case i == len(b.leaves)-1:
			mark = "└ "
		}
		if err := table.row(t.leafCells(columns, c, mark, whole)...); err != nil {
			return err
		}
	}
	if shown == len(b.leaves) {
		return nil
	}
	more := make([]cell, len(columns)+4)
	more[0] = text(fmt.Sprintf("└ and %d more", len(b.leaves)-shown)).in(faint)
	return table.row(more...)
}

func (t *duTable) jobCells(columns []duColumn, root *duRoot, j *duJob) []cell {
	name := optional(j.Job)
	if j.Job == nil {
		name = text("of no job")
	}
	row := []cell{name.in(bold), t.env.size(j.Bytes).in(bold), {human: bar(j.Bytes, root.Bytes, barWidth), style: cyan}}
	for _, c := range columns {
		if c.title != "UNIQUE" {
			row = append(row, cell{})
			continue
		}
		row = append(row, t.env.size(j.Unique))
	}
	return append(row, cell{})
}

func (t *duTable) leafCells(columns []duColumn, c *duCheckpoint, mark string, whole int64) []cell {
	name := text(mark + c.short())
	if c.Physical == nil {
		name = name.in(faint)
	}
	size := func(n *int64) cell {
		if n == nil {
			return text("")
		}
		return t.env.size(*n)
	}
	row := []cell{name, size(c.Physical), {}}
	if c.Physical != nil {
		row[2] = cell{human: bar(*c.Physical, whole, barWidth), style: green}
	}
	for _, of := range columns {
		row = append(row, size(of.of(c)))
	}
	if c.Modified == nil {
		return append(row, text(""))
	}
	return append(row, t.env.age(*c.Modified))
}

// short is what the name of a checkpoint adds to that of its job, and its state.
func (c *duCheckpoint) short() string {
	name := c.Path
	if c.Job != nil {
		name = strings.TrimPrefix(name, *c.Job+"/")
	}
	if c.State != string(layout.Complete) {
		name += " (" + c.State + ")"
	}
	return name
}
