package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/ha"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

const (
	madeJob  = "0123456789abcdef0123456789abcdef"
	otherJob = "fedcba9876543210fedcba9876543210"
)

// madeFile is a name as Flink gives them.
func madeFile(n int) string { return fmt.Sprintf("53310b3e-8b68-473b-a578-%012d", n) }

// makeFile stores a file of state.
func makeFile(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeSnapshot stores the _metadata of a snapshot that names files.
func makeSnapshot(t *testing.T, dir string, id int64, files ...string) {
	t.Helper()
	var handles []*metadata.FileHandle
	for _, f := range files {
		handles = append(handles, &metadata.FileHandle{Path: metadata.UTF("file:" + f), Size: int64(len("data"))})
	}
	data, err := metadata.Encode(testdata.ForestCheckpoint(id, handles))
	if err != nil {
		t.Fatal(err)
	}
	makeFile(t, filepath.Join(dir, layout.MetadataName))
	if err := os.WriteFile(filepath.Join(dir, layout.MetadataName), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func grow(t *testing.T, dir string) {
	t.Helper()
	if err := setAge(dir, pruneNow.Add(-threeDays)); err != nil {
		t.Fatal(err)
	}
}

// outside is a root with an orphan, unless a snapshot that lies elsewhere uses it.
func outside(t *testing.T) (root, elsewhere, file string) {
	t.Helper()
	dir := t.TempDir()
	root, elsewhere = filepath.Join(dir, "flink"), filepath.Join(dir, "elsewhere", otherJob, "chk-9")
	used := filepath.Join(root, madeJob, "shared", madeFile(1))
	file = filepath.Join(root, madeJob, "shared", madeFile(2))
	makeFile(t, used)
	makeFile(t, file)
	makeSnapshot(t, filepath.Join(root, madeJob, "chk-5"), 5, used)
	makeSnapshot(t, elsewhere, 9, file)
	grow(t, dir)
	return root, elsewhere, file
}

// deletes tells whether a plan deletes anything of the name.
func (d *pruneDocument) deletes(path string) bool {
	return slices.ContainsFunc(d.Delete, func(f pruneDelete) bool { return filepath.Base(f.Path) == filepath.Base(path) })
}

var allOrphans = append([]string{"--max-orphan-percent", "100"}, evidence...)

// TestPruneAdopts: what somebody holds and what lies in no root uses its files all the same.
func TestPruneAdopts(t *testing.T) {
	root, elsewhere, file := outside(t)
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("\n# one\n"+elsewhere+"/_metadata\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	running := func(path string, completed int) []string {
		m := &jobManager{jobs: []fakeJob{{id: otherJob, state: "RUNNING", restored: path, completed: completed}}}
		return []string{"--flink-url", m.url(t)}
	}
	broken := filepath.Join(t.TempDir(), otherJob, "chk-3")
	makeFile(t, filepath.Join(broken, layout.MetadataName))
	gone := "file:" + filepath.Join(t.TempDir(), otherJob, "chk-3")
	empty := filepath.Join(t.TempDir(), otherJob, "chk-3")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flags []string
		code  Code
		stays bool
		guard prune.Name // that stops all
		note  string
	}{
		"nobody holds it":           {},
		"--keep":                    {flags: []string{"--keep", elsewhere}, stays: true},
		"--keep-from":               {flags: []string{"--keep-from", list}, stays: true},
		"a job was restored from":   {flags: running("file:"+elsewhere, 1), stays: true},
		"and has none of its own":   {flags: running("file:"+elsewhere, 0), stays: true},
		"by --map":                  {flags: append(running("s3://old/"+otherJob+"/chk-9", 0), "--map", "s3://old="+filepath.Dir(filepath.Dir(elsewhere))), stays: true},
		"--keep by --map":           {flags: []string{"--keep", "s3://old/" + otherJob + "/chk-9", "--map", "s3://old=" + filepath.Dir(filepath.Dir(elsewhere))}, stays: true},
		"gone":                      {flags: running(gone, 1), note: "is not there any more: job " + otherJob},
		"without _metadata":         {flags: running(empty, 1), note: "is not there any more: job " + otherJob},
		"gone, and needed":          {flags: running(gone, 0), code: Refused, guard: prune.GuardUnsaved},
		"it cannot be read":         {flags: running(broken, 1), code: Refused, guard: prune.GuardReference},
		"its storage is not served": {flags: running("oss://bucket/"+otherJob+"/chk-1", 1), code: Refused, guard: prune.GuardReference},
	} {
		t.Run(name, func(t *testing.T) {
			doc := pruned(t, c.code, slices.Concat([]string{root}, allOrphans, c.flags)...)
			if c.code == OK && doc.deletes(file) == c.stays {
				t.Errorf("goes: %v", doc.Delete)
			}
			if c.guard != "" && doc.guard(t, c.guard).Outcome != "stop-all" {
				t.Errorf("%+v", doc.Guards)
			}
			if noted := slices.ContainsFunc(doc.Notes, func(n string) bool { return strings.Contains(n, c.note) }); c.note != "" && !noted {
				t.Errorf("notes: %v", doc.Notes)
			}
		})
	}
}

// TestPruneAdoptedSavedPlan: a plan is executed with what it was to keep.
func TestPruneAdoptedSavedPlan(t *testing.T) {
	root, elsewhere, file := outside(t)
	orphan := filepath.Join(root, madeJob, "shared", madeFile(3))
	makeFile(t, orphan)
	grow(t, root)
	t.Chdir(filepath.Dir(elsewhere))
	plan := filepath.Join(t.TempDir(), "plan.json")
	remove(t, slices.Concat([]string{"prune", root, "--keep", "chk-9", "--plan", plan}, allOrphans)...).want(t, OK)
	t.Chdir(t.TempDir())
	remove(t, "prune", "apply", plan).want(t, OK)
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(orphan); err == nil {
		t.Error("the orphan is still there")
	}
}

// TestPruneKeepNothing: what is to be kept must be there.
func TestPruneKeepNothing(t *testing.T) {
	root, _, _ := outside(t)
	list := func(lines string) []string {
		file := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"--keep-from", file}
	}
	kept := filepath.Join(root, madeJob, "chk-5")
	for _, c := range []struct {
		code  Code
		says  string
		flags []string
	}{
		{Usage, "--keep chk-77: no such checkpoint", []string{"--keep", "chk-77"}},
		{Usage, "no such checkpoint", []string{"--keep", "/mnt/flink/chk-5"}}, // of which job
		{Usage, "no such checkpoint", []string{"--keep", filepath.Join(root, madeJob)}},
		{Refused, "not a Flink _metadata", []string{"--keep", filepath.Join(root, madeJob, "shared", madeFile(1))}},
		{OK, "", []string{"--keep", "/mnt/flink/" + madeJob + "/chk-5"}},
		{OK, "", list("# nothing else\n\n" + kept + "\n")},
		{Usage, "keeps nothing", list("")},
		{Usage, "keeps nothing", list("# nothing\n\n")},
		{Usage, "line 2: quotes", list(kept + "\n\"" + kept + "\"\n")},
		{Usage, "quotes, brackets or commas", list(kept + ",\n")},
		{Usage, "quotes, brackets or commas", list("[\n" + kept + "\n]\n")},
		{Refused, "line 3: no such checkpoint: " + kept + "0", list(kept + "\n\n" + kept + "0\n")},
	} {
		r := remove(t, slices.Concat([]string{"prune", root}, allOrphans, c.flags)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; stderr: %s", c.flags, r.code, c.code, c.says, r.err)
		}
	}
}

// TestPruneAlias: a directory by two names is one, and what is named by either is found.
func TestPruneAlias(t *testing.T) {
	dir := t.TempDir()
	root, alias := filepath.Join(dir, "flink"), filepath.Join(t.TempDir(), "alias")
	used, orphan := filepath.Join("shared", madeFile(1)), filepath.Join(root, "shared", madeFile(2))
	makeFile(t, filepath.Join(root, used))
	makeFile(t, orphan)
	// nothing in these names tells what they belong to but their place
	makeSnapshot(t, filepath.Join(root, "chk-4"), 4, filepath.Join(alias, used))
	makeSnapshot(t, filepath.Join(root, "chk-5"), 5, filepath.Join(alias, used))
	grow(t, dir)
	if err := os.Symlink(root, alias); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{alias, "file://" + alias} {
		doc := pruned(t, OK, slices.Concat([]string{at, "--keep", filepath.Join(alias, "chk-4"), "--keep-last", "1"}, allOrphans)...)
		if doc.deletes(used) || !doc.deletes(orphan) || len(doc.gone()) != 0 {
			t.Errorf("%s: goes %v", at, doc.Delete)
		}
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"are the same directory", []string{root, alias}},
		{"are the same directory", []string{root, "--also-root", alias}},
		{"lies within " + root + " under another name", []string{root, "--also-root", filepath.Join(alias, "shared")}},
		{"--trash: ", []string{root, "--trash", filepath.Join(alias, "trash")}},
		{"--journal: ", []string{alias, "--journal", filepath.Join(root, "journal")}},
	} {
		if r := remove(t, append([]string{"prune"}, c.args...)...); r.code != Usage || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d: %s", c.args, r.code, r.err)
		}
	}
	for _, args := range [][]string{{root, root}, {root, "--also-root", filepath.Join(root, "chk-5")}} {
		if r := remove(t, append([]string{"prune"}, args...)...); r.code == Usage {
			t.Errorf("%v: %s", args, r.err)
		}
	}
}

