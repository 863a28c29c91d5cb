package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// describe gives an inventory as lines that a test can state.
func describe(inv *Inventory) []string {
	var lines []string
	short := strings.NewReplacer(jobA, "A", jobB, "B").Replace
	for _, d := range inv.JobDirs {
		line := fmt.Sprintf("dir %q", d.Dir)
		if d.HasJob {
			line += " of " + d.Job.String()
		}
		for what, has := range map[string]bool{" shared": d.Shared} {
			if has {
				line += what
			}
		}
		if d.TaskOwned {
			line += " taskowned"
		}
		if d.Changelog {
			line += " dstl"
		}
		for _, m := range d.Merging {
			line += " " + m.Dir
		}
		if d.EntropyOf != "" {
			line += " entropy of " + d.EntropyOf
		}
		lines = append(lines, short(line))
	}
	for _, s := range inv.Snapshots {
		kind := "savepoint"
		if s.Numbered {
			kind = fmt.Sprintf("checkpoint %d", s.Number)
		}
		line := fmt.Sprintf("%s %q", kind, s.Dir)
		if s.HasJob {
			line += " of " + s.Job.String()
		}
		if s.Metadata != nil {
			line += " metadata"
		}
		if s.Pending != nil {
			line += " pending"
		}
		line += fmt.Sprintf(" files=%d", s.Files)
		if len(s.Entropy) > 0 {
			line += fmt.Sprintf(" entropy=%d", len(s.Entropy))
		}
		lines = append(lines, short(line))
	}
	return lines
}

// expand writes A and B out, as keys in tests name the two jobs.
func expand(keys []string) []string {
	var all []string
	for _, k := range keys {
		elements := strings.Split(k, "/")
		for i, e := range elements {
			switch e {
			case "A":
				elements[i] = jobA
			case "B":
				elements[i] = jobB
			}
		}
		all = append(all, strings.Join(elements, "/"))
	}
	return all
}

