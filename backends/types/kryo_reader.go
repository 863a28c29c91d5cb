package types

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"unicode/utf16"

	"github.com/ckpt-tool/ckpt/backends"
)

const (
	maxKryoDepth = 200
	freeKryo     = 1 << 16
)

// kryoReader reads one value of Kryo's.
type kryoReader struct {
	k     *Kryo
	b     []byte
	at    int
	depth int

	names   []string // of classes, by their numbers in this value
	count   int      // of objects that others may refer to
	keep    bool     // whether values are wanted, not only their length
	objects []any    // by their numbers, if values are wanted
}

// pending is an object that is not read to its end yet.
type pending struct{}

func (r *kryoReader) skip() error {
	_, err := r.object()
	return err
}

func (r *kryoReader) bad(format string, args ...any) error { return r.k.bad(r.at, format, args...) }

func (r *kryoReader) take(n int) ([]byte, error) {
	if n > len(r.b)-r.at {
		return nil, backends.ErrShort
	}
	b := r.b[r.at : r.at+n]
	r.at += n
	return b, nil
}

func (r *kryoReader) u8() (byte, error) {
	b, err := r.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// more reads the 7 bits a byte of a number whose lowest bits v are known, up to limit bits.
func (r *kryoReader) more(v uint64, shift, limit int) (uint64, error) {
	for {
		b, err := r.u8()
		if err != nil {
			return 0, err
		}
		if shift == 56 { // the ninth byte of a long has 8 bits
			return v | uint64(b)<<56, nil
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			if limit == 32 && v > math.MaxUint32 {
				return 0, r.bad("a number is too long")
			}
			return v, nil
		}
		if shift += 7; shift >= limit {
			return 0, r.bad("a number is too long")
		}
	}
}

func (r *kryoReader) varint() (int, error) {
	v, err := r.more(0, 0, 32)
	if err == nil && v > math.MaxInt32 {
		err = r.bad("a count is %d", int32(v))
	}
	return int(v), err
}

func (r *kryoReader) zigzag(limit int) (int64, error) {
	v, err := r.more(0, 0, limit)
	return int64(v>>1) ^ -int64(v&1), err
}

// fixed reads a number of n bytes.
func (r *kryoReader) fixed(n int) (uint64, error) {
	b, err := r.take(n)
	if err != nil {
		return 0, err
	}
	var buf [8]byte
	if r.k.version == backends.Kryo5 {
		copy(buf[:], b)
		return binary.LittleEndian.Uint64(buf[:]), nil
	}
	copy(buf[8-n:], b)
	return binary.BigEndian.Uint64(buf[:]), nil
}

// integer reads the length and 1 of a two's complement; 0 is null, for which it gives nil.
func (r *kryoReader) integer() (*big.Int, error) {
	n, err := r.varint()
	if err != nil || n == 0 {
		return nil, err
	}
	b, err := r.take(n - 1)
	switch {
	case err != nil:
		return nil, err
	case len(b) == 0:
		return nil, r.bad("a number has no bytes")
	case !r.keep:
		return new(big.Int), nil
	}
	return fromComplement(b), nil
}

func (r *kryoReader) decimal() (any, error) {
	v, err := r.integer()
	if err != nil || v == nil {
		return nil, err
	}
	scale, err := r.zigzag(32)
	return Decimal{v, int32(scale)}, err
}

// bitSet reads a count and so many longs, the lowest bits first.
func (r *kryoReader) bitSet() (any, error) {
	n, err := r.varint()
	if err != nil {
		return nil, err
	}
	if n > (len(r.b)-r.at)/8 {
		return nil, backends.ErrShort
	}
	set := []any{}
	for i := range n {
		w, err := r.fixed(8)
		if err != nil {
			return nil, err
		}
		for ; r.keep && w != 0; w &= w - 1 {
			set = append(set, int32(i*64+bits.TrailingZeros64(w)))
		}
	}
	return &Object{Class: "java.util.BitSet", Fields: []Field{{"bits", set}}}, nil
}

// text reads a text, which may be null, and makes a string of it if it is wanted.
func (r *kryoReader) text(keep bool) (s string, null bool, err error) {
	if r.at >= len(r.b) {
		return "", false, backends.ErrShort
	}
	if r.b[r.at]&0x80 == 0 {
		s, err = r.ascii(keep)
		return s, false, err
	}
	_, n, err := r.flagged()
	if err != nil || n == 0 {
		return "", n == 0, err
	}
	if n--; n > len(r.b)-r.at {
		return "", false, backends.ErrShort
	}
	s, err = r.units(n, keep)
	return s, false, err
}

// ascii reads up to the character with 0x80.
func (r *kryoReader) ascii(keep bool) (string, error) {
	for i := r.at; i < len(r.b); i++ {
		if r.b[i]&0x80 == 0 {
			continue
		}
		b := r.b[r.at : i+1]
		r.at = i + 1
		if !keep {
			return "", nil
		}
		text := append(make([]byte, 0, 32), b...)
		text[len(text)-1] &= 0x7f
		return string(text), nil
	}
	return "", backends.ErrShort
}

// units reads n units of UTF-16.
func (r *kryoReader) units(n int, keep bool) (string, error) {
	var text []byte
	high := rune(0) // half of a pair that waits for the other
	for range n {
		u, err := r.unit()
		if err != nil {
			return "", err
		}
		if !keep {
			continue
		}
		if high != 0 {
			if both := utf16.DecodeRune(high, u); both != '\uFFFD' {
				text, high = appendWTF8(text, both), 0
				continue
			}
			text, high = appendWTF8(text, high), 0
		}
		if u >= 0xD800 && u < 0xDC00 {
			high = u
			continue
		}
		text = appendWTF8(text, u)
	}
	if high != 0 {
		text = appendWTF8(text, high)
	}
	return string(text), nil
}

// unit reads a unit of UTF-16 of 1 to 3 bytes.
func (r *kryoReader) unit() (rune, error) {
	c, err := r.u8()
	if err != nil || c < 0x80 {
		return rune(c), err
	}
	n, u := 0, rune(0)
	switch {
	case c&0xE0 == 0xC0:
		n, u = 1, rune(c&0x1F)
	case c&0xF0 == 0xE0:
		n, u = 2, rune(c&0x0F)
	default:
		return 0, r.bad("a text has the byte %#x", c)
	}
	b, err := r.take(n)
	for _, c := range b {
		if c&0xC0 != 0x80 {
			return 0, r.bad("a text has the byte %#x", c)
		}
		u = u<<6 | rune(c&0x3F)
	}
	return u, err
}
