package cluster

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// asking is how many jobs are asked about at a time.
const asking = 8

// census is what was heard of jobs so far.
type census struct {
	order []layout.JobID
	known map[layout.JobID]*record
}

// record is one job. It needs an answer as long as the JobManager has not told of it.
type record struct {
	job   Job
	entry entry
	open  bool
	fail  *Error // what to say where it stays open
}

func newCensus() *census { return &census{known: map[layout.JobID]*record{}} }

// take adds a list of jobs and returns those that are to be asked about: new ones,
// those of which nothing was told, and those that had ended and run again.
func (c *census) take(list []entry) (ask []*record) {
	for _, e := range list {
		r := c.known[e.id]
		if r == nil {
			r = &record{job: Job{ID: e.id, Checkpointing: true}, open: true}
			c.known[e.id] = r
			c.order = append(c.order, e.id)
		}
		risen := e.live() && !r.job.Live
		r.entry = e
		r.job.Status = e.status
		r.job.Name = cmp.Or(e.name, r.job.Name)
		r.job.Live = r.job.Live || e.live()
		if r.open = r.open || risen; r.open {
			ask = append(ask, r)
		}
	}
	return ask
}

// details asks about each record.
func (c *Client) details(ctx context.Context, records []*record) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan *record)
	var workers sync.WaitGroup
	for range min(asking, len(records)) {
		workers.Go(func() {
			for r := range next {
				if err := c.detail(ctx, r); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, r := range records {
		next <- r
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

func (c *Client) detail(ctx context.Context, r *record) error {
	if ctx.Err() != nil {
		return nil // somebody has failed already
	}
	job, v, err := c.describe(ctx, r.entry)
	if err != nil {
		return err
	}
	if v != told {
		r.fail = c.errorf("/jobs/"+r.job.ID.String(), hintVanished, "the JobManager lists the job as %s and does not know it", r.entry.status)
		return nil
	}
	r.open = false
	r.job.merge(job)
	return nil
}

// merge adds what was told of a job to what was told before.
func (j *Job) merge(told Job) {
	j.Checkpointing = told.Checkpointing
	j.InProgress = max(j.InProgress, told.InProgress)
	j.Completed = j.Completed || told.Completed
	j.Latest = add(j.Latest, told.Latest...)
	j.Restored = add(j.Restored, told.Restored...)
	j.Retained = add(j.Retained, told.Retained...)
	if j.History == nil {
		j.History = map[int64]time.Time{}
	}
	maps.Copy(j.History, told.History)
	j.RestoredUnknown = j.RestoredUnknown || told.RestoredUnknown
	j.Mode, j.Changelog = told.Mode, j.Changelog || told.Changelog
	j.Timeout = max(j.Timeout, told.Timeout)
	j.Interval = max(j.Interval, told.Interval)
	j.Materialization = max(j.Materialization, told.Materialization)
}

// add appends paths that are not there yet.
func add(paths []string, more ...string) []string {
	for _, p := range more {
		if p != "" && !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

// jobs are all jobs, in the order in which they were heard of. A live job of which
// nothing was told is an error. One that has ended, and was forgotten before it was
// asked about, has its status and nothing else.
func (c *census) jobs() ([]Job, error) {
	var all []Job
	for _, id := range c.order {
		r := c.known[id]
		if r.open && r.job.Live {
			return nil, r.fail
		}
		all = append(all, r.job)
	}
	return all, nil
}
