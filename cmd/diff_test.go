package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout/faults"
)

// TestDiffGolden holds what people see.
func TestDiffGolden(t *testing.T) {
	for name, c := range map[string]struct {
		tree  string
		a, b  int // which of its checkpoints; the last where negative
		flags []string
		code  Code
	}{
		"diff-incremental.txt": {"2.2.0/rocksdb-incremental-small", 0, -1, nil, OK},
		"diff-verbose.txt":     {"2.2.0/rocksdb-incremental-small", 0, -1, []string{"-v"}, OK},
		"diff-same.txt":        {"2.2.0/rocksdb-incremental-small", 0, 0, []string{"--exit-code"}, OK},
		"diff-rescaled.txt":    {"2.0.0/rescale-claim", 0, -1, []string{"--exit-code"}, Findings},
		"diff-finished.txt":    {"1.20.0/finished-operators", 0, -1, nil, OK},
		"diff-savepoint.txt":   {"2.2.0/savepoint-and-checkpoints", 0, -1, nil, OK},
		"diff-files.txt":       {"1.20.0/finished-operators", 0, -1, []string{"--files"}, OK},
		"diff-tsv.txt":         {"2.0.0/rescale-claim", 0, -1, []string{"-o", "tsv"}, OK},
		"diff-files-tsv.txt":   {"1.20.0/finished-operators", 0, -1, []string{"--files", "-o", "tsv"}, OK},
		"diff-json.txt":        {"2.0.0/rescale-claim", 0, -1, []string{"-o", "json"}, OK},
	} {
		t.Run(name, func(t *testing.T) {
			root, checkpoints := pinned(t, c.tree)
			at := func(i int) string { return checkpoints[(i+len(checkpoints))%len(checkpoints)] }
			args := append([]string{"diff", at(c.a), at(c.b)}, c.flags...)
			r := call{terminal: true, env: map[string]string{"NO_COLOR": "1"}}.run(t, args...).want(t, c.code)
			golden(t, name, strings.ReplaceAll(r.out, filepath.Dir(root), "ROOT"))
		})
	}
}

// At the width of a terminal, nothing but a path is longer.
func TestDiffWidth(t *testing.T) {
	root, checkpoints := pinned(t, "2.0.0/rescale-claim")
	r := call{terminal: true, width: 80}.run(t, "diff", checkpoints[0], checkpoints[len(checkpoints)-1], "--color", "never").want(t, OK)
	for line := range strings.Lines(r.out) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 && !strings.Contains(line, root) {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// A checkpoint equals its copy, byte by byte and field by field, and TSV then has no line.
func TestDiffCopy(t *testing.T) {
	_, a := pinned(t, "2.2.0/rocksdb-incremental-small")
	_, b := pinned(t, "2.2.0/rocksdb-incremental-small")
	if r := ckpt(t, "diff", a[0], b[0], "--exit-code").want(t, OK); r.out != "" || r.err != "" {
		t.Errorf("%s%s", r.out, r.err)
	}
	var report diffReport
	ckpt(t, "diff", a[0], b[0], "-o", "json").want(t, OK).decode(t, &report)
	if report.Differ || len(report.Changes) > 0 || report.Files.Moved == 0 || report.Files.Moved != report.Files.Reused.Files {
		t.Errorf("%+v", report)
	}
	ckpt(t, "diff", a[0], b[1], "--exit-code").want(t, Findings)
}

func TestDiffMissingAndUnchecked(t *testing.T) {
	root, chk := pinned(t, "2.2.0/rocksdb-incremental-small")
	if err := os.Remove(namedFile(t, root, chk[0], "000021.sst")); err != nil {
		t.Fatal(err)
	}
	var report diffReport
	ckpt(t, "diff", chk[0], chk[0], "-o", "json").want(t, OK).decode(t, &report)
	if report.Differ || report.A.Missing != 1 || report.A.State != "damaged" {
		t.Errorf("%+v", report.A)
	}
	refuse := &faults.Plan{ListErr: errSlowDown}
	r := runFaulty(t, call{}.world([]string{"diff", chk[0], chk[0], "-o", "json"}), refuse).want(t, Failed)
	r.decode(t, &report)
	if report.Differ || report.A.Unchecked == 0 || !strings.Contains(r.err, "SlowDown") {
		t.Errorf("%+v %s", report.A, r.err)
	}
}
