package connectors

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// await reads what comes until the end, or until n records are there.
func await(t *testing.T, s engine.Source, r engine.SplitReader, n int) (got []string, err error) {
	t.Helper()
	for len(got) < n {
		b := engine.NewBatch(s.Schema(), 1)
		err := r.Read(b, 1)
		got = append(got, rowsOf(t, b)...)
		if errors.Is(err, engine.ErrNothingYet) {
			select {
			case <-r.(engine.Waiter).Wait():
			case <-time.After(10 * time.Second):
				t.Fatal("nothing comes")
			}
		} else if err != nil {
			return got, err
		}
	}
	return got, nil
}

func TestStdin(t *testing.T) {
	in, out := io.Pipe()
	s := NewStdin(in, Records{})
	if s.Guarantee() != engine.AtMostOnce || len(discover(t, s)) != 1 {
		t.Error("it cannot go back")
	}
	r := openSplit(t, s, discover(t, s)[0], nil, nil)
	if _, err := read(t, s, r, 5); err != engine.ErrNothingYet {
		t.Fatal(err)
	}
	go fmt.Fprint(out, "a\nb\nc")
	if got, err := await(t, s, r, 2); err != nil || strings.Join(got, " ") != "string:a string:b" {
		t.Fatal(got, err)
	}
	position := r.Position()
	r.Close()
	r = openSplit(t, s, discover(t, s)[0], position, nil) // a restart: what was not read is still there
	go func() {
		fmt.Fprint(out, "d\nlast")
		out.Close()
	}()
	if got, err := await(t, s, r, 9); err != io.EOF || strings.Join(got, " ") != "string:cd string:last" {
		t.Error(got, err)
	}
	r.Close()
}

// TestStdinMuch: more than the pump holds, and an error at its end.
func TestStdinMuch(t *testing.T) {
	var text strings.Builder
	for i := range 200_000 {
		fmt.Fprintln(&text, i)
	}
	broken := errors.New("broken")
	s := NewStdin(io.MultiReader(strings.NewReader(text.String()), iotest.ErrReader(broken)), Records{Format: Format{Kind: JSON}, Columns: []engine.Column{{Name: "n", Kind: engine.Long}}, SkipBad: true})
	bad := 0
	s.OnBad = func(error) { bad++ }
	r := openSplit(t, s, discover(t, s)[0], nil, nil)
	if got, err := await(t, s, r, 1); !errors.Is(err, broken) || len(got) > 0 || bad != 200_000 {
		t.Error(got, err, bad)
	}
}

func TestSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "1,a\n2,b\n")
			c.Close()
		}
	})
	s := NewSocket(l.Addr().String(), Records{Format: Format{Kind: CSV}, Columns: []engine.Column{{Name: "n", Kind: engine.Long}, {Name: "s", Kind: engine.String}}})
	for range 2 {
		r := openSplit(t, s, discover(t, s)[0], int64(5), nil)
		if got, err := await(t, s, r, 9); err != io.EOF || strings.Join(got, " ") != "int64:1|string:a int64:2|string:b" {
			t.Error(got, err)
		}
		r.Close()
	}
	l.Close()
	done.Wait()
	if _, err := s.Open(t.Context(), engine.Split{ID: "0"}, nil, engine.SourceContext{}); err == nil {
		t.Error("nobody listens")
	}
	if s.Guarantee() != engine.AtMostOnce || s.Bounded() {
		t.Error("a socket")
	}
}

// TestSocketStops: closing ends the goroutine, also one that waits for room.
func TestSocketStops(t *testing.T) {
	server, client := net.Pipe()
	p := startPump(client)
	i := &socketInput{p, client}
	sent := make(chan error)
	go func() {
		piece := make([]byte, pumpSize)
		for {
			if _, err := server.Write(piece); err != nil {
				sent <- err
				return
			}
		}
	}()
	for len(p.waiting()) < pumpPieces {
		<-p.Wait()
	}
	i.Close()
	if err := <-sent; err == nil {
		t.Error("it goes on")
	}
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		t.Error("the goroutine stays")
	}
}

func (p *pump) waiting() [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pieces
}

func TestStreamCheck(t *testing.T) {
	header := Records{Format: Format{Kind: CSV, Header: true}, Columns: []engine.Column{{Name: "x", Kind: engine.Long}}}
	for want, err := range map[string]error{
		"no reader":                    NewStdin(nil, Records{}).Check(),
		"stdin: a header is of files":  NewStdin(strings.NewReader(""), header).Check(),
		"want host:port":               NewSocket("localhost", Records{}).Check(),
		"socket h:1: a header is of f": NewSocket("h:1", header).Check(),
		"no columns":                   NewSocket("h:1", Records{Format: Format{Kind: JSON}}).Check(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// brokenWriter fails after so many writes.
type brokenWriter struct {
	strings.Builder
	left int
}

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, io.ErrShortWrite
	}
	return w.Builder.Write(p)
}

func TestStdout(t *testing.T) {
	w := &brokenWriter{left: 1 << 20}
	s := &Stdout{Out: w, Format: Format{Kind: CSV, Header: true}}
	var done sync.WaitGroup
	for k := range 4 {
		done.Go(func() {
			op := s.New()
			if err := op.Open(&engine.Context{Inputs: []*engine.Schema{numbers}}); err != nil {
				t.Error(err)
			}
			for i := range 100 {
				b := engine.NewBatch(numbers, 3)
				for n := range 3 {
					b.Append(engine.NoTime, k*1000+i*3+n)
				}
				if err := op.Process(0, b, nil); err != nil {
					t.Error(err)
				}
			}
			op.Close()
		})
	}
	done.Wait()
	got, err := decodeAll(t, w.String(), Records{Format: s.Format, Columns: numbers.Columns})
	if err != nil || len(got) != 1200 || strings.Count(w.String(), "n") != 1 {
		t.Error(len(got), err)
	}
	w.left = 0
	op := s.New()
	b := engine.NewBatch(numbers, 1)
	b.Append(engine.NoTime, 1)
	if err := op.Open(&engine.Context{Inputs: []*engine.Schema{numbers}}); err != nil {
		t.Fatal(err)
	}
	if err := op.Process(0, b, nil); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
	if s.Guarantee() != engine.AtLeastOnce || (&Stdout{Format: Format{Kind: JSON}}).Check() == nil || (&Stdout{Out: w}).Check() == nil {
		t.Error("settings")
	}
}

func TestDiscard(t *testing.T) {
	d := new(Discard)
	b := engine.NewBatch(numbers, 3)
	b.N = 3
	for range 2 {
		op := d.New()
		if err := errors.Join(op.Open(nil), op.Process(0, b, nil), op.Close()); err != nil {
			t.Error(err)
		}
	}
	if d.Records() != 6 {
		t.Error(d.Records())
	}
}
