package changelog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

// logFile is a file of change sets.
type logFile struct {
	handle metadata.StreamHandle
	sets   map[int64]*changeSet // by their offsets
}

// changeSet is what a sub-task wrote at once.
type changeSet struct {
	groups []*group
}

// group is the changes of one key group in a set.
type group struct {
	keyGroup int32
	changes  int
	log      *logFile
	path     string
	physical int64 // where it begins in the file, or the chunk that holds that

	at, size int64  // the changes with their lengths, in the body
	data     []byte // those size bytes, where they were kept

	binds []*logged // of metadata
}

// source is the next to replay: a set, or one change within `_metadata`.
type source struct {
	set    *changeSet
	inline *metadata.StateChange
	bind   *logged // of an inline change of metadata
}

const (
	metadataGroup = -1 // the number that stands for no key group
	// changeCost is about what a change takes when it is held, beyond its own bytes.
	changeCost = 160
	inMetadata = "_metadata (log of changes)"
)

// whole is the handle of all of a log file: the size that handles of logs have is not that of the file.
func whole(h metadata.StreamHandle) metadata.StreamHandle {
	switch h := h.(type) {
	case *metadata.FileHandle:
		return &metadata.FileHandle{Path: h.Path, Size: -1}
	case *metadata.RelativeFileHandle:
		return &metadata.RelativeFileHandle{Path: h.Path, Size: -1}
	}
	return h
}

// readLogs reads all sets of the handle's logs, each file once.
func (r *Reader) readLogs(ctx context.Context, h *metadata.ChangelogHandle) error {
	byFile := map[any]*logFile{}
	for _, log := range h.NonMaterialized {
		file, ok := log.(*metadata.ChangelogFileHandle)
		if !ok {
			continue
		}
		for _, part := range file.Parts {
			if part.File == nil {
				return errors.New("a log of changes without a file")
			}
			f := byFile[backends.FileKey(part.File)]
			if f == nil {
				f = &logFile{handle: whole(part.File), sets: map[int64]*changeSet{}}
				byFile[backends.FileKey(part.File)] = f
				r.logs = append(r.logs, f)
			}
			f.sets[part.Offset] = nil
		}
	}
	for _, f := range r.logs {
		if err := r.index(ctx, f); err != nil {
			return err
		}
	}
	for _, log := range h.NonMaterialized {
		switch log := log.(type) {
		case nil:
		case *metadata.ChangelogInlineHandle:
			if err := r.inline(log); err != nil {
				return err
			}
		case *metadata.ChangelogFileHandle:
			for _, part := range log.Parts {
				r.add(source{set: byFile[backends.FileKey(part.File)].sets[part.Offset]})
			}
		default:
			return fmt.Errorf("%s is no log of changes", log.Class())
		}
	}
	return nil
}

// add appends what is to be replayed.
func (r *Reader) add(s source) {
	r.order = append(r.order, s)
	if s.inline != nil {
		r.weigh(s.inline.KeyGroup, 1, 0) // its bytes are held anyway
		return
	}
	for _, g := range s.set.groups {
		r.weigh(g.keyGroup, g.changes, g.size)
	}
}

// weigh adds to the cost of a key group.
func (r *Reader) weigh(keyGroup int32, changes int, size int64) {
	if r.holds(keyGroup) {
		r.cost[keyGroup-r.rng.First] += size + int64(changes)*changeCost
	}
}

// holds tells whether the key group is one of those that count.
func (r *Reader) holds(keyGroup int32) bool {
	return keyGroup >= r.rng.First && keyGroup <= r.rng.Last
}

// inline takes a log within `_metadata`.
func (r *Reader) inline(h *metadata.ChangelogInlineHandle) error {
	for i := range h.Changes {
		c := &h.Changes[i]
		s := source{inline: c}
		if len(c.Data) > 0 && c.Data[0] == opMetadata {
			var err error
			if s.bind, err = r.metadata(c.Data, inMetadata, 0); err != nil {
				return err
			}
		}
		r.add(s)
	}
	return nil
}

