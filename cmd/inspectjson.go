package cmd

import (
	"context"
	"errors"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/metadata/flinkjson"
)

// findingJSON is something unusual in a _metadata.
type findingJSON struct {
	Code     string  `json:"code"`
	Operator *string `json:"operator"`
	Subtask  *int32  `json:"subtask"`
	Message  string  `json:"message"`
}

func findingsJSON(all []metadata.Finding) []findingJSON {
	out := []findingJSON{}
	for _, f := range all {
		j := findingJSON{Code: f.Code, Message: f.Message}
		if f.Operator != (metadata.OperatorID{}) {
			id := f.Operator.String()
			j.Operator = &id
		}
		if f.Subtask >= 0 {
			j.Subtask = &f.Subtask
		}
		out = append(out, j)
	}
	return out
}

// printJSON writes all that the checkpoint holds, in Flink's words.
func (in *inspection) printJSON(ctx context.Context) error {
	c, data, err := readMetadata(ctx, in.target)
	if err != nil {
		return err
	}
	if err := in.checkSelection(c); err != nil {
		return err
	}
	var failed error
	opts := flinkjson.Options{
		First: []flinkjson.Field{
			{Name: "schema", Value: "ckpt.inspect/v1"},
			{Name: "path", Value: in.target.URL()},
			{Name: "job", Value: orNull(in.job())},
			{Name: "findings", Value: findingsJSON(c.Findings())},
		},
		ExclusiveDir: in.target.URL(),
		Escape:       escapeJSON,
		Operator:     in.match.operator,
		Subtask:      func(s *metadata.SubtaskState) bool { return in.opts.wantsSubtask(s.Index) },
		Resolve: func(p string) string {
			url, err := in.locator.Resolved(p)
			failed = errors.Join(failed, err)
			return url
		},
	}
	// Where files lie is looked up before the first byte goes out, so that a storage
	// that fails leaves no half of a document.
	for p, h := range c.Walk() {
		stream, ok := h.(metadata.StreamHandle)
		if !ok || !in.match.operator(p.Operator) {
			continue
		}
		if path, relative := layout.PathOf(stream); path != "" && !relative {
			opts.Resolve(path)
		}
		if failed != nil {
			return failed
		}
	}
	if err := flinkjson.Write(in.env.Out, c, data, opts); err != nil {
		return err
	}
	return failed
}

// checkSelection tells whether all that the flags name is there.
func (in *inspection) checkSelection(c *metadata.Checkpoint) error {
	hasSubtask := in.opts.subtask == anySubtask
	for i := range c.Operators {
		if !in.match.operator(&c.Operators[i]) {
			continue
		}
		for j := range c.Operators[i].Subtasks {
			hasSubtask = hasSubtask || in.opts.wantsSubtask(c.Operators[i].Subtasks[j].Index)
		}
	}
	if err := in.match.missing(in.target.URL()); err != nil {
		return err
	}
	if !hasSubtask {
		return in.subtaskMissing()
	}
	return nil
}

// job is the id of the job in whose directory the checkpoint lies, "" where there is none.
func (in *inspection) job() string {
	if id, ok := layout.JobOf(metadataURL(in.target)); ok {
		return id.String()
	}
	return ""
}
