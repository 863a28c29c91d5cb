package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/overview"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/spf13/cobra"
)

// inspectOptions are the flags of `ckpt inspect`.
type inspectOptions struct {
	openOptions
	mapOptions
	operators []string // uids, names or ids
	subtask   int
	files     bool
	bytes     bool
}

const anySubtask = -1

func (o *inspectOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.operators, "operator", nil, "only the operator of this `UID`, name or id, with its sub-tasks (repeatable)")
	f.IntVar(&o.subtask, "subtask", anySubtask, "only sub-task `N`, with its handles")
	f.BoolVar(&o.files, "files", false, "the files that the checkpoint refers to")
	f.BoolVar(&o.bytes, "bytes", false, "the bytes of _metadata and what they mean")
	o.mapOptions.addFlags(c)
	o.openOptions.addFlags(c)
}

func (o *inspectOptions) validate(c *cobra.Command) error {
	switch {
	case o.files && o.bytes:
		return usagef("give one of them", "--files and --bytes exclude each other")
	case slices.Contains(o.operators, ""):
		return usagef("give its uid, name or id", "--operator is empty")
	case c.Flags().Changed("subtask") && o.subtask < 0:
		return usagef("sub-tasks count from 0", "--subtask %d", o.subtask)
	}
	return nil
}

func newInspectCommand(env *Env) *cobra.Command {
	opts := &inspectOptions{}
	c := &cobra.Command{
		Use:   "inspect " + checkpointArg,
		Short: "What a checkpoint or savepoint holds, as Flink itself reads it",
		Long: `Shows what a checkpoint or savepoint is, which Flink can have written it and can
read it, and its operators with the bytes of their state, the biggest first.

` + aboutCheckpointArg + `

Sizes are Flink's own: what several handles name counts several times. Bytes are
INLINE in _metadata, in EXCLUSIVE files of this checkpoint, in files SHARED with
the job's other checkpoints, in TASKOWNED ones, or ELSEWHERE: in files of
another job, or of an unknown one outside of the tree.

--operator takes an id by its first 6 digits or more, and a uid also where the
_metadata holds ids alone (Flink before 2.0).`,
		Example: `  ckpt inspect /data/flink/495d8572c34476e61174bd4e676c9523/chk-6
  ckpt inspect latest:/data/flink --operator my-window
  ckpt inspect savepoint-495d85-b0e2d4a1c377 --files
  ckpt inspect chk-6 -o json | jq '.operators[].uid'`,
		GroupID: groupLook,
		Args:    exactArgs(checkpointArg),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(c); err != nil {
				return err
			}
			return runInspect(c.Context(), env, opts, args[0])
		},
	}
	opts.addFlags(c)
	return c
}

func runInspect(ctx context.Context, env *Env, opts *inspectOptions, arg string) error {
	t, err := opts.find(ctx, env, arg)
	if err != nil {
		return err
	}
	defer t.Store.Close()
	in := &inspection{env: env, opts: opts, target: t, locator: layout.NewLocator(ctx, env.OpenStore, t, opts.maps), match: newOperatorMatch(opts.operators)}
	defer in.locator.Close()
	switch {
	case opts.bytes:
		return in.printBytes(ctx)
	case opts.files:
		return in.printFiles(ctx)
	case env.Output == JSON:
		return in.printJSON(ctx)
	}
	return in.printOverview(ctx)
}

// inspection is one run of the command.
type inspection struct {
	env     *Env
	opts    *inspectOptions
	target  *layout.Target
	locator *layout.Locator
	match   *operatorMatch
}

// overview reads the checkpoint.
func (in *inspection) overview(ctx context.Context, opts overview.Options) (*overview.Overview, *layout.Content, error) {
	content, err := openMetadata(ctx, in.target)
	if err != nil {
		return nil, nil, err
	}
	defer content.Close()
	o, err := overview.Build(content, content.Size, in.target.URL(), in.locator.Locate, opts)
	if err != nil {
		return nil, nil, brokenMetadata(in.target, err)
	}
	return o, content, nil
}

// wantsSubtask tells whether --subtask lets index pass.
func (o *inspectOptions) wantsSubtask(index int32) bool {
	return o.subtask == anySubtask || o.subtask == int(index)
}

// operatorMatch is what --operator asks for.
type operatorMatch struct {
	wanted []string
	ids    []metadata.OperatorID // of the same words as uids
	found  map[string]bool
	known  []string // some operators that there are, for the error
	more   bool     // there are more than known
}

// mostKnown is how many operators an error lists.
const mostKnown = 12

func newOperatorMatch(wanted []string) *operatorMatch {
	m := &operatorMatch{wanted: wanted, found: map[string]bool{}}
	for _, w := range wanted {
		m.ids = append(m.ids, metadata.OperatorIDOf(w))
	}
	return m
}

// any tells whether operators were asked for at all.
func (m *operatorMatch) any() bool { return len(m.wanted) > 0 }

// operator tells whether o is asked for: by its uid or name, by its id or the first
// digits of it, or by a uid whose id it has, as metadata below version 5 has no uids.
func (m *operatorMatch) operator(o *metadata.OperatorState) bool {
	return m.matches(o.Name.String(), o.UID.String(), o.ID)
}

func (m *operatorMatch) matches(name, uid string, id metadata.OperatorID) bool {
	if !m.any() {
		return true
	}
	const leastDigits = 6
	hit := false
	for i, w := range m.wanted {
		lower := strings.ToLower(w)
		if w == uid || w == name || m.ids[i] == id || len(w) >= leastDigits && strings.HasPrefix(id.String(), lower) {
			m.found[w], hit = true, true
		}
	}
	if !hit {
		m.know(name, uid, id)
	}
	return hit
}

func (m *operatorMatch) know(name, uid string, id metadata.OperatorID) {
	label := escape(operatorLabel(name, uid, id))
	switch {
	case slices.Contains(m.known, label):
	case len(m.known) < mostKnown:
		m.known = append(m.known, strings.Clone(label))
	default:
		m.more = true
	}
}

// missing is the error for what was asked for and is not there.
func (m *operatorMatch) missing(path string) error {
	there := strings.Join(m.known, ", ")
	if m.more {
		there += " and more"
	}
	for _, w := range m.wanted {
		if !m.found[w] {
			return &notFoundError{path: path, message: fmt.Sprintf("%s: no operator has the uid, name or id %q; there are %s", path, w, there)}
		}
	}
	return nil
}

// operatorLabel is the best name that there is.
func operatorLabel(name, uid string, id metadata.OperatorID) string {
	switch {
	case uid != "":
		return uid
	case name != "":
		return name
	}
	return id.String()
}

// subtaskMissing is the error for a --subtask that no operator has.
func (in *inspection) subtaskMissing() error {
	return &notFoundError{path: in.target.URL(), message: fmt.Sprintf("%s: no operator shown has a sub-task %d", in.target.URL(), in.opts.subtask)}
}
