package types

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// snapshots reads snapshots. After an error its methods give zero values, and broken types that are never
// handed out: what is built of them is thrown away at the end.
type snapshots struct {
	data   []byte
	at     int
	reader *Reader
	find   func(class string) bodyReader // bodyOf, which the tables of bodies cannot name
	depth  int
	level  int // of objects within objects; see classes
	start  int // where the innermost snapshot begins
	framed int // depth of the snapshot that fills data, which is a frame; else 0
	class  string
	err    error
}

func (r *Reader) over(b []byte) *snapshots {
	return &snapshots{data: b, reader: r, find: bodyOf}
}

func (s *snapshots) result(t backends.Type) (backends.Type, int, error) {
	if s.err != nil {
		return nil, s.at, s.err
	}
	return t, s.at, nil
}

func (s *snapshots) fail(format string, args ...any) {
	if s.err == nil {
		s.err = &SnapshotError{Offset: s.at, Class: s.class, Message: fmt.Sprintf(format, args...)}
	}
}

// failUnknown ends the reading at a class whose body nobody knows. Without a hint it gets the usual one.
func (s *snapshots) failUnknown(class, hint string) {
	if s.err != nil {
		return
	}
	if hint == "" {
		hint = hintFor(class)
	}
	s.err = &SnapshotError{Offset: s.at, Class: class, Message: "unknown serializer snapshot " + class, Hint: hint, Unknown: true}
}

// known fails unless the version is one of from to to.
func (s *snapshots) known(class string, version, from, to int32) {
	if version < from || version > to {
		s.fail("unknown version %d of %s", version, class)
	}
}

// take is the next n bytes, nil if there are fewer.
func (s *snapshots) take(n int) []byte {
	if s.err != nil {
		return nil
	}
	if n < 0 || n > len(s.data)-s.at {
		s.err = &SnapshotError{Offset: s.at, Class: s.class, Message: "the serializer snapshot is cut off", Short: n >= 0}
		return nil
	}
	b := s.data[s.at : s.at+n : s.at+n]
	s.at += n
	return b
}

func (s *snapshots) u8() byte {
	if b := s.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *snapshots) bool() bool {
	v := s.u8()
	if v > 1 {
		s.fail("a flag is %d", v)
	}
	return v == 1
}

