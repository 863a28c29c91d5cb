package rocksdb

import (
	"bytes"
	"strings"
	"testing"
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
