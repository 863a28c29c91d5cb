package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// TestCloudRequests counts: a root takes one LIST a thousand keys and nothing else, a
// whole read one GET.
func TestCloudRequests(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		for i := range 1001 {
			f.put(t, fmt.Sprintf("job/shared/%04x", i), "x")
		}
		f.setFault(nil)
		s := f.openAs(t, "", Settings{Concurrency: 1})
		if n := len(list(t, s.List(t.Context(), ""))); n != 1001 || len(f.requests()) != 2 {
			t.Errorf("%d keys with %v", n, f.requests())
		}
		f.setFault(nil)
		if got := read(t, s, "job/shared/0007"); got != "x" || len(f.requests()) != 1 {
			t.Errorf("%q with %v", got, f.requests())
		}
	})
}

// TestS3Tree lists a hundred thousand objects of a realistic tree.
func TestS3Tree(t *testing.T) {
	f := newFakeS3(t)
	jobs := 4
	if raceDetector {
		jobs = 1
	}
	keys := flinkTree(jobs, 250, 40, 14500)
	for _, key := range keys {
		f.store(t, key, "x")
	}
	var want []string
	for _, concurrency := range []int{1, 16} {
		f.setFault(func(http.ResponseWriter, *http.Request) bool {
			time.Sleep(20 * time.Millisecond) // a store is not next door
			return false
		})
		begin := time.Now()
		got := all(t, f.openAs(t, "", Settings{Concurrency: concurrency}).(*bucket).service, concurrency)
		requests, extra := 0, 0
		for _, u := range f.requests() {
			requests++
			if q := u.Query(); q.Get("delimiter") != "" || q.Get("start-after") != "" && q.Get("continuation-token") == "" {
				extra++
			}
		}
		t.Logf("%d objects at %d: %v, %d requests, %d of them extra", len(got), concurrency, time.Since(begin), requests, extra)
		if want == nil {
			want = got
		}
		pages := (len(keys) + 999) / 1000
		if !slices.Equal(got, want) || len(got) != len(keys) || concurrency == 1 && requests != pages || requests > pages+extra || extra > pages {
			t.Errorf("%d objects of %d, %d requests for %d pages, %d extra", len(got), len(keys), requests, pages, extra)
		}
	}
}

// TestCloudTree: a real tree in a bucket is the same inventory as on disk.
func TestCloudTree(t *testing.T) {
	dir := testdata.Tree(t, "2.2.0/savepoint-and-checkpoints")
	onDisk := snapshotsIn(t, directory(dir).open(t, ""))
	inEach(t, func(t *testing.T, f *fakeCloud) {
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(p)
			rel, _ := filepath.Rel(dir, p)
			f.put(t, filepath.ToSlash(rel), string(data))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(onDisk, snapshotsIn(t, f.open(t, ""))); diff != "" || len(onDisk) == 0 {
			t.Errorf("%d snapshots: %s", len(onDisk), diff)
		}
		root := f.scheme + "://" + fakeBucket + "/root"
		target, err := layout.Find(t.Context(), New(f.settings(Settings{})).Open, "latest:"+root, layout.FindOptions{})
		if err != nil || !strings.HasPrefix(target.URL(), root+"/") {
			t.Errorf("latest: %+v, %v", target, err)
		}
	})
}

