package storage

import (
	"context"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// deletion deletes many files, some of them at a time.
type deletion struct {
	// remove deletes some files, and tells of each how that went.
	remove func(ctx context.Context, files []layout.Object) []error
	batch  int // files a call
	width  int // calls at a time
	failed func(err error, key string) error

	mu   sync.Mutex // holds done back: one goroutine at a time
	done func(i int, err error)
}

// run deletes the files, and returns when all is told.
func (d *deletion) run(ctx context.Context, files []layout.Object) {
	var good []int
	for i, o := range files {
		if err := listedFile(o); err != nil {
			d.tell(i, d.failed(err, o.Key))
			continue
		}
		good = append(good, i)
	}
	g := newGate(d.width)
	ctx = withThrottle(ctx, g.slow)
	jobs := make(chan []int)
	var workers sync.WaitGroup
	for range min(d.width, len(good)/d.batch+1) {
		workers.Go(func() {
			for some := range jobs {
				g.enter(ctx)
				d.some(ctx, files, some)
				g.leave()
			}
		})
	}
	for len(good) > 0 {
		n := min(d.batch, len(good))
		jobs <- good[:n]
		good = good[n:]
	}
	close(jobs)
	workers.Wait()
}

// some deletes the files of these indexes.
func (d *deletion) some(ctx context.Context, files []layout.Object, indexes []int) {
	if err := ctx.Err(); err != nil {
		for _, i := range indexes {
			d.tell(i, err)
		}
		return
	}
	chosen := make([]layout.Object, len(indexes))
	for n, i := range indexes {
		chosen[n] = files[i]
	}
	errs := d.remove(ctx, chosen)
	for n, i := range indexes {
		err := errs[n]
		switch {
		case err == nil:
		case ctx.Err() != nil:
			err = ctx.Err()
		default:
			err = d.failed(err, files[i].Key)
		}
		d.tell(i, err)
	}
}

func (d *deletion) tell(i int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done(i, err)
}

// calm is how long a store must not ask for patience before it gets twice as many
// requests at a time.
const calm = 5 * time.Second

// gate lets so many through at a time: half as many when the store asks for patience, and
// more again when it no longer does.
type gate struct {
	mu            sync.Mutex
	free          sync.Cond
	most          int
	limit, active int
	changed       time.Time
}

func newGate(most int) *gate {
	g := &gate{most: most, limit: most}
	g.free.L = &g.mu
	return g
}

// enter waits for a place. Where ctx has ended there is no wait.
func (g *gate) enter(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.active >= g.limit && ctx.Err() == nil {
		g.free.Wait()
	}
	g.active++
	if g.limit < g.most && time.Since(g.changed) > calm {
		g.limit, g.changed = min(2*g.limit, g.most), time.Now()
		g.free.Broadcast()
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	g.free.Broadcast()
}

// slow halves the limit. Those that are under way answer late, so that it does so once
// a second at most.
func (g *gate) slow() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.changed) > time.Second {
		g.limit, g.changed = max(g.limit/2, 1), time.Now()
	}
}

// throttled is the key of what to call when a store asks for patience.
type throttled struct{}

func withThrottle(ctx context.Context, slow func()) context.Context {
	return context.WithValue(ctx, throttled{}, slow)
}

// tellThrottle says that the store has asked for patience.
func tellThrottle(ctx context.Context) {
	if slow, ok := ctx.Value(throttled{}).(func()); ok {
		slow()
	}
}
