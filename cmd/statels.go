package cmd

import (
	"context"

	"github.com/ckpt-tool/ckpt/backends/census"
	"github.com/spf13/cobra"
)

// stateLsOptions are the flags of `ckpt state ls`.
type stateLsOptions struct {
	stateOptions
	count bool
}

func (o *stateLsOptions) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.count, "count", false, "count entries and bytes of each state: reads all of it")
	o.stateOptions.addFlags(c)
}

func newStateLsCommand(env *Env) *cobra.Command {
	opts := &stateLsOptions{}
	c := &cobra.Command{
		Use:   "ls " + checkpointArg,
		Short: "Which states there are, of which types",
		Long: `Lists the states of each operator, with their kinds and types, from the headers
of their files:

  value list map reducing aggregating  keyed state
  timer                                _event_timer and _processing_timer
  list union broadcast                 operator state
  channel                              in-flight data of unaligned checkpoints
  coordinator raw                      bytes that only the job can read

Where sub-tasks differ, as they may after an upgrade, each type is told with a |
between them. With -v the table has the classes of the serializers too.

Entries and bytes are told where nothing has to be read for it, and of all with
--count: bytes as they are serialized, without those of the files around them.

` + aboutStateArgs + `

A file whose header cannot be read makes a row "unreadable", and the reason is a
warning. Exits with 3 where such a header names a serializer that is not known,
with 5 where its bytes are wrong or missing, with 4 where there is no such
operator or state, with 1 where a file could not be read or --memory is too
little. A table on a narrow terminal has fewer columns; -o tsv has all.`,
		Example: `  ckpt state ls latest:/data/flink
  ckpt state ls chk-6 --operator my-window --count
  ckpt state ls chk-6 --state '_*_timer'
  ckpt state ls chk-6 -o json | jq '.states[] | {operator, state, value}'`,
		Args: exactArgs(checkpointArg),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(); err != nil {
				return err
			}
			return runStateLs(c.Context(), env, opts, args[0])
		},
	}
	opts.addFlags(c)
	return c
}

func runStateLs(ctx context.Context, env *Env, opts *stateLsOptions, arg string) error {
	s, err := openState(ctx, env, &opts.stateOptions, arg)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.checkStates(ctx); err != nil {
		return err
	}
	states, failed, err := s.load(ctx)
	if err != nil {
		return err
	}
	faults := stateFaults{env: env}
	l := newStateList(s)
	for i, h := range s.handles {
		for _, st := range states[i] {
			if opts.wantsState(st) {
				l.add(h, st)
			}
		}
		if failed[i] != nil {
			if err := faults.add(i, failed[i]); err != nil {
				return err
			}
			l.unreadable(h, failed[i])
		}
	}
	if len(opts.states) == 0 {
		l.addOpaque()
	}
	if opts.count {
		counted := census.New(0, 0)
		n, err := s.count(ctx, counted, &faults)
		if err != nil {
			return err
		}
		l.counted(n)
	}
	if err := l.print(env); err != nil {
		return err
	}
	return faults.end()
}
