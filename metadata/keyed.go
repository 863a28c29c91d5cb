package metadata

// keyed reads a KeyedStateHandle: a tag, then the fields of one of the functions
// below. It is nil for tag 0.
func (r *reader) keyed(what string) KeyedHandle {
	at := r.offset()
	switch t := r.tag(what); t {
	case TagNull:
		return nil
	case TagKeyGroups, TagKeyGroupsV2, TagSavepointKeyGroups:
		return r.keyGroups(t)
	case TagIncremental, TagIncrementalV2:
		return r.incremental(t)
	case TagChangelog, TagChangelogV2:
		if r.depth > 0 {
			r.fail(at, "a changelog within a changelog")
			return nil
		}
		r.depth++
		defer r.leave()
		return r.changelog(t)
	case TagChangelogByte:
		return r.changelogInline()
	case TagChangelogFile, TagChangelogFileV2:
		return r.changelogFile(t)
	default:
		r.unknown(at, "%s has tag %d, which is no keyed state handle", what, t)
		return nil
	}
}

func (w *writer) keyed(h KeyedHandle) {
	if w.typedNil(h) {
		return
	}
	switch h := h.(type) {
	case nil:
		w.tag(TagNull)
	case *KeyGroupsHandle:
		w.keyGroups(h)
	case *IncrementalHandle:
		w.incremental(h)
	case *ChangelogHandle:
		w.changelog(h)
	case *ChangelogInlineHandle:
		w.changelogInline(h)
	case *ChangelogFileHandle:
		w.changelogFile(h)
	default:
		w.fail("unknown keyed handle %T", h)
	}
}

// keyGroupRange is i32 first, i32 count: a count, not an end.
func (r *reader) keyGroupRange() KeyGroupRange {
	at := r.offset()
	first, n := r.i32("first key group"), r.i32("number of key groups")
	if n < 0 || first < 0 || int64(first)+int64(n) > 1<<31 {
		r.fail(at, "impossible key-group range: %d key groups from %d on", n, first)
		return KeyGroupRange{}
	}
	return KeyGroupRange{First: first, Last: first + n - 1}
}

func (w *writer) keyGroupRange(g KeyGroupRange) {
	if g.First < 0 || g.Last < g.First-1 {
		w.fail("impossible key-group range %d to %d", g.First, g.Last)
	}
	w.i32(g.First)
	w.i32(g.Last - g.First + 1)
}

// keyGroups is range, i64 offset per key group, stream; tag 12 then has utf handle id.
func (r *reader) keyGroups(t Tag) *KeyGroupsHandle {
	h := &KeyGroupsHandle{Tag: t}
	at := r.offset()
	h.Range = r.keyGroupRange()
	n := h.Range.Len()
	if int64(n)*8 > r.left() {
		r.fail(at, "impossible number of key groups: %d, with %d bytes left in the file", n, r.left())
		return h
	}
	h.Offsets = r.offsets(n, "key-group offset")
	h.Delegate = r.delegate("stream of the key groups")
	if t == TagKeyGroupsV2 {
		h.HandleID = r.utf("state handle id")
	}
	return h
}

func (w *writer) keyGroups(h *KeyGroupsHandle) {
	if len(h.Offsets) != h.Range.Len() {
		w.fail("%d offsets for key groups %s", len(h.Offsets), h.Range)
	}
	w.tag(h.Tag)
	w.keyGroupRange(h.Range)
	w.offsets(h.Offsets)
	w.delegate(h.Delegate, "the stream of the key groups")
	switch h.Tag {
	case TagKeyGroupsV2:
		w.utf(h.HandleID)
	case TagKeyGroups, TagSavepointKeyGroups:
		w.lost(h.HandleID != "", "handle id", h.Tag)
	default:
		w.fail("tag %s is not one of key groups", h.Tag)
	}
}

