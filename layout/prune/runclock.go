package prune

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// probePrefix begins the names of files that are written only to see their times.
const probePrefix = "probe-"

// clocks compares this machine's clock with those of all stores in which something goes.
func (r *run) clocks(ctx context.Context) error {
	for _, t := range r.touched() {
		s := r.e.Stores[t.Root]
		now, err := s.Now(ctx)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			err = r.probe(ctx, t)
		case err == nil:
			err = r.clock(s.URL(), now)
		case ctx.Err() == nil:
			err = &StoppedError{Guard: GuardClock, Path: s.URL(), Message: "it is not known what time it is there", Err: err}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// touched are the trees in which something goes.
func (r *run) touched() []*layout.Tree {
	some := map[*layout.Tree]bool{}
	for i := range r.plan.Batches {
		b := &r.plan.Batches[i]
		for d := range b.dirs() {
			some[d.Tree] = true
		}
		for _, it := range b.items() {
			t, _ := r.plan.Graph.Object(it.Object)
			some[t] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(r.plan.Graph.Trees), func(t *layout.Tree) bool { return !some[t] })
}

// probe asks the clock of a store that does not tell it: by the time of a new file.
func (r *run) probe(ctx context.Context, t *layout.Tree) error {
	at := r.probeAt(t)
	key := path.Join(at.Dir, probePrefix+r.out.Run)
	url := layout.Join(at.Store.URL(), key)
	o, err := at.Store.Create(ctx, key, strings.NewReader(""), 0)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &StoppedError{Guard: GuardClock, Path: layout.Join(at.Store.URL(), at.Dir), Err: err,
			Message: "it is not known what time it is there, since no file can be written", Hint: "make this directory, and let ckpt write to it"}
	}
	if o.Modified.IsZero() {
		err = &StoppedError{Guard: GuardClock, Path: url, Message: "it is not known what time it is there: files have no time"}
	} else {
		err = r.clock(at.Store.URL(), o.Modified)
	}
	if failed := deleteOne(ctx, at.Store, o); failed != nil && err == nil {
		err = &StoppedError{Guard: GuardClock, Path: url, Message: "what was written to see the time cannot be deleted", Err: failed}
	}
	return err
}

// probeAt is where to write in order to see the clock of a tree: beside the journal where
// that lies on the same server, which not every two directories of this machine do; else
// where a journal would lie.
func (r *run) probeAt(t *layout.Tree) Journal {
	store := r.e.Stores[t.Root]
	if j := r.e.Journal; j.Store != nil {
		there, here := layout.ParsePlace(j.Store.URL()), layout.ParsePlace(store.URL())
		if j.Store.URL() == store.URL() || here.Scheme != "" && there.Scheme == here.Scheme && there.Authority == here.Authority {
			return j
		}
	}
	for _, place := range r.plan.in.Places {
		if key, ok := layout.Below(t.Root, place.URL); ok && place.Mode == Swept {
			return Journal{Store: store, Dir: path.Join(key, layout.ToolDirName)}
		}
	}
	return Journal{Store: store, Dir: layout.ToolDirName}
}

// clock fails where the time that a store has told is too far from this machine's.
func (r *run) clock(url string, there time.Time) error {
	off := r.e.Now().Sub(there)
	if off.Abs() <= r.safety.ClockSkew {
		return nil
	}
	return &StoppedError{Guard: GuardClock, Path: url, Hint: "set the clock of this machine",
		Message: fmt.Sprintf("this machine's clock is %s off that of the storage", off.Round(time.Second))}
}
