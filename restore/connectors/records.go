package connectors

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// DefaultMaxRecord is how many bytes a record may have where nothing else is said.
const DefaultMaxRecord = 16 << 20

// Records says how a source's text is taken apart.
type Records struct {
	Format Format
	// Columns are those to read. Of Lines they may be left out: one STRING column, line.
	Columns []engine.Column
	// SkipBad is whether records that cannot be read are left out; else they fail the job.
	SkipBad bool
	// OnBad is told of each record left out: the error is a *RecordError. Several goroutines may call it. It may be nil.
	OnBad func(err error)
	// MaxRecord is how many bytes a record may have; 0: DefaultMaxRecord. A larger one fails the job even with SkipBad.
	MaxRecord int
}

// Schema is the schema of the records.
func (r *Records) Schema() *engine.Schema {
	if len(r.Columns) == 0 && r.Format.Kind == Lines {
		return engine.NewSchema(engine.Column{Name: "line", Kind: engine.String})
	}
	return engine.NewSchema(r.Columns...)
}

func (r *Records) check() error {
	if r.MaxRecord < 0 || r.MaxRecord > math.MaxInt32 {
		return fmt.Errorf("records of at most %d bytes: want 1 to %d", r.MaxRecord, math.MaxInt32)
	}
	return r.Format.check(r.Schema().Columns)
}

// RecordError tells of a record that cannot be read.
type RecordError struct {
	Source string // the URL of the file, or what else it came from
	Offset int64  // where the record begins; of compressed files in what is compressed
	Column string // "" where it is none's
	Err    error
}

// Error implements error.
func (e *RecordError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("%s: record at byte %d: %v", e.Source, e.Offset, e.Err)
	}
	return fmt.Sprintf("%s: record at byte %d: column %s: %v", e.Source, e.Offset, e.Column, e.Err)
}

// Unwrap is what is wrong.
func (e *RecordError) Unwrap() error { return e.Err }

// columnError is what a decoder tells.
type columnError struct {
	column string
	error
}

// input is where text comes from. It ends with io.EOF, and has nothing for now with engine.ErrNothingYet.
type input interface {
	io.ReadCloser
	engine.Waiter
}

// recordReader reads records from an input.
type recordReader struct {
	records *Records
	name    string
	in      input
	decoder decoder
	rows    rows
	header  bool // is still to come

	buf      []byte // what is read and not taken yet lies in buf[from:to]
	from, to int
	offset   int64 // of buf[from]
	eof      bool
}

func newRecordReader(r *Records, name string) *recordReader {
	columns := r.Schema().Columns
	return &recordReader{records: r, name: name, decoder: newDecoder(&r.Format, columns), rows: newRows(columns),
		header: r.Format.Kind == CSV && r.Format.Header}
}

// start begins to read an input, which begins at an offset.
func (r *recordReader) start(in input, offset int64) {
	r.in, r.offset, r.from, r.to, r.eof = in, offset, 0, 0, false
}

// Read implements engine.SplitReader.
func (r *recordReader) Read(b *engine.Batch, n int) error {
	r.rows.begin(b)
	err := r.fillBatch(n)
	r.rows.end()
	if b.N > 0 && (err == io.EOF || errors.Is(err, engine.ErrNothingYet)) {
		return nil // and again with the next call
	}
	return err
}

func (r *recordReader) fillBatch(n int) error {
	for r.rows.batch.N < n {
		record, width, err := r.next()
		if err != nil {
			return err
		}
		if err := r.take(record); err != nil {
			return err
		}
		r.from += width
		r.offset += int64(width)
	}
	return nil
}

// take decodes a record, unless it is blank or the header.
func (r *recordReader) take(record []byte) error {
	if r.header {
		if err := r.decoder.header(record); err != nil {
			return r.bad(err)
		}
		r.header = false
		return nil
	}
	if r.decoder.blank(record) {
		return nil
	}
	err := r.decoder.decode(record, &r.rows)
	if err == nil {
		r.rows.commit()
		return nil
	}
	r.rows.drop()
	if err = r.bad(err); !r.records.SkipBad {
		return err
	}
	if r.records.OnBad != nil {
		r.records.OnBad(err)
	}
	return nil
}

func (r *recordReader) bad(err error) error {
	e := &RecordError{Source: r.name, Offset: r.offset, Err: err}
	if c := (columnError{}); errors.As(err, &c) {
		e.Column, e.Err = c.column, c.error
	}
	return e
}

// next is the next record, and how many bytes it takes with its end.
func (r *recordReader) next() (record []byte, width int, err error) {
	most := cmp.Or(r.records.MaxRecord, DefaultMaxRecord)
	for {
		window, skip := r.buf[r.from:r.to], 0
		if r.offset == 0 {
			skip = byteOrder(window, r.eof)
		}
		if skip >= 0 {
			record, width, ok := r.decoder.frame(window[skip:], r.eof)
			if ok && len(record) <= most {
				return record, skip + width, nil
			}
			if ok || len(window)-skip > most+len("\r\n") {
				return nil, 0, r.bad(fmt.Errorf("it has more than the %d bytes that a record may have", most))
			}
		}
		if r.eof {
			return nil, 0, io.EOF
		}
		if err := r.more(); err != nil {
			return nil, 0, err
		}
	}
}

// more reads on.
func (r *recordReader) more() error {
	r.room()
	n, err := r.in.Read(r.buf[r.to:])
	r.to += n
	switch nothing := errors.Is(err, engine.ErrNothingYet); {
	case err == io.EOF:
		r.eof = true
		return nil
	case nothing && n > 0:
		return nil
	case nothing && r.to == 0:
		r.release()
	}
	return err
}

// readSize is how much is read at least at a time.
const readSize = 128 << 10

// buffers are for those that read: many files may grow, and few of them at a time.
var buffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// room makes room in buf.
func (r *recordReader) room() {
	if r.from > 0 {
		r.to = copy(r.buf, r.buf[r.from:r.to])
		r.from = 0
	}
	switch {
	case r.buf == nil:
		r.buf = buffers.Get().(*[readSize]byte)[:]
	case r.to == len(r.buf):
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
}

// release gives buf away, in which nothing is left to take.
func (r *recordReader) release() {
	if len(r.buf) == readSize {
		buffers.Put((*[readSize]byte)(r.buf))
	}
	r.buf, r.from, r.to = nil, 0, 0
}

// byteOrder is how long the mark at the beginning of a text is; -1: more must be read to know.
func byteOrder(text []byte, eof bool) int {
	for i, b := range byteOrderMark {
		if i >= len(text) {
			if eof {
				return 0
			}
			return -1
		}
		if text[i] != b {
			return 0
		}
	}
	return len(byteOrderMark)
}

// Position implements engine.SplitReader.
func (r *recordReader) Position() any { return r.offset }

// Wait implements engine.Waiter.
func (r *recordReader) Wait() <-chan struct{} { return r.in.Wait() }

// Close implements engine.SplitReader.
func (r *recordReader) Close() error {
	defer r.release()
	return r.in.Close()
}
