package prune_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// evidence is how a run of prune knows which jobs have ended.
type evidence int

const (
	byNothing  evidence = iota // it does not
	byCluster                  // a cluster tells, of the jobs that it knows
	byClusters                 // the same, with --clusters-complete
	byName                     // --ended JOB, for some
	byWord                     // --ended all
	byAge                      // --assume-ended-after
)

// assumed is the time of --assume-ended-after: no live job of the model idles for as long.
const assumed = 14 * 24 * time.Hour

// pruning is one run of prune in the model.
type pruning struct {
	how    evidence
	policy prune.Policy
	safety prune.Safety
	roots  bool // other roots are declared
	trash  bool
	// reviewed is whether a job is started from what the plan lets go, if from anything.
	reviewed bool
	now      time.Time // when it began
	// free are the snapshots that the policy let go then. What happens to others later
	// changes nothing: a job that claimed the newest one may delete it meanwhile.
	free  map[*snapshot]bool
	ended map[layout.JobID]bool
}

// testimony is what a cluster says of a job.
type testimony struct {
	job      *flinkJob
	life     life
	retained []string // URLs
	restored string
	unsaved  bool
}

func url(key string) string { return "mem://m/" + key }

// hear lets the cluster take notice of what has happened.
func (m *model) hear() {
	m.heard = nil
	for _, j := range m.jobs {
		t := testimony{job: j, life: j.life}
		for _, s := range j.store {
			t.retained = append(t.retained, url(s.dir))
		}
		if j.restored != nil && j.live() {
			t.restored = url(j.restored.dir)
		}
		t.unsaved = len(j.store) == 0 && j.restored == nil
		m.heard = append(m.heard, t)
	}
}

// world is what prune can know. With a cluster, storage of high availability is named too.
func (m *model) world() *prune.World {
	w, p := &prune.World{}, m.pruning
	for id := range p.ended {
		w.Add(id, prune.JobState{Life: prune.Ended, Source: "--ended"})
	}
	switch p.how {
	case byCluster, byClusters:
		m.testify(w)
	case byWord:
		w.Others = prune.JobState{Life: prune.Ended, Source: "--ended all"}
	case byAge:
		w.AssumeEndedAfter = assumed
	}
	if p.how != byCluster && p.how != byClusters { // who has jobs that have just started names what they started from by --keep
		for _, j := range m.jobs {
			if j.live() && j.restored != nil {
				w.Claims = append(w.Claims, prune.Claim{URL: url(j.restored.dir), By: "--keep"})
			}
		}
	}
	return w
}

func (m *model) testify(w *prune.World) {
	if m.pruning.how == byClusters {
		w.Others = prune.JobState{Life: prune.Ended, Source: "--clusters-complete"}
	}
	for _, t := range m.heard {
		j := t.job
		switch t.life {
		case jobRunning:
			w.Add(j.id, prune.JobState{Life: prune.Live, Source: "RUNNING", Timeout: j.timeout, Materialization: j.interval})
			if t.unsaved {
				w.Stops = append(w.Stops, prune.Stop{Guard: prune.GuardUnsaved, Message: j.id.String()})
			}
		case jobDown:
			w.Add(j.id, prune.JobState{Life: prune.Live, Source: "its job graph", Timeout: j.timeout, Materialization: j.interval})
		case jobEnded:
			w.Add(j.id, prune.JobState{Life: prune.Ended, Source: "CANCELED"})
		}
		if t.life <= jobDown {
			for _, u := range append(slices.Clone(t.retained), t.restored) {
				if u != "" {
					w.Claims = append(w.Claims, prune.Claim{URL: u, By: "the cluster"})
				}
			}
		}
	}
}

// decide makes up a run of prune, of which all that the user says is true.
func (m *model) decide() *pruning {
	p := &pruning{how: evidence(m.rng.IntN(6)), roots: len(m.roots) > 1 || chance(m.rng, .8), trash: chance(m.rng, .15), ended: map[layout.JobID]bool{}}
	p.policy = []prune.Policy{{}, {Last: 1}, {Last: 1 + m.rng.IntN(3)}, {Last: 1, Savepoints: true}, {Last: 1, RemoveDamaged: true}, {Within: 5 * time.Hour}, {MaxBytes: 500}}[m.rng.IntN(7)]
	p.safety = prune.DefaultSafety()
	p.safety.MinAge = []time.Duration{2 * time.Hour, 24 * time.Hour}[m.rng.IntN(2)]
	p.safety.MaxOrphanPercent = 100
	live := map[layout.JobID]bool{}
	quiet := true
	for _, j := range m.jobs {
		live[j.id] = live[j.id] || j.live()
		quiet = quiet && !j.live()
	}
	switch {
	case p.how == byWord && !quiet:
		p.how = byNothing
	case p.how == byCluster, p.how == byClusters:
		p.safety.MinAge = []time.Duration{0, 10 * time.Minute, time.Hour, 24 * time.Hour}[m.rng.IntN(4)]
	case p.how == byName:
		for id, is := range live {
			if !is && chance(m.rng, .7) {
				p.ended[id] = true
			}
		}
	}
	return p
}

