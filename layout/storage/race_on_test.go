//go:build race

package storage

// raceDetector tells that all takes ten times as long.
const raceDetector = true
