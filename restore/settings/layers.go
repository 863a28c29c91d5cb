package settings

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout/flinkconf"
)

// Layers are where settings come from. Either may be nil.
type Layers struct {
	Application   *flinkconf.Config // the job itself
	Configuration *flinkconf.Config // of the cluster, had it one
}

// layer is the first that has the key.
func (l *Layers) layer(key string) *flinkconf.Config {
	for _, c := range []*flinkconf.Config{l.Application, l.Configuration} {
		if c != nil {
			if _, ok := c.Lookup(key); ok {
				return c
			}
		}
	}
	return &flinkconf.Config{}
}

// Lookup is the value of a key, by whichever of its spellings.
func (l *Layers) Lookup(key string) (string, bool) {
	v, ok := l.layer(key).Lookup(key)
	return strings.TrimSpace(v), ok
}

// reader reads typed values, and keeps the first error.
type reader struct {
	*Layers
	warnings []string
	err      error
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) refuse(key, format string, args ...any) {
	value, _ := r.Lookup(key)
	r.keep(&Error{Key: key, Value: value, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

func (r *reader) text(key string) string {
	v, _ := r.Lookup(key)
	return v
}

func (r *reader) bool(key string, otherwise bool) bool {
	v, err := r.layer(key).Bool(key, otherwise)
	r.keep(err)
	return v
}

func (r *reader) duration(key string, otherwise time.Duration) time.Duration {
	v, err := r.layer(key).Duration(key, otherwise)
	r.keep(err)
	if v < 0 {
		r.refuse(key, "a time below zero")
	}
	return v
}

// positive is a time above 0.
func (r *reader) positive(key string, otherwise time.Duration) time.Duration {
	v := r.duration(key, otherwise)
	if v == 0 {
		r.refuse(key, "want a time above 0")
	}
	return v
}

func (r *reader) bytes(key string, otherwise int64) int64 {
	v, err := r.layer(key).Bytes(key, otherwise)
	r.keep(err)
	return v
}

func (r *reader) int(key string, otherwise, least int64) int {
	v, err := r.layer(key).Int(key, otherwise)
	r.keep(err)
	if err == nil && (v < least || v > 1<<31-1) {
		r.refuse(key, "want a number from %d on", least)
	}
	return int(v)
}

func (r *reader) float(key string, otherwise float64) float64 {
	v, ok := r.Lookup(key)
	if !ok {
		return otherwise
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= math.MaxFloat64) {
		r.refuse(key, "want a number")
		return otherwise
	}
	return f
}

// word is one of some words, in any case of letters; "" where the key is not set.
func (r *reader) word(key string, words ...string) string {
	v, ok := r.Lookup(key)
	if !ok {
		return ""
	}
	i := slices.IndexFunc(words, func(w string) bool { return strings.EqualFold(w, v) })
	if i < 0 {
		r.refuse(key, "want one of %s", strings.Join(words, ", "))
		return ""
	}
	return words[i]
}

// Error tells of a setting that cannot be, or that the engine does not have.
type Error struct {
	Key, Value string
	Message    string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Value == "" {
		return e.Key + ": " + e.Message
	}
	return e.Key + ": " + e.Value + ": " + e.Message
}
