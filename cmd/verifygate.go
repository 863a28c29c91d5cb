package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// largestGate is far above any file of rules.
const largestGate = 1 << 20

// policy reads the file that --gate names, nil where it names none.
func (v *verification) policy() (*gate.Policy, error) {
	if v.opts.gate == "" {
		return nil, nil
	}
	data, err := readSmall(v.opts.gate, "gate file", largestGate)
	if err != nil {
		return nil, err
	}
	return gate.Parse(v.opts.gate, data)
}

// judge holds what was found against the policy.
func (v *verification) judge(ctx context.Context, p *gate.Policy) error {
	if p == nil {
		return nil
	}
	if v.graph == nil {
		return usagef("name the directory of the job, or one above it", "--gate is for a tree, and %s is one checkpoint", v.report.Results[0].URL)
	}
	facts, err := v.facts(ctx)
	if err != nil {
		return err
	}
	if job, _ := parseJob(v.opts.job); job != nil { // the others were not looked at
		maps.DeleteFunc(p.Jobs, func(id layout.JobID, _ gate.Rules) bool { return id != *job })
	}
	v.report.Asked, v.report.Gate = gate.Questions(p, facts), gate.Check(p, facts)
	return nil
}

// facts are what the rules are about. With --job, they are those of one job.
func (v *verification) facts(ctx context.Context) (gate.Facts, error) {
	job, err := parseJob(v.opts.job)
	if err != nil {
		return gate.Facts{}, err
	}
	f := gate.Facts{Root: v.report.Root, Now: v.env.Now(), By: layout.Order(v.opts.by), Unlisted: errors.Join(v.report.Errors...)}
	verdicts := map[string]verify.Verdict{}
	for i := range v.report.Results {
		verdicts[v.report.Results[i].URL] = v.report.Results[i].Verdict
	}
	used := usage.Account(v.graph, usage.Options{Now: v.env.Now(), Grace: layout.DefaultGrace, Outside: v.names})
	known := len(used.Doubts) == 0
	f.Outside.Known = known
	seen := map[layout.JobID]bool{}
	for _, j := range used.Jobs {
		orphans := gate.Orphans{Bytes: j.Of(usage.Orphan).Bytes, Known: known}
		switch {
		case job != nil && (!j.Known || j.ID != *job):
		case !j.Known && !v.hasCheckpoints(j):
			f.Outside = orphans
		default:
			of, err := v.job(ctx, j, verdicts)
			if err != nil {
				return f, err
			}
			of.Orphans = orphans
			f.Jobs = append(f.Jobs, of)
			seen[j.ID] = j.Known
		}
	}
	for _, id := range v.graph.Trees[0].Jobs() {
		if !seen[id] && (job == nil || id == *job) { // its directories are empty
			f.Jobs = append(f.Jobs, gate.Job{ID: &id, Orphans: gate.Orphans{Known: known}})
		}
	}
	return f, nil
}

// hasCheckpoints tells whether checkpoints lie where no directory bears a job id
// (execution.checkpointing.create-subdir=false).
func (v *verification) hasCheckpoints(j *usage.Job) bool {
	for _, n := range j.Nodes {
		if v.graph.Nodes[n].Kind == layout.Checkpoint {
			return true
		}
	}
	return false
}

// job gathers the snapshots of one job.
func (v *verification) job(ctx context.Context, j *usage.Job, verdicts map[string]verify.Verdict) (gate.Job, error) {
	var of gate.Job
	if j.Known {
		of.ID = new(j.ID)
	}
	var youngest, highest int
	for _, i := range j.Nodes {
		n := &v.graph.Nodes[i]
		of.Snapshots = append(of.Snapshots, gate.Snapshot{Entry: n.Entry, Verdict: verdicts[n.URL()]})
		last := len(of.Snapshots) - 1
		if n.Kind != layout.Checkpoint || !n.Followed() {
			continue
		}
		if y := &of.Snapshots[youngest]; !v.candidate(y) || n.Modified().After(y.Modified()) {
			youngest = last
		}
		if h := &of.Snapshots[highest]; !v.candidate(h) || cmp.Compare(n.ID, h.ID) > 0 {
			highest = last
		}
	}
	// Either may be the newest, which is for the gate to say.
	for _, i := range []int{youngest, highest} {
		if i >= len(of.Snapshots) || !v.candidate(&of.Snapshots[i]) {
			continue
		}
		operators, err := v.operators(ctx, &of.Snapshots[i])
		if err != nil {
			return of, err
		}
		of.Snapshots[i].Operators = operators
	}
	return of, nil
}

func (v *verification) candidate(s *gate.Snapshot) bool {
	return s.Kind == layout.Checkpoint && s.Summary != nil
}

// operators reads which there are in a checkpoint.
func (v *verification) operators(ctx context.Context, s *gate.Snapshot) ([]gate.Operator, error) {
	content, err := v.graph.Trees[0].Store.Open(ctx, s.Metadata.Key)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	operators := []gate.Operator{}
	_, err = metadata.Scan(content.Whole(), content.Size, metadata.Visitor{Operator: func(o *metadata.OperatorState) error {
		operators = append(operators, gate.Operator{ID: o.ID, UID: string([]byte(o.UID.String()))})
		return nil
	}})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", layout.Join(v.report.Root, s.Metadata.Key), err)
	}
	return operators, nil
}