// incremental is i64 checkpoint id, utf backend id, range, [tag 11: i64
// checkpointed size], stream of the backend's meta data, shared files, private
// files, [tag 11: utf handle id].
func (r *reader) incremental(t Tag) *IncrementalHandle {
	h := &IncrementalHandle{Tag: t, Checkpointed: -1}
	h.CheckpointID = r.i64("checkpoint id of the handle")
	h.BackendID = r.utf("backend id")
	h.Range = r.keyGroupRange()
	if t == TagIncrementalV2 {
		h.Checkpointed = r.i64("checkpointed size")
	}
	h.Meta = r.delegate("meta state")
	h.Shared = r.namedFiles("shared files")
	h.Private = r.namedFiles("private files")
	if t == TagIncrementalV2 {
		h.HandleID = r.utf("state handle id")
	}
	return h
}

func (w *writer) incremental(h *IncrementalHandle) {
	v2 := h.Tag == TagIncrementalV2
	if !v2 && h.Tag != TagIncremental {
		w.fail("tag %s is not an incremental one", h.Tag)
	}
	w.tag(h.Tag)
	w.i64(h.CheckpointID)
	w.utf(h.BackendID)
	w.keyGroupRange(h.Range)
	if v2 {
		w.i64(h.Checkpointed)
	}
	w.delegate(h.Meta, "the meta state")
	w.namedFiles(h.Shared)
	w.namedFiles(h.Private)
	if v2 {
		w.utf(h.HandleID)
	} else {
		w.lost(h.HandleID != "", "handle id", h.Tag)
		w.lost(h.Checkpointed != -1, "checkpointed size", h.Tag)
	}
}

// lost fails where a handle holds what its tag cannot express.
func (w *writer) lost(is bool, what string, t Tag) {
	if is {
		w.fail("a handle of tag %s has no %s", t, what)
	}
}

// namedFiles is i32 count, then utf name and stream of each.
func (r *reader) namedFiles(what string) []NamedFile {
	n := r.count(what, 3)
	if n == 0 {
		return nil
	}
	out := make([]NamedFile, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		out = append(out, NamedFile{Name: r.utf("file name"), File: r.delegate("file")})
	}
	return out
}

func (w *writer) namedFiles(files []NamedFile) {
	w.count(len(files))
	for _, f := range files {
		w.utf(f.Name)
		w.delegate(f.File, "a file of an incremental handle")
	}
}

// changelog is range, i64 checkpointed size, i32 count and materialized handles,
// i32 count and logs, i64 materialization id, [tag 14: i64 checkpoint id], utf handle id.
func (r *reader) changelog(t Tag) *ChangelogHandle {
	h := &ChangelogHandle{Tag: t}
	at := r.offset()
	if h.Range = r.keyGroupRange(); h.Range.Len() == 0 {
		r.fail(at, "a changelog of no key groups")
	}
	h.Checkpointed = r.i64("checkpointed size")
	n := r.count("materialized handles", 1)
	h.Materialized = make([]KeyedHandle, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		h.Materialized = append(h.Materialized, r.keyed("materialized state"))
	}
	n = r.count("non-materialized handles", 1)
	h.NonMaterialized = make([]KeyedHandle, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		at := r.offset()
		switch d := r.keyed("non-materialized state").(type) {
		case *ChangelogInlineHandle, *ChangelogFileHandle:
			h.NonMaterialized = append(h.NonMaterialized, d)
		default:
			r.fail(at, "non-materialized state is no log of changes")
		}
	}
	h.MaterializationID = r.i64("materialization id")
	h.CheckpointID = h.MaterializationID
	if t == TagChangelogV2 {
		h.CheckpointID = r.i64("checkpoint id of the handle")
	}
	h.HandleID = r.utf("state handle id")
	return h
}

