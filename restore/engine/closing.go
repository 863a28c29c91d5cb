package engine

import (
	"fmt"
	"runtime/debug"
)

// close closes what the task opened: operators from the last to the first, then their state. Snapshots under way are waited for
// where the task ended well; else their context has ended. What others still send to a task that ended well is dropped: timers may have
// fired behind the savepoint that the job stops with.
func (t *task) close(well bool) (failure error) {
	if well {
		if t.gate != nil {
			t.gate.end()
		}
		t.background.Wait()
	}
	defer t.background.Wait()
	note := func(err error) {
		if err != nil && failure == nil {
			failure = err
		}
	}
	for i := len(t.ops) - 1; i >= 0; i-- {
		note(t.ops[i].close())
	}
	if t.source != nil {
		note(t.source.close())
	}
	return failure
}

// close closes the operator, if it was opened, and its state.
func (r *opRun) close() (failure error) {
	for _, s := range r.services {
		s.quit()
	}
	note := func(f func() error) {
		if stack, err := guarded(f); err != nil && failure == nil {
			failure = r.failed(err, stack)
		}
	}
	if r.opening {
		note(r.op.Close)
	}
	if r.keyed != nil {
		note(r.keyed.Close)
	}
	if r.state != nil {
		note(r.state.Close)
	}
	return failure
}

// close closes the readers, and the state.
func (s *sourceRun) close() (failure error) {
	for _, sp := range s.splits {
		if sp.reader == nil {
			continue
		}
		if stack, err := guarded(sp.reader.Close); err != nil && failure == nil {
			failure = s.failed(fmt.Errorf("split %s: %w", sp.ID, err), stack)
		}
	}
	if s.state != nil {
		if stack, err := guarded(s.state.Close); err != nil && failure == nil {
			failure = s.failed(err, stack)
		}
	}
	return failure
}

// guarded calls f. A panic of it is its error, with the stack.
func guarded(f func() error) (stack []byte, err error) {
	defer func() {
		if x := recover(); x != nil {
			stack, err = debug.Stack(), panicked(x)
		}
	}()
	return nil, f()
}
