package prune_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/testdata"
)

// site is a small tree: a job that has ended, with two checkpoints of which the policy
// keeps one, and an orphan.
type site struct {
	*model
	t      *testing.T
	job    *flinkJob
	orphan string
	roots  []string
	open   layout.OpenMutable
}

func newSite(t *testing.T) *site {
	m := &model{shelf: newShelf(epoch, true), rng: rand.New(rand.NewPCG(1, 2)), named: 1 << 40}
	s := &site{model: m, t: t, roots: []string{"a"}, open: m.shelf.open}
	m.mkdir("a")
	s.job = s.newJob("a")
	s.orphan = m.names(s.job.home+"/shared", 1)[0]
	m.write(s.orphan)
	s.later()
	s.checkpoint(s.job, 1)
	s.later()
	s.checkpoint(s.job, 2)
	return s
}

// later lets a day pass.
func (s *site) later() { s.now = s.now.Add(24 * time.Hour) }

func (s *site) newJob(root string) *flinkJob {
	s.named++
	j := &flinkJob{backend: rocksdb, version: 6}
	j.id, _ = layout.ParseJobID(uuidDigits(s.named))
	j.home = root + "/" + j.id.String()
	return j
}

func uuidDigits(n uint64) string {
	return string(slices.DeleteFunc([]byte(uuid(n)), func(c byte) bool { return c == '-' }))
}

// checkpoint writes a checkpoint that uses some files, and two of its own. Those that are
// not there are made.
func (s *site) checkpoint(j *flinkJob, id int64, uses ...string) *snapshot {
	return s.snapshot(&snapshot{job: j, id: id, dir: path.Join(j.home, layout.CheckpointID(id).Dir())}, uses...)
}

// savepoint is the same for a savepoint.
func (s *site) savepoint(j *flinkJob, id int64) *snapshot {
	dir := "a/savepoint-" + j.id.String()[:6] + "-" + uuidDigits(uint64(id))[:12]
	return s.snapshot(&snapshot{job: j, id: id, dir: dir, savepoint: true})
}

func (s *site) snapshot(n *snapshot, uses ...string) *snapshot {
	n.exclusive = s.names(n.dir, 2)
	n.shared = uses
	for _, f := range n.files() {
		if s.files[f] == nil {
			s.write(f)
		}
	}
	s.put(n.metadataKey(), 0, s.metadata(n))
	return n
}

// prune prunes by the policy that keeps one, and more that change says.
func (s *site) prune(change func(*prune.Input)) (*prune.Plan, *prune.Executed) {
	s.t.Helper()
	p, done, err := s.prunes(s.t.Context(), s.open, func(in *prune.Input) {
		keepOne(in)
		if change != nil {
			change(in)
		}
	}, s.roots...)
	if err != nil {
		s.t.Fatal(err)
	}
	return p, done
}

// outcome is what a guard has come to.
func outcome(p *prune.Plan, name prune.Name) prune.Outcome {
	for _, g := range p.Guards {
		if g.Name == name {
			return g.Outcome
		}
	}
	return prune.Passed
}

// guardCase makes what trips a guard, or where trip is false what is as near to it as can
// be. It tells what stays and goes by that, and how to prune.
type guardCase func(s *site, trip bool) (thing string, change func(*prune.Input))

// stopped is a case of a guard that is asked outside of the trees.
func stopped(guard prune.Name) guardCase {
	return func(s *site, trip bool) (string, func(*prune.Input)) {
		return s.orphan, func(in *prune.Input) {
			if trip {
				in.World.Stops = []prune.Stop{{Guard: guard, Message: "the test"}}
			}
		}
	}
}

func (s *site) first() string { return s.job.home + "/chk-1/_metadata" }