// prune does one run. What it does is what the command does.
func (m *model) prune(p *pruning) {
	m.sums.prunes++
	m.pruning = p
	m.shelf.delete = m.deleted
	m.say("prune: evidence %d, %+v, min-age %s", p.how, p.policy, p.safety.MinAge)
	err := m.run(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	var stop *prune.StoppedError
	switch {
	case errors.Is(err, errKilled) || m.left == 0:
		m.sums.killed++
	case errors.As(err, &stop):
		m.sums.stopped++
		m.say("prune stops: %v", err)
	case err != nil:
		m.fail("prune fails: %v", err)
	}
	m.pruning, m.before, m.shelf.delete, m.left = nil, nil, nil, -1
}

func (m *model) fail(format string, args ...any) {
	m.say("WRONG: "+format, args...)
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

func (m *model) clock() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *model) asked(context.Context) (*prune.World, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.world(), nil
}

func (m *model) run(p *pruning) error {
	ctx := context.Background()
	m.mu.Lock()
	p.now = m.now
	m.settleFree(p)
	m.mu.Unlock()
	world, _ := m.asked(ctx)
	in := prune.Input{Now: p.now, OtherRoots: p.roots, Outside: &usage.Names{}, Policy: p.policy, Safety: p.safety}
	var journals []prune.Journal
	e := prune.Execution{Stores: map[string]layout.MutableStore{}, Now: m.clock, World: m.asked}
	var trees []*layout.Tree
	for _, root := range m.roots {
		store, _ := m.open(ctx, url(root))
		tree, err := layout.NewTree(ctx, store, nil)
		if err != nil {
			return err
		}
		trees = append(trees, tree)
		e.Stores[tree.Root] = store
		in.Places = append(in.Places, prune.Place{URL: tree.Root, Mode: prune.Swept})
		journals = append(journals, prune.Journal{Store: store, Dir: layout.ToolDirName})
	}
	var err error
	if in.Graph, err = m.graph(ctx, trees, &in); err != nil {
		return err
	}
	again, _ := m.asked(ctx)
	in.World = merged(world, again)
	files, err := prune.ReadJournals(ctx, journals)
	if err != nil {
		return err
	}
	in.Authorised = prune.Authorise(ctx, files, in.Graph)
	plan := prune.Make(in)
	m.last = plan
	m.review(plan)
	e.Journal = journals[0]
	if p.trash {
		store, _ := m.open(ctx, url("trash"))
		e.Trash = &prune.Trash{Store: store}
	}
	done, err := plan.Execute(ctx, e)
	if err != nil {
		return err
	}
	if done.Stopped != nil {
		return done.Stopped
	}
	_, err = prune.RetireJournals(ctx, files, in.Graph, m.clock())
	return err
}

func (m *model) graph(ctx context.Context, trees []*layout.Tree, in *prune.Input) (*layout.Graph, error) {
	return layout.NewGraph(ctx, trees, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: in.Now, Grace: max(in.Safety.MinAge, 1), Workers: 1}, Open: m.openStore, Prove: true,
		Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) { return in.Outside.Observe },
	})
}

// merged is what two answers say together.
func merged(a, b *prune.World) prune.World {
	w := *a
	w.Jobs = maps.Clone(a.Jobs)
	for id, s := range b.Jobs {
		w.Add(id, s)
	}
	w.Claims = slices.Concat(a.Claims, b.Claims)
	w.Stops = slices.Concat(a.Stops, b.Stops)
	return w
}

// review is what happens while somebody looks at the plan. He may even start a job from
// what is to go, as long as it completes a checkpoint before the plan is executed.
func (m *model) review(plan *prune.Plan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if plan.Stopped() || !m.pruning.reviewed && !chance(m.rng, .5) {
		return
	}
	m.now = m.now.Add(time.Duration(m.rng.IntN(60)) * time.Minute)
	goes := map[string]bool{}
	for _, b := range plan.Batches {
		for _, r := range b.Snapshots {
			goes[plan.Graph.Nodes[r.Node].URL()] = true
		}
	}
	going := slices.DeleteFunc(slices.Clone(m.snapshots), func(s *snapshot) bool {
		return s.gone || s.job.live() || s.savepoint || !m.whole(s) || !goes[url(s.dir)]
	})
	if len(going) == 0 || m.pruning.how == byWord {
		return
	}
	j := m.restore(going[m.rng.IntN(len(going))])
	if (m.pruning.how == byCluster || m.pruning.how == byClusters) && chance(m.rng, .5) {
		m.hear() // the cluster tells, before the job has done anything
		return
	}
	m.trigger(j)
	for len(j.uploads) > 0 {
		m.upload(j)
	}
	if m.finalise(j); j.written {
		m.register(j)
		m.say("job %s completes %s", j.id, j.store[len(j.store)-1].dir)
	}
	known := m.pruning.how == byCluster || m.pruning.how == byClusters
	if len(j.store) == 0 || j.store[len(j.store)-1].job != j {
		m.crash(j) // it could not complete one: such a _metadata was there
		j.life = jobLost
	} else if !known { // nobody tells of what it was started from
		j.store = slices.DeleteFunc(j.store, func(s *snapshot) bool { return s == j.restored })
		j.restored = nil
	}
	m.hear()
}

