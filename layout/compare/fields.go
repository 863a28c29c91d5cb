package compare

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// changes collects the fields that differ.
type changes []Change

func (c *changes) add(field string, a, b any) {
	if !reflect.DeepEqual(a, b) {
		*c = append(*c, Change{field, a, b})
	}
}

// snapshotChanges compares what does not belong to any operator, and the sums.
func snapshotChanges(a, b *Side) []Change {
	var c changes
	c.add("checkpointId", a.ID, b.ID)
	c.add("metadataVersion", a.Version, b.Version)
	c.add("snapshotType", snapshotType(a.Properties), snapshotType(b.Properties))
	c.add("discardedWhen", discarded(a.Properties), discarded(b.Properties))
	c.add("forced", forced(a.Properties), forced(b.Properties))
	c.add("masterStates", orNil(a.MasterStates), orNil(b.MasterStates))
	c.add("stateSize", a.Sizes.State, b.Sizes.State)
	c.add("checkpointedSize", a.Sizes.Checkpointed, b.Sizes.Checkpointed)
	c.add("inlineBytes", a.Inline, b.Inline)
	return c
}

// snapshotType is in Flink's words, nil where the version does not tell.
func snapshotType(p *metadata.Properties) any {
	if p == nil {
		return nil
	}
	words := []string{p.Type.Name}
	for _, w := range []string{p.Type.Format, p.Type.Action, p.Type.Sharing} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, ", ")
}

// discarded is when Flink deletes the snapshot by itself.
func discarded(p *metadata.Properties) any {
	if p == nil {
		return nil
	}
	when := []string{}
	for _, f := range []struct {
		is   bool
		name string
	}{{p.DiscardSubsumed, "subsumed"}, {p.DiscardFinished, "finished"}, {p.DiscardCancelled, "cancelled"},
		{p.DiscardFailed, "failed"}, {p.DiscardSuspended, "suspended"}} {
		if f.is {
			when = append(when, f.name)
		}
	}
	return when
}

// forced tells whether it was taken though none was due.
func forced(p *metadata.Properties) any {
	if p == nil {
		return nil
	}
	return p.Forced
}

// operatorChanges compares the fields of one operator. Names count where both
// versions of the format have them.
func operatorChanges(a, b *Operator, named bool) []Change {
	var c changes
	if named {
		c.add("uid", textOrNil(a.UID), textOrNil(b.UID))
		c.add("name", textOrNil(a.Name), textOrNil(b.Name))
	}
	c.add("parallelism", a.Parallelism, b.Parallelism)
	c.add("maxParallelism", a.MaxParallelism, b.MaxParallelism)
	c.add("fullyFinished", a.FullyFinished, b.FullyFinished)
	c.add("finishedSubtasks", orNil(a.Finished), orNil(b.Finished))
	c.add("keyGroups", ranges(a.KeyGroups), ranges(b.KeyGroups))
	c.add("handles", orNil(a.Handles), orNil(b.Handles))
	c.states(a.States, b.States)
	c.add("stateSize", a.Sizes.State, b.Sizes.State)
	c.add("checkpointedSize", a.Sizes.Checkpointed, b.Sizes.Checkpointed)
	c.add("inlineBytes", a.Inline, b.Inline)
	if a.Inline == b.Inline {
		c.add("inlineDigest", short(a.digest[:]), short(b.digest[:]))
	}
	return c
}

// states compares operator states by name; both are sorted alike.
func (c *changes) states(a, b []State) {
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = compareStates(a[0], b[0])
		}
		var x, y any
		var of State
		if order >= 0 {
			of, y, b = b[0], b[0].String(), b[1:]
		}
		if order <= 0 {
			of, x, a = a[0], a[0].String(), a[1:]
		}
		c.add("state "+of.Name, x, y)
	}
}

// String says how the state is dealt out, and how much of it there is.
func (s State) String() string {
	text := fmt.Sprintf("%s, %d elements", s.Mode, s.Elements)
	if s.Slot == metadata.RawOperator {
		return "raw, " + text
	}
	return text
}

// ranges are the key groups as text, first-last.
func ranges(all []metadata.KeyGroupRange) any {
	if len(all) == 0 {
		return nil
	}
	words := make([]string, len(all))
	for i, r := range all {
		words[i] = r.String()
	}
	return words
}

func orNil[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

func textOrNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
