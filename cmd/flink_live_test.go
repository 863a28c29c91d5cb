//go:build live && unix

package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
)

// liveFlink is a real cluster, which keeps all its checkpoints below one root.
type liveFlink struct {
	t                   *testing.T
	dir, url, root, jar string
}

// liveTimeout is the checkpoint timeout of its jobs, and so how long orphans of theirs stay.
const liveTimeout = 10 * time.Second

// liveStart lets clusters start one after the other: Maven fills one directory.
var liveStart sync.Mutex

// startLiveFlink starts a cluster whose jobs make a checkpoint every second, with each
// byte of state in a file, and retain three.
func startLiveFlink(t *testing.T, version string) *liveFlink {
	t.Helper()
	for _, program := range []string{"java", "javac", "mvn", "curl"} {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
	}
	f := &liveFlink{t: t, dir: filepath.Join(t.TempDir(), "cluster"), root: t.TempDir()}
	t.Cleanup(func() {
		f.script("stop", f.dir)
		f.keepLogs()
	})
	liveStart.Lock()
	defer liveStart.Unlock()
	f.url = f.script("start", version, f.dir,
		"execution.checkpointing.dir=file://"+f.root,
		"execution.checkpointing.interval=1s",
		"execution.checkpointing.timeout="+strconv.Itoa(int(liveTimeout.Seconds()))+"s",
		"execution.checkpointing.num-retained=3",
		"execution.checkpointing.externalized-checkpoint-retention=RETAIN_ON_CANCELLATION",
		"execution.checkpointing.tolerable-failed-checkpoints=1000",
		"execution.checkpointing.data-inline-threshold=0kb",
		"execution.checkpointing.incremental=true",
		"state.backend.type=rocksdb",
		"state.backend.rocksdb.writebuffer.size=256kb",
		// One process waits for another one that is frozen.
		"heartbeat.timeout=300000",
		"pekko.ask.timeout=120s",
		// The JobManager holds what a job retains for as long as it remembers the job.
		"jobstore.expiration-time=20")
	f.upload()
	return f
}

// keepLogs copies the logs of a cluster on which a test has failed to CKPT_SOAK_LOGS.
func (f *liveFlink) keepLogs() {
	to := os.Getenv("CKPT_SOAK_LOGS")
	if to == "" || !f.t.Failed() {
		return
	}
	if err := os.CopyFS(filepath.Join(to, filepath.Base(filepath.Dir(filepath.Dir(f.dir))), filepath.Base(f.url)), os.DirFS(filepath.Join(f.dir, "log"))); err != nil {
		f.t.Error(err)
	}
}

// script runs testdata/cluster.sh.
func (f *liveFlink) script(arguments ...string) string {
	f.t.Helper()
	return f.program(filepath.Join(testdata.Root(f.t), "cluster.sh"), arguments...)
}

