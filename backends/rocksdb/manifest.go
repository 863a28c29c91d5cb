package rocksdb

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// TableFile is what the MANIFEST says of a live table (RocksDB: FileMetaData).
type TableFile struct {
	Number   uint64
	Level    int
	Size     int64 // in bytes
	Smallest InternalKey
	Largest  InternalKey
	// SmallestSeq and LargestSeq are the extremes of its records' sequence numbers.
	SmallestSeq, LargestSeq uint64
	// Tail is how many bytes follow the data blocks, 0 where the MANIFEST does not say.
	Tail int64
}

// Name is the name of the table in its database.
func (f *TableFile) Name() string { return fmt.Sprintf("%06d.sst", f.Number) }

// Family is a column family: the records of one state (RocksDB: ColumnFamilyData).
type Family struct {
	ID         uint32
	Name       string
	Comparator string
	// Files are the live tables by level, those of level 0 with the newest first, others by their keys.
	Files []*TableFile
}

// Manifest is what a MANIFEST comes to (RocksDB: VersionSet).
type Manifest struct {
	Families     []*Family // by ID
	LastSequence uint64

	open  map[uint32]*building
	group uint64 // how many edits are still to come of those that count together
}

// building is a family while edits are read.
type building struct {
	*Family
	files map[fileKey]*TableFile
}

type fileKey struct {
	level  uint64
	number uint64
}

// The fields of a VersionEdit (RocksDB: Tag in db/version_edit.h).
const (
	tagComparator     = 1
	tagLogNumber      = 2
	tagNextFile       = 3
	tagLastSequence   = 4
	tagCompactPointer = 5
	tagDeletedFile    = 6
	tagNewFile        = 7
	tagPrevLog        = 9
	tagMinLogToKeep   = 10
	tagNewFile2       = 100
	tagNewFile3       = 102
	tagNewFile4       = 103
	tagColumnFamily   = 200
	tagAddFamily      = 201
	tagDropFamily     = 202
	tagMaxFamily      = 203
	tagAtomicGroup    = 300
	tagBlobAddition   = 400
	tagBlobGarbage    = 401
	tagIgnorable      = 1 << 13

	fileEnd           = 1
	fileNeedsCompact  = 2
	fileTail          = 15
	filePath          = 65
	fileMustBeKnown   = 1 << 6 // fields that cannot be ignored have this bit
	userTimestampFlag = 8201
)

