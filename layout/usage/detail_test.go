package usage_test

import (
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/metadata"
)

// detail is that of one snapshot, with the graph made anew to observe it.
func detail(t *testing.T, g *layout.Graph, n int) []usage.Operator {
	t.Helper()
	node := &g.Nodes[n]
	var o usage.Observer
	if _, err := layout.NewGraph(t.Context(), g.Trees, layout.GraphOptions{Observe: func(_ *layout.Tree, s *layout.Snapshot) func(*layout.Reference) {
		if s.Dir == node.Dir {
			return o.Observe
		}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	content, err := node.Tree.Store.Open(t.Context(), node.MetadataKey())
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	ops, err := o.Detail(content, content.Size, g)
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

// checkDetail holds the parts of the last snapshot against the whole.
func checkDetail(t *testing.T, u *usage.Usage) {
	t.Helper()
	n := len(u.Graph.Nodes) - 1
	node := &u.Graph.Nodes[n]
	var whole usage.Size
	for _, op := range detail(t, u.Graph, n) {
		var slots, subtasks usage.Size
		for i := range op.Slots {
			s := &op.Slots[i]
			add(&slots, s.Size)
			var states int64
			for _, state := range s.States {
				if states += state.Bytes; state.Bytes < 0 {
					t.Errorf("%s: %v", op.Name, state)
				}
			}
			if states > s.Recorded {
				t.Errorf("%s: states have %d of %d bytes", op.Name, states, s.Recorded)
			}
		}
		for i := range op.Subtasks {
			add(&subtasks, op.Subtasks[i].Size)
		}
		if slots.Recorded != op.Recorded || slots.Inline != op.Inline || slots.Files.Bytes < op.Files.Bytes {
			t.Errorf("%s: %+v in slots, %+v in all", op.Name, slots, op.Size)
		}
		// What the coordinator holds is in no sub-task.
		if subtasks.Recorded > op.Recorded || subtasks.Files.Bytes < op.Files.Bytes || op.Unique > op.Files.Bytes {
			t.Errorf("%s: %+v in sub-tasks, %+v in all", op.Name, subtasks, op.Size)
		}
		add(&whole, op.Size)
	}
	if whole.Recorded != node.Summary.Sizes.State || whole.Inline != node.Inline {
		t.Errorf("%s: operators have %+v, the snapshot %d and %d inline", node.Dir, whole, node.Summary.Sizes.State, node.Inline)
	}
	if files := node.Exclusive + node.Shared - node.Metadata.Size; len(node.Segments) == 0 && whole.Files.Bytes < files {
		t.Errorf("%s: operators use %d bytes of files, the snapshot %d", node.Dir, whole.Files.Bytes, files)
	}
}

func add(sum *usage.Size, s usage.Size) {
	sum.Recorded += s.Recorded
	sum.Inline += s.Inline
	sum.Unique += s.Unique
	sum.Files.Files += s.Files.Files
	sum.Files.Bytes += s.Files.Bytes
}

// TestStates: the bytes of operator states end where the next element begins, whatever
// the offsets are.
func TestStates(t *testing.T) {
	root := t.TempDir()
	state := func(name string, offsets ...int64) metadata.OperatorStateMeta {
		return metadata.OperatorStateMeta{Name: metadata.UTF(name), Offsets: offsets}
	}
	snapshotOf(t, root, &metadata.OperatorStateHandle{Delegate: &metadata.InlineHandle{Name: "x", Data: make([]byte, 100)}, States: []metadata.OperatorStateMeta{
		state("a", 10, 30), state("b", 20), state("c"), state("same", 40, 40), state("wild", -5, 1<<40),
	}})
	u := account(t, later(), root)
	ops := detail(t, u.Graph, 0)
	want := map[string]int64{"a": 20, "b": 10, "c": 0, "same": 60, "wild": 10}
	states := ops[0].Slots[0].States
	for _, s := range states {
		if s.Bytes != want[s.Name] {
			t.Errorf("%s has %d bytes, want %d", s.Name, s.Bytes, want[s.Name])
		}
	}
	if len(states) != len(want) || states[0].Name != "same" || states[0].Elements != 2 || ops[0].Inline != 100 {
		t.Errorf("%+v", ops[0])
	}
}
