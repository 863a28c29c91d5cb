package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// ends are all ends of a job, and what each policy keeps then.
var ends = []struct {
	status JobStatus
	keeps  []Retention
}{
	{Finished, nil},
	{Canceled, []Retention{RetainOnCancellation}},
	{Failed, []Retention{RetainOnFailure, RetainOnCancellation}},
	{Suspended, []Retention{RetainOnCancellation}},
}

func TestRetention(t *testing.T) {
	for _, policy := range []Retention{NeverRetain, RetainOnFailure, RetainOnCancellation} {
		for _, end := range ends {
			t.Run(fmt.Sprintf("%v/%v", policy, end.status), func(t *testing.T) {
				r := newRig(t, Config{Retention: policy, NumRetained: 2})
				for i := 1; i <= 3; i++ {
					r.take(Checkpoint, "x", fmt.Sprint("p", i), fmt.Sprint("a", i), "b") // b is used by all
				}
				r.take(Savepoint, "x")
				r.wantTree("subsumed", "chk-2/_metadata", "chk-2/x", "chk-3/_metadata", "chk-3/x", "savepoint-4/_metadata", "savepoint-4/x",
					"shared/p2", "shared/p3", "shared/a2", "shared/a3", "shared/b")
				r.trigger(Checkpoint)
				if _, err := r.ack(5, 0, "x", "a5", "b"); err != nil { // pending
					t.Error(err)
				}
				report := r.shutdown(end.status)
				want := []string{"savepoint-4/_metadata", "savepoint-4/x"}
				kept := slices.Contains(end.keeps, policy)
				if kept {
					want = append(want, "chk-2/_metadata", "chk-2/x", "chk-3/_metadata", "chk-3/x", "shared/p2", "shared/p3", "shared/a2", "shared/a3", "shared/b")
				}
				r.wantTree("ended", want...)
				if (len(report.Retained) == 2) != kept || len(report.Left) > 0 {
					t.Errorf("%+v", report)
				}
				for _, c := range report.Retained {
					if c.IsDiscarded() {
						t.Errorf("%v is discarded", c)
					}
				}
			})
		}
	}
}

// A snapshot that the job was restored from, in each claim mode.
func TestRetentionOfRestored(t *testing.T) {
	for _, mode := range []restore.ClaimMode{restore.NoClaim, restore.Claim, restore.Legacy} {
		for _, end := range ends {
			for _, policy := range []Retention{NeverRetain, RetainOnFailure, RetainOnCancellation} {
				r := newRig(t, Config{Retention: policy, NumRetained: 2})
				r.initial(mode)
				old := []string{"/old/chk-7/_metadata", "/old/chk-7/x", "/old/shared/s", "/old/shared/p"}
				r.take(Checkpoint, "a")
				report := r.shutdown(end.status)
				var want []string
				keeps := slices.Contains(end.keeps, policy)
				if mode != restore.Claim || keeps {
					want = append(want, old...)
				}
				if keeps {
					want = append(want, "chk-8/_metadata", "shared/a")
				}
				r.wantTree(fmt.Sprintf("%v, %v, %v", mode, policy, end.status), want...)
				if n := strings.Count(strings.Join(want, " "), "_metadata"); len(report.Retained) != n {
					t.Errorf("%v, %v, %v: %d are retained, want %d", mode, policy, end.status, len(report.Retained), n)
				}
			}
		}
	}
}

