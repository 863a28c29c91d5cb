package engine

import "time"

// MachineClock is the time of this machine.
type MachineClock struct{}

// Now implements Clock.
func (MachineClock) Now() time.Time { return time.Now() }

// AfterFunc implements Clock.
func (MachineClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	return time.AfterFunc(d, f).Stop
}
