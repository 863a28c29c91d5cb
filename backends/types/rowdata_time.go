package types

import "fmt"

const (
	secondsPerDay = 86400
	nanosPerMilli = 1_000_000
	millisPerDay  = secondsPerDay * 1000
)

// appendTime appends a DATE, TIME, TIMESTAMP or TIMESTAMP_LTZ as a string.
func (x *box) appendTime(dst []byte, c *column, slot int) ([]byte, error) {
	switch c.kind {
	case sqlDate:
		return append(appendDate(append(dst, '"'), fromDays(int64(int32(x.u32(slot))))), '"'), nil
	case sqlTime:
		t, err := x.timeOfDay(slot)
		return append(appendTime(append(dst, '"'), t), '"'), err
	}
	ms, nanos, err := x.moment(slot, c.precision)
	if err != nil {
		return dst, err
	}
	return appendMoment(dst, c, ms, nanos), nil
}

// appendMoment appends a TIMESTAMP or TIMESTAMP_LTZ.
func appendMoment(dst []byte, c *column, ms int64, nanos int32) []byte {
	i := instantOf(ms, nanos)
	if c.kind == sqlInstant {
		return appendInstant(dst, i)
	}
	return append(appendDateTime(append(dst, '"'), i.dateTime()), '"')
}

// timeOfDay is a TIME: milliseconds of the day.
func (x *box) timeOfDay(slot int) (Time, error) {
	ms := int32(x.u32(slot))
	if ms < 0 || ms >= millisPerDay {
		return Time{}, wrong(x.base+slot, "a day has no millisecond %d", ms)
	}
	return clock(ms/1000, ms%1000*nanosPerMilli), nil
}

// clock is a time of day by its second.
func clock(second, nanos int32) Time {
	return Time{Hour: int8(second / 3600), Minute: int8(second / 60 % 60), Second: int8(second % 60), Nano: nanos}
}

func (t Time) second() int64 { return int64(t.Hour)*3600 + int64(t.Minute)*60 + int64(t.Second) }

// instantOf is a point in time by its milliseconds, and nanoseconds of the millisecond.
func instantOf(ms int64, nanos int32) Instant {
	i := fromMillis(ms)
	i.Nanos += nanos
	return i
}

// dateTime is the day and time of i in UTC.
func (i Instant) dateTime() DateTime {
	days := floorDiv(i.Seconds, secondsPerDay)
	return DateTime{fromDays(days), clock(int32(i.Seconds-days*secondsPerDay), i.Nanos)}
}

func (d DateTime) instant() Instant {
	return Instant{d.Date.days()*secondsPerDay + d.Time.second(), d.Time.Nano}
}

// momentOf is a TIMESTAMP or TIMESTAMP_LTZ as milliseconds, and nanoseconds of the millisecond.
func momentOf(v any, precision int32) (ms int64, nanos int32, err error) {
	var i Instant
	switch v := v.(type) {
	case DateTime:
		i = v.instant()
	case Instant:
		i = v
	}
	ms, nanos = i.millis(), i.Nanos%nanosPerMilli
	switch {
	case floorDiv(ms, 1000) != i.Seconds || i.Nanos < 0 || i.Nanos >= nanosPerSecond: // it overflowed
		return 0, 0, fmt.Errorf("a time is out of range")
	case nanos != 0 && precision <= compactTimestamp:
		return 0, 0, fmt.Errorf("a time has %d nanoseconds that a precision of %d cannot hold", i.Nanos, precision)
	}
	return ms, nanos, nil
}
