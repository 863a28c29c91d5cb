package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

func TestWebHDFS(t *testing.T) {
	conform(t, func(t *testing.T) backing { return newFakeHDFS(t) })
	conformChanges(t, func(t *testing.T) mutableBacking { return newFakeHDFS(t) })
}

// TestWebHDFSTree: a directory comes before what it contains, with its time, and the
// listing takes one call a page and none a file.
func TestWebHDFSTree(t *testing.T) {
	f := newFakeHDFS(t).paged()
	for _, key := range []string{"job/chk-1/a", "job/chk-1/b", "job/chk-1/c", "job/link"} {
		f.put(t, key, "12")
	}
	f.links["/root/job/link"] = true
	s := f.open(t, "")
	f.asked = nil
	var keys []string
	for o, err := range s.List(t.Context(), "job") {
		if err != nil || !o.Modified.Equal(f.modified) {
			t.Errorf("%+v, %v", o, err)
		}
		keys = append(keys, fmt.Sprint(o.Key, o.Type))
	}
	if diff := cmp.Diff([]string{"job1", "job/chk-11", "job/link2", "job/chk-1/a0", "job/chk-1/b0", "job/chk-1/c0"}, keys); diff != "" {
		t.Error(diff)
	}
	want := []string{"GETFILESTATUS /root/job", "LISTSTATUS_BATCH /root/job", "LISTSTATUS_BATCH /root/job/chk-1", "LISTSTATUS_BATCH /root/job/chk-1"}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Open(t.Context(), "job/link"); !errors.Is(err, layout.ErrNotFile) {
		t.Errorf("a link was opened: %v", err)
	}
	if _, err := openURL(t, Settings{LookupEnv: environment(nil)}, "webhdfs://"+f.host()+"/root/job/chk-1/a"); !errors.Is(err, layout.ErrNotDirectory) {
		t.Errorf("a file as root: %v", err)
	}
}

// TestWebHDFSOldHadoop: Hadoop before 2.9 lists a directory as a whole.
func TestWebHDFSOldHadoop(t *testing.T) {
	f := newFakeHDFS(t)
	for _, key := range []string{"a/1", "a/2", "a/3", "b/1"} {
		f.put(t, key, "x")
	}
	batches := 0
	f.fault = func(w http.ResponseWriter, r *http.Request) bool {
		old := r.URL.Query().Get("op") == "LISTSTATUS_BATCH"
		if old {
			batches++
			remote(w, http.StatusBadRequest, "IllegalArgumentException", `Invalid value for webhdfs parameter "op": No enum constant`)
		}
		return old
	}
	got := list(t, f.openAs(t, "", Settings{Concurrency: 1}).List(t.Context(), ""))
	delete(got, "")
	if diff := cmp.Diff(map[string]int64{"a": -1, "b": -1, "a/1": 1, "a/2": 1, "a/3": 1, "b/1": 1}, got); diff != "" {
		t.Error(diff)
	}
	if batches != 1 {
		t.Errorf("asked for batches %d times", batches)
	}
}

// TestWebHDFSFaults: what passes by itself is not seen by the user.
func TestWebHDFSFaults(t *testing.T) {
	for name, fault := range map[string]func(w http.ResponseWriter, r *http.Request){
		"unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"standby": func(w http.ResponseWriter, _ *http.Request) {
			remote(w, http.StatusForbidden, "StandbyException", "Operation category READ is not supported in state standby")
		},
		"standby behind a token": func(w http.ResponseWriter, _ *http.Request) {
			remote(w, http.StatusUnauthorized, "SecurityException", "Failed to obtain user group information: InvalidToken: StandbyException")
		},
		"retriable": func(w http.ResponseWriter, _ *http.Request) {
			remote(w, http.StatusForbidden, "RetriableException", "starting")
		},
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"FileStatuses":{"FileStatus":[{"path`)
		},
		"no list": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeHDFS(t).paged()
			f.put(t, "a", "content")
			f.put(t, "b", "content")
			f.put(t, "c", "content")
			s := f.open(t, "")
			seen := map[string]bool{}
			f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
				again := seen[r.Host+r.URL.String()]
				if seen[r.Host+r.URL.String()] = true; !again {
					fault(w, r)
				}
				return !again
			})
			got := list(t, s.Children(t.Context(), ""))
			if diff := cmp.Diff(map[string]int64{"a": 7, "b": 7, "c": 7}, got); diff != "" {
				t.Error(diff)
			}
			if name == "no list" || name == "cut short" {
				return // a reader takes whatever bytes there are, until the length is not as announced
			}
			if data := read(t, s, "b"); data != "content" {
				t.Errorf("read %q", data)
			}
		})
	}
}

