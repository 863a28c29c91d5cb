package prune

import (
	"strings"
	"testing"
	"time"
)

// TestRules: what each rule keeps of members that are named by the hours of their age.
func TestRules(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 30, 0, 0, time.UTC) // a Tuesday
	members := func(hours ...int) []member {
		var all []member
		for _, h := range hours {
			all = append(all, member{now.Add(-time.Duration(h) * time.Hour), h >= 0})
		}
		return all
	}
	day := 24
	tests := []struct {
		name    string
		policy  Policy
		members []member
		want    string // K where kept, the oldest first
	}{
		{"none", Policy{}, members(3, 2, 1), "..."},
		{"last", Policy{Last: 2}, members(3, 2, 1), ".KK"},
		{"more than there are", Policy{Last: 9}, members(3, 2, 1), "KKK"},
		{"within", Policy{Within: 2 * time.Hour}, members(3, 2, 1), ".KK"},
		{"hourly", Policy{Hourly: 2}, []member{{now.Add(-90 * time.Minute), true}, {now.Add(-20 * time.Minute), true}, {now.Add(-10 * time.Minute), true}}, "K.K"},
		{"daily takes the newest of each day", Policy{Daily: 2}, members(2*day, day+2, day+1, 2, 1), "..K.K"},
		{"weekly", Policy{Weekly: 2}, members(9*day, 2*day+13, 2*day, day, 1), "..K.K"},
		{"monthly", Policy{Monthly: 2}, members(62*day, 32*day, 31*day, 1), "..KK"},
		{"rules add up", Policy{Last: 1, Monthly: 2}, members(62*day, 32*day, 31*day, 1), "..KK"},
		{"a period without any costs nothing", Policy{Daily: 2}, members(40*day, 1), "KK"},
		{"nothing", Policy{Last: 1}, nil, ""},
	}
	for _, test := range tests {
		var got strings.Builder
		for _, by := range test.policy.rules(test.members, now) {
			if by == "" {
				got.WriteByte('.')
			} else {
				got.WriteByte('K')
			}
		}
		if got.String() != test.want {
			t.Errorf("%s: %s, want %s", test.name, &got, test.want)
		}
	}
}

// TestDamagedDoNotCount: a damaged checkpoint takes no place of a whole one.
func TestDamagedDoNotCount(t *testing.T) {
	now := time.Now()
	p := Policy{Last: 2}
	got := p.rules([]member{{now.Add(-3 * time.Hour), true}, {now.Add(-2 * time.Hour), true}, {now.Add(-time.Hour), false}}, now)
	if got[0] == "" || got[1] == "" || got[2] != "" {
		t.Error(got)
	}
}
