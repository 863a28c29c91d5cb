package rocksdb

import (
	"encoding/binary"
)

// IndexType is the kind of index of a table (RocksDB: BlockBasedTableOptions::IndexType).
type IndexType uint32

// The types.
const (
	BinarySearch IndexType = iota
	HashSearch             // for reading, the same as BinarySearch
	TwoLevel
	BinarySearchWithFirstKey
)

// Properties are what a table says of itself (RocksDB: TableProperties).
type Properties struct {
	Entries        uint64 // records, range deletions among them
	Deletions      uint64 // of keys and of ranges
	MergeOperands  uint64
	RangeDeletions uint64
	DataBlocks     uint64
	DataSize       uint64 // of the data blocks with their trailers, in bytes
	RawKeySize     uint64
	RawValueSize   uint64

	ColumnFamily  string // its name; "" where there is none
	Comparator    string // "leveldb.BytewiseComparator"
	MergeOperator string // "StringAppendTESTOperator", "nullptr"
	Compression   string // "Snappy", "NoCompression"
	FilterPolicy  string
	IndexType     IndexType

	// Raw are all properties as they are in the table.
	Raw map[string][]byte

	format      indexFormat
	partitions  uint64 // of the index
	ingested    bool
	globalSeq   uint64 // 0 where it is the MANIFEST's affair
	globalSeqAt int64  // in the block
	has         bool   // whether there is a block of properties at all
}

const propertyPrefix = "rocksdb."

// Names of properties, without propertyPrefix.
const (
	propGlobalSeq   = "external_sst_file.global_seqno"
	propIngested    = "external_sst_file.version"
	propIndexType   = "block.based.table.index.type"
	ingestedVersion = 2 // of files with a global sequence number
)

// numbers are the properties that are a v64.
func (p *Properties) numbers() map[string]*uint64 {
	return map[string]*uint64{
		"num.entries": &p.Entries, "deleted.keys": &p.Deletions, "merge.operands": &p.MergeOperands, "num.range-deletions": &p.RangeDeletions,
		"num.data.blocks": &p.DataBlocks, "data.size": &p.DataSize, "raw.key.size": &p.RawKeySize, "raw.value.size": &p.RawValueSize,
		"index.partitions": &p.partitions,
	}
}

// words are the properties that are text.
func (p *Properties) words() map[string]*string {
	return map[string]*string{
		"column.family.name": &p.ColumnFamily, "comparator": &p.Comparator, "merge.operator": &p.MergeOperator,
		"compression": &p.Compression, "filter.policy": &p.FilterPolicy,
	}
}

// parseProperties reads the block of properties.
func parseProperties(b []byte) (*Properties, error) {
	p := &Properties{Raw: map[string][]byte{}, has: true}
	var e entries
	for e.reset(b, false); e.next(); {
		name := string(e.key)
		p.Raw[name] = append([]byte(nil), e.value...)
		if name == propertyPrefix+propGlobalSeq {
			p.globalSeqAt = int64(e.at - len(e.value))
		}
	}
	if e.err != nil {
		return nil, e.err
	}
	return p, p.interpret()
}

func (p *Properties) interpret() error {
	for name, to := range p.numbers() {
		v, ok := p.Raw[propertyPrefix+name]
		if !ok {
			continue
		}
		n := 0
		if *to, n = binary.Uvarint(v); n <= 0 {
			return badFormat(0, "property %s is % x, which is no number", propertyPrefix+name, v)
		}
	}
	for name, to := range p.words() {
		*to = string(p.Raw[propertyPrefix+name])
	}
	if v := p.Raw[propertyPrefix+propIndexType]; len(v) == 4 {
		p.IndexType = IndexType(binary.LittleEndian.Uint32(v))
	}
	if p.IndexType > BinarySearchWithFirstKey {
		return badFormat(0, "an index of unknown type, %d", p.IndexType)
	}
	p.format = indexFormat{
		delta:    p.flag("index.value.is.delta.encoded"),
		userKeys: p.flag("index.key.is.user.key"),
		firstKey: p.IndexType == BinarySearchWithFirstKey,
	}
	return p.origin()
}

// flag is a property that is a v64 of 0 or 1.
func (p *Properties) flag(name string) bool {
	v, _ := binary.Uvarint(p.Raw[propertyPrefix+name])
	return v != 0
}

// origin reads whether the table was made by itself, and then ingested.
func (p *Properties) origin() error {
	v, ok := p.Raw[propertyPrefix+propIngested]
	if !ok {
		return nil
	}
	seq := p.Raw[propertyPrefix+propGlobalSeq]
	switch {
	case len(v) != 4 || binary.LittleEndian.Uint32(v) > ingestedVersion:
		return badFormat(0, "an ingested table of unknown version, % x", v)
	case binary.LittleEndian.Uint32(v) < ingestedVersion:
		return nil
	case len(seq) != 8:
		return badFormat(0, "an ingested table with a sequence number of %d bytes", len(seq))
	}
	p.ingested, p.globalSeq = true, binary.LittleEndian.Uint64(seq)
	if p.globalSeq > maxSeq {
		return badFormat(0, "an ingested table with sequence number %d", p.globalSeq)
	}
	return nil
}
