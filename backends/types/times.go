package types

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
)

// The types of dates and times, which all have a null: a number that no time has.
//
//	java.util.Date, sql Date, sql Time   i64 milliseconds
//	sql Timestamp     i64 milliseconds, i32 nanoseconds of the second
//	Instant           i64 seconds, i32 nanoseconds
//	LocalDate         i32 year, i8 month, i8 day
//	LocalTime         i8 hour, i8 minute, i8 second, i32 nanoseconds
//	LocalDateTime     LocalDate, LocalTime
//
// The dates of java.sql mean a day or a time in the zone of the JVM, which is nowhere in the bytes; so they are shown
// as the instants that they are.
var (
	utilDateType  = &fixed[Instant]{named: named{name: "Date"}, width: 8, null: minLong, nullKey: 8, get: getMillis, put: putMillis, text: appendInstant, parse: parseMillis, hash: hashMillis}
	sqlDateType   = &fixed[Instant]{named: named{name: "SqlDate"}, width: 8, null: minLong, nullKey: 8, get: getMillis, put: putMillis, text: appendInstant, parse: parseMillis, hash: hashMillis}
	sqlTimeType   = &fixed[Instant]{named: named{name: "SqlTime"}, width: 8, null: minLong, nullKey: 8, get: getMillis, put: putMillis, text: appendInstant, parse: parseMillis, hash: hashMillis}
	timestampType = &fixed[Timestamp]{named: named{name: "Timestamp"}, width: 12, null: append(minLong, 0, 0, 0, 0), nullKey: 8, get: getTimestamp, put: putTimestamp, text: appendTimestamp, parse: parseTimestamp, hash: hashTimestamp}
	instantType   = &fixed[Instant]{named: named{name: "Instant"}, width: 12, null: append(minLong, 0x80, 0, 0, 0), nullKey: 8, get: getInstant, put: putInstant, text: appendInstant, parse: parseOfRange, hash: hashInstant}
	localDateType = &fixed[Date]{named: named{name: "LocalDate"}, width: 6, null: []byte{0x80, 0, 0, 0, 0x80, 0}, nullKey: 4, get: getDate, put: putDate, text: quoted(appendDate), parse: parsed("a date, as 2024-02-29", validDate), hash: hashDate}
	localTimeType = &fixed[Time]{named: named{name: "LocalTime"}, width: 7, null: []byte{0x80, 0x80, 0, 0x80, 0, 0, 0}, nullKey: 1, get: getTime, put: putTime, text: quoted(appendTime), parse: parsed("a time, as 23:59:58.5", readTime), hash: hashTime}
	dateTimeType  = &fixed[DateTime]{named: named{name: "LocalDateTime"}, width: 13, null: []byte{0x80, 0, 0, 0, 0x80, 0, 0x80, 0x80, 0, 0x80, 0, 0, 0}, nullKey: 4, get: getDateTime, put: putDateTime, text: quoted(appendDateTime), parse: parsed("a date and time, as 2024-02-29T23:59", validDateTime), hash: hashDateTime}
)

var minLong = []byte{0x80, 0, 0, 0, 0, 0, 0, 0}[:8:8]

const (
	nanosPerSecond = 1_000_000_000
	maxYear        = 999_999_999 // of Java's LocalDate; an Instant goes one year beyond on both sides
	// The seconds of Java's Instant.MIN and MAX.
	minSeconds, maxSeconds = -31557014167219200, 31556889864403199
)

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func getMillis(b []byte) (Instant, string) { return fromMillis(int64(binary.BigEndian.Uint64(b))), "" }

func fromMillis(ms int64) Instant {
	s := floorDiv(ms, 1000)
	return Instant{s, int32(ms-s*1000) * 1_000_000}
}

func (i Instant) millis() int64 { return i.Seconds*1000 + int64(i.Nanos/1_000_000) }

func putMillis(dst []byte, v Instant) []byte { return putLong(dst, v.millis()) }
func hashMillis(v Instant) int32             { return hashLong(v.millis()) }

func parseMillis(json []byte) (Instant, error) {
	v, err := parseInstant(json)
	if err != nil {
		return v, err
	}
	if v.Nanos%1_000_000 != 0 || v.Seconds <= math.MinInt64/1000 || v.Seconds >= math.MaxInt64/1000 {
		return v, wanted("a time of whole milliseconds", json)
	}
	return v, nil
}

func getTimestamp(b []byte) (Timestamp, string) {
	v := Timestamp{int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))}
	if v.Nanos < 0 || v.Nanos >= nanosPerSecond {
		return v, "a timestamp has " + strconv.Itoa(int(v.Nanos)) + " nanoseconds"
	}
	return v, ""
}

func putTimestamp(dst []byte, v Timestamp) []byte { return putInt(putLong(dst, v.Millis), v.Nanos) }
func hashTimestamp(v Timestamp) int32             { return hashLong(v.Millis) }

func appendTimestamp(dst []byte, v Timestamp) []byte {
	return appendInstant(dst, Instant{floorDiv(v.Millis, 1000), v.Nanos})
}

