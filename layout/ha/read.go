package ha

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"golang.org/x/sync/errgroup"
)

const (
	rounds    = 5                      // how often all is read where it does not hold still
	settling  = 250 * time.Millisecond // before the second round; it doubles
	reading   = 8                      // files at a time
	maxObject = 256 << 20              // bytes of a file: Flink holds all of it in memory, and so must Read
)

const (
	hintDir      = "check the directory of high availability (high-availability.storageDir) and the rights to it: while it cannot be read, nothing is known of what must stay"
	hintBroken   = "it may be from a newer Flink, or damaged; if no JobManager needs it any more, move it out of the directory"
	hintRestless = "it changed each time that it was read: try again when the JobManagers are less busy"
	hintLink     = "give the directory that it leads to"
)

type reader struct {
	store layout.Store
	pause time.Duration
}

// restless is a round in which something was not to be had: it vanished, or was not
// whole. err is what to say where that stays so.
type restless struct{ err error }

func (r *restless) Error() string { return r.err.Error() }

func (r *restless) Unwrap() error { return r.err }

// settle reads until a round finds everything.
func (r *reader) settle(ctx context.Context) (*Storage, error) {
	pause := r.pause
	for round := 1; ; round++ {
		s, err := r.round(ctx)
		again := new(restless)
		if !errors.As(err, &again) {
			return s, err
		}
		if round == rounds {
			return nil, again.err
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// round lists once and reads each file that counts.
func (r *reader) round(ctx context.Context) (*Storage, error) {
	s, files := &Storage{}, []layout.Object(nil)
	for o, err := range r.store.List(ctx, "") {
		switch {
		case err != nil:
			return nil, r.unreadable(ctx, o.Key, err)
		case o.Type == layout.TypeLink && kindOf(o.Key) != kindKnown:
			return nil, &Error{URL: r.url(o.Key), Message: "a link, which is not followed", Hint: hintLink}
		case o.Type == layout.TypeDir:
			if isDir(o.Key) {
				s.Known++
			}
		case kindOf(o.Key) == kindUnknown || o.Type == layout.TypeSpecial:
			s.Unknown++
		case kindOf(o.Key) == kindKnown:
			s.Known++
		default:
			files = append(files, o)
		}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reading)
	for _, o := range files {
		group.Go(func() error {
			data, err := r.load(ctx, o)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return r.parse(s, o.Key, data)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(s.Checkpoints, func(a, b Checkpoint) int { return cmp.Compare(a.File, b.File) })
	slices.SortFunc(s.Live, func(a, b PersistedJob) int { return cmp.Compare(a.File, b.File) })
	slices.SortFunc(s.Results, func(a, b Result) int { return cmp.Compare(a.File, b.File) })
	return s, nil
}

// load reads a file whole.
func (r *reader) load(ctx context.Context, o layout.Object) ([]byte, error) {
	if o.Size > maxObject {
		return nil, &Error{URL: r.url(o.Key), Message: fmt.Sprintf("%d bytes are more than can be read of it", o.Size), Hint: hintBroken}
	}
	content, err := r.store.Open(ctx, o.Key)
	if err != nil {
		return nil, r.unreadable(ctx, o.Key, err)
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content.Whole(), maxObject+1))
	switch {
	case err != nil:
		return nil, r.unreadable(ctx, o.Key, err)
	case len(data) > maxObject:
		return nil, &restless{&Error{URL: r.url(o.Key), Message: "it grows while it is read", Hint: hintRestless}}
	}
	return data, nil
}

// unreadable is an error of the storage. A file that was listed and is gone, or that
// changes under way, is Flink at work.
func (r *reader) unreadable(ctx context.Context, key string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &Error{URL: r.url(key), Message: "cannot be read: " + cause(err).Error(), Hint: hintDir, Err: err}
	passing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrChanged) || errors.Is(err, io.ErrUnexpectedEOF)
	if key != "" && passing {
		e.Hint = hintRestless
		return &restless{e}
	}
	return e
}

// cause leaves out the path, which stands before it.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (r *reader) url(key string) string { return layout.Join(r.store.URL(), key) }

// parse adds what one file holds. What cannot be parsed may be half written.
func (r *reader) parse(s *Storage, key string, data []byte) error {
	var err error
	switch kindOf(key) {
	case kindCheckpoint:
		var c Checkpoint
		if c, err = parseCheckpoint(data); err == nil {
			c.File = key
			s.Checkpoints = append(s.Checkpoints, c)
		}
	case kindPlan:
		p := parsePlan(data)
		p.File = key
		s.Live = append(s.Live, p)
	case kindResult:
		var result Result
		if result, err = parseResult(key, data); err == nil {
			result.File = key
			s.Results = append(s.Results, result)
		}
	}
	if err != nil {
		return &restless{&Error{URL: r.url(key), Message: err.Error(), Hint: hintBroken, Err: err}}
	}
	return nil
}
