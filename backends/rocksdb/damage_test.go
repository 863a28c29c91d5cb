package rocksdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// damagedCases are tables of each kind, of which every byte is changed; of all others some are.
var damagedCases = []string{
	"8.10.0-fv0-snappy", "8.10.0-fv1-lz4", "8.10.0-fv2-zlib", "8.10.0-fv3-lz4hc", "8.10.0-fv4-zstd", "6.20.3-fv5-snappy", "8.10.0-fv6-snappy",
	"8.10.0-fv5-index-hash", "8.10.0-fv5-index-firstkey", "8.10.0-fv6-twolevel-xxh3",
	"8.10.0-fv5-xxhash", "8.10.0-fv5-xxhash64", "8.10.0-fv5-nosum", "8.10.0-fv6-nosum",
	"8.10.0-dict-zstd-trained", "8.10.0-ingest-write", "8.10.0-rangedel-only", "8.10.0-hashblocks",
}

// tally counts changed bytes and those of them that were noticed, by region.
type tally map[string]*[2]int

func (t tally) add(region string, noticed bool) {
	if t[region] == nil {
		t[region] = new([2]int)
	}
	t[region][0]++
	if noticed {
		t[region][1]++
	}
}

func (t tally) merge(o tally) {
	for region, n := range o {
		if t[region] == nil {
			t[region] = new([2]int)
		}
		t[region][0] += n[0]
		t[region][1] += n[1]
	}
}

func (t tally) String() string {
	var s strings.Builder
	for _, region := range slices.Sorted(maps.Keys(t)) {
		n := t[region]
		fmt.Fprintf(&s, "\n%-28s %7d bytes, %6.2f %% noticed", region, n[0], 100*float64(n[1])/float64(n[0]))
	}
	return s.String()
}

// TestDamage changes each byte of tables of all kinds, one at a time. Every changed byte of a block and of its
// trailer is noticed where there are checksums. As measured, of all bytes of 18 tables:
//
//	blocks and their trailers            100 %
//	the footer                           100 %, with or without a checksum of its own: see TestFooterVersion
//	blocks of tables without checksums    51 %
//	their trailers and footers           100 %
func TestDamage(t *testing.T) {
	total, mu := tally{}, new(sync.Mutex)
	t.Run("each", func(t *testing.T) {
		for _, o := range oracles(t) {
			step := 997
			if slices.Contains(damagedCases, o.name) && !raceDetector {
				step = 1
			}
			if _, kind, _ := strings.Cut(o.name, "-"); refused[kind] == "" {
				t.Run(o.name, func(t *testing.T) {
					t.Parallel()
					found := damageDatabase(t, o, step)
					mu.Lock()
					defer mu.Unlock()
					total.merge(found)
				})
			}
		}
	})
	t.Log(total)
}

func damageDatabase(t *testing.T, o oracle, step int) tally {
	t.Helper()
	db, files, err := openDir(t, filepath.Join(tablesDir(t), o.name))
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	found := tally{}
	for _, f := range db.families[o.family].tables {
		damageTable(t, o.name, f, files.data[f.Name()], step, found)
	}
	return found
}

// TestFooterVersion changes the version before there was a checksum of the footer to all others: nobody notices one
// that has the same blocks, and nothing else is read then.
func TestFooterVersion(t *testing.T) {
	for _, name := range []string{"8.10.0-fv5-none", "8.10.0-fv5-snappy", "8.10.0-fv2-zlib", "8.10.0-fv1-lz4", "8.10.0-fv3-index-twolevel"} {
		db, files, err := openDir(t, filepath.Join(tablesDir(t), name))
		if err != nil {
			t.Fatal(err)
		}
		f := db.families["state"].tables[0]
		data := files.data[f.Name()]
		table, err := f.acquire()
		if err != nil {
			t.Fatal(err)
		}
		want, at := contents(table), len(data)-footerSize+versionAt
		missed := 0
		for v := range 256 {
			if byte(v) == data[at] {
				continue
			}
			changed := bytes.Clone(data)
			changed[at] = byte(v)
			noticed, same := notices(t, f.TableFile, changed, want)
			if !noticed {
				missed++
			}
			if !noticed && !same {
				t.Errorf("%s: as version %d it is another table, and nothing is noticed", name, v)
			}
		}
		if missed > newestVersion-2 {
			t.Errorf("%s: %d versions are not noticed", name, missed)
		}
		db.close()
	}
}

func damageTable(t *testing.T, name string, f *liveTable, data []byte, step int, total tally) {
	t.Helper()
	table, err := f.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer f.release()
	regions := regionsOf(t, table, len(data))
	want := contents(table)
	for i := 0; i < len(data); i += step {
		region := regions[i]
		changed := bytes.Clone(data)
		changed[i] ^= byte(1 + i%255)
		noticed, same := notices(t, f.TableFile, changed, want)
		total.add(region, noticed)
		if !noticed && !strings.HasPrefix(region, "none:") && (!same || region == "block" || region == "trailer") {
			t.Errorf("%s, %s: nothing is noticed of byte %d, in its %s, changed", name, f.Name(), i, region)
		}
	}
}

// regionsOf tells of each byte what it is part of.
func regionsOf(t *testing.T, table *Table, size int) []string {
	t.Helper()
	v := &verifier{t: table, report: func(e *backends.Error) { t.Fatal(e) }}
	v.win.open(table.src, table.size, mostRead)
	if err := errors.Join(v.data(context.Background()), v.rest()); err != nil {
		t.Fatal(err)
	}
	prefix := ""
	if table.Checksum() == NoChecksum {
		prefix = "none: "
	}
	regions := make([]string, size)
	for i := range regions {
		regions[i] = prefix + "padding"
	}
	paint := func(from, n int64, what string) {
		for i := range n {
			regions[from+i] = prefix + what
		}
	}
	for _, h := range v.blocks {
		paint(h.offset, h.size, "block")
		paint(h.offset+h.size, trailerSize, "trailer")
	}
	if prefix != "" || table.foot.version < contextVersion {
		paint(table.size-table.foot.size, table.foot.size, "footer")
	} else {
		paint(table.size-table.foot.size, table.foot.size, "footer of version 6")
	}
	return regions
}

// contents are all records, as one string.
func contents(table *Table) string {
	var s strings.Builder
	it := table.Iterator(0)
	for it.Next() {
		fmt.Fprintf(&s, "%x %d %d %x\n", it.UserKey(), it.Seq(), it.Kind(), it.Value())
	}
	return fmt.Sprint(s.String(), it.Err(), table.tombstones)
}

// notices tells whether an error or a report comes of a table, and else whether its contents are as they should.
func notices(t *testing.T, f *TableFile, data []byte, want string) (noticed, same bool) {
	t.Helper()
	table, err := OpenTable(blobOf("damaged", data), &TableOptions{File: f})
	if err != nil {
		return true, false
	}
	reports := 0
	if _, err := table.Verify(context.Background(), func(*backends.Error) { reports++ }); err != nil {
		t.Fatal(err)
	}
	if reports > 0 {
		contents(table) // it must not panic either
		return true, false
	}
	return false, contents(table) == want
}

// TestCut cuts tables at each length: none is read.
func TestCut(t *testing.T) {
	for _, name := range damagedCases {
		db, files, err := openDir(t, filepath.Join(tablesDir(t), name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range db.families["state"].tables {
			data := files.data[f.Name()]
			for n := range len(data) {
				if _, err := OpenTable(blobOf("cut", data[:n]), &TableOptions{}); err == nil {
					t.Fatalf("%s: %d of %d bytes are a table", name, n, len(data))
				}
			}
		}
	}
}
