package cmd

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// missingEvidence is the evidence that would let more go, sorted by what it is about.
type missingEvidence struct {
	jobs       []string // ids
	savepoints []string // URLs
	ofJobs     []string // the hints on jobs
	others     []string // all other hints
}

// giveEvidence is how evidence is given for several jobs at once.
const giveEvidence = "name every cluster that may run them by --flink-url (with --clusters-complete, a job that is in none has ended), their --ha-dir, or --assume-ended-after DURATION"

// evidenceMissing sorts the hints of the plan.
func (r *pruneRun) evidenceMissing() (m missingEvidence) {
	savepoints := map[string]bool{}
	for i := range r.graph.Nodes {
		if n := &r.graph.Nodes[i]; n.Kind == layout.Savepoint {
			savepoints[n.URL()] = true
		}
	}
	for _, hint := range r.made.Missing {
		job, savepoint := subjectOf(hint, savepoints)
		switch {
		case job != "":
			m.jobs, m.ofJobs = append(m.jobs, job), append(m.ofJobs, hint)
		default:
			if savepoint != "" {
				m.savepoints = append(m.savepoints, savepoint)
			}
			m.others = append(m.others, hint)
		}
	}
	return m
}

// subjectOf is the job, or else the savepoint, that a hint names first.
func subjectOf(hint string, savepoints map[string]bool) (job, savepoint string) {
	for word := range strings.FieldsSeq(hint) {
		word = strings.TrimSuffix(word, ":")
		if _, err := layout.ParseJobID(word); err == nil {
			return word, ""
		}
		if savepoints[word] {
			return "", word
		}
	}
	return "", ""
}

// hints are the paragraphs for people. Hints on several jobs are one.
func (m *missingEvidence) hints() []string {
	if len(m.jobs) < 2 {
		return append(m.ofJobs, m.others...)
	}
	return append([]string{fmt.Sprintf("%d jobs may be live (ids with -v): say --ended ID for each, or %s", len(m.jobs), giveEvidence)}, m.others...)
}
