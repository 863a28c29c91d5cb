package storage

import (
	"context"
	"sync"
)

// partsAhead is how many parts of one upload are under way.
const partsAhead = 4

// partFor is the size of the parts of an upload: at least least, and so large that there
// are not more than most.
func partFor(size, least int64, most int64) int64 {
	const mega = 1 << 20
	part := (size + most - 1) / most
	if part <= least {
		return least
	}
	return (part + mega - 1) / mega * mega
}

// inParts reads parts and sends some of them at a time. It holds as many of them as are
// under way: one where they are large. None is filled twice, since a request that was
// answered early may still be reading it.
func inParts(ctx context.Context, r *exact, part int64, send func(ctx context.Context, n int, data []byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	width := partsAhead
	if part > 2*defaultPart {
		width = 1
	}
	room := make(chan struct{}, width)
	var sending sync.WaitGroup
	for n := 0; r.left > 0 && ctx.Err() == nil; n++ {
		room <- struct{}{}
		data := make([]byte, min(part, r.left))
		if err := r.next(data); err != nil {
			cancel(err)
			break
		}
		sending.Go(func() {
			if err := send(ctx, n, data); err != nil {
				cancel(err)
			}
			<-room
		})
	}
	sending.Wait()
	return context.Cause(ctx)
}
