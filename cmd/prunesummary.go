package cmd

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/layout/prune"
)

// summary is all that matters in one line: what was done, and what was not, and why.
func (r *pruneRun) summary() string {
	x, t := r.executed, r.made.Totals
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s %s, %s, of %s", escape(strings.Join(r.placesOf(prune.Swept), " ")), r.did(), plural(x.Objects, "file"), r.env.bytes(x.Bytes), plural(t.Snapshots, "checkpoint"))
	fmt.Fprintf(&b, "; kept %s", plural(len(r.made.Kept), "checkpoint"))
	b.WriteString(r.stoppedJobs() + r.heldObjects())
	for _, note := range r.made.Notes {
		if strings.Contains(note, "--max-bytes") {
			b.WriteString("; " + escape(note))
		}
	}
	if n := x.Failed + x.Left; n > 0 {
		fmt.Fprintf(&b, "; %s not deleted", plural(n, "file"))
	}
	if x.Untried > 0 {
		fmt.Fprintf(&b, "; %s not tried: the next run ends what was begun", plural(x.Untried, "object"))
	}
	return b.String()
}

// stoppedJobs says of which jobs nothing goes, and why.
func (r *pruneRun) stoppedJobs() string {
	s, jobs := "", len(r.evidenceMissing().jobs)
	for _, g := range r.made.Guards {
		switch {
		case g.Outcome != prune.StopJob:
		case g.Name == prune.GuardState && jobs == 0:
			s += fmt.Sprintf("; %s of jobs that live, or may, stayed (%s)", plural(g.Count, "checkpoint"), g.Name)
		case g.Name == prune.GuardState && jobs == 1:
			s += fmt.Sprintf("; stopped 1 job: no evidence that it has ended (%s)", g.Name)
		case g.Name == prune.GuardState:
			s += fmt.Sprintf("; stopped %d jobs: no evidence that they have ended (%s)", jobs, g.Name)
		default:
			s += fmt.Sprintf("; stopped %s: %s (%s)", plural(g.Count, "job"), g.Text, g.Name)
		}
	}
	return s
}

// heldObjects says which guards hold something that would have gone.
func (r *pruneRun) heldObjects() string {
	var names []string
	for _, g := range r.made.Guards {
		if g.Outcome == prune.Hold && !g.Rule {
			names = append(names, string(g.Name))
		}
	}
	by, t := strings.Join(names, ", "), r.made.Totals
	switch {
	case t.HeldObjects > 0 && by == "":
		return fmt.Sprintf("; guards hold %s, %s", plural(t.HeldObjects, "file"), r.env.bytes(t.HeldBytes))
	case t.HeldObjects > 0:
		return fmt.Sprintf("; guards hold %s, %s (%s)", plural(t.HeldObjects, "file"), r.env.bytes(t.HeldBytes), by)
	case by != "":
		return fmt.Sprintf("; guards hold checkpoints (%s)", by)
	}
	return ""
}
