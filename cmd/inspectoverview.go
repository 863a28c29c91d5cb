package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/overview"
	"github.com/ckpt-tool/ckpt/metadata"
)

// printOverview shows the checkpoint and its operators, or the sub-tasks of those that
// were asked for.
func (in *inspection) printOverview(ctx context.Context) error {
	detail := in.match.any() || in.opts.subtask != anySubtask
	opts := overview.Options{}
	var streams []overview.Stream
	if detail {
		opts.Rows = in.match.operator
	}
	if in.opts.subtask != anySubtask {
		opts.Streams = func(s *overview.Stream) error {
			if s.Subtask != nil && in.opts.wantsSubtask(s.Subtask.Index) && in.match.operator(s.Operator) {
				streams = append(streams, *s)
			}
			return nil
		}
	}
	o, content, err := in.overview(ctx, opts)
	if err != nil {
		return err
	}
	if err := in.match.missing(in.target.URL()); err != nil {
		return err
	}
	if detail {
		return in.printDetail(o, streams)
	}
	if in.env.Output == Table {
		if err := in.writeHead(o, content); err != nil {
			return err
		}
	}
	if err := in.printOperators(o); err != nil {
		return err
	}
	if in.env.Output == Table {
		return in.writeUnusual(o)
	}
	for _, f := range o.Findings {
		in.env.Log.Warn(f.Message, "code", f.Code)
	}
	return nil
}

// writeHead says what the checkpoint is.
func (in *inspection) writeHead(o *overview.Overview, content *layout.Content) error {
	env := in.env
	kind, what := in.kind(o)
	title := fmt.Sprintf("%s %d", kind, o.ID)
	if job := in.job(); job != "" {
		title += " of job " + job
	}
	var b bytes.Buffer
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %s  %s\n", env.paintOut(faint, fmt.Sprintf("%-14s", name)), env.wrap(escape(text), strings.Repeat(" ", 18)))
		}
	}
	fmt.Fprintln(&b, env.paintOut(bold, title))
	line("path", in.target.URL())
	line("type", what)
	line("completed", in.completed(content.Modified))
	line("written by", fmt.Sprintf("Flink %s (metadata version %d)", o.Writers, o.Version))
	line("read by", fmt.Sprintf("Flink %s", o.Readers))
	line("deleted", retention(o.Properties))
	line("state", fmt.Sprintf("%s in %s, %s of it written by this %s", env.bytes(o.Sizes.State),
		plural(len(o.Operators), "operator"), env.bytes(o.Sizes.Checkpointed), kind))
	line("_metadata", env.bytes(content.Size))
	if o.MasterStates > 0 {
		line("master states", fmt.Sprint(o.MasterStates))
	}
	line("self-contained", in.selfContained(o))
	line("relocatable", in.relocatable(o))
	fmt.Fprintln(&b)
	_, err := io.Copy(env.Out, &b)
	return err
}

// kind is "checkpoint" or "savepoint", and what else is known of its type. Below
// version 4 nothing but the name and the form of the state tells.
func (in *inspection) kind(o *overview.Overview) (kind, what string) {
	if p := o.Properties; p != nil && p.Type.Class != "" {
		if !p.Type.IsSavepoint() {
			return "checkpoint", p.Type.Name + map[string]string{"FORWARD": ", shares nothing with older ones", "FORWARD_BACKWARD": ""}[p.Type.Sharing]
		}
		return "savepoint", fmt.Sprintf("%s, %s form%s", p.Type.Name, strings.ToLower(p.Type.Format), map[bool]string{true: ", forced"}[p.Forced])
	}
	_, numbered := layout.ParseCheckpointDir(baseName(in.target.URL()))
	switch {
	case o.Canonical:
		return "savepoint", "canonical form, as its keyed state shows"
	case numbered:
		return "checkpoint", "by its name; this version of _metadata does not say"
	}
	return "snapshot", "checkpoint or savepoint: neither name nor _metadata says"
}

