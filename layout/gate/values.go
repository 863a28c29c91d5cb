package gate

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// units has the factor of each unit, in lower case.
type units map[string]int64

var (
	sizes = split(map[string]int64{
		" b bytes": 1, "k kb kib kibibytes": 1 << 10, "m mb mib mebibytes": 1 << 20, "g gb gib gibibytes": 1 << 30,
		"t tb tib tebibytes": 1 << 40,
	})
	times = split(map[string]int64{
		"s sec secs second seconds": int64(time.Second), "m min minute minutes": int64(time.Minute),
		"h hour hours": int64(time.Hour), "d day days": 24 * int64(time.Hour),
	})
)

// split makes an entry of each word; a space in front stands for no unit at all.
func split(groups map[string]int64) units {
	all := units{}
	for words, factor := range groups {
		for _, word := range strings.Split(words, " ") {
			all[word] = factor
		}
	}
	return all
}

// parse reads digits and a unit.
func (u units) parse(s string) (int64, bool) {
	digits, unit := cutNumber(s, "0123456789")
	n, err := strconv.ParseInt(digits, 10, 64)
	factor, ok := u[strings.ToLower(unit)]
	if err != nil || !ok || n > math.MaxInt64/factor {
		return 0, false
	}
	return n * factor, true
}

// cutNumber parts a number from its unit.
func cutNumber(s, digits string) (number, unit string) {
	unit = strings.TrimLeft(s, digits)
	return s[:len(s)-len(unit)], strings.TrimSpace(unit)
}

// parseGrowth reads a size or a percentage.
func parseGrowth(s string) (*Growth, bool) {
	if n, ok := sizes.parse(s); ok {
		return &Growth{Amount: n}, true
	}
	number, unit := cutNumber(s, "0123456789.")
	whole, decimals, point := strings.Cut(number, ".")
	if unit != "%" || point && decimals == "" || len(decimals) > 4 {
		return nil, false
	}
	// Four decimals of a percent are the millionths.
	n, err := strconv.ParseUint(whole+decimals+"0000"[len(decimals):], 10, 63)
	return &Growth{Amount: int64(n), Relative: true}, err == nil && whole != ""
}
