package coordinator

import "sync"

// loop guards the state of a coordinator, and keeps in order what is to be done outside of it. What a change of state
// brings about (telling tasks, beginning to write, completing a future) runs without the lock and one after the other: a
// task hears of a completed checkpoint before it is asked for the next one, whichever goroutines were at work.
type loop struct {
	mu       sync.Mutex
	queue    []func()
	draining bool
}

// do changes the state by f, and then does what that asked for, unless another goroutine is at it: that one goes on with it.
func (l *loop) do(f func()) {
	l.mu.Lock()
	f()
	if l.draining {
		l.mu.Unlock()
		return
	}
	l.draining = true
	for len(l.queue) > 0 {
		next := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		next()
		l.mu.Lock()
	}
	l.queue, l.draining = nil, false
	l.mu.Unlock()
}

// later asks for f to be done without the lock. The caller holds it.
func (l *loop) later(f func()) { l.queue = append(l.queue, f) }
