package cmd

import "github.com/spf13/cobra"

func newStateCommand(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "state",
		Short: "What is in the state: names, types, entries, one key, sizes",
		Long: `Looks into the state of a checkpoint or savepoint itself, of any format, without
Java and without the job.`,
		Example: `  ckpt state ls latest:/data/flink                      which states there are
  ckpt state cat chk-6 --state count | jq .value        what is in one
  ckpt state get chk-6 --state count --key '"alice"'    what one key has
  ckpt state stats chk-6                                which keys are big
  ckpt state export chk-6 --format parquet --to s3://lake/chk-6`,
		GroupID: groupLook,
		Args:    noCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			printHelp(env, c)
			return nil
		},
	}
	c.AddCommand(newStateLsCommand(env), newStateCatCommand(env), newStateGetCommand(env), newStateStatsCommand(env), newStateExportCommand(env))
	return c
}
