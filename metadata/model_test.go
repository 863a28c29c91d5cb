package metadata_test

import (
	"bytes"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// handMade are checkpoints with the handles that no Flink at hand writes any more,
// or not in every place where they may stand.
func handMade() []*metadata.Checkpoint {
	file := &metadata.FileHandle{Path: "s3://bucket/a b%20c/x", Size: 7}
	inline := &metadata.InlineHandle{Name: metadata.NewUTF("nul\x00 日本 🎉"), Data: []byte{1, 2, 3}}
	groups := func(tag metadata.Tag, d metadata.StreamHandle) *metadata.KeyGroupsHandle {
		h := &metadata.KeyGroupsHandle{Tag: tag, Range: metadata.KeyGroupRange{First: 0, Last: 1}, Offsets: []int64{0, 9}, Delegate: d}
		if tag == metadata.TagKeyGroupsV2 {
			h.HandleID = "id"
		}
		return h
	}
	old := &metadata.IncrementalHandle{Tag: metadata.TagIncremental, CheckpointID: 3, BackendID: "not-a-uuid", Checkpointed: -1,
		Range: metadata.KeyGroupRange{First: 0, Last: 1}, Meta: groups(metadata.TagKeyGroups, inline),
		Shared: []metadata.NamedFile{{Name: "000012.sst", File: file}}, Private: []metadata.NamedFile{{Name: "CURRENT", File: inline}}}
	log := &metadata.ChangelogFileHandle{Tag: metadata.TagChangelogFile, Range: old.Range, Size: 10, Checkpointed: 4, HandleID: "l",
		StorageID: "filesystem", Parts: []metadata.ChangelogPart{{Offset: 4, File: file}}}
	memory := &metadata.ChangelogInlineHandle{Range: old.Range, From: 1, To: 3, HandleID: "m",
		Changes: []metadata.StateChange{{KeyGroup: -1, Data: []byte("meta")}, {KeyGroup: 1, Data: nil}}}
	changelog := &metadata.ChangelogHandle{Tag: metadata.TagChangelog, Range: old.Range, Checkpointed: 5, MaterializationID: 6, CheckpointID: 6, HandleID: "c",
		Materialized: []metadata.KeyedHandle{old, nil, groups(metadata.TagKeyGroups, file)}, NonMaterialized: []metadata.KeyedHandle{log, memory}}
	states := &metadata.OperatorStateHandle{Delegate: groups(metadata.TagKeyGroups, file), States: []metadata.OperatorStateMeta{
		{Name: "list", Mode: metadata.SplitDistribute, Offsets: []int64{1, 2}}, {Name: "bc", Mode: metadata.Broadcast}}}
	merging := &metadata.OperatorStateHandle{Merging: &metadata.MergingDirs{TaskOwned: "file:/t", Shared: "file:/s", Empty: true}, Delegate: &metadata.EmptySegmentHandle{}}
	in := &metadata.SingleChannelHandle{Direction: metadata.Input, Subtask: 1, Info: metadata.ChannelInfo{A: 2, B: 3}, Offsets: []int64{4}, Size: 5, Delegate: file}
	out := &metadata.SingleChannelHandle{Direction: metadata.Output, Info: metadata.ChannelInfo{A: 1}, Size: 1, Delegate: inline}

	v2 := &metadata.Checkpoint{Version: 2, ID: 0, Operators: []metadata.OperatorState{{ID: metadata.OperatorID{1}, Parallelism: 1, MaxParallelism: 2,
		Subtasks: []metadata.SubtaskState{{ManagedOperator: states, RawOperator: states, ManagedKeyed: old, RawKeyed: groups(metadata.TagSavepointKeyGroups, file)}}}}}
	v3 := &metadata.Checkpoint{Version: 3, ID: math.MaxInt64, MasterStates: []metadata.MasterState{{Name: "hook", Version: 1, Data: []byte("x")}},
		Operators: []metadata.OperatorState{
			{ID: metadata.OperatorID{2}, Parallelism: 3, MaxParallelism: 2 * 3, Coordinator: inline, Subtasks: []metadata.SubtaskState{
				{Index: 2, Finished: true}, {Index: 0, ManagedKeyed: changelog, InputChannels: []metadata.ChannelHandle{in}, OutputChannels: []metadata.ChannelHandle{out}}}},
			{ID: metadata.OperatorID{3}, Parallelism: 1, MaxParallelism: 1, FullyFinished: true}}}
	merged, _ := metadata.Merge([]*metadata.SingleChannelHandle{in, in})
	v6 := &metadata.Checkpoint{Version: 6, ID: 42, Properties: savepoint("CANONICAL", "Savepoint", "NONE"), Operators: []metadata.OperatorState{
		{Name: metadata.NewUTF("日本"), UID: "u", ID: metadata.OperatorID{4}, Parallelism: 2, MaxParallelism: 4, Subtasks: []metadata.SubtaskState{
			{Index: 1, ManagedOperator: merging, RawKeyed: groups(metadata.TagKeyGroupsV2, file),
				InputChannels: []metadata.ChannelHandle{in, merged}, OutputChannels: []metadata.ChannelHandle{out}}}}}}
	return []*metadata.Checkpoint{v2, v3, v6}
}

func savepoint(format, name, action string) *metadata.Properties {
	return &metadata.Properties{Forced: true, Understood: true,
		Type: metadata.SnapshotType{Class: "SavepointType", Name: name, Format: format, Action: action, Sharing: "NO_SHARING"}}
}

// TestHandMade encodes and decodes the handles that only old Flinks wrote.
func TestHandMade(t *testing.T) {
	for _, c := range handMade() {
		data, err := metadata.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := metadata.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		again, err := metadata.Encode(got)
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("version %d: %v", c.Version, err)
		}
		ignore := cmpopts.IgnoreUnexported(metadata.OperatorState{}, metadata.SubtaskState{}, metadata.MergingDirs{}, metadata.Properties{})
		if diff := cmp.Diff(c, got, ignore, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("version %d: %s", c.Version, diff)
		}
	}
}

