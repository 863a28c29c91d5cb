//go:build race

package pebble

// raceDetector tells that all takes ten times as long.
const raceDetector = true
