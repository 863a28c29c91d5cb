package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWebHDFSResume: a body that breaks off is read on, and one that is too short is an
// error in the end, never a silent one.
func TestWebHDFSResume(t *testing.T) {
	content := strings.Repeat("0123456789", 1000)
	f := newFakeHDFS(t)
	f.put(t, "a", content)
	s := f.openAs(t, "", Settings{RetryBudget: 2 * time.Second})
	toDatanode := func(r *http.Request) bool { return "http://"+r.Host == f.datanode.URL }
	var starts []string
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if !toDatanode(r) {
			return false
		}
		starts = append(starts, r.URL.Query().Get("offset"))
		if len(starts) > 2 {
			return false
		}
		w.Header().Set("Content-Length", "10000")
		io.WriteString(w, content[:3000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	if got := read(t, s, "a"); got != content {
		t.Errorf("read %d bytes", len(got))
	}
	if !slices.Equal(starts, []string{"0", "3000", "6000"}) {
		t.Errorf("read from %v", starts)
	}

	f.setFault(func(w http.ResponseWriter, r *http.Request) bool { return toDatanode(r) }) // 200 and nothing
	c, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 { // and it stays so
		if _, err := io.ReadAll(c); !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "byte 0 of 10000") {
			t.Errorf("a body that is too short: %v", err)
		}
	}

	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if toDatanode(r) {
			f.files["/root/a"] = "shorter"
			return true
		}
		return false
	})
	c, err = s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadAll(c); !errors.Is(err, errChanged) {
		t.Errorf("a file that changed: %v", err)
	}
}

// TestWebHDFSVanishing: a directory that goes while the listing runs is left out.
func TestWebHDFSVanishing(t *testing.T) {
	f := newFakeHDFS(t)
	f.put(t, "a/x", "1")
	f.put(t, "b/x", "1")
	s := f.open(t, "")
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		gone := strings.HasSuffix(r.URL.Path, "/root/a")
		if gone {
			remote(w, http.StatusNotFound, "FileNotFoundException", "File /root/a does not exist.")
		}
		return gone
	})
	got := list(t, s.List(t.Context(), ""))
	delete(got, "")
	if diff := cmp.Diff(map[string]int64{"a": -1, "b": -1, "b/x": 1}, got); diff != "" {
		t.Error(diff)
	}
}

// TestWebHDFSCancel: a listing ends at once, with its requests, and leaves nothing
// running.
func TestWebHDFSCancel(t *testing.T) {
	f := newFakeHDFS(t)
	for i := range 50 {
		f.put(t, fmt.Sprintf("d%d/x", i), "1")
	}
	s := f.open(t, "")
	before := runtime.NumGoroutine()
	var hung atomic.Int32
	f.namenode.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/root") {
			f.answer(w, r)
			return
		}
		hung.Add(1)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	start, last := time.Now(), error(nil)
	for _, err := range s.List(ctx, "") {
		last = err
	}
	if !errors.Is(last, context.Canceled) || time.Since(start) > 5*time.Second || hung.Load() != 16 {
		t.Errorf("ended with %v after %v, %d requests", last, time.Since(start), hung.Load())
	}
	for range s.List(t.Context(), "") {
		break
	}
	s.Close()
	for range 100 {
		if runtime.NumGoroutine() <= before+4 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
