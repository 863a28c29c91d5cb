package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// RestartStrategy says what happens after a failure (Flink: RestartBackoffTimeStrategy). One goroutine uses it.
type RestartStrategy interface {
	// Failed tells of a failure. again is whether the job restarts, after delay.
	Failed(at time.Time, cause error) (delay time.Duration, again bool)
	String() string
}

// NoRestart fails the job with its first failure (restart-strategy.type: none).
type NoRestart struct{}

// Failed implements RestartStrategy.
func (NoRestart) Failed(time.Time, error) (time.Duration, bool) { return 0, false }

// String implements RestartStrategy.
func (NoRestart) String() string { return "none" }

// FixedDelay restarts a number of times in all (restart-strategy.fixed-delay; Flink: FixedDelayRestartBackoffTimeStrategy).
type FixedDelay struct {
	Attempts int           // 1 by Flink's default
	Delay    time.Duration // 1 s by Flink's default
	failed   int
}

// Failed implements RestartStrategy.
func (s *FixedDelay) Failed(time.Time, error) (time.Duration, bool) {
	s.failed++
	return s.Delay, s.failed <= s.Attempts
}

// String implements RestartStrategy.
func (s *FixedDelay) String() string {
	return fmt.Sprintf("fixed delay, %d attempts, %s between", s.Attempts, s.Delay)
}

// FailureRate restarts unless there are more failures than Max within Interval (restart-strategy.failure-rate; Flink:
// FailureRateRestartBackoffTimeStrategy).
type FailureRate struct {
	Max      int           // 1 by Flink's default
	Interval time.Duration // 1 min by Flink's default
	Delay    time.Duration // 1 s by Flink's default
	failures []time.Time   // the latest Max+1
}

// Failed implements RestartStrategy.
func (s *FailureRate) Failed(at time.Time, _ error) (time.Duration, bool) {
	if s.Max <= 0 {
		return s.Delay, false
	}
	if len(s.failures) > s.Max {
		s.failures = append(s.failures[:0], s.failures[1:]...)
	}
	s.failures = append(s.failures, at)
	return s.Delay, len(s.failures) <= s.Max || at.Sub(s.failures[0]) > s.Interval
}

// String implements RestartStrategy.
func (s *FailureRate) String() string {
	return fmt.Sprintf("failure rate, at most %d within %s, %s between", s.Max, s.Interval, s.Delay)
}

// ExponentialDelay waits longer after each failure, and begins anew after a quiet time (restart-strategy.exponential-delay; Flink:
// ExponentialDelayRestartBackoffTimeStrategy).
type ExponentialDelay struct {
	Initial    time.Duration // 1 s by Flink's default
	Max        time.Duration // 1 min by Flink's default
	Multiplier float64       // 1.5 by Flink's default
	Reset      time.Duration // 1 h by Flink's default: so long without a failure, counted from the end of the last delay
	Jitter     float64       // 0.1 by Flink's default: the part of a delay by which it may be longer or shorter
	Attempts   int           // before the job fails; 0: as many as it takes, Flink's default
	// Random is from 0 to 1, 1 excluded; nil is the machine's.
	Random func() float64

	failed  int // since the last reset
	current time.Duration
	until   time.Time // the end of the last delay
}

// NewExponentialDelay is the strategy with Flink's defaults.
func NewExponentialDelay() *ExponentialDelay {
	return &ExponentialDelay{Initial: time.Second, Max: time.Minute, Multiplier: 1.5, Reset: time.Hour, Jitter: 0.1}
}

// Failed implements RestartStrategy.
func (s *ExponentialDelay) Failed(at time.Time, _ error) (time.Duration, bool) {
	if s.failed > 0 && at.Sub(s.until) >= s.Reset {
		s.failed = 0
	}
	s.failed++
	if s.Attempts > 0 && s.failed > s.Attempts {
		return 0, false
	}
	if s.failed == 1 {
		s.current = s.Initial
	} else {
		s.current = time.Duration(min(float64(s.current)*s.Multiplier, float64(s.Max)))
	}
	delay := s.jittered()
	s.until = at.Add(delay)
	return delay, true
}

func (s *ExponentialDelay) jittered() time.Duration {
	if s.Jitter == 0 {
		return s.current
	}
	random := s.Random
	if random == nil {
		random = rand.Float64
	}
	offset := float64(s.current) * s.Jitter * (2*random() - 1)
	return time.Duration(math.Max(float64(s.Initial), math.Min(float64(s.Max), float64(s.current)+offset)))
}

// String implements RestartStrategy.
func (s *ExponentialDelay) String() string {
	return fmt.Sprintf("exponential delay, %s to %s by %g, anew after %s", s.Initial, s.Max, s.Multiplier, s.Reset)
}
