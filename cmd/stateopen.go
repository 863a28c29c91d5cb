package cmd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"golang.org/x/sync/errgroup"
)

// openedState is a checkpoint whose state can be read. Whoever opens it closes it.
type openedState struct {
	*snapshot.Snapshot
	env     *Env
	opts    *stateOptions
	target  *layout.Target
	files   *stateFiles
	workers int
	// handles are those of the operators that were asked for.
	handles []*snapshot.Handle
	// operators are those that were asked for, also such without handles.
	operators []*metadata.OperatorState
}

// openState opens what arg names for reading its state, of the operators that opts asks for. Where
// there is no such operator, that is the error.
func openState(ctx context.Context, env *Env, opts *stateOptions, arg string) (*openedState, error) {
	t, err := opts.find(ctx, env, arg)
	if err != nil {
		return nil, err
	}
	s := &openedState{env: env, opts: opts, target: t, workers: stateWorkers(env, t.Store.URL())}
	cp, _, err := readMetadata(ctx, t)
	if err != nil {
		t.Store.Close()
		return nil, err
	}
	s.files = &stateFiles{blobs: layout.NewBlobs(ctx, env.OpenStore, t, opts.maps)}
	s.Snapshot = snapshot.New(cp, s.files, opts.options(s.workers), opts.uids)
	opts.warnOfUIDs(env, cp)
	match := newOperatorMatch(opts.operators)
	for i := range cp.Operators {
		if o := &cp.Operators[i]; match.matches(o.Name.String(), s.uid(o), o.ID) {
			s.operators = append(s.operators, o)
		}
	}
	if err := match.missing(t.URL()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	for _, h := range s.Handles {
		if slices.Contains(s.operators, h.Operator) {
			s.handles = append(s.handles, h)
		}
	}
	return s, nil
}

// checkJob holds that the key groups of what is to be read can be, and that those which were asked for are among them.
func (s *openedState) checkJob() error {
	most := int32(0)
	for _, h := range s.handles {
		if !h.Keyed() {
			continue
		}
		if err := checkMaxParallelism(s.target, h.Operator); err != nil {
			return err
		}
		most = max(most, h.Operator.MaxParallelism)
	}
	if err := checkDoubts(s.target, s.Snapshot, s.handles); err != nil {
		return err
	}
	if g := &s.opts.groups; g.set && most > 0 && g.Last >= most {
		return usagef(fmt.Sprintf("give a range within 0-%d", most-1), "--key-group %s: there are key groups 0-%d, as the max parallelism is %d", g, most-1, most)
	}
	return nil
}

// checkMaxParallelism holds that a max parallelism is one that Flink takes: all key groups follow from it.
func checkMaxParallelism(t *layout.Target, o *metadata.OperatorState) error {
	if o.MaxParallelism >= 1 && o.MaxParallelism <= keygroups.MaxParallelism {
		return nil
	}
	return &layout.NotCheckpointError{Path: metadataURL(t), Hint: "the _metadata is damaged: ckpt verify tells what else is",
		Message: fmt.Sprintf("operator %s has a max parallelism of %d, and Flink's is 1 to %d", o.ID, o.MaxParallelism, keygroups.MaxParallelism)}
}

// checkDoubts holds that the handles of the operators that are to be read fit to them. Where key groups are not those of
// the sub-task, entries would be left out without a word.
func checkDoubts(t *layout.Target, s *snapshot.Snapshot, handles []*snapshot.Handle) error {
	read, keyed := map[metadata.OperatorID]bool{}, map[metadata.OperatorID]bool{}
	for _, h := range handles {
		read[h.Operator.ID] = true
		keyed[h.Operator.ID] = keyed[h.Operator.ID] || h.Keyed()
	}
	for _, f := range s.Doubts() {
		ofKeys := f.Code == metadata.FindKeyGroups || f.Code == metadata.FindParallelism
		if !read[f.Operator] || ofKeys && !keyed[f.Operator] {
			continue
		}
		who := s.Name(f.Operator)
		if f.Subtask >= 0 {
			who = fmt.Sprintf("%s, sub-task %d", who, f.Subtask)
		}
		return &layout.NotCheckpointError{Path: metadataURL(t), Hint: "the _metadata is damaged: ckpt verify tells what else is",
			Message: fmt.Sprintf("operator %s: %s, so that its state cannot be read with certainty", who, f.Message)}
	}
	return nil
}

// stateWorkers is how many readers work at a time: as many as there are processors, and for a
// storage that makes them wait, as many as requests may be under way.
func stateWorkers(env *Env, url string) int {
	n := runtime.GOMAXPROCS(0)
	if layout.ParsePlace(url).Scheme != "" {
		n = max(n, env.Concurrency)
	}
	return n
}

func (s *openedState) close() error {
	return errors.Join(s.Snapshot.Close(), s.files.blobs.Close(), s.target.Store.Close())
}

// uid is the uid of o: that of the file, or the one of --uids.
func (s *openedState) uid(o *metadata.OperatorState) string { return s.opts.uidOf(o) }

// keep drops the handles that keep does not want.
func (s *openedState) keep(keep func(h *snapshot.Handle) bool) {
	s.handles = slices.DeleteFunc(slices.Clone(s.handles), func(h *snapshot.Handle) bool { return !keep(h) })
}

// isChannel tells whether h holds in-flight data.
func isChannel(h *snapshot.Handle) bool {
	return h.Slot == metadata.InputChannel || h.Slot == metadata.ResultSubpartition
}

// load opens all handles, many at a time. What cannot be opened is given for each.
func (s *openedState) load(ctx context.Context) (states [][]*backends.State, failed []error, err error) {
	states, failed = make([][]*backends.State, len(s.handles)), make([]error, len(s.handles))
	var g errgroup.Group
	g.SetLimit(s.workers)
	for i, h := range s.handles {
		g.Go(func() error {
			if ctx.Err() == nil {
				states[i], failed[i] = h.States(ctx)
			}
			return nil
		})
	}
	_ = g.Wait()
	return states, failed, context.Cause(ctx)
}

// checkStates tells whether the handles can be read at all, and there is a state for each --state.
func (s *openedState) checkStates(ctx context.Context) error {
	if err := s.checkJob(); err != nil {
		return err
	}
	if len(s.opts.states) == 0 {
		return nil
	}
	states, failed, err := s.load(ctx)
	if err != nil {
		return err
	}
	var there []string
	found := map[string]bool{}
	for _, each := range states {
		for _, st := range each {
			name, _ := snapshot.StateName(st)
			if !slices.Contains(there, name) {
				there = append(there, name)
			}
			for _, p := range s.opts.states {
				found[p] = found[p] || isState(p, st)
			}
		}
	}
	for _, p := range s.opts.states {
		if !found[p] {
			return worstFault(failed, s.noState(p, there))
		}
	}
	return nil
}

// worstFault is the error that hides most of what there is, instead if there is none: it may be there.
func worstFault(faults []error, instead error) error {
	worst := instead
	for _, code := range []Code{Findings, Unreadable, Failed} {
		if i := slices.IndexFunc(faults, func(err error) bool { return err != nil && severityOf(err) == code }); i >= 0 {
			worst = faults[i]
		}
	}
	return worst
}

// noState is the error for a --state that there is not.
func (s *openedState) noState(pattern string, there []string) error {
	slices.Sort(there)
	list := strings.Join(there[:min(mostKnown, len(there))], ", ")
	switch {
	case len(there) == 0:
		list = "none"
	case len(there) > mostKnown:
		list += " and more"
	}
	return &notFoundError{
		path:    s.target.URL(),
		message: fmt.Sprintf("%s: there is no state %q; there are %s", s.target.URL(), pattern, escape(list)),
	}
}

// smallState is how many bytes are not worth another goroutine.
var smallState int64 = 1 << 20

// parts divides the handles into what one goroutine each reads. The order of entries does not depend on
// how many there are.
func (s *openedState) parts() []*snapshot.Part {
	each := (4*s.workers + len(s.handles) - 1) / max(1, len(s.handles))
	var parts []*snapshot.Part
	for _, h := range s.handles {
		n := min(each, int(handleSize(h)/smallState)+1)
		for _, p := range h.Split(n) {
			if h.Keyed() {
				if p.KeyGroups = s.opts.groups.wanted(p.KeyGroups); p.KeyGroups.Len() <= 0 {
					continue
				}
			} else if s.opts.groups.set {
				continue
			}
			parts = append(parts, p)
		}
	}
	return parts
}

// handleSize is how many bytes the handle refers to.
func handleSize(h *snapshot.Handle) int64 {
	switch h.Slot {
	case metadata.ManagedOperator:
		return h.Subtask.ManagedOperator.StateSize()
	case metadata.ManagedKeyed:
		return h.Subtask.ManagedKeyed.StateSize()
	case metadata.RawKeyed:
		return h.Subtask.RawKeyed.StateSize()
	case metadata.InputChannel:
		return channelSize(h.Subtask.InputChannels)
	case metadata.ResultSubpartition:
		return channelSize(h.Subtask.OutputChannels)
	}
	return 0
}

func channelSize(handles []metadata.ChannelHandle) (n int64) {
	for _, h := range handles {
		n += h.StateSize()
	}
	return n
}

// startProgress tells how much of the handles has been read.
func (s *openedState) startProgress(what string) *progress {
	var total int64
	for _, h := range s.handles {
		total += handleSize(h)
	}
	const mega = 1 << 20
	p := s.env.startProgress(what+" "+s.target.URL(), "MiB")
	tell := func(read int64) { p.of(int(read/mega), int(total/mega)) }
	s.files.tell.Store(&tell)
	return p
}
