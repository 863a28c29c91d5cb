package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
)

// What a hint says to type can be typed.
func TestQuotedTypes(t *testing.T) {
	for hint, want := range map[string]string{
		"":                             "",
		"look closer":                  "look closer",
		"--type com.x.Y=SPEC":          "--type com.x.Y=SPEC",
		"--type fx2.M$Dog=SPEC":        "--type 'fx2.M$Dog=SPEC'",
		"by hand: --type M$D=SPEC now": "by hand: --type 'M$D=SPEC' now",
		"--type a='Tuple<Long>'":       "--type a='Tuple<Long>'",
		"--type a=List<Long>":          "--type 'a=List<Long>'",
	} {
		if got := quotedTypes(hint); got != want {
			t.Errorf("%s: %s", hint, got)
		}
	}
	r := ckpt(t, "state", "cat", oracleOf(t, "2.2.0/ds-pojo-ttl-hashmap").Dir, "--state", "ttlMap").want(t, Findings)
	if !strings.Contains(r.err, "--type 'M$Dog=SPEC'") && !strings.Contains(r.err, "--type 'fx2.M$Dog=SPEC'") {
		t.Error(r.err)
	}
}

// A file that is missing is named once, always the same one, with what to do.
func TestStateMissingFile(t *testing.T) {
	_, dir := copied(t, stateTrees["rocksdb"])
	succeed(t, filepath.WalkDir(filepath.Dir(dir), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "_metadata" {
			return os.Remove(p)
		}
		return err
	}))
	for _, command := range []string{"cat", "stats", "ls"} {
		seen := map[string]bool{}
		for range 8 {
			r := ckpt(t, "state", command, dir).want(t, Failed)
			seen[r.err] = true
			message, hint, _ := strings.Cut(r.err, "\n")
			if strings.Count(message, dir) != 1 || !strings.Contains(hint, "ckpt verify CKPT") || !strings.Contains(hint, "--map") {
				t.Error(r.err)
			}
		}
		if len(seen) != 1 {
			t.Errorf("%s: %v", command, seen)
		}
	}
}

func TestFirstFailure(t *testing.T) {
	var f firstFailure
	if f.before(0) || f.before(9) {
		t.Error("before any")
	}
	third, first := errors.New("3"), errors.New("1")
	f.set(3, third)
	f.set(1, first)
	f.set(2, third)
	if f.err != first || f.before(0) || f.before(1) || !f.before(2) {
		t.Errorf("%v, %d", f.err, f.part.Load())
	}
}

func TestStateGetWithoutKeys(t *testing.T) {
	dir := oracleOf(t, stateTrees["operator state"]).Dir
	for _, state := range []string{"op-list", "op-bcast"} {
		r := ckpt(t, "state", "get", dir, "--state", state, "--key", "1").want(t, Usage)
		if !strings.Contains(r.err, fmt.Sprintf("state %q is operator state", state)) || !strings.Contains(r.err, "has no keys") {
			t.Error(r.err)
		}
		ckpt(t, "state", "cat", dir, "--state", state, "--key", "1").want(t, Usage)
	}
}

// A condition that has no answer for any entry is worth a warning, one that lacks it for some is not.
func TestStateWhereWarning(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb"]).Dir
	const say = "warning: --where has no answer for any of the "
	if r := ckpt(t, "state", "cat", dir, "--where", "value.nix == 1").want(t, OK); !strings.Contains(r.err, say) || !strings.Contains(r.err, "nix") {
		t.Error(r.err)
	}
	if r := ckpt(t, "state", "export", dir, "--to", t.TempDir(), "--where", "value.nix == 1").want(t, OK); !strings.Contains(r.err, say) {
		t.Error(r.err)
	}
	if r := ckpt(t, "state", "cat", dir, "--where", `mapKey == "nix"`).want(t, OK); r.err != "" {
		t.Error(r.err)
	}
}

func TestStateUnknownUIDs(t *testing.T) {
	dir := oracleOf(t, "1.20.0/rocksdb-lz4").Dir
	if r := ckpt(t, "state", "ls", dir, "--uids", "nix,src").want(t, OK); !strings.Contains(r.err, "--uids: no operator has the id that this hashes to: nix\n") {
		t.Error(r.err)
	}
	if r := ckpt(t, "state", "ls", dir, "--uids", "src").want(t, OK); r.err != "" {
		t.Error(r.err)
	}
}

