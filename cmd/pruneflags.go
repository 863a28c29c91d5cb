package cmd

import (
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/spf13/cobra"
)

// keepOptions are the rules by which checkpoints stay or go.
type keepOptions struct {
	last, hourly, daily, weekly, monthly int
	within                               days
	maxBytes                             bytesValue
	keep                                 []string
	keepFrom                             string
	savepoints                           bool
	removeAll                            []string
	removeDamaged                        bool
	jobs                                 []string
}

func (o *keepOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.IntVar(&o.last, "keep-last", 0, "keep the newest `N` checkpoints of each lineage")
	f.IntVar(&o.hourly, "keep-hourly", 0, "keep the newest of each of the last `N` hours that have any")
	f.IntVar(&o.daily, "keep-daily", 0, "the same for `N` days")
	f.IntVar(&o.weekly, "keep-weekly", 0, "the same for `N` weeks")
	f.IntVar(&o.monthly, "keep-monthly", 0, "the same for `N` months")
	f.Var(&o.within, "keep-within", "keep all of the last time, such as 7d")
	f.Var(&o.maxBytes, "max-bytes", "of what no rule keeps, delete the oldest while a root holds more than this, such as 500G")
	f.StringArrayVar(&o.keep, "keep", nil, "keep the checkpoint `CKPT`, and all that it uses (repeatable)")
	f.StringVar(&o.keepFrom, "keep-from", "", "keep those whose paths `FILE` lists, one a line; - for stdin")
	f.BoolVar(&o.savepoints, "savepoints", false, "the rules count for savepoints as well")
	mustBeTyped(c, "savepoints")
	f.StringArrayVar(&o.removeAll, "remove-all", nil, "keep nothing of the `JOB`, which must have ended (repeatable)")
	f.BoolVar(&o.removeDamaged, "remove-damaged", false, "the rules count for damaged checkpoints as well")
	f.StringArrayVar(&o.jobs, "job", nil, "delete only what belongs to the job of this `ID` (repeatable)")
}

// policy is what the flags ask for.
func (o *keepOptions) policy() (prune.Policy, error) {
	p := prune.Policy{
		Last: o.last, Hourly: o.hourly, Daily: o.daily, Weekly: o.weekly, Monthly: o.monthly,
		Within: time.Duration(o.within), MaxBytes: int64(o.maxBytes), Savepoints: o.savepoints, RemoveDamaged: o.removeDamaged,
	}
	for _, n := range []struct {
		flag  string
		value int
	}{
		{"keep-last", o.last}, {"keep-hourly", o.hourly}, {"keep-daily", o.daily}, {"keep-weekly", o.weekly}, {"keep-monthly", o.monthly},
	} {
		if n.value < 0 {
			return p, usagef("leave it away for no such rule", "--%s %d: want a number from 1 on", n.flag, n.value)
		}
	}
	var err error
	if p.RemoveAll, err = parseJobs("remove-all", o.removeAll); err == nil {
		p.Jobs, err = parseJobs("job", o.jobs)
	}
	return p, err
}

