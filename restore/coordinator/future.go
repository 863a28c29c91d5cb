package coordinator

import (
	"context"
	"sync"
)

// Future is a value or an error that is there some time (Flink: CompletableFuture).
type Future[T any] struct {
	mu    sync.Mutex
	done  chan struct{}
	value T
	err   error
	then  []func(T, error)
}

func newFuture[T any]() *Future[T] { return &Future[T]{done: make(chan struct{})} }

// complete sets the outcome, unless there is one.
func (f *Future[T]) complete(v T, err error) {
	f.mu.Lock()
	select {
	case <-f.done:
		f.mu.Unlock()
		return
	default:
	}
	f.value, f.err = v, err
	then := f.then
	f.then = nil
	close(f.done)
	f.mu.Unlock()
	for _, t := range then {
		t(v, err)
	}
}

// Done is closed when the outcome is there.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Await waits for the outcome, or for the end of ctx, whose error it then gives. It must not be called from within a Gateway, Clock
// or Executor.
func (f *Future[T]) Await(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// Then calls t with the outcome: at once where it is there, else from the goroutine that brings it. t must not block.
func (f *Future[T]) Then(t func(T, error)) {
	f.mu.Lock()
	select {
	case <-f.done:
		f.mu.Unlock()
		t(f.value, f.err)
	default:
		f.then = append(f.then, t)
		f.mu.Unlock()
	}
}
