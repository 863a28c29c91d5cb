package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/overview"
)

// printDetail lists the sub-tasks of the operators that were asked for, and of one
// sub-task its handles.
func (in *inspection) printDetail(o *overview.Overview, streams []overview.Stream) error {
	var operators []overview.Operator
	rows := 0
	for _, op := range o.Operators {
		if !in.match.matches(op.Name, op.UID, op.ID) {
			continue
		}
		op.Rows = in.wantedRows(op.Rows)
		rows += len(op.Rows)
		operators = append(operators, op)
	}
	if in.opts.subtask != anySubtask {
		if rows == 0 {
			return in.subtaskMissing()
		}
		if in.env.Output == TSV {
			return in.printStreams(streams)
		}
	}
	for i, op := range operators {
		if in.opts.subtask != anySubtask && len(op.Rows) == 0 {
			continue
		}
		if err := in.printSubtasks(op, i > 0); err != nil {
			return err
		}
	}
	if in.opts.subtask == anySubtask || len(streams) == 0 {
		return nil
	}
	if _, err := io.WriteString(in.env.Out, "\n"); err != nil {
		return err
	}
	return in.printStreams(streams)
}

func (in *inspection) wantedRows(rows []overview.Subtask) []overview.Subtask {
	var wanted []overview.Subtask
	for _, r := range rows {
		if in.opts.wantsSubtask(r.Index) {
			wanted = append(wanted, r)
		}
	}
	return wanted
}

// printSubtasks lists the sub-tasks of op.
func (in *inspection) printSubtasks(op overview.Operator, behind bool) error {
	env := in.env
	if env.Output == Table {
		if err := in.writeOperator(op, behind); err != nil {
			return err
		}
	}
	by := newBytesTable(env, op.Bytes)
	columns := []column{{title: "SUBTASK", right: true}, {title: "KEY GROUPS"}, {title: "STATE", right: true}}
	columns = append(columns, by.columns()...)
	columns = append(columns, column{title: "FILES", right: true}, column{title: "HOLDS", shrink: true})
	if env.Output == TSV {
		columns = make([]column, 16)
	} else if len(op.Rows) == 0 {
		return nil
	}
	t := env.newTable(columns...)
	for _, s := range op.Rows {
		if err := t.row(in.subtaskCells(op, s, by)...); err != nil {
			return err
		}
	}
	return t.close()
}

func (in *inspection) subtaskCells(op overview.Operator, s overview.Subtask, by *bytesTable) []cell {
	groups, holds := "", strings.Join(s.Kinds.Names(), ",")
	if s.HasGroups {
		groups = s.KeyGroups.String()
	}
	if in.env.Output == TSV {
		row := []cell{text(op.ID.String()), text(op.UID), text(op.Name), number(int64(s.Index)), text(groups), number(s.Sizes.State), number(s.Sizes.Checkpointed)}
		row = append(row, by.cells(s.Bytes)...)
		return append(row, number(int64(s.Refs)), text(holds), text(strings.Join(s.States, ",")), text(fmt.Sprint(s.Finished)))
	}
	switch {
	case s.Finished:
		holds = "finished"
	case len(s.States) > 0:
		holds = strings.TrimSuffix(strings.ReplaceAll(holds, ",", ", "), ", ") + ": " + strings.Join(s.States, ", ")
	}
	row := []cell{number(int64(s.Index)), text(groups), in.env.size(s.Sizes.State)}
	row = append(row, by.cells(s.Bytes)...)
	return append(row, number(int64(s.Refs)), text(holds))
}

// writeOperator is the heading of an operator.
func (in *inspection) writeOperator(op overview.Operator, behind bool) error {
	var b strings.Builder
	if behind {
		b.WriteByte('\n')
	}
	b.WriteString(in.env.paintOut(bold, escape(operatorLabel(op.Name, op.UID, op.ID))) + "\n")
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %s  %s\n", in.env.paintOut(faint, fmt.Sprintf("%-11s", name)), escape(value))
		}
	}
	line("uid", op.UID)
	line("id", op.ID.String())
	line("parallelism", fmt.Sprintf("%d of at most %d", op.Parallelism, op.MaxParallelism))
	line("state", in.env.bytes(op.Sizes.State))
	line("holds", strings.Join(op.Kinds.Names(), ", "))
	if op.FullyFinished {
		line("finished", "yes: it holds no state any more")
	}
	b.WriteByte('\n')
	_, err := io.WriteString(in.env.Out, b.String())
	return err
}

// printStreams lists the streams of one sub-task: the files, and what is inline.
func (in *inspection) printStreams(streams []overview.Stream) error {
	t := in.env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "SLOT"}, column{title: "PART"}, column{title: "NAME", shrink: true},
		column{title: "SCOPE"}, column{title: "SIZE", right: true}, column{title: "PATH", shrink: true})
	for i := range streams {
		s := &streams[i]
		op := s.Operator
		if err := t.row(text(operatorLabel(op.Name.String(), op.UID.String(), op.ID)), text(s.Slot.String()), text(s.Role.String()), text(s.Name.String()),
			text(s.Scope.String()), in.env.size(s.Bytes), text(s.Path)); err != nil {
			return err
		}
	}
	return t.close()
}
