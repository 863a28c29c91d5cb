package storage

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// writer is what can be changed in a bucket of an object store. Errors are those of
// package layout (ErrChanged, fs.ErrExist) or as in [service].
type writer interface {
	service
	// batch is how many objects remove takes at a time.
	batch() int
	// remove deletes objects as long as they are what was listed, and tells of each how
	// that went. One that is not there is deleted.
	remove(ctx context.Context, items []item) []error
	// create stores a new object.
	create(ctx context.Context, key string, r *exact) (item, error)
	// replace stores an object, whether it is there or not.
	replace(ctx context.Context, key string, data []byte) error
	// copy copies an object of a bucket into this one, under a new key.
	copy(ctx context.Context, from service, src item, key string) (item, error)
}

// mutableBucket is a bucket that can be changed.
type mutableBucket struct {
	*bucket
	to writer
}

// is tells whether now is what was listed.
func (i item) is(now item) bool { return sameFile(i.object(""), now.object("")) }

// listed is what package layout knows of an object, with its whole key.
func (s *bucket) listed(o layout.Object) item {
	return item{key: s.prefix + o.Key, size: o.Size, modified: o.Modified, tag: o.Tag}
}

// aheadInBatch is how many requests one batch may have under way.
const aheadInBatch = 4

// Delete implements layout.Deleter.
func (s *mutableBucket) Delete(ctx context.Context, files []layout.Object, done func(int, error)) {
	batch, width := s.to.batch(), s.concurrency
	if batch > 1 { // stores count the keys, too
		width = max(width/aheadInBatch, 1)
	}
	d := deletion{
		batch: batch, width: width, done: done,
		failed: func(err error, key string) error { return s.failed("delete", err, key) },
		remove: func(ctx context.Context, files []layout.Object) []error {
			items := make([]item, len(files))
			for i, o := range files {
				items[i] = s.listed(o)
			}
			return s.remove(withWholeAnswer(ctx), items)
		},
	}
	d.run(ctx, files)
}

// remove deletes objects. A condition fails, too, where an object is gone.
func (s *mutableBucket) remove(ctx context.Context, items []item) []error {
	errs := s.to.remove(ctx, items)
	for n, err := range errs {
		if errors.Is(err, layout.ErrChanged) {
			if _, gone := s.head(ctx, items[n].key); errors.Is(gone, fs.ErrNotExist) {
				errs[n] = nil
			}
		}
	}
	return errs
}

// RemoveDir implements layout.Deleter. What lies in a directory is looked for once; a
// file that comes later makes the directory be there again, without its marker.
func (s *mutableBucket) RemoveDir(ctx context.Context, dir string) error {
	dir, err := newKey(dir)
	if err != nil {
		return err
	}
	ctx = withWholeAnswer(ctx)
	markers, err := s.markers(ctx, dir)
	if err == nil && len(markers) > 0 {
		err = errors.Join(s.remove(ctx, markers)...)
	}
	if err != nil {
		err = s.failed("delete", err, dir)
	}
	return err
}

// markers are the objects that stand for a directory in which nothing lies.
func (s *mutableBucket) markers(ctx context.Context, dir string) ([]item, error) {
	var found []item
	q := query{prefix: s.dir(dir)}
	for {
		p, err := s.list(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, i := range p.items {
			if i.key != s.dir(dir) || i.size > 0 {
				return nil, layout.ErrNotEmpty
			}
			found = append(found, i)
		}
		if q.token = p.next; q.token == "" {
			break
		}
	}
	for _, key := range []string{s.prefix + dir, s.prefix + dir + folderSuffix} {
		i, err := s.head(ctx, key)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case i.size == 0 && (i.dir || strings.HasSuffix(key, folderSuffix)):
			found = append(found, i)
		}
	}
	return found, nil
}

// Create implements layout.Putter.
func (s *mutableBucket) Create(ctx context.Context, key string, r io.Reader, size int64) (layout.Object, error) {
	key, err := newKey(key)
	if err != nil {
		return layout.Object{}, err
	}
	if size < 0 {
		return layout.Object{}, s.failed("write", fs.ErrInvalid, key)
	}
	if err := ctx.Err(); err != nil {
		return layout.Object{}, err
	}
	from := newExact(r, size)
	requests, repeated := withRepeats(withWholeAnswer(ctx))
	made, err := s.to.create(requests, s.prefix+key, from)
	if errors.Is(err, fs.ErrExist) && repeated.Load() && from.left == 0 {
		made, err = s.ours(ctx, key, from)
	}
	switch {
	case from.failed != nil:
		err = from.failed
	case err == nil && made.size != size:
		err = fmt.Errorf("the store has %d of %d bytes", made.size, size)
	}
	if err != nil {
		return layout.Object{}, s.failed("write", err, key)
	}
	return made.object(key), nil
}

// ours tells whether the object that is there is what has just been sent: when an answer
// is lost and the request is sent again, the store says that the object exists.
func (s *mutableBucket) ours(ctx context.Context, key string, sent *exact) (item, error) {
	b, err := s.newBody(ctx, key, 0, -1)
	if err != nil {
		return item{}, err
	}
	defer b.Close()
	h := crc32.New(castagnoli)
	if b.object.size == sent.size {
		_, err = io.Copy(h, b)
	}
	if err == nil && (b.object.size != sent.size || h.Sum32() != sent.sum) {
		err = fs.ErrExist
	}
	return b.object, err
}

// Replace implements layout.Putter.
func (s *mutableBucket) Replace(ctx context.Context, key string, data []byte) error {
	key, err := newKey(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	if err := s.to.replace(withWholeAnswer(ctx), s.prefix+key, data); err != nil {
		return s.failed("write", err, key)
	}
	return nil
}

// CopyFrom implements layout.Copier.
func (s *mutableBucket) CopyFrom(ctx context.Context, from layout.Store, src layout.Object, key string) (layout.Object, error) {
	key, err := newKey(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return layout.Object{}, err
	}
	if m, ok := from.(*mutableBucket); ok {
		from = m.bucket
	}
	b, ok := from.(*bucket)
	if !ok {
		return layout.Object{}, s.failed("copy", errors.ErrUnsupported, key)
	}
	if err := listedFile(src); err != nil {
		return layout.Object{}, b.failed("copy", err, src.Key)
	}
	made, err := s.to.copy(withWholeAnswer(ctx), b.service, b.listed(src), s.prefix+key)
	if err == nil && made.size != src.Size {
		err = fmt.Errorf("the store has copied %d of %d bytes", made.size, src.Size)
	}
	switch {
	case errors.Is(err, layout.ErrChanged) || errors.Is(err, fs.ErrNotExist):
		err = b.failed("copy", err, src.Key)
	case err != nil:
		err = s.failed("copy", err, key)
	}
	if err != nil {
		return layout.Object{}, err
	}
	return made.object(key), nil
}
