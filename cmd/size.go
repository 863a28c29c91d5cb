package cmd

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units of sizes are powers of 1024, whatever their spelling, as Flink's are
// (Flink: MemorySize).
var units = map[string]float64{
	"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
	"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30, "t": 1 << 40, "tb": 1 << 40, "tib": 1 << 40,
}

// parseSize reads a number of bytes such as 10G, 500 MB or 1.5GiB.
func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit, ok := units[strings.ToLower(strings.TrimSpace(s[len(digits):]))]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || math.IsNaN(n) || n < 0 || n*unit >= 1<<63 {
		return 0, fmt.Errorf("%q is no size: want bytes, or a number with K, M, G or T", s)
	}
	return int64(n * unit), nil
}
