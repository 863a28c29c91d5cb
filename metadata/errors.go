package metadata

import "fmt"

// Kind says why a file could not be read.
type Kind uint8

// The kinds.
const (
	Corrupt     Kind = iota // it began as `_metadata` and then broke the format
	NotMetadata             // it does not begin with the magic number
	Unsupported             // a version that this package does not read
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case NotMetadata:
		return "not a _metadata file"
	case Unsupported:
		return "unsupported"
	}
	return "corrupt"
}

// Error tells what is wrong with the bytes of a `_metadata` file. Errors of
// the reader that supplies these bytes are passed through as they are.
type Error struct {
	Kind    Kind
	Offset  int64 // in the file, in bytes
	Message string
	Hint    string // what to do about it, or ""
	// UnknownHandle is whether a handle is of a kind that is not known. Either the file is
	// corrupt, or a Flink wrote it that knows more kinds.
	UnknownHandle bool
	// Parquet is whether the file is one of Parquet, which calls some of its own so.
	Parquet bool
}

// Error is the message with its offset.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (at offset %d, 0x%x)", e.Message, e.Offset, e.Offset)
}