func parseTimestamp(json []byte) (Timestamp, error) {
	v, err := parseInstant(json)
	if err == nil && (v.Seconds <= math.MinInt64/1000 || v.Seconds >= math.MaxInt64/1000) {
		err = wanted("a time that fits milliseconds", json)
	}
	return Timestamp{v.millis(), v.Nanos}, err
}

func getInstant(b []byte) (Instant, string) {
	v := Instant{int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))}
	if v.Nanos < 0 || v.Nanos >= nanosPerSecond || v.Seconds < minSeconds || v.Seconds > maxSeconds {
		return v, "an instant is out of range"
	}
	return v, ""
}

func putInstant(dst []byte, v Instant) []byte { return putInt(putLong(dst, v.Seconds), v.Nanos) }
func hashInstant(v Instant) int32             { return hashLong(v.Seconds) + 51*v.Nanos }

func getDate(b []byte) (Date, string) {
	v := Date{int32(binary.BigEndian.Uint32(b)), int8(b[4]), int8(b[5])}
	if !v.valid() {
		return v, "there is no such date"
	}
	return v, ""
}

func (d Date) valid() bool { return d.Year >= -maxYear && d.Year <= maxYear && d.exists() }

func (d Date) exists() bool {
	return d.Month >= 1 && d.Month <= 12 && d.Day >= 1 && int(d.Day) <= daysIn(d.Year, d.Month)
}

func daysIn(year int32, month int8) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func putDate(dst []byte, v Date) []byte {
	return append(putInt(dst, v.Year), byte(v.Month), byte(v.Day))
}

func hashDate(v Date) int32 {
	return v.Year&-0x800 ^ (v.Year<<11 + int32(v.Month)<<6 + int32(v.Day))
}

func getTime(b []byte) (Time, string) {
	v := Time{int8(b[0]), int8(b[1]), int8(b[2]), int32(binary.BigEndian.Uint32(b[3:]))}
	if !v.valid() {
		return v, "there is no such time of day"
	}
	return v, ""
}

func (t Time) valid() bool {
	return t.Hour >= 0 && t.Hour < 24 && t.Minute >= 0 && t.Minute < 60 && t.Second >= 0 && t.Second < 60 && t.Nano >= 0 && t.Nano < nanosPerSecond
}

func putTime(dst []byte, v Time) []byte {
	return putInt(append(dst, byte(v.Hour), byte(v.Minute), byte(v.Second)), v.Nano)
}

func hashTime(v Time) int32 {
	seconds := int64(v.Hour)*3600 + int64(v.Minute)*60 + int64(v.Second)
	return hashLong(seconds*nanosPerSecond + int64(v.Nano))
}

func getDateTime(b []byte) (DateTime, string) {
	d, wrong := getDate(b)
	if wrong != "" {
		return DateTime{}, wrong
	}
	t, wrong := getTime(b[6:])
	return DateTime{d, t}, wrong
}

func putDateTime(dst []byte, v DateTime) []byte { return putTime(putDate(dst, v.Date), v.Time) }
func hashDateTime(v DateTime) int32             { return hashDate(v.Date) ^ hashTime(v.Time) }

// appendDate appends a date as Java does: -0005-01-01, 2024-02-29, +10000-01-01.
func appendDate(dst []byte, v Date) []byte {
	year := v.Year
	switch {
	case year < 0:
		dst = append(dst, '-')
		year = -year
	case year > 9999:
		dst = append(dst, '+')
	}
	dst = appendPadded(dst, year, 4)
	dst = appendPadded(append(dst, '-'), int32(v.Month), 2)
	return appendPadded(append(dst, '-'), int32(v.Day), 2)
}

