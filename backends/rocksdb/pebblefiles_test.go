package rocksdb

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

const someFiles = "Pebble 1\n0000002a 100 000004.sst\ndeadbeef 0 MANIFEST-000001\n00000000 7 OPTIONS-000003\n12345678 90 header\n01234567 0 marker.manifest.000001.MANIFEST-000001\n"

// TestPebbleFiles reads a list of files, and refuses what is not quite one.
func TestPebbleFiles(t *testing.T) {
	files, err := ParsePebbleFiles([]byte(someFiles))
	if err != nil || len(files) != 5 || files[0] != (PebbleFile{"000004.sst", 100, 42}) || files[3].Name != PebbleHeader {
		t.Fatalf("%+v: %v", files, err)
	}
	for name, list := range map[string]string{
		"nothing":          "",
		"another version":  "Pebble 2" + someFiles[8:],
		"no end of a line": someFiles[:len(someFiles)-1],
		"half a line":      someFiles[:len(someFiles)-20] + "\n",
		"an empty line":    someFiles + "\n",
		"not sorted":       "Pebble 1\n12345678 90 header\n0000002a 100 000004.sst\n",
		"twice":            "Pebble 1\n12345678 90 header\n12345678 90 header\n",
		"a path":           "Pebble 1\n0000002a 100 ../000004.sst\n",
		"another name":     "Pebble 1\n0000002a 100 CURRENT\n",
		"a negative size":  "Pebble 1\n0000002a -1 000004.sst\n",
		"capitals":         strings.Replace(someFiles, "deadbeef", "DEADBEEF", 1),
		"a short sum":      strings.Replace(someFiles, "0000002a", "2a", 1),
		"zeros":            strings.Replace(someFiles, " 100 ", " 0100 ", 1),
		"two blanks":       strings.Replace(someFiles, " 100 ", "  100 ", 1),
		"more in a line":   strings.Replace(someFiles, ".sst", ".sst x", 1),
	} {
		if files, err := ParsePebbleFiles([]byte(list)); err == nil {
			t.Errorf("%s: %+v", name, files)
		}
	}
}

// TestPebbleFamilies: a MANIFEST with column families is none of Pebble.
func TestPebbleFamilies(t *testing.T) {
	long, void := handletest.Type(t, "Long"), handletest.Type(t, "VoidNamespace")
	header, err := schema.AppendKeyed(nil, long, nil, []*backends.Meta{{Name: "state", Kind: backends.Value, Namespace: void, Value: long}}, false)
	if err != nil {
		t.Fatal(err)
	}
	field := func(tag uint64, name string) string {
		b := binary.AppendUvarint(nil, tag)
		if name != "" {
			b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
		}
		return string(b)
	}
	for name, c := range map[string]struct {
		edits []string
		fine  bool
	}{
		"as it should be": {edits: []string{field(tagComparator, bytewise)}, fine: true},
		"none":            {edits: []string{field(tagDropFamily, "")}},
		"another name":    {edits: []string{field(tagAddFamily, "other")}},
		"one of a state":  {edits: []string{field(tagComparator, bytewise), field(tagColumnFamily, "") + "\x01" + field(tagAddFamily, "state")}},
	} {
		files := &memFiles{data: map[string][]byte{
			PebbleHeader: header, "MANIFEST-000001": logOf(false, c.edits...), pebbleCurrent + "000001.MANIFEST-000001": {},
		}}
		var list []PebbleFile
		h := &metadata.IncrementalHandle{Range: metadata.KeyGroupRange{First: 0, Last: 127}}
		for name, b := range files.data {
			list = append(list, PebbleFile{name, int64(len(b)), crc32.Checksum(b, castagnoli)})
			file := &metadata.FileHandle{Path: metadata.UTF(name), Size: int64(len(b))}
			if name == PebbleHeader {
				h.Meta = file
				continue
			}
			h.Private = append(h.Private, metadata.NamedFile{Name: metadata.UTF(name), File: file})
		}
		files.data[PebbleMarker] = AppendPebbleFiles(nil, list)
		h.Private = append(h.Private, metadata.NamedFile{Name: PebbleMarker, File: &metadata.FileHandle{Path: PebbleMarker, Size: int64(len(files.data[PebbleMarker]))}})
		r, err := Open(t.Context(), files, h, backends.Origin{MaxParallelism: 128, Range: h.Range}, &backends.Options{})
		if (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			r.Close()
		}
	}
}

// FuzzPebbleFiles: what is read is written again.
func FuzzPebbleFiles(f *testing.F) {
	f.Add([]byte(someFiles))
	f.Add([]byte("Pebble 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if files, err := ParsePebbleFiles(b); err == nil && !bytes.Equal(AppendPebbleFiles(nil, files), b) {
			t.Fatalf("%q as %+v", b, files)
		}
	})
}