// deleted is told of each deletion right before it happens.
func (m *model) deleted(key string, dir bool) {
	if strings.HasPrefix(key, "trash/") || strings.Contains(key, "/"+layout.ToolDirName) {
		return
	}
	if dir {
		for _, j := range m.jobs {
			if j.live() && j.pending != nil && key == j.pending.dir && j.pending.fresh {
				m.fail("the directory of a pending checkpoint goes: %s", key)
			}
		}
		return
	}
	m.sums.deleted++
	if why := m.needed(key); why != "" {
		m.sums.lost++
		m.fail("%s goes, which is needed: %s", key, why)
	}
	for _, s := range m.snapshots {
		switch {
		case s.gone:
		case key == s.metadataKey():
			s.gone = true
			m.sums.snapshots++
			m.say("prune deletes %s", s.dir)
		case slices.Contains(s.files(), key) && m.whole(s):
			m.fail("%s goes before the _metadata of %s", key, s.dir)
		}
	}
}

// protected tells whether a snapshot must stay, whatever else happens: by the rules as
// they are written down, and by what the model knows, not by what prune does.
func (m *model) protected(s *snapshot) bool {
	p := m.pruning
	if p == nil || !p.policy.Deletes() || !m.knownEnded(s) || m.restoredFrom(s) || p.free != nil && !p.free[s] {
		return true
	}
	if p.free != nil {
		return false
	}
	if m.newestIn(s).After(p.now.Add(-p.safety.MinAge)) {
		return true
	}
	rank, wholes := m.rank(s)
	if wholes == 0 || !m.whole(s) && !p.policy.RemoveDamaged {
		return true
	}
	return m.whole(s) && (rank < max(1, p.policy.Last) || p.policy.Within > 0 && p.now.Sub(s.at) <= p.policy.Within)
}

// settleFree settles which snapshots the policy lets go.
func (m *model) settleFree(p *pruning) {
	p.free = nil
	free := map[*snapshot]bool{}
	for _, s := range m.snapshots {
		free[s] = !s.gone && !m.protected(s)
	}
	p.free = free
}

// knownEnded tells whether what a snapshot was written by has ended, by the evidence that
// prune has.
func (m *model) knownEnded(s *snapshot) bool {
	p := m.pruning
	if s.savepoint {
		return p.policy.Savepoints && !s.job.live() && (p.how == byClusters || p.how == byWord || p.how == byAge && p.now.Sub(s.at) >= assumed)
	}
	switch {
	case s.job.live():
		return false
	case p.how == byAge:
		return p.now.Sub(m.newestBelow(s.job.home)) >= assumed
	case p.how == byName:
		return p.ended[s.job.id]
	case p.how == byCluster: // which knows jobs by their ids
		return slices.ContainsFunc(m.jobs, func(j *flinkJob) bool { return j.id == s.job.id && j.life == jobEnded })
	}
	return p.how != byNothing
}

func (m *model) restoredFrom(s *snapshot) bool {
	return slices.ContainsFunc(m.jobs, func(j *flinkJob) bool { return j.live() && (j.restored == s || slices.Contains(j.store, s)) })
}

func (m *model) newestIn(s *snapshot) time.Time { return m.newestBelow(s.dir) }

func (m *model) newestBelow(dir string) (t time.Time) {
	for key, f := range m.files {
		if strings.HasPrefix(key, dir+"/") && f.modified.After(t) {
			t = f.modified
		}
	}
	for key, at := range m.dirs {
		if (key == dir || strings.HasPrefix(key, dir+"/")) && at.After(t) {
			t = at
		}
	}
	return t
}

// rank is how many whole snapshots of its lineage are newer than s, and how many whole ones
// there are in it.
func (m *model) rank(s *snapshot) (rank, wholes int) {
	of := slices.DeleteFunc(slices.Clone(m.snapshots), func(o *snapshot) bool {
		same := path.Dir(o.dir) == path.Dir(s.dir) && o.savepoint == s.savepoint && o.operators == s.operators && (!s.savepoint || o.job.id == s.job.id)
		return !same || !m.there(o)
	})
	slices.SortFunc(of, func(a, b *snapshot) int { return a.at.Compare(b.at) })
	i := slices.Index(of, s)
	first, last := i, i+1
	for first > 0 && of[first-1].id < of[first].id {
		first--
	}
	for last < len(of) && of[last].id > of[last-1].id {
		last++
	}
	for k := first; k < last; k++ {
		if m.whole(of[k]) {
			wholes++
			if k > i {
				rank++
			}
		}
	}
	return rank, wholes
}