// Of what could not be counted there are no numbers: 0 would be one.
func TestStateUncounted(t *testing.T) {
	nothing, whole := 0, 0
	for keep := 1; keep < 10; keep++ {
		_, dir := copied(t, stateTrees["heap"])
		succeed(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == "_metadata" {
				return err
			}
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			clear(data[len(data)*keep/10:])
			return os.WriteFile(p, data, 0o644)
		}))
		var stats statsReport
		var ls stateList
		ckpt(t, "state", "stats", dir, "-o", "json").want(t, Unreadable).decode(t, &stats)
		ckpt(t, "state", "ls", dir, "--count", "-o", "json").want(t, Unreadable).decode(t, &ls)
		entries := map[string]*int64{}
		for _, s := range ls.States {
			entries[s.Operator+s.State+s.Kind] = s.Entries
		}
		for _, s := range stats.States {
			n := entries[s.Operator+s.State+s.Kind]
			switch {
			case (s.Entries == nil) != (s.Bytes == nil) || (s.Entries == nil) != (n == nil) || n != nil && *n != *s.Entries:
				t.Errorf("%+v, %v", s, n)
			case n == nil:
				nothing++
			default:
				whole++
			}
		}
		fits(t, "stats", call{terminal: true, width: 80}.run(t, "state", "stats", dir, "--color", "never").want(t, Unreadable).out)
	}
	if nothing == 0 || whole == 0 {
		t.Errorf("%d states without numbers, %d with", nothing, whole)
	}
}

// fits fails the test where a line is longer than a terminal is wide.
func fits(t *testing.T, name, out string) {
	t.Helper()
	for l := range strings.Lines(out) {
		if n := len([]rune(strings.TrimSuffix(l, "\n"))); n > 80 {
			t.Errorf("%s: %d columns: %s", name, n, l)
		}
	}
}

// Every table fits a terminal of 80 columns.
func TestStateWidth(t *testing.T) {
	trees := []string{"2.2.0/kafka-hashmap", "1.20.0/ds-pojo-ttl-rocksdb"}
	for _, tree := range stateTrees {
		trees = append(trees, tree)
	}
	for _, tree := range trees {
		dir := checkpointsBelow(t, testdata.Tree(t, tree))[0]
		for _, args := range [][]string{
			{"state", "ls"}, {"state", "ls", "--count"}, {"state", "stats"}, {"state", "stats", "-v"}, {"state", "stats", "--per", "subtask"},
			{"state", "stats", "--per", "key-group"}, {"state", "stats", "--per", "key"}, {"state", "cat", "-o", "table"}, {"state", "cat", "-o", "table", "--limit", "20"},
		} {
			full := append([]string{args[0], args[1], dir, "--color", "never"}, args[2:]...)
			r := call{terminal: true, width: 80}.run(t, full...)
			if r.out == "" {
				t.Errorf("%s %v: %d %s", tree, args, r.code, r.err)
			}
			fits(t, fmt.Sprint(tree, args), r.out)
			if !strings.Contains(r.out, "STATE") {
				t.Errorf("%s %v: %s", tree, args, r.out)
			}
		}
		r := call{terminal: true, width: 80}.run(t, "offsets", dir, "--color", "never").want(t, OK)
		out, _, _ := strings.Cut(r.out, "no source keeps a position")
		fits(t, tree+" offsets", out)
	}
}

// The end of --to says which format is meant.
func TestStateExportFormat(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb"]).Dir
	for _, format := range exportFormats {
		file := filepath.Join(t.TempDir(), "total."+format)
		var r exportReport
		ckpt(t, "state", "export", dir, "--state", "total", "--to", file, "-o", "json").want(t, OK).decode(t, &r)
		if r.Format != format || rowsOf(t, file) == 0 {
			t.Errorf("%+v", r)
		}
	}
}

// failingStore takes some files, and then no more.
type failingStore struct {
	layout.MutableStore
	left int
}

var errFull = errors.New("the disk is full")

// Create implements layout.Putter.
func (s *failingStore) Create(ctx context.Context, key string, r io.Reader, size int64) (layout.Object, error) {
	if s.left--; s.left < 0 {
		return layout.Object{}, errFull
	}
	return s.MutableStore.Create(ctx, key, r, size)
}

// Where not all files can be written, none is left.
func TestStateExportTakesBack(t *testing.T) {
	dir, to := oracleOf(t, stateTrees["rocksdb"]).Dir, t.TempDir()
	env := call{}.world([]string{"state", "export", dir, "--to", to})
	open := env.OpenMutable
	env.OpenMutable = func(ctx context.Context, url string) (layout.MutableStore, error) {
		s, err := open(ctx, url)
		return &failingStore{s, 2}, err
	}
	var out, msg strings.Builder
	env.Out, env.Err = &out, &msg
	code := Run(t.Context(), env)
	if files, err := os.ReadDir(to); code != Failed || len(files) > 0 || err != nil || !strings.Contains(msg.String(), errFull.Error()) {
		t.Errorf("exit code %d, %d files, %v: %s", code, len(files), err, msg.String())
	}
}
