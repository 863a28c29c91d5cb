package backendtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// composite is the key of a text in a key group, in no namespace.
func composite(kg int32, max int32, key string) []byte {
	n := keygroups.PrefixLen(max)
	f := backends.NewKeyForm(n, parse("String"), parse("VoidNamespace"), false)
	k, err := parse("String").Encode(nil, key)
	if err != nil {
		panic(err)
	}
	return f.Append(keygroups.AppendPrefix(nil, kg, n), backends.KeyParts{Key: k, Namespace: []byte{0}})
}

// row is a backends.Row of one's own.
type row struct {
	kg              int32
	key, sub, value string
}

func (r row) compare(o row) int {
	return cmp.Or(cmp.Compare(r.kg, o.kg), cmp.Compare(r.key, o.key), cmp.Compare(r.sub, o.sub))
}

// rows reads all rows; in their order only if it means something.
func rows(t tester, ordered bool, seq iter.Seq2[backends.Row, error]) []row {
	t.Helper()
	var all []row
	for r, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		if n := len(all); n > 0 && all[n-1].kg > r.KeyGroup {
			t.Errorf("key group %d comes behind %d", r.KeyGroup, all[n-1].kg)
		}
		all = append(all, row{r.KeyGroup, string(r.Key), string(r.Sub), string(r.Value)})
	}
	if !ordered {
		slices.SortStableFunc(all, row.compare)
	}
	return all
}

func same(t tester, what string, got, want []row) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%q, not\n%q", what, got, want)
	}
}

// table is one of a kind with texts in it.
func (ss *session) table(kind backends.Kind, name string) backends.Table {
	ss.t.Helper()
	m := &backends.Meta{Name: name, Kind: kind, Namespace: parse("VoidNamespace"), Value: parse("String")}
	if kind == backends.Map {
		m.MapKey = parse("String")
	}
	table, err := ss.store.Table(m)
	return must(ss.t, table, err)
}

func (s *suite) testTables(t *testing.T) {
	for _, max := range []int32{128, 1000} {
		t.Run(fmt.Sprint(max), func(t *testing.T) {
			ss := s.open(t, place{max: max})
			ss.values(t, max)
			ss.appends(t, max)
			ss.subs(t, max)
		})
	}
}

// values tries what is there and what is not, and that tables are apart.
func (ss *session) values(t *testing.T, max int32) {
	a, b := ss.table(backends.Value, "a"), ss.table(backends.Value, "b")
	var want []row
	for _, kg := range []int32{max - 1, 0, 7} {
		for _, key := range []string{"x", "", "long enough to be another size of text", "y"} {
			k := composite(kg, max, key)
			value := fmt.Sprintf("%d %s", kg, key)
			ok(t, a.Put(kg, k, nil, []byte("before")))
			ok(t, a.Put(kg, k, nil, []byte(value)))
			want = append(want, row{kg, string(k), "", value})
		}
	}
	slices.SortFunc(want, row.compare)
	all := keygroups.All(max)
	same(t, "all", rows(t, ss.store.Ordered(), a.All(all)), want)
	swept(t, a, want)
	same(t, "two key groups", rows(t, ss.store.Ordered(), a.All(metadata.KeyGroupRange{First: 0, Last: 7})), want[:8])
	same(t, "a table without", rows(t, ss.store.Ordered(), b.All(all)), nil)
	for _, r := range want {
		v, there, err := a.Get(r.kg, []byte(r.key), nil)
		if err != nil || !there || string(v) != r.value {
			t.Errorf("%q: %q, %v, %v", r.key, v, there, err)
		}
		if _, there, err := b.Get(r.kg, []byte(r.key), nil); there || err != nil {
			t.Errorf("%q is in the other table: %v", r.key, err)
		}
	}
	ok(t, a.Put(7, composite(7, max, "x"), nil, nil))
	if v, there, err := a.Get(7, composite(7, max, "x"), nil); len(v) > 0 || !there || err != nil {
		t.Errorf("a value without bytes: %q, %v, %v", v, there, err)
	}
	ok(t, a.Delete(7, composite(7, max, "x"), nil))
	ok(t, a.Delete(7, composite(7, max, "never there"), nil))
	if _, there, err := a.Get(7, composite(7, max, "x"), nil); there || err != nil {
		t.Errorf("deleted: %v, %v", there, err)
	}
	if n := len(rows(t, true, a.All(metadata.KeyGroupRange{First: 7, Last: 7}))); n != 3 {
		t.Errorf("%d entries in key group 7", n)
	}
	if seeker, is := a.(backends.Seeker); is {
		from := rows(t, ss.store.Ordered(), seeker.From(0, []byte(want[2].key)))
		same(t, "from a key on", from, want[2:4])
	}
}

