package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/ha"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/restore/cluster"
)

// witnesses are all who know which jobs live, and what they hold.
type witnesses struct {
	env     *Env
	opts    *evidenceOptions
	clients []*cluster.Client
	haDirs  []string
	ended   []layout.JobID // by --ended
	all     bool           // by --ended all
	keep    []prune.Claim  // by --keep and --keep-from
	// maps are those of the user, and other names of the roots: claims may be of either.
	maps []layout.Mapping
	// shared are ids that several jobs may bear, once that is known, and how.
	shared  map[layout.JobID]string
	doubted []layout.JobID // those of them of which somebody said that they have ended
	idle    []string       // clusters that list no job at all
}

func newWitnesses(env *Env, opts *evidenceOptions) (*witnesses, error) {
	w := &witnesses{env: env, opts: opts, haDirs: opts.haDirs}
	if len(w.haDirs) == 0 && env.Flink != nil {
		w.haDirs = ha.Dirs(env.Flink)
	}
	for _, address := range opts.clusters {
		client, err := cluster.New(address, cluster.Options{})
		if err != nil {
			return nil, usagef(hintOf(err, exitEntry{hint: "such as http://jobmanager:8081"}), "--flink-url: %v", err)
		}
		w.clients = append(w.clients, client)
	}
	var err error
	w.ended, w.all, err = opts.endedJobs()
	return w, err
}

// world asks all of them. Who does not answer stops everything, and is no error: the
// plan says it. The only error is that of ctx.
func (w *witnesses) world(ctx context.Context) (*prune.World, error) {
	world := &prune.World{AssumeEndedAfter: time.Duration(w.opts.assumeEndedAfter)}
	w.idle = nil
	w.byUser(world)
	if err := w.ask(ctx, world); err != nil {
		return nil, err
	}
	return world, nil
}

// ask asks all but the user, and adds what they say: it may be called again later.
func (w *witnesses) ask(ctx context.Context, world *prune.World) error {
	heard := map[layout.JobID]bool{}
	silent := 0
	for _, client := range w.clients {
		jobs, err := client.Jobs(ctx)
		switch {
		case err != nil:
			silent++
			stop(world, prune.GuardCluster, err)
		case len(jobs) == 0 && !slices.Contains(w.idle, client.URL()):
			w.idle = append(w.idle, client.URL())
		}
		for i := range jobs {
			w.testify(world, client.URL(), &jobs[i])
			heard[jobs[i].ID] = heard[jobs[i].ID] || jobs[i].Completed || !jobs[i].Live || settled(&jobs[i])
		}
	}
	switch {
	case w.all:
	case silent > 0, len(w.idle) > 0: // what was heard the last time proves nothing now
		world.Others = prune.JobState{}
	case w.opts.complete:
		world.Others = prune.JobState{Life: prune.Ended, Source: "no cluster knows it (--clusters-complete)"}
	}
	for i, dir := range w.haDirs {
		// Flink makes the directory of job results with the first of these.
		results := i > 0 && len(w.opts.haDirs) == 0
		err := w.askStorage(ctx, world, dir, heard, results)
		if results && isMissing(err) {
			continue
		}
		if err != nil {
			stop(world, prune.GuardHA, err)
		}
	}
	w.setApart(world)
	return context.Cause(ctx)
}

// byUser is what the user says.
func (w *witnesses) byUser(world *prune.World) {
	for _, id := range w.ended {
		world.Add(id, prune.JobState{Life: prune.Ended, Source: "--ended"})
	}
	if w.all {
		world.Others = prune.JobState{Life: prune.Ended, Source: "--ended all"}
	}
	for _, c := range w.keep {
		w.claim(world, c)
	}
}

// testify adds what a cluster says of a job.
func (w *witnesses) testify(world *prune.World, url string, j *cluster.Job) {
	state := prune.JobState{Life: prune.Ended, Source: j.Status + " at " + url, Timeout: j.Timeout, Completed: j.History}
	if j.Changelog {
		state.Materialization = j.Materialization
	}
	if j.Live {
		state.Life = prune.Live
	}
	world.Add(j.ID, state)
	for _, held := range []struct {
		paths       []string
		what        string
		needed, own bool
	}{
		{j.Latest, "the latest of job %s, says %s", false, true},
		{j.Restored, "job %s was restored from it, says %s", j.Live && !j.Completed, false},
		{j.Retained, "job %s retains it, says %s", false, true},
	} {
		for _, path := range held.paths {
			w.claim(world, prune.Claim{URL: path, By: fmt.Sprintf(held.what, j.ID, url), Needed: held.needed, Own: held.own, Snapshot: true, Job: j.ID, HasJob: true})
		}
	}
	if unsaved := !j.Completed && len(j.Restored) == 0; j.Live && unsaved && !settled(j) {
		stop(world, prune.GuardUnsaved, fmt.Errorf("job %s (%s at %s) has no completed checkpoint, and it is not known from what it was restored: wait for its first checkpoint", j.ID, j.Status, url))
	}
}

