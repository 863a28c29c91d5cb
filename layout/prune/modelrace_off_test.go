//go:build !race

package prune_test

// raceEnabled is whether the race detector is on, which makes all much slower.
const raceEnabled = false
