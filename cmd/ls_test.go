package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/google/go-cmp/cmp"
)

// madeTree is a tree of checkpoints that a test makes up.
type madeTree struct {
	t   *testing.T
	dir string
}

func newMadeTree(t *testing.T) madeTree { return madeTree{t, t.TempDir()} }

// put writes a file of that age.
func (m madeTree) put(key string, data []byte, age time.Duration) {
	m.t.Helper()
	path := filepath.Join(m.dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		m.t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Dir(path)} {
		if err := os.Chtimes(p, testNow.Add(-age), testNow.Add(-age)); err != nil {
			m.t.Fatal(err)
		}
	}
}

// checkpoint writes a complete checkpoint.
func (m madeTree) checkpoint(dir string, id int64, age time.Duration) {
	m.t.Helper()
	data, err := metadata.Encode(&metadata.Checkpoint{Version: 6, ID: id, Properties: &metadata.Properties{
		Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}}})
	if err != nil {
		m.t.Fatal(err)
	}
	m.put(dir+"/_metadata", data, age)
}

// deniedStore refuses what a user may not read: root, who often runs tests, may all.
type deniedStore struct {
	layout.Store
	keys []string
}

func (s deniedStore) denied(key string) error {
	if !slices.Contains(s.keys, key) {
		return nil
	}
	return &fs.PathError{Op: "open", Path: layout.Join(s.URL(), key), Err: fs.ErrPermission}
}

func (s deniedStore) Open(ctx context.Context, key string) (*layout.Content, error) {
	if err := s.denied(key); err != nil {
		return nil, err
	}
	return s.Store.Open(ctx, key)
}

func (s deniedStore) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		for o, err := range s.Store.List(ctx, dir) {
			below := slices.ContainsFunc(s.keys, func(key string) bool { return strings.HasPrefix(o.Key, key+"/") })
			if !below && !yield(o, err) {
				return
			}
			if err := s.denied(o.Key); err != nil && o.Type == layout.TypeDir && !yield(o, err) {
				return
			}
		}
	}
}

// ckptDenied runs a command line that is refused the keys.
func ckptDenied(t *testing.T, keys []string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	env := call{}.world(args)
	env.Out, env.Err = &out, &errs
	env.OpenStore = func(ctx context.Context, url string) (layout.Store, error) {
		s, err := storage.Open(ctx, url)
		if err != nil {
			return nil, err
		}
		return deniedStore{s, keys}, nil
	}
	return result{Run(t.Context(), env), out.String(), errs.String()}
}

const lsJob = "495d8572c34476e61174bd4e676c9523"

