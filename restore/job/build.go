package job

import (
	"maps"
	"slices"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Build makes the job, and gives Flink's configuration as the file has it, by its keys. The error is of the type Errors; those of Load
// are among them.
func (f *File) Build(c *Catalog) (*engine.Job, map[string]string, error) {
	b := &builder{file: f, mistakes: &mistakes{f.mistakes.file, slices.Clone(f.mistakes.all)}, catalog: c, made: map[string]*plan{}}
	b.job = engine.NewJob(f.Name)
	b.job.Parallelism, b.job.MaxParallelism, b.job.Definition = f.Parallelism, f.MaxParallelism, f.definition
	for _, n := range f.nodes {
		if p := b.plan(n); p != nil {
			b.made[n.UID.Name] = p
			b.plans = append(b.plans, p)
		}
	}
	for _, p := range b.plans {
		b.build(p)
	}
	if b.err() == nil {
		b.unread()
	}
	if err := b.err(); err != nil {
		return nil, nil, err
	}
	return b.job, maps.Clone(f.configuration), nil
}

// unread refuses sources and operators that nobody reads.
func (b *builder) unread() {
	for _, p := range b.plans {
		if p.what != aSink && !p.read {
			b.add(p.UID.at, "a sink of the type discard takes what nobody needs", "nothing reads the %s %s", whatNames[p.what], p.UID.Name)
		}
	}
}

// Definition is the file with its parameters put in, in one way of writing. It loads as the same job.
func (f *File) Definition() []byte { return f.definition }

type builder struct {
	*mistakes
	file    *File
	catalog *Catalog
	job     *engine.Job
	plans   []*plan
	made    map[string]*plan
}

// plan is a node on its way to be one of the engine.
type plan struct {
	*node
	options any
	source  SourceNode
	inputs  []Input
	stream  *engine.Stream
	read    bool
	state   progress
}

type progress uint8

const (
	untouched progress = iota
	underWay
	done
)

// plan decodes the options of a node; nil where its type is not known.
func (b *builder) plan(n *node) *plan {
	p := &plan{node: n}
	var factory interface{ Options() any }
	var known []string
	switch n.what {
	case aSource:
		known = slices.Sorted(maps.Keys(b.catalog.Sources))
		factory = b.catalog.Sources[n.Type]
	case anOperator:
		known = slices.Sorted(maps.Keys(b.catalog.Operators))
		factory = b.catalog.Operators[n.Type]
	case aSink:
		known = slices.Sorted(maps.Keys(b.catalog.Sinks))
		factory = b.catalog.Sinks[n.Type]
	}
	if !slices.Contains(known, n.Type) {
		if v := n.options.get("type"); v != nil {
			b.add(v.at, oneOf(n.Type, known), "no %s of the type %q", whatNames[n.what], n.Type)
		}
		return nil
	}
	p.options = factory.Options()
	d := decoder{b.mistakes}
	if n.what == aSource {
		d.decode(n.options, p.options, Node{}, SourceNode{})
		d.decode(only(n.options, SourceNode{}), &p.source)
	} else {
		d.decode(n.options, p.options, Node{})
	}
	switch n.what {
	case anOperator:
		p.inputs = b.catalog.Operators[n.Type].Inputs(p.options)
	case aSink:
		p.inputs = []Input{{From: b.catalog.Sinks[n.Type].Input(p.options)}}
	}
	return p
}

// build makes a node and before it all that it reads. It tells whether that went well.
func (b *builder) build(p *plan) bool {
	switch p.state {
	case done:
		return p.stream != nil
	case underWay:
		b.add(p.UID.at, "", "%s reads, by way of others, its own output", p.UID.Name)
		return false
	}
	p.state = underWay
	defer func() { p.state = done }()
	s := &Scope{UID: p.UID.Name, mistakes: b.mistakes, options: p.node.options}
	streams, ok := b.inputs(p, s)
	if !ok {
		return false
	}
	switch p.what {
	case aSource:
		b.source(p, s)
	case anOperator:
		out, create := b.catalog.Operators[p.Type].Operator(p.options, s)
		if create != nil && out != nil && !s.failed {
			p.stream = b.job.Process(p.UID.Name, out, create, streams...)
		}
	case aSink:
		guarantee, create := b.catalog.Sinks[p.Type].Sink(p.options, s)
		if create != nil && !s.failed {
			p.stream = b.job.Process(p.UID.Name, nil, create, streams...)
			p.stream.Node().Guarantee = guarantee
		}
	}
	p.settle()
	return p.stream != nil
}

// inputs finds the streams of a node.
func (b *builder) inputs(p *plan, s *Scope) (streams []*engine.Stream, ok bool) {
	ok = true
	for _, in := range p.inputs {
		from := b.find(in.From)
		if from == nil || !b.build(from) {
			ok = false
			continue
		}
		schema := from.stream.Schema()
		s.Inputs = append(s.Inputs, schema)
		switch {
		case in.Broadcast:
			streams = append(streams, from.stream.Broadcast())
		case in.Key != nil:
			ok = s.Columns(in.Key, schema) != nil && ok
			streams = append(streams, from.stream.KeyBy(in.Key.Strings()...))
		default:
			streams = append(streams, from.stream)
		}
	}
	return streams, ok
}

// find is a source or operator by its uid. What is wrong with it otherwise is told where it stands.
func (b *builder) find(uid UID) *plan {
	if uid.Name == "" {
		return nil // told already: the key is missing
	}
	var known []string
	for _, n := range b.file.nodes {
		if n.what != aSink {
			known = append(known, n.UID.Name)
		}
	}
	if !slices.Contains(known, uid.Name) {
		b.add(uid.at, oneOf(uid.Name, known), "no source or operator with the uid %s", uid.Name)
		return nil
	}
	p := b.made[uid.Name]
	if p != nil {
		p.read = true
	}
	return p
}

func (b *builder) source(p *plan, s *Scope) {
	source := b.catalog.Sources[p.Type].Source(p.options, s)
	if source == nil || s.failed {
		return
	}
	if p.source.Compute != nil {
		schema, exprs := s.extend(source.Schema(), p.source.Compute)
		if s.failed {
			return
		}
		source = &computed{Source: source, schema: schema, exprs: exprs}
	}
	stream := b.job.Source(p.UID.Name, source)
	if w := p.source.Watermark; w != nil {
		if !s.watermark(w, source.Schema()) {
			return
		}
		stream.Node().Watermarks = &engine.Watermarks{Column: w.Column.Name, Delay: w.Delay, Idleness: w.Idleness}
	}
	p.stream = stream
}

// watermark checks where event time comes from.
func (s *Scope) watermark(w *Watermark, in *engine.Schema) bool {
	at := s.Columns(Names{w.Column}, in)
	if at == nil {
		return false
	}
	if k := in.Columns[at[0]].Kind; k != engine.Timestamp && k != engine.Long {
		s.fail(w.Column.at, "", "the column %s is %s; event time is a TIMESTAMP or BIGINT", w.Column.Name, k)
	}
	if w.Delay < 0 || w.Idleness < 0 {
		s.Fail("watermark", "delay and idleness cannot be below zero")
	}
	return !s.failed
}

// settle sets what all nodes have.
func (p *plan) settle() {
	if p.stream == nil {
		return
	}
	n := p.stream.Node()
	if p.Name != "" {
		n.Name = p.Name
	}
	n.Parallelism, n.MaxParallelism = p.Parallelism, p.MaxParallelism
	n.NoChain = p.Chain != nil && !*p.Chain
}
