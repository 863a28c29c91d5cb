package cmd

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends/census"
)

// print writes the report in the form that was asked for.
func (r *statsReport) print(env *Env, by string) error {
	if env.Output == JSON {
		return env.writeJSON(r)
	}
	switch by {
	case bySubtask:
		return r.printSubtasks(env)
	case byKeyGroup:
		return r.printKeyGroups(env)
	case byKey:
		return r.printKeys(env)
	}
	if err := r.printStates(env); err != nil {
		return err
	}
	if env.Output == TSV || len(r.TopKeys) == 0 {
		return nil
	}
	title := fmt.Sprintf("The %d keys with the most bytes", len(r.TopKeys))
	if !r.Exact {
		title += ", about: --memory is too small for exact sums"
	}
	if _, err := fmt.Fprintf(env.Out, "\n%s\n", env.paintOut(bold, title)); err != nil {
		return err
	}
	return r.printKeys(env)
}

// printStates has a row for each state. People see sums where TSV has them apart.
func (r *statsReport) printStates(env *Env) error {
	columns := []column{{title: "OPERATOR", shrink: true}, {title: "STATE", shrink: true}, {title: "KIND", spare: true}, {title: "ENTRIES", right: true}, {title: "BYTES", right: true},
		{title: "MIN", right: true, may: true, spare: true}, {title: "AVG", right: true, may: true, spare: true}, {title: "P99", right: true, may: true, spare: true},
		{title: "MAX", right: true, may: true}, {title: "SKEW", right: true, may: true}, {title: "KG SKEW", right: true, may: true}, {title: "KEY GROUPS", may: true, spare: true}}
	t := env.newTable(columns...)
	for _, s := range r.States {
		cells := []cell{text(s.label), text(s.State), text(s.Kind), count(s.Entries), text("")}
		if s.Bytes != nil {
			cells[4] = env.size(s.Bytes.Total)
		}
		cells = append(cells, env.sizeCells(s.ValueSize)...)
		cells = append(cells, skewCell(s.Skew.Subtasks), skewCell(s.Skew.KeyGroups))
		if env.Output == TSV {
			cells = append(cells, s.Bytes.cells()...)
			cells = append(cells, text(s.Operator))
		} else {
			cells = append(cells, text(env.picture(s.groups)).in(cyan))
		}
		if err := t.row(cells...); err != nil {
			return err
		}
	}
	return t.close()
}

// cells are the sums of the parts of entries.
func (b *statsBytes) cells() []cell {
	if b == nil {
		return []cell{text(""), text(""), text(""), text("")}
	}
	return []cell{number(b.Key), number(b.Namespace), number(b.MapKey), number(b.Value)}
}

func (e *Env) sizeCells(s *statsSizes) []cell {
	if s == nil {
		return []cell{text(""), text(""), text(""), text("")}
	}
	avg := e.size(int64(math.Round(s.Avg)))
	if avg.exact = strconv.FormatFloat(s.Avg, 'f', 1, 64); e.Verbose {
		avg.human = avg.exact
	}
	return []cell{e.size(s.Min), avg, e.size(s.P99), e.size(s.Max)}
}

// skewCell is a skew; one that doubles the work of a sub-task stands out.
func skewCell(skew *float64) cell {
	if skew == nil {
		return text("")
	}
	c := text(strconv.FormatFloat(*skew, 'f', 2, 64))
	if *skew >= 2 {
		return c.in(yellow)
	}
	return c
}

func (r *statsReport) printSubtasks(env *Env) error {
	t := env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATE", shrink: true}, column{title: "KIND", least: widestKind},
		column{title: "SUBTASK", right: true}, column{title: "ENTRIES", right: true}, column{title: "BYTES", right: true}, column{title: "", spare: true, least: loadBarWidth})
	for _, s := range r.States {
		for i, l := range s.subtasks {
			if err := t.row(env.loadCells(s, i, l, s.subtasks)...); err != nil {
				return err
			}
		}
	}
	return t.close()
}

func (r *statsReport) printKeyGroups(env *Env) error {
	t := env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATE", shrink: true}, column{title: "KIND", least: widestKind},
		column{title: "KEY GROUP", right: true}, column{title: "ENTRIES", right: true}, column{title: "BYTES", right: true}, column{title: "", spare: true, least: loadBarWidth})
	for _, s := range r.States {
		for _, l := range s.KeyGroups {
			if err := t.row(env.loadCells(s, l.KeyGroup, census.Load{Entries: l.Entries, Bytes: l.Bytes}, s.groups)...); err != nil {
				return err
			}
		}
	}
	return t.close()
}

// loadCells is a row of one of several loads, for people with a bar.
func (e *Env) loadCells(s stateStats, nth int, l census.Load, all []census.Load) []cell {
	cells := []cell{text(s.label), text(s.State), text(s.Kind), number(int64(nth)), number(l.Entries), e.size(l.Bytes)}
	if e.Output == TSV {
		return append(cells, text(s.Operator))
	}
	var most int64
	for _, other := range all {
		most = max(most, other.Bytes)
	}
	bar := e.bar(l.Bytes, most)
	return append(cells, cell{human: bar, exact: bar}.in(cyan))
}

func (r *statsReport) printKeys(env *Env) error {
	t := env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATE", shrink: true}, column{title: "KEY", shrink: true},
		column{title: "KEY GROUP", right: true}, column{title: "ENTRIES", right: true}, column{title: "BYTES", right: true})
	for _, k := range r.TopKeys {
		cells := []cell{text(k.label), text(k.State), text(string(k.Key)), number(int64(k.KeyGroup)), number(k.Entries), env.size(k.Bytes)}
		if env.Output == TSV {
			cells = append(cells, text(k.Kind), text(k.Operator))
		}
		if err := t.row(cells...); err != nil {
			return err
		}
	}
	return t.close()
}

// The marks of pictures, from nothing to the most: on a terminal, and where nobody knows what can be shown.
var (
	blockMarks = []rune(" ▁▂▃▄▅▆▇█")
	plainMarks = []rune(" .:-=+*#@")
)

// pictureWidth is how many marks a picture has at most.
const pictureWidth = 32

// picture shows loads in their order, some of them a mark.
func (e *Env) picture(loads []census.Load) string {
	n := min(pictureWidth, len(loads))
	sums := make([]int64, n)
	most := int64(0)
	for i, l := range loads {
		at := i * n / len(loads)
		sums[at] += l.Bytes
		most = max(most, sums[at])
	}
	if most == 0 {
		return ""
	}
	marks := e.marks()
	var b strings.Builder
	for _, s := range sums {
		b.WriteRune(marks[level(s, most, len(marks)-1)])
	}
	return b.String()
}

// level is how far n reaches of most, in so many steps. Nothing but 0 is 0.
func level(n, most int64, steps int) int {
	if n <= 0 {
		return 0
	}
	return 1 + int(float64(n)/float64(most)*float64(steps)-0.000001)
}

// loadBarWidth is how long the bar of the most is.
const loadBarWidth = 20

// bar is as long as n reaches of most.
func (e *Env) bar(n, most int64) string {
	marks := e.marks()
	return strings.Repeat(string(marks[len(marks)-1]), level(n, most, loadBarWidth))
}

func (e *Env) marks() []rune {
	if e.OutTerminal {
		return blockMarks
	}
	return plainMarks
}
