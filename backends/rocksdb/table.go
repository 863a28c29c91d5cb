package rocksdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
)

// Names in the meta index of a table, and what they begin with.
const (
	metaProperties    = "rocksdb.properties"
	metaOldProperties = "rocksdb.stats"
	metaIndexBlock    = "rocksdb.index"
	metaDictionary    = "rocksdb.compression_dict"
	metaRangeDel      = "rocksdb.range_del"
	metaRangeDel2     = "rocksdb.range_del2" // Pebble's: cut where they overlap
	metaRangeKeys     = "pebble.range_key"
	metaPartitioned   = "partitionedfilter."

	bytewise   = "leveldb.BytewiseComparator"
	firstTail  = 32 << 10 // how much of the end of a table is read at once
	mostTail   = 8 << 20
	leastHeld  = 4 << 10 // by a table that is open, about
	manifestly = "state.backend.rocksdb.options-factory"
)

// TableOptions are what the reader of a table may know beside it. The zero value will do.
type TableOptions struct {
	// File is what the MANIFEST says of the table; nil where nobody knows. It tells the sequence number of
	// ingested tables and the bounds of range deletions.
	File *TableFile
	// Memory bounds each block, uncompressed, in bytes; 0 stands for backends.DefaultMemory.
	Memory int64
}

// Table is a block-based table (RocksDB: BlockBasedTable). It may be used by many goroutines.
type Table struct {
	blob   backends.Blob
	src    io.ReaderAt // of blob, or of its bytes where they are few
	size   int64
	foot   *footer
	props  *Properties
	meta   map[string]handle
	index  handle
	file   *TableFile
	limit  int64
	codecs decompressor
	// global is the sequence number of all records, where they have none of their own.
	global     uint64
	tombstones []tombstone

	mu      sync.Mutex
	indexed []byte // the index, uncompressed; nil before somebody needs it
	// identified is whether the index ends where the MANIFEST says.
	identified bool
	firstKnown bool // whether the first record is the one that the MANIFEST has
}

// OpenTable reads all of a table but its filter, index and data. It checks the checksums of what it reads, and refuses
// tables that it does not understand. o may be nil. Errors are *backends.Error, or come from the Blob, which is not
// closed.
func OpenTable(blob backends.Blob, o *TableOptions) (*Table, error) {
	if o == nil {
		o = &TableOptions{}
	}
	t := &Table{blob: blob, size: blob.Size(), meta: map[string]handle{}, file: o.File, limit: o.Memory}
	if t.limit <= 0 {
		t.limit = backends.DefaultMemory
	}
	if err := t.open(); err != nil {
		return nil, t.explain(err)
	}
	return t, nil
}

// Properties are what the table says of itself.
func (t *Table) Properties() *Properties { return t.props }

// FormatVersion is the version of the table's format, 0 to 6.
func (t *Table) FormatVersion() int { return int(t.foot.version) }

// Checksum is the kind of its checksums.
func (t *Table) Checksum() Checksum { return t.foot.checksum }

func (t *Table) open() error {
	w, err := t.tail()
	if err != nil {
		return err
	}
	if t.foot, err = parseFooter(w.data, t.size); err != nil {
		return err
	}
	t.codecs.version, t.codecs.limit = t.foot.version, t.limit
	t.index = t.foot.index
	if err := t.readMeta(w); err != nil {
		return err
	}
	if t.index.offset >= w.at {
		b, err := t.block(w, t.index, nil, false)
		if err != nil {
			return err
		}
		t.indexed = bytes.Clone(b)
	}
	if err := t.readProperties(w); err != nil {
		return err
	}
	if h, ok := t.meta[metaDictionary]; ok {
		b, err := t.block(w, h, nil, false)
		if err != nil {
			return err
		}
		t.codecs.dictionary = bytes.Clone(b)
	}
	return t.readTombstones(w)
}

// tail reads the end of the table, where all lies that does not grow with it.
func (t *Table) tail() (*window, error) {
	n := int64(firstTail)
	if t.file != nil && t.file.Tail > 0 {
		n = min(t.file.Tail, mostTail)
	}
	n = min(max(n, footerSize), t.size)
	w := &window{}
	w.open(t.blob, t.size, int(n))
	_, err := w.get(t.size-n, int(n))
	t.src = t.blob
	if n == t.size {
		t.src = bytes.NewReader(w.data)
	}
	return w, err
}

func (t *Table) readMeta(w *window) error {
	b, err := t.block(w, t.foot.metaIndex, nil, false)
	if err != nil {
		return err
	}
	var e entries
	for e.reset(b, false); e.next(); {
		h, n := readHandle(e.value)
		if n == 0 || h.end() > t.size {
			return badFormat(t.foot.metaIndex.offset, "the meta index of a table has a bad handle")
		}
		t.meta[string(e.key)] = h
	}
	if e.err != nil {
		return badFormat(t.foot.metaIndex.offset, "the meta index of a table is damaged: %v", e.err)
	}
	if h, ok := t.meta[metaIndexBlock]; ok && t.foot.version >= contextVersion {
		t.index = h
	}
	if t.index.size == 0 {
		return badFormat(t.foot.metaIndex.offset, "the table has no index")
	}
	return nil
}