// TestRmAlias: a checkpoint that is named twice goes once.
func TestRmAlias(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	alias := filepath.Join(t.TempDir(), "alias")
	if err := os.Symlink(root, alias); err != nil {
		t.Fatal(err)
	}
	chk := filepath.Join(savedJob, "chk-3")
	var once, twice pruneDocument
	args := append([]string{"rm", "-o", "json", filepath.Join(root, chk)}, evidence...)
	remove(t, args...).want(t, OK).decode(t, &once)
	remove(t, append(args, filepath.Join(alias, chk), filepath.Join(root, chk))...).want(t, OK).decode(t, &twice)
	if once.Snapshots != 1 || twice.Snapshots != 1 || once.Totals != twice.Totals {
		t.Errorf("%+v, %+v", once.Totals, twice.Totals)
	}
	remove(t, append([]string{"rm", "-o", "json", filepath.Join(alias, chk)}, evidence...)...).want(t, OK).decode(t, &twice)
	if twice.Snapshots != 1 || once.Totals != twice.Totals {
		t.Errorf("by its alias alone: %+v, %+v", once.Totals, twice.Totals)
	}
}

// TestPruneSharedIDs: what is said of an id that several jobs bear is of one of them.
func TestPruneSharedIDs(t *testing.T) {
	zero := strings.Repeat("0", 32)
	finished := func(id string) fakeJob { return fakeJob{id: id, state: "FINISHED", completed: 9} }
	for name, homes := range map[string][]string{zero: {zero}, madeJob: {"a/" + madeJob, "b/" + madeJob}, otherJob: {otherJob}} {
		root := t.TempDir()
		for i, home := range homes {
			for n := range 3 {
				makeSnapshot(t, filepath.Join(root, home, fmt.Sprintf("chk-%d", 10*i+n+1)), int64(10*i+n+1))
			}
		}
		grow(t, root)
		base := []string{root, "--keep-last", "1", "--no-other-roots"}
		cluster := (&jobManager{jobs: []fakeJob{finished(name)}}).url(t)
		another := (&jobManager{jobs: []fakeJob{finished(strings.Repeat("e", 32))}}).url(t)
		weak := name != otherJob
		for _, c := range []struct {
			flags []string
			goes  bool
		}{
			{[]string{"--flink-url", cluster}, !weak},
			{[]string{"--flink-url", another, "--clusters-complete"}, !weak},
			{[]string{"--flink-url", cluster, "--ended", name}, true},
			{[]string{"--flink-url", cluster, "--ended", "all"}, true},
			{[]string{"--flink-url", cluster, "--assume-ended-after", "1d"}, true},
		} {
			doc := pruned(t, OK, append(base, c.flags...)...)
			if goes := len(doc.Delete) > 0; goes != c.goes {
				t.Errorf("%s, %v: goes %v", name, c.flags, doc.gone())
			}
			noted := slices.ContainsFunc(doc.Notes, func(n string) bool { return strings.Contains(n, "does not tell which run") })
			if says := weak && !slices.Contains(c.flags, "--ended"); noted != says {
				t.Errorf("%s, %v: notes %v", name, c.flags, doc.Notes)
			}
		}
	}
}

