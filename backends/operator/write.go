package operator

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

// frozen is a state as a snapshot has noted it.
type frozen struct {
	meta     backends.Meta
	name     metadata.UTF
	elements packed       // of a list
	entries  []*pairBytes // of a map
	opaque   []byte       // all of a map, or nil
}

// Snapshot implements backends.Operator. The file is not compressed, and belongs to the checkpoint alone.
func (l *Live) Snapshot(r *backends.SnapshotRequest) (backends.OperatorSnapshotFunc, error) {
	if l.closed {
		return nil, ErrClosed
	}
	w := &writer{streams: r.Streams}
	for s := range l.lists.each {
		f := frozen{meta: s.meta, name: s.name, elements: s.elements}
		if s.meta.Kind == backends.Union && !s.asked && l.subtask > 0 {
			f.elements = packed{}
		}
		w.lists = append(w.lists, f)
	}
	for s := range l.broadcasts.each {
		w.broadcasts = append(w.broadcasts, frozen{meta: s.meta, name: s.name, entries: slices.Clone(s.entries), opaque: s.opaque})
	}
	return w.run, nil
}

// writer writes one snapshot.
type writer struct {
	streams           backends.Streams
	lists, broadcasts []frozen
	out               *stream.Writer
}

// run is a backends.OperatorSnapshotFunc.
func (w *writer) run(ctx context.Context) (*metadata.OperatorStateHandle, error) {
	if len(w.lists)+len(w.broadcasts) == 0 {
		return nil, ctx.Err()
	}
	head, err := schema.AppendOperator(nil, metasOf(w.lists), metasOf(w.broadcasts), false)
	if err != nil {
		return nil, fmt.Errorf("the snapshot of operator state: %w", err)
	}
	out, err := w.streams.Create(ctx, metadata.Exclusive)
	if err != nil {
		return nil, err
	}
	w.out = stream.NewWriter(ctx, out, head)
	h := &metadata.OperatorStateHandle{}
	if err = w.states(h); err == nil {
		h.Delegate, err = w.out.CloseAndHandle()
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return h, nil
}

func metasOf(states []frozen) []*backends.Meta {
	metas := make([]*backends.Meta, len(states))
	for i := range states {
		metas[i] = &states[i].meta
	}
	return metas
}

// states writes all states, and notes where their elements lie.
func (w *writer) states(h *metadata.OperatorStateHandle) error {
	for _, s := range w.lists {
		m := metadata.OperatorStateMeta{Name: s.name, Mode: metadata.SplitDistribute, Offsets: make([]int64, len(s.elements.ends))}
		if s.meta.Kind == backends.Union {
			m.Mode = metadata.Union
		}
		for i := range m.Offsets {
			m.Offsets[i] = w.out.Pos()
			if err := w.write(s.elements.at(i)); err != nil {
				return err
			}
		}
		h.States = append(h.States, m)
	}
	for _, s := range w.broadcasts {
		h.States = append(h.States, metadata.OperatorStateMeta{Name: s.name, Mode: metadata.Broadcast, Offsets: []int64{w.out.Pos()}})
		if err := w.entries(&s); err != nil {
			return err
		}
	}
	return nil
}

// entries writes a map.
func (w *writer) entries(s *frozen) error {
	if s.opaque != nil {
		return w.write(s.opaque)
	}
	w.out.Buf = binary.BigEndian.AppendUint32(w.out.Buf, uint32(len(s.entries)))
	for _, e := range s.entries {
		if err := w.write(e.data); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) write(b []byte) error {
	w.out.Buf = append(w.out.Buf, b...)
	return w.out.Room()
}
