package pebble

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/metadata"
)

// localFile is a file of the database as the marker lists it.
type localFile struct {
	name string
	size int64
	sum  uint32 // CRC-32C
}

const markerTitle = "Pebble 1"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// fileNames are all names that files of a database have in a checkpoint.
var fileNames = regexp.MustCompile(`^(\d{6,}\.sst|MANIFEST-\d{6,}|OPTIONS-\d{6,}|marker\.[a-z-]+\.\d{6,}\.[A-Za-z0-9-]+)$`)

// isTable tells whether the name is that of a table.
func isTable(name string) bool { return strings.HasSuffix(name, ".sst") }

// appendMarker writes the content of the marker.
func appendMarker(dst []byte, files []localFile) []byte {
	slices.SortFunc(files, func(a, b localFile) int { return strings.Compare(a.name, b.name) })
	dst = append(dst, markerTitle+"\n"...)
	for _, f := range files {
		dst = fmt.Appendf(dst, "%08x %d %s\n", f.sum, f.size, f.name)
	}
	return dst
}

// readMarker reads what appendMarker writes.
func readMarker(b []byte) (files []localFile, err error) {
	if !bytes.HasSuffix(b, []byte("\n")) {
		return nil, errors.New("the list of files is cut off")
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	if lines.Scan(); lines.Text() != markerTitle {
		return nil, fmt.Errorf("the list of files begins with %.40q, not with %q: another version of ckpt wrote it", lines.Text(), markerTitle)
	}
	for n := 2; lines.Scan(); n++ {
		var f localFile
		if k, err := fmt.Sscanf(lines.Text(), "%x %d %s", &f.sum, &f.size, &f.name); k != 3 || err != nil || !fileNames.MatchString(f.name) || f.size < 0 {
			return nil, fmt.Errorf("the list of files has %.80q in line %d", lines.Text(), n)
		}
		files = append(files, f)
	}
	return files, lines.Err()
}

// marker is the private file that lists the others; nil where the handle is not of this state backend.
func marker(h metadata.KeyedHandle) (metadata.StreamHandle, *metadata.IncrementalHandle) {
	if inc, ok := h.(*metadata.IncrementalHandle); ok {
		for _, f := range inc.Private {
			if f.Name.String() == rocksdb.PebbleMarker {
				return f.File, inc
			}
		}
	}
	return nil, nil
}