// initial restores from checkpoint 7 of another job.
func (r *rig) initial(mode restore.ClaimMode) *Restored {
	r.Helper()
	const dir = "/old/chk-7"
	r.put(dir+"/x", "/old/shared/s", "/old/shared/p")
	file := func(p string) metadata.StreamHandle { return &metadata.FileHandle{Path: metadata.UTF(p), Size: 10} }
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, BackendID: "b", HandleID: "h", Range: metadata.KeyGroupRange{Last: 127},
		Meta:    &metadata.RelativeFileHandle{Path: "x", Size: 10},
		Shared:  []metadata.NamedFile{{Name: "s", File: file("file:/old/shared/s")}}, // another spelling
		Private: []metadata.NamedFile{{Name: "p", File: file("file:///old/shared/p")}}}
	m := &metadata.Checkpoint{Version: 3, ID: 7, Operators: []metadata.OperatorState{{ID: metadata.OperatorID{1}, Parallelism: 1, MaxParallelism: 128,
		Subtasks: []metadata.SubtaskState{{ManagedKeyed: h}}}}}
	r.w.disk.metas[dir] = &simMeta{id: 7}
	if err := r.c.RestoreInitial(InitialRestore{Checkpoint: m, Pointer: dir, ClaimMode: mode}); err != nil {
		r.Fatal(err)
	}
	return r.restore(2)
}

// restore begins again, as attempt n.
func (r *rig) restore(n int32) *Restored {
	r.Helper()
	f := r.c.RestoreLatestCheckpointedStateToAll(r.tasks, false)
	r.w.settle()
	got, err := outcome(f)
	if err != nil {
		r.Fatal(err)
	}
	r.deploy(n)
	return got
}

func TestOrderOfDeletion(t *testing.T) {
	r := newRig(t, Config{SequentialCleaning: true})
	r.take(Checkpoint, "x", "p1", "a", "b")
	r.take(Checkpoint, "x", "p2", "b")
	want := []string{"chk-1/_metadata", "chk-1/x", "shared/p1", "chk-1/", "shared/a"}
	if have := r.deleted(); !slices.Equal(have, want) {
		t.Errorf("subsumed: %v", have)
	}
	r.w.trace = nil
	id, _ := r.trigger(Checkpoint)
	if _, err := r.ack(id, 0, "x", "c"); err != nil {
		t.Error(err)
	}
	r.put("/tree/job/chk-3/y") // of a task that has not answered
	r.c.AbortPending(TaskFailure, nil)
	r.w.settle()
	if have := r.deleted(); !slices.Equal(have, []string{"chk-3/x", "shared/c", "chk-3/y"}) {
		t.Errorf("aborted: %v", have)
	}
	r.w.trace = nil
	r.shutdown(Finished)
	if have := r.deleted(); !slices.Equal(have, []string{"chk-2/_metadata", "chk-2/x", "shared/p2", "chk-2/", "shared/b"}) {
		t.Errorf("ended: %v", have)
	}
}

// What a checkpoint has for itself goes with it, also while others are pending: they may come to refer to its shared files only.
func TestSubsumedWhilePending(t *testing.T) {
	r := newRig(t, Config{MaxConcurrent: 2})
	r.take(Checkpoint, "x", "p", "a")
	two, _ := r.trigger(Checkpoint)
	three, _ := r.trigger(Checkpoint)
	r.complete(two, "b")
	r.wantTree("3 is pending", "chk-2/_metadata", "shared/a", "shared/b")
	if left := r.c.Left(); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	r.complete(three, "b")
	r.wantTree("3 is complete", "chk-3/_metadata", "shared/b")
}

func TestClaimedIsSubsumed(t *testing.T) {
	r := newRig(t, Config{})
	r.initial(restore.Claim)
	if id := r.take(Checkpoint, "a", "/old/shared/s").ID; id != 8 {
		t.Errorf("the first id is %d", id)
	}
	r.wantTree("used", "chk-8/_metadata", "shared/a", "/old/shared/s")
	r.take(Checkpoint, "a")
	r.wantTree("unused", "chk-9/_metadata", "shared/a")
}

