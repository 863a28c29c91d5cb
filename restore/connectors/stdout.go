package connectors

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Stdout is a sink that writes each record as soon as it comes, as JSON or CSV, to one writer for all sub-tasks (Flink:
// PrintSink): at least once, since what was written before a failure is written again after it. New is the operator of a
// sub-task.
type Stdout struct {
	Out    io.Writer
	Format Format // JSON or CSV

	mu      sync.Mutex
	started bool
}

// Guarantee is what the sink promises.
func (*Stdout) Guarantee() engine.Guarantee { return engine.AtLeastOnce }

// Check tells what is wrong with the settings.
func (s *Stdout) Check() error {
	switch {
	case s.Out == nil:
		return errors.New("stdout: no writer")
	case s.Format.Kind == Lines:
		return errors.New("stdout: want json or csv, not lines")
	}
	return nil
}

// New makes the operator of one sub-task.
func (s *Stdout) New() engine.Operator { return &printer{sink: s} }

type printer struct {
	sink    *Stdout
	encoder *encoder
	buf     []byte
}

// Open implements engine.Operator.
func (p *printer) Open(c *engine.Context) (err error) {
	if err := p.sink.Check(); err != nil {
		return err
	}
	if len(c.Inputs) != 1 {
		return fmt.Errorf("stdout %s: %d inputs, want one", c.UID, len(c.Inputs))
	}
	p.encoder, err = newEncoder(p.sink.Format, c.Inputs[0])
	return err
}

// Process implements engine.Operator. Whole batches are written at once, so that sub-tasks do not mix within a line.
func (p *printer) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	if err := p.encoder.check(b); err != nil {
		return err
	}
	p.buf = p.buf[:0]
	for i := range b.N {
		p.buf = p.encoder.record(p.buf, b, i)
	}
	b.Release()
	return p.sink.write(p.encoder, p.buf)
}

// write writes lines, the first ones below a header.
func (s *Stdout) write(e *encoder, lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.started = true
		if head := e.header(nil); len(head) > 0 {
			if _, err := s.Out.Write(head); err != nil {
				return err
			}
		}
	}
	_, err := s.Out.Write(lines)
	return err
}

// Close implements engine.Operator.
func (p *printer) Close() error { return nil }
