package compare_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout/compare"
	"github.com/ckpt-tool/ckpt/metadata"
)

// small is a checkpoint with a bit of everything that is compared.
func small() *metadata.Checkpoint {
	op := metadata.OperatorState{Name: "window", UID: "w", ID: metadata.OperatorIDOf("w"), Parallelism: 2, MaxParallelism: 128,
		Coordinator: &metadata.InlineHandle{Name: "c", Data: []byte("coordinator")}}
	for i := range int32(2) {
		r := metadata.RangeOf(128, 2, i)
		op.Subtasks = append(op.Subtasks, metadata.SubtaskState{
			Index: i,
			ManagedKeyed: &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: r, Offsets: make([]int64, r.Len()), HandleID: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
				Delegate: &metadata.InlineHandle{Name: "k", Data: []byte("keyed")}},
			ManagedOperator: &metadata.OperatorStateHandle{States: []metadata.OperatorStateMeta{{Name: "offsets", Offsets: []int64{0, 4}}},
				Delegate: &metadata.InlineHandle{Name: "o", Data: []byte("operator")}},
		})
	}
	return &metadata.Checkpoint{Version: metadata.Version6, ID: 7, Operators: []metadata.OperatorState{op},
		MasterStates: []metadata.MasterState{{Name: "hook", Data: []byte("x")}},
		Properties:   &metadata.Properties{DiscardSubsumed: true, Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}}
}

func side(t *testing.T, c *metadata.Checkpoint) *compare.Side {
	t.Helper()
	data, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := compare.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each difference is found, and nothing besides.
func TestFields(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*metadata.Checkpoint)
		fields []string // of the snapshot, then of the operator
	}{
		"nothing": {func(*metadata.Checkpoint) {}, nil},
		"id":      {func(c *metadata.Checkpoint) { c.ID = 8 }, []string{"checkpointId"}},
		"version": {func(c *metadata.Checkpoint) { c.Version = metadata.Version5 }, []string{"metadataVersion"}},
		"type": {func(c *metadata.Checkpoint) {
			c.Properties.Type.Sharing = "FORWARD"
			c.Properties.Type.Name = "Full Checkpoint"
		}, []string{"snapshotType"}},
		"retention":    {func(c *metadata.Checkpoint) { c.Properties.DiscardFailed = true }, []string{"discardedWhen"}},
		"forced":       {func(c *metadata.Checkpoint) { c.Properties.Forced = true }, []string{"forced"}},
		"master state": {func(c *metadata.Checkpoint) { c.MasterStates[0].Data = []byte("y") }, []string{"masterStates"}},
		"uid":          {func(c *metadata.Checkpoint) { c.Operators[0].UID = "" }, []string{"uid"}},
		"name":         {func(c *metadata.Checkpoint) { c.Operators[0].Name = "other" }, []string{"name"}},
		"maximum":      {func(c *metadata.Checkpoint) { c.Operators[0].MaxParallelism = 256 }, []string{"maxParallelism"}},
		"a state":      {func(c *metadata.Checkpoint) { c.Operators[0].Subtasks[0].ManagedOperator.States[0].Name = "positions" }, []string{"state offsets", "state positions"}},
		"a mode":       {setModes, []string{"state offsets"}},
		"elements": {func(c *metadata.Checkpoint) {
			c.Operators[0].Subtasks[1].ManagedOperator.States[0].Offsets = []int64{0}
		}, []string{"state offsets"}},
		"bytes":          {func(c *metadata.Checkpoint) { c.Operators[0].Coordinator.Data = []byte("Coordinator") }, []string{"inlineDigest"}},
		"bytes swapped":  {swapSubtasks, []string{"inlineDigest"}},
		"more bytes":     {func(c *metadata.Checkpoint) { c.Operators[0].Coordinator.Data = []byte("!coordinator") }, []string{"stateSize", "checkpointedSize", "inlineBytes", "stateSize", "checkpointedSize", "inlineBytes"}},
		"another order":  {func(c *metadata.Checkpoint) { slices.Reverse(c.Operators[0].Subtasks) }, nil},
		"names of bytes": {func(c *metadata.Checkpoint) { c.Operators[0].Coordinator.Name = "d" }, nil},
		"finished":       {finish, []string{"stateSize", "checkpointedSize", "inlineBytes", "finishedSubtasks", "keyGroups", "state offsets", "stateSize", "checkpointedSize", "inlineBytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			changed := small()
			c.change(changed)
			d := compare.Compare(side(t, small()), side(t, changed))
			var fields []string
			for _, f := range slices.Concat(d.Changes, d.Operators[0].Changes) {
				fields = append(fields, f.Field)
			}
			if diff := cmp.Diff(c.fields, fields); diff != "" {
				t.Error(diff)
			}
			if d.Empty() != (len(c.fields) == 0) {
				t.Errorf("empty: %v", d.Empty())
			}
		})
	}
}

func setModes(c *metadata.Checkpoint) {
	for _, s := range c.Operators[0].Subtasks {
		s.ManagedOperator.States[0].Mode = metadata.Union
	}
}

func swapSubtasks(c *metadata.Checkpoint) {
	s := c.Operators[0].Subtasks
	s[0].ManagedOperator.Delegate, s[0].ManagedKeyed.(*metadata.KeyGroupsHandle).Delegate =
		&metadata.InlineHandle{Name: "o", Data: []byte("keyed123")}, &metadata.InlineHandle{Name: "k", Data: []byte("opera")}
}

func finish(c *metadata.Checkpoint) {
	c.Operators[0].Subtasks[1] = metadata.SubtaskState{Index: 1, Finished: true}
}

// An operator that got another id is told from two that have nothing to do with each other.
func TestOperators(t *testing.T) {
	renamed := small()
	renamed.Operators[0].ID, renamed.Operators[0].UID = metadata.OperatorIDOf("v"), "v"
	d := compare.Compare(side(t, small()), side(t, renamed))
	type row struct {
		UID    string
		Status compare.Status
		Alike  int
	}
	var got []row
	for _, o := range d.Operators {
		got = append(got, row{o.UID(), o.Status, len(o.Alike)})
	}
	if diff := cmp.Diff([]row{{"v", compare.Added, 1}, {"w", compare.Removed, 1}}, got); diff != "" {
		t.Error(diff)
	}
	renamed.Operators[0].Name = "other"
	for _, o := range compare.Compare(side(t, small()), side(t, renamed)).Operators {
		if len(o.Alike) > 0 {
			t.Errorf("%s is taken for %v", o.UID(), o.Alike)
		}
	}
}

// What older versions do not record is no change.
func TestNamesOfOldVersions(t *testing.T) {
	old := small()
	old.Version, old.Operators[0].Name, old.Operators[0].UID = metadata.Version4, "", ""
	d := compare.Compare(side(t, old), side(t, small()))
	if o := d.Operators[0]; o.Status != compare.Same || o.UID() != "w" || o.Name() != "window" {
		t.Errorf("%+v", o)
	}
}

func TestReadRefuses(t *testing.T) {
	if _, err := compare.Read(bytes.NewReader([]byte("no")), 2); err == nil {
		t.Error("read what is none")
	}
}