// guardCases has a case for each guard but those that are known only while a plan is
// executed.
var guardCases = map[prune.Name]guardCase{
	prune.GuardRoot:    stopped(prune.GuardRoot),
	prune.GuardCluster: stopped(prune.GuardCluster),
	prune.GuardHA:      stopped(prune.GuardHA),
	prune.GuardUnsaved: stopped(prune.GuardUnsaved),
	prune.GuardClock:   stopped(prune.GuardClock),

	prune.GuardListing: func(s *site, trip bool) (string, func(*prune.Input)) {
		if trip {
			s.open = func(_ context.Context, url string) (layout.MutableStore, error) {
				v, err := s.shelf.open(s.t.Context(), url)
				return &linked{v.(*view)}, err
			}
		}
		return s.orphan, nil
	},
	prune.GuardMetadata: func(s *site, trip bool) (string, func(*prune.Input)) {
		if trip {
			s.put(s.newJob("a").home+"/chk-1/_metadata", 0, []byte("this is nothing"))
		}
		return s.orphan, nil
	},
	prune.GuardHandle: func(s *site, trip bool) (string, func(*prune.Input)) {
		data, err := os.ReadFile(filepath.Join(testdata.Root(s.t), "bad", "unknown-stream-tag", "_metadata"))
		if err != nil {
			s.t.Fatal(err)
		}
		if trip {
			s.put(s.newJob("a").home+"/chk-1/_metadata", 0, data)
		}
		return s.orphan, nil
	},
	prune.GuardReference: func(s *site, trip bool) (string, func(*prune.Input)) {
		j := s.newJob("a")
		if trip {
			s.checkpoint(j, 1, s.names("elsewhere/shared", 1)...)
		} else {
			s.checkpoint(j, 1, s.names(j.home+"/shared", 1)...)
		}
		return s.orphan, nil
	},
	prune.GuardOtherRoots: func(s *site, trip bool) (string, func(*prune.Input)) {
		return s.first(), func(in *prune.Input) { in.OtherRoots = !trip }
	},

	prune.GuardState: func(s *site, trip bool) (string, func(*prune.Input)) {
		return s.first(), func(in *prune.Input) {
			if trip {
				in.World.Jobs = map[layout.JobID]prune.JobState{s.job.id: {Life: prune.Live}}
			}
		}
	},
	prune.GuardSubdir: func(s *site, trip bool) (string, func(*prune.Input)) {
		j := &flinkJob{backend: rocksdb, version: 6, home: "a/all"}
		s.checkpoint(j, 3)
		s.later()
		s.checkpoint(j, 4)
		return "a/all/chk-3/_metadata", func(in *prune.Input) {
			if trip {
				in.World.Jobs = map[layout.JobID]prune.JobState{s.newJob("a").id: {Life: prune.Live}}
			}
		}
	},
	prune.GuardTimes: func(s *site, trip bool) (string, func(*prune.Input)) {
		if trip { // as those of a copy
			s.files[s.first()].modified = s.now.Add(-time.Second)
		}
		return s.first(), func(in *prune.Input) { in.Policy = prune.Policy{Within: time.Hour} }
	},
	prune.GuardLineage: func(s *site, trip bool) (string, func(*prune.Input)) {
		if trip {
			other := *s.job
			other.home = "a/copy/" + s.job.id.String()
			s.checkpoint(&other, 2)
		}
		return s.first(), nil
	},

	prune.GuardNewest: func(s *site, trip bool) (string, func(*prune.Input)) {
		return s.job.home + "/chk-2/_metadata", func(in *prune.Input) {
			if trip {
				in.Policy = prune.Policy{MaxBytes: 1}
			} else {
				in.Policy = prune.Policy{RemoveAll: []layout.JobID{s.job.id}}
			}
		}
	},
	prune.GuardClaimed: func(s *site, trip bool) (string, func(*prune.Input)) {
		return s.first(), func(in *prune.Input) {
			if trip {
				in.World.Claims = []prune.Claim{{URL: url(path.Dir(s.first())), By: "the test"}}
			}
		}
	},
	prune.GuardDamaged: func(s *site, trip bool) (string, func(*prune.Input)) {
		if trip {
			for key := range s.files {
				if path.Dir(key) == path.Dir(s.first()) && key != s.first() {
					s.drop(key)
					break
				}
			}
		}
		return s.first(), nil
	},
	prune.GuardSavepoint: func(s *site, trip bool) (string, func(*prune.Input)) {
		old := s.savepoint(s.job, 11)
		s.later()
		s.savepoint(s.job, 12)
		return old.metadataKey(), func(in *prune.Input) { in.Policy.Savepoints = !trip }
	},
	prune.GuardAge: func(s *site, trip bool) (string, func(*prune.Input)) {
		young := s.names(s.job.home+"/shared", 1)[0]
		s.write(young)
		return young, func(in *prune.Input) {
			if !trip {
				in.Safety.MinAge = 23 * time.Hour
			} else {
				in.Safety.MinAge = 25 * time.Hour
			}
		}
	},
	prune.GuardTime: func(s *site, trip bool) (string, func(*prune.Input)) {
		if trip {
			s.files[s.orphan].modified = s.now.Add(48 * time.Hour)
		}
		return s.orphan, nil
	},
	prune.GuardPassedOver: func(s *site, trip bool) (string, func(*prune.Input)) {
		if !trip { // chk-1 comes no later than 24 h after the orphan
			s.later()
			s.checkpoint(s.job, 3)
		}
		return s.orphan, func(in *prune.Input) {
			in.Policy = prune.Policy{}
			in.World.Jobs = map[layout.JobID]prune.JobState{s.job.id: {Life: prune.Live, Timeout: 24 * time.Hour, Materialization: time.Hour}}
		}
	},
	prune.GuardNames: func(s *site, trip bool) (string, func(*prune.Input)) {
		thing := s.job.home + "/shared/important.txt"
		if !trip {
			thing = s.names(s.job.home+"/shared", 1)[0]
		}
		s.job.home, thing = "a/"+s.job.id.String(), path.Clean(thing)
		s.rewrite(1, thing)
		return thing, nil
	},
	prune.GuardManaged: func(s *site, trip bool) (string, func(*prune.Input)) {
		s.job.backend, s.job.own = merging, s.job.home+"/taskowned/job_"+s.job.id.String()+"_tm_1"
		n := &snapshot{job: s.job, id: 3, dir: s.job.home + "/chk-3", managed: []string{s.job.mergingDir(), s.job.own}}
		if !trip {
			n.managed[0] = s.job.home + "/shared/another"
		}
		s.snapshot(n)
		thing := s.names(s.job.mergingDir(), 1)[0]
		s.write(thing)
		return thing, nil
	},
	prune.GuardForSt: func(s *site, trip bool) (string, func(*prune.Input)) {
		thing := s.names(s.job.home+"/shared/op_1_0/db", 1)[0]
		s.write(thing)
		for id := range int64(3) {
			s.later()
			s.later()
			s.checkpoint(s.job, 3+id)
		}
		return thing, func(in *prune.Input) {
			if trip {
				in.Policy, in.World = prune.Policy{}, prune.World{}
			}
		}
	},
	prune.GuardOrphans: func(s *site, trip bool) (string, func(*prune.Input)) {
		return s.orphan, func(in *prune.Input) {
			if trip {
				in.Safety.MaxOrphanPercent = 1
			}
		}
	},
	prune.GuardElsewhere: func(s *site, trip bool) (string, func(*prune.Input)) {
		j := s.newJob("a")
		lost := j.home + "/shared/" + path.Base(s.orphan)
		if !trip {
			lost = s.names(j.home+"/shared", 1)[0]
		}
		s.checkpoint(j, 1, lost)
		if trip {
			s.drop(lost)
		}
		return s.orphan, nil
	},
	prune.GuardPlace: func(s *site, trip bool) (string, func(*prune.Input)) {
		thing := s.names(s.newJob("b").home+"/shared", 1)[0]
		s.rewrite(1, thing)
		s.roots = []string{"a", "b"}
		mode := prune.Swept
		if trip {
			mode = prune.Untouched
		}
		return thing, func(in *prune.Input) {
			in.Places = []prune.Place{{URL: url("a"), Mode: prune.Swept}, {URL: url("b"), Mode: mode}}
		}
	},
	prune.GuardCopy: func(s *site, trip bool) (string, func(*prune.Input)) {
		if trip {
			s.put(s.job.home+"/chk-9/"+layout.CopyMarkerName, 10, nil)
		}
		return s.orphan, nil
	},
	prune.GuardTrash: func(s *site, trip bool) (string, func(*prune.Input)) {
		thing := s.names("a/.ckpt/"+s.job.id.String()+"/shared", 1)[0]
		if !trip {
			thing = s.names(s.job.home+"/shared", 1)[0]
		}
		s.write(thing)
		return thing, nil
	},
}

