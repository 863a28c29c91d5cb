package settings

import (
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// restart is what happens after failures, within the bounds that Flink's strategies set. Where nothing is said, a job with checkpoints is
// restarted with growing delays, as in Flink, and one without is not.
func (r *reader) restart(checkpointing bool) engine.RestartStrategy {
	const key = "restart-strategy."
	name := r.word(key+"type", "none", "off", "disable", "fixed-delay", "fixeddelay", "failure-rate", "failurerate", "exponential-delay", "exponentialdelay")
	if name == "" && checkpointing {
		name = "exponential-delay"
	}
	switch name {
	case "fixed-delay", "fixeddelay":
		return &engine.FixedDelay{
			Attempts: r.int(key+"fixed-delay.attempts", 1, 0),
			Delay:    r.duration(key+"fixed-delay.delay", time.Second),
		}
	case "failure-rate", "failurerate":
		return &engine.FailureRate{
			Max:      r.int(key+"failure-rate.max-failures-per-interval", 1, 1),
			Interval: r.positive(key+"failure-rate.failure-rate-interval", time.Minute),
			Delay:    r.duration(key+"failure-rate.delay", time.Second),
		}
	case "exponential-delay", "exponentialdelay":
		return r.exponential(key + "exponential-delay.")
	}
	return engine.NoRestart{}
}

func (r *reader) exponential(key string) engine.RestartStrategy {
	s := engine.NewExponentialDelay()
	s.Initial = r.positive(key+"initial-backoff", s.Initial)
	s.Max = r.positive(key+"max-backoff", s.Max)
	if s.Initial > s.Max {
		r.refuse(key+"initial-backoff", "want no more than %smax-backoff, which is %s", key, s.Max)
	}
	if s.Multiplier = r.float(key+"backoff-multiplier", s.Multiplier); s.Multiplier <= 1 {
		r.refuse(key+"backoff-multiplier", "want a number above 1")
	}
	s.Reset = r.positive(key+"reset-backoff-threshold", s.Reset)
	if s.Jitter = r.float(key+"jitter-factor", s.Jitter); s.Jitter > 1 {
		r.refuse(key+"jitter-factor", "want a number from 0 to 1")
	}
	if _, ok := r.Lookup(key + "attempts-before-reset-backoff"); ok {
		s.Attempts = r.int(key+"attempts-before-reset-backoff", 1, 1)
	}
	return s
}
