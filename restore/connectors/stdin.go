package connectors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// passing is what sources have in common that cannot go back: one split, without a position, at most once.
type passing struct {
	Records
}

func (s *passing) check() error {
	if s.Format.Kind == CSV && s.Format.Header {
		return errors.New("a header is of files: after a restart it would not come again")
	}
	return s.Records.check()
}

// Guarantee implements engine.Source.
func (*passing) Guarantee() engine.Guarantee { return engine.AtMostOnce }

// Discover implements engine.Source.
func (*passing) Discover(context.Context) ([]engine.Split, error) {
	return []engine.Split{{ID: "0"}}, nil
}

// DiscoveryInterval implements engine.Source.
func (*passing) DiscoveryInterval() int64 { return 0 }

// Position implements engine.Source. Positions count bytes since the opening, and mean nothing later.
func (*passing) Position() backends.Type { return longType }

// Stdin reads lines of a stream: at most once. What was read before a failure does not come again. Records.Format may be any, without a
// header. A Stdin must not be copied once it is used.
type Stdin struct {
	In io.Reader
	passing

	once sync.Once
	pump *pump
}

var _ engine.Source = (*Stdin)(nil)

// NewStdin is a source of records in r.
func NewStdin(in io.Reader, r Records) *Stdin { return &Stdin{In: in, passing: passing{r}} }

// Check tells what is wrong with the settings.
func (s *Stdin) Check() error {
	if s.In == nil {
		return errors.New("stdin: no reader")
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("stdin: %w", err)
	}
	return nil
}

// Bounded implements engine.Source.
func (*Stdin) Bounded() bool { return true }

// Open implements engine.Source. After a restart within the process it goes on where the last reader was.
func (s *Stdin) Open(context.Context, engine.Split, any, engine.SourceContext) (engine.SplitReader, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	s.once.Do(func() { s.pump = startPump(s.In) })
	r := newRecordReader(&s.Records, "stdin")
	r.start(&stdinInput{s.pump, r}, 0)
	return r, nil
}

type stdinInput struct {
	*pump
	reader *recordReader
}

// Close leaves the rest to the next one.
func (i *stdinInput) Close() error {
	r := i.reader
	i.back(r.buf[r.from:r.to])
	r.from = r.to
	return nil
}

// Socket reads lines from a server (Flink: socketTextStream): at most once. A connection that breaks is an error, one that the
// server ends is the end. Records.Format may be any, without a header.
type Socket struct {
	Address string // host:port
	// Dial connects; nil: by TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	passing
}

var _ engine.Source = (*Socket)(nil)

// NewSocket is a source of records that the server at an address, host:port, sends.
func NewSocket(address string, r Records) *Socket {
	return &Socket{Address: address, passing: passing{r}}
}

// Check tells what is wrong with the settings.
func (s *Socket) Check() error {
	if _, _, err := net.SplitHostPort(s.Address); err != nil {
		return fmt.Errorf("socket: want host:port: %w", err)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("socket %s: %w", s.Address, err)
	}
	return nil
}

// Bounded implements engine.Source.
func (*Socket) Bounded() bool { return false }

// Open implements engine.Source.
func (s *Socket) Open(ctx context.Context, _ engine.Split, _ any, _ engine.SourceContext) (engine.SplitReader, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	dial := s.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", s.Address)
	if err != nil {
		return nil, err
	}
	r := newRecordReader(&s.Records, s.Address)
	r.start(&socketInput{startPump(conn), conn}, 0)
	return r, nil
}

type socketInput struct {
	*pump
	conn net.Conn
}

// Close ends the connection.
func (i *socketInput) Close() error {
	i.stop()
	return i.conn.Close()
}
