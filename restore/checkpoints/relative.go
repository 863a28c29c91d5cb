package checkpoints

import (
	"path"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Relative is a copy of m in which files that lie in the directory of the checkpoint have relative paths, so that the directory may be moved. Channel
// state and the logs of a changelog, which this project does not write, are left as they are. m is not changed.
func Relative(m *metadata.Checkpoint, dir string) *metadata.Checkpoint {
	if dir == "" {
		return m
	}
	dir = layout.Canonical(dir)
	return mapStreams(m, func(h metadata.StreamHandle) metadata.StreamHandle {
		if f, ok := h.(*metadata.FileHandle); ok {
			if d, name := path.Split(layout.Canonical(f.Path.String())); name != "" && d == dir+"/" {
				return &metadata.RelativeFileHandle{Path: metadata.NewUTF(name), Size: f.Size}
			}
		}
		return h
	})
}

// Absolute is the other way round: a copy in which no path is relative.
func Absolute(m *metadata.Checkpoint, dir string) *metadata.Checkpoint {
	return mapStreams(m, func(h metadata.StreamHandle) metadata.StreamHandle {
		if f, ok := h.(*metadata.RelativeFileHandle); ok && metadata.Inside(f.Path.String()) {
			return &metadata.FileHandle{Path: metadata.NewUTF(flinkURL(layout.Join(layout.Canonical(dir), f.Path.String()))), Size: f.Size}
		}
		return h
	})
}

// mapper changes stream handles, and copies what they stand in.
type mapper func(metadata.StreamHandle) metadata.StreamHandle

func mapStreams(m *metadata.Checkpoint, f mapper) *metadata.Checkpoint {
	c := *m
	c.Operators = make([]metadata.OperatorState, len(m.Operators))
	for i, o := range m.Operators {
		subtasks := make([]metadata.SubtaskState, len(o.Subtasks))
		for j, s := range o.Subtasks {
			subtasks[j] = f.subtask(s)
		}
		o.Subtasks = subtasks
		c.Operators[i] = o
	}
	return &c
}

func (f mapper) subtask(s metadata.SubtaskState) metadata.SubtaskState {
	s.ManagedOperator, s.RawOperator = f.operator(s.ManagedOperator), f.operator(s.RawOperator)
	s.ManagedKeyed, s.RawKeyed = f.keyed(s.ManagedKeyed), f.keyed(s.RawKeyed)
	return s
}

func (f mapper) operator(h *metadata.OperatorStateHandle) *metadata.OperatorStateHandle {
	if h == nil {
		return nil
	}
	o := *h
	o.Delegate = f(h.Delegate)
	return &o
}

func (f mapper) keyed(h metadata.KeyedHandle) metadata.KeyedHandle {
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		k := *h
		k.Delegate = f(h.Delegate)
		return &k
	case *metadata.IncrementalHandle:
		k := *h
		k.Meta, k.Shared, k.Private = f(h.Meta), f.named(h.Shared), f.named(h.Private)
		return &k
	case *metadata.ChangelogHandle:
		k := *h
		k.Materialized = make([]metadata.KeyedHandle, len(h.Materialized))
		for i, m := range h.Materialized {
			k.Materialized[i] = f.keyed(m)
		}
		return &k
	}
	return h
}

func (f mapper) named(files []metadata.NamedFile) []metadata.NamedFile {
	all := make([]metadata.NamedFile, len(files))
	for i, n := range files {
		all[i] = metadata.NamedFile{Name: n.Name, File: f(n.File)}
	}
	return all
}
