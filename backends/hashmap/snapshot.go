package hashmap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/bytetable"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/metadata"
)

// pending is the state of a store at one time, to be written while it changes.
type pending struct {
	store   *Store
	request backends.SnapshotRequest
	tables  []frozen
}

// frozen is the state of one table.
type frozen struct {
	meta   *backends.Meta
	groups []*bytetable.View // nil where a key group is empty
	maps   []int
}

// Snapshot implements backends.Store. It takes some 100 ns for each state in each key group that has any. A key group that
// was written is shared no more.
func (s *Store) Snapshot(r *backends.SnapshotRequest) (backends.SnapshotFunc, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	n := &pending{store: s, request: *r, tables: make([]frozen, len(s.tables))}
	for i, t := range s.tables {
		f := frozen{meta: t.meta, groups: make([]*bytetable.View, len(t.groups)), maps: slices.Clone(t.maps)}
		for j, g := range t.groups {
			if g != nil && g.Len() > 0 {
				f.groups[j] = g.Freeze()
			}
		}
		n.tables[i] = f
	}
	return n.write, nil
}

// write is the asynchronous part.
func (n *pending) write(ctx context.Context) (backends.SnapshotResult, error) {
	defer n.releaseAll()
	if err := n.err(ctx); err != nil || len(n.tables) == 0 {
		return backends.SnapshotResult{}, err
	}
	out, err := n.request.Streams.Create(ctx, metadata.Exclusive)
	if err != nil {
		return backends.SnapshotResult{}, err
	}
	var r backends.SnapshotResult
	tee := n.tee(out)
	if n.request.Form == backends.CanonicalForm {
		r, err = n.canonical(ctx, tee)
	} else {
		r, err = n.native(ctx, tee)
	}
	if err != nil {
		err = fmt.Errorf("the keyed state of operator %s, sub-task %d: %w", n.store.config.Operator, n.store.config.Subtask, err)
		return backends.SnapshotResult{}, errors.Join(err, out.Close(), tee.drop())
	}
	return r, nil
}

// err tells why not to go on.
func (n *pending) err(ctx context.Context) error {
	if n.store.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// release lets go of a key group, which the table then changes without copying.
func (n *pending) release(group int) {
	for _, f := range n.tables {
		if v := f.groups[group]; v != nil {
			v.Release()
			f.groups[group] = nil
		}
	}
}

func (n *pending) releaseAll() {
	for i := range n.store.config.KeyGroups.Len() {
		n.release(i)
	}
}

// metas are those of the header.
func (n *pending) metas() []*backends.Meta {
	metas := make([]*backends.Meta, len(n.tables))
	for i := range n.tables {
		metas[i] = n.tables[i].meta
	}
	return metas
}

// canonical writes the form of savepoints that all state backends share.
func (n *pending) canonical(ctx context.Context, out *tee) (backends.SnapshotResult, error) {
	c := &n.store.config
	last := 0
	h, err := savepoint.Write(ctx, out, &savepoint.WriteConfig{
		KeyGroups: c.KeyGroups, Key: c.Key, KeyRaw: c.KeyRaw, Metas: n.metas(),
		Rows: func(meta int, kg int32) iter.Seq2[backends.Row, error] {
			group := int(kg - c.KeyGroups.First)
			if group > last {
				n.release(last)
				last = group
			}
			return n.rows(ctx, meta, group, kg)
		},
	})
	if err != nil || h == nil {
		return backends.SnapshotResult{}, err
	}
	return out.result(h), nil
}

// rows are the entries of a state in a key group.
func (n *pending) rows(ctx context.Context, meta, group int, kg int32) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		if err := n.err(ctx); err != nil {
			yield(backends.Row{}, err)
			return
		}
		f := &n.tables[meta]
		if v := f.groups[group]; v != nil {
			rows(v, f.meta.Kind == backends.Map, kg, yield)
		}
	}
}
