package backends

import "github.com/ckpt-tool/ckpt/metadata"

// FileKey tells files apart: it is comparable, and equal for handles of the same file, or the same stretch of one. Inline
// data is its own.
func FileKey(h metadata.StreamHandle) any {
	type path struct {
		relative bool
		path     metadata.UTF
	}
	switch h := h.(type) {
	case *metadata.FileHandle:
		return path{false, h.Path}
	case *metadata.RelativeFileHandle:
		return path{true, h.Path}
	case *metadata.SegmentHandle:
		return *h
	}
	return h
}
