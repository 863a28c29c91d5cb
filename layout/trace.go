package layout

import (
	"context"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// tracer follows the references of one snapshot.
type tracer struct {
	*finder
	ctx      context.Context
	dir      string // URL of the snapshot
	observe  func(*Reference)
	operator Referrer // what the references of one operator have in common
	places   map[placeKey]*place
	// confirmed is what a second look has shown, by URL.
	confirmed map[string]Found
	last      *place // references mostly lie beside the one before
	trace     trace
}

// trace is what a tracer has found.
type trace struct {
	uses     []use
	managed  map[string]struct{} // URLs of directories of merged files
	broken   []Broken
	segments []Segment
	outside  Part // references that lead out of the trees
	strays   []string
	set      OperatorSet
	byTail   int // references that were found by their tails
	inline   int64
}

// maxStrays is how many directories outside of the trees are remembered of a snapshot.
const maxStrays = 8

// OperatorSet stands for the operators of a snapshot, in no order. Two that are equal
// have the same operators: their ids are hashes.
type OperatorSet struct {
	sum [16]byte
	n   int
}

func (s *OperatorSet) add(id metadata.OperatorID) {
	for i := range s.sum {
		s.sum[i] ^= id[i]
	}
	s.n++
}

// use is one reference to an object, and in its lowest bit whether the object is
// shared. Uses of one object lie together in order, those as shared last.
type use uint32

func newUse(id ObjectID, shared bool) use {
	if shared {
		return use(id)<<1 | 1
	}
	return use(id) << 1
}

func (u use) object() ObjectID { return ObjectID(u >> 1) }
func (u use) shared() bool     { return u&1 != 0 }

// Segment is a part of a file that many states share.
type Segment struct {
	Object     ObjectID
	Start, End int64
}

// Part is a number of references, and the bytes that they record.
type Part struct {
	Refs  int
	Bytes int64
}

// placeKey is a directory as it stands in _metadata.
type placeKey struct {
	dir      string
	relative bool
}

func (f *finder) tracer(ctx context.Context, dir string, observe func(*Reference)) *tracer {
	return &tracer{finder: f, ctx: ctx, dir: dir, observe: observe, places: map[placeKey]*place{}}
}

func (t *tracer) visitor() metadata.Visitor {
	return metadata.Visitor{Operator: t.enter, Subtask: t.subtask}
}

// enter begins an operator.
func (t *tracer) enter(o *metadata.OperatorState) error {
	t.operator = Referrer{Operator: o.ID, Name: strings.Clone(o.Name.String()), UID: strings.Clone(o.UID.String())}
	t.trace.set.add(o.ID)
	if o.Coordinator != nil {
		t.trace.inline += o.Coordinator.StateSize()
	}
	return t.ctx.Err()
}

func (t *tracer) subtask(o *metadata.OperatorState, s *metadata.SubtaskState) error {
	for p, h := range o.WalkSubtask(s) {
		t.handle(p, h)
	}
	return t.ctx.Err()
}

func (t *tracer) handle(p metadata.Place, h metadata.Handle) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		t.trace.inline += int64(len(h.Data))
	case *metadata.ChangelogInlineHandle:
		t.trace.inline += h.StateSize()
	case *metadata.OperatorStateHandle:
		if h.Merging != nil {
			t.manage(h.Merging.Shared.String())
			t.manage(h.Merging.TaskOwned.String())
		}
	case *metadata.RelativeFileHandle:
		t.refer(p, h, h.Path.String(), true)
	case *metadata.FileHandle:
		t.refer(p, h, h.Path.String(), false)
	case *metadata.SegmentHandle:
		t.refer(p, h, h.Path.String(), false)
	}
}

// manage notes a directory that Flink deletes as a whole.
func (t *tracer) manage(dir string) {
	if dir == "" {
		return
	}
	if t.trace.managed == nil {
		t.trace.managed = map[string]struct{}{}
	}
	t.trace.managed[t.at(placeKey{dir, false}).home()] = struct{}{}
}

