package heap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// ErrNotTimers tells that raw keyed state is no timers, but what an operator wrote on its own.
var ErrNotTimers = errors.New("the raw keyed state is not timers, and only the job's own operator can read it")

const (
	// rawMark begins raw timers (Flink: PostVersionedIOReadableWritable).
	rawMark    = "\xf1\xcd\x85\x9f"
	rawVersion = 2
	noGroup    = -1 // the offset of key groups without bytes
	maxService = 16 << 20
)

// RawTimers reads the timers in raw keyed state. It is a backends.Reader. Its states are named as those of
// heap timers in managed state.
type RawTimers struct {
	blob   backends.Blob
	origin backends.Origin
	opts   *backends.Options
	groups []stream.KeyGroup
	marked bool
	heads  [][]byte // of services: name and snapshots, as in the stream
	forms  []form   // two a service: event time, processing time
}

// OpenRawTimers opens the stream of a handle of raw keyed state. The error is ErrNotTimers (errors.Is) where the first key
// group is something else.
func OpenRawTimers(ctx context.Context, files backends.Files, h *metadata.KeyGroupsHandle, o backends.Origin, opts *backends.Options) (*RawTimers, error) {
	blob, err := files.Open(ctx, h.Delegate)
	if err != nil {
		return nil, err
	}
	r := &RawTimers{blob: blob, origin: o, opts: opts, groups: stream.KeyGroups(h, blob.Size(), noGroup)}
	if len(r.groups) > 0 {
		err = r.learn(r.groups[0])
	}
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return r, nil
}

// States are two of each timer service: of event time and of processing time.
func (r *RawTimers) States() []*backends.State {
	states := make([]*backends.State, len(r.forms))
	for i := range r.forms {
		states[i] = r.forms[i].state
	}
	return states
}

// Close closes the stream.
func (r *RawTimers) Close() error { return r.blob.Close() }

// Entries yields timers as backends.Reader says.
func (r *RawTimers) Entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		groups := stream.Within(r.groups, sel.KeyGroups, r.origin.Range)
		s := newScan(r.blob, groups, r.forms, sel, yield)
		s.head = &schema.Keyed{}
		s.verify(r.origin, r.opts)
		s.all(ctx, groups, func() error { return s.told(r.group(s, false)) })
	}
}

// learn finds the services in the first key group. They are the same in all.
func (r *RawTimers) learn(g stream.KeyGroup) error {
	if g.From > g.To {
		return ErrNotTimers
	}
	s := newScan(r.blob, []stream.KeyGroup{g}, nil, backends.Selection{}, nil)
	s.head, s.g = &schema.Keyed{}, g
	s.w.Go(stream.AsIs, g.From, g.To)
	mark, _ := s.w.Peek(len(rawMark))
	r.marked = bytes.HasPrefix(mark, []byte(rawMark))
	err := s.told(r.group(s, true))
	if r.marked {
		return err
	}
	var wrong *backends.Error
	switch {
	case errors.As(err, &wrong):
		return fmt.Errorf("%w: %w", ErrNotTimers, err)
	case err == nil && len(r.heads) == 0:
		return ErrNotTimers
	}
	return err
}

// group reads a key group. To learn it, timers are passed over.
func (r *RawTimers) group(s *scan, learn bool) error {
	if s.g.From > s.g.To || s.g.From < 0 {
		return s.errorAt(s.g.From, "key group %d is said to begin here, which cannot be", s.g.ID)
	}
	s.w.Go(stream.AsIs, s.g.From, s.g.To)
	if r.marked {
		mark, _ := s.w.Next(len(rawMark))
		if version := s.w.I32(); s.w.Err() == nil && (string(mark) != rawMark || version != rawVersion) {
			return s.errorAt(s.g.From, "no raw timers of version %d begin here", rawVersion)
		}
	}
	n := s.w.I32()
	if s.w.Err() == nil && (n < 0 || !learn && int(n) != len(r.heads)) {
		return s.errorAt(s.g.From, "%d timer services in key group %d", n, s.g.ID)
	}
	for i := range int(n) {
		if err := r.service(s, i, learn); err != nil {
			return err
		}
	}
	if err := s.w.Err(); err != nil {
		return err
	}
	s.at = nil
	if next, _ := s.w.Peek(len(rawMark)); s.g.Open && r.marked && bytes.HasPrefix(next, []byte(rawMark)) {
		return nil
	}
	return s.over(s.w.Physical())
}

