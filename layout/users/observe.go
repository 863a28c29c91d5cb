package users

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// found is what one snapshot has to do with one target.
type found struct {
	uses      []Use
	groups    map[group]int // of a directory: where in uses
	namesakes []string      // what it refers to by the same random name, in words
}

// group is what the uses of a directory are summed up by.
type group struct {
	operator metadata.OperatorID
	slot     metadata.Slot
	role     metadata.Role
	class    string
}

// snapshotKey names a snapshot.
type snapshotKey struct {
	tree *layout.Tree
	dir  string
}

// sink takes what several snapshots find at a time.
type sink struct {
	mu    sync.Mutex
	found map[snapshotKey]map[*target]*found
}

func (s *sink) at(snapshot snapshotKey, t *target) *found {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		s.found = map[snapshotKey]map[*target]*found{}
	}
	if s.found[snapshot] == nil {
		s.found[snapshot] = map[*target]*found{}
	}
	x := s.found[snapshot][t]
	if x == nil {
		x = &found{groups: map[group]int{}}
		s.found[snapshot][t] = x
	}
	return x
}

// Observe is for layout.GraphOptions.
func (f *Finder) Observe(tree *layout.Tree, s *layout.Snapshot) func(*layout.Reference) {
	snapshot := snapshotKey{tree, s.Dir}
	return func(r *layout.Reference) {
		for _, t := range f.byName[nameOf(r.Path)] {
			switch {
			case t.is(r):
				x := f.sink.at(snapshot, t)
				x.uses = append(x.uses, useOf(r))
			case layout.IsDataFile(nameOf(r.Path)):
				x := f.sink.at(snapshot, t)
				x.namesakes = append(x.namesakes, namesake(r))
			}
		}
		for _, t := range f.dirs {
			if t.holds(r) {
				f.sink.at(snapshot, t).count(r)
			}
		}
	}
}

// is tells whether r refers to the file t. One that lies in no tree may be named as it
// stands in _metadata, although the tree lies elsewhere now.
func (t *target) is(r *layout.Reference) bool {
	if t.tree == nil && layout.Canonical(r.Path) == t.url {
		return true
	}
	if r.Found.Object != layout.NoObject {
		id, ok := t.object()
		return ok && id == r.Found.Object
	}
	return r.Found.URL == t.url
}

// holds tells whether r refers to a file below the directory t.
func (t *target) holds(r *layout.Reference) bool {
	if t.tree == nil {
		key, below := layout.Below(t.url, layout.Canonical(r.Path))
		return below && key != ""
	}
	if r.Found.Object != layout.NoObject {
		_, ok := slices.BinarySearch(t.objects, r.Found.Object)
		return ok
	}
	key, below := layout.Below(t.url, r.Found.URL)
	return below && key != ""
}

// namesake says where a file of the same name is. "" where it is there: then the one
// that was asked for is a copy.
func namesake(r *layout.Reference) string {
	switch {
	case r.Found.Seen == layout.Present:
		return ""
	case r.Found.Err != nil:
		return fmt.Sprintf("%v", r.Found.Err)
	}
	return fmt.Sprintf("it refers to %s, which is not below the roots or not there", strings.Clone(r.Path))
}

// count adds r to the uses of a directory.
func (x *found) count(r *layout.Reference) {
	k := group{r.Place.Operator.ID, r.Place.Slot, r.Place.Role, r.Handle.Class()}
	i, known := x.groups[k]
	if !known {
		i = len(x.uses)
		x.groups[k] = i
		x.uses = append(x.uses, useOf(r))
		return
	}
	u := &x.uses[i]
	u.References++
	if r.Place.Subtask == nil || u.Subtask != r.Place.Subtask.Index {
		u.Subtask = -1
	}
	u.File, u.KeyGroups, u.Segment, u.Offset = "", nil, nil, nil
	if u.Fault == layout.NoFault {
		u.Fault = r.Fault
	}
}

// useOf keeps what is worth telling of r, and nothing of the _metadata itself.
func useOf(r *layout.Reference) Use {
	p := r.Place
	u := Use{Operator: p.Operator.ID, UID: strings.Clone(p.Operator.UID.String()), Name: strings.Clone(p.Operator.Name.String()), Subtask: -1,
		Slot: p.Slot, Role: p.Role, Class: r.Handle.Class(), File: strings.Clone(p.Name.String()), Scope: r.Scope,
		Path: strings.Clone(r.Path), Fault: r.Fault, References: 1, found: r.Found}
	if p.Subtask != nil {
		u.Subtask = p.Subtask.Index
	}
	if s, ok := r.Handle.(*metadata.SegmentHandle); ok {
		u.Segment = &layout.Segment{Object: layout.NoObject, Start: s.Start, End: s.Start + s.Size}
	}
	if p.Parent != nil {
		u.State = p.Parent.Class()
	}
	if k, ok := p.Parent.(metadata.KeyedHandle); ok {
		u.KeyGroups = new(k.KeyGroups())
	}
	if c, ok := p.Parent.(*metadata.ChangelogFileHandle); ok {
		for _, part := range c.Parts {
			if part.File == r.Handle {
				u.Offset = new(part.Offset)
			}
		}
	}
	return u
}