// parseJobs reads the values of a flag that names jobs.
func parseJobs(flag string, values []string) ([]layout.JobID, error) {
	var ids []layout.JobID
	for _, s := range values {
		id, err := layout.ParseJobID(strings.ToLower(s))
		if err != nil {
			return nil, usagef("a job id is the name of the job's directory", "--%s: %v", flag, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// evidenceOptions say where it is known which jobs live.
type evidenceOptions struct {
	clusters         []string
	complete         bool
	haDirs           []string
	ended            []string
	assumeEndedAfter days
}

// everyJob is the value of --ended that stands for all jobs.
const everyJob = "all"

func (o *evidenceOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.clusters, "flink-url", nil, "ask the JobManager at `URL` which jobs live, and what they hold (repeatable)")
	f.BoolVar(&o.complete, "clusters-complete", false, "there are no other clusters: jobs that none of them knows have ended")
	f.StringArrayVar(&o.haDirs, "ha-dir", nil, "what high availability names in `URL` stays; by default what --flink-conf says (repeatable)")
	f.StringArrayVar(&o.ended, "ended", nil, "the job `JOB|all` has ended (repeatable)")
	f.Var(&o.assumeEndedAfter, "assume-ended-after", "a job has ended when nothing was new for so long, such as 14d")
}

// endedJobs are the jobs that the user says have ended, and whether all others have.
func (o *evidenceOptions) endedJobs() (ids []layout.JobID, all bool, err error) {
	named := slices.DeleteFunc(slices.Clone(o.ended), func(s string) bool { return s == everyJob })
	ids, err = parseJobs("ended", named)
	return ids, len(named) < len(o.ended), err
}

func (o *evidenceOptions) validate() error {
	if o.complete && len(o.clusters) == 0 {
		return usagef("name each of them by --flink-url URL", "--clusters-complete: no cluster is named")
	}
	_, _, err := o.endedJobs()
	return err
}

// rootOptions say where snapshots lie, besides the roots themselves.
type rootOptions struct {
	mapOptions
	alsoRoots    []string
	noOtherRoots bool
	entropy      []string
	inventories  []string
}

func (o *rootOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&o.alsoRoots, "also-root", nil, "checkpoints below `URL` may use the same files; nothing is deleted there (repeatable)")
	f.BoolVar(&o.noOtherRoots, "no-other-roots", false, "no checkpoints elsewhere use files of these roots")
	f.StringArrayVar(&o.entropy, "entropy-prefix", nil, "directories of entropy lie below `URL`; only what a deleted checkpoint names goes there (repeatable)")
	f.StringArrayVar(&o.inventories, "inventory", nil, "list data files by the manifest of S3 Inventory at `URL` (repeatable)")
	o.mapOptions.addFlags(c)
}

func (o *rootOptions) validate() error {
	if len(o.alsoRoots) > 0 && o.noOtherRoots {
		return usagef("give the one that is true", "--also-root and --no-other-roots contradict each other")
	}
	return nil
}

// safetyOptions are how careful to be.
type safetyOptions struct {
	minAge, unsafeMinAge days
	unsafe               bool // --unsafe-min-age was given
	maxOrphans           int
	strict               bool
}

func (o *safetyOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.Var(&o.minAge, "min-age", "what changed so shortly ago stays; from 1h on, 6h on object stores (default 24h)")
	f.Var(&o.unsafeMinAge, "unsafe-min-age", "the same, below these floors; 0 if nobody can be writing")
	f.IntVar(&o.maxOrphans, "max-orphan-percent", prune.DefaultSafety().MaxOrphanPercent, "orphans stay where they are more than `N` percent of a job's bytes")
	f.BoolVar(&o.strict, "strict", false, "exit with 3 where any guard keeps something")
}

func (o *safetyOptions) validate(c *cobra.Command, roots []string) error {
	f := c.Flags()
	o.unsafe = f.Changed("unsafe-min-age")
	switch {
	case o.unsafe && f.Changed("min-age"):
		return usagef("give one of them", "--min-age and --unsafe-min-age contradict each other")
	case o.maxOrphans < 0 || o.maxOrphans > 100:
		return usagef("100 holds none back", "--max-orphan-percent %d: want 0 to 100", o.maxOrphans)
	case f.Changed("min-age"):
		return o.checkFloor(roots)
	}
	return nil
}

// checkFloor refuses a minimum age that is too low for the storage.
func (o *safetyOptions) checkFloor(roots []string) error {
	floor, why := prune.FloorMinAge, "an upload may take as long"
	if slices.ContainsFunc(roots, isObjectStore) {
		floor, why = prune.FloorMinAgeCloud, "object stores show uploads late"
	}
	if time.Duration(o.minAge) >= floor {
		return nil
	}
	return usagef("--unsafe-min-age goes below, at your risk", "--min-age %s: want %s or more, as %s", formatDays(time.Duration(o.minAge)), formatDays(floor), why)
}

// isObjectStore tells by its scheme whether url lies in a bucket.
func isObjectStore(url string) bool {
	switch layout.ParsePlace(layout.Canonical(url)).Scheme {
	case "", "file", "mem", "hdfs", "webhdfs", "swebhdfs":
		return false
	}
	return true
}

// safety are the numbers for the plan.
func (o *safetyOptions) safety() prune.Safety {
	s := prune.DefaultSafety()
	s.MaxOrphanPercent = o.maxOrphans
	switch {
	case o.unsafe:
		s.MinAge = time.Duration(o.unsafeMinAge)
	case o.minAge > 0:
		s.MinAge = time.Duration(o.minAge)
	}
	return s
}

// applyOptions say what becomes of a plan.
type applyOptions struct {
	apply, dryRun  bool
	journal, trash string
	list           bool
}

func (o *applyOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.apply, "apply", false, "delete what the plan says")
	o.addOtherFlags(c)
	f.BoolVar(&o.list, "list", false, "table: every file that goes")
}

// addOtherFlags adds those of commands that need no --apply.
func (o *applyOptions) addOtherFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "only show the plan, whatever else is said")
	f.StringVar(&o.journal, "journal", "", "keep the journal below `URL`, not in "+layout.ToolDirName+" of the first root")
	f.StringVar(&o.trash, "trash", "", "move files to `URL` in place of deleting them")
}

// deletes tells whether anything is to be deleted.
func (o *applyOptions) deletes() bool { return o.apply && !o.dryRun }
