package cmd

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLatestLineages(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint("chk-8", 8, 4*time.Hour)
	m.checkpoint("chk-9", 9, 3*time.Hour)
	m.checkpoint("chk-1", 1, 2*time.Hour)
	m.checkpoint("chk-2", 2, time.Hour)
	r := ckpt(t, "latest", m.dir, "-o", "json").want(t, Usage)
	e := r.decodeError(t)
	for _, want := range []string{"several lineages", "/chk-9 (2026-03-01T09:00:00Z)", "/chk-2 (2026-03-01T11:00:00Z)"} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("%q is not in %s", want, e.Message)
		}
	}
	if strings.Contains(e.Message, "chk-8") || e.Path != m.dir || e.Code != Usage || e.Hint == "" || r.out != "" {
		t.Errorf("%+v", e)
	}
	for by, want := range map[string]string{"id": "chk-9", "time": "chk-2"} {
		if r := ckpt(t, "latest", m.dir, "--by", by).want(t, OK); r.out != filepath.Join(m.dir, want)+"\n" {
			t.Errorf("--by %s: %s", by, r.out)
		}
	}
}

// The newest is not known while something newer cannot be looked at.
func TestLatestUnreadable(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint("chk-1", 1, 3*time.Hour)
	m.checkpoint("chk-2", 2, 2*time.Hour)
	m.checkpoint("chk-3", 3, time.Hour)
	for _, denied := range []string{"chk-3/_metadata", "chk-3"} {
		r := ckptDenied(t, []string{denied}, "latest", m.dir).want(t, Failed)
		if r.out != "" || !strings.Contains(r.err, "permission denied") || !strings.Contains(r.err, "newer") {
			t.Errorf("%s: %+v", denied, r)
		}
	}
	if r := ckptDenied(t, []string{"chk-1/_metadata"}, "latest", m.dir).want(t, OK); r.out != filepath.Join(m.dir, "chk-3")+"\n" {
		t.Errorf("an older one: %+v", r)
	}
}

// A name that a terminal would obey is shown, not sent; a script gets it as it is.
func TestLatestHarmfulName(t *testing.T) {
	m := newMadeTree(t)
	m.checkpoint("a\x1b[2Jb/chk-1", 1, time.Hour)
	if r := ckpt(t, "latest", m.dir).want(t, OK); r.out != filepath.Join(m.dir, "a\x1b[2Jb/chk-1")+"\n" {
		t.Errorf("%q", r.out)
	}
	if r := (call{terminal: true}).run(t, "latest", m.dir).want(t, OK); strings.Contains(r.out, "\x1b") {
		t.Errorf("%q", r.out)
	}
}

func TestBelow(t *testing.T) {
	for _, c := range [][3]string{
		{".", "chk-1", "./chk-1"}, {"..", "a/chk-1", "../a/chk-1"}, {"/", "chk-1", "/chk-1"}, {"/a/", "chk-1", "/a/chk-1"},
		{"s3://b", "chk-1", "s3://b/chk-1"}, {"file:/a", "chk-1", "file:/a/chk-1"}, {"/a/chk-1/", "", "/a/chk-1/"},
	} {
		if got := below(c[0], c[1]); got != c[2] {
			t.Errorf("below(%q, %q) = %q, want %q", c[0], c[1], got, c[2])
		}
	}
}
