package engine

import "time"

// RestartStrategy says what happens after a failure (Flink: RestartBackoffTimeStrategy).
type RestartStrategy interface {
	// Failed tells of a failure. again is whether the job restarts, after delay.
	Failed(at time.Time, cause error) (delay time.Duration, again bool)
	String() string
}
