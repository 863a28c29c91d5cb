// Package faults is a store that fails in the ways in which storage does, for tests: in
// the midst of a listing, with a listing that lags behind, with bodies that break off,
// late, or not at all. With WrapMutable it kills a program at any one of its changes to
// storage, or of its looks at it; see [Plan.ChangeAt]. A [Weather] does all of that at random. Nothing but tests imports it.
package faults

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Plan says what goes wrong. Keys are those below the root of the store that is opened
// with it. Its zero value lets all pass.
type Plan struct {
	// ListAfter breaks every listing off behind so many objects, if ListErr is set.
	ListAfter int
	// ListErr is the error of listings: a page that cannot be had, a throttle that does
	// not end.
	ListErr error
	// Hidden objects exist and are not listed, as where listings are consistent later only.
	Hidden func(key string) bool
	// Phantoms are listed last, in what they lie below, and do not exist.
	Phantoms []layout.Object
	// Stale is what a listing says of an object instead, such as the size that it had.
	Stale func(o layout.Object) layout.Object
	// OpenErr is the error of opening an object, nil for none.
	OpenErr func(key string) error
	// StatErr is the error of asking for an object, nil for none.
	StatErr func(key string) error
	// ReadAfter breaks the bodies of those objects off behind so many bytes; -1 lets them
	// pass. ReadErr is the error of that, nil for a body that just ends.
	ReadAfter func(key string) int64
	ReadErr   error
	// SilentAfter ends bodies like ReadAfter, without an error.
	SilentAfter func(key string) int64
	// Delay is how late each call answers.
	Delay time.Duration

	// ChangeAt is the change, counted from 1, at which Mode happens; 0 is for none. Changes
	// are each file of a Delete, in their order, and each RemoveDir, Create, Replace and
	// CopyFrom, over all stores that are opened with the plan.
	ChangeAt int64
	// ReadAt is the same for List, Children, Stat, Open and OpenRange.
	ReadAt int64
	// Mode is what happens there.
	Mode Mode
	// Err is the error of FailOne, ErrInjected where it is nil.
	Err error
	// ChangeErr is the error of a change that does not happen, nil for none. Op is
	// delete, rmdir, create, replace or copy.
	ChangeErr func(op, key string) error
	// Outcome is what a change comes to; nil: all of them to Done. It is asked behind ChangeErr, with the same operations, and
	// the whole URL.
	Outcome func(op, url string) Outcome
	// ListErrOf is the error of one listing, nil for none.
	ListErrOf func(dir string) error
	// DelayOf is how late one call answers, besides Delay.
	DelayOf func() time.Duration
	// Shuffle is a seed by which each Delete takes its files in another order, as they go
	// where many are deleted at a time; 0 keeps theirs.
	Shuffle uint64

	// Lists, Opens and Stats count the calls; Changes and Reads count what ChangeAt and
	// ReadAt speak of.
	Lists, Opens, Stats, Changes, Reads atomic.Int64
	crashed                             atomic.Bool
	spoiled                             spoiled
}

// Wrap gives stores that fail as the plan says.
func (p *Plan) Wrap(open layout.OpenStore) layout.OpenStore {
	return func(ctx context.Context, url string) (layout.Store, error) {
		if p.crashed.Load() {
			return nil, ErrCrashed
		}
		s, err := open(ctx, url)
		if err != nil {
			return nil, err
		}
		return &store{s, p}, nil
	}
}

type store struct {
	layout.Store
	plan *Plan
}

// wait is cut short by ctx.
func (p *Plan) wait(ctx context.Context) error {
	d := p.Delay
	if p.DelayOf != nil {
		d += p.DelayOf()
	}
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// List implements layout.Lister.
func (s *store) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return s.list(ctx, dir, true, s.Store.List(ctx, dir))
}

// Children implements layout.Lister.
func (s *store) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return s.list(ctx, dir, false, s.Store.Children(ctx, dir))
}

func (s *store) list(ctx context.Context, dir string, deep bool, objects iter.Seq2[layout.Object, error]) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		s.plan.Lists.Add(1)
		if err := s.read(ctx, dir); err != nil {
			yield(layout.Object{Key: dir}, err)
			return
		}
		if s.plan.ListErrOf != nil {
			if err := s.plan.ListErrOf(dir); err != nil {
				yield(layout.Object{Key: dir, Type: layout.TypeDir}, s.fail("open", dir, err))
				return
			}
		}
		n := 0
		for o, err := range s.lying(dir, deep, objects) {
			if err == nil && s.plan.Hidden != nil && s.plan.Hidden(o.Key) {
				continue
			}
			if s.plan.ListErr != nil && n == s.plan.ListAfter {
				yield(layout.Object{Key: dir, Type: layout.TypeDir}, s.fail("open", dir, s.plan.ListErr))
				return
			}
			if n++; !yield(o, err) {
				return
			}
		}
	}
}

func (s *store) fail(op, key string, err error) error {
	s.plan.spoiled.add(op, layout.Join(s.URL(), key))
	return &fs.PathError{Op: op, Path: layout.Join(s.URL(), key), Err: err}
}

// Stat implements layout.Opener.
func (s *store) Stat(ctx context.Context, key string) (layout.Object, error) {
	s.plan.Stats.Add(1)
	if err := s.read(ctx, key); err != nil {
		return layout.Object{}, err
	}
	if s.plan.StatErr != nil {
		if err := s.plan.StatErr(key); err != nil {
			return layout.Object{}, s.fail("stat", key, err)
		}
	}
	return s.Store.Stat(ctx, key)
}

// Open implements layout.Opener.
func (s *store) Open(ctx context.Context, key string) (*layout.Content, error) {
	if err := s.opens(ctx, key); err != nil {
		return nil, err
	}
	c, err := s.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	c.ReadCloser = s.broken(key, c.ReadCloser)
	return c, nil
}

// OpenRange implements layout.Opener.
func (s *store) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := s.opens(ctx, key); err != nil {
		return nil, err
	}
	r, err := s.Store.OpenRange(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	return s.broken(key, r), nil
}

func (s *store) opens(ctx context.Context, key string) error {
	s.plan.Opens.Add(1)
	if err := s.read(ctx, key); err != nil {
		return err
	}
	if s.plan.OpenErr == nil {
		return nil
	}
	if err := s.plan.OpenErr(key); err != nil {
		return s.fail("open", key, err)
	}
	return nil
}

func (s *store) broken(key string, r io.ReadCloser) io.ReadCloser {
	n := int64(-1)
	if s.plan.ReadAfter != nil {
		n = s.plan.ReadAfter(key)
	}
	if s.plan.SilentAfter != nil && n < 0 {
		if n := s.plan.SilentAfter(key); n >= 0 {
			return &body{ReadCloser: r, plan: s.plan, left: n, end: io.EOF}
		}
	}
	if n < 0 {
		return &body{ReadCloser: r, plan: s.plan, left: math.MaxInt64}
	}
	end := s.plan.ReadErr
	if end == nil {
		end = io.EOF
	} else {
		end = fmt.Errorf("read %s: %w", layout.Join(s.URL(), key), end)
	}
	return &body{ReadCloser: r, plan: s.plan, left: n, end: end}
}

// body ends before it should.
type body struct {
	io.ReadCloser
	plan *Plan
	left int64
	end  error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.plan.crashed.Load() {
		return 0, ErrCrashed
	}
	if b.left <= 0 {
		return 0, b.end
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
