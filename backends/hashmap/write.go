package hashmap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/bytetable"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

const writeSize = 256 << 10 // bytes that are written at once

// nativeWriter writes Flink's format of the heap.
type nativeWriter struct {
	pending *pending
	ctx     context.Context
	out     *tee
	buf     []byte // not yet in out
	form    backends.KeyForm
	maps    mapReader
}

// native writes the state backend's own form.
func (n *pending) native(ctx context.Context, out *tee) (backends.SnapshotResult, error) {
	c := &n.store.config
	w := &nativeWriter{pending: n, ctx: ctx, out: out}
	var err error
	if w.buf, err = schema.AppendKeyed(nil, c.Key, c.KeyRaw, n.metas(), false); err != nil {
		return backends.SnapshotResult{}, err
	}
	h := &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: c.KeyGroups, HandleID: metadata.NewUTF(metadata.NewUUID())}
	for i := range c.KeyGroups.Len() {
		h.Offsets = append(h.Offsets, out.Pos()+int64(len(w.buf)))
		if err := w.group(i); err != nil {
			return backends.SnapshotResult{}, err
		}
		n.release(i)
	}
	if err := w.flush(); err != nil {
		return backends.SnapshotResult{}, err
	}
	if h.Delegate, err = out.CloseAndHandle(); err == nil && h.Delegate == nil {
		err = errors.New("the stream of a checkpoint gave no handle")
	}
	if err != nil {
		return backends.SnapshotResult{}, err
	}
	return out.result(h), nil
}

func (w *nativeWriter) flush() error {
	if err := w.pending.err(w.ctx); err != nil {
		return err
	}
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// group writes one key group.
func (w *nativeWriter) group(i int) error {
	kg := w.pending.store.config.KeyGroups.First + int32(i)
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(kg))
	for id := range w.pending.tables {
		f := &w.pending.tables[id]
		v := f.groups[i]
		n := 0
		if v != nil && f.maps != nil {
			n = f.maps[i]
		} else if v != nil {
			n = v.Len()
		}
		if n > math.MaxInt32 {
			return fmt.Errorf("state %q, key group %d: %w: %d entries", f.meta.Name, kg, backends.ErrTooLarge, n)
		}
		w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(id))
		w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(n))
		if n == 0 {
			continue
		}
		if err := w.state(f, v); err != nil {
			return fmt.Errorf("state %q, key group %d: %w", f.meta.Name, kg, err)
		}
	}
	return nil
}

// state writes the entries of one state.
func (w *nativeWriter) state(f *frozen, v *bytetable.View) error {
	write := w.value
	switch f.meta.Kind {
	case backends.Timer:
		write = w.timer
	case backends.List:
		write = w.list
	case backends.Map:
		write = w.wholeMap
		w.maps.from = v
	}
	if f.meta.Kind != backends.Timer {
		w.form = w.pending.store.keyForm(f.meta)
	}
	for e := range v.All() {
		if err := write(f.meta, &e); err != nil {
			return err
		}
		if len(w.buf) >= writeSize {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// timer writes a timer: it lies as in the key, behind the key group.
func (w *nativeWriter) timer(_ *backends.Meta, e *bytetable.Entry) error {
	w.buf = append(w.buf, e.Key[w.pending.store.prefix:]...)
	return nil
}

// head writes namespace and key.
func (w *nativeWriter) head(key []byte) error {
	p, err := w.form.Split(key)
	if err != nil {
		return fmt.Errorf("the key %x: %w", key, err)
	}
	w.buf = append(append(w.buf, p.Namespace...), p.Key...)
	return nil
}

func (w *nativeWriter) value(_ *backends.Meta, e *bytetable.Entry) error {
	if err := w.head(e.Key); err != nil {
		return err
	}
	w.buf = append(w.buf, e.Value...)
	return nil
}

// list writes a list, whose elements are joined, behind their count.
func (w *nativeWriter) list(m *backends.Meta, e *bytetable.Entry) error {
	if err := w.head(e.Key); err != nil {
		return err
	}
	at := len(w.buf)
	w.buf = append(w.buf, 0, 0, 0, 0)
	n := uint32(0)
	for element, err := range backends.JoinedElements(m.Value, e.Value) {
		if err != nil {
			return unended("element", err)
		}
		w.buf = append(w.buf, element...)
		n++
	}
	binary.BigEndian.PutUint32(w.buf[at:], n)
	return nil
}

// wholeMap writes a map. Its buckets are no entries of their own.
func (w *nativeWriter) wholeMap(_ *backends.Meta, e *bytetable.Entry) error {
	n := len(e.Key) - 1
	if e.Key[n] != baseMark {
		return nil
	}
	key := e.Key[:n]
	if err := w.head(key); err != nil {
		return err
	}
	h := parseBase(e.Value)
	entries := h.len()
	if entries > math.MaxInt32 {
		return fmt.Errorf("%w: a map of %d entries", backends.ErrTooLarge, entries)
	}
	w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(entries))
	var err error
	w.maps.each(key, &h, func(sub, value []byte) bool {
		w.buf = append(append(w.buf, sub...), value...)
		if len(w.buf) >= writeSize {
			err = w.flush()
		}
		return err == nil
	})
	return err
}