func read(t *testing.T, s layout.Store, key string) string {
	t.Helper()
	c, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	data, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

// TestWebHDFSBudget: patience ends.
func TestWebHDFSBudget(t *testing.T) {
	f := newFakeHDFS(t)
	f.put(t, "a", "1")
	s := f.openAs(t, "", Settings{RetryBudget: 300 * time.Millisecond})
	f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	start := time.Now()
	_, err := s.Stat(t.Context(), "a")
	if took := time.Since(start); err == nil || took > 5*time.Second || !strings.Contains(err.Error(), "503") {
		t.Errorf("%v after %v", err, took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.openAs2(s).Stat(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
}

// openAs2 is the store again, with the patience of a default.
func (f *fakeHDFS) openAs2(s layout.Store) layout.Store {
	h := *s.(*hdfs)
	h.settings.RetryBudget = time.Minute
	return &h
}

// TestWebHDFSErrors: errors have the full path, their kind, and a hint.
func TestWebHDFSErrors(t *testing.T) {
	f := newFakeHDFS(t)
	f.put(t, "a/b/c", "1")
	f.put(t, "a/d", "1")
	s := f.open(t, "")
	f.setFault(func(w http.ResponseWriter, r *http.Request) bool {
		denied := strings.Contains(r.URL.Path, "/a/b")
		if denied {
			remote(w, http.StatusForbidden, "AccessControlException", "Permission denied: user=me, access=EXECUTE\n\tat stack")
		}
		return denied
	})
	var seen []string
	for o, err := range s.List(t.Context(), "a") {
		if err == nil {
			seen = append(seen, o.Key)
			continue
		}
		var p *fs.PathError
		if o.Key != "a/b" || !errors.Is(err, fs.ErrPermission) || !errors.As(err, &p) || p.Path != "webhdfs://"+f.host()+"/root/a/b" || strings.Contains(err.Error(), "stack") {
			t.Errorf("%s: %v", o.Key, err)
		}
	}
	if !slices.Equal(seen, []string{"a", "a/b", "a/d"}) {
		t.Errorf("saw %v", seen)
	}
	f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusNotFound) // no WebHDFS
		return true
	})
	if _, err := s.Stat(t.Context(), "a"); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(hintIn(err), "webhdfs://") {
		t.Errorf("a web server: %v", err)
	}
	f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	if _, err := s.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a proxy that denies: %v", err)
	}
}

func hintIn(err error) string {
	var hinted interface{ ErrHint() string }
	if errors.As(err, &hinted) {
		return hinted.ErrHint()
	}
	return ""
}

// TestWebHDFSRefused: an address where nobody listens is told at once.
func TestWebHDFSRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	start := time.Now()
	_, err = openURL(t, Settings{LookupEnv: environment(nil)}, "webhdfs://"+closed+"/x")
	if err == nil || !strings.Contains(err.Error(), "http://"+closed) || !strings.Contains(hintIn(err), "webhdfs://") || time.Since(start) > 5*time.Second {
		t.Errorf("%v, after %v", err, time.Since(start))
	}

	f := newFakeHDFS(t)
	f.put(t, "a", "secret")
	token := "TOKEN"
	s := f.open(t, "")
	s.(*hdfs).peer.(*webHDFS).auth.token = token
	f.datanode.Close()
	if _, err := s.Open(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "datanode 127.0.0.1") || strings.Contains(err.Error(), token) || !strings.Contains(hintIn(err), "HttpFS") {
		t.Errorf("no datanode: %v", err)
	}
}

// TestWebHDFSFailover: of the namenodes of a name service, the active one answers.
func TestWebHDFSFailover(t *testing.T) {
	one, two := newFakeHDFS(t), newFakeHDFS(t)
	for _, f := range []*fakeHDFS{one, two} {
		f.put(t, "a", "1")
	}
	standby := func(w http.ResponseWriter, _ *http.Request) bool {
		remote(w, http.StatusForbidden, "StandbyException", "standby")
		return true
	}
	one.setFault(standby)
	flink := map[string]string{
		"flink.hadoop.fs.defaultFS":                        "hdfs://ns",
		"flink.hadoop.dfs.nameservices":                    "ns",
		"flink.hadoop.dfs.ha.namenodes.ns":                 "nn1, nn2",
		"flink.hadoop.dfs.namenode.rpc-address.ns.nn1":     "h1:8020",
		"flink.hadoop.dfs.namenode.rpc-address.ns.nn2":     "h2:8020",
		"flink.hadoop.dfs.namenode.http-address.ns.nn1":    one.host(),
		"flink.hadoop.dfs.namenode.http-address.ns.nn2":    "${x.host}",
		"flink.hadoop.x.host":                              two.host(),
		"flink.hadoop.dfs.client.failover.proxy.provider.": "ignored",
	}
	peer, err := newWebHDFS(Settings{LookupEnv: environment(nil)}, &hadoopConf{settings: Settings{Flink: environment(flink)}}, layout.ParsePlace("hdfs://ns/root"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if o, err := peer.stat(t.Context(), "/root/a"); err != nil || o.Size != 1 {
			t.Errorf("%+v, %v", o, err)
		}
	}
	if len(one.asked) != 0 || len(two.asked) != 2 {
		t.Errorf("asked %v and %v", one.asked, two.asked)
	}
	two.setFault(standby)
	one.setFault(nil)
	if o, err := peer.stat(t.Context(), "/root/a"); err != nil || o.Size != 1 {
		t.Errorf("after the fail-over: %+v, %v", o, err)
	}
	two.namenode.Close()
	if o, err := peer.stat(t.Context(), "/root/a"); err != nil || o.Size != 1 {
		t.Errorf("after the other has gone: %+v, %v", o, err)
	}
}
