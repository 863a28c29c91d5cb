package types

import (
	"math"

	"github.com/ckpt-tool/ckpt/backends"
)

// length reads a count. Each of them takes a byte at least.
func (r *kryoReader) length() (int, error) {
	n, err := r.varint()
	if err == nil && n > len(r.b)-r.at {
		err = backends.ErrShort
	}
	return n, err
}

// collection reads a comparator, if it is sorted, a count, and so many objects.
func (r *kryoReader) collection(sorted bool) (any, error) {
	if err := r.comparator(sorted); err != nil {
		return nil, err
	}
	n, err := r.length()
	if err != nil {
		return nil, err
	}
	return r.list(n, r.object)
}

// asList reads, as the library Chill writes it for Kryo 2, a count, the class of the array, and so many objects.
func (r *kryoReader) asList() (any, error) {
	n, err := r.length()
	if err != nil {
		return nil, err
	}
	if _, _, err := r.anyClass(); err != nil {
		return nil, err
	}
	return r.list(n, r.object)
}

func (r *kryoReader) list(n int, next func() (any, error)) (any, error) {
	all := []any{}
	for range n {
		v, err := next()
		if err != nil {
			return nil, err
		}
		if r.keep {
			all = append(all, v)
		}
	}
	return all, nil
}

// collection5 reads, as of Kryo 5, the count and 1 in 6 bits, 0x40 if 7 more follow, and 0x80 if all objects are of one class; a
// comparator, if it is sorted; if all are of one class the class and whether there are nulls, and the objects without their class.
func (r *kryoReader) collection5(sorted bool) (any, error) {
	first, n, err := r.flagged()
	if err != nil || n == 0 {
		return nil, err
	}
	if err := r.comparator(sorted); err != nil {
		return nil, err
	}
	if n--; n == 0 || first&0x80 == 0 {
		if n > len(r.b)-r.at {
			return nil, backends.ErrShort
		}
		return r.list(n, r.object)
	}
	class, err := r.class()
	if err != nil {
		return nil, err
	}
	if class == "" { // all are null
		return r.nulls(n)
	}
	null, err := r.u8()
	if err != nil || null > 1 {
		if err == nil {
			err = r.bad("a flag is %d", null)
		}
		return nil, err
	}
	if n > len(r.b)-r.at {
		return nil, backends.ErrShort
	}
	return r.list(n, func() (any, error) { return r.ofClass(class, null == 1) })
}

// nulls is a list of so many nulls, which take no bytes.
func (r *kryoReader) nulls(n int) (any, error) {
	if n > maxEmpty {
		return nil, r.bad("%d nulls without a byte", n)
	}
	return make([]any, n), nil
}

// flagged reads a number behind a flag, as those of text are. first is the byte with the flag.
func (r *kryoReader) flagged() (first byte, n int, err error) {
	first, err = r.u8()
	v := uint64(first & 0x3f)
	if err == nil && first&0x40 != 0 {
		v, err = r.more(v, 6, 32)
	}
	if err == nil && v > math.MaxInt32 {
		err = r.bad("a length is %d", v)
	}
	return first, int(v), err
}

func (r *kryoReader) pair() (p Pair, err error) {
	if p.Key, err = r.object(); err == nil {
		p.Value, err = r.object()
	}
	return p, err
}

// pairs reads a map. Kryo 5 adds 1 to its count, and has the comparator behind it.
func (r *kryoReader) pairs(sorted bool) (any, error) {
	five := r.k.version == backends.Kryo5
	if !five {
		if err := r.comparator(sorted); err != nil {
			return nil, err
		}
	}
	n, err := r.varint()
	if err != nil {
		return nil, err
	}
	if five {
		if n--; n < 0 {
			return nil, nil
		}
		if err := r.comparator(sorted); err != nil {
			return nil, err
		}
	}
	if n > (len(r.b)-r.at)/2 {
		return nil, backends.ErrShort
	}
	all := Pairs{}
	for range n {
		p, err := r.pair()
		if err != nil {
			return nil, err
		}
		if r.keep {
			all = append(all, p)
		}
	}
	return all, nil
}