func baseName(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

func (in *inspection) completed(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s ago (%s, time of _metadata)", humanAge(in.env.Now().Sub(t)), t.UTC().Format(time.RFC3339))
}

// retention says in words what Flink does with a checkpoint when.
func retention(p *metadata.Properties) string {
	if p == nil || !p.Understood {
		return ""
	}
	var gone []string
	for _, c := range []struct {
		is   bool
		when string
	}{{p.DiscardSubsumed, "subsumed"}, {p.DiscardFinished, "finished"}, {p.DiscardCancelled, "cancelled"},
		{p.DiscardFailed, "failed"}, {p.DiscardSuspended, "suspended"}} {
		if c.is {
			gone = append(gone, c.when)
		}
	}
	text := "never, by its job"
	switch {
	case len(gone) == 1 && p.DiscardSubsumed:
		text = "when subsumed by newer ones"
	case p.DiscardSubsumed:
		text = "when subsumed by newer ones, or the job is " + orList(gone[1:])
	case len(gone) > 0:
		text = "when the job is " + orList(gone)
	}
	if p.Unclaimed {
		text += "; not owned by the job that restored it"
	}
	return text
}

func (in *inspection) selfContained(o *overview.Overview) string {
	switch {
	case o.SelfContained():
		return "yes: all it refers to lies in its own directory"
	case o.Refs.Beside.Refs == 0:
		return "no: it names directories of merged files"
	}
	return fmt.Sprintf("no: %s to files beside its directory", plural(o.Refs.Beside.Refs, "reference"))
}

func (in *inspection) relocatable(o *overview.Overview) string {
	switch {
	case o.Relocatable():
		return "yes: no absolute paths"
	case o.Refs.Absolute.Refs > 0:
		return fmt.Sprintf("no: %s", plural(o.Refs.Absolute.Refs, "absolute path"))
	}
	return "no: it names directories by absolute paths"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// bytesColumns are the places of bytes in the order of the columns.
var bytesColumns = []struct {
	title string
	of    func(overview.Bytes) int64
}{
	{"INLINE", func(b overview.Bytes) int64 { return b.Inline }},
	{"EXCLUSIVE", func(b overview.Bytes) int64 { return b.Exclusive }},
	{"SHARED", func(b overview.Bytes) int64 { return b.Shared }},
	{"TASKOWNED", func(b overview.Bytes) int64 { return b.TaskOwned }},
	{"ELSEWHERE", func(b overview.Bytes) int64 { return b.Elsewhere }},
}

// bytesTable adds the columns of bytes to a table. People see those in which there is anything.
type bytesTable struct {
	env   *Env
	shown []int
}

func newBytesTable(env *Env, total overview.Bytes) *bytesTable {
	b := &bytesTable{env: env}
	for i, c := range bytesColumns {
		if env.Output == TSV || c.of(total) != 0 {
			b.shown = append(b.shown, i)
		}
	}
	return b
}

func (b *bytesTable) columns() []column {
	var out []column
	for _, i := range b.shown {
		out = append(out, column{title: bytesColumns[i].title, right: true})
	}
	return out
}

func (b *bytesTable) cells(v overview.Bytes) []cell {
	var out []cell
	for _, i := range b.shown {
		out = append(out, b.env.size(bytesColumns[i].of(v)))
	}
	return out
}

// printOperators lists the operators.
func (in *inspection) printOperators(o *overview.Overview) error {
	env := in.env
	by := newBytesTable(env, o.Bytes)
	if env.Output == TSV {
		t := env.newTable(make([]column, 16)...)
		for _, op := range o.Operators {
			row := []cell{text(op.ID.String()), text(op.UID), text(op.Name), number(int64(op.Parallelism)), number(int64(op.MaxParallelism)),
				number(op.Sizes.State), number(op.Sizes.Checkpointed)}
			row = append(row, by.cells(op.Bytes)...)
			row = append(row, number(int64(op.Refs)), text(strings.Join(op.Kinds.Names(), ",")), text(fmt.Sprint(op.FullyFinished)), number(int64(op.Finished)))
			if err := t.row(row...); err != nil {
				return err
			}
		}
		return t.close()
	}
	named := slices.ContainsFunc(o.Operators, func(op overview.Operator) bool { return op.Name != "" || op.UID != "" })
	columns := []column{{title: "ID", shrink: true}, {title: "PAR/MAX", right: true}, {title: "STATE", right: true}}
	if named {
		columns = append([]column{{title: "NAME", shrink: true}, {title: "UID", shrink: true}}, columns...)
	}
	t := env.newTable(append(columns, by.columns()...)...)
	for _, op := range o.Operators {
		row := []cell{text(op.ID.String()).in(faint), text(fmt.Sprintf("%d/%d", op.Parallelism, op.MaxParallelism)), env.size(op.Sizes.State)}
		if named {
			row = append([]cell{text(op.Name), text(op.UID)}, row...)
		}
		if err := t.row(append(row, by.cells(op.Bytes)...)...); err != nil {
			return err
		}
	}
	return t.close()
}

// mostUnusual is how many lines are shown without -v.
const mostUnusual = 20

// writeUnusual lists what one should know before doing anything with the checkpoint.
func (in *inspection) writeUnusual(o *overview.Overview) error {
	lines := unusual(in.env, o, in.target.Store.URL())
	if len(lines) == 0 {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%s\n", in.env.paintOut(bold, "unusual"))
	for i, l := range lines {
		if i == mostUnusual && !in.env.Verbose {
			fmt.Fprintf(&b, "  and %d more, which -v lists\n", len(lines)-i)
			break
		}
		fmt.Fprintf(&b, "  %s\n", in.env.wrap(escape(l), "    "))
	}
	_, err := io.Copy(in.env.Out, &b)
	return err
}

func sortedJobs(jobs map[layout.JobID]overview.Part) []layout.JobID {
	return slices.SortedFunc(maps.Keys(jobs), func(a, b layout.JobID) int { return bytes.Compare(a[:], b[:]) })
}

func unusual(env *Env, o *overview.Overview, root string) []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, op := range o.Operators {
		label := operatorLabel(op.Name, op.UID, op.ID)
		switch {
		case op.FullyFinished:
			add("%s has finished: it holds no state any more", label)
		case op.Finished > 0:
			add("%s has finished in %d of %s", label, op.Finished, plural(op.Subtasks, "sub-task"))
		}
		if op.Kinds&overview.ChannelState != 0 {
			add("%s has in-flight data: an unaligned checkpoint", label)
		}
	}
	size := func(p overview.Part) string {
		return fmt.Sprintf("%s (%s)", plural(p.Refs, "reference"), env.bytes(p.Bytes))
	}
	for _, id := range sortedJobs(o.OtherJobs) {
		add("%s to files of another job, %s: it was restored from that job and still needs them", size(o.OtherJobs[id]), id)
	}
	if o.Refs.Outside.Refs > 0 {
		add("%s to files that are not found below %s, such as %s", size(o.Refs.Outside), root, o.Refs.Example)
	}
	if o.Refs.Unasked.Refs > 0 {
		add("%s to files outside of %s that were not looked for: they lie in too many places, as with entropy", size(o.Refs.Unasked), root)
	}
	if o.Refs.ByTail.Refs > 0 {
		add("%s to be looked for below %s, by the end of the path: the tree has been copied", size(o.Refs.ByTail), root)
	}
	if o.Refs.Mapped.Refs > 0 {
		add("%s to be looked for where --map says", size(o.Refs.Mapped))
	}
	if o.Refs.Merging > 0 {
		add("its files are merged: parts of them may belong to other checkpoints")
	}
	for _, f := range o.Findings {
		where := ""
		if f.Operator != (metadata.OperatorID{}) {
			where = "operator " + f.Operator.String() + ": "
		}
		if f.Subtask >= 0 {
			where += fmt.Sprintf("sub-task %d: ", f.Subtask)
		}
		add("%s%s", where, f.Message)
	}
	return lines
}
