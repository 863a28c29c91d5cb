package cmd

import (
	"context"

	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/spf13/cobra"
)

func newOffsetsCommand(env *Env) *cobra.Command {
	opts := &stateOptions{}
	c := &cobra.Command{
		Use:   "offsets " + checkpointArg,
		Short: "Where sources go on, and what sinks have left to commit",
		Long: `Shows where each source goes on when a job starts from the checkpoint, by split
and sub-task, and the transactions that sinks are to commit then.

Read are the sources and sinks of Kafka (also the dynamic ones, and those of
Flink before 1.14), files, number sequences and hybrids of them. For a partition
of Kafka the offset is that of the next record to read, whatever the state
itself counts. It may be a word as well:

  earliest   nothing was read yet: it begins with the first record there is
  latest     … behind the last record there is when the job starts
  committed  … where the consumer group has committed
  initial    … where the settings of the job say: nobody has begun with it

A split without a sub-task was not handed out yet: the enumerator has it. What
is none of all this is shown as its list state has it: elements of sources that
are not known, and where there are none that are known, of all operators.

Nothing in a checkpoint names a connector. A split counts as one of Kafka if it
is one to its last byte, with a topic, a partition and offsets that can be; JSON
tells by which of the connector's formats (format).

` + aboutStateArgs + `

TSV has a line for each thing, and what it is first:

  position     operator sub-task state connector split offset meaning skip
               stop last path source
  transaction  operator sub-task state connector id producer epoch checkpoint
               writer status
  raw          operator sub-task state kind value

Exits with 3 where some state could not be read as only the job knows its class,
with 4 where there is no such operator, with 5 where bytes are wrong or missing
(the rest is shown still), with 1 where a file could not be read.`,
		Example: `  ckpt offsets latest:/data/flink
  ckpt offsets chk-6 --operator kafka-source -o json |
    jq -r '.positions[] | "\(.topic) \(.partition) \(.offset)"'`,
		GroupID: groupLook,
		Args:    exactArgs(checkpointArg),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(); err != nil {
				return err
			}
			return runOffsets(c.Context(), env, opts, args[0])
		},
	}
	opts.addFlags(c)
	return c
}

func runOffsets(ctx context.Context, env *Env, opts *stateOptions, arg string) error {
	s, err := openState(ctx, env, opts, arg)
	if err != nil {
		return err
	}
	defer s.close()
	s.keep(func(h *snapshot.Handle) bool { return h.Slot == metadata.ManagedOperator })
	if err := s.checkStates(ctx); err != nil {
		return err
	}
	o := &offsetsRun{openedState: s, faults: stateFaults{env: env}}
	if err := o.read(ctx); err != nil {
		return err
	}
	if err := o.report().print(env); err != nil {
		return err
	}
	return o.faults.end()
}
