package metadata

import "fmt"

// The versions of the format that this package reads and writes.
const (
	Version2 = 2 // Flink 1.3 to 1.10
	Version3 = 3 // Flink 1.11 to 1.15: coordinator state, channel state, finished operators; the unused fields of 2 dropped
	Version4 = 4 // Flink 1.16 to 1.20: checkpoint properties at the end
	Version5 = 5 // Flink 2.0: operator names and uids
	Version6 = 6 // Flink 2.1 and 2.2: merged channel state

	MinVersion = Version2
	MaxVersion = Version6
)

// magic is the first four bytes of every `_metadata`.
const magic = 0x4960672D

// parquet is how files of Parquet begin, which has a _metadata, too: PAR1.
const parquet = 0x50415231

// unsupported is the error for a version that cannot be read.
func unsupported(v int32) *Error {
	e := &Error{Kind: Unsupported, Offset: 4}
	switch {
	case v == 1:
		e.Message = "metadata version 1 is no longer supported (written by Flink 1.1 or 1.2)"
		e.Hint = "restore it with Flink 1.3 to 1.7 and take a new savepoint there"
	case v > MaxVersion:
		e.Message = fmt.Sprintf("metadata version %d is not supported: written by a newer Flink than %s", v, newest)
		e.Hint = fmt.Sprintf("this build reads versions %d to %d; look for a newer ckpt", MinVersion, MaxVersion)
	default:
		e.Kind = Corrupt
		e.Message = fmt.Sprintf("impossible metadata version %d", v)
	}
	return e
}
