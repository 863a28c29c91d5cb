package layout

import (
	"encoding/binary"
	"time"
)

// FileID numbers the files of a Files, from 0 on.
type FileID int32

// NoFile stands for a file that the listing did not show.
const NoFile FileID = -1

// Files is every file of one listing, in about 100 bytes each: there may be millions.
// Flink names files by UUIDs, which are kept as 16 bytes.
type Files struct {
	nodes  []*node
	byKey  map[string]*node
	rows   rowList
	others []string
	uuids  uuidTable
	names  map[nameIn]FileID
}

type fileRow struct {
	name     randomName // or, where other, the number of the name in others
	size     int64
	modified int64 // nanoseconds since 1970, noTime where the store tells none
	dir      int32
	other    bool
}

// rowList is the rows in chunks, so that it can grow without being copied.
type rowList struct {
	chunks [][]fileRow
	n      int
}

// rowChunk is how many rows a chunk has; a power of two.
const rowChunk = 1 << 14

func (l *rowList) add(r fileRow) {
	if l.n%rowChunk == 0 {
		l.chunks = append(l.chunks, nil)
	}
	last := &l.chunks[l.n/rowChunk]
	*last = append(*last, r)
	l.n++
}

func (l *rowList) at(id FileID) *fileRow { return &l.chunks[id/rowChunk][id%rowChunk] }

// nameIn is a name that is no UUID, in a directory.
type nameIn struct {
	name string
	dir  int32
}

const noTime = -1 << 63

func newFiles() *Files {
	return &Files{names: map[nameIn]FileID{}}
}

// add takes a file that lies in the directory dir.
func (f *Files) add(dir *node, name string, o Object) {
	id := FileID(f.rows.n)
	row := fileRow{size: o.Size, modified: noTime, dir: dir.number}
	switch year := o.Modified.Year(); {
	case o.Modified.IsZero() || year < 1700:
	case year > 2200: // UnixNano would overflow: it is the future in any case
		row.modified = 1<<63 - 1
	default:
		row.modified = o.Modified.UnixNano()
	}
	if u, ok := parseUUID(name); ok {
		row.name = u
		f.uuids.add(&f.rows, u, dir.number)
	} else {
		row.other = true
		binary.BigEndian.PutUint64(row.name[:], uint64(len(f.others)))
		f.others = append(f.others, name)
		f.names[nameIn{name, dir.number}] = id
	}
	f.rows.add(row)
}

// find looks up a file by the number of its directory and its name.
func (f *Files) find(dir int32, name string) FileID {
	if u, ok := parseUUID(name); ok {
		return f.uuids.find(&f.rows, u, dir)
	}
	if id, ok := f.names[nameIn{name, dir}]; ok {
		return id
	}
	return NoFile
}

// Find looks up a file by its key.
func (f *Files) Find(key string) FileID {
	dir, name := splitKey(key)
	n := f.byKey[dir]
	if n == nil {
		return NoFile
	}
	return f.find(n.number, name)
}

// hidden tells why the files in the directory key may not all be known.
func (f *Files) hidden(key string) error {
	for {
		if n := f.byKey[key]; n != nil && n.err != nil {
			return n.err
		}
		if key == "" {
			return nil
		}
		key, _ = splitKey(key)
	}
}

// Len is how many files there are.
func (f *Files) Len() int { return f.rows.n }

// Size is in bytes.
func (f *Files) Size(id FileID) int64 { return f.rows.at(id).size }

// Modified is zero where the store does not tell.
func (f *Files) Modified(id FileID) time.Time {
	if n := f.rows.at(id).modified; n != noTime {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// Key is the path below the root of the listing.
func (f *Files) Key(id FileID) string {
	if dir := f.node(id).key; dir != "" {
		return dir + "/" + f.Name(id)
	}
	return f.Name(id)
}

// Name is the last element of the key.
func (f *Files) Name(id FileID) string {
	r := f.rows.at(id)
	if r.other {
		return f.others[binary.BigEndian.Uint64(r.name[:])]
	}
	return r.name.String()
}

// Random tells whether the name is a UUID, as Flink names files of state.
func (f *Files) Random(id FileID) bool { return !f.rows.at(id).other }

// NameHash is equal for files of equal random names, in this process, and nearly never for
// others.
func (f *Files) NameHash(id FileID) uint64 { return hashUUID(f.rows.at(id).name, 0) }

// Area tells in what kind of directory the file lies.
func (f *Files) Area(id FileID) Area { return f.node(id).area }

// Job is the nearest job whose directory encloses the file.
func (f *Files) Job(id FileID) (job JobID, ok bool) {
	if j := f.node(id).job; j != nil {
		return *j, true
	}
	return job, false
}

// Snapshot is the directory of the snapshot that encloses the file, if one does.
func (f *Files) Snapshot(id FileID) (dir string, ok bool) {
	owner := f.node(id).owner
	if owner == nil {
		return "", false
	}
	if owner.pieceOf != "" {
		return owner.pieceOf, true
	}
	return owner.Dir, true
}

func (f *Files) node(id FileID) *node { return f.nodes[f.rows.at(id).dir] }
