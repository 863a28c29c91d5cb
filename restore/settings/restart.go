package settings

import (
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// restart is what happens after failures. Where nothing is said, a job with checkpoints is restarted with growing delays, as in
// Flink, and one without is not.
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
			Max:      r.int(key+"failure-rate.max-failures-per-interval", 1, 0),
			Interval: r.duration(key+"failure-rate.failure-rate-interval", time.Minute),
			Delay:    r.duration(key+"failure-rate.delay", time.Second),
		}
	case "exponential-delay", "exponentialdelay":
		return r.exponential(key + "exponential-delay.")
	}
	return engine.NoRestart{}
}

func (r *reader) exponential(key string) engine.RestartStrategy {
	s := engine.NewExponentialDelay()
	s.Initial = r.duration(key+"initial-backoff", s.Initial)
	s.Max = r.duration(key+"max-backoff", s.Max)
	s.Multiplier = r.float(key+"backoff-multiplier", s.Multiplier)
	s.Reset = r.duration(key+"reset-backoff-threshold", s.Reset)
	s.Jitter = r.float(key+"jitter-factor", s.Jitter)
	s.Attempts = r.int(key+"attempts-before-reset-backoff", int64(s.Attempts), 0)
	return s
}
