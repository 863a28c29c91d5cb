// Package expr computes columns of batches from expressions in CEL (https://cel.dev).
//
// An expression sees the columns of a stream as variables of their names:
//
//	BOOLEAN    bool             STRING     string
//	BIGINT     int              BYTES      bytes
//	DOUBLE     double           TIMESTAMP  timestamp
//
// Each may be null: x == null asks; what has no meaning for null, such as x + 1, is an error. c ? x : null may give null where x is
// a column, a timestamp or of capture. An int and a double compare by < and the like as the numbers they are; == takes two of one type. A timestamp goes with CEL's functions, ts.getHours(), ts - duration("5m"), timestamp("2026-01-01T00:00:00Z"); millis(ts) is its
// number, and fromMillis(n) the way back. Columns hold whole milliseconds: what is finer is cut off in a result. Besides
// what CEL itself has there are the extensions strings (x.split(" "), x.replace("a", "b"), x.lowerAscii() …) and math (math.abs(x) …), and
//
//	pad(n, width)            n in decimals, with zeros in front up to width characters, the sign counted; width 0 to 1000
//	hash(n)                  (n * 0x9E3779B97F4A7C15) >>> 1 in 64 bits: spreads numbers over 0 … 2^63-1
//	millis(ts)               milliseconds since 1970
//	fromMillis(n)            a timestamp of these; years 1 to 9999
//	capture(s, regexp, n)    group n of the first match, 0 is all of it; null where s does not match or the group took no part
//	strptime(s, format)      a timestamp as text: %Y %m %d %H %M %S %b %B %y %e %z %Z %L(milliseconds) %s(seconds since 1970) %%;
//	                         UTC where no zone is given
//
// What CEL calls an error ends the job: overflow of integers, division by zero, a text that is no number. As there, one side of
// && and || may fail where the other decides, and so may the branch of ?: that is not taken.
//
// An expression is checked when it is compiled. Its primitive parts become functions over whole columns:
//
//	arithmetic, comparisons, && || ! ?:, texts put together, in (a list of constants), size, startsWith, endsWith, contains, matches,
//	conversions, parts of timestamps, null checks, the functions above
//
// and the others (macros, lists, maps, the extensions) are given to CEL's interpreter, a record at a time. For a record where a column
// function meets null or would fail, the interpreter is asked for the whole expression. So the two never differ, and each
// error is CEL's own.
package expr
