package engine

import (
	"sync"
	"sync/atomic"
)

// mailbox is what others want a task to do, in its own goroutine between two batches (Flink: TaskMailbox).
type mailbox struct {
	mu   sync.Mutex
	mail []func() error
	some atomic.Bool
	wake chan struct{}
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) post(f func() error) {
	m.mu.Lock()
	m.mail = append(m.mail, f)
	m.some.Store(true)
	m.mu.Unlock()
	rouse(m.wake)
}

// run does all that was asked for, in order.
func (m *mailbox) run() error {
	for m.some.Load() {
		m.mu.Lock()
		mail := m.mail
		m.mail = nil
		m.some.Store(false)
		m.mu.Unlock()
		for _, f := range mail {
			if err := f(); err != nil {
				return err
			}
		}
	}
	return nil
}
