package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/columns"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
)

// copied is a copy of the first snapshot of a tree.
func copied(t *testing.T, tree string) (root, dir string) {
	t.Helper()
	o := oracleOf(t, tree)
	root = testdata.Tree(t, tree)
	return root, filepath.Join(root, filepath.FromSlash(o.Name))
}

// biggest is the biggest file below a directory besides _metadata.
func biggest(t *testing.T, dir string) (file string) {
	t.Helper()
	size := int64(0)
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "_metadata" {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			file, size = p, info.Size()
		}
		return err
	})
	if err != nil || file == "" {
		t.Fatal("no files", err)
	}
	return file
}

// What is damaged is told of with its place, and is no answer.
func TestStateDamage(t *testing.T) {
	spoil := map[string]struct {
		do   func(t *testing.T, file string)
		want Code
	}{
		"missing": {func(t *testing.T, file string) { succeed(t, os.Remove(file)) }, Failed},
		"short": {func(t *testing.T, file string) {
			info, err := os.Stat(file)
			succeed(t, err)
			succeed(t, os.Truncate(file, info.Size()/2))
		}, Unreadable},
		"zeros": {func(t *testing.T, file string) {
			info, err := os.Stat(file)
			succeed(t, err)
			succeed(t, os.WriteFile(file, make([]byte, info.Size()), 0o644))
		}, Unreadable},
	}
	for name, s := range spoil {
		for _, tree := range []string{stateTrees["heap"], stateTrees["rocksdb and heap"], stateTrees["canonical"]} {
			_, dir := copied(t, tree)
			file := biggest(t, dir)
			s.do(t, file)
			for _, command := range []string{"cat", "stats"} {
				r := ckpt(t, "state", command, dir)
				if r.code != s.want || !strings.Contains(r.err, filepath.Base(file)) {
					t.Errorf("%s of %s, %s: exit code %d, want %d: %s", command, tree, name, r.code, s.want, r.err)
				}
				if e := ckpt(t, "state", command, dir, "-o", "json"); !strings.Contains(e.err, `"path":`) {
					t.Errorf("%s of %s, %s: no path in %s", command, tree, name, e.err)
				}
			}
			to := t.TempDir()
			r := ckpt(t, "state", "export", dir, "--to", to)
			if files, err := os.ReadDir(to); r.code != s.want || len(files) > 0 || err != nil {
				t.Errorf("export of %s, %s: exit code %d, %d files, %v", tree, name, r.code, len(files), err)
			}
		}
	}
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is whole beside what is damaged is still shown.
func TestStateRest(t *testing.T) {
	_, dir := copied(t, stateTrees["heap"])
	whole := linesOf(ckpt(t, "state", "cat", dir).want(t, OK).out)
	file := biggest(t, dir)
	info, err := os.Stat(file)
	succeed(t, err)
	succeed(t, os.WriteFile(file, make([]byte, info.Size()), 0o644))
	rest := linesOf(ckpt(t, "state", "cat", dir).want(t, Unreadable).out)
	if len(rest) == 0 || len(rest) >= len(whole) {
		t.Errorf("%d of %d entries", len(rest), len(whole))
	}
	for _, l := range rest {
		if !slices.Contains(whole, l) {
			t.Errorf("never seen: %s", l)
		}
	}
}

// A serializer that nobody knows does not hide the others.
func TestStateUnknownType(t *testing.T) {
	o := oracleOf(t, "2.2.0/ds-kryo-hashmap")
	r := ckpt(t, "state", "cat", o.Dir).want(t, Findings)
	if len(linesOf(r.out)) == 0 || !strings.Contains(r.err, "warning: ") {
		t.Errorf("%s%s", r.out, r.err)
	}
	ckpt(t, "state", "ls", o.Dir).want(t, OK)
}

// Who knows the layout of a class says so, and sees what it hides.
func TestStateTypes(t *testing.T) {
	dir := oracleOf(t, "2.2.0/ds-pojo-ttl-hashmap").Dir
	args := []string{"state", "cat", dir, "--state", "ttlMap"}
	without := ckpt(t, args...).want(t, Findings)
	if !strings.Contains(without.err, "--type") {
		t.Error(without.err)
	}
	with := ckpt(t, append(args, "--type", "fx2.M$Dog=Pojo(fx2.M$Dog){chip:Long, legs:Integer, name:String}",
		"--type", "fx2.M$Cat=Pojo(fx2.M$Cat){indoor:Boolean, legs:Integer, name:String}")...).want(t, OK)
	if few, all := len(linesOf(without.out)), len(linesOf(with.out)); all != 35 || few >= all || with.err != "" {
		t.Errorf("%d of %d entries: %s", few, all, with.err)
	}
}

// Each error of reading state has its exit code, its place and its hint.
func TestStateFaults(t *testing.T) {
	opaque := &backends.OpaqueError{Class: "com.x.Y", Hint: "say how"}
	wrong := &backends.Error{Path: "/f", Offset: 7, Message: "bad", Hint: "look"}
	passed := &backends.Error{Path: "/f", Offset: 7, Message: "bad", Passed: true}
	truncated := &layout.FileError{Path: "/f", Err: io.ErrUnexpectedEOF}
	for name, c := range map[string]struct {
		err  error
		want Code
		path string
	}{
		"wrong bytes":         {wrong, Unreadable, "/f"},
		"a lost key group":    {passed, Unreadable, "/f"},
		"too little memory":   {&backends.Error{Path: "/f", Passed: true, Err: fmt.Errorf("a block: %w", backends.ErrBudget)}, Failed, "/f"},
		"an unfit entry":      {&entryError{wrong: backends.Error{Path: "/f", Passed: true, Err: &columns.RowError{}}}, Findings, "/f"},
		"an unknown value":    {&backends.Error{Path: "/f", Err: opaque}, Findings, "/f"},
		"an unknown header":   {&backends.Error{Path: "/f", Err: &types.SnapshotError{Unknown: true}}, Findings, "/f"},
		"a wrong header":      {&types.SnapshotError{Message: "bad"}, Unreadable, ""},
		"an entry":            {&entryError{wrong: *passed}, Unreadable, "/f"},
		"a missing file":      {&layout.FileError{Path: "/f", Err: os.ErrNotExist}, Failed, "/f"},
		"a cut file":          {truncated, Unreadable, "/f"},
		"a cut file, told":    {&backends.Error{Path: "/f", Err: truncated}, Unreadable, "/f"},
		"a cut connection":    {&layout.FileError{Path: "/f", Err: fmt.Errorf("reset: %w", io.ErrUnexpectedEOF)}, Failed, "/f"},
		"anything else":       {errors.New("bad"), Failed, ""},
		"a lost context":      {context.Canceled, Failed, ""},
		"a file behind bytes": {&backends.Error{Path: "/g", Err: &layout.FileError{Path: "/f", Err: os.ErrPermission}}, Failed, "/f"},
	} {
		if got := severityOf(c.err); got != c.want {
			t.Errorf("%s: %d, not %d", name, got, c.want)
		}
		if got := pathOf(c.err); got != c.path {
			t.Errorf("%s: path %q, not %q", name, got, c.path)
		}
		faults := stateFaults{env: &Env{Log: newLogger(io.Discard, false, 0)}}
		err := faults.add(0, c.err)
		switch end := faults.end(); {
		case c.want == Failed && err == nil, c.want != Failed && err != nil:
			t.Errorf("%s: %v", name, err)
		case err == nil && entryOf(end).code != c.want:
			t.Errorf("%s: ends with %d, not %d", name, entryOf(end).code, c.want)
		}
	}
	if e := entryOf(wrong); e.code != Unreadable || e.offset == nil || *e.offset != 7 || hintOf(wrong, e) != "look" {
		t.Errorf("%+v", e)
	}
}

// Of many faults the first are shown, whatever order they came in.
func TestManyStateFaults(t *testing.T) {
	var all []string
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1, 0}} {
		var log strings.Builder
		faults := stateFaults{env: &Env{Log: newLogger(&log, false, 0)}}
		for _, part := range order {
			for n := range 9 {
				if err := faults.add(part, &backends.Error{Path: "/f", Message: fmt.Sprintf("part %d, %d", part, n), Passed: true, Err: &backends.OpaqueError{}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if code := entryOf(faults.end()).code; code != Findings {
			t.Error(code)
		}
		all = append(all, log.String())
	}
	if all[0] != all[1] || strings.Count(all[0], "\n") != mostFaults+1 || !strings.Contains(all[0], "58 more of the like") || !strings.Contains(all[0], "part 0, 0") {
		t.Errorf("%s\n%s", all[0], all[1])
	}
}

// When storage fails, no command may say a thing as if it were whole.
func TestStateStorageFails(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb and heap"]).Dir
	broken := errors.New("SlowDown: reduce your request rate")
	for _, args := range [][]string{{"cat"}, {"stats"}, {"ls"}, {"ls", "--count"}, {"get", "--state", "total", "--key", "1"}, {"export", "--to", t.TempDir()}} {
		full := slices.Concat([]string{"state", args[0], dir}, args[1:])
		env := call{}.world(full)
		open := env.OpenStore
		env.OpenStore = func(ctx context.Context, url string) (layout.Store, error) {
			s, err := open(ctx, url)
			return &rangeless{s, broken}, err
		}
		var out, msg strings.Builder
		env.Out, env.Err = &out, &msg
		if code := Run(t.Context(), env); code != Failed || !strings.Contains(msg.String(), "SlowDown") || out.Len() > 0 {
			t.Errorf("%v: exit code %d: %s%s", args, code, out.String(), msg.String())
		}
	}
}

// rangeless is a store that can open files as a whole only.
type rangeless struct {
	layout.Store
	err error
}

// OpenRange implements layout.Opener.
func (r *rangeless) OpenRange(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, r.err
}
