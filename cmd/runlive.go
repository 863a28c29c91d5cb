package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// liveInterval is slower than that of other commands: these are figures to read.
const liveInterval = 500 * time.Millisecond

// watch begins to tell how x is doing.
func (r *running) watch(x *engine.Execution) *telling {
	return r.env.tell(liveInterval, func(width int) string { return fitting(r.parts(x.Progress()), width) })
}

// fitting joins as many parts as there is room for; all where width is 0.
func fitting(parts []string, width int) string {
	text := parts[0]
	for _, p := range parts[1:] {
		if width > 0 && twwidth.Width(text)+twwidth.Width(p)+2 > width {
			break
		}
		text += ", " + p
	}
	return text
}

// parts are what the live line tells, the most important first.
func (r *running) parts(s engine.Progress) []string {
	parts := []string{fmt.Sprintf("%s: %s records, %s/s", escape(r.job.Name), grouped(s.Records), grouped(int64(s.RecordsPerSecond)))}
	if s.Checkpoint > 0 {
		parts = append(parts, fmt.Sprintf("chk-%d %s in %s", s.Checkpoint, humanSize(s.CheckpointSize), shortDuration(s.CheckpointDuration)))
	}
	if s.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d checkpoints failed", s.Failed))
	}
	if s.Watermark != engine.NoTime && s.Watermark != engine.MaxWatermark {
		parts = append(parts, "watermark "+humanAge(s.Lag)+" behind")
	}
	if s.Restarts > 0 {
		parts = append(parts, fmt.Sprintf("%d restarts", s.Restarts))
	}
	return parts
}

// grouped is n with a comma between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// shortDuration is a time of three digits or so.
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// runReport is the JSON of `ckpt run`.
type runReport struct {
	Schema      string         `json:"schema"`
	Job         string         `json:"job"`
	JobID       string         `json:"jobId"`
	Status      string         `json:"status"`
	Restored    *runOrigin     `json:"restored"`
	Records     int64          `json:"records"`
	Seconds     float64        `json:"seconds"`
	Restarts    int            `json:"restarts"`
	Checkpoints runCheckpoints `json:"checkpoints"`
}

// runOrigin is the checkpoint that a run began with.
type runOrigin struct {
	ID   int64  `json:"id"`
	Path string `json:"path"`
}

type runCheckpoints struct {
	Completed int64   `json:"completed"`
	Failed    int64   `json:"failed"`
	LastPath  *string `json:"lastPath"`
}

var jobStatus = map[coordinator.JobStatus]string{
	coordinator.Finished: "FINISHED", coordinator.Canceled: "CANCELED", coordinator.Failed: "FAILED", coordinator.Suspended: "SUSPENDED",
}

// conclude reports how the job ended.
func (r *running) conclude(ctx context.Context, result *engine.Result) error {
	if failed := new(outputError); errors.As(result.Err, &failed) && failed.closed() {
		return result.Err // and nothing is said: nobody is there
	}
	if r.env.Output == JSON {
		if err := r.writeReport(result); err != nil {
			return err
		}
	} else {
		r.summarize(result)
	}
	switch {
	case result.Status == coordinator.Failed:
		return jobFailure(result)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case result.Status != coordinator.Finished:
		return errors.New("the job was cancelled")
	}
	return nil
}

// writeReport writes one line, the last of the output, which may be that of a job's sink.
func (r *running) writeReport(result *engine.Result) error {
	report := runReport{
		Schema: "ckpt.run/v1", Job: r.job.Name, JobID: result.Job.String(), Status: jobStatus[result.Status], Records: result.Records,
		Seconds: result.Duration.Seconds(), Restarts: result.Restarts,
		Checkpoints: runCheckpoints{result.Checkpoints.Completed, result.Checkpoints.Failed, orNull(result.LastPath)},
	}
	if r.target != nil {
		report.Restored = &runOrigin{r.checkpoint.ID, r.target.URL()}
	}
	b, err := marshal(report, "")
	if err != nil {
		return err
	}
	_, err = r.env.Out.Write(b)
	return err
}

// summarize says on Err how it went: Out is for the records.
func (r *running) summarize(result *engine.Result) {
	if r.env.Quiet {
		return
	}
	perSecond := int64(0)
	if s := result.Duration.Seconds(); s > 0 {
		perSecond = int64(float64(result.Records) / s)
	}
	c := result.Checkpoints
	fmt.Fprintf(r.env.Err, "job %s (%s): %s\n", escape(r.job.Name), result.Job, jobStatus[result.Status])
	fmt.Fprintf(r.env.Err, "  %s records in %s, %s/s\n", grouped(result.Records), shortDuration(result.Duration), grouped(perSecond))
	fmt.Fprintf(r.env.Err, "  %d checkpoints completed, %d failed, %d restarts\n", c.Completed, c.Failed, result.Restarts)
	if result.LastPath != "" {
		fmt.Fprintf(r.env.Err, "  the latest: %s\n", escape(result.LastPath))
	}
}
