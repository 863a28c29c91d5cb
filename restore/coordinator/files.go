package coordinator

import (
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// stateFile is one file that a snapshot refers to.
type stateFile struct {
	key    string // canonical URL: the same for all handles of a file
	handle metadata.StreamHandle
	dir    string // the snapshot's directory, which relative handles are meant below
	shared bool   // other snapshots may refer to it, and it goes last
}

// inside is whether the file lies in the snapshot's own directory.
func (f *stateFile) inside() bool {
	if f.dir == "" {
		return false
	}
	_, ok := layout.Below(layout.Canonical(f.dir), f.key)
	return ok
}

// fileSet gathers files, each but once.
type fileSet struct {
	list []stateFile
	at   map[string]int
}

func (s *fileSet) add(f stateFile) {
	if s.at == nil {
		s.at = map[string]int{}
	}
	if i, ok := s.at[f.key]; ok {
		s.list[i].shared = s.list[i].shared || f.shared
		return
	}
	s.at[f.key] = len(s.list)
	s.list = append(s.list, f)
}

func (s *fileSet) operator(dir string, o *metadata.OperatorState) {
	for i := range o.Subtasks {
		s.subtask(dir, &o.Subtasks[i])
	}
}

// subtask adds the files of a sub-task. Those below a changelog are shared, whatever their role: a materialization serves many
// checkpoints. So are files with segments of many states.
func (s *fileSet) subtask(dir string, t *metadata.SubtaskState) {
	var o metadata.OperatorState
	changelog := false
	for place, h := range o.WalkSubtask(t) {
		if place.Role == metadata.Top {
			_, changelog = h.(*metadata.ChangelogHandle)
		}
		shared := changelog || place.Role == metadata.SharedFile || place.Role == metadata.ChangelogLog
		switch h := h.(type) {
		case *metadata.FileHandle:
			s.add(stateFile{key: layout.Canonical(h.Path.String()), handle: h, dir: dir, shared: shared})
		case *metadata.RelativeFileHandle:
			s.add(stateFile{key: layout.Join(layout.Canonical(dir), h.Path.String()), handle: h, dir: dir, shared: shared})
		case *metadata.SegmentHandle:
			s.add(stateFile{key: layout.Canonical(h.Path.String()), handle: &metadata.FileHandle{Path: h.Path}, dir: dir, shared: true})
		}
	}
}

// ackFiles are the files of what a task acknowledged.
func ackFiles(dir string, states map[metadata.OperatorID]metadata.SubtaskState) []stateFile {
	var s fileSet
	for _, t := range states {
		s.subtask(dir, &t)
	}
	sortFiles(s.list)
	return s.list
}
