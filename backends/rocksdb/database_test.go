package rocksdb

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// TestFileSet holds what is told of a handle whose files are not those of its MANIFEST.
func TestFileSet(t *testing.T) {
	dir := filepath.Join(tablesDir(t), "8.10.0-options-levels")
	for _, c := range []struct {
		name   string
		change func(*memFiles, *metadata.IncrementalHandle)
		opens  string // what opening says
		scan   string // what reading says
		report string // what verifying says
	}{
		{name: "nothing", change: func(*memFiles, *metadata.IncrementalHandle) {}},
		{name: "no CURRENT", change: without("CURRENT"), opens: "CURRENT at byte 0: the handle of the database does not have this file"},
		{name: "no MANIFEST", change: without("MANIFEST-000005"), opens: "MANIFEST-000005 at byte 0: the handle"},
		{name: "no table", change: without("000010.sst"), opens: "MANIFEST-000005 at byte 0: the MANIFEST has table 000010.sst, which the handle"},
		{name: "a table of another size", change: sized("000010.sst"), opens: "bytes, and the handle of the database has it with"},
		{name: "another size", change: edited("000010.sst", func(b []byte) []byte { return append(b, 0) }), scan: "bytes, and", report: "in the MANIFEST"},
		{name: "a strange CURRENT", change: edited("CURRENT", func([]byte) []byte { return []byte("OPTIONS-1\n") }), opens: "names no MANIFEST"},
		{name: "an empty MANIFEST", change: edited("MANIFEST-000005", func([]byte) []byte { return nil }), opens: "the MANIFEST is empty"},
		{name: "half a MANIFEST", change: edited("MANIFEST-000005", func(b []byte) []byte { return b[:len(b)-3] }), opens: "the MANIFEST ends within a record"},
		{name: "one more", change: more("000099.sst"), opens: "the handle of the database has table 000099.sst, which the MANIFEST"},
		{name: "a log", change: more("000098.log"), report: "the handle has 000098.log"},
	} {
		files, h := loadDir(t, dir)
		c.change(files, h)
		db, err := openDatabase(context.Background(), files, h, &backends.Options{})
		says(t, c.name, "opening", err, c.opens)
		if err != nil {
			continue
		}
		m := db.families["state"].scan(context.Background(), nil, nil, 0)
		_, _, err = digest(m)
		m.close()
		says(t, c.name, "reading", err, c.scan)
		var told error
		r := &Reader{db: db}
		if _, err := r.VerifyFiles(context.Background(), func(e *backends.Error) { told = e }); err != nil {
			t.Error(err)
		}
		says(t, c.name, "verifying", told, c.report)
		db.close()
		if n := files.open.Load(); n != 0 {
			t.Errorf("%s: %d files are still open", c.name, n)
		}
	}
}

func says(t *testing.T, name, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s, %s: %v, not %q", name, what, err, want)
	}
}

func without(name string) func(*memFiles, *metadata.IncrementalHandle) {
	return func(_ *memFiles, h *metadata.IncrementalHandle) {
		for i, f := range h.Shared {
			if string(f.Name) == name {
				h.Shared = append(h.Shared[:i], h.Shared[i+1:]...)
				return
			}
		}
	}
}

// sized makes the handle say another size than the MANIFEST does.
func sized(name string) func(*memFiles, *metadata.IncrementalHandle) {
	return func(_ *memFiles, h *metadata.IncrementalHandle) {
		for _, f := range h.Shared {
			if string(f.Name) == name {
				f.File.(*metadata.FileHandle).Size++
			}
		}
	}
}

func edited(name string, change func([]byte) []byte) func(*memFiles, *metadata.IncrementalHandle) {
	return func(f *memFiles, _ *metadata.IncrementalHandle) { f.data[name] = change(f.data[name]) }
}

func more(name string) func(*memFiles, *metadata.IncrementalHandle) {
	return func(f *memFiles, h *metadata.IncrementalHandle) {
		f.data[name] = nil
		h.Private = append(h.Private, metadata.NamedFile{Name: metadata.UTF(name), File: &metadata.FileHandle{Path: metadata.UTF(name)}})
	}
}

// logOf writes records in the log format, those of more than 32 KiB in pieces, with the number of the log if it
// is recycled.
func logOf(recycled bool, records ...string) []byte {
	var b []byte
	header, extra := logHeader, byte(0)
	if recycled {
		header, extra = recycleHeader, logLast
	}
	for _, r := range records {
		for first := true; first || len(r) > 0; first = false {
			if room := logBlock - len(b)%logBlock; room < header {
				b = append(b, make([]byte, room)...)
			}
			n := min(len(r), logBlock-len(b)%logBlock-header)
			kind := map[[2]bool]byte{{true, true}: logFull, {true, false}: logFirst, {false, false}: logMiddle, {false, true}: logLast}[[2]bool{first, n == len(r)}]
			body := append([]byte{kind + extra}, make([]byte, header-logHeader)...)
			body = append(body, r[:n]...)
			b = binary.LittleEndian.AppendUint32(b, maskCRC(crc32.Checksum(body, castagnoli)))
			b = binary.LittleEndian.AppendUint16(b, uint16(n))
			b = append(b, body...)
			r = r[n:]
		}
	}
	return b
}

