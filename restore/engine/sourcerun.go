package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

const (
	// manyOpen is how many splits one sub-task of a bounded source reads at a time; the others wait for their turn.
	manyOpen = 64
	// pollPause is when a split without records is asked again, if it cannot tell itself.
	pollPause = 5 * time.Millisecond
	// mostWaits is how much reflect.Select waits for at most.
	mostWaits = 1 << 16
)

// sourceRun reads the splits of one sub-task of a source, batch by batch in turn (Flink: SourceOperator with its reader).
type sourceRun struct {
	t     *task
	node  *Node
	id    metadata.OperatorID
	to    outlet
	pool  *pool
	state backends.Operator
	list  backends.OperatorListState

	splits   []*splitRun // by index
	known    map[string]bool
	turn     int
	opened   int
	discover time.Time // when next; zero for never
	marks    *watermarker

	ended   bool  // all was read, and that is passed on
	stopped int64 // the savepoint that the job stops with; nothing is read
	cut     bool  // it ended for that, and not because all was read
}

// splitRun is one split. Its reader is nil before its turn, and when it is finished.
type splitRun struct {
	Split
	reader   SplitReader
	position any
	finished bool
	begun    bool            // it gave records
	empty    bool            // it had nothing when it was asked last
	again    time.Time       // when to ask again, after it had nothing
	wait     <-chan struct{} // or when this says so
	mark     splitMark
}

func newSourceRun(t *task, n *Node) *sourceRun {
	s := &sourceRun{t: t, node: n, id: metadata.OperatorIDOf(n.UID), to: outlet{schema: n.Output},
		pool: newPool(n.Output, t.attempt.config.BatchSize), known: map[string]bool{}, marks: newWatermarker(n, t.attempt.config)}
	if t.attempt.stopped {
		s.stopped = 1
	}
	return s
}

// failed names the source, unless an operator behind it was named.
func (s *sourceRun) failed(err error, stack []byte) error { return s.t.failed(s.node, err, stack) }

// step reads one batch, if any split has one.
func (s *sourceRun) step() (worked bool, err error) {
	if s.ended || s.stopped != 0 {
		return false, nil
	}
	if worked, err = s.next(s.t.now()); err != nil {
		return false, s.failed(err, nil)
	}
	return worked, nil
}

// next asks splits in turn, until one has a batch.
func (s *sourceRun) next(now time.Time) (worked bool, err error) {
	if !s.discover.IsZero() && !now.Before(s.discover) {
		if err := s.find(now); err != nil {
			return false, err
		}
	}
	for range s.splits {
		sp := s.splits[s.turn]
		s.turn = (s.turn + 1) % len(s.splits)
		if !s.ready(sp, now) {
			continue
		}
		if worked, err = s.read(sp, now); worked || err != nil {
			break
		}
	}
	if err != nil {
		return false, err
	}
	if s.allRead() {
		return true, s.end()
	}
	return worked, s.mark(now, false)
}

// ready tells whether to ask a split for records. It opens it if it is its turn.
func (s *sourceRun) ready(sp *splitRun, now time.Time) bool {
	if sp.finished || (sp.reader == nil && s.opened >= manyOpen && s.node.Source.Bounded()) {
		return false
	}
	if sp.wait != nil {
		select {
		case <-sp.wait:
			sp.wait, sp.again = nil, time.Time{}
		default:
			return false
		}
	}
	return !now.Before(sp.again)
}

func (s *sourceRun) read(sp *splitRun, now time.Time) (worked bool, err error) {
	if sp.reader == nil {
		at := SourceContext{Subtask: s.t.subtask, Parallelism: s.t.parallelism, Clock: s.t.attempt.config.Clock}
		if sp.reader, err = s.node.Source.Open(s.t.ctx, sp.Split, sp.position, at); err != nil {
			return false, fmt.Errorf("split %s: %w", sp.ID, err)
		}
		s.opened++
	}
	b := s.pool.get()
	err = sp.reader.Read(b, s.pool.size)
	if b.N > 0 {
		if failed := s.pass(sp, b, now); failed != nil {
			return false, failed
		}
		worked = true
	} else {
		b.Release()
	}
	switch {
	case err == nil:
		return worked, nil
	case errors.Is(err, ErrNothingYet):
		s.pause(sp, now, worked)
		return worked, nil
	case errors.Is(err, io.EOF):
		return true, s.finish(sp)
	}
	return false, fmt.Errorf("split %s: %w", sp.ID, err)
}

// pass emits a batch of a split.
func (s *sourceRun) pass(sp *splitRun, b *Batch, now time.Time) error {
	s.marks.stamp(b, &sp.mark, now)
	sp.begun, sp.empty = true, false
	s.t.progress.records.Add(int64(b.N))
	if s.marks.resume() {
		if err := s.to.event(element{kind: active}); err != nil {
			return err
		}
	}
	return s.to.emit(b)
}

