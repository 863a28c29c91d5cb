package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/backends/where"
	"github.com/spf13/cobra"
)

// stateCatOptions are the flags of `ckpt state cat`.
type stateCatOptions struct {
	stateOptions
	key       string
	condition string
	limit     int64
	channels  bool
}

func (o *stateCatOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.key, "key", "", "only entries of this key, `JSON`, without reading the others")
	f.StringVar(&o.condition, "where", "", "only entries for which this condition holds: an expression in `CEL`")
	f.Int64Var(&o.limit, "limit", 0, "at most `N` entries")
	f.BoolVar(&o.channels, "channels", false, "also the in-flight data of an unaligned checkpoint, as bytes")
	o.addKeyGroups(c)
	o.stateOptions.addFlags(c)
}

func (o *stateCatOptions) validate(c *cobra.Command) error {
	switch {
	case c.Flags().Changed("limit") && o.limit < 1:
		return usagef("leave it out for all", "--limit %d", o.limit)
	case c.Flags().Changed("key") && o.key == "":
		return usagef(`the empty text is '""'`, "--key is empty")
	case c.Flags().Changed("key") && o.channels:
		return usagef("give one of them", "--key and --channels exclude each other: in-flight data has no keys")
	}
	return o.stateOptions.validate()
}

// aboutEntries goes into the help of commands that show entries.
const aboutEntries = `An entry is a line of JSON:

  {"op":"counter","state":"count","kind":"value","kg":42,"key":"ann","value":7}

op is the uid, else the name, else the id; kind is value, list, map, reducing,
aggregating or timer, and of operators list, union or broadcast. namespace is
the window, mapKey the key within a map or broadcast state, ts when a timer
fires, lastAccess that of a state with TTL. Tuples are arrays, POJOs and case
classes objects, bytes "hex:…", BigDecimals text; an aggregating state shows its
accumulator. What only the job's own code could decode is shown as its bytes,
with its class: {"@class":"com.acme.Cart","@bytes":"hex:…"}.`

func newStateCatCommand(env *Env) *cobra.Command {
	opts := &stateCatOptions{}
	c := &cobra.Command{
		Use:   "cat " + checkpointArg,
		Short: "The entries of the state, as lines of JSON",
		Long: `Shows the entries of the state, by operator, sub-task and key group. What was
deleted, overwritten or merged since is what counts, as for Flink itself.

` + aboutEntries + `

-o tsv and -o table give columns instead: op, state, kind, key group, key,
namespace, map key, value, ts, last access.

--where takes CEL (cel.dev) over op, state, kind, kg, key, ns (the namespace),
mapKey, value, ts and lastAccess, as they stand in the JSON. An entry that lacks
what the expression asks for does not match.

` + aboutStateArgs + `

Exits with 3 where some entries could not be shown as only the job knows their
class (warnings name the first), with 4 where there is no such operator or
state, with 5 where bytes are wrong or missing (the rest is shown still), with 1
where a file could not be read or --memory is too little.`,
		Example: `  ckpt state cat chk-6 --operator counter --state count | jq .value
  ckpt state cat chk-6 --key '"ann"'
  ckpt state cat latest:/data/flink --where 'size(value) > 1000'
  ckpt state cat chk-6 --state _event_timer --where 'ts < 1700000000000'`,
		Args: exactArgs(checkpointArg),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(c); err != nil {
				return err
			}
			return runStateCat(c.Context(), env, opts, args[0], c.Flags().Changed("output"))
		},
	}
	opts.addFlags(c)
	return c
}

func runStateCat(ctx context.Context, env *Env, opts *stateCatOptions, arg string, formed bool) error {
	cat := &catting{env: env, opts: opts, faults: stateFaults{env: env}}
	var err error
	if cat.filter, err = compileWhere(opts.condition); err != nil {
		return err
	}
	if cat.openedState, err = openState(ctx, env, &opts.stateOptions, arg); err != nil {
		return err
	}
	defer cat.close()
	cat.keep(func(h *snapshot.Handle) bool { return opts.channels || !isChannel(h) })
	if err := cat.checkStates(ctx); err != nil {
		return err
	}
	cat.tasks = wholeParts(cat.parts())
	if opts.key != "" {
		if cat.tasks, err = cat.findKey(ctx, opts.key, &cat.faults); err != nil {
			return err
		}
	}
	out := newEntryOutput(env, formed, opts.limit, cat.fields(ctx))
	if err := cat.run(ctx, out); err != nil {
		return err
	}
	cat.answers.warn(env)
	return cat.faults.end()
}