// refer follows one reference.
func (t *tracer) refer(p metadata.Place, h metadata.StreamHandle, file string, relative bool) {
	r := Reference{Place: p, Handle: h, Path: file, Scope: Exclusive}
	want := needOf(p.Role, h)
	dir, name, ok := splitPath(file, relative)
	if !ok {
		r.Found, r.Fault = Found{URL: file, How: Outside, Object: NoObject}, FaultPath
	} else {
		at := t.at(placeKey{dir, relative})
		r.Found = at.find(name)
		r.Scope = scopeIn(p.Role, h, at.scope)
		r.Fault = want.judge(r.Found)
		t.remember(&r, want)
		t.count(&r)
	}
	if r.Fault != NoFault {
		t.blame(&r, want)
	}
	if t.observe != nil {
		t.observe(&r)
	}
}

// splitPath splits a path as it stands in _metadata. It fails where that names no file:
// Flink would make such a path absolute by the directory that it happens to run in.
func splitPath(file string, relative bool) (dir, name string, ok bool) {
	dir, name = splitKey(file)
	if name == "" || relative {
		return dir, name, name != "" && metadata.Inside(file)
	}
	if dir = file[:len(file)-len(name)]; len(dir) > 1 && dir[len(dir)-2] != ':' && dir[len(dir)-2] != '/' {
		dir = dir[:len(dir)-1]
	}
	return dir, name, dir != "" && (dir[0] == '/' || strings.Contains(dir, ":/"))
}

// remember prefers what a second look has shown over the listing.
func (t *tracer) remember(r *Reference, want need) {
	if r.Fault == NoFault || t.confirmed == nil {
		return
	}
	if found, ok := t.confirmed[t.url(r.Found)]; ok {
		r.Found.Seen, r.Found.Size, r.Found.Err = found.Seen, found.Size, found.Err
		r.Fault = want.judge(r.Found)
	}
}

// scopeIn is [ScopeOf] for a file whose directory's scope is known.
func scopeIn(role metadata.Role, h metadata.StreamHandle, dir Scope) Scope {
	switch h := h.(type) {
	case *metadata.SegmentHandle:
		if h.Scope == metadata.Shared {
			return Shared
		}
	case *metadata.FileHandle:
		return FileScope(role, dir)
	}
	return Exclusive
}

// count adds the reference to the sums.
func (t *tracer) count(r *Reference) {
	if r.Found.How == ByTail {
		t.trace.byTail++
	}
	if r.Found.Object == NoObject {
		if r.Found.How == Outside || r.Found.Seen == Unlooked || r.Found.How == Mapped && t.within(r.Found.URL) == nil {
			t.trace.outside.Refs++
			t.trace.outside.Bytes += max(0, recordedSize(r.Handle))
			if dir, _, ok := splitLast(r.Found.URL); ok && len(t.trace.strays) < maxStrays && !slices.Contains(t.trace.strays, dir) {
				t.trace.strays = append(t.trace.strays, strings.Clone(dir))
			}
		}
		return
	}
	t.trace.uses = append(t.trace.uses, newUse(r.Found.Object, r.Scope != Exclusive))
	if h, ok := r.Handle.(*metadata.SegmentHandle); ok && r.Fault == NoFault {
		t.trace.segments = append(t.trace.segments, Segment{r.Found.Object, h.Start, h.Start + h.Size})
	}
}

// recordedSize is the length of what the handle refers to, -1 where it is not known.
func recordedSize(h metadata.StreamHandle) int64 {
	switch h := h.(type) {
	case *metadata.FileHandle:
		return h.Size
	case *metadata.RelativeFileHandle:
		return h.Size
	case *metadata.SegmentHandle:
		return h.Size
	}
	return -1
}

// blame keeps a faulty reference.
func (t *tracer) blame(r *Reference, want need) {
	b := Broken{Fault: r.Fault, Path: strings.Clone(r.Path), Found: r.Found, Want: want.size, By: t.operator, need: want, Scope: r.Scope}
	b.Found.URL = t.url(r.Found)
	b.By.at(r.Place, r.Handle)
	t.trace.broken = append(t.trace.broken, b)
}

// at is the place of a directory that the snapshot names.
func (t *tracer) at(key placeKey) *place {
	if t.last != nil && t.last.key == key {
		return t.last
	}
	at := t.places[key]
	if at == nil {
		key.dir = strings.Clone(key.dir)
		at = t.locate(t.ctx, t.dir, key)
		t.places[key] = at
	}
	t.last = at
	return at
}

// url is where a file was looked for.
func (f *finder) url(found Found) string {
	if found.Object == NoObject {
		return found.URL
	}
	tree, file := objectIn(f.trees, found.Object)
	return Join(tree.Root, tree.Files.Key(file))
}
