package pebble

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

// restore opens the database, with what the store is to begin with. The files of at most one handle become it: of that which has most
// of the key groups, if not much of it is others'. What the rest holds is read and put.
func (s *Store) restore(ctx context.Context) error {
	base := s.base()
	if base < 0 {
		if err := s.openDB(); err != nil {
			return err
		}
	} else if err := s.adopt(ctx, &s.config.Restored[base]); err != nil {
		return err
	}
	for i := range s.config.Restored {
		if i == base {
			continue
		}
		r := &s.config.Restored[i]
		groups := r.Handle.KeyGroups().Intersection(s.config.KeyGroups)
		if groups.Len() <= 0 {
			continue
		}
		var err error
		if list, _ := marker(r.Handle); list != nil {
			err = s.absorb(ctx, r, groups)
		} else {
			err = s.translate(ctx, r, groups)
		}
		if err != nil {
			return err
		}
	}
	return s.health()
}

// base is which handle's database is to be that of the store; -1 for none.
func (s *Store) base() int {
	best, most := -1, 0
	for i := range s.config.Restored {
		h := s.config.Restored[i].Handle
		if list, _ := marker(h); list == nil {
			continue
		}
		if n := h.KeyGroups().Intersection(s.config.KeyGroups).Len(); n > most && 2*n >= h.KeyGroups().Len() {
			best, most = i, n
		}
	}
	return best
}

// adopt makes the files of a handle the database.
func (s *Store) adopt(ctx context.Context, r *backends.RestoredHandle) error {
	f, err := s.fetch(ctx, r, s.path("db"))
	if err != nil {
		return err
	}
	metas, err := s.header(ctx, f)
	if err != nil {
		return err
	}
	for _, m := range metas {
		if s.table(m.Name) != nil {
			return fmt.Errorf("the header of a handle has state %q twice", m.Name)
		}
		s.addTable(m)
	}
	if err := s.openDB(); err != nil {
		return err
	}
	// Of a copy that ckpt cp made, tables are private files.
	s.cache.complete = !slices.ContainsFunc(f.files, func(l localFile) bool { return isTable(l.Name) })
	if f.handle.Range == s.config.KeyGroups && !r.NoClaim {
		s.id = f.handle.BackendID.String()
		if len(s.config.Restored) == 1 {
			s.use(f)
		}
	}
	return s.cut(f.handle.Range)
}

// use lets the next checkpoint refer to the tables of a restored one.
func (s *Store) use(f *fetched) {
	known := map[string]localFile{}
	for _, file := range f.files {
		known[file.Name] = file
	}
	tables := map[string]upload{}
	for _, n := range f.handle.Shared {
		if _, relative := n.File.(*metadata.RelativeFileHandle); relative {
			continue // it means something in its own checkpoint only
		}
		file := known[n.Name.String()]
		tables[file.Name] = upload{n.File, file.Size, file.Sum}
	}
	s.uploads.taken(f.handle.CheckpointID, tables)
	s.uploads.completed(f.handle.CheckpointID)
}

// cut deletes the key groups that are not of the store.
func (s *Store) cut(had metadata.KeyGroupRange) error {
	var ranges []pebble.KeyRange
	mine := s.config.KeyGroups
	for _, t := range s.tables {
		for _, r := range []metadata.KeyGroupRange{
			{First: had.First, Last: min(had.Last, mine.First-1)}, {First: max(had.First, mine.Last+1), Last: had.Last},
		} {
			if r.Len() > 0 {
				lower, upper := t.span(r)
				ranges = append(ranges, pebble.KeyRange{Start: lower, End: upper})
			}
		}
	}
	return s.deleteRanges(ranges)
}

// header reads which states a handle has.
func (s *Store) header(ctx context.Context, f *fetched) ([]*backends.Meta, error) {
	if f.handle.Meta == nil {
		return nil, errors.New("a handle of Pebble without a header")
	}
	b, name, err := s.readAll(ctx, f.handle.Meta)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != f.header.Size || crc32.Checksum(b, castagnoli) != f.header.Sum {
		return nil, fmt.Errorf("%s: this is not the header that was written, of %d bytes with checksum %08x", name, f.header.Size, f.header.Sum)
	}
	k, err := schema.ReadKeyed(b, &backends.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	metas := make([]*backends.Meta, len(k.States))
	for i := range metas {
		if metas[i], err = metaOf(k.State(i, backends.Origin{})); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return metas, nil
}

// metaOf is what a reader says of a state as a store has it.
func metaOf(st *backends.State) (*backends.Meta, error) {
	if st.Kind == backends.UnknownKind || !st.Kind.Keyed() {
		return nil, fmt.Errorf("state %q: nothing tells whether it is a value, a list or a map, as of Flink before 1.7: take a savepoint with a later one", st.Name)
	}
	return &backends.Meta{Name: st.Name, Kind: st.Kind, Namespace: st.Namespace, MapKey: st.MapKey, Value: st.Value, TTL: st.TTL, Raw: st.Raw}, nil
}

// restored is the table of a restored state, which an earlier handle may have had as well.
func (s *Store) restored(m *backends.Meta) (*table, error) {
	t := s.table(m.Name)
	switch {
	case t == nil:
		return s.addTable(m), nil
	case t.meta.Types() != m.Types():
		return nil, &backends.IncompatibleError{State: m.Name, Was: t.meta.Types() + " in one sub-task", Want: m.Types() + " in another"}
	}
	return t, nil
}

// absorb puts what the database of another sub-task has of the key groups.
func (s *Store) absorb(ctx context.Context, r *backends.RestoredHandle, groups metadata.KeyGroupRange) (err error) {
	dir := s.path(fmt.Sprintf("restored-%d", s.serial.Add(1)))
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := s.fetch(ctx, r, dir)
	if err != nil {
		return err
	}
	metas, err := s.header(ctx, f)
	if err != nil {
		return err
	}
	o := s.backend.options(s.fail)
	o.ReadOnly = true
	db, err := openAt(dir, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeDB(db)) }()
	for number, m := range metas {
		to, err := s.restored(m)
		if err != nil {
			return err
		}
		from := &table{s: s, number: number}
		if err := s.absorbState(ctx, db, from, to, groups); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) absorbState(ctx context.Context, db *pebble.DB, from, to *table, groups metadata.KeyGroupRange) error {
	lower, upper := from.span(groups)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	n := 0
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var v []byte
		if v, err = it.ValueAndErr(); err == nil {
			err = to.Put(0, it.Key()[2:], nil, v)
		}
		if n++; n%contextEvery == 0 && err == nil {
			err = ctx.Err()
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}

const contextEvery = 4096 // entries
