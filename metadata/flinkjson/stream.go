package flinkjson

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/ckpt-tool/ckpt/metadata"
)

// dummy is how Flink names the parts of a segment that is empty.
const dummy = "DUMMY"

// streamJSON is any stream handle but a KeyGroupsStateHandle.
type streamJSON struct {
	Class         string  `json:"class"`
	Size          *int64  `json:"size,omitempty"`
	PhysicalID    *string `json:"physicalId,omitempty"`
	Relative      *bool   `json:"relative,omitempty"`
	RelativePath  *string `json:"relativePath,omitempty"`
	Path          *string `json:"path,omitempty"`
	ResolvedPath  string  `json:"resolvedPath,omitempty"`
	StartPos      *int64  `json:"startPos,omitempty"`
	Scope         string  `json:"scope,omitempty"`
	LogicalFileID *string `json:"logicalFileId,omitempty"`
	HandleName    *string `json:"handleName,omitempty"`
	SHA256        string  `json:"sha256,omitempty"`
	First64       *string `json:"first64,omitempty"`
}

// stream shows h, and notes the file that it refers to.
func (v *view) stream(h metadata.StreamHandle) any {
	if h == nil {
		return streamJSON{Class: "null"}
	}
	s := streamJSON{Class: h.Class()}
	size := h.StateSize()
	s.Size = &size
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		return v.keyGroups(h)
	case *metadata.RelativeFileHandle:
		rel := h.Path.String()
		s.file(join(v.opts.ExclusiveDir, rel), true)
		s.RelativePath = &rel
		v.refer(*s.Path, size)
	case *metadata.FileHandle:
		s.file(h.Path.String(), false)
		v.refer(*s.Path, size)
	case *metadata.SegmentHandle:
		s.segment(h.Path.String(), h.Start, h.Scope, h.LogicalFile.String())
		v.refer(*s.Path, h.Start+size)
	case *metadata.EmptySegmentHandle:
		s.segment("empty", 0, metadata.Exclusive, dummy)
		return s
	case *metadata.InlineHandle:
		name, first := h.Name.String(), hex.EncodeToString(h.Data[:min(64, len(h.Data))])
		s.PhysicalID, s.HandleName, s.First64 = &name, &name, &first
		s.SHA256 = digest(h.Data)
	}
	if s.Path != nil && !*s.Relative && v.opts.Resolve != nil {
		s.ResolvedPath = v.opts.Resolve(*s.Path)
	}
	return s
}

func (s *streamJSON) file(path string, relative bool) {
	id := uri(path)
	s.Path, s.PhysicalID, s.Relative = &path, &id, &relative
}

func (s *streamJSON) segment(path string, start int64, scope metadata.Scope, logical string) {
	s.file(path, false)
	s.PhysicalID, s.LogicalFileID, s.StartPos, s.Scope = &logical, &logical, &start, scope.String()
}

// refer notes that path must hold n bytes at least.
func (v *view) refer(path string, n int64) {
	if old, ok := v.refs[path]; !ok || n > old {
		v.refs[path] = n
	}
}

func join(dir, rel string) string {
	if dir == "" {
		return rel
	}
	return dir + "/" + rel
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
