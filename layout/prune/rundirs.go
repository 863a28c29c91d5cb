package prune

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// removeDirs removes directories that are empty, those within others first.
func (b *batch) removeDirs(ctx context.Context, dirs []Dir) {
	byDepth := map[int][]Dir{}
	deepest := 0
	for _, d := range dirs {
		depth := strings.Count(d.Key, "/")
		byDepth[depth] = append(byDepth[depth], d)
		deepest = max(deepest, depth)
	}
	for depth := deepest; depth >= 0 && ctx.Err() == nil; depth-- {
		var group errgroup.Group
		group.SetLimit(requests)
		for _, d := range byDepth[depth] {
			if b.dirsTold[d] {
				continue
			}
			b.dirsTold[d] = true
			if b.waits(d) {
				b.late.dirs = append(b.late.dirs, d)
				continue
			}
			group.Go(func() error {
				e := b.removeDir(ctx, d)
				if ended(ctx, e.Err) {
					b.mu.Lock()
					defer b.mu.Unlock()
					b.out.Untried++
					return nil
				}
				b.tell(e)
				return nil
			})
		}
		group.Wait() //nolint:errcheck // there are none
	}
}

// removeDir removes a directory if nothing is left in it.
func (b *batch) removeDir(ctx context.Context, d Dir) Event {
	e := Event{URL: layout.Join(d.Tree.Root, d.Key), Dir: true}
	if why := cmp.Or(b.ledger.inUseAt(e.URL), rootDir(d)); why != "" {
		e.Err, e.Left = errors.New(why), true
		return e
	}
	e.Err = b.e.Stores[d.Tree.Root].RemoveDir(ctx, d.Key)
	e.Left = e.Err != nil && (errors.Is(e.Err, layout.ErrNotEmpty) || ctx.Err() != nil)
	return e
}

// rootDir tells that a root is never removed.
func rootDir(d Dir) string {
	if d.Key == "" {
		return "it is a root"
	}
	return ""
}
