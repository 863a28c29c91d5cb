package rocksdb

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// puts are records of n keys below a prefix, from a sequence number on.
func puts(prefix string, n int, seq uint64) []rec {
	var all []rec
	for i := range n {
		all = append(all, rec{fmt.Sprintf("%s%04d", prefix, i), seq + uint64(i), Put, "value"})
	}
	return all
}

// told is what reading from lo to hi says, and what verifying says of the table.
func told(t *testing.T, f *family, lo, hi []byte) (scan, verify error) {
	t.Helper()
	m := f.scan(context.Background(), lo, hi, 0)
	_, _, scan = digest(m)
	m.close()
	for _, table := range f.tables {
		if _, err := table.verify(context.Background(), f.Name, func(e *backends.Error) { verify = e }); err != nil {
			t.Fatal(err)
		}
	}
	return scan, verify
}

// TestAnotherTable puts a table of the same size in the place of another one: whole readings, those of a part and of a
// key notice it, and so does verifying.
func TestAnotherTable(t *testing.T) {
	own := puts("\x05k", 400, 1000)
	for _, c := range []struct {
		name  string
		other []rec
		key   bool // whether even one who reads a single key notices it
		want  string
	}{
		{"the same", own, false, ""},
		{"keys before", puts("\x04k", 400, 1000), true, "key is not the one"},
		{"keys behind", puts("\x06k", 400, 1000), true, "key is not the one"},
		{"another first key", append([]rec{{"\x05j0000", 1000, Put, "value"}}, own[1:]...), false, "the first key is not the one"},
		{"another last key", append(append([]rec{}, own[:399]...), rec{"\x05l0000", 1399, Put, "value"}), true, "the last key is not the one"},
		{"another time", puts("\x05k", 400, 2000), true, "the first key is not the one"},
		{"an older end", append(append([]rec{}, own[:399]...), rec{own[399].user, 1398, Put, "value"}), false, "the MANIFEST has"},
		{"a later record", append(append([]rec{}, own[:200]...), append([]rec{{own[200].user, 5000, Put, "value"}}, own[201:]...)...), false, "has sequence number 5000; the MANIFEST has 1000 to 1399"},
	} {
		f, files := openWritten(t, writtenTable{1, own})
		data := writeTable(c.other, nil)
		if len(data) != len(files.data["000010.sst"]) {
			t.Fatalf("%s: a table of %d bytes, not %d", c.name, len(data), len(files.data["000010.sst"]))
		}
		files.data["000010.sst"] = data
		scan, verify := told(t, f, nil, nil)
		says(t, c.name, "reading", scan, c.want)
		says(t, c.name, "verifying", verify, c.want)
		scan, _ = told(t, f, []byte("\x05"), []byte("\x06"))
		says(t, c.name, "reading its key groups", scan, c.want)
		f, files = openWritten(t, writtenTable{1, own})
		files.data["000010.sst"] = data
		m := f.scan(context.Background(), []byte("\x05k0100"), []byte("\x05k0101"), 0)
		found := m.next()
		err := m.err
		m.close()
		if (err != nil) != c.key || found == c.key {
			t.Errorf("%s: a single key: found %v, %v", c.name, found, err)
		}
	}
}

// TestAnotherFamily: tables of two states with the same keys, as compactions leave them, are told apart by
// their properties.
func TestAnotherFamily(t *testing.T) {
	f, files := openWritten(t, writtenTable{1, puts("\x05k", 3, 1)})
	for family, want := range map[string]string{"state": "", "other": `of column family "other", and 000010.sst of the MANIFEST is of "state"`} {
		data := writeTable(puts("\x05k", 3, 1), map[string]string{"rocksdb.column.family.name": family})
		files.data["000010.sst"] = data
		table := *f.tables[0].TableFile
		table.Size = int64(len(data))
		live := &liveTable{TableFile: &table, db: f.db, family: f.Name, handle: f.tables[0].handle}
		_, err := live.acquire()
		says(t, family, "opening", err, want)
		live.close()
	}
	if n := files.open.Load(); n != 0 {
		t.Errorf("%d files are still open", n)
	}
}

// TestSwapped swaps the MANIFESTs, and then the tables, of two real databases: each time a Reader says so, or the
// entries are the same ones.
func TestSwapped(t *testing.T) {
	var known []handleOf
	manifests, tables := 0, 0
	realHandles(t, func(h handleOf) {
		for _, o := range known {
			if o.files.dir == h.files.dir && manifests+tables < 400 {
				manifests += swapManifests(t, o, h)
				tables += swapTables(t, o, h)
			}
		}
		if known = append(known, h); len(known) > 8 {
			known = known[1:]
		}
	})
	if manifests < 3 || tables < 3 {
		t.Errorf("only %d MANIFESTs and %d tables of equal sizes", manifests, tables)
	}
	t.Logf("%d MANIFESTs, %d tables of equal sizes", manifests, tables)
}

// withNames are the files of a handle whose names have a part.
func withNames(h handleOf, part string) (all []metadata.NamedFile) {
	for _, list := range [][]metadata.NamedFile{h.handle.Shared, h.handle.Private} {
		for _, f := range list {
			if strings.Contains(string(f.Name), part) {
				all = append(all, f)
			}
		}
	}
	return all
}

