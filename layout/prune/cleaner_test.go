package prune_test

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/testdata"
)

// These are the five ways in which a cleaner that reads _metadata is known to delete live
// state.

// checkThere fails for files that have gone.
func (s *site) checkThere(keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		if s.files[key] == nil {
			s.t.Errorf("%s is gone", key)
		}
	}
}

// checkPruned fails where prune had nothing to delete: then the test shows nothing.
func (s *site) checkPruned() {
	s.t.Helper()
	if s.files[s.first()] != nil || s.files[s.orphan] != nil {
		s.t.Error("what should go has not gone")
	}
}

// TestCleanerSkipsOperatorState: operator state that lies in the directory of a checkpoint
// that goes, and is used by one that stays, of another job.
func TestCleanerSkipsOperatorState(t *testing.T) {
	s := newSite(t)
	old := s.snapshots1()
	heir := &snapshot{job: s.newJob("a"), id: 2, dir: ""}
	heir.dir = heir.job.home + "/chk-2"
	heir.exclusive = []string{old.exclusive[0]} // that of the list, by an absolute path
	s.put(heir.metadataKey(), 0, s.metadata(heir))
	s.later()
	s.prune(nil)
	s.checkThere(old.exclusive[0], heir.metadataKey())
	s.checkPruned()
	if s.files[old.exclusive[1]] != nil {
		t.Error("what nobody uses any more stays")
	}
}

// snapshots1 writes chk-1 again, and tells what is in it.
func (s *site) snapshots1() *snapshot {
	s.now = s.now.AddDate(0, 0, -1)
	defer s.later()
	s.dropAll(path.Dir(s.first()))
	return s.checkpoint(s.job, 1)
}

// TestCleanerMarksSharedOnly: files that no list of shared files names, in directories that
// are shared: RocksDB's private files, materialisations and logs of changes, and segments.
func TestCleanerMarksSharedOnly(t *testing.T) {
	for _, b := range []backend{rocksdb, changelog, merging} {
		s := newSite(t)
		j := s.newJob("a")
		j.backend, j.own = b, j.home+"/taskowned/job_"+j.id.String()+"_tm_1"
		n := &snapshot{job: j, id: 5, dir: j.home + "/chk-5"}
		switch b {
		case rocksdb:
			n.private = s.names(j.home+"/shared", 2)
		case changelog:
			n.mat, n.log = s.names(j.home+"/taskowned", 2), s.names(j.home+"/dstl", 2)
		case merging:
			n.segments, n.managed = s.names(j.mergingDir(), 2), []string{j.mergingDir(), j.own}
		}
		s.snapshot(n)
		s.later()
		s.prune(nil)
		s.checkThere(append(n.files(), n.metadataKey())...)
		s.checkPruned()
	}
}

// TestCleanerSweepsAfterParseError: one _metadata that cannot be read, and nothing goes,
// whosever it is.
func TestCleanerSweepsAfterParseError(t *testing.T) {
	for _, name := range []string{"truncated-middle", "bad-magic", "trailing-bytes", "negative-length"} {
		s := newSite(t)
		data, err := os.ReadFile(filepath.Join(testdata.Root(t), "bad", name, "_metadata"))
		if err != nil {
			t.Fatal(err)
		}
		s.put(s.newJob("a").home+"/chk-1/_metadata", 0, data)
		s.later()
		before := s.things()
		p, done := s.prune(nil)
		if outcome(p, prune.GuardMetadata) != prune.StopAll || done.Objects > 0 || len(s.things()) != len(before) {
			t.Errorf("%s: %v, %+v", name, tripped(p), done)
		}
	}
}

// TestCleanerIgnoresOldVersions: what _metadata of any version uses stays; of one that is
// not read nobody knows, and nothing goes.
func TestCleanerIgnoresOldVersions(t *testing.T) {
	for version := int32(2); version <= 6; version++ {
		s := newSite(t)
		j := s.newJob("a")
		j.version = version
		n := s.checkpoint(j, 7, s.names(j.home+"/shared", 2)...)
		s.later()
		s.prune(nil)
		s.checkThere(append(n.files(), n.metadataKey())...)
		s.checkPruned()
	}
	for _, name := range []string{"version-1", "version-7"} {
		s := newSite(t)
		data, err := os.ReadFile(filepath.Join(testdata.Root(t), "bad", name, "_metadata"))
		if err != nil {
			t.Fatal(err)
		}
		s.put(s.newJob("a").home+"/chk-1/_metadata", 0, data)
		s.later()
		if p, done := s.prune(nil); outcome(p, prune.GuardMetadata) != prune.StopAll || done.Objects > 0 {
			t.Errorf("%s: %v, %+v", name, tripped(p), done)
		}
	}
}

// TestCleanerHasNoMinimumAge: a checkpoint is under way, of a job of which nobody knows,
// and then even of one that is said to have ended.
func TestCleanerHasNoMinimumAge(t *testing.T) {
	for _, world := range []prune.World{{}, ended} {
		s := newSite(t)
		s.later()
		s.later()
		uploads := append(s.names(s.job.home+"/shared", 2), s.names(s.job.home+"/chk-3", 1)...)
		for _, f := range uploads {
			s.write(f)
		}
		p, _ := s.prune(func(in *prune.Input) { in.World, in.Policy = world, prune.Policy{} })
		s.checkThere(uploads...)
		if outcome(p, prune.GuardAge) != prune.Hold {
			t.Errorf("%v", tripped(p))
		}
	}
}
