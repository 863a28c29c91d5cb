//go:build live

package cluster

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/testdata"
)

var update = flag.Bool("update", false, "write what Flink answers to testdata/rest")

// TestLiveFlink asks real clusters, which have a job of every kind that testdata/rest
// has. With -update it writes testdata/rest.
func TestLiveFlink(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			f := startFlink(t, version)
			f.submitAll()
			client, err := New(f.url, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var jobs []Job
			settled := false
			for end := time.Now().Add(2 * time.Minute); !settled && time.Now().Before(end); time.Sleep(time.Second) {
				if jobs, err = client.Jobs(t.Context()); err != nil {
					t.Fatal(err)
				}
				settled = asExpected(jobs) == ""
			}
			if !settled {
				t.Fatal(asExpected(jobs))
			}
			onDisk(t, jobs)
			if *update {
				f.record(filepath.Join(testdata.Root(t), "rest", version))
			}
			f.script("kill", f.dir, "jobmanager")
			if jobs, err := client.Jobs(t.Context()); err == nil {
				t.Errorf("a JobManager that is dead says %v", jobs)
			}
			again, err := New(f.script("again", f.dir, "jobmanager"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if jobs, err := again.Jobs(t.Context()); err != nil || len(jobs) > 0 {
				t.Errorf("a JobManager that has just been started says %v, %v", jobs, err)
			}
		})
	}
}

// flink is a cluster, and a directory for its checkpoints.
type flink struct {
	t                     *testing.T
	dir, url, checkpoints string
}

func startFlink(t *testing.T, version string) *flink {
	for _, program := range []string{"java", "javac", "mvn", "curl"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
	}
	f := &flink{t: t, dir: filepath.Join(t.TempDir(), "cluster"), checkpoints: t.TempDir()}
	f.url = f.script("start", version, f.dir, "web.refresh-interval=200")
	t.Cleanup(func() { f.script("stop", f.dir) })
	return f
}

// script runs testdata/cluster.sh.
func (f *flink) script(arguments ...string) string {
	f.t.Helper()
	// The test's own context has ended when the cluster is to be stopped.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(testdata.Root(f.t), "cluster.sh"), arguments...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("cluster.sh %v: %v\n%s", arguments, err, log.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// run submits a small job.
func (f *flink) run(name string, settings ...string) string {
	f.t.Helper()
	all := []string{"run", f.dir, "name=" + name, "parallelism.default=1", "rate=50", "keys=10"}
	return f.script(append(all, settings...)...)
}

// submitAll makes one job of each kind.
func (f *flink) submitAll() {
	const interval = "execution.checkpointing.interval=500ms"
	kept := []string{interval, "execution.checkpointing.dir=file://" + f.checkpoints, "execution.checkpointing.num-retained=2",
		"execution.checkpointing.externalized-checkpoint-retention=RETAIN_ON_CANCELLATION"}
	f.run("finished", "count=50")
	cancelled := f.run("cancelled", kept...)
	f.await("the checkpoint of the job to cancel", func() bool { return len(f.snapshots(cancelled)) > 0 })
	f.script("cli", f.dir, "cancel", cancelled)
	f.t.Setenv("CLUSTER_RUN", "-s "+f.snapshots(cancelled)[0])
	restored := f.run("restored", kept...)
	f.t.Setenv("CLUSTER_RUN", "")
	f.run("none")
	f.run("memory", interval, "execution.checkpointing.storage=jobmanager")
	f.run("changelog", append(kept, "state.changelog.enabled=true", "state.changelog.storage=filesystem",
		"state.changelog.dstl.dfs.base-path=file://"+f.checkpoints, "state.changelog.periodic-materialize.interval=7s")...)
	f.await("a checkpoint of the restored job", func() bool { return len(f.snapshots(restored)) > 0 })
	f.script("cli", f.dir, "savepoint", restored, "file://"+f.checkpoints)
}

// snapshots are the completed checkpoints of a job.
func (f *flink) snapshots(job string) (dirs []string) {
	found, err := filepath.Glob(filepath.Join(f.checkpoints, job, "chk-*", "_metadata"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, file := range found {
		dirs = append(dirs, filepath.Dir(file))
	}
	return dirs
}

func (f *flink) await(what string, is func() bool) {
	f.t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("%s did not come", what)
		}
	}
}

// onDisk holds paths against the disk. Retained ones may go at any moment, so that only
// those of a job that has ended are looked for.
func onDisk(t *testing.T, jobs []Job) {
	for _, j := range jobs {
		paths := slices.Concat(j.Restored, j.Latest)
		if j.Live {
			paths = j.Restored
		}
		for _, p := range paths {
			if _, err := os.Stat(filepath.Join(strings.TrimPrefix(p, "file:"), "_metadata")); err != nil {
				t.Errorf("%s: %v", j.Name, err)
			}
		}
	}
}

// recorder writes each answer to a file, with one path in place of that of this run.
type recorder struct{ dir, checkpoints string }

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	a, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(a.Body)
	a.Body.Close()
	a.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	body = bytes.ReplaceAll(body, []byte(r.checkpoints), []byte("/flink/checkpoint"))
	name := strings.ReplaceAll(strings.TrimPrefix(q.URL.Path, "/"), "/", "_")
	if a.StatusCode != http.StatusOK {
		name += fmt.Sprintf(".%d", a.StatusCode)
	}
	return a, os.WriteFile(filepath.Join(r.dir, name+".json"), append(body, '\n'), 0o666)
}

func (f *flink) record(dir string) {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o777)); err != nil {
		f.t.Fatal(err)
	}
	client, err := New(f.url, Options{HTTP: &http.Client{Transport: recorder{dir, f.checkpoints}}})
	if err != nil {
		f.t.Fatal(err)
	}
	if jobs, err := client.Jobs(f.t.Context()); err != nil || asExpected(jobs) != "" {
		f.t.Fatal(err, asExpected(jobs))
	}
}
