package engine

import (
	"errors"
	"math"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// The names of timer queues (Flink: InternalTimeServiceManagerImpl).
const (
	eventPrefix      = "event_"
	processingPrefix = "processing_"
)

// voidNamespace is the namespace of timers outside of windows.
var voidNamespace = func() backends.Type {
	t, err := types.ParseSpec("VoidNamespace")
	if err != nil {
		panic(err) // the name is one of a table
	}
	return t
}()

// timerService is the timers of one name (Flink: InternalTimerServiceImpl).
type timerService struct {
	r                 *opRun
	name              string
	event, processing backends.TimerQueue
	fire              Fire
	void              []byte // the encoded namespace where none was given
	key, namespace    []byte // scratch: of the timer that fires
	scheduled         int64  // when the clock wakes us
	stop              func() bool
}

// openTimers implements Context.Timers.
func (r *opRun) openTimers(name string, namespace backends.Type, fire Fire) (Timers, error) {
	if r.keyed == nil {
		return nil, errors.New("timers need a key: the operator is not behind a hash exchange")
	}
	for _, s := range r.services {
		if s.name == name {
			return nil, errors.New("timers " + name + " are asked for twice")
		}
	}
	s := &timerService{r: r, name: name, fire: fire}
	var err error
	if namespace == nil {
		namespace = voidNamespace
		if s.void, err = namespace.Encode(nil, nil); err != nil {
			return nil, err
		}
	}
	if s.event, err = r.keyed.Timers(eventPrefix+name, namespace); err != nil {
		return nil, err
	}
	if s.processing, err = r.keyed.Timers(processingPrefix+name, namespace); err != nil {
		return nil, err
	}
	r.services = append(r.services, s)
	return s, nil
}

// CurrentWatermark implements Timers.
func (s *timerService) CurrentWatermark() int64 { return s.r.watermark }

// entry is a timer of the current key.
func (s *timerService) entry(namespace []byte, ts int64) (backends.TimerEntry, error) {
	key := s.r.keyed.CurrentKeyBytes()
	if key == nil {
		return backends.TimerEntry{}, backends.ErrNoKey
	}
	if namespace == nil {
		namespace = s.void
	}
	return backends.TimerEntry{Time: ts, Key: key, Namespace: namespace, KeyGroup: s.r.keyed.CurrentKeyGroup()}, nil
}

// RegisterEventTime implements Timers.
func (s *timerService) RegisterEventTime(namespace []byte, ts int64) error {
	e, err := s.entry(namespace, ts)
	if err == nil {
		_, err = s.event.Add(e)
	}
	return err
}

// DeleteEventTime implements Timers.
func (s *timerService) DeleteEventTime(namespace []byte, ts int64) error {
	e, err := s.entry(namespace, ts)
	if err == nil {
		_, err = s.event.Remove(e)
	}
	return err
}

// RegisterProcessingTime implements Timers.
func (s *timerService) RegisterProcessingTime(namespace []byte, ts int64) error {
	e, err := s.entry(namespace, ts)
	if err != nil {
		return err
	}
	first, err := s.processing.Add(e)
	if err == nil && first {
		s.schedule(ts)
	}
	return err
}

// DeleteProcessingTime implements Timers. The clock may wake us for nothing then.
func (s *timerService) DeleteProcessingTime(namespace []byte, ts int64) error {
	e, err := s.entry(namespace, ts)
	if err == nil {
		_, err = s.processing.Remove(e)
	}
	return err
}

// fireEvent fires the timers up to the watermark ts. What fires may register others.
func (s *timerService) fireEvent(ts int64) error {
	return s.fireAll(s.event, ts, true)
}

// fireProcessing fires the timers whose millisecond is over, and waits for the next. We may have been woken for one that was deleted.
func (s *timerService) fireProcessing() error {
	s.quit()
	s.stop = nil
	if err := s.fireAll(s.processing, s.r.ctx.clock.Now().UnixMilli()-1, false); err != nil {
		return err
	}
	return s.arm()
}

// fireAll fires the timers of a queue up to a time. What they emit is passed on together.
func (s *timerService) fireAll(q backends.TimerQueue, upTo int64, event bool) error {
	return s.r.call(func() error {
		for {
			e, ok, err := q.Peek()
			if err != nil || !ok || e.Time > upTo {
				return err
			}
			s.key, s.namespace = append(s.key[:0], e.Key...), append(s.namespace[:0], e.Namespace...)
			e.Key, e.Namespace = s.key, s.namespace
			if _, _, err := q.Poll(); err != nil {
				return err
			}
			if err := s.r.keyed.SetCurrentKeyBytes(e.Key, e.KeyGroup); err != nil {
				return err
			}
			if err := s.fire(FiredTimer{TimerEntry: e, EventTime: event}, s.r.out); err != nil {
				return err
			}
		}
	})
}

func (s *timerService) named(err error) error {
	if err == nil {
		return nil
	}
	return s.r.failed(err, nil)
}

// arm has the clock wake us for the first timer, if there is one.
func (s *timerService) arm() error {
	e, ok, err := s.processing.Peek()
	if err != nil || !ok {
		return s.named(err)
	}
	s.schedule(e.Time)
	return nil
}

// schedule has the clock wake us at ts, and not later.
func (s *timerService) schedule(ts int64) {
	if s.stop != nil {
		if s.scheduled <= ts {
			return
		}
		s.stop()
	}
	s.scheduled = ts
	// Flink waits a millisecond more, so that all records of this one are there. Times that are never to come are farther off than a Duration goes.
	wait := min(time.UnixMilli(ts).Sub(s.r.ctx.clock.Now()), math.MaxInt64-time.Millisecond) + time.Millisecond
	s.stop = s.r.ctx.clock.AfterFunc(max(wait, 0), func() { s.r.t.mail.post(s.due) })
}

// due runs in the task. At the end of input timers of processing time have had their chance (Flink: quiesce).
func (s *timerService) due() error {
	if s.r.t.drained {
		return nil
	}
	return s.fireProcessing()
}

// quit stops the clock.
func (s *timerService) quit() {
	if s.stop != nil {
		s.stop()
	}
}
