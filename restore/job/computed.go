package job

import (
	"context"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// computed is a source with further columns, which are computed from those that it has.
type computed struct {
	engine.Source
	schema *engine.Schema
	exprs  []engine.Expr
}

// Schema implements engine.Source.
func (c *computed) Schema() *engine.Schema { return c.schema }

// Open implements engine.Source.
func (c *computed) Open(ctx context.Context, s engine.Split, position any, at engine.SourceContext) (engine.SplitReader, error) {
	r, err := c.Source.Open(ctx, s, position, at)
	if err != nil {
		return nil, err
	}
	made := &computedReader{r, c}
	if w, ok := r.(engine.Waiter); ok {
		return struct {
			*computedReader
			engine.Waiter
		}{made, w}, nil
	}
	return made, nil
}

type computedReader struct {
	engine.SplitReader
	source *computed
}

// Read implements engine.SplitReader: the source fills the first columns of b, expressions the others.
func (r *computedReader) Read(b *engine.Batch, n int) error {
	given := len(b.Vectors) - len(r.source.exprs)
	part := engine.Batch{Schema: r.source.Source.Schema(), Vectors: b.Vectors[:given:given], Times: b.Times}
	err := r.SplitReader.Read(&part, n)
	b.N, b.Times = part.N, part.Times
	if b.N == 0 {
		return err
	}
	for i, e := range r.source.exprs {
		if wrong := e.Eval(b, &b.Vectors[given+i]); wrong != nil {
			b.N = 0
			return wrong
		}
	}
	return err
}

// CheckSplit implements engine.SplitChecker, where the source does.
func (c *computed) CheckSplit(s engine.Split) error {
	if checker, ok := c.Source.(engine.SplitChecker); ok {
		return checker.CheckSplit(s)
	}
	return nil
}

// Ended implements engine.SplitReopener, where the source does.
func (c *computed) Ended(s engine.Split, position any) (bool, error) {
	if r, ok := c.Source.(engine.SplitReopener); ok {
		return r.Ended(s, position)
	}
	return true, nil
}
