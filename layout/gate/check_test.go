package gate

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const root = "s3://bucket/flink"

// chk is checkpoint n, complete since age, of a state of size bytes, that verifies.
func chk(n, size int64, age time.Duration) Snapshot {
	s := Snapshot{Verdict: verify.OK, Operators: []Operator{}}
	s.Name, s.Number, s.Numbered = layout.CheckpointID(n).Dir(), layout.CheckpointID(n), true
	s.Dir = jobA + "/" + s.Name
	s.ID, s.HasID, s.Kind, s.State = n, true, layout.Checkpoint, layout.Complete
	s.Entry.Metadata = &layout.Object{Key: s.Dir + "/_metadata", Modified: now.Add(-age)}
	s.Summary = &metadata.Summary{ID: n, Sizes: metadata.Sizes{State: size}}
	return s
}

// in is s in another state.
func in(state layout.State, s Snapshot) Snapshot {
	s.State, s.Summary, s.Operators, s.Verdict = state, nil, nil, verify.Unreadable
	if state == layout.Unreadable {
		s.Err = &fs.PathError{Op: "open", Path: s.Dir, Err: fs.ErrPermission}
	}
	return s
}

func with(verdict verify.Verdict, s Snapshot) Snapshot { s.Verdict = verdict; return s }

func having(operators []Operator, s Snapshot) Snapshot { s.Operators = operators; return s }

func savepoint(s Snapshot) Snapshot { s.Kind = layout.Savepoint; return s }

// timeless is a checkpoint of a storage without times.
func timeless(s Snapshot) Snapshot {
	s.Entry.Metadata = &layout.Object{}
	return s
}

// factsOf are all that there is of one job.
func factsOf(t testing.TB, snapshots ...Snapshot) Facts {
	job := id(t, jobA)
	return Facts{Root: root, Now: now, Jobs: []Job{{ID: &job, Snapshots: snapshots, Orphans: Orphans{Known: true}}}, Outside: Orphans{Known: true}}
}

// short is a breach in a line: ! for what does not hold, ? for what is unclear.
func short(b Breach) string {
	mark := "!"
	if b.Unclear {
		mark = "?"
	}
	return fmt.Sprintf("%s%s %s: %s", mark, b.Rule, strings.TrimPrefix(b.Path, root), b.Message)
}

