package savepoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

// WriteConfig is what a stream in the canonical form is written of.
type WriteConfig struct {
	KeyGroups metadata.KeyGroupRange
	Key       backends.Type
	KeyRaw    []byte // the snapshot of Key's serializer as restored; nil: that of Key
	// Metas are the states; the place of one is its number in the stream.
	Metas []*backends.Meta
	// Rows yields the entries of a state in a key group, as Table.All does. It is called once for each, by ascending key
	// group, in the order of Metas within one.
	Rows func(meta int, keyGroup int32) iter.Seq2[backends.Row, error]
	// Sorted is whether Rows yields by ascending bytes of key and sub. Otherwise the entries of one state in one key group are
	// held in memory, and sorted.
	Sorted bool
}

// Write writes keyed state in the canonical form, uncompressed, and ends w; nothing is left of it where Write fails. Entries are sorted
// by their bytes within a key group and a state. The handle is nil where there are no states at all. The errors are those
// of Rows, of w, of schema.AppendKeyed, of ctx; backends.ErrTooLarge; and errors about rows that are no such entries.
func Write(ctx context.Context, w backends.StateStream, c *WriteConfig) (*metadata.KeyGroupsHandle, error) {
	if len(c.Metas) == 0 {
		return nil, w.Close()
	}
	h, err := write(ctx, w, c)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return h, nil
}

func write(ctx context.Context, out backends.StateStream, c *WriteConfig) (*metadata.KeyGroupsHandle, error) {
	head, err := schema.AppendKeyed(nil, c.Key, c.KeyRaw, c.Metas, false)
	if err != nil {
		return nil, err
	}
	w := &writer{config: c, out: stream.NewWriter(ctx, out, head)}
	h := &metadata.KeyGroupsHandle{Tag: metadata.TagSavepointKeyGroups, Range: c.KeyGroups, Offsets: make([]int64, c.KeyGroups.Len())}
	for i := range h.Offsets {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if h.Offsets[i], err = w.group(ctx, c.KeyGroups.First+int32(i)); err != nil {
			return nil, err
		}
	}
	h.Delegate, err = w.out.CloseAndHandle()
	return h, err
}

// writer writes one stream.
type writer struct {
	config *WriteConfig
	out    *stream.Writer

	// last is the entry that is not written yet: what follows its state is not known. It is nothing before the first of a
	// key group.
	last  []byte
	batch batch
}

// group writes one key group, and tells where it begins; noOffset if nothing is in it.
func (w *writer) group(ctx context.Context, kg int32) (int64, error) {
	offset := int64(noOffset)
	w.last = w.last[:0]
	for meta := range w.config.Metas {
		begin := func() {
			if offset == noOffset {
				offset = w.out.Pos()
				w.out.Buf = binary.BigEndian.AppendUint16(w.out.Buf, uint16(meta))
				return
			}
			w.endState(uint16(meta))
		}
		var err error
		if w.config.Sorted {
			err = w.sorted(ctx, meta, kg, begin)
		} else {
			err = w.unsorted(ctx, meta, kg, begin)
		}
		if err != nil {
			return 0, fmt.Errorf("state %q, key group %d: %w", w.config.Metas[meta].Name, kg, err)
		}
	}
	if offset != noOffset {
		w.endState(endOfKeyGroup)
	}
	return offset, w.out.Room()
}

// endState writes the last entry of a state, and the number that follows it.
func (w *writer) endState(next uint16) {
	w.last[lenSize] |= metaFollows
	w.out.Buf = binary.BigEndian.AppendUint16(append(w.out.Buf, w.last...), next)
	w.last = w.last[:0]
}

// entry makes b, an entry, the last one, and writes the one before.
func (w *writer) entry(b []byte) error {
	w.out.Buf = append(w.out.Buf, w.last...)
	w.last = append(w.last[:0], b...)
	return w.out.Room()
}

// everyRows is how often the context is looked at.
const everyRows = 1 << 12

// sorted writes rows as they come.
func (w *writer) sorted(ctx context.Context, meta int, kg int32, begin func()) error {
	n := 0
	for row, err := range w.config.Rows(meta, kg) {
		if err == nil && n%everyRows == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		w.batch.reset()
		if err := w.batch.add(&row, kg); err != nil {
			return err
		}
		switch {
		case n == 0:
			begin()
		case compareEntries(w.last, w.batch.data) >= 0:
			return fmt.Errorf("entries that are said to be sorted are not: %x follows %x", keyOf(w.batch.data), keyOf(w.last))
		}
		if err := w.entry(w.batch.data); err != nil {
			return err
		}
		n++
	}
	return nil
}

// unsorted gathers rows and sorts them.
func (w *writer) unsorted(ctx context.Context, meta int, kg int32, begin func()) error {
	w.batch.reset()
	for row, err := range w.config.Rows(meta, kg) {
		if err == nil && len(w.batch.entries)%everyRows == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if err := w.batch.add(&row, kg); err != nil {
			return err
		}
	}
	if len(w.batch.entries) == 0 {
		return nil
	}
	begin()
	return w.batch.each(w.entry)
}

// lenSize is that of the length before a key, and before a value.
const lenSize = 4

// checkRow tells whether a row can be an entry of the key group.
func checkRow(row *backends.Row, kg int32) error {
	key := row.Key
	if len(key)+len(row.Sub) > math.MaxInt32 || len(row.Value) > math.MaxInt32 {
		return backends.ErrTooLarge
	}
	one := len(key) > 0 && key[0]&metaFollows == 0 && int32(key[0]) == kg
	two := len(key) > 1 && key[0]&metaFollows == 0 && int32(key[0])<<8|int32(key[1]) == kg
	if row.KeyGroup != kg || !one && !two {
		return fmt.Errorf("a row of key group %d with the key %x", row.KeyGroup, key)
	}
	return nil
}
