package metadata

// stream reads a StreamStateHandle: a tag, then
//
//	0  null
//	1  utf name, i32 length, bytes
//	2  i64 size, utf path            (size before path)
//	3  key groups as in keyed.go, without a handle id
//	6  utf path, i64 size            (path before size)
//	15 i64 start, i64 size, i32 scope, utf path, utf logical file id
//	16 nothing
//
// It is nil for tag 0.
func (r *reader) stream(what string) StreamHandle {
	at := r.offset()
	switch t := r.tag(what); t {
	case TagNull:
		return nil
	case TagByteStream:
		h := r.inline.next()
		h.Name = r.utf("handle name")
		h.Data = r.blob("inline state")
		return h
	case TagFileStream:
		h := r.files.next()
		h.Size = r.fileSize("file size")
		h.Path = r.path("path")
		return h
	case TagKeyGroups:
		if !r.enter() {
			return nil
		}
		defer r.leave()
		return r.keyGroups(t)
	case TagRelativeStream:
		h := r.relative.next()
		h.Path = r.path("relative path")
		h.Size = r.fileSize("file size")
		return h
	case TagSegmentFile:
		return r.segment()
	case TagEmptySegmentFile:
		return &EmptySegmentHandle{}
	default:
		r.unknown(at, "%s has tag %d, which is no stream handle", what, t)
		return nil
	}
}

func (r *reader) segment() *SegmentHandle {
	h := r.segments.next()
	h.Start = r.i64("start position")
	h.Size = r.i64("segment size")
	at := r.offset()
	h.Scope = Scope(r.i32("scope"))
	if h.Scope != Exclusive && h.Scope != Shared {
		r.fail(at, "scope %d is neither 0 (EXCLUSIVE) nor 1 (SHARED)", int32(h.Scope))
	}
	h.Path = r.path("path")
	h.LogicalFile = r.utf("logical file id")
	return h
}

// fileSize reads the size of a file: -1 where the file system could not tell.
func (r *reader) fileSize(what string) int64 {
	at := r.offset()
	n := r.i64(what)
	if n < -1 {
		r.fail(at, "impossible %s %d", what, n)
	}
	return n
}

// path reads a string that Flink makes a Path of, which cannot be empty.
func (r *reader) path(what string) UTF {
	at := r.offset()
	p := r.utf(what)
	if p == "" {
		r.fail(at, "the %s is empty", what)
	}
	return p
}

// delegate reads a stream handle that Flink does not accept as null.
func (r *reader) delegate(what string) StreamHandle {
	at := r.offset()
	h := r.stream(what)
	if h == nil {
		r.fail(at, "%s is missing (null handle)", what)
	}
	return h
}

func (w *writer) stream(h StreamHandle) {
	if w.typedNil(h) {
		return
	}
	switch h := h.(type) {
	case nil:
		w.tag(TagNull)
	case *InlineHandle:
		w.tag(TagByteStream)
		w.utf(h.Name)
		w.blob(h.Data)
	case *FileHandle:
		w.tag(TagFileStream)
		w.size(h.Size)
		w.path(h.Path)
	case *KeyGroupsHandle:
		if h.Tag != TagKeyGroups {
			w.fail("key groups with tag %s cannot stand for a stream", h.Tag)
		}
		if w.depth++; w.depth > maxDepth {
			w.fail("handles nest deeper than %d levels", maxDepth)
			return
		}
		w.keyGroups(h)
		w.depth--
	case *RelativeFileHandle:
		w.tag(TagRelativeStream)
		w.path(h.Path)
		w.size(h.Size)
	case *SegmentHandle:
		w.tag(TagSegmentFile)
		w.i64(h.Start)
		w.i64(h.Size)
		if h.Scope != Exclusive && h.Scope != Shared {
			w.fail("scope %d is neither EXCLUSIVE nor SHARED", int32(h.Scope))
		}
		w.i32(int32(h.Scope))
		w.path(h.Path)
		w.utf(h.LogicalFile)
	case *EmptySegmentHandle:
		w.tag(TagEmptySegmentFile)
	default:
		w.fail("unknown stream handle %T", h)
	}
}

func (w *writer) size(n int64) {
	if n < -1 {
		w.fail("impossible file size %d", n)
	}
	w.i64(n)
}

func (w *writer) path(p UTF) {
	if p == "" {
		w.fail("a path is empty")
	}
	w.utf(p)
}

// delegate writes a stream handle that must be there.
func (w *writer) delegate(h StreamHandle, what string) {
	if h == nil {
		w.fail("%s is missing", what)
	}
	w.stream(h)
}
