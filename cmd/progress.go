package cmd

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Progress says nothing of what is over at once, then changes in place on a
// terminal. Where there is none, a message now and then must do.
const (
	progressDelay    = 500 * time.Millisecond
	progressInterval = 100 * time.Millisecond
	progressMessages = 10 * time.Second
)

// telling tells again and again, on Err, what has come of something.
type telling struct {
	quit  chan struct{}
	ended sync.WaitGroup
}

// tell begins to tell what text gives, where progress is asked for at all: on a terminal in a line that changes in place at each interval, else in
// a message now and then. text may use width columns, any number where that is 0. Whoever starts it stops it.
func (e *Env) tell(interval time.Duration, text func(width int) string) *telling {
	t := &telling{quit: make(chan struct{})}
	if e.Progress {
		t.ended.Go(func() { t.run(e, interval, text) })
	}
	return t
}

// stop ends it, and removes its line.
func (t *telling) stop() {
	close(t.quit)
	t.ended.Wait()
}

func (t *telling) run(e *Env, interval time.Duration, text func(width int) string) {
	line, ok := e.Err.(*statusLine)
	if !ok || !e.ErrTerminal {
		t.every(progressMessages, progressMessages, func() { e.Log.Info(text(0)) })
		return
	}
	t.every(progressDelay, interval, func() {
		width := e.lineWidth()
		line.set(shorten(text(width), width))
	})
	line.set("")
}

// every calls f after delay and then at each interval, until stop.
func (t *telling) every(delay, interval time.Duration, f func()) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-t.quit:
			return
		case <-timer.C:
			f()
			timer.Reset(interval)
		}
	}
}

// lineWidth is how many columns a line that changes in place has: a longer one could not be erased.
func (e *Env) lineWidth() int {
	width := e.Width()
	if width <= 0 {
		width = helpWidth
	}
	return width - 1
}

// progress tells how far a command has come.
type progress struct {
	*telling
	what  string
	unit  string // of count
	count atomic.Int64
	bytes atomic.Int64
	total atomic.Int64 // of count, 0 where it is not known
	start time.Time
}

// startProgress begins to tell of what, counting units. Whoever starts it stops it.
func (e *Env) startProgress(what, unit string) *progress {
	p := &progress{what: what, unit: unit, start: time.Now()}
	p.telling = e.tell(progressInterval, func(int) string { return p.text() })
	return p
}

// set says how many units are done. Any goroutine may call it.
func (p *progress) set(n int) { p.count.Store(int64(n)) }

// listed says how many units there are so far, and their bytes.
func (p *progress) listed(n int, bytes int64) {
	p.count.Store(int64(n))
	p.bytes.Store(bytes)
}

// of says how many units of how many are done.
func (p *progress) of(n, total int) {
	p.count.Store(int64(n))
	p.total.Store(int64(total))
}

func (p *progress) text() string {
	var b strings.Builder
	b.WriteString(escape(p.what))
	n, total, age := p.count.Load(), p.total.Load(), time.Since(p.start)
	switch {
	case n > 0 && total > 0:
		fmt.Fprintf(&b, ": %d of %d %s", n, total, p.unit)
	case n > 0:
		fmt.Fprintf(&b, ": %d %s", n, p.unit)
	}
	if bytes := p.bytes.Load(); bytes > 0 {
		fmt.Fprintf(&b, ", %s", humanSize(bytes))
	}
	fmt.Fprintf(&b, " (%s%s)", humanAge(age), pace(n, total, age))
	return b.String()
}

// pace is the rate, and the time that is left at this rate where the total is known.
func pace(n, total int64, age time.Duration) string {
	if n == 0 || age < time.Second {
		return ""
	}
	rate := float64(n) / age.Seconds()
	if total <= n {
		return fmt.Sprintf(", %.0f/s", rate)
	}
	left := time.Duration(float64(total-n) / rate * float64(time.Second))
	return fmt.Sprintf(", %.0f/s, %s left", rate, humanAge(left))
}

// statusLine is a writer to a terminal whose last line may be one that changes in
// place. What is written goes above it.
type statusLine struct {
	mu   sync.Mutex
	w    io.Writer
	line string
}

// clearLine goes to the start of the line and erases it.
const clearLine = "\r\x1b[K"

// Write implements io.Writer. It expects whole lines.
func (s *statusLine) Write(p []byte) (int, error) { return s.above(s.w, p) }

// above writes whole lines to another writer to the same terminal.
func (s *statusLine) above(w io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line == "" {
		return w.Write(p)
	}
	if _, err := io.WriteString(s.w, clearLine); err != nil {
		return 0, err
	}
	n, err := w.Write(p)
	if err != nil {
		return n, err
	}
	_, err = io.WriteString(s.w, s.line)
	return n, err
}

// set shows another line; "" removes it. What cannot be shown is not missed.
func (s *statusLine) set(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line == s.line {
		return
	}
	s.line = line
	_, _ = io.WriteString(s.w, clearLine+line)
}
