package layout

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// Order is by what the newest snapshot is chosen.
type Order string

// The orders. ByBoth refuses where ids and times disagree.
const (
	ByBoth Order = ""
	ByID   Order = "id"
	ByTime Order = "time"
)

// LatestOptions say which snapshots count.
type LatestOptions struct {
	Job        *JobID // nil for the only one
	Savepoints bool   // savepoints count as well
	By         Order
}

// Choice is the newest complete snapshot, and what looks newer but is broken.
type Choice struct {
	Entry
	Broken []Entry
}

// Latest chooses the newest complete snapshot of one job below root. It refuses, by
// an *AmbiguousError, where several jobs or several lineages of one lie there, and
// otherwise where something newer might be complete but could not be read. Two
// lineages show where the highest id is not the latest time.
func Latest(root string, entries []Entry, opts LatestOptions) (*Choice, error) {
	var considered []*Entry // there may be very many, and an entry is big
	for i := range entries {
		if opts.Counts(&entries[i]) {
			considered = append(considered, &entries[i])
		}
	}
	groups := slices.DeleteFunc(groupByJob(considered), func(g *group) bool {
		return len(g.having(Complete, Damaged, Unreadable, Unsupported)) == 0
	})
	switch len(groups) {
	case 0:
		return nil, opts.notFound(root, entries)
	case 1:
		return groups[0].latest(root, opts)
	}
	return nil, severalJobs(root, groups)
}

// Counts tells whether e takes part at all.
func (o LatestOptions) Counts(e *Entry) bool {
	return (e.Kind == Checkpoint || o.Savepoints) && (o.Job == nil || o.ofJob(e))
}

// ofJob tells whether e is, as far as its place and name tell, of the job asked for.
func (o LatestOptions) ofJob(e *Entry) bool {
	prefix := e.JobPrefix()
	return prefix != "" && strings.HasPrefix(o.Job.String(), prefix)
}

// group is what may be compared: the snapshots of one job in one place.
type group struct {
	job     string // id, first digits, or ""
	entries []*Entry
}

// groupByJob puts checkpoints that lie in one directory together, and a savepoint
// with the checkpoints of its job if these lie in one place. A savepoint of an
// unknown job is comparable to nothing.
func groupByJob(entries []*Entry) []*group {
	var groups []*group
	byDir := make(map[string]*group)
	add := func(g *group, e *Entry) *group {
		if g == nil {
			g = &group{job: e.JobPrefix()}
			groups = append(groups, g)
		}
		g.entries = append(g.entries, e)
		return g
	}
	for _, e := range entries {
		if dir := path.Dir(e.Dir); e.Kind == Checkpoint {
			byDir[dir] = add(byDir[dir], e)
		}
	}
	for _, e := range entries {
		if e.Kind == Savepoint {
			add(ofJob(groups, e.JobPrefix()), e)
		}
	}
	return groups
}

// ofJob is the only group whose job may be the one that begins with prefix.
func ofJob(groups []*group, prefix string) *group {
	var found *group
	for _, g := range groups {
		if prefix == "" || g.job == "" || !strings.HasPrefix(g.job, prefix) && !strings.HasPrefix(prefix, g.job) {
			continue
		}
		if found != nil {
			return nil
		}
		found = g
	}
	return found
}

// latest chooses within the group.
func (g *group) latest(root string, opts LatestOptions) (*Choice, error) {
	complete := g.having(Complete)
	if len(complete) == 0 && len(g.having(Unreadable, Unsupported)) == 0 {
		return nil, opts.notFound(root, values(g.entries))
	}
	if len(complete) == 0 {
		return nil, doubt(root, g.having(Unreadable, Unsupported)[0], "whether it is complete is not known")
	}
	slices.SortFunc(complete, byTime)
	newest := complete[len(complete)-1]
	highest := slices.MaxFunc(complete, byID)
	switch {
	case opts.By == ByID, opts.By == ByBoth && oneMoment(complete):
		newest = highest
	case opts.By == ByBoth && byID(newest, highest) != 0:
		return nil, severalLineages(root, complete)
	}
	for _, e := range g.having(Unreadable, Unsupported) {
		if mayBeNewer(e, newest) {
			return nil, doubt(root, e, "it may be newer than "+newest.Name)
		}
	}
	choice := &Choice{Entry: *newest}
	for _, e := range g.having(Corrupt, Damaged) {
		if mayBeNewer(e, newest) {
			choice.Broken = append(choice.Broken, *e)
		}
	}
	return choice, nil
}

