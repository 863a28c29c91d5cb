package operators

import (
	"encoding/binary"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Times of a window, by which its timers tell what to do:
//
//	last                  it ends: emit
//	last + lateness       it is cleaned up
//	multiples of every    emit early; each one arms the next

// arm registers the timers of a window that has got its first record.
func (w *window) arm(s span) error {
	if err := w.register(s, w.cleanup(s)); err != nil {
		return err
	}
	if err := w.armEnd(s); err != nil {
		return err
	}
	if next, ok := w.early(s); ok {
		return w.register(s, next)
	}
	return nil
}

// armEnd registers the end of a window, unless the timer of the clean-up stands for it or it is over: then each record emits.
func (w *window) armEnd(s span) error {
	if w.lateness == 0 || s.last() <= w.now() {
		return nil
	}
	return w.register(s, s.last())
}

// disarm deletes all that arm, and early firings, may have registered.
func (w *window) disarm(s span) error {
	if err := w.delete(s, w.cleanup(s)); err != nil {
		return err
	}
	if w.lateness > 0 {
		if err := w.delete(s, s.last()); err != nil {
			return err
		}
	}
	if next, ok := w.early(s); ok {
		return w.delete(s, next)
	}
	return nil
}

func (w *window) cleanup(s span) int64 { return s.last() + w.lateness }

// early is the next time to emit before the end.
func (w *window) early(s span) (int64, bool) {
	if w.every == 0 {
		return 0, false
	}
	from := max(w.now(), s.start)
	if from >= s.last() {
		return 0, false
	}
	shift := from % w.every
	if shift < 0 {
		shift += w.every
	}
	next := from - shift + w.every
	return next, next < s.last()
}

func (w *window) register(s span, ts int64) error {
	w.namespace = s.append(w.namespace[:0])
	if w.processing {
		return w.timers.RegisterProcessingTime(w.namespace, ts)
	}
	return w.timers.RegisterEventTime(w.namespace, ts)
}

func (w *window) delete(s span, ts int64) error {
	w.namespace = s.append(w.namespace[:0])
	if w.processing {
		return w.timers.DeleteProcessingTime(w.namespace, ts)
	}
	return w.timers.DeleteEventTime(w.namespace, ts)
}

// fire is what a timer does.
func (w *window) fire(t engine.FiredTimer, out *engine.Output) error {
	s, err := decodeSpan(t.Namespace)
	if err != nil {
		return err
	}
	acc, err := w.load(s)
	if err != nil || acc == nil {
		return err
	}
	w.acc = append(w.acc[:0], acc...)
	if t.Time < s.last() && s.last() <= w.passed() {
		return nil // the end is next, with the same
	}
	if t.Time <= s.last() {
		if err := w.emitNow(s, out); err != nil {
			return err
		}
	}
	switch {
	case t.Time >= w.cleanup(s):
		return w.clear(s)
	case t.Time >= s.last():
		return w.keepCleanup(s)
	}
	if next, ok := w.early(s); ok {
		return w.register(s, next)
	}
	return nil
}

// emitNow emits w.acc, which is stored, and begins to count records anew.
func (w *window) emitNow(s span, out *engine.Output) error {
	since, accs, err := w.split(w.acc)
	if err != nil {
		return err
	}
	if err := w.emit(s, accs, out); err != nil || since == 0 {
		return err
	}
	binary.BigEndian.PutUint64(w.acc, 0)
	return w.contents.UpdateBytes(w.acc)
}

// keepCleanup sees to it that a window that has ended is cleaned up. The job that it began in may have had another lateness, and so its
// timer another time.
func (w *window) keepCleanup(s span) error {
	if w.context.Restored < 0 {
		return nil
	}
	return w.register(s, w.cleanup(s))
}

// clear forgets a window.
func (w *window) clear(s span) error {
	if w.sessions != nil {
		if err := w.endSession(s); err != nil {
			return err
		}
	}
	if _, err := w.load(s); err != nil {
		return err
	}
	return w.contents.Clear()
}
