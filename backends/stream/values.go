package stream

import "encoding/binary"

// U8 takes one byte; 0 after an error, as all of these.
func (w *Window) U8() byte {
	b, err := w.Next(1)
	if err != nil {
		return 0
	}
	return b[0]
}

// U16 takes two bytes, big-endian, as all of these.
func (w *Window) U16() uint16 {
	b, err := w.Next(2)
	if err != nil {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

// I16 takes two bytes.
func (w *Window) I16() int16 { return int16(w.U16()) }

// I32 takes four bytes.
func (w *Window) I32() int32 {
	b, err := w.Next(4)
	if err != nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

// I64 takes eight bytes.
func (w *Window) I64() int64 {
	b, err := w.Next(8)
	if err != nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// UTF takes the bytes of Java's modified UTF-8, behind their u16 length.
func (w *Window) UTF() []byte {
	b, err := w.Next(int(w.U16()))
	if err != nil {
		return nil
	}
	return b
}