// TestProperties makes the properties of every real file anew: Java's own bytes must come out.
func TestProperties(t *testing.T) {
	kinds := map[metadata.SnapshotType]int{}
	for _, s := range snapshots(t) {
		data := read(t, filepath.Join(s.Dir, "_metadata"))
		c, err := metadata.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if c.Properties == nil {
			continue
		}
		old := c.Properties
		c.Properties = &metadata.Properties{Type: old.Type, Forced: old.Forced, DiscardSubsumed: old.DiscardSubsumed,
			DiscardFinished: old.DiscardFinished, DiscardCancelled: old.DiscardCancelled, DiscardFailed: old.DiscardFailed,
			DiscardSuspended: old.DiscardSuspended, Unclaimed: old.Unclaimed}
		again, err := metadata.Encode(c)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("%s: not Java's bytes from offset %d on: %v", s.Name, firstDifference(data, again), err)
		}
		kinds[old.Type]++

		old.DiscardFailed = !old.DiscardFailed // a change must not be lost in the bytes that were read
		c.Properties = old
		changed, err := metadata.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := metadata.Decode(changed); err != nil || got.Properties.DiscardFailed != old.DiscardFailed || !got.Properties.Understood {
			t.Errorf("%s: the changed property is lost: %v", s.Name, err)
		}
	}
	if len(kinds) < 3 {
		t.Errorf("only %d kinds of snapshots: %v", len(kinds), kinds)
	}
}