// The contract: fields, their names and their values.
func TestLsJSON(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint(lsJob+"/chk-10", 10, 2*time.Hour)
	m.checkpoint(lsJob+"/chk-9", 9, 3*time.Hour)
	m.checkpoint("sp/renamed", 11, time.Hour)
	m.put(lsJob+"/chk-11/x", []byte("123"), time.Minute)
	m.put(lsJob+"/chk-8/_metadata", []byte("nonsense"), 4*time.Hour)
	r := ckpt(t, "ls", m.dir, "-o", "json").want(t, Findings)
	var report struct {
		Schema, Root string
		Entries      []map[string]any
	}
	r.decode(t, &report)
	if report.Schema != "ckpt.ls/v1" || report.Root != m.dir || r.err != "" {
		t.Errorf("schema %q, root %q, stderr %q", report.Schema, report.Root, r.err)
	}
	size := float64(0)
	if info, err := os.Stat(filepath.Join(m.dir, "sp/renamed/_metadata")); err == nil {
		size = float64(info.Size())
	}
	complete := func(path string, job any, id float64, at string) map[string]any {
		return map[string]any{"path": path, "job": job, "id": id, "kind": "checkpoint", "kindFrom": "metadata", "state": "complete", "reason": "",
			"metadataVersion": 6.0, "modified": at, "bytes": 0.0, "metadataBytes": size, "checkpointedBytes": 0.0, "directoryFiles": 1.0, "directoryBytes": size}
	}
	broken := func(n float64, state, at string, files, bytes float64, metadataBytes any) map[string]any {
		return map[string]any{"path": fmt.Sprintf("%s/chk-%v", lsJob, n), "job": lsJob, "id": n, "kind": "checkpoint", "kindFrom": "name", "state": state,
			"metadataVersion": nil, "modified": at, "bytes": bytes, "metadataBytes": metadataBytes, "checkpointedBytes": nil, "directoryFiles": files, "directoryBytes": bytes}
	}
	want := []map[string]any{
		broken(8, "corrupt", "2026-03-01T08:00:00Z", 1, 8, 8.0),
		complete(lsJob+"/chk-9", lsJob, 9, "2026-03-01T09:00:00Z"),
		complete(lsJob+"/chk-10", lsJob, 10, "2026-03-01T10:00:00Z"),
		broken(11, "in-progress", "2026-03-01T11:59:00Z", 1, 3, nil),
		complete("sp/renamed", nil, 11, "2026-03-01T11:00:00Z"),
	}
	for i, e := range report.Entries {
		if (e["reason"] == "") != (e["state"] == "complete") {
			t.Errorf("%v is %v: %q", e["path"], e["state"], e["reason"])
		}
		if i < len(want) && want[i]["reason"] == nil {
			delete(e, "reason")
		}
	}
	if diff := cmp.Diff(want, report.Entries); diff != "" {
		t.Error(diff)
	}
	var streamed []map[string]any
	lines := json.NewDecoder(strings.NewReader(ckpt(t, "ls", m.dir, "-o", "json", "--stream").want(t, Findings).out))
	for {
		var e map[string]any
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if e["state"] != "complete" {
			delete(e, "reason")
		}
		streamed = append(streamed, e)
	}
	if diff := cmp.Diff(want, streamed); diff != "" {
		t.Errorf("--stream: %s", diff)
	}
}

// What could not be looked at is told on every channel, and counts for more than
// what is broken.
func TestLsUnreadable(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint("chk-1", 1, time.Hour)
	m.checkpoint("chk-2", 2, time.Hour)
	m.put("chk-3/x", nil, time.Hour)
	m.put("chk-4/_metadata", []byte("nonsense"), time.Hour)
	r := ckptDenied(t, []string{"chk-2/_metadata", "chk-3"}, "ls", m.dir).want(t, Failed)
	for _, line := range []string{"chk-1\t\t1\tcheckpoint\tcomplete", "chk-2\t\t2\tcheckpoint\tunreadable", "chk-3\t\t3\tcheckpoint\tunreadable", "chk-4\t\t4\tcheckpoint\tcorrupt"} {
		if !strings.Contains(r.out, line) {
			t.Errorf("no line %q in\n%s", line, r.out)
		}
	}
	if n := strings.Count(r.out, "could not check: permission denied"); n != 2 {
		t.Errorf("%d reasons in\n%s", n, r.out)
	}
	if !strings.Contains(r.err, "2 could not be read") || !strings.Contains(r.err, "permission denied") {
		t.Errorf("stderr: %s", r.err)
	}
	r = ckptDenied(t, []string{"chk-3"}, "ls", m.dir, "-o", "json").want(t, Failed)
	var report lsReport
	r.decode(t, &report)
	if len(report.Entries) != 4 || report.Entries[2].State != "unreadable" || report.Entries[2].Bytes != nil {
		t.Errorf("%+v", report.Entries)
	}
	if len(report.Errors) != 1 || report.Errors[0].Path != filepath.Join(m.dir, "chk-3") {
		t.Errorf("%+v", report.Errors)
	}
	if e := r.decodeError(t); e.Code != Failed || e.Path != filepath.Join(m.dir, "chk-3") {
		t.Errorf("%+v", e)
	}
}

