package verify

import (
	"context"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// StateCheck reads the state of one snapshot entry by entry, across the files of each handle, and reports what does not
// fit. It asks take whether to read what it knows by key, of so many bytes. Its error says what could
// not be read; a file that is missing is no error here, as it was found before. The rooms of the formats have it; it is
// handed in.
type StateCheck func(ctx context.Context, n *layout.Node, c *metadata.Checkpoint, take func(key string, bytes int64) bool, report func(StateProblem)) error

// StateProblem is what is wrong with state.
type StateProblem struct {
	Problem
	Place metadata.Place // Operator, Subtask and Slot are set
	Class string         // of the handle, in Flink
	URL   string         // of the file; "" for none in particular
	Hint  string
}

// state reads the state of a snapshot, besides what content has read file by file: it finds what only whoever
// decodes can find.
func (c *checker) state(ctx context.Context, n *layout.Node, model *metadata.Checkpoint, r *Result) {
	if c.opts.State == nil {
		return
	}
	known := map[string]bool{}
	for i := range r.Findings {
		if r.Findings[i].Severity == Error {
			known[r.Findings[i].URL] = true
		}
	}
	err := c.opts.State(ctx, n, model, c.opts.Sample.takes, func(p StateProblem) {
		if known[p.URL] {
			return // the check of the file has said what is wrong with it
		}
		url := p.URL
		if url == "" {
			url = r.metadataURL()
		}
		r.problem(url, &p.Problem)
		f := &r.Findings[len(r.Findings)-1]
		by := layout.ReferrerOf(p.Place, nil)
		by.Class = p.Class
		f.By, f.Hint = &by, p.Hint
	})
	if err != nil {
		r.doubt(err)
	}
}

// takes decides as skips does, for state that is known by key.
func (s Sample) takes(key string, bytes int64) bool {
	switch {
	case s.Fraction > 0:
		return s.lot(&unit{url: key}) < s.Fraction
	case s.Bytes > 0:
		return s.state.Add(bytes)-bytes < s.Bytes
	}
	return true
}