func TestNoClaim(t *testing.T) {
	r := newRig(t, Config{})
	got := r.initial(restore.NoClaim)
	if !got.NoClaim || got.ID != 7 || got.Exclusive != "/old/chk-7" {
		t.Errorf("%+v", got)
	}
	for want, typ := range []Type{FullCheckpoint, Checkpoint} {
		id, _ := r.trigger(Checkpoint)
		if have := r.options[id].Type; have != typ {
			t.Errorf("checkpoint %d is a %v, want %v", want, have, typ)
		}
		r.complete(id, "a")
	}
	if p := r.c.SuccessfulCheckpoints()[0].Properties.Type; p != Checkpoint {
		t.Errorf("_metadata says %v", p)
	}
	if got = r.restore(3); got.NoClaim || got.ID != 9 {
		t.Errorf("%+v", got)
	}
}

func TestStore(t *testing.T) {
	checkpoint := func(id int64) *CompletedCheckpoint {
		return &CompletedCheckpoint{ID: id, Properties: PropertiesForCheckpoint(NeverRetain, Checkpoint)}
	}
	savepoint := func(id int64, typ Type) *CompletedCheckpoint {
		return &CompletedCheckpoint{ID: id, Properties: PropertiesForSavepoint(typ)}
	}
	for _, c := range []struct {
		name    string
		max     int
		add     []*CompletedCheckpoint
		dropped string
		left    string
	}{
		{"oldest first", 2, []*CompletedCheckpoint{checkpoint(1), checkpoint(2), checkpoint(3), checkpoint(4)}, "1 2", "3 4"},
		{"none at all", 0, []*CompletedCheckpoint{checkpoint(1), checkpoint(2)}, "1", "2"},
		{"a restored savepoint takes a slot", 2, []*CompletedCheckpoint{savepoint(1, Savepoint), checkpoint(2), checkpoint(3)}, "1", "2 3"},
		{"the latest checkpoint stays behind savepoints", 1, []*CompletedCheckpoint{checkpoint(1), savepoint(2, Savepoint), savepoint(3, Savepoint)}, "2", "1 3"},
		{"but for the last savepoint", 1, []*CompletedCheckpoint{checkpoint(1), savepoint(2, SavepointSuspend)}, "1", "2"},
	} {
		s := NewCompletedCheckpointStore(c.max)
		var dropped, left []string
		for _, a := range c.add {
			for _, d := range s.Add(a) {
				dropped = append(dropped, fmt.Sprint(d.ID))
			}
		}
		for _, l := range s.All() {
			left = append(left, fmt.Sprint(l.ID))
		}
		if strings.Join(dropped, " ") != c.dropped || strings.Join(left, " ") != c.left {
			t.Errorf("%s: dropped %v, left %v", c.name, dropped, left)
		}
	}
}

func TestProperties(t *testing.T) {
	for typ := Checkpoint; typ <= SavepointSuspend; typ++ {
		for _, policy := range []Retention{NeverRetain, RetainOnFailure, RetainOnCancellation} {
			p := PropertiesForCheckpoint(policy, typ)
			if typ.IsSavepoint() {
				p = PropertiesForSavepoint(typ)
			}
			data, err := metadata.Encode(&metadata.Checkpoint{Version: 5, ID: 1, Properties: p.Metadata()})
			if err != nil {
				t.Fatal(err)
			}
			m, err := metadata.Decode(data)
			if err != nil || !m.Properties.Understood || m.Properties.Type.IsSavepoint() != typ.IsSavepoint() {
				t.Errorf("%v: %+v, %v", typ, m, err)
			}
			for _, end := range ends {
				keeps := typ.IsSavepoint() || slices.Contains(end.keeps, policy)
				c := &CompletedCheckpoint{Properties: p}
				if c.DiscardOnShutdown(end.status) == keeps || c.IsDiscarded() == keeps {
					t.Errorf("%v, %v, %v: kept is not %v", typ, policy, end.status, keeps)
				}
			}
			if c := (&CompletedCheckpoint{Properties: p}); c.DiscardOnSubsume() == typ.IsSavepoint() || c.DiscardOnCancellation() == (typ.IsSavepoint() || policy == RetainOnCancellation) {
				t.Errorf("%v, %v: subsumed or cancelled", typ, policy)
			}
		}
	}
}
