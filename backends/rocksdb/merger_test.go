package rocksdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

func openWritten(tb testing.TB, tables ...writtenTable) (*family, *memFiles) {
	tb.Helper()
	files, h := writeDatabase(tables...)
	db, err := openDatabase(context.Background(), files, h, &backends.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.close)
	return db.families["state"], files
}

// TestMergeModel compares random records in random tables with a plain reading of them.
func TestMergeModel(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		runs := make([][]rec, 1+rnd.IntN(5))
		for seq := uint64(1); seq < 120; seq++ {
			kind := []Kind{Put, Merge, Merge, Deletion, SingleDeletion}[rnd.IntN(5)]
			run := min(int(seq)*len(runs)/120, len(runs)-1)
			runs[run] = append(runs[run], rec{fmt.Sprintf("key%02d", rnd.IntN(30)), seq, kind, fmt.Sprintf("v%d", seq)})
		}
		var tables []writtenTable
		for i, r := range runs {
			r = ordered(r)
			if i == 0 { // the oldest is a level of two tables
				n := len(r) / 2
				tables = append(tables, writtenTable{1, r[:n]}, writtenTable{1, r[n:]})
				continue
			}
			tables = append(tables, writtenTable{0, r})
		}
		f, _ := openWritten(t, tables...)
		sameAsPlain(t, fmt.Sprintf("seed %d", seed), f)
		ranges(t, f)
		for _, e := range verifyAll(t, f.db) {
			t.Errorf("seed %d: %v", seed, e)
		}
	}
}

// TestStrangeRecords holds what is not read, by its error, which names file and place.
func TestStrangeRecords(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []rec
		want    string
	}{
		{"blob", []rec{{"a", 1, Put, ""}, {"b", 2, 17, ""}}, "blob file"},
		{"wide column", []rec{{"b", 2, 22, ""}}, "wide-column"},
		{"unknown", []rec{{"b", 2, 99, ""}}, "unknown kind, 99"},
		{"a merge over one", []rec{{"b", 3, Merge, "x"}, {"b", 2, 22, ""}}, "wide-column"},
		{"out of order", []rec{{"b", 1, Put, ""}, {"a", 1, Put, ""}}, "after a larger one"},
	} {
		table := writeTable(c.records, nil)
		first := InternalKey{[]byte("a"), highest}
		f := &family{Family: &Family{Name: "state"}, db: &database{}}
		tab, err := OpenTable(blobOf("strange.sst", table), &TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f.tables = []*liveTable{{TableFile: &TableFile{Smallest: first, Largest: InternalKey{[]byte("z"), 0}}, db: f.db, table: tab, blob: tab.blob}}
		m := f.scan(context.Background(), nil, nil, 0)
		_, _, err = digest(m)
		m.close()
		var e *backends.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Path != "strange.sst" {
			t.Errorf("%s: %v", c.name, err)
		}
		found := false
		if _, err := tab.Verify(context.Background(), func(e *backends.Error) { found = true }); err != nil || !found {
			t.Errorf("%s: verifying finds nothing: %v", c.name, err)
		}
	}
}

// TestCanceled ends a scan with its context.
func TestCanceled(t *testing.T) {
	var records []rec
	for i := range 3 * contextEvery {
		records = append(records, rec{fmt.Sprintf("%08d", i), 1, Put, ""})
	}
	f, _ := openWritten(t, writtenTable{1, records})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m := f.scan(ctx, nil, nil, 0)
	defer m.close()
	n := 0
	for ; m.next(); n++ {
		cancel()
	}
	if !errors.Is(m.err, context.Canceled) || n > contextEvery {
		t.Errorf("%d keys: %v", n, m.err)
	}
}