// service reads the i-th service of a key group.
func (r *RawTimers) service(s *scan, i int, learn bool) error {
	s.at = nil
	if learn {
		if err := r.serviceHead(s); err != nil {
			return err
		}
	} else if head, err := s.w.Next(len(r.heads[i])); err != nil {
		return err
	} else if !bytes.Equal(head, r.heads[i]) {
		return s.w.Errorf("a timer service is not as in the first key group")
	}
	for j := 2 * i; j < 2*i+2; j++ {
		s.at = nil
		n := s.w.I32()
		if err := s.w.Err(); err != nil {
			return err
		}
		if n < 0 {
			return s.w.Errorf("%d timers", n)
		}
		s.begin(&r.forms[j])
		if err := s.timers(int(n), !learn && s.wanted[j]); err != nil {
			return err
		}
		if !learn {
			s.seen[j] = true
		}
	}
	return nil
}

// serviceHead reads the name of a service and its serializers.
func (r *RawTimers) serviceHead(s *scan) error {
	var name string
	var key, namespace backends.Type
	for want := 4 << 10; ; want *= 4 {
		b, err := s.w.Peek(want)
		cut := err != nil
		if cut && s.w.Err() != nil {
			return err
		}
		n, err := 0, error(nil)
		if name, key, namespace, n, err = readService(b, r.opts); err == nil {
			head, _ := s.w.Next(n)
			r.heads = append(r.heads, bytes.Clone(head))
			break
		}
		var short *types.SnapshotError
		if !errors.As(err, &short) || !short.Short || cut || want > maxService {
			return r.blocked(s, err)
		}
	}
	for _, prefix := range []string{eventTimers, processingTimers} {
		st := &backends.State{
			Operator: r.origin.Operator, Subtask: r.origin.Subtask, Name: prefix + name,
			Kind: backends.Timer, Key: key, Namespace: namespace,
		}
		r.forms = append(r.forms, form{state: st, lies: timers, timer: timer{key: fieldOf(key), namespace: fieldOf(namespace), raw: true}})
	}
	return nil
}

// What the names of timers begin with (Flink: InternalTimeServiceManagerImpl).
const (
	eventTimers      = "_timer_state/event_"
	processingTimers = "_timer_state/processing_"
)

// readService reads the head of a service at the beginning of b, of n bytes.
func readService(b []byte, opts *backends.Options) (name string, key, namespace backends.Type, n int, err error) {
	short := &types.SnapshotError{Message: "the name of a timer service is cut off", Short: true}
	if len(b) < 2 {
		return "", nil, nil, 0, short
	}
	n = 2 + (int(b[0])<<8 | int(b[1]))
	if len(b) < n {
		return "", nil, nil, 0, short
	}
	name = metadata.UTF(b[2:n]).String()
	key, k, err := types.ReadVersioned(b[n:], opts)
	if err != nil {
		return "", nil, nil, 0, err
	}
	namespace, m, err := types.ReadVersioned(b[n+k:], opts)
	return name, key, namespace, n + k + m, err
}

// blocked is err of a snapshot as a *backends.Error.
func (r *RawTimers) blocked(s *scan, err error) error {
	e := s.w.Errorf("the serializers of a timer service cannot be read: %s", err)
	var wrong *types.SnapshotError
	if errors.As(err, &wrong) {
		e.Hint = wrong.Hint
		if wrong.Unknown {
			e.Err = &backends.OpaqueError{Class: wrong.Class, Hint: wrong.Hint}
		}
	}
	return e
}
