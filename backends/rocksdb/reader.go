package rocksdb

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Reader reads the state in the database of one handle. It opens tables when they are needed, and keeps
// some open until Close.
type Reader struct {
	db     *database
	handle *metadata.IncrementalHandle
	origin backends.Origin
	opts   backends.Options
	states []*backends.State
	prefix int // of keys, with their key group
}

var _ backends.Reader = (*Reader)(nil)

const defaultFamily = "default" // which every database has, and Flink leaves empty

// Open reads the header of the handle, and what its MANIFEST says. Files are opened with ctx, also later ones. Where the header has a serializer that nobody
// knows, and the error is a *backends.OpaqueError (errors.As), a Reader comes with it all the same: of the
// states before that serializer.
func Open(ctx context.Context, files backends.Files, h *metadata.IncrementalHandle, o backends.Origin, opts *backends.Options) (*Reader, error) {
	r := &Reader{handle: h, origin: o, opts: *opts, prefix: keygroups.PrefixLen(o.MaxParallelism)}
	header, opaque, err := loadHeader(ctx, files, h, opts)
	if err != nil {
		return nil, err
	}
	if r.db, err = openDatabase(ctx, files, h, opts); err != nil {
		return nil, err
	}
	if r.db.pebble {
		if err := r.db.divide(header); err != nil {
			return nil, err
		}
	}
	for i := range header.States {
		st := header.State(i, o)
		if r.db.families[st.Name] == nil {
			return nil, r.db.failed("the header names state %q, of which the MANIFEST has no column family", st.Name)
		}
		r.states = append(r.states, st)
	}
	if opaque != nil {
		return r, opaque
	}
	return r, r.allNamed()
}

// loadHeader reads the meta stream. A header with an unknown serializer comes with its error.
func loadHeader(ctx context.Context, files backends.Files, h *metadata.IncrementalHandle, opts *backends.Options) (header *schema.Keyed, opaque, err error) {
	blob, err := files.Open(ctx, h.Meta)
	if err != nil {
		return nil, nil, err
	}
	defer blob.Close()
	header, err = schema.LoadKeyed(blob, opts)
	var unknown *backends.OpaqueError
	if errors.As(err, &unknown) && header != nil && header.Key != nil {
		return header, err, nil
	}
	if err == nil && int64(header.Size) != blob.Size() {
		err = &backends.Error{Path: blob.Name(), Offset: blob.Offset() + int64(header.Size), KeyGroup: -1, Message: fmt.Sprintf("%d bytes follow the header of the database", blob.Size()-int64(header.Size))}
	}
	return header, nil, err
}

// allNamed refuses a database with column families that are no states: RocksDB would not open it either.
func (r *Reader) allNamed() error {
	for name := range r.db.families {
		if name != defaultFamily && r.state(name) == nil {
			return r.db.failed("the MANIFEST has column family %q, which is no state of the header", name)
		}
	}
	return nil
}

func (r *Reader) state(name string) *backends.State {
	for _, st := range r.states {
		if st.Name == name {
			return st
		}
	}
	return nil
}

// States are the states of the handle in the order of its header.
func (r *Reader) States() []*backends.State { return r.states }

// Manifest is what the MANIFEST of the database comes to.
func (r *Reader) Manifest() *Manifest { return r.db.manifest }

// Close closes the tables. Nothing may be read afterwards.
func (r *Reader) Close() error {
	r.db.close()
	return nil
}

// Entries yields the selected entries by ascending key group, within one by state in the order of the header, and of a
// state by the bytes of keys. After an *Error of a state the others go on.
func (r *Reader) Entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		s := r.scan(ctx, sel)
		defer s.close()
		for kg := int64(s.groups.First); kg <= int64(s.groups.Last); kg++ {
			for _, c := range s.cursors {
				if !c.group(int32(kg), yield) {
					return
				}
			}
		}
	}
}
