package cmd

import (
	"bufio"
	"bytes"
	"fmt"

	"github.com/ckpt-tool/ckpt/layout/prune"
)

// pruneOutput is a form of output.
type pruneOutput interface {
	plan() error  // before anything is deleted
	close() error // after
}

// output is the form that was asked for. Who calls ckpt from cron has asked for none.
func (r *pruneRun) output() pruneOutput {
	unasked := !r.env.OutTerminal && !r.explicit
	switch {
	case r.env.Output == JSON:
		return &pruneJSON{pruneRun: r}
	case r.env.Quiet && !r.explicit:
		return &pruneSummary{r}
	case unasked && r.apply.deletes() && !r.env.Verbose:
		return &pruneSummary{r}
	case r.env.Output == TSV:
		return &pruneTSV{r}
	}
	return &pruneTable{pruneRun: r}
}

// pruneSummary is a line for the log of cron.
type pruneSummary struct{ *pruneRun }

func (s *pruneSummary) plan() error { return nil }

func (s *pruneSummary) close() error {
	if s.env.Quiet || s.made.Stopped() || s.executed == nil {
		return nil
	}
	_, err := fmt.Fprintln(s.env.Out, s.summary())
	return err
}

// did is what becomes of files.
func (r *pruneRun) did() string {
	if r.apply.trash != "" {
		return "moved to the trash"
	}
	return "deleted"
}

// pruneTSV has a line for each file that goes.
type pruneTSV struct{ *pruneRun }

func (t *pruneTSV) plan() error {
	table := t.env.newTable(make([]column, 6)...)
	for d := range t.deletions {
		if err := table.row(text(d.Path), number(d.Bytes), text(d.Reason), optional(d.Job), optional(d.Checkpoint), text(d.Root)); err != nil {
			return err
		}
	}
	return table.close()
}

func (t *pruneTSV) close() error { return nil }

// pruneJSON writes the document piece by piece.
type pruneJSON struct {
	*pruneRun
	w *bufio.Writer
}

func (j *pruneJSON) plan() error {
	j.w = bufio.NewWriterSize(j.env.Out, 64<<10)
	head, err := marshal(j.head(), "  ")
	if err != nil {
		return err
	}
	j.w.Write(bytes.TrimSuffix(head, []byte("\n}\n")))
	err = j.list("delete", func(yield func(any) bool) {
		for d := range j.deletions {
			if !yield(d) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	err = j.list("keep", func(yield func(any) bool) {
		for _, k := range j.made.Kept {
			if !yield(j.staying(k)) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return j.w.Flush() // who cannot be told does not want it to be done
}

// list writes a field with a list.
func (j *pruneJSON) list(name string, items func(yield func(any) bool)) error {
	fmt.Fprintf(j.w, ",\n  %q: [", name)
	comma := ""
	for item := range items {
		b, err := marshal(item, "")
		if err != nil {
			return err
		}
		j.w.WriteString(comma + "\n    ")
		if _, err := j.w.Write(bytes.TrimSpace(b)); err != nil {
			return err
		}
		comma = ","
	}
	if comma != "" {
		j.w.WriteString("\n  ")
	}
	_, err := j.w.WriteString("]")
	return err
}

func (j *pruneJSON) close() error {
	tail, err := marshal(j.tail(), "  ")
	if err != nil {
		return err
	}
	j.w.WriteByte(',')
	j.w.Write(bytes.TrimPrefix(tail, []byte("{")))
	return j.w.Flush()
}

// reasonOf is why files go, for people, who have 80 columns.
var reasonOf = map[prune.Why]string{
	prune.AsOrphan:   "nothing uses them",
	prune.AsLeftover: "never completed",
	prune.AsBegun:    "a killed run began it",
	prune.ByPolicy:   "used by nothing else",
	prune.ByName:     "used by nothing else",
}
