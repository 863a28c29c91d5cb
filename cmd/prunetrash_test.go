package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
)

// TestPruneTrash: what was moved comes back, or goes for good.
func TestPruneTrash(t *testing.T) {
	root, trash := old(t, "2.2.0/savepoint-and-checkpoints", threeDays), filepath.Join(t.TempDir(), "trash")
	before := filesBelow(t, root)
	args := append([]string{"prune", root, "--keep-last", "1", "--apply", "--trash", trash}, evidence...)
	if r := remove(t, args...).want(t, OK); !strings.Contains(r.out, ": moved to the trash 48 files") {
		t.Error(r.out)
	}
	list := func(want Code, args ...string) (r trashReport) {
		t.Helper()
		remove(t, append(args, "--trash", trash, "-o", "json")...).want(t, want).decode(t, &r)
		return r
	}
	report := list(OK, "prune", "restore")
	if len(report.Runs) != 1 || report.Runs[0].Files != 48 || len(report.Runs[0].Snapshots) != 2 || !report.Runs[0].Ended || report.Runs[0].Expired {
		t.Fatalf("%+v", report)
	}
	run := report.Runs[0].Run
	if again := list(OK, "prune", "restore", run, "--dry-run"); len(again.Runs) != 1 || filesBelow(t, root) != before-48 {
		t.Errorf("--dry-run: %+v", again)
	}
	var done trashResult
	remove(t, "prune", "empty-trash", "--trash", trash, "-o", "json", "--older-than", "1d", "--apply").want(t, OK).decode(t, &done)
	if done.Schema != "ckpt.prune.empty-trash/v1" || done.Runs != 0 || done.Objects != 0 {
		t.Errorf("%+v", done)
	}
	done = trashResult{}
	remove(t, "prune", "restore", run, "--trash", trash, "-o", "json", "--snapshot", filepath.Join(root, savedJob, "chk-3")).want(t, OK).decode(t, &done)
	if done.Schema != "ckpt.prune.restore/v1" || done.Snapshots != 1 || done.Failed != 0 {
		t.Errorf("%+v", done)
	}
	ckpt(t, "verify", filepath.Join(root, savedJob, "chk-3")).want(t, OK)
	if again := list(OK, "prune", "restore"); len(again.Runs) != 1 || len(again.Runs[0].Snapshots) != 2 || !slices.Equal(again.Runs[0].Whole, []string{filepath.Join(root, savedJob, "chk-1")}) {
		t.Errorf("%+v", again)
	}
	r := remove(t, "prune", "restore", "--trash", trash, "-o", "table", "-v").want(t, OK)
	if !strings.Contains(r.out, "/chk-1\n") || !strings.Contains(r.out, "/chk-3  (not in the trash any more)\n") {
		t.Error(r.out)
	}
	if r := remove(t, "prune", "restore", "--trash", trash, "-o", "table").want(t, OK); !strings.Contains(r.out, " 1 of 2 ") {
		t.Error(r.out)
	}
	if r := remove(t, "prune", "restore", run, "--trash", trash).want(t, OK); filesBelow(t, root) != before {
		t.Errorf("%d of %d files are back: %s", filesBelow(t, root), before, r.out)
	}
	ckpt(t, "verify", root).want(t, OK)
}

// TestPruneRestoreByTail: a checkpoint may be named as ls lists it.
func TestPruneRestoreByTail(t *testing.T) {
	root, trash := old(t, "2.2.0/savepoint-and-checkpoints", threeDays), filepath.Join(t.TempDir(), "trash")
	remove(t, append([]string{"prune", root, "--keep-last", "1", "--apply", "--trash", trash}, evidence...)...).want(t, OK)
	t.Chdir(t.TempDir())
	remove(t, "prune", "restore", "--trash", trash, "--snapshot", "41faf9/chk-3").want(t, NotFound)
	remove(t, "prune", "restore", "--trash", trash, "--snapshot", savedJob+"/chk-3/_metadata").want(t, OK)
	ckpt(t, "verify", filepath.Join(root, savedJob, "chk-3")).want(t, OK)
	if r := remove(t, "prune", "restore", "--trash", trash, "--snapshot", savedJob+"/chk-5"); r.code == OK {
		t.Error(r.out)
	}
}

// TestPruneEmptyTrash deletes what is old enough, and only with --apply.
func TestPruneEmptyTrash(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	trash := filepath.Join(root, ".ckpt", "trash") // within a root, only there
	remove(t, append([]string{"prune", root, "--keep-last", "1", "--apply", "--trash", trash}, evidence...)...).want(t, OK)
	if doc := pruned(t, OK, append([]string{root, "--keep-last", "1"}, evidence...)...); len(doc.Delete) != 0 {
		t.Errorf("prune takes the trash: %+v", doc.Delete)
	}
	r := remove(t, "prune", "empty-trash", "--trash", trash, "--older-than", "0s").want(t, OK)
	if !strings.Contains(r.out, "\texpired\t") {
		t.Error(r.out)
	}
	if r := remove(t, "prune", "empty-trash", "--trash", trash, "--older-than", "0s", "--apply").want(t, OK); r.out != "deleted 48 files, 275.7 KiB, of 1 run\n" {
		t.Error(r.out)
	}
	if r := remove(t, "prune", "restore", "--trash", trash).want(t, OK); r.out != "" {
		t.Error(r.out)
	}
}

// TestPruneTrashCodes holds exit codes and words.
func TestPruneTrashCodes(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		code Code
		says string
		args []string
	}{
		{OK, "", []string{"restore", "--trash", dir}},
		{OK, "", []string{"empty-trash", "--trash", dir, "--older-than", "7d", "--apply", "-q"}},
		{NotFound, "no run", []string{"restore", "--trash", dir, "nothing"}},
		{NotFound, "is no trash: it holds ", []string{"empty-trash", "--trash", testdata.Root(t), "--older-than", "7d", "--apply"}},
		{NotFound, "is no trash: it holds ", []string{"restore", "--trash", testdata.Root(t)}},
		{Usage, "needs --trash", []string{"restore"}},
		{Usage, "needs --trash", []string{"empty-trash", "--older-than", "7d"}},
		{Usage, "needs --older-than", []string{"empty-trash", "--trash", dir}},
		{Usage, "no duration", []string{"empty-trash", "--trash", dir, "--older-than", "soon"}},
		{Usage, "does not know what to do", []string{"empty-trash", "--trash", dir, "--older-than", "7d", "x"}},
	} {
		r := remove(t, append([]string{"prune"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) || r.out != "" && c.code != OK {
			t.Errorf("%v: exit code %d, want %d with %q; stderr: %s", c.args, r.code, c.code, c.says, r.err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
}
