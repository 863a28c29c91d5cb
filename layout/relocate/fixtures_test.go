package relocate_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/relocate"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// TestFixtures copies every snapshot that Flink wrote, in both forms. What Flink would
// read through the copy must be, byte for byte, what it reads through the original, and
// must still be so when the original is out of reach.
func TestFixtures(t *testing.T) {
	both := []relocate.Form{relocate.SelfContained, relocate.KeepLayout}
	forms := map[string][]relocate.Form{filepath.Join(testdata.Root(t), "flink"): both}
	if more := testdata.Fixtures(t); more != "" {
		forms[filepath.Join(more, "flink")], forms[filepath.Join(more, "corpus")] = both[:1], both[:1]
	}
	copied, damaged := 0, 0
	for root, forms := range forms {
		for _, s := range testdata.Snapshots(t, root) {
			for _, form := range forms {
				t.Run(string(form)+"/"+s.Name, func(t *testing.T) {
					if copyFixture(t, s.Dir, form) {
						copied++
					} else {
						damaged++
					}
				})
			}
		}
	}
	if copied < 100 || damaged == 0 {
		t.Errorf("%d copies were made, and %d snapshots were damaged", copied, damaged)
	}
}

// copyFixture copies one snapshot. It is false where that is damaged.
func copyFixture(t *testing.T, src string, form relocate.Form) bool {
	w := newWorld()
	s, err := w.examine(t.Context(), src)
	var damage *relocate.DamagedError
	if errors.As(err, &damage) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Store.Close()
	want := states(t, s.Checkpoint, func(h metadata.StreamHandle) string { return s.Located[h].URL })
	root := filepath.Join(t.TempDir(), "copy")
	plan, report, err := w.copy(t.Context(), src, root, form)
	if err != nil {
		t.Fatal(err)
	}
	checkFiles(t, plan, report, root)
	if form == relocate.SelfContained && plan.Relocatable {
		moved := filepath.Join(t.TempDir(), "moved")
		if err := os.Rename(root, moved); err != nil {
			t.Fatal(err)
		}
		root, plan.Root = moved, "file:/nowhere"
	}
	dir := filepath.Join(root, filepath.FromSlash(plan.Dir))
	c := decode(t, dir)
	sameStates(t, want, states(t, c, func(h metadata.StreamHandle) string {
		p, relative := layout.PathOf(h)
		if relative {
			return filepath.Join(dir, p)
		}
		rest, ok := strings.CutPrefix(p, plan.Root)
		if !ok {
			t.Errorf("%s leads out of the copy", p)
		}
		return filepath.Join(root, rest)
	}))
	checkForm(t, form, s.Checkpoint, c)
	return true
}

// checkFiles looks whether the copy holds the files of its plan, and no other.
func checkFiles(t *testing.T, plan *relocate.Plan, report *relocate.Report, root string) {
	t.Helper()
	want := map[string]string{plan.MetadataKey(): report.SHA256}
	for i, f := range plan.Files {
		want[f.Key] = report.Files[i].SHA256
		if report.Files[i].How != relocate.Copied {
			t.Errorf("%s: %s", f.Key, report.Files[i].How)
		}
		if name := filepath.Base(f.Key); !layout.IsDataFile(name) {
			t.Errorf("%s is no name of Flink's", name)
		}
	}
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Errorf("files: %s", diff)
	}
}

// checkForm looks for handles that a copy must not have.
func checkForm(t *testing.T, form relocate.Form, from, to *metadata.Checkpoint) {
	t.Helper()
	if from.Version != to.Version || from.ID != to.ID || len(from.Operators) != len(to.Operators) {
		t.Errorf("version %d, id %d, %d operators became %d, %d, %d", from.Version, from.ID, len(from.Operators), to.Version, to.ID, len(to.Operators))
	}
	if form == relocate.KeepLayout {
		return
	}
	for p, h := range to.Walk() {
		switch h := h.(type) {
		case *metadata.SegmentHandle:
			t.Errorf("a segment of %s is left", h.Path)
		case *metadata.OperatorStateHandle:
			if h.Merging != nil {
				t.Errorf("directories of merged files are left: %s", h.Merging.Shared)
			}
		case *metadata.RelativeFileHandle:
			if p.Role == metadata.SharedFile || p.Role == metadata.ChangelogLog || belowChangelog(to, h) {
				t.Errorf("Flink would take over the relative path %s (%s)", h.Path, p.Role)
			}
		case *metadata.FileHandle:
			if to.Version != metadata.Version2 && !belowChangelog(to, h) {
				t.Errorf("%s need not be absolute", h.Path)
			}
		}
	}
}

// belowChangelog tells whether a file belongs to a changelog handle.
func belowChangelog(c *metadata.Checkpoint, file metadata.StreamHandle) bool {
	parents := map[metadata.Handle]metadata.Handle{}
	for p, h := range c.Walk() {
		parents[h] = p.Parent
	}
	for at := metadata.Handle(file); at != nil; at = parents[at] {
		if _, ok := at.(*metadata.ChangelogHandle); ok {
			return true
		}
	}
	return false
}

// TestKeepLayoutShares copies three checkpoints of a job into one root: the files that
// they share are there once.
func TestKeepLayoutShares(t *testing.T) {
	w := newWorld()
	src := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	chks, err := filepath.Glob(filepath.Join(src, "*", "chk-*"))
	if err != nil || len(chks) < 3 {
		t.Fatalf("%v: %v", chks, err)
	}
	slices.Sort(chks)
	before := tree(t, src)
	root := filepath.Join(t.TempDir(), "root")
	kept := 0
	for _, chk := range chks {
		_, report, err := w.copy(t.Context(), chk, root, relocate.KeepLayout)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Files {
			if f.How == relocate.Kept {
				kept++
			}
		}
	}
	if kept == 0 {
		t.Error("nothing was shared")
	}
	if diff := cmp.Diff(before, tree(t, src)); diff != "" {
		t.Errorf("the source was changed: %s", diff)
	}
	for _, chk := range chks {
		if s, err := w.examine(t.Context(), filepath.Join(root, filepath.Base(filepath.Dir(chk)), filepath.Base(chk))); err != nil {
			t.Error(err)
		} else {
			s.Store.Close()
		}
	}
}