// TestPointRead holds what one key costs in a database of seven tables of 8 MB: of each that may have it the end, the
// index and one block. And no allocation comes of a key that is in one table.
func TestPointRead(t *testing.T) {
	var tables []writtenTable
	for i := range 4 {
		tables = append(tables, writtenTable{0, manyRecords(0, 40_000, 4, uint64(20+i))})
	}
	for i := range 3 {
		tables = append(tables, writtenTable{1, manyRecords(160_000*i/3, 160_000*(i+1)/3, 1, uint64(3+i))})
	}
	f, files := openWritten(t, tables...)
	files.bytes.Store(0)
	files.requests.Store(0)
	key := []byte("\x00\x10user-00080000")
	m := f.scan(context.Background(), key, successor(key), 0)
	found := m.next()
	value, err := string(m.value), m.err
	m.close()
	size := 0
	for _, b := range files.data {
		size += len(b)
	}
	if !found || len(value) != 150 || err != nil {
		t.Errorf("found %v: %d bytes, %v", found, len(value), err)
	}
	if n, b := files.requests.Load(), files.bytes.Load(); n > 5*3 || b > int64(size)/50 {
		t.Errorf("%d requests for %d bytes of %d", n, b, size)
	} else {
		t.Logf("%d requests for %d bytes of %d", n, b, size)
	}
	scan := f.scan(context.Background(), nil, nil, 0)
	defer scan.close()
	scan.next()
	if n := testing.AllocsPerRun(20_000, func() { scan.next() }); n > 0 {
		t.Errorf("%v allocations a key", n)
	}
}

// TestEntriesAllocate holds that entries cost no memory each.
func TestEntriesAllocate(t *testing.T) {
	var records []rec
	for i := range 50_000 {
		records = append(records, rec{fmt.Sprintf("%s\x09%08d\x00", binary.BigEndian.AppendUint16(nil, uint16(i/200)), i), 1, Put, "value"})
	}
	f, _ := openWritten(t, writtenTable{1, records}, writtenTable{0, records[:3]})
	all := metadata.KeyGroupRange{Last: 249}
	st := &backends.State{Name: "state", Kind: backends.Value, Key: typ(t, "String"), Namespace: typ(t, "VoidNamespace")}
	r := &Reader{db: f.db, handle: &metadata.IncrementalHandle{Range: all}, origin: backends.Origin{Range: all}, states: []*backends.State{st}, prefix: 2}
	n := 0
	allocs := testing.AllocsPerRun(1, func() {
		for e, err := range r.Entries(context.Background(), backends.Everything(all)) {
			if err != nil || len(e.Key) != 9 || string(e.Value) != "value" {
				t.Fatalf("%+v: %v", e, err)
			}
			n++
		}
	})
	if n != 2*len(records) || allocs > 200 {
		t.Errorf("%v allocations for %d entries", allocs, n/2)
	}
}

// manyRecords are puts of every step-th of so many keys.
func manyRecords(from, to, step int, seq uint64) []rec {
	var records []rec
	for i := from; i < to; i++ {
		user := binary.BigEndian.AppendUint16(nil, uint16(i*step/5000))
		records = append(records, rec{fmt.Sprintf("%suser-%08d", user, i*step), seq, Put, strings.Repeat("v", 150)})
	}
	return records
}

// TestMemory holds that a block, and an index, that need more memory than allowed are refused, and how to allow
// more is told.
func TestMemory(t *testing.T) {
	big := writeTable([]rec{{"a", 1, Put, strings.Repeat("x", 1<<20)}}, nil)
	wide := writeTable(manyRecords(0, 100_000, 1, 1), nil)
	for name, data := range map[string][]byte{"block": big, "index": wide} {
		table, err := OpenTable(blobOf(name, data), &TableOptions{Memory: 80 << 10})
		if err == nil {
			it := table.Iterator(0)
			for it.Next() {
			}
			err = it.Err()
		}
		var e *backends.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, name) || !strings.Contains(e.Message, "81920 are allowed") || !strings.Contains(e.Hint, "--memory") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestManyTables reads more tables than are kept open, and closes them.
func TestManyTables(t *testing.T) {
	var tables []writtenTable
	for i := range 3 * mostOpenTables {
		tables = append(tables, writtenTable{1, []rec{{fmt.Sprintf("%05d", i), uint64(i + 1), Put, "x"}}})
	}
	slices.Reverse(tables)
	f, files := openWritten(t, tables...)
	m := f.scan(context.Background(), nil, nil, 0)
	n := 0
	for ; m.next(); n++ {
		if files.open.Load() > mostOpenTables+2 {
			t.Fatalf("%d files are open", files.open.Load())
		}
	}
	m.close()
	if n != len(tables) || m.err != nil {
		t.Errorf("%d keys: %v", n, m.err)
	}
}
