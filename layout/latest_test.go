package layout

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

// entry reads "A/chk-3 [savepoint] [id=N] [STATE] [HOURS [ms=MILLISECONDS]]": a
// snapshot of job A, of that long after noon.
func entry(t *testing.T, s string) Entry {
	t.Helper()
	fields := strings.Fields(s)
	dir := expand(fields[:1])[0]
	s2 := newTestTree(dir + "/_metadata")
	e := Entry{Snapshot: scan(t, s2).Snapshots[0], State: Complete, Kind: Checkpoint}
	e.ID, e.HasID = int64(e.Number), e.Numbered
	for _, f := range fields[1:] {
		key, value, _ := strings.Cut(f, "=")
		n, err := strconv.Atoi(cmp.Or(value, key))
		switch {
		case key == "id":
			e.ID, e.HasID = int64(n), true
		case key == "ms":
			e.Metadata.Modified = e.Metadata.Modified.Add(time.Duration(n) * time.Millisecond)
		case err == nil:
			e.Metadata.Modified = now.Add(time.Duration(n-24) * time.Hour)
		case f == "notime":
			e.Metadata.Modified = time.Time{}
		case f == "savepoint":
			e.Kind = Savepoint
		default:
			e.State = State(f)
		}
	}
	switch e.State {
	case Incomplete, InProgress:
		e.Metadata = nil
	case Unreadable:
		e.Err = &fs.PathError{Op: "open", Path: "/root/" + e.Dir, Err: fs.ErrPermission}
	case Unsupported:
		e.Reason, e.Err = "metadata version 7", &metadata.Error{Kind: metadata.Unsupported}
	}
	return e
}

