package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// slowDown is what stores answer that are asked too much.
func slowDown(w http.ResponseWriter) {
	w.WriteHeader(http.StatusServiceUnavailable)
	io.WriteString(w, `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`)
}

// TestCloudThrottling: a store that asks for patience is given it.
func TestCloudThrottling(t *testing.T) {
	const long = "429 that says how long"
	for name, answer := range map[string]func(w http.ResponseWriter){
		"503":                      slowDown,
		long:                       func(w http.ResponseWriter) { w.Header().Set("Retry-After", "1"); w.WriteHeader(429) },
		"500":                      func(w http.ResponseWriter) { w.WriteHeader(500) },
		"a connection that breaks": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"half an answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "<?xml")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inEach(t, func(t *testing.T, f *fakeCloud) {
				f.put(t, "a", "content")
				s := f.open(t, "")
				var faults atomic.Int32
				wanted := int32(2)
				if name == long {
					wanted = 1
				}
				begin := time.Now()
				f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
					if faults.Add(1) > wanted {
						return false
					}
					answer(w)
					return true
				})
				if got := list(t, s.List(t.Context(), "")); got["a"] != 7 || len(f.requests()) != int(wanted)+1 {
					t.Errorf("%v with %d requests", got, len(f.requests()))
				}
				if took := time.Since(begin); name == long && took < time.Second {
					t.Errorf("came again after %v", took)
				}
			})
		})
	}
}

// TestCloudNoEnd: patience has an end, and half a listing is an error.
func TestCloudNoEnd(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		for i := range 1010 {
			f.put(t, fmt.Sprintf("chk-%d/%d", i/100, i), "x")
		}
		for _, concurrency := range []int{1, 16} {
			s := f.openAs(t, "", Settings{Concurrency: concurrency, RetryBudget: 300 * time.Millisecond})
			var asked atomic.Int32
			f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
				if asked.Add(1) == 1 {
					return false
				}
				slowDown(w)
				return true
			})
			begin := time.Now()
			_, err := layout.Scan(t.Context(), s, layout.ScanOptions{})
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("gave up after %v", took)
			}
			if err == nil || !strings.Contains(err.Error(), s.URL()) || !strings.Contains(err.Error(), "asks for fewer requests (503") {
				t.Errorf("scan: %v", err)
			}
			if _, err := s.Open(t.Context(), "chk-1/100"); err == nil || !strings.Contains(err.Error(), "503") {
				t.Errorf("open: %v", err)
			}
		}
	})
}

// TestCloudBrokenReads: a read goes on where it broke off, or fails; it never ends early.
func TestCloudBrokenReads(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<16)
	inEach(t, func(t *testing.T, f *fakeCloud) {
		f.put(t, "a", content)
		s := f.open(t, "")
		var breaks atomic.Int32
		f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if breaks.Add(-1) < 0 {
				return false
			}
			f.real.ServeHTTP(&breaking{w, 300_000}, r)
			return true
		})
		breaks.Store(2)
		if read(t, s, "a") != content || len(f.requests()) != 3 {
			t.Errorf("other content, or %v", f.requests())
		}
		breaks.Store(1)
		r, err := s.OpenRange(t.Context(), "a", 1000, 500_000)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != content[1000:501_000] {
			t.Errorf("a range: %d bytes, %v", len(got), err)
		}
		breaks.Store(1)
		c, err := s.Open(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond)
		f.put(t, "a", strings.ToUpper(content))
		if got, err := io.ReadAll(c); !errors.Is(err, errChanged) || !strings.HasPrefix(content, string(got)) {
			t.Errorf("replaced meanwhile: %d bytes, %v", len(got), err)
		}
	})
}

// TestCloudEndlessBreaks: a read that always breaks fails.
func TestCloudEndlessBreaks(t *testing.T) {
	f := newFakeS3(t)
	f.put(t, "a", strings.Repeat("x", 1000))
	s := f.open(t, "")
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		f.real.ServeHTTP(&breaking{w, 10}, r)
		return true
	})
	c, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if len(got) >= 1000 || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), s.URL()+"/a") {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// breaking is an answer that breaks off.
type breaking struct {
	http.ResponseWriter
	left int
}

// Write implements io.Writer.
func (b *breaking) Write(p []byte) (int, error) {
	if len(p) > b.left {
		b.ResponseWriter.Write(p[:b.left])
		b.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}

// TestCloudSilence: a store that falls silent in the middle is asked again.
func TestCloudSilence(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<16)
	inEach(t, func(t *testing.T, f *fakeCloud) {
		f.put(t, "a", content)
		s := f.open(t, "")
		s.(*bucket).silence = 100 * time.Millisecond
		var first atomic.Bool
		f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if first.Swap(true) {
				return false
			}
			f.real.ServeHTTP(&silent{w, r.Context(), 300_000}, r)
			return true
		})
		if read(t, s, "a") != content || len(f.requests()) != 2 {
			t.Errorf("other content, or %v", f.requests())
		}
	})
}

// silent is an answer that stops, and keeps the connection.
type silent struct {
	http.ResponseWriter
	gone context.Context
	left int
}

// Write implements io.Writer.
func (s *silent) Write(p []byte) (int, error) {
	if len(p) <= s.left {
		s.left -= len(p)
		return s.ResponseWriter.Write(p)
	}
	s.ResponseWriter.Write(p[:s.left])
	s.ResponseWriter.(http.Flusher).Flush()
	<-s.gone.Done()
	panic(http.ErrAbortHandler)
}

// TestCloudIgnoredRange: a server that sends other bytes than were asked for is not
// believed.
func TestCloudIgnoredRange(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		f.put(t, "a", "0123456789")
		s := f.open(t, "")
		f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			r.Header.Del("X-Ms-Range")
			return false
		})
		if _, err := s.OpenRange(t.Context(), "a", 5, 2); err == nil {
			t.Error("no error")
		}
	})
}