// oneMoment tells whether all times are those of a copy, which say nothing of the
// order. No job ends, starts anew and completes a checkpoint within so little time.
// complete is in the order of time.
func oneMoment(complete []*Entry) bool {
	first, last := complete[0].Modified(), complete[len(complete)-1].Modified()
	return last.Sub(first) < time.Second
}

func values(entries []*Entry) []Entry {
	var all []Entry
	for _, e := range entries {
		all = append(all, *e)
	}
	return all
}

func (g *group) having(states ...State) []*Entry {
	var found []*Entry
	for _, e := range g.entries {
		if slices.Contains(states, e.State) {
			found = append(found, e)
		}
	}
	return found
}

func byID(a, b *Entry) int { return cmp.Compare(a.ID, b.ID) }

// byTime compares to the second, as most object stores know no more, and no job
// starts anew within one.
func byTime(a, b *Entry) int {
	return cmp.Or(second(a).Compare(second(b)), byID(a, b))
}

func second(e *Entry) time.Time { return e.Modified().Truncate(time.Second) }

// mayBeNewer takes every doubt for a yes.
func mayBeNewer(e, than *Entry) bool {
	return !e.HasID || e.ID > than.ID || e.Modified().IsZero() || e.Modified().After(than.Modified())
}

// doubt is the error for a snapshot that could not be read and might be the newest.
func doubt(root string, e *Entry, why string) error {
	if e.State == Unsupported {
		return &NotCheckpointError{Path: Join(root, e.Dir), Message: e.Reason + ": " + why, Err: e.Err}
	}
	return fmt.Errorf("%w: %s", e.Err, why)
}

// severalLineages lists the last snapshot of each lineage: in the order of time, a
// lineage ends where the ids do not grow. complete is in that order.
func severalLineages(root string, complete []*Entry) error {
	e := &AmbiguousError{
		Path:    root,
		Message: "ids and times of the checkpoints disagree, so several lineages lie here",
		Hint:    "name the directory, or choose with --by id (say, where the times are those of a copy) or --by time",
	}
	for i, c := range complete {
		if i+1 == len(complete) || byID(complete[i+1], c) <= 0 {
			e.Candidates = append(e.Candidates, candidate(root, c))
		}
	}
	return e
}

// severalJobs lists the newest of each group.
func severalJobs(root string, groups []*group) error {
	e := &AmbiguousError{
		Path:    root,
		Message: fmt.Sprintf("%d jobs or places have checkpoints here", len(groups)),
		Hint:    "choose one with --job, or name its directory",
	}
	for _, g := range groups {
		e.Candidates = append(e.Candidates, candidate(root, slices.MaxFunc(g.having(Complete, Damaged, Unreadable, Unsupported), byTime)))
	}
	slices.SortFunc(e.Candidates, func(a, b Candidate) int { return cmp.Compare(a.Path, b.Path) })
	return e
}

func candidate(root string, e *Entry) Candidate {
	return Candidate{Path: Join(root, e.Dir), Job: e.JobPrefix(), Modified: e.Modified()}
}

// notFound says what there is instead.
func (o LatestOptions) notFound(root string, entries []Entry) error {
	counts := make(map[string]int)
	for i := range entries {
		e := &entries[i]
		what := string(e.State) + " " + string(e.Kind)
		if o.Job != nil && !o.ofJob(e) {
			what = "of another job"
		}
		counts[what]++
	}
	e := &NotFoundError{Path: root, Message: "no complete checkpoint"}
	if o.Job != nil {
		e.Message += " of job " + o.Job.String()
	}
	var found []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		found = append(found, fmt.Sprintf("%d %s", counts[what], what))
	}
	if len(found) > 0 {
		e.Message += "; found: " + strings.Join(found, ", ")
	}
	if !o.Savepoints && counts[string(Complete)+" "+string(Savepoint)] > 0 {
		e.Hint = "--savepoints takes savepoints into account"
	}
	return e
}