func bytesOf(t *testing.T, h handleOf, f metadata.StreamHandle) []byte {
	t.Helper()
	b, err := h.files.Open(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	return b.(*memBlob).data
}

// instead reads a database with other bytes in the place of a file: all entries as text, and all errors.
func instead(h handleOf, f metadata.StreamHandle, data []byte) (entries string, errs []error, opening error) {
	files := &changedFiles{h.files, func(handle metadata.StreamHandle, b *memBlob) (backends.Blob, error) {
		if handle == f {
			b.data = data
		}
		return b, nil
	}}
	r, err := Open(context.Background(), files, h.handle, h.origin, optionsFor(h))
	if err != nil {
		return "", nil, err
	}
	defer r.Close()
	var all strings.Builder
	for e, err := range r.Entries(context.Background(), backends.Everything(h.handle.Range)) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(&all, "%s %d %x %x %x %x\n", e.State.Name, e.KeyGroup, e.Key, e.Namespace, e.MapKey, e.Value)
	}
	return all.String(), errs, nil
}

func swapManifests(t *testing.T, a, b handleOf) int {
	x, y := withNames(a, "MANIFEST-"), withNames(b, "MANIFEST-")
	data, other := bytesOf(t, a, x[0].File), bytesOf(t, b, y[0].File)
	if len(data) != len(other) || string(data) == string(other) || a.origin.Operator != b.origin.Operator {
		return 0
	}
	want, _, _ := instead(a, x[0].File, data)
	if got, errs, opening := instead(a, x[0].File, other); opening == nil && len(errs) == 0 && got != want {
		t.Errorf("%s: nothing is noticed of the MANIFEST of %s", a.name, b.name)
	}
	return 1
}

func swapTables(t *testing.T, a, b handleOf) (n int) {
	for _, x := range withNames(a, ".sst") {
		for _, y := range withNames(b, ".sst") {
			if x.File.StateSize() != y.File.StateSize() {
				continue
			}
			data, other := bytesOf(t, a, x.File), bytesOf(t, b, y.File)
			if string(data) == string(other) {
				continue
			}
			n++
			want, _, _ := instead(a, x.File, data)
			got, errs, opening := instead(a, x.File, other)
			var e *backends.Error
			if opening == nil && len(errs) == 0 && got != want {
				t.Errorf("%s: nothing is noticed of table %s of %s as %s", a.name, y.Name, b.name, x.Name)
			} else if len(errs) > 0 && (!errors.As(errs[0], &e) || !e.Passed || !e.Rest) {
				t.Errorf("%s: %#v", a.name, errs[0])
			}
		}
	}
	return n
}

// TestPlaces holds that errors say where in the file a block lies: one that is damaged, and one that the file ends before.
func TestPlaces(t *testing.T) {
	data := writeTable(puts("\x05k", 4000, 1), nil)
	table, err := OpenTable(blobOf("t", data), nil)
	if err != nil {
		t.Fatal(err)
	}
	it := table.Iterator(0)
	for it.at.offset < 50_000 && it.Next() {
	}
	at := it.at
	for name, want := range map[string]string{"damaged": "a block of", "cut": "the table is cut off"} {
		b := blobOf("t", append([]byte{}, data...))
		table, err := OpenTable(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if name == "cut" {
			b.data = b.data[:at.offset+1]
		} else {
			b.data[at.offset+7] ^= 1
		}
		it := table.Iterator(1)
		for it.Next() {
		}
		var e *backends.Error
		if !errors.As(it.Err(), &e) || e.Offset != at.offset || !strings.Contains(e.Message, want) {
			t.Errorf("%s: %v, and not at byte %d", name, it.Err(), at.offset)
		}
	}
}

// TestBudget: what does not fit the memory says so, and is not taken for damage.
func TestBudget(t *testing.T) {
	h, _, _ := richHandle(t)
	if _, err := openDatabase(context.Background(), h.files, h.handle, &backends.Options{Memory: 10}); !errors.Is(err, backends.ErrBudget) {
		t.Errorf("a MANIFEST: %v", err)
	}
	f, _ := openWritten(t, writtenTable{1, []rec{{"a", 1, Put, strings.Repeat("x", 1<<20)}}})
	f.db.limit = 80 << 10
	scan, _ := told(t, f, nil, nil)
	var e *backends.Error
	if !errors.Is(scan, backends.ErrBudget) || !errors.As(scan, &e) || e.Hint != moreMemory {
		t.Errorf("a block: %v", scan)
	}
}

// TestRangeBounds: where a range deletion makes the bounds of a table, one that has none going so far is another table.
func TestRangeBounds(t *testing.T) {
	db, files, err := openDir(t, filepath.Join(tablesDir(t), "8.10.0-rangedel-only"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	found := 0
	for _, live := range db.families["state"].tables {
		f := *live.TableFile
		if f.Smallest.Kind() != RangeDeletion || f.Largest.Kind() != RangeDeletion {
			continue
		}
		found++
		for name, c := range map[string]struct {
			change func(f *TableFile)
			want   string
		}{
			"as it is":  {func(*TableFile) {}, ""},
			"narrower":  {func(f *TableFile) { f.Smallest.User = append(slices.Clone(f.Smallest.User), 0) }, ""},
			"before":    {func(f *TableFile) { f.Smallest.User = nil }, "the first key is not"},
			"behind":    {func(f *TableFile) { f.Largest.User = append(slices.Clone(f.Largest.User), 0) }, "the last key is not"},
			"of before": {func(f *TableFile) { f.LargestSeq = f.SmallestSeq - 1; f.SmallestSeq = 0 }, "a range deletion has sequence number"},
		} {
			changed := f
			c.change(&changed)
			_, err := OpenTable(blobOf("t", files.data[f.Name()]), &TableOptions{File: &changed})
			says(t, name, "opening", err, c.want)
		}
	}
	if found == 0 {
		t.Error("no table has only range deletions")
	}
}
