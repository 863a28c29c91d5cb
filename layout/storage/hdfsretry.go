package storage

import (
	"context"
	"log/slog"
	"time"
)

// hdfsRetry is the patience with one operation: longer pauses each time, until the
// budget is spent.
type hdfsRetry struct {
	try      int
	deadline time.Time
	log      *slog.Logger
}

func newHDFSRetry(s Settings) *hdfsRetry {
	return &hdfsRetry{deadline: time.Now().Add(s.retryBudget()), log: s.log()}
}

// wait pauses before another try, or gives the reason why there will be none.
func (r *hdfsRetry) wait(ctx context.Context, cause error) error {
	pause := backoff(r.try)
	if time.Now().Add(pause).After(r.deadline) {
		return cause
	}
	r.try++
	r.log.Debug("trying again", "in", pause, "after", cause)
	return sleep(ctx, pause)
}