func (w *writer) changelog(h *ChangelogHandle) {
	v2 := h.Tag == TagChangelogV2
	if !v2 && h.Tag != TagChangelog {
		w.fail("tag %s is not a changelog's", h.Tag)
	}
	w.tag(h.Tag)
	if h.Range.Len() == 0 {
		w.fail("a changelog of no key groups")
	}
	w.keyGroupRange(h.Range)
	w.i64(h.Checkpointed)
	w.count(len(h.Materialized))
	for _, m := range h.Materialized {
		if _, nested := m.(*ChangelogHandle); nested {
			w.fail("a changelog within a changelog")
		}
		w.keyed(m)
	}
	w.count(len(h.NonMaterialized))
	for _, d := range h.NonMaterialized {
		switch d.(type) {
		case *ChangelogInlineHandle, *ChangelogFileHandle:
			w.keyed(d)
		default:
			w.fail("a %T is no log of changes", d)
		}
	}
	w.i64(h.MaterializationID)
	if v2 {
		w.i64(h.CheckpointID)
	} else {
		w.lost(h.CheckpointID != h.MaterializationID, "checkpoint id of its own", h.Tag)
	}
	w.utf(h.HandleID)
}

// changelogInline is range, i64 from, i64 to, i32 count, then i32 key group, i32
// length and bytes of each change, utf handle id.
func (r *reader) changelogInline() *ChangelogInlineHandle {
	h := &ChangelogInlineHandle{Range: r.keyGroupRange()}
	at := r.offset()
	h.From, h.To = r.i64("first sequence number"), r.i64("last sequence number")
	if h.From < 0 || h.To < 0 {
		r.fail(at, "impossible sequence numbers %d to %d", h.From, h.To)
	}
	n := r.count("changes", 8)
	h.Changes = make([]StateChange, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		at := r.offset()
		c := StateChange{KeyGroup: r.i32("key group"), Data: r.blob("change")}
		if c.KeyGroup < -1 {
			r.fail(at, "impossible key group %d", c.KeyGroup)
		}
		h.Changes = append(h.Changes, c)
	}
	h.HandleID = r.utf("state handle id")
	return h
}

func (w *writer) changelogInline(h *ChangelogInlineHandle) {
	w.tag(TagChangelogByte)
	w.keyGroupRange(h.Range)
	if h.From < 0 || h.To < 0 {
		w.fail("impossible sequence numbers %d to %d", h.From, h.To)
	}
	w.i64(h.From)
	w.i64(h.To)
	w.count(len(h.Changes))
	for _, c := range h.Changes {
		if c.KeyGroup < -1 {
			w.fail("impossible key group %d", c.KeyGroup)
		}
		w.i32(c.KeyGroup)
		w.blob(c.Data)
	}
	w.utf(h.HandleID)
}

// changelogFile is range, i32 count, then i64 offset and stream of each part, i64
// size, i64 checkpointed size, utf handle id, [tag 13: utf storage identifier].
func (r *reader) changelogFile(t Tag) *ChangelogFileHandle {
	h := &ChangelogFileHandle{Tag: t, StorageID: "filesystem"}
	h.Range = r.keyGroupRange()
	n := r.count("parts of the changelog", 9)
	h.Parts = make([]ChangelogPart, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		h.Parts = append(h.Parts, ChangelogPart{Offset: r.i64("offset of the changes"), File: r.delegate("changelog file")})
	}
	h.Size = r.i64("size of the changes")
	h.Checkpointed = r.i64("checkpointed size")
	h.HandleID = r.utf("state handle id")
	if t == TagChangelogFileV2 {
		h.StorageID = r.utf("storage identifier")
	}
	return h
}

func (w *writer) changelogFile(h *ChangelogFileHandle) {
	w.tag(h.Tag)
	w.keyGroupRange(h.Range)
	w.count(len(h.Parts))
	for _, p := range h.Parts {
		w.i64(p.Offset)
		w.delegate(p.File, "a file of a changelog")
	}
	w.i64(h.Size)
	w.i64(h.Checkpointed)
	w.utf(h.HandleID)
	switch h.Tag {
	case TagChangelogFileV2:
		w.utf(h.StorageID)
	case TagChangelogFile:
		w.lost(h.StorageID != "filesystem", "storage identifier but \"filesystem\"", h.Tag)
	default:
		w.fail("tag %s is not one of changelog files", h.Tag)
	}
}