// settled tells whether a job makes no checkpoints, and began with none.
func settled(j *cluster.Job) bool {
	return !j.Checkpointing && len(j.Restored) == 0 && !j.RestoredUnknown
}

// askStorage adds what a directory of high availability says. heard are jobs of which a
// cluster knows that they can do without.
func (w *witnesses) askStorage(ctx context.Context, world *prune.World, dir string, heard map[layout.JobID]bool, mayBeEmpty bool) error {
	store, err := layout.OpenTree(ctx, w.env.OpenStore, dir)
	if err != nil {
		return err
	}
	defer store.Close()
	found, err := ha.Read(ctx, store)
	if err != nil {
		return err
	}
	if found.Empty() && !mayBeEmpty {
		return fmt.Errorf("%s: nothing of Flink's lies there: is it mounted, and is it the right directory?", store.URL())
	}
	return w.testifyStorage(world, store.URL(), found, heard)
}

// testifyStorage adds what lies in a directory of high availability.
func (w *witnesses) testifyStorage(world *prune.World, at string, found *ha.Storage, heard map[layout.JobID]bool) error {
	saved := map[layout.JobID]bool{}
	maps.Copy(saved, heard)
	for _, c := range found.Checkpoints {
		by := "high availability: " + layout.Join(at, c.File)
		w.claim(world, prune.Claim{URL: c.Pointer, By: by, Own: true, Snapshot: true, Job: c.Job, HasJob: c.HasJob})
		for _, path := range c.Paths {
			w.claim(world, prune.Claim{URL: path, By: by})
		}
		saved[c.Job] = saved[c.Job] || c.HasJob
	}
	for _, r := range found.Results {
		if r.Status != "UNKNOWN" {
			saved[r.Job] = true
			world.Add(r.Job, prune.JobState{Life: prune.Ended, Source: r.Status + ", says " + layout.Join(at, r.File)})
		}
	}
	for _, j := range found.Live {
		file := layout.Join(at, j.File)
		if !j.HasJob {
			return fmt.Errorf("%s: a job graph that does not tell its job: any job may be live", file)
		}
		world.Add(j.Job, prune.JobState{Life: prune.Live, Source: "its job graph is in " + file})
		w.claim(world, prune.Claim{URL: j.Restored, By: fmt.Sprintf("job %s would be restored from it, says %s", j.Job, file),
			Needed: !saved[j.Job], Snapshot: true, Job: j.Job, HasJob: true})
		if !saved[j.Job] && j.Restored == "" {
			stop(world, prune.GuardUnsaved, fmt.Errorf("job %s (its job graph is in %s) has no completed checkpoint there, and was not restored from any: wait for its first one, or name its cluster by --flink-url", j.Job, file))
		}
	}
	return nil
}

// claim adds a claim to something. Where --map leads elsewhere, it is there.
func (w *witnesses) claim(world *prune.World, c prune.Claim) {
	if c.URL == "" {
		return
	}
	url := layout.Canonical(c.URL)
	if to, ok := layout.MapURL(w.maps, url); ok && to != url {
		at := c
		at.URL = to
		world.Claims = append(world.Claims, at)
		c.Snapshot, c.Needed = false, false
	}
	world.Claims = append(world.Claims, c)
}

// stop adds a reason to delete nothing, once, with what to do about it.
func stop(world *prune.World, guard prune.Name, err error) {
	message := err.Error()
	if hint := hintOf(err, entryOf(err)); hint != "" {
		message += ": " + hint
	}
	s := prune.Stop{Guard: guard, Message: message}
	if !slices.Contains(world.Stops, s) {
		world.Stops = append(world.Stops, s)
	}
}

// contradicted are notes of jobs that live though the user says that they have ended.
func (w *witnesses) contradicted(world *prune.World) (notes []string) {
	for _, id := range w.ended {
		if s := world.Jobs[id]; s.Life == prune.Live {
			notes = append(notes, fmt.Sprintf("--ended %s does not count: %s", id, s.Source))
		}
	}
	return notes
}

// isNoTree tells whether err says that there is no such directory.
func isNoTree(err error) bool {
	var missing *layout.NotFoundError
	return errors.As(err, &missing)
}

// sameCluster tells whether two URLs are of one cluster, whoever asks it.
func sameCluster(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	if errX != nil || errY != nil {
		return a == b
	}
	return x.Scheme == y.Scheme && x.Host == y.Host && strings.TrimRight(x.Path, "/") == strings.TrimRight(y.Path, "/")
}
