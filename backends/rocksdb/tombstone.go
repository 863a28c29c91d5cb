package rocksdb

import "bytes"

// tombstone deletes what lies from start up to but not at end, and is older than seq (RocksDB:
// range tombstone).
type tombstone struct {
	start, end InternalKey
	seq        uint64
}

// highest is the trailer of a key that comes before all records of its user key.
const highest = 1<<64 - 1

// readTombstones reads the range deletions of the table, cut to the bounds that the MANIFEST gives it: beyond them
// they may be out of date.
func (t *Table) readTombstones(w *window) error {
	h, ok := t.meta[metaRangeDel]
	if !ok {
		h, ok = t.meta[metaRangeDel2]
	}
	if !ok {
		return t.spanned(span{})
	}
	b, err := t.block(w, h, nil, false)
	if err != nil {
		return err
	}
	var e entries
	var all span
	for e.reset(b, false); e.next(); {
		k, ok := parseKey(e.key)
		if !ok || k.Kind() != RangeDeletion {
			return badFormat(h.offset, "a range deletion of the table has a bad key")
		}
		if k.Trailer, err = t.globalTrailer(k.Trailer); err != nil {
			return atOffset(err, h.offset)
		}
		if f := t.file; f != nil && (k.Seq() < f.SmallestSeq || k.Seq() > f.LargestSeq) {
			return badFormat(h.offset, "a range deletion has sequence number %d; the MANIFEST has %d to %d for table %s", k.Seq(), f.SmallestSeq, f.LargestSeq, f.Name())
		}
		all.add(k.User, e.value)
		t.addTombstone(k, e.value)
	}
	if e.err != nil {
		return badFormat(h.offset, "the range deletions of the table are damaged: %v", e.err)
	}
	return t.spanned(all)
}

func (t *Table) addTombstone(k InternalKey, end []byte) {
	d := tombstone{
		start: InternalKey{bytes.Clone(k.User), highest},
		end:   InternalKey{bytes.Clone(end), highest},
		seq:   k.Seq(),
	}
	if t.file != nil {
		d.cut(t.file)
	}
	if d.start.Compare(d.end) < 0 {
		t.tombstones = append(t.tombstones, d)
	}
}

// cut narrows the tombstone to the bounds of its file. The largest key of a file may be where a range deletion
// ends, which is outside already; it may have sequence number 0, and is then in no other file; or else it is inside, and
// older records of its user key may be in the next file.
func (d *tombstone) cut(f *TableFile) {
	if f.Smallest.Compare(d.start) > 0 {
		d.start = f.Smallest
	}
	last := f.Largest
	if last.Seq() > 0 && !(last.Kind() == RangeDeletion && last.Seq() == maxSeq) {
		last.Trailer = (last.Seq()-1)<<8 | 0xff
	}
	if last.Compare(d.end) < 0 {
		d.end = last
	}
}

// globalTrailer gives a trailer the sequence number of an ingested table.
func (t *Table) globalTrailer(trailer uint64) (uint64, error) {
	if !t.props.ingested {
		return trailer, nil
	}
	if seq := trailer >> 8; seq != 0 && !(t.foot.pebble && seq == t.global) {
		return 0, badFormat(0, "a record of an ingested table has a sequence number, %d", trailer>>8)
	}
	return t.global<<8 | trailer, nil
}
