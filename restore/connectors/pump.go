package connectors

import (
	"io"
	"sync"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

const (
	pumpSize   = 64 << 10 // of a piece
	pumpPieces = 8        // that wait at most
)

// pump reads in a goroutine of its own what would block its reader.
type pump struct {
	mu     sync.Mutex
	room   sync.Cond
	pieces [][]byte
	err    error // behind the pieces
	ready  chan struct{}
	ended  chan struct{} // closed when the goroutine is gone
}

func startPump(r io.Reader) *pump {
	p := &pump{ready: make(chan struct{}, 1), ended: make(chan struct{})}
	p.room.L = &p.mu
	go p.run(r)
	return p
}

// run ends with its reader, or when that is stopped.
func (p *pump) run(r io.Reader) {
	defer close(p.ended)
	for {
		piece := make([]byte, pumpSize)
		n, err := r.Read(piece)
		if !p.add(piece[:n], err) {
			return
		}
	}
}

// add waits for room. It tells whether to go on.
func (p *pump) add(piece []byte, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.pieces) >= pumpPieces && p.err == nil {
		p.room.Wait()
	}
	if len(piece) > 0 && p.err == nil {
		p.pieces = append(p.pieces, piece)
	}
	if p.err == nil {
		p.err = err
	}
	select {
	case p.ready <- struct{}{}:
	default:
	}
	return p.err == nil
}

// stop ends the pump as soon as its reader returns.
func (p *pump) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = io.ErrClosedPipe
	}
	p.room.Broadcast()
}

// Read is io.Reader's, but that it does not wait: engine.ErrNothingYet.
func (p *pump) Read(dst []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pieces) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		return 0, engine.ErrNothingYet
	}
	n := copy(dst, p.pieces[0])
	if p.pieces[0] = p.pieces[0][n:]; len(p.pieces[0]) == 0 {
		p.pieces = p.pieces[1:]
		p.room.Broadcast()
	}
	return n, nil
}

// back gives back what was read and not used.
func (p *pump) back(rest []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(rest) > 0 {
		p.pieces = append([][]byte{append([]byte(nil), rest...)}, p.pieces...)
	}
}

// Wait implements input.
func (p *pump) Wait() <-chan struct{} { return p.ready }
