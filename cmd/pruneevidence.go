package cmd

import (
	"context"
	"errors"
	"fmt"
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
	w.byUser(world)
	if err := w.ask(ctx, world); err != nil {
		return nil, err
	}
	return world, nil
}

// ask asks all but the user, and adds what they say: it may be called again later.
func (w *witnesses) ask(ctx context.Context, world *prune.World) error {
	silent := 0
	for _, client := range w.clients {
		jobs, err := client.Jobs(ctx)
		if err != nil {
			silent++
			stop(world, prune.GuardCluster, err)
		}
		for i := range jobs {
			testify(world, client.URL(), &jobs[i])
		}
	}
	switch {
	case w.all:
	case silent > 0: // what was heard the last time proves nothing now
		world.Others = prune.JobState{}
	case w.opts.complete:
		world.Others = prune.JobState{Life: prune.Ended, Source: "no cluster knows it (--clusters-complete)"}
	}
	for i, dir := range w.haDirs {
		err := w.askStorage(ctx, world, dir)
		if results := i > 0 && len(w.opts.haDirs) == 0; results && isMissing(err) {
			continue // Flink makes the directory of job results with the first of these
		}
		if err != nil {
			stop(world, prune.GuardHA, err)
		}
	}
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
	world.Claims = slices.Clone(w.keep)
}

// testify adds what a cluster says of a job.
func testify(world *prune.World, url string, j *cluster.Job) {
	state := prune.JobState{Life: prune.Ended, Source: j.Status + " at " + url, Timeout: j.Timeout}
	if j.Changelog {
		state.Materialization = j.Materialization
	}
	if j.Live {
		state.Life = prune.Live
	}
	world.Add(j.ID, state)
	for _, held := range []struct {
		paths  []string
		what   string
		needed bool
	}{
		{j.Latest, "the latest of job %s, says %s", false},
		{j.Restored, "job %s was restored from it, says %s", j.Live && !j.Completed},
		{j.Retained, "job %s retains it, says %s", false},
	} {
		for _, path := range held.paths {
			claim(world, prune.Claim{URL: path, By: fmt.Sprintf(held.what, j.ID, url), Needed: held.needed})
		}
	}
	unsaved := !j.Completed && len(j.Restored) == 0 && (j.Checkpointing || j.RestoredUnknown)
	if j.Live && unsaved {
		stop(world, prune.GuardUnsaved, fmt.Errorf("job %s (%s at %s) has no completed checkpoint, and it is not known from what it was restored: wait for its first checkpoint", j.ID, j.Status, url))
	}
}

// askStorage adds what a directory of high availability says.
func (w *witnesses) askStorage(ctx context.Context, world *prune.World, dir string) error {
	store, err := layout.OpenTree(ctx, w.env.OpenStore, dir)
	if err != nil {
		return err
	}
	defer store.Close()
	found, err := ha.Read(ctx, store)
	if err != nil {
		return err
	}
	at := store.URL()
	for _, c := range found.Checkpoints {
		for _, path := range append([]string{c.Pointer}, c.Paths...) {
			claim(world, prune.Claim{URL: path, By: "high availability: " + layout.Join(at, c.File)})
		}
	}
	for _, r := range found.Results {
		if r.Status != "UNKNOWN" {
			world.Add(r.Job, prune.JobState{Life: prune.Ended, Source: r.Status + ", says " + layout.Join(at, r.File)})
		}
	}
	for _, j := range found.Live {
		if !j.HasJob {
			return fmt.Errorf("%s: a job graph that does not tell its job: any job may be live", layout.Join(at, j.File))
		}
		world.Add(j.Job, prune.JobState{Life: prune.Live, Source: "its job graph is in " + layout.Join(at, j.File)})
		claim(world, prune.Claim{URL: j.Restored, By: fmt.Sprintf("job %s would be restored from it, says %s", j.Job, layout.Join(at, j.File))})
	}
	return nil
}

// claim adds a claim to something.
func claim(world *prune.World, c prune.Claim) {
	if c.URL != "" {
		world.Claims = append(world.Claims, c)
	}
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
