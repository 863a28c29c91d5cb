package restore

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"pgregory.net/rapid"
)

// operatorHandle is list, union and broadcast state of sub-task i of a checkpoint: its offsets tell whose they are.
func operatorHandle(i, elements int) *metadata.OperatorStateHandle {
	offsets := make([]int64, elements)
	for e := range offsets {
		offsets[e] = int64(1000*i + e)
	}
	return &metadata.OperatorStateHandle{
		Delegate: &metadata.InlineHandle{Name: metadata.NewUTF(fmt.Sprint(i))},
		States: []metadata.OperatorStateMeta{
			{Name: "list", Mode: metadata.SplitDistribute, Offsets: offsets},
			{Name: "union", Mode: metadata.Union, Offsets: offsets},
			{Name: "broadcast", Mode: metadata.Broadcast, Offsets: []int64{int64(1000 * i)}},
		},
	}
}

func keyedHandle(r metadata.KeyGroupRange) metadata.KeyedHandle {
	return &metadata.KeyGroupsHandle{Range: r, Offsets: make([]int64, r.Len())}
}

// checkpoint has one operator of p sub-tasks with all kinds of state.
func checkpoint(uid string, p, m int32, elements func(i int) int) *metadata.Checkpoint {
	op := metadata.OperatorState{ID: metadata.OperatorIDOf(uid), UID: metadata.NewUTF(uid), Parallelism: p, MaxParallelism: m}
	for i := range p {
		op.Subtasks = append(op.Subtasks, metadata.SubtaskState{Index: i, ManagedKeyed: keyedHandle(metadata.RangeOf(m, p, i)),
			ManagedOperator: operatorHandle(int(i), elements(int(i)))})
	}
	return &metadata.Checkpoint{Version: metadata.Version5, ID: 7, Operators: []metadata.OperatorState{op}}
}

func operatorOf(uid string, p int32) Operator {
	return Operator{ID: metadata.OperatorIDOf(uid), UID: uid, Parallelism: p}
}

// offsets are those of one state that a sub-task was dealt.
func offsets(s *SubtaskAssignment, name metadata.UTF) []int64 {
	var all []int64
	for _, h := range s.Operator {
		for _, st := range h.States {
			if st.Name == name {
				all = append(all, st.Offsets...)
			}
		}
	}
	return all
}

func TestAssignAnyParallelism(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := int32(rapid.IntRange(1, 300).Draw(t, "max"))
		was := int32(rapid.IntRange(1, int(min(m, 9))).Draw(t, "was"))
		now := int32(rapid.IntRange(1, int(min(m, 9))).Draw(t, "now"))
		counts := rapid.SliceOfN(rapid.IntRange(0, 5), int(was), int(was)).Draw(t, "elements")
		c := checkpoint("op", was, m, func(i int) int { return counts[i] })
		a, err := Assign(c, []Operator{operatorOf("op", now)}, false)
		if err != nil {
			t.Fatal(err)
		}
		op := a.Operators[metadata.OperatorIDOf("op")]
		if op.MaxParallelism != m || len(op.Subtasks) != int(now) {
			t.Fatalf("max parallelism %d, %d sub-tasks", op.MaxParallelism, len(op.Subtasks))
		}
		var all, dealtOut []int64
		for i, n := range counts {
			for e := range n {
				all = append(all, int64(1000*i+e))
			}
		}
		groups := map[int32]int{}
		for i := range op.Subtasks {
			s := &op.Subtasks[i]
			checkKeyed(t, s, groups)
			mine := offsets(s, "list")
			dealtOut = append(dealtOut, mine...)
			if was != now && (len(mine) > (len(all)+int(now)-1)/int(now) || len(mine) < len(all)/int(now)) {
				t.Fatalf("sub-task %d got %d of %d elements", i, len(mine), len(all))
			}
			if was == now && len(mine) != counts[i] {
				t.Fatalf("sub-task %d got %d elements and had %d", i, len(mine), counts[i])
			}
			if got := slices.Sorted(slices.Values(offsets(s, "union"))); !slices.Equal(got, all) {
				t.Fatalf("union state of sub-task %d: %v, not %v", i, got, all)
			}
			if got := offsets(s, "broadcast"); len(got) != 1 || got[0] != int64(1000*(i%int(was))) {
				t.Fatalf("broadcast state of sub-task %d: %v", i, got)
			}
		}
		if !slices.Equal(dealtOut, all) {
			t.Fatalf("dealt out %v, not %v", dealtOut, all)
		}
		for kg := range m {
			if groups[kg] != 1 {
				t.Fatalf("key group %d has %d owners", kg, groups[kg])
			}
		}
	})
}

