package stream

import (
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

func TestKeyGroups(t *testing.T) {
	h := &metadata.KeyGroupsHandle{
		Range:   metadata.KeyGroupRange{First: 10, Last: 15},
		Offsets: []int64{100, 0, 150, 0, 900, 120},
	}
	groups := KeyGroups(h, 500, 0)
	want := []KeyGroup{{10, 100, 120, false}, {12, 150, 500, false}, {14, 900, 500, true}, {15, 120, 150, false}}
	if !slices.Equal(groups, want) {
		t.Errorf("%v", groups)
	}
	if got := KeyGroups(h, 500, -1); len(got) != 6 || got[1] != (KeyGroup{11, 0, 100, false}) {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		r    metadata.KeyGroupRange
		want []KeyGroup
	}{
		{metadata.KeyGroupRange{First: 0, Last: 99}, want},
		{metadata.KeyGroupRange{First: 11, Last: 14}, want[1:3]},
		{metadata.KeyGroupRange{First: 11, Last: 11}, nil},
		{metadata.KeyGroupRange{First: 16, Last: 99}, nil},
		{metadata.KeyGroupRange{First: 0, Last: -1}, nil},
	} {
		if got := Within(groups, metadata.KeyGroupRange{First: 0, Last: 127}, c.r); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.r, got)
		}
	}
}
