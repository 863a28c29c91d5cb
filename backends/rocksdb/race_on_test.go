//go:build race

package rocksdb

// raceDetector tells that all takes ten times as long.
const raceDetector = true
