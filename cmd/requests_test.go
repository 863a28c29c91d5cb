package cmd

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// s3Server is a bucket that counts what it is asked.
type s3Server struct {
	lists, gets, others atomic.Int64
	http.Handler
}

// ServeHTTP implements http.Handler.
func (s *s3Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
		s.lists.Add(1)
	case r.Method == http.MethodGet:
		s.gets.Add(1)
	default:
		s.others.Add(1)
	}
	s.Handler.ServeHTTP(w, r)
}

// upload copies a directory into a bucket.
func upload(t *testing.T, dir string) *s3Server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		key, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		_, err = backend.PutObject("bucket", "flink/"+filepath.ToSlash(key), nil, bytes.NewReader(data), int64(len(data)), nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return &s3Server{Handler: gofakes3.New(backend, gofakes3.WithTimeSkewLimit(0)).Server()}
}

// A bucket is listed once, page by page, and each _metadata is read once: that is what
// du, ls and verify cost, whatever the checkpoints name.
func TestRequests(t *testing.T) {
	forest := testdata.Forest{Jobs: 2, Checkpoints: 25, References: 400, Own: 99, Advance: 1900, Size: 16}
	if raceDetector {
		forest.Advance = 60
	}
	dir := t.TempDir()
	if err := forest.Write(dir); err != nil {
		t.Fatal(err)
	}
	server := upload(t, dir)
	web := httptest.NewServer(server)
	defer web.Close()
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, "/nonexistent")
	}
	metadata := int64(forest.Jobs * forest.Checkpoints)
	pages := int64(forest.Files()+999) / 1000
	for _, c := range []struct {
		args []string
		gets int64
	}{
		{[]string{"ls"}, metadata},
		{[]string{"du"}, metadata},
		{[]string{"verify", "--level", "files"}, 2 * metadata}, // it decodes each as a whole as well
	} {
		t.Run(c.args[0], func(t *testing.T) {
			server.lists.Store(0)
			server.gets.Store(0)
			server.others.Store(0)
			env := call{}.world(append(c.args, "s3://bucket/flink", "--concurrency", "1", "-o", "json",
				"-D", "s3.endpoint="+web.URL, "-D", "s3.access-key=who", "-D", "s3.secret-key=secret"))
			env.Storage = func(s storage.Settings) layout.OpenStore { return storage.New(s).Open }
			var out, errs strings.Builder
			env.Out, env.Err = &out, &errs
			if code := Run(t.Context(), env); code != OK {
				t.Fatalf("exit code %d\n%s\n%.1000s", code, errs.String(), out.String())
			}
			t.Logf("%d objects: %d LIST, %d GET, %d other", forest.Files(), server.lists.Load(), server.gets.Load(), server.others.Load())
			if server.lists.Load() != pages || server.gets.Load() != c.gets || server.others.Load() > 0 {
				t.Errorf("%d LIST, want %d; %d GET, want %d; %d other", server.lists.Load(), pages, server.gets.Load(), c.gets, server.others.Load())
			}
		})
	}
}