// An unreadable directory with nothing known below it is not an empty tree.
func TestLsNothingButErrors(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint(lsJob+"/chk-1", 1, time.Hour)
	r := ckptDenied(t, []string{lsJob}, "ls", m.dir).want(t, Failed)
	if r.out != "" || !strings.Contains(r.err, "permission denied") {
		t.Errorf("%+v", r)
	}
}

func TestLsTable(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint("chk-9", 9, 26*time.Hour)
	m.put("chk-10/x", []byte("123"), time.Minute)
	m.put("chk-11/_metadata", nil, time.Hour)
	r := call{terminal: true, width: 80}.run(t, "ls", m.dir, "--color", "never").want(t, Findings)
	want := `PATH    ID  KIND        STATE          AGE  SIZE  VERSION
chk-9    9  checkpoint  complete      1d2h   0 B        6
chk-10  10  checkpoint  in-progress     1m   3 B        -
chk-11  11  checkpoint  corrupt      1h00m   0 B        -

chk-11: the file is empty (at offset 0, 0x0)
`
	if r.out != want {
		t.Errorf("got\n%s\nwant\n%s", r.out, want)
	}
	r = call{terminal: true, width: 80}.run(t, "ls", m.dir, "-v", "--color", "never").want(t, Findings)
	if !strings.Contains(r.out, "\nchk-10: no _metadata, 1 file; last change 1 min ago, within 15 min\n") {
		t.Errorf("-v: %s", r.out)
	}
	// Where the paths do not show the jobs, a column does.
	job := filepath.Join(m.dir, lsJob)
	m.checkpoint(lsJob+"/chk-1", 1, time.Hour)
	if r := (call{terminal: true}).run(t, "ls", job).want(t, OK); !strings.Contains(r.out, lsJob) {
		t.Errorf("no job in\n%s", r.out)
	}
	if r := (call{terminal: true}).run(t, "ls", m.dir, "--job", lsJob).want(t, OK); strings.Count(r.out, lsJob) != 1 {
		t.Errorf("the job twice in\n%s", r.out)
	}
}

func TestLsManyReasons(t *testing.T) {
	m := newMadeTree(t)
	for i := range mostReasons + 5 {
		m.put(fmt.Sprintf("chk-%d/_metadata", i), []byte("nonsense"), time.Hour)
	}
	r := call{terminal: true}.run(t, "ls", m.dir).want(t, Findings)
	if n := strings.Count(r.out, "\nchk-"); n != 2*mostReasons+5 || !strings.HasSuffix(r.out, "\nand 5 more: -o json has all reasons\n") {
		t.Errorf("%d lines:\n%s", n, r.out)
	}
}

// A reader that has gone is no failure.
func TestLsClosedPipe(t *testing.T) {
	m := newMadeTree(t)
	for i := range 2000 {
		m.put(fmt.Sprintf("chk-%d/x", i), nil, time.Hour)
	}
	for _, args := range [][]string{{"ls", m.dir}, {"ls", m.dir, "-o", "table"}, {"ls", m.dir, "-o", "json", "--stream"}} {
		read, write := io.Pipe()
		go func() {
			buf := make([]byte, 10)
			_, _ = io.ReadFull(read, buf)
			read.Close()
		}()
		var errs bytes.Buffer
		env := call{}.world(args)
		env.Out, env.Err = write, &errs
		if code := Run(t.Context(), env); code != OK || errs.Len() > 0 {
			t.Errorf("%v: exit code %d, stderr %s", args, code, errs.String())
		}
	}
}

func TestLsCancelled(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint("chk-1", 1, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, command := range []string{"ls", "latest"} {
		if r := (call{ctx: ctx}).run(t, command, m.dir).want(t, Failed); r.out != "" {
			t.Errorf("%s printed %s", command, r.out)
		}
	}
}