func TestLatest(t *testing.T) {
	job := func(s string) *JobID {
		id, err := ParseJobID(s)
		if err != nil {
			t.Fatal(err)
		}
		return &id
	}
	const sp = "sp/savepoint-0dabe5-06ac01f92fa"
	for name, c := range map[string]struct {
		entries []string
		opts    LatestOptions
		want    string // directory, or the kind of error and what it must name
	}{
		"the highest":                      {[]string{"A/chk-9 1", "A/chk-10 2", "A/chk-2 0"}, LatestOptions{}, "A/chk-10"},
		"at the root":                      {[]string{"chk-1 1", "chk-2 2"}, LatestOptions{}, "chk-2"},
		"only the complete count":          {[]string{"A/chk-1 1", "A/chk-2 incomplete", "A/chk-3 in-progress"}, LatestOptions{}, "A/chk-1"},
		"a newer corrupt one is no answer": {[]string{"A/chk-1 1", "A/chk-2 corrupt 2"}, LatestOptions{}, "A/chk-1 broken A/chk-2"},
		"nor an older one a matter":        {[]string{"A/chk-1 corrupt 1", "A/chk-2 2"}, LatestOptions{}, "A/chk-2"},
		"nor a damaged one":                {[]string{"A/chk-1 1", "A/chk-2 damaged 2"}, LatestOptions{}, "A/chk-1 broken A/chk-2"},
		"a newer one cannot be read":       {[]string{"A/chk-1 1", "A/chk-2 unreadable 2"}, LatestOptions{}, "permission: A/chk-2"},
		"an older one cannot be read":      {[]string{"A/chk-1 unreadable 1", "A/chk-2 2"}, LatestOptions{}, "A/chk-2"},
		"older by id, newer by time":       {[]string{"A/chk-1 unreadable 3", "A/chk-2 2"}, LatestOptions{}, "permission: A/chk-1"},
		"none can be read":                 {[]string{"A/chk-1 unreadable 1"}, LatestOptions{}, "permission: A/chk-1"},
		"a newer one of a newer Flink":     {[]string{"A/chk-1 1", "A/chk-2 unsupported 2"}, LatestOptions{}, "not checkpoint: A/chk-2"},
		"none":                             {nil, LatestOptions{}, "not found: no complete checkpoint"},
		"none complete":                    {[]string{"A/chk-1 corrupt", "A/chk-2 incomplete", "A/chk-3 incomplete"}, LatestOptions{}, "not found: 1 corrupt checkpoint, 2 incomplete checkpoint"},

		"two jobs":             {[]string{"A/chk-1 1", "B/chk-5 2"}, LatestOptions{}, "ambiguous: A/chk-1 B/chk-5"},
		"two jobs, one asked":  {[]string{"A/chk-1 1", "B/chk-5 2"}, LatestOptions{Job: job(jobA)}, "A/chk-1"},
		"another job asked":    {[]string{"A/chk-1 1"}, LatestOptions{Job: job(jobB)}, "not found: 1 of another job"},
		"no job, one asked":    {[]string{"chk-1 1"}, LatestOptions{Job: job(jobB)}, "not found: 1 of another job"},
		"an empty second job":  {[]string{"A/chk-1 1", "B/chk-5 incomplete"}, LatestOptions{}, "A/chk-1"},
		"an unreadable second": {[]string{"A/chk-1 1", "B/chk-5 unreadable 0"}, LatestOptions{}, "ambiguous: A/chk-1 B/chk-5"},
		"two copies of a job":  {[]string{"x/A/chk-1 1", "y/A/chk-1 2"}, LatestOptions{Job: job(jobA)}, "ambiguous: x/A/chk-1 y/A/chk-1"},
		"two trees, no job":    {[]string{"x/chk-1 1", "y/chk-1 2"}, LatestOptions{}, "ambiguous: x/chk-1 y/chk-1"},

		"ids and times disagree":    {[]string{"chk-8 1", "chk-9 2", "chk-1 3", "chk-2 4"}, LatestOptions{}, "ambiguous: chk-9 chk-2"},
		"by id":                     {[]string{"chk-8 1", "chk-9 2", "chk-1 3", "chk-2 4"}, LatestOptions{By: ByID}, "chk-9"},
		"by time":                   {[]string{"chk-8 1", "chk-9 2", "chk-1 3", "chk-2 4"}, LatestOptions{By: ByTime}, "chk-2"},
		"they agree on the newest":  {[]string{"chk-9 1", "chk-1 2", "chk-10 3"}, LatestOptions{}, "chk-10"},
		"times of one second":       {[]string{"chk-9 1", "chk-8 1 ms=900"}, LatestOptions{}, "chk-9"},
		"times of two seconds":      {[]string{"chk-9 1", "chk-8 1 ms=1000"}, LatestOptions{}, "ambiguous: chk-9 chk-8"},
		"equal times do not matter": {[]string{"A/chk-9 1", "A/chk-10 1", "A/chk-8 1"}, LatestOptions{}, "A/chk-10"},

		"savepoints do not count":          {[]string{"A/chk-1 1", sp + "0 savepoint id=2 2"}, LatestOptions{}, "A/chk-1"},
		"unless asked":                     {[]string{"A/chk-1 1", sp + "0 savepoint id=2 2"}, LatestOptions{Savepoints: true}, sp + "0"},
		"an older savepoint":               {[]string{"A/chk-3 3", sp + "0 savepoint id=2 2"}, LatestOptions{Savepoints: true}, "A/chk-3"},
		"savepoints alone, not asked":      {[]string{sp + "0 savepoint id=2 2"}, LatestOptions{}, "not found: 1 complete savepoint"},
		"savepoints alone":                 {[]string{sp + "0 savepoint id=2 2", sp + "1 savepoint id=3 3"}, LatestOptions{Savepoints: true}, sp + "1"},
		"savepoints of a job asked":        {[]string{sp + "0 savepoint id=2 2", "sp/savepoint-495d85-06ac01f92faa savepoint id=9 9"}, LatestOptions{Savepoints: true, Job: job(jobB)}, "sp/savepoint-495d85-06ac01f92faa"},
		"a savepoint of another job":       {[]string{"B/chk-1 1", sp + "0 savepoint id=2 2"}, LatestOptions{Savepoints: true}, "ambiguous: B/chk-1 " + sp + "0"},
		"a savepoint of which copy":        {[]string{"x/A/chk-1 1", "y/A/chk-1 1", sp + "0 savepoint id=2 2"}, LatestOptions{Savepoints: true}, "ambiguous: x/A/chk-1 y/A/chk-1 " + sp + "0"},
		"a savepoint of who knows":         {[]string{"A/chk-1 1", "sp/renamed savepoint id=2 2"}, LatestOptions{Savepoints: true}, "ambiguous: A/chk-1 sp/renamed"},
		"two savepoints of who knows":      {[]string{"sp/a savepoint id=2 2", "sp/b savepoint id=3 3"}, LatestOptions{Savepoints: true}, "ambiguous: sp/a sp/b"},
		"a savepoint that cannot be read":  {[]string{"A/chk-1 1", sp + "0 savepoint unreadable 2"}, LatestOptions{Savepoints: true}, "permission: " + sp + "0"},
		"nor its id, be it older":          {[]string{"A/chk-1 1", "A/s savepoint unreadable 0"}, LatestOptions{Savepoints: true}, "permission: A/s"},
		"nor its time, of a lower id":      {[]string{"A/chk-2 1", "A/chk-1 unreadable notime"}, LatestOptions{}, "permission: A/chk-1"},
		"which is none of my business":     {[]string{"A/chk-1 1", sp + "0 savepoint unreadable 2"}, LatestOptions{}, "A/chk-1"},
		"a savepoint within the job":       {[]string{"A/chk-1 1", "A/s savepoint id=2 2"}, LatestOptions{Savepoints: true}, "A/s"},
		"a savepoint by a checkpoint name": {[]string{"A/chk-1 1", "A/chk-2 savepoint 2"}, LatestOptions{}, "A/chk-1"},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []Entry
			for _, s := range c.entries {
				entries = append(entries, entry(t, s))
			}
			for range 2 { // the order of the entries does not matter
				if got := answer(Latest("/root", entries, c.opts)); !answers(got, c.want) {
					t.Errorf("got %s, want %s", got, c.want)
				}
				slices.Reverse(entries)
			}
		})
	}
}

