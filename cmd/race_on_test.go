//go:build race

package cmd

// raceDetector tells that all takes ten times as long.
const raceDetector = true