// checkKeyed holds that the handles cover the sub-task's key groups, and that each of them is needed.
func checkKeyed(t *rapid.T, s *SubtaskAssignment, groups map[int32]int) {
	for kg := s.KeyGroups.First; kg <= s.KeyGroups.Last; kg++ {
		groups[kg]++
		n := 0
		for _, k := range s.Keyed {
			if k.Handle.KeyGroups().Contains(kg) {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("key group %d lies in %d handles", kg, n)
		}
	}
	for _, k := range s.Keyed {
		if in := k.Handle.KeyGroups().Intersection(s.KeyGroups); in.Len() == 0 {
			t.Fatalf("a handle of %s for %s", k.Handle.KeyGroups(), s.KeyGroups)
		}
	}
}

func TestAssignRefuses(t *testing.T) {
	one := func(int) int { return 1 }
	for name, c := range map[string]struct {
		change func(*metadata.OperatorState)
		op     Operator
		want   string
	}{
		"another operator": {func(*metadata.OperatorState) {}, operatorOf("other", 1), `operator "op" (`},
		"max parallelism":  {func(*metadata.OperatorState) {}, Operator{ID: metadata.OperatorIDOf("op"), UID: "op", Parallelism: 1, MaxParallelism: 64}, "settled for good"},
		"too many":         {func(*metadata.OperatorState) {}, operatorOf("op", 129), "above the max parallelism of 128"},
		"finished":         {func(s *metadata.OperatorState) { s.Subtasks[0].Finished = true }, operatorOf("op", 1), "had finished"},
		"fully finished":   {func(s *metadata.OperatorState) { s.FullyFinished = true }, operatorOf("op", 1), "had finished"},
		"coordinator":      {func(s *metadata.OperatorState) { s.Coordinator = &metadata.InlineHandle{} }, operatorOf("op", 1), "coordinator"},
		"in flight": {func(s *metadata.OperatorState) {
			s.Subtasks[0].InputChannels = []metadata.ChannelHandle{&metadata.SingleChannelHandle{}}
		}, operatorOf("op", 1), "in flight"},
		"a sub-task too many": {func(s *metadata.OperatorState) { s.Subtasks[0].Index = 9 }, operatorOf("op", 1), "sub-task 9 of 2"},
		"raw operator state": {func(s *metadata.OperatorState) {
			s.Subtasks[0].RawOperator = &metadata.OperatorStateHandle{States: []metadata.OperatorStateMeta{{Name: "_default_", Offsets: []int64{0}}}}
		}, operatorOf("op", 1), "sub-task 0 has raw operator state"},
		"key groups of nobody": {func(s *metadata.OperatorState) {
			s.Subtasks[1].ManagedKeyed = keyedHandle(metadata.KeyGroupRange{First: 64, Last: 255})
		}, operatorOf("op", 1), "sub-task 1 has key groups 64-255, and the max parallelism is 128"},
		"two modes": {func(s *metadata.OperatorState) {
			s.Subtasks[1].ManagedOperator.States[0].Mode = metadata.Union
		}, operatorOf("op", 1), "state list is dealt out by UNION in sub-task 1"},
		"absurd max": {func(s *metadata.OperatorState) { s.MaxParallelism = 1 << 20 }, operatorOf("op", 1), "a max parallelism of 1048576"},
	} {
		ck := checkpoint("op", 2, 128, one)
		c.change(&ck.Operators[0])
		_, err := Assign(ck, []Operator{c.op}, false)
		var incompatible *IncompatibleError
		if !errors.As(err, &incompatible) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if incompatible != nil && incompatible.OnlyMissing() != (name == "another operator") {
			t.Errorf("%s: only missing: %v", name, incompatible.OnlyMissing())
		}
	}
}

func TestAssignLeavesBehind(t *testing.T) {
	c := checkpoint("op", 2, 128, func(int) int { return 1 })
	c.Operators = append(c.Operators, metadata.OperatorState{ID: metadata.OperatorIDOf("empty"), Parallelism: 1, MaxParallelism: 128,
		Subtasks: []metadata.SubtaskState{{Index: 0}}})
	a, err := Assign(c, []Operator{operatorOf("other", 3)}, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Left) != 1 || a.Left[0].UID != "op" {
		t.Errorf("left behind: %v", a.Left)
	}
	if op := a.Operators[metadata.OperatorIDOf("other")]; op.MaxParallelism != 128 || len(op.Subtasks) != 3 {
		t.Errorf("%+v", op)
	}
	for p, want := range map[int32]int32{1: 128, 85: 128, 86: 256, 200: 512, 32768: 32768} {
		if got := DefaultMaxParallelism(p); got != want {
			t.Errorf("default max parallelism of %d: %d, not %d", p, got, want)
		}
	}
}

// Sub-tasks that cannot be are refused, and nothing of them is dealt out.
func TestAssignOddSubtasks(t *testing.T) {
	for name, index := range map[string]int32{"a sub-task 7 of 2": 7, "a sub-task -1 of 2": -1, "sub-task 0 twice": 0} {
		c := checkpoint("a", 2, 128, func(int) int { return 3 })
		c.Operators[0].Subtasks[1].Index = index
		var wrong *IncompatibleError
		if _, err := Assign(c, []Operator{operatorOf("a", 2)}, false); !errors.As(err, &wrong) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The number of key groups is settled where there is keyed state; else that of the job counts, and where it says nothing that of the checkpoint.
func TestAssignMaxParallelism(t *testing.T) {
	for _, c := range []struct {
		keyed           bool
		asked, was, now int32
	}{{true, 0, 64, 64}, {true, 64, 64, 64}, {false, 0, 64, 64}, {false, 32, 64, 32}, {false, 500, 64, 500}} {
		ck := checkpoint("op", 2, c.was, func(int) int { return 1 })
		for i := range ck.Operators[0].Subtasks {
			if !c.keyed {
				ck.Operators[0].Subtasks[i].ManagedKeyed = nil
			}
		}
		op := operatorOf("op", 3)
		op.MaxParallelism = c.asked
		a, err := Assign(ck, []Operator{op}, false)
		if err != nil {
			t.Fatal(err)
		}
		o := a.Operators[op.ID]
		if o.MaxParallelism != c.now || o.Subtasks[2].KeyGroups.Last != c.now-1 {
			t.Errorf("%+v: %d, %s", c, o.MaxParallelism, o.Subtasks[2].KeyGroups)
		}
	}
}