// rewrite writes a checkpoint of the job again, now with other files.
func (s *site) rewrite(id int64, uses ...string) {
	s.now = s.now.Add(-24 * time.Hour)
	s.dropAll(s.job.home + "/" + layout.CheckpointID(id).Dir())
	s.checkpoint(s.job, id, uses...)
	s.later()
}

// linked is a store whose listing shows a link that leads out of it.
type linked struct{ *view }

func (l *linked) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		for o, err := range l.view.List(ctx, dir) {
			if !yield(o, err) {
				return
			}
		}
		yield(layout.Object{Key: "savepoints", Type: layout.TypeLink}, nil)
	}
}

// TestGuards: each guard that a plan can know trips as its class says, and what it watches
// over stays; and where nothing trips it, that goes.
func TestGuards(t *testing.T) {
	executing := []prune.Name{prune.GuardOpen, prune.GuardPlan} // have tests of their own, below
	for _, g := range prune.Guards {
		make, ok := guardCases[g.Name]
		if !ok {
			if !slices.Contains(executing, g.Name) {
				t.Errorf("guard %s has no test", g.Name)
			}
			continue
		}
		for _, trip := range []bool{true, false} {
			name := string(g.Name) + "/passes"
			if trip {
				name = string(g.Name) + "/trips"
			}
			t.Run(name, func(t *testing.T) {
				s := newSite(t)
				thing, change := make(s, trip)
				s.later()
				if s.files[thing] == nil {
					t.Fatalf("%s is not there from the beginning", thing)
				}
				p, _ := s.prune(change)
				want := prune.Passed
				if trip {
					want = g.Class
				}
				if got := outcome(p, g.Name); got != want {
					t.Errorf("the guard comes to %s, not %s; %v", got, want, tripped(p))
				}
				if stays := s.files[thing] != nil; stays != trip {
					t.Errorf("%s stays: %v; %v", thing, stays, tripped(p))
				}
				if p.Stopped() != (want == prune.StopAll) {
					t.Errorf("it stops: %v; %v", p.Stopped(), tripped(p))
				}
			})
		}
	}
}

