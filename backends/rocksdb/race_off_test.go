//go:build !race

package rocksdb

const raceDetector = false
