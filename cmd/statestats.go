package cmd

import (
	"context"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/census"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/spf13/cobra"
)

// stateStatsOptions are the flags of `ckpt state stats`.
type stateStatsOptions struct {
	stateOptions
	top int
	per string
}

// What the rows of `ckpt state stats` are of.
const (
	byState    = "state"
	bySubtask  = "subtask"
	byKeyGroup = "key-group"
	byKey      = "key"
)

func (o *stateStatsOptions) addFlags(c *cobra.Command) {
	c.Flags().IntVar(&o.top, "top", 20, "the `N` keys with the most bytes; 0 for none")
	choice(c, &o.per, "per", "", byState, []string{byState, bySubtask, byKeyGroup, byKey}, "what the rows are of; a table of states has the keys below it")
	o.addKeyGroups(c)
	o.stateOptions.addFlags(c)
}

const mostTop = 100_000

func (o *stateStatsOptions) validate() error {
	switch {
	case o.top < 0 || o.top > mostTop:
		return usagef("0 stands for none", "--top: want 0 to %d", mostTop)
	case o.per == byKey && o.top == 0:
		return usagef("give --top a number above 0", "--per key shows no keys with --top 0")
	}
	return o.stateOptions.validate()
}

func newStateStatsCommand(env *Env) *cobra.Command {
	opts := &stateStatsOptions{}
	c := &cobra.Command{
		Use:   "stats " + checkpointArg,
		Short: "How many entries and bytes, where they are skewed, the biggest keys",
		Long: `Counts the entries of each state and their bytes, as they are serialized: keys,
namespaces and map keys by themselves, and of the values the least, average and
greatest size and the 99th percentile (within 1 %). Of a list a value is all of
its elements, of a map one entry. Nothing is decoded but the keys that are
shown, so states of unknown types count as well.

SKEW is how many times the average the fullest has: of the sub-tasks, and of the
key groups. Each mark of the picture is some key groups, in their order. --per
subtask and --per key-group show the numbers behind it.

The --top keys with the most bytes come below, each with the sum of its entries
in one state: the elements of its list, the entries of its map, its windows.
These sums are exact, unless a key group has more keys than fit into --memory,
which is said then.

Values and lists of 1 GiB or more are warned of: Flink cannot read one of 2 GiB
again, and does not say so when it writes it.

` + aboutStateArgs + `

Exits with 3 where some entries could not be counted as only the job knows their
class, with 4 where there is no such operator or state, with 5 where bytes are
wrong or missing, with 1 where a file could not be read or --memory is too
little. Of a state that could not be counted there are no numbers.`,
		Example: `  ckpt state stats latest:/data/flink
  ckpt state stats chk-6 --operator my-window --per subtask
  ckpt state stats chk-6 --per key -o tsv
  ckpt state stats chk-6 -o json | jq '.states[] | {state, skew}'`,
		Args: exactArgs(checkpointArg),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(); err != nil {
				return err
			}
			return runStateStats(c.Context(), env, opts, args[0])
		},
	}
	opts.addFlags(c)
	return c
}

func runStateStats(ctx context.Context, env *Env, opts *stateStatsOptions, arg string) error {
	s, err := openState(ctx, env, &opts.stateOptions, arg)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.checkStates(ctx); err != nil {
		return err
	}
	faults := stateFaults{env: env}
	memory := opts.options(1)
	c := census.New(opts.top, memory.Budget()/int64(s.workers))
	counted, err := s.count(ctx, c, &faults)
	if err != nil {
		return err
	}
	r := counted.report()
	s.warnOfHuge(c)
	if err := r.print(env, opts.per); err != nil {
		return err
	}
	return faults.end()
}

// fault keeps an error of part i, unless ctx has ended.
func (s *openedState) fault(ctx context.Context, faults *stateFaults, i int, err error) error {
	if e := ctx.Err(); e != nil {
		return e
	}
	return faults.add(i, err)
}

// warnOfHuge warns of values that Flink may soon be unable to read.
func (s *openedState) warnOfHuge(c *census.Census) {
	for _, v := range c.Huge() {
		name, _ := snapshot.StateName(v.State)
		s.env.Log.Warn("a value is near the 2 GiB that Flink can read",
			"operator", s.Name(v.State.Operator), "state", name, "key", shownKey(v.State, v.Key), "bytes", v.Size)
	}
}

// shownKey is a key in JSON, and as bytes where it does not decode.
func shownKey(st *backends.State, key []byte) string {
	if st.Key == nil || key == nil {
		return ""
	}
	b, n, err := st.Key.AppendJSON(nil, key)
	if err != nil || n != len(key) {
		return string(types.AppendOpaque(nil, st.Key.String(), key))
	}
	return string(escapeJSON(b))
}