func compare(t *testing.T, name, want string, got []Breach) {
	t.Helper()
	var lines []string
	for _, b := range got {
		lines = append(lines, short(b))
	}
	if diff := cmp.Diff(want, strings.Join(lines, "\n")); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

const at6 = "/" + jobA + "/chk-6"

func TestMaxAge(t *testing.T) {
	const h = time.Hour
	for name, c := range map[string]struct {
		of   []Snapshot
		want string
	}{
		"younger":   {[]Snapshot{chk(6, 1, h)}, ""},
		"equal":     {[]Snapshot{chk(5, 1, 50*h), chk(6, 1, 36*h)}, ""},
		"older":     {[]Snapshot{chk(6, 1, 36*h+1)}, "!maxAge " + at6 + ": the newest checkpoint is 36h0m0s old, and 36h0m0s are allowed"},
		"only just": {[]Snapshot{chk(6, 1, -time.Minute)}, ""},
		"clocks":    {[]Snapshot{chk(6, 1, -time.Minute-1)}, "?maxAge " + at6 + ": the newest checkpoint is 1m0.000000001s in the future, so clocks disagree"},
		"no time":   {[]Snapshot{timeless(chk(6, 1, 0))}, "?maxAge " + at6 + ": the storage tells no time of the newest checkpoint"},
		"none":      {nil, "!maxAge : no complete checkpoint"},
		"not yet":   {[]Snapshot{in(layout.InProgress, chk(6, 1, 0))}, "!maxAge : no complete checkpoint"},
		"savepoint": {[]Snapshot{savepoint(chk(6, 1, 0))}, "!maxAge : no complete checkpoint"},
		"corrupt":   {[]Snapshot{chk(6, 1, 2*h), in(layout.Corrupt, chk(7, 1, h))}, ""},
		"unreadable": {[]Snapshot{chk(6, 1, 2*h), in(layout.Unreadable, chk(7, 1, h))},
			"?maxAge : which checkpoint is the newest is not known: open " + jobA + "/chk-7: permission denied: it may be newer than chk-6"},
		"an older one": {[]Snapshot{in(layout.Unreadable, chk(5, 1, 3*h)), chk(6, 1, 2*h)}, ""},
		"lineages": {[]Snapshot{chk(6, 1, 3*h), chk(1, 1, h)},
			"?maxAge : which checkpoint is the newest is not known: " + root + ": ids and times of the checkpoints disagree, so several lineages lie here: " +
				root + at6 + " (2026-03-01T09:00:00Z), " + root + "/" + jobA + "/chk-1 (2026-03-01T11:00:00Z)"},
	} {
		compare(t, name, c.want, Check(&Policy{Rules: Rules{MaxAge: 36 * h}}, factsOf(t, c.of...)))
	}
}

func TestNewestByOrder(t *testing.T) {
	f := factsOf(t, chk(6, 1, 3*time.Hour), chk(1, 1, time.Hour))
	p := &Policy{Rules: Rules{MaxAge: 2 * time.Hour}}
	f.By = layout.ByTime
	compare(t, "by time", "", Check(p, f))
	f.By = layout.ByID
	compare(t, "by id", "!maxAge "+at6+": the newest checkpoint is 3h0m0s old, and 2h0m0s are allowed", Check(p, f))
}

func TestMaxGrowth(t *testing.T) {
	const h = time.Hour
	percent := func(n int64) *Growth { return &Growth{n * 10_000, true} }
	for name, c := range map[string]struct {
		limit *Growth
		of    []Snapshot
		want  string
	}{
		"equal":           {percent(20), []Snapshot{chk(4, 1, 3*h), chk(5, 100, 2*h), chk(6, 120, h)}, ""},
		"over":            {percent(20), []Snapshot{chk(5, 100, 2*h), chk(6, 121, h)}, "!maxGrowth " + at6 + ": the state grew from 100 bytes in chk-5 to 121 bytes, and 20% are allowed"},
		"shrunk":          {percent(0), []Snapshot{chk(5, 100, 2*h), chk(6, 1, h)}, ""},
		"shrunk, bytes":   {&Growth{}, []Snapshot{chk(5, 100, 2*h), chk(6, 1, h)}, ""},
		"bytes, equal":    {&Growth{Amount: 1}, []Snapshot{chk(5, 100, 2*h), chk(6, 101, h)}, ""},
		"bytes, over":     {&Growth{Amount: 1}, []Snapshot{chk(5, 100, 2*h), chk(6, 102, h)}, "!maxGrowth " + at6 + ": the state grew from 100 bytes in chk-5 to 102 bytes, and 1 byte are allowed"},
		"from nothing":    {percent(900), []Snapshot{chk(5, 0, 2*h), chk(6, 1, h)}, "!maxGrowth " + at6 + ": the state grew from 0 bytes in chk-5 to 1 byte, and 900% are allowed"},
		"nothing":         {percent(0), []Snapshot{chk(5, 0, 2*h), chk(6, 0, h)}, ""},
		"enormous, equal": {percent(100), []Snapshot{chk(5, math.MaxInt64/2, 2*h), chk(6, math.MaxInt64-1, h)}, ""},
		"enormous, over": {percent(100), []Snapshot{chk(5, math.MaxInt64/2, 2*h), chk(6, math.MaxInt64, h)},
			"!maxGrowth " + at6 + ": the state grew from 4611686018427387903 bytes in chk-5 to 9223372036854775807 bytes, and 100% are allowed"},
		"the only one":  {percent(20), []Snapshot{chk(6, 1, h)}, "?maxGrowth " + at6 + ": there is no checkpoint before it to compare with"},
		"none":          {percent(20), nil, "!maxGrowth : no complete checkpoint"},
		"savepoint":     {percent(20), []Snapshot{savepoint(chk(5, 1, 2*h)), chk(6, 9, h)}, "?maxGrowth " + at6 + ": there is no checkpoint before it to compare with"},
		"negative size": {percent(20), []Snapshot{chk(5, -1, 2*h), chk(6, 9, h)}, "?maxGrowth " + at6 + ": the size of the state is not known"},
		"not the one before": {percent(20), []Snapshot{chk(4, 1, 3*h), in(layout.Unreadable, chk(5, 1, 2*h)), chk(6, 1, h)},
			"?maxGrowth " + at6 + ": which checkpoint is the one before is not known: open " + jobA + "/chk-5: permission denied: it may be newer than chk-4"},
		"not the newest": {percent(20), []Snapshot{chk(5, 1, 2*h), in(layout.Unreadable, chk(6, 1, h))},
			"?maxGrowth : which checkpoint is the newest is not known: open " + jobA + "/chk-6: permission denied: it may be newer than chk-5"},
	} {
		compare(t, name, c.want, Check(&Policy{Rules: Rules{MaxGrowth: c.limit}}, factsOf(t, c.of...)))
	}
}

func TestRequiredUIDs(t *testing.T) {
	const h = time.Hour
	recorded := []Operator{{metadata.OperatorID{1}, "src"}, {metadata.OperatorIDOf("agg"), "agg"}}
	hashed := []Operator{{metadata.OperatorIDOf("src"), ""}, {metadata.OperatorIDOf("agg"), ""}, {metadata.OperatorIDOf("sink"), ""}}
	for name, c := range map[string]struct {
		of   []Snapshot
		want string
	}{
		"recorded":    {[]Snapshot{having(recorded, chk(6, 1, h))}, ""},
		"hashes only": {[]Snapshot{having(hashed, chk(6, 1, h))}, ""},
		"not there": {[]Snapshot{having(recorded, chk(5, 1, 2*h)), having(hashed[1:], chk(6, 1, h))},
			"!requiredUids " + at6 + `: the newest checkpoint has no operator with the uid "src"`},
		"no operators": {[]Snapshot{chk(6, 1, h)}, "!requiredUids " + at6 + `: the newest checkpoint has no operator with the uid "src", "agg"`},
		"not known":    {[]Snapshot{having(nil, chk(6, 1, h))}, "?requiredUids " + at6 + ": the operators of the newest checkpoint are not known"},
		"none":         {nil, "!requiredUids : no complete checkpoint"},
	} {
		compare(t, name, c.want, Check(&Policy{Rules: Rules{RequiredUIDs: []string{"src", "agg"}}}, factsOf(t, c.of...)))
	}
}

func TestMinRestorable(t *testing.T) {
	const h = time.Hour
	for name, c := range map[string]struct {
		of   []Snapshot
		want string
	}{
		"equal":       {[]Snapshot{chk(5, 1, h), chk(6, 1, h)}, ""},
		"too few":     {[]Snapshot{chk(6, 1, h)}, "!minRestorable : 1 checkpoint verifies, and 2 should"},
		"none":        {nil, "!minRestorable : 0 checkpoints verify, and 2 should"},
		"damaged":     {[]Snapshot{with(verify.Damaged, chk(5, 1, h)), chk(6, 1, h)}, "!minRestorable : 1 checkpoint verifies, and 2 should"},
		"corrupt":     {[]Snapshot{in(layout.Corrupt, chk(5, 1, h)), chk(6, 1, h)}, "!minRestorable : 1 checkpoint verifies, and 2 should"},
		"not yet":     {[]Snapshot{in(layout.InProgress, chk(5, 1, h)), chk(6, 1, h)}, "!minRestorable : 1 checkpoint verifies, and 2 should"},
		"savepoint":   {[]Snapshot{savepoint(chk(5, 1, h)), chk(6, 1, h)}, "!minRestorable : 1 checkpoint verifies, and 2 should"},
		"in doubt":    {[]Snapshot{with(verify.Unreadable, chk(5, 1, h)), chk(6, 1, h)}, "?minRestorable : 1 checkpoint verifies, and 2 should; of 1 it is not known"},
		"unchecked":   {[]Snapshot{with("", chk(5, 1, h)), chk(6, 1, h)}, "?minRestorable : 1 checkpoint verifies, and 2 should; of 1 it is not known"},
		"unsupported": {[]Snapshot{in(layout.Unsupported, chk(5, 1, h)), chk(6, 1, h)}, "?minRestorable : 1 checkpoint verifies, and 2 should; of 1 it is not known"},
		"doubt is too little": {[]Snapshot{with(verify.Unreadable, chk(4, 1, h)), with(verify.Damaged, chk(5, 1, h))},
			"!minRestorable : 0 checkpoints verify, and 2 should"},
		"doubt does not matter": {[]Snapshot{with(verify.Unreadable, chk(4, 1, h)), chk(5, 1, h), chk(6, 1, h)}, ""},
	} {
		compare(t, name, c.want, Check(&Policy{Rules: Rules{MinRestorable: 2}}, factsOf(t, c.of...)))
	}
}

func TestMaxOrphanBytes(t *testing.T) {
	for name, c := range map[string]struct {
		limit        int64
		job, outside Orphans
		want         string
	}{
		"none":           {0, Orphans{0, true}, Orphans{0, true}, ""},
		"equal":          {7, Orphans{7, true}, Orphans{7, true}, ""},
		"over":           {7, Orphans{8, true}, Orphans{0, true}, "!maxOrphanBytes : 8 bytes are used by no checkpoint, and 7 bytes are allowed"},
		"outside":        {7, Orphans{0, true}, Orphans{8, true}, "!maxOrphanBytes : 8 bytes are used by no checkpoint, and 7 bytes are allowed"},
		"at least":       {7, Orphans{7, false}, Orphans{0, true}, "?maxOrphanBytes : at least 7 bytes are used by no checkpoint, and there may be more than the 7 bytes that are allowed"},
		"in any case":    {7, Orphans{8, false}, Orphans{0, true}, "!maxOrphanBytes : 8 bytes are used by no checkpoint, and 7 bytes are allowed"},
		"nobody counted": {1, Orphans{0, true}, Orphans{}, "?maxOrphanBytes : at least 0 bytes are used by no checkpoint, and there may be more than the 1 byte that are allowed"},
	} {
		f := factsOf(t)
		f.Jobs[0].Orphans, f.Outside = c.job, c.outside
		compare(t, name, c.want, Check(&Policy{Rules: Rules{MaxOrphanBytes: &c.limit}}, f))
	}
}

// What was not listed may hold what a rule misses, or be newer than all that was.
func TestUnlisted(t *testing.T) {
	f := factsOf(t, chk(5, 1, 2*time.Hour), chk(6, 1, time.Hour))
	f.Unlisted = errors.New("no right to list")
	const newest = ": which checkpoint is the newest is not known: not all could be listed: no right to list"
	p := &Policy{Rules: Rules{MaxGrowth: &Growth{Amount: 9}, RequiredUIDs: []string{"a"}, MinRestorable: 3, MaxAge: 5 * time.Hour}}
	compare(t, "unlisted", strings.Join([]string{
		"?maxGrowth " + newest,
		"?requiredUids " + newest,
		"?minRestorable : 2 checkpoints verify, and 3 should; not all could be listed: no right to list",
		"?maxAge " + newest,
	}, "\n"), Check(p, f))
	p = &Policy{Rules: Rules{MinRestorable: 2}}
	compare(t, "enough in any case", "", Check(p, f))
}

func TestJobs(t *testing.T) {
	a, b := id(t, jobA), id(t, jobB)
	strict, lenient := Rules{MinRestorable: 2}, Rules{MinRestorable: 1}
	one := []Snapshot{chk(6, 1, time.Hour)}
	const twoAsked = "!minRestorable : 1 checkpoint verifies, and 2 should"
	for name, c := range map[string]struct {
		policy Policy
		root   string
		jobs   []Job
		want   string
	}{
		"rules of all":      {Policy{Rules: strict}, root, []Job{{ID: &a, Snapshots: one}, {ID: &b, Snapshots: one}}, twoAsked + "\n" + twoAsked},
		"its own":           {Policy{Rules: strict, Jobs: map[layout.JobID]Rules{a: lenient}}, root, []Job{{ID: &a, Snapshots: one}, {ID: &b, Snapshots: one}}, twoAsked},
		"off":               {Policy{Rules: strict, Jobs: map[layout.JobID]Rules{a: {}}}, root, []Job{{ID: &a}}, ""},
		"off, and not here": {Policy{Rules: lenient, Jobs: map[layout.JobID]Rules{b: {}}}, root, []Job{{ID: &a, Snapshots: one}}, ""},
		"without an id":     {Policy{Rules: strict}, root, []Job{{Snapshots: one}}, twoAsked},
		"no job":            {Policy{Rules: lenient}, root, nil, "?jobs : no job lies here, so that nothing could be asked"},
		"not here": {Policy{Jobs: map[layout.JobID]Rules{a: lenient, b: lenient}}, root, []Job{{ID: &a, Snapshots: one}},
			"?jobs : the gate has rules for job " + jobB + ", and it does not lie here"},
		"cannot be here":   {Policy{Jobs: map[layout.JobID]Rules{a: lenient, b: lenient}}, root + "/" + jobA, []Job{{ID: &a, Snapshots: one}}, ""},
		"should be here":   {Policy{Jobs: map[layout.JobID]Rules{a: lenient}}, root + "/" + jobA, nil, "?jobs /" + jobA + ": the gate has rules for job " + jobA + ", and it does not lie here"},
		"nothing is asked": {Policy{}, root, nil, ""},
	} {
		f := Facts{Root: c.root, Now: now, Jobs: c.jobs}
		compare(t, name, c.want, Check(&c.policy, f))
	}
}

// Each breach answers a question.
func TestQuestions(t *testing.T) {
	f := factsOf(t)
	p := &Policy{Rules: Rules{MaxOrphanBytes: new(int64), MaxGrowth: &Growth{}, RequiredUIDs: []string{"a"}, MinRestorable: 1, MaxAge: 1}}
	p.Jobs = map[layout.JobID]Rules{id(t, jobB): p.Rules}
	f.Jobs[0].Orphans.Known, f.Outside.Known = false, false
	want := []Question{
		{MaxOrphanBytes, jobA}, {MaxGrowth, jobA}, {RequiredUIDs, jobA}, {MinRestorable, jobA}, {MaxAge, jobA}, {MaxOrphanBytes, ""}, {Jobs, jobB},
	}
	if diff := cmp.Diff(want, Questions(p, f)); diff != "" {
		t.Error(diff)
	}
	var answered []Question
	for _, b := range Check(p, f) {
		answered = append(answered, b.Question)
	}
	if diff := cmp.Diff(want, answered); diff != "" {
		t.Error(diff)
	}
}

func TestHints(t *testing.T) {
	p := &Policy{Rules: Rules{MaxAge: time.Hour}}
	got := Check(p, factsOf(t, chk(6, 1, 3*time.Hour), chk(1, 1, time.Hour)))
	if len(got) != 1 || !strings.Contains(got[0].Hint, "--by id") {
		t.Errorf("no hint of layout's: %+v", got)
	}
}
