package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// snapshot is that of one task on its way.
type snapshot struct {
	t       *task
	barrier *barrier
	streams *recorder
	parts   []*snapshotPart
	metrics coordinator.Metrics
	ctx     context.Context
	cancel  context.CancelFunc
}

// snapshotPart is that of one operator (Flink: OperatorSnapshotFutures).
type snapshotPart struct {
	operator metadata.OperatorID
	keyed    backends.SnapshotFunc
	state    backends.OperatorSnapshotFunc
	raw      *rawGroups
	local    string
}

// checkpoint takes a snapshot of the chain: the barrier goes on first, so that tasks downstream can begin, then the synchronous
// part runs, and the rest in another goroutine (Flink: SubtaskCheckpointCoordinatorImpl).
func (t *task) checkpoint(b *barrier, alignment, delay time.Duration) error {
	for _, w := range t.writers {
		if err := w.event(element{kind: barriers, barrier: b}); err != nil {
			return err
		}
	}
	s := &snapshot{t: t, barrier: b, streams: &recorder{Streams: b.streams}}
	s.metrics.Alignment, s.metrics.StartDelay = alignment, delay
	s.ctx, s.cancel = context.WithCancel(t.ctx)
	began := t.now()
	refused, err := s.synchronous()
	s.metrics.Sync = t.now().Sub(began)
	if err != nil {
		t.attempt.fail(err) // before the coordinator hears that the checkpoint is declined: that comes of it
	}
	if err != nil || refused != nil {
		s.cancel()
	}
	t.snapshots[b.meta.ID] = s.cancel
	t.background.Add(1)
	go func() {
		defer t.background.Done()
		s.asynchronous(refused, err != nil)
	}()
	return err
}

// synchronous takes the state as it is between two records. An error is one of the job's code, which fails the task; what a state
// backend cannot do refuses the checkpoint only.
func (s *snapshot) synchronous() (refused, err error) {
	t := s.t
	if t.source != nil {
		if err := t.source.snapshot(); err != nil {
			return nil, t.source.failed(err, nil)
		}
		if refused := s.part(t.source.id, nil, t.source.state, nil); refused != nil {
			return refused, nil
		}
	}
	for _, r := range t.ops {
		raw, err := s.operator(r)
		if err != nil {
			return nil, err
		}
		if refused := s.part(r.ctx.Operator, r.keyed, r.state, raw); refused != nil {
			return fmt.Errorf("%s: %w", r.node.UID, refused), nil
		}
	}
	return nil, nil
}

// operator asks the operator itself.
func (s *snapshot) operator(r *opRun) (raw *rawGroups, err error) {
	id := s.barrier.meta.ID
	err = r.call(func() error {
		if c, ok := r.op.(Checkpointed); ok {
			if err := c.Snapshot(id); err != nil {
				return err
			}
		}
		if k, ok := r.op.(RawKeyed); ok && r.keyed != nil {
			raw, err = snapshotRaw(k, id, r.keyed.KeyGroups())
			return err
		}
		return nil
	})
	return raw, err
}

// part asks the state backends of one operator.
func (s *snapshot) part(id metadata.OperatorID, keyed backends.Keyed, state backends.Operator, raw *rawGroups) error {
	p := &snapshotPart{operator: id, raw: raw}
	s.parts = append(s.parts, p)
	var err error
	if state != nil {
		if p.state, err = state.Snapshot(s.request(p)); err != nil {
			return err
		}
	}
	if keyed != nil {
		p.local = s.t.localDir(id, s.barrier)
		p.keyed, err = keyed.Snapshot(s.request(p))
	}
	return err
}

func (s *snapshot) request(p *snapshotPart) *backends.SnapshotRequest {
	r := &backends.SnapshotRequest{Checkpoint: s.barrier.meta.ID, Streams: s.streams, LocalDir: p.local}
	kind := s.barrier.options.Type
	r.Savepoint = kind.IsSavepoint()
	r.Full = r.Savepoint || kind == coordinator.FullCheckpoint
	if r.Savepoint && kind != coordinator.NativeSavepoint {
		r.Form = backends.CanonicalForm
	}
	return r
}

// asynchronous writes, and answers the coordinator. Every part is run, also after a failure: that lets go of what it holds.
func (s *snapshot) asynchronous(failure error, fatal bool) {
	defer s.cancel()
	began := s.t.now()
	states := map[metadata.OperatorID]metadata.SubtaskState{}
	local := map[metadata.OperatorID]metadata.KeyedHandle{}
	for _, p := range s.parts {
		state, copied, err := p.run(s)
		if err != nil && failure == nil {
			failure = err
			s.cancel()
		}
		if holds(&state) {
			states[p.operator] = state
		}
		if copied != nil {
			local[p.operator] = copied
		}
	}
	if failure == nil {
		failure = s.t.attempt.access.CheckAnswer(states)
	}
	s.metrics.Async, s.metrics.Bytes = s.t.now().Sub(began), s.streams.bytes
	id := s.barrier.meta.ID
	if failure == nil && !fatal {
		s.t.attempt.local.keep(id, s.t.subtask, local)
		s.t.attempt.acknowledge(&coordinator.Acknowledge{Task: s.t.id, Checkpoint: id, Metrics: s.metrics, States: states})
		return
	}
	s.streams.discardAll(context.WithoutCancel(s.ctx), func(err error) {
		s.t.log().Warn("a file of a checkpoint that failed could not be deleted", "checkpoint", id, "error", err)
	})
	if failure == nil {
		failure = errors.New("the task failed")
	}
	s.t.attempt.decline(&coordinator.Decline{Task: s.t.id, Checkpoint: id, Reason: failure})
}

func holds(s *metadata.SubtaskState) bool {
	return s.ManagedKeyed != nil || s.ManagedOperator != nil || s.RawKeyed != nil
}

// run is the asynchronous part of one operator. A panic of a state backend is an error of the checkpoint.
func (p *snapshotPart) run(s *snapshot) (state metadata.SubtaskState, local metadata.KeyedHandle, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = panicked(x)
		}
	}()
	state.Index = int32(s.t.subtask)
	var problems []error
	if p.state != nil {
		h, err := p.state(s.ctx)
		state.ManagedOperator, problems = h, append(problems, err)
	}
	if p.keyed != nil {
		r, err := p.keyed(s.ctx)
		problems = append(problems, err)
		if err == nil && !r.Empty() {
			state.ManagedKeyed, local = r.JobManagerOwned, r.TaskLocal
		}
	}
	if p.raw != nil {
		h, err := p.raw.write(s.ctx, s.streams, metadata.Exclusive)
		state.RawKeyed, problems = h, append(problems, err)
	}
	return state, local, errors.Join(problems...)
}
