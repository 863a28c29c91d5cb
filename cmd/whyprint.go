package cmd

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/users"
	"github.com/ckpt-tool/ckpt/metadata"
)

func (w *inquiry) print() error {
	switch w.env.Output {
	case JSON:
		return w.printJSON()
	case TSV:
		return w.printTSV()
	}
	for i := range w.answers {
		if i > 0 {
			fmt.Fprintln(w.env.Out)
		}
		if err := w.printTable(&w.answers[i]); err != nil {
			return err
		}
	}
	return nil
}

// printTSV writes a line for each use, and one for a file without any.
func (w *inquiry) printTSV() error {
	t := w.env.newTable(make([]column, 16)...)
	for i := range w.answers {
		f := w.file(&w.answers[i])
		if len(f.UsedBy) == 0 {
			f.UsedBy = []whyUse{{}}
		}
		for _, u := range f.UsedBy {
			err := t.row(text(f.File), text(f.Verdict), text(u.Checkpoint), optional(u.Job), optional(u.Operator), optional(u.UID), optional(u.Name),
				optionalNumber(u.Subtask), optional(u.Slot), optional(u.Part), optional(u.Handle), optional(u.LocalPath), optional(u.KeyGroups),
				optionalNumber(u.StartPos), optionalNumber(u.Size), text(f.Reason))
			if err != nil {
				return err
			}
		}
	}
	return t.close()
}

// printTable shows people one file.
func (w *inquiry) printTable(a *users.Answer) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, w.env.paintOut(bold, escape(a.URL)))
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "  %s  %s\n", w.env.paintOut(faint, fmt.Sprintf("%-9s", name)), w.env.wrap(escape(text), strings.Repeat(" ", 13)))
		}
	}
	line("file", w.facts(a))
	line("lies now", a.At)
	fmt.Fprintf(&b, "  %s  %s\n", w.env.paintOut(faint, "verdict  "), w.env.paintOut(classStyle(a.Class), a.Class.String()))
	line("because", w.because(a))
	line("contents", w.contents(a))
	line("managed", w.managed(a))
	line("looked", w.looked(a))
	if len(a.Uses) > 0 {
		fmt.Fprintln(&b)
	}
	if _, err := io.Copy(w.env.Out, &b); err != nil || len(a.Uses) == 0 {
		return err
	}
	return w.printUses(a)
}

// facts are size and age.
func (w *inquiry) facts(a *users.Answer) string {
	switch {
	case a.Directory:
		return "a directory"
	case !a.Within:
		return "not below where was looked"
	case !a.Exists:
		return "there is none"
	case a.Modified.IsZero():
		return w.env.bytes(a.Size)
	}
	return fmt.Sprintf("%s, changed %s ago (%s)", w.env.bytes(a.Size), humanAge(w.env.Now().Sub(a.Modified)), a.Modified.UTC().Format(time.RFC3339))
}

func classStyle(c usage.Class) style {
	return [...]style{usage.Referenced: green, usage.Orphan: red, usage.InFlight: yellow, usage.Unknown: yellow}[c]
}

// because is the reason, or how many snapshots use the file.
func (w *inquiry) because(a *users.Answer) string {
	if len(a.Uses) == 0 {
		return a.Reason
	}
	snapshots, jobs := map[*layout.Node]bool{}, map[string]bool{}
	for _, u := range a.Uses {
		snapshots[u.Node] = true
		jobs[u.Node.JobPrefix()] = true
	}
	delete(jobs, "")
	text := plural(len(snapshots), "snapshot")
	if len(snapshots) == 1 {
		text += " uses it"
	} else {
		text += " use it"
	}
	if len(jobs) > 1 {
		text += fmt.Sprintf(", of %d jobs", len(jobs))
	}
	if a.Reason != "" {
		text = a.Reason + ": " + text
	}
	return text
}

// contents are the files in a directory.
func (w *inquiry) contents(a *users.Answer) string {
	var parts []string
	for c, n := range a.Contents {
		if n.Files > 0 {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", plural(n.Files, "file"), usage.Class(c), w.env.bytes(n.Bytes)))
		}
	}
	return strings.Join(parts, ", ")
}

// mostManagers is how many checkpoints a line names.
const mostManagers = 3

// managed names the checkpoints that have Flink delete the directory.
func (w *inquiry) managed(a *users.Answer) string {
	var names []string
	for _, n := range a.Managed {
		names = append(names, w.short(n))
	}
	if more := len(names) - mostManagers; more > 0 {
		names = append(names[:mostManagers], fmt.Sprintf("%d more", more))
	}
	if len(names) == 0 {
		return ""
	}
	return "a directory of merged files, which Flink deletes as a whole when nothing names it any more: " + strings.Join(names, ", ")
}