// body opens the body of a log file.
func body(b backends.Blob) (*stream.Window, error) {
	w := stream.Plain(b, 0, b.Size())
	flag := w.U8()
	if w.Err() != nil {
		return nil, cutOff(w, "its first byte")
	}
	switch flag {
	case 0:
		w.Go(stream.AsIs, 1, b.Size())
	case 1:
		w.Go(stream.Snappy, 1, b.Size())
	default:
		w.Go(stream.AsIs, 0, b.Size())
		return nil, w.Errorf("the log's flag of compression is %d, neither 0 nor 1", flag)
	}
	return w, nil
}

// cutOff is the window's error, with words for the end of the file.
func cutOff(w *stream.Window, within string) error {
	if errors.Is(w.Err(), io.ErrUnexpectedEOF) {
		return w.Errorf("the log of changes is cut off within %s", within)
	}
	return w.Err()
}

// index reads the sets of a file by their offsets.
func (r *Reader) index(ctx context.Context, f *logFile) (err error) {
	b, err := r.files.Open(ctx, f.handle)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	w, err := body(b)
	if err != nil {
		return err
	}
	var offsets []int64
	for at := range f.sets {
		offsets = append(offsets, at)
	}
	slices.Sort(offsets)
	for _, at := range offsets {
		if err := ctx.Err(); err != nil {
			return err
		}
		if at < w.Offset() {
			return w.Errorf("a set of changes begins at %d, within another", at)
		}
		if w.Discard(at-w.Offset()) != nil {
			return cutOff(w, fmt.Sprintf("what is before the set of changes at %d", at))
		}
		if f.sets[at], err = r.changeSet(w, f, b.Name(), b.Offset()); err != nil {
			return err
		}
	}
	return nil
}

// changeSet reads a set but for its changes of other key groups than -1, which it passes over.
func (r *Reader) changeSet(w *stream.Window, f *logFile, path string, base int64) (*changeSet, error) {
	set := &changeSet{}
	groups := w.I32()
	if w.Err() == nil && groups < 0 {
		return nil, w.Errorf("a set of changes of %d key groups", groups)
	}
	for i := int32(0); i < groups && w.Err() == nil; i++ {
		g := &group{log: f, path: path, physical: base + w.Physical(), changes: int(w.I32()), keyGroup: w.I32()}
		if w.Err() != nil {
			break
		}
		if g.changes < 0 || g.keyGroup < metadataGroup || g.keyGroup >= r.o.MaxParallelism || g.keyGroup == metadataGroup && i > 0 {
			return nil, w.Errorf("a set has %d changes of key group %d", g.changes, g.keyGroup)
		}
		g.at = w.Offset()
		if err := r.changes(w, g); err != nil {
			return nil, err
		}
		g.size = w.Offset() - g.at
		if g.keyGroup == metadataGroup || r.holds(g.keyGroup) {
			set.groups = append(set.groups, g)
		}
	}
	if w.Err() != nil {
		return nil, cutOff(w, "a set of changes")
	}
	return set, nil
}

// changes passes over the changes of a group, and reads those of metadata.
func (r *Reader) changes(w *stream.Window, g *group) error {
	keeps := r.holds(g.keyGroup)
	for j := 0; j < g.changes && w.Err() == nil; j++ {
		n := w.I32()
		if w.Err() == nil && n < 0 {
			return w.Errorf("a change of %d bytes", n)
		}
		switch {
		case g.keyGroup == metadataGroup:
			physical := w.Physical()
			b, err := w.Next(int(n))
			if err != nil {
				continue
			}
			bind, err := r.metadata(b, g.path, physical)
			if err != nil {
				return err
			}
			g.binds = append(g.binds, bind)
		case keeps && r.keep >= int64(n)+4:
			if b, err := w.Next(int(n)); err == nil {
				r.keep -= int64(n) + 4
				g.data = append(g.data, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
				g.data = append(g.data, b...)
			}
		default:
			keeps, g.data = false, nil
			_ = w.Discard(int64(n)) // told by Err
		}
	}
	return nil
}
