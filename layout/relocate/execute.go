package relocate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

// Options say how to carry a plan out.
type Options struct {
	Source   layout.Store // of the snapshot
	Open     layout.OpenStore
	Identity Identity
	Workers  int // files at a time
	// Limit bounds the bytes that come by here in a second; nil for no bound.
	Limit *rate.Limiter
	// ReadBack reads each file whose bytes came by here once more from the destination, and
	// compares checksums.
	ReadBack bool
	// Through lets all bytes come by here, also where the storage could copy by itself.
	Through   bool
	LogLength func(io.Reader) (int64, error)
	Version   string // of the program
	Now       func() time.Time
	// Progress is told what is done so far. Any goroutine may call it.
	Progress func(files int, bytes int64)
}

// How tells how a file came into the copy.
type How string

// The ways.
const (
	Copied     How = "copied"      // its bytes came by here; SHA256 is of what was sent
	ServerSide How = "server-side" // the storage copied it; its size was compared
	Kept       How = "kept"        // it was there already, from a run before, or another snapshot's copy
)

// Outcome is what became of a file.
type Outcome struct {
	File
	How    How
	SHA256 string // "" where the bytes did not come by here
}

// Report is what was done.
type Report struct {
	Files   []Outcome // in the order of the plan
	Resumed bool      // an earlier run was gone on with
	SHA256  string    // of the new _metadata
}

// execution is one run.
type execution struct {
	plan    *Plan
	store   layout.MutableStore
	opts    Options
	sources *sources
	ledger  *ledger
	found   there // in the destination, before
	report  *Report

	files, bytes atomic.Int64 // done so far
}

// Execute carries the plan out: marker, files, _metadata, verification, and the marker
// goes. What it did not finish, it goes on with when it is called again.
func (p *Plan) Execute(ctx context.Context, store layout.MutableStore, opts Options) (*Report, error) {
	if opts.Workers == 0 {
		opts.Workers = 8
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	sum := sha256.Sum256(p.Metadata)
	x := &execution{plan: p, store: store, opts: opts, sources: newSources(opts.Source, opts.Open)}
	x.report = &Report{Files: make([]Outcome, len(p.Files)), SHA256: hex.EncodeToString(sum[:])}
	defer x.sources.close()
	err := x.begin(ctx)
	for n := 1; n < attempts && errors.Is(err, fs.ErrNotExist); n++ {
		err = x.begin(ctx) // the marker went while it was read: another run has finished
	}
	if err != nil {
		return nil, err
	}
	if err := x.copyAll(ctx); err != nil {
		x.leave(ctx)
		return nil, err
	}
	if err := x.complete(ctx); err != nil {
		return nil, err
	}
	if err := x.sweep(ctx); err != nil {
		return nil, err
	}
	return x.report, x.ledger.clear(ctx)
}

// copyAll brings all files over.
func (x *execution) copyAll(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(x.opts.Workers)
	for i := range x.plan.Files {
		if within.Err() != nil {
			break
		}
		group.Go(func() error {
			out, err := x.file(within, &x.plan.Files[i])
			if err != nil {
				return err
			}
			x.report.Files[i] = out
			if x.tell(1, 0); out.How != Copied {
				x.tell(0, out.Size)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// tell adds to what is done so far.
func (x *execution) tell(files int, bytes int64) {
	n, b := x.files.Add(int64(files)), x.bytes.Add(bytes)
	if x.opts.Progress != nil {
		x.opts.Progress(int(n), b)
	}
}

// leaving is how long a run that was ended may take to note what it has done.
const leaving = 500 * time.Millisecond

// leave notes what is done, for the run that goes on. That this may fail as well is no
// loss: what is not noted is compared.
func (x *execution) leave(ctx context.Context) {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaving)
	defer cancel()
	_ = x.ledger.leave(within)
}

// complete writes _metadata once all files are known to be there, and verifies the copy.
// Where that fails, the _metadata goes: nothing is claimed that is not so.
func (x *execution) complete(ctx context.Context) error {
	if err := x.present(ctx); err != nil {
		return err
	}
	key := x.plan.MetadataKey()
	_, err := x.store.Create(ctx, key, bytes.NewReader(x.plan.Metadata), int64(len(x.plan.Metadata)))
	if errors.Is(err, fs.ErrExist) {
		err = x.plan.sameMetadata(ctx, x.store)
	}
	if err != nil {
		return err
	}
	if err := x.plan.Verify(ctx, x.store, x.opts); err != nil {
		if ctx.Err() == nil {
			err = errors.Join(err, remove(ctx, x.store, key))
		}
		return err
	}
	return nil
}

// present looks once more whether every file is there and of its size.
func (x *execution) present(ctx context.Context) error {
	now, err := x.plan.look(ctx, x.store)
	if err != nil {
		return err
	}
	for i := range x.plan.Files {
		f := &x.plan.Files[i]
		size, ok := now[f.Key]
		if !ok {
			o, err := x.store.Stat(ctx, f.Key) // a listing may be late
			if err != nil {
				return err
			}
			size = o.Size
		}
		if size != f.Size {
			return &DamagedError{Path: layout.Join(x.store.URL(), f.Key), Message: "the file of the copy has been changed since it was written"}
		}
	}
	return nil
}
