package pebble

import (
	"hash/crc32"
	"strings"

	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/metadata"
)

// localFile is a file of the database as the marker lists it.
type localFile = rocksdb.PebbleFile

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// isTable tells whether the name is that of a table.
func isTable(name string) bool { return strings.HasSuffix(name, ".sst") }

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
