//go:build live

package storage

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
)

// liveServer is a store in a process of its own. Each backing has a directory in it.
type liveServer struct {
	settings Settings
	url      string // with a verb for the directory
	store    func(key string, content []byte) error
	backings int
}

type liveBacking struct {
	*liveServer
	dir string
}

func (s *liveServer) backing() liveBacking {
	s.backings++
	return liveBacking{s, fmt.Sprintf("test %d", s.backings)}
}

func (b liveBacking) put(t *testing.T, key, content string) {
	t.Helper()
	if err := b.store(b.dir+"/"+key, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func (b liveBacking) open(t *testing.T, below string) layout.Store {
	t.Helper()
	return b.openAs(t, below, Settings{})
}

func (b liveBacking) openAs(t *testing.T, below string, s Settings) layout.Store {
	t.Helper()
	s.LookupEnv, s.Flink = b.settings.LookupEnv, b.settings.Flink
	store, err := New(s).Open(t.Context(), fmt.Sprintf(b.url, b.dir)+"/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func (b liveBacking) change(t *testing.T, below string, s Settings) layout.MutableStore {
	t.Helper()
	s.LookupEnv, s.Flink = b.settings.LookupEnv, b.settings.Flink
	m, err := New(s).OpenMutable(t.Context(), fmt.Sprintf(b.url, b.dir)+"/"+below)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// conform runs the suites.
func (s *liveServer) conform(t *testing.T) {
	conform(t, func(*testing.T) backing { return s.backing() })
	conformChanges(t, func(*testing.T) mutableBacking { return s.backing() })
}

// launch installs a server and runs it until the test ends. Without one, CI fails, and a
// user's test is skipped.
func launch(t *testing.T, name string, env []string, args func(address *net.TCPAddr) []string) (address *net.TCPAddr) {
	t.Helper()
	installer := exec.Command("sh", filepath.Join(testdata.Root(t), "servers.sh"), name)
	installer.Stderr = os.Stderr
	program, err := installer.Output()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: %v", name, err)
		}
		t.Skipf("%s is not to be had: %v", name, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().(*net.TCPAddr)
	l.Close()
	var log bytes.Buffer
	server := exec.Command(strings.TrimSpace(string(program)), args(address)...)
	server.Env = append(os.Environ(), env...)
	server.Dir, server.Stdout, server.Stderr = t.TempDir(), &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, log.String()[max(0, log.Len()-2000):])
		}
	})
	for range 300 {
		if c, err := net.Dial("tcp", address.String()); err == nil {
			c.Close()
			return address
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s does not answer: %s", name, &log)
	return nil
}

// TestLiveAzurite is Microsoft's own emulator.
func TestLiveAzurite(t *testing.T) {
	noCloudBut(t)
	at := launch(t, "azurite", nil, func(a *net.TCPAddr) []string {
		return []string{"--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--blobHost", a.IP.String(), "--blobPort", fmt.Sprint(a.Port)}
	})
	env := environment(map[string]string{
		"AZURE_STORAGE_CONNECTION_STRING": strings.Replace(azurite, "127.0.0.1:10000", at.String(), 1),
	})
	settings := Settings{LookupEnv: env}
	b, err := settings.azureBucket(t.Context(), layout.ParsePlace("azblob://ckpt/"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.Create(t.Context(), &container.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s := &liveServer{settings: settings, url: "abfss://ckpt@devstoreaccount1.dfs.core.windows.net/%s", store: func(key string, content []byte) error {
		_, err := b.client.NewBlockBlobClient(key).UploadBuffer(context.Background(), content, &blockblob.UploadBufferOptions{})
		return err
	}}
	s.conform(t)
}

// TestLiveVersityGW is an S3 server over a directory.
func TestLiveVersityGW(t *testing.T) {
	noCloudBut(t)
	env := []string{"ROOT_ACCESS_KEY=who", "ROOT_SECRET_KEY=secret"}
	dir, sidecar := t.TempDir(), t.TempDir()
	at := launch(t, "versitygw", env, func(a *net.TCPAddr) []string {
		return []string{"--port", a.String(), "--quiet", "posix", "--sidecar", sidecar, dir}
	})
	settings := Settings{LookupEnv: environment(nil), Flink: environment(map[string]string{
		"s3.endpoint": "http://" + at.String(), "s3.access-key": "who", "s3.secret-key": "secret",
	})}
	cfg, err := settings.s3Config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(cfg, settings.s3Options)
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")}); err != nil {
		t.Fatal(err)
	}
	s := &liveServer{settings: settings, url: "s3a://bucket/%s", store: func(key string, content []byte) error {
		_, err := client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: bytes.NewReader(content)})
		return err
	}}
	s.conform(t)
	if s, err := New(Settings{LookupEnv: environment(nil), Flink: environment(map[string]string{
		"s3.endpoint": "http://" + at.String(), "s3.access-key": "who", "s3.secret-key": "wrong",
	})}).Open(t.Context(), "s3://bucket/test 1"); err != nil {
		t.Error(err)
	} else if _, err := s.Open(t.Context(), "top"); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("a wrong key: %v", err)
	}
}

// noCloudBut is noCloud for tests that install servers, which takes a home.
func noCloudBut(t *testing.T) {
	home := os.Getenv("HOME")
	noCloud(t)
	t.Setenv("HOME", home)
}
