package relocate

import (
	"fmt"
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// unit is what becomes one file of the copy.
type unit struct {
	source       string
	offset, size int64
	whole        bool
}

// rewriter makes the metadata of the copy, and the list of its files on the way. What it
// changes it copies first: the source's model stays as it is.
type rewriter struct {
	request *Request
	plan    *Plan
	units   map[unit]int    // which file of the plan it is
	keys    map[string]unit // what has a name already
	tied    bool            // the handle being rewritten needs absolute paths
	err     error           // the first
}

func (w *rewriter) checkpoint(c *metadata.Checkpoint) *metadata.Checkpoint {
	w.plan.Relocatable = true
	made := *c
	made.Operators = make([]metadata.OperatorState, len(c.Operators))
	for i := range c.Operators {
		o := c.Operators[i]
		subtasks := o.Subtasks
		o.Subtasks = make([]metadata.SubtaskState, len(subtasks))
		for j := range subtasks {
			o.Subtasks[j] = w.subtask(subtasks[j])
		}
		made.Operators[i] = o
	}
	return &made
}

func (w *rewriter) subtask(s metadata.SubtaskState) metadata.SubtaskState {
	s.ManagedOperator = w.operator(s.ManagedOperator)
	s.RawOperator = w.operator(s.RawOperator)
	s.ManagedKeyed = w.keyed(s.ManagedKeyed)
	s.RawKeyed = w.keyed(s.RawKeyed)
	s.InputChannels = each(s.InputChannels, w.channel)
	s.OutputChannels = each(s.OutputChannels, w.channel)
	return s
}

// each maps a list, and keeps nil.
func each[T any](list []T, f func(T) T) []T {
	if list == nil {
		return nil
	}
	made := make([]T, len(list))
	for i := range list {
		made[i] = f(list[i])
	}
	return made
}

func (w *rewriter) operator(h *metadata.OperatorStateHandle) *metadata.OperatorStateHandle {
	if h == nil {
		return nil
	}
	made := *h
	switch {
	case h.Merging == nil:
	case w.request.Form == KeepLayout:
		dirs := *h.Merging
		dirs.TaskOwned, dirs.Shared = w.directory(dirs.TaskOwned), w.directory(dirs.Shared)
		made.Merging = &dirs
	case h.Merging.Empty:
		return nil
	default:
		made.Merging = nil
	}
	made.Delegate = w.stream(h.Delegate)
	return &made
}

// directory is a directory of merged files, in a copy that keeps such.
func (w *rewriter) directory(d metadata.UTF) metadata.UTF {
	if d == "" {
		return d
	}
	return metadata.NewUTF(w.absolute(tail(d.String())))
}

func (w *rewriter) channel(h metadata.ChannelHandle) metadata.ChannelHandle {
	switch h := h.(type) {
	case *metadata.SingleChannelHandle:
		made := *h
		made.Delegate = w.stream(h.Delegate)
		return &made
	case *metadata.MergedChannelHandle:
		made := *h
		made.Delegate = w.stream(h.Delegate)
		return &made
	}
	return h
}

func (w *rewriter) keyed(h metadata.KeyedHandle) metadata.KeyedHandle {
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		return w.keyGroups(h)
	case *metadata.IncrementalHandle:
		return w.incremental(h)
	case *metadata.ChangelogHandle:
		made := *h
		w.tie(func() {
			made.Materialized = each(h.Materialized, w.keyed)
			made.NonMaterialized = each(h.NonMaterialized, w.keyed)
		})
		return &made
	case *metadata.ChangelogFileHandle:
		made := *h
		w.tie(func() {
			made.Parts = each(h.Parts, func(p metadata.ChangelogPart) metadata.ChangelogPart {
				p.File = w.stream(p.File)
				return p
			})
		})
		return &made
	}
	return h // a changelog within _metadata, or nothing
}

// tie makes the paths absolute that f rewrites: Flink takes these handles over.
func (w *rewriter) tie(f func()) {
	before := w.tied
	w.tied = true
	f()
	w.tied = before
}

func (w *rewriter) keyGroups(h *metadata.KeyGroupsHandle) *metadata.KeyGroupsHandle {
	made := *h
	made.Delegate = w.stream(h.Delegate)
	return &made
}

func (w *rewriter) incremental(h *metadata.IncrementalHandle) *metadata.IncrementalHandle {
	made := *h
	made.Meta = w.stream(h.Meta)
	rename := func(f metadata.NamedFile) metadata.NamedFile {
		f.File = w.stream(f.File)
		return f
	}
	made.Shared, made.Private = each(h.Shared, rename), each(h.Private, rename)
	if w.request.Form == SelfContained {
		made.Shared, made.Private = ownRelative(made.Shared, made.Private)
	}
	return &made
}

// ownRelative moves shared files with relative paths to the private ones, so that Flink
// does not take them over.
func ownRelative(shared, private []metadata.NamedFile) (left, own []metadata.NamedFile) {
	for _, f := range shared {
		if _, relative := layout.PathOf(f.File); relative {
			private = append(private, f)
		} else {
			left = append(left, f)
		}
	}
	return left, private
}

