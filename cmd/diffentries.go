package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/entrydiff"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
)

// entriesOptions are the flags of `ckpt diff --entries`.
type entriesOptions struct {
	streamOptions
	stateChoice
	entries bool
	limit   int
}

func (o *entriesOptions) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.entries, "entries", false, "compare the entries of the state, too; reads all of it")
	c.Flags().IntVar(&o.limit, "limit", 20, "with --entries: list no more than `N` of the entries that differ")
	o.stateChoice.addFlags(c, "with --entries: ")
	o.streamOptions.addFlags(c)
	c.Flags().Lookup("stream").Usage = "with --entries and -o json: one entry that differs a line, and nothing else"
}

// validate settles what depends on several flags.
func (o *entriesOptions) validate(c *cobra.Command, env *Env) error {
	for _, flag := range []string{"stream", "limit", "memory", "operator", "state", "type", "uids"} {
		if !o.entries && onCommandLine(c.Flags(), flag) {
			return usagef("add --entries", "--%s is for --entries", flag)
		}
	}
	switch {
	case o.stream && !o.entries:
		return usagef("add --entries", "--stream is for --entries")
	case o.limit < 0:
		return usagef("give 0 or more", "--limit: %d", o.limit)
	}
	if err := o.stateChoice.validate(); err != nil {
		return err
	}
	return o.streamOptions.validate(env)
}

// entryChanges is the outcome of `ckpt diff --entries`.
type entryChanges struct {
	counts []entrydiff.Count
	name   func(*entrydiff.Count) string
	shown  []string // the first changes, as JSON or as lines for people
	more   int64

	mu     sync.Mutex
	passed [2]int64 // entries of either side that could not be decoded
	first  error    // of these
}

// differs tells whether any entry does.
func (c *entryChanges) differs() bool {
	return slices.ContainsFunc(c.counts, func(n entrydiff.Count) bool { return n.Differs() })
}

// compareEntries compares the state of the two sides, entry by entry. With stream it writes each change at once.
func (d *difference) compareEntries(ctx context.Context) error {
	budget := d.opts.options(1)
	memory := budget.Budget()
	var snaps [2]*snapshot.Snapshot
	for i, side := range []*diffSide{d.a, d.b} {
		s, err := d.openSide(ctx, side, memory/2)
		if err != nil {
			return err
		}
		defer s.close()
		snaps[i] = s.Snapshot
	}
	d.opts.warnOfUIDs(d.env, snaps[0].Checkpoint, snaps[1].Checkpoint)
	if err := d.choose(snaps[:]); err != nil {
		return err
	}
	d.changes = &entryChanges{name: func(c *entrydiff.Count) string { return operatorName(snaps[:], c.Operator) }}
	p := d.env.startProgress("comparing entries", "changes")
	defer p.stop()
	total := 0
	wanted := &wantedStates{choice: &d.opts.stateChoice, found: map[string]bool{}}
	var err error
	d.changes.counts, err = entrydiff.Compare(ctx, snaps[0], snaps[1], entrydiff.Options{
		Workers: stateWorkers(d.env, d.b.target.Store.URL()), Memory: memory / 2, Wanted: wanted.wants, Passed: d.changes.pass,
	}, func(c *entrydiff.Change) error {
		total++
		p.set(total)
		return d.take(c, operatorName(snaps[:], c.Operator))
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && slices.Contains([]Code{Findings, Unreadable}, entryOf(err).code):
		return &uncomparedError{message: "the entries could not be compared: " + messageOf(err), err: err}
	case err != nil:
		return err
	}
	return wanted.missing()
}

// diffState is the state of one side.
type diffState struct {
	*snapshot.Snapshot
	blobs *layout.Blobs
}

func (s *diffState) close() error { return errors.Join(s.Snapshot.Close(), s.blobs.Close()) }

// openSide prepares to read the state of a side.
func (d *difference) openSide(ctx context.Context, side *diffSide, memory int64) (*diffState, error) {
	c, _, err := readMetadata(ctx, side.target)
	if err != nil {
		return nil, err
	}
	opts := d.opts.options(1)
	opts.Memory = memory
	blobs := layout.NewBlobs(ctx, d.env.OpenStore, side.target, d.opts.maps)
	s := &diffState{snapshot.New(c, &stateFiles{blobs: blobs}, opts, d.opts.uids), blobs}
	for _, h := range s.Handles {
		if !h.Keyed() {
			continue
		}
		if err := checkMaxParallelism(side.target, h.Operator); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if err := checkDoubts(side.target, s.Snapshot, s.Handles); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// choose drops the handles of operators that --operator does not let pass.
func (d *difference) choose(snaps []*snapshot.Snapshot) error {
	match := newOperatorMatch(d.opts.operators)
	for _, s := range snaps {
		for i := range s.Checkpoint.Operators {
			o := &s.Checkpoint.Operators[i]
			if !match.matches(o.Name.String(), d.opts.uidOf(o), o.ID) {
				s.Handles = slices.DeleteFunc(s.Handles, func(h *snapshot.Handle) bool { return h.Operator == o })
			}
		}
	}
	return match.missing(d.b.target.URL())
}

// wantedStates selects states by --state, and notes what was found. Many goroutines ask it.
type wantedStates struct {
	choice *stateChoice
	mu     sync.Mutex
	found  map[string]bool // the values of --state
}

// wants tells whether a state is to be compared.
func (w *wantedStates) wants(st *backends.State) bool {
	wanted := len(w.choice.states) == 0
	for _, p := range w.choice.states {
		if isState(p, st) {
			wanted = true
			w.mu.Lock()
			w.found[p] = true
			w.mu.Unlock()
		}
	}
	return wanted
}

// missing is the error for a --state that neither side has.
func (w *wantedStates) missing() error {
	for _, p := range w.choice.states {
		if !w.found[p] {
			return &notFoundError{message: fmt.Sprintf("neither side has a state %q; ckpt state ls lists them", p)}
		}
	}
	return nil
}

// pass notes an entry that could not be compared. Many goroutines call it.
func (c *entryChanges) pass(side int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed[side]++
	if c.first == nil {
		c.first = err
	}
}

// take takes a change: for a stream it is written at once, else the first are kept.
func (d *difference) take(c *entrydiff.Change, op string) error {
	out := d.changes
	switch {
	case d.opts.stream:
		_, err := d.env.Out.Write(append(appendChange(nil, op, c), '\n'))
		return err
	case len(out.shown) >= d.opts.limit:
		out.more++
	case d.env.Output == JSON:
		out.shown = append(out.shown, string(appendChange(nil, op, c)))
	default:
		out.shown = append(out.shown, changeLine(op, c))
	}
	return nil
}
