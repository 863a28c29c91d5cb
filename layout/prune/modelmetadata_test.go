package prune_test

import (
	"fmt"
	"path"

	"github.com/ckpt-tool/ckpt/metadata"
)

const (
	someUUID  = "0f8fad5b-d9cb-469f-a165-70867728950e"
	otherUUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
)

// metadata is what Flink writes for a snapshot of the model: two operators, of which one
// holds keyed state, and one a list.
func (m *model) metadata(s *snapshot) []byte {
	source := metadata.OperatorState{ID: metadata.OperatorIDOf("source"), Parallelism: 1, MaxParallelism: 8,
		Subtasks: []metadata.SubtaskState{{ManagedOperator: m.operatorState(s)}}}
	window := metadata.OperatorState{ID: metadata.OperatorIDOf(fmt.Sprintf("window-%d", s.operators)), Parallelism: 1, MaxParallelism: 8,
		Subtasks: []metadata.SubtaskState{{ManagedKeyed: m.keyedState(s)}}}
	c := &metadata.Checkpoint{Version: s.job.version, ID: s.id, Operators: []metadata.OperatorState{source, window}}
	if c.Version >= metadata.Version4 {
		c.Properties = &metadata.Properties{Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}
		if s.savepoint {
			c.Properties.Type = metadata.SnapshotType{Class: "SavepointType", Name: "Savepoint", Format: "CANONICAL", Action: "NONE", Sharing: "NO_SHARING"}
		}
	}
	data, err := metadata.Encode(c)
	if err != nil {
		panic(err)
	}
	return data
}

// own is a handle of a file in the snapshot's directory, absolute for every other one.
func (m *model) own(s *snapshot, key string) metadata.StreamHandle {
	if s.id%2 == 0 {
		return m.file(key)
	}
	return &metadata.RelativeFileHandle{Path: metadata.UTF(path.Base(key)), Size: m.files[key].size}
}

func (m *model) file(key string) metadata.StreamHandle {
	return &metadata.FileHandle{Path: metadata.UTF(url(key)), Size: m.size(key)}
}

// size of a file, also of one that has been lost.
func (m *model) size(key string) int64 {
	if f := m.files[key]; f != nil {
		return f.size
	}
	return 10
}

func (m *model) operatorState(s *snapshot) *metadata.OperatorStateHandle {
	h := &metadata.OperatorStateHandle{States: []metadata.OperatorStateMeta{{Name: "offsets", Offsets: []int64{0}}}}
	if len(s.managed) > 0 {
		h.Merging = &metadata.MergingDirs{Shared: metadata.UTF(url(s.managed[0])), TaskOwned: metadata.UTF(url(s.managed[1]))}
		h.Delegate = m.segment(s.exclusive[0], metadata.Exclusive)
		return h
	}
	h.Delegate = m.own(s, s.exclusive[0])
	return h
}

func (m *model) segment(key string, scope metadata.Scope) metadata.StreamHandle {
	return &metadata.SegmentHandle{Path: metadata.UTF(url(key)), LogicalFile: someUUID, Size: m.size(key), Scope: scope}
}

var allGroups = metadata.KeyGroupRange{Last: 7}

// keyGroups is a stream by key group.
func keyGroups(file metadata.StreamHandle) *metadata.KeyGroupsHandle {
	return &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: allGroups, Offsets: make([]int64, 8), HandleID: otherUUID, Delegate: file}
}

func (m *model) keyedState(s *snapshot) metadata.KeyedHandle {
	var rest metadata.StreamHandle = &metadata.InlineHandle{Name: "meta", Data: make([]byte, 20)}
	if len(s.exclusive) > 1 {
		rest = m.own(s, s.exclusive[1])
	}
	switch {
	case s.savepoint || s.job.backend == heap:
		return keyGroups(rest)
	case s.job.backend == changelog:
		return m.changelogState(s, rest)
	}
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, CheckpointID: s.id, BackendID: someUUID, HandleID: otherUUID, Range: allGroups, Meta: rest}
	for i, key := range s.shared {
		h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(fmt.Sprintf("%06d.sst", i)), File: m.file(key)})
	}
	for i, key := range s.segments {
		h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(fmt.Sprintf("%06d.sst", i)), File: m.segment(key, metadata.Shared)})
	}
	for _, key := range s.private {
		h.Private = append(h.Private, metadata.NamedFile{Name: "MANIFEST-000004", File: m.file(key)})
	}
	return h
}

func (m *model) changelogState(s *snapshot, rest metadata.StreamHandle) metadata.KeyedHandle {
	h := &metadata.ChangelogHandle{Tag: metadata.TagChangelogV2, Range: allGroups, HandleID: someUUID, CheckpointID: s.id, Materialized: []metadata.KeyedHandle{keyGroups(rest)}}
	for _, key := range s.mat {
		h.Materialized = append(h.Materialized, keyGroups(m.file(key)))
	}
	log := &metadata.ChangelogFileHandle{Tag: metadata.TagChangelogFileV2, Range: allGroups, HandleID: otherUUID, StorageID: "filesystem"}
	for _, key := range s.log {
		log.Parts = append(log.Parts, metadata.ChangelogPart{File: &metadata.FileHandle{Path: metadata.UTF(url(key)), Size: m.size(key) - 1}})
	}
	h.NonMaterialized = []metadata.KeyedHandle{log}
	return h
}
