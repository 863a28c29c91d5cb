package cmd

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/spf13/cobra"
)

// stateOptions are the flags of commands that look into state.
type stateOptions struct {
	openOptions
	mapOptions
	stateChoice
	groups keyGroupsValue
}

// stateChoice are the flags that say which state to read, and how.
type stateChoice struct {
	operators []string // uids, names or ids
	states    []string // names or patterns
	memory    bytesValue
	hints     typeHints
	uids      []string
}

// addFlags adds the flags. with begins the usage of each.
func (o *stateChoice) addFlags(c *cobra.Command, with string) {
	f := c.Flags()
	f.StringArrayVar(&o.operators, "operator", nil, with+"only the operator of this `UID`, name or id (repeatable)")
	f.StringArrayVar(&o.states, "state", nil, with+"only the state of this `NAME`, in which * stands for any text (repeatable)")
	f.Var(&o.memory, "memory", with+"hold at most so many bytes of state; 256M a reader, if not given")
	f.Var(&o.hints, "type", with+"the layout of a class that ckpt does not know (repeatable)")
	f.StringSliceVar(&o.uids, "uids", nil, with+"names to call operators by whose ids they hash to, `UID,UID`; the _metadata has none before Flink 2.0")
}

func (o *stateOptions) addFlags(c *cobra.Command) {
	o.stateChoice.addFlags(c, "")
	o.mapOptions.addFlags(c)
	o.openOptions.addFlags(c)
}

// addKeyGroups adds --key-group, for commands that read entries.
func (o *stateOptions) addKeyGroups(c *cobra.Command) {
	c.Flags().Var(&o.groups, "key-group", "only keys of these key groups, A or A-B")
}

// leastMemory is the least that --memory takes: what one block of RocksDB or one piece of a file may need.
const leastMemory = 1 << 20

func (o *stateChoice) validate() error {
	switch {
	case o.memory > 0 && o.memory < leastMemory:
		return usagef("give 1M or more; 64M is enough for nearly all state", "--memory %d: too little to read anything", o.memory)
	case slices.Contains(o.operators, ""):
		return usagef("give its uid, name or id", "--operator is empty")
	case slices.Contains(o.states, ""):
		return usagef("ckpt state ls lists the states", "--state is empty")
	}
	return nil
}

// aboutStateArgs goes into the help of commands that look into state.
const aboutStateArgs = aboutCheckpointArg + `

Every format is read: canonical and native savepoints, heap and RocksDB
checkpoints, incremental ones, changelogs. Nothing is run and no class is
loaded; what a serializer wrote that only the job knows is shown as bytes, and
--type CLASS=SPEC says how its values lie:
--type com.acme.Price='Tuple<Long, String>'.`

// wantsState tells whether --state lets the state pass, by the name that is shown or by Flink's.
func (o *stateChoice) wantsState(st *backends.State) bool {
	return len(o.states) == 0 || slices.ContainsFunc(o.states, func(p string) bool { return isState(p, st) })
}

func isState(pattern string, st *backends.State) bool {
	shown, _ := snapshot.StateName(st)
	return globMatches(pattern, shown) || globMatches(pattern, st.Name)
}

// globMatches tells whether name is pattern, in which * stands for any text. Names of states may hold any
// character, so nothing else is special, and a name always matches itself.
func globMatches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 || pattern == name {
		return pattern == name
	}
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	rest := name[len(first) : len(name)-len(last)]
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return true
}

// options are what the readers of state are told.
func (o *stateChoice) options(readers int) backends.Options {
	opts := backends.Options{Hints: o.hints}
	if o.memory > 0 {
		opts.Memory = max(1, int64(o.memory)/int64(max(1, readers)))
	}
	return opts
}

// keyGroupsValue is the value of --key-group.
type keyGroupsValue struct {
	metadata.KeyGroupRange
	set bool
}

