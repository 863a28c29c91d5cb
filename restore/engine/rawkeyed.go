package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// noOffset marks a key group without bytes (Flink: KeyedStateCheckpointOutputStream.NO_OFFSET_SET).
const noOffset = -1

// rawGroups is the raw keyed state of an operator, as SnapshotKeyGroup gave it.
type rawGroups struct {
	keyGroups metadata.KeyGroupRange
	data      [][]byte
}

// snapshotRaw is the synchronous part for raw keyed state; nil where there is none.
func snapshotRaw(op RawKeyed, id int64, r metadata.KeyGroupRange) (*rawGroups, error) {
	g := &rawGroups{keyGroups: r, data: make([][]byte, r.Len())}
	some := false
	for kg := r.First; kg <= r.Last; kg++ {
		data, err := op.SnapshotKeyGroup(id, kg)
		if err != nil {
			return nil, err
		}
		g.data[kg-r.First] = bytes.Clone(data) // it is written while the operator goes on
		some = some || len(data) > 0
	}
	if !some {
		return nil, nil
	}
	return g, nil
}

// write is the asynchronous part.
func (g *rawGroups) write(ctx context.Context, streams backends.Streams, scope metadata.Scope) (metadata.KeyedHandle, error) {
	s, err := streams.Create(ctx, scope)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	offsets := make([]int64, len(g.data))
	for i, data := range g.data {
		offsets[i] = noOffset
		if len(data) == 0 {
			continue
		}
		offsets[i] = s.Pos()
		if _, err := s.Write(data); err != nil {
			return nil, err
		}
	}
	h, err := s.CloseAndHandle()
	if err != nil {
		return nil, err
	}
	return &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: g.keyGroups, Offsets: offsets, Delegate: h, HandleID: metadata.NewUTF(metadata.NewUUID())}, nil
}

// restoreRaw gives an operator the raw keyed state of its key groups. The bytes of one end where the next begin.
func restoreRaw(ctx context.Context, files backends.Files, op RawKeyed, h metadata.KeyedHandle, r metadata.KeyGroupRange) error {
	k, ok := h.(*metadata.KeyGroupsHandle)
	if !ok {
		return fmt.Errorf("raw keyed state in a %s, which the engine does not read", h.Class())
	}
	blob, err := files.Open(ctx, k.Delegate)
	if err != nil {
		return err
	}
	defer blob.Close()
	begins := slices.Sorted(slices.Values(k.Offsets))
	for i, from := range k.Offsets {
		kg := k.Range.First + int32(i)
		if from == noOffset || kg < r.First || kg > r.Last {
			continue
		}
		to := blob.Size()
		if next, _ := slices.BinarySearch(begins, from+1); next < len(begins) {
			to = min(to, begins[next])
		}
		if from < 0 || to > blob.Size() || from > to {
			return fmt.Errorf("%s: raw keyed state of key group %d at bytes %d to %d of %d", blob.Name(), kg, from, to, blob.Size())
		}
		data := make([]byte, to-from)
		if n, err := blob.ReadAt(data, from); n < len(data) {
			return fmt.Errorf("%s: raw keyed state of key group %d: %w", blob.Name(), kg, err)
		}
		if err := op.RestoreKeyGroup(kg, data); err != nil {
			return err
		}
	}
	return nil
}
