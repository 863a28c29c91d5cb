package metadata_test

import (
	"bytes"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"pgregory.net/rapid"
)

// TestRandomModels: of models that make sense and of those that do not, whatever Encode
// accepts, Decode accepts, and it is the same checkpoint.
func TestRandomModels(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		c := (&models{t}).checkpoint()
		data, err := metadata.Encode(c)
		if err != nil {
			return
		}
		accepted++
		got, err := metadata.Decode(data)
		if err != nil {
			t.Fatalf("what Encode wrote does not decode: %v\n%+v", err, c)
		}
		again, err := metadata.Encode(got)
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("not the same bytes: %v", err)
		}
		if c.Sizes() != got.Sizes() {
			t.Fatalf("sizes %+v became %+v", c.Sizes(), got.Sizes())
		}
		var before, after []string
		for _, h := range c.Walk() {
			before = append(before, h.Class())
		}
		for _, h := range got.Walk() {
			after = append(after, h.Class())
		}
		if len(before) != len(after) {
			t.Fatalf("%d handles became %d", len(before), len(after))
		}
	})
	t.Logf("%d models made sense", accepted)
	if accepted < 5 {
		t.Errorf("only %d models made sense", accepted)
	}
}

// models draws models that are mostly right.
type models struct{ t *rapid.T }

// rarely is true for one in so many.
func (m *models) rarely(n int) bool { return rapid.IntRange(0, n-1).Draw(m.t, "rarely") == 0 }

func (m *models) utf() metadata.UTF {
	if m.rarely(60) {
		return metadata.UTF(rapid.StringN(0, 3, 6).Draw(m.t, "raw"))
	}
	return metadata.NewUTF(rapid.StringMatching(`[a-z/:]{1,6}|日本|\x00`).Draw(m.t, "utf"))
}

func (m *models) n(most int) int { return rapid.IntRange(0, most).Draw(m.t, "n") }

func (m *models) i64() int64 {
	if m.rarely(60) {
		return rapid.Int64().Draw(m.t, "i64")
	}
	return int64(m.n(1000))
}

func (m *models) checkpoint() *metadata.Checkpoint {
	c := &metadata.Checkpoint{Version: int32(rapid.IntRange(2, 6).Draw(m.t, "version")), ID: m.i64()}
	if c.Version >= metadata.Version4 || m.rarely(30) {
		c.Properties = savepoint("NATIVE", rapid.SampledFrom([]string{"Savepoint", "Suspend Savepoint", "odd"}).Draw(m.t, "name"), "NONE")
	}
	for range m.n(1) {
		c.MasterStates = append(c.MasterStates, metadata.MasterState{Name: m.utf(), Version: int32(m.n(9)), Data: make([]byte, m.n(9))})
	}
	for i := range m.n(3) {
		c.Operators = append(c.Operators, m.operator(c.Version, byte(i)))
	}
	return c
}

func (m *models) operator(version int32, id byte) metadata.OperatorState {
	p := int32(1 + m.n(3))
	o := metadata.OperatorState{ID: metadata.OperatorID{id}, Parallelism: p, MaxParallelism: p * 2}
	if version >= metadata.Version5 || m.rarely(60) {
		o.Name, o.UID = m.utf(), m.utf()
	}
	if version > metadata.Version2 && m.rarely(4) || m.rarely(90) {
		o.Coordinator = &metadata.InlineHandle{Name: m.utf(), Data: make([]byte, m.n(9))}
	}
	if o.FullyFinished = version > metadata.Version2 && m.rarely(8); o.FullyFinished && !m.rarely(9) {
		o.Coordinator = nil
		return o
	}
	for i := range p {
		s := metadata.SubtaskState{Index: i}
		if m.rarely(80) {
			s.Index++
		}
		if s.Finished = version > metadata.Version2 && m.rarely(5); s.Finished && !m.rarely(9) {
			o.Subtasks = append(o.Subtasks, s)
			continue
		}
		m.subtask(version, &s)
		o.Subtasks = append(o.Subtasks, s)
	}
	return o
}

func (m *models) subtask(version int32, s *metadata.SubtaskState) {
	if m.rarely(2) {
		s.ManagedOperator = m.operatorState()
	}
	if m.rarely(4) {
		s.RawOperator = m.operatorState()
	}
	if m.rarely(2) {
		s.ManagedKeyed = m.keyed(true)
	}
	if m.rarely(4) {
		s.RawKeyed = m.keyed(false)
	}
	if version > metadata.Version2 || m.rarely(60) {
		for range m.n(2) {
			s.InputChannels = append(s.InputChannels, m.channel(version, metadata.Input))
			s.OutputChannels = append(s.OutputChannels, m.channel(version, metadata.Output))
		}
	}
}

