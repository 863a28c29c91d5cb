package faults

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Mode is what happens at one operation.
type Mode uint8

// The modes. After a crash every call of every store of the plan fails with ErrCrashed, and
// nothing changes any more: a test that looks at what is left opens it without the plan.
const (
	// CrashBefore kills the program before the operation: it does not happen.
	CrashBefore Mode = iota
	// CrashAfter kills it right behind the operation: it happens, and its answer is lost.
	CrashAfter
	// FailOne lets this operation fail, which does not happen. All others pass.
	FailOne
)

var (
	// ErrCrashed is of what a program asks after it was killed.
	ErrCrashed = errors.New("the program was killed")
	// ErrInjected is of the operation that FailOne lets fail.
	ErrInjected = errors.New("the storage fails, as the test wants it")
)

// Crashed tells whether the plan has come to the operation at which it crashes.
func (p *Plan) Crashed() bool { return p.crashed.Load() }

// WrapMutable gives stores that fail as the plan says, for reading and for changes.
func (p *Plan) WrapMutable(open layout.OpenMutable) layout.OpenMutable {
	return func(ctx context.Context, url string) (layout.MutableStore, error) {
		if p.crashed.Load() {
			return nil, ErrCrashed
		}
		s, err := open(ctx, url)
		if err != nil {
			return nil, err
		}
		return &mutable{store{s, p}, s}, nil
	}
}

// mutable is a store that fails.
type mutable struct {
	store
	to layout.MutableStore
}

// at does an operation, unless it is the one that must not happen. Fail tells where that
// was.
func (p *Plan) at(isIt bool, do func() error, fail func(error) error) error {
	switch {
	case p.crashed.Load():
		return ErrCrashed
	case !isIt:
		return do()
	case p.Mode == FailOne:
		return fail(cmp.Or(p.Err, ErrInjected))
	}
	if p.Mode == CrashAfter {
		_ = do() // whose answer is lost
	}
	p.crashed.Store(true)
	return ErrCrashed
}

// change does a change, unless the plan has it come to something else. half does a part of it, nil where nothing is that is not
// whole.
func (m *mutable) change(ctx context.Context, op, key string, do, half func() error) error {
	if m.plan.crashed.Load() {
		return ErrCrashed
	}
	if err := m.plan.wait(ctx); err != nil {
		return err
	}
	fail := func(err error) error { return m.fail(op, key, err) }
	return m.plan.at(m.plan.Changes.Add(1) == m.plan.ChangeAt, func() error {
		if m.plan.ChangeErr != nil {
			if err := m.plan.ChangeErr(op, key); err != nil {
				return fail(err)
			}
		}
		err := m.plan.comeTo(op, layout.Join(m.URL(), key), do, half)
		if errors.Is(err, errSpoiled) {
			err = fail(cmp.Or(m.plan.Err, ErrInjected))
		}
		return err
	}, fail)
}

// Delete implements layout.Deleter. Each file is a change of its own.
func (m *mutable) Delete(ctx context.Context, files []layout.Object, done func(i int, err error)) {
	order := make([]int, len(files))
	for i := range order {
		order[i] = i
	}
	if m.plan.Shuffle != 0 {
		r := rand.New(rand.NewPCG(m.plan.Shuffle, uint64(len(files))))
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, i := range order {
		done(i, m.change(ctx, "delete", files[i].Key, func() (err error) {
			m.to.Delete(ctx, files[i:i+1], func(_ int, e error) { err = e })
			return err
		}, nil))
	}
}

// RemoveDir implements layout.Deleter.
func (m *mutable) RemoveDir(ctx context.Context, dir string) error {
	return m.change(ctx, "rmdir", dir, func() error { return m.to.RemoveDir(ctx, dir) }, nil)
}

// Create implements layout.Putter.
func (m *mutable) Create(ctx context.Context, key string, r io.Reader, size int64) (o layout.Object, err error) {
	err = m.change(ctx, "create", key, func() (err error) {
		o, err = m.to.Create(ctx, key, r, size)
		return err
	}, func() error {
		_, err := m.to.Create(ctx, key, io.LimitReader(r, size/2), size/2)
		return err
	})
	if err == nil && o.Key == "" { // a lie
		o = layout.Object{Key: key, Size: size}
	}
	return only(o, err)
}

// only is o where there is no error.
func only(o layout.Object, err error) (layout.Object, error) {
	if err != nil {
		return layout.Object{}, err
	}
	return o, nil
}

// Replace implements layout.Putter.
func (m *mutable) Replace(ctx context.Context, key string, data []byte) error {
	return m.change(ctx, "replace", key, func() error { return m.to.Replace(ctx, key, data) },
		func() error { return m.to.Replace(ctx, key, data[:len(data)/2]) })
}

// CopyFrom implements layout.Copier. The other store may be one of a plan, too.
func (m *mutable) CopyFrom(ctx context.Context, from layout.Store, src layout.Object, key string) (o layout.Object, err error) {
	switch f := from.(type) {
	case *mutable:
		from = f.to
	case *store:
		from = f.Store
	}
	err = m.change(ctx, "copy", key, func() (err error) {
		o, err = m.to.CopyFrom(ctx, from, src, key)
		return err
	}, nil)
	if err == nil && o.Key == "" { // a lie
		o = layout.Object{Key: key, Size: src.Size}
	}
	return only(o, err)
}

// read counts a look at the storage, and fails where the plan has it fail. A crash behind a
// read is one before what follows.
func (s *store) read(ctx context.Context, key string) error {
	if s.plan.crashed.Load() {
		return ErrCrashed
	}
	if err := s.plan.wait(ctx); err != nil {
		return err
	}
	pass := func() error { return nil }
	return s.plan.at(s.plan.Reads.Add(1) == s.plan.ReadAt, pass, func(err error) error { return s.fail("open", key, err) })
}

// lying is a listing as the plan has it lie.
func (s *store) lying(dir string, deep bool, objects iter.Seq2[layout.Object, error]) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		for o, err := range objects {
			if s.plan.crashed.Load() {
				yield(layout.Object{Key: dir}, ErrCrashed)
				return
			}
			if err == nil && s.plan.Stale != nil {
				o = s.plan.Stale(o)
			}
			if !yield(o, err) {
				return
			}
		}
		for _, o := range s.plan.Phantoms {
			if below(o.Key, dir, deep) && !yield(o, nil) {
				return
			}
		}
	}
}

// below tells whether a listing of dir shows the key.
func below(key, dir string, deep bool) bool {
	rest := key
	if dir = strings.Trim(dir, "/"); dir != "" {
		var ok bool
		if rest, ok = strings.CutPrefix(key, dir+"/"); !ok {
			return false
		}
	}
	return deep || !slices.Contains([]byte(rest), '/')
}

// Now implements layout.Clock.
func (s *store) Now(ctx context.Context) (time.Time, error) {
	if s.plan.crashed.Load() {
		return time.Time{}, ErrCrashed
	}
	return s.Store.Now(ctx)
}

// Remarks implements layout.Inspector.
func (s *store) Remarks(ctx context.Context) (layout.Remarks, error) {
	if s.plan.crashed.Load() {
		return layout.Remarks{}, ErrCrashed
	}
	return s.Store.Remarks(ctx)
}

// Unfinished implements layout.Inspector.
func (s *store) Unfinished(ctx context.Context, key string) (bool, error) {
	if s.plan.crashed.Load() {
		return false, ErrCrashed
	}
	return s.Store.Unfinished(ctx, key)
}
