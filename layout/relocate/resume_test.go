package relocate_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/relocate"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
)

// job is a tree with an incremental checkpoint, and that checkpoint.
func job(t *testing.T) (root, chk string) {
	t.Helper()
	root = testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	found, err := filepath.Glob(filepath.Join(root, "*", "chk-6"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v", found, err)
	}
	return root, found[0]
}

// interrupted is a destination in which a copy of chk was killed after some files.
func interrupted(t *testing.T, w world, chk, dst string, operations int64) {
	t.Helper()
	k := &killer{at: operations}
	w.mutable = k.wrap(w.mutable)
	if _, _, err := w.copy(t.Context(), chk, dst, relocate.SelfContained); !errors.Is(err, errKilled) {
		t.Fatalf("not killed: %v", err)
	}
}

func hows(r *relocate.Report) map[relocate.How]int {
	n := map[relocate.How]int{}
	for _, f := range r.Files {
		n[f.How]++
	}
	return n
}

// TestResume: what is there is not copied again, and half-written files go.
func TestResume(t *testing.T) {
	_, chk := job(t)
	w, dst := newWorld(), filepath.Join(t.TempDir(), "copy")
	w.options.Workers = 1
	interrupted(t, w, chk, dst, 10)
	half := filepath.Join(dst, ".ckpt-abcdef.part")
	if err := os.WriteFile(half, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, report, err := w.copy(t.Context(), chk, dst, relocate.SelfContained)
	if err != nil {
		t.Fatal(err)
	}
	if n := hows(report); n[relocate.Kept] == 0 || n[relocate.Copied] == 0 || !report.Resumed {
		t.Errorf("%v, resumed: %v", n, report.Resumed)
	}
	for _, gone := range []string{half, filepath.Join(dst, layout.CopyMarkerName)} {
		if _, err := os.Stat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left", gone)
		}
	}
	before := tree(t, dst)
	for _, readBack := range []bool{false, true} {
		w.options.ReadBack = readBack
		_, report, err = w.copy(t.Context(), chk, dst, relocate.SelfContained)
		if err != nil || hows(report)[relocate.Kept] != len(report.Files) {
			t.Errorf("once more: %v", err)
		}
	}
	if diff := cmp.Diff(before, tree(t, dst)); diff != "" {
		t.Errorf("a finished copy was changed: %s", diff)
	}
}

// TestMarkerRecords: a run that ends in order notes what it has done, and the next one
// believes it by its size alone.
func TestMarkerRecords(t *testing.T) {
	_, chk := job(t)
	w, dst := newWorld(), filepath.Join(t.TempDir(), "copy")
	w.options.Workers = 1
	ctx, cancel := context.WithCancel(t.Context())
	w.options.Progress = func(files int, _ int64) {
		if files == 3 {
			cancel()
		}
	}
	if _, _, err := w.copy(ctx, chk, dst, relocate.SelfContained); !errors.Is(err, context.Canceled) {
		t.Fatalf("not cancelled: %v", err)
	}
	s, err := w.open(t.Context(), dst)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := relocate.ReadMarker(t.Context(), s, layout.CopyMarkerName)
	if err != nil || len(m.Files) < 3 || m.Source != chk {
		t.Fatalf("%v, marker: %+v", err, m)
	}
	if _, err := os.Stat(filepath.Join(dst, layout.MetadataName)); err == nil {
		t.Error("a cancelled copy has a _metadata")
	}
	w.options.Progress = nil
	_, report, err := w.copy(t.Context(), chk, dst, relocate.SelfContained)
	if err != nil || hows(report)[relocate.Kept] < 3 {
		t.Errorf("%v, %v", err, hows(report))
	}
	for _, f := range report.Files {
		if f.SHA256 == "" {
			t.Errorf("%s has lost its checksum", f.Key)
		}
	}
}

// TestDestinationRefused: whatever is there already stays as it is.
func TestDestinationRefused(t *testing.T) {
	root, chk := job(t)
	write := func(name, data string) func(*testing.T, world, string) {
		return func(t *testing.T, _ world, dst string) {
			if err := os.MkdirAll(dst, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dst, name), []byte(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	begun := func(from string) func(*testing.T, world, string) {
		return func(t *testing.T, w world, dst string) { interrupted(t, w, from, dst, 12) }
	}
	other := filepath.Join(filepath.Dir(chk), "chk-5")
	spoiled := func(change func(data []byte) []byte) func(*testing.T, world, string) {
		return func(t *testing.T, w world, dst string) {
			w.options.Workers = 1
			interrupted(t, w, chk, dst, 12)
			names, err := filepath.Glob(filepath.Join(dst, "????????-*"))
			if err != nil || len(names) == 0 {
				t.Fatalf("%v %v", names, err)
			}
			slices.Sort(names)
			data, err := os.ReadFile(names[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(names[0], change(bytes.Clone(data)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		make func(*testing.T, world, string)
		form relocate.Form
		want string
	}{
		"something else":     {write("notes.txt", "x"), relocate.SelfContained, "it holds notes.txt"},
		"a snapshot":         {write("_metadata", "x"), relocate.SelfContained, "another snapshot already"},
		"no marker":          {write(layout.CopyMarkerName, "{}"), relocate.SelfContained, "no marker of a copy"},
		"a torn marker":      {write(layout.CopyMarkerName, `{"schema":"ckpt.co`), relocate.SelfContained, "no marker of a copy"},
		"of another source":  {begun(other), relocate.SelfContained, "a copy of " + other + " was begun there"},
		"a file too long":    {spoiled(func(b []byte) []byte { return append(b, 1) }), relocate.SelfContained, "another file of this name"},
		"a file that lies":   {spoiled(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), relocate.SelfContained, "another file of this name"},
		"of another content": {func(t *testing.T, w world, dst string) { begunEarlier(t, w, chk, dst) }, relocate.SelfContained, "another snapshot now"},
	} {
		t.Run(name, func(t *testing.T) {
			w, dst := newWorld(), filepath.Join(t.TempDir(), "copy")
			test.make(t, w, dst)
			before, source := tree(t, dst), tree(t, root)
			_, _, err := w.copy(t.Context(), chk, dst, test.form)
			var refused *relocate.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("want %q, have %v", test.want, err)
			}
			after := tree(t, dst)
			for key, sum := range before {
				if after[key] != sum && key != layout.CopyMarkerName {
					t.Errorf("%s was changed", key)
				}
			}
			if _, claimed := after[layout.MetadataName]; claimed && before[layout.MetadataName] == "" {
				t.Error("there is a _metadata now")
			}
			if diff := cmp.Diff(source, tree(t, root)); diff != "" {
				t.Errorf("the source was changed: %s", diff)
			}
		})
	}
}

// begunEarlier leaves the marker of a copy of what was at the same place before.
func begunEarlier(t *testing.T, w world, chk, dst string) {
	t.Helper()
	interrupted(t, w, chk, dst, 12)
	marker := filepath.Join(dst, layout.CopyMarkerName)
	data, err := os.ReadFile(marker)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(data, []byte(`"metadataSha256":"`))
	data = bytes.Replace(data, rest[:64], bytes.Repeat([]byte("0"), 64), 1)
	if err := os.WriteFile(marker, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSourceFails: the source loses files, or lies about them, while it is copied.
func TestSourceFails(t *testing.T) {
	_, chk := job(t)
	data := func(key string) bool { return layout.IsDataFile(filepath.Base(key)) }
	for name, plan := range map[string]*faults.Plan{
		"it vanishes":   {OpenErr: func(key string) error { return onlyData(data(key), fs.ErrNotExist) }},
		"it ends early": {ReadAfter: func(key string) int64 { return map[bool]int64{true: 7, false: -1}[data(key)] }},
		"it breaks off": {ReadAfter: func(key string) int64 { return map[bool]int64{true: 7, false: -1}[data(key)] }, ReadErr: errors.New("connection reset")},
	} {
		t.Run(name, func(t *testing.T) {
			w, dst := newWorld(), filepath.Join(t.TempDir(), "copy")
			open := w.open
			w.open = plan.Wrap(open)
			_, _, err := w.copy(t.Context(), chk, dst, relocate.SelfContained)
			if err == nil || !strings.Contains(err.Error(), filepath.Dir(chk)) {
				t.Fatalf("no error with the path: %v", err)
			}
			for key := range tree(t, dst) {
				if key != layout.CopyMarkerName {
					t.Errorf("%s is there", key)
				}
			}
			w.open = open
			if _, _, err := w.copy(t.Context(), chk, dst, relocate.SelfContained); err != nil {
				t.Errorf("once it works: %v", err)
			}
		})
	}
}

func onlyData(data bool, err error) error {
	if data {
		return err
	}
	return nil
}

// TestDamagedSource: a checkpoint that has lost a file is not copied at all.
func TestDamagedSource(t *testing.T) {
	root, chk := job(t)
	shared, err := filepath.Glob(filepath.Join(root, "*", "shared", "*"))
	if err != nil || len(shared) == 0 {
		t.Fatal(shared, err)
	}
	for _, f := range shared {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	dst := filepath.Join(t.TempDir(), "copy")
	_, _, err = newWorld().copy(t.Context(), chk, dst, relocate.SelfContained)
	var damaged *relocate.DamagedError
	if !errors.As(err, &damaged) || !strings.Contains(damaged.Path, "/shared/") {
		t.Errorf("have %v", err)
	}
	if _, err := os.Stat(dst); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the destination was made")
	}
}

// TestTwoAtOnce: two runs of the same copy do not disturb each other.
func TestTwoAtOnce(t *testing.T) {
	_, chk := job(t)
	w := newWorld()
	if _, _, err := w.copy(t.Context(), chk, "mem://bucket/alone", relocate.SelfContained); err != nil {
		t.Fatal(err)
	}
	want := held(t, w, "mem://bucket/alone")
	for range 30 {
		w := newWorld()
		var running sync.WaitGroup
		for range 3 {
			running.Go(func() {
				if _, _, err := w.copy(t.Context(), chk, crashURL, relocate.SelfContained); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if diff := cmp.Diff(want, held(t, w, crashURL)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestServerSide: within one storage the bytes do not come by here, unless they are to be
// compared.
func TestServerSide(t *testing.T) {
	_, chk := job(t)
	w := newWorld()
	if _, _, err := w.copy(t.Context(), chk, "mem://bucket/first", relocate.SelfContained); err != nil {
		t.Fatal(err)
	}
	_, report, err := w.copy(t.Context(), "mem://bucket/first", "mem://bucket/second", relocate.SelfContained)
	if err != nil || hows(report)[relocate.ServerSide] != len(report.Files) {
		t.Errorf("%v, %v", err, hows(report))
	}
	w.options.ReadBack, w.options.Through = true, true
	_, report, err = w.copy(t.Context(), "mem://bucket/first", "mem://bucket/third", relocate.SelfContained)
	if err != nil || hows(report)[relocate.Copied] != len(report.Files) {
		t.Errorf("%v, %v", err, hows(report))
	}
	if diff := cmp.Diff(held(t, w, "mem://bucket/second"), held(t, w, "mem://bucket/third")); diff != "" {
		t.Error(diff)
	}
}

// forger is a destination that keeps other bytes than it was given.
type forger struct{ layout.MutableStore }

func (f forger) Open(ctx context.Context, key string) (*layout.Content, error) {
	c, err := f.MutableStore.Open(ctx, key)
	if err == nil && layout.IsDataFile(filepath.Base(key)) {
		c.ReadCloser = struct {
			*bytes.Reader
			nothing
		}{bytes.NewReader(make([]byte, c.Size)), nothing{}}
	}
	return c, err
}

type nothing struct{}

func (nothing) Close() error { return nil }

// TestReadBack finds what sizes do not tell.
func TestReadBack(t *testing.T) {
	_, chk := job(t)
	w, dst := newWorld(), filepath.Join(t.TempDir(), "copy")
	mutable := w.mutable
	w.mutable = func(ctx context.Context, url string) (layout.MutableStore, error) {
		s, err := mutable(ctx, url)
		return forger{s}, err
	}
	w.options.ReadBack = true
	_, _, err := w.copy(t.Context(), chk, dst, relocate.SelfContained)
	var damaged *relocate.DamagedError
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "read back") {
		t.Errorf("have %v", err)
	}
	if _, err := os.Stat(filepath.Join(dst, layout.MetadataName)); err == nil {
		t.Error("it has a _metadata")
	}
}

// TestLimit: bytes come no faster than they may.
func TestLimit(t *testing.T) {
	_, chk := job(t)
	w := newWorld()
	w.options.Limit = rate.NewLimiter(400<<10, 4<<10)
	begin := time.Now()
	plan, _, err := w.copy(t.Context(), chk, "mem://bucket/slow", relocate.SelfContained)
	if err != nil {
		t.Fatal(err)
	}
	least := time.Duration(float64(plan.Bytes()-4<<10) / (400 << 10) * float64(time.Second))
	if took := time.Since(begin); took < least*9/10 || least < 100*time.Millisecond {
		t.Errorf("%d bytes took %v, which should be %v at least", plan.Bytes(), took, least)
	}
}
