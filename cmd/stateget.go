package cmd

import (
	"context"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/line"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/spf13/cobra"
)

// stateGetOptions are the flags of `ckpt state get`.
type stateGetOptions struct {
	stateOptions
	key, namespace, mapKey string
}

func (o *stateGetOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.key, "key", "", "the key, `JSON`")
	f.StringVar(&o.namespace, "namespace", "", "only this namespace, a window for example, `JSON`")
	f.StringVar(&o.mapKey, "map-key", "", "only this key within a map, `JSON`")
	o.addKeyGroups(c)
	o.stateOptions.addFlags(c)
}

func (o *stateGetOptions) validate(c *cobra.Command) error {
	switch {
	case len(o.states) == 0:
		return usagef("ckpt state ls lists the states", "--state is missing: of which state?")
	case o.key == "":
		return usagef(`--key '"ann"', --key 7; the empty text is '""'`, "--key is missing: which key?")
	case c.Flags().Changed("map-key") && o.mapKey == "":
		return usagef(`the empty text is '""'`, "--map-key is empty")
	case c.Flags().Changed("namespace") && o.namespace == "":
		return usagef("leave it out for all", "--namespace is empty")
	}
	return o.stateOptions.validate()
}

func newStateGetCommand(env *Env) *cobra.Command {
	opts := &stateGetOptions{}
	c := &cobra.Command{
		Use:   "get " + checkpointArg + " --state NAME --key JSON",
		Short: "What one key has, without reading all the others",
		Long: `Shows what a state has of one key: one entry for a value or list, one for each
key of a map or each window. Only the sub-task that has the key is read, and of
its files only the parts that can hold it: a few blocks of RocksDB files, or one
key group of others.

Keys are given as ckpt state cat shows them, in JSON: '"ann"', 7, '["ann",7]',
'{"id":7}'. What is no JSON of the key's type is taken as text: --key ann.
--namespace and --map-key choose among the entries of the key.

` + aboutEntries + `

` + aboutStateArgs + `

Exits with 4 where the key has no entry, or there is no such state, with 3 where
an entry could not be shown as only the job knows its class, with 5 where bytes
are wrong or missing, with 1 where a file could not be read.`,
		Example: `  ckpt state get chk-6 --state count --key ann
  ckpt state get chk-6 --operator totals --state sums --key 7 \
    --namespace '[1700000000000,1700000060000)'
  ckpt state get s3://bucket/chk-6 --state carts --key '["ann",7]' --map-key 3`,
		Args: exactArgs(checkpointArg),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(c); err != nil {
				return err
			}
			return runStateGet(c.Context(), env, opts, args[0], c.Flags().Changed("output"))
		},
	}
	opts.addFlags(c)
	return c
}

func runStateGet(ctx context.Context, env *Env, opts *stateGetOptions, arg string, formed bool) error {
	s, err := openState(ctx, env, &opts.stateOptions, arg)
	if err != nil {
		return err
	}
	defer s.close()
	s.keep(func(h *snapshot.Handle) bool { return !isChannel(h) })
	if err := s.checkStates(ctx); err != nil {
		return err
	}
	cat := &catting{openedState: s, env: env, opts: &stateCatOptions{stateOptions: opts.stateOptions}, faults: stateFaults{env: env}}
	if cat.tasks, err = s.findKey(ctx, opts.key, &cat.faults); err != nil {
		return err
	}
	cat.chosen = opts.choice()
	out := newEntryOutput(env, formed, 0, cat.fields(ctx))
	if err := cat.run(ctx, out); err != nil {
		return err
	}
	if out.lines == 0 && !cat.faults.any() {
		return &notFoundError{path: s.target.URL(), message: fmt.Sprintf("%s: %s", s.target.URL(), opts.nothing())}
	}
	return cat.faults.end()
}

// nothing says what was not found.
func (o *stateGetOptions) nothing() string {
	s := "there is nothing for the key " + escape(o.key)
	if o.namespace != "" {
		s += ", namespace " + escape(o.namespace)
	}
	if o.mapKey != "" {
		s += ", map key " + escape(o.mapKey)
	}
	return s
}

// choice is which entries of the key are wanted; nil for all.
func (o *stateGetOptions) choice() func(e *backends.Entry) bool {
	if o.namespace == "" && o.mapKey == "" {
		return nil
	}
	return func(e *backends.Entry) bool {
		return (o.namespace == "" || isShownAs(e.State.Namespace, e.Namespace, o.namespace)) &&
			(o.mapKey == "" || isShownAs(e.State.MapKey, e.MapKey, o.mapKey))
	}
}

// isShownAs tells whether b, of the type t, is the value that people name so.
func isShownAs(t backends.Type, b []byte, text string) bool {
	if t == nil {
		return false
	}
	want, err := encoded(t, text)
	if err == nil && string(want) == string(b) {
		return true
	}
	shown, n, err := t.AppendJSON(nil, b)
	return err == nil && n == len(b) && line.Text(shown) == line.Text([]byte(text))
}