// TestPruneIdleCluster: who lists no job at all may have just started.
func TestPruneIdleCluster(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	busy := (&jobManager{jobs: []fakeJob{{id: otherJob, state: "FINISHED"}}}).url(t)
	idle := (&jobManager{}).url(t)
	args := []string{root, "--keep-last", "1", "--no-other-roots", "--clusters-complete", "--flink-url", busy}
	if doc := pruned(t, OK, args...); len(doc.Delete) == 0 {
		t.Error("nothing goes")
	}
	doc := pruned(t, OK, append(args, "--flink-url", idle)...)
	if len(doc.Delete) != 0 || !slices.ContainsFunc(doc.Notes, func(n string) bool { return strings.Contains(n, idle+" lists no job at all") }) {
		t.Errorf("goes %v, notes %v", doc.gone(), doc.Notes)
	}
	if doc := pruned(t, OK, append(args, "--flink-url", idle, "--ended", "all")...); len(doc.Delete) == 0 || len(doc.Notes) > 0 {
		t.Errorf("--ended all: notes %v", doc.Notes)
	}
}

// TestPruneUnsavedPlan: a job that would be started again, and of which nobody knows from
// what, stops everything.
func TestPruneUnsavedPlan(t *testing.T) {
	id, err := layout.ParseJobID(madeJob)
	if err != nil {
		t.Fatal(err)
	}
	plan := ha.PersistedJob{File: "g", Job: id, HasJob: true}
	restored := plan
	restored.Restored = "/x/chk-1"
	for name, c := range map[string]struct {
		found  ha.Storage
		heard  map[layout.JobID]bool
		stops  bool
		needed bool
	}{
		"nothing known":       {found: ha.Storage{Live: []ha.PersistedJob{plan}}, stops: true},
		"restored":            {found: ha.Storage{Live: []ha.PersistedJob{restored}}, needed: true},
		"a checkpoint":        {found: ha.Storage{Live: []ha.PersistedJob{restored}, Checkpoints: []ha.Checkpoint{{Job: id, HasJob: true}}}},
		"another's":           {found: ha.Storage{Live: []ha.PersistedJob{plan}, Checkpoints: []ha.Checkpoint{{HasJob: true}}}, stops: true},
		"a cluster knows it":  {found: ha.Storage{Live: []ha.PersistedJob{plan}}, heard: map[layout.JobID]bool{id: true}},
		"a cluster knows not": {found: ha.Storage{Live: []ha.PersistedJob{plan}}, heard: map[layout.JobID]bool{id: false}, stops: true},
		"it has ended":        {found: ha.Storage{Live: []ha.PersistedJob{plan}, Results: []ha.Result{{Job: id, Status: "FAILED"}}}},
	} {
		w, world := &witnesses{}, &prune.World{}
		if err := w.testifyStorage(world, "/ha", &c.found, c.heard); err != nil {
			t.Fatal(err)
		}
		stops := len(world.Stops) == 1 && world.Stops[0].Guard == prune.GuardUnsaved
		needed := slices.ContainsFunc(world.Claims, func(c prune.Claim) bool { return c.Needed && c.Snapshot && c.Job == id })
		if stops != c.stops || needed != c.needed || world.Jobs[id].Life != prune.Live {
			t.Errorf("%s: %+v", name, world)
		}
	}
}

