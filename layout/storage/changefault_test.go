package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// isChange tells requests that change something.
func isChange(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// TestChangesThrottled: a store that asks for patience is given it, and what is sent again
// is sent whole.
func TestChangesThrottled(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"503":                      slowDown,
		"429":                      func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"a connection that breaks": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			inEach(t, func(t *testing.T, f *fakeCloud) {
				for i := range 40 {
					f.put(t, fmt.Sprint("old/", i), "x")
				}
				m := f.change(t, "", Settings{partSize: int64(testPart)})
				all := files(t, m)
				var asked atomic.Int32
				f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
					if !isChange(r) || asked.Add(1)%3 != 1 {
						return false
					}
					answer(w)
					return true
				})
				for _, err := range deleted(t, t.Context(), m, all) {
					errorAs(t, "delete", err, nil)
				}
				for _, size := range []int{10, 2*testPart + 3} {
					data, key := pattern(size), fmt.Sprint("new/", size)
					_, err := m.Create(t.Context(), key, bytes.NewReader(data), int64(size))
					errorAs(t, key, err, nil)
					if got := read(t, m, key); got != string(data) {
						t.Errorf("%s: other bytes, %d of them", key, len(got))
					}
				}
				if left := keys(t, m); len(left) != 2 || asked.Load() < 4 {
					t.Errorf("left: %v after %d changes", left, asked.Load())
				}
			})
		})
	}
}

// TestLostAnswers: a request whose answer is lost is sent again, and what it has done is
// not taken for somebody else's.
func TestLostAnswers(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		m := f.change(t, "", Settings{})
		var lost atomic.Bool
		f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !isChange(r) || lost.Swap(true) {
				return false
			}
			f.real.ServeHTTP(discarding{w}, r)
			panic(http.ErrAbortHandler)
		})
		o, err := m.Create(t.Context(), "new", strings.NewReader("content"), 7)
		if err != nil || o.Size != 7 || !lost.Load() || read(t, m, "new") != "content" {
			t.Errorf("%+v, %v", o, err)
		}
		_, err = m.Create(t.Context(), "new", strings.NewReader("another"), 7)
		errorAs(t, "again", err, fs.ErrExist)
		lost.Store(false)
		errorAs(t, "delete", deleted(t, t.Context(), m, []layout.Object{o})[0], nil)
		if left := keys(t, m); len(left) != 0 || !lost.Load() {
			t.Errorf("left: %v", left)
		}
	})
}

// discarding is an answer that gets lost.
type discarding struct{ http.ResponseWriter }

// Write implements io.Writer.
func (d discarding) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (d discarding) WriteHeader(int) {}

// TestChangesDenied: missing rights are told as such, by the path.
func TestChangesDenied(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		f.put(t, "a", "x")
		m := f.change(t, "", Settings{})
		all := files(t, m)
		f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !isChange(r) {
				return false
			}
			refuse(w, http.StatusForbidden, "AccessDenied")
			return true
		})
		_, create := m.Create(t.Context(), "new", strings.NewReader("x"), 1)
		_, copied := m.CopyFrom(t.Context(), m, all[0], "copy")
		for name, err := range map[string]error{
			"a": deleted(t, t.Context(), m, all)[0], "new": create, "replaced": m.Replace(t.Context(), "replaced", nil), "copy": copied,
		} {
			var hinted interface{ ErrHint() string }
			if !errors.Is(err, fs.ErrPermission) || !strings.Contains(fmt.Sprint(err), m.URL()+"/"+name) || !errors.As(err, &hinted) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestChangesCancelled: deletes and uploads end soon, and tell the context's error.
func TestChangesCancelled(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		for i := range 50 {
			f.put(t, fmt.Sprint(i), "x")
		}
		m := f.change(t, "", Settings{RetryBudget: time.Minute})
		all := files(t, m)
		f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
			if !isChange(r) {
				return false
			}
			w.Header().Set("Retry-After", "30")
			slowDown(w)
			return true
		})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begin := time.Now()
		for i, err := range deleted(t, ctx, m, all) {
			errorAs(t, all[i].Key, err, context.DeadlineExceeded)
		}
		_, err := m.Create(ctx, "new", strings.NewReader("x"), 1)
		errorAs(t, "create", err, context.DeadlineExceeded)
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// s3Answers answers a batch in S3's place: per key what codes say, and deletes the others.
func s3Answers(f *fakeCloud, codes func(key string) string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || !r.URL.Query().Has("delete") {
			return false
		}
		data, _ := io.ReadAll(r.Body)
		var answer strings.Builder
		for part := range strings.SplitSeq(string(data), "<Key>") {
			key, _, ok := strings.Cut(part, "</Key>")
			if !ok {
				continue
			}
			switch code := codes(key); code {
			case "":
				ask(f.real, http.MethodDelete, f.URL+"/"+fakeBucket+"/"+key, nil, nil)
				fmt.Fprintf(&answer, "<Deleted><Key>%s</Key></Deleted>", key)
			case "nothing":
			default:
				fmt.Fprintf(&answer, "<Error><Key>%s</Key><Code>%s</Code><Message>no</Message></Error>", key, code)
			}
		}
		fmt.Fprintf(w, "<DeleteResult>%s</DeleteResult>", &answer)
		return true
	}
}