// swept goes over a table some entries at a time, twice, if it is a backends.Sweeper.
func swept(t *testing.T, table backends.Table, want []row) {
	t.Helper()
	sweeper, is := table.(backends.Sweeper)
	if !is {
		return
	}
	for range 2 {
		var got []row
		for end := false; !end; {
			var err error
			end, err = sweeper.Sweep(5, func(r backends.Row) error {
				got = append(got, row{r.KeyGroup, string(r.Key), string(r.Sub), string(r.Value)})
				return nil
			})
			ok(t, err)
		}
		slices.SortFunc(got, row.compare)
		same(t, "a round", got, want)
	}
	if _, err := sweeper.Sweep(1, func(backends.Row) error { return errFault }); !errors.Is(err, errFault) {
		t.Errorf("a sweep that fails: %v", err)
	}
	for end := false; !end; { // to the end
		var err error
		end, err = sweeper.Sweep(5, func(backends.Row) error { return nil })
		ok(t, err)
	}
}

func (ss *session) appends(t *testing.T, max int32) {
	l := ss.table(backends.List, "list")
	k := composite(5, max, "k")
	for i, element := range []string{"\x02a", "\x03b,", "", "\x02c"} {
		ok(t, l.Append(5, k, []byte(element)))
		v, there, err := l.Get(5, k, nil)
		if want := []string{"\x02a", "\x02a,\x03b,", "\x02a,\x03b,,", "\x02a,\x03b,,,\x02c"}[i]; string(v) != want || !there || err != nil {
			t.Errorf("%q, %v, %v", v, there, err)
		}
	}
	ok(t, l.Put(5, k, nil, []byte("\x02x")))
	ok(t, l.Append(5, k, []byte("\x02y")))
	same(t, "list", rows(t, true, l.All(keygroups.All(max))), []row{{5, string(k), "", "\x02x,\x02y"}})
	ok(t, l.Delete(5, k, nil))
	ok(t, l.Append(5, k, nil))
	ok(t, l.Append(5, k, []byte("\x02z")))
	same(t, "a list begun anew", rows(t, true, l.All(keygroups.All(max))), []row{{5, string(k), "", ",\x02z"}})
}

func (ss *session) subs(t *testing.T, max int32) {
	m := ss.table(backends.Map, "map")
	var want []row
	for _, key := range []string{"a", "b", "ab"} {
		for i := range 300 {
			r := row{9, string(composite(9, max, key)), fmt.Sprintf("%03d", i), fmt.Sprintf("\x00%s%d", key, i)}
			ok(t, m.Put(9, []byte(r.key), []byte(r.sub), []byte(r.value)))
			want = append(want, r)
		}
	}
	slices.SortFunc(want, row.compare)
	same(t, "all", rows(t, ss.store.Ordered(), m.All(keygroups.All(max))), want)
	swept(t, m, want)
	for i := range 3 {
		k := []byte(want[300*i].key)
		same(t, "one map", rows(t, ss.store.Ordered(), m.Subs(9, k)), want[300*i:300*(i+1)])
	}
	k := []byte(want[300].key)
	ok(t, m.Delete(9, k, []byte("007")))
	if v, there, err := m.Get(9, k, []byte("008")); !there || err != nil || string(v) != want[308].value {
		t.Errorf("%q, %v, %v", v, there, err)
	}
	if n := len(rows(t, true, m.Subs(9, k))); n != 299 {
		t.Errorf("%d entries are left of 300", n)
	}
	ok(t, m.Clear(9, k))
	same(t, "a cleared map", rows(t, true, m.Subs(9, k)), nil)
	ok(t, m.Put(9, k, []byte("new"), []byte("\x01")))
	same(t, "a map begun anew", rows(t, true, m.Subs(9, k)), []row{{9, string(k), "new", "\x01"}})
	if n := len(rows(t, true, m.All(keygroups.All(max)))); n != 601 {
		t.Errorf("%d entries are left of 601", n)
	}
}

// testTablesKeepNothing changes all that it has given, and appends to what it was given.
func (s *suite) testTablesKeepNothing(t *testing.T) {
	ss := s.open(t, place{})
	tables := []backends.Table{ss.table(backends.Value, "value"), ss.table(backends.List, "list"), ss.table(backends.Map, "map")}
	for i := range 100 {
		for n, table := range tables {
			key, value := composite(3, 128, fmt.Sprint(i)), fmt.Appendf(nil, "%d", 1000+i)
			var sub []byte
			if n == 2 {
				sub = []byte("sub")
			}
			if n == 1 {
				ok(t, table.Append(3, key, value))
			} else {
				ok(t, table.Put(3, key, sub, value))
			}
			for _, b := range [][]byte{key, sub, value} {
				copy(b, bytes.Repeat([]byte{0xff}, len(b)))
			}
		}
	}
	for i := range 100 {
		for n, table := range tables {
			var sub []byte
			if n == 2 {
				sub = []byte("sub")
			}
			v, there, err := table.Get(3, composite(3, 128, fmt.Sprint(i)), sub)
			if want := fmt.Sprint(1000 + i); err != nil || !there || string(v) != want {
				t.Fatalf("table %d, key %d: %q, %v, %v", n, i, v, there, err)
			}
			_ = append(v, "what follows"...)
		}
	}
}

func ok(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
