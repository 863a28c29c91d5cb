package cmd

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/layout"
)

// mostDoubts is how many doubts a table names.
const mostDoubts = 5

// reasons says why snapshots are in their state, as ls does.
func (t *duTable) reasons() error {
	var entries []lsEntry
	byTail := 0
	for _, n := range t.nodes {
		node := &t.used.Graph.Nodes[n]
		entries = append(entries, newLsEntry(node.Entry))
		byTail += node.ByTail
	}
	if err := (&listing{env: t.env}).printReasons(entries); err != nil {
		return err
	}
	if byTail > 0 {
		t.line("\n%s", t.env.wrap(fmt.Sprintf("%s to files that were found by the end of the path: the tree has been copied", plural(byTail, "reference")), ""))
	}
	return t.flush()
}

// orphanList lists the biggest, or all.
func (t *duTable) orphanList() error {
	most := t.opts.top
	if t.opts.orphans {
		most = 0
	}
	var shown []layout.ObjectID
	n, bytes := 0, int64(0)
	for id := range t.diskUsage.orphans {
		if n++; most == 0 || n <= most {
			shown = append(shown, id)
		}
		bytes += t.used.Graph.Size(id)
	}
	if n == 0 {
		return nil
	}
	t.line("\n%s", t.env.paintOut(bold, fmt.Sprintf("%s, %s: nothing uses them", plural(n, "orphan"), t.env.bytes(bytes))))
	if err := t.flush(); err != nil {
		return err
	}
	table := t.env.newTable(column{title: "PATH", shrink: true}, column{title: "SIZE", right: true}, column{title: "AGE", right: true})
	for _, id := range shown {
		o := t.orphan(id)
		if err := table.row(text(o.Path), t.env.size(o.Bytes), t.env.age(*o.Modified)); err != nil {
			return err
		}
	}
	if err := table.close(); err != nil {
		return err
	}
	if n > len(shown) {
		t.line("and %d more: --orphans lists all", n-len(shown))
	}
	return nil
}

// doubts says what could not be read, unless the reasons of snapshots have said it.
func (t *duTable) doubts() {
	all := t.used.Doubts
	if len(all) == 0 {
		return
	}
	t.line("\n%s", t.env.paintOut(yellow, t.env.wrap("not everything could be read, so no unused file is called an orphan", "")))
	said := 0
	for _, n := range t.nodes {
		if !t.used.Graph.Nodes[n].Followed() && t.used.Graph.Nodes[n].Err != nil {
			said++
		}
	}
	if said == len(all) {
		return
	}
	for i, err := range all {
		if i == mostDoubts && !t.env.Verbose {
			t.line("  and %d more", len(all)-i)
			return
		}
		t.line("  %s", t.env.wrap(escape(err.Error()), "  "))
	}
}

// deletion says what deleting a set would free.
func (t *duTable) deletion() error {
	x := t.report.IfDeleted
	if x == nil {
		return nil
	}
	what := fmt.Sprintf("these %d", len(x.Checkpoints))
	if len(x.Checkpoints) == 1 {
		what = x.Checkpoints[0].Path
	}
	t.line("\n%s", t.env.paintOut(bold, fmt.Sprintf("If %s were deleted", escape(what))))
	t.line("  freed  %s in %s", t.env.bytes(x.Bytes), plural(int(x.Files), "file"))
	t.line("  kept   %s in %s that others use", t.env.bytes(x.KeptBytes), plural(int(x.KeptFiles), "file"))
	for _, note := range x.Notes {
		t.line("  %s", t.env.wrap("note: "+escape(note), "  "))
	}
	if len(x.HeldBy) == 0 {
		return nil
	}
	t.line("")
	if err := t.flush(); err != nil {
		return err
	}
	table := t.env.newTable(column{title: "KEPT FOR", shrink: true}, column{title: "FILES", right: true}, column{title: "BYTES", right: true})
	for i, h := range x.HeldBy {
		if t.opts.top > 0 && i == t.opts.top {
			if err := table.row(text(fmt.Sprintf("and %d more", len(x.HeldBy)-i)).in(faint), cell{}, cell{}); err != nil {
				return err
			}
			break
		}
		if err := table.row(text(h.where()), number(h.Files), t.env.size(h.Bytes)); err != nil {
			return err
		}
	}
	return table.close()
}
