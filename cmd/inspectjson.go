package cmd

import (
	"bytes"
	"context"
	"errors"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/overview"
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

// summaryJSON is what the overview says of the whole checkpoint, whatever is selected.
type summaryJSON struct {
	SelfContained bool           `json:"selfContained"`
	Relocatable   bool           `json:"relocatable"`
	WrittenBy     releasesJSON   `json:"writtenBy"`
	ReadBy        releasesJSON   `json:"readBy"`
	Bytes         bytesJSON      `json:"bytes"`
	References    referencesJSON `json:"references"`
	OtherJobs     []otherJobJSON `json:"otherJobs"`
}

type releasesJSON struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

type bytesJSON struct {
	Inline    int64 `json:"inline"`
	Exclusive int64 `json:"exclusive"`
	Shared    int64 `json:"shared"`
	TaskOwned int64 `json:"taskOwned"`
	Elsewhere int64 `json:"elsewhere"`
}

// referencesJSON counts references to files: in all, by absolute path, to files beside
// the checkpoint's directory; and of these, where they are to be looked for.
type referencesJSON struct {
	All      int `json:"all"`
	Absolute int `json:"absolute"`
	Beside   int `json:"beside"`
	NotFound int `json:"notFound"`
	Unasked  int `json:"notLookedFor"`
	ByTail   int `json:"byTail"`
	Mapped   int `json:"mapped"`
}

type otherJobJSON struct {
	Job        string `json:"job"`
	References int    `json:"references"`
	Bytes      int64  `json:"bytes"`
}

func summaryOf(o *overview.Overview) summaryJSON {
	r, b := o.Refs, o.Bytes
	s := summaryJSON{o.SelfContained(), o.Relocatable(),
		releasesJSON{o.Writers.First.String(), o.Writers.Last.String()}, releasesJSON{o.Readers.First.String(), o.Readers.Last.String()},
		bytesJSON{b.Inline, b.Exclusive, b.Shared, b.TaskOwned, b.Elsewhere},
		referencesJSON{r.All.Refs, r.Absolute.Refs, r.Beside.Refs, r.Outside.Refs, r.Unasked.Refs, r.ByTail.Refs, r.Mapped.Refs}, []otherJobJSON{}}
	for _, id := range sortedJobs(o.OtherJobs) {
		s.OtherJobs = append(s.OtherJobs, otherJobJSON{id.String(), o.OtherJobs[id].Refs, o.OtherJobs[id].Bytes})
	}
	return s
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
	// Where files lie is looked up before the first byte goes out, so that a storage
	// that fails leaves no half of a document.
	sum, err := overview.Build(bytes.NewReader(data), int64(len(data)), in.target.URL(), in.locator.Locate, overview.Options{
		Streams: func(s *overview.Stream) error {
			if s.Path == "" || s.Relative || !in.match.operator(s.Operator) {
				return nil
			}
			_, err := in.locator.Resolved(s.Path)
			return err
		},
	})
	if err != nil {
		return err
	}
	var failed error
	opts := flinkjson.Options{
		First: []flinkjson.Field{
			{Name: "schema", Value: "ckpt.inspect/v1"},
			{Name: "path", Value: in.target.URL()},
			{Name: "job", Value: orNull(in.job())},
			{Name: "findings", Value: findingsJSON(sum.Findings)},
			{Name: "summary", Value: summaryOf(sum)},
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
