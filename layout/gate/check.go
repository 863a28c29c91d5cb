package gate

import (
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// Questions are the rules that Check asks, in its order.
func Questions(p *Policy, f Facts) []Question {
	var all []Question
	for _, a := range asked(p, f) {
		all = append(all, a.Question)
	}
	return all
}

// Check tells which rules of p do not hold, or may not.
func Check(p *Policy, f Facts) []Breach {
	var all []Breach
	for _, a := range asked(p, f) {
		if b := checks[a.Rule](a); b != nil {
			b.Question = a.Question
			if b.Path == "" {
				b.Path = f.Root
			}
			all = append(all, *b)
		}
	}
	return all
}

// question is a rule, and all that its answer depends on.
type question struct {
	Question
	rules Rules
	job   *Job
	facts *Facts
}

// checks has how each rule is answered: nil where it holds.
var checks = map[string]func(*question) *Breach{
	MaxOrphanBytes: (*question).orphans,
	MaxGrowth:      (*question).growth,
	RequiredUIDs:   (*question).uids,
	MinRestorable:  (*question).restorable,
	MaxAge:         (*question).age,
	Jobs:           (*question).absent,
}

// asked is what p asks of the jobs, then of what is in none of them, then of jobs that
// are missing.
func asked(p *Policy, f Facts) []*question {
	var all []*question
	for i := range f.Jobs {
		job := &f.Jobs[i]
		q := question{rules: p.of(job), job: job, facts: &f}
		if job.ID != nil {
			q.Job = job.ID.String()
		}
		all = append(all, q.each()...)
	}
	if p.MaxOrphanBytes != nil {
		outside := &Job{Orphans: f.Outside}
		all = append(all, &question{Question{MaxOrphanBytes, ""}, Rules{MaxOrphanBytes: p.MaxOrphanBytes}, outside, &f})
	}
	for _, name := range p.missing(f) {
		all = append(all, &question{Question: Question{Jobs, name}, facts: &f})
	}
	return all
}

// of is what p asks of a job.
func (p *Policy) of(job *Job) Rules {
	if job.ID != nil {
		if own, ok := p.Jobs[*job.ID]; ok {
			return own
		}
	}
	return p.Rules
}

// missing are the jobs of which p asks something, and which are not there; "" where it
// asks all jobs and there is none. Below the directory of one job, no other is missed.
func (p *Policy) missing(f Facts) (names []string) {
	if len(f.Jobs) == 0 && p.Rules.any() {
		names = append(names, "")
	}
	there, within := layout.JobOf(layout.Join(f.Root, layout.MetadataName))
	for id, rules := range p.Jobs {
		here := slices.ContainsFunc(f.Jobs, func(j Job) bool { return j.ID != nil && *j.ID == id })
		if rules.any() && !here && (!within || there == id) {
			names = append(names, id.String())
		}
	}
	slices.Sort(names)
	return names
}

// any tells whether r asks anything.
func (r Rules) any() bool { return len(r.asked()) > 0 }

// asked are the rules that r has, in the order of the file's reference.
func (r Rules) asked() []string {
	has := map[string]bool{
		MaxOrphanBytes: r.MaxOrphanBytes != nil, MaxGrowth: r.MaxGrowth != nil, RequiredUIDs: len(r.RequiredUIDs) > 0,
		MinRestorable: r.MinRestorable > 0, MaxAge: r.MaxAge > 0,
	}
	var all []string
	for _, k := range keys {
		if has[k.rule] {
			all = append(all, k.rule)
		}
	}
	return all
}

// each makes a question of each rule.
func (q question) each() []*question {
	var all []*question
	for _, rule := range q.rules.asked() {
		one := q
		one.Rule = rule
		all = append(all, &one)
	}
	return all
}

func unclear(format string, args ...any) *Breach {
	return &Breach{Message: fmt.Sprintf(format, args...), Unclear: true}
}

// absent is for a job that is not there.
func (q *question) absent() *Breach {
	if q.Job == "" {
		return unclear("no job lies here, so that nothing could be asked")
	}
	b := unclear("the gate has rules for job %s, and it does not lie here", q.Job)
	b.Hint = "verify a tree that holds it, or take it out of the gate file"
	return b
}
