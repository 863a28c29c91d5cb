package rocksdb

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
)

// PebbleMarker is the name of the private file that says that the tables of a handle are Pebble's, not RocksDB's. The
// database has no column families: a key begins with the number of its state in the header, as u16, and Flink's key follows.
//
// Flink makes a local path of the name, with the directories in it, and writes the file there. The path ends in "/.", which is a
// directory, so Flink always fails, with this text in its error.
const PebbleMarker = "These are tables of Pebble, written by ckpt: resume with ckpt run -s, or write a canonical savepoint first/."

const pebbleCurrent = "marker.manifest." // then a number and the name of the MANIFEST; the highest number counts

// pebbleManifest is the MANIFEST that the newest of Pebble's markers names.
func (db *database) pebbleManifest() (string, error) {
	best, name := uint64(0), ""
	for file := range db.names {
		rest, ok := strings.CutPrefix(file, pebbleCurrent)
		if !ok {
			continue
		}
		number, of, _ := strings.Cut(rest, ".")
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil || !strings.HasPrefix(of, "MANIFEST-") {
			return "", &backends.Error{Path: file, KeyGroup: -1, Message: "the name of this marker of Pebble names no MANIFEST"}
		}
		if name == "" || n > best {
			best, name = n, of
		}
	}
	if name == "" {
		return "", &backends.Error{Path: PebbleMarker, KeyGroup: -1, Message: "the handle of the database has no marker of Pebble that names its MANIFEST"}
	}
	return name, nil
}

// divide makes a family of each state: all have the same tables, and keys that begin with the state's number.
func (db *database) divide(header *schema.Keyed) error {
	all := db.families[defaultFamily]
	if all == nil || len(db.families) > 1 {
		return db.failed("the MANIFEST has column families, and Pebble has none")
	}
	for i := range header.States {
		f := *all
		f.head = binary.BigEndian.AppendUint16(nil, uint16(i))
		db.families[header.States[i].Name] = &f
	}
	return nil
}

// acceptPebble holds what is special in tables of Pebble. Where the MANIFEST has one sequence number for a table, it is that of all
// its records, whatever they say: so are ingested ones.
func (t *Table) acceptPebble(at int64) error {
	if h, ok := t.meta[metaRangeKeys]; ok {
		return badFormat(h.offset, "the table has range keys, which no state has")
	}
	if n := t.props.Raw["pebble.num.values.in.value-blocks"]; len(n) > 0 && n[0] != 0 {
		return badFormat(at, "the table has values apart from their keys, which are not read here")
	}
	if f := t.file; f != nil && f.SmallestSeq == f.LargestSeq {
		t.props.ingested, t.global = true, f.LargestSeq
	}
	return nil
}

// pebblePut is a put below which there were deletions (Pebble: InternalKeyKindSetWithDelete).
const pebblePut = 18

// kind is the kind of a record.
func (t *Table) kind(trailer uint64) Kind {
	if k := Kind(trailer); k != pebblePut || !t.foot.pebble {
		return k
	}
	return Put
}

// misplacedPebble tells whether a table has keys of states that there are not.
func (r *Reader) misplacedPebble(t *liveTable) *backends.Error {
	if k := t.Largest.User; len(k) >= 2 && int(binary.BigEndian.Uint16(k)) < len(r.states) || t.Largest.Kind() == RangeDeletion {
		return nil
	}
	return &backends.Error{Path: r.db.place, KeyGroup: -1, Message: fmt.Sprintf("table %s has keys of a state that is not in the header", t.Name())}
}