// compileWhere reads --where, nil where it is not given.
func compileWhere(condition string) (*where.Filter, error) {
	if condition == "" {
		return nil, nil
	}
	f, err := where.Compile(condition)
	var wrong *where.SyntaxError
	if errors.As(err, &wrong) {
		return nil, usagef("the language is CEL: https://cel.dev; ckpt state cat --help has examples", "--where: %s", wrong)
	}
	return f, err
}

// catting is one run of the command.
type catting struct {
	*openedState
	env     *Env
	opts    *stateCatOptions
	filter  *where.Filter
	chosen  func(e *backends.Entry) bool // nil: all
	tasks   []entryTask
	faults  stateFaults
	answers whereAnswers
}

// whereAnswers counts the entries for which --where has an answer.
type whereAnswers struct {
	some  atomic.Bool // has one for some
	none  atomic.Int64
	first atomic.Pointer[error] // why it has none
}

// count notes the answer for an entry.
func (a *whereAnswers) count(err error) {
	switch {
	case err != nil:
		if a.none.Add(1) == 1 {
			a.first.Store(&err)
		}
	case !a.some.Load():
		a.some.Store(true)
	}
}

// warn tells where there was no answer: a condition that has none at all is wrong.
func (a *whereAnswers) warn(env *Env) {
	n := a.none.Load()
	switch {
	case n == 0:
	case a.some.Load():
		env.Log.Debug("entries for which --where has no answer, as they lack what it asks for, were left out", "entries", n)
	default:
		env.Log.Warn(fmt.Sprintf("--where has no answer for any of the %d entries: %v", n, *a.first.Load()))
	}
}

// fields tells which fields the entries may have, as far as the headers of all files tell that.
func (c *catting) fields(ctx context.Context) func(string) bool {
	known := map[string]bool{"op": true, "state": true, "kind": true}
	all := c.env.Output != Table || c.opts.channels
	if !all {
		states, failed, err := c.load(ctx)
		all = err != nil || slices.ContainsFunc(failed, func(err error) bool { return err != nil })
		for _, st := range slices.Concat(states...) {
			if !c.opts.wantsState(st) {
				continue
			}
			known["kg"], known["key"] = known["kg"] || st.Kind.Keyed(), known["key"] || st.Key != nil
			known["namespace"] = known["namespace"] || st.Namespace != nil && !types.IsVoid(st.Namespace)
			known["mapKey"] = known["mapKey"] || st.MapKey != nil
			known["value"] = known["value"] || st.Kind != backends.Timer
			known["ts"], known["lastAccess"] = known["ts"] || st.Kind == backends.Timer, known["lastAccess"] || st.TTL
		}
	}
	return func(field string) bool { return all || known[field] }
}

// run reads the tasks in parallel, and writes their entries in order.
func (c *catting) run(ctx context.Context, out *entryOutput) error {
	p := c.startProgress("reading the state of")
	defer p.stop()
	parts := make([]*snapshot.Part, len(c.tasks))
	number := map[*snapshot.Part]int{}
	for i, t := range c.tasks {
		parts[i], number[t.Part] = t.Part, i
	}
	err := snapshot.Stream(ctx, parts, c.workers, func(ctx context.Context, p *snapshot.Part, emit snapshot.Emit) error {
		i := number[p]
		return c.read(ctx, i, c.tasks[i], emit)
	}, out.write)
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return out.close()
}

// read prints the entries of one task.
func (c *catting) read(ctx context.Context, i int, t entryTask, emit snapshot.Emit) error {
	s := entryPrinter{printer: c.Printer(), cat: c, number: i}
	if c.filter != nil {
		s.matcher = c.filter.Matcher()
	}
	for e, err := range t.entries(ctx, c.opts.wantsState) {
		if err == nil {
			err = s.add(&e)
		}
		if err != nil {
			if err = c.fault(ctx, i, err); err != nil {
				return err
			}
			continue
		}
		if len(s.buf) >= pieceSize {
			if err := emit(s.take()); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return emit(s.take())
}

// pieceSize is how much output a reader gathers before it hands it on.
const pieceSize = 32 << 10

// fault keeps an error, unless ctx has ended.
func (c *catting) fault(ctx context.Context, i int, err error) error {
	if e := ctx.Err(); e != nil {
		return e
	}
	return c.faults.add(i, err)
}
