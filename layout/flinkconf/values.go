package flinkconf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// get reads the value of a key, or gives what it is otherwise.
func get[T any](c *Config, key string, otherwise T, kind string, read func(string) (T, bool)) (T, error) {
	spelling, e, ok := c.find(key)
	if !ok {
		return otherwise, nil
	}
	v, ok := read(strings.TrimSpace(e.value))
	if ok {
		return v, nil
	}
	shown := strconv.Quote(e.value)
	if Redacted(spelling) {
		shown = "the value"
	}
	err := &Error{Path: e.origin, Key: spelling, Message: fmt.Sprintf("%s is not %s", shown, kind)}
	return otherwise, err
}

// Bytes is a size such as "20kb" or "4 mb" (MemorySize); a bare number is bytes, and k
// is 1024.
func (c *Config) Bytes(key string, otherwise int64) (int64, error) {
	return get(c, key, otherwise, "a size such as 20kb", func(s string) (int64, bool) { return scaled(s, sizes) })
}

// Duration is a time such as "10 min" (TimeUtils); a bare number is milliseconds.
func (c *Config) Duration(key string, otherwise time.Duration) (time.Duration, error) {
	return get(c, key, otherwise, "a time such as 10 min", func(s string) (time.Duration, bool) {
		n, ok := scaled(s, times)
		return time.Duration(n), ok
	})
}

// Bool is "true" or "false", in any case.
func (c *Config) Bool(key string, otherwise bool) (bool, error) {
	return get(c, key, otherwise, "true or false", func(s string) (bool, bool) {
		yes, no := strings.EqualFold(s, "true"), strings.EqualFold(s, "false")
		return yes, yes || no
	})
}

// Int is a whole number.
func (c *Config) Int(key string, otherwise int64) (int64, error) {
	return get(c, key, otherwise, "a whole number", func(s string) (int64, bool) {
		n, err := strconv.ParseInt(s, 10, 64)
		return n, err == nil
	})
}

// units has the factor of each label.
type units map[string]int64

var (
	sizes = labels(units{
		" b bytes": 1, "k kb kibibytes": 1 << 10, "m mb mebibytes": 1 << 20, "g gb gibibytes": 1 << 30, "t tb tebibytes": 1 << 40,
	})
	times = labels(units{
		"d day days": int64(24 * time.Hour), "h hour hours": int64(time.Hour), "m min minute minutes": int64(time.Minute),
		"s sec secs second seconds": int64(time.Second), " ms milli millis millisecond milliseconds": int64(time.Millisecond),
		"µs micro micros microsecond microseconds": int64(time.Microsecond), "ns nano nanos nanosecond nanoseconds": 1,
	})
)

// labels splits "k kb" into both; a space in front stands for no label.
func labels(groups units) units {
	all := units{}
	for group, factor := range groups {
		for _, label := range strings.Split(group, " ") {
			all[label] = factor
		}
	}
	return all
}

// scaled reads digits and a unit.
func scaled(s string, known units) (int64, bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	factor, ok := known[strings.ToLower(strings.TrimSpace(s[end:]))]
	if err != nil || !ok || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}
