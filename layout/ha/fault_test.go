package ha

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/storage"
)

func faulty(t *testing.T, url string, plan *faults.Plan) layout.Store {
	t.Helper()
	store, err := plan.Wrap(storage.New(storage.Settings{}).Open)(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// TestMissing is a directory that was named and is not there: nothing is known then.
func TestMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	store, err := storage.New(storage.Settings{}).Open(t.Context(), dir)
	if err == nil {
		_, err = readAt(t.Context(), store)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestFaults(t *testing.T) {
	broken := errors.New("broken")
	first := func(err error) func(string) error {
		var count atomic.Int64 // files are opened at the same time
		return func(string) error {
			if count.Add(1) == 1 {
				return err
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		plan  *faults.Plan
		want  error
		lists int64
	}{
		"nothing":               {&faults.Plan{}, nil, 1},
		"a listing":             {&faults.Plan{ListErr: broken}, broken, 1},
		"half a listing":        {&faults.Plan{ListErr: broken, ListAfter: 3}, broken, 1},
		"a file":                {&faults.Plan{OpenErr: first(broken)}, broken, 1},
		"no rights":             {&faults.Plan{OpenErr: first(fs.ErrPermission)}, fs.ErrPermission, 1},
		"a body":                {&faults.Plan{ReadAfter: func(string) int64 { return 100 }, ReadErr: broken}, broken, 1},
		"short bodies":          {&faults.Plan{ReadAfter: func(string) int64 { return 100 }}, io.ErrUnexpectedEOF, rounds},
		"one that vanishes":     {&faults.Plan{OpenErr: first(fs.ErrNotExist)}, nil, 2},
		"one that changes":      {&faults.Plan{OpenErr: first(layout.ErrChanged)}, nil, 2},
		"all vanish every time": {&faults.Plan{OpenErr: func(string) error { return fs.ErrNotExist }}, fs.ErrNotExist, rounds},
	} {
		s, err := readAt(t.Context(), faulty(t, fixture(t, "2.2.0", "storage"), c.plan))
		switch {
		case c.want == nil && (err != nil || len(s.Checkpoints) != 4):
			t.Errorf("%s: %v", name, err)
		case c.want != nil && (err == nil || s != nil || !errors.Is(err, c.want)):
			t.Errorf("%s: %v", name, err)
		}
		if lists := c.plan.Lists.Load(); lists != c.lists {
			t.Errorf("%s: listed %d times, want %d", name, lists, c.lists)
		}
		known := new(Error)
		if err != nil && (!errors.As(err, &known) || known.ErrHint() == "" || known.ErrPath() == "") {
			t.Errorf("%s: no path or hint: %v", name, err)
		}
	}
}

// TestTorn is a file that Flink is just writing: it is read again.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(fixture(t, "1.20.0", "storage", "ckpt"))); err != nil {
		t.Fatal(err)
	}
	const name = "completedCheckpoint0c03639fc970"
	whole, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(whole[:len(whole)/2])
	if _, err := readAt(t.Context(), open(t, dir)); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("half a file: %v", err)
	}
	rounds := 0
	plan := &faults.Plan{OpenErr: func(key string) error {
		if key == name {
			if rounds++; rounds == 3 {
				write(whole)
			}
		}
		return nil
	}}
	s, err := readAt(t.Context(), faulty(t, dir, plan))
	if err != nil || len(s.Checkpoints) != 4 {
		t.Errorf("a file that is whole in the end: %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	plan := &faults.Plan{OpenErr: func(string) error { return fs.ErrNotExist }}
	start := time.Now()
	if _, err := Read(ctx, faulty(t, fixture(t, "2.2.0", "storage"), plan)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestStrangers are files that are not Flink's, and some that only look like it.
func TestStrangers(t *testing.T) {
	const job = "0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		file, text string
		unknown    int
		want       string // of the error
	}{
		"a stranger":            {"ckpt/README", "x", 1, ""},
		"an empty one":          {"ckpt/completedCheckpoint000000000000", "", 0, "ends within"},
		"no object stream":      {"ckpt/completedCheckpoint000000000000", "{}{}{}{}", 0, "not a Java object stream"},
		"a string":              {"completedCheckpoint0", "\xac\xed\x00\x05t\x00\x01x", 0, "no CompletedCheckpoint"},
		"block data":            {"completedCheckpoint0", "\xac\xed\x00\x05w\x01x", 0, "no CompletedCheckpoint"},
		"two objects":           {"completedCheckpoint0", "\xac\xed\x00\x05t\x00\x01xp", 0, "1 bytes follow"},
		"no JSON":               {"r/" + job + ".json", "<html>", 0, "no result"},
		"another job's":         {"r/" + job + ".json", `{"result":{"id":"00000000000000000000000000000000","application-status":"FAILED"}}`, 0, "not of the job"},
		"without a status":      {"r/" + job + "_DIRTY.json", `{"result":{"id":"` + job + `"}}`, 0, "no application-status"},
		"a plan of any content": {"submittedExecutionPlan0", "\xac\xed\x00\x05w\x01x", 0, ""},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, filepath.FromSlash(c.file))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(c.text), 0o666)); err != nil {
			t.Fatal(err)
		}
		s, err := readAt(t.Context(), open(t, dir))
		switch {
		case c.want == "" && (err != nil || s.Unknown != c.unknown):
			t.Errorf("%s: %+v, %v", name, s, err)
		case c.want == "" && strings.HasPrefix(c.file, "submitted") && (len(s.Live) != 1 || s.Live[0].HasJob):
			t.Errorf("%s: %+v", name, s.Live)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