// ParseManifest reads a MANIFEST. Errors tell the offset in it.
func ParseManifest(b []byte) (*Manifest, error) {
	m := &Manifest{open: map[uint32]*building{0: newBuilding(0, "default")}}
	if len(b) == 0 {
		return nil, badFormat(0, "the MANIFEST is empty")
	}
	err := logRecords(b, func(offset int64, record []byte) error {
		e := &edit{m: m, b: record, offset: offset}
		if err := e.apply(); err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m.group != 0 {
		return nil, badFormat(int64(len(b)), "the MANIFEST ends before the %d edits that belong to its last ones", m.group)
	}
	m.finish()
	return m, nil
}

func newBuilding(id uint32, name string) *building {
	return &building{&Family{ID: id, Name: name}, map[fileKey]*TableFile{}}
}

func (m *Manifest) finish() {
	for _, f := range m.open {
		for _, file := range f.files {
			f.Files = append(f.Files, file)
		}
		slices.SortFunc(f.Files, compareFiles)
		m.Families = append(m.Families, f.Family)
	}
	slices.SortFunc(m.Families, func(a, b *Family) int { return cmp.Compare(a.ID, b.ID) })
	m.open = nil
}

func compareFiles(a, b *TableFile) int {
	if c := cmp.Compare(a.Level, b.Level); c != 0 {
		return c
	}
	if a.Level > 0 {
		if c := a.Smallest.Compare(b.Smallest); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(b.LargestSeq, a.LargestSeq), cmp.Compare(b.Number, a.Number))
}

// edit reads one VersionEdit. After an error its methods give zero values.
type edit struct {
	m      *Manifest
	b      []byte
	offset int64
	err    error

	family  uint32
	added   *string
	dropped bool
	deleted []fileKey
	files   []*TableFile
	compare string
}

func (e *edit) fail(format string, args ...any) {
	if e.err == nil {
		e.err = badFormat(e.offset, "the MANIFEST: "+format, args...)
	}
}

func (e *edit) u64() uint64 {
	if e.err != nil {
		return 0
	}
	v, n := binary.Uvarint(e.b)
	if n <= 0 {
		e.fail("an edit ends within a number")
		return 0
	}
	e.b = e.b[n:]
	return v
}

// u32 is a number of 32 bits.
func (e *edit) u32() uint32 {
	v := e.u64()
	if v > 1<<32-1 {
		e.fail("a number of %d, of more than 32 bits", v)
	}
	return uint32(v)
}

func (e *edit) str() []byte {
	n := e.u64()
	if e.err == nil && n > uint64(len(e.b)) {
		e.fail("an edit ends within a string")
	}
	if e.err != nil {
		return nil
	}
	s := e.b[:n]
	e.b = e.b[n:]
	return s
}

// apply reads the fields, and then changes the Manifest as they say.
func (e *edit) apply() error {
	for len(e.b) > 0 && e.err == nil {
		e.field(e.u64())
	}
	if e.err != nil {
		return e.err
	}
	if e.added != nil {
		if e.m.open[e.family] != nil && e.family != 0 {
			e.fail("column family %d is added twice", e.family)
		}
		e.m.open[e.family] = newBuilding(e.family, *e.added)
	}
	f := e.m.open[e.family]
	if f == nil {
		e.fail("an edit of column family %d, which is not there", e.family)
		return e.err
	}
	if e.compare != "" {
		f.Comparator = e.compare
	}
	e.change(f)
	if e.dropped {
		delete(e.m.open, e.family)
	}
	return e.err
}

func (e *edit) change(f *building) {
	for _, k := range e.deleted {
		if f.files[k] == nil {
			e.fail("it deletes table %06d, which is not in level %d", k.number, k.level)
		}
		delete(f.files, k)
	}
	for _, file := range e.files {
		k := fileKey{uint64(file.Level), file.Number}
		if f.files[k] != nil {
			e.fail("it adds table %06d twice", file.Number)
		}
		f.files[k] = file
	}
}

func (e *edit) field(tag uint64) {
	switch tag {
	case tagComparator:
		e.compare = string(e.str())
	case tagLogNumber, tagNextFile, tagPrevLog, tagMinLogToKeep, tagMaxFamily:
		e.u64()
	case tagAtomicGroup:
		e.m.group = e.u64()
	case tagLastSequence:
		e.m.LastSequence = max(e.m.LastSequence, e.u64())
	case tagCompactPointer:
		e.u64()
		e.str()
	case tagDeletedFile:
		level := e.u64()
		e.deleted = append(e.deleted, fileKey{level, e.u64()})
	case tagNewFile, tagNewFile2, tagNewFile3, tagNewFile4:
		e.newFile(tag)
	case tagColumnFamily:
		e.family = e.u32()
	case tagAddFamily:
		name := string(e.str())
		e.added = &name
	case tagDropFamily:
		e.dropped = true
	case tagBlobAddition, tagBlobGarbage:
		e.fail("the database keeps values in blob files, which are not read here (RocksDB option enable_blob_files)")
	case userTimestampFlag:
		e.userTimestamps(e.str())
	default:
		if tag < tagIgnorable {
			e.fail("an edit has an unknown field, %d", tag)
		}
		e.str()
	}
}

func (e *edit) userTimestamps(b []byte) {
	if len(b) == 1 && b[0] == 0 {
		e.fail("keys have timestamps that the tables leave out, which are not read here")
	}
}

const mostLevel = 64

func (e *edit) newFile(tag uint64) {
	f := &TableFile{LargestSeq: maxSeq}
	level := e.u64()
	f.Number = e.u64()
	if tag == tagNewFile3 {
		e.u64() // path
	}
	size := e.u64()
	f.Smallest, f.Largest = e.key(), e.key()
	if tag != tagNewFile {
		f.SmallestSeq, f.LargestSeq = e.u64(), e.u64()
	}
	if level > mostLevel || size > maxFile || f.LargestSeq > maxSeq || f.SmallestSeq > f.LargestSeq {
		e.fail("table %06d has no sensible level, size or sequence numbers", f.Number)
	}
	f.Level, f.Size = int(level), int64(size)
	if tag == tagNewFile4 {
		e.fileFields(f)
	}
	e.files = append(e.files, f)
}

func (e *edit) key() InternalKey {
	k, ok := parseKey(bytes.Clone(e.str()))
	if !ok {
		e.fail("a key of fewer than %d bytes", keyTrailer)
	}
	return k
}

// fileFields reads what newer versions say of a table.
func (e *edit) fileFields(f *TableFile) {
	for e.err == nil {
		tag := e.u64()
		if tag == fileEnd || e.err != nil {
			return
		}
		switch v := e.str(); {
		case tag == fileTail:
			n, k := binary.Uvarint(v)
			if k <= 0 || int64(n) > f.Size {
				e.fail("the tail of table %06d has no sensible size", f.Number)
			}
			f.Tail = int64(n)
		case tag == fileNeedsCompact || tag == filePath:
		case tag&fileMustBeKnown != 0:
			e.fail("table %06d has an unknown field, %d", f.Number, tag)
		}
	}
}
