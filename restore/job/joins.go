package job

import (
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
)

// DeduplicateOptions are of the operator type deduplicate.
type DeduplicateOptions struct {
	Input UID           `job:"input,required"`
	KeyBy Names         `job:"key-by,required"`
	TTL   time.Duration `job:"ttl"`
	Keep  string        `job:"keep" oneof:"first last"`
}

func deduplicated(o *DeduplicateOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	if s.Has("ttl") && o.TTL <= 0 {
		s.Fail("ttl", "want a time above zero")
	}
	if s.failed {
		return nil, nil
	}
	return settled(s)(operators.Deduplicate(s.Inputs[0], operators.DeduplicateOptions{Key: o.KeyBy.Strings(), TTL: o.TTL, KeepLast: o.Keep == "last"}))
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

func intervalJoined(o *IntervalJoinOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	left, right := s.Inputs[0], s.Inputs[1]
	s.apart(left.Columns, o.Left.Prefix, right.Columns, o.Right.Prefix)
	if o.Lower > o.Upper {
		s.Fail("upper", "upper is below lower")
	}
	s.sameKinds(o.Left.KeyBy, left, o.Right.KeyBy, right)
	if s.failed {
		return nil, nil
	}
	return settled(s)(operators.IntervalJoin(left, right, operators.IntervalJoinOptions{
		LeftKey: o.Left.KeyBy.Strings(), RightKey: o.Right.KeyBy.Strings(), LeftPrefix: o.Left.Prefix, RightPrefix: o.Right.Prefix, Lower: o.Lower, Upper: o.Upper,
	}))
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

func enriched(o *EnrichOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	in, table := s.Inputs[0], s.Inputs[1]
	_, key := s.sameKinds(o.By, in, o.Table.Key, table)
	var added []engine.Column
	for i, c := range table.Columns {
		if !slices.Contains(key, i) {
			added = append(added, c)
		}
	}
	s.apart(in.Columns, "", added, o.Table.Prefix)
	if s.failed {
		return nil, nil
	}
	return settled(s)(operators.Enrich(in, table, operators.EnrichOptions{
		By: o.By.Strings(), Key: o.Table.Key.Strings(), Prefix: o.Table.Prefix, DropMissing: o.Missing == "drop",
	}))
}