// stream rewrites a stream handle. Those without a file stay.
func (w *rewriter) stream(h metadata.StreamHandle) metadata.StreamHandle {
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		return w.keyGroups(h)
	case *metadata.FileHandle:
		return w.file(h, h.Path, h.Size, false)
	case *metadata.RelativeFileHandle:
		return w.file(h, h.Path, h.Size, true)
	case *metadata.SegmentHandle:
		return w.segment(h)
	}
	return h
}

// file is for a handle of a whole file. The size stays what the handle says: that of a
// changelog's file is not the file's length.
func (w *rewriter) file(h metadata.StreamHandle, p metadata.UTF, size int64, relative bool) metadata.StreamHandle {
	at, ok := w.located(h, p)
	if !ok {
		return h
	}
	u := unit{source: at.URL, size: at.Size, whole: true}
	if w.request.Form == SelfContained {
		return w.contained(u, size)
	}
	if relative {
		w.take(u, join(w.plan.Dir, path.Clean(p.String())))
		return h
	}
	key := w.take(u, tail(p.String()))
	return &metadata.FileHandle{Path: metadata.NewUTF(w.absolute(key)), Size: size}
}

// segment becomes a plain file of its bytes, unless the merged file is kept.
func (w *rewriter) segment(h *metadata.SegmentHandle) metadata.StreamHandle {
	at, ok := w.located(h, h.Path)
	if !ok {
		return h
	}
	if h.Start < 0 || h.Size < 0 || h.Start > at.Size || h.Size > at.Size-h.Start {
		w.fail(&DamagedError{Path: at.URL, Message: fmt.Sprintf("it has %d bytes, and a segment of it begins at %d and has %d", at.Size, h.Start, h.Size)})
		return h
	}
	if w.request.Form == SelfContained {
		return w.contained(unit{source: at.URL, offset: h.Start, size: h.Size}, h.Size)
	}
	made := *h
	key := w.take(unit{source: at.URL, size: at.Size, whole: true}, tail(h.Path.String()))
	made.Path = metadata.NewUTF(w.absolute(key))
	return &made
}

// contained is the handle of a file in the one directory of the copy.
func (w *rewriter) contained(u unit, size int64) metadata.StreamHandle {
	key := w.take(u, w.name(u))
	if w.tied || w.request.Checkpoint.Version == metadata.Version2 {
		return &metadata.FileHandle{Path: metadata.NewUTF(w.absolute(key)), Size: size}
	}
	return &metadata.RelativeFileHandle{Path: metadata.NewUTF(key), Size: size}
}

// name is that of the source, where it is one of Flink's and free.
func (w *rewriter) name(u unit) string {
	name := u.source[strings.LastIndexByte(u.source, '/')+1:]
	if owner, taken := w.keys[name]; !u.whole || !layout.IsDataFile(name) || taken && owner != u {
		return derivedName(u)
	}
	return name
}

// take notes that a file of the copy holds u, and gives its key: wanted, unless u has
// one already in the one directory.
func (w *rewriter) take(u unit, wanted string) string {
	if i, known := w.units[u]; known && (w.request.Form == SelfContained || w.plan.Files[i].Key == wanted) {
		return w.plan.Files[i].Key
	}
	clean, err := layout.CleanKey(wanted)
	if clean == "" && err == nil {
		err = fmt.Errorf("%s would have no name in the copy", u.source)
	}
	if owner, taken := w.keys[wanted]; taken && owner != u {
		err = fmt.Errorf("%s and %s would both be %s in the copy", owner.source, u.source, wanted)
	}
	if reserved(path.Base(wanted)) {
		err = fmt.Errorf("%s would be %s in the copy, which is no name for a file of state", u.source, wanted)
	}
	if err != nil {
		w.fail(err)
		return wanted
	}
	if layout.Join(w.plan.Destination, clean) == u.source {
		w.fail(refuse(u.source, "choose another destination", "the file would be copied onto itself"))
	}
	if u.offset != 0 || !u.whole {
		w.plan.Segments++
	}
	if _, known := w.keys[clean]; !known {
		w.units[u], w.keys[clean] = len(w.plan.Files), u
		w.plan.Files = append(w.plan.Files, File{Key: clean, Source: u.source, Offset: u.offset, Size: u.size, Whole: u.whole})
	}
	return clean
}

// absolute is the path of a file of the copy as Flink writes it.
func (w *rewriter) absolute(key string) string {
	w.plan.Relocatable = false
	return strings.TrimSuffix(w.request.Root, "/") + "/" + key
}

func (w *rewriter) located(h metadata.StreamHandle, p metadata.UTF) (Located, bool) {
	at, ok := w.request.Located[h]
	if !ok {
		w.fail(fmt.Errorf("the file %s of %s was not looked up", p, w.request.Source))
	}
	return at, ok
}

func (w *rewriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
