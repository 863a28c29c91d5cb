package cmd

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/census"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// stateCount is a count of all entries that are wanted.
type stateCount struct {
	*openedState
	*census.Census
	faults *stateFaults
	first  firstFailure

	mu   sync.Mutex
	lost map[lostState]bool
}

// lostState is a state of which something could not be read. No name stands for all states of the operator.
type lostState struct {
	operator metadata.OperatorID
	name     string
}

// count counts all entries that are wanted, many parts at a time.
func (s *openedState) count(ctx context.Context, c *census.Census, faults *stateFaults) (*stateCount, error) {
	p := s.startProgress("counting the state of")
	defer p.stop()
	n := &stateCount{openedState: s, Census: c, faults: faults, lost: map[lostState]bool{}}
	err := snapshot.Fold(ctx, s.parts(), s.workers, n.read)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	return n, errors.Join(err, n.first.err)
}

// read counts one part.
func (n *stateCount) read(ctx context.Context, i int, p *snapshot.Part) error {
	if n.first.before(i) {
		return nil
	}
	states, err := p.States(ctx)
	for _, st := range states {
		if n.opts.wantsState(st) {
			n.Declare(st)
		}
	}
	if err != nil {
		return n.fault(ctx, i, p, err)
	}
	part := n.Part(p.KeyGroups)
	for e, err := range p.Entries(ctx, n.opts.wantsState) {
		if err != nil {
			if err := n.fault(ctx, i, p, err); err != nil {
				return err
			}
			continue
		}
		part.Add(&e)
	}
	part.End()
	return ctx.Err()
}

// fault keeps an error of part i, unless ctx has ended.
func (n *stateCount) fault(ctx context.Context, i int, p *snapshot.Part, err error) error {
	if e := ctx.Err(); e != nil {
		return e
	}
	var wrong *backends.Error
	lost := lostState{operator: p.Operator.ID}
	if errors.As(err, &wrong) {
		lost.name = wrong.State
	}
	n.mu.Lock()
	n.lost[lost] = true
	n.mu.Unlock()
	if err := n.faults.add(i, err); err != nil {
		n.first.set(i, err)
	}
	return nil
}

// uncounted tells whether nothing of a state was counted for it could not be read, which is not the same as that there is nothing.
func (n *stateCount) uncounted(st *census.State) bool {
	return st.Values.Count == 0 && (n.lost[lostState{operator: st.Operator}] || n.lost[lostState{st.Operator, st.Name.Name}])
}

// firstFailure is the error that ended the first of several parts that are read at a time: always the same one, whoever was quicker.
type firstFailure struct {
	mu   sync.Mutex
	part atomic.Int64 // one more than the number of the part; 0 where none has failed
	err  error
}

// set notes that part i failed.
func (f *firstFailure) set(i int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || int64(i)+1 < f.part.Load() {
		f.part.Store(int64(i) + 1)
		f.err = err
	}
}

// before tells whether a part before i has failed, so that i need not be read.
func (f *firstFailure) before(i int) bool {
	part := f.part.Load()
	return part > 0 && part <= int64(i)
}
