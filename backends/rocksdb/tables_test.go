package rocksdb

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// refused are the databases that are not read, and what the error must say.
var refused = map[string]string{
	"reverse":    "rocksdb.ReverseBytewiseComparator",
	"otherdelim": "StringAppendOperator",
}

// TestTables reads databases of all options as RocksDB's iterator does, whole and in parts, and finds nothing wrong with
// them.
func TestTables(t *testing.T) {
	for _, o := range oracles(t) {
		t.Run(o.name, func(t *testing.T) {
			db, files, err := openDir(t, filepath.Join(tablesDir(t), o.name))
			if err == nil {
				err = compare(t, db, o)
				if err == nil {
					for _, e := range verifyAll(t, db) {
						t.Errorf("%v", e)
					}
				}
				db.close()
			}
			_, kind, _ := strings.Cut(o.name, "-")
			if want, ok := refused[kind]; ok {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("%v, and not that it is of %s", err, want)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if n := files.open.Load(); n != 0 {
				t.Errorf("%d files are still open", n)
			}
		})
	}
}

func compare(t *testing.T, db *database, o oracle) error {
	t.Helper()
	f := db.families[o.family]
	m := f.scan(context.Background(), nil, nil, 0)
	keys, sum, err := digest(m)
	m.close()
	if err == nil && (keys != o.keys || sum != o.sum) {
		t.Errorf("%s keys of sum %s, not %s of %s", keys, sum, o.keys, o.sum)
	}
	if err == nil {
		ranges(t, f)
	}
	return err
}

// ranges holds that each part of a database is what lies between its bounds.
func ranges(t *testing.T, f *family) {
	t.Helper()
	type pair struct{ key, value string }
	read := func(lo, hi []byte) (all []pair) {
		m := f.scan(context.Background(), lo, hi, 1)
		defer m.close()
		for m.next() {
			all = append(all, pair{string(m.key), string(m.value)})
		}
		if m.err != nil {
			t.Fatal(m.err)
		}
		return all
	}
	all := read(nil, nil)
	for i := 0; i < len(all); i += 3 {
		for _, n := range []int{1, 2, 20} {
			j := min(i+n, len(all)-1)
			got := read([]byte(all[i].key), []byte(all[j].key))
			if want := all[i:j]; len(got) != len(want) || len(got) > 0 && (got[0] != want[0] || got[len(got)-1] != want[len(want)-1]) {
				t.Fatalf("from %x to %x: %d keys, not %d", all[i].key, all[j].key, len(got), len(want))
			}
		}
		if got := read([]byte(all[i].key+"\x00"), successor([]byte(all[i].key))); len(got) != 0 {
			t.Fatalf("%d keys behind %x", len(got), all[i].key)
		}
	}
}