func TestScan(t *testing.T) {
	merged := "job_" + jobA + "_op_" + jobB + "_0_2"
	for name, c := range map[string]struct {
		url  string
		keys []string
		flat bool
		want []string
	}{
		"a root": {
			keys: []string{"A/shared/" + uuid, "A/taskowned/", "A/chk-7/_metadata", "A/chk-7/" + uuid, "A/chk-8/", "B/chk-1/_metadata"},
			want: []string{`dir "A" of A shared taskowned`, `dir "B" of B`,
				`checkpoint 7 "A/chk-7" of A metadata files=2`, `checkpoint 8 "A/chk-8" of A files=0`, `checkpoint 1 "B/chk-1" of B metadata files=1`},
		},
		"an object store": {
			flat: true,
			keys: []string{"cp/A/shared/" + uuid, "cp/A/chk-7/_metadata"},
			want: []string{`dir "cp/A" of A shared`, `checkpoint 7 "cp/A/chk-7" of A metadata files=1`},
		},
		"one job": {
			url:  "/data/" + jobA,
			keys: []string{"shared/x", "chk-10/_metadata", "chk-9/_metadata"},
			want: []string{`dir "" of A shared`, `checkpoint 9 "chk-9" of A metadata files=1`, `checkpoint 10 "chk-10" of A metadata files=1`},
		},
		"one checkpoint": {
			url:  "s3://b/" + jobA + "/chk-7",
			keys: []string{"_metadata", "x"},
			want: []string{`checkpoint 7 "" of A metadata files=2`},
		},
		"one empty checkpoint": {
			url:  "/data/chk-7",
			want: []string{`checkpoint 7 "" files=0`},
		},
		"one savepoint of any name": {
			url:  "/data/before the upgrade",
			keys: []string{"_metadata"},
			want: []string{`savepoint "" metadata files=1`},
		},
		"no job level": {
			keys: []string{"chk-1/_metadata", "shared/x", "taskowned/y", "dstl/z"},
			want: []string{`dir "" shared taskowned dstl`, `checkpoint 1 "chk-1" metadata files=1`},
		},
		"no job level and no checkpoint left": {
			keys: []string{"x/shared/" + uuid, "x/taskowned/"},
			want: []string{`dir "x" shared taskowned`},
		},
		"shared is just a name elsewhere": {
			keys: []string{"shared/x", "doc/shared/y", "A/chk-1/shared/z"},
			want: []string{`dir "A" of A`, `checkpoint 1 "A/chk-1" of A files=1`},
		},
		"savepoints anywhere": {
			keys: []string{"A/savepoint-0dabe5-06ac01f92faa/_metadata", "sp/savepoint-0dabe5-06ac01f92fab/x", "sp/renamed/_metadata", "sp/savepoint-1/x"},
			want: []string{`dir "A" of A`,
				`savepoint "A/savepoint-0dabe5-06ac01f92faa" of A metadata files=1`, `savepoint "sp/renamed" metadata files=1`,
				`savepoint "sp/savepoint-0dabe5-06ac01f92fab" files=1`},
		},
		"changelog beside": {
			keys: []string{"changelog/A/dstl/" + uuid, "A/chk-1/_metadata"},
			want: []string{`dir "A" of A`, `dir "changelog/A" of A dstl`, `checkpoint 1 "A/chk-1" of A metadata files=1`},
		},
		"changelog at the root": {
			keys: []string{"A/dstl/" + uuid, "A/shared/"},
			want: []string{`dir "A" of A shared dstl`},
		},
		"file merging": {
			keys: []string{"A/shared/" + merged + "/" + uuid, "A/taskowned/job_" + jobA + "_tm_x/y", "A/shared/other/z"},
			want: []string{`dir "A" of A shared taskowned A/shared/` + strings.NewReplacer(jobA, "A", jobB, "B").Replace(merged) + ` A/taskowned/job_A_tm_x`},
		},
		"names that are nearly right": {
			keys: []string{"A/chk-007/x", "A/chk--1/x", "A/chk-99999999999999999999/x", strings.ToUpper(jobA) + "/y", "chk-5"},
			want: []string{`dir "A" of A`},
		},
		"files below a checkpoint": {
			keys: []string{"chk-1/_metadata", "chk-1/a/b/c", "chk-1/._metadata.inprogress." + uuid},
			want: []string{`dir ""`, `checkpoint 1 "chk-1" metadata pending files=3`},
		},
		"a snapshot within another": {
			keys: []string{"sp/_metadata", "sp/chk-3/x", "sp/chk-3/y"},
			want: []string{`checkpoint 3 "sp/chk-3" files=2`, `savepoint "sp" metadata files=1`},
		},
		"_metadata as directory and link": {
			keys: []string{"A/chk-1/_metadata/x", "A/chk-2/_metadata@"},
			want: []string{`dir "A" of A`, `checkpoint 1 "A/chk-1" of A metadata files=1`, `checkpoint 2 "A/chk-2" of A metadata files=0`},
		},
		"a snapshot that is the job's directory": {
			keys: []string{"A/_metadata", "A/x", "A/shared/y", "A/other/z", "A/chk-1/_metadata"},
			want: []string{`dir "A" of A shared`, `checkpoint 1 "A/chk-1" of A metadata files=1`, `savepoint "A" of A metadata files=3`},
		},
		"nothing": {},
		"nothing of Flink's": {
			keys: []string{"a/b/c", "chk-/x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestTree(expand(c.keys)...)
			s.flat = c.flat
			if c.url != "" {
				s.url = c.url
			}
			if diff := cmp.Diff(c.want, describe(scan(t, s))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanEntropy(t *testing.T) {
	for name, c := range map[string]struct{ keys, want []string }{
		"data in many prefixes": {
			keys: []string{"cp/A/chk-7/_metadata", "xK2f/cp/A/chk-7/u", "p0Zq/cp/A/chk-7/v", "p0Zq/cp/A/shared/w", "_entropy_/cp/A/chk-7/"},
			want: []string{`dir "_entropy_/cp/A" of A entropy of cp/A`, `dir "cp/A" of A`, `dir "p0Zq/cp/A" of A shared entropy of cp/A`,
				`dir "xK2f/cp/A" of A entropy of cp/A`, `checkpoint 7 "cp/A/chk-7" of A metadata files=3 entropy=3`},
		},
		"in the middle of the path": {
			keys: []string{"cp/A/chk-7/_metadata", "cp/xK2f/A/chk-7/u"},
			want: []string{`dir "cp/A" of A`, `dir "cp/xK2f/A" of A entropy of cp/A`, `checkpoint 7 "cp/A/chk-7" of A metadata files=2 entropy=1`},
		},
		"one in progress is one": {
			keys: []string{"cp/A/chk-7/_metadata", "xK2f/cp/A/chk-8/u", "p0Zq/cp/A/chk-8/v"},
			want: []string{`dir "cp/A" of A`, `dir "p0Zq/cp/A" of A entropy of cp/A`, `dir "xK2f/cp/A" of A entropy of cp/A`,
				`checkpoint 7 "cp/A/chk-7" of A metadata files=1`, `checkpoint 8 "cp/A/chk-8" of A files=2 entropy=2`},
		},
		"a copy is none: it has _metadata": {
			keys: []string{"A/chk-7/_metadata", "copy/A/chk-7/u", "copy/A/chk-6/_metadata"},
			want: []string{`dir "A" of A`, `dir "copy/A" of A`, `checkpoint 6 "copy/A/chk-6" of A metadata files=1`,
				`checkpoint 7 "A/chk-7" of A metadata files=1`, `checkpoint 7 "copy/A/chk-7" of A files=1`},
		},
		"nor where another job has _metadata": {
			keys: []string{"A/chk-7/_metadata", "copy/A/chk-7/u", "copy/B/chk-1/_metadata"},
			want: []string{`dir "A" of A`, `dir "copy/A" of A`, `dir "copy/B" of B`, `checkpoint 7 "A/chk-7" of A metadata files=1`,
				`checkpoint 7 "copy/A/chk-7" of A files=1`, `checkpoint 1 "copy/B/chk-1" of B metadata files=1`},
		},
		"nor where none has _metadata": {
			keys: []string{"cp/A/chk-7/u", "xK2f/cp/A/chk-7/v"},
			want: []string{`dir "cp/A" of A`, `dir "xK2f/cp/A" of A`, `checkpoint 7 "cp/A/chk-7" of A files=1`, `checkpoint 7 "xK2f/cp/A/chk-7" of A files=1`},
		},
		"nor what is of another name": {
			keys: []string{"cp/A/chk-7/_metadata", "my-copy/cp/A/chk-7/u", "xK2f/other/A/chk-7/u", "xK2f/cp/B/chk-7/u"},
			want: []string{`dir "cp/A" of A`, `dir "my-copy/cp/A" of A`, `dir "xK2f/cp/B" of B`, `dir "xK2f/other/A" of A`,
				`checkpoint 7 "cp/A/chk-7" of A metadata files=1`, `checkpoint 7 "my-copy/cp/A/chk-7" of A files=1`,
				`checkpoint 7 "xK2f/other/A/chk-7" of A files=1`, `checkpoint 7 "xK2f/cp/B/chk-7" of B files=1`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, describe(scan(t, newTestTree(expand(c.keys)...)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScanAreas(t *testing.T) {
	inv := scan(t, newTestTree(expand([]string{
		"A/chk-1/x", "A/chk-1/deep/x", "A/shared/x", "A/shared/deep/x", "A/taskowned/x", "A/dstl/x", "A/x", "x", "sp/_metadata", "sp/x", "A/link@",
	})...))
	got := map[string]string{}
	for id := range FileID(inv.Files.Len()) {
		_, job := inv.Files.Job(id)
		got[strings.ReplaceAll(inv.Files.Key(id), jobA, "A")] = fmt.Sprint(inv.Files.Area(id), job)
	}
	want := map[string]string{
		"A/chk-1/x": fmt.Sprint(SnapshotArea, true), "A/chk-1/deep/x": fmt.Sprint(SnapshotArea, true),
		"A/shared/x": fmt.Sprint(SharedArea, true), "A/shared/deep/x": fmt.Sprint(SharedArea, true),
		"A/taskowned/x": fmt.Sprint(TaskOwnedArea, true), "A/dstl/x": fmt.Sprint(ChangelogArea, true),
		"A/x": fmt.Sprint(OtherArea, true), "x": fmt.Sprint(OtherArea, false),
		"sp/_metadata": fmt.Sprint(SnapshotArea, false), "sp/x": fmt.Sprint(SnapshotArea, false),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if inv.Count != 10 || inv.Bytes != 50 || len(inv.Skipped) != 1 {
		t.Errorf("%d files, %d bytes, skipped %v", inv.Count, inv.Bytes, inv.Skipped)
	}
	if jobs := inv.Jobs(); len(jobs) != 1 || jobs[0].String() != jobA || len(inv.Dirs(jobs[0])) != 1 {
		t.Errorf("jobs %v", jobs)
	}
}

// The age of a checkpoint is that of its youngest part.
func TestScanNewest(t *testing.T) {
	for _, young := range []string{"chk-1", "chk-1/a", "chk-1/deep", "chk-1/deep/b"} {
		s := newTestTree("chk-1/", "chk-1/a", "chk-1/deep/", "chk-1/deep/b", "chk-2/")
		s.FS.(fstest.MapFS)[young].ModTime = now
		inv := scan(t, s)
		if got := inv.Snapshots[0].Newest; !got.Equal(now) {
			t.Errorf("%s young: newest is %v", young, got)
		}
		if got := inv.Snapshots[1].Newest; !got.Equal(now.Add(-24 * time.Hour)) {
			t.Errorf("the other has %v", got)
		}
	}
	s := newTestTree("./")
	s.url = "/data/chk-7"
	if got := scan(t, s).Snapshots[0].Newest; !got.Equal(now.Add(-24 * time.Hour)) {
		t.Errorf("a root that is an empty checkpoint: %v", got)
	}
}

// A directory that cannot be listed is not an empty one.
func TestScanErrors(t *testing.T) {
	s := newTestTree(expand([]string{"A/chk-1/_metadata", "A/chk-2/x", "B/chk-1/_metadata"})...)
	s.listed = map[string]error{jobA + "/chk-1": fs.ErrPermission, jobB: fs.ErrPermission}
	inv := scan(t, s)
	if len(inv.Errors) != 2 || !errors.Is(inv.Errors[0], fs.ErrPermission) {
		t.Fatalf("errors: %v", inv.Errors)
	}
	if len(inv.Snapshots) != 2 || !errors.Is(inv.Snapshots[0].Err, fs.ErrPermission) || inv.Snapshots[1].Err != nil {
		t.Errorf("%+v", inv.Snapshots)
	}
	s.listed = map[string]error{"": fs.ErrPermission}
	if _, err := Scan(t.Context(), s, ScanOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("an unreadable root: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Scan(ctx, newTestTree("a"), ScanOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled scan: %v", err)
	}
}

func TestScanProgress(t *testing.T) {
	var keys []string
	for i := range 2*progressStep + 1 {
		keys = append(keys, fmt.Sprintf("shared/%d", i))
	}
	var got []int
	if _, err := Scan(t.Context(), newTestTree(keys...), ScanOptions{Progress: func(n int, _ int64) { got = append(got, n) }}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{progressStep, 2 * progressStep}, got); diff != "" {
		t.Error(diff)
	}
}