// String implements pflag.Value.
func (v *keyGroupsValue) String() string {
	switch {
	case !v.set:
		return ""
	case v.First == v.Last:
		return strconv.Itoa(int(v.First))
	}
	return v.KeyGroupRange.String()
}

// Type implements pflag.Value.
func (v *keyGroupsValue) Type() string { return "A-B" }

// Set implements pflag.Value.
func (v *keyGroupsValue) Set(s string) error {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 31)
	last, err2 := strconv.ParseUint(to, 10, 31)
	if errors.Join(err, err2) != nil || first > last || last >= keygroups.MaxParallelism {
		return fmt.Errorf("want a key group or a range such as 0-63, below %d", keygroups.MaxParallelism)
	}
	v.KeyGroupRange, v.set = metadata.KeyGroupRange{First: int32(first), Last: int32(last)}, true
	return nil
}

// wanted are those of the key groups r that the flag lets pass.
func (v *keyGroupsValue) wanted(r metadata.KeyGroupRange) metadata.KeyGroupRange {
	if !v.set {
		return r
	}
	return metadata.KeyGroupRange{First: max(r.First, v.First), Last: min(r.Last, v.Last)}
}

// typeHints is the value of --type.
type typeHints map[string]string

// String implements pflag.Value.
func (h *typeHints) String() string { return strings.Join(h.GetSlice(), " ") }

// Type implements pflag.Value.
func (h *typeHints) Type() string { return "CLASS=SPEC" }

// Set implements pflag.Value.
func (h *typeHints) Set(s string) error {
	class, spec, ok := strings.Cut(s, "=")
	class, spec = strings.TrimSpace(class), strings.TrimSpace(spec)
	if !ok || class == "" || spec == "" {
		return errors.New("want CLASS=SPEC, such as com.acme.Price=Long")
	}
	if _, err := types.ParseSpec(spec); err != nil {
		return err
	}
	if other, twice := (*h)[class]; twice && other != spec {
		return fmt.Errorf("%s is %s already", class, other)
	}
	if *h == nil {
		*h = typeHints{}
	}
	(*h)[class] = spec
	return nil
}

// Append implements pflag.SliceValue.
func (h *typeHints) Append(s string) error { return h.Set(s) }

// Replace implements pflag.SliceValue.
func (h *typeHints) Replace(all []string) error {
	*h = nil
	for _, s := range all {
		if err := h.Set(s); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice implements pflag.SliceValue.
func (h *typeHints) GetSlice() []string {
	var all []string
	for class, spec := range *h {
		all = append(all, class+"="+spec)
	}
	slices.Sort(all)
	return all
}

// uidOf is the uid of o: that of the file, or the one of --uids.
func (o *stateChoice) uidOf(op *metadata.OperatorState) string {
	if op.UID != "" {
		return op.UID.String()
	}
	for _, uid := range o.uids {
		if metadata.OperatorIDOf(uid) == op.ID {
			return uid
		}
	}
	return ""
}

// unknownUIDs are the --uids that no operator has.
func (o *stateChoice) unknownUIDs(checkpoints ...*metadata.Checkpoint) []string {
	return slices.DeleteFunc(slices.Clone(o.uids), func(uid string) bool {
		id := metadata.OperatorIDOf(uid)
		return slices.ContainsFunc(checkpoints, func(c *metadata.Checkpoint) bool {
			return slices.ContainsFunc(c.Operators, func(op metadata.OperatorState) bool { return op.ID == id })
		})
	})
}

// warnOfUIDs tells which of --uids are of no use.
func (o *stateChoice) warnOfUIDs(env *Env, checkpoints ...*metadata.Checkpoint) {
	if unknown := o.unknownUIDs(checkpoints...); len(unknown) > 0 {
		env.Log.Warn("--uids: no operator has the id that this hashes to: " + escape(some(unknown)))
	}
}

// allEntries is the --limit of those who give none.
const allEntries = math.MaxInt64
