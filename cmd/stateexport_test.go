package cmd

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// rowsOf is how many rows a file has that was exported.
func rowsOf(t *testing.T, file string) int64 {
	t.Helper()
	data, err := os.ReadFile(file)
	succeed(t, err)
	switch filepath.Ext(file) {
	case ".csv":
		records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		succeed(t, err)
		return int64(len(records)) - 1
	case ".parquet":
		f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		succeed(t, err)
		return f.NumRows()
	}
	return int64(bytes.Count(data, []byte("\n")))
}

// Each state is in a file, with all of its entries, in every format.
func TestStateExport(t *testing.T) {
	for name, tree := range stateTrees {
		dir := oracleOf(t, tree).Dir
		lines := linesOf(ckpt(t, "state", "cat", dir).want(t, OK).out)
		for _, format := range exportFormats {
			to := filepath.Join(t.TempDir(), "new", "out")
			var r exportReport
			ckpt(t, "state", "export", dir, "--to", to, "--format", format, "-o", "json").want(t, OK).decode(t, &r)
			var all int64
			var exported []string
			for _, f := range r.Files {
				file := filepath.Join(to, f.File)
				n := rowsOf(t, file)
				info, err := os.Stat(file)
				succeed(t, err)
				if n != f.Entries || info.Size() != f.Bytes {
					t.Errorf("%s, %s: %s: %d rows in %d bytes, not %d in %d", name, format, f.File, n, info.Size(), f.Entries, f.Bytes)
				}
				all += n
				if format == formatJSONL {
					data, err := os.ReadFile(file)
					succeed(t, err)
					exported = append(exported, linesOf(string(data))...)
				}
			}
			if all != int64(len(lines)) || all == 0 {
				t.Errorf("%s, %s: %d rows of %d entries", name, format, all, len(lines))
			}
			if format == formatJSONL && !slices.Equal(slices.Sorted(slices.Values(exported)), slices.Sorted(slices.Values(lines))) {
				t.Errorf("%s: other lines than those of cat", name)
			}
		}
	}
}

func TestStateExportOneFile(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb"]).Dir
	file := filepath.Join(t.TempDir(), "total.csv")
	args := []string{"state", "export", dir, "--state", "total", "--format", "csv", "--to", file}
	r := ckpt(t, args...).want(t, OK)
	if !strings.HasSuffix(r.out, "\ttotal.csv\n") || rowsOf(t, file) == 0 {
		t.Error(r.out)
	}
	data, err := os.ReadFile(file)
	succeed(t, err)
	if !bytes.HasPrefix(data, []byte("key_group,key,value\n")) {
		t.Errorf("%.60s", data)
	}
	if r := ckpt(t, args...).want(t, Usage); !strings.Contains(r.err, "is there already, and nothing is overwritten") {
		t.Error(r.err)
	}
	again, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("changed: %v", err)
	}
	ckpt(t, "state", "export", dir, "--state", "total", "--format", "csv", "--to", file+"/x").want(t, Usage)
}

func TestStateExportWhere(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb"]).Dir
	to := t.TempDir()
	ckpt(t, "state", "export", dir, "--state", "total", "--to", to, "--where", "kg < 64", "--key-group", "10-99").want(t, OK)
	files, err := os.ReadDir(to)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	want := linesOf(ckpt(t, "state", "cat", dir, "--state", "total", "--key-group", "10-63").want(t, OK).out)
	if n := rowsOf(t, filepath.Join(to, files[0].Name())); len(want) == 0 || n != int64(len(want)) {
		t.Errorf("%d rows, not %d", n, len(want))
	}
}

// Names of files are safe, and tell states apart.
func TestStateExportNames(t *testing.T) {
	for in, want := range map[string]string{"a b/c": "a_b_c", "../x": "___x", "ümlaut": "_mlaut", "_event_timer": "_event_timer", "A-1": "A-1", strings.Repeat("x", 200): strings.Repeat("x", 80)} {
		if got := fileWord(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	for to, want := range map[string][2]string{"out": {}, "x.csv": {".", "x.csv"}, "/x.csv": {"/", "x.csv"}, "s3://b/d/x.csv": {"s3://b/d", "x.csv"}, "x.parquet": {}} {
		o := &stateExportOptions{to: to, format: formatCSV}
		if dir, name := o.oneFile(); dir != want[0] || name != want[1] {
			t.Errorf("%s: %q %q", to, dir, name)
		}
	}
}

// Nothing is left of an export that was interrupted.
func TestStateInterrupted(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb"]).Dir
	for _, args := range [][]string{{"cat"}, {"stats"}, {"ls"}, {"ls", "--count"}, {"get", "--state", "total", "--key", "1"}, {"export", "--to", t.TempDir()}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(&signalError{signal: os.Interrupt})
		r := call{ctx: ctx}.run(t, slices.Concat([]string{"state", args[0], dir}, args[1:])...)
		if r.code != Interrupted || r.out != "" || strings.Contains(r.err, "warning") {
			t.Errorf("%v: exit code %d: %s%s", args, r.code, r.out, r.err)
		}
		if args[0] == "export" {
			if left, err := os.ReadDir(args[2]); len(left) > 0 || err != nil {
				t.Error(left, err)
			}
		}
	}
}
