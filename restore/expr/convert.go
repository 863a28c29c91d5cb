package expr

import (
	"math"
	"strconv"
	"time"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// unary compiles what takes one column.
func (c *compiler) unary(name string, a term, kind engine.Kind) (term, bool) {
	switch name {
	case operators.Negate:
		return c.negate(a)
	case operators.LogicalNot:
		return c.not(a)
	case overloads.Size:
		return c.length(a)
	case overloads.TypeConvertInt:
		return c.toLong(a)
	case overloads.TypeConvertDouble:
		return c.toDouble(a)
	case hashName:
		return c.strict(engine.Long, []term{a}, func(f *frame, out *column, args []*column) {
			for i, n := range args[0].Longs[:f.n] {
				out.Longs[i] = hash(n)
			}
		})
	case millisName:
		return c.strict(engine.Long, []term{a}, func(f *frame, out *column, args []*column) {
			copy(out.Longs, args[0].Longs)
		})
	case fromMillisName:
		return c.strict(engine.Timestamp, []term{a}, func(f *frame, out *column, args []*column) {
			for i, ms := range args[0].Longs[:f.n] {
				if out.Longs[i] = ms; ms < minMillis || ms > maxMillis {
					out.fail(i, f.n)
				}
			}
		})
	}
	if part, ok := parts[name]; ok && a.kind == engine.Timestamp && kind == engine.Long {
		return c.part(a, part)
	}
	return term{}, false
}

// toLong compiles int(x).
func (c *compiler) toLong(a term) (term, bool) {
	var do func(from *column, i int) (int64, bool)
	switch a.kind {
	case engine.Long:
		do = func(from *column, i int) (int64, bool) { return from.Longs[i], true }
	case engine.Double:
		do = func(from *column, i int) (int64, bool) {
			x := from.Doubles[i]
			return int64(x), x > math.MinInt64 && x < math.MaxInt64
		}
	case engine.String:
		do = func(from *column, i int) (int64, bool) {
			n, err := strconv.ParseInt(from.Strings[i], 10, 64)
			return n, err == nil
		}
	case engine.Timestamp:
		do = func(from *column, i int) (int64, bool) { return time.UnixMilli(from.Longs[i]).Unix(), true }
	default:
		return term{}, false
	}
	return c.strict(engine.Long, []term{a}, func(f *frame, out *column, args []*column) {
		for i := range f.n {
			n, ok := do(args[0], i)
			if out.Longs[i] = n; !ok {
				out.fail(i, f.n)
			}
		}
	})
}

// toDouble compiles double(x).
func (c *compiler) toDouble(a term) (term, bool) {
	var do func(from *column, i int) (float64, bool)
	switch a.kind {
	case engine.Double:
		do = func(from *column, i int) (float64, bool) { return from.Doubles[i], true }
	case engine.Long:
		do = func(from *column, i int) (float64, bool) { return float64(from.Longs[i]), true }
	case engine.String:
		do = func(from *column, i int) (float64, bool) {
			x, err := strconv.ParseFloat(from.Strings[i], 64)
			return x, err == nil
		}
	default:
		return term{}, false
	}
	return c.strict(engine.Double, []term{a}, func(f *frame, out *column, args []*column) {
		for i := range f.n {
			x, ok := do(args[0], i)
			if out.Doubles[i] = x; !ok {
				out.fail(i, f.n)
			}
		}
	})
}

// parts are those of a timestamp in UTC.
var parts = map[string]func(time.Time) int{
	overloads.TimeGetFullYear:     time.Time.Year,
	overloads.TimeGetMonth:        func(t time.Time) int { return int(t.Month()) - 1 },
	overloads.TimeGetDayOfYear:    func(t time.Time) int { return t.YearDay() - 1 },
	overloads.TimeGetDate:         time.Time.Day,
	overloads.TimeGetDayOfMonth:   func(t time.Time) int { return t.Day() - 1 },
	overloads.TimeGetDayOfWeek:    func(t time.Time) int { return int(t.Weekday()) },
	overloads.TimeGetHours:        time.Time.Hour,
	overloads.TimeGetMinutes:      time.Time.Minute,
	overloads.TimeGetSeconds:      time.Time.Second,
	overloads.TimeGetMilliseconds: func(t time.Time) int { return t.Nanosecond() / int(time.Millisecond) },
}

func (c *compiler) part(a term, part func(time.Time) int) (term, bool) {
	return c.strict(engine.Long, []term{a}, func(f *frame, out *column, args []*column) {
		for i, ms := range args[0].Longs[:f.n] {
			out.Longs[i] = int64(part(time.UnixMilli(ms).UTC()))
		}
	})
}

// shift compiles ts + duration("5m") and ts - duration("5m").
func (c *compiler) shift(name string, args []celast.Expr, kind engine.Kind) (term, bool) {
	if kind != engine.Timestamp {
		return term{}, false
	}
	value, _ := c.fold(args[1])
	d, ok := value.(types.Duration)
	if !ok || d.Duration%time.Millisecond != 0 {
		return term{}, false
	}
	a, ok := c.compile(args[0])
	if !ok || a.kind != engine.Timestamp {
		return term{}, false
	}
	by := d.Milliseconds()
	if name == operators.Subtract {
		by = -by
	}
	return c.strict(engine.Timestamp, []term{a}, func(f *frame, out *column, args []*column) {
		for i, ms := range args[0].Longs[:f.n] {
			sum := ms + by
			if out.Longs[i] = sum; sum < minMillis || sum > maxMillis || ms < minMillis || ms > maxMillis {
				out.fail(i, f.n)
			}
		}
	})
}

// strptime compiles the reading of times in a constant format.
func (c *compiler) strptime(a, format term) (term, bool) {
	s, ok := format.value.(types.String)
	if !ok || a.kind != engine.String {
		return term{}, false
	}
	l, err := parseLayout(string(s))
	if err != nil {
		return term{}, false
	}
	return c.strict(engine.Timestamp, []term{a}, func(f *frame, out *column, args []*column) {
		for i, s := range args[0].Strings[:f.n] {
			ms, ok := l.read(s)
			if out.Longs[i] = ms; !ok {
				out.fail(i, f.n)
			}
		}
	})
}
