package keygroups

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ code, murmur, group int32 }{
		{99162322, 1715862179, 35}, // "hello"
		{0, 593689054, 94},
		{-147182656, 1600933524, 20},
		{835047, 1762503263, 95},
		{1, 68075478, 86},
		{42, 1134849565, 29},
		{256, 1409940790, 54},
		{3014, 3114485, 117},
	} {
		if got := murmur(c.code); got != c.murmur {
			t.Errorf("murmur(%d) = %d, not %d", c.code, got, c.murmur)
		}
		if got := Of(c.code, 128); got != c.group {
			t.Errorf("Of(%d) = %d, not %d", c.code, got, c.group)
		}
	}
	for code := range int32(100000) {
		if got := murmur(math.MinInt32 + code*17); got < 0 {
			t.Fatalf("murmur(%d) = %d", code, got)
		}
	}
}

func TestPrefix(t *testing.T) {
	for _, c := range []struct {
		max int32
		n   int
		kg  int32
	}{{1, 1, 0}, {128, 1, 127}, {129, 2, 128}, {MaxParallelism, 2, MaxParallelism - 1}} {
		if n := PrefixLen(c.max); n != c.n {
			t.Errorf("PrefixLen(%d) = %d", c.max, n)
		}
		key := AppendPrefix(nil, c.kg, c.n)
		if len(key) != c.n || Prefix(key, c.n) != c.kg || Prefix(key[1:], c.n) != -1 {
			t.Errorf("%d: % x", c.kg, key)
		}
		if all := All(c.max); !all.Contains(c.kg) || all.Len() != int(c.max) {
			t.Errorf("%v", all)
		}
	}
}

func TestSubtask(t *testing.T) {
	for kg, want := range map[int32]int32{0: 0, 42: 0, 43: 1, 85: 1, 86: 2, 127: 2} {
		if got := Subtask(kg, 128, 3); got != want {
			t.Errorf("Subtask(%d) = %d", kg, got)
		}
	}
	if got := Subtask(MaxParallelism-1, MaxParallelism, MaxParallelism); got != MaxParallelism-1 {
		t.Error(got)
	}
}
