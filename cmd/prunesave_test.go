package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPruneApplyPlan: a saved plan is executed as it was shown.
func TestPruneApplyPlan(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	before := filesBelow(t, root)
	plan := filepath.Join(t.TempDir(), "plan.json")
	t.Chdir(root)
	saved := pruned(t, OK, append([]string{".", "--keep-last", "1", "--keep", savedJob + "/chk-1", "--plan", plan}, evidence...)...)
	t.Chdir(t.TempDir()) // where it was made must not matter
	doc := &pruneDocument{}
	remove(t, "prune", "apply", plan, "--dry-run", "-o", "json").want(t, OK).decode(t, doc)
	if !slices.Equal(doc.gone(), []string{"chk-3"}) || len(doc.Delete) != len(saved.Delete) || filesBelow(t, root) != before {
		t.Fatalf("--dry-run: goes %v", doc.gone())
	}
	doc = &pruneDocument{}
	remove(t, "prune", "apply", plan, "-o", "json").want(t, OK).decode(t, doc)
	if doc.Results == nil || doc.Results.Objects != len(saved.Delete) || filesBelow(t, root) != before-len(saved.Delete) {
		t.Errorf("%+v", doc.Results)
	}
	ckpt(t, "verify", root).want(t, OK)
	if r := remove(t, "prune", "apply", plan); r.code == OK && filesBelow(t, root) != before-len(saved.Delete) {
		t.Errorf("a second time: %s", r.out)
	}
}

// TestPruneApplyPlanOfRm does the same for rm.
func TestPruneApplyPlanOfRm(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	chk := filepath.Join(root, savedJob, "chk-5")
	plan := filepath.Join(t.TempDir(), "plan.json")
	remove(t, "rm", "latest:"+root, "--no-other-roots", "--ended", savedJob, "--plan", plan).want(t, OK)
	remove(t, "prune", "apply", plan).want(t, OK)
	if _, err := os.Stat(chk); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestPruneApplyRefuses what is not a plan any more.
func TestPruneApplyRefuses(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	before := filesBelow(t, root)
	dir := t.TempDir()
	plan, torn := filepath.Join(dir, "plan"), filepath.Join(dir, "torn")
	pruned(t, OK, append([]string{root, "--keep-last", "1", "--plan", plan}, evidence...)...)
	data, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code Code
		says string
		now  time.Time
		args []string
	}{
		{Refused, "expired", pruneNow.Add(2 * time.Hour), []string{plan}},
		{Refused, "plan", pruneNow, []string{torn}},
		{Refused, "plan", pruneNow, []string{filepath.Join(root, savedJob, "chk-1", "_metadata")}},
		{Failed, "no such file", pruneNow, []string{filepath.Join(dir, "nothing")}},
		{Usage, "apply needs FILE", pruneNow, nil},
		{Usage, "unknown flag", pruneNow, []string{plan, "--keep-last", "1"}},
	} {
		r := call{now: c.now}.run(t, append([]string{"prune", "apply"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; stderr: %s", c.args, r.code, c.code, c.says, r.err)
		}
	}
	if filesBelow(t, root) != before {
		t.Error("something is gone")
	}
	if err := os.RemoveAll(filepath.Join(root, savedJob)); err != nil {
		t.Fatal(err)
	}
	left := filesBelow(t, root)
	doc := &pruneDocument{}
	remove(t, "prune", "apply", plan, "-o", "json").want(t, OK).decode(t, doc)
	if filesBelow(t, root) != left || len(doc.Delete) != 0 || len(doc.Notes) != mostMissing+1 {
		t.Errorf("of what is gone: %+v, notes %v", doc.Delete, doc.Notes)
	}
}

// TestPruneStoppedPlan: where nothing may be deleted, there is nothing to save.
func TestPruneStoppedPlan(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan")
	pruned(t, Refused, old(t, "2.0.0/rescale-claim", threeDays), "--keep-last", "1", "--plan", plan)
	if _, err := os.Stat(plan); !os.IsNotExist(err) {
		t.Error("it was saved")
	}
}

// TestPrunePlanKeepsSecrets: users and passwords are not saved, and may be given again.
func TestPrunePlanKeepsSecrets(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	plan := filepath.Join(t.TempDir(), "plan")
	m := &jobManager{jobs: []fakeJob{{id: savedJob, state: "CANCELED", completed: 1}}}
	secret := strings.Replace(m.url(t), "http://", "http://me:hidden@", 1)
	pruned(t, OK, root, "--keep-last", "1", "--no-other-roots", "--flink-url", secret, "--plan", plan)
	data, err := os.ReadFile(plan)
	if err != nil || strings.Contains(string(data), "hidden") {
		t.Errorf("%v: %s", err, data)
	}
	asked := 0
	m.asked = func(string) { asked++ }
	remove(t, "prune", "apply", plan, "--flink-url", secret).want(t, OK)
	if asked == 0 || strings.Contains(ckpt(t, "verify", root).want(t, OK).out, "chk-1") {
		t.Error("not applied")
	}
}
