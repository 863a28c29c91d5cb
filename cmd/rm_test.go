package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
)

// TestRm: what was named goes with what it alone used, and nothing else.
func TestRm(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	chk := filepath.Join(root, savedJob, "chk-5")
	before := filesBelow(t, root)
	x := du(t, root, "--if-deleted", chk).IfDeleted
	args := []string{"rm", chk, "--no-other-roots", "--ended", savedJob, "-o", "json"}
	doc := &pruneDocument{}
	remove(t, args...).want(t, OK).decode(t, doc)
	if doc.Schema != "ckpt.rm/v1" || doc.Totals.DeleteBytes != x.Bytes || int64(doc.Totals.DeleteObjects) != x.Files || !slices.Equal(doc.gone(), []string{"chk-5"}) {
		t.Errorf("%+v, du says %+v", doc.Totals, x)
	}
	if filesBelow(t, root) != before {
		t.Fatal("without --apply something is gone")
	}
	remove(t, append(args, "--apply", "--dry-run")...).want(t, OK)
	if filesBelow(t, root) != before {
		t.Fatal("with --dry-run something is gone")
	}
	remove(t, append(args, "--apply")...).want(t, OK)
	if left := filesBelow(t, root); int64(left) != int64(before)-x.Files {
		t.Errorf("%d of %d files are left, %d were to go", left, before, x.Files)
	}
	ckpt(t, "verify", root).want(t, OK)
	remove(t, args...).want(t, NotFound)
}

// TestRmGolden holds what people see.
func TestRmGolden(t *testing.T) {
	for name, c := range map[string]struct {
		of    []string // below the root
		flags []string
		code  Code
	}{
		"rm-several.txt": {[]string{savedJob + "/chk-5", "savepoints/savepoint-41faf9-0c0baddf592b"}, []string{"--ended", savedJob, "--no-other-roots"}, OK},
		"rm-refused.txt": {[]string{savedJob + "/chk-5", savedJob + "/chk-3"}, []string{"--no-other-roots"}, Findings},
		"rm-stopped.txt": {[]string{savedJob + "/chk-5"}, nil, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			root := oldAt(t, "2.2.0/savepoint-and-checkpoints", testNow.Add(-threeDays))
			args := append([]string{"rm"}, c.flags...)
			for _, below := range c.of {
				args = append(args, filepath.Join(root, below))
			}
			r := call{terminal: true, width: 80, env: map[string]string{"NO_COLOR": "1"}}.run(t, args...).want(t, c.code)
			golden(t, name, strings.ReplaceAll(r.out+r.err, filepath.Dir(root), "ROOT"))
		})
	}
}

// TestRmCodes holds exit codes and words.
func TestRmCodes(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	at := func(dir string) string { return filepath.Join(root, dir) }
	chk, savepoint := at(savedJob+"/chk-5"), at("savepoints/savepoint-41faf9-0c0baddf592b")
	young := filepath.Join(old(t, "2.2.0/savepoint-and-checkpoints", 0), savedJob, "chk-5")
	live := fakeJob{id: savedJob, state: "RUNNING", latest: chk, completed: 1}
	finished := live
	finished.state = "FINISHED"
	live.latest = ""
	cluster := func(j fakeJob) string { return (&jobManager{jobs: []fakeJob{j}}).url(t) }
	for _, c := range []struct {
		code Code
		says string // on stderr
		args []string
	}{
		{OK, "", []string{chk, "--no-other-roots", "--ended", savedJob}},
		{OK, "", []string{chk + "/_metadata", "--no-other-roots", "--ended", savedJob}},
		{OK, "", []string{"latest:" + root, "--no-other-roots", "--ended", savedJob}},
		{OK, "", []string{savepoint, "--no-other-roots", "--ended", "all"}},
		{OK, "", []string{savepoint, "--also-root", root, "--ended", savedJob}},
		{Findings, "may be live", []string{chk, "--no-other-roots"}},
		{Findings, "is live", []string{chk, "--no-other-roots", "--flink-url", cluster(live)}},
		{Findings, "the latest of job", []string{chk, "--no-other-roots", "--flink-url", cluster(finished)}},
		{Findings, "younger than", []string{young, "--no-other-roots", "--ended", "all"}},
		{Refused, "guard other-roots", []string{chk, "--ended", savedJob}},
		{Refused, "guard root", []string{chk, "--ended", savedJob, "--also-root", at("nothing")}},
		{NotFound, "no such file", []string{at("nothing")}},
		{Unreadable, "no checkpoint", []string{at("savepoints")}},
		{Unreadable, "", []string{filepath.Join(testdata.Root(t), "README.md")}},
		{Usage, "rm needs CKPT", nil},
		{Usage, "contradict", []string{chk, "--also-root", root, "--no-other-roots"}},
		{Usage, "want 1h", []string{chk, "--min-age", "1m"}},
		{Usage, "no cluster", []string{chk, "--clusters-complete"}},
	} {
		r := remove(t, append([]string{"rm"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; stderr: %s", c.args, r.code, c.code, c.says, r.err)
		}
	}
}

// TestRmLink: what lies behind a link is not what the tree around the link has.
func TestRmLink(t *testing.T) {
	dir := filepath.Join(old(t, "2.2.0/savepoint-and-checkpoints", threeDays), savedJob, "chk-5")
	link := filepath.Join(t.TempDir(), "chk-5")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if r := remove(t, "rm", link, "--no-other-roots", "--ended", "all", "--apply"); r.code == OK {
		t.Errorf("the link is followed: %s", r.out)
	}
	if _, err := os.Stat(filepath.Join(dir, "_metadata")); err != nil {
		t.Error(err)
	}
}
