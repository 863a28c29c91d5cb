package prune

import (
	"fmt"
	"time"
)

// member is a snapshot of a lineage, as the rules see it.
type member struct {
	at    time.Time
	whole bool
}

// rules tell which members of a lineage, the oldest first, the policy keeps, and by which
// rule: "" for those that it does not keep. Damaged ones do not count, and none is kept by
// a rule.
func (p *Policy) rules(members []member, now time.Time) []string {
	kept := make([]string, len(members))
	count, left := 0, p.periods()
	for i := len(members) - 1; i >= 0; i-- {
		m := members[i]
		if !m.whole {
			continue
		}
		count++
		switch {
		case count <= p.Last:
			kept[i] = fmt.Sprintf("--keep-last %d", p.Last)
		case p.Within > 0 && now.Sub(m.at) <= p.Within:
			kept[i] = "--keep-within"
		}
		for k := range left {
			if by := left[k].take(m.at); by != "" && kept[i] == "" {
				kept[i] = by
			}
		}
	}
	return kept
}

// period is a rule that keeps the newest of each hour, day, week or month.
type period struct {
	name string
	n    int
	of   func(time.Time) string
	last string
	left int
}

func (p *Policy) periods() []period {
	return []period{
		{name: "--keep-hourly", n: p.Hourly, left: p.Hourly, of: func(t time.Time) string { return t.Format("2006-01-02T15") }},
		{name: "--keep-daily", n: p.Daily, left: p.Daily, of: func(t time.Time) string { return t.Format(time.DateOnly) }},
		{name: "--keep-weekly", n: p.Weekly, left: p.Weekly, of: func(t time.Time) string {
			year, week := t.ISOWeek()
			return fmt.Sprintf("%d-W%02d", year, week)
		}},
		{name: "--keep-monthly", n: p.Monthly, left: p.Monthly, of: func(t time.Time) string { return t.Format("2006-01") }},
	}
}

// take keeps the first that it sees of each period, in UTC: everybody's plan is the same.
func (r *period) take(t time.Time) string {
	in := r.of(t.UTC())
	if r.left == 0 || in == r.last {
		return ""
	}
	r.last = in
	r.left--
	return fmt.Sprintf("%s %d", r.name, r.n)
}
