//go:build race

package backendtest

// raceDetector tells that all takes ten times as long.
const raceDetector = true