func (m *models) stream() metadata.StreamHandle {
	switch m.n(12) {
	case 0:
		return &metadata.EmptySegmentHandle{}
	case 1:
		return m.keyGroups(metadata.TagKeyGroups)
	case 2, 3:
		return &metadata.SegmentHandle{Path: m.utf(), LogicalFile: m.utf(), Start: m.i64(), Size: m.i64(), Scope: metadata.Scope(m.n(1))}
	case 4, 5, 6:
		return &metadata.InlineHandle{Name: m.utf(), Data: make([]byte, m.n(9))}
	case 7, 8:
		return &metadata.RelativeFileHandle{Path: m.utf(), Size: m.i64()}
	}
	if m.rarely(150) {
		return nil
	}
	return &metadata.FileHandle{Path: m.utf(), Size: m.i64()}
}

func (m *models) keyRange() metadata.KeyGroupRange {
	first := int32(m.n(5))
	return metadata.KeyGroupRange{First: first, Last: first + int32(m.n(4)) - int32(m.n(1))}
}

func (m *models) keyGroups(tag metadata.Tag) *metadata.KeyGroupsHandle {
	h := &metadata.KeyGroupsHandle{Tag: tag, Range: m.keyRange(), Delegate: m.stream()}
	h.Offsets = make([]int64, max(0, h.Range.Len()))
	if tag == metadata.TagKeyGroupsV2 || m.rarely(40) {
		h.HandleID = m.utf()
	}
	return h
}

func (m *models) files() (out []metadata.NamedFile) {
	for range m.n(3) {
		out = append(out, metadata.NamedFile{Name: m.utf(), File: m.stream()})
	}
	return out
}

func (m *models) keyed(changelog bool) metadata.KeyedHandle {
	switch m.n(6) {
	case 0:
		return m.keyGroups(metadata.TagKeyGroups)
	case 1:
		return m.keyGroups(metadata.TagKeyGroupsV2)
	case 2:
		return m.keyGroups(metadata.TagSavepointKeyGroups)
	case 3:
		return &metadata.IncrementalHandle{Tag: metadata.TagIncremental, BackendID: m.utf(), Range: m.keyRange(), Checkpointed: -1, Meta: m.stream(), Shared: m.files()}
	case 4:
		return &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, BackendID: m.utf(), Range: m.keyRange(), Checkpointed: m.i64(), Meta: m.stream(),
			Private: m.files(), HandleID: m.utf()}
	}
	if !changelog && !m.rarely(20) {
		return nil
	}
	h := &metadata.ChangelogHandle{Tag: metadata.TagChangelogV2, Range: m.keyRange(), CheckpointID: m.i64(), MaterializationID: m.i64(), HandleID: m.utf()}
	if m.rarely(3) {
		h.Tag, h.CheckpointID = metadata.TagChangelog, h.MaterializationID
	}
	for range m.n(2) {
		h.Materialized = append(h.Materialized, m.keyed(false))
	}
	for range m.n(2) {
		if m.rarely(2) {
			h.NonMaterialized = append(h.NonMaterialized, &metadata.ChangelogInlineHandle{Range: m.keyRange(), From: m.i64(), To: m.i64(), HandleID: m.utf(),
				Changes: []metadata.StateChange{{KeyGroup: int32(m.n(5)) - 1, Data: make([]byte, m.n(5))}}})
			continue
		}
		h.NonMaterialized = append(h.NonMaterialized, &metadata.ChangelogFileHandle{Tag: metadata.TagChangelogFileV2, Range: m.keyRange(), Size: m.i64(),
			HandleID: m.utf(), StorageID: m.utf(), Parts: []metadata.ChangelogPart{{Offset: m.i64(), File: m.stream()}}})
	}
	return h
}

func (m *models) operatorState() *metadata.OperatorStateHandle {
	h := &metadata.OperatorStateHandle{Delegate: m.stream()}
	for range m.n(2) {
		h.States = append(h.States, metadata.OperatorStateMeta{Name: m.utf(), Mode: metadata.DistributionMode(m.n(2)), Offsets: make([]int64, m.n(3))})
	}
	if m.rarely(4) {
		h.Merging = &metadata.MergingDirs{TaskOwned: m.utf(), Shared: m.utf(), Empty: m.rarely(2)}
		if !m.rarely(20) {
			h.Delegate = &metadata.EmptySegmentHandle{}
		}
	}
	return h
}

func (m *models) channel(version int32, d metadata.Direction) metadata.ChannelHandle {
	if m.rarely(60) {
		d = metadata.Output - d
	}
	single := &metadata.SingleChannelHandle{Direction: d, Subtask: int32(m.n(3)), Offsets: make([]int64, m.n(2)), Size: m.i64(), Delegate: m.stream()}
	if version < metadata.Version6 && !m.rarely(60) || m.rarely(2) {
		return single
	}
	merged, err := metadata.Merge([]*metadata.SingleChannelHandle{single, single})
	if err != nil {
		return single
	}
	return merged
}
