package types

import (
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

const (
	proxyVersion   = 2
	compositeMagic = 911108
	nestedMagic    = 1333245
	optionalMagic  = 0x000004F2C69A3D70
	maxDepth       = 64 // of serializers within serializers
)

// bodyReader reads the body of a snapshot of the class, which the simple name of a table led to.
type bodyReader func(s *snapshots, class string, version int32) backends.Type

// bodyOf finds the reader of a class in the tables, by its whole name, or by the simple one if the class
// is Flink's: a job may have a LongSerializer of its own.
func bodyOf(class string) bodyReader {
	simple := ""
	if strings.HasPrefix(class, "org.apache.flink.") {
		simple = simpleName(class)
	}
	for _, table := range []map[string]bodyReader{coreBodies, compositeBodies, objectBodies, tableBodies, cepBodies, connectorBodies} {
		if b, ok := table[class]; ok {
			return b
		}
		if b, ok := table[simple]; ok {
			return b
		}
	}
	return nil
}

// simpleName is the class without its package; of a nested one with those around it: A$B.
func simpleName(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

// Reader reads the snapshots of one header. Classes that one snapshot describes are known to the values of
// all others: a value of a POJO's subclass names the subclass only, which often has a state of its own. All
// snapshots are to be read before the first value is.
type Reader struct {
	opts    *backends.Options
	classes *classes
}

// NewReader makes a Reader; opts may be nil.
func NewReader(opts *backends.Options) *Reader {
	return &Reader{opts: opts, classes: &classes{opts: opts}}
}

// ReadSnapshot reads the snapshot at the beginning of b, and how many bytes it takes. The error is a
// *SnapshotError.
func (r *Reader) ReadSnapshot(b []byte) (backends.Type, int, error) {
	s := r.over(b)
	if v := s.i32(); s.err == nil && v != proxyVersion {
		s.fail("unknown version %d of serializer snapshots", v)
	}
	return s.result(s.versioned())
}

// ReadVersioned reads a snapshot that lacks the proxy version, as those within other snapshots do.
func (r *Reader) ReadVersioned(b []byte) (backends.Type, int, error) {
	s := r.over(b)
	return s.result(s.versioned())
}

// ReadSnapshot reads a snapshot that no others belong to; see Reader.
func ReadSnapshot(b []byte, opts *backends.Options) (backends.Type, int, error) {
	return NewReader(opts).ReadSnapshot(b)
}

// ReadVersioned reads a snapshot that lacks the proxy version and that no others belong to; see Reader.
func ReadVersioned(b []byte, opts *backends.Options) (backends.Type, int, error) {
	return NewReader(opts).ReadVersioned(b)
}

// SnapshotError tells what is wrong with the snapshot of a serializer.
type SnapshotError struct {
	Offset  int    // in the bytes given
	Class   string // of the innermost snapshot; "" before it was read
	Message string
	Hint    string
	// Unknown is whether the class is not known, so that nothing behind it can be read.
	Unknown bool
	// Short is whether the bytes end before the snapshot does.
	Short bool
}

// Error implements error.
func (e *SnapshotError) Error() string { return e.Message }

// Unwrap gives backends.ErrShort if the snapshot is cut off.
func (e *SnapshotError) Unwrap() error {
	if e.Short {
		return backends.ErrShort
	}
	return nil
}
