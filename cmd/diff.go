package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/compare"
	"github.com/spf13/cobra"
)

// diffOptions are the flags of `ckpt diff`.
type diffOptions struct {
	openOptions
	mapOptions
	entriesOptions
	files    bool
	exitCode bool
}

func (o *diffOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.files, "files", false, "list the files: added, dropped and reused ones")
	f.BoolVar(&o.exitCode, "exit-code", false, "exit with 3 where something differs")
	o.entriesOptions.addFlags(c)
	o.mapOptions.addFlags(c)
	o.openOptions.addFlags(c)
}

func newDiffCommand(env *Env) *cobra.Command {
	opts := &diffOptions{}
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "What differs between two checkpoints or savepoints",
		Long: `Tells what differs from A to B: operators, by their ids, with parallelism, key
groups, kinds of state and names of operator states; the files that are added,
dropped and reused; sizes; and what the snapshots themselves are. They may be of
one job or of two, of any versions, and lie anywhere.

A and B are chk-N or savepoint directories, their _metadata, or latest:URL: the
newest complete checkpoint of the job below URL.

A file is the same where it has the same random name, which Flink gives once. So
what incremental checkpoints share counts as reused, and a checkpoint does not
differ from its copy. Of state within _metadata the bytes are compared; what is
within files is not looked at, unless --entries is given.

--entries compares the state itself, entry by entry, whatever formats and state
backends it was written in: how many entries of each state were added, removed
or changed, and the first of these. All state of both is read, or what
--operator and --state choose.

Exits with 0 whether something differs or not, unless --exit-code is given, and
with 1 where it could not be checked whether all files are there, or an entry
could not be compared. Files that are gone are counted and do not matter
otherwise.`,
		Example: `  ckpt diff chk-41 chk-42
  ckpt diff chk-42 latest:/data/flink --files
  ckpt diff chk-41 chk-42 --entries -o json --stream | jq -c .new.value
  ckpt diff --exit-code /data/flink/savepoint-495d85-b0e2d4a1c377 \
    /mnt/copy/savepoint-495d85-b0e2d4a1c377`,
		GroupID: groupLook,
		Args:    exactArgs("A", "B"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.entriesOptions.validate(c, env); err != nil {
				return err
			}
			return runDiff(c.Context(), env, opts, args[0], args[1])
		},
	}
	opts.addFlags(c)
	return c
}

func runDiff(ctx context.Context, env *Env, opts *diffOptions, argA, argB string) error {
	a, err := readSide(ctx, env, opts, argA)
	if err != nil {
		return err
	}
	defer a.target.Store.Close()
	b, err := readSide(ctx, env, opts, argB)
	if err != nil {
		return err
	}
	defer b.target.Store.Close()
	d := &difference{env: env, opts: opts, a: a, b: b, Diff: compare.Compare(a.Side, b.Side)}
	if opts.entries {
		if err := d.compareEntries(ctx); err != nil {
			return err
		}
	}
	if err := d.print(); err != nil {
		return err
	}
	return d.verdict()
}

// difference is one run of the command.
type difference struct {
	*compare.Diff
	env  *Env
	opts *diffOptions
	a, b *diffSide
	// changes are those of entries; nil without --entries.
	changes *entryChanges
}

// diffSide is one of the two snapshots.
type diffSide struct {
	*compare.Side
	target    *layout.Target // its store is open
	node      *layout.Node
	unchecked []error // files of which it could not be found out whether they are there
}

// readSide reads what arg names.
func readSide(ctx context.Context, env *Env, opts *diffOptions, arg string) (*diffSide, error) {
	t, err := opts.find(ctx, env, arg)
	if err != nil {
		return nil, err
	}
	s, err := followSide(ctx, env, opts, t)
	if err != nil {
		t.Store.Close()
		return nil, err
	}
	return s, nil
}

func followSide(ctx context.Context, env *Env, opts *diffOptions, t *layout.Target) (*diffSide, error) {
	p := env.startProgress("reading "+t.URL(), "references")
	defer p.stop()
	side, err := sumUp(ctx, t)
	if err != nil {
		return nil, err
	}
	s := &diffSide{Side: side, target: t}
	refs := 0
	s.node, err = layout.Follow(ctx, t, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: env.Now()}, Maps: opts.maps, Open: env.OpenStore,
		Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) {
			return func(r *layout.Reference) {
				side.Refer(r)
				refs++
				p.set(refs)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	if !s.node.Followed() {
		return nil, notFollowed(s.node)
	}
	for _, b := range s.node.Broken {
		if b.Fault == layout.FaultDoubt {
			s.unchecked = append(s.unchecked, b.Found.Err)
		}
	}
	return s, nil
}

// notFollowed is for a _metadata that changed between two readings.
func notFollowed(n *layout.Node) error {
	if n.Err != nil {
		return n.Err
	}
	return &layout.NotCheckpointError{Path: n.URL(), Message: n.Reason}
}

// sumUp reads the _metadata of t.
func sumUp(ctx context.Context, t *layout.Target) (*compare.Side, error) {
	content, err := openMetadata(ctx, t)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	side, err := compare.Read(content, content.Size)
	return side, brokenMetadata(t, err)
}

// verdict is the error to end with.
func (d *difference) verdict() error {
	unchecked := slices.Concat(d.a.unchecked, d.b.unchecked)
	switch {
	case len(unchecked) > 0:
		return fmt.Errorf("could not check whether %s there: %w", areFiles(len(unchecked)), unchecked[0])
	case d.changes != nil && d.changes.first != nil:
		return d.changes.undecoded()
	case d.opts.exitCode && (!d.Empty() || d.changes != nil && d.changes.differs()):
		return status(Findings)
	}
	return nil
}

func areFiles(n int) string {
	if n == 1 {
		return "a file is"
	}
	return fmt.Sprintf("%d files are", n)
}

func (d *difference) print() error {
	switch {
	case d.opts.stream:
		return nil
	case d.env.Output == JSON:
		return d.env.writeJSON(d.report())
	case d.opts.entries && d.env.Output == TSV:
		return d.printEntries()
	case d.opts.files:
		return d.printFiles()
	case d.env.Output == TSV:
		return d.printFields()
	}
	if err := d.printTable(); err != nil || d.changes == nil {
		return err
	}
	fmt.Fprintln(d.env.Out)
	return d.printEntries()
}
