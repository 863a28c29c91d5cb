package entrydiff_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/entrydiff"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

func open(t *testing.T, dir string) *snapshot.Snapshot {
	t.Helper()
	s, _ := statedump.Open(t, storage.New(storage.Settings{}).Open, dir, backends.Options{Hints: statedump.Hints})
	return s
}

// naive is all entries of s: by what tells them apart, their values.
func naive(t *testing.T, s *snapshot.Snapshot) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	p := s.Printer()
	for _, h := range s.Handles {
		for e, err := range h.Whole().Entries(t.Context(), func(st *backends.State) bool { return st.Kind != backends.Channel }) {
			if err != nil {
				t.Fatal(err)
			}
			id, err := p.AppendIdentity(fmt.Appendf(nil, "%s %s %d", h.Operator.ID, e.State.Name, e.State.Kind), &e)
			if err != nil {
				t.Fatal(err)
			}
			value, err := p.AppendContent(nil, &e)
			if err != nil {
				t.Fatal(err)
			}
			if e.State.Kind == backends.OperatorList || e.State.Kind == backends.Union {
				id, value = append(id, value...), nil
			}
			all[string(id)] = append(all[string(id)], string(value))
		}
	}
	return all
}

// expected is the changes from a to b, one line each.
func expected(a, b map[string][]string) (changes []string, same int64) {
	for id, old := range a {
		n := b[id]
		for i, v := range old {
			switch {
			case i >= len(n):
				changes = append(changes, "removed "+id+v)
			case n[i] == v:
				same++
			default:
				changes = append(changes, "changed "+id+v+" to "+n[i])
			}
		}
	}
	for id, n := range b {
		for i := len(a[id]); i < len(n); i++ {
			changes = append(changes, "added "+id+n[i])
		}
	}
	sort.Strings(changes)
	return changes, same
}

// compare runs Compare, and gives what it reports in the form of expected.
func compare(t *testing.T, a, b *snapshot.Snapshot, memory int64, workers int) (changes []string, counts []entrydiff.Count) {
	t.Helper()
	counts, err := entrydiff.Compare(t.Context(), a, b, entrydiff.Options{Workers: workers, Memory: memory,
		Passed: func(side int, err error) { t.Errorf("side %d: %v", side, err) },
	}, func(c *entrydiff.Change) error {
		id := fmt.Sprintf("%s %s %d%s", c.Operator, c.State, c.Kind, c.Identity)
		switch c.What {
		case entrydiff.Added:
			changes = append(changes, "added "+id+lone(c, c.New))
		case entrydiff.Removed:
			changes = append(changes, "removed "+id+lone(c, c.Old))
		case entrydiff.Changed:
			changes = append(changes, "changed "+id+string(c.Old)+" to "+string(c.New))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(changes)
	return changes, counts
}

// lone is the content of an entry, unless its identity says it already.
func lone(c *entrydiff.Change, content []byte) string {
	if c.Kind == backends.OperatorList || c.Kind == backends.Union {
		return ""
	}
	return string(content)
}

// TestCompare: between snapshots of one job that Flink wrote, the changes are those that a plain comparison of all
// entries finds, in little memory too.
func TestCompare(t *testing.T) {
	byCase := map[string][]string{}
	for _, o := range testdata.StateOracles(t) {
		if !strings.Contains(o.Case, "kryo") {
			byCase[o.Case] = append(byCase[o.Case], o.Dir)
		}
	}
	pairs, changed := 0, 0
	for name, dirs := range byCase {
		slices.Sort(dirs)
		for i := 1; i < len(dirs); i++ {
			a, b := open(t, dirs[i-1]), open(t, dirs[i])
			want, same := expected(naive(t, a), naive(t, b))
			for _, c := range []struct {
				memory  int64
				workers int
			}{{0, 2}, {1 << 20, 1}, {1, 8}} {
				got, counts := compare(t, a, b, c.memory, c.workers)
				var n entrydiff.Count
				for _, each := range counts {
					n.Same += each.Same
					n.Added += each.Added + each.Removed + each.Changed
				}
				if !slices.Equal(got, want) || n.Same != same || n.Added != int64(len(want)) {
					t.Fatalf("%s, %d bytes: %d changes, not %d; %d the same, not %d", name, c.memory, len(got), len(want), n.Same, same)
				}
			}
			pairs++
			changed += len(want)
		}
	}
	if pairs < 5 || changed < 100 {
		t.Errorf("%d pairs with %d changes", pairs, changed)
	}
}

// TestItself: a snapshot does not differ from itself.
func TestItself(t *testing.T) {
	for _, o := range testdata.StateOracles(t)[:8] {
		s := open(t, o.Dir)
		if changes, counts := compare(t, s, s, 0, 2); len(changes) > 0 || len(counts) == 0 {
			t.Errorf("%s: %d changes, %d states", o.Case, len(changes), len(counts))
		}
	}
}

// TestDamage: what a side that cannot be read to its end lacks is neither removed nor added.
func TestDamage(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/savepoint-native-hashmap")
	var dir, file string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "_metadata" {
			dir = filepath.Dir(p)
		} else if i, e := d.Info(); e == nil && !d.IsDir() && i.Size() > 30000 {
			file = p
		}
		return err
	})
	if err != nil || file == "" {
		t.Fatal(dir, file, err)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if err := os.CopyFS(whole, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndex(string(data), "user-")
	data[at-1] = 0xff // a text that is longer than the file
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sides := range [][2]string{{whole, dir}, {dir, whole}} {
		passed := 0
		counts, err := entrydiff.Compare(t.Context(), open(t, sides[0]), open(t, sides[1]), entrydiff.Options{Workers: 1,
			Passed: func(int, error) { passed++ },
		}, func(c *entrydiff.Change) error {
			t.Errorf("%s %s%s", c.What, c.State, c.Identity)
			return nil
		})
		var unread int64
		for _, n := range counts {
			unread += n.Unread
		}
		if err != nil || passed == 0 || unread == 0 {
			t.Errorf("%d passed over, %d unread: %v", passed, unread, err)
		}
	}
}