func (t *Table) readProperties(w *window) error {
	h, ok := t.meta[metaProperties]
	if !ok {
		h, ok = t.meta[metaOldProperties]
	}
	if !ok {
		return badFormat(t.foot.metaIndex.offset, "the table has no properties")
	}
	b, err := t.block(w, h, nil, false)
	var mismatch *sumError
	if errors.As(err, &mismatch) {
		b, err = t.patchedProperties(w, h, err)
	}
	if err != nil {
		return err
	}
	if t.props, err = parseProperties(b); err != nil {
		return atOffset(err, h.offset)
	}
	return t.accept(h.offset)
}

// patchedProperties reads properties into which RocksDB wrote a sequence number when it ingested the table. Their checksum
// is that from before. Where it is wrong all the same, the error is cause.
func (t *Table) patchedProperties(w *window, h handle, cause error) ([]byte, error) {
	raw, err := w.get(h.offset, int(h.size)+trailerSize)
	if err != nil {
		return nil, err
	}
	p, err := parseProperties(raw[:h.size])
	if err != nil || !p.ingested || p.globalSeq == 0 {
		return nil, cause
	}
	before := bytes.Clone(raw)
	clear(before[p.globalSeqAt : p.globalSeqAt+8])
	if t.checkSum(before, h) != nil {
		return nil, cause
	}
	return raw[:h.size], nil
}

// accept refuses tables whose keys would be misread.
func (t *Table) accept(at int64) error {
	if c := t.props.Comparator; c != "" && c != bytewise {
		return &formatError{offset: at, message: "the keys of the table are ordered by " + c, hint: "only " + bytewise + " is read here, which Flink uses unless " + manifestly + " says otherwise"}
	}
	if t.foot.pebble {
		return t.acceptPebble(at)
	}
	if !t.props.ingested {
		return nil
	}
	t.global = t.props.globalSeq
	if t.file == nil {
		return nil
	}
	if t.global == 0 {
		t.global = t.file.LargestSeq
	}
	if t.global != t.file.LargestSeq {
		return badFormat(at, "the ingested table has sequence number %d, and %d in the MANIFEST", t.global, t.file.LargestSeq)
	}
	return nil
}

// Global is the sequence number of all records of a table that was ingested; 0 where they have their own.
func (t *Table) Global() uint64 { return t.global }

// checkSum checks a block with its trailer.
func (t *Table) checkSum(b []byte, h handle) error {
	n := len(b) - 4
	want := binary.LittleEndian.Uint32(b[n:])
	if got := t.foot.checksum.sum(b[:n]) + contextSum(t.foot.context, h.offset); got != want {
		return &sumError{got, want, h.size}
	}
	return nil
}

// block reads a block, which is valid until the next use of the window, and of buf, which takes what was
// compressed, and grows; nil stands for one that is used once. data is whether it is one of data.
func (t *Table) block(w *window, h handle, buf *[]byte, data bool) ([]byte, error) {
	if h.end() > t.size-t.foot.size {
		return nil, badFormat(t.size-t.foot.size, "the table names a block at %d with %d bytes, which is not within it", h.offset, h.size)
	}
	if h.size > t.limit {
		return nil, atOffset(&tooLarge{size: h.size, limit: t.limit}, h.offset)
	}
	b, err := w.get(h.offset, int(h.size)+trailerSize)
	if err != nil {
		return nil, atCut(err, h.offset)
	}
	if err := t.checkSum(b, h); err != nil {
		return nil, atOffset(err, h.offset)
	}
	raw, c := b[:h.size:h.size], codec(b[h.size])
	if c == codecNone {
		return raw, nil
	}
	if buf == nil {
		buf = new([]byte)
	}
	out, err := t.codecs.decode(*buf, raw, c, data)
	if err != nil {
		return nil, atOffset(err, h.offset)
	}
	*buf = out[:0]
	return out, nil
}

// readIndex gives the index, uncompressed. It is read once.
func (t *Table) readIndex() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.indexed == nil {
		var w window
		w.open(t.src, t.index.end(), 0)
		b, err := t.block(&w, t.index, nil, false)
		var large *tooLarge
		if errors.As(err, &large) {
			large.index = true
		}
		if err != nil {
			return nil, t.explain(err)
		}
		t.indexed = b
	}
	if !t.identified {
		if err := t.checkLast(t.indexed); err != nil {
			return nil, t.explain(err)
		}
		t.identified = true
	}
	return t.indexed, nil
}

// held is how many bytes of memory the table keeps, about.
func (t *Table) held() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := int64(len(t.indexed)+len(t.codecs.dictionary)) + leastHeld
	if t.src != t.blob {
		n += t.size
	}
	return n
}
