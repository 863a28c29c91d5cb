package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout/prune"
)

// TestPruneEvidence: checkpoints go from jobs that have ended, and who says so counts.
func TestPruneEvidence(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	base := []string{root, "--keep-last", "1", "--no-other-roots"}
	latest := "file:" + filepath.Join(root, savedJob, "chk-1")
	another := fakeJob{id: strings.Repeat("e", 32), state: "FINISHED", completed: 1}
	job := func(state string) fakeJob { return fakeJob{id: savedJob, state: state, latest: latest, completed: 5} }
	for name, c := range map[string]struct {
		jobs  []fakeJob
		flags []string
		code  Code
		goes  []string
		guard prune.Name // that has kept something
	}{
		"nobody says anything":        {nil, nil, OK, nil, prune.GuardState},
		"the user":                    {nil, []string{"--ended", savedJob}, OK, []string{"chk-1", "chk-3"}, prune.GuardSavepoint},
		"the user, of all":            {nil, []string{"--ended", "all"}, OK, []string{"chk-1", "chk-3"}, prune.GuardSavepoint},
		"the user, of another":        {nil, []string{"--ended", strings.Repeat("0", 32)}, OK, nil, prune.GuardState},
		"time":                        {nil, []string{"--assume-ended-after", "2d"}, OK, []string{"chk-1", "chk-3"}, prune.GuardSavepoint},
		"not yet time":                {nil, []string{"--assume-ended-after", "1w"}, OK, nil, prune.GuardState},
		"a cluster that knows it not": {[]fakeJob{}, nil, OK, nil, prune.GuardState},
		"all clusters":                {[]fakeJob{another}, []string{"--clusters-complete"}, OK, []string{"chk-1", "chk-3"}, prune.GuardSavepoint},
		"all clusters, just started":  {[]fakeJob{}, []string{"--clusters-complete"}, OK, nil, prune.GuardState},
		"a cluster, finished":         {[]fakeJob{job("CANCELED")}, nil, OK, []string{"chk-3"}, prune.GuardClaimed},
		"a cluster, live":             {[]fakeJob{job("RUNNING")}, []string{"--clusters-complete"}, OK, nil, prune.GuardState},
		"suspended is live":           {[]fakeJob{job("SUSPENDED")}, []string{"--clusters-complete"}, OK, nil, prune.GuardState},
		"life beats the user":         {[]fakeJob{job("RUNNING")}, []string{"--ended", savedJob}, OK, nil, prune.GuardState},
		"live and unsaved":            {[]fakeJob{{id: savedJob, state: "RUNNING"}}, nil, Refused, nil, prune.GuardUnsaved},
		"live, but restored":          {[]fakeJob{{id: savedJob, state: "RUNNING", restored: latest}}, nil, OK, nil, prune.GuardState},
		"another job restored it": {[]fakeJob{{id: strings.Repeat("a", 32), state: "RUNNING", restored: latest}}, []string{"--ended", savedJob}, OK,
			[]string{"chk-3"}, prune.GuardClaimed},
	} {
		t.Run(name, func(t *testing.T) {
			args := slices.Concat(base, c.flags)
			if c.jobs != nil {
				args = append(args, "--flink-url", (&jobManager{jobs: c.jobs}).url(t))
			}
			doc := pruned(t, c.code, args...)
			if got := doc.gone(); !slices.Equal(got, c.goes) || doc.guard(t, c.guard).Outcome == "passed" {
				t.Errorf("goes %v, want %v; %s: %+v", got, c.goes, c.guard, doc.guard(t, c.guard))
			}
			if beaten := slices.ContainsFunc(doc.Notes, func(n string) bool { return strings.Contains(n, "does not count") }); beaten != (name == "life beats the user") {
				t.Errorf("notes: %v", doc.Notes)
			}
		})
	}
}

// TestPruneSilentCluster: one that was named and does not answer stops everything.
func TestPruneSilentCluster(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	silent := (&jobManager{broken: true}).url(t)
	there := (&jobManager{jobs: []fakeJob{{id: strings.Repeat("e", 32), state: "FINISHED"}}}).url(t)
	doc := pruned(t, Refused, root, "--keep-last", "1", "--no-other-roots", "--flink-url", there, "--flink-url", silent, "--clusters-complete", "--apply")
	if g := doc.guard(t, prune.GuardCluster); g.Outcome != "stop-all" || !strings.Contains(g.Message, silent) || doc.Applied || doc.Results != nil {
		t.Errorf("%+v", g)
	}
}

