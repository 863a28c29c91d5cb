package savepoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/heap"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

// probeLen is how much of a key group tells its format, in most cases: heap's number and what follows
// it, canonical's first key as far as its key group.
const probeLen = 32

// Is tells whether a handle of managed keyed state is in the canonical form, not in that of package heap. Its tag
// tells no more than that savepoints of their own tag are: until Flink 1.15, RocksDB wrote full checkpoints
// under the tags of heap.
//
// The first bytes of the key groups tell, or a whole one; where they do not tell for sure, that is an error.
func Is(ctx context.Context, files backends.Files, h *metadata.KeyGroupsHandle, o backends.Origin, opts *backends.Options) (canonical bool, err error) {
	if h.Tag == metadata.TagSavepointKeyGroups {
		return true, nil
	}
	for _, offset := range h.Offsets {
		if offset == noOffset { // heap has an offset for each
			return true, nil
		}
	}
	if len(h.Offsets) == 0 {
		return true, nil
	}
	blob, err := files.Open(ctx, h.Delegate)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	head := func() (*schema.Keyed, error) { return schema.LoadKeyed(blob, opts) }
	return is(ctx, blob, head, h, o, opts)
}

// is tells by the key groups of h, whose header is read only if it matters.
func is(ctx context.Context, blob backends.Blob, head func() (*schema.Keyed, error), h *metadata.KeyGroupsHandle, o backends.Origin, opts *backends.Options) (bool, error) {
	groups := stream.KeyGroups(h, blob.Size(), noOffset)
	w := stream.New(blob, groups[len(groups)-1].To)
	prefix := keygroups.PrefixLen(o.MaxParallelism)
	doubt := -1
	for i, g := range groups {
		if g.From < 0 || g.From >= g.To {
			continue
		}
		w.Go(stream.AsIs, g.From, g.To)
		b, _ := w.Peek(probeLen)
		if err := w.Err(); err != nil {
			return false, err
		}
		switch asHeap, asCanonical := formats(b, g, prefix); {
		case asHeap && asCanonical && doubt < 0:
			doubt = i
		case asHeap != asCanonical:
			return asCanonical, nil
		}
	}
	if doubt < 0 {
		w.Go(stream.AsIs, 0, 0)
		return false, w.Errorf("the keyed state is neither as the heap backend writes it nor canonical")
	}
	keyed, err := head()
	if err != nil {
		return false, err
	}
	return try(ctx, blob, keyed, h, o, opts, groups[doubt])
}

// formats tells which formats the first bytes b of a key group can be of.
func formats(b []byte, g stream.KeyGroup, prefix int) (asHeap, asCanonical bool) {
	if strings.HasPrefix(string(b), stream.Identifier) {
		return false, true
	}
	if len(b) < 4 {
		return false, false
	}
	left := g.To - g.From
	if asHeap = int32(binary.BigEndian.Uint32(b)) == g.ID; asHeap && len(b) >= 10 && !strings.HasPrefix(string(b[4:]), stream.Identifier[:6]) {
		id, n := int16(binary.BigEndian.Uint16(b[4:])), int32(binary.BigEndian.Uint32(b[6:]))
		asHeap = id >= 0 && n >= 0 && int64(n) <= left
	}
	if len(b) < 6+prefix {
		return asHeap, false
	}
	id, n := int16(binary.BigEndian.Uint16(b)), int32(binary.BigEndian.Uint32(b[2:]))
	asCanonical = id >= 0 && int(n) >= prefix && int64(n)+12 <= left && keyGroup(b[6:], prefix) == g.ID
	return asHeap, asCanonical
}

// try reads a key group in both formats.
func try(ctx context.Context, blob backends.Blob, head *schema.Keyed, h *metadata.KeyGroupsHandle, o backends.Origin, opts *backends.Options, g stream.KeyGroup) (bool, error) {
	o.Range = metadata.KeyGroupRange{First: g.ID, Last: g.ID}
	asHeap, err := reads(ctx, heap.New(blob, head, h, o, opts), o.Range)
	if err != nil {
		return false, err
	}
	asCanonical, err := reads(ctx, New(blob, head, h, o, opts), o.Range)
	switch {
	case err != nil:
		return false, err
	case asHeap == asCanonical:
		w := stream.Plain(blob, g.From, g.To)
		return false, w.Errorf("nothing tells whether key group %d is as the heap backend writes it or canonical", g.ID)
	}
	return asCanonical, nil
}

// reads tells whether all of the key groups can be read. The error is that of the file.
func reads(ctx context.Context, r backends.Reader, groups metadata.KeyGroupRange) (bool, error) {
	for _, err := range r.Entries(ctx, backends.Everything(groups)) {
		var wrong *backends.Error
		if errors.As(err, &wrong) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("finding the format: %w", err)
		}
	}
	return true, nil
}