// appendPadded appends v with zeros before it, to so many digits.
func appendPadded(dst []byte, v int32, digits int) []byte {
	for limit := int32(10); digits > 1; digits-- {
		if v < limit {
			dst = append(dst, "000"[:digits-1]...)
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(v), 10)
}

// appendTime appends a time as Java does: without seconds if there are none, and with 3, 6 or 9 digits of
// a fraction if there is one.
func appendTime(dst []byte, v Time) []byte {
	dst = appendPadded(dst, int32(v.Hour), 2)
	dst = appendPadded(append(dst, ':'), int32(v.Minute), 2)
	if v.Second == 0 && v.Nano == 0 {
		return dst
	}
	dst = appendPadded(append(dst, ':'), int32(v.Second), 2)
	return appendFraction(dst, v.Nano)
}

func appendFraction(dst []byte, nanos int32) []byte {
	if nanos == 0 {
		return dst
	}
	digits := 9
	for digits > 3 && nanos%1000 == 0 {
		nanos /= 1000
		digits -= 3
	}
	dst = append(dst, '.')
	at := len(dst)
	dst = append(dst, "000000000"[:digits]...)
	for i := at + digits - 1; nanos > 0; i-- {
		dst[i] = byte('0' + nanos%10)
		nanos /= 10
	}
	return dst
}

func appendDateTime(dst []byte, v DateTime) []byte {
	return appendTime(append(appendDate(dst, v.Date), 'T'), v.Time)
}

// appendInstant appends a point in time as Java's Instant does, as a string of JSON.
func appendInstant(dst []byte, v Instant) []byte {
	days := floorDiv(v.Seconds, 86400)
	rest := int32(v.Seconds - days*86400)
	dst = append(appendDate(append(dst, '"'), fromDays(days)), 'T')
	dst = appendPadded(dst, rest/3600, 2)
	dst = appendPadded(append(dst, ':'), rest/60%60, 2)
	dst = appendPadded(append(dst, ':'), rest%60, 2)
	return append(appendFraction(dst, v.Nanos), 'Z', '"')
}

// fromDays is the date so many days after 1970-01-01. Years are counted from March, so that a leap day is the last
// of its year, in eras of 400 years, which are all of 146097 days.
func fromDays(days int64) Date {
	days += 719468 // since 0000-03-01
	era := floorDiv(days, 146097)
	day := days - era*146097
	year := (day - day/1460 + day/36524 - day/146096) / 365
	day -= 365*year + year/4 - year/100
	month := (5*day + 2) / 153
	d := Date{Year: int32(year + era*400), Month: int8(month + 3), Day: int8(day - (153*month+2)/5 + 1)}
	if d.Month > 12 {
		d.Month -= 12
		d.Year++
	}
	return d
}

// days is how many days after 1970-01-01 the date is.
func (d Date) days() int64 {
	year, month := int64(d.Year), int64(d.Month)
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + int64(d.Day) - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

// quoted makes a text a string of JSON.
func quoted[T any](text func([]byte, T) []byte) func([]byte, T) []byte {
	return func(dst []byte, v T) []byte { return append(text(append(dst, '"'), v), '"') }
}

// parsed reads a string of JSON by a function of its text.
func parsed[T any](what string, read func(string) (T, bool)) func([]byte) (T, error) {
	return func(json []byte) (T, error) {
		s, err := parseString(json)
		v, ok := read(s)
		if err != nil || !ok {
			return v, wanted(what, json)
		}
		return v, nil
	}
}

func readDate(s string) (Date, bool) {
	negative := strings.HasPrefix(s, "-")
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	p := strings.Split(digits, "-")
	if len(p) != 3 || len(p[0]) < 4 || len(p[1]) != 2 || len(p[2]) != 2 {
		return Date{}, false
	}
	year, ok := readNumber(p[0])
	month, ok1 := readNumber(p[1])
	day, ok2 := readNumber(p[2])
	if negative {
		year = -year
	}
	d := Date{year, int8(month), int8(day)}
	return d, ok && ok1 && ok2 && month <= 12 && day <= 31 && d.exists()
}

func validDate(s string) (Date, bool) {
	d, ok := readDate(s)
	return d, ok && d.valid()
}

func validDateTime(s string) (DateTime, bool) {
	d, ok := readDateTime(s)
	return d, ok && d.Date.valid()
}

// readNumber reads digits.
func readNumber(s string) (int32, bool) {
	v, err := strconv.ParseUint(s, 10, 31)
	return int32(v), err == nil
}

func readTime(s string) (Time, bool) {
	s, fraction, dot := strings.Cut(s, ".")
	nano, ok := int32(0), true
	if dot {
		ok = fraction != "" && len(fraction) <= 9
		if ok {
			nano, ok = readNumber(fraction + "000000000"[len(fraction):])
		}
	}
	p := strings.Split(s, ":")
	if !ok || len(p) < 2 || len(p) > 3 || dot && len(p) == 2 {
		return Time{}, false
	}
	var v [3]int32
	for i, text := range p {
		n, good := readNumber(text)
		if !good || len(text) != 2 {
			return Time{}, false
		}
		v[i] = n
	}
	t := Time{int8(v[0]), int8(v[1]), int8(v[2]), nano}
	return t, t.valid()
}

func readDateTime(s string) (DateTime, bool) {
	date, clock, _ := strings.Cut(s, "T")
	d, ok := readDate(date)
	t, also := readTime(clock)
	return DateTime{d, t}, ok && also
}

// parseOfRange reads what Java's Instant can be.
func parseOfRange(json []byte) (Instant, error) {
	v, err := parseInstant(json)
	if err == nil && (v.Seconds < minSeconds || v.Seconds > maxSeconds) {
		err = wanted("a time of the years from -1000000000 to +1000000000", json)
	}
	return v, err
}

// parseInstant reads a point in time: as appendInstant writes it, or with another zone.
func parseInstant(json []byte) (Instant, error) {
	s, err := parseString(json)
	if err == nil {
		if text, ok := strings.CutSuffix(s, "Z"); ok {
			if v, ok := readDateTime(text); ok {
				t := v.Time
				return Instant{v.Date.days()*86400 + int64(t.Hour)*3600 + int64(t.Minute)*60 + int64(t.Second), t.Nano}, nil
			}
		}
		if v, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return Instant{v.Unix(), int32(v.Nanosecond())}, nil
		}
	}
	return Instant{}, wanted("a time, as 2024-02-29T23:59:58.5Z", json)
}
