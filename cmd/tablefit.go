package cmd

import (
	"slices"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// narrowest is how far a column may be shortened, readable how far before others are left out for it, and leastFirst how
// far one that is shortened first.
const (
	narrowest  = 9
	readable   = 17
	leastFirst = 6
)

// fit gives each column the width it needs, and takes from the widest that may shrink until the terminal is wide
// enough. Where that does not do, columns that can be spared go, the last first.
func (t *table) fit() []int {
	for i := len(t.columns) - 1; ; i-- {
		widths, over := t.tryFit(readable)
		for i >= 0 && !t.columns[i].spare {
			i--
		}
		switch {
		case over <= 0:
			return widths
		case i < 0:
			widths, _ = t.tryFit(narrowest)
			return widths
		}
		t.drop(func(column int) bool { return column == i })
	}
}

// drop leaves columns out.
func (t *table) drop(gone func(column int) bool) {
	if t.kept == nil {
		t.kept = make([]int, len(t.columns))
		for i := range t.kept {
			t.kept[i] = i
		}
	}
	var kept []int
	var columns []column
	for i, c := range t.columns {
		if !gone(i) {
			kept, columns = append(kept, t.kept[i]), append(columns, c)
		}
	}
	for n, row := range t.rows {
		var cells []cell
		for i, c := range row {
			if !gone(i) {
				cells = append(cells, c)
			}
		}
		t.rows[n] = cells
	}
	t.kept, t.columns = kept, columns
}

// without are the cells of the columns that were not left out.
func (t *table) without(cells []cell) []cell {
	if t.kept == nil {
		return cells
	}
	out := make([]cell, len(t.kept))
	for i, column := range t.kept {
		out[i] = cells[column]
	}
	return out
}

// dropEmpty leaves out the columns that may be, where no row has anything.
func (t *table) dropEmpty() {
	empty := make([]bool, len(t.columns))
	for i, c := range t.columns {
		empty[i] = c.may
		for _, row := range t.rows {
			empty[i] = empty[i] && row[i].exact == ""
		}
	}
	if slices.Contains(empty, true) {
		t.drop(func(column int) bool { return empty[column] })
	}
}

// tryFit is the widths of the columns, of which none that may shrink is taken below least, and how much they are too
// wide together.
func (t *table) tryFit(least int) (widths []int, over int) {
	widths = make([]int, len(t.columns))
	total := 2 * (len(widths) - 1)
	for i, c := range t.columns {
		if widths[i] = twwidth.Width(c.title); t.long {
			widths[i] = max(widths[i], c.least)
		}
		for _, r := range t.rows {
			widths[i] = max(widths[i], twwidth.Width(escape(r[i].human)))
		}
		total += widths[i]
	}
	if !t.env.OutTerminal || t.env.Width() <= 0 {
		return widths, 0
	}
	for over = total - t.env.Width(); over > 0; over-- {
		i := t.widest(widths, least)
		if i < 0 {
			break
		}
		widths[i]--
	}
	return widths, over
}

// widest is the widest column that may still shrink, -1 where there is none: one of those that shrink first, while they
// are not too narrow to be read.
func (t *table) widest(widths []int, least int) int {
	first := func(c column) bool { return c.first }
	for _, step := range []struct {
		least int
		of    func(column) bool
	}{{narrowest, first}, {leastFirst, first}, {least, func(c column) bool { return c.shrink }}} {
		best := -1
		for i, c := range t.columns {
			if step.of(c) && widths[i] > step.least && (best < 0 || widths[i] > widths[best]) {
				best = i
			}
		}
		if best >= 0 {
			return best
		}
	}
	return -1
}
