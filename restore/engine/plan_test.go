package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
)

// described is a source that is never opened.
type described struct {
	schema    *Schema
	guarantee Guarantee
	position  backends.Type
}

func (d *described) Schema() *Schema                           { return d.schema }
func (d *described) Guarantee() Guarantee                      { return d.guarantee }
func (d *described) Bounded() bool                             { return true }
func (d *described) Discover(context.Context) ([]Split, error) { return nil, nil }
func (d *described) DiscoveryInterval() int64                  { return 0 }
func (d *described) Position() backends.Type                   { return d.position }
func (d *described) Open(context.Context, Split, any, SourceContext) (SplitReader, error) {
	return nil, errors.New("never opened")
}

func discard() Operator { return Discard{} }

var (
	people = NewSchema(Column{"name", String}, Column{"age", Long}, Column{"photo", Bytes}, Column{"born", Timestamp})
	source = &described{schema: people, position: Long.Type()}
)

func TestValidate(t *testing.T) {
	for name, c := range map[string]struct {
		want string
		job  func() *Job
	}{
		"empty":           {"no nodes", func() *Job { return NewJob("x") }},
		"no uid":          {"has no uid", func() *Job { return chainOf(source, func(s *Stream) { s.Sink("", ExactlyOnce, discard) }) }},
		"uid twice":       {`the uid "source"`, func() *Job { return chainOf(source, func(s *Stream) { s.Sink("source", ExactlyOnce, discard) }) }},
		"unread":          {"nobody reads", func() *Job { return chainOf(source, func(*Stream) {}) }},
		"unknown key":     {"key column nobody", func() *Job { return sinkOf(func(s *Stream) *Stream { return s.KeyBy("nobody") }) }},
		"no key":          {"needs a key", func() *Job { return sinkOf(func(s *Stream) *Stream { return s.KeyBy() }) }},
		"bytes as key":    {"cannot be a key", func() *Job { return sinkOf(func(s *Stream) *Stream { return s.KeyBy("photo") }) }},
		"max parallelism": {"max parallelism of 32769", func() *Job { j := sinkOf(same); j.MaxParallelism = 32769; return j }},
		"parallelism":     {"parallelism of -1", func() *Job { j := sinkOf(same); j.Parallelism = -1; return j }},
		"above":           {"above the max parallelism", func() *Job { j := sinkOf(same); j.Parallelism, j.MaxParallelism = 5, 4; return j }},
		"no position":     {"no type of positions", func() *Job { return chainOf(&described{schema: people}, toSink) }},
		"two same columns": {"two columns a", func() *Job {
			return chainOf(&described{schema: NewSchema(Column{"a", Long}, Column{"a", Long}), position: Long.Type()}, toSink)
		}},
		"nameless column": {"has no name", func() *Job {
			return chainOf(&described{schema: NewSchema(Column{"", Long}), position: Long.Type()}, toSink)
		}},
		"no such time":   {"column when", func() *Job { return timed(&Watermarks{Column: "when"}) }},
		"time of a text": {"is STRING", func() *Job { return timed(&Watermarks{Column: "name"}) }},
		"negative delay": {"not be negative", func() *Job { return timed(&Watermarks{Column: "born", Delay: -time.Second}) }},
		"from a sink": {"which is a sink", func() *Job {
			return chainOf(source, func(s *Stream) { s.Sink("a", ExactlyOnce, discard).Sink("b", ExactlyOnce, discard) })
		}},
		"foreign input": {"not of the job", func() *Job {
			return chainOf(source, func(s *Stream) {
				toSink(s)
				NewJob("y").Process("z", nil, discard, s)
				s.job.Process("z", nil, discard, NewJob("q").Source("w", source))
			})
		}},
		"a cycle": {"its own output", cyclic},
		"keys of two kinds": {"different types", func() *Job {
			return chainOf(source, func(s *Stream) { s.job.Process("z", nil, discard, s.KeyBy("name"), s.KeyBy("age")) })
		}},
		"neither": {"either a source or an operator", func() *Job { j := sinkOf(same); j.Nodes = append(j.Nodes, &Node{UID: "n"}); return j }},
		"no input": {"without input", func() *Job {
			j := sinkOf(same)
			j.Nodes = append(j.Nodes, &Node{UID: "n", Operator: discard})
			return j
		}},
	} {
		err := c.job().Validate()
		var v *ValidationError
		if !errors.As(err, &v) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := sinkOf(func(s *Stream) *Stream { return s.KeyBy("name", "born") }).Validate(); err != nil {
		t.Error(err)
	}
	long := chainOf(source, func(s *Stream) { s.job.Process("z", nil, discard, s.KeyBy("born"), s.KeyBy("age")) })
	if err := long.Validate(); err != nil {
		t.Errorf("a TIMESTAMP and a BIGINT are keys of one type: %v", err)
	}
}

func same(s *Stream) *Stream { return s }
func toSink(s *Stream)       { s.Sink("sink", ExactlyOnce, discard) }

func chainOf(src Source, f func(*Stream)) *Job {
	j := NewJob("x")
	f(j.Source("source", src))
	return j
}

func sinkOf(f func(*Stream) *Stream) *Job { return chainOf(source, func(s *Stream) { toSink(f(s)) }) }

func timed(w *Watermarks) *Job {
	return chainOf(source, func(s *Stream) { s.Node().Watermarks = w; toSink(s) })
}

func cyclic() *Job {
	j := NewJob("x")
	s := j.Source("source", source)
	a := j.Process("a", people, discard, s)
	b := j.Process("b", people, discard, a)
	a.Node().Inputs = append(a.Node().Inputs, Edge{From: b.Node()})
	b.Sink("sink", ExactlyOnce, discard)
	return j
}

func TestPlan(t *testing.T) {
	j := NewJob("people")
	j.Parallelism = 2
	in := j.Source("in", &described{schema: people, position: Long.Type(), guarantee: AtMostOnce})
	clean := in.Process("clean", people, discard)
	byName := clean.KeyBy("name").Process("count", people, discard)
	byName.Sink("out", AtLeastOnce, discard)
	wide := clean.Process("wide", people, discard)
	wide.Node().Parallelism = 3
	wide.Broadcast().Sink("all", ExactlyOnce, discard)
	lone := byName.Process("lone", nil, discard)
	lone.Node().NoChain = true
	p, err := j.Plan()
	if err != nil {
		t.Fatal(err)
	}
	columns := " (name STRING, age BIGINT, photo BYTES, born TIMESTAMP)"
	want := strings.ReplaceAll(`job people: at most once
  because of source in: at most once
  because of sink out: at least once
chain 1, parallelism 2
  source in#, at most once
  operator clean#
chain 2, parallelism 2
  <- clean by hash of name
  operator count#
  sink out, at least once
chain 3, parallelism 3
  <- clean by rebalance
  operator wide#
chain 4, parallelism 2
  <- wide by broadcast
  sink all
chain 5, parallelism 2
  <- count by forward
  sink lone
`, "#", columns)
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
