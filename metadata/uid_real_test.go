package metadata_test

import (
	"path/filepath"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/twmb/murmur3"
)

// Files of Flink 2 hold the uid beside the id that Flink computed from it.
func TestOperatorIDOfRealUIDs(t *testing.T) {
	uids := map[string]bool{}
	for _, s := range snapshots(t) {
		c, err := metadata.Decode(read(t, filepath.Join(s.Dir, "_metadata")))
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		for _, op := range c.Operators {
			if op.UID == "" {
				continue
			}
			uid := op.UID.String()
			uids[uid] = true
			if got := metadata.OperatorIDOf(uid); got != op.ID {
				t.Errorf("%s: uid %q gives %s, the file says %s", s.Name, uid, got, op.ID)
			}
		}
	}
	if len(uids) < 5 {
		t.Errorf("only %d uids seen", len(uids))
	}
}

// Another implementation agrees, for every length of the tail and beyond a block.
func FuzzOperatorIDOf(f *testing.F) {
	const text = "0123456789abcdefghijklmnopqrstuvwxyzÄöü日本語😀"
	for i := range text {
		f.Add(text[:i])
	}
	f.Fuzz(func(t *testing.T, s string) {
		uid := string([]rune(s)) // valid UTF-8
		h := murmur3.New128()
		_, _ = h.Write([]byte(uid))
		h1, h2 := h.Sum128()
		var want metadata.OperatorID
		for i := range 8 {
			want[i], want[8+i] = byte(h1>>(8*i)), byte(h2>>(8*i))
		}
		if got := metadata.OperatorIDOf(uid); got != want {
			t.Errorf("OperatorIDOf(%q) = %s, want %s", uid, got, want)
		}
	})
}

func BenchmarkOperatorIDOf(b *testing.B) {
	for b.Loop() {
		metadata.OperatorIDOf("a-uid-of-usual-length")
	}
}
