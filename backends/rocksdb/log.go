package rocksdb

import (
	"encoding/binary"
	"hash/crc32"
)

// RocksDB's log format: records of u32 masked CRC-32C, u16 length, u8 type, data, in blocks of 32 KiB. A record that
// does not fit the rest of a block has fragments in several; fewer than 7 bytes at the end of one are zeros.
const (
	logBlock      = 32 << 10
	logHeader     = 7
	recycleHeader = 11 // with the u32 number of the log

	logFull   = 1
	logFirst  = 2
	logMiddle = 3
	logLast   = 4
	logOld    = 8 // the last of the types of recycled logs, which are those above and 4
)

// logRecords gives the records of a log to f, with the offset of their beginning. A record is valid
// during the call only.
func logRecords(b []byte, f func(offset int64, record []byte) error) error {
	var record []byte
	var start int64
	inside := false
	for at := 0; at < len(b); {
		if room := logBlock - at%logBlock; room < logHeader {
			at += room
			continue
		}
		kind, data, size, err := fragment(b, at)
		if err != nil {
			return err
		}
		first := kind == logFull || kind == logFirst
		if first == inside {
			return badFormat(int64(at), "a record of the MANIFEST that is in pieces lacks one")
		}
		if first {
			record, start = record[:0], int64(at)
		}
		record = append(record, data...)
		at += size
		if inside = kind == logFirst || kind == logMiddle; inside {
			continue
		}
		if err := f(start, record); err != nil {
			return err
		}
	}
	if inside {
		return badFormat(int64(len(b)), "the MANIFEST ends within a record")
	}
	return nil
}

// fragment reads the fragment at an offset: its type, as if the log were not recycled, its data,
// and its whole size.
func fragment(b []byte, at int) (kind byte, data []byte, size int, err error) {
	room := min(logBlock-at%logBlock, len(b)-at)
	if room < logHeader {
		return 0, nil, 0, badFormat(int64(at), "the MANIFEST ends within a record")
	}
	sum, n := binary.LittleEndian.Uint32(b[at:]), int(binary.LittleEndian.Uint16(b[at+4:]))
	kind = b[at+6]
	header := logHeader
	if kind > logLast && kind <= logOld {
		kind, header = kind-logLast, recycleHeader
	}
	switch {
	case kind == 0 || kind > logOld:
		return 0, nil, 0, badFormat(int64(at+6), "a record of the MANIFEST of unknown type, %d", b[at+6])
	case header+n > room:
		return 0, nil, 0, badFormat(int64(at), "the MANIFEST ends within a record")
	case maskCRC(crc32.Checksum(b[at+6:at+header+n], castagnoli)) != sum:
		return 0, nil, 0, badFormat(int64(at), "a record of the MANIFEST does not have its checksum")
	}
	return kind, b[at+header : at+header+n], header + n, nil
}
