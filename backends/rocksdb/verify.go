package rocksdb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// verifier reads all of a table.
type verifier struct {
	t      *Table
	report func(*backends.Error)
	blocks []handle // all that were read
	bad    bool
	win    window

	at      handle      // of the block of data read last
	last    InternalKey // of the record before
	begun   bool
	records uint64
	outside bool // whether a record was told of that the MANIFEST does not allow
}

// Verify reads every block of the table, filters and the like too, and reports what is wrong: checksums, gaps
// between blocks, keys out of order or outside of their index and of the MANIFEST's bounds, numbers that differ
// from the properties. Its error is that of the Blob, or of ctx. It tells how many bytes were read.
func (t *Table) Verify(ctx context.Context, report func(*backends.Error)) (int64, error) {
	return t.verify(ctx, t.src, report)
}

// verify reads the table from src.
func (t *Table) verify(ctx context.Context, src io.ReaderAt, report func(*backends.Error)) (int64, error) {
	v := &verifier{t: t, report: report}
	v.win.open(src, t.size, mostRead)
	err := v.data(ctx)
	if err == nil {
		err = v.rest()
	}
	if err == nil && !v.bad {
		v.tile()
		v.count()
	}
	return v.read(), err
}

// fail reports an error of the bytes; others it gives back.
func (v *verifier) fail(err error) error {
	var e *backends.Error
	if err = v.t.explain(err); errors.As(err, &e) {
		v.bad = true
		v.report(e)
		return nil
	}
	return err
}

func (v *verifier) failAt(offset int64, format string, args ...any) {
	v.fail(badFormat(offset, format, args...))
}

// data reads the blocks of data, in the order of the index.
func (v *verifier) data(ctx context.Context) error {
	b, err := v.t.readIndex()
	if err != nil {
		return v.fail(err)
	}
	if v.t.props.IndexType != TwoLevel {
		return v.indexed(ctx, b, v.t.index)
	}
	var top handles
	var w window
	var buf []byte
	w.open(v.t.src, v.t.size, firstRead)
	for top.reset(b, v.t.props.format); top.next(); {
		v.blocks = append(v.blocks, top.handle)
		part, err := v.t.block(&w, top.handle, &buf, false)
		if err == nil {
			err = v.indexed(ctx, part, top.handle)
		} else {
			err = v.fail(err)
		}
		if err != nil {
			return err
		}
	}
	return v.damaged(top.err, v.t.index)
}

// damaged reports that a block of entries is not one.
func (v *verifier) damaged(err error, h handle) error {
	if err == nil {
		return nil
	}
	return v.fail(atOffset(err, h.offset))
}

// indexed reads the blocks of data that a block of the index names.
func (v *verifier) indexed(ctx context.Context, b []byte, at handle) error {
	var index handles
	var buf []byte
	for index.reset(b, v.t.props.format); index.next(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		h := index.handle
		v.blocks = append(v.blocks, h)
		block, err := v.t.block(&v.win, h, &buf, true)
		if err != nil {
			if err = v.fail(err); err != nil {
				return err
			}
			v.begun = false
			continue
		}
		if err := v.block(block, h); err != nil {
			return err
		}
		if user := v.t.props.format.user(index.key); v.begun && bytes.Compare(v.last.User, user) > 0 {
			v.failAt(h.offset, "a block has a key that is larger than the index says")
		}
	}
	return v.damaged(index.err, at)
}

// block checks the records of a block of data.
func (v *verifier) block(b []byte, h handle) error {
	var e entries
	v.at = h
	for e.reset(b, false); e.next(); {
		k, ok := parseKey(e.key)
		if !ok {
			v.failAt(h.offset, "a record has a key of %d bytes, fewer than the %d of its sequence number", len(e.key), keyTrailer)
			return nil
		}
		if kind := v.t.kind(k.Trailer); !kind.known() {
			v.failAt(h.offset, "%s", kind.problem())
		}
		var err error
		if k.Trailer, err = v.t.globalTrailer(k.Trailer); err != nil {
			return v.fail(atOffset(err, h.offset))
		}
		if v.begun && v.last.Compare(k) >= 0 {
			v.failAt(h.offset, "a key comes after a larger one")
			return nil
		}
		v.bounds(k, h)
		v.last.User, v.last.Trailer, v.begun = append(v.last.User[:0], k.User...), k.Trailer, true
		v.records++
	}
	if !e.restartsFit() && e.err == nil {
		e.err = errBlock
	}
	return v.damaged(e.err, h)
}

