package storage

import (
	"log/slog"
	"os"
	"time"
)

// Settings is what drivers take from outside. The zero value is that of a user who has
// set nothing: the process's environment, and no configuration of Flink.
type Settings struct {
	// Concurrency is how many requests one listing may have under way, 16 where it is
	// zero. At 1 a bucket is listed page by page, which takes the fewest requests.
	Concurrency int
	// RetryBudget is how long an operation may be tried again where a store asks for
	// patience (throttling, 5xx, broken connections), a minute where it is zero. What
	// patience cannot mend is not tried again: a refused connection, an unknown host,
	// credentials that are wrong.
	RetryBudget time.Duration
	// LookupEnv is the environment, os.LookupEnv where it is nil. The cloud SDKs read
	// some variables of the process by themselves.
	LookupEnv func(name string) (string, bool)
	// Flink is Flink's configuration, deprecated keys resolved. It may be nil.
	Flink func(key string) (string, bool)
	// Log takes what is worth knowing but is no error, such as retries. It may be nil.
	Log *slog.Logger

	partSize int64  // of uploads, defaultPart where it is zero
	copySize int64  // that is copied in one request, the store's own limit where it is zero
	clock    *clock // that requests set, nil where no one asks it
	writes   bool   // whether rights to change things are asked for
}

// defaultPart is how much of an upload is held at a time; what is smaller goes in one
// request.
const defaultPart = 16 << 20

// copyLimit is how much is copied in one request, by a store that takes so much.
func (s Settings) copyLimit(most int64) int64 {
	if s.copySize > 0 {
		return s.copySize
	}
	return most
}

// part is the size of the parts of an upload.
func (s Settings) part() int64 {
	if s.partSize > 0 {
		return s.partSize
	}
	return defaultPart
}

// concurrency is how many requests a listing may have under way.
func (s Settings) concurrency() int {
	if s.Concurrency > 0 {
		return s.Concurrency
	}
	return 16
}

// retryBudget is how long an operation may be tried again.
func (s Settings) retryBudget() time.Duration {
	if s.RetryBudget > 0 {
		return s.RetryBudget
	}
	return time.Minute
}

// env is an environment variable, "" where it is not set.
func (s Settings) env(name string) string {
	lookup := s.LookupEnv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	v, _ := lookup(name)
	return v
}

// flink is the first of the keys that Flink's configuration has, "" where it has none.
func (s Settings) flink(keys ...string) string {
	if s.Flink == nil {
		return ""
	}
	for _, key := range keys {
		if v, ok := s.Flink(key); ok && v != "" {
			return v
		}
	}
	return ""
}

// log is where to say what is worth knowing, and never nil.
func (s Settings) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.New(slog.DiscardHandler)
}
