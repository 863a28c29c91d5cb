package job

import (
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
)

// MapOptions are of the operator type map.
type MapOptions struct {
	Input  UID   `job:"input,required"`
	Select Exprs `job:"select"`
	Add    Exprs `job:"add"`
}

func mapped(o *MapOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	switch {
	case o.Select != nil && o.Add != nil:
		s.Fail("add", "either select or add")
	case o.Select != nil:
		return selected(o.Select, s)
	case o.Add != nil:
		out, exprs := s.extend(s.Inputs[0], o.Add)
		return out, func() engine.Operator { return &operators.Add{Output: out, Exprs: exprs} }
	default:
		s.Fail("", "select or add is missing")
	}
	return nil, nil
}

func selected(exprs Exprs, s *Scope) (*engine.Schema, func() engine.Operator) {
	out := &engine.Schema{}
	var items []operators.Item
	for _, n := range exprs {
		e := s.Expr(n.Expr, s.Inputs[0])
		if e == nil {
			continue
		}
		item := operators.Item{Expr: e}
		if at, ok := e.Column(); ok {
			item = operators.Item{Column: at}
		}
		items = append(items, item)
		out.Columns = append(out.Columns, engine.Column{Name: n.Name, Kind: e.Kind()})
	}
	return out, func() engine.Operator { return &operators.Select{Output: out, Items: items} }
}

// FilterOptions are of the operator type filter.
type FilterOptions struct {
	Input UID  `job:"input,required"`
	Where Expr `job:"where,required"`
}

func filtered(o *FilterOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	where := s.Condition(o.Where, s.Inputs[0])
	return s.Inputs[0], func() engine.Operator { return &operators.Filter{Where: where} }
}

// FlatMapOptions are of the operator type flat-map.
type FlatMapOptions struct {
	Input UID    `job:"input,required"`
	Each  Expr   `job:"each,required"`
	As    string `job:"as,required"`
	Keep  *Names `job:"keep"`
}

func flatMapped(o *FlatMapOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	in, out := s.Inputs[0], &engine.Schema{}
	each := s.List(o.Each, in)
	var keep []int
	if o.Keep != nil {
		keep = s.Columns(*o.Keep, in)
	} else {
		for i := range in.Columns {
			keep = append(keep, i)
		}
	}
	for _, at := range keep {
		out.Columns = append(out.Columns, in.Columns[at])
	}
	if out.Index(o.As) >= 0 {
		s.Fail("as", "there is a column %s already", o.As)
	}
	if each == nil {
		return nil, nil
	}
	out.Columns = append(out.Columns, engine.Column{Name: o.As, Kind: each.Kind()})
	return out, func() engine.Operator { return &operators.FlatMap{Output: out, Keep: keep, Each: each} }
}
