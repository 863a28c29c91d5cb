package prune_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// crafted writes the _metadata of chk-1, which goes, with handles of anybody's making.
func (s *site) crafted(files ...metadata.StreamHandle) {
	s.t.Helper()
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, CheckpointID: 1, BackendID: someUUID, HandleID: otherUUID, Range: allGroups,
		Meta: &metadata.InlineHandle{Name: "meta", Data: make([]byte, 20)}}
	for _, f := range files {
		h.Shared = append(h.Shared, metadata.NamedFile{Name: "000001.sst", File: f})
		h.Private = append(h.Private, metadata.NamedFile{Name: "MANIFEST", File: f})
	}
	s.encode(metadata.SubtaskState{ManagedKeyed: h})
}

// encode writes the _metadata of chk-1 with one sub-task.
func (s *site) encode(state metadata.SubtaskState) {
	s.t.Helper()
	op := metadata.OperatorState{ID: metadata.OperatorIDOf("window-0"), Parallelism: 1, MaxParallelism: 8, Subtasks: []metadata.SubtaskState{state}}
	source := metadata.OperatorState{ID: metadata.OperatorIDOf("source"), Parallelism: 1, MaxParallelism: 8}
	data, err := metadata.Encode(&metadata.Checkpoint{Version: 3, ID: 1, Operators: []metadata.OperatorState{source, op}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.now = s.now.Add(-24 * time.Hour)
	s.put(s.first(), 0, data)
	s.later()
}

func absolute(path string, size int64) *metadata.FileHandle {
	return &metadata.FileHandle{Path: metadata.UTF(path), Size: size}
}

// TestHostileMetadata: a _metadata that goes may name anything. Nothing goes by it that is
// not Flink's, not in the roots, or of a job that may live, and a guard tells.
func TestHostileMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		craft func(s *site)
		guard prune.Name // "" where nothing needs one
		stays bool       // the checkpoint, too, though nothing is stopped
	}{
		"../": {func(s *site) {
			s.crafted(&metadata.RelativeFileHandle{Path: "../../../important.txt", Size: 100}, &metadata.RelativeFileHandle{Path: "../chk-2/_metadata", Size: 10})
		}, prune.GuardReference, false},
		"absolute, with dots": {func(s *site) { s.crafted(absolute(url(s.job.home)+"/shared/../../../outside/"+someUUID, 10)) }, prune.GuardReference, false},
		"absolute, outside":   {func(s *site) { s.crafted(absolute(url("outside/"+someUUID), 10)) }, prune.GuardReference, false},
		"another bucket":      {func(s *site) { s.crafted(absolute("mem://other/a/"+someUUID, 10)) }, prune.GuardReference, false},
		"another storage":     {func(s *site) { s.crafted(absolute("s3://bucket/flink/"+someUUID, 10)) }, prune.GuardReference, false},
		"no path at all":      {func(s *site) { s.crafted(absolute("..", 10)) }, prune.GuardReference, false},
		"somebody's file":     {func(s *site) { s.crafted(absolute(url("a/important.txt"), 100)) }, prune.GuardNames, false},
		"somebody's file in shared/": {func(s *site) {
			s.put(s.job.home+"/shared/notes", 10, nil)
			s.crafted(absolute(url(s.job.home+"/shared/notes"), 10))
		}, prune.GuardNames, false},
		"files of a live job": {func(s *site) {
			f := "a/" + strings.Repeat("1", 32) + "/shared/" + someUUID
			s.put(f, 10, nil)
			s.crafted(absolute(url(f), 10))
		}, prune.GuardState, false},
		"the _metadata of another": {func(s *site) {
			f := s.job.home + "/chk-2/_metadata"
			s.crafted(absolute(url(f), s.files[f].size))
		}, "", false},
		// By its own word, it lies in a directory that is deleted as a whole.
		"the root as a directory of merged files": {func(s *site) {
			s.encode(metadata.SubtaskState{ManagedOperator: &metadata.OperatorStateHandle{Merging: &metadata.MergingDirs{Shared: "/", TaskOwned: metadata.UTF(url("a"))},
				Delegate: &metadata.SegmentHandle{Path: metadata.UTF(url("a/important.txt")), LogicalFile: someUUID, Size: 100}}})
		}, prune.GuardNames, true},
		"2^31 handles": {func(s *site) {
			data, err := os.ReadFile(filepath.Join(testdata.Root(s.t), "bad", "huge-count", "_metadata"))
			if err != nil {
				s.t.Fatal(err)
			}
			s.put(s.first(), 0, data)
		}, prune.GuardMetadata, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.put("a/important.txt", 100, nil)
			s.put("outside/"+someUUID, 10, nil)
			s.put("outside/important.txt", 100, nil)
			c.craft(s)
			s.later()
			before := maps.Clone(s.files)
			p, _ := s.prune(func(in *prune.Input) {
				job, _ := layout.ParseJobID(strings.Repeat("1", 32))
				in.World.Jobs = map[layout.JobID]prune.JobState{job: {Life: prune.Live}}
			})
			s.checkOnlyOwn(before)
			if c.guard != "" && outcome(p, c.guard) == prune.Passed {
				t.Errorf("the guard %s lets it pass; %v", c.guard, tripped(p))
			}
			if stays := s.files[s.first()] != nil; stays != (p.Stopped() || c.stays) {
				t.Errorf("the checkpoint stays: %v; %v", stays, tripped(p))
			}
		})
	}
}

