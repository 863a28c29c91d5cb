package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"

	"github.com/ckpt-tool/ckpt/backends"
)

// memory is a blob, and the requests made to it.
type memory struct {
	b        []byte
	requests []int
	err      error
}

func (m *memory) ReadAt(p []byte, at int64) (int, error) {
	m.requests = append(m.requests, len(p))
	if m.err != nil {
		return 0, m.err
	}
	return bytes.NewReader(m.b).ReadAt(p, at)
}
func (m *memory) Size() int64   { return int64(len(m.b)) }
func (m *memory) Name() string  { return "file" }
func (m *memory) Offset() int64 { return 1000 }
func (m *memory) Close() error  { return nil }

// noise does not compress, text does.
func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	r.Read(b)
	return b
}

func text(n int) []byte { return bytes.Repeat([]byte("state of a job "), n/15+1)[:n] }

// framed is one framed stream, flushed after each part.
func framed(t testing.TB, parts ...[]byte) []byte {
	var buf bytes.Buffer
	w := snappy.NewBufferedWriter(&buf)
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if len(parts) == 0 {
		return []byte(Identifier)
	}
	return buf.Bytes()
}

// blocks are values that say their length: i32 n, n bytes.
type blocks struct{ backends.Type }

func (blocks) Size(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, backends.ErrShort
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	switch {
	case n < 0:
		return 0, &backends.TypeError{Message: "a negative length"}
	case len(b)-4 < n:
		return 0, backends.ErrShort
	}
	return 4 + n, nil
}

