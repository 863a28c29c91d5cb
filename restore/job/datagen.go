package job

import (
	"math"

	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// DatagenOptions are of the source type datagen.
type DatagenOptions struct {
	Columns *value  `job:"columns,required"` // names and generators
	Records *int64  `job:"records"`
	Rate    float64 `job:"rate"`
	Seed    int64   `job:"seed"`
	Splits  int     `job:"splits"`
}

// Generator says how a column of datagen is made: by one of these.
type Generator struct {
	Counter *CounterOptions `job:"counter"`
	Bigint  *BigintOptions  `job:"bigint"`
	Double  *DoubleOptions  `job:"double"`
	Boolean *BooleanOptions `job:"boolean"`
	String  *StringOptions  `job:"string"`
	Choice  *ChoiceOptions  `job:"choice"`
	Key     *KeyOptions     `job:"key"`
	Nulls   float64         `job:"nulls"`
}

// CounterOptions are of numbers, or times, one after the other.
type CounterOptions struct {
	From  int64  `job:"from"`
	Step  *int64 `job:"step"`
	Cycle int64  `job:"cycle"`
	Type  string `job:"type" oneof:"BIGINT TIMESTAMP"`
}

// BigintOptions are of random whole numbers, both bounds included.
type BigintOptions struct {
	Min int64 `job:"min"`
	Max int64 `job:"max,required"`
}

// DoubleOptions are of random numbers, max not included.
type DoubleOptions struct {
	Min float64 `job:"min"`
	Max float64 `job:"max,required"`
}

// BooleanOptions are of true, by its likelihood, and false.
type BooleanOptions struct {
	True float64 `job:"true,required"`
}

// StringOptions are of random hexadecimal digits.
type StringOptions struct {
	Length int `job:"length,required"`
}

// ChoiceOptions are of some texts with their weights.
type ChoiceOptions struct {
	Values *value `job:"values,required"` // a list of texts, or a map of texts and weights
}

// KeyOptions are of a prefix and a number below count.
type KeyOptions struct {
	Prefix   string  `job:"prefix"`
	Digits   int     `job:"digits"`
	Count    int64   `job:"count,required"`
	Exponent float64 `job:"exponent"`
}

func datagen(o *DatagenOptions, s *Scope) engine.Source {
	made := &connectors.Datagen{Seed: uint64(o.Seed), Records: -1, Rate: o.Rate, Splits: o.Splits}
	if o.Records != nil {
		if made.Records = *o.Records; made.Records < 0 {
			s.Fail("records", "want 0 or more; without it there is no end")
		}
	}
	checkRate(s, o.Rate, o.Splits)
	if o.Columns == nil {
		return nil
	}
	d := decoder{s.mistakes}
	if o.Columns.kind != mapValue {
		d.want(o.Columns, "a map of columns and generators")
		return nil
	}
	for _, e := range o.Columns.entries {
		before := len(s.mistakes.all)
		var g Generator
		d.decode(e.value, &g)
		made.Columns = append(made.Columns, connectors.DatagenColumn{Name: e.key, Generator: g.generator(s, e), Nulls: g.Nulls})
		s.failed = s.failed || len(s.mistakes.all) > before
	}
	return checked(made, s)
}

// generator is the one that is asked for.
func (g *Generator) generator(s *Scope, at entry) connectors.Generator {
	var all []connectors.Generator
	if o := g.Counter; o != nil {
		c := connectors.Counter{From: o.From, Step: 1, Cycle: o.Cycle, Timestamp: o.Type == engine.Timestamp.String()}
		if o.Step != nil {
			if c.Step = *o.Step; c.Step == 0 {
				s.fail(at.at, "", "step: want another than 0")
			}
		}
		all = append(all, c)
	}
	if o := g.Bigint; o != nil {
		all = append(all, connectors.Longs{Min: o.Min, Max: o.Max})
	}
	if o := g.Double; o != nil {
		all = append(all, connectors.Doubles{Min: o.Min, Max: o.Max})
	}
	if o := g.Boolean; o != nil {
		all = append(all, connectors.Booleans{True: o.True})
	}
	if o := g.String; o != nil {
		all = append(all, connectors.Strings{Length: o.Length})
	}
	if o := g.Choice; o != nil {
		all = append(all, o.choice(s))
	}
	if o := g.Key; o != nil {
		all = append(all, connectors.Keys{Prefix: o.Prefix, Digits: o.Digits, Count: o.Count, Exponent: o.Exponent})
	}
	if len(all) != 1 {
		s.fail(at.at, "", "%s: want one of counter, bigint, double, boolean, string, choice, key", at.key)
		return nil
	}
	return all[0]
}

// choice reads a list of texts, or texts with weights.
func (o *ChoiceOptions) choice(s *Scope) connectors.Choice {
	var c connectors.Choice
	if o.Values == nil {
		return c
	}
	d := decoder{s.mistakes}
	for _, v := range o.Values.list {
		d.scalar(v, "a text", func() bool { c.Values = append(c.Values, v.text); return true })
	}
	for _, e := range o.Values.entries {
		w, ok := parseFloat(e.value.text)
		if e.value.kind != intValue && e.value.kind != floatValue || !ok || math.IsInf(w, 0) || !(w >= 0) {
			d.want(e.value, "a weight, 0 or more")
		}
		c.Values, c.Weights = append(c.Values, e.key), append(c.Weights, w)
	}
	if len(c.Values) == 0 {
		d.want(o.Values, "a list of texts, or a map of texts and weights")
	}
	return c
}
