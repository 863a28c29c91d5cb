package job

import (
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Joins makes the operators of the types deduplicate, interval-join and enrich. Each function gets the schemas of its inputs and
// options that hold together, and gives the schema of the output with what makes the operator of a sub-task.
type Joins struct {
	Deduplicate  func(in *engine.Schema, o Deduplication) (*engine.Schema, func() engine.Operator, error)
	IntervalJoin func(left, right *engine.Schema, o IntervalJoining) (*engine.Schema, func() engine.Operator, error)
	Enrich       func(in, table *engine.Schema, o Enrichment) (*engine.Schema, func() engine.Operator, error)
}

// Deduplication is how to leave one record of each key.
type Deduplication struct {
	Key  []string
	TTL  time.Duration // after which a key counts as new; 0: never
	Last bool          // the last one instead of the first
}

// IntervalJoining is how to make pairs of records whose keys are the same, and whose times are near: Lower <= time of right - time of left <= Upper.
type IntervalJoining struct {
	LeftKey, RightKey []string
	Lower, Upper      time.Duration
	Output            *engine.Schema // the columns of left, then those of right
}

// Enrichment is how to find a record's partner in a table, which comes as the second input to all sub-tasks.
type Enrichment struct {
	By, Key []int          // columns of the input, and those of the table that they are compared with
	Columns []int          // of the table, those that are added
	Drop    bool           // whether a record without a partner goes; else the added columns are null
	Output  *engine.Schema // the columns of the input, then Columns
}

// Add makes the types known to the catalog.
func (j Joins) Add(c *Catalog) {
	c.Operators["deduplicate"] = operatorType[DeduplicateOptions]{DeduplicateOptions{Keep: "first"}, j.deduplicate, func(o *DeduplicateOptions) []Input { return single(o.Input, o.KeyBy) }}
	c.Operators["interval-join"] = operatorType[IntervalJoinOptions]{IntervalJoinOptions{}, j.intervalJoin, func(o *IntervalJoinOptions) []Input {
		return []Input{{From: o.Left.Input, Key: o.Left.KeyBy}, {From: o.Right.Input, Key: o.Right.KeyBy}}
	}}
	c.Operators["enrich"] = operatorType[EnrichOptions]{EnrichOptions{Missing: "keep"}, j.enrich, func(o *EnrichOptions) []Input {
		return []Input{{From: o.Input}, {From: o.Table.Input, Broadcast: true}}
	}}
}

// DeduplicateOptions are of the operator type deduplicate.
type DeduplicateOptions struct {
	Input UID           `job:"input,required"`
	KeyBy Names         `job:"key-by,required"`
	TTL   time.Duration `job:"ttl"`
	Keep  string        `job:"keep" oneof:"first last"`
}

func (j Joins) deduplicate(o *DeduplicateOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	if s.Has("ttl") && o.TTL <= 0 {
		s.Fail("ttl", "want a time above zero")
	}
	if s.failed {
		return nil, nil
	}
	return settled(s)(j.Deduplicate(s.Inputs[0], Deduplication{Key: o.KeyBy.Strings(), TTL: o.TTL, Last: o.Keep == "last"}))
}

// IntervalJoinOptions are of the operator type interval-join.
type IntervalJoinOptions struct {
	Left  JoinSide      `job:"left,required"`
	Right JoinSide      `job:"right,required"`
	Lower time.Duration `job:"lower,required"`
	Upper time.Duration `job:"upper,required"`
}

// JoinSide is one input of an interval-join.
type JoinSide struct {
	Input  UID    `job:"input,required"`
	KeyBy  Names  `job:"key-by,required"`
	Prefix string `job:"prefix"`
}

func (j Joins) intervalJoin(o *IntervalJoinOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	left, right := s.Inputs[0], s.Inputs[1]
	out := s.joined(left, o.Left.Prefix, right, o.Right.Prefix)
	if o.Lower > o.Upper {
		s.Fail("upper", "upper is below lower")
	}
	s.sameKinds(o.Left.KeyBy, left, o.Right.KeyBy, right)
	if s.failed {
		return nil, nil
	}
	return settled(s)(j.IntervalJoin(left, right, IntervalJoining{LeftKey: o.Left.KeyBy.Strings(), RightKey: o.Right.KeyBy.Strings(), Lower: o.Lower, Upper: o.Upper, Output: out}))
}

// sameKinds checks that two keys can be the same.
func (s *Scope) sameKinds(a Names, in *engine.Schema, b Names, other *engine.Schema) (first, second []int) {
	first, second = s.Columns(a, in), s.Columns(b, other)
	if first == nil || second == nil {
		return nil, nil
	}
	if len(first) != len(second) {
		s.fail(b[0].at, "", "a key of %d columns cannot be one of %d", len(second), len(first))
		return nil, nil
	}
	for i := range first {
		if x, y := in.Columns[first[i]].Kind, other.Columns[second[i]].Kind; x != y {
			s.fail(b[i].at, "", "the column %s is %s, and %s, which it is compared with, %s", b[i].Name, y, a[i].Name, x)
		}
	}
	return first, second
}

// EnrichOptions are of the operator type enrich.
type EnrichOptions struct {
	Input   UID    `job:"input,required"`
	By      Names  `job:"by,required"`
	Table   Table  `job:"table,required"`
	Missing string `job:"missing" oneof:"keep drop"`
}

// Table is the second input of enrich.
type Table struct {
	Input  UID    `job:"input,required"`
	Key    Names  `job:"key,required"`
	Prefix string `job:"prefix"`
}

func (j Joins) enrich(o *EnrichOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	in, table := s.Inputs[0], s.Inputs[1]
	e := Enrichment{Drop: o.Missing == "drop"}
	e.By, e.Key = s.sameKinds(o.By, in, o.Table.Key, table)
	if s.failed {
		return nil, nil
	}
	added := &engine.Schema{}
	for i, c := range table.Columns {
		if !slices.Contains(e.Key, i) {
			e.Columns, added.Columns = append(e.Columns, i), append(added.Columns, c)
		}
	}
	if e.Output = s.joined(in, "", added, o.Table.Prefix); s.failed {
		return nil, nil
	}
	return settled(s)(j.Enrich(in, table, e))
}
