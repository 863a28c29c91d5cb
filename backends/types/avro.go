package types

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
)

// Avro is the type of values with an Avro schema (Flink: AvroSerializer). They do not lie as Avro's own binary form has them,
// but as Flink's DataOutputEncoder does; all numbers are big-endian:
//
//	null       nothing          boolean    u8
//	int        i32              long       i64
//	float      4 bytes          double     8 bytes
//	string     i32 length, UTF-8     bytes      i32 length, bytes
//	fixed      bytes            enum       i32 index
//	union      i32 index of the branch, value
//	array      varint count, so many items; again, until the count is 0
//	map        as an array of: string key, value
//	record     its fields
//
// A varint has 7 bits a byte, the lowest first, and 0x80 in all bytes but the last. In JSON a union is the value of its branch,
// a map a list of pairs, and a logical type what lies beneath it.
type Avro struct {
	named
	schema *avroSchema
}

// readAvro reads utf schema (version 1), or the runtime class and the schema, by utf (2) or as Strings of Flink (3).
func readAvro(s *snapshots, class string, version int32) backends.Type {
	var schema string
	switch version {
	case 1:
		schema = s.utf()
	case 2:
		s.utf()
		schema = s.utf()
	case 3:
		s.str()
		schema = s.str()
	default:
		s.fail("unknown version %d of %s", version, class)
	}
	if s.err != nil {
		return broken
	}
	parsed, err := parseAvroSchema(schema)
	if err != nil {
		s.fail("the Avro schema: %v", err)
		return broken
	}
	return &Avro{named{name: "Avro<" + parsed.name + ">", class: class}, parsed}
}

const (
	maxAvroDepth = 1000    // of values within values
	freeAvro     = 1 << 16 // values that may take no bytes at all
)

// avroReader reads a value. A schema can ask for any number of values without bytes; it is bounded by the bytes
// there are.
type avroReader struct {
	t     *named
	b     []byte
	at    int
	depth int
	steps int
}

func (t *Avro) reader(b []byte) avroReader { return avroReader{t: &t.named, b: b} }

// enter begins a value, which leave ends.
func (r *avroReader) enter() error {
	r.depth++
	r.steps++
	if r.depth > maxAvroDepth {
		return r.t.bad(r.at, "values lie more than %d deep within each other", maxAvroDepth)
	}
	if r.steps > freeAvro+256*r.at {
		return r.t.bad(r.at, "there are too many values for %d bytes", r.at)
	}
	return nil
}

func (r *avroReader) leave() { r.depth-- }

func (r *avroReader) take(n int) ([]byte, error) {
	if n > len(r.b)-r.at {
		return nil, backends.ErrShort
	}
	b := r.b[r.at : r.at+n]
	r.at += n
	return b, nil
}

func (r *avroReader) i32() (int32, error) {
	b, err := r.take(4)
	if err != nil {
		return 0, err
	}
	return int32(binary.BigEndian.Uint32(b)), nil
}

// text is the bytes of a string or of bytes.
func (r *avroReader) text() ([]byte, error) {
	n, err := r.i32()
	if err == nil && n < 0 {
		err = r.t.bad(r.at-4, "a text has %d bytes", n)
	}
	if err != nil {
		return nil, err
	}
	return r.take(int(n))
}

// index is that of a branch or a symbol.
func (r *avroReader) index(of int) (int, error) {
	i, err := r.i32()
	if err == nil && (i < 0 || int(i) >= of) {
		err = r.t.bad(r.at-4, "there is no number %d of %d", i, of)
	}
	return int(i), err
}

// count is that of a block, 0 at the end.
func (r *avroReader) count() (int, error) {
	v := uint64(0)
	for shift := 0; ; shift += 7 {
		b, err := r.take(1)
		if err != nil {
			return 0, err
		}
		v |= uint64(b[0]&0x7f) << shift
		if v > math.MaxInt32 || shift > 28 {
			return 0, r.t.bad(r.at-1, "an array is too long")
		}
		if b[0]&0x80 == 0 {
			return int(v), nil
		}
	}
}

// widths are the bytes of the kinds whose values are all of one length, else -1.
func (s *avroSchema) width() int {
	switch s.kind {
	case avroNull:
		return 0
	case avroBoolean:
		return 1
	case avroInt, avroFloat, avroEnum:
		return 4
	case avroLong, avroDouble:
		return 8
	case avroFixed:
		return s.size
	}
	return -1
}

// skip passes a value.
func (r *avroReader) skip(s *avroSchema) error {
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	if w := s.width(); w >= 0 {
		_, err := r.take(w)
		return err
	}
	switch s.kind {
	case avroBytes, avroString:
		_, err := r.text()
		return err
	case avroUnion:
		i, err := r.index(len(s.branches))
		if err != nil {
			return err
		}
		return r.skip(s.branches[i])
	case avroRecord:
		for i := range s.fields {
			if err := r.skip(s.fields[i].schema); err != nil {
				return err
			}
		}
		return nil
	}
	return r.skipBlocks(s)
}

func (r *avroReader) skipBlocks(s *avroSchema) error {
	for {
		n, err := r.count()
		if err != nil || n == 0 {
			return err
		}
		for range n {
			if s.kind == avroMap {
				if _, err := r.text(); err != nil {
					return err
				}
			}
			if err := r.skip(s.items); err != nil {
				return err
			}
		}
	}
}

// Width implements backends.Type.
func (t *Avro) Width() int { return -1 }

// Size implements backends.Type.
func (t *Avro) Size(b []byte) (int, error) {
	r := t.reader(b)
	if err := r.skip(t.schema); err != nil {
		return 0, err
	}
	return r.at, nil
}

// AppendJSON implements backends.Type.
func (t *Avro) AppendJSON(dst, b []byte) ([]byte, int, error) {
	r := t.reader(b)
	out, err := r.append(dst, t.schema)
	if err != nil {
		return dst, 0, err
	}
	return out, r.at, nil
}

// Decode implements backends.Type. A union of several types but null is a Side with the name of the branch.
func (t *Avro) Decode(b []byte) (any, int, error) {
	r := t.reader(b)
	v, err := r.value(t.schema)
	if err != nil {
		return nil, 0, err
	}
	return v, r.at, nil
}

// Encode implements backends.Type.
func (t *Avro) Encode(dst []byte, v any) ([]byte, error) {
	out, err := appendAvro(dst, t.schema, v, 0)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", t.name, err)
	}
	return out, nil
}

// FromJSON implements backends.Type. Of the branches of a union it takes the first that can hold the value, a string last.
func (t *Avro) FromJSON(json []byte) (any, error) {
	v, err := avroFromJSON(t.schema, json, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return v, nil
}

// Hash implements backends.Type. It is up to the class of the record.
func (t *Avro) Hash(any) (int32, bool) { return 0, false }