func block(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

// windows show the same bytes in each form.
func windows(t testing.TB, b []byte) map[string]*Window {
	twice := append(framed(t, b[:len(b)/3]), framed(t, b[len(b)/3:len(b)/2], b[len(b)/2:])...)
	at := func(f Form, head, data string) *Window {
		m := &memory{b: []byte(head + data + "tail")}
		w := New(m, m.Size())
		w.Go(f, int64(len(head)), int64(len(head+data)))
		return w
	}
	one := string(framed(t, b))
	return map[string]*Window{
		"plain":  at(AsIs, "head", string(b)),
		"framed": at(Snappy, "head", one),
		"twice":  at(Snappy, "", string(twice)),
		"one":    at(SnappyOne, "head", one),
		"within": at(SnappyWithin, "head"+Identifier, one[len(Identifier):]),
	}
}

func TestWindow(t *testing.T) {
	values := [][]byte{nil, []byte("a"), text(100), noise(1000), text(70_000), noise(200_000), text(5_000_000), noise(3_000_000), []byte("end")}
	var b []byte
	for _, v := range values {
		b = append(b, block(v)...)
	}
	for name, w := range windows(t, b) {
		at := int64(0)
		for i, want := range values {
			if end, err := w.AtEnd(); end || err != nil {
				t.Fatal(name, i, end, err)
			}
			var got []byte
			if i%2 == 0 {
				v, err := w.Value(blocks{})
				if err != nil {
					t.Fatal(name, i, err)
				}
				got = v[4:]
			} else {
				n := int(w.I32())
				if p, err := w.Peek(n); err != nil || !bytes.HasPrefix(p, want) {
					t.Fatal(name, i, err)
				}
				got, _ = w.Next(n)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: value %d of %d bytes has %d", name, i, len(want), len(got))
			}
			if at += int64(4 + len(want)); w.Offset() != at {
				t.Errorf("%s: offset %d, not %d", name, w.Offset(), at)
			}
		}
		if end, err := w.AtEnd(); !end || err != nil || w.Err() != nil {
			t.Error(name, end, err)
		}
		if p, err := w.Peek(1); len(p) > 0 || !errors.Is(err, io.ErrUnexpectedEOF) || w.Err() != nil {
			t.Error(name, len(p), err)
		}
		if w.U8(); !errors.Is(w.Err(), io.ErrUnexpectedEOF) {
			t.Error(name, w.Err())
		}
		if _, err := w.Peek(0); err == nil {
			t.Error(name, "goes on after an error")
		}
	}
}

func TestNumbers(t *testing.T) {
	b := []byte("\x01\xff\xfe\xff\xff\xff\xfd\xff\xff\xff\xff\xff\xff\xff\xfc\x00\x02ab\xff\xff")
	for name, w := range windows(t, b) {
		if w.U8() != 1 || w.I16() != -2 || w.I32() != -3 || w.I64() != -4 || string(w.UTF()) != "ab" || w.U16() != math.MaxUint16 || w.Err() != nil {
			t.Error(name, w.Err())
		}
		if w.U8() != 0 || w.I16() != 0 || w.I32() != 0 || w.I64() != 0 || w.UTF() != nil || !errors.Is(w.Err(), io.ErrUnexpectedEOF) {
			t.Error(name, w.Err())
		}
	}
}

func TestPeekAtEnd(t *testing.T) {
	for name, w := range windows(t, []byte("abc")) {
		if b, err := w.Peek(5); string(b) != "abc" || !errors.Is(err, io.ErrUnexpectedEOF) || w.Err() != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		w.U8()
		if b, err := w.Rest(); string(b) != "bc" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if b, err := w.Rest(); len(b) != 0 || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	long := noise(3_000_000)
	for name, w := range windows(t, long) {
		w.Discard(100_000)
		if b, err := w.Rest(); !bytes.Equal(b, long[100_000:]) || err != nil {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

func TestDiscard(t *testing.T) {
	b := noise(3_000_000)
	b = append(b, text(1_000_000)...)
	for name, w := range windows(t, b) {
		at := 0
		for _, n := range []int{0, 1, 10_000, 100_000, 2_500_000, 1, 1_000_000} {
			if err := w.Discard(int64(n)); err != nil {
				t.Fatal(name, err)
			}
			if at += n; w.U8() != b[at] {
				t.Fatal(name, at)
			}
			at++
		}
		if err := w.Discard(int64(len(b)-at) + 1); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(name, err)
		}
	}
}

// Impossible lengths take neither memory nor requests.
func TestWrongLengths(t *testing.T) {
	for name, w := range windows(t, text(1000)) {
		if _, err := w.Next(math.MaxInt32); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(name, err)
		}
	}
	for name, w := range windows(t, text(1000)) {
		if _, err := w.Next(-1); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(name, err)
		}
	}
	for name, w := range windows(t, append([]byte{0x7f, 0, 0, 0}, text(1000)...)) {
		if _, err := w.Value(blocks{}); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(name, err)
		}
		if cap(w.src.buf)+cap(w.out) > 1<<20 {
			t.Errorf("%s: buffers of %d and %d bytes", name, cap(w.src.buf), cap(w.out))
		}
	}
	for name, w := range windows(t, []byte("\xff\xff\xff\xffa")) {
		var wrong *backends.TypeError
		if _, err := w.Value(blocks{}); !errors.As(err, &wrong) || w.Err() != nil || w.I32() != -1 {
			t.Error(name, err)
		}
	}
	for _, c := range [][2]int64{{-1, 2}, {3, 2}} {
		if end, err := Plain(&memory{b: []byte("abc")}, c[0], c[1]).AtEnd(); end || err == nil {
			t.Error(c, end, err)
		}
	}
}

func TestRequests(t *testing.T) {
	m := &memory{b: noise(8 << 20)}
	w := Plain(m, 0, m.Size())
	for i := range m.b {
		if w.U8() != m.b[i] {
			t.Fatal(i)
		}
	}
	if len(m.requests) > 13 || m.requests[0] != firstRequest {
		t.Errorf("%d requests: %v", len(m.requests), m.requests)
	}
	// One stretch after the other is read as one.
	m.requests = nil
	w = New(m, m.Size())
	for at := int64(0); at < m.Size(); at += 1000 {
		w.Go(AsIs, at, min(at+1000, m.Size()))
		if b, err := w.Next(int(min(1000, m.Size()-at))); err != nil || !bytes.Equal(b, m.b[at:][:len(b)]) {
			t.Fatal(at, err)
		}
	}
	if len(m.requests) > 13 {
		t.Errorf("%d requests: %v", len(m.requests), m.requests)
	}
	// No more than the stretch is asked for.
	m.requests = nil
	w = Plain(m, 5000, 5100)
	if w.Discard(99); w.U8() != m.b[5099] || len(m.requests) != 1 || m.requests[0] != 1 {
		t.Error(m.requests)
	}
}

func TestPhysical(t *testing.T) {
	a, b := framed(t, text(100), text(50), text(1)), framed(t, text(200))
	m := &memory{b: append(append([]byte("head"), a...), b...)}
	w := New(m, m.Size())
	w.Go(Snappy, 4, m.Size())
	if w.Physical() != 4 {
		t.Error(w.Physical())
	}
	starts := map[int64]int64{}
	for at := int64(14); at < m.Size(); {
		c, err := ReadChunk(m.b[at:])
		if err != nil {
			t.Fatal(err)
		}
		if c.Type != ChunkIdentifier {
			starts[int64(len(starts))] = at
		}
		at += int64(ChunkHead + c.Size)
	}
	w.Peek(350) // all chunks at hand
	for i, n := range []int{100, 50, 1, 200} {
		if got := w.Physical(); got != starts[int64(i)] {
			t.Errorf("chunk %d begins at %d, not %d", i, got, starts[int64(i)])
		}
		w.Discard(int64(n - 1))
		if got := w.Physical(); got != starts[int64(i)] {
			t.Errorf("chunk %d begins at %d, not %d", i, got, starts[int64(i)])
		}
		w.U8()
	}
	if e := w.Errorf("wrong %d", 1); e.Path != "file" || e.Offset != 1000+m.Size() || e.Message != "wrong 1" || e.KeyGroup != -1 {
		t.Errorf("%+v", e)
	}
	w.Go(AsIs, 2, 4)
	if w.U8(); w.Physical() != 3 {
		t.Error(w.Physical())
	}
}

func TestNextStream(t *testing.T) {
	var all []byte
	for _, parts := range [][][]byte{{text(10), text(100_000)}, nil, {text(5)}, {noise(70_000)}} {
		all = append(all, framed(t, parts...)...)
	}
	w := New(&memory{b: all}, int64(len(all)))
	w.Go(SnappyOne, 0, int64(len(all)))
	w.Discard(3)
	for i, n := range []int{0, 5, 70_000} {
		if more, err := w.NextStream(); !more || err != nil {
			t.Fatal(i, more, err)
		}
		if b, err := w.Next(n); err != nil || len(b) != n {
			t.Fatal(i, err)
		}
		if end, err := w.AtEnd(); !end || err != nil {
			t.Error(i, end, err)
		}
		w.U8()
	}
	if more, err := w.NextStream(); more || err != nil {
		t.Error(more, err)
	}
}

func TestErrors(t *testing.T) {
	one := string(framed(t, text(100), noise(100)))
	for name, c := range map[string]struct{ data, want string }{
		"no identifier": {one[10:], "no identifier"},
		"identifier":    {strings.Replace(one, "sNaPpY", "sNaPpy", 1), "no identifier"},
		"its length":    {strings.Replace(one, "\xff\x06", "\xff\x05", 1), "no identifier"},
		"head":          {one + "\x01\x05", "ends within a snappy chunk"},
		"type":          {one + "\x02\x04\x00\x00aaaa", "type 0x02 and 4 bytes"},
		"padding":       {one + "\xfe\x04\x00\x00aaaa", "type 0xfe and 4 bytes"},
		"short":         {one + "\x01\x03\x00\x00aaa", "type 0x01 and 3 bytes"},
		"long":          {one + "\x01\xff\xff\xff", "type 0x01 and 16777215 bytes"},
		"cut":           {one[:len(one)-1], "does not end where it should"},
		"block":         {one + "\x00\x06\x00\x00aaaa\x05\x00", "does not decompress"},
		"length":        {one + "\x00\x07\x00\x00aaaa\x81\x80\x04", "65537 uncompressed bytes"},
		"checksum":      {one[:len(one)-1] + "x", "checksum"},
	} {
		for _, form := range []Form{Snappy, SnappyOne} {
			w := New(&memory{b: []byte(c.data)}, int64(len(c.data)))
			w.Go(form, 0, int64(len(c.data)))
			err := w.Discard(201)
			var wrong *backends.Error
			if !errors.As(err, &wrong) || !strings.Contains(wrong.Message, c.want) || wrong.Offset < 1000 || wrong.Offset > 1000+int64(len(c.data)) {
				t.Errorf("%s: %v", name, err)
			}
			if _, again := w.Peek(1); again != err {
				t.Errorf("%s: goes on with %v", name, again)
			}
		}
	}
	// A file shorter than its handle says is told of, and errors of the store are passed through.
	for _, form := range []Form{AsIs, Snappy} {
		w := New(&memory{b: []byte(one)}, 500)
		w.Go(form, 0, 500)
		if err := w.Discard(400); form == AsIs && err != nil {
			t.Error(err)
		}
		var wrong *backends.Error
		if _, err := w.Next(1); !errors.As(err, &wrong) || !strings.Contains(wrong.Message, "should go on until byte 1500") {
			t.Error(err)
		}
		lost := errors.New("no connection")
		w = New(&memory{b: []byte(one), err: lost}, int64(len(one)))
		w.Go(form, 0, int64(len(one)))
		if _, err := w.AtEnd(); !errors.Is(err, lost) || !errors.Is(w.Err(), lost) {
			t.Error(err)
		}
	}
}

// Every bit of a framed stream matters.
func TestFlips(t *testing.T) {
	data := framed(t, text(300), noise(100))
	for i := range data {
		for bit := range 8 {
			m := &memory{b: bytes.Clone(data)}
			m.b[i] ^= 1 << bit
			w := Framed(m, 0, m.Size())
			b, err := w.Next(400)
			if end, err2 := w.AtEnd(); err == nil && end && err2 == nil {
				t.Errorf("byte %d, bit %d: %d bytes are read", i, bit, len(b))
			}
		}
	}
}

func BenchmarkFramed(b *testing.B) {
	for name, data := range map[string][]byte{"text": text(16 << 20), "noise": noise(16 << 20)} {
		b.Run(name, func(b *testing.B) {
			m := &memory{b: framed(b, data)}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				m.requests = m.requests[:0]
				if err := Framed(m, 0, m.Size()).Discard(int64(len(data))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValue(b *testing.B) {
	var data []byte
	for range 1 << 20 {
		data = append(data, block(text(12))...)
	}
	m := &memory{b: data}
	b.ReportAllocs()
	for b.Loop() {
		m.requests = m.requests[:0]
		w := Plain(m, 0, m.Size())
		for range 1 << 20 {
			if _, err := w.Value(blocks{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func FuzzFramed(f *testing.F) {
	f.Add(framed(f, text(100), noise(50)), 10)
	f.Add(append(framed(f), framed(f, []byte("a"))...), 1)
	f.Fuzz(func(t *testing.T, data []byte, step int) {
		m := &memory{b: data}
		w := Framed(m, 0, m.Size())
		for {
			end, err := w.AtEnd()
			if end || err != nil {
				return
			}
			before := w.Offset()
			if p := w.Physical(); p < 0 || p > m.Size() {
				t.Fatalf("at byte %d of %d", p, m.Size())
			}
			if b, err := w.Next(max(step%1000, 1)); err == nil && w.Offset() != before+int64(len(b)) {
				t.Fatal("a wrong offset")
			}
		}
	})
}