// TestEncodeRefuses: what a version cannot express is an error, never left out.
func TestEncodeRefuses(t *testing.T) {
	op := metadata.OperatorState{Parallelism: 1, MaxParallelism: 1}
	with := func(version int32, f func(*metadata.Checkpoint, *metadata.OperatorState)) *metadata.Checkpoint {
		c := &metadata.Checkpoint{Version: version}
		if version >= metadata.Version4 {
			c.Properties = savepoint("NATIVE", "Savepoint", "NONE")
		}
		o := op
		f(c, &o)
		c.Operators = append(c.Operators, o)
		return c
	}
	merged := &metadata.MergedChannelHandle{Delegate: &metadata.FileHandle{Path: "p"}, Offsets: make([]byte, 4)}
	file := &metadata.FileHandle{Path: "p"}
	keyed := func(tag metadata.Tag) *metadata.KeyGroupsHandle {
		return &metadata.KeyGroupsHandle{Tag: tag, Offsets: []int64{0}, Delegate: file}
	}
	withKeyed := func(h metadata.KeyedHandle) *metadata.Checkpoint {
		return with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{ManagedKeyed: h}}
		})
	}
	withOperator := func(h *metadata.OperatorStateHandle) *metadata.Checkpoint {
		return with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{RawOperator: h}}
		})
	}
	withType := func(name string) *metadata.Checkpoint {
		return with(4, func(c *metadata.Checkpoint, _ *metadata.OperatorState) { c.Properties.Type.Name = name })
	}
	deep := func() *metadata.KeyGroupsHandle {
		h := keyed(metadata.TagKeyGroups)
		for range 200 {
			outer := keyed(metadata.TagKeyGroups)
			outer.Delegate, h = h, outer
		}
		return h
	}
	cases := map[string]*metadata.Checkpoint{
		"version 1 is not":         with(1, func(*metadata.Checkpoint, *metadata.OperatorState) {}),
		"version 7 is not":         with(7, func(*metadata.Checkpoint, *metadata.OperatorState) {}),
		"no operator names":        with(4, func(_ *metadata.Checkpoint, o *metadata.OperatorState) { o.UID = "u" }),
		"needs checkpoint propert": with(4, func(c *metadata.Checkpoint, _ *metadata.OperatorState) { c.Properties = nil }),
		"no checkpoint propert":    with(3, func(c *metadata.Checkpoint, _ *metadata.OperatorState) { c.Properties = &metadata.Properties{} }),
		"neither coordinator":      with(2, func(_ *metadata.Checkpoint, o *metadata.OperatorState) { o.FullyFinished = true }),
		"no finished sub-tasks": with(2, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{Finished: true}}
		}),
		"no merged channel": with(5, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{InputChannels: []metadata.ChannelHandle{merged}}}
		}),
		"no channel state": with(2, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{InputChannels: []metadata.ChannelHandle{merged}}}
		}),
		"the other direction": with(6, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{OutputChannels: []metadata.ChannelHandle{merged}}}
		}),
		"occurs twice":             with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) { o.Subtasks = make([]metadata.SubtaskState, 2) }),
		"impossible checkpoint id": with(3, func(c *metadata.Checkpoint, _ *metadata.OperatorState) { c.ID = -1 }),
		"impossible parallelism":   with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) { o.Parallelism = 2 }),
		"is missing": with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{ManagedOperator: &metadata.OperatorStateHandle{}}}
		}),
		"is finished, and so": with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{Finished: true, ManagedKeyed: keyed(metadata.TagKeyGroups)}}
		}),
		"of tag 3 (key groups) has no handle id": with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			h := keyed(metadata.TagKeyGroups)
			h.HandleID = "id"
			o.Subtasks = []metadata.SubtaskState{{ManagedKeyed: h}}
		}),
		"of tag 5 (incremental key groups) has no checkpointed size": withKeyed(&metadata.IncrementalHandle{Tag: metadata.TagIncremental, Meta: file, Checkpointed: 7}),
		"of tag 8 (changelog) has no checkpoint id of its own":       withKeyed(&metadata.ChangelogHandle{Tag: metadata.TagChangelog, CheckpointID: 7}),
		"no storage identifier but":                                  withKeyed(&metadata.ChangelogFileHandle{Tag: metadata.TagChangelogFile, StorageID: "other"}),
		"a changelog within a changelog": withKeyed(&metadata.ChangelogHandle{Tag: metadata.TagChangelogV2,
			Materialized: []metadata.KeyedHandle{&metadata.ChangelogHandle{Tag: metadata.TagChangelogV2}}}),
		"a changelog of no key groups":       withKeyed(&metadata.ChangelogHandle{Tag: metadata.TagChangelogV2, Range: metadata.KeyGroupRange{First: 0, Last: -1}}),
		"impossible key-group range":         withKeyed(&metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, Meta: file, Range: metadata.KeyGroupRange{First: 5, Last: 2}}),
		"impossible sequence numbers":        withKeyed(&metadata.ChangelogInlineHandle{From: -1}),
		"impossible key group -2":            withKeyed(&metadata.ChangelogInlineHandle{Changes: []metadata.StateChange{{KeyGroup: -2}}}),
		"nil *metadata.IncrementalHandle":    withKeyed((*metadata.IncrementalHandle)(nil)),
		"nil *metadata.FileHandle":           withKeyed(&metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, Meta: (*metadata.FileHandle)(nil)}),
		"a path is empty":                    withKeyed(&metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, Meta: &metadata.FileHandle{}}),
		"impossible file size":               withKeyed(&metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, Meta: &metadata.FileHandle{Path: "p", Size: -2}}),
		"scope 7 is neither":                 withKeyed(&metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, Meta: &metadata.SegmentHandle{Path: "p", Scope: 7}}),
		"handles nest deeper than":           withKeyed(deep()),
		"distribution mode 5":                withOperator(&metadata.OperatorStateHandle{Delegate: file, States: []metadata.OperatorStateMeta{{Mode: 5}}}),
		"a *metadata.FileHandle, no segment": withOperator(&metadata.OperatorStateHandle{Delegate: file, Merging: &metadata.MergingDirs{TaskOwned: "t", Shared: "s"}}),
		"too long, or not modified UTF-8":    withType("Savepoint" + strings.Repeat("x", 70000)),
		"long, or not modified UTF-8":        withType("Savepoint\xff"),
		"longer than the format": with(5, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Name = metadata.UTF(strings.Repeat("x", 65536))
		}),
		"not modified UTF-8": with(5, func(_ *metadata.Checkpoint, o *metadata.OperatorState) { o.Name = "\xff" }),
		"0 offsets for key groups": with(3, func(_ *metadata.Checkpoint, o *metadata.OperatorState) {
			o.Subtasks = []metadata.SubtaskState{{ManagedKeyed: &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroups, Delegate: file}}}
		}),
	}
	for want, c := range cases {
		if _, err := metadata.Encode(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestFindings: what Flink would load but never writes is told, and written back as it was.
func TestFindings(t *testing.T) {
	inline := func(name metadata.UTF) *metadata.InlineHandle { return &metadata.InlineHandle{Name: name} }
	keyed := func(first, last int32) *metadata.KeyGroupsHandle {
		return &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroups, Range: metadata.KeyGroupRange{First: first, Last: last},
			Offsets: make([]int64, last-first+1), Delegate: inline("n")}
	}
	opState := func(states ...metadata.OperatorStateMeta) *metadata.OperatorStateHandle {
		return &metadata.OperatorStateHandle{States: states, Delegate: &metadata.RelativeFileHandle{Path: "../x"}}
	}
	cases := []struct {
		code string
		ops  []metadata.OperatorState
	}{
		{metadata.FindDuplicateOperator, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 1}, {Parallelism: 1, MaxParallelism: 1}}},
		{metadata.FindParallelism, []metadata.OperatorState{{}}},
		{metadata.FindParallelism, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 40000}}},
		{metadata.FindString, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 1, Coordinator: inline("\xc1\x81")}}}, // over-long A
		{metadata.FindString, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 1, Coordinator: inline("\x00")}}},
		{metadata.FindKeyGroups, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 2, Subtasks: []metadata.SubtaskState{{ManagedKeyed: keyed(0, 2)}}}}},
		{metadata.FindKeyGroups, []metadata.OperatorState{{Parallelism: 2, MaxParallelism: 4, Subtasks: []metadata.SubtaskState{{Index: 1, ManagedKeyed: keyed(1, 3)}}}}},
		{metadata.FindDuplicateState, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 2, Subtasks: []metadata.SubtaskState{
			{ManagedOperator: opState(metadata.OperatorStateMeta{Name: "a"}, metadata.OperatorStateMeta{Name: "a"})}}}}},
		{metadata.FindPath, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 2, Subtasks: []metadata.SubtaskState{{ManagedOperator: opState()}}}}},
		{metadata.FindSize, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 2, Subtasks: []metadata.SubtaskState{
			{InputChannels: []metadata.ChannelHandle{&metadata.SingleChannelHandle{Size: -2, Delegate: inline("n")}}}}}}},
		{metadata.FindPath, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 1, Subtasks: []metadata.SubtaskState{
			{ManagedOperator: &metadata.OperatorStateHandle{Delegate: &metadata.RelativeFileHandle{Path: "s3://other/abc"}}}}}}},
		{metadata.FindMaterialized, []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 1, Subtasks: []metadata.SubtaskState{
			{ManagedKeyed: &metadata.ChangelogHandle{Tag: metadata.TagChangelog, Range: metadata.KeyGroupRange{}, Materialized: []metadata.KeyedHandle{nil}}}}}}},
	}
	for _, tc := range cases {
		data, err := metadata.Encode(&metadata.Checkpoint{Version: 3, Operators: tc.ops})
		if err != nil {
			t.Errorf("%s: %v", tc.code, err)
			continue
		}
		c, err := metadata.Decode(data)
		if err != nil {
			t.Errorf("%s: %v", tc.code, err)
			continue
		}
		has := slices.ContainsFunc(c.Findings(), func(f metadata.Finding) bool { return f.Code == tc.code })
		if again, _ := metadata.Encode(c); !has || !bytes.Equal(data, again) {
			t.Errorf("%s: found %+v", tc.code, c.Findings())
		}
	}
}

