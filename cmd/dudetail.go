package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/usage"
)

// duSize is how many bytes a part of a checkpoint takes.
type duSize struct {
	Recorded int64 `json:"recorded"` // as Flink counts
	Inline   int64 `json:"inline"`
	Files    int64 `json:"files"` // or parts of merged ones, each once
	Physical int64 `json:"physical"`
	Unique   int64 `json:"unique"`
}

type duOperator struct {
	ID   string  `json:"id"`
	UID  *string `json:"uid"`
	Name *string `json:"name"`
	duSize
	Slots    []duSlot    `json:"slots"`
	Subtasks []duSubtask `json:"subtasks,omitempty"`

	label string
}

type duSlot struct {
	Slot  string `json:"slot"`
	Class string `json:"class"`
	duSize
	States []duState `json:"states,omitempty"`
}

type duState struct {
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	Elements int    `json:"elements"`
	Bytes    int64  `json:"bytes"`
}

type duSubtask struct {
	Subtask int32 `json:"subtask"`
	duSize
}

// operators are those of the checkpoint that was named.
func (d *diskUsage) operators(ctx context.Context) ([]duOperator, error) {
	n := &d.used.Graph.Nodes[d.nodes[0]]
	content, err := n.Tree.Store.Open(ctx, n.MetadataKey())
	if err != nil {
		return nil, err
	}
	defer content.Close()
	all, err := d.parts.Detail(content, content.Size, d.used.Graph)
	if err != nil {
		return nil, err
	}
	out := []duOperator{}
	for i := range all {
		out = append(out, d.operator(&all[i]))
	}
	return out, nil
}

func (d *diskUsage) operator(o *usage.Operator) duOperator {
	out := duOperator{ID: o.ID.String(), UID: orNull(o.UID), Name: orNull(o.Name), duSize: sizeOf(o.Size), Slots: []duSlot{}, label: operatorLabel(o.Name, o.UID, o.ID)}
	for i := range o.Slots {
		s := &o.Slots[i]
		slot := duSlot{Slot: s.Slot.String(), Class: s.Class, duSize: sizeOf(s.Size)}
		for _, t := range s.States {
			slot.States = append(slot.States, duState{t.Name, t.Mode.String(), t.Elements, t.Bytes})
		}
		out.Slots = append(out.Slots, slot)
	}
	if d.opts.subtasks {
		for _, s := range o.Subtasks {
			out.Subtasks = append(out.Subtasks, duSubtask{s.Index, sizeOf(s.Size)})
		}
	}
	return out
}

func sizeOf(s usage.Size) duSize {
	return duSize{s.Recorded, s.Inline, int64(s.Files.Files), s.Files.Bytes, s.Unique}
}

// operatorTable lists what one checkpoint holds.
func (t *duTable) operatorTable() error {
	if t.target == "" {
		return nil
	}
	t.line("")
	if err := t.flush(); err != nil {
		return err
	}
	table := t.env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATE", right: true}, column{}, column{title: "INLINE", right: true},
		column{title: "FILES", right: true}, column{title: "UNIQUE", right: true})
	whole := int64(0)
	for _, o := range t.report.Operators {
		whole += o.Recorded
	}
	for i := range t.report.Operators {
		for _, row := range t.operatorRows(&t.report.Operators[i], whole) {
			if err := table.row(row...); err != nil {
				return err
			}
		}
	}
	return table.close()
}

// operatorRows are an operator, its slots with their states, and its sub-tasks.
func (t *duTable) operatorRows(o *duOperator, whole int64) [][]cell {
	size := t.env.size
	row := func(name cell, s *duSize, style style) []cell {
		return []cell{name, size(s.Recorded), {human: bar(s.Recorded, whole, barWidth), style: style}, size(s.Inline), size(s.Physical), size(s.Unique)}
	}
	rows := [][]cell{row(text(o.label).in(bold), &o.duSize, cyan)}
	for i := range o.Slots {
		s := &o.Slots[i]
		rows = append(rows, row(text("├ "+s.Slot), &s.duSize, green))
		for _, state := range s.States {
			rows = append(rows, []cell{text("│ ├ " + state.Name), size(state.Bytes), {human: bar(state.Bytes, whole, barWidth), style: faint}, {}, {}, {}})
		}
	}
	for i := range o.Subtasks {
		s := &o.Subtasks[i]
		rows = append(rows, row(text(fmt.Sprintf("├ sub-task %d", s.Subtask)), &s.duSize, green))
	}
	return closed(rows)
}

// closed gives the last row of each level the mark of an end.
func closed(rows [][]cell) [][]cell {
	inner, outer := false, false // whether the end of the level has been seen
	for i := len(rows) - 1; i > 0; i-- {
		name := &rows[i][0]
		if rest, ok := strings.CutPrefix(name.human, "│ ├ "); ok {
			mark, above := "├ ", "│ "
			if !inner {
				mark = "└ "
			}
			if !outer {
				above = "  "
			}
			name.human, inner = above+mark+rest, true
			continue
		}
		if !outer {
			name.human = "└ " + strings.TrimPrefix(name.human, "├ ")
		}
		inner, outer = false, true
	}
	return rows
}
