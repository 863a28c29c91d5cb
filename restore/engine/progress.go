package engine

import (
	"crypto/rand"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// Progress is how far a job is.
type Progress struct {
	Running          time.Duration
	Records          int64   // that the sources gave, those given again after failures included
	RecordsPerSecond float64 // since Progress was asked for before
	// Watermark is the least of all tasks, NoTime before there is one and MaxWatermark at the end; Lag is how far it is behind
	// the clock, 0 for these.
	Watermark int64
	Lag       time.Duration
	// Checkpoint is the latest completed one, 0 for none.
	Checkpoint         int64
	CheckpointSize     int64
	CheckpointDuration time.Duration
	CheckpointPath     string
	Completed, Failed  int64 // checkpoints
	Restarts           int
}

// rate is what is remembered to tell records per second.
type rate struct {
	at      time.Time
	records int64
}

// Progress tells how far the job is.
func (e *Execution) Progress() Progress {
	now := e.config.Clock.Now()
	stats := e.coordinator.Stats()
	e.mu.Lock()
	defer e.mu.Unlock()
	p := Progress{Running: now.Sub(e.began), Records: e.records(), Watermark: NoTime, Restarts: e.restarts,
		Completed: stats.Counts.Completed, Failed: stats.Counts.Failed}
	if e.rate.at.IsZero() {
		e.rate.at = e.began
	}
	if d := now.Sub(e.rate.at).Seconds(); d > 0 {
		p.RecordsPerSecond = float64(p.Records-e.rate.records) / d
	}
	e.rate = rate{now, p.Records}
	if e.attempt != nil {
		p.Watermark = e.attempt.watermark()
	}
	if p.Watermark != NoTime && p.Watermark != MaxWatermark {
		p.Lag = now.Sub(time.UnixMilli(p.Watermark))
	}
	for i := range stats.History {
		if h := &stats.History[i]; h.Status == coordinator.Completed {
			p.Checkpoint, p.CheckpointSize, p.CheckpointDuration, p.CheckpointPath = h.ID, h.StateSize, h.Duration(), h.Pointer
			break
		}
	}
	return p
}

// records are those of all attempts. The caller holds the lock.
func (e *Execution) records() int64 {
	if e.attempt == nil {
		return 0
	}
	return e.before + e.attempt.records()
}

// randomJobID is as Flink makes one.
func randomJobID() (id layout.JobID) {
	rand.Read(id[:]) // never fails
	return id
}
