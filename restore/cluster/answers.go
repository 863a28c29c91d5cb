package cluster

import (
	"context"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// notAddressable is the path that Flink prints where there is none (NonPersistentMetadataCheckpointStorageLocation).
const notAddressable = "<checkpoint-not-externally-addressable>"

// greet makes sure that there is a Flink (DashboardConfiguration).
func (c *Client) greet(ctx context.Context) error {
	var said struct {
		Version  string `json:"flink-version"`
		Features struct {
			History bool `json:"web-history"`
		} `json:"features"`
	}
	const path = "/config"
	if err := c.get(ctx, path, &said); err != nil {
		return err
	}
	if said.Version == "" {
		return c.errorf(path, hintFlink, "whoever answers there does not say which Flink it is")
	}
	if said.Features.History {
		return c.errorf(path, hintHistory, "a history server, which knows only of jobs that have ended")
	}
	return nil
}

// entry is a job in a list (JobDetails).
type entry struct {
	id           layout.JobID
	name, status string
}

// live is whether a status is not one that ends a job for good.
func (e entry) live() bool {
	return e.status != "FINISHED" && e.status != "CANCELED" && e.status != "FAILED"
}

// list asks for the jobs (MultipleJobsDetails).
func (c *Client) list(ctx context.Context) ([]entry, error) {
	const path = "/jobs/overview"
	var said struct {
		Jobs *[]struct {
			ID    string `json:"jid"`
			Name  string `json:"name"`
			State string `json:"state"`
		} `json:"jobs"`
	}
	if err := c.get(ctx, path, &said); err != nil {
		return nil, err
	}
	if said.Jobs == nil {
		return nil, c.errorf(path, hintVersion, "the answer has no list of jobs")
	}
	var jobs []entry
	for _, j := range *said.Jobs {
		id, err := layout.ParseJobID(j.ID)
		if err != nil || j.State == "" {
			return nil, c.errorf(path, hintVersion, "a job without an id or a state")
		}
		jobs = append(jobs, entry{id, j.Name, j.State})
	}
	return jobs, nil
}

// statistics are of all checkpoints of a job (CheckpointingStatistics).
type statistics struct {
	Counts *struct {
		Restored   int `json:"restored"`
		Total      int `json:"total"`
		InProgress int `json:"in_progress"`
		Completed  int `json:"completed"`
	} `json:"counts"`
	Latest *struct {
		Completed *checkpoint `json:"completed"`
		Savepoint *checkpoint `json:"savepoint"`
		Restored  *checkpoint `json:"restored"`
	} `json:"latest"`
	History *[]checkpoint `json:"history"`
}

// checkpoint is one of them (CheckpointStatistics, RestoredCheckpointStatistics).
type checkpoint struct {
	Status    string `json:"status"`
	Path      string `json:"external_path"`
	Discarded bool   `json:"discarded"`
	ID        int64  `json:"id"`
	Savepoint bool   `json:"is_savepoint"`
	Acked     int64  `json:"latest_ack_timestamp"` // ms since 1970
}

// path is "" where Flink has none.
func (c *checkpoint) path() string {
	if c == nil || c.Path == notAddressable {
		return ""
	}
	return c.Path
}

// settings are of the checkpointing of a job (CheckpointConfigInfo), times in milliseconds.
type settings struct {
	Mode            string `json:"mode"`
	Interval        *int64 `json:"interval"`
	Timeout         *int64 `json:"timeout"`
	Changelog       bool   `json:"state_changelog_enabled"`
	Materialization *int64 `json:"changelog_periodic_materialization_interval"`
}

// verdict is what came of asking for a document of one job.
type verdict uint8

const (
	told    verdict = iota
	none            // the job makes no checkpoints
	unknown         // the JobManager does not know the job
)

// askOf asks for a document of one job. There are two reasons for a 404, and only the
// text tells them apart; what is not known to be the one is the other.
func (c *Client) askOf(ctx context.Context, path string, into any) (verdict, error) {
	a, err := c.ask(ctx, path)
	switch {
	case err != nil:
		return 0, err
	case a.status == http.StatusOK:
		return told, c.read(path, a, into)
	case a.status != http.StatusNotFound:
		return 0, c.refusal(path, a)
	}
	message := a.message()
	switch {
	case message == "":
		return 0, c.refusal(path, a) // a proxy's
	case strings.Contains(message, "Checkpointing has not been enabled"),
		strings.Contains(message, "Checkpointing is not enabled"):
		return none, nil
	}
	return unknown, nil
}

// describe asks for all of one job.
func (c *Client) describe(ctx context.Context, e entry) (Job, verdict, error) {
	job := Job{ID: e.id, Checkpointing: true}
	path := "/jobs/" + e.id.String() + "/checkpoints"
	var s statistics
	v, err := c.askOf(ctx, path, &s)
	if err != nil || v == unknown {
		return job, v, err
	}
	if v == none {
		// Before a job has an execution graph, some versions say this of any job.
		job.Checkpointing = !settled(e.status)
		return job, told, nil
	}
	if s.Counts == nil || s.Latest == nil || s.History == nil {
		return job, v, c.errorf(path, hintVersion, "the answer lacks counts, latest or history")
	}
	s.fill(&job)
	var conf settings
	if v, err = c.askOf(ctx, path+"/config", &conf); err != nil || v != told {
		return job, v, err
	}
	if conf.Interval == nil || conf.Timeout == nil {
		return job, v, c.errorf(path+"/config", hintVersion, "the answer lacks interval or timeout")
	}
	conf.fill(&job)
	job.Checkpointing = job.Interval > 0 || s.Counts.Total > 0 || s.Counts.Restored > 0 || s.Latest.Restored != nil || !settled(e.status)
	return job, told, nil
}

// settled is whether a job in this status has its execution graph.
func settled(status string) bool {
	switch status {
	case "RUNNING", "FINISHED", "CANCELED", "FAILED":
		return true
	}
	return false
}

func (s *statistics) fill(job *Job) {
	job.InProgress = s.Counts.InProgress
	job.Completed = s.Counts.Completed > 0 || s.Latest.Completed != nil
	job.Latest = add(job.Latest, s.Latest.Completed.path(), s.Latest.Savepoint.path())
	job.Restored = add(job.Restored, s.Latest.Restored.path())
	job.RestoredUnknown = len(job.Restored) == 0 && (s.Latest.Restored != nil || s.Counts.Restored > 0)
	for _, h := range *s.History {
		if h.Status == "COMPLETED" && !h.Savepoint && h.Acked > 0 {
			if job.History == nil {
				job.History = map[int64]time.Time{}
			}
			job.History[h.ID] = time.UnixMilli(h.Acked)
		}
		if h.Status == "COMPLETED" && !h.Discarded {
			job.Retained = add(job.Retained, h.path())
		}
	}
}

func (s *settings) fill(job *Job) {
	job.Mode = s.Mode
	job.Timeout = duration(s.Timeout)
	job.Interval = duration(s.Interval)
	if *s.Interval == math.MaxInt64 {
		job.Interval = 0
	}
	job.Changelog = s.Changelog
	job.Materialization = duration(s.Materialization)
}

// longest leaves room for sums.
const longest = time.Duration(math.MaxInt64 / 16)

// duration is 0 for what was not told or is switched off, which Flink writes as a
// negative number.
func duration(ms *int64) time.Duration {
	switch {
	case ms == nil || *ms < 0:
		return 0
	case *ms > longest.Milliseconds():
		return longest
	}
	return time.Duration(*ms) * time.Millisecond
}