// TestLog reads records in one piece and in many.
func TestLog(t *testing.T) {
	for _, recycled := range []bool{false, true} {
		for _, size := range []int{0, 1, logBlock - 20, logBlock - logHeader, logBlock, 3*logBlock + 5} {
			want := []string{"first", strings.Repeat("x", size), "last"}
			var got []string
			b := logOf(recycled, want...)
			err := logRecords(b, func(_ int64, r []byte) error { got = append(got, string(r)); return nil })
			if err != nil || len(got) != 3 || got[1] != want[1] || got[2] != want[2] {
				t.Errorf("%d bytes: %d records: %v", size, len(got), err)
			}
			for i := 0; i < len(b); i += 1 + len(b)/50 {
				b[i] ^= 0x40
				if err := logRecords(b, func(int64, []byte) error { return nil }); err == nil && !padding(b, i) {
					t.Errorf("%d bytes: nothing is noticed of byte %d changed", size, i)
				}
				b[i] ^= 0x40
			}
		}
	}
}

// padding tells whether byte i is one of those at the end of a block that are skipped.
func padding(b []byte, i int) bool {
	return logBlock-i%logBlock < recycleHeader && len(b)/logBlock > i/logBlock
}

// TestEdits holds what is refused of a MANIFEST.
func TestEdits(t *testing.T) {
	file := func(level byte) string {
		return "\x67" + string(level) + "\x09\x64\x09a\x01\x01\x00\x00\x00\x00\x00\x00\x09b\x01\x02\x00\x00\x00\x00\x00\x00\x01\x02"
	}
	for _, c := range []struct{ name, record, want string }{
		{"a file", file(1) + "\x01", ""},
		{"with what can be ignored", file(1) + "\x0c\x02xx\x01", ""},
		{"with what cannot", file(1) + "\x7f\x02xx\x01", "unknown field, 127"},
		{"twice", file(1) + "\x01" + file(1) + "\x01", "twice"},
		{"in no level", file(99) + "\x01", "no sensible level"},
		{"cut off", file(1), "ends within a number"},
		{"deletes what is not there", "\x06\x01\x07", "which is not in level 1"},
		{"deletes and adds", file(1) + "\x01\x06\x02\x09", "which is not in level 2"},
		{"of no column family", "\xc8\x01\x05" + file(1) + "\x01", "column family 5"},
		{"adds one", "\xc8\x01\x05\xc9\x01\x03abc", ""},
		{"a field that is unknown", "\x63\x00", "unknown field, 99"},
		{"one that can be ignored", "\x8f\x40\x02xx", ""},
		{"a blob file", "\x90\x03\x00", "blob files"},
		{"timestamps that are left out", "\x89\x40\x01\x00", "timestamps"},
		{"timestamps that are not", "\x89\x40\x01\x01", ""},
		{"half a group", "\xac\x02\x03", "the 3 edits"},
	} {
		m, err := ParseManifest(logOf(false, c.record))
		says(t, c.name, "parsing", err, c.want)
		if err == nil && m.Families[0].Name != "default" {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}

// TestOptions reads the merge operators of both versions.
func TestOptions(t *testing.T) {
	got := parseOptions(`# a comment
[DBOptions]
  merge_operator=not this
[CFOptions "old"]
  merge_operator=StringAppendTESTOperator
[CFOptions "new ] name"]
  merge_operator={id=StringAppendTESTOperator;delimiter=,;}
[CFOptions "semicolon"]
  merge_operator={id=StringAppendTESTOperator;delimiter=;;}
[CFOptions "none"]
  merge_operator=nullptr
[TableOptions/BlockBasedTable "none"]
  merge_operator=nor this
`)
	for name, want := range map[string]mergeOperator{
		"old": {appendTest, ","}, "new ] name": {appendTest, ","}, "semicolon": {appendTest, ";"}, "none": {"nullptr", ","},
	} {
		if got[name] != want {
			t.Errorf("%s: %+v", name, got[name])
		}
	}
	if len(got) != 4 {
		t.Errorf("%d column families", len(got))
	}
}

// TestMisplaced holds that keys of key groups that a job does not have are found.
func TestMisplaced(t *testing.T) {
	f, _ := openWritten(t, writtenTable{1, []rec{{"\x00\x05a", 1, Put, ""}, {"\x01\x00b", 2, Put, ""}}})
	for most, want := range map[int32]string{257: "", 256: "key groups 5 to 256, and there are 256", 0: ""} {
		r := &Reader{db: f.db, prefix: 2, origin: backends.Origin{MaxParallelism: most}}
		var told error
		if _, err := r.VerifyFiles(context.Background(), func(e *backends.Error) { told = e }); err != nil {
			t.Error(err)
		}
		says(t, "misplaced", "verifying", told, want)
	}
}
