package job

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
)

// AggregateOptions are of the operator type aggregate.
type AggregateOptions struct {
	Input      UID           `job:"input,required"`
	KeyBy      Names         `job:"key-by,required"`
	Aggregates Exprs         `job:"aggregates,required"`
	TTL        time.Duration `job:"ttl"`
}

func aggregated(o *AggregateOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	if s.Has("ttl") && o.TTL <= 0 {
		s.Fail("ttl", "want a time above zero")
	}
	all := s.aggregations(o.Aggregates, s.Inputs[0])
	if s.failed {
		return nil, nil
	}
	return settled(s)(operators.Aggregate(s.Inputs[0], operators.AggregateOptions{Key: o.KeyBy.Strings(), Aggregates: all, TTL: o.TTL}))
}

// settled tells the error of a constructor.
func settled(s *Scope) func(*engine.Schema, func() engine.Operator, error) (*engine.Schema, func() engine.Operator) {
	return func(out *engine.Schema, create func() engine.Operator, err error) (*engine.Schema, func() engine.Operator) {
		if err != nil {
			s.Fail("", "%v", err)
			return nil, nil
		}
		return out, create
	}
}

var aggregateCall = regexp.MustCompile(`(?s)^\s*([A-Za-z]+)\s*\((.*)\)\s*$`)

var aggregateFuncs = []string{"count", "sum", "min", "max", "avg", "top"}

// aggregations reads count(), sum(EXPR) and the like.
func (s *Scope) aggregations(exprs Exprs, in *engine.Schema) (all []operators.Aggregation) {
	for _, n := range exprs {
		if s.missing(n.Expr) {
			continue
		}
		at := aggregateCall.FindStringSubmatchIndex(n.Source)
		if at == nil {
			s.fail(n.at, "such as count() or sum(amount)", "%s: want a call of one of %s", n.Source, strings.Join(aggregateFuncs, ", "))
			continue
		}
		a := operators.Aggregation{Name: n.Name, Func: operators.Func(n.Source[at[2]:at[3]])}
		inner := n.part(at[4], at[5])
		switch a.Func {
		case operators.Count:
			if strings.TrimSpace(inner.Source) != "" {
				s.fail(inner.at, "", "count() counts records, and takes no expression")
			}
		case operators.Sum, operators.Min, operators.Max, operators.Avg:
			s.argument(&a, inner, in)
		case operators.Top:
			s.top(&a, inner, in)
		default:
			s.fail(n.at, oneOf(string(a.Func), aggregateFuncs), "no aggregate %s", a.Func)
		}
		all = append(all, a)
	}
	return all
}

// part is some of the text of an expression.
func (e Expr) part(from, to int) Expr {
	p := e
	p.Source = e.Source[from:to]
	if e.exact {
		lines := strings.Split(e.Source[:from], "\n")
		p.at = e.place(len(lines), utf8.RuneCountInString(lines[len(lines)-1])+1)
	}
	return p
}

// place is where something stands in the file by its line and column in the expression, both from 1 on.
func (e Expr) place(line, column int) position {
	if line == 1 {
		return position{e.at.line, e.at.column + column - 1}
	}
	return position{e.at.line + line - 1, e.margin + column - 1}
}

// argument compiles the expression of an aggregate.
func (s *Scope) argument(a *operators.Aggregation, e Expr, in *engine.Schema) {
	if strings.TrimSpace(e.Source) == "" {
		s.fail(e.at, "", "%s() needs an expression", a.Func)
		return
	}
	if compiled := s.Expr(e, in); compiled != nil {
		a.Expr = compiled
	}
}

// top reads the number and the expression.
func (s *Scope) top(a *operators.Aggregation, e Expr, in *engine.Schema) {
	number, _, two := strings.Cut(e.Source, ",")
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
	if !two || err != nil || n < 1 {
		s.fail(e.at, "such as top(3, amount)", "top: want a number from 1 on and an expression")
		return
	}
	a.N = int(n)
	s.argument(a, e.part(len(number)+1, len(e.Source)), in)
}

// WindowOptions are of the operator type window.
type WindowOptions struct {
	Input      UID           `job:"input,required"`
	KeyBy      Names         `job:"key-by,required"`
	Aggregates Exprs         `job:"aggregates,required"`
	Window     Windows       `job:"window,required"`
	Time       string        `job:"time" oneof:"event processing"`
	Lateness   time.Duration `job:"lateness"`
	Trigger    Trigger       `job:"trigger"`
}

// Windows says which windows a record belongs to: one of tumbling, sliding and session.
type Windows struct {
	Tumbling *time.Duration `job:"tumbling"`
	Sliding  *time.Duration `job:"sliding"`
	Slide    *time.Duration `job:"slide"`
	Session  *time.Duration `job:"session"`
	Offset   *time.Duration `job:"offset"`
}

// Trigger says when a window emits besides its end.
type Trigger struct {
	Count *int64         `job:"count"`
	Every *time.Duration `job:"every"`
}

func windowed(o *WindowOptions, s *Scope) (*engine.Schema, func() engine.Operator) {
	all := s.aggregations(o.Aggregates, s.Inputs[0])
	w := operators.WindowOptions{Key: o.KeyBy.Strings(), Aggregates: all, Windows: o.Window.windows(s), ProcessingTime: o.Time == "processing", Lateness: o.Lateness}
	if c := o.Trigger.Count; c != nil {
		if w.Trigger.Count = *c; *c < 1 {
			s.Fail("trigger", "count: want 1 or more")
		}
	}
	if e := o.Trigger.Every; e != nil {
		if w.Trigger.Every = *e; *e <= 0 {
			s.Fail("trigger", "every: want a time above zero")
		}
	}
	if o.Lateness < 0 || w.ProcessingTime && o.Lateness > 0 {
		s.Fail("lateness", "lateness is of event time, and not below zero")
	}
	if s.failed {
		return nil, nil
	}
	return settled(s)(operators.Window(s.Inputs[0], w))
}

// windows checks that one kind of windows is asked for.
func (w *Windows) windows(s *Scope) operators.Windows {
	asked := 0
	for _, size := range []*time.Duration{w.Tumbling, w.Sliding, w.Session} {
		if size != nil {
			asked++
		}
	}
	switch {
	case asked != 1:
		s.Fail("window", "want one of tumbling, sliding and session")
	case (w.Sliding != nil) != (w.Slide != nil):
		s.Fail("window", "sliding and slide go together")
	case w.Session != nil && w.Offset != nil:
		s.Fail("window", "a session has no offset")
	}
	for _, d := range []*time.Duration{w.Tumbling, w.Sliding, w.Slide, w.Session} {
		if d != nil && (*d <= 0 || *d%time.Millisecond != 0) {
			s.Fail("window", "want whole milliseconds above zero")
		}
	}
	return operators.Windows{Tumbling: valueOf(w.Tumbling), Sliding: valueOf(w.Sliding), Slide: valueOf(w.Slide), Session: valueOf(w.Session), Offset: valueOf(w.Offset)}
}

// valueOf is zero for nil.
func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
