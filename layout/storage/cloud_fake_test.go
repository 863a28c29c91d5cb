package storage

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// fakeCloud is an object store within the test. What it answers can be tampered with.
type fakeCloud struct {
	*httptest.Server
	scheme string
	store  func(t *testing.T, key, content string)
	env    map[string]string
	flink  map[string]string

	mu    sync.Mutex
	asked []*url.URL
	// fault answers in the store's place, or does not.
	fault func(w http.ResponseWriter, r *http.Request) bool
	real  http.Handler
}

const fakeBucket = "bucket"

// ServeHTTP implements http.Handler.
func (f *fakeCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	u := *r.URL
	f.asked = append(f.asked, &u)
	fault := f.fault
	f.mu.Unlock()
	if fault == nil || !fault(w, r) {
		f.real.ServeHTTP(w, r)
	}
}

// setFault replaces the fault, and forgets what was asked.
func (f *fakeCloud) setFault(fault func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.asked = fault, nil
}

// requests are those since the last setFault.
func (f *fakeCloud) requests() []*url.URL {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*url.URL(nil), f.asked...)
}

func (f *fakeCloud) put(t *testing.T, key, content string) {
	t.Helper()
	f.store(t, "root/"+key, content)
}

func (f *fakeCloud) open(t *testing.T, below string) layout.Store {
	t.Helper()
	return f.openAs(t, below, Settings{})
}

func (f *fakeCloud) openAs(t *testing.T, below string, s Settings) layout.Store {
	t.Helper()
	store, err := New(f.settings(s)).Open(t.Context(), f.scheme+"://"+fakeBucket+"/root/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func (f *fakeCloud) change(t *testing.T, below string, s Settings) layout.MutableStore {
	t.Helper()
	m, err := New(f.settings(s)).OpenMutable(t.Context(), f.scheme+"://"+fakeBucket+"/root/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// settings are s, with what leads here.
func (f *fakeCloud) settings(s Settings) Settings {
	s.LookupEnv, s.Flink = environment(f.env), environment(f.flink)
	if s.RetryBudget == 0 {
		s.RetryBudget = 5 * time.Second
	}
	return s
}

func (f *fakeCloud) start(t *testing.T) {
	f.Server = httptest.NewServer(f)
	f.Config.ErrorLog = nil
	t.Cleanup(f.Close)
}

// noCloud keeps the SDKs from what this machine has.
func noCloud(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "HOME", "CLOUDSDK_CONFIG"} {
		t.Setenv(name, "/nonexistent")
	}
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
		"GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
}

func newFakeS3(t *testing.T) *fakeCloud {
	noCloud(t)
	backend := s3mem.New()
	if err := backend.CreateBucket(fakeBucket); err != nil {
		t.Fatal(err)
	}
	f := &fakeCloud{scheme: "s3", env: map[string]string{}, real: s3Conditions(gofakes3.New(backend, gofakes3.WithTimeSkewLimit(0)).Server())}
	f.store = func(t *testing.T, key, content string) {
		t.Helper()
		meta := map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}
		if _, err := backend.PutObject(fakeBucket, key, meta, strings.NewReader(content), int64(len(content)), nil); err != nil {
			t.Fatal(err)
		}
	}
	f.start(t)
	f.flink = map[string]string{"s3.endpoint": f.URL, "s3.access-key": "who", "s3.secret-key": "secret"}
	return f
}

func newFakeGCS(t *testing.T) *fakeCloud {
	noCloud(t)
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, Writer: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: fakeBucket})
	f := &fakeCloud{scheme: "gs", flink: map[string]string{}, real: gcsConditions(server.HTTPHandler())}
	f.store = func(_ *testing.T, key, content string) {
		server.CreateObject(fakestorage.Object{
			ObjectAttrs: fakestorage.ObjectAttrs{BucketName: fakeBucket, Name: key},
			Content:     []byte(content),
		})
	}
	f.start(t)
	f.env = map[string]string{"STORAGE_EMULATOR_HOST": strings.TrimPrefix(f.URL, "http://")}
	return f
}

// fakeClouds are those that run within the test.
var fakeClouds = map[string]func(*testing.T) *fakeCloud{"s3": newFakeS3, "gs": newFakeGCS, "azblob": newFakeAzure}

// inEach runs a test with each of them.
func inEach(t *testing.T, test func(t *testing.T, f *fakeCloud)) {
	for name, make := range fakeClouds {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

func TestS3(t *testing.T)  { conformCloud(t, newFakeS3) }
func TestGCS(t *testing.T) { conformCloud(t, newFakeGCS) }

// conformCloud runs the suites against a store of its own for each test.
func conformCloud(t *testing.T, make func(*testing.T) *fakeCloud) {
	conform(t, func(t *testing.T) backing { return make(t) })
	conformChanges(t, func(t *testing.T) mutableBacking { return make(t) })
}