// checkOnlyOwn fails where anything has gone but the orphan and what lies in chk-1.
func (s *site) checkOnlyOwn(before map[string]*shelved) {
	s.t.Helper()
	for key := range before {
		if s.files[key] == nil && key != s.orphan && !strings.HasPrefix(key, s.job.home+"/chk-1/") {
			s.t.Errorf("%s is gone", key)
		}
	}
}

// TestHostileLink: a link that leads out of the root, called like a file of Flink's and
// named by a _metadata that goes. What it leads to stays, and so does the link.
func TestHostileLink(t *testing.T) {
	s := newSite(t)
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, make([]byte, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, s.job.home, "shared", someUUID)
	s.crafted(absolute("file:"+link, 10))
	s.later()
	s.copyTo(dir)
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	open := func(ctx context.Context, u string) (layout.MutableStore, error) {
		return storage.New(storage.Settings{}).OpenMutable(ctx, filepath.Join(dir, strings.TrimPrefix(u, "mem://m/")))
	}
	s.now = time.Now().Add(1000 * time.Hour)
	p, _, err := s.prunes(t.Context(), open, keepOne, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(link); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
	if outcome(p, prune.GuardReference) != prune.StopAll {
		t.Errorf("what the link leads to is not known, and that stops nothing: %v", tripped(p))
	}
}

// copyTo writes the shelf to a directory.
func (s *site) copyTo(dir string) {
	s.t.Helper()
	for key, f := range s.files {
		file := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.t.Fatal(err)
		}
		data := f.data
		if data == nil {
			data = make([]byte, f.size)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestLyingListings: a listing that hides what is there, shows what is not, or tells the
// size that something had. Nothing that is needed goes.
func TestLyingListings(t *testing.T) {
	for name, lie := range map[string]func(s *site, p *faults.Plan, n *snapshot){
		// Each directory of a checkpoint is asked for its _metadata once more.
		"hides a _metadata": func(s *site, p *faults.Plan, n *snapshot) {
			p.Hidden = func(key string) bool { return "a/"+key == n.metadataKey() }
		},
		// A listing is late with all of a checkpoint, and shows it when it is asked again.
		"hides a checkpoint at first": func(s *site, p *faults.Plan, n *snapshot) {
			p.Hidden = func(key string) bool {
				return p.Lists.Load() <= 1 && strings.HasPrefix("a/"+key, n.dir)
			}
		},
		"hides a file that is used": func(s *site, p *faults.Plan, n *snapshot) {
			p.Hidden = func(key string) bool { return "a/"+key == n.shared[0] }
		},
		"shows what is not there": func(s *site, p *faults.Plan, n *snapshot) {
			home := strings.TrimPrefix(s.job.home, "a/")
			p.Phantoms = []layout.Object{{Key: home + "/chk-9/_metadata", Size: 100, Modified: epoch}, {Key: home + "/shared/" + someUUID, Size: 7, Modified: epoch}}
		},
		"tells old sizes": func(s *site, p *faults.Plan, n *snapshot) {
			p.Stale = func(o layout.Object) layout.Object {
				if o.Type == layout.TypeFile && strings.Contains(o.Key, "/shared/") {
					o.Size++
				}
				return o
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			n := s.checkpoint(s.job, 3, s.names(s.job.home+"/shared", 2)...)
			s.later()
			plan := &faults.Plan{}
			lie(s, plan, n)
			s.open = plan.WrapMutable(s.shelf.open)
			s.prune(nil)
			s.checkThere(append(n.files(), n.metadataKey())...)
		})
	}
}

// TestWrongMap: a --map that leads to nowhere would make an orphan of every file. It stops
// everything.
func TestWrongMap(t *testing.T) {
	s := newSite(t)
	s.checkpoint(s.job, 3, s.names(s.job.home+"/shared", 2)...)
	s.later()
	s.maps = []layout.Mapping{{Old: url(s.job.home + "/shared"), New: url(s.job.home + "/taskowned")}}
	before := len(s.files)
	p, _ := s.prune(nil)
	if outcome(p, prune.GuardReference) != prune.StopAll || len(s.files) != before {
		t.Errorf("%d of %d files are left; %v", len(s.files), before, tripped(p))
	}
}

// TestClockSkew: where this machine's clock and the storage's do not agree, no age can be
// believed, and nothing goes.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, 10 * time.Minute, 1000 * time.Hour} {
		s := newSite(t)
		s.later()
		s.skew = skew
		before := slices.Collect(maps.Keys(s.files))
		_, done := s.prune(nil)
		stop, _ := done.Stopped.(*prune.StoppedError)
		if stop == nil || stop.Guard != prune.GuardClock {
			t.Errorf("%s: %v", skew, done.Stopped)
		}
		s.checkThere(before...)
	}
}
