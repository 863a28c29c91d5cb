package operators

import "github.com/ckpt-tool/ckpt/restore/engine"

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
	// A window that begins after its end has emitted already.
	if w.lateness > 0 && s.last() > w.now() {
		if err := w.register(s, s.last()); err != nil {
			return err
		}
	}
	if next, ok := w.early(s); ok {
		return w.register(s, next)
	}
	return nil
}

// disarm deletes all that arm, and early firings, may have registered.
func (w *window) disarm(s span) error {
	times := []int64{w.cleanup(s), s.last()}
	if next, ok := w.early(s); ok {
		times = append(times, next)
	}
	for _, ts := range times {
		if err := w.delete(s, ts); err != nil {
			return err
		}
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
	_, accs, err := w.split(acc)
	if err != nil {
		return err
	}
	end := t.Time == s.last()
	if early := !end && t.Time < s.last(); end || early {
		if err := w.emit(s, accs, out); err != nil {
			return err
		}
		if next, ok := w.early(s); early && ok {
			if err := w.register(s, next); err != nil {
				return err
			}
		}
	}
	if t.Time == w.cleanup(s) {
		return w.clear(s)
	}
	return nil
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