// TestCloudErrors: errors say what is wrong, by the full URL, and are of the kinds that
// package layout knows.
func TestCloudErrors(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		f.put(t, "a", "x")
		s := f.open(t, "")
		f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
			return true
		})
		_, scan := layout.Scan(t.Context(), s, layout.ScanOptions{})
		_, open := s.Open(t.Context(), "a")
		_, stat := s.Stat(t.Context(), "a")
		for name, err := range map[string]error{"scan": scan, "open": open, "stat": stat} {
			var path *fs.PathError
			var hinted interface{ ErrHint() string }
			if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &path) || !strings.HasPrefix(path.Path, f.scheme+"://"+fakeBucket+"/root") ||
				!errors.As(err, &hinted) || !strings.Contains(hinted.ErrHint(), "credentials") && !strings.Contains(hinted.ErrHint(), "login") {
				t.Errorf("%s: %v", name, err)
			}
		}
		f.setFault(nil)
		other, err := New(f.settings(Settings{})).Open(t.Context(), f.scheme+"://no-such-bucket/x")
		if err == nil {
			_, err = layout.Scan(t.Context(), other, layout.ScanOptions{})
		}
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(fmt.Sprint(errors.Unwrap(err)), "bucket") {
			t.Errorf("no such bucket: %v", err)
		}
		for _, err := range s.List(t.Context(), "a") {
			if !errors.Is(err, layout.ErrNotDirectory) {
				t.Errorf("a file was listed: %v", err)
			}
		}
	})
}

// TestCloudWrongEndpoint: what patience cannot mend is told soon.
func TestCloudWrongEndpoint(t *testing.T) {
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	inEach(t, func(t *testing.T, f *fakeCloud) {
		f.Close()
		for endpoint, want := range map[string]string{
			f.URL:                       "connection refused",
			"http://nowhere.invalid:80": "cannot find the host nowhere.invalid",
			secure.URL:                  "no secure connection",
		} {
			f.flink["s3.endpoint"], f.env["STORAGE_EMULATOR_HOST"] = endpoint, endpoint
			f.env["AZURE_STORAGE_CONNECTION_STRING"] = strings.Replace(azurite, "http://127.0.0.1:10000", endpoint, 1)
			begin := time.Now()
			_, err := layout.Scan(t.Context(), f.openAs(t, "", Settings{RetryBudget: time.Minute}), layout.ScanOptions{})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", endpoint, err)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("%s: took %v", endpoint, took)
			}
		}
	})
}

// TestCloudNoCredentials: a machine that has none says so, soon, with what to do.
func TestCloudNoCredentials(t *testing.T) {
	noCloud(t)
	for url, want := range map[string]string{
		"s3://b/x":     "AWS_ACCESS_KEY_ID",
		"gs://b/x":     "GOOGLE_APPLICATION_CREDENTIALS",
		"abfss://c@a/": "AZURE_STORAGE_KEY",
	} {
		begin := time.Now()
		_, err := New(Settings{LookupEnv: environment(nil)}).Open(t.Context(), url)
		var hinted interface{ ErrHint() string }
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "no credentials for ") || !errors.As(err, &hinted) || !strings.Contains(hinted.ErrHint(), want) {
			t.Errorf("%s: %v", url, err)
		}
		t.Logf("%s: %v after %v", url, err, time.Since(begin))
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %v", url, took)
		}
	}
}

// TestCloudCancel: a wait for a store ends with the context.
func TestCloudCancel(t *testing.T) {
	inEach(t, func(t *testing.T, f *fakeCloud) {
		f.put(t, "a", "x")
		s := f.openAs(t, "", Settings{RetryBudget: time.Minute})
		f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", "30")
			slowDown(w)
			return true
		})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := layout.Scan(ctx, s, layout.ScanOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("scan: %v", err)
		}
		if _, err := s.Open(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("open: %v", err)
		}
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestS3Encoding: keys that XML cannot hold come encoded, and one that is not as it was
// promised is not guessed.
func TestS3Encoding(t *testing.T) {
	f := newFakeS3(t)
	s := f.open(t, "")
	for listed, want := range map[string]string{"root/a+b%2Bc%25%01%C3%BC": "a b+c%\x01ü", "root/%zz": "", "root/%25zz": "%zz"} {
		f.setFault(func(w http.ResponseWriter, _ *http.Request) bool {
			io.WriteString(w, `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>`+
				`<Contents><Key>`+listed+`</Key><Size>1</Size></Contents></ListBucketResult>`)
			return true
		})
		for o, err := range s.List(t.Context(), "") {
			if o.Key != want || (err == nil) != (want != "") {
				t.Errorf("%s: %q, %v", listed, o.Key, err)
			}
		}
	}
}