// TestS3DeleteKeys: what a batch says of each key counts for that key alone, and what may
// pass is tried again.
func TestS3DeleteKeys(t *testing.T) {
	f := newFakeS3(t)
	for _, key := range []string{"good", "denied", "slow", "broken", "untold", "gone", "changed"} {
		f.put(t, key, "x")
	}
	m := f.change(t, "", Settings{})
	all := files(t, m)
	asAmazon(m)
	seen := map[string]int{}
	f.setFault(s3Answers(f, func(key string) string {
		key = strings.TrimPrefix(key, "root/")
		seen[key]++
		again := map[string]string{"slow": "SlowDown", "broken": "InternalError"}
		lasting := map[string]string{"denied": "AccessDenied", "untold": "nothing", "gone": "NoSuchKey", "changed": "PreconditionFailed"}
		if seen[key] == 1 && again[key] != "" {
			return again[key]
		}
		return lasting[key]
	}))
	wrong := map[string]error{"denied": fs.ErrPermission, "changed": layout.ErrChanged}
	for i, err := range deleted(t, t.Context(), m, all) {
		if key := all[i].Key; key == "untold" {
			if err == nil {
				t.Error("what the store does not tell is taken for deleted")
			}
		} else {
			errorAs(t, key, err, wrong[key])
		}
	}
	if seen["slow"] != 2 || seen["broken"] != 2 || seen["denied"] != 1 {
		t.Errorf("asked for %v", seen)
	}
}

// TestS3DeleteLessKnown: servers that have no batches delete one by one, with a condition
// where they know it.
func TestS3DeleteLessKnown(t *testing.T) {
	f := newFakeS3(t)
	for i := range 20 {
		f.put(t, fmt.Sprint(i), "x")
	}
	m := f.change(t, "", Settings{})
	all := files(t, m)
	f.put(t, "7", "changed")
	var batches, conditions atomic.Int32
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPost:
			batches.Add(1)
			refuse(w, http.StatusNotImplemented, "NotImplemented")
			return true
		case r.Method == http.MethodDelete && r.Header.Get("If-Match") != "":
			conditions.Add(1)
			refuse(w, http.StatusNotImplemented, "NotImplemented")
			return true
		}
		return false
	})
	for i, err := range deleted(t, t.Context(), m, all) {
		errorAs(t, all[i].Key, err, map[string]error{"7": layout.ErrChanged}[all[i].Key])
	}
	if left := keys(t, m); len(left) != 1 || left["7"] != 7 || batches.Load() != 1 || conditions.Load() != 19 {
		t.Errorf("left: %v, after %d batches and %d conditions", left, batches.Load(), conditions.Load())
	}
}

// TestS3Requests counts: 2,500 deletes are three requests of S3.
func TestS3Requests(t *testing.T) {
	f := newFakeS3(t)
	for i := range 2500 {
		f.put(t, fmt.Sprintf("%04d", i), "x")
	}
	m := f.change(t, "", Settings{})
	asAmazon(m)
	all := files(t, m)
	f.setFault(nil)
	for _, err := range deleted(t, t.Context(), m, all) {
		errorAs(t, "delete", err, nil)
	}
	if n := len(f.requests()); n != 3 || len(keys(t, m)) != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestAbortedUploads: an upload that fails leaves nothing that costs.
func TestAbortedUploads(t *testing.T) {
	f := newFakeS3(t)
	m := f.change(t, "", Settings{partSize: int64(testPart), RetryBudget: 100 * time.Millisecond})
	data := pattern(3 * testPart)
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") != "2" {
			return false
		}
		io.Copy(io.Discard, r.Body)
		refuse(w, http.StatusInternalServerError, "InternalError")
		return true
	})
	_, err := m.Create(t.Context(), "new", bytes.NewReader(data), int64(len(data)))
	if err == nil || !strings.Contains(err.Error(), "500 InternalError") {
		t.Error(err)
	}
	f.setFault(nil)
	if r, err := m.Remarks(t.Context()); err != nil || len(r.Uploads) != 0 || !r.Objects || len(keys(t, m)) != 0 {
		t.Errorf("left: %+v, %v", r, err)
	}
}

// TestGateSlows: a store that asks for patience gets half as many requests at a time.
func TestGateSlows(t *testing.T) {
	g := newGate(8)
	for range 8 {
		g.enter(t.Context())
	}
	g.slow()
	g.slow() // of those that were under way
	for range 5 {
		g.leave()
	}
	if g.limit != 4 || g.active != 3 {
		t.Errorf("limit %d, active %d", g.limit, g.active)
	}
	g.enter(t.Context())
	waiting := make(chan bool)
	go func() {
		g.enter(t.Context())
		close(waiting)
	}()
	select {
	case <-waiting:
		t.Error("a fifth was let in")
	case <-time.After(50 * time.Millisecond):
	}
	g.leave()
	<-waiting
	g.changed = time.Now().Add(-2 * calm)
	g.leave()
	if g.enter(t.Context()); g.limit != 8 {
		t.Errorf("limit %d after a calm time", g.limit)
	}
}

// TestGCSTakesLess: a chunk of which the store has taken a part goes on behind it.
func TestGCSTakesLess(t *testing.T) {
	f := newFakeGCS(t)
	m := f.change(t, "", Settings{partSize: int64(testPart)})
	data := pattern(2*testPart + 5)
	var first atomic.Bool
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || first.Swap(true) {
			return false
		}
		body, _ := io.ReadAll(r.Body)
		part := r.Clone(r.Context())
		part.Header.Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", gcsChunk-1, len(data)))
		part.Body, part.ContentLength = io.NopCloser(bytes.NewReader(body[:gcsChunk])), gcsChunk
		f.real.ServeHTTP(w, part)
		return true
	})
	_, err := m.Create(t.Context(), "new", bytes.NewReader(data), int64(len(data)))
	errorAs(t, "create", err, nil)
	if got := read(t, m, "new"); got != string(data) || !first.Load() {
		t.Errorf("other bytes, %d of them", len(got))
	}
}
