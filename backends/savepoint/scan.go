package savepoint

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/backends/verify"
)

const (
	metaFollows   = 0x80 // in a key's first byte: its entry is the last of its state
	endOfKeyGroup = 0xffff
)

// scan is one iteration.
type scan struct {
	reader   *Reader
	key      []byte // the only one wanted, or nil
	yield    func(backends.Entry, error) bool
	wanted   []bool // by state
	verifier *verify.Checker

	w      *stream.Window
	g      stream.KeyGroup
	at     *form // of the state at hand, or nil
	give   bool  // whether that is wanted, and its entries can be told apart
	seen   []bool
	record record
	entry  backends.Entry
}

// record is an entry with its lengths, and what follows if it is the last of a state.
type record struct {
	backends.Type // nil: of a type that nobody asks for more than Size

	prefix, key int // lengths; the entry's key begins behind 4 bytes
	end         int // of its value
	last        bool
}

// Size measures an entry.
func (r *record) Size(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, backends.ErrShort
	}
	r.key = int(int32(binary.BigEndian.Uint32(b)))
	if r.key < r.prefix {
		return 0, &backends.TypeError{Type: "key", Message: "a key shorter than its key group"}
	}
	if len(b)-8 < r.key {
		return 0, backends.ErrShort
	}
	n := int(int32(binary.BigEndian.Uint32(b[4+r.key:])))
	if n < 0 {
		return 0, &backends.TypeError{Type: "value", Offset: 4 + r.key, Message: "a value of a negative length"}
	}
	r.end = 8 + r.key + n
	size := r.end
	if r.last = b[4]&metaFollows != 0; r.last {
		size += 2
	}
	if len(b) < size {
		return 0, backends.ErrShort
	}
	return size, nil
}

// passed yields err, if the iteration can go on with the next key group then.
func (s *scan) passed(err error) bool {
	var st *backends.State
	if s.at != nil {
		st = s.at.state
	}
	return backends.Pass(s.yield, err, st, s.g.ID)
}

// group reads one key group.
func (s *scan) group() error {
	form := stream.AsIs
	if s.reader.head.Compressed {
		form = stream.SnappyOne
	}
	if s.g.From < int64(s.reader.head.Size) || s.g.From >= s.g.To {
		return s.errorAt(s.g.From, "key group %d is said to begin here, which cannot be", s.g.ID)
	}
	s.w.Go(form, s.g.From, s.g.To)
	clear(s.seen)
	id := int(s.w.U16())
	if err := s.w.Err(); err != nil {
		return s.told(err)
	}
	for id != endOfKeyGroup {
		var err error
		if err = s.begin(id); err == nil {
			id, err = s.state()
		}
		if err != nil {
			return s.told(err)
		}
	}
	s.at = nil
	return s.told(s.over())
}

// errorAt is an error that is not at the next byte.
func (s *scan) errorAt(at int64, format string, args ...any) error {
	e := s.w.Errorf(format, args...)
	e.Offset = s.reader.blob.Offset() + at
	return e
}

// told is err as a *backends.Error, where it tells of the bytes.
func (s *scan) told(err error) error {
	if err == nil {
		return nil
	}
	var wrong *backends.TypeError
	switch {
	case errors.As(err, &wrong):
		e := s.w.Errorf("%s", wrong.Error())
		e.Err = err
		return e
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.w.Errorf("key group %d ends within an entry", s.g.ID)
	}
	return err
}

// begin makes ready for the entries of a state.
func (s *scan) begin(id int) error {
	s.at, s.give = nil, false
	switch {
	case id >= len(s.seen):
		return s.w.Errorf("entries of state %d, of which there are %d", id, len(s.seen))
	case s.seen[id]:
		return s.w.Errorf("the entries of state %d do not follow each other in key group %d", id, s.g.ID)
	}
	s.seen[id] = true
	s.at = &s.reader.forms[id]
	s.give = s.wanted[id]
	s.entry = backends.Entry{State: s.at.state, KeyGroup: s.g.ID, Joined: s.at.state.Kind == backends.List}
	return nil
}

// keyGroup is that of a key, less the bit that is none of it.
func keyGroup(key []byte, prefix int) int32 {
	return keygroups.Prefix(key, prefix) &^ (metaFollows << (8 * (prefix - 1)))
}

// state reads the entries of one state, and which follows it.
func (s *scan) state() (int, error) {
	r := &s.record
	for {
		b, err := s.w.Value(r)
		if err != nil {
			return 0, err
		}
		key := b[4 : 4+r.key : 4+r.key]
		if group := keyGroup(key, r.prefix); group != s.g.ID {
			return 0, s.w.Errorf("a key of key group %d in key group %d", group, s.g.ID)
		}
		if s.give {
			if err := s.one(key, b[8+r.key:r.end:r.end]); err != nil {
				return 0, err
			}
		}
		if r.last {
			return int(binary.BigEndian.Uint16(b[r.end:])), nil
		}
	}
}

// one yields an entry, or what is wrong with it.
func (s *scan) one(key, value []byte) error {
	if s.key != nil && !s.at.begins(key[s.record.prefix:], s.key) {
		return nil
	}
	err := s.at.cut(&s.entry, key, value, s.record.prefix)
	if err == nil && s.key != nil && len(s.entry.Key) != len(s.key) {
		return nil
	}
	if err == nil && s.verifier != nil {
		err = s.verifier.Entry(&s.entry)
	}
	if err != nil {
		return s.refuse(err)
	}
	if !s.yield(s.entry, nil) {
		return backends.ErrStop
	}
	return nil
}

// refuse yields what is wrong with an entry in its stead. Keys that cannot be told from what follows them are told of
// once.
func (s *scan) refuse(err error) error {
	e := s.w.Errorf("%s", err)
	var opaque *backends.OpaqueError
	var wrong *backends.Error
	switch {
	case errors.As(err, &opaque):
		e.Message = "the entries of the state in this key group cannot be read: nothing tells where a key of " + opaque.Class + " ends"
		e.Hint, e.Err = opaque.Hint, err
		s.give = false
	case errors.As(err, &wrong):
		e.Message = wrong.Message
	case errors.Is(err, backends.ErrShort):
		e.Message = "the key ends within its parts"
	default:
		e.Err = err
	}
	if !s.passed(e) {
		return backends.ErrStop
	}
	return nil
}

// over holds that the key group ends here: with the stream, or where another begins.
func (s *scan) over() error {
	if end, err := s.w.AtEnd(); end || err != nil {
		return err
	}
	if s.g.Open && !s.reader.head.Compressed {
		prefix := s.record.prefix
		b, err := s.w.Peek(6 + prefix)
		if err == nil && int(binary.BigEndian.Uint16(b)) < len(s.seen) && keyGroup(b[6:], prefix) > s.g.ID {
			return nil
		}
	}
	return s.w.Errorf("key group %d goes on behind its end", s.g.ID)
}