func (s *sourceRun) pause(sp *splitRun, now time.Time, worked bool) {
	sp.empty = !worked
	if w, ok := sp.reader.(Waiter); ok {
		if sp.wait = w.Wait(); sp.wait != nil {
			return
		}
	}
	sp.again = now.Add(pollPause)
}

// finish closes a split that was read to its end, and remembers it.
func (s *sourceRun) finish(sp *splitRun) error {
	sp.position = sp.reader.Position()
	err := sp.reader.Close()
	sp.reader, sp.finished = nil, true
	s.opened--
	if err == nil && sp.position == nil {
		err = errors.New("the reader has no position at its end")
	}
	if err != nil {
		return fmt.Errorf("split %s: %w", sp.ID, err)
	}
	return nil
}

func (s *sourceRun) allRead() bool {
	if !s.discover.IsZero() {
		return false
	}
	for _, sp := range s.splits {
		if !sp.finished {
			return false
		}
	}
	return true
}

// end passes on that there is no more: first the watermark that fires all timers.
func (s *sourceRun) end() error {
	s.ended = true
	if err := s.mark(s.t.now(), true); err != nil {
		return err
	}
	if err := s.to.event(element{kind: endOfData}); err != nil {
		return err
	}
	s.t.drain()
	return nil
}

// mark passes on the watermark, if it has risen and its time has come, and whether all splits are idle.
func (s *sourceRun) mark(now time.Time, last bool) error {
	es := s.marks.next(s.splits, now, last)
	for _, e := range es {
		if e.kind == watermark {
			s.t.progress.watermark.Store(e.ts)
		}
		if err := s.to.event(e); err != nil {
			return err
		}
	}
	return nil
}

// find asks for splits, and takes those that are new and this sub-task's.
func (s *sourceRun) find(now time.Time) error {
	splits, err := s.node.Source.Discover(s.t.ctx)
	if err != nil {
		return err
	}
	for _, sp := range splits {
		if err := s.take(&splitRun{Split: sp}); err != nil {
			return err
		}
	}
	slices.SortStableFunc(s.splits, func(a, b *splitRun) int { return cmp.Compare(a.Index, b.Index) })
	s.discover = time.Time{}
	if every := s.node.Source.DiscoveryInterval(); every > 0 && !s.node.Source.Bounded() {
		s.discover = now.Add(time.Duration(every) * time.Millisecond)
	}
	return nil
}

func (s *sourceRun) take(sp *splitRun) error {
	if sp.Index < 0 {
		return fmt.Errorf("split %s has index %d", sp.ID, sp.Index)
	}
	if s.known[sp.ID] || sp.Index%int64(s.t.parallelism) != int64(s.t.subtask) {
		return nil
	}
	s.known[sp.ID] = true
	sp.mark = newSplitMark(s.t.now())
	s.splits = append(s.splits, sp)
	return nil
}

// rest waits until there may be something to do.
func (s *sourceRun) rest() {
	wake := []reflect.SelectCase{
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(s.t.mail.wake)},
		{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(s.t.ctx.Done())},
	}
	if !s.ended && s.stopped == 0 {
		until := sooner(s.discover, s.marks.due(s.t.now()))
		for _, sp := range s.splits {
			switch {
			case sp.reader == nil:
			case sp.wait != nil && len(wake) == mostWaits:
				until = sooner(until, s.t.now().Add(pollPause))
			case sp.wait != nil:
				wake = append(wake, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(sp.wait)})
			default:
				until = sooner(until, sp.again)
			}
		}
		if !until.IsZero() {
			c := s.t.attempt.config.Clock
			stop := c.AfterFunc(max(0, until.Sub(c.Now())), func() { rouse(s.t.mail.wake) })
			defer stop()
		}
	}
	if i, _, _ := reflect.Select(wake); i >= 2 {
		for _, sp := range s.splits {
			if sp.wait != nil && reflect.ValueOf(sp.wait).Pointer() == wake[i].Chan.Pointer() {
				sp.wait, sp.again = nil, time.Time{}
			}
		}
	}
}

// sooner is the earlier of two times, of which zero ones do not count.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// trigger takes a checkpoint that the coordinator asks for. With one that the job stops with, reading ends; draining, also the stream.
func (s *sourceRun) trigger(b *barrier) error {
	kind := b.options.Type
	if kind.IsSynchronous() {
		s.stopped = b.meta.ID
		if kind == coordinator.SavepointTerminate && !s.ended {
			s.cut = true
			if err := s.end(); err != nil {
				return s.failed(err, nil)
			}
		}
	}
	return s.t.checkpoint(b, 0, s.t.now().Sub(b.meta.Timestamp))
}

// resume goes on reading after a savepoint that failed. Where the end was passed on for it, the task must begin anew.
func (s *sourceRun) resume() error {
	s.stopped = 0
	if s.cut {
		return errors.New("the savepoint that the job was to end with failed")
	}
	return nil
}