func (s *snapshots) i32() int32 {
	if b := s.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (s *snapshots) i64() int64 {
	if b := s.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// utf reads what DataOutput.writeUTF wrote, as WTF-8.
func (s *snapshots) utf() string {
	b := s.take(2)
	if b == nil {
		return ""
	}
	text, ok := fromModified(s.take(int(binary.BigEndian.Uint16(b))))
	if !ok {
		s.fail("a name is not modified UTF-8")
	}
	return text
}

// str reads a String of Flink's StringValue; null is "".
func (s *snapshots) str() string {
	if s.err != nil {
		return ""
	}
	v, n, err := decodeString(s.data[s.at:])
	if err == nil {
		s.take(n)
		return v
	}
	if err == backends.ErrShort {
		s.take(len(s.data) + 1)
	} else {
		s.fail("a text of the snapshot: %v", err)
	}
	return ""
}

// count reads how many of something follow, each of at least so many bytes.
func (s *snapshots) count(least int) int {
	n := s.i32()
	switch {
	case s.err != nil:
		return 0
	case n < 0:
		s.fail("a count is %d", n)
		return 0
	case int(n) > (len(s.data)-s.at)/least:
		s.take(len(s.data) + 1)
		return 0
	}
	return int(n)
}

// versioned reads one snapshot. It is never nil.
func (s *snapshots) versioned() backends.Type {
	if s.depth >= maxDepth {
		s.fail("serializers lie more than %d deep within each other", maxDepth)
	}
	start := s.at
	class, version := s.utf(), s.i32()
	if s.err != nil {
		return broken
	}
	s.start = start
	outer := s.class
	s.class = class
	s.depth++
	t := s.body(class, version)
	s.depth--
	if s.err != nil {
		return broken
	}
	s.class = outer
	remember(t, s.data[start:s.at])
	return t
}

func (s *snapshots) body(class string, version int32) backends.Type {
	if read := s.find(class); read != nil {
		if t := read(s, class, version); t != nil {
			return t
		}
		return broken
	}
	return s.unknown(class, version)
}

// nested reads the snapshots within a composite one.
func (s *snapshots) nested() []backends.Type {
	if m := s.i32(); s.err == nil && m != nestedMagic {
		s.fail("nested serializers begin with %#x, not with %#x", m, nestedMagic)
	}
	if v := s.i32(); s.err == nil && v != 1 {
		s.fail("unknown version %d of nested serializers", v)
	}
	n := s.count(6)
	ts := make([]backends.Type, 0, min(n, 64))
	for range n {
		ts = append(ts, s.versioned())
		if s.err != nil {
			break
		}
	}
	return ts
}

// composite reads the body of a CompositeTypeSerializerSnapshot, by outer what its class adds, which may be
// nil. Up to version 2 the version of the snapshot was the outer one.
func (s *snapshots) composite(class string, version int32, outer func(outerVersion int32)) []backends.Type {
	switch {
	case version > 3 || version < 1:
		s.fail("unknown version %d of %s", version, class)
	case version == 3:
		if m := s.i32(); s.err == nil && m != compositeMagic {
			s.fail("a composite serializer begins with %#x, not with %#x", m, compositeMagic)
		}
		version = s.i32()
	}
	if outer != nil && s.err == nil {
		outer(version)
	}
	return s.nested()
}

// exactly gives ts if it is of n types, else it fails and gives n broken ones.
func (s *snapshots) exactly(n int, ts []backends.Type) []backends.Type {
	if s.err == nil && len(ts) == n {
		return ts
	}
	s.fail("%s has %d nested serializers, not %d", simpleName(s.class), len(ts), n)
	ts = make([]backends.Type, n)
	for i := range ts {
		ts[i] = broken
	}
	return ts
}

// optionalMap reads a LinkedOptionalMap: its keys with the frames of key and value, nil where the one
// who wrote it had none.
func (s *snapshots) optionalMap(entry func(key string, keyFrame, value []byte)) {
	if m := s.i64(); s.err == nil && m != optionalMagic {
		s.fail("a map begins with %#x, not with %#x", m, int64(optionalMagic))
	}
	for range s.count(4) {
		name := s.utf()
		key := s.frame()
		value := s.frame()
		if s.err != nil {
			return
		}
		entry(name, key, value)
	}
}

func (s *snapshots) frame() []byte {
	if !s.bool() {
		return nil
	}
	b := s.take(int(s.i32()))
	if b == nil && s.err == nil {
		b = []byte{}
	}
	return b
}

// within reads a frame by read. What is wrong in it is wrong in the whole.
func (s *snapshots) within(frame []byte, read func(in *snapshots)) {
	if s.err != nil {
		return
	}
	in := &snapshots{data: frame, reader: s.reader, find: s.find, depth: s.depth, level: s.level, class: s.class}
	read(in)
	if in.err == nil && in.at < len(frame) {
		in.fail("%d bytes are left over in a frame of the snapshot", len(frame)-in.at)
	}
	if e, ok := in.err.(*SnapshotError); ok {
		at := s.at - len(frame) + e.Offset // frames are read as they come, so it is the last one taken
		s.err = &SnapshotError{Offset: max(at, 0), Class: e.Class, Message: e.Message, Hint: e.Hint, Unknown: e.Unknown}
	}
}

// inFrame reads the snapshot that fills a frame. One of an unknown class does no harm there: its values
// are opaque.
func (s *snapshots) inFrame(frame []byte) backends.Type {
	t := backends.Type(broken)
	s.within(frame, func(in *snapshots) {
		in.framed = in.depth + 1
		t = in.versioned()
		if e, ok := in.err.(*SnapshotError); ok && e.Unknown {
			t, in.err, in.at = NewOpaque(e.Class, ""), nil, len(frame)
			remember(t, frame)
		}
	})
	return t
}

// unknown makes what can be made of a snapshot that no table knows. A hint gives the layout of the values; the body of
// the snapshot is then what the hint says, that of a composite snapshot that adds nothing, or empty, as almost all are.
// Without a hint the header can be read on if the body is seen to be composite.
func (s *snapshots) unknown(class string, version int32) backends.Type {
	t, body := s.hinted(class)
	switch {
	case body != nil:
		s.pass(body)
	case t != nil && s.depth == s.framed:
		s.at = len(s.data)
	case s.composed(version):
		s.composite(class, version, nil)
	case t == nil && s.err == nil:
		s.failUnknown(class, "")
		s.err.(*SnapshotError).Short = s.cutOff(version)
	}
	if t == nil {
		t = NewOpaque(class, "")
	}
	return t
}

// pass passes over a body of which a hint gives the layout.
func (s *snapshots) pass(body backends.Type) {
	if s.err != nil {
		return
	}
	n, err := body.Size(s.data[s.at:])
	switch {
	case err == backends.ErrShort:
		s.take(len(s.data) + 1)
	case err != nil:
		s.fail("the body of the snapshot is not what --type says: %v", err)
	default:
		s.take(n)
	}
}

// composed tells whether a composite body follows that has no outer part.
func (s *snapshots) composed(version int32) bool {
	b := s.data[s.at:]
	return version == 3 && len(b) >= 12 && binary.BigEndian.Uint32(b) == compositeMagic && binary.BigEndian.Uint32(b[8:]) == nestedMagic
}

// cutOff tells whether the data end where more of it could make composed true.
func (s *snapshots) cutOff(version int32) bool {
	b := s.data[s.at:]
	want := binary.BigEndian.AppendUint32(nil, compositeMagic)
	return version == 3 && len(b) > 0 && len(b) < 12 && bytes.HasPrefix(want, b[:min(len(b), 4)])
}

// hint is the type that the user gives for a class, or its serializer's, by the whole name or the simple
// one; nil if there is none.
func (s *snapshots) hint(class string) backends.Type {
	t, _ := s.hinted(class)
	return t
}

// hinted is hint with the layout of the snapshot's body, nil if none is given.
func (s *snapshots) hinted(class string) (t, body backends.Type) {
	if s.reader.opts == nil || class == "" {
		return nil, nil
	}
	for _, name := range []string{class, simpleName(class)} {
		spec, ok := s.reader.opts.Hints[name]
		if !ok {
			continue
		}
		t, body, err := parseSpec(spec)
		if err != nil {
			s.fail("the type given for %s: %v", name, err)
			return nil, nil
		}
		if c, ok := t.(classed); ok {
			t = c.withClass(class)
		}
		return t, body
	}
	return nil, nil
}
