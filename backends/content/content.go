// Package content says whether the bytes that a handle refers to can be what Flink
// wrote there. It reads files of state once, from front to back, without decoding a
// value, and stays silent where a writer may do as it likes.
//
// # What is looked at
//
// Numbers are big-endian but in databases; an offset is one that `_metadata` tells.
//
//	any keyed or operator header   version, compression flag, begin of the first entry
//	                (KeyedBackendSerializationProxy, OperatorBackendSerializationProxy);
//	                that the header of operator state names the states of its handle
//	heap            at each offset i32 key group; behind it i16 state, i32 count, of
//	                which the counts of empty states lead on to the next state
//	  compressed    behind the key group, a framed stream per state
//	canonical, and what RocksDB wrote as full checkpoint until Flink 1.15
//	                at each offset i16 state, then i32 length, key, i32 length, value,
//	                which must tile the key group, its number before each key
//	  compressed    one framed stream per key group, of the same
//	operator state  offsets within the stream; i32 count of broadcast state
//	  compressed    one framed stream, offsets between its chunks
//	raw state       offsets within the stream; heap timers' marker at each or at none
//	channel state   i32 version, then i32 length and buffer, which must tile the
//	                file; offsets between them
//	changelog       u8 compression, then change sets, which must tile the body
//	                (StateChangeFormat); offsets between them
//	CURRENT         names a MANIFEST of the same handle
//	MANIFEST        records of the log format, each with its CRC-32C
//	OPTIONS         text
//	*.sst           footer: magic, version, handles within the file
//
// A framed stream is of Snappy's framing format, as Flink's
// SnappyStreamCompressionDecorator has it: each chunk is decompressed, and its CRC-32C
// compared, which Flink itself does not do.
//
// State of coordinators and files of other names are read through, no more. So is what
// follows a version that is not known, which a note tells of. Nothing is seen of damage
// within a value, the snapshot of a serializer, or the block of an SST, as long as no
// checksum of those above covers it; nor of an element of uncompressed list state that
// begins at another place than the handle says.
//
// # How
//
// What handles say of one stretch of a file is gathered beforehand and sorted by
// offset, so that one pass meets all of it. Buffers are of fixed size whatever a file
// claims. After a break the pass goes on at the next offset that a handle knows, or at the next stretch.
package content

import (
	"fmt"
	"io"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Part is what one handle refers to in a file.
type Part struct {
	Place  metadata.Place // as Walk gives it
	Handle metadata.StreamHandle
	Start  int64 // bytes from the beginning of the file
	Size   int64 // bytes; -1: to the end of the file
}

// NewPart is the part that h, met at p by metadata's Walk, stands for: a segment's own
// stretch, else the whole file.
func NewPart(p metadata.Place, h metadata.StreamHandle) Part {
	if s, ok := h.(*metadata.SegmentHandle); ok {
		return Part{Place: p, Handle: h, Start: s.Start, Size: s.Size}
	}
	return Part{Place: p, Handle: h, Size: -1}
}

// Severity is how bad a Problem is.
type Severity uint8

// The severities.
const (
	Broken  Severity = iota // Flink did not write this, or cannot read it
	Unknown                 // something not known, so that what follows was only read
)

// String is a word for the severity.
func (s Severity) String() string {
	if s == Unknown {
		return "unknown"
	}
	return "broken"
}

// Problem is one thing that was found.
type Problem struct {
	Part     *Part // one of those given to Check; nil where no handle refers to the place
	Offset   int64 // bytes from the beginning of the file, of what cannot be
	Message  string
	Severity Severity
}

// mostProblems is how many problems of one stretch of a file are told: with offsets
// that are all off by one, the first few say it.
const mostProblems = 8

// Check reads the file of size bytes from src to its end and reports what is wrong with
// the parts. Several parts may be of one stretch of the file, as those of channel state
// are; stretches that overlap otherwise are a problem. A file that ends before size is
// a problem, too; one that goes on is read on. The error is src's, io.EOF excepted.
func Check(parts []Part, size int64, src io.Reader, report func(Problem)) error {
	b := pool.Get().(*buffers)
	defer pool.Put(b)
	c := &cursor{src: src, buf: b.file[:], end: forever}
	cut := false
	for _, s := range stretches(parts, size, report) {
		if s.start < c.at {
			report(Problem{Part: s.parts[0], Offset: s.start, Message: "it begins within another stream of the file"})
			continue
		}
		k := &checker{stretch: s, c: c, buffers: b, report: report}
		k.run()
		cut = k.fileEnds(size) || cut
	}
	c.skipTo(forever)
	if c.err != io.EOF {
		return c.err
	}
	if c.at < size && !cut {
		report(Problem{Offset: c.at, Message: fmt.Sprintf("the file ends here, not at %d", size)})
	}
	return nil
}

// stretch is a part of a file, and all the handles that refer to just that.
type stretch struct {
	kind       kind
	start, end int64
	parts      []*Part
}

// stretches gathers the parts by stretch, sorted by their beginning. Those of which
// nothing is known are left out.
func stretches(parts []Part, size int64, report func(Problem)) []*stretch {
	var out []*stretch
	for i := range parts {
		p := &parts[i]
		s := stretch{kind: kindOf(p.Place), start: p.Start, end: size, parts: []*Part{p}}
		if p.Size >= 0 {
			s.end = p.Start + p.Size
		}
		switch {
		case p.Start < 0 || p.Size < -1 || p.Start > s.end || s.end > size:
			report(Problem{Part: p, Offset: max(p.Start, 0), Message: fmt.Sprintf("the stream does not lie within the %d bytes of the file", size)})
		case s.kind != opaque:
			out = append(out, &s)
		}
	}
	slices.SortStableFunc(out, func(a, b *stretch) int { return a.compare(b) })
	return merge(out)
}

// merge makes one of the stretches that are the same.
func merge(sorted []*stretch) []*stretch {
	var out []*stretch
	for _, s := range sorted {
		if n := len(out); n > 0 && out[n-1].compare(s) == 0 {
			out[n-1].parts = append(out[n-1].parts, s.parts...)
			continue
		}
		out = append(out, s)
	}
	return out
}