// program runs a program, which must succeed.
func (f *liveFlink) program(name string, arguments ...string) string {
	f.t.Helper()
	// The test's own context has ended when the cluster is to be stopped.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, arguments...)
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.Output()
	if err != nil {
		f.t.Fatalf("%s %v: %v\n%s", filepath.Base(name), arguments, err, log.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// classpath are Flink's jars and the classes of generator/soak.
func (f *liveFlink) classpath() string {
	jars, err := os.ReadFile(filepath.Join(f.dir, "conf", "jars"))
	if err != nil {
		f.t.Fatal(err)
	}
	return filepath.Join(f.dir, "soak") + ":" + filepath.Join(strings.TrimSpace(string(jars)), "*")
}

// upload compiles generator/soak, and gives it to the cluster.
func (f *liveFlink) upload() {
	f.t.Helper()
	sources, err := filepath.Glob(filepath.Join(testdata.Root(f.t), "generator", "soak", "*.java"))
	if err != nil || len(sources) == 0 {
		f.t.Fatal(sources, err)
	}
	classes, file := filepath.Join(f.dir, "soak"), filepath.Join(f.dir, "soak.jar")
	f.program("javac", append([]string{"-nowarn", "-cp", f.classpath(), "-d", classes}, sources...)...)
	f.program("jar", "cf", file, "-C", classes, ".")
	jar, err := os.ReadFile(file)
	if err != nil {
		f.t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("jarfile", "soak.jar")
	if err != nil {
		f.t.Fatal(err)
	}
	part.Write(jar)
	form.Close()
	var answer struct{ Filename string }
	f.ask(http.MethodPost, "/jars/upload", form.FormDataContentType(), &body, &answer)
	f.jar = filepath.Base(answer.Filename)
}

// ask asks the REST API, which must answer.
func (f *liveFlink) ask(method, path, kind string, body io.Reader, into any) {
	f.t.Helper()
	if err := f.tryAsk(method, path, kind, body, into); err != nil {
		f.t.Fatal(err)
	}
}

func (f *liveFlink) tryAsk(method, path, kind string, body io.Reader, into any) error {
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, method, f.url+path, body)
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", kind)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	said, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode/100 != 2 {
		err = fmt.Errorf("%s\n%s", a.Status, said)
	}
	if err == nil {
		err = json.Unmarshal(said, into)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// liveKind is a way for a job to keep its state.
type liveKind struct {
	name     string
	settings []string
}

// kinds are those ways. Together they need the cluster's 4 slots.
func (f *liveFlink) kinds() []liveKind {
	return []liveKind{
		{"incremental", []string{"parallelism.default=1"}},
		{"changelog", []string{"parallelism.default=1", "state.changelog.enabled=true", "state.changelog.storage=filesystem",
			"state.changelog.dstl.dfs.base-path=file://" + f.root, "state.changelog.periodic-materialize.interval=3s"}},
		{"merging", []string{"parallelism.default=2", "execution.checkpointing.file-merging.enabled=true",
			"execution.checkpointing.file-merging.across-checkpoint-boundary=true", "execution.checkpointing.file-merging.max-file-size=1mb"}},
	}
}

// submit starts a job, from the checkpoint it is to claim, if any.
func (f *liveFlink) submit(k liveKind, claim string) string {
	f.t.Helper()
	arguments := append([]string{"name=" + k.name}, k.settings...)
	if claim != "" {
		arguments = append(arguments, "execution.state-recovery.path="+claim, "execution.state-recovery.claim-mode=CLAIM")
	}
	body, err := json.Marshal(map[string]any{"entryClass": "SoakJob", "programArgsList": arguments})
	if err != nil {
		f.t.Fatal(err)
	}
	var answer struct{ JobID string }
	f.ask(http.MethodPost, "/jars/"+f.jar+"/run", "application/json", bytes.NewReader(body), &answer)
	return answer.JobID
}

// cancel ends a job, whose checkpoints stay.
func (f *liveFlink) cancel(job string) {
	f.t.Helper()
	f.ask(http.MethodPatch, "/jobs/"+job+"?mode=cancel", "application/json", nil, &struct{}{})
	f.await("the end of job "+job, func() bool { return f.status(job) == "CANCELED" })
}

func (f *liveFlink) status(job string) string {
	f.t.Helper()
	var answer struct{ State string }
	f.ask(http.MethodGet, "/jobs/"+job, "", nil, &answer)
	return answer.State
}

// liveCounts is what the JobManager says of the checkpoints of a job.
type liveCounts struct {
	Counts struct{ Restored, Completed, Failed int }
	Latest struct {
		Failed *struct {
			Message string `json:"failure_message"`
		}
	}
}

func (f *liveFlink) counts(job string) (c liveCounts) {
	f.t.Helper()
	f.ask(http.MethodGet, "/jobs/"+job+"/checkpoints", "", nil, &c)
	return c
}

// completed waits until the job has completed n checkpoints. As long as a job is
// INITIALIZING, Flink answers to that with an error.
func (f *liveFlink) completed(job string, n int) {
	f.t.Helper()
	f.await(fmt.Sprintf("checkpoint %d of job %s", n, job), func() bool {
		if f.status(job) == "FAILED" {
			f.healthy(job)
		}
		var c liveCounts
		return f.tryAsk(http.MethodGet, "/jobs/"+job+"/checkpoints", "", nil, &c) == nil && c.Counts.Completed >= n
	})
}

// healthy fails the test unless the job runs, without an exception so far.
func (f *liveFlink) healthy(job string) {
	f.t.Helper()
	var answer struct {
		History struct {
			Entries []struct{ Stacktrace string }
		} `json:"exceptionHistory"`
	}
	f.ask(http.MethodGet, "/jobs/"+job+"/exceptions", "", nil, &answer)
	if status := f.status(job); status != "RUNNING" || len(answer.History.Entries) > 0 {
		f.t.Fatalf("job %s is %s: %v", job, status, answer.History.Entries)
	}
}

// snapshots are the completed checkpoints below the directory of a job, the newest first.
func (f *liveFlink) snapshots(job string) (dirs []string) {
	f.t.Helper()
	found, err := filepath.Glob(filepath.Join(f.root, job, "chk-*", "_metadata"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, file := range found {
		dirs = append(dirs, filepath.Dir(file))
	}
	slices.SortFunc(dirs, func(a, b string) int { return int(chkNumber(b) - chkNumber(a)) })
	return dirs
}

// chkNumber is the id in the name of a checkpoint's directory, or -1.
func chkNumber(dir string) int64 {
	id, ok := layout.ParseCheckpointDir(filepath.Base(dir))
	if !ok {
		return -1
	}
	return int64(id)
}

func (f *liveFlink) await(what string, is func() bool) {
	f.t.Helper()
	for end := time.Now().Add(90 * time.Second); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("%s did not come", what)
		}
	}
}

// signal sends a signal to the process jobmanager or taskmanager.
func (f *liveFlink) signal(process string, s syscall.Signal) {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, process+".pid"))
	if err != nil {
		f.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = syscall.Kill(pid, s)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// verify lets Flink restore each checkpoint, and compare its counts with the position of
// its source.
func (f *liveFlink) verify(k liveKind, dirs []string) {
	f.t.Helper()
	arguments := []string{"@" + filepath.Join(testdata.Root(f.t), "generator", "jvm-options"), "-Xmx400m", "-XX:TieredStopAtLevel=1",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f.classpath(), "Verify",
		"io.tmp.dirs=" + f.t.TempDir(), "taskmanager.memory.managed.size=128m", "taskmanager.memory.network.max=64m", "rest.bind-port=0",
		"state.backend.type=rocksdb", "execution.checkpointing.incremental=true"}
	out := f.program("java", slices.Concat(arguments, k.settings, dirs)...)
	for _, dir := range dirs {
		if !strings.Contains(out, " "+dir+"\n") && !strings.HasSuffix(out, " "+dir) {
			f.t.Errorf("%s was not verified:\n%s", dir, out)
		}
	}
	f.t.Logf("%s:\n%s", k.name, strings.ReplaceAll(out, f.root+"/", ""))
}
