package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/entrydiff"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
)

// entriesOptions are the flags of `ckpt diff --entries`.
type entriesOptions struct {
	streamOptions
	entries bool
	limit   int
	memory  bytesValue
}

func (o *entriesOptions) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.entries, "entries", false, "compare the entries of the state, too; reads all of it")
	c.Flags().IntVar(&o.limit, "limit", 20, "with --entries: list no more than `N` of the entries that differ")
	c.Flags().Var(&o.memory, "memory", "with --entries: hold at most so many bytes of state; 256M, if not given")
	o.streamOptions.addFlags(c)
	c.Flags().Lookup("stream").Usage = "with --entries and -o json: one entry that differs a line, and nothing else"
}

// validate settles what depends on several flags.
func (o *entriesOptions) validate(env *Env) error {
	switch {
	case o.stream && !o.entries:
		return usagef("add --entries", "--stream is for --entries")
	case o.limit < 0:
		return usagef("give 0 or more", "--limit: %d", o.limit)
	}
	return o.streamOptions.validate(env)
}

// entryChanges is the outcome of `ckpt diff --entries`.
type entryChanges struct {
	counts []entrydiff.Count
	name   func(*entrydiff.Count) string
	shown  []string // the first changes, as lines for people
	more   int64
	passed [2]int64 // entries of either side that could not be decoded
	first  error    // of these
}

// differs tells whether any entry does.
func (c *entryChanges) differs() bool {
	return slices.ContainsFunc(c.counts, func(n entrydiff.Count) bool { return n.Differs() })
}

// compareEntries compares the state of the two sides, entry by entry. With stream it writes each change at once.
func (d *difference) compareEntries(ctx context.Context) error {
	budget := backends.Options{Memory: int64(d.opts.memory)}
	memory := budget.Budget()
	var snaps [2]*snapshot.Snapshot
	for i, side := range []*diffSide{d.a, d.b} {
		c, _, err := readMetadata(ctx, side.target)
		if err != nil {
			return err
		}
		blobs := layout.NewBlobs(ctx, d.env.OpenStore, side.target, d.opts.maps)
		defer blobs.Close()
		snaps[i] = snapshot.New(c, &stateFiles{blobs: blobs}, backends.Options{Memory: memory / 2}, nil)
		defer snaps[i].Close()
	}
	out := &entryChanges{name: func(c *entrydiff.Count) string { return operatorName(snaps[:], c) }}
	d.changes = out
	p := d.env.startProgress("comparing entries", "changes")
	defer p.stop()
	var mu sync.Mutex
	total := 0
	var err error
	out.counts, err = entrydiff.Compare(ctx, snaps[0], snaps[1], entrydiff.Options{
		Workers: stateWorkers(d.env, d.b.target.Store.URL()), Memory: memory / 2,
		Passed: func(side int, err error) {
			mu.Lock()
			defer mu.Unlock()
			out.passed[side]++
			if out.first == nil {
				out.first = err
			}
		},
	}, func(c *entrydiff.Change) error {
		total++
		p.set(total)
		line := appendChange(nil, operatorName(snaps[:], &entrydiff.Count{Operator: c.Operator}), c)
		switch {
		case d.opts.stream:
			_, err := d.env.Out.Write(append(line, '\n'))
			return err
		case len(out.shown) < d.opts.limit:
			out.shown = append(out.shown, string(line))
		default:
			out.more++
		}
		return nil
	})
	return err
}

// operatorName is what either side calls the operator.
func operatorName(snaps []*snapshot.Snapshot, c *entrydiff.Count) string {
	for _, s := range snaps {
		if name := s.Name(c.Operator); name != c.Operator.String() {
			return name
		}
	}
	return c.Operator.String()
}

// appendChange is a change as JSON.
func appendChange(dst []byte, op string, c *entrydiff.Change) []byte {
	dst = types.AppendString(append(dst, `{"change":`...), string(c.What))
	dst = types.AppendString(append(dst, `,"op":`...), op)
	dst = types.AppendString(append(dst, `,"state":`...), c.State)
	dst = types.AppendString(append(dst, `,"kind":`...), c.Kind.String())
	if c.KeyGroup >= 0 {
		dst = fmt.Appendf(dst, `,"kg":%d`, c.KeyGroup)
	}
	dst = append(dst, c.Identity...)
	for _, side := range []struct {
		name string
		text []byte
	}{{"old", c.Old}, {"new", c.New}} {
		if len(side.text) > 0 {
			dst = fmt.Appendf(dst, `,%q:{%s}`, side.name, side.text[1:])
		}
	}
	return append(dst, '}')
}

// diffEntriesJSON is the part of the JSON of `ckpt diff` that --entries adds.
type diffEntriesJSON struct {
	States    []diffStateJSON   `json:"states"`
	Changes   []json.RawMessage `json:"changes"` // the first of them
	More      int64             `json:"more"`    // changes that are not listed
	Undecoded int64             `json:"undecoded"`
}

// diffStateJSON sums up a state.
type diffStateJSON struct {
	Operator string `json:"op"`
	ID       string `json:"operator"`
	State    string `json:"state"`
	Kind     string `json:"kind"`
	Same     int64  `json:"same"`
	Added    int64  `json:"added"`
	Removed  int64  `json:"removed"`
	Changed  int64  `json:"changed"`
}

func (c *entryChanges) report() *diffEntriesJSON {
	r := &diffEntriesJSON{States: []diffStateJSON{}, Changes: []json.RawMessage{}, More: c.more, Undecoded: c.passed[0] + c.passed[1]}
	for i := range c.counts {
		n := &c.counts[i]
		r.States = append(r.States, diffStateJSON{
			Operator: c.name(n), ID: n.Operator.String(), State: n.State, Kind: n.Kind.String(),
			Same: n.Same, Added: n.Added, Removed: n.Removed, Changed: n.Changed,
		})
	}
	for _, line := range c.shown {
		r.Changes = append(r.Changes, json.RawMessage(line))
	}
	return r
}

// undecoded is the error where a part of the state could not be compared.
func (c *entryChanges) undecoded() error {
	if c.first == nil {
		return nil
	}
	return fmt.Errorf("%d entries could not be compared: %w", c.passed[0]+c.passed[1], c.first)
}

// printEntries shows people, or a pipe, what differs in the state.
func (d *difference) printEntries() error {
	t := d.env.newTable(column{title: "OPERATOR", shrink: true}, column{title: "STATE", shrink: true}, column{title: "KIND"},
		column{title: "SAME", right: true}, column{title: "ADDED", right: true}, column{title: "REMOVED", right: true}, column{title: "CHANGED", right: true})
	for i := range d.changes.counts {
		n := &d.changes.counts[i]
		err := t.row(text(d.changes.name(n)), text(n.State), text(n.Kind.String()), number(n.Same),
			number(n.Added), number(n.Removed), number(n.Changed))
		if err != nil {
			return err
		}
	}
	if err := t.close(); err != nil || d.env.Output == TSV {
		return err
	}
	for _, line := range d.changes.shown {
		if _, err := fmt.Fprintln(d.env.Out, line); err != nil {
			return err
		}
	}
	if d.changes.more > 0 {
		_, err := fmt.Fprintf(d.env.Out, "%d more entries differ: --limit lists more of them\n", d.changes.more)
		return err
	}
	return nil
}