// TestFindingsMerged: broken serialized offsets load, in Flink as here.
func TestFindingsMerged(t *testing.T) {
	h := &metadata.MergedChannelHandle{Delegate: &metadata.FileHandle{Path: "p"}, Offsets: []byte{0, 0, 0, 9}}
	c := &metadata.Checkpoint{Version: 6, Properties: savepoint("NATIVE", "Savepoint", "NONE"), Operators: []metadata.OperatorState{
		{Parallelism: 1, MaxParallelism: 1, Subtasks: []metadata.SubtaskState{{InputChannels: []metadata.ChannelHandle{h}}}}}}
	found := c.Findings()
	if len(found) != 1 || found[0].Code != metadata.FindChannels {
		t.Errorf("%+v", found)
	}
}

// TestManyFindings: a file cannot make the list of its findings grow without end.
func TestManyFindings(t *testing.T) {
	c := &metadata.Checkpoint{Version: 3, Operators: make([]metadata.OperatorState, 10000)}
	if n := len(c.Findings()); n > 250 {
		t.Errorf("%d findings", n)
	}
}

// TestMerge: merging and unmerging are each other's opposite.
func TestMerge(t *testing.T) {
	d := &metadata.FileHandle{Path: "p"}
	want := []*metadata.SingleChannelHandle{
		{Direction: metadata.Output, Subtask: 3, Info: metadata.ChannelInfo{A: 1, B: 2}, Offsets: []int64{5, 6}, Size: 10, Delegate: d},
		{Direction: metadata.Output, Subtask: 3, Info: metadata.ChannelInfo{A: 1, B: 3}, Size: 0, Delegate: d},
	}
	m, err := metadata.Merge(want)
	if err != nil || m.Size != 10 {
		t.Fatal(m, err)
	}
	got, err := m.Unmerge()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	other := *want[1]
	other.Subtask = 4
	if _, err := metadata.Merge([]*metadata.SingleChannelHandle{want[0], &other}); err == nil {
		t.Error("handles of two sub-tasks were merged")
	}
	if _, err := metadata.Merge(nil); err == nil {
		t.Error("nothing was merged")
	}
}

