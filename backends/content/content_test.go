package content

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// stored is one file that real Flink wrote, or state inside `_metadata`, with what
// refers to it.
type stored struct {
	name  string
	data  []byte
	parts []Part
}

func (s *stored) kinds() []string {
	var kinds []string
	for _, p := range s.parts {
		kinds = append(kinds, kindOf(p.Place).String())
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func (s *stored) check(tb testing.TB, data []byte) []Problem {
	tb.Helper()
	var found []Problem
	if err := Check(s.parts, int64(len(s.data)), bytes.NewReader(data), func(p Problem) { found = append(found, p) }); err != nil {
		tb.Fatal(err)
	}
	return found
}

// snapshots are all real checkpoints at hand, by the folder that they are in.
func snapshots(tb testing.TB) map[string][]testdata.Snapshot {
	roots := []string{filepath.Join(testdata.Root(tb), "flink")}
	if dir := testdata.Fixtures(tb); dir != "" {
		for _, sub := range []string{"corpus", "flink", "jobs"} {
			roots = append(roots, filepath.Join(dir, sub))
		}
	}
	all := map[string][]testdata.Snapshot{}
	for _, root := range roots {
		all[root] = testdata.Snapshots(tb, root)
	}
	return all
}

// writtenAt is how absolute paths begin in the trees.
var writtenAt = regexp.MustCompile(`^file:/flink/checkpoint/[^/]+/[^/]+/`)

// filesOf gathers what one snapshot refers to by file. Files
// that went when the snapshot was claimed are left out.
func filesOf(tb testing.TB, root string, s testdata.Snapshot) []*stored {
	tb.Helper()
	meta, err := os.ReadFile(filepath.Join(s.Dir, "_metadata"))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := metadata.Decode(meta)
	if err != nil {
		tb.Fatal(err)
	}
	g := gathered{tb: tb, byPath: map[string]*stored{}, dir: s.Dir, tree: filepath.Join(root, firstElements(s.Name, 2))}
	for p, h := range c.Walk() {
		g.add(p, h)
	}
	if claimed := strings.Contains(s.Name, "claim"); g.missing > 0 && !claimed {
		tb.Errorf("%s: %d parts of files that are gone", s.Name, g.missing)
	}
	return g.files
}

func firstElements(name string, n int) string {
	parts := strings.Split(name, "/")
	return filepath.Join(parts[:min(n, len(parts))]...)
}

type gathered struct {
	tb        testing.TB
	dir, tree string
	byPath    map[string]*stored
	files     []*stored
	missing   int
}

func (g *gathered) add(p metadata.Place, h metadata.Handle) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		name := fmt.Sprintf("%s, inline, %s %s", g.dir, p.Slot, p.Name)
		g.files = append(g.files, &stored{name: name, data: h.Data, parts: []Part{NewPart(p, h)}})
	case *metadata.RelativeFileHandle:
		g.file(filepath.Join(g.dir, string(h.Path)), NewPart(p, h))
	case *metadata.FileHandle:
		g.file(g.locate(h.Path), NewPart(p, h))
	case *metadata.SegmentHandle:
		g.file(g.locate(h.Path), NewPart(p, h))
	}
}

func (g *gathered) locate(path metadata.UTF) string {
	rest := writtenAt.ReplaceAllString(string(path), "")
	if rest == string(path) {
		g.tb.Errorf("%s: no path of these trees: %s", g.dir, path)
	}
	return filepath.Join(g.tree, filepath.FromSlash(rest))
}

func (g *gathered) file(path string, p Part) {
	f := g.byPath[path]
	if f == nil {
		data, err := os.ReadFile(path)
		if err != nil {
			g.missing++
			return
		}
		f = &stored{name: path, data: data}
		g.byPath[path] = f
		g.files = append(g.files, f)
	}
	f.parts = append(f.parts, p)
}

// TestRealFiles holds that nothing is wrong with anything that Flink wrote.
func TestRealFiles(t *testing.T) {
	files, parts := map[string]int{}, 0
	for root, all := range snapshots(t) {
		for _, s := range all {
			for _, f := range filesOf(t, root, s) {
				for _, p := range f.check(t, f.data) {
					t.Errorf("%s (%v) at %d: %s %s", f.name, f.kinds(), p.Offset, p.Severity, p.Message)
				}
				files[strings.Join(f.kinds(), "+")]++
				parts += len(f.parts)
			}
		}
	}
	t.Logf("%d parts; files by kind: %v", parts, files)
}