// TestPruneAdoptsNamesakes: that a snapshot in a root ends like one that is held says
// nothing of the latter: with a fixed job id, several applications have it.
func TestPruneAdoptsNamesakes(t *testing.T) {
	const zero = "00000000000000000000000000000000"
	dir := t.TempDir()
	root := filepath.Join(dir, "flink")
	file := filepath.Join(root, madeJob, "shared", madeFile(2))
	makeFile(t, file)
	makeFile(t, filepath.Join(root, madeJob, "shared", madeFile(1)))
	makeSnapshot(t, filepath.Join(root, madeJob, "chk-5"), 5, filepath.Join(root, madeJob, "shared", madeFile(1)))
	makeSnapshot(t, filepath.Join(root, zero, "chk-9"), 9, filepath.Join(root, madeJob, "shared", madeFile(1)))
	first, second := filepath.Join(dir, "one", zero, "chk-9"), filepath.Join(dir, "two", zero, "chk-9")
	makeSnapshot(t, first, 9)
	makeSnapshot(t, second, 9, file)
	grow(t, dir)
	if doc := pruned(t, OK, slices.Concat([]string{root}, allOrphans, []string{"--keep", first})...); !doc.deletes(file) {
		t.Fatalf("the test tests nothing: %v", doc.Guards)
	}
	if doc := pruned(t, OK, slices.Concat([]string{root}, allOrphans, []string{"--keep", first, "--keep", second})...); doc.deletes(file) {
		t.Errorf("goes: %v", doc.gone())
	}
}

// TestPruneLatestOnAnotherMachine: that a local path leads nowhere here proves nothing of a
// job that lives.
func TestPruneLatestOnAnotherMachine(t *testing.T) {
	root, _, _ := outside(t)
	m := &jobManager{jobs: []fakeJob{{id: otherJob, state: "RUNNING", latest: "file:/opt/flink/" + otherJob + "/chk-9", completed: 9}}}
	doc := pruned(t, Refused, slices.Concat([]string{root}, allOrphans, []string{"--flink-url", m.url(t)})...)
	if g := doc.guard(t, prune.GuardReference); g.Outcome != "stop-all" {
		t.Errorf("%+v", g)
	}
}