// TestAnnotate: annotations follow one another without a gap, to the last byte.
func TestAnnotate(t *testing.T) {
	files := small(t, 1<<20)
	for i, c := range handMade() {
		data, err := metadata.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		files["hand-made "+string(rune('0'+i))] = data
	}
	for name, data := range files {
		var at int64
		err := metadata.Annotate(data, func(a metadata.Annotation) bool {
			if a.From != at || a.To < a.From || a.Label == "" {
				t.Fatalf("%s: %+v after offset %d", name, a, at)
			}
			at = a.To
			return true
		})
		if err != nil || at != int64(len(data)) {
			t.Errorf("%s: ends at %d of %d: %v", name, at, len(data), err)
		}
	}
}

// TestWalk counts the handles of each file as Flink's loader names them.
func TestWalk(t *testing.T) {
	for _, s := range snapshots(t) {
		if s.Oracle == "" {
			continue
		}
		c, err := metadata.Decode(read(t, filepath.Join(s.Dir, "_metadata")))
		if err != nil {
			t.Fatal(err)
		}
		got, want := map[string]int{}, map[string]int{}
		for p, h := range c.Walk() {
			if got[h.Class()]++; (p.Parent == nil) != (p.Role == metadata.Top) {
				t.Errorf("%s: %s has role %q", s.Name, h.Class(), p.Role)
			}
		}
		countClasses(parseJSON(t, read(t, s.Oracle))["operators"], want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", s.Name, diff)
		}
	}
}

