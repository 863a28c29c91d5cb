package cmd

import (
	"maps"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// newestByJob is the time of the newest checkpoint of each job that is good enough, and
// zero where a job has checkpoints, but no such one. Savepoints do not count: that one is
// young says nothing of whether checkpoints still work.
type newestByJob map[string]time.Time

func (n newestByJob) see(e *layout.Entry, good bool) {
	if e.Kind != layout.Checkpoint {
		return
	}
	newest := n[e.JobName()]
	if good && e.Modified().After(newest) {
		newest = e.Modified()
	}
	n[e.JobName()] = newest
}

// gauges gives one a job, 0 for none, so that an alert on its age fires.
func (n newestByJob) gauges(m *metrics, name, help, root string) {
	for _, job := range slices.Sorted(maps.Keys(n)) {
		m.gauge(name, help, seconds(n[job]), "root", root, "job_id", job)
	}
}

// tally counts what ls finds, whatever it shows of that.
type tally struct {
	states map[kindState]int
	newest newestByJob
}

type kindState struct {
	kind  layout.Kind
	state layout.State
}

func (t *tally) see(e *layout.Entry) {
	if t.states == nil {
		t.states, t.newest = map[kindState]int{}, newestByJob{}
	}
	t.states[kindState{e.Kind, e.State}]++
	t.newest.see(e, e.State == layout.Complete)
}

// listed is what ls measures.
func (m *metrics) listed(root string, t *tally) {
	for _, kind := range []layout.Kind{layout.Checkpoint, layout.Savepoint} {
		for _, state := range layout.States {
			m.gauge("ckpt_checkpoints", "Checkpoints and savepoints by state.", float64(t.states[kindState{kind, state}]),
				"root", root, "kind", string(kind), "state", string(state))
		}
	}
	t.newest.gauges(m, "ckpt_newest_complete_checkpoint_timestamp_seconds", "When the newest complete checkpoint was completed, 0 where there is none.", root)
}

// classLabels are the classes of usage, as values of the label class.
var classLabels = map[usage.Class]string{usage.Referenced: "referenced", usage.Orphan: "orphan", usage.InFlight: "in_flight", usage.Unknown: "unknown"}

// used is what du measures of one root.
func (m *metrics) used(root string, s *usage.Sums) {
	for _, class := range slices.Sorted(maps.Keys(classLabels)) {
		labels := []string{"root", root, "class", classLabels[class]}
		m.gauge("ckpt_bytes", "Bytes by what they are there for.", float64(s.Of(class).Bytes), labels...)
		m.gauge("ckpt_files", "Files by what they are there for.", float64(s.Of(class).Files), labels...)
	}
}

// verified is what verify measures.
func (m *metrics) verified(root string, results []verify.Result) {
	verdicts, severities, newest := map[verify.Verdict]int{}, map[verify.Severity]int{}, newestByJob{}
	for i := range results {
		r := &results[i]
		verdicts[r.Verdict]++
		newest.see(&r.Entry, r.Verdict == verify.OK)
		for _, f := range r.Findings {
			severities[f.Severity]++
		}
	}
	for _, v := range []verify.Verdict{verify.OK, verify.Damaged, verify.Unreadable} {
		m.gauge("ckpt_verify_checkpoints", "Checkpoints and savepoints by what their verification came to.", float64(verdicts[v]), "root", root, "verdict", string(v))
	}
	for _, s := range []verify.Severity{verify.Error, verify.Warning, verify.Info} {
		m.gauge("ckpt_verify_findings", "What the verification found wrong.", float64(severities[s]), "root", root, "severity", string(s))
	}
	newest.gauges(m, "ckpt_newest_verified_checkpoint_timestamp_seconds", "When the newest checkpoint that verified was completed, 0 where there is none.", root)
}

// pruneCounts is what a run of prune comes to in one root.
type pruneCounts struct {
	applied                      bool
	plannedObjects, plannedBytes int64
	deletedObjects, deletedBytes int64
	failedObjects                int64
	guards                       []guardOutcome
}

// guardOutcome is a guard of prune, what it came to, and how many it has kept.
type guardOutcome struct {
	name, outcome string
	count         int
}

// pruned is what prune measures of one root.
func (m *metrics) pruned(root string, c *pruneCounts) {
	applied := int64(0)
	if c.applied {
		applied = 1
	}
	for _, g := range []struct {
		name, help string
		value      int64
	}{
		{"ckpt_prune_applied", "1 where the last run deleted, 0 where it only made a plan.", applied},
		{"ckpt_prune_planned_objects", "Objects that the last plan deletes.", c.plannedObjects},
		{"ckpt_prune_planned_bytes", "Bytes that the last plan frees.", c.plannedBytes},
		{"ckpt_prune_deleted_objects", "Objects that the last run deleted.", c.deletedObjects},
		{"ckpt_prune_deleted_bytes", "Bytes that the last run freed.", c.deletedBytes},
		{"ckpt_prune_failed_objects", "Objects that the last run could not delete.", c.failedObjects},
	} {
		m.gauge(g.name, g.help, float64(g.value), "root", root)
	}
	for _, g := range c.guards {
		m.gauge("ckpt_prune_guard", "How many objects, checkpoints or jobs of all roots a guard of the last run has kept, with what it came to.", float64(g.count), "root", root, "name", g.name, "outcome", g.outcome)
	}
}
