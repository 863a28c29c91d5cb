package relocate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// there is what the destination holds already: sizes by key.
type there map[string]int64

// look lists the directories of the copy, each alone.
func (p *Plan) look(ctx context.Context, store layout.Store) (there, error) {
	found, seen := there{}, map[string]bool{}
	add := func(dir string) error {
		if seen[dir] {
			return nil
		}
		seen[dir] = true
		return found.add(ctx, store, dir)
	}
	if err := add(p.Dir); err != nil {
		return nil, err
	}
	for i := range p.Files {
		if err := add(dirOf(p.Files[i].Key)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func dirOf(key string) string {
	if dir := path.Dir(key); dir != "." {
		return dir
	}
	return ""
}

func (t there) add(ctx context.Context, store layout.Store, dir string) error {
	for o, err := range store.Children(ctx, dir) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case o.Key == dir && o.Type == layout.TypeDir:
		case o.Type == layout.TypeFile:
			t[o.Key] = o.Size
		default:
			t[o.Key] = -1
		}
	}
	return nil
}

// Standing is how far the destination is.
type Standing uint8

// The standings.
const (
	Fresh    Standing = iota // nothing is there
	Begun                    // an earlier run of the same copy left its marker
	Finished                 // the very same copy is there, as far as its _metadata says
)

// Admit tells whether the copy may be made: the directory of the snapshot must be empty,
// or hold the same copy, finished or not. Nothing is changed.
func (p *Plan) Admit(ctx context.Context, store layout.Store, id Identity) (Standing, error) {
	found := there{}
	if err := found.add(ctx, store, p.Dir); err != nil {
		return Fresh, err
	}
	s, _, err := p.admit(ctx, store, id, found)
	return s, err
}

func (p *Plan) admit(ctx context.Context, store layout.Store, id Identity, found there) (Standing, *Marker, error) {
	_, marked := found[p.MarkerKey()]
	_, complete := found[p.MetadataKey()]
	switch {
	case marked:
		m, err := p.own(ctx, store, id)
		return Begun, m, err
	case complete:
		return Finished, nil, p.sameMetadata(ctx, store)
	}
	for key := range found {
		if dirOf(key) == p.Dir && !isPart(key) {
			return Fresh, nil, refuse(p.URL(), "choose an empty or new directory", "the destination is not empty: it holds %s", path.Base(key))
		}
	}
	return Fresh, nil, nil
}

// sameMetadata refuses a _metadata that is not that of this copy.
func (p *Plan) sameMetadata(ctx context.Context, store layout.Store) error {
	data, _, err := readWhole(ctx, store, p.MetadataKey())
	if err == nil && !bytes.Equal(data, p.Metadata) {
		err = refuse(p.URL(), "choose another destination; a snapshot is never overwritten", "there is another snapshot already")
	}
	return err
}

// isPart tells whether a key is that of a file which was being written when its writer
// was killed (package storage: local file systems, HDFS). No reader ever opens one.
func isPart(key string) bool {
	name := path.Base(key)
	return strings.HasPrefix(name, ".ckpt-") && strings.HasSuffix(name, ".part")
}

// sweep removes what a killed run before this one left half-written beside the _metadata.
func (x *execution) sweep(ctx context.Context) error {
	for key := range x.found {
		if x.report.Resumed && isPart(key) && dirOf(key) == x.plan.Dir {
			if err := remove(ctx, x.store, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// own reads the marker, and refuses that of another copy.
func (p *Plan) own(ctx context.Context, store layout.Store, id Identity) (*Marker, error) {
	m, err := ReadMarker(ctx, store, p.MarkerKey())
	if err != nil {
		return nil, err
	}
	const hint = "give the same arguments to go on with it; or remove what was begun there, or choose another destination"
	switch {
	case m.Source != id.Source:
		return nil, refuse(p.URL(), hint, "a copy of %s was begun there", m.Source)
	case !m.same(id):
		return nil, refuse(p.URL(), hint, "a copy of %s was begun there, and that is another snapshot now", m.Source)
	case m.Form != p.Form || m.Root != p.Root:
		return nil, refuse(p.URL(), hint, "a copy of the form %s with paths below %s was begun there", m.Form, m.Root)
	}
	return m, nil
}

// begin makes the marker, or takes over that of an earlier run.
func (x *execution) begin(ctx context.Context) error {
	found, err := x.plan.look(ctx, x.store)
	if err != nil {
		return err
	}
	standing, marker, err := x.plan.admit(ctx, x.store, x.opts.Identity, found)
	if err != nil {
		return err
	}
	l := &ledger{store: x.store, key: x.plan.MarkerKey(), now: x.opts.Now, written: x.opts.Now(), idle: standing == Finished}
	l.marker = Marker{Schema: markerSchema, Ckpt: x.opts.Version, Identity: x.opts.Identity, Form: x.plan.Form, Root: x.plan.Root, Files: map[string]Digest{}}
	x.ledger, x.found = l, found
	switch standing {
	case Fresh:
		marker, err = x.mark(ctx)
	case Finished:
		marker, err = &Marker{Files: x.plan.sizes()}, x.present(ctx)
	}
	if marker != nil {
		l.marker.Files, x.report.Resumed = marker.files(x.plan), true
	}
	return err
}

// sizes are all files as if they were done.
func (p *Plan) sizes() map[string]Digest {
	all := map[string]Digest{}
	for i := range p.Files {
		all[p.Files[i].Key] = Digest{Size: p.Files[i].Size}
	}
	return all
}

// mark creates the marker. Where another run was quicker, its marker counts.
func (x *execution) mark(ctx context.Context) (*Marker, error) {
	data, err := json.Marshal(&x.ledger.marker)
	if err != nil {
		return nil, err
	}
	_, err = x.store.Create(ctx, x.ledger.key, bytes.NewReader(data), int64(len(data)))
	if errors.Is(err, fs.ErrExist) {
		return x.plan.own(ctx, x.store, x.opts.Identity)
	}
	return nil, err
}
