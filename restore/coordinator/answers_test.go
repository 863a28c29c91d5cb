package coordinator

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// Operators of one chain may have different numbers of key groups, as those of a checkpoint keep theirs. `_metadata` has that of each, and keyed
// state of any other key groups is refused: it could not be restored.
func TestMaxParallelismOfOperators(t *testing.T) {
	r := newRig(t, Config{}, func(o *Options) {
		v := &o.Vertices[1]
		v.MaxParallelism = 256
		v.Operators = []OperatorInfo{{ID: metadata.OperatorID{2}, UID: "old", MaxParallelism: 128}, {ID: metadata.OperatorID{3}, UID: "new"}}
	})
	id, f := r.trigger(Checkpoint)
	for n, task := range r.tasks {
		a := &Acknowledge{Task: task, Checkpoint: id}
		if n > 0 {
			s := r.state(task, id, "a")
			s.ManagedKeyed.(*metadata.IncrementalHandle).Range = metadata.RangeOf(128, 2, task.Subtask)
			a.States = map[metadata.OperatorID]metadata.SubtaskState{{2}: s}
		}
		if answer, err := r.c.ReceiveAcknowledge(a, ""); answer != Success || err != nil {
			t.Fatalf("task %v: %v, %v", task, answer, err)
		}
	}
	r.w.settle()
	c, err := outcome(f)
	if err != nil {
		t.Fatal(err)
	}
	if o := c.OperatorStates; len(o) != 3 || o[0].MaxParallelism != 128 || o[1].MaxParallelism != 128 || o[2].MaxParallelism != 256 {
		t.Errorf("%+v", o)
	}
	id, f = r.trigger(Checkpoint)
	s := r.state(r.tasks[2], id, "b") // of 256
	a := &Acknowledge{Task: r.tasks[2], Checkpoint: id, States: map[metadata.OperatorID]metadata.SubtaskState{{2}: s}}
	if answer, err := r.c.ReceiveAcknowledge(a, ""); answer != Discarded || err == nil || !strings.Contains(err.Error(), "old of task v2/1 answers with key groups 128-255, and has 64-127 of 128") {
		t.Errorf("other key groups: %v, %v", answer, err)
	}
	r.w.settle()
	if reason(r, f) != CheckpointDeclined {
		t.Error("the checkpoint goes on")
	}
	r.wantTree("refused", "chk-1/_metadata", "shared/a")
}

// Where checkpoints are not to be incremental, tasks hear of full ones only.
func TestFullCheckpoints(t *testing.T) {
	r := newRig(t, Config{Full: true})
	for range 2 {
		c := r.take(Checkpoint, "a")
		if r.options[c.ID].Type != FullCheckpoint || c.Properties.Type != Checkpoint {
			t.Errorf("%v: %v", c, r.options[c.ID].Type)
		}
	}
	if c := r.take(NativeSavepoint, "x"); r.options[c.ID].Type != NativeSavepoint {
		t.Errorf("%v: %v", c, r.options[c.ID].Type)
	}
}

// countingAccess counts deletions under way.
type countingAccess struct {
	simAccess
	now, most, all int
}

func (a *countingAccess) Discard(ctx context.Context, h metadata.StreamHandle, dir string) error {
	a.now++
	a.all++
	a.most = max(a.most, a.now)
	defer func() { a.now-- }()
	return a.simAccess.Discard(ctx, h, dir)
}

// However many files a checkpoint has, only some are deleted at a time.
func TestDeletesAtATime(t *testing.T) {
	a := &countingAccess{}
	r := newRig(t, Config{}, func(o *Options) {
		a.simAccess = o.Access.(simAccess)
		o.Access = a
	})
	files := make([]string, 20*parallelDeletes)
	for i := range files {
		files[i] = "f" + string(rune('A'+i%26)) + strings.Repeat("z", i/26)
	}
	r.take(Checkpoint, files...)
	r.take(Checkpoint, "a")
	r.wantTree("subsumed", "chk-2/_metadata", "shared/a")
	if a.most != parallelDeletes || a.all != len(files) {
		t.Errorf("%d of %d at a time", a.most, a.all)
	}
}

// All master states that no hook takes are named.
func TestMasterStatesLeft(t *testing.T) {
	r := newRig(t, Config{})
	m := &metadata.Checkpoint{Version: 3, ID: 7, MasterStates: []metadata.MasterState{{Name: "b"}, {Name: "a"}}}
	if err := r.c.RestoreInitial(InitialRestore{Checkpoint: m, Pointer: "/old/chk-7"}); err != nil {
		t.Fatal(err)
	}
	f := r.c.RestoreLatestCheckpointedStateToAll(r.tasks, true)
	r.w.settle()
	_, err := outcome(f)
	wrong, ok := err.(*restore.IncompatibleError)
	if !ok || !wrong.OnlyMissing() || !slices.EqualFunc(wrong.Problems, []string{"a", "b"}, func(p restore.Problem, name string) bool { return p.Name == name }) {
		t.Errorf("%v", err)
	}
}
