package usage

import (
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

func TestClassify(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	old, young := now.Add(-time.Hour), now.Add(-time.Minute)
	for name, c := range map[string]struct {
		change func(*Facts)
		class  Class
		reason Reason
	}{
		"old and unused":                 {func(*Facts) {}, Orphan, NoReason},
		"used":                           {func(f *Facts) { f.Used = true }, Referenced, NoReason},
		"used outranks all":              {func(f *Facts) { f.Used, f.Unread, f.Area, f.Doubt = true, true, layout.OtherArea, true }, Referenced, NoReason},
		"young":                          {func(f *Facts) { f.Modified = young }, InFlight, NoReason},
		"as old as the grace":            {func(f *Facts) { f.Modified = now.Add(-f.Grace) }, Orphan, NoReason},
		"in the future":                  {func(f *Facts) { f.Modified = now.Add(time.Hour) }, InFlight, NoReason},
		"young, and of no name":          {func(f *Facts) { f.Modified, f.Named = young, false }, InFlight, NoReason},
		"young, and there is a doubt":    {func(f *Facts) { f.Modified, f.Doubt = young, true }, InFlight, NoReason},
		"in progress":                    {func(f *Facts) { f.Pending = true }, InFlight, NoReason},
		"meant for one in progress":      {func(f *Facts) { f.Upcoming = true }, InFlight, NoReason},
		"not in Flink's directories":     {func(f *Facts) { f.Area = layout.OtherArea }, Unknown, NotFlinks},
		"nor if it is young":             {func(f *Facts) { f.Area, f.Modified = layout.OtherArea, young }, Unknown, NotFlinks},
		"not of Flink's names":           {func(f *Facts) { f.Named = false }, Unknown, NotFlinks},
		"a broken _metadata":             {func(f *Facts) { f.Unread = true }, Unknown, Unread},
		"a broken _metadata that is new": {func(f *Facts) { f.Unread, f.Modified = true, young }, Unknown, Unread},
		"in a managed directory":         {func(f *Facts) { f.Managed = true }, Unknown, Managed},
		"a namesake":                     {func(f *Facts) { f.Namesake = true }, Unknown, Namesake},
		"no snapshots":                   {func(f *Facts) { f.Unwitnessed = true }, Unknown, Unwitnessed},
		"no time":                        {func(f *Facts) { f.Modified = time.Time{} }, Unknown, Timeless},
		"no time, in progress":           {func(f *Facts) { f.Modified, f.Pending = time.Time{}, true }, InFlight, NoReason},
		"a doubt":                        {func(f *Facts) { f.Doubt = true }, Unknown, Unsettled},
		"no name, and a doubt":           {func(f *Facts) { f.Named, f.Doubt = false, true }, Unknown, NotFlinks},
	} {
		for _, area := range []layout.Area{layout.SnapshotArea, layout.SharedArea, layout.TaskOwnedArea, layout.ChangelogArea} {
			f := Facts{Now: now, Grace: 15 * time.Minute, Area: area, Named: true, Modified: old}
			c.change(&f)
			if class, reason := Classify(f); class != c.class || reason != c.reason {
				t.Errorf("%s, area %d: %s (%s), want %s (%s)", name, area, class, reason, c.class, c.reason)
			}
		}
	}
}

// TestReasons: each reason can be told to people and to scripts.
func TestReasons(t *testing.T) {
	names := map[string]bool{}
	for r := Unread; int(r) < len(reasonNames); r++ {
		if r.String() == "" || r.Text() == "" || names[r.String()] {
			t.Errorf("reason %d: %q, %q", r, r, r.Text())
		}
		names[r.String()] = true
	}
}

func TestJoin(t *testing.T) {
	seg := func(o layout.ObjectID, from, to int64) layout.Segment {
		return layout.Segment{Object: o, Start: from, End: to}
	}
	got := join([]layout.Segment{seg(2, 0, 5), seg(1, 10, 20), seg(1, 0, 4), seg(1, 4, 6), seg(1, 12, 15), seg(1, 0, 4), seg(3, 0, 0)})
	want := []layout.Segment{seg(1, 0, 6), seg(1, 10, 20), seg(2, 0, 5), seg(3, 0, 0)}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got[i], want[i])
		}
	}
}
