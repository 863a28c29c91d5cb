package content

import (
	"encoding/binary"
	"io"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// format is how key groups are written.
type format uint8

const (
	unknownFormat   format = iota
	heapFormat             // HeapSnapshotStrategy
	canonicalFormat        // FullSnapshotAsyncWriter
)

// noOffset is what the writers of canonical savepoints leave for an empty key group.
const noOffset = 0

// keyGroups are the offsets of all handles, of key groups that have any.
func (k *checker) keyGroups(none int64) []point {
	var all []point
	for _, p := range k.parts {
		h := p.Place.Parent.(*metadata.KeyGroupsHandle)
		for i, o := range h.Offsets {
			if o != none {
				all = append(all, point{at: k.start + o, id: h.Range.First + int32(i), part: p})
			}
		}
	}
	return k.points(all, "key group %d")
}

// keyed checks key groups behind a keyed header.
func (k *checker) keyed() {
	compressed, ok := k.keyedHeader()
	if !ok {
		return
	}
	f := unknownFormat
	if k.kind == canonical {
		f = canonicalFormat
	}
	points := k.keyGroups(noOffset)
	for i, p := range points {
		if !k.seek(p, "a key group") {
			continue
		}
		k.c.end = k.until(points, i)
		g := keyGroup{point: p, open: !follows(points, i)}
		if f == unknownFormat {
			f = k.format(g)
		}
		k.keyGroup(f, g, compressed)
	}
	if f == heapFormat {
		k.allBegin()
	}
}

// allBegin holds that each key group has an offset, which heap writes for empty ones, too.
func (k *checker) allBegin() {
	for _, p := range k.parts {
		h := p.Place.Parent.(*metadata.KeyGroupsHandle)
		if i := slices.Index(h.Offsets, noOffset); i >= 0 {
			k.problem(p, k.start, "key group %d has no offset", h.Range.First+int32(i))
		}
	}
}

// keyGroup is where a key group begins.
type keyGroup struct {
	point
	// open tells that other key groups may follow which no handle knows: restoring a
	// changelog at another parallelism narrows handles, and the file stays as it is.
	open bool
}

// follows tells whether the next point is where the i-th key group ends.
func follows(points []point, i int) bool {
	return i+1 < len(points) && (points[i+1].part == points[i].part || points[i+1].id == points[i].id+1)
}

func (k *checker) keyGroup(f format, g keyGroup, compressed bool) {
	switch {
	case f == heapFormat:
		k.heapGroup(g, compressed)
	case f == canonicalFormat && compressed:
		k.compressedEntries(g)
	case f == canonicalFormat:
		k.entries(&body{cursor: k.c}, g)
	}
}

// format tells by a key group's first bytes how all are written: until Flink 1.15,
// RocksDB wrote full checkpoints under the tags of heap. Key group 0 can look either
// way, and where it is not all at hand, the next one is left to tell.
func (k *checker) format(g keyGroup) format {
	window := k.c.peek(fileBuffer)
	if len(window) < 4 {
		return heapFormat
	}
	if string(window[:4]) == identifier[:4] {
		return canonicalFormat
	}
	group := int32(binary.BigEndian.Uint32(window))
	complete := int64(len(window)) == k.c.left()
	switch tiles := k.tiles(g, window); {
	case group == g.id && (group != 0 || !tiles):
		return heapFormat
	case tiles && (complete || group != g.id):
		return canonicalFormat
	case !tiles:
		return heapFormat
	}
	return unknownFormat
}

// tiles tells whether what is at hand of a key group reads as canonical entries.
func (k *checker) tiles(g keyGroup, window []byte) bool {
	try := &checker{stretch: k.stretch, report: func(Problem) {}}
	try.c = &cursor{src: noMore{}, buf: window, w: len(window), at: k.c.at, end: k.c.end}
	try.entries(&body{cursor: try.c}, g)
	return try.told == 0
}

// noMore is a stream that is not at hand any further.
type noMore struct{}

func (noMore) Read([]byte) (int, error) { return 0, io.EOF }

// heapGroup is i32 key group, then of each state i16 number, i32 count, entries; with
// compression, each state is a framed stream of its own.
func (k *checker) heapGroup(g keyGroup, compressed bool) {
	id := k.c.i32()
	switch {
	case k.c.short:
		k.ends(g.part, "the number of a key group")
	case id != g.id:
		k.problem(g.part, g.at, "key group %d begins here, not %d", id, g.id)
	case compressed:
		k.heapFrames(g)
	default:
		k.heapStates(g)
	}
}

// heapStates follows states without entries, up to the first that has some.
func (k *checker) heapStates(g keyGroup) {
	for k.c.left() > 0 && !k.next(g) {
		at := k.c.at
		id, n := int16(k.c.u16()), k.c.i32()
		switch {
		case k.c.short:
			k.ends(g.part, "a state of a key group")
			return
		case id < 0 || n < 0 || int64(n) > k.c.left():
			k.problem(g.part, at, "%d entries of state %d within %d bytes", n, id, k.c.left())
			return
		case n > 0:
			return
		}
	}
}

// next tells that behind an open key group the next one can begin here.
func (k *checker) next(g keyGroup) bool {
	b := k.c.peek(4)
	return g.open && len(b) == 4 && int32(binary.BigEndian.Uint32(b)) == g.id+1
}

// heapFrames checks the chunks of a key group, and what each of its streams begins with.
func (k *checker) heapFrames(g keyGroup) {
	f := k.frames(g.part)
	begins := false
	for f.err == nil && !k.next(g) {
		data := f.next()
		if begins && len(data) >= 6 && (int16(binary.BigEndian.Uint16(data)) < 0 || int32(binary.BigEndian.Uint32(data[2:])) < 0) {
			k.problem(g.part, f.at, "no state of key group %d begins with % x", g.id, data[:6])
			return
		}
		begins = f.begun
	}
}
