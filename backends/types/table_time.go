package types

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
)

// checked is a fixed type that does not take all values of its Go type.
type checked[T any] struct {
	fixed[T]
	check func(T) error
}

// Encode implements backends.Type.
func (t *checked[T]) Encode(dst []byte, v any) ([]byte, error) {
	if typed, ok := v.(T); ok {
		if err := t.check(typed); err != nil {
			return dst, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return t.fixed.Encode(dst, v)
}

// FromJSON implements backends.Type.
func (t *checked[T]) FromJSON(json []byte) (any, error) {
	v, err := t.fixed.FromJSON(json)
	if typed, ok := v.(T); ok && err == nil {
		if err := t.check(typed); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return v, err
}

// newTimestampData is the type of a TIMESTAMP or a TIMESTAMP_LTZ, which only their use tells apart: an i64 of milliseconds,
// and from 4 digits on an i32 of nanoseconds of the millisecond (Flink: TimestampDataSerializer).
func newTimestampData(class string, precision int32) backends.Type {
	return newMoment(class, precision, "TIMESTAMP", Instant.dateTime, DateTime.instant, quoted(appendDateTime), dateTimeType.parse)
}

func newMoment[T any](class string, precision int32, name string, from func(Instant) T, to func(T) Instant, text func([]byte, T) []byte,
	parse func([]byte) (T, error)) backends.Type {
	width := 8
	if precision > compactTimestamp {
		width = 12
	}
	return &checked[T]{
		fixed: fixed[T]{
			named: named{name: fmt.Sprintf("%s(%d)", name, precision), class: class}, width: width, text: text, parse: parse,
			get: func(b []byte) (v T, problem string) {
				nanos := int32(0)
				if width == 12 {
					nanos = int32(binary.BigEndian.Uint32(b[8:]))
				}
				if nanos < 0 || nanos >= nanosPerMilli {
					return v, fmt.Sprintf("a timestamp has %d nanoseconds of a millisecond", nanos)
				}
				return from(instantOf(int64(binary.BigEndian.Uint64(b)), nanos)), ""
			},
			put: func(dst []byte, v T) []byte {
				i := to(v)
				dst = putLong(dst, i.millis())
				if width == 12 {
					dst = putInt(dst, i.Nanos%nanosPerMilli)
				}
				return dst
			},
		},
		check: func(v T) error {
			_, _, err := momentOf(to(v), precision)
			return err
		},
	}
}

// newExternal is the type of a nested one, with the meaning that SQL gives its numbers.
func newExternal(class string, inner backends.Type, c *column) backends.Type {
	if c == nil {
		return &renamed{Type: inner, class: class}
	}
	switch {
	case c.kind == sqlDate && inner.Width() == 4:
		return newDateData(class)
	case c.kind == sqlTime && inner.Width() == 4:
		return newTimeData(class)
	case c.kind == sqlInstant && inner.Width() >= 8:
		return newMoment(class, c.precision, "TIMESTAMP_LTZ", func(i Instant) Instant { return i }, func(i Instant) Instant { return i }, appendInstant, parseInstant)
	}
	return &renamed{Type: inner, class: class}
}

// newDateData is the type of a DATE: an i32 of days since 1970.
func newDateData(class string) backends.Type {
	return &checked[Date]{
		fixed: fixed[Date]{
			named: named{name: "DATE", class: class}, width: 4, text: quoted(appendDate), parse: localDateType.parse,
			get: func(b []byte) (Date, string) { return fromDays(int64(int32(binary.BigEndian.Uint32(b)))), "" },
			put: func(dst []byte, v Date) []byte { return putInt(dst, int32(v.days())) },
		},
		check: func(v Date) error {
			if d := v.days(); d < math.MinInt32 || d > math.MaxInt32 {
				return fmt.Errorf("a date is out of range")
			}
			return nil
		},
	}
}

// newTimeData is the type of a TIME: an i32 of milliseconds of the day.
func newTimeData(class string) backends.Type {
	return &checked[Time]{
		fixed: fixed[Time]{
			named: named{name: "TIME", class: class}, width: 4, text: quoted(appendTime), parse: localTimeType.parse,
			get: func(b []byte) (Time, string) {
				ms := int32(binary.BigEndian.Uint32(b))
				if ms < 0 || ms >= millisPerDay {
					return Time{}, fmt.Sprintf("a day has no millisecond %d", ms)
				}
				return clock(ms/1000, ms%1000*nanosPerMilli), ""
			},
			put: func(dst []byte, v Time) []byte {
				return putInt(dst, int32(v.second())*1000+v.Nano/nanosPerMilli)
			},
		},
		check: func(v Time) error {
			if !v.valid() || v.Nano%nanosPerMilli != 0 {
				return fmt.Errorf("a TIME has whole milliseconds")
			}
			return nil
		},
	}
}