// answer puts what Latest says into a line.
func answer(choice *Choice, err error) string {
	var notFound *NotFoundError
	var not *NotCheckpointError
	var ambiguous *AmbiguousError
	short := strings.NewReplacer(jobA, "A", jobB, "B", "/root/", "").Replace
	switch {
	case errors.As(err, &notFound):
		return "not found: " + notFound.Message
	case errors.As(err, &not):
		return short("not checkpoint: " + not.Path)
	case errors.As(err, &ambiguous):
		line := "ambiguous:"
		for _, c := range ambiguous.Candidates {
			line += " " + c.Path
		}
		return short(line)
	case errors.Is(err, fs.ErrPermission):
		return short("permission: " + err.Error())
	case err != nil:
		return err.Error()
	}
	line := choice.Dir
	for _, b := range choice.Broken {
		line += " broken " + b.Dir
	}
	return short(line)
}

// answers compares exactly, but for errors in words. Candidates come in any order.
func answers(got, want string) bool {
	kind, rest, isError := strings.Cut(want, ": ")
	if kind == "ambiguous" {
		a, b := strings.Fields(got), strings.Fields(want)
		slices.Sort(a)
		slices.Sort(b)
		return slices.Equal(a, b)
	}
	return got == want || isError && strings.HasPrefix(got, kind+": ") && strings.Contains(got, rest)
}

func TestAmbiguousError(t *testing.T) {
	e := &AmbiguousError{Path: "/root", Message: "many"}
	for i := range 11 {
		e.Candidates = append(e.Candidates, Candidate{Path: fmt.Sprint("/root/", i), Modified: now})
	}
	got := e.Error()
	if !strings.HasPrefix(got, "/root: many: /root/0 (2026-03-01T12:00:00Z), /root/1 (") || !strings.HasSuffix(got, "/root/7 (2026-03-01T12:00:00Z) and 3 more") {
		t.Error(got)
	}
}