// TestPruneAsksAgain: what has come to life after the plan was made loses nothing.
func TestPruneAsksAgain(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	before := filesBelow(t, root)
	m := &jobManager{jobs: []fakeJob{{id: strings.Repeat("e", 32), state: "FINISHED"}}}
	lists := 0
	m.asked = func(path string) {
		if path == "/jobs/overview" {
			lists++
		}
		if lists == 5 { // two for each look at it, and the next one is that of the execution
			m.jobs = []fakeJob{{id: savedJob, state: "RUNNING", latest: filepath.Join(root, savedJob, "chk-5"), completed: 5}}
		}
	}
	r := remove(t, "prune", root, "--keep-last", "1", "--no-other-roots", "--clusters-complete", "--flink-url", m.url(t), "--apply")
	if lists < 5 || filesBelow(t, root) != before || r.code != Findings {
		t.Errorf("asked %d times, %d of %d files are left, exit code %d: %s", lists, filesBelow(t, root), before, r.code, r.err)
	}
}

// TestPruneHighAvailability: results of jobs are evidence, job graphs mean life, and
// Flink's configuration tells where both lie.
func TestPruneHighAvailability(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	dir := t.TempDir()
	put := func(name, content string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("job-result-store/c/"+savedJob+".json", `{"result":{"id":"`+savedJob+`","application-status":"CANCELED","accumulator-results":{},"net-runtime":1},"version":1}`)
	base := []string{root, "--keep-last", "1", "--no-other-roots"}
	conf := []string{"-D", "high-availability.type=zookeeper", "-D", "high-availability.storageDir=file:" + dir}
	for _, flags := range [][]string{{"--ha-dir", dir}, conf} {
		if got := pruned(t, OK, slices.Concat(base, flags)...).gone(); !slices.Equal(got, []string{"chk-1", "chk-3"}) {
			t.Errorf("%v: goes %v", flags, got)
		}
	}
	put("c/submittedJobGraph0123456789ab", "no Java object")
	doc := pruned(t, Refused, slices.Concat(base, []string{"--ha-dir", dir})...)
	if g := doc.guard(t, prune.GuardHA); g.Outcome != "stop-all" {
		t.Errorf("%+v", g)
	}
}

// TestPruneRecorded takes what a real JobManager keeps in the storage of high availability.
func TestPruneRecorded(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	w := &witnesses{env: call{}.world(nil), opts: &evidenceOptions{}, haDirs: []string{"../testdata/flink-ha/2.2.0/storage"}}
	world, err := w.world(t.Context())
	if err != nil || len(world.Stops) > 0 || len(world.Claims) < 4 {
		t.Fatalf("%v, %v, %d claims", err, world.Stops, len(world.Claims))
	}
	lives := map[prune.Life]int{}
	for _, s := range world.Jobs {
		lives[s.Life]++
	}
	if lives[prune.Live] != 1 || lives[prune.Ended] != 3 {
		t.Errorf("%v", lives)
	}
	// The checkpoints of the job that lives lay on another machine.
	doc := pruned(t, Refused, root, "--ha-dir", "../testdata/flink-ha/2.2.0/storage")
	if g := doc.guard(t, prune.GuardReference); len(doc.Delete) != 0 || g.Outcome != "stop-all" {
		t.Errorf("goes %v, %+v", doc.gone(), g)
	}
}

// TestPruneMaterialization counts only where there is a changelog: Flink tells the interval
// of all jobs.
func TestPruneMaterialization(t *testing.T) {
	for changelog, want := range map[bool]time.Duration{true: 10 * time.Minute, false: 0} {
		m := &jobManager{jobs: []fakeJob{{id: savedJob, state: "RUNNING", completed: 1, changelog: changelog}}}
		w, err := newWitnesses(call{}.world(nil), &evidenceOptions{clusters: []string{m.url(t)}})
		if err != nil {
			t.Fatal(err)
		}
		world, err := w.world(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range world.Jobs {
			if s.Life != prune.Live || s.Timeout != 10*time.Minute || s.Materialization != want {
				t.Errorf("%+v", s)
			}
		}
	}
}