// countClasses counts the handles in a dump, not those that come of unmerging others.
func countClasses(v any, n map[string]int) {
	switch v := v.(type) {
	case map[string]any:
		if class, _ := v["class"].(string); strings.HasSuffix(class, "Handle") || strings.HasSuffix(class, "HandleImpl") || strings.HasSuffix(class, "StreamImpl") {
			n[class]++
		}
		for k, e := range v {
			if k != "unmerged" {
				countClasses(e, n)
			}
		}
	case []any:
		for _, e := range v {
			countClasses(e, n)
		}
	}
}

// TestUTF holds both directions of modified UTF-8.
func TestUTF(t *testing.T) {
	cases := []struct {
		text string
		utf  metadata.UTF
	}{
		{"", ""}, {"plain/path-1", "plain/path-1"}, {"\x00", "\xc0\x80"}, {"ż", "\xc5\xbc"}, {"日", "\xe6\x97\xa5"},
		{"🎉", "\xed\xa0\xbc\xed\xbe\x89"}, {"a🎉b", "a\xed\xa0\xbc\xed\xbe\x89b"}, {"\uffff", "\xef\xbf\xbf"},
	}
	for _, c := range cases {
		if got := metadata.NewUTF(c.text); got != c.utf || got.String() != c.text || !got.Canonical() {
			t.Errorf("%q: %q, back %q, canonical %v", c.text, string(got), got.String(), got.Canonical())
		}
	}
	for in, want := range map[metadata.UTF]string{
		"\xed\xa0\xbc":                         "\ufffd",  // a high surrogate alone
		"\xed\xa0\xbcx":                        "\ufffdx", // … before something else
		"\xed\xbe\x89":                         "\ufffd",  // a low one
		"\xed\xa0\xbc\xed\xa0\xbc\xed\xbe\x89": "\ufffd🎉",
	} {
		if got := in.String(); got != want || !in.Canonical() {
			t.Errorf("%q: %q", string(in), got)
		}
	}
	for _, odd := range []metadata.UTF{"\xc1\x81", "\xe0\x81\x81", "\x00", "\xff", "\xc5", "\x80", "\xf0\x9f\x8e\x89"} {
		if odd.Canonical() {
			t.Errorf("%q is not canonical", string(odd))
		}
		_ = odd.String() // must not panic
	}
}

// TestRangeOf checks the examples of Flink's KeyGroupRangeAssignment.
func TestRangeOf(t *testing.T) {
	for _, c := range []struct {
		m, p int32
		want string
	}{{128, 3, "0-42 43-85 86-127"}, {128, 4, "0-31 32-63 64-95 96-127"}, {10, 4, "0-2 3-4 5-7 8-9"}} {
		var got []string
		for i := range c.p {
			got = append(got, metadata.RangeOf(c.m, c.p, i).String())
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%d of %d: %s", c.p, c.m, s)
		}
	}
}

func TestIntersection(t *testing.T) {
	groups := func(first, last int32) metadata.KeyGroupRange {
		return metadata.KeyGroupRange{First: first, Last: last}
	}
	for _, c := range []struct{ a, b, want metadata.KeyGroupRange }{
		{groups(0, 9), groups(5, 20), groups(5, 9)},
		{groups(0, 9), groups(3, 4), groups(3, 4)},
		{groups(0, 9), groups(9, 9), groups(9, 9)},
		{groups(0, 9), groups(10, 12), groups(10, 9)},
		{groups(0, 3), groups(90, 99), groups(90, 89)}, // far apart: empty all the same, not of negative length
		{groups(0, 9), groups(5, 4), groups(5, 4)},
	} {
		for _, got := range []metadata.KeyGroupRange{c.a.Intersection(c.b), c.b.Intersection(c.a)} {
			if got != c.want || got.Len() < 0 {
				t.Errorf("%v and %v: %#v, want %#v", c.a, c.b, got, c.want)
			}
		}
	}
}