func (w *inquiry) looked(a *users.Answer) string {
	text := fmt.Sprintf("at %s below %s", plural(len(w.graph.Nodes), "checkpoint or savepoint"), strings.Join(w.roots(), " and "))
	if len(w.graph.Nodes) != 1 {
		text = fmt.Sprintf("at %d checkpoints and savepoints below %s", len(w.graph.Nodes), strings.Join(w.roots(), " and "))
	}
	if n := len(a.Doubts); n > 0 && len(a.Uses) > 0 {
		text += fmt.Sprintf("; %d could not be read, and may use it as well", n)
	}
	return text
}

// short is a snapshot's place below the root, where there is but one.
func (w *inquiry) short(n *layout.Node) string {
	if len(w.graph.Trees) == 1 && n.Dir != "" {
		return n.Dir
	}
	return n.URL()
}

// whyColumns are what people see of a use.
var whyColumns = []struct {
	column
	cell  func(*inquiry, *users.Use) cell
	shown func(*users.Answer) bool // nil for always
}{
	{column: column{title: "CHECKPOINT", shrink: true}, cell: func(w *inquiry, u *users.Use) cell { return text(w.short(u.Node)) }},
	{column: column{title: "OPERATOR", shrink: true}, cell: operatorCell},
	{column: column{title: "SUBTASK", right: true}, cell: subtaskCell, shown: isFile},
	{column: column{title: "AS"}, cell: func(_ *inquiry, u *users.Use) cell { return text(as(u)) }},
	{column: column{title: "GROUPS", right: true}, cell: groupsCell, shown: anyUse(func(u *users.Use) bool { return u.KeyGroups != nil })},
	{column: column{title: "PART"}, cell: func(_ *inquiry, u *users.Use) cell { return text(part(u)) }, shown: anyUse(func(u *users.Use) bool { return part(u) != "" })},
	{column: column{title: "REFERENCES", right: true}, cell: func(_ *inquiry, u *users.Use) cell { return number(int64(u.References)) }, shown: func(a *users.Answer) bool { return !isFile(a) }},
}

func isFile(a *users.Answer) bool { return !a.Directory }

// anyUse shows a column of a file's uses where one of them has something there.
func anyUse(has func(*users.Use) bool) func(*users.Answer) bool {
	return func(a *users.Answer) bool {
		return isFile(a) && slices.ContainsFunc(a.Uses, func(u users.Use) bool { return has(&u) })
	}
}

// printUses lists who uses the file.
func (w *inquiry) printUses(a *users.Answer) error {
	shown := whyColumns[:0:0]
	var columns []column
	for _, c := range whyColumns {
		if c.shown == nil || c.shown(a) {
			shown, columns = append(shown, c), append(columns, c.column)
		}
	}
	t := w.env.newTable(columns...)
	for i := range a.Uses {
		var row []cell
		for _, c := range shown {
			row = append(row, c.cell(w, &a.Uses[i]))
		}
		if err := t.row(row...); err != nil {
			return err
		}
	}
	return t.close()
}

func operatorCell(_ *inquiry, u *users.Use) cell {
	if u.Metadata {
		return text("")
	}
	return text(operatorLabel(u.Name, u.UID, u.Operator))
}

func subtaskCell(_ *inquiry, u *users.Use) cell {
	if u.Subtask < 0 {
		return text("")
	}
	return number(int64(u.Subtask))
}

func groupsCell(_ *inquiry, u *users.Use) cell {
	if u.KeyGroups == nil {
		return text("")
	}
	return text(u.KeyGroups.String())
}

// as says what the file is to the snapshot.
func as(u *users.Use) string {
	switch {
	case u.Metadata:
		return "its " + layout.MetadataName
	case u.Role == metadata.Delegate:
		return u.Slot.String()
	}
	return strings.TrimSpace(u.Slot.String() + " " + u.Role.String())
}

// part is which file of a database it is, or which part of the file is used.
func part(u *users.Use) string {
	words := []string{u.File}
	if s := u.Segment; s != nil {
		words = append(words, fmt.Sprintf("bytes %d-%d", s.Start, s.End))
	}
	if u.Offset != nil {
		words = append(words, fmt.Sprintf("from byte %d", *u.Offset))
	}
	return strings.TrimSpace(strings.Join(words, " "))
}
