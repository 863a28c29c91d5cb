package faults

import (
	"errors"
	"slices"
	"sync"
)

// Outcome is what a change of storage comes to.
type Outcome uint8

// The outcomes. All but Done and Lied answer with Plan.Err.
const (
	// Done: it happens.
	Done Outcome = iota
	// Refused: it does not.
	Refused
	// Lost: it happens, and its answer is lost.
	Lost
	// Half: a file that is created has half its bytes, as where a storage shows what was not written to its end. The stores of
	// this project promise that it never comes to this. Other changes are Refused.
	Half
	// Lied: it does not happen, and the answer is that it did. No storage may do so.
	Lied
)

// errSpoiled stands for Plan.Err: who knows where tells it, and notes it.
var errSpoiled = errors.New("spoiled")

// Fault is a call that the plan made fail, or lied of.
type Fault struct {
	Op  string // of a change as Plan.ChangeErr has it, else open or stat
	URL string
}

// spoiled is a list that many add to.
type spoiled struct {
	mu    sync.Mutex
	calls []Fault
}

func (s *spoiled) add(op, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Fault{op, url})
}

// Spoiled are the faults so far, but for bodies that end early: where, or below which, a program may leave what it should have deleted.
func (p *Plan) Spoiled() []Fault {
	p.spoiled.mu.Lock()
	defer p.spoiled.mu.Unlock()
	return slices.Clone(p.spoiled.calls)
}

// comeTo does a change, half of it, or nothing, as the plan says.
func (p *Plan) comeTo(op, url string, do, half func() error) error {
	if p.Outcome == nil {
		return do()
	}
	outcome := p.Outcome(op, url)
	if outcome == Done {
		return do()
	}
	switch {
	case outcome == Lied:
		p.spoiled.add(op, url)
		return nil
	case outcome == Lost:
		_ = do()
	case outcome == Half && half != nil:
		_ = half()
	}
	return errSpoiled
}
