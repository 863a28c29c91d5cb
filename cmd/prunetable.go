package cmd

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// pruneTable is the plan for people, and what became of it.
type pruneTable struct {
	*pruneRun
	out bytes.Buffer // of lines that are no table
}

func (t *pruneTable) line(format string, args ...any) {
	fmt.Fprintf(&t.out, format+"\n", args...)
}

// flush writes the lines so far.
func (t *pruneTable) flush() error {
	_, err := io.Copy(t.env.Out, &t.out)
	return err
}

func (t *pruneTable) title(format string, args ...any) {
	t.line("%s", t.env.paintOut(bold, fmt.Sprintf(format, args...)))
}

func (t *pruneTable) plan() error {
	for _, part := range []func() error{t.head, t.goes, t.files, t.stays, t.guards, t.missing, t.remarksOf, t.totals} {
		if err := part(); err != nil {
			return err
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}

// head tells what the plan rests on.
func (t *pruneTable) head() error {
	t.line("%s", t.looked(t.env))
	t.line("")
	return nil
}

// goes lists what goes, by job.
func (t *pruneTable) goes() error {
	if t.made.Stopped() {
		t.line("%s", t.env.paintOut(red, "Nothing may be deleted: see the guards below"))
		t.line("")
		return nil
	}
	if len(t.made.Batches) == 0 {
		t.title("Nothing goes")
		t.line("")
		return nil
	}
	t.title("Goes")
	if err := t.flush(); err != nil {
		return err
	}
	table := t.env.newTable(column{title: "NAME", shrink: true}, column{title: "FREES", right: true}, column{title: "FILES", right: true},
		column{title: "AGE", right: true}, column{title: "WHY", shrink: true})
	for i := range t.made.Batches {
		for _, row := range t.batch(&t.made.Batches[i]) {
			if err := table.row(row...); err != nil {
				return err
			}
		}
	}
	t.line("")
	return table.close()
}

// batch are the rows of what goes of a job.
func (t *pruneTable) batch(b *prune.Batch) [][]cell {
	var rows [][]cell
	files, whole, dirs := 0, int64(0), len(b.Dirs)
	add := func(name string, items []prune.Item, age cell, why string) {
		n := t.bytesOf(items)
		files, whole = files+len(items), whole+n
		rows = append(rows, []cell{text(name), t.env.size(n), number(int64(len(items))), age, text(why)})
	}
	for _, s := range b.Snapshots {
		n := &t.graph.Nodes[s.Node]
		dirs += len(s.Dirs)
		add(t.short(n, b), s.Files, t.env.age(n.Modified()), s.Reason)
	}
	for _, group := range []struct {
		name  string
		items []prune.Item
	}{{"shared files", b.Shared}, {"orphans", b.Orphans}} {
		for why := prune.ByPolicy; why <= prune.AsBegun; why++ {
			if items := because(group.items, why); len(items) > 0 {
				add(groupName(group.name, why), items, cell{}, reasonOf[why])
			}
		}
	}
	if dirs > 0 {
		rows = append(rows, []cell{text(directories(dirs)), {}, {}, {}, text("once empty")})
	}
	for i := range rows {
		mark := "├ "
		if i == len(rows)-1 {
			mark = "└ "
		}
		rows[i][0].human = mark + rows[i][0].human
	}
	name := text("of no job")
	if b.HasJob {
		name = text(b.Job.String())
	}
	head := []cell{name.in(bold), t.env.size(whole).in(bold), number(int64(files)), {}, {}}
	return append([][]cell{head}, rows...)
}

func groupName(name string, why prune.Why) string {
	switch why {
	case prune.AsLeftover:
		return "leftovers"
	case prune.AsBegun:
		return "unfinished"
	}
	return name
}

func directories(n int) string {
	if n == 1 {
		return "1 directory"
	}
	return fmt.Sprintf("%d directories", n)
}

// because are the items of one reason.
func because(items []prune.Item, why prune.Why) (of []prune.Item) {
	for _, item := range items {
		if item.Why == why {
			of = append(of, item)
		}
	}
	return of
}

func (t *pruneTable) bytesOf(items []prune.Item) (n int64) {
	for _, item := range items {
		n += t.graph.Size(item.Object)
	}
	return n
}

// short is what the path of a snapshot adds to the id of its job.
func (t *pruneTable) short(n *layout.Node, b *prune.Batch) string {
	name := t.place(n)
	if b.HasJob {
		name = strings.TrimPrefix(name, b.Job.String()+"/")
	}
	return name
}

// files lists each file that goes, where that was asked for.
func (t *pruneTable) files() error {
	if !t.apply.list && !t.env.Verbose || t.made.Totals.DeleteObjects == 0 {
		return nil
	}
	table := t.env.newTable(column{title: "FILE", shrink: true}, column{title: "SIZE", right: true}, column{title: "WHY"})
	for d := range t.deletions {
		name := d.Path
		if d.Root != "" {
			name = layout.Join(d.Root, d.Path)
		}
		if err := table.row(text(name), t.env.size(d.Bytes), text(d.Reason)); err != nil {
			return err
		}
	}
	t.line("")
	return table.close()
}

// shown are the snapshots that stay; of rm only those that were to go.
func (t *pruneTable) shown() (kept []prune.Kept) {
	if t.command != commandRm {
		return t.made.Kept
	}
	for _, k := range t.made.Kept {
		if slices.Contains(t.asked, t.graph.Nodes[k.Node].URL()) {
			kept = append(kept, k)
		}
	}
	return kept
}

// mostAlike is how many snapshots that stay for the same reason a table names.
const mostAlike = 20

// stays lists the snapshots that stay, by reason.
func (t *pruneTable) stays() error {
	var reasons []string
	of := map[string][]*layout.Node{}
	for _, k := range t.shown() {
		reason := t.reason(k)
		if of[reason] == nil {
			reasons = append(reasons, reason)
		}
		of[reason] = append(of[reason], &t.graph.Nodes[k.Node])
	}
	if len(reasons) == 0 {
		return nil
	}
	t.title("Stays")
	for _, reason := range reasons {
		t.line("  %s", t.env.wrap(escape(orDash(reason)), "  "))
		for i, n := range of[reason] {
			if i == mostAlike && !t.env.Verbose {
				t.line("    %s", t.env.paintOut(faint, fmt.Sprintf("and %d more: -v lists all", len(of[reason])-i)))
				break
			}
			t.line("    %s", t.named(n))
		}
	}
	t.line("")
	return nil
}

// named is a snapshot that stays, with its state and age.
func (t *pruneTable) named(n *layout.Node) string {
	name := t.place(n)
	if t.several(n.Tree) != "" {
		name = n.URL()
	}
	name = escape(name)
	if n.State != layout.Complete {
		name += " (" + string(n.State) + ")"
	}
	return name + t.env.paintOut(faint, "  "+t.env.age(n.Modified()).human)
}

// outcomeStyle is how an outcome looks.
var outcomeStyle = map[prune.Outcome]style{prune.Passed: green, prune.Hold: yellow, prune.StopJob: yellow, prune.StopAll: red}

// guards tells of those that have kept something; with -v of all.
func (t *pruneTable) guards() error {
	first := true
	for _, g := range t.made.Guards {
		if g.Outcome == prune.Passed && !t.env.Verbose {
			continue
		}
		if first {
			t.title("Guards")
			first = false
		}
		count := ""
		if g.Count > 1 {
			count = fmt.Sprintf(" (%d)", g.Count)
		}
		t.line("  %s  %s%s", t.env.paintOut(outcomeStyle[g.Outcome], fmt.Sprintf("%-8s", g.Outcome)), g.Name, count)
		message := g.Message
		if message == "" {
			message = g.Text
		}
		t.line("            %s", t.env.wrap(escape(message), "            "))
	}
	if !first {
		t.line("")
	}
	return nil
}

// mostMissing is how many hints a table has.
const mostMissing = 5

// missing tells which evidence would let more go.
func (t *pruneTable) missing() error {
	m := t.evidenceMissing()
	all := m.hints()
	if len(all) == 0 {
		return nil
	}
	t.title("More could go, if it were known")
	for i, hint := range all {
		if i == mostMissing && !t.env.Verbose {
			t.line("  and %d more", len(all)-i)
			break
		}
		t.line("  %s", t.env.wrap(escape(hint), "  "))
	}
	if t.env.Verbose && len(m.jobs) > 1 {
		for _, job := range m.jobs {
			t.line("    %s", job)
		}
	}
	t.line("")
	return nil
}

// remarksOf are the notes.
func (t *pruneTable) remarksOf() error {
	notes := t.tail().Notes
	for _, n := range notes {
		t.line("%s", t.env.wrap("note: "+escape(n), "  "))
	}
	if len(notes) > 0 {
		t.line("")
	}
	return nil
}

// totals sum up the plan, and say how to execute it.
func (t *pruneTable) totals() error {
	x := t.made.Totals
	t.line("goes   %s in %s, with %s", t.env.bytes(x.DeleteBytes), plural(x.DeleteObjects, "file"), plural(x.Snapshots, "checkpoint"))
	t.line("stays  %s in %s", t.env.bytes(x.KeepBytes), plural(x.KeepObjects, "file"))
	if x.HeldObjects > 0 {
		t.line("       %s in %s of these are held by guards", t.env.bytes(x.HeldBytes), plural(x.HeldObjects, "file"))
	}
	if t.command == commandPrune && !t.policy.Deletes() {
		t.line("%s", t.env.wrap("No rule was given: only orphans, leftovers and empty directories go; --keep-last N and others let checkpoints go.", ""))
	}
	switch {
	case t.made.Stopped() || len(t.made.Batches) == 0 || t.apply.deletes():
	case t.apply.dryRun:
		t.line("Nothing was deleted (--dry-run).")
	default:
		t.line("Nothing was deleted. Add --apply to do it.")
	}
	return nil
}

// close tells what was deleted.
func (t *pruneTable) close() error {
	x := t.executed
	if x == nil {
		return nil
	}
	t.line("")
	t.title("%s: %s in %s, %s", t.did(), t.env.bytes(x.Bytes), plural(x.Objects, "file"), directories(x.Dirs))
	if t.apply.trash != "" && x.Run != "" {
		t.line("%s", t.env.wrap("ckpt prune restore --trash "+t.apply.trash+" "+x.Run+" brings them back", "  "))
	}
	some, more := t.stayed.most(t.env.Verbose)
	for _, f := range some {
		t.line("  %s %s", t.env.paintOut(red, f.word()+":"), t.env.wrapAfter(len(f.word())+4, escape(f.text()), "    "))
	}
	if more > 0 {
		t.line("  and for %d other reasons: -v tells all", more)
	}
	if x.Untried > 0 {
		t.line("  not tried: %s; the next run ends what was begun", plural(x.Untried, "object"))
	}
	return t.flush()
}
