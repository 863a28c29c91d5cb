package operators

import (
	"slices"

	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// session puts record i into the session that its window s makes with those it touches (Flink: MergingWindowSet).
func (w *window) session(s span, i int, out *engine.Output) error {
	open, err := w.openSessions()
	if err != nil {
		return err
	}
	var touched []span
	merged := s
	for _, o := range open {
		if o.start <= s.end && s.start <= o.end {
			touched = append(touched, o)
			merged = span{min(merged.start, o.start), max(merged.end, o.end)}
		}
	}
	if w.isLate(merged) {
		w.late++
		return nil
	}
	if len(touched) == 1 && touched[0] == merged {
		return w.into(merged, i, out)
	}
	open = append(slices.DeleteFunc(open, func(o span) bool { return slices.Contains(touched, o) }), merged)
	if err := w.storeSessions(open); err != nil {
		return err
	}
	if len(touched) == 0 {
		return w.into(merged, i, out)
	}
	if err := w.unite(merged, touched); err != nil {
		return err
	}
	if err := w.arm(merged); err != nil {
		return err
	}
	return w.into(merged, i, out)
}

// unite makes the contents of sessions those of one.
func (w *window) unite(merged span, touched []span) error {
	var since int64
	accs := w.accs.empty
	for _, o := range touched {
		acc, err := w.load(o)
		if err != nil {
			return err
		}
		n, part, err := w.split(acc)
		if err != nil {
			return err
		}
		if accs, err = w.accs.merge(nil, accs, part); err != nil {
			return err
		}
		since += n
		if err := w.contents.Clear(); err != nil {
			return err
		}
		if err := w.disarm(o); err != nil {
			return err
		}
	}
	if _, err := w.load(merged); err != nil {
		return err
	}
	return w.contents.UpdateBytes(append(w.head(since), accs...))
}

// openSessions are those of the current key.
func (w *window) openSessions() ([]span, error) {
	var all []span
	for e, err := range w.sessions.Elements() {
		if err != nil {
			return nil, err
		}
		s, err := decodeSpan(e)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

func (w *window) storeSessions(all []span) error {
	values := make([]any, len(all))
	for i, s := range all {
		values[i] = types.Window{Start: s.start, End: s.end}
	}
	return w.sessions.Update(values)
}

// endSession takes a session out of those that are open.
func (w *window) endSession(s span) error {
	all, err := w.openSessions()
	if err != nil {
		return err
	}
	return w.storeSessions(slices.DeleteFunc(all, func(o span) bool { return o == s }))
}