// bounds checks a key against the MANIFEST.
func (v *verifier) bounds(k InternalKey, h handle) {
	f := v.t.file
	if f == nil || v.outside {
		return
	}
	v.outside = true
	switch {
	case v.records == 0 && !v.bad && !v.t.begins(k):
		v.fail(v.t.another(h.offset, "first"))
	case k.Compare(f.Smallest) < 0 || k.Compare(f.Largest) > 0:
		v.failAt(h.offset, "a key lies outside of the bounds that the MANIFEST has for table %s", f.Name())
	case k.Seq() < f.SmallestSeq || k.Seq() > f.LargestSeq:
		v.failAt(h.offset, "a record has sequence number %d; the MANIFEST has %d to %d for table %s", k.Seq(), f.SmallestSeq, f.LargestSeq, f.Name())
	default:
		v.outside = false
	}
}

// restartsFit tells whether the places that a search begins at are entries that share nothing.
func (e *entries) restartsFit() bool {
	for i := range len(e.restarts) / 4 {
		e.jump(i)
		if e.err != nil || len(e.data) > 0 && (!e.next() || e.shared != 0) {
			return false
		}
	}
	return true
}

// rest reads the blocks that are not data: filters, the index, and what the meta index names.
func (v *verifier) rest() error {
	v.blocks = append(v.blocks, v.t.foot.metaIndex)
	others := []handle{v.t.index}
	for name, h := range v.t.meta {
		if h == v.t.index {
			continue
		}
		others = append(others, h)
		if strings.HasPrefix(name, metaPartitioned) {
			parts, err := v.partitions(h)
			if err != nil {
				return err
			}
			others = append(others, parts...)
		}
	}
	for _, h := range others {
		v.blocks = append(v.blocks, h)
		if err := v.sum(h); err != nil {
			return err
		}
	}
	return nil
}

// sum checks that a block has its checksum, and that it can be uncompressed.
func (v *verifier) sum(h handle) error {
	_, err := v.t.block(&v.win, h, nil, false)
	var mismatch *sumError
	if errors.As(err, &mismatch) && v.t.props.ingested && h == v.t.meta[metaProperties] {
		return nil // a sequence number was written into it: see patchedProperties
	}
	if err != nil {
		return v.fail(err)
	}
	return nil
}

// partitions are the parts of a filter that is in several.
func (v *verifier) partitions(h handle) ([]handle, error) {
	b, err := v.t.block(&v.win, h, nil, false)
	if err != nil {
		return nil, v.fail(err)
	}
	var all []handle
	var parts handles
	format := v.t.props.format
	format.firstKey = false
	for parts.reset(bytes.Clone(b), format); parts.next(); {
		all = append(all, parts.handle)
	}
	return all, v.damaged(parts.err, h)
}

const alignment = 4096 // of blocks, where the table was told to align them

// tile checks that blocks and footer lie one after the other. Zeros may come before a block that is aligned.
func (v *verifier) tile() {
	slices.SortFunc(v.blocks, func(a, b handle) int { return cmp.Compare(a.offset, b.offset) })
	at := int64(0)
	for _, h := range append(v.blocks, handle{offset: v.t.size - v.t.foot.size}) {
		if gap := h.offset - at; gap != 0 && !v.padding(at, gap) {
			v.failAt(at, "%d bytes of the table belong to no block, or to two", gap)
			return
		}
		at = h.end()
	}
}

func (v *verifier) padding(at, gap int64) bool {
	if gap < 0 || gap >= alignment || (at+gap)%alignment != 0 {
		return false
	}
	b, err := v.win.get(at, int(gap))
	return err == nil && len(bytes.Trim(b, "\x00")) == 0
}

// count compares numbers with the properties, and the last key with the MANIFEST.
func (v *verifier) count() {
	p, f := v.t.props, v.t.file
	if f != nil && v.records == 0 && (f.Smallest.Kind() != RangeDeletion || f.Largest.Kind() != RangeDeletion) {
		v.failAt(0, "the table has no records, and keys in the MANIFEST")
	}
	if f != nil && v.records > 0 && !v.t.ends(v.last) {
		v.fail(v.t.another(v.at.offset, "last"))
	}
	if _, ok := p.Raw[propertyPrefix+"num.entries"]; ok && v.records != p.Entries-p.RangeDeletions && v.records != p.Entries {
		v.failAt(v.t.meta[metaProperties].offset, "the table has %d records, and %d by its properties", v.records, p.Entries-p.RangeDeletions)
	}
}

// read is how many bytes were read.
func (v *verifier) read() int64 {
	n := v.t.foot.size
	for _, h := range v.blocks {
		n += h.size + trailerSize
	}
	return n
}
