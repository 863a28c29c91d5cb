package backends

import "errors"

// ErrShort says that bytes end before the value does. More of them may help.
var ErrShort = errors.New("the value is cut off")

// ErrBudget says that something needs more memory than Options.Memory allows. Nothing is wrong with it: with
// more it may be read. An *Error that says so wraps it (errors.Is).
var ErrBudget = errors.New("the memory allowed is not enough")

// Type is how the values of one serializer lie in bytes, and what they mean. Types are
// immutable, and safe for concurrent use.
//
// The methods that take b read one value at its beginning; what follows it is left
// alone. They give ErrShort (errors.Is) where b ends too early, a *TypeError where it cannot be
// such a value, an *OpaqueError where the layout of the value is not known. They never panic, and
// never take memory by what a length in b claims.
type Type interface {
	// String names the type for people: "Map<String, Long>".
	String() string
	// Class is the Java class of the serializer's snapshot.
	Class() string
	// Width is the length of all values in bytes, -1 where it varies (Flink:
	// TypeSerializer.getLength). Keys in RocksDB depend on it.
	Width() int
	// Size is the length of the value in bytes.
	Size(b []byte) (int, error)
	// AppendJSON appends the value as JSON, and tells its length in b.
	AppendJSON(dst, b []byte) ([]byte, int, error)
	// Decode gives the value as Go has it, and its length in b. See package types for which
	// Go type that is. It does not alias b.
	Decode(b []byte) (any, int, error)
	// Encode appends the bytes of v, which is as Decode gives it. Where Flink has several
	// encodings, it is the one that Flink writes.
	Encode(dst []byte, v any) ([]byte, error)
	// FromJSON reads what AppendJSON writes, and gives v as Decode would.
	FromJSON(json []byte) (any, error)
	// Hash is Java's hashCode of v; false where only the job's own class knows it.
	Hash(v any) (int32, bool)
}

// TypeError tells that bytes cannot be a value of a type.
type TypeError struct {
	Type    string
	Offset  int // in the bytes given
	Message string
}

// Error implements error.
func (e *TypeError) Error() string { return e.Message + " (" + e.Type + ")" }

// OpaqueError tells of a serializer whose layout is not known: Kryo's, or one of the job
// itself.
type OpaqueError struct {
	Class  string // the Java class of the value, or of the snapshot of the serializer
	Offset int    // in the bytes given
	Hint   string
}

// Error implements error.
func (e *OpaqueError) Error() string { return "cannot decode " + e.Class }