// writing is a store in which one file is still being written.
type writing struct {
	*view
	open string
}

func (w *writing) Unfinished(_ context.Context, key string) (bool, error) { return key == w.open, nil }

// TestGuardOpen: a file that is under construction stays, and is told of.
func TestGuardOpen(t *testing.T) {
	s := newSite(t)
	s.later()
	key, _ := layout.Below("a", s.orphan)
	s.open = func(_ context.Context, url string) (layout.MutableStore, error) {
		v, err := s.shelf.open(t.Context(), url)
		return &writing{v.(*view), key}, err
	}
	if _, done := s.prune(nil); done.Left == 0 || s.files[s.orphan] == nil {
		t.Errorf("%+v, and the file is there: %v", done, s.files[s.orphan] != nil)
	}
	s.open = s.shelf.open
	if _, done := s.prune(nil); done.Left != 0 || s.files[s.orphan] != nil {
		t.Errorf("%+v, and the file is there: %v", done, s.files[s.orphan] != nil)
	}
}

// TestGuardPlan: a saved plan that has expired is not executed.
func TestGuardPlan(t *testing.T) {
	s := newSite(t)
	s.later()
	p, _, err := s.prunes(t.Context(), s.open, func(in *prune.Input) { keepOne(in) }, "a")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := prune.Save(&file, p, prune.SaveOptions{Version: "1", Now: s.now}); err != nil {
		t.Fatal(err)
	}
	saved, err := prune.Load(&file)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := saved.Check(p, "1", s.now.Add(time.Minute)); err != nil {
		t.Errorf("a young plan: %v", err)
	}
	_, _, err = saved.Check(p, "1", s.now.Add(2*time.Hour))
	if stop := (*prune.StoppedError)(nil); !errors.As(err, &stop) || stop.Guard != prune.GuardPlan {
		t.Errorf("an old plan: %v", err)
	}
}

// TestNamedThatStays: what a snapshot means that the user named is no question if it goes,
// and is one if it stays.
func TestNamedThatStays(t *testing.T) {
	for stays, want := range map[bool]bool{true: true, false: false} {
		s := newSite(t)
		j := s.newJob("a")
		s.checkpoint(j, 1)
		s.later()
		odd := s.checkpoint(j, 2, s.names("elsewhere/shared", 1)...)
		if !stays {
			s.later()
		}
		p, _ := s.prune(func(in *prune.Input) {
			in.Policy = prune.Policy{Remove: []string{url(j.home + "/chk-1"), url(odd.dir)}}
			in.Safety.MinAge = 20 * time.Hour
		})
		if p.Stopped() != want || slices.Contains(tripped(p), prune.GuardReference) != want {
			t.Errorf("stays: %v: %v", stays, tripped(p))
		}
	}
}
